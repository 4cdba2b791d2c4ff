//! Filters: our own, and MiniJinja's where those can't guess, convert or grow without bound.

mod args;
mod data;
mod lists;
mod numbers;

use minijinja::value::Kwargs;

pub(super) use args::Args;

use super::eval::Eval;
use super::fault::{Fault, did_you_mean};
use super::ops::{Number, fault, text_of};
use super::quote::quote_always;
use super::value::{Kind, Value, describe, verbatim};

/// The filters, by the names that people write.
pub const FILTERS: &[&str] = &[
    "abs",
    "batch",
    "bool",
    "bytes",
    "capitalize",
    "ceil",
    "count",
    "d",
    "default",
    "dictsort",
    "duration",
    "first",
    "float",
    "floor",
    "from_json",
    "from_yaml",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "quantity",
    "quote",
    "raw_shell",
    "regex_search",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "to_json",
    "to_yaml",
    "tojson",
    "trim",
    "unique",
    "upper",
    "zip",
];

/// Applies a filter to a value that is there; neither it nor the arguments are held back.
pub(super) fn apply(eval: &mut Eval<'_>, name: &str, value: Value, mut args: Args) -> Result<Value, Fault> {
    eval.work(value.len().unwrap_or(1))?;
    let result = match name {
        "default" | "d" => Ok(value),
        "map" => return lists::map(eval, &value, args),
        "select" => return lists::select(eval, &value, args, lists::Pick { by_attr: false, keep: true }),
        "reject" => return lists::select(eval, &value, args, lists::Pick { by_attr: false, keep: false }),
        "selectattr" => return lists::select(eval, &value, args, lists::Pick { by_attr: true, keep: true }),
        "rejectattr" => return lists::select(eval, &value, args, lists::Pick { by_attr: true, keep: false }),
        "join" => lists::join(eval, &value, &mut args),
        "sum" => lists::sum(&value, &mut args),
        "quantity" => numbers::quantity(&value),
        "duration" => numbers::duration(&value),
        "bytes" => numbers::bytes(&value),
        "ceil" => numbers::rounded(&value, "ceil", f64::ceil),
        "floor" => numbers::rounded(&value, "floor", f64::floor),
        "int" => numbers::int(&value, &mut args),
        "float" => numbers::float(&value, &mut args),
        "bool" => numbers::boolean(&value),
        "string" => text_of(&value).map(|text| Value::from(&*text)),
        "quote" => text_of(&value).and_then(|text| quote_always(&text)).map(Value::from_safe_string),
        "raw_shell" => text_of(&value).map(|text| verbatim(&text)),
        "from_json" => data::from_json(&value),
        "from_yaml" => data::from_yaml(&value),
        "to_json" | "tojson" => data::to_json(&value, &mut args),
        "to_yaml" => data::to_yaml(&value),
        "regex_search" => data::regex_search(&value, &mut args),
        _ => return builtin(eval, name, &value, args),
    }?;
    args.done(name)?;
    eval.weigh(&result, &(0..0))?;
    Ok(result)
}

/// Calls MiniJinja's filter, after refusing what it would quietly make something of.
fn builtin(eval: &mut Eval<'_>, name: &str, value: &Value, args: Args) -> Result<Value, Fault> {
    let kind = Kind::of(value);
    let wanted = match name {
        "lower" | "upper" | "title" | "capitalize" | "trim" | "split" | "lines" | "replace" | "indent" => {
            (kind == Kind::Text, "text")
        }
        "abs" | "round" => (kind == Kind::Number, "a number"),
        "dictsort" | "items" => (kind == Kind::Map, "a map"),
        "batch" | "groupby" | "max" | "min" | "slice" | "sort" | "unique" | "zip" => {
            (kind == Kind::List, "a list")
        }
        "first" | "last" | "length" | "count" | "list" | "reverse" => {
            (matches!(kind, Kind::List | Kind::Map | Kind::Text), "a list, a map or text")
        }
        other => {
            let mut problem = fault(format!("there is no filter `{other}`"));
            problem.help = did_you_mean(other, FILTERS.iter().copied());
            return Err(problem);
        }
    };
    if let (false, what) = wanted {
        let problem = fault(format!("the filter `{name}` works on {what}, and this is {}", describe(value)));
        return Err(match (what, kind) {
            ("text", Kind::Number | Kind::Bool) => problem.help("`| string` makes a text of it"),
            ("a number", Kind::Text) => {
                problem.help("`| int`, `| float` or `| quantity` makes a number of a text")
            }
            _ => problem,
        });
    }
    let takes_names =
        matches!(name, "dictsort" | "groupby" | "indent" | "max" | "min" | "round" | "sort" | "unique");
    if !takes_names {
        args.no_named(name)?;
    }
    bounded(eval, name, value, &args)?;
    if matches!(name, "sort" | "min" | "max" | "groupby") {
        lists::of_one_kind(name, value, &args)?;
    }
    if name == "dictsort" && args.peek_named("by").is_some_and(|by| by.as_str() == Some("value")) {
        let pairs = value.try_iter().into_iter().flatten();
        let values: Vec<Value> = pairs.filter_map(|key| value.get_item(&key).ok()).collect();
        lists::of_one_kind(name, &Value::from(values), &Args::default())?;
    }
    // The mark of `quote` must not outlive a change of the text.
    let plain = |value: &Value| match value.as_str() {
        Some(text) if value.is_safe() && name != "first" && name != "last" => Value::from(text),
        _ => value.clone(),
    };
    let (given, named) = args.into_parts();
    let mut all = vec![plain(value)];
    all.extend(given.iter().map(plain));
    if !named.is_empty() {
        let named = named.iter().map(|(name, value)| (&**name, plain(value)));
        all.push(Value::from(named.collect::<Kwargs>()));
    }
    let result = eval.env.empty_state().apply_filter(name, &all).map_err(|error| {
        let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        fault(format!("the filter `{name}` failed: {detail}"))
    })?;
    let result = if Kind::of(&result) == Kind::List {
        // Some results are made anew each time they are looked at: take them once.
        let items = result.try_iter().map_err(|_| fault(format!("`{name}` gave no list")))?;
        Value::from(items.collect::<Vec<_>>())
    } else {
        result
    };
    if let Some(number) = Number::of(&result) {
        number.value()?;
    }
    eval.weigh(&result, &(0..0))?;
    Ok(result)
}

/// Refuses arguments that make something huge of something small.
fn bounded(eval: &mut Eval<'_>, name: &str, value: &Value, args: &Args) -> Result<(), Fault> {
    if matches!(name, "batch" | "slice" | "indent" | "round") {
        let large = |value: &Value| matches!(Number::of(value), Some(Number::Whole(whole)) if whole.unsigned_abs() > 10_000);
        if args.values().any(large) {
            return Err(fault(format!("the filter `{name}` takes numbers up to 10,000")));
        }
        if name == "indent" {
            let lines = value.as_str().map_or(0, |text| text.lines().count());
            eval.make(lines * 10_000)?;
        }
    }
    if name == "replace"
        && let (Some(text), Some(from), Some(to)) =
            (value.as_str(), args.peek(0).and_then(Value::as_str), args.peek(1).and_then(Value::as_str))
    {
        let times = text.matches(from).count();
        eval.make(times.saturating_mul(to.len()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_so_that_people_find_a_name() {
        assert!(FILTERS.is_sorted());
    }
}
