//! Resource quotas: what a namespace may have together, looked at when a pod is made, and shown in the status.

use serde_json::{Map, Value, json};

use super::kinds::Kind;
use super::quantity;
use super::store::{Key, Store};

/// Returns why the namespace may not have this pod too: what a forbidden creation says after the name.
pub(crate) fn refusal(store: &Store, namespace: &str, pod: &Value) -> Option<String> {
    store.list(Kind::named("quota"), Some(namespace)).find_map(|(key, quota)| {
        let hard = quota["spec"]["hard"].as_object()?;
        let unsaid: Vec<&str> = hard
            .keys()
            .filter(|name| side(name).is_some() && of(pod, name) == 0)
            .map(String::as_str)
            .collect();
        if !unsaid.is_empty() {
            let what = unsaid.join(",");
            let container = pod["spec"]["containers"][0]["name"].as_str().unwrap_or_default();
            return Some(format!("failed quota: {}: must specify {what} for: {container}", key.name));
        }
        let used = used(store, namespace, hard);
        let over = |(name, limit): &(&String, &Value)| {
            of(pod, name) > 0
                && quantity::thousandths(&used[name.as_str()]) + of(pod, name) > quantity::thousandths(limit)
        };
        let over: Vec<(&String, &Value)> = hard.iter().filter(over).collect();
        let list = |value: &dyn Fn(&str, &Value) -> String| {
            let each: Vec<String> =
                over.iter().map(|(name, limit)| format!("{name}={}", value(name, limit))).collect();
            each.join(",")
        };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (!over.is_empty()).then(|| {
            format!(
                "exceeded quota: {}, requested: {}, used: {}, limited: {}",
                key.name,
                list(&|name, _| written(name, of(pod, name))),
                list(&|name, _| text(&used[name])),
                list(&|_, limit| text(limit)),
            )
        })
    })
}

/// Writes the status of every quota.
pub(crate) fn reconcile(store: &mut Store) {
    let kind = Kind::named("quota");
    let all: Vec<(Key, Value)> =
        store.list(kind, None).map(|(key, quota)| (key.clone(), quota.clone())).collect();
    for (key, quota) in all {
        let hard = quota["spec"]["hard"].as_object().cloned().unwrap_or_default();
        let used = used(store, &key.namespace, &hard);
        store.edit(kind, &key, |quota| quota["status"] = json!({"hard": hard, "used": used}));
    }
}

fn used(store: &Store, namespace: &str, hard: &Map<String, Value>) -> Map<String, Value> {
    let over = |pod: &Value| pod["status"]["phase"] == "Succeeded" || pod["status"]["phase"] == "Failed";
    let sum = |name: &str| {
        let pods = store.list(Kind::named("pods"), Some(namespace));
        pods.filter(|(_, pod)| !over(pod)).map(|(_, pod)| of(pod, name)).sum::<i64>()
    };
    hard.keys().map(|name| (name.clone(), json!(written(name, sum(name))))).collect()
}

/// Returns which resource of the containers a quota counts; `None` where it counts objects.
fn side(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "requests.cpu" | "cpu" => ("requests", "cpu"),
        "requests.memory" | "memory" => ("requests", "memory"),
        "limits.cpu" => ("limits", "cpu"),
        "limits.memory" => ("limits", "memory"),
        _ => return None,
    })
}

/// Returns thousandths of what a pod takes of it; quotas on other things than pods count nothing here.
fn of(pod: &Value, name: &str) -> i64 {
    match side(name) {
        Some((side, resource)) => quantity::of_pod(pod, side, resource),
        None if name == "pods" || name == "count/pods" => 1000,
        None => 0,
    }
}

fn written(name: &str, thousandths: i64) -> String {
    if name.ends_with("memory") {
        quantity::bytes(thousandths / 1000)
    } else {
        quantity::written(thousandths)
    }
}
