//! The arrows of `engine/ARCHITECTURE.md`: which room may use which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each room with the rooms it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("diag", &["model"]),
    ("exec", &[]),
    ("template", &["model"]),
    ("plan", &["model", "diag"]),
    ("load", &["model", "diag", "template", "plan"]),
    ("machine", &["plan", "model", "template"]),
    ("journal", &["machine", "model"]),
    ("report", &["machine", "model", "journal", "diag"]),
    ("telemetry", &["report", "machine"]),
    ("docs", &["load", "template", "machine", "model", "journal", "diag"]),
    ("driver", &["machine", "exec", "journal", "template", "report", "model"]),
    ("proof", &["driver", "journal", "machine", "report", "model", "template"]),
    (
        "cli",
        &[
            "proof",
            "load",
            "plan",
            "docs",
            "report",
            "telemetry",
            "driver",
            "diag",
            "journal",
            "machine",
            "model",
            "template",
            "exec",
        ],
    ),
];

/// Rooms that know no async runtime, files, processes, clock, environment or database, with words that would show it.
const PURE: &[&str] = &["model", "diag", "template", "plan", "machine"];
const IMPURE: &[&str] = &[
    "tokio::",
    "std::fs",
    "std::process",
    "std::env",
    "std::net",
    "std::thread",
    "rusqlite",
    "rustix",
    "duct::",
    "crash_point",
];

fn rooms() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine");
    let mut rooms = BTreeMap::new();
    for (room, _) in ARROWS {
        let mut files = Vec::new();
        collect(&engine.join(room), &mut files);
        rooms.insert((*room).to_owned(), files);
    }
    rooms
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder's entry can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file can be read");
            files.push((path, without_comments(&text)));
        }
    }
}

fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Returns the rooms that a source names as `crate::room`, also inside `use crate::{room::…, …}`.
fn used(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => found
                .extend(rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().map(str::to_owned)),
            Some(group) => {
                let mut depth = 0usize;
                let mut name = String::new();
                for c in group.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => found.extend(first_word(&std::mem::take(&mut name))),
                        _ if depth == 0 => name.push(c),
                        _ => {}
                    }
                }
                found.extend(first_word(&name));
            }
        }
    }
    found
}

fn first_word(text: &str) -> Option<String> {
    let word = text.trim().split(':').next()?.trim();
    (!word.is_empty()).then(|| word.to_owned())
}

#[test]
fn rooms_use_only_the_rooms_they_may() {
    let rooms = rooms();
    let names: BTreeSet<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    let mut wrong = Vec::new();
    for (room, allowed) in ARROWS {
        for (path, text) in &rooms[*room] {
            for other in used(text) {
                if names.contains(other.as_str()) && other != *room && !allowed.contains(&other.as_str()) {
                    wrong.push(format!("{}: {room} may not use {other}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "engine/ARCHITECTURE.md draws no such arrow:\n{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_know_nothing_of_the_outside() {
    let rooms = rooms();
    let mut wrong = Vec::new();
    for room in PURE {
        for (path, text) in &rooms[*room] {
            if path.ends_with("tests.rs") {
                continue;
            }
            for word in IMPURE {
                if text.contains(word) {
                    wrong.push(format!("{}: {word}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "a pure room reaches outside:\n{}", wrong.join("\n"));
}

#[test]
fn a_release_has_no_fail_points() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect("it is part of the project");
    let text = read("engine/crash_point.rs");
    let (before, armed) =
        text.split_once("\nmod armed {").expect("what can kill stands in a module of its own");
    assert!(before.ends_with("#[cfg(debug_assertions)]"), "that module is in every build");
    assert!(
        armed.trim_end().ends_with('}') && !before.contains("std::env"),
        "and nothing else reads the environment"
    );
    assert!(!read("Cargo.toml").contains("debug-assertions"), "a profile would bring them back");
}

#[test]
fn every_room_is_drawn() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine");
    let folders: BTreeSet<String> = std::fs::read_dir(engine)
        .expect("engine/ can be read")
        .map(|entry| entry.expect("a folder's entry can be read").path())
        .filter(|path| path.is_dir())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    let drawn: BTreeSet<String> = ARROWS.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert_eq!(folders, drawn);
}

#[test]
fn the_reader_of_arrows_sees_groups_and_paths() {
    let text =
        "use crate::model::{self, Map};\nuse crate::{diag::Report, plan};\nfn x() { crate::exec::alive() }";
    assert_eq!(used(text).into_iter().collect::<Vec<_>>(), ["diag", "exec", "model", "plan"]);
}
