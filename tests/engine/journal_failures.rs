//! The journal fails under a run: nothing more is started, what runs may finish, what could not be recorded is told, and
//! the run can be taken up again or it is said why not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::live::wait_until;
use crate::support::project::Project;

/// `slow` goes on until `go` is there; beside it `big` writes much into the journal, once `fill` is there.
const TWO: &str = r#"
runbook: two
title: Two branches
steps:
  - id: slow
    shell: 'until [ -e go ]; do sleep 0.05; done; echo slow >> ledger'
    irreversible: It is only a line.
  - id: big
    needs: []
    for_each: [1, 2, 3, 4, 5, 6, 7, 8]
    max_parallel: 1
    idempotent: true
    shell: 'touch began; until [ -e fill ]; do sleep 0.05; done; head -c 20000 /dev/zero | tr "\0" a'
    outputs: {said: stdout}
    irreversible: It is only output.
  - id: last
    needs: [slow, big]
    run: touch last
    irreversible: It is only a file.
"#;

fn two() -> Project {
    Project::new().file("runbooks/two.yaml", TWO)
}

/// The arguments of `project`'s binary behind a shell script that ends in `exec "$@"`.
fn behind(project: &Project, script: &str, arguments: &[&str]) -> Command {
    let plain = project.command(arguments);
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(plain.get_program()).args(plain.get_args());
    command.current_dir(project.root()).env_clear().stdin(Stdio::null());
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

/// An engine whose stdout goes to a file of the project.
struct Engine {
    child: Child,
    said: PathBuf,
}

impl Engine {
    fn start(project: &Project, mut command: Command) -> Engine {
        let said = project.root().join("said");
        let out = fs::File::create(&said).expect("a file can be made");
        let child = command.stdout(out).stderr(Stdio::piped()).spawn().expect("the binary can be run");
        let engine = Engine { child, said };
        wait_until("both branches began", || project.has("began") && engine.says("slow started"));
        engine
    }

    fn says(&self, text: &str) -> bool {
        fs::read_to_string(&self.said).is_ok_and(|said| said.contains(text))
    }

    /// Lets the slow step end, and returns the exit code and what stderr held.
    fn end(self, project: &Project) -> (Option<i32>, String) {
        project.write("go", "");
        let Output { status, stderr, .. } = self.child.wait_with_output().expect("it ends");
        (status.code(), String::from_utf8_lossy(&stderr).into_owned())
    }
}

/// What must hold whatever befell the journal: the slow step was left alone, its end is told, nothing more began.
#[track_caller]
fn stopped(project: &Project, (code, said): &(Option<i32>, String)) {
    assert_eq!(*code, Some(1), "{said}");
    assert!(said.contains("the journal could not be written, so run r"), "{said}");
    assert!(
        said.contains("ended, and recorded nowhere") && said.contains("\n  slow: it exited with 0\n"),
        "{said}"
    );
    let ledger = fs::read_to_string(project.root().join("ledger")).expect("the slow step ended");
    assert_eq!((ledger.as_str(), project.has("last")), ("slow\n", false), "{said}");
}

#[test]
fn a_disk_without_room_stops_the_run_and_after_room_is_made_it_is_resumed() {
    let project = two();
    let engine = Engine::start(&project, behind(&project, "ulimit -f 200; exec \"$@\"", &["exec", "two"]));
    project.write("fill", "");
    wait_until("the journal is full", || engine.says("the journal can't be written"));
    wait_until("it is told", || engine.says("nothing more is started; what runs may finish: slow"));
    let end = engine.end(&project);
    stopped(&project, &end);
    assert!(end.1.contains("`ulimit -f`") && end.1.contains("runbook resume r"), "{}", end.1);

    // There is room again. The step whose end is in no journal is in doubt, and not repeated.
    let status = project.run(&["status"]).code(0).to_string();
    assert!(status.contains("? slow") && status.contains("in doubt"), "{status}");
    let settled = project.run(&["resume", "--done", "slow", "--reason", "seen in the ledger"]).code(0);
    assert!(project.has("last"), "{settled}");
    assert_eq!(fs::read_to_string(project.root().join("ledger")).expect("it is there"), "slow\n");
    project.run(&["verify", &project.newest()]).code(0);
}

#[test]
fn a_disk_that_is_full_says_so_and_not_that_it_is_broken() {
    let project = two();
    project.write("fill", "");
    project.write("go", "");
    let script = "mkdir -p ../small && mount -t tmpfs -o size=300k none ../small 2>/dev/null || exit 77
        \"$@\"; echo \"exit $?\"; df ../small >/dev/null
        mount -o remount,size=9m none ../small; shift 4; PROGRAM resume --store ../small/j.db ||
        PROGRAM resume --store ../small/j.db --retry slow || PROGRAM resume --store ../small/j.db --retry big; echo \"exit $?\"";
    let script = script.replace("PROGRAM", env!("CARGO_BIN_EXE_runbook"));
    let mut command = Command::new("unshare");
    let inner = behind(&project, &script, &["exec", "two", "--store", "../small/j.db"]);
    command.args(["-rm", "sh"]).args(inner.get_args()).current_dir(project.root()).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = match command.output() {
        Ok(output) if output.status.code() != Some(77) && !output.stdout.is_empty() => output,
        // Covered by the limit on file sizes above, which needs no right to mount.
        _ => return eprintln!("skipped: no file system can be mounted here"),
    };
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(said.contains("exit 1\n") && said.contains("is full; make room"), "{said}");
    assert!(said.contains("exit 0\n") && project.has("last"), "{said}");
}

#[test]
fn a_journal_that_is_taken_away_is_saved_by_the_run_that_has_it_open() {
    let beside = |journal: &Path, suffix: &str| PathBuf::from(format!("{}{suffix}", journal.display()));
    type Take = fn(&Path);
    let away: [(&str, Take); 4] = [
        ("deleted", |journal| fs::remove_file(journal).expect("it is there")),
        ("replaced", |journal| {
            let copy = journal.with_extension("copy");
            fs::copy(journal, &copy).expect("it can be copied");
            fs::rename(&copy, journal).expect("it can be replaced");
        }),
        ("its log deleted", |journal| {
            fs::remove_file(format!("{}-wal", journal.display())).expect("it is there")
        }),
        ("its folder deleted", |journal| {
            fs::remove_dir_all(journal.parent().expect("it has a folder")).expect("it is there");
        }),
    ];
    for (what, take) in away {
        let project = two();
        let engine = Engine::start(&project, project.command(&["exec", "two"]));
        take(&project.journal());
        project.write("fill", "");
        wait_until(what, || engine.says("the journal can't be written"));
        let end = engine.end(&project);
        stopped(&project, &end);
        assert!(end.1.contains("was deleted or replaced while a run used it"), "{what}: {}", end.1);

        let run = end.1.split("so run ").nth(1).and_then(|rest| rest.split(' ').next()).expect("it is named");
        let saved = beside(&project.journal(), &format!(".saved-{run}"));
        assert_eq!(fs::metadata(&saved).expect("it was saved").permissions().mode() & 0o777, 0o600);
        let saved = saved.display().to_string();
        let verified = project.run(&["--store", &saved, "verify", run]).code(0).to_string();
        assert!(verified.contains("is as it was written"), "{what}: {verified}");
        let arguments = ["--store", &saved, "resume", "--done", "slow", "--reason", "seen"];
        let resumed = project.run(&arguments).code(0);
        assert!(project.has("last"), "{what}: {resumed}");
    }
}

/// That it can't be recorded any more is no reason not to obey. It is the very record of it that finds the journal gone.
#[test]
fn what_runs_is_stopped_by_sigterm_also_where_the_journal_is_gone() {
    let project = two();
    let mut engine = Engine::start(&project, project.command(&["exec", "two"]));
    let journal = rusqlite::Connection::open(project.journal()).expect("a journal");
    let events = "SELECT group_concat(body) FROM events";
    wait_until("their processes are known", || {
        let bodies = journal.query_row(events, [], |row| row.get::<_, String>(0));
        bodies.is_ok_and(|bodies| bodies.matches("\"kind\":\"spawned\"").count() == 2)
    });
    fs::remove_dir_all(project.journal().parent().expect("it has a folder")).expect("it is there");
    let pid = rustix::process::Pid::from_child(&engine.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    // Nobody lets the slow step end.
    wait_until("it ended", || engine.child.try_wait().expect("it is ours").is_some());
    let told = fs::read_to_string(&engine.said).expect("it is there");
    assert!(told.contains("nothing more is started; what runs is stopped: "), "{told}");
    let Output { status, stderr, .. } = engine.child.wait_with_output().expect("it ended");
    let said = String::from_utf8_lossy(&stderr);
    assert_eq!((status.code(), project.has("ledger")), (Some(1), false), "{said}");
    assert!(said.contains("ended, and recorded nowhere") && said.contains("\n  slow: "), "{said}");
}

#[test]
fn a_journal_that_another_process_keeps_locked_stops_the_run_after_a_while() {
    let project = two();
    let engine = Engine::start(&project, project.command(&["exec", "two"]));
    let other = rusqlite::Connection::open(project.journal()).expect("the journal is there");
    other.execute_batch("BEGIN EXCLUSIVE").expect("it can be locked");
    project.write("fill", "");
    wait_until("the run has waited long enough", || engine.says("the journal can't be written"));
    let end = engine.end(&project);
    stopped(&project, &end);
    assert!(end.1.contains("another process kept") && end.1.contains("fuser"), "{}", end.1);
    other.execute_batch("ROLLBACK").expect("it can be unlocked");
    project.run(&["resume", "--done", "slow", "--reason", "seen"]).code(0);
    assert!(project.has("last"));
}

#[test]
fn output_that_can_not_be_kept_fails_no_step_and_is_recorded() {
    let project = two();
    project.write("fill", "");
    project.write("go", "");
    let folder = PathBuf::from(format!("{}.d", project.journal().display()));
    fs::create_dir_all(folder.parent().expect("it has a folder")).expect("a folder can be made");
    fs::write(&folder, "in the way").expect("a file can be written");
    let shown = project.run(&["exec", "two"]).code(0).to_string();
    assert!(shown.contains("big[1] its output is not kept whole: "), "{shown}");
    assert!(project.has("last"));
    let stored = rusqlite::Connection::open(project.journal()).expect("a journal").query_row(
        "SELECT count(*) FROM events WHERE json_extract(body, '$.kind') = 'output-lost'",
        [],
        |row| row.get::<_, i64>(0),
    );
    assert_eq!(stored, Ok(8), "`slow` and `last` printed nothing that could be lost");
}

/// What a reader or a writer says of a damaged journal, and of what never was one.
#[test]
fn what_can_not_be_used_as_a_journal_is_told_in_one_line_and_left_alone() {
    let project = two();
    project.write("fill", "");
    project.write("go", "");
    project.run(&["exec", "two"]).code(0);
    let whole = fs::read(project.journal()).expect("the journal is there");
    let damaged = |from: usize, to: usize| {
        let mut bytes = whole.clone();
        bytes[from..to].iter_mut().for_each(|byte| *byte ^= 0x5a);
        bytes
    };
    let pages = whole.len() / 4096;
    let cases = [
        ("text", b"Not a database at all. ".repeat(99), "it is no SQLite database"),
        ("header", damaged(0, 16), "it is no SQLite database"),
        ("first-page", damaged(100, 200), "is damaged"),
        ("tables", damaged(4096 * 3, 4096 * pages), "is damaged"),
        ("cut", whole[..4096 * 2].to_vec(), "is damaged"),
        ("device", Vec::new(), "it is not a file"),
        ("pipe", Vec::new(), "it is not a file"),
        ("folder", Vec::new(), "it is a folder"),
        ("loop", Vec::new(), "symbolic links"),
    ];
    for (name, bytes, wanted) in cases {
        let path = project.root().join(name);
        match name {
            "device" => std::os::unix::fs::symlink("/dev/null", &path).expect("a link can be made"),
            "loop" => std::os::unix::fs::symlink(&path, &path).expect("a link can be made"),
            "pipe" => drop(Command::new("mkfifo").arg(&path).status().expect("a pipe can be made")),
            "folder" => fs::create_dir(&path).expect("a folder can be made"),
            _ => fs::write(&path, &bytes).expect("a file can be written"),
        }
        for verb in [&["runs", "--all"][..], &["status"], &["resume"], &["exec", "two"]] {
            let began = Instant::now();
            let shown = project.run(&[verb, &["--store", name]].concat()).code(2).to_string();
            assert!(shown.contains(wanted), "{name}: {shown}");
            assert_eq!(shown.matches("error:").count(), 1, "{name}: {shown}");
            assert!(began.elapsed() < Duration::from_secs(5), "{name}: {shown}");
        }
        if !bytes.is_empty() {
            assert!(fs::read(&path).expect("it is there") == bytes, "{name} was changed");
        }
    }
}

#[test]
fn a_run_that_was_altered_is_not_taken_up_again() {
    let cases = [
        ("UPDATE events SET body = replace(body, 'false', 'true') WHERE seq = 3", "event 3 is not"),
        ("UPDATE events SET at = at - 1 WHERE seq = 3", "event 3 is not the one that was written there"),
        ("DELETE FROM events WHERE seq = 4", "event 4 is missing"),
        ("DELETE FROM events WHERE seq > 5", "it has 5 events where 7 were written"),
        (
            "UPDATE snapshots SET body = replace(body, 'false', 'true ')",
            "its snapshot is not the one that was stored",
        ),
    ];
    for (sql, wanted) in cases {
        let project = Project::new().file(
            "runbooks/fails.yaml",
            "runbook: fails\ntitle: Fails\nsteps:\n  - id: a\n    run: \"false\"\n    irreversible: It is nothing.\n",
        );
        project.run(&["exec", "fails"]).code(1);
        let run = project.newest();
        let journal = rusqlite::Connection::open(project.journal()).expect("a journal");
        journal.execute_batch(sql).expect("it can be altered");
        for verb in [&["verify"][..], &["resume"], &["rollback", "--yes"]] {
            let shown = project.run(&[verb, &[run.as_str()]].concat()).code(1).to_string();
            assert!(shown.contains(wanted), "{sql}: {shown}");
            assert!(!shown.contains(" started: "), "{shown}");
        }
    }
}
