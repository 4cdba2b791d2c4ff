//! The machine's promises, without a single template: the world in which they are tested, and what a run does by itself.

mod back;
mod cuts;
mod doubt;
mod ends;
mod fuzz;
mod gates;
mod inner;
mod latest;
mod offer;
mod people;
mod promises;
mod renewed;
mod slots;
mod subs;
mod table;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use promises::{finished_ok, one_end_each};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::{Action, Body, Capture, Effect, Gate, Map, OnFailure, Runbook, Step, Text, Tree, Undo};

/// A language in which everything holds, except for what the tests say.
#[derive(Default)]
struct Stub {
    items: u32,
    not_wanted: BTreeSet<String>,
    satisfied: BTreeSet<String>,
    gate_fails: BTreeSet<String>,
    /// Whose gates get no answer.
    gate_mute: BTreeSet<String>,
    attempts: u32,
    /// Whose checks are good for a while.
    checks_lapse: bool,
    /// How long a guard may be unable to tell.
    guard_within: Option<Duration>,
    /// What a step's command reads as, when it matters.
    commands: BTreeMap<String, String>,
    /// How long there is to answer.
    question: Option<Duration>,
}

impl Stub {
    fn id(graph: &Graph, at: Addr) -> String {
        graph.step(at.node).id.clone()
    }
}

struct Lang<'a>(&'a Stub, &'a Graph);

impl Lang<'_> {
    /// Reads the outputs of what the step needs, and its own, as its texts might: what is kept of them must be what they are.
    fn read(&self, state: &State, at: Addr) {
        for &node in self.1.needs(at.node).iter().chain([&at.node]) {
            super::scope::read_step(self.1, state, node);
        }
    }
}

impl Evaluate for Lang<'_> {
    fn expand(&self, _: &State, _: NodeId) -> Result<Expansion, Why> {
        let item = |number: u32| Item { key: number.to_string(), value: json!(number) };
        Ok(Expansion::Items((0..self.0.items).map(item).collect()))
    }
    fn when(&self, state: &State, at: Addr) -> Result<Known, Why> {
        self.read(state, at);
        let wanted = !self.0.not_wanted.contains(&Stub::id(self.1, at));
        Ok(if wanted { Known::Yes } else { Known::No })
    }
    fn prepare(&self, state: &State, at: Addr, stage: Stage) -> Result<Prepared, Why> {
        self.read(state, at);
        let gate = matches!(stage, Stage::Check | Stage::Guard | Stage::Verify | Stage::UndoVerify)
            || matches!(self.1.step(at.node).body.action, Action::Gate(_)) && stage == Stage::Action;
        let every = Duration::from_secs(1);
        let within = self.0.guard_within.filter(|_| stage == Stage::Guard);
        let polling = gate.then_some(Polling { every, within, hold: None });
        let display = self.0.commands.get(&Stub::id(self.1, at)).cloned();
        let display = display.unwrap_or_else(|| format!("{stage:?}"));
        Ok(Prepared { display, polling, ..Prepared::default() })
    }
    fn satisfied(&self, _: &State, at: Addr) -> Result<Known, Why> {
        Ok(if self.0.satisfied.contains(&Stub::id(self.1, at)) { Known::Yes } else { Known::No })
    }
    fn captured(&self, _: &State, _: Addr, _: &Outcome) -> Result<(Map, Option<String>), Why> {
        Ok((Map::from_iter([("before".to_owned(), json!(1))]), None))
    }
    fn difference(&self, _: &State, at: Addr) -> Option<String> {
        self.1.step(at.node).body.capture.is_none().then(|| "a → b".to_owned())
    }
    fn outputs(&self, state: &State, at: Addr, _: &Outcome) -> Result<Map, Why> {
        Ok(Map::from_iter([("attempt".to_owned(), json!(state.at(at).attempts[Stage::Action as usize]))]))
    }
    fn judge(&self, _: &State, at: Addr, stage: Stage, outcome: &Outcome) -> Judgement {
        if stage == Stage::Guard {
            let verdict = match outcome.end {
                Some(End::Exit(0)) => Verdict::Holds,
                Some(End::Exit(1)) => Verdict::DoesNotHold,
                _ => Verdict::CouldNotTell("no answer".to_owned()),
            };
            return Judgement { verdict: Some(verdict), ..Judgement::default() };
        }
        let id = Stub::id(self.1, at);
        let verdict = match (self.0.gate_mute.contains(&id), self.0.gate_fails.contains(&id)) {
            (true, _) => Verdict::CouldNotTell("no answer".to_owned()),
            (_, true) => Verdict::DoesNotHold,
            _ => Verdict::Holds,
        };
        Judgement { verdict: Some(verdict), ..Judgement::default() }
    }
    fn retry(
        &self,
        _: &State,
        _: Addr,
        _: Stage,
        attempt: u32,
        _: &Outcome,
    ) -> Result<Option<Duration>, Why> {
        Ok((attempt < self.0.attempts).then_some(Duration::from_secs(1)))
    }
    fn asking(&self, _: &State, _: Addr) -> Result<Asking, Why> {
        Ok(Asking { timeout: self.0.question, ..Asking::default() })
    }
    fn wait(&self, _: &State, _: Addr) -> Result<Waiting, Why> {
        Ok(Waiting::For(Duration::from_secs(1)))
    }
    fn lock(&self, _: &State, at: Addr) -> Result<Option<String>, Why> {
        Ok(self.1.step(at.node).lock.as_ref().map(|lock| lock.src.clone()))
    }
    fn valid_for(&self, _: &State, at: Addr, stage: Stage) -> Result<Option<Duration>, Why> {
        let own = stage == Stage::Check && self.0.checks_lapse;
        let lapses = own || self.1.fresh_stage(at.node) == Some(stage);
        Ok(lapses.then_some(Duration::from_secs(60)))
    }
    fn irreversible(&self, _: &State, _: Addr) -> Result<String, Why> {
        Ok("it only adds".to_owned())
    }
}

/// A world in which commands end when the test says, in whatever order.
struct World {
    machine: Machine,
    stub: Stub,
    events: Vec<Event>,
    flying: Vec<Leaf>,
    timers: Vec<TimerId>,
    asked: Vec<String>,
    offered: Vec<String>,
    rested: Option<RunStatus>,
    most: usize,
    ran: Vec<Leaf>,
    /// What was at work when everything was told to stop.
    stopped: BTreeSet<Leaf>,
    /// The locks that other runs have.
    elsewhere: BTreeSet<String>,
}

impl World {
    fn new(runbook: &Runbook, stub: Stub, max_parallel: u32) -> World {
        let graph = Arc::new(Graph::of(runbook));
        let state = State::new(&graph);
        let machine = Machine::new(graph, state);
        let empty = Vec::new;
        let mut world = World {
            machine,
            stub,
            events: empty(),
            flying: Vec::new(),
            timers: Vec::new(),
            asked: Vec::new(),
            offered: Vec::new(),
            rested: None,
            most: 0,
            ran: Vec::new(),
            stopped: BTreeSet::new(),
            elsewhere: BTreeSet::new(),
        };
        let options = Options { max_parallel, on_failure: runbook.on_failure, ..Options::default() };
        let opened = Opened { runbook: runbook.name.clone(), options, ..Opened::none() };
        world.say(Input::Open(Box::new(opened)));
        world
    }

    fn say(&mut self, input: Input) {
        let graph = self.machine.graph().clone();
        let turn =
            self.machine.decide(&Lang(&self.stub, &graph), input).expect("the machine answers every input");
        self.events.extend(turn.events);
        let mut locks = Vec::new();
        for act in turn.acts {
            match act {
                Act::Spawn { leaf, poll, .. } => {
                    if poll <= 1 {
                        self.ran.push(leaf.clone());
                    }
                    self.flying.push(leaf);
                }
                Act::Timer { id, .. } | Act::TimerUntil { id, .. } => self.timers.push(id),
                Act::Ask { step, .. } => self.asked.push(step),
                Act::Offer { steps } => self.offered = steps,
                Act::Lock { step, lock } => locks.push((step, lock)),
                Act::Stop { leaf } => drop(self.stopped.insert(leaf)),
                Act::StopAll => self.stopped.extend(self.flying.iter().cloned()),
                Act::Rest(status) => self.rested = Some(status),
            }
        }
        // A guard takes no room of its own.
        let at_work = self.flying.iter().filter(|leaf| leaf.stage != Stage::Guard).count();
        self.most = self.most.max(at_work);
        for (step, lock) in locks {
            let keeper = Keeper { run: Some("r2".to_owned()), ..Keeper::default() };
            let answer =
                if self.elsewhere.contains(&lock) { LockAnswer::Held(keeper) } else { LockAnswer::Taken };
            self.say(Input::Lock { step, lock, answer });
        }
    }

    fn end(&mut self, which: usize, end: End) {
        let leaf = self.flying.remove(which % self.flying.len());
        let outcome = Outcome { end: Some(end), ..Outcome::default() };
        self.say(Input::Ended { leaf, outcome: Box::new(outcome) });
    }

    /// Plays on until the run rests: `script` says which command ends next and how.
    fn play(&mut self, script: &[(usize, bool)]) {
        let mut script = script.iter().cycle();
        for _ in 0..100_000 {
            if self.rested.is_some() {
                return;
            }
            let &(which, ok) = script.next().expect("a cycle never ends");
            if !self.flying.is_empty() {
                self.end(which, End::Exit(i32::from(!ok)));
            } else if let Some(step) = self.asked.pop() {
                let answers = Map::new();
                self.say(Input::Answered {
                    step,
                    by: Person::default(),
                    yes: true,
                    note: None,
                    answers,
                    to: To::Whatever,
                });
            } else {
                assert!(!self.timers.is_empty(), "the run neither rests nor waits for anything");
                let id = self.timers.remove(which % self.timers.len());
                self.say(Input::Fired(id));
            }
        }
        panic!("the run never came to rest");
    }

    fn refold(&self) -> State {
        let graph = self.machine.graph();
        let mut state = State::new(graph);
        for event in &self.events {
            state.apply(graph, event).expect("the machine's own events can follow each other");
        }
        state
    }

    /// A new engine on the journal of a dead one.
    fn crash(&mut self) {
        let graph = self.machine.graph().clone();
        self.machine = Machine::new(graph, self.refold());
        self.flying.clear();
        self.timers.clear();
        self.asked.clear();
        self.rested = None;
        self.say(Input::Resume { by: Person::default(), reason: None, decisions: BTreeMap::new() });
    }
}

fn command() -> Action {
    Action::Command(Box::default())
}

fn step(id: String, needs: Vec<String>) -> Step {
    let rollback = Some(Box::new(Undo::default()));
    Step { id, needs, body: Body { action: command(), rollback, ..Body::default() }, ..Step::default() }
}

/// Random graphs: every step needs some of the steps before it, and has some of the stages.
fn runbooks(policy: OnFailure) -> impl Strategy<Value = Runbook> {
    let one = (proptest::collection::vec(any::<prop::sample::Index>(), 0..3), 0u32..64);
    proptest::collection::vec(one, 1..14).prop_map(move |drawn| {
        let mut steps = Vec::new();
        for (number, (needs, shape)) in drawn.into_iter().enumerate() {
            let needs: BTreeSet<usize> = if number == 0 {
                BTreeSet::new()
            } else {
                needs.iter().map(|index| index.index(number)).collect()
            };
            let mut step = step(format!("s{number}"), needs.iter().map(|need| format!("s{need}")).collect());
            step.body.idempotent = shape & 32 != 0;
            step.body.check = (shape & 1 != 0).then(Box::<Gate>::default);
            step.body.capture = (shape & 2 != 0).then(Box::<Capture>::default);
            step.body.verify = (shape & 4 != 0).then(Box::<Gate>::default);
            step.for_each = (shape & 24 == 24).then(|| Tree::List(Vec::new()));
            if shape & 24 == 8 {
                step.body.action = Action::Wait(crate::model::Wait::For(Text::new("1s")));
                step.body.effect = Effect::Read;
            }
            steps.push(step);
        }
        let finally = vec![step("tell".to_owned(), Vec::new())];
        Runbook { name: "r".to_owned(), steps, finally, on_failure: policy, ..Runbook::default() }
    })
}

fn policies() -> impl Strategy<Value = OnFailure> {
    prop_oneof![Just(OnFailure::Pause), Just(OnFailure::Rollback), Just(OnFailure::Continue)]
}

fn script() -> impl Strategy<Value = Vec<(usize, bool)>> {
    proptest::collection::vec((any::<usize>(), prop::bool::weighted(0.9)), 1..80)
}

fn chain(count: usize) -> Runbook {
    let needs = |number: usize| if number == 0 { vec![] } else { vec![format!("s{}", number - 1)] };
    let steps = (0..count).map(|number| step(format!("s{number}"), needs(number))).collect();
    Runbook { name: "chain".to_owned(), steps, ..Runbook::default() }
}

#[test]
fn outcome_and_next_intent_share_one_turn() {
    let mut world = World::new(&chain(2), Stub::default(), 8);
    let before = world.events.len();
    world.end(0, End::Exit(0));
    let kinds: Vec<_> = world.events[before..].iter().map(|event| event.step().unwrap_or("run")).collect();
    assert_eq!(kinds, ["s0", "s0", "s1", "s1", "s1"], "exited, finished, started, what it changes, intent");
}

#[test]
fn the_gate_after_a_wait_or_a_person_is_asked_too_and_alone_after_a_crash() {
    let wait = Action::Wait(crate::model::Wait::For(Text::new("1s")));
    let manual = Action::Manual(crate::model::Manual::default());
    for (action, crash) in [(wait.clone(), false), (wait, true), (manual.clone(), false), (manual, true)] {
        let mut runbook = chain(1);
        let verify = Some(Box::<Gate>::default());
        runbook.steps[0].body = Body { action, verify, effect: Effect::Read, ..Body::default() };
        let mut world = World::new(&runbook, Stub::default(), 8);
        match world.asked.pop() {
            Some(step) => world.say(Input::Answered {
                step,
                by: Person::default(),
                yes: true,
                note: None,
                answers: Map::new(),
                to: To::Done,
            }),
            None => {
                let id = world.timers.remove(0);
                world.say(Input::Fired(id));
            }
        }
        if crash {
            world.crash();
        }
        assert!(world.timers.is_empty() && world.asked.is_empty(), "that is over");
        assert_eq!(world.flying.iter().map(|leaf| leaf.stage).collect::<Vec<_>>(), [Stage::Verify]);
        world.play(&[(0, true)]);
        assert_eq!(world.rested, Some(RunStatus::Succeeded));
        assert_eq!(&world.refold(), world.machine.state());
    }
}

fn roll_back(world: &mut World, to: Option<&str>) {
    world.rested = None;
    world.say(Input::Rollback { by: Person::default(), to: to.map(str::to_owned) });
}

fn resume(world: &mut World, decisions: &[(&str, Decision)]) {
    let decisions = decisions.iter().map(|&(step, decision)| (step.to_owned(), (decision, None))).collect();
    world.rested = None;
    world.say(Input::Resume { by: Person::default(), reason: None, decisions });
}

fn flying(world: &World) -> Vec<&str> {
    world.flying.iter().map(|leaf| leaf.step.as_str()).collect()
}

fn end_of(world: &mut World, step: &str, code: i32) {
    let which = world.flying.iter().position(|leaf| leaf.step == step).expect("it is at work");
    world.end(which, End::Exit(code));
}

fn undo(world: &World, step: &str) -> Option<UndoResult> {
    world.machine.state().at(world.machine.state().find(step).expect("a step")).undo.clone()
}

#[test]
fn finally_runs_after_a_stop_and_a_further_stop_stops_it() {
    for again in [false, true] {
        let mut runbook = chain(2);
        runbook.finally = vec![step("tell".to_owned(), Vec::new())];
        let mut world = World::new(&runbook, Stub::default(), 8);
        let stop = || Input::Stop { by: "Ctrl-C".to_owned(), hard: true };
        world.say(stop());
        world.end(0, End::Stopped);
        assert_eq!((flying(&world), world.rested), (vec!["tell"], None));
        assert_eq!(world.machine.state().outcome, RunStatus::Interrupted);
        if again {
            world.say(stop());
            world.end(0, End::Stopped);
        } else {
            world.end(0, End::Exit(0));
        }
        assert_eq!(world.rested, Some(RunStatus::Interrupted));
        resume(&mut world, &[("s0", Decision::Retry)]);
        world.play(&[(0, true)]);
        let told = world.ran.iter().filter(|leaf| leaf.step == "tell").count();
        assert_eq!((world.rested, told), (Some(RunStatus::Succeeded), 2), "and again at the end");
    }
}

#[test]
fn a_failed_step_is_run_again_by_resume_and_what_was_done_is_not() {
    let mut world = World::new(&chain(3), Stub::default(), 8);
    world.end(0, End::Exit(0));
    world.end(0, End::Exit(1));
    assert_eq!(world.rested, Some(RunStatus::Failed));
    world.crash();
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
    let ran: Vec<_> = world.ran.iter().map(|leaf| (leaf.step.as_str(), leaf.attempt)).collect();
    assert_eq!(ran, [("s0", 1), ("s1", 1), ("s1", 2), ("s2", 1)]);
}

#[test]
fn resuming_a_finished_run_changes_nothing() {
    let mut world = World::new(&chain(1), Stub::default(), 8);
    world.end(0, End::Exit(0));
    let ran = world.ran.len();
    world.crash();
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
    assert_eq!(world.ran.len(), ran);
}

#[test]
fn the_first_ctrl_c_lets_what_runs_finish() {
    let mut world = World::new(&chain(2), Stub::default(), 8);
    world.say(Input::Stop { by: "Ctrl-C".to_owned(), hard: false });
    assert_eq!(world.rested, None);
    world.end(0, End::Exit(0));
    assert_eq!(world.rested, Some(RunStatus::Interrupted));
    world.crash();
    world.play(&[(0, true)]);
    let ran: Vec<_> = world.ran.iter().map(|leaf| leaf.step.as_str()).collect();
    assert_eq!(ran, ["s0", "s1"]);
}

#[test]
fn what_is_satisfied_is_not_run_and_not_undone() {
    let mut runbook = chain(2);
    runbook.steps[0].body.satisfied = Some(crate::model::Expr::default());
    let stub = Stub { satisfied: BTreeSet::from(["s0".to_owned()]), ..Stub::default() };
    let mut world = World::new(&runbook, stub, 8);
    world.play(&[(0, true)]);
    world.rested = None;
    world.say(Input::Rollback { by: Person::default(), to: None });
    world.play(&[(0, true)]);
    let ran: Vec<_> = world.ran.iter().map(|leaf| (leaf.step.as_str(), leaf.stage)).collect();
    assert_eq!(ran, [("s1", Stage::Action), ("s1", Stage::Undo)]);
}
