//! People in the middle of a run: who may answer, how many must, what they say yes to; from any terminal, with the engine
//! alive or not.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use insta::assert_snapshot;

use crate::support::project::{Project, Shown};

/// Runs the binary as somebody else.
fn as_person(project: &Project, name: &str, arguments: &[&str]) -> Shown {
    let output = project.command(arguments).env("LOGNAME", name).output().expect("the binary can be run");
    project.shown(arguments, &output)
}

const PAIR: &str = "
runbook: pair
title: Two people
steps:
  - id: go
    approve: {prompt: 'Drop the old table?', by: [dba, dana], count: 2, not_self: true, timeout: 30m}
  - {id: drop, shell: 'echo dropped >> did', irreversible: Gone is gone.}
";

const PEOPLE: &str = "groups: {dba: [ann, ben, cleo]}\npeople: [dana]\n";

fn pair() -> (Project, String) {
    let project = Project::new().file("runbooks/pair.yaml", PAIR).file("runbooks/people.yaml", PEOPLE);
    project.run(&["exec", "pair"]).code(3);
    let run = project.newest();
    (project, run)
}

/// Puts a request into the inbox as somebody might who goes around the verbs.
fn forge(project: &Project, run: &str, name: &str, kind: &str, body: &str) {
    let journal = rusqlite::Connection::open(project.journal()).expect("a journal");
    let person = format!(r#"{{"name":"{name}","host":"web1","via":"command"}}"#);
    journal
        .execute(
            "INSERT INTO requests (run, at, person, kind, body) VALUES (?1, 0, ?2, ?3, ?4)",
            (run, person, kind, body),
        )
        .expect("the file can be written by its owner");
}

#[test]
fn a_run_that_waits_says_for_whom() {
    let (project, _) = pair();
    let status = project.run(&["status"]).code(0);
    assert_snapshot!(status, @"
    $ runbook status
    ◆ pair: waiting for a person
      run [RUN], started [AT] UTC (just now), took [TOOK]
      by ann@[HOST]

    Needs attention
      ◆ go asks for approval: Drop the old table?
          0 of 2 said yes; dba (ann, ben, cleo) or dana may answer, but not ann, who drives the run
          asked [AT] UTC (just now)
          runbook approve [RUN] go

    Steps
      ◆ go          waits for a person  [TOOK]  Drop the old table?
      · drop        waiting                     for go

    Next
      say yes or no to it   runbook approve [RUN] go
      then go on            runbook resume [RUN]
    --- stderr
    run [RUN]: pair, begun [AT], waiting
    ");
    assert_snapshot!(project.run(&["exec", "pair"]).code(3), @"
    $ runbook exec pair
    [TIME] run [RUN]: pair opened by ann@[HOST]
    [TIME] go asks for approval: Drop the old table? (2 of dba (ann, ben, cleo) or dana must say yes, not whoever drives the run, within 30m)
             answer it: runbook approve [RUN] go
    [TIME] run [RUN]: waiting for a person

    ◆ pair waits for a person; nothing of it runs
      run [RUN], 0 of 2 steps done

    Waits for a person
      go asks for approval: Drop the old table? (0 of 2 said yes; dba (ann, ben, cleo) or dana may answer, but not ann, who drives the run)

    Next
      say yes or no to it   runbook approve [RUN] go
      then go on            runbook resume [RUN]
      every step            runbook status [RUN]
    --- exit status: 3
    ");
}

#[test]
fn two_different_people_are_two() {
    let (project, run) = pair();
    assert_snapshot!(project.run(&["exec", "pair", "--approve", "go"]).code(2), @"
    $ runbook exec pair --approve go
    --- stderr
    error: --approve go: whoever drives the run may not answer it (`not_self`)
     hint: when it is asked for: `runbook approve RUN go`
    --- exit status: 2
    ");
    assert_snapshot!(as_person(&project, "eve", &["resume", &run, "--approve", "go"]).code(2), @"
    $ runbook resume [RUN] --approve go
    --- stderr
    error: --approve go: eve may not answer it: dba (ann, ben, cleo) or dana may
     hint: when it is asked for: `runbook approve RUN go`
    --- exit status: 2
    ");
    assert_snapshot!(project.run(&["approve", &run, "go"]).code(2), @"
    $ runbook approve [RUN] go
    --- stderr
    error: `go` of run [RUN]: ann drives this run and may not answer it (`not_self`): anybody else of dba (ann, ben, cleo) or dana may
     hint: what counts is the name that this machine gives (LOGNAME): asserted, not proven
    --- exit status: 2
    ");
    assert_snapshot!(as_person(&project, "eve", &["approve", &run, "go"]).code(2), @"
    $ runbook approve [RUN] go
    --- stderr
    error: `go` of run [RUN]: eve may not answer it: dba (ann, ben, cleo) or dana may
     hint: what counts is the name that this machine gives (LOGNAME): asserted, not proven
    --- exit status: 2
    ");
    assert_snapshot!(as_person(&project, "ben", &["approve", &run, "go"]).code(0), @r"
    $ runbook approve [RUN] go
    --- stderr
    go waits for your decision
      Drop the old table?
      2 different people of dba (ann, ben, cleo) or dana must say yes; nobody did yet.
      A yes runs drop:
        echo dropped >> did
    go: approved (1 of 2: it still waits); go on with `runbook resume [RUN]`
    ");
    assert_snapshot!(as_person(&project, "ben", &["approve", &run, "go"]).code(2), @"
    $ runbook approve [RUN] go
    --- stderr
    error: ben has answered `go` of run [RUN] already
     hint: it is heard when the run goes on: `runbook resume [RUN]`
    --- exit status: 2
    ");
    project.run(&["resume"]).code(3);
    let shown = as_person(&project, "ben", &["approve", &run, "go"]).code(2).to_string();
    assert!(shown.contains("ben said yes already"), "{shown}");
    let shown = as_person(&project, "dana", &["approve", &run, "go"]).code(0).to_string();
    assert!(shown.contains("approved (2 of 2)"), "{shown}");
    assert!(!project.has("did"));
    project.run(&["resume"]).code(0);
    assert!(project.has("did"));
    let shown = as_person(&project, "cleo", &["approve", &run, "go"]).code(2).to_string();
    assert!(shown.contains("waits for nobody"), "{shown}");
}

#[test]
fn the_machine_refuses_what_the_verb_would_have() {
    let (project, run) = pair();
    let yes = |hash: &str| format!(r#"{{"step":"go","yes":true,"hash":"{hash}"}}"#);
    forge(&project, &run, "eve", "approve", &yes("0"));
    forge(&project, &run, "ann", "approve", r#"{"step":"go","yes":false}"#);
    forge(&project, &run, "ben", "approve", &yes("0"));
    forge(&project, &run, "ben", "approve", r#"{"step":"go","yes":true}"#);
    forge(&project, &run, "cleo", "done", r#"{"step":"go"}"#);
    forge(&project, &run, "cleo", "approve", r#"{"step":"nobody","yes":true}"#);
    let shown = project.run(&["resume"]).code(3).to_string();
    let told: Vec<&str> =
        shown.lines().filter_map(|line| line.split_once("was not taken: ")).map(|it| it.1).collect();
    assert_snapshot!(told.join("\n"), @"
    eve may not answer it: dba (ann, ben, cleo) or dana may
    ann drives this run and may not answer it (`not_self`): anybody else of dba (ann, ben, cleo) or dana may
    its commands are not the ones that were seen any more: look at them again
    it does not say which commands were seen: approve it with this version
    it asks for a decision, and nothing is to be done: `approve` it
    ");
    assert!(!project.has("did"));
}

#[test]
fn who_may_answer_is_bound_when_the_run_begins() {
    let (project, run) = pair();
    project.write("runbooks/people.yaml", "groups: {dba: [eve]}\n");
    as_person(&project, "eve", &["approve", &run, "go"]).code(2);
    as_person(&project, "ben", &["approve", &run, "go"]).code(0);
    // Now `dba` is eve, and nobody says who dana is.
    assert_snapshot!(project.run(&["check", "pair"]).code(0), @"
    $ runbook check pair
    warning[RB0214]: `dana` is no group and nobody that `runbooks/people.yaml` knows
     --> runbooks/pair.yaml:6:50
      |
    6 |     approve: {prompt: 'Drop the old table?', by: [dba, dana], count: 2, not_self: true, timeo...
      |                                                  ^ taken as a login name
      |
      = help: add it to `runbooks/people.yaml`: `people: [dana]`, or `groups: {dana: [LOGIN, …]}`

    1 runbook, 1 warning
    more about it: runbook explain RB0214
    ");
    project.write("runbooks/people.yaml", "groups: {dba: []}\n");
    assert_snapshot!(project.run(&["exec", "pair"]).code(2), @"
    $ runbook exec pair
    --- stderr
    error[RB0215]: `go` needs 2 people to say yes, and only 1 may
     --> runbooks/pair.yaml:6:50
      |
    6 |     approve: {prompt: 'Drop the old table?', by: [dba, dana], count: 2, not_self: true, timeo...
      |                                                  ^ it could never be approved
      |
      = help: name more people, add some to `runbooks/people.yaml`, or lower `count`

    1 error
    more about it: runbook explain RB0215
    --- exit status: 2
    ");
}

const RELEASE: &str = "
runbook: release
title: Build and ship
steps:
  - id: build
    needs: []
    effect: read
    shell: 'while [ ! -s built ]; do sleep 0.05; done; cat built'
    outputs: {image: stdout | trim}
  - {id: go, needs: [], approve: 'Ship it?'}
  - {id: ship, needs: [build, go], run: 'touch shipped-{{ steps.build.outputs.image }}', irreversible: A file.}
";

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(30));
    }
}

fn live(project: &Project, runbook: &str) -> (Child, String) {
    let mut command = project.command(&["exec", runbook]);
    let engine = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
    until("it asks", || {
        project.journal().exists() && project.run(&["status"]).stdout.contains("waits for a person")
    });
    (engine, project.newest())
}

#[test]
fn an_approval_of_a_live_run_is_void_when_other_commands_would_start() {
    let project = Project::new().file("runbooks/release.yaml", RELEASE);
    let (engine, run) = live(&project, "release");
    assert_snapshot!(as_person(&project, "ben", &["approve", &run, "go", "--note", "fine"]).code(0), @r"
    $ runbook approve [RUN] go --note fine
    --- stderr
    go waits for your decision
      Ship it?
      A yes runs ship:
        touch 'shipped-‹steps.build.outputs.image›'
    go: approved; run [RUN] hears it at once
    ");
    until("it is heard", || !project.run(&["status"]).stdout.contains("waits for a person"));
    project.write("built", "v2\n");
    let output = engine.wait_with_output().expect("it ends");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{shown}");
    let voided =
        shown.lines().find_map(|line| line.split_once("go is asked for again")).expect("it says so").1;
    assert_snapshot!(voided, @"
    : what was approved is not what would start; ship: approved `touch 'shipped-‹steps.build.outputs.image›'`, would start `touch shipped-v2`
    ");
    assert!(!project.has("shipped-v2"));
    let shown = project.run(&["approve", &run, "go"]).code(0).to_string();
    assert!(shown.contains("    touch shipped-v2\n"), "{shown}");
    project.run(&["resume"]).code(0);
    assert!(project.has("shipped-v2"));
}

const ASKS: &str = "
runbook: asks
title: Answers
steps:
  - id: go
    approve:
      prompt: Which share?
      ask:
        share: {type: integer, min: 1, max: 100, help: Percent of the traffic}
        ticket: {type: string, default: none}
  - {id: shift, run: 'touch share-{{ steps.go.outputs.share }}-{{ steps.go.outputs.ticket }}', irreversible: A file.}
";

#[test]
fn typed_answers_become_outputs() {
    let project = Project::new().file("runbooks/asks.yaml", ASKS);
    assert_snapshot!(project.run(&["exec", "asks", "--approve", "go"]).code(2), @"
    $ runbook exec asks --approve go
    --- stderr
    error: --approve go: a yes to it goes with an answer, `share`
     hint: when it is asked for: `runbook approve RUN go`
    --- exit status: 2
    ");
    project.run(&["exec", "asks"]).code(3);
    let run = project.newest();
    assert_snapshot!(project.run(&["approve", &run, "go"]).code(2), @r"
    $ runbook approve [RUN] go
    --- stderr
    go waits for your decision
      Which share?
      A yes runs shift:
        touch 'share-‹steps.go.outputs.share›-‹steps.go.outputs.ticket›'
    error: `go` asks for share
     hint: add --answer share=VALUE
    --- exit status: 2
    ");
    assert_snapshot!(project.run(&["approve", &run, "go", "--answer", "share=many"]).code(2), @"
    $ runbook approve [RUN] go --answer share=many
    --- stderr
    error: --answer share: wants an integer, got `many`
    --- exit status: 2
    ");
    project.run(&["approve", &run, "go", "--answer", "shar=1"]).code(2);
    project.run(&["approve", &run, "go", "--answer", "share=25"]).code(0);
    let shown = project.run(&["resume"]).code(0);
    assert!(project.has("share-25-none"), "{shown}");
    assert!(
        !shown.to_string().contains("asked for again"),
        "the answers are part of what was approved: {shown}"
    );
}

const HAND: &str = "
runbook: hand
title: By hand
steps:
  - {id: call, manual: 'Call the customer, and say when.'}
  - {id: note, run: ['printf', '%s', \"{{ steps.call.outputs.note }}\"], effect: read}
  - {id: go, approve: 'Go on?'}
";

#[test]
fn a_manual_step_is_done_from_any_terminal() {
    let project = Project::new().file("runbooks/hand.yaml", HAND);
    let shown = project.run(&["exec", "hand"]).code(3).to_string();
    assert!(shown.contains("runbook done [RUN] call --note '...'"), "{shown}");
    let run = project.newest();
    assert_snapshot!(project.run(&["approve", &run, "call"]).code(2), @"
    $ runbook approve [RUN] call
    --- stderr
    error: `call` of run [RUN] is to be done, not approved
     hint: when it is done: `runbook done [RUN] call --note TEXT`
    --- exit status: 2
    ");
    assert_snapshot!(project.run(&["done", &run, "call"]).code(2), @"
    $ runbook done [RUN] call
    --- stderr
    call is yours to do
      Call the customer, and say when.
    error: `call` wants a note: what was done
     hint: add --note TEXT; it is kept in the journal
    --- exit status: 2
    ");
    assert_snapshot!(project.run(&["done", &run, "call", "--note", "at noon"]).code(0), @"
    $ runbook done [RUN] call --note at noon
    --- stderr
    call is yours to do
      Call the customer, and say when.
    call: done; go on with `runbook resume [RUN]`
    ");
    let shown = project.run(&["resume"]).code(3).to_string();
    assert!(shown.contains("| at noon"), "{shown}");
    assert_snapshot!(project.run(&["done", &run, "go", "--note", "x"]).code(2), @"
    $ runbook done [RUN] go --note x
    --- stderr
    error: `go` of run [RUN] asks for a decision: there is nothing to be done
     hint: say yes or no: `runbook approve [RUN] go [--reject]`
    --- exit status: 2
    ");
}

#[test]
fn consent_to_a_protected_run_is_recorded() {
    let project = super::deploy();
    let shown =
        project.run(&["exec", "deploy", "--var", "env=prod", "--yes", "--format", "json"]).code(0).stdout;
    let opened = shown.lines().find(|line| line.contains("\"opened\"")).expect("the first event");
    assert!(opened.contains(r#""consent":{"name":"ann""#) && opened.contains(r#""via":"flag"}"#), "{opened}");
    let shown = project.run(&["exec", "deploy", "--var", "env=staging", "--format", "json"]).code(0).stdout;
    assert!(!shown.contains("consent"), "nothing had to be confirmed: {shown}");
}
