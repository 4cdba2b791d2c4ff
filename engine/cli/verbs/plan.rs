//! `runbook plan`: what a run would do, without doing any of it.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::cli::args::{Form, Plan};
use crate::cli::book::Books;
use crate::cli::console::{Console, exact, exact_lines, one_line, wrapped};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::gather::{Missing, gather};
use crate::cli::settings::Settings;
use crate::cli::terminal::{Dialogue, Terminal};
use crate::driver::{HookCommand, PlannedGate, PlannedHook, PlannedStep, Preview, Wanted, preview};
use crate::load::{Answer, Bound};
use crate::machine::Stage;
use crate::model::{Effect, Runbook, format_duration};
use crate::report::Role;

/// Shows the plan. Opens no journal and starts no process.
///
/// # Errors
///
/// When there is no such runbook, or anything is wrong with it or with its inputs.
pub fn run(plan: &Plan, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let books = Books::open(settings)?;
    let book = books.book(&plan.name, settings)?;
    let mut terminal = if settings.can_ask() { Terminal::open() } else { None };
    let missing = match &mut terminal {
        Some(terminal) => Missing::AskAndStandIn(terminal as &mut dyn Dialogue),
        None => Missing::StandIn,
    };
    let bound = gather(book, &books, &plan.vars, missing, settings, console)?;
    let preview = preview(&bound.snapshot);
    match settings.form {
        Form::Json => console.json(&document(&bound, &preview))?,
        Form::Text => console.print(&page(&bound.snapshot.runbook, &bound.answers, &preview, console))?,
    }
    let faulty = preview.steps.iter().any(|step| !step.faults.is_empty());
    Ok(if faulty { Exit::Mistake } else { Exit::Good })
}

fn document(bound: &Bound, preview: &Preview) -> Value {
    let runbook = &bound.snapshot.runbook;
    json!({
        "version": 1,
        "runbook": runbook.name,
        "title": runbook.title,
        "vars": bound.snapshot.vars,
        "secrets": bound.snapshot.secrets,
        "environment": preview.environment.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<serde_json::Map<_, _>>(),
        "steps": preview.steps,
        "hooks": preview.hooks,
        "changing": preview.changing,
        "reading": preview.reading,
        "undetermined": preview.undetermined,
    })
}

fn page(runbook: &Runbook, answers: &[Answer], preview: &Preview, console: Console) -> String {
    let paint = console.out;
    let title = format!("{}: {}", paint.paint(Role::Strong, runbook.name.as_str()), one_line(&runbook.title));
    let mut text = format!("Plan of {title}\n");
    let widest = answers.iter().map(|answer| answer.name.len()).max().unwrap_or(0);
    for Answer { name, value, origin } in answers {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let origin = paint.paint(Role::Quiet, &format!("({origin})"));
        text.push_str(&format!("  {name:<widest$}  {} {origin}\n", one_line(&value)));
    }
    for (name, value) in &preview.environment {
        let every = paint.paint(Role::Quiet, "(environment of every command)");
        text.push_str(&format!("  {name}={} {every}\n", exact(value)));
    }
    let mut heading = None;
    let mut gates = HashMap::new();
    for step in &preview.steps {
        let phase = if step.finally { Some("Finally, whatever happened") } else { step.phase.as_deref() };
        if heading != Some(phase) {
            heading = Some(phase);
            text.push('\n');
            if let Some(phase) = phase {
                text.push_str(&format!("{}\n", paint.paint(Role::Strong, &one_line(phase))));
            }
        }
        text.push_str(&of_step(step, &mut gates, console));
    }
    text.push_str(&hooks(&preview.hooks, console));
    text.push('\n');
    text.push_str(&wrapped(&counted(preview), console.width, 0));
    text
}

/// Returns who is told of the run.
fn hooks(hooks: &[PlannedHook], console: Console) -> String {
    let paint = console.out;
    let mut text = String::new();
    if !hooks.is_empty() {
        text.push_str(&format!("\n{}\n", paint.paint(Role::Strong, "Told on the way (hooks)")));
    }
    for hook in hooks {
        let (role, command) = match &hook.command {
            HookCommand::Command(command) => (Role::Quiet, lines(command)),
            HookCommand::Fault(why) => (Role::Failure, format!("nobody: {}", one_line(why))),
        };
        let word = paint.paint(role, &format!("{:<11}", hook.event.word()));
        text.push_str(&format!("  {word}{command}\n"));
    }
    text
}

/// From how many bytes on what must hold is not said again for each instance.
const LONG: usize = 60;

/// Returns a step. `gates` are those shown so far: what must hold is the same for each instance, and is long.
fn of_step<'a>(
    step: &'a PlannedStep,
    gates: &mut HashMap<(&'a str, Stage), &'a str>,
    console: Console,
) -> String {
    let paint = console.out;
    let name = paint.paint(Role::Strong, &exact(&step.name));
    let title = one_line(&step.title);
    let title = if title.is_empty() || title == step.name || title == step.step {
        String::new()
    } else {
        format!("  {title}")
    };
    let mut text = match &step.wanted {
        Wanted::No(why) => {
            return format!(
                "  {name}  {}\n",
                paint.paint(Role::Quiet, &format!("skipped: {}", one_line(why)))
            );
        }
        Wanted::Yes => format!("  {name}{title}\n"),
        Wanted::Unknown => {
            format!("  {name}{title}  {}\n", paint.paint(Role::Person, "if the run comes to it"))
        }
    };
    let mut row = |word: &str, role: Role, value: &str| {
        text.push_str(&format!("    {} {value}\n", paint.paint(role, &format!("{word:<8}"))));
    };
    let folded = |value: &str| wrapped(&one_line(value), console.width, 13).trim().to_owned();
    if let Some(changes) = &step.changes {
        row("changes", Role::Quiet, &folded(changes));
    }
    if let Some(lock) = &step.lock {
        row("lock", Role::Quiet, &folded(lock));
    }
    for planned in &step.commands {
        let (word, role) = word(planned.stage, step.effect);
        row(word, role, &lines(&planned.command));
        if let Some(dir) = &planned.dir {
            row("", role, &format!("in {}", one_line(dir)));
        }
        if let Some(stdin) = &planned.stdin {
            row("", role, &format!("reads {}", one_line(stdin)));
        }
        for gate in step.gates.iter().filter(|gate| gate.stage == planned.stage) {
            let known = gates.insert((step.step.as_str(), gate.stage), gate.pass.as_str());
            let again = known == Some(gate.pass.as_str()) && gate.pass.len() > LONG;
            let pass = if again { "the same holds" } else { gate.pass.as_str() };
            row("", role, &folded(&until(gate, pass)));
        }
    }
    if let Some(asks) = &step.asks {
        row("asks", Role::Person, &folded(asks));
    }
    if let Some(why) = &step.irreversible {
        row("no undo", Role::Person, &folded(why));
    }
    for fault in &step.faults {
        row("wrong", Role::Failure, &folded(fault));
    }
    text
}

fn until(gate: &PlannedGate, pass: &str) -> String {
    let (word, within) = match gate.stage {
        Stage::Guard => ("while", "unanswered for"),
        _ => ("until", "within"),
    };
    let mut text = format!("{word} {}", one_line(pass));
    for (word, ms) in [(within, gate.within_ms), ("held for", gate.hold_ms), ("good for", gate.valid_for_ms)]
    {
        if let Some(ms) = ms {
            text.push_str(&format!(", {word} {}", format_duration(std::time::Duration::from_millis(ms))));
        }
    }
    text
}

/// Returns a command with its own line breaks, which a script has, each under the first.
fn lines(command: &str) -> String {
    exact_lines(command.trim_end()).replace('\n', "\n             ")
}

fn word(stage: Stage, effect: Effect) -> (&'static str, Role) {
    match (stage, effect) {
        (Stage::Check, _) => ("check", Role::Quiet),
        (Stage::Capture, _) => ("reads", Role::Quiet),
        (Stage::Action, Effect::Read) => ("looks", Role::Quiet),
        (Stage::Action, Effect::Change) => ("does", Role::Active),
        (Stage::Guard, _) => ("guard", Role::Quiet),
        (Stage::Verify, _) => ("verify", Role::Quiet),
        (Stage::Undo, _) => ("undo", Role::Quiet),
        (Stage::UndoVerify, _) => ("verify", Role::Quiet),
    }
}

fn counted(preview: &Preview) -> String {
    let of = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 step {one}"),
        _ => format!("{count} steps {many}"),
    };
    let mut parts = vec![of(preview.changing, "changes something", "change something")];
    parts.push(format!("{} only {}", preview.reading, if preview.reading == 1 { "looks" } else { "look" }));
    if preview.undetermined > 0 {
        parts.push(format!("{} may run", preview.undetermined));
    }
    format!("{}. Nothing was run.", parts.join(", "))
}
