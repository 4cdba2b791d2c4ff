//! Commands that only look, asked side by side: a few at once, each with its time, and none outlives the one who asked.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::mpsc::unbounded_channel;

use crate::exec::{Ended, Handle, Notice, Pool, Spec};

use super::clock;
use super::looping::Interrupt;
use super::observe::{Onlooker, Progress};
use super::signals::{Came, Signals};

/// How often the onlooker hears how far it is.
const TICK: Duration = Duration::from_millis(100);

/// The time between SIGTERM and SIGKILL: what only looks has nothing to put away.
const GRACE: Duration = Duration::from_secs(1);

/// What the processes of one question have in their environment, by which those that left its group are found.
const MARK: &str = "RUNBOOK_OBSERVE";

/// A command to be asked.
pub(super) struct Question {
    /// Whose it is, for people.
    pub(super) label: String,
    /// The command.
    pub(super) spec: Spec,
}

/// Asks commands.
pub(super) struct Glances<'a> {
    pool: &'a Pool,
    runtime: Runtime,
    signals: Signals,
    most: usize,
    asked: usize,
    answered: usize,
}

struct Flying {
    handle: Handle,
    label: String,
    since: Instant,
}

impl<'a> Glances<'a> {
    /// Returns one that asks at most `most` commands at once. From here on a signal ends what is asked, and not this
    /// process by itself.
    ///
    /// # Errors
    ///
    /// When the system does not let us.
    pub(super) fn new(pool: &'a Pool, most: usize) -> io::Result<Glances<'a>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let signals = {
            let _inside = runtime.enter();
            Signals::listen()?
        };
        Ok(Glances { pool, runtime, signals, most: most.max(1), asked: 0, answered: 0 })
    }

    /// Asks all of them and returns how each ended, in their order.
    ///
    /// # Errors
    ///
    /// The signal that came. Every command has ended then.
    pub(super) fn ask(
        &mut self,
        questions: Vec<Question>,
        onlooker: &mut dyn Onlooker,
    ) -> Result<Vec<Ended>, Interrupt> {
        let Glances { pool, runtime, signals, most, asked, answered } = self;
        let count = questions.len();
        *asked += count;
        let mut waiting: VecDeque<(usize, Question)> = questions.into_iter().enumerate().collect();
        let mut flying: HashMap<usize, Flying> = HashMap::new();
        let mut answers: Vec<Option<Ended>> = (0..count).map(|_| None).collect();
        let mut stopped: Option<Interrupt> = None;
        let (tell, mut hear) = unbounded_channel::<(usize, Box<Ended>)>();
        if count > 0 {
            // However soon all of them are answered.
            let (answered, asked, at_once) = (*answered, *asked, *most);
            onlooker.progress(&Progress { answered, asked, at_once, longest: None });
        }
        runtime.block_on(async {
            let mut tick = tokio::time::interval(TICK);
            loop {
                while flying.len() < *most
                    && let Some((number, Question { label, mut spec })) = waiting.pop_front()
                {
                    let mark = format!("{}.{}", std::process::id(), *answered + number);
                    spec.marks.push(format!("{MARK}={mark}").into());
                    spec.env.push((MARK.into(), Some(mark.into())));
                    spec.grace = spec.grace.min(GRACE);
                    // A plan starts no service.
                    spec.leaves_none = true;
                    let tell = tell.clone();
                    let handle = pool.spawn(spec, move |notice| {
                        if let Notice::Ended(ended) = notice {
                            let _ = tell.send((number, ended));
                        }
                    });
                    flying.insert(number, Flying { handle, label, since: clock::instant() });
                }
                if flying.is_empty() {
                    return;
                }
                tokio::select! {
                    heard = hear.recv() => {
                        let Some((number, ended)) = heard else { return };
                        flying.remove(&number);
                        *answered += 1;
                        answers[number] = Some(*ended);
                    }
                    came = signals.recv() => match came {
                        // What only looks is not waited for; whoever presses it twice has no time at all.
                        Came::Stop(which) => {
                            waiting.clear();
                            let again = stopped.is_some();
                            if stopped != Some(Interrupt::Term) {
                                stopped = Some(which);
                            }
                            flying.values().for_each(|one| if again { one.handle.kill() } else { one.handle.stop() });
                        }
                        Came::Suspend => {
                            flying.values().for_each(|one| one.handle.pause());
                            signals.stopped().await;
                            flying.values().for_each(|one| one.handle.resume());
                        }
                        Came::GoOn => {}
                    },
                    _ = tick.tick() => {
                        let longest = flying.values().min_by_key(|one| one.since);
                        onlooker.progress(&Progress {
                            answered: *answered,
                            asked: *asked,
                            at_once: *most,
                            longest: longest.map(|one| (one.label.clone(), one.since.elapsed())),
                        });
                    }
                }
            }
        });
        match stopped {
            Some(which) => Err(which),
            // None is missing: all have ended, and nothing was taken back.
            None => Ok(answers.into_iter().flatten().collect()),
        }
    }
}
