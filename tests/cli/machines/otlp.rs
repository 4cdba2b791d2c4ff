//! Spans of a run as a collector gets them: the tree of a run with a retry, gates, a failure and a resume; collectors that hang,
//! refuse and fail; and that nothing is sent where nothing is asked for.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use runbook::machine::Event;

use crate::support::live::{Live, records, wait_until};
use crate::support::project::Project;

/// What came: the headers of each request, and what it held.
#[derive(Default)]
struct Got {
    requests: Vec<(HeaderMap, ExportTraceServiceRequest)>,
    raw: Vec<u8>,
    answer: Option<StatusCode>,
}

struct Collector {
    got: Arc<Mutex<Got>>,
    address: String,
    _runtime: tokio::runtime::Runtime,
}

impl Collector {
    fn begin() -> Collector {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port");
        listener.set_nonblocking(true).expect("it can be waited for");
        let address = format!("http://{}", listener.local_addr().expect("it has an address"));
        let got: Arc<Mutex<Got>> = Arc::default();
        let app = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&got));
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("it is a listener");
            axum::serve(listener, app).await.expect("it serves");
        });
        Collector { got, address, _runtime: runtime }
    }

    fn spans(&self) -> Vec<Span> {
        let got = self.got.lock().expect("nobody panicked with it");
        let all = got.requests.iter().flat_map(|(_, request)| request.resource_spans.clone());
        all.flat_map(|one| one.scope_spans).flat_map(|one| one.spans).collect()
    }
}

async fn take(State(got): State<Arc<Mutex<Got>>>, headers: HeaderMap, body: Bytes) -> (StatusCode, Vec<u8>) {
    let mut got = got.lock().expect("nobody panicked with it");
    got.raw.extend_from_slice(&body);
    if let Some(answer) = got.answer {
        return (answer, b"no".to_vec());
    }
    let is_json = headers["content-type"] == "application/json";
    let request = match is_json {
        true => serde_json::from_slice(&body).expect("OTLP as JSON"),
        false => ExportTraceServiceRequest::decode(body).expect("OTLP as protobuf"),
    };
    got.requests.push((headers, request));
    (StatusCode::OK, if is_json { b"{}".to_vec() } else { Vec::new() })
}

fn value(of: Option<&AnyValue>) -> String {
    match of.and_then(|of| of.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(yes)) => yes.to_string(),
        other => format!("{other:?}"),
    }
}

fn said(attributes: &[KeyValue], key: &str) -> Option<String> {
    attributes.iter().find(|one| one.key == key).map(|one| value(one.value.as_ref()))
}

/// Returns the tree of spans, each with what is the same in every run.
fn tree(spans: &[Span]) -> String {
    let mut below: BTreeMap<Vec<u8>, Vec<&Span>> = BTreeMap::new();
    let known: Vec<&[u8]> = spans.iter().map(|span| span.span_id.as_slice()).collect();
    for span in spans {
        let parent = if known.contains(&span.parent_span_id.as_slice()) {
            span.parent_span_id.clone()
        } else {
            Vec::new()
        };
        below.entry(parent).or_default().push(span);
    }
    let mut text = String::new();
    told(&below, &[], 0, &mut text);
    text
}

fn told(below: &BTreeMap<Vec<u8>, Vec<&Span>>, of: &[u8], depth: usize, text: &mut String) {
    let mut spans = below.get(of).cloned().unwrap_or_default();
    // What began together is told by name: a step before its gate.
    spans.sort_by_key(|span| (span.start_time_unix_nano, span.name.clone()));
    for span in spans {
        let status = span.status.as_ref().map(|status| status.message.clone()).unwrap_or_default();
        let keys =
            ["runbook.status", "runbook.result", "runbook.attempt", "process.exit.code", "runbook.verdict"];
        let words = keys
            .iter()
            .filter_map(|key| Some(format!("{}={}", key.rsplit('.').next()?, said(&span.attributes, key)?)));
        let mut words: Vec<String> = words.collect();
        words.extend(span.events.iter().map(|event| format!("@{}", event.name)));
        words.extend((!status.is_empty()).then(|| format!("!{status}")));
        text.push_str(&format!("{}{} {}\n", "  ".repeat(depth), span.name, words.join(" ")));
        told(below, &span.span_id, depth + 1, text);
    }
}

const SENT: &str = r#"
runbook: sent
title: What is sent
vars:
  token: {type: secret, from: {env: TOKEN}}
steps:
  - id: again
    shell: 'test -e tried || { : > tried; echo "not $((40 + 2)) $TOKEN"; exit 3; }'
    env: {TOKEN: "{{ token }}"}
    retry: {attempts: 2, delay: 10ms}
    idempotent: true
    verify: {run: echo ready, pass: "stdout | trim == 'ready'"}
    rollback: {run: echo back}
  - id: go
    approve: Shall it?
  - id: ends
    run: test -e there
    irreversible: It only looks.
"#;

fn sent(collector: &str) -> Project {
    Project::new()
        .file("runbooks/sent.yaml", SENT)
        .env("TOKEN", "hunter22-hunter22")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
}

#[test]
fn a_collector_gets_the_tree_of_a_run_and_of_its_resume_in_one_trace() {
    let collector = Collector::begin();
    // A later version of it, with something that nobody knows.
    let parent = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what the future brings";
    let project = sent(&collector.address)
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-who=ann")
        .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test");
    let mut command = project.command(&["exec", "sent", "--approve", "go"]);
    assert_eq!(command.env("TRACEPARENT", parent).output().expect("it runs").status.code(), Some(1));
    let opened = records(&project).into_iter().find_map(|record| match record.event {
        Event::Opened(opened) => opened.trace_parent,
        _ => None,
    });
    assert_eq!(opened.as_deref(), Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    project.write("there", "");
    project.run(&["resume", "--retry", "ends"]).code(0);
    insta::assert_snapshot!(tree(&collector.spans()), @r"
    runbook sent status=failed !failed
      step again result=succeeded @retry scheduled
        action attempt=1 code=3 !exit code 3
        action attempt=2 code=0
          gate verify attempt=1 verdict=holds
      step go result=succeeded @asked @answered
      step ends result=failed !failed
        action attempt=1 code=1 !exit code 1
      runbook sent status=succeeded
        step ends result=succeeded @decided
          action attempt=2 code=0
    ");

    let spans = collector.spans();
    let trace: Vec<u8> =
        (0..16).map(|at| u8::from_str_radix(&parent[3 + 2 * at..5 + 2 * at], 16).expect("hex")).collect();
    assert!(spans.iter().all(|span| span.trace_id == trace), "one trace, that of TRACEPARENT");
    let root = spans
        .iter()
        .find(|span| span.name.starts_with("runbook ") && span.parent_span_id.ends_with(&[0x33, 0x31]));
    assert!(root.is_some(), "the run hangs on what started it");
    let mut ids: Vec<&[u8]> = spans.iter().map(|span| span.span_id.as_slice()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), spans.len(), "each span has an id of its own");
    assert!(spans.iter().all(|span| span.start_time_unix_nano <= span.end_time_unix_nano));
    let run = project.newest();
    assert!(spans.iter().all(|span| said(&span.attributes, "runbook.run").as_deref() == Some(run.as_str())));

    let got = collector.got.lock().expect("nobody panicked with it");
    let (headers, request) = &got.requests[0];
    assert_eq!(
        (headers["content-type"].as_bytes(), headers["x-who"].as_bytes()),
        (&b"application/x-protobuf"[..], &b"ann"[..])
    );
    let resource = &request.resource_spans[0].resource.as_ref().expect("who sends").attributes;
    assert_eq!(said(resource, "service.name").as_deref(), Some("runbook"));
    assert_eq!(said(resource, "deployment.environment.name").as_deref(), Some("test"));
    let raw = String::from_utf8_lossy(&got.raw);
    assert!(!raw.contains("hunter22") && !raw.contains("not 42"), "neither a secret nor output");
}

#[test]
fn json_is_spoken_too_and_engines_that_died_are_told_by_the_next() {
    let collector = Collector::begin();
    let text = "runbook: dies\ntitle: Die\nsteps:\n  - id: die\n    shell: 'test -e second || { test ! -e first || { : > second; until test -e told; do sleep 0.05; done; }; : > first; kill -9 $PPID; sleep 0.2; }'\n    irreversible: No.\n";
    let project = Project::new()
        .file("runbooks/dies.yaml", text)
        .env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &format!("{}/v1/traces", collector.address))
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
        .env("OTEL_SERVICE_NAME", "night shift");
    project.run(&["exec", "dies"]);
    let run = project.newest();
    std::thread::scope(|scope| {
        // The second one dies when it has told of the first: what an engine did in its last half second is told by nobody.
        scope.spawn(|| {
            wait_until("the first one is told of", || !collector.spans().is_empty());
            project.write("told", "");
        });
        wait_until("its command is over", || {
            project.run(&["resume", &run, "--retry", "die"]).code == Some(0)
        });
    });
    insta::assert_snapshot!(tree(&collector.spans()), @r"
    runbook dies status=engine died !engine died
      step die result=not over !its end was not seen
        action attempt=1 !its end was not seen
      runbook dies status=engine died !engine died
        step die result=not over @in doubt @decided !its end was not seen
          action attempt=2 !its end was not seen
      runbook dies status=succeeded
        step die result=succeeded @in doubt @decided
          action attempt=3 code=0
    ");
    let got = collector.got.lock().expect("nobody panicked with it");
    let resource = &got.requests[0].1.resource_spans[0].resource.as_ref().expect("who sends").attributes;
    assert_eq!(said(resource, "service.name").as_deref(), Some("night shift"));
}

#[test]
fn whoever_takes_a_run_up_is_not_kept_from_it_by_a_collector_that_hangs() {
    let hanging = TcpListener::bind("127.0.0.1:0").expect("loopback has a port");
    let address = format!("http://{}", hanging.local_addr().expect("it has an address"));
    // It waits for two seconds. A machine that is too busy to look at it in that time sees nothing, so it is looked at again.
    for _ in 0..5 {
        let project = sent("");
        let mut command = project.command(&["exec", "sent", "--approve", "go"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &address);
        let mut engine = Live::start(command);
        let is_free = || {
            let status = project.run(&["status", "--format", "json"]).stdout;
            let status: serde_json::Value = serde_json::from_str(&status).unwrap_or_default();
            status["status"] == "failed" && status["alive"] == false
        };
        wait_until("it rests", is_free);
        if engine.is_over() {
            continue;
        }
        project.write("there", "");
        project.run(&["resume", "--retry", "ends"]).code(0);
        let told = engine.ends_with(1);
        assert!(told.contains("no answer within 2000 ms"), "{told}");
        return;
    }
    panic!("as long as it waits for the collector nobody else can have the run");
}

#[test]
fn what_an_engine_had_begun_whose_run_was_taken_over_is_told_by_the_next_and_once() {
    let collector = Collector::begin();
    let text = "runbook: long\ntitle: Long\nsteps:\n  - id: long\n    shell: ': > begun; until test -e on; do sleep 0.05; done'\n    idempotent: true\n    irreversible: No.\n";
    let project = Project::new()
        .file("runbooks/long.yaml", text)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.address);
    let old = Live::start(project.command(&["exec", "long"]));
    wait_until("its command is at work", || project.has("begun"));
    let run = project.newest();
    let new = Live::start(project.command(&["resume", &run, "--takeover", "--reason", "it hangs"]));
    wait_until("it is taken over", || {
        records(&project).iter().any(|record| matches!(record.event, Event::TakenOver { .. }))
    });
    project.write("on", "");
    old.end();
    new.ends_with(0);
    insta::assert_snapshot!(tree(&collector.spans()), @r"
    runbook long status=taken over !taken over
      step long result=not over !its end was not seen
        action attempt=1 !its end was not seen
      runbook long status=succeeded @taken over
        step long result=succeeded @in doubt @decided
          action attempt=2 code=0
    ");
}

#[test]
fn what_a_sensitive_step_gave_is_in_no_span() {
    let collector = Collector::begin();
    let text = r#"
runbook: quiet
title: Quiet
steps:
  - id: read
    run: "printf '%s' \"{\\\"hosts\\\": [\\\"inner-host-one\\\"], \\\"word\\\": \\\"it's topsecret\\\", \\\"map\\\": {\\\"keysecret\\\": 1}, \\\"text\\\": \\\"k7Pq2z\\\\nTok9x1\\\"}\""
    sensitive: true
    effect: read
    outputs: {hosts: "json.hosts", word: "json.word", map: "json.map", text: "json.text"}
  - id: tell
    for_each: steps.read.outputs.hosts
    run: [echo, "plain-{{ item }}"]
    effect: read
  - id: keys
    for_each: steps.read.outputs.map
    run: [echo, "key-{{ item.key }}"]
    effect: read
  - id: lines
    for_each: steps.read.outputs.text | lines
    run: [echo, "line-{{ item }}"]
    effect: read
  - id: quoted
    run: [echo, "{{ steps.read.outputs.word }}"]
    effect: read
  - id: plain
    run: echo plain
    effect: read
"#;
    let project = Project::new()
        .file("runbooks/quiet.yaml", text)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.address);
    project.run(&["exec", "quiet"]).code(0);
    let spans = collector.spans();
    let commands: Vec<String> =
        spans.iter().filter_map(|span| said(&span.attributes, "runbook.command")).collect();
    assert!(commands.contains(&"echo plain".to_owned()), "{commands:?}");
    assert!(commands.iter().any(|command| command.contains("plain-•••")), "{commands:?}");
    assert!(spans.iter().any(|span| said(&span.attributes, "runbook.step").as_deref() == Some("tell[•••]")));
    let got = collector.got.lock().expect("nobody panicked with it");
    let raw = String::from_utf8_lossy(&got.raw);
    for masked in ["key-•••", "line-•••"] {
        assert!(commands.iter().any(|command| command.contains(masked)), "{masked}: {commands:?}");
    }
    for given in ["inner-host-one", "topsecret", "keysecret", "k7Pq2z", "Tok9x1"] {
        assert!(!raw.contains(given), "{given}: {commands:?}");
    }
}

#[test]
fn an_engine_in_the_background_sends_all_of_its_spans() {
    let collector = Collector::begin();
    let project = sent(&collector.address);
    project.write("there", "");
    project.run(&["exec", "sent", "--approve", "go", "--detach"]).code(0);
    wait_until("its last span came", || {
        collector.spans().iter().any(|span| span.name == "runbook sent" && !span.end_time_unix_nano.eq(&0))
    });
    insta::assert_snapshot!(tree(&collector.spans()), @r"
    runbook sent status=succeeded
      step again result=succeeded @retry scheduled
        action attempt=1 code=3 !exit code 3
        action attempt=2 code=0
          gate verify attempt=1 verdict=holds
      step go result=succeeded @asked @answered
      step ends result=succeeded
        action attempt=1 code=0
    ");
}

#[test]
fn a_collector_that_fails_changes_nothing_and_is_told_of_once() {
    let failing = Collector::begin();
    failing.got.lock().expect("nobody panicked with it").answer = Some(StatusCode::INTERNAL_SERVER_ERROR);
    let hanging = TcpListener::bind("127.0.0.1:0").expect("loopback has a port");
    let gone = TcpListener::bind("127.0.0.1:0").expect("loopback has a port");
    let of = |listener: &TcpListener| format!("http://{}", listener.local_addr().expect("it has an address"));
    let refusing = of(&gone);
    drop(gone);
    for address in [
        failing.address.clone(),
        of(&hanging),
        refusing,
        "https://127.0.0.1:1".to_owned(),
        "nonsense".to_owned(),
    ] {
        let project = sent(&address);
        let shown = project.run(&["exec", "sent", "--approve", "go"]).code(1);
        assert_eq!(shown.to_string().matches("OpenTelemetry").count(), 1, "{address}: {shown}");
        let why = [
            "status code: 500",
            "no answer within 2000 ms",
            "onnection refused",
            "not spoken here",
            "begins with http://",
        ];
        assert!(why.iter().any(|why| shown.to_string().contains(why)), "{shown}");
        if address == of(&hanging) {
            let bound = "not all spans were sent: no answer within 2000 ms";
            assert!(shown.to_string().contains(bound), "its own time is ten seconds: {shown}");
        }
        let shown = project.run(&["exec", "sent", "--approve", "go", "--format", "json"]).code(1);
        assert!(!shown.stdout.contains("OpenTelemetry"), "stdout holds events only: {shown}");
    }
}

#[test]
fn nothing_is_sent_of_rehearsals_or_when_it_is_switched_off() {
    let collector = Collector::begin();
    let project = sent(&collector.address);
    project.write("runbooks/sent.tape.yaml", "tape: 1\nanswers: []\n");
    project.run(&["rehearse", "sent", "--tape", "runbooks/sent.tape.yaml", "--approve", "go"]).code(1);
    let shown = project.run(&["runs", "--rehearsals", "--format", "json"]).code(0);
    let runs: serde_json::Value = serde_json::from_str(&shown.stdout).expect("one JSON document");
    let run = runs["runs"][0]["run"].as_str().expect("there is a rehearsal");
    project.run(&["resume", run, "--retry", "again"]).code(1);
    project.run(&["rollback", run, "--yes"]).code(0);
    // Of what is not done no word is lost.
    let refused = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        let output =
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:1").output().expect("it runs");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("OpenTelemetry"), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    refused(&["rehearse", "sent", "--tape", "runbooks/sent.tape.yaml", "--approve", "go"]);
    let newest = refused(&["runs", "--rehearsals", "--format", "json"]);
    let newest: serde_json::Value = serde_json::from_str(&newest).expect("one JSON document");
    let run = newest["runs"][0]["run"].as_str().expect("there is another rehearsal");
    refused(&["resume", run, "--retry", "ends", "--yes"]);
    refused(&["rollback", run, "--yes"]);
    for (name, value) in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")] {
        let output =
            project.command(&["exec", "sent", "--approve", "go"]).env(name, value).output().expect("it runs");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("OpenTelemetry"));
    }
    project.run(&["status", "--format", "json"]);
    project.run(&["plan", "sent"]);
    assert!(collector.got.lock().expect("nobody panicked with it").raw.is_empty());
}

#[test]
fn where_nothing_is_asked_for_there_is_no_thread() {
    let collector = Collector::begin();
    let text = "runbook: threads\ntitle: Threads\nsteps:\n  - id: look\n    shell: cat /proc/$PPID/task/*/comm\n    effect: read\n";
    let project = Project::new().file("runbooks/threads.yaml", text);
    let threads = |endpoint: Option<&str>| {
        let mut command = project.command(&["exec", "threads"]);
        command.envs(endpoint.map(|address| ("OTEL_EXPORTER_OTLP_ENDPOINT", address)));
        assert!(command.output().expect("it runs").status.success());
        project.run(&["logs", &project.newest()]).code(0).to_string()
    };
    assert!(!threads(None).contains("telemetry"));
    assert!(threads(Some(&collector.address)).contains("telemetry"), "else the test sees nothing");
}
