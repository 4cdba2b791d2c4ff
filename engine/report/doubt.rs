//! What is in doubt: begun, and not seen to end. Everything that helps to find out, and what to type then.

use jiff::Timestamp;
use serde::Serialize;

use super::paint::quoted;
use super::{Standing, Timeline, when};
use crate::machine::{Addr, Graph, Leaf, Process, Progress, Stage, State};
use crate::model::OnInterrupt;

/// A command of which nobody knows whether it took effect.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Doubt {
    /// Which attempt of which command: step, stage, attempt.
    #[serde(flatten)]
    pub leaf: Leaf,
    /// The command as displayed.
    pub command: String,
    /// The difference it was to make, when the step has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
    /// When it was about to be spawned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begun: Option<Timestamp>,
    /// Its process, when it got as far as that being recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// The processes of it that are still at work on this machine; filled in by who can look.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub at_work: Vec<u32>,
    /// What it printed last, as far as it was kept; filled in by who can read files.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// What resume does with it when nobody says anything.
    pub on_interrupt: OnInterrupt,
    /// What to type, by what turned out.
    pub settle: Vec<Settle>,
}

/// A way to settle it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Settle {
    /// What turned out, or what is wanted.
    pub when: &'static str,
    /// The command to type.
    pub command: String,
}

/// Returns what is in doubt of a run, in file order. `alive` says whether an engine drives it: then what is at work is
/// not in doubt.
pub(super) fn doubts(
    (run, program): (&str, &str),
    (state, graph): (&State, &Graph),
    timeline: &Timeline,
    alive: bool,
) -> Vec<Doubt> {
    state
        .instances()
        .filter(|(at, _)| Standing::of(graph, state, *at, alive) == Standing::InDoubt)
        .map(|(at, instance)| {
            let step = state.name(graph, at);
            let stage = match (instance.progress, instance.open) {
                (Progress::Doubt(stage), _) | (_, Some((stage, _))) => stage,
                _ => Stage::Action,
            };
            let track = timeline.track(&step);
            let command = track.map(|track| track.command.clone()).unwrap_or_default();
            Doubt {
                command: if command.is_empty() { instance.command.clone() } else { command },
                changes: instance.changes.clone(),
                begun: track.and_then(|track| track.command_began),
                process: instance.process.clone(),
                at_work: Vec::new(),
                output: String::new(),
                on_interrupt: graph.step(at.node).on_interrupt(),
                settle: settle(run, program, &step, stage, at, graph),
                leaf: Leaf { attempt: instance.attempts[stage as usize], stage, step },
            }
        })
        .collect()
}

fn settle(run: &str, program: &str, step: &str, stage: Stage, at: Addr, graph: &Graph) -> Vec<Settle> {
    let (resume, step) = (format!("{program} resume {run}"), quoted(step));
    let way = |when, command| Settle { when, command };
    if stage == Stage::Undo {
        return vec![way("go on undoing", resume)];
    }
    let mut ways = vec![
        way("it took effect", format!("{resume} --done {step} --reason '...'")),
        way("it did not: run it", format!("{resume} --retry {step}")),
        way("go on without it", format!("{resume} --skip {step} --reason '...'")),
    ];
    match graph.step(at.node).on_interrupt() {
        OnInterrupt::Ask => {}
        OnInterrupt::Rerun => ways.insert(0, way("it may run twice: run it", resume)),
        OnInterrupt::Verify => ways.insert(0, way("let its gate tell", resume)),
    }
    ways
}

impl Doubt {
    /// Returns what is known of it, a phrase each: when it began, as which process, on which machine, what it was to
    /// change.
    pub fn known(&self) -> Vec<String> {
        let what = match self.leaf.stage {
            Stage::Undo => "its undo",
            _ => "its command",
        };
        let mut known = vec![match self.begun {
            Some(begun) => format!("{what}, attempt {}, begun {}", self.leaf.attempt, when::second(begun)),
            None => format!("{what}, attempt {}", self.leaf.attempt),
        }];
        match &self.process {
            Some(process) => known.push(format!(
                "process {} on {} (started {} ticks after boot {:.8})",
                process.pid, process.host, process.started, process.boot
            )),
            None => known.push("no process of it was recorded: it may never have begun".to_owned()),
        }
        if !self.at_work.is_empty() {
            let pids: Vec<String> = self.at_work.iter().map(u32::to_string).collect();
            known.push(format!(
                "STILL AT WORK (process {}): resume waits for it, or stops it with --stop-running",
                pids.join(", ")
            ));
        }
        known.extend(self.changes.iter().map(|changes| format!("it was to change: {changes}")));
        known
    }
}
