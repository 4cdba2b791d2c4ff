use serde_json::json;

use super::*;

/// A run with a check, a retry, a gate, a failure, a resume that goes well, and its rollback.
fn history() -> Vec<Event> {
    let by = json!({"name": "ann", "host": "ops1"});
    let leaf = |kind: &str, stage: &str, attempt: u32, more: serde_json::Value| {
        let mut event = json!({"kind": kind, "step": "a[x]", "stage": stage, "attempt": attempt});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let all = [
        json!({"kind": "opened", "version": 1, "program": "0", "runbook": "shop/deploy", "snapshot": "s", "by": by,
            "target": {"cluster": "prod"}, "options": {"max_parallel": 1, "on_failure": "pause"}}),
        json!({"kind": "expanded", "step": "a", "items": [{"key": "x", "value": 1}]}),
        json!({"kind": "started", "step": "a[x]"}),
        leaf("intent", "check", 1, json!({"command": "look"})),
        leaf("polled", "check", 1, json!({"verdict": "does-not-hold"})),
        leaf("judged", "check", 1, json!({"verdict": "holds", "polls": 2})),
        leaf("intent", "capture", 1, json!({"command": "read"})),
        leaf("exited", "capture", 1, json!({"end": {"exit": 0}, "ms": 1})),
        leaf("intent", "action", 1, json!({"command": "act"})),
        leaf("intent", "guard", 1, json!({"command": "watch"})),
        leaf("exited", "action", 1, json!({"end": "timed-out", "ms": 1})),
        leaf("judged", "guard", 1, json!({"verdict": "holds", "polls": 1})),
        leaf("retry-scheduled", "action", 1, json!({"ms": 1})),
        json!({"kind": "woke", "step": "a[x]"}),
        leaf("intent", "action", 2, json!({"command": "act"})),
        leaf("exited", "action", 2, json!({"end": {"exit": 0}, "ms": 1})),
        leaf("intent", "verify", 1, json!({"command": "ask"})),
        leaf("judged", "verify", 1, json!({"verdict": "does-not-hold", "polls": 9})),
        json!({"kind": "finished", "step": "a[x]", "result": "failed", "why": "secret text"}),
        json!({"kind": "finished", "step": "b", "result": "skipped", "why": "secret text"}),
        json!({"kind": "rested", "status": "failed"}),
        json!({"kind": "hook-failed", "hook": "failed", "of": 3, "why": "secret text"}),
        json!({"kind": "resumed", "by": by, "reason": "secret text"}),
        json!({"kind": "decided", "step": "a[x]", "decision": "verify"}),
        leaf("intent", "verify", 2, json!({"command": "ask"})),
        leaf("judged", "verify", 2, json!({"verdict": "holds", "polls": 1})),
        json!({"kind": "finished", "step": "a[x]", "result": "succeeded"}),
        json!({"kind": "unlocked", "step": "a[x]", "lock": "l"}),
        json!({"kind": "rested", "status": "succeeded"}),
        json!({"kind": "rollback-began", "by": by, "order": ["a[x]"]}),
        leaf("intent", "undo", 1, json!({"command": "back"})),
        leaf("exited", "undo", 1, json!({"end": {"exit": 0}, "ms": 1})),
        json!({"kind": "undone", "step": "a[x]", "result": "done"}),
        json!({"kind": "rested", "status": "rolled-back"}),
    ];
    all.into_iter().map(|event| serde_json::from_value(event).unwrap()).collect()
}

fn at(seq: usize) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seq as i64).unwrap()
}

/// Returns what engines send that have the run one after another and die at `cuts`.
fn told(history: &[Event], cuts: &[usize]) -> Vec<SpanData> {
    let mut sent = Vec::new();
    let mut from = 0;
    for &to in cuts.iter().chain([&history.len()]) {
        let mut spans = Spans::of(None);
        for (seq, event) in history[..from].iter().enumerate() {
            let epoch = cuts.iter().filter(|cut| **cut <= seq).count() as u64 + 1;
            spans.past(&Earlier { epoch, seq: seq as u64 + 1, at: at(seq), event });
        }
        for (seq, event) in history.iter().enumerate().take(to).skip(from) {
            spans.event("r7k2m9qd", seq as u64 + 1, at(seq), event);
            sent.extend(spans.taken());
        }
        from = to;
    }
    sent
}

fn name(span: &SpanData) -> String {
    format!("{} {:?}", span.name, span.start_time)
}

/// Returns when each engine's span of the run begins and ends, by the events alone, and whether it saw the end.
fn lives(history: &[Event], cuts: &[usize]) -> Vec<(Timestamp, Timestamp, bool)> {
    let mut lives: Vec<(Timestamp, Timestamp, bool)> = Vec::new();
    let mut open = false;
    for (seq, event) in history.iter().enumerate() {
        open &= !cuts.contains(&seq);
        if open {
            lives.last_mut().expect("one is open").1 = at(seq);
        } else if !matches!(event, Event::HookFailed { .. }) {
            lives.push((at(seq), at(seq), false));
            open = true;
        }
        if let (true, Event::Rested { .. }) = (open, event) {
            lives.last_mut().expect("one is open").2 = true;
            open = false;
        }
    }
    lives
}

fn said(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|one| one.key.as_str() == key).map(|one| one.value.to_string())
}

#[test]
fn wherever_engines_die_every_span_is_told_once_and_hangs_on_one_that_is_told() {
    let history = history();
    let whole = told(&history, &[]);
    assert_eq!(whole.len(), 15, "{:#?}", whole.iter().map(name).collect::<Vec<_>>());
    let one = (1..history.len()).map(|cut| vec![cut]);
    let two = (1..history.len()).flat_map(|cut| (cut + 1..history.len()).map(move |then| vec![cut, then]));
    for cuts in one.chain(two) {
        let sent = told(&history, &cuts);
        let ids: HashMap<SpanId, &SpanData> =
            sent.iter().map(|span| (span.span_context.span_id(), span)).collect();
        assert_eq!(ids.len(), sent.len(), "twice, cut at {cuts:?}");
        let traces: std::collections::HashSet<TraceId> =
            sent.iter().map(|span| span.span_context.trace_id()).collect();
        assert_eq!(traces.len(), 1);
        for span in &sent {
            assert!(span.start_time <= span.end_time, "cut at {cuts:?}: {}", name(span));
            if span.parent_span_id == SpanId::INVALID {
                assert!(span.name.starts_with("runbook "), "cut at {cuts:?}: {}", name(span));
                continue;
            }
            let parent = ids.get(&span.parent_span_id).copied();
            let parent = parent.unwrap_or_else(|| panic!("cut at {cuts:?}: {} hangs on nothing", name(span)));
            assert!(
                parent.start_time <= span.start_time,
                "cut at {cuts:?}: {} is older than its parent",
                name(span)
            );
        }
        let runs = sent.iter().filter(|span| span.name.starts_with("runbook "));
        let mut runs: Vec<_> = runs
            .map(|span| {
                let died = said(span, "runbook.status").as_deref() == Some("engine died");
                (span.start_time, span.end_time, !died)
            })
            .collect();
        runs.sort_unstable();
        let lives = lives(&history, &cuts).into_iter().map(|(from, to, ended)| (time(from), time(to), ended));
        assert_eq!(runs, lives.collect::<Vec<_>>(), "cut at {cuts:?}");
    }
}

#[test]
fn what_an_engine_that_died_had_begun_failed_since_nobody_saw_its_end() {
    // It dies while the second attempt and its guard are at work; the next one while the gate after it is asked.
    let history = history();
    let cuts = [10, 17];
    let sent = told(&history, &cuts);
    let lost =
        |span: &&SpanData| matches!(&span.status, Status::Error { description } if description == UNSEEN);
    let mut lost: Vec<String> = sent.iter().filter(lost).map(|span| span.name.to_string()).collect();
    lost.sort_unstable();
    assert_eq!(lost, ["action", "gate guard", "gate verify", "step a", "step a"]);
    // Its command ended well and was seen to: only the gate was not.
    let second = sent
        .iter()
        .find(|span| span.name == "action" && said(span, "runbook.attempt").as_deref() == Some("2"));
    assert_eq!(second.expect("it is told").status, Status::Unset);
}

#[test]
fn an_engine_that_leaves_a_run_sends_nothing_of_what_goes_on() {
    let history = history();
    let mut spans = Spans::of(None);
    for (seq, event) in history[..12].iter().enumerate() {
        spans.event("r7k2m9qd", seq as u64 + 1, at(seq), event);
    }
    let sent = spans.taken();
    assert!(sent.iter().all(|span| !span.name.starts_with("runbook ") && !span.name.starts_with("step ")));
    let mut next = Spans::of(None);
    for (seq, event) in history[..12].iter().enumerate() {
        next.past(&Earlier { epoch: 1, seq: seq as u64 + 1, at: at(seq), event });
    }
    let by = serde_json::json!({"name": "ben", "host": "ops2"});
    let process = json!({"pid": 1, "started": 1, "boot": "b", "host": "ops1"});
    let taken = json!({"kind": "taken-over", "by": by, "from": by, "engine": process, "reason": "it hangs"});
    let taken = serde_json::from_value(taken).unwrap();
    next.event("r7k2m9qd", 13, at(12), &taken);
    let status: Vec<_> = next.taken().iter().filter_map(|span| said(span, "runbook.status")).collect();
    assert_eq!(status, ["taken over"]);
}

#[test]
fn no_reason_and_no_output_is_in_them() {
    let text = format!("{:?}", told(&history(), &[]));
    assert!(text.contains("shop/deploy") && text.contains("act") && !text.contains("secret text"), "{text}");
}

#[test]
fn a_run_is_in_the_trace_that_it_was_begun_in_and_who_takes_it_up_is_linked() {
    let mut history = history();
    let Event::Opened(opened) = &mut history[0] else { panic!("the first") };
    opened.trace_parent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    let here = Parent { trace: [7; 16], span: [8; 8], sampled: true };
    let mut spans = Spans::of(Some(here));
    for (seq, event) in history.iter().enumerate() {
        spans.event("r7k2m9qd", seq as u64 + 1, at(seq), event);
    }
    let sent = spans.taken();
    let runs: Vec<&SpanData> = sent.iter().filter(|span| span.name.starts_with("runbook ")).collect();
    assert_eq!(runs.len(), 3);
    assert_eq!(runs[0].parent_span_id, SpanId::from_bytes([0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]));
    assert_eq!(runs.iter().map(|span| span.links.len()).collect::<Vec<_>>(), [0, 1, 1]);
    assert!(sent.iter().all(|span| span.span_context.trace_id() == runs[0].span_context.trace_id()));
    assert_eq!(runs[1].links[0].span_context.span_id(), SpanId::from_bytes([8; 8]));
}
