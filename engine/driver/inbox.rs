//! The inbox: what people ask of a run from another terminal.

use crate::journal::{Ask, Request};
use crate::machine::{Input, To};
use crate::model::Map;

/// Returns what a request says to the machine; `None` for one that this version does not know.
pub(super) fn input(request: &Request) -> Option<Input> {
    let by = request.by.clone();
    match request.ask.clone() {
        Ask::Approve { step, yes, note, answers, hash } => {
            let to = To::Decide(hash.unwrap_or_default());
            Some(Input::Answered { step, by, yes, note, answers, to })
        }
        Ask::Done { step, note } => {
            Some(Input::Answered { step, by, yes: true, note, answers: Map::new(), to: To::Done })
        }
        Ask::Cancel { hard } => Some(Input::Stop { by: format!("cancel by {}", by.name), hard }),
        Ask::Other { .. } => None,
    }
}
