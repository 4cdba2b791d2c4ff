//! The player: answers commands from a tape, in place of every process.
//!
//! A rehearsal is the real thing but for this: journal, machine, gates, approvals, resume and rollback are those of any run.
//! The loop has no pool then, so there is nothing that could start a process.
//!
//! Time is the rehearsal's own. What a command takes, a gate's `every`, a pause before the next attempt: each is a moment on
//! one line of time, and where nobody is asked the time jumps to the next one. So a rehearsal of an hour takes a second, and
//! is the same every time. Rejected: real time divided by some number, since what is polled how often would depend on how
//! busy the machine is. While a person is asked time goes by as it does, and the time they have to answer is never jumped over.
//!
//! What the tape has come to is recorded with what made it so (`Event::Played`), so a rehearsal that is killed goes on from
//! there.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::journal::{Record, RunId, Store, Stored};
use crate::machine::{End, Event, Input, Judge, Leaf, Outcome, Prepared, Stage, describe, step_of};
use crate::model::{
    Answer, Faults, Map, Played, Rendered, Runbook, Tape, Tree, Value, is_recorded, taken_of,
};
use crate::template::{self, Engine, Scope, Truth, from_json, to_json};

use super::clock;
use super::error::DriveError;
use super::tape_text;
use super::target::Answers;

/// Answers commands from a tape.
pub(super) struct Player {
    tape: Arc<Tape>,
    faults: Faults,
    /// The faults that struck, each as its key and its step.
    struck: BTreeSet<(&'static str, String)>,
    engine: Engine,
    state: Map,
    /// The state as expressions see it, once it was wanted.
    seen: OnceCell<template::Value>,
    /// The answers that are not given again.
    given: BTreeSet<usize>,
    /// Whether the tape moved on since that was last recorded.
    moved: bool,
    flying: Vec<Flight>,
    flights: u64,
    /// The moment of the rehearsal's time, and what it is on the clock of the journal.
    now: Instant,
    at: Timestamp,
    /// When the run began.
    began: Timestamp,
}

/// A command that is being answered.
struct Flight {
    /// When it ends; never when that is past the end of time.
    due: Option<Instant>,
    number: u64,
    leaf: Leaf,
    then: Then,
    took: Duration,
}

/// How a command that is being answered will end.
enum Then {
    /// As the tape has it.
    Answer(Box<Given>),
    /// With this end.
    End(End, String),
}

/// An answer with the names that were taken from its command.
struct Given {
    number: usize,
    taken: Map,
    stdin: String,
}

/// What a command printed.
struct Said {
    exit: i32,
    stdout: String,
    stderr: String,
}

impl Player {
    /// Returns a player at the beginning of a tape. `began` is when the run began.
    pub(super) fn new(tape: &Tape, faults: Faults, began: Timestamp) -> Player {
        Player {
            state: tape.state.clone(),
            seen: OnceCell::new(),
            tape: Arc::new(tape.clone()),
            faults,
            struck: BTreeSet::new(),
            engine: Engine::new(),
            given: BTreeSet::new(),
            moved: false,
            flying: Vec::new(),
            flights: 0,
            now: clock::instant(),
            at: clock::now().max(began),
            began,
        }
    }

    /// Returns the player of a stored run, to be wound to where its journal ends; nothing when it is no rehearsal.
    ///
    /// # Errors
    ///
    /// [`DriveError::NoTape`] for a rehearsal whose tape is gone: it must not go on with real commands. Whatever the journal
    /// refuses.
    pub(super) fn of(store: &Store, run: &RunId) -> Result<Option<Player>, DriveError> {
        // Of a real run, which may be a long one, nothing more is read.
        if let Some(tape) = &store.snapshot(run)?.tape {
            return Ok(Some(Player::new(tape, Faults::default(), store.run(run)?.created)));
        }
        let mut rehearses = false;
        store.stream(run, 0, |record| {
            rehearses = matches!(&record.event, Event::Opened(opened) if opened.rehearsal.is_some());
            ControlFlow::Break(())
        })?;
        if rehearses { Err(DriveError::NoTape { run: run.to_string() }) } else { Ok(None) }
    }

    /// Winds the tape to where a journal ends. Its times may lie ahead of the clock: what follows comes after them. What was
    /// to go wrong and has not yet is still to come: nobody can have seen to it.
    pub(super) fn wind(&mut self, stored: &Stored) {
        let records = &stored.records;
        if let Some(Event::Opened(opened)) = records.first().map(|record| &record.event) {
            let faults = opened.rehearsal.as_ref().map(|rehearsal| &rehearsal.to_strike);
            self.spoil(
                faults.map(|faults| left(faults, records, &stored.snapshot.runbook)).unwrap_or_default(),
            );
        }
        let played = records.iter().rev().find_map(|record| match &record.event {
            Event::Played { state, given } => Some((state, given)),
            _ => None,
        });
        if let Some((state, given)) = played {
            self.state.clone_from(state);
            self.seen = OnceCell::new();
            self.given = given.iter().map(|number| *number as usize).collect();
        }
        if let Some(last) = records.last() {
            self.at = self.at.max(last.at);
        }
    }

    /// Returns the moment of the rehearsal's time.
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// Returns the time of the rehearsal, as it is recorded.
    pub(super) fn timestamp(&self) -> Timestamp {
        self.at
    }

    /// Lets time go by.
    pub(super) fn advance(&mut self, by: Duration) {
        self.now = self.now.checked_add(by).unwrap_or(self.now);
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        self.at = self.at.checked_add(by).unwrap_or(Timestamp::MAX);
    }

    /// Returns when the next command ends.
    pub(super) fn next(&self) -> Option<Instant> {
        self.flying.iter().filter_map(|flight| flight.due).min()
    }

    /// Makes the faults vanish that struck: somebody saw to what had failed. Of the others nobody knows yet.
    pub(super) fn mend(&mut self) {
        let holds = |key: &'static str, step: &String| !self.struck.contains(&(key, step.clone()));
        self.faults.fail.retain(|(step, _)| holds("fail", step));
        self.faults.slow.retain(|(step, _)| holds("slow", step));
        self.faults.kill_at.retain(|step| holds("kill_at", step));
    }

    /// Returns the faults that struck nothing so far: in the words that were typed, and each as its key and its step.
    pub(super) fn unstruck(&self) -> Vec<(String, (&'static str, String))> {
        let each = self.faults.words().into_iter().zip(self.faults.each());
        each.filter(|(_, fault)| !self.struck.contains(fault)).collect()
    }

    /// Returns with how many events in the journal the engine is to be killed, when that is still to come.
    pub(super) fn kill_after(&self) -> Option<u64> {
        self.faults.kill_after
    }

    /// Returns the same when the journal has so many events.
    pub(super) fn dies_after(&self, events: u64) -> Option<u64> {
        self.faults.kill_after.filter(|after| events >= *after)
    }

    /// Says whether the engine is to be killed in this command.
    pub(super) fn dies_in(&mut self, leaf: &Leaf, step: &str) -> bool {
        let dies = |at: &&String| **at == leaf.step || *at == step;
        let acts = leaf.stage == Stage::Action && leaf.attempt == 1;
        let struck: Vec<_> = self
            .faults
            .kill_at
            .iter()
            .filter(|_| acts)
            .filter(dies)
            .map(|at| ("kill_at", at.clone()))
            .collect();
        self.struck.extend(struck.iter().cloned());
        !struck.is_empty()
    }

    /// Says whether a tape that was recorded answers a command. What stands masked in it was so on the tape, too.
    pub(super) fn has_recorded(&self, command: &Prepared) -> bool {
        let (played, stdin) = asked(command);
        self.tape.plain && unknown(command).is_none() && self.find(&played, &stdin).is_ok()
    }

    /// Begins to answer a command of the step `step`.
    pub(super) fn begin(&mut self, leaf: Leaf, step: &str, command: &Prepared) {
        let names = |name: &String| *name == leaf.step || name == step;
        let acts = leaf.stage == Stage::Action;
        let failing = self.faults.fail.iter().find(|(name, _)| acts && names(name)).cloned();
        let slow = self.faults.slow.iter().find(|(name, _)| acts && names(name)).map(|(_, took)| *took);
        if acts {
            let struck =
                self.faults.each().into_iter().filter(|(key, step)| *key != "kill_at" && names(step));
            self.struck.extend(struck);
        }
        let (played, stdin) = asked(command);
        let given = match unknown(command) {
            Some(why) => Err(why),
            None => self.find(&played, &stdin).map_err(|why| why.why(&self.tape.path, &played, command)),
        };
        let (mut took, mut then) = match given {
            Ok(given) => (self.tape.answers[given.number].took, Then::Answer(Box::new(given))),
            Err(why) => (Duration::ZERO, Then::End(End::NotStarted(why), String::new())),
        };
        if let Some((typed, exit)) = failing {
            let fault = if exit == 1 { typed } else { format!("{typed}={exit}") };
            then = Then::End(End::Exit(exit), format!("rehearsed failure (--fail {fault})"));
        }
        if let Some(slow) = slow {
            took = slow;
        }
        if let Some(timeout) = command.timeout
            && took > timeout
        {
            (took, then) = (timeout, Then::End(End::TimedOut, String::new()));
        }
        self.flights += 1;
        // Past the end of time it never ends: somebody stops it.
        let due = self.now.checked_add(took);
        self.flying.push(Flight { due, number: self.flights, leaf, then, took });
    }

    /// Stops a command: it ends now, and did nothing.
    pub(super) fn stop(&mut self, leaf: Option<&Leaf>) {
        for flight in self.flying.iter_mut().filter(|flight| leaf.is_none_or(|leaf| flight.leaf == *leaf)) {
            (flight.due, flight.then) = (Some(self.now), Then::End(End::Stopped, String::new()));
        }
    }

    /// Returns the next command that has ended, with what it printed.
    pub(super) fn ended(&mut self) -> Option<(Leaf, Outcome)> {
        let over = |flight: &&Flight| flight.due.is_some_and(|due| due <= self.now);
        let number = self.flying.iter().filter(over).min_by_key(|one| (one.due, one.number))?.number;
        let at = self.flying.iter().position(|flight| flight.number == number)?;
        let Flight { leaf, then, took, .. } = self.flying.remove(at);
        let mut outcome = Outcome { wall: took, ..Outcome::default() };
        match then {
            Then::End(end, text) => {
                outcome.end = Some(end);
                outcome.tail.clone_from(&text);
                if !text.is_empty() {
                    outcome.stderr = format!("{text}\n").into_bytes();
                }
            }
            Then::Answer(given) => match self.give(&given) {
                Ok(Said { exit, stdout, stderr }) => {
                    outcome.end = Some(End::Exit(exit));
                    (outcome.stdout, outcome.stderr) = (stdout.into_bytes(), stderr.into_bytes());
                }
                Err(why) => outcome.end = Some(End::NotStarted(why)),
            },
        }
        Some((leaf, outcome))
    }

    /// Lets everything that is at work take effect although nobody will hear of its end: a process outlives its engine.
    pub(super) fn outlive(&mut self) {
        self.flying.sort_by_key(|flight| (flight.due, flight.number));
        for flight in std::mem::take(&mut self.flying).into_iter().filter(|flight| flight.due.is_some()) {
            if let Then::Answer(given) = flight.then {
                // What is wrong with it is told when it is given again.
                let _ = self.give(&given);
            }
        }
    }

    /// Lets everything that is under way take effect at once although nobody will hear of it; returns what did.
    pub(super) fn take_effects(&mut self) -> Vec<Leaf> {
        let answered = |flight: &Flight| matches!(flight.then, Then::Answer(_)).then(|| flight.leaf.clone());
        let leaves = self.flying.iter().filter_map(answered).collect();
        self.outlive();
        leaves
    }

    /// Lets these things go wrong from now on.
    pub(super) fn spoil(&mut self, faults: Faults) {
        self.faults = faults;
        self.struck.clear();
    }

    /// Returns what is to be recorded of the tape, when it moved on.
    pub(super) fn moved(&mut self) -> Option<Input> {
        std::mem::take(&mut self.moved).then(|| Input::Played {
            state: self.state.clone(),
            given: self.given.iter().map(|number| *number as u32).collect(),
        })
    }

    /// Asks the tape what `target` says.
    ///
    /// # Errors
    ///
    /// [`DriveError::TapeTarget`] when the tape does not know, or the answer is none.
    pub(super) fn target(&mut self, judge: &Judge) -> Result<Answers, DriveError> {
        let commands = judge.target().map_err(DriveError::Settings)?;
        let mut answers = Answers::with_capacity(commands.len());
        for (name, command) in commands {
            let said =
                self.say(&command).map_err(|why| DriveError::TapeTarget { name: name.clone(), why })?;
            answers.push((name, said));
        }
        Ok(answers)
    }

    fn say(&mut self, command: &Prepared) -> Result<String, String> {
        let display = &command.display;
        if let Some(why) = unknown(command) {
            return Err(why);
        }
        let (played, stdin) = asked(command);
        let found = self.find(&played, &stdin);
        let given = found.map_err(|why| why.why(&self.tape.path, &played, command))?;
        let Said { exit, stdout, stderr } = self.give(&given)?;
        let said = stdout.trim();
        if exit != 0 {
            let last = stderr.trim().lines().last().map(|line| format!(": {line}")).unwrap_or_default();
            return Err(format!("`{display}`: {}{last}", describe(&End::Exit(exit))));
        }
        if said.is_empty() {
            return Err(format!("`{display}` printed nothing"));
        }
        Ok(said.to_owned())
    }

    fn find(&self, command: &Played, stdin: &str) -> Result<Given, Unfound> {
        if self.tape.plain {
            // What was masked fits much: what fits to the letter is meant.
            self.first(command, stdin, true).or_else(|why| match why {
                Unfound::Nothing => self.first(command, stdin, false),
                wrong @ Unfound::Wrong(_) => Err(wrong),
            })
        } else {
            self.first(command, stdin, false)
        }
    }

    /// Returns the first answer that fits; of what was recorded, to the letter or as far as it was not masked.
    fn first(&self, command: &Played, stdin: &str, to_the_letter: bool) -> Result<Given, Unfound> {
        for (number, answer) in self.tape.answers.iter().enumerate() {
            if self.given.contains(&number) || answer.once && self.is_being_given(number) {
                continue;
            }
            let taken = match to_the_letter {
                true => answer.to.is(command).then(Map::new),
                false => answer.to.takes(command, self.tape.plain),
            };
            let Some(mut taken) = taken else { continue };
            let reads = answer.stdin.as_deref().is_none_or(|pattern| match self.tape.plain {
                true if to_the_letter => pattern.trim_end() == stdin.trim_end(),
                true => is_recorded(pattern, stdin),
                false => taken_of(pattern.trim_end(), stdin.trim_end(), &mut taken).is_some(),
            });
            if !reads {
                continue;
            }
            if let Some(when) = &answer.when {
                match self.engine.holds(when, &self.scope(&taken, stdin)) {
                    Ok(Truth::True) => {}
                    Ok(_) => continue,
                    Err(fault) => return Err(Unfound::Wrong(self.fault(answer, "when", &fault))),
                }
            }
            return Ok(Given { number, taken, stdin: stdin.to_owned() });
        }
        Err(Unfound::Nothing)
    }

    /// Says whether a command at work will get this answer.
    fn is_being_given(&self, number: usize) -> bool {
        self.flying.iter().any(|flight| matches!(&flight.then, Then::Answer(given) if given.number == number))
    }

    /// Gives an answer: what it prints is of the state before, and then the state is as it says.
    fn give(&mut self, given: &Given) -> Result<Said, String> {
        let tape = Arc::clone(&self.tape);
        let answer = &tape.answers[given.number];
        if tape.plain {
            self.used_up(given.number, answer.once);
            let stdout = match &answer.stdout {
                Some(Tree::Text(text)) => text.src.clone(),
                Some(tree) => tree.literal().map(|value| value.to_string()).unwrap_or_default(),
                None => String::new(),
            };
            return Ok(Said { exit: answer.exit, stdout, stderr: answer.stderr.clone() });
        }
        let scope = self.scope(&given.taken, &given.stdin);
        let stdout = match &answer.stdout {
            Some(Tree::Text(text)) => self
                .engine
                .text(&text.src, &scope)
                .map_err(|fault| self.fault(answer, "stdout", &fault))?
                .display(),
            Some(tree) => {
                let wrong = |why: String| self.wrong(answer, "stdout", &why);
                let value = self.engine.tree(tree, &scope).map_err(|fault| wrong(fault.to_string()))?;
                format!("{}\n", to_json(&value).map_err(|error| wrong(error.to_string()))?)
            }
            None => String::new(),
        };
        let stderr =
            self.engine.text(&answer.stderr, &scope).map_err(|fault| self.fault(answer, "stderr", &fault))?;
        let mut values = Vec::with_capacity(answer.set.len());
        for (path, expression) in &answer.set {
            let wrong = |why: String| self.wrong(answer, &format!("set: {path}"), &why);
            let value = self.engine.expr(expression, &scope).map_err(|fault| wrong(fault.to_string()))?;
            values.push((path, to_json(&value).map_err(|error| wrong(error.to_string()))?));
        }
        if !values.is_empty() {
            let before = self.state.clone();
            for (path, value) in values {
                set(&mut self.state, path, &given.taken, value);
            }
            self.moved |= self.state != before;
            self.seen = OnceCell::new();
        }
        self.used_up(given.number, answer.once);
        Ok(Said { exit: answer.exit, stdout, stderr: stderr.display() })
    }

    fn used_up(&mut self, number: usize, once: bool) {
        self.moved |= once && self.given.insert(number);
    }

    fn scope(&self, taken: &Map, stdin: &str) -> Scope {
        let mut scope = Scope::new();
        let state = self.seen.get_or_init(|| from_json(&Value::Object(self.state.clone())));
        scope.set("state", state.clone());
        let now = self.at.duration_since(self.began).as_millis();
        let seconds = match now % 1000 {
            0 => Value::from((now / 1000) as i64),
            _ => Value::from(now as f64 / 1000.0),
        };
        scope.set_json("now", &seconds);
        scope.set_json("stdin", &stdin.into());
        for (name, value) in taken {
            scope.set_json(name.as_str(), value);
        }
        scope
    }

    fn fault(&self, answer: &Answer, key: &str, fault: &crate::template::Fault) -> String {
        self.wrong(answer, key, &fault.to_string())
    }

    fn wrong(&self, answer: &Answer, key: &str, why: &str) -> String {
        let file = if answer.file.is_empty() { &self.tape.path } else { &answer.file };
        format!("{file}:{}: `{key}` of this answer: {why}", answer.line)
    }
}

/// Why there is no answer.
enum Unfound {
    /// None fits.
    Nothing,
    /// One can't be evaluated.
    Wrong(String),
}

impl Unfound {
    /// Returns why the command got no answer: with the entry to add, where none fits.
    fn why(self, tape: &str, played: &Played, command: &Prepared) -> String {
        match self {
            Unfound::Wrong(why) => why,
            Unfound::Nothing => {
                let stdin = command.stdin.as_ref().map(Rendered::display);
                let entry = tape_text::entry(played, stdin.as_deref());
                format!("{tape} does not know this command; add to its answers: {entry}")
            }
        }
    }
}

/// Returns the faults that have not struck where a journal ends. A command failed, or was slow, when its end was heard of; an
/// engine is killed in the first attempt, which is no other one's however that began.
fn left(faults: &Faults, records: &[Record], runbook: &Runbook) -> Faults {
    let (mut begun, mut over) = (BTreeSet::new(), BTreeSet::new());
    let is_id = |id: &str| runbook.steps.iter().chain(&runbook.finally).any(|step| step.id == id);
    for record in records {
        let (leaf, met) = match &record.event {
            Event::Intent { leaf, .. } => (leaf, &mut begun),
            Event::Exited { leaf, .. } | Event::Polled { leaf, .. } | Event::Judged { leaf, .. } => {
                (leaf, &mut over)
            }
            _ => continue,
        };
        if leaf.stage == Stage::Action {
            met.extend([leaf.step.clone(), step_of(&leaf.step, is_id).to_owned()]);
        }
    }
    let mut left = faults.clone();
    left.fail.retain(|(step, _)| !over.contains(step));
    left.slow.retain(|(step, _)| !over.contains(step));
    left.kill_at.retain(|step| !begun.contains(step));
    left.kill_after = left.kill_after.filter(|after| (records.len() as u64) < *after);
    left
}

fn asked(command: &Prepared) -> (Played, String) {
    let stdin = command.stdin.as_ref().map(Rendered::display).unwrap_or_default();
    (tape_text::played(command), stdin)
}

/// Returns why a command could not be run in earnest either.
fn unknown(command: &Prepared) -> Option<String> {
    let texts =
        command.argv.iter().chain(command.stdin.iter()).chain(command.env.iter().map(|(_, value)| value));
    let origin = texts.filter_map(Rendered::unknown).next()?;
    Some(format!("{origin} is not known"))
}

/// Sets what stands at a path in the state, and makes what it leads through.
fn set(state: &mut Map, path: &str, taken: &Map, value: Value) {
    let mut steps: Vec<String> = path.split('.').map(|step| filled(step, taken)).collect();
    let Some(last) = steps.pop() else { return };
    let mut at = state;
    for step in steps {
        let inner = at.entry(step).or_insert_with(|| Value::Object(Map::new()));
        if !inner.is_object() {
            *inner = Value::Object(Map::new());
        }
        let Value::Object(inner) = inner else { return };
        at = inner;
    }
    at.insert(last, value);
}

fn filled(step: &str, taken: &Map) -> String {
    let mut text = step.to_owned();
    for (name, value) in taken {
        if let Value::String(value) = value {
            text = text.replace(&format!("{{{name}}}"), value);
        }
    }
    text
}

#[cfg(test)]
mod tests;
