//! `runbook test`: tests of runbooks, played beside each other.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use crate::cli::args::{Form, TestOf};
use crate::cli::book::Books;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::cli::test_cases::{Bound, gather};
use crate::cli::test_page::{Page, Result as Told};
use crate::proof::{
    CrashPoint, Crashed, Difference, Fault, Played, Stage, compare, crash, crash_points, play,
};

/// Plays the tests that are meant.
///
/// # Errors
///
/// When what is named is not there.
pub fn run(of: &TestOf, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let books = Books::open(settings)?;
    let gathered = gather(&of.what, &books, settings, console)?;
    if gathered.mistakes > 0 {
        return Ok(Exit::Mistake);
    }
    let wanted = |test: &Bound| {
        let text = of.filter.as_deref().unwrap_or_default();
        [&test.file, &test.runbook, &test.case.test.name].iter().any(|held| held.contains(text))
    };
    let tests: Vec<Bound> = gathered.tests.into_iter().filter(wanted).collect();
    if tests.is_empty() {
        let message = match &of.filter {
            Some(filter) => format!("no test is called so: {filter}"),
            None => "there are no tests".to_owned(),
        };
        return Err(CliError::usage_with(message, "a test stands in NAME.test.yaml beside its runbook"));
    }
    let page = Page::new(settings.form == Form::Json, of.crash, console);
    if of.list {
        page.list(&tests)?;
        return Ok(Exit::Good);
    }
    let stopped = AtomicBool::new(false);
    let mut played: Vec<Option<Played>> = Vec::with_capacity(tests.len());
    let mut told: Vec<Told> = Vec::with_capacity(tests.len());
    let mut failure = None;
    beside(
        tests.len(),
        &stopped,
        |stage, at| play(stage, &tests[at].case, None),
        |at, came| {
            let (result, one) = judged(&tests[at], came);
            stopped.fetch_or(one.as_ref().is_some_and(|one| one.interrupt.is_some()), Ordering::Relaxed);
            if !of.crash && failure.is_none() {
                failure = page.line(&tests[at], &result).err();
            }
            told.push(result);
            played.push(one);
        },
    );
    if of.crash && !stopped.load(Ordering::Relaxed) {
        let points: Vec<(usize, CrashPoint)> = (0..tests.len())
            .filter(|at| told[*at].is_good())
            .filter_map(|at| Some((at, played[at].as_ref()?)))
            .flat_map(|(at, one)| {
                crash_points(&tests[at].case, one).into_iter().map(move |point| (at, point))
            })
            .collect();
        let mut next = 0;
        let once = |stage: &Stage, number: usize| {
            let (at, point) = points[number];
            match &played[at] {
                Some(one) => crash(stage, &tests[at].case, one, point),
                None => Ok(Crashed::default()),
            }
        };
        beside(points.len(), &stopped, once, |number, came| {
            let (at, point) = points[number];
            while next < at {
                failure = failure.take().or_else(|| page.line(&tests[next], &told[next]).err());
                next += 1;
            }
            stopped.fetch_or(crashed(&mut told[at], point, came), Ordering::Relaxed);
        });
        if !stopped.load(Ordering::Relaxed) {
            while next < tests.len() {
                failure = failure.take().or_else(|| page.line(&tests[next], &told[next]).err());
                next += 1;
            }
        }
    }
    if stopped.load(Ordering::Relaxed) {
        return Ok(Exit::Interrupted);
    }
    if let Some(error) = failure {
        return Err(error);
    }
    page.end(&tests, &told)?;
    Ok(if told.iter().all(Told::is_good) { Exit::Good } else { Exit::Failed })
}

/// Returns what is told of a test, and what came of it.
fn judged(test: &Bound, came: Result<Played, Fault>) -> (Told, Option<Played>) {
    let mut told = Told::default();
    match came {
        Ok(played) => {
            let phases = &test.case.test.phases;
            for (number, (phase, ending)) in phases.iter().zip(&played.endings).enumerate() {
                told.commands += ending.commands.len();
                for difference in compare(&phase.expect, ending) {
                    let what = if number == 0 {
                        difference.what
                    } else {
                        format!("then[{number}].{}", difference.what)
                    };
                    told.differences.push(Difference { what, ..difference });
                }
            }
            (told, Some(played))
        }
        Err(fault) => {
            told.fault = Some(fault.to_string());
            (told, None)
        }
    }
}

/// Adds what came of a crash; returns whether a signal stopped it.
fn crashed(told: &mut Told, point: CrashPoint, came: Result<Crashed, Fault>) -> bool {
    told.points += 1;
    match came {
        Ok(crashed) => {
            for step in crashed.undecided {
                *told.undecided.entry(step).or_default() += 1;
            }
            if !crashed.differences.is_empty() {
                told.crashes.push((point, crashed.differences));
            }
            crashed.interrupted
        }
        Err(fault) => {
            let differs = Difference { what: "the run".to_owned(), diff: vec![format!("+ {fault}")] };
            told.crashes.push((point, vec![differs]));
            false
        }
    }
}

/// Does `count` pieces of work beside each other, and hands the results over in their order.
fn beside<T: Send>(
    count: usize,
    stopped: &AtomicBool,
    work: impl Fn(&Stage, usize) -> Result<T, Fault> + Sync,
    mut done: impl FnMut(usize, Result<T, Fault>),
) {
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(count.max(1));
    let next = AtomicUsize::new(0);
    let (to_us, results) = channel();
    let to_us = Mutex::new(to_us);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let to_us = to_us.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let (next, work) = (&next, &work);
            scope.spawn(move || {
                let mut stage = Stage::new();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count || stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    let result = match &stage {
                        Ok(stage) => work(stage, at),
                        Err(_) => {
                            std::mem::replace(&mut stage, Stage::new()).and_then(|stage| work(&stage, at))
                        }
                    };
                    if to_us.send((at, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(to_us);
        let mut early = std::collections::BTreeMap::new();
        let mut wanted = 0;
        for (at, result) in results {
            early.insert(at, result);
            while let Some(result) = early.remove(&wanted) {
                done(wanted, result);
                wanted += 1;
            }
        }
    });
}
