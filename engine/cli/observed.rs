//! What a plan that looked has to tell, in words for the page.

use std::collections::HashMap;

use super::console::{Console, count, exact, exact_lines, one_line, wrapped};
use crate::driver::{Looked, PlannedStep, Preview, Shown, Standing};
use crate::model::{Map, Value};
use crate::report::Role;

/// From how many instances on those with nothing to do share one line.
const MANY: usize = 10;

/// How many lines of what a tool said are shown.
const LINES: usize = 12;

/// How wide one value may be.
const WIDE: usize = 40;

/// How many instances of a step there are, and how many of them have nothing to do.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    all: usize,
    already: usize,
}

/// The steps of which so many instances have nothing to do that they share one line.
pub struct Folds<'p>(HashMap<&'p str, Option<Share>>);

impl<'p> Folds<'p> {
    /// Returns those of a plan.
    pub fn of(preview: &'p Preview) -> Folds<'p> {
        let mut shares: HashMap<&str, Share> = HashMap::new();
        for step in &preview.steps {
            let share = shares.entry(&step.step).or_default();
            share.all += 1;
            share.already += usize::from(step.is_already_so());
        }
        shares.retain(|_, share| share.all >= MANY && share.already > 1);
        Folds(shares.into_iter().map(|(step, share)| (step, Some(share))).collect())
    }

    /// Returns what stands for a step that has nothing to do: its line, or nothing where another instance's line stands
    /// for it.
    pub fn line(&mut self, step: &'p PlannedStep, console: Console) -> String {
        let paint = console.out;
        match self.0.get_mut(step.step.as_str()) {
            None => already_so(step, console),
            Some(share) => share.take().map_or_else(String::new, |share| {
                let name = paint.paint(Role::Strong, &exact(&step.step));
                let so = format!("{} of {} already so", share.already, share.all);
                format!("  {name}  {}\n", paint.paint(Role::Success, &so))
            }),
        }
    }
}

fn already_so(step: &PlannedStep, console: Console) -> String {
    let paint = console.out;
    let name = exact(&step.name);
    let mut line =
        format!("  {}  {}", paint.paint(Role::Strong, &name), paint.paint(Role::Success, "already so"));
    let values = step.observed.as_ref().map(|seen| values(&seen.values, console)).unwrap_or_default();
    if !values.is_empty() {
        let room = console.width.saturating_sub(name.chars().count() + 16).max(20);
        line.push_str(&paint.paint(Role::Quiet, &format!(": {}", paint.shorten(&values, room))));
    }
    line + "\n"
}

/// Returns what stands under the name of a step that was looked at: a word, what it stands for, and the text.
pub fn rows(step: &PlannedStep, console: Console) -> Vec<(&'static str, Role, String)> {
    let mut rows = Vec::new();
    let Some(seen) = &step.observed else { return rows };
    let why = seen.why.as_deref().map(one_line).unwrap_or_default();
    match seen.standing {
        // The difference says it better.
        Standing::ToDo if step.changes.is_some() || seen.values.is_empty() => {}
        Standing::ToDo => rows.push(("now", Role::Active, values(&seen.values, console))),
        Standing::AlreadySo => {}
        Standing::CouldNotTell => rows.push(("unclear", Role::Doubt, format!("could not tell: {why}"))),
        Standing::OnlyTheRunKnows => rows.push(("unclear", Role::Quiet, format!("only the run knows {why}"))),
    }
    rows
}

/// Returns what the tool of a step says that it would change.
pub fn previewed(shown: &Shown, indent: usize, console: Console) -> String {
    let paint = console.out;
    let (under, inside) = (" ".repeat(indent + 9), " ".repeat(indent + 11));
    let command = exact_lines(shown.command.trim_end()).replace('\n', &format!("\n{under}"));
    let mut text = format!("{:indent$}{} {command}\n", "", paint.paint(Role::Quiet, "preview "));
    let lines: Vec<&str> = match shown.differs {
        Some(false) => Vec::new(),
        _ => shown.output.trim_end().lines().collect(),
    };
    let (role, said) = match (&shown.why, shown.differs) {
        (None, None) if shown.needs.is_some() => {
            let needs = shown.needs.as_deref().map(one_line).unwrap_or_default();
            (Role::Quiet, format!("only the run knows {needs}"))
        }
        (Some(why), _) => (Role::Doubt, format!("could not tell: {}", one_line(why))),
        (None, Some(true)) => (Role::Active, "it would change:".to_owned()),
        (None, Some(false)) => (Role::Success, "no difference".to_owned()),
        (None, None) => match lines.as_slice() {
            [] => (Role::Quiet, "it says nothing".to_owned()),
            [only] => (Role::Quiet, format!("it says: {}", only.trim())),
            _ => (Role::Quiet, "it says:".to_owned()),
        },
    };
    let said = wrapped(&paint.clean_output(&said), console.width, indent + 9);
    text.push_str(&format!("{under}{}\n", paint.paint(role, said.trim())));
    if lines.len() == 1 && shown.differs.is_none() {
        return text;
    }
    // One line more is shown rather than a line that says that one is missing.
    let most = if lines.len() == LINES + 1 { LINES + 1 } else { LINES };
    let room = console.width.saturating_sub(indent + 11).max(20);
    for line in lines.iter().take(most) {
        let line = paint.shorten(&paint.clean_output(line), room);
        text.push_str(format!("{inside}{line}").trim_end());
        text.push('\n');
    }
    if lines.len() > most {
        let more =
            format!("{} {} more; --format json has all", paint.ellipsis(), count(lines.len() - most, "line"));
        text.push_str(&format!("{inside}{}\n", paint.paint(Role::Quiet, &more)));
    }
    text
}

/// Returns what looking came to, as the end of the plan's last sentences.
pub fn summary(looked: Option<&Looked>) -> String {
    let Some(looked) = looked else { return "Nothing was run.".to_owned() };
    let steps = |number: usize, one: &str, many: &str| match number {
        1 => format!("1 step {one}"),
        _ => format!("{number} steps {many}"),
    };
    let mut parts = Vec::new();
    if looked.already_so > 0 {
        parts.push(steps(looked.already_so, "is already so", "are already so"));
    }
    if looked.could_not_tell > 0 {
        parts.push(format!("{} could not be told", looked.could_not_tell));
    }
    if looked.irreversible > 0 {
        parts.push(format!("{} can't be undone", looked.irreversible));
    }
    let found = if parts.is_empty() { String::new() } else { format!("{}. ", parts.join(", ")) };
    let ran = match looked.asked {
        0 => return format!("{found}Nothing was run."),
        1 => "1 command that only looks was run".to_owned(),
        asked => format!("{asked} commands that only look were run"),
    };
    format!("{found}{ran}; nothing was changed.")
}

/// Returns values by name for people: `replicas = 3, policy = Max`.
fn values(values: &Map, console: Console) -> String {
    let shown = values.iter().map(|(name, value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => "none".to_owned(),
            other => other.to_string(),
        };
        format!("{} = {}", one_line(name), console.out.shorten(&one_line(&text), WIDE))
    });
    shown.collect::<Vec<_>>().join(", ")
}
