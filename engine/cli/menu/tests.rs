use super::*;
use crate::cli::prompt::tests::{AWAY, NEWS, Script};
use crate::machine::Covered;

fn offered(step: &str, why: Option<&str>, ran: bool) -> Offered {
    Offered {
        step: step.to_owned(),
        why: why.map(str::to_owned),
        command: "kubectl -n shop scale deployment/cart --replicas=10\necho scaled".to_owned(),
        tail: "error: no such host\nhint: DNS?".to_owned(),
        wanted: ran.then(|| "stdout | int >= 10".to_owned()),
        ran,
        again: ran.then(|| Covered {
            command: "kubectl -n shop scale deployment/cart --replicas=10".to_owned(),
            dir: Some("deploy".to_owned()),
            stdin: Some("kind: Deployment\nreplicas: 0".to_owned()),
            env: vec!["KUBECONFIG".to_owned()],
            ..Covered::default()
        }),
    }
}

fn offer(steps: Vec<Offered>) -> Offer {
    let undo = |step: &str, command: Result<&str, &str>| crate::driver::ToUndo {
        step: step.to_owned(),
        command: command.map(str::to_owned).map_err(str::to_owned),
        reads: None,
        changes: None,
        captured: crate::model::Map::new(),
        hint: None,
    };
    let undo = vec![
        undo("scale[cart]", Ok("kubectl scale deployment/cart --replicas=3")),
        undo("mail", Err("a mail can't be taken back")),
    ];
    Offer { run: "r7k2m9qd".to_owned(), program: "runbook".to_owned(), steps, undo }
}

fn played(offer: &Offer, answers: &[&'static str]) -> (Option<Choice>, String) {
    let mut script = Script::of(answers);
    let choice = choose(offer, &mut script, Console::plain()).unwrap();
    (choice, script.screen)
}

fn one() -> Offer {
    offer(vec![offered("scale[cart]", Some("it exited with 1"), false)])
}

#[test]
fn one_failed_step_reads_on_one_screen() {
    let (choice, screen) = played(&one(), &["", "s", "", "s", "nobody uses it"]);
    let why = Some("nobody uses it".to_owned());
    assert_eq!(choice, Some(Choice::Settle(BTreeMap::from([("scale[cart]".into(), (Decision::Skip, why))]))));
    insta::assert_snapshot!(screen, @r"
        scale[cart] failed: it exited with 1
          $ kubectl -n shop scale deployment/cart --replicas=10
            echo scaled
          | error: no such host
          | hint: DNS?

          r  run it again
          s  skip it: go on without it (asks why)
          d  it is done: take it so (asks why)
          b  roll back: undo 1 step, 1 can't be (shows them, and asks)
          q  leave it; `runbook resume r7k2m9qd` goes on later
        What now? [r/s/d/b/q] 
        Please type one of r, s, d, b, q, and Enter.
        What now? [r/s/d/b/q] s
        Why? It is kept in the journal (Enter alone goes back): 
        What now? [r/s/d/b/q] s
        Why? It is kept in the journal (Enter alone goes back): nobody uses it
        ");
}

#[test]
fn what_is_taller_than_the_terminal_leaves_the_keys_on_it() {
    let mut step = offered("scale[cart]", Some("its gate does not hold: 7"), true);
    step.command = (0..40).map(|number| format!("echo {number}\n")).collect();
    let mut script = Script::of(&["p", "q"]);
    script.tall = Some(24);
    let choice = choose(&offer(vec![step]), &mut script, Console::plain()).unwrap();
    assert_eq!(choice, Some(Choice::Leave));
    let (short, whole) = script.screen.split_once("/p] p\n").unwrap();
    assert!(short.lines().count() <= 24, "{short}");
    assert!(
        short.contains("until stdout | int >= 10") && short.contains(" lines more; p shows all of it"),
        "{short}"
    );
    assert!(
        short.contains("scale[cart] failed: its gate") && short.contains("\n  p  show all of it"),
        "{short}"
    );
    assert!(whole.contains("echo 39\n"), "{whole}");
    assert!(whole.contains("\nscale[cart] failed: its gate does not hold: 7\nWhat now?"), "{whole}");
}

#[test]
fn however_much_failed_the_first_of_it_stands_on_the_screen_with_the_keys() {
    let step = |number: usize| {
        let mut step = offered(&format!("scale[{number}]"), Some(&"no route to host ".repeat(30)), true);
        step.tail = "out\n".repeat(9);
        if let Some(again) = &mut step.again {
            again.stdin = Some("key: value\n".repeat(40));
        }
        step
    };
    for many in [1, 2, 9] {
        let offer = offer((0..many).map(step).collect());
        for rows in [18, 24, 40] {
            let mut script = Script::of(&["q"]);
            script.tall = Some(rows);
            choose(&offer, &mut script, Console::plain()).unwrap();
            let screen = &script.screen;
            assert!(rows_of(screen, 80) <= rows, "{many} on {rows}:\n{screen}");
            assert!(screen.contains("scale[0] failed: no route to host"), "{many} on {rows}:\n{screen}");
            assert!(screen.contains("\n  p  show all of it"), "{many} on {rows}:\n{screen}");
        }
    }
}

#[test]
fn a_rollback_is_shown_and_asked_about() {
    let (choice, screen) = played(&one(), &["b", "n", "B", "y"]);
    assert_eq!(choice, Some(Choice::Rollback));
    insta::assert_snapshot!(screen.split_once("[r/s/d/b/q] b\n").unwrap().1, @"
        To be undone of run r7k2m9qd, the last begun first:
          scale[cart]  kubectl scale deployment/cart --replicas=3
          mail  can't be undone: a mail can't be taken back
        Undo this? [y/N] n
        Nothing was undone.
        What now? [r/s/d/b/q] B

        To be undone of run r7k2m9qd, the last begun first:
          scale[cart]  kubectl scale deployment/cart --replicas=3
          mail  can't be undone: a mail can't be taken back
        Undo this? [y/N] y
        ");
}

#[test]
fn several_are_settled_together_or_one_by_one() {
    let several = offer(vec![
        offered("b", Some("its verify gate does not hold: ready 7, wants >= 10"), true),
        offered("a", None, false),
        offered("c", Some("it exited with 2"), false),
    ]);
    let (choice, screen) = played(&several, &["o", "v", "d", "seen in the console", "q"]);
    let done = (Decision::Done, Some("seen in the console".to_owned()));
    let decisions = BTreeMap::from([("b".into(), (Decision::Verify, None)), ("a".into(), done)]);
    assert_eq!(choice, Some(Choice::Settle(decisions)));
    insta::assert_snapshot!(screen, @r"
        3 steps did not go well, the first one first:
        b failed: its verify gate does not hold: ready 7, wants >= 10
          until stdout | int >= 10
          $ kubectl -n shop scale deployment/cart --replicas=10
            echo scaled
          | error: no such host
          | hint: DNS?
          run again it is:
            kubectl -n shop scale deployment/cart --replicas=10
              in deploy
              reads kind: Deployment
              reads replicas: 0
              with KUBECONFIG
        a is in doubt: whether its command took effect is not known
          $ kubectl -n shop scale deployment/cart --replicas=10
            echo scaled
          | error: no such host
          | hint: DNS?
        c failed: it exited with 2
          $ kubectl -n shop scale deployment/cart --replicas=10
            echo scaled

          r  run all of them again
          v  only ask the gates again, where the command went well
          s  skip all of them (asks why)
          d  all are done: take them so (asks why)
          o  decide one by one
          b  roll back: undo 1 step, 1 can't be (shows them, and asks)
          q  leave it; `runbook resume r7k2m9qd` goes on later
        What now? [r/v/s/d/o/b/q] o

        b failed: its verify gate does not hold: ready 7, wants >= 10
          until stdout | int >= 10
          $ kubectl -n shop scale deployment/cart --replicas=10
            echo scaled
          | error: no such host
          | hint: DNS?
          run again it is:
            kubectl -n shop scale deployment/cart --replicas=10
              in deploy
              reads kind: Deployment
              reads replicas: 0
              with KUBECONFIG
        b: again, only its gate, skip, done, or leave it? [r/v/s/d/q] v

        a is in doubt: whether its command took effect is not known
          $ kubectl -n shop scale deployment/cart --replicas=10
            echo scaled
          | error: no such host
          | hint: DNS?
        a: again, skip, done, or leave it? [r/s/d/q] d
        a: Why? It is kept in the journal (Enter alone goes back): seen in the console

        c failed: it exited with 2
          $ kubectl -n shop scale deployment/cart --replicas=10
            echo scaled
          | error: no such host
          | hint: DNS?
        c: again, skip, done, or leave it? [r/s/d/q] q
        ");
    let Some(Choice::Settle(all)) = played(&several, &["r"]).0 else { panic!("they are run again") };
    assert_eq!(all.len(), 3);
}

/// Of the step that it is about, and not of the first.
#[test]
fn what_is_put_again_names_its_step() {
    let two = offer(vec![
        offered("db-old", Some("it exited with 1"), false),
        offered("db-new", Some("it exited with 2"), false),
    ]);
    let (choice, screen) = played(&two, &["o", "q", NEWS, "s", NEWS, "nobody uses it"]);
    let why = Some("nobody uses it".to_owned());
    let decisions = BTreeMap::from([("db-new".into(), (Decision::Skip, why))]);
    assert_eq!(choice, Some(Choice::Settle(decisions)));
    let (_, second) = screen.split_once("leave it? [r/s/d/q] q\n").unwrap();
    insta::assert_snapshot!(second, @"
        db-new failed: it exited with 2
          $ kubectl -n shop scale deployment/cart --replicas=10
            echo scaled
          | error: no such host
          | hint: DNS?
        db-new: again, skip, done, or leave it? [r/s/d/q] 
        news

        db-new failed: it exited with 2
        db-new: again, skip, done, or leave it? [r/s/d/q/p] s
        db-new: Why? It is kept in the journal (Enter alone goes back): 
        news

        db-new failed: it exited with 2
        db-new: Why? It is kept in the journal (Enter alone goes back): nobody uses it
        ");
    // Another program's screen took all of it away.
    let (_, screen) = played(&two, &["o", "q", AWAY, "p", "q"]);
    let (_, second) = screen.split_once("$ fg\n").unwrap();
    insta::assert_snapshot!(second, @"
        db-new failed: it exited with 2
          $ kubectl -n shop scale deployment/cart --replicas=10
            echo scaled
          | error: no such host
          | hint: DNS?
        db-new: again, skip, done, or leave it? [r/s/d/q/p] p

        db-new failed: it exited with 2
          $ kubectl -n shop scale deployment/cart --replicas=10
            echo scaled
          | error: no such host
          | hint: DNS?
        db-new failed: it exited with 2
        db-new: again, skip, done, or leave it? [r/s/d/q/p] q
        ");
}

#[test]
fn what_is_put_again_can_be_read_whole() {
    let (_, screen) = played(&one(), &[NEWS, "p", "q"]);
    let (_, again) = screen.split_once("news\n").unwrap();
    assert!(
        again.starts_with("\nscale[cart] failed: it exited with 1\nWhat now? [r/s/d/b/q/p] p\n\nscale[cart]"),
        "{again}"
    );
    assert!(again.contains("  $ kubectl") && again.contains("\n  r  run it again\n"), "{again}");
    let (_, screen) = played(&one(), &["b", AWAY, "n", NEWS, "q"]);
    let (_, again) = screen.split_once("$ fg\n").unwrap();
    insta::assert_snapshot!(again, @"
        To be undone of run r7k2m9qd, the last begun first:
          scale[cart]  kubectl scale deployment/cart --replicas=3
          mail  can't be undone: a mail can't be taken back
        Undo this? [y/n/p] n
        Nothing was undone.
        What now? [r/s/d/b/q] 
        news

        scale[cart] failed: it exited with 1
        What now? [r/s/d/b/q/p] q
        ");
}

#[test]
fn who_closes_the_input_leaves_the_run() {
    for answers in [&[][..], &["s"], &["q"], &["b"]] {
        let choice = played(&one(), answers).0.unwrap_or(Choice::Leave);
        assert_eq!(choice, Choice::Leave, "{answers:?}");
    }
}
