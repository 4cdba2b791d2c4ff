//! A step: when it runs, what it does, how its end is checked, and how it is undone.
//!
//! A step has two halves. The *orchestration* half (`needs`, `when`, `for_each`, `retry`, …) is written in the
//! runbook and is evaluated in the runbook's scope. The [`Body`] is what is done; with `uses` it comes whole from
//! the step template and is evaluated in the template's own scope (its params), which [`Binding`] makes.

use serde::{Deserialize, Serialize};

use super::{Expr, Input, OnFailure, Place, Text, Tree};

/// One step of a runbook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its name within the runbook.
    pub id: String,
    /// Where its id stands.
    pub at: Place,
    /// One line for people; for a step that `uses` a template and gives none, the template's.
    pub title: Option<Text>,
    /// Markdown.
    pub about: Option<String>,
    /// The heading it stands under.
    pub phase: Option<String>,
    /// Ids that must have succeeded or been skipped first; resolved, so never left out.
    pub needs: Vec<String>,
    /// False skips the step.
    pub when: Option<Expr>,
    /// One instance for each element of this list or entry of this map.
    pub for_each: Option<Tree>,
    /// The most instances of this step at work at once.
    pub max_parallel: Option<u32>,
    /// The template's scope, when the body comes from one.
    pub binding: Option<Box<Binding>>,
    /// What is done.
    pub body: Body,
    /// Overrides the body's.
    pub retry: Option<Retry>,
    /// Overrides the body's: the time one attempt may take.
    pub timeout: Option<Text>,
    /// Overrides the body's: the time between SIGTERM and SIGKILL.
    pub grace: Option<Text>,
    /// Overrides the runbook's.
    pub on_failure: Option<OnFailure>,
    /// Overrides the body's.
    pub on_interrupt: Option<OnInterrupt>,
    /// A lock for this step only.
    pub lock: Option<Text>,
    /// The output is not kept.
    pub sensitive: bool,
    /// A gate polled while the action runs.
    pub guard: Option<Box<Gate>>,
    /// The runbook's `environment`, rendered in the runbook's scope also where the body has its own. Each step has it, not
    /// the runbook alone, so that what was begun keeps its own when a run takes another snapshot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<(String, Text)>,
    /// The `environment` of the runbooks that bring this one's in: that of the next one first, each rendered in its own
    /// scope. A nearer one wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inherited: Vec<Vec<(String, Text)>>,
    /// The runbook that it came in with, by its place among [`Runbook::subs`](super::Runbook): its texts are evaluated in
    /// the scope of that one. Absent for a step of the runbook itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<u32>,
}

/// How a template's params get their values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// The template's name.
    pub template: String,
    /// The template's title, rendered in its scope.
    pub title: Text,
    /// What the step gives, rendered in the runbook's scope.
    pub with: Vec<(String, Tree)>,
    /// The template's params: types and defaults. A text default is a template over the params before it.
    pub params: Vec<Input>,
    /// Where `uses` stands.
    pub at: Place,
}

/// What a step does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// The one action.
    pub action: Action,
    /// Programs looked for before the run starts.
    pub tools: Vec<String>,
    /// A gate that must pass before anything is touched.
    pub check: Option<Box<Gate>>,
    /// The state before.
    pub capture: Option<Box<Capture>>,
    /// The one-line difference for the plan.
    pub changes: Option<Text>,
    /// Whether there is nothing to do.
    pub satisfied: Option<Expr>,
    /// What the tool itself says that it would change. Only a plan that looks asks it; a run never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Box<NativePreview>>,
    /// The gate after.
    pub verify: Option<Box<Gate>>,
    /// How to undo it.
    pub rollback: Option<Box<Undo>>,
    /// Why it can't be undone.
    pub irreversible: Option<Text>,
    /// Whether it changes anything.
    pub effect: Effect,
    /// Whether running it twice is as good as once.
    pub idempotent: bool,
    /// What resume does when its end is unknown; when not said, see [`Body::on_interrupt`].
    pub on_interrupt: Option<OnInterrupt>,
    /// Values taken from the command's result, in order.
    pub outputs: Vec<(String, Expr)>,
    /// How often to try.
    pub retry: Option<Retry>,
    /// The time one attempt may take.
    pub timeout: Option<Text>,
    /// The time between SIGTERM and SIGKILL; 10 s when not said.
    pub grace: Option<Text>,
}

/// The one action of a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Nothing: what a step whose action could not be read is lowered to, so that all mistakes can be told at once.
    #[default]
    Nothing,
    /// Runs a command or a script.
    Command(Box<Command>),
    /// Only verifies.
    Gate(Box<Gate>),
    /// A person decides.
    Approve(Box<Approve>),
    /// A person does it and says so.
    Manual(Manual),
    /// Waits.
    Wait(Wait),
    /// Begins another runbook, whose steps stand beside this one as `STEP/ID` and wait for it.
    Runbook {
        /// Its name.
        name: String,
        /// Its vars.
        vars: Vec<(String, Tree)>,
    },
}

/// A command with its surroundings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// What is run.
    pub line: Line,
    /// Added to the environment.
    pub env: Vec<(String, Text)>,
    /// Where it runs; the project's root when not said.
    pub dir: Option<Text>,
    /// What it reads.
    pub stdin: Option<Text>,
    /// Whether stdout and stderr share one pipe.
    pub merged: bool,
    /// Where it stands.
    pub at: Place,
}

/// A command line or a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Line {
    /// `run` written as text and split into words before anything is rendered: each word is one argument.
    Words(Vec<Text>),
    /// `run` written as a list: each element is one argument, a list value spreads, null is left out.
    List(Vec<Text>),
    /// `shell`: a script for `sh`, every value quoted for the place where it stands.
    Shell(Text),
}

impl Default for Line {
    fn default() -> Line {
        Line::Words(Vec::new())
    }
}

/// A verification: holds, does not hold, could not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// What is asked.
    pub command: Command,
    /// Whether the answer is good.
    pub pass: Expr,
    /// Whether a good answer is only just good.
    pub warn: Option<Expr>,
    /// Between two polls; 5 s when not said.
    pub every: Option<Text>,
    /// How long it is polled; asked once when not said.
    pub within: Option<Text>,
    /// How long it must stay true.
    pub hold: Option<Text>,
    /// How long its answer is good for.
    pub valid_for: Option<Text>,
    /// The time one poll may take.
    pub timeout: Option<Text>,
    /// The template that says what is asked; `command` then holds no more than the surroundings of the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<Box<GateUse>>,
}

/// A step template as a gate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GateUse {
    /// The scope of the rest.
    pub binding: Binding,
    /// What the template asks; what the gate does not say, this one does. Its `pass` is empty where the template has none.
    pub inner: Gate,
    /// The template's outputs, in scope of the gate as `outputs.NAME`.
    pub outputs: Vec<(String, Expr)>,
}

/// The state before a change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// What is asked.
    pub command: Command,
    /// Values taken from the answer, in scope as `captured.NAME`.
    pub outputs: Vec<(String, Expr)>,
    /// The time it may take.
    pub timeout: Option<Text>,
}

/// A command by which a tool says what it would change, and changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NativePreview {
    /// What is asked.
    pub command: Command,
    /// Whether the answer tells of a change; when not said, that is left to who reads it.
    pub changed: Option<Expr>,
    /// The time it may take.
    pub timeout: Option<Text>,
}

/// How to undo a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    /// What is run.
    pub command: Command,
    /// The gate after it.
    pub verify: Option<Box<Gate>>,
    /// How often to try.
    pub retry: Option<Retry>,
    /// The time one attempt may take.
    pub timeout: Option<Text>,
}

/// A person decides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Approve {
    /// The question.
    pub prompt: Text,
    /// Names or groups who may answer; anyone when empty.
    pub by: Vec<String>,
    /// Where `by` stands.
    #[serde(skip)]
    pub by_at: Place,
    /// The groups among `by`, each with its people when the run began: bound with the run, so that who may answer does not
    /// change under it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<(String, Vec<String>)>,
    /// How many different people must say yes; 1 when not said.
    pub count: Option<u32>,
    /// Whether whoever drives the run may not answer: who opened it, or took it up last.
    pub not_self: bool,
    /// How long to wait.
    pub timeout: Option<Text>,
    /// Typed answers that become outputs.
    pub ask: Vec<Input>,
}

/// A person does it and says so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manual {
    /// What to do.
    pub prompt: Text,
    /// How long to wait.
    pub timeout: Option<Text>,
}

/// How long to wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Wait {
    /// A duration.
    For(Text),
    /// Until a time (RFC 3339).
    Until(Text),
}

/// Whether a step changes anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Only looks.
    Read,
    /// Changes something.
    #[default]
    Change,
}

/// What resume does with a step whose end is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnInterrupt {
    /// Runs it again.
    Rerun,
    /// Asks its `verify` gate first.
    Verify,
    /// Asks the person.
    Ask,
}

/// How often to try, and when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// Before the second attempt; none when not said.
    pub delay: Option<Text>,
    /// Each delay is this many times the one before; 1 when not said.
    pub backoff: Option<f64>,
    /// The longest delay.
    pub max_delay: Option<Text>,
    /// The share of the delay that is random, 0 to 1.
    pub jitter: Option<f64>,
    /// Tried again only when this holds of the attempt's result.
    pub when: Option<Expr>,
}

impl Body {
    /// Returns every gate of the body.
    pub fn gates(&self) -> impl Iterator<Item = &Gate> {
        let action = match &self.action {
            Action::Gate(gate) => Some(&**gate),
            _ => None,
        };
        let undone = self.rollback.iter().filter_map(|undo| undo.verify.as_deref());
        action.into_iter().chain(self.check.as_deref()).chain(self.verify.as_deref()).chain(undone)
    }

    /// Returns what resume does when the end is unknown: `rerun` if read or idempotent, else `verify` if there is
    /// a gate, else `ask`.
    pub fn on_interrupt(&self) -> OnInterrupt {
        match (self.on_interrupt, &self.verify) {
            (Some(said), _) => said,
            _ if self.effect == Effect::Read || self.idempotent => OnInterrupt::Rerun,
            (None, Some(_)) => OnInterrupt::Verify,
            (None, None) => OnInterrupt::Ask,
        }
    }
}

impl Approve {
    /// Says whether a person of this login name is among those who may answer.
    pub fn names(&self, person: &str) -> bool {
        self.by.is_empty()
            || self.by.iter().any(|name| match self.group(name) {
                Some(people) => people.iter().any(|one| one == person),
                None => name == person,
            })
    }

    /// Returns the people of a group of `by`.
    pub fn group(&self, name: &str) -> Option<&[String]> {
        self.groups.iter().find(|(group, _)| group == name).map(|(_, people)| people.as_slice())
    }

    /// Returns who may answer, for people: `dana or dba (ann, ben)`; nothing when anyone may.
    pub fn who(&self) -> Option<String> {
        let named = |name: &String| match self.group(name) {
            Some(people) => format!("{name} ({})", people.join(", ")),
            None => name.clone(),
        };
        let all: Vec<String> = self.by.iter().map(named).collect();
        let (last, others) = all.split_last()?;
        Some(if others.is_empty() { last.clone() } else { format!("{} or {last}", others.join(", ")) })
    }
}

impl Command {
    /// Calls `visit` with every text of the command.
    pub fn texts<'a>(&'a self, visit: &mut dyn FnMut(&'a Text)) {
        match &self.line {
            Line::Words(texts) | Line::List(texts) => texts.iter().for_each(&mut *visit),
            Line::Shell(text) => visit(text),
        }
        self.env.iter().for_each(|(_, text)| visit(text));
        self.dir.iter().chain(&self.stdin).for_each(visit);
    }
}

impl Gate {
    /// Returns the first that says something of the gate, its template, and the template of that.
    pub fn nearest<'a, T: ?Sized>(&'a self, says: &dyn Fn(&'a Gate) -> Option<&'a T>) -> Option<&'a T> {
        says(self).or_else(|| self.uses.as_ref().and_then(|uses| uses.inner.nearest(says)))
    }

    /// Returns what must hold, as the gate or its template says it; empty when that could not be read.
    pub fn passes(&self) -> &str {
        self.nearest(&|gate| Some(gate.pass.0.src.as_str()).filter(|src| !src.is_empty())).unwrap_or_default()
    }

    /// Returns when a good answer is only just good, as the gate or its template says it; empty when neither does.
    pub fn warns(&self) -> &str {
        self.nearest(&|gate| gate.warn.as_ref().map(|warn| warn.0.src.as_str())).unwrap_or_default()
    }

    /// Says whether its answer is good for a while only.
    pub fn ages(&self) -> bool {
        self.nearest(&|gate| gate.valid_for.as_ref()).is_some()
    }

    /// Calls `visit` with every text that is rendered where the gate stands, expressions included; those of its template
    /// are not.
    pub fn texts<'a>(&'a self, visit: &mut dyn FnMut(&'a Text)) {
        self.uses.iter().flat_map(|uses| &uses.binding.with).for_each(|(_, tree)| tree.texts(visit));
        self.command.texts(visit);
        visit(&self.pass.0);
        self.warn.iter().for_each(|warn| visit(&warn.0));
        [&self.every, &self.within, &self.hold, &self.valid_for, &self.timeout]
            .into_iter()
            .flatten()
            .for_each(visit);
    }
}

impl Retry {
    /// Calls `visit` with every text of the policy, expressions included.
    pub fn texts<'a>(&'a self, visit: &mut dyn FnMut(&'a Text)) {
        self.delay.iter().chain(&self.max_delay).for_each(&mut *visit);
        self.when.iter().for_each(|when| visit(&when.0));
    }
}

impl Body {
    /// Calls `visit` with every text of the body, expressions included.
    pub fn texts<'a>(&'a self, visit: &mut dyn FnMut(&'a Text)) {
        match &self.action {
            Action::Nothing => {}
            Action::Command(command) => command.texts(visit),
            Action::Gate(gate) => gate.texts(visit),
            Action::Approve(approve) => {
                visit(&approve.prompt);
                approve.timeout.iter().for_each(&mut *visit);
            }
            Action::Manual(manual) => {
                visit(&manual.prompt);
                manual.timeout.iter().for_each(&mut *visit);
            }
            Action::Wait(Wait::For(text) | Wait::Until(text)) => visit(text),
            Action::Runbook { vars, .. } => vars.iter().for_each(|(_, tree)| tree.texts(visit)),
        }
        self.check.iter().chain(&self.verify).for_each(|gate| gate.texts(visit));
        if let Some(capture) = &self.capture {
            capture.command.texts(visit);
            capture.outputs.iter().for_each(|(_, expr)| visit(&expr.0));
            capture.timeout.iter().for_each(&mut *visit);
        }
        if let Some(preview) = &self.preview {
            preview.command.texts(visit);
            preview.changed.iter().for_each(|expr| visit(&expr.0));
            preview.timeout.iter().for_each(&mut *visit);
        }
        if let Some(undo) = &self.rollback {
            undo.command.texts(visit);
            undo.verify.iter().for_each(|gate| gate.texts(visit));
            undo.retry.iter().for_each(|retry| retry.texts(visit));
            undo.timeout.iter().for_each(&mut *visit);
        }
        self.changes.iter().chain(&self.irreversible).for_each(&mut *visit);
        self.satisfied.iter().for_each(|expr| visit(&expr.0));
        self.outputs.iter().for_each(|(_, expr)| visit(&expr.0));
        self.retry.iter().for_each(|retry| retry.texts(visit));
        self.timeout.iter().chain(&self.grace).for_each(visit);
    }
}

impl Step {
    /// Returns what resume does with this step when its end is unknown.
    pub fn on_interrupt(&self) -> OnInterrupt {
        self.on_interrupt.unwrap_or_else(|| self.body.on_interrupt())
    }
}
