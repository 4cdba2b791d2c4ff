//! psql, redis-cli and what stands behind them.

use serde_json::json;

use super::{SHOP, runbook};
use crate::catalog::stage::Stage;
use crate::support::postgres::Postgres;
use crate::support::redis::Redis;
use crate::support::tools::eventually;

/// Each line of INFO ends in CR and LF: a number that is cut out of it is none to a shell.
#[test]
fn a_number_of_redis_is_a_number() {
    let Some(redis) = Redis::start() else { return };
    let Some(stage) = Stage::new(SHOP) else { return };
    stage.client("redis-cli", &redis.line());
    assert!(redis.cli(&["INFO", "stats"]).ok().contains("\nevicted_keys:0\r\n"));
    let with = json!({"host": "127.0.0.1", "port": redis.port()});
    runbook(&stage, &[("info", "redis/info", with.clone()), ("ratio", "redis/hit-ratio", with)]);
    stage.project.run(&["exec", "one"]).code(0);
    let outputs = stage.outputs();
    assert_eq!(outputs["info"]["info"]["evicted_keys"], json!(0));
    assert_eq!((&outputs["ratio"]["evicted"], &outputs["ratio"]["lookups"]), (&json!(0), &json!(0)));
}

/// redis-cli exits with 0 where the server says no, and so does a script of psql.
#[test]
fn a_server_that_says_no_fails_the_step() {
    let Some((redis, postgres)) = Redis::start().zip(Postgres::start()) else { return };
    let Some(stage) = Stage::new(SHOP) else { return };
    stage.client("redis-cli", &redis.line());
    stage.client("psql", &postgres.line("psql"));
    let wrong = ["CONFIG", "SET", "maxmemory-policy", "least-used"];
    assert!(redis.cli(&wrong).ok().starts_with("ERR CONFIG SET failed"), "it exits with 0");
    redis.guard("sesame-17");
    let script = stage.project.root().join("script.sql");
    std::fs::write(&script, "SELECT nothing;\nSELECT 1;\n").expect("a file");
    let script = script.display().to_string();
    assert!(postgres.psql(&["-f", &script]).ok().contains("1 row"), "it went on after the error");
    postgres.psql(&["-v", "ON_ERROR_STOP=1", "-f", &script]).failed(3);

    let host = json!({"host": "127.0.0.1", "port": redis.port()});
    let mut query =
        json!({"host": "127.0.0.1", "port": postgres.port(), "user": "postgres", "database": "postgres"});
    query["query"] = json!("SELECT nothing");
    runbook(&stage, &[("info", "redis/info", host), ("query", "postgres/query", query)]);
    let shown = stage.project.run(&["exec", "one"]).code(1).to_string();
    assert!(shown.contains("NOAUTH Authentication required"), "{shown}");
    assert!(shown.contains("column \"nothing\" does not exist"), "{shown}");
}

/// `ALTER SYSTEM` says ALTER SYSTEM, and nothing has changed; and a standby with less than its primary stops replaying.
#[test]
fn a_setting_waits_for_a_restart_and_a_standby_for_its_own() {
    let Some(primary) = Postgres::start() else { return };
    let standby = primary.standby();
    primary.sql("postgres", "ALTER SYSTEM SET max_connections = 300");
    primary.sql("postgres", "SELECT pg_reload_conf()");
    let now = |server: &Postgres| server.sql("postgres", "SHOW max_connections");
    assert_eq!(now(&primary), "100", "as the source leaves it, if its pod is not deleted");
    let pending = "SELECT pending_restart FROM pg_settings WHERE name = 'max_connections'";
    eventually("the file was read", || primary.sql("postgres", pending) == "t");
    primary.restart().expect("it comes back");
    assert_eq!((now(&primary), now(&standby)), ("300".to_owned(), "100".to_owned()));
    let paused = || standby.sql("postgres", "SELECT pg_get_wal_replay_pause_state()") == "paused";
    eventually("the standby stops replaying", paused);
}
