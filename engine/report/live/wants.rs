//! What a gate waits for, in a few words.

use crate::machine::Terms;
use crate::report::paint::Paint;
use crate::report::phrase;

/// The comparisons, the longer of two that begin alike first, and how each is told.
const COMPARISONS: [(&str, &str); 6] =
    [(">=", "≥ "), ("<=", "≤ "), ("==", ""), ("!=", "≠ "), (">", "> "), ("<", "< ")];

/// Returns `, wants ≥ 10` for a gate that compares one thing with another, whose name is told as its value: what stands on the
/// left is what was seen. Of any other gate it is the whole condition.
pub(super) fn wants(terms: &Terms, paint: Paint) -> String {
    let pass = phrase::flat(&terms.pass);
    if pass.is_empty() {
        return String::new();
    }
    let told = compared(&pass).map(|(sign, right)| {
        let named = terms.names.iter().find(|(name, _)| name == right);
        format!("{sign}{}", named.map_or_else(|| right.to_owned(), |(_, value)| value.display()))
    });
    paint.clean(&format!(", wants {}", told.unwrap_or(pass)))
}

/// Returns the sign and the right side of a condition that is one comparison and nothing else.
fn compared(pass: &str) -> Option<(&'static str, &str)> {
    let (mut quote, mut depth, mut found) = (None, 0_i32, None);
    let mut at = 0;
    while let Some(c) = pass[at..].chars().next() {
        let rest = &pass[at..];
        let mut step = c.len_utf8();
        match (quote, c) {
            (Some(open), c) => quote = (open != c).then_some(open),
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ' ')
                if [" and ", " or ", " if ", " in ", " is "].iter().any(|word| rest.starts_with(word)) =>
            {
                return None;
            }
            (None, _) if depth == 0 => {
                if let Some((sign, word)) = COMPARISONS.iter().find(|(sign, _)| rest.starts_with(sign)) {
                    step = sign.len();
                    if found.replace((*word, at + step)).is_some() {
                        return None;
                    }
                }
            }
            _ => {}
        }
        at += step;
    }
    let (sign, from) = found.filter(|_| !pass.starts_with("not "))?;
    Some((sign, pass[from..].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Piece, Rendered};
    use crate::report::fixture::UTF8;

    fn told(pass: &str) -> String {
        let floor = Rendered { pieces: vec![Piece::Plain("10".to_owned())] };
        let terms =
            Terms { pass: pass.to_owned(), names: vec![("floor".to_owned(), floor)], ..Terms::default() };
        wants(&terms, UTF8)
    }

    #[test]
    fn one_comparison_is_told_by_its_right_side() {
        for (pass, expected) in [
            ("json.status.ready >= floor", ", wants ≥ 10"),
            ("stdout | int >= 3", ", wants ≥ 3"),
            ("stdout | trim == 'a > b'", ", wants 'a > b'"),
            ("json.count < (floor + 1)", ", wants < (floor + 1)"),
        ] {
            assert_eq!(told(pass), expected, "{pass}");
        }
        for whole in ["a >= 1 and b >= 2", "exit_code", "not a == b", "1 < a < 3", "'x' in lines", "(a == b)"]
        {
            assert_eq!(told(whole), format!(", wants {whole}"));
        }
        assert_eq!(told(""), "");
    }
}
