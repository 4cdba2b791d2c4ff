//! The Autolytiq Desk Studio platform as its source describes it.

mod after_event;
mod aurora;
mod autoscaling;
mod cache;
mod event;
mod load;
mod nodes;
mod pending;
mod planning;
mod services;
mod triage;
mod vertical;

use serde_json::json;

use super::stage::Stage;
use crate::support::moto::Moto;

const NAMESPACE: &str = "autolytiq-prod";

/// The floor and the ceiling of an autoscaler.
type Limits = (i64, i64);

/// Each service with the limits of its autoscaler in normal times.
const SERVICES: [(&str, Limits); 5] = [
    ("api-gateway", (3, 10)),
    ("auth-service", (3, 8)),
    ("deal-service", (3, 10)),
    ("customer-service", (2, 6)),
    ("inventory-service", (2, 6)),
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
        // What must hold beforehand is that the autoscaler has looked at all.
        let hpa = format!("{service}-hpa");
        cluster.wait_for("horizontalpodautoscalers", NAMESPACE, &hpa, |it| {
            it["status"]["conditions"].is_array()
        });
    }
    Some(stage)
}

/// [`prod`] with the account, which has the Aurora cluster.
fn prod_with_aws() -> Option<(Stage, Moto)> {
    let moto = Moto::start()?;
    moto.aurora(NAMESPACE, 2.0, 16.0);
    Some((prod()?.aws(&moto)?, moto))
}
