//! What a shell's variables and a person's placeholders stand for: vars, `let` values, what a step finds out.

use std::collections::BTreeMap;

use super::super::command::{self, Form, Scope};
use super::super::given::{self, Otherwise};
use super::super::looks::Effect;
use super::super::open::Matter;
use super::super::script::Piece;
use super::super::values::{Within, is_secret, is_shells, var_name};
use super::text::{indented, shortened, unique};
use super::{Draft, Maker, Meaning, Var};

impl Maker {
    /// Takes a command that only gives variables a value: they are vars of the runbook, or what a step finds out.
    pub(super) fn assigned(&mut self, piece: &Piece) -> bool {
        if !piece.whole || !piece.heres.is_empty() {
            return false;
        }
        if let Some(wanted) = given::wanted(&piece.text) {
            wanted.iter().for_each(|(name, value)| self.assign(piece, name, Some(value), false));
            return true;
        }
        let Some(found) = given::assignments(&piece.text) else { return false };
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
        let (holes, secret) = given::holes(value);
        let whole = given::literal(value).as_deref().and_then(given::is_placeholder);
        if secret && whole.is_none() {
            // `DATABASE_URL=postgres://app:password@db`: the whole of it is one.
            let var = self.var(name, Some(name), line, &piece.text);
            self.meanings.insert(name.to_owned(), Meaning::Name { name: var, blank: false, secret: true });
        } else if let Some(literal) = given::literal(value)
            .filter(|literal| !holes || is_secret(name) || given::is_placeholder(literal).is_some())
        {
            if is_secret(name) {
                if given::is_placeholder(&literal).is_none() && !literal.is_empty() {
                    self.open(Matter::Secret, line, format!("{name} has its value in the document"));
                }
                self.meanings.remove(name);
                self.meaning(name, line, &piece.text);
            } else if let Some(words) = given::is_placeholder(&literal) {
                let var = self.var(&words, None, line, &piece.text);
                self.meanings.insert(
                    name.to_owned(),
                    Meaning::Name { name: var, blank: false, secret: is_secret(&words) },
                );
            } else {
                self.give(name, &literal, &about, line);
            }
        } else if let Some((_, otherwise)) =
            given::otherwise(value).filter(|(of, _)| *of == name || of.chars().all(|c| c.is_ascii_digit()))
        {
            match otherwise {
                _ if is_secret(name) => {
                    self.meaning(name, line, &piece.text);
                }
                Otherwise::Fails(why) => self.ask(name, &why, piece),
                Otherwise::Is(literal) => self.give(name, &literal, &about, line),
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

    /// Gives a variable the value that stands in the document, as the default of a var.
    fn give(&mut self, name: &str, literal: &str, about: &str, line: usize) {
        let wanted = var_name(name);
        let known = self.draft.vars.iter().find(|var| var.name == wanted);
        let other = known.is_some_and(|var| var.default.as_ref().is_some_and(|default| default != literal));
        let var = if other {
            unique(wanted, "_", |name| {
                self.draft.vars.iter().any(|var| var.name == name) || self.is_let(name)
            })
        } else {
            wanted
        };
        let var = unique(var, "_", |name| self.is_let(name));
        match self.draft.vars.iter_mut().find(|known| known.name == var) {
            Some(known) => known.default = Some(literal.to_owned()),
            None => {
                let help = match about.is_empty() {
                    true => format!("{name} in the document"),
                    false => format!("{name}: {about}"),
                };
                self.draft.vars.push(Var {
                    name: var.clone(),
                    default: Some(literal.to_owned()),
                    secret: None,
                    help,
                    line,
                });
            }
        }
        let blank = literal.chars().any(|c| c.is_whitespace() || "*?[".contains(c));
        self.meanings.insert(name.to_owned(), Meaning::Name { name: var, blank, secret: false });
    }

    /// Asks for a variable that the document asks for: `${RELEASE:?which release?}`.
    fn ask(&mut self, name: &str, why: &str, piece: &Piece) {
        let line = piece.lines.0;
        let var = self.var(name, None, line, &piece.text);
        if let Some(known) = self.draft.vars.iter_mut().find(|known| known.name == var && !why.is_empty()) {
            known.help = format!("{name}: {why}");
        }
        self.meanings.insert(name.to_owned(), Meaning::Name { name: var, blank: false, secret: false });
    }

    fn is_let(&self, name: &str) -> bool {
        self.draft.lets.iter().any(|(known, _, _)| known == name)
    }

    /// Adds the step that finds out what a variable is: `POD=$(kubectl get …)`.
    fn found_out(&mut self, piece: &Piece, name: &str, value: &str) {
        let text = given::substituted(value).unwrap_or_else(|| format!("printf '%s' {value}"));
        let inner = Piece {
            command: text.len(),
            text,
            lines: piece.lines,
            comments: piece.comments.clone(),
            heres: Vec::new(),
            above: piece.above,
            whole: true,
        };
        let before = self.draft.steps.len();
        self.command(&inner);
        let output = var_name(name);
        let shown = self.draft.steps.get(before).filter(|step| step.sensitive).map(|step| step.id.clone());
        if let Some(id) = shown {
            let about = format!("{id}: what it finds out is handed on, so the record of a run holds it");
            self.open(Matter::Secret, piece.lines.0, about);
        }
        if let Some(step) = self.draft.steps.get_mut(before) {
            if step.title.is_none() {
                step.title = Some(format!("Find out {name}"));
            }
            step.outputs.push((output.clone(), "stdout | trim".to_owned()));
            let expression = match step.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                true => format!("steps.{}.outputs.{output}", step.id),
                false => format!("steps['{}'].outputs.{output}", step.id),
            };
            self.meanings.insert(name.to_owned(), Meaning::Output { expression, back: self.back.is() });
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
                    None if given::is_engines(name) => {}
                    None => self.draft.environment.push((name.to_owned(), template, line)),
                }
            }
            Some(Meaning::Output { expression, .. }) => {
                self.exported.insert(name.to_owned(), format!("{{{{ {expression} }}}}"));
            }
            None => {}
        }
    }

    /// Returns what was exported since, and is no step's own.
    pub(in crate::load::import) fn exported(&self) -> &BTreeMap<String, String> {
        &self.exported
    }

    /// Takes `cd`: it holds for the steps that follow in the section.
    pub(super) fn moved(&mut self, piece: &Piece) -> bool {
        let mut words = piece.text.split_whitespace();
        let (Some("cd"), Some(to), None) = (words.next(), words.next(), words.next()) else { return false };
        let Some(to) =
            given::literal(to).filter(|to| !to.starts_with(['~', '-', '<', '[']) && !to.contains(['*', '?']))
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
    pub(in crate::load::import) fn meaning(&mut self, name: &str, line: usize, seen: &str) -> Meaning {
        let here = self.back.is();
        let known = self.meanings.get(name);
        if let Some(known) =
            known.filter(|known| here || !matches!(known, Meaning::Output { back: true, .. }))
        {
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
    pub(in crate::load::import) fn var(
        &mut self,
        words: &str,
        secret: Option<&str>,
        line: usize,
        seen: &str,
    ) -> String {
        let name = unique(var_name(words), "_", |name| self.is_let(name));
        if !self.draft.vars.iter().any(|var| var.name == name) {
            let seen = seen
                .lines()
                .find(|line| !line.trim().is_empty())
                .unwrap_or_default()
                .trim_end_matches('\\')
                .trim();
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
    pub(super) fn filled(&mut self, text: &str, line: usize, scope: &mut Scope) -> String {
        command::filled(self, text, line, Within::Words, scope)
    }

    pub(super) fn filled_command(&mut self, text: &str, line: usize, scope: &mut Scope) -> String {
        command::filled(self, text, line, Within::Command, scope)
    }
}
