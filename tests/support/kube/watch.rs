//! Watches: the log of changes as one JSON line each, for as long as the client listens.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, timeout_at};

use super::kinds::Kind;
use super::routes::Call;
use super::selector::Selector;
use super::state::Shared;
use super::store::{Change, Happened};
use super::table::{Include, table};

/// One client that listens.
struct Watch {
    shared: Arc<Shared>,
    woken: Receiver<u64>,
    kind: &'static Kind,
    namespace: Option<String>,
    selector: Selector,
    table: Option<Include>,
    /// A table's columns are sent once, with the first event.
    columns: bool,
    seen: u64,
    lines: VecDeque<String>,
    ends: Option<Instant>,
}

/// Answers a watch: what happened after the resourceVersion that was asked for, then what happens from now on.
pub(crate) fn answer(shared: Arc<Shared>, call: &Call, selector: Selector) -> Response {
    let woken = shared.woken();
    let seconds = call.query.get("timeoutSeconds").and_then(|seconds| seconds.parse().ok());
    let mut watch = Watch {
        woken,
        kind: call.kind,
        namespace: call.namespace.clone(),
        selector,
        table: call.table,
        columns: true,
        seen: 0,
        lines: VecDeque::new(),
        ends: seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
        shared,
    };
    let version = call.query.get("resourceVersion").map_or("", String::as_str);
    let initial = call.query.get("sendInitialEvents").is_some_and(|send| send == "true");
    if initial || version.is_empty() || version == "0" {
        watch.begin(initial);
    } else {
        watch.seen = version.parse().unwrap_or(0);
    }
    let lines = stream::unfold(watch, |mut watch| async move {
        let line = watch.next().await?;
        Some((Ok::<_, Infallible>(line), watch))
    });
    ([(CONTENT_TYPE, "application/json")], Body::from_stream(lines)).into_response()
}

impl Watch {
    /// Queues what exists already as added, and, where it was asked for, the mark that this was all.
    fn begin(&mut self, mark: bool) {
        let (objects, revision) = self.shared.with(|state| {
            let all = state.store.list(self.kind, self.namespace.as_deref());
            let chosen = all.map(|(_, object)| object.clone()).filter(|object| self.selector.selects(object));
            (chosen.collect::<Vec<_>>(), state.store.revision())
        });
        self.seen = revision;
        for object in objects {
            self.queue("ADDED", &object);
        }
        if mark {
            let metadata = json!({
                "resourceVersion": revision.to_string(), "annotations": {"k8s.io/initial-events-end": "true"},
            });
            let object =
                json!({"kind": self.kind.kind, "apiVersion": self.kind.api_version(), "metadata": metadata});
            self.lines.push_back(format!("{}\n", json!({"type": "BOOKMARK", "object": object})));
        }
    }

    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            self.woken.borrow_and_update();
            let (changes, revision) = self.shared.with(|state| {
                let mine = |change: &&Change| change.concerns(self.kind, self.namespace.as_deref());
                let changes: Vec<Change> =
                    state.store.since(self.seen).iter().filter(mine).cloned().collect();
                (changes, state.store.revision())
            });
            self.seen = revision;
            for change in changes {
                self.tell(&change);
            }
            if !self.lines.is_empty() {
                continue;
            }
            match self.ends {
                Some(end) => timeout_at(end, self.woken.changed()).await.ok()?.ok()?,
                None => self.woken.changed().await.ok()?,
            }
        }
    }

    /// Queues a change as this client sees it: an object that starts or stops being selected comes or goes.
    fn tell(&mut self, change: &Change) {
        let now = self.selector.selects(&change.object);
        let before = change.before.as_ref().map_or(now, |before| self.selector.selects(before));
        match (change.happened, before, now) {
            (Happened::Added, _, true) | (Happened::Modified, false, true) => {
                self.queue("ADDED", &change.object)
            }
            (Happened::Modified, true, true) => self.queue("MODIFIED", &change.object),
            (Happened::Deleted, _, true) | (Happened::Modified, true, false) => {
                self.queue("DELETED", &change.object)
            }
            _ => {}
        }
    }

    fn queue(&mut self, what: &str, object: &Value) {
        let shown = match self.table {
            None => object.clone(),
            Some(include) => {
                let revision = object["metadata"]["resourceVersion"].as_str().unwrap_or_default();
                let columns = std::mem::take(&mut self.columns);
                table(self.kind, std::slice::from_ref(object), include, revision, columns)
            }
        };
        self.lines.push_back(format!("{}\n", json!({"type": what, "object": shown})));
    }
}
