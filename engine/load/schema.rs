//! JSON Schemas for editors, made from the same tables that files are read by ([`super::keys`]), so that neither can
//! drift from the other.
//!
//! Draft 7, which is what yaml-language-server knows whole. A schema tells the shape of a file: keys, kinds of values,
//! what is required, which keys exclude each other. What takes more than shape (names, graph, expressions, types of
//! params) only `runbook check` can tell.

use serde_json::{Map, Value, json};

use super::keys::{
    ACTIONS, APPROVE, CAPTURE, COMMAND, DEFAULTS, FROM, Form, GATE, HOOK, HOOKS, INPUT, LIMITS, MANUAL,
    PREVIEW, RETRY, RUNBOOK, STEP, Spec, TEMPLATE, Table, UNDO, WAIT,
};
use super::loaded::FileKind;
use super::tape::{ANSWER, TAPE};
use super::test_keys::{ANSWERS, EXPECT, FAILURE, RESUME, ROLLBACK, STANDING, TEST, TEST_FILE, THEN};

/// Every table with the name of its definition.
const DEFINITIONS: &[(&str, &Table)] = &[
    ("runbook", &RUNBOOK),
    ("template", &TEMPLATE),
    ("step", &STEP),
    ("defaults", &DEFAULTS),
    ("limits", &LIMITS),
    ("input", &INPUT),
    ("from", &FROM),
    ("gate", &GATE),
    ("capture", &CAPTURE),
    ("preview", &PREVIEW),
    ("undo", &UNDO),
    ("command", &COMMAND),
    ("retry", &RETRY),
    ("approve", &APPROVE),
    ("manual", &MANUAL),
    ("wait", &WAIT),
    ("hooks", &HOOKS),
    ("hook", &HOOK),
    ("tape", &TAPE),
    ("answer", &ANSWER),
    ("tests", &TEST_FILE),
    ("test", &TEST),
    ("people", &ANSWERS),
    ("expect", &EXPECT),
    ("failure", &FAILURE),
    ("then", &THEN),
    ("resumption", &RESUME),
    ("undoing", &ROLLBACK),
];

/// Text, a number or a truth value: each is read as it is written.
fn scalar() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

/// Returns the schema of a kind of file.
pub fn schema(kind: FileKind) -> Value {
    let (root, title) = match kind {
        FileKind::Runbook => ("runbook", "A runbook"),
        FileKind::Template => ("template", "A step template"),
        FileKind::Tape => ("tape", "A tape"),
        FileKind::Test => ("tests", "The tests of a runbook"),
    };
    let mut definitions = Map::new();
    let mut open = vec![root];
    while let Some(name) = open.pop() {
        if definitions.contains_key(name) {
            continue;
        }
        let Some((_, table)) = DEFINITIONS.iter().find(|(known, _)| *known == name) else { continue };
        definitions.insert(name.to_owned(), object(name, table, &mut open));
    }
    definitions.sort_keys();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        "$ref": format!("#/definitions/{root}"),
        "definitions": definitions,
    })
}

fn object(name: &str, table: &'static Table, open: &mut Vec<&'static str>) -> Value {
    let mut properties = Map::new();
    for spec in table.keys() {
        let mut property = form(spec, open);
        // A reference takes no other words beside it (draft 7), so it is wrapped.
        if property.get("$ref").is_some() {
            property = json!({ "allOf": [property] });
        }
        property["description"] = json!(spec.doc);
        let more = table.more(spec.name).map_or(String::new(), |(_, text)| format!("{text}\n\n"));
        let whole = format!("{}\n\n{more}```yaml\n{}\n```", spec.doc, spec.example);
        property["markdownDescription"] = json!(whole);
        properties.insert(spec.name.to_owned(), property);
    }
    let mut object = json!({
        "type": "object",
        "description": table.what,
        "properties": properties,
        "additionalProperties": false,
    });
    let mut required: Vec<&str> = Vec::new();
    let mut exactly: Vec<&str> = Vec::new();
    let mut any: Vec<&str> = Vec::new();
    match name {
        "runbook" => required.extend(["runbook", "title", "steps"]),
        "template" => {
            required.extend(["step", "title"]);
            exactly.extend(ACTIONS.iter().filter(|action| table.get(action).is_some()));
        }
        "step" => {
            required.push("id");
            exactly.extend(ACTIONS);
        }
        "input" => required.push("type"),
        "from" => exactly.extend(["env", "file", "command"]),
        // What it uses may say it.
        "gate" => any.extend(["pass", "uses"]),
        "capture" => required.push("outputs"),
        "retry" => required.push("attempts"),
        "approve" | "manual" => required.push("prompt"),
        "wait" => exactly.extend(["for", "until"]),
        "tape" => required.extend(["tape", "answers"]),
        "answer" => exactly.extend(["run", "shell"]),
        "tests" => required.push("tests"),
        "test" => required.push("name"),
        "then" => exactly.extend(["resume", "rollback"]),
        _ => {}
    }
    if matches!(name, "gate" | "capture" | "preview" | "undo" | "command" | "hook") {
        exactly.extend(["run", "shell"]);
    }
    if name == "gate" {
        exactly.push("uses");
    }
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    if name == "step" || name == "template" {
        // What only looks can't say that it changes something.
        let looks: Vec<Value> = ["gate", "approve", "wait"].map(|key| json!({ "required": [key] })).into();
        object["if"] = json!({ "anyOf": looks });
        object["then"] = json!({ "properties": { "effect": { "enum": ["read"] } } });
    }
    let one = |key: &&str| json!({ "required": [key] });
    if !exactly.is_empty() {
        object["oneOf"] = exactly.iter().map(one).collect();
    }
    if !any.is_empty() {
        object["anyOf"] = any.iter().map(one).collect();
    }
    object
}

fn form(spec: &Spec, open: &mut Vec<&'static str>) -> Value {
    let mut of = |table: &'static Table| {
        let name = DEFINITIONS.iter().find(|(_, known)| std::ptr::eq(*known, table));
        let name = name.map_or("command", |(name, _)| name);
        open.push(name);
        json!({ "$ref": format!("#/definitions/{name}") })
    };
    match (spec.name, spec.form) {
        ("steps" | "finally", Form::Maps(table)) => {
            let mut list = json!({ "type": "array", "items": of(table) });
            if spec.name == "steps" {
                list["minItems"] = json!(1);
            }
            list
        }
        // One need may be written without its list.
        ("needs", _) => json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": scalar() }] }),
        ("for_each", _) => {
            json!({ "anyOf": [{ "type": "string", "minLength": 1 }, { "type": ["array", "object"] }] })
        }
        ("enum", _) => json!({ "type": "array", "minItems": 1 }),
        ("backoff", _) => json!({ "type": "number", "minimum": 1, "maximum": 1000 }),
        ("jitter", _) => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        // Answers are kept in the journal, so none may be a secret.
        ("ask", Form::NamedMaps(table)) => {
            let open = json!({ "properties": { "type": { "not": { "const": "secret" } } } });
            json!({ "type": "object", "additionalProperties": { "allOf": [of(table), open] } })
        }
        ("until", _) => time(),
        ("tape", Form::Count) => json!({ "const": 1 }),
        // `{}` is printed, and what is empty is left out.
        ("stdout", _) => json!({ "not": { "type": "null" } }),
        ("exit", _) => json!({ "type": "number", "minimum": 0, "maximum": 255 }),
        // As it is afterwards it may be `unchanged`.
        ("state", _) if spec.doc.contains("unchanged") => {
            json!({ "anyOf": [{ "type": "object" }, { "const": "unchanged" }] })
        }
        ("fail", Form::Data) => {
            let exit = json!({ "type": "integer", "minimum": 1, "maximum": 255 });
            json!({ "type": "object", "additionalProperties": exit })
        }
        ("slow", Form::Data) => json!({ "type": "object", "additionalProperties": fixed_duration() }),
        ("took", _) => fixed_duration(),
        ("outputs", Form::Data) => json!({ "type": "object", "additionalProperties": { "type": "object" } }),
        ("changed", Form::Lines) => json!({ "type": "object", "additionalProperties": scalar() }),
        ("state" | "vars" | "answers", Form::Data) => json!({ "type": "object" }),
        ("steps", Form::Lines) => json!({ "type": "object", "additionalProperties": { "enum": STANDING } }),
        // One step may be written without its list.
        ("retry" | "done" | "skip" | "kill_at" | "order", Form::Names) => {
            json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": scalar() }] })
        }
        // Tables are named by file, so a number is a slip.
        ("data", _) => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        (_, form) => match form {
            Form::Line | Form::Text | Form::Expr => scalar(),
            Form::Duration => duration(),
            Form::Bool => json!({ "type": "boolean" }),
            Form::Count => json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }),
            Form::Number => json!({ "type": "number" }),
            Form::OneOf(words) => json!({ "enum": words }),
            Form::Names => json!({ "type": "array", "items": scalar() }),
            Form::Values | Form::Data => json!({}),
            Form::NamedValues => json!({ "type": "object" }),
            Form::Command => command(),
            Form::Texts | Form::Exprs => json!({ "type": "object", "additionalProperties": scalar() }),
            Form::Lines => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            Form::Map(table) => of(table),
            Form::NamedMaps(table) => json!({ "type": "object", "additionalProperties": of(table) }),
            Form::Maps(table) => json!({ "type": "array", "items": of(table) }),
            Form::Commands => {
                let whole = of(&COMMAND);
                json!({ "type": "object", "additionalProperties": { "anyOf": [command(), whole] } })
            }
            Form::ShortMap(table) => {
                let short = match table.what {
                    "`wait`" => duration(),
                    "a hook" => json!({ "type": "string", "minLength": 1 }),
                    _ => json!({ "type": "string" }),
                };
                json!({ "anyOf": [short, of(table)] })
            }
        },
    }
}

/// Text that is split into words, or a list of arguments; a null in it is left out.
fn command() -> Value {
    json!({ "anyOf": [
        { "type": "string", "minLength": 1 },
        { "type": ["number", "boolean"] },
        { "type": "array", "minItems": 1, "items": { "type": ["string", "number", "boolean", "null"] } },
    ] })
}

/// A time with its zone, or text with a template in it.
fn time() -> Value {
    let clock = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?";
    let pattern = format!(
        r"\{{\{{|\{{%|\{{#|^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[Tt ]{clock}([Zz]|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$"
    );
    json!({ "type": "string", "pattern": pattern })
}

/// A duration, or text with a template in it.
fn duration() -> Value {
    let number = r"([0-9]+\.?[0-9]*|\.[0-9]+)";
    let pattern = format!(r"\{{\{{|\{{%|\{{#|^\s*0\s*$|^\s*({number}(ms|s|m|h|d)\s*)+$");
    json!({ "anyOf": [{ "type": "string", "pattern": pattern }, { "const": 0 }] })
}

/// A duration in which no template stands.
fn fixed_duration() -> Value {
    json!({ "allOf": [duration(), { "not": { "type": "string", "pattern": r"\{\{|\{%|\{#" } }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere_and_every_key_is_told() {
        for kind in [FileKind::Runbook, FileKind::Template, FileKind::Tape, FileKind::Test] {
            let schema = schema(kind);
            let text = schema.to_string();
            for (at, _) in text.match_indices("#/definitions/") {
                let name = text[at + 14..].split('"').next().unwrap();
                assert!(schema["definitions"].get(name).is_some(), "{name}");
            }
            for definition in schema["definitions"].as_object().unwrap().values() {
                for (key, property) in definition["properties"].as_object().unwrap() {
                    assert!(
                        property["markdownDescription"].as_str().is_some_and(|text| text.contains(key)),
                        "{key}"
                    );
                }
            }
        }
    }
}
