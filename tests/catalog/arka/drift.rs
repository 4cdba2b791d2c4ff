//! What an upgrade by helm would take back, and what is seen of it beforehand.

use std::fs;

use serde_json::json;

use super::NAMESPACE;
use super::servers::nothing_installed;

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
