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

use super::stage::{Limits, Stage};
use crate::support::moto::Moto;

const NAMESPACE: &str = "autolytiq-prod";

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
    Some(Stage::new(NAMESPACE)?.services(NAMESPACE, &SERVICES))
}

/// [`prod`] with the account, which has the Aurora cluster.
fn prod_with_aws() -> Option<(Stage, Moto)> {
    let moto = Moto::start()?;
    moto.aurora(NAMESPACE, 2.0, 16.0);
    Some((prod()?.aws(&moto)?, moto))
}
