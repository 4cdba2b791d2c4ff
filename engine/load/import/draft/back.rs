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
//! What may as well be a step forwards (`Reverting traffic to the new cluster`) is run by nobody either, and it is asked which of both
//! it is: to leave a step out is told by `check` and by the plan, and to undo what was just done is not.

use super::super::seems::seems_command;
use super::people::unnumbered;

/// Which way a step goes, as far as the words around it say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::load::import) enum Way {
    #[default]
    Forwards,
    /// It undoes something, and nobody can tell whether that is the procedure.
    Unsure,
    /// It takes back the procedure.
    Back,
}

/// Words that say a way.
type Told = (Way, String);

/// How far what goes back reaches.
#[derive(Debug, Default)]
pub(super) struct Back {
    /// The one heading that is over all: a document about going back is a procedure as any other.
    over_all: bool,
    /// Below a heading.
    heading: Told,
    /// Below a line in bold that stands for one.
    bold: Told,
    /// Below a line of text, up to the next.
    lead: Told,
    /// In the entry of a list, by its depth.
    item: Option<(usize, Told)>,
    /// Below a line of text in an entry.
    inner: Told,
    /// In a block of code, below a comment that stands alone.
    notes: Told,
    /// Below the comment of a command, up to the next.
    comment: Told,
    /// With a comment behind it.
    behind: Told,
}

impl Back {
    /// Returns the beginning of a document.
    pub(super) fn new(over_all: bool) -> Back {
        Back { over_all, ..Back::default() }
    }

    /// Returns which way what stands here goes, and the words that say so.
    pub(super) fn way(&self) -> (Way, &str) {
        let item = self.item.as_ref().map(|(_, told)| told);
        let told =
            [&self.heading, &self.bold, &self.lead, &self.inner, &self.notes, &self.comment, &self.behind];
        let furthest = told.into_iter().chain(item).max_by_key(|(way, _)| *way);
        furthest.map(|(way, words)| (*way, words.as_str())).unwrap_or_default()
    }

    /// Says whether what stands here is run by nobody until somebody decides.
    pub(super) fn is(&self) -> bool {
        self.way().0 != Way::Forwards
    }

    /// Takes a heading, with those it stands under.
    pub(super) fn heading(&mut self, path: &[(usize, String)]) {
        let over_all = self.over_all;
        let above = path.iter().skip(usize::from(over_all));
        let told = above.map(|(_, text)| (names(text), text.clone())).max_by_key(|(way, _)| *way);
        *self = Back { over_all, heading: told.unwrap_or_default(), ..Back::default() };
    }

    /// Takes a paragraph, at its depth in lists.
    pub(super) fn prose(&mut self, text: &str, depth: usize) {
        let text = text.trim();
        let back = (leads(text), text.to_owned());
        if depth > 0 {
            self.inner = back;
            return;
        }
        let bold = text.strip_prefix("**").and_then(|text| text.trim_end_matches(':').strip_suffix("**"));
        if let Some(bold) = bold {
            self.bold = (names(bold), bold.to_owned());
        }
        (self.lead, self.item, self.inner) = (back, None, Told::default());
    }

    /// Takes the entry of a list.
    pub(super) fn item(&mut self, text: &str, depth: usize) {
        self.inner = Told::default();
        if self.item.as_ref().is_none_or(|(above, _)| depth <= *above) {
            let way = says(text).max(leads(text));
            self.item = (way != Way::Forwards).then(|| (depth, (way, text.to_owned())));
        }
    }

    /// Takes the beginning of a block of code.
    pub(super) fn code(&mut self) {
        (self.notes, self.comment, self.behind) = <(Told, Told, Told)>::default();
    }

    /// Takes comments above no command.
    pub(super) fn notes(&mut self, text: &[String]) {
        (self.notes, self.comment) = (furthest(text), Told::default());
    }

    /// Takes the comments above a command; without any it belongs to the one before.
    pub(super) fn comments(&mut self, text: &[String]) {
        if !text.is_empty() {
            self.comment = furthest(text);
        }
    }

    /// Takes the comments behind a command, which are about no other.
    pub(super) fn behind(&mut self, text: &[String]) {
        let told = text.iter().filter(|text| !is_undo_of(text)).map(|text| (goes_back(text), text.clone()));
        let (way, words) = told.max_by_key(|(way, _)| *way).unwrap_or_default();
        // It stands behind one command, and few words say how: whether they are about that command nobody can tell.
        self.behind = (way.min(Way::Unsure), words);
    }
}

/// Returns which way a comment behind a command tells of, be it of that command or of how it is taken back.
pub(super) fn goes_back(comment: &str) -> Way {
    says(comment).max(begins(&plain(comment)))
}

/// Says whether a comment behind a command says how that command is taken back: `rollback: helm rollback api`, `revert with …`,
/// `to undo this, run …`.
fn is_undo_of(comment: &str) -> bool {
    if goes_back(comment) == Way::Forwards {
        return false;
    }
    let comment = plain(comment);
    // `rollback: only if needed` is about the command it stands behind.
    let goes_on = |rest: &str| {
        let rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '.' && c != '/');
        let only = ["only", "if", "when", "in case", "this", "it"];
        !rest.is_empty() && !only.iter().any(|word| after(rest, word).is_some())
    };
    if comment.split_once(':').is_some_and(|(_, rest)| goes_on(rest)) {
        return true;
    }
    let starts = comment.match_indices(' ').map(|(at, _)| at + 1).take(40);
    starts.map(|at| &comment[at..]).any(|rest| {
        ["with", "run"].iter().any(|word| after(rest, word).is_some_and(goes_on))
            || rest.contains(' ') && seems_command(rest)
    })
}

fn furthest(text: &[String]) -> Told {
    text.iter().map(|text| (says(text), text.clone())).max_by_key(|(way, _)| *way).unwrap_or_default()
}

/// Words that begin what goes back, whatever stands behind them.
const ROLLS: [&str; 10] = [
    "rollback",
    "roll back",
    "roll-back",
    "roll it back",
    "roll everything back",
    "rolling back",
    "backing out",
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

/// Words between which nothing is told but that something is to be done: `Steps to`, `If needed,`, `Run the following to`.
const CALLS: [&str; 55] = [
    "a",
    "after",
    "also",
    "an",
    "are",
    "command",
    "commands",
    "do",
    "execute",
    "following",
    "for",
    "have",
    "here",
    "how",
    "if",
    "in",
    "instructions",
    "is",
    "it",
    "like",
    "must",
    "necessary",
    "need",
    "needed",
    "now",
    "on",
    "only",
    "optional",
    "optionally",
    "or",
    "order",
    "otherwise",
    "please",
    "procedure",
    "procedures",
    "process",
    "required",
    "run",
    "script",
    "should",
    "step",
    "steps",
    "that",
    "the",
    "then",
    "these",
    "this",
    "to",
    "use",
    "using",
    "want",
    "we",
    "when",
    "while",
    "you",
];

/// Words that say, before a way back, that a section is about something else: `Deploy with automatic rollback`, `Test the rollback`,
/// `Deploy and roll back`.
const OTHER: [&str; 21] = [
    "and",
    "automated",
    "automatic",
    "automatically",
    "before",
    "check",
    "confirm",
    "disable",
    "enable",
    "ensure",
    "no",
    "not",
    "never",
    "don",
    "prepare",
    "review",
    "test",
    "testing",
    "verify",
    "with",
    "without",
];

/// Returns words in lower case without what only marks them.
fn plain(text: &str) -> String {
    let text: String =
        text.chars().filter(|c| !matches!(c, '*' | '_' | '`' | '#' | '"' | '“' | '”')).collect();
    let text = unnumbered(text.trim()).trim_start_matches(|c: char| !c.is_alphanumeric());
    unnumbered(text).trim().to_lowercase()
}

/// Returns what follows, where a text begins with words as words.
fn after<'t>(text: &'t str, words: &str) -> Option<&'t str> {
    text.strip_prefix(words).filter(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
}

/// Says whether a word goes on here: `rollback-safe`, `undo/redo`.
fn is_compound(rest: &str) -> bool {
    rest.strip_prefix(['-', '/']).is_some_and(|rest| rest.starts_with(char::is_alphanumeric))
}

/// Words of what only stands before going back.
const READY: [&str; 7] = [
    "preparation",
    "preparations",
    "preparing",
    "prerequisite",
    "prerequisites",
    "requirement",
    "requirements",
];

/// Returns which way it says, when a text begins with going back.
fn begins(text: &str) -> Way {
    if let Some(rest) = ROLLS.iter().find_map(|deed| after(text, deed)) {
        return if is_compound(rest) { Way::Unsure } else { Way::Back };
    }
    match UNDOES.iter().find_map(|deed| after(text, deed)) {
        Some(rest) if is_about_the_whole(rest) && !is_compound(rest) => Way::Back,
        Some(_) => Way::Unsure,
        None => Way::Forwards,
    }
}

/// Returns which way a text says in which nothing but `calls` stands before it.
fn called(text: &str, calls: &[&str]) -> Way {
    let mut rest = text;
    loop {
        let way = begins(rest);
        if way != Way::Forwards {
            return way;
        }
        let word = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        if !CALLS.contains(&word) && !calls.contains(&word) {
            return Way::Forwards;
        }
        rest = rest[word.len()..].trim_start_matches(|c: char| !c.is_alphanumeric());
    }
}

/// Returns which way what stands below a heading goes: back for `Rollback`, `3. Rollback plan`, `How to roll back`,
/// `Emergency rollback`.
fn names(heading: &str) -> Way {
    let heading = plain(heading);
    // `Option B: revert`, `Phase 3 - Rollback`
    let marks = [": ", " - ", " – ", " — "];
    let own = marks.iter().filter_map(|mark| Some(heading.split_once(mark)?.1));
    std::iter::once(heading.as_str()).chain(own).map(of_heading).max().unwrap_or_default()
}

fn of_heading(heading: &str) -> Way {
    let mut way = says(heading);
    let words: Vec<&str> =
        heading.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if way != Way::Forwards {
        // `Rollback test`, `Rollback prerequisites`
        let tried = ["test", "testing"].iter().chain(&READY).any(|word| words.contains(word));
        way = if tried { Way::Unsure } else { way };
        return way;
    }
    // What stands in brackets is beside the matter.
    let told = heading.split('(').next().unwrap_or_default();
    let told: Vec<&str> =
        told.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let about = ROLLS.iter().chain(&UNDOES).filter_map(|deed| {
        let deed: Vec<&str> = deed.split([' ', '-']).collect();
        told.windows(deed.len()).position(|words| words == deed)
    });
    let Some(at) = about.min() else { return Way::Forwards };
    if told[..at].iter().any(|word| OTHER.contains(word)) {
        return Way::Forwards;
    }
    if told[..at].iter().any(|word| READY.contains(word)) {
        return Way::Unsure;
    }
    let words = told.join(" ");
    let parts = ["plan", "procedure", "procedures", "steps", "instructions", "path", "strategy", "section"];
    let words = parts.iter().find_map(|part| words.strip_suffix(part)).map_or(words.as_str(), str::trim_end);
    let ends = |deed: &&str| words.strip_suffix(*deed).is_some_and(|before| before.ends_with(' '));
    if ROLLS.iter().chain(&UNDOES).any(ends) { Way::Back } else { Way::Unsure }
}

/// Returns which way a comment or an entry of a list says: back where it begins so, or with what to do when it went wrong.
fn says(text: &str) -> Way {
    let text = plain(text);
    // `rollback: helm rollback api` says of the command below how it is taken back.
    if text.split_once(':').is_some_and(|(_, rest)| seems_command(rest.trim())) {
        return Way::Forwards;
    }
    let begins = ["to ", "then ", "or ", "otherwise ", "otherwise, ", "optional: ", "only "];
    let rest = begins.iter().find_map(|begin| text.strip_prefix(begin)).unwrap_or(&text);
    if is_when_it_fails(rest) || is_when_undone(rest) { Way::Back } else { called(&text, &[]) }
}

/// Says whether what follows `undo` is the procedure, or nothing that it would be about.
fn is_about_the_whole(rest: &str) -> bool {
    let rest = rest.trim_start();
    let rest = ["all ", "the ", "these ", "your ", "last ", "whole "]
        .iter()
        .fold(rest, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
    // `revert to the last release`, but not `revert to maintenance mode off`
    if let Some(to) = after(rest, "to") {
        let to = to.trim_start();
        let earlier =
            ["a", "an", "earlier", "known", "last", "old", "older", "original", "previous", "prior"];
        let kept = ["backup", "it", "release", "revision", "snapshot", "stable", "the", "version"];
        let named = earlier.iter().chain(&kept).any(|word| after(to, word).is_some());
        let numbered = to.trim_start_matches(['v', '<', '$', '{']).starts_with(|c: char| c.is_ascii_digit());
        return named || numbered || to.starts_with(['<', '$', '{']);
    }
    let how = ["by", "if", "in case", "only", "plan", "steps", "using", "via", "when", "with"];
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

/// `If the change must be undone`
fn is_when_undone(text: &str) -> bool {
    let begins = ["if ", "when ", "should ", "in case "];
    let Some(rest) = begins.iter().find_map(|begin| text.strip_prefix(begin)) else { return false };
    let clause = rest.split([',', ':', '.']).next().unwrap_or_default();
    let undone = ["undone", "reverted", "rolled back", "backed out"];
    undone.iter().any(|word| clause.contains(&format!("be {word}")))
}

/// Returns which way a paragraph leads: back for `To roll back, run:`. What only tells of it (`Rollback is automatic.`) leads nowhere.
fn leads(text: &str) -> Way {
    let last = text.lines().last().unwrap_or_default();
    let last = last.rsplit(". ").next().unwrap_or_default();
    let ends = last.trim_end_matches(['*', '_', ' ']).ends_with(':');
    let calls = ["run", "following", "below", "use", "this"];
    let calls = || last.to_lowercase().split(|c: char| !c.is_alphabetic()).any(|word| calls.contains(&word));
    if !ends && !calls() && !text.starts_with("**") {
        return Way::Forwards;
    }
    let way = says(last).max(called(&plain(last), &["can", "could", "may", "might"]));
    // `Emergency rollback:`
    let short = ends && last.split_whitespace().count() <= 4;
    if short { way.max(names(last)) } else { way }
}

#[cfg(test)]
mod tests;
