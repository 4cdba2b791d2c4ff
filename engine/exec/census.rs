//! Which processes may have been started since a command was, asked as cheaply as the answer allows.
//!
//! Numbers are given out in rising order, from the bottom again after the highest. So those started since have the
//! numbers up to the last one given out: while the system can't have gone round since. How long that takes at least is
//! known from the highest number, and looks that are closer to each other than that show that it did not. Where it can't
//! be told, all processes are asked, once for all commands of one turn of the reactor: of 64 that are being stopped
//! each looks every 20 ms.
//!
//! Rejected: to be the subreaper of what the commands leave behind, whose answer would be the list of our own children. A
//! step that stops a service and waits until its number is free would wait until we have reaped it, orphans would not see
//! that they are orphans, and still none of them says whose it was.

use std::time::{Duration, Instant};

use super::procfs::{self, Stat};
use super::reactor::now;

/// How many numbers are asked one by one before reading the list of processes is cheaper; a number that nobody has costs
/// about 1 µs, one that somebody has about 6 µs either way.
const NEAR: u32 = 1024;

/// More than any machine starts, threads too, in a second.
const FASTEST: u32 = 100_000;

/// Who may have been started since a command was.
#[derive(Debug, PartialEq, Eq)]
enum Reach {
    /// Few enough numbers to ask each.
    Near(u32),
    /// Those that somebody has, up to this one.
    Upto(u32),
    /// Everybody.
    All,
}

/// What one reactor knows about the numbers given out.
#[derive(Debug)]
pub(super) struct Census {
    /// In less time the system can't go round.
    lap: Duration,
    /// When it was last looked, and which number was the last then.
    looked: (Instant, u32),
    /// It has not gone round from then until it was last looked.
    straight_since: Instant,
    /// Everybody, in this turn.
    all: Option<Vec<(u32, Stat)>>,
}

impl Census {
    pub(super) fn new() -> Self {
        let now = now();
        // Where it is not known nothing is concluded from numbers.
        let lap = Duration::from_secs(1) * procfs::highest_number().unwrap_or_default() / FASTEST;
        // The first look finds that this number is not the last, and begins anew.
        Self { lap, looked: (now, u32::MAX), straight_since: now, all: None }
    }

    /// As where it can never be told whether the system has gone round.
    #[cfg(test)]
    pub(super) fn blind() -> Self {
        Self { lap: Duration::ZERO, ..Self::new() }
    }

    /// Forgets who was there. To be called after it was heard what happened, and before acting on it: whoever is asked
    /// about then is younger than the answer.
    pub(super) fn turn(&mut self) {
        self.all = None;
    }

    /// Calls `look` with the number of everybody who may have been started since the process `first` was, at `started`, it
    /// included; with those of mere threads too. What is known of it already goes along.
    pub(super) fn since(&mut self, first: u32, started: Instant, mut look: impl FnMut(u32, Option<Stat>)) {
        let before = now();
        let last = procfs::last_number();
        match self.reach(first, started, last, (before, now())) {
            Reach::Near(last) => (first..=last).for_each(|pid| look(pid, None)),
            Reach::Upto(last) => {
                procfs::numbers().filter(|pid| (first..=last).contains(pid)).for_each(|pid| look(pid, None));
            }
            Reach::All => {
                let everybody =
                    || procfs::numbers().filter_map(|pid| Some((pid, procfs::stat(pid)?))).collect();
                let all: &Vec<_> = self.all.get_or_insert_with(everybody);
                all.iter().for_each(|&(pid, stat)| look(pid, Some(stat)));
            }
        }
    }

    /// `asked` is when it was begun to ask for the last number, and when the answer was there.
    fn reach(&mut self, first: u32, started: Instant, last: Option<u32>, asked: (Instant, Instant)) -> Reach {
        let Some(last) = last else { return Reach::All };
        let (begun, answered) = asked;
        let (looked, before) = std::mem::replace(&mut self.looked, (begun, last));
        if last < before || answered.saturating_duration_since(looked) >= self.lap {
            self.straight_since = answered;
        }
        let straight =
            self.straight_since <= started || answered.saturating_duration_since(started) < self.lap;
        match last.checked_sub(first) {
            Some(since) if straight && since <= NEAR => Reach::Near(last),
            Some(_) if straight => Reach::Upto(last),
            _ => Reach::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A census of a system that goes round in one second at least, the clock's beginning, and a way to ask.
    fn census() -> (Census, Instant) {
        let begin = now();
        let lap = Duration::from_secs(1);
        (Census { lap, looked: (begin, u32::MAX), straight_since: begin, all: None }, begin)
    }

    #[test]
    fn numbers_are_trusted_only_while_the_system_can_not_have_gone_round() {
        let (mut census, begin) = census();
        let at = |millis| begin + Duration::from_millis(millis);
        let mut ask =
            |first, started, last, now| census.reach(first, at(started), Some(last), (at(now), at(now)));
        // Young, whatever happened before.
        assert_eq!(ask(100, 0, 120, 500), Reach::Near(120));
        assert_eq!(ask(100, 0, 9000, 900), Reach::Upto(9000));
        // Old, but looked at often enough.
        assert_eq!(ask(8000, 600, 9001, 1800), Reach::Near(9001));
        // Old, and nobody looked: 9002 may be one lap on.
        assert_eq!(ask(8990, 700, 9002, 5000), Reach::All);
        // From then on it is known again.
        assert_eq!(ask(9003, 5001, 9500, 5800), Reach::Near(9500));
        assert_eq!(ask(9003, 5001, 9600, 6700), Reach::Near(9600));
        // It has gone round; also one that is young again and has a low number was before that.
        assert_eq!(ask(9003, 5001, 300, 6800), Reach::All);
        assert_eq!(ask(310, 6801, 320, 6900), Reach::Near(320));
        assert_eq!(ask(9700, 6700, 9600, 6950), Reach::All);
        assert_eq!(census.reach(1, begin, None, (begin, begin)), Reach::All);
    }

    #[test]
    fn everybody_is_asked_once_a_turn() {
        let (mut census, begin) = census();
        let me = std::process::id();
        let found = |census: &mut Census| {
            let mut found = false;
            census.lap = Duration::ZERO;
            census.since(1, begin, |pid, stat| found |= pid == me && stat.is_some());
            found
        };
        assert!(found(&mut census));
        census.all = Some(Vec::new());
        assert!(!found(&mut census), "the answer of this turn is taken");
        census.turn();
        assert!(found(&mut census));
    }
}
