//! The vars of a run: gathered from the command line, files and the environment, each with where it came from.

mod gathering;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the fixtures are files")]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use super::node::{Key, Node};
use super::secret_source::{long_enough, ways, without_line_end};
use super::{describe, from_text};
use crate::diag::{Code, Diagnostic, Report, Sources};
use crate::model::{Input, Kind, Secrets, Snapshot, Value};
use crate::template::{Misfit, fit, quote_word};

/// What was given from outside, as given.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The texts of `--var`, in order; the last of one name wins.
    pub vars: Vec<String>,
    /// The files of `--vars-file`, in order; what a later one says wins.
    pub files: Vec<PathBuf>,
    /// The environment.
    pub env: BTreeMap<String, String>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `--var`.
    Flag,
    /// A `--vars-file`, as given.
    File(String),
    /// This environment variable.
    Env(String),
    /// This file, for a secret.
    SecretFile(String),
    /// The output of a command, for a secret.
    Command,
    /// The declaration's default.
    Default,
    /// A person, at a prompt.
    Asked,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag => f.write_str("--var"),
            Origin::File(path) | Origin::SecretFile(path) => f.write_str(path),
            Origin::Env(name) => f.write_str(name),
            Origin::Command => f.write_str("command"),
            Origin::Default => f.write_str("default"),
            Origin::Asked => f.write_str("asked"),
        }
    }
}

/// The value of a var that is no secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The var.
    pub name: String,
    /// Its value; fits its type.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
}

/// A secret that the output of a command holds; whoever may spawn runs it and hands the output in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretCommand {
    /// The var.
    pub name: String,
    /// The command.
    pub words: Vec<String>,
}

/// A vars file: its path as shown, and its values.
type VarsFile = (String, HashMap<String, Node>);

/// The vars of a run as far as they are known, what is missing, and every mistake.
#[derive(Debug, Default)]
pub struct Inputs {
    vars: Vec<Input>,
    /// Where each var stands among them.
    places: HashMap<String, usize>,
    answers: Vec<Answer>,
    secrets: Secrets,
    secret_origins: Vec<(String, Origin)>,
    missing: Vec<Input>,
    commands: Vec<SecretCommand>,
    report: Report,
    sources: usize,
}

/// The vars of a run, complete and right.
#[derive(Debug, Default)]
pub struct Settled {
    /// The values of the vars that are no secrets, in the order of their declaration.
    pub answers: Vec<Answer>,
    /// The values of the secrets.
    pub secrets: Secrets,
    /// The names of the secrets that have a value.
    pub secret_names: Vec<String>,
    /// How many sources there were before the vars files: those are the runbook's own.
    pub sources: usize,
}

impl Inputs {
    /// Gathers the vars that a runbook declares: `--var` before `--vars-file` before `RUNBOOK_VAR_NAME` before what
    /// is declared (`from`, `default`).
    ///
    /// Every mistake is told in [`report`](Inputs::report), none ends the gathering. `root` is where relative paths
    /// of `from: {file: …}` begin; the vars files are added to `sources`.
    pub fn gather(vars: &[Input], given: &Given, root: &Path, sources: &mut Sources) -> Inputs {
        let places = vars.iter().zip(0..).map(|(input, place)| (input.name.clone(), place)).collect();
        let mut inputs =
            Inputs { vars: vars.to_vec(), places, sources: sources.files().len(), ..Inputs::default() };
        let flags = inputs.flags(&given.vars);
        let files: Vec<VarsFile> = given.files.iter().filter_map(|path| inputs.file(path, sources)).collect();
        for input in vars {
            if input.ty.kind == Kind::Secret {
                inputs.secret(input, &flags, &files, given, root);
            } else {
                inputs.plain(input, &flags, &files, given, sources);
            }
        }
        inputs
    }

    /// Gathers the vars of a test from what stands in its file, which is the last of `sources`; the first `own` are the
    /// runbook's. Every secret is made up.
    pub(super) fn of_values(
        vars: &[Input],
        own: usize,
        (shown, values): (String, Vec<(Key, Node)>),
        sources: &Sources,
    ) -> Inputs {
        let places = vars.iter().zip(0..).map(|(input, place)| (input.name.clone(), place)).collect();
        let mut inputs = Inputs { vars: vars.to_vec(), places, sources: own, ..Inputs::default() };
        for (key, _) in &values {
            inputs.known_in_file(key);
        }
        let values = values.into_iter().map(|(key, node)| (key.text, node)).collect();
        let files = [(shown, values)];
        for input in vars {
            if input.ty.kind == Kind::Secret {
                inputs.keep_secret(&input.name, "made up by a test", Origin::Default);
            } else {
                inputs.plain(input, &BTreeMap::new(), &files, &Given::default(), sources);
            }
        }
        inputs
    }

    /// Gathers again the values of the secrets that a run began with: they are in no journal.
    pub fn secrets_again(
        vars: &[Input],
        names: &[String],
        env: &BTreeMap<String, String>,
        root: &Path,
    ) -> Inputs {
        let wanted: Vec<Input> = vars
            .iter()
            .filter(|input| names.contains(&input.name))
            .map(|input| Input { required: true, ..input.clone() })
            .collect();
        let given = Given { env: env.clone(), ..Given::default() };
        Inputs::gather(&wanted, &given, root, &mut Sources::new())
    }

    /// Gathers the vars of a run that goes on: what `given` says now, else what the run has, else what is declared.
    ///
    /// The environment gives secrets only: a variable that is set in another shell must not change a run on its way.
    /// Without `secrets` each secret has some text in place of its value, for a look at what would be: nothing may be run
    /// with it.
    pub fn again(vars: &[Input], run: &Snapshot, given: &Given, root: &Path, secrets: bool) -> Inputs {
        let mut wrong = Vec::new();
        let mut known = Vec::with_capacity(vars.len());
        let mut hidden = Vec::new();
        for input in vars {
            let mut input = input.clone();
            match (input.ty.kind == Kind::Secret, run.vars.get(&input.name)) {
                (true, _) => {
                    let has = run.secrets.contains(&input.name);
                    // One that the run did without at its start is not slipped in on its way.
                    if !has && !input.required && run.runbook.vars.iter().any(|var| var.name == input.name) {
                        continue;
                    }
                    input.required |= has;
                    if !secrets {
                        hidden.extend(input.required.then_some(input.name));
                        continue;
                    }
                }
                (false, Some(value)) => match fit(&input.ty, value.clone()) {
                    Ok(value) => input.default = Some(value),
                    Err(misfit) => wrong.push((input.name.clone(), misfit)),
                },
                (false, None) => {}
            }
            known.push(input);
        }
        let plain: Vec<String> = vars
            .iter()
            .filter(|input| input.ty.kind != Kind::Secret)
            .map(|input| variable(&input.name))
            .collect();
        let mut given = given.clone();
        given.env.retain(|name, _| !plain.contains(name));
        let mut inputs = Inputs::gather(&known, &given, root, &mut Sources::new());
        for name in &hidden {
            inputs.keep_secret(name, "secret not given", Origin::Default);
        }
        for (name, misfit) in wrong {
            // What is given now takes the place of what no longer fits.
            if given.vars.iter().any(|text| text.split_once('=').is_some_and(|(given, _)| given == name)) {
                continue;
            }
            let message = format!("`{name}`, as the run has it: {}", misfit.message);
            let help = format!("give it anew: `--var {name}=…`");
            inputs.report.push(Diagnostic::new(Code::BadVar, message).help(help));
        }
        inputs
    }

    /// Returns the inputs as those of a runbook that was read from `sources`, all of them.
    #[must_use]
    pub fn of(mut self, sources: &Sources) -> Inputs {
        self.sources = sources.files().len();
        self
    }

    /// Returns every mistake found; what is only missing is not among them.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Returns the required vars that nothing gave, so that a terminal can ask for them.
    pub fn missing(&self) -> &[Input] {
        &self.missing
    }

    /// Returns the secrets that wait for the output of a command.
    pub fn commands(&self) -> &[SecretCommand] {
        &self.commands
    }

    /// Returns the values of the vars that are no secrets, in the order of their declaration.
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// Returns the names of the secrets that have a value, with where it came from.
    pub fn secret_origins(&self) -> &[(String, Origin)] {
        &self.secret_origins
    }

    /// Takes what a person typed for a missing var, secrets included.
    ///
    /// # Errors
    ///
    /// [`Misfit`] when the text does not fit; the var stays missing and can be asked for again.
    pub fn answer(&mut self, name: &str, text: &str) -> Result<(), Misfit> {
        let Some(at) = self.missing.iter().position(|input| input.name == name) else { return Ok(()) };
        let input = &self.missing[at];
        if input.ty.kind == Kind::Secret {
            long_enough(text)?;
            self.keep_secret(name, text, Origin::Asked);
        } else {
            let value = from_text(&input.ty, text)?;
            self.keep(Answer { name: name.to_owned(), value, origin: Origin::Asked });
        }
        self.missing.remove(at);
        Ok(())
    }

    /// Takes the stdout of a secret's command; its last line end is cut off.
    ///
    /// # Errors
    ///
    /// [`Misfit`] when it is too short to be masked.
    pub fn hand_in(&mut self, name: &str, stdout: &str) -> Result<(), Misfit> {
        let value = without_line_end(stdout);
        long_enough(value)?;
        self.commands.retain(|command| command.name != name);
        self.keep_secret(name, value, Origin::Command);
        Ok(())
    }

    /// Takes that the command of a secret printed none, and why: a mistake.
    pub fn command_failed(&mut self, name: &str, why: &str) {
        let Some(at) = self.commands.iter().position(|command| command.name == name) else { return };
        let SecretCommand { name, words } = self.commands.remove(at);
        let command = words.iter().map(|word| quote_word(word)).collect::<Vec<_>>().join(" ");
        let message = format!("the secret `{name}` could not be had from its command `{command}`: {why}");
        let help = format!(
            "see to the command, or give the value in the environment variable `{}`",
            variable(&name)
        );
        self.report.push(Diagnostic::new(Code::NoSecret, message).help(help));
    }

    /// Returns the secrets that are known so far.
    pub fn known_secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Returns the values and the secrets when nothing is wrong and nothing is missing.
    ///
    /// # Errors
    ///
    /// Every mistake, with all that is missing in one diagnostic.
    pub fn settle(mut self) -> Result<Settled, Report> {
        if !self.missing.is_empty() {
            self.report.push(missing(&self.missing));
        }
        // What else is wrong kept them from being run.
        let waiting = if self.report.has_errors() { &[] } else { self.commands.as_slice() };
        for SecretCommand { name, .. } in waiting {
            let message = format!("the secret `{name}` comes from a command, which was not run");
            let help = format!("give its value in the environment variable `{}`", variable(name));
            self.report.push(Diagnostic::new(Code::NoSecret, message).help(help));
        }
        if self.report.has_errors() {
            return Err(self.report);
        }
        Ok(Settled {
            answers: self.answers,
            secrets: self.secrets,
            secret_names: self.secret_origins.into_iter().map(|(name, _)| name).collect(),
            sources: self.sources,
        })
    }

    fn keep(&mut self, answer: Answer) {
        let place = |name: &str| self.places.get(name);
        let at = self.answers.partition_point(|known| place(&known.name) < place(&answer.name));
        self.answers.insert(at, answer);
    }

    fn keep_secret(&mut self, name: &str, value: &str, origin: Origin) {
        self.secrets.insert(name, value);
        self.secret_origins.push((name.to_owned(), origin));
    }
}

/// Returns the environment variable that gives a var: `RUNBOOK_VAR_` and the name in upper case, with `_` for what no shell
/// can set: the secret `db/token` of what the step `db` brings in is `RUNBOOK_VAR_DB_TOKEN`.
pub fn variable(name: &str) -> String {
    crate::model::variable(name)
}

fn missing(inputs: &[Input]) -> Diagnostic {
    let names = inputs.iter().map(|input| format!("`{}`", input.name)).collect::<Vec<_>>().join(", ");
    let message = match inputs {
        [_] => format!("the var {names} is missing"),
        _ => format!("{} vars are missing: {names}", inputs.len()),
    };
    let mut diagnostic = Diagnostic::new(Code::MissingVar, message);
    for input in inputs {
        let help = input.help.as_deref().map(|help| format!(": {help}")).unwrap_or_default();
        diagnostic = diagnostic.note(format!("`{}` ({}){help}", input.name, describe(&input.ty)));
    }
    let (secrets, plain): (Vec<&Input>, Vec<&Input>) =
        inputs.iter().partition(|input| input.ty.kind == Kind::Secret);
    if !plain.is_empty() {
        let flags = plain.iter().map(|input| format!("--var {}=…", input.name)).collect::<Vec<_>>().join(" ");
        diagnostic = diagnostic.help(format!("add `{flags}`, or give them in a `--vars-file`"));
    }
    secrets
        .into_iter()
        .fold(diagnostic, |diagnostic, input| diagnostic.help(format!("`{}`: {}", input.name, ways(input))))
}
