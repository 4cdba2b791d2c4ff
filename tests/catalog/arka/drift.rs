//! What an upgrade by helm would take back, and what is seen of it beforehand.

use std::fs;

use serde_json::{Value, json};

use super::NAMESPACE;
use super::servers::{Releases, nothing_installed};
use crate::support::project::Shown;

fn platform() -> Option<Releases> {
    let releases = nothing_installed()?;
    releases.platform();
    Some(releases)
}

/// Returns the limits of usage-metering's autoscaler.
fn limits(releases: &Releases) -> [Value; 2] {
    let hpa = releases.stage.cluster.object("horizontalpodautoscalers", NAMESPACE, "usage-metering-hpa");
    ["minReplicas", "maxReplicas"].map(|name| hpa["spec"][name].clone())
}

fn by_helm(releases: &Releases, runbook: &str, more: &[&str]) -> Shown {
    let vars = ["exec", runbook, "--yes", "--var", "env=prod", "--var", "via=helm"];
    releases.stage.project.run(&[&vars[..], more].concat())
}

/// Returns the memory that policy-engine's pods request.
fn memory(releases: &Releases) -> Value {
    let it = releases.stage.cluster.object("deployments", NAMESPACE, "policy-engine");
    it["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["memory"].clone()
}

/// `--reuse-values` takes the values of the revision that was deployed last: what a failed one brought would go without a word.
#[test]
fn a_failed_deploy_is_not_undone_by_another_change() {
    let Some(releases) = platform() else { return };
    let chart = releases.chart();
    let upgrade = ["upgrade", "arka", &chart, "--reuse-values", "--set"];
    let deploy = |memory: &str| {
        let value = format!("policyEngine.resources.requests.memory={memory}");
        releases.helm.run(&[&upgrade[..], &[&value, "--wait", "--timeout", "1s"]].concat())
    };
    let policy_engine = |most| releases.stage.cluster.limit_ready(NAMESPACE, "policy-engine", most);
    policy_engine(0);
    deploy("256Mi").failed(1);
    assert_eq!((releases.revision("arka"), memory(&releases)), (("failed".to_owned(), 2), json!("256Mi")));
    for (runbook, var) in [
        ("arka/hpa-limits", "max=50"),
        ("arka/hpa-thresholds", "cpu=50"),
        ("arka/resize-pods", "service=usage-metering"),
    ] {
        let shown = by_helm(&releases, runbook, &["--var", var]).code(1).to_string();
        assert!(shown.contains("release failed: its check does not hold"), "{shown}");
        assert!(shown.contains("beside policyEngine"), "{shown}");
        releases.stage.project.run(&["rollback", "--yes"]).code(0);
    }
    assert_eq!((releases.revision("arka").1, memory(&releases)), (2, json!("256Mi")), "nothing was changed");
    releases.helm.run(&[&upgrade[..4], &["--set", "usageMetering.autoscaling.maxReplicas=50"]].concat()).ok();
    assert_eq!(memory(&releases), json!("512Mi"), "as who types it does");
}

/// What failed in this very change goes on.
#[test]
fn a_change_that_failed_itself_is_resumed() {
    let Some(releases) = platform() else { return };
    releases.stage.cluster.limit_ready(NAMESPACE, "usage-metering", 0);
    let more =
        ["--var", "service=usage-metering", "--var", "memory_request=600Mi", "--var", "ready_within=2s"];
    let shown = by_helm(&releases, "arka/resize-pods", &more).code(1).to_string();
    assert!(shown.contains("release failed"), "{shown}");
    assert_eq!(releases.revision("arka"), ("failed".to_owned(), 2));
    releases.stage.cluster.unlimit_ready(NAMESPACE, "usage-metering");
    releases.stage.project.run(&["resume"]).code(0);
    assert_eq!(releases.revision("arka"), ("deployed".to_owned(), 3));
    releases.stage.project.run(&["rollback", &releases.stage.project.newest(), "--yes"]).code(0);
    assert_eq!(releases.revision("arka").0, "deployed");
}

/// A rollback by helm knows the release's limits only, so a patch to another number is not taken over.
#[test]
fn a_limit_that_was_patched_is_taken_over_only_as_it_is() {
    let Some(releases) = platform() else { return };
    let patch = |max: i64| {
        let body = json!({"spec": {"maxReplicas": max}}).to_string();
        releases.kubectl(&["patch", "hpa", "usage-metering-hpa", "-p", &body]).ok();
    };
    patch(50);
    let shown = by_helm(&releases, "arka/hpa-limits", &["--var", "max=60"]).code(1).to_string();
    assert!(shown.contains("no-drift failed: the gate does not hold"), "{shown}");
    releases.stage.project.run(&["rollback", "--yes"]).code(0);
    assert_eq!(limits(&releases), [json!(3), json!(50)], "nothing was changed");
    by_helm(&releases, "arka/hpa-limits", &["--var", "max=50"]).code(0);
    assert_eq!(limits(&releases), [json!(3), json!(50)]);
    let run = releases.stage.project.newest();

    // The other target of the same autoscaler would be taken back without having been asked for.
    let at = "/spec/metrics/1/resource/target/averageUtilization";
    let body = json!([{"op": "replace", "path": at, "value": 60}]).to_string();
    releases.kubectl(&["patch", "hpa", "usage-metering-hpa", "--type=json", "-p", &body]).ok();
    let shown = by_helm(&releases, "arka/hpa-thresholds", &["--var", "cpu=50"]).code(1).to_string();
    assert!(shown.contains("no-drift failed: the gate does not hold"), "{shown}");
    releases.stage.project.run(&["rollback", "--yes"]).code(0);
    releases.stage.project.run(&["rollback", &run, "--yes"]).code(0);
    assert_eq!(limits(&releases), [json!(3), json!(20)], "to what the release had");
}

/// Its answer is what is read of a difference: one in another form, or at the margin, is one, too.
#[test]
fn a_difference_is_one_in_whatever_form() {
    let Some(mut releases) = nothing_installed() else { return };
    // Prints no line that begins with a sign, as one that colours them.
    let coloured = releases.stage.project.root().join("../bin/coloured");
    fs::write(&coloured, "#!/bin/sh\nif ! diff -q -r \"$@\" >&2; then echo differs; exit 1; fi\n")
        .expect("a file");
    fs::set_permissions(&coloured, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("it can be run");
    releases.stage = releases.stage.env("KUBECTL_EXTERNAL_DIFF", &coloured.display().to_string());
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: engine}\nautomountServiceAccountToken: false\n";
    let project = &releases.stage.project;
    project.write("charts/own/Chart.yaml", "apiVersion: v2\nname: own\nversion: 1.0.0\n");
    project.write("charts/own/values.yaml", "{}\n");
    project.write("charts/own/templates/account.yaml", account);
    let chart = project.root().join("charts/own").display().to_string();
    releases.helm.run(&["install", "own", &chart]).ok();
    let step =
        json!({"id": "it", "uses": "helm/no-drift", "with": {"namespace": NAMESPACE, "release": "own"}});
    project.write(
        "runbooks/arka/one.yaml",
        json!({"runbook": "one", "title": "One", "steps": [step]}).to_string(),
    );
    project.run(&["exec", "arka/one"]).code(0);
    let body = json!({"automountServiceAccountToken": true}).to_string();
    releases.kubectl(&["patch", "serviceaccount", "engine", "-p", &body]).ok();
    let shown = project.run(&["exec", "arka/one"]).code(1).to_string();
    assert!(shown.contains("it failed: the gate does not hold: ServiceAccount engine:"), "{shown}");
}
