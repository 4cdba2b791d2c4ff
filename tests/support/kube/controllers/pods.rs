//! Scheduler and kubelet in one: a pod gets a node that has room, and becomes ready when it is due, or says why not.

use std::time::Instant;

use serde_json::{Value, json};

use super::events::{self, SCHEDULER};
use super::scheduler::Nodes;
use super::{all, is_ready, kubelet, workload};
use crate::support::kube::clock::now;
use crate::support::kube::kinds::Kind;
use crate::support::kube::quantity;
use crate::support::kube::state::State;
use crate::support::kube::store::{Key, Store};

/// Moves every pod that can move; returns when the next one is due.
pub(crate) fn reconcile(state: &mut State, time: Instant) -> Option<Instant> {
    let pods = all(&state.store, Kind::named("pods"));
    state.due.retain(|key, _| state.store.get(key).is_some());
    let mut nodes = Nodes::read(&state.store);
    let mut next: Option<Instant> = None;
    for (key, pod) in &pods {
        if nodes.lost(pod) {
            // Its node has been taken away, and it with it; the owner makes another. Gone already: as wanted.
            drop(state.store.delete(Kind::named("pods"), key, false));
            continue;
        }
        if pod["spec"]["nodeName"].is_null() {
            schedule(&mut state.store, &mut nodes, key, pod);
            if state.store.get(key).is_none_or(|pod| pod["spec"]["nodeName"].is_null()) {
                continue;
            }
        }
        if let Some(trouble) = kubelet::trouble(state, key, pod) {
            kubelet::hold(&mut state.store, key, &trouble);
            continue;
        }
        if is_ready(pod) {
            continue;
        }
        let due = *state.due.entry(key.clone()).or_insert_with(|| time + state.settings.ready_after);
        if due > time {
            next = Some(next.map_or(due, |next| next.min(due)));
        } else if may_start(state, key, pod) {
            kubelet::start(&mut state.store, key);
        }
    }
    next
}

/// Gives the pod its node, or writes on it why there is none; a refusal that was told already is not told again.
fn schedule(store: &mut Store, nodes: &mut Nodes, key: &Key, pod: &Value) {
    let kind = Kind::named("pods");
    match nodes.place(store, pod) {
        Ok(node) => {
            store.edit(kind, key, |pod| accept(pod, &node));
            let message = format!("Successfully assigned {}/{} to {node}", key.namespace, key.name);
            events::normal(store, pod, SCHEDULER, "Scheduled", &message);
        }
        Err(message) => {
            if pod["status"]["conditions"][0]["message"] == message {
                return;
            }
            let condition = json!({
                "type": "PodScheduled", "status": "False", "lastProbeTime": null, "lastTransitionTime": now(),
                "reason": "Unschedulable", "message": message,
            });
            let status = json!({"phase": "Pending", "conditions": [condition], "qosClass": class(pod)});
            store.edit(kind, key, |pod| pod["status"] = status);
            events::warning(store, pod, SCHEDULER, "FailedScheduling", &message);
        }
    }
}

/// Returns whether one more pod of its workload may become ready.
fn may_start(state: &State, key: &Key, pod: &Value) -> bool {
    let workload = workload(&state.store, key, pod);
    let Some(most) = state.limits.get(&(key.namespace.clone(), workload.clone())) else { return true };
    let pods = state.store.list(Kind::named("pods"), Some(&key.namespace));
    let ready = pods.filter(|(key, pod)| is_ready(pod) && self::workload(&state.store, key, pod) == workload);
    i64::try_from(ready.count()).is_ok_and(|ready| ready < *most)
}

pub(super) fn accept(pod: &mut Value, node: &str) {
    pod["spec"]["nodeName"] = json!(node);
    pod["status"] = json!({
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": now()}],
        "qosClass": class(pod),
        "containerStatuses": kubelet::waiting(pod, "ContainerCreating", ""),
    });
}

fn class(pod: &Value) -> &'static str {
    let sum = |side, resource| quantity::of_pod(pod, side, resource);
    let sums = ["cpu", "memory"].map(|resource| (sum("requests", resource), sum("limits", resource)));
    if sums.iter().all(|(requests, limits)| requests + limits == 0) {
        "BestEffort"
    } else if sums.iter().all(|(requests, limits)| requests == limits) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}
