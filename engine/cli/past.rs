//! How long a runbook usually takes, read from the journal while the run goes on already.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::settings::Settings;
use super::view;
use crate::journal::{Filter, JournalError, Store};
use crate::report::{Past, Reporter, Usual};

/// How many runs are looked at, the newest.
const RUNS: u32 = 9;

/// How many events are read at most: beside the run there is other work for this machine.
const EVENTS: u64 = 60_000;

/// Tells the view how long the runbook usually takes, as soon as that is known. Where nobody would see it nothing is read; what
/// can't be read is left out, since nothing hangs on it. `run` is not counted: it is the one that is shown.
pub(super) fn tell(
    to: &mut dyn Reporter,
    store: &Store,
    runbook: &str,
    run: Option<&str>,
    settings: &Settings,
) {
    if !view::is_live(settings) {
        return;
    }
    let usual: Arc<OnceLock<Usual>> = Arc::default();
    to.usual(Arc::clone(&usual));
    let (path, runbook, run): (PathBuf, _, _) =
        (store.path().to_owned(), runbook.to_owned(), run.map(str::to_owned));
    // Not joined: it writes nothing, and the run does not wait for it.
    std::thread::spawn(move || match read(&path, &runbook, run.as_deref()) {
        Ok(past) => drop(usual.set(past.usual())),
        Err(error) => tracing::debug!(%error, "how long the runbook usually takes could not be read"),
    });
}

fn read(path: &Path, runbook: &str, run: Option<&str>) -> Result<Past, JournalError> {
    let store = Store::open_read_only(path)?;
    let filter = Filter { runbook: Some(runbook.to_owned()), limit: Some(RUNS + 1), ..Filter::default() };
    let (mut past, mut left) = (Past::default(), EVENTS);
    for row in store.runs(&filter)? {
        if run == Some(row.id.as_str()) || row.events > left {
            continue;
        }
        left -= row.events;
        past.begin();
        store.stream(&row.id, 0, |record| {
            past.apply(record.at, &record.event);
            ControlFlow::Continue(())
        })?;
    }
    Ok(past)
}
