//! What the API server fills in and normalises before it stores an object, so far as clients notice.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::kinds::Kind;

/// Fills in what was left out, and writes quantities in their shortest form.
pub(crate) fn fill(kind: &Kind, object: &mut Value) {
    match kind.resource {
        "namespaces" => {
            let name = object["metadata"]["name"].clone();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
            object["spec"] = json!({"finalizers": ["kubernetes"]});
            object["status"] = json!({"phase": "Active"});
        }
        "deployments" => {
            let spec = &mut object["spec"];
            set(spec, "replicas", json!(1));
            set(spec, "strategy", json!({}));
            set(&mut spec["strategy"], "type", json!("RollingUpdate"));
            if spec["strategy"]["type"] == "RollingUpdate" {
                set(&mut spec["strategy"], "rollingUpdate", json!({}));
                set(&mut spec["strategy"]["rollingUpdate"], "maxUnavailable", json!("25%"));
                set(&mut spec["strategy"]["rollingUpdate"], "maxSurge", json!("25%"));
            }
            set(spec, "revisionHistoryLimit", json!(10));
            set(spec, "progressDeadlineSeconds", json!(600));
            pod(&mut spec["template"]);
        }
        "statefulsets" => {
            let spec = &mut object["spec"];
            set(spec, "replicas", json!(1));
            set(spec, "podManagementPolicy", json!("OrderedReady"));
            set(spec, "updateStrategy", json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}));
            set(spec, "revisionHistoryLimit", json!(10));
            pod(&mut spec["template"]);
        }
        "daemonsets" => pod(&mut object["spec"]["template"]),
        "replicasets" => {
            set(&mut object["spec"], "replicas", json!(1));
            pod(&mut object["spec"]["template"]);
        }
        "pods" => {
            pod(object);
            // Of pods only: a template keeps what was written.
            for container in object["spec"]["containers"].as_array_mut().into_iter().flatten() {
                for (resource, quantity) in
                    container["resources"]["limits"].as_object().cloned().into_iter().flatten()
                {
                    set_in(&mut container["resources"], "requests", &resource, quantity);
                }
            }
            let spec = &mut object["spec"];
            set(spec, "serviceAccountName", json!("default"));
            set(spec, "enableServiceLinks", json!(true));
            set(spec, "priority", json!(0));
            set(spec, "preemptionPolicy", json!("PreemptLowerPriority"));
        }
        "persistentvolumeclaims" => {
            set(&mut object["spec"], "storageClassName", json!("standard"));
            set(&mut object["spec"], "volumeMode", json!("Filesystem"));
        }
        "secrets" => secret(object),
        "horizontalpodautoscalers" => autoscaler(&mut object["spec"]),
        _ => {}
    }
    drop_nulls(object);
}

/// Moves what was sent as plain text to where it is kept, in base64.
fn secret(object: &mut Value) {
    if object["type"].as_str().is_none_or(str::is_empty) {
        object["type"] = json!("Opaque");
    }
    let plain = object.as_object_mut().and_then(|fields| fields.shift_remove("stringData"));
    for (key, value) in plain.iter().filter_map(Value::as_object).flatten() {
        object["data"][key] = json!(STANDARD.encode(value.as_str().unwrap_or_default()));
    }
}

/// Removes fields that are null: the API stores none, and clients send some (`creationTimestamp` of a template).
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn set(object: &mut Value, key: &str, default: Value) {
    if object[key].is_null() {
        object[key] = default;
    }
}

fn set_in(object: &mut Value, key: &str, name: &str, default: Value) {
    set(object, key, json!({}));
    set(&mut object[key], name, default);
}

/// Fills a pod or a pod template.
fn pod(pod: &mut Value) {
    let spec = &mut pod["spec"];
    for container in spec["containers"].as_array_mut().into_iter().flatten() {
        set(container, "resources", json!({}));
        set(container, "terminationMessagePath", json!("/dev/termination-log"));
        set(container, "terminationMessagePolicy", json!("File"));
        set(container, "imagePullPolicy", json!("IfNotPresent"));
        for port in container["ports"].as_array_mut().into_iter().flatten() {
            set(port, "protocol", json!("TCP"));
        }
        for side in ["limits", "requests"] {
            for (_, quantity) in container["resources"][side].as_object_mut().into_iter().flatten() {
                *quantity = json!(shortest(&text(quantity)));
            }
            // What holds nothing is not kept: so it is after a patch that took the last one away.
            if container["resources"][side].as_object().is_some_and(serde_json::Map::is_empty) {
                container["resources"].as_object_mut().map(|sides| sides.shift_remove(side));
            }
        }
    }
    set(spec, "restartPolicy", json!("Always"));
    set(spec, "terminationGracePeriodSeconds", json!(30));
    set(spec, "dnsPolicy", json!("ClusterFirst"));
    set(spec, "securityContext", json!({}));
    set(spec, "schedulerName", json!("default-scheduler"));
}

/// Fills an HPA; rules appear as soon as one of them is set, and not before.
fn autoscaler(spec: &mut Value) {
    set(spec, "minReplicas", json!(1));
    let cpu = json!({"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}});
    set(spec, "metrics", json!([{"type": "Resource", "resource": cpu}]));
    if spec["behavior"].is_object() {
        let behavior = &mut spec["behavior"];
        let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
        let pods = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
        set(behavior, "scaleUp", json!({}));
        set(&mut behavior["scaleUp"], "stabilizationWindowSeconds", json!(0));
        set(&mut behavior["scaleUp"], "selectPolicy", json!("Max"));
        set(&mut behavior["scaleUp"], "policies", json!([pods, percent]));
        set(behavior, "scaleDown", json!({}));
        set(&mut behavior["scaleDown"], "selectPolicy", json!("Max"));
        set(&mut behavior["scaleDown"], "policies", json!([percent]));
    }
}

fn text(quantity: &Value) -> String {
    quantity.as_str().map_or_else(|| quantity.to_string(), str::to_owned)
}

/// Returns a quantity as the server writes it back: 2048Mi is 2Gi, 2000m is 2.
fn shortest(quantity: &str) -> String {
    const BINARY: [&str; 5] = ["Ki", "Mi", "Gi", "Ti", "Pi"];
    let digits = quantity.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let suffix = &quantity[digits.len()..];
    let Ok(mut number) = digits.parse::<u64>() else { return quantity.to_owned() };
    if suffix == "m" && number % 1000 == 0 {
        return (number / 1000).to_string();
    }
    let Some(mut at) = BINARY.iter().position(|unit| *unit == suffix) else { return quantity.to_owned() };
    while number != 0 && number % 1024 == 0 && at + 1 < BINARY.len() {
        number /= 1024;
        at += 1;
    }
    format!("{number}{}", BINARY[at])
}
