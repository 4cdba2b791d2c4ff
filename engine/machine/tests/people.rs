//! People in the middle: how many, who, and to which commands.

use super::*;
use crate::model::{Approve, Input as Answer, Kind, Type};

fn person(name: &str) -> Person {
    Person { name: name.to_owned(), host: "web1".to_owned(), via: "command".to_owned() }
}

/// `go` is asked at once; `act` needs it and `slow`, which runs meanwhile.
fn asking(approve: Approve) -> World {
    let mut go = step("go".to_owned(), vec![]);
    go.body = Body { action: Action::Approve(Box::new(approve)), effect: Effect::Read, ..Body::default() };
    let slow = step("slow".to_owned(), vec![]);
    let act = step("act".to_owned(), vec!["go".to_owned(), "slow".to_owned()]);
    let runbook = Runbook { name: "r".to_owned(), steps: vec![go, slow, act], ..Runbook::default() };
    World::new(&runbook, Stub::default(), 8)
}

impl World {
    /// Returns what stands for the commands that `go` covers now.
    fn hash(&self) -> String {
        let (graph, state) = (self.machine.graph(), self.machine.state());
        let at = state.find("go").expect("it is a step");
        hash_of(&covers(graph, &Lang(&self.stub, graph), state, at))
    }

    fn answer(&mut self, name: &str, yes: bool, to: To, answers: Map) {
        self.say(Input::Answered { step: "go".to_owned(), by: person(name), yes, note: None, answers, to });
    }

    fn yes(&mut self, name: &str) {
        let to = To::Decide(self.hash());
        self.answer(name, true, to, Map::new());
    }

    fn open(&self) -> bool {
        let state = self.machine.state();
        state.at(state.find("go").expect("it is a step")).progress == Progress::Asking(Question::Approval)
    }

    fn refusals(&self) -> Vec<&str> {
        let refused = self.events.iter().filter_map(|event| match event {
            Event::Refused { why, .. } => Some(why.as_str()),
            _ => None,
        });
        refused.collect()
    }

    fn ends(&self, step: &str) -> Option<Finish> {
        let state = self.machine.state();
        state.at(state.find(step).expect("it is a step")).finish.clone()
    }

    fn taken_up_by(&mut self, name: &str) {
        let graph = self.machine.graph().clone();
        self.machine = Machine::new(graph, self.refold());
        (self.flying, self.timers, self.asked, self.rested) = (vec![], vec![], vec![], None);
        self.say(Input::Resume { by: person(name), reason: None, decisions: BTreeMap::new() });
    }
}

fn count(count: u32) -> Approve {
    Approve { count: Some(count), ..Approve::default() }
}

#[test]
fn as_many_different_people_must_say_yes_as_the_step_wants() {
    let mut world = asking(count(3));
    for name in ["ann", "ben", "ann"] {
        world.yes(name);
    }
    assert!(world.open(), "two of three");
    assert_eq!(world.refusals(), ["ann said yes already"], "the same person counts once, and is told");
    world.yes("cleo");
    assert_eq!((world.open(), world.ends("go")), (false, Some(Finish::Succeeded)));
    assert_eq!(world.refold(), *world.machine.state());
}

#[test]
fn one_no_is_a_rejection() {
    let mut world = asking(count(2));
    world.yes("ann");
    world.answer("ben", false, To::Decide(String::new()), Map::new());
    assert_eq!(world.ends("go"), Some(Finish::Failed("ben rejected it".to_owned())));
}

#[test]
fn who_may_not_answer_is_refused_and_the_question_stays_open() {
    let groups = vec![("dba".to_owned(), vec!["ben".to_owned(), "cleo".to_owned()])];
    let by = vec!["dba".to_owned(), "dana".to_owned()];
    let mut world = asking(Approve { by, groups, ..Approve::default() });
    world.yes("eve");
    world.answer("eve", false, To::Whatever, Map::new());
    world.yes("dba");
    assert!(world.open());
    let told = world.refusals();
    assert_eq!(told.len(), 3);
    assert_eq!(told[0], "eve may not answer it: dba (ben, cleo) or dana may");
    world.yes("cleo");
    assert!(!world.open());
}

#[test]
fn who_drives_the_run_may_not_answer_where_the_step_says_so() {
    let mut world = asking(Approve { not_self: true, ..count(2) });
    world.taken_up_by("ann");
    world.yes("ann");
    assert_eq!(
        world.refusals(),
        ["ann drives this run and may not answer it (`not_self`): anybody else may"]
    );
    world.yes("ben");
    // Now ben drives it, and his yes is the driver's.
    world.taken_up_by("ben");
    world.yes("ann");
    assert!(world.open(), "ann alone of two");
    world.yes("cleo");
    assert!(!world.open());
    assert_eq!(world.refold(), *world.machine.state());
}

#[test]
fn a_yes_given_before_a_crash_counts_after_it() {
    let mut world = asking(count(2));
    world.yes("ann");
    world.crash();
    assert!(world.open());
    world.yes("ann");
    world.yes("ben");
    assert_eq!((world.open(), world.refusals().len()), (false, 1));
}

#[test]
fn the_time_of_a_question_ends_in_a_failure_that_says_who_answered() {
    let mut world = asking(count(2));
    world.stub.question = Some(Duration::from_secs(60));
    world.crash();
    world.yes("ann");
    let timer = *world.timers.last().expect("the time is counted");
    world.say(Input::Fired(timer));
    assert_eq!(world.ends("go"), Some(Finish::Failed("only 1 of 2 said yes in time: ann".to_owned())));
    world.yes("ben");
    assert_eq!(world.refusals(), ["nothing is asked of it now"], "too late, and told");
    assert_eq!(world.refold(), *world.machine.state());
}

#[test]
fn a_yes_to_other_commands_than_those_of_now_is_refused() {
    let mut world = asking(Approve::default());
    let seen = world.hash();
    world.stub.commands.insert("act".to_owned(), "rm -rf /srv".to_owned());
    world.answer("ann", true, To::Decide(seen), Map::new());
    world.answer("ann", true, To::Decide(String::new()), Map::new());
    assert!(world.open() && world.refusals().len() == 2, "{:?}", world.refusals());
    world.answer("ann", true, To::Done, Map::new());
    assert!(world.open(), "it is no manual step");
    world.yes("ann");
    assert!(!world.open());
}

#[test]
fn an_approval_whose_commands_changed_is_asked_for_again_before_anything_starts() {
    for crash in [false, true] {
        let mut world = asking(Approve::default());
        world.stub.commands.insert("act".to_owned(), "deploy v1".to_owned());
        world.yes("ann");
        assert!(!world.open());
        world.stub.commands.insert("act".to_owned(), "deploy v2".to_owned());
        if crash {
            let decisions = BTreeMap::from([("slow".to_owned(), (Decision::Done, None))]);
            let graph = world.machine.graph().clone();
            world.machine = Machine::new(graph, world.refold());
            world.flying.clear();
            world.say(Input::Resume { by: person("ann"), reason: None, decisions });
        } else {
            world.end(0, End::Exit(0));
        }
        let voided = world.events.iter().find_map(|event| match event {
            Event::Voided { step, changed } => Some((step.as_str(), changed.clone())),
            _ => None,
        });
        let (step, changed) = voided.expect("it counts no more");
        let command = |covered: &Option<Covered>| covered.as_ref().map(|one| one.command.clone());
        assert_eq!((step, changed[0].step.as_str()), ("go", "act"));
        assert_eq!(command(&changed[0].old).as_deref(), Some("deploy v1"));
        assert_eq!(command(&changed[0].new).as_deref(), Some("deploy v2"));
        assert!(world.open() && world.ends("act").is_none() && world.rested.is_none());
        assert!(!world.ran.iter().any(|leaf| leaf.step == "act"), "nothing of it began");
        world.yes("ann");
        world.end(0, End::Exit(0));
        assert_eq!(world.rested, Some(RunStatus::Succeeded));
        assert_eq!(world.refold(), *world.machine.state());
    }
}

#[test]
fn what_was_begun_is_not_begun_again_as_something_else() {
    for (changed, ends) in [(false, RunStatus::Succeeded), (true, RunStatus::Failed)] {
        let mut world = asking(Approve::default());
        world.yes("ann");
        world.end(0, End::Exit(0));
        world.end(0, End::Exit(1));
        assert_eq!(world.rested, Some(RunStatus::Failed));
        if changed {
            world.stub.commands.insert("act".to_owned(), "deploy v2".to_owned());
        }
        world.crash();
        if world.rested.is_none() {
            world.play(&[(0, true)]);
        }
        assert_eq!(world.rested, Some(ends));
        if let (true, Some(Finish::Failed(why))) = (changed, world.ends("act")) {
            assert!(why.contains("approved `Action`, would start `deploy v2`"), "{why}");
        }
    }
}

#[test]
fn a_for_each_that_comes_to_more_than_was_approved_is_asked_for_again() {
    let mut go = step("go".to_owned(), vec![]);
    go.body = Body { action: Action::Approve(Box::default()), effect: Effect::Read, ..Body::default() };
    let slow = step("slow".to_owned(), vec![]);
    let mut each = step("each".to_owned(), vec!["go".to_owned(), "slow".to_owned()]);
    each.for_each = Some(Tree::List(Vec::new()));
    let runbook = Runbook { steps: vec![go, slow, each], ..Runbook::default() };
    let mut world = World::new(&runbook, Stub { items: 2, ..Stub::default() }, 8);
    world.yes("ann");
    world.stub.items = 3;
    world.end(0, End::Exit(0));
    assert!(world.open() && world.flying.is_empty());
    world.yes("ann");
    assert_eq!(world.flying.len(), 3);
    world.play(&[(0, true)]);
    assert_eq!((world.rested, &world.refold()), (Some(RunStatus::Succeeded), world.machine.state()));
}

#[test]
fn typed_answers_are_judged_and_belong_to_what_is_approved() {
    let input = |name: &str, kind| Answer {
        name: name.to_owned(),
        ty: Type { kind, ..Type::default() },
        required: true,
        ..Answer::default()
    };
    let ask = vec![input("ticket", Kind::String), input("share", Kind::Integer)];
    let mut world = asking(Approve { ask, ..count(2) });
    let map = |value: serde_json::Value| value.as_object().cloned().expect("a map");
    for (wrong, told) in [
        (json!({"ticket": "OPS-7"}), "it asks for `share`, which was not given"),
        (json!({"ticket": "OPS-7", "share": "x"}), "`share`: wants an integer, got the text `x`"),
        (json!({"ticket": "OPS-7", "share": 5, "more": 1}), "it asks for no `more`"),
    ] {
        let to = To::Decide(world.hash());
        world.answer("ann", true, to, map(wrong));
        assert_eq!(world.refusals().last(), Some(&told));
    }
    let to = To::Decide(world.hash());
    world.answer("ann", true, to, map(json!({"ticket": "OPS-7", "share": 5})));
    // Who follows says yes to the same answers.
    let to = To::Decide(world.hash());
    world.answer("ben", true, to, map(json!({"share": 50})));
    assert_eq!(world.refusals().last(), Some(&"`share` was answered by who said yes first: 5"));
    world.yes("ben");
    let state = world.machine.state();
    let outputs = &state.at(state.find("go").expect("it is a step")).outputs;
    assert_eq!(
        (world.open(), serde_json::Value::from(outputs.clone())),
        (false, json!({"ticket": "OPS-7", "share": 5}))
    );
}

#[test]
fn a_manual_step_is_done_and_not_approved() {
    let mut hand = step("go".to_owned(), vec![]);
    hand.body = Body { action: Action::Manual(Default::default()), effect: Effect::Read, ..Body::default() };
    let runbook = Runbook { steps: vec![hand], ..Runbook::default() };
    let mut world = World::new(&runbook, Stub::default(), 8);
    world.answer("ann", true, To::Decide(String::new()), Map::new());
    assert_eq!(world.refusals().len(), 1);
    let note = Some("valve closed".to_owned());
    let (by, answers) = (person("ann"), Map::new());
    world.say(Input::Answered { step: "go".to_owned(), by, yes: true, note, answers, to: To::Done });
    let state = world.machine.state();
    assert_eq!(state.at(Addr { node: 0, instance: 0 }).outputs["note"], "valve closed");
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
}

/// What happens while an approval is open or given.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Yes(usize),
    Stale(usize),
    No(usize),
    Change,
    Crash(usize),
    SlowEnds,
}

const PEOPLE: [&str; 5] = ["ann", "ben", "cleo", "dana", "eve"];

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        8 => (0usize..5).prop_map(Deed::Yes),
        1 => (0usize..5).prop_map(Deed::Stale),
        1 => (0usize..5).prop_map(Deed::No),
        2 => Just(Deed::Change),
        2 => (0usize..5).prop_map(Deed::Crash),
        2 => Just(Deed::SlowEnds),
    ];
    proptest::collection::vec(deed, 1..40)
}

/// Whether the events up to the start of `act` hold enough yeses to `command`, counted by hand.
fn approved(events: &[Event], approve: &Approve, hash: &str) -> bool {
    let (mut driver, mut yes) = (String::new(), BTreeSet::new());
    for event in events {
        match event {
            Event::Opened(opened) => driver.clone_from(&opened.by.name),
            Event::Resumed { by, .. } => driver.clone_from(&by.name),
            Event::Voided { .. } => yes.clear(),
            Event::Answered { by, yes: true, hash: Some(to), .. } if to == hash => {
                let among = ["ann", "ben", "cleo", "dana"].contains(&by.name.as_str());
                assert!(among && !(approve.not_self && by.name == driver), "{} may not answer", by.name);
                yes.insert(by.name.clone());
            }
            _ => {}
        }
    }
    yes.len() >= approve.count.unwrap_or(1) as usize
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn nothing_starts_that_enough_people_did_not_say_yes_to(
        deeds in deeds(),
        count in 1u32..4,
        not_self in any::<bool>(),
    ) {
        let groups = vec![("dba".to_owned(), vec!["ann".to_owned(), "ben".to_owned()])];
        let by = ["dba", "cleo", "dana"].map(str::to_owned).to_vec();
        let approve = Approve { by, groups, count: Some(count), not_self, ..Approve::default() };
        let mut world = asking(approve.clone());
        // Taken up again it is run again, and `act` is what counts.
        let mut version = 0;
        for deed in deeds {
            let before = world.events.len();
            match deed {
                Deed::Yes(who) => world.yes(PEOPLE[who]),
                Deed::Stale(who) => world.answer(PEOPLE[who], true, To::Decide("0".to_owned()), Map::new()),
                Deed::No(who) => world.answer(PEOPLE[who], false, To::Whatever, Map::new()),
                Deed::Change => {
                    version += 1;
                    world.stub.commands.insert("act".to_owned(), format!("deploy v{version}"));
                }
                Deed::Crash(who) => {
                    world.taken_up_by(PEOPLE[who]);
                    if !world.machine.unsettled().is_empty() {
                        let decision = (Decision::Retry, None);
                        let decisions = world.machine.unsettled().into_iter().map(|step| (step, decision.clone())).collect();
                        world.rested = None;
                        world.say(Input::Resume { by: person(PEOPLE[who]), reason: None, decisions });
                    }
                }
                Deed::SlowEnds => {
                    if let Some(which) = world.flying.iter().position(|leaf| leaf.step == "slow") {
                        world.end(which, End::Exit(0));
                    }
                }
            }
            prop_assert_eq!(&world.refold(), world.machine.state());
            let started = |event: &Event| matches!(event, Event::Started { step } if step == "act");
            if let Some(place) = world.events[before..].iter().position(started) {
                let Some(Event::Intent { command, .. }) = world.events[before + place..]
                    .iter()
                    .find(|event| matches!(event, Event::Intent { leaf, .. } if leaf.step == "act"))
                else {
                    return Err(TestCaseError::fail("it began without an intent"));
                };
                let covered = Covered { step: "act".to_owned(), command: command.clone(), ..Covered::default() };
                prop_assert!(
                    approved(&world.events[..before + place], &approve, &hash_of(&[covered])),
                    "`{command}` was started and not approved: {:#?}", world.events
                );
                return Ok(());
            }
            // A refusal is told where the answer was given, and changes nothing.
            if let Some(Event::Refused { .. }) = world.events[before..].last() {
                prop_assert_eq!(world.events.len(), before + 1);
            }
        }
    }
}
