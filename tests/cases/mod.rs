//! Runbooks that are right (`ok_*`) and wrong (`err_*`), with what `check` says about each beside them.
//!
//! `RUNBOOK_BLESS=1 cargo test cases` writes what is said now; read every line of the difference before committing it.

#![expect(clippy::disallowed_methods, reason = "a test reads its fixtures and writes what is blessed")]

mod mutated;

use std::fs;
use std::path::{Path, PathBuf};

use runbook::diag::text;
use runbook::load::{FileKind, Library, load_file};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/check")
}

fn fixtures() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the fixtures are there")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

/// Returns what `check` says about a file, and whether that fits its name.
fn said(path: &Path, library: &Library) -> (String, bool) {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("fixtures have plain names");
    let template = fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"step:"));
    let kind = if template { FileKind::Template } else { FileKind::Runbook };
    let loaded = load_file(path, &format!("{stem}.yaml"), stem, kind, library);
    let fits = stem.starts_with("err_") == loaded.report.has_errors();
    (text::report(&loaded.report, &loaded.sources, text::Look::default()), fits)
}

#[test]
fn check_says_what_stands_beside_each_file() {
    let library = Library::with_folder(&folder().join("steps"));
    let bless = std::env::var_os("RUNBOOK_BLESS").is_some();
    let (mut wrong, mut misnamed) = (Vec::new(), Vec::new());
    for path in fixtures() {
        let (said, fits) = said(&path, &library);
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
