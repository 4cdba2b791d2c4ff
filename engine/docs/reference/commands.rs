//! The page about the verbs and their flags, from what clap parses them by.

use clap::{Arg, ArgAction, Command};

use super::row;

/// What the command line is; handed in, since only `cli` knows it.
#[derive(Debug)]
pub struct CommandLine {
    /// The command with its verbs.
    pub command: Command,
    /// The headings of the verbs, in the order in which they are needed.
    pub groups: Vec<(&'static str, Vec<&'static str>)>,
    /// What there is to tell of each verb beside its flags, in the same order.
    pub verbs: Vec<VerbTold>,
    /// Each exit code with what it means.
    pub exits: Vec<(u8, &'static str)>,
}

/// What is told of a verb beside its flags.
#[derive(Debug)]
pub struct VerbTold {
    /// The verb.
    pub verb: &'static str,
    /// What `--format` may say, the word that holds when nothing is said first.
    pub formats: Vec<&'static str>,
    /// What it does, in paragraphs.
    pub about: &'static [&'static str],
    /// What for, and what to type.
    pub examples: &'static [(&'static str, &'static str)],
    /// The exit codes that mean something of their own here.
    pub exits: Vec<(u8, &'static str)>,
    /// Files of the documentation that tell more.
    pub more: &'static [&'static str],
}

const HEAD: &str = "\
# Commands

`runbook VERB --help` shows the same in the terminal, `runbook man VERB` as a manual page. Text for people and documents go to
stdout, diagnostics and progress to stderr. A run is named by any beginning of its id that no other run has.
";

/// Returns the page.
pub(super) fn page(line: &CommandLine) -> String {
    let mut text = HEAD.to_owned();
    for (heading, verbs) in &line.groups {
        text.push_str(&format!("\n**{heading}**\n\n"));
        for name in verbs {
            let about = line.command.find_subcommand(name).map(about).unwrap_or_default();
            text.push_str(&format!("- [`{name}`](#runbook-{name}): {about}\n"));
        }
    }
    text.push_str("\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n");
    for (code, meaning) in &line.exits {
        text.push_str(&row(&[&code.to_string(), meaning]));
    }
    text.push_str("\n## Everywhere\n\nThese go with every verb.\n\n");
    text.push_str(&flags(line.command.get_arguments()));
    for (_, verbs) in &line.groups {
        for name in verbs {
            if let Some(command) = line.command.find_subcommand(name) {
                text.push_str(&verb(command, line));
            }
        }
    }
    text
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn verb(command: &Command, line: &CommandLine) -> String {
    let name = command.get_name();
    let mut text = format!("\n## runbook {name}\n\n{}.\n\n", about(command));
    let usage = command.clone().bin_name(format!("runbook {name}")).render_usage().to_string();
    text.push_str(&format!("```text\n{}\n```\n\n", usage.trim_start_matches("Usage: ")));
    let (positional, named): (Vec<&Arg>, Vec<&Arg>) =
        command.get_arguments().filter(|arg| !arg.is_global_set()).partition(|arg| arg.is_positional());
    let told = flags(positional.into_iter().chain(named));
    if !told.is_empty() {
        text.push_str(&told);
        text.push('\n');
    }
    let Some(told) = line.verbs.iter().find(|told| told.verb == name) else { return text };
    let words: Vec<String> = told.formats.iter().map(|word| format!("`{word}`")).collect();
    text.push_str(&format!("`--format`: {}.\n\n", words.join(", ")));
    for paragraph in told.about {
        text.push_str(&format!("{paragraph}\n\n"));
    }
    text.push_str("```sh\n");
    for (what, command) in told.examples {
        text.push_str(&format!("# {what}\n{command}\n"));
    }
    text.push_str("```\n\n");
    if !told.exits.is_empty() {
        text.push_str("| exit code | |\n| --- | --- |\n");
        for (code, what) in &told.exits {
            text.push_str(&row(&[&code.to_string(), what]));
        }
        text.push('\n');
    }
    let links: Vec<String> = told.more.iter().map(|file| format!("[{file}]({})", from_here(file))).collect();
    if !links.is_empty() {
        text.push_str(&format!("See {}.\n", links.join(", ")));
    }
    text.trim_end().to_owned() + "\n"
}

/// Returns a table of arguments.
fn flags<'a>(arguments: impl IntoIterator<Item = &'a Arg>) -> String {
    let mut text = String::new();
    for arg in arguments {
        if arg.is_hide_set()
            || matches!(arg.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::Version)
        {
            continue;
        }
        if text.is_empty() {
            text.push_str("| | |\n| --- | --- |\n");
        }
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        text.push_str(&row(&[&written(arg), &help]));
    }
    text
}

/// Returns how an argument is written: `-C, --directory DIR`.
fn written(arg: &Arg) -> String {
    let value = arg.get_value_names().map(|names| names.join(" ")).unwrap_or_default();
    let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let shown = match (arg.get_short(), arg.get_long()) {
        (None, None) => value,
        (short, long) => {
            let names: Vec<String> = short
                .map(|short| format!("-{short}"))
                .into_iter()
                .chain(long.map(|long| format!("--{long}")))
                .collect();
            names.join(", ") + &if takes { format!(" {value}") } else { String::new() }
        }
    };
    format!("`{shown}`")
}

/// Returns the way from the page to a file of the documentation.
fn from_here(file: &str) -> String {
    match file.strip_prefix("docs/") {
        Some(below) => below.strip_prefix("reference/").map_or_else(|| format!("../{below}"), str::to_owned),
        None => format!("../../{file}"),
    }
}
