//! The form of names that people give: step ids, vars, params, outputs, step templates.

use super::context::Context;
use super::fields::shortened;
use super::node::Key;
use crate::diag::{Code, Diagnostic};
use crate::model::Place;

/// Words that mean something in expressions or are in scope everywhere.
pub(super) const RESERVED: [&str; 23] = [
    "and",
    "captured",
    "else",
    "exit_code",
    "false",
    "for",
    "if",
    "in",
    "is",
    "item",
    "json",
    "lines",
    "loop",
    "none",
    "not",
    "or",
    "outputs",
    "run",
    "stderr",
    "stdout",
    "steps",
    "true",
    "yaml",
];

/// Longest name, in characters: it stands in tables, file names and environment variables.
const LONGEST: usize = 63;

/// Tells when a name can't be used in expressions. (RB0203)
pub(super) fn check(cx: &mut Context<'_>, key: &Key, what: &str) {
    let name = key.text.as_str();
    let mut chars = name.chars();
    let form = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= LONGEST;
    if !form {
        let diagnostic = bad(
            &format!("the name of {what}"),
            name,
            key.place,
            "letters, digits and `_`, and begins with a letter",
        );
        let underscored = name.replace(['-', '.', ' '], "_");
        let usable =
            underscored != name && underscored.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        cx.report.push(if usable && !name.starts_with(|c: char| c.is_ascii_digit()) {
            diagnostic.help(format!("write `{underscored}`"))
        } else {
            diagnostic
        });
    } else if RESERVED.contains(&name) || matches!(name, "True" | "False" | "None") {
        cx.report.push(
            Diagnostic::new(Code::BadName, format!("{what} can't be called `{name}`"))
                .at(key.place, "this name has a meaning of its own in expressions")
                .help(format!("choose another name, such as `{name}_value`")),
        );
    }
}

/// Tells when a step's id has a form that can't be used. (RB0203)
pub(super) fn check_id(cx: &mut Context<'_>, id: &str, place: Place) {
    let form = id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
        && id.len() <= LONGEST;
    if !form {
        let diagnostic =
            bad("a step id", id, place, "lower-case letters, digits, `-` and `_`, and begins with a letter");
        let simple: String = id
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' { c } else { '-' })
            .collect();
        let simple = simple.trim_matches('-').to_owned();
        let usable =
            simple != id && simple.len() <= LONGEST && simple.starts_with(|c: char| c.is_ascii_lowercase());
        cx.report.push(if usable { diagnostic.help(format!("write `id: {simple}`")) } else { diagnostic });
    }
}

fn bad(what: &str, name: &str, place: Place, form: &str) -> Diagnostic {
    let message = match name {
        "" => format!("{what} is empty"),
        _ => format!("`{}` can't be {what}", shortened(name)),
    };
    Diagnostic::new(Code::BadName, message)
        .at(place, "")
        .note(format!("a name holds {form}; it has at most {LONGEST} characters"))
}

/// Says whether `name` has the form of a step template's name: words of letters, digits, `-` and `_` joined by `/`.
/// Nothing else reaches the file system, so no name leads out of `steps/`.
pub fn is_template(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && name.split('/').all(|word| {
            word.starts_with(|c: char| c.is_ascii_alphanumeric())
                && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_name_leads_nowhere_else() {
        assert!(is_template("kubectl/hpa-floor") && is_template("tell"));
        for name in ["", "../x", "/etc/passwd", "a//b", "a/", "a/.hidden", "a b", "a\\b", "a.yaml"] {
            assert!(!is_template(name), "{name}");
        }
    }
}
