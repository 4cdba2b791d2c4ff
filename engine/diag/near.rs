//! What a mistyped name may have meant.

use strsim::{jaro_winkler, osa_distance};

/// Returns the candidate that `name` is most likely a misspelling of, or `None` when none is near enough.
///
/// A third of the letters may differ (at least one); beyond that a suggestion misleads more often than it helps. A
/// name that only differs in case, `-` or `_`, or that a candidate begins with, is near whatever its length.
pub fn near<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Far longer than any name that people give; keeps the quadratic distance off hostile keys.
    if name.is_empty() || name.len() > 200 {
        return None;
    }
    let plain = simplified(name);
    let (begin, letters) = (plain.chars().next(), Letters::of(&plain));
    let mut best: Option<(usize, f64, &'a str)> = None;
    for candidate in candidates {
        if candidate.len() > 200 || candidate == name {
            continue;
        }
        // Most of thousands of names are out of the question by their letters alone, a hundred times as fast.
        let its = Letters::of(candidate);
        let allowed = (letters.count.max(its.count) / 3).max(1);
        let least = letters.distance(&its);
        if best.is_some_and(|(best, ..)| least > best) || least > allowed && simple(candidate).next() != begin
        {
            continue;
        }
        let other = simplified(candidate);
        let distance = osa_distance(&plain, &other);
        let begins =
            plain.len() >= 3 && (other.starts_with(&plain) || plain.starts_with(&other) && other.len() >= 3);
        if distance > allowed && !begins {
            continue;
        }
        let likeness = jaro_winkler(&plain, &other);
        let better =
            best.is_none_or(|(least, most, _)| distance < least || distance == least && likeness > most);
        if better {
            best = Some((distance, likeness, candidate));
        }
    }
    best.map(|(_, _, candidate)| candidate)
}

fn simple(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase)
}

fn simplified(name: &str) -> String {
    simple(name).collect()
}

/// How often each letter stands in a simplified name; letters may share a place.
struct Letters {
    count: usize,
    of: [u16; 64],
}

impl Letters {
    fn of(name: &str) -> Letters {
        let mut letters = Letters { count: 0, of: [0; 64] };
        for letter in simple(name) {
            letters.count += 1;
            letters.of[letter as usize % 64] += 1;
        }
        letters
    }

    /// Returns a distance that the names have at least: each change adds one letter at most and takes away one at most.
    fn distance(&self, other: &Letters) -> usize {
        let (mut more, mut less) = (0, 0);
        for (ours, theirs) in self.of.iter().zip(&other.of) {
            more += usize::from(ours.saturating_sub(*theirs));
            less += usize::from(theirs.saturating_sub(*ours));
        }
        more.max(less)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 6] = ["needs", "when", "rollback", "for_each", "timeout", "irreversible"];

    #[test]
    fn finds_what_was_meant() {
        for (typed, meant) in [
            ("neds", "needs"),
            ("need", "needs"),
            ("Rollback", "rollback"),
            ("roll_back", "rollback"),
            ("foreach", "for_each"),
            ("tiemout", "timeout"),
            ("irreversable", "irreversible"),
        ] {
            assert_eq!(near(typed, KEYS), Some(meant), "{typed}");
        }
    }

    #[test]
    fn looking_at_letters_first_changes_no_answer() {
        let names: Vec<String> = (0..400_u32)
            .map(|n| {
                let n = n.wrapping_mul(2_654_435_761);
                (0..n % 9 + 1)
                    .map(|at| ['a', 'b', 'C', '-', 'é', '1'][(n >> (3 * at)) as usize % 6])
                    .collect()
            })
            .collect();
        for name in &names {
            let all = || names.iter().map(String::as_str);
            // Alone, a candidate meets no better one that could hide it.
            let found = near(name, all());
            let alone: Vec<&str> = all().filter(|other| near(name, [*other]).is_some()).collect();
            let least = alone.iter().map(|other| osa_distance(&simplified(name), &simplified(other))).min();
            let got = found.map(|other| osa_distance(&simplified(name), &simplified(other)));
            assert_eq!(got, least, "{name} {found:?} {alone:?}");
            let plain = simplified(name);
            for other in all().filter(|&other| other != name && !plain.is_empty()) {
                let allowed = (plain.chars().count().max(simplified(other).chars().count()) / 3).max(1);
                let is_near = osa_distance(&plain, &simplified(other)) <= allowed;
                assert!(!is_near || alone.contains(&other), "{name} {other}");
            }
        }
    }

    #[test]
    fn stays_silent_when_nothing_is_near() {
        for typed in ["", "x", "command", "environment", "id"] {
            assert_eq!(near(typed, KEYS), None, "{typed}");
        }
    }
}
