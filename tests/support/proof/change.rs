//! Changing: scale, apply, create, delete, dry runs, conflicts, rules.

use serde_json::json;

use super::shop;
use crate::support::tools;

const FLAGS: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: flags}
data: {beta: 'on'}
";

#[test]
fn a_guarded_scale_refuses_another_count() {
    let Some((cluster, kubectl)) = shop() else { return };
    let said = kubectl.run(&["scale", "deployment/api", "--current-replicas=99", "--replicas=5"]);
    assert_eq!(said.failed(1), "error: Expected replicas to be 99, was 3\n");
    kubectl.run(&["scale", "deployment/api", "--current-replicas=3", "--replicas=5"]).ok();
    assert_eq!(cluster.object("deployment", "shop", "api")["spec"]["replicas"], 5);
    let methods: Vec<String> = cluster.changes().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["PUT"], "a guarded scale updates, an unguarded one patches: other access is needed");
}

#[test]
fn apply_creates_then_changes_then_finds_nothing_to_do() {
    let Some((cluster, kubectl)) = shop() else { return };
    assert_eq!(kubectl.run_with(&["apply", "-f", "-"], FLAGS).ok(), "configmap/flags created\n");
    assert_eq!(kubectl.run_with(&["apply", "-f", "-"], FLAGS).ok(), "configmap/flags unchanged\n");
    let other = FLAGS.replace("beta", "gamma");
    assert_eq!(kubectl.run_with(&["apply", "-f", "-"], &other).ok(), "configmap/flags configured\n");
    assert_eq!(cluster.object("cm", "shop", "flags")["data"], json!({"gamma": "on"}));
}

#[test]
fn apply_of_a_whole_deployment_keeps_what_others_set() {
    let Some((cluster, kubectl)) = shop() else { return };
    let container = json!({"name": "web", "image": "registry.test/web:2", "ports": [{"containerPort": 80}]});
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}});
    let spec = json!({"selector": {"matchLabels": {"app": "web"}}, "template": template});
    let mut web =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec});
    assert_eq!(
        kubectl.run_with(&["apply", "-f", "-"], &web.to_string()).ok(),
        "deployment.apps/web created\n"
    );
    kubectl.run(&["scale", "deployment/web", "--replicas=2"]).ok();
    web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.test/web:3");
    assert_eq!(
        kubectl.run_with(&["apply", "-f", "-"], &web.to_string()).ok(),
        "deployment.apps/web configured\n"
    );
    let stored = cluster.object("deployment", "shop", "web");
    assert_eq!(stored["spec"]["replicas"], 2);
    assert_eq!(stored["spec"]["template"]["spec"]["containers"][0]["image"], "registry.test/web:3");
    assert_eq!(stored["spec"]["template"]["spec"]["containers"][0]["ports"][0]["protocol"], "TCP");
}

#[test]
fn apply_of_another_strategy_leaves_nothing_of_the_first() {
    let Some((cluster, kubectl)) = shop() else { return };
    let web = |strategy: &str| {
        let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [
            {"name": "web", "image": "registry.test/web:2"},
        ]}});
        let spec = json!({
            "selector": {"matchLabels": {"app": "web"}}, "template": template, "strategy": {"type": strategy},
        });
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
            .to_string()
    };
    kubectl.run_with(&["apply", "-f", "-"], &web("RollingUpdate")).ok();
    kubectl.run_with(&["apply", "-f", "-"], &web("Recreate")).ok();
    assert_eq!(cluster.object("deployment", "shop", "web")["spec"]["strategy"], json!({"type": "Recreate"}));
}

#[test]
fn diff_shows_what_apply_would_change() {
    let Some((_cluster, kubectl)) = shop() else { return };
    kubectl.run_with(&["apply", "-f", "-"], FLAGS).ok();
    kubectl.run_with(&["diff", "-f", "-"], FLAGS).ok();
    let said = kubectl.run_with(&["diff", "-f", "-"], &FLAGS.replace("'on'", "'off'"));
    said.failed(1);
    assert!(said.stdout.contains("-  beta: \"on\"\n+  beta: \"off\""), "{}", said.stdout);
}

#[test]
fn an_edit_sends_what_the_editor_left() {
    let (Some((cluster, kubectl)), Some(path)) = (shop(), tools::require("kubectl")) else { return };
    cluster.configmap("shop", "flags", json!({"beta": "off"}));
    let mut environment = kubectl.environment();
    environment.push(("KUBE_EDITOR".to_owned(), "sed -i s/off/never/".to_owned()));
    let said = tools::run(tools::command(&path, &["edit", "cm", "flags"], &environment), "");
    assert_eq!(said.ok(), "configmap/flags edited\n");
    assert_eq!(cluster.object("cm", "shop", "flags")["data"]["beta"], "never");
}

#[test]
fn a_field_that_no_kind_knows_is_refused() {
    let Some((cluster, kubectl)) = shop() else { return };
    let said = kubectl.run_with(&["apply", "-f", "-"], &FLAGS.replace("\ndata:", "\ndatta:"));
    assert!(said.failed(1).contains("strict decoding error: unknown field \"datta\""), "{}", said.stderr);
    assert_eq!(cluster.find("cm", "shop", "flags"), None);
}

#[test]
fn a_server_side_dry_run_answers_as_if_and_changes_nothing() {
    let Some((cluster, kubectl)) = shop() else { return };
    let before = cluster.object("deployment", "shop", "api");
    let said = kubectl.run(&["scale", "deployment/api", "--replicas=9", "--dry-run=server"]);
    assert_eq!(said.ok(), "deployment.apps/api scaled (server dry run)\n");
    let patch = ["patch", "deployment", "api", "-p", "{\"spec\":{\"replicas\":9}}", "--dry-run=server"];
    let said = kubectl.run(&[&patch[..], &["-o", "jsonpath={.spec.replicas}"]].concat());
    assert_eq!(said.ok(), "9");
    let said = kubectl.run_with(&["apply", "-f", "-", "--dry-run=server"], FLAGS);
    assert_eq!(said.ok(), "configmap/flags created (server dry run)\n");
    let said = kubectl.run(&["delete", "deployment", "api", "--dry-run=server"]);
    assert_eq!(said.ok(), "deployment.apps \"api\" deleted (server dry run)\n");
    assert_eq!(cluster.object("deployment", "shop", "api"), before);
    assert_eq!(cluster.find("cm", "shop", "flags"), None);
    assert!(cluster.changes().is_empty(), "{:?}", cluster.changes());
}

#[test]
fn a_write_with_an_old_version_is_a_conflict() {
    let Some((_cluster, kubectl)) = shop() else { return };
    let old = kubectl.run(&["get", "deployment", "api", "-o", "json"]);
    kubectl.run(&["scale", "deployment/api", "--replicas=4"]).ok();
    let said = kubectl.run_with(&["replace", "-f", "-"], old.ok());
    let stderr = said.failed(1);
    assert!(stderr.contains("Operation cannot be fulfilled on deployments.apps \"api\""), "{stderr}");
    assert!(stderr.contains("(Conflict)"), "{stderr}");
}

#[test]
fn rules_of_a_kind_are_refused_with_every_cause() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.hpa("shop", "api-hpa", "deployment/api", 3, 10);
    let said =
        kubectl.run(&["patch", "hpa", "api-hpa", "--type=merge", "-p", "{\"spec\":{\"maxReplicas\":0}}"]);
    assert_eq!(
        said.failed(1),
        "The HorizontalPodAutoscaler \"api-hpa\" is invalid: \n\
         * spec.maxReplicas: Required value: must be set and greater than 0\n\
         * spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`\n"
    );
    assert_eq!(cluster.object("hpa", "shop", "api-hpa")["spec"]["maxReplicas"], 10);
}

#[test]
fn delete_takes_what_the_object_owns_with_it() {
    let Some((cluster, kubectl)) = shop() else { return };
    assert_eq!(kubectl.run(&["delete", "deployment", "api"]).ok(), "deployment.apps \"api\" deleted\n");
    assert!(cluster.objects("pods", "shop").is_empty());
    kubectl.run(&["delete", "namespace", "shop"]).ok();
    let said = kubectl.run_with(&["create", "-f", "-"], FLAGS);
    assert!(said.failed(1).contains("namespaces \"shop\" not found"), "{}", said.stderr);
}

#[test]
fn a_deleted_pod_comes_back() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.statefulset("shop", "postgres", 1);
    let before = cluster.object("pod", "shop", "postgres-0")["metadata"]["uid"].clone();
    assert_eq!(kubectl.run(&["delete", "pod", "postgres-0"]).ok(), "pod \"postgres-0\" deleted\n");
    let ready =
        |pod: &serde_json::Value| pod["status"]["phase"] == "Running" && pod["metadata"]["uid"] != before;
    cluster.wait_for("pod", "shop", "postgres-0", ready);
}

#[test]
fn bodies_in_binary_form_are_read() {
    let Some((cluster, kubectl)) = shop() else { return };
    assert_eq!(kubectl.run(&["create", "namespace", "lab"]).ok(), "namespace/lab created\n");
    assert_eq!(cluster.object("ns", "", "lab")["status"]["phase"], "Active");
    kubectl.run(&["autoscale", "deployment", "api", "--min=2", "--max=7", "--cpu-percent=55"]).ok();
    let spec = &cluster.object("hpa", "shop", "api")["spec"];
    assert_eq!((&spec["minReplicas"], &spec["maxReplicas"]), (&json!(2), &json!(7)));
    assert_eq!(spec["scaleTargetRef"]["name"], "api");
    assert_eq!(spec["metrics"][0]["resource"]["target"]["averageUtilization"], 55);
}

#[test]
fn leases_and_events_are_stored_like_any_object() {
    let Some((cluster, kubectl)) = shop() else { return };
    let lease = "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: leader}\nspec: {holderIdentity: a}";
    kubectl.run_with(&["create", "-f", "-"], lease).ok();
    assert!(kubectl.run(&["get", "leases"]).ok().contains("leader   a "));
    let patch = r#"{"spec":{"holderIdentity":"b"}}"#;
    kubectl.run(&["patch", "lease", "leader", "--type=merge", "-p", patch]).ok();
    assert_eq!(cluster.object("leases", "shop", "leader")["spec"]["holderIdentity"], "b");
    let said = kubectl.run(&["get", "events", "--field-selector", "involvedObject.name=leader"]);
    assert_eq!((said.ok(), said.stderr.as_str()), ("", "No resources found in shop namespace.\n"));
}

#[test]
fn create_and_annotate_say_what_they_did() {
    let Some((cluster, kubectl)) = shop() else { return };
    kubectl.run(&["create", "configmap", "limits", "--from-literal=max=5"]).ok();
    assert_eq!(cluster.object("cm", "shop", "limits")["data"]["max"], "5");
    let said = kubectl.run(&["create", "configmap", "limits"]);
    assert!(said.failed(1).contains("configmaps \"limits\" already exists"), "{}", said.stderr);
    assert_eq!(kubectl.run(&["annotate", "cm", "limits", "why=test"]).ok(), "configmap/limits annotated\n");
    assert_eq!(cluster.object("cm", "shop", "limits")["metadata"]["annotations"]["why"], "test");
    cluster.remove("cm", "shop", "limits");
    kubectl.run(&["get", "cm", "limits"]).failed(1);
}
