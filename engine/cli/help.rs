//! The command as clap knows it, with the verbs under headings.

use clap::{ColorChoice, Command, CommandFactory, Parser};

use super::args::Arguments;
use super::exit::Exit;
use crate::docs::{CommandLine, VerbFormats};

/// The verbs under headings, in the order in which a person needs them.
const GROUPS: [(&str, &[&str]); 3] = [
    (
        "Before a run",
        &[
            "list", "show", "check", "plan", "graph", "docs", "rehearse", "test", "new", "import", "explain",
            "schema",
        ],
    ),
    ("A run", &["exec", "resume", "rollback", "approve", "done", "cancel"]),
    ("What was run", &["status", "runs", "logs", "report", "verify"]),
];

const FIRST_STEPS: &str = "\
Example:
  runbook plan pre-scale-event --var env=prod      what would be done
  runbook exec pre-scale-event --var env=prod      do it
  runbook rollback                                 undo it";

/// Returns the command.
pub(super) fn command(colour: ColorChoice) -> Command {
    let command = Arguments::command().color(colour).after_help(FIRST_STEPS);
    let styles = command.get_styles().clone();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    let widest = shown.map(|verb| verb.get_name().len()).max().unwrap_or(0);
    let mut text = String::new();
    for (heading, verbs) in GROUPS {
        text.push_str(&format!("{header}{heading}:{header:#}\n"));
        for name in verbs {
            let about = command.find_subcommand(name).and_then(Command::get_about).map(ToString::to_string);
            let about = about.unwrap_or_default();
            text.push_str(&format!("  {literal}{name}{literal:#}{:1$}  {about}\n", "", widest - name.len()));
        }
        text.push('\n');
    }
    // clap knows headings for arguments only; with `{subcommands}` all verbs would be one list.
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{text}{header}Everywhere:{header:#}\n{{options}}{{after-help}}"
    );
    command.help_template(template)
}

/// Returns what the reference tells of the command line.
pub fn command_line() -> CommandLine {
    let command = Arguments::command();
    let verbs = GROUPS.iter().flat_map(|(_, verbs)| verbs.iter().copied());
    let formats = verbs.filter_map(|verb| {
        let of = command.find_subcommand(verb)?;
        // Any value will do; a word that an argument insists on is one of its own.
        let line = |required_only: bool| {
            let wanted = of.get_positionals().filter(move |arg| !required_only || arg.is_required_set());
            let values = wanted.map(|arg| {
                let own = arg.get_possible_values().first().map(|value| value.get_name().to_owned());
                own.unwrap_or_else(|| "x".to_owned())
            });
            ["runbook".to_owned(), verb.to_owned()].into_iter().chain(values)
        };
        // A name may be wanted only where no flag says it.
        let parsed =
            Arguments::try_parse_from(line(true)).or_else(|_| Arguments::try_parse_from(line(false))).ok()?;
        let words = parsed.verb.formats().iter().map(|format| format.word()).collect();
        Some(VerbFormats { verb, words })
    });
    let formats = formats.collect();
    let groups = GROUPS.iter().map(|(heading, verbs)| (*heading, verbs.to_vec())).collect();
    let exits = Exit::ALL.iter().map(|exit| (exit.code(), exit.meaning())).collect();
    CommandLine { command, groups, formats, exits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_that_is_shown_stands_under_a_heading_and_is_told_whole() {
        let line = command_line();
        let shown: Vec<&str> = line
            .command
            .get_subcommands()
            .filter(|verb| !verb.is_hide_set())
            .map(Command::get_name)
            .collect();
        let mut grouped: Vec<&str> = line.groups.iter().flat_map(|(_, verbs)| verbs.clone()).collect();
        assert_eq!(line.formats.len(), grouped.len(), "each was parsed");
        grouped.sort_by_key(|verb| shown.iter().position(|known| known == verb));
        assert_eq!(grouped, shown);
    }
}
