//! kubectl: what it says late, what it says for everything, and what somebody else does meanwhile.

use std::path::Path;
use std::thread;

use serde_json::{Value, json};

use super::{SHOP, hurried, runbook};
use crate::catalog::stage::Stage;
use crate::support::kube::{Cluster, Kubectl, Settings};
use crate::support::search;
use crate::support::tools;

/// A shop with one service and its autoscaler, which looks only when it is told to.
fn unhurried() -> Option<(Stage, Kubectl)> {
    let cluster = Cluster::with(Settings { hpa_sync: None, ..Settings::default() });
    let stage = Stage::on(cluster, SHOP)?;
    stage.cluster.deployment(SHOP, "api", 3);
    stage.cluster.hpa(SHOP, "api-hpa", "deployment/api", 3, 10);
    stage.cluster.wait_for("deployments", SHOP, "api", |it| it["status"]["readyReplicas"] == json!(3));
    stage.cluster.look();
    let kubectl = Kubectl::new(&stage.cluster, SHOP)?;
    Some((stage, kubectl))
}

fn floor(min: i64) -> Value {
    json!({"namespace": SHOP, "hpa": "api-hpa", "deployment": "api", "min": min, "max": 10, "ready_within": "20s"})
}

/// What `kubectl get hpa` shows under REPLICAS is what its autoscaler saw when it last looked, and counts pods that only start.
#[test]
fn what_an_autoscaler_says_of_the_replicas_is_late_and_its_deployment_is_asked() {
    let Some((stage, kubectl)) = unhurried() else { return };
    let replicas = || {
        let said = kubectl.run(&["get", "hpa", "api-hpa", "-o", "jsonpath={.status.currentReplicas}"]);
        said.ok().to_owned()
    };
    let ready = || stage.cluster.object("deployments", SHOP, "api")["status"]["readyReplicas"].clone();
    runbook(&stage, &[("up", "kubectl/hpa-floor", floor(6))]);
    thread::scope(|scope| {
        scope.spawn(|| {
            stage.cluster.wait_for("hpa", SHOP, "api-hpa", |it| it["spec"]["minReplicas"] == json!(6));
            stage.cluster.look();
        });
        stage.project.run(&["exec", "one"]).code(0);
    });
    assert_eq!((ready(), replicas().as_str()), (json!(6), "3"), "who asks the autoscaler waits too long");

    stage.cluster.look();
    stage.cluster.limit_ready(SHOP, "api", 4);
    stage.lose_pods(SHOP, "api");
    stage.cluster.wait_for("deployments", SHOP, "api", |it| it["status"]["readyReplicas"] == json!(4));
    stage.cluster.look();
    assert_eq!((ready(), replicas().as_str()), (json!(4), "6"), "or takes four pods for six");
    let with = json!({"namespace": SHOP, "workload": "deployment/api", "replicas": 6, "within": "1s"});
    runbook(&stage, &[("ready", "kubectl/ready", with)]);
    let shown = stage.project.run(&["exec", "one"]).code(1).to_string();
    assert!(
        shown.contains("ready failed: the gate does not hold") && shown.contains("readyReplicas 4"),
        "{shown}"
    );
}

/// A floor says nothing to an autoscaler whose deployment is at 0.
#[test]
fn a_floor_brings_nothing_back_from_zero() {
    let Some((stage, kubectl)) = unhurried() else { return };
    kubectl.run(&["scale", "deployment/api", "--replicas=0"]).ok();
    stage.cluster.look();
    kubectl.run(&["patch", "hpa", "api-hpa", "--type=merge", "-p", r#"{"spec":{"minReplicas":5}}"#]).ok();
    stage.cluster.look();
    assert_eq!(replicas(&stage), json!(0), "patched, and nothing comes of it");
    stage.cluster.forget_requests();
    runbook(&stage, &[("up", "kubectl/hpa-floor", floor(6))]);
    let shown = stage.project.run(&["exec", "one"]).code(1).to_string();
    assert!(shown.contains("up failed: its check does not hold"), "{shown}");
    assert_eq!(stage.cluster.changes().len(), 0, "so it is not patched at all");
}

fn replicas(stage: &Stage) -> Value {
    stage.cluster.object("deployments", SHOP, "api")["spec"]["replicas"].clone()
}

/// A shop without an autoscaler, and a runbook that wants five pods where there are three. Of the first `kubectl scale` that
/// is no trial, these lines of shell are made.
fn scaled_by_two(first: &str) -> Option<Stage> {
    let stage = Stage::new(SHOP)?;
    stage.cluster.deployment(SHOP, "api", 3);
    let (real, begun) = (tools::require("kubectl")?, stage.project.root().join("../begun"));
    let (real, begun) = (real.display(), begun.display());
    let once = format!("[ -e '{begun}' ] || {{ : > '{begun}'; {first}; }}");
    let lines = format!(
        "kubectl() {{ '{real}' -n shop \"$@\"; }}\ncase \"$*\" in *dry-run*) ;; *' scale '*) {once};; esac\nexec '{real}' \"$@\""
    );
    stage.client("kubectl", &lines);
    let with = json!({"namespace": SHOP, "workload": "deployment/api", "replicas": 5, "ready_within": "20s"});
    runbook(&stage, &[("up", "kubectl/scale", with)]);
    Some(stage)
}

/// Who types a count sets it, whatever there is. The step sets it over what it has seen, and over nothing else.
#[test]
fn what_somebody_else_scales_meanwhile_is_left() {
    let Some(stage) = scaled_by_two("kubectl scale deployment/api --replicas=7 >/dev/null") else { return };
    let shown = stage.project.run(&["exec", "one"]).code(1).to_string();
    assert!(shown.contains("error: Expected replicas to be 3, was 7"), "{shown}");
    assert_eq!(replicas(&stage), json!(7));
    let shown = stage.project.run(&["rollback", "--yes"]).code(5).to_string();
    assert!(shown.contains("deployment/api has 7 replicas: somebody else has scaled it"), "{shown}");
    assert!(shown.contains("kubectl --namespace=shop scale deployment/api --replicas=3"), "{shown}");
    assert!(!shown.contains("attempt 2"), "it is an answer: {shown}");
    assert_eq!(replicas(&stage), json!(7));
    let kubectl = Kubectl::new(&stage.cluster, SHOP).expect("the stage has one");
    kubectl.run(&["scale", "deployment/api", "--replicas=5"]).ok();
    assert_eq!(replicas(&stage), json!(5), "as the source types it: two pods are gone, and nobody was told");
}

/// What a run saw may be hours old when it is resumed.
#[test]
fn a_floor_that_was_raised_while_a_run_lay_still_is_not_lowered() {
    let Some((stage, kubectl)) = unhurried() else { return };
    let mut with = floor(6);
    with["never_lower"] = json!(true);
    runbook(&stage, &[("up", "kubectl/hpa-floor", with)]);
    stage.cluster.fail_next("PATCH", "horizontalpodautoscalers", 500, "InternalError", 1);
    stage.project.run(&["exec", "one"]).code(1);
    let patch = r#"{"spec":{"minReplicas":8,"maxReplicas":30}}"#;
    kubectl.run(&["patch", "hpa", "api-hpa", "--type=merge", "-p", patch]).ok();
    stage.cluster.look();
    let shown = stage.project.run(&["resume"]).code(1).to_string();
    assert!(shown.contains("api-hpa has 8 to 30 now, and had 3 to 10 when it was looked at"), "{shown}");
    let spec = stage.cluster.object("hpa", SHOP, "api-hpa")["spec"].clone();
    assert_eq!((&spec["minReplicas"], &spec["maxReplicas"]), (&json!(8), &json!(30)), "{shown}");
}

/// The guard of `kubectl scale` alone would refuse what it did itself.
#[test]
fn a_scale_whose_answer_was_lost_is_found_done() {
    let lost = "kubectl \"$@\" >/dev/null; echo 'error: http2: client connection lost' >&2; exit 1";
    let Some(stage) = scaled_by_two(lost) else { return };
    let shown = stage.project.run(&["exec", "one"]).code(0).to_string();
    assert_eq!(replicas(&stage), json!(5), "{shown}");
    stage.project.run(&["rollback", "--yes"]).code(0);
    assert_eq!(replicas(&stage), json!(3));
    let kubectl = Kubectl::new(&stage.cluster, SHOP).expect("the stage has one");
    kubectl.run(&["scale", "deployment/api", "--replicas=5"]).ok();
    let again = kubectl.run(&["scale", "deployment/api", "--current-replicas=3", "--replicas=5"]);
    assert_eq!(again.failed(1), "error: Expected replicas to be 3, was 5\n");
}

/// An editor waits for a person; a patch does not.
#[test]
fn an_editor_waits_for_a_person_and_a_patch_does_not() {
    let Some((stage, kubectl)) = unhurried() else { return };
    // It waits as one does that has a terminal.
    stage.client("waiting", "sleep 60");
    let mut environment = kubectl.environment();
    let editor = stage.project.root().join("../bin/waiting").display().to_string();
    environment.push(("KUBE_EDITOR".to_owned(), editor));
    let typed = "timeout 2 kubectl -n shop edit hpa api-hpa";
    let said = tools::run(tools::command(Path::new("sh"), &["-c", typed], &environment), "");
    assert_eq!(said.code, Some(124), "it did not end by itself: {}", said.stderr);
    let with = json!({"namespace": SHOP, "hpa": "api-hpa", "metric": "cpu", "percent": 50});
    runbook(&stage, &[("target", "kubectl/hpa-target", with)]);
    stage.project.run(&["exec", "one"]).code(0);
    let spec = stage.cluster.object("hpa", SHOP, "api-hpa")["spec"].clone();
    assert_eq!(spec["metrics"][0]["resource"]["target"]["averageUtilization"], json!(50));
}

/// Every gate of kubectl with what it must be given, on a shop where each of them holds or does not.
fn gates() -> Vec<(&'static str, &'static str, Value)> {
    let hpa = |more: Value| {
        let mut with = json!({"namespace": SHOP, "hpa": "api-hpa", "deployment": "api", "within": "1s"});
        json_patch::merge(&mut with, &more);
        with
    };
    vec![
        ("can-i", "kubectl/can-i", json!({"namespace": SHOP, "verb": "patch", "resource": "deployments"})),
        ("crd-exists", "kubectl/crd-exists", json!({"crd": "verticalpodautoscalers.autoscaling.k8s.io"})),
        ("hpa-conditions", "kubectl/hpa-conditions", json!({"namespace": SHOP, "hpa": "api-hpa"})),
        ("hpa-settled", "kubectl/hpa-settled", hpa(json!({"hold": "0s"}))),
        ("hpa-state", "kubectl/hpa-state", hpa(json!({}))),
        ("metrics-available", "kubectl/metrics-available", json!({"namespace": SHOP, "within": "1s"})),
        (
            "ready",
            "kubectl/ready",
            json!({"namespace": SHOP, "workload": "deployment/api", "replicas": 3, "within": "1s"}),
        ),
        ("vpa-view", "kubectl/vpa-view", json!({"namespace": SHOP, "vpa": "api-vpa", "within": "1s"})),
    ]
}

/// kubectl exits with 1 for "no" and for every trouble alike. That nobody answered, or that the login is not valid, is no "no".
#[test]
fn a_gate_that_nobody_answers_could_not_tell() {
    let steps = Path::new(env!("CARGO_MANIFEST_DIR")).join("steps/kubectl");
    let is_gate = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("\ngate:");
    let files = search::files(&steps).into_iter().filter(|(_, bytes)| is_gate(bytes));
    let shipped: Vec<String> =
        files.filter_map(|(path, _)| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    let tried: Vec<&str> = gates().iter().map(|(name, ..)| *name).collect();
    assert_eq!(tried, shipped, "every template that is a gate");

    let Some((mut stage, kubectl)) = unhurried() else { return };
    runbook(&stage, &gates());
    let all_could_not_tell = |stage: &Stage, why: &str| {
        let shown = stage.project.run(&["exec", "one"]).code(1).to_string();
        for name in &tried {
            let told = |line: &str| line.contains(&format!("{name} ")) || line.contains(&format!("{name}:"));
            let line = shown.lines().find(|line| told(line) && line.contains("could not tell"));
            assert!(line.is_some_and(|line| line.contains(why)), "{name}: {shown}");
        }
        assert!(!shown.contains("does not hold"), "{shown}");
        stage.project.run(&["rollback", "--yes"]).code(0);
    };
    for method in ["GET", "POST"] {
        stage.cluster.fail_next(method, "/", 401, "Unauthorized", 10_000);
    }
    let said = kubectl.run(&["get", "deployment", "api"]);
    assert!(said.failed(1).contains("must be logged in"), "{}", said.stderr);
    all_could_not_tell(&stage, "must be logged in");

    // A port that nobody listens on.
    let gone = Cluster::start();
    let config = stage.project.root().join("gone");
    gone.kubeconfig(&config, SHOP);
    drop(gone);
    stage = stage.env("KUBECONFIG", &config.display().to_string());
    all_could_not_tell(&stage, "was refused");
}

/// `kubectl diff` exits with 1 for a difference and with more for trouble: the one is a "no", the other is none.
#[test]
fn a_difference_is_told_from_a_comparison_that_failed() {
    let Some(stage) = Stage::new(SHOP) else { return };
    let Some(kubectl) = tools::require("kubectl") else { return };
    let manifest = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flags"}, "data": {"TZ": "UTC"},
    });
    runbook(&stage, &[("it", "kubectl/apply", json!({"namespace": SHOP, "manifest": manifest}))]);
    hurried(&stage, "kubectl/apply", ("within: 30s", "within: 1s"));
    let path = kubectl.display();
    let applied = |before_diff: &str| {
        stage.client(
            "kubectl",
            &format!("case \"$*\" in *' diff '*) {before_diff};; esac\nexec '{path}' \"$@\""),
        );
        stage.project.run(&["exec", "one"]).code(1).to_string()
    };
    let other = r#"{"data":{"TZ":"CET"}}"#;
    let shown = applied(&format!("'{path}' -n shop patch configmap flags -p '{other}' >/dev/null"));
    assert!(shown.contains("it failed: its verify gate does not hold"), "{shown}");
    stage.project.run(&["rollback", "--yes"]).code(0);
    let shown = applied("set -- --server=http://127.0.0.1:1 \"$@\"");
    assert!(shown.contains("it failed: its verify gate could not tell"), "{shown}");
    assert!(shown.contains("connection refused"), "what kubectl says of it: {shown}");
}
