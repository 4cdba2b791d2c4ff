//! What the journal knows of a runbook, for its page.

use std::ops::ControlFlow;

use super::error::CliError;
use crate::docs::History;
use crate::journal::{Filter, Store};
use crate::machine::{Event, Finish, RunStatus, step_of};
use crate::model::Runbook;
use crate::report::Timeline;

/// How many runs are looked at, the newest: a page is asked for while somebody waits, and older runs were of another file.
const NEWEST: u32 = 200;

/// Returns what the journal knows of a runbook.
///
/// # Errors
///
/// Whatever the journal refuses.
pub(super) fn history(store: &Store, runbook: &Runbook) -> Result<History, CliError> {
    let filter = Filter { runbook: Some(runbook.name.clone()), limit: Some(NEWEST), ..Filter::default() };
    let mut history = History::default();
    let is_step = |id: &str| runbook.steps.iter().chain(&runbook.finally).any(|step| step.id == id);
    for run in store.runs(&filter)? {
        history.runs += 1;
        let mut timeline = Timeline::default();
        let (mut opened, mut whole) = (None, true);
        store.stream(&run.id, 0, |record| {
            timeline.apply(record.at, &record.event);
            match record.event {
                Event::Opened(of) => {
                    whole = of.options.only.is_empty() && of.options.from.is_none();
                    opened = Some((record.at, of.by));
                }
                Event::Finished { step, result: Finish::Succeeded } => {
                    let track = timeline.track(&step);
                    if let Some(time) = track.and_then(|track| track.took(record.at)) {
                        let id = step_of(&step, is_step).to_owned();
                        history.steps.entry(id).or_default().add(time);
                    }
                }
                _ => {}
            }
            ControlFlow::Continue(())
        })?;
        if run.status != RunStatus::Succeeded {
            continue;
        }
        history.good += 1;
        // One that did a part of it says nothing of how long it takes, or whether it works.
        if !whole {
            continue;
        }
        history.took.add(timeline.took(run.updated));
        // The newest come first.
        if let (None, Some((at, by))) = (&history.last_good, opened) {
            history.last_good =
                Some((format!("{} UTC", at.strftime("%Y-%m-%d %H:%M")), format!("{}@{}", by.name, by.host)));
        }
    }
    Ok(history)
}
