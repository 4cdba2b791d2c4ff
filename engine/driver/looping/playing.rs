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
        let recorded = self.player.as_ref().is_some_and(|player| player.has_recorded(command));
        if !recorded && !self.launcher.secrets.is_empty() && texts().any(Rendered::is_masked) {
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

    /// Says what is still to go wrong in a rehearsal that is taken up: it was typed a while ago.
    pub(super) fn say_what_is_to_come(&mut self) {
        let Some(player) = &self.player else { return };
        let words: Vec<String> = player.unstruck().into_iter().map(|(words, _)| words).collect();
        if self.news.is_empty() && !words.is_empty() {
            self.reporter.aside(&format!("still to go wrong: {}", words.join(" ")));
        }
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
            let open = |name: &str| state.find(name).is_some_and(|at| !is_over(state.at(at)));
            let comes =
                open(&step) || step == id && (others.is_empty() || others.iter().any(|name| open(name)));
            let did = if state.is_unfinished() && comes { "has done nothing yet" } else { "did nothing" };
            self.reporter.aside(&format!("{words} {did}: {why}"));
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
