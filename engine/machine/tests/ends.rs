//! `finally`: begun whenever the run comes to rest, and once for each time.

use super::*;

/// One step that is undone, and `finally`: one step, and one for each of three.
fn told() -> Runbook {
    let mut each = step("each".to_owned(), Vec::new());
    each.for_each = Some(Tree::List(Vec::new()));
    let finally = vec![step("tell".to_owned(), Vec::new()), each];
    Runbook { finally, ..chain(1) }
}

fn took(world: &mut World, step: &str) {
    let which = world.flying.iter().position(|leaf| leaf.step == step).expect("it is at work");
    world.end(which, End::Exit(0));
}

/// Returns how often each was begun.
fn begun(world: &World) -> BTreeMap<&str, usize> {
    let mut begun = BTreeMap::new();
    world.ran.iter().for_each(|leaf| *begun.entry(leaf.step.as_str()).or_default() += 1);
    begun
}

/// Rolled back, with an engine that died when only some of `finally` was over: `each[1]` was at work.
fn cut_off_at_the_end() -> World {
    let mut world = World::new(&told(), Stub { items: 3, ..Stub::default() }, 8);
    world.play(&[(0, true)]);
    world.rested = None;
    world.say(Input::Rollback { by: Person::default(), to: None });
    took(&mut world, "s0");
    for step in ["tell", "each[0]", "each[2]"] {
        took(&mut world, step);
    }
    let graph = world.machine.graph().clone();
    world.machine = Machine::new(graph, world.refold());
    world.flying.clear();
    world
}

#[test]
fn a_rollback_that_only_has_to_tell_of_itself_tells_once() {
    for input in [
        Input::Rollback { by: Person::default(), to: None },
        Input::Resume { by: Person::default(), reason: None, decisions: BTreeMap::new() },
    ] {
        let mut world = cut_off_at_the_end();
        let before = world.ran.len();
        world.say(input);
        assert_eq!(world.rested, Some(RunStatus::RolledBack));
        assert_eq!(world.ran.len(), before, "what may not be run twice is not, nor what ended well");
        let lost = world.machine.state().find("each[1]").expect("it is there");
        let finish = world.machine.state().at(lost).finish.clone();
        assert!(matches!(&finish, Some(Finish::Failed(why)) if why.contains("unknown")), "{finish:?}");
    }
}

#[test]
fn no_two_processes_of_finally_have_one_name() {
    let world = cut_off_at_the_end();
    let names: BTreeSet<&Leaf> = world.ran.iter().collect();
    assert_eq!(names.len(), world.ran.len(), "{:?}", world.ran);
    assert_eq!(begun(&world)["each[1]"], 2, "after the run and after the rollback");
}
