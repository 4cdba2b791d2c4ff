//! The scheduler: which node has room for a pod, and what to say where none has.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::kube::kinds::Kind;
use crate::support::kube::quantity;
use crate::support::kube::selector;
use crate::support::kube::store::Store;

/// What preemption could not do either: the end of every refusal, counted by node.
const NO_VICTIMS: &str = "No preemption victims found for incoming pod";
const NO_HELP: &str = "Preemption is not helpful for scheduling";

/// A node and what is left of it: thousandths of a CPU, thousandths of a byte, pods.
struct Node {
    object: Value,
    cpu: i64,
    memory: i64,
    pods: i64,
    used: i64,
}

/// The nodes as they are now; every pod that gets its place is taken off.
pub(super) struct Nodes(Vec<Node>);

impl Nodes {
    pub(super) fn read(store: &Store) -> Self {
        let mut nodes: Vec<Node> = store
            .list(Kind::named("nodes"), None)
            .map(|(_, node)| {
                let size = &node["status"]["allocatable"];
                Node {
                    cpu: quantity::thousandths(&size["cpu"]),
                    memory: quantity::thousandths(&size["memory"]),
                    pods: quantity::units(&size["pods"]),
                    used: 0,
                    object: node.clone(),
                }
            })
            .collect();
        for (_, pod) in store.list(Kind::named("pods"), None) {
            let mine = |node: &&mut Node| node.object["metadata"]["name"] == pod["spec"]["nodeName"];
            if let Some(node) = nodes.iter_mut().find(mine) {
                node.take(pod);
            }
        }
        Self(nodes)
    }

    /// Returns whether the pod is on a node that is no more.
    pub(super) fn lost(&self, pod: &Value) -> bool {
        let node = &pod["spec"]["nodeName"];
        !node.is_null() && self.0.iter().all(|known| known.object["metadata"]["name"] != *node)
    }

    /// Returns the node the pod goes to: of those that fit, the one with the fewest pods.
    ///
    /// # Errors
    /// The message of the `FailedScheduling` event.
    pub(super) fn place(&mut self, store: &Store, pod: &Value) -> Result<String, String> {
        let count = self.0.len();
        if count == 0 {
            return Err("no nodes available to schedule pods".to_owned());
        }
        if let Some(message) = claim(store, pod) {
            return Err(refusal(count, &message, &BTreeMap::from([(NO_HELP, count)])));
        }
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        let mut preemption: BTreeMap<&str, usize> = BTreeMap::new();
        let mut best: Option<&mut Node> = None;
        for node in &mut self.0 {
            let missing = node.misses(pod);
            if missing.is_empty() && best.as_ref().is_none_or(|best| node.used < best.used) {
                best = Some(node);
                continue;
            }
            let lacks_room = missing.iter().any(|reason| reason.starts_with("Insufficient"));
            *preemption.entry(if lacks_room { NO_VICTIMS } else { NO_HELP }).or_default() += 1;
            for reason in missing {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        let Some(best) = best else {
            return Err(refusal(count, &counted(&reasons), &preemption));
        };
        best.take(pod);
        Ok(best.object["metadata"]["name"].as_str().unwrap_or_default().to_owned())
    }
}

impl Node {
    fn take(&mut self, pod: &Value) {
        self.cpu -= quantity::of_pod(pod, "requests", "cpu");
        self.memory -= quantity::of_pod(pod, "requests", "memory");
        self.pods -= 1;
        self.used += 1;
    }

    /// Returns why the pod cannot go here; nothing where it can. One reason of each step, as the real one stops there.
    fn misses(&self, pod: &Value) -> Vec<&'static str> {
        if self.object["spec"]["unschedulable"] == true {
            return vec!["node(s) were unschedulable"];
        }
        let taints = self.object["spec"]["taints"].as_array().into_iter().flatten();
        let hard = |taint: &&Value| taint["effect"] != "PreferNoSchedule";
        if taints.filter(hard).any(|taint| !tolerated(pod, taint)) {
            return vec!["node(s) had untolerated taint(s)"];
        }
        if !chosen(pod, &self.object["metadata"]["labels"]) {
            return vec!["node(s) didn't match Pod's node affinity/selector"];
        }
        let wants = |resource| quantity::of_pod(pod, "requests", resource);
        let mut missing = Vec::new();
        if wants("cpu") > self.cpu.max(0) {
            missing.push("Insufficient cpu");
        }
        if wants("memory") > self.memory.max(0) {
            missing.push("Insufficient memory");
        }
        if self.pods < 1 {
            missing.push("Too many pods");
        }
        missing
    }
}

fn counted(reasons: &BTreeMap<&str, usize>) -> String {
    let mut each: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    // By the whole text, the count first, as the real one does.
    each.sort();
    each.join(", ")
}

fn refusal(nodes: usize, why: &str, preemption: &BTreeMap<&str, usize>) -> String {
    let none = format!("0/{nodes} nodes are available: ");
    format!("{none}{why}. no new claims to deallocate, preemption: {none}{}.", counted(preemption))
}

/// Returns what is wrong with a claim of the pod, if anything.
fn claim(store: &Store, pod: &Value) -> Option<String> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let claims = volumes.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
    for name in claims {
        let namespace = pod["metadata"]["namespace"].as_str();
        let found = store.list(Kind::named("pvc"), namespace).find(|(key, _)| key.name == name);
        match found {
            None => return Some(format!("persistentvolumeclaim \"{name}\" not found")),
            Some((_, claim)) if claim["status"]["phase"] != "Bound" => {
                return Some("pod has unbound immediate PersistentVolumeClaims".to_owned());
            }
            Some(_) => {}
        }
    }
    None
}

fn tolerated(pod: &Value, taint: &Value) -> bool {
    let tolerations = pod["spec"]["tolerations"].as_array().into_iter().flatten();
    tolerations.into_iter().any(|one| {
        let all_keys = one["key"].is_null() && one["operator"] == "Exists";
        let same_key = one["key"] == taint["key"];
        let same_value = one["operator"] == "Exists" || one["value"] == taint["value"];
        let same_effect = one["effect"].is_null() || one["effect"] == taint["effect"];
        (all_keys || (same_key && same_value)) && same_effect
    })
}

/// Returns whether the node's labels are those that the pod's selector and required affinity want.
fn chosen(pod: &Value, labels: &Value) -> bool {
    let selector = pod["spec"]["nodeSelector"].as_object().into_iter().flatten();
    let rules = &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let terms = rules["nodeSelectorTerms"].as_array();
    let node = json!({"metadata": {"labels": labels}});
    let holds = |term: &Value| {
        let expressions = json!({"matchExpressions": term["matchExpressions"]});
        selector::matches(&expressions, &node)
    };
    selector.into_iter().all(|(key, value)| labels[key] == *value)
        && terms.is_none_or(|terms| terms.iter().any(holds))
}
