//! Rollouts: followed for a time, and a failure that is over is not taken for one.

use serde_json::json;

use super::{SHOP, runbook};
use crate::catalog::stage::Stage;
use crate::support::kube::Kubectl;
use crate::support::tools;

fn shop() -> Option<(Stage, Kubectl)> {
    let stage = Stage::new(SHOP)?;
    let kubectl = Kubectl::new(&stage.cluster, SHOP)?;
    Some((stage, kubectl))
}

fn followed(stage: &Stage, within: &str) {
    let with = json!({"namespace": SHOP, "workload": "deployment/api", "within": within});
    runbook(stage, &[("rollout", "kubectl/rollout-status", with)]);
}

/// `kubectl rollout status` waits for ever on a pod that no node has room for.
#[test]
fn a_rollout_without_room_ends_with_its_time() {
    let Some((stage, kubectl)) = shop() else { return };
    let large =
        json!({"name": "api", "image": "registry.test/api:1", "resources": {"requests": {"cpu": "300"}}});
    stage.cluster.deployment_with(SHOP, "api", 2, &json!({"spec": {"containers": [large]}}));
    followed(&stage, "3s");
    let shown = stage.project.run(&["exec", "one"]).code(1).to_string();
    assert!(shown.contains("rollout failed: it exited with 1"), "{shown}");
    assert!(shown.contains("0 of 2 updated replicas are available"), "it says what it waited for: {shown}");
    assert!(shown.contains("timed out waiting") && !shown.contains("attempt 2"), "{shown}");
    assert_eq!(
        kubectl
            .run(&["get", "pods", "--field-selector=status.phase=Pending", "-o", "name"])
            .ok()
            .lines()
            .count(),
        2
    );
}

/// Just after `kubectl rollout undo` the failure before it may be told once more.
#[test]
fn a_failure_that_was_undone_is_asked_about_again_and_one_that_stays_is_one() {
    let Some((stage, kubectl)) = shop() else { return };
    stage.cluster.deployment(SHOP, "api", 2);
    stage.cluster.wait_for("deployments", SHOP, "api", |it| it["status"]["readyReplicas"] == json!(2));
    stage.cluster.limit_ready(SHOP, "api", 2);
    let broken = json!([
        {"op": "add", "path": "/spec/progressDeadlineSeconds", "value": 1},
        {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "registry.test/api:broken"},
    ]);
    kubectl.run(&["patch", "deployment", "api", "--type=json", "-p", &broken.to_string()]).ok();
    let late = "error: deployment \"api\" exceeded its progress deadline";
    stage
        .cluster
        .wait_for("deployments", SHOP, "api", |it| it.to_string().contains("ProgressDeadlineExceeded"));
    followed(&stage, "20s");
    let shown = stage.project.run(&["exec", "one"]).code(1).to_string();
    assert!(shown.contains(late) && shown.contains("attempt 3"), "it stays so: {shown}");

    kubectl.run(&["rollout", "undo", "deployment/api"]).ok();
    stage.cluster.unlimit_ready(SHOP, "api");
    let (real, told) =
        (tools::require("kubectl").expect("the stage has it"), stage.project.root().join("../told"));
    let (real, told) = (real.display(), told.display());
    let once = format!(
        "case \"$*\" in *'rollout status'*) [ -e '{told}' ] || {{ : > '{told}'; echo '{late}' >&2; exit 1; }};; esac"
    );
    stage.client("kubectl", &format!("{once}\nexec '{real}' \"$@\""));
    let shown = stage.project.run(&["exec", "one"]).code(0).to_string();
    assert!(shown.contains("attempt 1 of 3") || shown.contains("attempt 2"), "{shown}");
}
