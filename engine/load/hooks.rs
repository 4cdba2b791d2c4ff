//! Hooks: those of a runbook, and those that `runbooks/catalog.yaml` has for every runbook of the project.
//!
//! ```yaml
//! # runbooks/catalog.yaml
//! hooks:
//!   failed: ./ops/page.sh
//!   finished: {run: ./ops/tell.sh, timeout: 5s}
//! ```
//!
//! Both are run, the project's beside the runbook's own: whoever writes a runbook adds to what the team is told, and can't
//! take it away by accident. What every runbook shares knows the names of none of them, so the project's hooks see `run`
//! only.

use std::fs;
use std::io;

use super::check;
use super::command;
use super::context::Context;
use super::fields::{Field, fields};
use super::keys::{HOOK, HOOKS, RUNBOOK, Spec};
use super::library::Library;
use super::node::NodeKind;
use super::project::Project;
use super::yaml;
use crate::diag::{Code, Diagnostic, Report, Sources};
use crate::model::{Hook, Moment, Runbook, Text, parse_duration};
use crate::template::Engine;

/// The longest time that a hook may take: so much later a run may end.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(300);

/// The file with the project's hooks, below `runbooks/`.
const CATALOG: &str = "catalog.yaml";

/// Reads `hooks`, in the order of a run.
pub(super) fn hooks(cx: &mut Context<'_>, field: Field<'_>, shared: bool) -> Vec<Hook> {
    let Some(of) = fields(cx, field.node, &HOOKS, Some(field.spec)) else { return Vec::new() };
    let hook = |on: Moment| hook(cx, of.get(on.word())?, on, shared);
    Moment::ALL.into_iter().filter_map(hook).collect()
}

fn hook(cx: &mut Context<'_>, field: Field<'_>, on: Moment, shared: bool) -> Option<Hook> {
    if let NodeKind::Str(_) = field.node.kind {
        // The whole value is the command, so what is said of it speaks of the event's key.
        let command = command::bare(cx, field)?;
        return Some(Hook { on, command, timeout: None, shared });
    }
    if let NodeKind::List(_) = field.node.kind {
        cx.report.push(
            Diagnostic::new(Code::WrongType, format!("`{}` wants a hook, not a list", on.word()))
                .at(field.node.place, "this is a list")
                .help(format!("its arguments stand under `run`: `{}: {{run: [./tell.sh, …]}}`", on.word()))
                .note("one event has one hook in a file; a script can tell two"),
        );
        return None;
    }
    let of = fields(cx, field.node, &HOOK, Some(field.spec))?;
    let command = command::command(cx, &of);
    let timeout = of.get("timeout").and_then(|field| time(cx, field));
    Some(Hook { on, command: command?, timeout, shared })
}

// RB0117
fn time(cx: &mut Context<'_>, field: Field<'_>) -> Option<Text> {
    let text = field.duration(cx)?;
    let time = parse_duration(&text.src).ok().filter(|_| text.is_literal());
    let why = match time {
        Some(time) if time.is_zero() => "in no time nobody is told anything",
        Some(time) if time > LONGEST => "a run that ends waits for its hooks",
        _ => return Some(text),
    };
    cx.report.push(
        Diagnostic::new(Code::HookTime, format!("a hook can't have a `timeout` of `{}`", text.src))
            .at(field.node.place, why)
            .help("at most 5m, for example `timeout: 10s`; what takes longer belongs in a step, or in the background"),
    );
    None
}

/// Adds the project's hooks to those of a runbook, before its own. A mistake in them is told with every runbook that would
/// run them.
pub(super) fn of_project(
    runbook: &mut Runbook,
    project: &Project,
    library: &Library,
    sources: &mut Sources,
    report: &mut Report,
) {
    let path = project.runbooks.join(CATALOG);
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        _ => {}
    }
    let shown = project.relative(&path).display().to_string();
    let text = match super::text_file::read(&path, &shown) {
        Ok(text) => text,
        Err(problem) => return report.push(problem),
    };
    // Read by itself first: a catalog without hooks is none of the runbook's sources, and what is wrong with it is told
    // where a bare name is looked for.
    let (mut alone, mut quiet) = (Sources::new(), Report::new());
    let file = alone.add(shown.clone(), text.clone());
    let has_hooks =
        yaml::parse(&alone, file, &mut quiet).is_some_and(|catalog| catalog.get("hooks").is_some());
    if !has_hooks && !text.lines().any(|line| line.starts_with("hooks")) {
        return;
    }
    let file = sources.add(shown, text);
    let Some(catalog) = yaml::parse(sources, file, report) else { return };
    let (NodeKind::Map(entries), Some(spec)) = (&catalog.kind, RUNBOOK.get("hooks")) else { return };
    let Some((key, node)) = entries.iter().find(|(key, _)| key.text == "hooks") else { return };
    let engine = Engine::new();
    let mut cx = Context::new(sources, report, library, &engine);
    let spec: &'static Spec = spec;
    let shared = hooks(&mut cx, Field { spec, key: key.place, node }, true);
    check::shared_hooks(&mut cx, &shared);
    runbook.hooks.splice(0..0, shared);
    // In the order of a run; of one event the project's stands first.
    runbook.hooks.sort_by_key(|hook| hook.on);
}
