//! A run taken from an engine that lives: the old one starts and writes nothing more, says so, and leaves its commands
//! to the new one, which waits for them.

use runbook::machine::Event;
use rustix::process::Signal;

use crate::support::live::{Live, killed, records, spawned, stopped, wait_until};
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

#[test]
fn who_watches_a_run_sees_it_go_on_with_the_new_file() {
    let project = two();
    let old = Live::start(project.command(&["exec", "two"]));
    spawned(&project, "first");
    let watch = Live::start(project.command(&["status", &project.newest(), "--watch"]));
    watch.says("first started");
    let third = "  - {id: third, shell: echo third, irreversible: It only writes.}\n";
    project.write("runbooks/two.yaml", format!("{TWO}{third}"));
    let new = Live::start(project.command(&["resume", "--takeover", "--latest", "--reason", "a third step"]));
    old.says("was taken over by");
    project.write("go", "");
    new.ends_with(3);
    let said = watch.ends_with(3);
    assert!(said.contains("the run goes on with the file as it is now"), "{said}");
    assert!(!said.contains("make sense"), "{said}");
    old.ends_with(6);
    project.run(&["resume", "--done", "first", "--reason", "seen"]).code(0);
    assert_eq!(ledger(&project), "first\nend\nsecond\n");
}

fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Whether the process has not ended; a zombie has.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['R', 'S', 'D', 'T']))
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
fn an_engine_in_the_background_says_in_its_log_what_it_waits_for() {
    let project = two();
    project.run(&["exec", "two", "--detach"]).code(0);
    let step = spawned(&project, "first");
    let new = takeover(&project);
    let folder = project.journal().with_extension("db.d").join(project.newest());
    let log = || std::fs::read_to_string(folder.join("engine.log")).unwrap_or_default();
    wait_until("it says so", || log().contains("What `first` still prints is read here until it ends"));
    project.write("go", "");
    new.ends_with(3);
    wait_until("it has told the end", || log().contains("first: it exited with 0 (this is in no journal)"));
    assert!(!lives(step.pid));
}

#[test]
fn what_a_resume_in_the_background_waits_for_is_told_before_it_goes_there() {
    // It prints nothing, so nothing kills it when nobody reads any more.
    let project = Project::new().file("runbooks/two.yaml", TWO.replace("echo tick; ", ""));
    killed(&project, "two", "first");
    let resume = Live::start(project.command(&["resume", "--detach", "--done", "first", "--reason", "seen"]));
    resume.says("Waiting until it has ended");
    project.write("go", "");
    resume.ends_with(0);
    wait_until("it goes on", || ledger(&project).ends_with("second\n"));
}

#[test]
fn a_suspended_engine_can_start_nothing_after_it() {
    let project = two();
    let old = Live::start(project.command(&["exec", "two"]));
    let step = spawned(&project, "first");
    old.signal(Signal::STOP);
    project.write("go", "");
    wait_until("its command is over", || !lives(step.pid));
    let new = takeover(&project);
    let said = new.ends_with(3);
    assert!(said.contains("does not react"), "{said}");
    let (status, _) = old.end();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(Signal::KILL.as_raw()));
    assert_eq!(ledger(&project), "first\nend\n");
}

#[test]
fn what_was_suspended_with_its_engine_is_not_waited_for_in_vain() {
    let project = two();
    let old = Live::start(project.command(&["exec", "two"]));
    let step = spawned(&project, "first");
    old.signal(Signal::TSTP);
    wait_until("both are suspended", || stopped(step.pid) && stopped(old.pid()));
    let new = takeover(&project);
    new.says("was suspended: it goes on, to let its commands end");
    project.write("go", "");
    let said = old.ends_with(6);
    assert!(said.contains("first: it exited with 0 (this is in no journal)"), "{said}");
    new.ends_with(3);
    assert_eq!(ledger(&project), "first\nend\n");
}

#[test]
fn a_suspended_command_of_a_dead_engine_goes_on() {
    // It prints nothing, so nothing kills it when nobody reads any more.
    let project = Project::new().file("runbooks/two.yaml", TWO.replace("echo tick; ", ""));
    let step = killed(&project, "two", "first");
    let group = rustix::process::Pid::from_raw(i32::try_from(step.pid).unwrap()).unwrap();
    rustix::process::kill_process_group(group, Signal::STOP).unwrap();
    let new = Live::start(project.command(&["resume"]));
    new.says("`first` was suspended: process");
    project.write("go", "");
    new.ends_with(3);
    assert_eq!(ledger(&project), "first\nend\n");
}

#[test]
fn a_takeover_that_comes_to_nothing_is_recorded_all_the_same() {
    // Another answer before anything is taken is refused there; this one comes after the old engine was fenced off.
    let target =
        "target:\n  who: {shell: 'echo x >> asked; test $(wc -l < asked) -lt 3 && echo me || echo you'}\n";
    let project =
        Project::new().file("runbooks/two.yaml", TWO.replace("steps:\n", &format!("{target}steps:\n")));
    let old = Live::start(project.command(&["exec", "two"]));
    spawned(&project, "first");
    let said = takeover(&project).ends_with(2);
    assert!(said.contains("you"), "{said}");
    project.write("go", "");
    old.ends_with(6);
    let taken = |one: &runbook::journal::Record| matches!(one.event, Event::TakenOver { .. });
    assert!(records(&project).iter().any(taken), "its engine was fenced off");
}

#[test]
fn a_suspended_engine_is_not_forgotten_when_who_took_over_leaves() {
    let project = two();
    let old = Live::start(project.command(&["exec", "two"]));
    let step = spawned(&project, "first");
    old.signal(Signal::STOP);
    let new = takeover(&project);
    new.says("it goes on, to let its commands end");
    old.signal(Signal::STOP);
    new.signal(Signal::INT);
    new.ends_with(130);
    project.write("go", "");
    wait_until("its command is over", || !lives(step.pid));
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
