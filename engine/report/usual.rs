//! How long things usually take: the median of the runs before.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::timeline::between;
use crate::machine::{Event, Finish, RunStatus, Stage, UndoResult, step_of};

/// How long a runbook and its steps usually take: medians over runs in which they went well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usual {
    run: Option<Duration>,
    steps: HashMap<String, Duration>,
    undos: HashMap<String, Duration>,
}

/// What the runs before took, while they are read.
#[derive(Clone, Debug, Default)]
pub struct Past {
    runs: Vec<Duration>,
    steps: HashMap<String, Vec<Duration>>,
    undos: HashMap<String, Vec<Duration>>,
    began: HashMap<String, Timestamp>,
    opened: Option<Timestamp>,
}

impl Past {
    /// Begins another run.
    pub fn begin(&mut self) {
        self.began.clear();
        self.opened = None;
    }

    /// Takes in the next event of that run.
    pub fn apply(&mut self, at: Timestamp, event: &Event) {
        match event {
            // A part of it is no measure of the whole.
            Event::Opened(opened) => {
                let whole = opened.options.only.is_empty() && opened.options.from.is_none();
                self.opened = whole.then_some(at);
            }
            // What passed while it was at rest is nobody's work.
            Event::Resumed { .. } | Event::TakenOver { .. } => {
                self.opened = None;
                self.began.clear();
            }
            Event::Rested { status: RunStatus::Succeeded } => {
                self.runs.extend(self.opened.take().map(|opened| between(opened, at)));
            }
            // Nor is what passed until a person answered.
            Event::Asked { step, .. } | Event::Decided { step, .. } | Event::Reopened { step } => {
                self.opened = None;
                self.began.remove(step);
            }
            Event::Started { step } => drop(self.began.insert(step.clone(), at)),
            Event::Intent { leaf, .. } if leaf.stage == Stage::Undo => {
                self.began.entry(leaf.step.clone()).or_insert(at);
            }
            Event::Finished { step, result } => {
                if let (Some(began), Finish::Succeeded) = (self.began.remove(step), result) {
                    self.steps.entry(step.clone()).or_default().push(between(began, at));
                }
            }
            Event::Undone { step, result, .. } => {
                if let (Some(began), UndoResult::Done) = (self.began.remove(step), result) {
                    self.undos.entry(step.clone()).or_default().push(between(began, at));
                }
            }
            _ => {}
        }
    }

    /// Returns the medians. An instance of a `for_each` counts for itself, and for its step, so that a new one is not without.
    pub fn usual(self) -> Usual {
        Usual { run: median(self.runs), steps: medians(self.steps), undos: medians(self.undos) }
    }
}

impl Usual {
    /// Returns how long a run takes, when there was one that nothing held up.
    pub(super) fn run(&self) -> Option<Duration> {
        self.run
    }

    /// Returns how long an instance takes.
    pub(super) fn step(&self, name: &str, step: &str) -> Option<Duration> {
        self.steps.get(name).or_else(|| self.steps.get(step)).copied()
    }

    /// Returns how long its undo takes.
    pub(super) fn undo(&self, name: &str, step: &str) -> Option<Duration> {
        self.undos.get(name).or_else(|| self.undos.get(step)).copied()
    }
}

fn medians(all: HashMap<String, Vec<Duration>>) -> HashMap<String, Duration> {
    let mut by_step: HashMap<String, Vec<Duration>> = HashMap::new();
    for (name, took) in &all {
        let step = step_of(name, |_| false);
        if step != name {
            by_step.entry(step.to_owned()).or_default().extend(took);
        }
    }
    by_step.extend(all);
    by_step.into_iter().filter_map(|(name, took)| Some((name, median(took)?))).collect()
}

fn median(mut took: Vec<Duration>) -> Option<Duration> {
    took.sort_unstable();
    took.get(took.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::Play;

    #[test]
    fn the_median_of_what_went_well_is_usual() {
        let mut past = Past::default();
        for (reach, cart) in [(1_000, true), (9_000, true), (3_000, false)] {
            let mut play = Play::expanded(Vec::new());
            play.start("aurora").pass(reach).done("aurora");
            if cart {
                play.start("scale[cart]").pass(2 * reach).done("scale[cart]");
            }
            play.fail("scale[api]", "");
            past.begin();
            play.events.iter().for_each(|(at, event)| past.apply(*at, event));
        }
        let usual = past.usual();
        let seconds = |name, step| usual.step(name, step).map(|took| took.as_secs());
        assert_eq!(seconds("aurora", "aurora"), Some(3));
        assert_eq!(seconds("scale[cart]", "scale"), Some(18));
        assert_eq!(seconds("scale[new]", "scale"), Some(18), "a new instance takes what the others do");
        assert_eq!(seconds("scale[api]", "other"), None, "a failure is no measure");
        assert_eq!(usual.run(), None, "none of them came to an end");
    }
    #[test]
    fn a_part_of_a_run_is_no_measure_of_the_whole() {
        let usual = |part: bool| {
            let mut play = Play::expanded(Vec::new());
            play.rest(RunStatus::Succeeded);
            let mut past = Past::default();
            past.begin();
            for (at, event) in &play.events {
                let mut event = event.clone();
                if let (Event::Opened(opened), true) = (&mut event, part) {
                    opened.options.only = vec!["reach".to_owned()];
                }
                past.apply(*at, &event);
            }
            past.usual().run()
        };
        assert!(usual(false).is_some());
        assert_eq!(usual(true), None);
    }
}
