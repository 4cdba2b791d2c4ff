//! What of a run is worth telling somebody who does not watch it.
//!
//! | committed | told as |
//! | --- | --- |
//! | the run was opened | `started` |
//! | a person is asked; or the run rests and waits for who settles a doubt | `waiting` |
//! | it rests, failed | `failed` |
//! | it rests, stopped by somebody | `stopped` |
//! | it rests, succeeded | `finished` |
//! | it rests, undone whole, in part, or down to a step | `rolled_back` |
//!
//! A run that is taken up again is not told to have started: it was, and what comes of it is told at its next rest. A run
//! that rests because nobody answered is not told twice: the question was.

use crate::model::Moment;

use super::event::{Event, RunStatus};
use super::state::{Progress, State};

/// Returns what to tell of an event that was committed; `state` has it in it.
pub fn moment(event: &Event, state: &State) -> Option<Moment> {
    match event {
        Event::Opened(_) => Some(Moment::Started),
        Event::Asked { .. } => Some(Moment::Waiting),
        Event::Rested { status } => match status {
            RunStatus::Succeeded => Some(Moment::Finished),
            RunStatus::Failed => Some(Moment::Failed),
            RunStatus::Interrupted => Some(Moment::Stopped),
            RunStatus::RolledBack | RunStatus::RollbackFailed | RunStatus::PartlyUndone => {
                Some(Moment::RolledBack)
            }
            RunStatus::Waiting => {
                let asks = state.instances().any(|(_, one)| matches!(one.progress, Progress::Asking(_)));
                (!asks).then_some(Moment::Waiting)
            }
            // No run rests like this.
            RunStatus::Running | RunStatus::RollingBack => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Graph, Opened};
    use crate::model::Runbook;

    #[test]
    fn every_rest_is_told_once_and_by_its_own_word() {
        let graph = Graph::of(&Runbook::default());
        let mut state = State::new(&graph);
        state.apply(&graph, &Event::Opened(Opened::none())).expect("it is the first");
        let told = |status| moment(&Event::Rested { status }, &state);
        for (status, as_what) in [
            (RunStatus::Succeeded, Some(Moment::Finished)),
            (RunStatus::Failed, Some(Moment::Failed)),
            (RunStatus::Interrupted, Some(Moment::Stopped)),
            (RunStatus::RolledBack, Some(Moment::RolledBack)),
            (RunStatus::RollbackFailed, Some(Moment::RolledBack)),
            (RunStatus::PartlyUndone, Some(Moment::RolledBack)),
            // Nobody is asked, so it is a doubt that it waits for.
            (RunStatus::Waiting, Some(Moment::Waiting)),
            (RunStatus::Running, None),
            (RunStatus::RollingBack, None),
        ] {
            assert_eq!(told(status), as_what, "{status:?}");
        }
    }

    #[test]
    fn a_hook_that_went_wrong_changes_nothing_and_may_follow_the_rest() {
        let graph = Graph::of(&Runbook::default());
        let mut state = State::new(&graph);
        let rested = Event::Rested { status: RunStatus::Succeeded };
        for event in [Event::Opened(Opened::none()), rested] {
            state.apply(&graph, &event).expect("it can follow");
        }
        let before = format!("{state:?}");
        let event = Event::HookFailed { hook: Moment::Finished, of: 2, why: "it exited with 1".to_owned() };
        state.apply(&graph, &event).expect("it can follow");
        assert_eq!((format!("{state:?}"), moment(&event, &state)), (before, None));
    }
}
