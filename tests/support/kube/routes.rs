//! The routes, and the one function that answers for every kind.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Query, Request, State as Extract};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::kinds::Kind;
use super::selector::Selector;
use super::state::{Shared, State, USER};
use super::status::{Refusal, no_such_path};
use super::store::{Key, Write};
use super::table::{Include, table};
use super::{
    defaults, desk, discovery, eviction, exec, limits, logs, metrics, patch, protobuf, quota, scale,
    validate, watch,
};

/// No body that kubectl sends comes near this.
const LONGEST_BODY: usize = 8 << 20;

/// Returns the whole API.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/version", get(discovery::version))
        .route("/api", get(discovery::core))
        .route("/apis", get(discovery::groups))
        .route("/api/{version}", get(discovery::group))
        .route("/apis/{group}", get(discovery::group))
        .route("/apis/{group}/{version}", get(discovery::group))
        .route("/openapi/v2", get(discovery::openapi_v2))
        .route("/openapi/v3", get(discovery::openapi_v3))
        .route("/openapi/v3/{*group}", get(discovery::openapi_v3_group))
        .route("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", post(access_review))
        .route("/api/{version}/{*object}", any(object))
        .route("/apis/{group}/{version}/{*object}", any(object))
        .fallback(async || no_such_path())
        .layer(from_fn_with_state(shared.clone(), pass_the_desk))
        .with_state(shared)
}

/// Writes every request down, and answers those that a test wants to fail.
async fn pass_the_desk(Extract(shared): Extract<Arc<Shared>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST_BODY).await else {
        return Refusal::bad_request("no body").into_response();
    };
    let mut written = desk::Request {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        content_type: header(&parts, &CONTENT_TYPE),
        body: String::from_utf8_lossy(&body).into_owned(),
        status: 0,
    };
    let fault = shared.with(|state| state.desk.fault(&written.method, &written.path));
    let response = match fault {
        Some(refusal) => refusal.into_response(),
        None => next.run(Request::from_parts(parts, Body::from(body))).await,
    };
    written.status = response.status().as_u16();
    shared.with(|state| state.desk.requests.push(written));
    response
}

/// Answers `kubectl auth can-i`.
async fn access_review(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> Response {
    let review = match body_of(&body) {
        Ok(review) => review,
        Err(refusal) => return refusal.into_response(),
    };
    let asked = &review["spec"]["resourceAttributes"];
    let text = |field: &str| asked[field].as_str().unwrap_or_default();
    let below = Some(text("subresource")).filter(|below| !below.is_empty());
    let allowed = shared.with(|state| state.desk.allows_named(text("verb"), text("resource"), below));
    let mut answer = review.clone();
    answer["status"] = json!({"allowed": allowed});
    (StatusCode::CREATED, Json(answer)).into_response()
}

/// One request about objects.
pub(crate) struct Call {
    pub(crate) kind: &'static Kind,
    pub(crate) namespace: Option<String>,
    pub(crate) query: HashMap<String, String>,
    pub(crate) table: Option<Include>,
    name: Option<String>,
    below: Option<String>,
    method: Method,
    content_type: String,
    body: Bytes,
}

impl Call {
    /// Returns what a request is about; `None` where the server has no such address.
    fn read(parts: &Parts, body: Bytes) -> Option<Self> {
        let path = parts.uri.path().trim_matches('/');
        let mut rest = path.split('/');
        let group = if rest.next()? == "apis" { rest.next()? } else { "" };
        let version = rest.next()?;
        let rest: Vec<&str> = rest.collect();
        let (namespace, rest) = match rest[..] {
            // `namespaces/NAME` itself, and its status, are objects of the cluster.
            ["namespaces", namespace, ref rest @ ..] if !rest.is_empty() && rest != ["status"] => {
                (Some(namespace.to_owned()), rest)
            }
            ref rest => (None, rest),
        };
        let (resource, name, below) = match rest[..] {
            [resource] => (resource, None, None),
            [resource, name] => (resource, Some(name), None),
            [resource, name, below] => (resource, Some(name), Some(below)),
            _ => return None,
        };
        let kind = Kind::at(group, version, resource)?;
        if below.is_some_and(|below| !kind.below.contains(&below)) {
            return None;
        }
        let query = Query::<HashMap<String, String>>::try_from_uri(&parts.uri).ok()?.0;
        let include = match query.get("includeObject").map(String::as_str) {
            Some("None") => Include::Nothing,
            Some("Object") => Include::Whole,
            _ => Include::Metadata,
        };
        Some(Self {
            kind,
            namespace,
            table: header(parts, &ACCEPT).contains("as=Table").then_some(include),
            query,
            name: name.map(str::to_owned),
            below: below.map(str::to_owned),
            method: parts.method.clone(),
            content_type: header(parts, &CONTENT_TYPE),
            body,
        })
    }

    /// Returns the verb as access rules name it.
    fn verb(&self) -> &'static str {
        match (self.method.as_str(), &self.name) {
            // A WebSocket begins with a GET, but what is asked for is to create.
            _ if self.below.as_deref() == Some("exec") => "create",
            ("GET", Some(_)) => "get",
            ("GET", None) if self.watches() => "watch",
            ("GET", None) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", Some(_)) => "delete",
            ("DELETE", None) => "deletecollection",
            _ => "",
        }
    }

    fn watches(&self) -> bool {
        self.query.get("watch").is_some_and(|watch| watch == "true" || watch == "1")
    }

    pub(crate) fn selector(&self) -> Result<Selector, Refusal> {
        let text = |key: &str| self.query.get(key).map(String::as_str);
        Selector::read(self.kind, text("labelSelector"), text("fieldSelector"))
    }

    fn write(&self) -> Write {
        if self.query.contains_key("dryRun") { Write::DryRun } else { Write::Keep }
    }
}

fn header(parts: &Parts, name: &axum::http::HeaderName) -> String {
    let values = parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}

/// Returns a body of either language as JSON.
fn body_of(body: &[u8]) -> Result<Value, Refusal> {
    if body.starts_with(b"k8s\0") { protobuf::read(body) } else { patch::read(body) }
}

/// Answers a request about the objects of any kind.
async fn object(Extract(shared): Extract<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST_BODY).await else {
        return Refusal::bad_request("no body").into_response();
    };
    let Some(call) = Call::read(&parts, body) else { return no_such_path() };
    if !shared.with(|state| state.serves(call.kind)) {
        return no_such_path();
    }
    let allowed = shared.with(|state| state.desk.allows(call.verb(), call.kind, call.below.as_deref()));
    if !allowed {
        let (below, namespace, name) =
            (call.below.as_deref(), call.namespace.as_deref(), call.name.as_deref());
        return Refusal::forbidden(USER, call.verb(), call.kind, below, namespace, name).into_response();
    }
    if call.watches() {
        return match call.selector() {
            Ok(selector) => watch::answer(shared, &call, selector),
            Err(refusal) => refusal.into_response(),
        };
    }
    if let (Some(below @ ("exec" | "log" | "eviction")), Some(name)) = (call.below.as_deref(), &call.name) {
        let key = Key::new(call.kind, call.namespace.as_deref().unwrap_or_default(), name);
        return match below {
            "exec" => exec::answer(shared, parts, &call, key).await,
            _ => shared.with(|state| below_pod(state, &call, &key, below)),
        };
    }
    let answer = shared.with(|state| match (&call.name, call.method.as_str()) {
        (name, "GET") if call.kind.is_metrics() => metrics::answer(state, &call, name.as_deref()),
        (None, "GET") => list(state, &call),
        (None, "POST") => create(state, &call),
        (None, "DELETE") => delete_all(state, &call),
        (Some(name), method) => one(state, &call, name, method),
        _ => Err(Refusal::not_allowed()),
    });
    let created = call.method == Method::POST && answer.is_ok();
    let code = if created { StatusCode::CREATED } else { StatusCode::OK };
    answer.map_or_else(IntoResponse::into_response, |body| (code, Json(body)).into_response())
}

/// Answers for what is below a pod and is no part of the object.
fn below_pod(state: &mut State, call: &Call, key: &Key, below: &str) -> Response {
    let Some(pod) = state.store.get(key).cloned() else {
        return Refusal::not_found(call.kind, &key.name).into_response();
    };
    match (below, call.method.as_str()) {
        ("log", "GET") => match logs::read(state, call, key, &pod) {
            Ok(text) => ([(CONTENT_TYPE, "text/plain")], text).into_response(),
            Err(refusal) => refusal.into_response(),
        },
        ("eviction", "POST") => match eviction::answer(state, key, &pod, call.write()) {
            Ok(status) => (StatusCode::CREATED, Json(status)).into_response(),
            Err(refusal) => refusal.into_response(),
        },
        _ => Refusal::not_allowed().into_response(),
    }
}

fn list(state: &State, call: &Call) -> Result<Value, Refusal> {
    let selector = call.selector()?;
    let all = state.store.list(call.kind, call.namespace.as_deref()).map(|(_, object)| object);
    let chosen: Vec<Value> = all.filter(|object| selector.selects(object)).cloned().collect();
    let revision = state.store.revision().to_string();
    if let Some(include) = call.table {
        return Ok(table(call.kind, &chosen, include, &revision, true));
    }
    // The elements of a list leave out what the list itself says.
    let bare = |mut object: Value| {
        let fields = object.as_object_mut().expect("every stored value is an object");
        drop((fields.shift_remove("kind"), fields.shift_remove("apiVersion")));
        object
    };
    Ok(json!({
        "kind": format!("{}List", call.kind.kind),
        "apiVersion": call.kind.api_version(),
        "metadata": {"resourceVersion": revision},
        "items": chosen.into_iter().map(bare).collect::<Vec<_>>(),
    }))
}

fn create(state: &mut State, call: &Call) -> Result<Value, Refusal> {
    let mut object = body_of(&call.body)?;
    if call.query.get("fieldValidation").is_some_and(|how| how == "Strict") {
        validate::fields(call.kind, &object)?;
    }
    if call.kind.has_status()
        && let Some(fields) = object.as_object_mut()
    {
        drop(fields.shift_remove("status"));
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        // Identity is the server's to give, also where the client sends an object it once read.
        drop(metadata.shift_remove("uid"));
    }
    defaults::fill(call.kind, &mut object);
    validate::check(call.kind, &object, None)?;
    let namespace = call.namespace.as_deref().unwrap_or_default();
    if call.kind.resource == "pods" {
        limits::fill(&state.store, namespace, &mut object);
    }
    if call.kind.resource == "pods"
        && let Some(why) = quota::refusal(&state.store, namespace, &object)
    {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        return Err(Refusal::kept_out(call.kind, name, &why));
    }
    let object = state.store.create(call.kind, namespace, object, call.write())?;
    Ok(shown(call, object))
}

fn delete_all(state: &mut State, call: &Call) -> Result<Value, Refusal> {
    let selector = call.selector()?;
    let all = state.store.list(call.kind, call.namespace.as_deref());
    let chosen: Vec<Key> =
        all.filter(|(_, object)| selector.selects(object)).map(|(key, _)| key.clone()).collect();
    if call.write() == Write::Keep {
        for key in chosen {
            state.store.delete(call.kind, &key, false)?;
        }
    }
    Ok(json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": {}}))
}

/// Answers a request about one object, or about the `scale` or `status` below it.
fn one(state: &mut State, call: &Call, name: &str, method: &str) -> Result<Value, Refusal> {
    let key = Key::new(call.kind, call.namespace.as_deref().unwrap_or_default(), name);
    let stored = state.store.get(&key).cloned();
    let object = match stored {
        Some(object) => object,
        None => return Err(Refusal::not_found(call.kind, name)),
    };
    let below = call.below.as_deref();
    let view = if below == Some("scale") { scale::of(&object) } else { object.clone() };
    let wanted = match method {
        "GET" => return Ok(shown(call, view)),
        "DELETE" if below.is_none() => return delete(state, call, &key, object),
        "PUT" => body_of(&call.body)?,
        "PATCH" => patch::apply(&call.content_type, &call.body, &view)?,
        _ => return Err(Refusal::not_allowed()),
    };
    let updated = match below {
        Some("scale") => scale::onto(call.kind, &object, &wanted)?,
        Some(_) => {
            let mut updated = object.clone();
            updated["status"] = wanted["status"].clone();
            updated["metadata"]["resourceVersion"] = wanted["metadata"]["resourceVersion"].clone();
            updated
        }
        None => whole(call.kind, &object, wanted, name)?,
    };
    let stored = state.store.update(call.kind, &key, updated, call.write())?;
    Ok(if below == Some("scale") { scale::of(&stored) } else { shown(call, stored) })
}

/// Returns a whole new object, ready to store: the status stays as it is, since controllers own it.
fn whole(kind: &Kind, before: &Value, mut wanted: Value, name: &str) -> Result<Value, Refusal> {
    if wanted["metadata"]["name"] != name {
        let message = "the name of the object does not match the name on the URL";
        return Err(Refusal::bad_request(message));
    }
    if kind.has_status() {
        wanted["status"] = before["status"].clone();
    }
    wanted["kind"] = before["kind"].clone();
    wanted["apiVersion"] = before["apiVersion"].clone();
    defaults::fill(kind, &mut wanted);
    validate::check(kind, &wanted, Some(before))?;
    Ok(wanted)
}

fn delete(state: &mut State, call: &Call, key: &Key, object: Value) -> Result<Value, Refusal> {
    let options: Value = body_of(&call.body).unwrap_or_default();
    let dry = call.write() == Write::DryRun || options["dryRun"].is_array();
    let policy = call.query.get("propagationPolicy").map(String::as_str);
    let orphan = policy.or(options["propagationPolicy"].as_str()) == Some("Orphan");
    let gone = if dry { object } else { state.store.delete(call.kind, key, orphan)? };
    if call.kind.resource == "pods" {
        return Ok(gone);
    }
    let details = json!({
        "name": key.name, "group": call.kind.group, "kind": call.kind.resource, "uid": gone["metadata"]["uid"],
    });
    Ok(json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}))
}

/// Returns an object in the form that was asked for.
fn shown(call: &Call, object: Value) -> Value {
    let Some(include) = call.table.filter(|_| call.below.is_none()) else { return object };
    let revision = object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    table(call.kind, &[object], include, &revision, true)
}
