//! The table of what was proved, printed by whichever test is the last to end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use super::names;
use super::proof::{PARTS, Row};

static ROWS: Mutex<BTreeMap<&'static str, Row>> = Mutex::new(BTreeMap::new());

/// Keeps a row, and prints them all once there is one for every runbook.
pub(super) fn keep(name: &'static str, row: Row) {
    let mut rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
    rows.insert(name, row);
    if names::written().iter().all(|name| rows.contains_key(name)) {
        // Past the test harness, which swallows what a test prints.
        drop(std::io::stderr().write_all(drawn(&rows).as_bytes()));
    }
}

fn drawn(rows: &BTreeMap<&str, Row>) -> String {
    let mut text = format!("\n{:36}", "the catalog");
    PARTS.iter().for_each(|part| write!(text, " {part:9}").expect("text takes text"));
    text.push_str(" calls\n");
    let mut all = 0;
    for (name, row) in rows {
        let _ = write!(text, "{name:36}");
        for part in row.parts {
            let word = match part {
                Some(true) => "ok",
                Some(false) => "FAILED",
                None => "-",
            };
            let _ = write!(text, " {word:9}");
        }
        let _ = writeln!(text, " {:5}", row.calls);
        all += row.calls;
    }
    let _ = writeln!(text, "{} runbooks, {all} calls of clients", rows.len());
    text
}
