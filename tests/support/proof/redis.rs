//! A real Redis: settings, a replica, and `kubectl exec` into the pod that it is.

use super::{client, eventually, shop};
use crate::support::redis::Redis;

#[test]
fn settings_are_changed_by_the_real_client() {
    let Some(redis) = Redis::with(&[("maxmemory", "100mb")]) else { return };
    assert_eq!(
        (redis.config("maxmemory"), redis.config("maxmemory-policy")),
        ("104857600".to_owned(), "noeviction".to_owned())
    );
    redis.cli(&["CONFIG", "SET", "maxmemory", "2gb"]).ok();
    assert_eq!(redis.config("maxmemory"), "2147483648");
    // Without -e the client's exit code does not tell.
    let wrong = ["CONFIG", "SET", "maxmemory-policy", "nosuch"];
    assert!(redis.cli(&wrong).ok().starts_with("ERR CONFIG SET failed"));
    redis.cli(&[&["-e"], &wrong[..]].concat()).failed(1);
    let said = client(&redis.line(), &["CONFIG", "GET", "maxmemory-policy"]);
    assert_eq!(said.expect("there is a shell").ok(), "maxmemory-policy\nnoeviction\n");
    redis.restart().expect("it comes back");
    assert_eq!(redis.config("maxmemory"), "104857600");
    redis.stop();
    assert!(redis.cli(&["PING"]).failed(1).contains("Connection refused"));
}

#[test]
fn a_replica_is_seen_by_its_master() {
    let Some(master) = Redis::start() else { return };
    let replica = master.replica();
    assert_eq!(
        (master.info("connected_slaves").as_deref(), master.info("role").as_deref()),
        (Some("1"), Some("master"))
    );
    master.said(&["SET", "a", "1"]);
    eventually("the replica has it", || replica.said(&["GET", "a"]) == "1");
}

#[test]
fn exec_reaches_it_in_its_pod_and_a_new_pod_has_forgotten() {
    let Some((cluster, kubectl)) = shop() else { return };
    let Some(redis) = Redis::start() else { return };
    cluster.statefulset("shop", "redis-master", 1);
    redis.lives_in(&cluster, "shop", "redis-master-0");
    kubectl.run(&["rollout", "status", "sts/redis-master", "--timeout=30s"]).ok();
    let cli = |args: &[&str]| kubectl.run(&[&["exec", "sts/redis-master", "--", "redis-cli"], args].concat());
    assert_eq!(cli(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).ok(), "OK\n");
    assert_eq!(redis.config("maxmemory-policy"), "allkeys-lru");
    kubectl.run(&["delete", "pod", "redis-master-0"]).ok();
    kubectl.run(&["rollout", "status", "sts/redis-master", "--timeout=30s"]).ok();
    assert_eq!(cli(&["CONFIG", "GET", "maxmemory-policy"]).ok(), "maxmemory-policy\nnoeviction\n");
    let shell =
        ["exec", "redis-master-0", "--", "sh", "-c", "redis-cli INFO replication | grep -c role:master"];
    assert_eq!(kubectl.run(&shell).ok(), "1\n");
}
