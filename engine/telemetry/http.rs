//! Requests to a collector: one at a time, on the thread that sends.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use ureq::Agent;

/// The most that is read of an answer: nothing of it is shown.
const ANSWER: u64 = 64 * 1024;

/// A client without TLS.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    why: Why,
}

/// Why the last request got no answer: whoever sends is told only that there was none.
#[derive(Clone, Debug, Default)]
pub(super) struct Why(Arc<Mutex<Option<String>>>);

impl Why {
    /// Returns it once.
    pub(super) fn taken(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, error: &ureq::Error) {
        let text = match error {
            ureq::Error::Io(error) => error.to_string(),
            ureq::Error::Timeout(_) => "no answer in time".to_owned(),
            // An address may hold a password.
            ureq::Error::BadUri(_) => "its address can't be used".to_owned(),
            other => other.to_string(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }
}

impl Client {
    /// Returns a client whose requests end after `timeout`, whatever happens.
    pub(super) fn new(timeout: Duration, why: Why) -> Client {
        let config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            // A collector is named by its address; what is between is not asked.
            .proxy(None)
            .user_agent(concat!("runbook/", env!("CARGO_PKG_VERSION")))
            .build();
        Client { agent: config.new_agent(), why }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let answer =
            self.agent.run(Request::from_parts(head, &body[..])).inspect_err(|error| self.why.keep(error))?;
        let (head, mut body) = answer.into_parts();
        let bytes = body.with_config().limit(ANSWER).read_to_vec()?;
        Ok(Response::from_parts(head, Bytes::from(bytes)))
    }
}
