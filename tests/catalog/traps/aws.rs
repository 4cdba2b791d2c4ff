//! aws: three ways to fail, values that are not there, limits that make no sense, and an answer that comes before the work.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{SHOP, hurried, runbook};
use crate::catalog::stage::Stage;
use crate::support::kube::Kubectl;
use crate::support::moto::Moto;
use crate::support::tools;

const CLUSTER: &str = "shop-db";

fn shop() -> Option<(Stage, Moto)> {
    let moto = Moto::start()?;
    moto.aurora(CLUSTER, 2.0, 16.0);
    let stage = Stage::new(SHOP)?.aws(&moto)?;
    Some((stage, moto))
}

/// Makes a cluster that is not serverless.
fn provisioned(moto: &Moto) {
    let args =
        ["rds", "create-db-cluster", "--db-cluster-identifier", "old", "--engine", "aurora-postgresql"];
    let user = ["--master-username", "tester", "--master-user-password", "nobodys-password"];
    moto.aws(&[&args[..], &user].concat()).ok();
}

/// A service that says no exits with 255, a client that was called wrongly with 2: neither is a "no" of a gate, nor tried again.
#[test]
fn what_aws_refuses_and_what_its_client_does_not_know_are_no_answers() {
    let Some((stage, moto)) = shop() else { return };
    let describe = ["rds", "describe-db-clusters", "--db-cluster-identifier"];
    assert!(moto.aws(&[&describe[..], &["nope"]].concat()).failed(255).contains("(DBClusterNotFoundFault)"));
    assert!(moto.aws(&["rds", "describe-db-capacity"]).failed(2).contains("Invalid choice"));

    let status = |cluster: &str| {
        let with = json!({"cluster": cluster, "within": "1s"});
        runbook(&stage, &[("status", "aws/aurora-status", with)]);
        stage.project.run(&["exec", "one"])
    };
    status(CLUSTER).code(0);
    let shown = status("nope").code(1).to_string();
    assert!(
        shown.contains("could not tell: it exited with 255: An error occurred (DBClusterNotFound"),
        "{shown}"
    );

    // An older client, which does not know the call yet. Trying it again does not make it any newer.
    let aws = tools::require("aws").expect("it was there for moto");
    let aged = "case \"$*\" in *modify-db-cluster*) shift 2; set -- rds modify-db-capacity \"$@\";; esac";
    let aged = format!("{aged}\nexec '{}' \"$@\"", aws.display());
    stage.client("aws", &aged);
    runbook(&stage, &[("up", "aws/aurora-capacity", json!({"cluster": CLUSTER, "min": 4, "max": 32}))]);
    let shown = stage.project.run(&["exec", "one"]).code(1).to_string();
    assert!(shown.contains("up failed: it exited with 2"), "{shown}");
    assert!(!shown.contains("attempt 2"), "{shown}");
    assert_eq!(moto.capacity(CLUSTER), (2.0, 16.0));
}

/// `--query` of what is not there prints `null` and exits with 0: that is no number, and no less than one either.
#[test]
fn a_value_that_is_not_there_is_no_value() {
    let Some((stage, moto)) = shop() else { return };
    provisioned(&moto);
    let query = "DBClusters[0].ServerlessV2ScalingConfiguration.MinCapacity";
    let described =
        ["rds", "describe-db-clusters", "--db-cluster-identifier", "old", "--output", "json", "--query"];
    assert_eq!(moto.aws(&[&described[..], &[query]].concat()).ok().trim(), "null");
    let exec = |template: &str, with| {
        runbook(&stage, &[("it", template, with)]);
        let shown = stage.project.run(&["exec", "one"]).code(1).to_string();
        stage.project.run(&["rollback", "--yes"]).code(0);
        shown
    };
    let shown = exec("aws/aurora-status", json!({"cluster": "old", "min": 0, "within": "1s"}));
    assert!(shown.contains("it failed: the gate could not tell"), "{shown}");
    let shown = exec("aws/aurora-capacity", json!({"cluster": "old", "min": 4, "max": 32}));
    assert!(shown.contains("it failed: its check does not hold"), "{shown}");
    assert_eq!(stage.changing_calls(0), [""; 0]);
}

/// What takes a minimum above the maximum is not asked to.
#[test]
fn limits_in_the_wrong_order_are_refused_before_anything_is_sent() {
    let Some((stage, moto)) = shop() else { return };
    let modify = ["rds", "modify-db-cluster", "--db-cluster-identifier", CLUSTER];
    let limits = ["--serverless-v2-scaling-configuration", "MinCapacity=32,MaxCapacity=8"];
    moto.aws(&[&modify[..], &limits].concat()).ok();
    assert_eq!(moto.capacity(CLUSTER), (32.0, 8.0), "as the stand-in for AWS takes it");
    let exec = |template: &str, with| {
        runbook(&stage, &[("it", template, with)]);
        let shown = stage.project.run(&["exec", "one"]).code(1).to_string();
        assert!(shown.contains("it failed: its check does not hold"), "{shown}");
        stage.project.run(&["rollback", "--yes"]).code(0);
    };
    exec("aws/aurora-capacity", json!({"cluster": CLUSTER, "min": 32, "max": 8}));
    moto.node_group("shop", "workers", (3, 20, 5));
    exec(
        "aws/node-group",
        json!({"cluster": "shop", "group": "workers", "min": 9, "max": 8, "autoscaler": true}),
    );
    assert_eq!(stage.changing_calls(0), [""; 0]);
}

/// AWS says yes at once and takes minutes. The stand-in is `modifying` for the first two looks after the change.
#[test]
fn a_change_is_over_when_aws_says_available_and_not_before() {
    let Some((stage, moto)) = shop() else { return };
    let aws = tools::require("aws").expect("it was there for moto");
    let (looks, aws) = (stage.project.root().join("../looks"), aws.display());
    let looks = looks.display();
    let slow = format!(
        "case \"$*\" in\n*modify-db-cluster*) '{aws}' \"$@\" || exit; echo 0 > '{looks}';;\n\
         *describe-db-clusters*)\n  [ -e '{looks}' ] && seen=$(cat '{looks}') || seen=9\n  echo $((seen + 1)) > '{looks}'\n  \
         if [ $seen -lt 2 ]; then '{aws}' \"$@\" | sed 's/\"available\"/\"modifying\"/'; else '{aws}' \"$@\"; fi;;\n\
         *) exec '{aws}' \"$@\";;\nesac"
    );
    stage.client("aws", &slow);
    hurried(&stage, "aws/aurora-capacity", ("every: 10s", "every: 1s"));
    let with = |within: &str| json!({"cluster": CLUSTER, "min": 4, "max": 32, "ready_within": within});
    runbook(&stage, &[("up", "aws/aurora-capacity", with("30s"))]);
    stage.project.run(&["exec", "one"]).code(0);
    let calls: Vec<String> = stage.calls().iter().map(|call| call.join(" ")).collect();
    let sent = calls.iter().position(|call| call.contains("modify-db-cluster")).expect("it was sent");
    assert_eq!(calls.len() - sent - 1, 3, "twice it was not over yet: {calls:#?}");
    assert_eq!(moto.capacity(CLUSTER), (4.0, 32.0));
}

/// A replication group and its nodes have names of their own, and neither has a pod.
#[test]
fn a_cache_is_asked_for_by_its_group_and_has_no_pod() {
    let Some((stage, moto)) = shop() else { return };
    let create = ["elasticache", "create-replication-group", "--replication-group-id", "shop-cache"];
    let more =
        ["--replication-group-description", "a test", "--engine", "redis", "--replicas-per-node-group", "1"];
    moto.aws(
        &[&create[..], &more, &["--cache-node-type", "cache.m6g.large", "--num-node-groups", "1"]].concat(),
    )
    .ok();
    let typed = ["elasticache", "describe-cache-clusters", "--cache-cluster-id", "shop-cache"];
    assert!(moto.aws(&typed).failed(255).contains("(CacheClusterNotFound)"), "as the source names it");
    runbook(&stage, &[("cache", "aws/cache-status", json!({"group": "shop-cache", "within": "10s"}))]);
    stage.project.run(&["exec", "one"]).code(0);
    let found = &stage.outputs()["cache"];
    assert_eq!(found["members"], json!(["shop-cache-001", "shop-cache-002"]));
    assert!(found["host"].as_str().is_some_and(|host| host.contains("shop-cache")), "{found:?}");

    let kubectl = Kubectl::new(&stage.cluster, SHOP).expect("the stage has one");
    for client in ["psql", "redis-cli"] {
        let said = kubectl.run(&["exec", &format!("{CLUSTER}-0"), "--", client]);
        assert!(said.failed(1).contains("NotFound"), "{}", said.stderr);
    }
}

/// In us-east-1 the aws client of the first generation does not look at AWS_ENDPOINT_URL for some services, rds among them. A
/// proxy of this test's own is what it meets on its way out.
#[test]
fn in_us_east_1_the_endpoint_of_the_environment_is_not_looked_at() {
    let Some(moto) = Moto::start() else { return };
    let Some(aws) = tools::require("aws") else { return };
    let version = tools::run(tools::command(&aws, &["--version"], &moto.environment()), "");
    if !format!("{}{}", version.stdout, version.stderr).contains("aws-cli/1.") {
        return;
    }
    let proxy = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = proxy.local_addr().expect("a bound socket has an address");
    proxy.set_nonblocking(true).expect("a listener can be asked");
    let met = thread::spawn(move || {
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            let Ok((mut client, _)) = proxy.accept() else {
                thread::sleep(Duration::from_millis(10));
                continue;
            };
            let mut line = String::new();
            client.set_nonblocking(false).expect("a socket can wait");
            drop(BufReader::new(&client).read_line(&mut line));
            drop(client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
            return line;
        }
        String::new()
    });
    let mut environment = moto.environment();
    environment.retain(|(name, _)| !name.ends_with("REGION"));
    for (name, value) in [
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("HTTPS_PROXY", &format!("http://{address}")),
        ("https_proxy", &format!("http://{address}")),
    ] {
        environment.push((name.to_owned(), value.to_owned()));
    }
    let describe = ["rds", "describe-db-clusters", "--output", "json"];
    let said = tools::run(tools::command(&aws, &describe, &environment), "");
    assert_ne!(said.code, Some(0), "{}", said.stdout);
    let met = met.join().expect("the proxy ends");
    assert!(met.starts_with("CONNECT rds.") && met.contains("amazonaws.com:443"), "{met} {}", said.stderr);
    let url = moto.url();
    let told = [&["--endpoint-url", url.as_str()], &describe[..]].concat();
    tools::run(tools::command(&aws, &told, &environment), "").ok();
}
