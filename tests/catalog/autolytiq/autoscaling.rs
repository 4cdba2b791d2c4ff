//! The autoscalers: looking at them, tuning one, the event's settings, the configuration as a whole.

use serde_json::{Value, json};

use super::{NAMESPACE, SERVICES, prod};
use crate::catalog::proof::Proof;
use crate::catalog::stage::Stage;
use crate::support::kube::{Kubectl, Wants};

const HPA: &str = "api-gateway-hpa";

fn spec(stage: &Stage, hpa: &str) -> Value {
    stage.cluster.object("horizontalpodautoscalers", NAMESPACE, hpa)["spec"].clone()
}

/// Returns the targets, in percent, in their order.
fn targets(spec: &Value) -> Vec<(String, i64)> {
    let each = spec["metrics"].as_array().into_iter().flatten().map(|one| &one["resource"]);
    each.map(|one| {
        let percent = one["target"]["averageUtilization"].as_i64().unwrap_or_default();
        (one["name"].as_str().unwrap_or_default().to_owned(), percent)
    })
    .collect()
}

fn both(cpu: i64, memory: i64) -> Vec<(String, i64)> {
    vec![("cpu".to_owned(), cpu), ("memory".to_owned(), memory)]
}

/// What a person types who follows the source: the real client, past the runbooks.
fn typed_by_hand(stage: &Stage) -> Kubectl {
    Kubectl::new(&stage.cluster, NAMESPACE).expect("the stage has one, too")
}

fn reason(stage: &Stage, hpa: &str) -> String {
    let found = stage.cluster.object("horizontalpodautoscalers", NAMESPACE, hpa);
    let mut conditions = found["status"]["conditions"].as_array().into_iter().flatten();
    let active = conditions.find(|one| one["type"] == "ScalingActive");
    active.and_then(|one| one["reason"].as_str()).unwrap_or_default().to_owned()
}

/// Returns the line of the status table about an autoscaler.
fn line(shown: &str, hpa: &str) -> String {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let about = |line: &&str| line.trim_start_matches([' ', '|']).starts_with(&format!("{hpa} "));
    shown.lines().rfind(about).map(words).unwrap_or_default()
}

#[test]
fn autoscaling_status() {
    let mut proof = Proof::of("autolytiq/autoscaling-status");
    let Some(stage) = prod() else { return };
    let typed = ["--var", "env=prod", "--var", "service=api-gateway"];
    proof.forwards(&stage, &typed, |shown| {
        let shown = shown.to_string();
        let seen = line(&shown, HPA);
        assert_eq!(seen, "| api-gateway-hpa 3 3-10 enabled ValidMetricFound cpu 70/70, memory 80/80");
        assert!(shown.contains("Deployment pods:"), "one of them is described: {shown}");
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    stage.cluster.hpa(NAMESPACE, "api-gateway-hpa-event", "deployment/api-gateway", 5, 20);
    stage.cluster.wait_for("hpa", NAMESPACE, HPA, |hpa| hpa.to_string().contains("AmbiguousSelector"));
    proof.failure(&stage, &typed, 1, |read, _| {
        assert!(read.contains("owners failed") || read.contains("works[api-gateway] failed"), "{read}");
        let seen = line(read, HPA);
        assert!(seen.ends_with("3-10 enabled AmbiguousSelector cpu ?/70, memory ?/80"), "{seen}");
    });
}

/// The source looks for an annotation, which kubectl itself writes, and which no controller reads.
#[test]
fn annotations_say_nothing_about_scale_down() {
    let Some(stage) = prod() else { return };
    let kubectl = typed_by_hand(&stage);
    let found = kubectl.run(&["get", "hpa", HPA, "-o", "json"]);
    kubectl.run_with(&["apply", "-f", "-"], found.ok()).ok();
    let said = kubectl.run(&["get", "hpa", HPA, "-o", "yaml"]);
    assert!(said.ok().contains("annotations"), "grep finds this whatever is set: {}", said.stdout);

    let status = ["exec", "autoscaling-status", "--var", "env=prod"];
    let down = |stage: &Stage| {
        let shown = stage.project.run(&status).code(0).to_string();
        line(&shown, HPA).split(' ').nth(4).unwrap_or_default().to_owned()
    };
    let disabled = "autoscaling.alpha.kubernetes.io/scale-down-disabled=true";
    kubectl.run(&["annotate", "hpa", HPA, disabled]).ok();
    assert_eq!(down(&stage), "enabled", "nobody reads that one");
    // As it is: the autoscaler takes pods away all the same.
    kubectl.run(&["scale", "deployment/api-gateway", "--replicas=6"]).ok();
    stage.cluster.wait_for("deployments", NAMESPACE, "api-gateway", |it| it["spec"]["replicas"] == json!(3));

    let body = r#"{"spec":{"behavior":{"scaleDown":{"selectPolicy":"Disabled"}}}}"#;
    kubectl.run(&["patch", "hpa", HPA, "--type=merge", "-p", body]).ok();
    assert_eq!(down(&stage), "disabled", "this is what counts");
}

#[test]
fn tune_hpa() {
    let mut proof = Proof::of("autolytiq/tune-hpa");
    let Some(stage) = prod() else { return };
    let typed = ["--var", "env=prod", "--var", "service=api-gateway", "--var", "max=15", "--var", "cpu=60"];
    proof.forwards(&stage, &typed, |_| {
        let spec = spec(&stage, HPA);
        assert_eq!((&spec["minReplicas"], &spec["maxReplicas"]), (&json!(3), &json!(15)));
        assert_eq!(targets(&spec), both(60, 80), "the target for memory is still there");
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    stage.cluster.fail_next("PATCH", "horizontalpodautoscalers/api-gateway-hpa", 422, "Invalid", 1);
    let typed = ["--var", "env=prod", "--var", "service=api-gateway", "--var", "memory=60"];
    proof.failure(&stage, &typed, 1, |read, stage| {
        assert!(read.contains("memory-target failed") && read.contains("Invalid"), "{read}");
        assert_eq!(targets(&spec(stage, HPA)), both(70, 80), "nothing was changed");
    });
}

/// The patch of the source's kind, on the list of metrics, and what is done in place of it.
#[test]
fn a_patch_that_names_cpu_alone_takes_memory_away() {
    let Some(stage) = prod() else { return };
    let kubectl = typed_by_hand(&stage);
    let cpu = json!({"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}});
    let body = json!({"spec": {"metrics": [{"type": "Resource", "resource": cpu}]}}).to_string();
    kubectl.run(&["patch", "hpa", "deal-service-hpa", "-p", &body]).ok();
    assert_eq!(targets(&spec(&stage, "deal-service-hpa")), [("cpu".to_owned(), 50)], "as the source has it");

    let tune = ["exec", "tune-hpa", "--yes", "--var", "env=prod", "--var", "cpu=50", "--var"];
    stage.project.run(&[&tune[..], &["service=api-gateway"]].concat()).code(0);
    assert_eq!(targets(&spec(&stage, HPA)), both(50, 80));
    let sent: Vec<String> = stage.cluster.changes().into_iter().map(|it| it.body).collect();
    let tests_first = sent.last().is_some_and(|body| {
        let operations: Value = serde_json::from_str(body).unwrap_or_default();
        operations[0]["op"] == "test"
            && operations[1]["value"] == json!(70)
            && operations[2]["op"] == "replace"
    });
    assert!(tests_first, "{sent:#?}");

    // A metric that is not there is not made up.
    let tune = ["exec", "tune-hpa", "--yes", "--var", "env=prod", "--var", "memory=60", "--var"];
    let shown = stage.project.run(&[&tune[..], &["service=deal-service"]].concat()).code(1).to_string();
    assert!(
        shown.contains("memory-target failed: its check does not hold: metrics 1 item, metric memory"),
        "{shown}"
    );
}

/// Of the source: what the autoscaler of api-gateway has during an event.
fn event_settings() -> Value {
    let metric = |name: &str, percent: i64| {
        let target = json!({"type": "Utilization", "averageUtilization": percent});
        json!({"type": "Resource", "resource": {"name": name, "target": target}})
    };
    json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api-gateway"},
        "minReplicas": 5, "maxReplicas": 20, "metrics": [metric("cpu", 50), metric("memory", 60)],
        "behavior": {
            "scaleUp": {
                "stabilizationWindowSeconds": 60, "selectPolicy": "Max",
                "policies": [{"type": "Pods", "value": 4, "periodSeconds": 60}],
            },
            "scaleDown": {
                "stabilizationWindowSeconds": 300, "selectPolicy": "Max",
                "policies": [{"type": "Percent", "value": 25, "periodSeconds": 60}],
            },
        },
    })
}

#[test]
fn event_hpa() {
    let mut proof = Proof::of("autolytiq/event-hpa");
    let Some(stage) = prod() else { return };
    let typed = ["--var", "env=prod"];
    proof.forwards(&stage, &typed, |_| {
        let mut spec = spec(&stage, HPA);
        // What the server fills in where the source says nothing: stronger than what it says in neither direction.
        for direction in ["scaleUp", "scaleDown"] {
            assert_eq!(spec["behavior"][direction]["selectPolicy"], "Max");
            let policies = spec["behavior"][direction]["policies"].as_array_mut().expect("a list");
            assert_eq!(policies.len(), 1, "{direction}");
        }
        assert_eq!(spec, event_settings());
        let ready = &stage.cluster.object("deployments", NAMESPACE, "api-gateway")["status"]["readyReplicas"];
        assert_eq!(ready, &json!(5));
        assert_eq!(reason(&stage, HPA), "ValidMetricFound");
    });
    proof.again(&stage, &typed);
    proof.back(&stage);

    // As the source has it: a second one is applied, kubectl is content, and both stop.
    let second = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "api-gateway-hpa-event"}, "spec": event_settings(),
    });
    typed_by_hand(&stage).run_with(&["apply", "-f", "-"], &second.to_string()).ok();
    for hpa in [HPA, "api-gateway-hpa-event"] {
        let stopped = |it: &Value| it["status"].to_string().contains("AmbiguousSelector");
        stage.cluster.wait_for("hpa", NAMESPACE, hpa, stopped);
    }
    proof.failure(&stage, &typed, 1, |read, stage| {
        assert!(read.contains("alone failed: the gate does not hold"), "{read}");
        assert!(read.contains("api-gateway-hpa api-gateway-hpa-event"), "it names both: {read}");
        assert_eq!(spec(stage, HPA)["maxReplicas"], json!(10), "nothing was changed");
    });
    // Taken away, as the message says, and resumed.
    stage.cluster.remove("hpa", NAMESPACE, "api-gateway-hpa-event");
    stage.cluster.wait_for("hpa", NAMESPACE, HPA, |it| it["status"].to_string().contains("ValidMetricFound"));
    stage.project.run(&["resume"]).code(0);
    assert_eq!(spec(&stage, HPA), event_settings());
}

/// What `pre-scale-event` has set is not replaced while the event goes on.
#[test]
fn an_event_that_runs_is_left_alone() {
    let Some(stage) = prod() else { return };
    let refused = |patch: &str, said: &str| {
        typed_by_hand(&stage).run(&["patch", "hpa", HPA, "--type=merge", "-p", patch]).ok();
        let before = spec(&stage, HPA);
        let shown =
            stage.project.run(&["exec", "event-hpa", "--yes", "--var", "env=prod"]).code(1).to_string();
        assert!(shown.contains("no-event failed: the gate does not hold"), "{shown}");
        assert!(shown.contains(said), "{shown}");
        stage.project.run(&["rollback", "--yes"]).code(0);
        assert_eq!(spec(&stage, HPA), before);
    };
    refused(r#"{"spec": {"minReplicas": 8, "maxReplicas": 20}}"#, "minReplicas 8");
    let disabled = r#"{"spec": {"minReplicas": 3, "behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}}"#;
    refused(disabled, "selectPolicy Disabled");
}

/// An autoscaler somebody has turned at, no budget, and a cluster autoscaler with two of its flags.
fn drifted() -> Option<Stage> {
    let stage = prod()?;
    let kubectl = typed_by_hand(&stage);
    let body = r#"[{"op":"replace","path":"/spec/maxReplicas","value":15},
        {"op":"replace","path":"/spec/metrics/0/resource/target/averageUtilization","value":90}]"#;
    kubectl.run(&["patch", "hpa", HPA, "--type=json", "-p", body]).ok();
    stage.cluster.configmap("kube-system", "cluster-autoscaler-config", json!({"expander": "random"}));
    let command = ["./cluster-autoscaler", "--expander=least-waste", "--scale-down-unneeded-time=5m"];
    let pod = json!({"containers": [{"name": "cluster-autoscaler", "image": "ca:1", "command": command}]});
    let labels = json!({"app": "cluster-autoscaler"});
    let deployment = json!({
        "metadata": {"name": "cluster-autoscaler", "labels": labels},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    });
    stage.cluster.seed("deployments", "kube-system", deployment);
    Some(stage)
}

#[test]
fn autoscaling_config() {
    let mut proof = Proof::of("autolytiq/autoscaling-config");
    let Some(stage) = drifted() else { return };
    let typed = ["--var", "env=prod", "--var", "config_map=true"];
    proof.forwards(&stage, &typed, |shown| {
        for (service, (min, max)) in SERVICES {
            let spec = spec(&stage, &format!("{service}-hpa"));
            assert_eq!((&spec["minReplicas"], &spec["maxReplicas"]), (&json!(min), &json!(max)), "{service}");
            assert_eq!(targets(&spec), both(70, 80), "{service}");
        }
        let budget = stage.cluster.object("poddisruptionbudgets", NAMESPACE, "api-gateway-pdb");
        let wanted = json!({"minAvailable": 2, "selector": {"matchLabels": {"app": "api-gateway"}}});
        assert_eq!(budget["spec"], wanted);
        let map = stage.cluster.object("configmaps", "kube-system", "cluster-autoscaler-config");
        assert_eq!(map["data"]["expander"], "least-waste");
        assert_eq!(map["data"]["scale-down-utilization-threshold"], "0.5");
        // The trap: nobody reads that map. The flags are what they were, and the run says that they differ.
        let shown = shown.to_string();
        assert!(shown.contains("node-flags-agree holds, but only just: --scale-down"), "{shown}");
        let missing = stage.project.run(&["logs", &stage.project.newest(), "node-flags-agree"]).code(0);
        let missing = missing.to_string();
        assert!(missing.contains("--scale-down-unneeded-time=10m"), "{missing}");
        assert!(!missing.contains("--expander"), "that one it has: {missing}");
        let flags = stage.cluster.object("deployments", "kube-system", "cluster-autoscaler");
        assert!(flags.to_string().contains("--scale-down-unneeded-time=5m"), "never changed here");
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    let body = r#"{"spec":{"behavior":{"scaleDown":{"selectPolicy":"Disabled"}}}}"#;
    typed_by_hand(&stage).run(&["patch", "hpa", "deal-service-hpa", "--type=merge", "-p", body]).ok();
    proof.failure(&stage, &typed, 1, |read, stage| {
        assert!(read.contains("no-event failed: the gate does not hold: deal-service-hpa"), "{read}");
        assert_eq!(spec(stage, HPA)["maxReplicas"], json!(15), "nothing was changed");
    });
}

/// `kubectl apply` takes away what an earlier one had named and this one does not.
#[test]
fn what_the_table_does_not_say_of_an_autoscaler_stays() {
    let Some(stage) = drifted() else { return };
    let mut manifest = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": HPA, "labels": {"team": "platform"}}, "spec": spec(&stage, HPA),
    });
    manifest["spec"]["behavior"] = json!({"scaleDown": {"stabilizationWindowSeconds": 600}});
    typed_by_hand(&stage).run_with(&["apply", "-f", "-"], &manifest.to_string()).ok();
    let before = spec(&stage, HPA);
    let exec = ["exec", "autoscaling-config", "--yes", "--var", "env=prod"];
    stage.project.run(&exec).code(0);
    let after = stage.cluster.object("horizontalpodautoscalers", NAMESPACE, HPA);
    assert_eq!(after["spec"]["maxReplicas"], json!(10), "it was applied");
    assert_eq!(after["spec"]["behavior"], before["behavior"]);
    assert_eq!(after["metadata"]["labels"]["team"], "platform");

    // Somebody needs more than the table's floor.
    let raised = r#"{"spec": {"minReplicas": 6}}"#;
    typed_by_hand(&stage).run(&["patch", "hpa", HPA, "--type=merge", "-p", raised]).ok();
    let shown = stage.project.run(&exec).code(1).to_string();
    let refused = "not-raised[api-gateway] failed: the gate does not hold: minReplicas 6";
    assert!(shown.contains(refused), "{shown}");
    assert_eq!(spec(&stage, HPA)["minReplicas"], json!(6), "nothing was changed");
}

/// A budget is about evictions: the autoscaler takes pods away straight through it.
#[test]
fn a_budget_keeps_no_autoscaler_from_scaling_down() {
    let Some(stage) = prod() else { return };
    stage.cluster.pdb(NAMESPACE, "api-gateway-pdb", "api-gateway", 3);
    let up = ["exec", "scale-service", "--yes", "--var", "env=prod", "--var", "service=api-gateway", "--var"];
    stage.project.run(&[&up[..], &["replicas=6"]].concat()).code(0);
    stage.cluster.hpa_wants(NAMESPACE, HPA, Wants::Replicas(1));
    stage.project.run(&[&up[..], &["replicas=1"]].concat()).code(0);
    stage.cluster.wait_for("deployments", NAMESPACE, "api-gateway", |it| it["spec"]["replicas"] == json!(1));
}
