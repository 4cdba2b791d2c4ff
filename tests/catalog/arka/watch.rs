//! The watch over an event: gates that hold for its time, and end.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{NAMESPACE, prod};
use crate::catalog::proof::Proof;
use crate::catalog::stage::Stage;
use crate::support::kube::Kubectl;
use crate::support::tools;

const TYPED: [&str; 6] = ["--var", "env=prod", "--var", "lasts=2s", "--var", "every=1s"];

/// Prod as `pre-scale-event` leaves it.
fn event() -> Option<Stage> {
    let stage = prod()?;
    for (service, floor, max) in [("usage-metering", 10, 50), ("license-authority", 5, 30)] {
        limits(&stage, service, floor, max)?;
        stage
            .cluster
            .wait_for("deployments", NAMESPACE, service, |it| it["status"]["readyReplicas"] == floor);
    }
    stage.cluster.forget_requests();
    Some(stage)
}

fn limits(stage: &Stage, service: &str, floor: i64, max: i64) -> Option<()> {
    let patch = json!({"spec": {"minReplicas": floor, "maxReplicas": max}}).to_string();
    let hpa = format!("{service}-hpa");
    Kubectl::new(&stage.cluster, NAMESPACE)?.run(&["patch", "hpa", &hpa, "--type=merge", "-p", &patch]).ok();
    Some(())
}

#[test]
fn monitor_event() {
    let mut proof = Proof::of("arka/monitor-event");
    let Some(stage) = event() else { return };
    let typed = [&TYPED[..], &["--var", "ask=false"]].concat();
    let begun = Instant::now();
    proof.forwards(&stage, &typed, |shown| {
        assert!(begun.elapsed() >= Duration::from_secs(2), "it was watched for the whole time");
        let read = shown.to_string();
        assert!(read.contains("holds now, and must go on holding"), "{read}");
        for gate in [
            "autoscalers[usage-metering] done",
            "ready[policy-engine] done",
            "starting done",
            "usage[license-authority] done",
        ] {
            assert!(read.contains(gate), "{gate}\n{read}");
        }
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    stage.cluster.limit_ready(NAMESPACE, "policy-engine", 0);
    stage.lose_pods(NAMESPACE, "policy-engine");
    stage.cluster.usage(NAMESPACE, "usage-metering", 100, 480);
    proof.failure(&stage, &[&typed[..], &["--var", "slack=2s"]].concat(), 1, |read, stage| {
        assert!(read.contains("ready[policy-engine] FAILED"), "{read}");
        assert!(read.contains("usage[usage-metering]") && read.contains("memory_max 503316480"), "{read}");
        assert!(read.contains("autoscalers[license-authority] done"), "the others go on: {read}");
        assert_eq!(stage.cluster.changes().len(), 0);
    });
}

/// What the source types goes on for ever; the runbook ends by itself, also where nothing holds.
#[test]
fn it_ends() {
    let Some(stage) = event() else { return };
    let Some(kubectl) = Kubectl::new(&stage.cluster, NAMESPACE) else { return };
    let begun = Instant::now();
    let lines = kubectl.watch(&["get", "hpa", "--watch"], "no line says this", Duration::from_secs(3));
    assert!(begun.elapsed() >= Duration::from_secs(3) && lines.len() > 4, "stopped from outside: {lines:?}");
    stage.cluster.metrics(false);
    let bounds = ["--var", "ask=false", "--var", "slack=1s"];
    let shown = stage.project.run(&[&["exec", "arka/monitor-event"], &TYPED[..], &bounds].concat()).code(1);
    assert!(shown.to_string().contains("Metrics API not available"), "{shown}");
}

/// What its table promises: an init container that crashes, and what a container waits for under any of its names.
#[test]
fn a_container_that_does_not_start_is_told_whichever_it_is() {
    let Some(stage) = event() else { return };
    let waits = |reason: &str| json!({"state": {"waiting": {"reason": reason}}});
    for reason in ["CrashLoopBackOff", "CreateContainerConfigError", "ErrImagePull"] {
        let (trouble, other) = (waits(reason), waits("PodInitializing"));
        stage.cluster.pod_with(NAMESPACE, "next", "Pending", [&trouble, &other]);
        let bounds = ["--var", "ask=false", "--var", "slack=1s", "--only", "starting", "--reason", "a test"];
        let shown = stage.project.run(&[&["exec", "arka/monitor-event"], &TYPED[..], &bounds].concat());
        assert!(shown.code(1).to_string().contains("starting failed: the gate does not hold"), "{reason}");
        stage.cluster.remove("pods", NAMESPACE, "next");
    }
}

/// Nobody can ask Grafana from here: a person looks, and what they saw is kept.
#[test]
fn a_person_looks_at_the_error_rates() {
    let Some(stage) = event() else { return };
    let shown = stage.project.run(&[&["exec", "arka/monitor-event"], &TYPED[..]].concat()).code(3);
    assert!(shown.to_string().contains("Open the Production Dashboard in Grafana"), "{shown}");
    let run = stage.project.newest();
    stage.project.run(&["done", &run, "errors", "--note", "0.3 % at 20:15"]).code(0);
    stage.project.run(&["resume", &run]).code(0);
    let report = stage.project.run(&["report", &run]).code(0);
    assert!(report.to_string().contains("0.3 % at 20:15"), "{report}");
}

/// `kubectl top` exits with 0 where it has no measurement at all.
#[test]
fn nothing_measured_is_not_little() {
    let Some(stage) = event() else { return };
    let Some(kubectl) = tools::require("kubectl") else { return };
    let empty = "case \"$*\" in *' top pods '*) echo 'No resources found in arka-system namespace.' >&2; exit 0;; esac";
    stage.client("kubectl", &format!("{empty}\nexec '{}' \"$@\"", kubectl.display()));
    let bounds = ["--var", "ask=false", "--var", "slack=1s"];
    let shown = stage.project.run(&[&["exec", "arka/monitor-event"], &TYPED[..], &bounds].concat()).code(1);
    let shown = shown.to_string();
    assert!(shown.contains("usage[usage-metering] FAILED") && shown.contains("count 0"), "{shown}");
}

/// A sidecar has limits of its own, and a service may have one of the two limits only.
#[test]
fn a_container_is_measured_against_its_own_limits() {
    let Some(stage) = event() else { return };
    let Some(kubectl) = Kubectl::new(&stage.cluster, NAMESPACE) else { return };
    let limits = r#"{"name": "usage-metering", "resources": {"limits": {"cpu": null}}}"#;
    let proxy =
        r#"{"name": "proxy", "image": "registry.test/proxy:1", "resources": {"requests": {"cpu": "10m"}}}"#;
    let patch = format!(r#"{{"spec": {{"template": {{"spec": {{"containers": [{limits}, {proxy}]}}}}}}}}"#);
    kubectl.run(&["patch", "deployment", "usage-metering", "--patch", &patch]).ok();
    kubectl.run(&["rollout", "status", "deployment/usage-metering", "--timeout=60s"]).ok();
    let watch = |mebibytes| {
        // Half of it is the sidecar's.
        stage.cluster.usage(NAMESPACE, "usage-metering", 100, mebibytes);
        let bounds = ["--var", "ask=false", "--var", "slack=2s"];
        stage.project.run(&[&["exec", "arka/monitor-event"], &TYPED[..], &bounds].concat())
    };
    let shown = watch(600).to_string();
    assert!(shown.contains("usage[usage-metering] done"), "300 of 512 MiB: {shown}");
    let shown = watch(960).code(1).to_string();
    assert!(
        shown.contains("usage[usage-metering] FAILED") && shown.contains("memory_max 503316480"),
        "{shown}"
    );
}

/// Three pods are what is normal, and too few for the event.
#[test]
fn the_floor_of_the_event_is_asked_for() {
    let Some(stage) = event() else { return };
    let Some(()) = limits(&stage, "usage-metering", 3, 20) else { return };
    let bounds = ["--var", "ask=false", "--var", "slack=1s"];
    let shown = stage.project.run(&[&["exec", "arka/monitor-event"], &TYPED[..], &bounds].concat()).code(1);
    let shown = shown.to_string();
    assert!(shown.contains("autoscalers[usage-metering] FAILED"), "{shown}");
    assert!(
        shown.contains("autoscalers[policy-engine] done"),
        "outside of the event it is the normal one: {shown}"
    );
}
