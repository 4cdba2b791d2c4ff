//! What happens to a pod on its node: its image is pulled or not, its containers run, or end again and again.

use serde_json::{Value, json};

use super::events::{self, KUBELET};
use super::{is_ready, workload};
use crate::support::kube::clock::now;
use crate::support::kube::kinds::Kind;
use crate::support::kube::state::{Crash, State};
use crate::support::kube::store::{Key, Store};

/// Why a pod that has its node does not become ready.
pub(super) enum Trouble {
    Image(String),
    Crash(Crash),
}

/// Returns what a test has arranged for this pod.
pub(super) fn trouble(state: &State, key: &Key, pod: &Value) -> Option<Trouble> {
    let mut images = pod["spec"]["containers"].as_array().into_iter().flatten();
    let missing = images.find_map(|container| {
        container["image"].as_str().filter(|image| state.missing_images.contains(*image))
    });
    // A container that runs needs no image any more.
    if let Some(image) = missing.filter(|_| !is_ready(pod)) {
        return Some(Trouble::Image(image.to_owned()));
    }
    let workload = workload(&state.store, key, pod);
    state.crashes.get(&(key.namespace.clone(), workload)).cloned().map(Trouble::Crash)
}

/// Writes the trouble on the pod and tells it once.
pub(super) fn hold(store: &mut Store, key: &Key, trouble: &Trouble) {
    let Some(pod) = store.get(key).cloned() else { return };
    let name = |pod: &Value| pod["spec"]["containers"][0]["name"].as_str().unwrap_or_default().to_owned();
    let (phase, statuses) = match trouble {
        Trouble::Image(image) => {
            let message = format!("Back-off pulling image \"{image}\"");
            ("Pending", waiting(&pod, "ImagePullBackOff", &message))
        }
        Trouble::Crash(crash) => {
            let message = format!(
                "back-off 1m20s restarting failed container={} pod={}_{}",
                name(&pod),
                key.name,
                key.namespace
            );
            let mut statuses = waiting(&pod, "CrashLoopBackOff", &message);
            for status in &mut statuses {
                status["restartCount"] = json!(4);
                status["lastState"] = json!({"terminated": {
                    "exitCode": crash.code, "reason": crash.reason, "startedAt": now(), "finishedAt": now(),
                }});
            }
            ("Running", statuses)
        }
    };
    let reason = |statuses: &Value| statuses[0]["state"]["waiting"]["reason"].clone();
    if reason(&pod["status"]["containerStatuses"]) == reason(&json!(statuses)) {
        return;
    }
    let unready = format!("containers with unready status: [{}]", name(&pod));
    let condition = |kind: &str, ready: bool| {
        let mut one = json!({"type": kind, "status": "True", "lastTransitionTime": now()});
        if !ready {
            one["status"] = json!("False");
            one["reason"] = json!("ContainersNotReady");
            one["message"] = json!(unready);
        }
        one
    };
    let status = json!({
        "phase": phase, "qosClass": pod["status"]["qosClass"], "startTime": now(), "hostIP": "10.0.0.1",
        "conditions": [
            condition("Initialized", true), condition("Ready", false), condition("ContainersReady", false),
            condition("PodScheduled", true),
        ],
        "containerStatuses": statuses,
    });
    store.edit(Kind::named("pods"), key, |pod| pod["status"] = status);
    match trouble {
        Trouble::Image(image) => {
            let mut failed = |reason: &str, message: String| {
                events::warning(store, &pod, KUBELET, reason, &message);
            };
            failed("Failed", format!("Failed to pull image \"{image}\": not found"));
            failed("Failed", "Error: ErrImagePull".to_owned());
            failed("BackOff", format!("Back-off pulling image \"{image}\""));
            failed("Failed", "Error: ImagePullBackOff".to_owned());
        }
        Trouble::Crash(_) => {
            let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
            let message = format!(
                "Back-off restarting failed container {} in pod {}_{}({uid})",
                name(&pod),
                key.name,
                key.namespace
            );
            events::warning(store, &pod, KUBELET, "BackOff", &message);
        }
    }
}

/// Lets all containers of a pod run.
pub(super) fn start(store: &mut Store, key: &Key) {
    let Some(pod) = store.get(key).cloned() else { return };
    let since = now();
    let conditions: Vec<Value> = ["Initialized", "Ready", "ContainersReady", "PodScheduled"]
        .iter()
        .map(|kind| json!({"type": kind, "status": "True", "lastTransitionTime": since}))
        .collect();
    let ip = ip(&pod);
    let status = json!({
        "phase": "Running", "conditions": conditions, "startTime": since,
        "containerStatuses": statuses(&pod, &json!({"running": {"startedAt": since}}), true),
        "hostIP": "10.0.0.1", "podIP": ip, "podIPs": [{"ip": ip}], "qosClass": pod["status"]["qosClass"],
    });
    store.edit(Kind::named("pods"), key, |pod| pod["status"] = status);
    for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
        let text = |field: &str| container[field].as_str().unwrap_or_default();
        let (name, image) = (text("name"), text("image"));
        let pulled = format!("Container image \"{image}\" already present on machine");
        events::normal(store, &pod, KUBELET, "Pulled", &pulled);
        events::normal(store, &pod, KUBELET, "Created", &format!("Created container: {name}"));
        events::normal(store, &pod, KUBELET, "Started", &format!("Started container {name}"));
    }
}

/// Returns an address of its own for every pod: the cluster counts what it makes in the uid.
fn ip(pod: &Value) -> String {
    let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
    let number = uid.rsplit('-').next().and_then(|last| u64::from_str_radix(last, 16).ok()).unwrap_or(0);
    format!("10.244.{}.{}", number / 250 % 250, number % 250 + 2)
}

/// Returns the statuses of containers that wait.
pub(super) fn waiting(pod: &Value, reason: &str, message: &str) -> Vec<Value> {
    let mut state = json!({"waiting": {"reason": reason}});
    if !message.is_empty() {
        state["waiting"]["message"] = json!(message);
    }
    statuses(pod, &state, false)
}

fn statuses(pod: &Value, state: &Value, ready: bool) -> Vec<Value> {
    let all = pod["spec"]["containers"].as_array().into_iter().flatten();
    all.map(|container| {
        json!({
            "name": container["name"], "image": container["image"], "imageID": "", "ready": ready,
            "started": ready, "restartCount": 0, "state": state, "lastState": {},
        })
    })
    .collect()
}
