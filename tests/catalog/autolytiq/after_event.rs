//! When the event is over: wait until traffic is normal, and put everything back to the normal level.

use std::rc::Rc;

use serde_json::{Value, json};

use super::aurora::{instance, used};
use super::{Limits, NAMESPACE, SERVICES};
use crate::catalog::proof::Proof;
use crate::catalog::stage::Stage;
use crate::support::kube::Wants;
use crate::support::moto::Moto;

/// What an event at peak traffic has.
const EVENT: [(&str, Limits); 5] = [
    ("api-gateway", (8, 20)),
    ("auth-service", (6, 16)),
    ("deal-service", (8, 20)),
    ("customer-service", (5, 12)),
    ("inventory-service", (5, 12)),
];

const WRITER: &str = "DBInstanceIdentifier=autolytiq-prod-writer";

/// Prod at the end of the event: traffic is what it was before, so that the floors alone hold the pods.
fn prod_after_event() -> Option<(Stage, Rc<Moto>)> {
    let moto = Rc::new(Moto::start()?);
    moto.aurora(NAMESPACE, 8.0, 64.0);
    instance(&moto, NAMESPACE, "autolytiq-prod-writer");
    used(&moto, WRITER, 9.0);
    let stage = Stage::new(NAMESPACE)?;
    for ((service, (min, max)), (_, (normal, _))) in EVENT.into_iter().zip(SERVICES) {
        stage.cluster.deployment(NAMESPACE, service, min);
        let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": service});
        let metric = |name: &str, percent: i64| {
            let target = json!({"type": "Utilization", "averageUtilization": percent});
            json!({"type": "Resource", "resource": {"name": name, "target": target}})
        };
        let spec = json!({
            "scaleTargetRef": target, "minReplicas": min, "maxReplicas": max,
            "metrics": [metric("cpu", 70), metric("memory", 80)],
            "behavior": {"scaleDown": {"selectPolicy": "Disabled"}},
        });
        let name = format!("{service}-hpa");
        stage.cluster.seed("hpa", NAMESPACE, json!({"metadata": {"name": name}, "spec": spec}));
        stage.cluster.hpa_wants(NAMESPACE, &name, Wants::Replicas(normal));
    }
    for (service, (min, _)) in EVENT {
        stage
            .cluster
            .wait_for("deployments", NAMESPACE, service, |it| it["status"]["readyReplicas"] == json!(min));
        looked(&stage, &format!("{service}-hpa"), |percent| percent < 70);
    }
    let stage = stage.aws(&moto)?;
    let read = moto.clone();
    let stage = stage.watched("aurora", move || json!(read.capacity(NAMESPACE)));
    Some((stage, moto))
}

/// Waits until an autoscaler has measured such a cpu percentage.
fn looked(stage: &Stage, hpa: &str, wanted: impl Fn(i64) -> bool) {
    stage.cluster.wait_for("horizontalpodautoscalers", NAMESPACE, hpa, |it| {
        let cpu = &it["status"]["currentMetrics"][0]["resource"]["current"]["averageUtilization"];
        cpu.as_i64().is_some_and(&wanted)
    });
}

fn spec(stage: &Stage, service: &str) -> Value {
    stage.cluster.object("horizontalpodautoscalers", NAMESPACE, &format!("{service}-hpa"))["spec"].clone()
}

/// The limits that an autoscaler was given so far, one after the other.
fn limits_sent(stage: &Stage, service: &str) -> Vec<Limits> {
    let path = format!("/horizontalpodautoscalers/{service}-hpa");
    let sent = stage.cluster.changes().into_iter().filter(|it| it.path.ends_with(&path));
    let limits = |body: String| {
        let patch: Value = serde_json::from_str(&body).expect("kubectl sends JSON");
        let operations = patch.as_array()?.iter().filter(|one| one["op"] == "replace");
        let of = |limit: &str| {
            let path = format!("/spec/{limit}");
            operations.clone().find(|one| one["path"] == path.as_str())?["value"].as_i64()
        };
        Some((of("minReplicas")?, of("maxReplicas")?))
    };
    sent.filter_map(|it| limits(it.body)).collect()
}

#[test]
fn post_peak_scale_down() {
    let mut proof = Proof::of("autolytiq/post-peak-scale-down");
    let Some((stage, moto)) = prod_after_event() else { return };
    let typed = ["--var", "env=prod", "--var", "calm=1s", "--var", "patience=2m", "--var", "steady=1s"];
    proof.forwards(&stage, &typed, |_| {
        for (service, (min, max)) in SERVICES {
            let spec = spec(&stage, service);
            assert_eq!((&spec["minReplicas"], &spec["maxReplicas"]), (&json!(min), &json!(max)), "{service}");
            assert_eq!(spec["behavior"]["scaleDown"]["selectPolicy"], "Max", "{service}");
            // It was waited for: they have come down by themselves.
            let ready = &stage.cluster.object("deployments", NAMESPACE, service)["status"]["readyReplicas"];
            assert_eq!(ready, &json!(min), "{service}");
        }
        assert_eq!(moto.capacity(NAMESPACE), (2.0, 16.0));
        let scaled = stage.cluster.changes().iter().filter(|it| it.path.ends_with("/scale")).count();
        assert_eq!(scaled, 0, "the autoscalers did it, nobody else");
        // A ceiling below the pods there are would end them at once: it comes when they are fewer.
        assert_eq!(limits_sent(&stage, "api-gateway"), [(3, 20), (3, 10)]);
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    assert_eq!(spec(&stage, "api-gateway")["behavior"]["scaleDown"]["selectPolicy"], "Disabled");

    // Nine pods' worth of load on one service: the hour does not begin, and nothing is taken away.
    stage.cluster.hpa_wants(NAMESPACE, "api-gateway-hpa", Wants::Replicas(9));
    looked(&stage, "api-gateway-hpa", |percent| percent >= 70);
    let typed = ["--var", "env=prod", "--var", "calm=1s", "--var", "patience=3s", "--var", "steady=1s"];
    proof.failure(&stage, &typed, 1, |read, stage| {
        assert!(read.contains("calm[api-gateway] failed: the gate does not hold"), "{read}");
        assert!(read.contains("8 pods at 78 % cpu") || read.contains("9 pods at 70 % cpu"), "{read}");
        assert_eq!(spec(stage, "api-gateway")["minReplicas"], json!(8), "nothing was changed");
    });
    assert_eq!(moto.capacity(NAMESPACE), (8.0, 64.0));
}

/// The services are calm, and the database is not: it keeps the capacity that it uses.
#[test]
fn a_database_that_is_busy_keeps_its_capacity() {
    let Some((stage, moto)) = prod_after_event() else { return };
    used(&moto, WRITER, 20.0);
    let typed = ["--var", "env=prod", "--var", "calm=1s", "--var", "patience=2m", "--var", "steady=1s"];
    let exec = [&["exec", "post-peak-scale-down", "--yes"], &typed[..]].concat();
    let shown = stage.project.run(&exec).code(1).to_string();
    let refused =
        "used[autolytiq-prod-writer] failed: the gate does not hold: highest 20.0, points 1, max 16";
    assert!(shown.contains(refused), "{shown}");
    assert_eq!(moto.capacity(NAMESPACE), (8.0, 64.0));
}

/// Without autoscalers the load is what `kubectl top` says; without metrics nobody can tell, and nothing is taken away.
#[test]
fn without_autoscalers_it_measures_the_pods() {
    let Some(moto) = Moto::start() else { return };
    let staging = "autolytiq-staging";
    moto.aurora(staging, 8.0, 64.0);
    instance(&moto, staging, "autolytiq-staging-writer");
    used(&moto, "DBInstanceIdentifier=autolytiq-staging-writer", 9.0);
    let Some(stage) = Stage::new(staging) else { return };
    for (service, (min, _)) in EVENT {
        stage.cluster.deployment(staging, service, min);
    }
    // 8 pods that use 250m each: at the normal target of 70 % of 200m that is the load of 14.
    stage.cluster.usage(staging, "api-gateway", 250, 128);
    let Some(stage) = stage.aws(&moto) else { return };
    let typed = |patience: &'static str| {
        let exec =
            ["exec", "post-peak-scale-down", "--yes", "--var", "env=staging", "--var", "calm=1s", "--var"];
        [&exec[..], &[patience]].concat()
    };
    let shown = stage.project.run(&typed("patience=3s")).code(1).to_string();
    let busy = "calm-without-autoscaler[api-gateway] failed: the gate does not hold";
    assert!(shown.contains(busy), "{shown}");
    stage.project.run(&["rollback", "--yes"]).code(0);
    stage.cluster.metrics(false);
    let shown = stage.project.run(&typed("patience=3s")).code(1).to_string();
    assert!(shown.contains("could not tell") && shown.contains("Metrics API not available"), "{shown}");
    stage.project.run(&["rollback", "--yes"]).code(0);
    assert_eq!((stage.cluster.changes().len(), moto.capacity(staging)), (0, (8.0, 64.0)));

    stage.cluster.metrics(true);
    stage.cluster.usage(staging, "api-gateway", 50, 128);
    stage.project.run(&typed("patience=2m")).code(0);
    for (service, (normal, _)) in SERVICES {
        let replicas = &stage.cluster.object("deployments", staging, service)["spec"]["replicas"];
        assert_eq!(replicas, &json!(normal), "{service}");
    }
    assert_eq!(moto.capacity(staging), (2.0, 16.0));
}
