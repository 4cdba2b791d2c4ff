//! What makes a list of steps no DAG.

use crate::model::Place;

/// Why the steps can't be ordered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A step needs an id that no step has.
    #[error("step `{step}` needs `{need}`, and no step here has that id")]
    UnknownNeed {
        /// The step that needs it.
        step: String,
        /// The id that is not there.
        need: String,
        /// Where the step stands.
        at: Place,
    },
    /// Two steps have one id.
    #[error("two steps have the id `{step}`")]
    Duplicate {
        /// The id.
        step: String,
        /// Where the first stands.
        first: Place,
        /// Where the later one stands.
        at: Place,
    },
    /// Steps need each other in a circle, so none of them could ever start.
    #[error("these steps wait for each other and none could ever start: {}", path.join(" needs "))]
    Cycle {
        /// The ids around the circle: each needs the one after it, and the first is repeated at the end.
        path: Vec<String>,
        /// Where the first of them stands.
        at: Place,
    },
}
