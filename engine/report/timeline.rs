//! When things happened, and what a failure looked like at its moment: what the state of a run does not keep.
//!
//! The state is a fold for deciding, so it knows no times, and an undo overwrites the command and the last lines of
//! the failure before it. This is the fold for telling. It needs nothing but events.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::machine::{Event, Finish, Leaf, Stage, UndoResult, Verdict};

/// A failure as it was at its moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Failure {
    /// Why, in a sentence.
    pub why: String,
    /// The last command before it, as displayed; empty when there was none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// What that command printed last; empty for a gate's.
    #[serde(rename = "output", skip_serializing_if = "String::is_empty")]
    pub tail: String,
}

/// What happened to one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Track {
    /// When its work began.
    pub began: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The last command as displayed.
    pub command: String,
    /// When the last command was about to be spawned.
    pub command_began: Option<Timestamp>,
    /// What the last command printed last.
    pub tail: String,
    /// The question that a person was asked last.
    pub prompt: String,
    /// When that was.
    pub asked: Option<Timestamp>,
    /// Until when there was time to answer it.
    pub until: Option<Timestamp>,
    /// How it failed on the way forwards.
    pub failure: Option<Failure>,
    /// When its undo began.
    pub undo_began: Option<Timestamp>,
    /// When its undo ended.
    pub undo_ended: Option<Timestamp>,
    /// The action's command.
    pub action_command: String,
    /// When its action was begun first.
    pub acted: Option<Timestamp>,
    /// The undo's command, for doing it by hand.
    pub undo_command: String,
    /// How the undo failed.
    pub undo_failure: Option<Failure>,
    /// The attempt that is waited for and until when.
    pub retry_at: Option<(u32, Timestamp)>,
}

/// The fold of a run's events for telling.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    tracks: HashMap<String, Track>,
    /// When the run was opened.
    pub opened: Option<Timestamp>,
    /// When the last event was.
    pub last: Option<Timestamp>,
    /// When the run came to rest; absent while it goes on.
    pub rested: Option<Timestamp>,
    /// Who or what asked it to stop, since it was last taken up.
    pub stopped_by: Option<String>,
    /// The gates whose last answer was good, but only just: the instance, which gate, and what was seen. In the order of the
    /// answers.
    pub warnings: Vec<(String, Stage, String)>,
}

impl Timeline {
    /// Returns the fold of `events`.
    pub fn of<'a>(events: impl IntoIterator<Item = (Timestamp, &'a Event)>) -> Timeline {
        let mut timeline = Timeline::default();
        for (at, event) in events {
            timeline.apply(at, event);
        }
        timeline
    }

    /// Returns what is known of an instance.
    pub fn track(&self, step: &str) -> Option<&Track> {
        self.tracks.get(step)
    }

    /// Takes in one event.
    pub fn apply(&mut self, at: Timestamp, event: &Event) {
        // It comes after the rest, and is no part of what the run did.
        if matches!(event, Event::HookFailed { .. }) {
            return;
        }
        self.last = Some(at);
        if let Event::Judged { leaf, verdict, seen, .. } = event {
            self.warnings.retain(|(step, stage, _)| (step, *stage) != (&leaf.step, leaf.stage));
            if *verdict == Verdict::Warns {
                self.warnings.push((leaf.step.clone(), leaf.stage, seen.clone()));
            }
        }
        match event {
            Event::Opened(_) => self.opened = Some(at),
            Event::Resumed { .. } | Event::RollbackBegan { .. } => {
                self.rested = None;
                self.stopped_by = None;
            }
            Event::StopRequested { by, .. } => self.stopped_by = Some(by.clone()),
            Event::Rested { .. } => self.rested = Some(at),
            Event::Renewed { .. } | Event::Expanded { .. } | Event::FinallyBegan { .. } => {}
            _ => {
                let Some(step) = event.step() else { return };
                match self.tracks.get_mut(step) {
                    Some(track) => track.apply(at, event),
                    None => {
                        let mut track = Track::default();
                        track.apply(at, event);
                        self.tracks.insert(step.to_owned(), track);
                    }
                }
            }
        }
    }

    /// Returns how long the run took, or has been going on at `now`. Time at rest between two engines counts: it is
    /// what passed for whoever waited.
    pub fn took(&self, now: Timestamp) -> Duration {
        self.opened.map_or(Duration::ZERO, |opened| between(opened, self.rested.unwrap_or(now)))
    }
}

impl Track {
    fn apply(&mut self, at: Timestamp, event: &Event) {
        match event {
            // A `finally` step begins anew whenever the run comes to rest.
            Event::Started { .. } => *self = Track { began: Some(at), ..Track::default() },
            Event::Intent { leaf, command, by_hand, .. } => {
                self.intend(at, leaf, command, by_hand.as_ref().unwrap_or(command));
            }
            Event::Exited { tail, .. } => self.tail.clone_from(tail),
            Event::RetryScheduled { leaf, ms } => {
                let until = at.checked_add(Duration::from_millis(*ms)).unwrap_or(at);
                self.retry_at = Some((leaf.attempt + 1, until));
            }
            Event::Asked { prompt, ms, .. } => {
                self.began.get_or_insert(at);
                self.ended = None;
                self.asked = Some(at);
                self.until = ms.and_then(|ms| at.checked_add(Duration::from_millis(ms)).ok());
                self.prompt.clone_from(prompt);
            }
            Event::Finished { result, .. } => {
                self.ended = Some(at);
                self.retry_at = None;
                if let Finish::Failed(why) = result {
                    self.failure = Some(self.failing(why));
                }
            }
            Event::Decided { .. } | Event::Reopened { .. } => {
                // What it takes from here on is counted: nobody worked on it while the run was at rest.
                self.began = None;
                self.ended = None;
                self.failure = None;
                self.undo_began = None;
                self.undo_ended = None;
            }
            Event::Undone { result, .. } => {
                self.undo_began.get_or_insert(at);
                self.undo_ended = Some(at);
                self.undo_failure = match result {
                    UndoResult::Failed(why) => Some(self.failing(why)),
                    _ => None,
                };
            }
            _ => {}
        }
    }

    fn intend(&mut self, at: Timestamp, leaf: &Leaf, command: &str, by_hand: &str) {
        self.began.get_or_insert(at);
        // It runs beside the action: what failed is the action's command.
        if leaf.stage == Stage::Guard {
            return;
        }
        self.retry_at = None;
        self.tail.clear();
        self.command = command.to_owned();
        self.command_began = Some(at);
        if leaf.stage == Stage::Action {
            self.acted.get_or_insert(at);
            command.clone_into(&mut self.action_command);
        }
        if leaf.stage == Stage::Undo {
            // Undone again, after it could not be: nobody worked on it in between.
            if self.undo_ended.take().is_some() {
                self.undo_began = None;
            }
            self.undo_began.get_or_insert(at);
            self.undo_command = by_hand.to_owned();
        }
    }

    fn failing(&self, why: &str) -> Failure {
        Failure { why: why.to_owned(), command: self.command.clone(), tail: self.tail.clone() }
    }

    /// Returns how long its work took, or has been going on at `now`.
    pub fn took(&self, now: Timestamp) -> Option<Duration> {
        self.began.map(|began| between(began, self.ended.unwrap_or(now)))
    }
}

/// Returns the time from one to the other; none when the clock was set back between them.
pub(super) fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
