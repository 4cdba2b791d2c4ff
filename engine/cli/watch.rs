//! A live run watched from another terminal: the reporter that shows a run as it goes, fed from the journal.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::console::Console;
use super::error::CliError;
use super::exit::Exit;
use super::settings::Settings;
use super::{past, stores, view};
use crate::driver::{DriveError, now};
use crate::journal::{RunId, Store};
use crate::machine::{Graph, Mode, State};
use crate::report::{EndInfo, Seen};

/// How often the journal is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Follows a run until it rests or its engine is gone. Ctrl-C ends the watching, and not the run.
///
/// # Errors
///
/// Whatever the journal refuses; events that do not follow from each other.
pub fn watch(
    store: &mut Store,
    run: &RunId,
    settings: &Settings,
    console: Console,
) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(follow(store, run, settings, console))
}

async fn follow(
    store: &mut Store,
    run: &RunId,
    settings: &Settings,
    console: Console,
) -> Result<Exit, CliError> {
    // The view may hide the cursor, so an end by a signal must come back here.
    let mut int = signal(SignalKind::interrupt())?;
    let mut term = signal(SignalKind::terminate())?;
    let graph = Graph::of_snapshot(Arc::new(store.snapshot(run)?));
    let mut state = State::new(&graph);
    let mut view = view::of(settings);
    past::tell(view.as_mut(), store, &store.run(run)?.runbook, Some(run.as_str()), settings);
    let (mut seen, mut first, mut last) = (0, None, None);
    loop {
        // Asked before the events are read: what a run did last is then among them.
        let alive = stores::is_alive(&store.run(run)?);
        if store.changed()? || seen == 0 {
            for record in store.tail(run, seen)? {
                let illegal = |source| DriveError::Illegal { run: run.to_string(), source };
                state.apply(&graph, &record.event).map_err(illegal)?;
                (seen, last) = (record.seq, Some(record.at));
                first.get_or_insert(record.at);
                let (state, graph) = (&state, &graph);
                view.event(&Seen {
                    run: run.as_str(),
                    seq: record.seq,
                    at: record.at,
                    event: &record.event,
                    state,
                    graph,
                });
            }
        }
        view.tick(now());
        if !alive {
            break;
        }
        tokio::select! {
            _ = int.recv() => { view.suspend(); return Ok(Exit::Interrupted) }
            _ = term.recv() => { view.suspend(); return Ok(Exit::Terminated) }
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    if state.mode != Mode::Resting {
        view.suspend();
        let program = settings.program();
        console.say(&format!("no engine drives it any more; `{program} status {run}` tells how it stands"));
        return Ok(Exit::Failed);
    }
    let took = first.zip(last).map(|(first, last)| last.duration_since(first).unsigned_abs());
    let (program, took) = (settings.program(), took.unwrap_or_default());
    view.close(&EndInfo { run: run.as_str(), program: &program, state: &state, graph: &graph, took });
    Ok(Exit::Good)
}
