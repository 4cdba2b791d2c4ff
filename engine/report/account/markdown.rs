//! The account as Markdown, to be pasted into a post-mortem.
//!
//! What comes from outside (output, values, reasons) can't break out of where it stands: text is escaped, code gets a
//! fence longer than any run of backticks in it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use super::told::PRINTED;
use super::{Account, Answer, Asking, Change, Entry, FailedStep, Reply, Said};
use crate::diag::markdown;
use crate::machine::{Person, Stage, Verdict, hides};
use crate::model::{OnFailure, format_duration};
use crate::report::excerpt::excerpt;
use crate::report::runs::described;
use crate::report::{Doubt, Paint, Standing, phrase, when};

/// Text as it is read: nothing in it can move or hide anything.
const PLAIN: Paint = Paint { colour: false, unicode: true };

/// What stands in the place of what the row above says already.
pub(super) const AS_ABOVE: &str = "as above";

/// The most lines of what a command reads, and of a value that was captured the most characters.
const STDIN: usize = 30;
const VALUE: usize = 160;

impl Account {
    /// Returns the account as Markdown (GitHub's), with its line ends.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        self.head(&mut out);
        if let Some(first) = &self.first_failure {
            out.push_str("\n## First failure\n\n");
            self.failed(&mut out, first);
        }
        section(&mut out, "Failed too", &self.other_failures, |out, one| self.failed(out, one));
        section(&mut out, "Failed, and was settled", &self.settled_failures, |out, one| {
            self.failed(out, one)
        });
        section(&mut out, "In doubt", &self.doubts, doubtful);
        let (stuck, rest) = self.left_and_rest();
        section(&mut out, "Not undone", &stuck, |out, change| not_undone(out, change));
        self.changed(&mut out, &rest);
        self.answers(&mut out);
        section(&mut out, "Approvals", &self.approvals, |out, one| self.asking(out, one));
        self.list(&mut out, "Overrides", &self.overrides);
        self.list(&mut out, "People", &self.of_the_whole());
        out.push_str("\n## Timeline\n\nTimes are UTC. Of what a command printed this is the end; ");
        let _ = writeln!(out, "{} has all of it.\n", code(&self.logs_of_any()));
        let mut told = Told::default();
        self.timeline.iter().for_each(|entry| self.line(&mut out, entry, &mut told));
        out
    }

    /// Returns what was left or could not be undone, and the other changes.
    pub(super) fn left_and_rest(&self) -> (Vec<&Change>, Vec<&Change>) {
        self.changes.iter().partition(|change| !change.why.is_empty())
    }

    /// Returns what people did to the run as a whole: of its steps approvals and overrides tell.
    pub(super) fn of_the_whole(&self) -> Vec<Entry> {
        self.people.iter().filter(|entry| entry.step.is_none()).cloned().collect()
    }

    /// Returns the command that shows what a step printed.
    pub(super) fn logs_of_any(&self) -> String {
        format!("{} logs {} STEP", self.called, self.run)
    }

    fn head(&self, out: &mut String) {
        let (role, word) = described(self.status, self.alive);
        let _ = writeln!(out, "# {}: {} {}\n", text(&self.what()), role.glyph(true), text(word));
        let _ = writeln!(out, "{}\n\n| | |\n| --- | --- |", text(&self.title));
        for (name, value) in self.facts() {
            let _ = writeln!(out, "| {name} | {} |", text(&value));
        }
    }

    /// Says whether a gate wanted what the one in the row above it did: instances of a step mostly do.
    pub(super) fn is_as_above(&self, at: usize) -> bool {
        let above = at.checked_sub(1).and_then(|above| self.gates.get(above));
        let wanted = |gate: &Answer| (!gate.wanted.is_empty()).then(|| gate.wanted.clone());
        above.and_then(wanted).is_some_and(|above| self.gates[at].wanted == above)
    }

    /// Returns what it tells of: a rehearsal by that name, so that no headline that is passed on makes a run of it.
    pub(super) fn what(&self) -> String {
        let of = if self.rehearsal.is_some() { "Rehearsal of " } else { "" };
        format!("{of}{}", self.runbook)
    }

    /// Returns what stands at the head of every form of the account.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("Run", self.run.clone()), ("Started by", who(&self.by))];
        facts.extend(self.rehearsal.as_ref().map(|of| ("Rehearsal", phrase::played(of))));
        facts.extend(self.consent.as_ref().map(|by| {
            let how = if by.via == "flag" { ", with --yes" } else { "" };
            ("Confirmed by", format!("{}{how}", who(&Person { via: via_of(by), ..by.clone() })))
        }));
        facts.extend(self.reason.clone().map(|reason| ("Reason", reason)));
        facts.extend(self.opened.map(|at| ("Started", when::second(at))));
        facts.extend(self.rested.map(|at| ("Came to rest", when::second(at))));
        facts.push(("Took", format_duration(Duration::from_millis(self.took_ms))));
        facts.push(("Steps", self.steps.clone()));
        if !self.target.is_empty() {
            let each: Vec<String> =
                self.target.iter().map(|(name, value)| format!("{name} {value}")).collect();
            facts.push(("Target", each.join(", ")));
        }
        let locks: Vec<&str> = self.lock.iter().chain(&self.locks).map(String::as_str).collect();
        if !locks.is_empty() {
            facts.push((if locks.len() > 1 { "Locks" } else { "Lock" }, locks.join(", ")));
        }
        if !self.vars.is_empty() {
            let each: Vec<String> =
                self.vars.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect();
            facts.push(("Vars", each.join(", ")));
        }
        facts.extend(self.options.from.clone().map(|from| ("Begun at", from)));
        if !self.options.only.is_empty() {
            facts.push(("Only", self.options.only.join(", ")));
        }
        if self.options.on_failure == OnFailure::Rollback {
            facts.push(("On a failure", "it rolls back".to_owned()));
        }
        if let Some(plan) = &self.plan {
            let at = plan.at.parse().map_or_else(|_| plan.at.clone(), when::second);
            facts.push((
                "As planned",
                format!("{at} by {}, plan {:.12}", phrase::person(&plan.by), plan.sha256),
            ));
        }
        facts.push(("Runbook as run", format!("{:.12}, by runbook {}", self.snapshot, self.program)));
        facts
    }

    fn list(&self, out: &mut String, heading: &str, entries: &[Entry]) {
        if entries.is_empty() {
            return;
        }
        let _ = write!(out, "\n## {heading}\n\n{}\n\n", introduced(heading));
        let mut told = Told::default();
        entries.iter().for_each(|entry| self.line(out, entry, &mut told));
    }

    fn line(&self, out: &mut String, entry: &Entry, told: &mut Told) {
        let step = entry.step.as_ref().map(|step| format!(" **{}**", text(step))).unwrap_or_default();
        let command =
            if entry.command.is_empty() { String::new() } else { format!(" {}", code(&entry.command)) };
        let dir = if entry.dir.is_empty() { String::new() } else { format!(" in {}", code(&entry.dir)) };
        let anew = told.is_new(entry);
        let reading = if entry.stdin.is_empty() { "" } else { ", reading" };
        let as_before = if reading.is_empty() || anew { "" } else { " as before" };
        let printed = excerpt(&entry.output, entry.is_well());
        let unseen = if printed.cut && printed.lines.is_empty() { " data, which is in the log" } else { "" };
        let _ = writeln!(
            out,
            "- {}{step} {}{unseen}{command}{dir}{reading}{as_before}",
            self.stamp(entry.at),
            text(&entry.text)
        );
        if anew && entry.command.lines().count() > 1 {
            indented(out, "sh", entry.command.lines());
        }
        if anew && !entry.stdin.is_empty() {
            let stdin = first_lines(&entry.stdin);
            indented(out, "text", stdin.iter().map(String::as_str));
        }
        if !printed.lines.is_empty() {
            indented(out, "text", printed.lines.iter().map(String::as_str));
        }
    }

    fn answers(&self, out: &mut String) {
        if self.gates.is_empty() {
            return;
        }
        out.push_str("\n## Gates\n\n| Time | Gate | Wanted | Answer | Seen | Asked |\n");
        out.push_str("| --- | --- | --- | --- | --- | ---: |\n");
        for (at, gate) in self.gates.iter().enumerate() {
            let wanted = if self.is_as_above(at) { AS_ABOVE.to_owned() } else { cell(&gate.wanted) };
            let warned = match gate.verdict {
                Verdict::Warns if !gate.warned.is_empty() => format!(" ({})", cell(&gate.warned)),
                _ => String::new(),
            };
            let _ = writeln!(
                out,
                "| {} | {} | {} | {}{warned} | {} | {} |",
                self.stamp(gate.at),
                text(&gate_name(&gate.leaf.step, gate.leaf.stage)),
                wanted,
                text(&verdict(&gate.verdict)),
                text(&gate.seen),
                gate.polls
            );
        }
    }

    fn failed(&self, out: &mut String, step: &FailedStep) {
        let (at, name) = (self.stamp(step.at), text(&step.step));
        let _ = writeln!(out, "**{name}** at {at}: {}", text(&step.failure.why));
        if !step.wanted.is_empty() {
            let _ = writeln!(out, "\nIt wanted: {}", code(&step.wanted));
        }
        if !step.failure.command.is_empty() {
            fenced(out, "console", format!("$ {}", step.failure.command).lines());
        }
        let printed = excerpt(&step.failure.tail, false);
        if !printed.lines.is_empty() {
            fenced(out, "text", printed.lines.iter().map(String::as_str));
        }
        if printed.cut && !step.logs.is_empty() {
            let _ = writeln!(out, "\nThis is the end of what it printed; all of it: {}", code(&step.logs));
        }
        if !step.about.is_empty() {
            let _ = writeln!(out, "\nThe runbook says: {}", text(&step.about));
        }
        if let Some(settled) = &step.settled {
            let _ = writeln!(out, "\nSettled at {}: {}", self.stamp(settled.at), text(&settled.text));
        }
    }

    fn asking(&self, out: &mut String, asking: &Asking) {
        let _ = writeln!(
            out,
            "**{}** at {}, {}: {}",
            text(&asking.step),
            self.stamp(asking.at),
            phrase::asking(asking.question),
            text(&phrase::flat(&asking.prompt))
        );
        if !asking.covers.is_empty() {
            out.push_str("\nA yes starts:\n\n");
            for one in &asking.covers {
                let _ = writeln!(out, "- {}: {}", text(&one.step), code(&one.command));
                if one.command.lines().count() > 1 {
                    indented(out, "sh", one.command.lines());
                }
            }
        }
        out.push_str("\nAnswers:\n\n");
        if asking.replies.is_empty() {
            out.push_str("- nobody answered\n");
        }
        for reply in &asking.replies {
            let _ = writeln!(out, "- {} {}", self.stamp(reply.at), text(&said(reply)));
        }
        for one in &asking.voided {
            let _ = writeln!(out, "- void, and asked for again: {} would start otherwise", text(&one.step));
        }
    }

    fn changed(&self, out: &mut String, changes: &[&Change]) {
        if changes.is_empty() {
            return;
        }
        out.push_str("\n## Changes\n\n| Time | Step | State | Change | Command | Undone by |\n");
        out.push_str("| --- | --- | --- | --- | --- | --- |\n");
        for change in changes {
            let undo = match change.undone {
                Some(at) if !change.undo.is_empty() => format!("{} {}", self.stamp(at), cell(&change.undo)),
                _ => String::new(),
            };
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {undo} |",
                change.at.map(|at| self.stamp(at)).unwrap_or_default(),
                text(&change.step),
                state_of(change),
                text(&difference(change)),
                cell(&change.command)
            );
        }
    }
}

/// The commands and what they read that were told already: of a second attempt the same need not stand there again.
#[derive(Default)]
pub(super) struct Told(BTreeSet<(String, String, String)>);

impl Told {
    pub(super) fn is_new(&mut self, entry: &Entry) -> bool {
        let of = (entry.step.clone().unwrap_or_default(), entry.command.clone(), entry.stdin.clone());
        self.0.insert(of)
    }
}

impl Entry {
    /// Says whether the command whose output this is went well.
    pub(super) fn is_well(&self) -> bool {
        self.text == PRINTED
    }
}

/// Returns the first lines of what a command reads, none too long, with how many are missing.
pub(super) fn first_lines(stdin: &str) -> Vec<String> {
    let count = stdin.lines().count();
    let mut lines: Vec<String> = stdin.lines().take(STDIN).map(|line| shortened(line, 2 * VALUE)).collect();
    if count > STDIN {
        lines.push(format!("… and {} more lines", count - STDIN));
    }
    lines
}

/// Returns what is to be known of the entries under a heading.
pub(super) fn introduced(heading: &str) -> &'static str {
    match heading {
        "Overrides" => "Where the run went another way than its runbook, because somebody said so.",
        _ => "Names are what each system said, asserted and not proven.",
    }
}

/// Returns who, from which machine, and how: `ada on ops1, at a terminal`.
pub(super) fn who(by: &Person) -> String {
    let how = match by.via.as_str() {
        "" => "",
        "terminal" => ", at a terminal",
        "flag" => ", by a flag of the command line",
        "command" => ", by a command",
        _ => ", from elsewhere",
    };
    match (by.name.is_empty(), by.host.is_empty()) {
        (true, _) => format!("somebody{how}"),
        (false, true) => format!("{}{how}", by.name),
        (false, false) => format!("{} on {}{how}", by.name, by.host),
    }
}

fn via_of(by: &Person) -> String {
    if by.via == "flag" { String::new() } else { by.via.clone() }
}

/// Returns what somebody said to a question, in a sentence.
pub(super) fn said(reply: &Reply) -> String {
    let what = match reply.said {
        Said::Yes => "said yes",
        Said::No => "said no",
        Said::NotTaken => "answered, and it was not taken",
    };
    let mut out = format!("{}: {what}", who(&reply.by));
    out.extend(reply.note.iter().map(|note| format!(" ({note})")));
    for (name, value) in reply.answers.iter().filter(|(name, _)| *name != "note" || reply.note.is_none()) {
        out.push_str(&format!("; {name}: {}", shown(value)));
    }
    out.extend(reply.hash.iter().map(|hash| format!("; to commands {hash:.12}")));
    out
}

fn shortened(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => format!("{}…", text.chars().take(most).collect::<String>()),
        false => text.to_owned(),
    }
}

/// Returns a value of a var as one would type it.
pub(super) fn shown(value: &crate::model::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn gate_name(step: &str, stage: Stage) -> String {
    match stage {
        Stage::Check => format!("{step}, check before"),
        Stage::Guard => format!("{step}, its guard"),
        Stage::UndoVerify => format!("{step}, after its undo"),
        _ => step.to_owned(),
    }
}

pub(super) fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Holds => "holds".to_owned(),
        Verdict::Warns => "holds, but only just".to_owned(),
        Verdict::DoesNotHold => "does not hold".to_owned(),
        Verdict::CouldNotTell(why) => format!("could not tell: {why}"),
    }
}

fn section<T>(out: &mut String, heading: &str, items: &[T], write: impl Fn(&mut String, &T)) {
    if items.is_empty() {
        return;
    }
    let _ = write!(out, "\n## {heading}\n\n");
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        write(out, item);
    }
}

fn doubtful(out: &mut String, doubt: &Doubt) {
    let _ = writeln!(
        out,
        "**{}** ({}): whether this took effect is not known.",
        text(&doubt.leaf.step),
        text(&doubt.known().join("; "))
    );
    fenced(out, "console", format!("$ {}", doubt.command).lines());
    let printed = excerpt(&doubt.output, false);
    if !printed.lines.is_empty() {
        let _ = writeln!(out, "\nIt printed last:");
        fenced(out, "text", printed.lines.iter().map(String::as_str));
    }
    out.push_str("\nIt is settled by:\n\n");
    for way in &doubt.settle {
        let _ = writeln!(out, "- {}: {}", way.when, code(&way.command));
    }
}

fn not_undone(out: &mut String, change: &Change) {
    let _ =
        writeln!(out, "**{}** {}: {}", text(&change.step), text(change.standing.word()), text(&change.why));
    if !change.irreversible.is_empty() {
        let _ = writeln!(out, "\nThe runbook says: {}", text(&phrase::flat(&change.irreversible)));
    }
    let what = difference(change);
    if !what.is_empty() {
        let _ = writeln!(out, "\nIt had changed: {}", text(&what));
    }
    if !change.command.is_empty() {
        out.push_str("\nWhat it had run:\n");
        fenced(out, "console", format!("$ {}", change.command).lines());
    }
    let printed = excerpt(&change.undo_output, false);
    if !printed.lines.is_empty() {
        out.push_str("\nIts undo printed last:\n");
        fenced(out, "text", printed.lines.iter().map(String::as_str));
    }
    if !change.undo.is_empty() {
        out.push_str("\nBy hand:\n");
        pasted(out, &change.undo);
    }
}

/// Returns where a change stands. What was begun and is skipped failed before that.
pub(super) fn state_of(change: &Change) -> &'static str {
    match change.standing {
        Standing::Skipped => "failed, then skipped",
        standing => standing.word(),
    }
}

/// Returns the difference a step made; without one the values that were there before, and what was seen after.
pub(super) fn difference(change: &Change) -> String {
    if let Some(changes) = &change.changes {
        return changes.clone();
    }
    let mut each: Vec<String> = change
        .captured
        .iter()
        .map(|(name, value)| format!("{name} was {}", shortened(&shown(value), VALUE)))
        .collect();
    if !change.seen.is_empty() {
        each.push(format!("seen after: {}", shortened(&change.seen, VALUE)));
    }
    each.join(", ")
}

/// Returns text that Markdown and HTML take for nothing but text, in one line: it may stand in a table.
pub(super) fn text(raw: &str) -> String {
    markdown::in_cell(&markdown::paragraph(&markdown::text(&PLAIN.clean(raw))))
}

/// Returns a code span that may stand in a table: a bar ends a cell even within code.
fn cell(raw: &str) -> String {
    markdown::in_cell(&code(raw))
}

/// Returns a code span of one line.
fn code(raw: &str) -> String {
    markdown::code(&PLAIN.clean(&phrase::one_line(raw)))
}

fn fenced<'a>(out: &mut String, language: &str, lines: impl Iterator<Item = &'a str> + Clone) {
    out.push('\n');
    block(out, "", language, lines);
}

fn indented<'a>(out: &mut String, language: &str, lines: impl Iterator<Item = &'a str> + Clone) {
    block(out, "  ", language, lines);
}

fn block<'a>(out: &mut String, indent: &str, language: &str, lines: impl Iterator<Item = &'a str> + Clone) {
    let longest = lines.clone().map(markdown::fence).max();
    let fence = longest.unwrap_or_else(|| markdown::fence(""));
    let _ = writeln!(out, "{indent}{fence}{language}");
    for line in lines {
        let line = if language == "text" { PLAIN.clean_output(line) } else { PLAIN.clean(line) };
        let _ = writeln!(out, "{}", format!("{indent}{line}").trim_end());
    }
    let _ = writeln!(out, "{indent}{fence}");
}

/// Writes a command that is there to be pasted: to the last blank, but for what can't be seen.
fn pasted(out: &mut String, command: &str) {
    if command.contains(hides) {
        return fenced(out, "sh", command.lines());
    }
    let fence = markdown::fence(command);
    let _ = writeln!(out, "\n{fence}sh\n{command}\n{fence}");
}
