//! The servers of ARKA: its releases, as helm installed them, with a real PostgreSQL and a real Redis in their pods.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::NAMESPACE;
use crate::catalog::stage::Stage;
use crate::support::helm::Helm;
use crate::support::kube::Kubectl;
use crate::support::postgres::Postgres;
use crate::support::redis::Redis;
use crate::support::tools::Said;

/// A stage with a helm that knows the repository `bitnami`.
pub(super) struct Releases {
    pub(super) stage: Stage,
    pub(super) helm: Helm,
    // Its kubeconfig is the helm's, too.
    kubectl: Kubectl,
}

/// Returns prod in normal times with helm, its services without a release. `None` when a tool is missing, which is told, and
/// is an error under CI.
pub(super) fn releases() -> Option<Releases> {
    with_helm(super::prod()?)
}

/// As [`releases`], without the services: [`Releases::platform`] installs them.
pub(super) fn nothing_installed() -> Option<Releases> {
    with_helm(Stage::new(NAMESPACE)?)
}

fn with_helm(stage: Stage) -> Option<Releases> {
    let kubectl = Kubectl::new(&stage.cluster, NAMESPACE)?;
    let helm = Helm::new(&kubectl)?;
    helm.repository("bitnami");
    stage.client("helm", &helm.line());
    Some(Releases { stage, helm, kubectl })
}

impl Releases {
    /// Runs kubectl as a person would, in the namespace of the platform.
    pub(super) fn kubectl(&self, arguments: &[&str]) -> Said {
        self.kubectl.run(arguments)
    }

    /// Installs a chart of the repository under its own name.
    pub(super) fn install(&self, chart: &str, settings: &str) {
        let mut arguments = vec!["install", chart];
        let path = format!("bitnami/{chart}");
        arguments.push(&path);
        if !settings.is_empty() {
            arguments.extend(["--set", settings]);
        }
        self.helm.run(&[&arguments[..], &["--wait", "--timeout", "60s"]].concat()).ok();
    }

    /// Returns where the project has the chart of the platform.
    pub(super) fn chart(&self) -> String {
        self.stage.project.root().join("charts/arka-engine").display().to_string()
    }

    /// Installs the platform itself from the chart that lies in the project, and waits until its autoscalers have looked.
    pub(super) fn platform(&self) {
        let chart = self.chart();
        std::fs::create_dir_all(self.stage.project.root().join("charts")).expect("a folder");
        symlink(Helm::charts().join("arka-engine"), &chart).expect("a link");
        self.helm.run(&["install", "arka", &chart, "--wait", "--timeout", "60s"]).ok();
        for (service, _) in super::SERVICES {
            let hpa = format!("{service}-hpa");
            self.stage.cluster.wait_for("horizontalpodautoscalers", NAMESPACE, &hpa, |it| {
                it["status"]["conditions"].is_array()
            });
        }
    }

    /// Returns a setting as a person who asks helm reads it: the values of a release, the chart's own included.
    pub(super) fn values(&self, release: &str) -> Value {
        let said = self.helm.run(&["get", "values", release, "--all", "-o", "json"]);
        serde_json::from_str(said.ok()).expect("helm prints JSON")
    }

    /// Returns the status and the number of the newest revision of a release.
    pub(super) fn revision(&self, release: &str) -> (String, i64) {
        let said = self.helm.run(&["get", "metadata", release, "-o", "json"]);
        let found: Value = serde_json::from_str(said.ok()).expect("helm prints JSON");
        (
            found["status"].as_str().unwrap_or_default().to_owned(),
            found["revision"].as_i64().unwrap_or_default(),
        )
    }

    /// Installs PostgreSQL with one standby, both real, as the chart makes them: its user `arka` is no superuser, and clients in
    /// the pods need a password, which is in the environment there.
    pub(super) fn replicated_postgres(&self) -> Option<(Postgres, Postgres)> {
        self.install("postgresql", "architecture=replication");
        let primary = Postgres::start()?;
        primary.user("arka", "");
        primary.sql("postgres", "ALTER ROLE arka PASSWORD 'sesame-17'");
        primary.sql("postgres", "ALTER ROLE postgres PASSWORD 'sesame-18'");
        let standby = primary.standby();
        for server in [&primary, &standby] {
            server.guard(&[("POSTGRES_PASSWORD", "sesame-17"), ("POSTGRES_POSTGRES_PASSWORD", "sesame-18")]);
        }
        primary.lives_in(&self.stage.cluster, NAMESPACE, "postgresql-primary-0");
        standby.lives_in(&self.stage.cluster, NAMESPACE, "postgresql-read-0");
        Some((primary, standby))
    }

    /// Installs PostgreSQL without standbys, as the source's commands name it.
    pub(super) fn postgres(&self) -> Option<Postgres> {
        self.install("postgresql", "");
        let primary = Postgres::start()?;
        primary.user("arka", "SUPERUSER");
        primary.lives_in(&self.stage.cluster, NAMESPACE, "postgresql-0");
        Some(primary)
    }

    /// Installs Redis with a master and one replica, both real.
    pub(super) fn redis(&self) -> Option<(Redis, Redis)> {
        self.install("redis", "");
        let master = Redis::start()?;
        let replica = master.replica();
        master.lives_in(&self.stage.cluster, NAMESPACE, "redis-master-0");
        replica.lives_in(&self.stage.cluster, NAMESPACE, "redis-replicas-0");
        Some((master, replica))
    }
}

/// Returns the most connections that a server takes now, and what its files say of them: `null` where they say nothing.
pub(super) fn connections(server: &Postgres) -> Value {
    let files =
        "SELECT coalesce(max(setting), 'nothing') FROM pg_file_settings WHERE name = 'max_connections'";
    json!([server.sql("postgres", "SHOW max_connections"), server.sql("postgres", files)])
}
