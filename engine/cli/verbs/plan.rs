//! `runbook plan`: what a run would do, without doing any of it.

use crate::cli::args::{Form, Plan};
use crate::cli::book::Books;
use crate::cli::console::{Console, exact, exact_lines, one_line, wrapped};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::gather::{Missing, gather};
use crate::cli::plan_file::PlanFile;
use crate::cli::plan_page::{self as page, Sheet, Told, origins};
use crate::cli::settings::Settings;
use crate::cli::terminal::{Dialogue, Terminal};
use crate::cli::{observed, observing};
use crate::driver::{PlannedGate, PlannedStep, Standing, Wanted, now, preview};
use crate::machine::Stage;
use crate::model::Effect;
use crate::report::{Role, continued};
use crate::template::quote_word;

/// Shows the plan. Opens no journal, and starts no process unless it is to look.
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
    let shown = match plan.observe {
        false => preview(&bound.snapshot),
        true => match observing::look(&bound, terminal.as_mut(), settings, console)? {
            Ok(preview) => preview,
            Err(exit) => return Ok(exit),
        },
    };
    let origins = origins(&bound.answers);
    let sheet = Sheet::of(&bound, &origins, &shown);
    match settings.form {
        Form::Json => console.document(&sheet)?,
        Form::Text => sheet.print(plan.full, console)?,
    }
    if shown.is_faulty() {
        if plan.out.is_some() {
            console.say("the plan is not kept: a run would fail at what is wrong");
        }
        return Ok(Exit::Mistake);
    }
    if let Some(out) = &plan.out {
        // What was seen is of this moment: the file keeps what does not depend on it.
        // Whom it was about to change is kept: a run that would change another is not the one that was looked at.
        let answers = shown.run.target.iter().filter_map(|one| Some((one.name.clone(), one.said.clone()?)));
        let target = answers.collect();
        let kept = if plan.observe { preview(&bound.snapshot) } else { shown };
        let mut file = PlanFile::of(&bound, origins, kept, now(), settings.person(settings.via()));
        file.target = target;
        let sum = file.write(&settings.typed(out))?;
        let (program, path) = (settings.program_here(), quote_word(&out.display().to_string()));
        console.say(&format!(
            "plan {} kept in {path}\n  show it again  {program} show {path}\n  run it         {program} exec --plan {path}",
            sum.get(..12).unwrap_or_default()
        ));
    }
    Ok(Exit::Good)
}

/// From how many bytes on what must hold is not said again for each instance.
const LONG: usize = 60;

/// Returns the rows of a step. `told` is what was told of the steps before: what is the same for each instance is long.
pub fn of_step<'a>(step: &'a PlannedStep, told: &mut Told<'a>, console: Console) -> String {
    let paint = console.out;
    let (digits, group) = (told.digits, step.group);
    let name = format!("{group:>digits$} {}", paint.paint(Role::Strong, &exact(&step.name)));
    let title = one_line(&step.title);
    let title = if title.is_empty() || title == step.name || title == step.step {
        String::new()
    } else {
        format!("  {title}")
    };
    let mut text = match &step.wanted {
        Wanted::No(why) => {
            return format!(
                " {name}  {}\n",
                paint.paint(Role::Quiet, &format!("skipped: {}", one_line(why)))
            );
        }
        Wanted::Yes => format!(" {name}{title}\n"),
        Wanted::Unknown => {
            format!(" {name}{title}  {}\n", paint.paint(Role::Person, "undetermined: only the run can tell"))
        }
    };
    let indent = digits + 3;
    let mut row = |word: &str, role: Role, value: &str| {
        text.push_str(&format!("{:indent$}{} {value}\n", "", paint.paint(role, &format!("{word:<8}"))));
    };
    let folded = |value: &str| wrapped(&one_line(value), console.width, indent + 9).trim().to_owned();
    if let Some(after) = told.after(step) {
        row("after", Role::Quiet, &folded(&after));
    }
    if let (Wanted::Unknown, Some(each)) = (&step.wanted, &step.each_of) {
        row("each of", Role::Person, &folded(each));
    }
    if let (Wanted::Unknown, Some(when)) = (&step.wanted, &step.when) {
        row("when", Role::Person, &folded(when));
    }
    if let Some(changes) = &step.changes {
        let seen = step.observed.as_ref().is_some_and(|seen| seen.standing == Standing::ToDo);
        row("changes", if seen { Role::Active } else { Role::Plain }, &folded(changes));
    }
    for (word, role, value) in observed::rows(step, console) {
        row(word, role, &folded(&value));
    }
    if let Some(runs) = &step.runs {
        row("runs", Role::Plain, &folded(runs));
    }
    if let Some(lock) = &step.lock {
        row("lock", Role::Quiet, &folded(lock));
    }
    for planned in &step.commands {
        let (word, role) = word(planned.stage, step.effect);
        if planned.stage == Stage::Action
            && let Some(satisfied) = &step.satisfied
            && told.news(step, "satisfied", None, satisfied)
        {
            row("unless", Role::Quiet, &folded(satisfied));
        }
        let room = console.width.saturating_sub(indent + 9);
        let command = if console.drawn { continued(&planned.command, room) } else { planned.command.clone() };
        row(word, role, &lines(&command, indent + 9));
        if let Some(dir) = &planned.dir {
            row("", role, &format!("in {}", one_line(dir)));
        }
        if let Some(stdin) = &planned.stdin {
            row("", role, &format!("reads {}", page::stdin(stdin)));
        }
        let names = planned.env.as_deref().map(|env| told.env(env)).unwrap_or_default();
        if !names.is_empty() {
            row("", role, &folded(&format!("env {}", names.join(", "))));
        }
        if let Some(limits) = page::limits(planned.timeout_ms.as_ref(), planned.retry.as_deref())
            && told.news(step, "limits", Some(planned.stage), &limits)
        {
            row("", role, &folded(&limits));
        }
        for gate in step.gates.iter().filter(|gate| gate.stage == planned.stage) {
            let again = !told.news(step, "pass", Some(gate.stage), &gate.pass) && gate.pass.len() > LONG;
            let pass = if again { "the same holds" } else { gate.pass.as_str() };
            row("", role, &folded(&until(gate, pass)));
        }
    }
    if let Some(shown) = &step.previewed {
        text.push_str(&observed::previewed(shown, indent, console));
    }
    let mut row = |word: &str, role: Role, value: &str| {
        text.push_str(&format!("{:indent$}{} {value}\n", "", paint.paint(role, &format!("{word:<8}"))));
    };
    if let Some(asks) = &step.asks {
        row("asks", Role::Person, &folded(asks));
    }
    if let Some(people) = &step.people {
        row("", Role::Person, &folded(&page::people(people)));
        page::answers(people).iter().for_each(|answer| row("", Role::Person, &folded(answer)));
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
    let word = if gate.stage == Stage::Guard { "while" } else { "until" };
    let times = asked(gate);
    let comma = if times.is_empty() { "" } else { ", " };
    format!("{word} {}{comma}{times}", one_line(pass))
}

/// Returns how a gate is asked: `every 5s, within 10m`; nothing when it is asked once.
pub fn asked(gate: &PlannedGate) -> String {
    let within = if gate.stage == Stage::Guard { "unanswered for" } else { "within" };
    let mut times = Vec::new();
    let polled = gate.within_ms.is_some() || gate.hold_ms.is_some() || gate.stage == Stage::Guard;
    for (word, time) in [
        ("every", gate.every_ms.as_ref().filter(|_| polled)),
        (within, gate.within_ms.as_ref()),
        ("held for", gate.hold_ms.as_ref()),
        ("good for", gate.valid_for_ms.as_ref()),
    ] {
        if let Some(time) = time {
            times.push(format!("{word} {}", page::time(time)));
        }
    }
    times.join(", ")
}

/// Returns a command with its own line breaks, which a script has, each under the first.
pub fn lines(command: &str, indent: usize) -> String {
    exact_lines(command.trim_end()).replace('\n', &format!("\n{}", " ".repeat(indent)))
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
        (Stage::UndoVerify, _) => ("undone", Role::Quiet),
    }
}
