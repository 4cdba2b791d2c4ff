//! How to do it by hand: the steps of one run, with its values, as commands for a shell.

use std::collections::{BTreeMap, BTreeSet};

use super::instance::{ByHand, HandCommand, Instance, Wanting};
use super::page::{Block, Code, Inline, Section, code, spoken, text};
use super::variables::{Held, Variables};
use super::written_out::outputs;
use crate::machine::{Stage, Typed, typed, word_of};
use crate::model::{Action, Body, Gate, Input, Runbook, SecretSource, Step, Unknown, secret_variable};
use crate::template::{part_of, quote_word};

/// The most instances of a step that are written out.
const MOST: usize = 50;

/// Returns the sections of doing a run by hand: forwards, and back.
pub(super) fn sections(runbook: &Runbook, hand: &ByHand) -> Vec<Block> {
    let steps: BTreeMap<&str, &Step> =
        runbook.steps.iter().chain(&runbook.finally).map(|step| (step.id.as_str(), step)).collect();
    let mut variables = Variables::new(runbook);
    let (shown, left_out) = shown(&hand.instances);
    let mut target = vec![Block::Text(vec![text("First make sure whom you are about to change.")])];
    // A runbook within another mostly asks the same.
    let mut asked: Vec<(String, Typed)> = Vec::new();
    for (name, prepared) in &hand.target {
        let line = typed(prepared, &mut variables);
        match asked.iter_mut().find(|(_, known)| known.text == line.text) {
            Some((names, _)) => names.push_str(&format!(", {name}")),
            None => asked.push((name.clone(), line)),
        }
    }
    target.extend(asked.into_iter().map(|(names, line)| Block::Code(shell(&names, line))));
    // What is used anywhere must be noted where it is seen, so all is written once to know what is used.
    for instance in &shown {
        seen(instance, &mut variables);
    }
    variables.fresh.clear();

    let mut forwards = vec![Block::Text(vec![
        text(
            "Without the engine nobody keeps the journal, holds the lock or stops at a gate that does not hold: that is yours \
                 then. Commands are as the engine would send them, for a POSIX shell in the project's root. Read what each \
                 printed before the next. What stands in ",
        ),
        code("<…>"),
        text(" is yours to write in; a command that needs it stops until it is there."),
    ])];
    forwards.extend(values(hand));
    forwards.extend(secrets(runbook, &variables.secrets));
    if !hand.target.is_empty() {
        forwards.push(Section::new("hand-target", "Where am I?", target).into());
    }
    let mut told = Told::default();
    for instance in &shown {
        let step = steps.get(instance.step.as_str()).copied();
        forwards.push(forward(instance, step, &mut variables, &mut told).into());
        if let Some(more) = left_out.get(instance.name.as_str()) {
            let more = format!("{more} more instances of {} are not written out; ", instance.step);
            let plan = format!("runbook plan {} --full{}", runbook.name, given(hand));
            forwards.push(Block::Text(vec![text(more), code(plan), text(" shows them all.")]));
        }
    }
    let mut back = Vec::new();
    for instance in shown.iter().rev() {
        back.extend(
            backward(instance, steps.get(instance.step.as_str()).copied(), &mut variables, &mut told)
                .map(Block::from),
        );
    }
    let mut sections = vec![Section::new("by-hand", "By hand", forwards).into()];
    if !back.is_empty() {
        let first = "In this order: what was done last is undone first. Leave out what was never done.";
        back.insert(0, Block::Text(vec![text(first)]));
        sections.push(Section::new("undo-by-hand", "Undo by hand", back).into());
    }
    sections
}

/// Returns the vars as they are typed.
fn given(hand: &ByHand) -> String {
    let set = hand.values.iter().filter(|(_, _, default)| !default);
    set.map(|(name, value, _)| format!(" --var {}", quote_word(&format!("{name}={value}")))).collect()
}

/// Takes down what an instance uses.
fn seen(instance: &Instance, variables: &mut Variables<'_>) {
    variables.instance.clone_from(&instance.name);
    if let Some(each) = &instance.each_of {
        variables.spelled_value(each);
    }
    variables.meant(&instance.when_names);
    let said = instance.changes.iter().chain(&instance.asks).chain(&instance.irreversible);
    said.for_each(|said| drop(variables.said(said)));
    for one in &instance.commands {
        for case in &one.cases {
            typed(&case.prepared, variables);
            case.when.iter().for_each(|(of, _)| drop(variables.spelled_value(of)));
        }
        variables.meant(&one.names);
        variables.meant(&one.satisfied);
    }
}

/// What was told before.
#[derive(Default)]
struct Told {
    /// The values of which it was said how they are noted.
    noted: BTreeSet<String>,
    /// The variables of which it was said what they are where they hold a list.
    lists: BTreeSet<String>,
    /// What must hold, with the instance where it stands whole.
    passes: BTreeMap<(String, Stage, String), String>,
}

/// Returns the instances that are written out, and how many are left out after which.
fn shown(all: &[Instance]) -> (Vec<&Instance>, BTreeMap<&str, usize>) {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    let mut shown = Vec::new();
    for instance in all {
        let count = counted.entry(&instance.step).or_default();
        *count += 1;
        if *count <= MOST {
            last.insert(&instance.step, &instance.name);
            shown.push(instance);
        }
    }
    let over = counted.into_iter().filter(|(_, count)| *count > MOST);
    let left = over.filter_map(|(step, count)| Some((*last.get(step)?, count - MOST))).collect();
    (shown, left)
}

fn values(hand: &ByHand) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !hand.values.is_empty() {
        let shown = |default: &bool| if *default { vec![text(", the default")] } else { Vec::new() };
        let values = hand.values.iter();
        let facts = values
            .map(|(name, value, default)| {
                (name.clone(), [vec![code(value.clone())], shown(default)].concat())
            })
            .collect();
        blocks.push(Block::Text(vec![text("With these values:")]));
        blocks.push(Block::Facts(facts));
    }
    for fault in &hand.faults {
        blocks.push(Block::Text(vec![
            Inline::Strong("A run would not begin:".to_owned()),
            text(format!(" {fault}")),
        ]));
    }
    blocks
}

/// Returns how the secrets that commands use get into their variables. Each is a block of its own: pasted with more below it,
/// `read` would take the next line for the secret.
fn secrets(runbook: &Runbook, used: &BTreeSet<String>) -> Vec<Block> {
    let of = |input: &Input| {
        let name = secret_variable(runbook, &input.name);
        match &input.from {
            Some(SecretSource::File(path)) => format!("{name}=$(cat {})", quote_word(path)),
            Some(SecretSource::Command(words)) => {
                let words: Vec<String> = words.iter().map(|word| word_of(word)).collect();
                format!("{name}=$({})", words.join(" "))
            }
            // Typed in a command it would stay in the shell's history.
            _ => format!("stty -echo; IFS= read -r {name}; stty echo"),
        }
    };
    let secret = |input: &Input| {
        let typed = Typed { text: of(input), pasted: true };
        Block::Code(shell(&format!("the secret {}", input.name), typed))
    };
    runbook.vars.iter().filter(|input| used.contains(&input.name)).map(secret).collect()
}

fn shell(label: &str, typed: Typed) -> Code {
    let Typed { text, pasted } = typed;
    Code { label: label.to_owned(), language: "sh", text, pasted, notes: Vec::new() }
}

fn forward(
    instance: &Instance,
    step: Option<&Step>,
    variables: &mut Variables<'_>,
    told: &mut Told,
) -> Section {
    variables.instance.clone_from(&instance.name);
    let mut section = Section {
        id: variables.anchor("hand", &instance.name),
        name: Some(instance.name.clone()),
        title: if instance.title == instance.name { String::new() } else { instance.title.clone() },
        ..Section::default()
    };
    if let Wanting::No(why) = &instance.wanted {
        // Of what has no instance nothing is filled in.
        if section.title.contains("{{") {
            section.title.clear();
        }
        section.body.push(Block::Text(spoken(&format!("Nothing to do: {why}."))));
        return section;
    }
    let body = &mut section.body;
    body.extend(wanted(instance, variables).map(Block::Text));
    if let Some(runs) = &instance.runs {
        body.push(Block::Text(vec![text("Brings in "), code(runs.clone()), text("; its steps follow.")]));
    }
    if let Some(changes) = &instance.changes {
        body.push(Block::Text(vec![text("Changes: "), code(variables.said(changes))]));
    }
    if let Some(asks) = &instance.asks {
        body.push(Block::Quote(variables.said(asks)));
    }
    body.extend(instance.people.iter().map(|line| Block::Text(vec![text(line.clone())])));
    for fault in &instance.faults {
        body.push(Block::Text(vec![
            Inline::Strong("A run would fail here:".to_owned()),
            text(format!(" {fault}")),
        ]));
    }
    let nothing = Body::default();
    let of = step.map_or(&nothing, |step| &step.body);
    for one in &instance.commands {
        if matches!(one.stage, Stage::Undo | Stage::UndoVerify) {
            continue;
        }
        if let (Stage::Action, Some(satisfied)) = (one.stage, &of.satisfied) {
            let mut line =
                vec![text("Leave the next command out when this holds: "), code(satisfied.0.src.trim())];
            if let Some(meant) = variables.meant(&one.satisfied) {
                line.push(text("; "));
                line.extend(meant);
            }
            body.push(Block::Text(line));
        }
        body.extend(pasted(instance, step, one, variables, told));
        body.extend(noted(instance, of, one.stage, variables, told));
    }
    section
}

/// Returns what decides whether an instance is wanted.
fn wanted(instance: &Instance, variables: &mut Variables<'_>) -> Option<Vec<Inline>> {
    if let Some(each) = &instance.each_of {
        let list = code(variables.spelled_value(each));
        return Some(vec![text("Once for each of "), list, text(", which only a run can tell.")]);
    }
    let when = instance.when.as_ref().map(|when| code(when.trim()));
    let mut line = match (&instance.wanted, when) {
        (Wanting::Yes, None) => return None,
        (Wanting::Yes, Some(when)) => vec![text("Only when "), when, text(", which holds")],
        (_, Some(when)) => vec![text("Whether this is done only a run can tell: only when "), when],
        (_, None) => vec![text("Whether this is done only a run can tell")],
    };
    if let (Wanting::Unknown, Some(meant)) = (&instance.wanted, variables.meant(&instance.when_names)) {
        line.push(text("; "));
        line.extend(meant);
    }
    line.push(text("."));
    Some(line)
}

/// Returns what is to be noted of what a command printed, as long as it can be read.
fn noted(
    instance: &Instance,
    of: &Body,
    stage: Stage,
    variables: &Variables<'_>,
    told: &mut Told,
) -> Option<Block> {
    let (outputs, word) = match stage {
        Stage::Capture => (&of.capture.as_ref()?.outputs, "captured"),
        Stage::Action => (&of.outputs, "outputs"),
        _ => return None,
    };
    let key = instance.name.strip_prefix(instance.step.as_str());
    let key = key.and_then(|key| key.strip_prefix('[')?.strip_suffix(']'));
    let mut lines = Vec::new();
    for (name, expr) in outputs {
        let origin = match (stage, key) {
            (Stage::Capture, _) => format!("captured.{name}"),
            (_, Some(key)) if instance.each_of.is_none() => {
                part_of(&format!("steps.{}.outputs.{name}", instance.step), key)
            }
            _ => format!("steps.{}.outputs.{name}", instance.step),
        };
        let its = (stage == Stage::Capture).then_some(instance.name.as_str());
        for (key, variable, part) in variables.used(its, &origin) {
            if !told.noted.insert(key) {
                continue;
            }
            let src = expr.0.src.trim().replace('\n', " ");
            let src = if part.is_empty() { src } else { format!("({src}){part}") };
            let each = if instance.each_of.is_some() { ", of each" } else { "" };
            lines.push(format!("export {variable}=<{src}>   # {word}.{name}{part}{each}"));
        }
    }
    let written = Typed { text: lines.join("\n"), pasted: false };
    let block = || Block::Code(shell("note what it printed: later commands use it", written));
    (!lines.is_empty()).then(block)
}

fn backward(
    instance: &Instance,
    step: Option<&Step>,
    variables: &mut Variables<'_>,
    told: &mut Told,
) -> Option<Section> {
    if matches!(instance.wanted, Wanting::No(_)) {
        return None;
    }
    variables.instance.clone_from(&instance.name);
    let mut body = Vec::new();
    for one in &instance.commands {
        if matches!(one.stage, Stage::Undo | Stage::UndoVerify) {
            body.extend(pasted(instance, step, one, variables, told));
        }
    }
    if !body.is_empty() && instance.each_of.is_some() {
        body.splice(0..0, wanted(instance, variables).map(Block::Text));
    }
    if let Some(why) = &instance.irreversible {
        body.push(Block::Text(vec![
            Inline::Strong("Can't be undone:".to_owned()),
            text(format!(" {}", variables.said(why))),
        ]));
    }
    (!body.is_empty()).then(|| Section {
        id: variables.anchor("undo", &instance.name),
        name: Some(instance.name.clone()),
        body,
        ..Section::default()
    })
}

/// Returns a command with what must be set before it, and with what must hold of its answer.
fn pasted(
    instance: &Instance,
    step: Option<&Step>,
    one: &HandCommand,
    variables: &mut Variables<'_>,
    told: &mut Told,
) -> Vec<Block> {
    variables.instance.clone_from(&instance.name);
    let mut blocks = Vec::new();
    variables.fresh.clear();
    let mut cases = Vec::new();
    for case in &one.cases {
        variables.elements.clear();
        let line = typed(&case.prepared, variables);
        let elements = std::mem::take(&mut variables.elements);
        cases.push((conditions(&case.when, variables), line, elements));
    }
    // Before the first case: whoever is in another one passes over what stands in it, and later commands use it, too.
    blocks.extend(to_be_set(variables, told, cases.len()));
    for (number, (if_so, line, elements)) in cases.into_iter().enumerate() {
        blocks.extend(if_so.map(Block::Text));
        let mut block = shell(label(one.stage, one.pass.is_some()), line);
        if !block.pasted {
            block.notes.push(vec![text("write in what stands in ‹…› first: it is text of the script")]);
        }
        for name in elements.iter().filter(|name| told.lists.insert((*name).clone())) {
            let line = ": a list is one argument for each of its elements, and null is none";
            block.notes.push(vec![code(format!("${name}")), text(line)]);
        }
        if number + 1 == one.cases.len() {
            block.notes.extend(answer(instance, step, one, variables, told));
        }
        blocks.push(Block::Code(block));
    }
    blocks
}

/// Returns in which case a command is the right one.
fn conditions(when: &[(Unknown, bool)], variables: &mut Variables<'_>) -> Option<Vec<Inline>> {
    let mut line = Vec::new();
    for (of, holds) in when {
        line.push(text(if line.is_empty() { "When " } else { ", and " }));
        let spelled = variables.spelled_value(of);
        line.push(code(spelled));
        line.push(text(if *holds { " holds" } else { " does not hold" }));
    }
    line.push(text(":"));
    (!when.is_empty()).then_some(line)
}

/// Returns how the variables are set that a command needs and that nothing printed so far.
fn to_be_set(variables: &mut Variables<'_>, told: &mut Told, commands: usize) -> Option<Block> {
    // What another one is made of comes first.
    let (mut given, mut lines, mut at) = (Vec::new(), Vec::new(), 0);
    let mut open = std::mem::take(&mut variables.fresh);
    while let Some(key) = open.get(at).cloned() {
        at += 1;
        let Some(Held { name, of, .. }) = variables.held.get(&key).cloned() else { continue };
        if !told.noted.insert(key) {
            continue;
        }
        let value = match &of.made {
            Some(made) => variables.spelled(&made.formula),
            None if of.origin.starts_with("from ") => format!("only a run can tell, {}", of.origin),
            None => of.origin.clone(),
        };
        let lines = if of.made.is_some() { &mut lines } else { &mut given };
        lines.push(format!("export {name}=<{value}>"));
        open.extend(std::mem::take(&mut variables.fresh));
    }
    given.extend(lines);
    let text = given.join("\n");
    let written = Typed { text: text.clone(), pasted: false };
    let label = match commands {
        1 => "work out first: the next command uses it",
        _ => "work out first: the next commands use it",
    };
    let block = || Block::Code(shell(label, written));
    (!text.is_empty()).then(block)
}

/// Returns what must hold of the answer to a command, and how long it may take.
fn answer(
    instance: &Instance,
    step: Option<&Step>,
    one: &HandCommand,
    variables: &mut Variables<'_>,
    told: &mut Told,
) -> Vec<Vec<Inline>> {
    let mut notes = Vec::new();
    if let Some(pass) = &one.pass {
        let word = if one.stage == Stage::Guard { "must go on holding: " } else { "must hold: " };
        let key = (instance.step.clone(), one.stage, pass.clone());
        let first = !told.passes.contains_key(&key);
        let mut note = match told.passes.get(&key) {
            Some(first) => vec![text(word), text(format!("the same as for {first}"))],
            None => {
                told.passes.insert(key, instance.name.clone());
                vec![text(word), code(pass.trim())]
            }
        };
        note.extend(one.times.as_ref().map(|times| text(format!(" ({times})"))));
        notes.push(note);
        if let (true, Some(warn)) = (first, &one.warn) {
            notes.push(vec![text("only just good: "), code(warn.trim())]);
        }
        notes.extend(variables.meant(&one.names));
        let gate = step.and_then(|step| gate_of(step, one.stage)).filter(|_| first);
        notes.extend(gate.into_iter().flat_map(outputs));
    }
    notes.extend(one.limits.as_ref().map(|limits| vec![text(limits.clone())]));
    notes
}

/// Returns the gate of a stage.
fn gate_of(step: &Step, stage: Stage) -> Option<&Gate> {
    let body = &step.body;
    match (stage, &body.action) {
        (Stage::Check, _) => body.check.as_deref(),
        (Stage::Action, Action::Gate(gate)) => Some(gate),
        (Stage::Guard, _) => step.guard.as_deref(),
        (Stage::Verify, _) => body.verify.as_deref(),
        (Stage::UndoVerify, _) => body.rollback.as_ref().and_then(|undo| undo.verify.as_deref()),
        _ => None,
    }
}

fn label(stage: Stage, gate: bool) -> &'static str {
    match (stage, gate) {
        (Stage::Check, _) => "check before",
        (Stage::Capture, _) => "read the state before",
        (Stage::Action, true) => "look",
        (Stage::Action, false) => "do",
        (Stage::Guard, _) => "watch meanwhile",
        (Stage::Verify, _) => "verify",
        (Stage::Undo, _) => "undo",
        (Stage::UndoVerify, _) => "verify that it is undone",
    }
}
