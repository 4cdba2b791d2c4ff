//! A line as it stands in a shell while somebody types it: its words, and how a word is written so that the shell reads it.
//!
//! Lenient where the splitter of commands is strict: a quote that is still open is no mistake here.

/// What was typed up to the cursor.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The words as the shell will read them; the last is the one at the cursor, and may be empty.
    pub(super) words: Vec<String>,
    /// The last one as it was typed.
    pub(super) raw: String,
    /// The quote that is open at the cursor.
    pub(super) quote: Option<char>,
}

/// Returns the words of a line that may not be at its end.
pub(super) fn split(text: &str) -> Line {
    let mut line = Line { words: vec![String::new()], ..Line::default() };
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if line.quote.is_none() && c.is_whitespace() {
            if !line.raw.is_empty() {
                line.words.push(String::new());
                line.raw.clear();
            }
            continue;
        }
        line.raw.push(c);
        let escaped = |next: char| line.quote.is_none() || matches!(next, '"' | '\\' | '$' | '`');
        match (c, line.quote) {
            ('\\', None | Some('"')) => {
                // One that is the last there is so far stands before what is not typed yet.
                if let Some(next) = chars.next() {
                    line.raw.push(next);
                    if !escaped(next) {
                        push(&mut line.words, '\\');
                    }
                    push(&mut line.words, next);
                }
            }
            (c, Some(open)) if c == open => line.quote = None,
            ('\'' | '"', None) => line.quote = Some(c),
            (c, _) => push(&mut line.words, c),
        }
    }
    line
}

fn push(words: &mut [String], c: char) {
    if let Some(word) = words.last_mut() {
        word.push(c);
    }
}

/// Returns what takes the place of the end of a word, so that the shell reads `value`; `replaced` is that end, as it was
/// typed. Nothing when the shell could not be made to read it.
///
/// Bash breaks words at `=` and `:`, too, so what it replaces is less than what was typed of the word.
pub(super) fn written(value: &str, line: &Line, replaced: &str) -> Option<String> {
    let kept = split(line.raw.strip_suffix(replaced)?);
    let rest = value.strip_prefix(kept.words.last().map_or("", String::as_str))?;
    // At the beginning of a word the shell reads the home folder in it, and not where it is quoted.
    let (home, rest) = match (line.raw.starts_with("~/") && kept.raw.is_empty(), rest.strip_prefix("~/")) {
        (true, Some(below)) => ("~/", below),
        _ => ("", rest),
    };
    match line.quote {
        Some('\'') => (!rest.contains('\'')).then(|| rest.to_owned()),
        Some(_) => Some(rest.chars().fold(String::new(), |mut out, c| {
            if matches!(c, '"' | '\\' | '$' | '`') {
                out.push('\\');
            }
            out.push(c);
            out
        })),
        None => Some(rest.chars().fold(home.to_owned(), |mut out, c| {
            if !c.is_alphanumeric() && !"_-./:=@%+,".contains(c) {
                out.push('\\');
            }
            out.push(c);
            out
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_far_as_it_is_typed() {
        let words = |text: &str| split(text).words.join("|");
        assert_eq!(words("runbook exec "), "runbook|exec|");
        assert_eq!(words("runbook  exec up --var env=st"), "runbook|exec|up|--var|env=st");
        assert_eq!(words(r#"runbook logs r7 'scale[a b"#), "runbook|logs|r7|scale[a b");
        assert_eq!(words(r#"x "a\"b\c" d\ e\"#), r#"x|a"b\c|d e"#);
        assert_eq!(words("x ''y"), "x|y");
        assert_eq!((split("x 'a").quote, split("x 'a'").quote), (Some('\''), None));
        assert_eq!(words(""), "");
    }

    #[test]
    fn what_is_put_in_is_read_as_the_value() {
        // What was typed, what bash replaces of it, the value, and what is put in.
        for (text, replaced, value, wanted) in [
            ("x r7", "r7", "r7k2", Some("r7k2")),
            ("x --var env=st", "st", "env=staging", Some("staging")),
            ("x --var env=", "", "env=a b", Some(r"a\ b")),
            (r"x floors\[a", r"floors\[a", "floors[api]", Some(r"floors\[api\]")),
            ("x 'floors[a", "floors[a", "floors[api]", Some("floors[api]")),
            ("x 'it", "it", "it's", None),
            (r#"x "a"#, "a", r#"a$"b"#, Some(r#"a\$\"b"#)),
            ("x at:1", "1", "at:12:30", Some("12:30")),
            ("x other=", "", "env=a", None),
            ("x ~/pro", "~/pro", "~/pro ject/", Some(r"~/pro\ ject/")),
            (r"x \~/pro", r"\~/pro", "~/project/", Some(r"\~/project/")),
            ("x '~/pro", "~/pro", "~/project/", Some("~/project/")),
            ("x ", "", "~/project/", Some(r"\~/project/")),
        ] {
            let line = split(text);
            let put = written(value, &line, replaced);
            assert_eq!(put.as_deref(), wanted, "{text}");
            if let Some(put) = put {
                let whole = split(&format!("{}{put}", text.strip_suffix(replaced).expect("it is the end")));
                assert_eq!(whole.words.last().map(String::as_str), Some(value));
            }
        }
    }
}
