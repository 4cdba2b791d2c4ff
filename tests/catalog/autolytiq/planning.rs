//! What there will be to do: the forecast, and the review of each month.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::aurora::{instance, measured};
use super::cache::group;
use super::{NAMESPACE, prod, prod_with_aws};
use crate::catalog::proof::Proof;
use crate::catalog::stage::Stage;
use crate::support::moto::Moto;
use crate::support::project::Project;

#[test]
fn capacity_forecast() {
    let mut proof = Proof::of("autolytiq/capacity-forecast");
    let Some(stage) = prod() else { return };
    let typed = ["--var", "env=prod"];
    proof.forwards(&stage, &typed, |shown| {
        let read = shown.to_string();
        // The source's own example: 1000 × 1.15 ^ 6 = 2313, and one pod for so many of them.
        for line in [
            "1000 requests per second now, 2313 in 6 months at 15 % a month",
            "api-gateway                 3          6           10\n",
            "auth-service                7         16            8  too low\n",
            "deal-service               10         24           10  too low\n",
            "customer-service            5         12            6  too low\n",
            "inventory-service           4          8            6  too low\n",
            "planned in the table for 2300 requests per second: 10 api-gateway pods, 16 ACUs, 16 GB of cache",
            "deal-service: raise the ceiling of deal-service-hpa to 24 before 6 months are over, by `tune-hpa`",
        ] {
            assert!(read.contains(line), "{line}\n{read}");
        }
    });
    proof.again(&stage, &typed);
    proof.back(&stage);
    stage.cluster.deny("list", "horizontalpodautoscalers");
    proof.failure(&stage, &typed, 1, |read, _| {
        assert!(read.contains("autoscalers failed") && read.contains("Forbidden"), "{read}");
    });
}

#[test]
fn other_figures_than_the_platform_s_are_computed_the_same_way() {
    let Some(stage) = prod() else { return };
    let exec = |vars: &[&str]| {
        let vars: Vec<&str> = vars.iter().flat_map(|var| ["--var", var]).collect();
        stage
            .project
            .run(&[&["exec", "capacity-forecast", "--var", "env=prod"], &vars[..]].concat())
            .code(0)
            .to_string()
    };
    let quiet = exec(&["months=0", "rps=300"]);
    assert!(quiet.contains("300 requests per second now, 300 in 0 months"), "{quiet}");
    assert!(quiet.contains("5 api-gateway pods, 8 ACUs, 6 GB of cache"), "{quiet}");
    assert!(!quiet.contains("too low") && quiet.contains("propose skipped"), "{quiet}");
    let far = exec(&["months=24", "growth=2.5"]);
    assert!(far.contains("1000 requests per second now, 1809 in 24 months at 2.5 % a month"), "{far}");
    assert!(far.contains("the planning table ends at 12 months"), "{far}");
}

const POINTS: [&str; 6] = ["metrics", "growth", "database", "cache", "incidents", "forecasts"];

/// Answers each point as a person at another terminal would, until it is told to end.
fn answers(project: &Project, over: &AtomicBool) -> Vec<String> {
    let mut asked = Vec::new();
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(50));
        let shown = project.run(&["runs", "--format", "json"]);
        let runs: Value = serde_json::from_str(&shown.stdout).unwrap_or_default();
        let Some(run) = runs["runs"][0]["run"].as_str() else { continue };
        for point in POINTS {
            let note = format!("{point} looked at");
            let said = project.run(&["done", run, point, "--note", &note]);
            if said.code == Some(0) {
                asked.push(said.to_string().split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
    }
    asked
}

fn with_figures() -> Option<(Stage, Moto)> {
    let (stage, moto) = prod_with_aws()?;
    instance(&moto, NAMESPACE, "autolytiq-prod-writer");
    group(&moto, "autolytiq-prod-redis", None);
    let database = "DBInstanceIdentifier=autolytiq-prod-writer";
    let cache = "CacheClusterId=autolytiq-prod-redis-001";
    for (namespace, metric, of, value) in [
        ("AWS/RDS", "CPUUtilization", database, 41.0),
        ("AWS/RDS", "ServerlessDatabaseCapacity", database, 9.5),
        ("AWS/ElastiCache", "CacheHitRate", cache, 96.0),
        ("AWS/ElastiCache", "Evictions", cache, 12.0),
    ] {
        measured(&moto, namespace, metric, of, value);
    }
    Some((stage, moto))
}

#[test]
fn monthly_capacity_review() {
    let mut proof = Proof::of("autolytiq/monthly-capacity-review");
    let Some((stage, _moto)) = with_figures() else { return };
    let typed = ["--var", "env=prod", "--wait"];
    let over = AtomicBool::new(false);
    let asked = std::thread::scope(|scope| {
        let project = &stage.project;
        let person = scope.spawn(|| answers(project, &over));
        let end = End(&over);
        proof.forwards(&stage, &typed, |shown| {
            let read = shown.to_string();
            for point in POINTS {
                assert!(read.contains(&format!("{point} looked at")), "{point}\n{read}");
            }
        });
        proof.again(&stage, &typed);
        drop(end);
        person.join().expect("the person does not panic")
    });
    let asked = asked.join("\n");
    for figure in [
        "Database CPU: autolytiq-prod-writer 41.0 % on average, 41.0 % at most. Cache memory: autolytiq-prod-redis-001 no values;",
        "Planned with: 1000 now and 15 % more a month, so 1150 a month from now. Autoscalers now: api-gateway-hpa 3 of 10,",
        "Limits: 2.0 to 16.0 ACUs. Used: autolytiq-prod-writer 9.5 on average, 9.5 at most.",
        "Hits: autolytiq-prod-redis-001 96.0 % on average, 96.0 % on the worst day; autolytiq-prod-redis-002 no values.",
        "Evictions: autolytiq-prod-redis-001 12 in all, 12 on the worst day; autolytiq-prod-redis-002 no values.",
        "Pods without room in the last hour: none.",
        "1500, 2300 and 5300 in the table, 1521, 2313 and 5350 by the formula.",
    ] {
        assert!(asked.contains(figure), "{figure}\n{asked}");
    }
    proof.back(&stage);
    stage.cluster.deny("list", "events");
    proof.failure(&stage, &typed, 1, |read, _| {
        assert!(read.contains("no-room failed") && read.contains("Forbidden"), "{read}");
    });
    assert_eq!(stage.changing_calls(0), [""; 0]);
}

/// Tells the person to go, also when an assertion fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
