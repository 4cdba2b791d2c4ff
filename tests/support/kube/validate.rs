//! The rules that clients run into; a real server has many more.

use serde_json::Value;

use super::kinds::Kind;
use super::status::{Cause, Refusal};

/// Checks an object before it is stored.
///
/// # Errors
/// Lists every rule that it breaks, as one 422.
pub(crate) fn check(kind: &Kind, object: &Value, before: Option<&Value>) -> Result<(), Refusal> {
    let spec = &object["spec"];
    let mut causes = Vec::new();
    let mut invalid = |field, message: String| {
        causes.push(Cause {
            field,
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {message}"),
        });
    };
    match kind.resource {
        "deployments" | "statefulsets" | "replicasets" => {
            if let Some(replicas) = spec["replicas"].as_i64().filter(|replicas| *replicas < 0) {
                invalid("spec.replicas", format!("{replicas}: must be greater than or equal to 0"));
            }
            if before.is_some_and(|before| before["spec"]["selector"] != spec["selector"]) {
                invalid("spec.selector", format!("{}: field is immutable", spec["selector"]));
            } else if !super::selector::matches(&spec["selector"], &spec["template"]) {
                let labels = &spec["template"]["metadata"]["labels"];
                let message = format!("{labels}: `selector` does not match template `labels`");
                invalid("spec.template.metadata.labels", message);
            }
        }
        "horizontalpodautoscalers" => {
            let (min, max) =
                (spec["minReplicas"].as_i64().unwrap_or(1), spec["maxReplicas"].as_i64().unwrap_or(0));
            if min < 1 {
                invalid("spec.minReplicas", format!("{min}: must be greater than or equal to 1"));
            }
            if max < min {
                let message = format!("{max}: must be greater than or equal to `minReplicas`");
                invalid("spec.maxReplicas", message);
            }
            if max < 1 {
                let message = "Required value: must be set and greater than 0".to_owned();
                causes.insert(0, Cause { field: "spec.maxReplicas", reason: "FieldValueRequired", message });
            }
        }
        "poddisruptionbudgets" if !spec["minAvailable"].is_null() && !spec["maxUnavailable"].is_null() => {
            invalid("spec", "minAvailable and maxUnavailable cannot be both set".to_owned());
        }
        _ => {}
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid(kind, object["metadata"]["name"].as_str().unwrap_or_default(), &causes))
}

/// Checks that an object has no top-level field that its kind does not know, as strict decoding does.
///
/// # Errors
/// Names the first such field.
pub(crate) fn fields(kind: &Kind, object: &Value) -> Result<(), Refusal> {
    let known: &[&str] = match kind.resource {
        // Events and leases have flat or rare shapes; their clients are not people.
        "events" | "leases" | "storageclasses" | "controllerrevisions" | "serviceaccounts" => return Ok(()),
        "secrets" => &["data", "stringData", "immutable", "type"],
        "configmaps" => &["data", "binaryData", "immutable"],
        _ => &["spec", "status"],
    };
    let common = ["apiVersion", "kind", "metadata"];
    let unknown = object.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    match unknown.into_iter().find(|key| !common.contains(key) && !known.contains(key)) {
        None => Ok(()),
        Some(field) => Err(Refusal::bad_request(format!(
            "{name} in version \"{version}\" cannot be handled as a {name}: strict decoding error: unknown field \
             \"{field}\"",
            name = kind.kind,
            version = kind.version,
        ))),
    }
}
