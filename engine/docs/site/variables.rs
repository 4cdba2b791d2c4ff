//! The variables of a page by hand: a name for each value that only the run can know, and for each secret.

use std::collections::{BTreeMap, BTreeSet};

use super::page::{Inline, anchor, code, text};
use crate::machine::Names;
use crate::model::{Piece, Rendered, Runbook, Spot, Unknown, secret_variable};

/// A value that only the run can know, and its variable.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) name: String,
    /// The instance that spoke of it first.
    pub(super) instance: String,
    pub(super) of: Unknown,
}

/// The variables of a page.
pub(super) struct Variables<'a> {
    pub(super) runbook: &'a Runbook,
    /// The instance whose command is written.
    pub(super) instance: String,
    /// The values by what tells them apart.
    pub(super) held: BTreeMap<String, Held>,
    pub(super) taken: BTreeSet<String>,
    /// What was named since anybody looked, in that order.
    pub(super) fresh: Vec<String>,
    /// What of it may be several words, or none.
    pub(super) elements: BTreeSet<String>,
    pub(super) secrets: BTreeSet<String>,
    pub(super) anchors: BTreeSet<String>,
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
    pub(super) fn new(runbook: &'a Runbook) -> Variables<'a> {
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
    pub(super) fn name(&mut self, key: &str, of: &Unknown) -> String {
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
    pub(super) fn short(&self, of: &Unknown) -> String {
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
    pub(super) fn spelled(&mut self, formula: &Rendered) -> String {
        let spell = |piece: &Piece| match piece {
            Piece::Plain(text) => text.clone(),
            Piece::Secret(name) => format!("${}", self.secret(name)),
            Piece::Unknown(of) => format!("${}", self.unknown(of)),
        };
        formula.pieces.iter().map(spell).collect()
    }

    /// Returns an unknown value as it is made, or as the variable that it is.
    pub(super) fn spelled_value(&mut self, of: &Unknown) -> String {
        match &of.made {
            Some(made) => self.spelled(&made.formula),
            None => format!("${}", self.unknown(of)),
        }
    }

    /// Returns names with what they stand for.
    pub(super) fn meant(&mut self, names: &[(String, Rendered)]) -> Option<Vec<Inline>> {
        let mut line = Vec::new();
        for (name, value) in names {
            line.push(text(if line.is_empty() { "where " } else { ", " }));
            line.extend([code(name.clone()), text(" is ")]);
            line.push(code(self.said(value)));
        }
        (!line.is_empty()).then_some(line)
    }

    /// Returns what is said to people, with its values as the commands have them.
    pub(super) fn said(&mut self, text: &Rendered) -> String {
        let mut out = String::new();
        for (at, piece) in text.pieces.iter().enumerate() {
            let behind = match text.pieces.get(at + 1) {
                Some(Piece::Plain(next)) => next.chars().next(),
                _ => None,
            };
            match piece {
                // A variable for it may never be set: no command need use it.
                Piece::Unknown(of) => {
                    let apart = text.pieces.len() == 1 || out.ends_with('(') && behind == Some(')');
                    let spelled = self.spelled_value(of);
                    match of.made {
                        Some(_) if !apart => out.push_str(&format!("({spelled})")),
                        _ => out.push_str(&spelled),
                    }
                }
                Piece::Plain(text) => out.push_str(text),
                Piece::Secret(name) => out.push_str(&format!("${}", self.secret(name))),
            }
        }
        out
    }

    /// Returns what a value is known by on the whole page: what is captured belongs to its instance, and so does whatever is
    /// made of it.
    pub(super) fn key(&self, of: &Unknown) -> String {
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
    pub(super) fn used(&self, instance: Option<&str>, origin: &str) -> Vec<(String, String, String)> {
        let of_it = |(key, held): (&String, &Held)| {
            let rest = held.of.origin.strip_prefix(origin)?;
            let its = instance.is_none_or(|instance| held.instance == instance);
            let part = rest.is_empty() || rest.starts_with(['.', '[']);
            (held.of.made.is_none() && its && part).then(|| (key.clone(), held.name.clone(), rest.to_owned()))
        };
        self.held.iter().filter_map(of_it).collect()
    }

    /// Returns the name of a section; no other has it.
    pub(super) fn anchor(&mut self, kind: &str, name: &str) -> String {
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
