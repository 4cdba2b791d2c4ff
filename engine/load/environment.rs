//! `environment` of a runbook, and the names of environment variables.

use super::context::Context;
use super::fields::{Field, shortened};
use super::node::Key;
use crate::diag::{Code, Diagnostic};
use crate::model::{Runbook, Text};

/// What the engine itself puts into the environment of each command. Another value would be replaced in silence. Other
/// names that begin with `RUNBOOK_` are free: a step may call `runbook` itself, which reads `RUNBOOK_STORE` and others.
const OURS: [&str; 5] =
    ["RUNBOOK_RUN", "RUNBOOK_STEP", "RUNBOOK_STAGE", "RUNBOOK_ATTEMPT", "RUNBOOK_DIRECTION"];

/// Reads `environment`.
///
/// Its names are those that any shell can read, since any command of the run may be one; `env` of a single command takes
/// whatever the system does.
pub(super) fn read(cx: &mut Context<'_>, field: Field<'_>) -> Vec<(String, Text)> {
    for (key, _) in field.entries(cx) {
        if variable_name(cx, key) && !is_word(&key.text) {
            not_a_word(cx, key);
        }
    }
    field.texts(cx)
}

/// Gives each step and each command of `target` the runbook's environment.
pub(super) fn give(runbook: &mut Runbook) {
    let environment = &runbook.environment;
    for step in runbook.steps.iter_mut().chain(&mut runbook.finally) {
        step.environment.clone_from(environment);
    }
    for (_, command) in &mut runbook.target {
        super::command::inherit(command, environment, None);
    }
}

/// Tells when a name can't be that of an environment variable, and says whether it can. (RB0203, RB0113)
pub(super) fn variable_name(cx: &mut Context<'_>, key: &Key) -> bool {
    let name = key.text.as_str();
    if name.is_empty() || name.contains(['=', '\0']) {
        cx.report.push(
            Diagnostic::new(Code::BadName, "an environment variable's name can't be empty or hold `=`")
                .at(key.place, ""),
        );
        return false;
    }
    if OURS.contains(&name) {
        cx.report.push(
            Diagnostic::new(
                Code::ReservedVariable,
                format!("`{name}` is set by the engine, and this value would be replaced"),
            )
            .at(key.place, "says to each command which run and step it belongs to")
            .help("choose another name"),
        );
        return false;
    }
    true
}

fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn not_a_word(cx: &mut Context<'_>, key: &Key) {
    let name = shortened(&key.text);
    let diagnostic = Diagnostic::new(
        Code::BadName,
        format!("no shell can read an environment variable that is called `{name}`"),
    )
    .at(key.place, "letters, digits and `_`, beginning with a letter");
    let word = key.text.replace(['-', '.', ' '], "_");
    cx.report.push(if is_word(&word) {
        diagnostic.help(format!("write `{word}`; a name that one program wants goes into `env` of its step"))
    } else {
        diagnostic.help("a name that one program wants goes into `env` of its step")
    });
}
