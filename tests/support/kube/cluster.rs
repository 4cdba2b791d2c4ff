//! A running cluster, and what a test may ask of it.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::desk::{Fault, Request};
use super::kinds::Kind;
use super::state::{Settings, Shared, State, Wants};
use super::status::Refusal;
use super::store::Key;
use super::{controllers, routes};

/// Longer than anything a cluster with default settings takes, on a machine that is busy elsewhere.
const PATIENCE: Duration = Duration::from_secs(20);

/// An API server on a loopback port and a thread of its own; gone when dropped.
pub(crate) struct Cluster {
    pub(super) shared: Arc<Shared>,
    address: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Cluster {
    /// Starts a cluster with `default` and `kube-system`, two nodes, and nothing else.
    pub(crate) fn start() -> Self {
        Self::with(Settings::default())
    }

    /// Starts such a cluster that behaves as the settings say.
    pub(crate) fn with(settings: Settings) -> Self {
        let sync = settings.hpa_sync;
        let shared = Arc::new(Shared::new(State { settings, ..State::default() }));
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let served = shared.clone();
        let serve = async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
            let address = listener.local_addr().expect("a bound socket has an address");
            tell.send(address).expect("the test waits for the address");
            tokio::spawn(controllers::run(served.clone()));
            if let Some(period) = sync {
                tokio::spawn(controllers::autoscale(served.clone(), period));
            }
            let server = axum::serve(listener, routes::router(served));
            tokio::select! {
                _ = server => {}
                _ = stopped => {}
            }
        };
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime for the test cluster");
            runtime.block_on(serve);
            // Watches never end by themselves; the runtime drops them.
            runtime.shutdown_background();
        });
        let address = told.recv().expect("the server tells its address").to_string();
        let cluster = Self { shared, address, stop: Some(stop), thread: Some(thread) };
        cluster.found();
        cluster
    }

    /// Returns the address of the API.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Writes a kubeconfig whose one context reaches this cluster, with `namespace` as its default.
    pub(crate) fn kubeconfig(&self, file: &Path, namespace: &str) {
        // JSON is YAML, and needs no escaping of our own.
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": self.url()}}],
            "users": [{"name": "tester", "user": {}}],
            "contexts": [{
                "name": "test", "context": {"cluster": "test", "user": "tester", "namespace": namespace},
            }],
        });
        std::fs::write(file, config.to_string()).expect("the test's folder is writable");
    }

    /// Returns an object as the API would; `None` where there is none.
    pub(crate) fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let key = Key::new(Kind::named(kind), namespace, name);
        self.shared.with(|state| state.store.get(&key).cloned())
    }

    /// Returns an object that must be there.
    pub(crate) fn object(&self, kind: &str, namespace: &str, name: &str) -> Value {
        self.find(kind, namespace, name)
            .unwrap_or_else(|| panic!("the cluster has no {kind} {namespace}/{name}"))
    }

    /// Returns every object of a kind in a namespace, by name.
    pub(crate) fn objects(&self, kind: &str, namespace: &str) -> Vec<Value> {
        let kind = Kind::named(kind);
        let wanted = Some(namespace).filter(|_| kind.namespaced());
        self.shared.with(|state| state.store.list(kind, wanted).map(|(_, object)| object.clone()).collect())
    }

    /// Returns the object as soon as it is as wanted; fails the test with what it is where that takes too long.
    pub(crate) fn wait_for(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let object = self.find(kind, namespace, name).unwrap_or_default();
            if wanted(&object) {
                return object;
            }
            assert!(
                Instant::now() < deadline,
                "{kind} {namespace}/{name} did not become as wanted: {object:#}"
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Returns every request so far, in the order of their answers.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.with(|state| state.desk.requests.clone())
    }

    /// Waits until a request whose path and query hold `wanted` has been answered, or has begun its watch.
    pub(crate) fn wait_for_request(&self, wanted: &str) {
        let deadline = Instant::now() + PATIENCE;
        let found = |request: &Request| format!("{}?{}", request.path, request.query).contains(wanted);
        while !self.requests().iter().any(found) {
            assert!(Instant::now() < deadline, "no request with {wanted} came");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Returns the requests that could have changed something: no reads, access reviews or dry runs.
    pub(crate) fn changes(&self) -> Vec<Request> {
        self.requests().into_iter().filter(Request::is_change).collect()
    }

    /// Empties the list of requests, so that a test can look at what one step sends.
    pub(crate) fn forget_requests(&self) {
        self.shared.with(|state| state.desk.requests.clear());
    }

    /// Fails the next `times` requests with that method whose path holds `path`.
    pub(crate) fn fail_next(&self, method: &str, path: &str, code: u16, reason: &str, times: usize) {
        let message = format!("the test cluster fails this request on purpose ({reason})");
        let refusal = Refusal::new(code, reason, message);
        let fault = Fault { method: method.to_owned(), path: path.to_owned(), refusal, left: times };
        self.shared.with(|state| state.desk.faults.push(fault));
    }

    /// Forbids a verb (or `*`) on a resource such as `deployments` or `deployments/scale` (or `*`).
    pub(crate) fn deny(&self, verb: &str, resource: &str) {
        self.shared.with(|state| state.desk.denials.push((verb.to_owned(), resource.to_owned())));
    }

    /// Takes every denial back.
    pub(crate) fn allow_all(&self) {
        self.shared.with(|state| state.desk.denials.clear());
    }

    /// Lets at most `most` pods of a workload become ready from now on: 0 for none.
    pub(crate) fn limit_ready(&self, namespace: &str, workload: &str, most: i64) {
        self.shared.with(|state| {
            state.limits.insert((namespace.to_owned(), workload.to_owned()), most);
            state.touched += 1;
        });
    }

    /// Lets all pods of a workload become ready again.
    pub(crate) fn unlimit_ready(&self, namespace: &str, workload: &str) {
        self.shared.with(|state| {
            state.limits.remove(&(namespace.to_owned(), workload.to_owned()));
            state.touched += 1;
        });
    }

    /// Lets every autoscaler look once, now: for a cluster without a sync period.
    pub(crate) fn look(&self) {
        self.shared.with(controllers::look);
    }

    /// Says what an autoscaler computes from its metrics; by default what its target had at first sight.
    pub(crate) fn hpa_wants(&self, namespace: &str, name: &str, wants: Wants) {
        self.shared.with(|state| state.wants.insert((namespace.to_owned(), name.to_owned()), wants));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Where nobody receives it, the server's thread panicked, and the join below shows that.
            let _ = stop.send(());
        }
        let ended = self.thread.take().map(JoinHandle::join);
        if !thread::panicking() {
            assert!(!matches!(ended, Some(Err(_))), "the test cluster's thread panicked");
        }
    }
}
