//! PostgreSQL: connections with a restart, standbys by helm, and what is slow.

use runbook::journal::Store;
use runbook::machine::Event;
use serde_json::json;

use super::NAMESPACE;
use super::servers::{Releases, connections, releases};
use crate::catalog::proof::Proof;
use crate::support::postgres::Postgres;
use crate::support::tools::{self, eventually};

#[test]
fn postgres_connections() {
    let mut proof = Proof::of("arka/postgres-connections");
    let Some(mut releases) = releases() else { return };
    let Some((primary, standby)) = releases.replicated_postgres() else { return };
    for (name, server) in [("primary", primary.clone()), ("standby", standby.clone())] {
        releases.stage = releases.stage.watched(name, move || connections(&server));
    }
    let stage = &releases.stage;
    let bare = ["exec", "postgresql-primary-0", "--", "psql", "-w", "-U", "postgres", "-c", "SELECT 1"];
    assert!(releases.kubectl(&bare).failed(2).contains("no password supplied"), "as the source types it");
    let typed = ["--var", "env=prod", "--var", "connections=500", "--approve", "go"];
    proof.forwards(stage, &typed, |shown| {
        for server in [&primary, &standby] {
            assert_eq!(connections(server), json!(["500", "500"]));
        }
        let at = |text: &str| shown.to_string().find(text).unwrap_or_else(|| panic!("{text} in {shown}"));
        let (standby, primary) =
            ("standby-restart[postgresql-read-0] done", "raise[postgresql-primary-0] started");
        assert!(at(standby) < at(primary), "the standby has it before the primary is touched: {shown}");
        assert!(at("go ann@") < at("standby[postgresql-read-0] started"), "{shown}");
    });
    proof.again(stage, &typed[..4]);
    // The primary goes down before its standby, which would not start with less than it.
    proof.back(stage);
    assert_eq!(connections(&primary), json!(["100", "100"]));

    primary.sql("postgres", "ALTER SYSTEM SET shared_buffers = '4GB'");
    primary.sql("postgres", "SELECT pg_reload_conf()");
    proof.failure(stage, &typed, 1, |read, _| {
        assert!(read.contains("pending[postgresql-primary-0] failed: the gate does not hold"), "{read}");
        assert!(read.contains("unexpected shared_buffers"), "{read}");
        assert!(!read.contains("delete pod postgresql"), "nothing was restarted: {read}");
        assert_eq!(connections(&primary), json!(["100", "100"]));
    });
}

/// Hours may lie between the look and the restarts: a person is asked first, and what was looked at is looked at again.
#[test]
fn what_was_looked_at_is_looked_at_again_after_the_wait() {
    let Some(releases) = releases() else { return };
    let Some((primary, _standby)) = releases.replicated_postgres() else { return };
    let project = &releases.stage.project;
    let typed =
        ["exec", "arka/postgres-connections", "--yes", "--var", "env=prod", "--var", "connections=500"];
    // The question does not wait for the hour.
    let later = [&typed[..], &["--var", "not_before=2099-01-01T00:00:00Z"]].concat();
    let shown = project.run(&later).code(3).to_string();
    assert!(shown.contains("It begins at [AT] or later."), "{shown}");
    project.run(&["rollback", &project.newest(), "--yes"]).code(0);

    project.run(&typed).code(3);
    let run = project.newest();
    primary.sql("postgres", "ALTER SYSTEM SET shared_buffers = '4GB'");
    primary.sql("postgres", "SELECT pg_reload_conf()");
    project.run(&["approve", &run, "go"]).code(0);
    let shown = project.run(&["resume", &run]).code(1).to_string();
    assert!(
        shown.contains("pending[postgresql-primary-0]") && shown.contains("unexpected shared_buffers"),
        "{shown}"
    );
    assert_eq!(connections(&primary), json!(["100", "100"]), "nothing was changed");
}

/// A yes is given in the day, and the outage comes at night: nothing is sent before its time.
#[test]
fn the_restarts_wait_for_their_time() {
    let Some(releases) = releases() else { return };
    let Some((primary, standby)) = releases.replicated_postgres() else { return };
    let stage = &releases.stage;
    let begins = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(12);
    let not_before = format!("not_before={begins}");
    let typed = ["--var", "env=prod", "--var", "connections=500", "--var", &not_before, "--approve", "go"];
    stage.project.run(&[&["exec", "arka/postgres-connections", "--yes"], &typed[..]].concat()).code(0);
    let store = Store::open_read_only(stage.project.journal()).expect("a journal");
    let run = store.runs(&Default::default()).expect("runs")[0].id.clone();
    let records = store.load(&run).expect("the run").records;
    let first = records.iter().find_map(|record| match &record.event {
        Event::Intent { command, .. } if command.contains("ALTER SYSTEM SET") => Some(record.at),
        _ => None,
    });
    let first = first.expect("it was set");
    assert!(records[0].at < begins && first >= begins, "first change at {first}, window from {begins}");
    for server in [&primary, &standby] {
        assert_eq!(connections(server), json!(["500", "500"]));
    }
}

/// Down again as a run of its own: the primary first, and the standby once it has read that.
#[test]
fn connections_are_lowered_on_the_primary_first() {
    let Some(releases) = releases() else { return };
    let Some((primary, standby)) = releases.replicated_postgres() else { return };
    let set = |number: &str| {
        let more = ["--yes", "--approve", "go", "--var", "env=prod", "--var", number];
        releases.stage.project.run(&[&["exec", "arka/postgres-connections"], &more[..]].concat()).code(0)
    };
    set("connections=300");
    let shown = set("connections=150").to_string();
    let at = |text: &str| shown.find(text).unwrap_or_else(|| panic!("{text} in {shown}"));
    assert!(
        at("lower-restart[postgresql-primary-0] done") < at("standby[postgresql-read-0] started"),
        "{shown}"
    );
    for server in [&primary, &standby] {
        assert_eq!(connections(server), json!(["150", "150"]));
    }
}

/// What the source types, and what comes of it.
#[test]
fn a_pod_is_no_stateful_set_and_a_refused_setting_is_an_error() {
    let Some(releases) = releases() else { return };
    let Some(primary) = releases.postgres() else { return };
    let typed = ["exec", "sts/postgresql-0", "--", "psql", "-U", "arka", "-c", "SELECT 1"];
    assert!(releases.kubectl(&typed).failed(1).contains("NotFound"));

    // The second statement succeeds, so psql does, though the first was refused.
    let two = ["-U", "arka", "-c", "ALTER SYSTEM SET max_connections = 'many'", "-c", "SELECT 1"];
    assert!(primary.psql(&two).ok().contains("1 row"));
    let step = |pod: &str, value: &str| {
        let runbook = format!(
            "runbook: set\ntitle: Set\nsteps:\n  - id: set\n    uses: postgres/alter-system\n    with: {{namespace: \
             {NAMESPACE}, pod: {pod}, user: arka, database: arka, setting: max_connections, value: {value}}}\n"
        );
        releases.stage.project.write("runbooks/arka/set.yaml", runbook);
        releases.stage.project.run(&["exec", "arka/set"]).to_string()
    };
    let shown = step("postgresql-0", "many");
    assert!(shown.contains("invalid value for parameter \"max_connections\""), "{shown}");
    assert!(shown.contains("--- exit status: 1"), "{shown}");
    // A setting that stands in no file yet, and is taken out of it again.
    let runbook = format!(
        "runbook: set\ntitle: Set\nsteps:\n  - id: set\n    uses: postgres/alter-system\n    with: {{namespace: \
         {NAMESPACE}, pod: postgresql-0, user: arka, database: arka, setting: work_mem, value: '8192'}}\n"
    );
    releases.stage.project.write("runbooks/arka/set.yaml", runbook);
    releases.stage.project.run(&["exec", "arka/set"]).code(0);
    assert_eq!(primary.sql("arka", "SHOW work_mem"), "8MB");
    releases.stage.project.run(&["rollback", "--yes"]).code(0);
    assert_eq!(primary.sql("arka", "SHOW work_mem"), "4MB");
    // Refused before anything is asked of anybody.
    let calls = releases.stage.calls().len();
    let shown = step("sts/postgresql-0", "'500'");
    assert!(shown.contains("sts/postgresql-0") && shown.contains("error"), "{shown}");
    assert_eq!(releases.stage.calls().len(), calls, "{shown}");
}

/// Writes a runbook that sets max_connections of `postgresql-0` and restarts it.
fn connections_of_one(releases: &Releases, number: &str, more: &str) {
    let server = format!("namespace: {NAMESPACE}, pod: postgresql-0, user: arka, database: arka");
    let runbook = format!(
        "runbook: set\ntitle: Set\nsteps:\n  - id: set\n    uses: postgres/alter-system\n    with: {{{server}, setting: \
         max_connections, value: '{number}'{more}}}\n  - id: restart\n    uses: postgres/restart-pod\n    with: {{{server}}}\n"
    );
    releases.stage.project.write("runbooks/arka/set.yaml", runbook);
}

/// The pods of an event are there for minutes after its limits were undone: the server does not come back with less than they hold.
#[test]
fn the_undo_does_not_restart_with_fewer_connections_than_are_in_use() {
    let Some(releases) = releases() else { return };
    let Some(primary) = releases.postgres() else { return };
    primary.sql("postgres", "ALTER SYSTEM SET max_connections = 20");
    primary.restart().expect("it comes back");
    connections_of_one(&releases, "60", ", room_within: 2s");
    let project = &releases.stage.project;
    project.run(&["exec", "arka/set"]).code(0);
    let run = project.newest();
    let busy = |wanted: &str| {
        let asked = "SELECT count(*) >= 20 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'";
        eventually("connections", || primary.sql("postgres", asked) == wanted);
    };
    let pods: Vec<_> = (0..20)
        .map(|_| {
            let server = primary.clone();
            std::thread::spawn(move || server.psql(&["-d", "arka", "-c", "SELECT pg_sleep(120)"]).code)
        })
        .collect();
    busy("t");
    let shown = project.run(&["rollback", &run, "--yes"]).code(5).to_string();
    assert!(shown.contains("21 connections are in use, and only 17 would fit"), "{shown}");
    assert_eq!(connections(&primary), json!(["60", "60"]), "nothing was changed");
    let end =
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'";
    assert_eq!(primary.sql("postgres", end), "20");
    busy("f");
    for pod in pods {
        pod.join().expect("psql was run");
    }
    project.run(&["rollback", &run, "--yes"]).code(0);
    assert_eq!(connections(&primary), json!(["20", "20"]));
}

/// Written without a reload: it waits for no restart as far as the server says, and would be in force after any.
#[test]
fn a_setting_that_was_written_and_not_read_is_no_hindrance() {
    let Some(releases) = releases() else { return };
    let Some(primary) = releases.postgres() else { return };
    let project = &releases.stage.project;
    primary.sql("postgres", "ALTER SYSTEM SET max_connections = 150");
    let pending = "SELECT pending_restart FROM pg_settings WHERE name = 'max_connections'";
    assert_eq!((connections(&primary), primary.sql("arka", pending).as_str()), (json!(["100", "150"]), "f"));
    connections_of_one(&releases, "150", "");
    project.run(&["exec", "arka/set"]).code(0);
    assert_eq!(connections(&primary), json!(["150", "150"]));

    primary.sql("postgres", "ALTER SYSTEM SET max_connections = 200");
    connections_of_one(&releases, "170", "");
    project.run(&["exec", "arka/set"]).code(0);
    assert_eq!(connections(&primary), json!(["170", "170"]));
    project.run(&["rollback", "--yes"]).code(0);
    assert_eq!(
        connections(&primary),
        json!(["200", "200"]),
        "what was written before, in force by the restart"
    );
}

/// `kubectl delete` that loses its connection has failed, and the pod is deleted all the same.
#[test]
fn a_restart_that_was_not_seen_to_its_end_is_not_done_twice() {
    let Some(releases) = releases() else { return };
    let Some(primary) = releases.postgres() else { return };
    let Some(kubectl) = tools::require("kubectl") else { return };
    let (kubectl, once) = (kubectl.display(), releases.stage.project.root().join("../once"));
    let once = once.display();
    releases.stage.client(
        "kubectl",
        &format!(
            "case \"$*\" in *'delete pod'*) [ -e '{once}' ] || {{ : > '{once}'; '{kubectl}' \"$@\"; \
             echo 'error: http2: client connection lost' >&2; exit 1; }};; esac\nexec '{kubectl}' \"$@\""
        ),
    );
    connections_of_one(&releases, "150", "");
    let project = &releases.stage.project;
    let shown = project.run(&["exec", "arka/set"]).code(1).to_string();
    assert!(shown.contains("restart failed") && shown.contains("client connection lost"), "{shown}");
    let cluster = &releases.stage.cluster;
    let ready = |pod: &serde_json::Value| pod["status"]["phase"] == "Running";
    cluster.wait_for("pods", NAMESPACE, "postgresql-0", ready);
    let pod = || cluster.object("pods", NAMESPACE, "postgresql-0")["metadata"]["uid"].clone();
    let new = pod();
    project.run(&["resume"]).code(0);
    assert_eq!((pod(), connections(&primary)), (new, json!(["150", "150"])), "no outage more");
}

fn standbys(releases: &Releases) -> serde_json::Value {
    releases.stage.cluster.object("statefulsets", NAMESPACE, "postgresql-read")["spec"]["replicas"].clone()
}

#[test]
fn postgres_replicas() {
    let mut proof = Proof::of("arka/postgres-replicas");
    let Some(releases) = releases() else { return };
    let Some((primary, _standby)) = releases.replicated_postgres() else { return };
    // What will run in the new pod: the cluster starts none, so it is there already.
    let _second = primary.standby();
    let stage = &releases.stage;
    let typed = ["--var", "env=prod", "--var", "replicas=2"];
    proof.forwards(stage, &typed, |_| {
        assert_eq!(standbys(&releases), json!(2));
        assert_eq!(releases.values("postgresql")["architecture"], "replication");
    });
    proof.again(stage, &typed);
    proof.back(stage);
    assert_eq!(standbys(&releases), json!(1));
    stage.cluster.deny("patch", "statefulsets");
    proof.failure(stage, &typed, 1, |read, _| {
        assert!(read.contains("scale failed") && read.contains("UPGRADE FAILED"), "{read}");
        assert!(read.contains("runbook resume"), "{read}");
        assert_eq!(standbys(&releases), json!(1));
    });
    stage.cluster.allow_all();
    stage.project.run(&["rollback", "--yes"]).code(0);

    // Helm would put its own over it, and the primary would be restarted for a standby more.
    let image =
        ["set", "image", "statefulset/postgresql-primary", "postgresql=registry.test/postgresql:patched"];
    releases.kubectl(&image).ok();
    let shown = stage.project.run(&[&["exec", "arka/postgres-replicas", "--yes"], &typed[..]].concat());
    let said = "undisturbed failed: the gate does not hold: StatefulSet postgresql-primary:";
    assert!(shown.code(1).to_string().contains(said));
    assert_eq!(standbys(&releases), json!(1));
}

/// Helm says "upgraded", and there is no standby: the number means nothing to a release without replication.
#[test]
fn replicas_of_a_release_without_replication_are_refused() {
    let Some(releases) = releases() else { return };
    releases.install("postgresql", "");
    let source = [
        "upgrade",
        "postgresql",
        "bitnami/postgresql",
        "--reuse-values",
        "--set",
        "readReplicas.replicaCount=3",
    ];
    releases.helm.run(&source).ok();
    assert_eq!(releases.stage.cluster.objects("statefulsets", NAMESPACE).len(), 1);
    let typed = ["exec", "arka/postgres-replicas", "--yes", "--var", "env=prod"];
    let shown = releases.stage.project.run(&typed).code(1).to_string();
    assert!(
        shown.contains("replicated failed: the gate does not hold") && shown.contains("standalone"),
        "{shown}"
    );
    assert!(shown.contains("Plan a migration"), "what to do is said: {shown}");
}

const INDEX: &str = "idx_usage_events_tenant_date";

/// Returns whether the index is there, and whether it can be used.
fn index(server: &Postgres) -> String {
    let asked = format!("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{INDEX}')");
    server.sql("arka", &asked)
}

/// Makes the table of events, with rows that are dead.
fn events(server: &Postgres) {
    server.sql("arka", "CREATE TABLE usage_events (tenant_id int, created_at timestamptz, number int)");
    server.sql("arka", "ALTER TABLE usage_events OWNER TO arka");
    server.sql("arka", "INSERT INTO usage_events SELECT i % 10, now(), i FROM generate_series(1, 5000) i");
    server.sql("arka", "DELETE FROM usage_events WHERE number < 1000");
}

#[test]
fn postgres_tuning() {
    let mut proof = Proof::of("arka/postgres-tuning");
    let Some(mut releases) = releases() else { return };
    let Some(server) = releases.postgres() else { return };
    events(&server);
    let watched = server.clone();
    releases.stage = releases.stage.watched("index", move || json!(index(&watched)));
    let stage = &releases.stage;
    let typed = ["--var", "env=prod"];
    proof.forwards(stage, &typed, |shown| {
        assert_eq!(index(&server), "t");
        let counted =
            "SELECT n_dead_tup, n_mod_since_analyze FROM pg_stat_user_tables WHERE relname = 'usage_events'";
        assert_eq!(server.sql("arka", counted), "0|0");
        assert!(shown.to_string().contains("succeeded"), "{shown}");
        let printed = stage.project.run(&["logs", &stage.project.newest(), "slow"]).stdout;
        assert!(
            printed.contains("INSERT INTO usage_events SELECT"),
            "it lists what took the time: {printed}"
        );
    });
    proof.again(stage, &typed);
    proof.back_leaving(stage, &["vacuum"]);
    assert_eq!(index(&server), "", "it is gone");
    server.sql("arka", "DROP EXTENSION pg_stat_statements");
    proof.failure(stage, &typed, 1, |read, _| {
        assert!(read.contains("statistics failed: the gate does not hold: installed 0"), "{read}");
        assert_eq!(index(&server), "", "nothing was changed");
    });
}

/// What the source types, and what comes of it.
#[test]
fn an_index_that_a_failed_build_left_behind_is_built_anew() {
    let Some(releases) = releases() else { return };
    let Some(server) = releases.postgres() else { return };
    events(&server);
    let psql = |statement: &str| server.psql(&["-d", "arka", "-c", statement]);
    let source = "SELECT query, calls, mean_time, total_time FROM pg_stat_statements ORDER BY total_time DESC LIMIT 10";
    assert!(psql(source).failed(1).contains("column \"mean_time\" does not exist"));
    let two = format!("SELECT 1; CREATE INDEX CONCURRENTLY {INDEX} ON usage_events (tenant_id)");
    assert!(psql(&two).failed(1).contains("cannot run inside a transaction block"));

    psql(&format!("CREATE UNIQUE INDEX CONCURRENTLY {INDEX} ON usage_events (tenant_id)")).failed(1);
    assert_eq!(index(&server), "f", "it is there, and of no use");
    let again = psql(&format!("CREATE INDEX CONCURRENTLY {INDEX} ON usage_events (tenant_id, created_at)"));
    assert!(again.failed(1).contains("already exists"), "{}", again.stderr);
    let typed = ["exec", "arka/postgres-tuning", "--yes", "--var", "env=prod", "--var", "vacuum=false"];
    let shown = releases.stage.project.run(&typed).code(0).to_string();
    assert!(shown.contains("idx_usage_events_tenant_date invalid → valid"), "{shown}");
    assert_eq!(index(&server), "t");
    let built = format!("SELECT pg_get_indexdef('{INDEX}'::regclass)");
    assert!(server.sql("arka", &built).ends_with("(tenant_id, created_at)"));
}

/// psql exits with 1 when the server says no, which is an answer, and with 2 when nobody could be asked, which is none.
#[test]
fn what_the_server_refuses_is_not_asked_again_and_a_server_that_is_away_is() {
    let Some(releases) = releases() else { return };
    let Some(server) = releases.postgres() else { return };
    let ask = |query: &str| {
        let runbook = format!(
            "runbook: ask\ntitle: Ask\nsteps:\n  - id: ask\n    uses: postgres/exec-query\n    with: {{namespace: {NAMESPACE}, \
             pod: postgresql-0, user: arka, database: arka, query: \"{query}\"}}\n"
        );
        releases.stage.project.write("runbooks/arka/ask.yaml", runbook);
        releases.stage.project.run(&["exec", "arka/ask"])
    };
    let shown = ask("SELECT 7 AS seven").code(0).to_string();
    assert!(shown.contains("[{\"seven\":7}]"), "{shown}");
    // It only reads, whatever the query calls.
    server.sql("arka", "CREATE TABLE made (number int)");
    let insert =
        "CREATE FUNCTION make() RETURNS int LANGUAGE sql AS 'INSERT INTO made VALUES (1) RETURNING number'";
    server.sql("arka", insert);
    let shown = ask("SELECT make() AS made").code(1).to_string();
    assert!(shown.contains("read-only transaction") && !shown.contains("attempt 2"), "{shown}");
    server.stop();
    let shown = ask("SELECT 7 AS seven").code(1).to_string();
    assert!(shown.contains("attempt 3") && shown.contains("Is the server running"), "{shown}");
}
