//! Guards, answers that are good for a while, and locks of steps.

use super::super::decide::Alarm;
use super::*;

/// A chain of two, the first of which is guarded.
fn guarded() -> Runbook {
    let mut runbook = chain(2);
    runbook.steps[0].guard = Some(Box::default());
    runbook
}

impl World {
    /// Ends the command of a stage that is under way.
    fn end_of(&mut self, step: &str, stage: Stage, end: End) {
        let which = self.flying.iter().position(|leaf| leaf.step == step && leaf.stage == stage);
        self.end(which.unwrap_or_else(|| panic!("{stage:?} of {step} is not under way")), end);
    }

    fn finish_of(&self, step: &str) -> Option<Finish> {
        let state = self.machine.state();
        state.at(state.find(step).expect("an instance")).finish.clone()
    }

    fn fires(&mut self) {
        let id = self.timers.pop().expect("a timer");
        self.say(Input::Fired(id));
    }

    fn flies(&self, step: &str, stage: Stage) -> bool {
        self.flying.iter().any(|leaf| leaf.step == step && leaf.stage == stage)
    }
}

#[test]
fn a_guard_that_does_not_hold_stops_its_action_and_nothing_else() {
    let mut runbook = guarded();
    runbook.steps[1].needs.clear();
    let mut world = World::new(&runbook, Stub { attempts: 3, ..Stub::default() }, 8);
    world.end_of("s0", Stage::Guard, End::Exit(0));
    assert!(world.stopped.is_empty(), "it holds");
    world.fires();
    world.end_of("s0", Stage::Guard, End::Exit(1));
    assert_eq!(
        world.stopped.iter().map(|leaf| (&*leaf.step, leaf.stage)).collect::<Vec<_>>(),
        [("s0", Stage::Action)]
    );
    assert_eq!(world.finish_of("s0"), None, "it has not ended yet");
    world.end_of("s0", Stage::Action, End::Stopped);
    assert_eq!(world.finish_of("s0"), Some(Finish::Failed("its guard does not hold".to_owned())));
    assert!(
        world.timers.is_empty(),
        "it is not tried again, and its guard is over: {:?}",
        world.machine.timers
    );
    world.end_of("s1", Stage::Action, End::Exit(0));
    assert_eq!(world.rested, Some(RunStatus::Failed));
    world.rested = None;
    world.say(Input::Rollback { by: Person::default(), to: None });
    world.play(&[(0, true)]);
    let state = world.machine.state();
    assert_eq!(
        state.at(state.find("s0").unwrap()).undo,
        Some(UndoResult::Done),
        "it was begun, so it is undone"
    );
}

#[test]
fn what_ended_well_while_its_guard_did_not_hold_has_failed_and_is_not_run_again() {
    let mut world = World::new(&guarded(), Stub::default(), 8);
    world.end_of("s0", Stage::Guard, End::Exit(1));
    world.end_of("s0", Stage::Action, End::Exit(0));
    assert!(matches!(world.finish_of("s0"), Some(Finish::Failed(_))));
    world.crash();
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
    assert_eq!(world.ran.iter().filter(|leaf| leaf.step == "s0" && leaf.stage == Stage::Action).count(), 1);
}

#[test]
fn a_poll_of_a_guard_does_not_outlive_its_action_and_is_waited_for() {
    let mut world =
        World::new(&Runbook { steps: vec![guarded().steps.remove(0)], ..chain(1) }, Stub::default(), 8);
    world.end_of("s0", Stage::Action, End::Exit(0));
    assert_eq!(world.finish_of("s0"), Some(Finish::Succeeded), "the step need not wait for it");
    assert_eq!(world.stopped.iter().map(|leaf| leaf.stage).collect::<Vec<_>>(), [Stage::Guard]);
    assert_eq!(world.rested, None, "the run does");
    world.end_of("s0", Stage::Guard, End::Exit(1));
    assert_eq!(world.rested, Some(RunStatus::Succeeded), "its answer comes too late to count");
}

#[test]
fn a_guard_that_could_not_tell_is_asked_again_until_its_time_is_up() {
    let within = Some(Duration::from_secs(9));
    for guard_within in [None, within] {
        let mut world = World::new(&guarded(), Stub { guard_within, ..Stub::default() }, 8);
        for _ in 0..5 {
            world.end_of("s0", Stage::Guard, End::Exit(3));
            assert!(world.stopped.is_empty(), "it could not tell, which is no answer");
            assert_eq!(world.timers.len(), if guard_within.is_some() { 2 } else { 1 });
            world.fires();
            world.timers.truncate(1);
        }
        world.end_of("s0", Stage::Guard, End::Exit(3));
        if guard_within.is_some() {
            let (&deadline, _) = world
                .machine
                .timers
                .iter()
                .find(|(_, (_, alarm))| *alarm == decide::Alarm::GuardDeadline)
                .unwrap();
            world.say(Input::Fired(deadline));
            world.end_of("s0", Stage::Action, End::Stopped);
            let why = "its guard could not tell: no answer".to_owned();
            assert_eq!(world.finish_of("s0"), Some(Finish::Failed(why)));
        } else {
            assert!(world.stopped.is_empty());
        }
    }
}

#[test]
fn a_wait_is_guarded_too() {
    let mut runbook = guarded();
    runbook.steps[0].body.action = Action::Wait(crate::model::Wait::For(Text::new("1h")));
    runbook.steps[0].body.effect = Effect::Read;
    let mut world = World::new(&runbook, Stub::default(), 8);
    world.end_of("s0", Stage::Guard, End::Exit(1));
    assert_eq!(world.finish_of("s0"), Some(Finish::Failed("its guard does not hold".to_owned())));
    assert_eq!(world.rested, Some(RunStatus::Failed));
}

#[test]
fn asked_to_stop_the_guard_goes_on_and_a_hard_stop_ends_it() {
    let mut world = World::new(&guarded(), Stub::default(), 8);
    world.end_of("s0", Stage::Guard, End::Exit(0));
    world.say(Input::Stop { by: "Ctrl-C".to_owned(), hard: false });
    world.fires();
    assert!(world.flies("s0", Stage::Guard), "what may finish is guarded to its end");
    world.say(Input::Stop { by: "Ctrl-C".to_owned(), hard: true });
    world.end_of("s0", Stage::Guard, End::Stopped);
    assert!(world.machine.timers.is_empty(), "it is not asked again");
    world.end_of("s0", Stage::Action, End::Stopped);
    assert_eq!(world.rested, Some(RunStatus::Interrupted));
    assert_eq!(world.finish_of("s0"), None, "stopped by us in the middle: its end is unknown");
}

#[test]
fn an_engine_that_dies_leaves_a_guarded_action_in_doubt() {
    let mut world = World::new(&guarded(), Stub::default(), 8);
    world.end_of("s0", Stage::Guard, End::Exit(0));
    world.crash();
    assert_eq!(world.machine.unsettled(), ["s0"]);
    world.rested = None;
    let decisions = BTreeMap::from([("s0".to_owned(), (Decision::Retry, None))]);
    world.say(Input::Resume { by: Person::default(), reason: None, decisions });
    assert!(world.flies("s0", Stage::Guard), "it is asked anew");
    assert_eq!(world.refold(), *world.machine.state());
}

/// A gate whose answer is good for a while, a person, and a change: one after the other.
fn fresh() -> Runbook {
    let mut runbook = chain(3);
    let gate = Gate { valid_for: Some(Text::new("10m")), ..Gate::default() };
    runbook.steps[0].body.action = Action::Gate(Box::new(gate));
    runbook.steps[0].body.effect = Effect::Read;
    runbook.steps[1].body = Body {
        action: Action::Approve(Box::<crate::model::Approve>::default()),
        effect: Effect::Read,
        ..Body::default()
    };
    runbook
}

impl World {
    fn approved(&mut self, step: &str) {
        let (step, answers) = (step.to_owned(), Map::new());
        self.say(Input::Answered {
            step,
            by: Person::default(),
            yes: true,
            note: None,
            answers,
            to: To::Whatever,
        });
    }

    fn asked_gates(&self) -> usize {
        self.ran.iter().filter(|leaf| leaf.step == "s0").count()
    }
}

#[test]
fn a_gate_is_asked_again_when_a_person_took_longer_than_its_answer_is_good_for() {
    for (lapses, holds) in [(false, true), (true, true), (true, false)] {
        let mut world = World::new(&fresh(), Stub::default(), 8);
        world.end_of("s0", Stage::Action, End::Exit(0));
        if lapses {
            world.fires();
        }
        if !holds {
            world.stub.gate_fails.insert("s0".to_owned());
        }
        world.approved("s1");
        assert_eq!(world.flies("s2", Stage::Action), !lapses);
        if lapses {
            assert_eq!(world.finish_of("s0"), None, "it is asked again");
            world.end_of("s0", Stage::Action, End::Exit(0));
            assert_eq!(world.flies("s2", Stage::Action), holds);
        }
        if holds {
            world.end_of("s2", Stage::Action, End::Exit(0));
        }
        let (status, why) = match holds {
            true => (RunStatus::Succeeded, None),
            false => (RunStatus::Failed, Some(("s0".to_owned(), "the gate does not hold".to_owned()))),
        };
        assert_eq!((world.rested, world.machine.first_failure()), (Some(status), why));
        assert!(holds || world.machine.state().touched.is_empty(), "before anything is touched");
        assert_eq!(world.asked_gates(), 1 + usize::from(lapses));
        assert_eq!(world.refold(), *world.machine.state());
    }
}

#[test]
fn after_a_resume_every_such_answer_is_old() {
    let mut world = World::new(&fresh(), Stub::default(), 8);
    world.end_of("s0", Stage::Action, End::Exit(0));
    world.crash();
    assert_eq!(world.asked_gates(), 1, "nobody needs it yet");
    world.approved("s1");
    assert!(world.flies("s0", Stage::Action) && !world.flies("s2", Stage::Action));
    world.end_of("s0", Stage::Action, End::Exit(0));
    // Its action failed, and taken up again it begins again.
    world.end_of("s2", Stage::Action, End::Exit(1));
    world.crash();
    assert!(world.flies("s0", Stage::Action) && !world.flies("s2", Stage::Action));
    world.play(&[(0, true)]);
    assert_eq!((world.rested, world.asked_gates()), (Some(RunStatus::Succeeded), 3));
}

#[test]
fn what_its_gate_sends_back_begins_only_when_what_it_needs_was_asked_anew() {
    let mut runbook = chain(2);
    runbook.steps[0].body.verify =
        Some(Box::new(Gate { valid_for: Some(Text::new("1m")), ..Gate::default() }));
    runbook.steps[1].body.verify = Some(Box::default());
    let mut world = World::new(&runbook, Stub::default(), 8);
    world.end_of("s0", Stage::Action, End::Exit(0));
    world.end_of("s0", Stage::Verify, End::Exit(0));
    world.crash();
    // Whether it took effect is asked at once: that only looks.
    world.stub.gate_fails.insert("s1".to_owned());
    world.end_of("s1", Stage::Verify, End::Exit(0));
    assert!(world.flies("s0", Stage::Verify) && !world.flies("s1", Stage::Action), "{:?}", world.flying);
    world.end_of("s0", Stage::Verify, End::Exit(0));
    assert!(world.flies("s1", Stage::Action), "{:?}", world.flying);
}

#[test]
fn a_verify_gate_lapses_for_what_needs_its_step_and_what_runs_already_goes_on() {
    let mut runbook = chain(3);
    runbook.steps[0].body.verify =
        Some(Box::new(Gate { valid_for: Some(Text::new("1m")), ..Gate::default() }));
    runbook.steps[1].needs = vec!["s0".to_owned()];
    runbook.steps[2].needs = vec!["s0".to_owned()];
    let mut world = World::new(&runbook, Stub::default(), 1);
    world.end_of("s0", Stage::Action, End::Exit(0));
    world.end_of("s0", Stage::Verify, End::Exit(0));
    assert!(world.flies("s1", Stage::Action) && !world.flies("s2", Stage::Action), "there is room for one");
    world.fires();
    world.end_of("s1", Stage::Action, End::Exit(0));
    assert!(world.flies("s0", Stage::Verify), "its action is not run again");
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
    assert_eq!(world.ran.iter().filter(|leaf| leaf.step == "s0" && leaf.stage == Stage::Action).count(), 1);
    one_end_each(&world).expect_err("its step ended twice, and that is in the journal");
}

#[test]
fn a_check_that_lapsed_before_the_action_is_asked_again_and_no_more_often() {
    let mut runbook = chain(1);
    let check = Gate { valid_for: Some(Text::new("1s")), ..Gate::default() };
    runbook.steps[0].body.check = Some(Box::new(check));
    runbook.steps[0].body.capture = Some(Box::default());
    let mut world = World::new(&runbook, Stub { checks_lapse: true, ..Stub::default() }, 8);
    world.end_of("s0", Stage::Check, End::Exit(0));
    world.fires();
    world.end_of("s0", Stage::Capture, End::Exit(0));
    assert!(
        world.flies("s0", Stage::Check),
        "the state before took longer to read than the answer is good for"
    );
    world.end_of("s0", Stage::Check, End::Exit(0));
    assert!(world.flies("s0", Stage::Action));
    world.fires();
    world.end_of("s0", Stage::Action, End::Exit(0));
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
}

fn locked(names: &[Option<&str>]) -> Runbook {
    let mut runbook = chain(names.len());
    for (step, name) in runbook.steps.iter_mut().zip(names) {
        step.needs.clear();
        step.lock = name.map(Text::new);
    }
    runbook
}

#[test]
fn a_step_waits_for_its_lock_and_only_it_does() {
    let mut world = World::new(&locked(&[]), Stub::default(), 8);
    assert_eq!(world.rested.take(), Some(RunStatus::Succeeded));
    world = World::new(&locked(&[None]), Stub::default(), 8);
    assert!(world.flies("s0", Stage::Action));

    let runbook = locked(&[Some("db"), None]);
    let graph = Arc::new(Graph::of(&runbook));
    let state = State::new(&graph);
    world.machine = Machine::new(graph, state);
    (world.flying, world.events) = (Vec::new(), Vec::new());
    world.elsewhere.insert("db".to_owned());
    world.say(Input::Open(Box::new(Opened {
        options: Options { max_parallel: 1, ..Options::default() },
        ..Opened::none()
    })));
    assert!(!world.flies("s0", Stage::Action) && world.flies("s1", Stage::Action), "waiting takes no room");
    let waits =
        |world: &World| world.events.iter().filter(|event| matches!(event, Event::AwaitsLock { .. })).count();
    world.fires();
    assert_eq!(waits(&world), 1, "told once, as long as it is the same who has it");
    world.elsewhere.clear();
    world.fires();
    assert!(!world.flies("s0", Stage::Action), "it has its lock, and there is no room");
    world.end_of("s1", Stage::Action, End::Exit(0));
    world.end_of("s0", Stage::Action, End::Exit(0));
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
    assert!(world.machine.state().locks.is_empty(), "given back");
}

#[test]
fn two_steps_of_a_run_exclude_each_other_and_what_failed_keeps_its_lock() {
    let mut runbook = locked(&[Some("db"), Some("db"), Some("other")]);
    runbook.on_failure = OnFailure::Continue;
    let mut world = World::new(&runbook, Stub::default(), 8);
    assert!(
        world.flies("s0", Stage::Action)
            && !world.flies("s1", Stage::Action)
            && world.flies("s2", Stage::Action)
    );
    world.end_of("s0", Stage::Action, End::Exit(1));
    assert!(!world.flies("s1", Stage::Action), "nobody knows what it left behind");
    world.end_of("s2", Stage::Action, End::Exit(0));
    assert_eq!(world.rested, Some(RunStatus::Failed));
    assert_eq!(world.machine.state().locks.keys().collect::<Vec<_>>(), ["db"]);
    world.crash();
    world.end_of("s0", Stage::Action, End::Exit(0));
    world.end_of("s1", Stage::Action, End::Exit(0));
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
}

#[test]
fn who_waits_for_a_lock_is_let_go_when_the_run_is_to_stop() {
    let mut world = World::new(&locked(&[]), Stub::default(), 8);
    let graph = Arc::new(Graph::of(&locked(&[Some("db")])));
    world.machine = Machine::new(Arc::clone(&graph), State::new(&graph));
    (world.events, world.rested) = (Vec::new(), None);
    world.elsewhere.insert("db".to_owned());
    world.say(Input::Open(Box::new(Opened::none())));
    world.say(Input::Stop { by: "cancel".to_owned(), hard: false });
    assert_eq!(world.rested, Some(RunStatus::Interrupted));
    world.elsewhere.clear();
    world.crash();
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
}

#[test]
fn an_undo_gives_the_lock_back_and_one_that_failed_keeps_it() {
    for (ok, kept) in [(true, 0), (false, 1)] {
        let runbook = Runbook { on_failure: OnFailure::Rollback, ..locked(&[Some("db")]) };
        let mut world = World::new(&runbook, Stub::default(), 8);
        world.end_of("s0", Stage::Action, End::Exit(1));
        world.end_of("s0", Stage::Undo, End::Exit(i32::from(!ok)));
        assert_eq!(world.machine.state().locks.len(), kept);
    }
}

#[test]
fn a_doubt_that_its_gate_settled_is_settled_when_the_gate_is_asked_anew_by_an_engine_that_dies() {
    let mut runbook = chain(2);
    runbook.steps[0].body.verify =
        Some(Box::new(Gate { valid_for: Some(Text::new("1m")), ..Gate::default() }));
    let mut world = World::new(&runbook, Stub::default(), 8);
    world.crash();
    world.end_of("s0", Stage::Verify, End::Exit(0));
    assert_eq!(world.finish_of("s0"), Some(Finish::Succeeded), "its gate says that it took effect");
    world.end_of("s1", Stage::Action, End::Exit(1));
    for _ in 0..2 {
        world.crash();
        assert!(world.flies("s0", Stage::Verify) && !world.flies("s0", Stage::Action));
    }
}

/// A run with one locked step, done, that is about to be undone while another run has the lock.
fn undone_without_its_lock() -> World {
    let mut world = World::new(&locked(&[Some("db")]), Stub::default(), 8);
    world.play(&[(0, true)]);
    assert!(world.machine.state().locks.is_empty(), "given back");
    world.elsewhere.insert("db".to_owned());
    world.rested = None;
    world.say(Input::Rollback { by: Person::default(), to: None });
    world
}

#[test]
fn an_undo_takes_the_lock_again_and_waits_for_it() {
    let mut world = undone_without_its_lock();
    assert!(world.flying.is_empty() && world.rested.is_none(), "somebody else has it");
    let waits = |event: &&Event| matches!(event, Event::AwaitsLock { step, .. } if step == "s0");
    assert_eq!(world.events.iter().filter(waits).count(), 1, "and that is told");
    world.crash();
    assert!(world.flying.is_empty() && world.rested.is_none(), "as it is after a crash");
    world.elsewhere.clear();
    world.fires();
    assert!(world.flies("s0", Stage::Undo));
    assert_eq!(world.machine.state().locks.keys().collect::<Vec<_>>(), ["db"]);
    world.end_of("s0", Stage::Undo, End::Exit(0));
    assert_eq!(world.rested, Some(RunStatus::RolledBack));
    assert!(world.machine.state().locks.is_empty(), "given back");
    assert_eq!(&world.refold(), world.machine.state());
}

#[test]
fn an_undo_that_waits_for_its_lock_is_let_go_when_the_run_is_to_stop() {
    let mut world = undone_without_its_lock();
    world.say(Input::Stop { by: "cancel".to_owned(), hard: false });
    assert_eq!(world.rested, Some(RunStatus::Interrupted));
    world.elsewhere.clear();
    world.crash();
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::RolledBack));
}

#[test]
fn an_undo_whose_lock_is_kept_by_what_could_not_be_undone_says_so() {
    let mut runbook = locked(&[Some("db"), Some("db")]);
    runbook.on_failure = OnFailure::Rollback;
    let mut world = World::new(&runbook, Stub::default(), 8);
    world.end_of("s0", Stage::Action, End::Exit(0));
    world.end_of("s1", Stage::Action, End::Exit(1));
    assert!(!world.flies("s0", Stage::Undo), "`s1` has the lock until it is undone");
    world.end_of("s1", Stage::Undo, End::Exit(1));
    assert_eq!(world.rested, Some(RunStatus::RollbackFailed));
    let why = "s1 could not be undone and keeps the lock `db`".to_owned();
    assert_eq!(undo(&world, "s0"), Some(UndoResult::Failed(why)));
    world.crash();
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::RolledBack));
}

#[test]
fn what_failed_before_it_touched_anything_keeps_its_lock_from_no_undo() {
    let mut runbook = locked(&[Some("db"), Some("db")]);
    runbook.steps[1].body.check = Some(Box::default());
    runbook.on_failure = OnFailure::Rollback;
    let stub = Stub { gate_fails: BTreeSet::from(["s1".to_owned()]), ..Stub::default() };
    let mut world = World::new(&runbook, stub, 8);
    world.play(&[(0, true)]);
    assert_eq!(world.rested, Some(RunStatus::RolledBack));
    assert!(world.machine.state().locks.is_empty());
}

/// Random graphs with guards, answers that are good for a while, locks and questions.
fn furnished(policy: OnFailure) -> impl Strategy<Value = Runbook> {
    (runbooks(policy), proptest::collection::vec(0u32..4096, 14)).prop_map(|(mut runbook, shapes)| {
        for (step, shape) in runbook.steps.iter_mut().zip(shapes) {
            let gate = || Gate { valid_for: Some(Text::new("1m")), ..Gate::default() };
            match shape & 7 {
                0 => {
                    step.body.action = Action::Gate(Box::new(gate()));
                    (step.body.effect, step.body.verify) = (Effect::Read, None);
                }
                1 if step.for_each.is_none() => {
                    let action = Action::Approve(Box::<crate::model::Approve>::default());
                    step.body = Body { action, effect: Effect::Read, ..Body::default() };
                }
                2 => step.body.verify = Some(Box::new(gate())),
                3 if step.body.check.is_some() => step.body.check = Some(Box::new(gate())),
                _ => {}
            }
            let guarded = shape & 24 == 24 && !matches!(step.body.action, Action::Approve(_));
            step.guard = guarded.then(Box::<Gate>::default);
            step.lock = (shape & 96 == 96).then(|| Text::new(format!("l{}", shape >> 7 & 1)));
        }
        runbook.finally.iter_mut().for_each(|step| step.body.idempotent = true);
        runbook
    })
}

/// Plays the run to its rest, with a crash or a stop where `blows` says; locks come and go elsewhere, guards sometimes
/// could not tell, and those in `broken` do not hold.
fn toss(
    world: &mut World,
    order: &[usize],
    blows: &[usize],
    broken: &BTreeSet<String>,
) -> Result<(), TestCaseError> {
    let mut blows = blows.iter().copied();
    let mut next = blows.next();
    let mut since = 0;
    for (turn, which) in order.iter().copied().cycle().take(20_000).enumerate() {
        let which = which.wrapping_add(turn.wrapping_mul(7919));
        since += 1;
        if world.rested.is_none() && next.is_some_and(|left| since > left) {
            (since, next) = (0, blows.next());
            world.stopped.clear();
            match which % 3 {
                0 => world.say(Input::Stop { by: "Ctrl-C".to_owned(), hard: false }),
                _ => world.crash(),
            }
            continue;
        }
        let mine =
            |world: &World| world.machine.state().locks.contains_key("l0") || !world.machine.wants.is_empty();
        match which % 11 {
            0 if turn < 2_000 && !mine(world) => drop(world.elsewhere.insert("l0".to_owned())),
            1 | 2 => world.elsewhere.clear(),
            _ if turn >= 2_000 => world.elsewhere.clear(),
            _ => {}
        }
        // Answers that are old before the next one is had are asked for again for ever, by right.
        if turn >= 5_000 {
            let old =
                |id: &TimerId| world.machine.timers.get(id).is_some_and(|(_, alarm)| *alarm == Alarm::Fresh);
            world.timers.retain(|id| !old(id));
        }
        match world.rested {
            Some(RunStatus::Interrupted) => world.crash(),
            Some(RunStatus::Waiting) if !world.machine.unsettled().is_empty() => {
                let settle = |step| (step, (Decision::Retry, None));
                let decisions = world.machine.unsettled().into_iter().map(settle).collect();
                world.rested = None;
                world.say(Input::Resume { by: Person::default(), reason: None, decisions });
            }
            Some(_) => {
                prop_assert!(world.flying.is_empty(), "it rests, and {:?} is at work", world.flying);
                return Ok(());
            }
            None if which % 5 == 0 && !world.timers.is_empty() => {
                let id = world.timers.remove(which % world.timers.len());
                world.say(Input::Fired(id));
            }
            None if !world.flying.is_empty() => {
                let leaf = world.flying[which % world.flying.len()].clone();
                let end = match leaf.stage {
                    _ if world.stopped.contains(&leaf) => End::Stopped,
                    Stage::Guard if broken.contains(&leaf.step) => End::Exit(1),
                    Stage::Guard if which % 7 == 0 => End::Exit(3),
                    _ => End::Exit(0),
                };
                world.end(which, end);
            }
            None if !world.asked.is_empty() => {
                let step = world.asked.remove(which % world.asked.len());
                world.approved(&step);
            }
            None => {
                prop_assert!(!world.timers.is_empty(), "the run neither rests nor waits for anything");
                let id = world.timers.remove(which % world.timers.len());
                world.say(Input::Fired(id));
            }
        }
    }
    Err(TestCaseError::fail("the run never came to rest"))
}

/// Reads the journal as somebody would who trusts nothing of the machine but its events.
pub(super) fn nothing_begins_unlocked_or_on_an_old_answer(world: &World) -> Result<(), TestCaseError> {
    let graph = world.machine.graph();
    let mut state = State::new(graph);
    let mut entered: BTreeSet<String> = BTreeSet::new();
    let mut keepers: BTreeMap<String, String> = BTreeMap::new();
    let mut old: BTreeSet<String> = BTreeSet::new();
    for event in &world.events {
        match event {
            Event::Resumed { .. } => {
                entered.clear();
                // Whatever had been answered before.
                let fresh = state.instances().filter(|(at, one)| {
                    graph.fresh_stage(at.node).is_some() && one.finish == Some(Finish::Succeeded)
                });
                old.extend(fresh.map(|(at, _)| state.name(graph, at)));
            }
            Event::Started { step } => drop(entered.remove(step)),
            Event::Reopened { step } => {
                prop_assert!(old.remove(step), "{step} is asked again though its answer is not old");
                entered.remove(step);
            }
            // A check that lapsed before the action is the step's own affair.
            Event::Lapsed { step } => {
                let at = state.find(step).expect("an instance");
                if state.at(at).finish.is_some() {
                    old.insert(step.clone());
                }
            }
            Event::Locked { step, lock } => {
                let before = keepers.insert(lock.clone(), step.clone());
                prop_assert!(before.is_none(), "{lock} is taken by {step} from {before:?}");
                let begun = !state.rollback && entered.contains(step);
                prop_assert!(!begun, "{step} began before it had its lock");
            }
            Event::Unlocked { step, lock } => {
                prop_assert_eq!(keepers.remove(lock), Some(step.clone()));
            }
            Event::Intent { leaf, .. } if leaf.stage == Stage::Undo => {
                let at = state.find(&leaf.step).expect("an instance");
                if let Some(lock) = &graph.step(at.node).lock {
                    let keeper = keepers.get(&lock.src);
                    prop_assert_eq!(keeper, Some(&leaf.step), "{} is undone without its lock", leaf.step);
                }
            }
            // Tried again after a rollback down to a step it has another answer.
            Event::Finished { step, .. } => drop(old.remove(step)),
            Event::Intent { leaf, .. }
                if matches!(leaf.stage, Stage::Check | Stage::Capture | Stage::Action) =>
            {
                let at = state.find(&leaf.step).expect("an instance");
                if let Some(lock) = &graph.step(at.node).lock
                    && !(entered.contains(&leaf.step) && state.at(at).lock.is_none())
                    && graph.fresh_stage(at.node).is_none()
                    // It only looks: asked again it needs none.
                    && !(leaf.attempt > 1 && matches!(graph.step(at.node).body.action, Action::Gate(_)))
                {
                    let keeper = keepers.get(&lock.src);
                    prop_assert_eq!(keeper, Some(&leaf.step), "{} runs without its lock", leaf.step);
                }
                if entered.insert(leaf.step.clone()) {
                    for &need in graph.needs(at.node) {
                        prop_assert!(state.nodes[need as usize].is_done());
                        for instance in 0..state.nodes[need as usize].instances.len() as u32 {
                            let name = state.name(graph, Addr { node: need, instance });
                            prop_assert!(
                                !old.contains(&name),
                                "{} began on the old answer of {name}",
                                leaf.step
                            );
                        }
                    }
                }
            }
            _ => {}
        }
        state.apply(graph, event).expect("the machine's own events can follow each other");
    }
    if world.rested == Some(RunStatus::Succeeded) {
        prop_assert!(keepers.is_empty(), "kept after the end: {keepers:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn guards_locks_and_old_answers_keep_their_promises_wherever_a_run_is_cut(
        (runbook, order, blows, max, broken) in (
            policies().prop_flat_map(furnished),
            proptest::collection::vec(any::<usize>(), 1..40),
            proptest::collection::vec(0usize..30, 0..4),
            1u32..4,
            proptest::option::weighted(0.3, 0usize..14),
        ),
    ) {
        let broken: BTreeSet<String> = broken.map(|number| format!("s{number}")).into_iter().collect();
        let stub = Stub { items: 2, attempts: 2, checks_lapse: true, ..Stub::default() };
        let mut world = World::new(&runbook, stub, max);
        toss(&mut world, &order, &blows, &broken)?;
        prop_assert!(world.most <= max as usize, "{} at once, {max} allowed", world.most);
        prop_assert_eq!(&world.refold(), world.machine.state());
        nothing_begins_unlocked_or_on_an_old_answer(&world)?;
        if broken.is_empty() {
            let story: Vec<String> = world.events.iter().map(|event| {
                let text = serde_json::to_value(event).expect("an event is data");
                let word = |name: &str| text[name].as_str().unwrap_or_default().to_owned();
                format!("{} {} {}", word("kind"), word("step"), word("stage"))
            }).collect();
            prop_assert_eq!(world.rested, Some(RunStatus::Succeeded), "{:#?}", story);
        }
    }
}
