//! Rollouts: pods come up after a while, in order, or not at all.

use super::shop;

#[test]
fn scale_brings_pods_up_and_rollout_status_waits_for_them() {
    let Some((cluster, kubectl)) = shop() else { return };
    assert_eq!(
        kubectl.run(&["scale", "deployment/api", "--replicas=5"]).ok(),
        "deployment.apps/api scaled\n"
    );
    let said = kubectl.run(&["rollout", "status", "deployment/api", "--timeout=30s"]);
    assert!(said.ok().ends_with("deployment \"api\" successfully rolled out\n"), "{}", said.stdout);
    let api = cluster.object("deployment", "shop", "api");
    assert_eq!(api["status"]["readyReplicas"], 5);
    assert_eq!(api["status"]["observedGeneration"], api["metadata"]["generation"]);
    assert_eq!(cluster.objects("pods", "shop").len(), 5);
}

#[test]
fn a_rollout_whose_pods_never_get_ready_times_out() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.limit_ready("shop", "api", 4);
    kubectl.run(&["scale", "deployment/api", "--replicas=6"]).ok();
    cluster.wait_for("deployment", "shop", "api", |api| api["status"]["readyReplicas"] == 4);
    let said = kubectl.run(&["rollout", "status", "deployment/api", "--timeout=2s"]);
    assert_eq!(said.failed(1), "error: timed out waiting for the condition\n");
    assert!(said.stdout.contains("4 of 6 updated replicas are available"), "{}", said.stdout);
    cluster.unlimit_ready("shop", "api");
    kubectl.run(&["rollout", "status", "deployment/api", "--timeout=30s"]).ok();
}

#[test]
fn a_new_template_replaces_pods_and_undo_brings_the_old_one_back() {
    let Some((cluster, kubectl)) = shop() else { return };
    let images = || {
        let pods = cluster.objects("pods", "shop");
        let mut images: Vec<String> = pods
            .iter()
            .map(|pod| pod["spec"]["containers"][0]["image"].as_str().unwrap().to_owned())
            .collect();
        images.dedup();
        images
    };
    kubectl.run(&["set", "image", "deployment/api", "api=registry.test/api:2.0.0"]).ok();
    kubectl.run(&["rollout", "status", "deployment/api", "--timeout=30s"]).ok();
    assert_eq!(images(), ["registry.test/api:2.0.0"]);
    assert_eq!(kubectl.run(&["rollout", "undo", "deployment/api"]).ok(), "deployment.apps/api rolled back\n");
    kubectl.run(&["rollout", "status", "deployment/api", "--timeout=30s"]).ok();
    assert_eq!(images(), ["registry.test/api:1.0.0"]);
    assert_eq!(cluster.objects("rs", "shop").len(), 2, "the first replica set is used again");
}

#[test]
fn a_broken_template_leaves_the_old_pods_serving() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.limit_ready("shop", "api", 3);
    kubectl.run(&["set", "image", "deployment/api", "api=registry.test/api:broken"]).ok();
    kubectl.run(&["rollout", "status", "deployment/api", "--timeout=2s"]).failed(1);
    let api = cluster.wait_for("deployment", "shop", "api", |api| api["status"]["updatedReplicas"] == 1);
    assert_eq!(api["status"]["readyReplicas"], 3);
    assert_eq!(api["status"]["conditions"][1]["reason"], "ReplicaSetUpdated");
}

#[test]
fn a_stateful_set_grows_in_order_and_shrinks_from_the_top() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.statefulset("shop", "postgres", 1);
    kubectl.run(&["scale", "statefulset/postgres", "--replicas=3"]).ok();
    let said = kubectl.run(&["rollout", "status", "sts/postgres", "--timeout=30s"]);
    assert!(said.ok().contains("roll"), "{}", said.stdout);
    let born =
        |name: &str| cluster.object("pod", "shop", name)["metadata"]["uid"].as_str().unwrap().to_owned();
    assert!(born("postgres-1") < born("postgres-2"));
    kubectl.run(&["scale", "statefulset/postgres", "--replicas=1"]).ok();
    let shrunk = |set: &serde_json::Value| set["status"]["replicas"] == 1;
    cluster.wait_for("sts", "shop", "postgres", shrunk);
    assert!(cluster.find("pod", "shop", "postgres-0").is_some());
}

#[test]
fn a_stateful_set_with_a_new_template_ends_at_one_revision() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.statefulset("shop", "postgres", 2);
    let before = cluster.object("sts", "shop", "postgres")["status"]["currentRevision"].clone();
    kubectl.run(&["set", "image", "sts/postgres", "postgres=registry.test/postgres:2"]).ok();
    kubectl.run(&["rollout", "status", "sts/postgres", "--timeout=30s"]).ok();
    let status = cluster.wait_for("sts", "shop", "postgres", |set| {
        set["status"]["currentRevision"] == set["status"]["updateRevision"]
    })["status"]
        .clone();
    assert_ne!(status["currentRevision"], before);
    assert_eq!(status["readyReplicas"], 2);
}

#[test]
fn a_restart_replaces_every_pod_and_is_counted_as_a_revision() {
    let Some((cluster, kubectl)) = shop() else { return };
    let names = || -> Vec<String> {
        let pods = cluster.objects("pods", "shop");
        pods.iter().map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let before = names();
    assert_eq!(
        kubectl.run(&["rollout", "restart", "deployment/api"]).ok(),
        "deployment.apps/api restarted\n"
    );
    kubectl.run(&["rollout", "status", "deployment/api", "--timeout=40s"]).ok();
    assert!(names().iter().all(|name| !before.contains(name)), "{before:?}");
    let said = kubectl.run(&["rollout", "history", "deployment/api"]);
    assert_eq!(
        said.ok(),
        "deployment.apps/api \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n"
    );
    let said =
        kubectl.run(&["get", "events", "--field-selector", "reason=ScalingReplicaSet", "--no-headers"]);
    assert!(said.ok().contains("deployment/api   Scaled up replica set api-"), "{}", said.stdout);
}

#[test]
fn a_rollout_without_progress_fails_at_its_deadline_and_a_scale_has_none() {
    let Some((cluster, kubectl)) = shop() else { return };
    let patch = r#"{"spec":{"progressDeadlineSeconds":1}}"#;
    kubectl.run(&["patch", "deployment", "api", "--type=merge", "-p", patch]).ok();
    cluster.image_missing("registry.test/api:broken");
    cluster.limit_ready("shop", "api", 3);
    kubectl.run(&["scale", "deployment/api", "--replicas=4"]).ok();
    let said = kubectl.run(&["rollout", "status", "deployment/api", "--timeout=3s"]);
    assert_eq!(said.failed(1), "error: timed out waiting for the condition\n");
    kubectl.run(&["scale", "deployment/api", "--replicas=3"]).ok();
    cluster.wait_for("deployment", "shop", "api", |api| api["status"]["replicas"] == 3);
    kubectl.run(&["set", "image", "deployment/api", "api=registry.test/api:broken"]).ok();
    let said = kubectl.run(&["rollout", "status", "deployment/api", "--timeout=40s"]);
    assert_eq!(said.failed(1), "error: deployment \"api\" exceeded its progress deadline\n");
    kubectl.run(&["rollout", "undo", "deployment/api"]).ok();
    cluster.wait_for("deployment", "shop", "api", |api| {
        api["status"]["conditions"][1]["reason"] == "NewReplicaSetAvailable"
    });
}

#[test]
fn undo_of_a_stateful_set_brings_its_earlier_template_back() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.statefulset("shop", "postgres", 1);
    let image = || {
        cluster.object("sts", "shop", "postgres")["spec"]["template"]["spec"]["containers"][0]["image"]
            .clone()
    };
    let before = image();
    kubectl.run(&["set", "image", "sts/postgres", "postgres=registry.test/postgres:2"]).ok();
    kubectl.run(&["rollout", "status", "sts/postgres", "--timeout=40s"]).ok();
    let said = kubectl.run(&["rollout", "history", "sts/postgres"]);
    assert_eq!(said.ok().lines().count(), 4 + 1, "{}", said.stdout);
    assert_eq!(
        kubectl.run(&["rollout", "undo", "sts/postgres"]).ok(),
        "statefulset.apps/postgres rolled back\n"
    );
    assert_eq!(image(), before);
    kubectl.run(&["rollout", "status", "sts/postgres", "--timeout=40s"]).ok();
}
