//! Commands, gates and times as they are written, whole, with the values that a step gives to its template in their places.

use super::page::{Code, Inline, code, text};
use crate::docs::written::one_argument;
use crate::model::{Binding, Command, Expr, Gate, Line, Retry, Text, Tree, Value};

/// The templates around a text, the innermost first.
#[derive(Clone, Debug, Default)]
pub(super) struct Fill<'a> {
    chain: Vec<&'a Binding>,
}

/// A default may name the params before it, and so on; more than this nobody writes.
const DEEPEST: usize = 8;

impl<'a> Fill<'a> {
    /// Returns the templates around a step's body.
    pub(super) fn of(binding: Option<&'a Binding>) -> Fill<'a> {
        Fill { chain: binding.into_iter().collect() }
    }

    fn within(&self, binding: &'a Binding) -> Fill<'a> {
        Fill { chain: std::iter::once(binding).chain(self.chain.iter().copied()).collect() }
    }

    /// Returns a text with every `{{ param }}` replaced by what the step gives for it. In a `script` only by what is one
    /// `{{ … }}` again, since there a value is quoted and text is not.
    pub(super) fn text(&self, src: &str, script: bool) -> String {
        let mut filled = src.to_owned();
        for binding in &self.chain {
            filled = replaced(&filled, binding, script, 0);
        }
        filled
    }
}

fn replaced(src: &str, binding: &Binding, script: bool, depth: usize) -> String {
    let mut out = String::new();
    let mut rest = src;
    while let Some(start) = rest.find("{{") {
        let Some(end) = rest[start..].find("}}").map(|end| start + end + 2) else { break };
        out.push_str(&rest[..start]);
        let name = rest[start + 2..end - 2].trim();
        match given(name, binding, script, depth) {
            Some(value) => out.push_str(&value),
            None => out.push_str(&rest[start..end]),
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

fn given(name: &str, binding: &Binding, script: bool, depth: usize) -> Option<String> {
    let of_value = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    let value = match binding.with.iter().find(|(given, _)| given == name) {
        Some((_, Tree::Text(text))) => text.src.trim().to_owned(),
        Some((_, Tree::Plain(value))) => of_value(value)?,
        Some(_) => return None,
        None if depth < DEEPEST => {
            let param = binding.params.iter().find(|param| param.name == name)?;
            replaced(&of_value(param.default.as_ref()?)?, binding, script, depth + 1)
        }
        None => return None,
    };
    let one = value.starts_with("{{") && value.ends_with("}}") && value.matches("{{").count() == 1;
    (!script || one).then_some(value)
}

/// Returns a command line, whole.
pub(super) fn line(command: &Command, fill: &Fill<'_>) -> String {
    match &command.line {
        Line::Words(words) | Line::List(words) => {
            let word = |word: &Text| {
                let filled = fill.text(&word.src, false);
                one_argument(&filled).into_owned()
            };
            words.iter().map(word).collect::<Vec<_>>().join(" ")
        }
        Line::Shell(script) => fill.text(script.src.trim_end(), true),
    }
}

/// Returns a command with its surroundings.
pub(super) fn block(label: &str, command: &Command, fill: &Fill<'_>) -> Code {
    let mut notes = Vec::new();
    if let Line::Shell(_) = &command.line {
        notes.push(vec![text("a script for "), code("sh -e")]);
    }
    if let Some(dir) = &command.dir {
        notes.push(vec![text("in the folder "), code(fill.text(&dir.src, false))]);
    }
    for (name, value) in &command.env {
        notes.push(vec![text("with "), code(format!("{name}={}", fill.text(&value.src, false)))]);
    }
    let mut shown = line(command, fill);
    if let Some(stdin) = &command.stdin {
        let stdin = fill.text(stdin.src.trim_end(), false);
        if stdin.contains('\n') {
            shown.push_str(&format!("\n\n# it reads:\n{stdin}"));
        } else {
            notes.push(vec![text("reads "), code(stdin)]);
        }
    }
    Code { label: label.to_owned(), language: "sh", text: shown, pasted: false, notes }
}

type Time = fn(&Gate) -> Option<&Text>;

/// Returns a gate: what is asked, what must hold, how often and how long.
pub(super) fn gate(label: &str, asked: &Gate, guard: bool, fill: &Fill<'_>) -> Code {
    let mut code_block = innermost(label, asked, fill);
    let word = if guard { "must go on holding: " } else { "must hold: " };
    code_block.notes.push(vec![text(word), code(asked.passes().trim())]);
    code_block.notes.extend(outputs(asked));
    if let Some(warn) = asked.nearest(&|gate| gate.warn.as_ref()) {
        code_block.notes.push(vec![text("only just good: "), code(warn.0.src.trim())]);
    }
    let times: [(&str, Time); 3] = [
        ("every", |gate| gate.every.as_ref()),
        (if guard { "unanswered for" } else { "within" }, |gate| gate.within.as_ref()),
        ("held for", |gate| gate.hold.as_ref()),
    ];
    let of = |word: &str, says: Time| {
        let value = asked.nearest(&says)?;
        Some(format!("{word} {}", fill_all(asked, fill, &value.src)))
    };
    let said: Vec<String> = times.into_iter().filter_map(|(word, says)| of(word, says)).collect();
    let once = asked.nearest(&|gate| gate.within.as_ref()).is_none() && !guard;
    let mut said =
        if once && said.is_empty() { "asked once".to_owned() } else { format!("asked {}", said.join(", ")) };
    said.extend(of("; its answer is good for", |gate| gate.valid_for.as_ref()));
    code_block.notes.push(vec![text(said)]);
    code_block
}

/// Returns what the `outputs` of a gate's template are that it speaks of.
pub(super) fn outputs(asked: &Gate) -> Vec<Vec<Inline>> {
    let (pass, Some(uses)) = (asked.passes(), &asked.uses) else { return Vec::new() };
    let meant = uses.outputs.iter().filter(|(name, _)| pass.contains(&format!("outputs.{name}")));
    let line = |(name, expr): &(String, Expr)| {
        vec![text("where "), code(format!("outputs.{name}")), text(" is "), code(expr.0.src.trim())]
    };
    meant.map(line).collect()
}

/// Fills in a text of a gate, whichever of its templates says it.
fn fill_all(asked: &Gate, fill: &Fill<'_>, src: &str) -> String {
    match &asked.uses {
        Some(uses) => fill_all(&uses.inner, &fill.within(&uses.binding), src),
        None => fill.text(src, false),
    }
}

fn innermost(label: &str, asked: &Gate, fill: &Fill<'_>) -> Code {
    match &asked.uses {
        Some(uses) => {
            let mut inner = innermost(label, &uses.inner, &fill.within(&uses.binding));
            inner.notes.push(vec![text("by the step template "), code(uses.binding.template.clone())]);
            inner
        }
        None => block(label, &asked.command, fill),
    }
}

/// Returns how often something is tried.
pub(super) fn tries(retry: &Retry, fill: &Fill<'_>) -> Vec<Inline> {
    let mut said = format!("tried {} times at most", retry.attempts);
    let of = |text: &Text| fill.text(&text.src, false);
    said.extend(retry.delay.iter().map(|delay| format!(", {} between", of(delay))));
    said.extend(retry.backoff.iter().map(|backoff| format!(", each {backoff} times as long")));
    said.extend(retry.max_delay.iter().map(|most| format!(", up to {}", of(most))));
    let mut line = vec![text(said)];
    if let Some(when) = &retry.when {
        line.extend([text(" when "), code(when.0.src.trim())]);
    }
    line
}

/// Returns a tree as a person reads it.
pub(super) fn tree(tree: &Tree) -> String {
    match tree {
        Tree::Plain(value) => value.to_string(),
        Tree::Text(text) => text.src.trim().to_owned(),
        Tree::List(items) => format!("[{}]", items.iter().map(self::tree).collect::<Vec<_>>().join(", ")),
        Tree::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{key}: {}", self::tree(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Input;

    #[test]
    fn what_a_step_gives_stands_in_its_place() {
        let given = |name: &str, src: &str| (name.to_owned(), Tree::Text(Text::new(src)));
        let param = |name: &str, default: Value| Input {
            name: name.to_owned(),
            default: Some(default),
            ..Input::default()
        };
        let binding = Binding {
            with: vec![given("ns", "{{ site.ns }}"), given("of", "deployment/{{ item }}")],
            params: vec![
                param("wait", "10m".into()),
                param("none", Value::Null),
                param("both", "{{ of }}!".into()),
            ],
            ..Binding::default()
        };
        let fill = Fill::of(Some(&binding));
        let src = "-n {{ ns }} {{ of }} {{wait}} {{ none }} {{ both }} {{ ns | upper }}";
        assert_eq!(
            fill.text(src, false),
            "-n {{ site.ns }} deployment/{{ item }} 10m {{ none }} deployment/{{ item }}! {{ ns | upper }}"
        );
        assert_eq!(fill.text("{{ ns }} {{ of }}", true), "{{ site.ns }} {{ of }}");
    }
}
