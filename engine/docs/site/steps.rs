//! The section of a step, and what is told of a body wherever it stands.

use std::collections::BTreeMap;

use super::page::{Block, Code, Inline, Section, Target, anchor, code, listed, spoken, text};
use super::written_out::{Fill, block, gate, line, tree, tries};
use crate::docs::Kind;
use crate::load::describe;
use crate::model::{Action, Approve, Body, Effect, OnFailure, OnInterrupt, Retry, Runbook, Step, Text, Wait};

/// What a step overrides of its body.
#[derive(Clone, Copy, Default)]
struct Over<'a> {
    retry: Option<&'a Retry>,
    timeout: Option<&'a Text>,
}

/// Returns the sections of steps, those of one phase below it.
pub(super) fn sections(runbook: &Runbook, steps: &[Step], prefix: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut phase: Option<(&str, Section)> = None;
    let mut number = 0;
    for step in steps {
        let section = section(runbook, step);
        let Some(heading) = step.phase.as_deref() else {
            blocks.extend(phase.take().map(|(_, section)| section.into()));
            blocks.push(section.into());
            continue;
        };
        match &mut phase {
            Some((known, open)) if *known == heading => open.body.push(section.into()),
            _ => {
                blocks.extend(phase.take().map(|(_, section)| section.into()));
                number += 1;
                let id = format!("{prefix}-{number}");
                phase = Some((heading, Section::new(&id, heading, vec![section.into()])));
            }
        }
    }
    blocks.extend(phase.map(|(_, section)| section.into()));
    blocks
}

/// Returns a link to a step of the page.
pub(super) fn to_step(id: &str) -> Inline {
    Inline::Link { text: id.to_owned(), code: true, to: Target::Here(anchor("step", id)) }
}

/// Returns a link to the page of a step template.
pub(super) fn to_template(name: &str) -> Inline {
    Inline::Link { text: name.to_owned(), code: true, to: Target::Page(format!("steps/{name}"), None) }
}

/// Returns a link to the page of a runbook.
pub(super) fn to_runbook(name: &str) -> Inline {
    Inline::Link { text: name.to_owned(), code: true, to: Target::Page(format!("runbooks/{name}"), None) }
}

/// Returns the title of a step as it is written, with what it gives to its template.
pub(super) fn title(step: &Step) -> String {
    let fill = Fill::of(step.binding.as_deref());
    let own = step.title.as_ref().map(|title| title.src.clone());
    let theirs = step.binding.as_ref().map(|binding| fill.text(&binding.title.src, false));
    own.or(theirs).unwrap_or_default()
}

fn section(runbook: &Runbook, step: &Step) -> Section {
    let fill = Fill::of(step.binding.as_deref());
    let mut body = Vec::new();
    body.extend(step.about.as_ref().map(|about| Block::Prose(about.clone())));
    let facts = facts(runbook, step);
    if !facts.is_empty() {
        body.push(Block::Facts(facts));
    }
    let over = Over { retry: step.retry.as_ref(), timeout: step.timeout.as_ref() };
    body.extend(parts(&step.body, over, &fill));
    if let Some(guard) = &step.guard {
        body.push(Block::Code(gate("watched meanwhile", guard, true, &Fill::default())));
    }
    let mut marks = vec![Kind::of(step).word().to_owned()];
    if step.for_each.is_some() {
        marks.push("once for each".to_owned());
    }
    if step.body.effect == Effect::Change && matches!(step.body.action, Action::Command(_)) {
        match (&step.body.rollback, &step.body.irreversible) {
            (Some(_), _) => marks.push("can be undone".to_owned()),
            (None, _) if marks.iter().all(|mark| mark != "can't be undone") => {
                marks.push("can't be undone".to_owned());
            }
            _ => {}
        }
    }
    Section { id: anchor("step", &step.id), name: Some(step.id.clone()), title: title(step), marks, body }
}

fn facts(runbook: &Runbook, step: &Step) -> Vec<(String, Vec<Inline>)> {
    let mut facts: Vec<(String, Vec<Inline>)> = Vec::new();
    let mut say =
        |name: &str, value: Option<Vec<Inline>>| facts.extend(value.map(|value| (name.to_owned(), value)));
    let sub = step.sub.and_then(|sub| runbook.subs.get(sub as usize));
    say("part of", sub.map(|sub| vec![to_step(&sub.step), text(", the runbook "), to_runbook(&sub.name)]));
    say("only when", step.when.as_ref().map(|when| vec![code(when.0.src.trim())]));
    say(
        "once for each of",
        step.for_each.as_ref().map(|each| {
            let mut line = vec![code(tree(each))];
            line.extend(step.max_parallel.map(|most| text(format!(", {most} at once at most"))));
            line
        }),
    );
    say("after", (!step.needs.is_empty()).then(|| listed(step.needs.iter().map(|need| to_step(need)))));
    if let Some(binding) = &step.binding {
        say("by the step", Some(vec![to_template(&binding.template)]));
        let given = binding.with.iter().map(|(name, value)| code(format!("{name}: {}", tree(value))));
        say("with", (!binding.with.is_empty()).then(|| listed(given)));
    }
    say("lock", step.lock.as_ref().map(|lock| vec![code(lock.src.clone())]));
    let failure = step.on_failure.map(|what| match what {
        OnFailure::Pause => "the run pauses",
        OnFailure::Rollback => "all is rolled back at once",
        OnFailure::Continue => "the rest goes on",
    });
    say("when it fails", failure.map(|what| vec![text(what)]));
    let changes = step.body.effect == Effect::Change && matches!(step.body.action, Action::Command(_));
    let unknown = match step.on_interrupt() {
        OnInterrupt::Rerun => "it is run again",
        OnInterrupt::Verify => "its verification is asked first",
        OnInterrupt::Ask => "a person is asked",
    };
    say("if its end is not known", changes.then(|| vec![text(unknown)]));
    say("output", step.sensitive.then(|| vec![text("is not kept")]));
    facts
}

/// Returns what a body does, in the order in which it happens.
pub(super) fn body_parts(body: &Body) -> Vec<Block> {
    parts(body, Over::default(), &Fill::default())
}

fn parts(body: &Body, over: Over<'_>, fill: &Fill<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    if let Some(check) = &body.check {
        blocks.push(Block::Code(gate("check before anything is touched", check, false, fill)));
    }
    if let Some(capture) = &body.capture {
        let mut read = block("read the state before", &capture.command, fill);
        for (name, expr) in &capture.outputs {
            read.notes.push(vec![
                text("keeps "),
                code(format!("captured.{name}")),
                text(" = "),
                code(expr.0.src.trim()),
            ]);
        }
        blocks.push(Block::Code(read));
    }
    if let Some(changes) = &body.changes {
        blocks.push(Block::Text(vec![text("Changes: "), code(fill.text(&changes.src, false))]));
    }
    if let Some(satisfied) = &body.satisfied {
        blocks.push(Block::Text(vec![text("There is nothing to do when "), code(satisfied.0.src.trim())]));
    }
    blocks.extend(action(body, over, fill));
    if let Some(verify) = &body.verify {
        blocks.push(Block::Code(gate("verify", verify, false, fill)));
    }
    if !body.outputs.is_empty() {
        let outputs =
            body.outputs.iter().map(|(name, expr)| (format!("output {name}"), vec![code(expr.0.src.trim())]));
        blocks.push(Block::Facts(outputs.collect()));
    }
    if let Some(undo) = &body.rollback {
        let mut undone = block("undo", &undo.command, fill);
        undone.notes.extend(
            undo.timeout.as_ref().map(|time| vec![text(format!("at most {}", fill.text(&time.src, false)))]),
        );
        undone.notes.extend(undo.retry.as_ref().map(|retry| tries(retry, fill)));
        blocks.push(Block::Code(undone));
        if let Some(verify) = &undo.verify {
            blocks.push(Block::Code(gate("verify that it is undone", verify, false, fill)));
        }
    }
    if let Some(why) = &body.irreversible {
        let why = fill.text(why.src.trim(), false);
        blocks
            .push(Block::Text(vec![Inline::Strong("Can't be undone:".to_owned()), text(format!(" {why}"))]));
    }
    blocks
}

fn action(body: &Body, over: Over<'_>, fill: &Fill<'_>) -> Vec<Block> {
    let looks = body.effect == Effect::Read;
    match &body.action {
        Action::Nothing => Vec::new(),
        Action::Command(run) => {
            let mut does: Code = block(if looks { "look" } else { "do" }, run, fill);
            let time = over.timeout.map(|time| time.src.clone());
            let time = time.or_else(|| body.timeout.as_ref().map(|time| fill.text(&time.src, false)));
            does.notes.extend(time.map(|time| vec![text(format!("at most {time}"))]));
            let tried = over.retry.map(|retry| tries(retry, &Fill::default()));
            does.notes.extend(tried.or_else(|| body.retry.as_ref().map(|retry| tries(retry, fill))));
            vec![Block::Code(does)]
        }
        Action::Gate(asked) => vec![Block::Code(gate("look", asked, false, fill))],
        Action::Approve(approve) => {
            vec![
                Block::Quote(fill.text(approve.prompt.src.trim(), false)),
                Block::Facts(approval(approve, fill)),
            ]
        }
        Action::Manual(manual) => {
            let mut line = vec![text("A person does it and says so: "), code("runbook done RUN STEP")];
            line.extend(
                manual.timeout.as_ref().map(|time| text(format!(" (waits {})", fill.text(&time.src, false)))),
            );
            vec![Block::Quote(fill.text(manual.prompt.src.trim(), false)), Block::Text(line)]
        }
        Action::Wait(Wait::For(time)) => {
            vec![Block::Text(vec![text("Waits "), code(fill.text(&time.src, false))])]
        }
        Action::Wait(Wait::Until(time)) => {
            vec![Block::Text(vec![text("Waits until "), code(fill.text(&time.src, false))])]
        }
        Action::Runbook { name, vars } => {
            let mut line =
                vec![text("Brings in the runbook "), to_runbook(name), text(", whose steps follow")];
            if !vars.is_empty() {
                line.push(text(", with "));
                line.extend(listed(
                    vars.iter().map(|(name, value)| code(format!("{name}: {}", tree(value)))),
                ));
            }
            line.push(text("."));
            vec![Block::Text(line)]
        }
    }
}

fn approval(approve: &Approve, fill: &Fill<'_>) -> Vec<(String, Vec<Inline>)> {
    let who = approve.who().unwrap_or_else(|| "anyone".to_owned());
    let mut facts = vec![("may answer".to_owned(), vec![text(who)])];
    let mut say = |name: &str, value: String| facts.push((name.to_owned(), spoken(&value)));
    if let Some(count) = approve.count.filter(|count| *count > 1) {
        say("needed", format!("{count} different people"));
    }
    if approve.not_self {
        say("not", "whoever drives the run".to_owned());
    }
    if let Some(time) = &approve.timeout {
        say("waits", fill.text(&time.src, false));
    }
    for input in &approve.ask {
        let help = input.help.as_ref().map(|help| format!(": {help}")).unwrap_or_default();
        say(&format!("answer {}", input.name), format!("{}{help}", describe(&input.ty)));
    }
    facts
}

/// Returns the table of what is undone how, in the order of a rollback.
pub(super) fn rollback_rows(steps: &[Step]) -> Vec<Vec<Vec<Inline>>> {
    let changing = steps
        .iter()
        .rev()
        .filter(|step| step.body.effect == Effect::Change && matches!(step.body.action, Action::Command(_)));
    changing
        .map(|step| {
            let fill = Fill::of(step.binding.as_deref());
            let body = &step.body;
            let changes = body.changes.as_ref().map(|changes| code(fill.text(&changes.src, false)));
            let undo = match (&body.rollback, &body.irreversible) {
                (Some(undo), _) => in_short(&line(&undo.command, &fill)),
                (None, Some(why)) => {
                    vec![text(format!("can't be undone: {}", fill.text(why.src.trim(), false)))]
                }
                (None, None) => vec![text("can't be undone")],
            };
            let gate = body.rollback.as_ref().and_then(|undo| undo.verify.as_ref());
            let checked = gate.map_or_else(|| text("not checked"), |gate| code(gate.passes().trim()));
            let checked = if body.rollback.is_some() { vec![checked] } else { Vec::new() };
            vec![vec![to_step(&step.id)], changes.into_iter().collect(), undo, checked]
        })
        .collect()
}

/// Returns a command in a line: of a script the first, since all of them in one line would read as a command and be none.
fn in_short(command: &str) -> Vec<Inline> {
    let lines = command.lines().filter(|line| !line.trim().is_empty());
    match (lines.clone().next(), lines.count()) {
        (Some(first), count) if count > 1 => {
            vec![code(first.trim()), text(format!(" … ({count} lines, at the step)"))]
        }
        _ => vec![code(command)],
    }
}

/// Returns the programs that steps run, each with the steps that need it.
pub(super) fn tools(steps: &[&Step]) -> Vec<Inline> {
    let mut tools: BTreeMap<&str, ()> = BTreeMap::new();
    for step in steps {
        tools.extend(step.body.tools.iter().map(|tool| (tool.as_str(), ())));
    }
    listed(tools.into_keys().map(code))
}
