//! Tables: the columns that `kubectl get` prints, computed here as in a real server.

use serde_json::{Value, json};

use super::clock::age;
use super::kinds::Kind;
use super::selector;

/// How much of each object a table's rows carry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Include {
    Nothing,
    Metadata,
    Whole,
}

/// A column: its name, and whether only `-o wide` shows it.
type Column = (&'static str, bool);

/// Returns the table of these objects.
pub(crate) fn table(
    kind: &Kind,
    objects: &[Value],
    include: Include,
    revision: &str,
    columns: bool,
) -> Value {
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let carried = match include {
                Include::Nothing => Value::Null,
                Include::Metadata => json!({
                    "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
                }),
                Include::Whole => object.clone(),
            };
            json!({"cells": cells(kind, object), "object": carried})
        })
        .collect();
    let mut table = json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": revision}, "rows": rows,
    });
    if columns {
        table["columnDefinitions"] = definitions(kind);
    }
    table
}

fn definitions(kind: &Kind) -> Value {
    self::columns(kind)
        .iter()
        .map(|(name, wide)| {
            let format = if *name == "Name" { "name" } else { "" };
            let kind = if *name == "Allowed Disruptions" { "integer" } else { "string" };
            json!({"name": name, "type": kind, "format": format, "description": "", "priority": i32::from(*wide)})
        })
        .collect()
}

fn columns(kind: &Kind) -> &'static [Column] {
    match kind.resource {
        "namespaces" => &[("Name", false), ("Status", false), ("Age", false)],
        "nodes" => &[
            ("Name", false),
            ("Status", false),
            ("Roles", false),
            ("Age", false),
            ("Version", false),
            ("Internal-IP", true),
        ],
        "pods" => &[
            ("Name", false),
            ("Ready", false),
            ("Status", false),
            ("Restarts", false),
            ("Age", false),
            ("IP", true),
            ("Node", true),
            ("Nominated Node", true),
            ("Readiness Gates", true),
        ],
        "events" => &[
            ("Last Seen", false),
            ("Type", false),
            ("Reason", false),
            ("Object", false),
            ("Source", true),
            ("Message", false),
            ("Count", true),
            ("Name", true),
        ],
        "configmaps" => &[("Name", false), ("Data", false), ("Age", false)],
        "deployments" => &[
            ("Name", false),
            ("Ready", false),
            ("Up-to-date", false),
            ("Available", false),
            ("Age", false),
            ("Containers", true),
            ("Images", true),
            ("Selector", true),
        ],
        "statefulsets" => {
            &[("Name", false), ("Ready", false), ("Age", false), ("Containers", true), ("Images", true)]
        }
        "daemonsets" => {
            &[("Name", false), ("Desired", false), ("Current", false), ("Ready", false), ("Age", false)]
        }
        "replicasets" => {
            &[("Name", false), ("Desired", false), ("Current", false), ("Ready", false), ("Age", false)]
        }
        "horizontalpodautoscalers" => &[
            ("Name", false),
            ("Reference", false),
            ("Targets", false),
            ("MinPods", false),
            ("MaxPods", false),
            ("Replicas", false),
            ("Age", false),
        ],
        "poddisruptionbudgets" => &[
            ("Name", false),
            ("Min Available", false),
            ("Max Unavailable", false),
            ("Allowed Disruptions", false),
            ("Age", false),
        ],
        "persistentvolumeclaims" => &[
            ("Name", false),
            ("Status", false),
            ("Volume", false),
            ("Capacity", false),
            ("Access Modes", false),
            ("StorageClass", false),
            ("Age", false),
        ],
        "resourcequotas" => &[("Name", false), ("Request", false), ("Limit", false), ("Age", false)],
        "secrets" => &[("Name", false), ("Type", false), ("Data", false), ("Age", false)],
        "services" => &[("Name", false), ("Type", false), ("Cluster-IP", false), ("Age", false)],
        "storageclasses" => &[("Name", false), ("Provisioner", false), ("Age", false)],
        "verticalpodautoscalers" => &[
            ("Name", false),
            ("Mode", false),
            ("CPU", false),
            ("Mem", false),
            ("Provided", false),
            ("Age", false),
        ],
        "customresourcedefinitions" => &[("Name", false), ("Created At", false)],
        "leases" => &[("Name", false), ("Holder", false), ("Age", false)],
        _ => &[("Name", false), ("Age", false)],
    }
}

fn cells(kind: &Kind, object: &Value) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let name = json!(text(&object["metadata"]["name"]));
    let born = json!(age(&text(&object["metadata"]["creationTimestamp"])));
    let count = |value: &Value| json!(value.as_i64().unwrap_or(0));
    let of = |part: &Value, whole: &Value| json!(format!("{}/{}", count(part), count(whole)));
    let or = |value: &Value, otherwise: &str| {
        if value.is_null() { json!(otherwise) } else { json!(text(value)) }
    };
    let containers = |field| json!(joined(&spec["template"]["spec"]["containers"], field));
    match kind.resource {
        "namespaces" => vec![name, status["phase"].clone(), born],
        "nodes" => {
            let version = status["nodeInfo"]["kubeletVersion"].clone();
            vec![name, json!(node_status(object)), json!("<none>"), born, version, or(&Value::Null, "<none>")]
        }
        "pods" => {
            let containers = count(&json!(spec["containers"].as_array().map_or(0, Vec::len)));
            let statuses = status["containerStatuses"].as_array().map(Vec::as_slice).unwrap_or_default();
            let ready = statuses.iter().filter(|container| container["ready"] == true).count();
            let restarts: i64 =
                statuses.iter().filter_map(|container| container["restartCount"].as_i64()).sum();
            let (ip, node) = (or(&status["podIP"], "<none>"), or(&spec["nodeName"], "<none>"));
            let ready = json!(format!("{ready}/{containers}"));
            let restarts = json!(restarts.to_string());
            let none = json!("<none>");
            vec![name, ready, json!(pod_status(object)), restarts, born, ip, node, none.clone(), none]
        }
        "events" => {
            let involved = &object["involvedObject"];
            let about = format!("{}/{}", text(&involved["kind"]).to_lowercase(), text(&involved["name"]));
            let seen = json!(age(&text(&object["lastTimestamp"])));
            let (kind, reason) = (object["type"].clone(), object["reason"].clone());
            let source = json!(text(&object["source"]["component"]));
            vec![
                seen,
                kind,
                reason,
                json!(about),
                source,
                object["message"].clone(),
                count(&object["count"]),
                name,
            ]
        }
        "configmaps" => vec![name, json!(object["data"].as_object().map_or(0, serde_json::Map::len)), born],
        "deployments" => vec![
            name,
            of(&status["readyReplicas"], &spec["replicas"]),
            count(&status["updatedReplicas"]),
            count(&status["availableReplicas"]),
            born,
            containers("name"),
            containers("image"),
            json!(selector::written(&spec["selector"])),
        ],
        "statefulsets" => {
            let ready = of(&status["readyReplicas"], &spec["replicas"]);
            vec![name, ready, born, containers("name"), containers("image")]
        }
        "daemonsets" => {
            let number = |field| count(&status[field]);
            let (desired, current) = (number("desiredNumberScheduled"), number("currentNumberScheduled"));
            vec![name, desired, current, number("numberReady"), born]
        }
        "replicasets" => {
            vec![
                name,
                count(&spec["replicas"]),
                count(&status["replicas"]),
                count(&status["readyReplicas"]),
                born,
            ]
        }
        "horizontalpodautoscalers" => {
            let target = &spec["scaleTargetRef"];
            let reference = json!(format!("{}/{}", text(&target["kind"]), text(&target["name"])));
            let (min, max) = (or(&spec["minReplicas"], "<unset>"), count(&spec["maxReplicas"]));
            vec![name, reference, json!(targets(object)), min, max, count(&status["currentReplicas"]), born]
        }
        "poddisruptionbudgets" => {
            let (min, max) = (or(&spec["minAvailable"], "N/A"), or(&spec["maxUnavailable"], "N/A"));
            vec![name, min, max, count(&status["disruptionsAllowed"]), born]
        }
        "persistentvolumeclaims" => vec![
            name,
            or(&status["phase"], "Pending"),
            or(&spec["volumeName"], ""),
            or(&status["capacity"]["storage"], ""),
            json!(modes(&status["accessModes"])),
            or(&spec["storageClassName"], ""),
            born,
        ],
        "resourcequotas" => {
            let part = |limits: bool| json!(quota(status, limits));
            vec![name, part(false), part(true), born]
        }
        "secrets" => {
            let size = json!(object["data"].as_object().map_or(0, serde_json::Map::len));
            vec![name, object["type"].clone(), size, born]
        }
        "services" => vec![name, or(&spec["type"], "ClusterIP"), or(&spec["clusterIP"], "None"), born],
        "storageclasses" => vec![name, object["provisioner"].clone(), born],
        "verticalpodautoscalers" => {
            let target = &status["recommendation"]["containerRecommendations"][0]["target"];
            let (cpu, memory) = (or(&target["cpu"], ""), or(&target["memory"], ""));
            let provided = or(&status["conditions"][0]["status"], "");
            vec![name, or(&spec["updatePolicy"]["updateMode"], "Auto"), cpu, memory, provided, born]
        }
        "customresourcedefinitions" => vec![name, object["metadata"]["creationTimestamp"].clone()],
        "leases" => vec![name, or(&spec["holderIdentity"], ""), born],
        _ => vec![name, born],
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn joined(containers: &Value, field: &str) -> String {
    let each: Vec<String> =
        containers.as_array().into_iter().flatten().map(|item| text(&item[field])).collect();
    each.join(",")
}

/// Returns access modes as claims show them: `RWO`.
fn modes(modes: &Value) -> String {
    let each = modes.as_array().into_iter().flatten().map(|mode| match mode.as_str() {
        Some("ReadWriteOnce") => "RWO",
        Some("ReadOnlyMany") => "ROX",
        _ => "RWX",
    });
    each.collect::<Vec<_>>().join(",")
}

/// Returns `requests.cpu: 600m/2, …` of a quota, or the same of its limits.
fn quota(status: &Value, limits: bool) -> String {
    let hard = status["hard"].as_object().into_iter().flatten();
    let mine = hard.filter(|(name, _)| name.starts_with("limits.") == limits);
    let each = mine.map(|(name, hard)| format!("{name}: {}/{}", text(&status["used"][name]), text(hard)));
    each.collect::<Vec<_>>().join(", ")
}

fn node_status(node: &Value) -> String {
    let ready = node["status"]["conditions"]
        .as_array()
        .is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"));
    let cordoned = if node["spec"]["unschedulable"] == true { ",SchedulingDisabled" } else { "" };
    format!("{}{cordoned}", if ready { "Ready" } else { "NotReady" })
}

fn pod_status(pod: &Value) -> String {
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        return "Terminating".to_owned();
    }
    let waiting = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
    let reason =
        waiting.map(|container| text(&container["state"]["waiting"]["reason"])).find(|text| !text.is_empty());
    reason.unwrap_or_else(|| text(&pod["status"]["phase"]))
}

/// Returns `cpu: 29%/70%, memory: <unknown>/80%, 12/100`: a metric of the pods' own has no name here.
fn targets(hpa: &Value) -> String {
    let current = |name: &Value| {
        let metrics = hpa["status"]["currentMetrics"].as_array().into_iter().flatten();
        metrics
            .flat_map(|metric| [&metric["resource"], &metric["pods"]])
            .find(|one| !name.is_null() && (one["name"] == *name || one["metric"]["name"] == *name))
    };
    let unknown = || "<unknown>".to_owned();
    let each: Vec<String> = hpa["spec"]["metrics"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|metric| match metric["type"].as_str() {
            Some("Resource") => {
                let resource = &metric["resource"];
                let now =
                    current(&resource["name"]).and_then(|now| now["current"]["averageUtilization"].as_i64());
                let now = now.map_or_else(unknown, |now| format!("{now}%"));
                let wanted = text(&resource["target"]["averageUtilization"]);
                format!("{}: {now}/{wanted}%", text(&resource["name"]))
            }
            Some("Pods") => {
                let pods = &metric["pods"];
                let now = current(&pods["metric"]["name"]).map(|now| text(&now["current"]["averageValue"]));
                format!("{}/{}", now.unwrap_or_else(unknown), text(&pods["target"]["averageValue"]))
            }
            // Other metrics come from outside the cluster: nothing here measures them.
            _ => unknown(),
        })
        .collect();
    each.join(", ")
}
