//! A run taken from an engine that lives: the old one starts and writes nothing more, says so, and leaves its commands
//! to the new one, which waits for them.

use runbook::machine::Event;
use rustix::process::Signal;

use crate::support::live::{Live, records, spawned, wait_until};
use crate::support::project::Project;

const TWO: &str = r#"
runbook: two
title: Two steps
steps:
  - id: first
    shell: 'echo first >> ledger; while [ ! -e go ]; do sleep 0.05; echo tick; done; echo end >> ledger'
    idempotent: true
    on_interrupt: ask
    irreversible: It only writes.
  - id: second
    shell: 'echo second >> ledger'
    irreversible: It only writes.
"#;

fn two() -> Project {
    Project::new().file("runbooks/two.yaml", TWO)
}

fn ledger(project: &Project) -> String {
    std::fs::read_to_string(project.root().join("ledger")).unwrap_or_default()
}

fn takeover(project: &Project) -> Live {
    let mut command = project.command(&["resume", "--takeover", "--reason", "ann went home"]);
    command.env("LOGNAME", "ben");
    Live::start(command)
}

#[test]
fn the_old_engine_says_so_and_leaves_its_command_to_the_new_one() {
    let project = two();
    let mut old = Live::start(project.command(&["exec", "two"]));
    spawned(&project, "first");
    let held = project.run(&["resume"]).code(6).to_string();
    assert!(
        held.contains(&format!("driven by ann on {}", hostname())) && held.contains("--takeover --reason"),
        "{held}"
    );
    let usage = project.run(&["resume", "--takeover"]).code(2).to_string();
    assert!(usage.contains("--takeover needs a reason"), "{usage}");

    let new = takeover(&project);
    new.says("Waiting until it has ended");
    old.says("was taken over by ben on");
    let events = records(&project).len();
    assert!(!old.is_over(), "it still reads what the command prints, which SIGPIPE would kill otherwise");
    project.write("go", "");
    let said = old.ends_with(6);
    assert!(said.contains("first: it exited with 0 (this is in no journal)"), "{said}");
    let said = new.ends_with(3);
    assert!(said.contains("taken over by ben@") && said.contains("(ann went home)"), "{said}");
    assert_eq!(ledger(&project), "first\nend\n", "it was let finish, and nothing ran twice or too early");
    assert!(records(&project).len() > events);
    let fact = records(&project).into_iter().find_map(|record| match record.event {
        Event::TakenOver { by, from, reason, .. } => Some((by.name, from.name, reason)),
        _ => None,
    });
    assert_eq!(fact, Some(("ben".to_owned(), "ann".to_owned(), "ann went home".to_owned())));
    project.run(&["verify", &project.newest()]).code(0);

    project.run(&["resume", "--done", "first", "--reason", "seen"]).code(0);
    assert_eq!(ledger(&project), "first\nend\nsecond\n");
}

fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[test]
fn an_idle_engine_notices_too() {
    let text = "runbook: two\ntitle: Wait\nsteps:\n  - {id: rest, wait: 10m}\n  - {id: second, run: touch ledger, irreversible: It only writes.}\n";
    let project = Project::new().file("runbooks/two.yaml", text);
    let old = Live::start(project.command(&["exec", "two"]));
    wait_until("it waits", || records(&project).iter().any(|one| matches!(one.event, Event::Started { .. })));
    let new = takeover(&project);
    let said = old.ends_with(6);
    assert!(said.contains("was taken over by ben on"), "{said}");
    wait_until("the new one drives", || {
        records(&project).iter().any(|one| matches!(one.event, Event::Resumed { .. }))
    });
    new.signal(Signal::INT);
    new.ends_with(130);
}

#[test]
fn a_suspended_engine_can_start_nothing_after_it() {
    let project = two();
    let old = Live::start(project.command(&["exec", "two"]));
    spawned(&project, "first");
    old.signal(Signal::STOP);
    let new = takeover(&project);
    new.says("Waiting until it has ended");
    project.write("go", "");
    let said = new.ends_with(3);
    assert!(said.contains("does not react"), "{said}");
    let (status, _) = old.end();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(Signal::KILL.as_raw()));
    assert_eq!(ledger(&project), "first\nend\n");
}

#[test]
fn a_suspended_engine_is_not_forgotten_when_who_took_over_leaves() {
    let project = two();
    let old = Live::start(project.command(&["exec", "two"]));
    spawned(&project, "first");
    old.signal(Signal::STOP);
    let new = takeover(&project);
    new.says("Waiting until it has ended");
    new.signal(Signal::INT);
    new.ends_with(130);
    project.write("go", "");
    // It could start what it has committed to as soon as somebody wakes it.
    let said = project.run(&["resume"]).code(3).to_string();
    assert!(said.contains("does not react"), "{said}");
    let (status, _) = old.end();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(Signal::KILL.as_raw()));
}

#[test]
fn who_leaves_the_old_terminal_leaves_the_command_alone() {
    // It prints nothing, so nothing kills it when nobody reads any more.
    let project = Project::new().file("runbooks/two.yaml", TWO.replace("echo tick; ", ""));
    let old = Live::start(project.command(&["exec", "two"]));
    spawned(&project, "first");
    let new = takeover(&project);
    old.says("was taken over by ben on");
    old.signal(Signal::INT);
    old.ends_with(6);
    project.write("go", "");
    new.ends_with(3);
    assert_eq!(ledger(&project), "first\nend\n");
}
