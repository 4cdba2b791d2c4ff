//! The language against the state of a run: the one implementation of [`Evaluate`] that runbooks meet.
//!
//! Pure: what it answers follows from the snapshot, the state and the outcome alone. Secrets stay names.

mod foresee;
mod meant;
mod terms;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    Action, Command, Expr, Gate, Line, Map, Place, Rendered, Retry, SecretSource, Snapshot, Step, Text, Tree,
    Wait, parse_duration,
};
use crate::template::{self, Engine, Fault, Scope, Truth};

use super::evaluate::{
    Asking, Evaluate, Expansion, Judgement, Known, Outcome, Polling, Prepared, Waiting, Why,
};
use super::event::{End, Item, Stage, Verdict};
use super::graph::{Addr, Graph, NodeId};
use super::levels::Level;
use super::scope::{ResultNames, RunFacts, Scopes};
use super::stages::describe;
use super::state::State;
pub use foresee::{GateTimes, Time, Tries};
pub use terms::{Terms, Want};

/// How long one poll of a gate, a check or a capture may take when nothing is said: they only look, so one that hangs
/// is a could-not-tell and not a run that hangs.
pub const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// The time between SIGTERM and SIGKILL when nothing is said.
pub const GRACE: Duration = Duration::from_secs(10);

const EVERY: Duration = Duration::from_secs(5);

/// Evaluates a snapshot's templates and expressions.
pub struct Judge {
    pub(super) engine: Arc<Engine>,
    snapshot: Arc<Snapshot>,
    pub(super) graph: Arc<Graph>,
    pub(super) scopes: Scopes,
}

/// Adds variables that a nearer environment may have set already.
fn add_around(prepared: &mut Prepared, shared: Vec<(String, Rendered)>) {
    let own = std::mem::take(&mut prepared.env);
    prepared.env =
        shared.into_iter().filter(|(name, _)| own.iter().all(|(known, _)| known != name)).collect();
    prepared.env.extend(own);
}

impl Judge {
    /// Returns the evaluator of `snapshot` for one run.
    pub fn new(engine: Arc<Engine>, snapshot: Arc<Snapshot>, graph: Arc<Graph>, run: RunFacts) -> Judge {
        let scopes = Scopes::new(&snapshot, run);
        Judge { engine, snapshot, graph, scopes }
    }

    /// From here on tells of values that only the run can know how they are made, and takes these conditions for decided, by
    /// their keys.
    pub fn tell(&mut self, assumed: Vec<(String, bool)>) {
        self.engine = Arc::new(self.engine.telling(assumed));
    }

    pub(super) fn step(&self, node: NodeId) -> &Step {
        self.graph.step(node)
    }

    /// Returns the runbook's scope as the instance sees it.
    fn outer(&self, state: &State, at: Addr) -> Scope {
        self.scopes.outer(&self.graph, state, at)
    }

    /// Returns the scope in which the body of the instance's step is evaluated: the template's with `uses`.
    pub(super) fn inner(&self, state: &State, at: Addr) -> Result<Scope, Why> {
        let outer = self.outer(state, at);
        let mut scope = match &self.step(at.node).binding {
            None => outer.child(),
            Some(binding) => {
                let mut scope = template::params(&self.engine, binding, &outer)
                    .map_err(|faults| self.param_faults(&faults))?;
                self.scopes.template(&mut scope, &self.graph, state, at);
                scope
            }
        };
        self.scopes.captured(&mut scope, state, at);
        Ok(scope)
    }

    pub(super) fn param_faults(&self, faults: &[template::ParamFault]) -> Why {
        let told = faults.iter().map(|fault| match &*fault.why {
            template::ParamWhy::Misfit { at, .. } => self.place(*at, fault),
            template::ParamWhy::Text { text, .. } => self.place(text.at, fault),
        });
        told.collect::<Vec<_>>().join("; ")
    }

    /// Says whether an expression speaks of `name`.
    pub(super) fn mentions(&self, expr: &Expr, name: &str) -> bool {
        self.scopes.mentions(&self.engine, expr, name)
    }

    pub(super) fn place(&self, at: Place, message: impl std::fmt::Display) -> Why {
        match self.snapshot.sources.get(at.file as usize) {
            Some(source) if at.end > 0 => {
                let upto = source.text.as_bytes().get(..at.start as usize).unwrap_or_default();
                let line = upto.iter().filter(|&&byte| byte == b'\n').count() + 1;
                format!("{message} ({}:{line})", source.path)
            }
            _ => message.to_string(),
        }
    }

    fn fault(&self, text: &Text, fault: &Fault) -> Why {
        let help = fault.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        self.place(text.at, format!("{}{help}", fault.message))
    }

    fn tree(&self, tree: &Tree, scope: &Scope) -> Result<template::Value, Why> {
        self.engine.tree(tree, scope).map_err(|error| self.place(error.at, error.fault.message))
    }

    pub(super) fn text(&self, text: &Text, scope: &Scope) -> Result<Rendered, Why> {
        self.engine.text(&text.src, scope).map_err(|fault| self.fault(text, &fault))
    }

    fn shown(&self, text: &Text, scope: &Scope) -> Result<String, Why> {
        self.text(text, scope).map(|rendered| rendered.display())
    }

    pub(super) fn value(&self, expr: &Expr, scope: &Scope) -> Result<template::Value, Why> {
        self.engine.expr(&expr.0.src, scope).map_err(|fault| self.fault(&expr.0, &fault))
    }

    pub(super) fn holds(&self, expr: &Expr, scope: &Scope) -> Result<Known, Why> {
        match self.engine.holds(&expr.0.src, scope).map_err(|fault| self.fault(&expr.0, &fault))? {
            Truth::True => Ok(Known::Yes),
            Truth::False => Ok(Known::No),
            Truth::Unknown(_) => Ok(Known::Unknown),
        }
    }

    fn duration(&self, text: &Text, scope: &Scope) -> Result<Duration, Why> {
        let rendered = self.text(text, scope)?;
        // Only in a plan, where it is no mistake and nothing waits for it: what it shows is [`Time`].
        if rendered.unknown().is_some() {
            return Ok(Duration::ZERO);
        }
        let shown = rendered.display();
        parse_duration(&shown).map_err(|error| self.place(text.at, error))
    }

    pub(super) fn duration_or(
        &self,
        text: Option<&Text>,
        scope: &Scope,
        other: Duration,
    ) -> Result<Duration, Why> {
        text.map_or(Ok(other), |text| self.duration(text, scope))
    }

    pub(super) fn command(&self, command: &Command, scope: &Scope) -> Result<Prepared, Why> {
        let located = |error: template::TextFault| self.place(error.at, error);
        let (argv, display) = match &command.line {
            Line::Words(words) => {
                let argv = self.engine.argv_words(words, scope).map_err(located)?;
                let display = displayed(&argv);
                (argv, display)
            }
            Line::List(items) => {
                let argv = self.engine.argv_list(items, scope).map_err(located)?;
                let display = displayed(&argv);
                (argv, display)
            }
            Line::Shell(script) => {
                let script =
                    self.engine.shell(&script.src, scope).map_err(|fault| self.fault(script, &fault))?;
                let display = script.display().trim_end().to_owned();
                let argv = vec![Rendered::plain("sh"), Rendered::plain("-e"), Rendered::plain("-c"), script];
                (argv, display)
            }
        };
        if let Some(name) = argv.iter().find_map(Rendered::secret) {
            let why = format!(
                "the secret `{name}` would become an argument, which everybody can see; use env or stdin"
            );
            return Err(self.place(command.at, why));
        }
        if argv.is_empty() {
            return Err(self.place(command.at, "there is no program to run"));
        }
        let mut env = Vec::with_capacity(command.env.len());
        for (name, text) in &command.env {
            env.push((name.clone(), self.text(text, scope)?));
        }
        let dir = command.dir.as_ref().map(|dir| self.text(dir, scope)).transpose()?;
        let stdin = command.stdin.as_ref().map(|stdin| self.text(stdin, scope)).transpose()?;
        Ok(Prepared {
            argv,
            env,
            dir,
            stdin,
            merged: command.merged,
            timeout: None,
            grace: GRACE,
            display,
            polling: None,
            sensitive: false,
        })
    }

    fn environment(
        &self,
        environment: &[(String, Text)],
        scope: &Scope,
    ) -> Result<Vec<(String, Rendered)>, Why> {
        environment.iter().map(|(name, text)| Ok((name.clone(), self.text(text, scope)?))).collect()
    }

    /// Adds what the runbook of the step, and those around it, say under `environment`.
    pub(super) fn surround(&self, state: &State, at: Addr, prepared: &mut Prepared) -> Result<(), Why> {
        let step = self.step(at.node);
        if !step.environment.is_empty() {
            let shared = self.environment(&step.environment, &self.outer(state, at))?;
            add_around(prepared, shared);
        }
        self.inherit(prepared, step.sub, &step.inherited)
    }

    fn gate(&self, levels: &[Level<'_>]) -> Result<Prepared, Why> {
        let mut prepared = self.asked(levels)?;
        let time = |says: fn(&Gate) -> Option<&Text>| {
            let said = levels.iter().find_map(|(gate, scope)| Some((says(gate)?, scope)));
            said.map(|(text, scope)| self.duration(text, scope)).transpose()
        };
        prepared.timeout = Some(time(|gate| gate.timeout.as_ref())?.unwrap_or(READ_TIMEOUT));
        let within = time(|gate| gate.within.as_ref())?;
        let hold = time(|gate| gate.hold.as_ref())?.filter(|hold| !hold.is_zero());
        let every = time(|gate| gate.every.as_ref())?.unwrap_or(EVERY);
        prepared.polling = Some(Polling { every, within, hold });
        Ok(prepared)
    }

    /// Returns the time that one attempt of the step's action may take, as the step or its template says it.
    fn own_timeout(&self, state: &State, at: Addr, scope: &Scope) -> Result<Option<Duration>, Why> {
        let step = self.step(at.node);
        match (&step.timeout, &step.body.timeout) {
            (Some(text), _) => self.duration(text, &self.outer(state, at)).map(Some),
            (None, Some(text)) => self.duration(text, scope).map(Some),
            (None, None) => Ok(None),
        }
    }

    pub(super) fn gate_of(step: &Step, stage: Stage) -> Option<&Gate> {
        let body = &step.body;
        match stage {
            Stage::Guard => step.guard.as_deref(),
            Stage::Check => body.check.as_deref(),
            Stage::Verify => body.verify.as_deref(),
            Stage::UndoVerify => body.rollback.as_ref().and_then(|undo| undo.verify.as_deref()),
            Stage::Action => match &body.action {
                Action::Gate(gate) => Some(gate),
                _ => None,
            },
            Stage::Capture | Stage::Undo => None,
        }
    }

    /// Returns the scope of a gate. The guard is the step's and not the template's: it sees what the runbook sees.
    fn gate_scope(&self, state: &State, at: Addr, stage: Stage) -> Result<Scope, Why> {
        if stage == Stage::Guard && self.step(at.node).binding.is_some() {
            return Ok(self.outer(state, at));
        }
        self.inner(state, at)
    }

    pub(super) fn named(
        &self,
        outputs: &[(String, Expr)],
        scope: &mut Scope,
        outcome: &Outcome,
        truncation_matters: bool,
    ) -> Result<Map, Why> {
        let names = ResultNames::of(&self.engine, outputs.iter().map(|(_, expr)| expr));
        if truncation_matters && outcome.truncated && !outputs.is_empty() {
            return Err("its output is too large to be read by expressions".to_owned());
        }
        names.set(scope, outcome)?;
        let mut values = Map::new();
        for (name, expr) in outputs {
            let value = self.value(expr, scope)?;
            if template::secret_of(&value).is_some() {
                return Err(self.place(expr.0.at, format!("the output `{name}` would store a secret")));
            }
            let value = template::to_json(&value).map_err(|error| self.place(expr.0.at, error))?;
            values.insert(name.clone(), value);
        }
        Ok(values)
    }

    /// Insists that the undo would not write the mask of a secret in place of the secret. Asked before the change is made:
    /// afterwards the old value would be gone.
    fn can_be_put_back(&self, state: &State, at: Addr, values: &Map) -> Result<(), Why> {
        let Some(undo) = &self.step(at.node).body.rollback else { return Ok(()) };
        if self.snapshot.secrets.is_empty() {
            return Ok(());
        }
        let mut scope = self.inner(state, at)?;
        self.scopes.captured_values(&mut scope, values);
        // What can't be rendered yet is told when the undo is prepared.
        let Ok(undo) = self.command(&undo.command, &scope) else { return Ok(()) };
        let env = undo.env.iter().map(|(_, value)| value);
        let masked = undo.argv.iter().chain(env).chain(&undo.dir).chain(&undo.stdin).any(Rendered::is_masked);
        if masked {
            return Err(
                "what it captured holds a secret, which is not kept, so its rollback could not put it back; \
                        give the secret to the rollback by `env` or `stdin`"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn policy(&self, step: &Step, stage: Stage) -> Option<(Retry, bool)> {
        match stage {
            Stage::Undo => {
                step.body.rollback.as_ref().and_then(|undo| undo.retry.clone()).map(|retry| (retry, true))
            }
            Stage::Action => step
                .retry
                .clone()
                .map(|retry| (retry, false))
                .or_else(|| step.body.retry.clone().map(|retry| (retry, true))),
            _ => None,
        }
    }
}

impl Evaluate for Judge {
    fn expand(&self, state: &State, node: NodeId) -> Result<Expansion, Why> {
        let step = self.step(node);
        let scope = self.scopes.outer_of_step(&self.graph, state, node);
        if let Some(when) = &step.when
            && !self.scopes.mentions(&self.engine, when, "item")
        {
            match self.holds(when, &scope)? {
                Known::No => return Ok(Expansion::Skip("its condition does not hold".to_owned())),
                Known::Yes | Known::Unknown => {}
            }
        }
        let Some(for_each) = &step.for_each else { return Err("it has no for_each".to_owned()) };
        let value = self.tree(for_each, &scope)?;
        if let Some(origin) = template::origin_of(&value) {
            return Ok(Expansion::Unknown(origin.to_owned()));
        }
        let data = template::to_json(&value).map_err(|error| error.to_string())?;
        let instances =
            template::instances(data).map_err(|got| format!("for_each wants a list or a map, got {got}"))?;
        let items: Vec<Item> =
            instances.into_iter().map(|one| Item { key: one.key, value: one.item }).collect();
        if let Some(limit) = self.snapshot.runbook.most_instances(step.sub)
            && items.len() > limit as usize
        {
            return Err(format!(
                "for_each comes to {} instances, and limits.instances is {limit}",
                items.len()
            ));
        }
        Ok(Expansion::Items(items))
    }

    fn when(&self, state: &State, at: Addr) -> Result<Known, Why> {
        match &self.step(at.node).when {
            None => Ok(Known::Yes),
            Some(when) => self.holds(when, &self.outer(state, at)),
        }
    }

    fn prepare(&self, state: &State, at: Addr, stage: Stage) -> Result<Prepared, Why> {
        let step = self.step(at.node);
        let scope = self.gate_scope(state, at, stage)?;
        let body = &step.body;
        let mut prepared = match (Judge::gate_of(step, stage), stage) {
            (Some(gate), _) => {
                let mut prepared = self.gate(&self.levels(state, at, gate, scope.clone())?)?;
                if stage == Stage::Action && gate.nearest(&|gate| gate.timeout.as_ref()).is_none() {
                    let own = self.own_timeout(state, at, &scope)?;
                    prepared.timeout = own.or(prepared.timeout);
                }
                prepared
            }
            (None, Stage::Capture) => {
                let capture = body.capture.as_ref().ok_or("it has no capture")?;
                let mut prepared = self.command(&capture.command, &scope)?;
                prepared.timeout = Some(self.duration_or(capture.timeout.as_ref(), &scope, READ_TIMEOUT)?);
                prepared
            }
            (None, Stage::Undo) => {
                let undo = body.rollback.as_ref().ok_or("it has no rollback")?;
                let mut prepared = self.command(&undo.command, &scope)?;
                prepared.timeout =
                    undo.timeout.as_ref().map(|text| self.duration(text, &scope)).transpose()?;
                prepared
            }
            (None, Stage::Action) => {
                let Action::Command(command) = &body.action else {
                    return Err("it runs no command".to_owned());
                };
                let mut prepared = self.command(command, &scope)?;
                let outer = self.outer(state, at);
                prepared.timeout = self.own_timeout(state, at, &scope)?;
                prepared.grace = match (&step.grace, &body.grace) {
                    (Some(text), _) => self.duration(text, &outer)?,
                    (None, Some(text)) => self.duration(text, &scope)?,
                    (None, None) => GRACE,
                };
                prepared
            }
            (None, _) => return Err("it has no such gate".to_owned()),
        };
        prepared.sensitive = step.sensitive;
        self.surround(state, at, &mut prepared)?;
        Ok(prepared)
    }

    fn satisfied(&self, state: &State, at: Addr) -> Result<Known, Why> {
        match &self.step(at.node).body.satisfied {
            None => Ok(Known::No),
            Some(expr) => self.holds(expr, &self.inner(state, at)?),
        }
    }

    fn captured(&self, state: &State, at: Addr, outcome: &Outcome) -> Result<(Map, Option<String>), Why> {
        let body = &self.step(at.node).body;
        let Some(capture) = &body.capture else { return Ok((Map::new(), None)) };
        let mut scope = self.inner(state, at)?;
        let values = self.named(&capture.outputs, &mut scope, outcome, true)?;
        self.can_be_put_back(state, at, &values)?;
        let changes = match &body.changes {
            None => None,
            Some(text) => {
                let mut scope = self.inner(state, at)?;
                self.scopes.captured_values(&mut scope, &values);
                Some(self.shown(text, &scope)?)
            }
        };
        Ok((values, changes))
    }

    fn difference(&self, state: &State, at: Addr) -> Option<String> {
        let body = &self.step(at.node).body;
        if body.capture.is_none() { self.changes(state, at) } else { None }
    }

    fn outputs(&self, state: &State, at: Addr, outcome: &Outcome) -> Result<Map, Why> {
        let body = &self.step(at.node).body;
        if body.outputs.is_empty() {
            return Ok(Map::new());
        }
        let mut scope = self.inner(state, at)?;
        self.named(&body.outputs, &mut scope, outcome, true)
    }

    fn judge(&self, state: &State, at: Addr, stage: Stage, outcome: &Outcome) -> Judgement {
        let could_not =
            |why: String| Judgement { verdict: Some(Verdict::CouldNotTell(why)), ..Judgement::default() };
        let Some(gate) = Judge::gate_of(self.step(at.node), stage) else {
            return could_not("it has no such gate".to_owned());
        };
        let end = outcome.end.clone().unwrap_or(End::Stopped);
        let levels =
            match self.gate_scope(state, at, stage).and_then(|scope| self.levels(state, at, gate, scope)) {
                Ok(levels) => levels,
                Err(why) => return could_not(why),
            };
        let Some((pass, of_pass)) = Judge::said(&levels, |gate| Some(&gate.pass)) else {
            return could_not("it does not say what must hold".to_owned());
        };
        let asks_code = self.asks_code(of_pass, &[pass]);
        match end {
            End::Exit(0) => {}
            // What a shell says when there is no such program, or it can't be run: `exit_code != 0` did not mean that.
            End::Exit(code @ (126 | 127)) if !pass.0.src.contains(&code.to_string()) => {
                return could_not(unanswered(&end, outcome));
            }
            End::Exit(_) if asks_code => {}
            ref other => return could_not(unanswered(other, outcome)),
        }
        let result = (|| -> Result<Judgement, Why> {
            let scope = self.answered(of_pass, &[pass], outcome)?;
            let broken = self.broken(&pass.0.src, &scope);
            let before = of_pass.first().map(|(_, before)| before);
            let first = |span: &std::ops::Range<usize>, path: &[String]| {
                let holds = !broken.iter().any(|part| part.start <= span.start && span.end <= part.end);
                (holds, before.is_none_or(|before| !terms::is_polled(path, before)))
            };
            let seen = self.scopes.seen(&self.engine, pass, &scope, &first);
            let warns = |(warn, levels): (&Expr, &[Level<'_>])| {
                self.holds(warn, &self.answered(levels, &[warn], outcome)?)
            };
            let verdict = match self.holds(pass, &scope)? {
                Known::No => Verdict::DoesNotHold,
                Known::Unknown => return Err("its answer depends on a value that is not known".to_owned()),
                Known::Yes => match Judge::said(&levels, |gate| gate.warn.as_ref()).map(warns).transpose()? {
                    Some(Known::Yes) => Verdict::Warns,
                    _ => Verdict::Holds,
                },
            };
            let mut outputs = Map::new();
            if stage == Stage::Action && matches!(verdict, Verdict::Holds | Verdict::Warns) {
                outputs = match gate.uses {
                    None => self.outputs(state, at, outcome)?,
                    Some(_) => self.outputs_by_template(at, &levels, outcome)?,
                };
            }
            Ok(Judgement { verdict: Some(verdict), seen, outputs })
        })();
        // What a command that failed has said comes first: that an expression makes nothing of it is no reason to anybody.
        result.unwrap_or_else(|why| match outcome.end {
            Some(End::Exit(0)) | None => could_not(why),
            Some(ref end) => could_not(format!("{} ({why})", unanswered(end, outcome))),
        })
    }

    fn retry(
        &self,
        state: &State,
        at: Addr,
        stage: Stage,
        attempt: u32,
        outcome: &Outcome,
    ) -> Result<Option<Duration>, Why> {
        let Some((retry, inner)) = self.policy(self.step(at.node), stage) else { return Ok(None) };
        // Attempts keep counting over a resume, and each resume is worth the whole number of attempts.
        let round = (attempt.max(1) - 1) % retry.attempts.max(1) + 1;
        if round >= retry.attempts {
            return Ok(None);
        }
        let scope = if inner { self.inner(state, at)? } else { self.outer(state, at) };
        if let Some(when) = &retry.when {
            let mut scope = scope.child();
            ResultNames::of(&self.engine, [when]).set(&mut scope, outcome)?;
            // Whose time was up has no exit code: `exit_code == 1` is not true of it, and no mistake of the runbook's either.
            let no_code = !matches!(outcome.end, Some(End::Exit(_)))
                && self.scopes.mentions(&self.engine, when, "exit_code");
            match self.holds(when, &scope) {
                Ok(Known::Yes) => {}
                Err(why) if !no_code => return Err(why),
                Ok(_) | Err(_) => return Ok(None),
            }
        }
        let first = self.duration_or(retry.delay.as_ref(), &scope, Duration::ZERO)?;
        let most = self.duration_or(retry.max_delay.as_ref(), &scope, Duration::from_secs(86_400))?;
        let factor = retry.backoff.unwrap_or(1.0).max(0.0).powi(round as i32 - 1);
        let plain = (first.as_secs_f64() * factor).min(most.as_secs_f64());
        let share = retry.jitter.unwrap_or(0.0).clamp(0.0, 1.0);
        let drawn = self.scopes.draw(state, &self.graph, at, attempt);
        Ok(Some(Duration::from_secs_f64(plain * (1.0 - share * drawn))))
    }

    fn asking(&self, state: &State, at: Addr) -> Result<Asking, Why> {
        let (prompt, timeout) = match &self.step(at.node).body.action {
            Action::Approve(approve) => (&approve.prompt, approve.timeout.as_ref()),
            Action::Manual(manual) => (&manual.prompt, manual.timeout.as_ref()),
            _ => return Err("it asks nobody".to_owned()),
        };
        let scope = self.inner(state, at)?;
        let prompt = self.shown(prompt, &scope)?;
        let timeout = timeout.map(|text| self.duration(text, &scope)).transpose()?;
        Ok(Asking { prompt, timeout })
    }

    fn wait(&self, state: &State, at: Addr) -> Result<Waiting, Why> {
        let scope = self.inner(state, at)?;
        match &self.step(at.node).body.action {
            Action::Wait(Wait::For(text)) => Ok(Waiting::For(self.duration(text, &scope)?)),
            Action::Wait(Wait::Until(text)) => Ok(Waiting::Until(self.shown(text, &scope)?)),
            _ => Err("it does not wait".to_owned()),
        }
    }

    fn lock(&self, state: &State, at: Addr) -> Result<Option<String>, Why> {
        let Some(text) = &self.step(at.node).lock else { return Ok(None) };
        match self.shown(text, &self.outer(state, at))? {
            name if name.trim().is_empty() => Err(self.place(text.at, "its lock has no name")),
            name => Ok(Some(name)),
        }
    }

    fn valid_for(&self, state: &State, at: Addr, stage: Stage) -> Result<Option<Duration>, Why> {
        let gate = Judge::gate_of(self.step(at.node), stage);
        let Some(gate) = gate.filter(|gate| gate.ages()) else { return Ok(None) };
        let levels = self.levels(state, at, gate, self.inner(state, at)?)?;
        let said = levels.iter().find_map(|(gate, scope)| Some((gate.valid_for.as_ref()?, scope)));
        said.map(|(text, scope)| self.duration(text, scope)).transpose()
    }

    fn secret_variable(&self, name: &str) -> String {
        crate::model::secret_variable(&self.snapshot.runbook, name)
    }

    fn secret_said(&self, name: &str) -> String {
        let input = self.snapshot.runbook.vars.iter().find(|input| input.name == name);
        let is_inert =
            |text: &String| text.chars().all(|c| c.is_alphanumeric() || " _./:~@%+,=-".contains(c));
        let from = match input.and_then(|input| input.from.as_ref()) {
            Some(SecretSource::File(path)) if is_inert(path) => format!(": it is in {path}"),
            Some(SecretSource::Command(words)) if words.iter().all(is_inert) => {
                format!(": this prints it: {}", words.join(" "))
            }
            Some(SecretSource::File(_) | SecretSource::Command(_)) => {
                ": the runbook says where it is from".to_owned()
            }
            Some(SecretSource::Env(_)) | None => String::new(),
        };
        format!("the secret {name}{from}")
    }

    fn irreversible(&self, state: &State, at: Addr) -> Result<String, Why> {
        match &self.step(at.node).body.irreversible {
            Some(text) => self.shown(text, &self.inner(state, at)?),
            None => Ok("the runbook does not say how to undo it".to_owned()),
        }
    }
}

impl Judge {
    /// Returns the title of an instance, as far as it can be rendered; its id otherwise.
    pub fn title(&self, state: &State, at: Addr) -> String {
        let step = self.step(at.node);
        let own = step.title.as_ref().map(|title| self.shown(title, &self.outer(state, at)));
        let titled = own.or_else(|| {
            let binding = step.binding.as_ref()?;
            Some(self.inner(state, at).and_then(|scope| self.shown(&binding.title, &scope)))
        });
        match titled {
            Some(Ok(title)) if !title.is_empty() => title,
            _ => step.id.clone(),
        }
    }

    /// Returns the one-line difference as far as it is known now.
    pub fn changes(&self, state: &State, at: Addr) -> Option<String> {
        let text = self.step(at.node).body.changes.as_ref()?;
        self.inner(state, at).and_then(|scope| self.shown(text, &scope)).ok()
    }

    /// Returns the places of a gate or a person in an instance's life as they read before it runs: each gate's stage, its
    /// expression as written, and how it is polled.
    pub fn gates(&self, at: Addr) -> Vec<(Stage, &Gate)> {
        let step = self.step(at.node);
        [Stage::Check, Stage::Action, Stage::Guard, Stage::Verify, Stage::UndoVerify]
            .into_iter()
            .filter_map(|stage| Judge::gate_of(step, stage).map(|gate| (stage, gate)))
            .collect()
    }

    /// Returns the command that undoes an instance, as displayed.
    ///
    /// # Errors
    ///
    /// Why it can't be undone.
    pub fn undo_of(&self, state: &State, at: Addr) -> Result<String, Why> {
        if self.step(at.node).body.rollback.is_none() {
            return Err(self.irreversible(state, at)?);
        }
        self.prepare(state, at, Stage::Undo).map(|command| command.display)
    }

    /// Returns what is started of a run: the snapshot.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }
}

/// Returns how a command ended that was to answer a question and did not, with the last it said.
pub(super) fn unanswered(end: &End, outcome: &Outcome) -> String {
    let last = outcome.tail.lines().last().map(|line| format!(": {line}")).unwrap_or_default();
    format!("{}{last}", describe(end))
}

/// Returns the words of a command as a person would type them.
fn displayed(argv: &[Rendered]) -> String {
    argv.iter().map(|word| template::quote_word(&word.display())).collect::<Vec<_>>().join(" ")
}
