//! A value is one argument, or one word, whatever it holds: asserted from the argument list that the kernel shows of the
//! child.

use crate::support::project::Project;

/// What would do harm if it were ever read by a shell, or split.
const HOSTILE: [&str; 8] = [
    "x; rm -rf / #$(id)'\"",
    "$(touch pwned) `touch pwned` ${HOME}",
    "two words\tand a tab",
    "line one\nline two",
    "-n --flag=1 -- *",
    "'\"'\"'\\\\\\ !! ~ {a,b} [z]",
    "ünï → ✓",
    "{{ 7 * 7 }} {% raw %}",
];

/// Appends its own argument list, as the kernel has it, to `argv`, and what it reads to `stdin`.
const CHILD: &str = "#!/bin/sh\ncat /proc/$$/cmdline >> argv\nprintf '\\001' >> argv\ncat >> stdin\n";

const RUNBOOK: &str = r#"
runbook: pass
title: Pass a value on
vars:
  value: {type: string}
steps:
  - id: words
    run: ./child {{ value }} 'pre {{ value }} post'
    effect: read
  - id: list
    run: [./child, "{{ value }}", "{{ [value, value] }}"]
    effect: read
  - id: bare
    shell: ./child {{ value }} --x={{ value }}
    effect: read
  - id: double
    shell: './child "a {{ value }} b"'
    effect: read
  - id: single
    shell: "./child 'a {{ value }} b'"
    effect: read
  - id: nested
    shell: 'x=$(printf "%s." {{ value }}); ./child "$x"'
    effect: read
  - id: stdin
    run: ./child
    stdin: "{{ value }}"
    effect: read
"#;

/// Returns the argument lists in order, each without the interpreter and the script.
fn arguments(project: &Project) -> Vec<Vec<String>> {
    let bytes = std::fs::read(project.root().join("argv")).expect("the child wrote what it was given");
    let lists = bytes.split(|&byte| byte == 1).filter(|list| !list.is_empty());
    lists
        .map(|list| {
            let text = String::from_utf8(list.to_vec()).expect("arguments are UTF-8");
            text.trim_end_matches('\0').split('\0').skip(2).map(str::to_owned).collect()
        })
        .collect()
}

#[test]
fn a_value_stays_one_argument_whatever_it_holds() {
    for value in HOSTILE {
        let project = Project::new().file("runbooks/pass.yaml", RUNBOOK).file("child", CHILD);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(project.root().join("child"), mode).expect("a mode can be set");
        project.run(&["exec", "pass", "--var", &format!("value={value}")]).code(0);
        let v = value.to_owned();
        let expected = [
            vec![v.clone(), format!("pre {v} post")],
            vec![v.clone(), v.clone(), v.clone()],
            vec![v.clone(), format!("--x={v}")],
            vec![format!("a {v} b")],
            vec![format!("a {v} b")],
            vec![format!("{v}.")],
            vec![],
        ];
        assert_eq!(arguments(&project), expected, "{value}");
        let read = std::fs::read_to_string(project.root().join("stdin")).expect("the child read");
        assert_eq!(read, value);
        assert!(!project.has("pwned"), "a value was run: {value}");
    }
}
