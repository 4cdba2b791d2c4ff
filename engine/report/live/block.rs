//! The block at the bottom: the whole run in file order, as far as there is room. What is at work comes first, then the
//! failures of a `for_each`, what is still to do, and the phases that are over.

use std::time::Duration;

use jiff::Timestamp;

use super::outline::{Mark, Phase};
use super::row::Row;
use super::{Fold, Live, UNFOLDED, name_columns, seconds};
use crate::machine::{Addr, NodeId};
use crate::report::continued;
use crate::report::paint::{Role, pad, width};
use crate::report::section::Size;
use crate::report::timeline::between;

/// The failures of a `for_each` that are shown below it.
const FAILURES: usize = 3;
/// The rows that what ended before is left, whatever there is to show.
const ABOVE: usize = 6;
/// The rows of why nothing moves, without the commands that go with it.
const MOST_OF_WAITS: usize = 4;
/// From so many rows on there is one to spare.
const ROOMY: usize = 16;

/// Where a line stands: the phase, the step (none for the heading, the last for what is not told), what of the step, the instance.
type Place = (usize, Option<NodeId>, u8, u32);

/// The lines while they are chosen.
struct Lines {
    lines: Vec<(Place, String)>,
    left: usize,
}

impl Lines {
    fn add(&mut self, place: Place, line: String) {
        self.left = self.left.saturating_sub(1);
        self.lines.push((place, line));
    }
}

impl Live {
    /// Returns the block, cut to `size`.
    pub(super) fn block(&self, now: Timestamp, size: Size) -> Vec<String> {
        let columns = size.columns.saturating_sub(1);
        // Before the first event there is nothing to count.
        if size.rows < 3 || columns < 8 || self.began.is_none() {
            return Vec::new();
        }
        let most = (size.rows - 2).min(size.rows.saturating_sub(ABOVE).max(8));
        // Between what stays and what is redrawn.
        let apart = (size.rows >= ROOMY).then(String::new);
        let left = most - 1 - apart.iter().len();
        let waits = self.waits_lines(columns, left);
        let left = left - waits.len();
        let mut lines = Lines { lines: Vec::new(), left };
        let hidden = self.at_work(&mut lines, now, columns);
        if hidden == 0 {
            self.failures(&mut lines, columns);
            self.to_do(&mut lines, columns);
            self.behind(&mut lines, columns);
            self.folded_work(&mut lines, now, columns);
        }
        lines
            .lines
            .sort_by_key(|(place, _)| (place.0, place.1.map_or(0, |node| node as u64 + 1), place.2, place.3));
        let mut block: Vec<String> = apart.into_iter().collect();
        block.extend(lines.lines.into_iter().map(|(_, line)| line));
        if hidden > 0 {
            let text = format!("    {} and {hidden} more at work", self.paint.ellipsis());
            block.push(self.paint.shorten(&text, columns));
        }
        block.extend(waits);
        block.push(self.footer(now, columns));
        block
    }

    /// Returns why nothing moves, in no more than `most` rows. A line that begins with blanks is a command, which is there to be
    /// pasted: it is broken where a shell joins it again, and what is told is cut before it is.
    fn waits_lines(&self, columns: usize, most: usize) -> Vec<String> {
        let room = columns.saturating_sub(2);
        let (mut told, mut commands) = (Vec::new(), Vec::new());
        for line in self.waits.lines() {
            match line.strip_prefix("  ") {
                Some(command) => {
                    let command = continued(&self.paint.clean(command), room.saturating_sub(2));
                    commands.extend(command.lines().map(|line| format!("    {line}")));
                }
                None => told.extend(self.paint.wrap(&self.paint.clean(line), room)),
            }
        }
        told.truncate(most.saturating_sub(commands.len()).min(MOST_OF_WAITS));
        let told = told.into_iter().enumerate().map(|(number, line)| {
            let sign = if number == 0 { self.paint.glyph(Role::Person) } else { " ".to_owned() };
            format!("{sign} {line}")
        });
        told.chain(commands).take(most).collect()
    }

    /// Adds what is at work, whoever waits for a person first: it is what somebody can do something about. Returns how many
    /// there was no room for.
    fn at_work(&self, lines: &mut Lines, now: Timestamp, columns: usize) -> usize {
        let shown = |at: &Addr, row: &Row| row.is_asking() || !self.is_folded(at.node);
        let mut rows: Vec<(&Addr, &Row)> = self.rows.iter().filter(|(at, row)| shown(at, row)).collect();
        // A stable sort: they stay in file order otherwise.
        rows.sort_by_key(|(_, row)| !row.is_asking());
        let folded = self.folds.iter().filter(|(node, (_, fold))| {
            let at_work = self.outline.mark(**node) == Mark::Begun;
            fold.all > UNFOLDED
                && fold.over < fold.all
                && at_work
                && !rows.iter().any(|(at, _)| at.node == **node)
        });
        let wanted: Vec<(NodeId, Option<(&Addr, &Row)>)> = rows
            .iter()
            .map(|&(at, row)| (at.node, Some((at, row))))
            .chain(folded.map(|(&node, _)| (node, None)))
            .collect();
        let all = wanted.len();
        let mut headed: Vec<usize> = Vec::new();
        let mut unfolded: Vec<NodeId> = Vec::new();
        for (number, (node, row)) in wanted.into_iter().enumerate() {
            let phase = self.outline.phase_of(node).unwrap_or_default();
            let heading = self.heading_of(phase, columns).filter(|_| !headed.contains(&phase));
            let fold = self.folds.get(&node).filter(|_| !unfolded.contains(&node));
            let needed =
                usize::from(heading.is_some()) + usize::from(fold.is_some()) + usize::from(row.is_some());
            // The last row is for how many there are more, unless this is the last of them.
            let room = if number + 1 == all { lines.left } else { lines.left.saturating_sub(1) };
            if needed > room {
                return all - number;
            }
            if let Some(heading) = heading {
                headed.push(phase);
                lines.add((phase, None, 0, 0), heading);
            }
            if let Some((name, fold)) = fold {
                unfolded.push(node);
                lines.add((phase, Some(node), 0, 0), self.fold_line(node, name, *fold, columns));
            }
            if let Some((at, row)) = row {
                let indent = if self.folds.contains_key(&node) { 4 } else { 2 };
                lines.add(
                    (phase, Some(node), 2, at.instance),
                    row.line(self.paint, now, columns, indent, self.usual_of(at, row)),
                );
            }
        }
        0
    }

    /// Adds what failed: below its `for_each` when that is at work, else as a step of a phase that is not over.
    fn failures(&self, lines: &mut Lines, columns: usize) {
        for (&node, failures) in &self.failures {
            let phase = self.outline.phase_of(node).unwrap_or_default();
            let folded = lines.lines.iter().any(|(place, _)| place.1 == Some(node));
            let headed = lines.lines.iter().any(|(place, _)| *place == (phase, None, 0, 0));
            let over = self.outline.phases.get(phase).is_none_or(|phase| phase.pending() + phase.begun == 0);
            if !folded && over {
                continue;
            }
            let heading = self.heading_of(phase, columns).filter(|_| !headed);
            if lines.left < 1 + usize::from(heading.is_some()) {
                return;
            }
            if let Some(heading) = heading {
                lines.add((phase, None, 0, 0), heading);
            }
            let indent = if folded { "    " } else { "  " };
            for (number, (name, why)) in
                failures.iter().rev().take(FAILURES.min(lines.left)).rev().enumerate()
            {
                let text = self.paint.shorten(
                    &self.paint.clean(&format!("{name}: {why}")),
                    columns.saturating_sub(2 + indent.len()),
                );
                let text = self.paint.paint(Role::Failure, &text);
                let line = format!("{indent}{} {text}", self.paint.glyph(Role::Failure));
                lines.add((phase, Some(node), 1, number as u32), line);
            }
        }
    }

    /// Adds what is still to do: every phase to come in a line, then the steps of those at work, then those of the others.
    fn to_do(&self, lines: &mut Lines, columns: usize) {
        let phases = || self.outline.phases.iter().enumerate().filter(|(_, phase)| phase.pending() > 0);
        let untouched = |phase: &Phase| phase.pending() == phase.all;
        let coming: Vec<usize> = phases()
            .filter(|(_, phase)| untouched(phase) && phase.title.is_some())
            .map(|(at, _)| at)
            .collect();
        // What comes next is worth as much as what comes in the end.
        let room = lines.left.div_ceil(2);
        let all = coming.len() <= room;
        let shown = if all { coming.len() } else { room.saturating_sub(1) };
        for &at in &coming[..shown] {
            lines.add((at, None, 0, 0), self.heading_of(at, columns).unwrap_or_default());
        }
        if let (Some(&first), true) = (coming.get(shown), lines.left > 0) {
            let sign = self.paint.glyph(Role::Pending);
            let text = format!("{} and {} more phases", self.paint.ellipsis(), coming.len() - shown);
            let text = self.paint.shorten(&text, columns.saturating_sub(2));
            lines.add((first, None, 0, 0), format!("{sign} {}", self.paint.paint(Role::Pending, &text)));
        }
        for (at, phase) in phases().filter(|(_, phase)| !untouched(phase) || phase.title.is_none()) {
            self.pending(lines, at, phase, columns, 1);
        }
        for (at, phase) in phases().filter(|(_, phase)| all && untouched(phase) && phase.title.is_some()) {
            self.pending(lines, at, phase, columns, usize::MAX);
        }
    }

    /// Adds the steps of a phase that have not begun, unless there is no room for as many as `least`, or for all.
    fn pending(&self, lines: &mut Lines, at: usize, phase: &Phase, columns: usize, least: usize) {
        let count = phase.pending();
        let headed = phase.title.is_none() || lines.lines.iter().any(|(place, _)| *place == (at, None, 0, 0));
        let room = lines.left.saturating_sub(usize::from(!headed));
        if room < least.min(count) {
            return;
        }
        if !headed {
            lines.add((at, None, 0, 0), self.heading_of(at, columns).unwrap_or_default());
        }
        let shown = if count > room { room.saturating_sub(1) } else { count };
        let nodes = phase.nodes.clone().filter(|&node| self.outline.mark(node) == Mark::Pending);
        for node in nodes.take(shown) {
            lines.add((at, Some(node), 0, 0), self.pending_line(node, columns));
        }
        if shown < count && lines.left > 0 {
            let text = format!(
                "  {} {} and {} more",
                self.paint.glyph(Role::Pending),
                self.paint.ellipsis(),
                count - shown
            );
            let line = self.paint.paint(Role::Pending, &self.paint.shorten(&text, columns));
            lines.add((at, Some(phase.nodes.end.saturating_sub(1)), 3, 0), line);
        }
    }

    fn pending_line(&self, node: NodeId, columns: usize) -> String {
        let mut text = self.paint.clean(self.outline.name(node));
        let mut waits = self.outline.waits_for(node).join(", ");
        let at_work = || self.rows.values().filter(|row| !row.is_asking()).count();
        if waits.is_empty() && self.most_at_work.is_some_and(|most| at_work() >= most) {
            waits = "one of those at work to end".to_owned();
        }
        if !waits.is_empty() {
            let name = pad(&text, name_columns(columns));
            text = format!("{name}          waits for {}", self.paint.clean(&waits));
        }
        let text = self.paint.shorten(&text, columns.saturating_sub(4));
        format!("  {} {}", self.paint.glyph(Role::Pending), self.paint.paint(Role::Pending, &text))
    }

    /// Adds the instances at work of what is folded, when there is room for all of them and to spare.
    fn folded_work(&self, lines: &mut Lines, now: Timestamp, columns: usize) {
        let told = |node: NodeId| lines.lines.iter().any(|(place, _)| place.1 == Some(node));
        let rows: Vec<(&Addr, &Row)> = self
            .rows
            .iter()
            .filter(|(at, row)| self.is_folded(at.node) && !row.is_asking() && told(at.node))
            .collect();
        if rows.len() + ABOVE > lines.left {
            return;
        }
        for (at, row) in rows {
            let phase = self.outline.phase_of(at.node).unwrap_or_default();
            let line = row.line(self.paint, now, columns, 4, self.usual_of(at, row));
            lines.add((phase, Some(at.node), 2, at.instance), line);
        }
    }

    /// Adds the phases that are over, when there is room for all of them.
    fn behind(&self, lines: &mut Lines, columns: usize) {
        let over = |phase: &Phase| phase.all > 0 && phase.done + phase.failed == phase.all;
        let phases: Vec<usize> = self
            .outline
            .phases
            .iter()
            .enumerate()
            .filter(|(_, phase)| over(phase) && phase.title.is_some())
            .map(|(at, _)| at)
            .collect();
        if phases.len() <= lines.left {
            for at in phases {
                lines.add((at, None, 0, 0), self.heading_of(at, columns).unwrap_or_default());
            }
        }
    }

    /// Returns the line of a phase: its sign, its name, how many of its steps are over.
    fn heading_of(&self, at: usize, columns: usize) -> Option<String> {
        let phase = self.outline.phases.get(at)?;
        let title = phase.title.as_ref()?;
        let over = phase.done + phase.failed;
        let (role, text) = match (phase.failed, over == phase.all, phase.pending() == phase.all) {
            (_, _, true) => (Role::Pending, Role::Pending),
            (0, true, _) => (Role::Success, Role::Quiet),
            (0, false, _) => (Role::Active, Role::Strong),
            _ => (Role::Failure, Role::Strong),
        };
        let failed = if phase.failed > 0 { format!(", {} failed", phase.failed) } else { String::new() };
        let counted = format!("  {over} of {}{failed}", phase.all);
        let room = columns.saturating_sub(2 + width(&counted));
        let title = self.paint.shorten(&self.paint.clean(title), room);
        Some(format!(
            "{} {}{}",
            self.paint.glyph(role),
            self.paint.paint(text, &title),
            self.paint.paint(Role::Quiet, &counted)
        ))
    }

    /// Returns the line of a `for_each`: `● scale  ━━━━━━────  23/30, 1 failed`.
    fn fold_line(&self, node: NodeId, name: &str, fold: Fold, columns: usize) -> String {
        let name = pad(&self.paint.clean(name), name_columns(columns));
        let bar = (columns / 8).clamp(8, 24);
        let full = (fold.over * bar).checked_div(fold.all).unwrap_or_default();
        let (done, rest) = if self.paint.unicode { ("━", "─") } else { ("#", "-") };
        let at_work =
            match self.rows.range(Addr { node, instance: 0 }..Addr { node: node + 1, instance: 0 }).count() {
                0 => String::new(),
                count => format!(", {count} at work"),
            };
        let role = if fold.failed > 0 { Role::Failure } else { Role::Active };
        let text =
            format!("{name}  {}{}  {}{at_work}", done.repeat(full), rest.repeat(bar - full), fold.words());
        let text = self.paint.shorten(&text, columns.saturating_sub(4));
        format!(
            "  {} {}",
            self.paint.glyph(role),
            self.paint.paint(if fold.failed > 0 { Role::Failure } else { Role::Quiet }, &text)
        )
    }

    fn is_folded(&self, node: NodeId) -> bool {
        self.folds.get(&node).is_some_and(|(_, fold)| fold.all > UNFOLDED)
    }

    fn usual_of(&self, at: &Addr, row: &Row) -> Option<Duration> {
        let usual = self.usual.as_ref()?.get()?;
        let step = self.outline.name(at.node);
        if row.is_undoing() { usual.undo(row.name(), step) } else { usual.step(row.name(), step) }
    }

    fn footer(&self, now: Timestamp, columns: usize) -> String {
        let elapsed = seconds(self.began.map(|began| between(began, now)).unwrap_or_default());
        let counted = match self.outline.undone() {
            Some((done, all)) => format!("{done} of {all} undone"),
            None => format!("{} of {} steps", self.steps.0, self.steps.1),
        };
        let mut text = format!("{}  {}  {counted}  {elapsed}", self.runbook, self.run);
        let usual = self.usual.as_ref().and_then(|usual| usual.get()).and_then(|usual| usual.run());
        // Of less than a second "usually 0s" would be told.
        if let Some(usual) =
            usual.filter(|usual| usual.as_secs() > 0 && !self.taken_up && self.outline.undone().is_none())
        {
            text.push_str(&format!(", usually {}", seconds(usual)));
        }
        // Room for the `^C` that a terminal writes where the cursor stands, when its echo can't be turned off.
        let room = columns.saturating_sub(3);
        if self.note.is_empty() {
            return self.paint.paint(Role::Quiet, &self.paint.shorten(&text, room));
        }
        // What a Ctrl-C does is to be read.
        let note = self.paint.shorten(&format!("{}: ", self.note), room);
        let rest = self.paint.shorten(&text, room.saturating_sub(width(&note)));
        format!("{note}{}", self.paint.paint(Role::Quiet, &rest))
    }
}
