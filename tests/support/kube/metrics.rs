//! `metrics.k8s.io`: what pods and nodes use, as far as a test has said; else a share of what they request.

use serde_json::{Value, json};

use super::clock::now;
use super::controllers::workload;
use super::kinds::Kind;
use super::quantity;
use super::routes::Call;
use super::state::State;
use super::status::Refusal;
use super::store::Key;

/// Answers a read of measurements.
///
/// # Errors
/// Where there are none of that name, or something else than a read was asked.
pub(crate) fn answer(state: &State, call: &Call, name: Option<&str>) -> Result<Value, Refusal> {
    let selector = call.selector()?;
    let all: Vec<Value> = if call.kind.namespaced() {
        let pods = state.store.list(Kind::named("pods"), call.namespace.as_deref());
        pods.filter(|(_, pod)| pod["status"]["phase"] == "Running")
            .map(|(key, pod)| of_pod(state, key, pod))
            .collect()
    } else {
        let nodes = state.store.list(Kind::named("nodes"), None);
        nodes.map(|(_, node)| of_node(state, node)).collect()
    };
    let mut head = json!({"kind": call.kind.kind, "apiVersion": call.kind.api_version()});
    if let Some(name) = name {
        let found = all.into_iter().find(|one| one["metadata"]["name"] == name);
        let Some(Value::Object(one)) = found else { return Err(Refusal::not_found(call.kind, name)) };
        head.as_object_mut().expect("it was made as one").extend(one);
        return Ok(head);
    }
    head["kind"] = json!(format!("{}List", call.kind.kind));
    head["metadata"] = json!({});
    head["items"] = all.into_iter().filter(|one| selector.selects(one)).collect();
    Ok(head)
}

/// Returns what a pod uses: thousandths of a CPU, bytes.
pub(crate) fn usage(state: &State, key: &Key, pod: &Value) -> (i64, i64) {
    let owner = workload(&state.store, key, pod);
    let of = |name: String| state.usage.get(&(key.namespace.clone(), name)).copied();
    // 30 % and 50 % of the requests, as the measured cluster had them.
    let requests = |resource| quantity::of_pod(pod, "requests", resource);
    let share = || (requests("cpu") * 3 / 10, requests("memory") / 1000 / 2);
    of(key.name.clone()).or_else(|| of(owner)).unwrap_or_else(share)
}

fn of_pod(state: &State, key: &Key, pod: &Value) -> Value {
    let (cpu, memory) = usage(state, key, pod);
    let containers = pod["spec"]["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let each = i64::try_from(containers.len().max(1)).expect("a pod is small");
    let containers: Vec<Value> = containers
        .iter()
        .map(|container| json!({"name": container["name"], "usage": written(cpu / each, memory / each)}))
        .collect();
    let metadata = json!({
        "name": key.name, "namespace": key.namespace, "creationTimestamp": now(),
        "labels": pod["metadata"]["labels"],
    });
    json!({"metadata": metadata, "timestamp": now(), "window": "15s", "containers": containers})
}

/// Returns what the pods of a node use together.
fn of_node(state: &State, node: &Value) -> Value {
    let name = &node["metadata"]["name"];
    let pods = state.store.list(Kind::named("pods"), None);
    let mine =
        pods.filter(|(_, pod)| pod["spec"]["nodeName"] == *name && pod["status"]["phase"] == "Running");
    let (cpu, memory) = mine
        .map(|(key, pod)| usage(state, key, pod))
        .fold((0, 0), |(cpu, memory), one| (cpu + one.0, memory + one.1));
    let metadata = json!({"name": name, "creationTimestamp": now(), "labels": node["metadata"]["labels"]});
    json!({"metadata": metadata, "timestamp": now(), "window": "15s", "usage": written(cpu, memory)})
}

fn written(cpu: i64, memory: i64) -> Value {
    // In the units that a real metrics server uses: billionths, and 1024 bytes.
    json!({"cpu": format!("{}n", cpu * 1_000_000), "memory": format!("{}Ki", memory / 1024)})
}
