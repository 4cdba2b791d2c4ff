//! One row of the live view: an instance at work.

use std::time::Duration;

use jiff::Timestamp;

use super::wants::{wants, wants_of_first};
use super::{name_columns, seconds};
use crate::machine::{Event, Judge, Leaf, NodeId, Stage, Terms, Verdict, needed, voters};
use crate::model::{Action, Step, format_duration};
use crate::report::paint::{Paint, Role, pad, width};
use crate::report::timeline::between;
use crate::report::{Seen, Stream, phrase};

/// How much of a line that has no end yet is kept.
const LONGEST: usize = 2_048;
/// The columns that an output's last line is left before words are left out for it.
const MOST_OF_OUTPUT: usize = 24;
/// The columns that the first value is left before anything is left out for it: a text that is longer is no value, and is cut.
const MOST_OF_SEEN: usize = 20;
/// The columns in which what a gate waits for is still worth telling.
const LEAST_OF_WANTS: usize = 14;
/// The columns of a name that are left in any case.
const LEAST_OF_NAME: usize = 8;
/// The columns of how long it is at work: a blank, and seven for `12m 30s`.
const WIDTH_OF_ELAPSED: usize = 8;

/// What stands last in a row.
#[derive(Default)]
struct Detail {
    seen: String,
    wants: String,
    until: String,
    /// What stands first of what was seen, with what is wanted of it, where that is less than all: the longest first.
    narrow: Vec<String>,
    /// Whether it is of a gate, of which all three are told.
    gate: bool,
    /// Whether that could not tell.
    unknown: bool,
}

impl Detail {
    fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.wants.is_empty() && self.until.is_empty()
    }

    fn whole(&self) -> usize {
        width(&self.seen) + width(&self.wants) + width(&self.until)
    }

    /// Returns the columns without which something is lost that somebody looks for: the first value, what is wanted when that
    /// is short, the time.
    fn least(&self) -> usize {
        if let Some(narrow) = self.narrow.last() {
            return width(narrow) + width(&self.until);
        }
        let wants = Some(width(&self.wants)).filter(|wants| *wants <= LEAST_OF_WANTS).unwrap_or_default();
        self.least_seen() + wants + width(&self.until)
    }

    fn least_seen(&self) -> usize {
        let first = match self.seen.split_once(", ") {
            // And a sign for the rest.
            Some((first, _)) => width(first) + 3,
            None => width(&self.seen),
        };
        first.min(MOST_OF_SEEN)
    }

    /// Returns the columns that a name makes room for: the first value, and what is wanted of it when that is short.
    fn kept(&self) -> usize {
        if let Some(narrow) = self.narrow.last() {
            return width(narrow);
        }
        let wants = Some(width(&self.wants)).filter(|wants| *wants <= LEAST_OF_WANTS && !self.unknown);
        self.least_seen() + wants.unwrap_or_default()
    }

    /// Returns it in that many columns.
    fn fitted(&self, room: usize, paint: Paint) -> String {
        if self.whole() <= room || !self.gate {
            return paint.shorten(&format!("{}{}{}", self.seen, self.wants, self.until), room);
        }
        // A value tells more than how long it is waited for.
        let until = if self.kept() + width(&self.until) <= room { &*self.until } else { "" };
        let left = room.saturating_sub(width(until));
        if let Some(narrow) = self.narrow.iter().find(|narrow| width(narrow) <= left) {
            return format!("{narrow}{until}");
        }
        let for_wants = left.saturating_sub(self.least_seen());
        let wants = match width(&self.wants) <= for_wants {
            true => self.wants.clone(),
            false if for_wants < LEAST_OF_WANTS => String::new(),
            false => paint.shorten(&self.wants, for_wants),
        };
        let left = left.saturating_sub(width(&wants));
        let first = self.seen.split_once(", ").map_or(&*self.seen, |(first, _)| first);
        let seen = match first.split_once(' ') {
            // Of `observedGeneration 3` the name can be guessed, and the value can't.
            Some((name, value)) if !value.contains(' ') && width(first) > left && width(value) + 1 < left => {
                format!("{} {value}", paint.shorten(name, left - width(value) - 1))
            }
            _ => paint.shorten(&self.seen, left),
        };
        format!("{seen}{wants}{until}")
    }
}

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
    /// What its gate saw last, and whether it could tell.
    seen: String,
    unknown: bool,
    /// The gate that is asked: which, since when, and what it waits for once that is worth showing.
    gate: Option<(Stage, Timestamp, Option<Terms>)>,
    undoing: bool,
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
            unknown: false,
            gate: None,
            undoing: false,
            guard: String::new(),
            whole: Vec::new(),
            parts: [Vec::new(), Vec::new()],
            latest: 0,
        }
    }

    /// Brings the row up to an event of its instance. `judge` knows what its gates wait for.
    pub(super) fn follow(&mut self, seen: &Seen<'_>, node: NodeId, judge: Option<&Judge>) {
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
            Event::Polled { leaf, verdict, seen: found } => {
                self.unknown = matches!(verdict, Verdict::CouldNotTell(_));
                self.seen = match verdict {
                    Verdict::CouldNotTell(why) => format!("could not tell: {why}"),
                    Verdict::DoesNotHold if found.is_empty() => "not yet".to_owned(),
                    Verdict::Holds | Verdict::Warns if found.is_empty() => "holds so far".to_owned(),
                    _ => found.clone(),
                };
                // Not before: of ten thousand gates that hold at once nobody reads what they waited for.
                if let Some((stage, _, terms @ None)) = &mut self.gate
                    && *stage == leaf.stage
                {
                    let at = seen.state.find(&leaf.step);
                    *terms = judge.zip(at).and_then(|(judge, at)| judge.terms(seen.state, at, *stage));
                }
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
        let who = match &seen.graph.step(at.node).body.action {
            Action::Approve(approve) => approve.who().map(|who| format!("{who} may answer")),
            _ => None,
        };
        let counted = (all > 1).then(|| format!("{said} of {all} said yes"));
        let told: Vec<String> = who.into_iter().chain(counted).collect();
        self.attempt = (!told.is_empty()).then(|| told.join(", "));
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
        self.unknown = false;
        self.gate = phrase::gate(seen.graph, node, leaf.stage).map(|_| (leaf.stage, seen.at, None));
        self.undoing = matches!(leaf.stage, Stage::Undo | Stage::UndoVerify);
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

    /// Returns the instance's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Says whether a person is asked.
    pub(super) fn is_asking(&self) -> bool {
        self.role == Role::Person
    }

    /// Says whether its undo is at work.
    pub(super) fn is_undoing(&self) -> bool {
        self.undoing
    }

    /// Returns the row's line, at most `columns` wide. `usual` is how long it takes as a rule.
    pub(super) fn line(
        &self,
        paint: Paint,
        now: Timestamp,
        columns: usize,
        indent: usize,
        usual: Option<Duration>,
    ) -> String {
        let blank = " ".repeat(indent);
        let wide = (name_columns(columns) + 2).saturating_sub(indent);
        let columns = columns.saturating_sub(indent + 2);
        let detail = self.detail(paint, now);
        // What a gate saw can't be guessed, and the rest of a name can. For how long it is waited for, only blanks make room.
        let beside = if detail.gate { WIDTH_OF_ELAPSED + 2 + detail.kept() } else { 0 };
        let most = columns.saturating_sub(beside).max(LEAST_OF_NAME.min(columns));
        let filled = wide.min(columns.saturating_sub(beside + width(&detail.until)));
        let name = pad(&short_name(&paint.clean(&self.name), most, paint), filled);
        let room = columns - width(&name);
        let said = paint.shorten(&self.said(&detail, paint, now, room, usual), room);
        let role = if self.unknown { Role::Doubt } else { self.role };
        // Of a command's last line little hangs; what a gate saw and who is asked must be read on any terminal.
        let told =
            self.is_asking() || self.gate.is_some() || !self.guard.is_empty() || !self.asked.is_empty();
        let text = if told { Role::Plain } else { Role::Quiet };
        format!("{blank}{} {name}{}", paint.glyph(role), paint.paint(text, &said))
    }

    /// Returns what stands behind the name. Where there is little room the words that can be done without are left out first,
    /// then what is waited for is cut: the value that was seen first, and until when, are what somebody looks for.
    fn said(
        &self,
        detail: &Detail,
        paint: Paint,
        now: Timestamp,
        room: usize,
        usual: Option<Duration>,
    ) -> String {
        let elapsed = format!(" {:>7}", seconds(between(self.began, now)));
        let usual = usual.filter(|usual| usual.as_secs() > 0 && !self.is_asking()).map(seconds);
        let told = |word: &str| usual.as_ref().map(|usual| format!("{word}{usual}")).unwrap_or_default();
        let approximately = if paint.unicode { "≈" } else { "~" };
        let attempt = self.attempt.as_deref().unwrap_or("");
        let variants = [
            (told("usually "), self.doing, attempt),
            (told(approximately), self.doing, attempt),
            (told(approximately), "", attempt),
            (String::new(), "", attempt),
            (String::new(), "", ""),
        ]
        .map(|(usual, doing, attempt)| {
            let parts = [usual.as_str(), doing, attempt].map(str::to_owned);
            let parts = parts.into_iter().filter(|part| !part.is_empty());
            parts.fold(elapsed.clone(), |line, part| format!("{line}  {part}"))
        });
        let [whole, ..] = &variants;
        if detail.is_empty() {
            return whole.clone();
        }
        let fits = |needed: usize| variants.iter().find(|line| width(line) + 2 + needed <= room);
        // Whoever is asked, and a step that waits to be tried again, are told by the words before.
        let line = match detail.gate {
            true => fits(detail.whole())
                .or_else(|| {
                    let named = width(detail.narrow.first()?) + width(&detail.until);
                    variants[..4].iter().find(|line| width(line) + 2 + named <= room)
                })
                .or_else(|| fits(detail.least()))
                .unwrap_or(&variants[4]),
            // The last line of an output may be long, and is cut.
            false => {
                let some = width(&detail.seen).min(MOST_OF_OUTPUT);
                variants[..3].iter().find(|line| width(line) + 2 + some <= room).unwrap_or(&variants[2])
            }
        };
        let left = room.saturating_sub(width(line) + 2);
        format!("{line}  {}", detail.fitted(left, paint))
    }

    /// Returns what is seen of it, and what is waited for.
    fn detail(&self, paint: Paint, now: Timestamp) -> Detail {
        let seen = self.seen_of(paint, now);
        match &self.gate {
            Some((_, since, Some(terms))) if !self.seen.is_empty() && self.guard.is_empty() => {
                let mut until = String::new();
                if let Some(hold) = terms.hold {
                    until.push_str(&format!(", for {}", format_duration(hold)));
                }
                if let Some(within) = terms.within {
                    let passed = seconds(between(*since, now));
                    until.push_str(&format!(", {passed} of {}", format_duration(within)));
                }
                let narrow = if self.unknown { Vec::new() } else { wants_of_first(terms, &seen, paint) };
                Detail { seen, wants: wants(terms, paint), until, narrow, gate: true, unknown: self.unknown }
            }
            _ => Detail { seen, ..Detail::default() },
        }
    }

    fn seen_of(&self, paint: Paint, now: Timestamp) -> String {
        if let Some(next) = self.next {
            // Rounded up: it is not "in 0s" before it is.
            let left = between(now, next) + Duration::from_millis(999);
            return format!("in {}", seconds(left));
        }
        if !self.asked.is_empty() {
            return paint.clean(&phrase::flat(&self.asked));
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

/// Returns a name in that many columns: of an instance its key is kept, which tells it from the others.
fn short_name(name: &str, columns: usize, paint: Paint) -> String {
    match name.find('[').map(|at| name.split_at(at)) {
        Some((step, key)) if width(name) > columns && width(key) < columns => {
            format!("{}{key}", paint.shorten(step, columns - width(key)))
        }
        _ => paint.shorten(name, columns),
    }
}
