//! Tapes: files that answer in place of commands, for rehearsals and tests.
//!
//! ```yaml
//! tape: 1
//! state: {replicas: {api: 3}}
//! answers:
//!   - run: kubectl get deployment {name} -o json
//!     stdout: {spec: {replicas: "{{ state.replicas[name] }}"}}
//!   - run: kubectl scale deployment {name} --replicas={n}
//!     set: {"replicas.{name}": n | int}
//!     took: 2s
//! ```
//!
//! What an answer reads: `state`, the names in braces of its command, `stdin`, and `now`, the seconds since the rehearsal began.
//! What was recorded says `plain: true` and is taken as it stands.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command::told;
use super::context::Context;
use super::fields::{Field, Fields, fields, scalar, tree, wrong_type};
use super::keys::{Form, Spec, Table, list};
use super::library::Library;
use super::node::{Node, NodeKind};
use super::project::{has_runbook_key, is_there};
use super::{text_file, yaml};
use crate::diag::{Code, Diagnostic, Report, Sources, near};
use crate::model::{Answer, Map, Place, Played, Tape, Text, Tree, Value, parse_duration};
use crate::template::{Engine, Fault, Uses};

/// The ending of a tape's file beside a runbook: `pre-scale-event.tape.yaml`.
pub const TAPE_ENDING: &str = "tape.yaml";

/// The name of the tape that the runbooks of a folder share.
const SHARED: &str = "platform.tape.yaml";

/// The version of the form that is read.
const VERSION: u64 = 1;

/// The keys of a tape.
pub static TAPE: Table = Table {
    what: "a tape",
    groups: &[&[
        Spec {
            name: "tape",
            form: Form::Count,
            example: "tape: 1",
            doc: "The version of its form, which is 1.",
        },
        Spec {
            name: "about",
            form: Form::Line,
            example: "about: A cluster with room for ten more pods.",
            doc: "What it plays, for whoever rehearses.",
        },
        Spec {
            name: "plain",
            form: Form::Bool,
            example: "plain: true",
            doc: "Whether it is taken as it stands, without templates and names in braces: `exec --record` writes that. `•••` in a command, where something was masked, fits any text.",
        },
        Spec {
            name: "state",
            form: Form::Data,
            example: "state: {replicas: {api: 3}}",
            doc: "What answers read and change, as it is at the beginning.",
        },
        Spec {
            name: "answers",
            form: Form::Maps(&ANSWER),
            example: "answers: [{run: kubectl get nodes, stdout: node-1}]",
            doc: "The answers. The first that fits is given; of several to one command each is given once, the last again and again.",
        },
    ]],
};

/// The keys of an answer.
pub static ANSWER: Table = Table {
    what: "an answer",
    groups: &[&[
        Spec {
            name: "run",
            form: Form::Command,
            example: "run: kubectl get deployment {name} -o json",
            doc: "The command that it answers, as the engine would run it. `{name}` takes a word or a part of one, `{name...}` all that are left.",
        },
        Spec {
            name: "shell",
            form: Form::Line,
            example: "shell: echo {words} | wc -l",
            doc: "The script that it answers, as the engine would run it.",
        },
        Spec {
            name: "stdin",
            form: Form::Line,
            example: "stdin: '{patch}'",
            doc: "What the command must read; anything when absent.",
        },
        Spec {
            name: "when",
            form: Form::Expr,
            example: "when: state.replicas[name] > 0",
            doc: "Must hold, or the next answer that fits is given.",
        },
        Spec {
            name: "stdout",
            form: Form::Values,
            example: "stdout: \"replicas: {{ state.replicas[name] }}\"",
            doc: "What it prints. A list or a map is printed as JSON.",
        },
        Spec {
            name: "stderr",
            form: Form::Text,
            example: "stderr: \"Error: {{ name }} not found\"",
            doc: "What it prints on stderr.",
        },
        Spec { name: "exit", form: Form::Number, example: "exit: 1", doc: "Its exit code; 0 when absent." },
        Spec {
            name: "took",
            form: Form::Duration,
            example: "took: 3s",
            doc: "How long it takes. A rehearsal does not wait that long: it is the time of the rehearsal.",
        },
        Spec {
            name: "set",
            form: Form::Exprs,
            example: "set: {\"replicas.{name}\": n | int}",
            doc: "How the state is afterwards: paths in it, with names of the command in braces, and expressions.",
        },
    ]],
};

/// What came of a tape's file.
#[derive(Debug, Default)]
pub struct LoadedTape {
    /// The tape; with errors in the report it must not be played.
    pub tape: Option<Tape>,
    /// The file.
    pub sources: Sources,
    /// Everything that is wrong.
    pub report: Report,
}

/// Reads the tape at `path`; `shown` is the path in messages. A file that can't be read is told in the report.
pub fn load_tape(path: &Path, shown: &str) -> LoadedTape {
    match text_file::read(path, shown) {
        Ok(text) => load_tape_text(text, shown),
        Err(problem) => LoadedTape { report: problem.into(), ..LoadedTape::default() },
    }
}

/// Reads `text` as [`load_tape`] reads a file.
pub fn load_tape_text(text: impl Into<String>, shown: &str) -> LoadedTape {
    let mut loaded = LoadedTape::default();
    let file = loaded.sources.add(shown, text);
    let Some(node) = yaml::parse(&loaded.sources, file, &mut loaded.report) else { return loaded };
    let (library, engine) = (Library::built_in(), Engine::new());
    let mut cx = Context::new(&mut loaded.sources, &mut loaded.report, &library, &engine);
    loaded.tape = lower(&mut cx, &node, shown);
    loaded
}

/// Says whether a file is a tape, by its name: `pre-scale-event.tape.yaml`.
pub fn is_tape(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.ends_with(&format!(".{TAPE_ENDING}")))
}

/// Returns the tape of the runbook at `path` when nobody names one: its own, else the one that the runbooks of its folder
/// share. Nothing when there is neither. What is there and can't be read is told when it is: another tape in its place would
/// answer as if it were meant. The tape of a runbook `platform` is that runbook's alone.
pub fn tape_of(path: &Path) -> Option<PathBuf> {
    let (own, shared) = (path.with_extension(TAPE_ENDING), path.with_file_name(SHARED));
    let platform = path.with_file_name(SHARED.replace(TAPE_ENDING, "yaml"));
    let is_runbook = || platform.is_file() && has_runbook_key(&platform).unwrap_or(false);
    if is_there(&own) {
        return Some(own);
    }
    (is_there(&shared) && !is_runbook()).then_some(shared)
}

pub(super) fn lower(cx: &mut Context<'_>, node: &Node, shown: &str) -> Option<Tape> {
    let of = fields(cx, node, &TAPE, None)?;
    version(cx, &of);
    // For people, who would be shown what is no text.
    let _ = of.get("about").and_then(|field| field.line(cx));
    let plain = of.get("plain").and_then(|field| field.boolean(cx)).unwrap_or(false);
    let state = of.get("state").map(|field| state(cx, field)).unwrap_or_default();
    let answers = answers(cx, &of, plain);
    if of.get("answers").is_none() {
        cx.report.push(
            Diagnostic::new(Code::MissingKey, "a tape needs `answers`")
                .at(of.place, "")
                .help("for example `answers: [{run: kubectl get nodes, stdout: node-1}]`"),
        );
    }
    Some(Tape { path: shown.to_owned(), plain, state, answers })
}

/// Returns the answers of a tape, or of a test, in their order.
pub(super) fn answers(cx: &mut Context<'_>, of: &Fields<'_>, plain: bool) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut places = Vec::new();
    let Some(field) = of.get("answers") else { return answers };
    let NodeKind::List(items) = &field.node.kind else {
        wrong_type(cx, field.node, Some(field.spec), "a list of answers");
        return answers;
    };
    for item in items {
        let Some(of) = fields(cx, item, &ANSWER, None) else { continue };
        if let Some(answer) = answer(cx, &of, plain) {
            places.push(of.place);
            answers.push(answer);
        }
    }
    in_turn(&mut answers);
    never_played(cx, &answers, &places, plain);
    answers
}

fn version(cx: &mut Context<'_>, of: &Fields<'_>) {
    let Some(field) = of.get("tape") else {
        let missing = Diagnostic::new(Code::MissingKey, "a tape begins with `tape`").at(of.place, "");
        return cx.report.push(missing.help("write `tape: 1` on its first line"));
    };
    if field.count(cx).is_some_and(|version| u64::from(version) != VERSION) {
        let known = format!("this version of the program reads tapes of the form {VERSION}");
        cx.report.push(Diagnostic::new(Code::BadValue, known).at(field.node.place, "write `tape: 1`"));
    }
}

fn state(cx: &mut Context<'_>, field: Field<'_>) -> Map {
    match field.data() {
        Value::Object(state) => state,
        _ => {
            wrong_type(cx, field.node, Some(field.spec), "a map of values by name");
            Map::new()
        }
    }
}

fn answer(cx: &mut Context<'_>, of: &Fields<'_>, plain: bool) -> Option<Answer> {
    let to = played(cx, of, plain);
    let stdin = of.get("stdin").and_then(|field| field.line(cx));
    let mut names = Vec::new();
    if !plain {
        names = to.as_ref().map(Played::names).unwrap_or_default();
        names.extend(stdin.iter().flat_map(|text| Played::Shell(text.clone()).names()));
    }
    names.extend(["state", "now", "stdin"].map(str::to_owned));
    // Without its command it is not known which names there are.
    let names = to.is_some().then_some(names);
    let names = names.as_deref();
    let when = of.get("when").and_then(|field| field.expr(cx)).map(|when| {
        let uses = cx.engine.check_expr(&when.0.src);
        checked(cx, &when.0, uses, names);
        when.0.src
    });
    let printed = |cx: &mut Context<'_>, name: &str| {
        let field = of.get(name)?;
        let printed = match &field.node.kind {
            NodeKind::List(_) | NodeKind::Map(_) if name == "stdout" => tree(field.node),
            _ => Tree::Text(field.text(cx)?),
        };
        if !plain {
            let mut texts = Vec::new();
            printed.texts(&mut |text| texts.push(text.clone()));
            for text in texts.iter().filter(|text| !text.is_literal()) {
                let uses = cx.engine.check_text(&text.src);
                checked(cx, text, uses, names);
            }
        }
        Some(printed)
    };
    let stdout = printed(cx, "stdout");
    let stderr = printed(cx, "stderr");
    let exit = of.get("exit").and_then(|field| field.number(cx, 0.0, 255.0)).unwrap_or(0.0);
    let took = of.get("took").and_then(|field| field.duration(cx));
    let took = took.map(|text| {
        parse_duration(&text.src).unwrap_or_else(|_| {
            let bad =
                Diagnostic::new(Code::BadDuration, "`took` is the same every time: no template stands in it");
            cx.report.push(bad.at(text.at, "").help("for example `took: 3s`"));
            Duration::ZERO
        })
    });
    let took = took.unwrap_or_default();
    let set = of.get("set").map(|field| set(cx, field, names)).unwrap_or_default();
    let line = cx.sources.start(of.place).line as u32;
    let stderr = match stderr {
        Some(Tree::Text(text)) => text.src,
        _ => String::new(),
    };
    Some(Answer {
        file: String::new(),
        line,
        to: to?,
        stdin,
        when,
        stdout,
        stderr,
        exit: exit as i32,
        took,
        set,
        once: false,
    })
}

fn played(cx: &mut Context<'_>, of: &Fields<'_>, plain: bool) -> Option<Played> {
    let (played, field) = match (of.get("run"), of.get("shell")) {
        (Some(run), None) => (Played::Run(words(cx, run)?), run),
        (None, Some(shell)) => (Played::Shell(shell.line(cx)?), shell),
        (Some(_), Some(shell)) => {
            let twice = Diagnostic::new(Code::OneAction, "an answer has both `run` and `shell`");
            cx.report.push(twice.at(shell.key, "a second command").help("make two answers of them"));
            return None;
        }
        (None, None) => {
            let none = Diagnostic::new(Code::MissingKey, "an answer needs `run` or `shell`").at(of.place, "");
            cx.report.push(none.help("for example `run: kubectl get nodes -o json`"));
            return None;
        }
    };
    // RB0120
    if played.words().iter().all(|word| word.trim().is_empty()) {
        let empty = Diagnostic::new(Code::TapeCommand, "an answer to no command").at(field.node.place, "");
        cx.report.push(empty.help("write the command that it answers"));
    } else if !plain && played.has_misplaced_rest() {
        cx.report.push(
            Diagnostic::new(Code::TapeCommand, "`{name...}` takes all the words that are left")
                .at(field.node.place, "it stands last, and alone in its word")
                .help("`{name}` takes one word, or a part of one"),
        );
    }
    Some(played)
}

fn words(cx: &mut Context<'_>, field: Field<'_>) -> Option<Vec<String>> {
    if let NodeKind::List(items) = &field.node.kind {
        let mut words = Vec::with_capacity(items.len());
        // As in a command a null is left out.
        for item in items.iter().filter(|item| !matches!(item.kind, NodeKind::Null)) {
            match scalar(cx, item) {
                Some(text) => words.push(text.src),
                None => wrong_type(cx, item, Some(field.spec), "texts as its words"),
            }
        }
        return Some(words);
    }
    let text = field.text(cx)?;
    match cx.engine.words(&text.src) {
        Ok(words) => Some(words.into_iter().map(|(_, word)| word).collect()),
        Err(fault) => {
            told(cx, &text, &fault, Code::BadCommand);
            None
        }
    }
}

fn set(cx: &mut Context<'_>, field: Field<'_>, names: Option<&[String]>) -> Vec<(String, String)> {
    let mut set = Vec::new();
    for (key, node) in field.entries(cx) {
        for name in Played::Shell(key.text.clone()).names() {
            if let Some(names) = names
                && !names.contains(&name)
            {
                cx.report.push(unknown(&name, key.place, names));
            }
        }
        let Some(text) = scalar(cx, node) else {
            wrong_type(cx, node, Some(field.spec), "an expression");
            continue;
        };
        let uses = cx.engine.check_expr(&text.src);
        checked(cx, &text, uses, names);
        set.push((key.text.clone(), text.src));
    }
    set
}

// RB0301, RB0302
fn checked(cx: &mut Context<'_>, text: &Text, uses: Result<Uses, Fault>, names: Option<&[String]>) {
    let uses = match uses {
        Ok(uses) => uses,
        Err(fault) => return told(cx, text, &fault, Code::TemplateSyntax),
    };
    let Some(names) = names else { return };
    for path in uses.paths {
        let Some(root) = path.path.first().filter(|root| !names.contains(root)) else { continue };
        let diagnostic = unknown(root, cx.sources.within(text, path.span.clone()), names);
        cx.report.push(diagnostic);
    }
}

fn unknown(name: &str, place: Place, names: &[String]) -> Diagnostic {
    let known = || names.iter().map(String::as_str);
    let diagnostic = Diagnostic::new(Code::UnknownName, format!("`{name}` is not known here"));
    let diagnostic = match near(name, known()) {
        Some(meant) => diagnostic.at(place, format!("did you mean `{meant}`?")),
        None => diagnostic.at(place, ""),
    };
    diagnostic.note(format!("an answer knows {}", list(known(), "and")))
}

/// Of several answers to the same, each but the last is given once.
fn in_turn(answers: &mut [Answer]) {
    // From the last one, and by what they answer: a recorded tape may hold a hundred thousand.
    let mut later = BTreeSet::new();
    for one in answers.iter_mut().rev() {
        let is_script = matches!(one.to, Played::Shell(_));
        let Answer { to, stdin, when, once, .. } = one;
        *once = !later.insert((is_script, to.words(), stdin.as_deref(), when.as_deref()));
    }
}

// RB0121
fn never_played(cx: &mut Context<'_>, answers: &[Answer], places: &[Place], plain: bool) {
    if plain {
        return;
    }
    let always =
        |answer: &&(usize, &Answer)| !answer.1.once && answer.1.when.is_none() && answer.1.stdin.is_none();
    let numbered: Vec<(usize, &Answer)> = answers.iter().enumerate().collect();
    let first: Vec<&(usize, &Answer)> = numbered.iter().filter(always).collect();
    for (at, answer) in &numbered {
        let hides = |(before, general): &&&(usize, &Answer)| {
            before < at && general.to.takes(&answer.to, plain).is_some()
        };
        if let Some((before, _)) = first.iter().find(hides) {
            cx.report.push(
                Diagnostic::new(Code::NeverPlayed, "this answer is never given")
                    .at(places[*at], "")
                    .also(places[*before], "this one fits whatever it would")
                    .help("put the one that fits less first, or give it a `when`"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(text: &str) -> (Option<Tape>, Vec<String>) {
        let loaded = load_tape_text(text, "t.tape.yaml");
        (loaded.tape, loaded.report.iter().map(|one| format!("{} {}", one.code, one.message)).collect())
    }

    #[test]
    fn a_tape_is_read_with_its_order() {
        let (tape, said) = loaded(
            "tape: 1\nstate: {n: 1}\nanswers:\n  - run: a {x}\n    stdout: '{{ state.n }}'\n    set: {'by.{x}': state.n + 1}\n  - {run: b, exit: 3, took: 2s}\n  - {run: b}\n",
        );
        assert_eq!(said, Vec::<String>::new());
        let tape = tape.unwrap();
        assert_eq!(tape.answers.iter().map(|one| one.once).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!((tape.answers[1].exit, tape.answers[1].line), (3, 7));
    }

    #[test]
    fn what_is_wrong_is_told_with_a_code() {
        for (text, code) in [
            ("answers: []", "RB0103"),
            ("tape: 2\nanswers: []", "RB0105"),
            ("tape: 1\nanswers: [{stdout: x}]", "RB0103"),
            ("tape: 1\nanswers: [{run: a, shell: b}]", "RB0106"),
            ("tape: 1\nanswers: [{run: 'a {b...} c'}]", "RB0120"),
            ("tape: 1\nanswers: [{run: 'a {b}', stdout: '{{ c }}'}]", "RB0302"),
            ("tape: 1\nanswers: [{run: 'a {b}', when: b ==}]", "RB0301"),
            ("tape: 1\nanswers: [{run: 'a {b}'}, {run: a c}]", "RB0121"),
            ("tape: 1\nanswers: [{run: a, tok: 1s}]", "RB0101"),
            ("tape: 1\nanswers: [{run: a, took: '{{ now }}'}]", "RB0104"),
        ] {
            let (_, said) = loaded(text);
            assert!(said.len() == 1 && said[0].starts_with(code), "{text}: {said:?}");
        }
    }
}
