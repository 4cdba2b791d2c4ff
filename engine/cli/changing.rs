//! What a run would change, for whoever is asked whether it is meant.

use std::sync::Arc;

use super::console::{Console, count, one_line, whole};
use super::steps::Part;
use crate::driver::{PlannedStep, Wanted, preview};
use crate::machine::Stage;
use crate::model::{Effect, Snapshot};
use crate::report::Role;

/// How many steps are shown: what is to be typed must be on the screen, and the plan has all of them.
const SHOWN: usize = 12;

/// Returns the commands that would change something, in their order, each as it would run; those beyond the first dozen are
/// counted. `program` is how the program is called again.
pub(super) fn shown(snapshot: &Arc<Snapshot>, part: &Part, program: &str, console: Console) -> String {
    let plan = preview(snapshot);
    let wanted = |step: &&PlannedStep| {
        let chosen = part.only.is_empty() || part.only.contains(&step.step) || step.finally;
        chosen && step.effect != Effect::Read && !matches!(step.wanted, Wanted::No(_))
    };
    let steps: Vec<&PlannedStep> = plan.steps.iter().filter(wanted).collect();
    if steps.is_empty() {
        return "It changes nothing.\n".to_owned();
    }
    let mut text = format!("What it would change, {}:\n", count(steps.len(), "step"));
    for step in steps.iter().take(SHOWN) {
        let changes =
            step.changes.as_ref().map(|changes| format!("  {}", one_line(changes))).unwrap_or_default();
        let name = console.err.paint(Role::Strong, &one_line(&step.name));
        text.push_str(&format!("  {name}{changes}\n"));
        for command in step.commands.iter().filter(|command| command.stage == Stage::Action) {
            for line in whole(&command.command, console.width.saturating_sub(5), console.err) {
                text.push_str(&format!("    {}\n", console.err.paint(Role::Active, &line)));
            }
        }
    }
    if let Some(more) = steps.len().checked_sub(SHOWN + 1) {
        let name = &snapshot.runbook.name;
        text.push_str(&format!(
            "  and {} more; `{program} plan {name}` with the same vars shows all\n",
            more + 1
        ));
    }
    text
}
