//! Runbooks that steps bring in: skipped whole, bounded by their own `max_parallel`, and their `finally` only if they began.

use super::*;
use crate::model::Sub;

/// Makes some steps bring in those that stand after them, as [`Sub`]s may be in any runbook.
pub(super) fn bring_in(runbook: &mut Runbook, shape: u32) {
    let bits = |from: u32, count: u32| (shape >> from & ((1 << count) - 1)) as usize;
    if bits(0, 1) == 0 || runbook.steps.len() < 3 {
        return;
    }
    let first = bits(1, 2) % (runbook.steps.len() - 1);
    let end = (first + 2 + bits(3, 3)).min(runbook.steps.len());
    begin(runbook, first, end, None, (bits(6, 1) == 0).then_some(1));
    if bits(7, 1) == 0 && first + 2 < end {
        begin(runbook, first + 1, end - bits(8, 1).min(end - first - 2), Some(0), None);
    }
    if let Some(last) = runbook.finally.first_mut() {
        last.sub = Some(0);
    }
}

pub(super) fn begin(
    runbook: &mut Runbook,
    at: usize,
    end: usize,
    within: Option<u32>,
    max_parallel: Option<u32>,
) {
    let number = runbook.subs.len() as u32;
    let step = &mut runbook.steps[at];
    let check = step.body.check.take();
    let id = step.id.clone();
    let action = Action::Runbook { name: "inner".to_owned(), vars: Vec::new() };
    step.body = Body { action, check, effect: Effect::Read, idempotent: true, ..Body::default() };
    (step.for_each, step.max_parallel, step.guard, step.lock) = (None, None, None, None);
    for inner in &mut runbook.steps[at + 1..end] {
        inner.sub = Some(number);
        if !inner.needs.contains(&id) {
            inner.needs.push(id.clone());
        }
    }
    runbook.subs.push(Sub { step: id, within, max_parallel, ..Sub::default() });
}

/// `a`, then `db` that brings in `x`, `y`, `z` side by side, then `b`; `told` belongs to what `db` brings in.
pub(super) fn db(max_parallel: Option<u32>) -> Runbook {
    let steps = ["a", "db", "x", "y", "z", "b"].map(|id| {
        let needs: &[&str] = match id {
            "a" => &[],
            "db" => &["a"],
            "b" => &["x", "y", "z"],
            _ => &["db"],
        };
        step(id.to_owned(), needs.iter().map(|&need| need.to_owned()).collect())
    });
    let mut told = step("told".to_owned(), Vec::new());
    told.sub = Some(0);
    let mut runbook = Runbook { steps: steps.to_vec(), finally: vec![told], ..Runbook::default() };
    begin(&mut runbook, 1, 5, None, max_parallel);
    runbook
}

pub(super) fn finish<'a>(world: &'a World, step: &str) -> Option<&'a Finish> {
    let state = world.machine.state();
    state.at(state.find(step).expect("a step")).finish.as_ref()
}

#[test]
fn its_steps_run_within_its_own_bound_and_are_undone_with_the_others() {
    for (bound, most) in [(None, 3), (Some(2), 2), (Some(1), 1)] {
        let mut world = World::new(&db(bound), Stub::default(), 8);
        world.play(&[(0, true)]);
        assert_eq!((world.rested, world.most), (Some(RunStatus::Succeeded), most));
        assert_eq!(finish(&world, "told"), Some(&Finish::Succeeded));
        let touched: Vec<String> = {
            let state = world.machine.state();
            state.touched.iter().map(|&at| state.name(world.machine.graph(), at)).collect()
        };
        assert_eq!(touched, ["a", "x", "y", "z", "b"], "what only begins has nothing to undo");
    }
}

#[test]
fn undone_down_to_the_step_that_begins_them_are_all_of_them() {
    let mut world = World::new(&db(Some(1)), Stub::default(), 8);
    world.play(&[(0, true)]);
    let (state, graph) = (world.machine.state(), world.machine.graph());
    let order = crate::machine::undo_order(state, graph, Some("db"));
    let order: Vec<String> = order.into_iter().map(|at| state.name(graph, at)).collect();
    assert_eq!(order, ["b", "z", "y", "x"]);
}

#[test]
fn what_is_not_wanted_is_skipped_whole() {
    let not_wanted = BTreeSet::from(["db".to_owned()]);
    let mut world = World::new(&db(None), Stub { not_wanted, ..Stub::default() }, 8);
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
    for step in ["x", "y", "z", "told"] {
        assert_eq!(finish(&world, step), Some(&Finish::Skipped("db was skipped".to_owned())), "{step}");
        let (state, graph) = (world.machine.state(), world.machine.graph());
        assert!(state.goes_with_skipped(graph, state.node(step).expect("a step")));
    }
    assert_eq!(finish(&world, "b"), Some(&Finish::Succeeded));
}

#[test]
fn a_for_each_behind_a_step_that_is_over_at_once_is_expanded() {
    for begins in [false, true] {
        let mut runbook = db(None);
        runbook.steps[2].for_each = Some(Tree::List(Vec::new()));
        let not_wanted = ["a", "y", "z"].map(str::to_owned).into_iter().collect::<BTreeSet<_>>();
        if !begins {
            runbook.subs.clear();
            runbook.steps.iter_mut().chain(&mut runbook.finally).for_each(|step| step.sub = None);
            runbook.steps[1] = step("db".to_owned(), vec!["a".to_owned()]);
        }
        let not_wanted =
            if begins { not_wanted } else { not_wanted.into_iter().chain(["db".to_owned()]).collect() };
        let mut world = World::new(&runbook, Stub { items: 2, not_wanted, ..Stub::default() }, 8);
        world.play(&[(0, true)]);
        assert_eq!(world.rested, Some(RunStatus::Succeeded));
        assert_eq!(finish(&world, "x[1]"), Some(&Finish::Succeeded));
    }
}

#[test]
fn its_last_steps_are_left_out_when_it_never_began() {
    let mut world = World::new(&db(None), Stub { attempts: 1, ..Stub::default() }, 8);
    world.play(&[(0, false), (0, true)]);
    assert_eq!(world.rested, Some(RunStatus::Failed), "`a` failed");
    assert_eq!(finish(&world, "told"), Some(&Finish::Skipped("db did not begin".to_owned())));
}

#[test]
fn a_name_is_taken_apart_by_the_steps_that_there_are() {
    let ids = ["db[eu]/copy", "db[eu]", "scale"];
    let of = |name: &'static str| step_of(name, |id| ids.contains(&id));
    assert_eq!([of("db[eu]"), of("db[eu]/copy")], ["db[eu]", "db[eu]/copy"]);
    assert_eq!([of("db[eu]/copy[a[0]]"), of("scale[x/y]")], ["db[eu]/copy", "scale"]);
    assert_eq!(of("nobody[x]"), "nobody");
}
