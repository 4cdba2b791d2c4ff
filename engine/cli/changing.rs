//! What a run would change, for whoever is asked whether it is meant.

use std::sync::Arc;

use super::console::{Console, count, one_line, whole};
use super::steps::Part;
use crate::driver::{PlannedStep, Wanted, preview};
use crate::machine::{Covered, Stage};
use crate::model::{Effect, Snapshot};
use crate::report::{Role, command_in_a_line};

/// How many steps are shown: what is to be typed must be on the screen, and the plan has all of them.
const SHOWN: usize = 12;

/// Returns a command with all that goes with it, as whoever answers for it reads it: all of it, broken where a shell joins it
/// again, so that what is said yes to is exactly what is read.
pub(super) fn command(covered: &Covered, console: Console) -> String {
    let paint = console.err;
    let mut text = String::new();
    for line in whole(&covered.command, console.width.saturating_sub(5), paint) {
        text.push_str(&format!("    {}\n", paint.paint(Role::Active, &line)));
    }
    text + &around(covered, console)
}

/// Returns where a command runs, what it reads, and the names that are added to its environment.
pub(super) fn around(covered: &Covered, console: Console) -> String {
    let paint = console.err;
    let mut text = String::new();
    let mut tell = |word: &str, value: &str| {
        for line in value.lines() {
            let line = paint.paint(Role::Plain, &paint.clean(&format!("{word} {line}")));
            text.push_str(&format!("      {line}\n"));
        }
    };
    covered.dir.iter().for_each(|dir| tell("in", dir));
    covered.stdin.iter().for_each(|stdin| tell("reads", stdin));
    if !covered.env.is_empty() {
        tell("with", &covered.env.join(", "));
    }
    text
}

/// Returns the commands that would change something, in their order, each as it would run; those beyond the first dozen are
/// counted. `program` is how the program is called again.
pub(super) fn shown(snapshot: &Arc<Snapshot>, part: &Part, program: &str, console: Console) -> String {
    let steps = changed(snapshot, part);
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
            let env = command.env.iter().flat_map(|env| env.keys().cloned()).collect();
            let covered = Covered {
                step: step.name.clone(),
                command: command.command.clone(),
                stdin: command.stdin.clone(),
                dir: command.dir.clone(),
                env,
            };
            text.push_str(&self::command(&covered, console));
        }
    }
    if let Some(more) = steps.len().checked_sub(SHOWN + 1) {
        text.push_str(&rest(more + 1, snapshot, program));
    }
    text
}

/// Returns the same in about `room` rows: a line for each step, with what it changes, or the beginning of its command.
pub(super) fn listed(
    snapshot: &Arc<Snapshot>,
    part: &Part,
    program: &str,
    console: Console,
    room: usize,
) -> String {
    let paint = console.err;
    let steps = changed(snapshot, part);
    let mut text = format!("What it would change, {}; p shows the commands:\n", count(steps.len(), "step"));
    let left = room.saturating_sub(1).max(4);
    let shown = if steps.len() > left { left.saturating_sub(2) } else { steps.len() };
    for step in &steps[..shown] {
        let command = step.commands.iter().find(|command| command.stage == Stage::Action);
        let what = match (&step.changes, command) {
            (Some(changes), _) => one_line(changes),
            (None, Some(command)) => one_line(&command_in_a_line(&command.command)),
            (None, None) => String::new(),
        };
        let name = one_line(&step.name);
        let line = paint.shorten(&format!("{name}  {what}"), console.width.saturating_sub(3));
        let what = line.strip_prefix(&name).unwrap_or_default();
        text.push_str(&format!("  {}{what}\n", paint.paint(Role::Strong, &name)));
    }
    if shown < steps.len() {
        text.push_str(&rest(steps.len() - shown, snapshot, program));
    }
    text
}

fn changed(snapshot: &Arc<Snapshot>, part: &Part) -> Vec<PlannedStep> {
    let wanted = |step: &PlannedStep| {
        let chosen = part.only.is_empty() || part.only.contains(&step.step) || step.finally;
        chosen && step.effect != Effect::Read && !matches!(step.wanted, Wanted::No(_))
    };
    preview(snapshot).steps.into_iter().filter(wanted).collect()
}

fn rest(count: usize, snapshot: &Snapshot, program: &str) -> String {
    let name = &snapshot.runbook.name;
    format!("  and {count} more; `{program} plan {name}` with the same vars shows all\n")
}
