//! Events: what controllers say about an object; the same words again are counted.

use serde_json::{Value, json};

use crate::support::kube::clock::now;
use crate::support::kube::kinds::Kind;
use crate::support::kube::store::{Store, Write};

/// Who speaks, as the FROM of `describe` shows it.
pub(super) const SCHEDULER: &str = "default-scheduler";
pub(super) const KUBELET: &str = "kubelet";

/// Writes that all is as it should be.
pub(crate) fn normal(store: &mut Store, about: &Value, from: &str, reason: &str, message: &str) {
    write(store, about, ("Normal", from, reason, message));
}

/// Writes that something is not as it should be.
pub(crate) fn warning(store: &mut Store, about: &Value, from: &str, reason: &str, message: &str) {
    write(store, about, ("Warning", from, reason, message));
}

fn write(store: &mut Store, about: &Value, (kind, from, reason, message): (&str, &str, &str, &str)) {
    let events = Kind::named("events");
    let metadata = &about["metadata"];
    // Events about objects of the cluster's scope are kept in `default`.
    let namespace = metadata["namespace"].as_str().unwrap_or("default");
    let same = |event: &Value| {
        event["involvedObject"]["uid"] == metadata["uid"]
            && event["reason"] == reason
            && event["message"] == message
    };
    let known =
        store.list(events, Some(namespace)).find(|(_, event)| same(event)).map(|(key, _)| key.clone());
    if let Some(known) = known {
        store.edit(events, &known, |event| {
            event["count"] = json!(event["count"].as_i64().unwrap_or(1) + 1);
            event["lastTimestamp"] = json!(now());
        });
        return;
    }
    let name = metadata["name"].as_str().unwrap_or_default();
    let event = json!({
        "metadata": {"generateName": format!("{name}.")},
        "involvedObject": {
            "kind": about["kind"], "apiVersion": about["apiVersion"], "name": name,
            "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
        "type": kind, "reason": reason, "count": 1, "message": message, "source": {"component": from},
        "reportingComponent": from, "reportingInstance": "", "firstTimestamp": now(), "lastTimestamp": now(),
    });
    // The namespace may have gone in this very turn, and its events with it.
    drop(store.create(events, namespace, event, Write::Keep));
}
