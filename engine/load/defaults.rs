//! `defaults` of a runbook: what each step has that does not say it itself.
//!
//! Nearest wins: the step, then its template, then `defaults`. A default is written into each step when the runbook is
//! read, so everything after that meets steps only. What a template does is its own: `dir` and `output` are for the
//! commands that stand in the runbook, as they could not be written beside `uses` either.

use super::body::inner_commands;
use super::check;
use super::context::Context;
use super::fields::{Field, fields, scalar};
use super::gate::retry;
use super::keys::DEFAULTS;
use crate::diag::{Code, Diagnostic};
use crate::model::{Action, Command, Effect, Line, OnInterrupt, Place, Retry, Runbook, Step, Text};

/// What each step has that does not say it itself.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    pub(super) timeout: Option<Text>,
    pub(super) grace: Option<Text>,
    pub(super) retry: Option<Retry>,
    pub(super) retry_at: Place,
    pub(super) dir: Option<Text>,
    merged: Option<bool>,
    sensitive: Option<bool>,
    on_interrupt: Option<OnInterrupt>,
}

/// What a step said itself and its model can't tell.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    pub(super) output: bool,
    pub(super) sensitive: bool,
}

/// Reads `defaults`.
pub(super) fn read(cx: &mut Context<'_>, field: Field<'_>) -> Defaults {
    let Some(of) = fields(cx, field.node, &DEFAULTS, Some(field.spec)) else { return Defaults::default() };
    Defaults {
        timeout: of.get("timeout").and_then(|field| field.duration(cx)),
        grace: of.get("grace").and_then(|field| field.duration(cx)),
        retry: of.get("retry").and_then(|field| retry(cx, field, false)),
        retry_at: of.get("retry").map(|field| field.key).unwrap_or_default(),
        dir: of.get("dir").and_then(|field| field.text(cx)),
        merged: of.get("output").and_then(|field| field.word(cx)).map(|index| index == 1),
        sensitive: of.get("sensitive").and_then(|field| field.boolean(cx)),
        on_interrupt: of.get("on_interrupt").and_then(|field| on_interrupt(cx, field)),
    }
}

// RB0114
fn on_interrupt(cx: &mut Context<'_>, field: Field<'_>) -> Option<OnInterrupt> {
    if scalar(cx, field.node).is_some_and(|text| text.src == "rerun") {
        cx.report.push(
            Diagnostic::new(Code::NotADefault, "`on_interrupt: rerun` can't be a default")
                .at(field.node.place, "whether it may run twice is known of one step only")
                .help("say it of each step that may: `idempotent: true`, or `on_interrupt: rerun`"),
        );
        return None;
    }
    field.word(cx).map(|index| [OnInterrupt::Verify, OnInterrupt::Ask][index])
}

/// Gives each step what it does not say itself, and tells what is wrong with that.
pub(super) fn give(cx: &mut Context<'_>, runbook: &mut Runbook, defaults: &Defaults, said: &[Said]) {
    for (step, said) in runbook.steps.iter_mut().chain(&mut runbook.finally).zip(said) {
        if matches!(step.body.action, Action::Command(_)) {
            timing(cx, step, defaults);
        }
        if !said.sensitive {
            step.sensitive = defaults.sensitive.unwrap_or(step.sensitive);
        }
        interrupted(step, defaults);
        if step.binding.is_none() {
            surroundings(step, defaults, *said);
        }
    }
}

fn timing(cx: &mut Context<'_>, step: &mut Step, defaults: &Defaults) {
    let body = &step.body;
    for (own, inner, default) in [
        (&mut step.timeout, &body.timeout, &defaults.timeout),
        (&mut step.grace, &body.grace, &defaults.grace),
    ] {
        if own.is_none() && inner.is_none() {
            own.clone_from(default);
        }
    }
    if let (None, None, Some(retry)) = (&step.retry, &body.retry, &defaults.retry) {
        step.retry = Some(retry.clone());
        check::default_retry(cx, step, defaults.retry_at);
    }
}

/// What only looks is simply asked again, whatever is said of the others.
fn interrupted(step: &mut Step, defaults: &Defaults) {
    let Some(default) = defaults.on_interrupt else { return };
    let said = step.on_interrupt.or(step.body.on_interrupt).is_some();
    let can = default == OnInterrupt::Ask || step.body.verify.is_some();
    if !said && can && step.body.effect == Effect::Change {
        step.on_interrupt = Some(default);
    }
}

fn surroundings(step: &mut Step, defaults: &Defaults, said: Said) {
    if let (Action::Command(command), Some(merged), false) =
        (&mut step.body.action, defaults.merged, said.output)
    {
        command.merged = merged;
    }
    let Some(dir) = &defaults.dir else { return };
    let own = match &mut step.body.action {
        Action::Command(command) => Some(&mut **command),
        _ => None,
    };
    own.into_iter().for_each(|command| run_in(command, dir));
    let guard = step.guard.iter_mut().map(|guard| &mut guard.command);
    inner_commands(&mut step.body).chain(guard).for_each(|command| run_in(command, dir));
}

fn run_in(command: &mut Command, dir: &Text) {
    // A gate that uses a template has no line of its own.
    if !matches!(&command.line, Line::Words(words) if words.is_empty()) {
        command.dir.get_or_insert_with(|| dir.clone());
    }
}

#[cfg(test)]
mod tests {
    use crate::load::{FileKind, Library, load_text};
    use crate::model::{Action, Command, Step};

    const RUNBOOK: &str = "
runbook: r
title: R
defaults:
  timeout: 1m
  grace: 1s
  retry: {attempts: 5, when: exit_code == 7}
  dir: d
  output: merged
  on_interrupt: verify
steps:
  - {id: plain, run: ls, effect: read, check: {run: ls, pass: exit_code == 0}}
  - {id: own, run: ls, timeout: 2m, grace: 2s, retry: {attempts: 2}, dir: o, output: split, effect: read, check: {run: ls, dir: c, pass: exit_code == 0}}
  - {id: template, uses: t/own}
  - {id: silent, uses: t/silent}
  - {id: gated, run: touch x, irreversible: no, verify: {run: ls, pass: exit_code == 0}}
  - {id: asks, run: touch x, irreversible: no, on_interrupt: ask, verify: {run: ls, pass: exit_code == 0}}
  - {id: ungated, run: touch x, irreversible: no}
  - {id: looks, run: ls, effect: read, verify: {run: ls, pass: exit_code == 0}}
";

    const OWN: &str = "
step: t/own
title: Own
run: touch x
timeout: 3m
grace: 3s
retry: {attempts: 3, when: exit_code == 7}
on_interrupt: ask
verify: {run: ls, pass: exit_code == 0}
irreversible: no
";

    fn shown(step: &Step) -> String {
        let body = &step.body;
        let text =
            |own: &Option<crate::model::Text>| own.as_ref().map_or("-".to_owned(), |text| text.src.clone());
        let attempts = step.retry.as_ref().map_or("-".to_owned(), |retry| retry.attempts.to_string());
        let Action::Command(command) = &body.action else { return step.id.clone() };
        let checked = body.check.as_ref().map_or("-".to_owned(), |gate| text(&gate.command.dir));
        let Command { dir, merged, .. } = &**command;
        format!(
            "{} {} {} {attempts} {} {checked} {merged} {:?}",
            step.id,
            text(&step.timeout),
            text(&step.grace),
            text(dir),
            step.on_interrupt
        )
    }

    #[test]
    fn a_default_is_for_what_neither_the_step_nor_its_template_says() {
        let silent = "step: t/silent\ntitle: Silent\nrun: ls\neffect: read\n";
        let library = Library::built_in().with_text("t/own", OWN).with_text("t/silent", silent);
        let loaded = load_text(RUNBOOK, "runbooks/r.yaml", "r", FileKind::Runbook, &library);
        assert!(!loaded.report.has_errors(), "{:#?}", loaded.report);
        let steps = loaded.runbook.expect("a runbook").steps;
        insta::assert_snapshot!(steps.iter().map(shown).collect::<Vec<_>>().join("\n"), @r"
        plain 1m 1s 5 d d true None
        own 2m 2s 2 o c false None
        template - - - - - false None
        silent 1m 1s 5 - - false None
        gated 1m 1s 5 d - true Some(Verify)
        asks 1m 1s 5 d - true Some(Ask)
        ungated 1m 1s 5 d - true None
        looks 1m 1s 5 d - true None
        ");
    }
}
