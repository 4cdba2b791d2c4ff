//! Tapes that were recorded.

use std::fs;
use std::process::Stdio;

use super::newest;
use crate::support::project::Project;

/// With captures, gates that are polled, a `for_each`, a script, a secret and an undo that reads what was captured.
const REAL: &str = "\
runbook: real
title: T
target: {here: echo cluster-1}
vars: {token: {type: secret}}
steps:
  - id: put
    for_each: [a, b]
    env: {T: '{{ token }}'}
    capture: {run: 'cat {{ item }}.txt', outputs: {v: stdout | trim}}
    shell: |
      echo \"secret $T\"
      echo '{{ \"{{ 1 }}\" }} {name}'
      echo new > {{ item }}.txt
    verify: {run: 'cat {{ item }}.txt', pass: \"stdout | trim == 'new'\", every: 50ms, within: 20s, hold: 200ms}
    rollback: {run: 'cp /dev/stdin {{ item }}.txt', stdin: '{{ captured.v }}'}
  - {id: last, run: \"sh -c 'echo over >&2; exit 3'\", effect: read}
";

fn project() -> Project {
    Project::new()
        .file("runbooks/real.yaml", REAL)
        .file("a.txt", "old a\n")
        .file("b.txt", "old b\n")
        .env("RUNBOOK_VAR_TOKEN", "hunter22-and-more")
}

/// What a run came to, without what differs from run to run: the ends of its steps and of their undoing, in file order.
fn ends(project: &Project, run: &str) -> Vec<String> {
    super::steps(project, run)
}

#[test]
fn a_recorded_run_rehearses_to_the_same_end_and_changes_nothing() {
    let project = project();
    project.run(&["exec", "real", "--record", "t.yaml", "--on-failure", "rollback"]).code(4);
    let real = ends(&project, &project.newest());
    project.write("a.txt", "untouched");
    let shown = project.run(&["rehearse", "real", "--tape", "t.yaml", "--on-failure", "rollback"]).code(4);
    assert_eq!(ends(&project, &newest(&project)), real, "{shown}");
    assert!(shown.stdout.contains("last exited with 3"), "{shown}");
    assert_eq!(fs::read_to_string(project.root().join("a.txt")).unwrap_or_default(), "untouched");
}

#[test]
fn no_secret_is_on_the_tape_and_a_tape_is_never_written_over() {
    let project = project();
    project.run(&["exec", "real", "--record", "t.yaml"]).code(1);
    let tape = fs::read_to_string(project.root().join("t.yaml")).expect("it was recorded");
    assert!(tape.contains("secret •••") && !tape.contains("hunter22"), "{tape}");
    let before = project.newest();
    let shown = project.run(&["exec", "real", "--record", "t.yaml"]).code(2);
    assert!(shown.to_string().contains("there is such a file already"), "{shown}");
    assert_eq!(project.newest(), before, "nothing ran");
}

#[test]
fn what_ended_is_on_the_tape_when_the_engine_is_killed() {
    let project = project();
    let killed = project
        .command(&["exec", "real", "--record", "t.yaml"])
        .env("RUNBOOK_CRASH_AT", "60")
        .output()
        .expect("the binary can be run");
    assert_eq!(killed.status.code(), None, "it was killed");
    let tape = fs::read_to_string(project.root().join("t.yaml")).expect("it was recorded");
    let read: serde_json::Value = serde_yaml::from_str(&tape).expect("what is there is whole");
    assert!(read["answers"].as_array().is_some_and(|answers| answers.len() >= 3), "{tape}");
}

#[test]
fn what_a_sensitive_step_printed_is_nowhere_on_the_tape() {
    let runbook = "\
runbook: real
title: T
steps:
  - id: ask
    run: [echo, '{\"pw\": \"topsecret\"}']
    sensitive: true
    effect: read
    outputs: {pw: json.pw}
  - {id: use, needs: [ask], run: 'echo {{ steps.ask.outputs.pw }}', effect: read}
";
    let project = Project::new().file("runbooks/real.yaml", runbook);
    project.run(&["exec", "real", "--record", "t.yaml"]).code(0);
    let tape = fs::read_to_string(project.root().join("t.yaml")).expect("it was recorded");
    // The words of its own command stand in the runbook too.
    let after = tape.split("# use, action").nth(1).expect("it was recorded");
    assert!(after.contains("run: [echo, \"•••\"]") && !after.contains("topsecret"), "{tape}");
}

/// The step gives `production`, too, which stands in commands that have nothing to do with it.
const SENSITIVE: &str = "\
runbook: real
title: T
vars: {context: {type: string, default: production}}
steps:
  - id: ask
    run: [echo, '{\"pw\": \"topsecret\", \"of\": \"production\"}']
    sensitive: true
    effect: read
    outputs: {pw: json.pw, of: json.of}
  - {id: login, needs: [ask], run: 'echo --at production {{ steps.ask.outputs.of }} --pw={{ steps.ask.outputs.pw }} {{ context }}', effect: read}
  - {id: tell, needs: [login], shell: 'echo production topsecret', effect: read}
  - {id: feed, needs: [tell], run: cat, stdin: 'to production: {{ steps.ask.outputs.pw }}', effect: read}
  - {id: plain, needs: [feed], run: cat, stdin: to production, effect: read}
";

#[test]
fn a_tape_with_what_a_sensitive_step_gave_masked_can_be_rehearsed() {
    let project = Project::new().file("runbooks/real.yaml", SENSITIVE);
    project.run(&["exec", "real", "--record", "t.yaml"]).code(0);
    let tape = fs::read_to_string(project.root().join("t.yaml")).expect("it was recorded");
    let after = tape.split_once("# login, action").expect("it was recorded").1;
    for part in [
        "run: [echo, \"--at\", production, \"•••\", \"--pw=•••\", production]",
        "shell: \"echo production topsecret\"",
        "stdin: \"to •••: •••\"",
        "stdin: \"to production\"",
    ] {
        assert!(after.contains(part), "{part}\n{tape}");
    }
    // What was printed is masked wherever it was printed.
    assert!(after.contains("      ••• •••\n") && after.contains("stdout: \"to •••\"\n"), "{tape}");
    // As the tape says what is to be done, and with another value than that of the recording.
    let said = "    stdout: '{\"pw\": \"of another night\", \"of\": \"x\"}'\n";
    let marked = "  # its step is sensitive: write here what it may print\n";
    let at = tape.find(marked).expect("it says so") + marked.len();
    let end = at + tape[at..].find('\n').expect("a line") + 1;
    project.write("t.yaml", format!("{}{said}{}", &tape[..end], &tape[end..]));
    let shown = project.run(&["rehearse", "real", "--tape", "t.yaml"]).code(0).to_string();
    assert!(shown.contains("feed done"), "{shown}");
}

#[test]
fn what_a_run_does_once_it_is_taken_up_can_be_recorded_and_says_what_is_not_on_the_tape() {
    let runbook = REAL.replace("exit 3", "test -e mended || exit 3");
    let project = project().file("runbooks/real.yaml", &runbook);
    project.run(&["exec", "real", "--record", "first.yaml"]).code(1);
    project.write("mended", "");
    let run = project.newest();
    let tape = |name: &str| fs::read_to_string(project.root().join(name)).expect("it was recorded");
    // What is refused leaves no tape behind.
    project.run(&["resume", &run, "--skip", "nowhere", "--reason", "x", "--record", "second.yaml"]).code(2);
    assert!(!project.has("second.yaml"));
    project.run(&["resume", &run, "--record", "second.yaml"]).code(0);
    let second = tape("second.yaml");
    assert!(second.contains(&format!("# It begins where run {run} was taken up")), "{second}");
    let of = |tape: &str| {
        let lines = tape.lines().filter(|line| line.starts_with("  # "));
        // What is undone beside each other ends in any order.
        lines.map(str::to_owned).collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(of(&second), ["  # last, action", "  # target here"], "{second}");
    project.run(&["rollback", &run, "--yes", "--record", "second.yaml"]).code(2);
    project.run(&["rollback", &run, "--yes", "--record", "third.yaml"]).code(0);
    assert_eq!(of(&tape("third.yaml")), ["  # put[a], undo", "  # put[b], undo", "  # target here"]);
    // As the head says: after those of the tape that was recorded before.
    let answers = |tape: String| tape.split_once("answers:\n").expect("it has answers").1.to_owned();
    project.write("all.yaml", tape("first.yaml") + &answers(second) + &answers(tape("third.yaml")));
    project.run(&["rehearse", "real", "--tape", "all.yaml"]).code(1);
    let rehearsal = newest(&project);
    let refused = project.run(&["resume", &rehearsal, "--record", "x.yaml"]).code(2).to_string();
    assert!(
        refused.contains("it goes on as it was begun, without --record") && !project.has("x.yaml"),
        "{refused}"
    );
    project.run(&["rollback", &rehearsal, "--yes", "--record", "x.yaml"]).code(2);
    project.run(&["resume", &rehearsal]).code(0);
    project.run(&["rollback", &rehearsal, "--yes"]).code(0);
}

#[test]
fn what_is_asked_before_and_after_a_sensitive_step_is_answered_in_turn() {
    let look =
        "[sh, -c, 'test -e mark && echo there || echo not; : > mark', '{{ steps.find.outputs.name }}']";
    let runbook = format!(
        "runbook: real\ntitle: T\nsteps:\n  - {{id: find, run: echo web-front, effect: read, outputs: {{name: stdout | trim}}}}\n  - {{id: \
         before, needs: [find], run: {look}, effect: read}}\n  - {{id: ask, needs: [before], run: echo web-front, effect: read, sensitive: \
         true, outputs: {{of: stdout | trim}}}}\n  - {{id: after, needs: [ask, find], gate: {{run: {look}, pass: \"stdout | trim == \
         'there'\"}}}}\n"
    );
    let project = Project::new().file("runbooks/real.yaml", runbook);
    project.run(&["exec", "real", "--record", "t.yaml"]).code(0);
    project.run(&["rehearse", "real", "--tape", "t.yaml"]).code(0);
}

/// So that the same can be typed again, once it is seen to.
#[test]
fn what_is_refused_once_the_tape_was_made_leaves_none_behind() {
    let runbook = "runbook: real\ntitle: T\ntarget: {here: cat where}\nsteps: [{id: a, run: cat there, effect: read}]\n";
    let project = Project::new().file("runbooks/real.yaml", runbook);
    let none = || assert!(!project.has("t.yaml") && !project.has("u.yaml"));
    let shown = project.run(&["exec", "real", "--record", "t.yaml"]);
    assert!(!matches!(shown.code, Some(0 | 1)) && shown.to_string().contains("where"), "{shown}");
    none();
    project.write("where", "here");
    project.run(&["exec", "real"]).code(1);
    let run = project.newest();
    project.write("where", "elsewhere");
    for verb in [&["resume"][..], &["rollback", "--yes"]] {
        let shown = project.run(&[verb, &[&run, "--record", "u.yaml"]].concat());
        assert!(shown.to_string().contains("elsewhere"), "{shown}");
        none();
    }
    project.write("where", "here");
    project.run(&["resume", &run, "--record", "u.yaml"]).code(1);
    assert!(project.has("u.yaml"));
}

#[test]
fn a_tape_of_much_output_can_be_rehearsed() {
    let runbook = "runbook: real\ntitle: T\nsteps: [{id: much, run: seq 1 2000000, effect: read}]\n";
    let project = Project::new().file("runbooks/real.yaml", runbook);
    project.run(&["exec", "real", "--record", "t.yaml"]).code(0);
    project.run(&["rehearse", "real", "--tape", "t.yaml"]).code(0);
    let tape = fs::read_to_string(project.root().join("t.yaml")).expect("it was recorded");
    assert_eq!(tape.matches("# cut: it printed more than stands here").count(), 1);
}

#[test]
fn a_tape_says_where_it_ends_before_its_run() {
    let runbook = "runbook: real\ntitle: T\nsteps:\n  - {id: long, shell: ': > began; while [ -e began ] && [ ! -e over ]; do sleep 0.05; done', effect: read}\n";
    let project = Project::new().file("runbooks/real.yaml", runbook);
    let start = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary can be run")
    };
    let mut first = start(&["exec", "real", "--record", "t.yaml"]);
    wait_for("it has begun", || project.has("began"));
    let run = project.newest();
    let mut second = start(&["resume", &run, "--takeover", "--reason", "a test"]);
    let tape = || fs::read_to_string(project.root().join("t.yaml")).unwrap_or_default();
    wait_for("the tape ends", || tape().ends_with("  # It ends here: the run was taken over\n"));
    project.write("over", "");
    first.wait().expect("it ends");
    assert!(second.wait().expect("it ends").success());
}

#[track_caller]
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
