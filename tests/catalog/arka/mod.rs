//! The ARKA Engine platform as its source describes it.

mod autoscaling;
mod capacity;
mod drift;
mod event;
mod nodes;
mod postgres;
mod redis;
mod servers;
mod starting;
mod triage;
mod vertical;
mod watch;

use super::stage::{Limits, Stage};

const NAMESPACE: &str = "arka-system";

/// Each service with the floor and the ceiling of its autoscaler in normal times.
const SERVICES: [(&str, Limits); 4] = [
    ("license-authority", (2, 10)),
    ("usage-metering", (3, 20)),
    ("policy-engine", (2, 10)),
    ("attestation-service", (2, 8)),
];

/// Prod in normal times: each service with its autoscaler. `None` when a tool is missing, which is told, and is an error
/// under CI.
fn prod() -> Option<Stage> {
    Some(Stage::new(NAMESPACE)?.services(NAMESPACE, &SERVICES))
}
