//! Disturbed wherever a run can be, and taken up again, it comes to the end of the run that nothing disturbed.

use super::*;
use crate::model::Approve;

/// What happens to a run between two turns.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Blow {
    Crash,
    CtrlC,
    Term,
}

/// How it is taken up again.
#[derive(Clone, Copy, Debug, PartialEq)]
enum After {
    Resume,
    Rollback,
}

fn blows() -> impl Strategy<Value = Vec<(usize, Blow)>> {
    let blow = prop_oneof![3 => Just(Blow::Crash), 1 => Just(Blow::CtrlC), 1 => Just(Blow::Term)];
    proptest::collection::vec((0usize..30, blow), 1..4)
}

/// As [`runbooks`], with questions, gates after the undo, and a second step of `finally`.
pub(super) fn many(policy: OnFailure) -> impl Strategy<Value = Runbook> {
    (runbooks(policy), proptest::collection::vec(0u32..12, 14)).prop_map(|(mut runbook, shapes)| {
        let whole = shapes.iter().fold(0, |all: u32, shape| all.rotate_left(4) ^ shape);
        for (step, shape) in runbook.steps.iter_mut().zip(shapes) {
            match shape {
                0 | 1 if step.for_each.is_none() => {
                    step.body =
                        Body { action: Action::Approve(Box::<Approve>::default()), ..Body::default() };
                    step.body.effect = Effect::Read;
                }
                2 | 3 if matches!(step.body.action, Action::Command(_)) => {
                    step.body.rollback =
                        Some(Box::new(Undo { verify: Some(Gate::default().into()), ..Undo::default() }));
                }
                4 => {
                    step.body.action = Action::Gate(Box::default());
                    step.body.effect = Effect::Read;
                    step.body.verify = None;
                }
                5 if matches!(step.body.action, Action::Command(_)) => step.body.rollback = None,
                _ => {}
            }
        }
        super::subs::bring_in(&mut runbook, whole);
        runbook.finally.push(step("told".to_owned(), vec!["tell".to_owned()]));
        // A step of `finally` in doubt is told as failed and not repeated, so the run would end otherwise.
        runbook.finally.iter_mut().for_each(|step| step.body.idempotent = true);
        runbook
    })
}

/// Drives `world` to its rest: commands end in the order that `order` says, and the steps in `broken` fail. After each
/// of the `blows` (turns since the last one) the run is taken up again as `after` says; doubts are settled by a person.
fn drive(
    world: &mut World,
    order: &[usize],
    broken: &BTreeSet<String>,
    blows: &[(usize, Blow)],
    after: After,
) -> Result<(), TestCaseError> {
    let mut blows = blows.iter().copied();
    let mut next = blows.next();
    let mut turns = 0;
    for which in order.iter().copied().cycle().take(20_000) {
        if let Some((left, blow)) = next
            && turns >= left
            && world.rested.is_none()
        {
            (turns, next) = (0, blows.next());
            match blow {
                Blow::Crash => {
                    take_up(world, after);
                    continue;
                }
                Blow::CtrlC | Blow::Term => {
                    world.say(Input::Stop { by: "a signal".to_owned(), hard: blow == Blow::Term });
                }
            }
        }
        turns += 1;
        match world.rested {
            Some(RunStatus::Interrupted) => take_up(world, after),
            Some(RunStatus::Waiting) if !world.machine.unsettled().is_empty() => {
                let decisions = world
                    .machine
                    .unsettled()
                    .into_iter()
                    .map(|step| (step, (Decision::Retry, None)))
                    .collect();
                world.rested = None;
                world.say(Input::Resume { by: Person::default(), reason: None, decisions });
            }
            Some(_) => return Ok(()),
            None if !world.flying.is_empty() => {
                let leaf = &world.flying[which % world.flying.len()];
                let fails = leaf.stage == Stage::Action && broken.contains(&leaf.step);
                let stopped = world.stopped.contains(leaf);
                let end = if stopped { End::Stopped } else { End::Exit(i32::from(fails)) };
                world.end(which, end);
            }
            None if !world.asked.is_empty() => {
                let step = world.asked.remove(which % world.asked.len());
                let answers = Map::new();
                world.say(Input::Answered {
                    step,
                    by: Person::default(),
                    yes: true,
                    note: None,
                    answers,
                    to: To::Whatever,
                });
            }
            None => {
                prop_assert!(!world.timers.is_empty(), "the run neither rests nor waits for anything");
                let id = world.timers.remove(which % world.timers.len());
                world.say(Input::Fired(id));
            }
        }
    }
    Err(TestCaseError::fail("the run never came to rest"))
}

fn take_up(world: &mut World, after: After) {
    world.flying.clear();
    world.timers.clear();
    world.asked.clear();
    world.rested = None;
    let graph = world.machine.graph().clone();
    world.machine = Machine::new(graph, world.refold());
    let by = Person::default();
    world.say(match after {
        After::Resume => Input::Resume { by, reason: None, decisions: BTreeMap::new() },
        After::Rollback => Input::Rollback { by, to: None },
    });
}

/// What is left of a run when all is over: how each instance ended, and its undo.
pub(super) fn left(world: &World) -> BTreeMap<String, (Option<Finish>, Option<UndoResult>)> {
    let state = world.machine.state();
    let graph = world.machine.graph();
    state
        .instances()
        .filter(|(at, _)| !graph.is_finally(at.node))
        .map(|(at, one)| (state.name(graph, at), (one.finish.clone(), one.undo.clone())))
        .collect()
}

/// What a person would look at to find out: the events of one step.
fn of_step<'a>(world: &'a World, step: &str) -> Vec<&'a Event> {
    world.events.iter().filter(|event| event.step().is_none_or(|name| name == step)).collect()
}

/// A command that is not idempotent is begun again only when its end is known, or a person or its gate said so.
pub(super) fn nothing_doubled(world: &World) -> Result<(), TestCaseError> {
    let mut unknown: BTreeSet<(&str, Stage)> = BTreeSet::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let changing = |leaf: &Leaf| matches!(leaf.stage, Stage::Action | Stage::Undo);
    for event in &world.events {
        match event {
            Event::Intent { leaf, .. } if changing(leaf) => {
                // Undone and not expanded again, an instance is there no more; its step is.
                let id = leaf.step.split('[').next().unwrap_or_default();
                let node = world.machine.state().node(id).expect("it is a step");
                let body = &world.machine.graph().step(node).body;
                let new = unknown.insert((&leaf.step, leaf.stage));
                let once = body.effect == Effect::Change && !body.idempotent;
                let again = leaf.stage == Stage::Action && done.contains(leaf.step.as_str());
                prop_assert!(!(once && again), "{} was done: {:#?}", leaf.step, of_step(world, &leaf.step));
                prop_assert!(
                    new || !once,
                    "{} was begun again in silence: {:#?}",
                    leaf.step,
                    of_step(world, &leaf.step)
                );
            }
            Event::Exited { leaf, end, .. } if changing(leaf) && *end != End::Stopped => {
                unknown.remove(&(leaf.step.as_str(), leaf.stage));
            }
            Event::Decided { step, by: Some(_), .. } => {
                done.remove(step.as_str());
                unknown.retain(|(name, _)| name != step);
            }
            Event::Finished { step, result: Finish::Succeeded | Finish::MarkedDone } => {
                done.insert(step);
            }
            // Whatever the action did is gone.
            Event::Undone { step, result: UndoResult::Done, .. } => {
                done.remove(step.as_str());
                unknown.remove(&(step.as_str(), Stage::Action));
                unknown.remove(&(step.as_str(), Stage::Undo));
            }
            // The gate after it said that it took no effect.
            Event::Judged { leaf, .. } if leaf.stage == Stage::Verify => {
                unknown.remove(&(leaf.step.as_str(), Stage::Action));
            }
            Event::Judged { leaf, .. } if leaf.stage == Stage::UndoVerify => {
                unknown.remove(&(leaf.step.as_str(), Stage::Undo));
            }
            _ => {}
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, ..ProptestConfig::default() })]

    #[test]
    fn what_was_disturbed_ends_as_what_was_not(
        (runbook, order, blows, max, broken) in (
            prop_oneof![Just(OnFailure::Rollback), Just(OnFailure::Continue)].prop_flat_map(many),
            proptest::collection::vec(any::<usize>(), 1..40),
            blows(),
            1u32..4,
            proptest::option::weighted(0.4, 0usize..14),
        ),
    ) {
        let broken: BTreeSet<String> = broken.map(|number| format!("s{number}")).into_iter().collect();
        let mut runbook = runbook;
        // Every gate holds here, and one after a step that is to fail would say that it had not.
        runbook.steps.iter_mut().filter(|step| broken.contains(&step.id)).for_each(|step| step.body.verify = None);
        let stub = || Stub { items: 2, attempts: 2, ..Stub::default() };
        let mut calm = World::new(&runbook, stub(), max);
        drive(&mut calm, &order, &broken, &[], After::Resume)?;
        let mut world = World::new(&runbook, stub(), max);
        drive(&mut world, &order, &broken, &blows, After::Resume)?;
        prop_assert!(world.most <= max as usize, "{} at once, {max} allowed", world.most);
        prop_assert_eq!(&world.refold(), world.machine.state());
        nothing_doubled(&world)?;
        prop_assert_eq!(world.rested, calm.rested);
        // What a rollback finds begun depends on what ran beside the step that failed.
        if calm.rested == Some(RunStatus::Succeeded) || runbook.on_failure == OnFailure::Continue {
            prop_assert_eq!(left(&world), left(&calm));
        }
    }

    #[test]
    fn a_rollback_undoes_whatever_was_begun_wherever_the_run_was(
        (runbook, order, blows, max, broken) in (
            policies().prop_flat_map(many),
            proptest::collection::vec(any::<usize>(), 1..40),
            blows(),
            1u32..4,
            proptest::option::weighted(0.4, 0usize..14),
        ),
    ) {
        let broken: BTreeSet<String> = broken.map(|number| format!("s{number}")).into_iter().collect();
        let mut runbook = runbook;
        // An undo whose end is unknown is begun again only when that is safe: here it is.
        runbook.steps.iter_mut().for_each(|step| step.body.idempotent = true);
        let mut world = World::new(&runbook, Stub { items: 2, attempts: 2, ..Stub::default() }, max);
        drive(&mut world, &order, &broken, &blows, After::Rollback)?;
        prop_assert_eq!(&world.refold(), world.machine.state());
        let state = world.machine.state();
        if state.rollback {
            prop_assert_eq!(world.rested, Some(RunStatus::RolledBack));
            for &at in &state.touched {
                let undone = matches!(state.at(at).undo, Some(UndoResult::Done | UndoResult::Left(_)));
                prop_assert!(undone, "{} was begun and is not undone", state.name(world.machine.graph(), at));
            }
        }
    }

    #[test]
    fn undone_down_to_any_step_and_forwards_again_every_change_is_there_once(
        (runbook, order, blows, max, to) in (
            many(OnFailure::Continue),
            proptest::collection::vec(any::<usize>(), 1..40),
            blows(),
            1u32..4,
            any::<prop::sample::Index>(),
        ),
    ) {
        let none = BTreeSet::new();
        let mut world = World::new(&runbook, Stub { items: 2, attempts: 2, ..Stub::default() }, max);
        drive(&mut world, &order, &none, &[], After::Resume)?;
        let touched = world.machine.state().touched.clone();
        if touched.is_empty() {
            return Ok(());
        }
        let to = world.machine.state().name(world.machine.graph(), touched[to.index(touched.len())]);
        super::roll_back(&mut world, Some(&to));
        drive(&mut world, &order, &none, &blows, After::Resume)?;
        if world.rested == Some(RunStatus::RolledBack) {
            return Ok(());
        }
        prop_assert_eq!(world.rested, Some(RunStatus::PartlyUndone));
        take_up(&mut world, After::Resume);
        drive(&mut world, &order, &none, &blows, After::Resume)?;
        prop_assert_eq!(world.rested, Some(RunStatus::Succeeded));
        prop_assert_eq!(&world.refold(), world.machine.state());
        nothing_doubled(&world)?;
        let (state, graph) = (world.machine.state(), world.machine.graph());
        prop_assert_eq!(state.touched.len(), touched.len());
        for &at in &state.touched {
            let step = state.name(graph, at);
            let of = of_step(&world, &step);
            let done = of.iter().filter(|event| matches!(event, Event::Finished { .. })).count();
            let undone = of.iter().filter(|event| matches!(event, Event::Undone { result: UndoResult::Done, .. })).count();
            prop_assert_eq!(done - undone, 1, "{}: {:#?}", step, of);
        }
    }
}
