//! The list of runs.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::paint::{Paint, Role, pad, width};
use super::timeline::between;
use super::{phrase, when};
use crate::machine::RunStatus;
use crate::model::format_duration;

/// A run in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RunLine {
    /// Its id.
    pub run: String,
    /// The runbook's qualified name.
    pub runbook: String,
    /// Its status by its events.
    pub status: RunStatus,
    /// Whether an engine drives it now.
    pub alive: bool,
    /// What of it is in doubt: names of instances.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub in_doubt: Vec<String>,
    /// Whether its engine waits for a person: for an answer, or for what is to become of what failed.
    pub asks: bool,
    /// When it was opened.
    pub started: Timestamp,
    /// When its last event was.
    pub updated: Timestamp,
    /// Who opened it, or drives it.
    pub by: String,
    /// The locks that it holds, and that no other run gets before it ended well or was rolled back.
    pub locks: Vec<String>,
}

impl RunLine {
    /// Returns the status for people: a run whose engine died does not run, whatever its events say.
    fn word(&self) -> (Role, &'static str) {
        match self.status {
            _ if !self.in_doubt.is_empty() => (Role::Doubt, "in doubt"),
            RunStatus::Running | RunStatus::RollingBack if !self.alive => (Role::Doubt, "engine died"),
            RunStatus::Waiting => (Role::Person, "waiting"),
            RunStatus::Running | RunStatus::RollingBack if self.asks => (Role::Person, "asking"),
            status => (role(status), status.word()),
        }
    }

    fn took(&self, now: Timestamp) -> Duration {
        between(self.started, if self.alive { now } else { self.updated })
    }
}

/// Returns the colour and sign of a run's status.
pub(super) fn role(status: RunStatus) -> Role {
    match status {
        RunStatus::Running | RunStatus::RollingBack => Role::Active,
        RunStatus::Succeeded => Role::Success,
        RunStatus::Failed | RunStatus::RollbackFailed => Role::Failure,
        RunStatus::Interrupted => Role::Halted,
        RunStatus::Waiting => Role::Person,
        RunStatus::RolledBack | RunStatus::PartlyUndone => Role::Undone,
    }
}

/// Returns the runs as a table of at most `columns`, with its line ends; in the order given.
pub fn table(runs: &[RunLine], now: Timestamp, paint: Paint, columns: usize) -> String {
    const HEAD: [&str; 6] = ["RUN", "STATUS", "RUNBOOK", "STARTED (UTC)", "TOOK", "BY"];
    let rows: Vec<[String; 6]> = runs
        .iter()
        .map(|run| {
            let (role, word) = run.word();
            let sign = role.glyph(paint.unicode);
            let took = format_duration(Duration::from_secs(run.took(now).as_secs()));
            let took = if took == "0ms" { "0s".to_owned() } else { took };
            let texts = [paint.clean(&run.run), paint.clean(&run.by), paint.clean(&run.runbook)];
            let [id, by, runbook] = texts;
            [id, format!("{sign} {word}"), runbook, when::minute(run.started), took, by]
        })
        .collect();
    let mut wide = HEAD.map(width);
    for row in &rows {
        for (wide, cell) in wide.iter_mut().zip(row) {
            *wide = (*wide).max(width(cell));
        }
    }
    // What is cut first stands last: which runbook it was must be seen; when and whose can be seen elsewhere.
    let line = |cells: &[String; 6], role: Option<Role>| {
        let mut text = String::new();
        let mut left = columns;
        for (number, cell) in cells.iter().enumerate() {
            let cell = if number == 5 {
                cell.clone()
            } else {
                pad(&paint.shorten(cell, wide[number]), wide[number])
            };
            let gap = if number == 0 { "" } else { "  " };
            let cell = paint.shorten(&format!("{gap}{cell}"), left);
            left -= width(&cell);
            match role {
                Some(role) if number == 1 => text.push_str(&paint.paint(role, &cell)),
                Some(_) => text.push_str(&cell),
                None => text.push_str(&paint.paint(Role::Quiet, &cell)),
            }
        }
        text.push('\n');
        text
    };
    let mut out = line(&HEAD.map(str::to_owned), None);
    for (run, row) in runs.iter().zip(&rows) {
        out.push_str(&line(row, Some(run.word().0)));
        if !run.locks.is_empty() {
            let text = paint.clean(&format!("holds the lock {}", run.locks.join(", ")));
            let indent = "  ".len() + wide[0];
            let text = paint.shorten(&format!("{:indent$}{text}", ""), columns);
            out.push_str(&paint.paint(Role::Quiet, &text));
            out.push('\n');
        }
    }
    out
}

/// Returns what a run's status is, in a sentence's words.
pub(super) fn described(status: RunStatus, alive: bool) -> (Role, &'static str) {
    match status {
        RunStatus::Running if !alive => (Role::Doubt, "no engine drives it"),
        RunStatus::RollingBack if !alive => {
            (Role::Doubt, "no engine drives it, and it was being rolled back")
        }
        RunStatus::Running | RunStatus::RollingBack => (Role::Active, status.word()),
        _ => (role(status), phrase::resting(status)),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::fixture::UTF8;
    use super::*;

    fn run(number: u32, status: RunStatus, alive: bool) -> RunLine {
        RunLine {
            run: format!("r7k2m9q{number}"),
            runbook: "autolytiq/pre-scale-event".to_owned(),
            status,
            alive,
            in_doubt: Vec::new(),
            asks: number == 6,
            started: "2026-10-01T12:03:00Z".parse().unwrap(),
            updated: "2026-10-01T12:05:05Z".parse().unwrap(),
            by: "ada@ops1".to_owned(),
            locks: if number == 2 { vec!["prod".to_owned(), "dns".to_owned()] } else { Vec::new() },
        }
    }

    fn runs() -> Vec<RunLine> {
        let mut runs = vec![
            run(1, RunStatus::Running, true),
            run(2, RunStatus::Running, false),
            run(3, RunStatus::RollbackFailed, false),
            run(4, RunStatus::Waiting, false),
            run(5, RunStatus::Succeeded, false),
            run(6, RunStatus::Running, true),
        ];
        runs[1].in_doubt = vec!["warm".to_owned()];
        runs[2].by = "someone\x1b[2Jwith a long name@host".to_owned();
        runs
    }

    #[test]
    fn the_list_is_aligned() {
        let now = "2026-10-01T13:03:00Z".parse().unwrap();
        assert_snapshot!(table(&runs(), now, UTF8, 90), @r##"
        RUN       STATUS             RUNBOOK                    STARTED (UTC)     TOOK   BY
        r7k2m9q1  ● running          autolytiq/pre-scale-event  2026-10-01 12:03  1h     ada@ops1
        r7k2m9q2  ? in doubt         autolytiq/pre-scale-event  2026-10-01 12:03  2m 5s  ada@ops1
                  holds the lock prod, dns
        r7k2m9q3  ✗ rollback failed  autolytiq/pre-scale-event  2026-10-01 12:03  2m 5s  someone\…
        r7k2m9q4  ◆ waiting          autolytiq/pre-scale-event  2026-10-01 12:03  2m 5s  ada@ops1
        r7k2m9q5  ✓ succeeded        autolytiq/pre-scale-event  2026-10-01 12:03  2m 5s  ada@ops1
        r7k2m9q6  ◆ asking           autolytiq/pre-scale-event  2026-10-01 12:03  1h     ada@ops1
        "##);
    }

    #[test]
    fn it_is_no_wider_than_it_may_be() {
        let now = "2026-10-01T13:03:00Z".parse().unwrap();
        for columns in 0..120 {
            let text = table(&runs(), now, UTF8, columns);
            assert!(text.lines().all(|line| width(line) <= columns), "at {columns}:\n{text}");
        }
    }
}
