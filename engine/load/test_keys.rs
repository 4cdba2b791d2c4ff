//! The keys of `*.test.yaml`.

use super::keys::Form::{Bool, Data, Line, Lines, Map, Maps, NamedMaps, Names, OneOf};
use super::keys::{Form, Spec, Table};
use super::tape::ANSWER;

const fn key(name: &'static str, form: Form, example: &'static str, doc: &'static str) -> Spec {
    Spec { name, form, example, doc }
}

/// How a run may end. The words of [`crate::machine::RunStatus`]; `running` is one whose engine was killed.
pub(super) const STATUS: &[&str] = &[
    "succeeded",
    "failed",
    "waiting",
    "interrupted",
    "rolled_back",
    "rollback_failed",
    "partly_undone",
    "rolling_back",
    "running",
];

/// How a step may stand.
pub(super) const STANDING: &[&str] = &[
    "done",
    "satisfied",
    "skipped",
    "failed",
    "stopped",
    "marked_done",
    "asking",
    "in_doubt",
    "undone",
    "undo_failed",
    "not_undone",
    "left",
    "not_begun",
];

/// What a person decides of a step that failed or is in doubt.
pub(super) const VERDICT: &[&str] = &["retry", "done", "skip"];

/// A file of tests.
pub static TEST_FILE: Table = Table {
    what: "a test file",
    groups: &[&[
        key(
            "runbook",
            Line,
            "runbook: shop/pre-scale",
            "The runbook; the one of the file's name beside it when absent.",
        ),
        key(
            "tape",
            Line,
            "tape: pre-scale.tape.yaml",
            "The tape, seen from this file; when absent the one beside the runbook, else `platform.tape.yaml` in its folder.",
        ),
        key(
            "answers",
            Maps(&ANSWER),
            "answers: [{run: kubectl get nodes, stdout: node-1}]",
            "What commands answer, in place of a tape; before the answers of the tape when one is named.",
        ),
        key(
            "state",
            Data,
            "state: {floor: 3}",
            "What the tape's state begins with in every test of the file, where it differs from what the tape says.",
        ),
        key("vars", Data, "vars: {env: staging}", "Vars of every test of the file; a test's own win."),
        key(
            "people",
            NamedMaps(&ANSWERS),
            "people: {go: {approve: true}}",
            "Who answers what in every test of the file, by step; a test's own win.",
        ),
        key(
            "scratch",
            Names,
            "scratch: [pods.*.at]",
            "Paths in the tape's state that are clockwork of the tape and never compared; `*` stands for any name.",
        ),
        key("tests", Maps(&TEST), "tests: [{name: it goes, expect: {status: succeeded}}]", "The tests."),
    ]],
};

/// A test.
pub static TEST: Table = Table {
    what: "a test",
    groups: &[
        &[
            key("name", Line, "name: a failed scaling is undone", "What it shows, in a sentence."),
            key("vars", Data, "vars: {env: prod}", "The vars of the run."),
            key(
                "answers",
                Maps(&ANSWER),
                "answers: [{run: kubectl get nodes, exit: 1}]",
                "What commands answer in this test, before all other answers.",
            ),
            key(
                "state",
                Data,
                "state: {floor: 3}",
                "What the tape's state begins with, where it differs from what the tape says.",
            ),
            key(
                "people",
                NamedMaps(&ANSWERS),
                "people: {go: {approve: true}}",
                "Who answers what, by step or instance.",
            ),
        ],
        FAULTS,
        &[
            key("expect", Map(&EXPECT), "expect: {status: succeeded}", "What must come of it."),
            key(
                "then",
                Maps(&THEN),
                "then: [{rollback: {}, expect: {status: rolled_back}}]",
                "What is done with the same run afterwards.",
            ),
        ],
    ],
};

const FAULTS: &[Spec] = &[
    key(
        "fail",
        Data,
        "fail: {\"scale[web]\": 1}",
        "The steps or instances whose command fails, each with its exit code.",
    ),
    key("slow", Data, "slow: {migrate: 10m}", "The steps or instances whose command takes so long."),
    key(
        "kill_at",
        Names,
        "kill_at: [migrate]",
        "The steps or instances in whose command the engine is killed: it took effect, and nobody heard of it.",
    ),
];

/// What people say about a step.
pub static ANSWERS: Table = Table {
    what: "an answer of people",
    groups: &[&[
        key("approve", Bool, "approve: true", "Yes, or no, to what the step asks."),
        key("done", Bool, "done: true", "A manual step is done, or can't be."),
        key("note", Line, "note: seen by two", "What they add."),
        key("answers", Data, "answers: {replicas: 5}", "The typed answers that go with a yes."),
        key("by", Names, "by: [dana, ben]", "Who; as many as are needed of those who may, when absent."),
        key(
            "in_doubt",
            OneOf(VERDICT),
            "in_doubt: done",
            "What they decide when it is not known whether the step's command took effect.",
        ),
    ]],
};

/// What must come of it.
pub static EXPECT: Table = Table {
    what: "`expect`",
    groups: &[&[
        key("status", OneOf(STATUS), "status: succeeded", "The status of the run."),
        key(
            "steps",
            Lines,
            "steps: {db: skipped}",
            "How steps or instances stand. Those that are not named are not compared.",
        ),
        key(
            "order",
            Names,
            "order: [scale, verify]",
            "Steps in the order in which they begin; others may begin in between.",
        ),
        key(
            "commands",
            Names,
            "commands: [\"kubectl scale deployment {name} --replicas=5\"]",
            "Commands that are run, in this order; others may be run in between. `{name}` takes a word or a part of one.",
        ),
        key("never", Names, "never: [\"kubectl delete {rest...}\"]", "Commands that are not run."),
        key("outputs", Data, "outputs: {count: {replicas: 5}}", "Outputs, by step and name."),
        key(
            "changed",
            Lines,
            "changed: {scale: \"3 -> 5\"}",
            "What a step says that it changes, or a part of that.",
        ),
        key("failure", Map(&FAILURE), "failure: {step: db, says: no such host}", "The first failure."),
        key(
            "state",
            Data,
            "state: {floor: 3}",
            "The state of the tape afterwards, as far as it is named; `unchanged` when it is as at the beginning.",
        ),
    ]],
};

/// The first failure.
pub static FAILURE: Table = Table {
    what: "`failure`",
    groups: &[&[
        key("step", Line, "step: db", "The step or instance."),
        key(
            "says",
            Line,
            "says: no such host",
            "A part of why it failed, or of what its command printed last.",
        ),
    ]],
};

/// What is done with a run afterwards.
pub static THEN: Table = Table {
    what: "an entry of `then`",
    groups: &[
        &[
            key("resume", Map(&RESUME), "resume: {retry: [scale]}", "The run is taken up again."),
            key("rollback", Map(&ROLLBACK), "rollback: {to: scale}", "The run is undone."),
        ],
        FAULTS,
        &[key("expect", Map(&EXPECT), "expect: {status: rolled_back}", "What must come of it.")],
    ],
};

/// What is decided when a run is taken up again.
pub static RESUME: Table = Table {
    what: "a resumption of a test",
    groups: &[&[
        key("retry", Names, "retry: [scale]", "The steps that are tried again."),
        key("done", Names, "done: [scale]", "The steps that are taken as done."),
        key("skip", Names, "skip: [scale]", "The steps without which the run goes on."),
    ]],
};

/// How far a run is undone.
pub static ROLLBACK: Table = Table {
    what: "a rollback of a test",
    groups: &[&[key("to", Line, "to: scale", "The last step that is undone; all when absent.")]],
};
