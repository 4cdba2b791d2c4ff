//! The small changes: labels, annotations, images, resources, variables, secrets; what each says when nothing changes.

use serde_json::json;

use super::shop;

#[test]
fn a_label_is_set_changed_only_with_overwrite_and_taken_away() {
    let Some((cluster, kubectl)) = shop() else { return };
    let label = |args: &[&str]| kubectl.run(&[&["label", "deployment", "api"], args].concat());
    assert_eq!(label(&["tier=front"]).ok(), "deployment.apps/api labeled\n");
    assert_eq!(label(&["tier=front"]).ok(), "deployment.apps/api not labeled\n");
    assert!(
        label(&["tier=back"]).failed(1).contains("already has a value (front), and --overwrite is false")
    );
    label(&["tier=back", "--overwrite"]).ok();
    assert_eq!(cluster.object("deployment", "shop", "api")["metadata"]["labels"]["tier"], "back");
    assert_eq!(label(&["tier-"]).ok(), "deployment.apps/api unlabeled\n");
    assert_eq!(cluster.object("deployment", "shop", "api")["metadata"]["labels"].get("tier"), None);
}

#[test]
fn an_annotation_says_annotated_whatever_it_changes() {
    let Some((cluster, kubectl)) = shop() else { return };
    let annotate = |args: &[&str]| kubectl.run(&[&["annotate", "deployment", "api"], args].concat());
    annotate(&["safe=true"]).ok();
    let said = annotate(&["safe=false"]);
    assert!(said.failed(1).contains("'safe' already has a value (true)"), "{}", said.stderr);
    for _ in 0..2 {
        assert_eq!(annotate(&["safe-"]).ok(), "deployment.apps/api annotated\n");
    }
    // The trap: the pods of a deployment do not get its annotations.
    annotate(&["cluster-autoscaler.kubernetes.io/safe-to-evict=false"]).ok();
    assert!(cluster.objects("pods", "shop").iter().all(|pod| pod["metadata"].get("annotations").is_none()));
}

#[test]
fn resources_and_variables_are_set_once_and_then_in_silence() {
    let Some((cluster, kubectl)) = shop() else { return };
    let resources = [
        "set",
        "resources",
        "deployment/api",
        "--limits=cpu=2000m,memory=2048Mi",
        "--requests=cpu=500m,memory=512Mi",
    ];
    assert_eq!(kubectl.run(&resources).ok(), "deployment.apps/api resource requirements updated\n");
    assert_eq!(kubectl.run(&resources).ok(), "");
    let container =
        || cluster.object("deployment", "shop", "api")["spec"]["template"]["spec"]["containers"][0].clone();
    let wanted =
        json!({"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"cpu": "2", "memory": "2Gi"}});
    assert_eq!(container()["resources"], wanted);
    let env = ["set", "env", "deployment/api", "DB_POOL_MIN=5", "LOG_LEVEL-"];
    assert_eq!(kubectl.run(&env).ok(), "deployment.apps/api env updated\n");
    assert_eq!(container()["env"], json!([{"name": "DB_POOL_MIN", "value": "5"}]));
    let said = kubectl.run(&["set", "env", "deployment/api", "--list"]);
    assert_eq!(said.ok(), "# Deployment api, container api\nDB_POOL_MIN=5\n");
    kubectl.run(&["rollout", "status", "deployment/api", "--timeout=40s"]).ok();
    assert!(
        cluster.objects("pods", "shop").iter().all(|pod| pod["spec"]["containers"][0]["resources"] == wanted)
    );
}

#[test]
fn a_secret_keeps_its_values_in_base64() {
    let Some((cluster, kubectl)) = shop() else { return };
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hunter2}";
    assert_eq!(kubectl.run_with(&["apply", "-f", "-"], secret).ok(), "secret/db created\n");
    let stored = cluster.object("secret", "shop", "db");
    assert_eq!((&stored["data"], stored.get("stringData")), (&json!({"password": "aHVudGVyMg=="}), None));
    kubectl.run(&["create", "secret", "generic", "token", "--from-literal=key=hunter2"]).ok();
    let token = cluster.object("secret", "shop", "token");
    assert_eq!((&token["data"]["key"], &token["type"]), (&json!("aHVudGVyMg=="), &json!("Opaque")));
    let said = kubectl.run(&["get", "secret", "db", "--no-headers"]);
    assert_eq!(said.ok().split_whitespace().collect::<Vec<_>>()[..3], ["db", "Opaque", "1"]);
}

#[test]
fn a_limit_range_fills_in_what_a_container_does_not_say() {
    let Some((cluster, kubectl)) = shop() else { return };
    let range = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: usual}\nspec:\n  limits:\n  - type: Container\n    \
                 default: {cpu: 500m}\n    defaultRequest: {memory: 64Mi}\n";
    kubectl.run_with(&["apply", "-f", "-"], range).ok();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: bare}\nspec: {containers: [{name: a, image: a}]}";
    kubectl.run_with(&["apply", "-f", "-"], pod).ok();
    let resources = &cluster.object("pod", "shop", "bare")["spec"]["containers"][0]["resources"];
    assert_eq!(*resources, json!({"limits": {"cpu": "500m"}, "requests": {"memory": "64Mi", "cpu": "500m"}}));
}

#[test]
fn a_pod_beyond_the_quota_is_forbidden() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.quota("shop", "compute", json!({"requests.cpu": "700m"}));
    let pod = |cpu: &str| {
        let resources = json!({"requests": {"cpu": cpu}});
        let container = json!({"name": "a", "image": "a", "resources": resources});
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "more"}, "spec": {"containers": [container]}})
            .to_string()
    };
    let said = kubectl.run_with(&["create", "-f", "-"], &pod("200m"));
    let stderr = said.failed(1);
    assert!(
        stderr.contains(
            "pods \"more\" is forbidden: exceeded quota: compute, requested: requests.cpu=200m, used: \
             requests.cpu=600m, limited: requests.cpu=700m"
        ),
        "{stderr}"
    );
    kubectl.run_with(&["create", "-f", "-"], &pod("100m")).ok();
    let said = kubectl.run(&["get", "quota", "compute", "--no-headers"]);
    assert!(said.ok().contains("requests.cpu: 700m/700m"), "{}", said.stdout);
}

#[test]
fn get_all_and_api_resources_show_what_the_server_has() {
    let Some((_cluster, kubectl)) = shop() else { return };
    let said = kubectl.run(&["get", "all", "-o", "name"]);
    let kinds: Vec<&str> = said.ok().lines().filter_map(|line| line.split('/').next()).collect();
    assert_eq!(kinds, ["pod", "pod", "pod", "deployment.apps", "replicaset.apps"]);
    let said = kubectl.run(&["api-resources", "-o", "name"]);
    let all: Vec<&str> = said.ok().lines().collect();
    assert!(
        all.contains(&"pods.metrics.k8s.io") && !all.contains(&"verticalpodautoscalers.autoscaling.k8s.io")
    );
    let can = |args: &[&str]| kubectl.run(&[&["auth", "can-i"], args].concat()).ok().to_owned();
    assert_eq!(can(&["create", "pods", "--subresource=exec"]), "yes\n");
}
