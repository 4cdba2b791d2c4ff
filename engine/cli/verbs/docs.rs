//! `runbook docs`: the documentation of a project, from its runbooks and step templates.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::cli::args::{Docs, Format, Vars};
use crate::cli::book::Books;
use crate::cli::console::{Console, count};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::cli::written_files::{Files, State};
use crate::cli::{by_hand, known, stores};
use crate::diag::Sources;
use crate::docs::{
    Example, Extras, Form, Listed, ListedStep, MARK, Site, SitePage, runbook_page, runbooks_page, step_page,
    steps_page,
};
use crate::journal::Store;
use crate::load::{Entry, ProjectError};
use crate::model::{Action, Runbook};
use crate::report::Role;
use crate::template::quote_word;

/// Writes pages: to stdout, or below a folder.
///
/// # Errors
///
/// When there is no such runbook or step template, or anything is wrong with what is named or with its inputs; a file of
/// somebody else in the way.
pub fn run(docs: &Docs, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let books = Books::open(settings)?;
    if docs.check && docs.out.is_none() && !docs.index {
        let message = "--check wants to know where the pages are";
        return Err(CliError::usage_with(
            message,
            "name their folder (--out DIR), or check the project's own (--index)",
        ));
    }
    let form = if settings.format == Some(Format::Html) { Form::Html } else { Form::Markdown };
    let mut made = Maker::new(docs, books, settings, console)?;
    if docs.index {
        return made.index();
    }
    match &docs.out {
        Some(out) => {
            let folder = settings.typed(out);
            let pages = made.pages()?;
            let site = Site::new(form, pages);
            if let Some((file, place)) = site.clash() {
                let message = format!("the page of `{place}` and the index would both be `{file}`");
                return Err(CliError::usage_with(message, format!("give `{place}` another name")));
            }
            let (folders, ending): (&[&str], &str) = match form {
                Form::Markdown => (&["runbooks", "steps"], ".md"),
                Form::Html => (&["runbooks", "steps"], ".html"),
            };
            let files = site.files("docs");
            let whole = docs.name.is_empty().then_some((folders, ending));
            made.put(&Files { folder: &folder, wanted: &files, mark: MARK, whole }, made.repair(form))
        }
        None => made.show(form),
    }
}

struct Maker<'a> {
    docs: &'a Docs,
    books: Books,
    settings: &'a Settings,
    console: Console,
    store: Option<Store>,
    /// The vars that any runbook has.
    taken: BTreeSet<String>,
    /// The runbooks that use a step template.
    users: BTreeMap<String, Vec<Example>>,
}

impl<'a> Maker<'a> {
    fn new(
        docs: &'a Docs,
        books: Books,
        settings: &'a Settings,
        console: Console,
    ) -> Result<Maker<'a>, CliError> {
        // Pages that are kept are read elsewhere; what this machine's journal knows would make them differ.
        let store = match docs.out.is_none() || docs.history {
            true if !docs.index => stores::read_if_any(settings)?,
            _ => None,
        };
        let (taken, users) = (BTreeSet::new(), BTreeMap::new());
        Ok(Maker { docs, books, settings, console, store, taken, users })
    }

    /// Writes to stdout: the pages that are named, or the index.
    fn show(&mut self, form: Form) -> Result<Exit, CliError> {
        if self.docs.name.is_empty() {
            let (runbooks, _) = self.indexes()?;
            self.console.print(&runbooks.alone(form))?;
            return Ok(Exit::Good);
        }
        if form == Form::Html && self.docs.name.len() > 1 {
            let message = "more than one page of HTML can't stand in one stream";
            return Err(CliError::usage_with(message, "name a folder for them: --out DIR"));
        }
        let pages = self.pages()?;
        let texts: Vec<String> = pages.iter().map(|page| page.alone(form)).collect();
        self.console.print(&texts.join("\n---\n\n"))?;
        Ok(Exit::Good)
    }

    /// Returns the pages that are named; all of them, with their indexes, when none is.
    fn pages(&mut self) -> Result<Vec<SitePage>, CliError> {
        if !self.docs.name.is_empty() {
            let mut pages = Vec::new();
            for name in &self.docs.name {
                pages.push(self.named(name)?);
            }
            self.all_taken()?;
            return Ok(pages);
        }
        let mut pages = Vec::new();
        let mut listed = Vec::new();
        for (entry, read) in self.listing() {
            match read {
                Some((runbook, sources)) => {
                    listed.push(Listed::of(&runbook));
                    pages.push(self.page(&entry, &runbook, sources)?);
                }
                None => listed.push(Listed::broken(&entry.name)),
            }
        }
        self.all_taken()?;
        let mut steps = Vec::new();
        for name in self.books.library.names() {
            let (loaded, _) = self.books.template(&name);
            if let Some(template) = loaded.template.filter(|_| !loaded.report.has_errors()) {
                steps.push(ListedStep::of(&template));
                pages.push(step_page(&template, self.users.get(&name).map_or(&[][..], Vec::as_slice)));
            }
        }
        pages.push(runbooks_page(&listed, true));
        pages.push(steps_page(&steps));
        Ok(pages)
    }

    /// Returns the indexes alone.
    fn indexes(&mut self) -> Result<(SitePage, SitePage), CliError> {
        let listed: Vec<Listed> = self
            .listing()
            .into_iter()
            .map(|(entry, read)| {
                read.map_or_else(|| Listed::broken(&entry.name), |(runbook, _)| Listed::of(&runbook))
            })
            .collect();
        let mut steps = Vec::new();
        for name in self.books.library.names() {
            let (loaded, file) = self.books.template(&name);
            // What is compiled in has no file here to lead to.
            if let (Some(template), true) = (loaded.template, file.is_some() || !self.docs.index) {
                steps.push(ListedStep::of(&template));
            }
        }
        Ok((runbooks_page(&listed, !steps.is_empty()), steps_page(&steps)))
    }

    /// Writes or checks `runbooks/README.md` and `steps/README.md`.
    fn index(&mut self) -> Result<Exit, CliError> {
        let (runbooks, steps) = self.indexes()?;
        let own: Vec<String> = self
            .books
            .library
            .names()
            .into_iter()
            .filter(|name| self.books.library.find(name).is_some_and(|entry| entry.own))
            .collect();
        let mut pages = vec![runbooks];
        pages.extend((!own.is_empty()).then_some(steps));
        let mut site = Site::new(Form::Markdown, pages);
        for entry in self.books.project.list().entries {
            let file = self.books.project.relative(&entry.path);
            site.lead(&format!("runbooks/{}", entry.name), &file.display().to_string());
        }
        for name in own {
            site.lead(&format!("steps/{name}"), &format!("steps/{name}.yaml"));
        }
        let files = site.files("docs --index");
        let repair = format!("{} docs --index", self.settings.program_here());
        let folder = self.books.project.root.clone();
        self.put(&Files { folder: &folder, wanted: &files, mark: MARK, whole: None }, repair)
    }

    /// Writes the files, or says how they differ.
    fn put(&self, files: &Files<'_>, repair: String) -> Result<Exit, CliError> {
        let state = files.state()?;
        let folder = files.folder.display();
        if self.docs.check {
            if state.is_good() {
                self.console.print(&format!(
                    "{} in {folder} as they would be made now\n",
                    count(state.same, "file")
                ))?;
                self.left_over(&state);
                return Ok(Exit::Good);
            }
            self.console.print(&files.difference(&state))?;
            let wrong = state.stale.len() + state.missing.len() + state.extra.len() + state.in_the_way.len();
            let failed = self.console.err.paint(Role::Failure, "not as they would be made now:");
            self.console.say(&format!("{failed} {}; this makes them so:", count(wrong, "file")));
            self.console.say(&format!("  {repair}"));
            return Ok(Exit::Failed);
        }
        files.write(&state)?;
        let mut text = format!("{} in {folder}", count(files.wanted.len(), "file"));
        let written = state.missing.len() + state.stale.len();
        text.push_str(&match written {
            0 => ", all as they were".to_owned(),
            written => format!(", {written} written"),
        });
        if !state.extra.is_empty() {
            text.push_str(&format!(", {} removed that no runbook needs any more", state.extra.len()));
        }
        self.console.print(&format!("{text}\n"))?;
        self.left_over(&state);
        Ok(Exit::Good)
    }

    /// Names what lies beside the pages and is not ours.
    fn left_over(&self, state: &State) {
        const NAMED: usize = 5;
        if state.others.is_empty() {
            return;
        }
        let named: Vec<&str> = state.others.iter().take(NAMED).map(String::as_str).collect();
        let more = if state.others.len() > NAMED { ", …" } else { "" };
        let text = format!("left alone, since this command did not make it: {}{more}", named.join(", "));
        self.console.say(&self.console.err.paint(Role::Quiet, &text));
    }

    /// Returns the command that makes the files as they are to be.
    fn repair(&self, form: Form) -> String {
        let mut words = vec![format!("{} docs", self.settings.program_here())];
        words.extend(self.docs.name.iter().map(|name| quote_word(name)));
        let out = self.docs.out.as_deref().unwrap_or(Path::new("."));
        words.push(format!("--out {}", quote_word(&out.display().to_string())));
        if form == Form::Html {
            words.push("--format html".to_owned());
        }
        words.extend(self.docs.history.then(|| "--history".to_owned()));
        words.extend(self.docs.vars.var.iter().map(|var| format!("--var {}", quote_word(var))));
        let files = self.docs.vars.vars_file.iter();
        words.extend(
            files.map(|file: &PathBuf| format!("--vars-file {}", quote_word(&file.display().to_string()))),
        );
        words.join(" ")
    }

    /// Reads every runbook; nothing for one with mistakes.
    fn listing(&self) -> Vec<(Entry, Option<(Runbook, Sources)>)> {
        let listing = self.books.project.list();
        for problem in &listing.problems {
            self.console.say(&format!("{} {problem}", self.console.err.paint(Role::Person, "warning:")));
        }
        let read = |entry: Entry| {
            let loaded = self.books.load(&entry);
            let good = !loaded.report.has_errors();
            let sources = loaded.sources;
            (entry, loaded.runbook.filter(|_| good).map(|runbook| (runbook, sources)))
        };
        let all: Vec<_> = listing.entries.into_iter().map(read).collect();
        let broken = all.iter().filter(|(_, read)| read.is_none()).count();
        if broken > 0 {
            let program = self.settings.program_here();
            let counted = count(broken, "runbook");
            self.console
                .say(&format!("{counted} with mistakes, so without a page: `{program} check` tells them"));
        }
        all
    }

    fn named(&mut self, name: &str) -> Result<SitePage, CliError> {
        match self.books.project.resolve(name, &self.settings.folder) {
            Err(ProjectError::NotFound(_)) if self.books.library.has(name) => {
                let (loaded, _) = self.books.template(name);
                match loaded.template {
                    Some(template) if !loaded.report.has_errors() => Ok(step_page(&template, &[])),
                    _ => Err(CliError::mistakes(loaded.report, loaded.sources)),
                }
            }
            Err(error) => Err(error.into()),
            Ok(entry) => {
                let book = self.books.book(name, self.settings)?;
                self.page(&entry, &book.runbook, book.sources)
            }
        }
    }

    fn page(&mut self, entry: &Entry, runbook: &Runbook, mut sources: Sources) -> Result<SitePage, CliError> {
        for step in runbook.steps.iter().chain(&runbook.finally) {
            if let (Some(binding), None) = (&step.binding, step.sub) {
                let users = self.users.entry(binding.template.clone()).or_default();
                if users.iter().all(|user| user.runbook != runbook.name) {
                    users.push(Example { runbook: runbook.name.clone(), step: String::new() });
                }
            }
            debug_assert!(!matches!(step.body.action, Action::Nothing), "it has no mistakes");
        }
        let one = self.docs.name.len() == 1;
        let vars = if one { self.docs.vars.clone() } else { self.vars_of(runbook) };
        let meant = !vars.var.is_empty() || !vars.vars_file.is_empty();
        self.taken.extend(vars.var.iter().filter_map(|var| Some(var.split_once('=')?.0.to_owned())));
        let by_hand = match by_hand::of(runbook, &mut sources, &vars, &self.books, self.settings) {
            Ok(None) if one && meant => {
                return Err(self.missing(runbook, &vars));
            }
            Ok(by_hand) => by_hand,
            Err(report) if one && meant => return Err(CliError::mistakes(report, sources)),
            Err(_) if meant => {
                self.console.say(&format!(
                    "{}: these vars don't fit, so it has no commands with values",
                    runbook.name
                ));
                None
            }
            Err(_) => None,
        };
        let history = match &self.store {
            Some(store) => Some(known::history(store, runbook)?).filter(|history| history.runs > 0),
            None => None,
        };
        let file = self.books.project.relative(&entry.path).display().to_string();
        Ok(runbook_page(runbook, &Extras { file, by_hand, history }))
    }

    /// Returns the vars that a runbook has, of those that were given for all.
    fn vars_of(&self, runbook: &Runbook) -> Vars {
        let has = |var: &&String| {
            let name = var.split_once('=').map_or(var.as_str(), |(name, _)| name);
            runbook.vars.iter().any(|input| input.name == name)
        };
        Vars { var: self.docs.vars.var.iter().filter(has).cloned().collect(), vars_file: Vec::new() }
    }

    fn missing(&self, runbook: &Runbook, vars: &Vars) -> CliError {
        let given = |name: &str| vars.var.iter().any(|var| var.split('=').next() == Some(name));
        let missing: Vec<&str> = runbook
            .vars
            .iter()
            .filter(|input| input.required && input.default.is_none() && !given(&input.name))
            .map(|input| input.name.as_str())
            .collect();
        let message =
            format!("{} wants more than that for its commands: {}", runbook.name, missing.join(", "));
        CliError::usage_with(message, "give each by --var NAME=VALUE, or none of them")
    }

    /// Refuses a var that no runbook has: mistyped, every page would be without it, and nobody would know.
    fn all_taken(&self) -> Result<(), CliError> {
        if self.docs.name.len() == 1 {
            return Ok(());
        }
        if !self.docs.vars.vars_file.is_empty() {
            let message = "--vars-file is for one runbook";
            return Err(CliError::usage_with(message, "name it, or give what they share by --var"));
        }
        let name = |var: &String| var.split_once('=').map_or(var.clone(), |(name, _)| name.to_owned());
        match self.docs.vars.var.iter().map(name).find(|name| !self.taken.contains(name)) {
            Some(name) => Err(CliError::usage(format!("--var {name}: no runbook here has such a var"))),
            None => Ok(()),
        }
    }
}
