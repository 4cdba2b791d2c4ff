//! The main job, end to end: `runbook exec pre-scale-event --var env=prod` with the real kubectl against an API server
//! and the real aws client against moto. What is asserted is what the servers say.

use std::collections::BTreeMap;

use regex::Regex;
use runbook::journal::Store;
use runbook::machine::{Event, Stage as At};
use serde_json::{Value, json};

use super::{Limits, NAMESPACE, SERVICES, prod_with_aws};
use crate::catalog::proof::Proof;
use crate::catalog::stage::Stage;
use crate::support::kube::Cluster;
use crate::support::moto::Moto;
use crate::support::project::Shown;
use crate::support::tools;

/// What is there after it, for peak traffic.
const AFTER: [(&str, Limits); 5] = [
    ("api-gateway", (8, 20)),
    ("auth-service", (6, 16)),
    ("deal-service", (8, 20)),
    ("customer-service", (5, 12)),
    ("inventory-service", (5, 12)),
];

struct Prod {
    stage: Stage,
    moto: Moto,
}

impl std::ops::Deref for Prod {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.stage
    }
}

impl Prod {
    /// Prod before the event, with the checkout that has the npm script.
    fn set() -> Option<Prod> {
        tools::require("npm")?;
        let (stage, moto) = prod_with_aws()?;
        stage.real("npm")?;
        stage.project.write(
            "app/package.json",
            json!({"name": "app", "version": "1.0.0", "scripts": {"cache:warm": "node warm.js"}}).to_string(),
        );
        stage.project.write(
            "app/warm.js",
            "require('fs').appendFileSync('warmed', process.argv.slice(2).join(' ') + '\\n')",
        );
        Some(Prod { stage, moto })
    }

    fn hpa(&self, service: &str) -> Value {
        self.cluster.object("horizontalpodautoscalers", NAMESPACE, &format!("{service}-hpa"))["spec"].clone()
    }

    fn limits(&self) -> BTreeMap<&'static str, (Value, Value, Value)> {
        SERVICES
            .iter()
            .map(|(service, _)| {
                let spec = self.hpa(service);
                (
                    *service,
                    (spec["minReplicas"].clone(), spec["maxReplicas"].clone(), spec["behavior"].clone()),
                )
            })
            .collect()
    }

    fn exec(&self, more: &[&str]) -> Shown {
        let mut arguments = vec![
            "exec",
            "pre-scale-event",
            "--var",
            "env=prod",
            "--yes",
            "--approve",
            "agreed",
            "--approve",
            "go",
            "--reason",
            "a test",
        ];
        arguments.extend(more);
        self.project.run(&arguments)
    }

    /// The commands that were sent, in the order of their intents.
    fn sent(&self) -> Vec<String> {
        let store = Store::open_read_only(self.project.journal()).expect("a journal");
        let run = store.runs(&Default::default()).expect("runs")[0].id.clone();
        let records = store.load(&run).expect("the run").records;
        let of = |event| match event {
            Event::Intent { command, .. } => Some(command),
            _ => None,
        };
        records.into_iter().filter_map(|record| of(record.event)).collect()
    }
}

const TYPED: [&str; 6] = ["--var", "env=prod", "--approve", "agreed", "--approve", "go"];

#[test]
fn pre_scale_event() {
    let mut proof = Proof::of("autolytiq/pre-scale-event");
    let Some(prod) = Prod::set() else { return };
    let warmed = || std::fs::read_to_string(prod.project.root().join("app/warmed")).unwrap_or_default();
    proof.forwards(&prod, &TYPED, |_| {
        for (service, (min, max)) in AFTER {
            let spec = prod.hpa(service);
            assert_eq!((&spec["minReplicas"], &spec["maxReplicas"]), (&json!(min), &json!(max)), "{service}");
            assert_eq!(spec["behavior"]["scaleDown"]["selectPolicy"], "Disabled", "{service}");
            let status = &prod.cluster.object("deployments", NAMESPACE, service)["status"];
            assert_eq!(status["readyReplicas"], json!(min), "{service} has its replicas");
        }
        assert_eq!(prod.moto.capacity(NAMESPACE), (8.0, 64.0));
        assert_eq!(warmed(), "--env=prod\n");
    });
    // Warming the caches once more is the one thing that is done again.
    let set = prod.limits();
    proof.again_but_for(&prod, &TYPED, &["npm run cache:warm -- --env=prod"]);
    assert_eq!((prod.limits(), prod.moto.capacity(NAMESPACE)), (set, (8.0, 64.0)));

    proof.back_leaving(&prod, &["warm-caches"]);
    assert_eq!(prod.moto.capacity(NAMESPACE), (2.0, 16.0));

    prod.cluster.fail_next("PATCH", "horizontalpodautoscalers/deal-service-hpa", 500, "InternalError", 1);
    proof.failure(&prod, &TYPED, 1, |read, prod| {
        assert!(read.contains("floors[deal-service]") && read.contains("runbook resume"), "{read}");
        prod.project.run(&["rollback", "--yes"]).code(0);
    });
}

/// What costs money is not begun before somebody has read how much.
#[test]
fn nothing_is_raised_before_a_person_has_agreed_to_what_it_costs() {
    let Some(prod) = Prod::set() else { return };
    let shown =
        prod.project.run(&["exec", "pre-scale-event", "--var", "env=prod", "--yes"]).code(3).to_string();
    let text = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for asked in [
        "agreed asks for approval",
        "api-gateway 8, auth-service 6, deal-service 8, customer-service 5, inventory-service 5; 32 in all",
        "autolytiq-prod has 2.0 to 16.0 ACUs, and is to have at least 8 to 64. 8 are paid for at all times",
    ] {
        assert!(text.contains(asked), "no {asked:?} in {shown}");
    }
    assert_eq!((prod.cluster.changes().len(), prod.moto.capacity(NAMESPACE)), (0, (2.0, 16.0)));
}

#[test]
fn a_call_that_fails_half_way_is_resumed_and_nothing_that_succeeded_is_sent_again() {
    let Some(stage) = Prod::set() else { return };
    stage.cluster.fail_next("PATCH", "horizontalpodautoscalers/deal-service-hpa", 500, "InternalError", 1);
    let failed = stage.exec(&[]).code(1);
    assert!(failed.to_string().contains("floors[deal-service]"), "{failed}");
    assert!(failed.to_string().contains("runbook resume"), "{failed}");
    let resumed = stage.project.run(&["resume", "--approve", "go"]).code(0);
    assert!(resumed.to_string().contains("succeeded"), "{resumed}");

    for (service, (min, max)) in AFTER {
        let spec = stage.hpa(service);
        assert_eq!((&spec["minReplicas"], &spec["maxReplicas"]), (&json!(min), &json!(max)), "{service}");
    }
    let mut sent: BTreeMap<(String, String), u32> = BTreeMap::new();
    for request in stage.cluster.changes() {
        if request.status < 300 {
            *sent.entry((request.path, request.body)).or_default() += 1;
        }
    }
    assert_eq!(sent.len(), 10, "five limits and five policies: {sent:#?}");
    assert!(sent.values().all(|&times| times == 1), "sent again: {sent:#?}");
}

#[test]
fn the_plan_is_what_is_sent_in_the_same_order() {
    let Some(stage) = Prod::set() else { return };
    let shown =
        stage.project.run(&["plan", "pre-scale-event", "--var", "env=prod", "--format", "json"]).code(0);
    assert_eq!(stage.cluster.requests().iter().filter(|it| it.path.contains("pods")).count(), 0);
    let plan: Value = serde_json::from_str(&shown.stdout).expect("the plan is JSON");
    let undo = [json!(At::Undo), json!(At::UndoVerify)];
    let planned: Vec<String> = plan["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .flat_map(|step| step["commands"].as_array().cloned().unwrap_or_default())
        .filter(|command| !undo.contains(&command["stage"]))
        .map(|command| command["command"].as_str().expect("text").to_owned())
        .collect();
    assert!(!stage.project.journal().exists(), "a plan writes nothing");
    stage.exec(&["--max-parallel", "1"]).code(0);
    // What is looked at first is not known yet: there stands its name.
    let unknown = Regex::new("‹captured[^›]*›").expect("the pattern is right");
    let (sent, planned) = (stage.sent(), planned);
    assert_eq!(sent.len(), planned.len());
    for (sent, planned) in sent.iter().zip(planned) {
        let pattern = format!("^{}$", unknown.replace_all(&regex::escape(&planned), "[0-9]+"));
        assert!(Regex::new(&pattern).expect("a pattern").is_match(sent), "{sent}\n{planned}");
    }
}

#[test]
fn observed_it_tells_what_would_change_and_afterwards_that_all_is_so() {
    let Some(stage) = Prod::set() else { return };
    let observe = || {
        stage.cluster.forget_requests();
        let shown = stage.project.run(&["plan", "pre-scale-event", "--var", "env=prod", "--observe"]).code(0);
        assert_eq!(stage.cluster.changes().len(), 0, "{shown}");
        let tried = stage.cluster.requests().iter().filter(|it| it.query.contains("dryRun=All")).count();
        (shown.to_string(), tried)
    };
    let (before, tried) = observe();
    let floor = "changes  floor 3 → 8, ceiling 10 → 20";
    for wanted in [
        floor,
        "ACUs 2.0 to 16.0 → 8 to 64",
        "12 steps change something",
        "it says: floor 8, ceiling 20",
        "it says: scale-down Disabled",
    ] {
        assert!(before.contains(wanted), "{wanted}\n{before}");
    }
    assert!(before.contains(
        r#"undo     kubectl --namespace=autolytiq-prod patch horizontalpodautoscaler api-gateway-hpa"#
    ));
    assert!(!before.contains("‹captured"), "{before}");
    assert_eq!(tried, 10, "five limits and five policies are tried");
    assert!(!stage.project.journal().exists(), "a plan that looks writes nothing");
    assert_eq!(stage.moto.capacity(NAMESPACE), (2.0, 16.0));

    stage.exec(&[]).code(0);
    let (after, tried) = observe();
    assert_eq!(tried, 0, "what has nothing to do is not tried");
    for wanted in [
        "floors[api-gateway]  already so: min = 8, max = 20",
        "aurora  already so",
        "11 steps are already so",
    ] {
        assert!(after.contains(wanted), "{wanted}\n{after}");
    }
    assert!(after.contains("warm-caches") && after.contains("1 step changes something"), "{after}");

    // Nobody answers: that is told as such, and is neither a change nor none.
    stage.cluster.deny("get", "horizontalpodautoscalers");
    let (denied, _) = observe();
    assert!(denied.contains("could not tell: it exited with 1: Error from server (Forbidden)"), "{denied}");
    assert!(denied.contains("‹captured"), "{denied}");
}

#[test]
fn a_workload_is_observed_and_tried_and_left_alone() {
    let Some(stage) = Prod::set() else { return };
    stage.cluster.deployment(NAMESPACE, "worker", 3);
    let scale = "runbook: up\ntitle: Up\nsteps:\n  - id: up\n    uses: kubectl/scale\n    \
                 with: {namespace: autolytiq-prod, workload: deployment/worker, replicas: 10}\n";
    stage.project.write("runbooks/autolytiq/up.yaml", scale);
    stage.cluster.forget_requests();
    let plan = ["plan", "up", "--observe", "--format", "json"];
    let document = |shown: Shown| -> Value { serde_json::from_str(&shown.stdout).expect("the plan is JSON") };
    let before = document(stage.project.run(&plan).code(0));
    let step = &before["steps"][0];
    assert_eq!(step["changes"], "replicas 3 → 10");
    assert_eq!(step["observed"], json!({"standing": "to-do", "values": {"replicas": 3}}));
    assert_eq!(step["preview"]["output"], "deployment.apps/worker scaled (server dry run)\n");
    let undo = step["commands"].as_array().and_then(|all| all.iter().find(|it| it["stage"] == "undo"));
    let undo = undo.and_then(|it| it["command"].as_str()).unwrap_or_default();
    assert!(undo.contains("kubectl --namespace='autolytiq-prod' scale 'deployment/worker' "), "{undo}");
    assert!(undo.contains(" --current-replicas=\"$now\" --replicas='3'"), "{undo}");
    assert_eq!((stage.cluster.changes().len(), &before["looked"]["asked"]), (0, &json!(2)));

    stage.project.run(&["exec", "up"]).code(0);
    let after = document(stage.project.run(&plan).code(0));
    assert_eq!(after["steps"][0]["observed"]["standing"], "already-so");
    assert_eq!((&after["changing"], &after["looked"]["already_so"]), (&json!(0), &json!(1)));
}

#[test]
fn another_cluster_is_noticed_before_anything_is_done() {
    let Some(stage) = Prod::set() else { return };
    stage.cluster.fail_next("PATCH", "horizontalpodautoscalers/deal-service-hpa", 500, "InternalError", 1);
    stage.exec(&[]).code(1);
    let elsewhere = Cluster::with(crate::support::kube::Settings {
        uid: "0ddba11e-0000-4000-8000-000000000002".to_owned(),
        ..Default::default()
    });
    elsewhere.kubeconfig(&stage.project.root().join("other"), NAMESPACE);
    let other = stage.project.root().join("other");
    let mut command = stage.project.command(&["resume", "--approve", "go"]);
    let output = command.env("KUBECONFIG", &other).output().expect("the binary can be run");
    let shown = stage.project.shown(&["resume"], &output).code(2);
    assert!(shown.to_string().contains("this is not where run"), "{shown}");
    assert_eq!(elsewhere.changes().len(), 0);
}
