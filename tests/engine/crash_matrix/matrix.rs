//! Every point of every scenario, and the table of what came of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::play::{Kill, Played, play, undisturbed, undone};
use super::scenario::{self, Scenario};

/// How many runs are killed at a time. Each mostly waits for its disk and its children.
const AT_ONCE: usize = 3;

/// What came of a scenario's kills.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) points: usize,
    pub(super) killed: usize,
    pub(super) lost: usize,
    pub(super) doubled: usize,
    pub(super) in_doubt: usize,
    pub(super) wrong: usize,
}

/// One scenario to be played with these kills.
pub(super) struct Job<'a> {
    pub(super) row: &'a str,
    pub(super) scenario: &'a Scenario,
    pub(super) undisturbed: &'a Played,
    pub(super) kills: Vec<Kill>,
}

pub(super) fn wanted(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

pub(super) fn chosen() -> Vec<&'static Scenario> {
    let only = wanted("RUNBOOK_CRASH_ONLY").unwrap_or_default();
    scenario::ALL.iter().copied().filter(|one| one.name.contains(&only)).collect()
}

pub(super) fn seed() -> u64 {
    wanted("RUNBOOK_CRASH_SEED").map_or(3, |seed| seed.parse().expect("RUNBOOK_CRASH_SEED is a number"))
}

/// The numbers of SplitMix64: the same for the same seed on every machine.
pub(super) struct Draw(pub(super) u64);

impl Draw {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does the work of every job, with its number.
fn a_few_at_once<T: Sync>(jobs: &[T], work: impl Fn(usize, &T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(job) = jobs.get(number) else { return };
                    work(number, job);
                }
            });
        }
    });
}

/// Plays every job, prints the table and fails when anything was lost, doubled or otherwise wrong.
pub(super) fn all(jobs: &[Job<'_>], points: &BTreeMap<&str, usize>) -> Figures {
    let table: Mutex<BTreeMap<&str, Figures>> = Mutex::new(BTreeMap::new());
    let failures: Mutex<Vec<String>> = Mutex::new(Vec::new());
    a_few_at_once(jobs, |number, job| {
        let played = play(job.scenario, &job.kills, number.is_multiple_of(2));
        let lost = played.lost(job.undisturbed);
        let doubled = played.doubled(job.scenario, job.undisturbed);
        let wrong = played.wrong(job.undisturbed);
        let mut table = lock(&table);
        let figures = table.entry(job.row).or_default();
        figures.killed += played.kills;
        figures.lost += lost.len();
        figures.doubled += doubled.len();
        figures.in_doubt += usize::from(played.was_in_doubt());
        figures.wrong += wrong.len();
        let said = [lost, doubled, wrong].concat();
        if !said.is_empty() {
            let (said, story) = (said.join("\n"), played.story());
            // What was wrong comes last: of a long output it is the end that is kept.
            lock(&failures).push(format!("{story}\n{}, killed at {:?}:\n{said}", job.row, job.kills));
        }
    });
    let table = table.into_inner().unwrap_or_else(PoisonError::into_inner);
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    let sum = print(&table, points);
    assert!(
        failures.is_empty(),
        "{} went wrong:\n{}",
        failures.len(),
        failures[..failures.len().min(3)].join("\n")
    );
    sum
}

fn print(table: &BTreeMap<&str, Figures>, points: &BTreeMap<&str, usize>) -> Figures {
    let mut text = format!("{:34} points  killed  lost  doubled  in doubt  wrong\n", "scenario");
    let mut sum = Figures::default();
    let mut line = |name: &str, one: &Figures| {
        let Figures { points, killed, lost, doubled, in_doubt, wrong } = one;
        let _ = writeln!(text, "{name:34} {points:6} {killed:7} {lost:5} {doubled:8} {in_doubt:9} {wrong:6}");
    };
    for (name, figures) in table {
        let figures = Figures { points: points.get(name).copied().unwrap_or_default(), ..*figures };
        line(name, &figures);
        sum.points += figures.points;
        sum.killed += figures.killed;
        sum.lost += figures.lost;
        sum.doubled += figures.doubled;
        sum.in_doubt += figures.in_doubt;
        sum.wrong += figures.wrong;
    }
    line("all", &sum);
    println!("{text}");
    sum
}

/// The most points of a scenario that are tried where nobody asked for all.
const MOST: usize = 48;

/// Returns the numbers of the points to kill at: every one, or as many as may be, evenly.
fn points_of(undisturbed: &Played) -> Vec<usize> {
    // A few more than were passed: how many there are depends on what shared a commit.
    let all = undisturbed.points.len() + 2;
    let stride = if wanted("RUNBOOK_CRASH_ALL").is_some() { 1 } else { all.div_ceil(MOST) };
    (1..=all).step_by(stride).collect()
}

fn at(number: usize) -> Kill {
    Kill::At(number.to_string())
}

#[test]
fn killed_at_any_point_a_run_ends_as_if_nobody_had_disturbed_it() {
    let scenarios: Vec<(&Scenario, Played)> =
        chosen().into_iter().map(|one| (one, undisturbed(one))).collect();
    let points = scenarios.iter().map(|(one, quiet)| (one.name, quiet.points.len())).collect();
    let mut jobs = Vec::new();
    for (scenario, undisturbed) in &scenarios {
        assert!(!undisturbed.points.is_empty(), "{} passed no fail point", scenario.name);
        let kills = points_of(undisturbed).into_iter().map(|number| vec![at(number)]);
        jobs.extend(kills.map(|kills| Job { row: scenario.name, scenario, undisturbed, kills }));
    }
    all(&jobs, &points);
}

/// Whoever goes on dies as well: each point of the run, with a few of the resume.
#[test]
fn a_resume_that_is_killed_too_changes_nothing_of_that() {
    let pairs: Vec<(&Scenario, Played)> =
        [&scenario::ONCE, &scenario::BACK, &scenario::WIDE, &scenario::HEARD]
            .into_iter()
            .filter(|one| chosen().iter().any(|chosen| chosen.name == one.name))
            .map(|one| (one, undisturbed(one)))
            .collect();
    let mut draw = Draw(seed());
    println!("seed {}", seed());
    let mut jobs = Vec::new();
    for (scenario, undisturbed) in &pairs {
        let all = undisturbed.points.len() as u64;
        let stride = if wanted("RUNBOOK_CRASH_ALL").is_some() { 1 } else { all.div_ceil(16) };
        for first in (1..=all).step_by(stride as usize) {
            let seconds: Vec<u64> = match wanted("RUNBOOK_CRASH_ALL") {
                Some(_) => (1..=all).step_by(all.div_ceil(3) as usize).collect(),
                None => (0..2).map(|_| 1 + draw.below(all)).collect(),
            };
            for second in seconds {
                // And the one after it.
                let third = 1 + draw.below(all);
                let kills = [first, second, third].map(|number| at(number as usize)).to_vec();
                jobs.push(Job { row: scenario.name, scenario, undisturbed, kills });
            }
        }
    }
    all(&jobs, &pairs.iter().map(|(one, quiet)| (one.name, quiet.points.len())).collect());
}

/// In place of going on, what was begun is undone.
#[test]
fn killed_at_any_point_a_run_can_be_rolled_back_to_what_was() {
    let mut jobs = Vec::new();
    // None with `finally`, which runs after a rollback of nothing, too.
    for mut scenario in [scenario::CAPTURED_BACK, scenario::BACK, scenario::BACK_ONCE] {
        scenario.victim = 0;
        let quiet = undisturbed(&scenario);
        let stride = if wanted("RUNBOOK_CRASH_ALL").is_some() { 1 } else { quiet.points.len().div_ceil(16) };
        let scenario = Arc::new(scenario);
        jobs.extend((1..=quiet.points.len()).step_by(stride).map(|point| (Arc::clone(&scenario), point)));
    }
    let wrong: Mutex<Vec<String>> = Mutex::new(Vec::new());
    a_few_at_once(&jobs, |_, (scenario, point)| {
        let found = undone(scenario, *point);
        if !found.is_empty() {
            lock(&wrong).push(format!("{}, killed at {point}:\n{}", scenario.name, found.join("\n")));
        }
    });
    println!("{} runs were killed and rolled back", jobs.len());
    let wrong = wrong.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(wrong.is_empty(), "{} went wrong:\n{}", wrong.len(), wrong[..wrong.len().min(3)].join("\n"));
}
