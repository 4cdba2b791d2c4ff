//! What a test may ask of its cluster: the requests it got, failures on purpose, denials.

use super::shop;

#[test]
fn requests_are_written_down_and_changes_told_apart() {
    let Some((cluster, kubectl)) = shop() else { return };
    kubectl.run(&["get", "pods"]).ok();
    assert!(cluster.changes().is_empty());
    assert!(cluster.requests().iter().any(|request| request.path == "/api/v1/namespaces/shop/pods"));
    cluster.forget_requests();
    kubectl.run(&["scale", "deployment/api", "--replicas=4"]).ok();
    let changes = cluster.changes();
    let [change] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!((change.method.as_str(), change.status), ("PATCH", 200));
    assert_eq!(change.path, "/apis/apps/v1/namespaces/shop/deployments/api/scale");
    assert_eq!(change.content_type, "application/merge-patch+json");
    assert_eq!(change.body, r#"{"spec":{"replicas":4}}"#);
}

#[test]
fn a_failure_on_purpose_comes_as_often_as_asked() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.fail_next("PATCH", "deployments/api/scale", 500, "InternalError", 2);
    for _ in 0..2 {
        let said = kubectl.run(&["scale", "deployment/api", "--replicas=4"]);
        assert!(said.failed(1).contains("InternalError"), "{}", said.stderr);
        assert_eq!(cluster.object("deployment", "shop", "api")["spec"]["replicas"], 3);
    }
    kubectl.run(&["scale", "deployment/api", "--replicas=4"]).ok();
    let statuses: Vec<u16> = cluster.changes().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [500, 500, 200]);
}

#[test]
fn a_server_that_is_gone_refuses_the_connection() {
    let Some((cluster, kubectl)) = shop() else { return };
    drop(cluster);
    let said = kubectl.run(&["get", "pods"]);
    assert!(
        said.failed(1).contains("connection to the server") && said.stderr.contains("refused"),
        "{}",
        said.stderr
    );
}

#[test]
fn can_i_follows_the_denials() {
    let Some((cluster, kubectl)) = shop() else { return };
    let can_i = |verb: &str, below: &str| {
        let subresource = format!("--subresource={below}");
        let said = kubectl.run(&["auth", "can-i", verb, "deployments", &subresource, "-n", "shop"]);
        (said.stdout.trim().to_owned(), said.code)
    };
    assert_eq!(can_i("patch", "scale"), ("yes".to_owned(), Some(0)));
    cluster.deny("patch", "deployments/scale");
    assert_eq!(can_i("patch", "scale"), ("no".to_owned(), Some(1)));
    assert_eq!(can_i("get", "scale"), ("yes".to_owned(), Some(0)));
    cluster.allow_all();
    assert_eq!(can_i("patch", "scale"), ("yes".to_owned(), Some(0)));
    assert!(cluster.changes().is_empty());
}

#[test]
fn can_i_takes_what_follows_a_slash_for_a_name() {
    let Some((cluster, kubectl)) = shop() else { return };
    // The trap: this asks about a deployment *called* `scale`, so a rule about the address `scale` does not count.
    cluster.deny("patch", "deployments/scale");
    assert_eq!(kubectl.run(&["auth", "can-i", "patch", "deployments/scale", "-n", "shop"]).ok(), "yes\n");
    cluster.deny("patch", "deployments");
    kubectl.run(&["auth", "can-i", "patch", "deployments/scale", "-n", "shop"]).failed(1);
}

#[test]
fn what_is_denied_is_forbidden() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.deny("list", "pods");
    let said = kubectl.run(&["get", "pods"]);
    assert_eq!(
        said.failed(1),
        "Error from server (Forbidden): pods is forbidden: User \"tester\" cannot list resource \"pods\" in API \
         group \"\" in the namespace \"shop\"\n"
    );
    cluster.deny("*", "deployments/scale");
    let said = kubectl.run(&["scale", "deployment/api", "--replicas=4"]);
    assert!(said.failed(1).contains("cannot patch resource \"deployments/scale\""), "{}", said.stderr);
    assert_eq!(cluster.object("deployment", "shop", "api")["spec"]["replicas"], 3);
}
