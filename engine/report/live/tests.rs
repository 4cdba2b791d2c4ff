mod gates;

use insta::assert_snapshot;

use super::vt::Vt;
use super::*;
use crate::machine::{Decision, Finish, Stage};
use crate::machine::{Item, Question, RunStatus, Verdict};
use crate::report::fixture::{Play, UTF8, person, runbook};

fn on(vt: &Vt) -> Play {
    Play::expanded(vec![live(vt.terminal(UTF8))])
}

/// A run in the middle: one instance is done, one waits for its gate, one prints, a step is tried again.
fn middle(vt: &Vt) -> Play {
    let mut play = on(vt);
    play.change("scale[api]", "replicas 3 → 10");
    play.act("scale[cart]", "replicas 3 → 10", "kubectl scale deployment/cart --replicas=10");
    play.exit("scale[cart]", Stage::Action, 0, "scaled");
    play.intend("scale[cart]", Stage::Verify, "kubectl get deployment/cart -o json");
    play.poll("scale[cart]", Stage::Verify, Verdict::DoesNotHold, "ready 7 of 10, wants >= 10");
    play.act("scale[web]", "replicas 3 → 10", "kubectl scale deployment/web --replicas=10");
    play.print("scale[web]", b"first\nsecond 10%\rsecond 80%");
    play.act("aurora", "ACU 2 → 8", "aws rds modify-db-cluster");
    play.exit("aurora", Stage::Action, 255, "An error occurred (Throttling)");
    let leaf = Leaf { step: "aurora".to_owned(), stage: Stage::Action, attempt: 1 };
    play.say(Event::RetryScheduled { leaf, ms: 10_000 });
    play
}

#[test]
fn what_runs_stands_below_what_ended() {
    let vt = Vt::new(80, 24);
    let mut play = middle(&vt);
    play.tick(3_200);
    assert_snapshot!(vt.text(), @r"
    autolytiq/pre-scale-event  run r7k2m9qd
    by ada@ops1 (sale on Friday); target cluster prod-eu

    Preflight
      ✓ reach                       1.2s  yes
    24 hours before
      ✓ scale[api]                   11s  replicas 3 → 10
      ● aurora attempt 1 failed; the next in 10s
          | An error occurred (Throttling)

    ✓ Preflight  1 of 1
    ● 24 hours before  0 of 2
      ● scale                     ━━━──────  1/3, 2 at work
        ● scale[cart]                 8s  verifying  ready 7 of 10, wants >= 10
        ● scale[web]                  6s  second 80%
      ● aurora                        4s  tries again  attempt 2  in 7s
    · Just before  0 of 2
      · go                                waits for scale, aurora
      · warm-caches                       waits for go
    autolytiq/pre-scale-event  r7k2m9qd  1 of 5 steps  20s
    ");
    assert!(!vt.has_cursor());
}

#[test]
fn nothing_is_left_behind_at_the_end() {
    let vt = Vt::new(80, 24);
    let mut play = middle(&vt);
    play.tick(1_000).exit("scale[web]", Stage::Action, 1, "Error from server: no\n");
    play.finish("scale[web]", Finish::Failed("it exited with 1".to_owned()));
    play.judge("scale[cart]", Stage::Verify, Verdict::Holds, "ready 10", 9).done("scale[cart]");
    play.tick(1_000).finish("aurora", Finish::Stopped).rest(RunStatus::Failed).close();
    let text = vt.text();
    assert_snapshot!(text.split_once("cluster prod-eu\n").expect("the head").1.trim_start(), @r"
    Preflight
      ✓ reach                       1.2s  yes
    24 hours before
      ✓ scale[api]                   11s  replicas 3 → 10
      ● aurora attempt 1 failed; the next in 10s
          | An error occurred (Throttling)
      ✗ scale[web]                  4.2s  it exited with 1
          $ kubectl scale deployment/web --replicas=10
          | Error from server: no
      ✓ scale[cart]                 5.8s  replicas 3 → 10
      ■ aurora                      3.6s  stopped

    ✗ autolytiq/pre-scale-event failed after 19s and is paused
      run r7k2m9qd, 3 of 7 steps done

    scale[web] failed: it exited with 1
      $ kubectl scale deployment/web --replicas=10
      | Error from server: no

    Changed
      scale[api]   replicas 3 → 10
      scale[cart]  replicas 3 → 10
      scale[web]   replicas 3 → 10 (failed)
      aurora       ACU 2 → 8 (stopped)

    Next
      all that it printed     runbook logs r7k2m9qd 'scale[web]'
      try again and go on     runbook resume r7k2m9qd
      undo what was changed   runbook rollback r7k2m9qd
    ");
    assert!(vt.has_cursor());
}

#[test]
fn a_narrower_terminal_keeps_no_torn_rows() {
    let wide = Vt::new(120, 24);
    let mut play = middle(&wide);
    play.tick(1_000);
    for (columns, rows) in [(40, 24), (23, 9), (150, 50), (60, 24)] {
        wide.resize(columns, rows);
        play.tick(1_000);
        let text = wide.text();
        assert_eq!(text.matches("steps").count().max(1), 1, "at {columns}: one footer\n{text}");
        assert_eq!(text.matches("cart").count(), 1, "at {columns}: one row of each\n{text}");
    }
}

#[test]
fn it_is_never_taller_or_wider_than_the_terminal() {
    for (columns, rows) in [(80, 24), (80, 5), (20, 10), (9, 3), (5, 2), (200, 60)] {
        let vt = Vt::new(columns, rows);
        let mut play = Play::opened(&runbook(), vec![live(vt.terminal(UTF8))]);
        play.start("reach").done("reach");
        let item = |n: u32| Item { key: format!("service-{n}"), value: n.into() };
        play.say(Event::Expanded { step: "scale".to_owned(), items: (0..60).map(item).collect() });
        play.tick(1_000);
        let before = vt.text().lines().count();
        for number in 0..60 {
            play.start(&format!("scale[service-{number}]"));
        }
        play.tick(1_000);
        let block = vt.text().lines().count() + 1 - before;
        assert!(block < rows.max(3), "{block} rows of {rows}\n{}", vt.text());
    }
}

#[test]
fn many_instances_are_told_in_one_line_but_not_their_failures() {
    let vt = Vt::new(80, 24);
    let mut play = Play::opened(&runbook(), vec![live(vt.terminal(UTF8))]);
    play.start("reach").done("reach");
    let item = |n: u32| Item { key: n.to_string(), value: n.into() };
    play.say(Event::Expanded { step: "scale".to_owned(), items: (0..20).map(item).collect() });
    for number in 0..18 {
        play.start(&format!("scale[{number}]")).pass(200).done(&format!("scale[{number}]"));
    }
    play.fail("scale[18]", "no").start("scale[19]").tick(1_000);
    let text = vt.text();
    assert_snapshot!(text.split_once("  ✓ reach").expect("reach").1, @r"
                            0ms
    24 hours before
      ✗ scale[18]                   1.6s  it exited with 1
          $ kubectl scale scale[18] --replicas=10
          | no

    ✓ Preflight  1 of 1
    ● 24 hours before  0 of 2
      ✗ scale                     ━━━━━━━━─  19/20, 1 failed, 1 at work
        ✗ scale[18]: it exited with 1
        ● scale[19]                   1s
      · aurora
    · Just before  0 of 2
      · go                                waits for scale, aurora
      · warm-caches                       waits for go
    autolytiq/pre-scale-event  r7k2m9qd  1 of 5 steps  6s
    ");
}

#[test]
fn a_childs_output_stays_text() {
    let vt = Vt::new(80, 24);
    let mut play = on(&vt);
    play.act("aurora", "a \x1b[2J", "aws \x1b]0;x\x07");
    play.print("aurora", b"\x1b[2J\x1b[H\x1b[31mowned\x1b[0m\xff\x07\n").tick(1_000);
    let text = vt.text();
    assert!(text.contains("\\x1b[2J\\x1b[Howned\u{fffd}\\x07"), "{text}");
    play.print("aurora", &vec![b'x'; 1 << 20]).print("aurora", b"\nlast\n\n").tick(1_000);
    assert!(vt.text().contains("  last"), "{}", vt.text());
}

#[test]
fn a_question_leaves_the_terminal_to_the_prompt() {
    let vt = Vt::new(80, 24);
    let mut play = middle(&vt);
    for step in ["scale[cart]", "scale[web]", "aurora"] {
        play.done(step);
    }
    let (step, prompt) = ("go".to_owned(), "Capacity is up. Go?".to_owned());
    play.start("go")
        .say(Event::Asked { step, question: Question::Approval, prompt, covers: Vec::new(), ms: None })
        .tick(1_000);
    assert!(vt.text().contains("◆ go") && vt.text().contains("Capacity is up. Go?"), "{}", vt.text());
    play.reporters[0].suspend();
    play.tick(1_000);
    let text = vt.text();
    assert!(vt.has_cursor() && text.ends_with('\n') && !text.contains("Capacity"), "{text}");
    play.reporters[0].unsuspend();
    play.tick(0);
    assert!(vt.text().contains("Capacity is up. Go?"));
    play.reporters.clear();
    assert!(vt.has_cursor() && !vt.text().contains("Capacity"), "dropped: {}", vt.text());
}

#[test]
fn who_is_asked_something_reads_at_once_what_failed_meanwhile() {
    let vt = Vt::new(80, 24);
    let mut play = middle(&vt);
    play.tick(1_000).reporters[0].suspend();
    play.judge("scale[cart]", Stage::Verify, Verdict::Holds, "ready 10", 9).done("scale[cart]");
    assert!(!play.reporters[0].break_in(), "what went well can wait");
    play.exit("scale[web]", Stage::Action, 1, "no route to host\n");
    play.finish("scale[web]", Finish::Failed("it exited with 1".to_owned()));
    assert!(play.reporters[0].break_in());
    let text = vt.text();
    let [done, failed] = ["✓ scale[cart]", "✗ scale[web]"].map(|line| text.find(line));
    assert!(done.is_some() && done < failed && vt.has_cursor(), "{text}");
    assert!(text.contains("| no route to host") && !play.reporters[0].break_in(), "once\n{text}");
    play.reporters[0].aside("the journal can't be written now");
    assert!(play.reporters[0].break_in() && vt.text().contains("the journal can't be written now"));
}

#[test]
fn what_is_typed_while_it_draws_is_not_shown_and_tears_nothing() {
    let vt = Vt::new(80, 24);
    let mut play = middle(&vt);
    assert!(vt.echoes());
    play.tick(1_000);
    let before = vt.text().lines().count();
    for _ in 0..5 {
        vt.enter();
        play.tick(1_000);
    }
    let text = vt.text();
    assert_eq!((text.lines().count(), text.matches(" steps ").count()), (before, 1), "{text}");
    play.reporters[0].suspend();
    assert!(vt.echoes(), "a prompt shows what is typed");
    play.reporters[0].unsuspend();
    play.tick(1_000);
    assert!(!vt.echoes());
    play.rest(RunStatus::Failed).close();
    assert!(vt.echoes());
}

#[test]
fn events_draw_nothing_and_ticks_no_more_than_they_must() {
    let vt = Vt::new(80, 24);
    let mut play = on(&vt);
    assert_eq!(vt.writes(), 0, "an event draws nothing");
    play.tick(1_000).tick(20).tick(20).tick(20);
    assert_eq!(vt.writes(), 1, "ticks that come too early draw nothing");
    play.tick(100);
    let drawn = vt.writes();
    play.tick(100).tick(100);
    assert_eq!(vt.writes(), drawn, "a frame like the one before is not written");
}

#[test]
fn a_resumed_run_begins_with_its_title_and_counts_its_own_time() {
    let vt = Vt::new(80, 24);
    let mut reporter = live(vt.terminal(UTF8));
    let mut play = Play::expanded(Vec::new());
    play.fail("scale[api]", "no").rest(RunStatus::Failed);
    for (at, event) in &play.events {
        reporter.past(&Earlier { epoch: 1, seq: 1, at: *at, event });
    }
    play.reporters.push(reporter);
    play.pass(3_600_000).say(Event::Resumed { by: person(), reason: Some("the API is back".to_owned()) });
    let (step, by) = ("scale[api]".to_owned(), Some(person()));
    play.say(Event::Decided { step, decision: Decision::Retry, by, reason: None });
    play.intend("scale[api]", Stage::Action, "kubectl scale deployment/api").tick(2_000);
    assert_snapshot!(vt.text(), @r"
    autolytiq/pre-scale-event  run r7k2m9qd
    taken up again by ada@ops1 (the API is back)
    24 hours before
      ◆ scale[api] decided: run it again, by ada@ops1

    ✓ Preflight  1 of 1
    ● 24 hours before  0 of 2
      ● scale                     ─────────  0/3, 1 at work
        ● scale[api]                  2s  attempt 2
      · aurora
    · Just before  0 of 2
      · go                                waits for scale, aurora
      · warm-caches                       waits for go
    autolytiq/pre-scale-event  r7k2m9qd  1 of 5 steps  2s
    ");
    play.exit("scale[api]", Stage::Action, 0, "").done("scale[api]").rest(RunStatus::Failed).close();
    assert!(vt.text().contains("✓ scale[api]                    2s  replicas"), "{}", vt.text());
}

#[test]
fn who_watches_sees_the_time_of_the_engine_that_has_the_run_now() {
    let vt = Vt::new(80, 24);
    let mut play = on(&vt);
    play.reporters[0].usual(Arc::new(OnceLock::from(Usual::default())));
    play.act("aurora", "ACU 2 → 8", "aws rds").tick(1_000);
    // Its engine died, and a night passed.
    play.pass(9 * 3_600_000).say(Event::Resumed { by: person(), reason: None });
    play.tick(3_000);
    let text = vt.text();
    assert!(!text.contains("● aurora") && text.ends_with("1 of 5 steps  3s"), "{text}");
    play.rest(RunStatus::Interrupted).pass(3_600_000).roll_back(&["aurora"]).tick(2_000);
    assert!(vt.text().ends_with("undone  2s"), "{}", vt.text());
}

#[test]
fn what_waits_for_a_place_says_so_and_what_is_told_of_a_step_stands_below_its_phase() {
    let mut book = runbook();
    book.steps[2].needs.clear();
    let vt = Vt::new(80, 24);
    let mut play = Play::opened(&book, vec![live(vt.terminal(UTF8))]);
    play.start("reach").tick(1_000);
    let row = |vt: &Vt| vt.text().lines().find(|line| line.contains("· aurora")).map(str::to_owned);
    assert!(!row(&vt).expect("it has not begun").contains("waits"), "eight may be at work");
    let item = |n: u32| Item { key: n.to_string(), value: n.into() };
    play.done("reach").say(Event::Expanded { step: "scale".to_owned(), items: (0..9).map(item).collect() });
    for number in 0..8 {
        play.start(&format!("scale[{number}]"));
    }
    play.tick(1_000);
    assert!(
        row(&vt).is_some_and(|row| row.ends_with("waits for one of those at work to end")),
        "{}",
        vt.text()
    );
    play.intend("scale[0]", Stage::Action, "kubectl").exit("scale[0]", Stage::Action, 1, "");
    let leaf = Leaf { step: "scale[0]".to_owned(), stage: Stage::Action, attempt: 1 };
    play.say(Event::RetryScheduled { leaf, ms: 10_000 }).tick(1_000);
    assert!(vt.text().contains("24 hours before\n  ● scale[0] attempt 1 failed"), "{}", vt.text());
}

#[test]
fn what_must_be_read_is_not_dim() {
    let sink = crate::report::fixture::Sink::default();
    let terminal = Terminal {
        out: Box::new(sink.clone()),
        size: Box::new(|| crate::report::Size { columns: 80, rows: 24 }),
        front: Box::new(|| true),
        echo: Box::new(|_| {}),
        paint: Paint { colour: true, unicode: true },
    };
    let mut book = runbook();
    book.steps[3].needs.clear();
    let mut play = Play::opened(&book, vec![live(terminal)]);
    play.start("reach").done("reach");
    let api = Item { key: "api".to_owned(), value: "api".into() };
    play.say(Event::Expanded { step: "scale".to_owned(), items: vec![api] });
    play.act("aurora", "ACU 2 → 8", "aws").exit("aurora", Stage::Action, 0, "");
    play.intend("aurora", Stage::Verify, "aws describe");
    play.poll("aurora", Stage::Verify, Verdict::DoesNotHold, "ready 7");
    play.act("scale[api]", "replicas 3 → 10", "kubectl").print("scale[api]", b"its last line\n");
    play.start("go").say(Event::Asked {
        step: "go".to_owned(),
        question: Question::Approval,
        prompt: "Capacity is up. Go?".to_owned(),
        covers: Vec::new(),
        ms: None,
    });
    play.tick(1_000).say(Event::StopRequested { by: "Ctrl-C".to_owned(), hard: false }).tick(1_000);
    let text = sink.text();
    let dim = |words: &str| {
        let before = &text[..text.find(words).unwrap_or_else(|| panic!("{words:?} is not there: {text}"))];
        let style = &before[before.rfind("\x1b[").expect("something is drawn before")..];
        style.starts_with("\x1b[2m")
    };
    assert!(!dim("ready 7") && !dim("Capacity is up") && !dim("Ctrl-C again stops it"), "{text}");
    assert!(dim("its last line") && dim("of 5 steps"), "{text}");
}

#[test]
fn why_nothing_moves_is_told_until_something_does() {
    let vt = Vt::new(80, 24);
    let mut play = on(&vt);
    play.fail("scale[api]", "no").tick(1_000).reporters[0]
        .waits("what becomes of scale[api] is decided elsewhere");
    play.tick(1_000);
    assert!(vt.text().contains("◆ what becomes of scale[api] is decided elsewhere"), "{}", vt.text());
    play.reporters[0].waits("");
    play.tick(1_000);
    assert!(!vt.text().contains("decided elsewhere"), "{}", vt.text());
}

#[test]
fn a_command_that_goes_with_why_nothing_moves_is_never_cut() {
    for (columns, rows) in [(120, 30), (80, 24), (60, 15), (45, 12)] {
        let vt = Vt::new(columns, rows);
        let mut play = on(&vt);
        play.fail("scale[api]", "no").tick(1_000);
        let command = "runbook --store '/var/lib/a folder/journal.db' cancel r7k2m9qd";
        let why = "it is asked at the run's own terminal what becomes of it; to decide it here:";
        play.reporters[0]
            .waits(&format!("scale[api] failed, and {why}\n  {command}\n  runbook resume r7k2m9qd"));
        play.tick(1_000);
        let text = vt.text();
        let at = text.find("    runbook").unwrap_or_else(|| panic!("at {columns}:\n{text}"));
        let lines: Vec<&str> = text[at..].lines().map(str::trim).collect();
        let pasted = lines.join("\n").replace(" \\\n", " ");
        assert!(
            pasted.starts_with(&format!("{command}\nrunbook resume r7k2m9qd\n")),
            "at {columns}:\n{text}"
        );
    }
}

#[test]
fn without_unicode_and_with_colour() {
    let vt = Vt::new(80, 24);
    let paint = Paint { colour: true, unicode: false };
    let mut play = Play::expanded(vec![live(vt.terminal(paint))]);
    play.change("scale[api]", "replicas 3 → 10").fail("scale[cart]", "naïve\n");
    play.act("scale[web]", "replicas 3 → 10", "kubectl").print("scale[web]", "50% – ok".as_bytes());
    play.tick(1_000).say(Event::StopRequested { by: "Ctrl-C".to_owned(), hard: false }).tick(1_000);
    let text = vt.text();
    assert!(text.is_ascii(), "{text}");
    assert!(text.contains("+ scale[api]") && text.contains("x scale[cart]"), "{text}");
    assert!(text.contains("replicas 3 -> 10") && text.contains("50% - ok"), "{text}");
    assert!(text.contains("waiting for what runs; Ctrl-C again stops it"), "{text}");
    play.rest(RunStatus::Interrupted).close();
    assert!(vt.text().is_ascii() && vt.has_cursor(), "{}", vt.text());
}

#[test]
fn a_big_run_costs_no_more_to_draw() {
    let steps = |count: u32| -> usize {
        let vt = Vt::new(80, 24);
        let mut play = Play::opened(&runbook(), vec![live(vt.terminal(UTF8))]);
        play.start("reach").done("reach");
        let item = |n: u32| Item { key: n.to_string(), value: n.into() };
        play.say(Event::Expanded { step: "scale".to_owned(), items: (0..count).map(item).collect() });
        for number in 0..count - 1 {
            play.start(&format!("scale[{number}]")).done(&format!("scale[{number}]"));
            if number % 100 == 0 {
                play.tick(100);
            }
        }
        play.tick(1_000);
        vt.text().lines().count()
    };
    assert_eq!(steps(10_000), steps(20));
}

#[test]
fn ten_thousand_steps_write_no_more_than_what_changes() {
    let vt = Vt::new(80, 24);
    let mut play = Play::opened(&runbook(), vec![live(vt.terminal(UTF8))]);
    play.start("reach").done("reach");
    let item = |n: u32| Item { key: n.to_string(), value: n.into() };
    play.say(Event::Expanded { step: "scale".to_owned(), items: (0..10_000).map(item).collect() });
    for number in 0..9_000 {
        play.start(&format!("scale[{number}]")).done(&format!("scale[{number}]"));
    }
    play.start("scale[9000]").tick(1_000);
    let (writes, bytes) = (vt.writes(), vt.bytes());
    for number in 9_000..9_900 {
        // Ten times faster than frames: what nobody could see is not drawn.
        play.done(&format!("scale[{number}]")).start(&format!("scale[{}]", number + 1)).tick(10);
    }
    let (writes, bytes) = (vt.writes() - writes, vt.bytes() - bytes);
    assert!(writes <= 9_000 / 80 + 1, "{writes} frames in nine seconds");
    assert!(bytes / writes < 400, "{bytes} bytes in {writes} frames");
}

#[test]
fn ten_thousand_steps_in_a_hundred_phases_are_a_block_like_any_other() {
    let step = |number: usize| crate::model::Step {
        id: format!("s{number}"),
        phase: Some(format!("Phase {}", number / 100)),
        ..Default::default()
    };
    let book = crate::model::Runbook {
        name: "many".to_owned(),
        steps: (0..10_000).map(step).collect(),
        ..Default::default()
    };
    let vt = Vt::new(80, 24);
    let mut play = Play::opened(&book, vec![live(vt.terminal(UTF8))]);
    for number in 0..5_050 {
        play.start(&format!("s{number}")).done(&format!("s{number}"));
    }
    play.start("s5050").tick(1_000);
    let text = vt.text();
    let block: Vec<&str> = text.split("\n\n").last().expect("a block").lines().collect();
    assert!(block.len() <= 18, "{block:#?}");
    assert_eq!(block[..2], ["● Phase 50  50 of 100", "  ● s5050                         1s"], "{block:#?}");
    assert!(block.iter().any(|line| line.ends_with("… and 43 more phases")), "{block:#?}");
    let before = (vt.writes(), vt.bytes());
    for _ in 0..50 {
        play.tick(1_000);
    }
    let (writes, bytes) = (vt.writes() - before.0, vt.bytes() - before.1);
    assert!(
        writes == 50 && bytes < 50 * 200,
        "only the clocks are written: {bytes} bytes in {writes} frames"
    );
}

#[test]
fn how_long_things_usually_take_is_told_once_it_is_known() {
    let mut past = crate::report::Past::default();
    let mut before = Play::opened(&runbook(), Vec::new());
    before.start("reach").done("reach").start("aurora").pass(252_000).done("aurora");
    past.begin();
    before.events.iter().for_each(|(at, event)| past.apply(*at, event));
    let usual = Arc::new(OnceLock::new());
    let vt = Vt::new(80, 24);
    let mut play = Play::opened(&runbook(), vec![live(vt.terminal(UTF8))]);
    play.reporters[0].usual(Arc::clone(&usual));
    play.start("reach").done("reach").act("aurora", "ACU 2 → 8", "aws").tick(1_000);
    assert!(!vt.text().contains("usually"), "{}", vt.text());
    usual.set(past.usual()).expect("it is not known yet");
    play.tick(1_000);
    assert!(vt.text().contains("● aurora                        3s  usually 4m 12s"), "{}", vt.text());
}

#[test]
fn on_the_way_back_it_is_counted_what_is_undone() {
    let vt = Vt::new(80, 24);
    let mut play = on(&vt);
    play.change("scale[api]", "replicas 3 → 10").change("aurora", "ACU 2 → 8").rest(RunStatus::Interrupted);
    play.roll_back(&["aurora", "scale[api]"]).undo("aurora", crate::machine::UndoResult::Done);
    play.intend("scale[api]", Stage::Undo, "kubectl scale").tick(2_000);
    assert!(vt.text().contains("1 of 2 undone"), "{}", vt.text());
    assert!(vt.text().contains("24 hours before  1 of 2"), "{}", vt.text());
}
