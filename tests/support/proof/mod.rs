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

use std::thread;
use std::time::{Duration, Instant};

use super::kube::{Cluster, Kubectl};
use super::tools::{self, Said};

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

/// Waits until it is so; fails the test where that takes too long.
fn eventually(what: &str, so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !so() {
        assert!(Instant::now() < deadline, "{what}: not within 30 s");
        thread::sleep(Duration::from_millis(10));
    }
}
