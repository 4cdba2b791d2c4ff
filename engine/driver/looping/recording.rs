//! A tape that is recorded: the loop's part of it.

use crate::machine::{Event, Outcome, given_by, given_so_far};

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
        recorder.hide(given_so_far(self.machine.state(), self.machine.graph()).into_iter());
    }

    /// Masks from now on what an event gave to the run, when it is of a sensitive step.
    pub(super) fn learn(&mut self, event: &Event) {
        let Some(recorder) = &mut self.recorder else { return };
        recorder.hide(given_by(event, self.machine.state(), self.machine.graph()).into_iter());
    }
}
