//! Why an autoscaler does not scale, and a budget that is eased while a node is drained.

use std::thread;

use serde_json::{Value, json};

use super::{NAMESPACE, prod};
use crate::catalog::proof::Proof;
use crate::catalog::stage::Stage;
use crate::support::kube::Kubectl;

#[test]
fn hpa_triage() {
    let mut proof = Proof::of("arka/hpa-triage");
    let Some(stage) = prod() else { return };
    let typed = ["--var", "env=prod", "--var", "service=usage-metering"];
    stage.cluster.metrics(false);
    let hpa = "usage-metering-hpa";
    stage.cluster.wait_for("horizontalpodautoscalers", NAMESPACE, hpa, |it| {
        it["status"]["conditions"][1]["reason"] == "FailedGetResourceMetric"
    });
    proof.forwards(&stage, &typed, |shown| {
        assert_eq!(stage.outputs()["verdict"]["causes"], "no-metrics");
        let shown = shown.to_string();
        assert!(shown.contains("--selector=k8s-app=metrics-server"), "{shown}");
        assert!(shown.contains("usage-metering-hpa says: the HPA was unable to compute"), "{shown}");
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    let unknown = ["--var", "env=prod", "--var", "service=usage-meter"];
    proof.failure(&stage, &unknown, 1, |read, _| {
        assert!(read.contains("deployment failed: the gate does not hold"), "{read}");
        assert!(read.contains("Where neither is, the name is wrong."), "{read}");
    });
}

/// Cordons the node that the first pod of usage-metering is on, under a budget for as many pods as there are.
fn cordoned(stage: &Stage) -> (Kubectl, String) {
    stage.cluster.pdb(NAMESPACE, "usage-metering-pdb", "usage-metering", 3);
    let kubectl = Kubectl::new(&stage.cluster, NAMESPACE).expect("it was there before");
    let first = ["get", "pods", "-l", "app=usage-metering", "-o", "jsonpath={.items[0].spec.nodeName}"];
    let node = kubectl.run(&first).ok().to_owned();
    kubectl.run(&["cordon", &node]).ok();
    (kubectl, node)
}

fn budget(stage: &Stage) -> Value {
    let budget = stage.cluster.object("poddisruptionbudgets", NAMESPACE, "usage-metering-pdb");
    budget["spec"]["minAvailable"].clone()
}

#[test]
fn scale_down_blocked_triage() {
    let mut proof = Proof::of("arka/scale-down-blocked-triage");
    let Some(stage) = prod() else { return };
    let (kubectl, node) = cordoned(&stage);
    let looked = ["--var", "env=prod", "--var", "service=usage-metering"];
    let eased = [&looked[..], &["--var", "budget=usage-metering-pdb", "--approve", "allow"]].concat();
    proof.forwards(&stage, &looked, |shown| {
        assert_eq!(stage.outputs()["verdict"]["causes"], "at-floor, budget");
        let shown = shown.to_string();
        assert!(shown.contains("usage-metering-pdb let no pod be evicted"), "{shown}");
        assert!(shown.contains("--var budget=usage-metering-pdb"), "{shown}");
    });
    proof.again(&stage, &looked);
    proof.back(&stage);

    // Nobody drains: the wait has an end, and the budget has what it had.
    let impatient = [&eased[..], &["--var", "drain_within=1s"]].concat();
    stage.cluster.forget_requests();
    proof.failure(&stage, &impatient, 1, |read, stage| {
        assert!(read.contains("drained failed: the gate does not hold"), "{read}");
        let sent: Vec<String> = stage.cluster.changes().into_iter().map(|it| it.body).collect();
        assert_eq!(sent, [r#"{"spec": {"minAvailable": 1 } }"#, r#"{"spec": {"minAvailable": 3 } }"#]);
        assert_eq!(budget(stage), json!(3));
        stage.project.run(&["rollback", "--yes"]).code(0);
        assert_eq!(budget(stage), json!(3));
    });

    // A drain that waits for room under the budget goes through, and the budget is as before.
    thread::scope(|scope| {
        let drain = scope.spawn(|| kubectl.run(&["drain", &node, "--ignore-daemonsets", "--timeout=60s"]));
        stage.cluster.wait_for_request("/eviction");
        let exec = [&["exec", "arka/scale-down-blocked-triage", "--yes"][..], &eased].concat();
        let shown = stage.project.run(&exec).code(0).to_string();
        assert!(shown.contains("pods that must stay 3 → 1"), "{shown}");
        assert!(shown.contains("pods that must stay 1 → 3"), "{shown}");
        drain.join().expect("kubectl").ok();
    });
    assert_eq!(budget(&stage), json!(3));
}

/// Two runs at a time: what one has eased is nothing that the other may give back at its end, in whichever order they end.
#[test]
fn a_budget_that_another_run_has_eased_gets_back_all_that_it_had() {
    let Some(stage) = prod() else { return };
    let (kubectl, _) = cordoned(&stage);
    let typed = |keep: &'static str| {
        let run = ["exec", "arka/scale-down-blocked-triage", "--yes", "--var", "env=prod"];
        let of = ["--var", "service=usage-metering", "--var", "budget=usage-metering-pdb", "--var", keep];
        [&run[..], &of, &["--var", "drain_within=1s"]].concat()
    };
    let eased_by_another = |pods: &str| {
        let patch = format!(r#"{{"spec":{{"minAvailable":{pods}}}}}"#);
        kubectl.run(&["patch", "pdb", "usage-metering-pdb", "--type=merge", "-p", &patch]).ok();
    };
    // It is eased as far already: whoever did that gives it back.
    eased_by_another("1");
    let shown = stage.project.run(&[&typed("keep=1")[..], &["--approve", "allow"]].concat()).code(1);
    assert!(shown.to_string().contains("budget-now failed: the gate does not hold"), "{shown}");
    assert_eq!(budget(&stage), json!(1));

    // While a person is asked the other run ends: what there is then counts.
    eased_by_another("2");
    stage.project.run(&typed("keep=1")).code(3);
    let run = stage.project.newest();
    eased_by_another("3");
    stage.project.run(&["approve", &run, "allow"]).code(0);
    let shown = stage.project.run(&["resume", &run]).code(1).to_string();
    assert!(shown.contains("drained failed: the gate does not hold"), "{shown}");
    assert_eq!(budget(&stage), json!(3), "{shown}");

    // The other run ends while this one waits for the drain.
    eased_by_another("2");
    thread::scope(|scope| {
        scope.spawn(|| {
            stage.cluster.wait_for("poddisruptionbudgets", NAMESPACE, "usage-metering-pdb", |it| {
                it["spec"]["minAvailable"] == json!(1)
            });
            eased_by_another("3");
        });
        stage.project.run(&[&typed("keep=1")[..], &["--approve", "allow"]].concat()).code(1);
    });
    assert_eq!(budget(&stage), json!(3));
}

/// The source eases the budget so that replicas can go. They go without.
#[test]
fn a_budget_never_stopped_a_deployment_from_scaling_down() {
    let Some(stage) = prod() else { return };
    let (kubectl, _) = cordoned(&stage);
    kubectl.run(&["delete", "hpa", "usage-metering-hpa"]).ok();
    kubectl.run(&["scale", "deployment/usage-metering", "--replicas=1"]).ok();
    stage
        .cluster
        .wait_for("deployments", NAMESPACE, "usage-metering", |it| it["status"]["replicas"] == json!(1));
    assert_eq!(budget(&stage), json!(3), "straight through a budget of three");
}

/// An autoscaler reads what the pods request. With a limit, or in a namespace with a limit range, that is more than their template says.
#[test]
fn requests_that_pods_get_from_elsewhere_are_requests() {
    let Some(stage) = prod() else { return };
    let cluster = &stage.cluster;
    let causes = |service: &str| {
        let service = format!("service={service}");
        let shown = stage.project.run(&["exec", "arka/hpa-triage", "--var", "env=prod", "--var", &service]);
        shown.code(0);
        stage.outputs()["verdict"]["causes"].clone()
    };
    let container = |name: &str, resources: Value| {
        let image = format!("registry.test/{name}:1");
        json!({"spec": {"containers": [{"name": name, "image": image, "resources": resources}]}})
    };
    let scaled = |name: &str, resources: Value| {
        cluster.deployment_with(NAMESPACE, name, 1, &container(name, resources));
        cluster.hpa(NAMESPACE, &format!("{name}-hpa"), &format!("deployment/{name}"), 1, 3);
        cluster.wait_for("horizontalpodautoscalers", NAMESPACE, &format!("{name}-hpa"), |it| {
            it["status"]["conditions"].is_array()
        });
    };
    let none = "no cause found, its metrics ask for no more pods";
    scaled("limited", json!({"limits": {"cpu": "1"}}));
    assert_eq!(causes("limited"), none);
    scaled("bare", Value::Null);
    assert_eq!(causes("bare"), "no-requests");
    let range = json!([{"type": "Container", "defaultRequest": {"cpu": "100m"}}]);
    cluster.seed("limitranges", NAMESPACE, json!({"metadata": {"name": "small"}, "spec": {"limits": range}}));
    scaled("ranged", Value::Null);
    assert_eq!(causes("ranged"), none);

    // Its deployment is gone, and that is a finding.
    cluster.remove("deployments", NAMESPACE, "limited");
    cluster.wait_for("horizontalpodautoscalers", NAMESPACE, "limited-hpa", |it| {
        it["status"]["conditions"][0]["reason"] == "FailedGetScale"
    });
    assert_eq!(causes("limited"), "no-target");
}
