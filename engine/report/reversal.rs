//! A change told backwards: what its undo puts back.

/// Returns `replicas 10 → 3` for `replicas 3 → 10`. `None` when there is no arrow in it, or it can't be told what stands
/// on its two sides: better nothing than a wrong number.
pub fn reversed(changes: &str) -> Option<String> {
    let parts: Vec<String> = changes.split(", ").map(reversed_one).collect::<Option<_>>()?;
    Some(parts.join(", "))
}

fn reversed_one(part: &str) -> Option<String> {
    let arrow = ["→", "->"].into_iter().find(|arrow| part.contains(arrow))?;
    let (from, to) = part.split_once(arrow)?;
    if to.contains(arrow) {
        return None;
    }
    let (from, to) = (from.trim(), to.trim());
    // `from` ends with the value, and `to` begins with it; of what has spaces on both sides nobody can tell where.
    let (before, old) = from.rsplit_once(' ').map_or(("", from), |(before, old)| (before, old));
    let (new, after) = to.split_once(' ').map_or((to, ""), |(new, after)| (new, after));
    if old.is_empty() || new.is_empty() || !before.is_empty() && !after.is_empty() {
        return None;
    }
    let words = [before, new, arrow, old, after];
    Some(words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::reversed;

    #[test]
    fn a_change_is_told_backwards_where_its_sides_are_plain() {
        for (changes, back) in [
            ("replicas 3 → 10", Some("replicas 10 → 3")),
            ("3 -> 10 replicas", Some("10 -> 3 replicas")),
            ("min 1 → 2, max 4 → 8", Some("min 2 → 1, max 8 → 4")),
            ("off → on", Some("on → off")),
            ("replicas 3 → 10 pods", None),
            ("1 → 2 → 3", None),
            ("restarts the pods", None),
            (" → ", None),
        ] {
            assert_eq!(reversed(changes).as_deref(), back, "{changes}");
        }
    }
}
