//! A secret goes to a command and nowhere else: not to a screen, a file, the journal, or another command's arguments.

use std::fs;
use std::path::Path;

use crate::support::project::Project;

const SECRET: &str = "s3cr\"et/va+lue&x<y 'z";

/// Every spelling in which a command of the runbook prints it; none may be found anywhere.
const SPELLED: [&str; 5] = ["s3cr", "czNjcg", "czNjciJ", "733363722265", "s3cr%22"];

const LEAKY: &str = r#"
runbook: leaky
title: Prints its secret
summary: Prints the secret in every way it can.
vars:
  token: {type: secret, from: {env: LEAKY_TOKEN}}
steps:
  - id: prints
    env: {TOKEN: "{{ token }}"}
    effect: read
    shell: |
      echo "out $TOKEN"; echo "err $TOKEN" >&2
      printf %s "$TOKEN" | base64
      printf 'user:%s' "$TOKEN" | base64
      printf %s "$TOKEN" | od -An -v -tx1 | tr -d ' \n'; echo
      printf %s "$TOKEN" | sed 's/&/\&amp;/; s/</\&lt;/; s/"/\&quot;/'; echo
    outputs: {said: stdout, first: "lines | first"}
  - id: shows
    effect: read
    stdin: "shown {{ token }}"
    run: cat
  - id: gate
    gate:
      shell: "cat >&2; exit 3"
      stdin: "Bearer {{ token }}"
      pass: json.ready
"#;

fn leaky(text: &str) -> Project {
    Project::new().file("runbooks/leaky.yaml", text).env("LEAKY_TOKEN", SECRET)
}

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read(&path).expect("a file can be read")));
        }
    }
}

#[track_caller]
fn nowhere(what: &str, bytes: &[u8]) {
    for spelled in SPELLED {
        let at = bytes.windows(spelled.len()).position(|window| window == spelled.as_bytes());
        let around = at.map(|at| String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 80)]).into_owned());
        assert_eq!(around, None, "{what} holds {spelled}");
    }
}

#[test]
fn it_is_in_nothing_that_is_shown_or_stored() {
    let project = leaky(LEAKY);
    let shown = |arguments: &[&str], code: i32| {
        let output = project
            .command(arguments)
            .env("RUST_BACKTRACE", "1")
            .env("RUNBOOK_LOG", "trace")
            .output()
            .expect("the binary can be run");
        let all = [output.stdout, output.stderr].concat();
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&all));
        nowhere(&arguments.join(" "), &all);
        String::from_utf8(all).expect("what it writes is UTF-8")
    };
    shown(&["plan", "leaky"], 0);
    shown(&["show", "leaky"], 0);
    assert!(shown(&["exec", "leaky"], 1).contains("could not tell: it exited with 3: Bearer •••"));
    let run = project.newest();
    shown(&["exec", "leaky", "--format", "json"], 1);
    shown(&["status", &run], 0);
    shown(&["status", &run, "--format", "json"], 0);
    assert!(shown(&["logs", &run], 0).contains("out •••"));
    shown(&["resume", &run], 1);
    shown(&["rollback", &run, "--yes"], 0);

    let mut stored = Vec::new();
    files(project.journal().parent().expect("it has a folder"), &mut stored);
    assert!(stored.len() > 3, "{stored:?}");
    stored.iter().for_each(|(path, bytes)| nowhere(path, bytes));
}

#[test]
fn what_was_printed_with_a_secret_is_not_handed_on_without_it() {
    let runbook =
        LEAKY.replace("stdin: \"shown {{ token }}\"", "stdin: \"{{ steps.prints.outputs.first }}\"");
    let shown = leaky(&runbook).run(&["exec", "leaky"]).code(1).to_string();
    assert!(shown.contains("shows FAILED"), "{shown}");
    assert!(shown.contains("it would be given `•••` in place of a secret"), "{shown}");
}

/// The old value is about to be overwritten; a rollback that writes `•••` back would be worse than none.
#[test]
fn a_change_that_could_not_be_put_back_for_a_secret_is_not_begun() {
    let project = leaky(
        r#"
runbook: leaky
title: Replaces a file that holds a secret
summary: Replaces it.
vars:
  token: {type: secret, from: {env: LEAKY_TOKEN}}
steps:
  - id: replace
    env: {TOKEN: "{{ token }}"}
    capture: {run: cat config, outputs: {old: stdout}}
    shell: echo "$TOKEN" > config
    rollback:
      shell: cat > config
      stdin: "{{ captured.old }}"
"#,
    )
    .file("config", SECRET);
    let shown = project.run(&["exec", "leaky"]).code(1).to_string();
    assert!(shown.contains("its rollback could not put it back"), "{shown}");
    assert_eq!(fs::read_to_string(project.root().join("config")).expect("it is there"), SECRET);
}

#[test]
fn check_finds_it_in_a_let() {
    let runbook = LEAKY
        .replace("steps:\n  - id: prints", "let:\n  bearer: \"Bearer {{ token }}\"\nsteps:\n  - id: prints");
    insta::assert_snapshot!(leaky(&runbook).run(&["check"]).code(2), @r#"
    $ runbook check
    error[RB0506]: `bearer` would hold the secret `token`, and `let` values are stored with the run
     --> runbooks/leaky.yaml:8:22
      |
    8 |   bearer: "Bearer {{ token }}"
      |                      ^^^^^
      |
      = help: use the secret itself where it is needed: in `env` or `stdin`

    1 runbook, 1 error
    --- exit status: 2
    "#);
}
