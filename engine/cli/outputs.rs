//! What `--format json` writes, one JSON Schema for each verb: printed by `runbook schema --output VERB`.
//!
//! Most of them are derived from the types that are written, so that a field and its description can't part. What a verb
//! puts together by hand has its type in [`shapes`]; the tests run every verb and hold what it wrote against its schema,
//! which lets no field in that it does not name.

pub mod shapes;

use clap::ValueEnum;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::plan_page::Sheet;
use crate::report::{Account, StatusOutput};

/// The verbs that write JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// `check`.
    Check,
    /// `exec`: one document a line.
    Exec,
    /// `explain`.
    Explain,
    /// `import`.
    Import,
    /// `list`.
    List,
    /// `logs`.
    Logs,
    /// `new`.
    New,
    /// `plan`.
    Plan,
    /// `rehearse`: one document a line.
    Rehearse,
    /// `report`.
    Report,
    /// `resume`: one document a line.
    Resume,
    /// `rollback`: one document a line.
    Rollback,
    /// `runs`.
    Runs,
    /// `show`.
    Show,
    /// `status`.
    Status,
    /// `test`.
    Test,
    /// `verify`.
    Verify,
}

/// Returns the schema of what a verb writes with `--format json`; of a verb that writes lines, the schema of each line.
pub fn schema(output: Output) -> Value {
    let (verb, schema, about) = match output {
        Output::Check => ("check", of::<shapes::Checked>(), ""),
        Output::Exec => ("exec", of::<shapes::Line>(), LINES),
        Output::Explain => ("explain", of::<shapes::Explained>(), ""),
        Output::Import => ("import", of::<shapes::Imported>(), ""),
        Output::List => ("list", of::<shapes::Listed>(), ""),
        Output::Logs => ("logs", of::<shapes::Logs>(), ""),
        Output::New => ("new", of::<shapes::Made>(), ""),
        Output::Plan => ("plan", of::<Sheet<'_>>(), ""),
        Output::Rehearse => ("rehearse", of::<shapes::Line>(), LINES),
        Output::Report => ("report", of::<Account>(), ""),
        Output::Resume => ("resume", of::<shapes::Line>(), LINES),
        Output::Rollback => ("rollback", of::<shapes::Line>(), LINES),
        Output::Runs => ("runs", of::<shapes::Runs>(), ""),
        Output::Show => ("show", of::<shapes::Shown<'_>>(), ""),
        Output::Status => ("status", of::<StatusOutput>(), ""),
        Output::Test => ("test", of::<shapes::Tested>(), ""),
        Output::Verify => ("verify", of::<shapes::Verified>(), ""),
    };
    finished(verb, schema, about)
}

const LINES: &str = "One line of it: it writes a document a line.";

fn of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

/// Returns the schema with its head, its descriptions as a reader needs them, and shut against fields that it does not name.
fn finished(verb: &str, schema: Schema, about: &str) -> Value {
    let mut schema = schema.to_value();
    told(&mut schema);
    let none = json!({});
    let defs = schema.get("$defs").unwrap_or(&none).clone();
    seal(&mut schema, &defs);
    if let Some(found) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        found.values_mut().for_each(|def| seal(def, &defs));
    }
    let Value::Object(found) = schema else { return schema };
    let mut whole = Map::new();
    let draft = found.get("$schema").cloned().unwrap_or_default();
    whole.insert("$schema".to_owned(), draft);
    whole.insert("title".to_owned(), format!("runbook {verb} --format json").into());
    if !about.is_empty() {
        whole.insert("description".to_owned(), about.into());
    }
    for (key, value) in found {
        whole.entry(key).or_insert(value);
    }
    Value::Object(whole)
}

/// Makes descriptions of comments: a link to another type's comment leads nowhere here, nor does a line's end say anything.
fn told(schema: &mut Value) {
    match schema {
        Value::Object(found) => {
            if let Some(Value::String(text)) = found.get_mut("description") {
                // The names of our versions say nothing to a reader.
                let plain = text
                    .replace(
                        "[`EVENT_VERSION`]; of a rehearsal [`REHEARSAL_VERSION`].",
                        "The form of the stored events: 1, of a rehearsal 2.",
                    )
                    .replace("[`", "`")
                    .replace("`]", "`");
                *text = plain.split_whitespace().collect::<Vec<_>>().join(" ");
            }
            if let Some(version) = found.get_mut("properties").and_then(|all| all.get_mut("version")) {
                let is_ours = version.get("description").and_then(Value::as_str).is_none_or(is_of_document);
                if is_ours && version["type"] == "integer" {
                    let about =
                        "The version of this document: raised when a field changes its meaning or goes away.";
                    *version = json!({ "description": about, "type": "integer", "const": 1 });
                }
            }
            found.values_mut().for_each(told);
        }
        Value::Array(found) => found.iter_mut().for_each(told),
        _ => {}
    }
}

/// Says whether a field `version` is a document's: that of an event stands for the form of what is stored.
fn is_of_document(description: &str) -> bool {
    !["EVENT_VERSION", "stored events"].iter().any(|one| description.contains(one))
}

/// Keywords whose schemas speak of the same value as the one they stand in.
const SAME: [&str; 3] = ["oneOf", "anyOf", "allOf"];

/// Shuts every object that names its fields against all others.
///
/// What speaks of the same value as a schema around it must not be shut by itself: it knows only its own share of the
/// fields. So an object that has its fields from several is shut with `unevaluatedProperties`, as a whole.
fn seal(schema: &mut Value, defs: &Value) {
    let Value::Object(found) = schema else { return };
    let named = found.contains_key("properties");
    let parts = SAME.iter().any(|key| found.contains_key(*key)) || found.contains_key("$ref");
    if named && parts {
        inline(found, defs);
        for key in SAME {
            let all = found.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten();
            all.for_each(|one| below(one, defs));
        }
        found.insert("unevaluatedProperties".to_owned(), false.into());
    } else {
        if named && !found.contains_key("additionalProperties") {
            found.insert("additionalProperties".to_owned(), false.into());
        }
        for key in SAME {
            found
                .get_mut(key)
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
                .for_each(|one| seal(one, defs));
        }
    }
    below(schema, defs);
}

/// Shuts what stands in the fields and elements of a value, and not the value.
fn below(schema: &mut Value, defs: &Value) {
    let Value::Object(found) = schema else { return };
    let fields = found.get_mut("properties").and_then(Value::as_object_mut);
    fields.into_iter().flat_map(Map::values_mut).for_each(|one| seal(one, defs));
    for key in ["items", "additionalProperties"] {
        if let Some(one) = found.get_mut(key) {
            seal(one, defs);
        }
    }
    let all = found.get_mut("prefixItems").and_then(Value::as_array_mut);
    all.into_iter().flatten().for_each(|one| seal(one, defs));
}

/// Puts what a schema refers to into it: shut by itself, it would refuse the fields beside it.
fn inline(found: &mut Map<String, Value>, defs: &Value) {
    let Some(Value::String(path)) = found.remove("$ref") else { return };
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some(Value::Object(meant)) = defs.get(name) else { return };
    for (key, value) in meant {
        match (found.get_mut(key), value) {
            (Some(Value::Object(own)), Value::Object(more)) => {
                for (name, one) in more {
                    own.entry(name).or_insert_with(|| one.clone());
                }
            }
            (Some(Value::Array(own)), Value::Array(more)) => own.extend(more.iter().cloned()),
            (Some(_), _) => {}
            (None, value) => drop(found.insert(key.clone(), value.clone())),
        }
    }
}
