//! A run that goes on in the background: what was gathered here is handed to an engine of its own.
//!
//! Everything that can be wrong is looked for, asked for and confirmed in front of the person; what they confirmed is
//! what the other engine is given, snapshot and all, and not the files once more. It comes through a pipe: an argument
//! list is public, and a secret may have been typed.
#![expect(clippy::disallowed_methods, reason = "the engine's own words are kept beside its run's output")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::args::Form;
use super::console::Console;
use super::error::CliError;
use super::exit::{Asked, Exit};
use super::settings::Settings;
use super::{logging, stores, view};
use crate::driver::{self, Closed, Surroundings};
use crate::exec::{detach, leave_terminal};
use crate::journal::{OutputDir, RunId};
use crate::model::Secrets;
use crate::report::{Earlier, EndInfo, Reporter, Seen, lines};

/// The verb of the engine in the background. Not for people.
pub const VERB: &str = "detached-engine";

/// What is to be done in the background.
#[derive(Debug, Serialize, Deserialize)]
pub enum Work {
    /// Opens a run.
    Exec(Box<driver::Exec>),
    /// Takes one up again.
    Resume(Box<driver::Resume>),
}

#[derive(Serialize, Deserialize)]
struct Handed {
    work: Work,
    secrets: BTreeMap<String, String>,
    approvals: BTreeSet<String>,
    program: String,
}

/// Hands `work` to an engine in the background, waits until the run is its own, and tells how to reach it.
///
/// # Errors
///
/// When no engine can be started.
pub fn hand_over(
    work: Work,
    approvals: BTreeSet<String>,
    settings: &Settings,
    console: Console,
) -> Result<Exit, CliError> {
    let known = match &work {
        Work::Exec(exec) => exec.secrets.clone(),
        Work::Resume(resume) => resume.secrets.clone(),
    };
    let secrets = known.named().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let program = settings.program();
    let handed = Handed { work, secrets, approvals, program: program.clone() };
    let handed = serde_json::to_vec(&handed).context("the run can't be handed over")?;
    let store = settings.store.value.path();
    let mut arguments = vec![OsStr::new("--store"), store.as_os_str(), OsStr::new(VERB)];
    arguments.extend((0..settings.verbose).map(|_| OsStr::new("-v")));
    let mut engine = detach(&arguments, &handed).context("no engine can be started in the background")?;
    let run = engine.first_line()?;
    logging::handed_over(run.as_deref(), &known);
    let Some(run) = run else {
        // It has said itself what is wrong.
        return Ok(Exit::of_code(engine.code()?));
    };
    if settings.form == Form::Json {
        console.json(&json!({ "version": 1, "run": run, "pid": engine.pid() }))?;
        return Ok(Exit::Good);
    }
    let pid = engine.pid();
    console.say(&format!(
        "run {run} goes on in the background (pid {pid})\n  \
         watch it    {program} status {run} --watch\n  \
         its output  {program} logs {run} --follow\n  \
         answer it   {program} approve {run} STEP\n  \
         stop it     {program} cancel {run}"
    ));
    Ok(Exit::Good)
}

/// Drives what was handed over; the whole life of the engine in the background.
///
/// # Errors
///
/// Whatever keeps the run from going on.
pub fn run(settings: &Settings) -> Result<Exit, CliError> {
    leave_terminal().context("the terminal can't be left")?;
    let mut handed = Vec::new();
    io::stdin().lock().read_to_end(&mut handed)?;
    let Handed { work, secrets: given, approvals, program } =
        serde_json::from_slice(&handed).context("what was handed over can't be read")?;
    drop(handed);
    let mut secrets = Secrets::default();
    for (name, value) in given {
        secrets.insert(name, value);
    }
    let store = stores::open(settings)?;
    let announced = Announced { outputs: store.outputs(), inner: None };
    // Only a real run can be detached.
    let mut reporter =
        view::with_listeners(Box::new(announced), settings, Console::new(settings), &secrets, false);
    // Nobody can be asked here; whoever answers does so from another terminal, however late.
    let around = Surroundings {
        script: None,
        store: &store,
        reporter: reporter.as_mut(),
        people: None,
        approvals,
        program,
        wait: true,
        recorder: None,
    };
    let closed: Closed = match work {
        Work::Exec(exec) => driver::exec(driver::Exec { secrets, ..*exec }, around)?,
        Work::Resume(resume) => driver::resume(driver::Resume { secrets, ..*resume }, around)?,
    };
    Ok(Exit::of(&closed, Asked::Forward))
}

/// Says that the run is opened, and lets go of whoever started this engine; from then on it writes to a file of its own.
struct Announced {
    outputs: OutputDir,
    inner: Option<Box<dyn Reporter>>,
}

impl Announced {
    fn announce(&mut self, run: &str) -> Box<dyn Reporter> {
        let mut out = io::stdout().lock();
        // Whoever started it may be gone; the run goes on all the same.
        let _ = writeln!(out, "{run}").and_then(|()| out.flush());
        let log = RunId::parse(run).and_then(|run| log(&self.outputs, &run).ok());
        let nowhere = OpenOptions::new().read(true).write(true).open("/dev/null");
        if let Some(file) = log.as_ref().or(nowhere.as_ref().ok()) {
            let _ = rustix::stdio::dup2_stderr(file);
        }
        if let Ok(nowhere) = &nowhere {
            let _ = rustix::stdio::dup2_stdin(nowhere);
            let _ = rustix::stdio::dup2_stdout(nowhere);
        }
        match log {
            Some(log) => lines(log, true),
            None => lines(io::sink(), true),
        }
    }
}

/// Opens what the engine itself says, beside the output of its run's commands.
fn log(outputs: &OutputDir, run: &RunId) -> io::Result<File> {
    let folder = outputs.run(run);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    OpenOptions::new().append(true).create(true).mode(0o600).open(folder.join("engine.log"))
}

impl Reporter for Announced {
    fn past(&mut self, earlier: &Earlier<'_>) {
        if let Some(inner) = &mut self.inner {
            inner.past(earlier);
        }
    }

    fn event(&mut self, seen: &Seen<'_>) {
        let mut inner = match self.inner.take() {
            Some(inner) => inner,
            None => self.announce(seen.run),
        };
        inner.event(seen);
        self.inner = Some(inner);
    }

    fn aside(&mut self, text: &str) {
        match &mut self.inner {
            Some(inner) => inner.aside(text),
            // Whoever started this engine still waits for its first word.
            None => {
                let text: String = text.chars().filter(|one| !one.is_control()).collect();
                let _ = writeln!(io::stderr().lock(), "{text}");
            }
        }
    }

    fn close(&mut self, end: &EndInfo<'_>) {
        if let Some(inner) = &mut self.inner {
            inner.close(end);
        }
    }
}
