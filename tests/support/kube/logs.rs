//! `pods/NAME/log`: what containers wrote, as a test put it there.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::cluster::Cluster;
use super::controllers::workload;
use super::routes::Call;
use super::state::State;
use super::status::Refusal;
use super::store::Key;

/// One line of a container.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Empty for whichever container is asked.
    container: String,
    previous: bool,
    at: Timestamp,
    text: String,
}

/// Where lines go, for [`Cluster::log`]; by default to every container, written now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Log<'a> {
    pub(crate) container: &'a str,
    /// Written by the container before the one that runs.
    pub(crate) previous: bool,
    pub(crate) ago: Duration,
}

impl Cluster {
    /// Adds lines to the log of a pod, or of all pods of a workload.
    pub(crate) fn log(&self, namespace: &str, name: &str, log: Log<'_>, lines: &[&str]) {
        let ago = SignedDuration::try_from(log.ago).expect("a test's logs are not that old");
        let at = Timestamp::now() - ago;
        let lines = lines.iter().map(|text| Line {
            container: log.container.to_owned(),
            previous: log.previous,
            at,
            text: (*text).to_owned(),
        });
        self.shared.with(|state| {
            state.logs.entry((namespace.to_owned(), name.to_owned())).or_default().extend(lines);
        });
    }
}

/// Answers with the text of the log. `follow` is no more than what is there: nothing that is tested may wait for ever.
///
/// # Errors
/// As a real server: no such container, none named among several, one that has not started, none that ran before.
pub(crate) fn read(state: &State, call: &Call, key: &Key, pod: &Value) -> Result<String, Refusal> {
    if pod["spec"]["nodeName"].is_null() {
        return Ok(String::new());
    }
    let asked = |key: &str| call.query.get(key).map(String::as_str);
    let container = container(pod, asked("container").unwrap_or_default(), &key.name)?;
    let previous = asked("previous") == Some("true");
    started(pod, &container, &key.name, previous)?;
    let of = |name: String| state.logs.get(&(key.namespace.clone(), name)).into_iter().flatten();
    let owner = workload(&state.store, key, pod);
    let mut lines: Vec<&Line> = of(key.name.clone()).collect();
    if owner != key.name {
        lines.extend(of(owner));
    }
    lines.retain(|line| line.previous == previous);
    lines.retain(|line| line.container.is_empty() || line.container == container);
    lines.sort_by_key(|line| line.at);
    if let Some(seconds) = asked("sinceSeconds").and_then(|seconds| seconds.parse().ok()) {
        let since = Timestamp::now() - SignedDuration::from_secs(seconds);
        lines.retain(|line| line.at >= since);
    }
    if let Some(since) = asked("sinceTime").and_then(|time| time.parse::<Timestamp>().ok()) {
        lines.retain(|line| line.at >= since);
    }
    if let Some(tail) = asked("tailLines").and_then(|tail| tail.parse::<usize>().ok()) {
        lines.drain(..lines.len().saturating_sub(tail));
    }
    let stamped = asked("timestamps") == Some("true");
    let text = |line: &&Line| match stamped {
        true => format!("{} {}\n", line.at, line.text),
        false => format!("{}\n", line.text),
    };
    Ok(lines.iter().map(text).collect())
}

/// Returns the container that is meant: the only one needs no name.
///
/// # Errors
/// Where the pod has none of that name, or several and none is named.
pub(crate) fn container(pod: &Value, asked: &str, name: &str) -> Result<String, Refusal> {
    let all = pod["spec"]["containers"].as_array().into_iter().flatten();
    let all: Vec<&str> = all.filter_map(|container| container["name"].as_str()).collect();
    match all[..] {
        [only] if asked.is_empty() => Ok(only.to_owned()),
        _ if asked.is_empty() => Err(Refusal::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            all.join(" ")
        ))),
        _ if all.contains(&asked) => Ok(asked.to_owned()),
        _ => Err(Refusal::bad_request(format!("container {asked} is not valid for pod {name}"))),
    }
}

fn started(pod: &Value, container: &str, name: &str, previous: bool) -> Result<(), Refusal> {
    let mut statuses = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
    let status = statuses.find(|status| status["name"] == container).unwrap_or(&Value::Null);
    let ran_before = !status["lastState"]["terminated"].is_null();
    if previous && !ran_before {
        let message = format!("previous terminated container \"{container}\" in pod \"{name}\" not found");
        return Err(Refusal::bad_request(message));
    }
    let reason = match status["state"]["waiting"]["reason"].as_str() {
        // What crashed has written something before it did.
        _ if ran_before => return Ok(()),
        None => return Ok(()),
        Some("ImagePullBackOff" | "ErrImagePull") => "trying and failing to pull image",
        Some(reason) => reason,
    };
    let message = format!("container \"{container}\" in pod \"{name}\" is waiting to start: {reason}");
    Err(Refusal::bad_request(message))
}
