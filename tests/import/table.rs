//! Each command of three documents, with the lines and the step that a person who read them expects. A table is written by hand and
//! blessed by nobody: what is missed, wrong or made up is a mistake of the importer.
//!
//! A line is `LINES WHAT NAME`: `run`, `shell` and `manual` are commands of the document by the key of their step, `person` is what
//! it tells somebody to do, `var` a variable that it gives or asks for.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{documents, folder, imported};

struct Row {
    lines: (usize, usize),
    what: String,
    name: String,
}

fn table(name: &str) -> Vec<Row> {
    let text = fs::read_to_string(folder().join(format!("{name}.table"))).expect("it can be read");
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [lines, what, name] = words.as_slice() else { panic!("LINES WHAT NAME: {line}") };
        let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
        let number = |text: &str| text.parse().expect("a number");
        Row { lines: (number(first), number(last)), what: (*what).to_owned(), name: (*name).to_owned() }
    };
    text.lines().map(row).collect()
}

/// Returns the words of a command that stand in a step as they stand in the document: no placeholders, quotes or marks of
/// here-documents, and what is behind `#` is a comment.
fn words(lines: &[&str]) -> Vec<String> {
    let text = lines.join("\n");
    let text = text.trim_start().trim_start_matches("$ ");
    let text = text.split(" # ").next().unwrap_or_default();
    let found = text.split_whitespace().filter(|word| {
        let other = ["<", ">", "$", "\"", "'", "\\", "=", ":", "}", ")", "EOF", "SQL"];
        !other.iter().any(|mark| word.contains(mark))
    });
    found.map(str::to_owned).collect()
}

/// Returns what stands in the draft for each step, by its id.
fn body<'d>(draft: &'d str, id: &str) -> &'d str {
    let head = format!("  - id: {id}\n");
    let (_, rest) = draft.split_once(&head).expect("the step is in the draft");
    rest.split("\n  # wiki.md:").next().unwrap_or_default()
}

#[test]
fn each_command_of_a_document_is_the_step_that_is_expected() {
    let documents = documents();
    let mut told = String::new();
    for name in ["beacon", "lantern", "tideline"] {
        let text = &documents[name];
        let lines: Vec<&str> = text.lines().collect();
        let document = imported(text);
        let draft = document["runbook"].as_str().expect("the draft");
        let steps: Vec<(String, (usize, usize), String)> = document["steps"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|step| {
                let text = |key: &str| step[key].as_str().expect("text").to_owned();
                let line = |index: usize| step["lines"][index].as_u64().expect("a number") as usize;
                (text("id"), (line(0), line(1)), text("action"))
            })
            .collect();
        let (mut found, mut people, mut vars) = (0, 0, 0);
        let (mut missed, mut wrong, mut expected) = (Vec::new(), Vec::new(), BTreeSet::new());
        for row in table(name) {
            let first = row.lines.0;
            if row.what == "var" {
                match draft.contains(&format!("  # wiki.md:{first}\n  {}:\n", row.name)) {
                    true => vars += 1,
                    false => missed.push(format!("{first} {}", row.name)),
                }
                continue;
            }
            expected.insert(row.name.clone());
            let Some((id, at, action)) = steps.iter().find(|(_, at, _)| at.0 == first) else {
                missed.push(format!("{first} {}", row.name));
                continue;
            };
            let wanted = if row.what == "person" { "manual" } else { &row.what };
            let body = body(draft, id);
            let gone: Vec<String> = words(&lines[row.lines.0 - 1..row.lines.1])
                .into_iter()
                .filter(|word| row.what != "person" && !body.contains(word.as_str()))
                .collect();
            if (id, *at, action.as_str()) != (&row.name, row.lines, wanted) || !gone.is_empty() {
                wrong.push(format!(
                    "{id} {at:?} {action}, expected {} {:?} {wanted}; without {gone:?}",
                    row.name, row.lines
                ));
            }
            match row.what.as_str() {
                "person" => people += 1,
                _ => found += 1,
            }
        }
        let invented: Vec<&String> =
            steps.iter().map(|(id, _, _)| id).filter(|id| !expected.contains(*id)).collect();
        told.push_str(&format!(
            "{name}: {found} commands found, {people} for people, {vars} vars; missed {missed:?}, wrong {wrong:?}, invented {invented:?}\n"
        ));
    }
    insta::assert_snapshot!(told, @r"
    beacon: 30 commands found, 2 for people, 7 vars; missed [], wrong [], invented []
    lantern: 29 commands found, 4 for people, 0 vars; missed [], wrong [], invented []
    tideline: 23 commands found, 6 for people, 0 vars; missed [], wrong [], invented []
    ");
}

/// What the documents hold besides commands stays text: output, statements, files, formulas, secrets.
#[test]
fn what_is_no_command_of_a_document_runs_nowhere() {
    let document = imported(&documents()["beacon"]);
    let draft = document["runbook"].as_str().expect("the draft");
    for secret in ["sea-glass-42", "Tern-and-gull", "Puffin-19", "Gannet-77"] {
        assert!(!draft.contains(secret), "{draft}");
    }
    assert!(body(draft, "look-at-the-log").contains("log-0      1/1     Running"));
    assert!(body(draft, "kubectl-get-deployment").contains("log    1/1"));
    assert!(!body(draft, "kubectl-get-deployment").contains("log-0"));
    assert!(body(draft, "kubectl-logs-deploy-log").contains("...output omitted..."));
    for step in [
        "if-it-fails",
        "ask-for-a-second-person",
        "the-release-before",
        "kubectl-describe-last",
        "undo-the-silence",
    ] {
        assert!(body(draft, step).contains("    when: \"false\" # not decided yet: "), "{step}:\n{draft}");
    }
    for step in ["ship-it", "then-tell-the-office-and-look-once-more", "kubectl-get-pods", "say-so"] {
        assert!(!body(draft, step).contains("    when:"), "{step}:\n{draft}");
    }
    assert!(body(draft, "kubectl-get-secret-radio-yaml").contains("    sensitive: true"));
    for step in ["date-2026-01-01-00-00", "sort-calls-txt-calls-txt", "bash", "what-was-heard-last-year"] {
        assert!(!body(draft, step).contains("    effect: read"), "{step}:\n{draft}");
    }
    let open = document["open"].as_array().expect("a list");
    let of = |matter: &str| {
        let of = open.iter().filter(|one| one["matter"] == matter);
        of.map(|one| one["line"].as_u64().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!(of("back"), [81, 98, 102, 104, 105, 106, 115]);
    assert_eq!(of("secret"), [13, 13, 87, 87, 87, 88, 88, 89, 131, 131, 133, 134, 134, 134]);
    let lantern = imported(&documents()["lantern"]);
    let actions =
        lantern["steps"].as_array().expect("a list").iter().filter(|step| step["action"] != "manual");
    let starts: Vec<&Value> = actions.map(|step| &step["lines"][0]).collect();
    // The file of line 64, the statements of 89 and the formula of 142.
    assert!(
        starts
            .iter()
            .all(|line| !(60..75).chain(88..95).chain(140..149).any(|not| line.as_u64() == Some(not)))
    );
}
