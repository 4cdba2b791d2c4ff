//! How an engine leaves a run that it may write no more: what runs is let finish, or left to who drives the run now, and
//! what is in no journal is told.

use std::collections::BTreeSet;

use crate::exec::Notice;
use crate::journal::JournalError;
use crate::machine::{End, Leaf, Stage};

use super::super::clock;
use super::super::error::DriveError;
use super::super::launch;
use super::super::signals::{Came, Signals};
use super::{Interrupt, Life, Loop, Message, TICK};

impl Loop<'_> {
    /// Nothing can be recorded any more, so nothing more is started; what runs is let finish, and its end is told. Whoever wanted
    /// it stopped is obeyed, although that can't be recorded either.
    pub(super) async fn stopped(
        &mut self,
        life: &mut Life,
        signals: &mut Signals,
        error: DriveError,
    ) -> DriveError {
        life.desk.end("the run can't go on here");
        let DriveError::Journal(source) = error else {
            life.flying.values().for_each(|flying| flying.handle.stop());
            self.let_finish(life, signals).await;
            return error;
        };
        if matches!(source, JournalError::Fenced(_)) {
            return self.left_to_another(life, signals, source).await;
        }
        self.end_tape("the journal could not be written");
        if !life.desk.is_free() {
            self.clear_desk(life).await;
        }
        self.say_stopped(life, &source);
        if life.hard {
            life.flying.values().for_each(|flying| flying.handle.stop());
        }
        // At once: what is left of a deleted journal ends with this process, which may be killed while it waits.
        let saved = matches!(source, JournalError::Moved { .. }).then(|| self.writer.rescue());
        if let Some(Err(error)) = &saved {
            self.reporter.aside(&format!("the journal could not be saved either: {}", error.in_full()));
        }
        let lost = self.let_finish(life, signals).await;
        let run = self.writer.run().to_string();
        DriveError::Stopped { run, source: Box::new(source), lost, saved: saved.and_then(Result::ok) }
    }

    /// Says on the tape that is recorded, and to whoever wanted it, that it ends before the run does.
    fn end_tape(&mut self, why: &str) {
        let Some(mut recorder) = self.recorder.take() else { return };
        let ended = recorder.end(why).err().map(|error| format!(" ({error})")).unwrap_or_default();
        let path = recorder.path().display();
        self.reporter.aside(&format!("{path} ends here: {why}{ended}"));
    }

    /// Says at once that the run ends here: the wait for what runs may be long.
    fn say_stopped(&mut self, life: &Life, why: &JournalError) {
        self.reporter.aside(&format!("the journal can't be written: {}", why.in_full()));
        let mut names: Vec<&str> = life.flying.keys().map(|leaf| leaf.step.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if !names.is_empty() {
            let names = names.join(", ");
            self.reporter.aside(&match life.hard {
                true => format!("nothing more is started; what runs is stopped: {names}"),
                false => {
                    format!("nothing more is started; what runs may finish: {names} (Ctrl-C stops it)")
                }
            });
        }
        self.reporter.tick(clock::now());
    }

    /// Somebody else drives the run now, and waits for what runs here: it is neither stopped nor doubled. Nothing more is
    /// started or written; what the commands print is read until they end, since a command whose output nobody reads is
    /// killed by the system when it writes (SIGPIPE). Ctrl-C leaves at once all the same.
    pub(super) async fn left_to_another(
        &mut self,
        life: &mut Life,
        signals: &mut Signals,
        error: JournalError,
    ) -> DriveError {
        life.desk.end("the run was taken over");
        self.end_tape("the run was taken over");
        if let Some(pool) = self.pool {
            pool.leave();
        }
        life.hooks.kill();
        life.flying.values().for_each(|flying| flying.handle.forgo());
        if !life.desk.is_free() {
            self.clear_desk(life).await;
        }
        if !life.flying.is_empty() {
            self.reporter.aside(&error.to_string());
            let names: BTreeSet<String> = life.flying.keys().map(|leaf| format!("`{}`", leaf.step)).collect();
            let names = names.into_iter().collect::<Vec<_>>().join(", ");
            self.reporter.aside(&format!(
                "What {names} still prints is read here until it ends. Ctrl-C leaves at once; what prints after that is \
                 killed by SIGPIPE"
            ));
        }
        let mut draw = tokio::time::interval(TICK);
        while !life.flying.is_empty() {
            tokio::select! {
                message = life.messages.recv() => {
                    let Some(Message::Notice(leaf, Notice::Ended(ended))) = message else { continue };
                    life.flying.remove(&leaf);
                    if let Some(told) = told_of(&leaf, &launch::end(&ended.end)) {
                        self.reporter.aside(&format!("{told} (this is in no journal)"));
                    }
                }
                _ = draw.tick() => self.reporter.tick(clock::now()),
                came = signals.recv() => match came {
                    Came::Stop(Interrupt::Hup) | Came::GoOn => {}
                    Came::Stop(_) => break,
                    // What runs here is no longer ours to stop.
                    Came::Suspend => signals.stopped().await,
                },
            }
        }
        self.reporter.suspend();
        error.into()
    }

    /// Waits until everything that runs has ended, and returns what did and is in no journal. Whoever does not want to
    /// wait presses Ctrl-C: nothing is started any more, so it is the second one.
    async fn let_finish(&mut self, life: &mut Life, signals: &mut Signals) -> Vec<String> {
        let mut told = std::mem::take(&mut life.unrecorded);
        let mut tick = tokio::time::interval(TICK);
        while !life.flying.is_empty() {
            let message = tokio::select! {
                message = life.messages.recv() => message,
                came = signals.recv() => {
                    match came {
                        Came::Stop(Interrupt::Hup) | Came::GoOn => {}
                        Came::Stop(_) => life.flying.values().for_each(|flying| flying.handle.stop()),
                        Came::Suspend => {
                            life.flying.values().for_each(|flying| flying.handle.pause());
                            signals.stopped().await;
                            life.flying.values().for_each(|flying| flying.handle.resume());
                        }
                    }
                    continue;
                }
                _ = tick.tick() => {
                    self.draw(life);
                    continue;
                }
            };
            let Some(message) = message else { break };
            if let Message::Notice(leaf, Notice::Ended(ended)) = message {
                life.flying.remove(&leaf);
                told.extend(told_of(&leaf, &launch::end(&ended.end)));
            }
        }
        told
    }
}

/// Returns the end of a change, for the people who will not find it in the journal.
pub(super) fn told_of(leaf: &Leaf, end: &End) -> Option<String> {
    matches!(leaf.stage, Stage::Action | Stage::Undo)
        .then(|| format!("{}: {}", leaf.step, crate::machine::describe(end)))
}
