//! Which names are in scope where, found out by asking the checker: each name is used in each place once, and what it
//! objects to is not in scope there.

use super::row;
use crate::diag::{Code, Severity};
use crate::load::{FileKind, Library, load_text};

/// The names asked for: how they are called in the table, and an expression that uses them.
const NAMES: [(&str, &str); 6] = [
    ("vars, tables, `let`, or params", "own"),
    ("`item`", "item"),
    ("`steps`", "steps.first.outputs.x"),
    ("`captured`", "captured.x"),
    ("`run`", "run.id"),
    ("result", "exit_code"),
];

/// How a name is used in a place.
#[derive(Clone, Copy)]
enum Written {
    /// As a bare expression.
    Expr,
    /// In braces, inside a text.
    Text,
}

/// Where a place is.
#[derive(Clone, Copy, PartialEq)]
enum At {
    /// A key of the runbook.
    Top,
    /// A key of a step that only a runbook's step has.
    Step,
    /// A key of a step or a step template.
    Body,
}

use At::{Body, Step, Top};
use Written::{Expr, Text};

/// The places, each with what is written there; `PROBE` stands for the use.
const PLACES: [(&str, At, Written, &str); 23] = [
    ("`let`", Top, Text, "let: {derived: PROBE}"),
    ("`target`", Top, Text, "target: {who: [echo, PROBE]}"),
    ("`environment`", Top, Text, "environment: {A: PROBE}"),
    ("`hooks`", Top, Text, "hooks: {started: {run: [echo, PROBE]}}"),
    ("`lock`", Top, Text, "lock: PROBE"),
    ("`protect`", Top, Expr, "protect: PROBE == 1"),
    ("`for_each`", Step, Text, "for_each: [PROBE], run: echo, effect: read"),
    (
        "`when`, `title`, `timeout`, `grace`, `lock`, `with`, `vars` of a step",
        Step,
        Expr,
        "for_each: [1], when: PROBE == 1, run: echo, effect: read",
    ),
    (
        "`check`: command, times",
        Body,
        Text,
        "check: {run: [echo, PROBE], pass: exit_code == 0}, capture: CAPTURE, run: echo, effect: read",
    ),
    (
        "`check`: `pass`, `warn`",
        Body,
        Expr,
        "check: {run: echo, pass: PROBE == 1}, capture: CAPTURE, run: echo, effect: read",
    ),
    (
        "`capture`: command",
        Body,
        Text,
        "capture: {run: [echo, PROBE], outputs: {x: stdout}}, run: echo, effect: read",
    ),
    (
        "`capture`: `outputs`",
        Body,
        Expr,
        "capture: {run: echo, outputs: {x: PROBE == 1}}, run: echo, effect: read",
    ),
    ("`satisfied`", Body, Expr, "capture: CAPTURE, satisfied: PROBE == 1, run: echo, effect: read"),
    ("`changes`, `irreversible`", Body, Text, "capture: CAPTURE, changes: PROBE, run: echo, effect: read"),
    (
        "`preview`: command",
        Body,
        Text,
        "capture: CAPTURE, preview: {run: [echo, PROBE], changed: exit_code == 1}, run: echo, effect: read",
    ),
    ("the action: command, prompt, `wait`", Body, Text, "capture: CAPTURE, run: [echo, PROBE], effect: read"),
    ("`outputs`", Body, Expr, "capture: CAPTURE, run: echo, effect: read, outputs: {y: PROBE == 1}"),
    (
        "`retry`: `when`",
        Body,
        Expr,
        "capture: CAPTURE, run: echo, effect: read, retry: {attempts: 2, when: PROBE == 1}",
    ),
    (
        "`verify`, `guard`, `gate`: command, times",
        Body,
        Text,
        "capture: CAPTURE, run: echo, effect: read, verify: {run: [echo, PROBE], pass: exit_code == 0}",
    ),
    (
        "`verify`, `guard`, `gate`: `pass`, `warn`",
        Body,
        Expr,
        "capture: CAPTURE, run: echo, effect: read, verify: {run: echo, pass: PROBE == 1}",
    ),
    ("`rollback`: command", Body, Text, "capture: CAPTURE, run: echo, rollback: {run: [echo, PROBE]}"),
    (
        "`rollback`: `retry.when`",
        Body,
        Expr,
        "capture: CAPTURE, run: echo, rollback: {run: echo, retry: {attempts: 2, when: PROBE == 1}}",
    ),
    (
        "`rollback`: `verify.pass`",
        Body,
        Expr,
        "capture: CAPTURE, run: echo, rollback: {run: echo, verify: {run: echo, pass: PROBE == 1}}",
    ),
];

/// Returns the tables: of a runbook, and of a step template.
pub(super) fn tables() -> String {
    let names = NAMES.map(|(name, _)| name);
    let head = row(&[&["place"][..], &names[..]].concat()) + &row(&["---"; NAMES.len() + 1]);
    let mut text = format!("In a runbook:\n\n{head}");
    for (place, at, written, with) in &PLACES {
        text.push_str(&line(place, |name| in_runbook(*at, with, *written, name)));
    }
    text.push_str(&format!("\nIn a step template, which sees what it is given and nothing else:\n\n{head}"));
    for (place, _, written, with) in PLACES.iter().filter(|(_, at, ..)| *at == Body) {
        text.push_str(&line(place, |name| in_template(with, *written, name)));
    }
    text.trim_end().to_owned()
}

fn line(place: &str, known: impl Fn(&str) -> bool) -> String {
    let marks = NAMES.map(|(_, name)| if known(name) { "✓" } else { "" });
    row(&[&[place][..], &marks[..]].concat())
}

fn filled(with: &str, written: Written, name: &str) -> String {
    let probe = match written {
        Expr => name.to_owned(),
        Text => format!("\"{{{{ {name} }}}}\""),
    };
    with.replace("CAPTURE", "{run: echo, outputs: {x: json}}").replace("PROBE", &probe)
}

fn in_runbook(at: At, with: &str, written: Written, name: &str) -> bool {
    let with = filled(with, written, name);
    let (top, step) = match at {
        Top => (with, "run: echo, effect: read".to_owned()),
        Step => (String::new(), with),
        Body => (String::new(), format!("for_each: [1], {with}")),
    };
    let file = format!(
        "runbook: probe\ntitle: Probe\nvars: {{own: {{type: any}}}}\n{top}\nsteps:\n  \
         - {{id: first, run: echo, effect: read, outputs: {{x: json}}}}\n  - {{id: second, {step}}}\n"
    );
    is_known(&file, FileKind::Runbook)
}

fn in_template(with: &str, written: Written, name: &str) -> bool {
    let with = filled(with, written, name);
    let file = format!("{{step: probe, title: Probe, params: {{own: {{type: any}}}}, {with}}}\n");
    is_known(&file, FileKind::Template)
}

/// Says whether every name in the file is in scope where it is used.
///
/// # Panics
///
/// When anything else is wrong with it: the table would show a name as unknown for another reason.
fn is_known(file: &str, kind: FileKind) -> bool {
    let loaded = load_text(file, "probe.yaml", "probe", kind, &Library::built_in());
    let mut known = true;
    for found in loaded.report.iter().filter(|found| found.severity == Severity::Error) {
        let scope = [Code::UnknownName, Code::NoItem, Code::NotCaptured, Code::NotNeeded, Code::UnknownStep];
        assert!(scope.contains(&found.code), "{file}\n{found:#?}");
        known = false;
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_to_be_so() {
        let of = |place: &str| PLACES.iter().find(|(name, ..)| *name == place).expect("it is a place");
        let (_, at, written, with) = of("`rollback`: command");
        let asked = |name: &str| in_runbook(*at, with, *written, name);
        assert!(asked("own") && asked("captured.x") && asked("item") && !asked("exit_code"));
        assert!(!in_template(with, *written, "steps.first.outputs.x"));
        let (_, at, written, with) = of("`check`: `pass`, `warn`");
        let asked = |name: &str| in_runbook(*at, with, *written, name);
        assert!(asked("exit_code") && !asked("captured.x"));
    }
}
