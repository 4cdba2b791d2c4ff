//! Durations as people write them: `90s`, `5m`, `1h30m`, `250ms`.

use std::time::Duration;

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration; write a number with a unit, as in `30s`, `5m`, `1h30m` or `250ms`")]
pub struct DurationError(pub String);

/// The units with how many milliseconds each is.
pub const DURATION_UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Parses a duration: one or more whole or decimal numbers, each with a unit of `ms`, `s`, `m`, `h` or `d`.
///
/// `0` alone needs no unit. Precision is a millisecond.
///
/// # Errors
///
/// [`DurationError`] for anything else, a missing unit and what exceeds 10,000 days.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let fail = || DurationError(text.to_owned());
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(fail());
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(fail)?;
        let number: f64 = rest[..digits].parse().map_err(|_| fail())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = &rest[..letters];
        let (_, scale) = DURATION_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(fail)?;
        total += number * (*scale as f64);
        rest = rest[letters..].trim_start();
    }
    if !(0.0..=864_000_000_000.0).contains(&total) {
        return Err(fail());
    }
    Ok(Duration::from_millis(total.round() as u64))
}

/// Writes a duration the shortest way a person would: `250ms`, `1.2s`, `42s`, `1m 5s`, `2h 3m`.
pub fn format_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis < 1_000 {
        return format!("{millis}ms");
    }
    if millis < 10_000 {
        let tenths = millis / 100;
        return if tenths.is_multiple_of(10) {
            format!("{}s", tenths / 10)
        } else {
            format!("{}.{}s", tenths / 10, tenths % 10)
        };
    }
    let seconds = millis / 1_000;
    let pair = |big: u128, big_unit: &str, small: u128, small_unit: &str| {
        if small == 0 { format!("{big}{big_unit}") } else { format!("{big}{big_unit} {small}{small_unit}") }
    };
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => pair(seconds / 60, "m", seconds % 60, "s"),
        3_600..86_400 => pair(seconds / 3_600, "h", seconds % 3_600 / 60, "m"),
        _ => pair(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, millis) in
            [("90s", 90_000), ("1h30m", 5_400_000), ("250ms", 250), ("1.5s", 1_500), ("0", 0)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_what_could_mean_two_things() {
        for text in ["", "10", "10x", "s", "-5s", "1..2s", "99999999d", "5 parsecs", "NaNs"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn writes_short() {
        let shown: Vec<_> = [0, 250, 1_200, 42_000, 65_000, 7_380_000, 90_000_000]
            .map(|millis| format_duration(Duration::from_millis(millis)))
            .into();
        assert_eq!(shown, ["0ms", "250ms", "1.2s", "42s", "1m 5s", "2h 3m", "1d 1h"]);
    }
}
