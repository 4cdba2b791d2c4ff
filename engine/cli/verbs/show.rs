//! `runbook show`: one runbook as its author wrote it: inputs, steps, gates, and how to run it.

use std::path::Path;

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::cli::args::{Form, Show};
use crate::cli::book::{Book, Books};
use crate::cli::console::{Console, markdown, one_line, wrapped};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::plan_file::{Kept, PlanFile, is_meant};
use crate::cli::plan_page::Sheet;
use crate::cli::settings::Settings;
use crate::docs::{self, command, exec_line, guard};
use crate::driver::now;
use crate::load::describe;
use crate::model::{Effect, Input, Runbook, SecretSource, Step, StepTemplate};
use crate::report::{Paint, Role};

/// Shows a runbook.
///
/// # Errors
///
/// When there is no such runbook, or anything is wrong with it.
pub fn run(show: &Show, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let path = Path::new(&show.name);
    if is_meant(&show.name, &settings.typed(path)) {
        return of_plan(&PlanFile::read(path, &settings.typed(path))?, show.full, settings, console);
    }
    let books = Books::open(settings)?;
    if books.project.resolve(&show.name, &settings.folder).is_err() && books.library.has(&show.name) {
        return of_template(&show.name, &books, settings, console);
    }
    let book = books.book(&show.name, settings)?;
    let program = settings.program_here();
    console.warnings(&book.warnings, &book.entry.name, &program);
    let exec = exec_line(&book.runbook, &program);
    match settings.form {
        Form::Json => console.json(&document(&book, &books, &exec))?,
        Form::Text => console.print(&page(&book, &books, &exec, console))?,
    }
    Ok(Exit::Good)
}

/// Shows a plan that was kept. It needs no project: all of it is in the file.
fn of_plan(kept: &Kept, full: bool, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let file = &kept.file;
    let (runbook, secrets) = (&file.snapshot.runbook, &file.snapshot.secrets);
    let names = (runbook.name.as_str(), runbook.title.as_str());
    let mut plan = file.plan.clone();
    for target in &mut plan.run.target {
        target.said = file.target.get(&target.name).cloned();
    }
    let mut sheet = Sheet::new(names, &file.snapshot.vars, &file.origins, secrets, &plan);
    sheet.note =
        Some(format!("planned {}, plan {}", kept.made(now()), kept.sha256.get(..12).unwrap_or_default()));
    sheet.made = Some(json!({
        "at": file.at, "by": file.by, "program": file.program, "root": file.root, "sha256": kept.sha256,
    }));
    match settings.form {
        Form::Json => console.document(&sheet)?,
        Form::Text => sheet.print(full, console)?,
    }
    Ok(Exit::Good)
}

/// Shows a step template.
fn of_template(name: &str, books: &Books, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let (loaded, file) = books.template(name);
    let template = match loaded.template {
        Some(template) if !loaded.report.has_errors() => template,
        _ => return Err(CliError::mistakes(loaded.report, loaded.sources)),
    };
    match settings.form {
        Form::Json => console.json(&json!({
            "version": 1,
            "name": template.name,
            "file": file,
            "title": template.title.src,
            "summary": template.summary,
            "about": template.about,
            "tools": template.body.tools,
            "params": inputs_json(&template.params),
            "effect": if template.body.effect == Effect::Read { "read" } else { "change" },
            "details": docs::details(&template.body).into_iter().map(|(name, value)| (name.to_owned(), Value::String(value)))
                .collect::<serde_json::Map<String, Value>>(),
        }))?,
        Form::Text => console.print(&template_page(&template, file.as_deref(), console))?,
    }
    Ok(Exit::Good)
}

fn template_page(template: &StepTemplate, file: Option<&str>, console: Console) -> String {
    let paint = console.out;
    let mut text = format!(
        "{}\n{}\n\n{}\n",
        paint.paint(Role::Strong, template.name.as_str()),
        one_line(&template.title.src),
        wrapped(&template.summary, console.width, 2),
    );
    let mut facts = docs::glance(&template.body);
    facts.extend(file.map(|file| ("file", file.to_owned())));
    for (name, value) in facts {
        let name = paint.paint(Role::Quiet, &format!("{name:<10}"));
        text.push_str(&format!("  {name}  {}\n", wrapped(&value, console.width, 14).trim()));
    }
    if !template.about.trim().is_empty() {
        text.push_str(&heading("About", paint));
        text.push_str(&markdown(&template.about, console.width, 2));
    }
    if !template.params.is_empty() {
        text.push_str(&heading("Params", paint));
        text.push_str(&inputs(&template.params, console));
    }
    text.push_str(&heading("What happens", paint));
    text.push_str(&told(docs::details(&template.body), console));
    text
}

/// Returns details, each name beside its value.
fn told(details: Vec<(&'static str, String)>, console: Console) -> String {
    let mut text = String::new();
    for (name, value) in details {
        let lines = wrapped(&value, console.width, 17);
        let name = console.out.paint(Role::Quiet, &format!("{name:<12}"));
        text.push_str(&format!("    {name} {}\n", lines.trim()));
    }
    text
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn page(book: &Book, books: &Books, exec: &str, console: Console) -> String {
    let runbook = &book.runbook;
    let paint = console.out;
    let mut text =
        format!("{}\n{}\n", paint.paint(Role::Strong, runbook.name.as_str()), one_line(&runbook.title));
    if !runbook.summary.is_empty() {
        text.push_str(&format!("\n{}", wrapped(&runbook.summary, console.width, 2)));
    }
    text.push('\n');
    let file = books.project.relative(&book.entry.path).display().to_string();
    let mut facts = vec![
        ("file", Some(file)),
        ("owner", runbook.owner.clone()),
        ("tags", (!runbook.tags.is_empty()).then(|| runbook.tags.join(", "))),
        ("source", runbook.source.clone()),
        ("lock", runbook.lock.as_ref().map(|text| text.src.clone())),
        ("protect", runbook.protect.as_ref().map(|expr| format!("asks first when {}", expr.0.src))),
    ];
    for sub in &runbook.subs {
        let because = |what: &str| format!("{what} (because of {})", sub.step);
        facts.push(("lock", sub.lock.as_ref().map(|text| because(&text.src))));
        let protect = sub.protect.as_ref().map(|expr| because(&format!("asks first when {}", expr.0.src)));
        facts.push(("protect", protect));
    }
    for (name, value) in facts {
        if let Some(value) = value {
            text.push_str(&format!(
                "  {}  {}\n",
                paint.paint(Role::Quiet, &format!("{name:<7}")),
                one_line(&value)
            ));
        }
    }
    if !runbook.about.trim().is_empty() {
        text.push_str(&heading("About", paint));
        text.push_str(&markdown(&runbook.about, console.width, 2));
    }
    if !runbook.vars.is_empty() {
        text.push_str(&heading("Inputs", paint));
        text.push_str(&inputs(&runbook.vars, console));
    }
    if !runbook.environment.is_empty() {
        text.push_str(&heading("Environment of every command", paint));
        text.push_str(&environment(runbook));
    }
    text.push_str(&heading("Steps", paint));
    text.push_str(&steps(&runbook.steps, console));
    if !runbook.finally.is_empty() {
        text.push_str(&heading("Finally, whatever happened", paint));
        text.push_str(&steps(&runbook.finally, console));
    }
    if !runbook.hooks.is_empty() {
        text.push_str(&heading("Told on the way (hooks)", paint));
        for hook in &runbook.hooks {
            let whose = if hook.shared { "  (of every runbook here)" } else { "" };
            text.push_str(&format!(
                "  {} {}{}\n",
                paint.paint(Role::Quiet, &format!("{:<12}", hook.on.word())),
                wrapped(&command(&hook.command), console.width, 15).trim(),
                paint.paint(Role::Quiet, whose),
            ));
        }
    }
    text.push_str(&heading("Run it", paint));
    text.push_str(&format!("  {}\n", paint.paint(Role::Active, exec)));
    text
}

fn heading(text: &str, paint: Paint) -> String {
    format!("\n{}\n", paint.paint(Role::Strong, text))
}

fn inputs(vars: &[Input], console: Console) -> String {
    let widest = vars.iter().map(|input| input.name.width()).max().unwrap_or(0);
    let mut text = String::new();
    for input in vars {
        let pad = " ".repeat(widest - input.name.width());
        let ty = describe(&input.ty);
        text.push_str(&format!(
            "  {}{pad}  {ty}; {}\n",
            input.name,
            console.out.paint(Role::Quiet, &given(input))
        ));
        if let Some(help) = &input.help {
            text.push_str(&wrapped(help, console.width, widest + 4));
        }
    }
    text
}

fn environment(runbook: &Runbook) -> String {
    let entries = runbook.environment.iter();
    entries.map(|(name, text)| format!("  {name}={}\n", one_line(&text.src))).collect()
}

/// Returns where an input's value comes from when the command line does not give it.
fn given(input: &Input) -> String {
    match (&input.default, &input.from) {
        (Some(default), _) => format!("default {}", plain(default)),
        (None, Some(SecretSource::Env(name))) => format!("from {name}{}", or_not(input)),
        (None, Some(SecretSource::File(path))) => format!("from the file {path}{}", or_not(input)),
        (None, Some(SecretSource::Command(words))) => format!("from `{}`{}", words.join(" "), or_not(input)),
        (None, None) if input.required => "required".to_owned(),
        (None, None) => "may be left out".to_owned(),
    }
}

fn or_not(input: &Input) -> &'static str {
    if input.required { "" } else { ", may be left out" }
}

fn steps(steps: &[Step], console: Console) -> String {
    let paint = console.out;
    let mut text = String::new();
    let mut phase: Option<&str> = None;
    for step in steps {
        if step.phase.as_deref() != phase {
            phase = step.phase.as_deref();
            text.push_str(&match phase {
                Some(phase) => {
                    format!("  {}\n", paint.paint(Role::Quiet, &format!("-- {} --", one_line(phase))))
                }
                None => "\n".to_owned(),
            });
        }
        let each = if step.for_each.is_some() { "[…]" } else { "" };
        let title = title(step).map(|title| format!("  {title}")).unwrap_or_default();
        text.push_str(&format!("  {}{title}\n", paint.paint(Role::Strong, &format!("{}{each}", step.id))));
        text.push_str(&told(details(step), console));
    }
    text
}

fn title(step: &Step) -> Option<String> {
    let own = step.title.as_ref().map(|title| title.src.as_str());
    let template = step.binding.as_ref().map(|binding| binding.title.src.as_str());
    own.or(template).filter(|title| !title.is_empty()).map(one_line)
}

/// Returns what is to be known of a step, name by name.
fn details(step: &Step) -> Vec<(&'static str, String)> {
    let body = &step.body;
    let mut details = Vec::new();
    let mut say = |name, value: Option<String>| details.extend(value.map(|value| (name, value)));
    say("when", step.when.as_ref().map(|when| when.0.src.clone()));
    say("uses", step.binding.as_ref().map(|binding| binding.template.clone()));
    say("needs", (!step.needs.is_empty()).then(|| step.needs.join(", ")));
    say("lock", step.lock.as_ref().map(|lock| lock.src.clone()));
    say("guard", step.guard.as_ref().map(|found| guard(found)));
    details.extend(docs::details(body));
    details
}

fn inputs_json(inputs: &[Input]) -> Vec<Value> {
    let one = |input: &Input| {
        json!({
            "name": input.name,
            "type": input.ty.kind.name(),
            "enum": input.ty.one_of,
            "pattern": input.ty.pattern,
            "min": input.ty.min,
            "max": input.ty.max,
            "required": input.required && input.default.is_none(),
            "default": input.default,
            "help": input.help,
        })
    };
    inputs.iter().map(one).collect()
}

fn document(book: &Book, books: &Books, exec: &str) -> Value {
    let runbook = &book.runbook;
    let vars = inputs_json(&runbook.vars);
    let steps = |steps: &[Step]| -> Vec<Value> {
        steps
            .iter()
            .map(|step| {
                let details: serde_json::Map<String, Value> = details(step)
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), Value::String(value)))
                    .collect();
                let mut object = json!({
                    "id": step.id,
                    "phase": step.phase,
                    "title": title(step),
                    "needs": step.needs,
                    "for_each": step.for_each.is_some(),
                    "effect": if step.body.effect == Effect::Read { "read" } else { "change" },
                });
                for (name, value) in details {
                    if name != "needs" {
                        object[name] = value;
                    }
                }
                object
            })
            .collect()
    };
    json!({
        "version": 1,
        "name": runbook.name,
        "file": books.project.relative(&book.entry.path),
        "title": runbook.title,
        "summary": runbook.summary,
        "about": runbook.about,
        "owner": runbook.owner,
        "tags": runbook.tags,
        "source": runbook.source,
        "vars": vars,
        "environment": runbook.environment.iter().map(|(name, text)| (name.clone(), json!(text.src))).collect::<serde_json::Map<_, _>>(),
        "steps": steps(&runbook.steps),
        "finally": steps(&runbook.finally),
        "hooks": runbook
            .hooks
            .iter()
            .map(|hook| json!({"event": hook.on, "command": command(&hook.command), "shared": hook.shared}))
            .collect::<Vec<_>>(),
        "exec": exec,
    })
}
