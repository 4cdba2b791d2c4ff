//! Everything a run may have, all in one, and whatever can happen to it: it keeps its promises, and once things work again
//! it comes to an end.

use super::super::decide::Alarm;
use super::cuts::nothing_doubled;
use super::gates::nothing_begins_unlocked_or_on_an_old_answer;
use super::*;
use crate::model::{Approve, Manual};

/// Numbers that look random and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below.max(1)
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.roll(chances) == 0
    }

    fn name(&mut self, these: &[&'static str]) -> &'static str {
        these[self.roll(these.len())]
    }

    fn of<'a, T>(&mut self, these: &'a [T]) -> &'a T {
        &these[self.roll(these.len())]
    }
}

/// One more than are ever needed: one of them may drive the run.
const PEOPLE: [&str; 4] = ["ann", "ben", "cleo", "dora"];

fn person(name: &str) -> Person {
    Person { name: name.to_owned(), ..Person::default() }
}

fn furnish(step: &mut Step, shape: u32) {
    let bits = |from: u32, count: u32| shape >> from & ((1 << count) - 1);
    let fresh = || Gate { valid_for: Some(Text::new("1m")), ..Gate::default() };
    let read = |action| Body { action, effect: Effect::Read, ..Body::default() };
    match bits(0, 4) {
        0 | 1 => {
            step.body = read(Action::Gate(Box::new(if bits(4, 1) == 0 { fresh() } else { Gate::default() })))
        }
        2 | 3 if step.for_each.is_none() => {
            step.body = read(Action::Approve(Box::new(Approve {
                count: Some(bits(5, 2).clamp(1, 3)),
                by: if bits(7, 1) == 0 { Vec::new() } else { PEOPLE.map(str::to_owned).to_vec() },
                not_self: bits(8, 1) == 0,
                ..Approve::default()
            })));
        }
        4 if step.for_each.is_none() => step.body = read(Action::Manual(Manual::default())),
        _ => {}
    }
    let commands = matches!(step.body.action, Action::Command(_));
    match bits(9, 2) {
        0 if commands => step.body.rollback = None,
        1 if commands => {
            step.body.rollback =
                Some(Box::new(Undo { verify: Some(Gate::default().into()), ..Undo::default() }));
        }
        _ => {}
    }
    if step.body.verify.is_some() && bits(11, 1) == 0 {
        step.body.verify = Some(Box::new(fresh()));
    }
    if step.body.check.is_some() && bits(12, 1) == 0 {
        step.body.check = Some(Box::new(fresh()));
    }
    let asks = matches!(step.body.action, Action::Approve(_) | Action::Manual(_));
    step.guard = (bits(13, 2) == 3 && !asks).then(Box::<Gate>::default);
    step.lock = (bits(15, 2) == 3).then(|| Text::new(format!("l{}", bits(17, 1))));
    step.max_parallel = (bits(18, 2) == 3).then_some(1);
    step.on_failure = match bits(20, 3) {
        0 => Some(OnFailure::Continue),
        1 => Some(OnFailure::Rollback),
        2 => Some(OnFailure::Pause),
        _ => None,
    };
}

/// Random graphs whose steps may have everything at once.
fn furnished(policies: impl Strategy<Value = OnFailure>) -> impl Strategy<Value = Runbook> {
    (policies.prop_flat_map(runbooks), proptest::collection::vec(any::<u32>(), 14)).prop_map(
        |(mut runbook, shapes)| {
            let whole = shapes.iter().fold(0, |all, shape| all ^ shape.rotate_left(7));
            runbook.steps.iter_mut().zip(shapes).for_each(|(step, shape)| furnish(step, shape));
            super::subs::bring_in(&mut runbook, whole);
            runbook.finally.push(step("told".to_owned(), vec!["tell".to_owned()]));
            runbook.finally.iter_mut().for_each(|step| step.body.idempotent = true);
            runbook
        },
    )
}

/// A new engine on the journal of whatever was there before.
fn take_up(world: &mut World, attended: bool, how: Input) {
    (world.flying, world.timers, world.asked, world.offered) = (vec![], vec![], vec![], vec![]);
    world.stopped.clear();
    world.rested = None;
    let graph = world.machine.graph().clone();
    world.machine = Machine::new(graph, world.refold());
    if attended {
        world.machine.attend();
    }
    world.say(how);
}

fn decided(dice: &mut Dice, steps: Vec<String>, wild: bool) -> BTreeMap<String, (Decision, Option<String>)> {
    let mut decisions = BTreeMap::new();
    for step in steps {
        if wild && dice.one_in(2) {
            continue;
        }
        let decision = match dice.roll(6) {
            0 if wild => Decision::Skip,
            1 if wild => Decision::Done,
            _ => Decision::Retry,
        };
        decisions.insert(step, (decision, Some("seen to".to_owned())));
    }
    decisions
}

/// Takes up a run that rests or whose engine died.
fn again(world: &mut World, dice: &mut Dice, wild: bool) {
    let (graph, state) = (world.machine.graph().clone(), world.refold());
    let by = person(if wild { dice.name(&["", "ann", "ben"]) } else { "" });
    let to = |dice: &mut Dice| {
        let some = !state.touched.is_empty() && dice.one_in(2);
        some.then(|| state.name(&graph, *dice.of(&state.touched)))
    };
    let how = if wild && dice.one_in(5) {
        Input::Rollback { by, to: to(dice) }
    } else {
        let open = match wild {
            true => open_to_decision(&state, &graph).into_iter().map(|at| state.name(&graph, at)).collect(),
            false => world.machine.unsettled(),
        };
        let decisions = decided(dice, open, wild);
        Input::Resume { by, reason: None, decisions }
    };
    take_up(world, wild && dice.one_in(3), how);
}

fn end_one(world: &mut World, dice: &mut Dice, wild: bool, broken: &BTreeSet<String>) {
    let which = dice.roll(world.flying.len());
    let leaf = world.flying[which].clone();
    let stopped = world.stopped.contains(&leaf);
    let end = match dice.roll(24) {
        _ if stopped && !(wild && dice.one_in(4)) => End::Stopped,
        0 | 1 if wild => End::Exit(1),
        2 if wild => End::Signal(9),
        3 if wild => End::TimedOut,
        4 if wild => End::NotStarted("there is no such program".to_owned()),
        _ => End::Exit(i32::from(leaf.stage == Stage::Action && broken.contains(&leaf.step))),
    };
    world.stub.gate_fails.clear();
    if wild && dice.one_in(10) {
        let at = world.machine.state().find(&leaf.step).expect("it is an instance");
        world.stub.gate_fails.insert(world.machine.graph().step(at.node).id.clone());
    }
    world.end(which, end);
}

fn answer_one(world: &mut World, dice: &mut Dice, wild: bool) {
    let step = dice.of(&world.asked).clone();
    if wild && dice.one_in(12) {
        return world.say(Input::NobodyAnswers { step });
    }
    let yes = !(wild && dice.one_in(8));
    let by = person(if wild && dice.one_in(8) { "eve" } else { dice.name(&PEOPLE) });
    world.say(Input::Answered { step, by, yes, note: None, answers: Map::new(), to: To::Whatever });
}

fn settle_one(world: &mut World, dice: &mut Dice, wild: bool) {
    let offered = std::mem::take(&mut world.offered);
    match dice.roll(6) {
        0 if wild => world.say(Input::Leave),
        1 if wild => world.say(Input::Rollback { by: person("ann"), to: None }),
        _ => {
            let mut decisions = decided(dice, offered.clone(), wild);
            if decisions.is_empty() {
                decisions.insert(offered[0].clone(), (Decision::Retry, None));
            }
            world.say(Input::Settle { by: person("ann"), decisions });
        }
    }
}

/// Locks that the run has, or waits for, are nobody else's: the journal sees to that.
fn others_lock(world: &mut World, dice: &mut Dice) {
    for lock in ["l0", "l1"] {
        let mine = world.machine.state().locks.contains_key(lock);
        match dice.roll(12) {
            0 if !mine => drop(world.elsewhere.insert(lock.to_owned())),
            1 | 2 => drop(world.elsewhere.remove(lock)),
            _ => {}
        }
    }
}

/// Lets one thing happen. Returns whether anything can.
fn happens(world: &mut World, dice: &mut Dice, wild: bool, broken: &BTreeSet<String>) -> bool {
    let (machine, state) = (&world.machine, world.machine.state());
    world.timers.retain(|id| machine.timers.contains_key(id));
    world.asked.retain(|step| {
        state.find(step).is_some_and(|at| {
            matches!(state.at(at).progress, Progress::Asking(_)) && !machine.unanswered.contains(&at)
        })
    });
    let offered = machine.offered().is_some() && !world.offered.is_empty();
    // Neither brings a run on by itself.
    let ticks = |id: &&TimerId| {
        let alarm = machine.timers[id].1;
        !matches!(alarm, Alarm::Fresh | Alarm::AskDeadline)
    };
    let waits = world.timers.iter().any(|id| ticks(&id));
    if world.flying.is_empty() && world.asked.is_empty() && !offered && !waits {
        return false;
    }
    loop {
        match dice.roll(8) {
            0..=3 if !world.flying.is_empty() => end_one(world, dice, wild, broken),
            4 | 5 if !world.timers.is_empty() => {
                let which = dice.roll(world.timers.len());
                // Nobody is out of time once things work again, and no answer is old before the next one is had.
                let alarm = world.machine.timers[&world.timers[which]].1;
                if wild || !matches!(alarm, Alarm::AskDeadline | Alarm::Fresh) {
                    let id = world.timers.remove(which);
                    world.say(Input::Fired(id));
                } else {
                    continue;
                }
            }
            6 if !world.asked.is_empty() => answer_one(world, dice, wild),
            7 if offered => settle_one(world, dice, wild),
            _ => continue,
        }
        return true;
    }
}

fn story(world: &World) -> Vec<String> {
    let line = |event: &Event| serde_json::to_string(event).expect("an event is data");
    world.events.iter().skip(1).map(line).collect()
}

/// Plays with whatever can go wrong for `wild` turns, then until the run is over for good, with everything working but
/// the steps in `broken`.
fn live(
    world: &mut World,
    dice: &mut Dice,
    wild: usize,
    broken: &BTreeSet<String>,
) -> Result<(), TestCaseError> {
    let mut taken_up = 0;
    for turn in 0..wild + 6_000 {
        let is_wild = turn < wild;
        if is_wild {
            others_lock(world, dice);
        } else {
            world.elsewhere.clear();
        }
        if let Some(status) = world.rested {
            prop_assert!(world.flying.is_empty(), "it rests, and {:?} is at work", world.flying);
            prop_assert_eq!(&world.refold(), world.machine.state());
            if !is_wild && matches!(status, RunStatus::Succeeded | RunStatus::RolledBack) {
                return Ok(());
            }
            if !is_wild && !broken.is_empty() && status == RunStatus::Failed {
                return Ok(());
            }
            if is_wild && status == RunStatus::RolledBack {
                return Ok(());
            }
            taken_up += u32::from(!is_wild);
            prop_assert!(taken_up < 12, "everything works, and it ends as {status:?}: {:#?}", story(world));
            if is_wild && status == RunStatus::Succeeded {
                let by = person("ann");
                take_up(world, false, Input::Rollback { by, to: None });
            } else {
                again(world, dice, is_wild);
            }
            continue;
        }
        if is_wild && dice.one_in(25) {
            match dice.roll(4) {
                0 => world.say(Input::Stop { by: "Ctrl-C".to_owned(), hard: false }),
                1 => world.say(Input::Stop { by: "SIGTERM".to_owned(), hard: true }),
                _ => again(world, dice, true),
            }
            continue;
        }
        prop_assert!(
            happens(world, dice, is_wild, broken),
            "it neither rests nor waits for anything: {:#?}",
            story(world)
        );
    }
    Err(TestCaseError::fail(format!("it never came to an end: {:#?}", story(world))))
}

/// No undo begins before that of everything that was begun and needs the step, directly or not.
fn nothing_is_undone_under_another(world: &World) -> Result<(), TestCaseError> {
    let graph = world.machine.graph();
    let mut state = State::new(graph);
    for event in &world.events {
        if let Event::Intent { leaf, .. } = event
            && leaf.stage == Stage::Undo
        {
            let at = state.find(&leaf.step).expect("an instance");
            for &other in &state.touched {
                let stands = graph.transitive_needs(other.node).contains(&at.node);
                let gone = state.at(other).undo.as_ref().is_some_and(UndoResult::releases);
                let name = state.name(graph, other);
                prop_assert!(!stands || gone, "{} is undone under {name}: {:#?}", leaf.step, story(world));
            }
        }
        state.apply(graph, event).expect("the machine's own events can follow each other");
    }
    if world.rested == Some(RunStatus::RolledBack) {
        for &at in &state.touched {
            let gone = state.at(at).undo.as_ref().is_some_and(UndoResult::releases);
            prop_assert!(gone, "{} was begun and is not undone", state.name(graph, at));
        }
    }
    Ok(())
}

fn promises(world: &World, max: u32) -> Result<(), TestCaseError> {
    prop_assert!(world.most <= max as usize, "{} at once, {max} allowed", world.most);
    prop_assert_eq!(&world.refold(), world.machine.state());
    nothing_doubled(world)?;
    nothing_begins_unlocked_or_on_an_old_answer(world)?;
    nothing_is_undone_under_another(world)
}

fn stub() -> Stub {
    Stub { items: 2, attempts: 2, checks_lapse: true, ..Stub::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_run_keeps_its_promises_and_ends_once_things_work_again(
        (runbook, seed, wild, max) in (furnished(policies()), any::<u64>(), 0usize..250, 1u32..4),
    ) {
        let guard_within = Some(Duration::from_secs(60));
        let question = Some(Duration::from_secs(60)).filter(|_| seed & 1 == 0);
        let mut world = World::new(&runbook, Stub { guard_within, question, ..stub() }, max);
        let mut dice = Dice(seed);
        live(&mut world, &mut dice, wild, &BTreeSet::new())?;
        promises(&world, max)?;
    }
}
