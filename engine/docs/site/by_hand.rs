//! How to do it by hand: the steps of one run, with its values, as commands for a shell.

use std::collections::{BTreeMap, BTreeSet};

use super::page::{Block, Code, Inline, Section, anchor, code, spoken, text};
use super::written_out::outputs;
use crate::machine::{Names, Prepared, Stage, Typed, typed, word_of};
use crate::model::{
    Action, Body, Gate, Input, Piece, Rendered, Runbook, SecretSource, Spot, Step, Unknown, secret_variable,
};
use crate::template::{part_of, quote_word};

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
    /// The condition under which it runs, as written.
    pub when: Option<String>,
    /// What the names in that stand for.
    pub when_names: Vec<(String, Rendered)>,
    /// What there is one for each of, when only the run can know.
    pub each_of: Option<Unknown>,
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
    /// The command: once, or in each case of what only the run can know.
    pub cases: Vec<HandCase>,
    /// What must hold of its answer, as it is written, when it is a gate's.
    pub pass: Option<String>,
    /// What makes a good answer only just good, as it is written.
    pub warn: Option<String>,
    /// What the names in those stand for.
    pub names: Vec<(String, Rendered)>,
    /// What the names in the condition stand for under which there is nothing to do.
    pub satisfied: Vec<(String, Rendered)>,
    /// How it is asked: `every 5s, within 10m`.
    pub times: Option<String>,
    /// How long it may take and how often it is tried.
    pub limits: Option<String>,
}

/// A command in one case of what only the run can know.
#[derive(Clone, Debug)]
pub struct HandCase {
    /// The conditions, each with whether it holds.
    pub when: Vec<(Unknown, bool)>,
    /// The command.
    pub prepared: Prepared,
}

/// A value that only the run can know, and its variable.
#[derive(Clone, Debug)]
struct Held {
    name: String,
    /// The instance that spoke of it first.
    instance: String,
    of: Unknown,
}

/// The variables of a page.
struct Variables<'a> {
    runbook: &'a Runbook,
    /// The instance whose command is written.
    instance: String,
    /// The values by what tells them apart.
    held: BTreeMap<String, Held>,
    taken: BTreeSet<String>,
    /// What was named since anybody looked, in that order.
    fresh: Vec<String>,
    /// What of it may be several words, or none.
    elements: BTreeSet<String>,
    secrets: BTreeSet<String>,
    anchors: BTreeSet<String>,
}

impl Names for Variables<'_> {
    fn secret(&mut self, name: &str) -> String {
        self.secrets.insert(name.to_owned());
        secret_variable(self.runbook, name)
    }

    fn unknown(&mut self, of: &Unknown) -> String {
        let key = self.key(of);
        if !self.fresh.contains(&key) {
            self.fresh.push(key.clone());
        }
        let name = self.name(&key, of);
        if of.spot == Spot::Element {
            self.elements.insert(name.clone());
        }
        name
    }
}

impl<'a> Variables<'a> {
    fn new(runbook: &'a Runbook) -> Variables<'a> {
        Variables {
            runbook,
            instance: String::new(),
            held: BTreeMap::new(),
            taken: BTreeSet::new(),
            fresh: Vec::new(),
            elements: BTreeSet::new(),
            secrets: BTreeSet::new(),
            anchors: BTreeSet::new(),
        }
    }

    /// Returns the variable of a value; no other value of the page has it.
    fn name(&mut self, key: &str, of: &Unknown) -> String {
        if let Some(held) = self.held.get(key) {
            return held.name.clone();
        }
        let short = self.short(of);
        let mut name = short.clone();
        let mut number = 1;
        while !self.taken.insert(name.clone()) {
            number += 1;
            name = format!("{short}_{number}");
        }
        let held = Held {
            name: name.clone(),
            instance: self.instance.clone(),
            of: Unknown { spot: Spot::Word, turns_on: None, ..of.clone() },
        };
        self.held.insert(key.to_owned(), held);
        // What it is made of must be noted, too.
        if let Some(made) = &of.made {
            self.spelled(&made.formula);
        }
        name
    }

    /// Returns a name for a shell: `steps.list.outputs.names` is `list_names`, what is captured `scale_api_before_min`, what is
    /// made of that `scale_api_of_min`.
    fn short(&self, of: &Unknown) -> String {
        let origin = of.origin.strip_prefix("from ").unwrap_or(&of.origin);
        let last = || {
            let output = origin.split_once(".outputs.").and_then(|(_, name)| name.split(['.', '[']).next());
            output.or_else(|| origin.rsplit('.').next()).unwrap_or(origin)
        };
        if of.origin != origin {
            return named(&format!("{} of {}", self.instance, last()));
        }
        match origin.strip_prefix("captured.") {
            Some(name) => named(&format!("{} before {name}", self.instance)),
            None if origin.starts_with("item of ") => named(&format!("{} item", self.instance)),
            None => named(origin),
        }
    }

    /// Returns an expression with the variables of what it takes from elsewhere.
    fn spelled(&mut self, formula: &Rendered) -> String {
        let spell = |piece: &Piece| match piece {
            Piece::Plain(text) => text.clone(),
            Piece::Secret(name) => format!("${}", self.secret(name)),
            Piece::Unknown(of) => format!("${}", self.unknown(of)),
        };
        formula.pieces.iter().map(spell).collect()
    }

    /// Returns an unknown value as it is made, or as the variable that it is.
    fn spelled_value(&mut self, of: &Unknown) -> String {
        match &of.made {
            Some(made) => self.spelled(&made.formula),
            None => format!("${}", self.unknown(of)),
        }
    }

    /// Returns names with what they stand for.
    fn meant(&mut self, names: &[(String, Rendered)]) -> Option<Vec<Inline>> {
        let mut line = Vec::new();
        for (name, value) in names {
            line.push(text(if line.is_empty() { "where " } else { ", " }));
            line.extend([code(name.clone()), text(" is ")]);
            // A variable for it may never be set: no command need use it.
            let spell = |piece: &Piece| match piece {
                Piece::Unknown(of) if value.pieces.len() > 1 && of.made.is_some() => {
                    format!("({})", self.spelled_value(of))
                }
                Piece::Unknown(of) => self.spelled_value(of),
                Piece::Plain(text) => text.clone(),
                Piece::Secret(name) => format!("${}", self.secret(name)),
            };
            line.push(code(value.pieces.iter().map(spell).collect::<String>()));
        }
        (!line.is_empty()).then_some(line)
    }

    /// Returns what a value is known by on the whole page: what is captured belongs to its instance, and so does whatever is
    /// made of it.
    fn key(&self, of: &Unknown) -> String {
        let key = of.key();
        let untold = of.made.is_none() && of.origin.starts_with("from ");
        // Of what nobody can tell how it is made, no two are the same.
        let number = if untold { format!(" {}", self.held.len()) } else { String::new() };
        match key.contains("captured.") || key.contains("item of ") || untold {
            true => format!("{} {key}{number}", self.instance),
            false => key.to_owned(),
        }
    }

    /// Returns what is used of a value that is read in an instance: variables, each with what it is of the value.
    fn used(&self, instance: Option<&str>, origin: &str) -> Vec<(String, String, String)> {
        let of_it = |(key, held): (&String, &Held)| {
            let rest = held.of.origin.strip_prefix(origin)?;
            let its = instance.is_none_or(|instance| held.instance == instance);
            let part = rest.is_empty() || rest.starts_with(['.', '[']);
            (held.of.made.is_none() && its && part).then(|| (key.clone(), held.name.clone(), rest.to_owned()))
        };
        self.held.iter().filter_map(of_it).collect()
    }

    /// Returns the name of a section; no other has it.
    fn anchor(&mut self, kind: &str, name: &str) -> String {
        let short = anchor(kind, name);
        let mut id = short.clone();
        let mut number = 1;
        while !self.anchors.insert(id.clone()) {
            number += 1;
            id = format!("{short}-{number}");
        }
        id
    }
}

/// Returns a name for a shell.
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
    let mut variables = Variables::new(runbook);
    let (shown, left_out) = shown(&hand.instances);
    let mut target = vec![Block::Text(vec![text("First make sure whom you are about to change.")])];
    for (name, prepared) in &hand.target {
        target.push(Block::Code(shell(name, typed(prepared, &mut variables))));
    }
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
    let body = &mut section.body;
    if let Wanting::No(why) = &instance.wanted {
        body.push(Block::Text(spoken(&format!("Nothing to do: {why}."))));
        return section;
    }
    body.extend(wanted(instance, variables).map(Block::Text));
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
    let mut body = Vec::new();
    for one in &instance.commands {
        if matches!(one.stage, Stage::Undo | Stage::UndoVerify) {
            body.extend(pasted(instance, step, one, variables, told));
        }
    }
    if let Some(why) = &instance.irreversible {
        body.push(Block::Text(vec![Inline::Strong("Can't be undone:".to_owned()), text(format!(" {why}"))]));
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
