//! The command as clap knows it, with the verbs under headings, and its help: short with `-h`, long with `--help`.
//!
//! clap would set the long help with a blank line after every flag, two screens for `exec`, and the short one no shorter than
//! what there is of flags. So both are laid out here, each as clap's only one: which is wanted is known before anything is
//! parsed. What they say is [`told`] and the comments in [`args`](super::args).

mod told;

use clap::builder::{Resettable, StyledStr};
use clap::{Arg, ArgAction, ColorChoice, Command, CommandFactory, Parser};

use self::told::{TOLD, Told};
use super::args::Arguments;
use super::exit::Exit;
use crate::docs::{CommandLine, VerbTold};

/// The verbs under headings, in the order in which a person needs them.
const GROUPS: [(&str, &[&str]); 3] = [
    (
        "Before a run",
        &[
            "list",
            "show",
            "check",
            "plan",
            "graph",
            "docs",
            "rehearse",
            "test",
            "new",
            "import",
            "explain",
            "schema",
            "completions",
            "man",
        ],
    ),
    ("A run", &["exec", "resume", "rollback", "approve", "done", "cancel"]),
    ("What was run", &["status", "runs", "logs", "report", "verify"]),
];

const FIRST_STEPS: &str = "  runbook plan pre-scale-event --var env=prod      what would be done
  runbook exec pre-scale-event --var env=prod      do it
  runbook rollback                                 undo it";

const EVERYWHERE: &str = "Everywhere";

/// How much help is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// What fits a small terminal: a line a flag, one example.
    Short,
    /// All of it.
    Long,
}

/// Returns the command.
pub(super) fn command(colour: ColorChoice, depth: Depth) -> Command {
    let mut command = base(depth).color(colour);
    for told in TOLD {
        command = command.mut_subcommand(told.verb, |verb| match depth {
            Depth::Short => {
                let template = short_of_verb(&verb, told);
                verb.help_template(template)
            }
            Depth::Long => {
                let about =
                    [about(&verb)].into_iter().chain(told.about.iter().map(|text| (*text).to_owned()));
                let about = about.collect::<Vec<_>>().join("\n\n");
                let after = long_of_verb(&verb, told);
                verb.about(about).after_help(after)
            }
        });
    }
    let template = match depth {
        Depth::Short => short(&command),
        Depth::Long => long(&command),
    };
    command.help_template(template)
}

/// Returns the command with the flag that asks for help, and with one help for each argument.
fn base(depth: Depth) -> Command {
    let with_help = |command: Command| {
        let help = Arg::new("help").short('h').long("help").action(ArgAction::Help);
        let help = help.help("Tell what to type: -h in short, --help all").help_heading(EVERYWHERE);
        command.disable_help_flag(true).arg(help).mut_args(|arg| told_once(arg, depth))
    };
    let command = with_help(Arguments::command());
    TOLD.iter().fold(command, |command, told| command.mut_subcommand(told.verb, with_help))
}

/// Returns the command with every flag as it is defined, for what offers them while somebody types.
pub(super) fn plain() -> Command {
    let help = || {
        let help = Arg::new("help").short('h').long("help").action(ArgAction::Help);
        help.help("Tell what to type: -h in short, --help all")
    };
    let command = Arguments::command().disable_help_flag(true).arg(help());
    TOLD.iter().fold(command, |command, told| {
        command.mut_subcommand(told.verb, |verb| verb.disable_help_flag(true).arg(help()))
    })
}

/// Returns an argument with one help, since clap takes another layout where there are two.
fn told_once(arg: Arg, depth: Depth) -> Arg {
    let long = arg.get_long_help().map(ToString::to_string).filter(|_| depth == Depth::Long);
    let arg = match long {
        Some(long) => arg.help(long.replace("\n\n", ". ")),
        None => arg,
    };
    let hidden = arg.is_hide_set() || (depth == Depth::Short && arg.is_hide_short_help_set());
    arg.long_help(Resettable::<StyledStr>::Reset).hide_short_help(false).hide(hidden)
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// Returns the program's help in short: every verb by its name, and what is typed most.
fn short(command: &Command) -> String {
    let styles = command.get_styles();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n\n".to_owned();
    for (heading, verbs) in GROUPS {
        text.push_str(&format!("{header}{heading}:{header:#}\n"));
        for line in verbs.chunks(8) {
            let names: Vec<String> = line.iter().map(|name| format!("{literal}{name}{literal:#}")).collect();
            text.push_str(&format!("  {}\n", names.join("  ")));
        }
    }
    text.push_str(&flags(command));
    text.push_str(&format!(
        "\n{}\nMore: {literal}runbook --help{literal:#}, what each verb does; {literal}runbook VERB -h{literal:#}, its flags",
        first_steps(command)
    ));
    text
}

/// Returns the program's help: every verb with what it does.
fn long(command: &Command) -> String {
    let styles = command.get_styles();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let widest = GROUPS.iter().flat_map(|(_, verbs)| verbs.iter()).map(|verb| verb.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (heading, verbs) in GROUPS {
        text.push_str(&format!("{header}{heading}:{header:#}\n"));
        for name in verbs {
            // The first line: what stands below it is told by the verb itself.
            let about = command.find_subcommand(name).map(about).unwrap_or_default();
            let about = about.lines().next().unwrap_or_default();
            text.push_str(&format!("  {literal}{name}{literal:#}{:1$}  {about}\n", "", widest - name.len()));
        }
        text.push('\n');
    }
    let exits: Vec<(u8, &str)> = Exit::ALL.iter().map(|exit| (exit.code(), exit.in_short())).collect();
    // clap knows headings for arguments only; with `{subcommands}` all verbs would be one list.
    format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{text}{header}{EVERYWHERE}:{header:#}\n{{options}}\n\n{}\n{}\n\n\
         Documented in README.md, docs/tutorial.md, docs/reference/commands.md",
        exit_codes(&exits, command),
        first_steps(command)
    )
}

/// Returns a verb's help in short: all that is typed often, and how to see the rest.
fn short_of_verb(verb: &Command, told: &Told) -> String {
    let literal = verb.get_styles().get_literal();
    let (name, flags, header) = (told.verb, flags(verb), verb.get_styles().get_header());
    let example = told.examples.first().map(|(_, command)| *command).unwrap_or_default();
    format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{flags}\
         {header}{EVERYWHERE}:{header:#} -C DIR, --store URL, --format FORM, --color WHEN, -v (runbook -h)\n\n\
         {header}Example:{header:#} {literal}{example}{literal:#}\nMore, with examples: {literal}runbook {name} --help{literal:#}"
    )
}

/// Returns the arguments of a command, a line each, under their headings.
fn flags(command: &Command) -> String {
    let styles = command.get_styles();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let is_root = command.get_subcommands().next().is_some();
    let shown: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set() && (is_root || arg.get_id().as_str() != "help"))
        .collect();
    let heading = |arg: &Arg| match arg.get_help_heading() {
        _ if arg.is_positional() => "Arguments".to_owned(),
        Some(heading) => heading.to_owned(),
        None if is_root => EVERYWHERE.to_owned(),
        None => "Options".to_owned(),
    };
    let mut headings: Vec<String> = Vec::new();
    for arg in &shown {
        if !headings.contains(&heading(arg)) {
            headings.push(heading(arg));
        }
    }
    let widest = shown.iter().map(|arg| written(arg).len()).max().unwrap_or(0);
    let mut text = String::new();
    for one in headings {
        text.push_str(&format!("{header}{one}:{header:#}\n"));
        for arg in shown.iter().filter(|arg| heading(arg) == one) {
            let (left, help) = (written(arg), arg.get_help().map(ToString::to_string).unwrap_or_default());
            text.push_str(&format!("  {literal}{left}{literal:#}{:1$}  {help}\n", "", widest - left.len()));
        }
    }
    text
}

/// Returns how an argument is typed: `-y, --yes`, `    --only <STEP>`, `[PATH]...`.
fn written(arg: &Arg) -> String {
    let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let name =
        arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string).unwrap_or_default();
    match (arg.get_short(), arg.get_long()) {
        (None, None) => {
            let name = if arg.is_required_set() { format!("<{name}>") } else { format!("[{name}]") };
            name + if matches!(arg.get_action(), ArgAction::Append) { "..." } else { "" }
        }
        (short, long) => {
            let short = short.map_or_else(|| "    ".to_owned(), |short| format!("-{short}, "));
            let value = if takes { format!(" <{name}>") } else { String::new() };
            format!("{short}--{}{value}", long.unwrap_or_default())
        }
    }
}

/// Returns what stands below a verb's flags: what people do with it, how it ends, and where more is told.
fn long_of_verb(verb: &Command, told: &Told) -> String {
    let (literal, header) = (verb.get_styles().get_literal(), verb.get_styles().get_header());
    let mut text = format!("{header}Examples:{header:#}\n");
    for (what, command) in told.examples {
        text.push_str(&format!("  # {what}\n  {literal}{command}{literal:#}\n"));
    }
    if !told.exits.is_empty() {
        let exits: Vec<(u8, &str)> = told.exits.iter().map(|(exit, what)| (exit.code(), *what)).collect();
        text.push_str(&format!("\n{}", exit_codes(&exits, verb)));
    }
    let reference = format!("docs/reference/commands.md#runbook-{}", told.verb);
    let more = told.more.iter().copied().chain([reference.as_str()]).collect::<Vec<_>>().join(", ");
    text.push_str(&format!("\nDocumented in {more}"));
    text
}

fn first_steps(command: &Command) -> String {
    let header = command.get_styles().get_header();
    format!("{header}Example:{header:#}\n{FIRST_STEPS}")
}

fn exit_codes(exits: &[(u8, &str)], of: &Command) -> String {
    let header = of.get_styles().get_header();
    let lines = exits.iter().map(|(code, what)| format!("  {code:<3}  {what}\n"));
    format!("{header}Exit codes:{header:#}\n{}", lines.collect::<String>())
}

/// Returns what the reference and the manual pages tell of the command line.
pub fn command_line() -> CommandLine {
    let command = base(Depth::Long);
    let told = |told: &Told| {
        let of = command.find_subcommand(told.verb)?;
        // Any value will do; a word that an argument insists on is one of its own.
        let line = |required_only: bool| {
            let wanted = of.get_positionals().filter(move |arg| !required_only || arg.is_required_set());
            let values = wanted.map(|arg| {
                let own = arg.get_possible_values().first().map(|value| value.get_name().to_owned());
                own.unwrap_or_else(|| "x".to_owned())
            });
            ["runbook".to_owned(), told.verb.to_owned()].into_iter().chain(values)
        };
        // A name may be wanted only where no flag says it.
        let parsed =
            Arguments::try_parse_from(line(true)).or_else(|_| Arguments::try_parse_from(line(false))).ok()?;
        Some(VerbTold {
            verb: told.verb,
            formats: parsed.verb.formats().iter().map(|format| format.word()).collect(),
            about: told.about,
            examples: told.examples,
            exits: told.exits.iter().map(|(exit, what)| (exit.code(), *what)).collect(),
            more: told.more,
        })
    };
    let verbs = TOLD.iter().filter_map(told).collect();
    let groups = GROUPS.iter().map(|(heading, verbs)| (*heading, verbs.to_vec())).collect();
    let exits = Exit::ALL.iter().map(|exit| (exit.code(), exit.meaning())).collect();
    CommandLine { command, groups, verbs, exits }
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
        assert_eq!(line.verbs.iter().map(|told| told.verb).collect::<Vec<_>>(), grouped, "each was parsed");
        grouped.sort_by_key(|verb| shown.iter().position(|known| known == verb));
        assert_eq!(grouped, shown);
    }

    /// Returns what a command shows on a terminal of 80 columns.
    fn rendered(depth: Depth, verb: Option<&str>) -> String {
        let mut command = command(ColorChoice::Never, depth).term_width(80);
        command.build();
        let of = match verb {
            Some(verb) => command.find_subcommand_mut(verb).expect("it is a verb"),
            None => &mut command,
        };
        of.render_help().to_string()
    }

    #[test]
    fn the_short_help_fits_a_small_terminal_with_a_prompt_below_it() {
        for verb in [None].into_iter().chain(TOLD.iter().map(|told| Some(told.verb))) {
            let text = rendered(Depth::Short, verb);
            let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(wide.is_empty(), "{verb:?}: {wide:#?}");
            assert!(text.trim_end().lines().count() <= 23, "{verb:?}:\n{text}");
        }
    }

    #[test]
    fn the_long_help_has_more_and_stays_within_eighty_columns() {
        for verb in [None].into_iter().chain(TOLD.iter().map(|told| Some(told.verb))) {
            let text = rendered(Depth::Long, verb);
            let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(wide.is_empty(), "{verb:?}: {wide:#?}");
            for part in ["Example", "Documented in"] {
                assert!(text.contains(part), "{verb:?} has no {part}:\n{text}");
            }
        }
    }

    /// Returns the words of a line that has quotes, and nothing within quotes that means anything.
    fn split(line: &str) -> Vec<String> {
        let (mut words, mut quote) = (vec![String::new()], None);
        for c in line.chars() {
            match (c, quote) {
                (c, Some(open)) if c == open => quote = None,
                ('\'' | '"', None) => quote = Some(c),
                (' ', None) => words.push(String::new()),
                (c, _) => words.last_mut().expect("it has one from the beginning").push(c),
            }
        }
        words
    }

    #[test]
    fn every_example_is_a_command_that_is_parsed() {
        for (what, line) in TOLD.iter().flat_map(|told| told.examples) {
            let words = split(line);
            // What a shell does before and after: `eval "$(…)"`, `… > FILE`, `… | man`.
            let inner = words.iter().find(|word| word.starts_with("$(")).cloned();
            let words = match inner {
                Some(inner) => inner.trim_matches(['$', '(', ')']).split(' ').map(str::to_owned).collect(),
                None => words,
            };
            let own: Vec<String> = words.into_iter().take_while(|word| word != ">" && word != "|").collect();
            let parsed = Arguments::try_parse_from(&own).map_err(|error| error.to_string());
            assert!(parsed.is_ok(), "{what}: {line}: {parsed:?}");
        }
    }
}
