//! What holds of every run, on random graphs with random outcomes, and the judges of it that other tests ask too.

use super::*;

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

pub(super) fn finished_ok(world: &World) -> BTreeSet<String> {
    world
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Finished { step, result } if result.releases() => Some(step.clone()),
            _ => None,
        })
        .collect()
}

pub(super) fn one_end_each(world: &World) -> Result<(), TestCaseError> {
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
