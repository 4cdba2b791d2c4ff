//! Tests of a runbook: what is given, what goes wrong, who answers, and what must come of it.

use super::{Faults, Map, Place, Value};

/// The tests of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestFile {
    /// The file, as shown to people.
    pub path: String,
    /// The runbook's name as written; nothing when it is the one beside the file.
    pub runbook: Option<(String, Place)>,
    /// The tape's file, relative to the test file; nothing when it is the one beside the runbook.
    pub tape: Option<(String, Place)>,
    /// The tests, in the order written.
    pub tests: Vec<Test>,
}

/// One test.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Test {
    /// What it shows, in a sentence.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// The state with which the tape begins, as far as it differs from what the tape says.
    pub state: Map,
    /// The paths in the state that are never compared, with `*` for any name: clockwork of the tape.
    pub scratch: Vec<String>,
    /// Who answers what, by step or instance.
    pub people: Vec<(String, Answers)>,
    /// What is done, one after the other; first of all the run.
    pub phases: Vec<Phase>,
    /// The steps that it names anywhere, with where and by which key.
    pub named: Vec<(String, Place, &'static str)>,
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
    /// Says whether nothing is compared.
    pub fn is_empty(&self) -> bool {
        *self == Expect::default()
    }
}
