//! The blocks of a document → the steps, vars and tables of a draft.

mod back;
mod code;
mod named;
mod people;
mod text;
mod variables;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};

pub(super) use code::bare;

use super::command::Form;
use super::document::{Block, Kind};
use super::looks::Effect;
use super::open::{Matter, Open};
use super::secrets::Hidden;
use super::values::{escaped, slug};
use back::Back;
pub(super) use back::Way;
use people::leading;
use text::{called, first_line, join, paragraphs, shortened};

/// The longest title, in letters: it stands in the plan and in the progress display.
const LONGEST_TITLE: usize = 100;

/// The most steps of a draft. A document with more is several runbooks.
pub(super) const MOST_STEPS: usize = 500;

/// A step on its way.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) id: String,
    pub(super) title: Option<String>,
    pub(super) about: String,
    pub(super) phase: Option<String>,
    /// Its lines in the document.
    pub(super) lines: (usize, usize),
    /// How it can be written, the best first; the last one can always be.
    pub(super) forms: Vec<Form>,
    pub(super) effect: Effect,
    /// Outputs: name and expression.
    pub(super) outputs: Vec<(String, String)>,
    pub(super) dir: Option<String>,
    /// Which way it goes: no run does what may go back.
    pub(super) way: Way,
    /// Whether it prints a secret, so that its output is not kept.
    pub(super) sensitive: bool,
}

/// An input on its way.
#[derive(Clone, Debug, Default)]
pub(super) struct Var {
    pub(super) name: String,
    pub(super) default: Option<String>,
    /// The environment variable a secret is known by.
    pub(super) secret: Option<String>,
    pub(super) help: String,
    pub(super) line: usize,
}

/// A draft before it is written.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) title: String,
    pub(super) about: String,
    pub(super) vars: Vec<Var>,
    /// Names that are made of others: name, template, line.
    pub(super) lets: Vec<(String, String, usize)>,
    /// What was exported: variable, template, line.
    pub(super) environment: Vec<(String, String, usize)>,
    pub(super) tables: Map<String, Value>,
    pub(super) table_lines: Vec<(String, usize)>,
    pub(super) steps: Vec<Step>,
    pub(super) open: Vec<Open>,
}

/// What the name of a shell's variable stands for.
#[derive(Clone, Debug)]
pub(super) enum Meaning {
    /// A var or a `let` value, and whether its value holds blanks.
    Name { name: String, blank: bool, secret: bool },
    /// What a step found out.
    Output {
        expression: String,
        /// Whether the step is one for going back, which a step of the procedure can't ask.
        back: bool,
    },
}

pub(super) struct Maker {
    pub(super) draft: Draft,
    meanings: HashMap<String, Meaning>,
    exported: BTreeMap<String, String>,
    ids: HashSet<String>,
    /// The last number behind each id.
    numbers: HashMap<String, usize>,
    /// Headings above: level, text.
    path: Vec<(usize, String)>,
    repeated: HashSet<String>,
    /// Text that waits for the next step.
    pending: Vec<String>,
    /// A line that names what the next block does.
    lead: Option<String>,
    /// Where that line stands.
    lead_line: usize,
    /// The first step of this section.
    section: usize,
    dir: Option<String>,
    back: Back,
    /// The lines with a secret of which nobody can tell where it ends.
    unsure: BTreeSet<usize>,
}

/// Returns the draft of a document.
pub(super) fn draft(hidden: &Hidden) -> Draft {
    let blocks = &hidden.blocks;
    let mut counted: HashMap<&str, usize> = HashMap::new();
    for block in blocks {
        if let Kind::Heading(_, text) = &block.kind {
            *counted.entry(text).or_default() += 1;
        }
    }
    let repeated =
        counted.into_iter().filter(|(_, count)| *count > 1).map(|(text, _)| text.to_owned()).collect();
    let mut maker = Maker {
        draft: Draft::default(),
        meanings: HashMap::new(),
        exported: BTreeMap::new(),
        ids: HashSet::new(),
        numbers: HashMap::new(),
        path: Vec::new(),
        repeated,
        pending: Vec::new(),
        lead: None,
        lead_line: 0,
        section: 0,
        dir: None,
        back: Back::new(is_over_all(blocks)),
        unsure: hidden.unsure.clone(),
    };
    for line in &hidden.lines {
        maker.open(Matter::Secret, *line, "a secret stands here: its value was not taken over");
    }
    for block in blocks {
        maker.block(block);
    }
    maker.let_go();
    maker.draft
}

/// Says whether all stands below the first heading.
fn is_over_all(blocks: &[Block]) -> bool {
    let mut levels = blocks.iter().filter_map(|block| match &block.kind {
        Kind::Heading(level, _) => Some(*level),
        _ => None,
    });
    levels.next().is_some_and(|first| levels.all(|level| level > first))
}

impl Maker {
    fn block(&mut self, block: &Block) {
        match &block.kind {
            Kind::Heading(level, text) => self.heading(*level, text),
            Kind::Prose(text) => {
                self.lead = None;
                self.back.prose(text, block.depth);
                self.pending.push(text.clone());
                if !self.sentence(block.line, text, true) {
                    self.lead = leading(text);
                    self.lead_line = block.line;
                }
            }
            Kind::Item { text, mark, depth, task, code } => {
                self.back.item(text, *depth);
                self.item(block.line, text, mark, *depth, *task, *code)
            }
            Kind::Table(rows) => self.table(rows, block.line),
            Kind::Fence { tag, lines, closed } => self.fence(block.line, tag, lines, *closed),
        }
    }

    fn heading(&mut self, level: usize, text: &str) {
        let deeper = self.path.last().is_none_or(|(above, _)| level > *above);
        // What stands below the title is about the whole.
        let whole = self.path.last().is_some_and(|(above, _)| *above == 1);
        if !deeper || whole || self.draft.steps.len() > self.section {
            self.let_go();
        }
        if self.draft.title.is_empty() && level == 1 && self.draft.steps.is_empty() {
            self.draft.title = text.replace("{{", "{ {");
        }
        self.path.retain(|(above, _)| *above < level);
        self.path.push((level, text.to_owned()));
        self.back.heading(&self.path);
        self.section = self.draft.steps.len();
        self.lead = None;
        self.dir = None;
    }

    /// Returns the heading that a step stands under.
    fn phase(&self) -> Option<String> {
        let (level, text) = self.path.last()?;
        let above =
            self.path.iter().rev().nth(1).filter(|(level, _)| *level > 1 && self.repeated.contains(text));
        // The title is no phase.
        if *level == 1 && self.path.len() == 1 && text.replace("{{", "{ {") == self.draft.title {
            return None;
        }
        let text = match above {
            Some((_, above)) => format!("{above}: {text}"),
            None => text.clone(),
        };
        (!text.is_empty()).then_some(text)
    }

    /// Gives the text that waits to the last step of the section, or to the runbook.
    fn let_go(&mut self) {
        self.lead = None;
        let text = paragraphs(&std::mem::take(&mut self.pending));
        if text.is_empty() {
            return;
        }
        if self.draft.steps.len() > self.section {
            if let Some(step) = self.draft.steps.last_mut() {
                join(&mut step.about, &text);
            }
            return;
        }
        let heading = self.path.last().map(|(_, text)| text.clone()).filter(|text| *text != self.draft.title);
        match heading {
            Some(heading) => join(&mut self.draft.about, &format!("## {heading}\n\n{text}")),
            None => join(&mut self.draft.about, &text),
        }
    }

    fn open(&mut self, matter: Matter, line: usize, about: impl Into<String>) {
        self.draft.open.push(Open { matter, line, about: about.into() });
    }

    fn push(
        &mut self,
        lines: (usize, usize),
        (title, words): (Option<String>, &str),
        mut about: String,
        forms: Vec<Form>,
        effect: Effect,
    ) -> String {
        let before = paragraphs(&std::mem::take(&mut self.pending));
        if !before.is_empty() {
            about = match about.is_empty() {
                true => before,
                false => format!("{before}\n\n{about}"),
            };
        }
        self.lead = None;
        let words = match &title {
            Some(title) => title.clone(),
            None => called(words),
        };
        let name = match slug(&words, 40) {
            name if name.is_empty() => format!("line-{}", lines.0),
            name => name,
        };
        let mut id = name.clone();
        while !self.ids.insert(id.clone()) {
            // From the last number on: from the first, a name that comes often took time with the square of how often.
            let number = self.numbers.entry(name.clone()).or_insert(1);
            *number += 1;
            id = format!("{name}-{number}");
        }
        let step = Step {
            id: id.clone(),
            title: title.map(|title| escaped(&title)),
            about,
            phase: self.phase(),
            lines,
            forms,
            effect,
            outputs: Vec::new(),
            dir: self.dir.as_deref().map(escaped),
            way: self.back.way().0,
            sensitive: false,
        };
        self.draft.steps.push(step);
        match self.back.way() {
            (Way::Forwards, _) => {}
            (Way::Back, _) => self.open(Matter::Back, lines.0, id.clone()),
            (Way::Unsure, words) => {
                let about = format!("{id}: “{}” may go forwards too", shortened(first_line(words)));
                self.open(Matter::Back, lines.0, about);
            }
        }
        id
    }
}

/// Returns what is open, the gravest first: of the values that are asked for those that the draft has a var for. A form that was
/// given up may have been the only one with it.
pub(super) fn open(draft: &Draft) -> Vec<Open> {
    let used = used(draft);
    let unused = |open: &&Open| {
        matches!(open.matter, Matter::Value | Matter::Secret)
            && !used.contains(&open.about)
            && draft.vars.iter().any(|var| var.name == open.about)
    };
    let mut open: Vec<Open> = draft.open.iter().filter(|open| !unused(open)).cloned().collect();
    open.sort_by_key(|open| (open.matter, open.line));
    let mut told = HashSet::new();
    open.retain(|open| told.insert((open.matter, open.line, open.about.clone())));
    open
}

/// The names that forms use, for telling which vars are needed.
pub(super) fn used(draft: &Draft) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for step in &draft.steps {
        if let Some(form) = step.forms.first() {
            used.extend(form.uses().iter().cloned());
        }
    }
    for (_, template, _) in &draft.environment {
        used.extend(names_in(template));
    }
    // A `let` may use the ones before it.
    for (name, template, _) in draft.lets.iter().rev() {
        if used.contains(name) {
            used.extend(names_in(template));
        }
    }
    used
}

/// Returns the names that stand alone in the braces of a text of ours.
pub(super) fn names_in(template: &str) -> Vec<String> {
    template
        .split("{{ ")
        .skip(1)
        .filter_map(|rest| rest.split(" }}").next())
        .filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        .map(str::to_owned)
        .collect()
}
