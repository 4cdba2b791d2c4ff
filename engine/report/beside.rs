//! A reporter with somebody beside it who hears the same events.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::{Earlier, EndInfo, Reporter, Seen, Stream, Usual};
use crate::machine::Leaf;

/// Hears the events of a run and shows nothing.
pub trait Listener: Send {
    /// Takes in an event from before this engine's life.
    fn past(&mut self, _earlier: &Earlier<'_>) {}

    /// Takes in an event, after its commit, before it is shown.
    fn event(&mut self, seen: &Seen<'_>);

    // Of the end it is told by the event that the run rests. Not by a call after the last lines: at that moment the lease is not
    // given back yet, and nobody could take the run up while a listener waits for something. Whoever has to wait does so in `Drop`.
}

/// Returns a reporter that shows what `inner` does, and lets `listener` hear of it.
pub fn beside(inner: Box<dyn Reporter>, listener: Box<dyn Listener>) -> Box<dyn Reporter> {
    Box::new(Beside { inner, listener })
}

struct Beside {
    inner: Box<dyn Reporter>,
    listener: Box<dyn Listener>,
}

impl Reporter for Beside {
    fn called(&mut self, program: &str) {
        self.inner.called(program);
    }

    fn usual(&mut self, usual: Arc<OnceLock<Usual>>) {
        self.inner.usual(usual);
    }

    fn past(&mut self, earlier: &Earlier<'_>) {
        self.listener.past(earlier);
        self.inner.past(earlier);
    }

    fn event(&mut self, seen: &Seen<'_>) {
        self.listener.event(seen);
        self.inner.event(seen);
    }

    fn aside(&mut self, text: &str) {
        self.inner.aside(text);
    }

    fn output(&mut self, leaf: &Leaf, stream: Stream, bytes: &[u8]) {
        self.inner.output(leaf, stream, bytes);
    }

    fn tick(&mut self, now: Timestamp) {
        self.inner.tick(now);
    }

    fn suspend(&mut self) {
        self.inner.suspend();
    }

    fn waits(&mut self, text: &str) {
        self.inner.waits(text);
    }

    fn break_in(&mut self) -> bool {
        self.inner.break_in()
    }

    fn unsuspend(&mut self) {
        self.inner.unsuspend();
    }

    fn close(&mut self, end: &EndInfo<'_>) {
        self.inner.close(end);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::machine::{Event, RunStatus, Stage};
    use crate::report::fixture::{Play, runbook};

    /// Keeps what it was told.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Vec<&'static str>>>);

    impl Told {
        fn keep(&self, what: &'static str) {
            self.0.lock().unwrap().push(what);
        }
    }

    // Whatever a reporter can be told is here, also what has a default: a method that is not handed on does nothing, in silence.
    impl Reporter for Told {
        fn called(&mut self, _: &str) {
            self.keep("called");
        }
        fn usual(&mut self, _: Arc<OnceLock<Usual>>) {
            self.keep("usual");
        }
        fn past(&mut self, _: &Earlier<'_>) {
            self.keep("past");
        }
        fn event(&mut self, _: &Seen<'_>) {
            self.keep("event");
        }
        fn aside(&mut self, _: &str) {
            self.keep("aside");
        }
        fn output(&mut self, _: &Leaf, _: Stream, _: &[u8]) {
            self.keep("output");
        }
        fn tick(&mut self, _: Timestamp) {
            self.keep("tick");
        }
        fn suspend(&mut self) {
            self.keep("suspend");
        }
        fn waits(&mut self, _: &str) {
            self.keep("waits");
        }
        fn break_in(&mut self) -> bool {
            self.keep("break_in");
            true
        }
        fn unsuspend(&mut self) {
            self.keep("unsuspend");
        }
        fn close(&mut self, _: &EndInfo<'_>) {
            self.keep("close");
        }
    }

    struct Hears(Told);

    impl Listener for Hears {
        fn past(&mut self, _: &Earlier<'_>) {
            self.0.keep("(past)");
        }
        fn event(&mut self, _: &Seen<'_>) {
            self.0.keep("(event)");
        }
    }

    #[test]
    fn whoever_stands_behind_is_told_all_and_the_listener_before_it() {
        let told = Told::default();
        let mut both = beside(Box::new(told.clone()), Box::new(Hears(told.clone())));
        both.called("runbook");
        both.usual(Arc::default());
        let event = Event::Rested { status: RunStatus::Failed };
        both.past(&Earlier { epoch: 1, seq: 1, at: Timestamp::UNIX_EPOCH, event: &event });
        both.aside("a line");
        both.output(
            &Leaf { step: "a".to_owned(), stage: Stage::Action, attempt: 1 },
            Stream::Stdout,
            b"text",
        );
        both.tick(Timestamp::UNIX_EPOCH);
        both.suspend();
        both.waits("for Ann");
        assert!(both.break_in());
        both.unsuspend();
        Play::opened(&runbook(), vec![both]).close();
        let heard = told.0.lock().unwrap().join(" ");
        let all =
            "called usual (past) past aside output tick suspend waits break_in unsuspend (event) event close";
        assert_eq!(heard, all);
    }
}
