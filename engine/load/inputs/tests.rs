//! The vars of a run: which source wins, and what is told of those that are wrong.

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
        gather(&[optional, secret], &given(&[], &[("SLACK_WEBHOOK", "")])).settle().expect("nothing wrong");
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
    assert_eq!(again(&["webhook".to_owned()], &env).expect("there").secrets.reveal("webhook"), Some("again"));
    assert!(again(&[], &env).expect("none wanted").secrets.is_empty());
    assert!(again(&["webhook".to_owned()], &BTreeMap::new()).is_err());
}
