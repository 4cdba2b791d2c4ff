//! The small controllers that make the cluster move: each looks at the whole state and takes the next step.

mod autoscaler;
pub(crate) mod budget;
mod claims;
mod daemonset;
mod deployment;
mod events;
mod kubelet;
mod pods;
mod progress;
mod recommender;
mod replicaset;
mod revisions;
mod scheduler;
mod statefulset;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::{interval, sleep_until};

use super::clock::now;
use super::kinds::Kind;
use super::state::{Shared, State};
use super::status::Refusal;
use super::store::{Key, Store, Write};
use super::{limits, quota};

/// More turns than any rollout needs at once; a controller that never settles is a bug to see, not to wait for.
const MOST_TURNS: usize = 2_000;

/// Follows the cluster for as long as it runs.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut woken = shared.woken();
    loop {
        woken.borrow_and_update();
        let next = shared.with(settle);
        // Without a pod that is due, only a change can give work.
        let due = next.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        tokio::select! {
            changed = woken.changed() => if changed.is_err() { return },
            () = sleep_until(due.into()) => {}
        }
    }
}

/// Lets the autoscalers look at every period.
pub(crate) async fn autoscale(shared: Arc<Shared>, period: Duration) {
    let mut ticks = interval(period);
    loop {
        ticks.tick().await;
        shared.with(look);
    }
}

/// Lets every autoscaler look once.
pub(crate) fn look(state: &mut State) {
    autoscaler::sync(state);
}

/// Takes every step that can be taken now; returns when the next pod or the deadline of a rollout is due.
pub(crate) fn settle(state: &mut State) -> Option<Instant> {
    autoscaler::notice(state);
    for _ in 0..MOST_TURNS {
        let before = state.store.revision();
        claims::reconcile(&mut state.store);
        let deadline = deployment::reconcile(&mut state.store);
        replicaset::reconcile(&mut state.store);
        statefulset::reconcile(&mut state.store);
        daemonset::reconcile(&mut state.store);
        let next = pods::reconcile(state, Instant::now());
        budget::reconcile(&mut state.store);
        quota::reconcile(&mut state.store);
        recommender::reconcile(state);
        if state.store.revision() == before {
            return [deadline, next].into_iter().flatten().min();
        }
    }
    panic!("the test cluster's controllers do not settle")
}

/// Returns a copy of every object of a kind, so that the store can be changed while going through them.
fn all(store: &Store, kind: &'static Kind) -> Vec<(Key, Value)> {
    store.list(kind, None).map(|(key, object)| (key.clone(), object.clone())).collect()
}

/// Returns the objects of a kind that `owner` owns.
fn owned(store: &Store, kind: &'static Kind, owner: &Value) -> Vec<(Key, Value)> {
    let uid = &owner["metadata"]["uid"];
    store
        .list(kind, owner["metadata"]["namespace"].as_str())
        .filter(|(_, object)| object["metadata"]["ownerReferences"][0]["uid"] == *uid)
        .map(|(key, object)| (key.clone(), object.clone()))
        .collect()
}

/// Returns the reference with which an object says who owns it.
fn reference(owner: &Value) -> Value {
    json!([{
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    }])
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.filter(|one| one["type"] == "Ready").any(|one| one["status"] == "True")
}

/// Returns the name of the workload a pod belongs to: of the deployment, not of its replica set.
pub(crate) fn workload(store: &Store, key: &Key, pod: &Value) -> String {
    let owner = |object: &Value| object["metadata"]["ownerReferences"][0]["name"].as_str().map(str::to_owned);
    let Some(first) = owner(pod) else { return key.name.clone() };
    let set = store.get(&Key::new(Kind::named("replicasets"), &key.namespace, &first));
    set.and_then(owner).unwrap_or(first)
}

/// Creates the next pod of a workload, from its template, and returns its name; `marks` are labels of its own.
///
/// # Errors
/// Where a quota keeps it out.
fn create_pod(
    store: &mut Store,
    owner: &Value,
    name: Value,
    marks: &[(&str, String)],
) -> Result<String, Refusal> {
    let pods = Kind::named("pods");
    let mut pod = owner["spec"]["template"].clone();
    for (key, value) in name.as_object().into_iter().flatten() {
        pod["metadata"][key] = value.clone();
    }
    for (label, value) in marks {
        pod["metadata"]["labels"][*label] = json!(value);
    }
    pod["metadata"]["ownerReferences"] = reference(owner);
    for template in owner["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
        let volume = template["metadata"]["name"].as_str().unwrap_or_default();
        let claim = format!("{volume}-{}", pod["metadata"]["name"].as_str().unwrap_or_default());
        let volume = json!({"name": volume, "persistentVolumeClaim": {"claimName": claim}});
        match pod["spec"]["volumes"].as_array_mut() {
            Some(volumes) => volumes.push(volume),
            None => pod["spec"]["volumes"] = json!([volume]),
        }
    }
    super::defaults::fill(pods, &mut pod);
    let namespace = owner["metadata"]["namespace"].as_str().unwrap_or_default();
    limits::fill(store, namespace, &mut pod);
    if let Some(why) = quota::refusal(store, namespace, &pod) {
        // Never made, but it has a name in what is said about it.
        let named = store.create(pods, namespace, pod, Write::DryRun)?;
        let name = named["metadata"]["name"].as_str().unwrap_or_default();
        return Err(Refusal::kept_out(pods, name, &why));
    }
    // A name that is taken by somebody else's pod is tried again at the next turn, as real controllers do.
    let made = store.create(pods, namespace, pod, Write::Keep)?;
    Ok(made["metadata"]["name"].as_str().unwrap_or_default().to_owned())
}

/// Deletes a pod as its controller and its node see it: with the events of both.
fn delete_pod(store: &mut Store, owner: &Value, from: &str, key: &Key, pod: &Value) {
    // Gone already: as wanted.
    if store.delete(Kind::named("pods"), key, false).is_ok() {
        let name = pod["spec"]["containers"][0]["name"].as_str().unwrap_or_default();
        events::normal(store, owner, from, "SuccessfulDelete", &format!("Deleted pod: {}", key.name));
        events::normal(store, pod, events::KUBELET, "Killing", &format!("Stopping container {name}"));
    }
}

/// Returns a short name for a template, the same for the same content whatever the order of its fields.
fn hash(template: &Value) -> String {
    fn feed(value: &Value, hasher: &mut DefaultHasher) {
        match value {
            Value::Object(map) => {
                let mut keys: Vec<&String> = map.keys().collect();
                keys.sort();
                for key in keys {
                    key.hash(hasher);
                    feed(&map[key], hasher);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| feed(item, hasher)),
            plain => plain.to_string().hash(hasher),
        }
    }
    let mut hasher = DefaultHasher::new();
    feed(template, &mut hasher);
    format!("{:010x}", hasher.finish() & 0xff_ffff_ffff)
}

/// Returns a condition; its times stay those of `before` for as long as it says the same.
fn condition(before: &Value, kind: &str, status: &str, reason: &str, message: &str) -> Value {
    let mut earlier = before.as_array().into_iter().flatten().filter(|one| one["type"] == kind);
    let earlier = earlier.next().unwrap_or(&Value::Null);
    let since =
        if earlier["status"] == status { earlier["lastTransitionTime"].clone() } else { json!(now()) };
    json!({"type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message})
}

/// Returns a count, or a share of a whole, as rollouts and budgets give it; `up` says how a share is rounded.
fn portion(value: &Value, whole: i64, up: bool) -> i64 {
    let percent =
        value.as_str().and_then(|text| text.strip_suffix('%')).and_then(|text| text.parse::<i64>().ok());
    match percent {
        Some(percent) if up => (whole * percent + 99) / 100,
        Some(percent) => whole * percent / 100,
        None => value.as_i64().unwrap_or(0),
    }
}

/// Sets a status field, or leaves it out at zero as the API does.
fn set_count(status: &mut Value, field: &str, count: i64) {
    if count != 0 {
        status[field] = json!(count);
    }
}

/// Returns a number of items; no test has more than fit.
fn count<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).expect("a test cluster is small")
}
