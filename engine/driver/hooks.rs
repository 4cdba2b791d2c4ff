//! Hooks: commands that are told what becomes of a run.
//!
//! A hook is a notice. What it tells was committed before; it decides nothing, holds up nothing, and fails nothing. What
//! it reads is the `//!` of `report/notice.rs`.
//!
//! - **At most once.** Between the commit and the start of the hook the engine may be killed, and nobody is told then: a
//!   run that is taken up again does not know whether the page went out, and two pages for one failure are worse than a
//!   silent one when what follows (a rest, another question) is told again anyway. Rejected: an intent before each hook, as
//!   steps have, which would give every notice a "perhaps told" that nobody settles.
//! - **In order, unless they are slow.** The hooks of one event begin together; those of the next begin when they have
//!   ended, or [`PATIENCE`] after they began. So a Slack message about the end does not overtake the one about the
//!   beginning, and one that hangs holds the others up for a second and no longer.
//! - **Bounded at the end.** A run that rests waits until its hooks have ended: for [`PATIENCE`] and the longest `timeout`
//!   at most. The notice of the rest itself begins after [`PATIENCE`] whatever hangs before it. Ctrl-C, SIGTERM and
//!   `runbook cancel` stop the wait: they end the hooks, not the run, which is over.
//! - **Nothing is left.** A hook has a process group, a `timeout` (SIGTERM, SIGKILL after a second), and is found by its
//!   environment where it left its group. An engine that was fenced off kills its hooks before it leaves.
//! - A hook that went wrong is an event: on the screen once, and in the journal for whoever wonders why nobody came.
//!
//! A question that was open when the run was taken up is told once, by the engine that asked it first; one that is answered
//! as it is asked (`--approve`, an answer that was there before) is told to nobody.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crate::crash_point::crash_point;
use crate::exec::{Ended, Handle, Notice as Heard, Spec};
use crate::journal::{Ask, JournalError, Record};
use crate::machine::{Event, Input, Machine, Progress, RunStatus, describe, moment};
use crate::model::Moment;
use crate::report::{EndInfo, Notice, Subject, Told};

use super::clock;
use super::error::DriveError;
use super::launch;
use super::looping::{Beats, Interrupt, Life, Loop, Message};
use super::said;
use super::signals::{Came, Signals};

/// How long a hook that has not ended holds up the next one.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the end of a hook may take beyond its `timeout`: its grace, and some for a busy machine.
const SLACK: Duration = Duration::from_secs(3);

/// How much of what a hook prints is kept: its last line is told when it goes wrong.
const KEPT: usize = 64 << 10;

/// What is to be told, and who is telling it.
#[derive(Default)]
pub(super) struct Hooks {
    due: VecDeque<Due>,
    at_work: Vec<AtWork>,
    /// When the last one began.
    began: Option<Instant>,
    /// Questions that may have been answered already.
    held: Vec<Record>,
    /// The questions that an engine before this one told of: they are asked again, and that is no other question.
    known: BTreeSet<String>,
    next: u64,
}

/// A hook that is to be started.
struct Due {
    hook: Moment,
    of: u64,
    display: String,
    spec: Spec,
}

/// A hook that was started.
struct AtWork {
    number: u64,
    hook: Moment,
    of: u64,
    display: String,
    timeout: Option<Duration>,
    handle: Handle,
}

impl Hooks {
    /// Returns hooks that know what a run asks when it is taken up.
    pub(super) fn of(machine: &Machine) -> Hooks {
        let (state, graph) = (machine.state(), machine.graph());
        let asking = state.instances().filter(|(_, one)| matches!(one.progress, Progress::Asking(_)));
        Hooks { known: asking.map(|(at, _)| state.name(graph, at)).collect(), ..Hooks::default() }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.due.is_empty() && self.at_work.is_empty()
    }

    /// Returns the longest time that one of them may take.
    fn longest(&self) -> Duration {
        let due = self.due.iter().filter_map(|due| due.spec.timeout);
        due.chain(self.at_work.iter().filter_map(|one| one.timeout)).max().unwrap_or_default()
    }

    /// Returns when the next one begins, if something else does not make it begin earlier.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.front()?;
        self.began.map(|began| began + PATIENCE)
    }

    pub(super) fn pause(&self) {
        self.at_work.iter().for_each(|one| one.handle.pause());
    }

    pub(super) fn go_on(&self) {
        self.at_work.iter().for_each(|one| one.handle.resume());
    }

    /// Ends what is at work at once: the run is somebody else's.
    pub(super) fn kill(&mut self) {
        self.due.clear();
        self.at_work.iter().for_each(|one| one.handle.kill());
    }
}

impl Loop<'_> {
    /// Takes note of what was committed and is worth telling. After the acts of the turn: an answer may have been found.
    pub(super) fn tell(&mut self, life: &mut Life, records: Vec<Record>) {
        if !self.has_hooks() {
            return;
        }
        let held = std::mem::take(&mut life.hooks.held);
        for record in held.into_iter().chain(records) {
            let state = self.machine.state();
            let told = match (moment(&record.event, state), &record.event) {
                (Some(_), Event::Asked { step, question, prompt, .. }) => {
                    let open = state
                        .find(step)
                        .is_some_and(|at| state.at(at).progress == Progress::Asking(*question));
                    let answered = |input: &Input| matches!(input, Input::Answered { step: answered, .. } if answered == step);
                    if !open || life.hooks.known.remove(step) {
                        continue;
                    }
                    if life.queue.iter().any(answered) {
                        life.hooks.held.push(record);
                        continue;
                    }
                    Told::Asked { step: step.clone(), question: *question, prompt: prompt.clone() }
                }
                (Some(moment), _) => Told::Run(moment),
                (None, _) => continue,
            };
            self.due(life, &told, (record.seq, record.at));
        }
        self.begin_hooks(life);
    }

    /// Takes note that a person at the terminal is asked what to do about a failure.
    pub(super) fn tell_offer(&mut self, life: &mut Life, steps: Vec<String>) {
        if self.has_hooks() {
            // To the microsecond, as what is recorded.
            let now = clock::now();
            let now = jiff::Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
            self.due(life, &Told::Offer(steps), (self.writer.seq(), now));
            self.begin_hooks(life);
        }
    }

    fn has_hooks(&self) -> bool {
        // In a rehearsal nobody is told: whoever reads of a failure at night must be able to believe it.
        self.player.is_none() && !self.judge.snapshot().runbook.hooks.is_empty()
    }

    /// Makes ready whoever is to be told.
    fn due(&self, life: &mut Life, told: &Told, (of, at): (u64, jiff::Timestamp)) {
        let moment = told.moment();
        let (state, graph) = (self.machine.state(), self.machine.graph());
        let snapshot = self.judge.snapshot();
        let hooks: Vec<_> = snapshot.runbook.hooks.iter().filter(|hook| hook.on == moment).collect();
        if hooks.is_empty() {
            return;
        }
        let run = self.writer.run().as_str();
        let end = EndInfo { run, program: &self.program, state, graph, took: Duration::ZERO };
        let subject = Subject { title: &snapshot.runbook.title, vars: &snapshot.vars, driver: &self.by };
        let notice = Notice::of(told, &end, (of, at), subject, |at| self.judge.title(state, at));
        let notice = serde_json::to_value(notice).unwrap_or_default();
        // Text by text, and not the whole: a secret that looks like a part of the JSON must not break it.
        let line = format!("{}\n", said::value(&self.launcher.redactor, &notice));
        for (number, hook) in hooks.into_iter().enumerate() {
            let ready = self.judge.hook(hook, state.status).and_then(|command| {
                let spec = launch::resolved(&self.launcher.root, &self.launcher.secrets, &command)?;
                Ok((spec, command.display))
            });
            match ready {
                Ok((mut spec, display)) => {
                    let marks = [
                        ("RUNBOOK_RUN", run.to_owned()),
                        ("RUNBOOK_EVENT", moment.word().to_owned()),
                        ("RUNBOOK_NOTICE", format!("{of}.{}", number + 1)),
                    ];
                    for (name, value) in marks {
                        spec.marks.push(format!("{name}={value}").into());
                        spec.env.push((name.into(), Some(value.into())));
                    }
                    spec.stdin = Some(line.clone().into_bytes());
                    spec.keep = KEPT;
                    spec.redactor = self.launcher.redactor.clone();
                    life.hooks.due.push_back(Due { hook: moment, of, display, spec });
                }
                Err(why) => life.queue.push(self.went_wrong(moment, of, &why)),
            }
        }
    }

    fn went_wrong(&self, hook: Moment, of: u64, why: &str) -> Input {
        Input::HookFailed { hook, of, why: said::text(&self.launcher.redactor, why) }
    }

    /// Starts the hooks whose turn it is.
    pub(super) fn begin_hooks(&self, life: &mut Life) {
        while let Some(first) = life.hooks.due.front() {
            let of = first.of;
            let now = clock::instant();
            let busy = !life.hooks.at_work.is_empty();
            if busy && life.hooks.began.is_some_and(|began| now < began + PATIENCE) {
                return;
            }
            self.begin_of(life, of);
        }
    }

    /// Starts every hook of one event.
    fn begin_of(&self, life: &mut Life, of: u64) {
        life.hooks.began = Some(clock::instant());
        let due = std::mem::take(&mut life.hooks.due);
        let (these, others): (VecDeque<Due>, _) = due.into_iter().partition(|due| due.of == of);
        life.hooks.due = others;
        let Some(pool) = self.pool else { return };
        for Due { hook, of, display, spec } in these {
            life.hooks.next += 1;
            let number = life.hooks.next;
            let to_loop = life.to_loop.clone();
            let timeout = spec.timeout;
            tracing::debug!(number, of, "a hook is begun");
            crash_point("hook:before");
            let handle = pool.spawn(spec, move |heard| {
                if let Heard::Ended(ended) = heard {
                    drop(to_loop.send(Message::Hook(number, ended)));
                }
            });
            crash_point("hook:after");
            life.hooks.at_work.push(AtWork { number, hook, of, display, timeout, handle });
        }
    }

    /// Takes in that a hook ended.
    pub(super) fn hook_ended(&self, life: &mut Life, number: u64, ended: &Ended) {
        let Some(at) = life.hooks.at_work.iter().position(|one| one.number == number) else { return };
        let AtWork { hook, of, display, .. } = life.hooks.at_work.remove(at);
        let end = launch::end(&ended.end);
        if end != crate::machine::End::Exit(0) {
            let stderr = String::from_utf8_lossy(&ended.stderr.bytes);
            let last = stderr.lines().rev().map(str::trim).find(|line| !line.is_empty());
            let last: String =
                last.map(|line| format!(": {line}")).unwrap_or_default().chars().take(300).collect();
            life.queue.push(self.went_wrong(hook, of, &format!("`{display}`: {}{last}", describe(&end))));
        }
        self.begin_hooks(life);
    }

    /// Waits until whoever is to be told that the run rests was told, for a bounded time.
    pub(super) async fn see_off(&mut self, life: &mut Life, signals: &mut Signals, beats: &mut Beats) {
        let rest = clock::instant();
        let (mut patience, mut deadline) = (rest + PATIENCE, rest + PATIENCE + life.hooks.longest() + SLACK);
        let (mut waited, mut cut_short) = (false, false);
        loop {
            self.begin_hooks(life);
            if life.hooks.is_idle() || life.taken.is_some() {
                return;
            }
            let now = clock::instant();
            if now >= patience && !waited {
                waited = true;
                // What the run came to is told whatever hangs before it.
                if let Some(last) = life.hooks.due.back().map(|last| last.of) {
                    self.begin_of(life, last);
                }
                let names: BTreeSet<&str> = life.hooks.at_work.iter().map(|one| one.hook.word()).collect();
                let names = names.into_iter().collect::<Vec<_>>().join(", ");
                self.reporter.aside(&format!("waits for its hooks: {names} (Ctrl-C stops them)"));
            }
            if now >= deadline {
                self.drop_due(life, "it was not started: the hooks before it took too long");
                life.hooks.kill();
                return life.hooks.at_work.clear();
            }
            let next = [Some(deadline), (!waited).then_some(patience), life.hooks.next()];
            let next = next.into_iter().flatten().min().unwrap_or(deadline);
            tokio::select! {
                message = life.messages.recv() => {
                    if let Some(Message::Hook(number, ended)) = message {
                        self.hook_ended(life, number, &ended);
                    }
                }
                () = tokio::time::sleep_until(next.into()) => {}
                came = signals.recv() => match came {
                    // They may finish, as everything that runs.
                    Came::Stop(Interrupt::Hup) | Came::GoOn => {}
                    Came::Stop(_) if cut_short => life.hooks.kill(),
                    Came::Stop(_) => {
                        cut_short = true;
                        self.cut_short(life);
                    }
                    Came::Suspend => {
                        let stopped = clock::instant();
                        life.hooks.pause();
                        self.reporter.suspend();
                        signals.stopped().await;
                        let away = clock::instant().saturating_duration_since(stopped);
                        (patience, deadline) = (patience + away, deadline + away);
                        self.go_on(life);
                    }
                },
                _ = beats.tick.tick() => self.draw(life),
                _ = beats.inbox.tick() => if self.is_cancelled(life) {
                    cut_short = true;
                    self.cut_short(life);
                },
                _ = beats.heartbeat.tick() => self.beat(life),
            }
        }
    }

    fn cut_short(&self, life: &mut Life) {
        self.drop_due(life, "it was not started: somebody did not want to wait for it");
        life.hooks.at_work.iter().for_each(|one| one.handle.stop());
    }

    /// Says whether somebody at another terminal does not want to wait. The run is over, so it is no event of it; whatever
    /// else is asked is left for who takes it up again.
    fn is_cancelled(&mut self, life: &mut Life) -> bool {
        let requests = self.writer.take_requests().unwrap_or_else(|error| {
            tracing::warn!(%error, "the inbox could not be read");
            Vec::new()
        });
        let cancels = requests.into_iter().filter(|one| matches!(one.ask, Ask::Cancel { .. }));
        let before = life.settled.len();
        let fresh: Vec<i64> = cancels.map(|one| one.id).filter(|id| !life.settled.contains(id)).collect();
        life.settled.extend(fresh);
        life.settled.len() > before
    }

    /// Says that the end of the run stands although what came after it could not be recorded: nothing of the run is lost
    /// with that, and a hook must not make a failure of a run that is over.
    pub(super) fn over_all_the_same(&mut self, life: &Life, error: &DriveError) -> Option<RunStatus> {
        let status = life.rest?;
        let DriveError::Journal(source) = error else { return None };
        // Taken over it is somebody else's; with its file the end of the run is gone too.
        if matches!(source, JournalError::Fenced(_) | JournalError::Moved { .. }) {
            return None;
        }
        let why = source.in_full();
        self.reporter.aside(&format!(
            "a hook went wrong after the end of the run, and that could not be recorded: {why}"
        ));
        Some(status)
    }

    fn drop_due(&self, life: &mut Life, why: &str) {
        for Due { hook, of, display, .. } in std::mem::take(&mut life.hooks.due) {
            life.queue.push(self.went_wrong(hook, of, &format!("`{display}`: {why}")));
        }
    }
}
