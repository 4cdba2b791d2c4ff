//! Guards, answers that are good for a while, and locks of steps.

use super::*;

/// A chain of two, the first of which is guarded.
fn guarded() -> Runbook {
    let mut runbook = chain(2);
    runbook.steps[0].guard = Some(Box::default());
    runbook
}

impl World {
    /// Ends the command of a stage that is under way.
    fn ends(&mut self, step: &str, stage: Stage, end: End) {
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
    world.ends("s0", Stage::Guard, End::Exit(0));
    assert!(world.stopped.is_empty(), "it holds");
    world.fires();
    world.ends("s0", Stage::Guard, End::Exit(1));
    assert_eq!(
        world.stopped.iter().map(|leaf| (&*leaf.step, leaf.stage)).collect::<Vec<_>>(),
        [("s0", Stage::Action)]
    );
    assert_eq!(world.finish_of("s0"), None, "it has not ended yet");
    world.ends("s0", Stage::Action, End::Stopped);
    assert_eq!(world.finish_of("s0"), Some(Finish::Failed("its guard does not hold".to_owned())));
    assert!(
        world.timers.is_empty(),
        "it is not tried again, and its guard is over: {:?}",
        world.machine.timers
    );
    world.ends("s1", Stage::Action, End::Exit(0));
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
    world.ends("s0", Stage::Guard, End::Exit(1));
    world.ends("s0", Stage::Action, End::Exit(0));
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
    world.ends("s0", Stage::Action, End::Exit(0));
    assert_eq!(world.finish_of("s0"), Some(Finish::Succeeded), "the step need not wait for it");
    assert_eq!(world.stopped.iter().map(|leaf| leaf.stage).collect::<Vec<_>>(), [Stage::Guard]);
    assert_eq!(world.rested, None, "the run does");
    world.ends("s0", Stage::Guard, End::Exit(1));
    assert_eq!(world.rested, Some(RunStatus::Succeeded), "its answer comes too late to count");
}

#[test]
fn a_guard_that_could_not_tell_is_asked_again_until_its_time_is_up() {
    let within = Some(Duration::from_secs(9));
    for guard_within in [None, within] {
        let mut world = World::new(&guarded(), Stub { guard_within, ..Stub::default() }, 8);
        for _ in 0..5 {
            world.ends("s0", Stage::Guard, End::Exit(3));
            assert!(world.stopped.is_empty(), "it could not tell, which is no answer");
            assert_eq!(world.timers.len(), if guard_within.is_some() { 2 } else { 1 });
            world.fires();
            world.timers.truncate(1);
        }
        world.ends("s0", Stage::Guard, End::Exit(3));
        if guard_within.is_some() {
            let (&deadline, _) = world
                .machine
                .timers
                .iter()
                .find(|(_, (_, alarm))| *alarm == decide::Alarm::GuardDeadline)
                .unwrap();
            world.say(Input::Fired(deadline));
            world.ends("s0", Stage::Action, End::Stopped);
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
    world.ends("s0", Stage::Guard, End::Exit(1));
    assert_eq!(world.finish_of("s0"), Some(Finish::Failed("its guard does not hold".to_owned())));
    assert_eq!(world.rested, Some(RunStatus::Failed));
}

#[test]
fn asked_to_stop_the_guard_goes_on_and_a_hard_stop_ends_it() {
    let mut world = World::new(&guarded(), Stub::default(), 8);
    world.ends("s0", Stage::Guard, End::Exit(0));
    world.say(Input::Stop { by: "Ctrl-C".to_owned(), hard: false });
    world.fires();
    assert!(world.flies("s0", Stage::Guard), "what may finish is guarded to its end");
    world.say(Input::Stop { by: "Ctrl-C".to_owned(), hard: true });
    world.ends("s0", Stage::Guard, End::Stopped);
    assert!(world.machine.timers.is_empty(), "it is not asked again");
    world.ends("s0", Stage::Action, End::Stopped);
    assert_eq!(world.rested, Some(RunStatus::Interrupted));
    assert_eq!(world.finish_of("s0"), None, "stopped by us in the middle: its end is unknown");
}

#[test]
fn an_engine_that_dies_leaves_a_guarded_action_in_doubt() {
    let mut world = World::new(&guarded(), Stub::default(), 8);
    world.ends("s0", Stage::Guard, End::Exit(0));
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
    fn yes(&mut self, step: &str) {
        let (step, answers) = (step.to_owned(), Map::new());
        self.say(Input::Answered { step, by: Person::default(), yes: true, note: None, answers });
    }

    fn asked_gates(&self) -> usize {
        self.ran.iter().filter(|leaf| leaf.step == "s0").count()
    }
}

#[test]
fn a_gate_is_asked_again_when_a_person_took_longer_than_its_answer_is_good_for() {
    for (lapses, holds) in [(false, true), (true, true), (true, false)] {
        let mut world = World::new(&fresh(), Stub::default(), 8);
        world.ends("s0", Stage::Action, End::Exit(0));
        if lapses {
            world.fires();
        }
        if !holds {
            world.stub.gate_fails.insert("s0".to_owned());
        }
        world.yes("s1");
        assert_eq!(world.flies("s2", Stage::Action), !lapses);
        if lapses {
            assert_eq!(world.finish_of("s0"), None, "it is asked again");
            world.ends("s0", Stage::Action, End::Exit(0));
            assert_eq!(world.flies("s2", Stage::Action), holds);
        }
        if holds {
            world.ends("s2", Stage::Action, End::Exit(0));
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
    world.ends("s0", Stage::Action, End::Exit(0));
    world.crash();
    assert_eq!(world.asked_gates(), 1, "nobody needs it yet");
    world.yes("s1");
    assert!(world.flies("s0", Stage::Action) && !world.flies("s2", Stage::Action));
    world.ends("s0", Stage::Action, End::Exit(0));
    // Its action failed, and taken up again it begins again.
    world.ends("s2", Stage::Action, End::Exit(1));
    world.crash();
    assert!(world.flies("s0", Stage::Action) && !world.flies("s2", Stage::Action));
    world.play(&[(0, true)]);
    assert_eq!((world.rested, world.asked_gates()), (Some(RunStatus::Succeeded), 3));
}

#[test]
fn a_verify_gate_lapses_for_what_needs_its_step_and_what_runs_already_goes_on() {
    let mut runbook = chain(3);
    runbook.steps[0].body.verify =
        Some(Box::new(Gate { valid_for: Some(Text::new("1m")), ..Gate::default() }));
    runbook.steps[1].needs = vec!["s0".to_owned()];
    runbook.steps[2].needs = vec!["s0".to_owned()];
    let mut world = World::new(&runbook, Stub::default(), 1);
    world.ends("s0", Stage::Action, End::Exit(0));
    world.ends("s0", Stage::Verify, End::Exit(0));
    assert!(world.flies("s1", Stage::Action) && !world.flies("s2", Stage::Action), "there is room for one");
    world.fires();
    world.ends("s1", Stage::Action, End::Exit(0));
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
    world.ends("s0", Stage::Check, End::Exit(0));
    world.fires();
    world.ends("s0", Stage::Capture, End::Exit(0));
    assert!(
        world.flies("s0", Stage::Check),
        "the state before took longer to read than the answer is good for"
    );
    world.ends("s0", Stage::Check, End::Exit(0));
    assert!(world.flies("s0", Stage::Action));
    world.fires();
    world.ends("s0", Stage::Action, End::Exit(0));
    assert_eq!(world.rested, Some(RunStatus::Succeeded));
}
