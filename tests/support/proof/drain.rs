//! Cordon, drain and evictions: a budget holds an eviction back, and nothing else.

use serde_json::{Value, json};

use super::shop;
use crate::support::kube::Kubectl;

/// The name of the node that the first pod of `api` is on.
fn node(kubectl: &Kubectl) -> String {
    kubectl.run(&["get", "pods", "-o", "jsonpath={.items[0].spec.nodeName}"]).ok().to_owned()
}

#[test]
fn a_cordoned_node_gets_no_pods_until_it_is_opened_again() {
    let Some((cluster, kubectl)) = shop() else { return };
    assert_eq!(kubectl.run(&["cordon", "node-1"]).ok(), "node/node-1 cordoned\n");
    assert_eq!(kubectl.run(&["cordon", "node-1"]).ok(), "node/node-1 already cordoned\n");
    let before =
        cluster.objects("pods", "shop").iter().filter(|pod| pod["spec"]["nodeName"] == "node-1").count();
    kubectl.run(&["scale", "deployment/api", "--replicas=6"]).ok();
    cluster.wait_for("deployment", "shop", "api", |api| api["status"]["readyReplicas"] == 6);
    let after =
        cluster.objects("pods", "shop").iter().filter(|pod| pod["spec"]["nodeName"] == "node-1").count();
    assert_eq!(after, before);
    let said = kubectl.run(&["get", "node", "node-1", "--no-headers"]);
    assert!(said.ok().contains("Ready,SchedulingDisabled"), "{}", said.stdout);
    assert_eq!(kubectl.run(&["uncordon", "node-1"]).ok(), "node/node-1 uncordoned\n");
    assert_eq!(cluster.object("node", "", "node-1")["spec"].get("unschedulable"), None);
}

#[test]
fn a_drain_moves_the_pods_elsewhere() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.pdb("shop", "api-pdb", "api", 1);
    let node = node(&kubectl);
    let said =
        kubectl.run(&["drain", &node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=40s"]);
    assert!(said.ok().ends_with(&format!("node/{node} drained\n")), "{}", said.stdout);
    cluster.wait_for("deployment", "shop", "api", |api| api["status"]["readyReplicas"] == 3);
    assert!(cluster.objects("pods", "shop").iter().all(|pod| pod["spec"]["nodeName"] != *node));
}

#[test]
fn a_budget_without_room_holds_a_drain_back_and_not_a_scale() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.pdb("shop", "api-pdb", "api", 3);
    let node = node(&kubectl);
    let said = kubectl.run(&["drain", &node, "--ignore-daemonsets", "--timeout=2s"]);
    let stderr = said.failed(1);
    assert!(
        stderr.contains(
            "(will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget."
        ),
        "{stderr}"
    );
    assert_eq!(cluster.objects("pods", "shop").len(), 3);
    assert!(
        cluster.requests().iter().any(|request| request.path.ends_with("/eviction") && request.status == 429)
    );
    assert_eq!(
        cluster.object("node", "", &node)["spec"]["unschedulable"],
        true,
        "a failed drain leaves it closed"
    );
    // The trap: a budget limits evictions only.
    kubectl.run(&["scale", "deployment/api", "--replicas=1"]).ok();
    cluster.wait_for("deployment", "shop", "api", |api| api["status"]["replicas"] == 1);
}

#[test]
fn two_evictions_at_once_do_not_pass_a_budget_for_one() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.pdb("shop", "api-pdb", "api", 2);
    let mut names = Vec::new();
    for pod in cluster.objects("pods", "shop") {
        names.push(pod["metadata"]["name"].as_str().unwrap().to_owned());
    }
    cluster.limit_ready("shop", "api", 2);
    let evict = |name: &str| {
        let body =
            format!(r#"{{"apiVersion":"policy/v1","kind":"Eviction","metadata":{{"name":"{name}"}}}}"#);
        let path = format!("/api/v1/namespaces/shop/pods/{name}/eviction");
        kubectl.run_with(&["create", "--raw", &path, "-f", "-"], &body)
    };
    evict(&names[0]).ok();
    let said = evict(&names[1]);
    assert!(said.failed(1).contains("disruption budget"), "{}", said.stderr);
    assert!(cluster.find("pod", "shop", &names[0]).is_none());
    assert!(cluster.find("pod", "shop", &names[1]).is_some());
}

#[test]
fn a_node_that_is_taken_away_takes_its_pods_with_it() {
    let Some((cluster, kubectl)) = shop() else { return };
    let node = node(&kubectl);
    kubectl.run(&["delete", "node", &node]).ok();
    let other = |api: &Value| {
        let pods = cluster.objects("pods", "shop");
        api["status"]["readyReplicas"] == 3 && pods.iter().all(|pod| pod["spec"]["nodeName"] != *node)
    };
    cluster.wait_for("deployment", "shop", "api", other);
}

#[test]
fn a_tainted_node_is_left_to_pods_that_tolerate_it() {
    let Some((cluster, kubectl)) = shop() else { return };
    kubectl.run(&["taint", "nodes", "--all", "dedicated=db:NoSchedule"]).ok();
    kubectl.run(&["scale", "deployment/api", "--replicas=4"]).ok();
    let toleration = json!({"key": "dedicated", "operator": "Equal", "value": "db", "effect": "NoSchedule"});
    cluster.deployment_with("shop", "db", 1, &json!({"spec": {"tolerations": [toleration]}}));
    cluster.wait_for("deployment", "shop", "db", |db| db["status"]["readyReplicas"] == 1);
    let said = kubectl.run(&[
        "get",
        "pods",
        "--field-selector=status.phase=Pending",
        "-o",
        "jsonpath={.items[*].status.conditions[0].message}",
    ]);
    assert!(
        said.ok().starts_with("0/2 nodes are available: 2 node(s) had untolerated taint(s)."),
        "{}",
        said.stdout
    );
    kubectl.run(&["taint", "nodes", "--all", "dedicated-"]).ok();
    cluster.wait_for("deployment", "shop", "api", |api| api["status"]["readyReplicas"] == 4);
}

#[test]
fn a_drain_leaves_the_pods_of_a_daemon_set_only_when_told_to() {
    let Some((cluster, kubectl)) = shop() else { return };
    let container = json!({"name": "agent", "image": "registry.test/agent:1"});
    let template = json!({"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [container]}});
    let spec = json!({"selector": {"matchLabels": {"app": "agent"}}, "template": template});
    cluster.seed("daemonsets", "shop", json!({"metadata": {"name": "agent"}, "spec": spec}));
    cluster.wait_for("daemonsets", "shop", "agent", |agent| agent["status"]["numberReady"] == 2);
    let said = kubectl.run(&["drain", "node-1", "--timeout=20s"]);
    assert!(
        said.failed(1).contains(
            "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): shop/agent-"
        ),
        "{}",
        said.stderr
    );
    let said = kubectl.run(&["drain", "node-1", "--ignore-daemonsets", "--timeout=40s"]);
    assert!(said.ok().ends_with("node/node-1 drained\n"), "{}", said.stdout);
    let left = cluster.objects("pods", "shop");
    let left: Vec<&Value> = left.iter().filter(|pod| pod["spec"]["nodeName"] == "node-1").collect();
    assert_eq!(left.len(), 1, "{left:#?}");
}
