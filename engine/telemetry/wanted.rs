//! Whether spans are sent, and where to, by the variables that OpenTelemetry has for it.

use std::fmt;
use std::time::Duration;

/// How long one request may take when no variable says so.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What the variables ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing is to be sent.
    No,
    /// Something that can't be done; holds what, for people.
    Refused(String),
    /// Spans are to be sent.
    Yes(Target),
}

/// Where spans are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The address as it was given, without what may be secret in it.
    pub shown: String,
    /// Whether it is sent as JSON, and not as protobuf.
    pub json: bool,
    /// How long one request may take.
    pub timeout: Duration,
    /// What the run is a part of.
    pub parent: Option<Parent>,
}

/// The span that a run is a part of (W3C `traceparent`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The trace.
    pub trace: [u8; 16],
    /// The span in it.
    pub span: [u8; 8],
    /// Whether somebody keeps that trace. Of one that nobody keeps no span is sent.
    pub sampled: bool,
}

impl fmt::Display for Parent {
    /// Writes it as the version `00` has it, without what a later one may add.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let flags = u8::from(self.sampled);
        write!(f, "00-{}-{}-{flags:02x}", hex(&self.trace), hex(&self.span))
    }
}

impl Parent {
    /// Returns what a `traceparent` says; nothing when it is none.
    pub fn parse(text: &str) -> Option<Parent> {
        let mut parts = text.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let known = version.len() == 2 && version != "ff" && bytes::<1>(version).is_some();
        if !known || version == "00" && parts.next().is_some() {
            return None;
        }
        let ([flags], trace, span) = (bytes::<1>(flags)?, bytes::<16>(trace)?, bytes::<8>(span)?);
        let sampled = flags & 1 == 1;
        (trace != [0; 16] && span != [0; 8]).then_some(Parent { trace, span, sampled })
    }
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let small = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if hex.len() != 2 * N || !hex.bytes().all(small) {
        return None;
    }
    let mut found = [0; N];
    for (at, byte) in found.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(found)
}

/// Returns what the environment asks for. An empty variable is one that is not set, as OpenTelemetry has it.
pub fn wanted<'a>(var: impl Fn(&str) -> Option<&'a str>) -> Wanted {
    let var = |name: &str| var(name).map(str::trim).filter(|value| !value.is_empty());
    let either = |name: &str| {
        var(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"))
            .or_else(|| var(&format!("OTEL_EXPORTER_OTLP_{name}")))
    };
    let Some(endpoint) = either("ENDPOINT") else { return Wanted::No };
    if var("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Wanted::No;
    }
    let parent = var("TRACEPARENT").and_then(Parent::parse);
    if parent.is_some_and(|parent| !parent.sampled) {
        return Wanted::No;
    }
    match var("OTEL_TRACES_EXPORTER") {
        None | Some("otlp") => {}
        Some("none") => return Wanted::No,
        Some(other) => {
            return Wanted::Refused(format!("OTEL_TRACES_EXPORTER={other}: only otlp and none are known"));
        }
    }
    let json = match either("PROTOCOL") {
        None | Some("http/protobuf") => false,
        Some("http/json") => true,
        Some(other) => {
            let hint = "http/protobuf and http/json are spoken here, on port 4318 as a rule";
            return Wanted::Refused(format!("OTEL_EXPORTER_OTLP_PROTOCOL={other}: {hint}"));
        }
    };
    match either("COMPRESSION") {
        None | Some("none") => {}
        Some(other) => {
            return Wanted::Refused(format!("OTEL_EXPORTER_OTLP_COMPRESSION={other}: leave it out"));
        }
    }
    let shown = shown(endpoint);
    match endpoint.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
        Some("http") => {}
        // TLS would bring in a second stack of C and assembly for what a collector on the same machine does better.
        Some("https") => {
            let hint = "https is not spoken here: name a collector on this machine, as http://localhost:4318, that passes them on";
            return Wanted::Refused(format!("{shown}: {hint}"));
        }
        _ => return Wanted::Refused(format!("{shown}: an address begins with http://")),
    }
    let timeout =
        either("TIMEOUT").and_then(|value| value.parse().ok()).map_or(TIMEOUT, Duration::from_millis);
    // Zero would be no limit, and a limit there must be.
    let timeout = if timeout.is_zero() { TIMEOUT } else { timeout };
    Wanted::Yes(Target { shown, json, timeout, parent })
}

/// Returns an address without a password and a query in it: it is shown.
fn shown(endpoint: &str) -> String {
    let plain: String = endpoint.chars().filter(|one| !one.is_control()).collect();
    let plain = plain.split(['?', '#']).next().unwrap_or_default();
    match plain.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.split('/').next().unwrap_or_default();
            match host.rsplit_once('@') {
                Some((who, _)) => format!("{scheme}://{}", &rest[who.len() + 1..]),
                None => plain.to_owned(),
            }
        }
        None => plain.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vars: &[(&str, &'static str)]) -> Wanted {
        wanted(|name| vars.iter().find(|(other, _)| *other == name).map(|(_, value)| *value))
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");

    #[test]
    fn nothing_is_sent_unless_somebody_said_where_to() {
        assert_eq!(of(&[]), Wanted::No);
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), Wanted::No);
        assert_eq!(of(&[("OTEL_SERVICE_NAME", "ops"), ("TRACEPARENT", "x")]), Wanted::No);
        assert_eq!(of(&[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")]), Wanted::No);
        assert_eq!(of(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]), Wanted::No);
    }

    #[test]
    fn what_is_of_traces_goes_before_what_is_of_all() {
        let Wanted::Yes(target) = of(&[
            ENDPOINT,
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://me:pw@c:1/v1/traces?key=x"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "9000"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "150"),
        ]) else {
            panic!("it is wanted")
        };
        assert_eq!((target.shown.as_str(), target.timeout.as_millis()), ("http://c:1/v1/traces", 150));
    }

    #[test]
    fn what_can_not_be_done_is_told() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
        ] {
            let refused = of(&[(name, value), ENDPOINT]);
            assert!(matches!(&refused, Wanted::Refused(why) if why.contains(value)), "{refused:?}");
        }
    }

    #[test]
    fn of_a_trace_that_nobody_keeps_nothing_is_sent() {
        let of = |flags: &str| {
            let parent = format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
            let all = [ENDPOINT, ("TRACEPARENT", &*parent), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")];
            let found = wanted(|name| all.iter().find(|(other, _)| *other == name).map(|(_, value)| *value));
            matches!(found, Wanted::Yes(_))
        };
        assert_eq!(["00", "01", "02", "03"].map(of), [false, true, false, true]);
    }

    #[test]
    fn what_is_kept_of_a_traceparent_is_what_was_understood_of_it() {
        let text = " cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-what the future brings\n";
        let parent = Parent::parse(text).expect("a later version may have more").to_string();
        assert_eq!(parent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    }

    #[test]
    fn a_traceparent_is_taken_whole_or_not_at_all() {
        let whole = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(Parent::parse(whole).map(|parent| parent.span[0]), Some(0xb7));
        for wrong in [
            "",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-ünicode916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(Parent::parse(wrong), None, "{wrong}");
        }
    }
}
