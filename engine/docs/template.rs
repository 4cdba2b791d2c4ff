//! The page of a step template: what it is for, what it takes, and what it does before, at and after its command.

use super::site::{Form, step_page};
use super::written::{action, command, gate};
use crate::diag::markdown;
use crate::model::{Body, Effect, StepTemplate};

/// A step that uses a template, as it stands in a runbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The runbook's qualified name.
    pub runbook: String,
    /// The step, in YAML.
    pub step: String,
}

/// Returns what is to be known of a step's body, name by name, in the order in which it happens.
pub fn details(body: &Body) -> Vec<(&'static str, String)> {
    let mut details = Vec::new();
    let mut say = |name, value: Option<String>| details.extend(value.map(|value| (name, value)));
    say("check", body.check.as_ref().map(|found| gate(found)));
    say(
        "capture",
        body.capture.as_ref().map(|capture| {
            let names: Vec<&str> = capture.outputs.iter().map(|(name, _)| name.as_str()).collect();
            format!("{}\nkeeps {}", command(&capture.command), names.join(", "))
        }),
    );
    say("changes", body.changes.as_ref().map(|changes| changes.src.clone()));
    say("satisfied", body.satisfied.as_ref().map(|expr| expr.0.src.trim().to_owned()));
    say("preview", body.preview.as_ref().map(|preview| command(&preview.command)));
    say("does", action(&body.action));
    say("verify", body.verify.as_ref().map(|found| gate(found)));
    say("rollback", body.rollback.as_ref().map(|undo| command(&undo.command)));
    say("undone", body.rollback.as_ref().and_then(|undo| undo.verify.as_ref()).map(|found| gate(found)));
    say("irreversible", body.irreversible.as_ref().map(|why| why.src.clone()));
    details
}

/// Returns the page of a step template, in Markdown. `examples` are steps that use it.
pub fn template_page(template: &StepTemplate, examples: &[Example]) -> String {
    step_page(template, examples).alone(Form::Markdown)
}

/// Returns what matters most of a step's body, name by name: its tools, whether it changes anything and can be undone, whether
/// it may run twice.
pub fn glance(body: &Body) -> Vec<(&'static str, String)> {
    let yes = |yes: bool, one: &str, other: &str| if yes { one.to_owned() } else { other.to_owned() };
    let undo = match (&body.rollback, &body.irreversible) {
        _ if body.effect == Effect::Read => "nothing to undo",
        (Some(_), _) if body.capture.is_some() => "puts back what was there before",
        (Some(_), _) => "undoes it",
        (None, Some(_)) => "can't be undone",
        (None, None) => "does not say how it is undone",
    };
    let mut facts = vec![
        ("tools", body.tools.join(", ")),
        ("effect", yes(body.effect == Effect::Read, "only looks", "changes something")),
    ];
    if body.effect != Effect::Read {
        facts.push(("rollback", undo.to_owned()));
        facts.push((
            "run twice",
            yes(body.idempotent, "as good as once", "not the same as once: after a crash a person is asked"),
        ));
    }
    facts.extend(body.timeout.as_ref().map(|time| ("time", time.src.clone())));
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

/// Returns a block of code that nothing in it can end.
pub(super) fn fenced(language: &str, code: &str) -> String {
    let fence = markdown::fence(code);
    format!("{fence}{language}\n{}\n{fence}", code.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{FileKind, Library, load_text};

    #[test]
    fn a_page_says_what_it_takes_and_how_it_is_undone() {
        let text = "step: t/mark\ntitle: Mark {{ file }}\nsummary: Marks a file.\nabout: A mark is a line.\ntools: [mark]\n\
                    params: {file: {type: string, help: 'Which | one'}, deep: {type: integer, default: 2}}\n\
                    run: mark {{ file }} {{ deep }}\nidempotent: true\nrollback: {run: 'mark --off {{ file }}'}\n";
        let loaded = load_text(text, "steps/t/mark.yaml", "t/mark", FileKind::Template, &Library::built_in());
        let example = Example { runbook: "a/b".to_owned(), step: "- id: x\n  run: echo ```".to_owned() };
        let page = template_page(&loaded.template.expect("it is right"), &[example]);
        insta::assert_snapshot!(page, @r#"
        # t/mark

        Marks a file.

        A mark is a line.

        <a id="glance"></a>

        ## At a glance

        - **tools**: mark
        - **effect**: changes something
        - **rollback**: undoes it
        - **run twice**: as good as once

        <a id="params"></a>

        ## Params

        | param | type | when left out | what it is |
        | --- | --- | --- | --- |
        | `file` | string | must be given | Which \| one |
        | `deep` | integer | `2` |  |

        <a id="happens"></a>

        ## What happens

        As it is told in the plan: `Mark {{ file }}`

        **do**

        ```sh
        mark {{ file }} {{ deep }}
        ```

        **undo**

        ```sh
        mark --off {{ file }}
        ```

        <a id="example"></a>

        ## Example

        In `a/b`:

        ````yaml
        - id: x
          run: echo ```
        ````

        <a id="used"></a>

        ## Used in

        - `a/b`
        "#);
    }
}
