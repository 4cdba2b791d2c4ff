//! How what only the run can know is carried on: a plan shows where it comes from and what stands around it.
//!
//! What is joined to an unknown value stays readable (`web-‹captured.name›`). What is made of one, and is not it, says
//! `‹from captured.replicas›`: a plan that showed `‹captured.replicas›` for twice that would be wrong.

use super::filters::Args;
use super::ops::text_of;
use super::syntax::Math;
use super::value::{Kind, MAX_DEPTH, Value, held, held_of, taint};
use crate::model::{Piece, Rendered, Unknown};

const FROM: &str = "from ";

/// How many pieces of what is joined are kept apart: joined to itself again and again, there would be no end to them.
const MOST_PIECES: usize = 1000;

/// Returns what is made of an unknown value. What makes it is told by whoever evaluates it, where somebody asks.
pub(super) fn derived(of: &Unknown) -> Unknown {
    let origin = if is_derived(of) { of.origin.clone() } else { format!("{FROM}{}", of.origin) };
    Unknown { origin, turns_on: of.turns_on.clone(), ..Unknown::default() }
}

/// Says whether it is made of another value.
pub(super) fn is_derived(of: &Unknown) -> bool {
    of.origin.starts_with(FROM)
}

/// Says whether it may be a part of what a step gives, and not the whole.
pub(super) fn is_part(of: &Unknown) -> bool {
    let name = of.origin.strip_prefix("captured.").or_else(|| Some(of.origin.split_once(".outputs.")?.1));
    is_derived(of) || name.is_none_or(|name| name.contains(['.', '[']))
}

/// Returns where a value comes from that is unknown as it stands: not joined with anything and not made of another.
pub(super) fn whole_origin(value: &Value) -> Option<&str> {
    match held_of(value)?.pieces.as_slice() {
        [Piece::Unknown(of)] if !is_derived(of) => Some(&of.origin),
        _ => None,
    }
}

/// Returns the origin of what stands in an unknown value under this text.
pub fn part_of_text(origin: &str, key: &str) -> String {
    part_of(origin, &Value::from(key))
}

/// Returns the origin of what stands in an unknown value under `key`.
pub(super) fn part_of(origin: &str, key: &Value) -> String {
    match key.as_str() {
        Some(key) if key.chars().all(|one| one.is_ascii_alphanumeric() || one == '_') => {
            format!("{origin}.{key}")
        }
        Some(key) => format!("{origin}['{key}']"),
        None => format!("{origin}[{key}]"),
    }
}

/// Returns what `~` makes of two values of which at least one is unknown; nothing for other operators.
pub(super) fn joined(op: Math, left: &Value, right: &Value) -> Option<Value> {
    if op != Math::Join {
        return None;
    }
    let mut text = Rendered::default();
    add(&mut text, left)?;
    add(&mut text, right)?;
    (text.pieces.len() <= MOST_PIECES).then(|| held(text))
}

/// Returns what a filter makes of what is unknown only in parts, where the other parts can be told.
pub(super) fn filtered(name: &str, value: &Value, args: &Args) -> Option<Value> {
    let mut given = args.values();
    match (name, given.next(), given.next()) {
        ("string", None, None) => held_of(value).map(|_| value.clone()),
        ("to_json" | "tojson", None, None) => {
            let mut text = Rendered::default();
            json(&mut text, value, MAX_DEPTH)?;
            Some(held(text))
        }
        ("join", between, None) if Kind::of(value) == Kind::List => {
            let between = between.map_or(Some(""), |between| between.as_str())?;
            let mut text = Rendered::default();
            for (number, item) in value.try_iter().ok()?.enumerate() {
                if number > 0 {
                    text.push_str(between);
                }
                add(&mut text, &item)?;
            }
            Some(held(text))
        }
        _ => None,
    }
}

/// Adds a value as text.
fn add(text: &mut Rendered, value: &Value) -> Option<()> {
    match held_of(value) {
        Some(parts) => parts.pieces.iter().cloned().for_each(|piece| text.push(piece)),
        None => text.push_str(&text_of(value).ok()?),
    }
    Some(())
}

/// Adds a value as JSON, as the filter writes it where everything is known.
pub(super) fn json(text: &mut Rendered, value: &Value, depth: usize) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    if let Some(parts) = held_of(value) {
        // One that is joined with known text is a text, so it stands in quotes; what it is otherwise, nobody knows.
        let quoted = parts.pieces.len() > 1;
        if quoted {
            text.push_str("\"");
        }
        for piece in &parts.pieces {
            match piece {
                Piece::Plain(plain) => {
                    let escaped = serde_json::to_string(plain).ok()?;
                    text.push_str(escaped.get(1..escaped.len() - 1)?);
                }
                other => text.push(other.clone()),
            }
        }
        if quoted {
            text.push_str("\"");
        }
        return Some(());
    }
    if taint(value).is_none() {
        text.push_str(&super::to_json(value).ok()?.to_string());
        return Some(());
    }
    let map = Kind::of(value) == Kind::Map;
    text.push_str(if map { "{" } else { "[" });
    for (number, item) in value.try_iter().ok()?.enumerate() {
        if number > 0 {
            text.push_str(",");
        }
        if map {
            text.push_str(&serde_json::to_string(&item.to_string()).ok()?);
            text.push_str(":");
            json(text, &value.get_item(&item).ok()?, depth)?;
        } else {
            json(text, &item, depth)?;
        }
    }
    text.push_str(if map { "}" } else { "]" });
    Some(())
}

#[cfg(test)]
mod tests {
    use crate::template::{Engine, Scope, Truth};

    fn scope() -> Scope {
        let mut scope = Scope::new();
        scope.set_unknown("n", "captured.n");
        scope.set_unknown("out", "steps.look.outputs.out");
        scope.set_secret("token");
        scope
    }

    fn text(src: &str) -> String {
        Engine::new().text(src, &scope()).map_or_else(|fault| fault.message, |text| text.display())
    }

    #[test]
    fn what_stands_around_an_unknown_value_is_shown() {
        for (src, shown) in [
            ("{{ 'web-' ~ n ~ '.local' }}", "web-‹captured.n›.local"),
            (
                "{{ {'a': 1, 'b': {'c': n, 'd': [out, 'x']}} | to_json }}",
                r#"{"a":1,"b":{"c":‹captured.n›,"d":[‹steps.look.outputs.out›,"x"]}}"#,
            ),
            ("{{ {'a': 'say \"' ~ n} | to_json }}", r#"{"a":"say \"‹captured.n›"}"#),
            ("{{ n | to_json }}", "‹captured.n›"),
            ("{{ ['a', n, 3] | join(',') }}", "a,‹captured.n›,3"),
            ("{{ n | string }}", "‹captured.n›"),
        ] {
            assert_eq!(text(src), shown, "{src}");
        }
    }

    #[test]
    fn a_part_of_an_unknown_value_says_which() {
        assert_eq!(text("{{ out.web.port }}"), "‹steps.look.outputs.out.web.port›");
        assert_eq!(text("{{ out['a-b'][0] }}"), "‹steps.look.outputs.out['a-b'][0]›");
    }

    #[test]
    fn what_is_made_of_an_unknown_value_does_not_pass_for_it() {
        for src in ["{{ n * 2 }}", "{{ (n + 1) * 2 }}", "{{ n | upper }}", "{{ [1, n] | max }}", "{{ -n }}"] {
            assert_eq!(text(src), "‹from captured.n›", "{src}");
        }
        assert_eq!(text("{{ n | default(3) }}"), "‹captured.n›");
        let truth = Engine::new().holds("n > 3", &scope());
        let Ok(Truth::Unknown(of)) = truth else { panic!("{truth:?}") };
        assert_eq!(of.origin, "from captured.n");
    }

    #[test]
    fn a_secret_beside_an_unknown_value_is_still_refused() {
        for src in ["{{ n ~ token }}", "{{ {'a': n, 'b': token} | to_json }}", "{{ [n, token] | join(',') }}"]
        {
            assert!(text(src).contains("the secret `token`"), "{src}: {}", text(src));
        }
    }
}
