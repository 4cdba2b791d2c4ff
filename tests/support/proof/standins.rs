//! The stand-ins read their arguments as strictly as the real tools.

use super::client;
use crate::support::project::Project;
use crate::support::standins::{Load, Standins};

#[test]
fn gcloud_resizes_a_pool_only_where_it_was_told_everything() {
    let Some(standins) = Standins::new() else { return };
    standins.gke("arka-cluster", "us-central1-a", &[("arka-workers", 3)]);
    let resize = [
        "container",
        "clusters",
        "resize",
        "arka-cluster",
        "--node-pool",
        "arka-workers",
        "--num-nodes",
        "5",
    ];
    let said = standins.run("gcloud", &resize);
    let missing =
        "ERROR: (gcloud.container.clusters.resize) One of [--location, --zone, --region] must be supplied.\n";
    assert_eq!(said.failed(1), missing);
    let there = [&resize[..], &["--zone", "us-central1-a"]].concat();
    assert!(standins.run("gcloud", &there).failed(1).contains("re-run the command with the --quiet flag"));
    assert_eq!(standins.nodes("arka-workers"), Some(3));
    standins.run("gcloud", &[&there[..], &["--quiet"]].concat()).ok();
    assert_eq!(standins.nodes("arka-workers"), Some(5));
    let describe = ["container", "clusters", "describe", "arka-cluster", "--zone", "us-central1-a"];
    let said =
        standins.run("gcloud", &[&describe[..], &["--format", "value(currentNodeCount,status)"]].concat());
    assert_eq!(said.ok(), "5\tRUNNING\n");
    assert!(
        standins
            .run("gcloud", &[&describe[..], &["--frob"]].concat())
            .failed(2)
            .contains("unrecognized arguments")
    );
    standins.gcloud_refuses("You do not currently have an active account selected.");
    standins.run("gcloud", &describe).failed(1);
}

#[test]
fn load_tests_report_what_was_set_and_fail_with_their_own_codes() {
    let Some(standins) = Standins::new() else { return };
    let project = Project::new();
    let path = |name: &str| project.root().join(name).display().to_string();
    let (script, summary) = (path("load.js"), path("summary.json"));
    let run = ["run", "--vus", "100", "--duration", "5m", "--summary-export", &summary, &script];
    assert!(standins.run("k6", &run).failed(255).contains("couldn't be found on local disk"));
    std::fs::write(&script, "").expect("the folder is writable");
    let said = standins.run("k6", &run);
    assert!(said.ok().contains("p(95)=180.00ms"), "{}", said.stdout);
    let read = |file: &str| -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(file).expect("it was written")).expect("JSON")
    };
    assert_eq!(read(&summary)["metrics"]["http_req_duration"]["p(95)"], 180.0);
    standins.run("k6", &["run", "--frob", &script]).failed(255);

    let crossed = vec![("http_req_duration".to_owned(), "p(95)<200".to_owned())];
    standins.load(&Load { p95: 640.0, failed: 0.02, crossed, ..Load::default() });
    assert!(standins.run("k6", &run).failed(99).contains("'http_req_duration' have been crossed"));
    assert_eq!(read(&summary)["metrics"]["http_req_failed"]["value"], 0.02);
    let report = path("report.json");
    let said = standins.run("npx", &["artillery", "run", "--output", &report, &script]);
    assert_eq!(said.failed(1), "");
    assert_eq!(read(&report)["aggregate"]["summaries"]["http.response_time"]["p95"], 640.0);
    assert_eq!(read(&report)["aggregate"]["counters"]["vusers.failed"], 1200);
    standins.run("npx", &["artillery", "run", "--frob", &script]).failed(2);
}

#[test]
fn a_script_of_npm_gets_what_stands_behind_the_dashes() {
    let Some(standins) = Standins::new() else { return };
    standins.npm("cache:warm", 0, "warmed 12 keys\n");
    let said = standins.run("npm", &["run", "cache:warm", "--", "--env=prod"]);
    assert!(said.ok().ends_with("warmed 12 keys\n"), "{}", said.stdout);
    let said = client(&standins.line("npm"), &["run", "--silent", "cache:warm", "--", "two words"]);
    assert_eq!(said.expect("there is a shell").ok(), "warmed 12 keys\n");
    assert_eq!(standins.npm_calls("cache:warm"), serde_json::json!([["--env=prod"], ["two words"]]));
    assert!(
        standins.run("npm", &["run", "nope"]).failed(1).starts_with("npm error Missing script: \"nope\"\n")
    );
}
