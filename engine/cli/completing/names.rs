//! Names from the project, and those that the program has itself.
#![expect(
    clippy::disallowed_methods,
    reason = "it looks for the title of a runbook without reading all of it"
)]

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use clap_complete::engine::{PathCompleter, ValueCompleter};

use super::{Offer, Typed, beginning};
use crate::cli::book::Books;
use crate::cli::help;
use crate::diag::Code;
use crate::load::{Library, Project};
use crate::model::{Action, Input, Kind, Runbook, Step, Value};

/// How far into a file its title and its tags are looked for, in lines.
const HEAD: usize = 40;

/// Runbooks by their names; where none begins so, files.
pub(super) fn runbooks(typed: &Typed, current: &str) -> Vec<Offer> {
    let found = named(typed, current);
    if found.is_empty() { files(typed, current) } else { found }
}

/// Runbooks, and the step templates that there are.
pub(super) fn runbooks_and_templates(typed: &Typed, current: &str) -> Vec<Offer> {
    let mut found = named(typed, current);
    if let Ok(project) = Project::find(&typed.settings.folder) {
        let templates =
            Library::of(&project).names().into_iter().map(|name| Offer::new(name, "step template"));
        found.extend(beginning(templates, current));
    }
    if found.is_empty() { files(typed, current) } else { found }
}

fn named(typed: &Typed, current: &str) -> Vec<Offer> {
    let Ok(project) = Project::find(&typed.settings.folder) else { return Vec::new() };
    let default = project.default_folder().ok().flatten().map(|folder| format!("{folder}/"));
    let mut found = Vec::new();
    let entries = project.list().entries;
    for entry in &entries {
        // A bare name is what people type; it is offered once they began to.
        let bare = default.as_ref().and_then(|default| entry.name.strip_prefix(default.as_str()));
        let bare = bare.filter(|bare| !current.is_empty() && bare.starts_with(current));
        if let Some(name) = bare.or(Some(entry.name.as_str())).filter(|name| name.starts_with(current)) {
            found.push(Offer::new(name, key(&entry.path, "title")));
        }
    }
    if found.is_empty() && !current.is_empty() {
        // Somebody knows the name and not the folder.
        let ends = |name: &str| name.rsplit('/').next().is_some_and(|bare| bare.starts_with(current));
        let elsewhere = entries.iter().filter(|entry| ends(&entry.name));
        found.extend(elsewhere.map(|entry| Offer::new(&entry.name, key(&entry.path, "title"))));
    }
    found
}

/// Returns what a key at the top of a runbook says, where it stands on one line. Only for people: a file is parsed in ten
/// times the time.
fn key(path: &Path, key: &str) -> String {
    let Ok(file) = File::open(path) else { return String::new() };
    let lines = BufReader::new(file).lines().take(HEAD).map_while(Result::ok);
    let said =
        lines.filter_map(|line| Some(line.strip_prefix(key)?.strip_prefix(':')?.trim().to_owned())).next();
    said.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
}

/// Returns the entries of a list at the top of a runbook with commas between: `[a, b]`, over several lines too, or one a line.
fn list(path: &Path, key: &str) -> String {
    let Ok(file) = File::open(path) else { return String::new() };
    let uncommented = |line: &str| match line.find(" #") {
        Some(at) => line[..at].trim().to_owned(),
        None => line.trim().to_owned(),
    };
    let lines = BufReader::new(file).lines().take(HEAD).map_while(Result::ok);
    let mut lines =
        lines.skip_while(|line| !line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
    let Some(first) = lines.next() else { return String::new() };
    let mut said = uncommented(&first[key.len() + 1..]);
    if said.is_empty() || said.starts_with('#') {
        let entry = |line: &String| line.is_empty() || line.starts_with(['-', '#']);
        let entries = lines.map(|line| uncommented(&line)).take_while(entry);
        let entries = entries.filter_map(|line| Some(line.strip_prefix('-')?.trim().to_owned()));
        return entries.collect::<Vec<_>>().join(",");
    }
    while said.starts_with('[') && !said.ends_with(']') {
        let Some(more) = lines.next() else { break };
        said.push_str(&uncommented(&more));
    }
    said.trim_matches(['[', ']']).to_owned()
}

fn files(typed: &Typed, current: &str) -> Vec<Offer> {
    let paths = PathCompleter::any().current_dir(&typed.settings.folder);
    let text = |one: clap_complete::CompletionCandidate| Some(one.get_value().to_str()?.to_owned());
    let found = paths.complete(OsStr::new(current)).into_iter().filter_map(text);
    found.map(|path| Offer::new(path, "")).collect()
}

/// The tags that runbooks have.
pub(super) fn tags(typed: &Typed, current: &str) -> Vec<Offer> {
    let Ok(project) = Project::find(&typed.settings.folder) else { return Vec::new() };
    let mut tags: Vec<String> = Vec::new();
    for entry in project.list().entries {
        let said = list(&entry.path, "tags");
        let words = said.split(',').map(|tag| tag.trim().trim_matches(['"', '\'']));
        tags.extend(words.filter(|tag| !tag.is_empty()).map(str::to_owned));
    }
    tags.sort();
    tags.dedup();
    beginning(tags.into_iter().map(|tag| Offer::new(tag, "")), current)
}

/// The codes of diagnostics, by number; by name where that is what somebody began to type.
pub(super) fn codes(_: &Typed, current: &str) -> Vec<Offer> {
    let numbers = Code::ALL.iter().map(|code| Offer::new(code.to_string(), code.title()));
    let found = beginning(numbers, current);
    match found.is_empty() {
        true => beginning(Code::ALL.iter().map(|code| Offer::new(code.name(), code.title())), current),
        false => found,
    }
}

/// The verbs that there is a manual page of.
pub(super) fn verbs(_: &Typed, current: &str) -> Vec<Offer> {
    let line = help::command_line();
    let about =
        |verb: &str| line.command.find_subcommand(verb).and_then(|verb| Some(verb.get_about()?.to_string()));
    let all = line.verbs.iter().map(|told| Offer::new(told.verb, about(told.verb).unwrap_or_default()));
    beginning(all, current)
}

/// What `--format` may say to the verb.
pub(super) fn formats(typed: &Typed, current: &str) -> Vec<Offer> {
    let line = help::command_line();
    let of = line.verbs.iter().find(|told| told.verb == typed.verb);
    let words = of.map(|told| told.formats.clone()).unwrap_or_default();
    beginning(words.into_iter().map(|word| Offer::new(word, "")), current)
}

/// Reads the runbook that was typed, with as much of it as is right.
fn runbook(typed: &Typed) -> Option<Runbook> {
    let texts = typed.texts("name");
    let name = typed.text("name").or(texts.first().copied())?;
    let books = Books::open(&typed.settings).ok()?;
    let entry = books.project.resolve(name, &typed.settings.folder).ok()?;
    books.load(&entry).runbook
}

/// The vars of the runbook, and after `name=` their values.
pub(super) fn vars(typed: &Typed, current: &str) -> Vec<Offer> {
    let inputs = runbook(typed).map(|runbook| runbook.vars).unwrap_or_default();
    assignments(&inputs, &typed.texts("var"), current)
}

/// Returns the assignments that may be begun so: `env=`, then `env=prod`.
pub(super) fn assignments(inputs: &[Input], given: &[&str], current: &str) -> Vec<Offer> {
    // A secret is refused on the command line, where it would stay in the history of the shell.
    let inputs = inputs.iter().filter(|input| input.ty.kind != Kind::Secret);
    let Some((name, _)) = current.split_once('=') else {
        let is_given = |input: &Input| {
            let twin = |one: &&&str| {
                **one != current && one.split_once('=').is_some_and(|(name, _)| name == input.name)
            };
            given.iter().any(|one| twin(&one))
        };
        let named = inputs.filter(|input| !is_given(input));
        return beginning(named.map(|input| Offer::new(format!("{}=", input.name), said(input))), current);
    };
    let Some(input) = inputs.into_iter().find(|input| input.name == name) else { return Vec::new() };
    let mut values: Vec<String> = input.ty.one_of.iter().map(plain).collect();
    if values.is_empty() && input.ty.kind == Kind::Boolean {
        values = vec!["true".to_owned(), "false".to_owned()];
    }
    let is_default = |value: &str| input.default.as_ref().is_some_and(|default| plain(default) == value);
    let about = |value: &str| if is_default(value) { "when it is not given" } else { "" };
    beginning(values.iter().map(|value| Offer::new(format!("{name}={value}"), about(value))), current)
}

fn said(input: &Input) -> String {
    let help = input.help.clone().unwrap_or_else(|| input.ty.kind.name().to_owned());
    match &input.default {
        Some(default) => format!("{help} [{}]", plain(default)),
        None => help,
    }
}

/// Returns a value as it is typed after `name=`.
fn plain(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}

/// The steps of the runbook.
pub(super) fn steps(typed: &Typed, current: &str) -> Vec<Offer> {
    of(typed, current, |_| true)
}

/// The steps of the runbook, each with room for a duration.
pub(super) fn steps_to_slow(typed: &Typed, current: &str) -> Vec<Offer> {
    steps(typed, current)
        .into_iter()
        .map(|step| Offer { value: format!("{}=", step.value), ..step })
        .collect()
}

/// The steps of the runbook that ask for a yes.
pub(super) fn approvals(typed: &Typed, current: &str) -> Vec<Offer> {
    of(typed, current, |step| {
        matches!(step.body.action, Action::Approve(_)) || step.body.irreversible.is_some()
    })
}

fn of(typed: &Typed, current: &str, wanted: fn(&Step) -> bool) -> Vec<Offer> {
    let Some(runbook) = runbook(typed) else { return Vec::new() };
    let steps = runbook.steps.iter().chain(&runbook.finally).filter(|step| wanted(step));
    beginning(steps.map(|step| Offer::new(&step.id, about(step))), current)
}

/// Returns the line about a step.
pub(super) fn about(step: &Step) -> String {
    step.title.as_ref().map(|title| title.src.clone()).unwrap_or_default()
}
