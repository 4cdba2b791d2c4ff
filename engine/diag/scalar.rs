//! From an offset in decoded YAML text back to its byte in the file.
//!
//! YAML folds lines, strips indentation and resolves escapes before anybody sees the text, so a mistake found in the
//! decoded text stands elsewhere in the file. The raw and the decoded text are walked side by side, which needs no
//! second YAML parser: only what may make them differ is known here.

use std::ops::Range;

use crate::model::{Place, Text};

/// Returns where `range` of the decoded `text` stands in `file`, the whole file it was read from.
pub(super) fn within(file: &str, text: &Text, range: Range<usize>) -> Place {
    let place = text.at;
    let start = (place.start as usize).min(file.len());
    let end = (place.end as usize).clamp(start, file.len());
    if !file.is_char_boundary(start) || !file.is_char_boundary(end) || place == Place::default() {
        return place;
    }
    // `for_each` and others are kept as `{{ … }}` around what was written.
    let raw = &file[start..end];
    let (decoded, shift) = match text.src.strip_prefix("{{ ") {
        Some(inner) if !raw.trim_start_matches(['"', '\'']).starts_with("{{") => (inner, 3),
        _ => (text.src.as_str(), 0),
    };
    let from = offset(file, start, end, decoded, range.start.saturating_sub(shift));
    let to = offset(file, start, end, decoded, range.end.saturating_sub(shift)).max(from);
    // A mistake of no width still needs a mark.
    let to = if to == from { (from + 1).min(end.max(from)) } else { to };
    Place { file: place.file, start: from as u32, end: to as u32 }
}

/// Returns the byte in `file` of the decoded byte `wanted`.
fn offset(file: &str, start: usize, end: usize, decoded: &str, wanted: usize) -> usize {
    let raw = &file[start..end];
    if raw.starts_with(decoded) {
        return start + wanted.min(raw.len());
    }
    let style = Style::of(file, start);
    let indent = match style {
        Style::Block => start - file[..start].rfind('\n').map_or(0, |at| at + 1),
        _ => usize::MAX,
    };
    let mut raw_at = usize::from(matches!(style, Style::Double | Style::Single));
    // A block's place begins at its first text, after the empty lines that its decoded text begins with.
    let lead = match style {
        Style::Block => decoded.len() - decoded.trim_start_matches('\n').len(),
        _ => 0,
    };
    let (decoded, wanted) = (&decoded[lead..], wanted.saturating_sub(lead));
    let mut decoded_at = 0;
    for wanted_char in decoded.chars() {
        if decoded_at >= wanted {
            break;
        }
        // The width of an escape is taken on trust: one that is cut short may end inside a character.
        raw_at =
            raw.floor_char_boundary(raw_at + step(&raw[raw_at.min(raw.len())..], wanted_char, style, indent));
        decoded_at += wanted_char.len_utf8();
        // What a line break left behind is skipped before the position of the next character is told.
        let left = skipped(&raw[raw_at.min(raw.len())..], wanted_char, &decoded[decoded_at..], style, indent);
        raw_at = raw.floor_char_boundary(raw_at + left);
    }
    let at = start + raw_at.min(raw.len());
    let mut at = at.min(file.len());
    while !file.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Plain,
    Single,
    Double,
    Block,
}

impl Style {
    fn of(file: &str, start: usize) -> Style {
        let line = file[..start].rfind('\n').map_or(0, |at| at + 1);
        let before = &file[..line.saturating_sub(1).min(start)];
        let header = before.trim_end().rsplit('\n').next().unwrap_or("");
        if line > 0 && file[line..start].bytes().all(|byte| byte == b' ') && is_block_header(header) {
            return Style::Block;
        }
        match file.as_bytes().get(start) {
            Some(b'"') => Style::Double,
            Some(b'\'') => Style::Single,
            _ => Style::Plain,
        }
    }
}

/// Says whether a line ends with `|` or `>`, its indicators and perhaps a comment.
fn is_block_header(line: &str) -> bool {
    let line = line.split(" #").next().unwrap_or(line).trim_end();
    let line = line.trim_end_matches(|c: char| c.is_ascii_digit() || c == '+' || c == '-');
    let before = line.strip_suffix(['|', '>']);
    before.is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t']))
}

/// Returns how many raw bytes stand for one decoded character.
fn step(raw: &str, wanted: char, style: Style, indent: usize) -> usize {
    let Some(first) = raw.chars().next() else { return 0 };
    if style == Style::Double && first == '\\' {
        return escape(raw);
    }
    if style == Style::Single && first == '\'' {
        return raw.len().min(2);
    }
    if first == wanted && wanted != '\n' {
        return first.len_utf8();
    }
    match (wanted, first) {
        ('\n' | ' ', '\n') => 1 + indentation(&raw[1..], indent),
        ('\n' | ' ', '\r') if raw.starts_with("\r\n") => 2 + indentation(&raw[2..], indent),
        _ => first.len_utf8(),
    }
}

/// Returns how many raw bytes after a decoded character stand for nothing: further line breaks of a fold, the
/// blanks before it, and an escaped line break.
fn skipped(raw: &str, last: char, rest: &str, style: Style, indent: usize) -> usize {
    let next = rest.chars().next();
    let mut at = 0;
    loop {
        let left = &raw[at..];
        if style == Style::Double && (left.starts_with("\\\n") || left.starts_with("\\\r\n")) {
            at += escape(left);
            continue;
        }
        let line_break = left.starts_with('\n') || left.starts_with("\r\n");
        let after_break = matches!(last, '\n' | ' ');
        if line_break && after_break && !matches!(next, Some('\n' | ' ')) && next.is_some() {
            let width = if left.starts_with('\r') { 2 } else { 1 };
            at += width + indentation(&left[width..], indent);
            continue;
        }
        return at;
    }
}

/// Returns the blanks at the begin of a line that belong to the indentation.
fn indentation(line: &str, most: usize) -> usize {
    line.bytes().take(most).take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// Returns the length of the escape at the begin of double-quoted text.
fn escape(raw: &str) -> usize {
    let mut chars = raw.chars().skip(1);
    match chars.next() {
        Some('x') => raw.len().min(4),
        Some('u') => raw.len().min(6),
        Some('U') => raw.len().min(10),
        Some('\r') if raw.starts_with("\\\r\n") => 3 + indentation(&raw[3..], usize::MAX),
        Some('\n') => 2 + indentation(&raw[2..], usize::MAX),
        Some(other) => 1 + other.len_utf8(),
        None => raw.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds `needle` in the decoded text and returns what stands in the file where it is said to be.
    fn found<'a>(file: &'a str, raw: &str, decoded: &str, needle: &str) -> &'a str {
        let start = file.find(raw).expect("the raw text is in the file");
        let at = Place::new(0, start as u32, (start + raw.len()) as u32);
        let from = decoded.find(needle).expect("the needle is in the text");
        let place = within(file, &Text { src: decoded.to_owned(), at }, from..from + needle.len());
        &file[place.start as usize..place.end as usize]
    }

    #[test]
    fn plain_and_quoted() {
        assert_eq!(found("a: x {{ bad }} y", "x {{ bad }} y", "x {{ bad }} y", "bad"), "bad");
        let double = r#"a: "t\u00fc\n\"{{ bad }}\"""#;
        assert_eq!(found(double, &double[3..], "tü\n\"{{ bad }}\"", "bad"), "bad");
        let single = "a: 'it''s {{ bad }}'";
        assert_eq!(found(single, &single[3..], "it's {{ bad }}", "bad"), "bad");
    }

    #[test]
    fn literal_blocks() {
        let file = "a:\n  shell: |  # why\n    one\n      two {{ bad }}\n\n    three {{ worse }}\n";
        let raw = "one\n      two {{ bad }}\n\n    three {{ worse }}\n";
        let decoded = "one\n  two {{ bad }}\n\nthree {{ worse }}\n";
        assert_eq!(found(file, raw, decoded, "bad"), "bad");
        assert_eq!(found(file, raw, decoded, "worse"), "worse");
        assert_eq!(found(file, raw, decoded, "three"), "three");
        let crlf = file.replace('\n', "\r\n");
        assert_eq!(found(&crlf, &raw.replace('\n', "\r\n"), decoded, "worse"), "worse");
        let late = "a: |-\n\n\n  x {{ bad }}\n  y {{ worse }}\n";
        assert_eq!(found(late, &late[10..], "\n\nx {{ bad }}\ny {{ worse }}", "worse"), "worse");
    }

    #[test]
    fn folded_text() {
        let file = "a: >\n  one\n  two {{ bad }}\n\n  three {{ worse }}\n";
        let decoded = "one two {{ bad }}\nthree {{ worse }}\n";
        assert_eq!(found(file, &file[7..], decoded, "bad"), "bad");
        assert_eq!(found(file, &file[7..], decoded, "worse"), "worse");
        let plain = "a: one\n   two {{ bad }}";
        assert_eq!(found(plain, &plain[3..], "one two {{ bad }}", "bad"), "bad");
    }

    #[test]
    fn an_escape_that_is_cut_short_is_no_panic() {
        let file = "\"\\u123\u{fc}x\"";
        let text = Text { src: "abc".to_owned(), at: Place::new(0, 0, file.len() as u32) };
        let place = within(file, &text, 2..3);
        assert!(file.is_char_boundary(place.start as usize) && file.is_char_boundary(place.end as usize));
    }

    #[test]
    fn an_expression_kept_in_braces_maps_to_what_was_written() {
        assert_eq!(found("a: items.bad", "items.bad", "{{ items.bad }}", "bad"), "bad");
        assert_eq!(found("a: 'items.bad'", "'items.bad'", "{{ items.bad }}", "bad"), "bad");
    }

    proptest::proptest! {
        #[test]
        fn never_panics(file in "[ -~\n\r\tü'\"\\\\|>]{0,60}", src in ".{0,40}", a in 0..70u32, b in 0..70u32, c in 0..50usize) {
            let place = within(&file, &Text { src, at: Place::new(0, a, b) }, c..c + 3);
            proptest::prop_assert!(place.start <= place.end || place.start == a);
        }
    }
}
