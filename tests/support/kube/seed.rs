//! What a test finds in its cluster: objects made directly, settled at once, in no request log.

use serde_json::{Value, json};

use super::clock::now;
use super::cluster::Cluster;
use super::controllers;
use super::defaults;
use super::kinds::Kind;
use super::state::State;
use super::store::{Key, Write};

impl Cluster {
    /// Makes what every cluster has.
    pub(super) fn found(&self) {
        let uid = self.shared.with(|state| state.settings.uid.clone());
        self.seed("namespaces", "", json!({"metadata": {"name": "kube-system", "uid": uid}}));
        self.namespace("default");
        let annotations = json!({"storageclass.kubernetes.io/is-default-class": "true"});
        let class = json!({
            "metadata": {"name": "standard", "annotations": annotations}, "provisioner": "ebs.csi.aws.com",
            "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate",
        });
        self.seed("sc", "", class);
        let metrics = self.shared.with(|state| state.settings.metrics);
        self.metrics(metrics);
        for node in ["node-1", "node-2"] {
            self.node(node);
        }
    }

    /// Makes an object of any kind, and its namespace where it is missing; workloads are ready at once.
    pub(crate) fn seed(&self, kind: &str, namespace: &str, object: Value) {
        let kind = Kind::named(kind);
        self.shared.with(|state| {
            let missing =
                kind.namespaced() && state.store.get(&Key::new(Kind::named("ns"), "", namespace)).is_none();
            if missing {
                make(state, Kind::named("ns"), "", json!({"metadata": {"name": namespace}}));
            }
            make(state, kind, namespace, object);
            settle_now(state);
        });
    }

    /// Removes an object behind the back of every client.
    pub(crate) fn remove(&self, kind: &str, namespace: &str, name: &str) {
        let kind = Kind::named(kind);
        let key = Key::new(kind, namespace, name);
        let removed = self.shared.with(|state| state.store.delete(kind, &key, false));
        assert!(removed.is_ok(), "the cluster has no {} {namespace}/{name}", kind.resource);
    }

    /// Makes a namespace.
    pub(crate) fn namespace(&self, name: &str) {
        self.seed("namespaces", "", json!({"metadata": {"name": name}}));
    }

    /// Makes a node that is ready: 4 CPUs, 8 GiB.
    pub(crate) fn node(&self, name: &str) {
        self.seed("nodes", "", node(name, "4", "8Gi"));
    }

    /// Makes a deployment with all replicas ready; its pods carry the label `app` with its name.
    pub(crate) fn deployment(&self, namespace: &str, name: &str, replicas: i64) {
        self.seed("deployments", namespace, workload(name, replicas));
    }

    /// Makes a stateful set with all replicas ready.
    pub(crate) fn statefulset(&self, namespace: &str, name: &str, replicas: i64) {
        let mut set = workload(name, replicas);
        set["spec"]["serviceName"] = json!(name);
        self.seed("statefulsets", namespace, set);
    }

    /// Makes an autoscaler over `deployment/NAME` or `statefulset/NAME`, on cpu at 70 % and memory at 80 %.
    pub(crate) fn hpa(&self, namespace: &str, name: &str, target: &str, min: i64, max: i64) {
        let (kind, target) = target.split_once('/').expect("a target is KIND/NAME");
        let target = json!({"apiVersion": "apps/v1", "kind": Kind::named(kind).kind, "name": target});
        let metric = |name: &str, percent: i64| {
            let goal = json!({"type": "Utilization", "averageUtilization": percent});
            json!({"type": "Resource", "resource": {"name": name, "target": goal}})
        };
        let spec = json!({
            "scaleTargetRef": target, "minReplicas": min, "maxReplicas": max,
            "metrics": [metric("cpu", 70), metric("memory", 80)],
        });
        self.seed("hpa", namespace, json!({"metadata": {"name": name}, "spec": spec}));
    }

    /// Makes a disruption budget for the pods whose label `app` is `app`.
    pub(crate) fn pdb(&self, namespace: &str, name: &str, app: &str, min_available: i64) {
        let spec = json!({"minAvailable": min_available, "selector": {"matchLabels": {"app": app}}});
        self.seed("pdb", namespace, json!({"metadata": {"name": name}, "spec": spec}));
    }

    /// Makes a config map.
    pub(crate) fn configmap(&self, namespace: &str, name: &str, data: Value) {
        self.seed("configmaps", namespace, json!({"metadata": {"name": name}, "data": data}));
    }
}

/// Returns a node that is ready.
pub(super) fn node(name: &str, cpu: &str, memory: &str) -> Value {
    let size = json!({"cpu": cpu, "memory": memory, "pods": "58"});
    let since = now();
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "lastHeartbeatTime": since, "lastTransitionTime": since,
        })
    };
    let conditions = [
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID"),
        condition("Ready", "True", "KubeletReady"),
    ];
    let status = json!({
        "capacity": size, "allocatable": size, "conditions": conditions,
        "addresses": [{"type": "Hostname", "address": name}],
        "nodeInfo": {"kubeletVersion": "v1.33.0", "operatingSystem": "linux", "architecture": "amd64"},
    });
    let metadata = json!({"name": name, "labels": {"kubernetes.io/hostname": name}});
    json!({"metadata": metadata, "spec": {}, "status": status})
}

fn make(state: &mut State, kind: &'static Kind, namespace: &str, mut object: Value) {
    defaults::fill(kind, &mut object);
    let made = state.store.create(kind, namespace, object, Write::Keep);
    made.unwrap_or_else(|refusal| panic!("the seed is refused: {refusal:?}"));
}

/// Brings the new pods up without their usual delay; a limit still holds.
fn settle_now(state: &mut State) {
    let usual = std::mem::take(&mut state.settings.ready_after);
    controllers::settle(state);
    state.settings.ready_after = usual;
}

pub(super) fn workload(name: &str, replicas: i64) -> Value {
    let labels = json!({"app": name});
    let container = json!({
        "name": name, "image": format!("registry.test/{name}:1.0.0"), "ports": [{"containerPort": 8080}],
        "env": [{"name": "LOG_LEVEL", "value": "info"}],
        "resources": {"requests": {"cpu": "200m", "memory": "256Mi"}, "limits": {"cpu": "500m", "memory": "512Mi"}},
    });
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [container]}});
    let spec = json!({"replicas": replicas, "selector": {"matchLabels": labels}, "template": template});
    json!({"metadata": {"name": name, "labels": labels}, "spec": spec})
}
