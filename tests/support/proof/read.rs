//! Reading: columns, output formats, selectors, watches, what is not there.

use std::time::Duration;

use serde_json::{Value, json};

use super::shop;
use crate::support::kube::{Cluster, Kubectl, Settings};

/// The cells of the line that begins with `name`.
fn line<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let line =
        text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in\n{text}"));
    line.split_whitespace().collect()
}

#[test]
fn get_prints_the_columns_of_each_kind() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.statefulset("shop", "postgres", 2);
    cluster.hpa("shop", "api-hpa", "deployment/api", 3, 10);
    cluster.pdb("shop", "api-pdb", "api", 2);
    cluster.configmap("shop", "flags", json!({"beta": "off"}));
    let cells = |kind: &str, name: &str| {
        let said = kubectl.run(&["get", kind]);
        let cells = line(said.ok(), name).into_iter().map(str::to_owned).collect::<Vec<_>>();
        cells[..cells.len() - 1].join(" ") // the last cell is the age
    };
    assert_eq!(cells("deployment", "api"), "api 3/3 3 3");
    assert_eq!(cells("rs", "api-"), format!("{} 3 3 3", cells("rs", "api-").split(' ').next().unwrap()));
    assert_eq!(cells("sts", "postgres"), "postgres 2/2");
    assert_eq!(cells("pods", "postgres-1"), "postgres-1 1/1 Running 0");
    assert_eq!(cells("pdb", "api-pdb"), "api-pdb 2 N/A 1");
    assert_eq!(cells("cm", "flags"), "flags 1");
    assert_eq!(cells("ns", "kube-system"), "kube-system Active");
    assert_eq!(line(kubectl.run(&["get", "nodes"]).ok(), "node-2")[1], "Ready");
    cluster.wait_for("hpa", "shop", "api-hpa", |hpa| hpa["status"]["currentReplicas"] == 3);
    assert_eq!(cells("hpa", "api-hpa"), "api-hpa Deployment/api cpu: 70%/70%, memory: 80%/80% 3 10 3");
}

#[test]
fn get_understands_its_output_formats() {
    let Some((_cluster, kubectl)) = shop() else { return };
    let said = kubectl.run(&["get", "deployment/api", "-o", "json"]);
    let object: Value = serde_json::from_str(said.ok()).unwrap();
    assert_eq!(object["status"]["readyReplicas"], 3);
    let path = "jsonpath={.spec.template.spec.containers[0].image}";
    assert_eq!(kubectl.run(&["get", "deployment", "api", "-o", path]).ok(), "registry.test/api:1.0.0");
    let said = kubectl.run(&["get", "deploy,pods", "-o", "name"]);
    assert_eq!(said.ok().lines().filter(|line| line.starts_with("pod/api-")).count(), 3);
    let wide = kubectl.run(&["get", "deployment", "api", "-o", "wide"]);
    assert!(wide.ok().contains("registry.test/api:1.0.0   app=api"), "{}", wide.stdout);
    let said = kubectl.run(&["describe", "deployment", "api"]);
    assert!(
        said.ok().contains("3 desired | 3 updated | 3 total | 3 available | 0 unavailable"),
        "{}",
        said.stdout
    );
}

#[test]
fn the_identity_of_a_cluster_is_the_uid_of_kube_system() {
    let settings = Settings { uid: "11111111-0000-4000-8000-000000000000".to_owned(), ..Settings::default() };
    let cluster = Cluster::with(settings);
    let Some(kubectl) = Kubectl::new(&cluster, "default") else { return };
    let said = kubectl.run(&["get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"]);
    assert_eq!(said.ok(), "11111111-0000-4000-8000-000000000000");
}

#[test]
fn selectors_choose_by_label_and_by_field() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.deployment("shop", "web", 1);
    cluster.limit_ready("shop", "slow", 0);
    cluster.deployment("shop", "slow", 2);
    let count =
        |args: &[&str]| kubectl.run(&[&["get", "pods", "-o", "name"], args].concat()).ok().lines().count();
    assert_eq!(count(&["-l", "app=api"]), 3);
    assert_eq!(count(&["-l", "app!=api"]), 3);
    assert_eq!(count(&["-l", "app in (api,web)"]), 4);
    assert_eq!(count(&["-l", "app notin (api,web)"]), 2);
    assert_eq!(count(&["-l", "!app"]), 0);
    assert_eq!(count(&["--field-selector", "status.phase=Pending"]), 2);
    assert_eq!(count(&["--field-selector", "status.phase!=Pending"]), 4);
    let said = kubectl.run(&["get", "pods", "--field-selector", "spec.nope=1"]);
    assert!(said.failed(1).contains("field label not supported: spec.nope"), "{}", said.stderr);
}

#[test]
fn what_is_not_there_is_said_as_a_real_server_says_it() {
    let Some((_cluster, kubectl)) = shop() else { return };
    let said = kubectl.run(&["get", "deployment", "nope"]);
    assert_eq!(said.failed(1), "Error from server (NotFound): deployments.apps \"nope\" not found\n");
    let said = kubectl.run(&["get", "pods", "-n", "nowhere"]);
    said.ok();
    assert_eq!(said.stderr, "No resources found in nowhere namespace.\n");
    let said = kubectl.run(&["get", "vpa"]);
    assert_eq!(said.failed(1), "error: the server doesn't have a resource type \"vpa\"\n");
    let said = kubectl.run(&["get", "--raw", "/apis/nope"]);
    assert!(said.failed(1).contains("the server could not find the requested resource"), "{}", said.stderr);
}

#[test]
fn a_watch_shows_what_happens_while_it_listens() {
    let Some((cluster, kubectl)) = shop() else { return };
    // The first line is there before the change: the list is printed, then the watch begins from its version.
    let lines = std::thread::scope(|scope| {
        scope.spawn(|| {
            cluster.wait_for_request("watch=true");
            kubectl.run(&["scale", "deployment/api", "--replicas=4"]).ok();
        });
        kubectl.watch(&["get", "deployment", "api", "-w"], "4/4", Duration::from_secs(30))
    });
    let ready: Vec<&str> = lines.iter().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(ready.first(), Some(&"READY"));
    assert_eq!(ready.get(1), Some(&"3/3"));
    assert_eq!(ready.last(), Some(&"4/4"));
}

#[test]
fn a_wait_ends_when_its_condition_is_met_and_not_before() {
    let Some((cluster, kubectl)) = shop() else { return };
    kubectl.run(&["wait", "--for=condition=Available", "deployment/api", "--timeout=20s"]).ok();
    cluster.limit_ready("shop", "stuck", 0);
    cluster.deployment("shop", "stuck", 1);
    let said = kubectl.run(&["wait", "--for=condition=Available", "deployment/stuck", "--timeout=1s"]);
    assert_eq!(said.failed(1), "error: timed out waiting for the condition on deployments/stuck\n");
}
