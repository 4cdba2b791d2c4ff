//! A tape that is recorded: the loop's part of it.

use crate::machine::{Event, Outcome};
use crate::model::{Map, Value};

use super::super::recorder::{Answered, Recording};
use super::Loop;

impl Loop<'_> {
    /// Writes what a command answered to the tape. A tape that can't be written stops no run, and is said once.
    pub(super) fn record(&mut self, recording: &Recording, outcome: &Outcome, sensitive: bool) {
        let (Some(recorder), Some(end)) = (&mut self.recorder, &outcome.end) else { return };
        let (stdout, stderr, truncated) = (&outcome.stdout[..], &outcome.stderr[..], outcome.truncated);
        let answered = Answered { end, wall: outcome.wall, stdout, stderr, sensitive, truncated };
        let why = match recorder.add(recording, &answered, &self.launcher.redactor) {
            Ok(true) => return,
            Ok(false) => "holds no more, since no larger tape can be rehearsed".to_owned(),
            Err(error) => format!("can't be written, and is not whole: {error}"),
        };
        let path = recorder.path().display().to_string();
        self.reporter.aside(&format!("{path} {why}; the run goes on"));
        self.recorder = None;
    }

    /// Masks from now on what sensitive steps gave to the run so far: texts that stand in the commands of others.
    pub(super) fn learn_all(&mut self) {
        let Some(recorder) = &mut self.recorder else { return };
        let (state, graph) = (self.machine.state(), self.machine.graph());
        let sensitive = state.instances().filter(|(at, _)| graph.step(at.node).sensitive);
        let maps = sensitive.flat_map(|(_, instance)| [&instance.outputs, &instance.captured]);
        recorder.hide(maps.flat_map(texts));
    }

    /// Masks from now on what an event gave to the run, when it is of a sensitive step. By event: to look at all steps for
    /// each answer would be quadratic.
    pub(super) fn learn(&mut self, event: &Event) {
        let Some(recorder) = &mut self.recorder else { return };
        let step = match event {
            Event::Exited { leaf, .. } | Event::Judged { leaf, .. } => &leaf.step,
            Event::Captured { step, .. } | Event::Answered { step, .. } | Event::Finished { step, .. } => {
                step
            }
            _ => return,
        };
        let (state, graph) = (self.machine.state(), self.machine.graph());
        if let Some(at) = state.find(step).filter(|at| graph.step(at.node).sensitive) {
            let instance = state.at(at);
            recorder.hide([&instance.outputs, &instance.captured].into_iter().flat_map(texts));
        }
    }
}

/// Returns the texts and numbers in these values.
fn texts(values: &Map) -> Vec<String> {
    let mut texts = Vec::new();
    let mut open: Vec<&Value> = values.values().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => texts.push(text.clone()),
            Value::Number(number) => texts.push(number.to_string()),
            Value::Array(items) => open.extend(items),
            Value::Object(entries) => open.extend(entries.values()),
            Value::Null | Value::Bool(_) => {}
        }
    }
    texts
}
