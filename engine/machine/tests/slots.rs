//! Who has a place, and what goes with a runbook that is brought in: each promise by itself. The random graphs beside this
//! find more, but not every time.

use super::subs::{begin, db, finish};
use super::*;
use crate::model::Wait;

fn at_work(world: &World) -> Vec<(&str, Stage)> {
    world.flying.iter().map(|leaf| (&*leaf.step, leaf.stage)).collect()
}

fn names(world: &World, these: &[Addr]) -> Vec<String> {
    these.iter().map(|&at| world.machine.name(at)).collect()
}

#[test]
fn a_wait_gives_its_place_back_once_its_check_is_over() {
    let mut waits = step("waits".to_owned(), Vec::new());
    let action = Action::Wait(Wait::For(Text::new("1s")));
    waits.body = Body { action, check: Some(Box::default()), effect: Effect::Read, ..Body::default() };
    let steps = vec![waits, step("other".to_owned(), Vec::new())];
    let mut world = World::new(&Runbook { steps, ..Runbook::default() }, Stub::default(), 1);
    assert_eq!(at_work(&world), [("waits", Stage::Check)]);
    world.end(0, End::Exit(0));
    assert_eq!(at_work(&world), [("other", Stage::Action)]);
    assert_eq!(world.timers.len(), 1, "it waits beside it");
    world.end(0, End::Exit(0));
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
}

/// `db` brings in `x`, which brings in `y` and `z` side by side.
fn nested(outer: Option<u32>, inner: Option<u32>) -> Runbook {
    let mut runbook = db(outer);
    begin(&mut runbook, 2, 5, Some(0), inner);
    runbook
}

#[test]
fn each_runbook_around_a_step_bounds_it() {
    for (outer, inner, most) in
        [(None, None, 2), (Some(1), None, 1), (None, Some(1), 1), (Some(1), Some(2), 1)]
    {
        let mut world = World::new(&nested(outer, inner), Stub::default(), 8);
        world.play(&[(0, true)]);
        assert_eq!((world.rested, world.most), (Some(RunStatus::Succeeded), most), "{outer:?} {inner:?}");
    }
}

#[test]
fn what_did_not_begin_or_is_called_done_takes_its_last_steps_with_it() {
    let mut runbook = db(None);
    runbook.steps[1].body.check = Some(Box::default());
    let gate_fails = BTreeSet::from(["db".to_owned()]);
    let mut world = World::new(&runbook, Stub { gate_fails, ..Stub::default() }, 8);
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::Failed));
    assert_eq!(finish(&world, "told"), Some(&Finish::Skipped("db did not begin".to_owned())));
    resume(&mut world, &[("db", Decision::Done)]);
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
    let (state, graph) = (world.machine.state(), world.machine.graph());
    for step in ["x", "y", "z", "told"] {
        let done = Finish::Skipped("db was marked as done".to_owned());
        assert_eq!(finish(&world, step), Some(&done), "{step}");
        assert!(state.goes_with_skipped(graph, state.node(step).expect("a step")), "{step}");
    }
    assert!(!state.goes_with_skipped(graph, state.node("b").expect("a step")));
    assert_eq!(finish(&world, "b"), Some(&Finish::Succeeded));
}

#[test]
fn an_undo_that_was_begun_is_brought_to_its_end_wherever_a_rollback_is_to_stop() {
    let steps = vec![step("s0".to_owned(), Vec::new()), step("s1".to_owned(), Vec::new())];
    let mut world = World::new(&Runbook { steps, ..Runbook::default() }, Stub::default(), 1);
    world.play(&[(0, true)]);
    roll_back(&mut world, None);
    world.end(0, End::Exit(0));
    assert_eq!(at_work(&world), [("s0", Stage::Undo)]);
    let order = undo_order(world.machine.state(), world.machine.graph(), Some("s1"));
    assert_eq!(names(&world, &order), ["s0"], "`s1` is undone, and `s0` half");
}
