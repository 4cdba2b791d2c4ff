//! The catalog: the rows, by name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::stage::copy;
use crate::support::project::Project;

/// Every procedure of the two sources, each a runbook of this name.
pub(super) const ALL: &[&str] = &[
    "arka/autoscaling-status",
    "arka/capacity-estimate",
    "arka/custom-metrics-hpa",
    "arka/hpa-limits",
    "arka/hpa-thresholds",
    "arka/hpa-triage",
    "arka/load-test",
    "arka/monitor-event",
    "arka/pods-not-starting-triage",
    "arka/post-event-scale-down",
    "arka/postgres-connections",
    "arka/postgres-replicas",
    "arka/postgres-tuning",
    "arka/pre-scale-event",
    "arka/redis-cluster",
    "arka/redis-memory",
    "arka/redis-replicas",
    "arka/resize-pods",
    "arka/scale-down",
    "arka/scale-down-blocked-triage",
    "arka/scale-node-pool",
    "arka/scale-up",
    "autolytiq/aurora-add-reader",
    "autolytiq/aurora-capacity",
    "autolytiq/autoscaling-config",
    "autolytiq/autoscaling-status",
    "autolytiq/cache-health",
    "autolytiq/capacity-forecast",
    "autolytiq/connection-pool",
    "autolytiq/event-hpa",
    "autolytiq/load-test",
    "autolytiq/monthly-capacity-review",
    "autolytiq/pending-pods-triage",
    "autolytiq/pods-not-scaling-triage",
    "autolytiq/post-peak-scale-down",
    "autolytiq/pre-scale-event",
    "autolytiq/redis-resize",
    "autolytiq/redis-shards",
    "autolytiq/resize-pods",
    "autolytiq/right-size",
    "autolytiq/scale-down-blocked-triage",
    "autolytiq/scale-node-pool",
    "autolytiq/scale-service",
    "autolytiq/scale-to-traffic-level",
    "autolytiq/tune-hpa",
    "autolytiq/vpa-recommendations",
];

/// Those of them that are not written yet. What is written is taken out here: the test below insists on it.
const TO_COME: &[&str] = &[];

/// Returns those that are written.
pub(super) fn written() -> Vec<&'static str> {
    ALL.iter().copied().filter(|row| !TO_COME.contains(row)).collect()
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|it| it == ending) {
            found.push(path);
        }
    }
}

#[test]
fn the_tree_is_the_catalog() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for platform in ["arka", "autolytiq"] {
        files(&root.join("runbooks").join(platform), "yaml", &mut found);
    }
    let names: BTreeSet<String> = found
        .iter()
        .filter(|path| ![".test.yaml", ".tape.yaml"].iter().any(|end| path.to_string_lossy().ends_with(end)))
        .filter_map(|path| {
            path.strip_prefix(root.join("runbooks")).ok()?.with_extension("").to_str().map(str::to_owned)
        })
        .filter(|name| !name.ends_with("/platform"))
        .collect();
    let wanted: BTreeSet<String> = written().into_iter().map(str::to_owned).collect();
    assert_eq!(names, wanted, "what stands under runbooks/ and what the catalog names");
}

#[test]
fn each_of_them_is_proved() {
    let mut sources = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalog"), "rs", &mut sources);
    let texts: String = sources.iter().map(|path| std::fs::read_to_string(path).expect("a source")).collect();
    let unproved: Vec<&str> =
        written().into_iter().filter(|row| !texts.contains(&format!("Proof::of(\"{row}\")"))).collect();
    assert_eq!(unproved, [""; 0], "runbooks of the catalog that no test plays");
}

/// As the repository ships them: no warning, and `list` shows each.
#[test]
fn the_tree_is_checked_without_a_warning_and_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = Project::new();
    for folder in ["runbooks", "steps"] {
        copy(&root.join(folder), &project.root().join(folder));
    }
    // Whether the tools are here is no matter of the tree.
    let checked = project.run(&["check", "--deny", "warnings", "--format", "json"]).code(0);
    let checked: Value = serde_json::from_str(&checked.stdout).expect("one JSON document");
    let count = |key: &str| checked[key].as_u64();
    assert_eq!((count("errors"), count("warnings")), (Some(0), Some(0)), "{checked:#}");
    assert!(count("runbooks") >= Some(46) && count("templates") >= Some(50), "{checked:#}");
    let listed = project.run(&["list"]).code(0).to_string();
    let missing: Vec<_> = written().into_iter().filter(|name| !listed.contains(name)).collect();
    assert_eq!(missing, [""; 0], "{listed}");
}
