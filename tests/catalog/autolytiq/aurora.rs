//! The database: its capacity, its readers, and the connection pools of the services.
//!
//! moto answers at once where AWS takes minutes, and names hosts that do not exist: what psql is to reach is put into its
//! answers by [`endpoint`].

use std::rc::Rc;

use serde_json::{Value, json};

use super::{NAMESPACE, prod_with_aws};
use crate::catalog::proof::Proof;
use crate::catalog::stage::Stage;
use crate::support::moto::Moto;
use crate::support::postgres::Postgres;
use crate::support::tools;

/// Keeps one value of a metric, ten minutes ago, as AWS itself does every minute.
pub(super) fn measured(moto: &Moto, namespace: &str, metric: &str, dimension: &str, value: f64) {
    measured_ago(600, moto, namespace, metric, dimension, value);
}

/// As [`measured`], so many seconds ago. At least one: the end of a time that is asked for is not in it, so a value of this very
/// second is not seen by who asks within it.
pub(super) fn measured_ago(
    seconds: i64,
    moto: &Moto,
    namespace: &str,
    metric: &str,
    dimension: &str,
    value: f64,
) {
    let then = jiff::Timestamp::now().as_second() - seconds;
    let (name, of) = dimension.split_once('=').expect("a dimension is NAME=VALUE");
    let data =
        format!("MetricName={metric},Dimensions=[{{Name={name},Value={of}}}],Timestamp={then},Value={value}");
    moto.aws(&["cloudwatch", "put-metric-data", "--namespace", namespace, "--metric-data", &data]).ok();
}

/// Lets aws answer with an endpoint that is here, in place of the one that AWS would have made.
pub(super) fn endpoint(stage: &Stage, port: u16) {
    let aws = tools::require("aws").expect("it was there for moto");
    let here = r#"s/"host": "[^"]*"/"host": "127.0.0.1"/; s/"port": [0-9]*/"port": "#;
    stage.client(
        "aws",
        &format!(
            "answer=$('{}' \"$@\") || exit\nprintf '%s\\n' \"$answer\" | sed '{here}{port}/'",
            aws.display()
        ),
    );
}

/// Returns the instances of a cluster, by name.
fn instances(moto: &Moto, cluster: &str) -> Value {
    let filter = format!("Name=db-cluster-id,Values={cluster}");
    let args = [
        "rds",
        "describe-db-instances",
        "--filters",
        &filter,
        "--query",
        "DBInstances[].DBInstanceIdentifier",
    ];
    let said = moto.aws(&[&args[..], &["--output", "json"]].concat());
    let mut names: Vec<String> = serde_json::from_str(said.ok()).expect("aws prints JSON");
    names.sort();
    json!(names)
}

pub(super) fn instance(moto: &Moto, cluster: &str, name: &str) {
    let mut args = vec![
        "rds",
        "create-db-instance",
        "--db-instance-identifier",
        name,
        "--db-cluster-identifier",
        cluster,
    ];
    args.extend(["--db-instance-class", "db.serverless", "--engine", "aurora-postgresql"]);
    moto.aws(&args).ok();
}

/// Keeps what the cluster, which is the average of its instances, or one of them used.
pub(super) fn used(moto: &Moto, of: &str, acus: f64) {
    measured(moto, "AWS/RDS", "ServerlessDatabaseCapacity", of, acus);
}

const WRITER: &str = "DBInstanceIdentifier=autolytiq-prod-writer";
const CLUSTER: &str = "DBClusterIdentifier=autolytiq-prod";

#[test]
fn aurora_capacity() {
    let mut proof = Proof::of("autolytiq/aurora-capacity");
    let Some(moto) = Moto::start().map(Rc::new) else { return };
    moto.aurora(NAMESPACE, 2.0, 16.0);
    instance(&moto, NAMESPACE, "autolytiq-prod-writer");
    instance(&moto, NAMESPACE, "autolytiq-prod-reader-2");
    let Some(stage) = Stage::new(NAMESPACE).and_then(|stage| stage.aws(&moto)) else { return };
    let watched = Rc::clone(&moto);
    let stage = stage.watched("aurora", move || json!(watched.capacity(NAMESPACE)));
    used(&moto, WRITER, 7.0);
    used(&moto, CLUSTER, 3.5);

    let typed = |traffic: &'static str| ["--var", "env=prod", "--var", traffic, "--approve", "agreed"];
    proof.forwards(&stage, &typed("traffic=high"), |shown| {
        assert_eq!(moto.capacity(NAMESPACE), (4.0, 32.0));
        // What a person agrees to has the figures of the hour beside it.
        let asked = "autolytiq-prod has 2.0 to 16.0 ACUs. Used in the last hour: autolytiq-prod-reader-2 nobody knows how much; \
                     autolytiq-prod-writer 7.0 on average, 7.0 at most. Set 4 to 32";
        assert!(shown.to_string().contains(asked), "{shown}");
    });
    proof.again(&stage, &typed("traffic=high"));
    proof.back(&stage);

    // The writer uses more than the new limit would allow. The average, which is all that the cluster has, is well below it.
    used(&moto, WRITER, 20.0);
    used(&moto, CLUSTER, 10.5);
    proof.failure(&stage, &typed("traffic=normal"), 1, |read, _| {
        let refused =
            "used[autolytiq-prod-writer] failed: the gate does not hold: highest 20.0, points 1, max 16";
        assert!(read.contains(refused), "{read}");
        assert_eq!(moto.capacity(NAMESPACE), (2.0, 16.0), "nothing was changed");
    });
}

/// The question may wait for hours. What the writer uses since the run began counts, and not the hour before it.
#[test]
fn what_is_used_while_a_person_is_asked_counts() {
    let Some(moto) = Moto::start() else { return };
    moto.aurora(NAMESPACE, 2.0, 64.0);
    instance(&moto, NAMESPACE, "autolytiq-prod-writer");
    let Some(stage) = Stage::new(NAMESPACE).and_then(|stage| stage.aws(&moto)) else { return };
    used(&moto, WRITER, 7.0);
    let exec = ["exec", "aurora-capacity", "--yes", "--var", "env=prod", "--var", "traffic=normal"];
    stage.project.run(&exec).code(3);
    let run = stage.project.newest();
    stage.project.run(&["approve", &run, "agreed"]).code(0);
    measured_ago(1, &moto, "AWS/RDS", "ServerlessDatabaseCapacity", WRITER, 40.0);
    let shown = stage.project.run(&["resume", &run]).code(1).to_string();
    assert!(shown.contains("the gate does not hold: highest 40.0, points 2, max 16"), "{shown}");
    assert_eq!(moto.capacity(NAMESPACE), (2.0, 64.0), "nothing was changed");
}

/// What nobody measured may be raised, and not lowered.
#[test]
fn aurora_is_not_lowered_below_what_nobody_knows() {
    let Some(moto) = Moto::start() else { return };
    moto.aurora(NAMESPACE, 8.0, 64.0);
    instance(&moto, NAMESPACE, "autolytiq-prod-writer");
    let Some(stage) = Stage::new(NAMESPACE).and_then(|stage| stage.aws(&moto)) else { return };
    let exec = |traffic| {
        let exec = ["exec", "aurora-capacity", "--yes", "--var", "env=prod", "--approve", "agreed", "--var"];
        [&exec[..], &[traffic]].concat()
    };
    let shown = stage.project.run(&exec("traffic=normal")).code(1).to_string();
    let refused =
        "used[autolytiq-prod-writer] failed: the gate does not hold: highest none, points 0, max 16";
    assert!(shown.contains(refused), "{shown}");
    assert_eq!(moto.capacity(NAMESPACE), (8.0, 64.0), "nothing was changed");
    stage.project.run(&["rollback", "--yes"]).code(0);
    stage.project.run(&exec("traffic=critical")).code(0);
    assert_eq!(moto.capacity(NAMESPACE), (16.0, 128.0));
}

#[test]
fn aurora_add_reader() {
    let mut proof = Proof::of("autolytiq/aurora-add-reader");
    let Some(moto) = Moto::start().map(Rc::new) else { return };
    moto.aurora(NAMESPACE, 2.0, 16.0);
    instance(&moto, NAMESPACE, "autolytiq-prod-writer");
    let Some(stage) = Stage::new(NAMESPACE).and_then(|stage| stage.aws(&moto)) else { return };
    let watched = Rc::clone(&moto);
    let stage = stage.watched("instances", move || instances(&watched, NAMESPACE));

    let typed = ["--var", "env=prod", "--approve", "agreed"];
    proof.forwards(&stage, &typed, |_| {
        let both = json!(["autolytiq-prod-reader-2", "autolytiq-prod-writer"]);
        assert_eq!(instances(&moto, NAMESPACE), both);
    });
    proof.again(&stage, &typed);
    proof.back(&stage);

    // The name is taken by an instance of another cluster: the undo must not delete that one.
    moto.aurora("other", 2.0, 16.0);
    instance(&moto, "other", "autolytiq-prod-reader-3");
    let typed = [&typed[..], &["--var", "number=3"]].concat();
    proof.failure(&stage, &typed, 1, |read, stage| {
        assert!(read.contains("reader failed") && read.contains("DBInstanceAlreadyExists"), "{read}");
        stage.project.run(&["rollback", "--yes"]).code(0);
        assert_eq!(instances(&moto, "other"), json!(["autolytiq-prod-reader-3"]), "it is not ours");
    });
}

/// AWS deletes a writer without a question, and what writes at that moment fails.
#[test]
fn a_reader_that_became_the_writer_is_not_deleted() {
    let Some(moto) = Moto::start() else { return };
    moto.aurora(NAMESPACE, 2.0, 16.0);
    instance(&moto, NAMESPACE, "autolytiq-prod-writer");
    let Some(stage) = Stage::new(NAMESPACE).and_then(|stage| stage.aws(&moto)) else { return };
    let typed = ["exec", "aurora-add-reader", "--yes", "--var", "env=prod", "--approve", "agreed"];
    stage.project.run(&typed).code(0);
    let fail_over = |to| {
        let cluster = ["rds", "failover-db-cluster", "--db-cluster-identifier", NAMESPACE];
        moto.aws(&[&cluster[..], &["--target-db-instance-identifier", to]].concat()).ok();
    };
    fail_over("autolytiq-prod-reader-2");
    let shown = stage.project.run(&["rollback", "--yes"]).code(5).to_string();
    for said in ["autolytiq-prod-reader-2 is the writer of autolytiq-prod now", "(attempt 1 of 10)"] {
        assert!(shown.contains(said), "{shown}");
    }
    assert!(!shown.contains("attempt 2"), "it is an answer: {shown}");
    assert_eq!(instances(&moto, NAMESPACE), json!(["autolytiq-prod-reader-2", "autolytiq-prod-writer"]));
    fail_over("autolytiq-prod-writer");
    stage.project.run(&["rollback", "--yes"]).code(0);
    assert_eq!(instances(&moto, NAMESPACE), json!(["autolytiq-prod-writer"]));
}

/// Returns the variables of a service's container.
fn variables(stage: &Stage, service: &str) -> Value {
    let deployment = stage.cluster.object("deployments", NAMESPACE, service);
    deployment["spec"]["template"]["spec"]["containers"][0]["env"].clone()
}

/// Prod with a database that takes `most` connections, and psql, which keeps the passwords that it is given.
fn with_database(most: u32) -> Option<(Stage, Moto, Postgres)> {
    let postgres = Postgres::start()?;
    postgres.user("autolytiq_admin", "");
    postgres.sql("postgres", "CREATE DATABASE autolytiq OWNER autolytiq_admin");
    postgres.sql("postgres", &format!("ALTER SYSTEM SET max_connections = {most}"));
    postgres.restart().expect("it comes back");
    let (stage, moto) = prod_with_aws()?;
    endpoint(&stage, postgres.port());
    let kept = stage.project.root().join("../passwords");
    let keep = format!("printf '%s\\n' \"$PGPASSWORD\" >> '{}'", kept.display());
    stage.client("psql", &format!("{keep}\n{}", postgres.line("psql")));
    Some((stage.env("PGPASSWORD", "sesame-17"), moto, postgres))
}

#[test]
fn connection_pool() {
    let mut proof = Proof::of("autolytiq/connection-pool");
    let Some((stage, _moto, postgres)) = with_database(2000) else { return };
    // One that has other values before, and a variable that is nobody's business here.
    let mut before = stage.cluster.object("deployments", NAMESPACE, "deal-service");
    let own = json!([{"name": "DB_POOL_MAX", "value": "15"}, {"name": "REGION", "value": "west"}]);
    before["spec"]["template"]["spec"]["containers"][0]["env"] = own.clone();
    stage.cluster.remove("deployments", NAMESPACE, "deal-service");
    stage.cluster.seed(
        "deployments",
        NAMESPACE,
        json!({"metadata": {"name": "deal-service"}, "spec": before["spec"]}),
    );

    let typed = |traffic: &'static str| ["--var", "env=prod", "--var", traffic];
    let pool = json!([
        {"name": "LOG_LEVEL", "value": "info"},
        {"name": "DB_POOL_IDLE_TIMEOUT", "value": "20s"}, {"name": "DB_POOL_MAX", "value": "40"},
        {"name": "DB_POOL_MIN", "value": "10"},
    ]);
    proof.forwards(&stage, &typed("traffic=high"), |shown| {
        for service in ["api-gateway", "auth-service", "customer-service", "inventory-service"] {
            assert_eq!(variables(&stage, service), pool, "{service}");
        }
        let deal = variables(&stage, "deal-service");
        assert_eq!((&deal[0], &deal[1]), (&json!({"name": "DB_POOL_MAX", "value": "40"}), &own[1]));
        // 10, 8, 10, 6 and 6 pods at the ceilings, each with 40.
        assert!(shown.to_string().contains("fits holds: number 2000.0, most 40, max 40"), "{shown}");
    });
    proof.again(&stage, &typed("traffic=high"));
    proof.back(&stage);
    assert_eq!(variables(&stage, "deal-service"), own);
    assert_eq!(variables(&stage, "api-gateway"), json!([{"name": "LOG_LEVEL", "value": "info"}]));

    // The API server tries it, and keeps nothing of it.
    let observe = [&["plan", "connection-pool", "--observe"], &typed("traffic=high")[..]].concat();
    let observed = stage.project.run(&observe).code(0).to_string();
    for line in [
        "DB_POOL_MAX=15 → DB_POOL_IDLE_TIMEOUT=20s DB_POOL_MAX=40 DB_POOL_MIN=10",
        "not set → DB_POOL_IDLE_TIMEOUT=20s DB_POOL_MAX=40 DB_POOL_MIN=10",
        "it says: deployment.apps/deal-service env updated (server dry run)",
        "set env deployment/deal-service --containers=deal-service DB_POOL_MAX=15 DB_POOL_IDLE_TIMEOUT- DB_POOL_MIN-",
    ] {
        assert!(observed.contains(line), "{line}\n{observed}");
    }
    assert_eq!(variables(&stage, "deal-service"), own);

    // At peak it would be 2,400.
    proof.failure(&stage, &typed("traffic=peak"), 1, |read, stage| {
        assert!(
            read.contains("fits failed: the gate does not hold: number 2000.0, most 40, max 60"),
            "{read}"
        );
        assert_eq!(variables(stage, "api-gateway").as_array().map(Vec::len), Some(1), "nothing was changed");
    });
    // The count of the source has the server's own processes in it, which take none of the connections.
    let read = stage.project.run(&["logs", &stage.project.newest(), "before"]).code(0).stdout;
    assert!(read.contains(r#""connections":1,"#) && read.contains(r#"{ "autolytiq_admin" : 1 }"#), "{read}");
    let of_source = postgres.sql("autolytiq", "SELECT count(*) FROM pg_stat_activity");
    assert!(of_source.parse::<i64>().expect("a number") > 1, "{of_source}");

    let words: Vec<String> = stage.calls().concat();
    assert!(!words.iter().any(|word| word.contains("sesame")), "a password in an argument");
    let given = std::fs::read_to_string(stage.project.root().join("../passwords")).expect("psql was called");
    assert_eq!(given, "sesame-17\n".repeat(8), "and psql got it each time");
}

/// What comes from elsewhere is not cut off from there.
#[test]
fn a_variable_that_comes_from_a_secret_is_refused() {
    let Some((stage, _moto, _postgres)) = with_database(2000) else { return };
    let mut spec = stage.cluster.object("deployments", NAMESPACE, "api-gateway")["spec"].clone();
    let from = json!({"secretKeyRef": {"name": "pool", "key": "max"}});
    spec["template"]["spec"]["containers"][0]["env"] = json!([{"name": "DB_POOL_MAX", "valueFrom": from}]);
    stage.cluster.remove("deployments", NAMESPACE, "api-gateway");
    stage.cluster.seed("deployments", NAMESPACE, json!({"metadata": {"name": "api-gateway"}, "spec": spec}));
    let before = variables(&stage, "api-gateway");
    let typed = ["exec", "connection-pool", "--yes", "--var", "env=prod", "--var", "traffic=normal"];
    let shown = stage.project.run(&typed).code(1);
    assert!(shown.to_string().contains("pools[api-gateway] failed"), "{shown}");
    assert_eq!(variables(&stage, "api-gateway"), before);
}
