//! The same end, wherever an engine dies.
//!
//! | compared with the test nobody disturbed | |
//! | --- | --- |
//! | status | the same |
//! | each step | stands the same; done, found done and marked done are one |
//! | outputs | the same, of steps that change something and nobody marked as done: what only looks sees what is so then |
//! | the state of the tape | the same: no change is lost, none made twice |
//! | how often a change, or an undo, took effect | not oftener, unless the step may be run again |
//!
//! A failure keeps from beginning what has not begun, and what that is depends on what was quicker. So where a run failed, a
//! step that began in one of the two only is not compared, and neither is the state, which tells of it; what is done with the
//! run afterwards is compared whole.
//!
//! A phase in which the test itself kills the engine has no crash points of its own: two deaths at once are no other case.

use super::compare::{Difference, same};
use super::ending::{Ending, status_word};
use super::play::{Case, Fault, Played, Stage, play};
use crate::driver::Death;
use crate::machine::{self, RunStatus};

/// Where the engine of a test dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashPoint {
    /// The phase, from 0.
    pub phase: usize,
    /// Where in it.
    pub death: Death,
}

/// What came of a test whose engine died.
#[derive(Clone, Debug, Default)]
pub struct Crashed {
    /// How its end differs from that of the one nobody disturbed.
    pub differences: Vec<Difference>,
    /// The steps that only a person can settle, where the test says nothing of them.
    pub undecided: Vec<String>,
    /// Whether a signal stopped it.
    pub interrupted: bool,
}

/// Returns where the engine of a test can die: after each commit, and after the acts of each that left a command under way.
pub fn crash_points(case: &Case, undisturbed: &Played) -> Vec<CrashPoint> {
    let mut points = Vec::new();
    for (phase, commits) in undisturbed.commits.iter().enumerate() {
        if !case.test.phases[phase].faults.kill_at.is_empty() {
            continue;
        }
        for (number, flies) in commits.iter().enumerate() {
            let after = number + 1;
            points.push(CrashPoint { phase, death: Death { after, took_effect: false } });
            if *flies {
                points.push(CrashPoint { phase, death: Death { after, took_effect: true } });
            }
        }
    }
    points
}

/// Plays a test again with an engine that dies at `point`, and compares the end.
///
/// # Errors
///
/// As [`play`].
pub fn crash(stage: &Stage, case: &Case, undisturbed: &Played, point: CrashPoint) -> Result<Crashed, Fault> {
    let played = play(stage, case, Some((point.phase, point.death)))?;
    let mut crashed = Crashed {
        undecided: played.undecided.clone(),
        interrupted: played.interrupt.is_some(),
        ..Crashed::default()
    };
    if crashed.interrupted {
        return Ok(crashed);
    }
    let pairs = undisturbed.endings.iter().zip(&played.endings);
    for (number, (wanted, came)) in pairs.enumerate().skip(point.phase) {
        // Where a person has to look first there is no end to compare yet; a rollback afterwards has one.
        if came.doubts.iter().all(|step| wanted.doubts.contains(step)) {
            let of_phase = |what| if number == 0 { what } else { format!("then[{number}].{what}") };
            let found = differ(wanted, came).into_iter();
            crashed.differences.extend(found.map(|one| Difference { what: of_phase(one.what), ..one }));
        }
    }
    Ok(crashed)
}

fn differ(wanted: &Ending, came: &Ending) -> Vec<Difference> {
    let mut found = Vec::new();
    if wanted.status != came.status {
        let why = came.failure.as_ref().map(|(step, why)| format!("\n{step}: {why}")).unwrap_or_default();
        let came = format!("{}{why}", status_word(came.status));
        found.push(Difference::of("status", status_word(wanted.status), came));
    }
    let failed = wanted.status == RunStatus::Failed && came.status == RunStatus::Failed;
    let known = |name: &String| wanted.steps.iter().any(|(_, known, _)| known == name);
    let mut raced = failed && came.steps.iter().any(|(_, name, word)| *word != "not_begun" && !known(name));
    for (_, name, word) in &wanted.steps {
        let now = came.standing(name).first().map_or("not_begun", |(_, word)| *word);
        if failed && (*word == "not_begun") != (now == "not_begun") {
            raced = true;
            continue;
        }
        if settled(word) != settled(now) {
            found.push(Difference::of(format!("steps.{name}"), *word, now));
        }
        if let (Some(wanted), true) =
            (wanted.outputs.get(name), now != "marked_done" && !wanted.looks.contains(name))
        {
            let came = came.outputs.get(name).cloned().unwrap_or_default();
            found.extend(same(&format!("outputs.{name}"), wanted, &came));
        }
    }
    let state = if raced { Vec::new() } else { same("state", &wanted.state, &came.state) };
    for (key, times) in &came.effects {
        let once = wanted.effects.get(key).copied().unwrap_or_default();
        let may = wanted.repeatable.contains(key);
        // What a step says of itself and does not hold is what a person wants to know first.
        if *times <= once || once == 0 || may && state.is_empty() {
            continue;
        }
        let (name, its) = match key {
            (name, machine::Stage::Undo) => (name, "undo"),
            (name, _) => (name, "change"),
        };
        let why = match may {
            true => "since it says that it may (`idempotent`, `on_interrupt: rerun`)",
            false => "it was run again although it had been",
        };
        found.push(Difference::of(
            format!("effects.{name}"),
            format!("its {its} took effect {}", times_of(once)),
            format!("it took effect {}: {why}", times_of(*times)),
        ));
    }
    found.extend(state);
    found
}

fn times_of(times: u32) -> String {
    match times {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

fn settled(word: &str) -> &str {
    match word {
        "satisfied" | "marked_done" => "done",
        other => other,
    }
}
