//! The examples on the pages about codes: what is wrong there is told with that code, and what is right with none.
#![expect(clippy::disallowed_methods, reason = "a test writes the project of its examples")]

use std::fs;
use std::path::Path;

use runbook::diag::{Code, text};
use runbook::load::{Loaded, Project, check_file};

/// What a file alone does not tell: it depends on the file system, the command line, or the machine. `NotCarriedOut` is
/// told no more.
const ELSEWHERE: [Code; 24] = [
    Code::Unreadable,
    Code::TooLarge,
    Code::NotUtf8,
    Code::UnknownRunbook,
    Code::NoProject,
    Code::TooManySteps,
    Code::NameTwice,
    Code::NeverFound,
    Code::MissingVar,
    Code::UnknownVar,
    Code::BadVar,
    Code::SecretOnCommandLine,
    Code::NoSecret,
    Code::TooManyInstances,
    Code::NotComputable,
    Code::NotCarriedOut,
    Code::BadPlan,
    Code::PlanDiffers,
    Code::PlanVar,
    Code::MissingTool,
    Code::ToolNotHere,
    Code::TestStep,
    Code::TestTape,
    Code::NeverFits,
];

/// Returns an example as a whole file: pages show the part that matters.
fn whole(example: &str) -> String {
    let head = "runbook: example\ntitle: An example\n";
    let begins = |key: &str| example.lines().any(|line| line.starts_with(key));
    if begins("runbook:") || begins("tape:") || begins("tests:") || example.starts_with('#') {
        example.to_owned()
    } else if example.starts_with("- ") {
        format!("{head}steps:\n{example}\n")
    } else if begins("steps:") {
        format!("{head}{example}\n")
    } else {
        format!("{head}{example}\nsteps: [{{id: hello, run: echo hello, effect: read}}]\n")
    }
}

fn checked(root: &Path, example: &str) -> Loaded {
    let name = match example {
        tape if tape.starts_with("tape:") => "example.tape.yaml",
        tests if tests.contains("tests:\n") => "example.test.yaml",
        _ => "example.yaml",
    };
    let file = root.join("runbooks").join(name);
    fs::write(&file, whole(example)).expect("the folder can be written to");
    check_file(&Project::at(root), &file)
}

#[test]
fn the_examples_are_as_wrong_and_as_right_as_they_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    for (path, text) in [
        ("runbooks/platform.yaml", "region: eu-1\n"),
        (
            "runbooks/drain.yaml",
            "runbook: drain\ntitle: T\nvars: {many: {type: integer, default: 1}}\nsteps: [{id: a, run: \"echo {{ many }}\", effect: read}]\nfinally: [{id: b, run: echo b}]\n",
        ),
        ("runbooks/people.yaml", "people: [dana]\ngroups: {dba: [ann, ben]}\n"),
        (
            "steps/kubectl/hpa-state.yaml",
            "step: kubectl/hpa-state\ntitle: Own\nrun: echo own\neffect: read\n",
        ),
    ] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let mut wrong = Vec::new();
    for code in Code::ALL.iter().copied() {
        let page = code.page();
        let shown = |loaded: &Loaded| text::report(&loaded.report, &loaded.sources, text::Look::default());
        if page.text.contains("## Right\n\n```yaml") {
            let right = checked(root, page.right);
            if !right.report.is_empty() {
                wrong.push(format!("{code}, which should be right:\n{}", shown(&right)));
            }
        }
        let runs = page.text.contains("## Wrong\n\n```yaml");
        assert_eq!(runs, !ELSEWHERE.contains(&code), "{code}: a file tells it, or else it is on the list");
        if runs {
            let loaded = checked(root, page.wrong);
            if !loaded.report.iter().any(|found| found.code == code) {
                wrong.push(format!("{code}, which should be wrong:\n{}", shown(&loaded)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
