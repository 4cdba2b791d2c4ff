//! What the language has and this version does not carry out yet.
//!
//! Such a file is right, so `check` does not object to it; but a step that is passed over in silence would be worse than
//! none. So nothing of it is planned or run.

use crate::diag::{Code, Diagnostic, Report};
use crate::model::{Action, Place, Runbook, Step};

/// Tells every key that would be read and not obeyed.
pub(super) fn tell(runbook: &Runbook, report: &mut Report) {
    for step in runbook.steps.iter().chain(&runbook.finally) {
        each(step, &mut |place, key| {
            report.push(
                Diagnostic::new(
                    Code::NotCarriedOut,
                    format!("step `{}` has {key}, which this version does not carry out yet", step.id),
                )
                .at(place, "would be read and not obeyed")
                .help("take it out, or do without this step, to run the rest"),
            );
        });
    }
}

fn each(step: &Step, tell: &mut dyn FnMut(Place, &str)) {
    if let Action::Runbook { .. } = &step.body.action {
        tell(step.at, "`runbook`");
    }
}
