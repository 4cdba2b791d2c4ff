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
    assert_eq!(detached.to_string().matches("what the program does is written to").count(), 1, "{detached}");
    let run = project.newest();
    let path = folder(&project).join(format!("{run}.log"));
    crate::support::live::wait_until("its engine says so", || {
        fs::read_to_string(&path).is_ok_and(|text| text.contains("it rests"))
    });
    // What was said before there was an engine is there too.
    let detached = project.run(&["exec", "small", "-vv", "--detach"]).code(0);
    assert_eq!(detached.to_string().matches("what the program does is written to").count(), 1, "{detached}");
    let path = folder(&project).join(format!("{}.log", project.newest()));
    let text = fs::read_to_string(&path).expect("it is there");
    assert!(text.contains("the runbook is read"), "{text}");
    assert!(!folder(&project).join("runbook.log").exists());
}

#[test]
fn where_no_file_can_be_written_the_run_goes_on() {
    let project = small();
    project.run(&["exec", "small"]).code(0);
    fs::write(folder(&project), "in the way").expect("it can be written");
    let shown = project.run(&["exec", "small", "-vv"]).code(0);
    assert!(shown.to_string().contains("can't be written"), "{shown}");
    assert!(!shown.to_string().contains("DEBUG") && !shown.to_string().contains("INFO"), "{shown}");
}

#[test]
fn a_secret_in_an_error_of_the_system_is_masked_also_in_the_log_of_a_run_in_the_background() {
    let text = SMALL.replace("run: echo acting", "run: echo acting\n    dir: nowhere/hunter22-hunter22");
    let project = Project::new().file("runbooks/small.yaml", text).env("TOKEN", "hunter22-hunter22");
    for more in [&["exec", "small", "-vvv"][..], &["exec", "small", "-vvv", "--detach"]] {
        project.run(more);
        let path = folder(&project).join(format!("{}.log", project.newest()));
        crate::support::live::wait_until("it rests", || {
            fs::read_to_string(&path).is_ok_and(|text| text.contains("it rests"))
        });
        let text = fs::read_to_string(&path).expect("it is there");
        assert!(text.contains("nowhere/•••"), "{text}");
        assert!(!text.contains("hunter22"), "{text}");
    }
}

#[test]
fn what_libraries_say_is_in_no_log() {
    // Whatever listens there, a client says on its way to it what it is about to send.
    let project = small()
        .env("RUNBOOK_LOG", "trace")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer-of-a-token");
    project.run(&["exec", "small"]).code(0);
    let path = folder(&project).join(format!("{}.log", project.newest()));
    let text = fs::read_to_string(&path).expect("it is there");
    assert!(text.contains("TRACE runbook::"), "{text}");
    assert!(!text.contains("Bearer-of-a-token") && !text.contains("ureq"), "{text}");
}

#[test]
fn a_rehearsal_has_a_log_of_its_own_too() {
    let project = small();
    project.write("runbooks/small.tape.yaml", "tape: 1\nplain: true\nanswers: []\n");
    project.run(&["rehearse", "small", "-vv", "--tape", "runbooks/small.tape.yaml"]);
    let files = fs::read_dir(folder(&project)).expect("it is there");
    let names: Vec<_> = files.map(|file| file.expect("it is there").file_name()).collect();
    assert!(names.len() == 1 && names[0] != "runbook.log", "{names:?}");
}
