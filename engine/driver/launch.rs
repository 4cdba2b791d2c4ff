//! From a prepared command to a process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::exec::{self, Redactor, Spec};
use crate::journal::{OutputDir, RunId, Stream};
use crate::machine::{End, Leaf, Prepared, Stage};
use crate::model::Secrets;

/// Better not started than started with the mask: a rollback that writes it back would put it in place of the secret.
pub(super) const MASKED: &str = "it would be given `•••` in place of a secret: what an earlier command printed is kept only without \
                      its secrets; give the secret itself, by `env` or `stdin`";

/// What every command of a run shares.
pub(super) struct Launcher {
    pub root: PathBuf,
    pub secrets: Secrets,
    pub redactor: Redactor,
    pub outputs: OutputDir,
    pub run: RunId,
}

impl Launcher {
    /// Returns the command as the system takes it. `poll` counts a gate's polls: of those only the last one's output
    /// is kept.
    ///
    /// # Errors
    ///
    /// A sentence for people; the command was not started then.
    pub(super) fn spec(&self, leaf: &Leaf, command: &Prepared, poll: u32) -> Result<Spec, String> {
        let mut spec = resolved(&self.root, &self.secrets, command)?;
        for (name, value) in marks(&self.run, leaf) {
            spec.marks.push(format!("{name}={value}").into());
            spec.env.push((name.into(), Some(value.into())));
        }
        if matches!(leaf.stage, Stage::Undo | Stage::UndoVerify) {
            spec.env.push(("RUNBOOK_DIRECTION".into(), Some("undo".into())));
        }
        spec.redactor = self.redactor.clone();
        if !command.sensitive {
            // An output file that can't be made is no reason not to run: the pool reports it with the end.
            match self.outputs.ready(&self.run, leaf, poll > 1) {
                Ok((stdout, stderr)) => {
                    spec.stdout_file = Some(stdout);
                    spec.stderr_file = Some(stderr);
                }
                Err(_) => {
                    spec.stdout_file = Some(self.outputs.path(&self.run, leaf, Stream::Stdout));
                    spec.stderr_file = Some(self.outputs.path(&self.run, leaf, Stream::Stderr));
                }
            }
        }
        Ok(spec)
    }
}

/// Returns what every process of one attempt of one command has in its environment, unless it takes it out: the key for
/// tools that want to see each call once, and what the process is found by. The stage is among them, so that the service
/// that an action started is not taken for a part of the gate that looks at it.
pub(super) fn marks(run: &RunId, leaf: &Leaf) -> [(&'static str, String); 4] {
    [
        ("RUNBOOK_RUN", run.to_string()),
        ("RUNBOOK_STEP", leaf.step.clone()),
        ("RUNBOOK_STAGE", leaf.stage.word().to_owned()),
        ("RUNBOOK_ATTEMPT", leaf.attempt.to_string()),
    ]
}

/// Returns a command with its secrets in place, for the one who starts it.
pub(super) fn resolved(root: &Path, secrets: &Secrets, command: &Prepared) -> Result<Spec, String> {
    let reveal = |text: &crate::model::Rendered| -> Result<String, String> {
        if !secrets.is_empty() && text.is_masked() {
            return Err(MASKED.to_owned());
        }
        text.reveal(secrets).ok_or_else(|| match (text.secret(), text.unknown()) {
            (Some(name), _) => {
                format!("the secret `{name}` has no value here; give it the way it was given at the start")
            }
            (_, origin) => format!("{} is not known", origin.unwrap_or("a value")),
        })
    };
    let mut argv = Vec::with_capacity(command.argv.len());
    for word in &command.argv {
        argv.push(OsString::from(reveal(word)?));
    }
    let mut spec = Spec::new(argv);
    for (name, value) in &command.env {
        spec.env.push((name.into(), Some(reveal(value)?.into())));
    }
    // As public as an argument: anybody may look at where a process runs.
    if let Some(name) = command.dir.as_ref().and_then(|dir| dir.secret()) {
        return Err(format!(
            "the secret `{name}` can't be part of the folder it runs in (`dir`), which is public"
        ));
    }
    let dir = command.dir.as_ref().map(reveal).transpose()?;
    spec.dir = Some(dir.map_or_else(|| root.to_path_buf(), |dir| root.join(dir)));
    spec.stdin = command.stdin.as_ref().map(reveal).transpose()?.map(String::into_bytes);
    spec.merged = command.merged;
    spec.timeout = command.timeout;
    spec.grace = command.grace;
    Ok(spec)
}

/// Returns how a process ended, as the journal says it.
pub(super) fn end(end: &exec::End) -> End {
    match end {
        exec::End::Exited(code) => End::Exit(*code),
        exec::End::Signalled(signal) => End::Signal(*signal),
        exec::End::TimedOut { .. } => End::TimedOut,
        // Stopped while it waited for its start: it changed nothing, so its end is not in doubt.
        exec::End::Stopped { death: None, .. } => {
            End::NotStarted("it was stopped before it began".to_owned())
        }
        exec::End::Stopped { .. } => End::Stopped,
        exec::End::NotStarted(error) => End::NotStarted(error.to_string()),
    }
}
