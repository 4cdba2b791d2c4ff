//! What may stand where TAB was pressed: flags and their words from what clap parses by, names from the project and the journal.
//!
//! Somebody is typing, so it only reads, starts nothing, asks nobody, says nothing about what is wrong, and keeps quiet about
//! secrets: no var that is one is offered, since `--var` refuses it. A journal of an older form is left as it is.

mod names;
mod runs;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use clap::builder::ValueHint;
use clap::{Arg, ArgMatches, Command, FromArgMatches};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, complete};

use super::args::Global;
use super::console::one_line;
use super::help;
use super::settings::Settings;

/// One word that may stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// The whole word.
    pub(super) value: String,
    /// A line about it.
    pub(super) about: String,
}

impl Offer {
    fn new(value: impl Into<String>, about: impl Into<String>) -> Offer {
        Offer { value: value.into(), about: about.into() }
    }
}

/// What was typed so far, as far as it says anything.
#[derive(Debug)]
struct Typed {
    settings: Settings,
    verb: String,
    matches: ArgMatches,
}

impl Typed {
    fn text(&self, id: &str) -> Option<&str> {
        self.matches.try_get_one::<String>(id).ok().flatten().map(String::as_str)
    }

    fn says(&self, flag: &str) -> bool {
        self.matches.try_get_one::<bool>(flag).ok().flatten().copied().unwrap_or(false)
    }

    fn texts(&self, id: &str) -> Vec<&str> {
        let all = self.matches.try_get_many::<String>(id).ok().flatten();
        all.map(|all| all.map(String::as_str).collect()).unwrap_or_default()
    }
}

/// Says what may stand for an argument, given what is there of it.
type Source = fn(&Typed, &str) -> Vec<Offer>;

/// Returns what may stand at the place of the last word, which was typed as `raw`; the first is the program.
pub(super) fn offers(words: Vec<String>, raw: &str, settings: &Settings) -> Vec<Offer> {
    let Some(at) = words.len().checked_sub(1).filter(|at| *at > 0) else { return Vec::new() };
    let current = words[at].clone();
    if is_home(value(&current)) && !raw.starts_with('~') {
        // The shell leaves it as it is, so the program would look for a folder of that name.
        return Vec::new();
    }
    let typed = Arc::new(typed(&words, settings));
    let folder = typed.settings.folder.clone();
    let mut command = with_sources(help::plain(), &typed);
    let found = complete(&mut command, words.into_iter().map(Into::into).collect(), at, Some(&folder));
    let found = found.unwrap_or_default();
    let is_flag = |one: &CompletionCandidate| one.get_value().as_encoded_bytes().starts_with(b"-");
    // Names first: who wants a flag types its dash.
    let names_only = current.is_empty() && found.iter().any(|one| !is_flag(one));
    let offer = |one: CompletionCandidate| {
        let about = one.get_help().map(ToString::to_string).unwrap_or_default();
        let about = one_line(about.lines().next().unwrap_or_default());
        Some(Offer { value: one.get_value().to_str()?.to_owned(), about })
    };
    let kept = found.into_iter().filter(|one| !names_only || !is_flag(one)).filter_map(offer);
    // What moves the cursor is nothing to show while somebody types.
    kept.filter(|offer| !offer.value.is_empty() && !offer.value.contains(char::is_control)).collect()
}

/// Returns what is the value in a word: behind the flag that it may begin with.
fn value(word: &str) -> &str {
    match (word.strip_prefix("--"), word.strip_prefix('-')) {
        (Some(long), _) => long.split_once('=').map_or("", |(_, value)| value),
        (None, Some(short)) => short.trim_start_matches(char::is_alphabetic).trim_start_matches('='),
        (None, None) => word,
    }
}

/// Says whether a path begins with the home folder, as a shell writes it.
fn is_home(value: &str) -> bool {
    value == "~" || value.starts_with("~/")
}

/// Reads what stands on the line, whatever is wrong with it.
fn typed(words: &[String], settings: &Settings) -> Typed {
    // The shell reads `~` when the line is run.
    let home = settings.environment.var("HOME").map(Path::new);
    let read = |word: &String| match (word.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.as_os_str().to_owned(),
        (Some(below), Some(home)) if below.starts_with('/') => home.join(&below[1..]).into_os_string(),
        _ => word.into(),
    };
    let words: Vec<OsString> = words.iter().map(read).collect();
    let Ok(matches) = help::plain().ignore_errors(true).try_get_matches_from(words) else {
        // Help was asked for, and then something else: what that would be about is anybody's guess.
        return Typed { settings: settings.clone(), verb: String::new(), matches: ArgMatches::default() };
    };
    let global = Global::from_arg_matches(&matches).ok();
    let here = global.and_then(|global| Settings::resolve(&global, settings.environment.clone()).ok());
    let settings = here.unwrap_or_else(|| settings.clone());
    match matches.subcommand() {
        Some((verb, of)) => Typed { settings, verb: verb.to_owned(), matches: of.clone() },
        None => Typed { settings, verb: String::new(), matches },
    }
}

/// Adds what may stand for an argument to those that name something.
fn with_sources(command: Command, typed: &Arc<Typed>) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let of_verb = |command: Command, name: String| {
        command.mut_subcommand(name.clone(), |verb| {
            verb.mut_args(|arg| match source(&name, arg.get_id().as_str()) {
                Some(source) => with_source(arg, source, typed),
                None => arg,
            })
        })
    };
    let command = names.into_iter().fold(command, of_verb);
    command.mut_args(|arg| match arg.get_id().as_str() {
        "directory" => arg.value_hint(ValueHint::DirPath),
        "store" => arg.value_hint(ValueHint::FilePath),
        "format" => with_source(arg, names::formats, typed),
        _ => arg,
    })
}

fn with_source(arg: Arg, source: Source, typed: &Arc<Typed>) -> Arg {
    let typed = Arc::clone(typed);
    arg.add(ArgValueCompleter::new(move |current: &OsStr| {
        let offers = current.to_str().map(|current| source(&typed, current)).unwrap_or_default();
        let number = |(order, offer): (usize, Offer)| {
            let about = (!offer.about.is_empty()).then(|| offer.about.into());
            CompletionCandidate::new(offer.value).help(about).display_order(Some(order))
        };
        offers.into_iter().enumerate().map(number).collect::<Vec<_>>()
    }))
}

/// Returns what may stand for an argument of a verb.
fn source(verb: &str, argument: &str) -> Option<Source> {
    Some(match (verb, argument) {
        ("show" | "docs", "name") => names::runbooks_and_templates,
        ("plan" | "exec" | "rehearse" | "graph", "name") | ("check" | "test", "what") => names::runbooks,
        ("list", "tag") => names::tags,
        ("explain", "code") => names::codes,
        ("man", "verb") => names::verbs,
        ("resume", "var") => runs::vars,
        (_, "var") => names::vars,
        (_, "run") => runs::runs,
        (
            "resume" | "rollback" | "approve" | "done" | "logs",
            "step" | "retry" | "skip" | "done" | "to" | "approve",
        ) => match argument {
            "step" | "approve" if verb != "logs" => runs::asked,
            "retry" | "skip" | "done" => runs::failed,
            _ => runs::steps,
        },
        ("approve", "answer") => runs::answers,
        (_, "approve") => names::approvals,
        (_, "only" | "from" | "fail" | "kill_at") => names::steps,
        (_, "slow") => names::steps_to_slow,
        _ => return None,
    })
}

/// Returns those that begin with what is typed.
fn beginning(offers: impl IntoIterator<Item = Offer>, typed: &str) -> Vec<Offer> {
    offers.into_iter().filter(|offer| offer.value.starts_with(typed)).collect()
}
