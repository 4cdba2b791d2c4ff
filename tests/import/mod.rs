//! `runbook import`: Markdown documents of this folder, each with the draft that comes of it, blessed and read by people; and what
//! happens to documents that nobody would write.
//!
//! `RUNBOOK_BLESS=1 cargo test --test main import` writes the drafts; the difference is what reviewers read.

mod fuzz;
mod long;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::project::Project;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import")
}

/// The documents by their names.
fn documents() -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder()).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    let documents: BTreeMap<String, String> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .map(|path| {
            let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("it can be read"))
        })
        .collect();
    assert!(documents.len() > 1);
    documents
}

fn imported(text: &str) -> Value {
    let project = Project::new().file("wiki.md", text);
    let shown = project.run(&["import", "wiki.md", "--format", "json"]).code(0);
    serde_json::from_str(&shown.stdout).expect("one JSON document")
}

#[test]
fn each_document_has_its_draft_and_the_draft_passes_check_and_plan() {
    let bless = std::env::var_os("RUNBOOK_BLESS").is_some();
    let mut stale = Vec::new();
    for (name, text) in documents() {
        let project = Project::new().file("wiki.md", "").file(&format!("{name}.md"), &text);
        let out = format!("runbooks/{name}.yaml");
        project.run(&["import", &format!("{name}.md"), "--out", &out]).code(0);
        let read = |path: String| fs::read_to_string(project.root().join(path)).unwrap_or_default();
        let mut draft = read(out.clone());
        let tables = read(format!("runbooks/{name}-tables.yaml"));
        if !tables.is_empty() {
            draft.push_str(&format!("\n# --- {name}-tables.yaml\n{tables}"));
        }
        let kept = folder().join(format!("{name}.yaml"));
        if bless {
            fs::write(&kept, &draft).expect("it can be written");
        } else if fs::read_to_string(&kept).unwrap_or_default() != draft {
            stale.push(name.clone());
        }
        project.run(&["check", &out]).code(0);
        let document = imported(&text);
        let mut arguments = vec!["plan".to_owned(), out.clone()];
        let runbook = document["runbook"].as_str().expect("the draft is in it");
        let vars =
            runbook.lines().skip_while(|line| *line != "vars:").skip(1).take_while(|line| !line.is_empty());
        let names: Vec<&str> = vars
            .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
            .filter(|name| !name.starts_with([' ', '#']))
            .collect();
        let secrets: Vec<String> = names
            .iter()
            .filter(|name| runbook.contains(&format!("  {name}:\n    type: secret")))
            .map(|name| (*name).to_owned())
            .collect();
        for name in names.iter().filter(|name| !secrets.contains(&(**name).to_owned())) {
            arguments.extend(["--var".to_owned(), format!("{name}=it's")]);
        }
        let project = secrets.iter().fold(project, |project, name| {
            project.env(&format!("RUNBOOK_VAR_{}", name.to_uppercase()), "long-enough-to-be-one")
        });
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        project.run(&arguments).code(0);
    }
    assert!(
        stale.is_empty(),
        "other drafts than before: {stale:?}\nrun: RUNBOOK_BLESS=1 cargo test --test main import"
    );
}

/// Found another way than the importer does: the words of each step's text stand at the lines that it cites.
#[test]
fn each_step_stands_at_the_lines_it_cites() {
    for (name, text) in documents() {
        let lines: Vec<&str> = text.lines().collect();
        let document = imported(&text);
        let steps = document["steps"].as_array().expect("a list");
        assert!(steps.len() > 5, "{name}");
        let runbook = document["runbook"].as_str().expect("the draft");
        for step in steps {
            let id = step["id"].as_str().expect("text");
            let line = |index: usize| step["lines"][index].as_u64().expect("a number") as usize;
            let cited = lines[line(0) - 1..line(1)].join("\n");
            // An id such as `true` stands in quotes.
            let plain = runbook.replace(&format!("- id: \"{id}\"\n"), &format!("- id: {id}\n"));
            let body = plain.split(&format!("  - id: {id}\n")).nth(1).expect("the step is in the draft");
            let body = body.split("\n  # wiki.md:").next().expect("there is a first part");
            let at = ["    run: ", "    shell: ", "    manual: ", "    run:\n"]
                .iter()
                .find_map(|key| body.split_once(key).map(|(_, rest)| rest))
                .unwrap_or_else(|| panic!("{name}: {id} does something:\n{body}"));
            let word = |text: &str| {
                let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 1);
                words.map(str::to_owned).collect::<Vec<_>>()
            };
            let shared = word(at).iter().any(|said| word(&cited).contains(said));
            assert!(shared, "{name}: {id} cites lines {}-{}:\n{cited}\nand is\n{at}", line(0), line(1));
        }
        let starts: Vec<u64> =
            steps.iter().map(|step| step["lines"][0].as_u64().expect("a number")).collect();
        assert!(starts.is_sorted(), "{name}: in the order of the document: {starts:?}");
    }
}

#[test]
fn what_is_open_is_told_and_the_draft_goes_to_stdout() {
    let project = Project::new().file(
        "wiki/Scale Up.md",
        "# Scale up\n\nBefore the sale.\n\n```bash\n# More replicas\nkubectl -n shop scale deploy/api --replicas=<count>\nwatch kubectl -n shop get pods\n```\n",
    );
    insta::assert_snapshot!(project.run(&["import", "wiki/Scale Up.md"]).code(0), @r#"
    $ runbook import wiki/Scale Up.md
    # A draft, made from Scale Up.md. Nobody has decided yet what is listed here; then these lines can go.
    #
    # These change something. How is each undone (`rollback`), and what shows that it worked (`verify`)?
    #   Scale Up.md:7 more-replicas
    #
    # Values that the document leaves open: what may they be (`enum`, `pattern`, `default`)?
    #   Scale Up.md:7 count
    #
    # A person does these, since as written no run can. Is there a gate or a command for it?
    #   Scale Up.md:8 watch-kubectl-get-pods: `watch` never ends by itself

    runbook: scale-up
    title: Scale up
    source: Scale Up.md

    vars:
      # Scale Up.md:7
      count:
        type: string
        help: "count, as in: kubectl -n shop scale deploy/api --replicas=<count>"

    # A draft: every run of it is confirmed first.
    protect: "true"
    on_failure: pause

    steps:
      # Scale Up.md:7
      - id: more-replicas
        title: More replicas
        about: Before the sale.
        run: kubectl -n shop scale deploy/api --replicas={{ count }}
        tools: [kubectl]
        irreversible: "Not decided yet: how this is undone, or why it can't be."

      # Scale Up.md:8
      - id: watch-kubectl-get-pods
        manual: |-
          `watch` goes on until it is stopped. Look as long as it takes, then stop it:

              watch kubectl -n shop get pods
    --- stderr
    Scale Up.md: 2 steps, 1 of them by hand
    Nobody has decided yet (all of it stands at the top of the draft):

    These change something. How is each undone (`rollback`), and what shows that it worked (`verify`)?
      Scale Up.md:7 more-replicas

    Values that the document leaves open: what may they be (`enum`, `pattern`, `default`)?
      Scale Up.md:7 count

    A person does these, since as written no run can. Is there a gate or a command for it?
      Scale Up.md:8 watch-kubectl-get-pods: `watch` never ends by itself
    "#);
}

#[test]
fn a_draft_is_written_once_and_its_tables_beside_it() {
    let text = "# T\n\n| level | pods |\n|---|---|\n| low | 1 |\n| high | 2 |\n\n```sh\ndate\n```\n";
    let project = Project::new().file("wiki.md", text);
    insta::assert_snapshot!(project.run(&["import", "wiki.md", "--out", "runbooks/shop/scale.yaml"]).code(0), @r"
    $ runbook import wiki.md --out runbooks/shop/scale.yaml
    runbooks/shop/scale.yaml and scale-tables.yaml are written: 1 step
      next   runbook check runbooks/shop/scale.yaml
             runbook plan runbooks/shop/scale.yaml
    --- stderr
    Nobody has decided yet (all of it stands at the top of the draft):

    Tables, which no step uses yet. Do commands repeat their numbers? Else take them out.
      wiki.md:3 t
    ");
    let read = |path: &str| fs::read_to_string(project.root().join(path)).expect("it is written");
    let before = (read("runbooks/shop/scale.yaml"), read("runbooks/shop/scale-tables.yaml"));
    insta::assert_snapshot!(before.1, @r"
    # The tables of wiki.md: `{{ tables.NAME }}` in scale.yaml.

    # wiki.md:3
    t:
      low: {pods: 1}
      high: {pods: 2}
    ");
    insta::assert_snapshot!(project.run(&["import", "wiki.md", "--out", "runbooks/shop/scale.yaml"]).code(2), @r"
    $ runbook import wiki.md --out runbooks/shop/scale.yaml
    --- stderr
    error: `runbooks/shop/scale.yaml` is there already; nothing was written
     hint: take another name, or move that file away
    --- exit status: 2
    ");
    assert_eq!(before.0, read("runbooks/shop/scale.yaml"));
    // What would take the place of the tables is as precious as the draft: nothing is written beside it either.
    project.write("runbooks/other-tables.yaml", "kept: 1\n");
    project.run(&["import", "wiki.md", "--out", "runbooks/other.yaml"]).code(2);
    assert_eq!(read("runbooks/other-tables.yaml"), "kept: 1\n");
    assert!(!project.has("runbooks/other.yaml"));
    insta::assert_snapshot!(project.run(&["import", "wiki.md", "--out", "runbooks"]).code(2), @r"
    $ runbook import wiki.md --out runbooks
    --- stderr
    error: `runbooks` is a folder
     hint: name the file: --out runbooks/NAME.yaml
    --- exit status: 2
    ");
    insta::assert_snapshot!(project.run(&["import", "wiki.md", "--out", "no name.txt"]).code(2), @r"
    $ runbook import wiki.md --out no name.txt
    --- stderr
    error: `no name.txt` can't be the file of a runbook
     hint: its name ends in .yaml; before that letters, digits, `-` and `_`
    --- exit status: 2
    ");
}

/// The next commands are pasted where the draft was asked for.
#[test]
fn the_next_commands_find_the_draft_from_every_folder() {
    let project = Project::new().file("wiki.md", "# T\n\n```sh\ndate\n```\n").file("runbooks/deep/x", "");
    for (folder, document, out) in [
        (".", "wiki.md", "runbooks/a.yaml"),
        (".", "wiki.md", "b.yaml"),
        ("runbooks", "../wiki.md", "c.yaml"),
        ("runbooks/deep", "../../wiki.md", "./d.yaml"),
        ("runbooks", "../wiki.md", "deep/e.yaml"),
    ] {
        let run = |arguments: &[&str]| {
            let mut command = project.command(arguments);
            let output = command.current_dir(project.root().join(folder)).output().expect("it can be run");
            assert!(
                output.status.success(),
                "{folder}: {arguments:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let told = run(&["import", document, "--out", out]);
        let next: Vec<&str> =
            told.lines().filter_map(|line| line.split_once("runbook ").map(|(_, typed)| typed)).collect();
        assert_eq!(next.len(), 2, "{told}");
        for typed in next {
            run(&typed.split(' ').collect::<Vec<_>>());
        }
    }
}

/// A secret of the document stands nowhere in the draft, and the command gets the one of the run, whatever quotes it stood in.
#[test]
fn a_secret_comes_from_outside_and_is_the_same_to_the_command() {
    let text = "# T\n\n```sh\nprintf '%s\\n' --password=hunter22 '-x --token=hunter33' \"-y --pass=hunter44\" >> log\ncat >> log <<EOF\napi_key=hunter55\nEOF\n```\n";
    let project = Project::new().file("wiki.md", text);
    project.run(&["import", "wiki.md", "--out", "runbooks/t.yaml"]).code(0);
    let draft = fs::read_to_string(project.root().join("runbooks/t.yaml")).expect("it is written");
    assert!(!draft.contains("hunter"), "{draft}");
    let value = |what: &str| format!("a \"{what}\" $HOME `date` 'one'");
    let project = ["PASSWORD", "TOKEN", "PASS", "API_KEY"]
        .iter()
        .fold(project, |project, name| project.env(&format!("RUNBOOK_VAR_{name}"), &value(name)));
    project.run(&["exec", "t", "--yes"]).code(0);
    let wanted = [
        ("--password=", "PASSWORD"),
        ("-x --token=", "TOKEN"),
        ("-y --pass=", "PASS"),
        ("api_key=", "API_KEY"),
    ];
    let wanted: String = wanted.iter().map(|(before, name)| format!("{before}{}\n", value(name))).collect();
    assert_eq!(project.log(), wanted, "{draft}");
}

/// `secrets.md` has one in each place where one may stand; each begins with `hunt`, so that whatever is left shows.
#[test]
fn no_secret_of_a_document_reaches_the_draft() {
    let text = &documents()["secrets"];
    let document = imported(text);
    let written = document.to_string();
    assert!(!written.contains("hunt"), "{written}");
    let holding = (1..).zip(text.lines()).filter(|(_, line)| line.contains("hunt"));
    let open = document["open"].as_array().expect("a list");
    let told = open.iter().filter(|open| open["about"].as_str().is_some_and(|it| it.contains("stands here")));
    let told: Vec<u64> = told.map(|open| open["line"].as_u64().expect("a number")).collect();
    assert_eq!(told, holding.map(|(line, _)| line).collect::<Vec<u64>>(), "the lines that are listed");
}

/// What is asked of a person can be answered where it says: a var that no step uses is none.
#[test]
fn each_value_that_is_open_is_a_var_of_the_draft() {
    for (name, text) in documents() {
        let document = imported(&text);
        let runbook = document["runbook"].as_str().expect("the draft");
        for open in document["open"].as_array().expect("a list") {
            let (matter, about) = (open["matter"].as_str(), open["about"].as_str().expect("text"));
            if matter == Some("value") || matter == Some("secret") && !about.contains(' ') {
                assert!(runbook.contains(&format!("\n  {about}:\n    type: ")), "{name}: {open}");
            }
        }
    }
}

/// A step that no run does is told by `check` until somebody decides, also where it only may be a way back.
#[test]
fn what_goes_back_is_run_by_nobody_and_never_passed_over_in_silence() {
    let back = [
        "## Rollback",
        "### To undo the switch",
        "### Steps to revert",
        "Steps to undo:",
        "Run the following to undo:",
        "## Rollback with Helm",
        "1. To revert:",
    ];
    let unsure = [
        "## Reverting traffic to blue",
        "## To undo the hold",
        "To revert the config:",
        "# T: undo the hold",
    ];
    for (words, sure) in back.map(|words| (words, true)).into_iter().chain(unsure.map(|words| (words, false)))
    {
        let indent = if words.starts_with("1.") { "   " } else { "" };
        let fence = format!("{indent}```sh\n{indent}: > back\n{indent}: > back\n{indent}```\n");
        let text = format!("# T\n\n## Do it\n\n```sh\n: > forwards\n```\n\n{words}\n\n{fence}");
        let project = Project::new().file("wiki.md", text);
        project.run(&["import", "wiki.md", "--out", "runbooks/t.yaml"]).code(0);
        let draft = fs::read_to_string(project.root().join("runbooks/t.yaml")).expect("it is written");
        let (_, asked) = draft.split_once("Whose `rollback` are these?").expect(words);
        let asked = asked.split("\n#\n").next().unwrap_or_default();
        assert_eq!(
            asked.matches("may go forwards too").count(),
            if sure { 0 } else { 2 },
            "{words}: {draft}"
        );
        let checked = project.run(&["check", "runbooks/t.yaml"]).code(0).to_string();
        assert_eq!(checked.matches("warning[RB0225]").count(), 2, "{words}: {checked}");
        project.run(&["exec", "t", "--yes"]).code(0);
        assert!(project.has("forwards") && !project.has("back"), "{words}: {draft}");
    }
}

/// "Run this first, then:" is a command that a reader does.
#[test]
fn a_command_that_a_sentence_names_is_a_step_or_is_listed() {
    let text = "# T\n\nRun `kubectl drain node-1` first, then:\n\n```sh\nkubectl delete node node-1\n```\n\n\
        1. Run `kubectl cordon node-2`, then:\n\n   ```sh\n   kubectl delete node node-2\n   ```\n\n\
        If `kubectl get nodes` hangs:\n\n```sh\nkubectl version\n```\n\n- `helm list` shows it\n\nDo not run `helm uninstall api`.\n";
    let document = imported(text);
    let steps = document["steps"].as_array().expect("a list");
    let told: Vec<String> = steps.iter().map(|step| format!("{} {}", step["lines"][0], step["id"])).collect();
    assert_eq!(
        told.join(", ").replace('"', ""),
        "3 kubectl-drain-node-1, 6 kubectl-delete-node-node-1, 9 kubectl-cordon-node-2, 12 kubectl-delete-node-node-2, 18 if-kubectl-get-nodes-hangs"
    );
    let open = document["open"].as_array().expect("a list");
    let named: Vec<String> = open
        .iter()
        .filter(|open| open["matter"] == "choice")
        .map(|open| format!("{} {}", open["line"], open["about"]))
        .collect();
    assert_eq!(
        named,
        [
            "15 \"“kubectl get nodes” is named in a sentence, and is no step\"",
            "21 \"“helm list” is named in a sentence, and is no step\"",
            "23 \"“helm uninstall api” is named in a sentence, and is no step\""
        ]
    );
}

/// What is said of another command, or of how this one is undone, is no name for it; and no reason to switch it off.
#[test]
fn a_step_has_no_title_of_another_command() {
    let text = "# T\n\nRun `velero backup create x` first, then:\n\n```sh\nkubectl delete ns x\n```\n\n\
        ```sh\nkubectl apply -f x.yaml # undo: kubectl delete -f x.yaml\nhelm upgrade api .   # rollback with helm rollback api\n```\n\n\
        1. Run `velero backup create y`, then:\n\n   ```sh\n   kubectl delete ns y\n   ```\n";
    let document = imported(text);
    let steps = document["steps"].as_array().expect("a list");
    let ids: Vec<&str> = steps.iter().map(|step| step["id"].as_str().expect("text")).collect();
    assert_eq!(
        ids,
        ["kubectl-delete-ns-x", "kubectl-apply-x-yaml", "helm-upgrade-api", "kubectl-delete-ns-y"]
    );
    let draft = document["runbook"].as_str().expect("the draft");
    assert!(!draft.contains("title: Run") && !draft.contains("when:"), "{draft}");
    assert!(draft.contains("about: \"Run `velero backup create x` first, then:\""), "{draft}");
}

#[test]
fn a_section_is_taken_by_its_heading() {
    let text = "# T\n\n## One\n\n```sh\ndate\n```\n\n### Part\n\n```sh\nuptime\n```\n\n## Two\n\n```sh\ndf -h\n```\n\n## Same\n\n## Same\n";
    let project = Project::new().file("wiki.md", text);
    let ids = |section: &str| {
        let shown = project.run(&["import", "wiki.md", "--section", section, "--format", "json"]).code(0);
        let document: Value = serde_json::from_str(&shown.stdout).expect("one JSON document");
        let steps = document["steps"].as_array().expect("a list");
        let ids = steps.iter().map(|step| step["id"].as_str().expect("text").to_owned());
        (document["name"].as_str().expect("text").to_owned(), ids.collect::<Vec<_>>().join(" "))
    };
    assert_eq!(ids("One"), ("one".to_owned(), "date uptime".to_owned()));
    assert_eq!(ids("## two"), ("two".to_owned(), "df".to_owned()));
    assert_eq!(ids("part"), ("part".to_owned(), "uptime".to_owned()));
    insta::assert_snapshot!(project.run(&["import", "wiki.md", "--section", "Tow"]).code(2), @r"
    $ runbook import wiki.md --section Tow
    --- stderr
    error[RB0010]: `wiki.md` has no heading “Tow”
     |
     = help: did you mean “Two”?

    1 error
    more about it: runbook explain RB0010
    --- exit status: 2
    ");
    insta::assert_snapshot!(project.run(&["import", "wiki.md", "--section", "same"]).code(2), @r"
    $ runbook import wiki.md --section same
    --- stderr
    error[RB0209]: `wiki.md` has the heading “Same” more than once: at lines 21, 23
     |
     = help: import the section around the one that is meant

    1 error
    more about it: runbook explain RB0209
    --- exit status: 2
    ");
    insta::assert_snapshot!(project.run(&["import", "wiki.md", "--section", "unlike anything"]).code(2), @r"
    $ runbook import wiki.md --section unlike anything
    --- stderr
    error[RB0010]: `wiki.md` has no heading “unlike anything”
     |
     = help: its headings: T; One; Part; Two; Same; Same

    1 error
    more about it: runbook explain RB0010
    --- exit status: 2
    ");
}

#[test]
fn what_nothing_can_be_made_of_is_one_diagnostic() {
    let huge = "a".repeat(5 << 20);
    let many = "```sh\n".to_owned() + &"date\n".repeat(700) + "```\n";
    let documents: [(&str, &[u8]); 7] = [
        ("prose.md", b"# Only words\n\nNothing to run here.\n"),
        ("empty.md", b""),
        ("binary.md", b"\x7fELF\x02\x01\x00\xff"),
        ("nul.md", b"# a\n\0\n"),
        ("huge.md", huge.as_bytes()),
        ("many.md", many.as_bytes()),
        ("folder.md/x", b""),
    ];
    let project = documents.iter().fold(Project::new(), |project, (name, text)| project.file(name, text));
    let told: Vec<String> =
        ["prose.md", "empty.md", "binary.md", "nul.md", "huge.md", "many.md", "folder.md", "gone.md"]
            .iter()
            .map(|name| project.run(&["import", name, "--out", "runbooks/x.yaml"]).code(2).to_string())
            .collect();
    assert!(!project.has("runbooks/x.yaml"));
    insta::assert_snapshot!(told.join("\n"), @r"
    $ runbook import prose.md --out runbooks/x.yaml
    --- stderr
    error[RB0211]: nothing in `prose.md` can be made a step
     |
     = help: steps come from shell commands in blocks of code (```bash), check lists (- [ ]) and
             numbered instructions

    1 error
    more about it: runbook explain RB0211
    --- exit status: 2

    $ runbook import empty.md --out runbooks/x.yaml
    --- stderr
    error[RB0211]: nothing in `empty.md` can be made a step
     |
     = help: steps come from shell commands in blocks of code (```bash), check lists (- [ ]) and
             numbered instructions

    1 error
    more about it: runbook explain RB0211
    --- exit status: 2

    $ runbook import binary.md --out runbooks/x.yaml
    --- stderr
    error[RB0003]: `binary.md` is not UTF-8 text: line 1 holds the byte 0xff
     |
     = help: save the file as UTF-8

    1 error
    more about it: runbook explain RB0003
    --- exit status: 2

    $ runbook import nul.md --out runbooks/x.yaml
    --- stderr
    error[RB0003]: `nul.md` holds a NUL byte, so it is not a text file
     |
     = help: name a Markdown file

    1 error
    more about it: runbook explain RB0003
    --- exit status: 2

    $ runbook import huge.md --out runbooks/x.yaml
    --- stderr
    error[RB0002]: `huge.md` is larger than 4 MiB, the most of a document that is read
     |
     = help: split it

    1 error
    more about it: runbook explain RB0002
    --- exit status: 2

    $ runbook import many.md --out runbooks/x.yaml
    --- stderr
    error[RB0222]: `many.md` has 700 steps, and a draft has at most 500
     |
     = help: import it section by section: --section HEADING

    1 error
    more about it: runbook explain RB0222
    --- exit status: 2

    $ runbook import folder.md --out runbooks/x.yaml
    --- stderr
    error[RB0001]: can't read `folder.md`: it is a folder

    1 error
    more about it: runbook explain RB0001
    --- exit status: 2

    $ runbook import gone.md --out runbooks/x.yaml
    --- stderr
    error[RB0001]: can't read `gone.md`: No such file or directory (os error 2)

    1 error
    more about it: runbook explain RB0001
    --- exit status: 2
    ");
}

/// What nobody decided holds the run up: it is confirmed, and going back stops at what has no way back yet.
#[test]
fn a_draft_claims_nothing_that_nobody_decided() {
    let text = "# T\n\n```bash\n# Make it\ntouch made\nFILE=made\nls \"$FILE\" >> log\n```\n";
    let project = Project::new().file("wiki.md", text);
    project.run(&["import", "wiki.md", "--out", "runbooks/t.yaml"]).code(0);
    insta::assert_snapshot!(project.run(&["exec", "t"]).code(2), @r"
    $ runbook exec t
    --- stderr
    error: t is protected (true)
     hint: add --yes to confirm it where no terminal can ask
    --- exit status: 2
    ");
    project.run(&["exec", "t", "--yes"]).code(0);
    assert_eq!(project.log(), "made\n");
    insta::assert_snapshot!(project.run(&["rollback", "--yes"]), @r#"
    $ runbook rollback --yes
    [TIME] run [RUN]: rollback of 2 steps began, asked for by ann@[HOST]
    [TIME] ls-file-log can't be undone and asks whether to leave it: Not decided yet: how this is undone, or why it can't be.
             answer it: runbook approve [RUN] ls-file-log
    [TIME] run [RUN]: waiting for a person

    ◆ t waits for a person; nothing of it runs
      run [RUN], 0 of 2 changes undone

    Waits for a person
      ls-file-log can't be undone and asks whether to leave it: Not decided yet: how this is undone, or why it can't be.

    Still changed
      make-it      Make it (can't be undone)
      ls-file-log  ls "$FILE" >> log (can't be undone)

    Next
      leave it as it is   runbook resume [RUN] --approve ls-file-log
      every step          runbook status [RUN]
    --- stderr
    run [RUN]: t, begun [AT], succeeded
    To be undone of run [RUN], the last begun first:
      ls-file-log  can't be undone: Not decided yet: how this is undone, or why it can't be.
      make-it  can't be undone: Not decided yet: how this is undone, or why it can't be.
    --- exit status: 3
    "#);
}
