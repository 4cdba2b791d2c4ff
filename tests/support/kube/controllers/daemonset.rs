//! Daemon sets: one pod on every node, closed or not; a drain must be told to leave them.

use serde_json::{Value, json};

use super::{all, count, create_pod, is_ready, owned, pods};
use crate::support::kube::kinds::Kind;
use crate::support::kube::store::{Key, Store};

/// Takes the next step of every daemon set.
pub(crate) fn reconcile(store: &mut Store) {
    for (key, set) in all(store, Kind::named("daemonsets")) {
        step(store, &key, &set);
    }
}

fn step(store: &mut Store, key: &Key, set: &Value) {
    let kind = Kind::named("pods");
    let nodes = all(store, Kind::named("nodes"));
    let mine = owned(store, kind, set);
    for (node, _) in &nodes {
        if mine.iter().any(|(_, pod)| pod["spec"]["nodeName"] == node.name) {
            continue;
        }
        // A quota that keeps it out is asked again at the next turn.
        let made = create_pod(store, set, json!({"generateName": format!("{}-", key.name)}), &[]);
        if let Ok(name) = made {
            // The set's own controller chooses the node; the scheduler never sees these pods unbound.
            store.edit(kind, &Key::new(kind, &key.namespace, &name), |pod| pods::accept(pod, &node.name));
        }
    }
    let mine = owned(store, kind, set);
    let ready: Vec<&Value> = mine.iter().map(|(_, pod)| pod).filter(|pod| is_ready(pod)).collect();
    let status = json!({
        "observedGeneration": set["metadata"]["generation"], "desiredNumberScheduled": count(&nodes),
        "currentNumberScheduled": count(&mine), "updatedNumberScheduled": count(&mine), "numberMisscheduled": 0,
        "numberReady": count(&ready), "numberAvailable": count(&ready),
    });
    store.edit(Kind::named("daemonsets"), key, |set| set["status"] = status);
}
