//! The commands that a shell script runs, as far as they can be seen without being a shell.

use std::ops::Range;

/// Words that stand before a command and are none.
const BEFORE: [&str; 18] = [
    "!", "{", "(", "if", "then", "else", "elif", "do", "while", "until", "time", "exec", "sudo", "command",
    "nohup", "env", "&&", "||",
];

/// How many `$(…)` are looked into that stand in each other.
const DEEPEST: usize = 6;

/// Returns the commands of a script, each as its words with the bytes they stand at. A word keeps its quotes.
///
/// What is in a here-document, a comment or a string is no command.
pub(in crate::load) fn commands(script: &str) -> Vec<Vec<(Range<usize>, &str)>> {
    within(script, DEEPEST)
}

fn within(script: &str, depth: usize) -> Vec<Vec<(Range<usize>, &str)>> {
    let mut found: Vec<Vec<(Range<usize>, &str)>> = vec![Vec::new()];
    let bytes = script.as_bytes();
    let mut here: Option<String> = None;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\n' => {
                at += 1;
                if let Some(end) = here.take() {
                    at = after_here(script, at, &end);
                }
                found.push(Vec::new());
            }
            b' ' | b'\t' | b'\r' => at += 1,
            b'#' if at == 0 || bytes[at - 1].is_ascii_whitespace() => {
                at += script[at..].find('\n').unwrap_or(script.len() - at);
            }
            b';' | b'|' | b'&' | b'(' | b')' | b'`' => {
                at += 1;
                found.push(Vec::new());
            }
            b'<' if script[at..].starts_with("<<") && !script[at..].starts_with("<<<") => {
                at += 2;
                let word = script[at..].trim_start_matches(['-', ' ', '\t']);
                let end: String = word.chars().take_while(|c| !c.is_whitespace() && *c != ';').collect();
                at = script.len() - word.len() + end.len();
                here = Some(end.replace(['\'', '"', '\\'], ""));
            }
            _ => {
                let start = at;
                at = after_word(script, at);
                let word = &script[start..at];
                let assigns = word.split_once('=').is_some_and(|(name, _)| {
                    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                });
                if let Some(command) = found.last_mut()
                    && !(command.is_empty() && (assigns || BEFORE.contains(&word)))
                {
                    command.push((start..at, word));
                }
                // `$(…)` in a word, also in an assignment, runs commands of its own.
                if let (Some(inner), true) = (word.find("$("), depth > 0) {
                    let inside = start + inner + 2;
                    let nested = within(script.get(inside..at).unwrap_or_default(), depth - 1);
                    let moved = nested.into_iter().map(|words| {
                        words
                            .into_iter()
                            .map(|(span, word)| (span.start + inside..span.end + inside, word))
                            .collect()
                    });
                    let last = found.len() - 1;
                    found.splice(last..last, moved);
                }
            }
        }
    }
    found.retain(|words| !words.is_empty());
    found
}

/// Returns where a word ends: quotes, `{{ … }}` and `$(…)` are part of it.
fn after_word(script: &str, start: usize) -> usize {
    let bytes = script.as_bytes();
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'\'' => at = closed(script, at + 1, "'"),
            b'"' => at = closed(script, at + 1, "\""),
            b'{' if script[at..].starts_with("{{") => at = closed(script, at + 2, "}}"),
            b'$' if script[at..].starts_with("$(") => at = closed_paren(script, at + 2),
            b' ' | b'\t' | b'\n' | b'\r' | b';' | b'|' | b'&' | b'(' | b')' | b'`' => break,
            b'<' if script[at..].starts_with("<<") && !script[at..].starts_with("<<<") => break,
            _ => at += 1,
        }
    }
    let at = script.ceil_char_boundary(at.min(script.len()));
    // A byte that no branch takes must not stop the walk.
    if at == start { script.ceil_char_boundary((start + 1).min(script.len())) } else { at }
}

fn closed(script: &str, from: usize, end: &str) -> usize {
    let from = script.ceil_char_boundary(from.min(script.len()));
    script[from..].find(end).map_or(script.len(), |found| from + found + end.len())
}

fn closed_paren(script: &str, from: usize) -> usize {
    let mut depth = 1;
    let from = from.min(script.len());
    for (at, byte) in script.as_bytes()[from..].iter().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return from + at + 1;
        }
    }
    script.len()
}

fn after_here(script: &str, from: usize, end: &str) -> usize {
    let mut at = from;
    for line in script[from..].split_inclusive('\n') {
        at += line.len();
        if line.trim() == end {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(script: &str) -> Vec<String> {
        let commands = commands(script);
        for (span, word) in commands.iter().flatten() {
            assert_eq!(&script[span.clone()], *word);
        }
        commands
            .iter()
            .map(|words| words.iter().map(|(_, word)| *word).collect::<Vec<_>>().join(" "))
            .collect()
    }

    #[test]
    fn finds_the_commands() {
        for (script, found) in [
            ("a b; c && d | e", vec!["a b", "c", "d", "e"]),
            ("if ! kubectl get x; then rm -rf y; fi", vec!["kubectl get x", "rm -rf y", "fi"]),
            ("A=1 B=2 run me", vec!["run me"]),
            ("x=$(kubectl delete y)", vec!["kubectl delete y"]),
            ("echo 'a; rm b' \"c | d\"", vec!["echo 'a; rm b' \"c | d\""]),
            ("echo a # rm b\nc", vec!["echo a", "c"]),
            ("cat <<EOF\nrm x\nEOF\nls", vec!["cat", "ls"]),
            ("sudo rm {{ a | b }} c", vec!["rm {{ a | b }} c"]),
            ("(cd x; make)", vec!["cd x", "make"]),
        ] {
            assert_eq!(seen(script), found, "{script}");
        }
    }

    proptest::proptest! {
        #[test]
        fn ends_on_anything(script in "[a-z #'\"\\\\$(){}<>;|&`=\né-]{0,40}") {
            seen(&script);
        }
    }
}
