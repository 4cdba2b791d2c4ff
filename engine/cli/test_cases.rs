//! The tests that names, files and folders mean, read, checked and bound: what `runbook test` plays.

use std::path::{Path, PathBuf};

use super::book::{Book, Books};
use super::console::Console;
use super::error::CliError;
use super::settings::Settings;
use super::steps;
use crate::diag::{Code, Diagnostic, Report, Sources};
use crate::load::{
    Entry, LoadedTape, LoadedTests, TAPE_ENDING, TEST_ENDING, bind, check_forbidden, check_test_steps,
    load_tape, load_tests, tape_of, test_files, test_inputs,
};
use crate::model::{Doing, Place, Tape, TestFile, Verdict, format_duration};
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
    pub see: See,
}

/// How a test is seen: rehearsed by hand.
#[derive(Clone, Debug, Default)]
pub struct See {
    /// What to type.
    pub command: String,
    /// What the test does besides, or otherwise.
    pub notes: Vec<String>,
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
            gathered.bind(&tests, &file, &book, &tape, (books, settings), console);
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
        let Some(tape) =
            tape_under(file, path, &entry.path, |path| books.project.relative(path).display().to_string())
        else {
            // RB0133
            let (tape_path, place) = match &file.tape {
                Some((tape, place)) => (folder.join(tape), *place),
                None => (entry.path.with_extension(TAPE_ENDING), whole),
            };
            let shown = books.project.relative(&tape_path).display().to_string();
            let none = Diagnostic::new(Code::TestTape, format!("there is no tape {shown}"));
            let help = format!(
                "name one with `tape: FILE`; `runbook exec {} --record FILE` makes one of a real run",
                entry.name
            );
            missing(tests, none.help(help), place);
            return None;
        };
        let loaded = books.load(&entry);
        if loaded.report.has_errors() {
            self.tell(&loaded.report, &loaded.sources, console);
        }
        if !tape.report.is_empty() {
            self.tell(&tape.report, &tape.sources, console);
        }
        let (false, false) = (loaded.report.has_errors(), tape.report.has_errors()) else { return None };
        let tape = tape.tape?;
        let of_tests = file.tests.iter().any(|test| !test.answers.is_empty());
        if let Some(both) = answers_of_its_own(&tape, of_tests || !file.answers.is_empty()) {
            missing(tests, both, whole);
            return None;
        }
        let tape = file.over(&tape);
        let book = Book { entry, runbook: loaded.runbook?, sources: loaded.sources, warnings: loaded.report };
        Some((book, tape))
    }

    fn bind(
        &mut self,
        tests: &LoadedTests,
        file: &TestFile,
        book: &Book,
        tape: &Tape,
        (books, settings): (&Books, &Settings),
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
            let mut own = tape.clone();
            own.prepend(&test.answers, &file.path);
            snapshot.tape = Some(Box::new(own));
            let max_parallel = snapshot.runbook.max_parallel.unwrap_or(MAX_PARALLEL);
            let mut case = Case { snapshot, secrets: bound.secrets, test: test.clone(), max_parallel };
            case.test.named.clear();
            self.tests.push(Bound {
                runbook: book.entry.name.clone(),
                file: file.path.clone(),
                line: tests.sources.start(test.place).line,
                see: see(&book.entry.name, tape, file, &given, &case, settings),
                case,
            });
        }
    }
}

/// Returns the tape that the tests in the file at `path` play: it is named, in the file itself, or that of the runbook. What the
/// file puts over it is not in it yet. Nothing when there is no such file.
pub fn tape_under(
    file: &TestFile,
    path: &Path,
    runbook: &Path,
    shown: impl Fn(&Path) -> String,
) -> Option<LoadedTape> {
    if file.is_tape() {
        let tape = Some(Tape { path: file.path.clone(), ..Tape::default() });
        return Some(LoadedTape { tape, ..LoadedTape::default() });
    }
    let tape = match &file.tape {
        Some((named, _)) => path.with_file_name(named),
        None => tape_of(runbook)?,
    };
    // What is there and leads nowhere is told when it is read.
    tape.symlink_metadata().is_ok().then(|| load_tape(&tape, &shown(&tape)))
}

/// Returns what is wrong where answers are to be put before those of a tape that was recorded: `any` says whether there are some.
/// They would be played as they stand, templates and names in braces too.
pub fn answers_of_its_own(tape: &Tape, any: bool) -> Option<Diagnostic> {
    // RB0133
    let both = format!("{} was recorded (`plain`), and takes no answers before its own", tape.path);
    let help = "take `plain` out of it, and write in braces as data what looks like a template there";
    (tape.plain && any).then(|| Diagnostic::new(Code::TestTape, both).help(help))
}

/// Returns the runbook's file beside a file of tests.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    path.with_file_name(format!("{}.yaml", name.strip_suffix(TEST_ENDING).unwrap_or(name)))
}

fn shown(value: &crate::model::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns what to type to rehearse what a test plays, and what is otherwise than in the test then.
fn see(
    name: &str,
    tape: &Tape,
    file: &TestFile,
    vars: &[(String, String)],
    case: &Case,
    settings: &Settings,
) -> See {
    let mut words = vec!["runbook".to_owned(), "rehearse".to_owned(), quote_word(name)];
    let mut notes = Vec::new();
    if !file.answers.is_empty() || !file.state.is_empty() {
        words.extend(["--tape".to_owned(), quote_word(&file.path)]);
    } else if file.tape.is_some() {
        words.extend(["--tape".to_owned(), quote_word(&tape.path)]);
    }
    if !case.test.answers.is_empty() {
        notes.push("without the answers of the test itself".to_owned());
    }
    if !case.test.state.is_empty() {
        let state = crate::model::Value::Object(case.test.state.clone());
        words.extend(["--state".to_owned(), quote_word(&state.to_string())]);
    }
    for (name, value) in vars {
        words.extend(["--var".to_owned(), quote_word(&format!("{name}={value}"))]);
    }
    let Some((first, then)) = case.test.phases.split_first() else {
        return See { command: words.join(" "), notes };
    };
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
    let runbook = &case.snapshot.runbook;
    for (step, said) in &case.test.people {
        let named = std::slice::from_ref(step);
        let flag = steps::exist("--approve", named, runbook, true)
            .and_then(|()| steps::may_be_approved(named, runbook, &settings.person("flag")));
        match said.yes {
            // Typed answers can't be given on the command line.
            Some(true) if said.answers.is_empty() && flag.is_ok() => {
                words.extend(["--approve".to_owned(), quote_word(step)]);
            }
            Some(true) => {
                let by =
                    if said.by.is_empty() { String::new() } else { format!(" by {}", said.by.join(", ")) };
                notes.push(format!("the test has {step} answered{by} with yes"));
            }
            Some(false) => notes.push(format!("the test has {step} answered with no")),
            None => {}
        }
    }
    if runbook.protect.is_some() {
        words.push("--yes".to_owned());
    }
    notes.extend(then.iter().map(|phase| format!("then {}", afterwards(&phase.what))));
    See { command: words.join(" "), notes }
}

/// Returns what to type to do with a rehearsal what a test does.
fn afterwards(what: &Doing) -> String {
    let mut words = vec!["runbook".to_owned()];
    match what {
        Doing::Resume(decided) => {
            words.extend(["resume", "RUN"].map(str::to_owned));
            for (step, verdict) in decided {
                let flag = match verdict {
                    Verdict::Retry => "--retry",
                    Verdict::Done => "--done",
                    Verdict::Skip => "--skip",
                };
                words.extend([flag.to_owned(), quote_word(step)]);
            }
        }
        Doing::Rollback(to) => {
            words.extend(["rollback", "RUN"].map(str::to_owned));
            words.extend(to.iter().flat_map(|step| ["--to".to_owned(), quote_word(step)]));
        }
        Doing::Exec => {}
    }
    words.join(" ")
}
