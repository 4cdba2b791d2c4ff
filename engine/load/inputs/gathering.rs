//! Where the value of each var is looked for, and what is wrong with it there.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Answer, Given, Inputs, Origin, SecretCommand, VarsFile, variable};
use crate::diag::{Code, Diagnostic, Sources, near};
use crate::load::node::{Key, Node, NodeKind};
use crate::load::secret_source::{self, Found, ways};
use crate::load::{from_text, text_file, yaml};
use crate::model::{Input, Kind, Place};
use crate::template::{Misfit, fit};

impl Inputs {
    pub(super) fn flags(&mut self, texts: &[String]) -> BTreeMap<String, String> {
        let mut flags = BTreeMap::new();
        for text in texts {
            match text.split_once('=') {
                Some((name, value)) if !name.is_empty() => {
                    if !self.places.contains_key(name) {
                        let unknown = self.unknown(name, &format!("`--var {name}=…`: "));
                        self.report.push(unknown);
                    }
                    flags.insert(name.to_owned(), value.to_owned());
                }
                _ => self.report.push(
                    Diagnostic::new(Code::BadVar, {
                        let what = if text.starts_with('=') { "names no var" } else { "gives no value" };
                        format!("`--var {text}` {what}")
                    })
                    .help("write `--var NAME=VALUE`"),
                ),
            }
        }
        flags
    }

    pub(super) fn file(&mut self, path: &Path, sources: &mut Sources) -> Option<VarsFile> {
        let shown = path.display().to_string();
        let text = match text_file::read(path, &shown) {
            Ok(text) => text,
            Err(diagnostic) => {
                self.report.push(diagnostic);
                return None;
            }
        };
        let file = sources.add(shown.clone(), text);
        let node = yaml::parse(sources, file, &mut self.report)?;
        let NodeKind::Map(entries) = node.kind else {
            let message =
                format!("a vars file is a map of names and values, and this is {}", node.described());
            self.report.push(Diagnostic::new(Code::WrongType, message).at(node.place, ""));
            return None;
        };
        for (key, _) in &entries {
            match self.places.get(&key.text).map(|&place| &self.vars[place]) {
                None => {
                    let unknown = self.unknown(&key.text, "").at(key.place, "");
                    self.report.push(unknown);
                }
                // Without its place: the snippet would show the value.
                Some(input) if input.ty.kind == Kind::Secret => {
                    let line = sources.start(key.place).line;
                    let message =
                        format!("`{shown}`, line {line}, holds the secret `{}` in plain text", key.text);
                    let help = format!("take it out of the file; {}", ways(input));
                    self.report.push(Diagnostic::new(Code::NoSecret, message).help(help));
                }
                Some(_) => {}
            }
        }
        Some((shown, entries.into_iter().map(|(key, node)| (key.text, node)).collect()))
    }

    /// Tells a var of a test that the runbook does not have, or that a test can't give.
    pub(super) fn known_in_file(&mut self, key: &Key) {
        match self.places.get(&key.text).map(|&place| &self.vars[place]) {
            None => {
                let unknown = self.unknown(&key.text, "").at(key.place, "");
                self.report.push(unknown);
            }
            Some(input) if input.ty.kind == Kind::Secret => self.report.push(
                Diagnostic::new(
                    Code::NoSecret,
                    format!("`{}` is a secret, and a test makes it up", key.text),
                )
                .at(key.place, "leave it out"),
            ),
            Some(_) => {}
        }
    }

    fn unknown(&self, name: &str, before: &str) -> Diagnostic {
        let names = || self.vars.iter().map(|input| input.name.as_str());
        let diagnostic =
            Diagnostic::new(Code::UnknownVar, format!("{before}this runbook has no var `{name}`"));
        match near(name, names()) {
            Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
            None if self.vars.is_empty() => diagnostic.help("it takes no vars"),
            None => diagnostic.help(format!("it has {}", names().collect::<Vec<_>>().join(", "))),
        }
    }

    pub(super) fn plain(
        &mut self,
        input: &Input,
        flags: &BTreeMap<String, String>,
        files: &[VarsFile],
        given: &Given,
        sources: &Sources,
    ) {
        let name = &input.name;
        let in_file = files.iter().rev().find_map(|(path, values)| Some((path, values.get(name)?)));
        let variable = variable(name);
        let (origin, place, value) = if let Some(text) = flags.get(name) {
            (Origin::Flag, None, from_text(&input.ty, text))
        } else if let Some((path, node)) = in_file {
            if node.is_bad() {
                return;
            }
            let value = fit(&input.ty, node.value()).map_err(|misfit| quoted(misfit, input, node, sources));
            (Origin::File(path.clone()), Some(node.place), value)
        } else if let Some(text) = given.env.get(&variable) {
            (Origin::Env(variable), None, from_text(&input.ty, text))
        } else if let Some(default) = &input.default {
            (Origin::Default, None, Ok(default.clone()))
        } else {
            if input.required {
                self.missing.push(input.clone());
            }
            return;
        };
        match value {
            Ok(value) => self.keep(Answer { name: name.clone(), value, origin }),
            Err(misfit) => {
                let from = match &origin {
                    Origin::File(_) => String::new(),
                    origin => format!(" (from {origin})"),
                };
                let message = format!("`{name}`{from}: {}", misfit.message);
                let mut diagnostic = Diagnostic::new(Code::BadVar, message);
                if let Some(place) = place {
                    diagnostic = diagnostic.at(place, "");
                }
                if input.at != Place::default() {
                    diagnostic = diagnostic.also(input.at, "declared here");
                }
                diagnostic = match misfit.help {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic,
                };
                self.report.push(diagnostic);
            }
        }
    }

    pub(super) fn secret(
        &mut self,
        input: &Input,
        flags: &BTreeMap<String, String>,
        files: &[VarsFile],
        given: &Given,
        root: &Path,
    ) {
        let name = &input.name;
        if flags.contains_key(name) {
            let message = format!(
                "`{name}` is a secret: with `--var` its value stays in the shell's history and in the list of processes"
            );
            self.report.push(Diagnostic::new(Code::SecretOnCommandLine, message).help(ways(input)));
            return;
        }
        if files.iter().any(|(_, values)| values.contains_key(name)) {
            return;
        }
        match secret_source::find(input, &given.env, root) {
            Found::Value(value, origin) => self.keep_secret(name, &value, origin),
            Found::Command(words) => self.commands.push(SecretCommand { name: name.clone(), words }),
            Found::Wrong(message) => self.report.push(Diagnostic::new(Code::NoSecret, message)),
            Found::Absent if input.required => self.missing.push(input.clone()),
            Found::Absent => {}
        }
    }
}

/// Adds what to write when YAML read a kind that the person did not mean: `1.10` is a number, `"3"` is text.
fn quoted(misfit: Misfit, input: &Input, node: &Node, sources: &Sources) -> Misfit {
    let written = sources.slice(node.place);
    let help = match (&node.kind, input.ty.kind) {
        (NodeKind::Number(_) | NodeKind::Bool(_), Kind::String | Kind::Duration) => {
            Some(format!("put it in quotes: `{}: \"{written}\"`", input.name))
        }
        (NodeKind::Str(text), Kind::Integer | Kind::Number | Kind::Boolean)
            if from_text(&input.ty, text).is_ok() =>
        {
            Some(format!("leave the quotes out: `{}: {text}`", input.name))
        }
        _ => None,
    };
    Misfit { help: help.or(misfit.help), message: misfit.message }
}
