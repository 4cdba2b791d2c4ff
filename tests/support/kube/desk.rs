//! The desk every request passes: it is written down, may be failed on purpose, and may be forbidden.

use super::kinds::Kind;
use super::status::Refusal;

/// A request as it arrived, and the HTTP status it was answered with.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// As on the wire, without the question mark.
    pub(crate) query: String,
    pub(crate) content_type: String,
    /// Binary bodies are shown as far as they are text.
    pub(crate) body: String,
    pub(crate) status: u16,
}

impl Request {
    /// Returns whether this could have changed the cluster: no reads, no questions about access, no dry runs.
    pub(crate) fn is_change(&self) -> bool {
        // A delete carries its options in the body.
        let dry = self.query.contains("dryRun=All") || self.body.contains("\"dryRun\":[\"All\"]");
        self.method != "GET" && !self.path.ends_with("accessreviews") && !dry
    }
}

/// What the desk remembers.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) requests: Vec<Request>,
    pub(crate) faults: Vec<Fault>,
    /// Verb and resource, such as `patch` and `deployments/scale`; `*` for all.
    pub(crate) denials: Vec<(String, String)>,
}

/// A failure that waits for its request.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) refusal: Refusal,
    pub(crate) left: usize,
}

impl Desk {
    /// Returns the failure that was arranged for such a request, and counts it.
    pub(crate) fn fault(&mut self, method: &str, path: &str) -> Option<Refusal> {
        let meant =
            |fault: &&mut Fault| fault.left > 0 && fault.method == method && path.contains(&fault.path);
        let fault = self.faults.iter_mut().find(meant)?;
        fault.left -= 1;
        Some(fault.refusal.clone())
    }

    /// Returns whether the user may do that; `below` is the subresource.
    ///
    /// As in RBAC, a rule about `deployments` says nothing about `deployments/scale`, nor the other way round.
    pub(crate) fn allows(&self, verb: &str, kind: &Kind, below: Option<&str>) -> bool {
        self.allows_named(verb, kind.resource, below)
    }

    /// Returns the same for a resource by its name, which may be none that the server has.
    pub(crate) fn allows_named(&self, verb: &str, resource: &str, below: Option<&str>) -> bool {
        let asked = below.map_or_else(|| resource.to_owned(), |below| format!("{resource}/{below}"));
        let meant = |(denied, what): &(String, String)| {
            (denied == "*" || denied == verb) && (what == "*" || *what == asked)
        };
        !self.denials.iter().any(meant)
    }
}
