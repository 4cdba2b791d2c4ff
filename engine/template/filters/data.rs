//! Filters that read and write text formats.

use std::sync::Arc;

use regex::RegexBuilder;

use crate::template::fault::Fault;
use crate::template::filters::Args;
use crate::template::ops::{Number, fault};
use crate::template::value::{self, Kind, MAX_DEPTH, Value, describe, table};

fn text<'v>(value: &'v Value, name: &str) -> Result<&'v str, Fault> {
    value
        .as_str()
        .ok_or_else(|| fault(format!("the filter `{name}` works on text, and this is {}", describe(value))))
}

pub(super) fn from_json(value: &Value) -> Result<Value, Fault> {
    let data = serde_json::from_str(text(value, "from_json")?)
        .map_err(|error| fault(format!("this is not JSON: {error}")))?;
    Ok(value::from_json(&data))
}

pub(super) fn from_yaml(value: &Value) -> Result<Value, Fault> {
    let data: serde_yaml::Value = serde_yaml::from_str(text(value, "from_yaml")?)
        .map_err(|error| fault(format!("this is not YAML: {error}")))?;
    yaml_within(&data, MAX_DEPTH)
}

fn yaml_within(data: &serde_yaml::Value, depth: usize) -> Result<Value, Fault> {
    let depth = depth.checked_sub(1).ok_or_else(|| fault("this YAML is nested too deep"))?;
    Ok(match data {
        serde_yaml::Value::Null => Value::from(()),
        serde_yaml::Value::Bool(yes) => Value::from(*yes),
        serde_yaml::Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), _, _) => Value::from(whole),
            (None, Some(whole), _) => Value::from(whole),
            (None, None, float) => Number::Decimal(float.unwrap_or(f64::NAN)).value()?,
        },
        serde_yaml::Value::String(text) => Value::from(text.as_str()),
        serde_yaml::Value::Sequence(items) => {
            Value::from(items.iter().map(|item| yaml_within(item, depth)).collect::<Result<Vec<_>, _>>()?)
        }
        serde_yaml::Value::Mapping(map) => {
            let mut entries: Vec<(Arc<str>, Value)> = Vec::new();
            for (key, inner) in map {
                let key = yaml_within(key, depth)?;
                if matches!(Kind::of(&key), Kind::List | Kind::Map | Kind::Null) {
                    return Err(fault(format!("a key of this YAML is {}", describe(&key))));
                }
                let key = crate::template::ops::text_of(&key)?.into_owned();
                entries.push((key.into(), yaml_within(inner, depth)?));
            }
            table(entries)
        }
        serde_yaml::Value::Tagged(tagged) => yaml_within(&tagged.value, depth)?,
    })
}

/// `to_json(indent=2)`; one line without `indent`.
pub(super) fn to_json(value: &Value, args: &mut Args) -> Result<Value, Fault> {
    let data = value::to_json(value).map_err(|error| fault(error.to_string()))?;
    let indent = args.take(0, "indent");
    let indent = match indent.as_ref().map(|indent| (Kind::of(indent), Number::of(indent))) {
        None | Some((Kind::Null, _)) => return Ok(Value::from(data.to_string())),
        Some((_, Some(Number::Whole(width @ 0..=16)))) => " ".repeat(width as usize),
        Some((Kind::Bool, _)) => "  ".to_owned(),
        Some(_) => return Err(fault("`indent` is a whole number up to 16")),
    };
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    serde::Serialize::serialize(&data, &mut serializer).map_err(|error| fault(error.to_string()))?;
    Ok(Value::from(String::from_utf8_lossy(&out).into_owned()))
}

pub(super) fn to_yaml(value: &Value) -> Result<Value, Fault> {
    let data = value::to_json(value).map_err(|error| fault(error.to_string()))?;
    serde_yaml::to_string(&data).map(Value::from).map_err(|error| fault(error.to_string()))
}

/// `regex_search(pattern, group=0)`: the text that matches, or null.
pub(super) fn regex_search(value: &Value, args: &mut Args) -> Result<Value, Fault> {
    let text = text(value, "regex_search")?;
    let pattern = args.take(0, "pattern");
    let Some(pattern) = pattern.as_ref().and_then(Value::as_str) else {
        return Err(fault("`regex_search` takes a pattern"));
    };
    let regex = RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        fault(format!("`{pattern}` is not a pattern: {reason}"))
    })?;
    // Taken before the search, or the caller would call it one argument too many where nothing matches.
    let group = args.take(1, "group").unwrap_or_else(|| Value::from(0));
    let Some(found) = regex.captures(text) else { return Ok(Value::from(())) };
    let names: Vec<&str> = regex.capture_names().flatten().collect();
    let part = match (Number::of(&group), group.as_str()) {
        (Some(Number::Whole(index)), _) if (0..regex.captures_len() as i128).contains(&index) => {
            found.get(index as usize)
        }
        (None, Some(name)) if names.contains(&name) => found.name(name),
        _ => return Err(fault(format!("the pattern has no group {}", describe(&group)))),
    };
    Ok(part.map_or_else(|| Value::from(()), |part| Value::from(part.as_str())))
}
