//! Commands that outlived their engine: found before a run is taken up, and waited for or stopped, never doubled.
//!
//! Nobody but its parent is told how a process ended. So whatever becomes of such a command, its step is in doubt
//! afterwards and goes by its `on_interrupt`. While this waits nothing of the run starts, the lease is ours and is kept
//! alive, and whoever presses Ctrl-C leaves everything as it was.
//!
//! After a takeover the engine that was fenced off may be between a commit and the start of a command. It leaves by itself
//! when it notices, and reads its children's output until they ended; one that does not (it is suspended, or hangs) is
//! killed before anything else starts. Rejected: to trust its word alone, since it could not give it while suspended.
//!
//! Ctrl-Z suspends an engine with its commands, which would never end. So whoever waits for them lets the engine go on
//! first: it finds that it was fenced off, lets its commands go on too, and reads what they print. Rejected: to kill it
//! at once, since the system sends SIGHUP to the suspended groups that it leaves behind.

use serde::{Deserialize, Serialize};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use crate::exec::{self, Identity, Liveness};
use crate::journal::{Ask, HEARTBEAT, Holder, JournalError, Life, Record, RunId, Store, Writer};
use crate::machine::{Evaluate as _, Event, Input, Judge, Leaf, Machine, Person, Process};
use crate::model::{OnInterrupt, format_duration};
use crate::report::{Reporter, Seen};

use super::clock;
use super::error::DriveError;
use super::host;
use super::launch::marks;
use super::looping::Interrupt;
use super::people::{Outliver, People, Recall};

/// How often the processes are looked at: nobody tells us of their end.
const LOOK: Duration = Duration::from_millis(200);

/// How often a person is told that nothing is wrong.
const REMIND: Duration = Duration::from_secs(60);

/// How long a killed process may take to vanish.
const VANISH: Duration = Duration::from_secs(5);

/// What a command has between SIGTERM and SIGKILL that can't be told any more.
const GRACE: Duration = Duration::from_secs(10);

/// How long an engine that was fenced off has to notice and to leave: it looks every half second, and every five at
/// the latest.
const PARTING: Duration = Duration::from_secs(10);

/// The same for one that is suspended: it can't notice anything until somebody wakes it.
const SUSPENDED: Duration = Duration::from_secs(1);

/// What is to be done about commands that outlived their engine.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Outliving {
    /// They are stopped first; otherwise they are waited for.
    pub stop: bool,
    /// Those on another machine, which can't be looked at, are taken as ended.
    pub assume_ended: bool,
}

/// What is needed to settle the commands of a run that is about to be taken up.
pub(super) struct Settling<'a> {
    pub run: &'a RunId,
    pub machine: &'a mut Machine,
    pub judge: &'a Judge,
    pub store: &'a Store,
    pub writer: &'a mut Writer,
    pub reporter: &'a mut dyn Reporter,
    pub people: &'a mut Option<Box<dyn People>>,
    pub by: &'a Person,
    pub program: &'a str,
    /// What was wanted: `resume`, `roll back`.
    pub what: &'static str,
    pub says: Outliving,
    /// The steps that the person has settled by hand.
    pub decided: &'a BTreeSet<String>,
    /// The engines that were fenced off, now or before.
    pub old: Vec<Process>,
}

/// A command with an intent and no outcome.
struct Open {
    leaf: Leaf,
    recorded: Option<Identity>,
    command: String,
    began: Option<Timestamp>,
    timeout: Option<Duration>,
    grace: Duration,
    then: &'static str,
}

/// What is found of one of them.
struct Found {
    open: usize,
    processes: Vec<Identity>,
}

impl Found {
    /// Returns the numbers that tell people what to look at: the command's own, when it is there, stands for what it
    /// started.
    fn numbers(&self, open: &Open) -> Vec<u32> {
        match &open.recorded {
            Some(leader) if self.processes.contains(leader) => vec![leader.pid],
            _ => self.processes.iter().map(|process| process.pid).collect(),
        }
    }
}

/// Where the waiting stands.
enum Stand {
    Asking(JoinHandle<(Box<dyn People>, Option<Outliver>)>, Option<Arc<Recall>>),
    Waiting,
    Stopping { kill_at: Instant, refused: Option<String> },
}

impl Settling<'_> {
    /// Returns once nothing of the run is at work.
    ///
    /// # Errors
    ///
    /// When somebody pressed Ctrl-C, when a command is on another machine or can't be stopped, and when its time is up.
    pub(super) fn settle(mut self, records: &[Record]) -> Result<(), DriveError> {
        let open = self.open(records)?;
        let found = self.look(&open);
        if found.is_empty() && self.old_engine().is_none() {
            return Ok(());
        }
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(DriveError::Pool)?;
        let settled = runtime.block_on(self.wait(&open, found));
        if settled.is_err() {
            // The last lines are whoever's that shows the error.
            self.reporter.suspend();
        }
        settled
    }

    /// Returns the commands that may be at work.
    fn open(&self, records: &[Record]) -> Result<Vec<Open>, DriveError> {
        let (state, graph) = (self.machine.state(), self.machine.graph());
        let began = begun(records);
        let mut all = Vec::new();
        for (at, stage, attempt) in state.open() {
            let instance = state.at(at);
            let (step, id) = (state.name(graph, at), &graph.step(at.node).id);
            let leaf = Leaf { step, stage, attempt };
            let (began, driver) = began.get(&leaf).cloned().unzip();
            let host = instance.process.as_ref().map(|process| process.host.clone()).or(driver);
            let settled = self.decided.contains(&leaf.step) || self.decided.contains(id);
            if let Some(host) = host.filter(|host| *host != host::hostname())
                && !self.says.assume_ended
                && !settled
            {
                let pid = instance.process.as_ref().map(|process| process.pid);
                let (again, command) = (self.again(" --assume-ended"), one_line(&instance.command));
                return Err(DriveError::Elsewhere { again, step: leaf.step, host, pid, command });
            }
            let recorded = instance.process.as_ref().filter(|process| host::life(process) != Life::Elsewhere);
            // A command that can't be told any more has no time that could be up.
            let prepared = self.judge.prepare(state, at, stage);
            let (timeout, grace) = prepared.map_or((None, GRACE), |command| (command.timeout, command.grace));
            let then = match graph.step(at.node).on_interrupt() {
                _ if self.what != "resume" => "it is undone",
                _ if settled => "it goes by what you decided",
                OnInterrupt::Rerun => "it is run again",
                OnInterrupt::Verify => "its `verify` gate is asked",
                OnInterrupt::Ask if graph.is_finally(at.node) => "it counts as failed",
                OnInterrupt::Ask => "you are asked what became of it",
            };
            let (recorded, command) = (recorded.map(host::identity), instance.command.clone());
            all.push(Open { leaf, recorded, command, began, timeout, grace, then });
        }
        Ok(all)
    }

    /// Returns what is at work now.
    fn look(&self, open: &[Open]) -> Vec<Found> {
        let recorded =
            |one: &Open| one.recorded.clone().filter(|identity| exec::alive(identity) == Liveness::Running);
        // The engine may have died before it could record the process, and the command may have left others behind:
        // all of them have the step in their environment. One walk says whether there is any.
        let any = !open.is_empty() && !exec::find_by_env(&[("RUNBOOK_RUN", self.run.as_str())]).is_empty();
        let mut all = Vec::new();
        for (number, one) in open.iter().enumerate() {
            let mut processes: Vec<Identity> = recorded(one).into_iter().collect();
            if any {
                let marks = marks(self.run, &one.leaf);
                let marks = marks.each_ref().map(|(name, value)| (*name, value.as_str()));
                let known = processes.first().map(|one| one.pid);
                processes
                    .extend(exec::find_by_env(&marks).into_iter().filter(|other| Some(other.pid) != known));
            }
            if !processes.is_empty() {
                all.push(Found { open: number, processes });
            }
        }
        all
    }

    /// Returns an engine that was fenced off and is still there.
    fn old_engine(&self) -> Option<Identity> {
        self.old.iter().find(|process| host::life(process) == Life::Alive).map(host::identity)
    }

    async fn wait(&mut self, open: &[Open], mut found: Vec<Found>) -> Result<(), DriveError> {
        let listen = |kind| signal(kind).map_err(DriveError::Pool);
        let (mut int, mut term, mut hup) = (
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        );
        let (mut look, mut beat) = (interval(LOOK), interval(HEARTBEAT));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut met: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        let mut told = false;
        let mut woken = Vec::new();
        let mut stopped = BTreeSet::new();
        let mut signalled = None;
        let before = self.last_request();
        let mut stand = Stand::Waiting;
        let mut remind = clock::instant() + REMIND;
        let mut quiet_since = clock::instant();
        loop {
            for one in &found {
                met.entry(one.open).or_insert_with(|| one.numbers(&open[one.open]));
            }
            let old = self.old_engine();
            if found.is_empty() && old.is_none() && !matches!(stand, Stand::Asking(..)) {
                // What the old engine started in its last moment is there by now.
                found = self.look(open);
                if found.is_empty() {
                    break;
                }
                continue;
            }
            let now = clock::instant();
            if !found.is_empty() {
                quiet_since = now;
                if !told {
                    told = true;
                    self.introduce(open, &found, old.is_some());
                    stand = self.first_stand(open, &found, &mut stopped)?;
                }
            } else if let Some(engine) = &old {
                if !told {
                    told = true;
                    let text = "waiting until the engine that was taken over has left";
                    self.reporter.aside(text);
                }
                let patience = if exec::is_suspended(engine) { SUSPENDED } else { PARTING };
                if now.saturating_duration_since(quiet_since) > patience {
                    self.end_engine(engine)?;
                    quiet_since = now;
                }
            }
            stand = match stand {
                Stand::Asking(thread, _) if thread.is_finished() => {
                    self.reporter.unsuspend();
                    let choice = match thread.join() {
                        Ok((people, choice)) => {
                            *self.people = Some(people);
                            choice
                        }
                        Err(_) => None,
                    };
                    match choice {
                        Some(Outliver::Leave) => return Err(self.left(open, &found, Interrupt::Int)),
                        Some(Outliver::Stop) => self.stop(open, &found, &mut stopped)?,
                        Some(Outliver::Wait) | None => {
                            if !found.is_empty() {
                                self.say_waiting(open, &found);
                            }
                            Stand::Waiting
                        }
                    }
                }
                Stand::Waiting => {
                    self.check_time(open, &found)?;
                    self.wake(open, &found, old.as_ref(), &mut woken);
                    if remind <= now {
                        remind = now + REMIND;
                        self.remind(open, &found);
                    }
                    Stand::Waiting
                }
                Stand::Stopping { kill_at, refused } => self.press(open, &found, kill_at, refused)?,
                Stand::Asking(thread, recall) => {
                    if let (true, Some(recall)) = (found.is_empty(), &recall) {
                        recall.over("it has ended by itself");
                    }
                    Stand::Asking(thread, recall)
                }
            };
            tokio::select! {
                _ = look.tick() => {
                    found = self.look(open);
                    if self.is_cancelled(before)? {
                        signalled = Some(Interrupt::Int);
                    }
                    if !matches!(stand, Stand::Asking(..)) {
                        self.reporter.tick(clock::now());
                    }
                }
                _ = beat.tick() => match self.writer.heartbeat(clock::now()) {
                    Ok(()) => {}
                    // Somebody else has it now, and settles these.
                    Err(error) if matches!(error, JournalError::Fenced(_)) => return Err(error.into()),
                    Err(error) => tracing::warn!(%error, "heartbeat"),
                },
                _ = int.recv() => signalled = Some(Interrupt::Int),
                _ = term.recv() => signalled = Some(Interrupt::Term),
                _ = hup.recv() => signalled = Some(Interrupt::Hup),
            }
            if let Some(interrupt) = signalled {
                if matches!(stand, Stand::Asking(..)) {
                    // The cursor stands behind a question, and a `^C`.
                    self.reporter.unsuspend();
                    self.reporter.aside("");
                }
                return Err(self.left(open, &found, interrupt));
            }
        }
        for (number, processes) in met {
            if !stopped.contains(&number) {
                self.record(&open[number], processes, false)?;
            }
        }
        Ok(())
    }

    fn first_stand(
        &mut self,
        open: &[Open],
        found: &[Found],
        stopped: &mut BTreeSet<usize>,
    ) -> Result<Stand, DriveError> {
        if self.says.stop {
            return self.stop(open, found, stopped);
        }
        self.check_time(open, found)?;
        let Some(mut people) = self.people.take() else {
            self.say_waiting(open, found);
            return Ok(Stand::Waiting);
        };
        self.reporter.suspend();
        let many = found.len() > 1;
        // Without one the question stands until it is answered, though nobody needs the answer any more.
        let recall = Recall::new().ok().map(Arc::new);
        if let Some(recall) = &recall {
            people.until(recall);
        }
        let asking = std::thread::spawn(move || {
            let choice = people.outlived(many);
            (people, choice)
        });
        Ok(Stand::Asking(asking, recall))
    }

    /// Begins to stop them. Who said so is durable before the first signal.
    fn stop(
        &mut self,
        open: &[Open],
        found: &[Found],
        stopped: &mut BTreeSet<usize>,
    ) -> Result<Stand, DriveError> {
        let mut grace = Duration::ZERO;
        for one in found {
            self.record(&open[one.open], one.numbers(&open[one.open]), true)?;
            stopped.insert(one.open);
            grace = grace.max(open[one.open].grace);
        }
        let kill_at = clock::instant().checked_add(grace).unwrap_or_else(clock::instant);
        self.press(open, found, kill_at, None)
    }

    /// Sends SIGTERM until the grace is over and SIGKILL from then on; also to what has come since.
    fn press(
        &mut self,
        open: &[Open],
        found: &[Found],
        kill_at: Instant,
        mut refused: Option<String>,
    ) -> Result<Stand, DriveError> {
        let now = clock::instant();
        for process in found.iter().flat_map(|one| &one.processes) {
            if let Err(error) = exec::end_stranger(process, now >= kill_at) {
                refused = Some(error.to_string());
            }
        }
        if let Some(one) = found.first()
            && now.saturating_duration_since(kill_at) > VANISH
        {
            let why = refused.unwrap_or_else(|| "SIGKILL did not end it".to_owned());
            return Err(self.still_running(&open[one.open], one, format!("it could not be stopped ({why})")));
        }
        Ok(Stand::Stopping { kill_at, refused })
    }

    /// Lets go on what was suspended, each once: it would be waited for in vain. What is suspended again after that,
    /// somebody keeps so.
    fn wake(&mut self, open: &[Open], found: &[Found], old: Option<&Identity>, woken: &mut Vec<Identity>) {
        if found.is_empty() {
            return;
        }
        // The engine before its commands: it lets them go on itself, and what they print is read.
        if let Some(engine) = old.filter(|engine| exec::is_suspended(engine) && !woken.contains(engine)) {
            woken.push(engine.clone());
            let text = format!(
                "the engine that was taken over (process {}) was suspended: it goes on, to let its commands end",
                engine.pid
            );
            self.reporter.aside(&text);
            if let Err(error) = exec::wake_stranger(engine) {
                self.reporter.aside(&format!("process {} could not be made to go on: {error}", engine.pid));
            }
            return;
        }
        for one in found {
            for process in &one.processes {
                if !exec::is_suspended(process) || woken.contains(process) {
                    continue;
                }
                woken.push(process.clone());
                let step = &open[one.open].leaf.step;
                let text = match exec::wake_stranger(process) {
                    Ok(()) => format!("`{step}` was suspended: process {} goes on", process.pid),
                    Err(error) => format!(
                        "`{step}` is suspended, and process {} could not be made to go on: {error}",
                        process.pid
                    ),
                };
                self.reporter.aside(&text);
            }
        }
    }

    /// Ends an engine that does not leave by itself: as long as it is there it may start what it has committed to.
    fn end_engine(&mut self, engine: &Identity) -> Result<(), DriveError> {
        let text = format!(
            "the engine that was taken over (process {}) does not react: it is suspended or hangs; it is killed, so that \
             it can't start anything any more",
            engine.pid
        );
        self.reporter.aside(&text);
        exec::kill_stranger(engine).map_err(|source| DriveError::OldEngine {
            run: self.run.to_string(),
            pid: engine.pid,
            source,
        })
    }

    /// Returns the number of the last request in the inbox.
    fn last_request(&self) -> i64 {
        let requests = self.store.requests(self.run).unwrap_or_default();
        requests.last().map_or(0, |request| request.id)
    }

    /// Says whether somebody cancelled the run from another terminal since, and takes that out of the inbox: it is done
    /// by leaving. What else is in there waits for the run to be taken up.
    fn is_cancelled(&mut self, since: i64) -> Result<bool, DriveError> {
        let requests = match self.store.requests(self.run) {
            Ok(requests) => requests,
            Err(error) => {
                tracing::warn!(%error, "the inbox could not be read");
                return Ok(false);
            }
        };
        let cancels =
            requests.iter().filter(|request| request.id > since && matches!(request.ask, Ask::Cancel { .. }));
        let settled: Vec<i64> = cancels.map(|request| request.id).collect();
        self.writer.append_settling(clock::now(), Vec::new(), &settled)?;
        Ok(!settled.is_empty())
    }

    /// Refuses to wait longer than the step's own time.
    fn check_time(&self, open: &[Open], found: &[Found]) -> Result<(), DriveError> {
        for one in found {
            let step = &open[one.open];
            let (Some(timeout), Some(began)) = (step.timeout, step.began) else { continue };
            if ran(began) > timeout.saturating_add(step.grace) {
                let timeout = format_duration(timeout);
                let why = format!(
                    "it has run for {}, longer than its timeout of {timeout}",
                    format_duration(whole(ran(began)))
                );
                return Err(self.still_running(step, one, why));
            }
        }
        Ok(())
    }

    fn still_running(&self, open: &Open, found: &Found, why: String) -> DriveError {
        let pid = found.processes.first().map_or(0, |process| process.pid);
        let (step, command) = (open.leaf.step.clone(), one_line(&open.command));
        DriveError::StillRunning { step, pid, why, stop: self.again(" --stop-running"), command }
    }

    fn left(&self, open: &[Open], found: &[Found], interrupt: Interrupt) -> DriveError {
        let steps = found.iter().map(|one| format!("`{}`", open[one.open].leaf.step)).collect();
        DriveError::Left { run: self.run.to_string(), steps, again: self.again(""), interrupt }
    }

    /// Returns what to type to take the run up again.
    fn again(&self, flags: &str) -> String {
        let verb = if self.what == "resume" { "resume" } else { "rollback" };
        format!("{} {verb} {}{flags}", self.program, self.run)
    }

    fn introduce(&mut self, open: &[Open], found: &[Found], lives: bool) {
        for one in found {
            let step = &open[one.open];
            let pids: Vec<String> = one.numbers(step).iter().map(u32::to_string).collect();
            let since = step.began.map(|began| {
                let ran = format_duration(whole(ran(began)));
                format!(" since {} UTC, for {ran}", began.strftime("%H:%M:%S"))
            });
            let engine = match lives {
                true => "was taken over",
                // Who was fenced off, or took it over, may have left since without dying.
                false if !self.old.is_empty() => "is gone",
                false => "died",
            };
            let text = format!(
                "`{}` is still at work, though its engine {engine}: process {}{}",
                step.leaf.step,
                pids.join(", "),
                since.unwrap_or_default()
            );
            self.reporter.aside(&text);
            self.reporter.aside(&format!("    {}", one_line(&step.command)));
        }
    }

    fn say_waiting(&mut self, open: &[Open], found: &[Found]) {
        let Some(first) = found.first() else { return };
        let (it, then) = match found.len() {
            1 => ("it has", open[first.open].then.to_owned()),
            _ => ("they have", "each goes by its `on_interrupt`".to_owned()),
        };
        let text = format!("Waiting until {it} ended. How it ends can't be known here: then {then}.");
        self.reporter.aside(&text);
        self.reporter.aside("Ctrl-C leaves everything as it is. To stop it first:");
        self.reporter.aside(&format!("    {}", self.again(" --stop-running")));
    }

    fn remind(&mut self, open: &[Open], found: &[Found]) {
        let names: Vec<String> = found.iter().map(|one| format!("`{}`", open[one.open].leaf.step)).collect();
        if !names.is_empty() {
            self.reporter.aside(&format!(
                "{} still waiting for {}",
                clock::now().strftime("%H:%M:%S"),
                names.join(", ")
            ));
        }
    }

    /// Records what was found and what is done about it, and shows that.
    fn record(&mut self, open: &Open, processes: Vec<u32>, stopped: bool) -> Result<(), DriveError> {
        let (leaf, by) = (open.leaf.clone(), self.by.clone());
        self.say(Input::Outlived { leaf, processes, stopped, by })
    }

    /// Commits what the input comes to, and shows it.
    pub(super) fn say(&mut self, input: Input) -> Result<(), DriveError> {
        let illegal = |source| DriveError::Illegal { run: self.run.to_string(), source };
        let turn = self.machine.decide(self.judge, input).map_err(illegal)?;
        for record in self.writer.append(clock::now(), turn.events)? {
            let (state, graph) = (self.machine.state(), self.machine.graph());
            let (seq, at, event) = (record.seq, record.at, &record.event);
            self.reporter.event(&Seen { run: self.run.as_str(), seq, at, event, state, graph });
        }
        Ok(())
    }
}

/// Returns the engines that were ever fenced off, `old` now. Not only that one: whoever took the run over from another may
/// have left, or been fenced off in turn, before that other was gone.
pub(super) fn engines_before(records: &[Record], old: Option<&Holder>) -> Vec<Process> {
    let before = records.iter().filter_map(|record| match &record.event {
        Event::TakenOver { engine, .. } => Some(engine.clone()),
        _ => None,
    });
    before.chain(old.map(|old| old.process.clone())).collect()
}

/// Kills the engine that drives the run when it is suspended on this machine, waits for that, and returns who it was.
///
/// # Errors
///
/// When it is another user's, and when the journal can't be read.
pub(super) fn end_suspended(
    store: &Store,
    run: &RunId,
    reporter: &mut dyn Reporter,
) -> Result<Option<Holder>, DriveError> {
    let Some(lease) = store.run(run)?.lease else { return Ok(None) };
    let process = &lease.holder.process;
    if host::life(process) != Life::Alive || !exec::is_suspended(&host::identity(process)) {
        return Ok(None);
    }
    let engine = host::identity(process);
    reporter.aside(&format!(
        "the engine that drives the run (process {}) is suspended and keeps the journal locked: it is killed",
        engine.pid
    ));
    let failed = |source| DriveError::OldEngine { run: run.to_string(), pid: engine.pid, source };
    exec::kill_stranger(&engine).map_err(failed)?;
    let began = clock::instant();
    while exec::alive(&engine) == Liveness::Running && began.elapsed() < VANISH {
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(Some(lease.holder))
}

/// Returns the processes of a command that are at work on this machine: itself, or else what carries its marks.
pub fn at_work(run: &RunId, leaf: &Leaf, process: Option<&Process>) -> Vec<u32> {
    if let Some(process) = process.filter(|process| host::life(process) == Life::Alive) {
        return vec![process.pid];
    }
    let marks = marks(run, leaf);
    let marks = marks.each_ref().map(|(name, value)| (*name, value.as_str()));
    exec::find_by_env(&marks).iter().map(|process| process.pid).collect()
}

/// Returns when each command was begun, and on which machine the engine ran that began it.
fn begun(records: &[Record]) -> BTreeMap<Leaf, (Timestamp, String)> {
    let mut host = String::new();
    let mut begun = BTreeMap::new();
    for record in records {
        match &record.event {
            Event::Opened(opened) => host.clone_from(&opened.by.host),
            Event::Resumed { by, .. } | Event::RollbackBegan { by: Some(by), .. } => {
                host.clone_from(&by.host);
            }
            Event::Intent { leaf, .. } => {
                begun.insert(leaf.clone(), (record.at, host.clone()));
            }
            _ => {}
        }
    }
    begun
}

/// Returns how long ago that was; nothing when the clock was set back since.
fn ran(began: Timestamp) -> Duration {
    Duration::try_from(clock::now().duration_since(began)).unwrap_or_default()
}

fn whole(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

fn one_line(command: &str) -> String {
    let mut lines = command.lines().map(str::trim).filter(|line| !line.is_empty());
    match (lines.next(), lines.count()) {
        (Some(first), 0) => first.to_owned(),
        (Some(first), more) => format!("{first} … ({} lines)", more + 1),
        (None, _) => String::new(),
    }
}
