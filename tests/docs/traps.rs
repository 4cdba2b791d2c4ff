//! `docs/traps.md` names tests, templates and runbooks that there are.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;

use crate::support::search;

/// Returns the names of all tests below `tests/`.
fn tests() -> BTreeSet<String> {
    let test = Regex::new(r"#\[test\]\s+fn (\w+)\(").expect("the pattern is right");
    let files = search::files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"));
    let rust = files.into_iter().filter(|(path, _)| path.extension().is_some_and(|it| it == "rs"));
    let names = |(_, bytes): (_, Vec<u8>)| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        test.captures_iter(&text).map(|found| found[1].to_owned()).collect::<Vec<_>>()
    };
    rust.flat_map(names).collect()
}

fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_trap_is_shown_by_tests_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (page, tests) = (include_str!("../../docs/traps.md"), tests());
    let named = Regex::new(r"^[a-z0-9]+/[a-z0-9-]+$").expect("the pattern is right");
    let is_head = |line: &&str| line.starts_with("| what happens") || line.starts_with("| ---");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with('|') && !is_head(line)).collect();
    assert!(rows.len() > 35, "{} rows", rows.len());
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [_, done, shown] = cells[..] else { panic!("three cells: {row}") };
        let unknown: Vec<&str> = quoted(shown).filter(|name| !tests.contains(*name)).collect();
        assert!(quoted(shown).next().is_some() && unknown.is_empty(), "no such test {unknown:?}: {row}");
        for name in quoted(done).filter(|name| named.is_match(name)) {
            let there = |folder: &str| root.join(folder).join(name).with_extension("yaml").exists();
            // A chart is named the same way.
            assert!(there("steps") || there("runbooks") || name.starts_with("bitnami/"), "no {name}: {row}");
        }
    }
}
