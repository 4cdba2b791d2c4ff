//! Runbooks that are right (`ok_*`) and wrong (`err_*`), with what `check` says about each beside them.
//!
//! `RUNBOOK_BLESS=1 cargo test cases` writes what is said now; read every line of the difference before committing it.

#![expect(clippy::disallowed_methods, reason = "a test reads its fixtures and writes what is blessed")]

mod fuzz;
mod mutated;
mod pages;
mod schema;

use std::fs;
use std::path::{Path, PathBuf};

use runbook::diag::text;
use runbook::load::{FileKind, Library, Project, check_entry, check_file};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/check")
}

fn fixtures() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the fixtures are there")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter(|path| path.file_name() != Some("platform.yaml".as_ref()))
        .filter(|path| path.file_name() != Some("people.yaml".as_ref()))
        .collect();
    files.sort();
    files
}

/// Returns what `check` says about a file, and whether that fits its name.
fn said(path: &Path, project: &Project) -> (String, bool) {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("fixtures have plain names");
    let template = fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"step:"));
    let loaded = if template {
        let library = Library::with_folder(&project.steps);
        check_entry(project, &library, path, stem, FileKind::Template)
    } else {
        check_file(project, path)
    };
    let fits = stem.starts_with("err_") == loaded.report.has_errors();
    let said = text::report(&loaded.report, &loaded.sources, text::Look::default());
    (said + &text::more(loaded.report.iter()), fits)
}

#[test]
fn check_says_what_stands_beside_each_file() {
    let project = Project { root: folder(), steps: folder().join("steps"), runbooks: folder() };
    let bless = std::env::var_os("RUNBOOK_BLESS").is_some();
    let (mut wrong, mut misnamed) = (Vec::new(), Vec::new());
    for path in fixtures() {
        let (said, fits) = said(&path, &project);
        if !fits {
            misnamed.push(path.clone());
        }
        let beside = path.with_extension("txt");
        if bless {
            fs::write(&beside, &said).expect("the fixtures can be written");
        } else if fs::read_to_string(&beside).unwrap_or_default() != said {
            wrong.push(format!("--- {}\n{said}", path.display()));
        }
    }
    assert!(misnamed.is_empty(), "`err_` is for errors only: {misnamed:?}");
    assert!(wrong.is_empty(), "RUNBOOK_BLESS=1 accepts this:\n{}", wrong.join("\n"));
}

/// The shipped step templates and runbooks have nothing to complain about, warnings included.
#[test]
fn what_is_shipped_is_clean() {
    let project = Project::at(Path::new(env!("CARGO_MANIFEST_DIR")));
    let listing = project.list();
    let runbooks: Vec<PathBuf> = listing.entries.into_iter().map(|entry| entry.path).collect();
    let mut open = vec![project.steps.clone()];
    let mut files = runbooks;
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            // Beside the templates stands the page that leads to them.
            let is_template = path.extension().is_some_and(|ending| ending == "yaml");
            match path.is_dir() {
                true => open.push(path),
                false => files.extend(is_template.then_some(path)),
            }
        }
    }
    assert!(files.len() > 2);
    for path in files {
        let loaded = check_file(&project, &path);
        let said = text::report(&loaded.report, &loaded.sources, text::Look::default());
        assert!(said.is_empty(), "{}\n{said}", path.display());
    }
}
