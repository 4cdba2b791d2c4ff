//! A scenario, played with kills: whoever finds the engine dead goes on as the documentation says, until the run rests
//! where it was to rest.

use std::process::Output;
use std::time::{Duration, Instant};

use runbook::machine::{RunStatus, Stage};
use rustix::process::{Pid, Signal, kill_process};

use super::ledger::Ledger;
use super::scenario::{DID, INNER, Move, Scenario};
use super::seen::Run;
use crate::support::project::Project;

/// More often than this nobody goes on with one run.
const PATIENCE: usize = 400;

/// How long what a dead engine left may take to end.
const LONG: Duration = Duration::from_secs(60);

/// When the engine is killed.
#[derive(Clone, Debug)]
pub(super) enum Kill {
    /// At this fail point: its number, or its name.
    At(String),
    /// This long after its start.
    After(Duration),
}

/// What came of it.
pub(super) struct Played {
    run: Run,
    ledger: Ledger,
    /// What the steps made of the file they set.
    size: String,
    /// How often the engine died.
    pub(super) kills: usize,
    /// The fail points that the victim passed, when nobody killed it.
    pub(super) points: Vec<String>,
    /// How long the victim took.
    pub(super) took: Duration,
    wrong: Vec<String>,
}

impl Played {
    pub(super) fn was_in_doubt(&self) -> bool {
        self.run.was_in_doubt()
    }

    /// Returns what was lost against the run that nobody disturbed.
    pub(super) fn lost(&self, undisturbed: &Played) -> Vec<String> {
        self.ledger.lost(&undisturbed.ledger)
    }

    /// Returns what was done too often: more than once without leave, or without anybody having been told.
    pub(super) fn doubled(&self, scenario: &Scenario, undisturbed: &Played) -> Vec<String> {
        let may_repeat = |step: &str, direction: &str, surplus| {
            let stage = if direction == "undo" { Stage::Undo } else { Stage::Action };
            let once = direction == "overlap" || (stage == Stage::Action && scenario.once.contains(&step));
            !once && surplus <= self.run.doubts(step, stage)
        };
        let mut doubled = self.ledger.doubled(&undisturbed.ledger, may_repeat);
        doubled.extend(self.run.silently_repeated());
        doubled
    }

    /// Returns whatever else is not as it was to be.
    pub(super) fn wrong(&self, undisturbed: &Played) -> Vec<String> {
        let mut wrong = self.wrong.clone();
        let settled = self.run.marked_done();
        let (seen, wanted) = (self.run.seen(&settled), undisturbed.run.seen(&settled));
        if seen != wanted {
            wrong.push(format!("it ended as {seen:#?}\nand not as {wanted:#?}"));
        }
        if self.size != undisturbed.size {
            wrong.push(format!("the size is {:?}, not {:?}", self.size, undisturbed.size));
        }
        wrong
    }

    /// Returns what happened, for whoever must find out why.
    pub(super) fn story(&self) -> String {
        self.run.events.iter().map(|event| format!("{event:?}\n")).collect()
    }
}

/// Kills the only run of `scenario` at `point`, rolls it back, and returns what is not as it was before the run. A run
/// that was never opened is none to roll back.
pub(super) fn undone(scenario: &Scenario, point: usize) -> Vec<String> {
    let mut player = Player::new(scenario, point.is_multiple_of(2));
    let output = player.call(&["exec".to_owned(), "r".to_owned()], Some(&Kill::At(point.to_string())), false);
    if output.status.code().is_none() {
        player.kills += 1;
        player.after_a_kill();
    }
    let Some(run) = player.run() else { return player.wrong };
    let nothing_begun = run.begun().is_empty();
    player.make(Move::Rollback(RunStatus::RolledBack), &[], false);
    let ledger = player.ledger();
    let Played { run, size, mut wrong, .. } = player.finish(Duration::ZERO);
    for step in run.begun() {
        if !ledger.has(&step, "undo") {
            wrong.push(format!("{step} was begun and not undone"));
        }
    }
    if nothing_begun && ledger != Ledger::default() {
        wrong.push(format!("nothing was begun, and yet: {ledger:?}"));
    }
    if size != "3\n" {
        wrong.push(format!("the size is {size:?}"));
    }
    if !wrong.is_empty() {
        wrong.extend(run.events.iter().map(|event| format!("{event:?}")));
    }
    wrong
}

struct Player<'a> {
    scenario: &'a Scenario,
    project: Project,
    kills: usize,
    /// Whether to go on at once, or only when nothing of the dead engine runs any more. Both must do.
    hasty: bool,
    wrong: Vec<String>,
}

/// Plays without a kill.
pub(super) fn undisturbed(scenario: &Scenario) -> Played {
    let played = play(scenario, &[], false);
    assert_eq!(played.kills, 0);
    played
}

/// Plays `scenario`: its victim, and whoever goes on after it, die by `kills` in turn.
pub(super) fn play(scenario: &Scenario, kills: &[Kill], hasty: bool) -> Played {
    let mut player = Player::new(scenario, hasty);
    let mut took = Duration::ZERO;
    for (number, &one) in scenario.moves.iter().enumerate() {
        let kills = if number == scenario.victim { kills } else { &[] };
        let began = Instant::now();
        player.make(one, kills, number == scenario.victim);
        if number == scenario.victim {
            took = began.elapsed();
        }
    }
    player.finish(took)
}

impl Player<'_> {
    fn new(scenario: &Scenario, hasty: bool) -> Player<'_> {
        let project = Project::new()
            .file("runbooks/r.yaml", scenario.text)
            .file("runbooks/inner.yaml", INNER)
            .file("did", DID)
            .file("ledger", "")
            .file("size", "3\n")
            .env("RUNBOOK_BINARY", env!("CARGO_BIN_EXE_runbook"));
        Player { scenario, project, kills: 0, hasty, wrong: Vec::new() }
    }

    /// Makes one move, and makes it again for as long as the engine dies of it.
    fn make(&mut self, one: Move, kills: &[Kill], is_victim: bool) {
        let mut kills = kills.iter();
        for _ in 0..PATIENCE {
            let Some(arguments) = self.next(one) else { return };
            let output = self.call(&arguments, kills.next(), is_victim);
            if output.status.code().is_none() {
                self.kills += 1;
                self.after_a_kill();
                continue;
            }
            let said = String::from_utf8_lossy(&output.stderr);
            match output.status.code() {
                Some(2) if said.contains("still at work") => std::thread::sleep(Duration::from_millis(10)),
                Some(0 | 1 | 3 | 4 | 5 | 130) => {}
                code => panic!("`runbook {}` ended with {code:?}: {said}", arguments.join(" ")),
            }
        }
        panic!("no end to it: {:?} of {}, {:#?}", one, self.scenario.name, self.run().map(|run| run.events));
    }

    /// Returns what a person types next; nothing when the move is made.
    fn next(&self, one: Move) -> Option<Vec<String>> {
        let run = self.run();
        let typed = |verb: &str, run: &Run, more: &[&str]| {
            let words = [&[verb, run.id.as_str()], more].concat();
            words.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        match (one, run) {
            (Move::Exec(_), None) => {
                assert_eq!(self.ledger(), Ledger::default(), "a run that was never opened did something");
                Some(vec!["exec".to_owned(), "r".to_owned()])
            }
            (_, None) => panic!("the run is gone"),
            (Move::Exec(status) | Move::Resume(_, status) | Move::Rollback(status), Some(run))
                if run.rests(status) || run.rests(self.last()) =>
            {
                None
            }
            (Move::Exec(_), Some(run)) => Some([typed("resume", &run, &[]), self.settled(&run)].concat()),
            (Move::Resume(flags, _), Some(run)) => {
                Some([typed("resume", &run, flags), self.settled(&run)].concat())
            }
            // Half undone it goes on either way.
            (Move::Rollback(_), Some(run)) if run.status() == RunStatus::RollingBack && !self.hasty => {
                Some(typed("resume", &run, &[]))
            }
            (Move::Rollback(_), Some(run)) if run.rests(RunStatus::Waiting) => {
                Some([typed("resume", &run, &[]), self.settled_undos(&run)].concat())
            }
            (Move::Rollback(_), Some(run)) => Some(typed("rollback", &run, &["--yes"])),
            (Move::Approve(step), Some(run)) => {
                let posted = run.store().requests(&run.id).expect("the inbox can be read");
                posted.is_empty().then(|| typed("approve", &run, &[step]))
            }
        }
    }

    /// Returns how the run is to end. Killed before it was asked something, it may get there without having been asked.
    fn last(&self) -> RunStatus {
        match self.scenario.moves.last() {
            Some(&(Move::Exec(status) | Move::Resume(_, status) | Move::Rollback(status))) => status,
            _ => panic!("a scenario ends with a run at rest"),
        }
    }

    /// Looks at what the children wrote, and settles what is in doubt by it.
    fn settled(&self, run: &Run) -> Vec<String> {
        let ledger = self.ledger();
        let mut words = Vec::new();
        let mut doubtful = run.doubtful();
        if !self.hasty {
            // Nothing of it runs any more, so it can be settled before the engine says that it is in doubt.
            let cut_off = run.cut_off();
            doubtful.extend(cut_off.into_iter().filter(|step| self.scenario.once.contains(&step.as_str())));
        }
        for step in doubtful {
            let how = if ledger.has(&step, "do") { "--done" } else { "--retry" };
            words.extend([how.to_owned(), step]);
        }
        if !words.is_empty() {
            words.extend(["--reason".to_owned(), "looked at the ledger".to_owned()]);
        }
        words
    }

    /// As [`settled`](Self::settled), for undos.
    fn settled_undos(&self, run: &Run) -> Vec<String> {
        let ledger = self.ledger();
        let word = |step: String| {
            let how = if ledger.has(&step, "undo") { "--done" } else { "--retry" };
            [how.to_owned(), step]
        };
        let mut words: Vec<String> = run.doubtful_undos().into_iter().flat_map(word).collect();
        words.extend(["--reason".to_owned(), "looked at the ledger".to_owned()]);
        words
    }

    fn call(&self, arguments: &[String], kill: Option<&Kill>, is_victim: bool) -> Output {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = self.project.command(&arguments);
        match kill {
            None if is_victim && self.kills == 0 => {
                command.env("RUNBOOK_CRASH_LIST", self.project.root().join("points"));
            }
            None => {}
            Some(Kill::At(point)) => drop(command.env("RUNBOOK_CRASH_AT", point)),
            Some(Kill::After(wait)) => {
                let piped = std::process::Stdio::piped;
                let mut engine =
                    command.stdout(piped()).stderr(piped()).spawn().expect("the binary can be run");
                std::thread::sleep(*wait);
                if engine.try_wait().expect("it is ours").is_none() {
                    let pid = Pid::from_raw(engine.id().cast_signed()).expect("a process has a number");
                    kill_process(pid, Signal::KILL).expect("the engine can be killed");
                }
                return engine.wait_with_output().expect("the engine is gone");
            }
        }
        command.output().expect("the binary can be run")
    }

    /// What must be so however the engine died.
    fn after_a_kill(&mut self) {
        let Some(run) = self.run() else { return };
        if let Err(error) = run.store().verify(&run.id) {
            self.wrong.push(format!("the journal does not hold after the kill: {error}"));
        }
        if let Some(lock) = self.scenario.lock {
            let held = run.store().lock(lock).expect("the locks can be read");
            let wanted = (run.status() != RunStatus::Succeeded).then(|| run.id.clone());
            if held.map(|held| held.run) != wanted {
                self.wrong
                    .push(format!("the lock is not where it belongs after the kill, {:?}", run.status()));
            }
        }
        if !self.hasty {
            self.wait_for_processes(&run);
        }
    }

    fn wait_for_processes(&mut self, run: &Run) {
        let began = Instant::now();
        while run.has_processes() {
            if began.elapsed() > LONG {
                return self.wrong.push("a process is left".to_owned());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn finish(mut self, took: Duration) -> Played {
        let run = self.run().expect("there is a run");
        if let Err(error) = run.store().verify(&run.id) {
            self.wrong.push(format!("the journal does not hold: {error}"));
        }
        self.wait_for_processes(&run);
        if let Some(lock) = self.scenario.lock
            && run.store().lock(lock).expect("the locks can be read").is_some()
        {
            self.wrong.push("the lock was not given back".to_owned());
        }
        if !run.store().requests(&run.id).expect("the inbox can be read").is_empty() {
            self.wrong.push("a request is left in the inbox".to_owned());
        }
        let ledger = self.ledger();
        let points = std::fs::read_to_string(self.project.root().join("points")).unwrap_or_default();
        Played {
            run,
            ledger,
            size: std::fs::read_to_string(self.project.root().join("size")).expect("it was written"),
            kills: self.kills,
            points: points.lines().map(str::to_owned).collect(),
            took,
            wrong: self.wrong,
        }
    }

    fn run(&self) -> Option<Run> {
        Run::load(&self.project)
    }

    fn ledger(&self) -> Ledger {
        Ledger::parse(&std::fs::read_to_string(self.project.root().join("ledger")).expect("it was made"))
    }
}
