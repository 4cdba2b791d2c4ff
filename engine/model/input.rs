//! Typed inputs: the vars of a runbook and the params of a step template.

use serde::{Deserialize, Serialize};

use super::{Place, Value, parse_duration};

/// What kind of value an input takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Text.
    #[default]
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Boolean,
    /// Text such as `5m`.
    Duration,
    /// A list of anything.
    List,
    /// A map of anything.
    Map,
    /// Text that reaches no argument list, log or journal.
    Secret,
    /// Anything.
    Any,
}

impl Kind {
    /// All kinds by the names that people write.
    pub const NAMES: [(&'static str, Kind); 9] = [
        ("string", Kind::String),
        ("integer", Kind::Integer),
        ("number", Kind::Number),
        ("boolean", Kind::Boolean),
        ("duration", Kind::Duration),
        ("list", Kind::List),
        ("map", Kind::Map),
        ("secret", Kind::Secret),
        ("any", Kind::Any),
    ];

    /// Returns the name that people write.
    pub fn name(self) -> &'static str {
        Kind::NAMES.iter().find(|(_, kind)| *kind == self).map_or("any", |(name, _)| name)
    }
}

/// A named form of text, checked without a pattern of one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A DNS label as Kubernetes names use it (RFC 1123): lower case, digits, `-`, 63 characters at most.
    DnsLabel,
    /// A DNS subdomain as Kubernetes object names use it (RFC 1123), 253 characters at most.
    DnsName,
    /// A Kubernetes quantity such as `512Mi` or `500m`.
    Quantity,
}

/// The type of an input with its bounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Type {
    /// The kind of value.
    pub kind: Kind,
    /// The only values taken; empty for any (`enum`).
    pub one_of: Vec<Value>,
    /// A regular expression that the whole text must match at some place (anchors are the writer's).
    pub pattern: Option<String>,
    /// A named form.
    pub format: Option<Format>,
    /// The least number taken.
    pub min: Option<f64>,
    /// The greatest number taken.
    pub max: Option<f64>,
}

/// Where a secret's value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file's content without its last line end.
    File(String),
    /// A command's stdout without its last line end, as words.
    Command(Vec<String>),
}

/// One var or param.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: Type,
    /// What it is when not given.
    pub default: Option<Value>,
    /// Whether leaving it out (without a default) is a mistake; true unless said otherwise.
    pub required: bool,
    /// Where a secret is taken from.
    pub from: Option<SecretSource>,
    /// A line for the person who is asked.
    pub help: Option<String>,
    /// Where it is declared.
    pub at: Place,
}

/// Returns the environment variable that gives a var: `RUNBOOK_VAR_` and the name in upper case, with `_` for what no shell
/// can set.
pub fn variable(name: &str) -> String {
    format!("RUNBOOK_VAR_{}", name.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_"))
}

/// Returns the environment variable that a secret of a runbook is read from.
pub fn secret_variable(runbook: &super::Runbook, name: &str) -> String {
    let input = runbook.vars.iter().find(|input| input.name == name);
    match input.and_then(|input| input.from.as_ref()) {
        Some(SecretSource::Env(named)) => named.clone(),
        _ => variable(name),
    }
}

/// Why a value does not fit a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    /// The value is of another kind.
    #[error("wants {wanted}, got {got}")]
    Kind {
        /// The kind wanted, with its article.
        wanted: String,
        /// What was given.
        got: String,
    },
    /// The value is not one of the listed ones.
    #[error("`{got}` is not one of {allowed}")]
    OneOf {
        /// What was given.
        got: String,
        /// The listed values.
        allowed: String,
    },
    /// The number is out of bounds.
    #[error("{got} is {side} than {bound}")]
    Bound {
        /// What was given.
        got: String,
        /// `less` or `more`.
        side: &'static str,
        /// The bound.
        bound: String,
    },
    /// The text does not have its named form.
    #[error("`{got}` is not {form}")]
    Format {
        /// What was given.
        got: String,
        /// The form, described.
        form: &'static str,
    },
}

impl Type {
    /// Says whether `value` fits the kind, the enum, the bounds and the format; `pattern` is checked by `load`,
    /// which owns the regular expressions.
    ///
    /// # Errors
    ///
    /// [`TypeError`] with what is wrong.
    pub fn fits(&self, value: &Value) -> Result<(), TypeError> {
        let kind = match (self.kind, value) {
            (Kind::Any, _)
            | (Kind::String | Kind::Secret, Value::String(_))
            | (Kind::Number, Value::Number(_))
            | (Kind::Boolean, Value::Bool(_))
            | (Kind::List, Value::Array(_))
            | (Kind::Map, Value::Object(_)) => true,
            (Kind::Integer, Value::Number(number)) => is_whole(number),
            (Kind::Duration, Value::String(text)) => parse_duration(text).is_ok(),
            _ => false,
        };
        if !kind {
            return Err(TypeError::Kind { wanted: with_article(self.kind), got: describe(value) });
        }
        if !self.one_of.is_empty() && !self.one_of.contains(value) {
            let allowed = self.one_of.iter().map(shown).collect::<Vec<_>>().join(", ");
            return Err(TypeError::OneOf { got: shown(value), allowed });
        }
        if let Some(number) = value.as_f64() {
            let bound = |side, bound: f64| {
                Err(TypeError::Bound { got: value.to_string(), side, bound: bound.to_string() })
            };
            match (self.min, self.max) {
                (Some(min), _) if number < min => return bound("less", min),
                (_, Some(max)) if number > max => return bound("more", max),
                _ => {}
            }
        }
        if let (Some(format), Some(text)) = (self.format, value.as_str())
            && !format.holds(text)
        {
            return Err(TypeError::Format { got: text.to_owned(), form: format.described() });
        }
        Ok(())
    }
}

impl Format {
    /// Says whether `text` has this form.
    pub fn holds(self, text: &str) -> bool {
        let label = |part: &str| {
            !part.is_empty()
                && part.len() <= 63
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        };
        match self {
            Format::DnsLabel => label(text),
            Format::DnsName => text.len() <= 253 && text.split('.').all(label),
            Format::Quantity => {
                let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                let suffix = &text[number.len()..];
                let suffixes =
                    ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
                number.parse::<f64>().is_ok_and(f64::is_finite) && suffixes.contains(&suffix)
            }
        }
    }

    /// Returns the form in words.
    pub fn described(self) -> &'static str {
        match self {
            Format::DnsLabel => "a DNS label (lower-case letters, digits and `-`, at most 63 characters)",
            Format::DnsName => "a DNS name (DNS labels joined by `.`, at most 253 characters)",
            Format::Quantity => "a Kubernetes quantity such as `512Mi` or `500m`",
        }
    }
}

fn is_whole(number: &serde_json::Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|float| float.fract() == 0.0)
}

fn with_article(kind: Kind) -> String {
    let article = if kind == Kind::Integer { "an" } else { "a" };
    match kind {
        Kind::Duration => "a duration such as `5m`".to_owned(),
        Kind::Boolean => "true or false".to_owned(),
        _ => format!("{article} {}", kind.name()),
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
        Value::String(text) => format!("the text `{text}`"),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(kind: Kind) -> Type {
        Type { kind, ..Type::default() }
    }

    #[test]
    fn kinds_are_not_guessed() {
        assert!(of(Kind::Integer).fits(&json!(3)).is_ok());
        assert!(of(Kind::Integer).fits(&json!(3.0)).is_ok());
        assert_eq!(
            of(Kind::Integer).fits(&json!("3")).unwrap_err().to_string(),
            "wants an integer, got the text `3`"
        );
        assert!(of(Kind::String).fits(&json!(3)).is_err());
        assert!(of(Kind::Duration).fits(&json!("5 minutes")).is_err());
    }

    #[test]
    fn bounds_and_enums_are_named() {
        let ty = Type { one_of: vec![json!("prod"), json!("staging")], ..of(Kind::String) };
        assert_eq!(ty.fits(&json!("prd")).unwrap_err().to_string(), "`prd` is not one of prod, staging");
        let ty = Type { min: Some(0.0), ..of(Kind::Integer) };
        assert_eq!(ty.fits(&json!(-1)).unwrap_err().to_string(), "-1 is less than 0");
    }

    #[test]
    fn formats() {
        assert!(Format::DnsLabel.holds("autolytiq-prod"));
        assert!(!Format::DnsLabel.holds("-x; rm -rf /"));
        assert!(Format::Quantity.holds("512Mi") && Format::Quantity.holds("2"));
        assert!(!Format::Quantity.holds("512 MB") && !Format::Quantity.holds("infM"));
    }
}
