//! One running command, as a machine that the reactor turns: alive, lingering, draining.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

use super::census::Census;
use super::feed::Feed;
use super::group::{Cause, Group};
use super::launch::Launched;
use super::members::{self, Kin, Left, Stray};
use super::notice::{Captured, Death, End, Ended, Identity, LogError, Notice};
use super::reactor::now;
use super::stream::{Flow, Tap};

/// How long output is awaited from whoever still holds a pipe after the group was killed: a process that left the
/// group. What the leader wrote is in the pipe by then and is read in any case.
const DRAIN: Duration = Duration::from_millis(100);

/// How much is read at the end of the drain at most: more than any pipe holds by default, so all of the leader's
/// output, but not for ever when a process that left the group keeps writing.
const LAST_GULP: u64 = 1 << 20;

/// How often a group that was asked to stop is looked at after its leader has ended.
const LINGER: Duration = Duration::from_millis(20);

/// How often those that left the group are looked for and killed: what forks faster than that is no command but a bomb.
const ROUNDS: usize = 5;

/// What an absurdly long grace is cut to, so that times can be added to without care.
const LONGEST_GRACE: Duration = Duration::from_secs(365 * 24 * 3600);

/// What all commands of a reactor share.
pub(super) struct Shared {
    /// What is read goes through here.
    pub(super) buffer: Vec<u8>,
    /// The leaders of all groups that are watched.
    pub(super) leaders: HashSet<u32>,
    pub(super) census: Census,
}

/// Who hears of a command.
pub(super) type Notify = Box<dyn Fn(Notice) + Send + Sync>;

/// One running command.
pub(super) struct Running {
    pub(super) group: Arc<Group>,
    pub(super) pid: Pid,
    pub(super) feed: Option<Feed>,
    pub(super) taps: [Option<Tap>; 2],
    /// Who it is, until that is told.
    pub(super) identity: Option<Identity>,
    child: duct::Handle,
    notify: Notify,
    timeout_at: Option<Instant>,
    grace: Duration,
    kill_at: Option<Instant>,
    paused_at: Option<Instant>,
    phase: Phase,
    started: Instant,
    wall: Duration,
    leftovers: usize,
    /// When its leader started, in clock ticks since boot.
    born: u64,
    marks: Vec<OsString>,
    leaves_none: bool,
    /// Those outside the group that were sent SIGTERM.
    asked: HashSet<Stray>,
    strays: Vec<u32>,
    done: [Captured; 2],
    log_error: Option<LogError>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Alive,
    /// The leader has ended after SIGTERM; others of its group still have the rest of their grace.
    Lingering {
        look_at: Instant,
    },
    /// The group is gone; the pipes may still hold output.
    Draining {
        until: Instant,
        death: Option<Death>,
    },
}

impl Running {
    pub(super) fn new(
        launched: Launched,
        group: Arc<Group>,
        notify: Notify,
        times: (Option<Duration>, Duration),
        (marks, leaves_none): (Vec<OsString>, bool),
        started: Instant,
    ) -> Self {
        let (timeout, grace) = times;
        Self {
            group,
            pid: launched.pid,
            feed: launched.feed,
            taps: launched.taps,
            identity: None,
            child: launched.child,
            notify,
            // A timeout beyond the clock's range is as good as none.
            timeout_at: timeout.and_then(|timeout| started.checked_add(timeout)),
            grace: grace.min(LONGEST_GRACE),
            kill_at: None,
            paused_at: None,
            phase: Phase::Alive,
            started,
            wall: Duration::ZERO,
            leftovers: 0,
            born: launched.identity.started,
            marks,
            leaves_none,
            asked: HashSet::new(),
            strays: Vec::new(),
            done: [Captured::default(), Captured::default()],
            log_error: None,
        }
    }

    /// The number of its leader, for `/proc`.
    pub(super) fn number(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Tells that it was started, unless that was told.
    pub(super) fn tell_of_start(&mut self) {
        if let Some(identity) = self.identity.take() {
            tell(&self.notify, Notice::Spawned(identity));
        }
    }

    /// When this command next wants its turn even if nothing happens.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Alive if self.paused_at.is_some() => self.kill_at,
            Phase::Alive => self.kill_at.or(self.timeout_at),
            Phase::Lingering { look_at } => Some(look_at),
            Phase::Draining { until, .. } => Some(until),
        }
    }

    /// Tells whether nothing more can come.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Draining { .. }) && self.taps.iter().all(Option::is_none)
    }

    /// Takes note that the group was sent SIGTERM: its grace begins, also for those that left the group.
    pub(super) fn asked(&mut self, now: Instant, shared: &mut Shared) {
        if matches!(self.phase, Phase::Alive) && self.kill_at.is_none() {
            self.kill_at = Some(now + self.grace);
            self.timeout_at = None;
            let left = self.left(shared);
            self.ask_strays(&left);
        }
    }

    fn left(&self, shared: &mut Shared) -> Left {
        let kin = Kin { leader: self.pid, started: self.born, begun: self.started, marks: &self.marks };
        members::left(&kin, &shared.leaders, &mut shared.census)
    }

    /// Sends SIGTERM to those outside the group that have not had it.
    fn ask_strays(&mut self, left: &Left) {
        for &stray in &left.strays {
            if self.asked.insert(stray) {
                stray.signal(Signal::TERM);
                stray.signal(Signal::CONT);
            }
        }
    }

    /// Kills those outside the group. What they start in the moment of their death is caught by looking again, and anew:
    /// who was there earlier in this turn does not say who is there now.
    fn kill_strays(&self, shared: &mut Shared) {
        for _ in 0..ROUNDS {
            shared.census.turn();
            let left = self.left(shared);
            if left.strays.is_empty() {
                return;
            }
            left.strays.iter().for_each(|stray| stray.signal(Signal::KILL));
        }
    }

    /// Takes note of whether the group is suspended now: its timeout does not count that time.
    pub(super) fn paused(&mut self, now: Instant) {
        if self.group.is_paused() {
            self.paused_at.get_or_insert(now);
        } else if let Some(since) = self.paused_at.take() {
            let lost = now.saturating_duration_since(since);
            self.timeout_at = self.timeout_at.and_then(|at| at.checked_add(lost));
        }
    }

    /// Reads what one stream has. Returns whether it came to its end.
    pub(super) fn read(&mut self, index: usize, buffer: &mut [u8]) -> Flow {
        let Some(tap) = &mut self.taps[index] else { return Flow::End };
        let notify = &self.notify;
        let flow = tap.read(buffer, &|notice| tell(notify, notice));
        if flow == Flow::End {
            self.close(index);
        }
        flow
    }

    /// Acts on a time that has come.
    pub(super) fn wake(&mut self, now: Instant, shared: &mut Shared) {
        match self.phase {
            Phase::Alive if self.kill_at.is_some() => {
                self.kill_at = None;
                self.timeout_at = None;
                self.group.kill(Cause::Timeout);
            }
            Phase::Alive => {
                self.group.terminate(Cause::Timeout);
                self.asked(now, shared);
            }
            Phase::Lingering { .. } => self.linger(now, shared),
            Phase::Draining { .. } => {
                for index in 0..self.taps.len() {
                    self.gulp(index, &mut shared.buffer);
                }
            }
        }
    }

    /// Looks whether the leader has ended, acts on it, and returns whether it has.
    pub(super) fn look(&mut self, now: Instant, shared: &mut Shared) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        match waitid(WaitId::Pid(self.pid), options) {
            Ok(None) => return false,
            Ok(Some(status)) if !(status.exited() || status.killed() || status.dumped()) => return false,
            // An error says that somebody else has reaped it: also an end.
            Ok(Some(_)) | Err(_) => {}
        }
        if !matches!(self.phase, Phase::Alive) {
            return true;
        }
        self.wall = now.saturating_duration_since(self.started);
        self.feed = None;
        // A shell dies of SIGTERM at once while the tool it runs is still putting things in order. Killing the
        // group now would take the tool's grace away.
        match self.group.cause() {
            Some((_, false)) => {
                // The letter that says so may still be on its way.
                self.asked(now, shared);
                self.linger(now, shared);
            }
            Some((_, true)) => {
                let left = self.left(shared);
                self.leftovers = left.members;
                if left.members > 0 || !left.strays.is_empty() {
                    self.kill_strays(shared);
                }
                self.bury(now);
            }
            None => {
                let left = self.left(shared);
                self.leftovers = left.members;
                if self.leaves_none {
                    self.kill_strays(shared);
                    self.bury(now);
                    return true;
                }
                self.strays = left.strays.iter().map(|stray| stray.pid).collect();
                self.bury(now);
            }
        }
        true
    }

    fn linger(&mut self, now: Instant, shared: &mut Shared) {
        let left = self.left(shared);
        let time_is_up = self.kill_at.is_none_or(|kill_at| kill_at <= now);
        let none = left.members == 0 && left.strays.is_empty();
        self.ask_strays(&left);
        if none || time_is_up {
            if !none {
                self.leftovers = left.members;
                self.group.kill(Cause::Timeout);
                self.kill_strays(shared);
            }
            self.bury(now);
        } else {
            let look_at = now + LINGER;
            self.phase =
                Phase::Lingering { look_at: self.kill_at.map_or(look_at, |kill_at| kill_at.min(look_at)) };
        }
    }

    fn bury(&mut self, now: Instant) {
        let death = self.group.bury(|| reap(&self.child));
        self.phase = Phase::Draining { until: now + DRAIN, death };
    }

    /// Reads the last of a stream and stops listening to it.
    fn gulp(&mut self, index: usize, buffer: &mut [u8]) {
        let before = self.total(index);
        while self.total(index) - before < LAST_GULP {
            match self.read(index, buffer) {
                Flow::More => {}
                Flow::Dry | Flow::End => break,
            }
        }
        self.close(index);
    }

    fn total(&self, index: usize) -> u64 {
        self.taps[index].as_ref().map_or(self.done[index].total, |tap| tap.sink.total())
    }

    fn close(&mut self, index: usize) {
        if let Some(tap) = self.taps[index].take() {
            let notify = &self.notify;
            let (captured, error) = tap.sink.finish(&|notice| tell(notify, notice));
            self.done[index] = captured;
            self.log_error = self.log_error.take().or(error);
        }
    }

    /// Tells how it ended.
    pub(super) fn finish(mut self) {
        self.tell_of_start();
        let death = match self.phase {
            Phase::Draining { death, .. } => death,
            Phase::Alive | Phase::Lingering { .. } => None,
        };
        let [stdout, stderr] = self.done;
        let ended = Ended {
            end: end(death, self.group.cause()),
            started: self.started,
            wall: self.wall,
            stdout,
            stderr,
            leftovers: self.leftovers,
            strays: self.strays,
            log_error: self.log_error,
        };
        tell(&self.notify, Notice::Ended(Box::new(ended)));
    }

    /// Kills the group and waits for its leader; for a command that cannot be watched. SIGKILL makes the wait short.
    pub(super) fn abort(self) -> Notify {
        self.group.kill(Cause::Request);
        let _ = waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        self.group.bury(|| reap(&self.child));
        self.notify
    }
}

/// Calls back, and outlives a callback that panics: it must not take the other commands with it.
pub(super) fn tell(notify: &Notify, notice: Notice) {
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| notify(notice)));
}

/// Tells that a command never ran.
pub(super) fn refuse(notify: &Notify, end: End) {
    let ended = Ended {
        end,
        started: now(),
        wall: Duration::ZERO,
        stdout: Captured::default(),
        stderr: Captured::default(),
        leftovers: 0,
        strays: Vec::new(),
        log_error: None,
    };
    tell(notify, Notice::Ended(Box::new(ended)));
}

fn end(death: Option<Death>, cause: Option<(Cause, bool)>) -> End {
    // Nobody else waits for our children; should it happen, an end without a status must not pass for a success.
    let known = death.unwrap_or(Death::Signalled(0));
    match (cause, known) {
        (Some((Cause::Timeout, killed)), death) => End::TimedOut { death, killed },
        (Some((Cause::Request, killed)), death) => End::Stopped { death: Some(death), killed },
        (None, Death::Exited(status)) => End::Exited(status),
        (None, Death::Signalled(signal)) => End::Signalled(signal),
    }
}

fn reap(child: &duct::Handle) -> Option<Death> {
    let status = child.try_wait().ok()??.status;
    Some(match (status.code(), status.signal()) {
        (Some(code), _) => Death::Exited(code),
        (None, signal) => Death::Signalled(signal.unwrap_or(0)),
    })
}
