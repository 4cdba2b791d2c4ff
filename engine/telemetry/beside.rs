//! Who hears the events of a run and has spans of them sent.

use super::masked::{Given, Masking};
use super::sender::Sender;
use super::spans::Spans;
use super::{Hiding, Target, Wanted};
use crate::machine::{given_by, given_so_far};
use crate::report::{Earlier, Listener, Reporter, Seen, beside as also};

/// Returns the reporter itself when nothing is to be sent, else one beside which spans are sent. `hiding` masks what sensitive
/// steps gave to the run. `warn` is told at once what can't be done, and when the reporter is dropped, in one line, what was not
/// sent. That drop waits for the collector, two seconds at most: it belongs behind the end of the run, whose lease is given back then.
pub fn beside(
    inner: Box<dyn Reporter>,
    wanted: Wanted,
    hiding: Hiding,
    warn: impl Fn(&str) + Send + 'static,
) -> Box<dyn Reporter> {
    match wanted {
        Wanted::No => inner,
        Wanted::Refused(why) => {
            warn(&format!("no spans are sent to OpenTelemetry: {why}"));
            inner
        }
        Wanted::Yes(target) => {
            let spans = Some(Spans::of(target.parent));
            let (given, warn) = (Given::default(), Box::new(warn));
            also(inner, Box::new(Sending { target, spans, given, hiding, sender: None, warn }))
        }
    }
}

struct Sending {
    target: Target,
    /// Absent once nothing is to be sent: it is a rehearsal, or no thread could be had.
    spans: Option<Spans>,
    given: Given,
    hiding: Hiding,
    /// Begun with the first event: a run that is refused needs no thread.
    sender: Option<Sender>,
    warn: Box<dyn Fn(&str) + Send>,
}

impl Sending {
    fn begin(&mut self) {
        if self.sender.is_some() {
            return;
        }
        match Sender::begin(&self.target, Masking::of(self.given.clone(), self.hiding)) {
            Ok(sender) => self.sender = Some(sender),
            Err(why) => {
                self.spans = None;
                (self.warn)(&format!("no spans are sent to OpenTelemetry: {why}"));
            }
        }
    }

    fn send(&mut self) {
        let (Some(spans), Some(sender)) = (&mut self.spans, &mut self.sender) else { return };
        spans.taken().into_iter().for_each(|span| sender.send(span));
    }
}

impl Listener for Sending {
    fn past(&mut self, earlier: &Earlier<'_>) {
        if let Some(spans) = &mut self.spans {
            spans.past(earlier);
        }
    }

    fn event(&mut self, seen: &Seen<'_>) {
        if seen.state.opened.as_ref().is_some_and(|opened| opened.rehearsal.is_some()) {
            self.spans = None;
        }
        if self.spans.is_none() {
            return;
        }
        let first = self.sender.is_none();
        self.given.learn(match first {
            true => given_so_far(seen.state, seen.graph),
            false => given_by(seen.event, seen.state, seen.graph),
        });
        self.begin();
        if let Some(spans) = &mut self.spans {
            spans.event(seen.run, seen.seq, seen.at, seen.event);
        }
        self.send();
    }
}

impl Drop for Sending {
    /// Waits for what is still to be sent: here, and not when the run rests, since its lease is given back after that. Of a run that
    /// its engine leaves (its journal is gone, or another engine's) what goes on is told by the next engine, and by it alone.
    fn drop(&mut self) {
        if let Some(why) = self.sender.take().and_then(Sender::end) {
            (self.warn)(&format!("OpenTelemetry at {}: {why}", self.target.shown));
        }
    }
}
