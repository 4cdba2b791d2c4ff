//! The kinds the server knows: one line each. A new kind is a new line, and columns in `table.rs` if people look at it.

use std::ptr;

/// A kind of object and where the API keeps it.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    /// The plural of the address; with the group, the identity of the kind.
    pub(crate) resource: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) short: &'static [&'static str],
    pub(crate) scope: Scope,
    /// The addresses below an object, such as `scale`.
    pub(crate) below: &'static [&'static str],
}

/// Where the objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Cluster,
    Namespaced,
}

use Scope::{Cluster, Namespaced};

const fn kind(
    (group, version): (&'static str, &'static str),
    resource: &'static str,
    kind: &'static str,
    short: &'static [&'static str],
    scope: Scope,
    below: &'static [&'static str],
) -> Kind {
    Kind { group, version, resource, kind, short, scope, below }
}

const CORE: (&str, &str) = ("", "v1");
const APPS: (&str, &str) = ("apps", "v1");

const STORAGE: (&str, &str) = ("storage.k8s.io", "v1");
const METRICS: (&str, &str) = ("metrics.k8s.io", "v1beta1");

/// Every kind. The metrics and the custom kinds are served only while the cluster has their API.
pub(crate) static KINDS: &[Kind] = &[
    kind(CORE, "namespaces", "Namespace", &["ns"], Cluster, &["status"]),
    kind(CORE, "nodes", "Node", &["no"], Cluster, &["status"]),
    kind(CORE, "pods", "Pod", &["po"], Namespaced, &["status", "log", "exec", "eviction"]),
    kind(CORE, "events", "Event", &["ev"], Namespaced, &[]),
    kind(CORE, "configmaps", "ConfigMap", &["cm"], Namespaced, &[]),
    kind(CORE, "secrets", "Secret", &[], Namespaced, &[]),
    kind(CORE, "services", "Service", &["svc"], Namespaced, &["status"]),
    kind(CORE, "serviceaccounts", "ServiceAccount", &["sa"], Namespaced, &[]),
    kind(CORE, "persistentvolumeclaims", "PersistentVolumeClaim", &["pvc"], Namespaced, &["status"]),
    kind(CORE, "persistentvolumes", "PersistentVolume", &["pv"], Cluster, &["status"]),
    kind(CORE, "resourcequotas", "ResourceQuota", &["quota"], Namespaced, &["status"]),
    kind(CORE, "limitranges", "LimitRange", &["limits"], Namespaced, &[]),
    kind(APPS, "deployments", "Deployment", &["deploy"], Namespaced, &["scale", "status"]),
    kind(APPS, "statefulsets", "StatefulSet", &["sts"], Namespaced, &["scale", "status"]),
    kind(APPS, "replicasets", "ReplicaSet", &["rs"], Namespaced, &["scale", "status"]),
    kind(APPS, "daemonsets", "DaemonSet", &["ds"], Namespaced, &["status"]),
    kind(APPS, "controllerrevisions", "ControllerRevision", &[], Namespaced, &[]),
    kind(
        ("autoscaling", "v2"),
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        &["hpa"],
        Namespaced,
        &["status"],
    ),
    kind(("policy", "v1"), "poddisruptionbudgets", "PodDisruptionBudget", &["pdb"], Namespaced, &["status"]),
    kind(("coordination.k8s.io", "v1"), "leases", "Lease", &[], Namespaced, &[]),
    kind(STORAGE, "storageclasses", "StorageClass", &["sc"], Cluster, &[]),
    kind(
        ("apiextensions.k8s.io", "v1"),
        "customresourcedefinitions",
        "CustomResourceDefinition",
        &["crd", "crds"],
        Cluster,
        &["status"],
    ),
    kind(
        ("autoscaling.k8s.io", "v1"),
        "verticalpodautoscalers",
        "VerticalPodAutoscaler",
        &["vpa"],
        Namespaced,
        &["status"],
    ),
    kind(("apiregistration.k8s.io", "v1"), "apiservices", "APIService", &[], Cluster, &["status"]),
    kind(METRICS, "nodes", "NodeMetrics", &[], Cluster, &[]),
    kind(METRICS, "pods", "PodMetrics", &[], Namespaced, &[]),
];

impl Kind {
    /// Returns the kind at that address, `None` where the server has none.
    pub(crate) fn at(group: &str, version: &str, resource: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| (kind.group, kind.version, kind.resource) == (group, version, resource))
    }

    /// Returns the kind by plural, singular, kind or short name; a test that names no such kind is wrong.
    pub(crate) fn named(name: &str) -> &'static Self {
        let lower = name.to_lowercase();
        let matches = |kind: &&Self| {
            kind.resource == lower || kind.singular() == lower || kind.short.contains(&lower.as_str())
        };
        KINDS.iter().find(matches).unwrap_or_else(|| panic!("the test cluster has no kind `{name}`"))
    }

    /// Returns the singular of the address.
    pub(crate) fn singular(&self) -> String {
        self.kind.to_lowercase()
    }

    /// Returns `v1`, or `apps/v1`: what `apiVersion` says.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Returns `pods`, or `deployments.apps`: how messages name the kind.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.resource.to_owned()
        } else {
            format!("{}.{}", self.resource, self.group)
        }
    }

    /// Returns whether these are measurements: answered from what runs, never stored.
    pub(crate) fn is_metrics(&self) -> bool {
        self.group == METRICS.0
    }

    /// Returns whether the kind is known only while its CustomResourceDefinition is there.
    pub(crate) fn is_custom(&self) -> bool {
        self.group == "autoscaling.k8s.io"
    }

    /// Returns whether objects of this kind live in a namespace.
    pub(crate) fn namespaced(&self) -> bool {
        self.scope == Namespaced
    }

    /// Returns whether the API counts changes of the spec for this kind.
    pub(crate) fn counts_generations(&self) -> bool {
        matches!(self.group, "apps" | "policy")
    }

    /// Returns whether the status is written by controllers only, never with the object.
    pub(crate) fn has_status(&self) -> bool {
        self.below.contains(&"status")
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self, other)
    }
}
