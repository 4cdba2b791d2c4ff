//! The tables of resume, said once more in other words: as rows that may not overlap, and as what the history alone tells.

use super::*;
use crate::model::OnInterrupt;

const STAGES: [Stage; 6] =
    [Stage::Check, Stage::Capture, Stage::Action, Stage::Verify, Stage::Undo, Stage::UndoVerify];
const RULES: [OnInterrupt; 3] = [OnInterrupt::Rerun, OnInterrupt::Verify, OnInterrupt::Ask];

fn everywhere() -> Vec<Progress> {
    let questions = [Question::Approval, Question::Manual, Question::Irreversible];
    let staged = STAGES
        .into_iter()
        .flat_map(|stage| [Progress::Working(stage), Progress::Backoff(stage), Progress::Doubt(stage)]);
    let alone = [Progress::Waiting, Progress::Ready, Progress::Over];
    staged.chain(alone).chain(questions.map(Progress::Asking)).collect()
}

fn ends() -> [Option<End>; 5] {
    [None, Some(End::Exit(0)), Some(End::Exit(1)), Some(End::Stopped), Some(End::NotStarted(String::new()))]
}

fn all<T: Clone, U: Clone>(first: &[T], second: &[U]) -> Vec<(T, U)> {
    first.iter().flat_map(|one| second.iter().map(move |two| (one.clone(), two.clone()))).collect()
}

/// Finds the one row that holds.
fn the_row<F: std::fmt::Debug, A: Copy>(facts: &F, rows: &[(&str, bool, A)]) -> A {
    let holding: Vec<&str> = rows.iter().filter(|(_, holds, _)| *holds).map(|(words, ..)| *words).collect();
    assert_eq!(holding.len(), 1, "{holding:?} of {facts:?}");
    rows.iter().find(|(_, holds, _)| *holds).expect("one holds").2
}

#[test]
fn going_forwards_every_instance_is_in_one_row_of_the_table() {
    let finishes = [
        None,
        Some(Finish::Succeeded),
        Some(Finish::Skipped(String::new())),
        Some(Finish::Failed(String::new())),
        Some(Finish::Stopped),
        Some(Finish::MarkedDone),
    ];
    let flags: Vec<(bool, bool, bool)> =
        (0..8).map(|bits| (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0)).collect();
    let shapes = all(&all(&everywhere(), &finishes), &all(&ends(), &all(&flags, &RULES)));
    assert_eq!(shapes.len(), 17_280);
    for ((progress, finish), (last_end, ((action_ok, doubted, touched), rule))) in shapes {
        let instance = Instance {
            progress,
            finish: finish.clone(),
            last_end: last_end.clone(),
            action_ok,
            doubted,
            touched: touched.then_some(0),
            ..Instance::default()
        };
        let over = progress == Progress::Over;
        let bad = finish.as_ref().is_some_and(|finish| matches!(finish, Finish::Failed(_) | Finish::Stopped));
        let at_work = matches!(progress, Progress::Working(_) | Progress::Backoff(_));
        let ran = action_ok || doubted;
        let halted = progress == Progress::Working(Stage::Action) && last_end == Some(End::Stopped);
        let unknown = progress == Progress::Doubt(Stage::Action) || halted && !ran;
        let looked =
            STAGES.into_iter().find(|&stage| progress == Progress::Doubt(stage) && stage != Stage::Action);
        let rows = [
            ("in the queue", matches!(progress, Progress::Waiting | Progress::Ready), Going::Nothing),
            ("over, and well", over && !bad, Going::Nothing),
            ("failed after its action", over && bad && action_ok, Going::Person(Decision::Verify)),
            ("failed otherwise", over && bad && !action_ok, Going::Person(Decision::Retry)),
            ("asked", matches!(progress, Progress::Asking(_)), Going::AskAgain),
            ("unknown, may be repeated", unknown && rule == OnInterrupt::Rerun, Going::Rule(Decision::Retry)),
            ("unknown, has a gate", unknown && rule == OnInterrupt::Verify, Going::Rule(Decision::Verify)),
            ("unknown, a person knows", unknown && rule == OnInterrupt::Ask, Going::InDoubt),
            ("what only looks was cut off", looked.is_some(), Going::On(looked.unwrap_or(Stage::Check))),
            ("its gate is not over", at_work && ran, Going::On(Stage::Verify)),
            ("begun, and its end is known", at_work && !ran && !halted && touched, Going::On(Stage::Action)),
            ("not begun", at_work && !ran && !halted && !touched, Going::On(Stage::Check)),
        ];
        assert_eq!(going(&instance, rule), the_row(&instance, &rows), "{instance:?} {rule:?}");
    }
}

#[test]
fn going_back_every_instance_is_in_one_row_of_the_table() {
    let undos = [
        None,
        Some(UndoResult::Done),
        Some(UndoResult::Left(String::new())),
        Some(UndoResult::Failed(String::new())),
        Some(UndoResult::Blocked(String::new())),
    ];
    let flags = [(false, false), (false, true), (true, false), (true, true)];
    for ((progress, undo), (last_end, (gated, idempotent))) in
        all(&all(&everywhere(), &undos), &all(&ends(), &flags))
    {
        let instance =
            Instance { progress, undo: undo.clone(), last_end: last_end.clone(), ..Instance::default() };
        let verify = gated.then(Box::<Gate>::default);
        let rollback = Some(Box::new(Undo { verify, ..Undo::default() }));
        let body = Body { rollback, idempotent, ..Body::default() };
        let over = undo.is_some();
        let asked = matches!(progress, Progress::Asking(_));
        let unknown = progress == Progress::Doubt(Stage::Undo)
            || progress == Progress::Working(Stage::Undo) && last_end == Some(End::Stopped);
        let rows = [
            ("tried already", over, GoingBack::Nothing),
            ("its turn comes", !over && !asked && !unknown, GoingBack::Nothing),
            ("asked", !over && asked, GoingBack::AskAgain),
            ("unknown, has a gate", !over && unknown && gated, GoingBack::Gate),
            ("unknown, may be repeated", !over && unknown && !gated && idempotent, GoingBack::Again),
            ("unknown, a person knows", !over && unknown && !gated && !idempotent, GoingBack::InDoubt),
        ];
        assert_eq!(going_back(&instance, &body), the_row(&instance, &rows), "{instance:?}");
    }
}

/// What the events of one instance say, read from the last one back, without any state.
fn by_history(events: &[Event], step: &str, changes: bool, rule: OnInterrupt) -> Going {
    let of_step: Vec<&Event> = events.iter().filter(|event| event.step() == Some(step)).collect();
    // What went before a decision to run it again counts no more.
    let anew =
        of_step.iter().rposition(|event| matches!(event, Event::Decided { decision: Decision::Retry, .. }));
    let ran = of_step[anew.unwrap_or(0)..].iter().any(|event| match event {
        Event::Exited { leaf, end: End::Exit(0), .. } => leaf.stage == Stage::Action,
        Event::Woke { .. } | Event::Answered { yes: true, .. } => true,
        _ => false,
    });
    let touched = changes
        && of_step
            .iter()
            .any(|event| matches!(event, Event::Intent { leaf, .. } if leaf.stage == Stage::Action));
    let unknown = match rule {
        OnInterrupt::Rerun => Going::Rule(Decision::Retry),
        OnInterrupt::Verify => Going::Rule(Decision::Verify),
        OnInterrupt::Ask => Going::InDoubt,
    };
    let on = match (ran, touched) {
        (true, _) => Going::On(Stage::Verify),
        (false, true) => Going::On(Stage::Action),
        (false, false) => Going::On(Stage::Check),
    };
    match of_step.last() {
        None => Going::Nothing,
        Some(Event::Finished { result: Finish::Failed(_) | Finish::Stopped, .. }) if ran => {
            Going::Person(Decision::Verify)
        }
        Some(Event::Finished { result: Finish::Failed(_) | Finish::Stopped, .. }) => {
            Going::Person(Decision::Retry)
        }
        Some(Event::Finished { .. } | Event::Expanded { .. }) => Going::Nothing,
        Some(Event::Asked { .. }) => Going::AskAgain,
        Some(Event::Intent { leaf, .. }) if leaf.stage == Stage::Action => unknown,
        Some(Event::Exited { leaf, end: End::Stopped, .. }) if leaf.stage == Stage::Action => unknown,
        Some(Event::Doubted { leaf }) if leaf.stage == Stage::Action => unknown,
        Some(Event::Intent { leaf, .. } | Event::Polled { leaf, .. } | Event::Doubted { leaf }) => {
            Going::On(leaf.stage)
        }
        Some(_) => on,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn the_table_and_the_history_say_the_same(
        (runbook, script, cut, stop) in (cuts::many(OnFailure::Pause), script(), 0usize..60, proptest::option::of((0usize..20, any::<bool>()))),
    ) {
        let mut world = World::new(&runbook, Stub { items: 2, attempts: 2, ..Stub::default() }, 3);
        for (turn, &(which, ok)) in script.iter().cycle().take(cut).enumerate() {
            if world.rested.is_some() {
                break;
            }
            if let Some((at, hard)) = stop && at == turn {
                world.say(Input::Stop { by: "a signal".to_owned(), hard });
            } else if !world.flying.is_empty() {
                let which = which % world.flying.len();
                let stopped = world.stopped.contains(&world.flying[which]);
                world.end(which, if stopped { End::Stopped } else { End::Exit(i32::from(!ok)) });
            } else if let Some(step) = world.asked.pop() {
                let answers = Map::new();
                world.say(Input::Answered { step, by: Person::default(), yes: ok, note: None, answers, to: To::Whatever });
            } else if !world.timers.is_empty() {
                let id = world.timers.remove(which % world.timers.len());
                world.say(Input::Fired(id));
            }
        }
        let graph = world.machine.graph().clone();
        let mut state = world.refold();
        let open: Vec<Leaf> = state.instances().filter_map(|(at, one)| {
            let (stage, attempt) = one.open?;
            Some(Leaf { step: state.name(&graph, at), stage, attempt })
        }).collect();
        let mut events = world.events.clone();
        events.extend(open.into_iter().map(|leaf| Event::Doubted { leaf }));
        for event in &events[world.events.len()..] {
            state.apply(&graph, event).expect("it is open");
        }
        for (at, instance) in state.instances().filter(|(at, _)| !graph.is_finally(at.node)) {
            let step = state.name(&graph, at);
            let rule = graph.step(at.node).on_interrupt();
            let told = by_history(&events, &step, graph.changes(at.node), rule);
            prop_assert_eq!(going(instance, rule), told, "{}: {:?}", step, instance);
        }
    }

    #[test]
    fn a_run_that_waits_is_the_same_however_often_it_is_taken_up(
        (runbook, script, cut) in (policies().prop_flat_map(cuts::many), script(), 0usize..40),
    ) {
        let mut world = World::new(&runbook, Stub { items: 2, attempts: 1, ..Stub::default() }, 3);
        for &(which, ok) in script.iter().cycle().take(cut) {
            if world.rested.is_none() && !world.flying.is_empty() {
                world.end(which, End::Exit(i32::from(!ok)));
            }
        }
        world.crash();
        // To where only a person can go on, and nobody is there.
        for _ in 0..2_000 {
            if world.rested.is_some() {
                break;
            } else if !world.flying.is_empty() {
                world.end(0, End::Exit(0));
            } else if let Some(step) = world.asked.pop() {
                world.say(Input::NobodyAnswers { step });
            } else {
                let id = world.timers.remove(0);
                world.say(Input::Fired(id));
            }
        }
        if world.rested != Some(RunStatus::Waiting) {
            return Ok(());
        }
        for _ in 0..2 {
            let (before, events, ran) = (world.machine.state().clone(), world.events.len(), world.ran.len());
            world.crash();
            while let Some(step) = world.asked.pop() {
                world.say(Input::NobodyAnswers { step });
            }
            prop_assert_eq!(world.rested, Some(RunStatus::Waiting));
            prop_assert_eq!(&before, world.machine.state());
            prop_assert_eq!(ran, world.ran.len());
            // Who is asked is asked again, with the time that there is from now on; that is all.
            let fresh: Vec<&Event> =
                world.events[events..].iter().filter(|event| !matches!(event, Event::Asked { .. })).collect();
            prop_assert!(matches!(fresh[..], [Event::Resumed { .. }, Event::Rested { .. }]), "{fresh:?}");
        }
    }
}
