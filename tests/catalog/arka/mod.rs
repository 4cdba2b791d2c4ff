//! The ARKA Engine platform as its source describes it.

mod autoscaling;
mod capacity;
mod event;
mod nodes;
mod postgres;
mod redis;
mod servers;
mod starting;
mod triage;
mod vertical;
mod watch;
use serde_json::json;

use super::stage::Stage;

const NAMESPACE: &str = "arka-system";

/// Each service with the floor and the ceiling of its autoscaler in normal times.
const SERVICES: [(&str, (i64, i64)); 4] = [
    ("license-authority", (2, 10)),
    ("usage-metering", (3, 20)),
    ("policy-engine", (2, 10)),
    ("attestation-service", (2, 8)),
];

/// Prod in normal times: each service with its autoscaler. `None` when a tool is missing, which is told, and is an error
/// under CI.
fn prod() -> Option<Stage> {
    let stage = Stage::new(NAMESPACE)?;
    let cluster = &stage.cluster;
    for (service, (min, max)) in SERVICES {
        cluster.deployment(NAMESPACE, service, min);
        cluster.hpa(NAMESPACE, &format!("{service}-hpa"), &format!("deployment/{service}"), min, max);
    }
    for (service, (min, _)) in SERVICES {
        cluster.wait_for("deployments", NAMESPACE, service, |it| it["status"]["readyReplicas"] == json!(min));
        let hpa = format!("{service}-hpa");
        cluster.wait_for("horizontalpodautoscalers", NAMESPACE, &hpa, |it| {
            it["status"]["conditions"].is_array()
        });
    }
    Some(stage)
}
