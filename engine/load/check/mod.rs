//! The checks that need the whole runbook: names, graph, scopes, safety.

use super::context::Context;
use super::step::Draft;
use crate::model::{Runbook, StepTemplate};

/// Checks what the steps say about each other.
pub(super) fn graph(_cx: &mut Context<'_>, _steps: &[Draft], _finally: &[Draft]) {}

/// Checks a runbook as a whole.
pub(super) fn runbook(_cx: &mut Context<'_>, _runbook: &Runbook) {}

/// Checks a step template as a whole.
pub(super) fn template(_cx: &mut Context<'_>, _template: &StepTemplate) {}
