//! A rehearsal's part of the loop: what the tape answers, and the time that jumps.

use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

use crate::journal::Stream as File;
use crate::machine::{Finish, Input, Instance, Leaf, Outcome, Prepared, step_of};
use crate::model::Rendered;
use crate::report::Stream;

use super::super::{clock, launch};
use super::{Beats, Life, Loop, Printed, Signals};

/// Ends this process as a power cut would: nothing of it runs after it.
fn die() {
    let _ = kill_process(getpid(), Signal::KILL);
}

/// Says whether nothing more is to come of an instance, forwards.
fn is_over(instance: &Instance) -> bool {
    !matches!(instance.finish, None | Some(Finish::Failed(_) | Finish::Stopped))
}

impl Loop<'_> {
    /// Returns the time that is recorded: of a rehearsal its own.
    pub(super) fn time(&self) -> jiff::Timestamp {
        self.player.as_ref().map_or_else(clock::now, |player| player.timestamp())
    }

    /// Returns how long this engine has worked on the run.
    pub(super) fn worked(&self) -> Duration {
        match &self.player {
            Some(player) => player.now().saturating_duration_since(self.began),
            None => self.began.elapsed(),
        }
    }

    /// Hands a command to the tape.
    pub(super) fn play(&mut self, life: &mut Life, leaf: Leaf, command: &Prepared) {
        let step = match self.machine.state().find(&leaf.step) {
            Some(at) => self.machine.graph().step(at.node).id.clone(),
            None => leaf.step.clone(),
        };
        let texts =
            || command.argv.iter().chain(&command.stdin).chain(command.env.iter().map(|(_, value)| value));
        let is_masked = !self.launcher.secrets.is_empty() && texts().any(Rendered::is_masked);
        // Of few commands, since it looks at the whole tape.
        if is_masked && !self.player.as_ref().is_some_and(|player| player.has_recorded(command)) {
            // As in earnest: what would be sent is not what was meant.
            let end = Some(crate::machine::End::NotStarted(launch::MASKED.to_owned()));
            let outcome = Box::new(Outcome { end, ..Outcome::default() });
            return life.queue.push(Input::Ended { leaf, outcome });
        }
        let Some(player) = &mut self.player else { return };
        if command.sensitive {
            life.quiet.insert(leaf.clone());
        }
        let dies = player.dies_in(&leaf, &step);
        player.begin(leaf.clone(), &step, command);
        if dies {
            let unheard = player.take_effects();
            if let Some(script) = &mut self.script {
                script.unheard = unheard;
            }
            self.die_in(&leaf);
        }
    }

    /// Dies as by SIGKILL: the command took effect, its intent is durable, and nobody heard of its end.
    fn die_in(&mut self, leaf: &Leaf) {
        let at = self.time();
        if let Some(moved) = self.player.as_mut().and_then(super::Player::moved) {
            // What is not recorded now never happened: the tape is then where it was.
            let turn = self.machine.decide(&self.judge, moved);
            let written = turn.ok().map(|turn| self.writer.append(at, turn.events));
            if !matches!(written, Some(Ok(_))) {
                tracing::warn!("what the tape has come to could not be recorded");
            }
        }
        if let Some(script) = &mut self.script {
            script.dead = true;
            return;
        }
        let run = self.writer.run();
        self.reporter.aside(&format!(
            "the engine is killed in {} (--kill-at); go on with it: {} resume {run}",
            leaf.step, self.program
        ));
        self.reporter.suspend();
        die();
    }

    /// Ends this process where the journal has as many events as was typed.
    pub(super) fn die_after(&mut self) {
        let Some(after) = self.player.as_ref().and_then(|player| player.dies_after(self.writer.seq())) else {
            return;
        };
        self.reporter.aside(&format!(
            "the engine is killed (--kill-after {after}); go on with it: {} resume {}",
            self.program,
            self.writer.run()
        ));
        self.reporter.suspend();
        die();
    }

    /// Says what is still to go wrong in a rehearsal that is taken up with these inputs: it was typed a while ago. What can't
    /// come on the way that it goes is not said.
    pub(super) fn say_what_is_to_come(&mut self, first: &[Input]) {
        let Some(player) = &self.player else { return };
        let state = self.machine.state();
        let back = state.rollback || first.iter().any(|input| matches!(input, Input::Rollback { .. }));
        let unstruck = player.unstruck().into_iter();
        let to_come = unstruck.filter(|(_, (_, step))| self.may_come(step, back)).map(|(words, _)| words);
        let killed = player.kill_after().map(|after| format!("--kill-after {after}"));
        let words: Vec<String> = to_come.chain(killed).collect();
        if self.news.is_empty() && !words.is_empty() {
            self.reporter.aside(&format!("still to go wrong: {}", words.join(" ")));
        }
    }

    /// Says whether a command of a step, or of an instance, may still be run. On the way back only those of `finally` are, which
    /// run at every end.
    fn may_come(&self, step: &str, back: bool) -> bool {
        let (state, graph) = (self.machine.state(), self.machine.graph());
        let id = step_of(step, |id| state.node(id).is_some());
        let Some(node) = state.node(id) else { return false };
        let mut instances = state.instances().filter(|(at, _)| at.node == node).peekable();
        // Of a `for_each` that was not reached nobody knows which there will be.
        let is_known = instances.peek().is_some();
        let names = |at| step == id || state.name(graph, at) == step;
        if graph.is_finally(node) {
            return !is_known || instances.any(|(at, _)| names(at));
        }
        let open = |(at, instance): (_, &Instance)| names(at) && !is_over(instance);
        !back && (!is_known || instances.any(open))
    }

    /// Says which faults struck nothing: what was to be rehearsed was not.
    pub(super) fn say_unstruck(&mut self) {
        let Some(player) = &self.player else { return };
        let (state, graph) = (self.machine.state(), self.machine.graph());
        for (words, (_, step)) in player.unstruck() {
            let id = step_of(&step, |id| state.node(id).is_some());
            let others: Vec<String> = state
                .instances()
                .filter(|(at, _)| graph.step(at.node).id == id)
                .map(|(at, _)| state.name(graph, at))
                .collect();
            let why = match state.find(&step) {
                None if step != id && !others.is_empty() => {
                    format!("there is no {step}; there is {}", others.join(", "))
                }
                _ => format!("no command of {step} was run"),
            };
            let comes = state.is_unfinished() && self.may_come(&step, state.rollback);
            let did = if comes { "has done nothing yet" } else { "did nothing" };
            self.reporter.aside(&format!("{words} {did}: {why}"));
        }
        if let Some(after) = player.kill_after() {
            let did = if state.is_unfinished() { "has done nothing yet" } else { "did nothing" };
            let events = self.writer.seq();
            self.reporter.aside(&format!("--kill-after {after} {did}: the run has {events} events"));
        }
    }

    /// Takes in what the tape has answered by now.
    pub(super) fn hear_tape(&mut self, life: &mut Life) {
        while let Some((leaf, mut outcome)) = self.player.as_mut().and_then(super::Player::ended) {
            let quiet = life.quiet.remove(&leaf);
            for text in [&mut outcome.stdout, &mut outcome.stderr] {
                *text = self.launcher.redactor.redact(text).into_owned();
            }
            if quiet {
                outcome.tail.clear();
            } else {
                self.keep(&leaf, &mut outcome);
            }
            // Before the end that comes of it: an engine that dies in between finds the tape where the command left it.
            life.queue.extend(self.player.as_mut().and_then(super::Player::moved));
            life.queue.push(Input::Ended { leaf, outcome: Box::new(outcome) });
        }
    }

    /// Keeps what a command printed where `runbook logs` finds it, and shows it.
    fn keep(&mut self, leaf: &Leaf, outcome: &mut Outcome) {
        if outcome.tail.is_empty() {
            outcome.tail = Printed::of(&outcome.stdout, &outcome.stderr).last_lines();
        }
        let kept = [
            (File::Stdout, Stream::Stdout, &outcome.stdout),
            (File::Stderr, Stream::Stderr, &outcome.stderr),
        ];
        for (file, stream, bytes) in kept {
            if bytes.is_empty() {
                continue;
            }
            self.reporter.output(leaf, stream, bytes);
            if self.script.is_some() {
                // Nobody asks for the logs of a test, and its files are most of what it does to the disk.
                continue;
            }
            let outputs = &self.launcher.outputs;
            let written =
                outputs.create(&self.launcher.run, leaf, file).map_err(|error| error.to_string()).and_then(
                    |mut file| std::io::Write::write_all(&mut file, bytes).map_err(|error| error.to_string()),
                );
            if let Err(why) = written {
                outcome.unkept = Some(why);
            }
        }
    }

    /// Lets the time jump to the next moment, and says whether there is one: where only a person is waited for, or
    /// nothing, time goes by as it does.
    pub(super) fn jump(&mut self, life: &mut Life) -> bool {
        let Some(player) = &mut self.player else { return false };
        let machine = &self.machine;
        life.timers.retain(|id| machine.awaits(id));
        let next =
            [player.next(), life.timers.next_of(|id| machine.moves_on_at(id))].into_iter().flatten().min();
        let Some(next) = next else { return false };
        let by = next.saturating_duration_since(player.now());
        player.advance(by);
        life.timers.pretend(player.now());
        // Who is asked has as long as they were told, by their own clock.
        life.timers.put_off_some(by, |id| machine.is_for_person(id));
        true
    }

    /// Lets time go by as it did.
    pub(super) fn pass(&mut self, life: &mut Life, since: std::time::Instant) {
        if let Some(player) = &mut self.player {
            player.advance(clock::instant().saturating_duration_since(since));
            life.timers.pretend(player.now());
        }
    }

    /// Looks at what is real without waiting for it: however much there is to rehearse, Ctrl-C is heard and the lease kept.
    pub(super) async fn look_up(&mut self, life: &mut Life, signals: &mut Signals, beats: &mut Beats) {
        // The runtime looks at signals and clocks only when there is nothing to do.
        tokio::task::yield_now().await;
        tokio::select! {
            biased;
            came = signals.recv() => self.signalled(life, signals, came).await,
            _ = beats.heartbeat.tick() => self.beat(life),
            _ = beats.inbox.tick() => self.look_into_inbox(life),
            _ = beats.tick.tick() => self.draw(life),
            () = std::future::ready(()) => {}
        }
    }
}
