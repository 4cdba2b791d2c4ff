//! The stand-in for helm: releases that Helm's own library reads, and objects as Helm 3 changes them.

use serde_json::json;

use super::client;
use crate::support::helm::Helm;
use crate::support::kube::{Cluster, Kubectl};

/// A cluster with the test chart of ARKA installed.
fn arka() -> Option<(Cluster, Kubectl, Helm)> {
    let cluster = Cluster::start();
    cluster.namespace("arka-system");
    let kubectl = Kubectl::new(&cluster, "arka-system")?;
    let helm = Helm::new(&kubectl)?;
    helm.run(&["install", "arka", &chart("arka-engine"), "--wait", "--timeout", "60s"]).ok();
    Some((cluster, kubectl, helm))
}

fn chart(name: &str) -> String {
    Helm::charts().join(name).display().to_string()
}

fn most(cluster: &Cluster) -> i64 {
    let object = cluster.object("horizontalpodautoscalers", "arka-system", "usage-metering-hpa");
    object["spec"]["maxReplicas"].as_i64().expect("a number")
}

#[test]
fn an_upgrade_keeps_what_was_set_and_a_rollback_restores_it() {
    let Some((cluster, _kubectl, helm)) = arka() else { return };
    assert_eq!(most(&cluster), 20);
    let upgrade = ["-n", "arka-system", "upgrade", "arka", &chart("arka-engine"), "--reuse-values"];
    let said = helm.run(&[&upgrade[..], &["--set", "usageMetering.autoscaling.maxReplicas=50"]].concat());
    assert!(
        said.ok().starts_with("Release \"arka\" has been upgraded. Happy Helming!\nNAME: arka\n"),
        "{}",
        said.stdout
    );
    helm.run(&[&upgrade[..], &["--set=licenseAuthority.autoscaling.maxReplicas=30"]].concat()).ok();
    assert_eq!(most(&cluster), 50);
    let values = helm.run(&["get", "values", "arka", "-o", "json"]);
    let both = "{\"licenseAuthority\":{\"autoscaling\":{\"maxReplicas\":30}},\"usageMetering\":{\"autoscaling\":{\"maxReplicas\":50}}}\n";
    assert_eq!(values.ok(), both);
    // What the real library makes of it.
    assert_eq!(
        helm.library("arka-system", "get_values('arka')"),
        serde_json::from_str::<serde_json::Value>(both).expect("JSON")
    );
    assert_eq!(helm.library("arka-system", "history('arka')").as_array().map(Vec::len), Some(3));
    assert_eq!(
        helm.run(&["rollback", "arka", "1", "--wait"]).ok(),
        "Rollback was a success! Happy Helming!\n"
    );
    assert_eq!(most(&cluster), 20);
    let said = helm.run(&["history", "arka", "--output", "json"]);
    let history: serde_json::Value = serde_json::from_str(said.ok()).expect("JSON");
    let states: Vec<_> =
        history.as_array().into_iter().flatten().map(|it| (&it["status"], &it["description"])).collect();
    assert_eq!(states[3], (&json!("deployed"), &json!("Rollback to 1")));
    assert_eq!(states[2], (&json!("superseded"), &json!("Upgrade complete")));
    assert!(helm.run(&["list"]).ok().contains("arka-engine-0.1.0"));
}

#[test]
fn an_upgrade_puts_the_charts_value_over_a_patch() {
    let Some((cluster, kubectl, helm)) = arka() else { return };
    kubectl.run(&["patch", "hpa", "usage-metering-hpa", "-p", "{\"spec\":{\"maxReplicas\":50}}"]).ok();
    assert_eq!(most(&cluster), 50);
    helm.run(&["upgrade", "arka", &chart("arka-engine"), "--reuse-values"]).ok();
    assert_eq!(most(&cluster), 20);
}

#[test]
fn what_does_not_become_ready_in_time_is_a_failed_release_that_can_be_taken_back() {
    let Some((cluster, _kubectl, helm)) = arka() else { return };
    cluster.limit_ready("arka-system", "usage-metering", 0);
    let bigger =
        ["--reuse-values", "--set", "usageMetering.resources.requests.cpu=1", "--wait", "--timeout", "1s"];
    let said = helm.run(&[&["upgrade", "arka", &chart("arka-engine")], &bigger[..]].concat());
    assert_eq!(said.failed(1), "Error: UPGRADE FAILED: context deadline exceeded\n");
    let status = helm.run(&["status", "arka", "-o", "json"]);
    assert!(status.ok().contains("\"status\": \"failed\""), "{}", status.stdout);
    cluster.unlimit_ready("arka-system", "usage-metering");
    helm.run(&["rollback", "arka", "1"]).ok();
    let cpu = cluster.object("deployments", "arka-system", "usage-metering");
    assert_eq!(cpu["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"], "250m");
}

#[test]
fn charts_come_from_a_repository_that_has_to_be_there() {
    let Some((cluster, _kubectl, helm)) = arka() else { return };
    let install =
        ["install", "redis-cluster", "bitnami/redis-cluster", "--set", "cluster.nodes=6,cluster.replicas=1"];
    assert_eq!(helm.run(&install).failed(1), "Error: INSTALLATION FAILED: repo bitnami not found\n");
    assert_eq!(helm.run(&["repo", "list"]).failed(1), "Error: no repositories to show\n");
    helm.repository("bitnami");
    let said = client(&helm.line(), &["repo", "list"]);
    assert!(said.expect("there is a shell").ok().starts_with("NAME   \tURL"));
    assert!(helm.run(&["repo", "list", "-o", "json"]).ok().contains("\"name\":\"bitnami\""));
    let said = helm.run(&["search", "repo", "bitnami/redis-cluster", "-o", "json"]);
    assert!(
        said.ok().starts_with("[{\"name\":\"bitnami/redis-cluster\",\"version\":\"10.2.0\""),
        "{}",
        said.stdout
    );
    helm.run(&install).ok();
    assert_eq!(cluster.object("statefulsets", "arka-system", "redis-cluster")["spec"]["replicas"], 6);
    assert_eq!(
        helm.run(&install).failed(1),
        "Error: INSTALLATION FAILED: cannot re-use a name that is still in use\n"
    );
    let other = ["upgrade", "redis-cluster", "bitnami/redis-cluster", "--version", "9.9.9"];
    assert!(helm.run(&other).failed(1).contains("no chart version found for redis-cluster-9.9.9"));
    helm.run(&["uninstall", "redis-cluster"]).ok();
    assert_eq!(cluster.find("statefulsets", "arka-system", "redis-cluster"), None);
}

#[test]
fn what_the_real_one_does_not_know_is_refused() {
    let Some((_cluster, _kubectl, helm)) = arka() else { return };
    let refused = |args: &[&str]| helm.run(args).failed(1).to_owned();
    assert_eq!(refused(&["upgrade", "arka", ".", "--frob"]), "Error: unknown flag: --frob\n");
    assert!(refused(&["diff", "upgrade"]).starts_with("Error: unknown command \"diff\" for \"helm\"\n"));
    assert_eq!(refused(&["status", "nope"]), "Error: release: not found\n");
    let nope = ["upgrade", "nope", &chart("redis")];
    assert_eq!(refused(&nope), "Error: UPGRADE FAILED: \"nope\" has no deployed releases\n");
    assert_eq!(refused(&["upgrade", "arka", "./no-such"]), "Error: path \"./no-such\" not found\n");
}
