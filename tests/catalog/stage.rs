//! Where a runbook of the catalog is played: the servers, the clients and the project.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use regex::Regex;
use runbook::journal::Store;
use runbook::machine::Event;
use serde_json::{Map, Value, json};

use crate::support::kube::{Cluster, Kubectl};
use crate::support::looks::looks;
use crate::support::moto::Moto;
use crate::support::project::Project;
use crate::support::tools;

/// The kinds of objects that people set, and that must be as before after a rollback.
const KEPT: [&str; 7] = [
    "configmaps",
    "deployments",
    "horizontalpodautoscalers",
    "poddisruptionbudgets",
    "resourcequotas",
    "statefulsets",
    "verticalpodautoscalers",
];

/// The floor and the ceiling of an autoscaler.
pub(super) type Limits = (i64, i64);

/// Reads what a server has.
type Read = Box<dyn Fn() -> Value>;

/// A cluster with the real kubectl, and whatever else was brought in; gone with the value.
pub(super) struct Stage {
    pub(super) cluster: Cluster,
    pub(super) project: Project,
    namespaces: Vec<String>,
    bin: PathBuf,
    log: PathBuf,
    /// What other servers have that must be as before after a rollback, by name.
    also: Vec<(&'static str, Read)>,
    _kubectl: Kubectl,
}

impl Stage {
    /// Returns an empty cluster with this namespace, and the shipped runbooks in a project. `None` where kubectl is missing,
    /// which is told, and is an error under CI.
    pub(super) fn new(namespace: &str) -> Option<Stage> {
        Stage::on(Cluster::start(), namespace)
    }

    /// As [`new`](Stage::new), on a cluster that was set up before.
    pub(super) fn on(cluster: Cluster, namespace: &str) -> Option<Stage> {
        let kubectl = Kubectl::new(&cluster, namespace)?;
        cluster.namespace(namespace);
        let project = Project::new();
        let (bin, log) = (project.root().join("../bin"), project.root().join("../calls"));
        fs::create_dir_all(&bin).expect("a folder");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut project = project.env("PATH", &format!("{}:{path}", bin.display()));
        for (name, value) in kubectl.environment() {
            if name != "HOME" {
                project = project.env(&name, &value);
            }
        }
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy(&here.join("runbooks"), &project.root().join("runbooks"));
        let namespaces = vec![namespace.to_owned(), "kube-system".to_owned()];
        let stage = Stage { cluster, project, namespaces, bin, log, also: Vec::new(), _kubectl: kubectl };
        stage.real("kubectl")?;
        Some(stage)
    }

    /// Makes services, each with its autoscaler `NAME-hpa`, and waits until all is up.
    pub(super) fn services(self, namespace: &str, services: &[(&str, Limits)]) -> Stage {
        let hpa = |service: &str| format!("{service}-hpa");
        for (service, (min, max)) in services {
            self.cluster.deployment(namespace, service, *min);
            self.cluster.hpa(namespace, &hpa(service), &format!("deployment/{service}"), *min, *max);
        }
        for (service, (min, _)) in services {
            self.cluster.wait_for("deployments", namespace, service, |it| {
                it["status"]["readyReplicas"] == json!(min)
            });
            // What must hold beforehand is that the autoscaler has looked at all.
            self.cluster.wait_for("horizontalpodautoscalers", namespace, &hpa(service), |it| {
                it["status"]["conditions"].is_array()
            });
        }
        self
    }

    /// Gives the project a variable of the environment.
    pub(super) fn env(mut self, name: &str, value: &str) -> Stage {
        self.project = self.project.env(name, value);
        self
    }

    /// Lets the aws client reach `moto`, and nothing else.
    pub(super) fn aws(mut self, moto: &Moto) -> Option<Stage> {
        self.real("aws")?;
        for (name, value) in moto.environment() {
            self = self.env(&name, &value);
        }
        Some(self)
    }

    /// Counts the calls of a tool that is on this machine. `None` when it is not.
    pub(super) fn real(&self, tool: &str) -> Option<()> {
        let path = tools::require(tool)?;
        self.client(tool, &format!("exec '{}' \"$@\"", path.display()));
        Some(())
    }

    /// Puts a client on the PATH that does what the lines of shell say, and counts its calls. `"$@"` are its arguments.
    pub(super) fn client(&self, tool: &str, lines: &str) {
        let log = self.log.display();
        let script = format!(
            "#!/bin/sh\nline={tool}\nfor word in \"$@\"; do line=\"$line\t$word\"; done\nprintf '%s\\n\\036\\n' \"$line\" >> '{log}'\n{lines}\n"
        );
        let path = self.bin.join(tool);
        fs::write(&path, script).expect("a client");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be run");
    }

    /// Watches what another server has: it must be as before after a rollback.
    pub(super) fn watched(mut self, name: &'static str, read: impl Fn() -> Value + 'static) -> Stage {
        self.also.push((name, Box::new(read)));
        self
    }

    /// Watches the objects of another namespace, too.
    pub(super) fn and_namespace(mut self, namespace: &str) -> Stage {
        self.cluster.namespace(namespace);
        self.namespaces.push(namespace.to_owned());
        self
    }

    /// Removes every pod of a deployment, behind the back of every client; its controller makes new ones.
    pub(super) fn lose_pods(&self, namespace: &str, deployment: &str) {
        for pod in self.cluster.objects("pods", namespace) {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            if pod["metadata"]["labels"]["app"] == deployment {
                self.cluster.remove("pods", namespace, name);
            }
        }
    }

    /// Returns the calls of clients so far, word by word.
    pub(super) fn calls(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let each = text.split("\n\u{1e}\n").filter(|line| !line.is_empty());
        each.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }

    /// Returns the calls from number `first` on that are not known to only look.
    pub(super) fn changing_calls(&self, first: usize) -> Vec<String> {
        let calls = self.calls().into_iter().skip(first).filter(|words| !looks(words));
        // A temporary file has another name each time.
        let temporary = Regex::new(r"[^ =]*/tmp\.\w{10}").expect("the pattern is right");
        calls.map(|words| temporary.replace_all(&words.join(" "), "[TMP]").into_owned()).collect()
    }

    /// Returns the outputs of the steps of the newest run, by instance.
    pub(super) fn outputs(&self) -> BTreeMap<String, Map<String, Value>> {
        let store = Store::open_read_only(self.project.journal()).expect("a journal");
        let run = store.runs(&Default::default()).expect("runs")[0].id.clone();
        let records = store.load(&run).expect("the run").records;
        let of = |event| match event {
            Event::Exited { leaf, outputs, .. } | Event::Judged { leaf, outputs, .. }
                if !outputs.is_empty() =>
            {
                Some((leaf.step, outputs))
            }
            _ => None,
        };
        records.into_iter().filter_map(|record| of(record.event)).collect()
    }

    /// Returns what people set in the cluster and in what else is watched: no status, no pods, nothing that only counts.
    pub(super) fn kept(&self) -> BTreeMap<String, Value> {
        let mut kept = BTreeMap::new();
        for namespace in &self.namespaces {
            let autoscalers = self.cluster.objects("horizontalpodautoscalers", namespace);
            let autoscaled =
                |name: &str| autoscalers.iter().any(|it| it["spec"]["scaleTargetRef"]["name"] == name);
            for kind in KEPT {
                for object in self.cluster.objects(kind, namespace) {
                    let name = object["metadata"]["name"].as_str().unwrap_or_default();
                    let mut set = set_by_people(&object);
                    // What an autoscaler owns is as its limits say, as soon as it sees fit.
                    if autoscaled(name)
                        && let Some(spec) = set["spec"].as_object_mut()
                    {
                        spec.remove("replicas");
                    }
                    kept.insert(format!("{kind} {namespace}/{name}"), set);
                }
            }
        }
        for object in self.cluster.objects("nodes", "") {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            kept.insert(format!("nodes {name}"), set_by_people(&object));
        }
        kept.extend(self.also.iter().map(|(name, read)| ((*name).to_owned(), read())));
        kept
    }
}

/// Returns the lines in which two of [`Stage::kept`] differ; empty when none does.
pub(super) fn difference(was: &BTreeMap<String, Value>, is: &BTreeMap<String, Value>) -> String {
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let lines = |of: Option<&Value>| of.map(|value| format!("{value:#}")).unwrap_or_default();
    let mut text = String::new();
    for name in names.into_iter().filter(|name| was.get(*name) != is.get(*name)) {
        let (was, is) = (lines(was.get(name)), lines(is.get(name)));
        text.push_str(&format!("{name}\n"));
        was.lines()
            .filter(|line| !is.lines().any(|it| it == *line))
            .for_each(|line| text += &format!("  - {line}\n"));
        is.lines()
            .filter(|line| !was.lines().any(|it| it == *line))
            .for_each(|line| text += &format!("  + {line}\n"));
    }
    text
}

fn set_by_people(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let mut annotations = metadata["annotations"].clone();
    if let Some(map) = annotations.as_object_mut() {
        // The controller counts the rollouts, and a rollback is one more.
        map.remove("deployment.kubernetes.io/revision");
        if map.is_empty() {
            annotations = Value::Null;
        }
    }
    json!({"labels": metadata["labels"], "annotations": annotations, "spec": object["spec"], "data": object["data"]})
}

/// Copies a folder with all that is in it.
pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a copy");
        }
    }
}
