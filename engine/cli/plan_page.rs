//! The plan as people read it: what holds for the whole run, each step, the counts. `verbs/plan.rs` has the rows of a step.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::console::{Console, count, exact, one_line, wrapped};
use super::error::CliError;
use super::observed::{self, Folds};
use super::verbs::plan::{lines, of_step};
use crate::driver::{
    HookCommand, Millis, PlannedPeople, PlannedRetry, PlannedRun, PlannedStep, Preview, Wanted,
};
use crate::load::{Answer, Bound};
use crate::machine::Stage;
use crate::model::{Effect, MASK, Map, OnFailure, Value, format_duration};
use crate::report::Role;

/// The version of the plan as JSON; raised when a field changes its meaning or goes away.
pub const PLAN_VERSION: u32 = 1;

/// From how many instances on that are alike a step is folded.
const MANY: usize = 20;

/// How many of them are shown then.
const SHOWN: usize = 10;

/// The longest stdin shown, in characters; all of it is in the JSON.
const STDIN: usize = 200;

/// A plan with what it was made of.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Sheet<'a> {
    version: u32,
    /// The runbook's qualified name.
    runbook: &'a str,
    /// Its title.
    title: &'a str,
    /// When and by whom it was made, when it comes from a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made: Option<Value>,
    /// The same for people.
    #[serde(skip)]
    pub note: Option<String>,
    /// The values of its vars; a secret is in none of them.
    vars: &'a Map,
    /// Where each var came from.
    origins: &'a Map,
    /// The secrets that have a value.
    secrets: &'a [String],
    #[serde(flatten)]
    preview: &'a Preview,
}

/// Returns where each var came from, for people.
pub fn origins(answers: &[Answer]) -> Map {
    answers.iter().map(|answer| (answer.name.clone(), answer.origin.to_string().into())).collect()
}

impl<'a> Sheet<'a> {
    /// Returns the plan of what was bound.
    pub fn of(bound: &'a Bound, origins: &'a Map, preview: &'a Preview) -> Sheet<'a> {
        let runbook = &bound.snapshot.runbook;
        let names = (runbook.name.as_str(), runbook.title.as_str());
        Sheet::new(names, &bound.snapshot.vars, origins, &bound.snapshot.secrets, preview)
    }

    /// Returns a plan of the runbook of this name and title.
    pub fn new(
        (runbook, title): (&'a str, &'a str),
        vars: &'a Map,
        origins: &'a Map,
        secrets: &'a [String],
        preview: &'a Preview,
    ) -> Sheet<'a> {
        Sheet {
            version: PLAN_VERSION,
            runbook,
            title,
            made: None,
            note: None,
            vars,
            origins,
            secrets,
            preview,
        }
    }

    /// Writes the plan for people; without `full`, instances that are alike are folded.
    ///
    /// # Errors
    ///
    /// [`CliError::Closed`] when nobody reads stdout any more.
    pub fn print(&self, full: bool, console: Console) -> Result<(), CliError> {
        let mut text = self.head(console);
        let digits = self.preview.steps.iter().map(|step| step.group).max().unwrap_or(1).to_string().len();
        let shown = self.preview.steps.iter().map(|step| step.step.as_str()).collect();
        let environment = Some(&self.preview.run.environment);
        let mut told = Told { digits, shown, environment, ..Told::default() };
        let mut folded = Folded::of(&self.preview.steps);
        let mut already = Folds::of(self.preview);
        let mut heading = None;
        for step in &self.preview.steps {
            let phase = if step.finally { Some("Finally, whatever happened") } else { step.phase.as_deref() };
            if heading != Some(phase) {
                heading = Some(phase);
                text.push('\n');
                if let Some(phase) = phase {
                    text.push_str(&format!("{}\n", console.out.paint(Role::Strong, &one_line(phase))));
                }
            }
            if step.is_already_so() && !full {
                let line = already.line(step, console);
                if !line.is_empty() {
                    text.push_str(&format!(" {:>digits$} {}", step.group, line.trim_start()));
                }
                continue;
            }
            match folded.next(step) {
                _ if full => text.push_str(&of_step(step, &mut told, console)),
                Turn::Show => text.push_str(&of_step(step, &mut told, console)),
                Turn::Fold(more) => {
                    let what = match step.wanted {
                        Wanted::No(_) => "more skipped",
                        _ if !step.faults.is_empty() => "more with mistakes",
                        _ => "more like it",
                    };
                    let line = format!("… {} {what}; --full shows them all", grouped(more));
                    let pad = " ".repeat(digits + 3);
                    text.push_str(&format!("{pad}{}\n", console.out.paint(Role::Person, &line)));
                }
                Turn::Leave => {}
            }
            // A plan of 100,000 steps is written as it is made.
            if text.len() > 1 << 16 {
                console.print(&text)?;
                text.clear();
            }
        }
        text.push_str(&self.foot(console));
        console.print(&text)
    }

    fn head(&self, console: Console) -> String {
        let paint = console.out;
        let mut text =
            format!("Plan of {}: {}\n", paint.paint(Role::Strong, self.runbook), one_line(self.title));
        if let Some(note) = &self.note {
            text.push_str(&format!("{}\n", paint.paint(Role::Quiet, note)));
        }
        let widest = self.vars.keys().map(|name| name.width()).max().unwrap_or(0);
        for (name, value) in self.vars {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let origin = self.origins.get(name).and_then(Value::as_str).map_or(String::new(), |origin| {
                format!(" {}", paint.paint(Role::Quiet, &format!("({})", one_line(origin))))
            });
            text.push_str(&format!("  {name:<widest$}  {}{origin}\n", one_line(&value)));
        }
        let rows = of_run(&self.preview.run);
        if !rows.is_empty() {
            text.push('\n');
        }
        for (word, role, value) in rows {
            let value = match word {
                "target" | "env" | "" => exact(&value),
                _ => wrapped(&value, console.width, 11).trim().to_owned(),
            };
            text.push_str(&format!("  {} {value}\n", paint.paint(role, &format!("{word:<8}"))));
        }
        text
    }

    /// Returns who is told of the run.
    fn hooks(&self, console: Console) -> String {
        let paint = console.out;
        let mut text = String::new();
        if !self.preview.run.hooks.is_empty() {
            text.push_str(&format!("\n{}\n", paint.paint(Role::Strong, "Told on the way (hooks)")));
        }
        for hook in &self.preview.run.hooks {
            let (role, command) = match &hook.command {
                HookCommand::Command(command) => (Role::Quiet, lines(command, 13)),
                HookCommand::Fault(why) => (Role::Failure, format!("nobody: {}", one_line(why))),
            };
            let word = paint.paint(role, &format!("{:<13}", hook.event.word()));
            text.push_str(&format!("  {word}{command}\n"));
        }
        text
    }

    fn foot(&self, console: Console) -> String {
        let mut seen = HashMap::new();
        let beside = self.preview.steps.iter().any(|step| {
            let first = seen.entry(step.group).or_insert(step.name.as_str());
            *first != step.name && !matches!(step.wanted, Wanted::No(_))
        });
        let mut text = self.hooks(console);
        text.push('\n');
        if beside {
            let most =
                self.preview.run.max_parallel.map_or(String::new(), |most| format!(", {most} at once"));
            let line =
                format!("Steps with the same number need none of each other and may run side by side{most}.");
            text.push_str(&wrapped(&line, console.width, 0));
        }
        text.push_str(&wrapped(&counted(self.preview), console.width, 0));
        text
    }
}

fn of_run(run: &PlannedRun) -> Vec<(&'static str, Role, String)> {
    let mut rows = Vec::new();
    let widest = run.target.iter().map(|target| target.name.width()).max().unwrap_or(0);
    for (number, target) in run.target.iter().enumerate() {
        let word = if number == 0 { "target" } else { "" };
        rows.push((word, Role::Quiet, format!("{:<widest$}  {}", target.name, target.command.command)));
        if let Some(said) = &target.said {
            rows.push(("", Role::Active, format!("{:<widest$}  → {said}", "")));
        }
        if let Some(why) = &target.why {
            rows.push(("", Role::Doubt, format!("{:<widest$}  could not tell: {}", "", one_line(why))));
        }
    }
    for (number, (name, value)) in run.environment.iter().enumerate() {
        let word = if number == 0 { "env" } else { "" };
        rows.push((word, Role::Quiet, format!("{name}={}", value.as_str().unwrap_or_default())));
    }
    for lock in &run.locks {
        rows.push(("lock", Role::Quiet, format!("{lock}, held by one run at a time")));
    }
    if let Some(protect) = &run.protect {
        let when = one_line(&protect.when);
        rows.push(match protect.asks {
            true => ("protect", Role::Person, format!("asks before it begins, since {when}")),
            false => ("protect", Role::Quiet, format!("does not ask: it does when {when}")),
        });
    }
    match run.on_failure {
        OnFailure::Pause => {}
        OnFailure::Rollback => {
            rows.push(("failure", Role::Person, "what was done is undone at once".to_owned()));
        }
        OnFailure::Continue => rows.push(("failure", Role::Person, "the others go on".to_owned())),
    }
    rows.extend(run.faults.iter().map(|fault| ("wrong", Role::Failure, one_line(fault))));
    rows
}

/// What was told of a step so far: what is the same for each instance is not said again.
#[derive(Debug, Default)]
pub struct Told<'a> {
    /// How many digits the number of a group has.
    pub digits: usize,
    /// The steps that are shown: those of a runbook that is not brought in are not.
    shown: HashSet<&'a str>,
    /// What every command of the run has in its environment, told above the steps.
    environment: Option<&'a Map>,
    said: HashMap<(&'a str, &'static str, Option<Stage>), String>,
    before: Option<&'a str>,
}

impl<'a> Told<'a> {
    /// Says whether this is another text than the one told last under that name, and takes it as told.
    pub fn news(
        &mut self,
        step: &'a PlannedStep,
        what: &'static str,
        stage: Option<Stage>,
        text: &str,
    ) -> bool {
        let known = self.said.insert((&step.step, what, stage), text.to_owned());
        known.as_deref() != Some(text)
    }

    /// Returns the names that a command has in its environment besides those that every command has: a row below each
    /// command would say what stands above them all. A secret is told of each, since two of them look alike here.
    pub fn env<'b>(&self, env: &'b Map) -> Vec<&'b str> {
        let shared = |name: &str, value: &Value| {
            let same = self.environment.and_then(|all| all.get(name)) == Some(value);
            same && !value.as_str().is_some_and(|text| text.contains(MASK))
        };
        env.iter().filter(|(name, value)| !shared(name, value)).map(|(name, _)| name.as_str()).collect()
    }

    /// Returns what a step comes after, where that is not just the step shown before it.
    pub fn after(&mut self, step: &'a PlannedStep) -> Option<String> {
        let before = self.before.replace(&step.step);
        if before == Some(step.step.as_str()) || step.needs.is_empty() {
            return None;
        }
        let mut needs: Vec<&str> = Vec::new();
        for need in &step.needs {
            let mut need = need.as_str();
            while let (false, Some((around, _))) = (self.shown.contains(need), need.rsplit_once('/')) {
                need = around;
            }
            if !needs.contains(&need) {
                needs.push(need);
            }
        }
        let plain = matches!(needs.as_slice(), [only] if Some(*only) == before);
        (!plain).then(|| needs.join(", "))
    }
}

/// Which instances are shown.
struct Folded<'a> {
    all: HashMap<(&'a str, Kind), usize>,
    seen: HashMap<(&'a str, Kind), usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Runs,
    Skipped,
    Unknown,
    Wrong,
}

enum Turn {
    Show,
    Fold(usize),
    Leave,
}

impl<'a> Folded<'a> {
    fn of(steps: &'a [PlannedStep]) -> Folded<'a> {
        let mut all = HashMap::new();
        for step in steps.iter().filter(|step| !step.is_already_so()) {
            *all.entry(Folded::key(step)).or_default() += 1;
        }
        Folded { all, seen: HashMap::new() }
    }

    fn key(step: &PlannedStep) -> (&str, Kind) {
        let kind = match step.wanted {
            _ if !step.faults.is_empty() => Kind::Wrong,
            Wanted::Yes => Kind::Runs,
            Wanted::No(_) => Kind::Skipped,
            Wanted::Unknown => Kind::Unknown,
        };
        (&step.step, kind)
    }

    fn next(&mut self, step: &'a PlannedStep) -> Turn {
        let key = Folded::key(step);
        let all = self.all.get(&key).copied().unwrap_or_default();
        let seen = self.seen.entry(key).or_default();
        *seen += 1;
        match *seen {
            _ if all <= MANY => Turn::Show,
            seen if seen <= SHOWN => Turn::Show,
            seen if seen == SHOWN + 1 => Turn::Fold(all - SHOWN),
            _ => Turn::Leave,
        }
    }
}

/// Returns a number with its thousands apart: `99,990`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns how many steps do what.
fn counted(preview: &Preview) -> String {
    let of = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 step {one}"),
        _ => format!("{} steps {many}", grouped(count)),
    };
    let mut parts = Vec::new();
    if preview.changing > 0 {
        parts.push(of(preview.changing, "changes something", "change something"));
    }
    if preview.reading > 0 {
        let look = if preview.reading == 1 { "looks" } else { "look" };
        parts.push(match parts.is_empty() {
            true => of(preview.reading, "only looks", "only look"),
            false => format!("{} only {look}", grouped(preview.reading)),
        });
    }
    if preview.undetermined > 0 {
        let change = |step: &&PlannedStep| step.wanted == Wanted::Unknown && step.effect == Effect::Change;
        let would = preview.steps.iter().filter(change).count();
        let would =
            if would > 0 { format!(" ({} would change something)", grouped(would)) } else { String::new() };
        parts.push(format!("{} undetermined{would}", grouped(preview.undetermined)));
    }
    if preview.skipped > 0 {
        parts.push(format!("{} skipped", grouped(preview.skipped)));
    }
    if parts.is_empty() {
        parts.push("No step is left to do".to_owned());
    }
    format!("{}. {}", parts.join(", "), observed::summary(preview.looked.as_ref()))
}

/// Returns a time as people read it.
pub fn time(time: &Millis) -> String {
    match time {
        Millis::Known(ms) => format_duration(Duration::from_millis(*ms)),
        Millis::Unknown(shown) => one_line(shown),
    }
}

/// Returns how long a command may take and how often it is tried; nothing where nothing is set.
pub fn limits(timeout: Option<&Millis>, retry: Option<&PlannedRetry>) -> Option<String> {
    let mut parts = Vec::new();
    parts.extend(timeout.map(|timeout| format!("at most {}", time(timeout))));
    if let Some(retry) = retry {
        let mut text = format!(
            "tried {} at most",
            if retry.attempts == 1 { "once".to_owned() } else { count(retry.attempts as usize, "time") }
        );
        if let Some(delay) = &retry.delay_ms {
            text.push_str(&format!(", {} between", time(delay)));
        }
        if let Some(factor) = retry.backoff {
            text.push_str(&format!(", each {factor} times as long"));
        }
        if let Some(most) = &retry.max_delay_ms {
            text.push_str(&format!(" up to {}", time(most)));
        }
        if let Some(when) = &retry.when {
            text.push_str(&format!(", when {}", one_line(when)));
        }
        parts.push(text);
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Returns what a command reads, shortened.
pub fn stdin(text: &str) -> String {
    let all = text.chars().count();
    if all <= STDIN {
        return one_line(text);
    }
    let first: String = text.chars().take(STDIN).collect();
    format!("{} … ({} characters more)", one_line(&first), grouped(all - STDIN))
}

/// Returns who may answer, how many must, and how long it waits for them.
pub fn people(people: &PlannedPeople) -> String {
    let named = |name: &String| match people.groups.get(name) {
        Some(all) => format!("{name} ({})", all.join(", ")),
        None => name.clone(),
    };
    let who = match people.by.iter().map(named).collect::<Vec<_>>().as_slice() {
        [] => "anyone".to_owned(),
        [only] => only.clone(),
        [others @ .., last] => format!("{} or {last}", others.join(", ")),
    };
    let mut text = match (people.kind.as_str(), people.count) {
        ("manual", _) => "a person does it and says so".to_owned(),
        (_, 1) => format!("{who} may answer"),
        (_, count) => format!("{count} of {who} must say yes"),
    };
    if people.not_self {
        text.push_str(", but not whoever drives the run");
    }
    match &people.timeout_ms {
        Some(limit) => text.push_str(&format!("; waits {}", time(limit))),
        None => text.push_str("; waits without end"),
    }
    text
}

/// Returns what a person is asked for besides yes.
pub fn answers(people: &PlannedPeople) -> Vec<String> {
    let each = people.ask.iter().map(|ask| {
        let help = ask.help.as_ref().map(|help| format!(": {}", one_line(help))).unwrap_or_default();
        let free = if ask.required { "" } else { ", may be left out" };
        format!("{} ({}{free}){help}", ask.name, ask.kind)
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        let all: Vec<String> = [0, 7, 999, 1000, 99_990, 1_234_567].into_iter().map(grouped).collect();
        assert_eq!(all, ["0", "7", "999", "1,000", "99,990", "1,234,567"]);
    }

    #[test]
    fn limits_are_said_in_words() {
        let retry = PlannedRetry {
            attempts: 3,
            delay_ms: Some(Millis::Known(10_000)),
            backoff: Some(2.0),
            max_delay_ms: Some(Millis::Unknown("‹steps.a.outputs.wait›".to_owned())),
            jitter: None,
            when: Some("exit_code == 1".to_owned()),
        };
        let told = limits(Some(&Millis::Known(90_000)), Some(&retry)).unwrap_or_default();
        insta::assert_snapshot!(told, @"at most 1m 30s; tried 3 times at most, 10s between, each 2 times as long up to ‹steps.a.outputs.wait›, when exit_code == 1");
        assert_eq!(limits(None, None), None);
    }

    #[test]
    fn a_long_stdin_is_cut() {
        assert_eq!(stdin("a\nb"), "a b");
        assert!(stdin(&"ä".repeat(1_300)).ends_with(" … (1,100 characters more)"));
    }
}
