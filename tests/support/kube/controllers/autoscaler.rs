//! Horizontal autoscalers, as measured on a real control plane: they take back what anybody else sets.

use serde_json::{Value, json};

use super::{all, condition};
use crate::support::kube::clock::now;
use crate::support::kube::kinds::Kind;
use crate::support::kube::state::{State, Wants};
use crate::support::kube::store::{Key, Store, Write};

/// What one look at a target came to.
struct Verdict {
    /// The count the target shall have, and why it is changed.
    desired: i64,
    because: &'static str,
    active: (&'static str, &'static str, String),
    limited: (&'static str, &'static str, &'static str),
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
        let verdict = judge(&hpa["spec"], current, wants, &rivals);
        if verdict.desired != current {
            state
                .store
                .edit(target_kind, &target_key, |object| object["spec"]["replicas"] = json!(verdict.desired));
            tell(&mut state.store, hpa, &verdict);
        }
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
    let Wants::Replicas(computed) = wants else {
        let message = "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get \
                       metrics for resource cpu: no metrics returned from resource metrics API";
        verdict.active = ("False", "FailedGetResourceMetric", message.to_owned());
        return verdict;
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
    let able = if verdict.desired == current {
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
        let metrics =
            hpa["spec"]["metrics"].as_array().into_iter().flatten().filter(|one| one["type"] == "Resource");
        status["currentMetrics"] = metrics.map(|one| load(&one["resource"], computed, current)).collect();
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

/// Writes the event that a rescale leaves.
fn tell(store: &mut Store, hpa: &Value, verdict: &Verdict) {
    let metadata = &hpa["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    let event = json!({
        "metadata": {"generateName": format!("{name}.")},
        "involvedObject": {
            "kind": hpa["kind"], "apiVersion": hpa["apiVersion"], "name": name,
            "namespace": metadata["namespace"], "uid": metadata["uid"],
        },
        "type": "Normal", "reason": "SuccessfulRescale", "count": 1,
        "message": format!("New size: {}; reason: {}", verdict.desired, verdict.because),
        "source": {"component": "horizontal-pod-autoscaler"},
        "firstTimestamp": now(), "lastTimestamp": now(),
    });
    let namespace = metadata["namespace"].as_str().unwrap_or_default();
    // The namespace may have gone in this very turn, and its events with it.
    drop(store.create(Kind::named("events"), namespace, event, Write::Keep));
}
