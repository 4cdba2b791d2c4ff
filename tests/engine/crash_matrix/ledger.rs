//! The side effects of a run, as its children count them.

use std::collections::BTreeMap;

/// What the children wrote: for each step and direction, the attempts in the order in which they did it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    did: BTreeMap<(String, String), Vec<u32>>,
}

impl Ledger {
    pub(super) fn parse(text: &str) -> Ledger {
        let mut ledger = Ledger::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let &[step, attempt, direction] = words.as_slice() else { panic!("a torn line: {line:?}") };
            let attempt = attempt.parse().expect("an attempt is a number");
            ledger.did.entry((step.to_owned(), direction.to_owned())).or_default().push(attempt);
        }
        ledger
    }

    pub(super) fn has(&self, step: &str, direction: &str) -> bool {
        self.did.contains_key(&(step.to_owned(), direction.to_owned()))
    }

    /// What a step tried and did not do is no effect; nor is a notice, which a kill may swallow.
    fn effects(&self) -> impl Iterator<Item = (&(String, String), &Vec<u32>)> {
        self.did.iter().filter(|((_, direction), _)| direction != "try" && direction != "told")
    }

    /// Returns what `undisturbed` has and this one has not.
    pub(super) fn lost(&self, undisturbed: &Ledger) -> Vec<String> {
        let count = |key| self.did.get(key).map_or(0, Vec::len);
        undisturbed
            .effects()
            .filter(|(key, wanted)| count(key) < wanted.len())
            .map(|(key, wanted)| format!("lost: {} {}, {} of {}", key.0, key.1, count(key), wanted.len()))
            .collect()
    }

    /// Returns what was done more often than in `undisturbed` without the leave of `may_repeat`, which is told step,
    /// direction and how often too many; and every attempt that was made twice, which nothing allows.
    pub(super) fn doubled(
        &self,
        undisturbed: &Ledger,
        may_repeat: impl Fn(&str, &str, usize) -> bool,
    ) -> Vec<String> {
        let mut doubled = Vec::new();
        for ((step, direction), attempts) in &self.did {
            let mut sorted = attempts.clone();
            sorted.sort_unstable();
            if sorted.windows(2).any(|two| two[0] == two[1]) {
                doubled.push(format!("doubled: one attempt of {step} {direction} twice: {attempts:?}"));
            }
        }
        for (key, attempts) in self.effects() {
            let (step, direction) = key;
            let wanted = undisturbed.did.get(key).map_or(0, Vec::len);
            if attempts.len() > wanted && !may_repeat(step, direction, attempts.len() - wanted) {
                doubled
                    .push(format!("doubled: {step} {direction}, attempts {attempts:?} in place of {wanted}"));
            }
        }
        doubled
    }
}
