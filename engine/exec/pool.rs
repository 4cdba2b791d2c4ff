//! The way in: a pool that spawns commands and hands out handles to stop them.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::group::{Cause, Group};
use super::launch::launch;
use super::notice::{End, Notice};
use super::procfs::boot;
use super::reactor::{Letter, Mailbox, Reactor, now};
use super::running::{Notify, Running, refuse};
use super::spec::Spec;

/// Spawns and supervises commands. Dropping it kills every one that still runs, and waits for that; see [`Pool::leave`].
pub struct Pool {
    queue: Arc<Queue>,
    mailbox: Arc<Mailbox>,
    reactor: Option<JoinHandle<()>>,
    next: AtomicU64,
    left: AtomicBool,
}

/// A command that was handed to a [`Pool`]. Dropping the handle changes nothing. After the command has ended, its
/// methods do nothing: a process that later got the same number is never touched.
#[derive(Clone)]
pub struct Handle {
    group: Arc<Group>,
    mailbox: Arc<Mailbox>,
}

impl Pool {
    /// Returns a pool of at most `spawners` threads that start processes (at least one; two to four are enough),
    /// and one that watches all of them. Spawners are started when there is work for them.
    ///
    /// # Errors
    ///
    /// When the system has no thread or file left.
    pub fn new(spawners: usize) -> io::Result<Self> {
        Self::build(spawners, true)
    }

    pub(super) fn build(spawners: usize, use_pidfd: bool) -> io::Result<Self> {
        let mailbox = Arc::new(Mailbox::new()?);
        let reactor = Reactor::new(Arc::clone(&mailbox), use_pidfd)?;
        let reactor = std::thread::Builder::new().name("exec-reactor".into()).spawn(move || reactor.run())?;
        let queue = Arc::new(Queue {
            jobs: Mutex::new(Jobs::default()),
            bell: Condvar::new(),
            mailbox: Arc::clone(&mailbox),
            boot: boot().into(),
        });
        // From here on a failure drops the pool, which ends the reactor.
        let pool = Self {
            queue,
            mailbox,
            reactor: Some(reactor),
            next: AtomicU64::new(0),
            left: AtomicBool::new(false),
        };
        let mut jobs = pool.queue.lock();
        jobs.most = spawners.max(1);
        pool.queue.hire(&mut jobs)?;
        drop(jobs);
        Ok(pool)
    }

    /// Hands a command over. It is started as soon as a spawner is free; `notify` then hears of it from other
    /// threads, one notice at a time and in order.
    ///
    /// `notify` must not wait for anything that waits for this pool: while it runs, no other command's output is
    /// read. A callback that is slow slows the commands down, which is what keeps memory flat.
    pub fn spawn(&self, spec: Spec, notify: impl Fn(Notice) + Send + Sync + 'static) -> Handle {
        let group = Arc::new(Group::new(self.next.fetch_add(1, Ordering::Relaxed)));
        let job = Job { spec, group: Arc::clone(&group), notify: Box::new(notify) };
        self.queue.push(job);
        Handle { group, mailbox: Arc::clone(&self.mailbox) }
    }
}

impl Pool {
    /// Lets what runs go on when the pool is dropped, because it is somebody else's now. Their pipes are read until this
    /// process ends; whoever writes after that is sent SIGPIPE.
    pub fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.left.load(Ordering::Relaxed) {
            return;
        }
        let mut jobs = self.queue.lock();
        jobs.closing = true;
        let threads = std::mem::take(&mut jobs.threads);
        drop(jobs);
        self.queue.bell.notify_all();
        threads.into_iter().for_each(join);
        // Only now, so that what a spawner was just starting is known to the reactor before it is told to go.
        self.mailbox.send(Letter::Quit);
        self.reactor.take().into_iter().for_each(join);
    }
}

/// Joins a thread, unless a callback on that very thread drops the pool.
fn join(thread: JoinHandle<()>) {
    if thread.thread().id() != std::thread::current().id() {
        let _ = thread.join();
    }
}

impl Handle {
    /// Sends SIGTERM to the whole group, and SIGKILL when its grace is over. A command that is not running yet is
    /// not started. A second call changes nothing.
    pub fn stop(&self) {
        if self.group.terminate(Cause::Request) {
            self.mailbox.send(Letter::Asked(self.group.id));
        }
    }

    /// Takes back a command that is not running yet. One that runs is left alone; one that is just being started is
    /// stopped.
    pub fn forgo(&self) {
        self.group.forgo();
    }

    /// Sends SIGKILL to the whole group at once. A command that is not running yet is not started.
    pub fn kill(&self) {
        self.group.kill(Cause::Request);
    }

    /// Suspends the whole group with SIGSTOP, and returns when it was sent: one that is just being started is waited for.
    /// Its timeout does not count the time; a command that is not running yet is suspended as soon as it does.
    pub fn pause(&self) {
        self.group.pause();
        self.mailbox.send(Letter::Paused(self.group.id));
    }

    /// Lets a suspended group go on with SIGCONT.
    pub fn resume(&self) {
        self.group.go_on();
        self.mailbox.send(Letter::Paused(self.group.id));
    }
}

struct Job {
    spec: Spec,
    group: Arc<Group>,
    notify: Notify,
}

/// The commands that wait for a spawner, and the spawners.
struct Queue {
    jobs: Mutex<Jobs>,
    bell: Condvar,
    mailbox: Arc<Mailbox>,
    boot: Arc<str>,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    idle: usize,
    most: usize,
    threads: Vec<JoinHandle<()>>,
    closing: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(self: &Arc<Self>, job: Job) {
        let mut jobs = self.lock();
        jobs.waiting.push_back(job);
        if jobs.waiting.len() > jobs.idle && jobs.threads.len() < jobs.most {
            // When it fails, those that are there do the work.
            let _ = self.hire(&mut jobs);
        }
        drop(jobs);
        self.bell.notify_one();
    }

    fn hire(self: &Arc<Self>, jobs: &mut Jobs) -> io::Result<()> {
        let queue = Arc::clone(self);
        let thread = std::thread::Builder::new().name("exec-spawner".into()).spawn(move || queue.work())?;
        jobs.threads.push(thread);
        Ok(())
    }

    fn work(&self) {
        let mut jobs = self.lock();
        loop {
            if let Some(job) = jobs.waiting.pop_front() {
                let closing = jobs.closing;
                drop(jobs);
                self.start(job, closing);
                jobs = self.lock();
            } else if jobs.closing {
                return;
            } else {
                jobs.idle += 1;
                jobs = self.bell.wait(jobs).unwrap_or_else(PoisonError::into_inner);
                jobs.idle -= 1;
            }
        }
    }

    fn start(&self, job: Job, closing: bool) {
        let Job { spec, group, notify } = job;
        if closing {
            group.kill(Cause::Request);
        }
        if let Err(killed) = group.starts() {
            return refuse(&notify, End::Stopped { death: None, killed });
        }
        let times = (spec.timeout, spec.grace);
        let marks = (spec.marks.clone(), spec.leaves_none);
        let started = now();
        match launch(spec, &self.boot) {
            Ok(launched) => {
                let identity = launched.identity.clone();
                group.born(launched.pid);
                let running = Box::new(Running::new(launched, group, notify, times, marks, started));
                self.mailbox.send(Letter::Adopt(running, identity));
            }
            Err(error) => {
                group.stillborn();
                refuse(&notify, End::NotStarted(error));
            }
        }
    }
}
