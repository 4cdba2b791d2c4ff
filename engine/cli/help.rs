//! The command as clap knows it, with the verbs under headings.

use clap::{ColorChoice, Command, CommandFactory};

use super::args::Arguments;

/// The verbs under headings, in the order in which a person needs them.
const GROUPS: [(&str, &[&str]); 3] = [
    ("Before a run", &["list", "show", "check", "plan", "graph", "new", "explain", "schema"]),
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
