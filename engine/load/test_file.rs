//! `*.test.yaml`: the tests of a runbook, beside it.
//!
//! ```yaml
//! vars: {env: staging}
//! tests:
//!   - name: a scaling that fails is undone
//!     fail: {scale: 1}
//!     expect: {status: failed, failure: {step: scale}}
//!     then:
//!       - rollback: {}
//!         expect: {status: rolled_back, state: unchanged}
//! ```
//!
//! What is read here is held against the runbook by [`check_test_steps`] and [`test_inputs`], once that is read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::context::Context;
use super::fields::{Field, Fields, fields, scalar, wrong_type};
use super::inputs::Inputs;
use super::keys::list;
use super::library::Library;
use super::node::{Key, Node, NodeKind};
use super::test_keys::{
    ANSWERS, EXPECT, FAILURE, RESUME, ROLLBACK, STANDING, TEST, TEST_FILE, THEN, VERDICT,
};
use super::{text_file, yaml};
use crate::diag::{Code, Diagnostic, Report, Severity, Sources, near};
use crate::model::{
    Answer, Answers, Doing, Expect, Failure, Faults, Input, Map, Phase, Place, Played, Runbook, StateAfter,
    Tape, Test, TestFile, Value, Verdict, parse_duration,
};
use crate::template::Engine;

/// What the names of files of tests end in: `pre-scale-event.test.yaml`.
pub const TEST_ENDING: &str = ".test.yaml";

/// What came of a file of tests.
#[derive(Debug, Default)]
pub struct LoadedTests {
    /// The tests; with errors in the report they must not be run.
    pub file: Option<TestFile>,
    /// The text of the file.
    pub text: String,
    /// The file.
    pub sources: Sources,
    /// Everything that is wrong.
    pub report: Report,
}

/// Says whether a file holds tests, by its name: `pre-scale-event.test.yaml`.
pub fn is_test(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(TEST_ENDING))
}

/// Returns the files of tests below a folder, in the order of their names.
pub fn test_files(folder: &Path) -> Vec<PathBuf> {
    text_file::below(folder, TEST_ENDING).into_iter().map(|(_, path)| path).collect()
}

/// Reads the tests in the file at `path`; `shown` is the path in messages. A file that can't be read is told in the report.
pub fn load_tests(path: &Path, shown: &str) -> LoadedTests {
    let text = match text_file::read(path, shown) {
        Ok(text) => text,
        Err(problem) => return LoadedTests { report: problem.into(), ..LoadedTests::default() },
    };
    let mut loaded = LoadedTests { text: text.clone(), ..LoadedTests::default() };
    let file = loaded.sources.add(shown, text);
    let Some(node) = yaml::parse(&loaded.sources, file, &mut loaded.report) else { return loaded };
    let (library, engine) = (Library::built_in(), Engine::new());
    let mut cx = Context::new(&mut loaded.sources, &mut loaded.report, &library, &engine);
    loaded.file = lower(&mut cx, &node, shown);
    loaded
}

/// Gathers the vars of a test: its own before those of the file before what is declared. No environment is looked into, and a
/// secret is made up: a test is the same wherever it runs. The file is added to `sources`, for the report.
pub fn test_inputs(vars: &[Input], tests: &LoadedTests, number: usize, sources: &mut Sources) -> Inputs {
    let own = sources.files().len();
    let shown = tests.sources.files().first().map(|file| file.path.clone()).unwrap_or_default();
    let file = sources.add(shown.clone(), tests.text.clone());
    let mut values: Vec<(Key, Node)> = Vec::new();
    if let Some(node) = yaml::parse(sources, file, &mut Report::new()) {
        let of_test = node.get("tests").and_then(|tests| match &tests.kind {
            NodeKind::List(tests) => tests.get(number)?.get("vars"),
            _ => None,
        });
        for vars in [of_test, node.get("vars")].into_iter().flatten() {
            let NodeKind::Map(entries) = &vars.kind else { continue };
            for (key, value) in entries {
                if !values.iter().any(|(known, _)| known.text == key.text) {
                    values.push((key.clone(), value.clone()));
                }
            }
        }
    }
    Inputs::of_values(vars, own, (shown, values), sources)
}

/// Adds to `report` what the tests name and the runbook does not have.
pub fn check_test_steps(tests: &TestFile, runbook: &Runbook, report: &mut Report) {
    // RB0131
    let ids: BTreeSet<&str> =
        runbook.steps.iter().chain(&runbook.finally).map(|step| step.id.as_str()).collect();
    let several = |id: &str| {
        ids.iter().any(|known| {
            id.strip_prefix(known).is_some_and(|rest| rest.starts_with('[') && rest.contains("]/"))
        })
    };
    for test in &tests.tests {
        for (name, place, key) in &test.named {
            let of_instance = || name.match_indices('[').map(|(at, _)| &name[..at]);
            let id = if ids.contains(name.as_str()) {
                Some(name.as_str())
            } else {
                of_instance().find(|id| ids.contains(id))
            };
            let id = id.unwrap_or_else(|| name.split('[').next().unwrap_or(name));
            if ids.contains(id) || several(name) {
                continue;
            }
            let diagnostic = Diagnostic::new(Code::TestStep, format!("{} has no step `{id}`", runbook.name));
            let diagnostic = match near(id, ids.iter().copied()) {
                Some(meant) => diagnostic.at(*place, format!("did you mean `{meant}`?")),
                None => {
                    let names = list(ids.iter().copied(), "and");
                    diagnostic.at(*place, "not one of its steps").note(format!("its steps are {names}"))
                }
            };
            report.push(diagnostic.note(format!("`{key}` names steps or their instances")));
        }
    }
}

/// Adds to `report` what the tests forbid and looks like a command of the tape that is written wrong: that none fits it says
/// nothing then.
pub fn check_forbidden(tests: &TestFile, tape: &Tape, report: &mut Report) {
    // RB0134
    let engine = Engine::new();
    let words = |text: &str| {
        let words = engine.words(text).ok()?;
        Some(Played::Run(words.into_iter().map(|(_, word)| word).collect()))
    };
    // A script is compared by its words, too.
    let command = |answer: &Answer| match &answer.to {
        Played::Shell(script) => words(script),
        run @ Played::Run(_) => Some(run.clone()),
    };
    for test in tests.tests.iter().filter(|test| !test.forbidden.is_empty()) {
        let known: Vec<Played> = test.answers.iter().chain(&tape.answers).filter_map(command).collect();
        for (pattern, place) in &test.forbidden {
            slip(&known, words(pattern), pattern, *place).into_iter().for_each(|slip| report.push(slip));
        }
    }
}

fn slip(known: &[Played], command: Option<Played>, pattern: &str, place: Place) -> Option<Diagnostic> {
    let command = command?;
    let program = command.words().first()?;
    let programs: BTreeSet<&str> =
        known.iter().filter_map(|command| command.words().first()).map(String::as_str).collect();
    let meant = near(program, programs.iter().copied());
    let is_known = programs.contains(program.as_str());
    // With `{rest...}` it is a command on purpose that the tape need not know.
    let is_slip = if is_known { !command.is_open() } else { meant.is_some() };
    if !is_slip || known.iter().any(|one| one.may_meet(&command)) {
        return None;
    }
    let label = match meant {
        Some(meant) if !is_known => format!("did you mean `{meant}`?"),
        _ => "none has these words".to_owned(),
    };
    let slip = format!("`{pattern}` fits no command that the tape knows, so forbidding it says nothing");
    Some(
        Diagnostic::new(Code::NeverFits, slip)
            .at(place, label)
            .help("write all its words, with `{name}` for any one, and `{rest...}` for all that are left"),
    )
}

/// What a test names, gathered while it is read.
type Named = Vec<(String, Place, &'static str)>;

pub(super) fn lower(cx: &mut Context<'_>, node: &Node, shown: &str) -> Option<TestFile> {
    let of = fields(cx, node, &TEST_FILE, None)?;
    let mut line = |name: &str| {
        let field = of.get(name)?;
        Some((field.line(cx)?, field.node.place))
    };
    let (runbook, tape) = (line("runbook"), line("tape"));
    map_of(cx, &of, "vars");
    let mut named = Vec::new();
    let people = people(cx, &of, &mut named);
    let scratch = commands(cx, &of, "scratch");
    let answers = super::tape::answers(cx, &of, false);
    let state = map_of(cx, &of, "state");
    let mut file = TestFile { path: shown.to_owned(), runbook, tape, answers, state, tests: Vec::new() };
    let Some(tests) = of.get("tests") else {
        let missing = Diagnostic::new(Code::MissingKey, "a test file needs `tests`").at(of.place, "");
        cx.report.push(missing.help("for example `tests: [{name: it goes, expect: {status: succeeded}}]`"));
        return Some(file);
    };
    let NodeKind::List(items) = &tests.node.kind else {
        wrong_type(cx, tests.node, Some(tests.spec), "a list of tests");
        return Some(file);
    };
    for item in items {
        // With one that is wrong none is run, so the numbers of the others don't matter.
        let before = cx.report.count(Severity::Error);
        let Some(of) = fields(cx, item, &TEST, None) else { continue };
        let mut test = test(cx, &of, before);
        test.named.extend(named.iter().cloned());
        test.scratch.clone_from(&scratch);
        for (step, answers) in &people {
            if !test.people.iter().any(|(known, _)| known == step) {
                test.people.push((step.clone(), Answers { of_file: true, ..answers.clone() }));
            }
        }
        // RB0132
        if let Some(twin) = file.tests.iter().find(|other| other.name == test.name && !test.name.is_empty()) {
            cx.report.push(
                Diagnostic::new(Code::TestTwice, format!("there are two tests `{}`", test.name))
                    .at(test.place, "the second")
                    .also(twin.place, "the first")
                    .help("a test is found by its name: say what is different"),
            );
        }
        file.tests.push(test);
    }
    if items.is_empty() {
        let none = Diagnostic::new(Code::TestsNothing, "a test file without a test").at(tests.node.place, "");
        cx.report.push(none.help("for example `tests: [{name: it goes, expect: {status: succeeded}}]`"));
    }
    Some(file)
}

/// `before` is how many errors there were before the test was read: one that is wrong is not said to be empty, too.
fn test(cx: &mut Context<'_>, of: &Fields<'_>, before: usize) -> Test {
    let mut test = Test { place: of.place, ..Test::default() };
    match of.get("name") {
        Some(field) => {
            test.place = field.node.place;
            test.name = field.line(cx).map(|name| name.trim().to_owned()).unwrap_or_default();
        }
        None => {
            let missing = Diagnostic::new(Code::MissingKey, "a test needs a `name`").at(of.place, "");
            cx.report
                .push(missing.help("say in a sentence what it shows: `name: a failed scaling is undone`"));
        }
    }
    map_of(cx, of, "vars");
    test.answers = super::tape::answers(cx, of, false);
    test.state = map_of(cx, of, "state");
    test.people = people(cx, of, &mut test.named);
    let first = Phase {
        what: Doing::Exec,
        faults: faults(cx, of, &mut test.named),
        expect: expect(cx, of, &mut test),
    };
    fails_of_itself(cx, of, &test, &first);
    test.phases.push(first);
    if let Some(then) = of.get("then") {
        match &then.node.kind {
            NodeKind::List(items) => {
                for item in items {
                    let Some(of) = fields(cx, item, &THEN, Some(then.spec)) else { continue };
                    let what = doing(cx, &of, &mut test.named);
                    let faults = faults(cx, &of, &mut test.named);
                    let expect = expect(cx, &of, &mut test);
                    let phase = Phase { what, faults, expect };
                    fails_of_itself(cx, &of, &test, &phase);
                    test.phases.push(phase);
                }
            }
            _ => wrong_type(cx, then.node, Some(then.spec), "a list"),
        }
    }
    // RB0130
    if test.phases.iter().all(|phase| phase.expect.is_empty()) && cx.report.count(Severity::Error) == before {
        cx.report.push(
            Diagnostic::new(
                Code::TestsNothing,
                format!("the test `{}` compares nothing, so it can't fail", test.name),
            )
            .at(test.place, "")
            .help("say what must come of it, as in `expect: {status: succeeded}`"),
        );
    }
    test
}

/// Warns where a run is to fail and nothing says of what. A step that is made to fail says it, and so does a `no` of the test's
/// own: the test fails when that strikes nothing, and when nobody is asked.
fn fails_of_itself(cx: &mut Context<'_>, of: &Fields<'_>, test: &Test, phase: &Phase) {
    let Expect { status, steps, failure, .. } = &phase.expect;
    let says = failure.as_ref().is_some_and(|failure| failure.step.is_some() || failure.says.is_some());
    let named = steps.iter().any(|(_, standing)| standing == "failed");
    let rejects = test.people.iter().any(|(_, said)| said.yes == Some(false));
    if status.as_deref() != Some("failed") || says || named || rejects || !phase.faults.fail.is_empty() {
        return;
    }
    let Some(expect) = of.get("expect") else { return };
    // RB0135
    cx.report.push(
        Diagnostic::new(Code::FailsOfItself, "the run is to fail, and any failure will do")
            .at(expect.node.place, "")
            .help("say which step fails, or of what: `failure: {step: scale, says: timed out}`"),
    );
}

fn doing(cx: &mut Context<'_>, of: &Fields<'_>, named: &mut Named) -> Doing {
    match (of.get("resume"), of.get("rollback")) {
        (Some(resume), None) => {
            let mut decided = Vec::new();
            if let Some(of) = fields(cx, resume.node, &RESUME, Some(resume.spec)) {
                let verdicts = [Verdict::Retry, Verdict::Done, Verdict::Skip];
                for (key, verdict) in VERDICT.iter().zip(verdicts) {
                    let steps = steps_of(cx, &of, key, named);
                    decided.extend(steps.into_iter().map(|step| (step, verdict)));
                }
            }
            Doing::Resume(decided)
        }
        (None, Some(rollback)) => {
            let of = fields(cx, rollback.node, &ROLLBACK, Some(rollback.spec));
            let to = of.and_then(|of| {
                let field = of.get("to")?;
                let step = field.line(cx)?;
                named.push((step.clone(), field.node.place, "to"));
                Some(step)
            });
            Doing::Rollback(to)
        }
        (Some(_), Some(second)) => {
            let twice =
                Diagnostic::new(Code::OneAction, "a run is taken up again, or undone: not both at once");
            cx.report.push(twice.at(second.key, "").help("make two entries of them"));
            Doing::Exec
        }
        (None, None) => {
            let none = Diagnostic::new(Code::MissingKey, "an entry of `then` needs `resume` or `rollback`");
            cx.report.push(none.at(of.place, "").help("for example `rollback: {}`"));
            Doing::Exec
        }
    }
}

fn expect(cx: &mut Context<'_>, of: &Fields<'_>, test: &mut Test) -> Expect {
    let named = &mut test.named;
    let Some(field) = of.get("expect") else { return Expect::default() };
    let Some(of) = fields(cx, field.node, &EXPECT, Some(field.spec)) else { return Expect::default() };
    let mut expect = Expect::default();
    if let Some(status) = of.get("status") {
        expect.status =
            status.word(cx).and_then(|at| super::test_keys::STATUS.get(at)).map(|word| (*word).to_owned());
    }
    if let Some(steps) = of.get("steps") {
        for (key, node) in steps.entries(cx) {
            named.push((key.text.clone(), key.place, "steps"));
            let Some(text) = scalar(cx, node) else {
                wrong_type(cx, node, None, "a word that says how the step stands");
                continue;
            };
            if !STANDING.contains(&text.src.as_str()) {
                let bad = Diagnostic::new(Code::BadValue, format!("a step can't be `{}`", text.src));
                let near = near(&text.src, STANDING.iter().copied());
                let bad =
                    bad.at(node.place, near.map_or(String::new(), |near| format!("did you mean `{near}`?")));
                cx.report.push(bad.help(format!("it is {}", list(STANDING.iter().copied(), "or"))));
            }
            expect.steps.push((key.text.clone(), text.src));
        }
    }
    expect.order = steps_of(cx, &of, "order", named);
    expect.commands = commands(cx, &of, "commands");
    let never = of.get("never").and_then(|field| field.names(cx)).unwrap_or_default();
    for (command, place) in never {
        expect.never.push(command.trim().to_owned());
        test.forbidden.push((command.trim().to_owned(), place));
    }
    if let Some(outputs) = of.get("outputs") {
        for (key, node) in outputs.entries(cx) {
            named.push((key.text.clone(), key.place, "outputs"));
            match node.value() {
                Value::Object(values) => expect.outputs.push((key.text.clone(), values)),
                _ => wrong_type(cx, node, None, "a map of outputs by name"),
            }
        }
    }
    if let Some(changed) = of.get("changed") {
        for (key, node) in changed.entries(cx) {
            named.push((key.text.clone(), key.place, "changed"));
            match scalar(cx, node) {
                Some(text) => expect.changed.push((key.text.clone(), text.src)),
                None => wrong_type(cx, node, None, "text"),
            }
        }
    }
    if let Some(failure) = of.get("failure")
        && let Some(of) = fields(cx, failure.node, &FAILURE, Some(failure.spec))
    {
        let step = of.get("step").and_then(|field| Some((field.line(cx)?, field.node.place)));
        let says = of.get("says").and_then(|field| field.line(cx));
        named.extend(step.iter().map(|(step, place)| (step.clone(), *place, "failure")));
        expect.failure = Some(Failure { step: step.map(|(step, _)| step), says });
    }
    expect.state = of.get("state").and_then(|field| match field.data() {
        Value::String(word) if word == "unchanged" => Some(StateAfter::Unchanged),
        so @ Value::Object(_) => Some(StateAfter::So(so)),
        _ => {
            wrong_type(cx, field.node, Some(field.spec), "a map of values by name, or `unchanged`");
            None
        }
    });
    expect
}

fn commands(cx: &mut Context<'_>, of: &Fields<'_>, key: &str) -> Vec<String> {
    let Some(names) = of.get(key).and_then(|field| field.names(cx)) else { return Vec::new() };
    names.into_iter().map(|(command, _)| command.trim().to_owned()).collect()
}

fn people(cx: &mut Context<'_>, of: &Fields<'_>, named: &mut Named) -> Vec<(String, Answers)> {
    let mut people = Vec::new();
    let Some(field) = of.get("people") else { return people };
    for (key, node) in field.entries(cx) {
        named.push((key.text.clone(), key.place, "people"));
        let Some(of) = fields(cx, node, &ANSWERS, Some(field.spec)) else { continue };
        let mut flag = |key: &str| of.get(key).and_then(|field| field.boolean(cx));
        let (approve, done) = (flag("approve"), flag("done"));
        let verdicts = [Verdict::Retry, Verdict::Done, Verdict::Skip];
        people.push((
            key.text.clone(),
            Answers {
                yes: approve.or(done),
                note: of.get("note").and_then(|field| field.line(cx)),
                answers: map_of(cx, &of, "answers"),
                by: commands(cx, &of, "by"),
                in_doubt: of.get("in_doubt").and_then(|field| field.word(cx)).map(|at| verdicts[at]),
                of_file: false,
            },
        ));
    }
    people
}

fn faults(cx: &mut Context<'_>, of: &Fields<'_>, named: &mut Named) -> Faults {
    let mut faults = Faults::default();
    for (key, node) in of.get("fail").map(|field| field.entries(cx).to_vec()).unwrap_or_default() {
        named.push((key.text.clone(), key.place, "fail"));
        match node.value().as_i64().filter(|exit| (1..=255).contains(exit)) {
            Some(exit) => faults.fail.push((key.text, exit as i32)),
            None => {
                let bad = Diagnostic::new(
                    Code::BadValue,
                    format!("`{}` is to fail with an exit code from 1 to 255", key.text),
                );
                cx.report.push(bad.at(node.place, "").help(format!("write `{}: 1`", key.text)));
            }
        }
    }
    for (key, node) in of.get("slow").map(|field| field.entries(cx).to_vec()).unwrap_or_default() {
        named.push((key.text.clone(), key.place, "slow"));
        match scalar(cx, &node).map(|text| parse_duration(&text.src)) {
            Some(Ok(took)) => faults.slow.push((key.text, took)),
            _ => {
                let bad = Diagnostic::new(Code::BadDuration, format!("`{}` wants a duration", key.text));
                cx.report.push(bad.at(node.place, "").help(format!("for example `{}: 10m`", key.text)));
            }
        }
    }
    faults.kill_at = steps_of(cx, of, "kill_at", named);
    faults
}

fn steps_of(cx: &mut Context<'_>, of: &Fields<'_>, key: &str, named: &mut Named) -> Vec<String> {
    let Some(field) = of.get(key) else { return Vec::new() };
    let steps: Vec<(String, Place)> = match &field.node.kind {
        NodeKind::Str(one) => vec![(one.clone(), field.node.place)],
        _ => field.names(cx).unwrap_or_default(),
    };
    named.extend(steps.iter().map(|(step, place)| (step.clone(), *place, field.spec.name)));
    steps.into_iter().map(|(step, _)| step).collect()
}

fn map_of(cx: &mut Context<'_>, of: &Fields<'_>, key: &str) -> Map {
    let Some(field) = of.get(key) else { return Map::new() };
    let field: Field<'_> = field;
    match field.data() {
        Value::Object(map) => map,
        _ => {
            wrong_type(cx, field.node, Some(field.spec), "a map of values by name");
            Map::new()
        }
    }
}
