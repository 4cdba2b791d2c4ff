//! The step of a run that a person means to answer.

use super::console::{Console, exact};
use super::error::CliError;
use super::settings::Settings;
use super::stores;
use crate::diag::near;
use crate::driver::{Asked, Open, questions};
use crate::journal::{Ask, RunId, Store};
use crate::machine::Person;

/// A question that somebody is about to answer.
#[derive(Debug)]
pub(super) struct Waiting {
    /// What is asked.
    pub(super) asked: Asked,
    /// How many yeses of others are in the inbox already.
    pub(super) posted: usize,
    run: RunId,
    alive: bool,
}

/// Returns what a step of a run asks, when `by` may answer it and has not done so.
///
/// # Errors
///
/// When the step waits for nobody, or not for this person.
pub(super) fn find(store: &Store, run: &RunId, step: &str, by: &Person) -> Result<Waiting, CliError> {
    let stored = store.load(run)?;
    let mut open = questions(&stored, by)?;
    let Some(place) = open.iter().position(|one| one.asked.step == step) else {
        let waiting: Vec<&str> = open.iter().map(|one| one.asked.step.as_str()).collect();
        return Err(not_waiting(run.as_str(), step, &waiting));
    };
    let Open { asked, may } = open.swap_remove(place);
    if let Err(why) = may {
        let hint = match asked.said.iter().any(|one| one.name == by.name) {
            true => format!("`runbook status {run}` says whom it waits for"),
            false => {
                "what counts is the name that this machine gives (LOGNAME): asserted, not proven".to_owned()
            }
        };
        return Err(CliError::usage_with(format!("`{step}` of run {run}: {why}"), hint));
    }
    let alive = stores::is_alive(&stored.run);
    let mut posted = 0;
    for request in store.requests(run)? {
        let answers = match &request.ask {
            Ask::Approve { step: other, yes, hash, .. } if other == step => {
                posted +=
                    usize::from(*yes && hash.as_ref() == Some(&asked.hash) && request.by.name != by.name);
                true
            }
            Ask::Done { step: other, .. } => other == step,
            _ => false,
        };
        if answers && request.by.name == by.name {
            let message = format!("{} has answered `{step}` of run {run} already", by.name);
            return Err(CliError::usage_with(
                message,
                match alive {
                    true => format!("its engine is about to hear it: `runbook status {run}`"),
                    false => format!("it is heard when the run goes on: `runbook resume {run}`"),
                },
            ));
        }
    }
    Ok(Waiting { asked, posted, run: run.clone(), alive })
}

impl Waiting {
    /// Tells what was answered, and what follows.
    pub(super) fn told(&self, word: &str, settings: &Settings, console: Console) {
        let (step, run) = (exact(&self.asked.step), &self.run);
        console.say(&match self.alive {
            true => format!("{step}: {word}; run {run} hears it at once"),
            false => format!("{step}: {word}; go on with `{} resume {run}`", settings.program()),
        });
    }
}

fn not_waiting(run: &str, step: &str, waiting: &[&str]) -> CliError {
    let message = format!("`{step}` of run {run} waits for nobody");
    match (near(step, waiting.iter().copied()), waiting) {
        (Some(meant), _) => CliError::usage_with(message, format!("did you mean `{meant}`?")),
        (None, []) => CliError::usage_with(message, format!("nothing of it does: `runbook status {run}`")),
        (None, some) => {
            let names = some.iter().map(|name| exact(name)).collect::<Vec<_>>().join(", ");
            CliError::usage_with(message, format!("these wait: {names}"))
        }
    }
}
