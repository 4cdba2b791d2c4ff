//! Filters that make numbers, and texts of numbers.

use crate::model;
use crate::template::fault::Fault;
use crate::template::filters::Args;
use crate::template::ops::{Number, fault};
use crate::template::value::{Kind, Value, describe};

/// The suffixes of Kubernetes quantities: what to multiply by, and what to divide by.
///
/// Source: apimachinery `pkg/api/resource`, `Quantity`.
const SUFFIXES: [(&str, i128, i128); 16] = [
    ("Ki", 1 << 10, 1),
    ("Mi", 1 << 20, 1),
    ("Gi", 1 << 30, 1),
    ("Ti", 1 << 40, 1),
    ("Pi", 1 << 50, 1),
    ("Ei", 1 << 60, 1),
    ("n", 1, 1_000_000_000),
    ("u", 1, 1_000_000),
    ("m", 1, 1_000),
    ("k", 1_000, 1),
    ("M", 1_000_000, 1),
    ("G", 1_000_000_000, 1),
    ("T", 1_000_000_000_000, 1),
    ("P", 1_000_000_000_000_000, 1),
    ("E", 1_000_000_000_000_000_000, 1),
    ("", 1, 1),
];

/// `512Mi` → 536870912, `500m` → 0.5, `2` → 2: whole where it is, so that `2048Mi` equals `2Gi`.
pub(super) fn quantity(value: &Value) -> Result<Value, Fault> {
    if let Some(number) = Number::of(value) {
        return number.value();
    }
    let wrong = || {
        fault(format!("{} is not a quantity", describe(value)))
            .help("a quantity is a number with a suffix, as in `512Mi`, `500m` or `2`")
    };
    let text = value.as_str().ok_or_else(wrong)?.trim();
    let letters = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = &text[letters.len()..];
    let (_, times, over) = SUFFIXES.iter().find(|(name, ..)| *name == suffix).ok_or_else(wrong)?;
    let (number, scale) = decimal(letters).ok_or_else(wrong)?;
    let (number, scale) = (number.checked_mul(*times), scale.checked_mul(*over));
    let (Some(number), Some(scale)) = (number, scale) else {
        return Err(fault(format!("{} is too large a quantity", describe(value))));
    };
    if number % scale == 0 {
        Number::Whole(number / scale).value()
    } else {
        Number::Decimal(number as f64 / scale as f64).value()
    }
}

/// Returns a decimal number as a whole one and the power of ten that divides it.
fn decimal(text: &str) -> Option<(i128, i128)> {
    let (text, exponent) = match text.split_once(['e', 'E']) {
        Some((text, exponent)) => (text, exponent.parse::<i32>().ok().filter(|e| e.abs() <= 18)?),
        None => (text, 0),
    };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() + fraction.len() == 0 || whole.len() > 19 || fraction.len() > 9 {
        return None;
    }
    if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut number: i128 = format!("{whole}{fraction}").parse().ok()?;
    let mut scale = 10_i128.pow(fraction.len() as u32);
    let power = 10_i128.pow(exponent.unsigned_abs());
    if exponent >= 0 {
        number = number.checked_mul(power)?;
    } else {
        scale = scale.checked_mul(power)?;
    }
    Some((if negative { -number } else { number }, scale))
}

/// `5m` → 300 seconds; a number is seconds already.
pub(super) fn duration(value: &Value) -> Result<Value, Fault> {
    if let Some(number) = Number::of(value) {
        return number.value();
    }
    let text = value.as_str().unwrap_or_default();
    let parsed = model::parse_duration(text).map_err(|_| {
        fault(format!("{} is not a duration", describe(value)))
            .help("a duration is a number with a unit, as in `30s`, `5m` or `1h30m`")
    })?;
    if parsed.subsec_nanos() == 0 {
        Ok(Value::from(parsed.as_secs()))
    } else {
        Number::Decimal(parsed.as_secs_f64()).value()
    }
}

/// 1610612736 → `1.5 GiB`.
pub(super) fn bytes(value: &Value) -> Result<Value, Fault> {
    let Some(number) = Number::of(value) else {
        return Err(fault(format!("`bytes` works on a number, and this is {}", describe(value)))
            .help("`| quantity` makes a number of a text such as `512Mi`"));
    };
    let mut size = number.float();
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].into_iter().peekable();
    let mut unit = units.next().unwrap_or_default();
    // 1023.96 KiB would be shown as 1024.0 KiB.
    while (size.abs() * 10.0).round() >= 10_240.0 && units.peek().is_some() {
        size /= 1024.0;
        unit = units.next().unwrap_or_default();
    }
    let shown = format!("{size:.1}");
    let shown = shown.strip_suffix(".0").unwrap_or(&shown);
    Ok(Value::from(format!("{shown} {unit}")))
}

/// `ceil` and `floor`: a whole number.
pub(super) fn rounded(value: &Value, name: &str, round: fn(f64) -> f64) -> Result<Value, Fault> {
    match Number::of(value) {
        Some(whole @ Number::Whole(_)) => whole.value(),
        Some(Number::Decimal(float)) => whole(round(float)),
        None => Err(fault(format!("the filter `{name}` works on a number, and this is {}", describe(value)))
            .help("`| int`, `| float` or `| quantity` makes a number of a text")),
    }
}

fn whole(float: f64) -> Result<Value, Fault> {
    // Beyond 2^63 a float has no whole neighbours to choose from, and `as` would settle for the nearest bound.
    if float.is_finite() && float.abs() < 9.2e18 {
        Ok(Value::from(float as i64))
    } else {
        Err(fault("the number is too large to be a whole one"))
    }
}

/// `int(default=…, base=10)`. Unlike MiniJinja's, null and `nan` are no zeros.
pub(super) fn int(value: &Value, args: &mut Args) -> Result<Value, Fault> {
    let other = args.take(0, "default");
    let base = match args.take(1, "base") {
        None => 10,
        Some(base) => match Number::of(&base) {
            Some(Number::Whole(base @ 2..=36)) => base as u32,
            _ => return Err(fault("a base is a whole number from 2 to 36")),
        },
    };
    let parsed = match (Number::of(value), value.as_str()) {
        (Some(whole @ Number::Whole(_)), _) => whole.value().ok(),
        (Some(Number::Decimal(float)), _) => whole(float.trunc()).ok(),
        (None, Some(text)) => parse_whole(text.trim(), base),
        (None, None) => None,
    };
    or_other(value, parsed, other, "a whole number")
}

fn parse_whole(text: &str, base: u32) -> Option<Value> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let prefix = match base {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        _ => "",
    };
    let digits = digits.strip_prefix(prefix).unwrap_or(digits);
    if digits.starts_with(['-', '+']) {
        return None;
    }
    if let Ok(number) = i128::from_str_radix(digits, base) {
        return Number::Whole(if negative { -number } else { number }).value().ok();
    }
    let float: f64 = text.parse().ok().filter(|_| base == 10)?;
    whole(float.trunc()).ok()
}

/// `float(default=…)`. Unlike MiniJinja's, null, `nan` and `inf` are no numbers.
pub(super) fn float(value: &Value, args: &mut Args) -> Result<Value, Fault> {
    let other = args.take(0, "default");
    let parsed = match (Number::of(value), value.as_str()) {
        (Some(number), _) => Some(number.float()),
        (None, Some(text)) => text.trim().parse().ok(),
        (None, None) => None,
    };
    let parsed = parsed.filter(|float| float.is_finite()).map(Value::from);
    or_other(value, parsed, other, "a number")
}

fn or_other(value: &Value, parsed: Option<Value>, other: Option<Value>, what: &str) -> Result<Value, Fault> {
    parsed.or(other).ok_or_else(|| {
        let problem = fault(format!("{} is not {what}", describe(value)));
        match Kind::of(value) {
            Kind::Null => problem.help("`| default(…, true)` gives null a value"),
            Kind::Bool => problem.help("write `1 if … else 0`"),
            _ => problem,
        }
    })
}

/// `true` and `false` as text or as they are; MiniJinja's makes `true` of the text `false`.
pub(super) fn boolean(value: &Value) -> Result<Value, Fault> {
    if Kind::of(value) == Kind::Bool {
        return Ok(value.clone());
    }
    match value.as_str().map(|text| text.trim().to_ascii_lowercase()).as_deref() {
        Some("true" | "yes" | "on") => Ok(Value::from(true)),
        Some("false" | "no" | "off") => Ok(Value::from(false)),
        _ => Err(fault(format!("{} is neither true nor false", describe(value)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_of_one_size_are_equal() {
        let read = |text: &str| quantity(&Value::from(text)).unwrap();
        assert_eq!(read("2048Mi"), read("2Gi"));
        assert_eq!(read("2000m"), Value::from(2));
        assert_eq!(read("500m"), Value::from(0.5));
        assert_eq!(read("100m"), read("0.1"));
        assert_eq!(read("1e3"), read("1k"));
        assert_eq!(read("1.5Gi"), Value::from(1_610_612_736_i64));
        assert_eq!(read("-1"), Value::from(-1));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in
            ["", "Mi", "512 MiB", "infM", "nan", "1..2", "--1", "0x10", "99999999999999999999Ei", "1e999"]
        {
            assert!(quantity(&Value::from(text)).is_err(), "{text}");
        }
        assert!(quantity(&Value::from(())).is_err());
    }

    #[test]
    fn bytes_are_read_by_people() {
        let show = |n: f64| bytes(&Value::from(n)).unwrap().to_string();
        assert_eq!(show(0.0), "0 B");
        assert_eq!(show(1536.0), "1.5 KiB");
        assert_eq!(show(1_610_612_736.0), "1.5 GiB");
        assert_eq!(show(1_048_575.0), "1 MiB");
        assert_eq!(show(-2048.0), "-2 KiB");
    }

    #[test]
    fn nothing_becomes_zero_by_itself() {
        let int = |value: Value| int(&value, &mut Args::default());
        assert_eq!(int(Value::from(" 42\n")), Ok(Value::from(42)));
        assert_eq!(int(Value::from("3.9")), Ok(Value::from(3)));
        assert_eq!(int(Value::from(-3.9)), Ok(Value::from(-3)));
        for value in
            [Value::from(()), Value::from("nan"), Value::from(""), Value::from(true), Value::from("--4")]
        {
            assert!(int(value.clone()).is_err(), "{value:?}");
        }
        assert!(float(&Value::from("inf"), &mut Args::default()).is_err());
        assert!(boolean(&Value::from("false")).is_ok_and(|value| !value.is_true()));
        assert!(boolean(&Value::from(1)).is_err());
    }
}
