//! Whether a rollout moves: done, on its way, or without a step for longer than its deadline.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::deployment::updated_at;
use crate::support::kube::clock::now;

const DONE: &str = "NewReplicaSetAvailable";
const MOVING: &str = "ReplicaSetUpdated";

/// Returns the `Progressing` condition of a deployment whose status comes to be `status`.
pub(super) fn condition(deployment: &Value, status: &Value, set: &str, done: bool) -> Value {
    let before = &deployment["status"]["conditions"];
    let earlier = find(before);
    let new = |yes: &str, reason: &str, what: &str| {
        let message = format!("ReplicaSet \"{set}\" {what}");
        updated_at(before, super::condition(before, "Progressing", yes, reason, &message))
    };
    if done {
        return new("True", DONE, "has successfully progressed.");
    }
    // A change of the count alone is no rollout: it has no deadline, and `rollout status` may wait for ever.
    let same_pods = status["replicas"] == status["updatedReplicas"];
    if let Some(earlier) = earlier.filter(|earlier| same_pods && earlier["reason"] == DONE) {
        return earlier.clone();
    }
    let count = |status: &Value, field: &str| status[field].as_i64().unwrap_or(0);
    let stepped = ["updatedReplicas", "readyReplicas"]
        .iter()
        .any(|field| count(status, field) > count(&deployment["status"], field));
    let another = !earlier.is_some_and(|earlier| {
        earlier["reason"] != DONE && earlier["message"].as_str().is_some_and(|message| message.contains(set))
    });
    if stepped || another {
        let mut moving = new("True", MOVING, "is progressing.");
        moving["lastUpdateTime"] = json!(now());
        return moving;
    }
    if left(deployment).is_none_or(|left| left.is_zero()) {
        return new("False", "ProgressDeadlineExceeded", "has timed out progressing.");
    }
    new("True", MOVING, "is progressing.")
}

/// Returns how long a rollout may still stand still; `None` where none is on its way.
pub(super) fn left(deployment: &Value) -> Option<Duration> {
    let condition = find(&deployment["status"]["conditions"]).filter(|one| one["reason"] == MOVING)?;
    let since: Timestamp = condition["lastUpdateTime"].as_str()?.parse().ok()?;
    let deadline = deployment["spec"]["progressDeadlineSeconds"].as_i64()?;
    // Times are kept in whole seconds: a rollout may have one more than it was given, never one less.
    let passed = Timestamp::now().as_second() - since.as_second();
    Some(Duration::from_secs(u64::try_from(deadline + 1 - passed).unwrap_or(0)))
}

fn find(conditions: &Value) -> Option<&Value> {
    conditions.as_array()?.iter().find(|one| one["type"] == "Progressing")
}
