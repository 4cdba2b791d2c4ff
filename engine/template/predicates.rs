//! The tests that follow `is`.

use super::fault::{Fault, did_you_mean};
use super::ops::{self, Number, fault};
use super::syntax::Comparison;
use super::value::{Kind, Value, describe};

/// The tests, by the names that people write.
pub const TESTS: &[&str] = &[
    "defined",
    "undefined",
    "none",
    "boolean",
    "number",
    "integer",
    "int",
    "float",
    "string",
    "sequence",
    "iterable",
    "mapping",
    "odd",
    "even",
    "divisibleby",
    "startingwith",
    "endingwith",
    "true",
    "false",
    "in",
    "eq",
    "equalto",
    "==",
    "ne",
    "!=",
    "lt",
    "lessthan",
    "<",
    "le",
    "<=",
    "gt",
    "greaterthan",
    ">",
    "ge",
    ">=",
];

/// What a test asks for, as far as it matters before the value is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Whether there is a value at all.
    Presence,
    /// Whether the value is null.
    Null,
    /// Anything about the value.
    Value,
}

impl Asked {
    pub(super) fn of(name: &str) -> Asked {
        match name {
            "defined" | "undefined" => Asked::Presence,
            "none" => Asked::Null,
            _ => Asked::Value,
        }
    }
}

/// Says whether `value` passes the test; neither it nor the arguments are held back.
pub(super) fn perform(name: &str, value: &Value, args: &[Value]) -> Result<bool, Fault> {
    let kind = Kind::of(value);
    if let Some(comparison) = comparison(name) {
        let [other] = args else { return Err(fault(format!("`is {name}` takes one argument"))) };
        return ops::compare(comparison, value, other, false);
    }
    match name {
        "divisibleby" | "startingwith" | "endingwith" => {
            let [other] = args else { return Err(fault(format!("`is {name}` takes one argument"))) };
            return with_argument(name, value, other);
        }
        _ if !args.is_empty() => return Err(fault(format!("`is {name}` takes no argument"))),
        _ => {}
    }
    let boolean = |wanted: bool| match kind {
        Kind::Bool => Ok(value.is_true() == wanted),
        _ => Err(fault(format!("`is {name}` asks true or false, and this is {}", describe(value)))),
    };
    Ok(match name {
        "defined" => !value.is_undefined(),
        "undefined" => value.is_undefined(),
        "none" => kind == Kind::Null,
        "boolean" => kind == Kind::Bool,
        "number" => kind == Kind::Number,
        "integer" | "int" => value.is_integer(),
        "float" => kind == Kind::Number && !value.is_integer(),
        "string" => kind == Kind::Text,
        "sequence" => kind == Kind::List,
        "iterable" => matches!(kind, Kind::List | Kind::Map | Kind::Text),
        "mapping" => kind == Kind::Map,
        "true" => return boolean(true),
        "false" => return boolean(false),
        "odd" => whole(name, value)? % 2 != 0,
        "even" => whole(name, value)? % 2 == 0,
        other => {
            let mut problem = fault(format!("there is no test `is {other}`"));
            problem.help = did_you_mean(other, TESTS.iter().copied());
            return Err(problem);
        }
    })
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        "eq" | "equalto" | "==" => Comparison::Eq,
        "ne" | "!=" => Comparison::Ne,
        "lt" | "lessthan" | "<" => Comparison::Lt,
        "le" | "<=" => Comparison::Le,
        "gt" | "greaterthan" | ">" => Comparison::Gt,
        "ge" | ">=" => Comparison::Ge,
        "in" => Comparison::In,
        _ => return None,
    })
}

fn whole(name: &str, value: &Value) -> Result<i128, Fault> {
    match Number::of(value) {
        Some(Number::Whole(whole)) => Ok(whole),
        _ => Err(fault(format!("`is {name}` asks about a whole number, and this is {}", describe(value)))),
    }
}

fn with_argument(name: &str, value: &Value, other: &Value) -> Result<bool, Fault> {
    if name == "divisibleby" {
        let (number, by) = (whole(name, value)?, whole(name, other)?);
        return number.checked_rem(by).map(|rest| rest == 0).ok_or_else(|| fault("division by zero"));
    }
    match (value.as_str(), other.as_str()) {
        (Some(text), Some(part)) if name == "startingwith" => Ok(text.starts_with(part)),
        (Some(text), Some(part)) => Ok(text.ends_with(part)),
        _ => {
            let odd = if value.as_str().is_some() { other } else { value };
            Err(fault(format!("`is {name}` works on text, and this is {}", describe(odd))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_known_to_the_one_that_performs_it() {
        for name in TESTS {
            for args in [vec![], vec![Value::from(1)]] {
                let result = perform(name, &Value::from(2), &args);
                assert!(!format!("{result:?}").contains("no test"), "{name}");
            }
        }
    }
}
