//! What a test does to its cluster so that pods do not run, and what it says about how they run.

use serde_json::{Value, json};

use super::clock::now;
use super::cluster::Cluster;
use super::state::Crash;

impl Cluster {
    /// Lets no registry have this image from now on: pods with it wait in `ImagePullBackOff`.
    pub(crate) fn image_missing(&self, image: &str) {
        self.shared.with(|state| {
            state.missing_images.insert(image.to_owned());
            state.touched += 1;
        });
    }

    /// Lets every pod of a workload end with that code and reason as soon as it has begun: `CrashLoopBackOff`.
    pub(crate) fn crash(&self, namespace: &str, workload: &str, code: i32, reason: &str) {
        let crash = Crash { code, reason: reason.to_owned() };
        self.shared.with(|state| {
            state.crashes.insert((namespace.to_owned(), workload.to_owned()), crash);
            state.touched += 1;
        });
    }

    /// Switches the metrics API on or off, as if metrics-server were installed or not.
    pub(crate) fn metrics(&self, on: bool) {
        let name = "v1beta1.metrics.k8s.io";
        self.shared.with(|state| state.settings.metrics = on);
        match (on, self.find("apiservices", "", name)) {
            (true, None) => {
                let service = json!({"name": "metrics-server", "namespace": "kube-system", "port": 443});
                let spec = json!({"group": "metrics.k8s.io", "version": "v1beta1", "service": service});
                let available = json!({
                    "type": "Available", "status": "True", "reason": "Passed", "message": "all checks passed",
                    "lastTransitionTime": now(),
                });
                let status = json!({"conditions": [available]});
                self.seed(
                    "apiservices",
                    "",
                    json!({"metadata": {"name": name}, "spec": spec, "status": status}),
                );
            }
            (false, Some(_)) => self.remove("apiservices", "", name),
            _ => {}
        }
    }

    /// Says what each pod of a workload, or one pod, uses: thousandths of a CPU, and MiB.
    pub(crate) fn usage(&self, namespace: &str, name: &str, cpu: i64, mebibytes: i64) {
        let key = (namespace.to_owned(), name.to_owned());
        self.shared.with(|state| state.usage.insert(key, (cpu, mebibytes << 20)));
    }

    /// Makes a node with that much room; `more` is merged into it: labels, taints.
    pub(crate) fn node_with(&self, name: &str, cpu: &str, memory: &str, more: &Value) {
        let mut node = super::seed::node(name, cpu, memory);
        json_patch::merge(&mut node, more);
        self.seed("nodes", "", node);
    }

    /// Makes a quota over a namespace, such as `{"requests.cpu": "2"}`.
    pub(crate) fn quota(&self, namespace: &str, name: &str, hard: Value) {
        self.seed("quota", namespace, json!({"metadata": {"name": name}, "spec": {"hard": hard}}));
    }

    /// Makes a volume claim of 10 GiB; it stays unbound where there is no such storage class.
    pub(crate) fn claim(&self, namespace: &str, name: &str, class: &str) {
        let spec = json!({
            "accessModes": ["ReadWriteOnce"], "storageClassName": class,
            "resources": {"requests": {"storage": "10Gi"}},
        });
        self.seed("pvc", namespace, json!({"metadata": {"name": name}, "spec": spec}));
    }

    /// Makes a deployment whose pod template is changed by a merge patch: resources, volumes, selectors.
    pub(crate) fn deployment_with(&self, namespace: &str, name: &str, replicas: i64, template: &Value) {
        let mut deployment = super::seed::workload(name, replicas);
        json_patch::merge(&mut deployment["spec"]["template"], template);
        self.seed("deployments", namespace, deployment);
    }

    /// Makes a pod of nobody's that has its node and stays as it is said here: the states of its init containers and of its own.
    pub(crate) fn pod_with(&self, namespace: &str, name: &str, phase: &str, [init, own]: [&Value; 2]) {
        self.limit_ready(namespace, name, 0);
        let named = |kind: &str| json!([{"name": kind, "image": format!("registry.test/{kind}:1")}]);
        let container = |kind: &str, state: &Value| {
            let mut status = json!({"name": kind, "image": format!("registry.test/{kind}:1"), "imageID": ""});
            json_patch::merge(&mut status, &json!({"ready": false, "restartCount": 0, "lastState": {}}));
            json_patch::merge(&mut status, state);
            json!([status])
        };
        let spec = json!({
            "nodeName": "node-1", "initContainers": named("prepare"), "containers": named("main"),
        });
        let status = json!({
            "phase": phase, "initContainerStatuses": container("prepare", init),
            "containerStatuses": container("main", own),
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": now()}],
        });
        self.seed("pods", namespace, json!({"metadata": {"name": name}, "spec": spec, "status": status}));
    }

    /// Installs the VerticalPodAutoscaler: without it the server knows no such kind.
    pub(crate) fn install_vpa(&self) {
        let group = "autoscaling.k8s.io";
        let names = json!({
            "kind": "VerticalPodAutoscaler", "plural": "verticalpodautoscalers", "shortNames": ["vpa"],
            "singular": "verticalpodautoscaler",
        });
        let version = json!({"name": "v1", "served": true, "storage": true});
        let spec = json!({"group": group, "names": names, "scope": "Namespaced", "versions": [version]});
        let established = json!({"type": "Established", "status": "True", "reason": "InitialNamesAccepted"});
        let name = format!("verticalpodautoscalers.{group}");
        let status = json!({"conditions": [established]});
        self.seed("crd", "", json!({"metadata": {"name": name}, "spec": spec, "status": status}));
    }
}
