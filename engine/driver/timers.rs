//! Timers: what the machine asked to be told later.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::machine::TimerId;

use super::clock;

/// The timers that have not gone off.
#[derive(Debug, Default)]
pub(super) struct Timers {
    after: BinaryHeap<Reverse<(Instant, TimerId)>>,
    until: Vec<(Timestamp, TimerId)>,
    /// The moment of a rehearsal's time.
    pretended: Option<Instant>,
}

/// How often a timer that waits for a time of day looks at the clock: the clock may be set meanwhile.
const LOOK: Duration = Duration::from_secs(1);

impl Timers {
    /// Goes by a rehearsal's time from now on, which is at this moment.
    pub(super) fn pretend(&mut self, now: Instant) {
        self.pretended = Some(now);
    }

    fn now(&self) -> Instant {
        self.pretended.unwrap_or_else(clock::instant)
    }

    /// Forgets the timers that nobody waits for.
    pub(super) fn retain(&mut self, awaited: impl Fn(TimerId) -> bool) {
        self.after.retain(|Reverse((_, id))| awaited(*id));
    }

    /// Returns when the next of some timers goes off.
    pub(super) fn next_of(&self, which: impl Fn(TimerId) -> bool) -> Option<Instant> {
        self.after.iter().filter(|Reverse((_, id))| which(*id)).map(|Reverse((at, _))| *at).min()
    }

    /// Puts some timers off.
    pub(super) fn put_off_some(&mut self, by: Duration, which: impl Fn(TimerId) -> bool) {
        let after = std::mem::take(&mut self.after).into_iter();
        self.after = after
            .filter_map(|Reverse((at, id))| {
                let at = if which(id) { at.checked_add(by)? } else { at };
                Some(Reverse((at, id)))
            })
            .collect();
    }

    pub(super) fn after(&mut self, id: TimerId, after: Duration) {
        // A duration past the end of the clock is one that never goes off.
        if let Some(at) = self.now().checked_add(after) {
            self.after.push(Reverse((at, id)));
        }
    }

    pub(super) fn until(&mut self, id: TimerId, until: Timestamp) {
        self.until.push((until, id));
    }

    /// Puts off what goes off after a while. What waits for a time of day is not: that goes by on every clock.
    pub(super) fn put_off(&mut self, by: Duration) {
        let after = std::mem::take(&mut self.after).into_iter();
        self.after = after.filter_map(|Reverse((at, id))| Some(Reverse((at.checked_add(by)?, id)))).collect();
    }

    /// Returns when to look again.
    pub(super) fn next(&self) -> Option<Instant> {
        let after = self.after.peek().map(|Reverse((at, _))| match self.pretended {
            Some(now) => clock::instant() + at.saturating_duration_since(now),
            None => *at,
        });
        let until = (!self.until.is_empty()).then(|| clock::instant() + LOOK);
        after.into_iter().chain(until).min()
    }

    /// Returns a timer that has gone off.
    pub(super) fn due(&mut self) -> Option<TimerId> {
        if let Some(&Reverse((at, id))) = self.after.peek()
            && at <= self.now()
        {
            self.after.pop();
            return Some(id);
        }
        let now = clock::now();
        let due = self.until.iter().position(|(until, _)| *until <= now)?;
        Some(self.until.swap_remove(due).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_off_in_order_of_time_and_not_before() {
        let mut timers = Timers::default();
        timers.after(1, Duration::from_secs(3_600));
        timers.after(2, Duration::ZERO);
        timers.until(3, Timestamp::UNIX_EPOCH);
        timers.after(4, Duration::MAX);
        assert_eq!((timers.due(), timers.due(), timers.due()), (Some(2), Some(3), None));
        assert!(timers.next().is_some_and(|at| at > clock::instant()));
    }

    #[test]
    fn what_was_put_off_goes_off_later_but_for_times_of_day() {
        let mut timers = Timers::default();
        timers.after(1, Duration::ZERO);
        timers.until(2, Timestamp::UNIX_EPOCH);
        timers.put_off(Duration::from_secs(3_600));
        assert_eq!((timers.due(), timers.due()), (Some(2), None));
    }

    #[test]
    fn a_rehearsal_goes_by_its_own_time() {
        let (mut timers, hour) = (Timers::default(), Duration::from_secs(3_600));
        let now = clock::instant();
        timers.pretend(now);
        for id in 1..=3 {
            timers.after(id, hour * id as u32);
        }
        assert_eq!(timers.due(), None);
        assert_eq!(timers.next_of(|id| id != 1), Some(now + 2 * hour));
        timers.put_off_some(5 * hour, |id| id == 2);
        timers.retain(|id| id != 1);
        timers.pretend(now + 4 * hour);
        assert_eq!((timers.due(), timers.due()), (Some(3), None));
        assert_eq!(timers.next_of(|_| true), Some(now + 7 * hour));
    }
}
