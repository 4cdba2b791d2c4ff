//! The loop itself.

mod dying;
mod parting;
mod playing;
mod printed;
mod recording;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Interval, MissedTickBehavior};

use crate::crash_point::crash_point;
use crate::exec::{Ended, Handle, Notice, Pool};
use crate::journal::{HEARTBEAT, JournalError, Record, Want, Writer};
use crate::machine::{
    Act, Addr, End, Event, Input, Judge, Keeper, Leaf, LockAnswer, Machine, Outcome, Prepared, Progress,
    Question, RunStatus, To,
};
use crate::report::{EndInfo, Reporter, Seen};

use self::printed::Printed;
use super::clock;
use super::error::DriveError;
use super::hooks::Hooks;
use super::host;
use super::inbox;
use super::launch::{self, Launcher};
use super::people::{self, Asked, Choice, People, Reply};
use super::player::Player;
use super::prompts::Desk;
use super::recorder::{Recorder, Recording};
use super::said;
use super::script::Script;
use super::signals::{Came, Signals};
use super::timers::Timers;

/// How often the reporter may draw.
const TICK: Duration = Duration::from_millis(100);

/// How often the inbox is looked at.
const INBOX: Duration = Duration::from_millis(500);

/// What the other threads say to the loop.
pub(super) enum Message {
    Notice(Leaf, Notice),
    /// The hook of that number ended.
    Hook(u64, Box<Ended>),
    Reply(Box<Asked>, Option<Reply>),
    Chosen(Choice),
    /// What was chosen, and whether it would change what the run was started to change.
    Aimed(Choice, Result<(), String>),
}

/// Which signal ended the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// Ctrl-C.
    Int,
    /// SIGTERM.
    Term,
    /// Ctrl-\\, or SIGQUIT.
    Quit,
    /// The terminal was lost.
    Hup,
}

struct Flying {
    handle: Handle,
    printed: Arc<Mutex<Printed>>,
    sensitive: bool,
    /// As it will stand on the tape, when one is recorded.
    recording: Option<Box<Recording>>,
}

/// A run being driven.
pub(super) struct Loop<'a> {
    pub machine: Machine,
    pub judge: Judge,
    pub writer: Writer,
    /// Absent in a rehearsal, which starts no process.
    pub pool: Option<&'a Pool>,
    /// Who answers in a rehearsal.
    pub player: Option<Player>,
    /// What a test has in place of people and of chance.
    pub script: Option<&'a mut Script>,
    /// The tape that is recorded.
    pub recorder: Option<Recorder>,
    pub launcher: Launcher,
    pub reporter: &'a mut dyn Reporter,
    pub people: Option<Arc<Mutex<Box<dyn People>>>>,
    pub approvals: BTreeSet<String>,
    pub by: crate::machine::Person,
    pub wait: bool,
    pub began: Instant,
    pub program: String,
    /// What was committed before the loop began and is worth telling.
    pub news: Vec<Record>,
}

/// The loop's own belongings, which live no longer than it does.
pub(super) struct Life {
    pub(super) to_loop: UnboundedSender<Message>,
    pub(super) messages: UnboundedReceiver<Message>,
    flying: HashMap<Leaf, Flying>,
    /// The commands of a rehearsal whose output is not kept.
    quiet: BTreeSet<Leaf>,
    timers: Timers,
    pub(super) queue: Vec<Input>,
    pub(super) settled: Vec<i64>,
    pub(super) desk: Desk,
    pub(super) hooks: Hooks,
    /// What was answered a moment ago and may have to be asked again: the answer may not be taken, or not be enough.
    pub(super) answered: Vec<(Addr, Question, String)>,
    has_output: Arc<AtomicBool>,
    interrupt: Option<Interrupt>,
    /// Whether what runs is to be stopped, and not only nothing more begun.
    hard: bool,
    pub(super) rest: Option<RunStatus>,
    /// How long it took to come to rest: the hooks are not the run's work.
    took: Option<Duration>,
    /// What ended in the turn that is being recorded.
    unrecorded: Vec<String>,
    /// Set once somebody else drives the run.
    pub(super) taken: Option<JournalError>,
    /// Whether the last heartbeat failed.
    ailing: bool,
    /// What the journal refused while an act was performed.
    failed: Option<JournalError>,
}

/// What comes again and again, however busy the loop is.
pub(super) struct Beats {
    pub(super) tick: Interval,
    pub(super) inbox: Interval,
    pub(super) heartbeat: Interval,
}

impl Beats {
    fn new() -> Beats {
        let every = |period| {
            let mut beat = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            beat
        };
        Beats { tick: every(TICK), inbox: every(INBOX), heartbeat: every(HEARTBEAT) }
    }
}

impl Loop<'_> {
    /// Drives the run until it rests. `first` is what it begins with; `stored` says whether the first turn's events are
    /// already in the journal.
    pub(super) fn drive(&mut self, first: Vec<Input>) -> Result<(RunStatus, Option<Interrupt>), DriveError> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(DriveError::Pool)?;
        runtime.block_on(self.turn_around(first))
    }

    async fn turn_around(&mut self, first: Vec<Input>) -> Result<(RunStatus, Option<Interrupt>), DriveError> {
        let (to_loop, messages) = unbounded_channel();
        let mut life = Life {
            to_loop,
            messages,
            flying: HashMap::new(),
            quiet: BTreeSet::new(),
            timers: Timers::default(),
            queue: first,
            settled: Vec::new(),
            desk: Desk::default(),
            hooks: Hooks::of(&self.machine),
            answered: Vec::new(),
            has_output: Arc::default(),
            interrupt: None,
            hard: false,
            rest: None,
            took: None,
            unrecorded: Vec::new(),
            taken: None,
            ailing: false,
            failed: None,
        };
        let mut beats = Beats::new();
        let mut signals = Signals::listen().map_err(DriveError::Pool)?;
        if let Some(player) = &self.player {
            life.timers.pretend(player.now());
        }
        if self.player.is_some() && !self.judge.snapshot().runbook.hooks.is_empty() {
            self.reporter.aside("its hooks are not run: nobody is told of a rehearsal");
        }
        self.say_what_is_to_come(&life.queue);
        self.learn_all();
        let news = std::mem::take(&mut self.news);
        if !news.is_empty() {
            self.committed()?;
        }
        self.tell(&mut life, news);
        loop {
            if let Some(error) = life.taken.take() {
                return Err(self.left_to_another(&mut life, &mut signals, error).await);
            }
            if let Err(error) = self.turn(&mut life) {
                if let Some(status) = self.over_all_the_same(&life, &error) {
                    self.finish(&life);
                    return Ok((status, life.interrupt));
                }
                return Err(self.stopped(&mut life, &mut signals, error).await);
            }
            self.take_down(&mut life);
            if let Some(status) = life.rest
                && life.queue.is_empty()
            {
                self.clear_desk(&mut life).await;
                if !life.hooks.is_idle() {
                    self.see_off(&mut life, &mut signals, &mut beats).await;
                    // What went wrong with them is recorded first.
                    continue;
                }
                self.finish(&life);
                return Ok((status, life.interrupt));
            }
            if life.queue.is_empty() && life.taken.is_none() {
                self.gather(&mut life, &mut signals, &mut beats).await;
            }
        }
    }

    /// Answers everything that is in the queue, in one commit.
    fn turn(&mut self, life: &mut Life) -> Result<(), DriveError> {
        let mut events = Vec::new();
        let mut acts = Vec::new();
        let answered = std::mem::take(&mut life.answered);
        for input in std::mem::take(&mut life.queue) {
            let input = said::masked(&self.launcher.redactor, input);
            if let (Some(player), Input::Settle { .. }) = (&mut self.player, &input) {
                player.mend();
            }
            let turn = self
                .machine
                .decide(&self.judge, input)
                .map_err(|source| DriveError::Illegal { run: self.writer.run().to_string(), source })?;
            events.extend(turn.events);
            acts.extend(turn.acts);
        }
        let settled = std::mem::take(&mut life.settled);
        let mut news = Vec::new();
        if !events.is_empty() || !settled.is_empty() {
            life.unrecorded = events.iter().filter_map(ended).collect();
            crash_point("turn:decided");
            let began = tracing::enabled!(tracing::Level::DEBUG).then(clock::instant);
            let records = self.writer.append_settling(self.time(), events, &settled)?;
            life.unrecorded.clear();
            if let Some(began) = began {
                let ms = began.elapsed().as_millis();
                tracing::debug!(events = records.len(), seq = self.writer.seq(), ms, "committed");
            }
            crash_point("turn:committed");
            self.die_after();
            for record in &records {
                self.learn(&record.event);
                life.desk.hear(&record.event);
                self.show(record.seq, record.at, &record.event);
            }
            news = records;
            self.committed()?;
        }
        let offered = acts.iter().rev().find_map(|act| match act {
            Act::Offer { steps } => Some(steps.clone()),
            _ => None,
        });
        let asked: Vec<String> = acts
            .iter()
            .filter_map(|act| match act {
                Act::Ask { step, .. } => Some(step.clone()),
                _ => None,
            })
            .collect();
        for act in acts {
            crash_point("act:before");
            self.perform(life, act);
            crash_point("act:after");
            if self.is_dead() {
                break;
            }
        }
        if !news.is_empty() {
            self.performed()?;
        }
        for (at, question, prompt) in answered {
            let state = self.machine.state();
            let open = state.at(at).progress == Progress::Asking(question);
            if open && !asked.contains(&state.name(self.machine.graph(), at)) {
                self.ask_here(life, at, question, prompt, false);
            }
        }
        self.tell(life, news);
        if let Some(steps) = offered {
            self.tell_offer(life, steps);
        }
        life.failed.take().map_or(Ok(()), |error| Err(error.into()))
    }

    fn try_lock(&mut self, life: &mut Life, step: String, lock: String) {
        // It is for what a run changes, and a rehearsal changes nothing.
        if self.player.is_some() {
            return life.queue.push(Input::Lock { step, lock, answer: LockAnswer::Taken });
        }
        tracing::debug!(step, lock, "its lock is asked for");
        let reason = format!("for its step {step}");
        let want = Want { name: &lock, reason: Some(&reason) };
        let answer = match self.writer.try_lock(want, clock::now()) {
            Ok(()) => LockAnswer::Taken,
            Err(JournalError::LockHeld(held)) => match self.writer.waits_for_us(&held) {
                Ok(Some(ours)) => LockAnswer::Never(format!(
                    "it waits for the lock `{lock}`, which run {} has, and that run waits for the lock `{ours}` of this \
                     one: neither would ever end; roll one of them back",
                    held.run
                )),
                Ok(None) => LockAnswer::Held(Keeper {
                    run: Some(held.run.to_string()),
                    step: None,
                    by: Some(held.by.person.clone()),
                    since: Some(format!("{:.0}", held.since)),
                    reason: held.reason.clone(),
                }),
                Err(error) => return life.failed = Some(error),
            },
            Err(error) => return life.failed = Some(error),
        };
        life.queue.push(Input::Lock { step, lock, answer });
    }

    fn show(&mut self, seq: u64, at: jiff::Timestamp, event: &Event) {
        let run = self.writer.run().to_string();
        if let Event::Polled { leaf, verdict, .. } | Event::Judged { leaf, verdict, .. } = event {
            tracing::debug!(step = leaf.step, stage = leaf.stage.word(), ?verdict, "a gate answered");
        }
        tracing::trace!(seq, step = event.step(), "told");
        let (state, graph) = (self.machine.state(), self.machine.graph());
        self.reporter.event(&Seen { run: &run, seq, at, event, state, graph });
    }

    fn perform(&mut self, life: &mut Life, act: Act) {
        match act {
            Act::Spawn { leaf, command, poll } => self.spawn(life, leaf, &command, poll),
            Act::Timer { id, after } => life.timers.after(id, after),
            Act::TimerUntil { id, until } => match until.parse() {
                Ok(until) if self.player.is_some() => {
                    let until: jiff::Timestamp = until;
                    let after = until.duration_since(self.time());
                    life.timers.after(id, Duration::try_from(after).unwrap_or_default());
                }
                Ok(until) => life.timers.until(id, until),
                // `load` checks what it can; what only the run knew and is no time is a wait that is over.
                Err(_) => life.timers.after(id, Duration::ZERO),
            },
            Act::Ask { at, question, prompt, .. } => self.ask_here(life, at, question, prompt, true),
            Act::Lock { step, lock } => self.try_lock(life, step, lock),
            // Not there when it is over already: its end is on its way.
            Act::Stop { leaf } => {
                if let Some(flying) = life.flying.get(&leaf) {
                    flying.handle.stop();
                }
                if let Some(player) = &mut self.player {
                    player.stop(Some(&leaf));
                }
            }
            Act::Offer { steps } => self.offer(life, steps),
            Act::StopAll => {
                life.flying.values().for_each(|flying| flying.handle.stop());
                if let Some(player) = &mut self.player {
                    player.stop(None);
                }
            }
            Act::Rest(status) => {
                life.rest = Some(status);
                life.took = Some(self.worked());
            }
        }
    }

    fn spawn(&mut self, life: &mut Life, leaf: Leaf, command: &Prepared, poll: u32) {
        let Some(pool) = self.pool else { return self.play(life, leaf, command) };
        let (stage, attempt) = (leaf.stage.word(), leaf.attempt);
        tracing::debug!(step = leaf.step, stage, attempt, poll, "a command is begun");
        let spec = match self.launcher.spec(&leaf, command, poll) {
            Ok(spec) => spec,
            Err(why) => {
                let end = Some(crate::machine::End::NotStarted(why));
                let outcome = Box::new(Outcome { end, ..Outcome::default() });
                life.queue.push(Input::Ended { leaf, outcome });
                return;
            }
        };
        let printed = Arc::new(Mutex::new(Printed::default()));
        let to_loop = life.to_loop.clone();
        let (keep, told, flag) = (Arc::clone(&printed), leaf.clone(), Arc::clone(&life.has_output));
        let quiet = command.sensitive;
        let handle = pool.spawn(spec, move |notice| match notice {
            Notice::Chunk { stream, bytes } => {
                if !quiet {
                    lock(&keep).add(stream, &bytes);
                    flag.store(true, Ordering::Relaxed);
                }
            }
            // The loop outlives every command; when it is gone there is nobody left to tell.
            other => drop(to_loop.send(Message::Notice(told.clone(), other))),
        });
        let recording = self.recorder.is_some().then(|| Box::new(Recording::of_step(command, &leaf)));
        life.flying.insert(leaf, Flying { handle, printed, sensitive: quiet, recording });
    }

    /// Finds an answer: in the inbox, on the command line, at the terminal. `fresh` says whether it was not asked a moment
    /// ago.
    fn ask_here(&mut self, life: &mut Life, at: Addr, question: Question, prompt: String, fresh: bool) {
        let (state, graph) = (self.machine.state(), self.machine.graph());
        let step = state.name(graph, at);
        let asked = Asked::of(&self.machine, &self.judge, at, question, prompt.clone());
        let may = people::may(graph, state, &asked, at, &self.by).is_ok();
        let beforehand = self.approvals.contains(&step) || self.approvals.contains(&graph.step(at.node).id);
        // Somebody may have answered from another terminal while no engine was there to hear it.
        self.look_into_inbox(life);
        let heard =
            |input: &Input| matches!(input, Input::Answered { step: answered, .. } if *answered == step);
        let scripted = if fresh { self.answer_by_script(&asked, at, question) } else { Vec::new() };
        if life.queue.iter().any(heard) {
            life.answered.push((at, question, prompt));
        } else if !scripted.is_empty() {
            life.queue.extend(scripted);
            life.answered.push((at, question, prompt));
        } else if may && beforehand && fresh {
            let by = crate::machine::Person { via: "flag".to_owned(), ..self.by.clone() };
            let answers = crate::model::Map::new();
            life.queue.push(Input::Answered { step, by, yes: true, note: None, answers, to: To::Whatever });
            life.answered.push((at, question, prompt));
        } else if self.people.is_none() {
            if !self.wait {
                life.queue.push(Input::NobodyAnswers { step });
            }
        } else if may {
            self.put(life, asked);
        }
        // Else somebody sits here who may not answer: they see whom it waits for, and leave when they want to.
    }

    /// Waits until there is something to decide on.
    async fn gather(&mut self, life: &mut Life, signals: &mut Signals, beats: &mut Beats) {
        if self.player.is_some() {
            self.look_up(life, signals, beats).await;
        }
        loop {
            self.hear_tape(life);
            while let Some(id) = life.timers.due() {
                life.queue.push(Input::Fired(id));
            }
            while let Ok(message) = life.messages.try_recv() {
                self.hear(life, message);
            }
            if life.taken.is_some() || !life.queue.is_empty() {
                return;
            }
            if self.jump(life) {
                continue;
            }
            self.begin_hooks(life);
            let since = clock::instant();
            let next = [life.timers.next(), life.hooks.next()].into_iter().flatten().min();
            let sleep = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                message = life.messages.recv() => {
                    if let Some(message) = message {
                        self.hear(life, message);
                    }
                }
                () = sleep => {}
                came = signals.recv() => self.signalled(life, signals, came).await,
                _ = beats.tick.tick() => self.draw(life),
                _ = beats.inbox.tick() => self.look_into_inbox(life),
                _ = beats.heartbeat.tick() => self.beat(life),
            }
            self.pass(life, since);
        }
    }

    fn hear(&mut self, life: &mut Life, message: Message) {
        match message {
            Message::Notice(leaf, Notice::Spawned(identity)) => {
                let process = host::process(&identity);
                tracing::debug!(
                    step = leaf.step,
                    stage = leaf.stage.word(),
                    pid = process.pid,
                    "its process is there"
                );
                // A gate's polls share one intent; only its first process is worth a record.
                let first = self
                    .machine
                    .state()
                    .find(&leaf.step)
                    .is_some_and(|at| self.machine.state().at(at).process.is_none());
                if first {
                    life.queue.push(Input::Spawned { leaf, process });
                }
            }
            Message::Notice(leaf, Notice::Ended(ended)) => {
                self.hand_over(life);
                let flying = life.flying.remove(&leaf);
                let ms = ended.wall.as_millis();
                tracing::debug!(step = leaf.step, stage = leaf.stage.word(), ms, end = ?ended.end, "it ended");
                let hide = |captured: &crate::exec::Captured| {
                    self.launcher.redactor.redact(&captured.bytes).into_owned()
                };
                let sensitive = flying.as_ref().is_some_and(|flying| flying.sensitive);
                let tail = match &flying {
                    Some(flying) if !sensitive => lock(&flying.printed).last_lines(),
                    _ => String::new(),
                };
                let outcome = Box::new(Outcome {
                    end: Some(self.hidden(launch::end(&ended.end))),
                    wall: ended.wall,
                    stdout: hide(&ended.stdout),
                    stderr: hide(&ended.stderr),
                    truncated: ended.stdout.truncated || ended.stderr.truncated,
                    tail,
                    left: ended.strays,
                    unkept: ended
                        .log_error
                        .as_ref()
                        .map(|log| format!("{}: {}", log.path.display(), log.source)),
                });
                if let Some(recording) = flying.and_then(|flying| flying.recording) {
                    self.record(&recording, &outcome, sensitive);
                }
                life.queue.push(Input::Ended { leaf, outcome });
            }
            Message::Notice(_, Notice::Chunk { .. }) => {}
            Message::Hook(number, ended) => self.hook_ended(life, number, &ended),
            Message::Reply(asked, reply) => self.replied(life, *asked, reply),
            Message::Chosen(choice) => self.chosen(life, choice),
            Message::Aimed(choice, same) => self.aimed(life, choice, same),
        }
    }

    /// Returns how a command ended without the secrets that the reason may name: a program's path, a folder's.
    fn hidden(&self, end: End) -> End {
        match end {
            End::NotStarted(why) => End::NotStarted(self.launcher.redactor.redact_str(&why).into_owned()),
            other => other,
        }
    }

    /// Answers a signal by the ladder: the first Ctrl-C starts nothing new, the second stops what runs; SIGTERM is the
    /// second at once; a lost terminal acts as the first.
    fn interrupted(&mut self, life: &mut Life, which: Interrupt) {
        // At the question what to do about a failure nothing runs: Ctrl-C leaves the question, and the run as it is.
        if matches!(which, Interrupt::Int | Interrupt::Hup) && self.machine.offered().is_some() {
            life.desk.left();
            life.queue.push(Input::Leave);
            return;
        }
        let (by, hard) = match which {
            Interrupt::Int => ("Ctrl-C", life.interrupt.is_some()),
            Interrupt::Term => ("SIGTERM", true),
            Interrupt::Quit => ("Ctrl-\\", true),
            Interrupt::Hup => ("a lost terminal", false),
        };
        // Whoever sent SIGTERM waits for the code that says so.
        if life.interrupt != Some(Interrupt::Term) {
            life.interrupt = Some(which);
        }
        life.hard |= hard;
        life.queue.push(Input::Stop { by: by.to_owned(), hard });
    }

    async fn signalled(&mut self, life: &mut Life, signals: &mut Signals, came: Came) {
        match came {
            Came::Stop(which) => self.interrupted(life, which),
            Came::Suspend => {
                let stopped_at = clock::instant();
                life.flying.values().for_each(|flying| flying.handle.pause());
                life.hooks.pause();
                self.reporter.suspend();
                signals.stopped().await;
                life.timers.put_off(clock::instant().saturating_duration_since(stopped_at));
                self.go_on(life);
            }
            // Somebody else stopped us, in a way that can't be seen coming: the steps were not.
            Came::GoOn => {
                self.reporter.suspend();
                self.go_on(life);
            }
        }
    }

    /// Goes on after this process was stopped, however long that was: first it is seen whether the run is still ours.
    pub(super) fn go_on(&mut self, life: &mut Life) {
        self.beat(life);
        // Of a run that was taken over meanwhile, too: whoever drives it now waits for what runs here to end.
        life.flying.values().for_each(|flying| flying.handle.resume());
        life.hooks.go_on();
        if life.desk.is_free() {
            self.reporter.unsuspend();
        } else {
            life.desk.again();
        }
    }

    /// Says that the run is alive, and finds out when it was taken over.
    pub(super) fn beat(&mut self, life: &mut Life) {
        match self.writer.heartbeat(clock::now()) {
            Ok(()) => {
                tracing::trace!("the lease is held");
                life.ailing = false;
            }
            Err(error @ JournalError::Fenced(_)) => life.taken = Some(error),
            Err(error) => self.ail(life, &error),
        }
    }

    fn look_into_inbox(&mut self, life: &mut Life) {
        match self.writer.take_requests() {
            Ok(requests) => {
                for request in requests {
                    tracing::debug!(request = request.id, "somebody asks for something");
                    // Taken already in this turn, whose commit settles it.
                    if life.settled.contains(&request.id) {
                        continue;
                    }
                    life.settled.push(request.id);
                    match inbox::input(&request) {
                        Some(input) => life.queue.push(input),
                        None => tracing::warn!(
                            request = request.id,
                            "a request of a kind unknown to this version"
                        ),
                    }
                }
            }
            Err(error @ JournalError::Fenced(_)) => life.taken = Some(error),
            Err(error) => tracing::warn!(%error, "the inbox could not be read"),
        }
    }

    /// Hands what was printed since the last time to the reporter.
    fn hand_over(&mut self, life: &Life) {
        if !life.has_output.swap(false, Ordering::Relaxed) {
            return;
        }
        for (leaf, flying) in &life.flying {
            let fresh = lock(&flying.printed).take();
            for (stream, bytes) in fresh {
                self.reporter.output(leaf, stream, &bytes);
            }
        }
    }

    pub(super) fn draw(&mut self, life: &Life) {
        self.hand_over(life);
        if life.desk.is_free() {
            self.reporter.tick(self.time());
        } else if self.reporter.break_in() {
            life.desk.again();
        }
    }

    fn finish(&mut self, life: &Life) {
        self.say_unstruck();
        let run = self.writer.run().to_string();
        let took = life.took.unwrap_or_else(|| self.worked());
        let (state, graph) = (self.machine.state(), self.machine.graph());
        self.reporter.close(&EndInfo { run: &run, program: &self.program, state, graph, took });
    }

    /// Says once that the journal ails: a command may run for an hour before its end would show it.
    fn ail(&mut self, life: &mut Life, error: &JournalError) {
        tracing::warn!(%error, "heartbeat");
        if !std::mem::replace(&mut life.ailing, true) {
            self.reporter.aside(&format!("the journal can't be written now: {}", error.in_full()));
        }
    }
}

fn ended(event: &Event) -> Option<String> {
    match event {
        Event::Exited { leaf, end, .. } => parting::told_of(leaf, end),
        _ => None,
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
