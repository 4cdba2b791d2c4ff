//! The account as one HTML page: nothing is fetched, light and dark follow the reader, and it prints.

use std::fmt::Write as _;

use super::markdown::{difference, gate_name, verdict};
use super::{Account, Change, Entry, FailedStep};
use crate::report::runs::described;
use crate::report::{Doubt, Paint, Standing, phrase};

const PLAIN: Paint = Paint { colour: false, unicode: true };

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--bad:#b3261e;--doubt:#8b2fc9;--good:#1a7f37}
@media(prefers-color-scheme:dark){:root{--bad:#ff8a80;--doubt:#d9a5ff;--good:#7ee2a0}}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid var(--line)}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
.facts th{width:9rem;font-weight:600}
code,pre{font:13px/1.45 ui-monospace,monospace}pre{background:var(--soft);padding:.6rem .8rem;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere;margin:.4rem 0}
.bad{color:var(--bad)}.doubt{color:var(--doubt)}.good{color:var(--good)}
ol{list-style:none;padding:0}li{padding:.15rem 0}time{font:13px ui-monospace,monospace;opacity:.75;margin-right:.6rem}
@media print{body{margin:0;max-width:none}pre{white-space:pre-wrap}}
";

impl Account {
    /// Returns the account as a page of its own.
    pub fn html(&self) -> String {
        let (_, word) = described(self.status, self.alive);
        let title = format!("{}: {word}", self.runbook);
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
            failed(&mut out, first);
        }
        section(&mut out, "Failed too", &self.other_failures, failed);
        section(&mut out, "In doubt", &self.doubts, doubtful);
        let (stuck, rest): (Vec<&Change>, Vec<&Change>) =
            self.changes.iter().partition(|change| !change.why.is_empty());
        section(&mut out, "Not undone", &stuck, |out, change| not_undone(out, change));
        changed(&mut out, &rest);
        self.answers_table(&mut out);
        if !self.people.is_empty() {
            out.push_str(
                "<h2>People</h2>\n<p>Names are what each system said, asserted and not proven.</p>\n",
            );
            self.entries(&mut out, &self.people);
        }
        out.push_str("<h2>Timeline</h2>\n<p>Times are UTC.</p>\n");
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
        out.push_str("<h2>Gates</h2>\n<table>\n<tr><th>Time</th><th>Gate</th><th>Wanted</th><th>Answer</th>");
        out.push_str("<th>Seen</th><th>Asked</th></tr>\n");
        for gate in &self.gates {
            let _ = writeln!(
                out,
                "<tr><td>{}</td><td>{}</td><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
                self.stamp(gate.at),
                text(&gate_name(&gate.leaf.step, gate.leaf.stage)),
                text(&gate.wanted),
                text(&verdict(&gate.verdict)),
                text(&gate.seen),
                gate.polls
            );
        }
        out.push_str("</table>\n");
    }

    fn entries(&self, out: &mut String, entries: &[Entry]) {
        out.push_str("<ol>\n");
        for entry in entries {
            let _ = write!(out, "<li><time>{}</time>", self.stamp(entry.at));
            if let Some(step) = &entry.step {
                let _ = write!(out, "<b>{}</b> ", text(step));
            }
            out.push_str(&text(&entry.text));
            if !entry.command.is_empty() {
                let _ = write!(out, " <code>{}</code>", text(&phrase::one_line(&entry.command)));
            }
            if entry.command.lines().count() > 1 {
                pre(out, &entry.command);
            }
            if !entry.output.is_empty() {
                pre(out, &entry.output);
            }
            out.push_str("</li>\n");
        }
        out.push_str("</ol>\n");
    }
}

fn section<T>(out: &mut String, heading: &str, items: &[T], write: impl Fn(&mut String, &T)) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(out, "<h2>{heading}</h2>");
    items.iter().for_each(|item| write(out, item));
}

fn failed(out: &mut String, step: &FailedStep) {
    let why = text(&step.failure.why);
    let _ = writeln!(out, "<p><b>{}</b>: <span class=\"bad\">{why}</span></p>", text(&step.step));
    if !step.failure.command.is_empty() {
        pre(out, &format!("$ {}", step.failure.command));
    }
    if !step.failure.tail.is_empty() {
        pre(out, &step.failure.tail);
    }
}

fn doubtful(out: &mut String, doubt: &Doubt) {
    let _ = writeln!(
        out,
        "<p><b>{}</b> ({}): <span class=\"doubt\">whether this took effect is not known.</span></p>",
        text(&doubt.leaf.step),
        text(&doubt.known().join("; "))
    );
    pre(out, &format!("$ {}", doubt.command));
    if !doubt.output.is_empty() {
        out.push_str("<p>It printed last:</p>\n");
        pre(out, &doubt.output);
    }
    out.push_str("<p>It is settled by:</p>\n<ul>\n");
    for way in &doubt.settle {
        let _ = writeln!(out, "<li>{}: <code>{}</code></li>", text(way.when), text(&way.command));
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
    if let Some(changes) = &change.changes {
        let _ = writeln!(out, "<p>It had changed: {}</p>", text(changes));
    }
    if !change.undo.is_empty() {
        out.push_str("<p>By hand:</p>\n");
        pre(out, &change.undo);
    }
}

fn changed(out: &mut String, changes: &[&Change]) {
    if changes.is_empty() {
        return;
    }
    out.push_str("<h2>Changes</h2>\n<table>\n<tr><th>Step</th><th>State</th><th>Change</th>");
    out.push_str("<th>Command</th></tr>\n");
    for change in changes {
        let undone = change.standing == Standing::Undone && !change.undo.is_empty();
        let command = if undone { &change.undo } else { &change.command };
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>",
            text(&change.step),
            change.standing.word(),
            text(&difference(change)),
            text(command)
        );
    }
    out.push_str("</table>\n");
}

fn pre(out: &mut String, raw: &str) {
    let lines: Vec<String> = raw.lines().map(|line| text(&PLAIN.clean_output(line))).collect();
    let _ = writeln!(out, "<pre>{}</pre>", lines.join("\n"));
}

/// Returns text that a browser takes for nothing but text.
fn text(raw: &str) -> String {
    let clean = PLAIN.clean(raw);
    let mut out = String::with_capacity(clean.len());
    for c in clean.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
