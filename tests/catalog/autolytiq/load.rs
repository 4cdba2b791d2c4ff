//! The load test: scenarios, thresholds, and what stops it.

use super::{NAMESPACE, prod};
use crate::catalog::proof::Proof;
use crate::catalog::stage::Stage;
use crate::support::standins::{Load, Standins};

const TYPED: [&str; 4] = ["--var", "env=prod", "--approve", "go"];

/// Prod with the tests in the checkout, and what stands in for k6 and npx.
fn checkout() -> Option<(Stage, Standins)> {
    let standins = Standins::new()?;
    let stage = prod()?;
    stage.project.write("app/tests/load/api-gateway.js", "");
    stage.project.write("app/tests/load/config.yaml", "");
    stage.client("k6", &standins.line("k6"));
    stage.client("npx", &standins.line("npx"));
    Some((stage, standins))
}

fn load(p95: f64, median: f64, failed: f64) -> Load {
    Load { p95, median, failed, ..Load::default() }
}

#[test]
fn load_test() {
    let mut proof = Proof::of("autolytiq/load-test");
    let Some((stage, standins)) = checkout() else { return };
    let sent = "k6 run --quiet --no-color --summary-trend-stats=avg,min,med,max,p(90),p(95),p(99) --summary-export=[TMP] \
                --stage=0s:10 --stage=60s:10 --stage=0s:100 --stage=540s:100 tests/load/api-gateway.js";
    proof.forwards(&stage, &TYPED, |shown| {
        assert_eq!(stage.changing_calls(0), [sent]);
        let read = shown.to_string();
        assert!(read.contains("result[p99_ms] holds: measured 270.0, critical 1000"), "{read}");
        assert!(
            read.contains("usage[deal-service] holds: cpu 12, memory 25, critical 80, critical 85"),
            "{read}"
        );
        assert!(!read.contains("only just"), "{read}");
    });
    // Load is sent each time.
    proof.again_but_for(&stage, &TYPED, &[sent]);
    proof.back_leaving(&stage, &["k6"]);
    standins.load(&Load {
        crossed: vec![("http_req_duration".to_owned(), "p(95)<200".to_owned())],
        ..load(640.0, 150.0, 0.02)
    });
    proof.failure(&stage, &TYPED, 1, |read, _| {
        assert!(
            read.contains(
                "result[p95_ms] FAILED after [TOOK]: the gate does not hold: measured 640.0, critical 500"
            ),
            "{read}"
        );
        assert!(
            read.contains("result[error_percent] FAILED after [TOOK]: the gate does not hold: measured 2"),
            "{read}"
        );
        assert!(
            read.contains("own-thresholds FAILED after [TOOK]: the gate does not hold: held false"),
            "k6's 99 is a result: {read}"
        );
        assert!(read.contains("result[p50_ms] holds, but only just: measured 150.0, critical 200"), "{read}");
    });
}

#[test]
fn production_is_not_loaded_before_a_person_said_so() {
    let Some((stage, _standins)) = checkout() else { return };
    let shown = stage
        .project
        .run(&["exec", "load-test", "--yes", "--var", "env=prod", "--var", "scenario=spike"])
        .code(3);
    assert!(
        shown.to_string().contains("to https://api.autolytiq.com now, up to 500 users, for 600 seconds?"),
        "{shown}"
    );
    assert_eq!(stage.changing_calls(0), [""; 0]);
}

/// Artillery gets the phases of the table. A stress test is measured, and not judged.
#[test]
fn artillery_plays_the_scenarios_too() {
    let Some((stage, standins)) = checkout() else { return };
    standins.load(&load(900.0, 300.0, 0.3));
    let typed = ["exec", "load-test", "--yes", "--var", "tool=artillery", "--var", "scenario=stress"];
    let shown = stage.project.run(&[&typed[..], &TYPED].concat()).code(0);
    let phases =
        [50, 100, 200, 400, 800].map(|rate| format!("{{\"duration\":120,\"arrivalRate\":{rate}}}")).join(",");
    let sent = format!(
        "npx --no artillery run --quiet --output [TMP] --target https://api.autolytiq.com \
         --overrides {{\"config\":{{\"phases\":[{phases}]}}}} tests/load/config.yaml"
    );
    assert_eq!(stage.changing_calls(0), [sent]);
    assert!(
        shown.to_string().contains("\"p95_ms\":900.0")
            && shown.to_string().contains("\"error_percent\":30.0"),
        "{shown}"
    );
}

/// A service without a ready pod stops the load, not the patience of its users.
#[test]
fn the_load_is_stopped_when_a_service_is_down() {
    let Some((stage, _standins)) = checkout() else { return };
    stage.client("k6", "[ \"$1\" = version ] || exec sleep 120");
    let arguments = [&["exec", "load-test", "--yes"], &TYPED[..]].concat();
    let mut command = stage.project.command(&arguments);
    let running = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn();
    let running = running.expect("the binary can be run");
    while !stage.calls().iter().any(|words| words[0] == "k6" && words[1] == "run") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    stage.cluster.limit_ready(NAMESPACE, "deal-service", 0);
    stage.lose_pods(NAMESPACE, "deal-service");
    let output = running.wait_with_output().expect("it ends");
    let shown = stage.project.shown(&arguments, &output).code(1);
    assert!(shown.to_string().contains("k6 failed") && shown.to_string().contains("guard"), "{shown}");
}
