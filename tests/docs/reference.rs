//! `docs/reference/` is what the program says of itself, and its examples are right.
#![expect(clippy::disallowed_methods, reason = "a test reads the pages and writes what is blessed")]

use std::fs;
use std::path::Path;

use runbook::cli::command_line;
use runbook::diag::text;
use runbook::docs::reference;
use runbook::load::{FileKind, Library, load_text};

const REPAIR: &str = "RUNBOOK_BLESS=1 cargo test --test main reference";

#[test]
fn the_reference_is_as_it_is_made() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bless = std::env::var_os("RUNBOOK_BLESS").is_some();
    let mut stale = Vec::new();
    for page in reference(&command_line()) {
        let path = root.join(page.path);
        let there = fs::read_to_string(&path).unwrap_or_default();
        if there == page.text {
            continue;
        }
        if bless {
            fs::create_dir_all(path.parent().expect("a page is in a folder"))
                .expect("the folder can be made");
            fs::write(&path, &page.text).expect("the page can be written");
        } else {
            let differs = there.lines().zip(page.text.lines()).position(|(one, other)| one != other);
            stale.push(format!("{}, from line {}", page.path, differs.map_or(1, |line| line + 1)));
        }
    }
    assert!(stale.is_empty(), "not as it would be made now:\n{}\nrun: {REPAIR}", stale.join("\n"));
}

/// Every example in YAML that is a whole runbook, a list of steps, or a key of a step is checked.
#[test]
fn the_examples_of_the_language_page_are_right() {
    let page = reference(&command_line()).remove(0);
    let mut wrong = Vec::new();
    let mut checked = 0;
    for block in page.text.split("```yaml\n").skip(1) {
        let example = block.split("\n```").next().expect("there is always a first part");
        let whole = if example.starts_with("- ") {
            format!("runbook: x\ntitle: X\nsteps:\n{example}\n")
        } else {
            continue;
        };
        checked += 1;
        let loaded = load_text(whole, "x.yaml", "x", FileKind::Runbook, &Library::built_in());
        if loaded.report.has_errors() {
            wrong.push(text::report(&loaded.report, &loaded.sources, text::Look::default()));
        }
    }
    assert!(checked > 0 && wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A link inside a page leads to something on it.
#[test]
fn every_link_within_a_page_leads_somewhere() {
    for page in reference(&command_line()) {
        let mut anchors: Vec<String> = page
            .text
            .lines()
            .filter(|line| line.starts_with('#'))
            .map(|line| {
                let heading = line.trim_start_matches('#').trim().to_lowercase();
                heading
                    .chars()
                    .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                    .collect::<String>()
            })
            .map(|heading| heading.replace(' ', "-"))
            .collect();
        let ids = page.text.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next());
        anchors.extend(ids.map(str::to_owned));
        let links = page.text.split("](#").skip(1).filter_map(|rest| rest.split(')').next());
        let lost: Vec<&str> = links.filter(|link| !anchors.iter().any(|anchor| anchor == link)).collect();
        assert!(lost.is_empty(), "{}: {lost:?}", page.path);
    }
}
