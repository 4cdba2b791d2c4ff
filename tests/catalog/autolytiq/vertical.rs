//! What pods request and may use: set, recommended, compared.

use serde_json::{Value, json};

use super::{NAMESPACE, prod};
use crate::catalog::proof::Proof;
use crate::catalog::stage::{Stage, difference};
use crate::support::kube::Kubectl;

const OVERLAY: &str = "app/infrastructure/k8s/overlays/prod";
const VPA: &str = "verticalpodautoscalers.autoscaling.k8s.io";

/// Prod with the overlay of the checkout, whose kustomization reads the patch file.
fn with_overlay() -> Option<Stage> {
    let stage = prod()?;
    let kustomization = "resources: [../../base]\npatches:\n  - path: resource-patch.yaml\n";
    stage.project.write(&format!("{OVERLAY}/kustomization.yaml"), kustomization);
    let file = stage.project.root().join(OVERLAY).join("resource-patch.yaml");
    let stage = stage.and_namespace("autolytiq-staging");
    stage.cluster.deployment("autolytiq-staging", "deal-service", 1);
    Some(stage.watched("the overlay", move || json!(std::fs::read_to_string(&file).ok())))
}

fn resources(stage: &Stage, service: &str) -> Value {
    let deployment = stage.cluster.object("deployments", NAMESPACE, service);
    deployment["spec"]["template"]["spec"]["containers"][0]["resources"].clone()
}

#[test]
fn resize_pods() {
    let mut proof = Proof::of("autolytiq/resize-pods");
    let Some(stage) = with_overlay() else { return };
    let typed = ["--var", "env=prod", "--var", "service=deal-service", "--var", "permanent=true"];
    proof.forwards(&stage, &typed, |_| {
        // The table has 1000m and 1024Mi: quantities come back in their shortest form.
        let set =
            json!({"requests": {"cpu": "300m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}});
        assert_eq!(resources(&stage, "deal-service"), set);
        let status = &stage.cluster.object("deployments", NAMESPACE, "deal-service")["status"];
        assert_eq!((&status["updatedReplicas"], &status["replicas"]), (&json!(3), &json!(3)), "rolled out");
        assert_eq!(resources(&stage, "api-gateway")["limits"]["cpu"], "500m", "the others are left alone");
        let sent: Vec<String> = stage.cluster.changes().into_iter().map(|it| it.path).collect();
        assert_eq!(
            sent,
            ["/apis/apps/v1/namespaces/autolytiq-prod/deployments/deal-service"],
            "and staging is"
        );
        let written = std::fs::read_to_string(stage.project.root().join(OVERLAY).join("resource-patch.yaml"));
        let written = written.expect("the overlay was written");
        assert_eq!(written.matches("kind: Deployment").count(), 7);
        let of_deals = "        - name: deal-service
          resources:
            requests:
              memory: \"512Mi\"
              cpu: \"300m\"
            limits:
              memory: \"1024Mi\"
              cpu: \"1000m\"
";
        assert!(written.contains(of_deals), "{written}");
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    // More than a node has: the new pods find no room.
    let large = [
        "--var",
        "env=prod",
        "--var",
        "service=deal-service",
        "--var",
        "cpu_request=6",
        "--var",
        "cpu_limit=6",
    ];
    proof.failure(&stage, &[&large[..], &["--var", "ready_within=2s"]].concat(), 1, |read, stage| {
        assert!(read.contains("resources failed: its verify gate does not hold"), "{read}");
        assert!(
            read.contains("updatedReplicas 1, replicas 3") && read.contains("runbook rollback"),
            "{read}"
        );
        let status = &stage.cluster.object("deployments", NAMESPACE, "deal-service")["status"];
        assert_eq!(status["readyReplicas"], json!(3), "the old pods go on");
    });
}

/// `kubectl set resources` can't take a value away: with 0 it sets one.
#[test]
fn what_had_no_resources_has_none_again() {
    let Some(stage) = prod() else { return };
    let containers = json!([
        {"name": "worker", "image": "registry.test/worker:1.0.0"},
        {"name": "proxy", "image": "registry.test/proxy:1.0.0", "resources": {"limits": {"memory": "64Mi"}}},
    ]);
    stage.cluster.deployment_with(NAMESPACE, "worker", 2, &json!({"spec": {"containers": containers}}));
    let before = stage.kept();
    let typed = ["exec", "resize-pods", "--yes", "--var", "env=prod", "--var", "service=worker"];
    let shown = stage.project.run(&typed).code(1);
    assert!(shown.to_string().contains("values failed: the gate does not hold: cpu_request none"), "{shown}");
    stage.project.run(&["rollback", "--yes"]).code(0);

    let values = "{cpu_request: 100m, cpu_limit: 2000m, memory_request: 128Mi, memory_limit: 2048Mi}";
    stage.project.write("values.yaml", values);
    let typed = [&typed[..], &["--vars-file", "values.yaml"]].concat();
    stage.project.run(&typed).code(0);
    let set =
        json!({"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "2", "memory": "2Gi"}});
    assert_eq!(resources(&stage, "worker"), set);
    let found = stage.cluster.object("deployments", NAMESPACE, "worker");
    let beside = &found["spec"]["template"]["spec"]["containers"][1]["resources"];
    assert_eq!(beside, &json!({"limits": {"memory": "64Mi"}}), "the container beside it is left alone");

    // The same in other words is the same: nothing is sent.
    let first = stage.project.newest();
    let calls = stage.calls().len();
    stage.project.write(
        "values.yaml",
        "{cpu_request: '0.1', cpu_limit: '2', memory_request: 131072Ki, memory_limit: 2Gi}",
    );
    stage.project.run(&typed).code(0);
    assert_eq!(stage.changing_calls(calls), [""; 0]);
    // As what the source types: it says nothing at all, and so nobody could tell it from a success.
    let Some(kubectl) = Kubectl::new(&stage.cluster, NAMESPACE) else { return };
    let again =
        ["set", "resources", "deployment/worker", "--containers=worker", "--limits=cpu=2000m,memory=2048Mi"];
    assert_eq!(kubectl.run(&again).ok(), "");

    stage.project.run(&["rollback", &first, "--yes"]).code(0);
    assert_eq!(resources(&stage, "worker"), json!({}));
    assert_eq!(difference(&before, &stage.kept()), "");
}

/// A value that is not given stays as it is, and so does everything that is not CPU or memory.
#[test]
fn one_value_alone_can_be_set() {
    let Some(stage) = prod() else { return };
    let runbook = "runbook: more-memory
title: More memory
steps:
  - id: more
    uses: kubectl/set-resources
    with: {namespace: autolytiq-prod, workload: deployment/api-gateway, container: api-gateway, memory_limit: 1Gi}
";
    stage.project.write("runbooks/more-memory.yaml", runbook);
    let before = stage.kept();
    stage.project.run(&["exec", "more-memory"]).code(0);
    let set =
        json!({"requests": {"cpu": "200m", "memory": "256Mi"}, "limits": {"cpu": "500m", "memory": "1Gi"}});
    assert_eq!(resources(&stage, "api-gateway"), set);
    stage.project.run(&["rollback", "--yes"]).code(0);
    assert_eq!(difference(&before, &stage.kept()), "");
    // The pods of a paused deployment would not be replaced, whatever is set.
    let kubectl = Kubectl::new(&stage.cluster, NAMESPACE).expect("the stage has one");
    kubectl.run(&["rollout", "pause", "deployment/api-gateway"]).ok();
    let shown = stage.project.run(&["exec", "more-memory"]).code(1);
    assert!(shown.to_string().contains("more failed: its check does not hold"), "{shown}");
    assert_eq!(resources(&stage, "api-gateway")["limits"]["memory"], "512Mi");
}

/// What is to last is what the table says, in a file that the overlay reads.
#[test]
fn an_overlay_is_written_only_where_it_lasts() {
    let Some(stage) = with_overlay() else { return };
    let typed = [
        "exec",
        "resize-pods",
        "--yes",
        "--var",
        "env=prod",
        "--var",
        "service=deal-service",
        "--var",
        "permanent=true",
    ];
    let shown = stage.project.run(&[&typed[..], &["--var", "cpu_limit=2"]].concat()).code(1);
    assert!(shown.to_string().contains("lasting failed: the gate does not hold"), "{shown}");
    assert_eq!(stage.cluster.changes().len(), 0);
    stage.project.run(&["rollback", "--yes"]).code(0);

    stage.project.write(&format!("{OVERLAY}/resource-patch.yaml"), "# by hand\n");
    let before = stage.kept();
    stage.project.run(&typed).code(0);
    stage.project.run(&["rollback", "--yes"]).code(0);
    assert_eq!(difference(&before, &stage.kept()), "", "what stood there by hand is back");

    stage.project.write(&format!("{OVERLAY}/kustomization.yaml"), "resources: [../../base]\n");
    let shown = stage.project.run(&typed).code(1);
    assert!(shown.to_string().contains("used failed: the gate does not hold"), "{shown}");
    stage.project.run(&["rollback", "--yes"]).code(0);
    assert_eq!(difference(&before, &stage.kept()), "");
}

#[test]
fn vpa_recommendations() {
    let mut proof = Proof::of("autolytiq/vpa-recommendations");
    let Some(stage) = prod() else { return };
    stage.cluster.install_vpa();
    stage.cluster.usage(NAMESPACE, "deal-service", 420, 700);
    let typed = ["--var", "env=prod", "--var", "service=deal-service"];
    proof.forwards(&stage, &typed, |shown| {
        let vpa = stage.cluster.object("verticalpodautoscalers", NAMESPACE, "deal-service-vpa");
        assert_eq!(vpa["spec"]["updatePolicy"]["updateMode"], "Off");
        let policy = json!({
            "containerName": "deal-service", "minAllowed": {"cpu": "100m", "memory": "256Mi"},
            "maxAllowed": {"cpu": "4", "memory": "4Gi"},
        });
        assert_eq!(vpa["spec"]["resourcePolicy"]["containerPolicies"], json!([policy]));
        let changed: Vec<String> = stage.cluster.changes().into_iter().map(|it| it.path).collect();
        let only = "/apis/autoscaling.k8s.io/v1/namespaces/autolytiq-prod/verticalpodautoscalers";
        assert_eq!(changed, [only], "no pod and no deployment is touched");
        assert!(shown.to_string().contains("deal-service       cpu       200m    500m  420m"), "{shown}");
        assert!(shown.to_string().contains("256Mi   512Mi  700Mi"), "{shown}");
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    stage.cluster.remove("crd", "", VPA);
    let sent = stage.cluster.changes().len();
    proof.failure(&stage, &typed, 1, |read, stage| {
        assert!(read.contains("installed failed: the gate does not hold"), "{read}");
        assert!(
            read.contains("customresourcedefinition verticalpodautoscalers.autoscaling.k8s.io"),
            "{read}"
        );
        assert_eq!(stage.cluster.changes().len(), sent, "nothing was changed");
    });
}

/// Without its custom resource what the source types fails in words that name no cause; an outage is not that.
#[test]
fn a_cluster_without_the_vpa_is_told_from_one_that_does_not_answer() {
    let Some(stage) = prod() else { return };
    let Some(kubectl) = Kubectl::new(&stage.cluster, NAMESPACE) else { return };
    let said = kubectl.run(&["describe", "vpa", "deal-service-vpa"]);
    assert_eq!(said.failed(1), "error: the server doesn't have a resource type \"vpa\"\n");
    stage.cluster.fail_next("GET", &format!("customresourcedefinitions/{VPA}"), 500, "InternalError", 9);
    let typed =
        ["exec", "vpa-recommendations", "--yes", "--var", "env=prod", "--var", "service=deal-service"];
    let shown = stage.project.run(&typed).code(1);
    assert!(shown.to_string().contains("installed failed: the gate could not tell"), "{shown}");
    assert!(shown.to_string().contains("InternalError"), "{shown}");
}

/// One that was there, with other bounds and a mode that evicts, is put back as it was.
#[test]
fn a_vpa_that_was_there_is_put_back() {
    let Some(stage) = prod() else { return };
    stage.cluster.install_vpa();
    let spec = json!({
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "deal-service"},
        "updatePolicy": {"updateMode": "Auto", "minReplicas": 2},
    });
    let metadata = json!({"name": "deal-service-vpa", "labels": {"team": "deals"}});
    stage.cluster.seed("vpa", NAMESPACE, json!({"metadata": metadata, "spec": spec}));
    let before = stage.kept();
    let typed =
        ["exec", "vpa-recommendations", "--yes", "--var", "env=prod", "--var", "service=deal-service"];
    stage.project.run(&typed).code(0);
    let vpa = stage.cluster.object("verticalpodautoscalers", NAMESPACE, "deal-service-vpa");
    assert_eq!(vpa["spec"]["updatePolicy"]["updateMode"], "Off");
    stage.project.run(&["rollback", "--yes"]).code(0);
    assert_eq!(difference(&before, &stage.kept()), "");
}

#[test]
fn right_size() {
    let mut proof = Proof::of("autolytiq/right-size");
    let Some(stage) = prod() else { return };
    stage.cluster.usage(NAMESPACE, "auth-service", 320, 400);
    stage.cluster.usage(NAMESPACE, "customer-service", 20, 40);
    let typed = ["--var", "env=prod"];
    proof.forwards(&stage, &typed, |shown| {
        let read = shown.to_string();
        // 320m of 500m is 64 %, 400Mi of 512Mi is 78 %: above what is acceptable, below what is critical.
        for row in [
            "api-gateway          well         3    60m  30%  12%   128Mi  50%  25%\n",
            "auth-service         tight        3   320m 160%  64%   400Mi 156%  78%\n",
            "customer-service     large        2    20m  10%   4%    40Mi  16%   8%\n",
        ] {
            assert!(read.contains(row), "{row}\n{read}");
        }
        assert!(read.contains("room holds, but only just: critical none"), "{read}");
        assert!(
            read.contains(
                "runbook exec autolytiq/vpa-recommendations --var env=prod --var service=customer-service"
            ),
            "{read}"
        );
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    stage.cluster.usage(NAMESPACE, "auth-service", 320, 450);
    let shown = stage.project.run(&["exec", "right-size", "--var", "env=prod"]).code(1);
    assert!(
        shown.to_string().contains("room failed: the gate does not hold: critical auth-service"),
        "{shown}"
    );
    stage.cluster.metrics(false);
    proof.failure(&stage, &typed, 1, |read, stage| {
        assert!(
            read.contains("usage failed: it exited with 1")
                && read.contains("error: Metrics API not available"),
            "{read}"
        );
        assert_eq!(stage.cluster.changes().len(), 0);
    });
}
