//! Disruption budgets: how many pods an eviction may take now. They stop nothing else.

use serde_json::{Value, json};

use super::{all, condition, count, is_ready, portion};
use crate::support::kube::kinds::Kind;
use crate::support::kube::selector;
use crate::support::kube::store::Store;

/// Writes the status of every budget.
pub(crate) fn reconcile(store: &mut Store) {
    let kind = Kind::named("pdb");
    for (key, budget) in all(store, kind) {
        let spec = &budget["spec"];
        let pods = store.list(Kind::named("pods"), Some(&key.namespace));
        let ready: Vec<bool> = pods
            .filter(|(_, pod)| selector::matches(&spec["selector"], pod))
            .map(|(_, pod)| is_ready(pod))
            .collect();
        let expected = count(&ready);
        let healthy = ready.iter().map(|ready| i64::from(*ready)).sum::<i64>();
        let desired = if spec["maxUnavailable"].is_null() {
            portion(&spec["minAvailable"], expected, true)
        } else {
            expected - portion(&spec["maxUnavailable"], expected, true)
        };
        let allowed = (healthy - desired).max(0);
        let (yes, reason) =
            if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
        let condition = condition(&budget["status"]["conditions"], "DisruptionAllowed", yes, reason, "");
        let status: Value = json!({
            "conditions": [condition], "currentHealthy": healthy, "desiredHealthy": desired.max(0),
            "disruptionsAllowed": allowed, "expectedPods": expected,
            "observedGeneration": budget["metadata"]["generation"],
        });
        store.edit(kind, &key, |object| object["status"] = status);
    }
}
