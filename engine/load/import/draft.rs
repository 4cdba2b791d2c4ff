//! The blocks of a document → the steps, vars and tables of a draft.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};

use super::command::{self, Form, Scope};
use super::document::{Block, Kind};
use super::fence::{self, Reading};
use super::looks::{self, Effect, Person};
use super::open::{Matter, Open};
use super::script::{self, Line, Part, Piece};
use super::table;
use super::values::{Bit, Hole, Within, bits, escaped, is_secret, is_shells, slug, var_name};

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
    Output { expression: String },
}

pub(super) struct Maker {
    pub(super) draft: Draft,
    meanings: HashMap<String, Meaning>,
    exported: BTreeMap<String, String>,
    ids: HashSet<String>,
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
}

/// Returns the draft of a document.
pub(super) fn draft(blocks: &[Block]) -> Draft {
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
        path: Vec::new(),
        repeated,
        pending: Vec::new(),
        lead: None,
        lead_line: 0,
        section: 0,
        dir: None,
    };
    for block in blocks {
        maker.block(block);
    }
    maker.let_go();
    maker.draft
}

impl Maker {
    fn block(&mut self, block: &Block) {
        match &block.kind {
            Kind::Heading(level, text) => self.heading(*level, text),
            Kind::Prose(text) => {
                self.lead = None;
                self.pending.push(text.clone());
                self.lead = leading(text);
                self.lead_line = block.line;
            }
            Kind::Item { text, mark, depth, task, code } => {
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

    fn item(&mut self, line: usize, text: &str, mark: &str, depth: usize, task: bool, code: bool) {
        // A table of contents tells nobody anything here.
        if text.starts_with('[') && text.contains("](#") {
            return;
        }
        let words = text.replace("  \n", "\n");
        if task || mark != "-" && !code && is_deed(text) {
            self.manual(line, &words);
        } else if code {
            self.lead = None;
            if is_short(text) {
                self.lead = Some(text.trim_end_matches(':').to_owned());
                self.lead_line = line;
            }
            if !text.is_empty() {
                self.pending.push(words);
            }
        } else if !text.is_empty() {
            let indent = "  ".repeat(depth.min(8));
            let entry = format!("{indent}{mark} {}", words.replace('\n', &format!("\n{indent}  ")));
            match self.pending.last_mut().filter(|last| is_list(last)) {
                Some(last) => {
                    last.push('\n');
                    last.push_str(&entry);
                }
                None => self.pending.push(entry),
            }
        }
    }

    fn table(&mut self, rows: &[Vec<String>], line: usize) {
        let Some(value) = table::value(rows) else { return };
        let above = self.path.last().map_or_else(String::new, |(_, text)| text.to_lowercase());
        if ["change log", "changelog", "history", "revision"].iter().any(|word| above.contains(word)) {
            // What became of the document is for people.
            let lines: Vec<String> = rows.iter().map(|row| row.join(" | ")).collect();
            self.pending.push(lines.join("  \n"));
            return;
        }
        let heading = self.path.last().map_or("table", |(_, text)| text.as_str());
        let name = unique(var_name(heading), "_", |name| self.draft.tables.contains_key(name));
        self.draft.table_lines.push((name.clone(), line));
        self.open(Matter::Table, line, name.clone());
        self.draft.tables.insert(name, value);
    }

    fn open(&mut self, matter: Matter, line: usize, about: impl Into<String>) {
        self.draft.open.push(Open { matter, line, about: about.into() });
    }

    fn fence(&mut self, line: usize, tag: &str, lines: &[Line], closed: bool) {
        let text: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        let text = text.join("\n");
        if text.trim().is_empty() {
            return;
        }
        if !closed {
            let last = lines.last().map_or(line, |line| line.number);
            let prompt = format!(
                "The block of code that begins here has no end, so nobody knows what of it is to be run:\n\n{text}"
            );
            self.open(Matter::Unread, line, "a block of code without an end: close it and import again");
            self.push(
                (line, last),
                (None, "unfinished block"),
                String::new(),
                vec![Form::words(&prompt)],
                Effect::Looks,
            );
            return;
        }
        match fence::read(tag, lines) {
            Reading::Commands { lines, output } => {
                self.commands(&lines);
                if let (Some(first), Some(last)) = (output.first(), output.last()) {
                    let text: Vec<&str> = output.iter().map(|line| line.text.as_str()).collect();
                    self.behind(&format!(
                        "What it prints in the document:\n\n{}",
                        fenced("", &text.join("\n"))
                    ));
                    let lines = match last.number == first.number {
                        true => String::new(),
                        false => format!(" to line {}", last.number),
                    };
                    self.open(Matter::Text, first.number, format!("what a command prints{lines}"));
                }
            }
            Reading::Query => {
                let last = lines.last().map_or(line, |line| line.number);
                let title = self.lead.take();
                let prompt =
                    format!("What stands here is for a client of its own ({tag}):\n\n{}", indented(&text));
                let heading = self.path.last().map_or_else(String::new, |(_, text)| text.clone());
                let forms = vec![Form::words(&prompt)];
                let id = self.push((line, last), (title, &heading), String::new(), forms, Effect::Looks);
                self.open(Matter::ByHand, line, format!("{id}: {tag}"));
            }
            // `Edit the overlay:` and what is to stand there.
            Reading::Text if self.lead.as_deref().is_some_and(is_deed) => {
                let title = self.lead.take().unwrap_or_default();
                self.pending.pop();
                let last = lines.last().map_or(line, |line| line.number);
                let prompt = format!("{title}:\n\n{}", indented(&text));
                let forms = vec![Form::words(&prompt)];
                let id =
                    self.push((self.lead_line, last), (Some(title), ""), String::new(), forms, Effect::Looks);
                self.open(Matter::ByHand, line, format!("{id}: what stands in the block ({tag})"));
            }
            Reading::Text => {
                let what = if tag.is_empty() { "a block of text".to_owned() } else { tag.to_owned() };
                self.open(Matter::Text, line, what);
                self.pending.push(fenced(tag, &text));
            }
        }
        self.lead = None;
    }

    /// Adds text to the step before, where there is one in this section.
    fn behind(&mut self, text: &str) {
        match self.draft.steps.len() > self.section {
            true => {
                if let Some(step) = self.draft.steps.last_mut() {
                    join(&mut step.about, text);
                }
            }
            false => self.pending.push(text.to_owned()),
        }
    }

    fn commands(&mut self, lines: &[Line]) {
        let parts = script::parts(lines);
        if let Some(whole) = script::one_script(lines, &parts) {
            self.command(&whole);
            return;
        }
        let mut at = 0;
        while let Some(part) = parts.get(at) {
            at += 1;
            match part {
                Part::Notes { line, text } => self.notes(*line, text),
                Part::Command(piece) => {
                    let opens =
                        looks::person(&bare(&piece.text)).filter(|(person, _)| *person == Person::Session);
                    let Some((_, said)) = opens else {
                        self.command(piece);
                        continue;
                    };
                    // What stands below is typed in there; here it would reach another machine.
                    let rest = &parts[at..];
                    let end = rest
                        .iter()
                        .position(|part| matches!(part, Part::Command(piece) if matches!(piece.text.trim(), "exit" | "logout" | "\\q" | "quit")));
                    let inside = &rest[..end.map_or(rest.len(), |end| end + 1)];
                    at += inside.len();
                    self.session(piece, inside, &said);
                }
            }
        }
    }

    /// Takes comments that stand above no command.
    fn notes(&mut self, line: usize, text: &[String]) {
        let text: Vec<&str> = text.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        let Some(first) = text.first() else { return };
        // `Common issues:` and what follows tells; a line of its own says what to do.
        if first.ends_with(':') || text.iter().all(|text| text.chars().all(|c| !c.is_alphanumeric())) {
            self.behind(&text.join("\n"));
        } else {
            self.manual(line, &text.join("\n"));
        }
    }

    /// Adds a step that a person does.
    fn manual(&mut self, line: usize, text: &str) {
        if !text.chars().any(char::is_alphanumeric) {
            return;
        }
        let last = line + text.matches('\n').count();
        let plain = text.replace("**", "").replace('`', "");
        let mut title = None;
        if is_short(&plain) {
            title = Some(unnumbered(&plain).to_owned());
        }
        let mut scope = Scope::default();
        let filled = Form::Manual { prompt: self.filled(text, line, &mut scope), uses: scope.uses };
        self.push(
            (line, last),
            (title, &plain),
            String::new(),
            vec![filled, Form::words(text)],
            Effect::Looks,
        );
    }

    fn session(&mut self, piece: &Piece, inside: &[Part], said: &str) {
        let mut text = piece.text.clone();
        let mut last = piece.lines.1;
        for part in inside {
            let line = match part {
                Part::Command(piece) => {
                    last = piece.lines.1;
                    for comment in &piece.comments {
                        text.push_str(&format!("\n# {comment}"));
                    }
                    piece.text.clone()
                }
                Part::Notes { text, .. } => format!("# {}", text.join("\n# ")),
            };
            text.push('\n');
            text.push_str(&line);
        }
        let (title, about) = self.said(piece);
        let mut scope = Scope::default();
        let filled = self.filled_command(&text, piece.lines.0, &mut scope);
        let words = |text: &str| format!("In a terminal, one after another:\n\n{}", indented(text));
        let forms =
            vec![Form::Manual { prompt: words(&filled), uses: scope.uses }, Form::words(&words(&text))];
        let id = self.push((piece.lines.0, last), (title, &piece.text), about, forms, Effect::Looks);
        self.open(Matter::ByHand, piece.lines.0, format!("{id}: `{said}` opens a session"));
    }

    /// Returns the title and the text of a step: the comments at the command, and the text before it.
    fn said(&mut self, piece: &Piece) -> (Option<String>, String) {
        let lead = self.lead.take();
        let mut about = std::mem::take(&mut self.pending);
        let mut comments: Vec<&str> = piece.comments.iter().map(String::as_str).collect();
        let mut title = None;
        if let Some(last) =
            comments.last().map(|last| unnumbered(last)).filter(|last| is_short(last) && !last.is_empty())
        {
            title = Some(last.to_owned());
            comments.pop();
        } else if let Some(lead) = lead {
            // It is the last of what waits.
            about.pop();
            title = Some(lead);
        }
        about.extend(comments.iter().map(|comment| (*comment).to_owned()));
        (title, paragraphs(&about))
    }

    fn command(&mut self, piece: &Piece) {
        if self.assigned(piece) || self.moved(piece) {
            return;
        }
        let text = &piece.text;
        let bare = bare(text);
        let line = piece.lines.0;
        let first = text.split_whitespace().next().unwrap_or_default();
        if first == "set"
            && piece.lines.0 == piece.lines.1
            && text.split_whitespace().nth(1).is_some_and(|word| word.starts_with(['-', '+']))
        {
            // Each step has a shell of its own, which stops at the first mistake.
            self.open(
                Matter::Carried,
                line,
                format!("`{text}` was left out: a step stops at a mistake anyway"),
            );
            return;
        }
        let (title, about) = self.said(piece);
        if let Some((person, said)) = looks::person(&bare).filter(|_| piece.whole) {
            let why = match person {
                Person::NeverEnds => {
                    format!("`{said}` goes on until it is stopped. Look as long as it takes, then stop it:")
                }
                Person::Terminal => format!("`{said}` wants a terminal:"),
                Person::Session => format!("`{said}` opens a session:"),
                Person::Shell => {
                    format!("`{said}` changes the shell it is typed into, and no other. The document says:")
                }
            };
            let mut scope = Scope::default();
            let filled = self.filled_command(text, line, &mut scope);
            let forms = vec![
                Form::Manual {
                    prompt: format!("{}\n\n{}", escaped(&why), indented(&filled)),
                    uses: scope.uses,
                },
                Form::words(&format!("{why}\n\n{}", indented(text))),
            ];
            let id = self.push(piece.lines, (title, text), about, forms, Effect::Looks);
            let what = match person {
                Person::NeverEnds => "never ends by itself",
                Person::Terminal => "wants a terminal",
                Person::Session => "opens a session",
                Person::Shell => "changes only the shell it is typed into",
            };
            self.open(Matter::ByHand, line, format!("{id}: `{said}` {what}"));
            return;
        }
        let mut scope = Scope::default();
        let forms = command::forms(self, piece, &mut scope);
        let effect = looks::effect(&bare);
        let unread = !piece.whole;
        let id = self.push(piece.lines, (title.clone(), text), about, forms, effect);
        if unread {
            self.open(Matter::Unread, line, format!("{id}: a quote or a loop has no end"));
            return;
        }
        match effect {
            Effect::Looks => {}
            Effect::Changes => self.open(Matter::Undo, line, id.clone()),
            Effect::Unknown => self.open(Matter::Unknown, line, id.clone()),
        }
        let words = title.unwrap_or_default().to_lowercase();
        if ["or ", "alternatively", "optional", "example", "via "]
            .iter()
            .any(|begin| words.starts_with(begin))
        {
            self.open(Matter::Choice, line, format!("{id}: “{}”", shortened(&words)));
        }
        if looks::ends_with_search(&bare) && effect == Effect::Looks {
            self.open(Matter::Search, line, id.clone());
        }
        if looks::wants_tty(&bare) {
            self.open(Matter::Terminal, line, id.clone());
        }
        if text.trim_end().ends_with('&') {
            self.open(
                Matter::Carried,
                line,
                format!("{id}: goes on in the background when the step is over"),
            );
        }
        if shows_secret(text) {
            self.open(Matter::Secret, line, format!("{id}: a secret seems to stand in the command itself"));
        }
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
        let id = unique(name, "-", |id| self.ids.contains(id));
        self.ids.insert(id.clone());
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
        };
        self.draft.steps.push(step);
        id
    }

    /// Takes a command that only gives variables a value: they are vars of the runbook, or what a step finds out.
    fn assigned(&mut self, piece: &Piece) -> bool {
        if !piece.whole || !piece.heres.is_empty() {
            return false;
        }
        let Some(found) = command::assignments(&piece.text) else { return false };
        if let Some((name, _, _)) = found.iter().find(|(name, _, _)| is_shells(name)) {
            let (title, about) = self.said(piece);
            let why = format!(
                "This changes {name} of the shell it is typed into, and no other. Is it for `environment`?"
            );
            let forms = vec![Form::words(&format!("{why}\n\n{}", indented(&piece.text)))];
            let id = self.push(piece.lines, (title, &format!("set {name}")), about, forms, Effect::Looks);
            self.open(
                Matter::ByHand,
                piece.lines.0,
                format!("{id}: changes only the shell it is typed into"),
            );
            return true;
        }
        for (name, value, export) in &found {
            self.assign(piece, name, value.as_deref(), *export);
        }
        true
    }

    fn assign(&mut self, piece: &Piece, name: &str, value: Option<&str>, export: bool) {
        let line = piece.lines.0;
        let Some(value) = value else {
            self.meaning(name, line, &piece.text);
            self.export(name, line);
            return;
        };
        let about = piece.comments.last().cloned().unwrap_or_default();
        if let Some(literal) = command::literal(value) {
            if is_secret(name) {
                if command::is_placeholder(&literal).is_none() && !literal.is_empty() {
                    self.open(Matter::Secret, line, format!("{name} has its value in the document"));
                }
                self.meanings.remove(name);
                self.meaning(name, line, &piece.text);
            } else if let Some(words) = command::is_placeholder(&literal) {
                let var = self.var(&words, None, line, &piece.text);
                self.meanings.insert(
                    name.to_owned(),
                    Meaning::Name { name: var, blank: false, secret: is_secret(&words) },
                );
            } else {
                let wanted = var_name(name);
                let known = self.draft.vars.iter().find(|var| var.name == wanted);
                let other =
                    known.is_some_and(|var| var.default.as_ref().is_some_and(|default| *default != literal));
                let var = if other {
                    unique(wanted, "_", |name| {
                        self.draft.vars.iter().any(|var| var.name == name) || self.is_let(name)
                    })
                } else {
                    wanted
                };
                let var = unique(var, "_", |name| self.is_let(name));
                match self.draft.vars.iter_mut().find(|known| known.name == var) {
                    Some(known) => known.default = Some(literal.clone()),
                    None => {
                        let help = match about.is_empty() {
                            true => format!("{name} in the document"),
                            false => format!("{name}: {about}"),
                        };
                        self.draft.vars.push(Var {
                            name: var.clone(),
                            default: Some(literal.clone()),
                            secret: None,
                            help,
                            line,
                        });
                    }
                }
                let blank = literal.chars().any(|c| c.is_whitespace() || "*?[".contains(c));
                self.meanings.insert(name.to_owned(), Meaning::Name { name: var, blank, secret: false });
            }
        } else if let Some((template, _)) = command::made_of(self, value, line) {
            let known = |draft: &Draft, name: &str| {
                draft.vars.iter().any(|var| var.name == name)
                    || draft.lets.iter().any(|(known, _, _)| known == name)
            };
            let let_name = unique(var_name(name), "_", |name| known(&self.draft, name));
            self.draft.lets.push((let_name.clone(), template, line));
            self.meanings
                .insert(name.to_owned(), Meaning::Name { name: let_name, blank: false, secret: false });
        } else {
            self.found_out(piece, name, value);
        }
        if export {
            self.export(name, line);
        }
    }

    fn is_let(&self, name: &str) -> bool {
        self.draft.lets.iter().any(|(known, _, _)| known == name)
    }

    /// Adds the step that finds out what a variable is: `POD=$(kubectl get …)`.
    fn found_out(&mut self, piece: &Piece, name: &str, value: &str) {
        let text = command::substituted(value).unwrap_or_else(|| format!("printf '%s' {value}"));
        let inner = Piece {
            command: text.len(),
            text,
            lines: piece.lines,
            comments: piece.comments.clone(),
            heres: Vec::new(),
            whole: true,
        };
        let before = self.draft.steps.len();
        self.command(&inner);
        let output = var_name(name);
        if let Some(step) = self.draft.steps.get_mut(before) {
            if step.title.is_none() {
                step.title = Some(format!("Find out {name}"));
            }
            step.outputs.push((output.clone(), "stdout | trim".to_owned()));
            let expression = match step.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                true => format!("steps.{}.outputs.{output}", step.id),
                false => format!("steps['{}'].outputs.{output}", step.id),
            };
            self.meanings.insert(name.to_owned(), Meaning::Output { expression });
        }
    }

    fn export(&mut self, name: &str, line: usize) {
        match self.meanings.get(name).cloned() {
            Some(Meaning::Name { name: var, .. }) => {
                let template = format!("{{{{ {var} }}}}");
                match self.draft.environment.iter().find(|(known, _, _)| known == name) {
                    Some((_, known, _)) if *known == template => {}
                    Some(_) => {
                        // The first one is every step's; from here on there is another.
                        self.exported.insert(name.to_owned(), template);
                    }
                    None if command::is_engines(name) => {}
                    None => self.draft.environment.push((name.to_owned(), template, line)),
                }
            }
            Some(Meaning::Output { expression }) => {
                self.exported.insert(name.to_owned(), format!("{{{{ {expression} }}}}"));
            }
            None => {}
        }
    }

    /// Returns what was exported since, and is no step's own.
    pub(super) fn exported(&self) -> &BTreeMap<String, String> {
        &self.exported
    }

    /// Takes `cd`: it holds for the steps that follow in the section.
    fn moved(&mut self, piece: &Piece) -> bool {
        let mut words = piece.text.split_whitespace();
        let (Some("cd"), Some(to), None) = (words.next(), words.next(), words.next()) else { return false };
        let Some(to) = command::literal(to)
            .filter(|to| !to.starts_with(['~', '-', '<', '[']) && !to.contains(['*', '?']))
        else {
            return false;
        };
        if !piece.whole || piece.text.contains(['\n', '\u{0}']) {
            return false;
        }
        let dir = match &self.dir {
            Some(dir) if !to.starts_with('/') => {
                format!("{}/{}", dir.trim_end_matches('/'), to.trim_start_matches("./"))
            }
            _ => to,
        };
        self.open(
            Matter::Carried,
            piece.lines.0,
            format!("`cd {dir}`: `dir` of the steps below it in its section"),
        );
        self.dir = Some(dir);
        true
    }

    /// Returns what a shell's variable stands for; one that the document gives no value becomes a var.
    pub(super) fn meaning(&mut self, name: &str, line: usize, seen: &str) -> Meaning {
        if let Some(known) = self.meanings.get(name) {
            return known.clone();
        }
        let secret = is_secret(name);
        let var = self.var(name, secret.then_some(name), line, seen);
        let blank = self.draft.vars.iter().any(|known| {
            known.name == var && known.default.as_ref().is_some_and(|default| default.contains(' '))
        });
        let meaning = Meaning::Name { name: var, blank, secret };
        self.meanings.insert(name.to_owned(), meaning.clone());
        meaning
    }

    /// Returns the name of the var for what a person fills in.
    pub(super) fn var(&mut self, words: &str, secret: Option<&str>, line: usize, seen: &str) -> String {
        let name = unique(var_name(words), "_", |name| self.is_let(name));
        if !self.draft.vars.iter().any(|var| var.name == name) {
            let seen = seen.lines().next().unwrap_or_default().trim_end_matches('\\').trim();
            let secret = match secret {
                Some(variable) => Some(variable.to_owned()),
                None if is_secret(words) => Some(String::new()),
                None => None,
            };
            let matter = if secret.is_some() { Matter::Secret } else { Matter::Value };
            self.open(matter, line, name.clone());
            let help = match &secret {
                // The line may hold it.
                Some(_) => words.to_owned(),
                None => format!("{words}, as in: {}", shortened(seen)),
            };
            self.draft.vars.push(Var { name: name.clone(), default: None, secret, help, line });
        }
        name
    }

    /// Returns words for a person with what they fill in as values.
    fn filled(&mut self, text: &str, line: usize, scope: &mut Scope) -> String {
        command::filled(self, text, line, Within::Words, scope)
    }

    fn filled_command(&mut self, text: &str, line: usize, scope: &mut Scope) -> String {
        command::filled(self, text, line, Within::Command, scope)
    }
}

/// Returns a command as it is looked at: on one line, and what a person fills in as a word. `<name>` is no redirection.
pub(super) fn bare(text: &str) -> String {
    let bits = bits(text, Within::Command).into_iter().map(|bit| match bit {
        Bit::Text(text) => text,
        // A variable at the beginning is a program that nobody knows.
        Bit::Hole { hole: Hole::Variable(_), written, .. } => written,
        Bit::Hole { .. } => "x".to_owned(),
    });
    bits.collect::<String>().replace("\\\n", " ")
}

/// Returns the words that a step without a title is called by: the program, and what it does to what.
fn called(text: &str) -> String {
    let mut value = false;
    let plain = text.lines().next().unwrap_or_default().split_whitespace().filter(|word| {
        let skip = std::mem::take(&mut value) || word.starts_with('-') || word.starts_with("<<");
        value = matches!(*word, "-n" | "--namespace" | "--context");
        !skip
    });
    plain.take(6).collect::<Vec<_>>().join(" ")
}

/// Returns a name that is not taken.
fn unique(name: String, joint: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(&name) {
        return name;
    }
    (2..).map(|number| format!("{name}{joint}{number}")).find(|name| !taken(name)).unwrap_or(name)
}

fn join(text: &mut String, more: &str) {
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(more);
}

fn paragraphs(parts: &[String]) -> String {
    parts.iter().map(|part| part.trim_end()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn fenced(tag: &str, text: &str) -> String {
    let mark = if text.contains("```") { "~~~~" } else { "```" };
    format!("{mark}{tag}\n{text}\n{mark}")
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| if line.is_empty() { String::new() } else { format!("    {line}") })
        .collect::<Vec<_>>()
        .join("\n")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(70) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn is_short(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\n') && text.chars().count() <= LONGEST_TITLE
}

fn is_list(text: &str) -> bool {
    let last = text.lines().last().unwrap_or_default().trim_start();
    last.starts_with("- ")
        || last
            .split_once(". ")
            .is_some_and(|(number, _)| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
}

/// Returns the line as a title where it names what follows: `Look at the nodes:`.
fn leading(text: &str) -> Option<String> {
    let title = text.strip_suffix(':')?;
    is_short(title).then(|| title.replace("**", ""))
}

/// Returns a text without the number or the dash it begins with.
fn unnumbered(text: &str) -> &str {
    let rest = text.trim_start_matches(['-', '*', ' ']);
    let number = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = match (number.len() < rest.len(), number.strip_prefix(['.', ')'])) {
        (true, Some(after)) if after.starts_with(' ') => after.trim_start(),
        _ => rest,
    };
    rest.trim_end_matches(':').trim_end()
}

/// Says whether a command gives something secret a value of its own: `PGPASSWORD=hunter2 psql`, `--password=x`.
fn shows_secret(text: &str) -> bool {
    text.split_whitespace().filter_map(|word| word.split_once('=')).any(|(name, value)| {
        let name = name.trim_start_matches(['-', '"', '\'']);
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        plain
            && is_secret(name)
            && !value.trim_matches(['"', '\'']).starts_with(['$', '<', '[', '{', '/'])
            && value.len() > 2
    })
}

/// Words with which one is told to do something.
const DEEDS: [&str; 72] = [
    "access",
    "acknowledge",
    "add",
    "analyze",
    "apply",
    "approve",
    "ask",
    "assign",
    "call",
    "cancel",
    "change",
    "check",
    "choose",
    "click",
    "close",
    "compare",
    "confirm",
    "connect",
    "contact",
    "copy",
    "create",
    "declare",
    "delete",
    "deploy",
    "disable",
    "document",
    "drain",
    "edit",
    "enable",
    "ensure",
    "escalate",
    "export",
    "file",
    "find",
    "go",
    "identify",
    "inform",
    "inspect",
    "investigate",
    "join",
    "locate",
    "log",
    "login",
    "look",
    "make",
    "merge",
    "monitor",
    "navigate",
    "note",
    "notify",
    "open",
    "page",
    "pause",
    "ping",
    "post",
    "press",
    "promote",
    "record",
    "remove",
    "restart",
    "review",
    "roll",
    "rotate",
    "run",
    "schedule",
    "select",
    "send",
    "set",
    "stop",
    "update",
    "verify",
    "wait",
];

/// Says whether an entry of a numbered list tells somebody to do something.
fn is_deed(text: &str) -> bool {
    let first = text
        .trim_start_matches(['*', '`', '_'])
        .split(|c: char| !c.is_ascii_alphabetic())
        .next()
        .unwrap_or_default();
    DEEDS.contains(&first.to_lowercase().as_str())
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
