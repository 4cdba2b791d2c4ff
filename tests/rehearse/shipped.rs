//! The tapes that are shipped, on a machine with nothing installed.

use std::path::Path;
use std::process::{Command, Output};

struct Empty(tempfile::TempDir);

impl Empty {
    fn new() -> Empty {
        Empty(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_runbook"))
            .args(arguments)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
            .env_clear()
            .env("PATH", self.0.path())
            .env("LOGNAME", "ann")
            .env("RUNBOOK_STORE", self.0.path().join("journal.db"))
            .output()
            .expect("the binary can be run")
    }

    #[track_caller]
    fn ends(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{shown}{said}");
        shown
    }

    fn newest(&self) -> String {
        let document: serde_json::Value =
            serde_json::from_str(&self.ends(&["runs", "--rehearsals", "--format", "json"], 0))
                .expect("one JSON document");
        document["runs"][0]["run"].as_str().expect("there is a rehearsal").to_owned()
    }
}

/// A shipped tape.
struct Tape {
    runbook: &'static str,
    approvals: &'static [&'static str],
    /// A step of each environment that is made to fail.
    failing: [(&'static str, &'static str); 2],
    /// What a rollback leaves, as it can't be undone.
    left: &'static [&'static str],
}

const TAPES: [Tape; 3] = [
    Tape {
        runbook: "pre-scale-event",
        approvals: &["--approve", "agreed", "--approve", "go"],
        failing: [("prod", "floors[deal-service]"), ("staging", "scale[deal-service]")],
        left: &["--approve", "warm-caches"],
    },
    Tape {
        runbook: "post-peak-scale-down",
        approvals: &[],
        failing: [("prod", "ceiling[api-gateway]"), ("staging", "aurora")],
        left: &[],
    },
    Tape {
        runbook: "pending-pods-triage",
        approvals: &["--approve", "grow/go"],
        failing: [("prod", "grow/ready"), ("staging", "grow/scale")],
        left: &[],
    },
];

#[test]
fn they_rehearse_forwards_and_back_with_and_without_a_failure() {
    for Tape { runbook, approvals, failing, left } in TAPES {
        for (env, failing) in failing {
            let empty = Empty::new();
            let var = format!("env={env}");
            let rehearse = [&["rehearse", runbook, "--var", &var, "--yes"], approvals].concat();
            empty.ends(&rehearse, 0);
            let run = empty.newest();
            empty.ends(&[&["rollback", &run, "--yes"], left].concat(), 0);
            let shown = empty.ends(&[&rehearse[..], &["--fail", failing]].concat(), 1);
            assert!(shown.contains(&format!("{failing} failed")), "{shown}");
            let run = empty.newest();
            empty.ends(&[&["resume", &run], approvals].concat(), 0);
            empty.ends(&[&rehearse[..], &["--fail", failing, "--on-failure", "rollback"]].concat(), 4);
        }
    }
}

/// That they hold is shown where all of them are played.
#[test]
fn each_runbook_has_tests() {
    let empty = Empty::new();
    let listed: serde_json::Value =
        serde_json::from_str(&empty.ends(&["list", "--format", "json"], 0)).expect("one JSON document");
    let tests = empty.ends(&["test", "--list"], 0);
    let without: Vec<&str> = listed["runbooks"]
        .as_array()
        .expect("a list of runbooks")
        .iter()
        .map(|runbook| runbook["name"].as_str().expect("a runbook has a name"))
        .filter(|name| !tests.lines().any(|test| test.starts_with(&format!("{name} › "))))
        .collect();
    assert_eq!(without, [""; 0], "runbooks without a file of tests beside them");
}
