//! What was promised of each document stays promised: the schemas as they were kept, held against those of now.
//!
//! A field may come, and be written down with `RUNBOOK_BLESS=1 cargo test --test main machines`. None may go, change its type, be
//! left out where it always was, or lose a word that it may have, unless the version is raised, which is another promise.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use runbook::cli::outputs::{self, Output};
use serde_json::{Map, Value, json};

use super::name;

fn file(verb: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cli/machines/schemas/{verb}.json"))
}

#[test]
fn no_field_goes_or_changes_while_the_version_stays() {
    let bless = std::env::var_os("RUNBOOK_BLESS").is_some();
    let (mut broken, mut stale) = (Vec::new(), Vec::new());
    for verb in Output::value_variants() {
        let (now, verb) = (outputs::schema(*verb), name(*verb));
        // Their lines are those of `exec`.
        if matches!(verb.as_str(), "rehearse" | "resume" | "rollback") {
            let mut exec = outputs::schema(Output::Exec);
            exec["title"] = now["title"].clone();
            assert_eq!(exec, now);
            continue;
        }
        let text = format!("{now:#}\n");
        let kept = std::fs::read_to_string(file(&verb)).unwrap_or_default();
        if let Ok(then) = serde_json::from_str::<Value>(&kept) {
            broken.extend(lost(&then, &now).into_iter().map(|what| format!("{verb}: {what}")));
        }
        if text != kept {
            stale.push(verb.clone());
            if bless && broken.is_empty() {
                std::fs::create_dir_all(file(&verb).parent().expect("a folder")).expect("it can be made");
                std::fs::write(file(&verb), text).expect("it can be written");
            }
        }
    }
    assert!(broken.is_empty(), "programs rely on this; raise the version or keep it:\n{}", broken.join("\n"));
    let how = "RUNBOOK_BLESS=1 cargo test --test main machines";
    assert!(stale.is_empty() || bless, "new in the schemas of {}: {how}", stale.join(", "));
}

/// Returns what a reader of `then` could rely on and can't any more.
fn lost(then: &Value, now: &Value) -> Vec<String> {
    if version(then) != version(now) {
        return Vec::new();
    }
    let (mut before, mut after) = (Map::new(), Map::new());
    walk(then, then, "", &mut Vec::new(), &mut before);
    walk(now, now, "", &mut Vec::new(), &mut after);
    let mut lost = Vec::new();
    for (path, was) in &before {
        match after.get(path) {
            None => lost.push(format!("{path} is gone")),
            Some(is) if is != was => lost.push(format!("{path} was {was} and is {is}")),
            Some(_) => {}
        }
    }
    lost
}

/// Returns the version that a schema's documents have, wherever it stands.
fn version(schema: &Value) -> Option<&Value> {
    match schema {
        Value::Object(found) => found
            .get("properties")
            .and_then(|all| all.get("version")?.get("const"))
            .or_else(|| found.values().find_map(version)),
        Value::Array(found) => found.iter().find_map(version),
        _ => None,
    }
}

/// Writes down what may be relied on, by path: a field's type, whether it is always there, each word that it may have.
fn walk(schema: &Value, root: &Value, path: &str, inside: &mut Vec<String>, out: &mut Map<String, Value>) {
    let Some(found) = schema.as_object() else { return };
    if let Some(name) = found.get("$ref").and_then(Value::as_str)
        && !inside.iter().any(|one| one == name)
    {
        inside.push(name.to_owned());
        let meant = root.pointer(name.trim_start_matches('#')).expect("what is referred to is there");
        walk(meant, root, path, inside, out);
        inside.pop();
    }
    for key in ["type", "format"] {
        if let Some(value) = found.get(key) {
            out.insert(format!("{path} {key}"), value.clone());
        }
    }
    for word in found
        .get("const")
        .into_iter()
        .chain(found.get("enum").and_then(Value::as_array).into_iter().flatten())
    {
        out.insert(format!("{path} may be {word}"), json!(true));
    }
    for name in found.get("required").and_then(Value::as_array).into_iter().flatten() {
        out.insert(format!("{path}.{} is always there", name.as_str().unwrap_or_default()), json!(true));
    }
    for (name, one) in found.get("properties").and_then(Value::as_object).into_iter().flatten() {
        walk(one, root, &format!("{path}.{name}"), inside, out);
    }
    if let Some(items) = found.get("items") {
        walk(items, root, &format!("{path}[]"), inside, out);
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        for (number, one) in found.get(key).and_then(Value::as_array).into_iter().flatten().enumerate() {
            walk(one, root, &format!("{path}{}", which(one, root, number)), inside, out);
        }
    }
}

/// Returns what tells one of several forms from the others: its words, so that another may come before it.
fn which(one: &Value, root: &Value, number: usize) -> String {
    let words = |one: &Value| -> Vec<String> {
        let fields = one.get("properties").and_then(Value::as_object).into_iter().flatten();
        let said = fields.filter_map(|(name, one)| Some(format!("{name}={}", one.get("const")?.as_str()?)));
        said.collect()
    };
    if one.get("const").is_some() || one.get("enum").is_some() {
        return String::new();
    }
    let name = one.get("$ref").and_then(Value::as_str);
    let meant = name.and_then(|name| root.pointer(name.trim_start_matches('#'))).unwrap_or(one);
    match words(meant).as_slice() {
        [] => format!("<{number}>"),
        words => format!("<{}>", words.join(",")),
    }
}

#[test]
fn a_field_that_goes_is_noticed_and_one_that_comes_is_not() {
    let then = json!({"properties": {
        "version": {"const": 1}, "a": {"type": "string"}, "b": {"enum": ["x", "y"]}}, "required": ["a"]});
    let changed = |change: fn(&mut Value)| {
        let mut now = then.clone();
        change(&mut now);
        lost(&then, &now)
    };
    assert_eq!(changed(|now| now["properties"]["c"] = json!({"type": "string"})), [""; 0]);
    assert_eq!(
        changed(|now| drop(now["properties"].as_object_mut().map(|all| all.remove("a")))),
        [".a type is gone"]
    );
    assert_eq!(
        changed(|now| now["properties"]["a"]["type"] = json!("integer")),
        [r#".a type was "string" and is "integer""#]
    );
    assert_eq!(changed(|now| now["properties"]["b"]["enum"] = json!(["x"])), [r#".b may be "y" is gone"#]);
    assert_eq!(changed(|now| now["required"] = json!([])), [".a is always there is gone"]);
    let raised = |now: &mut Value| {
        now["properties"] = json!({"version": {"const": 2}});
    };
    assert_eq!(changed(raised), [""; 0]);
}

#[test]
fn every_field_says_what_it_is() {
    let mut bare = Vec::new();
    for verb in Output::value_variants() {
        undescribed(&outputs::schema(*verb), &name(*verb), &mut bare);
    }
    bare.sort();
    bare.dedup();
    assert!(bare.is_empty(), "no description: {}", bare.join("\n"));
}

fn undescribed(schema: &Value, path: &str, bare: &mut Vec<String>) {
    match schema {
        Value::Object(found) => {
            let fields = found.get("properties").and_then(Value::as_object);
            // Of one of several forms the form is described, and the word that tells it from the others.
            let form = fields
                .is_some_and(|all| all.values().any(|one| one.get("const").is_some_and(Value::is_string)))
                || fields.is_some_and(|all| all.len() == 1) && found.contains_key("description");
            for (name, one) in fields.into_iter().flatten() {
                let said = one
                    .get("description")
                    .and_then(Value::as_str)
                    .is_some_and(|text| !text.contains("`EVENT_"));
                if !said && !(form && (one.get("const").is_some() || found.contains_key("description"))) {
                    bare.push(format!("{path}.{name}"));
                }
            }
            found.iter().for_each(|(key, one)| undescribed(one, &format!("{path}/{key}"), bare));
        }
        Value::Array(found) => found.iter().for_each(|one| undescribed(one, path, bare)),
        _ => {}
    }
}
