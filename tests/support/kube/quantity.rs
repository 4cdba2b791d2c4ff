//! Quantities: `500m`, `2Gi` and the like as whole numbers, and back in their shortest form.

use serde_json::Value;

const BINARY: [&str; 5] = ["Ki", "Mi", "Gi", "Ti", "Pi"];
const DECIMAL: [&str; 5] = ["k", "M", "G", "T", "P"];

/// Returns thousandths of a quantity; 0 for what is none, as for what is not there.
pub(crate) fn thousandths(quantity: &Value) -> i64 {
    let text = quantity.as_str().map_or_else(|| quantity.to_string(), str::to_owned);
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let suffix = &text[digits.len()..];
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let part = format!("{part:0<3}");
    let number = |digits: &str| digits.parse::<i64>().unwrap_or(0);
    let value = number(whole).saturating_mul(1000).saturating_add(number(&part[..3]));
    let power = |units: [&str; 5]| units.iter().position(|unit| *unit == suffix).map(|at| at as u32 + 1);
    match (power(BINARY), power(DECIMAL)) {
        (Some(power), _) => value.saturating_mul(1024_i64.saturating_pow(power)),
        (_, Some(power)) => value.saturating_mul(1000_i64.saturating_pow(power)),
        _ if suffix == "m" => value / 1000,
        _ => value,
    }
}

/// Returns a quantity in whole units: bytes, pods.
pub(crate) fn units(quantity: &Value) -> i64 {
    thousandths(quantity) / 1000
}

/// Returns thousandths as a quantity is written: `500m`, `2`.
pub(crate) fn written(thousandths: i64) -> String {
    if thousandths % 1000 == 0 { (thousandths / 1000).to_string() } else { format!("{thousandths}m") }
}

/// Returns bytes in the largest unit that divides them.
pub(crate) fn bytes(mut number: i64) -> String {
    let mut unit = "";
    for larger in BINARY {
        if number == 0 || number % 1024 != 0 {
            break;
        }
        number /= 1024;
        unit = larger;
    }
    format!("{number}{unit}")
}

/// Returns what all containers of a pod want together: `side` is `requests` or `limits`.
pub(crate) fn of_pod(pod: &Value, side: &str, resource: &str) -> i64 {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    containers.map(|container| thousandths(&container["resources"][side][resource])).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_are_read_and_written() {
        let read =
            [json!("500m"), json!("2"), json!(3), json!("1.5"), json!("2Gi"), json!("1k"), json!(null)];
        let read: Vec<i64> = read.iter().map(thousandths).collect();
        assert_eq!(read, [500, 2000, 3000, 1500, 2_147_483_648_000, 1_000_000, 0]);
        assert_eq!([written(1500), written(2000)], ["1500m", "2"]);
        assert_eq!([bytes(2048 << 20), bytes(129 << 20), bytes(1000)], ["2Gi", "129Mi", "1000"]);
    }
}
