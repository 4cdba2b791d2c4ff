//! What a tape answers, what is made to go wrong, and what of that is left.

use serde_json::json;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn answer(run: &str, stdout: &str) -> Answer {
    let words = run.split(' ').map(str::to_owned).collect();
    let stdout = Some(Tree::Text(crate::model::Text::new(stdout)));
    Answer { to: Played::Run(words), stdout, ..Answer::default() }
}

fn player(answers: Vec<Answer>, faults: Faults) -> Player {
    let Value::Object(state) = json!({"of": {"api": {"n": 2}}}) else { unreachable!("it is a map") };
    let tape = Tape { path: "t.yaml".to_owned(), state, answers, ..Tape::default() };
    Player::new(&tape, faults, clock::now())
}

/// Plays a command to its end; returns how it ended and what it printed.
fn played(player: &mut Player, run: &str, timeout: Option<Duration>) -> (End, String) {
    let argv = run.split(' ').map(Rendered::plain).collect();
    let command = Prepared { argv, timeout, ..Prepared::default() };
    let leaf = Leaf { step: "s[a]".to_owned(), stage: Stage::Action, attempt: 1 };
    player.begin(leaf, "s", &command);
    let due = player.next().expect("it is at work");
    player.advance(due.saturating_duration_since(player.now()));
    let (_, outcome) = player.ended().expect("its time has come");
    (outcome.end.expect("it ended"), String::from_utf8_lossy(&outcome.stdout).into_owned())
}

#[test]
fn the_same_read_answers_otherwise_after_a_change_has_ended() {
    let mut change = answer("set {name} {n}", "");
    (change.took, change.set) = (5 * SECOND, vec![("of.{name}.n".to_owned(), "n | int".to_owned())]);
    let mut player = player(vec![answer("get {name}", "{{ state.of[name].n }}"), change], Faults::default());
    assert_eq!(played(&mut player, "get api", None), (End::Exit(0), "2".to_owned()));
    assert!(player.moved().is_none(), "a read moves nothing");
    assert_eq!(played(&mut player, "set api 7", None), (End::Exit(0), String::new()));
    assert!(player.moved().is_some());
    assert_eq!(played(&mut player, "get api", None), (End::Exit(0), "7".to_owned()));
}

#[test]
fn what_is_given_once_is_followed_by_the_next_and_the_last_is_given_again() {
    let first = Answer { once: true, ..answer("get", "1") };
    let mut player = player(vec![first, answer("get", "2")], Faults::default());
    let said: Vec<String> = (0..3).map(|_| played(&mut player, "get", None).1).collect();
    assert_eq!(said, ["1", "2", "2"]);
}

#[test]
fn commands_at_work_at_once_get_one_answer_each() {
    let first = Answer { once: true, took: SECOND, ..answer("get", "1") };
    let mut player = player(vec![first, answer("get", "2")], Faults::default());
    let command = Prepared { argv: vec![Rendered::plain("get")], ..Prepared::default() };
    for step in ["a", "b"] {
        player.begin(Leaf { step: step.to_owned(), stage: Stage::Action, attempt: 1 }, step, &command);
    }
    player.advance(SECOND);
    let mut said: Vec<_> =
        std::iter::from_fn(|| player.ended()).map(|(leaf, outcome)| (leaf.step, outcome.stdout)).collect();
    said.sort();
    assert_eq!(said, [("a".to_owned(), b"1".to_vec()), ("b".to_owned(), b"2".to_vec())]);
}

#[test]
fn a_command_that_takes_longer_than_it_may_changes_nothing() {
    let mut change = answer("set {n}", "done");
    (change.took, change.set) = (5 * SECOND, vec![("n".to_owned(), "n | int".to_owned())]);
    let mut player = player(vec![change], Faults::default());
    assert_eq!(played(&mut player, "set 7", Some(4 * SECOND)), (End::TimedOut, String::new()));
    assert!(player.moved().is_none());
}

#[test]
fn a_fault_holds_until_it_is_mended() {
    let faults = Faults {
        fail: vec![("s".to_owned(), 3)],
        slow: vec![("s[a]".to_owned(), 60 * SECOND)],
        ..Faults::default()
    };
    let mut player = player(vec![answer("get", "x")], faults);
    assert_eq!(played(&mut player, "get", None), (End::Exit(3), String::new()));
    assert_eq!(played(&mut player, "get", Some(SECOND)).0, End::TimedOut);
    assert_eq!(player.unstruck(), []);
    player.mend();
    assert_eq!(played(&mut player, "get", Some(SECOND)), (End::Exit(0), "x".to_owned()));
}

#[test]
fn a_fault_that_struck_nothing_is_known_and_is_not_mended() {
    let kill_at = vec!["s[b]".to_owned(), "s[a]".to_owned()];
    let faults = Faults { fail: vec![("s[tpyo]".to_owned(), 2)], kill_at, ..Faults::default() };
    let mut player = player(vec![answer("get", "x")], faults);
    let leaf = Leaf { step: "s[a]".to_owned(), stage: Stage::Action, attempt: 1 };
    assert!(player.dies_in(&leaf, "s"));
    assert_eq!(played(&mut player, "get", None).0, End::Exit(0));
    for _ in 0..2 {
        let words: Vec<String> = player.unstruck().into_iter().map(|(words, _)| words).collect();
        assert_eq!(words, ["--fail s[tpyo]=2", "--kill-at s[b]"]);
        player.mend();
    }
    assert!(!player.dies_in(&leaf, "s"));
}

#[test]
fn of_a_rehearsal_that_is_taken_up_what_has_not_struck_is_left() {
    use crate::machine::Verdict;
    use crate::model::Step;

    let step = |id: &str| Step { id: id.to_owned(), ..Step::default() };
    let runbook = Runbook { steps: vec![step("s")], finally: vec![step("f")], ..Runbook::default() };
    let leaf = |step: &str, stage| Leaf { step: step.to_owned(), stage, attempt: 1 };
    let begun = |step: &str, stage| Event::Intent {
        leaf: leaf(step, stage),
        command: String::new(),
        stdin: None,
        dir: None,
        by_hand: None,
    };
    let over = |step: &str, stage| Event::Exited {
        leaf: leaf(step, stage),
        end: End::Exit(0),
        ms: 0,
        tail: String::new(),
        outputs: Map::new(),
    };
    let (verdict, seen) = (Verdict::Holds, String::new());
    let polled = Event::Polled { leaf: leaf("s[a]", Stage::Action), verdict, seen };
    let all = |step: &str| Faults {
        fail: vec![(step.to_owned(), 1)],
        slow: vec![(step.to_owned(), SECOND)],
        kill_at: vec![step.to_owned()],
        kill_after: Some(3),
    };
    let left = |step: &str, events: &[Event]| {
        let record = |(at, event): (usize, &Event)| Record {
            seq: at as u64 + 1,
            at: Timestamp::UNIX_EPOCH,
            epoch: 1,
            event: event.clone(),
        };
        let records: Vec<Record> = events.iter().enumerate().map(record).collect();
        let Faults { fail, slow, kill_at, kill_after } = left(&all(step), &records, &runbook);
        [!fail.is_empty(), !slow.is_empty(), !kill_at.is_empty(), kill_after.is_some()]
    };
    let act = begun("s[a]", Stage::Action);
    assert_eq!(left("s", &[]), [true; 4]);
    // It is killed once its command is begun; what fails, or is slow, has not ended by then.
    assert_eq!(left("s", std::slice::from_ref(&act)), [true, true, false, true]);
    assert_eq!(left("s", &[act.clone(), over("s[a]", Stage::Action)]), [false, false, false, true]);
    assert_eq!(left("s[a]", &[act.clone(), over("s[a]", Stage::Action)]), [false, false, false, true]);
    assert_eq!(left("s[b]", &[act.clone(), over("s[a]", Stage::Action)]), [true; 4]);
    assert_eq!(left("f", &[act.clone(), over("s[a]", Stage::Action)]), [true; 4]);
    assert_eq!(left("s", &[act, polled]), [false, false, false, true]);
    // A fault is one of its action.
    let others = [begun("s[a]", Stage::Capture), over("s[a]", Stage::Capture)];
    assert_eq!(left("s", &others), [true; 4]);
    assert_eq!(left("s", &[&others[..], &others[..1]].concat()), [true, true, true, false]);
}

/// No pool is made where there is a player, so without one its commands would be run.
#[test]
fn a_rehearsal_whose_tape_is_gone_is_no_run() {
    use crate::journal::{Frozen, NewRun};
    use crate::machine::{Opened, Person, REHEARSAL_VERSION, Rehearsal};
    use crate::model::{MACHINE_VERSION, Snapshot};

    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = Store::open_passing(folder.path().join("journal.db")).expect("a journal can be made");
    let of = |tape: bool, rehearsal: bool| {
        let tape = tape.then(Box::default);
        let snapshot = Snapshot { machine: MACHINE_VERSION, tape, ..Snapshot::default() };
        let frozen = Frozen::of(&snapshot).expect("it is JSON");
        let opened = Opened {
            version: if rehearsal { REHEARSAL_VERSION } else { Opened::none().version },
            snapshot: frozen.hash().to_owned(),
            rehearsal: rehearsal.then(|| Box::new(Rehearsal::default())),
            ..Opened::none()
        };
        let new = NewRun {
            runbook: "a",
            title: "A",
            snapshot: &frozen,
            holder: &crate::driver::host::holder(&Person::default()),
            at: clock::now(),
            lock: None,
            events: vec![Event::Opened(opened)],
        };
        let (writer, _) = store.create_run(new).expect("it can be written");
        Player::of(&store, writer.run())
    };
    assert!(matches!(of(true, true), Ok(Some(_))));
    assert!(matches!(of(false, false), Ok(None)));
    let refused = of(false, true).err().expect("it must not go on").to_string();
    assert!(refused.contains("tape"), "{refused}");
}

#[test]
fn what_takes_longer_than_there_is_time_never_ends() {
    let mut player = player(vec![Answer { took: Duration::MAX, ..answer("get", "x") }], Faults::default());
    let leaf = Leaf { step: "s".to_owned(), stage: Stage::Action, attempt: 1 };
    let command = Prepared { argv: vec![Rendered::plain("get")], ..Prepared::default() };
    player.begin(leaf, "s", &command);
    assert!(player.next().is_none() && player.ended().is_none());
    player.stop(None);
    assert_eq!(player.ended().and_then(|(_, outcome)| outcome.end), Some(End::Stopped));
}

#[test]
fn what_is_stopped_ends_now() {
    let slow = Answer { took: 3_600 * SECOND, ..answer("get", "x") };
    let mut player = player(vec![slow], Faults::default());
    let leaf = Leaf { step: "s".to_owned(), stage: Stage::Verify, attempt: 1 };
    let command = Prepared { argv: vec![Rendered::plain("get")], ..Prepared::default() };
    player.begin(leaf.clone(), "s", &command);
    assert!(player.ended().is_none());
    player.stop(Some(&leaf));
    assert_eq!(player.ended().map(|(leaf, outcome)| (leaf, outcome.end)), Some((leaf, Some(End::Stopped))));
}
