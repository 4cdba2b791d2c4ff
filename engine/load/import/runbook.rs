//! A draft → the text of a runbook.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Asked;
use super::command::Form;
use super::draft::{Draft, Step, Way, used};
use super::looks::Effect;
use super::open::{Matter, Open};
use super::values::is_shells;
use super::written::{Written, inner, scalar};
use crate::load::check::commands;
use crate::load::check::programs::CLIENTS;

/// The text of a draft.
pub(super) struct Text {
    pub(super) text: String,
    pub(super) tables: Option<String>,
    /// The line at which each step begins, from 1.
    pub(super) starts: Vec<usize>,
}

/// Returns the key of a step's action.
pub(super) fn action(step: &Step) -> &'static str {
    match step.forms.first() {
        Some(Form::Run { .. } | Form::Shell { bash: true, .. }) => "run",
        Some(Form::Shell { .. }) => "shell",
        Some(Form::Manual { .. }) | None => "manual",
    }
}

/// Writes a draft.
pub(super) fn write(draft: &Draft, asked: &Asked) -> Text {
    let mut out = Written::default();
    let cite = |line: usize| format!("{}:{line}", asked.file);
    head(&mut out, draft, asked);
    out.text(0, "runbook", &asked.name);
    out.text(0, "title", &draft.title);
    if !draft.about.is_empty() {
        out.text(0, "about", &draft.about);
    }
    let source = match &asked.section {
        Some(section) => format!("{}#{}", asked.file, super::values::slug(section, 200)),
        None => asked.file.clone(),
    };
    out.text(0, "source", &source);
    let used = used(draft);
    let mut vars = draft.vars.iter().filter(|var| used.contains(&var.name)).peekable();
    if vars.peek().is_some() {
        out.gap();
        out.line(0, "vars:");
        for var in vars {
            out.comment(2, &cite(var.line));
            out.line(2, &format!("{}:", var.name));
            match &var.secret {
                Some(variable) => {
                    out.line(4, "type: secret");
                    if !variable.is_empty() && !is_shells(variable) {
                        out.line(4, &format!("from: {{env: {variable}}}"));
                    }
                }
                None => out.line(4, "type: string"),
            }
            if let Some(default) = &var.default {
                let text = scalar(default);
                // A number would be no text.
                let text = if text == *default && default.parse::<f64>().is_ok() {
                    format!("\"{default}\"")
                } else {
                    text
                };
                out.line(4, &format!("default: {text}"));
            }
            out.text(4, "help", &var.help.replace('\n', " "));
        }
    }
    let tables = Value::Object(draft.tables.clone());
    let mut beside = None;
    let lets: Vec<_> = draft.lets.iter().filter(|(name, _, _)| used.contains(name)).collect();
    let inside = !draft.tables.is_empty() && asked.tables.is_none();
    if let Some(file) = asked.tables.as_ref().filter(|_| !draft.tables.is_empty()) {
        out.gap();
        out.line(0, &format!("data: {{tables: {}}}", inner(file)));
        let mut text = Written::default();
        text.comment(
            0,
            &format!("The tables of {}: `{{{{ tables.NAME }}}}` in {}.yaml.", asked.file, asked.name),
        );
        for (name, line) in &draft.table_lines {
            text.gap();
            text.comment(0, &cite(*line));
            if let Some(table) = draft.tables.get(name) {
                text.value(0, &scalar(name), table);
            }
        }
        beside = Some(text.done());
    }
    if inside || !lets.is_empty() {
        out.gap();
        out.line(0, "let:");
        if inside {
            let lines: Vec<String> = draft.table_lines.iter().map(|(_, line)| line.to_string()).collect();
            out.comment(2, &format!("{}, lines {}", asked.file, lines.join(", ")));
            out.value(2, "tables", &escaped_value(&tables));
        }
        for (name, template, line) in lets {
            out.comment(2, &cite(*line));
            out.text(2, name, template);
        }
    }
    if !draft.environment.is_empty() {
        out.gap();
        out.line(0, "environment:");
        for (name, template, line) in &draft.environment {
            out.comment(2, &cite(*line));
            out.text(2, name, template);
        }
    }
    out.gap();
    out.comment(0, "A draft: every run of it is confirmed first.");
    out.line(0, "protect: \"true\"");
    out.line(0, "on_failure: pause");
    out.gap();
    out.line(0, "steps:");
    let mut starts = Vec::new();
    let mut tools: Vec<&str> = Vec::new();
    for (index, step) in draft.steps.iter().enumerate() {
        if index > 0 {
            out.gap();
        }
        starts.push(out.lines() + 1);
        self::step(&mut out, step, &cite, &mut tools);
    }
    Text { text: out.done(), tables: beside, starts }
}

/// Texts in tables are templates where they stand under `let`.
fn escaped_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(super::values::escaped(text)),
        Value::Array(items) => Value::Array(items.iter().map(escaped_value).collect()),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), escaped_value(value))).collect())
        }
        other => other.clone(),
    }
}

/// Writes what a person must decide.
fn head(out: &mut Written, draft: &Draft, asked: &Asked) {
    out.comment(
        0,
        &format!(
            "A draft, made from {}. Nobody has decided yet what is listed here; then these lines can go.",
            asked.file
        ),
    );
    for (matter, open) in by_matter(&super::draft::open(draft)) {
        out.line(0, "#");
        out.comment(0, matter.asks());
        for one in open {
            out.comment(0, &format!("  {}:{} {}", asked.file, one.line, one.about));
        }
    }
    out.gap();
}

/// Returns what is open by its matter, the gravest first, each in the order of the lines.
pub(super) fn by_matter(open: &[Open]) -> Vec<(Matter, Vec<&Open>)> {
    let mut found: BTreeMap<Matter, Vec<&Open>> = BTreeMap::new();
    for one in open {
        found.entry(one.matter).or_default().push(one);
    }
    found.values_mut().for_each(|of| of.sort_by_key(|one| one.line));
    found.into_iter().collect()
}

fn step(out: &mut Written, step: &Step, cite: &impl Fn(usize) -> String, tools: &mut Vec<&str>) {
    let (first, last) = step.lines;
    out.comment(2, &if first == last { cite(first) } else { format!("{}-{last}", cite(first)) });
    out.line(2, &format!("- id: {}", scalar(&step.id)));
    if let Some(phase) = &step.phase {
        out.text(4, "phase", phase);
    }
    if let Some(title) = &step.title {
        out.text(4, "title", title);
    }
    if !step.about.is_empty() {
        out.text(4, "about", &step.about);
    }
    // `check` warns of it until somebody decides: no step is passed over in silence.
    match step.way {
        Way::Forwards => {}
        Way::Unsure => out.line(
            4,
            "when: \"false\" # not decided yet: whether this goes back, and whose rollback it is then",
        ),
        Way::Back => out.line(4, "when: \"false\" # not decided yet: whose rollback this is"),
    }
    let Some(form) = step.forms.first() else { return };
    let (env, text) = match form {
        Form::Manual { prompt, .. } => {
            out.text(4, "manual", prompt);
            return;
        }
        Form::Run { parts, stdin, env, .. } => {
            out.folded(4, "run", parts);
            if let Some(stdin) = stdin {
                out.text(4, "stdin", stdin);
            }
            (env, parts.join(" "))
        }
        Form::Shell { script, bash: false, env, .. } => {
            out.text(4, "shell", script);
            (env, script.clone())
        }
        Form::Shell { script, bash: true, env, .. } => {
            out.line(4, "run:");
            ["bash", "-e", "-c"].iter().for_each(|word| out.entry(6, word));
            out.entry(6, script);
            (env, script.clone())
        }
    };
    if !env.is_empty() {
        out.line(4, "env:");
        env.iter().for_each(|(name, template)| out.text(6, name, template));
    }
    if let Some(dir) = &step.dir {
        out.text(4, "dir", dir);
    }
    // Programs in a pod are not looked for here.
    let bare = super::draft::bare(&text);
    let found = commands(&bare);
    let words = found.iter().filter_map(|words| words.first()).map(|(_, word)| *word);
    let new: Vec<&str> = words.filter_map(|word| CLIENTS.iter().find(|tool| **tool == word)).copied().fold(
        Vec::new(),
        |mut new, tool| {
            if !tools.contains(&tool) && !new.contains(&tool) {
                new.push(tool);
            }
            new
        },
    );
    if !new.is_empty() {
        out.line(4, &format!("tools: [{}]", new.join(", ")));
        tools.extend(new);
    }
    match step.effect {
        Effect::Looks => out.line(4, "effect: read"),
        _ if step.way == Way::Back => {
            out.line(4, "irreversible: \"Not decided yet: whose rollback this is.\"");
        }
        Effect::Changes => {
            out.line(4, "irreversible: \"Not decided yet: how this is undone, or why it can't be.\"");
        }
        Effect::Unknown => {
            out.line(
                4,
                "irreversible: \"Not decided yet: whether this changes anything, and how that is undone.\"",
            );
        }
    }
    if step.sensitive {
        out.line(4, "sensitive: true");
    }
    if !step.outputs.is_empty() {
        out.line(4, "outputs:");
        step.outputs.iter().for_each(|(name, expression)| out.text(6, name, expression));
    }
}
