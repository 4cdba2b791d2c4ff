//! The machine's promises, on random graphs with random outcomes and not a single template.

mod cuts;
mod ends;
mod fuzz;
mod gates;
mod offer;
mod people;
mod renewed;
mod subs;
mod table;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

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

impl Evaluate for Lang<'_> {
    fn expand(&self, _: &State, _: NodeId) -> Result<Expansion, Why> {
        let item = |number: u32| Item { key: number.to_string(), value: json!(number) };
        Ok(Expansion::Items((0..self.0.items).map(item).collect()))
    }
    fn when(&self, _: &State, at: Addr) -> Result<Known, Why> {
        let wanted = !self.0.not_wanted.contains(&Stub::id(self.1, at));
        Ok(if wanted { Known::Yes } else { Known::No })
    }
    fn prepare(&self, _: &State, at: Addr, stage: Stage) -> Result<Prepared, Why> {
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
    fn outputs(&self, _: &State, _: Addr, _: &Outcome) -> Result<Map, Why> {
        Ok(Map::new())
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
        let fails = self.0.gate_fails.contains(&Stub::id(self.1, at));
        Judgement {
            verdict: Some(if fails { Verdict::DoesNotHold } else { Verdict::Holds }),
            ..Judgement::default()
        }
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
        let opened = Opened {
            version: EVENT_VERSION,
            program: String::new(),
            runbook: runbook.name.clone(),
            snapshot: String::new(),
            by: Person::default(),
            reason: None,
            target: BTreeMap::new(),
            lock: None,
            locks: Vec::new(),
            consent: None,
            plan: None,
            options,
        };
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_run_keeps_its_promises(
        (runbook, script, max, attempts) in policies().prop_flat_map(|policy| (runbooks(policy), script(), 1u32..5, 1u32..3)),
    ) {
        let mut world = World::new(&runbook, Stub { items: 3, attempts, ..Stub::default() }, max);
        world.play(&script);
        prop_assert!(world.most <= max as usize, "{} at once, {max} allowed", world.most);
        prop_assert_eq!(&world.refold(), world.machine.state());
        one_end_each(&world)?;
        none_before_its_needs(&world)?;
        undone_in_reverse(&world, max)?;
    }

    #[test]
    fn a_crash_anywhere_repeats_nothing_that_is_recorded_as_done(
        (runbook, script, cut) in (runbooks(OnFailure::Pause), script(), 0usize..40),
    ) {
        let mut world = World::new(&runbook, Stub { items: 2, attempts: 1, ..Stub::default() }, 3);
        for &(which, _) in script.iter().cycle().take(cut) {
            if world.rested.is_none() && !world.flying.is_empty() {
                world.end(which, End::Exit(0));
            }
        }
        if world.rested.is_some() {
            return Ok(());
        }
        let done: BTreeSet<String> = finished_ok(&world);
        let begun: Vec<Leaf> = world.ran.iter().filter(|leaf| leaf.stage == Stage::Action).cloned().collect();
        let open: BTreeSet<String> =
            world.machine.state().open().map(|(at, ..)| world.machine.state().name(world.machine.graph(), at)).collect();
        world.crash();
        if world.rested.is_none() {
            world.play(&[(0, true)]);
        }
        prop_assert_eq!(&world.refold(), world.machine.state());
        for leaf in world.ran.iter().filter(|leaf| leaf.stage == Stage::Action) {
            let again = leaf.attempt > 1;
            prop_assert!(!(again && done.contains(&leaf.step)), "{} ran again though it was done", leaf.step);
            if again && begun.iter().any(|old| old.step == leaf.step) {
                let graph = world.machine.graph();
                let at = world.machine.state().find(&leaf.step).expect("it ran");
                let body = &graph.step(at.node).body;
                prop_assert!(open.contains(&leaf.step) && body.idempotent, "{} ran twice in silence", leaf.step);
            }
        }
    }
}

fn finished_ok(world: &World) -> BTreeSet<String> {
    world
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Finished { step, result } if result.releases() => Some(step.clone()),
            _ => None,
        })
        .collect()
}

fn one_end_each(world: &World) -> Result<(), TestCaseError> {
    let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
    for event in &world.events {
        if let Event::Finished { step, .. } = event {
            *ends.entry(step).or_default() += 1;
        }
    }
    let state = world.machine.state();
    for (at, instance) in state.instances() {
        let name = state.name(world.machine.graph(), at);
        let ended = ends.get(name.as_str()).copied().unwrap_or(0);
        let blocked = matches!(instance.progress, Progress::Waiting | Progress::Ready);
        let let_go = matches!(instance.progress, Progress::Working(_))
            && instance.attempts[Stage::Action as usize] == 0;
        prop_assert!(
            ended == 1 || ended == 0 && (blocked || let_go),
            "{name} ended {ended} times: {instance:?}"
        );
    }
    if world.rested == Some(RunStatus::Succeeded) {
        let all = state.instances().all(|(_, one)| one.finish.as_ref().is_some_and(Finish::releases));
        prop_assert!(all, "the run succeeded with a step that did not");
    }
    Ok(())
}

fn none_before_its_needs(world: &World) -> Result<(), TestCaseError> {
    let graph = world.machine.graph();
    let mut over: BTreeMap<NodeId, u32> = BTreeMap::new();
    let mut expanded: BTreeMap<NodeId, u32> = BTreeMap::new();
    let state = world.machine.state();
    for event in &world.events {
        match event {
            Event::Expanded { step, items } => {
                expanded.insert(state.node(step).expect("it is a step"), items.len() as u32);
            }
            Event::Finished { step, result } if result.releases() => {
                let at = state.find(step).expect("it is an instance");
                *over.entry(at.node).or_default() += 1;
            }
            Event::Started { step } => {
                let at = state.find(step).expect("it is an instance");
                for need in graph.needs(at.node) {
                    let wanted = expanded.get(need).copied().unwrap_or(1);
                    let got = over.get(need).copied().unwrap_or(0);
                    prop_assert_eq!(got, wanted, "{} started before {} was done", step, graph.step(*need).id);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// No undo begins before those of everything that was begun and needs the step, directly or not, are over; and each
/// instance that was begun is undone, or told why not, once. One at a time it is exactly the reverse order of start.
fn undone_in_reverse(world: &World, max: u32) -> Result<(), TestCaseError> {
    let (state, graph) = (world.machine.state(), world.machine.graph());
    let node = |step: &str| state.find(step).expect("it is an instance").node;
    let mut begun: Vec<String> = Vec::new();
    let (mut undoing, mut over) = (Vec::new(), BTreeSet::new());
    for event in &world.events {
        match event {
            Event::Intent { leaf, .. }
                if leaf.stage == Stage::Action
                    && leaf.attempt == 1
                    && leaf.step != "tell"
                    && graph.changes(node(&leaf.step)) =>
            {
                begun.push(leaf.step.clone());
            }
            Event::Intent { leaf, .. } if leaf.stage == Stage::Undo => {
                let open = begun.iter().find(|other| {
                    graph.transitive_needs(node(other)).contains(&node(&leaf.step)) && !over.contains(*other)
                });
                prop_assert_eq!(open, None, "{} was undone before what stands on it", leaf.step);
                if leaf.attempt == 1 {
                    undoing.push(leaf.step.clone());
                }
            }
            Event::Undone { step, result, .. } => {
                prop_assert!(
                    result.releases() != matches!(result, UndoResult::Blocked(_) | UndoResult::Failed(_))
                );
                if result.releases() {
                    over.insert(step.clone());
                }
            }
            _ => {}
        }
    }
    if state.rollback {
        let told = world.events.iter().filter(|event| matches!(event, Event::Undone { .. })).count();
        prop_assert_eq!(told, begun.len());
        if max == 1 {
            begun.reverse();
            begun.retain(|step| undoing.contains(step));
            prop_assert_eq!(begun, undoing);
        }
    }
    Ok(())
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
    assert_eq!(kinds, ["s0", "s0", "s1", "s1"], "exited, finished, started, intent");
}

#[test]
fn what_was_cut_off_and_left_is_in_doubt_when_the_run_goes_forwards_again() {
    let mut runbook = chain(3);
    runbook.steps[1].needs.clear();
    runbook.steps[1].body.rollback = None;
    let mut world = World::new(&runbook, Stub::default(), 8);
    end_of(&mut world, "s0", 0);
    world.crash();
    // What can't be undone is left, though nobody knows how it ended.
    roll_back(&mut world, Some("s1"));
    let step = world.asked.pop().expect("somebody is asked");
    let (by, answers) = (Person::default(), Map::new());
    world.say(Input::Answered { step, by, yes: true, note: None, answers, to: To::Whatever });
    assert_eq!(world.rested, Some(RunStatus::PartlyUndone));
    resume(&mut world, &[]);
    assert_eq!(world.machine.unsettled(), ["s1"], "and that is not forgotten");
    resume(&mut world, &[("s1", Decision::Done)]);
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
    assert_eq!(&world.refold(), world.machine.state());
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

#[test]
fn an_undo_that_failed_keeps_what_it_stands_on_and_the_first_failure() {
    let runbook = Runbook { on_failure: OnFailure::Rollback, ..chain(3) };
    let mut world = World::new(&runbook, Stub::default(), 8);
    world.end(0, End::Exit(0));
    world.end(0, End::Exit(0));
    world.end(0, End::Exit(7));
    world.end(0, End::Exit(0));
    world.end(0, End::Exit(1));
    assert_eq!(world.rested, Some(RunStatus::RollbackFailed));
    let state = world.machine.state();
    let undone = |name: &str| state.at(state.find(name).unwrap()).undo.clone().unwrap();
    assert_eq!(undone("s2"), UndoResult::Done);
    assert!(matches!(undone("s1"), UndoResult::Failed(_)));
    assert_eq!(undone("s0"), UndoResult::Blocked("s1".to_owned()));
    assert_eq!(state.first_failure, Some(("s2".to_owned(), "it exited with 7".to_owned())));
}

/// `root`, then `left` and `right` beside each other, then `top` on `left` only.
fn fork() -> Runbook {
    let named =
        |id: &str, needs: &[&str]| step(id.to_owned(), needs.iter().map(|need| (*need).to_owned()).collect());
    let steps = vec![
        named("root", &[]),
        named("left", &["root"]),
        named("right", &["root"]),
        named("top", &["left"]),
    ];
    Runbook { name: "fork".to_owned(), steps, ..Runbook::default() }
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
fn what_is_independent_is_undone_beside_each_other_and_what_is_stood_on_later() {
    let mut world = World::new(&fork(), Stub::default(), 8);
    world.play(&[(0, true)]);
    roll_back(&mut world, None);
    assert_eq!(flying(&world), ["top", "right"], "the last begun first");
    end_of(&mut world, "top", 0);
    assert_eq!(flying(&world), ["right", "left"]);
    end_of(&mut world, "left", 0);
    assert_eq!(flying(&world), ["right"], "`right` stands on `root` too");
    end_of(&mut world, "right", 0);
    assert_eq!(flying(&world), ["root"]);
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::RolledBack));
}

#[test]
fn a_question_and_an_undo_that_failed_hold_up_only_what_they_stand_on() {
    let mut runbook = fork();
    runbook.steps[2].body.rollback = None;
    let mut world = World::new(&runbook, Stub::default(), 8);
    world.play(&[(0, true)]);
    roll_back(&mut world, None);
    assert_eq!((flying(&world), world.asked.len()), (vec!["top"], 1), "nobody waits for the answer");
    end_of(&mut world, "top", 1);
    assert_eq!(undo(&world, "left"), Some(UndoResult::Blocked("top".to_owned())));
    assert_eq!((world.flying.len(), world.rested), (0, None), "`right` is asked about");
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::RollbackFailed));
    assert!(matches!(undo(&world, "right"), Some(UndoResult::Left(_))));
}

#[test]
fn a_command_done_by_hand_reads_what_the_undo_would_and_stands_where_it_would() {
    let by_hand = |stdin, dir| super::undo::by_hand("tee size", stdin, dir);
    assert_eq!(by_hand(None, None), "tee size");
    assert_eq!(by_hand(Some("3"), Some("a b")), "cd 'a b' && printf %s 3 | tee size");
    assert_eq!(by_hand(Some("it's\n"), None), r"printf '%s\n' 'it'\''s' | tee size");
    assert_eq!(by_hand(Some("•••"), None), "tee size  # reads its input");
    assert_eq!(by_hand(Some("a\nb\n"), None), "tee size  # reads its input");
}

#[test]
fn what_could_not_be_undone_is_tried_again_by_resume_and_by_rollback_and_the_rest_is_not() {
    for by_resume in [true, false] {
        let mut world = World::new(&chain(3), Stub::default(), 8);
        world.play(&[(0, true)]);
        roll_back(&mut world, None);
        world.end(0, End::Exit(0));
        world.end(0, End::Exit(1));
        assert_eq!(world.rested, Some(RunStatus::RollbackFailed));
        if by_resume {
            resume(&mut world, &[])
        } else {
            roll_back(&mut world, None)
        }
        world.play(&[(0, true)]);
        assert_eq!(world.rested, Some(RunStatus::RolledBack));
        let undone: Vec<_> = world
            .ran
            .iter()
            .filter(|leaf| leaf.stage == Stage::Undo)
            .map(|leaf| leaf.step.as_str())
            .collect();
        assert_eq!(undone, ["s2", "s1", "s1", "s0"]);
    }
}

#[test]
fn an_undo_in_doubt_is_asked_about_and_never_run_twice_in_silence() {
    for (decision, runs, left) in
        [(Decision::Done, 1, false), (Decision::Retry, 2, false), (Decision::Skip, 1, true)]
    {
        let mut world = World::new(&fork(), Stub::default(), 8);
        world.play(&[(0, true)]);
        roll_back(&mut world, None);
        world.crash();
        assert_eq!(world.machine.unsettled(), ["right", "top"]);
        assert_eq!(world.rested, Some(RunStatus::Waiting));
        world.crash();
        assert_eq!(world.rested, Some(RunStatus::Waiting), "taken up again it is asked again");
        resume(&mut world, &[("top", decision)]);
        if runs == 2 {
            assert_eq!(flying(&world), ["top"]);
            end_of(&mut world, "top", 0);
        }
        assert_eq!(flying(&world), ["left"], "what stood on it is gone; `right` is still in doubt");
        end_of(&mut world, "left", 0);
        assert_eq!(world.rested, Some(RunStatus::Waiting));
        resume(&mut world, &[("right", Decision::Done)]);
        world.play(&[(0, true)]);
        assert_eq!(world.rested, Some(RunStatus::RolledBack));
        let ran = world.ran.iter().filter(|leaf| leaf.stage == Stage::Undo && leaf.step == "top").count();
        assert_eq!((ran, matches!(undo(&world, "top"), Some(UndoResult::Left(_)))), (runs, left));
    }
}

#[test]
fn the_gate_after_an_undo_in_doubt_is_asked_before_the_undo_runs_again() {
    for (holds, stages) in
        [(true, vec![Stage::UndoVerify]), (false, vec![Stage::UndoVerify, Stage::Undo, Stage::UndoVerify])]
    {
        let mut runbook = chain(1);
        runbook.steps[0].body.rollback =
            Some(Box::new(Undo { verify: Some(Box::default()), ..Undo::default() }));
        let mut world = World::new(&runbook, Stub::default(), 8);
        world.play(&[(0, true)]);
        roll_back(&mut world, None);
        world.ran.clear();
        world.crash();
        if !holds {
            world.stub.gate_fails.insert("s0".to_owned());
        }
        world.end(0, End::Exit(0));
        world.stub.gate_fails.clear();
        if world.rested.is_none() {
            world.play(&[(0, true)]);
        }
        assert_eq!(world.rested, Some(RunStatus::RolledBack));
        assert_eq!(world.ran.iter().map(|leaf| leaf.stage).collect::<Vec<_>>(), stages);
    }
}

#[test]
fn a_run_undone_down_to_a_step_goes_forwards_again_and_captures_anew() {
    let mut runbook = chain(3);
    runbook.steps[1].body.capture = Some(Box::default());
    let mut world = World::new(&runbook, Stub::default(), 8);
    world.play(&[(0, true)]);
    roll_back(&mut world, Some("s1"));
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::PartlyUndone));
    assert_eq!((undo(&world, "s0"), undo(&world, "s1")), (None, Some(UndoResult::Done)));
    world.ran.clear();
    world.crash();
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
    let ran: Vec<_> = world.ran.iter().map(|leaf| (leaf.step.as_str(), leaf.stage, leaf.attempt)).collect();
    assert_eq!(ran, [("s1", Stage::Capture, 2), ("s1", Stage::Action, 2), ("s2", Stage::Action, 2)]);
    roll_back(&mut world, None);
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::RolledBack), "and backwards again, whole");
}

#[test]
fn what_was_left_by_a_rollback_down_to_a_step_is_not_run_twice() {
    let mut runbook = chain(3);
    runbook.steps[1].body.rollback = None;
    let mut world = World::new(&runbook, Stub::default(), 8);
    world.play(&[(0, true)]);
    roll_back(&mut world, Some("s1"));
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::PartlyUndone));
    world.ran.clear();
    world.crash();
    world.play(&[(0, true)]);
    assert_eq!(world.ran.iter().map(|leaf| leaf.step.as_str()).collect::<Vec<_>>(), ["s2"]);
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
}

#[test]
fn what_was_done_by_hand_is_not_done_again_after_a_rollback_down_to_a_step() {
    let mut world = World::new(&chain(4), Stub::default(), 8);
    world.end(0, End::Exit(0));
    world.end(0, End::Exit(0));
    world.end(0, End::NotStarted("no such program".to_owned()));
    resume(&mut world, &[("s2", Decision::Done)]);
    world.play(&[(0, true)]);
    roll_back(&mut world, Some("s1"));
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::PartlyUndone));
    world.ran.clear();
    world.crash();
    world.play(&[(0, true)]);
    assert_eq!(world.ran.iter().map(|leaf| leaf.step.as_str()).collect::<Vec<_>>(), ["s1", "s3"]);
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
}

#[test]
fn what_stands_on_a_step_is_undone_before_it_though_it_was_begun_before_it() {
    let mut runbook = chain(3);
    runbook.steps[2].body.rollback = None;
    let mut world = World::new(&runbook, Stub::default(), 8);
    world.end(0, End::Exit(0));
    world.end(0, End::Exit(0));
    world.end(0, End::Exit(1));
    // It failed, can't be undone, and is left; what it stands on is undone, and then begun again after it.
    roll_back(&mut world, Some("s1"));
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::PartlyUndone));
    world.crash();
    let state = world.machine.state();
    let names = |order: Vec<Addr>| order.into_iter().map(|at| world.machine.name(at)).collect::<Vec<_>>();
    assert_eq!(names(state.touched.clone()), ["s0", "s2", "s1"], "in the order in which they were begun");
    assert_eq!(names(undo_order(state, world.machine.graph(), Some("s1"))), ["s1", "s2"]);
    roll_back(&mut world, Some("s1"));
    assert_eq!(world.asked, ["s2"]);
    assert!(
        !world.ran.iter().any(|leaf| (&*leaf.step, leaf.attempt) == ("s1", 2) && leaf.stage == Stage::Undo)
    );
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
fn a_step_that_is_not_idempotent_stays_in_doubt_until_a_person_decides() {
    let mut world = World::new(&chain(2), Stub::default(), 8);
    world.crash();
    assert_eq!(world.rested, Some(RunStatus::Waiting));
    assert_eq!(world.machine.unsettled(), ["s0"]);
    assert_eq!(world.ran.len(), 1, "it is not run again by itself");
    world.rested = None;
    let decisions =
        BTreeMap::from([("s0".to_owned(), (Decision::Done, Some("seen in the console".to_owned())))]);
    world.say(Input::Resume { by: Person::default(), reason: None, decisions });
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
    assert_eq!(world.ran.iter().map(|leaf| leaf.step.as_str()).collect::<Vec<_>>(), ["s0", "s1"]);
}

#[test]
fn a_doubtful_step_with_a_gate_is_settled_by_it() {
    for (holds, runs) in [(true, 1), (false, 2)] {
        let mut runbook = chain(1);
        runbook.steps[0].body.verify = Some(Box::default());
        let mut world = World::new(&runbook, Stub::default(), 8);
        if !holds {
            world.stub.gate_fails.insert("s0".to_owned());
        }
        world.crash();
        world.end(0, End::Exit(0));
        world.stub.gate_fails.clear();
        if world.rested.is_none() {
            world.play(&[(0, true)]);
        }
        assert_eq!(world.rested, Some(RunStatus::Succeeded));
        let actions = world.ran.iter().filter(|leaf| leaf.stage == Stage::Action).count();
        assert_eq!(actions, runs, "gate holds: {holds}");
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

#[test]
fn what_is_said_of_an_outliving_command_starts_nothing_and_settles_nothing() {
    let mut world = World::new(&chain(2), Stub::default(), 4);
    let graph = world.machine.graph().clone();
    world.machine = Machine::new(graph.clone(), world.refold());
    let leaf = Leaf { step: "s0".to_owned(), stage: Stage::Action, attempt: 1 };
    let by = Person::default();
    let said = |world: &mut World, input| {
        world.machine.decide(&Lang(&Stub::default(), &graph), input).map(|turn| turn.acts)
    };
    let (from, reason) = (by.clone(), "ann went home".to_owned());
    let engine = Process { pid: 1, started: 1, boot: String::new(), host: String::new() };
    assert_eq!(said(&mut world, Input::TakenOver { by: by.clone(), from, engine, reason }), Ok(vec![]));
    let input = Input::Outlived { leaf: leaf.clone(), processes: vec![7], stopped: true, by: by.clone() };
    assert_eq!(said(&mut world, input), Ok(vec![]));
    assert_eq!(world.machine.state().open().count(), 1, "its end is as unknown as before");
    let other = Leaf { attempt: 2, ..leaf };
    let input = Input::Outlived { leaf: other, processes: vec![7], stopped: false, by };
    assert!(said(&mut world, input).is_err(), "that was never begun");
}
