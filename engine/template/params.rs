//! How the params of a step template get their values, and whether a value fits the type of its input.

use regex::Regex;

use super::fault::nearest;
use super::value::{DataError, from_json, to_json};
use super::{Engine, Fault, Scope, TextFault, Value};
use crate::model::{self, Binding, Input, Kind, Place, Text, Tree, Type, TypeError};

/// Why a value does not fit the type of its input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Misfit {
    /// What is wrong, in words that go on after the input's name and a colon.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Misfit {
    /// Returns a misfit without help.
    pub fn new(message: impl Into<String>) -> Misfit {
        Misfit { message: message.into(), help: None }
    }
}

/// A param that has no value, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{param}` of `{template}`: {why}")]
pub struct ParamFault {
    /// The param.
    pub param: String,
    /// The template.
    pub template: String,
    /// Why.
    pub why: Box<ParamWhy>,
}

/// Why a param has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamWhy {
    /// What is given for it, or its default, can't be computed.
    #[error("{fault}")]
    Text {
        /// What is wrong; its span is in `text`.
        fault: Fault,
        /// The text that can't be computed.
        text: Text,
    },
    /// The value does not fit its type.
    #[error("{misfit}")]
    Misfit {
        /// What is wrong.
        misfit: Misfit,
        /// Where the value is given; for a default, where the param is declared.
        at: Place,
    },
}

/// Returns the scope of a template's body: its params, computed in `scope` from what the step gives under `with`.
///
/// A param that is not given has its default, where a text is a template over the params before it. One that has
/// none, or is given null, and is not required is not in scope. A value that only the run can know is passed on
/// unchecked, and so are secrets: they are checked when they are known, and never looked into.
///
/// # Errors
///
/// Every [`ParamFault`] at once.
pub fn params(engine: &Engine, binding: &Binding, scope: &Scope) -> Result<Scope, Vec<ParamFault>> {
    let mut own = Scope::new();
    let mut faults = Vec::new();
    for input in &binding.params {
        let given = binding.with.iter().find(|(name, _)| *name == input.name).map(|(_, tree)| tree);
        let value = match given {
            Some(tree) => computed(engine, binding, input, tree, scope),
            None => Ok(None),
        };
        let value = match value {
            Ok(None) => default(engine, binding, input, &own),
            found => found,
        };
        match value {
            Ok(Some(value)) => own.set(&input.name, value),
            Ok(None) => {}
            Err(fault) => {
                // What is computed from it is not wrong again.
                own.set_unknown(&input.name, &input.name);
                faults.push(fault);
            }
        }
    }
    if faults.is_empty() { Ok(own) } else { Err(faults) }
}

fn computed(
    engine: &Engine,
    binding: &Binding,
    input: &Input,
    tree: &Tree,
    scope: &Scope,
) -> Result<Option<Value>, ParamFault> {
    let value = engine.tree(tree, scope).map_err(|fault| text_fault(binding, input, tree, fault))?;
    if value.is_none() && !input.required {
        return Ok(None);
    }
    fitted(binding, input, value, place_of(tree).unwrap_or(binding.at)).map(Some)
}

fn default(
    engine: &Engine,
    binding: &Binding,
    input: &Input,
    own: &Scope,
) -> Result<Option<Value>, ParamFault> {
    let value = match &input.default {
        Some(model::Value::String(text)) => {
            let tree = Tree::Text(Text { src: text.clone(), at: input.at });
            engine.tree(&tree, own).map_err(|fault| text_fault(binding, input, &tree, fault))?
        }
        Some(model::Value::Null) => return Ok(None),
        Some(other) => from_json(other),
        None if input.required => {
            return Err(misfit(binding, input, Misfit::new("is not given"), binding.at));
        }
        None => return Ok(None),
    };
    fitted(binding, input, value, input.at).map(Some)
}

fn fitted(binding: &Binding, input: &Input, value: Value, at: Place) -> Result<Value, ParamFault> {
    let wrong = |message: String| misfit(binding, input, Misfit::new(message), at);
    match to_json(&value) {
        Ok(data) => match fit(&input.ty, data) {
            Ok(data) => Ok(from_json(&data)),
            Err(found) => Err(misfit(binding, input, found, at)),
        },
        Err(DataError::Unknown(_)) => Ok(value),
        Err(DataError::Secret(_)) if takes_secrets(&input.ty) => Ok(value),
        Err(DataError::Secret(name)) => Err(wrong(format!(
            "is given the secret `{name}`, which only a param of type secret, or text without bounds, takes"
        ))),
        Err(other) => Err(wrong(other.to_string())),
    }
}

/// Text without bounds of its own may be a secret: nothing about it needs to be checked.
fn takes_secrets(ty: &Type) -> bool {
    matches!(ty.kind, Kind::Secret | Kind::String | Kind::Any)
        && ty.one_of.is_empty()
        && ty.pattern.is_none()
        && ty.format.is_none()
}

fn misfit(binding: &Binding, input: &Input, misfit: Misfit, at: Place) -> ParamFault {
    param_fault(binding, input, ParamWhy::Misfit { misfit, at })
}

fn text_fault(binding: &Binding, input: &Input, tree: &Tree, found: TextFault) -> ParamFault {
    let text = text_of(tree, found.index).unwrap_or_default();
    param_fault(binding, input, ParamWhy::Text { fault: found.fault, text })
}

fn param_fault(binding: &Binding, input: &Input, why: ParamWhy) -> ParamFault {
    ParamFault { param: input.name.clone(), template: binding.template.clone(), why: Box::new(why) }
}

/// Returns the text of that number in a tree, in the order written.
pub fn text_of(tree: &Tree, index: usize) -> Option<Text> {
    let mut found = Vec::new();
    tree.texts(&mut |text| found.push(text));
    found.get(index).map(|text| (*text).clone())
}

/// Returns where the first text of a tree stands.
pub fn place_of(tree: &Tree) -> Option<Place> {
    text_of(tree, 0).map(|text| text.at)
}

/// Returns the value as its input holds it when it fits kind, enum, bounds, format and pattern.
///
/// The only change ever made: a whole number written as `3.0` becomes `3` for an integer, since `--replicas=3.0` is
/// refused by the tools it is handed to.
///
/// # Errors
///
/// [`Misfit`] with what is wrong.
pub fn fit(ty: &Type, value: model::Value) -> Result<model::Value, Misfit> {
    let value = match (ty.kind, &value) {
        (Kind::Integer, model::Value::Number(number)) if number.is_f64() => whole(number).unwrap_or(value),
        _ => value,
    };
    if let Err(error) = ty.fits(&value) {
        let help = match (&error, &value) {
            (TypeError::OneOf { .. }, model::Value::String(text)) => {
                nearest(text, ty.one_of.iter().filter_map(model::Value::as_str))
                    .map(|meant| format!("did you mean `{meant}`?"))
            }
            _ => None,
        };
        return Err(Misfit { message: error.to_string(), help });
    }
    if let (Some(pattern), Some(text)) = (&ty.pattern, value.as_str()) {
        let regex = Regex::new(pattern)
            .map_err(|_| Misfit::new(format!("its pattern `{pattern}` is not a regular expression")))?;
        if !regex.is_match(text) {
            return Err(Misfit::new(format!("`{text}` does not match the pattern `{pattern}`")));
        }
    }
    Ok(value)
}

fn whole(number: &serde_json::Number) -> Option<model::Value> {
    let float = number.as_f64()?;
    // Beyond 2^53 a float no longer says which integer was meant.
    (float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0).then(|| model::Value::from(float as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::template::{secret, unknown};

    fn of(kind: Kind) -> Type {
        Type { kind, ..Type::default() }
    }

    fn param(name: &str, kind: Kind) -> Input {
        Input { name: name.to_owned(), ty: of(kind), required: true, ..Input::default() }
    }

    fn with_default(name: &str, kind: Kind, default: model::Value) -> Input {
        Input { default: Some(default), ..param(name, kind) }
    }

    fn binding(params: Vec<Input>, with: &[(&str, &str)]) -> Binding {
        let given = |text: &str| Tree::Text(Text::new(text));
        Binding {
            template: "t/x".to_owned(),
            with: with.iter().map(|&(name, text)| (name.to_owned(), given(text))).collect(),
            params,
            ..Binding::default()
        }
    }

    /// The params in a runbook with the var `n` of 3, the secret `token` and a step whose outputs are not known yet.
    fn bound(params: Vec<Input>, with: &[(&str, &str)]) -> Result<Scope, Vec<String>> {
        let mut scope = Scope::new();
        scope.set("n", 3.into());
        scope.set("nothing", ().into());
        scope.set("token", secret("token"));
        scope.set("steps", unknown("steps"));
        super::params(&Engine::new(), &binding(params, with), &scope)
            .map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn types_are_kept_and_defaults_see_the_params_before_them() {
        let params = vec![
            param("replicas", Kind::Integer),
            with_default("name", Kind::String, json!("web-{{ replicas }}")),
            with_default("max", Kind::Integer, json!("{{ replicas * 2 }}")),
            with_default("zones", Kind::List, json!(["a"])),
            Input { required: false, ..param("absent", Kind::String) },
            Input { required: false, ..param("null", Kind::String) },
        ];
        let scope = bound(params, &[("replicas", "{{ n }}"), ("null", "{{ nothing }}")]).expect("all right");
        let data = |name: &&str| to_json(scope.get(name).expect("there")).expect("data").to_string();
        let shown: Vec<String> = scope.names().iter().map(|name| format!("{name}={}", data(name))).collect();
        assert_eq!(shown, ["max=6", r#"name="web-3""#, "replicas=3", r#"zones=["a"]"#]);
    }

    #[test]
    fn a_template_sees_nothing_of_the_runbook() {
        let params = vec![with_default("x", Kind::Any, json!("{{ n }}"))];
        assert!(bound(params, &[]).expect_err("n is no param")[0].contains("`x` of `t/x`"));
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let label = Type { format: Some(model::Format::DnsLabel), ..of(Kind::String) };
        let params = vec![
            param("replicas", Kind::Integer),
            param("left_out", Kind::String),
            Input { ty: label.clone(), ..param("namespace", Kind::String) },
            Input { ty: label, ..param("hidden", Kind::String) },
            with_default("follows", Kind::Integer, json!("{{ replicas + 1 }}")),
        ];
        let told = bound(params, &[("replicas", "{{ n }}0"), ("namespace", "-x"), ("hidden", "{{ token }}")]);
        insta::assert_snapshot!(told.expect_err("mistakes").join("\n"), @r"
        `replicas` of `t/x`: wants an integer, got the text `30`
        `left_out` of `t/x`: is not given
        `namespace` of `t/x`: `-x` is not a DNS label (lower-case letters, digits and `-`, at most 63 characters)
        `hidden` of `t/x`: is given the secret `token`, which only a param of type secret, or text without bounds, takes
        ");
    }

    #[test]
    fn what_only_the_run_can_know_is_passed_on() {
        let params = vec![
            param("a", Kind::Integer),
            param("b", Kind::Secret),
            with_default("c", Kind::String, json!("{{ a }}")),
        ];
        let scope =
            bound(params, &[("a", "{{ steps.x.outputs.n }}"), ("b", "{{ token }}")]).expect("not wrong");
        assert!(crate::template::origin_of(scope.get("a").expect("there")).is_some());
        assert!(crate::template::origin_of(scope.get("c").expect("there")).is_some());
        assert_eq!(crate::template::secret_of(scope.get("b").expect("there")), Some("token"));
    }

    #[test]
    fn patterns_hold_and_whole_numbers_are_integers() {
        let workload = Type { pattern: Some("^(deployment|statefulset)/.+".to_owned()), ..of(Kind::String) };
        assert!(fit(&workload, json!("deployment/api")).is_ok());
        let misfit = fit(&workload, json!("api")).expect_err("no match");
        assert_eq!(misfit.message, "`api` does not match the pattern `^(deployment|statefulset)/.+`");
        assert_eq!(fit(&of(Kind::Integer), json!(3.0)), Ok(json!(3)));
        assert!(fit(&of(Kind::Integer), json!(3.5)).is_err());
    }
}
