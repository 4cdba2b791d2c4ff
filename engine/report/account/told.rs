//! The account while it is made: the events, one by one.

use super::*;
use crate::machine::{Decision, End, Opened, Question};
use crate::report::EndInfo;
use crate::report::summary::{counts_of, meant_by};

/// What a command did that went well, where nothing else tells it.
pub(super) const PRINTED: &str = "printed";

pub(super) struct Teller<'a> {
    about: About<'a>,
    state: State,
    graph: &'a Graph,
    timeline: Timeline,
    failures: Vec<FailedStep>,
    gates: Vec<Answer>,
    approvals: Vec<Asking>,
    overrides: Vec<Entry>,
    people: Vec<Entry>,
    entries: Vec<Entry>,
    seq: u64,
}

impl<'a> Teller<'a> {
    pub(super) fn new(graph: &'a Graph, about: About<'a>) -> Teller<'a> {
        Teller {
            about,
            state: State::new(graph),
            graph,
            timeline: Timeline::default(),
            failures: Vec::new(),
            gates: Vec::new(),
            approvals: Vec::new(),
            overrides: Vec::new(),
            people: Vec::new(),
            entries: Vec::new(),
            seq: 0,
        }
    }

    pub(super) fn hear(&mut self, at: Timestamp, event: &Event) -> Result<(), Illegal> {
        self.state.apply(self.graph, event)?;
        self.timeline.apply(at, event);
        self.seq += 1;
        let node = event.step().and_then(|step| self.state.find(step)).map(|at| at.node);
        if let (Event::Finished { result: Finish::Skipped(_), .. }, Some(node)) = (event, node)
            && self.state.goes_with_skipped(self.graph, node)
        {
            return Ok(());
        }
        asked::hear(&mut self.approvals, at, event);
        self.judged(at, event, node);
        if let Some(mut entry) = self.entry(at, event, node) {
            entry.seq = self.seq;
            self.settle(event, &entry);
            if is_of_people(event) {
                self.people.push(entry.clone());
            }
            self.overridden(event, &entry);
            self.entries.push(entry);
        }
        if let Event::Finished { step, result: Finish::Failed(why) } = event {
            self.failed(at, step, why);
        }
        Ok(())
    }

    fn entry(&self, at: Timestamp, event: &Event, node: Option<u32>) -> Option<Entry> {
        let took = event.step().and_then(|step| self.timeline.track(step)).and_then(|track| match event {
            Event::Finished { .. } => track.took(at),
            Event::Undone { .. } => Some(super::super::timeline::between(track.undo_began?, at)),
            _ => None,
        });
        let mut entry = Entry { at, step: event.step().map(str::to_owned), ..Entry::default() };
        if let Event::Intent { command, stdin, dir, .. } = event {
            entry.command.clone_from(command);
            entry.stdin = stdin.clone().unwrap_or_default();
            entry.dir = dir.clone().unwrap_or_default();
        }
        if let Event::Exited { tail, .. } = event {
            entry.output.clone_from(tail);
        }
        entry.text = match (phrase::sentence(event, self.graph, node, took), event) {
            // The command stands beside it, whole.
            (Some(text), Event::Intent { command, .. }) => {
                text.strip_suffix(&format!(": {}", phrase::one_line(command))).unwrap_or(&text).to_owned()
            }
            (Some(text), _) => text,
            // What went well is told by what follows it, but what it printed belongs to the record.
            (None, Event::Exited { end: End::Exit(0), .. }) if !entry.output.is_empty() => PRINTED.to_owned(),
            (None, _) => return None,
        };
        Some(entry)
    }

    fn judged(&mut self, at: Timestamp, event: &Event, node: Option<u32>) {
        if let Event::Judged { leaf, verdict, seen, polls, .. } = event {
            let gate = node.and_then(|node| phrase::gate(self.graph, node, leaf.stage));
            let text = |of: fn(&Gate) -> &str| gate.map(of).unwrap_or_default().trim().to_owned();
            let (wanted, warned) = (text(Gate::passes), text(Gate::warns));
            let (leaf, verdict, seen) = (leaf.clone(), verdict.clone(), seen.clone());
            self.gates.push(Answer { leaf, at, wanted, warned, verdict, seen, polls: *polls });
        }
    }

    fn end(&self) -> EndInfo<'_> {
        let (run, program) = (self.about.run, self.about.program);
        EndInfo { run, program, state: &self.state, graph: self.graph, took: std::time::Duration::ZERO }
    }

    fn failed(&mut self, at: Timestamp, step: &str, why: &str) {
        let known = self.timeline.track(step).and_then(|track| track.failure.clone());
        let failure = known.unwrap_or_else(|| Failure { why: why.to_owned(), ..Failure::default() });
        let (wanted, about) = meant_by(&self.end(), &self.timeline, step);
        // What ran no command, as an approval that was rejected, printed nothing.
        let logs = match failure.command.is_empty() && failure.tail.is_empty() {
            true => String::new(),
            false => format!("{} logs {} {}", self.about.program, self.about.run, quoted(step)),
        };
        let step = step.to_owned();
        self.failures.push(FailedStep { step, at, failure, wanted, about, logs, settled: None });
    }

    /// Takes down what settled a failure: a decision, or that the step ended otherwise later.
    fn settle(&mut self, event: &Event, entry: &Entry) {
        let settles = match event {
            Event::Decided { .. } => true,
            Event::Finished { result, .. } => !matches!(result, Finish::Failed(_)),
            _ => false,
        };
        let of = |one: &&mut FailedStep| one.settled.is_none() && Some(&one.step) == entry.step.as_ref();
        if settles && let Some(open) = self.failures.iter_mut().rev().find(of) {
            open.settled = Some(entry.clone());
        }
    }

    /// Takes down where the run went another way than its runbook, because a person said so.
    fn overridden(&mut self, event: &Event, entry: &Entry) {
        let of = |text: String| Entry { text, ..entry.clone() };
        match event {
            Event::Opened(opened) => {
                let by = phrase::person(&opened.by);
                let why = opened.reason.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
                let only = opened.options.only.join(", ");
                if let Some(from) = &opened.options.from {
                    self.overrides
                        .push(of(format!("begun at {from}, what is before it was left out, by {by}{why}")));
                } else if !only.is_empty() {
                    self.overrides.push(of(format!("only these steps were run: {only}, by {by}{why}")));
                }
            }
            // That what failed is tried again is what a resume is for.
            Event::Decided { by: Some(_), decision: Decision::Retry, reason: None, .. } => {}
            Event::Decided { by: Some(_), .. }
            | Event::TakenOver { .. }
            | Event::Renewed { .. }
            | Event::Outlived { stopped: true, .. } => self.overrides.push(entry.clone()),
            _ => {}
        }
    }

    pub(super) fn account(self, runbook: &Runbook, vars: &Map) -> Account {
        let (state, timeline, about) = (&self.state, &self.timeline, self.about);
        let opened = state.opened.clone().unwrap_or_else(Opened::none);
        let until = if about.alive { about.now } else { timeline.last.unwrap_or(about.now) };
        let (mut open, settled): (Vec<FailedStep>, Vec<FailedStep>) =
            self.failures.iter().cloned().partition(|one| one.settled.is_none());
        let first = state.first_failure.as_ref().map(|(step, _)| step.as_str());
        let first = open.iter().position(|one| Some(one.step.as_str()) == first).unwrap_or_default();
        Account {
            version: ACCOUNT_VERSION,
            run: about.run.to_owned(),
            called: about.program.to_owned(),
            runbook: opened.runbook,
            title: runbook.title.clone(),
            snapshot: opened.snapshot,
            program: opened.program,
            status: state.status,
            alive: about.alive,
            by: opened.by,
            reason: opened.reason,
            consent: opened.consent,
            target: opened.target,
            lock: opened.lock,
            locks: opened.locks,
            plan: opened.plan.map(|plan| *plan),
            rehearsal: opened.rehearsal.map(|rehearsal| *rehearsal),
            options: opened.options,
            vars: vars.clone(),
            opened: timeline.opened,
            rested: timeline.rested,
            took_ms: u64::try_from(timeline.took(until).as_millis()).unwrap_or(u64::MAX),
            steps: counts_of(&self.end(), timeline),
            first_failure: (!open.is_empty()).then(|| open.remove(first)),
            other_failures: open,
            settled_failures: settled,
            doubts: doubts((about.run, about.program), (state, self.graph), timeline, about.alive),
            changes: self.changes(),
            gates: self.gates,
            approvals: self.approvals,
            overrides: self.overrides,
            people: self.people,
            timeline: self.entries,
        }
    }

    fn changes(&self) -> Vec<Change> {
        self.state.touched.iter().map(|&at| self.change(at)).collect()
    }

    fn change(&self, at: crate::machine::Addr) -> Change {
        let instance = self.state.at(at);
        let step = self.state.name(self.graph, at);
        let track = self.timeline.track(&step).cloned().unwrap_or_default();
        let held = |one: &&Answer| {
            one.leaf.step == step
                && one.leaf.stage == Stage::Verify
                && matches!(one.verdict, Verdict::Holds | Verdict::Warns)
        };
        let seen = self.gates.iter().rev().find(held).map(|one| one.seen.clone()).unwrap_or_default();
        let asked = |one: &&Asking| one.step == step && one.question == Question::Irreversible;
        let written = self.graph.step(at.node).body.irreversible.as_ref();
        let irreversible = match self.approvals.iter().rev().find(asked) {
            Some(asking) => asking.prompt.clone(),
            None => written.filter(|text| text.is_literal()).map(|text| text.src.clone()).unwrap_or_default(),
        };
        Change {
            at: track.acted,
            standing: Standing::of(self.graph, &self.state, at, self.about.alive),
            changes: instance.changes.clone(),
            captured: instance.captured.clone(),
            seen,
            command: track.action_command,
            // What could not even be tried is only in the state.
            undo: if track.undo_command.is_empty() {
                instance.undo_command.clone()
            } else {
                track.undo_command
            },
            undone: track.undo_ended,
            undo_output: track.undo_failure.map(|failure| failure.tail).unwrap_or_default(),
            irreversible: irreversible.trim().to_owned(),
            why: match &instance.undo {
                Some(UndoResult::Failed(why) | UndoResult::Left(why)) => why.clone(),
                Some(UndoResult::Blocked(on)) => format!("{on} stands on it"),
                _ => String::new(),
            },
            step,
        }
    }
}

/// Says whether an event is a person's doing.
fn is_of_people(event: &Event) -> bool {
    match event {
        Event::Opened(_)
        | Event::Resumed { .. }
        | Event::TakenOver { .. }
        | Event::Renewed { .. }
        | Event::Outlived { .. }
        | Event::Answered { .. }
        | Event::Refused { .. }
        | Event::StopRequested { .. } => true,
        Event::Asked { question, .. } => {
            matches!(question, Question::Approval | Question::Manual | Question::Irreversible)
        }
        Event::Decided { by, .. } | Event::RollbackBegan { by, .. } => by.is_some(),
        _ => false,
    }
}
