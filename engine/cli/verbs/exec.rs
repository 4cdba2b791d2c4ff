//! `runbook exec`: everything that can be wrong is looked for first; then the run is handed to the driver.

use std::path::Path;
use std::sync::Arc;

use super::rehearse;
use crate::cli::args::{AfterFailure, Exec, Rehearse};
use crate::cli::book::{Book, Books};
use crate::cli::console::{Console, one_line, wrapped};
use crate::cli::error::CliError;
use crate::cli::exit::{Asked, Exit};
use crate::cli::gather::{Missing, gather, left};
use crate::cli::people::AtTerminal;
use crate::cli::plan_file::Kept;
use crate::cli::prompt::Before;
use crate::cli::settings::Settings;
use crate::cli::terminal::{Dialogue, Terminal};
use crate::cli::{changing, detach, past, planned, prompt, steps, stores, tools, view};
use crate::driver::{self, Recorder, Surroundings};
use crate::load::Bound;
use crate::machine::{Graph, Judge, Options, RunFacts};
use crate::model::{Faults, OnFailure, Snapshot};
use crate::report::{Role, rows_of};
use crate::template::Engine;

/// The most steps at work at once, when nobody says.
const MAX_PARALLEL: u32 = 8;

/// Runs a runbook.
///
/// # Errors
///
/// Whatever keeps the run from beginning: nothing was run and nothing was written then.
pub fn run(exec: &Exec, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    run_or_rehearse(exec, None, settings, console)
}

/// As [`run`]; with `rehearse`, which makes a tape of the runbook's, its name and its steps, as a rehearsal.
pub(super) fn run_or_rehearse(
    exec: &Exec,
    rehearse: Option<&Rehearse>,
    settings: &Settings,
    console: Console,
) -> Result<Exit, CliError> {
    let books = Books::open(settings)?;
    let named = exec.name.as_deref();
    let kept = exec.plan.as_deref().map(|path| planned::open(path, named, &books, settings)).transpose()?;
    let planned_name = kept.as_ref().map(|kept| kept.file.snapshot.runbook.name.as_str());
    let book = books.book(planned_name.or(named).unwrap_or_default(), settings)?;
    steps::exist("--only", &exec.only, &book.runbook, false)?;
    steps::exist("--from", exec.from.as_slice(), &book.runbook, false)?;
    steps::exist("--approve", &exec.approve, &book.runbook, true)?;
    let tape = rehearse.map(|rehearse| rehearse::tape(rehearse, &book, settings, console)).transpose()?;
    let mut terminal = if settings.can_ask() { Terminal::open() } else { None };
    let reason = reason(exec, &book, terminal.as_mut())?;
    let bound = match (&kept, &mut terminal) {
        (Some(kept), terminal) => {
            planned::bind_as_planned(kept, book, &books, exec, terminal.as_mut(), settings, console)
        }
        (None, Some(terminal)) => {
            let ask = terminal as &mut dyn Dialogue;
            let missing = if tape.is_some() { Missing::AskAndStandIn(ask) } else { Missing::Ask(ask) };
            gather(book, &books, &exec.vars, missing, settings, console)
        }
        (None, None) => {
            let missing = if tape.is_some() { Missing::StandIn } else { Missing::Mistake };
            gather(book, &books, &exec.vars, missing, settings, console)
        }
    };
    let Bound { snapshot, secrets, .. } = bound?;
    // Only now it is known for what a `for_each` brings in its runbook.
    steps::exist("--only", &exec.only, &snapshot.runbook, false)?;
    steps::exist("--from", exec.from.as_slice(), &snapshot.runbook, false)?;
    steps::exist("--approve", &exec.approve, &snapshot.runbook, true)?;
    let part = steps::Part::of(exec, &snapshot.runbook)?;
    steps::may_be_approved(&exec.approve, &snapshot.runbook, &settings.person("flag"))?;
    let faults = match rehearse {
        Some(rehearse) => rehearse::faults(rehearse, &snapshot.runbook)?,
        None => {
            tools::look(&snapshot, &part.only, settings)?;
            Faults::default()
        }
    };
    let rehearses = tape.is_some();
    let consent = confirm(exec, (&snapshot, &part), rehearses, terminal.as_mut(), settings, console)?
        .map(|via| settings.person(via));

    let options = Options {
        max_parallel: exec.max_parallel.or(snapshot.runbook.max_parallel).unwrap_or(MAX_PARALLEL),
        on_failure: match exec.on_failure {
            Some(AfterFailure::Pause) => OnFailure::Pause,
            Some(AfterFailure::Rollback) => OnFailure::Rollback,
            None => snapshot.runbook.on_failure,
        },
        only: part.only,
        from: exec.from.clone(),
    };
    let by = settings.person(settings.via());
    let approvals = exec.approve.iter().cloned().collect();
    let plan = kept.as_ref().map(Kept::mark);
    let planned_target = kept.map(|kept| kept.file.target).unwrap_or_default();
    // Nobody else holds it any more: it is moved, and not copied.
    let mut snapshot = Arc::unwrap_or_clone(snapshot);
    snapshot.tape = tape.map(Box::new);
    let trace_parent = if rehearses { None } else { view::trace_parent(settings) };
    let work = driver::Exec {
        snapshot,
        secrets,
        options,
        by,
        reason,
        consent,
        plan,
        trace_parent,
        planned_target,
        faults,
    };
    if exec.detach {
        return detach::hand_over(detach::Work::Exec(Box::new(work)), approvals, settings, console);
    }
    // Only now: until here nothing may be written, not even an empty journal.
    let store = if rehearses { stores::open_rehearsals(settings)? } else { stores::open(settings)? };
    let recorder = recorder(exec.record.as_deref(), &work.snapshot.runbook.name, None, settings)?;
    let mut view = view::with_listeners(view::of(settings), settings, console, &work.secrets, rehearses);
    if !rehearses {
        past::tell(view.as_mut(), &store, &work.snapshot.runbook.name, None, settings);
    }
    let around = Surroundings {
        script: None,
        program: settings.program(),
        store: &store,
        reporter: view.as_mut(),
        people: terminal
            .map(|terminal| Box::new(AtTerminal::new(terminal, console)) as Box<dyn driver::People>),
        approvals,
        wait: exec.wait,
        recorder,
    };
    let closed = driver::exec(work, around)?;
    Ok(Exit::of(&closed, Asked::Forward))
}

/// Makes the tape that is to be recorded, when one is. `run` is the one that is taken up.
pub(super) fn recorder(
    named: Option<&Path>,
    runbook: &str,
    run: Option<&str>,
    settings: &Settings,
) -> Result<Option<Recorder>, CliError> {
    let Some(named) = named else { return Ok(None) };
    let path = settings.typed(named);
    let made = Recorder::create(&path, runbook, run).map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => CliError::usage_with(
            format!("--record {}: there is such a file already", named.display()),
            "name another: a tape that somebody worked on must not be lost",
        ),
        _ => CliError::File { path, source },
    });
    made.map(Some)
}

/// Returns why the run is made: leaving steps out takes the ground from under the others, so it needs one.
fn reason(exec: &Exec, book: &Book, terminal: Option<&mut Terminal>) -> Result<Option<String>, CliError> {
    let given = exec.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()).map(str::to_owned);
    let flag = if exec.from.is_some() { "--from" } else { "--only" };
    if given.is_some() || exec.only.is_empty() && exec.from.is_none() {
        return Ok(given);
    }
    let message = format!("{flag} leaves out steps of {}, and that needs a reason", book.runbook.name);
    let hint = "add --reason TEXT; it is kept in the journal";
    let Some(terminal) = terminal else { return Err(CliError::usage_with(message, hint)) };
    match prompt::text("Why only some of the steps? ", terminal).map_err(left)? {
        Some(reason) => Ok(Some(reason)),
        None => Err(CliError::usage_with(message, hint)),
    }
}

/// Makes sure that a protected run is meant. Returns from where that was said (`terminal`, `flag`), when it had to be.
fn confirm(
    exec: &Exec,
    (snapshot, part): (&Arc<Snapshot>, &steps::Part),
    rehearses: bool,
    terminal: Option<&mut Terminal>,
    settings: &Settings,
    console: Console,
) -> Result<Option<&'static str>, CliError> {
    let runbook = &snapshot.runbook;
    let graph = Arc::new(Graph::of_snapshot(Arc::clone(snapshot)));
    let judge = Judge::new(Arc::new(Engine::new()), Arc::clone(snapshot), graph, RunFacts::default());
    let Some(protect) = judge.protected() else { return Ok(None) };
    if exec.yes {
        return Ok(Some("flag"));
    }
    let what = format!("{} is protected ({})", runbook.name, one_line(protect));
    let hint = "add --yes to confirm it where no terminal can ask".to_owned();
    let Some(terminal) = terminal else { return Err(CliError::NotConfirmed { message: what, hint }) };
    let title = format!(
        "\n{}: {}\n",
        console.err.paint(Role::Strong, runbook.name.as_str()),
        one_line(&runbook.title)
    );
    let var = |(name, value): (&String, &crate::model::Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{name} = {}", one_line(&value))
    };
    let vars: Vec<String> = snapshot.vars.iter().map(var).collect();
    let mut after = format!("This is protected: {}\n", one_line(protect));
    if rehearses {
        after.push_str("This is a rehearsal: nothing is run. It asks as a run would.\n");
    }
    let program = settings.program();
    let each: String = vars.iter().map(|var| format!("  {var}\n")).collect();
    let whole = format!("{title}{each}{}{after}", changing::shown(snapshot, part, &program, console));
    let short = |room: usize| {
        let vars = wrapped(&vars.join(", "), console.width, 2);
        let taken = rows_of(&format!("{title}{vars}{after}"), console.width);
        let listed = changing::listed(snapshot, part, &program, console, room.saturating_sub(taken));
        format!("{title}{vars}{listed}{after}")
    };
    let about = console
        .err
        .shorten(&format!("{}: {}", runbook.name, vars.join(", ")), console.width.saturating_sub(1));
    let before = Before::fit(whole, about, terminal.rows(), console.width, short);
    if prompt::typed(&runbook.name, &before, terminal, console.err).map_err(left)? {
        return Ok(Some("terminal"));
    }
    let hint = "type its name when you are asked, or add --yes".to_owned();
    Err(CliError::NotConfirmed { message: format!("{what}, and was not confirmed: nothing ran"), hint })
}
