//! The same end, wherever an engine dies.
//!
//! | compared with the test nobody disturbed | |
//! | --- | --- |
//! | status | the same |
//! | each step | stands the same; done, found done and marked done are one |
//! | outputs | the same, of steps that change something and nobody marked as done: what only looks sees what is so then |
//! | the state of the tape | the same: no change is lost, none made twice |
//! | how often a change, or an undo, took effect | not oftener, unless the step may be run again, or a person had it run again, as the test says |
//!
//! A failure keeps from beginning what has not begun, and what that is depends on what was quicker. So where a run failed, a
//! step that began in one of the two only is not compared, and neither is the state, which tells of it; what is done with the
//! run afterwards is compared whole.
//!
//! Where a person must first say what became of a command, its step and the status are not compared, and what waits for them
//! isn't either. All else is; the state, too, once nothing else is missing.
//!
//! A phase in which the test itself kills the engine has no crash points of its own: two deaths at once are no other case.

use std::collections::BTreeMap;

use super::compare::{Difference, same};
use super::ending::{Ending, status_word};
use super::play::{Case, Fault, Played, Stage, play};
use crate::driver::Death;
use crate::machine::{self, RunStatus};

/// How often a person had an instance's change run again, or its undo, without knowing what became of it.
type Retried = BTreeMap<(String, machine::Stage), u32>;

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
        let of_phase = |what| if number == 0 { what } else { format!("then[{number}].{what}") };
        let found = match came.doubts.iter().all(|step| wanted.doubts.contains(step)) {
            true => differ(wanted, came, &played.retried),
            false => differ_so_far(wanted, came, point.death.took_effect, &played.retried),
        };
        let found = found.into_iter().map(|one| Difference { what: of_phase(one.what), ..one });
        crashed.differences.extend(found);
    }
    Ok(crashed)
}

fn differ(wanted: &Ending, came: &Ending, retried: &Retried) -> Vec<Difference> {
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
    found.extend(oftener(wanted, came, !state.is_empty(), retried));
    found.extend(state);
    found
}

/// Compares an end that waits for a person: of the steps those that are over, and the state where only the doubts are missing
/// and what they are about took effect.
fn differ_so_far(wanted: &Ending, came: &Ending, took_effect: bool, retried: &Retried) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut whole = took_effect;
    for (_, name, word) in &wanted.steps {
        let now = came.standing(name).first().map_or("not_begun", |(_, word)| *word);
        if came.doubts.contains(name) || settled(word) == settled(now) {
            continue;
        }
        // What is still to be done, or undone, waits for the answer.
        let waits = matches!(now, "not_begun" | "stopped" | "asking" | "left" | "not_undone");
        if waits || settled(now) == "done" && matches!(*word, "undone" | "undo_failed") {
            whole = false;
        } else {
            found.push(Difference::of(format!("steps.{name}"), *word, now));
        }
    }
    let state = if whole { same("state", &wanted.state, &came.state) } else { Vec::new() };
    found.extend(oftener(wanted, came, !state.is_empty(), retried));
    found.extend(state);
    found
}

/// Returns the changes, and the undos, that took effect oftener than they should. `shows` says whether the state tells; `retried`
/// how often a person had one run again who did not know what became of it: as many are not held against it, and no more.
fn oftener(wanted: &Ending, came: &Ending, shows: bool, retried: &Retried) -> Vec<Difference> {
    let mut found = Vec::new();
    for (key, times) in &came.effects {
        let once = wanted.effects.get(key).copied().unwrap_or_default();
        let again = retried.get(key).copied().unwrap_or_default();
        let (says, again) = (wanted.repeatable.contains(key), again > 0 && *times <= once + again);
        let may = says || again;
        // What a step says of itself and does not hold is what a person wants to know first.
        if *times <= once || once == 0 || may && !shows {
            continue;
        }
        let (name, its) = match key {
            (name, machine::Stage::Undo) => (name, "undo"),
            (name, _) => (name, "change"),
        };
        let why = match (says, again) {
            (true, _) => "since it says that it may (`idempotent`, `on_interrupt: rerun`)",
            (_, true) => "since the test has it run again (`in_doubt: retry`)",
            _ => "it was run again although it had been",
        };
        found.push(Difference::of(
            format!("effects.{name}"),
            format!("its {its} took effect {}", times_of(once)),
            format!("it took effect {}: {why}", times_of(*times)),
        ));
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ending(steps: &[(&str, &'static str)], state: crate::model::Value) -> Ending {
        let steps =
            steps.iter().map(|(name, word)| ((*name).to_owned(), (*name).to_owned(), *word)).collect();
        Ending { steps, state: state.as_object().cloned().unwrap_or_default(), ..Ending::default() }
    }

    fn told(found: &[Difference]) -> Vec<&str> {
        found.iter().map(|one| one.what.as_str()).collect()
    }

    #[test]
    fn of_an_end_with_a_doubt_all_else_is_compared() {
        let wanted = ending(&[("a", "done"), ("b", "done"), ("c", "done")], json!({"n": 3}));
        let mut came = ending(&[("a", "failed"), ("b", "in_doubt"), ("c", "not_begun")], json!({"n": 2}));
        came.doubts = vec!["b".to_owned()];
        came.effects.insert(("a".to_owned(), machine::Stage::Action), 2);
        assert_eq!(told(&differ_so_far(&wanted, &came, true, &Retried::new())), ["steps.a"]);
        let mut once = wanted.clone();
        once.effects.insert(("a".to_owned(), machine::Stage::Action), 1);
        came.steps[0].2 = "done";
        assert_eq!(told(&differ_so_far(&once, &came, true, &Retried::new())), ["effects.a"]);
    }

    /// An engine that forgets what it did is to be found also where a test has a person run things again.
    #[test]
    fn what_nobody_had_run_again_is_told_though_the_test_would_have() {
        let wanted = |times| {
            let mut ending = ending(&[("a", "done")], json!({}));
            ending.effects.insert(("a".to_owned(), machine::Stage::Action), times);
            ending
        };
        let retried = |stage, times| Retried::from([(("a".to_owned(), stage), times)]);
        let differ = |came: u32, retried: &Retried| differ(&wanted(1), &wanted(came), retried).len();
        assert_eq!(differ(2, &Retried::new()), 1);
        assert_eq!(differ(2, &retried(machine::Stage::Action, 1)), 0);
        assert_eq!(differ(3, &retried(machine::Stage::Action, 1)), 1, "once again is not twice");
        assert_eq!(differ(2, &retried(machine::Stage::Undo, 1)), 1, "its undo is another command");
    }

    #[test]
    fn the_state_is_compared_when_only_the_doubt_is_missing_and_it_took_effect() {
        let wanted = ending(&[("a", "done"), ("b", "done")], json!({"n": 3}));
        let mut came = ending(&[("a", "satisfied"), ("b", "in_doubt")], json!({"n": 4}));
        came.doubts = vec!["b".to_owned()];
        assert_eq!(told(&differ_so_far(&wanted, &came, true, &Retried::new())), ["state.n"]);
        assert_eq!(told(&differ_so_far(&wanted, &came, false, &Retried::new())), Vec::<&str>::new());
        let wanted = ending(&[("a", "undone"), ("b", "undone")], json!({"n": 3}));
        assert_eq!(told(&differ_so_far(&wanted, &came, true, &Retried::new())), Vec::<&str>::new());
    }
}
