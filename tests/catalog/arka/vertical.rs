//! What pods request and may use: on the deployment, and in the helm release.

use serde_json::{Value, json};

use super::{NAMESPACE, prod};
use crate::catalog::proof::Proof;
use crate::catalog::stage::{Stage, difference};
use crate::support::helm::Helm;
use crate::support::kube::Kubectl;

fn resources(stage: &Stage, service: &str) -> Value {
    let deployment = stage.cluster.object("deployments", NAMESPACE, service);
    deployment["spec"]["template"]["spec"]["containers"][0]["resources"].clone()
}

fn set() -> Value {
    json!({"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"cpu": "2", "memory": "4Gi"}})
}

#[test]
fn resize_pods() {
    let mut proof = Proof::of("arka/resize-pods");
    let Some(stage) = prod() else { return };
    // Three pods of 2 GiB, and one more while they are replaced.
    stage.cluster.node("node-3");
    stage.cluster.node("node-4");
    let typed = ["--var", "env=prod", "--var", "service=usage-metering"];
    proof.forwards(&stage, &typed, |_| assert_eq!(resources(&stage, "usage-metering"), set()));
    proof.again(&stage, &typed);
    proof.back(&stage);
    let large = ["--var", "memory_request=40Gi", "--var", "memory_limit=40Gi", "--var", "ready_within=2s"];
    proof.failure(&stage, &[&typed[..], &large].concat(), 1, |read, stage| {
        assert!(read.contains("deployment failed: its verify gate does not hold"), "{read}");
        let status = &stage.cluster.object("deployments", NAMESPACE, "usage-metering")["status"];
        assert_eq!(status["readyReplicas"], json!(3), "the old pods go on");
    });
}

/// A change by kubectl is gone with the next upgrade of the release; one of the release stays, and goes back by its revision.
#[test]
fn by_helm_it_lasts() {
    let Some(stage) = Stage::new(NAMESPACE) else { return };
    let Some(kubectl) = Kubectl::new(&stage.cluster, NAMESPACE) else { return };
    let Some(helm) = Helm::new(&kubectl) else { return };
    stage.cluster.node("node-3");
    stage.cluster.node("node-4");
    let chart = Helm::charts().join("arka-engine").display().to_string();
    helm.run(&["install", "arka", &chart, "--namespace", NAMESPACE, "--wait", "--timeout", "60s"]).ok();
    let charts = stage.project.root().join("charts");
    std::fs::create_dir_all(&charts).expect("a folder");
    std::os::unix::fs::symlink(&chart, charts.join("arka-engine")).expect("a link");
    stage.client("helm", &helm.line());
    let before = stage.kept();
    let was = resources(&stage, "usage-metering");
    let typed = ["exec", "arka/resize-pods", "--yes", "--var", "env=prod", "--var", "service=usage-metering"];
    let upgrade = ["--namespace", NAMESPACE, "upgrade", "arka", &chart, "--reuse-values"];

    stage.project.run(&typed).code(0);
    assert_eq!(resources(&stage, "usage-metering"), set());
    helm.run(&upgrade).ok();
    assert_eq!(resources(&stage, "usage-metering"), was, "the chart's own values again");

    // What it is upgraded for may have been set by kubectl before; nothing else may.
    stage.project.run(&typed).code(0);
    let by_helm = [&typed[..], &["--var", "via=helm"]].concat();
    let floor = |min: i64| {
        let patch = json!({"spec": {"minReplicas": min}}).to_string();
        kubectl.run(&["patch", "hpa", "policy-engine-hpa", "-p", &patch]).ok();
    };
    floor(4);
    let shown = stage.project.run(&by_helm).code(1).to_string();
    let said = "no-drift failed: the gate does not hold: HorizontalPodAutoscaler policy-engine-hpa:";
    assert!(shown.contains(said), "{shown}");
    stage.project.run(&["rollback", "--yes"]).code(0);
    floor(2);
    helm.run(&[&upgrade[..], &["--set", "admin.password=sesame-17"]].concat()).ok();
    stage.project.run(&by_helm).code(0);
    assert_eq!(resources(&stage, "usage-metering"), set());
    let run = stage.project.newest();
    assert!(stage.changing_calls(0).iter().any(|call| call.contains(" --version=")), "not the newest chart");
    let kept = stage.project.run(&["logs", &run]).to_string();
    assert!(!kept.contains("sesame-17"), "no other value of the release is kept: {kept}");
    helm.run(&upgrade).ok();
    assert_eq!(resources(&stage, "usage-metering"), set(), "it lasts");
    let calls = stage.calls().len();
    stage.project.run(&by_helm).code(0);
    assert_eq!(stage.changing_calls(calls), [""; 0]);
    stage.project.run(&["rollback", &run, "--yes"]).code(0);
    assert_eq!(resources(&stage, "usage-metering"), was);
    assert_eq!(difference(&before, &stage.kept()), "");
}
