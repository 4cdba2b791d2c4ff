//! The account as Markdown, to be pasted into a post-mortem.
//!
//! What comes from outside (output, values, reasons) can't break out of where it stands: text is escaped, code gets a
//! fence longer than any run of backticks in it.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Account, Change, Entry, FailedStep};
use crate::machine::{Stage, Verdict};
use crate::model::format_duration;
use crate::report::runs::described;
use crate::report::{Doubt, Paint, Standing, phrase, when};

/// Text as it is read: nothing in it can move or hide anything.
const PLAIN: Paint = Paint { colour: false, unicode: true };

impl Account {
    /// Returns the account as Markdown (GitHub's), with its line ends.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        self.head(&mut out);
        if let Some(first) = &self.first_failure {
            out.push_str("\n## First failure\n\n");
            failed(&mut out, first);
        }
        section(&mut out, "Failed too", &self.other_failures, failed);
        section(&mut out, "In doubt", &self.doubts, doubtful);
        let (stuck, rest): (Vec<&Change>, Vec<&Change>) =
            self.changes.iter().partition(|change| !change.why.is_empty());
        section(&mut out, "Not undone", &stuck, |out, change| not_undone(out, change));
        changed(&mut out, &rest);
        self.answers(&mut out);
        if !self.people.is_empty() {
            out.push_str("\n## People\n\nNames are what each system said, asserted and not proven.\n\n");
            self.people.iter().for_each(|entry| self.line(&mut out, entry));
        }
        out.push_str("\n## Timeline\n\nTimes are UTC.\n\n");
        self.timeline.iter().for_each(|entry| self.line(&mut out, entry));
        out
    }

    fn head(&self, out: &mut String) {
        let (role, word) = described(self.status, self.alive);
        let _ = writeln!(out, "# {}: {} {}\n", text(&self.runbook), role.glyph(true), text(word));
        let _ = writeln!(out, "{}\n\n| | |\n| --- | --- |", text(&self.title));
        for (name, value) in self.facts() {
            let _ = writeln!(out, "| {name} | {} |", text(&value));
        }
    }

    /// Returns what stands at the head of every form of the account.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("Run", self.run.clone())];
        facts.extend(self.rehearsal.as_ref().map(|of| ("Rehearsal", phrase::played(of))));
        let mut via = phrase::person(&self.by);
        if !self.by.via.is_empty() {
            via.push_str(&format!(" ({})", self.by.via));
        }
        facts.push(("Started by", via));
        facts.extend(self.reason.clone().map(|reason| ("Reason", reason)));
        facts.extend(self.opened.map(|at| ("Started", when::second(at))));
        facts.extend(self.rested.map(|at| ("Came to rest", when::second(at))));
        facts.push(("Took", format_duration(Duration::from_millis(self.took_ms))));
        if !self.target.is_empty() {
            let each: Vec<String> =
                self.target.iter().map(|(name, value)| format!("{name} {value}")).collect();
            facts.push(("Target", each.join(", ")));
        }
        facts.extend(self.lock.clone().map(|lock| ("Lock", lock)));
        if !self.vars.is_empty() {
            let each: Vec<String> =
                self.vars.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect();
            facts.push(("Vars", each.join(", ")));
        }
        if !self.options.only.is_empty() {
            facts.push(("Only", self.options.only.join(", ")));
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

    fn line(&self, out: &mut String, entry: &Entry) {
        let step = entry.step.as_ref().map(|step| format!(" **{}**", text(step))).unwrap_or_default();
        let command =
            if entry.command.is_empty() { String::new() } else { format!(" {}", code(&entry.command)) };
        let _ = writeln!(out, "- {}{step} {}{command}", self.stamp(entry.at), text(&entry.text));
        if entry.command.lines().count() > 1 {
            indented(out, "sh", &entry.command);
        }
        if !entry.output.is_empty() {
            indented(out, "text", &entry.output);
        }
    }

    fn answers(&self, out: &mut String) {
        if self.gates.is_empty() {
            return;
        }
        out.push_str("\n## Gates\n\n| Time | Gate | Wanted | Answer | Seen | Asked |\n");
        out.push_str("| --- | --- | --- | --- | --- | ---: |\n");
        for gate in &self.gates {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} |",
                self.stamp(gate.at),
                text(&gate_name(&gate.leaf.step, gate.leaf.stage)),
                cell(&gate.wanted),
                text(&verdict(&gate.verdict)),
                text(&gate.seen),
                gate.polls
            );
        }
    }
}

/// Returns a value of a var as one would type it.
pub(super) fn shown(value: &crate::model::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn gate_name(step: &str, stage: Stage) -> String {
    match stage {
        Stage::Check => format!("{step}, check before"),
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

fn failed(out: &mut String, step: &FailedStep) {
    let _ = writeln!(out, "**{}**: {}", text(&step.step), text(&step.failure.why));
    if !step.failure.command.is_empty() {
        fenced(out, "console", &format!("$ {}", step.failure.command));
    }
    if !step.failure.tail.is_empty() {
        fenced(out, "text", &step.failure.tail);
    }
}

fn doubtful(out: &mut String, doubt: &Doubt) {
    let _ = writeln!(
        out,
        "**{}** ({}): whether this took effect is not known.",
        text(&doubt.leaf.step),
        text(&doubt.known().join("; "))
    );
    fenced(out, "console", &format!("$ {}", doubt.command));
    if !doubt.output.is_empty() {
        let _ = writeln!(out, "\nIt printed last:");
        fenced(out, "text", &doubt.output);
    }
    out.push_str("\nIt is settled by:\n\n");
    for way in &doubt.settle {
        let _ = writeln!(out, "- {}: {}", way.when, code(&way.command));
    }
}

fn not_undone(out: &mut String, change: &Change) {
    let _ =
        writeln!(out, "**{}** {}: {}", text(&change.step), text(change.standing.word()), text(&change.why));
    if let Some(changes) = &change.changes {
        let _ = writeln!(out, "\nIt had changed: {}", text(changes));
    }
    if !change.undo.is_empty() {
        out.push_str("\nBy hand:\n");
        fenced(out, "sh", &change.undo);
    }
}

fn changed(out: &mut String, changes: &[&Change]) {
    if changes.is_empty() {
        return;
    }
    out.push_str("\n## Changes\n\n| Step | State | Change | Command |\n| --- | --- | --- | --- |\n");
    for change in changes {
        let command = match change.standing {
            Standing::Undone if !change.undo.is_empty() => &change.undo,
            _ => &change.command,
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            text(&change.step),
            change.standing.word(),
            text(&difference(change)),
            cell(command)
        );
    }
}

/// Returns the difference a step made; without one the values that were there before.
pub(super) fn difference(change: &Change) -> String {
    match &change.changes {
        Some(changes) => changes.clone(),
        None => {
            let each: Vec<String> =
                change.captured.iter().map(|(name, value)| format!("{name} was {}", shown(value))).collect();
            each.join(", ")
        }
    }
}

/// Returns text that Markdown and HTML take for nothing but text, in one line: it may stand in a table.
fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in PLAIN.clean(raw).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out
}

/// Returns a code span that may stand in a table: a bar ends a cell even within code.
fn cell(raw: &str) -> String {
    code(raw).replace('|', "\\|")
}

/// Returns a code span of one line.
fn code(raw: &str) -> String {
    let clean = PLAIN.clean(&phrase::one_line(raw));
    if clean.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_ticks(&clean) + 1);
    let space = if clean.starts_with('`') || clean.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{clean}{space}{fence}")
}

fn fenced(out: &mut String, language: &str, raw: &str) {
    out.push('\n');
    block(out, "", language, raw);
}

fn indented(out: &mut String, language: &str, raw: &str) {
    block(out, "  ", language, raw);
}

fn block(out: &mut String, indent: &str, language: &str, raw: &str) {
    let fence = "`".repeat(longest_ticks(raw).max(2) + 1);
    let _ = writeln!(out, "{indent}{fence}{language}");
    for line in raw.lines() {
        let line = if language == "text" { PLAIN.clean_output(line) } else { PLAIN.clean(line) };
        let _ = writeln!(out, "{}", format!("{indent}{line}").trim_end());
    }
    let _ = writeln!(out, "{indent}{fence}");
}

fn longest_ticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}
