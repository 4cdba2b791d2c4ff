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
mod tests {
    use serde_json::json;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn answer(run: &str, stdout: &str) -> Answer {
        let words = run.split(' ').map(str::to_owned).collect();
        let stdout = Some(Tree::Text(crate::model::Text::new(stdout)));
        Answer { to: Played::Run(words), stdout, ..Answer::default() }
    }

    fn player(answers: Vec<Answer>, faults: Faults) -> Player {
        let Value::Object(state) = json!({"of": {"api": {"n": 2}}}) else { unreachable!("it is a map") };
        let tape = Tape { path: "t.yaml".to_owned(), state, answers, ..Tape::default() };
        Player::new(&tape, faults, clock::now())
    }

    /// Plays a command to its end; returns how it ended and what it printed.
    fn played(player: &mut Player, run: &str, timeout: Option<Duration>) -> (End, String) {
        let argv = run.split(' ').map(Rendered::plain).collect();
        let command = Prepared { argv, timeout, ..Prepared::default() };
        let leaf = Leaf { step: "s[a]".to_owned(), stage: Stage::Action, attempt: 1 };
        player.begin(leaf, "s", &command);
        let due = player.next().expect("it is at work");
        player.advance(due.saturating_duration_since(player.now()));
        let (_, outcome) = player.ended().expect("its time has come");
        (outcome.end.expect("it ended"), String::from_utf8_lossy(&outcome.stdout).into_owned())
    }

    #[test]
    fn the_same_read_answers_otherwise_after_a_change_has_ended() {
        let mut change = answer("set {name} {n}", "");
        (change.took, change.set) = (5 * SECOND, vec![("of.{name}.n".to_owned(), "n | int".to_owned())]);
        let mut player =
            player(vec![answer("get {name}", "{{ state.of[name].n }}"), change], Faults::default());
        assert_eq!(played(&mut player, "get api", None), (End::Exit(0), "2".to_owned()));
        assert!(player.moved().is_none(), "a read moves nothing");
        assert_eq!(played(&mut player, "set api 7", None), (End::Exit(0), String::new()));
        assert!(player.moved().is_some());
        assert_eq!(played(&mut player, "get api", None), (End::Exit(0), "7".to_owned()));
    }

    #[test]
    fn what_is_given_once_is_followed_by_the_next_and_the_last_is_given_again() {
        let first = Answer { once: true, ..answer("get", "1") };
        let mut player = player(vec![first, answer("get", "2")], Faults::default());
        let said: Vec<String> = (0..3).map(|_| played(&mut player, "get", None).1).collect();
        assert_eq!(said, ["1", "2", "2"]);
    }

    #[test]
    fn commands_at_work_at_once_get_one_answer_each() {
        let first = Answer { once: true, took: SECOND, ..answer("get", "1") };
        let mut player = player(vec![first, answer("get", "2")], Faults::default());
        let command = Prepared { argv: vec![Rendered::plain("get")], ..Prepared::default() };
        for step in ["a", "b"] {
            player.begin(Leaf { step: step.to_owned(), stage: Stage::Action, attempt: 1 }, step, &command);
        }
        player.advance(SECOND);
        let mut said: Vec<_> = std::iter::from_fn(|| player.ended())
            .map(|(leaf, outcome)| (leaf.step, outcome.stdout))
            .collect();
        said.sort();
        assert_eq!(said, [("a".to_owned(), b"1".to_vec()), ("b".to_owned(), b"2".to_vec())]);
    }

    #[test]
    fn a_command_that_takes_longer_than_it_may_changes_nothing() {
        let mut change = answer("set {n}", "done");
        (change.took, change.set) = (5 * SECOND, vec![("n".to_owned(), "n | int".to_owned())]);
        let mut player = player(vec![change], Faults::default());
        assert_eq!(played(&mut player, "set 7", Some(4 * SECOND)), (End::TimedOut, String::new()));
        assert!(player.moved().is_none());
    }

    #[test]
    fn a_fault_holds_until_it_is_mended() {
        let faults = Faults {
            fail: vec![("s".to_owned(), 3)],
            slow: vec![("s[a]".to_owned(), 60 * SECOND)],
            ..Faults::default()
        };
        let mut player = player(vec![answer("get", "x")], faults);
        assert_eq!(played(&mut player, "get", None), (End::Exit(3), String::new()));
        assert_eq!(played(&mut player, "get", Some(SECOND)).0, End::TimedOut);
        assert_eq!(player.unstruck(), []);
        player.mend();
        assert_eq!(played(&mut player, "get", Some(SECOND)), (End::Exit(0), "x".to_owned()));
    }

    #[test]
    fn a_fault_that_struck_nothing_is_known_and_is_not_mended() {
        let kill_at = vec!["s[b]".to_owned(), "s[a]".to_owned()];
        let faults = Faults { fail: vec![("s[tpyo]".to_owned(), 2)], kill_at, ..Faults::default() };
        let mut player = player(vec![answer("get", "x")], faults);
        let leaf = Leaf { step: "s[a]".to_owned(), stage: Stage::Action, attempt: 1 };
        assert!(player.dies_in(&leaf, "s"));
        assert_eq!(played(&mut player, "get", None).0, End::Exit(0));
        for _ in 0..2 {
            let words: Vec<String> = player.unstruck().into_iter().map(|(words, _)| words).collect();
            assert_eq!(words, ["--fail s[tpyo]=2", "--kill-at s[b]"]);
            player.mend();
        }
        assert!(!player.dies_in(&leaf, "s"));
    }

    #[test]
    fn of_a_rehearsal_that_is_taken_up_what_has_not_struck_is_left() {
        use crate::machine::Verdict;
        use crate::model::Step;

        let step = |id: &str| Step { id: id.to_owned(), ..Step::default() };
        let runbook = Runbook { steps: vec![step("s")], finally: vec![step("f")], ..Runbook::default() };
        let leaf = |step: &str, stage| Leaf { step: step.to_owned(), stage, attempt: 1 };
        let begun = |step: &str, stage| Event::Intent {
            leaf: leaf(step, stage),
            command: String::new(),
            stdin: None,
            dir: None,
            by_hand: None,
        };
        let over = |step: &str, stage| Event::Exited {
            leaf: leaf(step, stage),
            end: End::Exit(0),
            ms: 0,
            tail: String::new(),
            outputs: Map::new(),
        };
        let (verdict, seen) = (Verdict::Holds, String::new());
        let polled = Event::Polled { leaf: leaf("s[a]", Stage::Action), verdict, seen };
        let all = |step: &str| Faults {
            fail: vec![(step.to_owned(), 1)],
            slow: vec![(step.to_owned(), SECOND)],
            kill_at: vec![step.to_owned()],
            kill_after: Some(3),
        };
        let left = |step: &str, events: &[Event]| {
            let record = |(at, event): (usize, &Event)| Record {
                seq: at as u64 + 1,
                at: Timestamp::UNIX_EPOCH,
                epoch: 1,
                event: event.clone(),
            };
            let records: Vec<Record> = events.iter().enumerate().map(record).collect();
            let Faults { fail, slow, kill_at, kill_after } = left(&all(step), &records, &runbook);
            [!fail.is_empty(), !slow.is_empty(), !kill_at.is_empty(), kill_after.is_some()]
        };
        let act = begun("s[a]", Stage::Action);
        assert_eq!(left("s", &[]), [true; 4]);
        // It is killed once its command is begun; what fails, or is slow, has not ended by then.
        assert_eq!(left("s", std::slice::from_ref(&act)), [true, true, false, true]);
        assert_eq!(left("s", &[act.clone(), over("s[a]", Stage::Action)]), [false, false, false, true]);
        assert_eq!(left("s[a]", &[act.clone(), over("s[a]", Stage::Action)]), [false, false, false, true]);
        assert_eq!(left("s[b]", &[act.clone(), over("s[a]", Stage::Action)]), [true; 4]);
        assert_eq!(left("f", &[act.clone(), over("s[a]", Stage::Action)]), [true; 4]);
        assert_eq!(left("s", &[act, polled]), [false, false, false, true]);
        // A fault is one of its action.
        let others = [begun("s[a]", Stage::Capture), over("s[a]", Stage::Capture)];
        assert_eq!(left("s", &others), [true; 4]);
        assert_eq!(left("s", &[&others[..], &others[..1]].concat()), [true, true, true, false]);
    }

    /// No pool is made where there is a player, so without one its commands would be run.
    #[test]
    fn a_rehearsal_whose_tape_is_gone_is_no_run() {
        use crate::journal::{Frozen, NewRun};
        use crate::machine::{Opened, Person, REHEARSAL_VERSION, Rehearsal};
        use crate::model::{MACHINE_VERSION, Snapshot};

        let folder = tempfile::tempdir().expect("a folder can be made");
        let store = Store::open_passing(folder.path().join("journal.db")).expect("a journal can be made");
        let of = |tape: bool, rehearsal: bool| {
            let tape = tape.then(Box::default);
            let snapshot = Snapshot { machine: MACHINE_VERSION, tape, ..Snapshot::default() };
            let frozen = Frozen::of(&snapshot).expect("it is JSON");
            let opened = Opened {
                version: if rehearsal { REHEARSAL_VERSION } else { Opened::none().version },
                snapshot: frozen.hash().to_owned(),
                rehearsal: rehearsal.then(|| Box::new(Rehearsal::default())),
                ..Opened::none()
            };
            let new = NewRun {
                runbook: "a",
                title: "A",
                snapshot: &frozen,
                holder: &crate::driver::host::holder(&Person::default()),
                at: clock::now(),
                lock: None,
                events: vec![Event::Opened(opened)],
            };
            let (writer, _) = store.create_run(new).expect("it can be written");
            Player::of(&store, writer.run())
        };
        assert!(matches!(of(true, true), Ok(Some(_))));
        assert!(matches!(of(false, false), Ok(None)));
        let refused = of(false, true).err().expect("it must not go on").to_string();
        assert!(refused.contains("tape"), "{refused}");
    }

    #[test]
    fn what_takes_longer_than_there_is_time_never_ends() {
        let mut player =
            player(vec![Answer { took: Duration::MAX, ..answer("get", "x") }], Faults::default());
        let leaf = Leaf { step: "s".to_owned(), stage: Stage::Action, attempt: 1 };
        let command = Prepared { argv: vec![Rendered::plain("get")], ..Prepared::default() };
        player.begin(leaf, "s", &command);
        assert!(player.next().is_none() && player.ended().is_none());
        player.stop(None);
        assert_eq!(player.ended().and_then(|(_, outcome)| outcome.end), Some(End::Stopped));
    }

    #[test]
    fn what_is_stopped_ends_now() {
        let slow = Answer { took: 3_600 * SECOND, ..answer("get", "x") };
        let mut player = player(vec![slow], Faults::default());
        let leaf = Leaf { step: "s".to_owned(), stage: Stage::Verify, attempt: 1 };
        let command = Prepared { argv: vec![Rendered::plain("get")], ..Prepared::default() };
        player.begin(leaf.clone(), "s", &command);
        assert!(player.ended().is_none());
        player.stop(Some(&leaf));
        assert_eq!(
            player.ended().map(|(leaf, outcome)| (leaf, outcome.end)),
            Some((leaf, Some(End::Stopped)))
        );
    }
}
