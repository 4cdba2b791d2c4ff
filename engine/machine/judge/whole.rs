//! What a runbook asks for as a whole, with the runbooks that its steps bring in: whom it changes, which locks it holds,
//! whether it must be confirmed, who is told.

use std::time::Duration;

use crate::machine::evaluate::{Known, Prepared, Why};
use crate::machine::event::RunStatus;
use crate::machine::graph::{Addr, NodeId};
use crate::model::{Command, Hook, Sub, SubValues, Text};

use super::{Judge, READ_TIMEOUT, add_around};

/// How long a hook may take when nothing is said, and at most: a run that ends waits for it.
const HOOK_TIMEOUT: Duration = Duration::from_secs(10);
const HOOK_TIMEOUT_MOST: Duration = Duration::from_secs(300);

/// The time between SIGTERM and SIGKILL of a hook: it has nothing to put in order.
const HOOK_GRACE: Duration = Duration::from_secs(1);

impl Judge {
    /// Returns the commands of the runbook's `target`, by name; those of a runbook that a step brings in as `STEP/NAME`.
    ///
    /// # Errors
    ///
    /// A sentence for people when one can't be rendered.
    pub fn target(&self) -> Result<Vec<(String, Prepared)>, Why> {
        let mut commands = Vec::new();
        let mut of = |before: &str, target: &[(String, Command)], around: &[Vec<_>], sub: Option<u32>| {
            let scope = self.scopes.base(sub);
            for (name, command) in target {
                let mut prepared = self.command(command, &scope)?;
                prepared.timeout = Some(READ_TIMEOUT);
                self.inherit(&mut prepared, sub, around)?;
                commands.push((format!("{before}{name}"), prepared));
            }
            Ok::<(), Why>(())
        };
        let runbook = &self.snapshot.runbook;
        of("", &runbook.target, &[], None)?;
        for aim in &runbook.aims {
            of("", &aim.target, &aim.around, None)?;
        }
        for (number, sub) in self.wanted_subs() {
            let before = format!("{}/", sub.step);
            of(&before, &sub.target, &sub.around, Some(number))?;
            for aim in &sub.aims {
                of(&before, &aim.target, &aim.around, Some(number))?;
            }
        }
        Ok(commands)
    }

    /// Adds the environment of the runbooks around the one that `sub` brings in, the next one's first.
    pub(super) fn inherit(
        &self,
        prepared: &mut Prepared,
        sub: Option<u32>,
        around: &[Vec<(String, Text)>],
    ) -> Result<(), Why> {
        let mut sub = sub;
        for environment in around {
            sub = sub.and_then(|sub| self.snapshot.runbook.subs.get(sub as usize)).and_then(|sub| sub.within);
            if !environment.is_empty() {
                add_around(prepared, self.environment(environment, &self.scopes.base(sub))?);
            }
        }
        Ok(())
    }

    /// Returns what is added to the environment of every command of the run; a secret in it shows as its mask.
    ///
    /// # Errors
    ///
    /// A sentence for people when one can't be rendered.
    pub fn shared_environment(&self) -> Result<Vec<(String, String)>, Why> {
        let rendered = self.environment(&self.snapshot.runbook.environment, &self.scopes.base(None))?;
        Ok(rendered.into_iter().map(|(name, value)| (name, value.display())).collect())
    }

    /// Returns the command of a hook, for a run with this status. It is given what it reads by whoever starts it.
    ///
    /// # Errors
    ///
    /// A sentence for people when it can't be rendered.
    pub fn hook(&self, hook: &Hook, status: RunStatus) -> Result<Prepared, Why> {
        let scope = self.scopes.at_rest(status);
        let mut prepared = self.command(&hook.command, &scope)?;
        let time = self.duration_or(hook.timeout.as_ref(), &scope, HOOK_TIMEOUT)?;
        prepared.timeout = Some(time.min(HOOK_TIMEOUT_MOST));
        prepared.grace = HOOK_GRACE;
        Ok(prepared)
    }

    /// Returns the names of the locks that the run holds: the runbook's, and those of what steps bring in.
    ///
    /// # Errors
    ///
    /// A sentence for people when one can't be rendered.
    pub fn locks(&self) -> Result<Vec<String>, Why> {
        let own = self.snapshot.runbook.lock.iter().map(|text| (text, None));
        let subs = self.wanted_subs().filter_map(|(number, sub)| Some((sub.lock.as_ref()?, Some(number))));
        let mut locks: Vec<String> = Vec::new();
        for (text, sub) in own.chain(subs) {
            let lock = self.shown(text, &self.scopes.base(sub))?;
            if !locks.contains(&lock) {
                locks.push(lock);
            }
        }
        Ok(locks)
    }

    /// Returns the first condition because of which the run must be confirmed (`protect`), as it is written. One that can't
    /// be told is asked about: the guard must not fall by a mistake in it.
    pub fn protected(&self) -> Option<&str> {
        let own = self.snapshot.runbook.protect.iter().map(|expr| (expr, None));
        let subs = self.wanted_subs().filter_map(|(number, sub)| Some((sub.protect.as_ref()?, Some(number))));
        own.chain(subs)
            .find(|(expr, sub)| !matches!(self.holds(expr, &self.scopes.base(*sub)), Ok(Known::No)))
            .map(|(expr, _)| expr.0.src.as_str())
    }

    /// Returns the runbook that an instance brings in, with the vars that it gets: `team/failover with env=prod`.
    pub fn brought_in(&self, at: Addr) -> Option<String> {
        let (_, sub, values) = self.sub_begun(at.node)?;
        let shown = |(name, value): (&String, &crate::model::Value)| match value.as_str() {
            Some(text) => format!("{name}={text}"),
            None => format!("{name}={value}"),
        };
        let secret = |(name, _): &(String, String)| format!("{name}={}", crate::model::MASK);
        let vars: Vec<String> =
            values.vars.iter().map(shown).chain(values.secrets.iter().map(secret)).collect();
        Some(if vars.is_empty() { sub.name.clone() } else { format!("{} with {}", sub.name, vars.join(" ")) })
    }

    /// Returns the lock that the run holds because of the runbook that an instance brings in.
    pub fn lock_of(&self, at: Addr) -> Option<String> {
        let (number, sub, _) = self.sub_begun(at.node)?;
        self.shown(sub.lock.as_ref()?, &self.scopes.base(Some(number))).ok()
    }

    fn sub_begun(&self, node: NodeId) -> Option<(u32, &Sub, &SubValues)> {
        let number = self.graph.begun_by(node)?;
        let sub = self.snapshot.runbook.subs.get(number as usize)?;
        Some((number, sub, self.snapshot.subs.get(number as usize)?))
    }

    /// Returns the runbooks that steps bring in, without those that are known to be skipped.
    fn wanted_subs(&self) -> impl Iterator<Item = (u32, &Sub)> {
        let subs = self.snapshot.runbook.subs.iter().zip(&self.snapshot.subs);
        (0..).zip(subs).filter(|(_, (_, values))| !values.unwanted).map(|(number, (sub, _))| (number, sub))
    }
}
