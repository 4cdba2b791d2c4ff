//! `plan --observe`: what a plan can be told by looking, without changing anything.
//!
//! Asked is what only looks: the `target`; captures; native previews of steps that have something to do; and steps with `effect: read`
//! whose outputs another step speaks of, as long as nothing before them changes anything, since only then will the run
//! be given the same answer. Gates are not asked: they would be polled, and their answer is no state. What is known to
//! change something is refused, whatever the file calls it.
//!
//! The plan is walked, what it wants to know is asked, and it is walked again with the answers, until it wants to know
//! nothing more: an output may be what a later capture is rendered from. Nothing is locked and nothing written. A
//! question that two steps have in common is asked once, so that both see the same state.
//!
//! What was seen is the state now, not the state that the run will find.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::exec::{Ended, Pool, Redactor, RedactorError};
use crate::machine::{
    Addr, End, Evaluate, Event, Finish, Known, NodeId, Outcome, Prepared, Previewed, Stage, Verdict, describe,
};
use crate::model::{Action, Effect, Map, Piece, Rendered, Secrets, Snapshot, Step, without_places};

use super::glances::{Glances, Question};
use super::launch;
use super::looping::Interrupt;
use super::preview::{PlannedStep, Preview, Walk, tallied, walked};

/// How a step stands before the run, as far as looking tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The run has something to do.
    ToDo,
    /// There is nothing to do: `satisfied` holds.
    AlreadySo,
    /// It was asked, and could not be told.
    CouldNotTell,
    /// It can't be asked before the run: it depends on what only the run knows.
    OnlyTheRunKnows,
}

/// What was seen of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Sighting {
    /// How it stands.
    pub standing: Standing,
    /// The captured values, or the outputs of a step that only looks. Not those of a sensitive step.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub values: Map,
    /// Why it could not be told, or what only the run knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What a tool says that it would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Shown {
    /// What was asked, as people read it.
    pub command: String,
    /// Whether there is a difference; nothing when the runbook does not say how to tell, or it could not be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differs: Option<bool>,
    /// Why it could not be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What only the run knows, so that it can't be asked before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// What it printed, masked. Not of a sensitive step.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub output: String,
}

/// What looking came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Looked {
    /// How many commands were asked.
    pub asked: usize,
    /// How many steps have nothing to do.
    pub already_so: usize,
    /// How many could not be told.
    pub could_not_tell: usize,
    /// How many changing steps can't be undone.
    pub irreversible: usize,
}

/// How far it is.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// How many commands were answered.
    pub answered: usize,
    /// How many are asked in all, as far as is known.
    pub asked: usize,
    /// How many are asked at once.
    pub at_once: usize,
    /// What is waited for longest, and for how long.
    pub longest: Option<(String, Duration)>,
}

/// Who watches a plan that looks, and gives it what it needs.
pub trait Onlooker {
    /// Is told how far it is: when it begins, and several times a second.
    fn progress(&mut self, progress: &Progress);
    /// Returns the values of the secrets of these names, as far as they can be had.
    ///
    /// # Errors
    ///
    /// When the person who was asked left.
    fn secrets(&mut self, names: &BTreeSet<String>) -> std::io::Result<Secrets>;
}

/// How to look.
#[derive(Clone, Debug)]
pub struct Looking {
    /// The secrets that are at hand.
    pub secrets: Secrets,
    /// How many commands are asked at once.
    pub max_parallel: usize,
    /// Returns the words of a command that are known to change something: such a one is not asked.
    pub changes: fn(&[String], Option<&str>) -> Option<String>,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum Unobserved {
    /// A signal came. Whatever was asked has ended.
    #[error("stopped while looking: nothing was changed")]
    Stopped(Interrupt),
    /// The person who was asked for a secret left.
    #[error("{0}")]
    Asking(std::io::Error),
    /// No process can be started.
    #[error("no process can be started: {0}")]
    Pool(#[from] std::io::Error),
    /// A secret can't be hidden.
    #[error(transparent)]
    Redactor(#[from] RedactorError),
}

/// Returns what a run of `snapshot` would do, with what looking tells. Changes nothing and writes nothing.
///
/// # Errors
///
/// A signal; a system that starts no process. A command that fails is no error: the plan says so.
pub fn observe(
    snapshot: &Arc<Snapshot>,
    looking: Looking,
    onlooker: &mut dyn Onlooker,
) -> Result<Preview, Unobserved> {
    let Looking { mut secrets, max_parallel, changes } = looking;
    let pool = Pool::new(max_parallel.clamp(1, 4))?;
    let mut glances = Glances::new(&pool, max_parallel)?;
    let root = PathBuf::from(&snapshot.root);
    let mut sight = Sight { spoken_of: spoken_of(&snapshot.runbook), ..Sight::default() };
    let mut asked = 0;
    loop {
        let mut walk = walked(snapshot, Some(sight));
        walk.target_now();
        let (run, steps, mut seen) = (walk.run, walk.steps, walk.sight.unwrap_or_default());
        let open = std::mem::take(&mut seen.open);
        (seen.changed, seen.later) = (BTreeSet::new(), None);
        if open.is_empty() {
            let mut preview = tallied(run, steps);
            preview.looked = Some(looked(&preview, asked));
            return Ok(preview);
        }
        // The same question of two steps is one.
        let mut same: HashMap<String, Vec<Ask>> = HashMap::new();
        let mut each: Vec<(String, Prepared)> = Vec::new();
        for (ask, prepared) in open {
            let key = key_of(&prepared);
            let known = same.entry(key.clone()).or_default();
            if known.is_empty() {
                each.push((key, prepared));
            }
            known.push(ask);
        }
        let missing: BTreeSet<String> = each
            .iter()
            .flat_map(|(_, prepared)| secrets_of(prepared))
            .filter(|name| secrets.reveal(name).is_none())
            .collect();
        if !missing.is_empty() {
            for (name, value) in onlooker.secrets(&missing).map_err(Unobserved::Asking)?.named() {
                secrets.insert(name, value);
            }
        }
        let redactor = Redactor::new(secrets.named())?;
        let mut questions = Vec::new();
        for (key, prepared) in each {
            let asks = same.remove(&key).unwrap_or_default();
            match spec_of(&root, &secrets, &redactor, &prepared, changes) {
                Ok(spec) => {
                    let label = asks.first().map(|ask| ask.step.clone()).unwrap_or_default();
                    questions.push((asks, prepared.sensitive, Question { label, spec }));
                }
                Err(why) => seen.told(asks, Answer::NotAsked(why)),
            }
        }
        asked += questions.len();
        let (about, questions): (Vec<_>, Vec<_>) =
            questions.into_iter().map(|(asks, sensitive, question)| ((asks, sensitive), question)).unzip();
        let answers = glances.ask(questions, onlooker).map_err(Unobserved::Stopped)?;
        for ((asks, sensitive), ended) in about.into_iter().zip(answers) {
            seen.told(asks, Answer::Said(Arc::new(outcome(ended, &redactor, sensitive))));
        }
        sight = seen;
    }
}

/// What one step is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Ask {
    step: String,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    Target,
    Capture,
    Looks,
    Preview,
}

#[derive(Clone, Debug)]
enum Answer {
    Said(Arc<Outcome>),
    NotAsked(String),
}

/// What a walk over the plan has seen, and what it wants to see.
#[derive(Debug, Default)]
pub(super) struct Sight {
    answers: HashMap<Ask, Answer>,
    open: Vec<(Ask, Prepared)>,
    /// The steps of which some step's outputs are spoken of.
    spoken_of: BTreeSet<String>,
    /// The steps after which the world may be another.
    changed: BTreeSet<NodeId>,
    /// The instance whose capture is asked before the next walk: until then it is not known whether it has anything to do.
    later: Option<Addr>,
}

/// What came of a question.
enum Reply {
    Said(Arc<Outcome>),
    /// It is asked before the next walk.
    Later,
    Not(Standing, String),
}

impl Sight {
    fn told(&mut self, asks: Vec<Ask>, answer: Answer) {
        self.answers.extend(asks.into_iter().map(|ask| (ask, answer.clone())));
    }

    fn reply(&mut self, step: &str, what: What, prepared: Result<Prepared, String>) -> Reply {
        let ask = Ask { step: step.to_owned(), what };
        match (self.answers.get(&ask), prepared) {
            (Some(Answer::Said(outcome)), _) => Reply::Said(Arc::clone(outcome)),
            (Some(Answer::NotAsked(why)), _) => Reply::Not(Standing::CouldNotTell, why.clone()),
            (None, Err(why)) => Reply::Not(Standing::CouldNotTell, why),
            (None, Ok(prepared)) => match unknown_of(&prepared) {
                Some(origin) => Reply::Not(Standing::OnlyTheRunKnows, origin),
                None => {
                    self.open.push((ask, prepared));
                    Reply::Later
                }
            },
        }
    }
}

impl Walk {
    /// Asks whom the run would change, as the run itself will.
    fn target_now(&mut self) {
        let Some(sight) = self.sight.as_mut() else { return };
        // What can't be rendered is told as a fault of the run.
        for (name, prepared) in self.judge.target().unwrap_or_default() {
            let (said, why) = match sight.reply(&name, What::Target, Ok(prepared)) {
                Reply::Later => continue,
                Reply::Not(_, why) => (None, Some(why)),
                Reply::Said(outcome) => {
                    let text = || Ok(String::from_utf8_lossy(&outcome.stdout).trim().to_owned());
                    match read(&outcome, text) {
                        Ok(said) if said.is_empty() => (None, Some("it printed nothing".to_owned())),
                        Ok(said) => (Some(said), None),
                        Err(why) => (None, Some(why)),
                    }
                }
            };
            if let Some(target) = self.run.target.iter_mut().find(|target| target.name == name) {
                (target.said, target.why) = (said, why);
            }
        }
    }

    /// Returns what the capture of an instance says; nothing when that is not known.
    pub(super) fn captured_now(&mut self, shown: &mut PlannedStep, at: Addr) -> Option<Map> {
        let sight = self.sight.as_mut()?;
        let prepared = self.judge.prepare(&self.state, at, Stage::Capture);
        let sensitive = self.graph.step(at.node).sensitive;
        let standing = |standing, values, why| Some(Sighting { standing, values, why });
        match sight.reply(&shown.name, What::Capture, prepared) {
            Reply::Later => {
                sight.later = Some(at);
                None
            }
            Reply::Not(how, why) => {
                shown.observed = standing(how, Map::new(), Some(why));
                None
            }
            Reply::Said(outcome) => match read(&outcome, || self.judge.captured(&self.state, at, &outcome)) {
                Ok((values, _)) => {
                    let told = if sensitive { Map::new() } else { values.clone() };
                    shown.observed = standing(Standing::ToDo, told, None);
                    Some(values)
                }
                Err(why) => {
                    shown.observed = standing(Standing::CouldNotTell, Map::new(), Some(why));
                    None
                }
            },
        }
    }

    /// Says whether there is nothing to do for an instance whose capture was read. The run would go past it, and so does
    /// the walk.
    pub(super) fn already_so(&mut self, shown: &mut PlannedStep, at: Addr) -> bool {
        let body = &self.graph.step(at.node).body;
        let read = shown.observed.as_ref().is_some_and(|seen| seen.standing == Standing::ToDo);
        if self.sight.is_none() || body.satisfied.is_none() || body.capture.is_some() && !read {
            return false;
        }
        let sighting = shown.observed.get_or_insert(Sighting {
            standing: Standing::ToDo,
            values: Map::new(),
            why: None,
        });
        match self.judge.satisfied(&self.state, at) {
            Ok(Known::Yes) => sighting.standing = Standing::AlreadySo,
            Ok(Known::No) => {}
            Ok(Known::Unknown) => {
                sighting.standing = Standing::OnlyTheRunKnows;
                sighting.why = Some("whether there is anything to do".to_owned());
            }
            Err(why) => {
                sighting.standing = Standing::CouldNotTell;
                sighting.why = Some(why);
            }
        }
        if sighting.standing != Standing::AlreadySo {
            return false;
        }
        self.fold(Event::Finished { step: shown.name.clone(), result: Finish::Satisfied });
        true
    }

    /// Returns the outputs of an instance that only looks, when the run will be given the same answer and somebody
    /// speaks of them.
    pub(super) fn outputs_now(&mut self, shown: &mut PlannedStep, at: Addr) -> Option<Map> {
        let Walk { judge, graph, state, sight, .. } = self;
        let sight = sight.as_mut()?;
        let step = graph.step(at.node);
        let wanted = looks(step) && sight.spoken_of.contains(&step.id);
        if !wanted || graph.is_finally(at.node) {
            return None;
        }
        if !sight.changed.is_empty()
            && graph.transitive_needs(at.node).iter().any(|need| sight.changed.contains(need))
        {
            return None;
        }
        let prepared = judge.prepare(state, at, Stage::Action);
        let (standing, values, why) = match sight.reply(&shown.name, What::Looks, prepared) {
            Reply::Later => return None,
            Reply::Not(how, why) => (how, None, Some(why)),
            Reply::Said(outcome) => {
                let values = match &step.body.action {
                    Action::Gate(_) => {
                        let judged = judge.judge(state, at, Stage::Action, &outcome);
                        match judged.verdict {
                            Some(Verdict::Holds | Verdict::Warns) => Ok(judged.outputs),
                            Some(Verdict::CouldNotTell(why)) => Err(why),
                            _ => Err(format!("the gate does not hold now: {}", judged.seen)),
                        }
                    }
                    _ => read(&outcome, || judge.outputs(state, at, &outcome)),
                };
                match values {
                    Ok(values) => (Standing::ToDo, Some(values), None),
                    Err(why) => (Standing::CouldNotTell, None, Some(why)),
                }
            }
        };
        let told = values.clone().filter(|_| !step.sensitive).unwrap_or_default();
        shown.observed = Some(Sighting { standing, values: told, why });
        values
    }

    /// Asks the tool of an instance that has something to do what it would change.
    pub(super) fn native(&mut self, shown: &mut PlannedStep, at: Addr) {
        let Walk { judge, graph, state, sight, .. } = self;
        let Some(sight) = sight.as_mut() else { return };
        if sight.later == Some(at) {
            return;
        }
        let prepared = match judge.preview(state, at) {
            Ok(None) => return,
            Ok(Some(prepared)) => Ok(prepared),
            Err(why) => Err(why),
        };
        let command = prepared.as_ref().map(|prepared| prepared.display.clone()).unwrap_or_default();
        let mut said = Shown { command, differs: None, why: None, needs: None, output: String::new() };
        match sight.reply(&shown.name, What::Preview, prepared) {
            Reply::Later => return,
            Reply::Not(Standing::OnlyTheRunKnows, origin) => said.needs = Some(origin),
            Reply::Not(_, why) => said.why = Some(why),
            Reply::Said(outcome) => {
                match judge.previewed(state, at, &outcome) {
                    Previewed::Differs => said.differs = Some(true),
                    Previewed::Same => said.differs = Some(false),
                    Previewed::Said => {}
                    Previewed::CouldNotTell(why) => said.why = Some(why),
                }
                if !graph.step(at.node).sensitive && said.why.is_none() {
                    said.output = String::from_utf8_lossy(&outcome.stdout).into_owned();
                }
            }
        }
        shown.previewed = Some(said);
    }

    /// Takes note of an instance that the run will carry out: the world may be another after it.
    pub(super) fn carried_out(&mut self, at: Addr) {
        let Some(sight) = self.sight.as_mut() else { return };
        let by_hand = matches!(self.graph.step(at.node).body.action, Action::Manual(_));
        if by_hand || self.graph.changes(at.node) {
            sight.changed.insert(at.node);
        }
    }
}

/// Says whether a step only looks, and has something to say.
fn looks(step: &Step) -> bool {
    let command = matches!(step.body.action, Action::Command(_) | Action::Gate(_));
    command && step.body.effect == Effect::Read && !step.body.outputs.is_empty()
}

/// Returns what was read of an answer, as a run reads it: an exit code other than 0 is none.
fn read<T>(outcome: &Outcome, values: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    match outcome.end.as_ref() {
        Some(End::Exit(0)) => values(),
        Some(end) if outcome.tail.is_empty() => Err(describe(end)),
        Some(end) => Err(format!("{}: {}", describe(end), outcome.tail)),
        None => Err("its end was not reported".to_owned()),
    }
}

fn outcome(ended: Ended, redactor: &Redactor, sensitive: bool) -> Outcome {
    let hide = |bytes: &[u8]| redactor.redact(bytes).into_owned();
    let (stdout, stderr) = (hide(&ended.stdout.bytes), hide(&ended.stderr.bytes));
    let last = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned)
    };
    let tail = last(&stderr).or_else(|| last(&stdout)).filter(|_| !sensitive).unwrap_or_default();
    let end = match launch::end(&ended.end) {
        End::NotStarted(why) => End::NotStarted(redactor.redact_str(&why).into_owned()),
        other => other,
    };
    Outcome {
        end: Some(end),
        wall: ended.wall,
        truncated: ended.stdout.truncated || ended.stderr.truncated,
        stdout,
        stderr,
        tail,
        left: ended.strays,
        unkept: None,
    }
}

fn spec_of(
    root: &std::path::Path,
    secrets: &Secrets,
    redactor: &Redactor,
    prepared: &Prepared,
    changes: fn(&[String], Option<&str>) -> Option<String>,
) -> Result<crate::exec::Spec, String> {
    if let Some(name) = secrets_of(prepared).into_iter().find(|name| secrets.reveal(name).is_none()) {
        return Err(format!("the secret `{name}` was not given"));
    }
    let mut words: Vec<String> = prepared.argv.iter().map(Rendered::display).collect();
    // A script may have its commands from its environment.
    for (name, value) in &prepared.env {
        let (value, bare, braced) = (value.display(), format!("${name}"), format!("${{{name}}}"));
        words.iter_mut().filter(|word| word.contains('$')).for_each(|word| {
            *word = word.replace(&braced, &value).replace(&bare, &value);
        });
    }
    let stdin = prepared.stdin.as_ref().map(Rendered::display);
    if let Some(word) = changes(&words, stdin.as_deref()) {
        return Err(format!(
            "it was not asked, since `{word}` may change something and a plan changes nothing"
        ));
    }
    let mut spec = launch::resolved(root, secrets, prepared)?;
    spec.redactor = redactor.clone();
    Ok(spec)
}

fn texts(prepared: &Prepared) -> impl Iterator<Item = &Rendered> {
    let env = prepared.env.iter().map(|(_, value)| value);
    prepared.argv.iter().chain(env).chain(&prepared.dir).chain(&prepared.stdin)
}

fn secrets_of(prepared: &Prepared) -> Vec<String> {
    let pieces = texts(prepared).flat_map(|text| &text.pieces);
    pieces
        .filter_map(|piece| match piece {
            Piece::Secret(name) => Some(name.clone()),
            Piece::Plain(_) | Piece::Unknown(_) => None,
        })
        .collect()
}

fn unknown_of(prepared: &Prepared) -> Option<String> {
    texts(prepared).find_map(Rendered::unknown).map(str::to_owned)
}

/// Returns what tells one question from another. Secrets are in it by name.
fn key_of(prepared: &Prepared) -> String {
    let Prepared { argv, env, dir, stdin, merged, timeout, sensitive, .. } = prepared;
    format!("{:?}", (argv, env, dir, stdin, merged, timeout, sensitive))
}

/// Returns the steps that anything in the runbook speaks of as `steps.ID` or `steps['ID']`. More than those do no harm:
/// they are asked in vain.
fn spoken_of(runbook: &crate::model::Runbook) -> BTreeSet<String> {
    let all = || runbook.steps.iter().chain(&runbook.finally);
    if !all().any(looks) {
        return BTreeSet::new();
    }
    let mut found = BTreeSet::new();
    for step in all() {
        let text = without_places(step).to_string();
        for rest in text.split("steps").skip(1) {
            let name = rest.trim_start_matches(['.', '[', '\'', '"', '\\', ' ']);
            let end = name.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')));
            let whole = &name[..end.unwrap_or(name.len())];
            found.insert(whole.to_owned());
            // `steps.a-b` may be the step `a` less `b`.
            found.extend(whole.split_once('-').map(|(first, _)| first.to_owned()));
        }
    }
    found
}

fn looked(preview: &Preview, asked: usize) -> Looked {
    let unclear = |step: &&PlannedStep| {
        step.observed.as_ref().is_some_and(|seen| seen.standing == Standing::CouldNotTell)
            || step.previewed.as_ref().is_some_and(|shown| shown.why.is_some())
    };
    Looked {
        asked,
        already_so: preview.steps.iter().filter(|step| step.is_already_so()).count(),
        could_not_tell: preview.steps.iter().filter(unclear).count()
            + preview.run.target.iter().filter(|target| target.why.is_some()).count(),
        irreversible: preview.steps.iter().filter(|step| step.irreversible.is_some()).count(),
    }
}
