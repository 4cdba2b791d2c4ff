//! Somebody at the terminal: what failed is theirs to settle, and the run goes on from there.

use super::*;

fn attended(runbook: &Runbook) -> World {
    let mut world = World::new(runbook, Stub { items: 2, ..Stub::default() }, 8);
    world.machine.attend();
    world.say(Input::Begin);
    world
}

fn settle(world: &mut World, decisions: &[(&str, Decision)]) {
    world.offered.clear();
    let why = |decision| (decision != Decision::Retry).then(|| "seen to".to_owned());
    let decisions = decisions.iter().map(|&(step, decision)| (step.to_owned(), (decision, why(decision))));
    world.say(Input::Settle { by: Person::default(), decisions: decisions.collect() });
}

/// A chain of three whose second step has failed.
fn failed() -> World {
    let mut world = attended(&chain(3));
    world.end(0, End::Exit(0));
    world.end(0, End::Exit(1));
    assert_eq!((world.offered.as_slice(), world.rested), (&["s1".to_owned()][..], None));
    world
}

#[test]
fn a_failed_step_is_offered_and_goes_on_as_was_decided() {
    for (decision, runs) in [(Decision::Retry, 4), (Decision::Skip, 3), (Decision::Done, 3)] {
        let mut world = failed();
        settle(&mut world, &[("s1", decision)]);
        world.play(&[(0, true)]);
        assert_eq!(world.rested, Some(RunStatus::Succeeded), "{decision:?}");
        assert_eq!(world.ran.len(), runs, "{decision:?}");
        assert_eq!(&world.refold(), world.machine.state());
        let decided = world.events.iter().find(|event| matches!(event, Event::Decided { .. }));
        assert!(matches!(decided, Some(Event::Decided { by: Some(_), .. })), "who decided is recorded");
    }
}

#[test]
fn what_is_left_or_undone_ends_as_without_anybody() {
    let mut world = failed();
    world.say(Input::Leave);
    assert_eq!(world.rested, Some(RunStatus::Failed));
    let mut world = failed();
    world.say(Input::Rollback { by: Person::default(), to: None });
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::RolledBack));
    let mut world = failed();
    world.say(Input::Stop { by: "cancel".to_owned(), hard: true });
    assert_eq!(world.rested, Some(RunStatus::Interrupted));
    // Decided at the same moment, and too late.
    settle(&mut world, &[("s1", Decision::Done)]);
    assert_eq!(world.rested, Some(RunStatus::Interrupted));
}

#[test]
fn an_engine_that_dies_with_an_offer_open_leaves_a_failed_run() {
    let mut world = failed();
    world.crash();
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
    let ran: Vec<_> = world.ran.iter().map(|leaf| (leaf.step.as_str(), leaf.attempt)).collect();
    assert_eq!(ran, [("s0", 1), ("s1", 1), ("s1", 2), ("s2", 1)]);
}

#[test]
fn of_several_the_first_failure_comes_first_and_each_is_settled_by_itself() {
    let mut runbook = chain(0);
    runbook.steps = (0..3).map(|number| step(format!("s{number}"), Vec::new())).collect();
    let mut world = attended(&runbook);
    world.end(2, End::Exit(1));
    world.end(0, End::Exit(1));
    world.end(0, End::Exit(0));
    assert_eq!(world.offered, ["s2", "s0"]);
    settle(&mut world, &[("s2", Decision::Skip)]);
    assert_eq!((world.offered.as_slice(), world.rested), (&["s0".to_owned()][..], None));
    settle(&mut world, &[("s0", Decision::Retry)]);
    world.end(0, End::Exit(0));
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
}

#[test]
fn what_waited_when_a_step_failed_is_taken_up_with_it() {
    let mut runbook = chain(1);
    let mut wait = step("wait".to_owned(), Vec::new());
    wait.body.action = Action::Wait(crate::model::Wait::For(Text::new("1h")));
    let mut ask = step("ask".to_owned(), Vec::new());
    ask.body.action = Action::Approve(Box::default());
    runbook.steps.extend([wait, ask]);
    let mut world = attended(&runbook);
    world.end(0, End::Exit(1));
    assert_eq!(world.offered, ["s0"]);
    world.asked.clear();
    world.timers.clear();
    settle(&mut world, &[("s0", Decision::Retry)]);
    assert_eq!((world.asked.len(), world.timers.len(), world.flying.len()), (1, 1, 1));
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
}

#[test]
fn a_wait_that_was_let_go_is_guarded_again() {
    let mut runbook = chain(1);
    let mut wait = step("wait".to_owned(), Vec::new());
    wait.body.action = Action::Wait(crate::model::Wait::For(Text::new("1h")));
    wait.guard = Some(Box::default());
    runbook.steps.push(wait);
    let mut world = attended(&runbook);
    let at = |world: &World, stage| world.flying.iter().position(|leaf| leaf.stage == stage);
    // Its guard has not answered when everything stops but what runs.
    world.end(at(&world, Stage::Action).expect("it runs"), End::Exit(1));
    world.end(at(&world, Stage::Guard).expect("it is asked"), End::Stopped);
    assert_eq!(world.offered, ["s0"]);
    settle(&mut world, &[("s0", Decision::Retry)]);
    assert!(at(&world, Stage::Guard).is_some(), "it is guarded from its beginning");
    assert_eq!(&world.refold(), world.machine.state());
}

#[test]
fn a_doubt_is_offered_too() {
    let mut world = World::new(&chain(2), Stub::default(), 8);
    let graph = world.machine.graph().clone();
    world.machine = Machine::new(graph, world.refold());
    world.flying.clear();
    world.machine.attend();
    world.say(Input::Resume { by: Person::default(), reason: None, decisions: BTreeMap::new() });
    assert_eq!((world.offered.as_slice(), world.rested), (&["s0".to_owned()][..], None));
    let mut left = world;
    left.say(Input::Leave);
    assert_eq!(left.rested, Some(RunStatus::Waiting));
}

#[test]
fn a_run_from_the_middle_leaves_out_what_comes_before_and_says_why() {
    let mut runbook = chain(4);
    // Beside the chain: the first before it in the file, the other one after.
    runbook.steps.insert(1, step("beside".to_owned(), Vec::new()));
    runbook.steps[1].for_each = Some(Tree::List(Vec::new()));
    runbook.steps.push(step("later".to_owned(), Vec::new()));
    let graph = Graph::of(&runbook);
    let from = State::new(&graph).node("s2").expect("it is a step");
    assert_eq!(from_step(&graph, from), ["s2", "s3", "later"]);
    let mut world = World::new(&runbook, Stub::default(), 8);
    let Some(Event::Opened(mut opened)) = world.events.first().cloned() else { panic!("it is opened") };
    opened.options = Options { only: from_step(&graph, from), from: Some("s2".to_owned()), ..opened.options };
    opened.reason = Some("done by hand".to_owned());
    world = World { machine: Machine::new(Arc::new(graph.clone()), State::new(&graph)), ..world };
    world.events.clear();
    world.ran.clear();
    world.flying.clear();
    world.say(Input::Open(Box::new(opened)));
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
    let ran: Vec<_> = world.ran.iter().map(|leaf| leaf.step.as_str()).collect();
    assert_eq!(ran, ["s2", "later", "s3"]);
    let why = "it comes before s2, where the run was to begin: done by hand";
    let beside = world.machine.state().find("beside").expect("it ended as one");
    assert_eq!(world.machine.state().at(beside).finish, Some(Finish::Skipped(why.to_owned())));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whoever_tries_again_until_it_works_comes_to_the_end(
        (runbook, script, max) in (
            prop_oneof![Just(OnFailure::Pause), Just(OnFailure::Continue)].prop_flat_map(runbooks),
            script(),
            1u32..4,
        ),
    ) {
        let mut world = World::new(&runbook, Stub { items: 3, ..Stub::default() }, max);
        world.machine.attend();
        let mut script = script.iter().cycle();
        for turn in 0..100_000 {
            if world.rested.is_some() {
                break;
            }
            let &(which, ok) = script.next().expect("a cycle never ends");
            if !world.flying.is_empty() {
                // From some time on everything works.
                world.end(which, End::Exit(i32::from(!ok && turn < 200)));
            } else if !world.offered.is_empty() {
                let one = world.offered[which % world.offered.len()].clone();
                settle(&mut world, &[(&one, Decision::Retry)]);
            } else {
                let id = world.timers.remove(which % world.timers.len());
                world.say(Input::Fired(id));
            }
        }
        prop_assert!(world.most <= max as usize);
        prop_assert_eq!(&world.refold(), world.machine.state());
        // Nobody is offered a step of `finally`.
        let told = world.machine.state().find("tell").map(|at| world.machine.state().at(at).finish.clone());
        let expected = if told == Some(Some(Finish::Succeeded)) { RunStatus::Succeeded } else { RunStatus::Failed };
        prop_assert_eq!(world.rested, Some(expected));
    }
}
