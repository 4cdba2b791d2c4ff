//! Limit ranges: what a container gets that says nothing of its own.

use serde_json::Value;

use super::kinds::Kind;
use super::store::Store;

/// Fills in the defaults of the namespace; a default limit is the request too where no other is given.
pub(crate) fn fill(store: &Store, namespace: &str, pod: &mut Value) {
    let ranges = store.list(Kind::named("limitranges"), Some(namespace));
    let items: Vec<Value> = ranges
        .flat_map(|(_, range)| range["spec"]["limits"].as_array().cloned().unwrap_or_default())
        .filter(|item| item["type"] == "Container")
        .collect();
    for container in pod["spec"]["containers"].as_array_mut().into_iter().flatten() {
        let resources = &mut container["resources"];
        for item in &items {
            for (side, default) in
                [("limits", "default"), ("requests", "defaultRequest"), ("requests", "default")]
            {
                for (resource, quantity) in item[default].as_object().into_iter().flatten() {
                    if resources[side][resource].is_null() {
                        resources[side][resource] = quantity.clone();
                    }
                }
            }
        }
    }
}
