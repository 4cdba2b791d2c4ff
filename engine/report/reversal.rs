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
    if let Some(back) = of_one_shape(from, to, arrow) {
        return Some(back);
    }
    // `from` ends with the value, and `to` begins with it; of what has spaces on both sides nobody can tell where.
    let (before, old) = from.rsplit_once(' ').map_or(("", from), |(before, old)| (before, old));
    let (new, after) = to.split_once(' ').map_or((to, ""), |(new, after)| (new, after));
    if old.is_empty() || new.is_empty() || !before.is_empty() && !after.is_empty() {
        return None;
    }
    let words = [before, new, arrow, old, after];
    Some(words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}

/// Returns `ACUs 8 to 64 → 2 to 16` for `ACUs 2 to 16 → 8 to 64`: where `from` ends with as many words as `to` has, which are the
/// same but for the numbers, those are what is put back.
fn of_one_shape(from: &str, to: &str, arrow: &str) -> Option<String> {
    let (from, to): (Vec<&str>, Vec<&str>) = (from.split(' ').collect(), to.split(' ').collect());
    let (before, old) = from.split_at(from.len().checked_sub(to.len())?);
    let is_number = |word: &str| word.parse::<f64>().is_ok_and(f64::is_finite);
    let alike = |(old, new): (&&str, &&str)| old == new || is_number(old) && is_number(new);
    if to.len() < 2 || !to.iter().any(|word| is_number(word)) || !old.iter().zip(&to).all(alike) {
        return None;
    }
    Some([before, &to[..], &[arrow], old].concat().join(" "))
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
            ("ACUs 2 to 16 → 8 to 64", Some("ACUs 8 to 64 → 2 to 16")),
            ("cpu target 70 % → 60 %", Some("cpu target 60 % → 70 %")),
            ("8 to 64 → 2 to 16 ACUs", None),
            ("the file there was → 4 services by the table", None),
            ("replicas 3 → 10 pods", None),
            ("1 → 2 → 3", None),
            ("restarts the pods", None),
            (" → ", None),
        ] {
            assert_eq!(reversed(changes).as_deref(), back, "{changes}");
        }
    }
}
