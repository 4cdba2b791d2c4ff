//! Time as the API writes it.

use jiff::Timestamp;

/// Returns the time in whole seconds, as `metadata` and conditions carry it.
pub(crate) fn now() -> String {
    let seconds = Timestamp::now().as_second();
    Timestamp::from_second(seconds).expect("the clock is within what jiff can say").to_string()
}

/// Returns how long ago that was, as the AGE column says it.
pub(crate) fn age(since: &str) -> String {
    let Ok(then) = since.parse::<Timestamp>() else { return "<unknown>".to_owned() };
    let seconds = (Timestamp::now().as_second() - then.as_second()).max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 if seconds % 60 != 0 => format!("{}m{}s", seconds / 60, seconds % 60),
        120..10_800 => format!("{}m", seconds / 60),
        10_800..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
