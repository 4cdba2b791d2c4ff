//! Pods that wait, for five reasons: each is named, and the one that more nodes cure is cured.

use std::path::Path;

use serde_json::{Value, json};

use super::nodes::{GROUP, prod_with_nodes, sent};
use super::{NAMESPACE, prod, prod_with_aws};
use crate::catalog::proof::Proof;
use crate::catalog::stage::Stage;
use crate::support::kube::Kubectl;
use crate::support::tools;

const TYPED: [&str; 2] = ["--var", "env=prod"];

/// A pod template that wants that much of a CPU.
fn wants(cpu: &str) -> Value {
    let resources = json!({"requests": {"cpu": cpu, "memory": "256Mi"}});
    json!({"spec": {"containers": [{"name": "app", "image": "registry.test/app:1", "resources": resources}]}})
}

/// Five workloads whose pods can't run, each for a reason of its own. The quota stands last, since it holds for all.
fn five_troubles(stage: &Stage) {
    let cluster = &stage.cluster;
    // Each takes a node of the group nearly whole, and there are three nodes.
    cluster.deployment_with(NAMESPACE, "large", 4, &wants("3"));
    cluster.claim(NAMESPACE, "data", "fast");
    let volume = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    cluster.deployment_with(NAMESPACE, "disk", 1, &json!({"spec": {"volumes": volume}}));
    cluster.image_missing("registry.test/broken:1");
    let broken = json!([{"name": "broken", "image": "registry.test/broken:1"}]);
    cluster.deployment_with(NAMESPACE, "broken", 1, &json!({"spec": {"containers": broken}}));
    cluster.deployment_with(NAMESPACE, "picky", 1, &json!({"spec": {"nodeSelector": {"disk": "ssd"}}}));
    cluster.quota(NAMESPACE, "compute", json!({"pods": "20"}));
    cluster.deployment(NAMESPACE, "many", 1);
    cluster.wait_for("deployments", NAMESPACE, "many", |many| many["status"]["conditions"][0].is_object());
}

/// The workloads that one output of `pending` names, without what the controllers added to the names.
fn named(stage: &Stage, output: &str) -> Vec<String> {
    let names = stage.outputs()["pending"][output].clone();
    let workload = |name: &Value| name.as_str().unwrap_or("?").split('-').next().unwrap_or("?").to_owned();
    names.as_array().into_iter().flatten().map(workload).collect()
}

#[test]
fn each_of_five_pods_is_named_with_what_it_waits_for() {
    let Some((stage, _, pool)) = prod_with_nodes((3, 20, 3)) else { return };
    five_troubles(&stage);
    stage.cluster.forget_requests();
    let exec = ["exec", "pending-pods-triage", "--yes", "--var", "env=prod", "--var", "settle=1s"];
    let shown = stage.project.run(&exec).code(3).to_string();
    for (output, workload) in [
        ("capacity", vec!["large"]),
        ("volume", vec!["disk"]),
        ("image", vec!["broken"]),
        ("placement", vec!["picky"]),
        ("quota", vec!["many"]),
        ("config", vec![]),
        ("refused", vec![]),
        ("other", vec![]),
    ] {
        assert_eq!(named(&stage, output), workload, "{output}: {shown}");
        let line = workload.first().map(|name| format!("| {output}: {name}-")).unwrap_or_default();
        assert!(shown.contains(&line), "{line} {shown}");
    }
    for wanted in [
        "runbook exec autolytiq/scale-node-pool --var env=prod --var nodes=8",
        "exceeded quota: compute, requested: pods=1, used: pods=20, limited: pods=20",
        "Failed: Failed to pull image \"registry.test/broken:1\": not found",
        "w-1: cpu ",
        "grow/go asks for approval",
    ] {
        assert!(shown.contains(wanted), "no {wanted:?} in {shown}");
    }
    assert_eq!((stage.cluster.changes().len(), sent(&stage)), (0, vec![]), "it has only looked");

    // A yes grows the group. What more nodes do not cure waits on, and is told.
    pool.at_work(&stage, || {
        let shown = stage.project.run(&["resume", "--approve", "grow/go"]).code(1).to_string();
        assert!(shown.contains("none-pending failed: the gate does not hold"), "{shown}");
        assert_eq!(sent(&stage), ["minSize=8,maxSize=20,desiredSize=8"]);
        let large = stage.cluster.object("deployments", NAMESPACE, "large");
        assert_eq!(large["status"]["readyReplicas"], json!(4));
        // Cured by hand, it is looked at again.
        for name in ["disk", "broken", "picky", "many"] {
            stage.cluster.remove("deployments", NAMESPACE, name);
        }
        stage.project.run(&["resume"]).code(0);
    });
}

#[test]
fn pending_pods_triage() {
    let mut proof = Proof::of("autolytiq/pending-pods-triage");
    let Some((stage, _, pool)) = prod_with_nodes((3, 20, 3)) else { return };
    stage.cluster.deployment_with(NAMESPACE, "large", 6, &wants("3"));
    let approved = [&TYPED[..], &["--approve", "grow/go"]].concat();
    pool.at_work(&stage, || {
        proof.forwards(&stage, &approved, |shown| {
            assert!(shown.to_string().contains("| capacity: large-"), "{shown}");
            assert_eq!(sent(&stage), ["minSize=8,maxSize=20,desiredSize=8"]);
        });
        // All is well now: no pod is pending, which is a success and no failure of grep.
        proof.again(&stage, &TYPED);
        proof.back(&stage);
    });
    // No node comes: the wait for them has an end, and so has the one for the pods.
    let impatient = [&approved[..], &["--var", "ready_within=1s"]].concat();
    proof.failure(&stage, &impatient, 1, |read, stage| {
        assert!(read.contains("| capacity: large-"), "{read}");
        assert!(read.contains("grow/ready failed: the gate does not hold"), "{read}");
        stage.project.run(&["rollback", "--yes"]).code(0);
    });
}

/// What the source types, and what comes of it.
#[test]
fn what_the_source_types_tells_less() {
    let Some(stage) = prod() else { return };
    let kubectl = Kubectl::new(&stage.cluster, NAMESPACE).expect("it was there before");
    let sh = |script: &str| {
        let mut command = tools::command(Path::new("sh"), &["-c", script], &kubectl.environment());
        command.output().expect("a shell").status.code()
    };
    assert_eq!(sh("kubectl get pods -n autolytiq-prod | grep Pending"), Some(1), "all is well, and it fails");
    // The annotation on the deployment is taken, and no pod has it.
    let annotation = "cluster-autoscaler.kubernetes.io/safe-to-evict=false";
    let annotate = format!("kubectl annotate deployment/api-gateway {annotation} -n autolytiq-prod");
    assert_eq!(sh(&annotate), Some(0));
    let pods = stage.cluster.objects("pods", NAMESPACE);
    assert!(pods.iter().all(|pod| {
        pod["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"].is_null()
    }));
    assert_eq!(stage.cluster.objects("nodes", "").len(), 2, "and it made no room");
    // Without a time it would wait for ever on a pod that has no room.
    stage.cluster.deployment_with(NAMESPACE, "large", 6, &wants("3"));
    assert_eq!(sh("timeout 2 kubectl rollout status deployment/large -n autolytiq-prod"), Some(124));
}

/// Where a name is wrong nothing is pending, and that is not good news.
#[test]
fn a_namespace_that_is_not_there_is_no_namespace_where_all_is_well() {
    let Some((stage, _moto)) = prod_with_aws() else { return };
    let exec = ["exec", "pending-pods-triage", "--yes", "--var", "env=prod", "--var", "settle=1s"];
    // Nobody knows whether it is there.
    stage.cluster.fail_next("GET", &format!("namespaces/{NAMESPACE}"), 500, "InternalError", 1);
    let shown = stage.project.run(&exec).code(1).to_string();
    let why =
        "namespace failed: the gate could not tell: it exited with 1: Error from server (InternalError)";
    assert!(shown.contains(why), "{shown}");
    stage.project.run(&["rollback", "--yes"]).code(0);
    stage.cluster.remove("namespaces", "", NAMESPACE);
    let shown = stage.project.run(&exec).code(1).to_string();
    assert!(shown.contains("namespace failed: the gate does not hold"), "{shown}");
    assert!(shown.contains("All would seem well."), "{shown}");
    assert!(shown.contains(&format!("kubectl get namespace {NAMESPACE}")), "{shown}");
}

/// A group that has as many nodes as are asked for does not grow by a yes.
#[test]
fn it_asks_for_more_nodes_than_there_are() {
    let Some((stage, moto, _pool)) = prod_with_nodes((3, 20, 10)) else { return };
    // More than ten nodes have room for, one on each.
    stage.cluster.deployment_with(NAMESPACE, "large", 13, &wants("3"));
    let exec = ["exec", "pending-pods-triage", "--yes", "--var", "env=prod", "--approve", "grow/go"];
    let shown = stage.project.run(&exec).code(1).to_string();
    for wanted in [
        "|   has 10 nodes, and may have 20. Cure:",
        "runbook exec autolytiq/scale-node-pool --var env=prod --var nodes=12",
        "grows failed: the gate does not hold: desiredSize 10, nodes 8",
    ] {
        assert!(shown.contains(wanted), "no {wanted:?} in {shown}");
    }
    assert_eq!((sent(&stage), moto.nodes("autolytiq-cluster", GROUP)), (vec![], (3, 20, 10)));
}

/// A pod is pending until its init containers are through: one that crashes is a cause, and not "something else".
#[test]
fn an_init_container_that_crashes_is_named() {
    let Some((stage, _moto)) = prod_with_aws() else { return };
    let ended = json!({"terminated": {"exitCode": 2, "reason": "Error"}});
    let crashes =
        json!({"restartCount": 5, "lastState": ended, "state": {"waiting": {"reason": "CrashLoopBackOff"}}});
    let waits = json!({"state": {"waiting": {"reason": "PodInitializing"}}});
    stage.cluster.pod_with(NAMESPACE, "migrate", "Pending", [&crashes, &waits]);
    let exec = ["exec", "pending-pods-triage", "--yes", "--var", "env=prod", "--var", "settle=1s"];
    let shown = stage.project.run(&exec).code(1).to_string();
    assert_eq!((named(&stage, "crash"), named(&stage, "other")), (vec!["migrate".to_owned()], vec![]));
    assert!(shown.contains("| crash: migrate\n"), "{shown}");
    assert!(!shown.contains("| other:"), "{shown}");
}
