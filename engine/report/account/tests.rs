use insta::assert_snapshot;

use super::*;
use crate::machine::{Decision, Process};
use crate::report::fixture::{Play, RUN, person, runbook};

fn account(play: &Play) -> Account {
    let about = About { run: RUN, program: "runbook", alive: false, now: play.now };
    let vars = Map::from_iter([("env".to_owned(), "prod".into())]);
    let events = play.events.iter().map(|(at, event)| (*at, event));
    Account::of(about, (&runbook(), &vars), events).unwrap()
}

/// A run whose step failed, that was rolled back, and whose first change could not be.
fn rolled_back() -> Play {
    let mut play = Play::expanded(Vec::new());
    play.change("scale[api]", "replicas 3 → 10");
    play.fail("aurora", "An error occurred (AccessDenied)\nwhen calling ModifyDBCluster").pass(60_000);
    play.rest(RunStatus::Failed);
    play.roll_back(&["aurora", "scale[api]"]).undo("aurora", UndoResult::Done);
    play.undo("scale[api]", UndoResult::Failed("it exited with 1".to_owned()));
    play.rest(RunStatus::RollbackFailed);
    play
}

#[test]
fn the_first_failure_stands_first_and_what_is_left_is_told_with_its_command() {
    assert_snapshot!(account(&rolled_back()).markdown(), @r"
    # autolytiq/pre-scale-event: ✗ rolled back in part

    Pre-scale for a planned event

    | | |
    | --- | --- |
    | Run | r7k2m9qd |
    | Started by | ada on ops1 |
    | Reason | sale on Friday |
    | Started | 2026-10-01 12:03:00 UTC |
    | Came to rest | 2026-10-01 12:04:18 UTC |
    | Took | 1m 18s |
    | Steps | 1 of 2 changes undone |
    | Target | cluster prod-eu |
    | Vars | env=prod |
    | Runbook as run | 5eed, by runbook 0.1.0 |

    ## First failure

    **aurora** at 12:03:14: it exited with 1

    ```console
    $ kubectl scale aurora --replicas=10
    ```

    ```text
    An error occurred (AccessDenied)
    when calling ModifyDBCluster
    ```

    ## Not undone

    **scale\[api\]** undo failed: it exited with 1

    It had changed: replicas 3 → 10

    What it had run:

    ```console
    $ kubectl scale scale[api] --replicas=10
    ```

    Its undo printed last:

    ```text
    Unauthorized
    ```

    By hand:

    ```sh
    kubectl scale scale[api] --replicas=3
    ```

    ## Changes

    | Time | Step | State | Change | Command | Undone by |
    | --- | --- | --- | --- | --- | --- |
    | 12:03:13 | aurora | undone | replicas 3 → 10 | `kubectl scale aurora --replicas=10` | 12:04:16 `kubectl scale aurora --replicas=3` |

    ## Gates

    | Time | Gate | Wanted | Answer | Seen | Asked |
    | --- | --- | --- | --- | --- | ---: |
    | 12:03:01 | reach |  | holds | yes | 1 |
    | 12:03:12 | scale\[api\] |  | holds | ready 10, wants >= 10 | 3 |

    ## People

    Names are what each system said, asserted and not proven.

    - 12:03:00 autolytiq/pre-scale-event opened by ada@ops1 (sale on Friday); target cluster prod-eu
    - 12:04:14 rollback of 2 steps began, asked for by ada@ops1

    ## Timeline

    Times are UTC. Of what a command printed this is the end; `runbook logs r7k2m9qd STEP` has all of it.

    - 12:03:00 autolytiq/pre-scale-event opened by ada@ops1 (sale on Friday); target cluster prod-eu
    - 12:03:00 **reach** started `kubectl auth can-i patch deployments/scale`
    - 12:03:01 **reach** holds: yes
    - 12:03:01 **reach** done after 1.2s
    - 12:03:01 **scale** has 3 instances: api, cart, web
    - 12:03:01 **scale\[api\]** reading the state before `kubectl get scale[api] -o json`
    - 12:03:01 **scale\[api\]** change: replicas 3 → 10
    - 12:03:01 **scale\[api\]** started `kubectl scale scale[api] --replicas=10`
    - 12:03:02 **scale\[api\]** printed
      ```text
      scaled
      ```
    - 12:03:02 **scale\[api\]** verifying `kubectl get scale[api] -o json`
    - 12:03:07 **scale\[api\]** not yet: ready 7, wants >= 10
    - 12:03:12 **scale\[api\]** holds, asked 3 times: ready 10, wants >= 10
    - 12:03:12 **scale\[api\]** done after 11s
    - 12:03:12 **aurora** reading the state before `kubectl get aurora -o json`
    - 12:03:13 **aurora** change: replicas 3 → 10
    - 12:03:13 **aurora** started `kubectl scale aurora --replicas=10`
    - 12:03:14 **aurora** exited with 1 after 1.2s
      ```text
      An error occurred (AccessDenied)
      when calling ModifyDBCluster
      ```
    - 12:03:14 **aurora** FAILED after 1.6s: it exited with 1
    - 12:04:14 failed
    - 12:04:14 rollback of 2 steps began, asked for by ada@ops1
    - 12:04:14 **aurora** undoing `kubectl scale aurora --replicas=3`
    - 12:04:16 **aurora** printed
      ```text
      scaled
      ```
    - 12:04:16 **aurora** undone after 2s
    - 12:04:16 **scale\[api\]** undoing `kubectl scale scale[api] --replicas=3`
    - 12:04:18 **scale\[api\]** the undo exited with 1 after 1.2s
      ```text
      Unauthorized
      ```
    - 12:04:18 **scale\[api\]** COULD NOT BE UNDONE: it exited with 1
    - 12:04:18 rolled back in part
    ");
}

#[test]
fn what_is_in_doubt_is_told_with_what_is_known_and_what_settles_it() {
    let mut play = Play::expanded(Vec::new());
    play.act("aurora", "capacity 2 → 8", "aws rds modify-db-cluster --min 8");
    let leaf = Leaf { step: "aurora".to_owned(), stage: Stage::Action, attempt: 1 };
    let process = Process { pid: 4_711, started: 99, boot: "b007b007-1".to_owned(), host: "ops1".to_owned() };
    play.say(Event::Spawned { leaf: leaf.clone(), process });
    let told = account(&play);
    assert_eq!(told.doubts.len(), 1, "its engine is dead");
    assert_snapshot!(told.doubts[0].known().join("\n"), @r"
    its command, attempt 1, begun 2026-10-01 12:03:01 UTC
    process 4711 on ops1 (started 99 ticks after boot b007b007)
    it was to change: capacity 2 → 8
    ");
    let ways: Vec<&str> = told.doubts[0].settle.iter().map(|way| way.command.as_str()).collect();
    assert!(ways.contains(&"runbook resume r7k2m9qd --done aurora --reason '...'"), "{ways:?}");
    // Settled by a person it is no longer in doubt, and who did it stays in the record.
    play.say(Event::Resumed { by: person(), reason: None }).say(Event::Doubted { leaf });
    let (step, reason) = ("aurora".to_owned(), Some("seen in the console".to_owned()));
    play.say(Event::Decided { step, decision: Decision::Done, by: Some(person()), reason });
    let told = account(&play);
    assert!(told.doubts.is_empty());
    assert_snapshot!(told.people.last().unwrap().text, @"decided: take it as done, by ada@ops1 (seen in the console)");
}

#[test]
fn nothing_from_outside_breaks_out_of_where_it_stands() {
    let mut play = Play::expanded(Vec::new());
    let hostile = "<script>alert(1)</script> | `x` ```\n```\n# not a heading\n\x1b[2Jgone";
    play.fail("aurora", hostile).finish("scale[api]", Finish::Failed(hostile.to_owned()));
    let account = account(&play);
    let (md, html) = (account.markdown(), account.html());
    assert!(!html.contains("<script>") && !html.contains('\x1b'), "{html}");
    assert!(!md.contains('\x1b'), "{md}");
    // Outside fences the markup is text, and the fence is longer than what is in it.
    let mut fence: Option<String> = None;
    for line in md.lines().map(str::trim) {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 && !line[ticks.len()..].contains('`') => fence = Some(ticks),
            None => assert!(!line.contains("<script>") && !line.starts_with("# not"), "{line}"),
        }
    }
    assert_eq!(fence, None, "every fence is closed:\n{md}");
}

#[test]
fn a_page_fetches_nothing() {
    let html = account(&rolled_back()).html();
    for outside in ["http:", "https:", "src=", "href=", "url(", "@import", "<script"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(html.contains("prefers-color-scheme:dark") && html.contains("@media print"));
}

#[test]
fn a_change_that_failed_and_was_left_out_says_both_and_when_it_was_begun() {
    let mut play = Play::expanded(Vec::new());
    play.fail("aurora", "AccessDenied").pass(60_000).rest(RunStatus::Failed);
    play.say(Event::Resumed { by: person(), reason: None });
    let (step, reason) = ("aurora".to_owned(), Some("done in the console".to_owned()));
    play.say(Event::Decided { step, decision: Decision::Skip, by: Some(person()), reason });
    play.finish("aurora", Finish::Skipped("a person said so".to_owned()));
    let told = account(&play);
    assert!(told.first_failure.is_none() && told.other_failures.is_empty());
    let settled = told.settled_failures[0].settled.as_ref().unwrap();
    assert_snapshot!(settled.text, @"decided: go on without it, by ada@ops1 (done in the console)");
    assert_eq!(told.overrides[0], *settled);
    let row = "| 12:03:01 | aurora | failed, then skipped | replicas 3 → 10 |";
    assert!(told.markdown().contains(row), "{}", told.markdown());
}

#[test]
fn a_text_at_the_beginning_of_a_line_is_text() {
    for (raw, wanted) in [
        ("1. first", "1\\. first"),
        ("12) x", "12\\) x"),
        ("- x", "\\- x"),
        ("===", "\\==="),
        ("3.5 s", "3.5 s"),
        ("-x", "-x"),
        ("", ""),
    ] {
        assert_eq!(markdown::text(raw), wanted, "{raw}");
    }
}
