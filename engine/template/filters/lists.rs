//! Filters over lists that take another filter, a test or a path by name.

use crate::template::eval::{Eval, truth_of};
use crate::template::fault::Fault;
use crate::template::filters::{Args, apply};
use crate::template::ops::{self, Number, fault, text_of};
use crate::template::predicates::{self, Asked};
use crate::template::syntax::Math;
use crate::template::value::{Kind, Value, describe};

fn items(name: &str, value: &Value) -> Result<Vec<Value>, Fault> {
    match Kind::of(value) {
        Kind::List | Kind::Map => Ok(value.try_iter().into_iter().flatten().collect()),
        _ => Err(fault(format!("the filter `{name}` works on a list, and this is {}", describe(value)))),
    }
}

/// Returns what `path` (`a.b.0`) leads to, or undefined.
fn follow(value: &Value, path: &str) -> Value {
    let mut value = value.clone();
    for part in path.split('.') {
        let next = match (Kind::of(&value), part.parse::<usize>()) {
            (Kind::List, Ok(index)) => value.get_item_by_index(index),
            _ => value.get_attr(part),
        };
        value = next.unwrap_or(Value::UNDEFINED);
        if value.is_undefined() {
            break;
        }
    }
    value
}

fn follow_key(value: &Value, key: &Value) -> Result<Value, Fault> {
    match (key.as_str(), Number::of(key)) {
        (Some(path), _) => Ok(follow(value, path)),
        (None, Some(Number::Whole(_))) => Ok(follow(value, &key.to_string())),
        _ => Err(fault(format!("an attribute is given by its path, not by {}", describe(key)))),
    }
}

fn lacks(index: usize, key: &Value) -> Fault {
    fault(format!("element {index} has no `{key}`"))
}

/// `map('filter', …)` and `map(attribute='a.b', default=…)`.
pub(super) fn map(eval: &mut Eval<'_>, value: &Value, mut args: Args) -> Result<Value, Fault> {
    let items = items("map", value)?;
    eval.work(items.len())?;
    let mut results = Vec::with_capacity(items.len());
    if let Some(key) = args.take_named("attribute") {
        let other = args.take_named("default");
        args.done("map")?;
        for (index, item) in items.iter().enumerate() {
            let found = follow_key(item, &key)?;
            match (&other, found.is_undefined()) {
                (_, false) => results.push(found),
                (Some(other), true) => results.push(other.clone()),
                (None, true) => {
                    return Err(lacks(index, &key).help("`default=…` gives a value for that case"));
                }
            }
        }
        return Ok(Value::from(results));
    }
    let name = args.take(0, "filter");
    let Some(name) = name.as_ref().and_then(Value::as_str) else {
        return Err(fault("`map` takes `attribute='…'` or the name of a filter"));
    };
    let (given, named) = args.into_parts();
    for item in items {
        let mut each = Args::default();
        given.iter().for_each(|value| each.push(value.clone()));
        named.iter().for_each(|(name, value)| each.push_named(name, value.clone()));
        let result = apply(eval, name, item, each)?;
        if result.is_undefined() {
            return Err(fault(format!("`{name}` gave nothing for an element")));
        }
        results.push(result);
    }
    Ok(Value::from(results))
}

/// Which of the four: by an attribute or by the element itself, and whether what passes is kept.
#[derive(Clone, Copy)]
pub(super) struct Pick {
    pub(super) by_attr: bool,
    pub(super) keep: bool,
}

/// `select`, `reject`, `selectattr`, `rejectattr`; without a test, what is looked at must be true or false.
pub(super) fn select(eval: &mut Eval<'_>, value: &Value, mut args: Args, pick: Pick) -> Result<Value, Fault> {
    let name = match (pick.by_attr, pick.keep) {
        (false, true) => "select",
        (false, false) => "reject",
        (true, true) => "selectattr",
        (true, false) => "rejectattr",
    };
    let items = items(name, value)?;
    eval.work(items.len())?;
    let attr = match pick.by_attr {
        true => Some(args.take(0, "attribute").ok_or_else(|| fault(format!("`{name}` takes an attribute")))?),
        false => None,
    };
    let test = args.take(usize::from(pick.by_attr), "test");
    let (given, named) = args.into_parts();
    if let Some((argument, _)) = named.first() {
        return Err(fault(format!("the filter `{name}` takes no argument `{argument}`")));
    }
    let mut kept = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let looked_at = match &attr {
            Some(key) => follow_key(&item, key)?,
            None => item.clone(),
        };
        let passes = match &test {
            Some(test) => {
                let Some(test) = test.as_str() else {
                    return Err(fault(format!("a test is given by its name, not by {}", describe(test))));
                };
                if looked_at.is_undefined() && Asked::of(test) != Asked::Presence {
                    return Err(missing(index, attr.as_ref()));
                }
                eval.work(looked_at.len().unwrap_or(1))?;
                predicates::perform(test, &looked_at, &given)?
            }
            None if looked_at.is_undefined() => return Err(missing(index, attr.as_ref())),
            None => truth_of(&looked_at)? == crate::template::Truth::True,
        };
        if passes == pick.keep {
            kept.push(item);
        }
    }
    Ok(Value::from(kept))
}

fn missing(index: usize, attr: Option<&Value>) -> Fault {
    match attr {
        Some(key) => lacks(index, key)
            .help(format!("take those that have it first: `| selectattr('{key}', 'defined')`")),
        None => fault(format!("element {index} is not there")),
    }
}

/// `join(sep, attribute=…)`. Words that `quote` made stay words when only spaces come between them.
pub(super) fn join(eval: &mut Eval<'_>, value: &Value, args: &mut Args) -> Result<Value, Fault> {
    let items = items("join", value)?;
    let separator = args.take(0, "d").unwrap_or_else(|| Value::from(""));
    let Some(separator) = separator.as_str() else {
        return Err(fault(format!("`join` takes a text, not {}", describe(&separator))));
    };
    let attr = args.take(1, "attribute");
    let mut text = String::new();
    let mut quoted = !items.is_empty() && !separator.is_empty() && separator.chars().all(|c| c == ' ');
    for (index, item) in items.iter().enumerate() {
        let item = match &attr {
            Some(key) => follow_key(item, key)?,
            None => item.clone(),
        };
        if item.is_undefined() {
            return Err(missing(index, attr.as_ref()));
        }
        quoted &= item.is_safe();
        let part = text_of(&item)?;
        eval.make(part.len() + separator.len())?;
        if index > 0 {
            text.push_str(separator);
        }
        text.push_str(&part);
    }
    Ok(if quoted { Value::from_safe_string(text) } else { Value::from(text) })
}

/// `sum(attribute=…, start=0)` of numbers; MiniJinja's skips what has no such attribute.
pub(super) fn sum(value: &Value, args: &mut Args) -> Result<Value, Fault> {
    let attr = args.take(0, "attribute");
    let mut total = args.take(1, "start").unwrap_or_else(|| Value::from(0));
    for (index, item) in items("sum", value)?.iter().enumerate() {
        let item = match &attr {
            Some(key) => follow_key(item, key)?,
            None => item.clone(),
        };
        if item.is_undefined() {
            return Err(missing(index, attr.as_ref()));
        }
        if Number::of(&item).is_none() || Number::of(&total).is_none() {
            return Err(fault(format!("`sum` adds numbers, and element {index} is {}", describe(&item))));
        }
        total = ops::math(Math::Add, &total, &item)?;
    }
    Ok(total)
}

/// Refuses to order what has no order: elements of different kinds, or of none that is ordered.
pub(super) fn of_one_kind(name: &str, value: &Value, args: &Args) -> Result<(), Fault> {
    let attr = args.peek_named("attribute").or_else(|| if name == "groupby" { args.peek(0) } else { None });
    let paths: Vec<&str> = match attr {
        None => vec![""],
        Some(attr) => match attr.as_str() {
            Some(paths) => paths.split(',').map(str::trim).filter(|path| !path.is_empty()).collect(),
            None => {
                return Err(fault(format!("an attribute is given by its path, not by {}", describe(attr))));
            }
        },
    };
    for path in paths {
        let mut first: Option<Value> = None;
        for (index, item) in items(name, value)?.into_iter().enumerate() {
            let key = if path.is_empty() { item } else { follow(&item, path) };
            if key.is_undefined() {
                if name == "groupby" && args.peek_named("default").is_some() {
                    continue;
                }
                return Err(missing(index, Some(&Value::from(path))));
            }
            let kind = Kind::of(&key);
            let groups = name == "groupby" && kind == Kind::Bool;
            if !(groups || matches!(kind, Kind::Number | Kind::Text)) {
                return Err(fault(format!("`{name}` can't order {}", describe(&key))));
            }
            match &first {
                Some(first) if Kind::of(first) != kind => {
                    return Err(fault(format!(
                        "`{name}` can't order {} and {}",
                        describe(first),
                        describe(&key)
                    )));
                }
                Some(_) => {}
                None => first = Some(key),
            }
        }
    }
    Ok(())
}
