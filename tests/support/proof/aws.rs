//! The real aws client against moto.

use crate::support::moto::Moto;

#[test]
fn aurora_limits_are_read_and_changed_by_the_real_client() {
    let Some(moto) = Moto::start() else { return };
    moto.aurora("orders", 2.0, 16.0);
    assert_eq!(moto.capacity("orders"), (2.0, 16.0));

    let mut args =
        vec!["rds", "modify-db-cluster", "--db-cluster-identifier", "orders", "--apply-immediately"];
    args.extend(["--serverless-v2-scaling-configuration", "MinCapacity=8,MaxCapacity=64"]);
    // By the environment alone: this is how a step of a runbook reaches it.
    moto.aws_by_environment(&args).ok();
    assert_eq!(moto.capacity("orders"), (8.0, 64.0));
}

#[test]
fn a_missing_cluster_is_a_service_error_with_exit_code_255() {
    let Some(moto) = Moto::start() else { return };
    let said = moto.aws(&["rds", "describe-db-clusters", "--db-cluster-identifier", "nope"]);
    let stderr = said.failed(255);
    assert!(
        stderr.contains("(DBClusterNotFoundFault) when calling the DescribeDBClusters operation"),
        "{stderr}"
    );
}
