//! How to do it by hand: the steps of one run, with its values, as commands for a shell.

use std::collections::{BTreeMap, BTreeSet};

use super::hand::{Names, command};
use super::page::{Block, Code, Inline, Section, anchor, code, spoken, text};
use super::written_out::outputs;
use crate::load::variable;
use crate::machine::{Prepared, Stage};
use crate::model::{Action, Body, Gate, Input, Piece, Rendered, Runbook, SecretSource, Step};
use crate::template::quote_word;

/// The most instances of a step that are written out.
const MOST: usize = 50;

/// A run by hand.
#[derive(Clone, Debug, Default)]
pub struct ByHand {
    /// The values of its vars, for people, each with whether it is the default.
    pub values: Vec<(String, String, bool)>,
    /// What is asked first, by name.
    pub target: Vec<(String, Prepared)>,
    /// The instances in order.
    pub instances: Vec<Instance>,
    /// Why a run would not begin.
    pub faults: Vec<String>,
}

/// Whether an instance runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wanting {
    /// It does.
    #[default]
    Yes,
    /// It is skipped; holds why.
    No(String),
    /// Only the run can tell.
    Unknown,
}

/// One instance of a step.
#[derive(Clone, Debug, Default)]
pub struct Instance {
    /// Its name: `scale[api]`.
    pub name: String,
    /// The step's id.
    pub step: String,
    /// One line.
    pub title: String,
    /// Whether it runs.
    pub wanted: Wanting,
    /// What there is one for each of, when only the run can know.
    pub each_of: Option<String>,
    /// The one-line difference.
    pub changes: Option<String>,
    /// What a person is asked, or how long it waits.
    pub asks: Option<String>,
    /// Who may answer, and with what.
    pub people: Vec<String>,
    /// The runbook that it brings in, whose steps follow.
    pub runs: Option<String>,
    /// Why it can't be undone.
    pub irreversible: Option<String>,
    /// What is wrong with it.
    pub faults: Vec<String>,
    /// Its commands in order, the undo's last.
    pub commands: Vec<HandCommand>,
}

/// A command of an instance.
#[derive(Clone, Debug)]
pub struct HandCommand {
    /// Which of its commands.
    pub stage: Stage,
    /// The command.
    pub prepared: Prepared,
    /// What must hold of its answer, as it is written, when it is a gate's.
    pub pass: Option<String>,
    /// What the names in that stand for.
    pub names: Vec<(String, Rendered)>,
    /// What the names in the condition stand for under which there is nothing to do.
    pub satisfied: Vec<(String, Rendered)>,
    /// How it is asked: `every 5s, within 10m`.
    pub times: Option<String>,
    /// How long it may take and how often it is tried.
    pub limits: Option<String>,
}

/// The variables of a page.
struct Variables<'a> {
    runbook: &'a Runbook,
    /// The instance whose command is written.
    instance: String,
    /// The variables by what they hold.
    known: BTreeMap<String, String>,
    taken: BTreeSet<String>,
    /// What was named since anybody looked.
    fresh: BTreeSet<String>,
    secrets: BTreeSet<String>,
}

impl Names for Variables<'_> {
    fn secret(&mut self, name: &str) -> String {
        self.secrets.insert(name.to_owned());
        secret_variable(self.runbook, name)
    }

    fn unknown(&mut self, origin: &str) -> String {
        let key = self.key(origin);
        let name = self.name(&key);
        self.fresh.insert(key);
        name
    }
}

impl Variables<'_> {
    /// Returns the variable of a value; no other value of the page has it.
    fn name(&mut self, key: &str) -> String {
        if let Some(name) = self.known.get(key) {
            return name.clone();
        }
        let short = named(key);
        let mut name = short.clone();
        let mut number = 1;
        while !self.taken.insert(name.clone()) {
            number += 1;
            name = format!("{short}_{number}");
        }
        self.known.insert(key.to_owned(), name.clone());
        name
    }

    /// Returns names with what they stand for.
    fn meant(&mut self, names: &[(String, Rendered)]) -> Option<Vec<Inline>> {
        let mut line = Vec::new();
        for (name, value) in names {
            line.push(text(if line.is_empty() { "where " } else { ", " }));
            line.extend([code(name.clone()), text(" is ")]);
            line.push(match value.pieces.as_slice() {
                [Piece::Unknown(origin)] => code(format!("${}", self.unknown(origin))),
                _ => code(value.display()),
            });
        }
        (!line.is_empty()).then_some(line)
    }

    /// Returns what a value is known by on the whole page: what is captured belongs to its instance.
    fn key(&self, origin: &str) -> String {
        match origin.strip_prefix("captured.") {
            Some(name) => format!("{} before {name}", self.instance),
            None if origin.contains("captured.") => format!("{} {origin}", self.instance),
            None => origin.to_owned(),
        }
    }
}

/// Returns the variable that the engine would read a secret from.
fn secret_variable(runbook: &Runbook, name: &str) -> String {
    let input = runbook.vars.iter().find(|input| input.name == name);
    match input.and_then(|input| input.from.as_ref()) {
        Some(SecretSource::Env(variable)) => variable.clone(),
        _ => variable(name),
    }
}

/// Returns a name for a shell: `steps.list.outputs.names` is `list_names`, what is captured `scale_api_before_min`.
fn named(key: &str) -> String {
    let short = key.strip_prefix("steps.").unwrap_or(key).replace(".outputs.", "_");
    let mut name = String::new();
    for c in short.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => name.push(c.to_ascii_lowercase()),
            _ if name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    let name = name.trim_matches('_');
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        return format!("v_{name}");
    }
    name.to_owned()
}

/// Returns the sections of doing a run by hand: forwards, and back.
pub(super) fn sections(runbook: &Runbook, hand: &ByHand) -> Vec<Block> {
    let steps: BTreeMap<&str, &Step> =
        runbook.steps.iter().chain(&runbook.finally).map(|step| (step.id.as_str(), step)).collect();
    let mut variables = Variables {
        runbook,
        instance: String::new(),
        known: BTreeMap::new(),
        taken: BTreeSet::new(),
        fresh: BTreeSet::new(),
        secrets: BTreeSet::new(),
    };
    // What is used anywhere must be noted where it is seen, so all is written once to know what is used.
    let (shown, left_out) = shown(&hand.instances);
    for instance in &shown {
        variables.instance.clone_from(&instance.name);
        for one in &instance.commands {
            command(&one.prepared, &mut variables);
            variables.meant(&one.names);
            variables.meant(&one.satisfied);
        }
    }
    variables.fresh.clear();
    let used: BTreeSet<String> = variables.known.keys().cloned().collect();

    let mut forwards = vec![Block::Text(vec![text(
        "Without the engine nobody keeps the journal, holds the lock or stops at a gate that does not hold: that is yours then. \
              Commands are as the engine would send them, for a POSIX shell in the project's root. Read what each printed before \
              the next.",
    )])];
    forwards.extend(values(hand));
    forwards.extend(secrets(runbook, &variables.secrets));
    if !hand.target.is_empty() {
        let mut body = vec![Block::Text(vec![text("First make sure whom you are about to change.")])];
        for (name, prepared) in &hand.target {
            body.push(Block::Code(shell(name, command(prepared, &mut variables))));
        }
        forwards.push(Section::new("hand-target", "Where am I?", body).into());
    }
    let mut told = Told { noted: BTreeSet::new(), passes: BTreeMap::new(), used };
    for instance in &shown {
        let step = steps.get(instance.step.as_str()).copied();
        forwards.push(forward(instance, step, &mut variables, &mut told).into());
        if let Some(more) = left_out.get(instance.name.as_str()) {
            let more = format!("{more} more instances of {} are not written out; ", instance.step);
            let plan = format!("runbook plan {} --full", runbook.name);
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

/// What was told before.
struct Told {
    /// The values of which it was said how they are noted.
    noted: BTreeSet<String>,
    /// What must hold, with the instance where it stands whole.
    passes: BTreeMap<(String, Stage, String), String>,
    /// The values that any command uses.
    used: BTreeSet<String>,
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
                let words: Vec<String> = words.iter().map(|word| quote_word(word)).collect();
                format!("{name}=$({})", words.join(" "))
            }
            // Typed in a command it would stay in the shell's history.
            _ => format!("stty -echo; IFS= read -r {name}; stty echo"),
        }
    };
    let secret = |input: &Input| Block::Code(shell(&format!("the secret {}", input.name), of(input)));
    runbook.vars.iter().filter(|input| used.contains(&input.name)).map(secret).collect()
}

fn shell(label: &str, text: String) -> Code {
    Code { label: label.to_owned(), language: "sh", text, pasted: true, notes: Vec::new() }
}

fn forward(
    instance: &Instance,
    step: Option<&Step>,
    variables: &mut Variables<'_>,
    told: &mut Told,
) -> Section {
    let mut section = Section {
        id: anchor("hand", &instance.name),
        name: Some(instance.name.clone()),
        title: if instance.title == instance.name { String::new() } else { instance.title.clone() },
        ..Section::default()
    };
    let body = &mut section.body;
    match &instance.wanted {
        Wanting::Yes => {}
        Wanting::No(why) => {
            body.push(Block::Text(spoken(&format!("Nothing to do: {why}."))));
            return section;
        }
        Wanting::Unknown => {
            let when = step.and_then(|step| step.when.as_ref()).map(|when| when.0.src.trim().to_owned());
            let mut line = vec![text("Whether this is done only a run can tell")];
            match (when, &instance.each_of) {
                (_, Some(each)) => {
                    line = vec![
                        text("Once for each of "),
                        code(each.clone()),
                        text(", which only a run can tell"),
                    ];
                }
                (Some(when), None) => line.extend([text(": only when "), code(when)]),
                (None, None) => {}
            }
            line.push(text("."));
            body.push(Block::Text(line));
        }
    }
    if let Some(runs) = &instance.runs {
        body.push(Block::Text(vec![text("Brings in "), code(runs.clone()), text("; its steps follow.")]));
    }
    if let Some(changes) = &instance.changes {
        body.push(Block::Text(vec![text("Changes: "), code(changes.clone())]));
    }
    if let Some(asks) = &instance.asks {
        body.push(Block::Quote(asks.clone()));
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
            variables.instance.clone_from(&instance.name);
            if let Some(meant) = variables.meant(&one.satisfied) {
                line.push(text("; "));
                line.extend(meant);
            }
            body.push(Block::Text(line));
        }
        body.push(Block::Code(pasted(instance, step, one, variables, told)));
        let outputs = match one.stage {
            Stage::Capture => of.capture.as_ref().map(|capture| (&capture.outputs, "before")),
            Stage::Action => Some((&of.outputs, "")),
            _ => None,
        };
        let Some((outputs, before)) = outputs else { continue };
        let mut lines = Vec::new();
        for (name, expr) in outputs {
            let key = match before {
                "" => format!("steps.{}.outputs.{name}", instance.step),
                before => format!("{} {before} {name}", instance.name),
            };
            if told.used.contains(&key) && told.noted.insert(key.clone()) {
                let from = expr.0.src.trim().replace('\n', " ");
                let word = if before.is_empty() { "outputs" } else { "captured" };
                lines.push(format!("export {}=   # {word}.{name}: {from}", variables.name(&key)));
            }
        }
        if !lines.is_empty() {
            body.push(Block::Code(shell("note what it printed: later commands use it", lines.join("\n"))));
        }
    }
    section
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
    let mut body = Vec::new();
    for one in &instance.commands {
        if matches!(one.stage, Stage::Undo | Stage::UndoVerify) {
            body.push(Block::Code(pasted(instance, step, one, variables, told)));
        }
    }
    if let Some(why) = &instance.irreversible {
        body.push(Block::Text(vec![Inline::Strong("Can't be undone:".to_owned()), text(format!(" {why}"))]));
    }
    (!body.is_empty()).then(|| Section {
        id: anchor("undo", &instance.name),
        name: Some(instance.name.clone()),
        body,
        ..Section::default()
    })
}

/// Returns a command with what must hold of its answer.
fn pasted(
    instance: &Instance,
    step: Option<&Step>,
    one: &HandCommand,
    variables: &mut Variables<'_>,
    told: &mut Told,
) -> Code {
    variables.instance.clone_from(&instance.name);
    variables.fresh.clear();
    let line = command(&one.prepared, variables);
    let mut code_block = shell(label(one.stage, one.pass.is_some()), line);
    for key in std::mem::take(&mut variables.fresh) {
        if !told.noted.contains(&key) {
            told.noted.insert(key.clone());
            code_block.notes.push(vec![
                code(format!("${}", variables.name(&key))),
                text(format!(" is yours to set: {key}")),
            ]);
        }
    }
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
        code_block.notes.push(note);
        code_block.notes.extend(variables.meant(&one.names));
        let gate = step.and_then(|step| gate_of(step, one.stage)).filter(|_| first);
        code_block.notes.extend(gate.into_iter().flat_map(outputs));
    }
    code_block.notes.extend(one.limits.as_ref().map(|limits| vec![text(limits.clone())]));
    code_block
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
