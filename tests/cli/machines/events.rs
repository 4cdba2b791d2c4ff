//! Every kind of event is as the schema says, also those that no run of the tests comes to, with all that it may hold.

use std::collections::BTreeSet;

use runbook::cli::outputs::{self, Output};
use runbook::machine::Event;
use serde_json::{Value, json};

use super::holds;

fn samples() -> Vec<Value> {
    let by = || json!({"name": "ann", "host": "ops1", "via": "terminal"});
    let of = |stage: &str| json!({"step": "scale[api]", "stage": stage, "attempt": 2});
    let with = |mut event: Value, leaf: Value| {
        let all = event.as_object_mut().expect("an object");
        all.extend(leaf.as_object().expect("an object").clone());
        event
    };
    let covered = || json!({"step": "a", "command": "c", "stdin": "i", "dir": "d", "env": ["E"]});
    let process = || json!({"pid": 7, "started": 8, "boot": "b", "host": "h"});
    let mut all = vec![
        json!({"kind": "opened", "version": 1, "program": "0.1.0", "runbook": "r", "snapshot": "s", "by": by(), "reason": "why",
            "target": {"cluster": "prod"}, "lock": "l", "locks": ["m"], "consent": by(),
            "plan": {"sha256": "s", "at": "2026-10-01T00:00:00Z", "by": by()},
            "rehearsal": {"tape": "t", "faults": ["--fail a"]}, "trace_parent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "options": {"max_parallel": 2, "on_failure": "rollback", "only": ["a"], "from": "a"}}),
        json!({"kind": "resumed", "by": by(), "reason": "why"}),
        json!({"kind": "renewed", "by": by(), "snapshot": "s", "changes": ["c"]}),
        json!({"kind": "expanded", "step": "a", "items": [{"key": "k", "value": {"any": [1]}}]}),
        json!({"kind": "started", "step": "a"}),
        with(json!({"kind": "intent", "command": "c", "stdin": "i", "dir": "d", "by_hand": "h"}), of("undo")),
        with(json!({"kind": "spawned", "process": process()}), of("action")),
        with(json!({"kind": "output-lost", "why": "w"}), of("action")),
        json!({"kind": "captured", "step": "a", "values": {"x": 1}, "changes": "1 → 2"}),
        with(
            json!({"kind": "judged", "verdict": "warns", "seen": "s", "polls": 3, "outputs": {"x": 1}}),
            of("verify"),
        ),
        json!({"kind": "expired", "step": "a"}),
        json!({"kind": "awaits-lock", "step": "a", "lock": "l",
            "keeper": {"run": "r", "step": "b", "by": by(), "since": "2026-10-01T00:00:00Z", "reason": "w"}}),
        json!({"kind": "locked", "step": "a", "lock": "l"}),
        json!({"kind": "unlocked", "step": "a", "lock": "l"}),
        json!({"kind": "lapsed", "step": "a"}),
        json!({"kind": "reopened", "step": "a"}),
        with(json!({"kind": "retry-scheduled", "ms": 10}), of("action")),
        json!({"kind": "woke", "step": "a"}),
        json!({"kind": "asked", "step": "a", "question": "manual", "prompt": "p", "covers": [covered()], "ms": 5}),
        json!({"kind": "answered", "step": "a", "by": by(), "yes": true, "note": "n", "answers": {"x": 1}, "hash": "h", "covers": [covered()]}),
        json!({"kind": "refused", "step": "a", "by": by(), "why": "w"}),
        json!({"kind": "voided", "step": "a", "changed": [{"step": "b", "old": covered(), "new": covered()}]}),
        with(json!({"kind": "doubted"}), of("action")),
        json!({"kind": "taken-over", "by": by(), "from": by(), "engine": process(), "reason": "w"}),
        with(json!({"kind": "outlived", "processes": [7], "stopped": true, "by": by()}), of("action")),
        with(json!({"kind": "left-running", "processes": [7]}), of("action")),
        json!({"kind": "stop-requested", "by": "Ctrl-C", "hard": false}),
        json!({"kind": "rollback-began", "by": by(), "to": "a", "order": ["b", "a"]}),
        json!({"kind": "finally-began", "status": "partly-undone"}),
        json!({"kind": "hook-failed", "hook": "rolled_back", "of": 7, "why": "w"}),
        json!({"kind": "played", "state": {"n": 1}, "given": [1]}),
        json!({"kind": "rested", "status": "rollback-failed"}),
    ];
    for end in [
        json!({"exit": 1}),
        json!({"signal": 9}),
        json!("timed-out"),
        json!("stopped"),
        json!({"not-started": "w"}),
    ] {
        all.push(with(
            json!({"kind": "exited", "end": end, "ms": 1, "tail": "t", "outputs": {"x": 1}}),
            of("capture"),
        ));
    }
    for verdict in [json!("holds"), json!("does-not-hold"), json!({"could-not-tell": "w"})] {
        all.push(with(json!({"kind": "polled", "verdict": verdict, "seen": "s"}), of("undo-verify")));
    }
    for result in ["succeeded", "satisfied", "stopped", "marked-done"] {
        all.push(json!({"kind": "finished", "step": "a", "result": result}));
    }
    for result in ["skipped", "failed"] {
        all.push(json!({"kind": "finished", "step": "a", "result": result, "why": "w"}));
    }
    for decision in ["retry", "verify", "skip", "done"] {
        all.push(json!({"kind": "decided", "step": "a", "decision": decision, "by": by(), "reason": "w"}));
    }
    for result in ["done", "nothing"] {
        all.push(json!({"kind": "undone", "step": "a", "result": result, "command": "c"}));
    }
    for result in ["left", "failed", "blocked"] {
        all.push(json!({"kind": "undone", "step": "a", "result": result, "why": "w"}));
    }
    all
}

#[test]
fn every_kind_is_as_the_schema_says() {
    let mut met = BTreeSet::new();
    for (seq, sample) in samples().into_iter().enumerate() {
        // Through the type and back: a field that is none would get lost.
        let event: Event =
            serde_json::from_value(sample.clone()).unwrap_or_else(|error| panic!("{error}: {sample}"));
        let written = serde_json::to_value(&event).expect("an event is JSON");
        assert_eq!(written, sample);
        met.insert(sample["kind"].as_str().expect("a kind").to_owned());
        let line = json!({"version": 1, "run": "r7k2m9qd", "seq": seq + 1, "at": "2026-10-01T12:03:04.25Z", "event": written});
        holds("exec", &line);
    }
    let schema = outputs::schema(Output::Exec);
    let kinds: BTreeSet<String> = schema["$defs"]["Event"]["oneOf"]
        .as_array()
        .expect("the kinds")
        .iter()
        .map(|one| one["properties"]["kind"]["const"].as_str().expect("a kind").to_owned())
        .collect();
    assert_eq!(met, kinds, "a kind without a sample");
}

#[test]
fn what_no_schema_names_is_no_such_line() {
    let line = |event: Value| json!({"version": 1, "run": "r", "seq": 1, "at": "2026-10-01T12:03:04Z", "event": event});
    let refused = |line: &Value| !super::VALIDATORS["exec"].is_valid(line);
    assert!(!refused(&line(json!({"kind": "started", "step": "a"}))));
    assert!(refused(&line(json!({"kind": "started", "step": "a", "more": 1}))));
    assert!(refused(&line(
        json!({"kind": "finished", "step": "a", "result": "failed", "why": "w", "more": 1})
    )));
    assert!(refused(&line(json!({"kind": "finished", "step": "a", "result": "failed"}))));
    assert!(refused(&line(json!({"kind": "brand-new", "step": "a"}))));
    let mut wrong = line(json!({"kind": "started", "step": "a"}));
    wrong["at"] = "yesterday".into();
    assert!(refused(&wrong));
}
