//! What people type, without the secrets of the run: a token that was pasted into a note would be kept for good.

use crate::exec::Redactor;
use crate::machine::Input;
use crate::model::{Map, Value};

/// Returns the input with the secrets masked in what a person typed: notes, reasons, answers. A command that reads a
/// masked answer is refused, as with output that held a secret.
pub(super) fn masked(redactor: &Redactor, mut input: Input) -> Input {
    if redactor.is_empty() {
        return input;
    }
    match &mut input {
        Input::Resume { reason, decisions, .. } => {
            hide_in(redactor, reason);
            decisions.values_mut().for_each(|(_, why)| hide_in(redactor, why));
        }
        Input::Settle { decisions, .. } => {
            decisions.values_mut().for_each(|(_, why)| hide_in(redactor, why));
        }
        Input::TakenOver { reason, .. } => *reason = text(redactor, reason),
        Input::Answered { note, answers, .. } => {
            hide_in(redactor, note);
            *answers = map(redactor, answers);
        }
        // Nobody typed anything of it, or it is made of what was masked before.
        _ => {}
    }
    input
}

/// Returns a text with the secrets masked.
pub(super) fn text(redactor: &Redactor, text: &str) -> String {
    redactor.redact_str(text).into_owned()
}

fn hide_in(redactor: &Redactor, typed: &mut Option<String>) {
    if let Some(typed) = typed {
        *typed = text(redactor, typed);
    }
}

fn map(redactor: &Redactor, values: &Map) -> Map {
    values.iter().map(|(name, of)| (text(redactor, name), value(redactor, of))).collect()
}

/// Returns a value with the secrets masked in each of its texts.
pub(super) fn value(redactor: &Redactor, of: &Value) -> Value {
    match of {
        Value::String(typed) => Value::String(text(redactor, typed)),
        Value::Array(items) => items.iter().map(|item| value(redactor, item)).collect(),
        Value::Object(entries) => Value::Object(map(redactor, entries)),
        // The digits of a secret that is a number are no number any more.
        Value::Number(number) => match text(redactor, &number.to_string()) {
            same if same == number.to_string() => of.clone(),
            other => Value::String(other),
        },
        Value::Null | Value::Bool(_) => of.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::machine::{Decision, Person, Process, To};

    #[test]
    fn whatever_a_person_types_is_kept_without_secrets() {
        let redactor = Redactor::new([("token", "hunter2x"), ("pin", "773311")]).unwrap();
        let why = || Some("it is hunter2x".to_owned());
        let by = Person::default;
        let decisions = || BTreeMap::from([("a".to_owned(), (Decision::Skip, why()))]);
        let answers =
            json!({"word": "hunter2x", "list": ["aHVudGVyMng="], "map": {"hunter2x": 773_311}, "n": 7});
        let Value::Object(answers) = answers else { panic!("an object") };
        let from = by();
        let engine = Process { pid: 1, started: 1, boot: String::new(), host: String::new() };
        for input in [
            Input::Resume { by: by(), reason: why(), decisions: decisions() },
            Input::Settle { by: by(), decisions: decisions() },
            Input::TakenOver { by: by(), from, engine, reason: "hunter2x".to_owned() },
            Input::Answered { step: "a".to_owned(), by: by(), yes: true, note: why(), answers, to: To::Done },
        ] {
            let shown = format!("{:?}", masked(&redactor, input));
            assert!(shown.contains("•••"), "{shown}");
            for spelled in ["hunter2x", "aHVudGVyMng", "773311"] {
                assert!(!shown.contains(spelled), "{shown}");
            }
        }
    }
}
