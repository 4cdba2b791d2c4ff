//! Rollback: what is undone when, what an undo that failed or is in doubt leaves, and a run that was undone in part.

use super::*;

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

/// Undoes what needs a step, and the step itself.
#[track_caller]
fn down_to(world: &mut World, step: &str) {
    roll_back(world, Some(step));
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::PartlyUndone));
}

/// Takes the run up again; what it did before is no part of `ran` any more.
#[track_caller]
fn forwards(world: &mut World) {
    world.ran.clear();
    world.crash();
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
}

#[test]
fn a_run_undone_down_to_a_step_goes_forwards_again_and_captures_anew() {
    let mut runbook = chain(3);
    runbook.steps[1].body.capture = Some(Box::default());
    let mut world = World::new(&runbook, Stub::default(), 8);
    world.play(&[(0, true)]);
    down_to(&mut world, "s1");
    assert_eq!((undo(&world, "s0"), undo(&world, "s1")), (None, Some(UndoResult::Done)));
    forwards(&mut world);
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
    down_to(&mut world, "s1");
    forwards(&mut world);
    assert_eq!(world.ran.iter().map(|leaf| leaf.step.as_str()).collect::<Vec<_>>(), ["s2"]);
}

#[test]
fn what_was_done_by_hand_is_not_done_again_after_a_rollback_down_to_a_step() {
    let mut world = World::new(&chain(4), Stub::default(), 8);
    world.end(0, End::Exit(0));
    world.end(0, End::Exit(0));
    world.end(0, End::NotStarted("no such program".to_owned()));
    resume(&mut world, &[("s2", Decision::Done)]);
    world.play(&[(0, true)]);
    down_to(&mut world, "s1");
    forwards(&mut world);
    assert_eq!(world.ran.iter().map(|leaf| leaf.step.as_str()).collect::<Vec<_>>(), ["s1", "s3"]);
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
    down_to(&mut world, "s1");
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
