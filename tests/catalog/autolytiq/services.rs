//! One service, and all of them by the forecast table.

use serde_json::{Value, json};

use super::{NAMESPACE, SERVICES, prod};
use crate::catalog::proof::Proof;
use crate::catalog::stage::{Stage, difference};

/// Returns floor and ceiling of a service's autoscaler, and how many pods are ready.
fn scaled(stage: &Stage, namespace: &str, service: &str) -> (Value, Value, Value) {
    let hpa = stage.cluster.object("horizontalpodautoscalers", namespace, &format!("{service}-hpa"));
    let deployment = stage.cluster.object("deployments", namespace, service);
    let of = |value: &Value| value.clone();
    (
        of(&hpa["spec"]["minReplicas"]),
        of(&hpa["spec"]["maxReplicas"]),
        of(&deployment["status"]["readyReplicas"]),
    )
}

fn limits(min: i64, max: i64) -> (Value, Value, Value) {
    (json!(min), json!(max), json!(min))
}

#[test]
fn scale_service() {
    let mut proof = Proof::of("autolytiq/scale-service");
    let Some(stage) = prod() else { return };
    let typed = ["--var", "env=prod", "--var", "service=deal-service", "--var", "replicas=12"];
    proof.forwards(&stage, &typed, |_| {
        assert_eq!(scaled(&stage, NAMESPACE, "deal-service"), limits(12, 12), "the ceiling of 10 is raised");
        assert_eq!(scaled(&stage, NAMESPACE, "api-gateway"), limits(3, 10), "the others are left alone");
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    let pods = "horizontalpodautoscalers/deal-service-hpa";
    stage.cluster.fail_next("PATCH", pods, 409, "Conflict", 1);
    proof.failure(&stage, &typed, 1, |read, stage| {
        assert!(read.contains("floor[deal-service-hpa]") && read.contains("Conflict"), "{read}");
        assert_eq!(scaled(stage, NAMESPACE, "deal-service").0, json!(3), "nothing was changed");
    });
}

/// What the source types: it goes through, and the autoscaler takes it back.
#[test]
fn a_plain_scale_would_have_been_taken_back() {
    let Some(stage) = prod() else { return };
    stage.cluster.deployment(NAMESPACE, "worker", 2);
    let typed = ["--var", "env=prod", "--var", "service=worker", "--var", "replicas=4"];
    let exec = [&["exec", "scale-service", "--yes"], &typed[..]].concat();
    stage.project.run(&exec).code(0);
    let sent: Vec<String> = stage.cluster.changes().into_iter().map(|it| it.path).collect();
    assert_eq!(sent, ["/apis/apps/v1/namespaces/autolytiq-prod/deployments/worker/scale"]);
    let count = || stage.cluster.object("deployments", NAMESPACE, "worker")["spec"]["replicas"].clone();
    assert_eq!(count(), json!(4), "nobody owns this one, so its own count is set");

    stage.cluster.hpa(NAMESPACE, "worker-hpa", "deployment/worker", 2, 3);
    stage.cluster.wait_for("deployments", NAMESPACE, "worker", |it| it["spec"]["replicas"] == json!(3));
    stage.project.run(&exec).code(0);
    assert_eq!(scaled(&stage, NAMESPACE, "worker"), limits(4, 4), "with an autoscaler its floor is");
}

#[test]
fn scale_to_traffic_level() {
    let mut proof = Proof::of("autolytiq/scale-to-traffic-level");
    let Some(stage) = prod() else { return };
    let typed = ["--var", "env=prod", "--var", "traffic=peak"];
    proof.forwards(&stage, &typed, |_| {
        let found = SERVICES.map(|(service, _)| scaled(&stage, NAMESPACE, service));
        assert_eq!(found, [limits(8, 10), limits(6, 8), limits(8, 10), limits(5, 6), limits(5, 6)]);
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    // Somebody made the event's autoscaler of the source beside the one there is: both stop.
    stage.cluster.hpa(NAMESPACE, "api-gateway-hpa-event", "deployment/api-gateway", 5, 20);
    proof.failure(&stage, &typed, 1, |read, stage| {
        assert!(read.contains("owners failed: the gate does not hold"), "{read}");
        assert_eq!(scaled(stage, NAMESPACE, "api-gateway").0, json!(3), "nothing was changed");
    });
}

/// Invented: two services, one of them without an autoscaler, and other numbers.
const NIMBUS: &str = "
name: nimbus
environments:
  prod: {namespace: nimbus, autoscaled: [edge]}
replicas:
  normal: {edge: 2, billing: 1}
  high: {edge: 4, billing: 2}
  peak: {edge: 7, billing: 3}
  critical: {edge: 9, billing: 5}
hpa:
  edge: {name: edge-hpa, min: 2, max: 6}
";

/// Another platform is its table, with a link to the procedure beside it.
#[test]
fn a_new_platform_is_a_table() {
    let Some(stage) = Stage::new("nimbus") else { return };
    stage.cluster.deployment("nimbus", "edge", 2);
    stage.cluster.deployment("nimbus", "billing", 1);
    stage.cluster.hpa("nimbus", "edge-hpa", "deployment/edge", 2, 6);
    stage.project.write("runbooks/nimbus/platform.yaml", NIMBUS);
    let link = stage.project.root().join("runbooks/nimbus/scale-to-traffic-level.yaml");
    std::os::unix::fs::symlink("../autolytiq/scale-to-traffic-level.yaml", link).expect("a link");
    let before = stage.kept();
    let typed =
        ["exec", "nimbus/scale-to-traffic-level", "--yes", "--var", "env=prod", "--var", "traffic=peak"];
    stage.project.run(&typed).code(0);
    assert_eq!(scaled(&stage, "nimbus", "edge"), limits(7, 7));
    let billing = stage.cluster.object("deployments", "nimbus", "billing");
    assert_eq!(billing["status"]["readyReplicas"], json!(3));
    let shown = stage.project.run(&["runs", "--all"]).code(0);
    assert!(shown.to_string().contains("nimbus/scale-to-traffic-level"), "{shown}");
    stage.project.run(&["rollback", "--yes"]).code(0);
    assert_eq!(difference(&before, &stage.kept()), "");
}

/// A higher floor does not switch on an autoscaler that is off.
#[test]
fn a_service_at_zero_is_told_before_anything_is_changed() {
    let Some(stage) = prod() else { return };
    stage.cluster.remove("deployments", NAMESPACE, "deal-service");
    stage.cluster.deployment(NAMESPACE, "deal-service", 0);
    let hpa = "deal-service-hpa";
    stage.cluster.wait_for("horizontalpodautoscalers", NAMESPACE, hpa, |it| {
        it.to_string().contains("ScalingDisabled")
    });
    let typed = ["--var", "env=prod", "--var", "service=deal-service", "--var", "replicas=5"];
    let shown =
        stage.project.run(&[&["exec", "scale-service", "--yes"], &typed[..]].concat()).code(1).to_string();
    assert!(shown.contains("floor[deal-service-hpa] failed: its check does not hold"), "{shown}");
    assert_eq!(scaled(&stage, NAMESPACE, "deal-service").0, json!(3), "the floor is as it was");
}
