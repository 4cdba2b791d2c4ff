//! Replica sets: as many pods as the spec says.

use serde_json::{Value, json};

use super::{all, count, create_pod, is_ready, owned, set_count};
use crate::support::kube::kinds::Kind;
use crate::support::kube::store::{Key, Store};

/// Takes the next step of every replica set.
pub(crate) fn reconcile(store: &mut Store) {
    for (key, set) in all(store, Kind::named("replicasets")) {
        step(store, &key, &set);
    }
}

fn step(store: &mut Store, key: &Key, set: &Value) {
    let pods = Kind::named("pods");
    let mut mine = owned(store, pods, set);
    let wanted = set["spec"]["replicas"].as_i64().unwrap_or(0);
    for _ in count(&mine)..wanted {
        create_pod(store, set, json!({"generateName": format!("{}-", key.name)}), &[]);
    }
    // The ones that are not ready go first; among equals the youngest, which are last by name.
    mine.sort_by_key(|(_, pod)| !is_ready(pod));
    let kept = usize::try_from(wanted).unwrap_or(0);
    for (pod, _) in mine.iter().skip(kept) {
        // Gone already: as wanted.
        drop(store.delete(pods, pod, false));
    }
    let mine = owned(store, pods, set);
    let ready = mine.iter().filter(|(_, pod)| is_ready(pod)).count();
    let ready = i64::try_from(ready).expect("a test cluster is small");
    store.edit(Kind::named("replicasets"), key, |object| {
        object["status"] =
            json!({"replicas": count(&mine), "observedGeneration": set["metadata"]["generation"]});
        set_count(&mut object["status"], "fullyLabeledReplicas", count(&mine));
        set_count(&mut object["status"], "readyReplicas", ready);
        set_count(&mut object["status"], "availableReplicas", ready);
    });
}
