//! The EKS node group: with and without Cluster Autoscaler.

use std::rc::Rc;

use serde_json::json;

use super::prod;
use crate::catalog::cloud::Pool;
use crate::catalog::proof::Proof;
use crate::catalog::stage::Stage;
use crate::support::moto::Moto;

const CLUSTER: &str = "autolytiq-cluster";
pub(super) const GROUP: &str = "autolytiq-prod-workers";

const TYPED: [&str; 4] = ["--var", "env=prod", "--var", "nodes=8"];

/// Prod with its node group: the least, the most and the size of it.
pub(super) fn prod_with_nodes(limits: (i64, i64, i64)) -> Option<(Stage, Rc<Moto>, Pool)> {
    let moto = Rc::new(Moto::start()?);
    moto.node_group(CLUSTER, GROUP, limits);
    let watched = Rc::clone(&moto);
    let stage = prod()?.aws(&moto)?.watched("node group", move || json!(watched.nodes(CLUSTER, GROUP)));
    let pool = Pool::eks(&stage, GROUP, usize::try_from(limits.2).expect("a count"))?;
    Some((stage, moto, pool))
}

/// What was sent to change the node group.
pub(super) fn sent(stage: &Stage) -> Vec<String> {
    let calls = stage.changing_calls(0).into_iter().filter(|call| call.starts_with("aws eks"));
    calls
        .map(|call| {
            let limits = call.split_once("--scaling-config ").expect("only the limits are changed").1;
            limits.trim_end_matches(" --output json").to_owned()
        })
        .collect()
}

#[test]
fn scale_node_pool() {
    let mut proof = Proof::of("autolytiq/scale-node-pool");
    let Some((stage, moto, pool)) = prod_with_nodes((3, 20, 3)) else { return };
    let approved = [&TYPED[..], &["--approve", "go"]].concat();
    pool.at_work(&stage, || {
        proof.forwards(&stage, &approved, |_| {
            assert_eq!(moto.nodes(CLUSTER, GROUP), (8, 20, 8));
            assert_eq!(sent(&stage), ["minSize=8,maxSize=20,desiredSize=8"], "nobody else sets the size");
            assert_eq!(stage.cluster.objects("nodes", "").len(), 2 + 8);
        });
        proof.again(&stage, &TYPED);
        proof.back(&stage);
    });
    assert_eq!(moto.nodes(CLUSTER, GROUP), (3, 20, 3));

    // AWS takes the limits, and no node comes: the zone has none of that type.
    let impatient = [&approved[..], &["--var", "ready_within=1s"]].concat();
    proof.failure(&stage, &impatient, 1, |read, stage| {
        assert!(read.contains("ready failed: the gate does not hold"), "{read}");
        assert!(read.contains("runbook rollback"), "{read}");
        stage.project.run(&["rollback", "--yes"]).code(0);
        assert_eq!(moto.nodes(CLUSTER, GROUP), (3, 20, 3));
    });
    let fewer = ["exec", "scale-node-pool", "--yes", "--var", "env=prod", "--var", "nodes=2"];
    stage.project.run(&[&fewer[..], &["--var", "lower=true", "--approve", "go"]].concat()).code(0);
    assert_eq!(moto.nodes(CLUSTER, GROUP), (2, 20, 2), "only where it is said that it may go down");
}

#[test]
fn beside_cluster_autoscaler_the_size_is_left_alone() {
    let Some((stage, moto, pool)) = prod_with_nodes((3, 20, 10)) else { return };
    stage.cluster.deployment("kube-system", "cluster-autoscaler", 1);
    let exec = |nodes: &str| {
        let nodes = format!("nodes={nodes}");
        let typed =
            ["exec", "scale-node-pool", "--yes", "--var", "env=prod", "--var", &nodes, "--approve", "go"];
        stage.project.run(&typed).code(0)
    };
    pool.at_work(&stage, || {
        exec("8");
        assert_eq!(sent(&stage), ["minSize=8,maxSize=20"]);
        assert_eq!(moto.nodes(CLUSTER, GROUP), (8, 20, 10), "the autoscaler had chosen 10");
        // AWS: "Minimum capacity 12 can't be greater than desired size 10".
        exec("12");
        assert_eq!(sent(&stage)[1], "minSize=12,maxSize=20,desiredSize=12");
        stage.project.run(&["rollback", "--yes"]).code(0);
        assert_eq!(
            sent(&stage)[2],
            "minSize=8,maxSize=20",
            "it takes them away itself, when nobody needs them"
        );
        let lower = ["exec", "scale-node-pool", "--yes", "--var", "env=prod", "--var", "nodes=5"];
        stage.project.run(&lower).code(0);
        assert_eq!((sent(&stage).len(), moto.nodes(CLUSTER, GROUP).0), (3, 8), "a higher floor is left");
    });
}

/// AWS: "desired capacity 8 can't be greater than max size 4".
#[test]
fn a_group_that_grew_beyond_its_old_ceiling_can_be_put_back() {
    let Some((stage, moto, pool)) = prod_with_nodes((3, 4, 3)) else { return };
    stage.cluster.deployment("kube-system", "cluster-autoscaler", 1);
    pool.at_work(&stage, || {
        let typed = ["exec", "scale-node-pool", "--yes", "--var", "env=prod", "--var", "nodes=8"];
        stage.project.run(&[&typed[..], &["--approve", "go"]].concat()).code(0);
        assert_eq!(moto.nodes(CLUSTER, GROUP), (8, 20, 8));
        stage.project.run(&["rollback", "--yes"]).code(0);
    });
    assert_eq!(sent(&stage), ["minSize=8,maxSize=20,desiredSize=8", "minSize=3,maxSize=4,desiredSize=4"]);
    assert_eq!(moto.nodes(CLUSTER, GROUP), (3, 4, 4));
}
