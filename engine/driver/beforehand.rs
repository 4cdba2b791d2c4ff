//! What is known of a run's commands before it begins. Nothing of that was printed by a step: a recorder masks what sensitive
//! steps gave to the run, and would mask the like of it everywhere (`--context production`), so that tapes could not be read.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::machine::{Prepared, Stage};
use crate::model::{Rendered, Snapshot};

use super::preview::preview_by_hand;

/// The commands of a plan, by instance and stage.
pub(super) struct Beforehand(BTreeMap<(String, Stage), Vec<Prepared>>);

/// What of a command was known.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// How many of the words before the first one that was not.
    pub before: usize,
    /// How many of those after the last one that was not.
    pub after: usize,
    /// Whether what it reads was.
    pub stdin: bool,
}

impl Beforehand {
    /// Returns what is known of a run of `snapshot`.
    pub(super) fn of(snapshot: &Arc<Snapshot>) -> Beforehand {
        let mut known: BTreeMap<(String, Stage), Vec<Prepared>> = BTreeMap::new();
        for step in preview_by_hand(snapshot).steps {
            for command in step.commands {
                let cases = command.by_hand.map(|by_hand| by_hand.cases).unwrap_or_default();
                let place = known.entry((step.name.clone(), command.stage)).or_default();
                place.extend(cases.into_iter().map(|case| case.prepared));
            }
        }
        Beforehand(known)
    }

    /// Returns what was known of a command of the instance `step`: of all its cases that one which it is.
    pub(super) fn known(&self, step: &str, stage: Stage, words: &[String], stdin: Option<&str>) -> Known {
        let cases = self.0.get(&(step.to_owned(), stage));
        let mut fits = cases.into_iter().flatten().filter_map(|case| known(case, words, stdin));
        fits.next().unwrap_or_default()
    }
}

/// Returns what was known of a command, when it is one that was planned so. A word that was not known may have come to several
/// or none, so of what stands between two of them the place is not known.
fn known(planned: &Prepared, words: &[String], stdin: Option<&str>) -> Option<Known> {
    let said = |word: &Rendered| word.unknown().is_none().then(|| word.display());
    let before: Vec<String> = planned.argv.iter().map_while(said).collect();
    let whole = before.len() == planned.argv.len();
    let after: Vec<String> = match whole {
        true => Vec::new(),
        false => planned.argv.iter().rev().map_while(said).collect(),
    };
    let fits = words.starts_with(&before)
        && words.iter().rev().take(after.len()).eq(&after)
        && before.len() + after.len() <= words.len()
        && (!whole || words.len() == before.len());
    let reads = planned.stdin.as_ref().and_then(said);
    fits.then(|| Known {
        before: before.len(),
        after: after.len(),
        stdin: reads.is_some() && reads.as_deref() == stdin,
    })
}

#[cfg(test)]
mod tests {
    use crate::model::{Piece, Unknown};

    use super::*;

    fn words(of: &str) -> Vec<String> {
        of.split_whitespace().map(str::to_owned).collect()
    }

    /// `?` is what was not known.
    fn of(planned: &str, came: &str) -> Option<(usize, usize)> {
        let word = |word: &str| match word {
            "?" => Rendered { pieces: vec![Piece::Unknown(Unknown::of("steps.a.outputs.o"))] },
            word => Rendered::plain(word),
        };
        let planned = Prepared { argv: planned.split(' ').map(word).collect(), ..Prepared::default() };
        known(&planned, &words(came), None).map(|known| (known.before, known.after))
    }

    #[test]
    fn only_what_stands_before_and_after_all_that_was_not_known_was_known() {
        for (planned, came, known) in [
            ("a b c", "a b c", Some((3, 0))),
            ("a b c", "a b c d", None),
            ("a ? c", "a x c", Some((1, 1))),
            ("a ? c", "a x y c", Some((1, 1))),
            ("a ? c ? d", "a c x d", Some((1, 1))),
            ("a ? c", "b x c", None),
            ("a ? c", "a x d", None),
            ("a ? a", "a", None),
            ("?", "x", Some((0, 0))),
        ] {
            assert_eq!(of(planned, came), known, "{planned} / {came}");
        }
    }
}
