//! Gates, captures, undo and retry: the parts of a step around its action.

use super::command::command;
use super::context::Context;
use super::fields::{Field, Fields, fields};
use super::gate_use;
use super::keys::{CAPTURE, GATE, RETRY, UNDO};
use crate::diag::{Code, Diagnostic};
use crate::model::{Capture, Gate, Retry, Undo};

/// Reads a gate.
pub(super) fn gate(cx: &mut Context<'_>, field: Field<'_>) -> Option<Box<Gate>> {
    let of = fields(cx, field.node, &GATE, Some(field.spec))?;
    let uses = of.get("uses").map(|uses| gate_use::read(cx, &of, uses));
    let pass = match of.get("pass") {
        Some(pass) => pass.expr(cx),
        None if uses.is_some() => None,
        None => {
            cx.report.push(
                Diagnostic::new(Code::MissingKey, "a gate needs `pass`: what makes the answer a good one")
                    .at(field.key, "")
                    .help("for example `pass: exit_code == 0`"),
            );
            None
        }
    };
    // What its template offers is not known then.
    let unread = matches!(uses, Some(None));
    let pass = pass.filter(|_| !unread);
    let command = if uses.is_some() { None } else { command(cx, &of) };
    let gate = Gate {
        command: command.unwrap_or_default(),
        pass: pass.unwrap_or_default(),
        warn: of.get("warn").and_then(|field| field.expr(cx)).filter(|_| !unread),
        every: duration(cx, &of, "every"),
        within: duration(cx, &of, "within"),
        hold: duration(cx, &of, "hold"),
        valid_for: duration(cx, &of, "valid_for"),
        timeout: duration(cx, &of, "timeout"),
        uses: uses.flatten().map(Box::new),
    };
    if let (Some(with), None) = (of.get("with"), of.get("uses")) {
        cx.report.push(
            Diagnostic::new(Code::KeyNeeds, "`with` makes no sense without `uses`")
                .at(with.key, "")
                .help("remove it, or say with `uses` which template it is for"),
        );
    }
    let polled = gate.nearest(&|gate| gate.within.as_ref().or(gate.hold.as_ref())).is_some();
    if let (Some(every), false) =
        (of.get("every"), polled || of.get("within").is_some() || of.get("hold").is_some())
        && field.spec.name != "guard"
    {
        cx.report.push(
            Diagnostic::new(Code::KeyNeeds, "`every` without `within`: the gate is asked only once")
                .at(every.key, "")
                .help("say how long it may take: `within: 5m`; or remove `every`"),
        );
    }
    // RB0111
    for key in ["hold", "valid_for"] {
        if let (Some(found), "guard") = (of.get(key), field.spec.name) {
            cx.report.push(
                Diagnostic::new(Code::KeyNeeds, format!("`{key}` makes no sense in a `guard`"))
                    .at(found.key, "it is asked again and again, for as long as the action runs")
                    .help("remove it; `every` says how often it is asked"),
            );
        }
    }
    Some(Box::new(gate))
}

/// Reads `capture`.
pub(super) fn capture(cx: &mut Context<'_>, field: Field<'_>) -> Option<Box<Capture>> {
    let of = fields(cx, field.node, &CAPTURE, Some(field.spec))?;
    let command = command(cx, &of);
    let outputs = match of.get("outputs") {
        Some(outputs) => outputs.exprs(cx),
        None => {
            cx.report.push(
                Diagnostic::new(Code::MissingKey, "`capture` needs `outputs`: what to keep of the answer")
                    .at(field.key, "")
                    .help("for example `outputs: {size: stdout}`"),
            );
            Vec::new()
        }
    };
    let timeout = duration(cx, &of, "timeout");
    Some(Box::new(Capture { command: command.unwrap_or_default(), outputs, timeout }))
}

/// Reads `rollback`.
pub(super) fn undo(cx: &mut Context<'_>, field: Field<'_>) -> Option<Box<Undo>> {
    let of = fields(cx, field.node, &UNDO, Some(field.spec))?;
    let command = command(cx, &of).unwrap_or_default();
    let verify = of.get("verify").and_then(|field| gate(cx, field));
    if let Some(valid_for) = verify.as_ref().and_then(|verify| verify.valid_for.as_ref()) {
        cx.report.push(
            Diagnostic::new(Code::KeyNeeds, "`valid_for` makes no sense after an undo")
                .at(valid_for.at, "nothing that comes later needs its answer")
                .help("remove it"),
        );
    }
    let retry = of.get("retry").and_then(|field| retry(cx, field, false));
    let timeout = duration(cx, &of, "timeout");
    Some(Box::new(Undo { command, verify, retry, timeout }))
}

/// Reads `retry`.
///
/// `over` says whether something else would say how often to try where this did not.
pub(super) fn retry(cx: &mut Context<'_>, field: Field<'_>, over: bool) -> Option<Retry> {
    let of = fields(cx, field.node, &RETRY, Some(field.spec))?;
    let attempts = match of.get("attempts") {
        Some(attempts) => attempts.count(cx),
        None => {
            cx.report.push(
                Diagnostic::new(Code::MissingKey, "`retry` needs `attempts`")
                    .at(field.key, "")
                    .help("for example `retry: {attempts: 3, delay: 10s}`"),
            );
            None
        }
    };
    // RB0413
    if let (Some(1), Some(field), false) = (attempts, of.get("attempts"), over) {
        cx.report.push(
            Diagnostic::new(
                Code::NoEffect,
                "`attempts: 1` is the first attempt alone: it is never tried again",
            )
            .at(field.node.place, "")
            .help("allow more attempts, or remove `retry`"),
        );
    }
    Some(Retry {
        attempts: attempts.unwrap_or(1),
        delay: duration(cx, &of, "delay"),
        backoff: of.get("backoff").and_then(|field| field.number(cx, 1.0, 1_000.0)),
        max_delay: duration(cx, &of, "max_delay"),
        jitter: of.get("jitter").and_then(|field| field.number(cx, 0.0, 1.0)),
        when: of.get("when").and_then(|field| field.expr(cx)),
    })
}

fn duration(cx: &mut Context<'_>, of: &Fields<'_>, name: &str) -> Option<crate::model::Text> {
    of.get(name).and_then(|field| field.duration(cx))
}
