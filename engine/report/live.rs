//! The live view of a run on a terminal.
//!
//! What ended scrolls up as lines that stay; below them a block is redrawn of what is at work, and for how long. An
//! event costs the same however large the run is, and nothing is drawn before the next tick. A block is drawn from
//! what is at work, of which there is no more than may run at once.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::paint::{Paint, Role, pad};
use super::row::Row;
use super::screen::{Screen, Terminal};
use super::section::Size;
use super::summary::end_screen;
use super::timeline::{Timeline, between};
use super::{EndInfo, Reporter, Seen, Stream, phrase};
use crate::machine::{Addr, Decision, End, Event, Finish, Leaf, NodeId, Stage, UndoResult};
use crate::model::format_duration;

/// A `for_each` with more instances than this is told in one line, apart from its failures.
const UNFOLDED: usize = 12;
/// The columns that names are filled up to.
const NAME: usize = 24;
/// The shortest time between two frames. A little less than a tenth of a second, so that a tick that comes early is
/// not lost.
const FRAME: Duration = Duration::from_millis(80);
/// The most rows of the block: a tall terminal has better uses for them.
const ROWS: usize = 20;

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
    heading: Option<String>,
    run: String,
    runbook: String,
    steps: (usize, usize),
    note: &'static str,
    /// When this engine's first event was, and when the last frame.
    began: Option<Timestamp>,
    drawn: Option<Timestamp>,
    suspended: bool,
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
            heading: None,
            run: String::new(),
            runbook: String::new(),
            steps: (0, 0),
            note: "",
            began: None,
            drawn: None,
            suspended: false,
        }
    }

    /// Writes the title at the first event of this engine's life.
    fn begin(&mut self, seen: &Seen<'_>) {
        self.began = Some(seen.at);
        seen.run.clone_into(&mut self.run);
        let name = seen.state.opened.as_ref().map_or("", |opened| opened.runbook.as_str());
        self.runbook = self.paint.clean(name);
        let line = format!("{}  run {}", self.paint.paint(Role::Strong, &self.runbook), self.run);
        self.say(&line);
    }

    fn say(&mut self, line: &str) {
        self.above.push_str(line);
        self.above.push('\n');
    }

    /// Brings what is at work up to the event.
    fn follow(&mut self, seen: &Seen<'_>) {
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
            row.follow(seen, at.node);
        }
    }

    /// Brings the counts up to the event.
    fn count(&mut self, seen: &Seen<'_>) {
        let main = seen.graph.main_nodes().len();
        self.steps = (main - (seen.state.main_left as usize).min(main), main);
        let Some(node) = seen.event.step().and_then(|name| super::lines::node_of(seen.state, name)) else {
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

    /// Writes what stays of the event.
    fn tell(&mut self, seen: &Seen<'_>) {
        match seen.event {
            Event::Opened(opened) => {
                let text = phrase::sentence(seen.event, seen.graph, None, None).unwrap_or_default();
                let by =
                    text.strip_prefix(&format!("{} opened ", opened.runbook)).unwrap_or(&text).to_owned();
                self.say_wrapped(Role::Quiet, "", &by);
                self.say("");
            }
            Event::Finished { step, result } => self.tell_finish(seen, step, result),
            Event::Undone { step, result } => self.tell_undo(seen, step, result),
            Event::RetryScheduled { leaf, .. } => {
                let node = self.addresses.get(&leaf.step).map(|at| at.node);
                self.tell_sentence(seen, Role::Active, node);
                self.tell_tail(&leaf.step, 3);
            }
            Event::Answered { .. } => self.tell_sentence(seen, Role::Person, None),
            Event::Doubted { leaf } if matches!(leaf.stage, Stage::Action | Stage::Undo) => {
                self.tell_sentence(seen, Role::Doubt, None);
            }
            Event::Decided { by: Some(_), .. } | Event::Decided { decision: Decision::Verify, .. } => {
                self.tell_sentence(seen, Role::Person, None);
            }
            Event::Judged { verdict: crate::machine::Verdict::Warns, .. } => {
                self.tell_sentence(seen, Role::Person, None);
            }
            Event::Resumed { .. } | Event::RollbackBegan { .. } => {
                self.note = "";
                self.heading = None;
                self.tell_sentence(seen, Role::Strong, None);
            }
            Event::StopRequested { hard, .. } => {
                self.note =
                    if *hard { "stopping what runs" } else { "waiting for what runs; Ctrl-C again stops it" };
                self.tell_sentence(seen, Role::Halted, None);
            }
            Event::Rested { .. } => {
                self.tell_open_folds();
                self.rows.clear();
                self.addresses.clear();
            }
            _ => {}
        }
    }

    fn tell_sentence(&mut self, seen: &Seen<'_>, role: Role, node: Option<NodeId>) {
        let Some(text) = phrase::sentence(seen.event, seen.graph, node, None) else { return };
        let (indent, text) = match seen.event.step() {
            Some(step) => ("  ", format!("{step} {text}")),
            None => ("", text),
        };
        let sign = role.glyph(self.paint.unicode);
        self.say_wrapped(role, indent, &format!("{sign} {text}"));
    }

    fn say_wrapped(&mut self, role: Role, indent: &str, text: &str) {
        let columns = self.screen.size().columns.saturating_sub(indent.len() + 1);
        for line in self.paint.wrap(&self.paint.clean(text), columns) {
            let line = format!("{indent}{}", self.paint.paint(role, &line));
            self.say(&line);
        }
    }

    /// Writes the heading of the step's phase, when it is another than that of the line before.
    fn tell_heading(&mut self, seen: &Seen<'_>, node: NodeId) {
        let phase = match &seen.graph.step(node).phase {
            Some(phase) => Some(phase.clone()),
            None if seen.graph.is_finally(node) => Some("Finally".to_owned()),
            None => None,
        };
        if phase != self.heading {
            if let Some(phase) = &phase {
                let line = self.paint.paint(Role::Strong, &self.paint.clean(phase));
                self.say(&line);
            }
            self.heading = phase;
        }
    }

    fn tell_finish(&mut self, seen: &Seen<'_>, name: &str, result: &Finish) {
        let Some(node) = super::lines::node_of(seen.state, name) else { return };
        let took = self.timeline.track(name).and_then(|track| track.took(seen.at));
        let fold = self.folds.get(&node).map(|(_, fold)| *fold).unwrap_or_default();
        let folded = fold.all > UNFOLDED;
        let (role, detail) = match result {
            Finish::Succeeded => (Role::Success, self.detail(seen, name, node)),
            Finish::Satisfied => (Role::Skipped, "nothing to do".to_owned()),
            Finish::Skipped(why) => (Role::Skipped, format!("skipped: {why}")),
            Finish::Failed(why) => (Role::Failure, why.clone()),
            Finish::Stopped => (Role::Halted, "stopped".to_owned()),
            Finish::MarkedDone => (Role::Success, "taken as done".to_owned()),
        };
        if !folded || matches!(result, Finish::Failed(_) | Finish::Stopped) {
            self.tell_heading(seen, node);
            let took = if matches!(result, Finish::Skipped(_)) { None } else { took };
            self.tell_row(role, name, took, &detail);
            if matches!(result, Finish::Failed(_)) {
                self.tell_failure(name);
            }
        }
        if folded && fold.over == fold.all && !fold.told {
            self.tell_heading(seen, node);
            self.tell_fold(node);
        }
    }

    /// Returns what is worth saying of an instance that went well: what it changed, or what its gate saw.
    fn detail(&self, seen: &Seen<'_>, name: &str, node: NodeId) -> String {
        let instance = seen.state.find(name).map(|at| seen.state.at(at));
        let changes = instance.and_then(|one| one.changes.clone());
        let gate = || {
            instance.and_then(|one| one.gate.clone()).map(|(_, text)| text).filter(|text| !text.is_empty())
        };
        let title =
            || seen.graph.step(node).title.as_ref().filter(|title| title.is_literal()).map(|t| t.src.clone());
        changes.or_else(gate).or_else(title).unwrap_or_default()
    }

    fn tell_row(&mut self, role: Role, name: &str, took: Option<Duration>, detail: &str) {
        let took = took.map(format_duration).unwrap_or_default();
        let text = format!("{} {took:>7}  {}", pad(&self.paint.clean(name), NAME), self.paint.clean(detail));
        let room = self.screen.size().columns.saturating_sub(5);
        // A failure's reason is never cut.
        let lines = if role == Role::Failure {
            self.paint.wrap(text.trim_end(), room)
        } else {
            vec![self.paint.shorten(text.trim_end(), room)]
        };
        for (number, line) in lines.iter().enumerate() {
            let sign = if number == 0 { self.paint.glyph(role) } else { " ".to_owned() };
            // What went well needs no colour beyond its sign.
            let line = if role == Role::Success { line.clone() } else { self.paint.paint(role, line) };
            self.say(&format!("  {sign} {line}"));
        }
    }

    /// Writes the command that failed and what it printed last.
    fn tell_failure(&mut self, name: &str) {
        let command = self.timeline.track(name).map(|track| track.command.clone()).unwrap_or_default();
        if !command.is_empty() {
            let room = self.screen.size().columns.saturating_sub(1);
            let line = self.paint.shorten(&format!("      $ {}", self.paint.clean(&command)), room);
            self.say(&line);
        }
        self.tell_tail(name, 10);
    }

    fn tell_tail(&mut self, name: &str, most: usize) {
        let Some(track) = self.timeline.track(name) else { return };
        let room = self.screen.size().columns.saturating_sub(1);
        let lines: Vec<&str> = track.tail.lines().collect();
        let lines: Vec<String> = lines[lines.len().saturating_sub(most)..]
            .iter()
            .map(|line| self.paint.shorten(&format!("      | {}", self.paint.clean_output(line)), room))
            .collect();
        for line in lines {
            self.say(&line);
        }
    }

    fn tell_undo(&mut self, seen: &Seen<'_>, name: &str, result: &UndoResult) {
        let took = self.timeline.track(name).and_then(|track| track.undo_began);
        let took = took.map(|began| between(began, seen.at));
        match result {
            UndoResult::Done => self.tell_row(Role::Undone, name, took, "undone"),
            UndoResult::Nothing => self.tell_row(Role::Undone, name, None, "nothing to undo"),
            UndoResult::Left(why) => {
                self.tell_row(Role::Skipped, name, None, &format!("left as it is: {why}"));
            }
            UndoResult::Failed(why) => {
                self.tell_row(Role::Failure, name, took, &format!("could not be undone: {why}"));
                self.tell_failure(name);
            }
            UndoResult::Blocked(on) => {
                let why = format!("not undone: {on} stands on it and could not be undone");
                self.tell_row(Role::Failure, name, None, &why);
            }
        }
    }

    fn tell_fold(&mut self, node: NodeId) {
        let Some((name, fold)) = self.folds.get_mut(&node) else { return };
        fold.told = true;
        let (name, fold) = (name.clone(), *fold);
        let role = match (fold.failed, fold.over == fold.all) {
            (0, true) => Role::Success,
            (0, false) => Role::Halted,
            _ => Role::Failure,
        };
        self.tell_row(role, &name, None, &fold.words());
    }

    /// Writes the line of every `for_each` that the run leaves unfinished.
    fn tell_open_folds(&mut self) {
        let open: Vec<NodeId> = self
            .folds
            .iter()
            .filter(|(_, (_, fold))| fold.all > UNFOLDED && !fold.told)
            .map(|(node, _)| *node)
            .collect();
        for node in open {
            self.tell_fold(node);
        }
    }

    /// Returns the block of what is at work, cut to `size`.
    fn block(&self, now: Timestamp, size: Size) -> Vec<String> {
        let columns = size.columns.saturating_sub(1);
        let room = size.rows.saturating_sub(2).min(ROWS);
        if room == 0 || columns < 8 {
            return Vec::new();
        }
        let (budget, all) = (room - 1, self.rows.len());
        let mut lines = Vec::new();
        let mut shown = 0;
        let mut last = None;
        // Whoever waits for a person comes first: it is what somebody can do something about.
        let asked = self.rows.iter().filter(|(_, row)| row.is_asking());
        for (at, row) in asked.chain(self.rows.iter().filter(|(_, row)| !row.is_asking())) {
            let fold = self.folds.get(&at.node).filter(|_| last != Some(at.node));
            let needed = 1 + usize::from(fold.is_some());
            // The last row is for how many there are more, unless this is the last of them.
            let limit = if shown + 1 == all { budget } else { budget.saturating_sub(1) };
            if lines.len() + needed > limit {
                break;
            }
            if let Some((name, fold)) = fold {
                let text = format!("{} {}", self.paint.clean(name), fold.words());
                let text = self.paint.shorten(&text, columns.saturating_sub(4));
                lines.push(format!("  {} {text}", self.paint.glyph(Role::Active)));
            }
            last = Some(at.node);
            shown += 1;
            lines.push(row.line(self.paint, now, columns, self.folds.contains_key(&at.node)));
        }
        if shown < all && lines.len() < budget {
            let text = format!("    {} and {} more at work", self.paint.ellipsis(), all - shown);
            lines.push(self.paint.shorten(&text, columns));
        }
        lines.push(self.footer(now, columns));
        lines
    }

    fn footer(&self, now: Timestamp, columns: usize) -> String {
        let (done, all) = self.steps;
        let elapsed = seconds(self.began.map(|began| between(began, now)).unwrap_or_default());
        let mut text = format!("{}  {}  {done} of {all} steps  {elapsed}", self.runbook, self.run);
        if !self.note.is_empty() {
            text = format!("{}: {text}", self.note);
        }
        // Room for the `^C` that a terminal writes where the cursor stands.
        self.paint.paint(Role::Quiet, &self.paint.shorten(&text, columns.saturating_sub(3)))
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
    fn past(&mut self, at: Timestamp, event: &Event) {
        self.timeline.apply(at, event);
    }

    fn event(&mut self, seen: &Seen<'_>) {
        self.timeline.apply(seen.at, seen.event);
        if self.began.is_none() {
            self.begin(seen);
        }
        self.count(seen);
        self.tell(seen);
        self.follow(seen);
    }

    fn output(&mut self, leaf: &Leaf, stream: Stream, bytes: &[u8]) {
        let row = self.addresses.get(&leaf.step).and_then(|at| self.rows.get_mut(at));
        if let Some(row) = row {
            row.output(stream, bytes);
        }
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

    fn suspend(&mut self) {
        self.suspended = true;
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

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::fixture::{Play, UTF8, runbook};
    use super::super::vt::Vt;
    use super::*;
    use crate::machine::{Item, Question, RunStatus, Verdict};

    fn on(vt: &Vt) -> Play {
        Play::expanded(vec![live(vt.terminal(UTF8))])
    }

    /// A run in the middle: one instance is done, one waits for its gate, one prints, a step is tried again.
    fn middle(vt: &Vt) -> Play {
        let mut play = on(vt);
        play.change("scale[api]", "replicas 3 → 10");
        play.act("scale[cart]", "replicas 3 → 10", "kubectl scale deployment/cart --replicas=10");
        play.exit("scale[cart]", Stage::Action, 0, "scaled");
        play.intend("scale[cart]", Stage::Verify, "kubectl get deployment/cart -o json");
        play.poll("scale[cart]", Stage::Verify, Verdict::DoesNotHold, "ready 7 of 10, wants >= 10");
        play.act("scale[web]", "replicas 3 → 10", "kubectl scale deployment/web --replicas=10");
        play.print("scale[web]", b"first\nsecond 10%\rsecond 80%");
        play.act("aurora", "ACU 2 → 8", "aws rds modify-db-cluster");
        play.exit("aurora", Stage::Action, 255, "An error occurred (Throttling)");
        let leaf = Leaf { step: "aurora".to_owned(), stage: Stage::Action, attempt: 1 };
        play.say(Event::RetryScheduled { leaf, ms: 10_000 });
        play
    }

    #[test]
    fn what_runs_stands_below_what_ended() {
        let vt = Vt::new(80, 24);
        let mut play = middle(&vt);
        play.tick(3_200);
        assert_snapshot!(vt.text(), @r##"
        autolytiq/pre-scale-event  run r7k2m9qd
        by ada@ops1 (sale on Friday); target cluster prod-eu

        Preflight
          ✓ reach                       1.2s  yes
        24 hours before
          ✓ scale[api]                   11s  replicas 3 → 10
          ● aurora attempt 1 failed; the next in 10s
              | An error occurred (Throttling)
          ● scale 1/3
            ● scale[cart]                   8s  verifying  ready 7 of 10, wants >= 10
            ● scale[web]                    6s  second 80%
          ● aurora                         4s  tries again  attempt 2  in 7s
        autolytiq/pre-scale-event  r7k2m9qd  1 of 5 steps  20s
        "##);
        assert!(!vt.has_cursor());
    }

    #[test]
    fn nothing_is_left_behind_at_the_end() {
        let vt = Vt::new(80, 24);
        let mut play = middle(&vt);
        play.tick(1_000).exit("scale[web]", Stage::Action, 1, "Error from server: no\n");
        play.finish("scale[web]", Finish::Failed("it exited with 1".to_owned()));
        play.judge("scale[cart]", Stage::Verify, Verdict::Holds, "ready 10", 9).done("scale[cart]");
        play.tick(1_000).finish("aurora", Finish::Stopped).rest(RunStatus::Failed).close();
        let text = vt.text();
        assert_snapshot!(text.split_once("cluster prod-eu\n").expect("the head").1.trim_start(), @r##"
        Preflight
          ✓ reach                       1.2s  yes
        24 hours before
          ✓ scale[api]                   11s  replicas 3 → 10
          ● aurora attempt 1 failed; the next in 10s
              | An error occurred (Throttling)
          ✗ scale[web]                  4.2s  it exited with 1
              $ kubectl scale deployment/web --replicas=10
              | Error from server: no
          ✓ scale[cart]                 5.8s  replicas 3 → 10
          ■ aurora                      3.6s  stopped

        ✗ autolytiq/pre-scale-event failed after 19s and is paused
          run r7k2m9qd, 3 of 7 steps done

        scale[web] failed: it exited with 1
          $ kubectl scale deployment/web --replicas=10
          | Error from server: no

        Changed
          scale[api]   replicas 3 → 10
          scale[cart]  replicas 3 → 10
          scale[web]   replicas 3 → 10 (failed)
          aurora       ACU 2 → 8 (stopped)

        Next
          all that it printed     runbook logs r7k2m9qd 'scale[web]'
          try again and go on     runbook resume r7k2m9qd
          undo what was changed   runbook rollback r7k2m9qd
        "##);
        assert!(vt.has_cursor());
    }

    #[test]
    fn a_narrower_terminal_keeps_no_torn_rows() {
        let wide = Vt::new(120, 24);
        let mut play = middle(&wide);
        play.tick(1_000);
        for (columns, rows) in [(40, 24), (23, 9), (150, 50), (60, 24)] {
            wide.resize(columns, rows);
            play.tick(1_000);
            let text = wide.text();
            assert_eq!(text.matches("steps").count().max(1), 1, "at {columns}: one footer\n{text}");
            assert_eq!(text.matches("cart").count(), 1, "at {columns}: one row of each\n{text}");
        }
    }

    #[test]
    fn it_is_never_taller_or_wider_than_the_terminal() {
        for (columns, rows) in [(80, 24), (80, 5), (20, 10), (9, 3), (5, 2), (200, 60)] {
            let vt = Vt::new(columns, rows);
            let mut play = Play::opened(&runbook(), vec![live(vt.terminal(UTF8))]);
            play.start("reach").done("reach");
            let item = |n: u32| Item { key: format!("service-{n}"), value: n.into() };
            play.say(Event::Expanded { step: "scale".to_owned(), items: (0..60).map(item).collect() });
            play.tick(1_000);
            let before = vt.text().lines().count();
            for number in 0..60 {
                play.start(&format!("scale[service-{number}]"));
            }
            play.tick(1_000);
            let block = vt.text().lines().count() + 1 - before;
            assert!(block < rows.max(3), "{block} rows of {rows}\n{}", vt.text());
        }
    }

    #[test]
    fn many_instances_are_told_in_one_line_but_not_their_failures() {
        let vt = Vt::new(80, 24);
        let mut play = Play::opened(&runbook(), vec![live(vt.terminal(UTF8))]);
        play.start("reach").done("reach");
        let item = |n: u32| Item { key: n.to_string(), value: n.into() };
        play.say(Event::Expanded { step: "scale".to_owned(), items: (0..20).map(item).collect() });
        for number in 0..18 {
            play.start(&format!("scale[{number}]")).pass(200).done(&format!("scale[{number}]"));
        }
        play.fail("scale[18]", "no").start("scale[19]").tick(1_000);
        let text = vt.text();
        assert_snapshot!(text.split_once("  ✓ reach").expect("reach").1, @r##"
                                0ms
        24 hours before
          ✗ scale[18]                   1.6s  it exited with 1
              $ kubectl scale scale[18] --replicas=10
              | no
          ● scale 19/20, 1 failed
            ● scale[19]                     1s
        autolytiq/pre-scale-event  r7k2m9qd  1 of 5 steps  6s
        "##);
    }

    #[test]
    fn a_childs_output_stays_text() {
        let vt = Vt::new(80, 24);
        let mut play = on(&vt);
        play.act("aurora", "a \x1b[2J", "aws \x1b]0;x\x07");
        play.print("aurora", b"\x1b[2J\x1b[H\x1b[31mowned\x1b[0m\xff\x07\n").tick(1_000);
        let text = vt.text();
        assert!(text.contains("\\x1b[2J\\x1b[Howned\u{fffd}\\x07"), "{text}");
        play.print("aurora", &vec![b'x'; 1 << 20]).print("aurora", b"\nlast\n\n").tick(1_000);
        assert!(vt.text().contains("  last"), "{}", vt.text());
    }

    #[test]
    fn a_question_leaves_the_terminal_to_the_prompt() {
        let vt = Vt::new(80, 24);
        let mut play = middle(&vt);
        for step in ["scale[cart]", "scale[web]", "aurora"] {
            play.done(step);
        }
        let (step, prompt) = ("go".to_owned(), "Capacity is up. Go?".to_owned());
        play.start("go").say(Event::Asked { step, question: Question::Approval, prompt }).tick(1_000);
        assert!(vt.text().contains("◆ go") && vt.text().contains("Capacity is up. Go?"), "{}", vt.text());
        play.reporters[0].suspend();
        play.tick(1_000);
        let text = vt.text();
        assert!(vt.has_cursor() && text.ends_with('\n') && !text.contains("Capacity"), "{text}");
        play.reporters[0].unsuspend();
        play.tick(0);
        assert!(vt.text().contains("Capacity is up. Go?"));
        play.reporters.clear();
        assert!(vt.has_cursor() && !vt.text().contains("Capacity"), "dropped: {}", vt.text());
    }

    #[test]
    fn events_draw_nothing_and_ticks_no_more_than_they_must() {
        let vt = Vt::new(80, 24);
        let mut play = on(&vt);
        assert_eq!(vt.writes(), 0, "an event draws nothing");
        play.tick(1_000).tick(20).tick(20).tick(20);
        assert_eq!(vt.writes(), 1, "ticks that come too early draw nothing");
        play.tick(100);
        let drawn = vt.writes();
        play.tick(100).tick(100);
        assert_eq!(vt.writes(), drawn, "a frame like the one before is not written");
    }
}
