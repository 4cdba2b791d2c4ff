//! Pods that do not start.

use serde_json::json;

use super::{NAMESPACE, prod};
use crate::catalog::proof::Proof;
use crate::catalog::stage::Stage;
use crate::support::kube::Log;

const TYPED: [&str; 4] = ["--var", "env=prod", "--var", "steady=1s"];

#[test]
fn pods_not_starting_triage() {
    let mut proof = Proof::of("arka/pods-not-starting-triage");
    let Some(stage) = prod() else { return };
    proof.forwards(&stage, &TYPED, |shown| {
        assert!(shown.to_string().contains("all-started holds now, and must go on holding"), "{shown}");
        assert_eq!(stage.outputs()["pending"]["count"], 0);
    });
    proof.again(&stage, &TYPED);
    proof.back(&stage);

    let cluster = &stage.cluster;
    cluster.log(NAMESPACE, "policy-engine", Log { previous: true, ..Log::default() }, &["no such policy: x"]);
    cluster.crash(NAMESPACE, "policy-engine", 137, "OOMKilled");
    cluster.image_missing("registry.test/next:2");
    let next = json!([{"name": "next", "image": "registry.test/next:2"}]);
    cluster.deployment_with(NAMESPACE, "next", 1, &json!({"spec": {"containers": next}}));
    let large = json!({"requests": {"cpu": "16"}});
    let large = json!([{"name": "large", "image": "registry.test/large:1", "resources": large}]);
    cluster.deployment_with(NAMESPACE, "large", 1, &json!({"spec": {"containers": large}}));
    let soon = [&TYPED[..], &["--var", "settle=1s"]].concat();
    proof.failure(&stage, &soon, 1, |read, stage| {
        for wanted in [
            "| crash: policy-engine-",
            "OOMKilled 137",
            "no such policy: x",
            "| image: next-",
            "| capacity: large-",
            "runbook exec arka/scale-node-pool --var env=prod",
            "all-started failed: the gate does not hold",
        ] {
            assert!(read.contains(wanted), "no {wanted:?} in {read}");
        }
        assert_eq!(stage.cluster.changes().len(), 0, "it only looks");
    });
}

/// A server in a stateful set that does not start is as bad, and a namespace without any workload is not one where all is well.
#[test]
fn stateful_sets_count_and_nothing_is_no_success() {
    let Some(stage) = prod() else { return };
    let typed = [&["exec", "arka/pods-not-starting-triage", "--var", "settle=1s"], &TYPED[..]].concat();
    stage.cluster.limit_ready(NAMESPACE, "postgresql", 0);
    stage.cluster.statefulset(NAMESPACE, "postgresql", 1);
    let shown = stage.project.run(&typed).code(1).to_string();
    assert!(shown.contains("all-started failed: the gate does not hold"), "{shown}");

    let Some(empty) = Stage::new(NAMESPACE) else { return };
    let shown = empty.project.run(&typed).code(1).to_string();
    assert!(shown.contains("all-started failed: the gate does not hold"), "{shown}");
}

/// Most of the time a container that crashes waits for its next start. Else it runs, or has just ended; and an init container
/// leaves its pod pending. What ended once and is ready since, or is through, crashes no more.
#[test]
fn a_crash_is_found_between_two_restarts_and_in_an_init_container() {
    let Some(stage) = prod() else { return };
    let ended = json!({"terminated": {"exitCode": 1, "reason": "Error"}});
    let waits = json!({"state": {"waiting": {"reason": "PodInitializing"}}});
    let runs = json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}});
    let through = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
    let through = json!({"restartCount": 1, "ready": true, "lastState": ended, "state": through});
    let first = json!({"state": ended});
    let backs_off = json!({
        "restartCount": 3, "lastState": ended, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    });
    let again = json!({"restartCount": 3, "lastState": ended, "state": runs});
    let mut well = again.clone();
    well["ready"] = json!(true);
    for (name, phase, statuses) in [
        ("init-waits", "Pending", [&backs_off, &waits]),
        ("init-runs", "Pending", [&again, &waits]),
        ("init-ended", "Pending", [&first, &waits]),
        ("main-runs", "Running", [&through, &again]),
        ("main-ended", "Running", [&through, &first]),
        ("well", "Running", [&through, &well]),
        ("starting", "Pending", [&through, &waits]),
        ("job", "Failed", [&through, &first]),
    ] {
        stage.cluster.pod_with(NAMESPACE, name, phase, statuses);
    }
    let typed = [&["exec", "arka/pods-not-starting-triage", "--var", "settle=1s"], &TYPED[..]].concat();
    let shown = stage.project.run(&typed).to_string();
    let outputs = stage.outputs();
    let crashing = json!(["init-ended", "init-runs", "init-waits", "main-ended", "main-runs"]);
    assert_eq!(outputs["crashing"]["pods"], crashing, "{shown}");
    assert_eq!(outputs["pending"]["crash"], json!(["init-ended", "init-runs", "init-waits"]), "{shown}");
    assert_eq!(outputs["pending"]["other"], json!(["starting"]), "{shown}");
    assert!(shown.contains("| crash: init-ended, init-runs"), "{shown}");
}
