//! Autoscalers behave as measured: they take back what a plain scale sets.

use serde_json::{Value, json};

use super::shop;
use crate::support::kube::{Cluster, Kubectl, Settings, Wants};

/// The shop with an autoscaler between 3 and 10 over `api`, seen by it once.
fn scaled() -> Option<(Cluster, Kubectl)> {
    let (cluster, kubectl) = shop()?;
    cluster.hpa("shop", "api-hpa", "deployment/api", 3, 10);
    cluster.wait_for("hpa", "shop", "api-hpa", |hpa| hpa["status"]["desiredReplicas"] == 3);
    Some((cluster, kubectl))
}

fn ready(count: i64) -> impl Fn(&Value) -> bool {
    move |workload| workload["spec"]["replicas"] == count && workload["status"]["readyReplicas"] == count
}

/// The reason of a condition of the autoscaler.
fn reason(hpa: &Value, kind: &str) -> String {
    let mut conditions = hpa["status"]["conditions"].as_array().into_iter().flatten();
    let found = conditions.find(|one| one["type"] == kind).map(|one| format!("{}", one["reason"]));
    found.unwrap_or_default().trim_matches('"').to_owned()
}

#[test]
fn a_plain_scale_is_taken_back() {
    let Some((cluster, kubectl)) = scaled() else { return };
    kubectl.run(&["scale", "deployment/api", "--replicas=8"]).ok();
    cluster.wait_for("deployment", "shop", "api", ready(3));
    let said = kubectl.run(&["get", "events", "-o", "jsonpath={.items[*].message}"]);
    assert!(said.ok().contains("New size: 3; reason: All metrics below target"), "{}", said.stdout);
}

#[test]
fn limits_hold_also_without_metrics() {
    let Some((cluster, kubectl)) = scaled() else { return };
    cluster.hpa_wants("shop", "api-hpa", Wants::NoMetrics);
    kubectl.run(&["scale", "deployment/api", "--replicas=12"]).ok();
    cluster.wait_for("deployment", "shop", "api", ready(10));
    kubectl.run(&["scale", "deployment/api", "--replicas=1"]).ok();
    cluster.wait_for("deployment", "shop", "api", ready(3));
    kubectl.run(&["scale", "deployment/api", "--replicas=7"]).ok();
    // Within the limits it stays: the autoscaler has looked again and found nothing to say.
    cluster.wait_for("hpa", "shop", "api-hpa", |hpa| hpa["status"]["currentReplicas"] == 7);
    assert_eq!(cluster.object("deployment", "shop", "api")["spec"]["replicas"], 7);
    assert_eq!(reason(&cluster.object("hpa", "shop", "api-hpa"), "ScalingActive"), "FailedGetResourceMetric");
}

#[test]
fn a_raised_floor_brings_pods_up_and_they_stay() {
    let Some((cluster, kubectl)) = scaled() else { return };
    kubectl.run(&["patch", "hpa", "api-hpa", "--type=merge", "-p", r#"{"spec":{"minReplicas":6}}"#]).ok();
    cluster.wait_for("deployment", "shop", "api", ready(6));
    let hpa =
        cluster.wait_for("hpa", "shop", "api-hpa", |hpa| reason(hpa, "ScalingLimited") == "TooFewReplicas");
    assert_eq!(hpa["status"]["desiredReplicas"], 6);
    kubectl.run(&["patch", "hpa", "api-hpa", "--type=merge", "-p", r#"{"spec":{"minReplicas":3}}"#]).ok();
    cluster.wait_for("deployment", "shop", "api", ready(3));
}

#[test]
fn disabled_scale_down_keeps_what_was_added() {
    let Some((cluster, kubectl)) = scaled() else { return };
    let body = r#"{"spec":{"behavior":{"scaleDown":{"selectPolicy":"Disabled"}}}}"#;
    kubectl.run(&["patch", "hpa", "api-hpa", "--type=merge", "-p", body]).ok();
    kubectl.run(&["scale", "deployment/api", "--replicas=8"]).ok();
    cluster.wait_for("hpa", "shop", "api-hpa", |hpa| reason(hpa, "ScalingLimited") == "ScaleDownLimit");
    cluster.wait_for("deployment", "shop", "api", ready(8));
}

#[test]
fn the_metrics_of_a_test_can_ask_for_more() {
    let Some((cluster, _kubectl)) = scaled() else { return };
    cluster.hpa_wants("shop", "api-hpa", Wants::Replicas(14));
    cluster.wait_for("deployment", "shop", "api", ready(10));
    cluster.wait_for("hpa", "shop", "api-hpa", |hpa| reason(hpa, "ScalingLimited") == "TooManyReplicas");
}

#[test]
fn two_over_one_target_both_stop() {
    let Some((cluster, kubectl)) = scaled() else { return };
    cluster.hpa("shop", "api-hpa-event", "deployment/api", 3, 20);
    for name in ["api-hpa", "api-hpa-event"] {
        cluster.wait_for("hpa", "shop", name, |hpa| reason(hpa, "ScalingActive") == "AmbiguousSelector");
    }
    let said =
        kubectl.run(&["get", "events", "--field-selector", "reason=AmbiguousSelector", "--no-headers"]);
    assert!(said.ok().contains("pods by selector are controlled by multiple HPAs"), "{}", said.stdout);
    kubectl.run(&["scale", "deployment/api", "--replicas=5"]).ok();
    cluster.wait_for("hpa", "shop", "api-hpa", |hpa| hpa["status"]["currentReplicas"] == 5);
    assert_eq!(cluster.object("deployment", "shop", "api")["spec"]["replicas"], 5);
}

#[test]
fn zero_switches_an_autoscaler_off() {
    let Some((cluster, kubectl)) = scaled() else { return };
    kubectl.run(&["scale", "deployment/api", "--replicas=0"]).ok();
    cluster.wait_for("hpa", "shop", "api-hpa", |hpa| reason(hpa, "ScalingActive") == "ScalingDisabled");
    let api = cluster.wait_for("deployment", "shop", "api", |api| api["status"].get("replicas").is_none());
    assert_eq!(api["spec"]["replicas"], 0);
    let said = kubectl.run(&["get", "events", "--field-selector", "type=Warning"]);
    assert_eq!((said.ok(), said.stderr.as_str()), ("", "No resources found in shop namespace.\n"));
}

#[test]
fn without_a_sync_period_nobody_looks() {
    let cluster = Cluster::with(Settings { hpa_sync: None, ..Settings::default() });
    cluster.deployment("shop", "api", 3);
    cluster.hpa("shop", "api-hpa", "deployment/api", 3, 10);
    let Some(kubectl) = Kubectl::new(&cluster, "shop") else { return };
    kubectl.run(&["scale", "deployment/api", "--replicas=12"]).ok();
    // Longer than the default period: with it, the count would be back below the limit by now.
    kubectl.run(&["rollout", "status", "deployment/api", "--timeout=30s"]).ok();
    cluster.wait_for("deployment", "shop", "api", ready(12));
    assert_eq!(cluster.object("hpa", "shop", "api-hpa").get("status"), None);
}

#[test]
fn a_stabilisation_window_holds_pods_until_it_is_over_or_shortened() {
    let Some((cluster, kubectl)) = scaled() else { return };
    let window = |seconds: i64| {
        let body = format!(
            r#"{{"spec":{{"behavior":{{"scaleDown":{{"stabilizationWindowSeconds":{seconds}}}}}}}}}"#
        );
        kubectl.run(&["patch", "hpa", "api-hpa", "--type=merge", "-p", &body]).ok();
    };
    window(300);
    cluster.hpa_wants("shop", "api-hpa", Wants::Replicas(8));
    cluster.wait_for("deployment", "shop", "api", ready(8));
    cluster.hpa_wants("shop", "api-hpa", Wants::Replicas(3));
    cluster.wait_for("hpa", "shop", "api-hpa", |hpa| reason(hpa, "AbleToScale") == "ScaleDownStabilized");
    assert_eq!(cluster.object("deployment", "shop", "api")["spec"]["replicas"], 8);
    let said = kubectl.run(&["describe", "hpa", "api-hpa"]);
    assert!(
        said.ok().contains("AbleToScale     True    ScaleDownStabilized  recent recommendations"),
        "{}",
        said.stdout
    );
    window(0);
    cluster.wait_for("deployment", "shop", "api", ready(3));
}

#[test]
fn a_metric_of_the_pods_own_is_shown_without_a_name() {
    let Some((cluster, kubectl)) = scaled() else { return };
    let hpa = json!({"metadata": {"name": "custom"}, "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
        "minReplicas": 3, "maxReplicas": 10,
        "metrics": [{"type": "Pods", "pods": {
            "metric": {"name": "http_requests_per_second"}, "target": {"type": "AverageValue", "averageValue": "100"},
        }}],
    }});
    cluster.remove("hpa", "shop", "api-hpa");
    cluster.seed("hpa", "shop", hpa);
    cluster.wait_for("hpa", "shop", "custom", |hpa| hpa["status"]["currentMetrics"].is_array());
    let said = kubectl.run(&["get", "hpa", "custom", "--no-headers"]);
    let cells: Vec<&str> = said.ok().split_whitespace().collect();
    assert_eq!(cells[..6], ["custom", "Deployment/api", "100/100", "3", "10", "3"]);
    let said = kubectl.run(&["describe", "hpa", "custom"]);
    assert!(said.ok().contains("\"http_requests_per_second\" on pods:  100 / 100"), "{}", said.stdout);
}
