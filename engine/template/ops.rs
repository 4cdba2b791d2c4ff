//! Arithmetic and comparison that never mix kinds.
//!
//! MiniJinja orders values of different kinds by kind, so `"3" > 5` is true there: a gate must not pass like that.
//! Faults made here have no span yet; the evaluator knows where the expression stands.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::fault::Fault;
use super::syntax::{Comparison, Math};
use super::value::{Kind, MAX_DEPTH, Value, describe, to_json, verbatim_of};

/// A fault whose place is filled in by [`Fault::at`].
pub(super) fn fault(message: impl Into<String>) -> Fault {
    Fault::new(message, 0..0)
}

impl Fault {
    pub(super) fn at(mut self, span: std::ops::Range<usize>) -> Fault {
        self.span = span;
        self
    }
}

/// A number, as whole as it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i128),
    Decimal(f64),
}

impl Number {
    pub(super) fn of(value: &Value) -> Option<Number> {
        if Kind::of(value) != Kind::Number {
            return None;
        }
        if value.is_integer() {
            return i128::try_from(value.clone()).ok().map(Number::Whole);
        }
        f64::try_from(value.clone()).ok().map(Number::Decimal)
    }

    pub(super) fn float(self) -> f64 {
        match self {
            Number::Whole(whole) => whole as f64,
            Number::Decimal(float) => float,
        }
    }

    /// Returns the value, or a fault when it is not finite: such a number makes every later comparison meaningless.
    pub(super) fn value(self) -> Result<Value, Fault> {
        match self {
            Number::Whole(whole) => Ok(i64::try_from(whole).map_or_else(|_| Value::from(whole), Value::from)),
            Number::Decimal(float) if float.is_finite() => Ok(Value::from(float)),
            Number::Decimal(_) => Err(fault("the result is not a finite number")),
        }
    }
}

/// Applies `op` to two values that are neither held back nor undefined.
pub(super) fn math(op: Math, left: &Value, right: &Value) -> Result<Value, Fault> {
    match (Number::of(left), Number::of(right)) {
        (Some(left), Some(right)) if op != Math::Join => return numbers(op, left, right)?.value(),
        _ => {}
    }
    match (op, Kind::of(left), Kind::of(right)) {
        (Math::Join, ..) => Ok(Value::from(format!("{}{}", text_of(left)?, text_of(right)?))),
        (Math::Add, Kind::Text, Kind::Text) => Ok(Value::from(format!(
            "{}{}",
            left.as_str().unwrap_or_default(),
            right.as_str().unwrap_or_default()
        ))),
        (Math::Add, Kind::List, Kind::List) => {
            let items = [left, right].into_iter().flat_map(|list| list.try_iter().into_iter().flatten());
            Ok(Value::from(items.collect::<Vec<_>>()))
        }
        (_, a, b) => {
            let problem =
                fault(format!("`{}` does not work on {} and {}", op.sign(), describe(left), describe(right)));
            Err(match (op, a, b) {
                (Math::Add, Kind::Text, _) | (Math::Add, _, Kind::Text) => {
                    problem.help("`~` joins as text; `| int` or `| float` makes a number of a text")
                }
                (_, Kind::Null, _) | (_, _, Kind::Null) => problem.help(NULL_HELP),
                (_, Kind::Text, _) | (_, _, Kind::Text) => problem.help(TEXT_HELP),
                _ => problem,
            })
        }
    }
}

pub(super) const NULL_HELP: &str = "`| default(…, true)` gives null a value; `is none` asks for it";
pub(super) const TEXT_HELP: &str = "`| int`, `| float` or `| quantity` makes a number of a text";

fn numbers(op: Math, left: Number, right: Number) -> Result<Number, Fault> {
    let zero = match right {
        Number::Whole(whole) => whole == 0,
        Number::Decimal(float) => float == 0.0,
    };
    if zero && matches!(op, Math::Div | Math::FloorDiv | Math::Rem) {
        return Err(fault("division by zero"));
    }
    if let (Number::Whole(a), Number::Whole(b)) = (left, right)
        && op != Math::Div
        && !(op == Math::Pow && b < 0)
    {
        let result = match op {
            Math::Add => a.checked_add(b),
            Math::Sub => a.checked_sub(b),
            Math::Mul => a.checked_mul(b),
            Math::FloorDiv => floor_div(a, b),
            Math::Rem => floor_div(a, b).and_then(|quotient| a.checked_sub(quotient.checked_mul(b)?)),
            Math::Pow => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
            Math::Div | Math::Join => None,
        };
        return result.map(Number::Whole).ok_or_else(|| fault("the result is too large"));
    }
    let (a, b) = (left.float(), right.float());
    Ok(Number::Decimal(match op {
        Math::Add => a + b,
        Math::Sub => a - b,
        Math::Mul => a * b,
        Math::Div => a / b,
        Math::FloorDiv => (a / b).floor(),
        Math::Rem => a - b * (a / b).floor(),
        Math::Pow => a.powf(b),
        Math::Join => return Err(fault("`~` joins texts")),
    }))
}

/// Divides towards minus infinity, as `//` does in the languages that have it.
fn floor_div(a: i128, b: i128) -> Option<i128> {
    let quotient = a.checked_div(b)?;
    let exact = quotient.checked_mul(b)? == a;
    if exact || (a < 0) == (b < 0) { Some(quotient) } else { quotient.checked_sub(1) }
}

/// Says whether `left op right` holds. Neither is held back; `null_written` says that one of the two was written as
/// `none`, which may be compared with everything.
pub(super) fn compare(
    op: Comparison,
    left: &Value,
    right: &Value,
    null_written: bool,
) -> Result<bool, Fault> {
    match op {
        Comparison::Eq | Comparison::Ne => {
            let (a, b) = (Kind::of(left), Kind::of(right));
            let equal = if null_written && (a == Kind::Null || b == Kind::Null) {
                a == b
            } else {
                same(op, left, right)?
            };
            Ok(equal == (op == Comparison::Eq))
        }
        Comparison::In => contains(op, left, right),
        Comparison::NotIn => contains(op, left, right).map(|found| !found),
        Comparison::Lt => Ok(order(op, left, right)? == Ordering::Less),
        Comparison::Le => Ok(order(op, left, right)? != Ordering::Greater),
        Comparison::Gt => Ok(order(op, left, right)? == Ordering::Greater),
        Comparison::Ge => Ok(order(op, left, right)? != Ordering::Less),
    }
}

fn mixed(op: Comparison, left: &Value, right: &Value) -> Fault {
    let problem =
        fault(format!("can't compare {} with {} (`{}`)", describe(left), describe(right), op.sign()));
    match (Kind::of(left), Kind::of(right)) {
        (Kind::Null, _) | (_, Kind::Null) => problem.help(NULL_HELP),
        (Kind::Text, Kind::Number) | (Kind::Number, Kind::Text) => problem.help(TEXT_HELP),
        (Kind::Text, Kind::Bool) | (Kind::Bool, Kind::Text) => {
            problem.help("`| bool` makes true or false of such a text")
        }
        _ => problem,
    }
}

/// Returns the order of two numbers or two texts.
pub(super) fn order(op: Comparison, left: &Value, right: &Value) -> Result<Ordering, Fault> {
    match (Number::of(left), Number::of(right)) {
        (Some(a), Some(b)) => {
            if a.float().is_nan() || b.float().is_nan() {
                return Err(fault("this is not a number that can be compared"));
            }
            // MiniJinja compares whole and decimal numbers exactly, not as floats.
            return Ok(left.cmp(right));
        }
        (None, None) => {}
        _ => return Err(mixed(op, left, right)),
    }
    match (left.as_str(), right.as_str()) {
        (Some(a), Some(b)) => Ok(a.cmp(b)),
        _ if Kind::of(left) == Kind::of(right) => {
            Err(fault(format!("`{}` does not work on {}", op.sign(), Kind::of(left).name())))
        }
        _ => Err(mixed(op, left, right)),
    }
}

/// Says whether two values are equal; kinds that differ are a fault, at the top and inside.
fn same(op: Comparison, left: &Value, right: &Value) -> Result<bool, Fault> {
    same_within(op, left, right, MAX_DEPTH)
}

fn same_within(op: Comparison, left: &Value, right: &Value, depth: usize) -> Result<bool, Fault> {
    let kind = Kind::of(left);
    if kind != Kind::of(right) {
        // Inside lists and maps null is a value like others: that an API left a field empty is no mistake.
        let inside = depth < MAX_DEPTH;
        return match (kind, Kind::of(right)) {
            (Kind::Null, _) | (_, Kind::Null) if inside => Ok(false),
            _ => Err(mixed(op, left, right)),
        };
    }
    let depth = depth.checked_sub(1).ok_or_else(|| fault("a value nested this deep can't be compared"))?;
    match kind {
        Kind::Null => Ok(true),
        Kind::Bool => Ok(left.is_true() == right.is_true()),
        Kind::Number => Ok(order(op, left, right)? == Ordering::Equal),
        Kind::Text => Ok(left.as_str() == right.as_str()),
        Kind::List => {
            let (Ok(a), Ok(b)) = (left.try_iter(), right.try_iter()) else {
                return Err(mixed(op, left, right));
            };
            let (a, b): (Vec<_>, Vec<_>) = (a.collect(), b.collect());
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(&b) {
                if !same_within(op, a, b, depth)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Kind::Map => {
            let Ok(keys) = left.try_iter() else { return Err(mixed(op, left, right)) };
            if left.len() != right.len() {
                return Ok(false);
            }
            for key in keys {
                let inner = |map: &Value| map.get_item(&key).unwrap_or(Value::UNDEFINED);
                let (a, b) = (inner(left), inner(right));
                if b.is_undefined() || !same_within(op, &a, &b, depth)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Kind::Other => Err(mixed(op, left, right)),
    }
}

fn contains(op: Comparison, needle: &Value, hay: &Value) -> Result<bool, Fault> {
    match Kind::of(hay) {
        Kind::List => {
            for item in hay.try_iter().into_iter().flatten() {
                let null = Kind::of(&item) == Kind::Null || Kind::of(needle) == Kind::Null;
                let equal = if null { Kind::of(&item) == Kind::of(needle) } else { same(op, needle, &item)? };
                if equal {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Kind::Text => match needle.as_str() {
            Some(needle) => Ok(hay.as_str().unwrap_or_default().contains(needle)),
            None => Err(fault(format!("only text can be in a text, not {}", describe(needle)))),
        },
        Kind::Map => match needle.as_str() {
            Some(_) => Ok(!hay.get_item(needle).unwrap_or(Value::UNDEFINED).is_undefined()),
            None => Err(fault(format!("a map's keys are text, not {}", describe(needle)))),
        },
        _ => Err(fault(format!("`{}` looks into a list, a map or a text, not {}", op.sign(), describe(hay)))),
    }
}

/// Returns the text of a value that is not held back: lists and maps as JSON.
pub(super) fn text_of(value: &Value) -> Result<Cow<'_, str>, Fault> {
    Ok(match Kind::of(value) {
        Kind::Text => Cow::Borrowed(value.as_str().unwrap_or_default()),
        Kind::Bool => Cow::Borrowed(if value.is_true() { "true" } else { "false" }),
        Kind::Number => Cow::Owned(value.to_string()),
        Kind::List | Kind::Map => {
            Cow::Owned(to_json(value).map_err(|error| fault(error.to_string()))?.to_string())
        }
        Kind::Null => {
            return Err(fault("this is null, and null has no text")
                .help("`| default('', true)` gives null a value; `is none` asks for it"));
        }
        Kind::Other => match verbatim_of(value) {
            Some(text) => Cow::Borrowed(text),
            None => return Err(fault("this has no text")),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_rounds_down_and_never_panics() {
        let whole = |n: i128| Number::Whole(n);
        assert_eq!(numbers(Math::FloorDiv, whole(-7), whole(2)), Ok(whole(-4)));
        assert_eq!(numbers(Math::Rem, whole(-7), whole(2)), Ok(whole(1)));
        assert_eq!(numbers(Math::Rem, whole(7), whole(-2)), Ok(whole(-1)));
        for op in [Math::Add, Math::Sub, Math::Mul, Math::Div, Math::FloorDiv, Math::Rem, Math::Pow] {
            for a in [i128::MIN, -1, 0, 1, i128::MAX] {
                for b in [i128::MIN, -1, 0, 1, i128::MAX] {
                    let _ = numbers(op, whole(a), whole(b));
                }
            }
        }
    }

    #[test]
    fn a_text_of_numbers_and_booleans() {
        let shown: Vec<_> = [Value::from(3), Value::from(3.0), Value::from(true), Value::from(vec![1, 2])]
            .iter()
            .map(|value| text_of(value).unwrap().into_owned())
            .collect();
        assert_eq!(shown, ["3", "3.0", "true", "[1,2]"]);
    }
}
