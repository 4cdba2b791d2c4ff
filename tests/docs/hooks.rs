//! The hooks of `docs/examples/hooks`, with the real curl and jq, against a receiver inside the test process.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::debian;
use crate::support::live::{Live, wait_until};
use crate::support::project::Project;
use crate::support::search::files;

/// What is hard to put into JSON, into a shell and into a message.
const HARD: &str = "it's a \"quote\" & <b>\nand a \\ line";

const TOKEN: &str = "T0K3N-of-the-channel";
const KEY: &str = "K3Y-of-the-service";

/// What a receiver does with what it is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Takes,
    Refuses,
    Hangs,
}

/// Returns where a receiver listens, and what it is sent: the path, and the JSON.
fn receiver(answer: Answer) -> (String, Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has one").to_string();
    let (told, heard) = channel();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let Some(sent) = request(&mut reader) else { continue };
            let mut stream = reader.into_inner();
            let status = if answer == Answer::Takes { "200 OK" } else { "500 No" };
            match answer {
                Answer::Hangs => open.push(stream),
                _ => drop(write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
                )),
            }
            if told.send(sent).is_err() {
                return;
            }
        }
    });
    (address, heard)
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Value)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, serde_json::from_slice(&body).expect("what is sent is JSON")))
}

/// Returns the examples as a project, told to whoever listens at `address`; `None`, said loudly, where there is no jq.
fn project(address: &str) -> Option<Project> {
    let jq = debian::programs(&["jq"], "usr/bin", &["jq"])?;
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/hooks");
    let mut project = Project::new();
    for (path, bytes) in files(&from) {
        let below = path.strip_prefix(&from).expect("it was found there").to_str().expect("a name is text");
        project.write(below, bytes);
    }
    let bin = project.root().join("bin");
    project.write("bin/jq", format!("#!/bin/sh\n{}\n", jq.line("jq", &[])));
    // Nobody's desktop is told of a test.
    project.write("bin/notify-send", "#!/bin/sh\nprintf '%s\\n' \"$@\" > desktop\n");
    for name in ["jq", "notify-send"] {
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    project = project.env("PATH", &path).env("SLACK_WEBHOOK", &format!("http://{address}/services/{TOKEN}"));
    project = project
        .env("PAGERDUTY_ROUTING_KEY", KEY)
        .env("PAGERDUTY_URL", &format!("http://{address}/v2/enqueue"));
    Some(project)
}

/// Returns what was sent to a path, in order.
fn sent(heard: &Receiver<(String, Value)>, path: &str) -> Vec<Value> {
    heard.try_iter().filter(|(to, _)| to.starts_with(path)).map(|(_, body)| body).collect()
}

#[test]
fn a_failure_is_told_in_a_channel_word_for_word() {
    let (address, heard) = receiver(Answer::Takes);
    let Some(project) = project(&address) else { return };
    project.run(&["check", "--deny", "warnings"]).code(0);
    project.run(&["exec", "try-hooks", "--var", "how=fail", "--reason", HARD]).code(1);
    let run = project.newest();
    let told = sent(&heard, &format!("/services/{TOKEN}"));
    let texts: Vec<&str> = told.iter().filter_map(|one| one["text"].as_str()).collect();
    assert_eq!(texts.len(), 2, "{told:#?}");
    assert!(texts[0].starts_with(":arrow_forward: *try-hooks* started: Try the hooks\n"), "{}", texts[0]);
    let hard = "it's a \"quote\" &amp; &lt;b&gt;\nand a \\ line";
    let (first, rest) = texts[1].split_once('\n').expect("more than a line");
    assert_eq!(first, ":x: *try-hooks* failed: Try the hooks");
    let (about, rest) = rest.split_once("\nstep ").expect("the step is told");
    assert!(
        about.starts_with(&format!("run `{run}` on "))
            && about.ends_with(&format!(", started by ann: {hard}")),
        "{about}"
    );
    assert_eq!(
        rest,
        format!(
            "`broken`: it exited with 3\n```\nit said \"no\" &amp; &lt;left&gt;\n```\nall that it printed: `runbook logs {run} broken`\n\
             try again and go on: `runbook resume {run}`"
        )
    );
    let desktop = fs::read_to_string(project.root().join("desktop")).expect("the desktop was told");
    assert_eq!(desktop, "--app-name=runbook\n--\ntry-hooks failed\nit exited with 3\n");
}

#[test]
fn one_run_is_one_alert_which_is_resolved_when_it_is_over() {
    let (address, heard) = receiver(Answer::Takes);
    let Some(project) = project(&address) else { return };
    project.run(&["exec", "try-hooks", "--var", "how=fail", "--reason", HARD]).code(1);
    let run = project.newest();
    let told = sent(&heard, "/v2/enqueue");
    let [alert] = told.as_slice() else { panic!("{told:#?}") };
    let of = |alert: &Value| {
        [&alert["routing_key"], &alert["event_action"], &alert["dedup_key"]].map(Value::clone)
    };
    assert_eq!(of(alert), [json!(KEY), json!("trigger"), json!(format!("runbook-{run}"))]);
    let payload = &alert["payload"];
    assert_eq!(payload["summary"], "try-hooks failed: it exited with 3");
    assert_eq!((&payload["severity"], &payload["component"]), (&json!("error"), &json!("broken")));
    assert_eq!(payload["custom_details"]["reason"], HARD);
    assert_eq!(payload["custom_details"]["step"]["output"], json!(["it said \"no\" & <left>"]));
    project.run(&["resume", "--skip", "broken", "--reason", "x"]).code(0);
    let told = sent(&heard, "/v2/enqueue");
    assert_eq!(
        told,
        [json!({"routing_key": KEY, "event_action": "resolve", "dedup_key": format!("runbook-{run}")})]
    );
}

/// With `on_failure: rollback` a run rests rolled back and never failed, and that it failed is told all the same.
#[test]
fn what_failed_and_was_rolled_back_pages_somebody() {
    let undo = |result: &str| {
        format!(
            "runbook: ship\ntitle: Ship it\non_failure: rollback\nsteps:\n  - {{id: copy, run: echo copied, rollback: {{run: '{result}'}}}}\n  \
             - {{id: broken, needs: copy, run: 'false', effect: read}}\n"
        )
    };
    for (result, what) in [("true", "failed and was rolled back"), ("false", "is rolled back in part")] {
        let (address, heard) = receiver(Answer::Takes);
        let Some(project) = project(&address) else { return };
        let project = project.file("runbooks/ship.yaml", undo(result));
        project.run(&["exec", "ship"]);
        let told = sent(&heard, "/v2/enqueue");
        let Some(alert) = told.last() else { panic!("{result}: nobody was told") };
        assert_eq!(alert["event_action"], "trigger", "{told:#?}");
        assert_eq!(alert["payload"]["summary"], format!("ship {what}: it exited with 1"));
        assert_eq!(alert["payload"]["severity"], "error");
    }
    // What somebody rolled back without a failure is over.
    let (address, heard) = receiver(Answer::Takes);
    let Some(project) = project(&address) else { return };
    let fine =
        "runbook: fine\ntitle: Fine\nsteps:\n  - {id: copy, run: echo copied, rollback: {run: 'true'}}\n";
    let project = project.file("runbooks/fine.yaml", fine);
    project.run(&["exec", "fine"]).code(0);
    project.run(&["rollback", "--yes"]);
    let actions: Vec<Value> =
        sent(&heard, "/v2/enqueue").iter().map(|alert| alert["event_action"].clone()).collect();
    assert_eq!(actions, ["resolve", "resolve"]);
}

#[test]
fn a_question_is_told_with_who_may_answer() {
    let (address, heard) = receiver(Answer::Takes);
    let Some(project) = project(&address) else { return };
    project.run(&["exec", "try-hooks", "--var", "how=ask"]).code(3);
    let all: Vec<(String, Value)> = heard.try_iter().collect();
    let text =
        all.iter().filter_map(|(_, body)| body["text"].as_str()).next_back().expect("the channel was told");
    assert!(text.contains("\nasked of anyone: Did the question reach you?\n"), "{text}");
    let alert = all.iter().find(|(path, _)| path == "/v2/enqueue").map(|(_, body)| &body["payload"]);
    let alert = alert.expect("somebody is paged");
    assert_eq!((&alert["severity"], &alert["component"]), (&json!("warning"), &json!("go")));
}

/// What hangs can be looked at: no process has the secrets in its arguments. And nothing is held up by it.
#[test]
fn a_receiver_that_hangs_holds_up_nothing_and_sees_the_secrets_alone() {
    let (address, heard) = receiver(Answer::Hangs);
    let Some(project) = project(&address) else { return };
    let live = Live::start(project.command(&["exec", "try-hooks", "--var", "how=finish"]));
    let began = Instant::now();
    let (path, _) = heard.recv_timeout(Duration::from_secs(60)).expect("the hook is at work");
    assert_eq!(path, format!("/services/{TOKEN}"));
    let looking = fs::read_dir("/proc").expect("this is Linux").flatten();
    let mut curls = 0;
    for line in looking.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok()) {
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        curls += usize::from(line.starts_with("curl "));
        // Only what is of this test: others may have the same secrets, at other addresses.
        assert!(!line.contains(TOKEN) && !line.contains(KEY), "{line}");
    }
    assert!(curls > 0, "curl is at work");
    wait_until("the step ran all the same", || live.said().contains("look"));
    let said = live.ends_with(0);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert!(said.contains("the hook `started` went wrong"), "{said}");
    assert!(!said.contains(TOKEN) && !said.contains(KEY), "{said}");
}

#[test]
fn a_receiver_that_refuses_is_told_of_once_and_changes_nothing() {
    let (address, heard) = receiver(Answer::Refuses);
    let Some(project) = project(&address) else { return };
    let shown = project.run(&["exec", "try-hooks", "--var", "how=finish"]).code(0).to_string();
    assert_eq!(shown.matches("the hook `finished` went wrong").count(), 1, "{shown}");
    assert!(shown.contains("500") && !shown.contains(TOKEN), "{shown}");
    assert_eq!(sent(&heard, "/services").len(), 2, "nobody tries again for ever");
}

#[test]
fn without_a_variable_nobody_is_told_and_nothing_goes_wrong() {
    let (address, heard) = receiver(Answer::Takes);
    let Some(project) = project(&address) else { return };
    let project = project.env("SLACK_WEBHOOK", "").env("PAGERDUTY_ROUTING_KEY", "");
    let shown = project.run(&["exec", "try-hooks", "--var", "how=fail"]).code(1).to_string();
    assert!(!shown.contains("went wrong"), "{shown}");
    assert_eq!(heard.try_iter().count(), 0);
}
