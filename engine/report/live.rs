//! The live view of a run on a terminal.
//!
//! What ended scrolls up as lines that stay, in the order of the ends; below them a block is redrawn, in file order, of what is
//! at work, for how long and against how long it usually takes, and of what is still to do. An event costs the same however
//! large the run is, nothing is drawn before the next tick, and only lines that changed are written.

mod block;
mod outline;
mod row;
mod screen;
mod tell;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vt;
mod wants;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;

use super::lines::node_of;
use super::paint::Paint;
use super::summary::end_screen;
use super::timeline::{Timeline, between};
use super::{Earlier, EndInfo, Reporter, Seen, Stream, Usual, phrase};
use crate::machine::{Addr, End, Event, Finish, Judge, Leaf, NodeId, Stage};
use crate::model::format_duration;

pub use screen::Terminal;

use outline::Outline;
use row::Row;
use screen::Screen;
use tell::NAME;

/// A `for_each` with more instances than this is told in one line, apart from its failures.
const UNFOLDED: usize = 12;
/// The shortest time between two frames. A little less than a tenth of a second, so that a tick that comes early is
/// not lost.
const FRAME: Duration = Duration::from_millis(80);
/// How many failures of a step are remembered: the newest.
const REMEMBERED: usize = 8;

/// Returns a reporter that draws on `terminal`.
pub fn live(terminal: Terminal) -> Box<dyn Reporter> {
    Box::new(Live::new(terminal))
}

/// How far a `for_each` is.
#[derive(Clone, Copy, Debug, Default)]
struct Fold {
    all: usize,
    over: usize,
    failed: usize,
    /// Whether its one line was written.
    told: bool,
}

struct Live {
    screen: Screen,
    paint: Paint,
    timeline: Timeline,
    /// Lines that stay and are not on the terminal yet.
    above: String,
    /// What is at work, in file order.
    rows: BTreeMap<Addr, Row>,
    addresses: HashMap<String, Addr>,
    folds: BTreeMap<NodeId, (String, Fold)>,
    /// What failed of each step, and why; the newest last.
    failures: BTreeMap<NodeId, Vec<(String, String)>>,
    outline: Outline,
    /// Who knows what a gate waits for; made with the first event, and anew when the runbook is another one.
    judge: Option<Judge>,
    usual: Option<Arc<OnceLock<Usual>>>,
    heading: Option<String>,
    program: String,
    run: String,
    runbook: String,
    steps: (usize, usize),
    /// How many steps may be at work at a time.
    most_at_work: Option<usize>,
    /// Whether this engine is not the first of the run.
    taken_up: bool,
    note: &'static str,
    /// When this engine's first event was, and when the last frame.
    began: Option<Timestamp>,
    drawn: Option<Timestamp>,
    suspended: bool,
    /// Whether the last event ended an engine's work.
    rested: bool,
    /// What nobody at work does anything about: told below what is.
    waits: String,
    /// Whether what is not on the terminal yet can't wait until it is ours again.
    pressing: bool,
}

impl Live {
    fn new(terminal: Terminal) -> Live {
        let paint = terminal.paint;
        Live {
            screen: Screen::new(terminal),
            paint,
            timeline: Timeline::default(),
            above: String::new(),
            rows: BTreeMap::new(),
            addresses: HashMap::new(),
            folds: BTreeMap::new(),
            failures: BTreeMap::new(),
            outline: Outline::default(),
            judge: None,
            usual: None,
            heading: None,
            program: "runbook".to_owned(),
            run: String::new(),
            runbook: String::new(),
            steps: (0, 0),
            most_at_work: None,
            taken_up: false,
            note: "",
            began: None,
            drawn: None,
            suspended: false,
            rested: false,
            waits: String::new(),
            pressing: false,
        }
    }

    /// Brings what is at work up to the event.
    fn follow(&mut self, seen: &Seen<'_>) {
        if matches!(seen.event, Event::FinallyBegan { .. }) {
            // What was given up between two looks of its gate has no event that ends it.
            self.rows.clear();
            self.addresses.clear();
        }
        let Some(name) = seen.event.step() else { return };
        let over = match seen.event {
            Event::Finished { .. } | Event::Undone { .. } | Event::Doubted { .. } => true,
            Event::Exited { end, .. } => *end == End::Stopped,
            _ => false,
        };
        if over {
            if let Some(at) = self.addresses.remove(name) {
                self.rows.remove(&at);
            }
            return;
        }
        let begins = matches!(seen.event, Event::Started { .. } | Event::Intent { .. } | Event::Asked { .. });
        let at = match self.addresses.get(name) {
            Some(&at) => at,
            None if begins => match seen.state.find(name) {
                Some(at) => at,
                None => return,
            },
            None => return,
        };
        if begins && self.addresses.insert(name.to_owned(), at).is_none() {
            self.rows.insert(at, Row::new(name, seen.graph.step(at.node), seen.at));
        }
        if let Some(row) = self.rows.get_mut(&at) {
            row.follow(seen, at.node, self.judge.as_ref());
        }
    }

    /// Begins to count anew: another engine has the run, and what passed since the one before is nobody's work.
    fn take_up(&mut self, at: Timestamp) {
        self.began = Some(at);
        self.taken_up = true;
        // Of an engine that died nothing says what ended.
        self.rows.clear();
        self.addresses.clear();
    }

    /// Brings the counts up to the event.
    fn count(&mut self, seen: &Seen<'_>) {
        let main = seen.graph.main_nodes().len();
        self.steps = (main - (seen.state.main_left as usize).min(main), main);
        let Some(node) = seen.event.step().and_then(|name| node_of(seen.state, name)) else {
            return;
        };
        let step = seen.graph.step(node);
        let counts = &seen.state.nodes[node as usize];
        if step.for_each.is_none() || !counts.expanded {
            return;
        }
        let (_, fold) = self.folds.entry(node).or_insert_with(|| (step.id.clone(), Fold::default()));
        fold.all = counts.instances.len();
        fold.over = fold.all.saturating_sub(counts.unfinished as usize);
        fold.failed = counts.failed as usize;
        // Taken up again: there will be another end to tell.
        fold.told &= fold.over == fold.all;
    }

    /// Remembers what failed, until it is settled.
    fn remember(&mut self, seen: &Seen<'_>) {
        let Some(name) = seen.event.step() else { return };
        let Some(node) = node_of(seen.state, name) else { return };
        if let Some(failures) = self.failures.get_mut(&node) {
            failures.retain(|(other, _)| other != name);
        }
        if let Event::Finished { result: Finish::Failed(why), .. } = seen.event {
            let failures = self.failures.entry(node).or_default();
            if failures.len() == REMEMBERED {
                failures.remove(0);
            }
            failures.push((name.to_owned(), why.clone()));
        }
    }
}

impl Fold {
    /// Returns `3/5, 1 failed`.
    fn words(self) -> String {
        let failed = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        format!("{}/{}{failed}", self.over, self.all)
    }
}

impl Reporter for Live {
    fn called(&mut self, program: &str) {
        program.clone_into(&mut self.program);
    }

    fn usual(&mut self, usual: Arc<OnceLock<Usual>>) {
        self.usual = Some(usual);
    }

    fn past(&mut self, earlier: &Earlier<'_>) {
        self.taken_up = true;
        self.timeline.apply(earlier.at, earlier.event);
    }

    fn event(&mut self, seen: &Seen<'_>) {
        self.timeline.apply(seen.at, seen.event);
        if self.began.is_none() {
            self.begin(seen);
        }
        let again = std::mem::replace(&mut self.rested, matches!(seen.event, Event::Rested { .. }));
        if again || matches!(seen.event, Event::Resumed { .. } | Event::TakenOver { .. }) {
            self.take_up(seen.at);
        }
        if self.judge.is_none() || matches!(seen.event, Event::Renewed { .. }) {
            self.judge = Some(Judge::watching(seen.graph));
        }
        self.outline.follow(seen);
        self.count(seen);
        self.remember(seen);
        self.pressing |= phrase::is_pressing(seen.event);
        self.tell(seen);
        self.follow(seen);
    }

    fn aside(&mut self, text: &str) {
        self.say_aside(text);
        self.drawn = None;
        self.pressing = true;
    }

    fn output(&mut self, leaf: &Leaf, stream: Stream, bytes: &[u8]) {
        // What a guard prints is not what the step does.
        if leaf.stage == Stage::Guard {
            return;
        }
        let row = self.addresses.get(&leaf.step).and_then(|at| self.rows.get_mut(at));
        if let Some(row) = row {
            row.output(stream, bytes);
        }
    }

    fn waits(&mut self, text: &str) {
        text.clone_into(&mut self.waits);
    }

    fn tick(&mut self, now: Timestamp) {
        // A clock that was set back must not stop the drawing.
        let fresh = self.drawn.is_some_and(|drawn| drawn <= now && between(drawn, now) < FRAME);
        if self.suspended || fresh {
            return;
        }
        self.drawn = Some(now);
        let block = self.block(now, self.screen.size());
        let above = std::mem::take(&mut self.above);
        self.screen.draw(&above, block);
    }

    fn break_in(&mut self) -> bool {
        if !self.suspended || !std::mem::take(&mut self.pressing) {
            return false;
        }
        // The cursor stands behind a question.
        let above = format!("\n{}", std::mem::take(&mut self.above));
        self.screen.draw(&above, Vec::new());
        true
    }

    fn suspend(&mut self) {
        self.suspended = true;
        self.pressing = false;
        let above = std::mem::take(&mut self.above);
        self.screen.draw(&above, Vec::new());
    }

    fn unsuspend(&mut self) {
        self.suspended = false;
        self.drawn = None;
    }

    fn close(&mut self, end: &EndInfo<'_>) {
        let mut above = std::mem::take(&mut self.above);
        above.push('\n');
        above.push_str(&end_screen(end, &self.timeline, self.paint, self.screen.size()));
        self.screen.draw(&above, Vec::new());
    }
}

/// Returns a duration in whole seconds: what is redrawn ten times a second should change once.
pub(super) fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0 => "0s".to_owned(),
        seconds => format_duration(Duration::from_secs(seconds)),
    }
}

/// Returns how far names are filled up.
pub(super) fn name_columns(columns: usize) -> usize {
    NAME.min(columns / 3)
}
