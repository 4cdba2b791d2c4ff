//! `runbook resume`: goes on with a run where its journal ends.

use std::collections::BTreeMap;

use crate::cli::anew::anew;
use crate::cli::args::Resume;
use crate::cli::changed::{self, Way};
use crate::cli::console::{Console, exact};
use crate::cli::error::CliError;
use crate::cli::exit::{Asked, Exit};
use crate::cli::gather::secrets_again;
use crate::cli::people::AtTerminal;
use crate::cli::settings::Settings;
use crate::cli::stores::{self, Read};
use crate::cli::terminal::{Dialogue, Terminal};
use crate::cli::verbs::exec::recorder;
use crate::cli::{detach, past, steps, view};
use crate::driver::{self, Outliving, Surroundings};
use crate::machine::{Decision, missing_outputs};
use crate::report::Role;
use crate::template::Engine;

/// Goes on with a run.
///
/// # Errors
///
/// Whatever keeps the run from going on: nothing was run and nothing was written then.
pub fn run(resume: &Resume, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let decisions = decisions(resume)?;
    let takeover = takeover(resume)?;
    let store = stores::existing_with(settings, resume.run.as_deref())?;
    let run = stores::meant_to_resume(&store, resume.run.as_deref(), resume.takeover, console)?.id;
    // First: of altered events nothing is to be told, and nothing gone on with.
    store.verify_chain(&run)?;
    let Read { stored, state, graph, alive } = stores::load(&store, &run)?;
    let takes_anew = resume.latest || !resume.var.is_empty();
    if stored.snapshot.tape.is_some() && (takes_anew || resume.detach || resume.record.is_some()) {
        let flag = match (resume.detach, takes_anew) {
            (true, _) => "--detach",
            (_, true) => "--latest and --var",
            _ => "--record",
        };
        let message = format!("run {run} is a rehearsal: it goes on as it was begun, without {flag}");
        return Err(CliError::usage_with(message, "begin another: `runbook rehearse NAME` takes no time"));
    }
    // A live engine is told by the journal, with its name.
    let alive = alive && takeover.is_none();
    if !alive {
        driver::resumable(&stored, decisions.keys())?;
        if !takes_anew {
            changed::since(&run, &stored.snapshot, &state, Way::On, settings, console)?;
        }
    }
    for (reader, of, name) in
        missing_outputs(&Engine::new(), &state, &graph, resume.skip.iter().chain(&resume.done))
    {
        let what = format!(
            "{reader} reads steps.{of}.outputs.{name}, which {of} does not have then: it will fail there"
        );
        console.say(&console.err.paint(Role::Person, &exact(&what)));
    }
    let mut terminal = if settings.can_ask() { Terminal::open() } else { None };
    let ask = terminal.as_mut().map(|terminal| terminal as &mut dyn Dialogue);
    let (secrets, renewal) = match takes_anew && !alive {
        true => anew(resume, &stored, &state, ask, settings, console)?,
        false => (secrets_again(&stored.snapshot, ask, settings, console)?, None),
    };
    let snapshot = renewal.as_ref().map_or(&*stored.snapshot, |renewal| &renewal.snapshot);
    steps::exist("--approve", &resume.approve, &snapshot.runbook, true)?;
    steps::may_be_approved(&resume.approve, &snapshot.runbook, &settings.person("flag"))?;
    let by = settings.person(settings.via());
    let approvals = resume.approve.iter().cloned().collect();
    let reason = resume.reason.clone();
    let outliving = Outliving { stop: resume.stop_running, assume_ended: resume.assume_ended };
    let work = driver::Resume { run, by, reason, decisions, secrets, outliving, takeover, renewal };
    if resume.detach {
        return detach::hand_over(detach::Work::Resume(Box::new(work)), approvals, settings, console);
    }
    let recorder =
        recorder(resume.record.as_deref(), &stored.run.runbook, Some(work.run.as_str()), settings)?;
    let rehearses = stored.snapshot.tape.is_some();
    let mut view = view::with_listeners(view::of(settings), settings, console, &work.secrets, rehearses);
    past::tell(view.as_mut(), &store, &stored.run.runbook, Some(stored.run.id.as_str()), settings);
    let around = Surroundings {
        script: None,
        program: settings.program(),
        store: &store,
        reporter: view.as_mut(),
        people: terminal
            .map(|terminal| Box::new(AtTerminal::new(terminal, console)) as Box<dyn driver::People>),
        approvals,
        wait: resume.wait,
        recorder,
    };
    let closed = driver::resume(work, around)?;
    Ok(Exit::of(&closed, Asked::Forward))
}

/// Returns why the run is taken from a living engine, when it may be.
fn takeover(resume: &Resume) -> Result<Option<String>, CliError> {
    let reason = resume.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    match (resume.takeover, reason) {
        (false, _) => Ok(None),
        (true, Some(reason)) => Ok(Some(reason.to_owned())),
        (true, None) => {
            let hint = "add --reason TEXT; it is kept in the journal, with who it was taken from";
            Err(CliError::usage_with("--takeover needs a reason", hint))
        }
    }
}

/// Returns what was decided of each step that was named.
fn decisions(resume: &Resume) -> Result<BTreeMap<String, (Decision, Option<String>)>, CliError> {
    let reason =
        resume.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()).map(str::to_owned);
    let mut decisions: BTreeMap<String, (Decision, Option<String>)> = BTreeMap::new();
    for (flag, steps, decision) in [
        ("--retry", &resume.retry, Decision::Retry),
        ("--skip", &resume.skip, Decision::Skip),
        ("--done", &resume.done, Decision::Done),
    ] {
        for step in steps {
            if decision != Decision::Retry && reason.is_none() {
                let hint = "add --reason TEXT; it is kept in the journal";
                return Err(CliError::usage_with(format!("{flag} {step} needs a reason"), hint));
            }
            if let Some((other, _)) = decisions.insert(step.clone(), (decision, reason.clone()))
                && other != decision
            {
                return Err(CliError::usage(format!("`{step}` is named twice, and differently")));
            }
        }
    }
    Ok(decisions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(skip: &[&str], done: &[&str], reason: Option<&str>) -> Result<usize, String> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let resume = Resume {
            run: None,
            retry: Vec::new(),
            skip: owned(skip),
            done: owned(done),
            latest: false,
            var: Vec::new(),
            approve: Vec::new(),
            reason: reason.map(str::to_owned),
            takeover: false,
            stop_running: false,
            assume_ended: false,
            wait: false,
            detach: false,
            record: None,
        };
        decisions(&resume).map(|decisions| decisions.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_leaves_a_step_out_needs_a_reason() {
        assert_eq!(of(&["a", "b"], &["c"], Some("seen to")), Ok(3));
        assert_eq!(of(&["a"], &[], None), Err("--skip a needs a reason".to_owned()));
        assert_eq!(of(&["a"], &[], Some("  ")), Err("--skip a needs a reason".to_owned()));
        assert_eq!(of(&["a"], &["a"], Some("x")), Err("`a` is named twice, and differently".to_owned()));
    }
}
