//! From what was typed and what surrounds the program to what holds: each value with where it came from.

use std::path::{Path, PathBuf};

use super::args::{Form, Format, Global, When};
use super::environment::Environment;
use super::error::CliError;
use crate::journal::Location;
use crate::machine::Person;
use crate::template::quote_word;

/// Where a setting came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A flag.
    Flag(&'static str),
    /// An environment variable.
    Variable(&'static str),
    /// Nothing said otherwise.
    Default,
}

/// The name of the journal of rehearsals, in the folder of the other.
pub const REHEARSALS: &str = "rehearsals.db";

/// A setting with where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub source: Source,
}

/// What holds for this call.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder to work from; absolute.
    pub folder: PathBuf,
    /// Whether `-C` named it, so that other relative paths begin there too.
    pub moved: bool,
    /// The journal.
    pub store: Setting<Location>,
    /// What stdout holds.
    pub form: Form,
    /// What `--format` says, for a verb that writes more than [`Form`].
    pub format: Option<Format>,
    /// Whether stdout gets colour.
    pub colour_out: Setting<bool>,
    /// Whether stderr gets colour.
    pub colour_err: Setting<bool>,
    /// Whether signs beyond ASCII can be shown.
    pub unicode: bool,
    /// How wide text may be, in columns.
    pub width: usize,
    /// How much the program says about itself.
    pub verbose: u8,
    /// The surroundings.
    pub environment: Environment,
}

/// How wide text is where no terminal says.
const WIDTH: usize = 100;

impl Settings {
    /// Returns what holds: a flag before a variable before the default.
    ///
    /// # Errors
    ///
    /// A store that names no journal, and a default store without a home.
    pub fn resolve(global: &Global, environment: Environment) -> Result<Settings, CliError> {
        let folder = match &global.directory {
            Some(directory) => environment.folder.join(directory),
            None => environment.folder.clone(),
        };
        let [_, out, err] = environment.terminals;
        Ok(Settings {
            store: store(global.store.as_deref(), &folder, &environment)?,
            folder,
            moved: global.directory.is_some(),
            form: if global.format == Some(Format::Json) { Form::Json } else { Form::Text },
            format: global.format,
            colour_out: colour(global.color, out, &environment),
            colour_err: colour(global.color, err, &environment),
            unicode: unicode(&environment),
            width: environment.columns.unwrap_or(WIDTH).clamp(40, 200),
            verbose: global.verbose,
            environment,
        })
    }

    /// Returns a path that was typed as the program must open it.
    pub fn typed(&self, path: &Path) -> PathBuf {
        if self.moved { self.folder.join(path) } else { path.to_owned() }
    }

    /// Says whether a person sits at the terminal: stdin can be read from them and stderr is seen by them.
    pub fn can_ask(&self) -> bool {
        let [stdin, _, stderr] = self.environment.terminals;
        stdin && stderr
    }

    /// Returns how the program is to be called again for the same journal: `runbook`, with `--store` when that was
    /// typed. What is printed to be pasted must work.
    pub fn program(&self) -> String {
        let Location::Sqlite(path) = &self.store.value;
        match self.store.source {
            Source::Flag(_) => format!("runbook --store {}", quote_word(&path.display().to_string())),
            Source::Variable(_) | Source::Default => "runbook".to_owned(),
        }
    }

    /// Returns how the program is to be called again for the same project and journal: as [`Self::program`], with `-C`
    /// when that was typed.
    pub fn program_here(&self) -> String {
        let program = self.program();
        match self.moved {
            true => {
                let folder = quote_word(&self.folder.display().to_string());
                program.replacen("runbook", &format!("runbook -C {folder}"), 1)
            }
            false => program,
        }
    }

    /// Returns who types, as far as the system says.
    pub fn person(&self, via: &str) -> Person {
        let names = ["LOGNAME", "USER"];
        let name = names
            .iter()
            .find_map(|name| self.environment.var(name))
            .or(self.environment.login.as_deref())
            .map_or_else(|| format!("uid {}", self.environment.uid), str::to_owned);
        Person { name, host: self.environment.host.clone(), via: via.to_owned() }
    }

    /// Returns `terminal` or `command`: from where the person typed.
    pub fn via(&self) -> &'static str {
        if self.can_ask() { "terminal" } else { "command" }
    }
}

fn store(
    flag: Option<&str>,
    folder: &Path,
    environment: &Environment,
) -> Result<Setting<Location>, CliError> {
    let (text, source) = match (flag, environment.var("RUNBOOK_STORE")) {
        (Some(flag), _) => (flag, Source::Flag("--store")),
        (None, Some(variable)) => (variable, Source::Variable("RUNBOOK_STORE")),
        (None, None) => {
            let home = |name, below: &str| {
                environment
                    .var(name)
                    .map(PathBuf::from)
                    .filter(|path| path.is_absolute())
                    .map(|path| path.join(below))
            };
            let (state, source) = match (home("XDG_STATE_HOME", ""), home("HOME", ".local/state")) {
                (Some(state), _) => (state, Source::Variable("XDG_STATE_HOME")),
                (None, Some(state)) => (state, Source::Default),
                (None, None) => return Err(CliError::NoHome),
            };
            let value = Location::Sqlite(state.join("runbook").join("journal.db"));
            return Ok(Setting { value, source });
        }
    };
    let location = Location::parse(text).map_err(|error| CliError::Store { error, by: source })?;
    let value = Location::Sqlite(folder.join(location.path()));
    // Runs among the rehearsals would be taken for such, and the newest rehearsal for a run.
    if value.path().file_name().is_some_and(|name| name == REHEARSALS) {
        let (Source::Flag(by) | Source::Variable(by)) = source else { return Ok(Setting { value, source }) };
        return Err(CliError::usage_with(
            format!("{by}: {REHEARSALS} is the journal of rehearsals, beside that of the runs"),
            "name the one of the runs; `runbook runs --rehearsals` lists what is in the other",
        ));
    }
    Ok(Setting { value, source })
}

/// `--color` decides; then NO_COLOR (<https://no-color.org>), then CLICOLOR_FORCE (<https://bixense.com/clicolors>),
/// then whether it is a terminal that knows colours.
pub(super) fn colour(flag: Option<When>, terminal: bool, environment: &Environment) -> Setting<bool> {
    let (value, source) = match flag {
        Some(When::Always) => (true, Source::Flag("--color")),
        Some(When::Never) => (false, Source::Flag("--color")),
        _ if environment.var("NO_COLOR").is_some() => (false, Source::Variable("NO_COLOR")),
        _ if environment.var("CLICOLOR_FORCE").is_some_and(|value| value != "0") => {
            (true, Source::Variable("CLICOLOR_FORCE"))
        }
        _ if environment.var("TERM") == Some("dumb") => (false, Source::Variable("TERM")),
        _ => (terminal, Source::Default),
    };
    Setting { value, source }
}

/// Says whether the locale can show more than ASCII. No locale at all is what a container or a CI job has, and what reads
/// their logs shows UTF-8.
fn unicode(environment: &Environment) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| environment.var(name));
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.ends_with("utf-8") || locale.ends_with("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(vars: &[(&str, &str)], global: Global) -> Result<Settings, CliError> {
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let folder = PathBuf::from("/home/ann/ops");
        Settings::resolve(&global, Environment { vars, folder, ..Environment::default() })
    }

    fn store_of(vars: &[(&str, &str)], flag: Option<&str>) -> (String, Source) {
        let global = Global { store: flag.map(str::to_owned), ..Global::default() };
        let store = with(vars, global).unwrap().store;
        (store.value.path().display().to_string(), store.source)
    }

    #[test]
    fn the_journal_is_where_flag_variable_or_home_say() {
        let home = ("HOME", "/home/ann");
        let both = [home, ("RUNBOOK_STORE", "sqlite:/srv/j.db"), ("XDG_STATE_HOME", "/state")];
        assert_eq!(store_of(&both, Some("j.db")), ("/home/ann/ops/j.db".into(), Source::Flag("--store")));
        assert_eq!(store_of(&both, None), ("/srv/j.db".into(), Source::Variable("RUNBOOK_STORE")));
        assert_eq!(
            store_of(&[home, ("XDG_STATE_HOME", "/state")], None),
            ("/state/runbook/journal.db".into(), Source::Variable("XDG_STATE_HOME"))
        );
        assert_eq!(
            store_of(&[home, ("XDG_STATE_HOME", "relative is ignored")], None),
            ("/home/ann/.local/state/runbook/journal.db".into(), Source::Default)
        );
        assert!(matches!(with(&[], Global::default()), Err(CliError::NoHome)));
    }

    #[test]
    fn colour_follows_the_flag_then_the_conventions_then_the_terminal() {
        let of = |flag, terminal, vars: &[(&str, &str)]| {
            let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            colour(flag, terminal, &Environment { vars, ..Environment::default() }).value
        };
        assert!(of(Some(When::Always), false, &[("NO_COLOR", "1")]));
        assert!(!of(Some(When::Auto), true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
        assert!(of(None, false, &[("CLICOLOR_FORCE", "1")]));
        assert!(!of(None, false, &[("CLICOLOR_FORCE", "0")]));
        assert!(of(None, true, &[("NO_COLOR", "")]), "set to nothing is not set");
        assert!(!of(None, true, &[("TERM", "dumb")]));
    }
}
