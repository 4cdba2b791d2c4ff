//! Proof that the fixtures are what the real clients take them for.

mod autoscaler;
mod aws;
mod change;
mod desk;
mod drain;
mod edit;
mod exec;
mod logs;
mod patch;
mod pending;
mod read;
mod rollout;
mod top;

use super::kube::{Cluster, Kubectl};

/// A cluster with one deployment of three, and a kubectl whose default namespace it is in.
fn shop() -> Option<(Cluster, Kubectl)> {
    let cluster = Cluster::start();
    cluster.deployment("shop", "api", 3);
    let kubectl = Kubectl::new(&cluster, "shop")?;
    Some((cluster, kubectl))
}
