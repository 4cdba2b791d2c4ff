//! Redis: memory on each server, replicas by helm, and a second release in cluster mode.

use serde_json::{Value, json};

use super::NAMESPACE;
use super::servers::{Releases, releases};
use crate::catalog::proof::Proof;
use crate::support::daemon;
use crate::support::redis::Redis;

fn memory(server: &Redis) -> (String, String) {
    (server.config("maxmemory"), server.config("maxmemory-policy"))
}

fn texts(limit: &str, policy: &str) -> (String, String) {
    (limit.to_owned(), policy.to_owned())
}

#[test]
fn redis_memory() {
    let mut proof = Proof::of("arka/redis-memory");
    let Some(mut releases) = releases() else { return };
    let Some((master, replica)) = releases.redis() else { return };
    for (name, server) in [("master", master.clone()), ("replica", replica.clone())] {
        releases.stage = releases.stage.watched(name, move || json!(memory(&server)));
    }
    replica.said(&["CONFIG", "SET", "maxmemory", "100mb"]);
    master.guard("sesame-17");
    replica.guard("sesame-17");
    let bare = releases.kubectl(&["exec", "redis-master-0", "--", "redis-cli", "-e", "PING"]);
    assert!(bare.failed(1).contains("NOAUTH"), "the source's own command has no password");
    let typed = ["--var", "env=prod", "--approve", "go"];
    proof.forwards(&releases.stage, &typed, |_| {
        for server in [&master, &replica] {
            assert_eq!(memory(server), texts("2147483648", "allkeys-lru"));
        }
    });
    proof.again(&releases.stage, &typed[..2]);
    proof.back(&releases.stage);
    assert_eq!(memory(&master), texts("0", "noeviction"));
    assert_eq!(memory(&replica), texts("104857600", "noeviction"), "each has its own back");

    // More than a mebibyte in use, on both.
    master.said(&["SETRANGE", "big", "1048576", "x"]);
    let little = [&typed[..], &["--var", "maxmemory=1048576"]].concat();
    proof.failure(&releases.stage, &little, 1, |read, _| {
        assert!(read.contains("room[redis-master-0] FAILED"), "{read}");
        assert!(read.contains("the gate does not hold: used_memory "), "it says how much is used: {read}");
        assert_eq!(memory(&master), texts("0", "noeviction"), "nothing was changed");
    });
}

/// What the source types, and what comes of it.
#[test]
fn what_is_set_on_the_master_is_on_no_replica_and_a_refusal_exits_with_0() {
    let Some(releases) = releases() else { return };
    let Some((master, replica)) = releases.redis() else { return };
    let cli =
        |pod: &str, words: &[&str]| releases.kubectl(&[&["exec", pod, "--", "redis-cli"], words].concat());
    assert!(cli("sts/redis-master-0", &["PING"]).failed(1).contains("NotFound"));
    cli("redis-master-0", &["CONFIG", "SET", "maxmemory", "2gb"]).ok();
    assert_eq!((master.config("maxmemory"), replica.config("maxmemory")), ("2147483648".into(), "0".into()));
    let wrong = ["CONFIG", "SET", "maxmemory-policy", "least-used"];
    assert!(cli("redis-master-0", &wrong).ok().starts_with("ERR CONFIG SET failed"));

    let runbook = format!(
        "runbook: set\ntitle: Set\nsteps:\n  - id: set\n    uses: redis/config-set\n    with: {{namespace: {NAMESPACE}, \
         pod: redis-master-0, setting: maxmemory-policy, value: least-used}}\n"
    );
    releases.stage.project.write("runbooks/arka/set.yaml", runbook);
    let shown = releases.stage.project.run(&["exec", "arka/set"]).code(1).to_string();
    assert!(shown.contains("argument(s) must be one of the following"), "{shown}");
}

fn replicas(releases: &Releases) -> Value {
    releases.stage.cluster.object("statefulsets", NAMESPACE, "redis-replicas")["spec"]["replicas"].clone()
}

#[test]
fn redis_replicas() {
    let mut proof = Proof::of("arka/redis-replicas");
    let Some(releases) = releases() else { return };
    let Some((master, first)) = releases.redis() else { return };
    master.guard("sesame-17");
    first.guard("sesame-17");
    // What will run in the new pods: the cluster starts none, so they are there already.
    let _more = [master.replica(), master.replica()];
    releases.helm.run(&["upgrade", "redis", "bitnami/redis", "--set", "auth.note=kept"]).ok();
    let stage = &releases.stage;
    let typed = ["--var", "env=prod"];
    proof.forwards(stage, &typed, |_| {
        assert_eq!(replicas(&releases), json!(3));
        let values = releases.values("redis");
        assert_eq!((&values["replica"]["replicaCount"], &values["auth"]["note"]), (&json!(3), &json!("kept")));
        let upgrade = "helm --namespace=arka-system upgrade redis bitnami/redis --version=19.6.0 --reuse-values \
                       --set-json=replica.replicaCount=3 --wait --timeout=600s";
        assert_eq!(stage.changing_calls(0), [upgrade], "nothing else");
    });
    proof.again(stage, &typed);
    proof.back(stage);
    assert_eq!(replicas(&releases), json!(1));
    assert_eq!(releases.revision("redis"), ("deployed".to_owned(), 4), "back is a new revision");

    let empty = stage.project.root().join("no-repositories");
    let without = releases
        .helm
        .line()
        .replace("exec ", &format!("export HELM_REPOSITORY_CONFIG='{}'\nexec ", empty.display()));
    stage.client("helm", &without);
    proof.failure(stage, &typed, 1, |read, _| {
        assert!(read.contains("repository failed: the gate does not hold"), "{read}");
        assert!(read.contains("helm repo list"), "{read}");
        assert_eq!(replicas(&releases), json!(1));
    });
}

/// Helm would put its own number back, and say that it had upgraded.
#[test]
fn what_was_scaled_by_hand_is_told_before_helm_takes_it_back() {
    let Some(releases) = releases() else { return };
    let Some(_servers) = releases.redis() else { return };
    releases.kubectl(&["scale", "sts/redis-replicas", "--replicas=2"]).ok();
    let typed = ["exec", "arka/redis-replicas", "--yes", "--var", "env=prod"];
    let shown = releases.stage.project.run(&typed).code(1).to_string();
    assert!(shown.contains("no-drift failed: the gate does not hold"), "{shown}");
    assert_eq!(replicas(&releases), json!(2));
    releases.helm.run(&["upgrade", "redis", "bitnami/redis", "--reuse-values"]).ok();
    assert_eq!(replicas(&releases), json!(1), "as the source does it");

    // Of the master helm would take back what was patched, and restart it for one replica more.
    releases.stage.project.run(&["rollback", "--yes"]).code(0);
    releases.kubectl(&["set", "image", "statefulset/redis-master", "redis=registry.test/redis:patched"]).ok();
    let shown = releases.stage.project.run(&typed).code(1).to_string();
    assert!(
        shown.contains("undisturbed failed: the gate does not hold: StatefulSet redis-master:"),
        "{shown}"
    );
    assert_eq!(replicas(&releases), json!(1), "nothing was changed");
}

/// A release whose `--wait` was over is failed, with its objects changed: the undo goes back by the revision.
#[test]
fn an_upgrade_that_is_not_ready_in_time_is_undone_by_its_revision() {
    let Some(releases) = releases() else { return };
    releases.install("redis", "");
    let runbook = |value: &str| {
        format!(
            "runbook: set\ntitle: Set\nsteps:\n  - id: set\n    uses: helm/set-values\n    with: {{namespace: {NAMESPACE}, \
             release: redis, chart: bitnami/redis, values: {{{value}}}, within: 1s}}\n"
        )
    };
    let step = |value: &str| {
        releases.stage.project.write("runbooks/arka/set.yaml", runbook(value));
        releases.stage.project.run(&["exec", "arka/set"]).code(1).to_string()
    };
    let shown = step("replica.replicasCount: 3");
    assert!(
        shown.contains("set failed") && shown.contains("replica.replicasCount"),
        "nobody reads it: {shown}"
    );
    assert_eq!(releases.revision("redis"), ("deployed".to_owned(), 1), "and nothing was sent");

    releases.stage.project.write("runbooks/arka/set.yaml", runbook("replica.replicaCount: 3"));
    let shown = releases.stage.project.run(&["plan", "arka/set", "--observe"]).code(0).to_string();
    assert!(shown.contains("it would change:") && shown.contains("+  replicas: 3"), "helm tries it: {shown}");
    assert_eq!(replicas(&releases), json!(1), "and only that");
    releases.stage.cluster.limit_ready(NAMESPACE, "redis-replicas", 1);
    let shown = step("replica.replicaCount: 3");
    assert!(shown.contains("UPGRADE FAILED: context deadline exceeded"), "{shown}");
    assert_eq!((releases.revision("redis").0.as_str(), replicas(&releases)), ("failed", json!(3)));
    releases.stage.project.run(&["rollback", "--yes"]).code(0);
    assert_eq!(releases.revision("redis"), ("deployed".to_owned(), 3));
    assert_eq!(replicas(&releases), json!(1));
}

/// Returns the nodes of a real cluster: the first serves all slots, and knows the others. Pods of the test cluster start no
/// server, so they are there before the release is.
fn cluster_nodes() -> Option<Vec<Redis>> {
    let bus = || daemon::free_port().to_string();
    let node = |port: &str| Redis::with(&[("cluster-enabled", "yes"), ("cluster-port", port)]);
    let ports: Vec<String> = (0..6).map(|_| bus()).collect();
    let nodes = ports.iter().map(|port| node(port)).collect::<Option<Vec<_>>>()?;
    nodes[0].said(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    for (other, port) in nodes.iter().zip(&ports).skip(1) {
        nodes[0].said(&["CLUSTER", "MEET", "127.0.0.1", &other.port().to_string(), port]);
    }
    Some(nodes)
}

#[test]
fn redis_cluster() {
    let mut proof = Proof::of("arka/redis-cluster");
    let Some(releases) = releases() else { return };
    let Some(nodes) = cluster_nodes() else { return };
    let stage = &releases.stage;
    let first = nodes[0].clone();
    first.guard("sesame-17");
    stage.cluster.exec_in(NAMESPACE, "redis-cluster-0", move |exec| first.runs(&exec));
    let typed = ["--var", "env=prod", "--var", "ask=false", "--approve", "go"];
    proof.forwards(stage, &typed, |_| {
        let set = stage.cluster.object("statefulsets", NAMESPACE, "redis-cluster");
        assert_eq!((&set["spec"]["replicas"], &set["status"]["readyReplicas"]), (&json!(6), &json!(6)));
        assert_eq!(releases.values("redis-cluster"), json!({"cluster": {"nodes": 6, "replicas": 1}}));
    });
    proof.again(stage, &typed[..4]);
    proof.back(stage);
    assert_eq!(stage.cluster.find("statefulsets", NAMESPACE, "redis-cluster"), None);

    // With a person who moves the applications: the run waits for them.
    let waiting = ["exec", "arka/redis-cluster", "--yes", "--var", "env=prod", "--approve", "go"];
    let shown = stage.project.run(&waiting).code(3).to_string();
    assert!(shown.contains("redis-cluster.arka-system.svc"), "{shown}");
    let run = stage.project.newest();
    stage.project.run(&["done", &run, "applications", "--note", "usage-metering, OPS-7"]).code(0);
    stage.project.run(&["resume", &run]).code(0);
    stage.project.run(&["rollback", &run, "--yes"]).code(0);

    // Somebody has a release of that name, with other values: it is not for this runbook to change, nor to uninstall.
    releases.install("redis-cluster", "cluster.nodes=3");
    proof.failure(stage, &typed, 1, |read, stage| {
        assert!(read.contains("install failed: its check does not hold"), "{read}");
        let set = stage.cluster.object("statefulsets", NAMESPACE, "redis-cluster");
        assert_eq!(set["spec"]["replicas"], json!(3));
    });
}
