//! The one thread that sends, and the queue before it.
#![expect(clippy::disallowed_methods, reason = "how long is waited for the last spans is measured here")]

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use opentelemetry::{Key, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};

use super::Target;
use super::http::{Client, Why};
use super::masked::Masking;

/// How many spans wait to be sent at most; more are left out, and counted.
const QUEUE: usize = 4096;

/// How many spans are sent at once.
const BATCH: usize = 512;

/// How long the first of a batch waits for others.
const GATHER: Duration = Duration::from_millis(500);

/// The longest that the end of a run waits for what is still to be sent.
const LONGEST: Duration = Duration::from_secs(2);

/// What is sent, and how it went.
#[derive(Debug)]
pub(super) struct Sender {
    queue: Option<SyncSender<SpanData>>,
    ended: Receiver<Sent>,
    longest: Duration,
    left_out: u64,
}

/// What came of it.
#[derive(Debug, Default)]
struct Sent {
    lost: u64,
    why: Option<String>,
}

impl Sender {
    /// Begins to send.
    ///
    /// # Errors
    ///
    /// What of the variables can't be used, or that there is no thread to be had.
    pub(super) fn begin(target: &Target, masking: Masking) -> Result<Sender, String> {
        let why = Why::default();
        let client = Client::new(target.timeout, why.clone());
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            // Said, since the library's own default is not that of the standard.
            .with_protocol(if target.json { Protocol::HttpJson } else { Protocol::HttpBinary })
            .build()
            // What it says may hold the address with a password in it.
            .map_err(|_| format!("{} or what goes with it can't be used", target.shown))?;
        Sender::over(exporter, target.timeout, masking, why)
    }

    /// Begins to send with `exporter`, whose requests end after `timeout`.
    fn over(
        mut exporter: SpanExporter,
        timeout: Duration,
        mut masking: Masking,
        why: Why,
    ) -> Result<Sender, String> {
        exporter.set_resource(&resource());
        let (queue, spans) = sync_channel(QUEUE);
        let (tell, ended) = sync_channel(1);
        Builder::new()
            .name("telemetry".to_owned())
            .spawn(move || {
                // Nobody listens any more when it took too long.
                let _ = tell.send(send_all(&exporter, &spans, &mut masking, &why));
            })
            .map_err(|error| error.to_string())?;
        Ok(Sender { queue: Some(queue), ended, longest: timeout.min(LONGEST), left_out: 0 })
    }

    /// Puts a span into the queue; never waits.
    pub(super) fn send(&mut self, span: SpanData) {
        let Some(queue) = &self.queue else { return };
        match queue.try_send(span) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.left_out += 1,
        }
    }

    /// Waits, for a bounded time, until all is sent. Returns what went wrong, for people.
    pub(super) fn end(mut self) -> Option<String> {
        drop(self.queue.take());
        let spans = |count: u64| if count == 1 { "1 span".to_owned() } else { format!("{count} spans") };
        match self.ended.recv_timeout(self.longest) {
            Ok(Sent { lost: 0, .. }) if self.left_out == 0 => None,
            Ok(Sent { lost, why }) => {
                let why = why.unwrap_or_else(|| "more than the queue holds".to_owned());
                Some(format!("{} not sent: {why}", spans(lost + self.left_out)))
            }
            Err(_) => {
                Some(format!("not all spans were sent: no answer within {} ms", self.longest.as_millis()))
            }
        }
    }
}

/// Returns who sends: the service `runbook`, unless the variables name another.
fn resource() -> Resource {
    let found = Resource::builder().build();
    let name = found.get_ref(&Key::from_static_str("service.name")).map(ToString::to_string);
    let unnamed = name.is_none_or(|name| name.is_empty() || name.starts_with("unknown_service"));
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let own = Resource::builder();
    if unnamed { own.with_service_name("runbook").with_attribute(version).build() } else { own.build() }
}

fn send_all(exporter: &SpanExporter, spans: &Receiver<SpanData>, masking: &mut Masking, why: &Why) -> Sent {
    let mut sent = Sent::default();
    while let Ok(first) = spans.recv() {
        let mut batch = vec![first];
        let until = Instant::now() + GATHER;
        let mut over = false;
        while batch.len() < BATCH && !over {
            match spans.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(span) => batch.push(span),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => over = true,
            }
        }
        let many = batch.len() as u64;
        masking.mask(&mut batch);
        // The client waits by itself, so the future is ready when it is polled first.
        let answer = exporter.export(batch).now_or_never();
        match answer {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                let why = why.taken().unwrap_or_else(|| error.to_string());
                sent.went_wrong(many, &why);
            }
            None => sent.went_wrong(many, "the request did not end"),
        }
    }
    sent
}

impl Sent {
    fn went_wrong(&mut self, many: u64, why: &str) {
        self.lost += many;
        tracing::debug!(spans = many, why, "spans were not sent");
        self.why.get_or_insert_with(|| why.chars().filter(|one| !one.is_control()).collect());
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::masked::Given;
    use super::super::spans::Spans;
    use super::*;
    use crate::machine::{Event, Person};

    fn sender(address: &str, timeout: Duration) -> Sender {
        let why = Why::default();
        let client = Client::new(timeout, why.clone());
        // Not by the variables: they are those of whoever runs the test.
        let exporter = SpanExporter::builder().with_http().with_http_client(client).with_endpoint(address);
        let exporter = exporter.with_protocol(Protocol::HttpBinary).build().expect("it is an address");
        let masking = Masking::of(Given::default(), |_| None);
        Sender::over(exporter, timeout, masking, why).expect("a thread can be had")
    }

    fn span() -> SpanData {
        let mut spans = Spans::of(None);
        let resumed = Event::Resumed { by: Person::default(), reason: None };
        spans.event("r7k2m9qd", 1, jiff::Timestamp::UNIX_EPOCH, &resumed);
        let rested = Event::Rested { status: crate::machine::RunStatus::Failed };
        spans.event("r7k2m9qd", 2, jiff::Timestamp::UNIX_EPOCH, &rested);
        spans.taken().remove(0)
    }

    #[test]
    fn the_end_of_a_run_waits_as_long_as_one_request_may_take_and_two_seconds_at_most() {
        for (timeout, waits) in [(10_000, 2000), (2001, 2000), (150, 150)] {
            let sender = sender("http://127.0.0.1:1", Duration::from_millis(timeout));
            assert_eq!(sender.longest.as_millis(), waits);
            assert_eq!(sender.end(), None, "there was nothing to send, and nothing to wait for");
        }
    }

    #[test]
    fn a_run_goes_on_however_much_a_collector_that_hangs_is_to_be_sent() {
        let hanging = TcpListener::bind("127.0.0.1:0").expect("loopback has a port");
        let address = format!("http://{}", hanging.local_addr().expect("it has an address"));
        // Were it waited for, this would not end.
        let mut sender = sender(&address, Duration::from_secs(3600));
        sender.longest = Duration::from_millis(1);
        let span = span();
        (0..3 * QUEUE).for_each(|_| sender.send(span.clone()));
        assert!(sender.left_out > 0);
        assert_eq!(sender.end().as_deref(), Some("not all spans were sent: no answer within 1 ms"));
    }
}
