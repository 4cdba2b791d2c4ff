//! The account as one HTML page: nothing is fetched, light and dark follow the reader, and it prints.

use std::fmt::Write as _;

use super::markdown::{
    AS_ABOVE, Told, difference, first_lines, gate_name, introduced, said, state_of, verdict,
};
use super::{Account, Answer, Asking, Change, Entry, FailedStep};
use crate::diag::html::escaped;
use crate::machine::{Verdict, hides};
use crate::report::excerpt::excerpt;
use crate::report::runs::described;
use crate::report::{Doubt, Paint, phrase};

const PLAIN: Paint = Paint { colour: false, unicode: true };

/// On a narrow screen each row of a table is a block, with the names of its columns beside what stands in them.
const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--bad:#b3261e;--doubt:#8b2fc9}
@media(prefers-color-scheme:dark){:root{--bad:#ff8a80;--doubt:#d9a5ff}}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid var(--line)}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
.facts th{width:9rem;font-weight:600}
code,pre{font:13px/1.45 ui-monospace,monospace}pre{background:var(--soft);padding:.6rem .8rem;white-space:pre-wrap;overflow-wrap:anywhere;margin:.4rem 0}
.bad{color:var(--bad)}.doubt{color:var(--doubt)}
ol{list-style:none;padding:0}li{padding:.15rem 0}time{font:13px ui-monospace,monospace;opacity:.75;margin-right:.6rem}
.wide th{white-space:nowrap}.wide td{overflow-wrap:break-word}.wide td code{overflow-wrap:anywhere}
@media(min-width:40.01rem){.wide td[data-of=Seen]{min-width:14rem}.wide td[data-of=Change]{min-width:9rem}.wide td[data-of=Command],.wide td[data-of='Undone by']{min-width:15rem}}
@media(max-width:40rem){.facts th{width:6.5rem}.wide tr{display:block;border-bottom:1px solid var(--line);padding:.4rem 0}
.wide tr:first-child{display:none}.wide td{display:block;border:0;padding:.1rem 0;overflow-wrap:anywhere}.wide td:empty{display:none}
.wide td::before{content:attr(data-of) ': ';opacity:.75}}
@media print{body{margin:0;max-width:none}h2{break-after:avoid}pre{break-inside:avoid}}
";

impl Account {
    /// Returns the account as a page of its own.
    pub fn html(&self) -> String {
        let (_, word) = described(self.status, self.alive);
        let title = format!("{}: {word}", self.what());
        let mut out = String::new();
        let _ = write!(
            out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{0}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{0}</h1>\n<p>{1}</p>\n",
            text(&title),
            text(&self.title)
        );
        self.facts_table(&mut out);
        if let Some(first) = &self.first_failure {
            out.push_str("<h2 class=\"bad\">First failure</h2>\n");
            self.failed_step(&mut out, first);
        }
        section(&mut out, "Failed too", &self.other_failures, |out, one| self.failed_step(out, one));
        section(&mut out, "Failed, and was settled", &self.settled_failures, |out, one| {
            self.failed_step(out, one);
        });
        section(&mut out, "In doubt", &self.doubts, doubtful);
        let (stuck, rest) = self.left_and_rest();
        section(&mut out, "Not undone", &stuck, |out, change| not_undone(out, change));
        self.changes_table(&mut out, &rest);
        self.answers_table(&mut out);
        section(&mut out, "Approvals", &self.approvals, |out, one| self.asked(out, one));
        self.named_entries(&mut out, "Overrides", &self.overrides);
        self.named_entries(&mut out, "People", &self.of_the_whole());
        let logs = text(&self.logs_of_any());
        let _ = writeln!(
            out,
            "<h2>Timeline</h2>\n<p>Times are UTC. Of what a command printed this is the end; <code>{logs}</code> has \
             all of it.</p>"
        );
        self.entries(&mut out, &self.timeline);
        out.push_str("</body>\n</html>\n");
        out
    }

    fn facts_table(&self, out: &mut String) {
        out.push_str("<table class=\"facts\">\n");
        for (name, value) in self.facts() {
            let _ = writeln!(out, "<tr><th>{name}</th><td>{}</td></tr>", text(&value));
        }
        out.push_str("</table>\n");
    }

    fn answers_table(&self, out: &mut String) {
        if self.gates.is_empty() {
            return;
        }
        let row = |(at, gate): (usize, &Answer)| {
            let mut answer = text(&verdict(&gate.verdict));
            if gate.verdict == Verdict::Warns && !gate.warned.is_empty() {
                let _ = write!(answer, " ({})", code(&gate.warned));
            }
            [
                self.stamp(gate.at),
                text(&gate_name(&gate.leaf.step, gate.leaf.stage)),
                if self.is_as_above(at) { AS_ABOVE.to_owned() } else { code(&gate.wanted) },
                answer,
                text(&gate.seen),
                gate.polls.to_string(),
            ]
        };
        out.push_str("<h2>Gates</h2>\n");
        table(
            out,
            ["Time", "Gate", "Wanted", "Answer", "Seen", "Asked"],
            self.gates.iter().enumerate().map(row),
        );
    }

    fn changes_table(&self, out: &mut String, changes: &[&Change]) {
        if changes.is_empty() {
            return;
        }
        let row = |change: &&Change| {
            let undo = match change.undone {
                Some(at) if !change.undo.is_empty() => format!("{} {}", self.stamp(at), code(&change.undo)),
                _ => String::new(),
            };
            [
                change.at.map(|at| self.stamp(at)).unwrap_or_default(),
                text(&change.step),
                state_of(change).to_owned(),
                text(&difference(change)),
                code(&change.command),
                undo,
            ]
        };
        out.push_str("<h2>Changes</h2>\n");
        table(out, ["Time", "Step", "State", "Change", "Command", "Undone by"], changes.iter().map(row));
    }

    fn failed_step(&self, out: &mut String, step: &FailedStep) {
        let (at, why) = (self.stamp(step.at), text(&step.failure.why));
        let name = text(&step.step);
        let _ = writeln!(out, "<p><time>{at}</time><b>{name}</b>: <span class=\"bad\">{why}</span></p>");
        if !step.wanted.is_empty() {
            let _ = writeln!(out, "<p>It wanted: {}</p>", code(&step.wanted));
        }
        if !step.failure.command.is_empty() {
            pre(out, format!("$ {}", step.failure.command).lines());
        }
        let printed = excerpt(&step.failure.tail, false);
        output(out, &printed.lines);
        if printed.cut && !step.logs.is_empty() {
            let logs = code(&step.logs);
            let _ = writeln!(out, "<p>This is the end of what it printed; all of it: {logs}</p>");
        }
        if !step.about.is_empty() {
            let _ = writeln!(out, "<p>The runbook says: {}</p>", spoken(&step.about));
        }
        if let Some(settled) = &step.settled {
            let (at, what) = (self.stamp(settled.at), text(&settled.text));
            let _ = writeln!(out, "<p>Settled at <time>{at}</time>{what}</p>");
        }
    }

    fn asked(&self, out: &mut String, asking: &Asking) {
        let _ = writeln!(
            out,
            "<p><time>{}</time><b>{}</b> {}: {}</p>",
            self.stamp(asking.at),
            text(&asking.step),
            text(phrase::asking(asking.question)),
            text(&phrase::flat(&asking.prompt))
        );
        if !asking.covers.is_empty() {
            out.push_str("<p>A yes starts:</p>\n");
            for one in &asking.covers {
                pre(out, format!("{}: {}", one.step, one.command).lines());
            }
        }
        out.push_str("<p>Answers:</p>\n<ol>\n");
        if asking.replies.is_empty() {
            out.push_str("<li>nobody answered</li>\n");
        }
        for reply in &asking.replies {
            let _ = writeln!(out, "<li><time>{}</time>{}</li>", self.stamp(reply.at), text(&said(reply)));
        }
        for one in &asking.voided {
            let step = text(&one.step);
            let _ = writeln!(out, "<li>void, and asked for again: {step} would start otherwise</li>");
        }
        out.push_str("</ol>\n");
    }

    fn named_entries(&self, out: &mut String, heading: &str, entries: &[Entry]) {
        if !entries.is_empty() {
            let _ = writeln!(out, "<h2>{heading}</h2>\n<p>{}</p>", introduced(heading));
            self.entries(out, entries);
        }
    }

    fn entries(&self, out: &mut String, entries: &[Entry]) {
        let mut told = Told::default();
        out.push_str("<ol>\n");
        for entry in entries {
            let printed = excerpt(&entry.output, entry.is_well());
            let anew = told.is_new(entry);
            let _ = write!(out, "<li><time>{}</time>", self.stamp(entry.at));
            if let Some(step) = &entry.step {
                let _ = write!(out, "<b>{}</b> ", text(step));
            }
            match is_loud(&entry.text) {
                true => out.push_str(&format!("<span class=\"bad\">{}</span>", text(&entry.text))),
                false => out.push_str(&text(&entry.text)),
            }
            if printed.cut && printed.lines.is_empty() {
                out.push_str(" data, which is in the log");
            }
            if !entry.command.is_empty() {
                let _ = write!(out, " {}", code(&phrase::one_line(&entry.command)));
            }
            if !entry.dir.is_empty() {
                let _ = write!(out, " in {}", code(&entry.dir));
            }
            if anew && entry.command.lines().count() > 1 {
                pre(out, entry.command.lines());
            }
            if !entry.stdin.is_empty() {
                out.push_str(if anew { ", reading" } else { ", reading as before" });
            }
            if anew {
                pre(out, first_lines(&entry.stdin).iter().map(String::as_str));
            }
            output(out, &printed.lines);
            out.push_str("</li>\n");
        }
        out.push_str("</ol>\n");
    }
}

/// Writes a table whose cells are markup.
fn table<const N: usize>(out: &mut String, heads: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    out.push_str("<table class=\"wide\">\n<tr>");
    for head in heads {
        let _ = write!(out, "<th>{head}</th>");
    }
    out.push_str("</tr>\n");
    for row in rows {
        out.push_str("<tr>");
        for (head, cell) in heads.iter().zip(row) {
            let _ = write!(out, "<td data-of=\"{head}\">{cell}</td>");
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n");
}

fn section<T>(out: &mut String, heading: &str, items: &[T], write: impl Fn(&mut String, &T)) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(out, "<h2>{heading}</h2>");
    items.iter().for_each(|item| write(out, item));
}

fn doubtful(out: &mut String, doubt: &Doubt) {
    let _ = writeln!(
        out,
        "<p><b>{}</b> ({}): <span class=\"doubt\">whether this took effect is not known.</span></p>",
        text(&doubt.leaf.step),
        text(&doubt.known().join("; "))
    );
    pre(out, format!("$ {}", doubt.command).lines());
    let printed = excerpt(&doubt.output, false);
    if !printed.lines.is_empty() {
        out.push_str("<p>It printed last:</p>\n");
        output(out, &printed.lines);
    }
    out.push_str("<p>It is settled by:</p>\n<ul>\n");
    for way in &doubt.settle {
        let _ = writeln!(out, "<li>{}: {}</li>", text(way.when), code(&way.command));
    }
    out.push_str("</ul>\n");
}

fn not_undone(out: &mut String, change: &Change) {
    let _ = writeln!(
        out,
        "<p><b>{}</b> <span class=\"bad\">{}</span>: {}</p>",
        text(&change.step),
        change.standing.word(),
        text(&change.why)
    );
    if !change.irreversible.is_empty() {
        let _ = writeln!(out, "<p>The runbook says: {}</p>", spoken(&phrase::flat(&change.irreversible)));
    }
    let what = difference(change);
    if !what.is_empty() {
        let _ = writeln!(out, "<p>It had changed: {}</p>", text(&what));
    }
    if !change.command.is_empty() {
        out.push_str("<p>What it had run:</p>\n");
        pre(out, format!("$ {}", change.command).lines());
    }
    let printed = excerpt(&change.undo_output, false);
    if !printed.lines.is_empty() {
        out.push_str("<p>Its undo printed last:</p>\n");
        output(out, &printed.lines);
    }
    if !change.undo.is_empty() {
        out.push_str("<p>By hand:</p>\n");
        pasted(out, &change.undo);
    }
}

/// Writes a command that is there to be pasted: to the last blank, but for what can't be seen.
fn pasted(out: &mut String, command: &str) {
    if command.contains(hides) {
        return pre(out, command.lines());
    }
    let _ = writeln!(out, "<pre>{}</pre>", escaped(command));
}

/// Writes lines of which every byte matters; nothing when there are none.
fn pre<'a>(out: &mut String, lines: impl Iterator<Item = &'a str>) {
    block(out, lines.map(|line| PLAIN.clean(line)));
}

/// Writes lines as a terminal would show them.
fn output(out: &mut String, lines: &[String]) {
    block(out, lines.iter().map(|line| PLAIN.clean_output(line)));
}

fn block(out: &mut String, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.map(|line| text(&line)).collect();
    if !lines.is_empty() {
        let _ = writeln!(out, "<pre>{}</pre>", lines.join("\n"));
    }
}

fn code(raw: &str) -> String {
    if raw.is_empty() { String::new() } else { format!("<code>{}</code>", text(&phrase::one_line(raw))) }
}

/// Says whether an entry begins with a word in capitals, as those do that tell what went wrong.
fn is_loud(text: &str) -> bool {
    let first = text.split(' ').next().unwrap_or_default();
    first.len() > 3 && first.chars().all(|c| c.is_ascii_uppercase())
}

/// Returns what a runbook says, with what stands between backticks as code.
fn spoken(raw: &str) -> String {
    let parts: Vec<&str> = raw.split('`').collect();
    let paired = parts.len() % 2 == 1;
    let part = |(at, part): (usize, &&str)| match at % 2 {
        1 => format!("<code>{}</code>", text(part)),
        _ => text(part),
    };
    // Of an odd one nobody knows what it ends.
    if paired { parts.iter().enumerate().map(part).collect() } else { text(raw) }
}

/// Returns text that a browser takes for nothing but text.
fn text(raw: &str) -> String {
    escaped(&PLAIN.clean(raw))
}
