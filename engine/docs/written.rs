//! Commands, gates and actions as their author wrote them.

use std::borrow::Cow;

use crate::model::{Action, Command, Gate, Line, Text, Wait};

/// Returns a command as it was written: values stand as `{{ name }}`.
pub fn command(command: &Command) -> String {
    match &command.line {
        Line::Words(words) => words.iter().map(|word| one_argument(&word.src)).collect::<Vec<_>>().join(" "),
        Line::List(items) => {
            let items: Vec<&str> = items.iter().map(|item| item.src.as_str()).collect();
            format!("[{}]", items.join(", "))
        }
        Line::Shell(script) => {
            let lines: Vec<&str> =
                script.src.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            match lines.as_slice() {
                [only] => format!("sh: {only}"),
                [first, ..] => format!("sh: {first} … ({} lines)", lines.len()),
                [] => "sh:".to_owned(),
            }
        }
    }
}

/// Returns a word so that it reads as one argument: without quotes `sh -c 'a | b'` would be another command.
pub(super) fn one_argument(word: &str) -> Cow<'_, str> {
    let (mut rest, mut plain) = (word, !word.is_empty());
    while !rest.is_empty() {
        // What stands in braces is one value, whatever its expression holds.
        let (text, value) = rest.split_at(rest.find("{{").unwrap_or(rest.len()));
        plain &= !text.contains(|c: char| c.is_whitespace() || "'\"\\|&;<>$`*?()#".contains(c));
        rest = value.find("}}").map_or("", |end| &value[end + 2..]);
    }
    match plain {
        true => Cow::Borrowed(word),
        false if word.contains('\'') => Cow::Owned(format!("\"{word}\"")),
        false => Cow::Owned(format!("'{word}'")),
    }
}

/// Returns a gate: what is asked, and on a second line what must hold, how often and how long.
pub fn gate(gate: &Gate) -> String {
    let times: [(&str, Time); 4] = [
        ("every", |gate| gate.every.as_ref()),
        ("within", |gate| gate.within.as_ref()),
        ("held for", |gate| gate.hold.as_ref()),
        ("good for", |gate| gate.valid_for.as_ref()),
    ];
    asked(gate, "until", &times)
}

/// Returns a guard: what is asked, and on a second line what must go on holding.
pub fn guard(gate: &Gate) -> String {
    asked(
        gate,
        "while",
        &[("every", |gate| gate.every.as_ref()), ("unanswered for", |gate| gate.within.as_ref())],
    )
}

type Time = fn(&Gate) -> Option<&Text>;

fn asked(gate: &Gate, word: &str, times: &[(&str, Time)]) -> String {
    let what = match &gate.uses {
        Some(uses) => format!("uses {}", uses.binding.template),
        None => command(&gate.command),
    };
    let mut text = format!("{what}\n{word} {}", gate.passes().trim());
    for (word, says) in times {
        if let Some(value) = gate.nearest(says) {
            text.push_str(&format!(", {word} {}", value.src));
        }
    }
    text
}

/// Returns what a step does; nothing for an action that does nothing.
pub fn action(action: &Action) -> Option<String> {
    Some(match action {
        Action::Nothing => return None,
        Action::Command(run) => command(run),
        Action::Gate(asked) => format!("gate: {}", gate(asked)),
        Action::Approve(approve) => {
            let mut text = format!("asks: {}", approve.prompt.src.trim());
            let count = approve.count.filter(|count| *count > 1);
            let who = (!approve.by.is_empty()).then(|| approve.by.join(", "));
            match (count, who) {
                (Some(count), Some(who)) => text.push_str(&format!("\n{count} of {who} must say yes")),
                (Some(count), None) => text.push_str(&format!("\n{count} people must say yes")),
                (None, Some(who)) => text.push_str(&format!("\n{who} may answer")),
                (None, None) => {}
            }
            if approve.not_self {
                text.push_str("\nnot whoever drives the run");
            }
            text
        }
        Action::Manual(manual) => format!("a person does: {}", manual.prompt.src.trim()),
        Action::Wait(Wait::For(time)) => format!("waits {}", time.src),
        Action::Wait(Wait::Until(time)) => format!("waits until {}", time.src),
        Action::Runbook { name, .. } => format!("runs the runbook {name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Expr;

    fn of(line: Line) -> String {
        command(&Command { line, ..Command::default() })
    }

    #[test]
    fn commands_read_as_they_were_written() {
        let words = ["kubectl", "scale", "--replicas={{ n }}"].map(Text::new).to_vec();
        assert_eq!(of(Line::Words(words.clone())), "kubectl scale --replicas={{ n }}");
        let script = ["sh", "-c", "date; cat > {{ file }}", "{{ a | default('b c') }}", "", "it's"];
        assert_eq!(
            of(Line::Words(script.map(Text::new).to_vec())),
            r#"sh -c 'date; cat > {{ file }}' {{ a | default('b c') }} '' "it's""#
        );
        assert_eq!(of(Line::List(words)), "[kubectl, scale, --replicas={{ n }}]");
        assert_eq!(of(Line::Shell(Text::new("\n  df -h |\n  sort\n"))), "sh: df -h | … (2 lines)");
    }

    #[test]
    fn a_gate_says_what_must_hold_and_for_how_long() {
        let asked = Gate {
            command: Command { line: Line::Words(vec![Text::new("date")]), ..Command::default() },
            pass: Expr(Text::new("exit_code == 0")),
            every: Some(Text::new("5s")),
            within: Some(Text::new("{{ ready }}")),
            ..Gate::default()
        };
        assert_eq!(gate(&asked), "date\nuntil exit_code == 0, every 5s, within {{ ready }}");
    }
}
