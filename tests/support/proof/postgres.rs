//! A real PostgreSQL: settings that need a restart, a standby, and `kubectl exec` into the pod that it is.

use super::{client, eventually, shop};
use crate::support::postgres::Postgres;

#[test]
fn a_setting_that_needs_a_restart_holds_after_it_and_not_before() {
    let Some(postgres) = Postgres::start() else { return };
    assert_eq!(postgres.sql("postgres", "SHOW max_connections"), "100");
    postgres.sql("postgres", "ALTER SYSTEM SET max_connections = 500");
    assert_eq!(postgres.sql("postgres", "SHOW max_connections"), "100");
    postgres.restart().expect("it comes back");
    assert_eq!(postgres.sql("postgres", "SHOW max_connections"), "500");
    assert_eq!(postgres.sql("postgres", "SELECT count(*) > 0 FROM pg_stat_statements"), "t");
    let said = client(&postgres.line("psql"), &["-At", "-c", "SELECT current_user || ' it''s'"]);
    assert_eq!(said.expect("there is a shell").ok(), "postgres it's\n");
    postgres.stop();
    let said = postgres.psql(&["-c", "SELECT 1"]);
    assert!(said.failed(2).contains("Connection refused"), "{}", said.stderr);
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let Some(postgres) = Postgres::start() else { return };
    postgres.sql("postgres", "ALTER SYSTEM SET shared_preload_libraries = 'no_such_library'");
    let why = postgres.restart().expect_err("there is no such library");
    assert!(why.contains("could not access file \"no_such_library\""), "{why}");
}

#[test]
fn a_user_owns_its_database_and_may_not_change_the_server() {
    let Some(postgres) = Postgres::start() else { return };
    postgres.user("arka", "SUPERUSER");
    postgres.user("reader", "");
    let said = postgres.psql(&["-U", "reader", "-c", "ALTER SYSTEM SET max_connections = 500"]);
    assert_eq!(said.failed(1), "ERROR:  permission denied to set parameter \"max_connections\"\n");
    postgres.psql(&["-U", "arka", "-c", "ALTER SYSTEM SET max_connections = 500"]).ok();
    let made = "CREATE INDEX CONCURRENTLY by_day ON events (day)";
    postgres.sql("reader", "CREATE TABLE events (day date)");
    postgres.psql(&["-U", "postgres", "-d", "reader", "-c", made]).ok();
}

#[test]
fn a_standby_follows_and_takes_no_writes() {
    let Some(postgres) = Postgres::start() else { return };
    let standby = postgres.standby();
    postgres.sql("postgres", "CREATE TABLE events AS SELECT 7 AS id");
    let state = || postgres.sql("postgres", "SELECT state FROM pg_stat_replication");
    eventually("the standby streams", || state() == "streaming");
    let position = postgres.sql("postgres", "SELECT pg_current_wal_lsn()");
    let reached = format!("SELECT pg_last_wal_replay_lsn() >= '{position}'");
    eventually("the standby has it", || standby.sql("postgres", &reached) == "t");
    assert_eq!(standby.sql("postgres", "SELECT id FROM events"), "7");
    let said = standby.psql(&["-c", "DROP TABLE events"]);
    assert!(said.failed(1).contains("read-only transaction"), "{}", said.stderr);
}

#[test]
fn exec_reaches_it_in_its_pod_and_a_new_pod_is_a_restart() {
    let Some((cluster, kubectl)) = shop() else { return };
    let Some(postgres) = Postgres::start() else { return };
    cluster.statefulset("shop", "postgresql", 1);
    postgres.lives_in(&cluster, "shop", "postgresql-0");
    postgres.user("arka", "SUPERUSER");
    kubectl.run(&["rollout", "status", "sts/postgresql", "--timeout=30s"]).ok();
    let psql = ["exec", "postgresql-0", "--", "psql", "-U", "arka", "-At", "-c"];
    let sql = |statement: &'static str| kubectl.run(&[&psql[..], &[statement]].concat());
    assert_eq!(sql("ALTER SYSTEM SET max_connections = 500").ok(), "ALTER SYSTEM\n");
    assert_eq!(sql("SHOW max_connections").ok(), "100\n");
    kubectl.run(&["delete", "pod", "postgresql-0"]).ok();
    kubectl.run(&["rollout", "status", "sts/postgresql", "--timeout=30s"]).ok();
    assert_eq!(sql("SHOW max_connections").ok(), "500\n");
    assert_eq!(sql("SELEC 1").failed(1).lines().next(), Some("ERROR:  syntax error at or near \"SELEC\""));
    let said = kubectl.run(&["exec", "postgresql-0", "--", "sh", "-c", "pg_isready | grep -c accepting"]);
    assert_eq!(said.ok(), "1\n");
    let said = kubectl.run(&["exec", "postgresql-0", "--", "redis-cli", "PING"]);
    assert!(said.failed(1).contains("executable file not found"), "{}", said.stderr);
}

#[test]
fn the_server_and_its_files_go_when_the_test_process_was_killed() {
    let Some(postgres) = Postgres::start() else { return };
    let (port, files) = (postgres.port(), postgres.socket());
    postgres.orphan();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(!files.exists());
}
