//! The three patches.

use serde_json::{Value, json};

use super::shop;

/// The arguments of a patch of that type.
fn patch<'a>(object: &'a str, how: &'a str, body: &'a str) -> [&'a str; 6] {
    ["patch", object, "--type", how, "-p", body]
}

#[test]
fn a_merge_patch_sets_and_null_removes() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.hpa("shop", "api-hpa", "deployment/api", 3, 10);
    let disable = r#"{"spec":{"behavior":{"scaleDown":{"selectPolicy":"Disabled"}}}}"#;
    let said = kubectl.run(&patch("hpa/api-hpa", "merge", disable));
    assert_eq!(said.ok(), "horizontalpodautoscaler.autoscaling/api-hpa patched\n");
    let behavior = cluster.object("hpa", "shop", "api-hpa")["spec"]["behavior"].clone();
    assert_eq!(behavior["scaleDown"]["selectPolicy"], "Disabled");
    assert_eq!(behavior["scaleUp"]["selectPolicy"], "Max", "the server fills in the other rules");
    let said = kubectl.run(&patch("hpa/api-hpa", "merge", disable));
    assert_eq!(said.ok(), "horizontalpodautoscaler.autoscaling/api-hpa patched (no change)\n");
    kubectl.run(&patch("hpa/api-hpa", "merge", r#"{"spec":{"behavior":null}}"#)).ok();
    assert_eq!(cluster.object("hpa", "shop", "api-hpa")["spec"].get("behavior"), None);
}

#[test]
fn a_json_patch_changes_one_value_and_its_test_guards_it() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.hpa("shop", "api-hpa", "deployment/api", 3, 10);
    let path = "/spec/metrics/0/resource/target/averageUtilization";
    let guarded = |expected: i64, value: i64| {
        json!([{"op": "test", "path": path, "value": expected}, {"op": "replace", "path": path, "value": value}])
            .to_string()
    };
    kubectl.run(&patch("hpa/api-hpa", "json", &guarded(70, 50))).ok();
    let metrics = |index: usize| {
        cluster.object("hpa", "shop", "api-hpa")["spec"]["metrics"][index]["resource"]["target"]["averageUtilization"]
            .as_i64()
    };
    assert_eq!((metrics(0), metrics(1)), (Some(50), Some(80)));
    let said = kubectl.run(&patch("hpa/api-hpa", "json", &guarded(70, 60)));
    assert_eq!(
        said.failed(1),
        "The request is invalid: the server rejected our request due to an error in our request\n"
    );
    assert_eq!(cluster.requests().last().map(|request| request.status), Some(422));
    assert_eq!(metrics(0), Some(50));
}

#[test]
fn a_strategic_patch_merges_containers_by_name_and_replaces_metrics_whole() {
    let Some((cluster, kubectl)) = shop() else { return };
    let containers = json!([{"name": "api", "env": [{"name": "DB_POOL_MAX", "value": "20"}]}]);
    let body = json!({"spec": {"template": {"spec": {"containers": containers}}}}).to_string();
    kubectl.run(&patch("deployment/api", "strategic", &body)).ok();
    let container =
        cluster.object("deployment", "shop", "api")["spec"]["template"]["spec"]["containers"][0].clone();
    assert_eq!(container["image"], "registry.test/api:1.0.0");
    let env: Vec<&Value> = container["env"].as_array().unwrap().iter().map(|env| &env["name"]).collect();
    assert_eq!(env, ["LOG_LEVEL", "DB_POOL_MAX"]);

    cluster.hpa("shop", "api-hpa", "deployment/api", 3, 10);
    let target = json!({"type": "Utilization", "averageUtilization": 50});
    let metrics = json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]);
    let body = json!({"spec": {"metrics": metrics}}).to_string();
    kubectl.run(&["patch", "hpa", "api-hpa", "-p", &body]).ok();
    assert_eq!(
        cluster.object("hpa", "shop", "api-hpa")["spec"]["metrics"],
        metrics,
        "the memory target is gone"
    );
}

#[test]
fn directives_of_a_strategic_patch_delete_and_order() {
    let Some((cluster, kubectl)) = shop() else { return };
    kubectl.run(&["set", "env", "deployment/api", "A=1", "B=2"]).ok();
    kubectl.run(&["set", "env", "deployment/api", "LOG_LEVEL-", "A=3"]).ok();
    let said = kubectl.run(&["set", "env", "deployment/api", "--list"]);
    assert_eq!(said.ok(), "# Deployment api, container api\nA=3\nB=2\n");
    assert_eq!(kubectl.run(&["set", "env", "deployment/api", "A=3"]).ok(), "", "no change is no word");
    assert!(cluster.changes().iter().all(|request| request.content_type.contains("strategic-merge-patch")));
}

#[test]
fn quantities_come_back_in_their_shortest_form() {
    let Some((cluster, kubectl)) = shop() else { return };
    kubectl.run(&["set", "resources", "deployment/api", "--limits=cpu=2000m,memory=2048Mi"]).ok();
    let container =
        cluster.object("deployment", "shop", "api")["spec"]["template"]["spec"]["containers"][0].clone();
    assert_eq!(container["resources"]["limits"], json!({"cpu": "2", "memory": "2Gi"}));
}

#[test]
fn a_body_that_is_no_json_is_a_bad_request() {
    let Some((_cluster, kubectl)) = shop() else { return };
    let said = kubectl.run(&patch("deployment/api", "merge", "{bad"));
    said.failed(1);
    let said = kubectl.run(&["apply", "--server-side", "-f", "-"]);
    said.failed(1);
}

#[test]
fn the_scale_address_can_be_patched_and_read_directly() {
    let Some((cluster, kubectl)) = shop() else { return };
    let raw = "/apis/apps/v1/namespaces/shop/deployments/api/scale";
    let scale: Value = serde_json::from_str(kubectl.run(&["get", "--raw", raw]).ok()).unwrap();
    assert_eq!(scale["kind"], "Scale");
    assert_eq!((&scale["spec"]["replicas"], &scale["status"]["selector"]), (&json!(3), &json!("app=api")));
    let args = patch("deployment/api", "merge", r#"{"spec":{"replicas":2}}"#);
    kubectl.run(&[&args[..], &["--subresource=scale"]].concat()).ok();
    assert_eq!(cluster.object("deployment", "shop", "api")["spec"]["replicas"], 2);
}
