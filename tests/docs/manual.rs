//! The manual pages: one for each verb, whole, and read by what shows such pages without a complaint.

use std::process::Command;

use crate::support::debian;
use crate::support::project::Project;

/// What each page has, in this order.
const SECTIONS: [&str; 7] =
    ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "ENVIRONMENT", "FILES", "SEE ALSO"];

fn pages() -> (Project, Vec<(String, String)>) {
    let project = Project::new();
    project.run(&["man", "--out", "man1"]).code(0);
    let folder = project.root().join("man1");
    let mut pages: Vec<(String, String)> = std::fs::read_dir(folder)
        .expect("the folder was made")
        .map(|entry| entry.expect("it can be read"))
        .map(|entry| (entry.file_name(), std::fs::read_to_string(entry.path())))
        .map(|(name, text)| (name.into_string().expect("a name is text"), text.expect("a page is text")))
        .collect();
    pages.sort();
    (project, pages)
}

#[test]
fn every_verb_has_a_page_with_all_that_a_page_has() {
    let (project, pages) = pages();
    let commands = include_str!("../../docs/reference/commands.md");
    let verbs = commands.lines().filter_map(|line| line.strip_prefix("## runbook "));
    let mut wanted: Vec<String> = verbs.map(|verb| format!("runbook-{verb}.1")).collect();
    wanted.push("runbook.1".to_owned());
    wanted.sort();
    assert_eq!(pages.iter().map(|(name, _)| name).collect::<Vec<_>>(), wanted.iter().collect::<Vec<_>>());
    for (name, page) in &pages {
        let headings =
            page.lines().filter_map(|line| line.strip_prefix(".SH ")).map(|line| line.trim_matches('"'));
        let found: Vec<&str> = headings.filter(|heading| SECTIONS.contains(heading)).collect();
        assert_eq!(found, SECTIONS, "{name}");
        assert!(page.is_ascii(), "{name} depends on how it is read");
    }
    let exec = &pages.iter().find(|(name, _)| name == "runbook-exec.1").expect("it is there").1;
    for part in [".SH \"EXIT STATUS\"", "\\fB130\\fR", "RUNBOOK_VAR_NAME", "journal.db", "\\-\\-detach"] {
        assert!(exec.contains(part), "{part}:\n{exec}");
    }
    assert_eq!(&project.run(&["man", "exec"]).code(0).stdout, exec, "one page is as all are");
    let wrong = project.run(&["man", "exce"]).code(2).to_string();
    assert!(wrong.contains("did you mean `runbook man exec`?"), "{wrong}");
}

#[test]
fn a_page_of_somebody_else_is_left_alone() {
    let project = Project::new().file("man1/runbook.1", ".TH RUNBOOK 1\nanother program\n");
    project.run(&["man", "--out", "man1"]).code(2);
    assert!(!project.has("man1/runbook-exec.1"), "nothing is written by halves");
}

#[test]
fn what_shows_pages_has_nothing_to_complain_of() {
    let Some(mandoc) = debian::programs(&["mandoc"], "usr/bin", &["mandoc"]) else { return };
    let (project, pages) = pages();
    let mut lint = Command::new(mandoc.path("mandoc"));
    lint.envs(mandoc.environment()).args(["-T", "lint", "-W", "warning"]);
    lint.args(pages.iter().map(|(name, _)| project.root().join("man1").join(name)));
    let output = lint.output().expect("it can be run");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    // A page that is made anew is the same, so it has no date.
    let wrong: Vec<&str> = said.lines().filter(|line| !line.contains("missing date")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(said.lines().count(), pages.len(), "each was read: {said}");
}
