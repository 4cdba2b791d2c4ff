//! Nothing that only looks changes anything: every verb that looks meets every shipped runbook with every combination of
//! its vars, with nothing on the PATH but recorders that keep what they are asked.
//!
//! What a recorder is asked is judged by [`looks`]: it shares nothing with the engine's own table of changing verbs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::looks::looks;
use crate::support::project::Project;
use crate::support::search;

/// What is typed for each runbook; `NAME` and `VARS` are replaced. Whether it may start commands that only look: the
/// verbs that are to start none at all say so.
const TYPED: &[(&[&str], Starts)] = &[
    (&["check", "NAME"], Starts::Nothing),
    (&["show", "NAME"], Starts::Nothing),
    (&["show", "NAME", "--format", "json"], Starts::Nothing),
    (&["graph", "NAME"], Starts::Nothing),
    (&["graph", "NAME", "--format", "svg"], Starts::Nothing),
    (&["plan", "NAME", "VARS"], Starts::Nothing),
    (&["plan", "NAME", "VARS", "--full"], Starts::Nothing),
    (&["plan", "NAME", "VARS", "--format", "json"], Starts::Nothing),
    (&["plan", "NAME", "VARS", "--out", "the.plan"], Starts::Nothing),
    (&["show", "the.plan"], Starts::Nothing),
    (&["plan", "NAME", "VARS", "--observe"], Starts::WhatLooks),
    (&["plan", "NAME", "VARS", "--observe", "--format", "json"], Starts::WhatLooks),
];

/// What a verb may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Starts {
    Nothing,
    WhatLooks,
}

/// Values for the vars of shipped runbooks that have neither an enum nor a default.
/// With several values of one name each is tried: that of another platform does not bind, and is passed over.
const VALUES: &[(&str, &str)] = &[
    ("plan", "abc123"),
    ("limit", "5000"),
    ("service", "deal-service"),
    ("service", "usage-metering"),
    ("replicas", "3"),
    ("max", "30"),
    ("connections", "300"),
    ("nodes", "8"),
];

/// The programs that are recorded besides those that the runbooks begin their commands with.
const PROGRAMS: &[&str] =
    &["sh", "bash", "dash", "env", "kubectl", "aws", "helm", "npm", "git", "ssh", "curl", "docker"];

struct Recorded {
    project: Project,
    log: PathBuf,
}

impl Recorded {
    fn new() -> Recorded {
        let project = Project::new();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks"), &project.root().join("runbooks"));
        let (bin, log) = (project.root().join("../bin"), project.root().join("../asked"));
        fs::create_dir_all(&bin).expect("a folder");
        let project = project.env("PATH", bin.to_str().expect("a plain path"));
        let recorded = Recorded { project, log };
        PROGRAMS.iter().for_each(|program| recorded.record(program));
        recorded
    }

    /// Puts a recorder of this name on the PATH. It uses nothing but what its shell has built in, and answers with an empty
    /// list: what is asked for lists then goes on as far as it can.
    fn record(&self, program: &str) {
        let path = self.project.root().join("../bin").join(program);
        let log = self.log.display();
        let script = format!(
            "#!/bin/sh\nline={program}\nfor word in \"$@\"; do line=\"$line\t$word\"; done\nprintf '%s\\n\\036\\n' \"$line\" >> '{log}'\nprintf '{{\"items\": []}}'\n"
        );
        fs::write(&path, script).expect("a recorder");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be run");
    }

    /// Returns what the recorders were asked, word by word.
    fn asked(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let each = text.split("\n\u{1e}\n").filter(|line| !line.is_empty());
        each.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("a file");
        }
    }
}

/// Returns every combination of what the vars of a runbook can be: each of an enum, true and false, else the default.
fn combinations(vars: &Value) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    for var in vars.as_array().into_iter().flatten() {
        let name = var["name"].as_str().expect("a var has a name");
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let given = VALUES.iter().filter(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
        let given: Vec<String> = given.collect();
        let values: Vec<String> = match (var["enum"].as_array(), var["type"].as_str()) {
            (_, Some("secret")) => continue,
            (Some(values), _) if !values.is_empty() => values.iter().map(plain).collect(),
            (_, Some("boolean")) => vec!["true".to_owned(), "false".to_owned()],
            _ if given.is_empty() => continue,
            _ => given,
        };
        all = all
            .into_iter()
            .flat_map(|chosen: Vec<String>| {
                values.iter().map(move |value| {
                    [&chosen[..], &["--var".to_owned(), format!("{name}={value}")]].concat()
                })
            })
            .collect();
    }
    all
}

/// Returns every file of the project, but for the plan that it is told to keep.
fn files(project: &Project) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = search::files(&project.root());
    files.retain(|path, _| !path.ends_with("the.plan"));
    files
}

#[test]
fn no_verb_that_looks_changes_anything() {
    let recorded = Recorded::new();
    let project = &recorded.project;
    let before = files(project);
    let list: Value =
        serde_json::from_str(&project.run(&["list", "--format", "json"]).code(0).stdout).expect("a list");
    let (mut plans, mut commands) = (0, 0);
    for runbook in list["runbooks"].as_array().expect("runbooks") {
        let name = runbook["name"].as_str().expect("a name");
        let shown = project.run(&["show", name, "--format", "json"]).code(0).stdout;
        let vars = serde_json::from_str::<Value>(&shown).expect("a document")["vars"].clone();
        let mut bound = 0;
        for chosen in combinations(&vars) {
            let chosen: Vec<&str> = chosen.iter().map(String::as_str).collect();
            let planned = project.run(&[&["plan", name, "--format", "json"], &chosen[..]].concat());
            if planned.code != Some(0) {
                continue;
            }
            bound += 1;
            // Every program that the plan names is there to be recorded, so that starting it could not fail.
            let plan: Value = serde_json::from_str(&planned.stdout).expect("a plan");
            for step in plan["steps"].as_array().expect("steps") {
                for command in step["commands"].as_array().expect("commands") {
                    let text = command["command"].as_str().expect("text");
                    let program = text.split_whitespace().next().unwrap_or_default();
                    assert!(!program.contains('/'), "{name}: `{program}` is not looked for on the PATH");
                    if program.chars().all(|one| one.is_alphanumeric() || one == '-') {
                        recorded.record(program);
                    }
                    commands += 1;
                }
            }
            for (typed, starts) in TYPED {
                let words = typed.iter().flat_map(|word| match *word {
                    "NAME" => vec![name],
                    "VARS" => chosen.clone(),
                    other => vec![other],
                });
                let words: Vec<&str> = words.collect();
                let code = project.run(&words).code;
                assert_eq!(code, Some(0), "{words:?}");
                let asked = recorded.asked();
                match starts {
                    Starts::Nothing => assert!(asked.is_empty(), "{words:?} started {asked:?}"),
                    Starts::WhatLooks => {
                        let changing: Vec<_> = asked.iter().filter(|words| !looks(words)).collect();
                        assert!(changing.is_empty(), "{words:?} would have changed something: {changing:?}");
                    }
                }
                drop(fs::remove_file(&recorded.log));
                plans += 1;
            }
        }
        assert!(bound > 0, "{name} binds with no combination of its vars: add what it needs to VALUES");
    }
    let after = files(project);
    assert!(before == after, "a file of the project was changed");
    assert!(!project.journal().exists(), "a journal was made");
    assert!(plans > 50 && commands > 50, "{plans} calls, {commands} commands");
}

/// The recorders record: what is run meets them, and a change among it is seen as one.
#[test]
fn a_recorder_sees_what_is_run() {
    let recorded = Recorded::new();
    recorded.project.write(
        "runbooks/change.yaml",
        "runbook: change\ntitle: Change\nsteps:\n  - {id: look, run: kubectl get pods, effect: read}\n  - {id: scale, run: kubectl -n shop scale deployment/web --replicas=3, irreversible: A test.}\n",
    );
    recorded.project.run(&["plan", "change"]).code(0);
    assert_eq!(recorded.asked().len(), 0);
    recorded.project.run(&["exec", "change"]).code(0);
    let asked = recorded.asked();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!([looks(&asked[0]), looks(&asked[1])], [true, false]);
}
