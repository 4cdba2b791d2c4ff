//! One test, played: its run is driven through its phases.
//!
//! A [`Stage`] has a journal that is gone with it; each play is a run of its own there, and a rehearsal takes no lock, so
//! plays know nothing of each other. Rejected: a journal for each play, since making one takes longer than most tests.

use std::collections::{BTreeMap, BTreeSet};

use super::ending::Ending;
use crate::driver::{
    self, Answering, Closed, Death, DriveError, Interrupt, Outliving, Reply, Script, Surroundings,
};
use crate::journal::{JournalError, RunId, Store};
use crate::machine::{self, Decision, Illegal, Options, Person, RunStatus};
use crate::model::{Doing, Phase, Secrets, Snapshot, Test, Verdict};
use crate::report::{EndInfo, Reporter, Seen};

/// Who drives the runs of tests.
const WHO: &str = "tester";

/// How often a run that an engine died in is taken up again before it is told that it does not end.
const TRIES: usize = 8;

/// A test with what it runs.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is started; has a tape.
    pub snapshot: Snapshot,
    /// The made-up secrets.
    pub secrets: Secrets,
    /// The test.
    pub test: Test,
    /// The most steps at work at once.
    pub max_parallel: u32,
}

/// What came of a test.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// What came of each phase.
    pub endings: Vec<Ending>,
    /// For each phase, for each of its commits, whether a command was under way after it.
    pub commits: Vec<Vec<bool>>,
    /// The steps that only a person can settle after an engine died, where the test says nothing of them. What the test does
    /// with the run next is done all the same, as far as it can be.
    pub undecided: Vec<String>,
    /// How often an instance was run again, or undone again, since the test says so of a person who does not know what became of
    /// it when an engine died.
    pub retried: BTreeMap<(String, machine::Stage), u32>,
    /// The signal that stopped it.
    pub interrupt: Option<Interrupt>,
}

/// Why a test could not be played.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The driver refused.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// The journal refused.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal does not make sense.
    #[error("the journal of the test does not make sense: {0}")]
    Illegal(#[from] Illegal),
    /// There is no place for a journal.
    #[error("no folder for the journal of a test could be made: {0}")]
    Folder(#[from] std::io::Error),
    /// It was taken up again and again, and never came to rest.
    #[error("an engine died, and the run does not come to rest however often it is taken up again")]
    Endless,
}

/// Where tests are played, one after the other.
#[derive(Debug)]
pub struct Stage {
    store: Store,
    /// Gone with the stage, and after the journal in it.
    _folder: tempfile::TempDir,
}

impl Stage {
    /// Returns a stage with an empty journal in a folder of its own.
    ///
    /// # Errors
    ///
    /// When there is no place for it.
    pub fn new() -> Result<Stage, Fault> {
        let folder = tempfile::Builder::new().prefix("runbook-test-").tempdir()?;
        Ok(Stage { store: Store::open_passing(folder.path().join("journal.db"))?, _folder: folder })
    }
}

/// Plays a test. With `death` its engine dies there, in the phase of that number, and the run is taken up again.
///
/// # Errors
///
/// What kept it from being played.
pub fn play(stage: &Stage, case: &Case, death: Option<(usize, Death)>) -> Result<Played, Fault> {
    let mut playing = Playing {
        case,
        store: &stage.store,
        run: None,
        unheard: Vec::new(),
        retried: BTreeMap::new(),
        interrupt: None,
    };
    let mut played = Played::default();
    for (number, phase) in case.test.phases.iter().enumerate() {
        let since = playing.events()?;
        let death = death.filter(|(of, _)| *of == number).map(|(_, death)| death);
        let mut script = playing.script(phase);
        script.death = death;
        match playing.phase(phase, &mut script) {
            // What a person has to settle first keeps a run from what the test would do with it next. Nothing else may.
            Err(Fault::Drive(DriveError::NotOpen(_) | DriveError::Over { .. }))
                if !played.undecided.is_empty() =>
            {
                break;
            }
            came => came?,
        }
        played.commits.push(std::mem::take(&mut script.commits));
        playing.unheard.append(&mut script.unheard);
        if death.is_some() && script.dead {
            played.undecided = playing.recover(phase)?;
        }
        let mut ending = playing.ending(since)?;
        ending.idle = script.unstruck;
        played.endings.push(ending);
        played.interrupt = playing.interrupt;
        if played.interrupt.is_some() {
            break;
        }
    }
    if let Some(last) = played.endings.last_mut() {
        // Only now is it known which instances there are.
        let own = case.test.people.iter().filter(|(_, said)| !said.of_file);
        let nobody = own.map(|(step, _)| step).filter(|step| !last.others(step).is_empty());
        let said = |step: &String| {
            last.rejected.iter().any(|name| name == step || last.step_of(name) == step.as_str())
        };
        let own = case.test.people.iter().filter(|(_, said)| !said.of_file && said.yes == Some(false));
        let unasked = own.map(|(step, _)| step).filter(|step| last.others(step).is_empty() && !said(step));
        let nobody: Vec<_> = nobody.chain(unasked).map(|step| ("people", step.clone())).collect();
        last.idle.extend(nobody);
    }
    played.retried = playing.retried;
    Ok(played)
}

struct Playing<'a> {
    case: &'a Case,
    store: &'a Store,
    run: Option<RunId>,
    unheard: Vec<crate::machine::Leaf>,
    retried: BTreeMap<(String, machine::Stage), u32>,
    interrupt: Option<Interrupt>,
}

impl Playing<'_> {
    fn script(&self, phase: &Phase) -> Script {
        let answers = self.case.test.people.iter().filter_map(|(step, said)| {
            let reply = Reply { yes: said.yes?, note: said.note.clone(), answers: said.answers.clone() };
            Some((step.clone(), Answering { by: said.by.clone(), reply }))
        });
        Script::new(answers.collect(), phase.faults.clone())
    }

    /// Does what a phase says, until the run rests or the engine dies.
    fn phase(&mut self, phase: &Phase, script: &mut Script) -> Result<(), Fault> {
        match (&phase.what, self.run.clone()) {
            (Doing::Resume(decided), Some(run)) => {
                let decided = decided.iter().cloned().collect();
                self.resume(run, decided, script)
            }
            (Doing::Rollback(to), Some(run)) => {
                let secrets = self.case.secrets.clone();
                let rollback = driver::Rollback {
                    run,
                    by: person(),
                    to: to.clone(),
                    secrets,
                    outliving: Outliving::default(),
                };
                self.drive(script, |around| driver::rollback(rollback, around))
            }
            _ => {
                let mut snapshot = self.case.snapshot.clone();
                if let Some(tape) = &mut snapshot.tape {
                    tape.put(&self.case.test.state);
                }
                let options = Options {
                    max_parallel: self.case.max_parallel,
                    on_failure: snapshot.runbook.on_failure,
                    ..Options::default()
                };
                let exec = driver::Exec {
                    snapshot,
                    secrets: self.case.secrets.clone(),
                    options,
                    by: person(),
                    reason: None,
                    consent: Some(person()),
                    plan: None,
                    trace_parent: None,
                    planned_target: BTreeMap::new(),
                    faults: phase.faults.clone(),
                };
                self.drive(script, |around| driver::exec(exec, around))
            }
        }
    }

    fn resume(
        &mut self,
        run: RunId,
        decided: BTreeMap<String, Verdict>,
        script: &mut Script,
    ) -> Result<(), Fault> {
        let why = || Some("the test says so".to_owned());
        let decisions = decided.into_iter().map(|(step, verdict)| (step, (decision(verdict), why())));
        let resume = driver::Resume {
            run,
            by: person(),
            reason: None,
            decisions: decisions.collect(),
            secrets: self.case.secrets.clone(),
            outliving: Outliving::default(),
            takeover: None,
            renewal: None,
        };
        self.drive(script, |around| driver::resume(resume, around))
    }

    fn drive(
        &mut self,
        script: &mut Script,
        by: impl FnOnce(Surroundings<'_>) -> Result<Closed, DriveError>,
    ) -> Result<(), Fault> {
        let mut deaf = Deaf { run: None };
        let around = Surroundings {
            script: Some(script),
            store: self.store,
            reporter: &mut deaf,
            people: None,
            approvals: BTreeSet::new(),
            program: "runbook".to_owned(),
            wait: false,
            recorder: None,
        };
        let came = by(around);
        if self.run.is_none() {
            self.run = deaf.run.as_deref().map(|run| self.store.find(run)).transpose()?;
        }
        match came {
            Ok(closed) => self.interrupt = closed.interrupt,
            Err(DriveError::Died) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Takes up a run whose engine died until it rests, as a person would who knows nothing but what they are asked. Returns the
    /// steps that only a person can settle and of which the test says nothing.
    fn recover(&mut self, phase: &Phase) -> Result<Vec<String>, Fault> {
        for _ in 0..TRIES {
            let Some(run) = self.run.clone() else { return Ok(Vec::new()) };
            let goes_on = |status| matches!(status, RunStatus::Running | RunStatus::RollingBack);
            let mut decided = BTreeMap::new();
            // Before it is taken up nobody knows which of them its own gates settle.
            if !goes_on(self.store.run(&run)?.status) {
                let ending = self.ending(0)?;
                let mut undecided = Vec::new();
                for step in &ending.doubts {
                    let said = |name: &str| {
                        self.case
                            .test
                            .people
                            .iter()
                            .find(|(known, _)| known == name)
                            .and_then(|(_, said)| said.in_doubt)
                    };
                    match said(step).or_else(|| said(ending.step_of(step))) {
                        Some(verdict) => {
                            if let (Verdict::Retry, Some(stage)) = (verdict, ending.doubtful.get(step)) {
                                *self.retried.entry((step.clone(), *stage)).or_default() += 1;
                            }
                            decided.insert(step.clone(), verdict);
                        }
                        None => undecided.push(step.clone()),
                    }
                }
                if !undecided.is_empty() || decided.is_empty() {
                    return Ok(undecided);
                }
            }
            let mut script = self.script(phase);
            self.resume(run, decided, &mut script)?;
            if self.interrupt.is_some() {
                return Ok(Vec::new());
            }
        }
        Err(Fault::Endless)
    }

    fn events(&self) -> Result<u64, Fault> {
        Ok(match &self.run {
            Some(run) => self.store.run(run)?.events,
            None => 0,
        })
    }

    fn ending(&self, since: u64) -> Result<Ending, Fault> {
        let Some(run) = &self.run else { return Ok(Ending::default()) };
        let ending = Ending::of(&self.store.load(run)?, since, &self.unheard)?;
        Ok(ending.without(&self.case.test.scratch))
    }
}

fn person() -> Person {
    Person { name: WHO.to_owned(), host: "test".to_owned(), via: "test".to_owned() }
}

fn decision(verdict: Verdict) -> Decision {
    match verdict {
        Verdict::Retry => Decision::Retry,
        Verdict::Done => Decision::Done,
        Verdict::Skip => Decision::Skip,
    }
}

/// A reporter that shows nothing.
struct Deaf {
    run: Option<String>,
}

impl Reporter for Deaf {
    fn event(&mut self, seen: &Seen<'_>) {
        self.run.get_or_insert_with(|| seen.run.to_owned());
    }

    fn close(&mut self, _end: &EndInfo<'_>) {}
}
