//! `pods/NAME/eviction`: a pod is deleted, unless a disruption budget has none to spare.

use serde_json::{Value, json};

use super::controllers::budget;
use super::kinds::Kind;
use super::selector;
use super::state::State;
use super::status::Refusal;
use super::store::{Key, Write};

/// Evicts a pod.
///
/// # Errors
/// 429 where a budget would be broken; 500 where two budgets select the pod, as a real server cannot decide either.
pub(crate) fn answer(state: &mut State, key: &Key, pod: &Value, write: Write) -> Result<Value, Refusal> {
    // Two evictions may come between two looks of the controller; the second must see what the first took.
    budget::reconcile(&mut state.store);
    let budgets = state.store.list(Kind::named("pdb"), Some(&key.namespace));
    let mine: Vec<(&Key, &Value)> =
        budgets.filter(|(_, budget)| selector::matches(&budget["spec"]["selector"], pod)).collect();
    // A pod that never ran is of no use to a budget.
    let waits = pod["status"]["phase"] == "Pending";
    match mine[..] {
        [_, _, ..] => {
            let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not \
                           support.";
            return Err(Refusal::new(500, "InternalError", message));
        }
        [(name, budget)] if !waits && budget["status"]["disruptionsAllowed"].as_i64().unwrap_or(0) < 1 => {
            let count = |field: &str| budget["status"][field].as_i64().unwrap_or(0);
            let cause = format!(
                "The disruption budget {} needs {} healthy pods and has {} currently",
                name.name,
                count("desiredHealthy"),
                count("currentHealthy"),
            );
            return Err(Refusal::disruption(&cause));
        }
        _ => {}
    }
    if write == Write::Keep {
        state.store.delete(Kind::named("pods"), key, false)?;
        budget::reconcile(&mut state.store);
    }
    Ok(json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}))
}
