//! The server's refusals: Status objects with the HTTP code, the reason and the wording that kubectl prints.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::kinds::Kind;

/// A request that was refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    code: u16,
    reason: String,
    message: String,
    /// Boxed: it is the largest part, and refusals are returned by value everywhere.
    details: Box<Value>,
}

/// One reason why an object is invalid.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) field: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    /// Returns a refusal with no object to name.
    pub(crate) fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self { code, reason: reason.to_owned(), message: message.into(), details: Box::new(json!({})) }
    }

    fn about(mut self, kind: &Kind, name: &str) -> Self {
        *self.details = json!({"name": name, "group": kind.group, "kind": kind.resource});
        if kind.group.is_empty() {
            drop(self.details.as_object_mut().and_then(|details| details.remove("group")));
        }
        self
    }

    /// Returns the 404 of an object that is not there.
    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} \"{name}\" not found", kind.qualified())).about(kind, name)
    }

    /// Returns the 409 of a name that is taken.
    pub(crate) fn exists(kind: &Kind, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{} \"{name}\" already exists", kind.qualified()))
            .about(kind, name)
    }

    /// Returns the 409 of a write that carries an old resourceVersion.
    pub(crate) fn conflict(kind: &Kind, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes \
             to the latest version and try again",
            kind.qualified()
        );
        Self::new(409, "Conflict", message).about(kind, name)
    }

    /// Returns the 403 of a verb that the user may not use.
    pub(crate) fn forbidden(
        user: &str,
        verb: &str,
        kind: &Kind,
        below: Option<&str>,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> Self {
        let object = name.map(|name| format!(" \"{name}\"")).unwrap_or_default();
        let below = below.map(|below| format!("/{below}")).unwrap_or_default();
        let place = match namespace {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let message = format!(
            "{}{object} is forbidden: User \"{user}\" cannot {verb} resource \"{}{below}\" in API group \"{}\" {place}",
            kind.qualified(),
            kind.resource,
            kind.group,
        );
        let mut refusal = Self::new(403, "Forbidden", message).about(kind, name.unwrap_or_default());
        if name.is_none() {
            drop(refusal.details.as_object_mut().and_then(|details| details.remove("name")));
        }
        refusal
    }

    /// Returns the 403 of an object that an admission rule keeps out; the message goes on after `is forbidden`.
    pub(crate) fn kept_out(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is forbidden: {why}", kind.qualified());
        Self::new(403, "Forbidden", message).about(kind, name)
    }

    /// Returns the 429 of an eviction that a disruption budget forbids now.
    pub(crate) fn disruption(cause: &str) -> Self {
        let message = "Cannot evict pod as it would violate the pod's disruption budget.";
        let mut refusal = Self::new(429, "TooManyRequests", message);
        refusal.details["causes"] = json!([{"reason": "DisruptionBudget", "message": cause}]);
        refusal
    }

    /// Returns what a person reads.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Returns the 422 of an object that breaks a rule of its kind; its `details.kind` is the kind, not the plural.
    pub(crate) fn invalid(kind: &Kind, name: &str, causes: &[Cause]) -> Self {
        let each: Vec<String> =
            causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let all = if each.len() == 1 { each[0].clone() } else { format!("[{}]", each.join(", ")) };
        let place = if kind.group.is_empty() {
            kind.kind.to_owned()
        } else {
            format!("{}.{}", kind.kind, kind.group)
        };
        let mut refusal =
            Self::new(422, "Invalid", format!("{place} \"{name}\" is invalid: {all}")).about(kind, name);
        refusal.details["kind"] = json!(kind.kind);
        refusal.details["causes"] = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        refusal
    }

    /// Returns the 422 of a JSON patch that could not be applied, a failed `test` included.
    pub(crate) fn patch_failed() -> Self {
        Self::new(422, "Invalid", "the server rejected our request due to an error in our request")
    }

    /// Returns the 400 of a request that makes no sense.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// Returns the 415 of a body in a language the server does not read.
    pub(crate) fn unsupported() -> Self {
        Self::new(415, "UnsupportedMediaType", "415: Unsupported Media Type")
    }

    /// Returns the 405 of a verb that the address does not have.
    pub(crate) fn not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message)
    }

    fn body(&self) -> Value {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "details": self.details, "code": self.code,
        })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (code, Json(self.body())).into_response()
    }
}

/// Returns the answer for an address that does not exist at all.
pub(crate) fn no_such_path() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}
