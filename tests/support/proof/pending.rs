//! Pods that wait, for five reasons and more: what the pod, its events and its owner say of each.

use serde_json::{Value, json};

use super::shop;
use crate::support::kube::Cluster;

/// A pod template that wants that much of a CPU.
fn wants(cpu: &str) -> Value {
    let resources = json!({"requests": {"cpu": cpu, "memory": "256Mi"}});
    json!({"spec": {"containers": [{"name": "app", "image": "registry.test/app:1", "resources": resources}]}})
}

/// The pods of a workload that are pending.
fn pending(cluster: &Cluster, workload: &str) -> Vec<Value> {
    let mut pods = cluster.objects("pods", "shop");
    pods.retain(|pod| pod["metadata"]["labels"]["app"] == workload && pod["status"]["phase"] == "Pending");
    pods
}

fn unschedulable(cluster: &Cluster, workload: &str) -> String {
    let pods = pending(cluster, workload);
    let [pod] = &pods[..] else { panic!("{pods:#?}") };
    let condition = &pod["status"]["conditions"][0];
    assert_eq!((&condition["type"], &condition["reason"]), (&json!("PodScheduled"), &json!("Unschedulable")));
    condition["message"].as_str().unwrap().to_owned()
}

#[test]
fn five_pods_wait_for_five_reasons() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.node_with(
        "gpu-1",
        "4",
        "8Gi",
        &json!({"spec": {"taints": [
            {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"},
        ]}}),
    );
    // Capacity: no node has that many CPUs.
    cluster.deployment_with("shop", "large", 1, &wants("6"));
    // A claim that no storage class can bind.
    cluster.claim("shop", "data", "fast");
    let volume = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    cluster.deployment_with("shop", "disk", 1, &json!({"spec": {"volumes": volume}}));
    // An image that no registry has.
    cluster.image_missing("registry.test/broken:1");
    let broken = json!([{"name": "broken", "image": "registry.test/broken:1"}]);
    cluster.deployment_with("shop", "broken", 1, &json!({"spec": {"containers": broken}}));
    // A node that must be chosen and is not there.
    cluster.deployment_with("shop", "picky", 1, &json!({"spec": {"nodeSelector": {"disk": "ssd"}}}));
    // A quota: the pod is not even made. It stands last, since it holds for the whole namespace.
    cluster.quota("shop", "compute", json!({"pods": "7"}));
    cluster.deployment("shop", "many", 2);

    assert_eq!(
        unschedulable(&cluster, "large"),
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. no new claims to \
         deallocate, preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No \
         preemption victims found for incoming pod."
    );
    assert!(unschedulable(&cluster, "disk").contains("pod has unbound immediate PersistentVolumeClaims."));
    let message = unschedulable(&cluster, "picky");
    assert!(message.contains("2 node(s) didn't match Pod's node affinity/selector."), "{message}");
    let broken = &pending(&cluster, "broken")[0]["status"];
    assert_eq!(broken["containerStatuses"][0]["state"]["waiting"]["reason"], "ImagePullBackOff");
    assert_eq!(pending(&cluster, "many"), Vec::<Value>::new());
    cluster.wait_for("deployment", "shop", "many", |many| {
        many["status"]["conditions"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["reason"] == "FailedCreate"))
    });

    let said = kubectl.run(&["get", "pods", "--field-selector=status.phase=Pending", "--no-headers"]);
    assert_eq!(said.ok().lines().count(), 4, "{}", said.stdout);
    assert!(said.stdout.contains("0/1   ImagePullBackOff   0"), "{}", said.stdout);
    let said = kubectl.run(&["get", "events", "--field-selector", "reason=FailedScheduling", "--no-headers"]);
    assert_eq!(said.ok().lines().count(), 3, "{}", said.stdout);
    let said = kubectl.run(&["get", "events", "--field-selector", "reason=FailedCreate", "-o", "json"]);
    let events: Value = serde_json::from_str(said.ok()).unwrap();
    let message = events["items"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("Error creating: pods \"many-"), "{message}");
    assert!(
        message.ends_with(
            "is forbidden: exceeded quota: compute, requested: pods=1, used: pods=7, limited: pods=7"
        ),
        "{message}"
    );
    assert_eq!(events["items"].as_array().map(Vec::len), Some(1), "told once, though tried again and again");
}

#[test]
fn describe_shows_a_pending_pod_as_it_was_measured() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.deployment_with("shop", "large", 1, &wants("6"));
    let name = pending(&cluster, "large")[0]["metadata"]["name"].as_str().unwrap().to_owned();
    let said = kubectl.run(&["describe", "pod", &name]);
    let text = said.ok();
    for wanted in [
        "Node:             <none>\n",
        "Status:           Pending\n",
        "Conditions:\n  Type           Status\n  PodScheduled   False \n",
        "QoS Class:       Burstable\n",
        "default-scheduler  0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 \
         nodes are available: 2 No preemption victims found for incoming pod.\n",
    ] {
        assert!(text.contains(wanted), "no {wanted:?} in\n{text}");
    }
    let said = kubectl.run(&["events", "--for", &format!("pod/{name}"), "--no-headers"]);
    assert!(said.ok().contains("Warning   FailedScheduling   Pod/large-"), "{}", said.stdout);
}

#[test]
fn a_cured_cause_lets_the_pod_run() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.claim("shop", "data", "fast");
    let volume = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    cluster.deployment_with("shop", "disk", 1, &json!({"spec": {"volumes": volume}}));
    cluster.deployment_with("shop", "large", 1, &wants("6"));
    cluster.quota("shop", "compute", json!({"pods": "5"}));
    cluster.deployment("shop", "many", 1);
    let ready =
        |name: &str| cluster.wait_for("deployment", "shop", name, |it| it["status"]["readyReplicas"] == 1);

    let said = kubectl.run(&["get", "pvc", "data", "--no-headers"]);
    assert!(said.ok().starts_with("data   Pending "), "{}", said.stdout);
    let class = "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast}\nprovisioner: ebs.csi.aws.com";
    kubectl.run_with(&["apply", "-f", "-"], class).ok();
    ready("disk");
    let said = kubectl.run(&["get", "pvc", "data", "--no-headers"]);
    assert_eq!(said.ok().split_whitespace().nth(1), Some("Bound"), "{}", said.stdout);
    cluster.node_with("node-9", "8", "16Gi", &json!({}));
    ready("large");
    let patch = r#"{"spec":{"hard":{"pods":"6"}}}"#;
    kubectl.run(&["patch", "quota", "compute", "--type=merge", "-p", patch]).ok();
    let many = ready("many");
    let reasons: Vec<&Value> =
        many["status"]["conditions"].as_array().unwrap().iter().map(|one| &one["reason"]).collect();
    assert!(!reasons.contains(&&json!("FailedCreate")), "{reasons:?}");
    let said = kubectl.run(&["describe", "quota", "compute"]);
    assert!(said.ok().contains("pods        6     6"), "{}", said.stdout);
}

#[test]
fn describe_node_adds_up_what_its_pods_request() {
    let Some((_cluster, kubectl)) = shop() else { return };
    let said = kubectl.run(&["describe", "nodes"]);
    let text = said.ok();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    // Three pods of 200m and 256Mi, on two nodes of 4 CPUs and 8 GiB: one of them has two.
    assert!(lines.contains(&vec!["cpu", "400m", "(10%)", "1", "(25%)"]), "{text}");
    assert!(lines.contains(&vec!["memory", "512Mi", "(6%)", "1Gi", "(12%)"]), "{text}");
}

#[test]
fn a_stateful_set_claims_a_volume_for_each_pod_and_leaves_it() {
    let Some((cluster, kubectl)) = shop() else { return };
    let spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}});
    let container = json!({"name": "db", "image": "registry.test/db:1"});
    let template = json!({"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [container]}});
    let set = json!({"metadata": {"name": "db"}, "spec": {
        "replicas": 2, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": template,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": spec}],
    }});
    cluster.seed("sts", "shop", set);
    cluster.wait_for("sts", "shop", "db", |set| set["status"]["readyReplicas"] == 2);
    kubectl.run(&["scale", "sts/db", "--replicas=1"]).ok();
    cluster.wait_for("sts", "shop", "db", |set| set["status"]["replicas"] == 1);
    let said =
        kubectl.run(&["get", "pvc", "-o", "jsonpath={.items[*].metadata.name} {.items[*].status.phase}"]);
    assert_eq!(said.ok(), "data-db-0 data-db-1 Bound Bound");
}
