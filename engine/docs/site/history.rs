//! What the journal knows of a runbook.

use std::collections::BTreeMap;
use std::time::Duration;

use super::page::{Block, Section, Table, code, text};
use crate::model::format_duration;

/// What the journal knows of a runbook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// How many runs there were.
    pub runs: usize,
    /// How many of them succeeded.
    pub good: usize,
    /// When the last good one began (UTC), and who ran it.
    pub last_good: Option<(String, String)>,
    /// How long the good ones took.
    pub took: StepTimes,
    /// How long each step took where it succeeded, by its id.
    pub steps: BTreeMap<String, StepTimes>,
}

/// How long something took, time by time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepTimes {
    times: Vec<Duration>,
}

/// From how many times on the slow one is the 95th percentile and not the slowest.
const MANY: usize = 20;

impl StepTimes {
    /// Adds a time.
    pub fn add(&mut self, time: Duration) {
        self.times.push(time);
    }

    /// Returns the median and a slow one: the 95th percentile, or the slowest when there are few.
    pub fn middle_and_slow(&self) -> Option<(Duration, Duration)> {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        let slow = if sorted.len() < MANY { last } else { (sorted.len() * 95).div_ceil(100) - 1 };
        Some((sorted[last / 2], sorted[slow.min(last)]))
    }
}

fn shown(time: Duration) -> String {
    let rounded = match time.as_secs() {
        0 => Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(0)),
        secs => Duration::from_secs(secs),
    };
    format_duration(rounded)
}

/// Returns the section of what the journal knows; `steps` are the ids in file order.
pub(super) fn section<'a>(history: &History, steps: impl Iterator<Item = &'a str>) -> Section {
    let mut body = Vec::new();
    let mut facts = vec![("runs", format!("{}, {} succeeded", history.runs, history.good))];
    match &history.last_good {
        Some((when, who)) => facts.push(("last good run", format!("{when}, by {who}"))),
        None => facts.push(("last good run", "none yet".to_owned())),
    }
    if let Some((middle, slow)) = history.took.middle_and_slow() {
        facts.push(("a good run takes", format!("{}; a slow one {}", shown(middle), shown(slow))));
    }
    body.push(Block::Facts(
        facts.into_iter().map(|(name, value)| (name.to_owned(), vec![text(value)])).collect(),
    ));
    let rows: Vec<_> = steps
        .filter_map(|id| {
            let times = history.steps.get(id)?;
            let (middle, slow) = times.middle_and_slow()?;
            let times = times.times.len().to_string();
            Some(vec![vec![code(id)], vec![text(shown(middle))], vec![text(shown(slow))], vec![text(times)]])
        })
        .collect();
    if !rows.is_empty() {
        body.push(Block::Table(Table { head: vec!["step", "median", "slow", "times"], rows }));
        let note =
            "Slow is the 95th percentile, or the slowest of fewer than 20. Waiting for people is counted.";
        body.push(Block::Text(vec![text(note)]));
    }
    Section::new("history", "What the journal of this machine knows", body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_times_have_a_slowest_and_many_a_percentile() {
        let of = |count: u64| {
            let mut times = StepTimes::default();
            (1..=count).rev().for_each(|secs| times.add(Duration::from_secs(secs)));
            times.middle_and_slow().map(|(middle, slow)| (middle.as_secs(), slow.as_secs()))
        };
        assert_eq!(of(0), None);
        assert_eq!(of(1), Some((1, 1)));
        assert_eq!(of(4), Some((2, 4)));
        assert_eq!(of(100), Some((50, 95)));
    }
}
