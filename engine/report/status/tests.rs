use insta::assert_snapshot;

use super::*;
use crate::machine::{Event, Item, Question, Stage};
use crate::report::fixture::{Play, RUN, UTF8, runbook};
use crate::report::paint::width;

fn page(play: &Play, alive: bool) -> StatusPage {
    let about = About { run: RUN, program: "runbook", alive, now: play.now };
    StatusPage::of(about, &play.state, &play.graph, &play.timeline)
}

fn middle() -> Play {
    let mut play = Play::expanded(Vec::new());
    play.change("scale[api]", "replicas 3 → 10");
    play.fail("scale[cart]", "no");
    play.act("scale[web]", "replicas 3 → 10", "kubectl scale deployment/web --replicas=10");
    play.capture("aurora", "ACU 2 → 8");
    play
}

#[test]
fn a_run_that_goes_on() {
    assert_snapshot!(page(&middle(), true).text(UTF8, 80), @r##"
    ● autolytiq/pre-scale-event: running
      run r7k2m9qd, started 2026-10-01 12:03:00 UTC (16s ago)
      by ada@ops1 (sale on Friday); target cluster prod-eu

    Needs attention
      ✗ scale[cart] failed: it exited with 1

    Preflight
      ✓ reach              done                  1.2s  yes

    24 hours before
      ✗ scale (3)          1 failed, 1 running, 1 done
        ✓ scale[api]       done                   11s  replicas 3 → 10
        ✗ scale[cart]      failed                1.6s  it exited with 1
        ● scale[web]       running                 2s  kubectl scale deployment/web…
      ● aurora             running              400ms  kubectl get aurora -o json

    Just before
      · go                 waiting                     for scale, aurora
      · warm-caches        waiting                     for go
    "##);
}

#[test]
fn a_run_whose_engine_died() {
    assert_snapshot!(page(&middle(), false).text(UTF8, 80), @r"
    ? autolytiq/pre-scale-event: no engine drives it
      run r7k2m9qd, started 2026-10-01 12:03:00 UTC (16s ago), took 16s
      by ada@ops1 (sale on Friday); target cluster prod-eu

    Needs attention
      ✗ scale[cart] failed: it exited with 1

    In doubt: did it take effect?
      ? scale[web]
        $ kubectl scale deployment/web --replicas=10
        its command, attempt 1, begun 2026-10-01 12:03:14 UTC
        no process of it was recorded: it may never have begun
        it was to change: replicas 3 → 10

    Preflight
      ✓ reach              done                  1.2s  yes

    24 hours before
      ✗ scale (3)          1 failed, 1 in doubt, 1 done
        ✓ scale[api]       done                   11s  replicas 3 → 10
        ✗ scale[cart]      failed                1.6s  it exited with 1
        ? scale[web]       in doubt                2s  kubectl scale deployment/web…
      ■ aurora             stopped              400ms

    Just before
      · go                 waiting                     for scale, aurora
      · warm-caches        waiting                     for go

    Next
      ask its gate and go on   runbook resume r7k2m9qd
      undo what was changed    runbook rollback r7k2m9qd
    ");
}

#[test]
fn a_question_and_folded_instances() {
    let mut play = Play::expanded(Vec::new());
    play.change("aurora", "ACU 2 → 8");
    for step in ["scale[api]", "scale[cart]", "scale[web]"] {
        play.change(step, "replicas 3 → 10");
    }
    let (step, prompt) = ("go".to_owned(), "Capacity is up. Warm the caches in prod?".to_owned());
    play.start("go").say(Event::Asked {
        step,
        question: Question::Approval,
        prompt,
        covers: Vec::new(),
        ms: None,
    });
    play.pass(60_000).rest(RunStatus::Waiting);
    assert_snapshot!(page(&play, false).text(UTF8, 80), @"
    ◆ autolytiq/pre-scale-event: waiting for a person
      run r7k2m9qd, started 2026-10-01 12:03:00 UTC (1m 47s ago), took 1m 47s
      by ada@ops1 (sale on Friday); target cluster prod-eu

    Needs attention
      ◆ go asks for approval: Capacity is up. Warm the caches in prod?
          asked 2026-10-01 12:03:47 UTC (1m ago)
          runbook approve r7k2m9qd go

    Preflight
      ✓ reach              done                  1.2s  yes

    24 hours before
      ✓ scale (3)          done                   11s  replicas 3 → 10
      ✓ aurora             done                   11s  ACU 2 → 8

    Just before
      ◆ go                 waits for a person      1m  Capacity is up. Warm the cac…
      · warm-caches        waiting                     for go

    Next
      say yes and go on       runbook resume r7k2m9qd --approve go
      undo what was changed   runbook rollback r7k2m9qd
    ");
}

#[test]
fn every_state_on_the_way_has_a_page_that_fits() {
    let mut play = Play::new(&runbook());
    let show = |play: &Play| {
        for columns in [80, 40, 20, 0] {
            let text = page(play, false).text(UTF8, columns);
            let steps = text.split("\nNext").next().unwrap_or_default();
            assert!(columns < 40 || steps.lines().all(|line| width(line) <= columns), "{text}");
        }
    };
    show(&play);
    play = Play::opened(&runbook(), Vec::new());
    show(&play);
    play = middle();
    show(&play);
    play.roll_back(&["scale[web]", "scale[cart]", "scale[api]"]);
    show(&play);
    play.state = State::new(&play.graph);
    show(&play);
}

#[test]
fn a_thousand_instances_are_no_thousand_lines() {
    let mut play = Play::opened(&runbook(), Vec::new());
    play.start("reach").done("reach");
    let item = |n: u32| Item { key: n.to_string(), value: n.into() };
    play.say(Event::Expanded { step: "scale".to_owned(), items: (0..1000).map(item).collect() });
    play.start("scale[0]").done("scale[0]").fail("scale[1]", "no").start("scale[2]");
    play.intend("scale[2]", Stage::Action, "kubectl scale");
    let text = page(&play, true).text(UTF8, 100);
    assert!(text.lines().count() < 24, "{text}");
    assert!(
        text.contains("scale (1000)") && text.contains("1 failed, 1 running, 1 done, 997 ready"),
        "{text}"
    );
}

#[test]
fn machines_read_the_same() {
    let value = serde_json::to_value(page(&middle(), false)).unwrap();
    assert_eq!(value["version"], 1);
    assert_eq!(value["steps"][1]["instances"][2]["standing"], "in-doubt");
    assert_eq!(value["steps"][1]["instances"][1]["detail"], "it exited with 1");
    assert_eq!(value["steps"][4]["instances"][0]["standing"], "waiting");
    let whole: Vec<&str> = (0..5).filter_map(|at| value["steps"][at]["standing"].as_str()).collect();
    assert_eq!(whole, ["done", "failed", "stopped", "waiting", "waiting"]);
    assert!(value.get("next").is_none());
}

#[test]
fn a_step_stands_where_the_one_of_its_instances_does_that_is_to_be_looked_at_first() {
    use Standing::*;
    for (all, whole) in [
        (&[][..], None),
        (&[Done, Failed, Running, Waiting], Some(Failed)),
        (&[Done, Asking, Running], Some(Asking)),
        (&[Done, Running, Waiting], Some(Running)),
        (&[Done, Stopped, Ready], Some(Stopped)),
        (&[Done, Ready, Waiting], Some(Ready)),
        (&[Skipped, Waiting, Done], Some(Waiting)),
        (&[Skipped, Done, Satisfied], Some(Done)),
        (&[Undone, Undone], Some(Undone)),
    ] {
        assert_eq!(Standing::of_all(all.iter().copied()), whole, "{all:?}");
    }
}
