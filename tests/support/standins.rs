//! Stand-ins for tools that no package registry has, or that would load somebody's servers: gcloud, k6, npx artillery, npm.
//!
//! `standins.py` beside this file reads their arguments as strictly as the real ones do, and says what a test set here.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::tools::{self, Said};

/// The stand-ins, and what they find.
pub(crate) struct Standins {
    python: PathBuf,
    home: TempDir,
}

/// What a load test measures.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// In milliseconds.
    pub(crate) p95: f64,
    /// In milliseconds.
    pub(crate) median: f64,
    /// From 0 to 1.
    pub(crate) failed: f64,
    pub(crate) requests: u64,
    pub(crate) seconds: u64,
    /// The conditions of the script that do not hold: metric and condition, such as `("http_req_duration", "p(95)<200")`.
    pub(crate) crossed: Vec<(String, String)>,
}

impl Default for Load {
    fn default() -> Self {
        Self { p95: 180.0, median: 60.0, failed: 0.0, requests: 60_000, seconds: 300, crossed: Vec::new() }
    }
}

impl Standins {
    /// Returns stand-ins that have nothing yet; `None`, said loudly, where Python is missing (a panic in CI).
    pub(crate) fn new() -> Option<Self> {
        Some(Self { python: tools::require("python3")?, home: TempDir::new().expect("a temporary folder") })
    }

    /// Returns the line of shell that becomes `gcloud`, `k6`, `npx` or `npm`, for a client on a test's PATH.
    pub(crate) fn line(&self, tool: &str) -> String {
        let (python, home) = (self.python.display(), self.home.path().display());
        format!("exec '{python}' '{}' '{home}' {tool} \"$@\"", script().display())
    }

    /// Runs one of them.
    pub(crate) fn run(&self, tool: &str, args: &[&str]) -> Said {
        let (script, home) = (script().display().to_string(), self.home.path().display().to_string());
        let all = [&[script.as_str(), home.as_str(), tool], args].concat();
        tools::run(tools::command(&self.python, &all, &[]), "")
    }

    /// Lets gcloud find a cluster with these node pools and their numbers of nodes.
    pub(crate) fn gke(&self, cluster: &str, location: &str, pools: &[(&str, u64)]) {
        let pools = pools.iter().map(|(name, nodes)| {
            json!({
                "name": name, "status": "RUNNING", "initialNodeCount": nodes, "currentNodeCount": nodes,
                "locations": [location],
            })
        });
        let cluster = json!({"name": cluster, "location": location, "pools": pools.collect::<Vec<_>>()});
        self.write("gcloud", &json!({"project": "test", "clusters": [cluster]}));
    }

    /// Returns the number of nodes of a pool.
    pub(crate) fn nodes(&self, pool: &str) -> Option<u64> {
        let found = self.read("gcloud");
        let mut pools = found["clusters"][0]["pools"].as_array()?.iter();
        pools.find(|it| it["name"] == pool)?["currentNodeCount"].as_u64()
    }

    /// Lets gcloud refuse everything it is asked about clusters, with these words.
    pub(crate) fn gcloud_refuses(&self, why: &str) {
        let mut found = self.read("gcloud");
        found["refuses"] = json!(why);
        self.write("gcloud", &found);
    }

    /// Sets what k6 and artillery measure from now on.
    pub(crate) fn load(&self, load: &Load) {
        let Load { p95, median, failed, requests, seconds, crossed } = load;
        let value = json!({
            "p95": p95, "median": median, "failed": failed, "requests": requests, "seconds": seconds, "crossed": crossed,
        });
        self.write("k6", &value);
        self.write("npx", &value);
    }

    /// Lets there be a script of npm that prints this and ends with that code.
    pub(crate) fn npm(&self, name: &str, code: i32, stdout: &str) {
        let mut found = self.read("npm");
        found["scripts"][name] = json!({"code": code, "stdout": stdout, "calls": []});
        self.write("npm", &found);
    }

    /// Returns the arguments of each run of a script of npm.
    pub(crate) fn npm_calls(&self, name: &str) -> Value {
        self.read("npm")["scripts"][name]["calls"].clone()
    }

    fn read(&self, tool: &str) -> Value {
        let text = std::fs::read_to_string(self.home.path().join(format!("{tool}.json"))).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_else(|_| json!({}))
    }

    fn write(&self, tool: &str, value: &Value) {
        let file = self.home.path().join(format!("{tool}.json"));
        std::fs::write(file, value.to_string()).expect("the folder is writable");
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/standins.py")
}
