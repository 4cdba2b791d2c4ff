//! Pods that do not start.

use serde_json::json;

use super::{NAMESPACE, prod};
use crate::catalog::proof::Proof;
use crate::catalog::stage::Stage;
use crate::support::kube::Log;

const TYPED: [&str; 2] = ["--var", "env=prod"];

#[test]
fn pods_not_starting_triage() {
    let mut proof = Proof::of("arka/pods-not-starting-triage");
    let Some(stage) = prod() else { return };
    proof.forwards(&stage, &TYPED, |shown| {
        assert!(shown.to_string().contains("all-started"), "{shown}");
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
    let soon = ["--var", "env=prod", "--var", "settle=1s"];
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
    let typed = ["exec", "arka/pods-not-starting-triage", "--var", "env=prod", "--var", "settle=1s"];
    stage.cluster.limit_ready(NAMESPACE, "postgresql", 0);
    stage.cluster.statefulset(NAMESPACE, "postgresql", 1);
    let shown = stage.project.run(&typed).code(1).to_string();
    assert!(shown.contains("all-started failed: the gate does not hold"), "{shown}");

    let Some(empty) = Stage::new(NAMESPACE) else { return };
    let shown = empty.project.run(&typed).code(1).to_string();
    assert!(shown.contains("all-started failed: the gate does not hold"), "{shown}");
}
