//! The main job, end to end: `runbook exec pre-scale-event --var env=prod` with the real kubectl against an API server
//! and the real aws client against moto. What is asserted is what the servers say.

use std::collections::BTreeMap;
use std::path::Path;

use runbook::journal::Store;
use runbook::machine::{Event, Stage};
use serde_json::{Value, json};

use crate::support::kube::{Cluster, Kubectl};
use crate::support::moto::Moto;
use crate::support::project::{Project, Shown};
use crate::support::tools;

const NAMESPACE: &str = "autolytiq-prod";

/// The floor and the ceiling of an autoscaler.
type Limits = (i64, i64);

/// Each service with its autoscaler's limits before the event, and after it for peak traffic.
const SERVICES: [(&str, Limits, Limits); 5] = [
    ("api-gateway", (3, 10), (8, 20)),
    ("auth-service", (3, 8), (6, 16)),
    ("deal-service", (3, 10), (8, 20)),
    ("customer-service", (2, 6), (5, 12)),
    ("inventory-service", (2, 6), (5, 12)),
];

struct Prod {
    cluster: Cluster,
    moto: Moto,
    project: Project,
    /// Keeps the folder with the kubeconfig.
    _kubectl: Kubectl,
}

impl Prod {
    /// Prod before the event. `None` when a tool is missing, which is told, and is an error under CI.
    fn set() -> Option<Prod> {
        tools::require("npm")?;
        let cluster = Cluster::start();
        let kubectl = Kubectl::new(&cluster, NAMESPACE)?;
        let moto = Moto::start()?;
        cluster.namespace(NAMESPACE);
        for (service, (min, max), _) in SERVICES {
            cluster.deployment(NAMESPACE, service, min);
            cluster.hpa(NAMESPACE, &format!("{service}-hpa"), &format!("deployment/{service}"), min, max);
        }
        for (service, (min, _), _) in SERVICES {
            cluster.wait_for("deployments", NAMESPACE, service, |it| {
                it["status"]["readyReplicas"] == json!(min)
            });
            // What must hold beforehand is that the autoscaler has looked at all.
            let hpa = format!("{service}-hpa");
            cluster.wait_for("horizontalpodautoscalers", NAMESPACE, &hpa, |it| {
                it["status"]["conditions"].is_array()
            });
        }
        moto.aurora(NAMESPACE, 2.0, 16.0);
        let mut project = Project::new();
        for (name, value) in kubectl.environment().into_iter().chain(moto.environment()) {
            if name != "PATH" && name != "HOME" {
                project = project.env(&name, &value);
            }
        }
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy(&here.join("runbooks"), &project.root().join("runbooks"));
        project.write(
            "app/package.json",
            json!({"name": "app", "version": "1.0.0", "scripts": {"cache:warm": "node warm.js"}}).to_string(),
        );
        project.write(
            "app/warm.js",
            "require('fs').appendFileSync('warmed', process.argv.slice(2).join(' ') + '\\n')",
        );
        Some(Prod { cluster, moto, project, _kubectl: kubectl })
    }

    fn hpa(&self, service: &str) -> Value {
        self.cluster.object("horizontalpodautoscalers", NAMESPACE, &format!("{service}-hpa"))["spec"].clone()
    }

    fn limits(&self) -> BTreeMap<&'static str, (Value, Value, Value)> {
        SERVICES
            .iter()
            .map(|(service, ..)| {
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

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("a copy");
        }
    }
}

#[test]
fn forwards_again_and_back() {
    let Some(stage) = Prod::set() else { return };
    let before = stage.limits();
    stage.exec(&[]).code(0);

    for (service, _, (min, max)) in SERVICES {
        let spec = stage.hpa(service);
        assert_eq!((&spec["minReplicas"], &spec["maxReplicas"]), (&json!(min), &json!(max)), "{service}");
        assert_eq!(spec["behavior"]["scaleDown"]["selectPolicy"], "Disabled", "{service}");
        let ready =
            stage.cluster.object("deployments", NAMESPACE, service)["status"]["readyReplicas"].clone();
        assert_eq!(ready, json!(min), "{service} has its replicas");
    }
    assert_eq!(stage.moto.capacity(NAMESPACE), (8.0, 64.0));
    let warmed =
        std::fs::read_to_string(stage.project.root().join("app/warmed")).expect("the caches were warmed");
    assert_eq!(warmed, "--env=prod\n");

    // Back: every one has its captured value again, and what can't be undone is asked about.
    let waiting = stage.project.run(&["rollback", "--yes"]).code(3);
    assert!(waiting.to_string().contains("warm-caches"), "{waiting}");
    stage.project.run(&["resume", "--approve", "warm-caches"]).code(4);
    assert_eq!(stage.limits(), before);
    assert_eq!(stage.moto.capacity(NAMESPACE), (2.0, 16.0));
}

#[test]
fn a_second_run_finds_nothing_to_do_and_sends_no_change() {
    let Some(stage) = Prod::set() else { return };
    stage.exec(&[]).code(0);
    stage.cluster.forget_requests();
    let again = stage.exec(&[]).code(0);
    assert_eq!(stage.cluster.changes().len(), 0, "{again}");
    assert_eq!(stage.moto.capacity(NAMESPACE), (8.0, 64.0));
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

    for (service, _, (min, max)) in SERVICES {
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
    let undo = [json!(Stage::Undo), json!(Stage::UndoVerify)];
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
    let (sent, planned) = (stage.sent().join("\n"), planned.join("\n"));
    assert_eq!(sent, planned);
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
    assert_eq!(
        undo.map(|it| &it["command"]),
        Some(&json!("kubectl --namespace=autolytiq-prod scale deployment/worker --replicas=3"))
    );
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
