//! The vars of a run: gathered from the command line, files and the environment, each with where it came from.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use super::node::{Node, NodeKind};
use super::secret_source::{self, Found, long_enough, ways, without_line_end};
use super::{describe, from_text, text_file, yaml};
use crate::diag::{Code, Diagnostic, Report, Sources, near};
use crate::model::{Input, Kind, Place, Secrets, Snapshot, Value};
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

    fn flags(&mut self, texts: &[String]) -> BTreeMap<String, String> {
        let mut flags = BTreeMap::new();
        for text in texts {
            match text.split_once('=') {
                Some((name, value)) if !name.is_empty() => {
                    if !self.places.contains_key(name) {
                        let unknown = self.unknown(name, &format!("`--var {name}=…`: "));
                        self.report.push(unknown);
                    }
                    flags.insert(name.to_owned(), value.to_owned());
                }
                _ => self.report.push(
                    Diagnostic::new(Code::BadVar, {
                        let what = if text.starts_with('=') { "names no var" } else { "gives no value" };
                        format!("`--var {text}` {what}")
                    })
                    .help("write `--var NAME=VALUE`"),
                ),
            }
        }
        flags
    }

    fn file(&mut self, path: &Path, sources: &mut Sources) -> Option<VarsFile> {
        let shown = path.display().to_string();
        let text = match text_file::read(path, &shown) {
            Ok(text) => text,
            Err(diagnostic) => {
                self.report.push(diagnostic);
                return None;
            }
        };
        let file = sources.add(shown.clone(), text);
        let node = yaml::parse(sources, file, &mut self.report)?;
        let NodeKind::Map(entries) = node.kind else {
            let message =
                format!("a vars file is a map of names and values, and this is {}", node.described());
            self.report.push(Diagnostic::new(Code::WrongType, message).at(node.place, ""));
            return None;
        };
        for (key, _) in &entries {
            match self.places.get(&key.text).map(|&place| &self.vars[place]) {
                None => {
                    let unknown = self.unknown(&key.text, "").at(key.place, "");
                    self.report.push(unknown);
                }
                // Without its place: the snippet would show the value.
                Some(input) if input.ty.kind == Kind::Secret => {
                    let line = sources.start(key.place).line;
                    let message =
                        format!("`{shown}`, line {line}, holds the secret `{}` in plain text", key.text);
                    let help = format!("take it out of the file; {}", ways(input));
                    self.report.push(Diagnostic::new(Code::NoSecret, message).help(help));
                }
                Some(_) => {}
            }
        }
        Some((shown, entries.into_iter().map(|(key, node)| (key.text, node)).collect()))
    }

    fn unknown(&self, name: &str, before: &str) -> Diagnostic {
        let names = || self.vars.iter().map(|input| input.name.as_str());
        let diagnostic =
            Diagnostic::new(Code::UnknownVar, format!("{before}this runbook has no var `{name}`"));
        match near(name, names()) {
            Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
            None if self.vars.is_empty() => diagnostic.help("it takes no vars"),
            None => diagnostic.help(format!("it has {}", names().collect::<Vec<_>>().join(", "))),
        }
    }

    fn plain(
        &mut self,
        input: &Input,
        flags: &BTreeMap<String, String>,
        files: &[VarsFile],
        given: &Given,
        sources: &Sources,
    ) {
        let name = &input.name;
        let in_file = files.iter().rev().find_map(|(path, values)| Some((path, values.get(name)?)));
        let variable = variable(name);
        let (origin, place, value) = if let Some(text) = flags.get(name) {
            (Origin::Flag, None, from_text(&input.ty, text))
        } else if let Some((path, node)) = in_file {
            if node.is_bad() {
                return;
            }
            let value = fit(&input.ty, node.value()).map_err(|misfit| quoted(misfit, input, node, sources));
            (Origin::File(path.clone()), Some(node.place), value)
        } else if let Some(text) = given.env.get(&variable) {
            (Origin::Env(variable), None, from_text(&input.ty, text))
        } else if let Some(default) = &input.default {
            (Origin::Default, None, Ok(default.clone()))
        } else {
            if input.required {
                self.missing.push(input.clone());
            }
            return;
        };
        match value {
            Ok(value) => self.keep(Answer { name: name.clone(), value, origin }),
            Err(misfit) => {
                let from = match &origin {
                    Origin::File(_) => String::new(),
                    origin => format!(" (from {origin})"),
                };
                let message = format!("`{name}`{from}: {}", misfit.message);
                let mut diagnostic = Diagnostic::new(Code::BadVar, message);
                if let Some(place) = place {
                    diagnostic = diagnostic.at(place, "");
                }
                if input.at != Place::default() {
                    diagnostic = diagnostic.also(input.at, "declared here");
                }
                diagnostic = match misfit.help {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic,
                };
                self.report.push(diagnostic);
            }
        }
    }

    fn secret(
        &mut self,
        input: &Input,
        flags: &BTreeMap<String, String>,
        files: &[VarsFile],
        given: &Given,
        root: &Path,
    ) {
        let name = &input.name;
        if flags.contains_key(name) {
            let message = format!(
                "`{name}` is a secret: with `--var` its value stays in the shell's history and in the list of processes"
            );
            self.report.push(Diagnostic::new(Code::SecretOnCommandLine, message).help(ways(input)));
            return;
        }
        if files.iter().any(|(_, values)| values.contains_key(name)) {
            return;
        }
        match secret_source::find(input, &given.env, root) {
            Found::Value(value, origin) => self.keep_secret(name, &value, origin),
            Found::Command(words) => self.commands.push(SecretCommand { name: name.clone(), words }),
            Found::Wrong(message) => self.report.push(Diagnostic::new(Code::NoSecret, message)),
            Found::Absent if input.required => self.missing.push(input.clone()),
            Found::Absent => {}
        }
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
    format!("RUNBOOK_VAR_{}", name.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_"))
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

/// Adds what to write when YAML read a kind that the person did not mean: `1.10` is a number, `"3"` is text.
fn quoted(misfit: Misfit, input: &Input, node: &Node, sources: &Sources) -> Misfit {
    let written = sources.slice(node.place);
    let help = match (&node.kind, input.ty.kind) {
        (NodeKind::Number(_) | NodeKind::Bool(_), Kind::String | Kind::Duration) => {
            Some(format!("put it in quotes: `{}: \"{written}\"`", input.name))
        }
        (NodeKind::Str(text), Kind::Integer | Kind::Number | Kind::Boolean)
            if from_text(&input.ty, text).is_ok() =>
        {
            Some(format!("leave the quotes out: `{}: {text}`", input.name))
        }
        _ => None,
    };
    Misfit { help: help.or(misfit.help), message: misfit.message }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the fixtures are files")]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::diag::text;
    use crate::model::{SecretSource, Type};

    fn var(name: &str, kind: Kind) -> Input {
        let ty = Type { kind, ..Type::default() };
        Input { name: name.to_owned(), ty, required: true, ..Input::default() }
    }

    fn env_var() -> Input {
        let mut input = var("env", Kind::String);
        input.ty.one_of = vec![json!("prod"), json!("staging")];
        input.help = Some("Which environment to scale".to_owned());
        input
    }

    fn webhook() -> Input {
        Input { from: Some(SecretSource::Env("SLACK_WEBHOOK".to_owned())), ..var("webhook", Kind::Secret) }
    }

    fn given(vars: &[&str], env: &[(&str, &str)]) -> Given {
        Given {
            vars: vars.iter().map(|&text| text.to_owned()).collect(),
            files: Vec::new(),
            env: env.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }

    fn gather(vars: &[Input], given: &Given) -> Inputs {
        Inputs::gather(vars, given, Path::new("/nowhere"), &mut Sources::new())
    }

    /// What a person reads when `vars` are given and the run can't begin.
    fn told(vars: &[Input], given: &Given) -> String {
        let mut sources = Sources::new();
        let inputs = Inputs::gather(vars, given, Path::new("/nowhere"), &mut sources);
        // Wide, since the length of the temporary folder's path must not move the line breaks.
        let look = text::Look { width: 500, ..text::Look::default() };
        text::report(&inputs.settle().expect_err("mistakes"), &sources, look)
    }

    fn shown(inputs: &Inputs) -> Vec<String> {
        inputs.answers().iter().map(|a| format!("{}={} from {}", a.name, a.value, a.origin)).collect()
    }

    #[test]
    fn flag_before_file_before_environment_before_default() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, two) = (folder.path().join("1.yaml"), folder.path().join("2.yaml"));
        fs::write(&one, "a: file1\nb: file1\nc: file1\n").expect("a file");
        fs::write(&two, "b: file2\n").expect("a file");
        let vars: Vec<Input> = ["a", "b", "c", "d", "e", "f"]
            .map(|name| Input { default: Some(json!("said")), ..var(name, Kind::String) })
            .into();
        let mut given = given(&["a=1", "a=012"], &[("RUNBOOK_VAR_C", "env"), ("RUNBOOK_VAR_D", "env")]);
        given.files = vec![one, two];
        let shown = shown(&gather(&vars, &given)).join("\n");
        insta::assert_snapshot!(shown.replace(&*folder.path().to_string_lossy(), "/p"), @r#"
        a="012" from --var
        b="file2" from /p/2.yaml
        c="file1" from /p/1.yaml
        d="env" from RUNBOOK_VAR_D
        e="said" from default
        f="said" from default
        "#);
    }

    #[test]
    fn what_is_not_required_and_not_given_is_absent() {
        let optional = Input { required: false, ..var("x", Kind::String) };
        let secret = Input { required: false, ..webhook() };
        let Settled { answers, secrets, .. } =
            gather(&[optional, secret], &given(&[], &[("SLACK_WEBHOOK", "")]))
                .settle()
                .expect("nothing wrong");
        assert!(answers.is_empty() && secrets.is_empty());
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let count = Input {
            help: None,
            ty: Type { min: Some(1.0), ..var("", Kind::Integer).ty },
            ..var("count", Kind::Integer)
        };
        insta::assert_snapshot!(told(&[env_var(), count, webhook()], &given(&[], &[])), @r"
        error[RB0501]: 3 vars are missing: `env`, `count`, `webhook`
         |
         = note: `env` (string, one of prod, staging): Which environment to scale
         = note: `count` (integer, at least 1)
         = note: `webhook` (secret)
         = help: add `--var env=… --var count=…`, or give them in a `--vars-file`
         = help: `webhook`: set the environment variable `SLACK_WEBHOOK`

        1 error
        ");
    }

    #[test]
    fn every_mistake_is_told_at_once_and_no_secret_with_it() {
        let vars = [env_var(), var("count", Kind::Integer), webhook(), var("flag", Kind::Boolean)];
        let given = given(
            &["env=prd", "coutn=3", "webhook=hunter22", "prod"],
            &[("RUNBOOK_VAR_COUNT", "012"), ("RUNBOOK_VAR_FLAG", "yes")],
        );
        insta::assert_snapshot!(told(&vars, &given), @r"
        error[RB0502]: `--var coutn=…`: this runbook has no var `coutn`
         |
         = help: did you mean `count`?

        error[RB0503]: `--var prod` gives no value
         |
         = help: write `--var NAME=VALUE`

        error[RB0503]: `env` (from --var): `prd` is not one of prod, staging
         |
         = help: did you mean `prod`?

        error[RB0503]: `count` (from RUNBOOK_VAR_COUNT): wants an integer, got `012`

        error[RB0504]: `webhook` is a secret: with `--var` its value stays in the shell's history and in the list of processes
         |
         = help: set the environment variable `SLACK_WEBHOOK`

        error[RB0503]: `flag` (from RUNBOOK_VAR_FLAG): wants true or false, got `yes`

        6 errors
        ");
    }

    #[test]
    fn a_vars_file_is_told_by_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("v.yaml");
        fs::write(&path, "version: 1.10\ncount: \"3\"\nevn: prod\nwebhook: hunter22\nenv: prod\nenv: x\n")
            .expect("a file");
        let vars = [env_var(), var("version", Kind::String), var("count", Kind::Integer), webhook()];
        let mut given = given(&[], &[]);
        given.files = vec![path, folder.path().join("none.yaml")];
        let told = told(&vars, &given);
        assert!(!told.contains("hunter22"));
        let told = told.replace(&*folder.path().to_string_lossy(), "/p").replace(" (os error 2)", "");
        insta::assert_snapshot!(told, @r#"
        error[RB0507]: `/p/v.yaml`, line 4, holds the secret `webhook` in plain text
         |
         = help: take it out of the file; set the environment variable `SLACK_WEBHOOK`

        error[RB0001]: can't read `/p/none.yaml`: No such file or directory

        error[RB0503]: `version`: wants a string, got `1.1`
         --> /p/v.yaml:1:10
          |
        1 | version: 1.10
          |          ^^^^
          |
          = help: put it in quotes: `version: "1.10"`

        error[RB0503]: `count`: wants an integer, got the text `3`
         --> /p/v.yaml:2:8
          |
        2 | count: "3"
          |        ^^^
          |
          = help: leave the quotes out: `count: 3`

        error[RB0502]: this runbook has no var `evn`
         --> /p/v.yaml:3:1
          |
        3 | evn: prod
          | ^^^
          |
          = help: did you mean `env`?

        error[RB0005]: the key `env` stands twice in one map
         --> /p/v.yaml:6:1
          |
        5 | env: prod
          | --- first here
        6 | env: x
          | ^^^ again here
          |
          = help: remove one of them, or join their values

        6 errors
        "#);
    }

    #[test]
    fn secrets_come_from_their_source_and_stay_out_of_the_answers() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("token"), "from-file\r\n").expect("a file");
        fs::write(folder.path().join("short"), "abc\n").expect("a file");
        let file = |path: &str| Some(SecretSource::File(path.to_owned()));
        let vars = [
            webhook(),
            Input { from: file("token"), ..var("token", Kind::Secret) },
            Input { from: file("~/token"), ..var("home", Kind::Secret) },
            var("bare", Kind::Secret),
        ];
        let home = folder.path().to_string_lossy().into_owned();
        let given =
            given(&[], &[("SLACK_WEBHOOK", "from-env"), ("RUNBOOK_VAR_BARE", "from-bare"), ("HOME", &home)]);
        let inputs = Inputs::gather(&vars, &given, folder.path(), &mut Sources::new());
        let Settled { answers, secrets, .. } = inputs.settle().expect("nothing wrong");
        assert!(answers.is_empty());
        let values = ["webhook", "token", "home", "bare"].map(|name| secrets.reveal(name));
        assert_eq!(values, ["from-env", "from-file", "from-file", "from-bare"].map(Some));

        let short = [Input { from: file("short"), ..var("short", Kind::Secret) }];
        let inputs = Inputs::gather(&short, &given, folder.path(), &mut Sources::new());
        let message = inputs.report().iter().next().expect("a mistake").message.clone();
        assert_eq!(
            message,
            "the secret `short` (from short) is shorter than 4 bytes, too short to be masked in what is shown and kept"
        );
    }

    #[test]
    fn a_prompt_can_answer_and_is_asked_again_until_it_fits() {
        let mut inputs = gather(&[env_var(), webhook(), var("z", Kind::Integer)], &given(&["z=1"], &[]));
        let missing: Vec<&str> = inputs.missing().iter().map(|input| input.name.as_str()).collect();
        assert_eq!(missing, ["env", "webhook"]);
        assert!(inputs.answer("env", "prd").is_err());
        assert!(inputs.answer("webhook", "abc").is_err());
        inputs.answer("env", "prod").expect("fits");
        inputs.answer("webhook", "long enough").expect("fits");
        assert_eq!(shown(&inputs), [r#"env="prod" from asked"#, "z=1 from --var"]);
        assert_eq!(inputs.settle().expect("all there").secrets.reveal("webhook"), Some("long enough"));
    }

    #[test]
    fn a_command_for_a_secret_is_asked_of_the_caller() {
        let words = vec!["pass".to_owned(), "show".to_owned()];
        let input = Input { from: Some(SecretSource::Command(words)), ..var("token", Kind::Secret) };
        insta::assert_snapshot!(told(std::slice::from_ref(&input), &given(&[], &[])), @r"
        error[RB0507]: the secret `token` comes from a command, which was not run
         |
         = help: give its value in the environment variable `RUNBOOK_VAR_TOKEN`

        1 error
        ");
        let mut inputs = gather(&[input], &given(&[], &[]));
        assert_eq!(inputs.commands()[0].words, ["pass", "show"]);
        inputs.hand_in("token", "s3cret\n").expect("fits");
        assert_eq!(inputs.settle().expect("all there").secrets.reveal("token"), Some("s3cret"));
    }

    #[test]
    fn resume_asks_only_for_the_secrets_it_began_with() {
        let vars = [env_var(), Input { required: false, ..webhook() }];
        let env = BTreeMap::from([("SLACK_WEBHOOK".to_owned(), "again".to_owned())]);
        let root = Path::new("/nowhere");
        let again = |names: &[String], env| Inputs::secrets_again(&vars, names, env, root).settle();
        assert_eq!(
            again(&["webhook".to_owned()], &env).expect("there").secrets.reveal("webhook"),
            Some("again")
        );
        assert!(again(&[], &env).expect("none wanted").secrets.is_empty());
        assert!(again(&["webhook".to_owned()], &BTreeMap::new()).is_err());
    }
}
