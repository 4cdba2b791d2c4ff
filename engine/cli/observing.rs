//! A plan that looks: how far it is while it does, and the secrets that it needs.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use super::console::{Console, count};
use super::error::CliError;
use super::exit::Exit;
use super::gather::{given, left, run_commands};
use super::prompt;
use super::settings::Settings;
use super::terminal::{Dialogue, Terminal};
use crate::diag::Sources;
use crate::driver::{Interrupt, Looking, Onlooker, Preview, Progress, Unobserved, observe};
use crate::load::{Bound, Inputs, changes};
use crate::model::{Secrets, Snapshot, format_duration};

/// How many commands are asked at once, when the runbook does not say.
const MAX_PARALLEL: u32 = 8;

/// How often it is said what is waited for, where no line can be drawn over.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks, and returns the plan with what was seen; or how the program ends when somebody stopped it.
///
/// # Errors
///
/// A system that starts no process; a person who left at a prompt.
pub fn look(
    bound: &Bound,
    terminal: Option<&mut Terminal>,
    settings: &Settings,
    console: Console,
) -> Result<Result<Preview, Exit>, CliError> {
    let looking = Looking {
        secrets: given(&bound.secrets),
        max_parallel: bound.snapshot.runbook.max_parallel.unwrap_or(MAX_PARALLEL) as usize,
        changes,
    };
    let [_, _, drawn] = settings.environment.terminals;
    let mut at = AtTerminal {
        snapshot: &bound.snapshot,
        terminal,
        settings,
        console,
        drawn: drawn && settings.environment.var("TERM") != Some("dumb"),
        line: String::new(),
        told: None,
    };
    let seen = observe(&bound.snapshot, looking, &mut at);
    at.clear();
    match seen {
        Ok(preview) => Ok(Ok(preview)),
        Err(Unobserved::Stopped(which)) => {
            console.say("stopped while looking: nothing was changed, and there is no plan");
            Ok(Err(if which == Interrupt::Term { Exit::Terminated } else { Exit::Interrupted }))
        }
        Err(Unobserved::Asking(error)) => Err(left(error)),
        Err(Unobserved::Pool(error)) => Err(CliError::Write(error)),
        Err(error @ Unobserved::Redactor(_)) => Err(CliError::usage(error.to_string())),
    }
}

struct AtTerminal<'a> {
    snapshot: &'a Snapshot,
    terminal: Option<&'a mut Terminal>,
    settings: &'a Settings,
    console: Console,
    /// Whether one line is drawn over and over.
    drawn: bool,
    /// What stands there now.
    line: String,
    /// What was said last, where nothing is drawn over: how many commands there were, and how long one was waited for.
    told: Option<(usize, Duration)>,
}

impl AtTerminal<'_> {
    fn clear(&mut self) {
        if !std::mem::take(&mut self.line).is_empty() {
            let _ = io::stderr().lock().write_all(b"\r\x1b[K");
        }
    }

    fn draw(&mut self, progress: &Progress) {
        let Progress { answered, asked, longest, .. } = progress;
        let waits = longest.as_ref().map(|(step, time)| {
            let time = if time.as_secs() > 0 { format!(" for {}s", time.as_secs()) } else { String::new() };
            format!(", waiting{time} for {step}")
        });
        let text = format!("looking: {answered} of {asked} answered{}", waits.unwrap_or_default());
        // One column is left free, or the cursor would stand on the next line.
        let line =
            self.console.err.shorten(&self.console.err.clean(&text), self.console.width.saturating_sub(1));
        if line != self.line {
            let _ = write!(io::stderr().lock(), "\r\x1b[K{line}");
            self.line = line;
        }
    }

    fn tell(&mut self, progress: &Progress) {
        let Progress { answered, asked, at_once, longest } = progress;
        match self.told {
            Some((known, time)) if known == *asked => {
                let Some((step, waited)) = longest.as_ref().filter(|(_, waited)| *waited >= time + PATIENCE)
                else {
                    return;
                };
                let waited = Duration::from_secs(waited.as_secs());
                let step = self.console.err.clean(step);
                self.console.say(&format!(
                    "looking: {answered} of {asked} answered, waiting for {step} ({} so far)",
                    format_duration(waited)
                ));
                self.told = Some((known, waited));
            }
            before => {
                let more = if before.is_some() { " more" } else { "" };
                let fresh = asked - before.map_or(0, |(known, _)| known);
                let noun = count(fresh, "command").replacen(' ', &format!("{more} "), 1);
                self.console.say(&format!("looking: {noun}, at most {at_once} at once"));
                self.told = Some((*asked, Duration::ZERO));
            }
        }
    }
}

impl Onlooker for AtTerminal<'_> {
    fn progress(&mut self, progress: &Progress) {
        if self.drawn { self.draw(progress) } else { self.tell(progress) }
    }

    fn secrets(&mut self, names: &BTreeSet<String>) -> io::Result<Secrets> {
        self.clear();
        let names: Vec<String> = names.iter().cloned().collect();
        let root = Path::new(&self.snapshot.root);
        let vars = &self.snapshot.runbook.vars;
        let mut inputs = Inputs::secrets_again(vars, &names, &self.settings.environment.vars, root);
        if let Some(terminal) = self.terminal.as_deref_mut()
            && !inputs.report().has_errors()
        {
            prompt::fill(&mut inputs, terminal as &mut dyn Dialogue, self.console.err)?;
        }
        run_commands(&mut inputs, root);
        if inputs.report().has_errors() {
            let sources: Sources = self.snapshot.sources.clone().into();
            self.console.diagnostics(inputs.report(), &sources);
        }
        // What is missing all the same is told where it was needed.
        Ok(inputs.known_secrets().clone())
    }
}
