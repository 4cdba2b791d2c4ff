//! The schema for editors and the reader of files say the same of the shape of a file.

use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::prelude::*;
use runbook::diag::Code;
use runbook::load::{FileKind, Library, load_text, schema};
use serde_json::{Map, Value, json};

/// What the reader says of a file's shape, which a schema must say, too; all else takes more than a schema can tell.
const SHAPE: [Code; 8] = [
    Code::UnknownKey,
    Code::WrongType,
    Code::MissingKey,
    Code::BadDuration,
    Code::BadValue,
    Code::OneAction,
    Code::NoSteps,
    Code::NotADefault,
];

/// What the reader may say instead where a schema refuses: it knows better why, and then does not look at the rest.
const BETTER: [Code; 6] = [
    Code::EmptyFile,
    Code::KeyNeeds,
    Code::EmptyCommand,
    Code::NotWithUses,
    Code::NotAnExpression,
    Code::TapeCommand,
];

static SEEDS: LazyLock<Vec<(FileKind, &'static str, Value)>> = LazyLock::new(seeds);
static RUNBOOK: LazyLock<Validator> = LazyLock::new(|| validator(FileKind::Runbook));
static TEMPLATE: LazyLock<Validator> = LazyLock::new(|| validator(FileKind::Template));
static TAPE: LazyLock<Validator> = LazyLock::new(|| validator(FileKind::Tape));
static TEST: LazyLock<Validator> = LazyLock::new(|| validator(FileKind::Test));
static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    Library::built_in().with_text("demo/scale", include_str!("check/steps/demo/scale.yaml"))
});

fn seeds() -> Vec<(FileKind, &'static str, Value)> {
    let read = |text: &str| serde_yaml::from_str::<Value>(text).expect("a fixture that is right");
    vec![
        (FileKind::Runbook, "ok_full", read(include_str!("check/ok_full.yaml"))),
        (FileKind::Runbook, "ok_all_actions", read(include_str!("check/ok_all_actions.yaml"))),
        (FileKind::Template, "kubectl/scale", read(include_str!("../../steps/kubectl/scale.yaml"))),
        (FileKind::Template, "kubectl/hpa-floor", read(include_str!("../../steps/kubectl/hpa-floor.yaml"))),
        (FileKind::Tape, "ok_tape", read(include_str!("check/ok_tape.tape.yaml"))),
        (FileKind::Test, "ok_tests", read(include_str!("check/ok_tests.test.yaml"))),
        // The last one is not changed: it is large, and shows no more than the others.
        (
            FileKind::Runbook,
            "pre-scale-event",
            read(include_str!("../../runbooks/autolytiq/pre-scale-event.yaml")),
        ),
    ]
}

fn validator(kind: FileKind) -> Validator {
    jsonschema::draft7::new(&schema(kind)).expect("the schema is one")
}

fn refused(kind: FileKind, document: &Value) -> Vec<String> {
    let validator = match kind {
        FileKind::Runbook => &RUNBOOK,
        FileKind::Template => &TEMPLATE,
        FileKind::Tape => &TAPE,
        FileKind::Test => &TEST,
    };
    validator.iter_errors(document).map(|error| format!("{} {error}", error.instance_path())).collect()
}

/// Returns what the reader says.
fn told(kind: FileKind, name: &str, document: &Value) -> Vec<(Code, String)> {
    let loaded = load_text(document.to_string(), "a.yaml", name, kind, &LIBRARY);
    loaded.report.iter().map(|found| (found.code, found.message.clone())).collect()
}

#[test]
fn what_is_right_fits_the_schema() {
    for (kind, name, document) in SEEDS.iter() {
        let told = told(*kind, name, document);
        let shape: Vec<_> = told.into_iter().filter(|(code, _)| SHAPE.contains(code)).collect();
        assert_eq!((refused(*kind, document), shape), (Vec::new(), Vec::new()), "{name}");
    }
}

/// A value that may stand anywhere, right or wrong.
fn value() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!("text"),
        json!("5m"),
        json!("{{ x }}"),
        json!("pause"),
        json!("read"),
        json!(true),
        json!(3),
        json!(0),
        json!(-1),
        json!(0.5),
        json!(null),
        json!([]),
        json!(["a", 1, false]),
        json!([["a"]]),
        json!({}),
        json!({"run": "echo hi", "pass": "exit_code == 0"}),
        json!({"attempts": 2}),
        json!({"type": "string"}),
        json!({"type": "secret"}),
        json!("2026-12-01T08:00:00Z"),
        json!("change"),
        json!([{"id": "x", "run": "echo hi", "effect": "read"}]),
        json!({"prompt": "Go on?"}),
        json!({"env": "HOME"}),
        json!({"for": "5s"}),
        json!({"a": {"b": 5}}),
        json!([{"run": "echo hi", "stdout": "hi"}]),
        json!({"approve": true}),
        json!({"status": "failed"}),
        json!([{"rollback": {}, "expect": {"status": "failed"}}]),
        json!("unchanged"),
    ])
}

fn key() -> impl Strategy<Value = String> {
    let known = [FileKind::Runbook, FileKind::Template, FileKind::Tape, FileKind::Test].map(schema);
    let definitions = known.iter().filter_map(|schema| schema["definitions"].as_object());
    let mut names: Vec<String> = definitions
        .flat_map(Map::values)
        .filter_map(|definition| definition["properties"].as_object())
        .flat_map(Map::keys)
        .cloned()
        .collect();
    names.extend(["zzz", "cmd"].map(str::to_owned));
    names.sort();
    names.dedup();
    prop::sample::select(names)
}

/// What is done to a file at one place.
#[derive(Clone, Debug)]
enum Edit {
    Replace(Value),
    Remove,
    Add(String, Value),
}

fn edit() -> impl Strategy<Value = (usize, Edit)> {
    let edit = prop_oneof![
        3 => value().prop_map(Edit::Replace),
        2 => Just(Edit::Remove),
        4 => (key(), value()).prop_map(|(key, value)| Edit::Add(key, value)),
    ];
    (any::<usize>(), edit)
}

/// Returns the places in a document, as pointers.
fn places(document: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    let step = |key: &str| format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
    match document {
        Value::Object(map) => map.iter().for_each(|(key, value)| places(value, &step(key), found)),
        Value::Array(list) => {
            list.iter()
                .enumerate()
                .for_each(|(index, value)| places(value, &step(&index.to_string()), found));
        }
        _ => {}
    }
}

fn changed(document: &mut Value, which: usize, edit: Edit) {
    let mut all = Vec::new();
    places(document, "", &mut all);
    let at = &all[which % all.len()];
    match edit {
        Edit::Replace(value) => *document.pointer_mut(at).expect("it is a place") = value,
        Edit::Remove => {
            let Some((parent, key)) = at.rsplit_once('/') else { return };
            match document.pointer_mut(parent) {
                Some(Value::Object(map)) => drop(map.remove(&key.replace("~1", "/").replace("~0", "~"))),
                Some(Value::Array(list)) => drop(list.remove(key.parse().expect("an index"))),
                _ => {}
            }
        }
        Edit::Add(key, value) => {
            if let Some(Value::Object(map)) = document.pointer_mut(at) {
                map.insert(key, value);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn what_one_accepts_the_other_accepts(seed in 0..6_usize, edits in prop::collection::vec(edit(), 1..3)) {
        let (kind, name, mut document) = SEEDS[seed].clone();
        for (which, edit) in edits {
            changed(&mut document, which, edit);
        }
        let refused = refused(kind, &document);
        let all: Vec<(Code, String)> = told(kind, name, &document);
        let shape: Vec<_> = all.iter().filter(|(code, _)| SHAPE.contains(code)).collect();
        prop_assert!(
            !refused.is_empty() || shape.is_empty(),
            "the schema takes what the reader does not: {shape:?}\n{document:#}"
        );
        prop_assert!(
            refused.is_empty() || !shape.is_empty() || all.iter().any(|(code, _)| BETTER.contains(code)),
            "the reader takes what the schema does not: {refused:?}\n{document:#}"
        );
    }
}
