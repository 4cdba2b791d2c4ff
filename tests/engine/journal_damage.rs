//! A journal on a disk that lies, on one that is read only, and one whose making was cut off.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use runbook::journal::{Filter, JournalError, Store};
use runbook::machine::Event;

use crate::support::live::{Live, spawned};
use crate::support::project::Project;

const SLOW: &str = r#"
runbook: slow
title: Slow
steps:
  - {id: first, for_each: [1, 2, 3, 4, 5, 6], max_parallel: 1, shell: 'echo {{ item }}', irreversible: It only prints.}
  - {id: slow, shell: 'until [ -e go ]; do sleep 0.05; done', irreversible: It only waits.}
"#;

fn beside(journal: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", journal.display()))
}

/// Copies a journal and its log, as a machine that lost its power would have left them.
fn copied(journal: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        fs::copy(beside(journal, suffix), beside(to, suffix)).expect("it can be copied");
    }
    let _ = fs::remove_file(beside(to, "-shm"));
}

/// Each page in the log has a checksum, and what follows a wrong one is as if it had never been written: the run stands
/// where it stood a moment before, and what was written of it is whole.
#[test]
fn a_log_with_flipped_bytes_gives_an_earlier_moment_or_an_error_and_nothing_else() {
    let project = Project::new().file("runbooks/slow.yaml", SLOW);
    // It keeps the log from being emptied when others leave.
    let engine = Live::start(project.command(&["exec", "slow"]));
    spawned(&project, "slow");
    let copy = project.root().join("copy.db");
    copied(&project.journal(), &copy);
    engine.kill();
    project.write("go", "");
    let events = |journal: &Path| -> Result<Vec<Event>, JournalError> {
        let store = Store::open(journal)?;
        let Some(run) = store.runs(&Filter::default())?.pop() else { return Ok(Vec::new()) };
        store.verify(&run.id)?;
        Ok(store.load(&run.id)?.records.into_iter().map(|record| record.event).collect())
    };
    let broken = project.root().join("broken.db");
    copied(&copy, &broken);
    let whole = events(&broken).expect("nothing was flipped yet");
    assert!(whole.len() > 20, "{whole:?}");
    let log = fs::read(beside(&copy, "-wal")).expect("there is a log");
    let (mut shorter, mut refused) = (0, 0);
    // At odd distances, so that headers, indexes and bodies are all hit.
    for at in (0..log.len()).step_by(log.len() / 61) {
        copied(&copy, &broken);
        let mut flipped = log.clone();
        flipped[at] ^= 0x40;
        fs::write(beside(&broken, "-wal"), flipped).expect("it can be written");
        match events(&broken) {
            Ok(found) => {
                assert!(whole.starts_with(&found), "flipped at {at}: {found:?}");
                shorter += usize::from(found.len() < whole.len());
            }
            Err(JournalError::Corrupt { .. } | JournalError::Tampered(_)) => refused += 1,
            Err(other) => panic!("flipped at {at}: {other:?}"),
        }
    }
    assert!(shorter > 5, "{shorter} shorter, {refused} refused");
}

/// Everything that only reads works, and what would write says in one line that it can't; nothing is begun.
#[test]
fn on_a_read_only_mount_a_run_can_be_read_and_nothing_else() {
    let project = Project::new().file("runbooks/slow.yaml", SLOW.replace("[ -e go ]", "! [ -e runbooks ]"));
    let engine = Live::start(project.command(&["exec", "slow", "--store", "state/j.db"]));
    engine.says("slow started");
    engine.kill();
    let state = project.root().join("state");
    // First as the dead engine left it; then with a log and no index of it, as a copy is.
    for log in [false, true] {
        let left = project.root().join("left");
        if log {
            fs::create_dir_all(&left).expect("a folder can be made");
            let store = Store::open(state.join("j.db")).expect("a journal");
            let run = store.runs(&Filter::default()).expect("a run").remove(0).id;
            let by = runbook::driver::person("ann", "command");
            let ask = runbook::journal::Ask::Done { step: "slow".to_owned(), note: None };
            store.post(&run, runbook::driver::now(), &by, &ask).expect("it can be written");
            copied(&state.join("j.db"), &left.join("j.db"));
        }
        let folder = if log { "left" } else { "state" };
        let store = format!("{folder}/j.db");
        let before = fs::read(project.root().join(&store)).expect("a journal");
        let (mut said, mut mounted) = (String::new(), true);
        for verb in [
            "runs --all",
            "status",
            "logs RUN",
            "verify RUN",
            "report RUN",
            "exec slow",
            "resume",
            "rollback --yes",
            "cancel RUN",
        ] {
            let run = fs::read_dir(state.join("j.db.d")).expect("its output is there").next();
            let run =
                run.expect("one run").expect("it can be read").file_name().into_string().expect("ASCII");
            let script = format!(
                "mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} || exit 77; exec {} {} --store {store}",
                env!("CARGO_BIN_EXE_runbook"),
                verb.replace("RUN", &run)
            );
            let mut command = Command::new("unshare");
            command.args(["-rm", "sh", "-c", &script]).current_dir(project.root()).env_clear();
            let plain = project.command(&[]);
            command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
            let output = match command.output() {
                Ok(output) if output.status.code() != Some(77) => output,
                _ => {
                    mounted = false;
                    break;
                }
            };
            let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            let reads = verb.contains("RUN") && !verb.starts_with("cancel")
                || matches!(verb, "runs --all" | "status");
            let wanted = if reads { Some(0) } else { Some(2) };
            assert_eq!(output.status.code(), wanted, "{verb} ({folder}): {text}");
            let refused = text.contains("opening the journal for writing failed")
                && text.contains("is read-only for you");
            assert_eq!(refused, !reads, "{verb} ({folder}): {text}");
            said.push_str(&text);
        }
        if !mounted {
            // Folders that may not be written are covered beside the code, which needs no right to mount.
            return eprintln!("skipped: nothing can be mounted here");
        }
        assert!(said.contains("in doubt") && said.contains("is as it was written"), "{said}");
        assert_eq!(fs::read(project.root().join(&store)).expect("a journal"), before);
    }
}

/// The form of a new journal is one commit: whoever comes next finds all of it or nothing.
#[cfg(debug_assertions)]
#[test]
fn a_journal_whose_making_was_killed_is_made_by_the_next_one() {
    for point in ["migrate:step", "migrate:commit", "migrate:committed"] {
        let project = Project::new().file("runbooks/slow.yaml", SLOW).file("go", "");
        let output = project.command(&["exec", "slow"]).env("RUNBOOK_CRASH_AT", point).output();
        assert_eq!(output.expect("the binary can be run").status.code(), None, "{point}: it was killed");
        let shown = project.run(&["runs", "--all"]).code(0).to_string();
        assert!(shown.contains("no runs yet"), "{point}: {shown}");
        project.run(&["exec", "slow"]).code(0);
        project.run(&["verify", &project.newest()]).code(0);
    }
}
