//! Commands and their answers as the text of a tape: what is recorded, and what is to be added.

use std::time::Duration;

use crate::machine::Prepared;
use crate::model::{Played, Rendered, format_duration};

/// Returns a command as a tape names it: secrets as `•••`.
pub(super) fn played(command: &Prepared) -> Played {
    let words: Vec<String> = command.argv.iter().map(Rendered::display).collect();
    match &words[..] {
        // As `machine/judge.rs` prepares a script.
        [sh, e, c, script] if sh == "sh" && e == "-e" && c == "-c" => {
            Played::Shell(script.trim_end().to_owned())
        }
        _ => Played::Run(words),
    }
}

/// Returns the entry to add for a command that the tape does not know, ready to be pasted under `answers`. On one line: it
/// stands in messages, and of what is cut or wrapped there it is still whole.
pub(super) fn entry(command: &Played, stdin: Option<&str>) -> String {
    let named = match command {
        Played::Run(_) => named(command),
        Played::Shell(script) => format!("shell: {}", quoted(script)),
    };
    let stdin = stdin.map(|stdin| format!(", stdin: {}", quoted(stdin))).unwrap_or_default();
    format!("- {{{named}{stdin}, stdout: \"\"}}")
}

/// What a command answered, to be recorded.
pub(super) struct Recorded<'a> {
    pub command: &'a Played,
    pub stdin: Option<&'a str>,
    /// Which step, and which of its commands.
    pub of: &'a str,
    pub stdout: &'a str,
    pub stderr: &'a str,
    pub exit: i32,
    pub took: Duration,
    /// What a tape can't say of it.
    pub remark: Option<&'a str>,
}

/// Returns an answer as it stands under `answers`, with its line end.
pub(super) fn recorded(answer: &Recorded<'_>) -> String {
    let mut text = format!("  # {}\n", answer.of.replace(['\n', '\r'], " "));
    if let Some(remark) = answer.remark {
        text.push_str(&format!("  # {}\n", remark.replace(['\n', '\r'], " ")));
    }
    text.push_str(&format!("  - {}\n", indented(&named(answer.command), 2)));
    for (key, said) in
        [("stdin", answer.stdin.unwrap_or_default()), ("stdout", answer.stdout), ("stderr", answer.stderr)]
    {
        if !said.is_empty() || key == "stdin" && answer.stdin.is_some() {
            text.push_str(&format!("    {key}: {}\n", scalar(said, 6)));
        }
    }
    if answer.exit != 0 {
        text.push_str(&format!("    exit: {}\n", answer.exit));
    }
    // A unit for each part, as a duration is read.
    if !answer.took.is_zero() {
        let took = Duration::from_millis(answer.took.as_millis() as u64);
        let exact = crate::model::parse_duration(&format_duration(took)) == Ok(took);
        let took = if exact { format_duration(took) } else { format!("{}ms", took.as_millis()) };
        text.push_str(&format!("    took: {took}\n"));
    }
    text
}

fn indented(text: &str, by: usize) -> String {
    text.replace('\n', &format!("\n{:by$}", ""))
}

/// Returns `run: […]` or `shell: …`, without its line end; lines of a block are indented by two.
fn named(command: &Played) -> String {
    match command {
        Played::Run(words) => {
            let words: Vec<String> = words.iter().map(|word| flow(word)).collect();
            format!("run: [{}]", words.join(", "))
        }
        Played::Shell(script) => format!("shell: {}", scalar(script, 4)),
    }
}

/// Returns a word of a list as YAML: bare where nothing in it could mean anything else.
fn flow(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '+' | '-');
    let bare = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && word.chars().all(|c| plain(c) || c == '=')
        && !matches!(
            word.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if bare { word.to_owned() } else { quoted(word) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                quoted.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns a text as a YAML value: a block where that keeps every byte and is read more easily, else in quotes.
fn scalar(text: &str, indent: usize) -> String {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let blockable = text.contains('\n')
        && !body.ends_with('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && !text.lines().any(|line| line.ends_with([' ', '\t']))
        && !text.chars().any(|c| {
            c != '\n' && (c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}'))
        });
    if !blockable {
        return quoted(text);
    }
    let mut block = String::from(if text.ends_with('\n') { "|" } else { "|-" });
    for line in body.split('\n') {
        block.push('\n');
        if !line.is_empty() {
            block.push_str(&format!("{:indent$}{line}", ""));
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_written_reads_back_as_it_was() {
        for text in [
            "",
            "plain",
            "two\nlines\n",
            "no end\nhere",
            "ends\n\n",
            " begins\nwith a space\n",
            "trailing \nspace\n",
            "a\r\nb\r\n",
            "tab\there\nx\n",
            "é•••\u{85}\u{2028}\n\u{1b}[31m",
            "{{ not a template }} {name} # no comment: 'x'\nb\n",
            "- a\n- b\n",
        ] {
            let command =
                Played::Run(vec!["echo".to_owned(), text.to_owned(), "no".to_owned(), "1.10".to_owned()]);
            for command in [command, Played::Shell(format!("x{text}"))] {
                let answer = Recorded {
                    command: &command,
                    stdin: Some(text),
                    of: "a\nb, action",
                    stdout: text,
                    stderr: text,
                    exit: 3,
                    took: Duration::from_millis(61_234),
                    remark: None,
                };
                let yaml = format!("tape: 1\nplain: true\nanswers:\n{}", recorded(&answer));
                let read: serde_json::Value =
                    serde_yaml::from_str(&yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
                let read = &read["answers"][0];
                match &command {
                    Played::Run(words) => assert_eq!(read["run"], serde_json::json!(words), "{yaml}"),
                    Played::Shell(script) => assert_eq!(read["shell"], script.as_str(), "{yaml}"),
                }
                let back = |key: &str| read[key].as_str().unwrap_or_default();
                assert_eq!((back("stdin"), back("stdout"), back("stderr")), (text, text, text), "{yaml}");
                assert_eq!(back("took"), "61234ms");
                let pasted = format!("answers:\n{}", entry(&command, Some(text)));
                assert!(serde_yaml::from_str::<serde_json::Value>(&pasted).is_ok(), "{pasted}");
            }
        }
    }
}
