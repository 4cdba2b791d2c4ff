//! Stateful sets: pods with numbers, made from the lowest and removed from the highest, one at a time.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{all, create_pod, events, hash, is_ready, owned, revisions, set_count};
use crate::support::kube::defaults;
use crate::support::kube::kinds::Kind;
use crate::support::kube::store::{Key, Store, Write};

const CONTROLLER: &str = "statefulset-controller";
const REVISION: &str = "controller-revision-hash";

/// Takes the next step of every stateful set.
pub(crate) fn reconcile(store: &mut Store) {
    for (key, set) in all(store, Kind::named("statefulsets")) {
        step(store, &key, &set);
    }
}

fn step(store: &mut Store, key: &Key, set: &Value) {
    let revision = format!("{}-{}", key.name, hash(&set["spec"]["template"]));
    revisions::record(store, set, &revision);
    let wanted = set["spec"]["replicas"].as_i64().unwrap_or(0);
    let mine = pods(store, set);
    move_one(store, key, set, &mine, wanted, &revision);
    let mine = pods(store, set);
    let number = |chosen: &dyn Fn(&Value) -> bool| {
        i64::try_from(mine.values().filter(|(_, pod)| chosen(pod)).count()).expect("a test cluster is small")
    };
    let at = |revision: &str| number(&|pod| pod["metadata"]["labels"][REVISION] == revision);
    let before = &set["status"];
    let (total, ready, updated) = (number(&|_| true), number(&is_ready), at(&revision));
    let done = total == wanted && ready == wanted && updated == wanted;
    let current = if done { Some(revision.as_str()) } else { before["currentRevision"].as_str() };
    let current = current.unwrap_or(&revision).to_owned();
    let mut status = json!({
        "observedGeneration": set["metadata"]["generation"], "replicas": total, "availableReplicas": ready,
        "currentRevision": current, "updateRevision": revision, "collisionCount": 0,
    });
    set_count(&mut status, "readyReplicas", ready);
    set_count(&mut status, "currentReplicas", at(&current));
    set_count(&mut status, "updatedReplicas", updated);
    store.edit(Kind::named("statefulsets"), key, |object| object["status"] = status);
}

/// Returns the pods of a set by their numbers.
fn pods(store: &Store, set: &Value) -> BTreeMap<i64, (Key, Value)> {
    let number = |key: &Key| key.name.rsplit('-').next().and_then(|number| number.parse().ok());
    let mine = owned(store, Kind::named("pods"), set).into_iter();
    mine.filter_map(|(key, pod)| Some((number(&key)?, (key, pod)))).collect()
}

/// Makes, removes or replaces pods: with `OrderedReady`, only after all lower ones are ready.
fn move_one(
    store: &mut Store,
    key: &Key,
    set: &Value,
    mine: &BTreeMap<i64, (Key, Value)>,
    wanted: i64,
    revision: &str,
) {
    if let Some((_, (extra, _))) = mine.range(wanted..).next_back() {
        delete(store, set, extra);
        return;
    }
    for number in 0..wanted {
        match mine.get(&number) {
            None => {
                let name = format!("{}-{number}", key.name);
                let marks = [
                    (REVISION, revision.to_owned()),
                    ("statefulset.kubernetes.io/pod-name", name.clone()),
                    ("apps.kubernetes.io/pod-index", number.to_string()),
                ];
                claims(store, set, number);
                let what = format!("Pod {name} in StatefulSet {}", key.name);
                match create_pod(store, set, json!({"name": name}), &marks) {
                    Ok(_) => {
                        let message = format!("create {what} successful");
                        events::normal(store, set, CONTROLLER, "SuccessfulCreate", &message);
                    }
                    Err(refusal) => {
                        let message = format!("create {what} failed error: {}", refusal.message());
                        tell_once(store, set, &message);
                        return;
                    }
                }
            }
            Some((_, pod)) if is_ready(pod) => continue,
            Some(_) => {}
        }
        if set["spec"]["podManagementPolicy"] != "Parallel" {
            return;
        }
    }
    let partition = set["spec"]["updateStrategy"]["rollingUpdate"]["partition"].as_i64().unwrap_or(0);
    let old = |pod: &Value| pod["metadata"]["labels"][REVISION] != revision;
    let outdated = mine.range(partition..).rev().find(|(_, (_, pod))| old(pod));
    if let Some((_, (outdated, _))) = outdated.filter(|_| set["spec"]["updateStrategy"]["type"] != "OnDelete")
    {
        delete(store, set, outdated);
    }
}

fn delete(store: &mut Store, set: &Value, pod: &Key) {
    // Gone already: as wanted.
    if store.delete(Kind::named("pods"), pod, false).is_ok() {
        let owner = set["metadata"]["name"].as_str().unwrap_or_default();
        let message = format!("delete Pod {} in StatefulSet {owner} successful", pod.name);
        events::normal(store, set, CONTROLLER, "SuccessfulDelete", &message);
    }
}

/// Makes the claims of a pod's own volumes; they stay when the pod goes, with what is in them.
fn claims(store: &mut Store, set: &Value, number: i64) {
    let kind = Kind::named("pvc");
    let metadata = &set["metadata"];
    let (owner, namespace) = (metadata["name"].as_str(), metadata["namespace"].as_str().unwrap_or_default());
    for template in set["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
        let volume = template["metadata"]["name"].as_str().unwrap_or_default();
        let name = format!("{volume}-{}-{number}", owner.unwrap_or_default());
        let labels = set["spec"]["selector"]["matchLabels"].clone();
        let mut claim = json!({"metadata": {"name": name, "labels": labels}, "spec": template["spec"]});
        defaults::fill(kind, &mut claim);
        // There already, from an earlier pod of that number.
        drop(store.create(kind, namespace, claim, Write::Keep));
    }
}

/// Writes a failure that is tried again at every turn, but is to be read once.
fn tell_once(store: &mut Store, set: &Value, message: &str) {
    let namespace = set["metadata"]["namespace"].as_str();
    let known = store.list(Kind::named("events"), namespace).any(|(_, event)| {
        event["involvedObject"]["uid"] == set["metadata"]["uid"] && event["message"] == message
    });
    if !known {
        events::warning(store, set, CONTROLLER, "FailedCreate", message);
    }
}
