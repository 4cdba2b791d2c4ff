//! The real kubectl, pointed at a test cluster and at nothing of the machine's own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::cluster::Cluster;
use crate::support::tools::{self, Said};

/// A kubectl with a home, a cache and a kubeconfig of its own.
pub(crate) struct Kubectl {
    path: PathBuf,
    home: TempDir,
}

impl Kubectl {
    /// Returns a kubectl for that cluster; `None`, said loudly, where there is no kubectl (a panic in CI).
    pub(crate) fn new(cluster: &Cluster, namespace: &str) -> Option<Self> {
        let path = tools::require("kubectl")?;
        let home = TempDir::new().expect("a temporary folder");
        cluster.kubeconfig(&home.path().join("config"), namespace);
        Some(Self { path, home })
    }

    /// Returns what a child process needs so that its kubectl reaches the cluster and nothing else.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let home = self.home.path();
        let pair = |key: &str, value: PathBuf| (key.to_owned(), value.to_string_lossy().into_owned());
        vec![
            pair("HOME", home.to_owned()),
            pair("KUBECONFIG", home.join("config")),
            pair("KUBECACHEDIR", home.join("cache")),
        ]
    }

    /// Runs kubectl to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Said {
        self.run_with(args, "")
    }

    /// Runs kubectl to its end with this on its stdin, for `-f -`.
    pub(crate) fn run_with(&self, args: &[&str], stdin: &str) -> Said {
        tools::run(self.command(args), stdin)
    }

    /// Runs a kubectl that does not end (`-w`) until a line holds `wanted`, and returns the lines so far.
    pub(crate) fn watch(&self, args: &[&str], wanted: &str, at_most: Duration) -> Vec<String> {
        tools::run_until(self.command(args), wanted, at_most)
    }

    fn command(&self, args: &[&str]) -> Command {
        tools::command(&self.path, args, &self.environment())
    }
}
