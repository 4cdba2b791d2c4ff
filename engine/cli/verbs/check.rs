//! `runbook check`: every mistake at once.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::args::{Check, Format};
use crate::cli::book::Books;
use crate::cli::console::{Console, count};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::cli::tools;
use crate::diag::{self, Diagnostic, Severity};
use crate::load::{
    Entry, FileKind, Loaded, ProjectError, TEST_ENDING, check_entry, is_tape, is_test, is_way, tape_of,
};
use crate::report::Role;

/// Checks what is named, or everything the project has.
///
/// # Errors
///
/// When there is no project, or what is named is not there.
pub fn run(check: &Check, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let books = Books::open(settings)?;
    let mut found = Found::default();
    let entries = if check.what.is_empty() {
        let listing = books.project.list();
        listing.problems.into_iter().for_each(|problem| found.problem(problem));
        books.project.claims().into_iter().for_each(|wrong| found.tell(wrong));
        found.templates(&books, |_| true);
        listing.entries
    } else {
        named(&check.what, &books, settings, &mut found)?
    };
    for entry in &entries {
        let kind = match &entry.path {
            path if is_tape(path) => FileKind::Tape,
            path if is_test(path) => FileKind::Test,
            _ => FileKind::Runbook,
        };
        let loaded = check_entry(&books.project, &books.library, &entry.path, &entry.name, kind);
        // What a broken runbook needs is not known.
        let whole = loaded.runbook.as_ref().filter(|_| !loaded.report.has_errors());
        let absent = whole.and_then(|runbook| tools::not_here(runbook, settings));
        found.take(loaded);
        absent.into_iter().for_each(|note| found.tell(note));
        // What it is rehearsed with stands beside it.
        if let Some(tape) = tape_of(&entry.path).filter(|_| kind == FileKind::Runbook) {
            found.take(check_entry(&books.project, &books.library, &tape, &entry.name, FileKind::Tape));
        }
        let tests = entry.path.with_extension(TEST_ENDING.trim_start_matches('.'));
        if kind == FileKind::Runbook && tests.exists() {
            found.take(check_entry(&books.project, &books.library, &tests, &entry.name, FileKind::Test));
        }
    }
    let runbooks = entries.len();
    match settings.format {
        Some(Format::Json) => console.json(&found.json(runbooks))?,
        Some(Format::Sarif) => console.json(&found.sarif())?,
        _ => console.print(&found.text(runbooks, console))?,
    }
    let fails = found.errors > 0 || check.deny.is_some() && found.warnings > 0;
    Ok(if fails { Exit::Mistake } else { Exit::Good })
}

/// Returns the runbooks that names, files and folders mean, each once; step templates among them are checked at once.
fn named(
    what: &[String],
    books: &Books,
    settings: &Settings,
    found: &mut Found,
) -> Result<Vec<Entry>, CliError> {
    let mut entries: Vec<Entry> = Vec::new();
    for name in what {
        let typed = settings.folder.join(name);
        let whole = std::fs::canonicalize(&typed).unwrap_or_else(|_| typed.clone());
        let inside = |path: &Path| std::fs::canonicalize(path).is_ok_and(|path| path.starts_with(&whole));
        let templates =
            std::fs::canonicalize(&books.project.steps).is_ok_and(|steps| whole.starts_with(steps));
        // A runbook's name may be a folder's too: what the folder holds then comes to the same.
        let below = if typed.is_dir() {
            let listing = books.project.list();
            listing.problems.into_iter().for_each(|problem| found.problem(problem));
            found.templates(books, inside);
            listing.entries.into_iter().filter(|entry| inside(&entry.path)).collect()
        } else if templates {
            found.templates(books, inside);
            Vec::new()
        } else {
            vec![books.project.resolve(name, &settings.folder)?]
        };
        for entry in below {
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
    }
    Ok(entries)
}

/// What was found, each thing once however many runbooks use the file it is in.
#[derive(Default)]
struct Found {
    loaded: Vec<Loaded>,
    problems: Vec<Diagnostic>,
    seen: HashSet<String>,
    own_templates: usize,
    errors: usize,
    warnings: usize,
    silenced: usize,
    left_out: usize,
}

impl Found {
    fn problem(&mut self, problem: ProjectError) {
        self.tell(Diagnostic::from(problem));
    }

    /// Adds what is about the project and no file of it.
    fn tell(&mut self, diagnostic: Diagnostic) {
        if self.is_new(&diagnostic, &Loaded::default()) {
            self.problems.push(diagnostic);
        }
    }

    /// Checks the project's own step templates, of those that are `wanted`: nobody may use one yet, and it must be
    /// right all the same.
    fn templates(&mut self, books: &Books, wanted: impl Fn(&Path) -> bool) {
        for name in books.library.names() {
            if books.library.find(&name).is_some_and(|entry| entry.own) {
                let path = books.project.steps.join(format!("{name}.yaml"));
                if !wanted(&path) {
                    continue;
                }
                self.own_templates += 1;
                self.take(check_entry(&books.project, &books.library, &path, &name, FileKind::Template));
            }
        }
    }

    fn take(&mut self, mut loaded: Loaded) {
        let mut fresh = diag::Report::new();
        for diagnostic in loaded.report.iter() {
            if self.is_new(diagnostic, &loaded) {
                fresh.push(diagnostic.clone());
            }
        }
        for silenced in loaded.report.silenced() {
            let key = diag::json::silenced(silenced, &loaded.sources).to_string();
            if self.seen.insert(key) {
                self.silenced += 1;
                fresh.silence_also(silenced.clone());
            }
        }
        self.left_out += loaded.report.left_out();
        loaded.report = fresh;
        self.loaded.push(loaded);
    }

    fn is_new(&mut self, diagnostic: &Diagnostic, of: &Loaded) -> bool {
        // Which step led to the file is no other mistake.
        let mut plain = diagnostic.clone();
        plain.notes.retain(|note| !is_way(note));
        let key = diag::json::diagnostic(&plain, &of.sources).to_string();
        let new = self.seen.insert(key);
        if new {
            match diagnostic.severity {
                Severity::Error => self.errors += 1,
                Severity::Warning => self.warnings += 1,
                Severity::Note => {}
            }
        }
        new
    }

    fn json(&self, runbooks: usize) -> Value {
        let nowhere = diag::Sources::new();
        let whole = self.problems.iter().map(|diagnostic| diag::json::diagnostic(diagnostic, &nowhere));
        let inside = self.loaded.iter().flat_map(|loaded| {
            loaded.report.iter().map(|diagnostic| diag::json::diagnostic(diagnostic, &loaded.sources))
        });
        let silenced = self.silenced().map(|(one, sources)| diag::json::silenced(one, sources));
        json!({
            "version": diag::json::VERSION,
            "runbooks": runbooks,
            "templates": self.own_templates,
            "errors": self.errors,
            "warnings": self.warnings,
            "diagnostics": whole.chain(inside).collect::<Vec<_>>(),
            "silenced": silenced.collect::<Vec<_>>(),
            "left_out": self.left_out,
        })
    }

    fn sarif(&self) -> Value {
        let nowhere = diag::Sources::new();
        let whole = self.problems.iter().map(|diagnostic| (diagnostic, &nowhere));
        let inside =
            self.loaded.iter().flat_map(|loaded| loaded.report.iter().map(|found| (found, &loaded.sources)));
        diag::sarif::log(env!("CARGO_PKG_VERSION"), whole.chain(inside), self.silenced())
    }

    fn silenced(&self) -> impl Iterator<Item = (&diag::Silenced, &diag::Sources)> {
        self.loaded
            .iter()
            .flat_map(|loaded| loaded.report.silenced().iter().map(|one| (one, &loaded.sources)))
    }

    fn text(&self, runbooks: usize, console: Console) -> String {
        let look = console.look_out();
        let nowhere = diag::Sources::new();
        let mut text = String::new();
        let whole = self.problems.iter().map(|diagnostic| (diagnostic, &nowhere));
        let inside =
            self.loaded.iter().flat_map(|loaded| loaded.report.iter().map(|found| (found, &loaded.sources)));
        for (diagnostic, sources) in whole.chain(inside) {
            text.push_str(&diag::text::diagnostic(diagnostic, sources, look));
            text.push_str("\n\n");
        }
        let mistakes: Vec<String> = [(self.errors, "error"), (self.warnings, "warning")]
            .into_iter()
            .filter(|(found, _)| *found > 0)
            .map(|(found, noun)| count(found, noun))
            .collect();
        let (tone, mistakes) = match (self.errors, mistakes.as_slice()) {
            (0, []) => (Role::Success, "no mistakes".to_owned()),
            (0, some) => (Role::Person, some.join(", ")),
            (_, some) => (Role::Failure, some.join(", ")),
        };
        let checked = match (runbooks, self.own_templates) {
            (_, 0) => count(runbooks, "runbook"),
            (0, own) => count(own, "step template"),
            (_, own) => format!("{} and {}", count(runbooks, "runbook"), count(own, "step template")),
        };
        let mistakes = console.out.paint(tone, &mistakes);
        text.push_str(&format!("{checked}, {mistakes}"));
        if self.silenced > 0 {
            text.push_str(&format!(", {} silenced", self.silenced));
        }
        match self.left_out {
            0 => text.push('\n'),
            more => text.push_str(&format!("; {more} more not shown: mend these first\n")),
        }
        let inside = self.loaded.iter().flat_map(|loaded| loaded.report.iter());
        text + &diag::text::more(self.problems.iter().chain(inside))
    }
}
