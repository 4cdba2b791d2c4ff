//! What `runbook test` shows: a line for each test, the failures last, each as a diff.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::console::{Console, count, exact, one_line};
use super::error::CliError;
use super::test_cases::Bound;
use crate::proof::{CrashPoint, Difference};
use crate::report::Role;

/// How many crash points of a test are shown whole.
const SHOWN: usize = 3;

/// How many differences are shown of a crash point.
const DIFFERENCES: usize = 6;

/// What is told of a test.
#[derive(Clone, Debug, Default)]
pub struct Result {
    /// How what came differs from what was expected.
    pub differences: Vec<Difference>,
    /// Why it could not be played.
    pub fault: Option<String>,
    /// How many commands were answered.
    pub commands: usize,
    /// How many crash points were tried.
    pub points: usize,
    /// The crash points after which the end was another one.
    pub crashes: Vec<(CrashPoint, Vec<Difference>)>,
    /// The steps that only a person can settle, each with how many crash points led there.
    pub undecided: BTreeMap<String, usize>,
}

impl Result {
    /// Says whether the test holds.
    pub fn is_good(&self) -> bool {
        self.differences.is_empty() && self.fault.is_none() && self.crashes.is_empty()
    }
}

/// Shows tests as they are played.
#[derive(Debug)]
pub struct Page {
    json: bool,
    crash: bool,
    console: Console,
}

impl Page {
    /// Returns a page; with `json` nothing is shown before the end.
    pub fn new(json: bool, crash: bool, console: Console) -> Page {
        Page { json, crash, console }
    }

    /// Lists tests.
    ///
    /// # Errors
    ///
    /// When stdout can't be written.
    pub fn list(&self, tests: &[Bound]) -> std::result::Result<(), CliError> {
        if self.json {
            let all: Vec<Value> = tests.iter().map(|test| about(test).into()).collect();
            return self.console.json(&json!({ "version": 1, "tests": all }));
        }
        let line = |test: &Bound| format!("{}  {}:{}\n", named(test), exact(&test.file), test.line);
        self.console.print(&tests.iter().map(line).collect::<String>())
    }

    /// Shows how a test ended, on one line.
    ///
    /// # Errors
    ///
    /// When stdout can't be written.
    pub fn line(&self, test: &Bound, told: &Result) -> std::result::Result<(), CliError> {
        if self.json {
            return Ok(());
        }
        let paint = self.console.out;
        let (role, more) = match told.is_good() {
            true => (Role::Success, String::new()),
            false => (Role::Failure, "  failed".to_owned()),
        };
        let mut more = paint.paint(role, &more);
        if told.points > 0 {
            let mut text = format!("  {}", count(told.points, "crash point"));
            let asks: usize = told.undecided.values().sum();
            if asks > 0 {
                text.push_str(&format!(", {asks} of them ask a person"));
            }
            more.push_str(&paint.paint(Role::Quiet, &text));
        }
        self.console.print(&format!("{} {}{more}\n", paint.glyph(role), named(test)))
    }

    /// Shows the failures, and how many there are.
    ///
    /// # Errors
    ///
    /// When stdout can't be written.
    pub fn end(&self, tests: &[Bound], told: &[Result]) -> std::result::Result<(), CliError> {
        if self.json {
            return self.console.json(&document(tests, told));
        }
        let mut text = String::new();
        for (test, told) in tests.iter().zip(told).filter(|(_, told)| !told.is_good()) {
            text.push_str(&self.failure(test, told));
        }
        let asks: Vec<String> = tests
            .iter()
            .zip(told)
            .flat_map(|(test, told)| {
                told.undecided.iter().map(move |(step, times)| {
                    format!(
                        "  {} › {}: {step}, at {}\n",
                        test.runbook,
                        one_line(&test.case.test.name),
                        count(*times, "crash point")
                    )
                })
            })
            .collect();
        if !asks.is_empty() {
            let text_of = "\nWhere only a person can tell whether a command took effect, and the test does not say what they find \
                           (`people: {STEP: {in_doubt: done}}`):\n";
            text.push_str(text_of);
            text.push_str(&asks.concat());
        }
        let failed = told.iter().filter(|told| !told.is_good()).count();
        let points: usize = told.iter().map(|told| told.points).sum();
        let good = told.len() - failed;
        let sum = match failed {
            0 => self.console.out.paint(Role::Success, &format!("{} passed", count(good, "test"))),
            _ => {
                let failed =
                    self.console.out.paint(Role::Failure, &format!("{} failed", count(failed, "test")));
                format!("{failed}, {good} passed")
            }
        };
        let points =
            if self.crash { format!("; {} tried", count(points, "crash point")) } else { String::new() };
        self.console.print(&format!("{text}\n{sum}{points}\n"))
    }

    fn failure(&self, test: &Bound, told: &Result) -> String {
        let paint = self.console.out;
        let mut text =
            format!("\n{} {}\n", paint.glyph(Role::Failure), paint.paint(Role::Strong, &named(test)));
        text.push_str(&paint.paint(Role::Quiet, &format!("  {}:{}\n", exact(&test.file), test.line)));
        if let Some(fault) = &told.fault {
            text.push_str(&format!("  {}\n", fault.replace('\n', "\n  ")));
        }
        text.push_str(&self.diffs(&told.differences, 2));
        for (point, differences) in told.crashes.iter().take(SHOWN) {
            let effect = match point.death.took_effect {
                true => "what was under way had taken effect",
                false => "nothing that it began took effect",
            };
            let phase = if point.phase == 0 { String::new() } else { format!(" of then[{}]", point.phase) };
            let after = point.death.after;
            text.push_str(&format!("  the engine dies after commit {after}{phase}, and {effect}:\n"));
            text.push_str(&self.diffs(&differences[..differences.len().min(DIFFERENCES)], 4));
            if differences.len() > DIFFERENCES {
                text.push_str(&format!(
                    "    and {} more\n",
                    count(differences.len() - DIFFERENCES, "difference")
                ));
            }
        }
        if told.crashes.len() > SHOWN {
            let more = told.crashes.len() - SHOWN;
            text.push_str(&format!("  and so at {} more\n", count(more, "crash point")));
        }
        text.push_str(&format!("  see it: {}\n", paint.paint(Role::Strong, &exact(&test.see.command))));
        for note in &test.see.notes {
            text.push_str(&paint.paint(Role::Quiet, &format!("          {}\n", exact(note))));
        }
        text
    }

    fn diffs(&self, differences: &[Difference], indent: usize) -> String {
        let paint = self.console.out;
        let mut text = String::new();
        for Difference { what, diff } in differences {
            text.push_str(&format!("{:indent$}{}\n", "", exact(what)));
            for line in diff {
                let role = match line.chars().next() {
                    Some('-') => Role::Failure,
                    Some('+') => Role::Success,
                    _ => Role::Quiet,
                };
                text.push_str(&format!("{:indent$}  {}\n", "", paint.paint(role, &exact(line))));
            }
        }
        text
    }
}

fn named(test: &Bound) -> String {
    format!("{} › {}", exact(&test.runbook), one_line(&test.case.test.name))
}

fn about(test: &Bound) -> serde_json::Map<String, Value> {
    let Value::Object(about) = json!({
        "runbook": test.runbook,
        "name": test.case.test.name,
        "file": test.file,
        "line": test.line,
    }) else {
        return serde_json::Map::new();
    };
    about
}

fn document(tests: &[Bound], told: &[Result]) -> Value {
    let one = |(test, told): (&Bound, &Result)| {
        let crashes: Vec<Value> = told
            .crashes
            .iter()
            .map(|(point, differences)| {
                json!({
                    "phase": point.phase,
                    "after_commit": point.death.after,
                    "took_effect": point.death.took_effect,
                    "differences": differences,
                })
            })
            .collect();
        let mut about = about(test);
        about.insert("passed".to_owned(), told.is_good().into());
        about.insert("differences".to_owned(), json!(told.differences));
        about.insert("error".to_owned(), json!(told.fault));
        about.insert("crash_points".to_owned(), told.points.into());
        about.insert("crashes".to_owned(), crashes.into());
        about.insert("asks_a_person".to_owned(), json!(told.undecided));
        about.insert("see".to_owned(), json!(test.see.command));
        Value::Object(about)
    };
    let failed = told.iter().filter(|told| !told.is_good()).count();
    json!({
        "version": 1,
        "passed": told.len() - failed,
        "failed": failed,
        "crash_points": told.iter().map(|told| told.points).sum::<usize>(),
        "tests": tests.iter().zip(told).map(one).collect::<Vec<_>>(),
    })
}
