//! The manual pages: of the program and of each verb, from what the help and the reference are made of.
//!
//! No page has a date: made again tomorrow it is to be the same.

use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use crate::docs::{CommandLine, VerbTold};

/// The variables that the program hears, with the verbs that they are about; none for all of them.
const ENVIRONMENT: &[(&str, &str, &[&str])] = &[
    (
        "RUNBOOK_VAR_NAME",
        "The value of the var NAME, in upper case, where --var and --vars-file give none. The way for secrets, which --var refuses.",
        &["plan", "exec", "rehearse", "docs"],
    ),
    ("RUNBOOK_STORE", "The journal, where --store names none: a path, or sqlite:PATH.", &[]),
    (
        "XDG_STATE_HOME",
        "Where the journal is otherwise, in runbook/journal.db; ~/.local/state when it is not set.",
        &[],
    ),
    (
        "LOGNAME, USER",
        "Who is recorded as the one who typed: asserted, not proven.",
        &["exec", "resume", "rollback", "approve", "done", "cancel"],
    ),
    ("NO_COLOR, CLICOLOR_FORCE", "No colours, or colours in a pipe, too. --color decides before them.", &[]),
    ("RUNBOOK_LOG", "What the program writes to its log, as a filter such as runbook=debug.", &[]),
    ("RUNBOOK_BELL", "no keeps the terminal's bell quiet when a person is asked.", &[]),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT and other OTEL_*, TRACEPARENT",
        "Where spans of a run are sent, and how; without an endpoint none are. docs/json.md has the list.",
        &["exec", "resume", "rollback"],
    ),
];

/// The files that the program reads and writes, with the verbs that they are about; none for all of them.
const FILES: &[(&str, &str, &[&str])] = &[
    ("runbooks/", "The runbooks of the project: the nearest folder upwards that has one is its root.", &[]),
    ("steps/", "The step templates of the project, beside those that the program has.", &[]),
    (
        "runbooks/catalog.yaml",
        "The folder in which a bare name is looked for, and the hooks of every runbook.",
        &[],
    ),
    (
        "runbooks/people.yaml",
        "Who may answer an approval: people, and groups of them.",
        &["exec", "approve", "check"],
    ),
    (
        "NAME.tape.yaml, NAME.test.yaml",
        "What commands answer in a rehearsal, and the tests of a runbook.",
        &["rehearse", "test"],
    ),
    (
        "$XDG_STATE_HOME/runbook/journal.db",
        "The journal of the runs, readable by its owner only; beside it, what the commands printed, and rehearsals.db.",
        &[],
    ),
    (
        "$XDG_STATE_HOME/runbook/log/RUN.log",
        "What the program did in a run, with -v or RUNBOOK_LOG; runbook.log for what is of no run.",
        &[],
    ),
];

/// What each page says in its first line, so that pages of other programs are told apart.
pub(super) const MARK: &str = "Runbook Manual";

/// Returns every page by its name: `runbook.1`, `runbook-exec.1`, ….
///
/// # Errors
///
/// When the text can't be written, which is written to memory.
pub(super) fn pages(line: &CommandLine) -> io::Result<Vec<(String, String)>> {
    let names = [None].into_iter().chain(line.verbs.iter().map(|told| Some(told.verb)));
    names.map(|verb| Ok((file(verb), page(line, verb)?))).collect()
}

fn file(verb: Option<&str>) -> String {
    format!("{}.1", name(verb))
}

fn name(verb: Option<&str>) -> String {
    verb.map_or_else(|| "runbook".to_owned(), |verb| format!("runbook-{verb}"))
}

/// Returns the page about a verb, or about the program, in roff.
///
/// # Errors
///
/// As [`pages`].
pub(super) fn page(line: &CommandLine, verb: Option<&str>) -> io::Result<String> {
    let mut command = line.command.clone();
    // Names such as `runbook-exec` are given by it.
    command.build();
    let told = verb.and_then(|verb| line.verbs.iter().find(|told| told.verb == verb));
    let of = verb.and_then(|verb| command.find_subcommand(verb)).unwrap_or(&command).clone();
    let man = Man::new(of.clone());
    // Written out: the library leaves an empty date out altogether, and what follows would be taken for it.
    let (title, version) = (name(verb).to_uppercase(), env!("CARGO_PKG_VERSION"));
    let mut out = format!(".TH {title} 1 \"\" \"runbook {version}\" \"{MARK}\"\n").into_bytes();
    man.render_name_section(&mut out)?;
    let usage = of.clone().render_usage().to_string();
    let mut roff = Roff::new();
    // The library would name every flag here, those of all verbs first.
    roff.control("SH", ["SYNOPSIS"]).text([bold(usage.trim_start_matches("Usage: "))]);
    roff.to_writer(&mut out)?;
    match told {
        Some(told) => of_verb(told, &man, &mut out)?,
        None => of_program(line, &man, &mut out)?,
    }
    let is_meant = |verbs: &[&str]| verb.is_none_or(|verb| verbs.is_empty() || verbs.contains(&verb));
    let mut roff = Roff::new();
    for (heading, entries) in [("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)] {
        roff.control("SH", [heading]);
        for (what, about, verbs) in entries {
            if is_meant(verbs) {
                roff.control("TP", []).text([bold(*what)]).text([roman(*about)]);
            }
        }
    }
    see_also(line, verb, told, &mut roff);
    roff.to_writer(&mut out)?;
    // By number: what troff takes a byte beyond ASCII for depends on who calls it.
    let escaped = |c: char| if c.is_ascii() { c.to_string() } else { format!("\\[u{:04X}]", u32::from(c)) };
    Ok(String::from_utf8(out).map_err(io::Error::other)?.chars().map(escaped).collect())
}

fn of_verb(told: &VerbTold, man: &Man, out: &mut dyn Write) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", ["DESCRIPTION"]);
    for (at, paragraph) in told.about.iter().enumerate() {
        if at > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(*paragraph)]);
    }
    roff.to_writer(out)?;
    man.render_options_section(out)?;
    let mut roff = Roff::new();
    examples(told.examples, &mut roff);
    if !told.exits.is_empty() {
        roff.control("SH", ["EXIT STATUS"]);
        exits(&told.exits, &mut roff);
    }
    roff.to_writer(out)
}

fn of_program(line: &CommandLine, man: &Man, out: &mut dyn Write) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([roman(
        "A runbook is a file of steps: commands, with what must hold before and after each, and how each is undone. Every \
         step is written to a journal before and after it runs, so a run that was stopped, or whose machine died, goes on \
         where it ended, and can be undone.",
    )]);
    for (heading, verbs) in &line.groups {
        roff.control("SS", [*heading]);
        for verb in verbs {
            let about = line.command.find_subcommand(verb).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            roff.control("TP", []).text([bold(format!("runbook-{verb}")), roman("(1)")]).text([roman(about)]);
        }
    }
    roff.to_writer(out)?;
    man.render_options_section(out)?;
    let mut roff = Roff::new();
    let first_steps = [
        ("what would be done", "runbook plan pre-scale-event --var env=prod"),
        ("do it", "runbook exec pre-scale-event --var env=prod"),
        ("undo it", "runbook rollback"),
    ];
    examples(&first_steps, &mut roff);
    roff.control("SH", ["EXIT STATUS"]);
    exits(&line.exits, &mut roff);
    roff.to_writer(out)
}

fn examples(examples: &[(&str, &str)], roff: &mut Roff) {
    roff.control("SH", ["EXAMPLES"]);
    for (at, (what, command)) in examples.iter().enumerate() {
        if at > 0 {
            roff.control("PP", []);
        }
        let mut first = what.chars();
        let what =
            first.next().map(|c| c.to_uppercase().chain(first).collect::<String>()).unwrap_or_default();
        roff.text([roman(format!("{what}:"))]);
        roff.control("PP", []).control("RS", ["4"]).control("nf", []);
        roff.text([bold(*command)]);
        roff.control("fi", []).control("RE", []);
    }
}

fn exits(exits: &[(u8, &str)], roff: &mut Roff) {
    for (code, what) in exits {
        roff.control("TP", ["6"]).text([bold(code.to_string())]).text([roman(*what)]);
    }
}

fn see_also(line: &CommandLine, verb: Option<&str>, told: Option<&VerbTold>, roff: &mut Roff) {
    roff.control("SH", ["SEE ALSO"]);
    // Those that stand under the same heading are what somebody may have meant; the program's page has named all of them.
    let group = line.groups.iter().find(|(_, verbs)| verb.is_some_and(|verb| verbs.contains(&verb)));
    let others = group.map(|(_, verbs)| verbs.as_slice()).unwrap_or_default();
    let others = others.iter().filter(|other| Some(**other) != verb).map(|other| Some(*other));
    let pages: Vec<Option<&str>> = verb.map(|_| None).into_iter().chain(others).collect();
    let mut text: Vec<Inline> = Vec::new();
    for (at, page) in pages.iter().enumerate() {
        let end = if at + 1 == pages.len() { "(1)" } else { "(1), " };
        text.extend([bold(name(*page)), roman(end)]);
    }
    if !text.is_empty() {
        roff.text(text).control("PP", []);
    }
    let mut files = vec![italic("docs/reference/commands.md")];
    for file in told.map_or(&["docs/tutorial.md", "docs/reference/language.md"][..], |told| told.more) {
        files.extend([roman(", "), italic(*file)]);
    }
    roff.text(files);
}
