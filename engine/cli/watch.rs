//! A live run watched from another terminal: the reporter that shows a run as it goes, fed from the journal.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::{Signal, getpid, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use super::console::Console;
use super::error::CliError;
use super::exit::{Asked, Exit};
use super::settings::Settings;
use super::{past, stores, view};
use crate::driver::{DriveError, hangup, now};
use crate::journal::{OutputDir, Record, RunId, Store, Stream};
use crate::machine::{Event, Graph, Leaf, Mode, State};
use crate::report::{self, EndInfo, Reporter, Seen};

const SIGTSTP: i32 = 20;
const SIGCONT: i32 = 18;

/// For how many looks nothing must go on before it is said that a person is waited for: between two commits nothing does.
const STILL: u32 = 5;

/// How often the journal is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How many bytes of an output are read at a look: only its last line is shown.
const LONGEST: u64 = 64 * 1024;

/// Follows a run until it rests or its engine is gone, and returns how that ends: a script that looks on learns what became of
/// it. Ctrl-C ends the watching, and not the run.
///
/// # Errors
///
/// Whatever the journal refuses; events that do not follow from each other.
pub fn watch(
    store: &mut Store,
    run: &RunId,
    settings: &Settings,
    console: Console,
) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(follow(store, run, settings, console))
}

async fn follow(
    store: &mut Store,
    run: &RunId,
    settings: &Settings,
    console: Console,
) -> Result<Exit, CliError> {
    // The view may hide the cursor, so an end by a signal must come back here.
    let mut int = signal(SignalKind::interrupt())?;
    let mut term = signal(SignalKind::terminate())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut hup = hangup()?;
    let mut stop = signal(SignalKind::from_raw(SIGTSTP))?;
    let mut go_on = signal(SignalKind::from_raw(SIGCONT))?;
    loop {
        let mut watched = Watched::begin(store, run, settings)?;
        loop {
            // Asked before the events are read: what a run did last is then among them.
            let alive = stores::is_alive(&store.run(run)?);
            let records = if store.changed()? { store.tail(run, watched.seen)? } else { Vec::new() };
            // Its steps are others from there on.
            if records.iter().any(|record| matches!(record.event, Event::Renewed { .. })) {
                watched.view.suspend();
                console.say("the run goes on with the file as it is now");
                break;
            }
            records.into_iter().try_for_each(|record| watched.show(run, &record))?;
            watched.look_for_a_person(store, run, settings)?;
            watched.printed.hand_over(&watched.outputs, run, watched.view.as_mut());
            watched.view.tick(now());
            if !alive {
                return watched.end(run, settings, console);
            }
            tokio::select! {
                _ = int.recv() => { watched.view.suspend(); return Ok(Exit::Interrupted) }
                _ = quit.recv() => { watched.view.suspend(); return Ok(Exit::Interrupted) }
                () = hup.recv() => { watched.view.suspend(); return Ok(Exit::Interrupted) }
                _ = term.recv() => { watched.view.suspend(); return Ok(Exit::Terminated) }
                _ = stop.recv() => {
                    watched.view.suspend();
                    // Not SIGTSTP: ours is listened to.
                    let _ = kill_process(getpid(), Signal::STOP);
                    watched.view.unsuspend();
                }
                // Stopped in a way that can't be seen coming: what stood on the terminal is gone.
                _ = go_on.recv() => { watched.view.suspend(); watched.view.unsuspend() }
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

/// A run as far as it was watched.
struct Watched {
    graph: Graph,
    state: State,
    view: Box<dyn Reporter>,
    outputs: OutputDir,
    printed: Printed,
    seen: u64,
    /// For how many looks nothing went on.
    still: u32,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Which engine drove it last: each has a number of its own, whatever became of the one before it.
    epoch: u64,
    /// What that engine was asked for, once it was recorded, and whether SIGTERM stopped it.
    asked: Option<Asked>,
    term: bool,
}

impl Watched {
    /// Shows all that there is by now. Snapshot and events are of one moment: a run that is renewed beside us has others.
    fn begin(store: &Store, run: &RunId, settings: &Settings) -> Result<Watched, CliError> {
        let stored = store.load(run)?;
        let graph = Graph::of_snapshot(stored.snapshot);
        let state = State::new(&graph);
        let mut view = view::of(settings);
        past::tell(view.as_mut(), store, &stored.run.runbook, Some(run.as_str()), settings);
        let (outputs, printed) = (store.outputs(), Printed::default());
        let mut watched = Watched {
            graph,
            state,
            view,
            outputs,
            printed,
            seen: 0,
            still: 0,
            first: None,
            last: None,
            epoch: 0,
            asked: None,
            term: false,
        };
        stored.records.iter().try_for_each(|record| watched.show(run, record))?;
        Ok(watched)
    }

    fn show(&mut self, run: &RunId, record: &Record) -> Result<(), CliError> {
        let illegal = |source| DriveError::Illegal { run: run.to_string(), source };
        // Not by whether the run rested, or was taken over: of an engine that was killed nothing says that it is gone.
        if record.epoch != self.epoch {
            (self.epoch, self.asked, self.term, self.first) = (record.epoch, None, false, None);
        }
        let asked = match &record.event {
            Event::Opened(_) | Event::Resumed { .. } => Some(Asked::Forward),
            // Of an engine that was asked to go forwards it was chosen at the prompt of a failed step.
            Event::RollbackBegan { by: Some(_), .. } => Some(Asked::Back),
            Event::StopRequested { by, .. } => {
                self.term |= by == "SIGTERM";
                None
            }
            _ => None,
        };
        if self.asked.is_none() && asked.is_some() {
            // What it settled before is not its time: it waited for what the engine before it had begun.
            (self.asked, self.first) = (asked, None);
        }
        self.state.apply(&self.graph, &record.event).map_err(illegal)?;
        (self.seen, self.last) = (record.seq, Some(record.at));
        self.first.get_or_insert(record.at);
        self.still = 0;
        self.printed.follow(&record.event);
        self.view.event(&Seen {
            run: run.as_str(),
            seq: record.seq,
            at: record.at,
            event: &record.event,
            state: &self.state,
            graph: &self.graph,
        });
        Ok(())
    }

    /// Says who decides what becomes of a failed step, while the run waits for that and for nothing else: no event tells of it.
    fn look_for_a_person(&mut self, store: &Store, run: &RunId, settings: &Settings) -> Result<(), CliError> {
        self.still = self.still.saturating_add(1);
        let text = match self.still {
            0..STILL => String::new(),
            STILL => match stores::undecided(&self.state, &self.graph) {
                Some(step) => self.who_decides(&step, store, run, settings)?,
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        self.view.waits(&text);
        Ok(())
    }

    fn who_decides(
        &self,
        step: &str,
        store: &Store,
        run: &RunId,
        settings: &Settings,
    ) -> Result<String, CliError> {
        let lease = store.run(run)?.lease;
        let who = lease.map_or_else(
            || "whoever started it".to_owned(),
            |lease| format!("{}@{}", lease.holder.person.name, lease.holder.process.host),
        );
        let program = settings.program();
        Ok(format!(
            "{step} failed, and {who} is asked at the run's own terminal what becomes of it\n\
             to decide it here:\n  {program} cancel {run}\n  {program} resume {run}"
        ))
    }

    fn end(mut self, run: &RunId, settings: &Settings, console: Console) -> Result<Exit, CliError> {
        let program = settings.program();
        if self.state.mode != Mode::Resting {
            self.view.suspend();
            console
                .say(&format!("no engine drives it any more; `{program} status {run}` tells how it stands"));
            return Ok(Exit::Failed);
        }
        let took = self.first.zip(self.last).map(|(first, last)| last.duration_since(first).unsigned_abs());
        let took = took.unwrap_or_default();
        let (state, graph) = (&self.state, &self.graph);
        self.view.close(&EndInfo { run: run.as_str(), program: &program, state, graph, took });
        Ok(Exit::of_watched(state.status, self.term, self.asked.unwrap_or(Asked::Forward)))
    }
}

/// What the commands at work print, which is in files and not in the journal.
#[derive(Default)]
struct Printed {
    /// How much of each output was handed over.
    at_work: BTreeMap<(Leaf, Stream), u64>,
}

impl Printed {
    fn follow(&mut self, event: &Event) {
        match event {
            Event::Intent { leaf, .. } => {
                for stream in [Stream::Stdout, Stream::Stderr] {
                    self.at_work.insert((leaf.clone(), stream), 0);
                }
            }
            Event::Exited { leaf, .. } | Event::Judged { leaf, .. } | Event::Doubted { leaf } => {
                self.at_work.retain(|(other, _), _| other != leaf);
            }
            Event::Resumed { .. } | Event::Rested { .. } => self.at_work.clear(),
            _ => {}
        }
    }

    /// Hands what is new to the view. An output that can't be read is left out: it is shown, and nothing hangs on it.
    fn hand_over(&mut self, outputs: &OutputDir, run: &RunId, view: &mut dyn Reporter) {
        for ((leaf, stream), from) in &mut self.at_work {
            let Ok(length) = outputs.length(run, leaf, *stream) else { continue };
            // A gate's next poll begins its file anew. Of what is behind by more only the end is shown.
            *from = if length < *from { 0 } else { (*from).max(length.saturating_sub(LONGEST)) };
            let Ok(bytes) = outputs.read(run, leaf, *stream, *from, LONGEST) else { continue };
            if !bytes.is_empty() {
                *from += bytes.len() as u64;
                view.output(
                    leaf,
                    if *stream == Stream::Stdout { report::Stream::Stdout } else { report::Stream::Stderr },
                    &bytes,
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::machine::Stage;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Reporter for Kept {
        fn event(&mut self, _: &Seen<'_>) {}
        fn output(&mut self, _: &Leaf, _: report::Stream, bytes: &[u8]) {
            self.0.lock().unwrap().extend_from_slice(bytes);
        }
        fn close(&mut self, _: &EndInfo<'_>) {}
    }

    #[test]
    fn of_much_output_its_end_is_read_at_once() {
        let place = tempfile::tempdir().unwrap();
        let outputs = OutputDir::beside(&place.path().join("journal.db"));
        let run: RunId = RunId::parse("r7k2m9qd").unwrap();
        let leaf = Leaf { step: "copy".to_owned(), stage: Stage::Action, attempt: 1 };
        let mut file = outputs.create(&run, &leaf, Stream::Stdout).unwrap();
        file.write_all(&b"a line of many\n".repeat(100_000)).unwrap();
        file.write_all(b"the current line\n").unwrap();
        let mut printed = Printed::default();
        printed.at_work.insert((leaf.clone(), Stream::Stdout), 0);
        let kept = Kept::default();
        let mut view = kept.clone();
        printed.hand_over(&outputs, &run, &mut view);
        let first = kept.0.lock().unwrap().clone();
        assert!(first.ends_with(b"the current line\n") && first.len() as u64 == LONGEST);
        file.write_all(b"and the next\n").unwrap();
        printed.hand_over(&outputs, &run, &mut view);
        assert!(kept.0.lock().unwrap()[first.len()..] == *b"and the next\n", "nothing twice");
        // A gate's next poll.
        outputs.ready(&run, &leaf, true).unwrap();
        outputs.create(&run, &leaf, Stream::Stdout).unwrap().write_all(b"7\n").unwrap();
        printed.hand_over(&outputs, &run, &mut view);
        assert!(kept.0.lock().unwrap().ends_with(b"and the next\n7\n"));
    }
}
