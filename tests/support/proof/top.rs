//! `kubectl top`, with metrics and without, and what an autoscaler says then.

use super::shop;

#[test]
fn top_shows_what_a_test_said_and_else_a_share_of_the_requests() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.statefulset("shop", "redis", 1);
    cluster.usage("shop", "redis", 61, 129);
    let said = kubectl.run(&["top", "pods"]);
    let lines: Vec<Vec<&str>> = said.ok().lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "CPU(cores)", "MEMORY(bytes)"]);
    assert_eq!(lines[1][1..], ["60m", "128Mi"], "30 % of 200m, 50 % of 256Mi");
    assert_eq!(lines[4], ["redis-0", "61m", "129Mi"]);
    let said = kubectl.run(&["top", "pods", "-l", "app=redis", "--containers", "--no-headers"]);
    assert_eq!(said.ok().split_whitespace().collect::<Vec<_>>(), ["redis-0", "redis", "61m", "129Mi"]);
    let said = kubectl.run(&["top", "nodes"]);
    let total: i64 = said
        .ok()
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().nth(1).unwrap().trim_end_matches('m').parse::<i64>().unwrap())
        .sum();
    assert_eq!(total, 3 * 60 + 61, "{}", said.stdout);
    let raw = kubectl.run(&["get", "--raw", "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods/redis-0"]);
    assert!(
        raw.ok()
            .contains(r#""containers":[{"name":"redis","usage":{"cpu":"61000000n","memory":"132096Ki"}}]"#)
    );
}

#[test]
fn without_the_api_top_and_autoscalers_say_so() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.hpa("shop", "api-hpa", "deployment/api", 3, 10);
    cluster.metrics(false);
    assert_eq!(kubectl.run(&["top", "pods"]).failed(1), "error: Metrics API not available\n");
    assert_eq!(kubectl.run(&["top", "nodes"]).failed(1), "error: Metrics API not available\n");
    let unable = "unable to fetch metrics from resource metrics API: the server could not find the requested resource \
                  (get pods.metrics.k8s.io)";
    cluster.wait_for("hpa", "shop", "api-hpa", |hpa| {
        hpa["status"]["conditions"][1]["message"].as_str().is_some_and(|message| message.ends_with(unable))
    });
    let said = kubectl.run(&["describe", "hpa", "api-hpa"]);
    assert!(said.ok().contains("ScalingActive   False   FailedGetResourceMetric"), "{}", said.stdout);
    assert!(said.stdout.contains("Warning  FailedGetResourceMetric"), "{}", said.stdout);
    let service = ["get", "apiservice", "v1beta1.metrics.k8s.io"];
    assert!(kubectl.run(&service).failed(1).contains("(NotFound)"));
    cluster.metrics(true);
    kubectl.run(&["top", "pods"]).ok();
    kubectl
        .run(&["wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", "--timeout=5s"])
        .ok();
}

#[test]
fn the_vpa_is_known_once_it_is_installed() {
    let Some((cluster, kubectl)) = shop() else { return };
    let name = "verticalpodautoscalers.autoscaling.k8s.io";
    let said = kubectl.run(&["get", "crd", name]);
    assert_eq!(
        said.failed(1),
        format!(
            "Error from server (NotFound): customresourcedefinitions.apiextensions.k8s.io \"{name}\" not found\n"
        )
    );
    let said = kubectl.run(&["get", "vpa"]);
    assert_eq!(said.failed(1), "error: the server doesn't have a resource type \"vpa\"\n");
    let vpa = "apiVersion: autoscaling.k8s.io/v1\nkind: VerticalPodAutoscaler\nmetadata: {name: api}\nspec:\n  \
               targetRef: {apiVersion: apps/v1, kind: Deployment, name: api}\n  updatePolicy: {updateMode: 'Off'}\n";
    let said = kubectl.run_with(&["apply", "-f", "-"], vpa);
    assert!(said.failed(1).contains("no matches for kind \"VerticalPodAutoscaler\""), "{}", said.stderr);
    cluster.install_vpa();
    kubectl.run(&["get", "crd", name]).ok();
    let said = kubectl.run_with(&["apply", "-f", "-"], vpa);
    assert_eq!(said.ok(), "verticalpodautoscaler.autoscaling.k8s.io/api created\n");
    assert_eq!(cluster.object("vpa", "shop", "api")["spec"]["updatePolicy"]["updateMode"], "Off");
    cluster.wait_for("vpa", "shop", "api", |vpa| vpa["status"]["recommendation"].is_object());
    let said = kubectl.run(&["describe", "vpa", "api"]);
    assert!(said.ok().contains("Recommendation Provided") || said.stdout.contains("RecommendationProvided"));
    let said = kubectl.run(&["get", "vpa", "api", "--no-headers"]);
    let cells: Vec<&str> = said.ok().split_whitespace().collect();
    assert_eq!(cells[..5], ["api", "Off", "60m", "128Mi", "True"]);
}
