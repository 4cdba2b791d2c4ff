//! The `scale` address of a workload: a small object of its own, whose one field is the workload's replica count.

use serde_json::{Value, json};

use super::kinds::Kind;
use super::selector;
use super::status::{Cause, Refusal};

/// Returns the scale of a workload.
pub(crate) fn of(workload: &Value) -> Value {
    let metadata = &workload["metadata"];
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {"replicas": workload["spec"]["replicas"]},
        "status": {
            "replicas": workload["status"]["replicas"].as_i64().unwrap_or(0),
            "selector": selector::written(&workload["spec"]["selector"]),
        },
    })
}

/// Returns the workload with the replica count and the resourceVersion that a scale carries.
///
/// # Errors
/// Where the count is missing or below zero.
pub(crate) fn onto(kind: &Kind, workload: &Value, scale: &Value) -> Result<Value, Refusal> {
    // A count that is left out is 0 to the API: an empty scale switches the workload off.
    let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
    if replicas < 0 {
        let name = workload["metadata"]["name"].as_str().unwrap_or_default();
        let message = format!("Invalid value: {replicas}: must be greater than or equal to 0");
        let cause = Cause { field: "spec.replicas", reason: "FieldValueInvalid", message };
        return Err(Refusal::invalid(kind, name, &[cause]));
    }
    let mut workload = workload.clone();
    workload["spec"]["replicas"] = json!(replicas);
    workload["metadata"]["resourceVersion"] = scale["metadata"]["resourceVersion"].clone();
    Ok(workload)
}
