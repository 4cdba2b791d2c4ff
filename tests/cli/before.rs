//! Verbs that look and run nothing: list, show, check, plan, help.

use insta::assert_snapshot;

use super::{DEPLOY, deploy};
use crate::support::project::Project;

#[test]
fn help_groups_the_verbs() {
    assert_snapshot!(deploy().run(&["--help"]), @r"
    $ runbook --help
    Runs runbooks: each step journaled, verified, and reversible

    Usage: runbook [OPTIONS] <COMMAND>

    Before a run:
      list         Show the runbooks there are
      show         Show one runbook: its inputs, steps, gates, and how to run it
      check        Find every mistake in the runbooks at once
      plan         Show the commands a run would send, in order, without running any
      graph        Draw the steps and what waits for what
      docs         Write documentation from the runbooks and the step templates
      rehearse     Play a run with a tape in place of every command
      test         Play the tests of runbooks: a tape answers for every command
      new          Write a runbook or a step template to begin with
      import       Write a draft of a runbook from a Markdown runbook
      explain      Tell what a code such as RB0101 means, and what to do about it
      schema       Write the JSON Schema by which editors complete and check files
      completions  Write the script that completes commands in a shell
      man          Write the manual pages

    A run:
      exec         Run a runbook
      resume       Go on with a run where its journal ends
      rollback     Undo a run's steps, the last begun first
      approve      Answer a step that waits for a person, from any terminal
      done         Say that a manual step is done, from any terminal
      cancel       Stop a live run from any terminal, as Ctrl-C twice would

    What was run:
      status       Show the steps of a run as they stand
      runs         Show the runs that are not finished, or all of them
      logs         Show what the commands of a run printed
      report       Write the account of a run for the incident record
      verify       Prove that the journal of a run was not altered

    Everywhere:
      -C, --directory <DIR>  Work as if started in DIR. The project is looked for from there upwards
          --store <URL>      Keep the journal here, wherever RUNBOOK_STORE says. A path, or sqlite:PATH
          --color <WHEN>     When to use colour: auto, always, never. NO_COLOR and CLICOLOR_FORCE are
                             heard, too
          --format <FORM>    Write text for people, or json for programs. Some verbs write other forms:
                             md, html, sarif, mermaid, dot, svg
      -v, --verbose...       Write what the program does to a file. Twice for more; RUNBOOK_LOG says it
                             finer
      -h, --help             Tell what to type: -h in short, --help all
      -V, --version          Print version

    Exit codes:
      0    it went well
      1    a step or gate failed, and the run is paused; verify: altered
      2    a mistake in command line, runbook or inputs; nothing ran
      3    the run waits for a person
      4    the run failed and was rolled back
      5    the rollback did not complete
      6    another run holds the lock
      130  stopped by Ctrl-C or a lost terminal; it can be resumed
      143  stopped by SIGTERM; it can be resumed

    Example:
      runbook plan pre-scale-event --var env=prod      what would be done
      runbook exec pre-scale-event --var env=prod      do it
      runbook rollback                                 undo it

    Documented in README.md, docs/tutorial.md, docs/reference/commands.md
    ");
}

#[test]
fn short_help_fits_and_long_help_has_examples_and_exit_codes() {
    assert_snapshot!(deploy().run(&["-h"]), @r"
    $ runbook -h
    Runs runbooks: each step journaled, verified, and reversible

    Usage: runbook [OPTIONS] <COMMAND>

    Before a run:
      list  show  check  plan  graph  docs  rehearse  test
      new  import  explain  schema  completions  man
    A run:
      exec  resume  rollback  approve  done  cancel
    What was run:
      status  runs  logs  report  verify
    Everywhere:
      -C, --directory <DIR>  Work as if started in DIR
          --store <URL>      Keep the journal here, wherever RUNBOOK_STORE says
          --color <WHEN>     When to use colour: auto, always, never
          --format <FORM>    Write text for people, or json for programs
      -h, --help             Tell what to type: -h in short, --help all

    Example:
      runbook plan pre-scale-event --var env=prod      what would be done
      runbook exec pre-scale-event --var env=prod      do it
      runbook rollback                                 undo it
    More: runbook --help, what each verb does; runbook VERB -h, its flags
    ");
    assert_snapshot!(deploy().run(&["exec", "-h"]), @r"
    $ runbook exec -h
    Run a runbook

    Usage: runbook exec [OPTIONS] [NAME]

    Arguments:
      [NAME]                   The runbook: its name, or the path of its file
    Inputs:
          --var <NAME=VALUE>   Set a var; the last of one name wins
          --vars-file <FILE>   Read vars from a YAML file; a later one wins
    The run:
          --plan <FILE>        Run what `plan --out FILE` kept, or nothing
      -y, --yes                Confirm a protected run; approves nothing else
          --on-failure <WHAT>  When a step fails: pause or rollback
          --reason <TEXT>      Why, for the journal
          --approve <STEP>     Answer yes to this step's approval
          --only <STEP>        Run this step and no others; needs --reason
          --from <STEP>        Begin at this step; needs --reason
          --wait               Wait for answers from another terminal
          --detach             Go on in the background
    Everywhere: -C DIR, --store URL, --format FORM, --color WHEN, -v (runbook -h)

    Example: runbook exec pre-scale-event --var env=prod --var traffic=high
    More, with examples: runbook exec --help
    ");
    assert_snapshot!(deploy().run(&["exec", "--help"]), @r"
    $ runbook exec --help
    Run a runbook

    A var comes from --var, then --vars-file, then RUNBOOK_VAR_NAME, then its default; what is still
    missing is asked for on a terminal. Secrets come from RUNBOOK_VAR_NAME or from where the runbook
    says, never from --var.

    When a step fails at a terminal you are asked what to do; elsewhere the run is paused, and the last
    lines are the commands to type. Ctrl-C once starts nothing new; twice stops what runs.

    A run that waits for the person at its terminal rings the terminal's bell; RUNBOOK_BELL=no keeps it
    quiet.

    --yes consents to a protected run and to nothing else. --only and --from want a --reason, which is
    recorded.

    Usage: runbook exec [OPTIONS] [NAME]

    Arguments:
      [NAME]  The runbook: its name, or the path of its file

    Inputs:
          --var <NAME=VALUE>  Set a var; the last of one name wins
          --vars-file <FILE>  Read vars from a YAML file; a later one wins

    The run:
          --plan <FILE>        Run what `plan --out FILE` kept, or nothing
      -y, --yes                Confirm a protected run; approves nothing else. For where no terminal can
                               ask
          --max-parallel <N>   At most so many steps at once
          --on-failure <WHAT>  When a step fails: pause or rollback
          --reason <TEXT>      Why, for the journal
          --approve <STEP>     Answer yes to this step's approval. Nobody is asked for it then. Give it
                               once a step
          --only <STEP>        Run this step and no others; needs --reason. Give it once a step
          --from <STEP>        Begin at this step; needs --reason. What comes before it in the file and
                               does not need it is skipped
          --wait               Wait for answers from another terminal. For where no terminal can answer
                               here; without it the run is paused then, with exit code 3
          --detach             Go on in the background. This call ends once the run is opened; `runbook
                               status --watch` looks on
          --record <FILE>      Write a tape of it to FILE, for `rehearse`. Every command and its answer;
                               secrets are masked

    Everywhere:
      -C, --directory <DIR>  Work as if started in DIR. The project is looked for from there upwards
          --store <URL>      Keep the journal here, wherever RUNBOOK_STORE says. A path, or sqlite:PATH
          --color <WHEN>     When to use colour: auto, always, never. NO_COLOR and CLICOLOR_FORCE are
                             heard, too
          --format <FORM>    Write text for people, or json for programs. Some verbs write other forms:
                             md, html, sarif, mermaid, dot, svg
      -v, --verbose...       Write what the program does to a file. Twice for more; RUNBOOK_LOG says it
                             finer
      -h, --help             Tell what to type: -h in short, --help all

    Examples:
      # with inputs
      runbook exec pre-scale-event --var env=prod --var traffic=high
      # what was planned, or nothing
      runbook exec --plan friday.plan
      # in the background; then `runbook status --watch`
      runbook exec pre-scale-event --var env=prod --yes --detach
      # from CI: a person answers from another terminal, by `approve`
      runbook exec pre-scale-event --var env=prod --yes --wait
      # with an approval that was given elsewhere
      runbook exec release --approve go --reason 'change 4711, Dana'
      # a part of it
      runbook exec release --only warm --only tell --reason 'caches went cold'
      # undo at once when a step fails
      runbook exec release --on-failure rollback
      # record it, for rehearsals
      runbook exec release --record release.tape.yaml

    Exit codes:
      0    the run succeeded
      1    a step or gate failed; the run is paused
      2    a mistake in command line, runbook or inputs; nothing ran
      3    it waits for a person, and no terminal can ask
      4    it failed, and was rolled back
      5    the rollback did not complete
      6    another run holds the lock; it is named
      130  stopped by Ctrl-C or a lost terminal; it can be resumed
      143  stopped by SIGTERM; it can be resumed

    Documented in docs/tutorial.md, docs/plan.md, docs/reference/commands.md#runbook-exec
    ");
}

#[test]
fn every_verb_has_an_example() {
    let project = deploy();
    let all = project.run(&["--help"]).stdout;
    let verbs = all
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
    let verbs: Vec<&str> =
        verbs.filter_map(|line| line.split(' ').next()).filter(|verb| *verb != "runbook").collect();
    assert_eq!(verbs.len(), 25, "{verbs:?}");
    for verb in verbs {
        let help = project.run(&[verb, "--help"]).code(0).stdout;
        let (_, examples) = help.split_once("\nExamples:\n").expect("it has examples");
        assert!(examples.contains(&format!("runbook {verb}")), "{verb}: {help}");
    }
}

#[test]
fn list_shows_each_runbook_and_which_can_not_be_read() {
    let project = deploy()
        .file(
            "runbooks/local/triage.yaml",
            "runbook: triage\ntitle: Look at the host\nsteps: [{id: up, run: uptime, effect: read}]\n",
        )
        .file("runbooks/broken.yaml", "runbook: broken\ntitle: [\n");
    assert_snapshot!(project.run(&["list"]), @"
    $ runbook list
    broken        can't be read
    deploy        Put a release in place  [release, demo]
    local/triage  Look at the host
    --- stderr
    1 runbook with mistakes: `runbook check` tells them
    ");
    assert_snapshot!(project.run(&["list", "--tag", "release"]), @"
    $ runbook list --tag release
    deploy  Put a release in place  [release, demo]
    ");
    assert_snapshot!(project.run(&["list", "--tag", "nope"]), @"
    $ runbook list --tag nope
    --- stderr
    no runbook has the tag `nope`
    ");
}

#[test]
fn list_as_json_is_one_document() {
    let shown = deploy().run(&["list", "--format", "json"]).code(0);
    assert_snapshot!(shown, @r#"
    $ runbook list --format json
    {
      "version": 1,
      "runbooks": [
        {
          "name": "deploy",
          "file": "runbooks/deploy.yaml",
          "title": "Put a release in place",
          "summary": "Writes the release and switches to it.",
          "owner": "platform-oncall",
          "tags": [
            "release",
            "demo"
          ],
          "source": null,
          "mistakes": false
        }
      ]
    }
    "#);
}

#[test]
fn show_has_all_one_needs_before_running_it() {
    assert_snapshot!(deploy().run(&["show", "deploy"]), @r"
    $ runbook show deploy
    deploy
    Put a release in place

      Writes the release and switches to it.

      file     runbooks/deploy.yaml
      owner    platform-oncall
      tags     release, demo
      lock     deploy/{{ env }}
      protect  asks first when env == 'prod'

    About
      Use it for planned releases.

    Inputs
      env    string, one of prod, staging; required
             Where to deploy
      count  integer from 1 to 5; default 2
      token  secret; from DEPLOY_TOKEN, may be left out

    Steps
      -- Before --
      look  See what is there
        does         echo {{ site }}
      -- Now --
      write[…]  Write {{ item }}
        needs        look
        capture      [cat, version]
                     keeps version
        changes      version {{ captured.version }} → {{ item }}
        does         sh: echo {{ item }} > release-{{ item }}
        verify       test -f release-{{ item }}
                     until exit_code == 0, every 1s, within 5s
        rollback     sh: rm release-{{ item }} && echo back to {{ captured.version }}

      warm
        needs        look
        does         [touch, warm]
        irreversible A warm cache cools down by itself.

    Finally, whatever happened
      tell
        does         [echo, {{ run.status }}]

    Run it
      runbook exec deploy --var env=prod
    ");
}

#[test]
fn show_as_json_has_the_same() {
    let shown = deploy().run(&["show", "deploy", "--format", "json"]).code(0);
    let document: serde_json::Value = serde_json::from_str(&shown.stdout).expect("one JSON document");
    assert_eq!(document["vars"][0]["enum"], serde_json::json!(["prod", "staging"]));
    assert_eq!(
        document["steps"][1]["rollback"],
        "sh: rm release-{{ item }} && echo back to {{ captured.version }}"
    );
    assert_eq!(document["exec"], "runbook exec deploy --var env=prod");
}

#[test]
fn a_step_template_is_listed_and_shown_too() {
    let project = deploy().file(
        "steps/tell/mark.yaml",
        "step: tell/mark\ntitle: Mark {{ file }}\nsummary: Marks a file.\ntools: [touch]\n\
         params: {file: {type: string, help: Which one}}\nrun: touch {{ file }}\nrollback: {run: 'rm {{ file }}'}\n",
    );
    let listed = project.run(&["list", "--steps"]).code(0).to_string();
    let row = |name: &str| {
        let row = listed.lines().find(|line| line.starts_with(&format!("{name} ")));
        row.unwrap_or_default().split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert!(row("kubectl/scale").starts_with("Sets the replica count of a workload"), "{listed}");
    assert_eq!(row("tell/mark"), "Marks a file. [of this project]");
    assert_snapshot!(project.run(&["show", "tell/mark"]), @r"
    $ runbook show tell/mark
    tell/mark
    Mark {{ file }}

      Marks a file.

      tools       touch
      effect      changes something
      rollback    undoes it
      run twice   not the same as once: after a crash a person is asked
      file        steps/tell/mark.yaml

    Params
      file  string; required
            Which one

    What happens
        does         touch {{ file }}
        rollback     rm {{ file }}
    ");
    let shown = project.run(&["show", "kubectl/scale", "--format", "json"]).code(0);
    let document: serde_json::Value = serde_json::from_str(&shown.stdout).expect("one JSON document");
    assert_eq!(document["params"][0]["name"], "namespace");
    assert!(document["file"].is_null(), "it is in the binary");
    project.write("steps/tell/mark.yaml", "step: tell/mark\n");
    let broken = project.run(&["show", "tell/mark"]).code(2).to_string();
    assert!(broken.contains("a step template needs a `title`"), "{broken}");
}

#[test]
fn check_says_so_when_all_is_well() {
    assert_snapshot!(deploy().run(&["check"]), @"
    $ runbook check
    1 runbook, no mistakes
    ");
    assert_snapshot!(deploy().run(&["check", "deploy", "runbooks"]), @"
    $ runbook check deploy runbooks
    1 runbook, no mistakes
    ");
}

#[test]
fn check_tells_every_mistake_of_every_file_once() {
    let project = deploy()
        .file("steps/note/add.yaml", "step: note/add\ntitel: Add\nrun: echo hi\n")
        .file(
            "runbooks/a.yaml",
            "runbook: a\ntitle: A\nsteps:\n  - {id: one, uses: note/add, needs: [two]}\n",
        )
        .file(
            "runbooks/b.yaml",
            "runbook: b\ntitle: B\nsteps:\n  - {id: one, uses: note/add}\n  - {id: two, run: date}\n",
        );
    assert_snapshot!(project.run(&["check"]), @"
    $ runbook check
    error[RB0401]: the template `note/add` changes something and does not say how to undo it
     --> steps/note/add.yaml:1:7
      |
    1 | step: note/add
      |       ^^^^^^^^
      |
      = help: add one of: `rollback: {run: …}`; `irreversible: why it can't be undone`; `effect:
              read` when it only looks

    error[RB0101]: a step template has no key `titel`
     --> steps/note/add.yaml:2:1
      |
    2 | titel: Add
      | ^^^^^ did you mean `title`?
      |
      = help: write it as in `title: Scale {{ workload }}`

    error[RB0201]: there is no step with the id `two`
     --> runbooks/a.yaml:4:39
      |
    4 |   - {id: one, uses: note/add, needs: [two]}
      |                                       ^^^ not known here
      |
      = note: the steps are `one`

    error[RB0401]: step `two` changes something and does not say how to undo it
     --> runbooks/b.yaml:5:10
      |
    5 |   - {id: two, run: date}
      |          ^^^
      |
      = help: add one of: `rollback: {run: …}`; `irreversible: why it can't be undone`; `effect:
              read` when it only looks

    3 runbooks and 1 step template, 4 errors
    more about each: runbook explain RB0401
    --- exit status: 2
    ");
}

#[test]
fn check_as_json_has_codes_and_places() {
    let project = Project::new()
        .file("runbooks/a.yaml", "runbook: a\ntitle: A\nsteps:\n  - {id: one, run: date, efect: read}\n");
    let shown = project.run(&["check", "--format", "json"]).code(2);
    let document: serde_json::Value = serde_json::from_str(&shown.stdout).expect("one JSON document");
    assert_eq!(document["runbooks"], 1);
    let first = &document["diagnostics"][0];
    assert_eq!((first["code"].as_str(), first["line"].as_u64()), (Some("RB0101"), Some(4)), "{first}");
}

#[test]
fn warnings_fail_only_when_they_are_denied() {
    let text = DEPLOY.replace("shell: echo {{ item }} >", "shell: echo {{ item | raw_shell }} >");
    let project = Project::new().file("runbooks/deploy.yaml", text);
    assert_snapshot!(project.run(&["check"]), @"
    $ runbook check
    warning[RB0403]: this value enters the script unquoted
      --> runbooks/deploy.yaml:32:20
       |
    32 |     shell: echo {{ item | raw_shell }} > release-{{ item }}
       |                    ^^^^^^^^^^^^^^^^ the shell runs what it holds
       |
       = help: leave out `| raw_shell`, or be sure of where the value comes from

    1 runbook, 1 warning
    more about it: runbook explain RB0403
    ");
    project.run(&["check", "--deny", "warnings"]).code(2);
    let plan = project.run(&["plan", "deploy", "--var", "env=prod"]).code(0).to_string();
    assert!(plan.contains("1 warning: `runbook check deploy` shows it"), "{plan}");
}

#[test]
fn plan_shows_every_command_and_touches_nothing() {
    let project = deploy();
    assert_snapshot!(project.run(&["plan", "deploy", "--var", "env=prod"]), @r"
    $ runbook plan deploy --var env=prod
    Plan of deploy: Put a release in place
      env    prod (--var)
      count  2 (default)

      lock     deploy/prod, held by one run at a time
      protect  asks before it begins, since env == 'prod'

    Before
     1 look  See what is there
        looks    echo prod-site
                 env TOKEN

    Now
     2 write[0]  Write 0
        changes  version ‹captured.version› → 0
        reads    cat version
        does     echo '0' > release-'0'
        verify   test -f release-0
                 until exit_code == 0, every 1s, within 5s
        undo     rm release-'0' && echo back to ‹captured.version›
     2 write[1]  Write 1
        changes  version ‹captured.version› → 1
        reads    cat version
        does     echo '1' > release-'1'
        verify   test -f release-1
                 until exit_code == 0, every 1s, within 5s
        undo     rm release-'1' && echo back to ‹captured.version›

     2 warm
        after    look
        does     touch warm
        no undo  A warm cache cools down by itself.

    Finally, whatever happened
     3 tell
        looks    echo '‹run.status›'

    Steps with the same number need none of each other and may run side by side.
    3 steps change something, 2 only look. Nothing was run.
    ");
    assert!(!project.journal().exists() && !project.has("warm"));
}

#[test]
fn plan_as_json_has_the_same_steps() {
    let shown = deploy().run(&["plan", "deploy", "--var", "env=staging", "--format", "json"]).code(0);
    let document: serde_json::Value = serde_json::from_str(&shown.stdout).expect("one JSON document");
    let names: Vec<_> =
        document["steps"].as_array().unwrap().iter().map(|step| step["name"].clone()).collect();
    assert_eq!(names, ["look", "write[0]", "write[1]", "warm", "tell"]);
    assert_eq!(document["changing"], 3);
}

#[test]
fn check_takes_names_files_and_folders() {
    let project = deploy().file("steps/note/add.yaml", "step: note/add\ntitel: Add\nrun: echo hi\n").file(
        "runbooks/local/up.yaml",
        "runbook: up\ntitle: Up\nsteps: [{id: up, run: uptime, effect: read}]\n",
    );
    project.run(&["check"]).code(2);
    project.run(&["check", "deploy", "runbooks/local", "runbooks/local/up.yaml"]).code(0);
    project.run(&["check", "steps/note/add.yaml"]).code(2);
    project.run(&["check", "steps"]).code(2);
    project.run(&["check", "deplyo"]).code(2);
}

#[test]
fn explain_tells_what_a_code_means_and_what_to_do() {
    let project = Project::new();
    assert_snapshot!(project.run(&["explain", "RB0112"]), @r#"
    $ runbook explain RB0112
    RB0112 empty-command, error
    A command holds nothing to run.

    What it means
      `run` or `shell` holds no command: an empty text, an empty list, or blanks only.

    Why it matters
      An empty script succeeds. The step would be green and have done nothing.

    Wrong
        - id: hello
          run: ""
          effect: read

    Right
        - id: hello
          run: echo hello
          effect: read

    What to do
      Write the command, or remove the step. Something a person must do is `manual: What to do`.
    "#);
    assert_snapshot!(project.run(&["explain", "no-rolback"]), @"
    $ runbook explain no-rolback
    --- stderr
    error: there is no code `no-rolback`
     hint: did you mean `runbook explain no-rollback`?
    --- exit status: 2
    ");
    assert_snapshot!(project.run(&["explain", "RB9999"]), @"
    $ runbook explain RB9999
    --- stderr
    error: there is no code `RB9999`
     hint: `runbook explain` lists them all
    --- exit status: 2
    ");
    let page = project.run(&["explain", "RB0401"]).code(0).stdout;
    for typed in ["rb0401", "401", "no-rollback", "No-Rollback"] {
        assert_eq!(project.run(&["explain", typed]).code(0).stdout, page, "{typed}");
    }
    let markdown = project.run(&["explain", "RB0401", "--format", "md"]).code(0).stdout;
    assert!(markdown.starts_with("# RB0401 no-rollback\n"), "{markdown}");
}

#[test]
fn explain_lists_every_code() {
    let project = Project::new();
    let list = project.run(&["explain"]).code(0).stdout;
    let shown = project.run(&["explain", "--format", "json"]).code(0).stdout;
    let document: serde_json::Value = serde_json::from_str(&shown).expect("one JSON document");
    let codes = document["codes"].as_array().expect("a list");
    assert!(codes.len() > 60);
    for code in codes {
        let row = format!("  {}  {} ", code["code"].as_str().unwrap(), code["name"].as_str().unwrap());
        assert!(list.contains(&row), "{row}");
    }
    assert!(list.lines().all(|line| line.chars().count() <= 100), "{list}");
}

#[test]
fn schema_is_one_document_for_each_kind_of_file() {
    let project = Project::new();
    for (arguments, key) in
        [(&["schema"][..], "runbook"), (&["schema", "runbook"], "runbook"), (&["schema", "step"], "step")]
    {
        let shown = project.run(arguments).code(0).stdout;
        let schema: serde_json::Value = serde_json::from_str(&shown).expect("one JSON document");
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        let name = schema["$ref"]
            .as_str()
            .and_then(|text| text.strip_prefix("#/definitions/"))
            .expect("a reference");
        assert!(schema["definitions"][name]["properties"].get(key).is_some(), "{key}");
    }
    let help = project.run(&["schema", "--help"]).code(0).stdout;
    assert!(help.contains("# yaml-language-server: $schema="), "{help}");
}

#[test]
fn new_files_pass_check_run_and_are_never_written_over() {
    let project = Project::new();
    assert_snapshot!(project.run(&["new", "runbook", "shop/release"]), @"
    $ runbook new runbook shop/release
    runbooks/shop/release.yaml is written
      next   runbook plan shop/release
    ");
    assert_snapshot!(project.run(&["new", "step", "tool/write"]), @"
    $ runbook new step tool/write
    steps/tool/write.yaml is written
      next   runbook check steps/tool/write.yaml
    ");
    assert_snapshot!(project.run(&["check", "steps/tool/write.yaml"]), @"
    $ runbook check steps/tool/write.yaml
    1 step template, no mistakes
    ");
    assert_snapshot!(project.run(&["check", "--deny", "warnings"]), @"
    $ runbook check --deny warnings
    1 runbook and 1 step template, no mistakes
    ");
    let folder = format!("folder={}", project.root().display());
    project.run(&["exec", "shop/release", "--var", &folder]).code(0);
    assert!(project.has("runbook-example"));
    project.run(&["rollback", "--yes"]).code(0);
    assert!(!project.has("runbook-example"));
    project.run(&["new", "runbook", "shop/release"]).code(2);
    assert_snapshot!(project.run(&["new", "runbook", "../release"]), @"
    $ runbook new runbook ../release
    --- stderr
    error: `../release` can't be the name of a file here
     hint: letters, digits, `-` and `_`; folders are joined by `/`, as in `shop/release`
    --- exit status: 2
    ");
}
