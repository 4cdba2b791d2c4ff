//! What a step's texts read, found without rendering them.

use std::collections::BTreeSet;

use crate::model::{Step, Value, without_places};
use crate::template::{Engine, Use};

/// Returns everything of a step that is rendered in the runbook's scope.
pub(super) fn whole(step: &Step) -> Value {
    let mut value = without_places(step);
    if let (Some(entries), true) = (value.as_object_mut(), step.binding.is_some()) {
        entries.remove("body");
    }
    // A plan asks it; a run never does.
    if let Some(body) = value.get_mut("body").and_then(Value::as_object_mut) {
        body.remove("preview");
    }
    value
}

/// Returns the paths that the texts in `value` read, as the template language tells them.
pub(super) fn reads(engine: &Engine, value: &Value) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    collect(engine, value, false, &mut |used| {
        found.insert(used.path);
    });
    found
}

/// Returns the outputs that a step reads and can't do without: of which step, and their names.
pub(super) fn outputs_read(engine: &Engine, step: &Step) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    collect(engine, &whole(step), false, &mut |used| {
        if let ([steps, of, outputs, name, ..], false) = (used.path.as_slice(), used.defined_test)
            && steps == "steps"
            && outputs == "outputs"
        {
            found.insert((of.clone(), name.clone()));
        }
    });
    found
}

fn collect(engine: &Engine, value: &Value, expr: bool, found: &mut dyn FnMut(Use)) {
    match value {
        Value::Object(entries) => {
            if let Some(src) = entries.get("src").and_then(Value::as_str) {
                let uses = if expr { engine.check_expr(src) } else { engine.check_text(src) };
                uses.into_iter().flat_map(|uses| uses.paths).for_each(found);
                return;
            }
            for (name, value) in entries {
                // What a gate takes from a template is rendered in the template's scope.
                if let ("uses", Some(with)) = (name.as_str(), value.pointer("/binding/with")) {
                    collect(engine, with, false, found);
                    continue;
                }
                let bare = matches!(name.as_str(), "when" | "pass" | "warn" | "satisfied" | "outputs");
                collect(engine, value, bare, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(engine, item, expr, found)),
        _ => {}
    }
}
