//! Scheduler and kubelet in one: a pod gets a node when it is made, and becomes ready when it is due.

use std::time::Instant;

use serde_json::{Value, json};

use super::{all, is_ready};
use crate::support::kube::clock::now;
use crate::support::kube::kinds::Kind;
use crate::support::kube::state::State;
use crate::support::kube::store::{Key, Store};

/// Moves every pod that can move; returns when the next one is due.
///
/// Other reasons to stay pending (image, crash loop, claim, capacity, quota) belong where the limit is looked at.
pub(crate) fn reconcile(state: &mut State, time: Instant) -> Option<Instant> {
    let kind = Kind::named("pods");
    let pods = all(&state.store, kind);
    state.due.retain(|key, _| state.store.get(key).is_some());
    let nodes: Vec<String> =
        state.store.list(Kind::named("nodes"), None).map(|(key, _)| key.name.clone()).collect();
    let mut next: Option<Instant> = None;
    for (at, (key, pod)) in pods.iter().enumerate() {
        if pod["status"].is_null() && !nodes.is_empty() {
            let node = &nodes[at % nodes.len()];
            state.store.edit(kind, key, |pod| accept(pod, node));
        }
        if is_ready(pod) {
            continue;
        }
        let due = *state.due.entry(key.clone()).or_insert_with(|| time + state.settings.ready_after);
        if due > time {
            next = Some(next.map_or(due, |next| next.min(due)));
        } else if may_start(state, key, pod) {
            state.store.edit(kind, key, start);
        }
    }
    next
}

/// Returns whether one more pod of its workload may become ready.
fn may_start(state: &State, key: &Key, pod: &Value) -> bool {
    let workload = workload(&state.store, key, pod);
    let Some(most) = state.limits.get(&(key.namespace.clone(), workload.clone())) else { return true };
    let pods = state.store.list(Kind::named("pods"), Some(&key.namespace));
    let ready = pods.filter(|(key, pod)| is_ready(pod) && self::workload(&state.store, key, pod) == workload);
    i64::try_from(ready.count()).is_ok_and(|ready| ready < *most)
}

/// Returns the name of the workload a pod belongs to: of the deployment, not of its replica set.
fn workload(store: &Store, key: &Key, pod: &Value) -> String {
    let owner = |object: &Value| object["metadata"]["ownerReferences"][0]["name"].as_str().map(str::to_owned);
    let Some(first) = owner(pod) else { return key.name.clone() };
    let set = store.get(&Key::new(Kind::named("replicasets"), &key.namespace, &first));
    set.and_then(owner).unwrap_or(first)
}

fn accept(pod: &mut Value, node: &str) {
    pod["spec"]["nodeName"] = json!(node);
    pod["status"] = json!({
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": now()}],
        "containerStatuses": containers(pod, false),
    });
}

fn start(pod: &mut Value) {
    let since = now();
    let conditions: Vec<Value> = ["Initialized", "Ready", "ContainersReady", "PodScheduled"]
        .iter()
        .map(|kind| json!({"type": kind, "status": "True", "lastTransitionTime": since}))
        .collect();
    let statuses = containers(pod, true);
    pod["status"] = json!({
        "phase": "Running", "conditions": conditions, "startTime": since, "containerStatuses": statuses,
        "hostIP": "10.0.0.1", "podIP": "10.244.0.1",
    });
}

fn containers(pod: &Value, ready: bool) -> Vec<Value> {
    let state = if ready {
        json!({"running": {"startedAt": now()}})
    } else {
        json!({"waiting": {"reason": "ContainerCreating"}})
    };
    let all = pod["spec"]["containers"].as_array().into_iter().flatten();
    all.map(|container| {
        json!({
            "name": container["name"], "image": container["image"], "imageID": "", "ready": ready,
            "started": ready, "restartCount": 0, "state": state, "lastState": {},
        })
    })
    .collect()
}
