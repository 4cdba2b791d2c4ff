//! Why a service does not scale up, or down: each cause is found and named, and nothing is changed by looking.

use serde_json::json;

use super::{NAMESPACE, prod};
use crate::catalog::proof::Proof;
use crate::catalog::stage::Stage;
use crate::support::kube::{Kubectl, Wants};

/// Looks, and returns the causes and what stood on the screen. Nothing may have been changed.
fn causes(stage: &Stage, name: &str, service: &str) -> (String, String) {
    stage.cluster.forget_requests();
    let service = format!("service={service}");
    let shown = stage.project.run(&["exec", name, "--var", "env=prod", "--var", &service]).code(0);
    assert_eq!(stage.cluster.changes().len(), 0, "{shown}");
    let causes = stage.outputs()["verdict"]["causes"].as_str().expect("text").to_owned();
    (causes, shown.to_string())
}

/// Waits until the autoscaler says that of one of its conditions.
fn says(stage: &Stage, hpa: &str, reason: &str) {
    stage.cluster.wait_for("horizontalpodautoscalers", NAMESPACE, hpa, |it| {
        it["status"]["conditions"].as_array().is_some_and(|all| all.iter().any(|one| one["reason"] == reason))
    });
}

#[test]
fn pods_not_scaling_triage() {
    let mut proof = Proof::of("autolytiq/pods-not-scaling-triage");
    let Some(stage) = prod() else { return };
    let typed = ["--var", "env=prod", "--var", "service=deal-service"];
    stage.cluster.hpa_wants(NAMESPACE, "deal-service-hpa", Wants::Replicas(14));
    says(&stage, "deal-service-hpa", "TooManyReplicas");
    proof.forwards(&stage, &typed, |shown| {
        let shown = shown.to_string();
        assert!(shown.contains("deal-service-hpa has 10 pods and may have 10."), "{shown}");
        assert!(shown.contains("runbook exec autolytiq/tune-hpa --var env=prod"), "{shown}");
        assert_eq!(stage.outputs()["verdict"]["causes"], "at-ceiling");
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    // Nobody answers: that is no finding.
    stage.cluster.deny("get", "horizontalpodautoscalers");
    stage.cluster.deny("list", "horizontalpodautoscalers");
    proof.failure(&stage, &typed, 1, |read, _| {
        assert!(read.contains("autoscalers failed: the gate could not tell"), "{read}");
        assert!(read.contains("Forbidden"), "{read}");
    });
}

#[test]
fn each_cause_of_not_scaling_up_is_named() {
    let Some(stage) = prod() else { return };
    let name = "pods-not-scaling-triage";
    let cluster = &stage.cluster;
    assert_eq!(causes(&stage, name, "api-gateway").0, "no cause found, its metrics ask for no more pods");

    cluster.deployment(NAMESPACE, "worker", 1);
    assert_eq!(causes(&stage, name, "worker").0, "no-autoscaler");

    // The event's autoscaler of the source, beside the one there is.
    cluster.hpa(NAMESPACE, "api-gateway-hpa-event", "deployment/api-gateway", 3, 20);
    says(&stage, "api-gateway-hpa", "AmbiguousSelector");
    let (found, shown) = causes(&stage, name, "api-gateway");
    assert_eq!(found, "two-autoscalers");
    assert!(shown.contains("two-autoscalers: api-gateway-hpa, api-gateway-hpa-event\n"), "{shown}");

    let bare = json!({"spec": {"containers": [{"name": "bare", "image": "registry.test/bare:1", "resources": null}]}});
    cluster.deployment_with(NAMESPACE, "bare", 1, &bare);
    cluster.hpa(NAMESPACE, "bare-hpa", "deployment/bare", 1, 3);
    assert_eq!(causes(&stage, name, "bare").0, "no-requests");

    cluster.deployment(NAMESPACE, "off", 0);
    cluster.hpa(NAMESPACE, "off-hpa", "deployment/off", 1, 3);
    says(&stage, "off-hpa", "ScalingDisabled");
    assert_eq!(causes(&stage, name, "off").0, "at-zero");

    cluster.deny("get", "pods");
    cluster.deny("list", "pods");
    stage.project.run(&["exec", name, "--var", "env=prod", "--var", "service=api-gateway"]).code(1);
    cluster.allow_all();
    cluster.metrics(false);
    says(&stage, "deal-service-hpa", "FailedGetResourceMetric");
    let (found, shown) = causes(&stage, name, "deal-service");
    assert_eq!(found, "no-metrics");
    assert!(shown.contains("the server could not find the requested resource"), "{shown}");
}

#[test]
fn scale_down_blocked_triage() {
    let mut proof = Proof::of("autolytiq/scale-down-blocked-triage");
    let Some(stage) = prod() else { return };
    let patch = r#"{"spec":{"behavior":{"scaleDown":{"selectPolicy":"Disabled"}}}}"#;
    let kubectl = Kubectl::new(&stage.cluster, NAMESPACE).expect("it was there before");
    kubectl.run(&["patch", "hpa", "api-gateway-hpa", "--type=merge", "-p", patch]).ok();
    let typed = ["--var", "env=prod", "--var", "service=api-gateway"];
    proof.forwards(&stage, &typed, |shown| {
        let shown = shown.to_string();
        assert!(shown.contains("api-gateway-hpa may not scale down"), "{shown}");
        assert!(shown.contains("runbook exec autolytiq/post-peak-scale-down --var env=prod"), "{shown}");
        assert_eq!(stage.outputs()["verdict"]["causes"], "forbidden, at-floor");
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    stage.cluster.deny("list", "horizontalpodautoscalers");
    proof.failure(&stage, &typed, 1, |read, _| {
        assert!(read.contains("autoscalers failed: the gate could not tell"), "{read}");
    });
}

#[test]
fn each_cause_of_not_scaling_down_is_named() {
    let Some(stage) = prod() else { return };
    let name = "scale-down-blocked-triage";
    let kubectl = Kubectl::new(&stage.cluster, NAMESPACE).expect("it was there before");
    let wants = |count| stage.cluster.hpa_wants(NAMESPACE, "deal-service-hpa", Wants::Replicas(count));
    let replicas = |count: i64| {
        stage.cluster.wait_for("deployments", NAMESPACE, "deal-service", |it| {
            it["status"]["readyReplicas"] == json!(count)
        });
    };
    wants(6);
    replicas(6);
    says(&stage, "deal-service-hpa", "ReadyForNewScale");
    assert_eq!(causes(&stage, name, "deal-service").0, "still-wanted");

    // The annotation of the source is taken, and read by nobody.
    kubectl
        .run(&[
            "annotate",
            "hpa",
            "deal-service-hpa",
            "autoscaling.alpha.kubernetes.io/scale-down-disabled=true",
        ])
        .ok();
    wants(5);
    replicas(5);

    let window = r#"{"spec":{"behavior":{"scaleDown":{"stabilizationWindowSeconds":600}}}}"#;
    kubectl.run(&["patch", "hpa", "deal-service-hpa", "--type=merge", "-p", window]).ok();
    // It has looked with the window, and asked for six, so that four has to wait.
    wants(6);
    replicas(6);
    wants(4);
    says(&stage, "deal-service-hpa", "ScaleDownStabilized");
    let (found, shown) = causes(&stage, name, "deal-service");
    assert_eq!(found, "stabilising");
    assert!(shown.contains("deal-service-hpa waits 600 s."), "{shown}");

    // A budget of others that lets nothing go, and no node that is drained: it holds up nothing of this one.
    let tight = |name: &str, service: &str, pods: i64| {
        stage.cluster.pdb(NAMESPACE, name, service, pods);
        stage.cluster.wait_for("poddisruptionbudgets", NAMESPACE, name, |it| {
            it["status"]["currentHealthy"] == json!(pods)
        });
    };
    tight("api-gateway-pdb", "api-gateway", 3);
    assert_eq!(causes(&stage, name, "deal-service").0, "stabilising");
    // One of its own: Cluster Autoscaler asks the budgets before it picks a node, so none is cordoned.
    tight("deal-service-pdb", "deal-service", 6);
    let (found, shown) = causes(&stage, name, "deal-service");
    assert_eq!(found, "stabilising, budget");
    assert!(shown.contains("--var budget=deal-service-pdb --var drain=autoscaler"), "{shown}");
    kubectl.run(&["cordon", "node-1"]).ok();
    let (found, shown) = causes(&stage, name, "deal-service");
    assert_eq!(found, "stabilising, budget");
    assert!(shown.contains("--var budget=deal-service-pdb"), "{shown}");
    assert!(!shown.contains("drain=autoscaler"), "{shown}");
}

/// Cluster Autoscaler begins when the budget allows it, and the budget has what it had when the node is gone.
#[test]
fn a_budget_is_eased_until_cluster_autoscaler_has_taken_a_node() {
    let Some(stage) = prod() else { return };
    stage.cluster.pdb(NAMESPACE, "api-gateway-pdb", "api-gateway", 3);
    let cluster = &stage.cluster;
    let keeps = |pods: i64| {
        cluster.wait_for("poddisruptionbudgets", NAMESPACE, "api-gateway-pdb", |it| {
            it["spec"]["minAvailable"] == json!(pods)
        });
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            keeps(1);
            cluster.remove("nodes", "", "node-2");
        });
        let typed = ["--var", "env=prod", "--var", "service=api-gateway", "--var", "budget=api-gateway-pdb"];
        let drain = ["--var", "drain=autoscaler", "--var", "drain_within=1m", "--approve", "allow"];
        let exec = [&["exec", "scale-down-blocked-triage", "--yes"], &typed[..], &drain[..]].concat();
        let shown = stage.project.run(&exec).code(0).to_string();
        assert!(shown.contains("Cluster Autoscaler is to take one of 2 nodes."), "{shown}");
        assert!(shown.contains("pods that must stay 3 → 1"), "{shown}");
    });
    keeps(3);
}
