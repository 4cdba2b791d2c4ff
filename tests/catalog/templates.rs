//! Templates of which no runbook of the catalog shows all: one step each, against the real client.

use serde_json::{Value, json};

use super::stage::{Stage, difference};
use crate::support::kube::Kubectl;

const SHOP: &str = "shop";

/// A project with one runbook of one step, which uses this template with these values.
fn one_step(template: &str, with: &Value) -> Option<Stage> {
    let stage = Stage::new(SHOP)?;
    stage.cluster.deployment(SHOP, "api", 3);
    let step = json!({"id": "it", "uses": template, "with": with});
    let runbook = json!({"runbook": "one", "title": "One step", "steps": [step]});
    stage.project.write("runbooks/autolytiq/one.yaml", runbook.to_string());
    Some(stage)
}

/// Plays it forwards, again and back. `holds` asserts what there is after the first time.
fn played(stage: &Stage, holds: impl FnOnce()) {
    let before = stage.kept();
    stage.project.run(&["exec", "one"]).code(0);
    let run = stage.project.newest();
    holds();
    let calls = stage.calls().len();
    let shown = stage.project.run(&["exec", "one"]).code(0);
    assert_eq!(stage.changing_calls(calls), [""; 0], "the second time nothing is sent: {shown}");
    stage.project.run(&["rollback", &run, "--yes"]).code(0);
    assert_eq!(difference(&before, &stage.kept()), "");
}

#[test]
fn a_budget_is_eased_and_put_back_as_what_it_was() {
    let with = json!({"namespace": SHOP, "pdb": "api-pdb", "min_available": 1});
    let Some(stage) = one_step("kubectl/pdb", &with) else { return };
    stage.cluster.pdb(SHOP, "api-pdb", "api", 2);
    let spec = || stage.cluster.object("poddisruptionbudgets", SHOP, "api-pdb")["spec"].clone();
    played(&stage, || assert_eq!(spec()["minAvailable"], json!(1)));

    // One that says how many may be gone: it can say only one of the two, and says the same again afterwards.
    stage.cluster.remove("poddisruptionbudgets", SHOP, "api-pdb");
    let budget = json!({"maxUnavailable": "25%", "selector": {"matchLabels": {"app": "api"}}});
    stage.cluster.seed("pdb", SHOP, json!({"metadata": {"name": "api-pdb"}, "spec": budget}));
    played(&stage, || {
        assert_eq!((&spec()["minAvailable"], spec().get("maxUnavailable")), (&json!(1), None));
    });
    assert_eq!(spec()["maxUnavailable"], "25%");
}

#[test]
fn a_budget_as_high_as_the_replicas_is_warned_of() {
    let with = json!({"namespace": SHOP, "pdb": "api-pdb", "min_available": 3});
    let Some(stage) = one_step("kubectl/pdb", &with) else { return };
    stage.cluster.pdb(SHOP, "api-pdb", "api", 2);
    let shown = stage.project.run(&["exec", "one"]).code(0).to_string();
    assert!(shown.contains("it holds, but only just"), "{shown}");
}

#[test]
fn an_object_is_made_and_taken_away_or_changed_and_put_back() {
    let data = json!({"LOG_LEVEL": "debug", "TZ": "UTC"});
    let manifest =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flags"}, "data": data});
    let with = json!({"namespace": SHOP, "manifest": manifest});
    let Some(stage) = one_step("kubectl/apply", &with) else { return };
    let found = || stage.cluster.find("configmaps", SHOP, "flags");
    played(&stage, || assert_eq!(found().map(|it| it["data"].clone()), Some(data.clone())));
    assert_eq!(found(), None, "it was not there before");

    let labels = json!({"team": "shop"});
    let old = json!({"metadata": {"name": "flags", "labels": labels}, "data": {"LOG_LEVEL": "info"}});
    stage.cluster.seed("configmaps", SHOP, old);
    played(&stage, || {
        let now = found().unwrap_or_default();
        assert_eq!(
            (&now["data"], &now["metadata"]["labels"]),
            (&data, &labels),
            "what it does not name stays"
        );
    });

    let observed = stage.project.run(&["plan", "one", "--observe"]).code(0).to_string();
    assert!(observed.contains("ConfigMap flags changed"), "{observed}");
    assert!(observed.contains("configmap/flags configured (server dry run)"), "{observed}");
}

/// A quantity in other words is no difference: the server is asked, not the text.
#[test]
fn the_same_in_other_words_is_nothing_to_do() {
    let container = json!({
        "name": "api", "image": "registry.test/api:1.0.0",
        "resources": {"limits": {"memory": "1024Mi", "cpu": "2000m"}},
    });
    let labels = json!({"app": "web"});
    let manifest = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    });
    let with = json!({"namespace": SHOP, "manifest": manifest});
    let Some(stage) = one_step("kubectl/apply", &with) else { return };
    played(&stage, || {
        let web = stage.cluster.object("deployments", SHOP, "web");
        let limits = &web["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"];
        assert_eq!(limits, &json!({"memory": "1Gi", "cpu": "2"}), "as the server writes it");
    });
}

/// What is captured is kept in the journal, and a secret must not be.
#[test]
fn a_secret_is_not_applied() {
    let manifest = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"user": "arka"},
    });
    let with = json!({"namespace": SHOP, "manifest": manifest});
    let Some(stage) = one_step("kubectl/apply", &with) else { return };
    let shown = stage.project.run(&["exec", "one"]).code(1).to_string();
    assert!(shown.contains("it failed: its check does not hold: kind Secret"), "{shown}");
    assert_eq!(stage.cluster.changes().len(), 0);
}

/// The settings of an autoscaler that is over something else are not given to it.
#[test]
fn settings_are_given_only_to_the_autoscaler_of_the_deployment() {
    let with =
        json!({"namespace": SHOP, "hpa": "api-hpa", "deployment": "api", "min": 2, "max": 6, "cpu": 50});
    let Some(stage) = one_step("kubectl/hpa-apply", &with) else { return };
    stage.cluster.deployment(SHOP, "web", 2);
    stage.cluster.hpa(SHOP, "api-hpa", "deployment/web", 2, 4);
    let shown = stage.project.run(&["exec", "one"]).code(1).to_string();
    assert!(shown.contains("it failed: its check does not hold"), "{shown}");
    stage.cluster.remove("hpa", SHOP, "api-hpa");
    let shown = stage.project.run(&["resume"]).code(1).to_string();
    assert!(shown.contains("it failed: its check does not hold"), "none is made: {shown}");
    assert_eq!(stage.cluster.changes().len(), 0);

    stage.cluster.hpa(SHOP, "api-hpa", "deployment/api", 3, 4);
    stage.project.run(&["resume"]).code(0);
    let spec = stage.cluster.object("hpa", SHOP, "api-hpa")["spec"].clone();
    assert_eq!((&spec["maxReplicas"], spec["metrics"].as_array().map(Vec::len)), (&json!(6), Some(1)));
}

/// During a rollout that hangs the older pods are the ready ones, and the newer ones the updated: together they look like enough.
#[test]
fn ready_pods_of_an_older_version_do_not_count_for_the_newest() {
    let with = json!({"namespace": SHOP, "workload": "deployment/web", "replicas": 2, "within": "1s"});
    let Some(stage) = one_step("kubectl/ready", &with) else { return };
    let cluster = &stage.cluster;
    cluster.deployment(SHOP, "web", 8);
    cluster.wait_for("deployments", SHOP, "web", |it| it["status"]["readyReplicas"] == json!(8));
    stage.project.run(&["exec", "one"]).code(0);
    cluster.image_missing("registry.test/web:broken");
    let kubectl = Kubectl::new(cluster, SHOP).expect("the stage has one");
    kubectl.run(&["set", "image", "deployment/web", "web=registry.test/web:broken"]).ok();
    let hangs = cluster.wait_for("deployments", SHOP, "web", |it| {
        it["status"]["updatedReplicas"] == json!(4)
            && it["status"]["observedGeneration"] == it["metadata"]["generation"]
    });
    assert_eq!(hangs["status"]["readyReplicas"], json!(6), "those of before");
    let shown = stage.project.run(&["exec", "one"]).code(1).to_string();
    assert!(shown.contains("it failed: the gate does not hold"), "{shown}");
    kubectl.run(&["rollout", "undo", "deployment/web"]).ok();
    cluster.wait_for("deployments", SHOP, "web", |it| it["status"]["readyReplicas"] == json!(8));
    stage.project.run(&["resume"]).code(0);
}
