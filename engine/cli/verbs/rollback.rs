//! `runbook rollback`: shows what will be undone, asks, and undoes it.

use crate::cli::args::Rollback;
use crate::cli::changed::{self, Way};
use crate::cli::console::{Console, one_line};
use crate::cli::error::CliError;
use crate::cli::exit::{Asked, Exit};
use crate::cli::gather::{left, secrets_again};
use crate::cli::people::AtTerminal;
use crate::cli::prompt::yes;
use crate::cli::settings::Settings;
use crate::cli::stores::{self, Read};
use crate::cli::terminal::{Dialogue, Terminal};
use crate::cli::{steps, view};
use crate::driver::{self, Hint, Outliving, Surroundings, ToUndo, undo_plan};
use crate::machine::UndoResult;
use crate::report::{Role, reversed};
use crate::template::quote_word;

/// Rolls a run back.
///
/// # Errors
///
/// Whatever keeps it from beginning: nothing was run and nothing was written then.
pub fn run(rollback: &Rollback, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let store = stores::existing(settings)?;
    let run = stores::meant_to_undo(&store, rollback.run.as_deref(), console)?.id;
    // First: a plan made of altered events must not be shown.
    store.verify_chain(&run)?;
    let Read { stored, state, graph, .. } = stores::load(&store, &run)?;
    steps::exist("--approve", &rollback.approve, &stored.snapshot.runbook, true)?;
    let plan = undo_plan(&stored, rollback.to.as_deref())?;
    if let Some(to) = &rollback.to
        && plan.is_empty()
        && (state.find(to).is_some() || state.node(to).is_some())
    {
        // Otherwise the run would count as rolled back though nothing was.
        let message = format!("`{to}` changed nothing in run {run} that is not undone");
        let hint = format!("`runbook rollback {run}` shows what there is to undo, and asks first");
        return Err(CliError::usage_with(message, hint));
    }
    if !plan.is_empty() {
        changed::since(&run, &stored.snapshot, &state, Way::Back, settings, console)?;
        let planned = |name: &String| plan.iter().any(|undo| undo.step == *name);
        let kept: Vec<String> = state
            .touched
            .iter()
            .filter(|&&at| !state.at(at).undo.as_ref().is_some_and(UndoResult::releases))
            .map(|&at| state.name(&graph, at))
            .filter(|name| !planned(name))
            .collect();
        console.say(&shown(run.as_str(), &plan, &kept, console));
    }
    let mut terminal = if settings.can_ask() { Terminal::open() } else { None };
    if !rollback.yes && !plan.is_empty() {
        let program = settings.program();
        let to = rollback.to.as_ref().map(|to| format!(" --to {}", quote_word(to))).unwrap_or_default();
        let hint = format!("add --yes to begin without asking: {program} rollback {run}{to} --yes");
        let no = |message: &str| CliError::NotConfirmed { message: message.to_owned(), hint: hint.clone() };
        let Some(terminal) = &mut terminal else {
            return Err(no("a rollback is confirmed at a terminal, and there is none"));
        };
        if yes("Undo this?", terminal).map_err(left)? != Some(true) {
            return Err(no("not confirmed: nothing was undone"));
        }
    }
    let ask = terminal.as_mut().map(|terminal| terminal as &mut dyn Dialogue);
    let secrets = secrets_again(&stored.snapshot, ask, settings, console)?;
    let by = settings.person(settings.via());
    let mut view = view::of(settings);
    let around = Surroundings {
        program: settings.program(),
        store: &store,
        reporter: view.as_mut(),
        people: terminal
            .map(|terminal| Box::new(AtTerminal::new(terminal, console)) as Box<dyn driver::People>),
        approvals: rollback.approve.iter().cloned().collect(),
        wait: false,
    };
    let to = rollback.to.clone();
    let outliving = Outliving { stop: rollback.stop_running, assume_ended: rollback.assume_ended };
    let closed = driver::rollback(driver::Rollback { run, by, to, secrets, outliving }, around)?;
    Ok(Exit::of(&closed, Asked::Back))
}

/// Returns the undo of each step, the first to be undone first, with what it puts back.
fn shown(run: &str, plan: &[ToUndo], kept: &[String], console: Console) -> String {
    let paint = console.err;
    let mut text = format!("To be undone of run {run}, the last begun first:");
    for undo in plan {
        let command = match &undo.command {
            Ok(command) => paint.clean(command),
            Err(why) => paint.paint(Role::Person, &format!("can't be undone: {}", one_line(why))),
        };
        text.push_str(&format!("\n  {}  {command}", paint.paint(Role::Strong, &one_line(&undo.step))));
        for (role, line) in told(undo) {
            let line = paint.shorten(&one_line(&line), console.width.saturating_sub(4).max(20));
            text.push_str(&format!("\n    {}", paint.paint(role, &line)));
        }
    }
    if !kept.is_empty() {
        let kept = format!("Stays as it is, since it was begun before: {}", kept.join(", "));
        text.push_str(&format!("\n{}", paint.shorten(&one_line(&kept), console.width.max(20))));
    }
    text
}

/// Returns what is to be known of an undo besides its command.
fn told(undo: &ToUndo) -> Vec<(Role, String)> {
    let mut lines = Vec::new();
    if let Some(reads) = &undo.reads {
        lines.push((Role::Quiet, format!("reads {reads}")));
    }
    let reversed = undo.changes.as_deref().and_then(reversed);
    match (&undo.command, reversed, &undo.changes) {
        (Ok(_), Some(back), _) => lines.push((Role::Quiet, format!("puts back {back}"))),
        (Ok(_), None, Some(changes)) => lines.push((Role::Quiet, format!("takes back: {changes}"))),
        (Ok(_), None, None) if !undo.captured.is_empty() => {
            let values = undo.captured.iter().map(|(name, value)| match value.as_str() {
                Some(text) => format!("{name} {text}"),
                None => format!("{name} {value}"),
            });
            lines.push((Role::Quiet, format!("puts back {}", values.collect::<Vec<_>>().join(", "))));
        }
        (Err(_), _, Some(changes)) => lines.push((Role::Quiet, format!("it changed {changes}"))),
        _ => {}
    }
    lines.extend(undo.hint.as_ref().map(|hint| match hint {
        Hint::Failed(why) => {
            (Role::Failure, format!("failed ({why}); what it did before that is undone too"))
        }
        Hint::InDoubt => (
            Role::Doubt,
            "in doubt: whether it took effect is not known; it is undone all the same".to_owned(),
        ),
        Hint::Tried(why) => (Role::Failure, format!("was tried and failed: {why}")),
        Hint::UndoInDoubt => {
            (Role::Doubt, "its undo is in doubt: it was begun, and its end is not known".to_owned())
        }
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Map;

    #[test]
    fn each_undo_says_what_it_puts_back_and_what_is_not_known_of_it() {
        let undo = |step: &str, changes: Option<&str>, hint| ToUndo {
            step: step.to_owned(),
            command: Ok(format!("undo {step}")),
            reads: None,
            changes: changes.map(str::to_owned),
            captured: Map::from_iter([("min".to_owned(), serde_json::json!(2))]),
            hint,
        };
        let mail = ToUndo { command: Err("sent is sent".to_owned()), ..undo("mail", Some("2 mails"), None) };
        let plan = [
            undo("scale[api]", Some("replicas 3 → 10"), None),
            undo("warm", None, Some(Hint::InDoubt)),
            undo("drain", Some("empties it"), Some(Hint::Failed("it exited with 1".to_owned()))),
            mail,
        ];
        insta::assert_snapshot!(shown("r7", &plan, &["reach".to_owned()], Console::plain()), @"
        To be undone of run r7, the last begun first:
          scale[api]  undo scale[api]
            puts back replicas 10 → 3
          warm  undo warm
            puts back min 2
            in doubt: whether it took effect is not known; it is undone all the same
          drain  undo drain
            takes back: empties it
            failed (it exited with 1); what it did before that is undone too
          mail  can't be undone: sent is sent
            it changed 2 mails
        Stays as it is, since it was begun before: reach
        ");
    }
}
