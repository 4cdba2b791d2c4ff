//! A run cut anywhere takes an edited file for what has not begun, and its journal still makes sense.

use super::*;
use crate::model::{Snapshot, SubValues};
use crate::template::Engine;

/// Edits a runbook as a person might: steps go, come and change, `begun` ones too when `wild`.
fn edited(runbook: &Runbook, begun: &BTreeSet<String>, wild: bool, draw: &[u32]) -> Runbook {
    let mut draw = draw.iter().copied().cycle();
    let mut next = move || draw.next().unwrap_or_default();
    let mut steps: Vec<Step> = Vec::new();
    for (number, old) in runbook.steps.iter().enumerate() {
        let earlier = |steps: &[Step], pick: u32| {
            steps.get(pick as usize % steps.len().max(1)).map(|one| one.id.clone())
        };
        if next() % 4 == 0 {
            let needs = earlier(&steps, next()).into_iter().collect();
            steps.push(step(format!("n{number}"), needs));
        }
        // What stands in a runbook that a step brings in goes only with that step.
        let brings_in = matches!(old.body.action, Action::Runbook { .. });
        if next() % 4 == 0 && (wild || !begun.contains(&old.id)) && !brings_in {
            continue;
        }
        let mut new = old.clone();
        new.needs.retain(|need| steps.iter().any(|one| one.id == *need));
        if next() % 3 == 0 {
            new.needs.extend(earlier(&steps, next()));
            new.needs.dedup();
        }
        match next() % 8 {
            _ if brings_in => {}
            0 => new.body.verify = Some(Box::default()),
            1 => new.body.check = None,
            2 => new.body.capture = Some(Box::default()),
            3 => new.for_each = Some(Tree::List(Vec::new())),
            4 => new.for_each = None,
            5 => new.body.effect = Effect::Read,
            6 => new.on_failure = Some(OnFailure::Continue),
            _ => {}
        }
        steps.push(new);
    }
    Runbook { steps, ..runbook.clone() }
}

fn begun(events: &[Event]) -> BTreeSet<String> {
    events
        .iter()
        .filter_map(Event::step)
        .map(|name| name.split('[').next().unwrap_or(name).to_owned())
        .collect()
}

fn snapshot(runbook: &Runbook) -> Snapshot {
    let subs = runbook.subs.iter().map(|_| SubValues::default()).collect();
    Snapshot { runbook: runbook.clone(), subs, ..Snapshot::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn a_renewed_run_goes_on_with_the_new_file_and_its_old_events_still_follow(
        (mut runbook, script, cut, fails, draw, wild, shape) in (
            prop_oneof![Just(OnFailure::Pause), Just(OnFailure::Continue)].prop_flat_map(runbooks),
            script(), 0usize..40, any::<bool>(), proptest::collection::vec(any::<u32>(), 8..60), prop::bool::weighted(0.2),
            any::<u32>(),
        ),
    ) {
        super::subs::bring_in(&mut runbook, shape);
        let stub = Stub { items: 2, attempts: 1, ..Stub::default() };
        let mut world = World::new(&runbook, stub, 3);
        for &(which, ok) in script.iter().cycle().take(cut) {
            if world.rested.is_none() && !world.flying.is_empty() {
                world.end(which, End::Exit(i32::from(fails && !ok)));
            }
        }
        let begun = begun(&world.events);
        let now = edited(&runbook, &begun, wild, &draw);
        let (then, now) = (snapshot(&runbook), snapshot(&now));
        let renewed = match renew(&Engine::new(), &then, &now, world.events.iter()) {
            Ok(renewed) => renewed,
            Err(faults) => {
                for fault in &faults {
                    let told = match fault {
                        NotRenewed::Over(_) => world.rested == Some(RunStatus::Succeeded) || world.machine.state().in_finally,
                        NotRenewed::Gone(step, _) => begun.contains(step) && now.runbook.steps.iter().all(|one| one.id != *step),
                        _ => false,
                    };
                    prop_assert!(told, "refused for no reason: {fault}");
                }
                return Ok(());
            }
        };
        let ids = |runbook: &Runbook| runbook.steps.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
        prop_assert_eq!(ids(&renewed.snapshot.runbook), ids(&now.runbook));
        let graph = Arc::new(Graph::of(&renewed.snapshot.runbook));
        let old = world.machine.state().clone();
        let old_graph = world.machine.graph().clone();
        world.machine = Machine::new(Arc::clone(&graph), State::new(&graph));
        let state = world.refold();
        for (at, instance) in old.instances().filter(|(_, one)| one.progress != Progress::Waiting) {
            let name = old.name(&old_graph, at);
            if let Some(new) = state.find(&name).map(|at| state.at(at)).filter(|_| begun.contains(&old_graph.step(at.node).id)) {
                prop_assert_eq!(new, instance, "{} stands otherwise than it did", name);
            }
        }
        let done = finished_ok(&world);
        world.crash();
        for _ in 0..50 {
            match world.rested {
                None => world.play(&[(0, true)]),
                Some(RunStatus::Succeeded) => break,
                Some(_) => {
                    // What begins a runbook and is called done is done with all its steps.
                    let begins = |step: &String| runbook.subs.iter().any(|sub| sub.step == *step);
                    let decided = |step: &String| if begins(step) { Decision::Retry } else { Decision::Done };
                    let unsettled = world.machine.unsettled().into_iter();
                    let decisions: BTreeMap<_, _> =
                        unsettled.map(|step| (step.clone(), (decided(&step), None))).collect();
                    world.rested = None;
                    world.say(Input::Resume { by: Person::default(), reason: None, decisions });
                }
            }
        }
        prop_assert_eq!(world.rested, Some(RunStatus::Succeeded));
        prop_assert_eq!(&world.refold(), world.machine.state());
        let finished = finished_ok(&world);
        for step in done.iter().filter(|step| *step != "tell") {
            let ends = |event: &&Event| matches!(event, Event::Finished { step: other, result } if other == step && result.releases());
            prop_assert_eq!(world.events.iter().filter(ends).count(), 1, "{} was done again", step);
        }
        for (at, _) in world.machine.state().instances() {
            let name = world.machine.state().name(&graph, at);
            prop_assert!(finished.contains(&name), "{name} is in the file and was not done");
        }
    }
}
