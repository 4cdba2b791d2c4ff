//! What a gate waits for, in a few words.

use crate::machine::{Terms, Want};
use crate::report::paint::Paint;
use crate::report::phrase;

/// Returns `, wants ≥ 10` for a gate that compares one thing with another: what is compared is what was seen. Of several each
/// has its name, and of any other condition it is the whole.
pub(super) fn wants(terms: &Terms, paint: Paint) -> String {
    let alone = terms.wants.len() == 1;
    let told: Vec<String> = terms.wants.iter().map(|want| told(want, alone)).collect();
    if told.is_empty() {
        return String::new();
    }
    paint.clean(&format!(", wants {}", told.join(" and ")))
}

/// Returns `ready 7, wants ≥ 10`, and the same without the name, of a gate that may want more than that: what stands first of
/// what was seen is what does not hold.
pub(super) fn wants_of_first(terms: &Terms, seen: &str, paint: Paint) -> Vec<String> {
    let first = seen.split(", ").next().unwrap_or(seen);
    let is_first = |want: &&Want| match want {
        Want::Than { of, .. } => !of.is_empty() && first.split(' ').next() == Some(of),
        Want::Whole(_) => false,
    };
    let Some(want) = terms.wants.iter().find(is_first) else { return Vec::new() };
    let value = first.split_once(' ').map_or(first, |(_, value)| value);
    [first, value].map(|seen| paint.clean(&format!("{seen}, wants {}", told(want, true)))).to_vec()
}

fn told(want: &Want, alone: bool) -> String {
    let (of, sign, with) = match want {
        Want::Whole(text) => return phrase::flat(text),
        Want::Than { of, sign, with } => (of, *sign, phrase::flat(&with.display())),
    };
    let sign = match sign {
        ">=" => "≥ ",
        "<=" => "≤ ",
        "!=" => "≠ ",
        ">" => "> ",
        "<" => "< ",
        _ if alone || of.is_empty() => "",
        _ => "= ",
    };
    let of = if alone || of.is_empty() { String::new() } else { format!("{of} ") };
    format!("{of}{sign}{with}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::machine::{Addr, Graph, Judge, Stage, State};
    use crate::model::{Action, Body, Expr, Gate, Runbook, Snapshot, Step, Text};
    use crate::report::fixture::UTF8;

    fn told(pass: &str) -> String {
        let gate = Gate { pass: Expr(Text::new(pass)), ..Gate::default() };
        let body = Body { action: Action::Gate(Box::new(gate)), ..Body::default() };
        let runbook = Runbook {
            steps: vec![Step { id: "ready".to_owned(), body, ..Step::default() }],
            ..Runbook::default()
        };
        let vars = [
            ("floor".to_owned(), 10.into()),
            ("wanted".to_owned(), serde_json::json!({ "n": "12", "names": ["a", "b"] })),
        ];
        let snapshot = Snapshot { runbook, vars: vars.into_iter().collect(), ..Snapshot::default() };
        let graph = Graph::of_snapshot(Arc::new(snapshot));
        let state = State::new(&graph);
        let terms = Judge::watching(&graph).terms(&state, Addr { node: 0, instance: 0 }, Stage::Action);
        wants(&terms.expect("it is a gate"), UTF8)
    }

    #[test]
    fn one_comparison_is_told_by_what_is_compared_with() {
        for (pass, expected) in [
            ("json.status.ready >= floor", "≥ 10"),
            ("stdout | int >= 3", "≥ 3"),
            ("stdout | trim == 'a > b'", "'a > b'"),
            ("json.count < (floor + 1)", "< 11"),
            ("json.count >= wanted.n | int", "≥ 12"),
            ("json.count == wanted.names | length", "2"),
        ] {
            assert_eq!(told(pass), format!(", wants {expected}"), "{pass}");
        }
    }

    #[test]
    fn what_is_polled_stands_on_the_left() {
        for (pass, expected) in [
            ("floor <= stdout | int", "≥ 10"),
            ("floor + 3 > json.ready", "< 13"),
            ("'ok' == stdout | trim", "'ok'"),
            ("json.ready >= json.replicas", "≥ replicas"),
        ] {
            assert_eq!(told(pass), format!(", wants {expected}"), "{pass}");
        }
    }

    #[test]
    fn of_several_each_is_told_with_its_name() {
        assert_eq!(
            told("json.generation >= 4 and json.replicas <= floor and json.ready == json.replicas"),
            ", wants generation ≥ 4 and replicas ≤ 10 and ready = replicas"
        );
        assert_eq!(told("stdout | trim == 'ok' and floor > 3"), ", wants 'ok' and floor > 3");
    }

    #[test]
    fn any_other_is_told_whole() {
        for pass in ["exit_code", "not json.a == 1", "1 < json.a < 3", "'x' in lines", "json.a or json.b"] {
            assert_eq!(told(pass), format!(", wants {pass}"));
        }
    }
}
