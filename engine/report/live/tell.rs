//! What stays of a run on the terminal: one line for each step that ended, and whatever a person should not miss.

use std::time::Duration;

use super::{Live, UNFOLDED};
use crate::machine::{Decision, Event, Finish, NodeId, Progress, Stage, UndoResult, Verdict};
use crate::model::format_duration;
use crate::report::asks::driver_may;
use crate::report::lines::node_of;
use crate::report::paint::{Role, pad};
use crate::report::timeline::between;
use crate::report::{Asks, Seen, phrase};

/// The columns that names are filled up to.
pub(super) const NAME: usize = 24;

impl Live {
    /// Writes the title at the first event of this engine's life.
    pub(super) fn begin(&mut self, seen: &Seen<'_>) {
        self.began = Some(seen.at);
        seen.run.clone_into(&mut self.run);
        let name = seen.state.opened.as_ref().map_or("", |opened| opened.runbook.as_str());
        self.most_at_work = seen.state.opened.as_ref().map(|opened| opened.options.max_parallel as usize);
        let rehearses = seen.state.opened.as_ref().is_some_and(|opened| opened.rehearsal.is_some());
        self.runbook = self.paint.clean(&format!("{}{name}", if rehearses { "rehearsal of " } else { "" }));
        let line = format!("{}  run {}", self.paint.paint(Role::Strong, &self.runbook), self.run);
        self.say(&line);
    }

    pub(super) fn say(&mut self, line: &str) {
        self.above.push_str(line);
        self.above.push('\n');
    }

    /// Writes what stays of the event.
    pub(super) fn tell(&mut self, seen: &Seen<'_>) {
        match seen.event {
            Event::Opened(opened) => {
                let text = phrase::sentence(seen.event, seen.graph, None, None).unwrap_or_default();
                let bare = text.strip_prefix("rehearsal of ").unwrap_or(&text);
                let by = bare.strip_prefix(&format!("{} opened ", opened.runbook)).unwrap_or(bare).to_owned();
                self.say_wrapped(Role::Quiet, "", &by);
                self.say("");
            }
            Event::Finished { step, result } => self.tell_finish(seen, step, result),
            Event::Undone { step, result, .. } => self.tell_undo(seen, step, result),
            Event::RetryScheduled { leaf, .. } => {
                let node = self.addresses.get(&leaf.step).map(|at| at.node);
                self.tell_sentence(seen, Role::Active, node);
                self.tell_tail(&leaf.step, 3);
            }
            Event::Reopened { .. } => self.tell_sentence(seen, Role::Active, None),
            Event::Answered { .. } => {
                self.tell_sentence(seen, Role::Person, None);
                self.tell_others(seen);
            }
            Event::Refused { .. } | Event::Voided { .. } => self.tell_sentence(seen, Role::Person, None),
            Event::Asked { .. } => self.tell_others(seen),
            Event::Doubted { leaf } if matches!(leaf.stage, Stage::Action | Stage::Undo) => {
                let node = node_of(seen.state, &leaf.step);
                let again = phrase::is_asked_again(leaf, seen.graph, node);
                self.tell_sentence(seen, if again { Role::Active } else { Role::Doubt }, node);
            }
            Event::TakenOver { .. } => self.tell_sentence(seen, Role::Strong, None),
            Event::Outlived { .. } => self.tell_sentence(seen, Role::Doubt, None),
            Event::HookFailed { .. } => self.tell_sentence(seen, Role::Doubt, None),
            Event::OutputLost { .. } => self.tell_sentence(seen, Role::Doubt, None),
            Event::LeftRunning { .. } => self.tell_sentence(seen, Role::Quiet, None),
            Event::Decided { by: Some(_), .. } | Event::Decided { decision: Decision::Verify, .. } => {
                self.tell_sentence(seen, Role::Person, None);
            }
            Event::Judged { leaf, verdict: Verdict::Warns, .. } if leaf.stage != Stage::Guard => {
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
                if self.suspended {
                    // The cursor stands behind a question, and a `^C`.
                    self.say("");
                }
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

    /// Writes whom a question waits for, when it is not whoever sits here: no prompt says it.
    fn tell_others(&mut self, seen: &Seen<'_>) {
        let Some(at) = seen.event.step().and_then(|step| seen.state.find(step)) else { return };
        let Progress::Asking(question) = seen.state.at(at).progress else { return };
        let answered = matches!(seen.event, Event::Answered { .. });
        if !answered && driver_may(seen.state, seen.graph, at) {
            return;
        }
        let name = seen.state.name(seen.graph, at);
        if !answered {
            self.tell_sentence(seen, Role::Person, Some(at.node));
        }
        let about = (self.program.as_str(), seen.run, true);
        let asks = Asks::of(about, (seen.state, seen.graph), &self.timeline, at, question);
        // Who may is told by the sentence.
        if let Some(people) = asks.people().filter(|_| answered || asks.needed > 1) {
            self.say_wrapped(Role::Plain, "      ", &people);
        }
        let command = phrase::answered_by((&self.program, seen.run), &name, question);
        let line = format!("      {}", self.paint.clean(&command));
        self.say(&line);
    }

    fn tell_sentence(&mut self, seen: &Seen<'_>, role: Role, node: Option<NodeId>) {
        let Some(text) = phrase::sentence(seen.event, seen.graph, node, None) else { return };
        if let Some(of) = seen.event.step().and_then(|step| node_of(seen.state, step)) {
            self.tell_heading(seen, of);
        }
        let (indent, text) = match seen.event.step() {
            Some(step) => ("  ", format!("{step} {text}")),
            None => ("", text),
        };
        let sign = role.glyph(self.paint.unicode);
        self.say_wrapped(role, indent, &format!("{sign} {text}"));
    }

    /// Writes a line that is no event.
    pub(super) fn say_aside(&mut self, text: &str) {
        if text.is_empty() {
            return self.say("");
        }
        let trimmed = text.trim_start();
        let indent = " ".repeat(text.len() - trimmed.len());
        self.say_wrapped(Role::Person, &indent, trimmed);
    }

    fn say_wrapped(&mut self, role: Role, indent: &str, text: &str) {
        let columns = self.screen.size().columns.saturating_sub(indent.len() + 1);
        let sign = role.glyph(self.paint.unicode);
        for line in self.paint.wrap(&self.paint.clean(text), columns) {
            // Of what a person is asked the sign has the colour, and the words are to be read.
            let line = match line.strip_prefix(sign).filter(|_| role == Role::Person) {
                Some(words) => format!("{}{words}", self.paint.glyph(role)),
                None if role == Role::Person => line,
                None => self.paint.paint(role, &line),
            };
            let line = format!("{indent}{line}");
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
        let Some(node) = node_of(seen.state, name) else { return };
        if matches!(result, Finish::Skipped(_)) && seen.state.goes_with_skipped(seen.graph, node) {
            return;
        }
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
            if matches!(result, Finish::Succeeded) {
                self.tell_found(seen, name);
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
            let line = self
                .paint
                .shorten(&format!("      $ {}", self.paint.clean(&phrase::one_line(&command))), room);
            self.say(&line);
        }
        self.tell_tail(name, 10);
    }

    /// Writes what a command that only looks has found.
    fn tell_found(&mut self, seen: &Seen<'_>, name: &str) {
        let found = phrase::found(seen, name);
        let room = self.screen.size().columns.saturating_sub(1);
        for line in &found.lines {
            let line = self.paint.shorten(&format!("      | {}", self.paint.clean_output(line)), room);
            self.say(&line);
        }
        if found.cut {
            let whole = phrase::whole_of((&self.program, seen.run), name);
            let line = format!("      {}", self.paint.clean(&whole));
            self.say(&self.paint.paint(Role::Quiet, &line));
        }
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
}
