//! Times and numbers that contradict each other, or that come to nothing.

use std::time::Duration;

use super::super::context::Context;
use crate::diag::{Code, Diagnostic};
use crate::model::{
    Action, Body, Gate, Retry, Step, StepTemplate, Text, Wait, format_duration, parse_duration,
};

/// Checks the times of a step.
pub(super) fn step(cx: &mut Context<'_>, of: &Step) {
    if of.binding.is_none() {
        body(cx, &of.body);
    }
    attempt(cx, of.timeout.as_ref());
    of.retry.iter().for_each(|of| retry(cx, of));
}

/// Checks the times of a step template.
pub(super) fn template(cx: &mut Context<'_>, of: &StepTemplate) {
    body(cx, &of.body);
    attempt(cx, of.body.timeout.as_ref());
    of.body.retry.iter().for_each(|of| retry(cx, of));
}

fn body(cx: &mut Context<'_>, of: &Body) {
    attempt(cx, of.capture.as_ref().and_then(|capture| capture.timeout.as_ref()));
    match &of.action {
        Action::Approve(approve) => person(cx, approve.timeout.as_ref()),
        Action::Manual(manual) => person(cx, manual.timeout.as_ref()),
        Action::Wait(Wait::For(time)) if is_zero(Some(time)) => {
            none(cx, time, "a `wait` of no time waits for nothing", "say how long, or remove the step");
        }
        _ => {}
    }
    if let Some(undo) = &of.rollback {
        attempt(cx, undo.timeout.as_ref());
        undo.retry.iter().for_each(|of| retry(cx, of));
    }
}

/// Checks the times of a gate.
pub(super) fn gate(cx: &mut Context<'_>, of: &Gate) {
    attempt(cx, of.timeout.as_ref());
    if let Some(every) = of.every.as_ref().filter(|every| is_zero(Some(every))) {
        none(cx, every, "`every: 0` asks without a pause", "leave time between two questions: `every: 5s`");
    }
    let pointless = [
        (
            &of.within,
            "`within: 0` gives it no time: it is asked once",
            "say how long it may take, or remove `within`",
        ),
        (&of.hold, "`hold: 0` watches nothing", "say how long it must stay true, or remove `hold`"),
        (&of.valid_for, "`valid_for: 0` makes an answer old at once", "say how long an answer is good for"),
    ];
    for (time, message, help) in pointless {
        if let Some(time) = time.as_ref().filter(|time| is_zero(Some(time))) {
            none(cx, time, message, help);
        }
    }
    let within = of.within.as_ref().filter(|within| !is_zero(Some(within)));
    longer(cx, of.every.as_ref(), within, "every", "within", "so it is asked only once");
    longer(
        cx,
        of.timeout.as_ref(),
        within,
        "timeout",
        "within",
        "so one answer may take longer than all of them may",
    );
}

fn retry(cx: &mut Context<'_>, of: &Retry) {
    longer(
        cx,
        of.delay.as_ref(),
        of.max_delay.as_ref(),
        "delay",
        "max_delay",
        "so each delay is cut to `max_delay`",
    );
}

// RB0413
fn attempt(cx: &mut Context<'_>, timeout: Option<&Text>) {
    if let Some(timeout) = timeout.filter(|timeout| is_zero(Some(timeout))) {
        none(
            cx,
            timeout,
            "`timeout: 0` stops the command the moment it begins",
            "say how long it may take; without `timeout` it may take any time",
        );
    }
}

fn person(cx: &mut Context<'_>, timeout: Option<&Text>) {
    if let Some(timeout) = timeout.filter(|timeout| is_zero(Some(timeout))) {
        let help = "say how long to wait for them; without `timeout` there is no end to it";
        none(cx, timeout, "`timeout: 0` gives nobody time to answer", help);
    }
}

fn none(cx: &mut Context<'_>, time: &Text, message: &str, help: &str) {
    cx.report.push(Diagnostic::new(Code::NoEffect, message).at(time.at, "").help(help));
}

// RB0412
fn longer(
    cx: &mut Context<'_>,
    one: Option<&Text>,
    bound: Option<&Text>,
    name: &str,
    bound_name: &str,
    so: &str,
) {
    let (Some(one), Some(bound)) = (one, bound) else { return };
    let (Some(long), Some(short)) = (known(one), known(bound)) else { return };
    if long <= short {
        return;
    }
    let message = format!(
        "`{name}` ({}) is longer than `{bound_name}` ({}), {so}",
        format_duration(long),
        format_duration(short)
    );
    cx.report.push(
        Diagnostic::new(Code::TimesDisagree, message)
            .at(one.at, "")
            .also(bound.at, format!("`{bound_name}`"))
            .help(format!("shorten `{name}`, or lengthen `{bound_name}`")),
    );
}

fn known(time: &Text) -> Option<Duration> {
    time.is_literal().then(|| parse_duration(&time.src).ok()).flatten()
}

fn is_zero(time: Option<&Text>) -> bool {
    time.and_then(known) == Some(Duration::ZERO)
}
