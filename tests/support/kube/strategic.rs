//! Strategic merge: maps merge, lists with a merge key merge element by element, all other lists are replaced.

use serde_json::{Map, Value, json};

/// How a list of that name merges.
enum Merge {
    /// Element by element, matched by this key.
    By(&'static str),
    /// As a set of plain values.
    Union,
    /// Replaced as a whole: an HPA's metrics, arguments, tolerations.
    Atomic,
}

fn merge_of(list: &str) -> Merge {
    match list {
        "containers" | "initContainers" | "ephemeralContainers" | "volumes" | "env" | "imagePullSecrets" => {
            Merge::By("name")
        }
        "ports" => Merge::By("containerPort"),
        "volumeMounts" => Merge::By("mountPath"),
        "conditions" => Merge::By("type"),
        "ownerReferences" => Merge::By("uid"),
        "hostAliases" => Merge::By("ip"),
        "topologySpreadConstraints" => Merge::By("topologyKey"),
        "finalizers" => Merge::Union,
        _ => Merge::Atomic,
    }
}

/// Returns `original` after a strategic merge patch.
pub(crate) fn merge(original: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut result = match original {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => result.clear(),
        Some("delete") => return Value::Null,
        _ => {}
    }
    if let Some(kept) = patch.get("$retainKeys").and_then(Value::as_array) {
        result.retain(|key, _| kept.iter().any(|k| k == key));
    }
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            if let Some(values) = result.get_mut(list).and_then(Value::as_array_mut) {
                values.retain(|v| !value.as_array().is_some_and(|gone| gone.contains(v)));
            }
            continue;
        }
        if key.starts_with('$') {
            continue;
        }
        let before = result.get(key).cloned().unwrap_or_default();
        let after = match value {
            Value::Null => Value::Null,
            Value::Object(_) => merge(before, value),
            Value::Array(items) => Value::Array(merge_list(key, before, items)),
            plain => plain.clone(),
        };
        if after.is_null() {
            // shift_remove, not remove: the order of the other keys is what people read.
            drop(result.shift_remove(key));
        } else {
            result.insert(key.clone(), after);
        }
    }
    for (key, order) in patch {
        if let (Some(list), Some(order)) = (key.strip_prefix("$setElementOrder/"), order.as_array())
            && let Some(items) = result.get_mut(list).and_then(Value::as_array_mut)
        {
            sort(list, items, order);
        }
    }
    Value::Object(result)
}

fn merge_list(list: &str, before: Value, patch: &[Value]) -> Vec<Value> {
    let mut items = match before {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    let key = match merge_of(list) {
        Merge::Atomic => return patch.to_vec(),
        Merge::Union => {
            for value in patch {
                if !items.contains(value) {
                    items.push(value.clone());
                }
            }
            return items;
        }
        Merge::By(key) => key,
    };
    if patch.iter().any(|item| item["$patch"] == "replace") {
        items.clear();
    }
    for item in patch {
        let found = items.iter().position(|existing| existing[key] == item[key]);
        match (item["$patch"].as_str(), found) {
            (Some("replace"), _) | (Some("delete"), None) => {}
            (Some("delete"), Some(at)) => drop(items.remove(at)),
            (_, Some(at)) => items[at] = merge(items[at].take(), item),
            (_, None) => items.push(merge(json!({}), item)),
        }
    }
    items
}

/// Puts the named elements into their order; what the patch did not name comes after them.
fn sort(list: &str, items: &mut [Value], order: &[Value]) {
    let place = |item: &Value| {
        let same = |wanted: &Value| match merge_of(list) {
            Merge::By(key) => wanted[key] == item[key],
            _ => wanted == item,
        };
        order.iter().position(same).unwrap_or(order.len())
    };
    items.sort_by_key(place);
}
