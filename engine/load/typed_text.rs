//! Which value a text from outside stands for, by the type of its input.

use super::yaml;
use crate::diag::{Report, Sources};
use crate::model::{Kind, Type, Value, parse_duration};
use crate::template::{Misfit, fit};

/// Returns the value that a text from the command line or the environment stands for, by the input's type alone.
///
/// Nothing is guessed from the look of the text: `012` stays `012` for a string and is refused for an integer, which
/// some read as ten. A list, a map and `any` are read as YAML, so JSON is taken too.
///
/// # Errors
///
/// [`Misfit`] with what is wrong.
pub fn from_text(ty: &Type, text: &str) -> Result<Value, Misfit> {
    let wants = |what: &str| Misfit::new(format!("wants {what}, got `{text}`"));
    let value = match ty.kind {
        Kind::String | Kind::Secret => Value::from(text),
        Kind::Integer => integer(text).ok_or_else(|| wants("an integer"))?,
        Kind::Number => match integer(text) {
            Some(number) => number,
            None => serde_json::from_str::<serde_json::Number>(text)
                .ok()
                .filter(|_| !text.contains(char::is_whitespace))
                .map(Value::Number)
                .ok_or_else(|| wants("a number"))?,
        },
        Kind::Boolean => match text {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return Err(wants("true or false")),
        },
        Kind::Duration => match parse_duration(text) {
            Ok(_) => Value::from(text),
            Err(error) => return Err(Misfit::new(error.to_string())),
        },
        Kind::List => flow(text).map_err(|_| wants("a list such as `[a, b]`"))?,
        Kind::Map => flow(text).map_err(|_| wants("a map such as `{a: 1, b: 2}`"))?,
        Kind::Any => {
            flow(text).map_err(|why| Misfit::new(format!("`{text}` can't be read as YAML: {why}")))?
        }
    };
    fit(ty, value)
}

/// Returns a type in words, for a person who must give a value: `string, one of prod, staging`.
pub fn describe(ty: &Type) -> String {
    let mut words = match ty.kind {
        Kind::Duration => "duration such as `5m`".to_owned(),
        kind => kind.name().to_owned(),
    };
    if !ty.one_of.is_empty() {
        let values = ty.one_of.iter().map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        words += &format!(", one of {}", values.collect::<Vec<_>>().join(", "));
    }
    match (ty.min, ty.max) {
        (Some(min), Some(max)) => words += &format!(" from {min} to {max}"),
        (Some(min), None) => words += &format!(", at least {min}"),
        (None, Some(max)) => words += &format!(", at most {max}"),
        (None, None) => {}
    }
    if let Some(format) = ty.format {
        words += &format!(", {}", format.described());
    }
    if let Some(pattern) = &ty.pattern {
        words += &format!(", matching `{pattern}`");
    }
    words
}

fn integer(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    let number = text.parse::<i64>().map(Value::from);
    number.or_else(|_| text.parse::<u64>().map(Value::from)).ok()
}

fn flow(text: &str) -> Result<Value, String> {
    if text.trim().is_empty() {
        return Err("there is nothing".to_owned());
    }
    let mut sources = Sources::new();
    let file = sources.add("", text);
    let mut report = Report::new();
    let node = yaml::parse(&sources, file, &mut report);
    match (node, report.iter().next()) {
        (Some(node), None) => Ok(node.value()),
        (_, problem) => Err(problem.map(|problem| problem.message.clone()).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Format;

    fn of(kind: Kind) -> Type {
        Type { kind, ..Type::default() }
    }

    #[test]
    fn text_is_read_by_the_type_alone() {
        for (kind, text, value) in [
            (Kind::String, "012", json!("012")),
            (Kind::String, "", json!("")),
            (Kind::String, "true", json!("true")),
            (Kind::String, "x; rm -rf / #$(id)'\"", json!("x; rm -rf / #$(id)'\"")),
            (Kind::Integer, "-3", json!(-3)),
            (Kind::Integer, "18446744073709551615", json!(u64::MAX)),
            (Kind::Number, "0.5", json!(0.5)),
            (Kind::Number, "4", json!(4)),
            (Kind::Boolean, "false", json!(false)),
            (Kind::Duration, "1h30m", json!("1h30m")),
            (Kind::List, "[a, 1, yes]", json!(["a", 1, "yes"])),
            (Kind::Map, r#"{"a": {"b": 012}}"#, json!({"a": {"b": "012"}})),
            (Kind::Any, "5", json!(5)),
        ] {
            assert_eq!(from_text(&of(kind), text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_could_mean_something_else_is_refused() {
        let told: Vec<String> = [
            (Kind::Integer, "012"),
            (Kind::Integer, "3.0"),
            (Kind::Integer, "99999999999999999999"),
            (Kind::Integer, " 3"),
            (Kind::Number, "NaN"),
            (Kind::Boolean, "yes"),
            (Kind::Duration, "10"),
            (Kind::List, "a, b"),
            (Kind::List, "[a"),
            (Kind::Map, ""),
            (Kind::Map, "{a: 1, a: 2}"),
            (Kind::Any, "a: b: c"),
        ]
        .map(|(kind, text)| from_text(&of(kind), text).expect_err(text).message)
        .into();
        insta::assert_snapshot!(told.join("\n"), @r"
        wants an integer, got `012`
        wants an integer, got `3.0`
        wants an integer, got `99999999999999999999`
        wants an integer, got ` 3`
        wants a number, got `NaN`
        wants true or false, got `yes`
        `10` is not a duration; write a number with a unit, as in `30s`, `5m`, `1h30m` or `250ms`
        wants a list, got the text `a, b`
        wants a list such as `[a, b]`, got `[a`
        wants a map such as `{a: 1, b: 2}`, got ``
        wants a map such as `{a: 1, b: 2}`, got `{a: 1, a: 2}`
        `a: b: c` can't be read as YAML: this is not YAML: `key: value` can't begin here
        ");
    }

    #[test]
    fn bounds_hold_for_text_too() {
        let prod = Type { one_of: vec![json!("prod"), json!("staging")], ..of(Kind::String) };
        let misfit = from_text(&prod, "prd").expect_err("not listed");
        assert_eq!(misfit.help.as_deref(), Some("did you mean `prod`?"));
        let label = Type { format: Some(Format::DnsLabel), ..of(Kind::String) };
        assert!(from_text(&label, "-x").is_err());
        let at_least = Type { min: Some(2.0), ..of(Kind::Integer) };
        assert_eq!(from_text(&at_least, "1").expect_err("too few").message, "1 is less than 2");
    }

    #[test]
    fn a_type_is_told_in_words() {
        let ty = Type { min: Some(1.0), max: Some(5.0), ..of(Kind::Integer) };
        assert_eq!(describe(&ty), "integer from 1 to 5");
        let ty = Type {
            pattern: Some("^a".to_owned()),
            one_of: vec![json!("a"), json!("ab")],
            ..of(Kind::String)
        };
        assert_eq!(describe(&ty), "string, one of a, ab, matching `^a`");
    }
}
