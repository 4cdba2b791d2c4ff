//! The status page as text.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{InstanceStatus, StatusPage, StepStatus};
use crate::model::format_duration;
use crate::report::paint::{Paint, Role, pad, width};
use crate::report::runs::described;
use crate::report::{Standing, phrase, when};

/// A `for_each` with more instances than this shows only those that somebody should look at, and those at work.
const UNFOLDED: usize = 20;

impl StatusPage {
    /// Returns the page as text of at most `columns`, with its line ends.
    pub fn text(&self, paint: Paint, columns: usize) -> String {
        let mut page = Page { paint, columns, out: String::new() };
        page.header(self);
        page.attention(self);
        page.doubts(self);
        page.steps(self);
        if let Some((heading, commands)) = self.next.split_first() {
            page.line("");
            page.line(&paint.paint(Role::Strong, heading));
            // Never cut: they are there to be pasted.
            commands.iter().for_each(|command| page.line(command));
        }
        page.out
    }
}

/// The page while it is written.
struct Page {
    paint: Paint,
    columns: usize,
    out: String,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn wrapped(&mut self, role: Role, indent: &str, text: &str) {
        let columns = self.columns.saturating_sub(indent.len());
        for line in self.paint.wrap(&self.paint.clean(text), columns) {
            let line = self.paint.paint(role, &format!("{indent}{line}"));
            self.line(&line);
        }
    }

    fn header(&mut self, page: &StatusPage) {
        let (role, word) = described(page.status, page.alive);
        let sign = role.glyph(self.paint.unicode);
        self.wrapped(role, "", &format!("{sign} {}: {word}", page.runbook));
        let mut text = format!("run {}", page.run);
        if let Some(started) = page.started {
            text.push_str(&format!(", started {} ({})", when::second(started), when::ago(started, page.now)));
            if !page.alive {
                let took = format_duration(Duration::from_millis(page.took_ms));
                text.push_str(&format!(", took {took}"));
            }
        }
        self.wrapped(Role::Quiet, "  ", &text);
        let mut text = format!("by {}", phrase::person(&page.by));
        if let Some(reason) = &page.reason {
            text.push_str(&format!(" ({reason})"));
        }
        if !page.target.is_empty() {
            text.push_str(&format!("; target {}", page.target));
        }
        self.wrapped(Role::Quiet, "  ", &text);
        if let Some(rehearsal) = &page.rehearsal {
            self.wrapped(Role::Person, "  ", &format!("a rehearsal: {}", phrase::played(rehearsal)));
        }
    }

    fn attention(&mut self, page: &StatusPage) {
        const MOST: usize = 5;
        let all = page.steps.iter().flat_map(|step| &step.instances);
        // What is in doubt has a section of its own.
        let wanted =
            |one: &&InstanceStatus| one.standing.needs_attention() && one.standing != Standing::InDoubt;
        let mut these: Vec<&InstanceStatus> = all.filter(wanted).collect();
        if these.is_empty() {
            return;
        }
        these.sort_by_key(|one| one.standing);
        self.line("");
        self.line(&self.paint.paint(Role::Strong, "Needs attention"));
        for one in these.iter().take(MOST) {
            let role = one.standing.role();
            let sign = role.glyph(self.paint.unicode);
            let colon = if one.detail.is_empty() { "" } else { ": " };
            let word = one.asks.as_ref().map_or(one.standing.word(), |asks| phrase::asking(asks.question));
            let text = format!("{sign} {} {word}{colon}{}", one.name, one.detail);
            self.wrapped(role, "  ", &text);
            if let Some(asks) = &one.asks {
                let told = asks.people().into_iter().chain(asks.times(page.now));
                told.for_each(|text| self.wrapped(Role::Plain, "      ", &text));
                // Never cut: it is there to be pasted.
                self.line(&format!("      {}", self.paint.clean(&asks.command)));
            }
        }
        if these.len() > MOST {
            let text = format!("  {} and {} more", self.paint.ellipsis(), these.len() - MOST);
            self.line(&text);
        }
    }

    /// Tells what helps to find out what became of a command in doubt. How it is settled stands at the end of the page.
    fn doubts(&mut self, page: &StatusPage) {
        const MOST: usize = 3;
        if page.doubts.is_empty() {
            return;
        }
        self.line("");
        self.line(&self.paint.paint(Role::Strong, "In doubt: did it take effect?"));
        for doubt in page.doubts.iter().take(MOST) {
            self.wrapped(Role::Doubt, "  ", &format!("? {}", doubt.leaf.step));
            self.wrapped(Role::Strong, "    ", &format!("$ {}", phrase::one_line(&doubt.command)));
            for fact in doubt.known() {
                self.wrapped(Role::Quiet, "    ", &fact);
            }
            for printed in doubt.output.lines() {
                let printed = format!("    | {}", self.paint.clean_output(printed));
                let printed = self.paint.shorten(&printed, self.columns);
                self.line(&printed);
            }
        }
        if page.doubts.len() > MOST {
            let names: Vec<&str> = page.doubts[MOST..].iter().map(|doubt| doubt.leaf.step.as_str()).collect();
            self.wrapped(Role::Doubt, "  ", &format!("? the same of {}", names.join(", ")));
        }
    }

    fn steps(&mut self, page: &StatusPage) {
        let names = page.steps.iter().flat_map(|step| {
            let shown = if folded(step) { &[] } else { step.instances.as_slice() };
            let nested = shown.iter().map(|one| width(&self.paint.clean(&one.name)) + 2);
            nested.chain([width(&step.step) + 6])
        });
        let wide = names.max().unwrap_or(0).min(self.columns / 3);
        let mut phase: Option<&Option<String>> = None;
        for step in &page.steps {
            if phase != Some(&step.phase) {
                self.line("");
                let heading = self.paint.clean(step.phase.as_deref().unwrap_or("Steps"));
                self.line(&self.paint.paint(Role::Strong, &heading));
                phase = Some(&step.phase);
            }
            self.step(step, wide);
        }
    }

    fn step(&mut self, step: &StepStatus, wide: usize) {
        let of = |standing: Standing| (standing.role(), standing.word().to_owned());
        match step.instances.as_slice() {
            [] => self.row("", &step.step, of(step.standing), None, "", wide),
            [only] if !step.for_each || only.name == step.step => self.instance("", only, wide),
            all => {
                let took = all.iter().filter_map(|one| one.took_ms).max().filter(|_| folded(step));
                let (states, role) = counts(all);
                let name = format!("{} ({})", step.step, all.len());
                let detail = match all.split_first() {
                    Some((first, rest)) if rest.iter().all(|one| one.detail == first.detail) => &first.detail,
                    _ => "",
                };
                self.row("", &name, (role, states), took, if folded(step) { detail } else { "" }, wide);
                if folded(step) {
                    return;
                }
                let few = all.len() <= UNFOLDED;
                let shown =
                    |one: &&InstanceStatus| few || one.standing.needs_attention() || one.standing.is_active();
                all.iter().filter(shown).for_each(|one| self.instance("  ", one, wide));
            }
        }
    }

    fn instance(&mut self, indent: &str, one: &InstanceStatus, wide: usize) {
        let state = (one.standing.role(), one.standing.word().to_owned());
        self.row(indent, &one.name, state, one.took_ms, &one.detail, wide);
    }

    fn row(
        &mut self,
        indent: &str,
        name: &str,
        (role, word): (Role, String),
        took: Option<u64>,
        detail: &str,
        wide: usize,
    ) {
        /// As long as the longest word of one step.
        const WORD: usize = 18;
        let wide = wide.saturating_sub(indent.len());
        let name = pad(&self.paint.shorten(&self.paint.clean(name), wide), wide);
        let took = took.map(|took| format_duration(Duration::from_millis(took))).unwrap_or_default();
        let before = indent.len() + 4 + width(&name) + 2;
        let word = self.paint.shorten(&pad(&word, WORD), self.columns.saturating_sub(before));
        let rest = format!(" {took:>7}  {}", self.paint.clean(detail));
        let room = self.columns.saturating_sub(before + width(&word));
        // A duration cut in two would be a wrong one.
        let rest = if room < 9 { String::new() } else { self.paint.shorten(rest.trim_end(), room) };
        let line = format!(
            "{indent}  {} {name}  {}{}",
            self.paint.glyph(role),
            self.paint.paint(role, &word),
            self.paint.paint(Role::Quiet, &rest)
        );
        self.line(line.trim_end());
    }
}

/// Says whether a step is shown in one line: all its instances stand at the same place.
fn folded(step: &StepStatus) -> bool {
    let Some((first, rest)) = step.instances.split_first() else { return true };
    step.for_each && step.instances.len() > 1 && rest.iter().all(|one| one.standing == first.standing)
}

/// Returns `3 done, 1 failed`, the ones that somebody should look at first, and their colour.
fn counts(all: &[InstanceStatus]) -> (String, Role) {
    let mut counts: BTreeMap<Standing, usize> = BTreeMap::new();
    for one in all {
        *counts.entry(one.standing).or_default() += 1;
    }
    let role = counts.keys().next().map_or(Role::Pending, |standing| standing.role());
    if let (1, Some(standing)) = (counts.len(), counts.keys().next()) {
        return (standing.word().to_owned(), role);
    }
    let texts: Vec<String> =
        counts.iter().map(|(standing, count)| format!("{count} {}", standing.word())).collect();
    (texts.join(", "), role)
}
