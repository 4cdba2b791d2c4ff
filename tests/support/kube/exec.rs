//! `pods/NAME/exec`: a command that a test's own function runs, over the WebSocket that kubectl speaks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::logs::container;
use super::routes::Call;
use super::state::Shared;
use super::status::Refusal;
use super::store::Key;
use crate::support::tools::Said;

/// The newest protocol; an older one could not say that stdin has ended.
const PROTOCOL: &str = "v5.channel.k8s.io";

// The channels: the first byte of every frame.
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const CLOSE: u8 = 255;

/// What `kubectl exec` asks for.
#[derive(Clone, Debug)]
pub(crate) struct Exec {
    pub(crate) namespace: String,
    pub(crate) pod: String,
    /// Another one for a pod that was deleted and came again.
    pub(crate) uid: String,
    pub(crate) container: String,
    pub(crate) command: Vec<String>,
    /// All of it: empty without `-i`.
    pub(crate) stdin: Vec<u8>,
}

/// What the command said and how it ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ran {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) code: i32,
}

impl Ran {
    /// Returns a command that printed this and ended well.
    pub(crate) fn said(stdout: &str) -> Option<Self> {
        Some(Self { stdout: stdout.as_bytes().to_vec(), ..Self::default() })
    }

    /// Returns a command that failed.
    pub(crate) fn failed(code: i32, stderr: &str) -> Option<Self> {
        Some(Self { stderr: stderr.as_bytes().to_vec(), code, ..Self::default() })
    }
}

impl From<Said> for Ran {
    /// Returns how a real tool of this machine ended, as the container's own; what a signal ended has 128 and more.
    fn from(said: Said) -> Self {
        Self { stdout: said.stdout.into(), stderr: said.stderr.into(), code: said.code.unwrap_or(137) }
    }
}

type Handler = dyn Fn(Exec) -> Option<Ran> + Send + Sync;

/// The functions that run the commands; by default no container has any.
#[derive(Clone, Default)]
pub(crate) struct Remote {
    any: Option<Arc<Handler>>,
    /// By namespace and name of a pod.
    pods: BTreeMap<(String, String), Arc<Handler>>,
}

impl Remote {
    /// Runs a command where it has to.
    fn run(&self, exec: Exec) -> Option<Ran> {
        let own = self.pods.get(&(exec.namespace.clone(), exec.pod.clone()));
        own.or(self.any.as_ref()).and_then(|handler| handler(exec))
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Remote({}, {:?})", self.any.is_some(), self.pods.keys())
    }
}

impl Cluster {
    /// Sets what runs the commands of `kubectl exec`: `None` for a command that the container does not have.
    ///
    /// It runs on a thread of its own and may take its time, as a real psql does.
    pub(crate) fn on_exec(&self, handler: impl Fn(Exec) -> Option<Ran> + Send + Sync + 'static) {
        self.shared.with(|state| state.remote.any = Some(Arc::new(handler)));
    }

    /// Sets what runs the commands in one pod, before [`on_exec`](Self::on_exec) is asked.
    pub(crate) fn exec_in(
        &self,
        namespace: &str,
        pod: &str,
        handler: impl Fn(Exec) -> Option<Ran> + Send + Sync + 'static,
    ) {
        let pod = (namespace.to_owned(), pod.to_owned());
        self.shared.with(|state| state.remote.pods.insert(pod, Arc::new(handler)));
    }

    /// Lets a server be what runs in one pod: `runs` answers for its clients, and a new pod is a `restart`, which is seen at the
    /// next exec, not by who is connected to the server's port itself.
    pub(crate) fn server_in(
        &self,
        (namespace, pod): (&str, &str),
        restart: impl Fn() + Send + Sync + 'static,
        runs: impl Fn(&Exec) -> Option<Ran> + Send + Sync + 'static,
    ) {
        let there = self.wait_for("pods", namespace, pod, |pod| !pod["metadata"]["uid"].is_null());
        let uid = Mutex::new(there["metadata"]["uid"].as_str().unwrap_or_default().to_owned());
        self.exec_in(namespace, pod, move |exec| {
            let mut known = uid.lock().unwrap_or_else(PoisonError::into_inner);
            if *known != exec.uid {
                exec.uid.clone_into(&mut known);
                restart();
            }
            drop(known);
            runs(&exec)
        });
    }
}

/// Answers an exec: the upgrade, or why there can be none.
pub(crate) async fn answer(shared: Arc<Shared>, mut parts: Parts, call: &Call, key: Key) -> Response {
    let pod = shared.with(|state| state.store.get(&key).cloned());
    let Some(pod) = pod else { return Refusal::not_found(call.kind, &key.name).into_response() };
    let asked: Vec<(String, String)> = query(&parts);
    let one = |name: &str| {
        asked.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    if pod["spec"]["nodeName"].is_null() {
        let message = format!("pod {} does not have a host assigned", key.name);
        return Refusal::bad_request(message).into_response();
    }
    let container = match container(&pod, &one("container"), &key.name) {
        Ok(container) => container,
        Err(refusal) => return refusal.into_response(),
    };
    if !runs(&pod, &container) {
        let message = format!("container not found (\"{container}\")");
        return Refusal::new(404, "NotFound", message).into_response();
    }
    let exec = Exec {
        namespace: key.namespace,
        pod: key.name,
        uid: pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned(),
        container,
        command: asked.iter().filter(|(key, _)| key == "command").map(|(_, value)| value.clone()).collect(),
        stdin: Vec::new(),
    };
    let sends = one("stdin") == "true";
    let remote = shared.with(|state| state.remote.clone());
    match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => {
            upgrade.protocols([PROTOCOL]).on_upgrade(move |socket| serve(socket, exec, sends, remote))
        }
        // An older client speaks SPDY, which is no part of this server.
        Err(_) => (StatusCode::BAD_REQUEST, "exec wants a WebSocket").into_response(),
    }
}

fn query(parts: &Parts) -> Vec<(String, String)> {
    axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        .map(|query| query.0)
        .unwrap_or_default()
}

fn runs(pod: &Value, container: &str) -> bool {
    let mut statuses = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
    statuses.any(|status| status["name"] == container && !status["state"]["running"].is_null())
}

/// Runs the command and tells its end; a client that goes away in between is told nothing more.
async fn serve(mut socket: WebSocket, mut exec: Exec, sends: bool, remote: Remote) {
    if sends && !read(&mut socket, &mut exec.stdin).await {
        return;
    }
    let command = exec.command.first().cloned().unwrap_or_default();
    let run = move || remote.run(exec);
    let Ok(ran) = tokio::task::spawn_blocking(run).await else {
        // The test's function panicked, which its own thread has reported.
        return;
    };
    let status = match &ran {
        Some(ran) => ended(ran.code),
        None => missing(&command),
    };
    let ran = ran.unwrap_or_default();
    for (channel, bytes) in [(STDOUT, &ran.stdout), (STDERR, &ran.stderr), (STATUS, &status)] {
        // Small frames, since kubectl must put what is larger together again.
        for chunk in bytes.chunks(16 << 10) {
            let frame: Vec<u8> = std::iter::once(channel).chain(chunk.iter().copied()).collect();
            if socket.send(Message::Binary(frame.into())).await.is_err() {
                return;
            }
        }
    }
    // Without a code kubectl takes the end for an accident.
    let end = CloseFrame { code: close_code::NORMAL, reason: "".into() };
    drop(socket.send(Message::Close(Some(end))).await);
}

/// Reads stdin to its end; returns whether the client is still there.
async fn read(socket: &mut WebSocket, stdin: &mut Vec<u8>) -> bool {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Binary(frame) = message else { continue };
        match frame.split_first() {
            Some((&STDIN, bytes)) => stdin.extend_from_slice(bytes),
            Some((&CLOSE, [STDIN])) => return true,
            _ => {}
        }
    }
    false
}

fn ended(code: i32) -> Vec<u8> {
    if code == 0 {
        return json!({"metadata": {}, "status": "Success"}).to_string().into_bytes();
    }
    let causes = json!([{"reason": "ExitCode", "message": code.to_string()}]);
    json!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes},
        "message": format!("command terminated with non-zero exit code: exit status {code}"),
    })
    .to_string()
    .into_bytes()
}

fn missing(command: &str) -> Vec<u8> {
    let message = format!(
        "Internal error occurred: error executing command in container: failed to exec in container: OCI runtime exec \
         failed: exec failed: unable to start container process: exec: \"{command}\": executable file not found in \
         $PATH: unknown"
    );
    json!({
        "metadata": {}, "status": "Failure", "reason": "InternalError", "message": message, "code": 500,
    })
    .to_string()
    .into_bytes()
}
