//! YAML as a person would write it: plain where that is safe, blocks for several lines, comments between. The libraries at
//! hand write no comments and no folded commands, and a draft without either is one that nobody edits.

use serde_json::Value;

/// Lines of YAML.
#[derive(Default)]
pub(super) struct Written {
    text: String,
}

impl Written {
    /// Returns the text.
    pub(super) fn done(self) -> String {
        self.text
    }

    /// Returns how many lines there are.
    pub(super) fn lines(&self) -> usize {
        self.text.matches('\n').count()
    }

    /// Adds a comment.
    pub(super) fn comment(&mut self, indent: usize, text: &str) {
        for line in text.split('\n') {
            let line: String = line.chars().filter(|c| !c.is_control()).collect();
            self.line(indent, format!("# {line}").trim_end());
        }
    }

    /// Adds an empty line.
    pub(super) fn gap(&mut self) {
        self.text.push('\n');
    }

    /// Adds a line as it is.
    pub(super) fn line(&mut self, indent: usize, line: &str) {
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Adds a key with a text, as a block where it has several lines.
    pub(super) fn text(&mut self, indent: usize, key: &str, text: &str) {
        self.begun(indent, &format!("{key}: "), text);
    }

    /// Adds an entry of a list.
    pub(super) fn entry(&mut self, indent: usize, text: &str) {
        self.begun(indent, "- ", text);
    }

    fn begun(&mut self, indent: usize, begin: &str, text: &str) {
        if !text.contains('\n') || !is_block(text) {
            self.line(indent, &format!("{begin}{}", scalar(text)));
            return;
        }
        let body = text.strip_suffix('\n');
        let keep = if body.is_some() { "" } else { "-" };
        let body = body.unwrap_or(text);
        // Where the first line is indented itself, only a number says what is of the block.
        let number = if body.trim_start_matches('\n').starts_with(' ') { "2" } else { "" };
        self.line(indent, &format!("{begin}|{number}{keep}"));
        for line in body.split('\n') {
            self.line(if line.is_empty() { 0 } else { indent + 2 }, line);
        }
    }

    /// Adds a key with a text that stands on one line, folded where it was written on several.
    pub(super) fn folded(&mut self, indent: usize, key: &str, parts: &[String]) {
        let whole = parts.join(" ");
        let plain = parts.iter().all(|part| {
            is_block(part) && !part.contains('\n') && !part.starts_with([' ', '\t']) && !part.is_empty()
        });
        if parts.len() < 2 || !plain {
            self.line(indent, &format!("{key}: {}", scalar(&whole)));
            return;
        }
        self.line(indent, &format!("{key}: >-"));
        parts.iter().for_each(|part| self.line(indent + 2, part));
    }

    /// Adds a key with a value.
    pub(super) fn value(&mut self, indent: usize, key: &str, value: &Value) {
        match value {
            Value::Object(map) if map.is_empty() => self.line(indent, &format!("{key}: {{}}")),
            Value::Object(map) if map.values().any(Value::is_object) => {
                self.line(indent, &format!("{key}:"));
                map.iter().for_each(|(key, value)| self.value(indent + 2, &scalar(key), value));
            }
            Value::Array(items) => {
                self.line(indent, &format!("{key}:"));
                items.iter().for_each(|item| self.line(indent + 2, &format!("- {}", flow(item))));
            }
            other => self.line(indent, &format!("{key}: {}", flow(other))),
        }
    }
}

/// Returns a value on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| format!("{}: {}", inner(key), flow(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::String(text) => inner(text),
        other => other.to_string(),
    }
}

/// Returns a text as it stands between the commas of a list or map.
pub(super) fn inner(text: &str) -> String {
    if text.contains([',', '{', '}', '[', ']']) { quoted(text) } else { scalar(text) }
}

/// Returns a text on one line.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    if text.chars().all(is_printed)
        && !text.contains('\n')
        && (text.contains(['"', '\\']) || !text.contains('\''))
    {
        if text.contains(['"', '\\']) {
            return format!("'{}'", text.replace('\'', "''"));
        }
        return format!("\"{text}\"");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_printed(c) => out.push(c),
            c if (c as u32) <= 0xff => out.push_str(&format!("\\x{:02x}", c as u32)),
            c if (c as u32) <= 0xffff => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push_str(&format!("\\U{:08x}", c as u32)),
        }
    }
    out.push('"');
    out
}

/// Whether a letter may stand in a block or between quotes as it is.
fn is_printed(c: char) -> bool {
    c == '\t'
        || !(c.is_control()
            || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
}

fn is_block(text: &str) -> bool {
    // Tabs before a line could be taken for its indentation.
    text.chars().all(|c| c == '\n' || is_printed(c))
        && !text.starts_with('\n')
        && !text.ends_with("\n\n")
        && !text.trim().is_empty()
        && text.lines().all(|line| {
            !line.trim_start_matches(' ').starts_with('\t') && (line.trim().is_empty() == line.is_empty())
        })
}

/// Whether a text is read again as itself without quotes. It errs towards quotes.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let word = text.to_lowercase();
    let special = matches!(
        word.as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n" | "none" | "nan" | ".inf"
    );
    let number =
        first.is_ascii_digit() && text.chars().all(|c| c.is_ascii_hexdigit() || "._xo:-+TZ ".contains(c));
    (first.is_alphanumeric() || matches!(first, '/' | '_' | '.') && text.len() > 1 && !first.is_ascii_digit())
        && !special
        && !number
        && !(first == '.' && text.chars().skip(1).all(|c| c.is_ascii_digit()))
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
        && !text.starts_with("---")
        && text.chars().all(|c| is_printed(c) && c != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_read_again_as_itself() {
        let texts = [
            "",
            " ",
            "a",
            "a: b",
            "a #b",
            "- a",
            "true",
            "1",
            "1.5",
            "0x1f",
            "2024-01-01",
            "a\nb",
            "a\nb\n",
            "a\n\nb\n\n",
            " a\nb",
            "\na",
            "a\n b\n",
            "\ta\n\tb",
            "it's",
            "say \"x\"",
            "a\\b",
            "{{ x }}",
            "[a]",
            "# a",
            "a\n# b\n",
            "\u{7}",
            "a\r\nb",
            "%x",
            "@x",
            "`x`",
            "é ü…",
            "\u{2028}",
            "a\u{85}b\nc",
            "|",
            ">",
            "a\n   \nb",
            "-",
            "?",
            "a:",
            "~",
            "null",
            "!x",
            "&x",
            "*x",
            ".5",
            "1e3",
            "x\n---\ny",
            "...",
            "\u{feff}x",
        ];
        for text in texts {
            let mut written = Written::default();
            written.text(2, "key", text);
            written.line(2, "list:");
            written.entry(4, text);
            written.value(2, "map", &serde_json::json!({"k": [text, {"x": text}]}));
            written.folded(2, "fold", &[text.to_owned(), text.to_owned()]);
            let yaml = format!("- \n{}", written.done());
            let read: serde_json::Value =
                serde_saphyr::from_str(&yaml).unwrap_or_else(|error| panic!("{yaml}\n{error}"));
            let read = &read[0];
            assert_eq!(read["key"], text, "{yaml}");
            assert_eq!(read["list"][0], text, "{yaml}");
            assert_eq!(read["map"]["k"], serde_json::json!([text, {"x": text}]), "{yaml}");
            assert_eq!(read["fold"], format!("{text} {text}"), "{yaml}");
        }
    }
}
