//! The VPA's recommender: what pods use is what they should request. Nothing here resizes a pod.

use serde_json::{Value, json};

use super::{all, condition, workload};
use crate::support::kube::kinds::Kind;
use crate::support::kube::metrics::usage;
use crate::support::kube::quantity;
use crate::support::kube::state::State;

/// Writes a recommendation on every autoscaler whose target runs.
pub(crate) fn reconcile(state: &mut State) {
    let kind = Kind::named("vpa");
    if !state.settings.metrics || !state.serves(kind) {
        return;
    }
    for (key, vpa) in all(&state.store, kind) {
        let target = vpa["spec"]["targetRef"]["name"].as_str().unwrap_or_default();
        let mut pods = all(&state.store, Kind::named("pods")).into_iter();
        let mine = pods.find(|(pod_key, pod)| {
            pod_key.namespace == key.namespace && workload(&state.store, pod_key, pod) == target
        });
        let Some((pod_key, pod)) = mine else { continue };
        let (cpu, memory) = usage(state, &pod_key, &pod);
        // Half and twice: bounds that a test can compute, no more.
        let share = |twice: i64| json!({"cpu": quantity::written(cpu * twice / 2), "memory": quantity::bytes(memory * twice / 2)});
        let containers: Vec<Value> = pod["spec"]["containers"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|container| {
                json!({
                    "containerName": container["name"], "target": share(2), "uncappedTarget": share(2),
                    "lowerBound": share(1), "upperBound": share(4),
                })
            })
            .collect();
        let provided = condition(&vpa["status"]["conditions"], "RecommendationProvided", "True", "", "");
        let status =
            json!({"conditions": [provided], "recommendation": {"containerRecommendations": containers}});
        state.store.edit(kind, &key, |vpa| vpa["status"] = status);
    }
}
