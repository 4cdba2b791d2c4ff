//! From the raw command line to the exit code.

use std::ffi::OsString;

use clap::{ArgMatches, ColorChoice, FromArgMatches};

use super::args::{Arguments, Verb, When};
use super::console::Console;
use super::environment::Environment;
use super::error::CliError;
use super::exit::Exit;
use super::help::Depth;
use super::settings::{Settings, colour};
use super::{bug, detach, help, logging, terminal, verbs};

/// Runs the program and returns its exit code.
pub fn start(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let environment = Environment::read();
    let detail = environment.as_ref().is_ok_and(|environment| environment.var("RUST_BACKTRACE").is_some());
    bug::install_hook(detail);
    let code = match environment {
        Ok(environment) => call(&arguments, environment),
        Err(error) => {
            let error = CliError::Folder(error);
            Console::plain().error(&error, "runbook");
            error.exit().code()
        }
    };
    terminal::restore();
    code
}

fn call(arguments: &[OsString], environment: Environment) -> u8 {
    let parsed = match parse(arguments, &environment) {
        Ok(parsed) => parsed,
        Err(error) => {
            let code = if error.use_stderr() { Exit::Mistake } else { Exit::Good };
            // Whoever closed the pipe has seen enough.
            let _ = error.print();
            return code.code();
        }
    };
    let settings = match Settings::resolve(&parsed.global, environment) {
        Ok(settings) => settings,
        Err(error) => {
            Console::plain().error(&error, "runbook");
            return error.exit().code();
        }
    };
    let console = Console::new(&settings);
    logging::install(&settings, console);
    let code = match run(parsed.verb, &settings, console) {
        Ok(exit) => exit.code(),
        Err(error) => {
            console.error(&error, &settings.program_here());
            error.exit().code()
        }
    };
    logging::end();
    code
}

fn parse(arguments: &[OsString], environment: &Environment) -> Result<Arguments, clap::Error> {
    let [_, out, err] = environment.terminals;
    let colour = match colour(asked_colour(arguments), out && err, environment).value {
        true => ColorChoice::Always,
        false => ColorChoice::Never,
    };
    let mut command = help::command(colour, depth(arguments));
    if let Some(columns) = environment.columns {
        command = command.term_width(columns.clamp(60, 100));
    }
    let matches: ArgMatches = command.try_get_matches_from_mut(arguments)?;
    Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Returns what `--color` says, before anything is parsed: a mistake in the rest must be told in the right colours.
fn asked_colour(arguments: &[OsString]) -> Option<When> {
    let mut texts = arguments.iter().filter_map(|argument| argument.to_str()).peekable();
    while let Some(text) = texts.next() {
        let value = match text.strip_prefix("--color") {
            Some("") => texts.peek().copied(),
            Some(rest) => rest.strip_prefix('='),
            None if text == "--" => return None,
            None => None,
        };
        match value {
            Some("always") => return Some(When::Always),
            Some("never") => return Some(When::Never),
            _ => {}
        }
    }
    None
}

/// Returns how much help is wanted, should any be: it is laid out before anything is parsed.
fn depth(arguments: &[OsString]) -> Depth {
    let mut before = arguments.iter().take_while(|argument| *argument != "--");
    if before.any(|argument| argument == "--help") { Depth::Long } else { Depth::Short }
}

fn run(verb: Verb, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    if let Some(format) = settings.format
        && !verb.formats().contains(&format)
    {
        let all: Vec<&str> = verb.formats().iter().map(|one| one.word()).collect();
        let message = format!("this verb does not write {}", format.word());
        return Err(CliError::usage_with(message, format!("it writes {}", all.join(", "))));
    }
    match verb {
        Verb::List(list) => verbs::list::run(&list, settings, console),
        Verb::Show(show) => verbs::show::run(&show, settings, console),
        Verb::Check(check) => verbs::check::run(&check, settings, console),
        Verb::Plan(plan) => verbs::plan::run(&plan, settings, console),
        Verb::Exec(exec) => verbs::exec::run(&exec, settings, console),
        Verb::Rehearse(rehearse) => verbs::rehearse::run(&rehearse, settings, console),
        Verb::Test(test) => verbs::test::run(&test, settings, console),
        Verb::Resume(resume) => verbs::resume::run(&resume, settings, console),
        Verb::Rollback(rollback) => verbs::rollback::run(&rollback, settings, console),
        Verb::Approve(approve) => verbs::approve::run(&approve, settings, console),
        Verb::Done(done) => verbs::done::run(&done, settings, console),
        Verb::Cancel(cancel) => verbs::cancel::run(&cancel, settings, console),
        Verb::Docs(docs) => verbs::docs::run(&docs, settings, console),
        Verb::Graph(graph) => verbs::graph::run(&graph, settings, console),
        Verb::Explain(explain) => verbs::explain::run(&explain, settings, console),
        Verb::New(new) => verbs::new::run(&new, settings, console),
        Verb::Import(of) => verbs::import::run(&of, settings, console),
        Verb::Completions(of) => verbs::completions::run(&of, console),
        Verb::Complete(of) => verbs::complete::run(&of, settings, console),
        Verb::Man(man) => verbs::man::run(&man, settings, console),
        Verb::Schema(of) => verbs::schema::run(&of, console),
        Verb::Report(report) => verbs::report::run(&report, settings, console),
        Verb::Verify(verify) => verbs::verify::run(&verify, settings, console),
        Verb::Status(status) => verbs::status::run(&status, settings, console),
        Verb::Runs(runs) => verbs::runs::run(&runs, settings, console),
        Verb::Logs(logs) => verbs::logs::run(&logs, settings, console),
        Verb::DetachedEngine => detach::run(settings),
    }
}
