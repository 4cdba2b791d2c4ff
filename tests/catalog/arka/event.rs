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

/// Staging has no autoscalers: the replicas themselves are set there, and more than the event wants are not taken away.
#[test]
fn without_autoscalers_it_lowers_nothing_either() {
    let Some(stage) = Stage::new("arka-staging") else { return };
    let Some(kubectl) = Kubectl::new(&stage.cluster, "arka-staging") else { return };
    let Some(helm) = Helm::new(&kubectl) else { return };
    let chart = Helm::charts().join("arka-engine").display().to_string();
    std::fs::create_dir_all(stage.project.root().join("charts")).expect("a folder");
    std::os::unix::fs::symlink(&chart, stage.project.root().join("charts/arka-engine")).expect("a link");
    stage.client("helm", &helm.line());
    let off = ["usageMetering", "licenseAuthority", "policyEngine", "attestationService"]
        .map(|service| format!("{service}.autoscaling.enabled=false"))
        .join(",");
    let settings = format!("{off},usageMetering.replicas=12");
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
