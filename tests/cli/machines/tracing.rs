//! `-v`: what the program does goes to a file of the run, and to no screen.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::support::project::Project;

const SMALL: &str = "runbook: small\ntitle: Small\nvars:\n  token: {type: secret, from: {env: TOKEN}}\nsteps:\n  - id: act\n    \
                     run: echo acting\n    env: {TOKEN: \"{{ token }}\"}\n    verify: {run: echo ready, pass: \"stdout | trim == 'ready'\"}\n    irreversible: No.\n";

fn small() -> Project {
    Project::new().file("runbooks/small.yaml", SMALL).env("TOKEN", "hunter22-hunter22")
}

fn folder(project: &Project) -> PathBuf {
    project.journal().with_file_name("log")
}

#[test]
fn a_run_has_a_log_of_its_own_that_explains_where_time_went() {
    let project = small();
    let shown = project.run(&["exec", "small", "-vv"]).code(0);
    let run = project.newest();
    let path = folder(&project).join(format!("{run}.log"));
    assert_eq!(shown.to_string().matches("what the program does is written to").count(), 1, "{shown}");
    assert!(!shown.to_string().contains("DEBUG"), "{shown}");
    let text = fs::read_to_string(&path).expect("it is there");
    for said in [
        "the runbook is read",
        "a run is opened",
        "a command is begun",
        "its process is there",
        "it ended",
        "committed",
        "a gate answered",
        "it rests",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains("hunter22"), "{text}");
    let mode = |path: &std::path::Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&folder(&project))), (0o600, 0o700));
    // Taken up again it goes on in the same file.
    project.run(&["rollback", &run, "--yes", "-v"]).code(3);
    assert!(fs::read_to_string(&path).expect("it is there").starts_with(&text));
}

#[test]
fn without_it_there_is_no_file_and_what_is_of_no_run_has_one_name() {
    let project = small();
    project.run(&["exec", "small"]).code(0);
    assert!(!folder(&project).exists());
    let detached = project.run(&["exec", "small", "-v", "--detach"]).code(0);
    assert!(!detached.to_string().contains("INFO"), "{detached}");
    let run = project.newest();
    let path = folder(&project).join(format!("{run}.log"));
    crate::support::live::wait_until("its engine says so", || {
        fs::read_to_string(&path).is_ok_and(|text| text.contains("it rests"))
    });
}

#[test]
fn where_no_file_can_be_written_the_run_goes_on() {
    let project = small();
    project.run(&["exec", "small"]).code(0);
    fs::write(folder(&project), "in the way").expect("it can be written");
    let shown = project.run(&["exec", "small", "-vv"]).code(0);
    assert!(shown.to_string().contains("can't be written"), "{shown}");
}
