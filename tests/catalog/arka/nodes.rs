//! The node pool: on EKS, and on GKE.

use std::rc::Rc;

use serde_json::json;

use super::prod;
use crate::catalog::cloud::Pool;
use crate::catalog::proof::Proof;
use crate::support::moto::Moto;

const CLUSTER: &str = "arka-cluster";
const POOL: &str = "arka-workers";

#[test]
fn scale_node_pool() {
    let mut proof = Proof::of("arka/scale-node-pool");
    let Some(moto) = Moto::start().map(Rc::new) else { return };
    moto.node_group(CLUSTER, POOL, (3, 20, 3));
    let watched = Rc::clone(&moto);
    let Some(stage) = prod().and_then(|stage| stage.aws(&moto)) else { return };
    let stage = stage.watched("node group", move || json!(watched.nodes(CLUSTER, POOL)));
    let Some(pool) = Pool::eks(&stage, POOL, 3) else { return };
    let typed = ["--var", "env=prod", "--var", "nodes=5"];
    let approved = [&typed[..], &["--approve", "go-eks"]].concat();
    pool.at_work(&stage, || {
        proof.forwards(&stage, &approved, |_| {
            assert_eq!(moto.nodes(CLUSTER, POOL), (5, 20, 5));
            assert_eq!(stage.cluster.objects("nodes", "").len(), 2 + 5);
        });
        proof.again(&stage, &typed);
        proof.back(&stage);
    });
    // More than the table allows: the floor would stand above the ceiling.
    let many = ["--var", "env=prod", "--var", "nodes=25", "--approve", "go-eks"];
    proof.failure(&stage, &many, 1, |read, _| {
        assert!(read.contains("eks failed: its check does not hold") && read.contains("min 25"), "{read}");
        assert_eq!(moto.nodes(CLUSTER, POOL), (3, 20, 3), "nothing was changed");
    });
}

/// gcloud is a stand-in that checks its arguments; what it says is what the real one said.
#[test]
fn on_gke_the_size_is_for_each_zone_and_what_gcloud_wants_is_given() {
    let Some(stage) = prod() else { return };
    let pool = Pool::gke(&stage, POOL, 2);
    let before = stage.kept();
    let typed = ["exec", "arka/scale-node-pool", "--yes", "--var", "env=prod", "--var", "provider=gke"];
    let typed = [&typed[..], &["--var", "nodes=5"]].concat();
    let shown = stage.project.run(&typed).code(2).to_string();
    assert!(shown.contains("`location` of `gcloud/node-pool`"), "nothing is begun without one: {shown}");

    let located = [&typed[..], &["--var", "location=us-central1", "--approve", "go-gke"]].concat();
    pool.at_work(&stage, || {
        let shown = stage.project.run(&located).code(0).to_string();
        assert!(shown.contains("nodes 6 → 15, in 3 zones"), "{shown}");
        assert_eq!(
            stage.changing_calls(0),
            ["gcloud container clusters resize arka-cluster --node-pool=arka-workers --num-nodes=5 \
              --location=us-central1 --quiet"]
        );
        stage.project.run(&["rollback", "--yes"]).code(0);
        assert_eq!(crate::catalog::stage::difference(&before, &stage.kept()), "");
    });
}

/// A pool that has no node yet spans its zones all the same: five in each of three are fifteen, and that is what is approved.
#[test]
fn an_empty_pool_on_gke_spans_all_of_its_zones() {
    let Some(stage) = prod() else { return };
    let pool = Pool::gke(&stage, POOL, 0);
    let typed = ["exec", "arka/scale-node-pool", "--yes", "--var", "env=prod", "--var", "provider=gke"];
    let typed = [&typed[..], &["--var", "nodes=5", "--var", "location=us-central1"]].concat();
    pool.at_work(&stage, || {
        let shown = stage.project.run(&typed).code(3).to_string();
        assert!(shown.contains("has 0 nodes in 3 zones. Give it 5 in each zone, 15 in all?"), "{shown}");
        let run = stage.project.newest();
        stage.project.run(&["approve", &run, "go-gke"]).code(0);
        let shown = stage.project.run(&["resume", &run]).code(0).to_string();
        assert!(shown.contains("nodes 0 → 15, in 3 zones"), "{shown}");
    });
}
