//! Runs played by hand through the real fold, for the tests of every reporter.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::{EndInfo, Paint, Reporter, Seen, Size, Stream, Timeline, end_screen};
use crate::machine::*;
use crate::model::{Action, Body, Capture, Effect, Gate, Map, Runbook, Step, Text, Tree, Undo};

pub(super) const RUN: &str = "r7k2m9qd";
pub(super) const UTF8: Paint = Paint { colour: false, unicode: true };
pub(super) const SMALL: Size = Size { columns: 80, rows: 24 };

/// A run with all that was ever seen of it.
pub(super) struct Play {
    pub(super) graph: Graph,
    pub(super) state: State,
    pub(super) timeline: Timeline,
    pub(super) now: Timestamp,
    pub(super) reporters: Vec<Box<dyn Reporter>>,
    pub(super) events: Vec<(Timestamp, Event)>,
    seq: u64,
    attempts: BTreeMap<(String, u8), u32>,
}

pub(super) fn person() -> Person {
    Person { name: "ada".to_owned(), host: "ops1".to_owned(), via: String::new() }
}

/// A runbook like the first one: a check, a `for_each` that scales, an approval, and a step that can't be undone.
pub(super) fn runbook() -> Runbook {
    let step = |id: &str, phase: &str, body: Body| Step {
        id: id.to_owned(),
        phase: Some(phase.to_owned()),
        body,
        ..Step::default()
    };
    let command = || Action::Command(Box::default());
    let reach = Body { action: Action::Gate(Box::default()), effect: Effect::Read, ..Body::default() };
    let change = || Body {
        action: command(),
        capture: Some(Box::<Capture>::default()),
        verify: Some(Box::<Gate>::default()),
        rollback: Some(Box::<Undo>::default()),
        ..Body::default()
    };
    let go = Body { action: Action::Approve(Box::default()), effect: Effect::Read, ..Body::default() };
    let mut scale = step("scale", "24 hours before", change());
    scale.for_each = Some(Tree::List(Vec::new()));
    scale.needs = vec!["reach".to_owned()];
    let mut aurora = step("aurora", "24 hours before", change());
    aurora.needs = vec!["reach".to_owned()];
    let mut ask = step("go", "Just before", go);
    ask.needs = vec!["scale".to_owned(), "aurora".to_owned()];
    let mut warm = step("warm-caches", "Just before", Body { action: command(), ..Body::default() });
    warm.title = Some(Text::new("Warm the caches"));
    warm.needs = vec!["go".to_owned()];
    Runbook {
        name: "autolytiq/pre-scale-event".to_owned(),
        title: "Pre-scale for a planned event".to_owned(),
        steps: vec![step("reach", "Preflight", reach), scale, aurora, ask, warm],
        ..Runbook::default()
    }
}

impl Play {
    pub(super) fn new(runbook: &Runbook) -> Play {
        let graph = Graph::of(runbook);
        Play {
            state: State::new(&graph),
            graph,
            timeline: Timeline::default(),
            now: "2026-10-01T12:03:00Z".parse().expect("a constant time"),
            reporters: Vec::new(),
            events: Vec::new(),
            seq: 0,
            attempts: BTreeMap::new(),
        }
    }

    /// A play that was opened, with its reporters.
    pub(super) fn opened(runbook: &Runbook, reporters: Vec<Box<dyn Reporter>>) -> Play {
        let mut play = Play::new(runbook);
        play.reporters = reporters;
        let opened = Opened {
            program: "0.1.0".to_owned(),
            runbook: runbook.name.clone(),
            snapshot: "5eed".to_owned(),
            by: person(),
            reason: Some("sale on Friday".to_owned()),
            target: BTreeMap::from([("cluster".to_owned(), "prod-eu".to_owned())]),
            options: Options { max_parallel: 8, ..Options::default() },
            ..Opened::none()
        };
        play.say(Event::Opened(opened));
        play
    }

    /// The same, up to the point where `scale` has three instances and `reach` is done.
    pub(super) fn expanded(reporters: Vec<Box<dyn Reporter>>) -> Play {
        let mut play = Play::opened(&runbook(), reporters);
        play.start("reach").intend("reach", Stage::Action, "kubectl auth can-i patch deployments/scale");
        play.pass(1_200).judge("reach", Stage::Action, Verdict::Holds, "yes", 1).done("reach");
        let item = |key: &str| Item { key: key.to_owned(), value: json!(key) };
        let items = ["api", "cart", "web"].map(item).to_vec();
        play.say(Event::Expanded { step: "scale".to_owned(), items });
        play
    }

    /// Lets time pass as a driver does: with a tick.
    pub(super) fn tick(&mut self, millis: u64) -> &mut Play {
        self.pass(millis);
        for reporter in &mut self.reporters {
            reporter.tick(self.now);
        }
        self
    }

    /// Lets a step print something.
    pub(super) fn print(&mut self, step: &str, bytes: &[u8]) -> &mut Play {
        let leaf = self.leaf(step, Stage::Action);
        for reporter in &mut self.reporters {
            reporter.output(&leaf, Stream::Stdout, bytes);
        }
        self
    }

    pub(super) fn close(&mut self) -> &mut Play {
        let took = self.timeline.took(self.now);
        let end = EndInfo { run: RUN, program: "runbook", state: &self.state, graph: &self.graph, took };
        for reporter in &mut self.reporters {
            reporter.close(&end);
        }
        self
    }

    pub(super) fn pass(&mut self, millis: u64) -> &mut Play {
        self.now = self.now.checked_add(Duration::from_millis(millis)).expect("a time of this century");
        self
    }

    pub(super) fn say(&mut self, event: Event) -> &mut Play {
        self.state.apply(&self.graph, &event).unwrap_or_else(|why| panic!("{event:?}: {why}"));
        self.timeline.apply(self.now, &event);
        self.seq += 1;
        let seen = Seen {
            run: RUN,
            seq: self.seq,
            at: self.now,
            event: &event,
            state: &self.state,
            graph: &self.graph,
        };
        for reporter in &mut self.reporters {
            reporter.event(&seen);
        }
        self.events.push((self.now, event));
        self
    }

    pub(super) fn start(&mut self, step: &str) -> &mut Play {
        self.say(Event::Started { step: step.to_owned() })
    }

    fn leaf(&self, step: &str, stage: Stage) -> Leaf {
        let attempt = self.attempts.get(&(step.to_owned(), stage as u8)).copied().unwrap_or(1);
        Leaf { step: step.to_owned(), stage, attempt }
    }

    pub(super) fn intend(&mut self, step: &str, stage: Stage, command: &str) -> &mut Play {
        *self.attempts.entry((step.to_owned(), stage as u8)).or_default() += 1;
        let leaf = self.leaf(step, stage);
        self.say(Event::Intent { leaf, command: command.to_owned(), stdin: None, dir: None, by_hand: None })
    }

    pub(super) fn exit(&mut self, step: &str, stage: Stage, code: i32, tail: &str) -> &mut Play {
        let leaf = self.leaf(step, stage);
        let tail = tail.to_owned();
        self.say(Event::Exited { leaf, end: End::Exit(code), ms: 1_200, tail, outputs: Map::new() })
    }

    pub(super) fn poll(&mut self, step: &str, stage: Stage, verdict: Verdict, seen: &str) -> &mut Play {
        let leaf = self.leaf(step, stage);
        self.say(Event::Polled { leaf, verdict, seen: seen.to_owned() })
    }

    pub(super) fn judge(
        &mut self,
        step: &str,
        stage: Stage,
        verdict: Verdict,
        seen: &str,
        polls: u32,
    ) -> &mut Play {
        let leaf = self.leaf(step, stage);
        self.say(Event::Judged { leaf, verdict, seen: seen.to_owned(), polls, outputs: Map::new() })
    }

    pub(super) fn finish(&mut self, step: &str, result: Finish) -> &mut Play {
        self.say(Event::Finished { step: step.to_owned(), result })
    }

    pub(super) fn done(&mut self, step: &str) -> &mut Play {
        self.finish(step, Finish::Succeeded)
    }

    pub(super) fn rest(&mut self, status: RunStatus) -> &mut Play {
        self.say(Event::Rested { status })
    }

    /// Starts a step and reads the state before.
    pub(super) fn capture(&mut self, step: &str, changes: &str) -> &mut Play {
        self.start(step).intend(step, Stage::Capture, &format!("kubectl get {step} -o json")).pass(400);
        self.exit(step, Stage::Capture, 0, "");
        let changes = Some(changes.to_owned());
        self.say(Event::Captured { step: step.to_owned(), values: Map::new(), changes })
    }

    /// Plays a change as far as its action is begun.
    pub(super) fn act(&mut self, step: &str, changes: &str, command: &str) -> &mut Play {
        self.capture(step, changes).intend(step, Stage::Action, command).pass(1_200)
    }

    /// Plays a change to its good end.
    pub(super) fn change(&mut self, step: &str, changes: &str) -> &mut Play {
        self.act(step, changes, &format!("kubectl scale {step} --replicas=10"));
        self.exit(step, Stage::Action, 0, "scaled");
        self.intend(step, Stage::Verify, &format!("kubectl get {step} -o json")).pass(5_000);
        self.poll(step, Stage::Verify, Verdict::DoesNotHold, "ready 7, wants >= 10").pass(5_000);
        self.judge(step, Stage::Verify, Verdict::Holds, "ready 10, wants >= 10", 3).done(step)
    }

    /// Plays a change whose command fails.
    pub(super) fn fail(&mut self, step: &str, tail: &str) -> &mut Play {
        self.act(step, "replicas 3 → 10", &format!("kubectl scale {step} --replicas=10"));
        self.exit(step, Stage::Action, 1, tail);
        self.finish(step, Finish::Failed("it exited with 1".to_owned()))
    }

    pub(super) fn roll_back(&mut self, order: &[&str]) -> &mut Play {
        let order = order.iter().map(|&step| step.to_owned()).collect();
        self.say(Event::RollbackBegan { by: Some(person()), to: None, order })
    }

    pub(super) fn undo(&mut self, step: &str, result: UndoResult) -> &mut Play {
        let code = i32::from(result != UndoResult::Done);
        self.intend(step, Stage::Undo, &format!("kubectl scale {step} --replicas=3")).pass(2_000);
        self.exit(step, Stage::Undo, code, if code == 0 { "scaled" } else { "Unauthorized" });
        self.say(Event::Undone { step: step.to_owned(), result, command: None })
    }

    pub(super) fn end(&self) -> EndInfo<'_> {
        EndInfo {
            run: RUN,
            program: "runbook",
            state: &self.state,
            graph: &self.graph,
            took: self.timeline.took(self.now),
        }
    }

    pub(super) fn screen(&self) -> String {
        end_screen(&self.end(), &self.timeline, UTF8, SMALL)
    }
}

/// Something to write to and to look at afterwards.
#[derive(Clone, Default)]
pub(super) struct Sink(pub(super) Arc<Mutex<Vec<u8>>>);

impl Sink {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no writer panics").clone()).expect("reporters write text")
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
