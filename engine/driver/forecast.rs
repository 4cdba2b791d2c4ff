//! What a plan says besides the commands: times, tries, who is asked, what may run side by side, and what holds for the
//! whole run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::preview::{Planned, PlannedGate, PlannedStep};
use crate::machine::{Addr, GateTimes, Graph, Judge, Prepared, RunStatus, Stage, State, Time, Tries};
use crate::model::{Action, Approve, Input, Map, Moment, OnFailure, Snapshot};

/// A time: a number of milliseconds, or `‹where from›` when only the run can know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Millis {
    /// Milliseconds.
    Known(u64),
    /// Where it comes from.
    Unknown(String),
}

impl From<Time> for Millis {
    fn from(time: Time) -> Millis {
        match time {
            Time::Known(duration) => Millis::Known(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
            Time::Unknown(shown) => Millis::Unknown(shown),
        }
    }
}

/// How often a command is tried, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlannedRetry {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// Before the second attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<Millis>,
    /// Each delay is this many times the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff: Option<f64>,
    /// The longest delay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delay_ms: Option<Millis>,
    /// The share of the delay that is random, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<f64>,
    /// The condition under which it is tried again, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
}

/// Who is asked, and for what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlannedPeople {
    /// `approve` or `manual`.
    pub kind: String,
    /// Names and groups who may answer; anyone when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// The groups among them, with their people as they are now.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Vec<String>>,
    /// How many different people must say yes.
    pub count: u32,
    /// Whether whoever drives the run may not answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_self: bool,
    /// How long it waits for them; for ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<Millis>,
    /// What they are asked for besides yes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ask: Vec<PlannedAnswer>,
}

/// Something that a person is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlannedAnswer {
    /// The output that it becomes.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Whether there must be one.
    pub required: bool,
}

/// A command whose output says whom the run is about to change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlannedTarget {
    /// Its name under `target`.
    pub name: String,
    /// The command.
    #[serde(flatten)]
    pub command: Planned,
    /// What it said, when the plan looked.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// Why it could not be told.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Whether the run must be confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlannedProtect {
    /// The condition, as written.
    pub when: String,
    /// Whether it holds, so that the run asks first.
    pub asks: bool,
}

/// A command that is told what becomes of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlannedHook {
    /// Of what.
    pub event: Moment,
    /// The command as people read it, or why it can't be rendered.
    #[serde(flatten)]
    pub command: HookCommand,
    /// Whether it is the project's and not the runbook's own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
}

/// The command of a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookCommand {
    /// As people read it.
    Command(String),
    /// Why it can't be rendered: nobody would be told.
    Fault(String),
}

/// What holds for the whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlannedRun {
    /// What is asked first, to know whom the run is about to change.
    pub target: Vec<PlannedTarget>,
    /// The locks that it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<String>,
    /// Whether it must be confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protect: Option<PlannedProtect>,
    /// What a failed step does, where it does not say itself.
    pub on_failure: OnFailure,
    /// The most instances at work at once, where the runbook says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<u32>,
    /// The most instances a `for_each` may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_instances: Option<u32>,
    /// What is added to the environment of every command, masked.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub environment: Map,
    /// Who is told of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<PlannedHook>,
    /// What is wrong with it: the run would not begin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// Returns what holds for the whole run.
pub(super) fn whole(judge: &Judge, snapshot: &Snapshot) -> PlannedRun {
    let runbook = &snapshot.runbook;
    let mut run = PlannedRun {
        on_failure: runbook.on_failure,
        max_parallel: runbook.max_parallel,
        max_instances: runbook.limits.instances,
        // What can't be rendered is told by every step that runs a command.
        environment: judge
            .shared_environment()
            .unwrap_or_default()
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect(),
        hooks: hooks(judge),
        ..PlannedRun::default()
    };
    match judge.target() {
        Ok(commands) => {
            let each = commands
                .into_iter()
                .map(|(name, prepared)| (name, planned(Stage::Action, prepared)))
                .map(|(name, command)| PlannedTarget { name, command, said: None, why: None });
            run.target = each.collect();
        }
        Err(why) => run.faults.push(why),
    }
    match judge.locks() {
        Ok(locks) => run.locks = locks,
        Err(why) => run.faults.push(why),
    }
    run.protect = match (judge.protected(), &runbook.protect) {
        (Some(when), _) => Some(PlannedProtect { when: when.to_owned(), asks: true }),
        (None, Some(protect)) => Some(PlannedProtect { when: protect.0.src.clone(), asks: false }),
        (None, None) => None,
    };
    run
}

fn hooks(judge: &Judge) -> Vec<PlannedHook> {
    let hooks = judge.snapshot().runbook.hooks.iter();
    let planned = hooks.map(|hook| {
        let command = match judge.hook(hook, RunStatus::Running) {
            Ok(prepared) => HookCommand::Command(prepared.display),
            Err(why) => HookCommand::Fault(why),
        };
        PlannedHook { event: hook.on, command, shared: hook.shared }
    });
    planned.collect()
}

/// Returns a command as the plan has it.
pub(super) fn planned(stage: Stage, prepared: Prepared) -> Planned {
    Planned {
        stage,
        command: prepared.display,
        stdin: prepared.stdin.map(|stdin| stdin.display()),
        dir: prepared.dir.map(|dir| dir.display()),
        env: Some(prepared.env).filter(|env| !env.is_empty()).map(|env| {
            Box::new(env.into_iter().map(|(name, value)| (name, value.display().into())).collect())
        }),
        merged: prepared.merged,
        timeout_ms: None,
        retry: None,
        by_hand: None,
    }
}

/// Adds to a command how long it may take and how often it is tried. Without effect on a gate: it has times of its own.
pub(super) fn limits(judge: &Judge, state: &State, at: Addr, planned: &mut Planned) -> Result<(), String> {
    planned.timeout_ms = judge.time_limit(state, at, planned.stage)?.map(Millis::from);
    planned.retry = judge.tries(state, at, planned.stage)?.map(|tries| {
        let Tries { attempts, delay, backoff, max_delay, jitter, when } = tries;
        let (delay_ms, max_delay_ms) = (delay.map(Millis::from), max_delay.map(Millis::from));
        Box::new(PlannedRetry { attempts, delay_ms, backoff, max_delay_ms, jitter, when })
    });
    Ok(())
}

/// Returns the gates of an instance in order.
pub(super) fn gates(judge: &Judge, state: &State, at: Addr, faults: &mut Vec<String>) -> Vec<PlannedGate> {
    let all = judge.gates(at).into_iter();
    all.map(|(stage, gate)| {
        let times = judge.gate_times(state, at, stage).unwrap_or_else(|why| {
            faults.push(why);
            GateTimes::default()
        });
        PlannedGate {
            stage,
            pass: gate.passes().to_owned(),
            warn: gate.nearest(&|gate| gate.warn.as_ref()).map(|warn| warn.0.src.clone()),
            every_ms: times.every.map(Millis::from),
            within_ms: times.within.map(Millis::from),
            hold_ms: times.hold.map(Millis::from),
            valid_for_ms: times.valid_for.map(Millis::from),
            timeout_ms: times.timeout.map(Millis::from),
        }
    })
    .collect()
}

/// Adds what an instance says besides its commands.
pub(super) fn details(judge: &Judge, state: &State, graph: &Graph, at: Addr, shown: &mut PlannedStep) {
    let step = graph.step(at.node);
    let body = &step.body;
    shown.when = step.when.as_ref().map(|when| when.0.src.clone());
    shown.satisfied = body.satisfied.as_ref().map(|satisfied| satisfied.0.src.clone());
    shown.on_failure = step.on_failure;
    shown.sensitive = step.sensitive;
    shown.people = match &body.action {
        Action::Approve(approve) => Some(Box::new(approvers(approve))),
        Action::Manual(_) => Some(Box::new(PlannedPeople { kind: "manual".to_owned(), ..nobody() })),
        _ => None,
    };
    if let Some(people) = &mut shown.people {
        match judge.patience(state, at) {
            Ok(time) => people.timeout_ms = time.map(Millis::from),
            Err(why) => shown.faults.push(why),
        }
    }
}

fn nobody() -> PlannedPeople {
    PlannedPeople {
        kind: String::new(),
        by: Vec::new(),
        groups: BTreeMap::new(),
        count: 1,
        not_self: false,
        timeout_ms: None,
        ask: Vec::new(),
    }
}

fn approvers(approve: &Approve) -> PlannedPeople {
    let answer = |input: &Input| PlannedAnswer {
        name: input.name.clone(),
        kind: input.ty.kind.name().to_owned(),
        help: input.help.clone(),
        required: input.required && input.default.is_none(),
    };
    PlannedPeople {
        kind: "approve".to_owned(),
        by: approve.by.clone(),
        groups: approve.groups.iter().cloned().collect(),
        count: approve.count.unwrap_or(1),
        not_self: approve.not_self,
        ask: approve.ask.iter().map(answer).collect(),
        ..nobody()
    }
}

/// Returns for each node its group: 1 for what may begin at once, else one more than the last group that it needs. Those
/// of one group need none of each other. `finally` comes after all others.
pub(super) fn groups(graph: &Graph) -> Vec<u32> {
    let mut groups = vec![1_u32; graph.len()];
    let last = walk(graph, graph.main_nodes(), &mut groups, 1);
    walk(graph, graph.finally_nodes(), &mut groups, last + 1);
    groups
}

/// Sets the groups of `nodes`, of which the first is `first`; returns the last.
fn walk(graph: &Graph, nodes: std::ops::Range<u32>, groups: &mut [u32], first: u32) -> u32 {
    let mut open: Vec<usize> = nodes.clone().map(|node| graph.needs(node).len()).collect();
    let mut ready: Vec<u32> = nodes.clone().filter(|&node| graph.needs(node).is_empty()).collect();
    for node in nodes.clone() {
        groups[node as usize] = first;
    }
    let mut last = first;
    while let Some(node) = ready.pop() {
        let group = groups[node as usize];
        last = last.max(group);
        for &next in graph.dependents(node) {
            let of = &mut groups[next as usize];
            *of = (*of).max(group + 1);
            // Circles are found when the runbook is read; without one each count comes to nothing exactly once.
            if let Some(left) = open.get_mut((next - nodes.start) as usize) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    ready.push(next);
                }
            }
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Runbook, Step};

    #[test]
    fn groups_tell_what_may_run_side_by_side() {
        let step = |id: &str, needs: &[&str]| Step {
            id: id.to_owned(),
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
            ..Step::default()
        };
        let runbook = Runbook {
            steps: vec![
                step("d", &["b", "c"]),
                step("a", &[]),
                step("b", &["a"]),
                step("c", &[]),
                step("e", &["d"]),
            ],
            finally: vec![step("tell", &[]), step("sweep", &["tell", "a"])],
            ..Runbook::default()
        };
        assert_eq!(groups(&Graph::of(&runbook)), [3, 1, 2, 1, 4, 5, 6]);
        assert_eq!(groups(&Graph::of(&Runbook::default())), [0_u32; 0]);
    }
}
