//! What a plan shows of the times and limits that a runbook sets: before the run some of them are not known yet, and
//! what is not set at all is not shown, so they are read here as they are said and not as a run applies them.

use std::time::Duration;

use crate::machine::evaluate::Why;
use crate::machine::event::Stage;
use crate::machine::graph::Addr;
use crate::machine::state::State;
use crate::model::{Action, Gate, Retry, Text, Wait, format_duration, parse_duration};
use crate::template::Scope;

use super::Judge;

/// A time that a runbook sets, as far as it is known before the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Time {
    /// It is known.
    Known(Duration),
    /// Only the run can know it; as people read it, `‹where from›`.
    Unknown(String),
}

/// The times that a gate sets; absent where it sets none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateTimes {
    /// Between two polls.
    pub every: Option<Time>,
    /// How long it is polled.
    pub within: Option<Time>,
    /// How long it must hold.
    pub hold: Option<Time>,
    /// How long its answer is good for.
    pub valid_for: Option<Time>,
    /// How long one poll may take.
    pub timeout: Option<Time>,
}

/// How a stage is tried again, as it is set.
#[derive(Clone, Debug, PartialEq)]
pub struct Tries {
    /// Attempts in all.
    pub attempts: u32,
    /// Before the second attempt.
    pub delay: Option<Time>,
    /// Each delay is this many times the one before.
    pub backoff: Option<f64>,
    /// The longest delay.
    pub max_delay: Option<Time>,
    /// The share of the delay that is random.
    pub jitter: Option<f64>,
    /// The condition under which it is tried again, as written.
    pub when: Option<String>,
}

impl Judge {
    fn time(&self, text: Option<&Text>, scope: &Scope) -> Result<Option<Time>, Why> {
        let Some(text) = text else { return Ok(None) };
        let rendered = self.text(text, scope)?;
        let shown = rendered.display();
        if rendered.unknown().is_some() {
            return Ok(Some(Time::Unknown(shown)));
        }
        let known = parse_duration(&shown).map_err(|error| self.place(text.at, error))?;
        Ok(Some(Time::Known(known)))
    }

    /// Returns the times that the gate of a stage sets, or the template that it uses.
    ///
    /// # Errors
    ///
    /// A sentence for people.
    pub fn gate_times(&self, state: &State, at: Addr, stage: Stage) -> Result<GateTimes, Why> {
        let Some(gate) = Judge::gate_of(self.step(at.node), stage) else { return Ok(GateTimes::default()) };
        let levels = self.levels(state, at, gate, self.gate_scope(state, at, stage)?)?;
        let time = |says: fn(&Gate) -> Option<&Text>| match levels
            .iter()
            .find_map(|(gate, scope)| Some((says(gate)?, scope)))
        {
            Some((text, scope)) => self.time(Some(text), scope),
            None => Ok(None),
        };
        Ok(GateTimes {
            every: time(|gate| gate.every.as_ref())?,
            within: time(|gate| gate.within.as_ref())?,
            hold: time(|gate| gate.hold.as_ref())?,
            valid_for: time(|gate| gate.valid_for.as_ref())?,
            timeout: time(|gate| gate.timeout.as_ref())?,
        })
    }

    /// Returns the time that one attempt of a stage may take, where it is set; that of a gate is among its own times.
    ///
    /// # Errors
    ///
    /// A sentence for people.
    pub fn time_limit(&self, state: &State, at: Addr, stage: Stage) -> Result<Option<Time>, Why> {
        let step = self.step(at.node);
        let body = &step.body;
        match stage {
            Stage::Action => match (&step.timeout, &body.timeout) {
                (Some(text), _) => self.time(Some(text), &self.outer(state, at)),
                (None, text) => self.time(text.as_ref(), &self.inner(state, at)?),
            },
            Stage::Capture => {
                let text = body.capture.as_ref().and_then(|capture| capture.timeout.as_ref());
                self.time(text, &self.inner(state, at)?)
            }
            Stage::Undo => {
                let text = body.rollback.as_ref().and_then(|undo| undo.timeout.as_ref());
                self.time(text, &self.inner(state, at)?)
            }
            Stage::Check | Stage::Guard | Stage::Verify | Stage::UndoVerify => Ok(None),
        }
    }

    /// Returns how long an approval or a manual step waits for its person, where it is set.
    ///
    /// # Errors
    ///
    /// A sentence for people.
    pub fn patience(&self, state: &State, at: Addr) -> Result<Option<Time>, Why> {
        let text = match &self.step(at.node).body.action {
            Action::Approve(approve) => approve.timeout.as_ref(),
            Action::Manual(manual) => manual.timeout.as_ref(),
            _ => None,
        };
        self.time(text, &self.inner(state, at)?)
    }

    /// Returns how long a `wait` step waits, as people read it: `5m`, `until 2026-10-01T12:00:00Z`.
    ///
    /// # Errors
    ///
    /// A sentence for people.
    pub fn waits(&self, state: &State, at: Addr) -> Result<String, Why> {
        let scope = self.inner(state, at)?;
        match &self.step(at.node).body.action {
            Action::Wait(Wait::For(text)) => match self.time(Some(text), &scope)? {
                Some(Time::Known(duration)) => Ok(format_duration(duration)),
                _ => self.shown(text, &scope),
            },
            Action::Wait(Wait::Until(text)) => Ok(format!("until {}", self.shown(text, &scope)?)),
            _ => Err("it does not wait".to_owned()),
        }
    }

    /// Returns how a stage is tried again, where it is.
    ///
    /// # Errors
    ///
    /// A sentence for people.
    pub fn tries(&self, state: &State, at: Addr, stage: Stage) -> Result<Option<Tries>, Why> {
        let Some((retry, inner)) = self.policy(self.step(at.node), stage) else { return Ok(None) };
        let Retry { attempts, delay, backoff, max_delay, jitter, when } = retry;
        let scope = if inner { self.inner(state, at)? } else { self.outer(state, at) };
        Ok(Some(Tries {
            attempts,
            delay: self.time(delay.as_ref(), &scope)?,
            backoff,
            max_delay: self.time(max_delay.as_ref(), &scope)?,
            jitter,
            when: when.map(|when| when.0.src),
        }))
    }
}
