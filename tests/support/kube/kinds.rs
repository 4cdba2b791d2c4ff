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

/// Every kind. Secrets, CRDs and metrics belong here too when a test needs them.
pub(crate) static KINDS: &[Kind] = &[
    kind(CORE, "namespaces", "Namespace", &["ns"], Cluster, &["status"]),
    kind(CORE, "nodes", "Node", &["no"], Cluster, &["status"]),
    kind(CORE, "pods", "Pod", &["po"], Namespaced, &["status"]),
    kind(CORE, "events", "Event", &["ev"], Namespaced, &[]),
    kind(CORE, "configmaps", "ConfigMap", &["cm"], Namespaced, &[]),
    kind(APPS, "deployments", "Deployment", &["deploy"], Namespaced, &["scale", "status"]),
    kind(APPS, "statefulsets", "StatefulSet", &["sts"], Namespaced, &["scale", "status"]),
    kind(APPS, "replicasets", "ReplicaSet", &["rs"], Namespaced, &["scale", "status"]),
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
