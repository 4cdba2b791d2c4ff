//! One row of the live view: an instance at work.

use std::time::Duration;

use jiff::Timestamp;

use super::{name_columns, seconds};
use crate::machine::{Event, Leaf, NodeId, Stage, Verdict, needed, voters};
use crate::model::Step;
use crate::report::paint::{Paint, Role, pad, width};
use crate::report::timeline::between;
use crate::report::{Seen, Stream, phrase};

/// How much of a line that has no end yet is kept.
const LONGEST: usize = 2_048;

/// An instance at work.
#[derive(Debug)]
pub(super) struct Row {
    name: String,
    title: String,
    began: Timestamp,
    role: Role,
    doing: &'static str,
    /// `attempt 2 of 3`, when there is more than one.
    attempt: Option<String>,
    /// What a person is asked, or when the next attempt begins.
    asked: String,
    next: Option<Timestamp>,
    /// What its gate saw last.
    seen: String,
    /// What its guard said last, when it is worth a look.
    guard: String,
    /// The last whole line, and what came after it, of each stream.
    whole: Vec<u8>,
    parts: [Vec<u8>; 2],
    latest: usize,
}

impl Row {
    pub(super) fn new(name: &str, step: &Step, began: Timestamp) -> Row {
        let title = step.title.as_ref().filter(|title| title.is_literal());
        Row {
            name: name.to_owned(),
            title: title.map(|title| title.src.clone()).unwrap_or_default(),
            began,
            role: Role::Active,
            doing: "",
            attempt: None,
            asked: String::new(),
            next: None,
            seen: String::new(),
            guard: String::new(),
            whole: Vec::new(),
            parts: [Vec::new(), Vec::new()],
            latest: 0,
        }
    }

    /// Brings the row up to an event of its instance.
    pub(super) fn follow(&mut self, seen: &Seen<'_>, node: NodeId) {
        match seen.event {
            Event::Intent { leaf, .. } if leaf.stage == Stage::Guard => {}
            Event::Polled { leaf, verdict, seen } if leaf.stage == Stage::Guard => {
                self.guard = match verdict {
                    // What goes well is not worth the room that the command's own last line needs.
                    Verdict::Holds => String::new(),
                    _ => phrase::guarding(verdict, seen),
                };
            }
            Event::Judged { leaf, verdict, seen, .. } if leaf.stage == Stage::Guard => {
                if matches!(verdict, Verdict::DoesNotHold | Verdict::CouldNotTell(_)) {
                    self.guard = format!("stopping: {}", phrase::guarding(verdict, seen));
                }
            }
            Event::Intent { leaf, .. } => self.begin(leaf, seen, node),
            Event::Polled { verdict, seen, .. } => {
                self.seen = match verdict {
                    Verdict::CouldNotTell(why) => format!("could not tell: {why}"),
                    Verdict::DoesNotHold if seen.is_empty() => "not yet".to_owned(),
                    Verdict::Holds | Verdict::Warns if seen.is_empty() => "holds so far".to_owned(),
                    _ => seen.clone(),
                };
            }
            Event::AwaitsLock { lock, keeper, .. } => {
                self.doing = "waits for the lock";
                self.asked = format!("{lock}, held by {keeper}");
            }
            Event::Locked { .. } => {
                self.doing = "";
                self.asked.clear();
            }
            Event::RetryScheduled { leaf, ms } => {
                self.doing = "tries again";
                self.attempt = phrase::attempt_of(leaf.attempt + 1, leaf.stage, seen.graph, Some(node));
                self.next = seen.at.checked_add(Duration::from_millis(*ms)).ok();
            }
            Event::Asked { question, prompt, .. } => {
                self.role = Role::Person;
                self.doing = phrase::asking(*question);
                self.asked.clone_from(prompt);
                self.count(seen);
            }
            Event::Answered { .. } => self.count(seen),
            _ => {}
        }
    }

    /// Counts who said yes, where more than one must.
    fn count(&mut self, seen: &Seen<'_>) {
        let Some(at) = seen.event.step().and_then(|step| seen.state.find(step)) else { return };
        let all = needed(seen.graph, at.node);
        let hash = seen.state.at(at).covers_hash();
        let said = voters(seen.state, at, hash.as_deref()).count();
        self.attempt = (all > 1).then(|| format!("{said} of {all} said yes"));
    }

    fn begin(&mut self, leaf: &Leaf, seen: &Seen<'_>, node: NodeId) {
        self.role = Role::Active;
        self.doing = match leaf.stage {
            Stage::Check => "checking",
            Stage::Capture => "reading state",
            Stage::Action | Stage::Guard => "",
            Stage::Verify => "verifying",
            Stage::Undo => "undoing",
            Stage::UndoVerify => "verifying the undo",
        };
        self.attempt = phrase::attempt(leaf, seen.graph, Some(node));
        self.asked.clear();
        self.next = None;
        self.seen.clear();
        self.guard.clear();
        self.whole.clear();
        self.parts = [Vec::new(), Vec::new()];
    }

    /// Takes in output. Costs no more than a few kilobytes' worth whatever its size: only its end is ever shown.
    pub(super) fn output(&mut self, stream: Stream, bytes: &[u8]) {
        self.latest = usize::from(stream == Stream::Stderr);
        let part = &mut self.parts[self.latest];
        part.extend_from_slice(&bytes[bytes.len().saturating_sub(LONGEST)..]);
        if let Some(end) = part.iter().rposition(|&byte| byte == b'\n') {
            let lines = &part[..end];
            let last = lines.split(|&byte| byte == b'\n').rfind(|line| !line.trim_ascii().is_empty());
            if let Some(last) = last {
                self.whole = last.to_vec();
            }
            part.drain(..=end);
        }
        let excess = part.len().saturating_sub(LONGEST);
        part.drain(..excess);
    }

    /// Says whether a person is asked.
    pub(super) fn is_asking(&self) -> bool {
        self.role == Role::Person
    }

    /// Returns the row's line, at most `columns` wide.
    pub(super) fn line(&self, paint: Paint, now: Timestamp, columns: usize, nested: bool) -> String {
        let indent = if nested { "    " } else { "  " };
        let elapsed = seconds(between(self.began, now));
        let wide = name_columns(columns) + 2 - indent.len();
        let columns = columns.saturating_sub(indent.len() + 2);
        let name = paint.shorten(&pad(&paint.clean(&self.name), wide), columns);
        let mut said = format!(" {elapsed:>7}");
        for part in [self.doing, self.attempt.as_deref().unwrap_or(""), &self.detail(paint, now)] {
            if !part.is_empty() {
                said.push_str("  ");
                said.push_str(part);
            }
        }
        let said = paint.shorten(&said, columns - width(&name));
        format!("{indent}{} {name}{}", paint.glyph(self.role), paint.paint(Role::Quiet, &said))
    }

    fn detail(&self, paint: Paint, now: Timestamp) -> String {
        if let Some(next) = self.next {
            // Rounded up: it is not "in 0s" before it is.
            let left = between(now, next) + Duration::from_millis(999);
            return format!("in {}", seconds(left));
        }
        if !self.asked.is_empty() {
            return paint.clean(&self.asked);
        }
        if !self.guard.is_empty() {
            return paint.clean(&self.guard);
        }
        if !self.seen.is_empty() {
            return paint.clean(&self.seen);
        }
        let part = &self.parts[self.latest];
        let last = if part.trim_ascii().is_empty() { &self.whole } else { part };
        let last = paint.clean_output(&String::from_utf8_lossy(last));
        if last.trim().is_empty() { paint.clean(&self.title) } else { last }
    }
}
