//! Names, reasons, notes and output that try to draw on the terminal, or to be more than one word when pasted: on every
//! screen they are told in plain text.

use crate::support::project::Project;

const HOSTILE: &str = r#"
runbook: hostile
title: "A \e[31mtitle \u202E"
vars:
  keys: {type: map, default: {"a b;rm": 1, "x\e[31my\r": 2, "../../etc": 3, "q'u\"o": 4, "\u202Ebidi": 5, "l\nm": 6, "$(id)": 7}}
lock: "lo\e[31mck"
steps:
  - id: scale
    for_each: keys
    lock: "st\e[2Jep {{ item.key }}"
    max_parallel: 1
    shell: "printf 'a\\rb\\033[2Jc\\n'; false"
    rollback: {run: ["true", "{{ item.key }}"]}
  - id: hand
    needs: []
    for_each: keys
    manual: "Do {{ item.key }}"
  - id: go
    needs: []
    for_each: keys
    approve: {prompt: "Yes to {{ item.key }}?"}
"#;

#[test]
fn nothing_from_outside_draws_on_a_screen() {
    let project =
        Project::new().file("runbooks/hostile.yaml", HOSTILE).env("LOGNAME", "a\u{1b}[31m\u{202e}z");
    let why = "wh\u{1b}]0;y\u{7}\r\nline two \u{202e}";
    let plain = |arguments: &[&str]| {
        let output = project.command(arguments).output().expect("the binary can be run");
        let text = String::from_utf8([output.stdout, output.stderr].concat()).expect("it is UTF-8");
        // JSON is for programs: it escapes what controls a terminal, and keeps the rest as it is.
        let json = arguments.contains(&"json");
        let turns = |c: char| !json && ('\u{202a}'..='\u{202e}').contains(&c);
        let odd = text.chars().find(|c| (c.is_control() && *c != '\n') || turns(*c));
        assert_eq!(odd, None, "{arguments:?}: {text}");
        text
    };
    plain(&["exec", "hostile", "--reason", why]);
    let run = project.newest();
    let look = || {
        for arguments in [&["status", &run][..], &["runs", "--all"], &["report", &run], &["verify", &run]] {
            plain(arguments);
            plain(&[arguments, &["--format", "json"]].concat());
        }
        plain(&["report", &run, "--format", "html"]);
    };
    look();
    for key in ["a b;rm", "x\u{1b}[31my\r", "../../etc", "q'u\"o", "\u{202e}bidi", "l\nm", "$(id)"] {
        plain(&["done", &run, &format!("hand[{key}]"), "--note", why]);
        plain(&["approve", &run, &format!("go[{key}]"), "--note", why]);
        plain(&["done", &run, &format!("nothing[{key}]"), "--note", why]);
        plain(&["resume", &run, "--retry", &format!("nothing[{key}]")]);
    }
    let hint = plain(&["done", &run, "go[$(id)]", "--note", why]);
    assert!(hint.contains("has answered"), "{hint}");
    plain(&["resume", &run, "--skip", "scale[x\u{1b}[31my\r]", "--reason", why]);
    look();
    let status = plain(&["status", &run]);
    assert!(status.contains("'scale[a b;rm]'"), "what is to be pasted is one word: {status}");
    plain(&["rollback", &run]);
    plain(&["rollback", &run, "--yes"]);
    look();

    // Whatever the steps are called, their output stays in the run's folder.
    let folder = project.journal().with_extension("db.d").join(&run);
    let names = std::fs::read_dir(folder).expect("there is output");
    for name in names {
        let name = name.expect("it can be read").file_name().into_string().expect("it is plain");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.~[]".contains(c)), "{name}");
    }
}
