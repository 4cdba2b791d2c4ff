//! Kills at random times, on a busy machine.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::matrix::{Draw, Job, all, chosen, seed, wanted};
use super::play::{Kill, Played, undisturbed};
use super::scenario::Scenario;

/// How many threads do nothing but keep a processor busy.
const BURNERS: usize = 3;

/// How many runs are killed where nobody asked for more.
const FEW: usize = 60;
const MANY: usize = 300;

#[test]
fn killed_at_random_times_under_load_nothing_is_lost_or_doubled() {
    let runs = if wanted("RUNBOOK_CRASH_ALL").is_some() { MANY } else { FEW };
    let over = AtomicBool::new(false);
    let figures = std::thread::scope(|scope| {
        for _ in 0..BURNERS {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        // However it ends, nobody burns on.
        let _end = End(&over);
        let scenarios: Vec<(&Scenario, Played)> =
            chosen().into_iter().map(|one| (one, undisturbed(one))).collect();
        let mut draw = Draw(seed());
        println!("seed {}", seed());
        let mut jobs = Vec::new();
        for number in 0..runs {
            let (scenario, undisturbed) = &scenarios[number % scenarios.len()];
            let mut after = || {
                let most = undisturbed.took.as_micros() as u64;
                Kill::After(Duration::from_micros(draw.below(most)))
            };
            let kills = vec![after(), after()];
            jobs.push(Job { row: scenario.name, scenario, undisturbed, kills });
        }
        all(&jobs, &scenarios.iter().map(|(one, quiet)| (one.name, quiet.points.len())).collect())
    });
    assert!(figures.killed >= runs / 2, "most of them were to die, and not {} of {runs}", figures.killed);
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
