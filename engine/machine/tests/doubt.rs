//! Steps whose end nobody saw: what settles them, and what does not.

use super::*;

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

/// Neither done nor run again: a gate that got no answer leaves a step, and an undo, in doubt.
#[test]
fn a_doubt_whose_gate_gets_no_answer_stays_one() {
    let mut runbook = chain(1);
    runbook.steps[0].body.verify = Some(Box::default());
    runbook.steps[0].body.rollback = Some(Box::new(Undo { verify: Some(Box::default()), ..Undo::default() }));
    for undo in [false, true] {
        let mut world = World::new(&runbook, Stub::default(), 8);
        let stage = if undo { Stage::Undo } else { Stage::Action };
        if undo {
            world.play(&[(0, true)]);
            roll_back(&mut world, None);
        }
        world.crash();
        world.stub.gate_mute.insert("s0".to_owned());
        world.end(0, End::Exit(0));
        assert_eq!(world.rested, Some(RunStatus::Waiting), "{stage:?}");
        assert_eq!(world.machine.unsettled(), ["s0"], "{stage:?}");
        let ran = |world: &World| world.ran.iter().filter(|leaf| leaf.stage == stage).count();
        assert_eq!(ran(&world), 1, "{stage:?} is not run again");
        // Asked anew when the run is taken up again, with an answer this time.
        world.stub.gate_mute.clear();
        world.crash();
        world.play(&[(0, true)]);
        let ended = if undo { RunStatus::RolledBack } else { RunStatus::Succeeded };
        assert_eq!((world.rested, ran(&world)), (Some(ended), 1), "{stage:?}");
    }
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
