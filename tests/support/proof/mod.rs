//! Proof that the fixtures are what the real clients take them for.

mod autoscaler;
mod aws;
mod change;
mod desk;
mod drain;
mod edit;
mod exec;
mod helm;
mod logs;
mod patch;
mod pending;
mod postgres;
mod read;
mod redis;
mod rollout;
mod standins;
mod top;

use super::kube::{Cluster, Kubectl};
use super::tools::{self, Said, eventually};

/// A cluster with one deployment of three, and a kubectl whose default namespace it is in.
fn shop() -> Option<(Cluster, Kubectl)> {
    let cluster = Cluster::start();
    cluster.deployment("shop", "api", 3);
    let kubectl = Kubectl::new(&cluster, "shop")?;
    Some((cluster, kubectl))
}

/// Runs lines of shell with these arguments, as a client on a test's PATH is run.
fn client(lines: &str, args: &[&str]) -> Option<Said> {
    let shell = tools::require("sh")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let all = [&["-c", lines, "client"], args].concat();
    Some(tools::run(tools::command(&shell, &all, &[("PATH".to_owned(), path)]), ""))
}
