//! A step's native preview: asked by a plan that looks, never by a run.
//!
//! Its answer has three values as a gate's has: it tells of a change, it tells of none, or it could not tell. An exit
//! code other than 0 is a failure unless `changed` holds of it: `kubectl diff` exits with 1 for a difference and with
//! more for an error, and an error must never pass for "no difference".

use super::Known;
use super::evaluate::{Outcome, Prepared, Why};
use super::event::End;
use super::graph::Addr;
use super::judge::{Judge, READ_TIMEOUT, unanswered};
use super::scope::ResultNames;
use super::state::State;

/// What a native preview says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Previewed {
    /// Something would change.
    Differs,
    /// Nothing would change.
    Same,
    /// It said something, and the runbook does not say what to make of it.
    Said,
    /// It could not tell; holds why.
    CouldNotTell(String),
}

impl Judge {
    /// Returns the command of a step's native preview; nothing when it has none.
    ///
    /// # Errors
    ///
    /// A sentence for people when it can't be rendered.
    pub fn preview(&self, state: &State, at: Addr) -> Result<Option<Prepared>, Why> {
        let step = self.step(at.node);
        let Some(preview) = &step.body.preview else { return Ok(None) };
        let scope = self.inner(state, at)?;
        let mut prepared = self.command(&preview.command, &scope)?;
        prepared.timeout = Some(self.duration_or(preview.timeout.as_ref(), &scope, READ_TIMEOUT)?);
        prepared.sensitive = step.sensitive;
        self.surround(state, at, &mut prepared)?;
        Ok(Some(prepared))
    }

    /// Returns what the outcome of a step's native preview says.
    pub fn previewed(&self, state: &State, at: Addr, outcome: &Outcome) -> Previewed {
        let end = outcome.end.clone().unwrap_or(End::Stopped);
        let changed = self.step(at.node).body.preview.as_ref().and_then(|preview| preview.changed.as_ref());
        let End::Exit(code) = end else { return Previewed::CouldNotTell(unanswered(&end, outcome)) };
        let Some(changed) = changed else {
            return match code {
                0 => Previewed::Said,
                _ => Previewed::CouldNotTell(unanswered(&end, outcome)),
            };
        };
        // What a shell says when there is no such program, or it can't be run.
        if code != 0 && (matches!(code, 126 | 127) || !self.mentions(changed, "exit_code")) {
            return Previewed::CouldNotTell(unanswered(&end, outcome));
        }
        let holds = (|| -> Result<Known, Why> {
            let mut scope = self.inner(state, at)?;
            ResultNames::of(&self.engine, [changed]).set(&mut scope, outcome)?;
            self.holds(changed, &scope)
        })();
        match holds {
            Ok(Known::Yes) => Previewed::Differs,
            Ok(Known::No) if code == 0 => Previewed::Same,
            Ok(Known::No) => Previewed::CouldNotTell(unanswered(&end, outcome)),
            Ok(Known::Unknown) => {
                Previewed::CouldNotTell("its answer depends on a value that only the run can know".to_owned())
            }
            Err(why) => Previewed::CouldNotTell(why),
        }
    }
}
