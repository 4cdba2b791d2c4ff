//! Gates whose answer is known before the command is run: they look like a check and are none.

use std::collections::BTreeSet;

use super::super::context::Context;
use crate::diag::{Code, Diagnostic};
use crate::model::Gate;
use crate::template::{Scope, Truth, Value};

/// How programs end, when they end well and when they do not.
const CODES: [i64; 12] = [0, 1, 2, 3, 64, 125, 126, 127, 130, 137, 143, 255];

/// Texts of this many letters at most are tried.
const LONGEST: usize = 2_000;

/// What every answer of the command comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Always {
    Holds,
    Fails,
}

/// Tells a gate that holds or fails whatever its command answers.
pub(super) fn answer(cx: &mut Context<'_>, of: &Gate, name: &str) {
    let src = &of.pass.0.src;
    let diagnostic = match always(cx, src) {
        None => return,
        // RB0406
        Some(Always::Holds) => Diagnostic::new(
            Code::GateAlwaysHolds,
            format!("this `{name}` holds whatever the command answers"),
        )
        .at(of.pass.0.at, ""),
        // RB0410
        Some(Always::Fails) => Diagnostic::new(
            Code::GateNeverHolds,
            format!("this `{name}` can't hold, whatever the command answers"),
        )
        .at(of.pass.0.at, "")
        .note(match name {
            "guard" => "it would stop its step each time",
            _ => "nothing that comes after it would ever run",
        }),
    };
    let help = "ask the answer: `exit_code == 0`, `stdout == 'yes'`, `json.status.ready >= 3`";
    cx.report.push(diagnostic.help(help));
}

fn always(cx: &Context<'_>, src: &str) -> Option<Always> {
    let uses = cx.engine.check_expr(src).ok().filter(|_| !src.is_empty())?;
    let mut scope = Scope::new();
    let roots: BTreeSet<&str> =
        uses.paths.iter().filter_map(|used| Some(used.path.first()?.as_str())).collect();
    roots.iter().for_each(|root| scope.set_unknown(*root, root));
    let constants = cx.engine.constants(src).ok()?;
    let found = by_code(cx, src, &scope, &roots, &constants);
    // What a pattern finds can't be made up here.
    let patterns = uses.filters.iter().any(|(name, _)| name == "regex_search");
    let text = ["stdout", "stderr", "lines"].iter().any(|name| roots.contains(name));
    match found {
        None if text && !patterns => by_text(cx, src, &scope, &constants),
        found => found,
    }
}

/// Tries how the command ends; what it printed stays unknown.
fn by_code(
    cx: &Context<'_>,
    src: &str,
    scope: &Scope,
    roots: &BTreeSet<&str>,
    constants: &[String],
) -> Option<Always> {
    if !roots.contains("exit_code") {
        return one(cx, src, scope);
    }
    let near = constants.iter().filter_map(|text| text.parse::<i64>().ok());
    let near = near.flat_map(|code| [code.saturating_sub(1), code, code.saturating_add(1)]);
    let near = near.filter(|code| (0..=255).contains(code));
    same(CODES.into_iter().chain(near).map(|code| {
        let mut scope = scope.clone();
        scope.set("exit_code", Value::from(code));
        one(cx, src, &scope)
    }))
}

/// Tries texts that could fail any gate that can: none, what the gate itself names, and texts as long as it names.
fn by_text(cx: &Context<'_>, src: &str, scope: &Scope, constants: &[String]) -> Option<Always> {
    let mut texts: Vec<String> = vec![String::new(), "x".to_owned(), "no\nlines\nof\nthis\n".to_owned()];
    for constant in constants {
        texts.push(constant.clone());
        if let Ok(number) = constant.parse::<usize>() {
            for length in [number.saturating_sub(1), number, number.saturating_add(1)] {
                texts.push("x".repeat(length.min(LONGEST)));
                texts.push("x\n".repeat(length.min(LONGEST)));
                texts.push(length.to_string());
            }
        }
    }
    texts.push(constants.concat());
    let others = texts.clone();
    let pairs = texts.iter().map(|text| (text, &texts[0])).chain(others.iter().map(|text| (&texts[0], text)));
    let tried = pairs.map(|(stdout, stderr)| {
        let mut scope = scope.clone();
        scope.set("stdout", Value::from(stdout.as_str()));
        scope.set("stderr", Value::from(stderr.as_str()));
        scope.set("lines", Value::from(stdout.lines().map(Value::from).collect::<Vec<_>>()));
        one(cx, src, &scope)
    });
    // Made-up texts may all miss the one that would pass.
    same(tried).filter(|always| *always == Always::Holds)
}

fn same(mut tried: impl Iterator<Item = Option<Always>>) -> Option<Always> {
    let first = tried.next()??;
    tried.all(|other| other == Some(first)).then_some(first)
}

fn one(cx: &Context<'_>, src: &str, scope: &Scope) -> Option<Always> {
    match cx.engine.holds(src, scope).ok()? {
        Truth::True => Some(Always::Holds),
        Truth::False => Some(Always::Fails),
        Truth::Unknown(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Report, Sources};
    use crate::load::Library;
    use crate::template::Engine;

    fn of(src: &str) -> Option<Always> {
        let (mut sources, mut report) = (Sources::new(), Report::new());
        let (library, engine) = (Library::built_in(), Engine::new());
        always(&Context::new(&mut sources, &mut report, &library, &engine), src)
    }

    #[test]
    fn gates_that_can_not_fail() {
        for src in [
            "true",
            "1 == 1",
            "exit_code >= 0",
            "exit_code == 0 or exit_code != 0",
            "stdout == 'x' or true",
            "stdout is defined",
            "stdout | length >= 0",
            "not (exit_code < 0)",
            "lines | length >= 0",
        ] {
            assert_eq!(of(src), Some(Always::Holds), "{src}");
        }
    }

    #[test]
    fn gates_that_can_not_pass() {
        for src in
            ["false", "exit_code == 0 and false", "exit_code > 255", "exit_code == 0 and exit_code == 1"]
        {
            assert_eq!(of(src), Some(Always::Fails), "{src}");
        }
    }

    #[test]
    fn gates_that_ask() {
        for src in [
            "exit_code == 0",
            "exit_code != 17",
            "exit_code < 250",
            "stdout != 'down'",
            "'ERROR' not in stdout",
            "stderr == ''",
            "lines | length < 500",
            "stdout | length != 7",
            "stdout | regex_search('^err') is none",
            "stdout | int > 5",
            "stdout == 'a' ~ wanted",
            "json.status.ready >= wanted",
            "json.x | default(0) >= 0",
            "stdout | trim | lower != 'failed'",
        ] {
            assert_eq!(of(src), None, "{src}");
        }
    }
}
