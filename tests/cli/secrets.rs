//! A secret goes to a command and nowhere else: not to a screen, a file, the journal, or another command's arguments.

use std::fs;

use crate::support::project::Project;
use crate::support::search;

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

#[track_caller]
fn nowhere(what: &str, bytes: &[u8]) {
    search::nowhere(what, bytes, &SPELLED);
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

    let stored = search::stored(&project);
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
    more about it: runbook explain RB0506
    --- exit status: 2
    "#);
}

/// The folder of a process is as public as its arguments, and stands in messages.
#[test]
fn it_is_no_part_of_a_folder() {
    let runbook = LEAKY.replace("    run: cat\n", "    run: cat\n    dir: \"/tmp/{{ token }}\"\n");
    let shown = leaky(&runbook).run(&["exec", "leaky"]).code(2).to_string();
    assert!(shown.contains("RB0402") && shown.contains("`dir`"), "{shown}");

    // Through a param that is no secret it is followed.
    let step = "  - id: shows\n    effect: read\n    stdin: \"shown {{ token }}\"\n    run: cat\n";
    let handed = "  - id: shows\n    uses: at\n    with: {place: \"/tmp/{{ token }}\"}\n";
    let template = "step: at\ntitle: At\nparams: {place: {type: string}}\nrun: cat\ndir: \"{{ place }}\"\neffect: read\n";
    assert!(LEAKY.contains(step));
    let project = leaky(&LEAKY.replace(step, handed)).file("steps/at.yaml", template);
    let shown = project.run(&["exec", "leaky"]).code(2).to_string();
    assert!(shown.contains("the secret `token` would become the name of a folder"), "{shown}");
    nowhere("exec", shown.as_bytes());
}

#[test]
fn a_command_gives_it_when_the_run_begins_and_not_before() {
    let project = Project::new()
        .file(
            "runbooks/asks.yaml",
            r#"
runbook: asks
title: Asks a password manager
vars:
  token: {type: secret, from: {command: [sh, -c, 'echo asked >> asked; cat vault; [ ! -e locked ] || { cat vault >&2; exit 3; }']}}
steps:
  - {id: tells, env: {TOKEN: "{{ token }}"}, shell: 'printf "%s\n" "got $TOKEN"; [ -e ok ]', irreversible: It is said.}
"#,
        )
        .file("vault", format!("{SECRET}\n"));
    for verb in [&["check"][..], &["show", "asks"], &["plan", "asks"], &["list"]] {
        project.run(verb).code(0);
    }
    assert!(!project.has("asked"));

    let began = project.run(&["exec", "asks"]).code(1).to_string();
    assert!(began.contains("| got •••\n"), "{began}");
    project.write("locked", "");
    let failed = project.run(&["resume"]).code(2).to_string();
    assert!(failed.contains("it exited with 3: •••"), "{failed}");
    std::fs::remove_file(project.root().join("locked")).expect("it is there");

    // Asked again, and changed since: what counts is what it is now.
    project.write("vault", "rotated/since then");
    project.write("ok", "");
    project.run(&["resume"]).code(0);
    let run = project.newest();
    let logs = project.run(&["logs", &run]).code(0).to_string();
    assert_eq!(logs.matches("got •••").count(), 2, "{logs}");
    let mut stored = search::stored(&project);
    stored.push(("screens".to_owned(), [began, failed, logs].concat().into_bytes()));
    for (path, bytes) in stored {
        nowhere(&path, &bytes);
        assert!(!String::from_utf8_lossy(&bytes).contains("rotated"), "{path}");
    }

    project.write("vault", "abc\n");
    let short = project.run(&["exec", "asks"]).code(2).to_string();
    assert!(short.contains("shorter than 4 bytes") && !short.contains("abc"), "{short}");
    assert_eq!(fs::read_to_string(project.root().join("asked")).expect("asked"), "asked\n".repeat(4));
}

/// Every spelling, by encoders of another hand, printed in pieces that cut it anywhere.
#[test]
fn no_spelling_of_it_comes_through_however_it_is_cut() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let secret = "p/ä\"s'w\\rd <&> of 30 bytes €!";
    let mut lines = vec![secret.to_owned()];
    for (before, after) in [("", ""), ("u", "x"), ("us", "yz"), ("usr:", "@host")] {
        let text = format!("{before}{secret}{after}");
        let json = serde_json::to_string(&text).expect("it is text");
        lines.extend([STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text), STANDARD.encode(&json)]);
        lines.push(STANDARD.encode(format!("{{\"auth\":\"{}\"}}", STANDARD.encode(&text))));
        lines.push(serde_json::to_string(&json).expect("it is text"));
        lines.push(json);
        for (every, between) in [(1, ""), (1, " "), (1, ":"), (2, " ")] {
            let pairs: Vec<String> = text.bytes().map(|byte| format!("{byte:02X}")).collect();
            let groups: Vec<String> = pairs.chunks(every).map(<[String]>::concat).collect();
            // What stands before shifts the pairs; only the secret's own are looked for.
            if before.len() % 2 == 0 {
                lines.push(groups.join(between));
            }
        }
        let percent = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02x}"),
        };
        lines.push(text.bytes().map(percent).collect());
    }
    let project = Project::new()
        .file(
            "runbooks/spells.yaml",
            r#"
runbook: spells
title: Spells
vars:
  token: {type: secret, from: {env: TOKEN}}
steps:
  - {id: spells, for_each: [1, 3, 7, 64], run: "dd if=spelled bs={{ item }}", effect: read}
  - {id: shows, env: {TOKEN: "{{ token }}"}, effect: read, shell: 'env; tr "\0" "\n" < /proc/$$/cmdline; printf "%s" "$TOKEN" | base64 -w 16; printf %s "$TOKEN" | od -An -tx1; false'}
"#,
        )
        .file("spelled", lines.join("\n") + "\n")
        .env("TOKEN", secret);
    let shown = project.run(&["exec", "spells"]).code(1).to_string();
    let logs = project.run(&["logs", &project.newest(), "spells[1]"]).code(0).to_string();
    let mut seen = search::stored(&project);
    seen.extend([("exec".to_owned(), shown.into_bytes()), ("logs".to_owned(), logs.clone().into_bytes())]);
    for line in &lines {
        // The middle is the secret's own, whatever stood around it.
        let all: Vec<char> = line.chars().collect();
        let middle: String = all[all.len() / 3..all.len() * 2 / 3].iter().collect();
        for (path, bytes) in &seen {
            assert!(!String::from_utf8_lossy(bytes).contains(&middle), "{path} holds {middle} of {line}");
        }
    }
    assert!(logs.matches("•••").count() >= lines.len(), "{logs}");
}
