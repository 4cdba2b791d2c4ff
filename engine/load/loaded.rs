//! The ways in: a file or a text becomes a runbook and a report.

use std::path::Path;

use super::allow::{self, Allow};
use super::context::Context;
use super::hooks;
use super::library::Library;
use super::people;
use super::project::Project;
use super::{tape, template_file, test_file, text_file, yaml};
use crate::diag::{Diagnostic, Report, Sources};
use crate::model::{Runbook, StepTemplate};
use crate::template::Engine;

/// What came of a file.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The runbook; `None` for a step template and when the file is too broken to make anything of. With errors in
    /// the report it is incomplete and must not run.
    pub runbook: Option<Runbook>,
    /// The step template, where the file is one.
    pub template: Option<StepTemplate>,
    /// The files read: the runbook's first, then those of the step templates it uses.
    pub sources: Sources,
    /// Everything that is wrong.
    pub report: Report,
    /// The comments that silence a warning.
    allows: Vec<Allow>,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A runbook.
    Runbook,
    /// A step template.
    Template,
    /// A tape.
    Tape,
    /// A file of tests.
    Test,
}

/// Loads the runbook that `name` means in `project`: a qualified name, a bare one, or a path relative to `from`.
///
/// With errors in [`Loaded::report`] it must not run.
///
/// # Errors
///
/// A report when there is no such runbook.
pub fn runbook(project: &Project, name: &str, from: &Path) -> Result<Loaded, Report> {
    let entry = project.resolve(name, from).map_err(|error| Report::from(Diagnostic::from(error)))?;
    let library = Library::of(project);
    let shown = project.relative(&entry.path).display().to_string();
    Ok(load_in(project, &entry.path, &shown, &entry.name, &library))
}

/// Reads the file at `path` as the runbook `name` of `project`: with what the project has for all of its runbooks.
///
/// `shown` is the path in messages.
pub fn load_in(project: &Project, path: &Path, shown: &str, name: &str, library: &Library) -> Loaded {
    let mut loaded = load_file(path, shown, name, FileKind::Runbook, library);
    if let Some(runbook) = &mut loaded.runbook {
        hooks::of_project(runbook, project, library, &mut loaded.sources, &mut loaded.report);
    }
    loaded
}

/// Checks one file of `project`, with the step templates it uses and the tables it names.
///
/// A file under `steps/` is a step template, any other a runbook. Beyond what [`runbook`] tells, this tells what is
/// merely untidy.
pub fn check_file(project: &Project, path: &Path) -> Loaded {
    let library = Library::of(project);
    let (name, kind) = match path.strip_prefix(&project.steps) {
        Ok(inside) => (inside.with_extension("").display().to_string(), FileKind::Template),
        Err(_) if test_file::is_test(path) => (project.name_of(path), FileKind::Test),
        Err(_) if tape::is_tape(path) => (project.name_of(path), FileKind::Tape),
        Err(_) => (project.name_of(path), FileKind::Runbook),
    };
    check_entry(project, &library, path, &name, kind)
}

/// Checks the file at `path` as [`check_file`] does, as the runbook or step template `name`.
pub fn check_entry(project: &Project, library: &Library, path: &Path, name: &str, kind: FileKind) -> Loaded {
    let shown = project.relative(path).display().to_string();
    let mut loaded = match text_file::read(path, &shown) {
        Ok(text) => lowered(text, &shown, name, kind, library, Some(project)),
        Err(problem) => Loaded { report: problem.into(), ..Loaded::default() },
    };
    if let Some(runbook) = &mut loaded.runbook {
        hooks::of_project(runbook, project, library, &mut loaded.sources, &mut loaded.report);
        people::check(runbook, project, &mut loaded.sources, &mut loaded.report);
    }
    allow::silence(&mut loaded.allows, &loaded.sources, &mut loaded.report);
    // The comments of a step template are judged when it is checked itself.
    allow::useless(&loaded.allows, 0, &mut loaded.report);
    loaded
}

/// Reads the file at `path` as the runbook or step template `name`, and everything it uses.
///
/// `shown` is the path in messages. A file that can't be read is told in the report.
pub fn load_file(path: &Path, shown: &str, name: &str, kind: FileKind, library: &Library) -> Loaded {
    match text_file::read(path, shown) {
        Ok(text) => load_text(text, shown, name, kind, library),
        Err(problem) => Loaded { report: problem.into(), ..Loaded::default() },
    }
}

/// Reads `text` as [`load_file`] reads a file.
pub fn load_text(
    text: impl Into<String>,
    shown: &str,
    name: &str,
    kind: FileKind,
    library: &Library,
) -> Loaded {
    lowered(text.into(), shown, name, kind, library, None)
}

/// `checked` is the project when a file is checked, and not loaded to be run.
fn lowered(
    text: String,
    shown: &str,
    name: &str,
    kind: FileKind,
    library: &Library,
    checked: Option<&Project>,
) -> Loaded {
    let mut loaded = Loaded::default();
    let file = loaded.sources.add(shown, text);
    let Some(node) = yaml::parse(&loaded.sources, file, &mut loaded.report) else { return loaded };
    let engine = Engine::new();
    let mut cx = Context::new(&mut loaded.sources, &mut loaded.report, library, &engine);
    cx.tidy = checked.is_some();
    cx.project = checked;
    cx.allows = allow::read(cx.sources, file, &node, cx.report);
    match kind {
        FileKind::Runbook => loaded.runbook = super::runbook::lower(&mut cx, &node, name),
        FileKind::Test => drop(test_file::lower(&mut cx, &node, shown)),
        FileKind::Tape => drop(tape::lower(&mut cx, &node, shown)),
        FileKind::Template => {
            loaded.template = template_file::lower(&mut cx, &node, name).map(|found| found.template);
        }
    }
    loaded.allows = cx.allows;
    allow::silence(&mut loaded.allows, &loaded.sources, &mut loaded.report);
    loaded
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the project of a test is made of files")]
mod tests {
    use std::fs;

    use super::*;
    use crate::diag::{Code, Severity};
    use crate::model::{Action, Line, Step};

    const ECHO: &str = "step: tell/echo\ntitle: Say {{ what }}\nparams: {what: {type: string}, to: {type: string, default: \"{{ what }}\"}}\nrun: echo {{ what }} {{ to }}\neffect: read\noutputs: {said: stdout}\ntimeout: 1m\n";

    const RUNBOOK: &str = r#"
runbook: small
title: Small
vars: {name: {type: string}}
steps:
  - {id: first, run: "ls -l {{ name }}", effect: read, env: {A: 1.10}, dir: app, verify: {run: ls, env: {A: own}, pass: exit_code == 0}}
  - {id: second, uses: tell/echo, with: {what: "{{ name }}"}, timeout: 2m}
  - {id: third, needs: [], run: [echo, 1.10, true, null], effect: read, for_each: [a, b]}
  - {id: fourth, for_each: "range(3)", shell: "echo {{ item }}", effect: read}
finally:
  - {id: tell, run: echo over}
  - {id: more, run: echo over}
"#;

    fn loaded(text: &str) -> Loaded {
        let library = Library::built_in().with_text("tell/echo", ECHO);
        load_text(text, "runbooks/small.yaml", "small", FileKind::Runbook, &library)
    }

    fn line(step: &Step) -> Vec<&str> {
        match &step.body.action {
            Action::Command(command) => match &command.line {
                Line::Words(words) | Line::List(words) => {
                    words.iter().map(|word| word.src.as_str()).collect()
                }
                Line::Shell(script) => vec![&script.src],
            },
            _ => Vec::new(),
        }
    }

    #[test]
    fn a_runbook_is_lowered_with_its_templates_and_needs() {
        let loaded = loaded(RUNBOOK);
        assert!(loaded.report.is_empty(), "{:#?}", loaded.report);
        let runbook = loaded.runbook.expect("is a runbook");
        let [first, second, third, fourth] = runbook.steps.as_slice() else { panic!("four steps") };
        assert_eq!(
            [first, second, third, fourth].map(|step| step.needs.join(",")),
            ["", "first", "", "third"]
        );
        assert_eq!(runbook.finally.iter().map(|step| step.needs.join(",")).collect::<Vec<_>>(), ["", "tell"]);
        assert_eq!(line(first), ["ls", "-l", "{{ name }}"]);
        assert_eq!(line(second), ["echo", "{{ what }}", "{{ to }}"]);
        assert_eq!(line(third), ["echo", "1.10", "true"], "as written, and null is left out");
        let binding = second.binding.as_ref().expect("uses a template");
        assert_eq!((binding.template.as_str(), binding.title.src.as_str()), ("tell/echo", "Say {{ what }}"));
        assert_eq!(second.timeout.as_ref().map(|text| text.src.as_str()), Some("2m"));
        assert_eq!(second.body.timeout.as_ref().map(|text| text.src.as_str()), Some("1m"));
        assert_eq!(
            fourth.for_each,
            Some(crate::model::Tree::Text(crate::model::Text {
                src: "{{ range(3) }}".to_owned(),
                at: match &fourth.for_each {
                    Some(crate::model::Tree::Text(text)) => text.at,
                    _ => panic!("text"),
                },
            }))
        );
    }

    #[test]
    fn the_surroundings_of_a_step_hold_for_its_gates() {
        let runbook = loaded(RUNBOOK).runbook.expect("is a runbook");
        let verify = runbook.steps[0].body.verify.as_ref().expect("has one");
        let env: Vec<_> =
            verify.command.env.iter().map(|(name, text)| (name.as_str(), text.src.as_str())).collect();
        assert_eq!(env, [("A", "own")], "its own value wins");
        assert_eq!(verify.command.dir.as_ref().map(|dir| dir.src.as_str()), Some("app"));
    }

    #[test]
    fn places_of_words_are_those_in_the_file() {
        let loaded = loaded(RUNBOOK);
        let runbook = loaded.runbook.expect("is a runbook");
        let Action::Command(command) = &runbook.steps[0].body.action else { panic!("a command") };
        let Line::Words(words) = &command.line else { panic!("words") };
        let slices: Vec<_> = words.iter().map(|word| loaded.sources.slice(word.at)).collect();
        assert_eq!(slices, ["ls", "-l", "{{ name }}"]);
    }

    #[test]
    fn a_project_is_loaded_by_name_and_checked_by_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("has one")).expect("is made");
            fs::write(path, text).expect("is written");
        };
        write(
            "runbooks/team/small.yaml",
            &RUNBOOK.replace("vars:", "data: {t: no.yaml}\nlock: \"{{ t.x }}\"\nvars:"),
        );
        write("steps/tell/echo.yaml", ECHO);
        write("steps/tell/wrong.yaml", "step: tell/wrong\ntitle: T\nrun: rm {{ x }}\n");
        let project = Project::at(folder.path());

        let loaded = runbook(&project, "team/small", folder.path()).expect("is there");
        assert!(loaded.report.is_empty(), "{:#?}", loaded.report);
        assert_eq!(loaded.runbook.map(|runbook| runbook.name).as_deref(), Some("team/small"));
        let paths: Vec<_> = loaded.sources.files().iter().map(|source| source.path.clone()).collect();
        assert_eq!(paths, ["runbooks/team/small.yaml", "steps/tell/echo.yaml"]);

        let codes = |path: &str| -> Vec<Code> {
            check_file(&project, &folder.path().join(path)).report.iter().map(|found| found.code).collect()
        };
        assert_eq!(codes("runbooks/team/small.yaml"), [Code::BadTable]);
        assert_eq!(codes("steps/tell/wrong.yaml"), [Code::NoRollback, Code::UnknownName]);
        assert_eq!(codes("runbooks/nobody.yaml"), [Code::Unreadable]);
        let report = runbook(&project, "smal", folder.path()).expect_err("is not there");
        assert_eq!(report.count(Severity::Error), 1);
    }
}
