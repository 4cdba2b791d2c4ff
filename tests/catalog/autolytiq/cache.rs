//! The cache: its node type, its shards, and how it does.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::NAMESPACE;
use super::aurora::{endpoint, measured, measured_ago};
use crate::catalog::proof::Proof;
use crate::catalog::stage::Stage;
use crate::support::moto::Moto;
use crate::support::redis::Redis;
use crate::support::tools;

const NODE: &str = "CacheClusterId=autolytiq-prod-redis-001";
const REPLICA: &str = "CacheClusterId=autolytiq-prod-redis-002";

/// Makes a replication group with one shard; in cluster mode with as many as `shards` says.
pub(super) fn group(moto: &Moto, id: &str, shards: Option<u32>) {
    let count = shards.unwrap_or(1).to_string();
    let mut args = vec!["elasticache", "create-replication-group", "--replication-group-id", id];
    args.extend(["--replication-group-description", "a test", "--engine", "redis"]);
    args.extend(["--cache-node-type", "cache.m6g.large", "--replicas-per-node-group", "1"]);
    args.extend(["--num-node-groups", &count]);
    if shards.is_some() {
        args.extend(["--cluster-mode", "enabled"]);
    }
    moto.aws(&args).ok();
}

fn of_group(moto: &Moto, id: &str, query: &str) -> Value {
    let query = format!("ReplicationGroups[0].{query}");
    let args =
        ["elasticache", "describe-replication-groups", "--replication-group-id", id, "--query", &query];
    let said = moto.aws(&[&args[..], &["--output", "json"]].concat());
    serde_json::from_str(said.ok()).expect("aws prints JSON")
}

fn with_group(shards: Option<u32>) -> Option<(Stage, Rc<Moto>)> {
    let moto = Rc::new(Moto::start()?);
    group(&moto, "autolytiq-prod-redis", shards);
    let stage = Stage::new(NAMESPACE)?.aws(&moto)?;
    Some((stage, moto))
}

/// moto does not know the call that asks which types a group may get: a stand-in answers as AWS documents it.
const ALLOWED: &str = r#"if [ "$2" = list-allowed-node-type-modifications ]; then
  [ "$*" = 'elasticache list-allowed-node-type-modifications --replication-group-id autolytiq-prod-redis --output json' ] || exit 2
  echo '{"ScaleUpModifications": ["cache.r6g.large", "cache.r6g.xlarge"], "ScaleDownModifications": ["cache.m6g.large", "cache.t4g.medium"]}'
  exit 0
fi"#;

/// Insists that a step is told as failed, whether or not it was the first that did.
#[track_caller]
fn failed(read: &str, step: &str, why: &str) {
    let told = |between: &str| read.contains(&format!("{step}{between}{why}"));
    assert!(told(" failed: ") || told(": "), "{step}\n{read}");
}

#[test]
fn redis_resize() {
    let mut proof = Proof::of("autolytiq/redis-resize");
    let Some((stage, moto)) = with_group(None) else { return };
    let Some(aws) = tools::require("aws") else { return };
    stage.client("aws", &format!("{ALLOWED}\nexec '{}' \"$@\"", aws.display()));
    let watched = Rc::clone(&moto);
    let stage = stage.watched("group", move || {
        of_group(&watched, "autolytiq-prod-redis", "{type: CacheNodeType, status: Status}")
    });
    let node_type = || of_group(&moto, "autolytiq-prod-redis", "CacheNodeType");
    measured(&moto, "AWS/ElastiCache", "DatabaseMemoryUsagePercentage", NODE, 91.0);
    measured(&moto, "AWS/ElastiCache", "BytesUsedForCache", NODE, 5.0e9);
    measured(&moto, "AWS/ElastiCache", "BytesUsedForCache", REPLICA, 4.0e9);

    let typed = |traffic: &'static str| ["--var", "env=prod", "--var", traffic, "--approve", "agreed"];
    proof.forwards(&stage, &typed("traffic=high"), |shown| {
        assert_eq!(node_type(), "cache.r6g.large");
        let asked =
            "runs on cache.m6g.large (91.0 % of the memory of its fullest node in use at most). Move it to cache.r6g.large?";
        assert!(shown.to_string().contains(asked), "{shown}");
    });
    proof.again(&stage, &typed("traffic=high"));

    // Back to the small one by the table: its data is less than 85 % of 6.38 GB, and more than that of what AWS leaves to it.
    proof.failure(&stage, &typed("traffic=normal"), 1, |read, _| {
        assert!(
            read.contains(
                "fits[autolytiq-prod-redis-001] failed: the gate does not hold: highest 5000000000.0, most 4367176433, points 1"
            ),
            "{read}"
        );
        assert_eq!(node_type(), "cache.r6g.large", "nothing was changed");
    });
    stage.project.run(&["rollback", "--yes"]).code(0);
    proof.back(&stage);
    assert_eq!(node_type(), "cache.m6g.large");
}

/// The question may wait for hours, and the cache fills up meanwhile.
#[test]
fn what_fills_up_while_a_person_is_asked_must_fit() {
    let Some((stage, moto)) = with_group(None) else { return };
    let Some(aws) = tools::require("aws") else { return };
    stage.client("aws", &format!("{ALLOWED}\nexec '{}' \"$@\"", aws.display()));
    for node in [NODE, REPLICA] {
        measured(&moto, "AWS/ElastiCache", "BytesUsedForCache", node, 1.0e9);
    }
    let typed = ["exec", "redis-resize", "--yes", "--var", "env=prod", "--var", "traffic=high"];
    stage.project.run(&typed).code(3);
    let run = stage.project.newest();
    stage.project.run(&["approve", &run, "agreed"]).code(0);
    measured_ago(1, &moto, "AWS/ElastiCache", "BytesUsedForCache", NODE, 12.0e9);
    let shown = stage.project.run(&["resume", &run]).code(1).to_string();
    failed(
        &shown,
        "fits[autolytiq-prod-redis-001]",
        "the gate does not hold: highest 12000000000.0, most 8946551095, points 2",
    );
    assert_eq!(of_group(&moto, "autolytiq-prod-redis", "CacheNodeType"), "cache.m6g.large");
}

/// In cluster mode each shard has data of its own: one that is full is not hidden by another, nor one that nobody measured.
#[test]
fn every_node_of_a_cache_must_fit() {
    let Some((stage, moto)) = with_group(Some(2)) else { return };
    let Some(aws) = tools::require("aws") else { return };
    stage.client("aws", &format!("{ALLOWED}\nexec '{}' \"$@\"", aws.display()));
    let node = |name: &str| format!("CacheClusterId=autolytiq-prod-redis-{name}");
    for (name, bytes) in [("0001-001", 1.0e9), ("0001-002", 1.0e9), ("0002-001", 12.0e9)] {
        measured(&moto, "AWS/ElastiCache", "BytesUsedForCache", &node(name), bytes);
    }
    let typed = ["exec", "redis-resize", "--yes", "--approve", "agreed", "--var", "env=prod", "--var"];
    let shown = stage.project.run(&[&typed[..], &["traffic=high"]].concat()).code(1).to_string();
    let told = "the gate does not hold:";
    failed(&shown, "fits[autolytiq-prod-redis-0002-001]", &format!("{told} highest 12000000000.0"));
    failed(&shown, "fits[autolytiq-prod-redis-0002-002]", &format!("{told} points 0"));
    assert!(!shown.contains("fits[autolytiq-prod-redis-0001-001]: "), "{shown}");
    assert_eq!(of_group(&moto, "autolytiq-prod-redis", "CacheNodeType"), "cache.m6g.large");
}

/// The type that the source has for normal does not exist: AWS is asked, and nothing is sent.
#[test]
fn a_node_type_that_does_not_exist_is_found_before_anything_is_sent() {
    let Some((stage, moto)) = with_group(None) else { return };
    let Some(aws) = tools::require("aws") else { return };
    stage.client("aws", &format!("{ALLOWED}\nexec '{}' \"$@\"", aws.display()));
    measured(&moto, "AWS/ElastiCache", "BytesUsedForCache", NODE, 1.0e9);
    measured(&moto, "AWS/ElastiCache", "BytesUsedForCache", REPLICA, 1.0e9);
    let table = stage.project.root().join("runbooks/autolytiq/platform.yaml");
    let text =
        std::fs::read_to_string(&table).expect("the table").replace("cache.r6g.large", "cache.r6g.medium");
    std::fs::write(&table, text).expect("the table");
    let typed = [
        "exec",
        "redis-resize",
        "--yes",
        "--approve",
        "agreed",
        "--var",
        "env=prod",
        "--var",
        "traffic=high",
    ];
    let shown = stage.project.run(&typed).code(1);
    assert!(
        shown.to_string().contains("allowed failed: the gate does not hold: ScaleUpModifications 2 items, ScaleDownModifications 2 items, node_type cache.r6g.medium"),
        "{shown}"
    );
    assert_eq!(stage.changing_calls(0), [""; 0]);
    assert_eq!(of_group(&moto, "autolytiq-prod-redis", "CacheNodeType"), "cache.m6g.large");
}

/// moto does not implement `modify-replication-group-shard-configuration`. The stand-in takes it as AWS documents it: shards
/// to keep must be named when there are to be fewer, must not when there are to be more, and the number must be another one.
/// moto has a group of each number, and the stand-in says which of them it is now.
fn resharding(aws: &str, state: &str) -> String {
    format!(
        r#"state='{state}'; now=$(cat "$state")
if [ "$2" = modify-replication-group-shard-configuration ]; then
  shift 2; id=; count=; keep=; apply=
  while [ $# -gt 0 ]; do
    case "$1" in
    --replication-group-id) id=$2; shift 2 ;;
    --node-group-count) count=$2; shift 2 ;;
    --node-groups-to-retain) shift; while [ $# -gt 0 ] && [ "${{1#--}}" = "$1" ]; do keep="$keep $1"; shift; done ;;
    --apply-immediately) apply=yes; shift ;;
    --output) shift 2 ;;
    *) echo "Unknown options: $1" >&2; exit 2 ;;
    esac
  done
  refuse() {{ echo "An error occurred (InvalidParameterValue) when calling the ModifyReplicationGroupShardConfiguration operation: $1" >&2; exit 255; }}
  [ "$id" = autolytiq-prod-redis ] && [ "$apply" = yes ] || refuse "parameters"
  [ "$count" -ne "$now" ] || refuse "the group has $count shards"
  if [ "$count" -lt "$now" ]; then [ "$(echo $keep | wc -w)" -eq "$count" ] || refuse "which shards to keep"; else [ -z "$keep" ] || refuse "nothing is taken away"; fi
  echo "$count" > "$state"
  printf '{{"ReplicationGroup": {{"ReplicationGroupId": "autolytiq-prod-redis", "Status": "modifying"}}}}\n'
  exit 0
fi
for word; do shift; [ "$word" = autolytiq-prod-redis ] && word=shards-$now; set -- "$@" "$word"; done
exec '{aws}' "$@""#
    )
}

#[test]
fn redis_shards() {
    let mut proof = Proof::of("autolytiq/redis-shards");
    let Some((stage, moto)) = with_group(None) else { return };
    let Some(aws) = tools::require("aws") else { return };
    (1..=3).for_each(|count| group(&moto, &format!("shards-{count}"), Some(count)));
    let state = stage.project.root().join("../shards");
    std::fs::write(&state, "1\n").expect("a file");
    stage.client("aws", &resharding(&aws.display().to_string(), &state.display().to_string()));
    let read = state.clone();
    let shards = move || std::fs::read_to_string(&read).expect("a file").trim().to_owned();
    let watched = shards.clone();
    let stage = stage.watched("shards", move || json!(watched()));

    let typed = ["--var", "env=prod", "--var", "traffic=peak", "--approve", "agreed"];
    proof.forwards(&stage, &typed, |_| assert_eq!(shards(), "2"));
    proof.again(&stage, &typed);
    proof.back(&stage);
    let sent: Vec<String> = stage.changing_calls(0);
    let call = "aws elasticache modify-replication-group-shard-configuration --replication-group-id autolytiq-prod-redis";
    assert_eq!(
        sent,
        [
            format!("{call} --node-group-count 2 --apply-immediately --output json"),
            format!(
                "{call} --output json --node-group-count 1 --apply-immediately --node-groups-to-retain 0001"
            ),
        ]
    );

    // Fewer by intent: the first ones stay, and the way back adds one.
    std::fs::write(&state, "3\n").expect("a file");
    stage.project.run(&[&["exec", "redis-shards", "--yes"], &typed[..]].concat()).code(0);
    assert_eq!(shards(), "2");
    let kept = format!(
        "{call} --node-group-count 2 --node-groups-to-retain 0001 0002 --apply-immediately --output json"
    );
    assert_eq!(stage.changing_calls(0)[2], kept);
    stage.project.run(&["rollback", "--yes"]).code(0);
    assert_eq!(shards(), "3");

    // The group as it most often is: not in cluster mode.
    stage.real("aws").expect("it was there for moto");
    proof.failure(&stage, &typed, 1, |read, _| {
        assert!(read.contains("cluster-mode failed: the gate does not hold: cluster_mode false"), "{read}");
    });
}

/// Prod's cache: a real Redis that takes 3 MB, and its figures.
fn with_redis() -> Option<(Stage, Rc<Moto>, Redis)> {
    let redis = Redis::with(&[("maxmemory", "3mb"), ("maxmemory-policy", "allkeys-lru")])?;
    let (stage, moto) = with_group(None)?;
    endpoint(&stage, redis.port());
    stage.client("redis-cli", &redis.line());
    measured(&moto, "AWS/ElastiCache", "DatabaseMemoryUsagePercentage", NODE, 64.0);
    measured(&moto, "AWS/ElastiCache", "DatabaseMemoryUsagePercentage", REPLICA, 60.0);
    redis.said(&["SET", "there", "1"]);
    (0..19).for_each(|_| drop(redis.said(&["GET", "there"])));
    redis.said(&["GET", "gone"]);
    Some((stage, moto, redis))
}

#[test]
fn cache_health() {
    let mut proof = Proof::of("autolytiq/cache-health");
    let Some((stage, moto, redis)) = with_redis() else { return };
    let typed = ["--var", "env=prod", "--var", "watch=1s"];
    proof.forwards(&stage, &typed, |shown| {
        let read = shown.to_string();
        for line in [
            "memory     64.0 % in use at most in the last hour",
            "used, allkeys-lru when it is full",
            "hit ratio  95.0 %",
            "evictions  none while it was watched, 0 since the server started",
        ] {
            assert!(read.contains(line), "{line}\n{read}");
        }
        assert!(!read.contains("only just"), "{read}");
    });
    proof.again(&stage, &typed);
    proof.back(&stage);

    // More is written, while it looks, than there is room for. It is not the first node that is full.
    measured(&moto, "AWS/ElastiCache", "DatabaseMemoryUsagePercentage", REPLICA, 97.0);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let script =
                "for i = 1, 100 do redis.call('SET', 'k' .. ARGV[1] .. i, string.rep('x', 20000)) end";
            for round in 0..3000 {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                redis.said(&["EVAL", script, "0", &round.to_string()]);
            }
        });
        let end = End(&over);
        proof.failure(&stage, &typed, 1, |read, _| {
            failed(read, "evictions", "the gate does not hold: evicted");
            let full = "the gate does not hold: highest 97.0, critical 85, points 1";
            failed(read, "memory[autolytiq-prod-redis-002]", full);
            assert!(
                read.contains("memory     not well, or not known: autolytiq-prod-redis-002. Full:"),
                "{read}"
            );
            assert!(read.contains("Run redis-resize for the next level"), "{read}");
            assert!(read.contains("hit ratio  95.0 %"), "the others are asked all the same: {read}");
        });
        drop(end);
        drop(writer.join());
    });
}

/// Tells the writer to end, also when an assertion fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What was thrown out long ago warns, and is not held against it.
#[test]
fn old_evictions_only_warn_and_a_bad_ratio_does_not_pass() {
    let Some((stage, _moto, redis)) = with_redis() else { return };
    let script = "for i = 1, 400 do redis.call('SET', 'k' .. i, string.rep('x', 20000)) end";
    redis.said(&["EVAL", script, "0"]);
    redis.said(&["FLUSHALL"]);
    redis.said(&["SET", "there", "1"]);
    let typed = ["exec", "cache-health", "--var", "env=prod", "--var", "watch=0s"];
    let shown = stage.project.run(&typed).code(0).to_string();
    assert!(shown.contains("evictions holds, but only just: evicted"), "{shown}");

    (0..20).for_each(|_| drop(redis.said(&["GET", "gone"])));
    let shown = stage.project.run(&typed).code(1).to_string();
    assert!(
        shown.contains("hits failed: the gate does not hold: lookups 40, percent 47.5, critical 80"),
        "{shown}"
    );
    assert!(shown.contains("npm run cache:warm"), "{shown}");

    // Nobody answers: neither well nor not well.
    redis.stop();
    let shown = stage.project.run(&typed).code(1).to_string();
    assert!(shown.contains("before failed") && shown.contains("Could not connect"), "{shown}");
}

/// A cache that wants a password gets it by the environment; without it nobody could tell how it does.
#[test]
fn the_password_reaches_redis_cli_and_no_argument() {
    let Some(redis) = Redis::with(&[("requirepass", "sesame-17")]) else { return };
    let Some((stage, moto)) = with_group(None) else { return };
    endpoint(&stage, redis.port());
    stage.client("redis-cli", &redis.line());
    measured(&moto, "AWS/ElastiCache", "DatabaseMemoryUsagePercentage", NODE, 64.0);
    measured(&moto, "AWS/ElastiCache", "DatabaseMemoryUsagePercentage", REPLICA, 60.0);
    let typed = ["exec", "cache-health", "--var", "env=prod", "--var", "watch=0s"];
    let shown = stage.project.run(&typed).code(1).to_string();
    assert!(shown.contains("before failed") && shown.contains("NOAUTH Authentication required"), "{shown}");

    let stage = stage.env("REDISCLI_AUTH", "sesame-17");
    let shown = stage.project.run(&typed).code(0).to_string();
    assert!(shown.contains("hit ratio  no lookups yet") && !shown.contains("sesame"), "{shown}");
    assert!(!stage.calls().concat().iter().any(|word| word.contains("sesame")), "a password in an argument");
}
