//! What the server, its controllers and the test share, under one lock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch::{Receiver, Sender, channel};

use super::desk::Desk;
use super::exec::Remote;
use super::kinds::Kind;
use super::logs::Line;
use super::store::{Key, Store};

/// The user that every request comes from.
pub(crate) const USER: &str = "tester";

/// How a cluster behaves.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The identity of the cluster: the uid of its `kube-system`.
    pub(crate) uid: String,
    /// How long a pod takes from its creation until it is ready.
    pub(crate) ready_after: Duration,
    /// How often the autoscalers look; `None` switches them off.
    pub(crate) hpa_sync: Option<Duration>,
    /// Whether there is a metrics API, for `kubectl top` and the autoscalers.
    pub(crate) metrics: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            uid: "5ca1ab1e-0000-4000-8000-000000000001".to_owned(),
            ready_after: Duration::from_millis(100),
            hpa_sync: Some(Duration::from_millis(150)),
            metrics: true,
        }
    }
}

/// What an autoscaler computes from its metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// This many replicas, before the HPA's limits.
    Replicas(i64),
    /// Nothing: there are no metrics, so a count within the limits stays as it is.
    NoMetrics,
    /// Nothing: there is no metrics API at all. Set by [`Settings::metrics`].
    NoApi,
}

/// How a container ends that does not stay up.
#[derive(Clone, Debug)]
pub(crate) struct Crash {
    /// 137 with the reason `OOMKilled`, for one that took too much memory.
    pub(crate) code: i32,
    pub(crate) reason: String,
}

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) desk: Desk,
    /// How many pods of a workload (namespace, name) may become ready; absent means all.
    pub(crate) limits: BTreeMap<(String, String), i64>,
    /// When a pending pod becomes ready.
    pub(crate) due: BTreeMap<Key, Instant>,
    /// What each autoscaler (namespace, name) computes.
    pub(crate) wants: BTreeMap<(String, String), Wants>,
    /// The images that no registry has.
    pub(crate) missing_images: BTreeSet<String>,
    /// How the containers of a workload (namespace, name) end as soon as they have begun.
    pub(crate) crashes: BTreeMap<(String, String), Crash>,
    /// What the containers of a pod or of a workload's pods (namespace, name) wrote.
    pub(crate) logs: BTreeMap<(String, String), Vec<Line>>,
    /// What each pod of a workload (namespace, name) uses: thousandths of a CPU, bytes.
    pub(crate) usage: BTreeMap<(String, String), (i64, i64)>,
    /// Runs what `kubectl exec` asks for.
    pub(crate) remote: Remote,
    /// What each autoscaler (namespace, name) computed of late.
    pub(crate) recommended: BTreeMap<(String, String), Vec<(Instant, i64)>>,
    /// Counts what the test changed beside the objects, so that the controllers look again.
    pub(crate) touched: u64,
}

impl State {
    /// Returns whether the server has this kind now.
    pub(crate) fn serves(&self, kind: &Kind) -> bool {
        let definitions = Kind::named("customresourcedefinitions");
        let defined = || self.store.get(&Key::new(definitions, "", &kind.qualified())).is_some();
        (!kind.is_metrics() || self.settings.metrics) && (!kind.is_custom() || defined())
    }
}

/// The state, and the bell that rings when it changes.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    bell: Sender<u64>,
}

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        Self { state: Mutex::new(state), bell: channel(0).0 }
    }

    /// Works on the state, then wakes whoever waits for a change if there was one.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // A test that panicked while it held the lock has already failed; the others of its threads may go on.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut state);
        let count = state.store.revision() + state.touched;
        drop(state);
        self.bell.send_if_modified(|last| std::mem::replace(last, count) != count);
        result
    }

    /// Returns a receiver that is told of every change.
    pub(crate) fn woken(&self) -> Receiver<u64> {
        self.bell.subscribe()
    }
}
