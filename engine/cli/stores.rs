//! The journal as the verbs open it, and the run that a person means.

use std::path::PathBuf;

use super::console::{Console, one_line};
use super::error::CliError;
use super::settings::{REHEARSALS, Settings};
use crate::driver::{DriveError, life, now, outlive_file_limit};
use crate::journal::{Filter, JournalError, RunId, RunRow, Store, Stored};
use crate::machine::{Graph, Mode, RunStatus, State};
use crate::report::{Role, Standing};

/// Opens the journal for a new run; makes it when it is not there.
///
/// # Errors
///
/// Whatever the journal refuses.
pub fn open(settings: &Settings) -> Result<Store, CliError> {
    if let Err(error) = outlive_file_limit() {
        tracing::warn!(%error, "a write beyond the limit on file sizes will end this process");
    }
    Ok(Store::open(settings.store.value.path())?)
}

/// Opens the journal of rehearsals, beside the other; makes it when it is not there. A journal of its own: a rehearsal is
/// never the newest run, takes no lock, and is in no history.
///
/// # Errors
///
/// Whatever the journal refuses.
pub fn open_rehearsals(settings: &Settings) -> Result<Store, CliError> {
    if let Err(error) = outlive_file_limit() {
        tracing::warn!(%error, "a write beyond the limit on file sizes will end this process");
    }
    Ok(Store::open(rehearsals(settings))?)
}

/// Opens the journal of rehearsals for reading; nothing when there is none yet.
///
/// # Errors
///
/// Whatever else the journal refuses.
pub fn read_rehearsals_if_any(settings: &Settings) -> Result<Option<Store>, CliError> {
    match Store::open_read_only(rehearsals(settings)) {
        Err(JournalError::Missing { .. }) => Ok(None),
        other => Ok(Some(other?)),
    }
}

fn rehearsals(settings: &Settings) -> PathBuf {
    settings.store.value.path().with_file_name(REHEARSALS)
}

/// Says whether a run that was typed is a rehearsal.
///
/// # Errors
///
/// When it could be a run as well as a rehearsal: neither is taken for the other because one is looked for first.
fn is_rehearsal(settings: &Settings, typed: Option<&str>) -> Result<bool, CliError> {
    let Some(typed) = typed else { return Ok(false) };
    // Rehearsals that can't be read are no reason not to reach a run.
    let rehearsals = beginning_with(Store::open_read_only(rehearsals(settings)), typed).unwrap_or_default();
    if rehearsals.is_empty() {
        return Ok(false);
    }
    let mut runs = beginning_with(Store::open_read_only(settings.store.value.path()), typed)?;
    if runs.is_empty() {
        return Ok(true);
    }
    runs.extend(rehearsals);
    Err(JournalError::Ambiguous { given: typed.trim().to_owned(), runs }.into())
}

/// Returns the runs of a journal that begin as was typed; none where there is no journal.
fn beginning_with(store: Result<Store, JournalError>, typed: &str) -> Result<Vec<RunId>, JournalError> {
    match store.and_then(|store| store.find(typed)) {
        Ok(run) => Ok(vec![run]),
        Err(JournalError::Ambiguous { runs, .. }) => Ok(runs),
        Err(JournalError::NoSuchRun { .. } | JournalError::Missing { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Opens the journal that has the run which was typed, to add to it: that of rehearsals when the other has none such.
///
/// # Errors
///
/// As [`existing`].
pub fn existing_with(settings: &Settings, typed: Option<&str>) -> Result<Store, CliError> {
    if is_rehearsal(settings, typed)? { open_rehearsals(settings) } else { existing(settings) }
}

/// Opens the journal that has the run which was typed, for reading.
///
/// # Errors
///
/// As [`existing`].
pub fn read_with(settings: &Settings, typed: Option<&str>) -> Result<Store, CliError> {
    if is_rehearsal(settings, typed)? {
        return Ok(Store::open_read_only(rehearsals(settings))?);
    }
    read(settings)
}

/// Opens the journal to add to a run in it; makes none.
///
/// # Errors
///
/// As [`open`], and when there is none yet.
pub fn existing(settings: &Settings) -> Result<Store, CliError> {
    read(settings)?;
    open(settings)
}

/// Opens the journal for reading.
///
/// # Errors
///
/// As [`existing`].
pub fn read(settings: &Settings) -> Result<Store, CliError> {
    Ok(Store::open_read_only(settings.store.value.path())?)
}

/// Opens the journal for reading; nothing when there is none yet.
///
/// # Errors
///
/// Whatever else the journal refuses.
pub fn read_if_any(settings: &Settings) -> Result<Option<Store>, CliError> {
    match read(settings) {
        Err(CliError::Journal(JournalError::Missing { .. })) => Ok(None),
        other => other.map(Some),
    }
}

/// Returns the run that was typed; when nothing was, the newest that is not finished, which is named on stderr.
///
/// # Errors
///
/// When no run, or more than one, is meant.
pub fn meant(store: &Store, typed: Option<&str>, console: Console) -> Result<RunRow, CliError> {
    if let Some(typed) = typed {
        return Ok(store.run(&store.find(typed)?)?);
    }
    let mut unfinished = store.runs(&Filter { unfinished: true, ..Filter::default() })?.into_iter();
    let Some(run) = unfinished.next() else {
        let message = "no run is unfinished";
        return Err(CliError::usage_with(message, "name one; `runbook runs --all` lists them"));
    };
    named(&run, console);
    others(&unfinished.collect::<Vec<_>>(), console);
    Ok(run)
}

/// As [`meant`], for going on: the newest unfinished run that no engine drives comes first, since a run that goes on by
/// itself is not what somebody wants to resume. With `taken` it is the other way round: that is what is taken over.
///
/// # Errors
///
/// As [`meant`].
pub fn meant_to_resume(
    store: &Store,
    typed: Option<&str>,
    taken: bool,
    console: Console,
) -> Result<RunRow, CliError> {
    if typed.is_some() {
        return meant(store, typed, console);
    }
    let mut unfinished = store.runs(&Filter { unfinished: true, ..Filter::default() })?;
    let Some(first) = unfinished.iter().position(|run| is_alive(run) == taken) else {
        return meant(store, None, console);
    };
    let run = unfinished.remove(first);
    named(&run, console);
    others(&unfinished, console);
    Ok(run)
}

/// Names on stderr the unfinished runs that were not meant, so that whoever meant one of them sees it in time.
fn others(runs: &[RunRow], console: Console) {
    /// How many are named.
    const NAMED: usize = 3;
    if runs.is_empty() {
        return;
    }
    let named = runs.iter().take(NAMED).map(|run| format!("{} ({})", run.id, one_line(&run.runbook)));
    let mut text = format!("unfinished too: {}", named.collect::<Vec<_>>().join(", "));
    if runs.len() > NAMED {
        text.push_str(&format!(" and {} more", runs.len() - NAMED));
    }
    console.say(&console.err.paint(Role::Quiet, &text));
}

/// Returns the run that was typed; when nothing was, the newest of all, finished or not, which is named on stderr.
///
/// The newest unfinished one would be a trap here: after a run that succeeded it may be one of last week.
///
/// # Errors
///
/// When no run, or more than one, is meant, and when the newest is rolled back already.
pub fn meant_to_undo(store: &Store, typed: Option<&str>, console: Console) -> Result<RunRow, CliError> {
    if typed.is_some() {
        return meant(store, typed, console);
    }
    let newest = store.runs(&Filter { limit: Some(1), ..Filter::default() })?.pop();
    let hint = "name one; `runbook runs --all` lists them";
    match newest {
        None => Err(CliError::usage_with("there is no run yet", hint)),
        Some(run) if run.status == RunStatus::RolledBack => {
            Err(CliError::usage_with(format!("the newest run, {}, is rolled back already", run.id), hint))
        }
        Some(run) => {
            named(&run, console);
            Ok(run)
        }
    }
}

/// Names on stderr the run that nobody typed.
pub fn named(run: &RunRow, console: Console) {
    let id = console.err.paint(Role::Strong, run.id.as_str());
    let runbook = one_line(&run.runbook);
    let status = match run.status {
        RunStatus::Running if !is_alive(run) => "no engine drives it",
        RunStatus::RollingBack if !is_alive(run) => "no engine drives it, and it was being rolled back",
        status => status.word(),
    };
    console.say(&format!("run {id}: {runbook}, begun {:.0}, {status}", run.created));
}

/// A stored run, read.
#[derive(Debug)]
pub struct Read {
    /// As it is stored.
    pub stored: Stored,
    /// Its shape.
    pub graph: Graph,
    /// Its state after the last event.
    pub state: State,
    /// Whether an engine drives it now.
    pub alive: bool,
}

/// Reads a run with all its events.
///
/// # Errors
///
/// Whatever the journal refuses; events that do not follow from each other.
pub fn load(store: &Store, run: &RunId) -> Result<Read, CliError> {
    let stored = store.load(run)?;
    let graph = Graph::of(&stored.snapshot.runbook);
    let mut state = State::new(&graph);
    for record in &stored.records {
        state
            .apply(&graph, &record.event)
            .map_err(|source| DriveError::Illegal { run: run.to_string(), source })?;
    }
    let alive = is_alive(&stored.run);
    Ok(Read { stored, graph, state, alive })
}

/// Says whether a run that an engine drives waits for a person only: for an answer, or at the prompt that a failure ends
/// in. Nothing is journaled of the latter before it is answered; it is what is left where nothing goes on.
pub fn asks(state: &State, graph: &Graph) -> bool {
    let mut asks = false;
    for (at, _) in state.instances() {
        match Standing::of(graph, state, at, true) {
            Standing::Asking | Standing::InDoubt => asks = true,
            Standing::Failed => asks |= state.status == RunStatus::Running,
            Standing::Ready => return false,
            standing if standing.is_active() => return false,
            _ => {}
        }
    }
    asks
}

/// Returns the step at which a run that an engine drives waits at the prompt that a failure ends in: the first to fail, or in
/// doubt, where nothing else goes on and nobody is asked anything else.
pub fn undecided(state: &State, graph: &Graph) -> Option<String> {
    // Where a failure lets the rest go on, that is offered once nobody is asked anything any more; where it does not, at once.
    let offers = match state.mode {
        Mode::Forward => state.asking == 0,
        Mode::Draining => !state.then_rollback,
        _ => false,
    };
    if !offers || !asks(state, graph) {
        return None;
    }
    let standing = |at| Standing::of(graph, state, at, true);
    let named = |at| state.name(graph, at);
    let mut found = state.instances().filter_map(|(at, _)| match standing(at) {
        Standing::Failed | Standing::InDoubt => Some(named(at)),
        _ => None,
    });
    let next = found.next()?;
    Some(state.first_failure.as_ref().map_or(next, |(name, _)| name.clone()))
}

/// Says whether an engine drives a run now.
pub fn is_alive(run: &RunRow) -> bool {
    run.lease.as_ref().is_some_and(|lease| lease.is_live(now(), life))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Event, Finish, Opened, Question};
    use crate::model::{Action, Body, OnFailure, Runbook, Step};

    /// A run in which `boom` failed beside the approval `go`.
    fn failed_beside_an_approval(on_failure: OnFailure) -> (State, Graph) {
        let action = Action::Approve(Box::default());
        let go = Step { id: "go".to_owned(), body: Body { action, ..Body::default() }, ..Step::default() };
        let boom = Step { id: "boom".to_owned(), on_failure: Some(on_failure), ..Step::default() };
        let graph = Graph::of(&Runbook { steps: vec![go, boom], ..Runbook::default() });
        let mut state = State::new(&graph);
        let (step, prompt) = ("go".to_owned(), String::new());
        let events = [
            Event::Opened(Opened::none()),
            Event::Started { step: step.clone() },
            Event::Asked { step, question: Question::Approval, prompt, covers: Vec::new(), ms: None },
            Event::Started { step: "boom".to_owned() },
            Event::Finished { step: "boom".to_owned(), result: Finish::Failed("no".to_owned()) },
        ];
        events.iter().for_each(|event| state.apply(&graph, event).unwrap());
        (state, graph)
    }

    #[test]
    fn a_run_that_waits_for_an_approval_is_not_said_to_wait_for_who_decides_about_a_failure() {
        let (mut state, graph) = failed_beside_an_approval(OnFailure::Continue);
        assert_eq!(undecided(&state, &graph), None);
        let by = crate::machine::Person { name: "ann".into(), host: String::new(), via: String::new() };
        let answered = Event::Answered {
            step: "go".to_owned(),
            by,
            yes: true,
            note: None,
            answers: crate::model::Map::new(),
            hash: None,
            covers: Vec::new(),
        };
        state.apply(&graph, &answered).unwrap();
        state.apply(&graph, &Event::Finished { step: "go".to_owned(), result: Finish::Succeeded }).unwrap();
        assert_eq!(undecided(&state, &graph).as_deref(), Some("boom"));
        // It takes the question down, and offers at once what can be done.
        let (state, graph) = failed_beside_an_approval(OnFailure::Pause);
        assert_eq!(undecided(&state, &graph).as_deref(), Some("boom"));
    }
}
