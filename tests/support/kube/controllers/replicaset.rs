//! Replica sets: as many pods as the spec says.

use serde_json::{Value, json};

use super::{all, condition, count, create_pod, delete_pod, events, is_ready, owned, set_count};
use crate::support::kube::kinds::Kind;
use crate::support::kube::store::{Key, Store};

const CONTROLLER: &str = "replicaset-controller";

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
    let mut refused = None;
    for _ in count(&mine)..wanted {
        match create_pod(store, set, json!({"generateName": format!("{}-", key.name)}), &[]) {
            Ok(name) => {
                let message = format!("Created pod: {name}");
                events::normal(store, set, CONTROLLER, "SuccessfulCreate", &message);
            }
            Err(refusal) => {
                refused = Some(refusal.message().to_owned());
                break;
            }
        }
    }
    let failure = failure(store, set, refused);
    // The ones that are not ready go first; among equals the youngest, which are last by name.
    mine.sort_by_key(|(_, pod)| !is_ready(pod));
    let kept = usize::try_from(wanted).unwrap_or(0);
    for (extra, pod) in mine.iter().skip(kept) {
        delete_pod(store, set, CONTROLLER, extra, pod);
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
        if let Some(failure) = failure {
            object["status"]["conditions"] = json!([failure]);
        }
    });
}

/// Returns the condition of a set that may not make its pods, and tells it once for each cause.
///
/// Every attempt has another pod name; what comes after the name says whether it is the same cause.
fn failure(store: &mut Store, set: &Value, refused: Option<String>) -> Option<Value> {
    let refused = refused?;
    let cause = |message: &str| message.split_once("is forbidden: ").map(|(_, cause)| cause.to_owned());
    let before = &set["status"]["conditions"];
    if before[0]["message"].as_str().and_then(cause) == cause(&refused) {
        return Some(before[0].clone());
    }
    events::warning(store, set, CONTROLLER, "FailedCreate", &format!("Error creating: {refused}"));
    Some(condition(before, "ReplicaFailure", "True", "FailedCreate", &refused))
}
