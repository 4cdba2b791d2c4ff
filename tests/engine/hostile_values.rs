//! Two thousand values made to break out of their place, in every place that a value can have in a command: each arrives as
//! it was, asserted from the argument lists and environments that the kernel shows of the children.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::project::Project;
use crate::support::shell::PIECES;

/// What means something to a terminal, a tool's arguments, or the language itself, beside what does to a shell.
const OWN: [&str; 33] = [
    "  ",
    "?",
    "[a-z]",
    "!!",
    "{a,b}",
    "--",
    "-n",
    "--help",
    "-e",
    "%n",
    "\u{1b}[2J",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{202e}",
    "日本",
    "🙂",
    "e\u{301}",
    "$(touch PWNED)",
    "`touch PWNED`",
    "${HOME}",
    "$'x'",
    "$((1+1))",
    "\n touch PWNED\n",
    "'; touch PWNED; '",
    "\"; touch PWNED; \"",
    "\\n",
    "\\\n",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "{# x #}",
    "<<EOF",
];

/// Whole values that are hostile by themselves.
const WHOLE: [&str; 20] = [
    "", " ", "\n", "\n\n\n", "a\n", "a\n\n", "\\", "a\\", "a\\\n", "'", "''", "\"", "-", "--", "-rf", "*",
    "~", "!", "#", "\r\n",
];

fn values(count: usize) -> Vec<String> {
    let mut state = 20_261_122_u64;
    let mut roll = |end: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % end
    };
    let pieces = [&PIECES[..], &OWN].concat();
    let mut made: Vec<String> = WHOLE.iter().map(|&whole| whole.to_owned()).collect();
    while made.len() < count {
        let parts = 1 + roll(8);
        let text: String = (0..parts).map(|_| pieces[roll(pieces.len())]).collect();
        made.push(text);
    }
    made
}

/// How many values one process is handed.
const EACH: usize = 100;

const SEPARATOR: &str = "\u{1}between\u{1}";

/// Keeps its own argument list and environment, as the kernel has them, and what it reads.
const CHILD: &str = "#!/bin/sh\nfor kind in cmdline environ; do cat /proc/$$/$kind >> $kind; printf '\\001end\\001' >> $kind; done\ncat >> stdin\nprintf '\\001end\\001' >> stdin\n";

fn numbered(count: usize, with: impl Fn(usize) -> String) -> String {
    (0..count).map(with).collect::<Vec<_>>().join(" ")
}

/// A runbook with one step for each place; each has an instance for each list of values.
fn runbook(each: usize) -> String {
    let item = |n: usize| format!("{{{{ item[{n}] }}}}");
    let steps = [
        ("words", json!({"run": format!("./child {}", numbered(each, item))})),
        (
            "list",
            json!({"run": (0..=each).map(|n| if n == 0 { "./child".to_owned() } else { item(n - 1) }).collect::<Vec<_>>()}),
        ),
        ("spread", json!({"run": ["./child", "{{ item }}"]})),
        ("bare", json!({"shell": format!("./child {}", numbered(each, item))})),
        ("double", json!({"shell": format!("./child {}", numbered(each, |n| format!("\"{}\"", item(n))))})),
        ("single", json!({"shell": format!("./child {}", numbered(each, |n| format!("'{}'", item(n))))})),
        (
            "nested",
            json!({"shell": format!("./child {}", numbered(each, |n| match n % 3 {
                0 => format!("\"$(printf '%s.' {})\"", item(n)),
                1 => format!("\"$(printf '%s.' \"{}\")\"", item(n)),
                _ => format!("\"$(printf '%s' \"$(printf '%s.' '{}')\")\"", item(n)),
            }))}),
        ),
        (
            "stdin",
            json!({"run": "./child", "stdin": (0..each).map(item).collect::<Vec<_>>().join(SEPARATOR)}),
        ),
        (
            "env",
            json!({"run": "./child", "env": (0..each).map(|n| (format!("V{n}"), item(n))).collect::<BTreeMap<_, _>>()}),
        ),
    ];
    let steps: Vec<Value> = steps
        .into_iter()
        .map(|(id, mut step)| {
            let entries = step.as_object_mut().expect("a step is a map");
            entries.insert("id".to_owned(), json!(id));
            entries.insert("effect".to_owned(), json!("read"));
            entries.insert("for_each".to_owned(), json!("lists"));
            entries.insert("max_parallel".to_owned(), json!(1));
            step
        })
        .collect();
    json!({"runbook": "pass", "title": "Pass values on", "vars": {"lists": {"type": "list"}}, "steps": steps})
        .to_string()
}

/// Runs every step over the lists and returns what the children had, by step: arguments, environment, what they read.
fn passed(lists: &[Vec<String>]) -> (Project, BTreeMap<&'static str, Vec<Vec<String>>>) {
    // What YAML takes only as an escape, JSON need not escape.
    let given = json!({"lists": lists})
        .to_string()
        .replace('\u{7f}', "\\u007f")
        .replace('\u{85}', "\\u0085")
        .replace('\u{feff}', "\\ufeff");
    let project = Project::new()
        .file("runbooks/pass.yaml", runbook(lists[0].len()))
        .file("v.yaml", given)
        .file("child", CHILD);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(project.root().join("child"), mode).expect("a mode can be set");
    project.run(&["exec", "pass", "--vars-file", "v.yaml"]).code(0);
    let ends = |file: &str| -> Vec<String> {
        let text = std::fs::read_to_string(project.root().join(file)).expect("the children wrote UTF-8");
        text.split_terminator("\u{1}end\u{1}").map(str::to_owned).collect()
    };
    let (argv, environ, stdin) = (ends("cmdline"), ends("environ"), ends("stdin"));
    let mut found = BTreeMap::new();
    let steps = ["words", "list", "spread", "bare", "double", "single", "nested", "stdin", "env"];
    for (step, from) in steps.into_iter().zip((0..).step_by(lists.len())) {
        let of = (from..from + lists.len()).map(|at| match step {
            "stdin" => stdin[at].split(SEPARATOR).map(str::to_owned).collect(),
            "env" => {
                let all: BTreeMap<&str, &str> =
                    environ[at].split('\0').filter_map(|entry| entry.split_once('=')).collect();
                (0..lists[at - from].len()).map(|n| all[format!("V{n}").as_str()].to_owned()).collect()
            }
            // The interpreter and the script's name stand before its arguments.
            _ => argv[at]
                .strip_suffix('\0')
                .unwrap_or(&argv[at])
                .split('\0')
                .skip(2)
                .map(str::to_owned)
                .collect(),
        });
        found.insert(step, of.collect());
    }
    (project, found)
}

#[track_caller]
fn arrived(lists: &[Vec<String>]) {
    let (project, found) = passed(lists);
    for (step, got) in &found {
        for (wanted, got) in lists.iter().zip(got) {
            assert_eq!(wanted.len(), got.len(), "{step}");
            for (wanted, got) in wanted.iter().zip(got) {
                // What `$(…)` prints ends with a dot, or the shell would cut off line ends.
                let wanted = if *step == "nested" { format!("{wanted}.") } else { wanted.clone() };
                assert!(wanted == *got, "{step}: {:?} became {:?}", wanted.get(..200), got.get(..200));
            }
        }
    }
    assert!(!project.has("PWNED"), "a value was run");
}

#[test]
fn two_thousand_values_arrive_in_every_place() {
    let lists: Vec<Vec<String>> = values(2_000).chunks(EACH).map(<[String]>::to_vec).collect();
    arrived(&lists);
}

#[test]
fn a_value_as_long_as_the_system_takes_arrives_in_every_place() {
    // A script is one argument, of at most 128 KiB, and what is quoted is longer than it was.
    let long = |piece: &str, size: usize| piece.repeat(size / piece.len());
    arrived(&[vec![long("long ", 100_000)], vec![long("é✓", 100_000)], vec![long("$x\n", 60_000)]]);
}

#[test]
fn a_folder_may_be_called_anything() {
    let mut names = values(300);
    names.retain(|name| !name.is_empty() && !name.contains('/') && !matches!(name.as_str(), "." | ".."));
    names.sort();
    names.dedup();
    let runbook = "runbook: pass\ntitle: T\nvars: {names: {type: list}}\nmax_parallel: 8\nsteps:\n  - {id: here, for_each: names, shell: pwd -P > here, dir: 'd/{{ item }}', effect: read}\n";
    let given = json!({"names": names})
        .to_string()
        .replace('\u{7f}', "\\u007f")
        .replace('\u{85}', "\\u0085")
        .replace('\u{feff}', "\\ufeff");
    let project = Project::new().file("runbooks/pass.yaml", runbook).file("v.yaml", given);
    for name in &names {
        std::fs::create_dir_all(project.root().join("d").join(name)).expect("a folder can be made");
    }
    project.run(&["exec", "pass", "--vars-file", "v.yaml"]).code(0);
    for name in &names {
        let folder = project.root().join("d").join(name);
        let said =
            std::fs::read_to_string(folder.join("here")).unwrap_or_else(|error| panic!("{name:?}: {error}"));
        assert!(said.ends_with(&format!("/d/{name}\n")), "{name:?} was {said:?}");
    }
    assert!(!project.has("PWNED"));
}

/// No argument, variable or path can hold it: it would end there.
#[test]
fn a_nul_is_refused_wherever_it_could_not_arrive() {
    for step in [
        "run: 'echo {{ v }}'",
        "run: [echo, '{{ v }}']",
        "shell: 'echo {{ v }}'",
        "shell: \"echo '{{ v }}'\"",
        "run: env, env: {V: '{{ v }}'}",
        "run: pwd, dir: '{{ v }}'",
    ] {
        let runbook = format!(
            "runbook: pass\ntitle: T\nvars: {{v: {{type: string}}}}\nsteps:\n  - {{id: a, effect: read, {step}}}\n"
        );
        let project = Project::new().file("runbooks/pass.yaml", runbook).file("v.yaml", "v: \"a\\0b\"\n");
        let shown = project.run(&["exec", "pass", "--vars-file", "v.yaml"]);
        let text = shown.to_string();
        let told = ["a NUL", "a zero byte", "\\x00"].iter().any(|word| text.contains(word));
        assert!(shown.code != Some(0) && told && !text.contains("panicked"), "{step}: {text}");
    }
}
