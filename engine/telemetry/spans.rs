//! The fold from events to spans. A span is named by the number of the event that it began with, so every reader of the same
//! events comes to the same ids.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use jiff::Timestamp;
use opentelemetry::trace::{
    Event as Moment, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use sha2::{Digest, Sha256};

use super::Parent;
use crate::machine::{Decision, End, Event, Finish, Leaf, RunStatus, Stage, UndoResult, Verdict};
use crate::report::Earlier;

/// How many moments of one span are told: a gate may be asked for days.
const MOMENTS: usize = 128;

/// The attributes that may hold what a step gave to the run.
pub(super) const STEP: &str = "runbook.step";
pub(super) const COMMAND: &str = "runbook.command";

/// What is said of a span whose engine was gone before its end.
const UNSEEN: &str = "its end was not seen";

/// Which span: the number of the event that it began with, and what it is of.
type Seed = (u64, &'static str);

/// The run of the engine that opened it: what all others hang on.
const ROOT: Seed = (1, "run");

/// The spans of a run.
#[derive(Debug)]
pub(super) struct Spans {
    run: String,
    runbook: String,
    /// What the run is a part of, by its first event.
    parent: Option<Parent>,
    /// What this engine was started from.
    here: Option<Parent>,
    /// How many engines had it.
    engines: i64,
    /// The number of the engine that the last event is of.
    epoch: Option<u64>,
    seq: u64,
    last: Timestamp,
    life: Option<Open>,
    steps: BTreeMap<String, Step>,
    /// What is over and was not taken yet.
    over: Vec<Closed>,
}

/// A span that goes on.
#[derive(Debug)]
struct Open {
    seed: Seed,
    parent: Option<Seed>,
    name: String,
    from: Timestamp,
    /// The end so far.
    to: Timestamp,
    attributes: Vec<KeyValue>,
    moments: Vec<Moment>,
    left_out: u32,
    /// How it failed, in words of ours.
    failed: Option<String>,
}

#[derive(Debug)]
struct Closed(Open);

#[derive(Debug)]
struct Step {
    span: Open,
    attempt: Option<Attempt>,
    gates: HashMap<Stage, Open>,
}

#[derive(Debug)]
struct Attempt {
    leaf: Leaf,
    span: Open,
    /// Whether its command was seen to end.
    exited: bool,
}

impl Open {
    fn new(seed: Seed, parent: Option<Seed>, name: impl Into<String>, at: Timestamp) -> Open {
        Open {
            seed,
            parent,
            name: name.into(),
            from: at,
            to: at,
            attributes: Vec::new(),
            moments: Vec::new(),
            left_out: 0,
            failed: None,
        }
    }

    /// Says that whoever began it did not see its end.
    fn lose(&mut self) {
        self.failed.get_or_insert_with(|| UNSEEN.to_owned());
    }

    fn say(&mut self, key: &'static str, value: impl Into<Value>) {
        self.attributes.push(KeyValue::new(key, value));
    }

    fn moment(&mut self, at: Timestamp, name: &'static str, attributes: Vec<KeyValue>) {
        self.to = at;
        if self.moments.len() < MOMENTS {
            self.moments.push(Moment::new(name, time(at), attributes, 0));
        } else {
            self.left_out += 1;
        }
    }
}

fn time(at: Timestamp) -> SystemTime {
    SystemTime::from(at)
}

impl Spans {
    /// Returns the spans of a run of which nothing is known yet. `here` is what the engine was started from.
    pub(super) fn of(here: Option<Parent>) -> Spans {
        Spans {
            run: String::new(),
            runbook: String::new(),
            parent: None,
            here,
            engines: 0,
            epoch: None,
            seq: 0,
            last: Timestamp::default(),
            life: None,
            steps: BTreeMap::new(),
            over: Vec::new(),
        }
    }

    /// Takes in an event that another engine has told of.
    pub(super) fn past(&mut self, earlier: &Earlier<'_>) {
        let before = self.epoch.replace(earlier.epoch);
        if before.is_some_and(|before| before != earlier.epoch) {
            self.outlive(earlier.event);
        }
        self.hear(earlier.seq, earlier.at, earlier.event);
        // Sent by who lived then, what the engine before it had begun too; what was not ended is kept.
        self.over.clear();
    }

    /// Takes in an event of this engine.
    pub(super) fn event(&mut self, run: &str, seq: u64, at: Timestamp, event: &Event) {
        if self.run.is_empty() {
            run.clone_into(&mut self.run);
            self.outlive(event);
        }
        self.hear(seq, at, event);
    }

    /// Ends what the engine before had begun and did not end: from `event` on another one has the run.
    fn outlive(&mut self, event: &Event) {
        if self.life.is_none() {
            return;
        }
        self.steps.values_mut().for_each(Step::lose);
        let word = if matches!(event, Event::TakenOver { .. }) { "taken over" } else { "engine died" };
        self.end(word, true);
    }

    /// Returns the spans that are over, each once.
    pub(super) fn taken(&mut self) -> Vec<SpanData> {
        let over = std::mem::take(&mut self.over);
        over.into_iter().map(|Closed(span)| self.data(span)).collect()
    }

    fn hear(&mut self, seq: u64, at: Timestamp, event: &Event) {
        // A clock that is set back makes no span that ends before it began.
        let at = at.max(self.last);
        (self.seq, self.last) = (seq, at);
        if let Event::Opened(opened) = event {
            opened.runbook.clone_into(&mut self.runbook);
            self.parent = opened.trace_parent.as_deref().and_then(Parent::parse);
        }
        // What a hook did may be told after the rest of its run.
        if self.life.is_none() && !matches!(event, Event::HookFailed { .. }) {
            self.begin(at);
        }
        self.in_run(at, event);
        self.in_step(at, event);
    }

    fn begin(&mut self, at: Timestamp) {
        self.engines += 1;
        let seed = if self.engines == 1 { ROOT } else { (self.seq, "run") };
        let parent = (self.engines > 1).then_some(ROOT);
        let mut span = Open::new(seed, parent, format!("runbook {}", self.runbook), at);
        span.say("runbook.name", self.runbook.clone());
        span.say("runbook.engine", self.engines);
        self.life = Some(span);
    }

    /// Tells what concerns the run as a whole.
    fn in_run(&mut self, at: Timestamp, event: &Event) {
        let Some(life) = &mut self.life else { return };
        life.to = at;
        match event {
            Event::Opened(opened) => {
                life.say("runbook.by", opened.by.name.clone());
                for (name, target) in &opened.target {
                    life.attributes.push(KeyValue::new(format!("runbook.target.{name}"), target.clone()));
                }
            }
            Event::Resumed { by, .. } => life.say("runbook.by", by.name.clone()),
            Event::TakenOver { by, .. } => {
                life.moment(at, "taken over", vec![KeyValue::new("by", by.name.clone())])
            }
            Event::StopRequested { hard, .. } => {
                life.moment(at, "stop requested", vec![KeyValue::new("hard", *hard)])
            }
            Event::RollbackBegan { by, order, .. } => {
                let said = life.attributes.iter().any(|one| one.key.as_str() == "runbook.by");
                if let Some(by) = by.as_ref().filter(|_| !said) {
                    life.say("runbook.by", by.name.clone());
                }
                life.moment(at, "rollback began", vec![KeyValue::new("steps", order.len() as i64)]);
            }
            Event::FinallyBegan { status } => {
                life.moment(at, "finally began", vec![KeyValue::new("status", status.word())]);
            }
            Event::Rested { status } => {
                let failed = matches!(status, RunStatus::Failed | RunStatus::RollbackFailed);
                self.end(status.word(), failed);
            }
            _ => {}
        }
    }

    fn in_step(&mut self, at: Timestamp, event: &Event) {
        let (Some(name), Some(life)) = (event.step(), &self.life) else { return };
        // News of a step that is over, its lock or its answer's age, are no work of it.
        if !self.steps.contains_key(name) && !is_work(event) {
            return;
        }
        let (seq, parent) = (self.seq, life.seed);
        let step = self.steps.entry(name.to_owned()).or_insert_with(|| {
            let mut span = Open::new((seq, "step"), Some(parent), format!("step {}", id_of(name)), at);
            span.say(STEP, name.to_owned());
            Step { span, attempt: None, gates: HashMap::new() }
        });
        step.span.to = at;
        match event {
            Event::Intent { leaf, command, .. } => step.intent(seq, at, leaf, command, &mut self.over),
            Event::Exited { leaf, end, .. } => step.exited(at, leaf, end, &mut self.over),
            Event::Polled { leaf, verdict, .. } => {
                step.gate(seq, at, leaf).moment(at, "polled", vec![KeyValue::new("verdict", word(verdict))]);
            }
            Event::Judged { leaf, verdict, polls, .. } => {
                step.gate(seq, at, leaf);
                step.judged(at, leaf, verdict, *polls, &mut self.over);
            }
            Event::RetryScheduled { leaf, ms } => {
                let waits =
                    vec![KeyValue::new("attempt", i64::from(leaf.attempt)), KeyValue::new("ms", *ms as i64)];
                step.span.moment(at, "retry scheduled", waits);
                step.end_attempt(&mut self.over);
            }
            Event::Asked { .. } => step.span.moment(at, "asked", Vec::new()),
            Event::Answered { by, yes, .. } => {
                let said = vec![KeyValue::new("by", by.name.clone()), KeyValue::new("yes", *yes)];
                step.span.moment(at, "answered", said);
            }
            Event::Expired { .. } => step.span.moment(at, "expired", Vec::new()),
            Event::AwaitsLock { .. } => step.span.moment(at, "awaits lock", Vec::new()),
            Event::Locked { .. } => step.span.moment(at, "locked", Vec::new()),
            Event::Doubted { leaf } => {
                step.span.moment(at, "in doubt", vec![KeyValue::new("stage", leaf.stage.word())]);
                step.span.failed = Some("in doubt".to_owned());
            }
            Event::Decided { decision, .. } => {
                step.span.moment(at, "decided", vec![KeyValue::new("decision", decided(*decision))]);
                step.span.failed = None;
            }
            Event::Finished { result, .. } => {
                let (word, failed) = finished(result);
                self.end_step(name, word, failed);
            }
            Event::Undone { result, .. } => {
                let (word, failed) = undone(result);
                self.end_step(name, word, failed);
            }
            _ => {}
        }
    }

    fn end_step(&mut self, name: &str, word: &'static str, failed: bool) {
        let Some(mut step) = self.steps.remove(name) else { return };
        step.end_gates(&mut self.over);
        step.end_attempt(&mut self.over);
        step.span.say("runbook.result", word);
        step.span.failed = failed.then(|| word.to_owned());
        self.over.push(Closed(step.span));
    }

    /// Ends the run's span and all that goes on in it.
    fn end(&mut self, word: &'static str, failed: bool) {
        for (_, mut step) in std::mem::take(&mut self.steps) {
            step.end_gates(&mut self.over);
            step.end_attempt(&mut self.over);
            // Only news about a step that was over (its lock, its answer's age) came since.
            step.span.say("runbook.result", "not over");
            self.over.push(Closed(step.span));
        }
        let Some(mut life) = self.life.take() else { return };
        life.say("runbook.status", word);
        life.failed = failed.then(|| word.to_owned());
        self.over.push(Closed(life));
    }

    fn trace(&self) -> TraceId {
        let own = || TraceId::from_bytes(hashed(&format!("runbook trace {}", self.run)));
        self.parent.map_or_else(own, |parent| TraceId::from_bytes(parent.trace))
    }

    fn id(&self, (seq, kind): Seed) -> SpanId {
        SpanId::from_bytes(hashed(&format!("runbook span {} {seq} {kind}", self.run)))
    }

    fn data(&self, mut span: Open) -> SpanData {
        let trace = self.trace();
        let context = |id| SpanContext::new(trace, id, TraceFlags::SAMPLED, false, TraceState::default());
        let is_root = span.seed == ROOT;
        let above = self.parent.filter(|_| is_root);
        let parent = match (span.parent, above) {
            (Some(seed), _) => self.id(seed),
            (None, Some(above)) => SpanId::from_bytes(above.span),
            (None, None) => SpanId::INVALID,
        };
        span.say("runbook.run", self.run.clone());
        let mut events = SpanEvents::default();
        events.events = span.moments;
        events.dropped_count = span.left_out;
        let mut links = SpanLinks::default();
        if span.seed.1 == "run"
            && !is_root
            && let Some(here) = self.here
        {
            let (trace, id) = (TraceId::from_bytes(here.trace), SpanId::from_bytes(here.span));
            let context = SpanContext::new(trace, id, TraceFlags::SAMPLED, true, TraceState::default());
            links.links = vec![Link::with_context(context)];
        }
        SpanData {
            span_context: context(self.id(span.seed)),
            parent_span_id: parent,
            parent_span_is_remote: above.is_some(),
            span_kind: SpanKind::Internal,
            name: span.name.into(),
            start_time: time(span.from),
            end_time: time(span.to),
            attributes: span.attributes,
            dropped_attributes_count: 0,
            events,
            links,
            status: span.failed.map_or(Status::Unset, Status::error),
            instrumentation_scope: InstrumentationScope::builder("runbook")
                .with_version(env!("CARGO_PKG_VERSION"))
                .build(),
        }
    }
}

impl Step {
    fn intent(&mut self, seq: u64, at: Timestamp, leaf: &Leaf, command: &str, over: &mut Vec<Closed>) {
        match leaf.stage {
            Stage::Action | Stage::Undo | Stage::Capture => {
                self.end_gates(over);
                self.end_attempt(over);
                let mut span = Open::new((seq, "attempt"), Some(self.span.seed), leaf.stage.word(), at);
                span.say(STEP, leaf.step.clone());
                span.say("runbook.attempt", i64::from(leaf.attempt));
                span.say(COMMAND, command.to_owned());
                self.attempt = Some(Attempt { leaf: leaf.clone(), span, exited: false });
            }
            Stage::Check | Stage::Guard | Stage::Verify | Stage::UndoVerify => {
                let span = self.gate(seq, at, leaf);
                span.say(COMMAND, command.to_owned());
            }
        }
    }

    fn exited(&mut self, at: Timestamp, leaf: &Leaf, end: &End, over: &mut Vec<Closed>) {
        let Some(Attempt { span, exited, .. }) =
            self.attempt.as_mut().filter(|attempt| attempt.leaf == *leaf)
        else {
            return;
        };
        *exited = true;
        span.to = at;
        let failed = match end {
            End::Exit(code) => {
                span.say("process.exit.code", i64::from(*code));
                (*code != 0).then(|| format!("exit code {code}"))
            }
            End::Signal(signal) => Some(format!("signal {signal}")),
            End::TimedOut => Some("timed out".to_owned()),
            End::Stopped => Some("stopped".to_owned()),
            End::NotStarted(_) => Some("not started".to_owned()),
        };
        span.failed = failed;
        if leaf.stage == Stage::Capture {
            self.end_attempt(over);
        }
    }

    /// Returns the gate's span, which begins now unless it was begun.
    fn gate(&mut self, seq: u64, at: Timestamp, leaf: &Leaf) -> &mut Open {
        let attempt = self.attempt.as_ref();
        // What is asked before the action, or long after it, belongs to none of its attempts.
        let parent = match leaf.stage {
            Stage::Check => self.span.seed,
            _ => attempt.map_or(self.span.seed, |attempt| attempt.span.seed),
        };
        // A gate that is the action itself began with it.
        let from = match (leaf.stage, attempt) {
            (Stage::Action, Some(attempt)) => attempt.span.from,
            _ => at,
        };
        self.gates.entry(leaf.stage).or_insert_with(|| {
            let name = match leaf.stage {
                Stage::Check => "gate check",
                Stage::Guard => "gate guard",
                Stage::UndoVerify => "gate undo-verify",
                Stage::Action => "gate action",
                _ => "gate verify",
            };
            let mut span = Open::new((seq, name), Some(parent), name, from);
            span.say(STEP, leaf.step.clone());
            span.say("runbook.attempt", i64::from(leaf.attempt));
            span
        })
    }

    fn judged(&mut self, at: Timestamp, leaf: &Leaf, verdict: &Verdict, polls: u32, over: &mut Vec<Closed>) {
        let Some(mut span) = self.gates.remove(&leaf.stage) else { return };
        span.to = at;
        span.say("runbook.verdict", word(verdict));
        span.say("runbook.polls", i64::from(polls));
        let holds = matches!(verdict, Verdict::Holds | Verdict::Warns);
        span.failed = (!holds).then(|| word(verdict).to_owned());
        let attempt = self.attempt.as_mut().map(|attempt| &mut attempt.span);
        if let Some(attempt) = attempt.filter(|attempt| Some(attempt.seed) == span.parent) {
            attempt.to = at;
            if attempt.failed.is_none() {
                attempt.failed = span.failed.clone();
            }
        }
        over.push(Closed(span));
    }

    fn end_gates(&mut self, over: &mut Vec<Closed>) {
        for (_, mut span) in self.gates.drain() {
            span.to = self.span.to;
            over.push(Closed(span));
        }
    }

    fn end_attempt(&mut self, over: &mut Vec<Closed>) {
        if let Some(Attempt { span, .. }) = self.attempt.take() {
            over.push(Closed(span));
        }
    }

    /// Says of what goes on that nobody saw its end.
    fn lose(&mut self) {
        self.span.lose();
        self.gates.values_mut().for_each(Open::lose);
        if let Some(attempt) = self.attempt.as_mut().filter(|attempt| !attempt.exited) {
            attempt.span.lose();
        }
    }
}

/// Says whether an event is of work on its step, and not only about it.
fn is_work(event: &Event) -> bool {
    matches!(
        event,
        Event::Started { .. }
            | Event::Intent { .. }
            | Event::Asked { .. }
            | Event::AwaitsLock { .. }
            | Event::Locked { .. }
            | Event::Reopened { .. }
            | Event::Doubted { .. }
            | Event::Decided { .. }
            | Event::Finished { .. }
            | Event::Undone { .. }
    )
}

/// Returns the step's id without its instance: a span's name is one of few.
fn id_of(name: &str) -> &str {
    name.split('[').next().unwrap_or(name)
}

fn hashed<const N: usize>(of: &str) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&Sha256::digest(of.as_bytes())[..N]);
    bytes
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Warns => "warns",
        Verdict::DoesNotHold => "does not hold",
        Verdict::CouldNotTell(_) => "could not tell",
    }
}

fn decided(decision: Decision) -> &'static str {
    match decision {
        Decision::Retry => "retry",
        Decision::Verify => "verify",
        Decision::Skip => "skip",
        Decision::Done => "done",
    }
}

fn finished(result: &Finish) -> (&'static str, bool) {
    match result {
        Finish::Succeeded => ("succeeded", false),
        Finish::Satisfied => ("satisfied", false),
        Finish::Skipped(_) => ("skipped", false),
        Finish::Failed(_) => ("failed", true),
        Finish::Stopped => ("stopped", false),
        Finish::MarkedDone => ("marked done", false),
    }
}

fn undone(result: &UndoResult) -> (&'static str, bool) {
    match result {
        UndoResult::Done => ("undone", false),
        UndoResult::Nothing => ("nothing to undo", false),
        UndoResult::Left(_) => ("left", false),
        UndoResult::Failed(_) => ("undo failed", true),
        UndoResult::Blocked(_) => ("undo blocked", true),
    }
}

#[cfg(test)]
mod tests;
