//! Deployments: one replica set for each template, moved from the old to the new within surge and unavailability.

use std::cmp::Ordering;
use std::time::Instant;

use serde_json::{Value, json};

use super::{all, condition, events, hash, owned, portion, progress, reference, set_count};
use crate::support::kube::clock::now;
use crate::support::kube::kinds::Kind;
use crate::support::kube::store::{Key, Store, Write};

const REVISION: &str = "deployment.kubernetes.io/revision";

/// Takes the next step of every deployment; returns when the next rollout without progress has had its time.
pub(crate) fn reconcile(store: &mut Store) -> Option<Instant> {
    let mut next = None;
    for (key, deployment) in all(store, Kind::named("deployments")) {
        step(store, &key, &deployment);
        let left = store.get(&key).and_then(progress::left);
        next = [next, left.map(|left| Instant::now() + left)].into_iter().flatten().min();
    }
    next
}

/// A replica set as the rollout sees it.
struct Set {
    key: Key,
    name: String,
    /// What its spec says before this step, and after it.
    had: i64,
    wanted: i64,
    pods: i64,
    ready: i64,
    revision: i64,
    current: bool,
    /// The condition of a set that may not make its pods.
    failure: Value,
}

fn step(store: &mut Store, key: &Key, deployment: &Value) {
    let sets = Kind::named("replicasets");
    let hash = hash(&deployment["spec"]["template"]);
    let mut known: Vec<Set> = owned(store, sets, deployment).iter().map(|set| read(set, &hash)).collect();
    let newest = known.iter().map(|set| set.revision).max().unwrap_or(0);
    let Some(new) = known.iter().position(|set| set.current) else {
        create(store, key, deployment, &hash, newest + 1);
        return;
    };
    if known[new].revision < newest {
        // An earlier template is back, by `rollout undo`: its set becomes the newest revision.
        known[new].revision = newest + 1;
    }
    let revision = json!(known[new].revision.to_string());
    let desired = deployment["spec"]["replicas"].as_i64().unwrap_or(0);
    let unavailable = roll(deployment, desired, &mut known, new);
    for set in &known {
        let revision = (set.current).then(|| revision.clone());
        tell(store, deployment, set);
        store.edit(sets, &set.key, |object| {
            object["spec"]["replicas"] = json!(set.wanted);
            if let Some(revision) = revision {
                object["metadata"]["annotations"][REVISION] = revision;
            }
        });
    }
    store.edit(Kind::named("deployments"), key, |object| {
        object["metadata"]["annotations"][REVISION] = revision;
        object["status"] = status(deployment, desired, unavailable, &known, new);
    });
}

fn tell(store: &mut Store, deployment: &Value, set: &Set) {
    let way = match set.wanted.cmp(&set.had) {
        Ordering::Less => "down",
        Ordering::Equal => return,
        Ordering::Greater => "up",
    };
    let message = format!("Scaled {way} replica set {} from {} to {}", set.name, set.had, set.wanted);
    events::normal(store, deployment, "deployment-controller", "ScalingReplicaSet", &message);
}

fn read((key, object): &(Key, Value), hash: &str) -> Set {
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let revision = object["metadata"]["annotations"][REVISION].as_str().and_then(|text| text.parse().ok());
    Set {
        key: key.clone(),
        name: key.name.clone(),
        had: number(&object["spec"]["replicas"]),
        wanted: number(&object["spec"]["replicas"]),
        pods: number(&object["status"]["replicas"]),
        ready: number(&object["status"]["readyReplicas"]),
        revision: revision.unwrap_or(0),
        current: object["metadata"]["labels"]["pod-template-hash"] == hash,
        failure: object["status"]["conditions"][0].clone(),
    }
}

fn create(store: &mut Store, key: &Key, deployment: &Value, hash: &str, revision: i64) {
    let mut template = deployment["spec"]["template"].clone();
    template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"]["pod-template-hash"] = json!(hash);
    let set = json!({
        "metadata": {
            "name": format!("{}-{hash}", key.name), "labels": template["metadata"]["labels"],
            "annotations": {REVISION: revision.to_string()}, "ownerReferences": reference(deployment),
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
        "status": {"replicas": 0},
    });
    let sets = Kind::named("replicasets");
    store
        .create(sets, &key.namespace, set, Write::Keep)
        .expect("no set of this hash exists, its namespace does");
}

/// Sets how many pods each set shall have now; returns how many may be missing during a rollout.
fn roll(deployment: &Value, desired: i64, sets: &mut [Set], new: usize) -> i64 {
    let strategy = &deployment["spec"]["strategy"];
    let surge = portion(&strategy["rollingUpdate"]["maxSurge"], desired, true);
    let mut unavailable = portion(&strategy["rollingUpdate"]["maxUnavailable"], desired, false);
    if surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    let old_pods: i64 = sets.iter().filter(|set| !set.current).map(|set| set.wanted.max(set.pods)).sum();
    if strategy["type"] == "Recreate" {
        sets[new].wanted = if old_pods == 0 { desired } else { 0 };
        sets.iter_mut().filter(|set| !set.current).for_each(|set| set.wanted = 0);
        return desired;
    }
    let room = desired + surge - old_pods - sets[new].wanted;
    let grown = sets[new].wanted + room.max(0);
    sets[new].wanted = if old_pods == 0 { desired } else { grown.min(desired) };
    // Old pods that are not ready serve nobody: they go first, then ready ones as new ones take their place.
    let ready: i64 = sets.iter().map(|set| set.ready.min(set.wanted)).sum();
    let mut spare = (ready - (desired - unavailable)).max(0);
    for set in sets.iter_mut().filter(|set| !set.current) {
        let kept = set.ready.min(set.wanted);
        let gone = kept.min(spare);
        spare -= gone;
        set.wanted = kept - gone;
    }
    unavailable
}

fn status(deployment: &Value, desired: i64, unavailable: i64, sets: &[Set], new: usize) -> Value {
    let pods: i64 = sets.iter().map(|set| set.pods).sum();
    let ready: i64 = sets.iter().map(|set| set.ready).sum();
    let (updated, new_name) = (sets[new].pods, &sets[new].name);
    let mut status = json!({"observedGeneration": deployment["metadata"]["generation"]});
    set_count(&mut status, "replicas", pods);
    set_count(&mut status, "updatedReplicas", updated);
    set_count(&mut status, "readyReplicas", ready);
    set_count(&mut status, "availableReplicas", ready);
    set_count(&mut status, "unavailableReplicas", (desired - ready).max(pods - ready).max(0));
    let before = &deployment["status"]["conditions"];
    let available = if ready >= desired - unavailable {
        condition(
            before,
            "Available",
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    } else {
        let message = "Deployment does not have minimum availability.";
        condition(before, "Available", "False", "MinimumReplicasUnavailable", message)
    };
    let done = pods == desired && updated == desired && sets[new].ready == desired;
    let progressing = progress::condition(deployment, &status, new_name, done);
    // The failure is the set's own, with its times.
    let mut failure = sets[new].failure.clone();
    if let Some(since) = failure.get("lastTransitionTime").cloned() {
        failure["lastUpdateTime"] = since;
    }
    status["conditions"] = json!([updated_at(before, available), progressing]);
    if let Some(conditions) = status["conditions"].as_array_mut().filter(|_| !failure.is_null()) {
        conditions.push(failure);
    }
    status
}

/// Adds the time of the last change of a condition's reason, which only deployments carry.
pub(super) fn updated_at(before: &Value, mut condition: Value) -> Value {
    let same = |one: &&Value| {
        ["type", "status", "reason", "message"].iter().all(|field| one[*field] == condition[*field])
    };
    let earlier = before.as_array().into_iter().flatten().find(same).map(|one| one["lastUpdateTime"].clone());
    condition["lastUpdateTime"] = earlier.unwrap_or_else(|| json!(now()));
    condition
}
