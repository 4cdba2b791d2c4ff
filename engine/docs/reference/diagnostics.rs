//! The page about every code.

use crate::diag::{Code, Severity};

const HEAD: &str = "\
# Diagnostics

What `runbook check` and the other verbs find wrong has a number that keeps its meaning. `runbook explain RB0101` shows the
same page in the terminal. Errors let nothing run; warnings do, unless `--deny warnings` is given.
";

/// Returns the page: a list by groups, then each code's own text.
pub(super) fn page() -> String {
    let mut text = HEAD.to_owned();
    let mut group = "";
    for code in Code::ALL {
        if code.group() != group {
            group = code.group();
            text.push_str(&format!("\n**{group}**\n\n"));
        }
        let mild = match code.severity() {
            Severity::Error => String::new(),
            severity => format!(" ({})", severity.name()),
        };
        let anchor = format!("{code}-{}", code.name()).to_lowercase();
        text.push_str(&format!("- [{code} {}](#{anchor}): {}{mild}\n", code.name(), code.title()));
    }
    for code in Code::ALL {
        text.push('\n');
        let mut fenced = false;
        for line in code.page().text.lines() {
            fenced ^= line.starts_with("```");
            // Each page has one heading of its own: it becomes a second one here.
            if line.starts_with('#') && !fenced {
                text.push('#');
            }
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}
