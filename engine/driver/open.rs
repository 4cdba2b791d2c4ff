//! Opening a run, taking it up again, rolling it back.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use crate::exec::{Pool, Redactor};
use crate::journal::{Claim, Frozen, JournalError, NewRun, Record, RunId, Store, Stored, Want, Writer};
use crate::machine::{
    Decision, EVENT_VERSION, Event, Graph, Input, Judge, Machine, Opened, Options, Person, PlanMark,
    REHEARSAL_VERSION, Rehearsal, RunFacts, RunStatus, State, settles, undo_order,
};
use crate::model::{Faults, Secrets, Snapshot};
use crate::report::{Earlier, Reporter};
use crate::template::Engine;

use super::clock;
use super::error::DriveError;
use super::host;
use super::launch::Launcher;
pub use super::looping::Interrupt;
use super::looping::Loop;
use super::outlived::{self, Outliving, Settling};
use super::people::People;
use super::player::Player;
use super::recorder::Recorder;
use super::renewal::{self, Renewal};
use super::said;
use super::script::Script;
use super::target;

/// How many threads start processes.
const SPAWNERS: usize = 4;

/// A run to be opened. Stored nowhere: as JSON it goes from one engine to another, without its secrets.
#[derive(Debug, Serialize, Deserialize)]
pub struct Exec {
    /// What is started.
    pub snapshot: Snapshot,
    /// The secrets' values.
    #[serde(skip)]
    pub secrets: Secrets,
    /// How to run.
    pub options: Options,
    /// Who.
    pub by: Person,
    /// Why.
    pub reason: Option<String>,
    /// Who confirmed it, when it is protected.
    pub consent: Option<Person>,
    /// The plan that it follows.
    pub plan: Option<PlanMark>,
    /// The span that it is begun in (W3C `traceparent`), where spans are sent.
    #[serde(default)]
    pub trace_parent: Option<String>,
    /// What `target` said when it was planned; nothing when it was not asked.
    pub planned_target: BTreeMap<String, String>,
    /// What is to go wrong, when the snapshot has a tape and so is a rehearsal.
    #[serde(default)]
    pub faults: Faults,
}

/// A run to be taken up again. As [`Exec`] it may go to another engine, without its secrets.
#[derive(Debug, Serialize, Deserialize)]
pub struct Resume {
    /// Which.
    pub run: RunId,
    /// Who.
    pub by: Person,
    /// Why.
    pub reason: Option<String>,
    /// What they decided of failed and doubtful steps, by instance or step, each with why.
    pub decisions: BTreeMap<String, (Decision, Option<String>)>,
    /// The secrets' values, given anew.
    #[serde(skip)]
    pub secrets: Secrets,
    /// What to do about commands that outlived their engine.
    pub outliving: Outliving,
    /// Why the run is taken from a living driver, when it may be.
    pub takeover: Option<String>,
    /// What the run goes on with instead of what it was started with.
    pub renewal: Option<Renewal>,
}

/// A run to be undone.
#[derive(Debug)]
pub struct Rollback {
    /// Which.
    pub run: RunId,
    /// Who.
    pub by: Person,
    /// The last step to undo.
    pub to: Option<String>,
    /// The secrets' values, given anew.
    pub secrets: Secrets,
    /// What to do about commands that outlived their engine.
    pub outliving: Outliving,
}

/// What a run is driven with.
pub struct Surroundings<'a> {
    /// What a test has in place of people and of chance.
    pub script: Option<&'a mut Script>,
    /// The journal.
    pub store: &'a Store,
    /// Who shows it.
    pub reporter: &'a mut dyn Reporter,
    /// Who can be asked from here; `None` when no terminal can answer.
    pub people: Option<Box<dyn People>>,
    /// The steps answered with yes beforehand (`--approve`).
    pub approvals: BTreeSet<String>,
    /// How the program is called in the commands to type next: `runbook`, with what must be said again (`--store`).
    pub program: String,
    /// Whether to wait for an answer from another terminal when none can be had here.
    pub wait: bool,
    /// The tape to record.
    pub recorder: Option<Recorder>,
}

/// A run that came to rest.
#[derive(Debug)]
pub struct Closed {
    /// Which.
    pub run: RunId,
    /// With which status.
    pub status: RunStatus,
    /// The signal that stopped it.
    pub interrupt: Option<Interrupt>,
    /// Its state.
    pub state: State,
    /// Its shape.
    pub graph: Arc<Graph>,
}

/// Opens a run and drives it until it rests.
///
/// # Errors
///
/// [`DriveError`]; unless it says otherwise nothing was run and nothing was written.
pub fn exec(exec: Exec, mut around: Surroundings<'_>) -> Result<Closed, DriveError> {
    let redactor = redactor(&exec.secrets)?;
    let snapshot = Arc::new(exec.snapshot);
    let graph = Arc::new(Graph::of_snapshot(Arc::clone(&snapshot)));
    let engine = Arc::new(Engine::new());
    let root = PathBuf::from(&snapshot.root);
    let at = clock::now();
    let mut player = snapshot.tape.as_deref().map(|tape| Player::new(tape, exec.faults.clone(), at));
    let pool = pool_unless(player.is_some())?;
    let facts = RunFacts { id: String::new(), started_at: at.to_string(), operator: exec.by.name.clone() };
    let judge = Judge::new(Arc::clone(&engine), Arc::clone(&snapshot), Arc::clone(&graph), facts.clone());
    let target = match (&mut player, &pool) {
        (None, Some(pool)) => {
            let recorder = around.recorder.as_mut();
            target::ask(&judge, pool, &root, &exec.secrets, &redactor, recorder, || Ok(()))?
        }
        (Some(player), _) => player.target(&judge)?,
        (None, None) => Vec::new(),
    };
    let target: BTreeMap<String, String> = target.into_iter().collect();
    target::as_planned(&exec.planned_target, &target)?;
    let mut locks = judge.locks().map_err(DriveError::Settings)?;
    if player.is_some() {
        // They are for what a run changes, and a rehearsal changes nothing: it waits for none and keeps none from others.
        locks.clear();
    }
    // That of the runbook itself has a place of its own, which earlier versions know.
    let lock = (snapshot.runbook.lock.is_some() && !locks.is_empty()).then(|| locks.remove(0));
    let reason = exec.reason.as_deref().map(|reason| said::text(&redactor, reason));
    let frozen = Frozen::of(&snapshot)?;
    let opened = Opened {
        version: if player.is_some() { REHEARSAL_VERSION } else { EVENT_VERSION },
        program: env!("CARGO_PKG_VERSION").to_owned(),
        runbook: snapshot.runbook.name.clone(),
        snapshot: frozen.hash().to_owned(),
        by: exec.by.clone(),
        reason: reason.clone(),
        target,
        lock: lock.clone(),
        locks,
        consent: exec.consent,
        plan: exec.plan.map(Box::new),
        trace_parent: exec.trace_parent,
        rehearsal: snapshot
            .tape
            .as_deref()
            .map(|tape| (tape.path.clone(), exec.faults.words()))
            .map(|(tape, faults)| Box::new(Rehearsal { tape, faults, to_strike: exec.faults })),
        options: exec.options,
    };
    let holder = host::holder(&exec.by);
    let (writer, records) = around.store.create_run(NewRun {
        runbook: &snapshot.runbook.name,
        title: &snapshot.runbook.title,
        snapshot: &frozen,
        holder: &holder,
        at,
        lock: lock.as_deref().map(|name| Want { name, reason: reason.as_deref() }),
        events: vec![Event::Opened(opened)],
    })?;
    if let Some(recorder) = &mut around.recorder {
        recorder.keep(&snapshot);
    }
    let mut state = State::new(&graph);
    let run = writer.run().clone();
    let illegal = |source| DriveError::Illegal { run: run.to_string(), source };
    for record in &records {
        state.apply(&graph, &record.event).map_err(illegal)?;
    }
    let facts = RunFacts { id: run.to_string(), ..facts };
    let judge = Judge::new(engine, snapshot, Arc::clone(&graph), facts);
    let machine = Machine::new(Arc::clone(&graph), state);
    let launcher = Launcher { root, secrets: exec.secrets, redactor, outputs: around.store.outputs(), run };
    for record in &records {
        let (state, graph) = (machine.state(), machine.graph());
        let run = launcher.run.as_str();
        around.reporter.event(&crate::report::Seen {
            run,
            seq: record.seq,
            at: record.at,
            event: &record.event,
            state,
            graph,
        });
    }
    tracing::info!(run = launcher.run.as_str(), "a run is opened");
    let going = Going { machine, judge, writer, launcher, by: exec.by, news: records, player };
    going.go(pool.as_ref(), around, vec![Input::Begin])
}

/// Takes a run up again and drives it until it rests.
///
/// # Errors
///
/// [`DriveError`]; unless it says otherwise nothing was run and nothing was written.
pub fn resume(resume: Resume, mut around: Surroundings<'_>) -> Result<Closed, DriveError> {
    let Resume { run, by, reason, decisions, secrets, outliving, takeover, renewal } = resume;
    let named = decisions.keys().cloned().collect();
    let wish = Wish { what: "resume", named, outliving, takeover, renewal };
    let player = Player::of(around.store, &run)?;
    let pool = pool_unless(player.is_some())?;
    let mut going = take_up(&run, &by, secrets, (pool.as_ref(), player), &mut around, wish)?;
    spoil(&mut going.player, &around);
    let input = Input::Resume { by, reason, decisions };
    going.go(pool.as_ref(), around, vec![input])
}

/// Rolls a run back and drives it until it rests.
///
/// # Errors
///
/// [`DriveError`]; unless it says otherwise nothing was run and nothing was written.
pub fn rollback(rollback: Rollback, mut around: Surroundings<'_>) -> Result<Closed, DriveError> {
    let Rollback { run, by, to, secrets, outliving } = rollback;
    let wish = Wish {
        what: "roll back",
        named: to.iter().cloned().collect(),
        outliving,
        takeover: None,
        renewal: None,
    };
    let player = Player::of(around.store, &run)?;
    let pool = pool_unless(player.is_some())?;
    let mut going = take_up(&run, &by, secrets, (pool.as_ref(), player), &mut around, wish)?;
    spoil(&mut going.player, &around);
    let input = Input::Rollback { by, to };
    going.go(pool.as_ref(), around, vec![input])
}

/// Insists that a stored run can be resumed, and that what a person decided of its steps can be done: told before
/// anything is asked or written. [`resume`] insists again once the run is its own.
///
/// # Errors
///
/// Why it can't; a journal that does not fit its snapshot.
pub fn resumable<'a>(
    stored: &Stored,
    named: impl Iterator<Item = &'a String> + Clone,
) -> Result<(), DriveError> {
    let (machine, _) = fold(stored)?;
    let (run, state) = (&stored.run.id, machine.state());
    if !state.is_unfinished() {
        return Err(DriveError::Over { run: run.to_string(), status: state.status, what: "resume" });
    }
    known_steps(run, &machine, named.clone())?;
    settles(state, machine.graph(), named).map_err(DriveError::NotOpen)
}

/// What a test lets go wrong goes on going wrong.
fn spoil(player: &mut Option<Player>, around: &Surroundings<'_>) {
    if let (Some(player), Some(script)) = (player, &around.script) {
        player.spoil(script.faults.clone());
    }
}

struct Going {
    machine: Machine,
    judge: Judge,
    writer: Writer,
    launcher: Launcher,
    by: Person,
    /// What was just committed and is worth telling.
    news: Vec<Record>,
    player: Option<Player>,
}

/// Returns who starts processes: nobody in a rehearsal.
fn pool_unless(rehearses: bool) -> Result<Option<Pool>, DriveError> {
    Ok((!rehearses).then(|| Pool::new(SPAWNERS)).transpose()?)
}

impl Going {
    fn go(
        self,
        pool: Option<&Pool>,
        around: Surroundings<'_>,
        first: Vec<Input>,
    ) -> Result<Closed, DriveError> {
        let Surroundings { reporter, people, approvals, wait, program, recorder, script, .. } = around;
        let Going { mut machine, judge, writer, launcher, by, news, player } = self;
        if people.is_some() {
            machine.attend();
        }
        let people = people.map(|people| Arc::new(Mutex::new(people)));
        let began = player.as_ref().map_or_else(clock::instant, Player::now);
        let mut driven = Loop {
            machine,
            judge,
            writer,
            pool,
            player,
            script,
            recorder,
            launcher,
            reporter,
            people,
            approvals,
            by,
            wait,
            began,
            program,
            news,
        };
        let driven_to = driven.drive(first);
        let Loop { machine, writer, player, script, .. } = driven;
        if let (Some(player), Some(script)) = (player, script) {
            script.unstruck = player.unstruck().into_iter().map(|(_, fault)| fault).collect();
        }
        if matches!(driven_to, Err(DriveError::Died)) {
            return Err(give_back(writer, DriveError::Died));
        }
        let (status, interrupt) = driven_to?;
        let run = writer.run().clone();
        tracing::info!(run = run.as_str(), status = status.word(), "it rests, and the lease is given back");
        // The run rests, and that is recorded; a lease that can't be given back is seen to be dead by its process.
        if let Err(error) = writer.release(clock::now()) {
            tracing::warn!(%error, "the lease was not given back");
        }
        let graph = Arc::clone(machine.graph());
        Ok(Closed { run, status, interrupt, state: machine.state().clone(), graph })
    }
}

fn redactor(secrets: &Secrets) -> Result<Redactor, DriveError> {
    Ok(Redactor::new(secrets.named().map(|(name, value)| (name.to_owned(), value.to_owned())))?)
}

/// Folds a stored run.
pub(super) fn fold(stored: &Stored) -> Result<(Machine, Judge), DriveError> {
    let snapshot = Arc::clone(&stored.snapshot);
    let graph = Arc::new(Graph::of_snapshot(Arc::clone(&snapshot)));
    let mut state = State::new(&graph);
    for record in &stored.records {
        state
            .apply(&graph, &record.event)
            .map_err(|source| DriveError::Illegal { run: stored.run.id.to_string(), source })?;
    }
    let judge = Judge::new(
        Arc::new(Engine::new()),
        snapshot,
        Arc::clone(&graph),
        facts(stored, state.opened.as_ref()),
    );
    Ok((Machine::new(graph, state), judge))
}

fn facts(stored: &Stored, opened: Option<&Opened>) -> RunFacts {
    let operator = opened.map(|opened| opened.by.name.clone()).unwrap_or_default();
    RunFacts { id: stored.run.id.to_string(), started_at: stored.run.created.to_string(), operator }
}

/// Returns the evaluator of a snapshot that a stored run may go on with.
fn judge_of(snapshot: Arc<Snapshot>, stored: &Stored, opened: &Opened) -> Judge {
    let graph = Arc::new(Graph::of_snapshot(Arc::clone(&snapshot)));
    Judge::new(Arc::new(Engine::new()), snapshot, graph, facts(stored, Some(opened)))
}

/// How a run is to be taken up.
struct Wish {
    /// `resume`, `roll back`.
    what: &'static str,
    /// The steps that were named.
    named: BTreeSet<String>,
    outliving: Outliving,
    takeover: Option<String>,
    renewal: Option<Renewal>,
}

fn take_up(
    run: &RunId,
    by: &Person,
    secrets: Secrets,
    (pool, player): (Option<&Pool>, Option<Player>),
    around: &mut Surroundings<'_>,
    mut wish: Wish,
) -> Result<Going, DriveError> {
    let player = RefCell::new(player);
    let recorder = RefCell::new(None);
    let redactor = redactor(&secrets)?;
    let store = around.store;
    let what = wish.what;
    // Before anything is taken: of an altered run the last event may not even be the one last written.
    store.verify_chain(run)?;
    // The lease first, and only then the events: nobody adds to them once it is ours.
    let claim = Claim { holder: host::holder(by), at: clock::now(), takeover: wish.takeover.is_some() };
    let root_of = |stored: &Stored| PathBuf::from(&stored.snapshot.root);
    type Beat<'b> = &'b mut dyn FnMut() -> Result<(), DriveError>;
    let aimed =
        |stored: &Stored, judge: &Judge, opened: &Opened, renewal: Option<&Renewal>, beat: Beat<'_>| {
            let ask = |judge: &Judge, beat: Beat<'_>| match (pool, player.borrow_mut().as_mut()) {
                (_, Some(player)) => player.target(judge),
                (Some(pool), None) => {
                    let (root, mut recorder) = (root_of(stored), recorder.borrow_mut());
                    target::ask(judge, pool, &root, &secrets, &redactor, recorder.as_mut(), beat)
                }
                (None, None) => Ok(Vec::new()),
            };
            let now = ask(judge, &mut *beat)?;
            target::same(run.as_str(), &opened.target, &now, target::SWITCH_BACK)?;
            let Some(renewal) = renewal else { return Ok(()) };
            let renewed = judge_of(Arc::new(renewal.snapshot.clone()), stored, opened);
            target::same_anew((run.as_str(), &opened.target), judge, &renewed, |judge| ask(judge, beat))
        };
    // An engine that changes the right place is not fenced off by one that would change another.
    if claim.takeover {
        let stored = store.load(run)?;
        if let Some(player) = player.borrow_mut().as_mut() {
            player.wind(&stored);
        }
        let (machine, judge) = fold(&stored)?;
        if let (true, Some(opened)) = (machine.state().is_unfinished(), &machine.state().opened) {
            aimed(&stored, &judge, opened, wish.renewal.as_ref(), &mut || Ok(()))?;
        }
    }
    let mut ended = None;
    let mut writer = match store.acquire(run, &claim, host::life) {
        // Suspended in the middle of a commit, an engine keeps everybody from writing.
        Err(busy @ JournalError::Busy { .. }) if claim.takeover => {
            ended = outlived::end_suspended(store, run, &mut *around.reporter)?;
            if ended.is_none() {
                return Err(busy.into());
            }
            store.acquire(run, &claim, host::life)?
        }
        other => other?,
    };
    tracing::info!(run = run.as_str(), what, "the lease is ours");
    let taken = (|| {
        let stored = store.load(run)?;
        let (mut machine, mut judge) = fold(&stored)?;
        let status = machine.state().status;
        let over = match what {
            "resume" => !machine.state().is_unfinished(),
            // A rollback down to a step leaves what was begun before it, which may be undone too.
            _ => {
                let state = machine.state();
                let left = undo_order(state, machine.graph(), None);
                status == RunStatus::RolledBack && left.is_empty()
            }
        };
        if over {
            return Err(DriveError::Over { run: run.to_string(), status, what });
        }
        for record in &stored.records {
            let (epoch, seq, at, event) = (record.epoch, record.seq, record.at, &record.event);
            around.reporter.past(&Earlier { epoch, seq, at, event });
        }
        // Now that nobody else adds to them.
        if let Some(player) = player.borrow_mut().as_mut() {
            player.wind(&stored);
        }
        let seen = writer.seq();
        let old = writer.fenced_off().map(|lease| lease.holder.clone()).or_else(|| ended.take());
        let mut noted = Vec::new();
        if let (Some(old), Some(reason)) = (&old, wish.takeover.take()) {
            let (from, engine) = (old.person.clone(), old.process.clone());
            let input = said::masked(&redactor, Input::TakenOver { by: by.clone(), from, engine, reason });
            // Before anything is asked or refused: the old engine is fenced off whatever comes of that, and whoever takes
            // the run up next has to know of it.
            noted = take_note(input, &mut machine, &judge, &mut writer)?;
        }
        known_steps(run, &machine, wish.named.iter())?;
        if what == "resume" {
            settles(machine.state(), machine.graph(), wish.named.iter()).map_err(DriveError::NotOpen)?;
        }
        let root = root_of(&stored);
        // Not before: what it says is on the tape once.
        *recorder.borrow_mut() = around.recorder.take();
        if let Some(opened) = &machine.state().opened {
            // Seen from another machine a run without a heartbeat is anybody's.
            let mut beat = || match writer.heartbeat(clock::now()) {
                Err(fenced @ JournalError::Fenced(_)) => Err(fenced.into()),
                Err(error) => {
                    tracing::warn!(%error, "heartbeat");
                    Ok(())
                }
                Ok(()) => Ok(()),
            };
            aimed(&stored, &judge, opened, wish.renewal.as_ref(), &mut beat)?;
        }
        // Not before: an engine in the background leaves its terminal at the first event, and what is refused is told there.
        for record in &noted {
            let (state, graph) = (machine.state(), machine.graph());
            let (seq, at, event) = (record.seq, record.at, &record.event);
            let run = run.as_str();
            around.reporter.event(&crate::report::Seen { run, seq, at, event, state, graph });
        }
        // Before anything else is recorded: it was merged for the events that there are now.
        if let Some(renewal) = wish.renewal.take() {
            (machine, judge) = renewal::renew(renewal, by, seen, &mut writer, store, &mut *around.reporter)?;
        }
        let settling = Settling {
            run,
            machine: &mut machine,
            judge: &judge,
            store,
            writer: &mut writer,
            reporter: &mut *around.reporter,
            people: &mut around.people,
            by,
            program: &around.program,
            what,
            says: wish.outliving,
            // To roll back to a step says nothing of what became of it.
            decided: if what == "resume" { &wish.named } else { &BTreeSet::new() },
            old: outlived::engines_before(&stored.records, old.as_ref()),
        };
        // A rehearsal starts nothing that could outlive it.
        if pool.is_some() {
            settling.settle(&stored.records)?;
        }
        Ok((machine, judge, root))
    })();
    match taken {
        Ok((machine, judge, root)) => {
            around.recorder = recorder.into_inner();
            if let Some(recorder) = &mut around.recorder {
                recorder.keep(&Arc::new(judge.snapshot().clone()));
            }
            let launcher = Launcher { root, secrets, redactor, outputs: store.outputs(), run: run.clone() };
            let (by, news, player) = (by.clone(), Vec::new(), player.into_inner());
            Ok(Going { machine, judge, writer, launcher, by, news, player })
        }
        // It is somebody else's by now.
        Err(error @ DriveError::Journal(JournalError::Fenced(_))) => Err(error),
        Err(error) => Err(give_back(writer, error)),
    }
}

/// Commits what the input comes to, and returns it.
fn take_note(
    input: Input,
    machine: &mut Machine,
    judge: &Judge,
    writer: &mut Writer,
) -> Result<Vec<Record>, DriveError> {
    let illegal = |source| DriveError::Illegal { run: writer.run().to_string(), source };
    let turn = machine.decide(judge, input).map_err(illegal)?;
    Ok(writer.append(clock::now(), turn.events)?)
}

/// Gives the lease back and returns why: whoever comes next must not find the run held by somebody who did nothing with
/// it.
fn give_back(writer: Writer, error: DriveError) -> DriveError {
    if let Err(error) = writer.release(clock::now()) {
        tracing::warn!(%error, "the lease was not given back");
    }
    error
}

/// Refuses a step that the run does not have, before anything is done with the others.
fn known_steps<'a>(
    run: &RunId,
    machine: &Machine,
    steps: impl Iterator<Item = &'a String>,
) -> Result<(), DriveError> {
    let state = machine.state();
    for step in steps {
        if state.find(step).is_none() && state.node(step).is_none() {
            let instances = state.instances().map(|(at, _)| state.name(machine.graph(), at));
            let near = state
                .ids()
                .map(str::to_owned)
                .chain(instances)
                .max_by_key(|name| (strsim::jaro(name, step) * 1000.0) as u32);
            return Err(DriveError::NoStep { run: run.to_string(), step: step.clone(), near });
        }
    }
    Ok(())
}
