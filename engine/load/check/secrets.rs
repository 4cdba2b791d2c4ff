//! Where secrets may not go: arguments and scripts are public, in process lists, logs and audit trails (RB0402), and
//! `let` values are stored (RB0506).

use std::collections::{BTreeSet, HashMap};

use super::super::context::Context;
use crate::diag::{Code, Diagnostic};
use crate::model::{
    Action, Binding, Body, Command, Gate, Input, Kind, Line, Place, Runbook, StepTemplate, Text, Tree, Value,
};
use crate::template::{Use, Uses};

/// Names that hold a secret.
type Secrets = BTreeSet<String>;

fn declared(inputs: &[Input]) -> Secrets {
    inputs.iter().filter(|input| input.ty.kind == Kind::Secret).map(|input| input.name.clone()).collect()
}

/// Tells secrets in the arguments of a runbook's own commands, and those handed to a template that makes arguments of
/// them.
pub(super) fn runbook(cx: &mut Context<'_>, runbook: &Runbook) {
    let secrets = declared(&runbook.vars);
    for (name, tree) in &runbook.lets {
        let Some((place, secret)) = found(cx, tree, &secrets) else { continue };
        // What uses the name is not told as well: it is right once the name holds no secret.
        cx.report.push(
            Diagnostic::new(
                Code::BadLet,
                format!(
                    "`{name}` would hold the secret `{secret}`, and `let` values are stored with the run"
                ),
            )
            .at(place, "")
            .help("use the secret itself where it is needed: in `env` or `stdin`"),
        );
    }
    if secrets.is_empty() {
        return;
    }
    runbook.target.iter().for_each(|(_, of)| command(cx, of, &secrets));
    runbook.hooks.iter().for_each(|hook| arguments_of(cx, &hook.command, &secrets, false));
    for step in runbook.steps.iter().chain(&runbook.finally) {
        match &step.binding {
            Some(binding) => handed(cx, binding, &step.body, &secrets),
            None => body(cx, &step.body, &secrets),
        }
        step.guard.iter().for_each(|guard| {
            command(cx, &guard.command, &secrets);
            asked(cx, guard, &secrets);
        });
    }
}

/// Tells a secret in the folder that commands run in by default.
pub(super) fn folder(cx: &mut Context<'_>, runbook: &Runbook, dir: &Text) {
    let of = Command { dir: Some(dir.clone()), ..Command::default() };
    command(cx, &of, &declared(&runbook.vars));
}

/// Tells secrets in the arguments of a template's commands.
pub(super) fn template(cx: &mut Context<'_>, template: &StepTemplate) {
    body(cx, &template.body, &declared(&template.params));
}

/// Tells a secret that is handed to a param which is not declared as one, and becomes an argument: of the template, or
/// of one that a gate of it uses.
fn handed(cx: &mut Context<'_>, binding: &Binding, body: &Body, secrets: &Secrets) {
    handed_to(cx, binding, &commands(body), body.gates().collect(), secrets);
}

/// Params that hold a secret without being declared as one: where it was handed over, and its name.
type Given = HashMap<String, (Place, String)>;

fn handed_to(
    cx: &mut Context<'_>,
    binding: &Binding,
    commands: &[&Command],
    gates: Vec<&Gate>,
    secrets: &Secrets,
) {
    let mut given = Given::new();
    for (name, tree) in &binding.with {
        if let (Some(found), false) = (found(cx, tree, secrets), is_declared(binding, name)) {
            given.insert(name.clone(), found);
        }
    }
    // Each level has names of its own, so a secret is followed by the param that it was handed to first.
    let names = given.keys().map(|name| (name.clone(), name.clone())).collect();
    follow(cx, (binding, names), commands, gates, &mut given);
}

fn is_declared(binding: &Binding, name: &str) -> bool {
    binding.params.iter().any(|param| param.name == name && param.ty.kind == Kind::Secret)
}

/// Follows secrets from the params that hold them to arguments. `names` says which of the `given` each param holds.
fn follow(
    cx: &mut Context<'_>,
    (binding, mut names): (&Binding, HashMap<String, String>),
    commands: &[&Command],
    gates: Vec<&Gate>,
    given: &mut Given,
) {
    for param in &binding.params {
        // A param that is not given is made of those before it.
        let is_given = binding.with.iter().any(|(name, _)| *name == param.name);
        if let (Some(Value::String(src)), false) =
            (&param.default, is_given || is_declared(binding, &param.name))
            && let Some(from) = held(cx, &Tree::Text(Text { src: src.clone(), at: param.at }), &names)
        {
            names.insert(param.name.clone(), from);
        }
    }
    if names.is_empty() {
        return;
    }
    let held_names: Secrets = names.keys().cloned().collect();
    for of in commands {
        let folder = of.dir.as_ref().and_then(|dir| found(cx, &Tree::Text(dir.clone()), &held_names));
        let uses = arguments(cx, of, &held_names);
        let inside = uses
            .into_iter()
            .map(|(text, used)| {
                (cx.sources.within(text, used.span.clone()), used.path[0].clone(), "argument")
            })
            .chain(folder.map(|(place, name)| (place, name, "folder")));
        for (inside, name, what) in inside.collect::<Vec<_>>() {
            // Told once, however many arguments the template makes of it.
            let Some((place, secret)) = given.remove(&names[&name]) else { continue };
            let (article, note) = match what {
                "folder" => {
                    ("the name of a", "anybody on the machine can see in which folder a process runs")
                }
                _ => ("a public", "anybody on the machine can read the arguments of a process"),
            };
            cx.report.push(
                Diagnostic::new(
                    Code::SecretArgument,
                    format!("the secret `{secret}` would become {article} {what}"),
                )
                .at(place, "handed to the template here")
                .also(inside, if what == "folder" { "the folder there" } else { "an argument there" })
                .note(note)
                .help("use a template that takes the secret by `env` or `stdin`"),
            );
        }
    }
    for uses in gates.into_iter().filter_map(|gate| gate.uses.as_deref()) {
        let mut inner = HashMap::new();
        for (name, tree) in &uses.binding.with {
            // A template whose param is a secret is told of it where it stands.
            if let (Some(from), false) = (held(cx, tree, &names), is_declared(&uses.binding, name)) {
                inner.insert(name.clone(), from);
            }
        }
        follow(cx, (&uses.binding, inner), &[&uses.inner.command], vec![&uses.inner], given);
    }
}

/// Returns which of the secrets that were handed over a tree holds.
fn held(cx: &Context<'_>, tree: &Tree, names: &HashMap<String, String>) -> Option<String> {
    let (_, name) = found(cx, tree, &names.keys().cloned().collect())?;
    names.get(&name).cloned()
}

fn body(cx: &mut Context<'_>, of: &Body, secrets: &Secrets) {
    if !secrets.is_empty() {
        commands(of).into_iter().for_each(|of| command(cx, of, secrets));
        of.gates().for_each(|gate| asked(cx, gate, secrets));
    }
}

/// Tells a secret that a gate hands to its template, which makes an argument of it.
fn asked(cx: &mut Context<'_>, gate: &Gate, secrets: &Secrets) {
    if let Some(uses) = &gate.uses {
        handed_to(cx, &uses.binding, &[&uses.inner.command], vec![&uses.inner], secrets);
    }
}

fn commands(body: &Body) -> Vec<&Command> {
    let mut commands = Vec::new();
    match &body.action {
        Action::Command(command) => commands.push(&**command),
        Action::Gate(gate) => commands.push(&gate.command),
        _ => {}
    }
    commands.extend(body.check.iter().chain(&body.verify).map(|gate| &gate.command));
    commands.extend(body.capture.iter().map(|capture| &capture.command));
    commands.extend(body.preview.iter().map(|preview| &preview.command));
    if let Some(undo) = &body.rollback {
        commands.push(&undo.command);
        commands.extend(undo.verify.iter().map(|gate| &gate.command));
    }
    commands
}

fn command(cx: &mut Context<'_>, of: &Command, secrets: &Secrets) {
    arguments_of(cx, of, secrets, true);
}

/// Tells the secrets that would be public. `stdin` says whether the command could read them there instead.
fn arguments_of(cx: &mut Context<'_>, of: &Command, secrets: &Secrets, stdin: bool) {
    if let Some((place, name)) = of.dir.as_ref().and_then(|dir| found(cx, &Tree::Text(dir.clone()), secrets))
    {
        let message = format!("the secret `{name}` would become part of the folder it runs in (`dir`)");
        cx.report.push(
            Diagnostic::new(Code::SecretArgument, message)
                .at(place, "")
                .note("anybody on the machine can see in which folder a process runs"),
        );
    }
    let script = matches!(of.line, Line::Shell(_));
    for (text, used) in arguments(cx, of, secrets) {
        let place = cx.sources.within(text, used.span.clone());
        let name = &used.path[0];
        let what = if script { "a public script" } else { "a public argument" };
        let diagnostic =
            Diagnostic::new(Code::SecretArgument, format!("the secret `{name}` would become part of {what}"))
                .at(place, "")
                .note("anybody on the machine can read the arguments of a process");
        let variable = name.to_uppercase();
        cx.report.push(if script {
            diagnostic.help(format!(
                "add `env: {{{variable}: \"{{{{ {name} }}}}\"}}` and write \"${variable}\" in the script"
            ))
        } else if !stdin {
            diagnostic.help(format!("hand it over by `env: {{{variable}: \"{{{{ {name} }}}}\"}}`"))
        } else {
            diagnostic
                .help(format!("hand it over by `stdin`, or by `env: {{{variable}: \"{{{{ {name} }}}}\"}}`"))
        });
    }
}

/// Returns the uses of `secrets` in the arguments of a command, each with its text.
fn arguments<'c>(cx: &Context<'_>, of: &'c Command, secrets: &Secrets) -> Vec<(&'c Text, Use)> {
    let uses = |text: &'c Text, uses: Option<Uses>| {
        let paths = uses.map(|uses| uses.paths).unwrap_or_default();
        paths.into_iter().filter(|used| reveals(&text.src, used, secrets)).map(move |used| (text, used))
    };
    match &of.line {
        Line::Words(words) | Line::List(words) => words
            .iter()
            .filter(|word| !word.is_literal())
            .flat_map(|word| uses(word, cx.engine.check_text(&word.src).ok()))
            .collect(),
        Line::Shell(script) => uses(script, cx.engine.check_shell(&script.src).ok()).collect(),
    }
}

/// Returns where a tree holds a secret, and its name.
fn found(cx: &Context<'_>, tree: &Tree, secrets: &Secrets) -> Option<(Place, String)> {
    let mut place = None;
    tree.texts(&mut |text| {
        if place.is_some() || text.is_literal() {
            return;
        }
        let uses = cx.engine.check_text(&text.src).ok();
        let used =
            uses.and_then(|uses| uses.paths.into_iter().find(|used| reveals(&text.src, used, secrets)));
        place = used.map(|used| (cx.sources.within(text, used.span.clone()), used.path[0].clone()));
    });
    place
}

/// Says whether a use takes the value of a secret; `secret is defined` only asks whether there is one.
fn reveals(src: &str, used: &Use, secrets: &Secrets) -> bool {
    let secret = used.path.first().is_some_and(|name| secrets.contains(name));
    let rest = src.get(used.span.end..).unwrap_or_default().split_whitespace();
    let mut rest = rest.map(|word| word.trim_end_matches(['}', ')', '%', '-']));
    let asked = used.defined_test
        && rest.next() == Some("is")
        && matches!(rest.find(|word| *word != "not"), Some("defined" | "undefined" | "none"));
    secret && !asked
}
