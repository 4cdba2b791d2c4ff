//! Tests of a runbook: what is given, what goes wrong, who answers, and what must come of it.

use super::{Answer, Faults, Map, Place, Tape, Value};

/// The tests of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestFile {
    /// The file, as shown to people.
    pub path: String,
    /// The runbook's name as written; nothing when it is the one beside the file.
    pub runbook: Option<(String, Place)>,
    /// The tape's file, relative to the test file; nothing when it is the one beside the runbook.
    pub tape: Option<(String, Place)>,
    /// Answers before those of the tape; when no tape is named there are no others.
    pub answers: Vec<Answer>,
    /// The state with which the tape begins, as far as it differs from what the tape says.
    pub state: Map,
    /// The tests, in the order written.
    pub tests: Vec<Test>,
}

impl TestFile {
    /// Says whether the tape is in the file itself.
    pub fn is_tape(&self) -> bool {
        self.tape.is_none() && !self.answers.is_empty()
    }

    /// Returns `tape` with what the file says over it.
    pub fn over(&self, tape: &Tape) -> Tape {
        let mut tape = tape.clone();
        tape.put(&self.state);
        tape.prepend(&self.answers, &self.path);
        tape
    }
}

/// One test.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Test {
    /// What it shows, in a sentence.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Answers before those of the file and of the tape.
    pub answers: Vec<Answer>,
    /// The state with which the tape begins, as far as it differs from what the file and the tape say.
    pub state: Map,
    /// The paths in the state that are never compared, with `*` for any name: clockwork of the tape.
    pub scratch: Vec<String>,
    /// Who answers what, by step or instance.
    pub people: Vec<(String, Answers)>,
    /// What is done, one after the other; first of all the run.
    pub phases: Vec<Phase>,
    /// The steps that it names anywhere, with where and by which key.
    pub named: Vec<(String, Place, &'static str)>,
    /// The commands that must not be run in any phase, each with where.
    pub forbidden: Vec<(String, Place)>,
}

/// What people say about a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// Yes or no to what it asks.
    pub yes: Option<bool>,
    /// What they add.
    pub note: Option<String>,
    /// Their typed answers.
    pub answers: Map,
    /// Who; as many as are needed of those who may, when nobody is named.
    pub by: Vec<String>,
    /// What they decide when its end is not known.
    pub in_doubt: Option<Verdict>,
    /// Whether it is said for all tests of the file, some of which may have no such instance.
    pub of_file: bool,
}

/// What a person decides of a step that failed or is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is tried again.
    Retry,
    /// It is taken as done.
    Done,
    /// The run goes on without it.
    Skip,
}

/// One thing that is done with a run, and what must come of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Phase {
    /// What is done.
    pub what: Doing,
    /// What goes wrong.
    pub faults: Faults,
    /// What must come of it.
    pub expect: Expect,
}

/// What is done with a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Doing {
    /// It is begun.
    #[default]
    Exec,
    /// It is taken up again; with what is decided of steps.
    Resume(Vec<(String, Verdict)>),
    /// It is undone, down to a step when one is named.
    Rollback(Option<String>),
}

/// What must come of it. Only what is named is compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expect {
    /// The status of the run.
    pub status: Option<String>,
    /// How steps or instances stand, by name.
    pub steps: Vec<(String, String)>,
    /// Steps in the order in which they begin.
    pub order: Vec<String>,
    /// Commands that are run, in this order.
    pub commands: Vec<String>,
    /// Commands that are not run.
    pub never: Vec<String>,
    /// Outputs by step and name.
    pub outputs: Vec<(String, Map)>,
    /// What each step says it changes, or a part of it.
    pub changed: Vec<(String, String)>,
    /// The first failure.
    pub failure: Option<Failure>,
    /// The state of the tape.
    pub state: Option<StateAfter>,
}

/// The first failure of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failure {
    /// The step or instance.
    pub step: Option<String>,
    /// A part of why it failed, or of what it printed.
    pub says: Option<String>,
}

/// How the state of the tape must be.
#[derive(Clone, Debug, PartialEq)]
pub enum StateAfter {
    /// As it was at the beginning.
    Unchanged,
    /// So; what is not named is not compared.
    So(Value),
}

impl Expect {
    /// Says whether nothing is compared: a map in which nothing is named, or a text that is part of every text, is no
    /// expectation either.
    pub fn is_empty(&self) -> bool {
        let Expect { status, steps, order, commands, never, outputs, changed, failure, state } = self;
        let lists = [order, commands, never].into_iter().all(Vec::is_empty);
        let outputs = outputs.iter().all(|(_, outputs)| outputs.values().all(names_nothing));
        let changed = changed.iter().all(|(_, text)| text.is_empty());
        let state = state.as_ref().is_none_or(|state| match state {
            StateAfter::Unchanged => false,
            StateAfter::So(state) => names_nothing(state),
        });
        status.is_none() && steps.is_empty() && lists && outputs && changed && failure.is_none() && state
    }
}

fn names_nothing(value: &Value) -> bool {
    value.as_object().is_some_and(|map| map.values().all(names_nothing))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_names_nothing_compares_nothing() {
        let state = |state| Expect { state: Some(StateAfter::So(state)), ..Expect::default() };
        let outputs = |outputs: Value| Expect {
            outputs: vec![("scale".to_owned(), outputs.as_object().cloned().unwrap_or_default())],
            ..Expect::default()
        };
        let changed = |text: &str| Expect { changed: vec![("a".into(), text.into())], ..Expect::default() };
        for empty in [
            state(json!({})),
            state(json!({"a": {"b": {}}})),
            outputs(json!({})),
            outputs(json!({"n": {}})),
            changed(""),
        ] {
            assert!(empty.is_empty(), "{empty:?}");
        }
        for full in [state(json!({"a": []})), outputs(json!({"n": null})), changed("x")] {
            assert!(!full.is_empty(), "{full:?}");
        }
        let unchanged = Expect { state: Some(StateAfter::Unchanged), ..Expect::default() };
        let fails = Expect { failure: Some(Failure::default()), ..Expect::default() };
        assert!(!unchanged.is_empty() && !fails.is_empty());
    }
}
