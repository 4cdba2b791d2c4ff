//! Volume claims: each gets a volume of its own at once where its storage class exists, and waits where it does not.

use serde_json::{Value, json};

use super::{all, events};
use crate::support::kube::kinds::Kind;
use crate::support::kube::store::{Store, Write};

const CONTROLLER: &str = "persistentvolume-controller";

/// Binds every claim that can be bound.
pub(crate) fn reconcile(store: &mut Store) {
    let kind = Kind::named("pvc");
    for (key, claim) in all(store, kind) {
        if claim["status"]["phase"] == "Bound" {
            continue;
        }
        let class = claim["spec"]["storageClassName"].as_str().unwrap_or_default();
        let known = store.list(Kind::named("sc"), None).any(|(key, _)| key.name == class);
        if known {
            let volume = format!("pvc-{}", claim["metadata"]["uid"].as_str().unwrap_or_default());
            make(store, &claim, &volume);
            store.edit(kind, &key, |claim| {
                claim["spec"]["volumeName"] = json!(volume);
                claim["status"] = json!({
                    "phase": "Bound", "accessModes": claim["spec"]["accessModes"],
                    "capacity": claim["spec"]["resources"]["requests"],
                });
            });
        } else if claim["status"].is_null() {
            store.edit(kind, &key, |claim| claim["status"] = json!({"phase": "Pending"}));
            if class.is_empty() {
                let message = "no persistent volumes available for this claim and no storage class is set";
                events::normal(store, &claim, CONTROLLER, "FailedBinding", message);
            } else {
                let message = format!("storageclass.storage.k8s.io \"{class}\" not found");
                events::warning(store, &claim, CONTROLLER, "ProvisioningFailed", &message);
            }
        }
    }
}

fn make(store: &mut Store, claim: &Value, name: &str) {
    let spec = &claim["spec"];
    let volume = json!({
        "metadata": {"name": name},
        "spec": {
            "capacity": spec["resources"]["requests"], "accessModes": spec["accessModes"],
            "storageClassName": spec["storageClassName"], "persistentVolumeReclaimPolicy": "Delete",
            "claimRef": {
                "kind": "PersistentVolumeClaim", "namespace": claim["metadata"]["namespace"],
                "name": claim["metadata"]["name"], "uid": claim["metadata"]["uid"],
            },
        },
        "status": {"phase": "Bound"},
    });
    // It is there already where a claim was unbound behind the controller's back.
    drop(store.create(Kind::named("pv"), "", volume, Write::Keep));
}
