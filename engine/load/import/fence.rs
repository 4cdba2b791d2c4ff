//! Which lines of a block of code are commands. What is none is kept as text: sample output, files, queries.

use std::collections::HashSet;

use super::script::{self, Line, Part};
use super::seems::seems_command;

/// What a block of code is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Commands, and the lines between them that show what they print.
    Commands {
        lines: Vec<Line>,
        output: Vec<Line>,
        /// Whether a prompt stands before each command: what is typed into another program has none, or another one.
        prompted: bool,
    },
    /// A statement in the language of a database or of a monitoring system: a person puts it there.
    Query,
    /// A file, an example, something printed.
    Text,
}

const SHELLS: [&str; 14] = [
    "bash",
    "bash-session",
    "console",
    "fish",
    "ksh",
    "sh",
    "sh-session",
    "shell",
    "shell-session",
    "shellscript",
    "shellsession",
    "term",
    "terminal",
    "zsh",
];

/// Languages in which somebody types something elsewhere: into the client of a database, into a machine of another kind.
const QUERIES: [&str; 22] = [
    "bat",
    "batch",
    "cmd",
    "cql",
    "cypher",
    "esql",
    "flux",
    "graphql",
    "influxql",
    "kql",
    "kusto",
    "logql",
    "mysql",
    "pgsql",
    "plsql",
    "postgresql",
    "powershell",
    "ps1",
    "promql",
    "redis",
    "sql",
    "tsql",
];

/// Tags behind which commands stand as well, by mistake or for want of a better one.
const LOOSE: [&str; 12] =
    ["", "code", "json", "log", "none", "output", "plain", "plaintext", "text", "txt", "yaml", "yml"];

/// Returns what a block of code is.
pub(super) fn read(tag: &str, lines: &[Line]) -> Reading {
    if lines.iter().any(|line| prompted(&line.text).is_some())
        && (SHELLS.contains(&tag) || LOOSE.contains(&tag))
    {
        return console(lines);
    }
    if SHELLS.contains(&tag) {
        return shell(lines);
    }
    if QUERIES.contains(&tag) {
        return Reading::Query;
    }
    if LOOSE.contains(&tag) { loose(lines) } else { Reading::Text }
}

/// Says whether no command can stand behind a tag.
pub(super) fn holds_no_commands(tag: &str) -> bool {
    !is_of_shell(tag) && !LOOSE.contains(&tag)
}

/// Says whether a tag is one of a shell.
pub(super) fn is_of_shell(tag: &str) -> bool {
    SHELLS.contains(&tag)
}

/// Returns what is typed after a prompt: `$ `, `me@host:~$ `, `[root@host ~]# `.
pub(super) fn prompted(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if let Some(rest) = line.strip_prefix("$ ").or_else(|| line.strip_prefix("❯ ")) {
        return Some(rest);
    }
    if line == "$" {
        return Some("");
    }
    let (prompt, rest) = line.split_once("$ ").or_else(|| line.split_once("# "))?;
    let whose = prompt.trim_start_matches('[').split_whitespace().next()?;
    let (user, host) = whose.split_once('@')?;
    let name = |text: &str| {
        !text.is_empty()
            && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '~' | '/'))
    };
    (name(user) && name(host) && prompt.len() <= 60).then_some(rest)
}

fn console(lines: &[Line]) -> Reading {
    let (mut kept, mut output) = (Vec::new(), Vec::new());
    let mut goes_on = false;
    let mut mark: Option<String> = None;
    for line in lines {
        let text = &line.text;
        let typed = match prompted(text) {
            Some(typed) if mark.is_none() => typed,
            _ if mark.is_some() || goes_on => text.strip_prefix("> ").unwrap_or(text),
            _ if text.trim_start().starts_with('#') => text,
            _ if text.trim().is_empty() => {
                kept.push(line.clone());
                continue;
            }
            _ => {
                output.push(line.clone());
                continue;
            }
        };
        kept.push(Line { number: line.number, text: typed.to_owned() });
        if mark.as_deref().is_some_and(|mark| typed.trim() == mark) {
            mark = None;
        } else if mark.is_none() {
            mark = typed.split_once("<<").filter(|(_, rest)| !rest.starts_with('<')).map(|(_, rest)| {
                let word = rest.trim_start_matches(['-', ' ']).split_whitespace().next().unwrap_or_default();
                word.replace(['\'', '"'], "")
            });
        }
        let typed = typed.trim_end();
        goes_on = typed.ends_with('\\') || typed.ends_with('|') || typed.ends_with("&&");
    }
    Reading::Commands { lines: kept, output, prompted: true }
}

/// Reads what is said to be of a shell. Output that was pasted below a command begins with a head of capitals.
fn shell(lines: &[Line]) -> Reading {
    let (mut kept, mut output) = (Vec::new(), Vec::new());
    let literal = lines.iter().any(|line| line.text.contains("<<"));
    let mut printed = false;
    let said: HashSet<usize> = script::parts(lines)
        .into_iter()
        .filter_map(|part| match part {
            Part::Said(line) => Some(line.number),
            Part::Command(_) | Part::Notes { .. } => None,
        })
        .collect();
    for line in lines {
        let text = line.text.trim();
        if said.contains(&line.number) {
            output.push(line.clone());
            continue;
        }
        if printed && (text.is_empty() || text.starts_with('#') || seems_command(text)) {
            printed = false;
        }
        printed = printed || !literal && is_head(text);
        if printed { &mut output } else { &mut kept }.push(line.clone());
    }
    Reading::Commands { lines: kept, output, prompted: false }
}

/// `NAME   READY   STATUS`
fn is_head(text: &str) -> bool {
    let mut words = text.split("  ").map(str::trim).filter(|word| !word.is_empty());
    let capital = |word: &str| {
        word.chars().any(|c| c.is_ascii_uppercase())
            && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || " -_()/%:.".contains(c))
    };
    words.next().is_some_and(capital) && words.next().is_some_and(capital) && words.all(capital)
}

/// Reads what nobody said is of a shell: only lines that begin as commands do are commands.
fn loose(lines: &[Line]) -> Reading {
    let parts = script::parts(lines);
    let begins = |text: &str| {
        let first = text.split_whitespace().next().unwrap_or_default();
        seems_command(text) || matches!(first, "for" | "while" | "if" | "until")
    };
    let first = parts.iter().find_map(|part| match part {
        Part::Command(piece) => Some(&piece.text),
        Part::Notes { .. } | Part::Said(_) => None,
    });
    if !first.is_some_and(|text| seems_command(text)) {
        return Reading::Text;
    }
    let mut output = Vec::new();
    for part in &parts {
        if let Part::Said(line) = part {
            output.push(line.clone());
        }
        if let Part::Command(piece) = part
            && !begins(&piece.text)
        {
            output.extend(
                lines.iter().filter(|line| (piece.lines.0..=piece.lines.1).contains(&line.number)).cloned(),
            );
        }
    }
    let kept = lines.iter().filter(|line| !output.contains(line)).cloned().collect();
    Reading::Commands { lines: kept, output, prompted: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tag: &str, text: &str) -> String {
        let lines: Vec<Line> = text
            .lines()
            .enumerate()
            .map(|(at, text)| Line { number: at + 1, text: text.to_owned() })
            .collect();
        match read(tag, &lines) {
            Reading::Commands { lines, output, .. } => {
                let said = |lines: Vec<Line>| {
                    lines
                        .iter()
                        .map(|line| format!("{}:{}", line.number, line.text))
                        .collect::<Vec<_>>()
                        .join("|")
                };
                format!("{} => {}", said(lines), said(output))
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn commands_are_told_from_what_they_print() {
        for (tag, text, wanted) in [
            ("bash", "ls\n\n# x\nrm y", "1:ls|2:|3:# x|4:rm y => "),
            (
                "console",
                "$ ls -l\ntotal 3\n$ cat <<EOF\na\nEOF\nout",
                "1:ls -l|3:cat <<EOF|4:a|5:EOF => 2:total 3|6:out",
            ),
            ("", "$ kubectl get \\\n    pods\nNAME  READY", "1:kubectl get \\|2:    pods => 3:NAME  READY"),
            ("text", "root@db-1:~# systemctl status x\nactive", "1:systemctl status x => 2:active"),
            (
                "bash",
                "kubectl get pods\nNAME   READY   STATUS\napi-1   1/1   Running\n\nkubectl top pods",
                "1:kubectl get pods|4:|5:kubectl top pods => 2:NAME   READY   STATUS|3:api-1   1/1   Running",
            ),
            (
                "bash",
                "kubectl get pods\n...output omitted...\ndate",
                "1:kubectl get pods|3:date => 2:...output omitted...",
            ),
            (
                "bash",
                "kubectl apply -f - <<EOF\na: 1\n...\nEOF\n...",
                "1:kubectl apply -f - <<EOF|2:a: 1|3:...|4:EOF => 5:...",
            ),
            ("", "kubectl get pods\n[...]\ndate", "1:kubectl get pods|3:date => 2:[...]"),
            ("", "kubectl get pods\napi-1 1/1 Running", "1:kubectl get pods => 2:api-1 1/1 Running"),
            (
                "yaml",
                "# Apply it\nkubectl apply -f - <<EOF\na: 1\nEOF",
                "1:# Apply it|2:kubectl apply -f - <<EOF|3:a: 1|4:EOF => ",
            ),
            ("yaml", "apiVersion: v1\nkind: X", "Text"),
            ("json", "{\"a\": 1}", "Text"),
            ("", "Required = (a / b)\n- x", "Text"),
            ("sql", "select 1", "Query"),
            ("promql", "sum(rate(x[5m]))", "Query"),
            ("python", "print(1)", "Text"),
            ("", "2024-01-01 ERROR x", "Text"),
        ] {
            assert_eq!(of(tag, text), wanted, "{tag} {text}");
        }
    }
}
