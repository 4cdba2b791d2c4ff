//! Whatever stands in a journal, the fold answers: an event that can't follow is refused, and changes nothing.

use super::*;
use crate::model::Tree;

const NAMES: [&str; 8] = ["s0", "s1", "each", "each[0]", "each[1]", "tell", "told[0]", "nobody"];
const STAGES: [Stage; 6] =
    [Stage::Check, Stage::Capture, Stage::Action, Stage::Verify, Stage::Undo, Stage::UndoVerify];
const STATUSES: [RunStatus; 5] = [
    RunStatus::Succeeded,
    RunStatus::Failed,
    RunStatus::Waiting,
    RunStatus::RolledBack,
    RunStatus::RollbackFailed,
];

fn graph(policy: OnFailure) -> Graph {
    let mut each = step("each".to_owned(), vec!["s0".to_owned()]);
    each.for_each = Some(Tree::List(Vec::new()));
    let mut told = step("told".to_owned(), vec!["tell".to_owned()]);
    told.for_each = Some(Tree::List(Vec::new()));
    let steps = vec![
        step("s0".to_owned(), vec![]),
        step("s1".to_owned(), vec!["s0".to_owned(), "each".to_owned()]),
        each,
    ];
    let finally = vec![step("tell".to_owned(), Vec::new()), told];
    Graph::of(&Runbook { name: "r".to_owned(), steps, finally, on_failure: policy, ..Runbook::default() })
}

fn event(drawn: (u32, usize, usize, u32)) -> Event {
    let (kind, name, stage, pick) = drawn;
    let step = NAMES[name % NAMES.len()].to_owned();
    let leaf = Leaf { step: step.clone(), stage: STAGES[stage % 6], attempt: pick % 2 };
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
    let status = STATUSES[stage % 5];
    let (command, outputs) = (String::new(), Map::new());
    match kind % 24 {
        0 => Event::Opened(Opened::none()),
        1 => Event::Resumed { by: Person::default(), reason: None },
        2 => Event::Expanded { step, items: (0..pick % 3).map(item).collect() },
        3 => Event::Started { step },
        4 | 5 => Event::Intent { leaf, command, stdin: None, dir: None },
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
            Event::Asked { step, question, prompt: String::new() }
        }
        16 => Event::Answered { step, by: Person::default(), yes, note: None, answers: outputs },
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
        20 => Event::StopRequested { by: String::new(), hard: yes },
        21 => {
            let order = NAMES.iter().take(pick as usize % 5).map(|&name| name.to_owned()).collect();
            Event::RollbackBegan { by, to: None, order }
        }
        22 => {
            let result = if yes { UndoResult::Done } else { UndoResult::Failed(String::new()) };
            Event::Undone { step, result }
        }
        _ if yes => Event::FinallyBegan { status },
        _ => Event::Rested { status },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn no_journal_makes_the_fold_panic_and_what_is_refused_changes_nothing(
        policy in policies(),
        drawn in proptest::collection::vec((0u32..24, 0usize..8, 0usize..60, 0u32..60), 1..120),
        take_up in 0u32..3,
    ) {
        let graph = Arc::new(graph(policy));
        let mut state = State::new(&graph);
        state.apply(&graph, &Event::Opened(Opened::none())).expect("it was not opened");
        for drawn in drawn {
            let event = event(drawn);
            let before = state.clone();
            if state.apply(&graph, &event).is_err() {
                prop_assert_eq!(&before, &state, "{:?} was refused and changed something", event);
            }
            let asking = state.instances().filter(|(_, one)| matches!(one.progress, Progress::Asking(_))).count();
            prop_assert_eq!(state.asking as usize, asking, "after {:?}", event);
        }
        // Whoever takes up what was read may be told that it makes no sense, and no more.
        let by = Person::default();
        let input = match take_up {
            0 => Input::Resume { by, reason: None, decisions: BTreeMap::new() },
            1 => Input::Rollback { by, to: None },
            _ => Input::Stop { by: "Ctrl-C".to_owned(), hard: true },
        };
        let stub = Stub { items: 2, attempts: 2, ..Stub::default() };
        let _ = Machine::new(Arc::clone(&graph), state).decide(&Lang(&stub, &graph), input);
    }
}
