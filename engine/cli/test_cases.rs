//! The tests that names, files and folders mean, read, checked and bound: what `runbook test` plays.

use std::path::{Path, PathBuf};

use super::book::{Book, Books};
use super::console::Console;
use super::error::CliError;
use super::settings::Settings;
use crate::diag::{Code, Diagnostic, Report, Sources};
use crate::load::{
    Entry, LoadedTests, TAPE_ENDING, TEST_ENDING, bind, check_forbidden, check_test_steps, load_tape,
    load_tests, tape_of, test_files, test_inputs,
};
use crate::model::{Place, Tape, TestFile, Verdict, format_duration};
use crate::proof::Case;
use crate::template::{Engine, quote_word};

/// The most steps at work at once, when the runbook does not say.
const MAX_PARALLEL: u32 = 8;

/// A test that can be played.
#[derive(Debug)]
pub struct Bound {
    /// The runbook's name.
    pub runbook: String,
    /// The file, as shown.
    pub file: String,
    /// Its line there.
    pub line: usize,
    /// What to play.
    pub case: Case,
    /// What to type to see it.
    pub see: String,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The tests, file by file.
    pub tests: Vec<Bound>,
    /// How many mistakes were told.
    pub mistakes: usize,
}

/// Returns the tests that are meant. Every mistake is told on stderr, each once.
///
/// # Errors
///
/// When what is named is not there.
pub fn gather(
    what: &[String],
    books: &Books,
    settings: &Settings,
    console: Console,
) -> Result<Gathered, CliError> {
    let mut gathered = Gathered::default();
    for path in files(what, books, settings)? {
        let shown = books.project.relative(&path).display().to_string();
        let mut tests = load_tests(&path, &shown);
        let Some(file) = tests.file.clone().filter(|_| !tests.report.has_errors()) else {
            gathered.tell(&tests.report, &tests.sources, console);
            continue;
        };
        let Some((book, tape)) = gathered.book_and_tape(&mut tests, &file, &path, books, console) else {
            gathered.tell(&tests.report, &tests.sources, console);
            continue;
        };
        check_test_steps(&file, &book.runbook, &mut tests.report);
        check_forbidden(&file, &tape, &mut tests.report);
        gathered.tell(&tests.report, &tests.sources, console);
        if !tests.report.has_errors() {
            gathered.bind(&tests, &file, &book, &tape, books, console);
        }
    }
    Ok(gathered)
}

/// Returns the files of tests that are meant, each once.
fn files(what: &[String], books: &Books, settings: &Settings) -> Result<Vec<PathBuf>, CliError> {
    if what.is_empty() {
        return Ok(test_files(&books.project.runbooks));
    }
    let mut files: Vec<PathBuf> = Vec::new();
    for named in what {
        let typed = settings.folder.join(named);
        let found = if typed.is_dir() {
            test_files(&typed)
        } else if named.ends_with(TEST_ENDING) {
            vec![typed]
        } else {
            let entry = books.project.resolve(named, &settings.folder)?;
            let beside = entry.path.with_extension(TEST_ENDING.trim_start_matches('.'));
            if !beside.exists() {
                let message = format!(
                    "{} has no tests: there is no {}",
                    entry.name,
                    books.project.relative(&beside).display()
                );
                return Err(CliError::usage_with(
                    message,
                    "`runbook schema test` tells what stands in such a file",
                ));
            }
            vec![beside]
        };
        for path in found {
            if !files.contains(&path) {
                files.push(path);
            }
        }
    }
    Ok(files)
}

impl Gathered {
    fn tell(&mut self, report: &Report, sources: &Sources, console: Console) {
        console.diagnostics(report, sources);
        if report.has_errors() {
            self.mistakes += 1;
        }
    }

    /// Reads the runbook and the tape of a file of tests. What is missing is added to its report, what is wrong inside is told.
    fn book_and_tape(
        &mut self,
        tests: &mut LoadedTests,
        file: &TestFile,
        path: &Path,
        books: &Books,
        console: Console,
    ) -> Option<(Book, Tape)> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let whole = file.tests.first().map(|test| test.place).unwrap_or_default();
        let missing = |tests: &mut LoadedTests, diagnostic: Diagnostic, place: Place| {
            tests.report.push(diagnostic.at(place, ""));
        };
        let entry = match &file.runbook {
            Some((name, place)) => match books.project.resolve(name, folder) {
                Ok(entry) => entry,
                Err(error) => {
                    missing(tests, Diagnostic::from(error), *place);
                    return None;
                }
            },
            None => {
                let beside = beside(path);
                if !beside.exists() {
                    let shown = books.project.relative(&beside).display().to_string();
                    let none = Diagnostic::new(Code::UnknownRunbook, format!("there is no runbook {shown}"));
                    missing(tests, none.help("name the runbook on top: `runbook: FOLDER/NAME`"), whole);
                    return None;
                }
                Entry { name: books.project.name_of(&beside), path: beside }
            }
        };
        let tape_path = match &file.tape {
            Some((tape, _)) => folder.join(tape),
            None => tape_of(&entry.path).unwrap_or_else(|| entry.path.with_extension(TAPE_ENDING)),
        };
        // RB0133
        if !tape_path.exists() {
            let shown = books.project.relative(&tape_path).display().to_string();
            let none = Diagnostic::new(Code::TestTape, format!("there is no tape {shown}"));
            let place = file.tape.as_ref().map_or(whole, |(_, place)| *place);
            let help = format!(
                "name one with `tape: FILE`; `runbook exec {} --record FILE` makes one of a real run",
                entry.name
            );
            missing(tests, none.help(help), place);
            return None;
        }
        let loaded = books.load(&entry);
        let tape = load_tape(&tape_path, &books.project.relative(&tape_path).display().to_string());
        if loaded.report.has_errors() {
            self.tell(&loaded.report, &loaded.sources, console);
        }
        if !tape.report.is_empty() {
            self.tell(&tape.report, &tape.sources, console);
        }
        let (false, false) = (loaded.report.has_errors(), tape.report.has_errors()) else { return None };
        let book = Book { entry, runbook: loaded.runbook?, sources: loaded.sources, warnings: loaded.report };
        Some((book, tape.tape?))
    }

    fn bind(
        &mut self,
        tests: &LoadedTests,
        file: &TestFile,
        book: &Book,
        tape: &Tape,
        books: &Books,
        console: Console,
    ) {
        for (number, test) in file.tests.iter().enumerate() {
            let mut sources = Sources::from(book.sources.files().to_vec());
            let inputs = test_inputs(&book.runbook.vars, tests, number, &mut sources);
            let given: Vec<(String, String)> = inputs
                .answers()
                .iter()
                .filter(|answer| matches!(answer.origin, crate::load::Origin::File(_)))
                .map(|answer| (answer.name.clone(), shown(&answer.value)))
                .collect();
            let bound = bind(book.runbook.clone(), &mut sources, inputs, &books.project, &Engine::new());
            let bound = match bound {
                Ok(bound) => bound,
                Err(report) => {
                    let mut told = Report::new();
                    for diagnostic in report.iter() {
                        let of = format!("in the test `{}` of {}", test.name, file.path);
                        told.push(diagnostic.clone().note(of));
                    }
                    self.tell(&told, &sources, console);
                    continue;
                }
            };
            let mut snapshot = std::sync::Arc::unwrap_or_clone(bound.snapshot);
            snapshot.tape = Some(Box::new(tape.clone()));
            let max_parallel = snapshot.runbook.max_parallel.unwrap_or(MAX_PARALLEL);
            let mut case = Case { snapshot, secrets: bound.secrets, test: test.clone(), max_parallel };
            case.test.named.clear();
            self.tests.push(Bound {
                runbook: book.entry.name.clone(),
                file: file.path.clone(),
                line: tests.sources.start(test.place).line,
                see: see(&book.entry.name, tape, file, &given, &case),
                case,
            });
        }
    }
}

/// Returns the runbook's file beside a file of tests.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    path.with_file_name(format!("{}.yaml", name.strip_suffix(TEST_ENDING).unwrap_or(name)))
}

fn shown(value: &crate::model::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns what to type to rehearse what a test plays.
fn see(name: &str, tape: &Tape, file: &TestFile, vars: &[(String, String)], case: &Case) -> String {
    let mut words = vec!["runbook".to_owned(), "rehearse".to_owned(), quote_word(name)];
    if file.tape.is_some() {
        words.extend(["--tape".to_owned(), quote_word(&tape.path)]);
    }
    for (name, value) in vars {
        words.extend(["--var".to_owned(), quote_word(&format!("{name}={value}"))]);
    }
    let Some(first) = case.test.phases.first() else { return words.join(" ") };
    for (step, exit) in &first.faults.fail {
        let fault = if *exit == 1 { step.clone() } else { format!("{step}={exit}") };
        words.extend(["--fail".to_owned(), quote_word(&fault)]);
    }
    for (step, took) in &first.faults.slow {
        words.extend(["--slow".to_owned(), quote_word(&format!("{step}={}", format_duration(*took)))]);
    }
    for step in &first.faults.kill_at {
        words.extend(["--kill-at".to_owned(), quote_word(step)]);
    }
    for (step, said) in case.test.people.iter().filter(|(_, said)| said.yes == Some(true)) {
        // Typed answers can't be given on the command line; who is asked gives them.
        if said.answers.is_empty() && said.in_doubt != Some(Verdict::Skip) {
            words.extend(["--approve".to_owned(), quote_word(step)]);
        }
    }
    if case.snapshot.runbook.protect.is_some() {
        words.push("--yes".to_owned());
    }
    words.join(" ")
}
