//! Times for people: always UTC and said so, since whoever reads may sit elsewhere than who ran it.

use jiff::Timestamp;

use super::timeline::between;
use crate::model::format_duration;

/// Returns the time of day: `12:03:04`.
pub(super) fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// Returns the date and the time to the minute: `2026-10-01 12:03`.
pub(super) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// Returns the date and the time to the second: `2026-10-01 12:03:04 UTC`.
pub(super) fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Returns how long ago something was: `5m ago`, `2h 3m ago`, `just now`.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let passed = between(at, now);
    if passed.as_secs() < 10 { "just now".to_owned() } else { format!("{} ago", format_duration(passed)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_without_arithmetic() {
        let at: Timestamp = "2026-10-01T12:03:04.5Z".parse().unwrap();
        let later: Timestamp = "2026-10-01T14:06:04Z".parse().unwrap();
        assert_eq!((clock(at), minute(at)), ("12:03:04".to_owned(), "2026-10-01 12:03".to_owned()));
        assert_eq!(second(at), "2026-10-01 12:03:04 UTC");
        assert_eq!((ago(at, later), ago(later, at)), ("2h 2m ago".to_owned(), "just now".to_owned()));
    }
}
