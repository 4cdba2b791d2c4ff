//! A run's steps now: as data for machines, and as a page for people.

mod glance;
mod page;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::doubt::{Doubt, doubts};
use super::paint::Paint;
use super::section::Size;
use super::summary::{commands_of, next_commands};
use super::timeline::{Timeline, Track};
use super::{Asks, EndInfo, Standing, phrase, when};
use crate::machine::{
    Addr, Finish, Graph, NodeId, Person, Progress, Rehearsal, RunStatus, State, UndoResult, Verdict,
};

pub use glance::{Glance, StatusOutput};

/// The version of [`StatusPage`] as JSON; raised when a field changes its meaning or goes away.
pub const STATUS_VERSION: u32 = 1;

/// What is known of a run beside its events.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The run's id.
    pub run: &'a str,
    /// How the program is called in the commands to type next.
    pub program: &'a str,
    /// Whether an engine drives it. Without one nothing is at work, and a change that was begun and not seen to end
    /// is in doubt.
    pub alive: bool,
    /// The time to count up to.
    pub now: Timestamp,
}

/// A run's steps now.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct StatusPage {
    /// [`STATUS_VERSION`].
    pub version: u32,
    /// The run's id.
    pub run: String,
    /// The runbook's qualified name.
    pub runbook: String,
    /// The status by the run's events.
    pub status: RunStatus,
    /// Whether an engine drives it.
    pub alive: bool,
    /// Who opened it.
    pub by: Person,
    /// Why, when they said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whom it changes: `cluster prod-eu`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// What it plays, when it is a rehearsal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Rehearsal>,
    /// When it was opened.
    pub started: Option<Timestamp>,
    /// When it came to rest.
    pub rested: Option<Timestamp>,
    /// How long it took, or has been going on, in milliseconds.
    pub took_ms: u64,
    /// The run at a glance, for a prompt or a bar; always there.
    pub summary: Option<Glance>,
    /// What is in doubt: begun, and not seen to end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
    /// The steps in file order, those of `finally` last.
    pub steps: Vec<StepStatus>,
    /// The commands to type next; none while an engine drives it.
    #[serde(skip)]
    next: Vec<String>,
    #[serde(skip)]
    now: Timestamp,
}

/// A step with its instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct StepStatus {
    /// Its id.
    pub step: String,
    /// The heading it stands under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Whether it is a `for_each`.
    pub for_each: bool,
    /// Its instances: one, unless it is a `for_each` that is expanded. None before it is.
    pub instances: Vec<InstanceStatus>,
    /// Where it stands as a whole: as that one of its instances which somebody should look at first, else one that is at work, else
    /// one that is still to begin; when all are over, the best end. Of a `for_each` over nothing `done`.
    pub standing: Standing,
}

/// An instance of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct InstanceStatus {
    /// Its name: `scale[api]`.
    pub name: String,
    /// Where it stands.
    pub standing: Standing,
    /// When its work began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// How long it took, or has been at work, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// What a person is asked, when one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asks: Option<Asks>,
    /// Why, what was seen, what changed: one line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl StatusPage {
    /// Returns the page of any state that events fold to.
    pub fn of(about: About<'_>, state: &State, graph: &Graph, timeline: &Timeline) -> StatusPage {
        let maker = Maker { about, state, graph, timeline };
        // Nobody knows for how long after its last event an engine that died went on.
        let until = if about.alive { about.now } else { timeline.last.unwrap_or(about.now) };
        let took = timeline.took(until);
        let end = EndInfo { run: about.run, program: about.program, state, graph, took };
        let opened = state.opened.as_ref();
        let next = if about.alive || !state.is_unfinished() {
            Vec::new()
        } else {
            let mut next = next_commands(&end, timeline, Paint::PLAIN, Size::ENDLESS);
            // Here it is already.
            next.retain(|line| !line.contains(&format!("{} status ", about.program)));
            next
        };
        let commands = if next.is_empty() { Vec::new() } else { commands_of(&end, timeline) };
        let mut page = StatusPage {
            version: STATUS_VERSION,
            run: about.run.to_owned(),
            runbook: opened.map(|opened| opened.runbook.clone()).unwrap_or_default(),
            status: state.status,
            alive: about.alive,
            by: opened.map(|opened| opened.by.clone()).unwrap_or_default(),
            reason: opened.and_then(|opened| opened.reason.clone()),
            target: opened.map(phrase::target).unwrap_or_default(),
            rehearsal: opened.and_then(|opened| opened.rehearsal.as_deref().cloned()),
            started: timeline.opened,
            rested: timeline.rested,
            took_ms: millis(took),
            summary: None,
            doubts: doubts((about.run, about.program), (state, graph), timeline, about.alive),
            steps: (0..graph.len() as NodeId)
                .filter(|&node| !state.goes_with_skipped(graph, node))
                .map(|node| maker.step(node))
                .collect(),
            next,
            now: about.now,
        };
        page.summary = Some(Glance::of(&page, commands));
        page
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

struct Maker<'a> {
    about: About<'a>,
    state: &'a State,
    graph: &'a Graph,
    timeline: &'a Timeline,
}

impl Maker<'_> {
    fn step(&self, node: NodeId) -> StepStatus {
        let step = self.graph.step(node);
        let content = &self.state.nodes[node as usize];
        let phase = step.phase.clone().or_else(|| self.graph.is_finally(node).then(|| "Finally".to_owned()));
        let instances: Vec<InstanceStatus> = (0..content.instances.len() as u32)
            .map(|instance| self.instance(Addr { node, instance }))
            .collect();
        StepStatus {
            step: step.id.clone(),
            phase,
            for_each: step.for_each.is_some(),
            standing: Standing::of_all(instances.iter().map(|one| one.standing)).unwrap_or(
                match (content.expanded, content.unmet) {
                    // A `for_each` over nothing.
                    (true, _) => Standing::Done,
                    (false, 0) => Standing::Ready,
                    (false, _) => Standing::Waiting,
                },
            ),
            instances,
        }
    }

    fn instance(&self, at: Addr) -> InstanceStatus {
        let name = self.state.name(self.graph, at);
        let standing = Standing::of(self.graph, self.state, at, self.about.alive);
        let track = self.timeline.track(&name);
        // A `finally` step is set back whenever the run comes to rest: what was before is not its time.
        let began = !matches!(standing, Standing::Waiting | Standing::Ready | Standing::Skipped);
        let track = track.filter(|_| began);
        InstanceStatus {
            asks: match self.state.at(at).progress {
                Progress::Asking(question) if standing == Standing::Asking => Some(Asks::of(
                    (self.about.program, self.about.run, self.about.alive),
                    (self.state, self.graph),
                    self.timeline,
                    at,
                    question,
                )),
                _ => None,
            },
            detail: self.detail(at, standing, track),
            started: track.and_then(|track| track.began),
            took_ms: track.and_then(|track| self.took(standing, track)),
            name,
            standing,
        }
    }

    fn took(&self, standing: Standing, track: &Track) -> Option<u64> {
        let running = standing.is_active() || standing == Standing::Asking;
        let until = match (track.ended, self.timeline.last) {
            (Some(ended), _) => ended,
            _ if running && self.about.alive => self.about.now,
            // Nobody knows for how long after the last event it went on.
            (None, last) => last?,
        };
        track.took(until).map(millis)
    }

    fn detail(&self, at: Addr, standing: Standing, track: Option<&Track>) -> String {
        let instance = self.state.at(at);
        let seen = || match &instance.gate {
            Some((Verdict::CouldNotTell(why), _)) => format!("could not tell: {why}"),
            Some((_, seen)) => seen.clone(),
            None => String::new(),
        };
        let guard = || match &instance.guard {
            Some((verdict, seen)) => format!("{} · {}", phrase::guarding(verdict, seen), instance.command),
            None => String::new(),
        };
        let changes = || instance.changes.clone().unwrap_or_default();
        let first = |texts: [String; 3]| texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        match (standing, &instance.finish, &instance.undo) {
            (_, _, Some(UndoResult::Failed(why) | UndoResult::Left(why))) => why.clone(),
            (_, _, Some(UndoResult::Blocked(on))) => format!("{on} stands on it"),
            (Standing::Failed, Some(Finish::Failed(why)), _) => why.clone(),
            (Standing::Skipped, Some(Finish::Skipped(why)), _) => why.clone(),
            (Standing::Waiting, ..) => self.waits_for(at.node),
            (Standing::Asking, ..) => {
                let prompt = track.map(|track| track.prompt.clone()).unwrap_or_default();
                match instance.progress {
                    Progress::Asking(question) if prompt.is_empty() => phrase::asking(question).to_owned(),
                    _ => phrase::flat(&prompt),
                }
            }
            (Standing::InDoubt, ..) => instance.command.clone(),
            (Standing::Stopped, ..) if instance.touched.is_some() => instance.command.clone(),
            (Standing::Retrying, ..) => match track.and_then(|track| track.retry_at) {
                Some((attempt, at)) => format!("attempt {attempt} at {}", when::clock(at)),
                None => String::new(),
            },
            (Standing::Verifying, ..) => first([seen(), instance.command.clone(), String::new()]),
            (Standing::AwaitsLock, ..) => {
                let told =
                    |(lock, keeper): &(String, crate::machine::Keeper)| format!("{lock}, held by {keeper}");
                instance.awaits.as_ref().map(told).unwrap_or_default()
            }
            (Standing::Running, None, _) if instance.guarded.is_some() => {
                first([guard(), seen(), instance.command.clone()])
            }
            (standing, ..) if standing.is_active() => first([seen(), instance.command.clone(), changes()]),
            (Standing::Done, ..) if instance.lapsed => {
                "its answer is too old now: it is asked again before what needs it begins".to_owned()
            }
            (Standing::Done | Standing::MarkedDone | Standing::Undone, ..) => {
                first([changes(), seen(), String::new()])
            }
            _ => String::new(),
        }
    }

    /// Returns the steps that are not done and that this one needs.
    fn waits_for(&self, node: NodeId) -> String {
        let open: Vec<&str> = self
            .graph
            .needs(node)
            .iter()
            .filter(|&&need| !self.state.nodes[need as usize].is_done())
            .map(|&need| self.graph.step(need).id.as_str())
            .take(3)
            .collect();
        if open.is_empty() { String::new() } else { format!("for {}", open.join(", ")) }
    }
}
