//! Runs and their steps, from the journal.

use std::collections::BTreeSet;

use super::names::{about, assignments};
use super::{Offer, Typed, beginning};
use crate::cli::settings::REHEARSALS;
use crate::cli::stores::{self, Read};
use crate::journal::{Filter, RunRow, Store};
use crate::machine::{RunStatus, step_of};
use crate::model::Action;
use crate::report::Standing;

/// How many runs are offered, the newest: who wants an older one has its id before them.
const NEWEST: u32 = 50;

/// Opens the journals as they are: that of the runs, then that of the rehearsals.
fn journals(typed: &Typed) -> impl Iterator<Item = (Store, bool)> {
    let path = typed.settings.store.value.path();
    let both = [(path.to_owned(), false), (path.with_file_name(REHEARSALS), true)];
    both.into_iter().filter_map(|(path, rehearsals)| Some((Store::look(path).ok()?, rehearsals)))
}

/// Says whether a verb has anything to do with a run.
fn is_for(typed: &Typed, run: &RunRow) -> bool {
    let unfinished = !matches!(run.status, RunStatus::Succeeded | RunStatus::RolledBack);
    match typed.verb.as_str() {
        // What an engine drives is taken from it only where that is asked for.
        "resume" => unfinished && (typed.says("takeover") || !stores::is_alive(run)),
        "cancel" => stores::is_alive(run),
        "approve" | "done" => unfinished,
        "rollback" => run.status != RunStatus::RolledBack,
        _ => true,
    }
}

/// The runs that the verb is for, the newest first.
pub(super) fn runs(typed: &Typed, current: &str) -> Vec<Offer> {
    let mut found = Vec::new();
    for (store, rehearsals) in journals(typed) {
        let filter = Filter { limit: Some(NEWEST), ..Filter::default() };
        let rows = store.runs(&filter).unwrap_or_default().into_iter().filter(|run| is_for(typed, run));
        found.extend(rows.map(|run| {
            let rehearsal = if rehearsals { "rehearsal of " } else { "" };
            let status = match run.status {
                RunStatus::Running if !stores::is_alive(&run) => "no engine drives it",
                status => status.word(),
            };
            let begun = run.created.strftime("%m-%d %H:%M UTC");
            Offer::new(run.id.as_str(), format!("{rehearsal}{}, {status}, {begun}", run.runbook))
        }));
    }
    beginning(found, current)
}

/// Reads the run that was typed; that which the verb takes when none is.
fn run(typed: &Typed) -> Option<Read> {
    let given = typed.text("run");
    for (store, rehearsals) in journals(typed) {
        let found = match given {
            Some(given) => store.find(given).ok(),
            // A rehearsal is never meant by itself.
            None if rehearsals => None,
            None => {
                let filter =
                    Filter { limit: Some(NEWEST), unfinished: typed.verb == "resume", ..Filter::default() };
                let rows = store.runs(&filter).ok()?;
                rows.into_iter().find(|run| is_for(typed, run)).map(|run| run.id)
            }
        };
        if let Some(found) = found {
            return stores::load(&store, &found).ok();
        }
    }
    None
}

/// The steps of the run.
pub(super) fn steps(typed: &Typed, current: &str) -> Vec<Offer> {
    of(typed, current, |_| true)
}

/// The steps that wait for a person; all that could when none does.
pub(super) fn asked(typed: &Typed, current: &str) -> Vec<Offer> {
    let Some(read) = run(typed) else { return Vec::new() };
    let found = told(&read, current, |standing| standing == Standing::Asking);
    if !found.is_empty() {
        return found;
    }
    let asks = |action: &Action| match (typed.verb.as_str(), action) {
        ("done", Action::Manual(_)) => true,
        (verb, Action::Approve(_)) => verb != "done",
        _ => false,
    };
    let runbook = &read.stored.snapshot.runbook;
    let steps = runbook.steps.iter().chain(&runbook.finally);
    let steps = steps.filter(|step| {
        asks(&step.body.action) || (typed.verb == "rollback" && step.body.irreversible.is_some())
    });
    beginning(steps.map(|step| Offer::new(&step.id, about(step))), current)
}

/// The steps that somebody has to decide about; all when there are none such.
pub(super) fn failed(typed: &Typed, current: &str) -> Vec<Offer> {
    let open = |standing| {
        matches!(
            standing,
            Standing::Failed
                | Standing::InDoubt
                | Standing::Stopped
                | Standing::UndoFailed
                | Standing::Asking
        )
    };
    let found = of(typed, current, open);
    if found.is_empty() { steps(typed, current) } else { found }
}

fn of(typed: &Typed, current: &str, wanted: impl Fn(Standing) -> bool) -> Vec<Offer> {
    run(typed).map(|read| told(&read, current, wanted)).unwrap_or_default()
}

fn told(read: &Read, current: &str, wanted: impl Fn(Standing) -> bool) -> Vec<Offer> {
    let mut offers = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, _) in read.state.instances() {
        let standing = Standing::of(&read.graph, &read.state, at, read.alive);
        if wanted(standing) {
            let name = read.state.name(&read.graph, at);
            let step = read.graph.step(at.node);
            seen.insert(step.id.clone());
            let about = Some(about(step)).filter(|about| !about.is_empty());
            let about = about
                .map_or_else(|| standing.word().to_owned(), |about| format!("{}: {about}", standing.word()));
            offers.push(Offer::new(name, about));
        }
    }
    // What is not told apart yet stands as a whole.
    if wanted(Standing::Ready) {
        let runbook = &read.stored.snapshot.runbook;
        let rest = runbook.steps.iter().chain(&runbook.finally).filter(|step| !seen.contains(&step.id));
        offers.extend(rest.map(|step| Offer::new(&step.id, about(step))));
    }
    beginning(offers, current)
}

/// The vars of the run, and after `name=` their values.
pub(super) fn vars(typed: &Typed, current: &str) -> Vec<Offer> {
    let inputs = run(typed).map(|read| read.stored.snapshot.runbook.vars.clone()).unwrap_or_default();
    assignments(&inputs, &typed.texts("var"), current)
}

/// What the approval asks for, and after `name=` what may be said.
pub(super) fn answers(typed: &Typed, current: &str) -> Vec<Offer> {
    let (Some(read), Some(step)) = (run(typed), typed.text("step")) else { return Vec::new() };
    let runbook = &read.stored.snapshot.runbook;
    let id = step_of(step, |id| runbook.steps.iter().any(|step| step.id == id));
    let asked = runbook.steps.iter().find(|step| step.id == id).map(|step| &step.body.action);
    match asked {
        Some(Action::Approve(approve)) => assignments(&approve.ask, &typed.texts("answer"), current),
        _ => Vec::new(),
    }
}
