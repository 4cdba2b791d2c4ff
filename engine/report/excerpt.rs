//! How much of what a command printed is shown where not all of it can be: bounded in lines and in what a line may hold.
//!
//! Of what failed its end, since the reason stands there. Of what went well the lines as they begin; and of data for
//! programs (JSON that is more than a line or two) nothing: its last lines are brackets. Whoever cuts says where the whole is.

/// How many lines of output an event keeps.
const KEPT: usize = 10;

/// The most characters of a line of what failed, and of what went well.
const FAILED: usize = 800;
const WELL: usize = 200;

/// The most lines of data for programs.
const DATA: usize = 3;

/// Some of an output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// Its lines, none of them too long.
    pub(super) lines: Vec<String>,
    /// Whether there is, or may be, more.
    pub(super) cut: bool,
}

/// Returns the excerpt of the last lines that a command printed, as its event keeps them. `well` says whether it did what it
/// was for.
pub(super) fn excerpt(tail: &str, well: bool) -> Excerpt {
    let count = tail.lines().count();
    let mut cut = count >= KEPT || tail.starts_with('…');
    if well && is_data(tail) && (count > DATA || tail.lines().any(|line| line.chars().count() > WELL)) {
        return Excerpt { lines: Vec::new(), cut: true };
    }
    let mut shorter = |line: &str| {
        let count = line.chars().count();
        let most = if well { WELL } else { FAILED };
        if count <= most {
            return line.to_owned();
        }
        cut = true;
        match well {
            true => format!("{}…", line.chars().take(most).collect::<String>()),
            false => format!("…{}", line.chars().skip(count - most).collect::<String>()),
        }
    };
    let lines = tail.lines().map(&mut shorter).collect();
    Excerpt { lines, cut }
}

/// Says whether the end of an output is the end of JSON.
fn is_data(tail: &str) -> bool {
    let tail = tail.trim();
    let (first, last) =
        (tail.lines().next().unwrap_or_default().trim(), tail.lines().last().unwrap_or_default().trim());
    let closes = last.ends_with('}') || last.ends_with(']');
    let inside = |line: &str| {
        let line = line.trim_start_matches('…');
        line.starts_with(['{', '[', '}', ']', '"']) || line.contains("\":")
    };
    closes && inside(first) && (tail.lines().count() == 1 || inside(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_failed_the_end_is_kept() {
        let long = format!("{}the reason", "x".repeat(5_000));
        let of = excerpt(&long, false);
        assert!(of.cut && of.lines[0].starts_with("…x") && of.lines[0].ends_with("the reason"));
        assert_eq!(of.lines[0].chars().count(), FAILED + 1);
        // Even when it is JSON: the reason is in it.
        assert_eq!(excerpt("{\n\"a\": 1,\n\"b\": 2,\n\"c\": 3\n}", false).lines.len(), 5);
    }

    #[test]
    fn of_data_that_went_well_a_line_or_nothing() {
        assert_eq!(excerpt("{\"a\": 1}", true), Excerpt { lines: vec!["{\"a\": 1}".to_owned()], cut: false });
        let long = format!("…d-43\", \"status\": {{\"x\": \"{}\"}}}}]}}", "y".repeat(400));
        let pretty = "    \"uid\": \"4\"\n  },\n  \"status\": {\n    \"ready\": 3\n  }\n}";
        for data in [long.as_str(), pretty] {
            assert_eq!(excerpt(data, true), Excerpt { lines: Vec::new(), cut: true }, "{data}");
        }
        let table = "NAME  READY\napi   3/3\nweb   [2/2]";
        assert_eq!(excerpt(table, true).lines.len(), 3);
        assert_eq!(excerpt("", true), Excerpt::default());
    }
}
