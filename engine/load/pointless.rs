//! Keys that would be read and do nothing for the action of their step. (RB0111)

use super::context::Context;
use super::fields::Fields;
use crate::diag::{Code, Diagnostic};
use crate::model::{Action, Body};

/// Tells the keys of a step or template, whose body is `body`, that would do nothing.
pub(super) fn tell(cx: &mut Context<'_>, of: &Fields<'_>, body: &Body) {
    let what = match &body.action {
        Action::Gate(_) => "a gate",
        Action::Approve(_) => "an approval",
        Action::Manual(_) => "a manual step",
        Action::Wait(_) => "a wait",
        Action::Command(_) | Action::Runbook { .. } | Action::Nothing => {
            unverified(cx, of, body);
            return;
        }
    };
    for field in ["timeout", "grace", "retry"].into_iter().filter_map(|key| of.get(key)) {
        let key = field.spec.name;
        let help = match (key, &body.action) {
            // The time that one poll may take.
            ("timeout", Action::Gate(_)) => continue,
            ("retry", Action::Gate(_)) => "a gate is asked again by itself: say `every` and `within` in it",
            ("timeout", Action::Approve(_)) => "write it inside: `approve: {prompt: …, timeout: 30m}`",
            ("timeout", Action::Manual(_)) => "write it inside: `manual: {prompt: …, timeout: 1h}`",
            _ => "remove it",
        };
        cx.report.push(
            Diagnostic::new(Code::KeyNeeds, format!("`{key}` does nothing for {what}"))
                .at(field.key, "it is for a step that runs a command")
                .help(help),
        );
    }
}

fn unverified(cx: &mut Context<'_>, of: &Fields<'_>, body: &Body) {
    let said = of.get("on_interrupt").filter(|field| field.word(cx) == Some(1));
    if let (Some(field), Action::Command(_), None) = (said, &body.action, &body.verify) {
        cx.report.push(
            Diagnostic::new(Code::KeyNeeds, "`on_interrupt: verify` makes no sense without `verify`")
                .at(field.node.place, "no gate could tell whether it was done")
                .help("add a `verify`; or write `on_interrupt: ask`"),
        );
    }
}
