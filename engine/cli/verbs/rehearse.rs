//! `runbook rehearse`: the whole engine, with a tape in place of every command.

use std::path::{Path, PathBuf};

use crate::cli::args::{Exec, Rehearse};
use crate::cli::book::Book;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::cli::steps;
use crate::cli::test_cases::{answers_of_its_own, tape_under};
use crate::load::{LoadedTape, LoadedTests, TAPE_ENDING, is_test, load_tape, load_tests, tape_of};
use crate::machine::step_of;
use crate::model::{Action, Faults, Map, Runbook, Tape, parse_duration};

/// Rehearses a runbook.
///
/// # Errors
///
/// Whatever keeps the rehearsal from beginning: nothing was written then.
pub fn run(rehearse: &Rehearse, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let exec = Exec {
        name: Some(rehearse.name.clone()),
        vars: rehearse.vars.clone(),
        plan: None,
        yes: rehearse.yes,
        max_parallel: rehearse.max_parallel,
        on_failure: rehearse.on_failure,
        reason: rehearse.reason.clone(),
        approve: rehearse.approve.clone(),
        only: rehearse.only.clone(),
        from: rehearse.from.clone(),
        wait: rehearse.wait,
        detach: false,
        record: None,
    };
    super::exec::run_or_rehearse(&exec, Some(rehearse), settings, console)
}

/// Returns the tape that was named, or the one beside the runbook, or the one that the runbooks of its folder share.
///
/// # Errors
///
/// When there is none, and everything that is wrong with it.
pub(super) fn tape(
    rehearse: &Rehearse,
    book: &Book,
    settings: &Settings,
    console: Console,
) -> Result<Tape, CliError> {
    let (path, shown): (PathBuf, String) = match &rehearse.tape {
        Some(named) => (settings.typed(named), named.display().to_string()),
        None => {
            let shown = book.sources.files().first().map_or_else(String::new, |file| file.path.clone());
            let Some(path) = tape_of(&book.entry.path) else {
                let shown = Path::new(&shown).with_extension(TAPE_ENDING);
                let message = format!("{} has no tape: there is no {}", book.runbook.name, shown.display());
                let hint = format!(
                    "name one with --tape FILE; `runbook exec {} --record FILE` makes one of a real run",
                    book.runbook.name
                );
                return Err(CliError::usage_with(message, hint));
            };
            let name = path.file_name().unwrap_or_default();
            let shown = Path::new(&shown).with_file_name(name).display().to_string();
            (path, shown)
        }
    };
    let over = rehearse.state.as_deref().map(state).transpose()?;
    let loaded = match is_test(&path) {
        true => tape_of_tests(&path, &shown, book)?,
        false => load_tape(&path, &shown),
    };
    match loaded.tape {
        Some(mut tape) if !loaded.report.has_errors() => {
            console.diagnostics(&loaded.report, &loaded.sources);
            tape.put(&over.unwrap_or_default());
            Ok(tape)
        }
        _ => Err(CliError::mistakes(loaded.report, loaded.sources)),
    }
}

fn state(typed: &str) -> Result<Map, CliError> {
    serde_json::from_str(typed).map_err(|error| {
        let message = format!("--state: this is no map in JSON: {error}");
        CliError::usage_with(message, "for example --state '{\"replicas\": {\"api\": 0}}'")
    })
}

/// Returns what the tests in a file play, but for what is of one test.
fn tape_of_tests(path: &Path, shown: &str, book: &Book) -> Result<LoadedTape, CliError> {
    let LoadedTests { file, sources, mut report, .. } = load_tests(path, shown);
    let Some(file) = file.filter(|_| !report.has_errors()) else {
        return Err(CliError::mistakes(report, sources));
    };
    let Some(mut loaded) = tape_under(&file, path, &book.entry.path, |path| path.display().to_string())
    else {
        let message = format!("{shown} has no tape, and neither has {}", book.runbook.name);
        return Err(CliError::usage_with(message, "name one with --tape FILE"));
    };
    let own = !file.answers.is_empty();
    if let Some(both) = loaded.tape.as_ref().and_then(|tape| answers_of_its_own(tape, own)) {
        let whole = file.tests.first().map(|test| test.place).unwrap_or_default();
        report.push(both.at(whole, ""));
        return Err(CliError::mistakes(report, sources));
    }
    loaded.tape = loaded.tape.map(|tape| file.over(&tape));
    Ok(loaded)
}

/// Returns what is to go wrong.
///
/// # Errors
///
/// When a step is not there, runs nothing, or what is to become of it can't be read.
pub(super) fn faults(rehearse: &Rehearse, runbook: &Runbook) -> Result<Faults, CliError> {
    let (kill_at, kill_after) = (rehearse.kill_at.clone(), rehearse.kill_after);
    let mut faults = Faults { kill_at, kill_after, ..Faults::default() };
    for typed in &rehearse.fail {
        // What stands in the brackets of an instance may hold the sign, too.
        let (step, exit) = match typed.rsplit_once('=').filter(|(_, exit)| !exit.contains(']')) {
            None => (typed.as_str(), 1),
            Some((step, exit)) => match exit.parse().ok().filter(|exit| (1..=255).contains(exit)) {
                Some(exit) => (step, exit),
                None => {
                    let message = format!("--fail {typed}: `{exit}` is no exit code of a failure");
                    return Err(CliError::usage_with(message, format!("from 1 to 255: --fail {step}=2")));
                }
            },
        };
        faults.fail.push((step.to_owned(), exit));
    }
    for typed in &rehearse.slow {
        let wrong = |why: String| {
            CliError::usage_with(format!("--slow {typed}: {why}"), "for example --slow STEP=10m")
        };
        let (step, took) = typed.rsplit_once('=').ok_or_else(|| wrong("it wants a duration".to_owned()))?;
        let took = parse_duration(took).map_err(|error| wrong(error.to_string()))?;
        faults.slow.push((step.to_owned(), took));
    }
    let fail: Vec<String> = faults.fail.iter().map(|(step, _)| step.clone()).collect();
    let slow: Vec<String> = faults.slow.iter().map(|(step, _)| step.clone()).collect();
    for (flag, named) in [("--fail", &fail), ("--slow", &slow), ("--kill-at", &faults.kill_at)] {
        steps::exist(flag, named, runbook, true)?;
        named.iter().try_for_each(|name| runs_something(flag, name, runbook))?;
    }
    Ok(faults)
}

fn runs_something(flag: &str, name: &str, runbook: &Runbook) -> Result<(), CliError> {
    let all = || runbook.steps.iter().chain(&runbook.finally);
    let id = step_of(name, |id| all().any(|step| step.id == id));
    let Some(step) = all().find(|step| step.id == id) else { return Ok(()) };
    let what = match step.body.action {
        Action::Command(_) | Action::Gate(_) => return Ok(()),
        Action::Approve(_) | Action::Manual(_) => "it asks a person",
        Action::Wait(_) => "it only waits",
        Action::Runbook { .. } => "it brings in a runbook",
        Action::Nothing => "it does nothing",
    };
    let hint = match step.body.action {
        Action::Runbook { .. } => format!("name a step of that one: {flag} {id}/STEP"),
        _ => "name a step that runs a command".to_owned(),
    };
    Err(CliError::usage_with(format!("{flag} {name}: `{id}` runs no command: {what}"), hint))
}
