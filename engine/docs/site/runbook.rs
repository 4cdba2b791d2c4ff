//! The page of a runbook.

use super::by_hand;
use super::history::{self, History};
use super::instance::ByHand;
use super::page::{Block, Code, Inline, Page, Section, Table, code, listed, spoken, text};
use super::steps;
use super::written_out::{Fill, block, line, tree};
use crate::docs::Picture;
use crate::load::{describe, variable};
use crate::model::{Action, Input, Kind, OnFailure, Runbook, SecretSource, Step, Value};

/// What a page tells besides the runbook itself.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// Its file, as shown to people.
    pub file: String,
    /// A run by hand, where the values are known.
    pub by_hand: Option<ByHand>,
    /// What the journal knows, where it is asked.
    pub history: Option<History>,
}

/// Returns the page of a runbook without mistakes.
pub fn runbook_page(runbook: &Runbook, extras: &Extras) -> Page {
    let all: Vec<&Step> = runbook.steps.iter().chain(&runbook.finally).collect();
    let mut body = vec![Block::Facts(head(runbook, extras))];
    if !runbook.about.trim().is_empty() {
        body.push(Section::new("when", "When to use it", vec![Block::Prose(runbook.about.clone())]).into());
    }
    body.push(Section::new("inputs", "Inputs", inputs(&runbook.vars)).into());
    body.push(Section::new("before", "Before it starts", before(runbook, &all)).into());
    body.push(Section::new("run", "Run it", run(runbook)).into());
    if let Some(history) = &extras.history {
        body.push(history::section(history, all.iter().map(|step| step.id.as_str())).into());
    }
    body.push(Section::new("graph", "What waits for what", vec![Block::Graph(Picture::of(runbook))]).into());
    body.push(Section::new("steps", "Steps", steps::sections(runbook, &runbook.steps, "phase")).into());
    if !runbook.finally.is_empty() {
        let mut last = vec![Block::Text(vec![text(
            "These run whenever the run comes to rest: by success, failure, rollback or a stop.",
        )])];
        last.extend(steps::sections(runbook, &runbook.finally, "finally-phase"));
        body.push(Section::new("finally", "Finally, whatever happened", last).into());
    }
    body.push(Section::new("rollback", "Rollback", rollback(runbook)).into());
    match &extras.by_hand {
        Some(hand) => body.extend(by_hand::sections(runbook, hand)),
        None => body.push(Section::new("by-hand", "By hand", vec![by_hand_later(runbook)]).into()),
    }
    if !runbook.hooks.is_empty() {
        let hooks = runbook.hooks.iter().map(|hook| {
            let whose = if hook.shared { " (of every runbook here)" } else { "" };
            let command = line(&hook.command, &Fill::default());
            (hook.on.word().to_owned(), vec![code(command), text(whose)])
        });
        body.push(Section::new("hooks", "Who is told", vec![Block::Facts(hooks.collect())]).into());
    }
    Page {
        place: format!("runbooks/{}", runbook.name),
        name: runbook.name.clone(),
        title: runbook.title.clone(),
        lead: runbook.summary.trim().to_owned(),
        tags: runbook.tags.clone(),
        body,
    }
}

fn head(runbook: &Runbook, extras: &Extras) -> Vec<(String, Vec<Inline>)> {
    let mut facts = Vec::new();
    let mut say = |name: &str, value: Vec<Inline>| {
        if !value.is_empty() {
            facts.push((name.to_owned(), value));
        }
    };
    say("name", vec![code(runbook.name.clone())]);
    say("owner", runbook.owner.iter().map(text).collect());
    say("tags", listed(runbook.tags.iter().map(text)));
    say("source", runbook.source.iter().map(text).collect());
    say("defined in", if extras.file.is_empty() { Vec::new() } else { vec![code(extras.file.clone())] });
    facts
}

fn inputs(vars: &[Input]) -> Vec<Block> {
    if vars.is_empty() {
        return vec![Block::Text(vec![text("It takes none.")])];
    }
    let rows = vars.iter().map(|input| {
        let secret =
            if input.ty.kind == Kind::Secret { "yes: it stands in no command, log or journal" } else { "no" };
        vec![
            vec![code(input.name.clone())],
            spoken(&describe(&input.ty)),
            vec![left_out(input)],
            vec![text(secret)],
            spoken(input.help.as_deref().unwrap_or_default()),
        ]
    });
    let head = vec!["input", "type and what is allowed", "when left out", "secret", "what it is"];
    vec![Block::Table(Table { head, rows: rows.collect() })]
}

/// Returns what an input is when it is not given.
pub(super) fn left_out(input: &Input) -> Inline {
    let or_not = if input.required { "" } else { ", or nothing" };
    match (&input.default, &input.from) {
        (Some(default), _) => code(shown(default)),
        (None, Some(SecretSource::Env(name))) => text(format!("from the variable {name}{or_not}")),
        (None, Some(SecretSource::File(path))) => text(format!("from the file {path}{or_not}")),
        (None, Some(SecretSource::Command(words))) => {
            text(format!("from the command {}{or_not}", words.join(" ")))
        }
        (None, None) if !input.required => text("nothing"),
        (None, None) if input.ty.kind == Kind::Secret => {
            text(format!("asked for, or from the variable {}", variable(&input.name)))
        }
        (None, None) => text("must be given"),
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn before(runbook: &Runbook, all: &[&Step]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut facts: Vec<(String, Vec<Inline>)> = Vec::new();
    let mut say = |name: &str, value: Vec<Inline>| {
        if !value.is_empty() {
            facts.push((name.to_owned(), value));
        }
    };
    say("tools that must be installed", steps::tools(all));
    say("lock, held by one run at a time", runbook.lock.iter().map(|lock| code(lock.src.clone())).collect());
    say("asks first when", runbook.protect.iter().map(|expr| code(expr.0.src.trim())).collect());
    for sub in &runbook.subs {
        let because = format!("because of {}", sub.step);
        say(&format!("lock {because}"), sub.lock.iter().map(|lock| code(lock.src.clone())).collect());
        say(
            &format!("asks first {because} when"),
            sub.protect.iter().map(|expr| code(expr.0.src.trim())).collect(),
        );
    }
    let people = all.iter().filter(|step| matches!(step.body.action, Action::Approve(_) | Action::Manual(_)));
    say("asks a person at", listed(people.map(|step| steps::to_step(&step.id))));
    say("at once", runbook.max_parallel.iter().map(|most| text(format!("{most} steps at most"))).collect());
    say(
        "a step may have",
        runbook.limits.instances.iter().map(|most| text(format!("{most} instances at most"))).collect(),
    );
    let failure = match runbook.on_failure {
        OnFailure::Pause => "the run pauses: it can be resumed or rolled back",
        OnFailure::Rollback => "all is rolled back at once",
        OnFailure::Continue => "the rest goes on",
    };
    say("when a step fails", vec![text(failure)]);
    say("tables", listed(runbook.data.iter().map(|table| code(table.file.clone()))));
    blocks.push(Block::Facts(facts));
    if !runbook.target.is_empty() {
        blocks.push(Block::Text(vec![text(
            "What these print is shown and recorded first: whom the run is about to change.",
        )]));
        for (name, command) in &runbook.target {
            blocks.push(Block::Code(block(name, command, &Fill::default())));
        }
    }
    for sub in &runbook.subs {
        for (name, command) in &sub.target {
            blocks.push(Block::Code(block(
                &format!("{name} (because of {})", sub.step),
                command,
                &Fill::default(),
            )));
        }
    }
    if !runbook.environment.is_empty() {
        let all =
            runbook.environment.iter().map(|(name, value)| (name.clone(), vec![code(value.src.clone())]));
        blocks.push(Block::Text(vec![text("In the environment of every command:")]));
        blocks.push(Block::Facts(all.collect()));
    }
    if !runbook.lets.is_empty() {
        let all = runbook.lets.iter().map(|(name, value)| (name.clone(), vec![code(tree(value))]));
        blocks.push(Block::Text(vec![text("Names that stand for values below:")]));
        blocks.push(Block::Facts(all.collect()));
    }
    blocks
}

/// Returns the arguments that name the runbook and give what must be given.
fn named(runbook: &Runbook) -> String {
    let mut line = runbook.name.clone();
    for input in &runbook.vars {
        if input.required && input.default.is_none() && input.ty.kind != Kind::Secret {
            let value = input.ty.one_of.first().map_or_else(|| "…".to_owned(), shown);
            line.push_str(&format!(" --var {}={value}", input.name));
        }
    }
    line
}

/// Returns the line that runs the runbook, with every var that must be given. `program` is how the program is called.
pub fn exec_line(runbook: &Runbook, program: &str) -> String {
    format!("{program} exec {}", named(runbook))
}

fn run(runbook: &Runbook) -> Vec<Block> {
    let named = named(runbook);
    let one = |label: &str, text: String, pasted: bool| {
        Block::Code(Code { label: label.to_owned(), language: "sh", text, pasted, notes: Vec::new() })
    };
    // What is to be written in first is nothing to paste.
    let ready = !named.contains('…');
    vec![
        one("see every command first; nothing is run", format!("runbook plan {named}"), ready),
        one("run it", format!("runbook exec {named}"), ready),
        Block::Text(vec![
            text("What runs has a name, which "),
            code("exec"),
            text(" says first and "),
            code("runbook runs"),
            text(" lists; it stands in the place of "),
            code("RUN"),
            text("."),
        ]),
        one("go on after a failure or a stop", "runbook resume RUN".to_owned(), false),
        one("undo it", "runbook rollback RUN".to_owned(), false),
    ]
}

fn rollback(runbook: &Runbook) -> Vec<Block> {
    let rows = steps::rollback_rows(&runbook.steps);
    if rows.is_empty() {
        return vec![Block::Text(vec![text("It changes nothing, so there is nothing to undo.")])];
    }
    let order = vec![
        text("What was begun last is undone first, by "),
        code("runbook rollback RUN"),
        text("; what was not done is left alone."),
    ];
    let head = vec!["step", "what it changes", "undone by", "must hold then"];
    vec![Block::Text(order), Block::Table(Table { head, rows })]
}

fn by_hand_later(runbook: &Runbook) -> Block {
    Block::Text(vec![
        text("The commands above have names in place of values. With the values, ready to be pasted: "),
        code(format!("runbook docs {}", named(runbook))),
    ])
}
