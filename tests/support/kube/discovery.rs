//! What the server tells clients about itself: versions, groups, kinds, and as much OpenAPI as `apply` asks for.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::kinds::{KINDS, Kind};
use super::state::Shared;
use super::status::no_such_path;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// Answers `/version`: no client known to us refuses this one.
pub(crate) async fn version() -> Json<Value> {
    Json(json!({
        "major": "1", "minor": "33", "gitVersion": "v1.33.0", "gitCommit": "0000000000", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.24.0", "compiler": "gc", "platform": "linux/amd64",
    }))
}

/// Answers `/api`.
pub(crate) async fn core(Extract(shared): Extract<Arc<Shared>>, headers: HeaderMap) -> Response {
    if wants_aggregated(&headers) {
        return aggregated(&served(&shared), |group| group.is_empty());
    }
    Json(json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})).into_response()
}

/// Answers `/apis`.
pub(crate) async fn groups(Extract(shared): Extract<Arc<Shared>>, headers: HeaderMap) -> Response {
    if wants_aggregated(&headers) {
        return aggregated(&served(&shared), |group| !group.is_empty());
    }
    let groups: Vec<Value> =
        group_versions(&served(&shared)).filter(|(group, _)| !group.is_empty()).map(plain_group).collect();
    Json(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})).into_response()
}

/// Answers `/api/v1`, `/apis/GROUP` and `/apis/GROUP/VERSION`.
pub(crate) async fn group(Extract(shared): Extract<Arc<Shared>>, uri: Uri) -> Response {
    let kinds = served(&shared);
    let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    match parts[..] {
        ["api", version] => resources(&kinds, "", version),
        ["apis", group, version] => resources(&kinds, group, version),
        ["apis", group] => match group_versions(&kinds).find(|known| known.0 == group) {
            Some(known) => {
                let mut body = plain_group(known);
                body["kind"] = json!("APIGroup");
                body["apiVersion"] = json!("v1");
                Json(body).into_response()
            }
            None => no_such_path(),
        },
        _ => no_such_path(),
    }
}

/// Answers `/openapi/v2`: an empty document in the binary form that clients ask for.
pub(crate) async fn openapi_v2() -> Response {
    ([(CONTENT_TYPE, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")], "").into_response()
}

/// Answers `/openapi/v3`: where the document of each group is.
pub(crate) async fn openapi_v3(Extract(shared): Extract<Arc<Shared>>) -> Json<Value> {
    let paths: Map<String, Value> = group_versions(&served(&shared))
        .map(|known| {
            let root = root(known);
            let url = format!("/openapi/v3/{root}?hash=0");
            (root, json!({"serverRelativeURL": url}))
        })
        .collect();
    Json(json!({"paths": paths}))
}

/// Answers `/openapi/v3/…`: that every kind of the group can be patched with field validation; no schemas.
pub(crate) async fn openapi_v3_group(Extract(shared): Extract<Arc<Shared>>, uri: Uri) -> Response {
    let wanted = uri.path().trim_start_matches("/openapi/v3/");
    let kinds = served(&shared);
    let Some((group, version)) = group_versions(&kinds).find(|known| root(*known) == wanted) else {
        return no_such_path();
    };
    let paths: Map<String, Value> = of(&kinds, group, version)
        .map(|kind| {
            let place = if kind.namespaced() { "namespaces/{namespace}/" } else { "" };
            let patch = json!({
                "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}],
                "responses": {},
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind.kind},
            });
            (format!("/{wanted}/{place}{}/{{name}}", kind.resource), json!({"patch": patch}))
        })
        .collect();
    let info = json!({"title": "Kubernetes", "version": "v1.33.0"});
    Json(json!({"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}))
        .into_response()
}

fn wants_aggregated(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .any(|accept| accept.to_str().is_ok_and(|accept| accept.contains("v=v2;as=APIGroupDiscoveryList")))
}

/// Returns the kinds that the server has now.
fn served(shared: &Shared) -> Vec<&'static Kind> {
    shared.with(|state| KINDS.iter().filter(|kind| state.serves(kind)).collect())
}

/// Returns every group with its version, in the order of `KINDS`; a group has one version here.
fn group_versions(kinds: &[&'static Kind]) -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut seen = Vec::new();
    kinds.iter().map(|kind| (kind.group, kind.version)).filter(move |known| {
        let new = !seen.contains(known);
        if new {
            seen.push(*known);
        }
        new
    })
}

fn of(kinds: &[&'static Kind], group: &str, version: &str) -> impl Iterator<Item = &'static Kind> {
    kinds.iter().copied().filter(move |kind| kind.group == group && kind.version == version)
}

fn root((group, version): (&str, &str)) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn plain_group((group, version): (&str, &str)) -> Value {
    let version = json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({"name": group, "versions": [version], "preferredVersion": version})
}

/// Returns what a subresource answers with: group, version, kind.
fn answers(kind: &'static Kind, below: &str) -> (&'static str, &'static str, &'static str) {
    match below {
        "scale" => ("autoscaling", "v1", "Scale"),
        "eviction" => ("policy", "v1", "Eviction"),
        _ => (kind.group, kind.version, kind.kind),
    }
}

fn verbs(below: &str) -> &'static [&'static str] {
    match below {
        "log" => &["get"],
        "exec" => &["create", "get"],
        "eviction" => &["create"],
        _ => &["get", "patch", "update"],
    }
}

fn categories(kind: &Kind) -> &'static [&'static str] {
    let everyday = ["pods", "deployments", "replicasets", "statefulsets", "horizontalpodautoscalers"];
    if everyday.contains(&kind.resource) && !kind.is_metrics() { &["all"] } else { &[] }
}

fn aggregated(kinds: &[&'static Kind], wanted: impl Fn(&str) -> bool) -> Response {
    let items: Vec<Value> = group_versions(kinds)
        .filter(|(group, _)| wanted(group))
        .map(|(group, version)| {
            let resources: Vec<Value> = of(kinds, group, version)
                .map(|kind| {
                    let below: Vec<Value> = kind
                        .below
                        .iter()
                        .map(|name| {
                            let (group, version, kind) = answers(kind, name);
                            json!({
                                "subresource": name, "verbs": verbs(name),
                                "responseKind": {"group": group, "version": version, "kind": kind},
                            })
                        })
                        .collect();
                    json!({
                        "resource": kind.resource, "singularResource": kind.singular(), "verbs": VERBS,
                        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
                        "scope": format!("{:?}", kind.scope), "shortNames": kind.short,
                        "categories": categories(kind), "subresources": below,
                    })
                })
                .collect();
            let version = json!({"version": version, "resources": resources, "freshness": "Current"});
            json!({"metadata": {"name": group}, "versions": [version]})
        })
        .collect();
    let body = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
    });
    ([(CONTENT_TYPE, AGGREGATED)], body.to_string()).into_response()
}

fn resources(kinds: &[&'static Kind], group: &str, version: &str) -> Response {
    let mut list = Vec::new();
    for kind in of(kinds, group, version) {
        list.push(json!({
            "name": kind.resource, "singularName": kind.singular(), "namespaced": kind.namespaced(),
            "kind": kind.kind, "verbs": VERBS, "shortNames": kind.short, "categories": categories(kind),
        }));
        for below in kind.below {
            let (group, version, answer) = answers(kind, below);
            list.push(json!({
                "name": format!("{}/{below}", kind.resource), "singularName": "", "namespaced": kind.namespaced(),
                "group": group, "version": version, "kind": answer, "verbs": verbs(below),
            }));
        }
    }
    if list.is_empty() {
        return no_such_path();
    }
    let version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let body =
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": list});
    Json(body).into_response()
}
