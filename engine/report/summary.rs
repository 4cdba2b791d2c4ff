//! The end screen: what happened, what is left of it, and what to type next.
//!
//! For a tired person: the result, the first failure with its last lines, what was changed or put back, and two or
//! three commands ready to paste. It fits a terminal of 80 columns and 24 rows; what gives way are lists and output, both
//! of which `runbook status` and `runbook logs` have whole.

#[cfg(test)]
mod tests;

use super::paint::{Paint, Role, pad, quoted, width};
use super::phrase::{self, counted};
use super::reversal::reversed;
use super::section::{Keep, Section, Size, fit};
use super::timeline::{Failure, Timeline};
use super::{Asks, EndInfo, Standing};
use crate::machine::{
    Addr, End, Finish, Graph, Instance, Progress, Question, RunStatus, Stage, State, UndoResult, Verdict,
};
use crate::model::{Action, Gate, OnInterrupt, format_duration};

/// Returns the end screen with its line ends. `timeline` may know nothing; then the state's last command and output
/// are shown.
pub fn end_screen(end: &EndInfo<'_>, timeline: &Timeline, paint: Paint, size: Size) -> String {
    let summary = Summary { end, state: end.state, graph: end.graph, timeline, paint, size };
    fit(&summary.sections(), paint, size)
}

/// Returns the commands to type next, under a heading, for a run that nobody drives.
pub(super) fn next_commands(end: &EndInfo<'_>, timeline: &Timeline, paint: Paint, size: Size) -> Vec<String> {
    Summary { end, state: end.state, graph: end.graph, timeline, paint, size }.next()
}

/// Returns what to type next, each with what it does.
pub(super) fn commands_of(end: &EndInfo<'_>, timeline: &Timeline) -> Vec<(&'static str, String)> {
    Summary { end, state: end.state, graph: end.graph, timeline, paint: PLAIN, size: Size::ENDLESS }
        .commands()
}

/// Returns the step that a run rests because of, and what is known of it: the first failure, else what is in doubt or was
/// stopped.
pub(super) fn culprit_of(end: &EndInfo<'_>, timeline: &Timeline) -> Option<(String, Failure)> {
    let summary =
        Summary { end, state: end.state, graph: end.graph, timeline, paint: PLAIN, size: Size::ENDLESS };
    summary.failure().or_else(|| {
        let unclear = summary.unclear();
        let &(at, instance, _) = unclear.first()?;
        let why = match summary.standing(at) {
            Standing::InDoubt => "whether it took effect is not known: its engine died while it ran",
            _ => "it was stopped while it ran",
        };
        let (command, tail) = (instance.command.clone(), instance.tail.clone());
        Some((summary.name(at), Failure { why: why.to_owned(), command, tail }))
    })
}

/// Returns `12 of 20 steps done, 2 skipped`.
pub(super) fn counts_of(end: &EndInfo<'_>, timeline: &Timeline) -> String {
    Summary { end, state: end.state, graph: end.graph, timeline, paint: PLAIN, size: Size::ENDLESS }.counts()
}

/// Returns what the gate wanted that an instance failed at, and what the runbook says of the instance first.
pub(super) fn meant_by(end: &EndInfo<'_>, timeline: &Timeline, name: &str) -> (String, String) {
    let summary =
        Summary { end, state: end.state, graph: end.graph, timeline, paint: PLAIN, size: Size::ENDLESS };
    (summary.wanted(name).unwrap_or_default().to_owned(), summary.about(name).unwrap_or_default())
}

/// Returns what the gate that an instance failed at wanted, as the runbook says it; nothing where it failed at something else.
pub fn failed_gate_wanted<'a>(state: &State, graph: &'a Graph, at: Addr) -> Option<&'a str> {
    let instance = state.at(at);
    let body = &graph.step(at.node).body;
    let gate = match (&body.action, &body.verify) {
        // Of a run that goes back the last gate is that of an undo.
        _ if state.rollback || !matches!(instance.gate, Some((Verdict::DoesNotHold, _))) => return None,
        (Action::Gate(gate), _) => gate,
        (_, Some(gate)) if instance.action_ok => gate,
        _ => body.check.as_ref()?,
    };
    Some(gate.passes().trim())
}

const PLAIN: Paint = Paint { colour: false, unicode: true };

/// Of how many failures beside the first the runbook's text is told.
const TOLD: usize = 2;

struct Summary<'a> {
    end: &'a EndInfo<'a>,
    state: &'a State,
    graph: &'a Graph,
    timeline: &'a Timeline,
    paint: Paint,
    size: Size,
}

impl Summary<'_> {
    fn sections(&self) -> Vec<Section> {
        let mut sections = vec![Section::fixed(self.result())];
        sections.extend(self.first_failure());
        sections.extend(self.other_failures());
        sections.extend(self.warnings());
        sections.extend(self.doubts());
        sections.extend(self.asked());
        sections.extend(self.changes());
        sections.push(Section::fixed(self.next()));
        sections
    }

    fn result(&self) -> Vec<String> {
        let name = match &self.state.opened {
            Some(opened) if opened.rehearsal.is_some() => format!("The rehearsal of {}", opened.runbook),
            Some(opened) => opened.runbook.clone(),
            None => "the run".to_owned(),
        };
        let took = format_duration(self.end.took);
        let (role, text) = match self.state.status {
            RunStatus::Succeeded => (Role::Success, format!("{name} succeeded after {took}")),
            RunStatus::Failed if self.failure().is_none() && !self.unclear().is_empty() => {
                (Role::Doubt, format!("{name} is paused: whether a step took effect is not known"))
            }
            RunStatus::Failed => (Role::Failure, format!("{name} failed after {took} and is paused")),
            RunStatus::Interrupted => {
                let by = self.timeline.stopped_by.as_ref().map(|by| format!(" ({by})")).unwrap_or_default();
                (Role::Halted, format!("{name} was stopped{by} after {took} and is paused"))
            }
            RunStatus::Waiting => (Role::Person, format!("{name} waits for a person; nothing of it runs")),
            RunStatus::RolledBack if self.failure().is_some() => {
                (Role::Undone, format!("{name} failed and was rolled back, after {took}"))
            }
            RunStatus::RolledBack => (Role::Undone, format!("{name} was rolled back, after {took}")),
            RunStatus::RollbackFailed if self.undone() == 0 => {
                (Role::Failure, format!("{name} could NOT be rolled back, after {took}"))
            }
            RunStatus::RollbackFailed => {
                (Role::Failure, format!("{name} was rolled back IN PART only, after {took}"))
            }
            RunStatus::PartlyUndone => {
                let to = self.state.undo_to.as_deref().unwrap_or("a step");
                (Role::Undone, format!("{name} was rolled back down to {to}, after {took}, and is paused"))
            }
            RunStatus::Running | RunStatus::RollingBack => {
                (Role::Halted, format!("{name} was left in the middle, after {took}"))
            }
        };
        let sign = role.glyph(self.paint.unicode);
        let mut lines: Vec<String> = self
            .paint
            .wrap(&format!("{sign} {}", self.paint.clean(&text)), self.size.columns)
            .iter()
            .map(|line| self.paint.paint(role, line))
            .collect();
        lines.push(self.paint.paint(Role::Quiet, &format!("  run {}, {}", self.end.run, self.counts())));
        lines
    }

    /// Returns `12 of 20 steps done, 2 skipped`. Instances are counted as steps: they are what was waited for.
    fn counts(&self) -> String {
        if self.state.rollback {
            return format!("{} of {} undone", self.undone(), counted(self.state.touched.len(), "change"));
        }
        let (mut all, mut done, mut skipped) = (0, 0, 0);
        for (node, content) in self.state.nodes.iter().enumerate() {
            if self.state.goes_with_skipped(self.graph, node as u32) {
                continue;
            }
            all += content.instances.len().max(usize::from(!content.expanded));
            for (instance, _) in content.instances.iter().enumerate() {
                let at = Addr { node: node as u32, instance: instance as u32 };
                match self.state.at(at).finish {
                    Some(Finish::Succeeded | Finish::Satisfied | Finish::MarkedDone) => done += 1,
                    Some(Finish::Skipped(_)) => skipped += 1,
                    _ => {}
                }
            }
        }
        let mut text = format!("{done} of {} done", counted(all, "step"));
        if skipped > 0 {
            text.push_str(&format!(", {skipped} skipped"));
        }
        text
    }

    fn undone(&self) -> usize {
        self.state.touched.iter().filter(|at| self.standing(**at) == Standing::Undone).count()
    }

    fn name(&self, at: Addr) -> String {
        self.state.name(self.graph, at)
    }

    fn standing(&self, at: Addr) -> Standing {
        Standing::of(self.graph, self.state, at, false)
    }

    /// Returns the first failure that nobody has settled: its instance's name and how it was.
    fn failure(&self) -> Option<(String, Failure)> {
        let (name, why) = self.state.first_failure.clone().or_else(|| {
            self.state.instances().find_map(|(at, instance)| match &instance.finish {
                Some(Finish::Failed(why)) => Some((self.name(at), why.clone())),
                _ => None,
            })
        })?;
        let known = self.timeline.track(&name).and_then(|track| track.failure.clone());
        let failure = known.unwrap_or_else(|| {
            let instance = self.state.find(&name).map(|at| self.state.at(at));
            // Once its undo ran, the state has the undo's command: better none than the wrong one.
            let instance = instance.filter(|one| one.undo.is_none());
            Failure {
                why,
                command: instance.map(|one| one.command.clone()).unwrap_or_default(),
                tail: instance.map(|one| one.tail.clone()).unwrap_or_default(),
            }
        });
        Some((name, failure))
    }

    fn first_failure(&self) -> Option<Section> {
        let (name, failure) = self.failure()?;
        let mut fixed = self.wrapped(Role::Failure, "", &format!("{name} failed: {}", failure.why), 3);
        fixed.extend(self.command(&failure.command));
        if let Some(wanted) = self.wanted(&name) {
            fixed.extend(self.wrapped(Role::Plain, "  ", &format!("until {wanted}"), 3));
        }
        if let Some(about) = self.about(&name) {
            fixed.extend(self.plain(&about, 5));
        }
        Some(Section { fixed, elastic: self.output(&failure.tail), keep: Keep::Last })
    }

    /// Returns what the runbook says of a step, as far as it says the most important first: its first paragraph.
    fn about(&self, name: &str) -> Option<String> {
        let at = self.state.find(name)?;
        let about = self.graph.step(at.node).about.as_deref()?.trim();
        let first = about.split("\n\n").next().unwrap_or_default();
        Some(first.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty())
    }

    /// Returns what the gate that an instance failed at wanted: what was seen means little without it.
    fn wanted(&self, name: &str) -> Option<&str> {
        failed_gate_wanted(self.state, self.graph, self.state.find(name)?)
    }

    fn command(&self, command: &str) -> Option<String> {
        let text = format!("  $ {}", self.paint.clean(&phrase::one_line(command)));
        (!command.is_empty()).then(|| self.paint.shorten(&text, self.size.columns))
    }

    fn output(&self, tail: &str) -> Vec<String> {
        let line =
            |line| self.paint.shorten(&format!("  | {}", self.paint.clean_output(line)), self.size.columns);
        tail.lines().map(line).collect()
    }

    /// Returns `text` as at most `most` lines, indented and without colour.
    fn plain(&self, text: &str, most: usize) -> Vec<String> {
        let lines = self.lines("  ", text, most);
        lines.into_iter().map(|line| format!("  {line}")).collect()
    }

    /// Returns `text` as at most `most` lines, indented by `indent`.
    fn wrapped(&self, role: Role, indent: &str, text: &str, most: usize) -> Vec<String> {
        let lines = self.lines(indent, text, most);
        lines.iter().map(|line| self.paint.paint(role, &format!("{indent}{line}"))).collect()
    }

    /// Returns `text` as at most `most` lines that leave room for `indent`.
    fn lines(&self, indent: &str, text: &str, most: usize) -> Vec<String> {
        let columns = self.size.columns - indent.len().min(self.size.columns);
        let mut lines = self.paint.wrap(&self.paint.clean(text), columns);
        if lines.len() > most {
            let rest = lines.split_off(most - 1).join(" ");
            lines.push(self.paint.shorten(&rest, columns));
        }
        lines
    }

    fn other_failures(&self) -> Option<Section> {
        let first = self.failure()?.0;
        let others: Vec<(String, &String)> = self
            .state
            .instances()
            .filter_map(|(at, instance)| match &instance.finish {
                Some(Finish::Failed(why)) => Some((self.name(at), why)),
                _ => None,
            })
            .filter(|(name, _)| *name != first)
            .collect();
        if others.is_empty() {
            return None;
        }
        // What to do about a failure that stops nothing is said nowhere else; of many the names are what is left.
        let (told, listed) = others.split_at(if others.len() > TOLD { 0 } else { others.len() });
        let mut fixed = vec![self.heading("Failed too")];
        for (name, why) in told {
            fixed.push(self.item(&format!("{name}: {why}")));
            let about = self.about(name).map(|about| self.lines("    ", &about, 2)).unwrap_or_default();
            fixed.extend(about.into_iter().map(|line| format!("    {line}")));
        }
        let elastic = listed.iter().map(|(name, why)| self.item(&format!("{name}: {why}"))).collect();
        Some(Section { fixed, elastic, keep: Keep::First })
    }

    /// Returns the gates that held only just: nothing stopped because of them, so nobody may have seen it.
    fn warnings(&self) -> Option<Section> {
        let item = |(step, stage, seen): &(String, Stage, String)| {
            let node = self.state.find(step).map(|at| at.node);
            let gate = node.and_then(|node| phrase::gate(self.graph, node, *stage));
            let warns = gate.map(Gate::warns).map(phrase::flat).filter(|warns| !warns.is_empty());
            let why = warns.map(|warns| format!(" (warns if {warns})")).unwrap_or_default();
            let seen = if seen.is_empty() { "holds, but only just" } else { seen };
            self.item(&format!("{step}: {seen}{why}"))
        };
        let items: Vec<String> = self.timeline.warnings.iter().map(item).collect();
        (!items.is_empty()).then(|| Section::list(self.heading("Held, but only just"), items))
    }

    fn heading(&self, text: &str) -> String {
        self.paint.paint(Role::Strong, text)
    }

    fn item(&self, text: &str) -> String {
        self.paint.shorten(&format!("  {}", self.paint.clean(text)), self.size.columns)
    }

    /// Returns the changing steps whose end is not known, those that a person must settle first: the engine died, or
    /// they were stopped, while their command ran. What undoes is settled by the step's own rule.
    fn unclear(&self) -> Vec<(Addr, &Instance, OnInterrupt)> {
        let mut unclear: Vec<_> = self
            .state
            .instances()
            .filter(|(at, instance)| {
                self.standing(*at) == Standing::InDoubt
                    || self.graph.changes(at.node)
                        && !self.graph.is_finally(at.node)
                        && instance.undo.is_none()
                        && instance.progress == Progress::Working(self.stage())
                        && instance.last_end == Some(End::Stopped)
            })
            .map(|(at, instance)| (at, instance, self.rule(at)))
            .collect();
        unclear.sort_by_key(|(.., rule)| *rule != OnInterrupt::Ask);
        unclear
    }

    /// Returns the stage that changes something, in the direction in which the run goes.
    fn stage(&self) -> Stage {
        if self.state.rollback { Stage::Undo } else { Stage::Action }
    }

    /// Says whether it is the undo of an instance whose end is not known.
    fn is_undo_unclear(&self, instance: &Instance) -> bool {
        matches!(instance.open, Some((Stage::Undo, _)))
            || matches!(instance.progress, Progress::Doubt(Stage::Undo) | Progress::Working(Stage::Undo))
    }

    /// Returns what resume does with an unclear step when nobody says anything of it.
    fn rule(&self, at: Addr) -> OnInterrupt {
        let body = &self.graph.step(at.node).body;
        let rule = match &body.rollback {
            // What is in doubt on the way forwards is undone, and nobody is asked.
            _ if self.state.rollback && !self.is_undo_unclear(self.state.at(at)) => OnInterrupt::Rerun,
            Some(undo) if self.state.rollback && undo.verify.is_some() => OnInterrupt::Verify,
            _ if self.state.rollback && body.idempotent => OnInterrupt::Rerun,
            _ if self.state.rollback => OnInterrupt::Ask,
            _ => self.graph.step(at.node).on_interrupt(),
        };
        match rule {
            // The gate was asked already and could not tell, or the run would not have come to rest like this.
            OnInterrupt::Verify if matches!(self.state.status, RunStatus::Waiting | RunStatus::Failed) => {
                OnInterrupt::Ask
            }
            rule => rule,
        }
    }

    /// Returns what is known of the first step whose end is not known and how it is settled, and the names of the others.
    fn doubts(&self) -> Option<Section> {
        let doubts = self.unclear();
        let &(at, instance, rule) = doubts.first()?;
        let name = self.name(at);
        let undo = self.state.rollback && self.is_undo_unclear(instance);
        let (sign, why) = match self.standing(at) {
            Standing::InDoubt if undo => ('?', "is in doubt: the run broke off while its undo ran."),
            _ if undo => (Role::Halted.glyph(self.paint.unicode), "was stopped while its undo ran."),
            Standing::InDoubt => ('?', "is in doubt: the run broke off while its command ran."),
            _ => (Role::Halted.glyph(self.paint.unicode), "was stopped while its command ran."),
        };
        let then = match rule {
            _ if self.state.rollback && !undo => "It is undone all the same.",
            OnInterrupt::Ask => "Did it take effect?",
            OnInterrupt::Rerun if undo => "It may be run twice: resume runs it again.",
            OnInterrupt::Verify if undo => "Resume asks the gate after it first.",
            OnInterrupt::Rerun => "It may be run twice: resume runs it again.",
            OnInterrupt::Verify => "Resume asks its gate, and runs it again only if that does not hold.",
        };
        let mut fixed = self.wrapped(Role::Doubt, "", &format!("{sign} {name} {why} {then}"), 3);
        let command = match self.timeline.track(&name) {
            Some(track) if !track.command.is_empty() => &track.command,
            _ => &instance.command,
        };
        fixed.extend(self.command(command));
        if let Some(changes) = &instance.changes {
            fixed.push(self.item(&format!("  it was to change: {changes}")));
        }
        if let Some(process) = &instance.process
            && self.standing(at) == Standing::InDoubt
        {
            fixed.push(self.item(&format!("  it was process {} on {}", process.pid, process.host)));
        }
        if doubts.len() > 1 {
            let names: Vec<String> = doubts[1..].iter().map(|(at, ..)| self.name(*at)).collect();
            fixed.push(self.item(&format!("The same of: {}", names.join(", "))));
        }
        Some(Section::fixed(fixed))
    }

    fn asked(&self) -> Option<Section> {
        let items: Vec<String> = self
            .state
            .instances()
            .filter_map(|(at, instance)| match instance.progress {
                Progress::Asking(question) => Some((self.name(at), self.asks(at, question))),
                _ => None,
            })
            .map(|(name, asks)| {
                let prompt = self.timeline.track(&name).map_or("", |track| track.prompt.as_str());
                let colon = if prompt.is_empty() { "" } else { ": " };
                let people = asks.people().map(|people| format!(" ({people})")).unwrap_or_default();
                format!("{name} {}{colon}{prompt}{people}", phrase::asking(asks.question))
            })
            .collect();
        // Who is to decide must be able to read the question.
        let (first, others) = items.split_first()?;
        let mut fixed = vec![self.heading("Waits for a person")];
        let mut lines = first.lines().filter(|line| !line.trim().is_empty());
        fixed.extend(self.wrapped(Role::Person, "  ", lines.next().unwrap_or_default(), 4));
        // A list of what to look at stays a list.
        fixed.extend(lines.take(8).flat_map(|line| self.wrapped(Role::Person, "    ", line, 2)));
        let elastic = others.iter().map(|item| self.item(&phrase::flat(item))).collect();
        Some(Section { fixed, elastic, keep: Keep::First })
    }

    /// Returns what was changed, by what became of it.
    fn changes(&self) -> Vec<Section> {
        let (mut changed, mut undone, mut left, mut stuck) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for &at in &self.state.touched {
            let instance = self.state.at(at);
            let name = self.name(at);
            match &instance.undo {
                None => {
                    let (what, became) = self.change(at, instance);
                    let mark = match (became, self.graph.step(at.node).body.rollback.is_none()) {
                        ("", false) => String::new(),
                        ("", true) => " (can't be undone)".to_owned(),
                        (became, false) => format!(" ({became})"),
                        (became, true) => format!(" ({became}; can't be undone)"),
                    };
                    changed.push((name, what, mark));
                }
                Some(UndoResult::Done | UndoResult::Nothing) => {
                    let back = instance.changes.as_deref().and_then(reversed);
                    undone.push((name, back.unwrap_or_else(|| self.change(at, instance).0), String::new()))
                }
                Some(UndoResult::Left(why)) => left.push((name, why.clone(), String::new())),
                Some(UndoResult::Failed(why)) => {
                    stuck.push((name, why.clone(), instance.undo_command.clone()));
                }
                Some(UndoResult::Blocked(on)) => {
                    stuck.push((name, format!("{on} stands on it"), instance.undo_command.clone()));
                }
            }
        }
        let mut sections = Vec::new();
        if !stuck.is_empty() {
            let mut lines = vec![self.heading("Could not be undone")];
            // In the order in which they would be undone.
            for (name, why, by_hand) in stuck.into_iter().rev() {
                lines.extend(self.wrapped(Role::Failure, "  ", &format!("{name}: {why}"), 2));
                if !by_hand.is_empty() {
                    // Whole, whatever its length: it is there to be pasted. One of several lines, or with what this terminal
                    // can't show, would be another command here.
                    let shown = self.paint.clean(&by_hand);
                    let (program, run) = (self.end.program, self.end.run);
                    lines.push(match shown == by_hand {
                        true => format!("    by hand: {by_hand}"),
                        false => format!("    by hand: it is in the account, whole: {program} report {run}"),
                    });
                }
            }
            let fixed = lines.drain(..lines.len().min(7)).collect();
            sections.push(Section { fixed, elastic: lines, keep: Keep::First });
        }
        let heading = if self.state.rollback { "Still changed" } else { "Changed" };
        for (heading, items) in
            [(heading, changed), ("Undone, back to what it was", undone), ("Left as it is", left)]
        {
            if !items.is_empty() {
                sections.push(Section::list(self.heading(heading), self.table(&items)));
            }
        }
        sections
    }

    fn change(&self, at: Addr, instance: &Instance) -> (String, &'static str) {
        let step = self.graph.step(at.node);
        let what = match (&instance.changes, &step.title) {
            (Some(changes), _) => changes.clone(),
            (None, Some(title)) if title.is_literal() => title.src.clone(),
            _ => match self.timeline.track(&self.name(at)) {
                Some(track) if !track.action_command.is_empty() => {
                    phrase::one_line(&track.action_command).into_owned()
                }
                _ => "its command ran".to_owned(),
            },
        };
        match self.standing(at) {
            Standing::Failed => (what, "failed"),
            Standing::InDoubt => (what, "in doubt"),
            Standing::Stopped => (what, "stopped"),
            Standing::Skipped => (what, "failed, then skipped"),
            _ => (what, ""),
        }
    }

    /// Returns each with its name and its mark, which is not cut with what was changed.
    fn table(&self, items: &[(String, String, String)]) -> Vec<String> {
        let names: Vec<String> = items.iter().map(|(name, ..)| self.paint.clean(name)).collect();
        let wide = names.iter().map(|name| width(name)).max().unwrap_or(0).min(self.size.columns / 3);
        let row = |(name, (_, what, mark)): (&String, &(String, String, String))| {
            let name = pad(&self.paint.shorten(name, wide), wide);
            let room = self.size.columns.saturating_sub(width(mark));
            let line = self.paint.shorten(&format!("  {name}  {}", self.paint.clean(what)), room);
            self.paint.shorten(&format!("{line}{mark}"), self.size.columns)
        };
        names.iter().zip(items).map(row).collect()
    }

    /// Returns the commands to type next. What each does stands before it, so that a command may be as long as it is; or
    /// above it, where the screen is too narrow for both.
    fn next(&self) -> Vec<String> {
        let commands = self.commands();
        let wide = commands.iter().map(|(what, _)| width(what)).max().unwrap_or(0);
        let mut lines = vec![self.heading("Next")];
        for (what, command) in commands {
            let narrow = wide + width(&command) + 5 > self.size.columns;
            let command = self.paint.paint(Role::Strong, &command);
            if narrow {
                lines.push(format!("  {}", self.paint.paint(Role::Quiet, what)));
                lines.push(format!("    {command}"));
            } else {
                lines.push(format!("  {}   {command}", self.paint.paint(Role::Quiet, &pad(what, wide))));
            }
        }
        lines
    }

    fn commands(&self) -> Vec<(&'static str, String)> {
        let (run, program) = (self.end.run, self.end.program);
        // What ran no command, as an approval that was rejected, printed nothing.
        let failed =
            self.failure().filter(|(_, failure)| !failure.command.is_empty() || !failure.tail.is_empty());
        let failed = failed.map(|(name, _)| quoted(&name));
        let logs = failed.map(|step| ("all that it printed", format!("{program} logs {run} {step}")));
        let status = ("every step", format!("{program} status {run}"));
        let open = self.state.touched.iter().any(|&at| self.state.at(at).undo.is_none());
        let rollback = (open && !self.state.rollback)
            .then(|| ("undo what was changed", format!("{program} rollback {run}")));
        let mut commands = self.settling();
        match self.state.status {
            RunStatus::Succeeded => {
                commands.push(status);
                commands.extend(rollback);
            }
            RunStatus::RolledBack => {
                commands.extend(logs);
                commands.push(status);
            }
            RunStatus::RollbackFailed => {
                // Not more than was asked for.
                let to = self.state.undo_to.as_ref().map(|to| format!(" --to {}", quoted(to)));
                let again = format!("{program} rollback {run}{}", to.unwrap_or_default());
                commands.push(("try to undo it again", again));
                commands.extend(self.stuck().map(|step| {
                    ("done by hand: go on", format!("{program} resume {run} --done {step} --reason '...'"))
                }));
                commands.extend(self.stuck_logs());
                commands.push(status);
            }
            RunStatus::PartlyUndone => {
                commands.push(("run again what was undone, and go on", format!("{program} resume {run}")));
                commands.push(("undo the rest too", format!("{program} rollback {run}")));
                commands.push(status);
            }
            RunStatus::Waiting => {
                commands.extend(rollback);
                commands.push(status);
            }
            RunStatus::Failed => {
                // Taken up again without an answer it would only ask again.
                if self.failure().is_some() || commands.is_empty() {
                    commands.extend(logs);
                    commands.push(("try again and go on", format!("{program} resume {run}")));
                }
                commands.extend(rollback);
            }
            RunStatus::Interrupted | RunStatus::Running | RunStatus::RollingBack => {
                let what = if self.state.rollback { "go on undoing" } else { "go on where it is" };
                if commands.is_empty() {
                    commands.push((what, format!("{program} resume {run}")));
                }
                commands.extend(rollback);
                commands.push(status);
            }
        }
        commands
    }

    /// Returns how to answer what a person must settle: the first of it, since the next screen tells the next.
    fn settling(&self) -> Vec<(&'static str, String)> {
        let resume = format!("{} resume {}", self.end.program, self.end.run);
        let unclear = self.unclear();
        if let Some((at, _, rule)) = unclear.first() {
            let step = quoted(&self.name(*at));
            match rule {
                OnInterrupt::Ask if self.state.rollback => {
                    return vec![
                        ("it is undone", format!("{resume} --done {step} --reason '...'")),
                        ("it is not: undo it", format!("{resume} --retry {step}")),
                        ("leave it as it is", format!("{resume} --skip {step} --reason '...'")),
                    ];
                }
                _ if self.state.rollback => return vec![("go on undoing", resume)],
                OnInterrupt::Ask => {
                    return vec![
                        ("it took effect", format!("{resume} --done {step} --reason '...'")),
                        ("it did not: run it", format!("{resume} --retry {step}")),
                        ("go on without it", format!("{resume} --skip {step} --reason '...'")),
                    ];
                }
                OnInterrupt::Rerun | OnInterrupt::Verify => {}
            }
        }
        for (at, instance) in self.state.instances() {
            if let (Standing::Asking, Progress::Asking(question)) = (self.standing(at), instance.progress) {
                let asks = self.asks(at, question);
                let by_driver = asks.is_for_driver(self.state, self.graph, at);
                let at_once = format!("{resume} --approve {}", quoted(&self.name(at)));
                return match question {
                    Question::Approval if by_driver => vec![("say yes and go on", at_once)],
                    Question::Approval => vec![("say yes or no to it", asks.command), ("then go on", resume)],
                    Question::Manual => vec![("when it is done", asks.command), ("then go on", resume)],
                    Question::Irreversible => vec![("leave it as it is", at_once)],
                };
            }
        }
        match unclear.first() {
            Some((.., OnInterrupt::Verify)) => vec![("ask its gate and go on", resume)],
            Some(_) => vec![("run it again and go on", resume)],
            None => Vec::new(),
        }
    }

    fn asks(&self, at: Addr, question: Question) -> Asks {
        let about = (self.end.program, self.end.run, false);
        Asks::of(about, (self.state, self.graph), self.timeline, at, question)
    }

    fn stuck(&self) -> Option<String> {
        let is_stuck = |at: &&Addr| matches!(self.state.at(**at).undo, Some(UndoResult::Failed(_)));
        let at = self.state.touched.iter().rev().find(is_stuck)?;
        Some(quoted(&self.name(*at)))
    }

    fn stuck_logs(&self) -> Option<(&'static str, String)> {
        let step = self.stuck()?;
        Some(("all that it printed", format!("{} logs {} {step}", self.end.program, self.end.run)))
    }
}
