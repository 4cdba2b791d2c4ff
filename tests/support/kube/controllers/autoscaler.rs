//! Horizontal autoscalers, as measured on a real control plane: they take back what anybody else sets.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{all, condition, events};
use crate::support::kube::clock::now;
use crate::support::kube::kinds::Kind;
use crate::support::kube::quantity;
use crate::support::kube::state::{State, Wants};
use crate::support::kube::store::{Key, Store};

const CONTROLLER: &str = "horizontal-pod-autoscaler";

/// What one look at a target came to.
struct Verdict {
    /// The count the target shall have, and why it is changed.
    desired: i64,
    because: &'static str,
    active: (&'static str, &'static str, String),
    limited: (&'static str, &'static str, &'static str),
    /// Whether fewer were computed, but not yet for as long as the stabilisation window.
    held: bool,
}

/// Remembers for every new autoscaler what its target has.
///
/// The load of a test stands still, so that is what the metrics ask for from then on. It is noted when the autoscaler
/// is made, not at its first look: a test may change the target in between.
pub(crate) fn notice(state: &mut State) {
    for (key, hpa) in all(&state.store, Kind::named("hpa")) {
        let name = (key.namespace.clone(), key.name.clone());
        if let Some((_, _, workload)) = find(&state.store, &key, &hpa["spec"]["scaleTargetRef"]) {
            let current = workload["spec"]["replicas"].as_i64().unwrap_or(0);
            state.wants.entry(name).or_insert(Wants::Replicas(current));
        }
    }
}

/// Lets every autoscaler look once.
pub(crate) fn sync(state: &mut State) {
    let kind = Kind::named("hpa");
    let hpas = all(&state.store, kind);
    for (key, hpa) in &hpas {
        let target = &hpa["spec"]["scaleTargetRef"];
        let Some((target_kind, target_key, workload)) = find(&state.store, key, target) else {
            let message = "the HPA controller was unable to get the target's current scale";
            let able =
                condition(&hpa["status"]["conditions"], "AbleToScale", "False", "FailedGetScale", message);
            state.store.edit(kind, key, |hpa| hpa["status"]["conditions"] = json!([able]));
            continue;
        };
        let rivals: Vec<String> = hpas
            .iter()
            .filter(|(other, hpa)| {
                let theirs = &hpa["spec"]["scaleTargetRef"];
                other.namespace == key.namespace
                    && (&theirs["kind"], &theirs["name"]) == (&target["kind"], &target["name"])
            })
            .map(|(other, _)| format!("{}/{}", other.namespace, other.name))
            .collect();
        let current = workload["spec"]["replicas"].as_i64().unwrap_or(0);
        let wants = state.wants.get(&(key.namespace.clone(), key.name.clone()));
        let wants = wants.copied().unwrap_or(Wants::Replicas(current));
        let wants = if state.settings.metrics { wants } else { Wants::NoApi };
        let stable = stabilized(state, key, &hpa["spec"], current, wants);
        let mut verdict = judge(&hpa["spec"], current, stable, &rivals);
        verdict.held = stable != wants && verdict.desired == current;
        if verdict.desired != current {
            state
                .store
                .edit(target_kind, &target_key, |object| object["spec"]["replicas"] = json!(verdict.desired));
            tell(&mut state.store, hpa, &verdict);
        }
        tell_trouble(&mut state.store, hpa, &verdict);
        let status = status(hpa, &workload, current, wants, &verdict);
        state.store.edit(kind, key, |hpa| hpa["status"] = status);
    }
}

fn find(store: &Store, hpa: &Key, target: &Value) -> Option<(&'static Kind, Key, Value)> {
    let kind = match target["kind"].as_str()? {
        "Deployment" => Kind::named("deployments"),
        "StatefulSet" => Kind::named("statefulsets"),
        "ReplicaSet" => Kind::named("replicasets"),
        _ => return None,
    };
    let key = Key::new(kind, &hpa.namespace, target["name"].as_str()?);
    let workload = store.get(&key)?.clone();
    Some((kind, key, workload))
}

/// Returns what counts when pods would go: the highest that was computed within the stabilisation window.
///
/// Only a window that the spec gives: the real default of five minutes would make every test of a scale-down wait.
fn stabilized(state: &mut State, key: &Key, spec: &Value, current: i64, wants: Wants) -> Wants {
    let Wants::Replicas(computed) = wants else { return wants };
    let window = spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"].as_u64().unwrap_or(0);
    let recent = state.recommended.entry((key.namespace.clone(), key.name.clone())).or_default();
    recent.push((Instant::now(), computed));
    recent.retain(|(at, _)| at.elapsed() < Duration::from_secs(window));
    let highest = recent.iter().map(|(_, count)| *count).max().unwrap_or(computed);
    Wants::Replicas(if computed < current { highest.min(current).max(computed) } else { computed })
}

/// Decides in the order of the real controller: off at zero, then the limits, and only then the metrics.
fn judge(spec: &Value, current: i64, wants: Wants, rivals: &[String]) -> Verdict {
    let min = spec["minReplicas"].as_i64().unwrap_or(1);
    let max = spec["maxReplicas"].as_i64().unwrap_or(min);
    let valid = "the HPA was able to successfully calculate a replica count from cpu resource utilization \
                 (percentage of request)";
    let mut verdict = Verdict {
        desired: current,
        because: "",
        active: ("True", "ValidMetricFound", valid.to_owned()),
        limited: ("False", "DesiredWithinRange", "the desired count is within the acceptable range"),
        held: false,
    };
    if current == 0 {
        let message = "scaling is disabled since the replica count of the target is zero".to_owned();
        verdict.active = ("False", "ScalingDisabled", message);
        return verdict;
    }
    if current > max {
        (verdict.desired, verdict.because) = (max, "Current number of replicas above Spec.MaxReplicas");
        return verdict;
    }
    if current < min {
        (verdict.desired, verdict.because) = (min, "Current number of replicas below Spec.MinReplicas");
        return verdict;
    }
    if rivals.len() > 1 {
        let message = format!("pods by selector are controlled by multiple HPAs: [{}]", rivals.join(" "));
        verdict.active = ("False", "AmbiguousSelector", message);
        return verdict;
    }
    let without = |why: &str| {
        let message = "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get \
                       metrics for resource cpu: ";
        ("False", "FailedGetResourceMetric", format!("{message}{why}"))
    };
    let computed = match wants {
        Wants::Replicas(computed) => computed,
        Wants::NoMetrics => {
            verdict.active = without("no metrics returned from resource metrics API");
            return verdict;
        }
        Wants::NoApi => {
            verdict.active = without(
                "unable to fetch metrics from resource metrics API: the server could not find the requested resource \
                 (get pods.metrics.k8s.io)",
            );
            return verdict;
        }
    };
    if computed > max {
        verdict.limited =
            ("True", "TooManyReplicas", "the desired replica count is more than the maximum replica count");
    } else if computed < min {
        verdict.limited =
            ("True", "TooFewReplicas", "the desired replica count is less than the minimum replica count");
    }
    verdict.desired = computed.clamp(min, max);
    let rule = |direction: &str| spec["behavior"][direction]["selectPolicy"] == "Disabled";
    if verdict.desired < current && rule("scaleDown") {
        verdict.desired = current;
        verdict.limited = (
            "True",
            "ScaleDownLimit",
            "the desired replica count is decreasing faster than the maximum scale rate",
        );
    } else if verdict.desired > current && rule("scaleUp") {
        verdict.desired = current;
        verdict.limited = (
            "True",
            "ScaleUpLimit",
            "the desired replica count is increasing faster than the maximum scale rate",
        );
    }
    verdict.because = if verdict.desired < current {
        "All metrics below target"
    } else {
        "cpu resource utilization (percentage of request) above target"
    };
    verdict
}

fn status(hpa: &Value, workload: &Value, current: i64, wants: Wants, verdict: &Verdict) -> Value {
    let before = &hpa["status"];
    let mut status = json!({
        "currentReplicas": workload["status"]["replicas"].as_i64().unwrap_or(0), "desiredReplicas": verdict.desired,
    });
    let able = if verdict.held {
        status["lastScaleTime"] = before["lastScaleTime"].clone();
        let message =
            "recent recommendations were higher than current one, applying the highest recent recommendation";
        ("ScaleDownStabilized", message.to_owned())
    } else if verdict.desired == current {
        status["lastScaleTime"] = before["lastScaleTime"].clone();
        ("ReadyForNewScale", "recommended size matches current size".to_owned())
    } else {
        status["lastScaleTime"] = json!(now());
        (
            "SucceededRescale",
            format!("the HPA controller was able to update the target scale to {}", verdict.desired),
        )
    };
    let conditions = &before["conditions"];
    let (active, limited) = (&verdict.active, &verdict.limited);
    status["conditions"] = json!([
        condition(conditions, "AbleToScale", "True", able.0, &able.1),
        condition(conditions, "ScalingActive", active.0, active.1, &active.2),
        condition(conditions, "ScalingLimited", limited.0, limited.1, limited.2),
    ]);
    if let Wants::Replicas(computed) = wants
        && verdict.active.0 == "True"
        && current > 0
    {
        let metrics = hpa["spec"]["metrics"].as_array().into_iter().flatten();
        status["currentMetrics"] = metrics
            .filter_map(|one| match one["type"].as_str() {
                Some("Resource") => Some(load(&one["resource"], computed, current)),
                Some("Pods") => Some(custom(&one["pods"], computed, current)),
                _ => None,
            })
            .collect();
    }
    if status["lastScaleTime"].is_null() {
        drop(status.as_object_mut().and_then(|status| status.shift_remove("lastScaleTime")));
    }
    status
}

/// Returns the utilisation from which the computed count follows: more pods share the same load.
fn load(resource: &Value, computed: i64, current: i64) -> Value {
    let target = resource["target"]["averageUtilization"].as_i64().unwrap_or(0);
    let utilization = target * computed / current;
    let now = json!({"averageUtilization": utilization, "averageValue": format!("{utilization}m")});
    json!({"type": "Resource", "resource": {"name": resource["name"], "current": now}})
}

/// Returns the same for a metric that the pods have of their own.
fn custom(pods: &Value, computed: i64, current: i64) -> Value {
    let each = quantity::thousandths(&pods["target"]["averageValue"]) * computed / current;
    let now = json!({"averageValue": quantity::written(each)});
    json!({"type": "Pods", "pods": {"metric": pods["metric"], "current": now}})
}

/// Writes the event that a rescale leaves.
fn tell(store: &mut Store, hpa: &Value, verdict: &Verdict) {
    let message = format!("New size: {}; reason: {}", verdict.desired, verdict.because);
    events::normal(store, hpa, CONTROLLER, "SuccessfulRescale", &message);
}

/// Writes the event of an autoscaler that has just lost its metrics.
fn tell_trouble(store: &mut Store, hpa: &Value, verdict: &Verdict) {
    let (active, reason, message) = &verdict.active;
    let mut before = hpa["status"]["conditions"].as_array().into_iter().flatten();
    // Off at zero is a choice, not trouble: a real one writes no event of it.
    if *active == "False" && *reason != "ScalingDisabled" && before.all(|one| one["reason"] != *reason) {
        events::warning(store, hpa, CONTROLLER, reason, message);
    }
}
