//! Whatever stands in a journal, the fold answers: an event that can't follow is refused, and changes nothing.

use super::*;
use proptest::strategy::ValueTree;

use crate::model::Tree;

const NAMES: [&str; 9] = ["s0", "s1", "each", "each[0]", "each[1]", "tell", "told[0]", "go", "nobody"];
const STAGES: [Stage; 7] = [
    Stage::Check,
    Stage::Capture,
    Stage::Action,
    Stage::Guard,
    Stage::Verify,
    Stage::Undo,
    Stage::UndoVerify,
];
const STATUSES: [RunStatus; 7] = [
    RunStatus::PartlyUndone,
    RunStatus::Interrupted,
    RunStatus::Succeeded,
    RunStatus::Failed,
    RunStatus::Waiting,
    RunStatus::RolledBack,
    RunStatus::RollbackFailed,
];

fn graph(policy: OnFailure) -> Graph {
    Graph::of(&runbook(policy))
}

fn runbook(policy: OnFailure) -> Runbook {
    let mut each = step("each".to_owned(), vec!["s0".to_owned()]);
    each.for_each = Some(Tree::List(Vec::new()));
    each.guard = Some(Box::default());
    let mut told = step("told".to_owned(), vec!["tell".to_owned()]);
    told.for_each = Some(Tree::List(Vec::new()));
    let mut go = step("go".to_owned(), vec!["s0".to_owned()]);
    go.body = Body { action: Action::Approve(Box::default()), effect: Effect::Read, ..Body::default() };
    let mut s1 = step("s1".to_owned(), vec!["s0".to_owned(), "each".to_owned(), "go".to_owned()]);
    s1.body.rollback = None;
    let mut steps = vec![step("s0".to_owned(), vec![]), s1, each, go];
    let gate = || Gate { valid_for: Some(Text::new("1m")), ..Gate::default() };
    steps[0].body.action = Action::Gate(Box::new(gate()));
    steps[2].body.verify = Some(Box::new(gate()));
    steps[1].body.check = Some(Box::new(gate()));
    let finally = vec![step("tell".to_owned(), Vec::new()), told];
    Runbook { name: "r".to_owned(), steps, finally, on_failure: policy, ..Runbook::default() }
}

fn event(drawn: (u32, usize, usize, u32)) -> Event {
    let (kind, name, stage, pick) = drawn;
    let step = NAMES[name % NAMES.len()].to_owned();
    let leaf = Leaf { step: step.clone(), stage: STAGES[stage % 7], attempt: pick % 2 };
    let by = (pick & 4 != 0).then(Person::default);
    let yes = pick & 1 != 0;
    let end = match pick % 4 {
        0 => End::Exit(0),
        1 => End::Exit(1),
        2 => End::Stopped,
        _ => End::NotStarted("no such program".to_owned()),
    };
    let verdict = if yes { Verdict::Holds } else { Verdict::DoesNotHold };
    let item = |number: u32| Item { key: number.to_string(), value: json!(number) };
    let status = STATUSES[stage % 7];
    let (command, outputs) = (String::new(), Map::new());
    match kind % 31 {
        0 => Event::Opened(Opened::none()),
        1 => Event::Resumed { by: Person::default(), reason: None },
        2 => Event::Expanded { step, items: (0..pick % 3).map(item).collect() },
        3 => Event::Started { step },
        4 | 5 => Event::Intent { leaf, command, stdin: None, dir: None, by_hand: None },
        6 => {
            let process = Process { pid: 1, started: 1, boot: String::new(), host: String::new() };
            Event::Spawned { leaf, process }
        }
        7 | 8 => Event::Exited { leaf, end, ms: 0, tail: String::new(), outputs },
        9 => Event::Captured { step, values: outputs, changes: None },
        10 => Event::Polled { leaf, verdict, seen: String::new() },
        11 => Event::Judged { leaf, verdict, seen: String::new(), polls: 1, outputs },
        12 => Event::Expired { step },
        13 => Event::RetryScheduled { leaf, ms: 0 },
        14 => Event::Woke { step },
        15 => {
            let question = [Question::Approval, Question::Manual, Question::Irreversible][stage % 3];
            Event::Asked { step, question, prompt: String::new(), covers: Vec::new(), ms: None }
        }
        16 => Event::Answered {
            step,
            by: Person::default(),
            yes,
            note: None,
            answers: outputs,
            hash: None,
            covers: Vec::new(),
        },
        17 => {
            let result = match pick % 4 {
                0 => Finish::Succeeded,
                1 => Finish::Failed(String::new()),
                2 => Finish::Stopped,
                _ => Finish::Skipped(String::new()),
            };
            Event::Finished { step, result }
        }
        18 => Event::Doubted { leaf },
        19 => {
            let decision = [Decision::Retry, Decision::Verify, Decision::Skip, Decision::Done][stage % 4];
            Event::Decided { step, decision, by, reason: None }
        }
        20 if pick % 5 == 0 => {
            Event::Renewed { by: Person::default(), snapshot: String::new(), changes: Vec::new() }
        }
        20 => Event::StopRequested { by: String::new(), hard: yes },
        21 => {
            let order = NAMES.iter().take(pick as usize % 5).map(|&name| name.to_owned()).collect();
            Event::RollbackBegan { by, to: None, order }
        }
        22 => {
            let result = if yes { UndoResult::Done } else { UndoResult::Failed(String::new()) };
            Event::Undone { step, result, command: None }
        }
        24 => Event::Lapsed { step },
        25 => Event::Reopened { step },
        26 => Event::AwaitsLock { step, lock: "l".to_owned(), keeper: Keeper::default() },
        27 => Event::Locked { step, lock: "l".to_owned() },
        28 => Event::Unlocked { step, lock: "l".to_owned() },
        29 => Event::Refused { step, by: Person::default(), why: String::new() },
        30 => Event::Voided { step, changed: Vec::new() },
        _ if yes => Event::FinallyBegan { status },
        _ => Event::Rested { status },
    }
}

/// What a run of the graph says when nothing is wrong with it: turns of a world that is now and then killed, stopped,
/// rolled back whole or in part, and taken up again.
fn legal(policy: OnFailure, script: &[(usize, u32)]) -> Vec<Event> {
    let stub = Stub { items: 2, attempts: 2, ..Stub::default() };
    let mut world = World::new(&runbook(policy), stub, 3);
    for &(which, pick) in script {
        let (by, to) = (Person::default(), (pick & 8 != 0).then(|| "each".to_owned()));
        if world.rested.take().is_some() || pick % 16 == 0 {
            take_up(&mut world, if pick & 4 != 0 { Some(Input::Rollback { by, to }) } else { None });
        } else if pick % 24 == 1 {
            world.say(Input::Stop { by: "Ctrl-C".to_owned(), hard: pick & 8 != 0 });
        } else if !world.flying.is_empty() {
            let which = which % world.flying.len();
            let stopped = world.stopped.contains(&world.flying[which]);
            world.end(which, if stopped { End::Stopped } else { End::Exit(i32::from(pick % 7 == 6)) });
        } else if let Some(step) = world.asked.pop() {
            let answers = Map::new();
            world.say(Input::Answered {
                step,
                by,
                yes: pick & 16 != 0,
                note: None,
                answers,
                to: To::Whatever,
            });
        } else if !world.timers.is_empty() {
            let id = world.timers.remove(which % world.timers.len());
            world.say(Input::Fired(id));
        }
    }
    world.events
}

fn take_up(world: &mut World, input: Option<Input>) {
    (world.flying, world.timers, world.asked) = Default::default();
    world.machine = Machine::new(world.machine.graph().clone(), world.refold());
    let resume = || Input::Resume { by: Person::default(), reason: None, decisions: BTreeMap::new() };
    world.say(input.unwrap_or_else(resume));
}

/// What is done to a history.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Drop,
    Double,
    Swap,
    /// Another run goes on from here.
    Splice,
    /// Something that was never said.
    Forge((u32, usize, usize, u32)),
}

fn harm() -> impl Strategy<Value = Harm> {
    let forged = (0u32..31, 0usize..9, 0usize..60, 0u32..60);
    prop_oneof![
        Just(Harm::Drop),
        Just(Harm::Double),
        Just(Harm::Swap),
        Just(Harm::Splice),
        forged.prop_map(Harm::Forge)
    ]
}

fn harmed(mut events: Vec<Event>, other: &[Event], harms: &[(usize, Harm)]) -> Vec<Event> {
    for &(place, harm) in harms {
        let at = 1 + place % events.len();
        match harm {
            Harm::Drop if at < events.len() => drop(events.remove(at)),
            Harm::Double => events.insert(at, events[at - 1].clone()),
            Harm::Swap if at + 1 < events.len() => events.swap(at, at + 1),
            Harm::Splice => {
                events.truncate(at);
                events.extend_from_slice(&other[at.min(other.len())..]);
            }
            Harm::Forge(drawn) => events.insert(at, event(drawn)),
            Harm::Drop | Harm::Swap => {}
        }
    }
    events
}

/// Reads what stands in a journal, as far as it makes sense, and takes it up. Returns how many events made sense.
fn read(graph: &Arc<Graph>, events: &[Event], take_up: u32) -> Result<usize, TestCaseError> {
    let (mut state, mut twin) = (State::new(graph), State::new(graph));
    let mut legal = 0;
    for event in events {
        if state.apply(graph, event).is_ok() {
            legal += 1;
            twin.apply(graph, event).expect("it was legal a moment ago");
        } else {
            prop_assert_eq!(&twin, &state, "{:?} was refused and changed something", event);
        }
        let asking = state.instances().filter(|(_, one)| matches!(one.progress, Progress::Asking(_))).count();
        prop_assert_eq!(state.asking as usize, asking, "after {:?}", event);
    }
    // What is counted on the way is what is there.
    let mut counted = state.clone();
    counted.count_anew(graph);
    prop_assert_eq!(&counted, &state);
    // Whoever takes up what was read may be told that it makes no sense, and no more.
    let by = Person::default();
    let input = match take_up {
        0 => Input::Resume { by, reason: None, decisions: BTreeMap::new() },
        1 => Input::Rollback { by, to: None },
        2 => Input::Rollback { by, to: Some("each[1]".to_owned()) },
        _ => Input::Stop { by: "Ctrl-C".to_owned(), hard: true },
    };
    let stub = Stub { items: 2, attempts: 2, ..Stub::default() };
    let _ = Machine::new(Arc::clone(graph), state).decide(&Lang(&stub, graph), input);
    Ok(legal)
}

fn read_many(cases: u32, journals: impl Strategy<Value = (OnFailure, Vec<Event>, u32)>, deep: usize) -> u32 {
    let graphs = [OnFailure::Pause, OnFailure::Rollback, OnFailure::Continue]
        .map(|policy| (policy, Arc::new(graph(policy))));
    let reached = std::cell::Cell::new(0);
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases, ..ProptestConfig::default() });
    let read_one = |(policy, events, take_up): (OnFailure, Vec<Event>, u32)| {
        let graph = &graphs.iter().find(|(own, _)| *own == policy).expect("there are three").1;
        let legal = read(graph, &events, take_up)?;
        reached.set(reached.get() + u32::from(legal >= deep));
        Ok(())
    };
    if let Err(error) = runner.run(&journals, read_one) {
        panic!("{error}");
    }
    reached.get()
}

#[test]
fn no_journal_makes_the_fold_panic_and_what_is_refused_changes_nothing() {
    let drawn = proptest::collection::vec((0u32..31, 0usize..9, 0usize..60, 0u32..60), 1..100);
    let journals = (policies(), drawn, 0u32..4).prop_map(|(policy, drawn, take_up)| {
        let opened = Event::Opened(Opened::none());
        (policy, std::iter::once(opened).chain(drawn.into_iter().map(event)).collect(), take_up)
    });
    read_many(3_000, journals, 1);
}

#[test]
fn a_journal_that_was_tampered_with_is_read_as_far_as_it_makes_sense() {
    // Played once and harmed many times: playing costs far more than reading.
    let script = proptest::collection::vec((any::<usize>(), 0u32..240), 4..60);
    let mut runner = proptest::test_runner::TestRunner::default();
    let mut played = |policy| -> Vec<Vec<Event>> {
        let scripts = (0..200).map(|_| script.new_tree(&mut runner).expect("a script").current());
        scripts.map(|script| legal(policy, &script)).collect()
    };
    let all =
        [OnFailure::Pause, OnFailure::Rollback, OnFailure::Continue].map(|policy| (policy, played(policy)));
    let harms = proptest::collection::vec((any::<usize>(), harm()), 0..6);
    let journals = (0usize..3, 0usize..200, 0usize..200, harms, 0u32..4).prop_map(
        move |(policy, one, two, harms, take_up)| {
            let (policy, histories) = &all[policy];
            (*policy, harmed(histories[one].clone(), &histories[two], &harms), take_up)
        },
    );
    let deep = read_many(7_000, journals, 15);
    assert!(deep > 3_500, "only {deep} of 7000 got anywhere");
}
