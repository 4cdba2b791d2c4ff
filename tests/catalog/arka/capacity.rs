//! How many pods expected traffic needs, and what the platform does under load.

use super::{NAMESPACE, prod};
use crate::catalog::proof::Proof;
use crate::support::standins::{Load, Standins};

#[test]
fn capacity_estimate() {
    let mut proof = Proof::of("arka/capacity-estimate");
    let Some(stage) = prod() else { return };
    let typed = ["--var", "rps={usage-metering: 5000, license-authority: 700}"];
    proof.forwards(&stage, &typed, |shown| {
        let read = shown.to_string();
        // 5000 / 1000 × 1.3 = 6.5; 700 / 500 × 1.3 = 1.82; not named: the 400 a second of today's two pods, × 1.3 = 2.6.
        for row in [
            "usage-metering                 5000      1000       7      3       20",
            "license-authority               700       500       2      2       10",
            "policy-engine                   400       200       3      2       10",
        ] {
            assert!(read.contains(row), "{row}\n{read}");
        }
        assert!(read.contains("fits[usage-metering] holds, but only just: needed 7, at_most 20"), "{read}");
        assert!(read.contains("fits[license-authority] holds: needed 2, at_most 10"), "{read}");
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    proof.failure(&stage, &["--var", "rps={usage-metering: 20000}"], 1, |read, stage| {
        assert!(
            read.contains("fits[usage-metering] failed: the gate does not hold: needed 26, at_most 20"),
            "{read}"
        );
        assert_eq!(stage.cluster.changes().len(), 0);
    });
}

#[test]
fn a_whole_number_of_pods_is_not_rounded_up_and_a_service_that_nobody_knows_is_told() {
    let Some(stage) = prod() else { return };
    let path = "runbooks/arka/platform.yaml";
    let table = std::fs::read_to_string(stage.project.root().join(path)).expect("a table");
    stage.project.write(path, table.replace("headroom: 1.3", "headroom: 1.1"));
    let shown = stage
        .project
        .run(&["exec", "arka/capacity-estimate", "--var", "rps={usage-metering: 10000}"])
        .code(0);
    // 10 × 1.1 is 11.000000000000002 to a computer.
    assert!(shown.to_string().contains("fits[usage-metering] holds, but only just: needed 11,"), "{shown}");
    let shown =
        stage.project.run(&["exec", "arka/capacity-estimate", "--var", "rps={usage-metring: 1}"]).code(1);
    assert!(shown.to_string().contains("known failed: the gate does not hold"), "{shown}");
}

#[test]
fn load_test() {
    let mut proof = Proof::of("arka/load-test");
    let Some(standins) = Standins::new() else { return };
    let Some(stage) = prod() else { return };
    stage.project.write("scripts/load-test.js", "");
    stage.client("k6", &standins.line("k6"));
    let typed = ["--var", "env=prod", "--approve", "go"];
    let sent = "k6 run --quiet --no-color --summary-trend-stats=avg,min,med,max,p(90),p(95),p(99) --summary-export=[TMP] \
                --vus=100 --duration=300s scripts/load-test.js";
    proof.forwards(&stage, &typed, |shown| {
        assert_eq!(stage.changing_calls(0), [sent]);
        assert!(shown.to_string().contains("errors holds: error_percent 0"), "{shown}");
        assert!(
            shown.to_string().contains("ceilings[usage-metering] holds: currentReplicas 3, maxReplicas 20"),
            "{shown}"
        );
    });
    proof.again_but_for(&stage, &typed, &[sent]);
    proof.back_leaving(&stage, &["k6"]);
    standins.load(&Load {
        failed: 0.02,
        crossed: vec![("http_req_failed".to_owned(), "rate<0.01".to_owned())],
        ..Load::default()
    });
    stage.cluster.usage(NAMESPACE, "policy-engine", 480, 100);
    proof.failure(&stage, &typed, 1, |read, _| {
        assert!(
            read.contains("errors FAILED after [TOOK]: the gate does not hold: error_percent 2"),
            "{read}"
        );
        assert!(
            read.contains("own-thresholds FAILED after [TOOK]: the gate does not hold: held false"),
            "{read}"
        );
        assert!(
            read.contains(
                "usage[policy-engine] FAILED after [TOOK]: the gate does not hold: cpu 96, critical 80"
            ),
            "{read}"
        );
    });
    // A script that is not there is a mistake, and no load.
    std::fs::remove_file(stage.project.root().join("scripts/load-test.js")).expect("it was there");
    stage.project.run(&["rollback", "--yes"]).code(3);
    let run = stage.project.newest();
    stage.project.run(&["resume", &run, "--approve", "k6"]).code(4);
    let calls = stage.calls().len();
    stage.project.run(&[&["exec", "arka/load-test", "--yes"], &typed[..]].concat()).code(1);
    assert_eq!(stage.changing_calls(calls), [""; 0]);
}
