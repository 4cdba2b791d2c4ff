use insta::assert_snapshot;

use super::*;
use crate::machine::{Event, Leaf, Stage};
use crate::report::fixture::{Play, SMALL, UTF8, person, runbook};

fn failed() -> Play {
    let mut play = Play::expanded(Vec::new());
    play.change("scale[api]", "replicas 3 → 10").change("aurora", "ACU 2 → 8");
    play.fail("scale[cart]", "Error from server (Forbidden): deployments.apps \"cart\" is forbidden\n");
    play
}

#[test]
fn succeeded() {
    let mut play = Play::expanded(Vec::new());
    for step in ["scale[api]", "scale[cart]", "aurora"] {
        play.change(step, "replicas 3 → 10");
    }
    play.start("scale[web]").finish("scale[web]", Finish::Satisfied);
    play.start("go").done("go").start("warm-caches");
    play.intend("warm-caches", Stage::Action, "npm run cache:warm").done("warm-caches");
    assert_snapshot!(play.rest(RunStatus::Succeeded).screen(), @r"
    ✓ autolytiq/pre-scale-event succeeded after 36s
      run r7k2m9qd, 7 of 7 steps done

    Changed
      scale[api]   replicas 3 → 10
      scale[cart]  replicas 3 → 10
      aurora       replicas 3 → 10
      warm-caches  Warm the caches (can't be undone)

    Next
      every step              runbook status r7k2m9qd
      undo what was changed   runbook rollback r7k2m9qd
    ");
}

#[test]
fn failed_and_paused() {
    assert_snapshot!(failed().rest(RunStatus::Failed).screen(), @r#"
    ✗ autolytiq/pre-scale-event failed after 26s and is paused
      run r7k2m9qd, 3 of 7 steps done

    scale[cart] failed: it exited with 1
      $ kubectl scale scale[cart] --replicas=10
      | Error from server (Forbidden): deployments.apps "cart" is forbidden

    Changed
      scale[api]   replicas 3 → 10
      aurora       ACU 2 → 8
      scale[cart]  replicas 3 → 10 (failed)

    Next
      all that it printed     runbook logs r7k2m9qd 'scale[cart]'
      try again and go on     runbook resume r7k2m9qd
      undo what was changed   runbook rollback r7k2m9qd
    "#);
}

#[test]
fn stopped_by_ctrl_c() {
    let mut play = Play::expanded(Vec::new());
    play.change("scale[api]", "replicas 3 → 10");
    play.say(Event::StopRequested { by: "Ctrl-C".to_owned(), hard: false });
    assert_snapshot!(play.rest(RunStatus::Interrupted).screen(), @r##"
    ■ autolytiq/pre-scale-event was stopped (Ctrl-C) after 12s and is paused
      run r7k2m9qd, 2 of 7 steps done

    Changed
      scale[api]  replicas 3 → 10

    Next
      go on where it is       runbook resume r7k2m9qd
      undo what was changed   runbook rollback r7k2m9qd
      every step              runbook status r7k2m9qd
    "##);
}

fn stopped(rule: OnInterrupt) -> Play {
    let mut runbook = runbook();
    runbook.steps[4].on_interrupt = Some(rule);
    runbook.steps[4].needs.clear();
    let mut play = Play::opened(&runbook, Vec::new());
    play.start("warm-caches").intend("warm-caches", Stage::Action, "npm run cache:warm");
    play.say(Event::StopRequested { by: "Ctrl-C".to_owned(), hard: true });
    let leaf = Leaf { step: "warm-caches".to_owned(), stage: Stage::Action, attempt: 1 };
    let (tail, outputs) = (String::new(), serde_json::Map::new());
    play.say(Event::Exited { leaf, end: End::Stopped, ms: 2_000, tail, outputs });
    play.rest(RunStatus::Interrupted);
    play
}

#[test]
fn a_step_that_was_stopped_and_may_not_run_twice_is_a_question() {
    assert_snapshot!(stopped(OnInterrupt::Ask).screen(), @r"
    ■ autolytiq/pre-scale-event was stopped (Ctrl-C) after 0ms and is paused
      run r7k2m9qd, 0 of 5 steps done

    ■ warm-caches was stopped while its command ran. Did it take effect?
      $ npm run cache:warm

    Changed
      warm-caches  Warm the caches (stopped; can't be undone)

    Next
      it took effect
        runbook resume r7k2m9qd --done warm-caches --reason '...'
      it did not: run it      runbook resume r7k2m9qd --retry warm-caches
      go on without it
        runbook resume r7k2m9qd --skip warm-caches --reason '...'
      undo what was changed   runbook rollback r7k2m9qd
      every step              runbook status r7k2m9qd
    ");
}

#[test]
fn a_step_that_was_stopped_says_what_resume_does() {
    let rerun = stopped(OnInterrupt::Rerun).screen();
    assert!(rerun.contains("It may be run twice: resume\nruns it again."), "{rerun}");
    assert!(rerun.contains("run it again and go on   runbook resume r7k2m9qd\n"), "{rerun}");
    let verify = stopped(OnInterrupt::Verify).screen();
    assert!(verify.contains("only if that does not hold.") && !verify.contains("--done"), "{verify}");
}

#[test]
fn a_run_that_only_a_doubt_holds_up_does_not_offer_to_try_again() {
    let mut play = stopped(OnInterrupt::Ask);
    play.say(Event::Resumed { by: person(), reason: None });
    let screen = play.rest(RunStatus::Failed).screen();
    assert!(screen.contains("is paused: whether a step took effect is not known"), "{screen}");
    assert!(screen.contains("it took effect\n") && !screen.contains("try again"), "{screen}");
}

#[test]
fn waiting_for_an_approval() {
    let mut play = Play::expanded(Vec::new());
    play.change("aurora", "ACU 2 → 8");
    for step in ["scale[api]", "scale[cart]", "scale[web]"] {
        play.start(step).finish(step, Finish::Satisfied);
    }
    let prompt = "Capacity is up. Warm the caches in prod?".to_owned();
    let (step, question) = ("go".to_owned(), Question::Approval);
    play.start("go").say(Event::Asked { step, question, prompt, covers: Vec::new(), ms: None });
    assert_snapshot!(play.rest(RunStatus::Waiting).screen(), @r##"
    ◆ autolytiq/pre-scale-event waits for a person; nothing of it runs
      run r7k2m9qd, 5 of 7 steps done

    Waits for a person
      go asks for approval: Capacity is up. Warm the caches in prod?

    Changed
      aurora  ACU 2 → 8

    Next
      say yes and go on       runbook resume r7k2m9qd --approve go
      undo what was changed   runbook rollback r7k2m9qd
      every step              runbook status r7k2m9qd
    "##);
}

#[test]
fn a_question_is_shown_whole_and_its_rejection_has_no_output() {
    let prompt = "Capacity is up, and the last event was a quiet one. Warm the caches in prod?".to_owned();
    let (step, question) = ("go".to_owned(), Question::Approval);
    let mut runbook = runbook();
    runbook.steps[3].needs.clear();
    let mut play = Play::opened(&runbook, Vec::new());
    play.start("go").say(Event::Asked { step: step.clone(), question, prompt, covers: Vec::new(), ms: None });
    let screen = play.screen();
    assert!(screen.contains("Warm\n  the caches in prod?\n"), "{screen}");
    play.finish("go", Finish::Failed("ada rejected it".to_owned()));
    let screen = play.rest(RunStatus::Failed).screen();
    assert!(screen.contains("go failed: ada rejected it") && !screen.contains(" logs "), "{screen}");
}

#[test]
fn a_gate_that_failed_says_what_it_wanted() {
    let mut runbook = runbook();
    let pass = crate::model::Expr(crate::model::Text::new("stdout | trim == 'yes'"));
    runbook.steps[0].body.action =
        crate::model::Action::Gate(Box::new(crate::model::Gate { pass, ..Default::default() }));
    let mut play = Play::opened(&runbook, Vec::new());
    play.start("reach").intend("reach", Stage::Action, "kubectl auth can-i patch deployments/scale");
    play.judge("reach", Stage::Action, Verdict::DoesNotHold, "no", 1);
    play.finish("reach", Finish::Failed("the gate does not hold: no".to_owned()));
    let screen = play.rest(RunStatus::Failed).screen();
    assert!(screen.contains("deployments/scale\n  until stdout | trim == 'yes'\n"), "{screen}");
}

#[test]
fn in_doubt() {
    let mut play = Play::expanded(Vec::new());
    play.act("scale[web]", "replicas 3 → 10", "kubectl scale deployment/web --replicas=10");
    play.say(Event::Resumed { by: person(), reason: None });
    let leaf = Leaf { step: "scale[web]".to_owned(), stage: Stage::Action, attempt: 1 };
    play.say(Event::Doubted { leaf });
    assert_snapshot!(play.rest(RunStatus::Waiting).screen(), @r"
    ◆ autolytiq/pre-scale-event waits for a person; nothing of it runs
      run r7k2m9qd, 1 of 7 steps done

    ? scale[web] is in doubt: the run broke off while its command ran. Did it take
    effect?
      $ kubectl scale deployment/web --replicas=10
        it was to change: replicas 3 → 10

    Changed
      scale[web]  replicas 3 → 10 (in doubt)

    Next
      it took effect
        runbook resume r7k2m9qd --done 'scale[web]' --reason '...'
      it did not: run it      runbook resume r7k2m9qd --retry 'scale[web]'
      go on without it
        runbook resume r7k2m9qd --skip 'scale[web]' --reason '...'
      undo what was changed   runbook rollback r7k2m9qd
      every step              runbook status r7k2m9qd
    ");
}

#[test]
fn rolled_back() {
    let mut play = failed();
    play.roll_back(&["scale[cart]", "aurora", "scale[api]"]);
    for step in ["scale[cart]", "aurora", "scale[api]"] {
        play.undo(step, UndoResult::Done);
    }
    assert_snapshot!(play.rest(RunStatus::RolledBack).screen(), @r##"
    ↶ autolytiq/pre-scale-event failed and was rolled back, after 32s
      run r7k2m9qd, 3 of 3 changes undone

    scale[cart] failed: it exited with 1
      $ kubectl scale scale[cart] --replicas=10
      | Error from server (Forbidden): deployments.apps "cart" is forbidden

    Undone, back to what it was
      scale[api]   replicas 10 → 3
      aurora       ACU 8 → 2
      scale[cart]  replicas 10 → 3

    Next
      all that it printed   runbook logs r7k2m9qd 'scale[cart]'
      every step            runbook status r7k2m9qd
    "##);
}

#[test]
fn rolled_back_in_part() {
    let mut play = failed();
    play.roll_back(&["scale[cart]", "aurora", "scale[api]"]);
    play.undo("scale[cart]", UndoResult::Done);
    play.undo("aurora", UndoResult::Failed("it exited with 1".to_owned()));
    play.say(Event::Undone {
        step: "scale[api]".to_owned(),
        result: UndoResult::Left("it only adds".to_owned()),
        command: None,
    });
    assert_snapshot!(play.rest(RunStatus::RollbackFailed).screen(), @r##"
    ✗ autolytiq/pre-scale-event was rolled back IN PART only, after 30s
      run r7k2m9qd, 1 of 3 changes undone

    scale[cart] failed: it exited with 1
      $ kubectl scale scale[cart] --replicas=10
      | Error from server (Forbidden): deployments.apps "cart" is forbidden

    Could not be undone
      aurora: it exited with 1
        by hand: kubectl scale aurora --replicas=3

    Undone, back to what it was
      scale[cart]  replicas 10 → 3

    Left as it is
      scale[api]  it only adds

    Next
      try to undo it again   runbook rollback r7k2m9qd
      done by hand: go on    runbook resume r7k2m9qd --done aurora --reason '...'
      all that it printed    runbook logs r7k2m9qd aurora
      every step             runbook status r7k2m9qd
    "##);
}

#[test]
fn an_engine_that_died_leaves_a_doubt_and_a_way_on() {
    let mut play = Play::expanded(Vec::new());
    play.act("aurora", "ACU 2 → 8", "aws rds modify-db-cluster");
    let screen = play.screen();
    assert!(screen.contains("was left in the middle") && screen.contains("? aurora is in doubt"), "{screen}");
}

#[test]
fn a_change_without_words_is_told_by_its_command() {
    let mut runbook = runbook();
    runbook.steps[4].title = None;
    runbook.steps[4].needs.clear();
    let mut play = Play::opened(&runbook, Vec::new());
    play.start("warm-caches").intend("warm-caches", Stage::Action, "npm run cache:warm").done("warm-caches");
    assert!(play.screen().contains("warm-caches  npm run cache:warm"), "{}", play.screen());
}

#[test]
fn a_command_that_does_not_fit_beside_its_meaning_stands_below_it() {
    let mut play = failed();
    play.rest(RunStatus::Failed);
    let (rows, columns) = (24, 48);
    let screen = end_screen(&play.end(), &play.timeline, UTF8, Size { columns, rows });
    let next: Vec<&str> = screen.lines().skip_while(|line| *line != "Next").skip(1).take(2).collect();
    assert_eq!(next, ["  all that it printed", "    runbook logs r7k2m9qd 'scale[cart]'"], "{screen}");
}

#[test]
fn it_fits_however_much_there_is_to_say() {
    let mut play = Play::opened(&crate::report::fixture::runbook(), Vec::new());
    play.start("reach").done("reach");
    let item = |n: u32| crate::machine::Item { key: format!("service-{n}"), value: n.into() };
    play.say(Event::Expanded { step: "scale".to_owned(), items: (0..60).map(item).collect() });
    for number in 0..30 {
        play.change(&format!("scale[service-{number}]"), "replicas 3 → 10");
    }
    for number in 30..60 {
        play.fail(&format!("scale[service-{number}]"), &"a long line of output, again and again ".repeat(40));
    }
    let screen = play.rest(RunStatus::Failed).screen();
    assert!(screen.lines().count() < SMALL.rows, "{screen}");
    assert!(screen.lines().all(|line| width(line) <= SMALL.columns), "{screen}");
    assert!(screen.contains("runbook logs r7k2m9qd 'scale[service-30]'"), "{screen}");
    let whole = end_screen(&play.end(), &play.timeline, UTF8, Size::ENDLESS);
    assert!(whole.lines().count() > 60, "nothing is cut in a pipe");
}

#[test]
fn a_failed_step_says_what_the_runbook_says_of_it() {
    let mut runbook = runbook();
    runbook.steps[0].about = Some(
        "Two autoscalers over one deployment stop each other:\nboth stand still, and say so in their conditions. Find out who \
         made the second one.\n\nHistory: it happened in May."
            .to_owned(),
    );
    let mut play = Play::opened(&runbook, Vec::new());
    play.start("reach").finish("reach", Finish::Failed("the gate does not hold: 2 items".to_owned()));
    assert_snapshot!(play.rest(RunStatus::Failed).screen(), @r"
    ✗ autolytiq/pre-scale-event failed after 0ms and is paused
      run r7k2m9qd, 0 of 5 steps done

    reach failed: the gate does not hold: 2 items
      Two autoscalers over one deployment stop each other: both stand still, and say
      so in their conditions. Find out who made the second one.

    Next
      try again and go on   runbook resume r7k2m9qd
    ");
}

#[test]
fn a_gate_that_held_only_just_is_told_at_the_end() {
    let mut book = runbook();
    let reach = &mut book.steps[0];
    let gate =
        Gate { warn: Some(crate::model::Expr(crate::model::Text::new("free < 20"))), ..Gate::default() };
    reach.body.action = Action::Gate(Box::new(gate));
    let mut play = Play::opened(&book, Vec::new());
    play.start("reach").intend("reach", Stage::Action, "df /").pass(1_000);
    play.judge("reach", Stage::Action, Verdict::Warns, "free 12", 1).done("reach");
    assert_snapshot!(play.rest(RunStatus::Interrupted).screen(), @r"
    ■ autolytiq/pre-scale-event was stopped after 1s and is paused
      run r7k2m9qd, 1 of 5 steps done

    Held, but only just
      reach: free 12 (warns if free < 20)

    Next
      go on where it is   runbook resume r7k2m9qd
      every step          runbook status r7k2m9qd
    ");
    // Asked again it held well: nothing is left to warn of.
    play.say(Event::Resumed { by: person(), reason: None });
    let leaf = Leaf { step: "reach".to_owned(), stage: Stage::Action, attempt: 2 };
    let seen = "free 40".to_owned();
    let mut timeline = play.timeline.clone();
    let held =
        Event::Judged { leaf, verdict: Verdict::Holds, seen, polls: 1, outputs: crate::model::Map::new() };
    timeline.apply(play.now, &held);
    assert!(timeline.warnings.is_empty());
}

#[test]
fn what_failed_beside_the_first_says_what_the_runbook_says_of_it_too() {
    let mut book = runbook();
    book.steps[2].about = Some("This only matters at night: look at it in the morning.".to_owned());
    let mut play = Play::opened(&book, Vec::new());
    play.start("reach").done("reach").start("aurora");
    play.say(Event::Expanded { step: "scale".to_owned(), items: Vec::new() });
    play.finish("aurora", Finish::Failed("it exited with 2".to_owned()));
    let mut second = play.state.clone();
    second.first_failure = Some(("reach".to_owned(), "it exited with 1".to_owned()));
    let end = EndInfo { state: &second, ..play.end() };
    assert_snapshot!(end_screen(&end, &Timeline::default(), UTF8, SMALL), @r"
    ■ autolytiq/pre-scale-event was left in the middle, after 0ms
      run r7k2m9qd, 1 of 4 steps done

    reach failed: it exited with 1

    Failed too
      aurora: it exited with 2
        This only matters at night: look at it in the morning.

    Next
      go on where it is   runbook resume r7k2m9qd
      every step          runbook status r7k2m9qd
    ");
}
