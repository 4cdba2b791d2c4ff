//! Values in `shell` scripts against real shells: what comes out is what went in, and nothing else happens.

use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use runbook::model::Secrets;
use runbook::template::{Engine, Scope};

use crate::support::shell::PIECES;

const SHELLS: [&str; 2] = ["sh", "bash"];

/// What else means something to a shell, and leaves a trace when it is run.
const OWN: [&str; 7] =
    ["done", "$(: >PWNED)", "`: >PWNED`", "\n: >PWNED\n", "'; : >PWNED; '", "\"; : >PWNED; \"", "${x}"];

/// A script for one value that prints it, and what is printed around it.
const PLACES: [(&str, &str, &str); 22] = [
    (r"printf '%s\0' {{ v }}", "", ""),
    (r#"printf '%s\0' "{{ v }}""#, "", ""),
    (r"printf '%s\0' '{{ v }}'", "", ""),
    (r"printf '%s\0' a{{ v }}b", "a", "b"),
    (r#"printf '%s\0' "a {{ v }}"'b' "#, "a ", "b"),
    (r#"printf '%s\0' "$(printf '%s.' {{ v }})""#, "", "."),
    (r#"printf '%s\0' "$(printf '%s.' "$(printf '%s.' "{{ v }}")")""#, "", ".."),
    (r#"printf '%s\0' "$(printf '%s.' '{{ v }}')""#, "", "."),
    (r#"x={{ v }}; printf '%s\0' "$x""#, "", ""),
    (r#"a=1; printf '%s\0' "$a{{ v }}""#, "1", ""),
    (r"a=1; printf '%s\0' $a{{ v }}", "1", ""),
    ("cat <<'E' >/dev/null\nit's \"x\nE\nprintf '%s\\0' {{ v }}", "", ""),
    ("cat <<-E >/dev/null\n\ta $(echo \"b\") '\n\tE\nprintf '%s\\0' \"{{ v }}\"", "", ""),
    ("# it's a comment\nprintf '%s\\0' {{ v }}", "", ""),
    (r#"case x in x) printf '%s\0' "{{ v }}";; esac"#, "", ""),
    (r"case {{ v }} in {{ v }}) printf '%s\0' {{ v }};; *) echo missed;; esac", "", ""),
    (r#"case "{{ v }}" in x | "{{ v }}") printf '%s\0' '{{ v }}';; *) echo missed;; esac"#, "", ""),
    (r"case a{{ v }}b in (a'{{ v }}'?) printf '%s\0' {{ v }};; *) echo missed;; esac", "", ""),
    (r"case {{ v }} in *{{ v }}*) printf '%s\0' {{ v }} ;; esac", "", ""),
    (r#"f() { printf '%s\0' "$1"; }; f {{ v }}"#, "", ""),
    (r"y=`echo 'a b'`; (printf '%s\0' {{ v | quote }})", "", ""),
    (r#"printf '%s\0' ${z:-'d e'}"${z:-f}{{ v }}""#, "d ef", ""),
];

/// The same, for what only bash has.
const BASH_PLACES: [(&str, &str, &str); 4] = [
    (r"cat <(printf '%s\0' {{ v }})", "", ""),
    (r#"cat <(printf '%s\0' "{{ v }}")"#, "", ""),
    (r"cat <(printf '%s\0' 'a{{ v }}'b)", "a", "b"),
    (r#"cat < <(printf '%s\0' "$(printf '%s.' {{ v }})")"#, "", "."),
];

/// Pieces of scripts that move values from place to place.
const FRAGMENTS: [&str; 44] = [
    "'",
    "\"",
    "`",
    "$(",
    ")",
    "(",
    "${x:-",
    "}",
    "$((1+",
    "))",
    "\\",
    " ",
    "\n",
    ";",
    "#",
    " #",
    "<<E\n",
    "<<'E'\n",
    "<<-E\n",
    "\nE\n",
    "\n\tE\n",
    "E",
    "echo ",
    ": ",
    "x=",
    "$x",
    "$",
    "$'",
    "<(",
    "case x in ",
    "x) ",
    " esac",
    "((",
    " && ",
    "|",
    ">f ",
    "<<<",
    "{{ v }}",
    "{{ v }}",
    "{{ v }}",
    "\"{{ v }}\"",
    "'{{ v }}'",
    "[ ",
    " ]",
];

fn shell(value: &str, src: &str) -> Option<String> {
    let mut scope = Scope::new();
    scope.set("v", value.into());
    let script = Engine::new().shell(src, &scope).ok()?;
    script.reveal(&Secrets::default())
}

fn run(shell: &str, script: &str, dir: &Path) -> Vec<u8> {
    let output = Command::new(shell)
        .args(["-c", script])
        .current_dir(dir)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{shell} could not be started: {error}"));
    output.stdout
}

fn hostile(most: usize) -> impl Strategy<Value = String> {
    pieces([&PIECES[..], &OWN].concat(), most)
}

fn pieces(pieces: Vec<&'static str>, most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(pieces), 1..most).prop_map(|parts| parts.concat())
}

fn sample<S: Strategy>(runner: &mut TestRunner, strategy: &S) -> S::Value {
    strategy.new_tree(runner).expect("these strategies reject nothing").current()
}

/// Scripts that nest as shells let them, and sometimes as they don't.
fn nested() -> impl Strategy<Value = String> {
    const LEAVES: &[&str] = &[
        "a",
        "{{ v }}",
        "{{ v }}",
        "$x",
        r"\'",
        "\\\"",
        "'it'",
        "\"q\"",
        "'{{ v }}'",
        "\"{{ v }}\"",
        "it's",
        "#",
        ":",
    ];
    prop::sample::select(LEAVES).prop_map(str::to_owned).prop_recursive(6, 40, 3, |inner| {
        const SHAPES: &[&str] = &[
            "\"@\"",
            "'@'",
            "$(@)",
            "\"$(@)\"",
            "${x:-@}",
            "\"${x:-@}\"",
            "`@`",
            "\"`@`\"",
            "$(( @ ))",
            "@ @",
            "@@",
            "@; @",
            "@\n@",
            "cat <<E\n@\nE\n@",
            "cat <<'E'\n@\nE\n@",
            "cat <<-E; @\n\t@\n\tE\n@",
            "# @\n@",
            "case x in x) @;; esac",
            "(@)",
            "((@); @)",
            "echo @",
            "x=@ @",
            "$'@'",
            "<(@)",
            "$(case x in x) @;; esac)",
            "cat <<E $(@\n)\n@\nE\n@",
            "@ <<<@",
            "$((@) | @)",
            "\"@$\"@",
            "f() { @; }; f @",
            "if @; then @; fi",
        ];
        (prop::sample::select(SHAPES), inner.clone(), inner.clone(), inner).prop_map(|(shape, a, b, c)| {
            let mut parts = [a, b, c].into_iter();
            shape
                .chars()
                .map(|letter| match letter {
                    '@' => parts.next().unwrap_or_default(),
                    other => other.to_string(),
                })
                .collect()
        })
    })
}

#[test]
fn however_a_script_nests_a_value_is_never_a_command() {
    let taken = never_a_command(&nested(), 500);
    assert!(taken > 50, "only {taken} scripts were taken");
}

#[test]
fn whatever_the_script_a_value_is_never_a_command() {
    let taken = never_a_command(&pieces(FRAGMENTS.to_vec(), 12), 700);
    assert!(taken > 50, "only {taken} scripts were taken: the fragments no longer fit");
}

/// Returns how many of the scripts were taken; runs those.
fn never_a_command(scripts: &impl Strategy<Value = String>, cases: usize) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let mut runner = TestRunner::deterministic();
    let hostile = hostile(4);
    let mut taken = 0;
    for _ in 0..cases {
        let (src, value) = (sample(&mut runner, scripts), sample(&mut runner, &hostile));
        let value =
            format!("{value}\n: >PWNED\n\"; : >PWNED #'; : >PWNED #$(: >PWNED)`: >PWNED`\nE\n: >PWNED\n");
        let Some(script) = shell(&value, &src) else { continue };
        if !src.contains("{{") {
            continue;
        }
        taken += 1;
        for shell in SHELLS {
            run(shell, &script, dir.path());
            assert!(!dir.path().join("PWNED").exists(), "{shell} ran a value\n{src:?}\n{script}");
        }
    }
    taken
}

/// Many values a process: starting one takes longer than all that it does here.
#[test]
fn two_thousand_values_come_out_as_they_went_in() {
    const TOGETHER: usize = 20;
    let dir = tempfile::tempdir().unwrap();
    let mut runner = TestRunner::deterministic();
    let hostile = hostile(8);
    for _ in 0..2_000 / TOGETHER {
        let values: Vec<String> = (0..TOGETHER).map(|_| sample(&mut runner, &hostile)).collect();
        for (shell_name, places) in [("sh", &PLACES[..]), ("bash", &[&PLACES[..], &BASH_PLACES].concat())] {
            let (mut script, mut wanted) = (String::new(), Vec::new());
            for value in &values {
                for (src, before, after) in places {
                    script += &shell(value, src).unwrap_or_else(|| panic!("{src} was refused"));
                    script.push('\n');
                    wanted.push((src, format!("{before}{value}{after}"), value));
                }
            }
            let got = run(shell_name, &script, dir.path());
            let got = String::from_utf8_lossy(&got);
            for (got, (src, wanted, value)) in got.split('\0').zip(&wanted) {
                assert_eq!(got, wanted, "{shell_name} {src:?} {value:?}");
            }
            assert_eq!(got.matches('\0').count(), wanted.len(), "{shell_name} {values:?}");
        }
    }
    assert!(!dir.path().join("PWNED").exists(), "a value was run as a command");
}
