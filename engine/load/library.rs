//! The step templates: those compiled into the binary, and the project's own over them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::names;
use super::project::Project;
use super::text_file as file;
use crate::diag::Diagnostic;

// `LIBRARY: &[(&str, &str)]`, name and text in the order of the names: every file under `steps/`.
include!(concat!(env!("OUT_DIR"), "/library.rs"));

/// The step templates that a project can use.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// The project's own, by name; they replace those of the same name in the binary.
    own: BTreeMap<String, Own>,
    /// The runbooks that others may bring in.
    project: Option<Project>,
    /// Runbooks given as text, by name.
    runbooks: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
enum Own {
    File(PathBuf),
    Text(String),
}

/// A step template's file.
#[derive(Clone, Debug)]
pub struct LibraryEntry {
    /// The path as shown to people.
    pub path: String,
    /// Its text, or why it can't be read.
    pub text: Result<String, Box<Diagnostic>>,
    /// Whether it is the project's own.
    pub own: bool,
}

impl Library {
    /// Returns what is compiled into the binary.
    pub fn built_in() -> Library {
        Library::default()
    }

    /// Returns what is compiled into the binary, and over it the `.yaml` files below `folder`, which need not exist.
    ///
    /// Only names are read here; a file is read when a step uses it.
    pub fn with_folder(folder: &Path) -> Library {
        let mut own = BTreeMap::new();
        for (name, path) in file::yaml_below(folder) {
            if names::is_template(&name) {
                own.insert(name, Own::File(path));
            }
        }
        Library { own, ..Library::default() }
    }

    /// Returns what a project's runbooks can use: the step templates, its own over those compiled into the binary, and its
    /// runbooks, which others may bring in.
    pub fn of(project: &Project) -> Library {
        Library { project: Some(project.clone()), ..Library::with_folder(&project.steps) }
    }

    /// Returns the library with a runbook given as text, for tests and editors.
    #[must_use]
    pub fn with_runbook(mut self, name: &str, text: &str) -> Library {
        self.runbooks.insert(name.to_owned(), text.to_owned());
        self
    }

    /// Returns the path and the text of the runbook of that qualified name, or why it can't be read.
    pub(super) fn runbook(&self, name: &str) -> Option<(String, Result<String, Diagnostic>)> {
        if let Some(text) = self.runbooks.get(name) {
            return Some((format!("runbooks/{name}.yaml"), Ok(text.clone())));
        }
        let project = self.project.as_ref()?;
        let path = project.file_of(name)?.path;
        let shown = project.relative(&path).display().to_string();
        let text = file::read(&path, &shown);
        Some((shown, text))
    }

    /// Returns the names of the runbooks that others may bring in.
    pub(super) fn runbooks(&self) -> Vec<String> {
        let listed = self.project.iter().flat_map(|project| project.list().entries);
        listed.map(|entry| entry.name).chain(self.runbooks.keys().cloned()).collect()
    }

    /// Returns the library with a template given as text, for tests and editors.
    #[must_use]
    pub fn with_text(mut self, name: &str, text: &str) -> Library {
        self.own.insert(name.to_owned(), Own::Text(text.to_owned()));
        self
    }

    /// Says whether there is a template of that name.
    pub fn has(&self, name: &str) -> bool {
        self.own.contains_key(name) || built_in(name).is_some()
    }

    /// Says whether a template of the project replaces one of the binary and differs from it. A copy of the same is
    /// nothing that anybody needs to know.
    pub fn replaces(&self, name: &str) -> bool {
        match (self.own.get(name), built_in(name)) {
            (Some(_), Some(theirs)) => {
                let ours = self.find(name).and_then(|entry| entry.text.ok());
                ours.is_none_or(|ours| ours != theirs)
            }
            _ => false,
        }
    }

    /// Returns the names of all templates in order.
    pub fn names(&self) -> Vec<String> {
        let built_in = LIBRARY.iter().map(|(name, _)| (*name).to_owned());
        let mut names: Vec<String> = self.own.keys().cloned().chain(built_in).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns the template's file.
    pub fn find(&self, name: &str) -> Option<LibraryEntry> {
        let path = format!("steps/{name}.yaml");
        match self.own.get(name) {
            Some(Own::Text(text)) => Some(LibraryEntry { path, text: Ok(text.clone()), own: true }),
            Some(Own::File(file)) => {
                let text = file::read(file, &path).map_err(Box::new);
                Some(LibraryEntry { path, text, own: true })
            }
            None => {
                let text = built_in(name)?.to_owned();
                Some(LibraryEntry { path, text: Ok(text), own: false })
            }
        }
    }
}

fn built_in(name: &str) -> Option<&'static str> {
    let index = LIBRARY.binary_search_by_key(&name, |(known, _)| known).ok()?;
    Some(LIBRARY[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_list_is_sorted_and_well_named() {
        assert!(LIBRARY.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(LIBRARY.iter().all(|(name, _)| names::is_template(name)));
    }

    #[test]
    fn the_projects_own_come_first() {
        let library = Library::built_in().with_text("tell/slack", "step: tell/slack");
        let entry = library.find("tell/slack").expect("was added");
        assert!(entry.own && entry.text.expect("is text") == "step: tell/slack");
        assert!(library.names().contains(&"tell/slack".to_owned()));
        assert!(!library.has("tell/nobody"));
    }

    #[test]
    fn a_copy_of_the_same_replaces_nothing() {
        let (name, text) = LIBRARY[0];
        assert!(!Library::built_in().with_text(name, text).replaces(name));
        assert!(Library::built_in().with_text(name, "step: other").replaces(name));
    }
}
