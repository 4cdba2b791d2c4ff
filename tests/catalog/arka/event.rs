//! Before and after an event: limits by helm, and PostgreSQL's connections.

use serde_json::{Value, json};

use super::servers::{Releases, connections, nothing_installed};
use super::{NAMESPACE, SERVICES};
use crate::catalog::proof::Proof;
use crate::catalog::stage::Stage;
use crate::support::helm::Helm;
use crate::support::kube::{Kubectl, Wants};
use crate::support::postgres::Postgres;

/// The platform in normal times, with a primary and a standby whose settings are watched.
fn arka() -> Option<(Releases, Postgres, Postgres)> {
    let mut releases = nothing_installed()?;
    releases.platform();
    let (primary, standby) = releases.replicated_postgres()?;
    for (name, server) in [("primary", primary.clone()), ("standby", standby.clone())] {
        releases.stage = releases.stage.watched(name, move || connections(&server));
    }
    Some((releases, primary, standby))
}

/// Returns floor and ceiling of each service's autoscaler.
fn limits(releases: &Releases) -> [(Value, Value); 4] {
    SERVICES.map(|(service, _)| {
        let hpa =
            releases.stage.cluster.object("horizontalpodautoscalers", NAMESPACE, &format!("{service}-hpa"));
        (hpa["spec"]["minReplicas"].clone(), hpa["spec"]["maxReplicas"].clone())
    })
}

fn of(four: [(i64, i64); 4]) -> [(Value, Value); 4] {
    four.map(|(min, max)| (json!(min), json!(max)))
}

const NORMAL: [(i64, i64); 4] = [(2, 10), (3, 20), (2, 10), (2, 8)];
const EVENT: [(i64, i64); 4] = [(5, 30), (10, 50), (2, 10), (2, 8)];
const TYPED: [&str; 4] = ["--var", "env=prod", "--approve", "connections/go"];

#[test]
fn pre_scale_event() {
    let mut proof = Proof::of("arka/pre-scale-event");
    let Some((releases, primary, standby)) = arka() else { return };
    let stage = &releases.stage;
    proof.forwards(stage, &TYPED, |shown| {
        assert_eq!(limits(&releases), of(EVENT));
        for (service, ready) in [("usage-metering", 10), ("license-authority", 5), ("policy-engine", 2)] {
            let status = &stage.cluster.object("deployments", NAMESPACE, service)["status"];
            assert_eq!(status["readyReplicas"], json!(ready), "{service}");
        }
        for server in [&primary, &standby] {
            assert_eq!(connections(server), json!(["500", "500"]));
        }
        let upgrades = stage.changing_calls(0).iter().filter(|call| call.starts_with("helm ")).count();
        assert_eq!((upgrades, releases.revision("arka").1), (1, 2), "{shown}");
    });
    proof.again(stage, &TYPED[..2]);
    proof.back(stage);
    assert_eq!(limits(&releases), of(NORMAL));

    // Helm would put 20 over it, as it does for who types the source's commands.
    let patch = ["patch", "hpa", "usage-metering-hpa", "-p", "{\"spec\":{\"maxReplicas\":40}}"];
    releases.kubectl(&patch).ok();
    proof.failure(stage, &TYPED, 1, |read, _| {
        let said = "no-drift failed: the gate does not hold: HorizontalPodAutoscaler usage-metering-hpa:";
        assert!(read.contains(said), "{read}");
        assert_eq!(connections(&primary), json!(["100", "100"]), "nothing was changed");
    });
    releases
        .helm
        .run(&["upgrade", "arka", &releases.chart(), "--reuse-values", "--set", "policyEngine.replicas=2"])
        .ok();
    assert_eq!(limits(&releases), of(NORMAL), "as helm does it, though another value was set");
}

#[test]
fn post_event_scale_down() {
    let mut proof = Proof::of("arka/post-event-scale-down");
    let Some((releases, primary, standby)) = arka() else { return };
    let stage = &releases.stage;
    stage.project.run(&[&["exec", "arka/pre-scale-event", "--yes"], &TYPED[..]].concat()).code(0);
    // What the source types to restore all this.
    let one = [
        "upgrade",
        "arka",
        &releases.chart(),
        "--reuse-values",
        "--set",
        "usageMetering.autoscaling.maxReplicas=20",
    ];
    releases.helm.run(&one).ok();
    assert_eq!(limits(&releases), of([(5, 30), (10, 20), (2, 10), (2, 8)]), "one of four limits");
    assert_eq!(connections(&primary), json!(["500", "500"]), "and no connections");
    releases.helm.run(&[&one[..5], &["usageMetering.autoscaling.maxReplicas=50"]].concat()).ok();

    let load = |metering, authority| {
        stage.cluster.hpa_wants(NAMESPACE, "usage-metering-hpa", Wants::Replicas(metering));
        stage.cluster.hpa_wants(NAMESPACE, "license-authority-hpa", Wants::Replicas(authority));
    };
    load(3, 2);
    let soon = ["--var", "normal_for=2s", "--var", "every=1s", "--var", "wait_at_most=90s"];
    let typed = [&TYPED[..], &soon[..]].concat();
    proof.forwards(stage, &typed, |_| {
        assert_eq!(limits(&releases), of(NORMAL));
        for server in [&primary, &standby] {
            assert_eq!(connections(server), json!(["100", "100"]));
        }
        let three = |it: &Value| it["status"]["readyReplicas"] == json!(3);
        stage.cluster.wait_for("deployments", NAMESPACE, "usage-metering", three);
    });
    proof.again(stage, &typed);
    proof.back(stage);
    assert_eq!(limits(&releases), of(EVENT));

    load(15, 2);
    let busy = |it: &Value| it["status"]["desiredReplicas"] == json!(15);
    stage.cluster.wait_for("horizontalpodautoscalers", NAMESPACE, "usage-metering-hpa", busy);
    let short =
        [&TYPED[..], &["--var", "normal_for=2s", "--var", "every=1s", "--var", "wait_at_most=4s"]].concat();
    proof.failure(stage, &short, 1, |read, _| {
        assert!(read.contains("traffic-normal[usage-metering] failed"), "{read}");
        assert_eq!(limits(&releases), of(EVENT), "nothing is taken away while it is busy");
        assert_eq!(connections(&primary), json!(["500", "500"]));
    });
}

/// An autoscaler ends at once what stands above a ceiling that was lowered: the ceilings wait until the pods are gone by themselves.
#[test]
fn the_ceilings_go_back_after_the_pods() {
    let Some((releases, primary, _standby)) = arka() else { return };
    let stage = &releases.stage;
    for node in ["node-3", "node-4", "node-5", "node-6"] {
        stage.cluster.node(node);
    }
    stage.project.run(&[&["exec", "arka/pre-scale-event", "--yes"], &TYPED[..]].concat()).code(0);
    stage.cluster.hpa_wants(NAMESPACE, "license-authority-hpa", Wants::Replicas(2));
    stage.cluster.hpa_wants(NAMESPACE, "usage-metering-hpa", Wants::Replicas(25));
    let ready = |number: i64| {
        let is = move |it: &Value| it["status"]["readyReplicas"] == json!(number);
        stage.cluster.wait_for("deployments", NAMESPACE, "usage-metering", is);
    };
    ready(25);
    // The load has gone, and the autoscaler is in no hurry, as a policy or its window may tell it.
    let behavior = |policy: &str| {
        let body = json!({"spec": {"behavior": {"scaleDown": {"selectPolicy": policy}}}}).to_string();
        releases.kubectl(&["patch", "hpa", "usage-metering-hpa", "-p", &body]).ok();
    };
    behavior("Disabled");
    stage.cluster.hpa_wants(NAMESPACE, "usage-metering-hpa", Wants::Replicas(3));
    let soon = [
        "--var",
        "normal_for=1s",
        "--var",
        "every=1s",
        "--var",
        "wait_at_most=60s",
        "--var",
        "settle_within=3s",
    ];
    let typed = [&["exec", "arka/post-event-scale-down", "--yes"], &TYPED[..], &soon[..]].concat();
    let shown = stage.project.run(&typed).code(1).to_string();
    assert!(shown.contains("settled[usage-metering] failed: the gate does not hold"), "{shown}");
    assert_eq!(limits(&releases), of([(2, 30), (3, 50), (2, 10), (2, 8)]), "the floors only");
    ready(25);
    assert_eq!(connections(&primary), json!(["500", "500"]));
    behavior("Max");
    ready(3);
    stage.project.run(&[&["resume"], &TYPED[2..]].concat()).code(0);
    assert_eq!(limits(&releases), of(NORMAL));
}

/// In staging the load is what `kubectl top` says; without metrics nobody can tell, and nothing is taken away.
#[test]
fn without_autoscalers_it_measures_the_pods() {
    let Some((stage, _kubectl, helm, chart)) = staging() else { return };
    let Some(primary) = Postgres::start() else { return };
    let settings = format!("{},usageMetering.replicas=10,licenseAuthority.replicas=5", off());
    helm.run(&["install", "arka", &chart, "--set", &settings, "--wait", "--timeout", "60s"]).ok();
    // 10 pods that use 150m each: three would have to do 1500m, and request 750m.
    stage.cluster.usage(STAGING, "usage-metering", 150, 128);
    stage.cluster.usage(STAGING, "license-authority", 20, 128);
    let exec = |at_most: &str| {
        let typed =
            ["exec", "arka/post-event-scale-down", "--yes", "--var", "env=staging", "--var", "every=1s"];
        stage.project.run(&[&typed[..], &["--var", "normal_for=1s", "--var", at_most]].concat())
    };
    let shown = exec("wait_at_most=3s").code(1).to_string();
    let busy = "traffic-normal-without-autoscaler[usage-metering] failed: the gate does not hold";
    assert!(shown.contains(busy), "{shown}");
    stage.project.run(&["rollback", "--yes"]).code(0);
    stage.cluster.metrics(false);
    let shown = exec("wait_at_most=3s").code(1).to_string();
    assert!(shown.contains("could not tell") && shown.contains("Metrics API not available"), "{shown}");
    stage.project.run(&["rollback", "--yes"]).code(0);
    assert_eq!(stage.changing_calls(0), [""; 0]);

    stage.cluster.metrics(true);
    stage.cluster.usage(STAGING, "usage-metering", 40, 128);
    helm.repository("bitnami");
    helm.run(&["install", "postgresql", "bitnami/postgresql", "--wait", "--timeout", "60s"]).ok();
    primary.user("arka", "");
    primary.lives_in(&stage.cluster, STAGING, "postgresql-0");
    exec("wait_at_most=60s").code(0);
    for (service, normal) in [("usage-metering", 3), ("license-authority", 2)] {
        let replicas = &stage.cluster.object("deployments", STAGING, service)["spec"]["replicas"];
        assert_eq!(replicas, &json!(normal), "{service}");
    }
}

/// The upgrade resets every object of the release, not only the two autoscalers of the event.
#[test]
fn what_was_changed_by_hand_elsewhere_in_the_release_stops_both() {
    let Some((releases, primary, _standby)) = arka() else { return };
    let floor = ["patch", "hpa", "policy-engine-hpa", "-p", "{\"spec\":{\"minReplicas\":4}}"];
    releases.kubectl(&floor).ok();
    for runbook in ["arka/pre-scale-event", "arka/post-event-scale-down"] {
        let shown = releases.stage.project.run(&[&["exec", runbook, "--yes"], &TYPED[..]].concat()).code(1);
        let shown = shown.to_string();
        let said = "no-drift failed: the gate does not hold: HorizontalPodAutoscaler policy-engine-hpa:";
        assert!(shown.contains(said), "{shown}");
        let run = releases.stage.project.newest();
        let printed = releases.stage.project.run(&["logs", &run, "no-drift"]);
        releases.stage.project.run(&["rollback", &run, "--yes"]).code(0);
        assert!(printed.to_string().contains("-minReplicas: 4\n+minReplicas: 2"), "{printed}");
    }
    assert_eq!(connections(&primary), json!(["100", "100"]), "nothing was changed");
}

const STAGING: &str = "arka-staging";

/// Staging, with a helm and the chart of the platform, of which nothing is installed.
fn staging() -> Option<(Stage, Kubectl, Helm, String)> {
    let stage = Stage::new(STAGING)?;
    let kubectl = Kubectl::new(&stage.cluster, STAGING)?;
    let helm = Helm::new(&kubectl)?;
    let chart = Helm::charts().join("arka-engine").display().to_string();
    std::fs::create_dir_all(stage.project.root().join("charts")).expect("a folder");
    std::os::unix::fs::symlink(&chart, stage.project.root().join("charts/arka-engine")).expect("a link");
    stage.client("helm", &helm.line());
    Some((stage, kubectl, helm, chart))
}

/// Returns the settings of the chart without autoscalers.
fn off() -> String {
    ["usageMetering", "licenseAuthority", "policyEngine", "attestationService"]
        .map(|service| format!("{service}.autoscaling.enabled=false"))
        .join(",")
}

/// Staging has no autoscalers: the replicas themselves are set there, and more than the event wants are not taken away.
#[test]
fn without_autoscalers_it_lowers_nothing_either() {
    let Some((stage, _kubectl, helm, chart)) = staging() else { return };
    let settings = format!("{},usageMetering.replicas=12", off());
    helm.run(&["install", "arka", &chart, "--set", &settings, "--wait", "--timeout", "60s"]).ok();
    let typed = ["exec", "arka/pre-scale-event", "--yes", "--var", "env=staging"];
    let shown = stage.project.run(&typed).code(1).to_string();
    assert!(
        shown.contains("raises-replicas-only[usage-metering] failed: the gate does not hold: replicas 12"),
        "{shown}"
    );
    assert!(shown.contains("raises-replicas-only[license-authority] done"), "{shown}");
    assert_eq!(stage.changing_calls(0), [""; 0]);
}
