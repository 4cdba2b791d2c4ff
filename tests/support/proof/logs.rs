//! `kubectl logs`: which lines come, and why none can.

use std::time::Duration;

use serde_json::json;

use super::shop;
use crate::support::kube::{Kubectl, Log};

/// The name of the first pod of `api`.
fn pod(kubectl: &Kubectl) -> String {
    kubectl.run(&["get", "pods", "-l", "app=api", "-o", "jsonpath={.items[0].metadata.name}"]).ok().to_owned()
}

#[test]
fn lines_are_those_of_the_pod_by_age_and_count() {
    let Some((cluster, kubectl)) = shop() else { return };
    let old = Log { ago: Duration::from_secs(3600), ..Log::default() };
    cluster.log("shop", "api", old, &["started"]);
    cluster.log("shop", "api", Log::default(), &["one", "two", "three"]);
    let pod = pod(&kubectl);
    assert_eq!(kubectl.run(&["logs", &pod]).ok(), "started\none\ntwo\nthree\n");
    assert_eq!(kubectl.run(&["logs", &pod, "--tail=2"]).ok(), "two\nthree\n");
    assert_eq!(kubectl.run(&["logs", &pod, "--since=10m"]).ok(), "one\ntwo\nthree\n");
    let said = kubectl.run(&["logs", "-l", "app=api", "--tail=1"]);
    assert_eq!(said.ok(), "three\nthree\nthree\n", "one line of each pod");
    assert_eq!(kubectl.run(&["logs", "deploy/api", "--tail=1"]).ok(), "three\n");
}

#[test]
fn a_container_is_named_where_there_are_several() {
    let Some((cluster, kubectl)) = shop() else { return };
    let containers = json!([{"name": "api", "image": "api:1"}, {"name": "proxy", "image": "proxy:1"}]);
    cluster.deployment_with("shop", "two", 1, &json!({"spec": {"containers": containers}}));
    cluster.log("shop", "two", Log { container: "proxy", ..Log::default() }, &["from the proxy"]);
    assert_eq!(kubectl.run(&["logs", "deploy/two", "-c", "proxy"]).ok(), "from the proxy\n");
    let said = kubectl.run(&["logs", "deploy/two"]);
    assert_eq!(said.ok(), "");
    assert!(said.stderr.contains("Defaulted container \"api\""), "{}", said.stderr);
    let said = kubectl.run(&["logs", "deploy/two", "-c", "nope"]);
    assert!(said.failed(1).contains("container nope is not valid for pod two-"), "{}", said.stderr);
}

#[test]
fn what_a_crashed_container_wrote_is_asked_for_as_previous() {
    let Some((cluster, kubectl)) = shop() else { return };
    let pod_before = pod(&kubectl);
    let said = kubectl.run(&["logs", &pod_before, "--previous"]);
    assert!(said.failed(1).contains("previous terminated container \"api\" in pod"), "{}", said.stderr);
    cluster.log("shop", "api", Log { previous: true, ..Log::default() }, &["out of memory"]);
    cluster.crash("shop", "api", 137, "OOMKilled");
    cluster.wait_for("pod", "shop", &pod_before, |pod| {
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    });
    assert_eq!(kubectl.run(&["logs", &pod_before, "--previous"]).ok(), "out of memory\n");
    let cells = kubectl.run(&["get", "pod", &pod_before, "--no-headers"]);
    assert!(cells.ok().contains("0/1   CrashLoopBackOff   4"), "{}", cells.stdout);
    let said = kubectl.run(&["describe", "pod", &pod_before]);
    assert!(said.ok().contains("Reason:       OOMKilled\n      Exit Code:    137"), "{}", said.stdout);
}

#[test]
fn a_pod_that_has_not_started_has_no_log() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.image_missing("registry.test/web:9");
    let image = json!([{"name": "web", "image": "registry.test/web:9"}]);
    cluster.deployment_with("shop", "web", 1, &json!({"spec": {"containers": image}}));
    let said = kubectl.run(&["logs", "deploy/web", "--pod-running-timeout=1s"]);
    assert!(said.failed(1).contains("waiting to start: trying and failing to pull image"), "{}", said.stderr);
    cluster.deny("get", "pods/log");
    let said = kubectl.run(&["logs", "deploy/api"]);
    assert!(said.failed(1).contains("cannot get resource \"pods/log\""), "{}", said.stderr);
}
