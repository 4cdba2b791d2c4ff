//! What a document has for going back: commands under "Rollback", after "If it fails:", below `# Undo`. They stand behind the
//! procedure, and a run that did them one after another would take back what it has just done.
//!
//! They stay the commands that they are, with a `when` that never holds, until somebody decides whose `rollback` they are. To leave
//! them to a person was rejected: a run would ask for each, and at the end of a good run one of the answers undoes it.
//!
//! A step that no run does is told for as long as there is one: `check` warns of each `when` that never holds (RB0225), and the draft
//! doesn't silence that, as it did once. To make `exec` refuse such a draft was rejected: it would need a word of its own in the
//! language, for files that are drafts only.
//!
//! Going back is only what takes back the procedure: `Undo the migration`, `Revert it`. `Reverting traffic to the new cluster` may
//! as well be a step forwards, so it stays one, and it is asked which of both it is.

use super::super::seems::seems_command;
use super::people::unnumbered;

/// How far what goes back reaches.
#[derive(Debug, Default)]
pub(super) struct Back {
    /// The one heading that is over all: a document about going back is a procedure as any other.
    over_all: bool,
    /// Below a heading.
    heading: bool,
    /// Below a line in bold that stands for one.
    bold: bool,
    /// Below a line of text, up to the next.
    lead: bool,
    /// In the entry of a list, by its depth.
    item: Option<usize>,
    /// Below a line of text in an entry.
    inner: bool,
    /// In a block of code, below a comment that stands alone.
    notes: bool,
    /// Below the comment of a command, up to the next.
    comment: bool,
}

impl Back {
    /// Returns the beginning of a document.
    pub(super) fn new(over_all: bool) -> Back {
        Back { over_all, ..Back::default() }
    }

    /// Says whether what stands here is for going back.
    pub(super) fn is(&self) -> bool {
        self.heading
            || self.bold
            || self.lead
            || self.inner
            || self.item.is_some()
            || self.notes
            || self.comment
    }

    /// Takes a heading, with those it stands under.
    pub(super) fn heading(&mut self, path: &[(usize, String)]) {
        let over_all = self.over_all;
        let above = path.iter().skip(usize::from(over_all));
        *self = Back { over_all, heading: above.into_iter().any(|(_, text)| names(text)), ..Back::default() };
    }

    /// Takes a paragraph, at its depth in lists.
    pub(super) fn prose(&mut self, text: &str, depth: usize) {
        let text = text.trim();
        let back = leads(text);
        if depth > 0 {
            self.inner = back;
            return;
        }
        let bold = text.strip_prefix("**").and_then(|text| text.trim_end_matches(':').strip_suffix("**"));
        if let Some(bold) = bold {
            self.bold = names(bold) || says(bold);
        }
        (self.lead, self.item, self.inner) = (back, None, false);
    }

    /// Takes the entry of a list.
    pub(super) fn item(&mut self, text: &str, depth: usize) {
        self.inner = false;
        if self.item.is_none_or(|above| depth <= above) {
            self.item = says(text).then_some(depth);
        }
    }

    /// Takes the beginning of a block of code.
    pub(super) fn code(&mut self) {
        (self.notes, self.comment) = (false, false);
    }

    /// Takes comments above no command.
    pub(super) fn notes(&mut self, text: &[String]) {
        (self.notes, self.comment) = (text.iter().any(|text| says(text)), false);
    }

    /// Takes the comments above a command; without any it belongs to the one before.
    pub(super) fn comments(&mut self, text: &[String]) {
        if !text.is_empty() {
            self.comment = text.iter().any(|text| says(text));
        }
    }
}

/// Words that begin what goes back, whatever stands behind them.
const ROLLS: [&str; 9] = [
    "rollback",
    "roll back",
    "roll-back",
    "roll it back",
    "roll everything back",
    "rolling back",
    "back out",
    "back-out",
    "backout",
];

/// Words that begin what goes back when it is the procedure that they are about.
const UNDOES: [&str; 4] = ["undo", "undoing", "revert", "reverting"];

/// What it is that may fail, where a sentence is about the procedure and not about what it looks for.
const PROCEDURES: [&str; 27] = [
    "a step",
    "any step",
    "any of",
    "all",
    "anything",
    "changes",
    "cutover",
    "deploy",
    "deployment",
    "everything",
    "failover",
    "it",
    "migration",
    "one of",
    "procedure",
    "release",
    "rollout",
    "some",
    "something",
    "step",
    "switch",
    "that",
    "things",
    "this",
    "update",
    "upgrade",
    "change",
];

/// Returns words in lower case without what only marks them.
fn plain(text: &str) -> String {
    let text: String =
        text.chars().filter(|c| !matches!(c, '*' | '_' | '`' | '#' | '"' | '“' | '”')).collect();
    unnumbered(text.trim()).trim().to_lowercase()
}

/// Returns what follows, where a text begins with words as words.
fn after<'t>(text: &'t str, words: &str) -> Option<&'t str> {
    text.strip_prefix(words).filter(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
}

/// Says whether a heading is over what goes back: `Rollback`, `3. Rollback plan`, `How to roll back`, `Emergency rollback`.
fn names(heading: &str) -> bool {
    let heading = plain(heading);
    let words: Vec<&str> =
        heading.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    // `Deploy with automatic rollback`, `Test the rollback`, `Deploy and roll back`: of the whole that is not so.
    let other = [
        "with",
        "without",
        "automatic",
        "automated",
        "automatically",
        "and",
        "before",
        "test",
        "testing",
        "enable",
        "disable",
    ];
    if words.iter().any(|word| other.contains(word)) {
        return false;
    }
    if says(&heading) {
        return true;
    }
    let words = words.join(" ");
    let parts = ["plan", "procedure", "procedures", "steps", "instructions", "path", "strategy", "section"];
    let words = parts.iter().find_map(|part| words.strip_suffix(part)).map_or(words.as_str(), str::trim_end);
    let ends = |deed: &&str| {
        words.strip_suffix(*deed).is_some_and(|before| before.is_empty() || before.ends_with(' '))
    };
    ROLLS.iter().chain(&UNDOES).any(ends)
        || ["how to ", "when to "].iter().any(|how| words.strip_prefix(how).is_some_and(says))
}

/// Says whether a comment or an entry of a list begins with going back, or with what to do when it went wrong.
fn says(text: &str) -> bool {
    let text = plain(text);
    // `rollback: helm rollback api` says of the command below how it is taken back.
    if text.split_once(':').is_some_and(|(_, rest)| seems_command(rest.trim())) {
        return false;
    }
    let begins = ["to ", "then ", "or ", "otherwise ", "otherwise, ", "optional: ", "only "];
    let text = begins.iter().find_map(|begin| text.strip_prefix(begin)).unwrap_or(&text);
    ROLLS.iter().any(|deed| after(text, deed).is_some())
        || UNDOES.iter().any(|deed| after(text, deed).is_some_and(is_about_the_whole))
        || is_when_it_fails(text)
}

/// Says whether a comment or title undoes something of which nobody can tell whether it is the procedure.
pub(super) fn may_go_back(text: &str) -> bool {
    let text = plain(text);
    !says(&text) && UNDOES.iter().any(|deed| after(&text, deed).is_some())
}

/// Says whether what follows `undo` is the procedure, or nothing that it would be about.
fn is_about_the_whole(rest: &str) -> bool {
    let rest = rest.trim_start();
    let rest = ["all ", "the ", "these ", "your ", "last ", "whole "]
        .iter()
        .fold(rest, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
    let how = ["by", "if", "in case", "only", "plan", "steps", "to", "using", "via", "when", "with"];
    !rest.starts_with(char::is_alphanumeric)
        || how.iter().chain(&PROCEDURES).any(|word| after(rest, word).is_some())
}

/// `If it fails`, `In case something goes wrong`, `On failure`
fn is_when_it_fails(text: &str) -> bool {
    if ["on failure", "in case of failure", "in case of problems", "after a failure", "upon failure"]
        .iter()
        .any(|begin| after(text, begin).is_some())
    {
        return true;
    }
    let begins = ["if ", "when ", "should ", "in case "];
    let Some(rest) = begins.iter().find_map(|begin| text.strip_prefix(begin)) else { return false };
    let rest = rest.strip_prefix("the ").or_else(|| rest.strip_prefix("your ")).unwrap_or(rest);
    let clause = rest.split([',', ':', '.']).next().unwrap_or_default();
    // `If it fails with 500, retry` looks for one mistake, and goes on.
    let then = rest[clause.len()..].trim_start_matches([',', ':', '.', ' ']);
    let again = ["retry", "try", "rerun", "re-run", "repeat", "wait", "run it again", "check"];
    if clause.contains(" with ") || again.iter().any(|word| after(then, word).is_some()) {
        return false;
    }
    let fails = clause.split(|c: char| !c.is_alphabetic()).any(|word| {
        matches!(
            word,
            "fail" | "fails" | "failed" | "failing" | "failure" | "wrong" | "breaks" | "broke" | "broken"
        )
    }) || clause.ends_with(" bad")
        || clause.contains("not work")
        || clause.contains("n't work");
    fails && PROCEDURES.iter().any(|what| after(clause, what).is_some())
}

/// Says whether a paragraph leads to commands that go back: `To roll back, run:`. What only tells of it (`Rollback is automatic.`)
/// does not.
fn leads(text: &str) -> bool {
    let last = text.lines().last().unwrap_or_default();
    let last = last.rsplit(". ").next().unwrap_or_default();
    let ends = last.trim_end_matches(['*', '_', ' ']).ends_with(':');
    let calls = ["run", "following", "below", "use", "this"];
    let calls = || last.to_lowercase().split(|c: char| !c.is_alphabetic()).any(|word| calls.contains(&word));
    says(last) && (ends || calls() || text.starts_with("**"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings() {
        for text in [
            "Rollback",
            "3. Rollback plan",
            "Roll back",
            "How to roll back",
            "Emergency rollback",
            "Undo the migration",
            "Reverting",
            "Back-out procedure",
            "Backout",
            "If it fails",
            "If something goes wrong",
            "Rollback: the database",
            "Undo all changes",
            "Revert to the previous version",
            "If it looks bad",
        ] {
            assert!(names(text), "{text}");
        }
        for text in [
            "Deploy",
            "Deploy with automatic rollback",
            "Test the rollback",
            "Deploy and roll back",
            "Restore",
            "Undocumented flags",
            "Scroll back",
            "Rolling restart",
            "If the pods are pending",
            "Troubleshooting",
            "Reverting traffic to the new cluster",
            "Undo the maintenance page",
        ] {
            assert!(!names(text), "{text}");
        }
    }

    #[test]
    fn texts_that_lead_to_going_back() {
        for text in [
            "If it fails:",
            "The new pods come up. If the deployment fails, run:",
            "To roll back, run the following.",
            "**Rollback:**",
            "**Rollback**",
            "Undo it with:",
            "If anything goes wrong:",
        ] {
            assert!(leads(text), "{text}");
        }
        for text in [
            "Rollback is automatic.",
            "If the pods fail to start:",
            "If it fails, call the database on-call.",
            "If the error rate is high:",
            "1. If it fails with 500, retry:",
            "If it fails, wait and run this again:",
            "If it is bad weather, check capacity:",
            "Deploy. To roll back see below. Then look:",
        ] {
            assert!(!leads(text), "{text}");
        }
        for text in [
            "rollback",
            "Rollback (only if needed)",
            "4. Roll back if needed",
            "to undo:",
            "If this fails",
            "revert to 3",
        ] {
            assert!(says(text), "{text}");
        }
        for text in [
            "revert the config to production values",
            "rollback: helm rollback api 3",
            "roll out",
            "rolled back by hand?",
            "undocumented",
            "if found",
        ] {
            assert!(!says(text), "{text}");
        }
    }

    #[test]
    fn what_may_be_either_is_known_as_such() {
        assert!(may_go_back("Revert the config to production values") && may_go_back("2. Undo the hold"));
        assert!(!may_go_back("Revert it") && !may_go_back("Roll back") && !may_go_back("Deploy"));
    }
}
