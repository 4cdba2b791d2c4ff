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
    let mut best: Option<(usize, f64, &'a str)> = None;
    for candidate in candidates {
        if candidate.len() > 200 || candidate == name {
            continue;
        }
        let other = simplified(candidate);
        let distance = osa_distance(&plain, &other);
        let allowed = (plain.chars().count().max(other.chars().count()) / 3).max(1);
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

fn simplified(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
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
    fn stays_silent_when_nothing_is_near() {
        for typed in ["", "x", "command", "environment", "id"] {
            assert_eq!(near(typed, KEYS), None, "{typed}");
        }
    }
}
