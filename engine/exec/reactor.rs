//! One thread that watches every running command.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};

use super::census::Census;
use super::feed::Feed;
use super::group::Cause;
use super::notice::{Death, End, Identity};
use super::program::short_of;
use super::running::{Running, Shared, refuse};
use super::source::Source;

/// How much is read at once: what a pipe holds by default.
const BUFFER: usize = 64 << 10;

/// How long the reactor waits for killed commands when the pool is dropped. Only a process that hangs in the
/// system (a dead network disk) outlives SIGKILL for longer.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long a new process is kept to ourselves: its number is wanted when this engine dies, and is not worth waking the
/// engine, nor a commit of its own, for a command that is over at once. The number is told with the end then.
const COMPANY: Duration = Duration::from_millis(10);

/// The longest pause, in milliseconds; epoll takes no more than 24 days.
const LONGEST: i64 = 3_600_000;

/// What the reactor is told by other threads.
pub(super) enum Letter {
    /// A process was started; watch it.
    Adopt(Box<Running>, Identity),
    /// A group was sent SIGTERM.
    Asked(u64),
    /// A group was suspended, or goes on.
    Paused(u64),
    /// A leader has ended; from the thread that waits for it where there is no pidfd.
    Died(u64),
    /// The pool is dropped: kill everything, then go.
    Quit,
}

/// The way into the reactor for other threads.
pub(super) struct Mailbox {
    letters: Mutex<Vec<Letter>>,
    bell: OwnedFd,
}

impl Mailbox {
    pub(super) fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { letters: Mutex::new(Vec::new()), bell })
    }

    pub(super) fn send(&self, letter: Letter) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.push(letter);
        // Whoever put in the first letter rings for those that follow before it is taken out.
        if letters.len() == 1 {
            // It can only fail when it has been rung 2^64 times unheard.
            let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
        }
    }

    fn take(&self) -> Vec<Letter> {
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        std::mem::take(&mut *self.letters.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What an epoll event is about; in the two lowest bits of its token, the command's number above them.
#[derive(Clone, Copy)]
enum Part {
    Stdout,
    Stderr,
    Stdin,
    Leader,
}

impl Part {
    fn token(self, id: u64) -> u64 {
        id << 2 | self as u64
    }

    fn of(token: u64) -> (u64, Self) {
        (token >> 2, [Self::Stdout, Self::Stderr, Self::Stdin, Self::Leader][(token & 3) as usize])
    }
}

/// The token of the bell; no command has this number.
const BELL: u64 = u64::MAX;

struct Watched {
    running: Box<Running>,
    /// Readable when the leader has ended; none where another thread waits for that.
    leader: Option<Source>,
    /// What stands for it among the timers.
    timer: Option<Instant>,
}

/// The thread's state.
pub(super) struct Reactor {
    epoll: Arc<OwnedFd>,
    mailbox: Arc<Mailbox>,
    commands: HashMap<u64, Watched>,
    timers: BTreeSet<(Instant, u64)>,
    /// The commands whose start was not told yet, the oldest first.
    untold: VecDeque<(Instant, u64)>,
    shared: Shared,
    use_pidfd: bool,
    quit_by: Option<Instant>,
}

impl Reactor {
    /// Returns a reactor that is not running yet. Without `use_pidfd` a thread waits for each command.
    pub(super) fn new(mailbox: Arc<Mailbox>, use_pidfd: bool) -> io::Result<Self> {
        let epoll = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        epoll::add(&epoll, &mailbox.bell, epoll::EventData::new_u64(BELL), epoll::EventFlags::IN)?;
        Ok(Self {
            epoll,
            mailbox,
            commands: HashMap::new(),
            timers: BTreeSet::new(),
            untold: VecDeque::new(),
            shared: Shared { buffer: vec![0; BUFFER], leaders: HashSet::new(), census: Census::new() },
            use_pidfd,
            quit_by: None,
        })
    }

    /// Watches until the pool is dropped and everything has ended.
    pub(super) fn run(mut self) {
        let mut events = Vec::with_capacity(64);
        loop {
            let quit_by = self.quit_by;
            if quit_by.is_some_and(|quit_by| self.commands.is_empty() || quit_by <= now()) {
                return;
            }
            let timer = self.timers.first().map(|(at, _)| *at);
            let tell_at = self.untold.front().map(|(started, _)| *started + COMPANY);
            let wake_at = [timer, quit_by, tell_at].into_iter().flatten().min();
            let pause = wake_at.map(|at| timespec(at.saturating_duration_since(now())));
            events.clear();
            // Only a signal can interrupt it, and then there are no events.
            let _ = epoll::wait(&self.epoll, spare_capacity(&mut events), pause.as_ref());
            self.shared.census.turn();
            for event in events.drain(..) {
                match event.data.u64() {
                    BELL => self.open_letters(),
                    token => self.turn(token),
                }
            }
            self.fire_timers();
            self.tell_of_starts();
        }
    }

    /// Tells of those that were started, once the first of them waited long enough: of it, and of all that were started
    /// soon after it, so that many are heard of at once.
    fn tell_of_starts(&mut self) {
        let now = now();
        if self.untold.front().is_none_or(|(first, _)| *first + COMPANY > now) {
            return;
        }
        while let Some((_, id)) = self.untold.pop_front_if(|(started, _)| *started + COMPANY / 2 <= now) {
            if let Some(watched) = self.commands.get_mut(&id) {
                watched.running.tell_of_start();
            }
        }
    }

    fn open_letters(&mut self) {
        let letters = self.mailbox.take();
        self.shared.census.turn();
        for letter in letters {
            match letter {
                Letter::Adopt(running, identity) => self.adopt(running, identity),
                Letter::Asked(id) => self.with(id, |watched, shared| {
                    watched.running.asked(now(), shared);
                }),
                Letter::Paused(id) => self.with(id, |watched, _| watched.running.paused(now())),
                Letter::Died(id) => self.with(id, |watched, shared| {
                    watched.running.look(now(), shared);
                }),
                Letter::Quit => {
                    self.quit_by = Some(now() + FAREWELL);
                    for watched in self.commands.values() {
                        watched.running.group.kill(Cause::Request);
                    }
                }
            }
        }
    }

    fn adopt(&mut self, mut running: Box<Running>, identity: Identity) {
        // Most input fits into the pipe at once.
        if running.feed.as_mut().is_some_and(Feed::write) {
            running.feed = None;
        }
        let id = running.group.id;
        match self.watch(&mut running) {
            Ok(leader) => {
                running.identity = Some(identity);
                self.untold.push_back((now(), id));
                running.paused(now());
                if running.group.cause().is_some() {
                    running.asked(now(), &mut self.shared);
                }
                if self.quit_by.is_some() {
                    running.group.kill(Cause::Request);
                }
                self.shared.leaders.insert(running.number());
                self.commands.insert(id, Watched { running, leader, timer: None });
                self.with(id, |_, _| {});
            }
            Err(source) => {
                // What cannot be watched must not run: nobody would hear of its end. It ran for a moment, so it may have
                // changed something: it is not one that never began.
                let error = short_of(format!("process {}", identity.pid), source);
                tracing::error!(%error, "killed, since it could not be watched");
                refuse(&running.abort(), End::Stopped { death: Some(Death::Signalled(9)), killed: true });
            }
        }
    }

    /// Adds everything of a command to the epoll set.
    fn watch(&self, running: &mut Running) -> io::Result<Option<Source>> {
        let id = running.group.id;
        for (tap, part) in running.taps.iter_mut().zip([Part::Stdout, Part::Stderr]) {
            if let Some(tap) = tap {
                tap.pipe.watch(&self.epoll, part.token(id), epoll::EventFlags::IN)?;
            }
        }
        if let Some(feed) = &mut running.feed {
            feed.pipe.watch(&self.epoll, Part::Stdin.token(id), epoll::EventFlags::OUT)?;
        }
        let opened = if self.use_pidfd { pidfd_open(running.pid, PidfdFlags::empty()).ok() } else { None };
        if let Some(leader) = opened {
            let mut leader = Source::new(leader);
            leader.watch(&self.epoll, Part::Leader.token(id), epoll::EventFlags::IN)?;
            return Ok(Some(leader));
        }
        // Older systems, and sandboxes that forbid the call.
        let (pid, mailbox) = (running.pid, Arc::clone(&self.mailbox));
        let wait = move || {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while waitid(WaitId::Pid(pid), options).is_err_and(|error| error == Errno::INTR) {}
            mailbox.send(Letter::Died(id));
        };
        std::thread::Builder::new().name("exec-waiter".into()).stack_size(64 << 10).spawn(wait)?;
        Ok(None)
    }

    fn turn(&mut self, token: u64) {
        let (id, part) = Part::of(token);
        self.with(id, |watched, shared| match part {
            Part::Stdout | Part::Stderr => {
                watched.running.read(part as usize, &mut shared.buffer);
            }
            Part::Stdin => {
                if watched.running.feed.as_mut().is_some_and(Feed::write) {
                    watched.running.feed = None;
                }
            }
            Part::Leader => {
                if watched.running.look(now(), shared) {
                    watched.leader = None;
                }
            }
        });
    }

    fn fire_timers(&mut self) {
        if self.timers.is_empty() {
            return;
        }
        let now = now();
        while let Some(&(at, id)) = self.timers.first().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, id));
            self.with(id, |watched, shared| {
                watched.timer = None;
                watched.running.wake(now, shared);
            });
        }
    }

    /// Lets `act` change a command, then sees to its timer and its end.
    fn with(&mut self, id: u64, act: impl FnOnce(&mut Watched, &mut Shared)) {
        // An event may be about a command that ended earlier in the same turn.
        let Some(watched) = self.commands.get_mut(&id) else { return };
        act(watched, &mut self.shared);
        let over = watched.running.is_over();
        let timer = watched.running.wakes_at().filter(|_| !over);
        if timer != watched.timer {
            if let Some(at) = watched.timer {
                self.timers.remove(&(at, id));
            }
            if let Some(at) = timer {
                self.timers.insert((at, id));
            }
            watched.timer = timer;
        }
        if over && let Some(watched) = self.commands.remove(&id) {
            if self.commands.is_empty() {
                self.untold.clear();
            }
            self.shared.leaders.remove(&watched.running.number());
            watched.running.finish();
        }
    }
}

/// Rounds up to a millisecond, the finest epoll knows; rounding down would make the loop spin before every timer.
fn timespec(pause: Duration) -> Timespec {
    let millis = i64::try_from(pause.as_micros().div_ceil(1000)).unwrap_or(i64::MAX).min(LONGEST);
    Timespec { tv_sec: millis / 1000, tv_nsec: millis % 1000 * 1_000_000 }
}

#[expect(clippy::disallowed_methods, reason = "exec/ owns the clock for timeouts of commands")]
pub(super) fn now() -> Instant {
    Instant::now()
}
