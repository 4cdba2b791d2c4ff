//! `runbook logs`: what the commands of a run printed.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::cli::args::{Form, Logs};
use crate::cli::console::{Console, exact};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::cli::stores::{self, Read};
use crate::diag::near;
use crate::journal::{OutputDir, OutputFile, RunId, Store, Stream};
use crate::machine::{Event, Graph, Stage, State};
use crate::report::Role;

/// How much is read at once: output may have gigabytes.
const CHUNK: u64 = 64 * 1024;

/// How often a live run is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Shows the output files, step by step in the order in which they began.
///
/// # Errors
///
/// When there is no such run or step.
pub fn run(logs: &Logs, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let store = stores::read_with(settings, Some(&logs.run))?;
    let run = stores::meant(&store, Some(&logs.run), console)?.id;
    let Read { stored, graph, state, .. } = stores::load(&store, &run)?;
    let mut begun: Vec<String> = Vec::new();
    for record in &stored.records {
        if let Event::Intent { leaf, .. } = &record.event
            && !begun.contains(&leaf.step)
        {
            begun.push(leaf.step.clone());
        }
    }
    let steps = match &logs.step {
        None => begun,
        Some(typed) => named(typed, &begun, &state, &graph, run.as_str())?,
    };
    let outputs = store.outputs();
    if logs.follow {
        if settings.form == Form::Json {
            let hint = format!("`{} logs {run} --format json` tells where the files are", settings.program());
            return Err(CliError::usage_with("--follow shows text only", hint));
        }
        return Follow { store: &store, run: &run, outputs: &outputs, console }.until_rest(logs, steps);
    }
    let mut shown = 0;
    let mut documents = Vec::new();
    for step in &steps {
        for file in outputs.list(&run, step)? {
            match settings.form {
                Form::Json => documents.push(document(&file)),
                Form::Text => shown += print(&file, &outputs, &run, console)?,
            }
        }
    }
    if settings.form == Form::Json {
        console.json(&json!({ "version": 1, "run": run.as_str(), "outputs": documents }))?;
    } else if shown == 0 {
        console.say("nothing was printed");
    }
    Ok(Exit::Good)
}

/// Returns the instances that a typed name means: the instance itself, or every one of the step.
fn named(
    typed: &str,
    begun: &[String],
    state: &State,
    graph: &Graph,
    run: &str,
) -> Result<Vec<String>, CliError> {
    let meant: Vec<String> = begun.iter().filter(|name| is_meant(typed, name)).cloned().collect();
    if !meant.is_empty() {
        return Ok(meant);
    }
    let known: Vec<String> = state
        .instances()
        .map(|(at, _)| state.name(graph, at))
        .chain(graph.main_nodes().chain(graph.finally_nodes()).map(|node| graph.step(node).id.clone()))
        .collect();
    if known.iter().any(|name| name == typed) {
        return Ok(Vec::new());
    }
    let message = format!("run {run} has no step `{typed}`");
    Err(match near(typed, known.iter().map(String::as_str)) {
        Some(meant) => CliError::usage_with(message, format!("did you mean `{meant}`?")),
        None => CliError::usage_with(message, format!("`runbook status {run}` lists its steps")),
    })
}

/// Says whether a typed name means the instance: by itself, by its step, or by the step that brought in its runbook.
fn is_meant(typed: &str, name: &str) -> bool {
    name.strip_prefix(typed).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '/']))
}

/// What is printed while the run goes on.
struct Follow<'a> {
    store: &'a Store,
    run: &'a RunId,
    outputs: &'a OutputDir,
    console: Console,
}

impl Follow<'_> {
    /// Prints what the steps printed so far and goes on until no engine drives the run.
    fn until_rest(&self, logs: &Logs, mut steps: Vec<String>) -> Result<Exit, CliError> {
        let mut printed: HashMap<PathBuf, u64> = HashMap::new();
        let mut last = None;
        let mut seen = 0;
        loop {
            // Asked before the files are read: what was printed last is then among them.
            let alive = stores::is_alive(&self.store.run(self.run)?);
            for record in self.store.tail(self.run, seen)? {
                seen = record.seq;
                if let Event::Intent { leaf, .. } = &record.event {
                    let meant = logs.step.as_deref().is_none_or(|typed| is_meant(typed, &leaf.step));
                    if meant && !steps.contains(&leaf.step) {
                        steps.push(leaf.step.clone());
                    }
                }
            }
            for step in &steps {
                for file in self.outputs.list(self.run, step)? {
                    self.print_new(&file, &mut printed, &mut last)?;
                }
            }
            if !alive {
                return Ok(Exit::Good);
            }
            std::thread::sleep(LOOK);
        }
    }

    fn print_new(
        &self,
        file: &OutputFile,
        printed: &mut HashMap<PathBuf, u64>,
        last: &mut Option<(PathBuf, u8)>,
    ) -> Result<(), CliError> {
        let from = printed.entry(file.path.clone()).or_default();
        // Of a gate only the last poll is kept.
        *from = if file.bytes < *from { 0 } else { *from };
        if file.bytes == *from {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        if last.as_ref().is_none_or(|(path, _)| *path != file.path) {
            let broken = last.as_ref().is_some_and(|(_, byte)| *byte != b'\n');
            let heading = self.console.out.paint(Role::Strong, &heading(file));
            writeln!(out, "{}{heading}", if broken { "\n" } else { "" })?;
        }
        loop {
            let bytes = self.outputs.read(self.run, &file.leaf, file.stream, *from, CHUNK)?;
            let Some(&end) = bytes.last() else { break };
            *last = Some((file.path.clone(), end));
            *from += bytes.len() as u64;
            out.write_all(&bytes)?;
        }
        Ok(out.flush()?)
    }
}

/// Prints a file under its heading; returns how many were printed.
fn print(file: &OutputFile, outputs: &OutputDir, run: &RunId, console: Console) -> Result<usize, CliError> {
    if file.bytes == 0 {
        return Ok(0);
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{}", console.out.paint(Role::Strong, &heading(file)))?;
    let mut offset = 0;
    let mut last = b'\n';
    loop {
        let bytes = outputs.read(run, &file.leaf, file.stream, offset, CHUNK)?;
        let Some(end) = bytes.last() else { break };
        last = *end;
        offset += bytes.len() as u64;
        out.write_all(&bytes)?;
    }
    if last != b'\n' {
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(1)
}

fn heading(file: &OutputFile) -> String {
    let stage = stage(file.leaf.stage);
    let attempt = match file.leaf.attempt {
        1 => String::new(),
        more => format!(", attempt {more}"),
    };
    let stream = match file.stream {
        Stream::Stdout => "",
        Stream::Stderr => ", stderr",
    };
    format!("== {} · {stage}{attempt}{stream}", exact(&file.leaf.step))
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Check => "check",
        Stage::Capture => "capture",
        Stage::Action => "action",
        Stage::Guard => "guard",
        Stage::Verify => "verify",
        Stage::Undo => "undo",
        Stage::UndoVerify => "verify of the undo",
    }
}

fn document(file: &OutputFile) -> serde_json::Value {
    json!({
        "step": file.leaf.step,
        "stage": file.leaf.stage,
        "attempt": file.leaf.attempt,
        "stream": match file.stream { Stream::Stdout => "stdout", Stream::Stderr => "stderr" },
        "path": file.path,
        "bytes": file.bytes,
    })
}
