//! The autoscalers, and scaling by hand.

use serde_json::{Value, json};

use super::servers::nothing_installed;
use super::{NAMESPACE, SERVICES, prod};
use crate::catalog::proof::Proof;
use crate::catalog::stage::Stage;
use crate::support::kube::Kubectl;

const HPA: &str = "usage-metering-hpa";

fn spec(stage: &Stage, hpa: &str) -> Value {
    stage.cluster.object("horizontalpodautoscalers", NAMESPACE, hpa)["spec"].clone()
}

/// Returns floor and ceiling of a service's autoscaler, and how many pods are ready.
fn scaled(stage: &Stage, service: &str) -> [Value; 3] {
    let spec = spec(stage, &format!("{service}-hpa"));
    let ready = stage.cluster.object("deployments", NAMESPACE, service)["status"]["readyReplicas"].clone();
    [spec["minReplicas"].clone(), spec["maxReplicas"].clone(), ready]
}

fn limits(min: i64, max: i64) -> [Value; 3] {
    [json!(min), json!(max), json!(min)]
}

fn typed_by_hand(stage: &Stage) -> Kubectl {
    Kubectl::new(&stage.cluster, NAMESPACE).expect("the stage has one, too")
}

/// Prod, where all that belongs to the platform carries its label, and one deployment has no autoscaler.
fn labelled() -> Option<Stage> {
    let stage = prod()?;
    stage.cluster.deployment(NAMESPACE, "console", 2);
    let all = ["label", "deployments", "--all", "app.kubernetes.io/name=arka-engine"];
    typed_by_hand(&stage).run(&all).ok();
    // Of somebody else: no label.
    stage.cluster.deployment(NAMESPACE, "guest", 1);
    Some(stage)
}

#[test]
fn autoscaling_status() {
    let mut proof = Proof::of("arka/autoscaling-status");
    let Some(stage) = prod() else { return };
    let typed = ["--var", "env=prod"];
    proof.forwards(&stage, &typed, |shown| {
        let shown = shown.to_string();
        let words: Vec<&str> = shown
            .lines()
            .rfind(|line| line.contains("usage-metering-hpa  "))
            .map(|line| line.split_whitespace().collect())
            .unwrap_or_default();
        assert_eq!(
            words.join(" "),
            "| usage-metering-hpa 3 3-20 enabled ValidMetricFound cpu 70/70, memory 80/80"
        );
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    stage.cluster.metrics(false);
    proof.failure(&stage, &typed, 1, |read, _| {
        assert!(read.contains("usage failed") && read.contains("Metrics API not available"), "{read}");
        assert!(read.contains("FailedGetResourceMetric"), "and so do the autoscalers: {read}");
    });
}

#[test]
fn scale_up() {
    let mut proof = Proof::of("arka/scale-up");
    let Some(stage) = labelled() else { return };
    let typed = ["--var", "env=prod", "--var", "replicas=4"];
    let plain = |name: &str| stage.cluster.object("deployments", NAMESPACE, name)["spec"]["replicas"].clone();
    proof.forwards(&stage, &typed, |_| {
        let found = SERVICES.map(|(service, _)| scaled(&stage, service));
        assert_eq!(found, SERVICES.map(|(_, (_, max))| limits(4, max)));
        assert_eq!((plain("console"), plain("guest")), (json!(4), json!(1)), "by label, and nothing else");
        let set: Vec<String> = stage
            .cluster
            .changes()
            .into_iter()
            .map(|it| it.path)
            .filter(|it| it.ends_with("/scale"))
            .collect();
        assert_eq!(set.len(), 1, "a plain scale only of what nobody owns: {set:?}");
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    // One of them is off: a floor would bring nothing back, and the wait for its pods would be in vain.
    typed_by_hand(&stage).run(&["scale", "deployment/policy-engine", "--replicas=0"]).ok();
    proof.failure(&stage, &typed, 1, |read, stage| {
        assert!(
            read.contains("switched-on[policy-engine] failed: the gate does not hold: replicas 0"),
            "{read}"
        );
        assert_eq!(scaled(stage, "usage-metering")[0], json!(3), "nothing was changed");
    });
}

/// One service: its floor, and the ceiling only where the floor would stand above it. It never lowers.
#[test]
fn one_service_is_scaled_up_and_never_down() {
    let Some(stage) = prod() else { return };
    let up = [
        "exec",
        "arka/scale-up",
        "--yes",
        "--var",
        "env=prod",
        "--var",
        "service=attestation-service",
        "--var",
    ];
    stage.project.run(&[&up[..], &["replicas=9"]].concat()).code(0);
    assert_eq!(scaled(&stage, "attestation-service"), limits(9, 9), "the ceiling of 8 is raised");
    stage.project.run(&[&up[..], &["replicas=3"]].concat()).code(0);
    assert_eq!(scaled(&stage, "attestation-service"), limits(9, 9));
    let missing = [
        "exec",
        "arka/scale-up",
        "--yes",
        "--var",
        "env=prod",
        "--var",
        "service=nobody",
        "--var",
        "replicas=3",
    ];
    let shown = stage.project.run(&missing).code(1).to_string();
    assert!(shown.contains("services failed: the gate does not hold"), "{shown}");
}

/// A plain scale of all by label, as the source has it, is taken back where an autoscaler is, and lowers what has more.
#[test]
fn a_plain_scale_of_all_would_have_been_taken_back() {
    let Some(stage) = labelled() else { return };
    let all = ["scale", "deployment", "-l", "app.kubernetes.io/name=arka-engine", "--replicas=5"];
    let said = typed_by_hand(&stage).run(&all);
    assert!(said.ok().contains("usage-metering scaled"), "{}", said.stdout);
    for (service, (min, _)) in SERVICES {
        stage.cluster.wait_for("deployments", NAMESPACE, service, |it| it["spec"]["replicas"] == json!(min));
    }
}

#[test]
fn scale_down() {
    let mut proof = Proof::of("arka/scale-down");
    let Some(stage) = labelled() else { return };
    let floor = r#"{"spec":{"minReplicas":5}}"#;
    for (service, _) in SERVICES {
        let hpa = format!("{service}-hpa");
        typed_by_hand(&stage).run(&["patch", "hpa", &hpa, "--type=merge", "-p", floor]).ok();
        stage
            .cluster
            .wait_for("deployments", NAMESPACE, service, |it| it["status"]["readyReplicas"] == json!(5));
    }
    let typed = ["--var", "env=prod", "--var", "steady=1s"];
    proof.forwards(&stage, &typed, |_| {
        let found = SERVICES.map(|(service, _)| scaled(&stage, service));
        assert_eq!(found, SERVICES.map(|(_, (min, max))| limits(min, max)), "waited for until they are down");
        let console = stage.cluster.object("deployments", NAMESPACE, "console");
        assert_eq!(console["spec"]["replicas"], json!(2), "without a number, what has no normal one is left");
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    let body = r#"{"spec":{"behavior":{"scaleDown":{"selectPolicy":"Disabled"}}}}"#;
    typed_by_hand(&stage).run(&["patch", "hpa", HPA, "--type=merge", "-p", body]).ok();
    proof.failure(&stage, &typed, 1, |read, stage| {
        let wanted = "may-go-down[usage-metering-hpa] failed: the gate does not hold: selectPolicy Disabled";
        assert!(read.contains(wanted), "{read}");
        assert_eq!(scaled(stage, "policy-engine")[0], json!(5), "nothing was changed");
    });
}

#[test]
fn hpa_limits() {
    let mut proof = Proof::of("arka/hpa-limits");
    let Some(stage) = prod() else { return };
    let typed = ["--var", "env=prod", "--var", "max=50"];
    proof.forwards(&stage, &typed, |_| {
        assert_eq!(scaled(&stage, "usage-metering"), limits(3, 50), "the floor is left");
        assert_eq!(scaled(&stage, "license-authority"), limits(2, 10), "the others are left alone");
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    let typed = ["--var", "env=prod", "--var", "max=2"];
    proof.failure(&stage, &typed, 1, |read, stage| {
        assert!(read.contains("limits failed: its check does not hold: min 3, max 2"), "{read}");
        assert_eq!(scaled(stage, "usage-metering"), limits(3, 20), "nothing was changed");
    });
}

/// What helm owns, helm sets back: that is told before the change.
#[test]
fn limits_that_helm_manages_are_warned_of() {
    let Some(stage) = prod() else { return };
    let label = ["label", "hpa", HPA, "app.kubernetes.io/managed-by=Helm"];
    typed_by_hand(&stage).run(&label).ok();
    let typed = ["exec", "arka/hpa-limits", "--yes", "--var", "env=prod", "--var", "max=50"];
    let shown = stage.project.run(&typed).code(0).to_string();
    assert!(shown.contains("owner holds, but only just: floor 3, managed by Helm"), "{shown}");
}

/// What is set in the release outlasts the next upgrade, and goes back by its revision.
#[test]
fn by_helm_limits_and_targets_last() {
    let Some(releases) = nothing_installed() else { return };
    releases.platform();
    let stage = &releases.stage;
    let exec = |runbook: &str, var: &str| {
        let typed = ["exec", runbook, "--yes", "--var", "env=prod", "--var", "via=helm", "--var", var];
        stage.project.run(&typed)
    };
    let cpu = || spec(stage, HPA)["metrics"][0]["resource"]["target"]["averageUtilization"].clone();
    // Patched in a hurry: what the run sets is no hindrance.
    releases.kubectl(&["patch", "hpa", HPA, "-p", r#"{"spec":{"maxReplicas":50}}"#]).ok();
    exec("arka/hpa-limits", "max=50").code(0);
    let ceiling = stage.project.newest();
    exec("arka/hpa-thresholds", "cpu=50").code(0);
    let target = stage.project.newest();
    releases.helm.run(&["upgrade", "arka", &releases.chart(), "--reuse-values"]).ok();
    assert_eq!((scaled(stage, "usage-metering"), cpu()), (limits(3, 50), json!(50)), "a deploy leaves both");
    stage.project.run(&["rollback", &target, "--yes"]).code(0);
    assert_eq!((scaled(stage, "usage-metering"), cpu()), (limits(3, 50), json!(70)));
    stage.project.run(&["rollback", &ceiling, "--yes"]).code(0);
    assert_eq!((scaled(stage, "usage-metering"), cpu()), (limits(3, 20), json!(70)));

    let shown = exec("arka/hpa-limits", "max=2").code(1).to_string();
    assert!(shown.contains("in-order failed: the gate does not hold"), "{shown}");
    stage.project.run(&["rollback", "--yes"]).code(0);

    // Anything else that was changed by hand would be lost.
    releases.kubectl(&["patch", "hpa", "policy-engine-hpa", "-p", r#"{"spec":{"minReplicas":4}}"#]).ok();
    for (runbook, var) in [("arka/hpa-limits", "max=50"), ("arka/hpa-thresholds", "cpu=50")] {
        let shown = exec(runbook, var).code(1).to_string();
        let said = "no-drift failed: the gate does not hold: HorizontalPodAutoscaler policy-engine-hpa:";
        assert!(shown.contains(said), "{shown}");
        stage.project.run(&["rollback", "--yes"]).code(0);
    }
}

#[test]
fn hpa_thresholds() {
    let mut proof = Proof::of("arka/hpa-thresholds");
    let Some(stage) = prod() else { return };
    // As the table has it: cpu alone.
    let body = r#"[{"op": "remove", "path": "/spec/metrics/1"}]"#;
    typed_by_hand(&stage).run(&["patch", "hpa", "policy-engine-hpa", "--type=json", "-p", body]).ok();
    let typed = ["--var", "env=prod", "--var", "cpu=50"];
    let target = |at: usize| spec(&stage, HPA)["metrics"][at]["resource"].clone();
    let resource = |name: &str, percent: i64| json!({"name": name, "target": {"type": "Utilization", "averageUtilization": percent}});
    proof.forwards(&stage, &typed, |_| {
        assert_eq!([target(0), target(1)], [resource("cpu", 50), resource("memory", 80)]);
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    let typed = ["--var", "env=prod", "--var", "service=policy-engine", "--var", "memory=60"];
    proof.failure(&stage, &typed, 1, |read, stage| {
        assert!(
            read.contains("memory-target failed: its check does not hold: metrics 1 item, metric memory"),
            "{read}"
        );
        assert_eq!(spec(stage, "policy-engine-hpa")["metrics"].as_array().map(Vec::len), Some(1));
    });
}

/// What serves custom metrics, as an adapter registers itself.
const ADAPTER: &str = "v1beta1.custom.metrics.k8s.io";

fn adapter(stage: &Stage) {
    let service = json!({"name": "prometheus-adapter", "namespace": "monitoring", "port": 443});
    let spec = json!({"group": "custom.metrics.k8s.io", "version": "v1beta1", "service": service});
    let status = json!({"conditions": [{"type": "Available", "status": "True", "reason": "Passed"}]});
    stage.cluster.seed(
        "apiservices",
        "",
        json!({"metadata": {"name": ADAPTER}, "spec": spec, "status": status}),
    );
}

#[test]
fn custom_metrics_hpa() {
    let mut proof = Proof::of("arka/custom-metrics-hpa");
    let Some(stage) = prod() else { return };
    adapter(&stage);
    let typed = ["--var", "env=prod"];
    proof.forwards(&stage, &typed, |_| {
        let spec = spec(&stage, HPA);
        assert_eq!((&spec["minReplicas"], &spec["maxReplicas"]), (&json!(3), &json!(50)));
        let cpu = json!({"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}});
        let requests = json!({
            "metric": {"name": "http_requests_per_second"}, "target": {"type": "AverageValue", "averageValue": "1000"},
        });
        let metrics = json!([{"type": "Resource", "resource": cpu}, {"type": "Pods", "pods": requests}]);
        assert_eq!(spec["metrics"], metrics);
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    // During an event it would lower the floor of 10 to 3, at its peak.
    let event = |min: i64| format!(r#"{{"spec": {{"minReplicas": {min}}}}}"#);
    typed_by_hand(&stage).run(&["patch", "hpa", HPA, "--type=merge", "-p", &event(10)]).ok();
    let exec = [&["exec", "arka/custom-metrics-hpa", "--yes"], &typed[..]].concat();
    let shown = stage.project.run(&exec).code(1).to_string();
    assert!(shown.contains("no-event failed: the gate does not hold"), "{shown}");
    stage.project.run(&["rollback", "--yes"]).code(0);
    assert_eq!(spec(&stage, HPA)["minReplicas"], json!(10), "nothing was changed");
    typed_by_hand(&stage).run(&["patch", "hpa", HPA, "--type=merge", "-p", &event(3)]).ok();
    stage.cluster.remove("apiservices", "", ADAPTER);
    proof.failure(&stage, &typed, 1, |read, stage| {
        assert!(read.contains("adapter failed: the gate does not hold"), "{read}");
        assert_eq!(spec(stage, HPA)["maxReplicas"], json!(20), "nothing was changed");
    });
}

/// The chart knows no such metric: helm takes it away, and what upgrades by helm does not do so without a word.
#[test]
fn a_metric_that_the_chart_does_not_know_is_told_to_be_gone_with_an_upgrade() {
    let Some(releases) = nothing_installed() else { return };
    releases.platform();
    let stage = &releases.stage;
    adapter(stage);
    let metrics = || spec(stage, HPA)["metrics"].to_string();
    let shown = stage.project.run(&["exec", "arka/custom-metrics-hpa", "--yes", "--var", "env=prod"]).code(0);
    let shown = shown.to_string();
    assert!(shown.contains("owner holds, but only just: floor 3, managed by Helm"), "{shown}");
    assert!(metrics().contains("http_requests_per_second"));
    let limits =
        ["exec", "arka/hpa-limits", "--yes", "--var", "env=prod", "--var", "max=50", "--var", "via=helm"];
    let shown = stage.project.run(&limits).code(1).to_string();
    assert!(shown.contains("no-drift failed: the gate does not hold"), "{shown}");
    assert!(metrics().contains("http_requests_per_second"), "nothing was changed");
    releases.helm.run(&["upgrade", "arka", &releases.chart(), "--reuse-values"]).ok();
    assert!(!metrics().contains("http_requests_per_second"), "as helm does it");
}

/// Two runbooks keep the lock of the scaling while they wait, for hours; load comes back sooner. What to type then is said.
#[test]
fn what_waits_with_the_lock_of_the_scaling_can_be_ended() {
    let Some(stage) = prod() else { return };
    let waits = json!({
        "runbook": "waits", "title": "Waits", "lock": "arka/prod/scaling",
        "steps": [{"id": "go", "approve": "Go on?"}],
    });
    stage.project.write("runbooks/arka/waits.yaml", waits.to_string());
    stage.project.run(&["exec", "arka/waits"]).code(3);
    let waiting = stage.project.newest();
    let of = ["exec", "arka/scale-up", "--yes", "--var", "env=prod", "--var", "service=usage-metering"];
    let up = [&of[..], &["--var", "replicas=4"]].concat();
    let shown = stage.project.run(&up).code(6).to_string();
    assert!(shown.contains("the lock `arka/prod/scaling` is held by run"), "{shown}");
    let said = stage.project.run(&["show", "arka/scale-up"]).code(0).to_string();
    assert!(
        said.contains("ends at once with code 6") && said.contains("`arka/post-event-scale-down`"),
        "{said}"
    );
    stage.project.run(&["rollback", &waiting, "--yes"]).code(0);
    stage.project.run(&up).code(0);
    assert_eq!(scaled(&stage, "usage-metering"), limits(4, 20));
}
