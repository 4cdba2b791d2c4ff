//! The table of promises in `engine/ARCHITECTURE.md` names tests that there are.

use std::path::{Path, PathBuf};

/// Returns what stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns the file or folder that a name of the map means: from the package on, or from `engine/`.
fn place(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    [root.join(name), root.join("engine").join(name)].into_iter().find(|path| path.exists())
}

fn has_tests(path: &Path) -> bool {
    if path.is_dir() {
        let files = std::fs::read_dir(path).expect("a folder of tests can be read");
        return files.flatten().any(|file| has_tests(&file.path()));
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    // `mod tests;` is a file of its own beside it.
    text.contains("#[test]") || text.contains("mod tests;") || text.contains("proptest!")
}

#[test]
fn every_promise_names_tests_that_there_are() {
    let map = include_str!("../../engine/ARCHITECTURE.md");
    let (_, table) = map.split_once("| promise | test |\n| --- | --- |\n").expect("the table is there");
    let rows: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 40, "{} promises", rows.len());
    for row in rows {
        let tests = row.trim_end_matches([' ', '|']).rsplit('|').next().expect("a row has cells");
        let names: Vec<&str> =
            quoted(tests).filter(|name| name.ends_with(".rs") || name.ends_with('/')).collect();
        assert!(!names.is_empty(), "nothing tests this: {row}");
        let tested = |name: &&str| place(name).is_some_and(|path| has_tests(&path));
        for name in &names {
            assert!(place(name).is_some(), "there is no `{name}`: {row}");
        }
        assert!(names.iter().any(tested), "no test stands in {names:?}: {row}");
    }
}

#[test]
fn every_file_that_the_map_names_is_there() {
    let map = include_str!("../../engine/ARCHITECTURE.md");
    let path = |name: &&str| {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "/_.-".contains(c));
        plain && (name.ends_with(".rs") || name.ends_with('/'))
    };
    let gone: Vec<&str> = quoted(map).filter(path).filter(|name| place(name).is_none()).collect();
    // Each room has a `mod.rs`, and `pages/` is said of `diag/`.
    assert_eq!(gone, ["mod.rs", "pages/"], "nothing else may be missing");
}

#[test]
fn the_readme_names_every_verb() {
    let readme = include_str!("../../README.md");
    let (_, table) = readme.split_once("| verb | job |").expect("the table of verbs is there");
    let table: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    let told: Vec<&str> = table.iter().flat_map(|row| quoted(row.split('|').nth(1).unwrap_or(""))).collect();
    let commands = include_str!("../../docs/reference/commands.md");
    let verbs: Vec<&str> = commands.lines().filter_map(|line| line.strip_prefix("## runbook ")).collect();
    assert!(verbs.len() > 15, "{verbs:?}");
    let missing: Vec<_> = verbs.iter().filter(|verb| !told.contains(verb)).collect();
    assert!(missing.is_empty(), "README.md says nothing of {missing:?}");
}
