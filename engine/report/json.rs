//! Events for machines: one JSON object a line, each complete and flushed.
//!
//! ```json
//! {"version":1,"run":"r7k2m9qd","seq":4,"at":"2026-10-01T12:03:04.25Z","event":{"kind":"started","step":"reach"}}
//! ```
//!
//! | field | is |
//! | --- | --- |
//! | `version` | [`VERSION`]; raised when a field changes its meaning or goes away, not when one is added |
//! | `run` | the run's id |
//! | `seq` | the event's place in the run, from 1 and without gaps: a reader that was cut off knows where to go on |
//! | `at` | when it was committed, RFC 3339 in UTC |
//! | `event` | the event as the journal has it: `kind`, and what belongs to the kind |
//!
//! Before the events of a run that is taken up again there may be one line with `changed` in place of `seq`, `at` and
//! `event`: what differs between the run and its files now (`steps`, `values`, `settings`; `unread` when they can't be
//! used), or what is taken anew (`taken`, `kept`, `late`).
//!
//! Every event is written, also those that no person would want to read. What commands print is not: it may be large, and
//! `runbook logs` has it. A reader ignores kinds and fields that it does not know.

use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;

use super::{EndInfo, Reporter, Seen};
use crate::machine::Event;

/// The version of a line.
pub const VERSION: u32 = 1;

#[derive(Serialize, schemars::JsonSchema)]
struct Line<'a> {
    version: u32,
    run: &'a str,
    seq: u64,
    at: Timestamp,
    event: &'a Event,
}

/// Returns a reporter that writes one JSON object a line to `out`.
pub fn json(out: impl Write + Send + 'static) -> Box<dyn Reporter> {
    Box::new(Json { out: Some(Box::new(out)) })
}

struct Json {
    /// Absent once nobody reads any more.
    out: Option<Box<dyn Write + Send>>,
}

impl Reporter for Json {
    fn event(&mut self, seen: &Seen<'_>) {
        let line = Line { version: VERSION, run: seen.run, seq: seen.seq, at: seen.at, event: seen.event };
        // Written as one piece, so that a reader of a shared file never sees half a line.
        let Ok(mut text) = serde_json::to_vec(&line) else { return };
        text.push(b'\n');
        if let Some(out) = &mut self.out
            && out.write_all(&text).and_then(|()| out.flush()).is_err()
        {
            self.out = None;
        }
    }

    fn aside(&mut self, text: &str) {
        // No event, so nothing for stdout; whoever reads the log of the call must still see why nothing goes on.
        let text: String = text.chars().filter(|one| !one.is_control()).collect();
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    fn close(&mut self, _end: &EndInfo<'_>) {}
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::fixture::{Play, Sink};
    use super::*;

    #[test]
    fn every_event_is_one_line_that_reads_back() {
        let sink = Sink::default();
        let mut play = Play::expanded(vec![json(sink.clone())]);
        play.fail("scale[api]", "two\nlines");
        let text = sink.text();
        for (number, line) in text.lines().enumerate() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(
                (value["version"].as_u64(), value["seq"].as_u64()),
                (Some(1), Some(number as u64 + 1))
            );
            serde_json::from_value::<Event>(value["event"].clone()).unwrap();
        }
        assert_snapshot!(text.lines().last().unwrap(), @r##"{"version":1,"run":"r7k2m9qd","seq":13,"at":"2026-10-01T12:03:02.8Z","event":{"kind":"finished","step":"scale[api]","result":"failed","why":"it exited with 1"}}"##);
    }
}
