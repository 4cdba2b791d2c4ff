//! Stateful sets: pods with numbers, made from the lowest and removed from the highest, one at a time.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{all, create_pod, hash, is_ready, owned, set_count};
use crate::support::kube::kinds::Kind;
use crate::support::kube::store::{Key, Store};

const REVISION: &str = "controller-revision-hash";

/// Takes the next step of every stateful set.
pub(crate) fn reconcile(store: &mut Store) {
    for (key, set) in all(store, Kind::named("statefulsets")) {
        step(store, &key, &set);
    }
}

fn step(store: &mut Store, key: &Key, set: &Value) {
    let revision = format!("{}-{}", key.name, hash(&set["spec"]["template"]));
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
    let kind = Kind::named("pods");
    if let Some((_, (extra, _))) = mine.range(wanted..).next_back() {
        drop(store.delete(kind, extra, false));
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
                create_pod(store, set, json!({"name": name}), &marks);
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
        drop(store.delete(kind, outdated, false));
    }
}
