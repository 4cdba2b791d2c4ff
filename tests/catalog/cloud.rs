//! A cloud that gives a cluster its nodes. moto takes the limits of a node group and makes no machine; of gcloud there is only
//! a stand-in. What was asked for last stands in a file, and as many nodes join the cluster, or leave it.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::stage::Stage;
use crate::support::kube::Cluster;
use crate::support::tools;

/// The nodes of one group, all with its label; `w-1`, `w-2` and so on.
pub(super) struct Pool {
    label: &'static str,
    group: &'static str,
    zones: &'static [&'static str],
    size: PathBuf,
}

/// Ends the cloud also where the test panics.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Pool {
    /// A group of EKS with so many nodes. The real aws client is called, and what it made of the group's floor is noted.
    pub(super) fn eks(stage: &Stage, group: &'static str, nodes: usize) -> Option<Pool> {
        let aws = tools::require("aws")?;
        let zones = &["us-west-2a"];
        let pool = Pool::new(stage, ("eks.amazonaws.com/nodegroup", group), zones, nodes);
        let (aws, size) = (aws.display(), pool.size.display());
        stage.client(
            "aws",
            &format!(
                "'{aws}' \"$@\" || exit $?\ncase \"$*\" in *update-nodegroup-config*)\n\
                 echo \"$*\" | sed 's/.*minSize=\\([0-9]*\\).*/\\1/' > '{size}';; esac"
            ),
        );
        Some(pool)
    }

    /// A pool of GKE over three zones, with so many nodes in each. The stand-in says what gcloud says: without a location, and
    /// without `--quiet` where nobody can answer, it refuses.
    pub(super) fn gke(stage: &Stage, group: &'static str, nodes: usize) -> Pool {
        let zones = &["us-central1-a", "us-central1-b", "us-central1-c"];
        let pool = Pool::new(stage, ("cloud.google.com/gke-nodepool", group), zones, nodes);
        let size = pool.size.display();
        let lines = format!(
            r#"
for word in "$@"; do case "$word" in
  --location=us-central1) location=1;;
  --quiet) quiet=1;;
  --num-nodes=*) nodes="${{word#--num-nodes=}}";;
  --cluster=arka-cluster|--node-pool=arka-workers|--format=json|container|node-pools|clusters|describe|resize|arka-cluster|arka-workers|config|get-value|project) ;;
  *) echo "ERROR: (gcloud) unrecognized arguments: $word" >&2; exit 2;;
esac; done
case "$*" in
  "config get-value project") echo labproj; exit;;
esac
[ -n "$location" ] || {{ echo "ERROR: (gcloud.$1.$2.$3) One of [--location, --zone, --region] must be supplied." >&2; exit 1; }}
case "$1 $2 $3" in
  "container node-pools describe") echo '{{"name": "arka-workers", "status": "RUNNING", "initialNodeCount": 1, "autoscaling": {{}}, "locations": ["us-central1-a", "us-central1-b", "us-central1-c"]}}';;
  "container clusters resize")
    [ -n "$quiet" ] || {{ echo "ERROR: (gcloud.container.clusters.resize) This prompt could not be answered because you are not in an interactive session." >&2; exit 1; }}
    echo "$nodes" > '{size}'; echo "Resizing arka-cluster...done." >&2;;
  *) exit 2;;
esac"#
        );
        stage.client("gcloud", &lines);
        pool
    }

    fn new(
        stage: &Stage,
        (label, group): (&'static str, &'static str),
        zones: &'static [&'static str],
        nodes: usize,
    ) -> Pool {
        let pool = Pool { label, group, zones, size: stage.project.root().join("../size") };
        fs::write(&pool.size, nodes.to_string()).expect("a file");
        pool.follow(&stage.cluster);
        pool
    }

    /// Plays this while the cloud does what it is asked for.
    pub(super) fn at_work<T>(&self, stage: &Stage, play: impl FnOnce() -> T) -> T {
        let (over, cluster) = (AtomicBool::new(false), &stage.cluster);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    self.follow(cluster);
                    thread::sleep(Duration::from_millis(20));
                }
            });
            let _over = Over(&over);
            play()
        })
    }

    /// Lets nodes join or leave until there are as many as were asked for last, in each zone.
    fn follow(&self, cluster: &Cluster) {
        let text = fs::read_to_string(&self.size).unwrap_or_default();
        // Empty for the moment in which it is written.
        let Ok(size) = text.trim().parse::<usize>() else { return };
        let wanted = size * self.zones.len();
        let name = |number: usize| format!("w-{number}");
        let there = (1..).take_while(|number| cluster.find("nodes", "", &name(*number)).is_some()).count();
        for number in there + 1..=wanted {
            let zone = self.zones[number % self.zones.len()];
            let labels = json!({self.label: self.group, "topology.kubernetes.io/zone": zone});
            cluster.node_with(&name(number), "4", "8Gi", &json!({"metadata": {"labels": labels}}));
        }
        for number in wanted + 1..=there {
            cluster.remove("nodes", "", &name(number));
        }
    }
}
