//! Documents changed at random: each becomes a draft that the reader takes, or one diagnostic; none a panic.
//!
//! The same number is the same document on every machine. `RUNBOOK_FUZZ=5000` tries so many, from `RUNBOOK_FUZZ_FROM` on, and
//! `RUNBOOK_IMPORT=FOLDER` adds the documents of a folder.

use std::fs;
use std::time::{Duration, Instant};

use runbook::load::import::{Asked, import};
use runbook::load::{FileKind, Library, load_text};

/// How many documents a run of all tests tries.
const CASES: u64 = 150;

/// How long one may take on a machine that does other things too.
const LONGEST: Duration = Duration::from_secs(20);

/// What people and accidents put into documents.
const SCRAPS: [&str; 52] = [
    "",
    "```",
    "```bash\n",
    "```\n",
    "~~~",
    "    ",
    "\t",
    "> ",
    "- ",
    "- [ ] ",
    "1. ",
    "# ",
    "## ",
    "#",
    "|",
    "|---|",
    "\n\n",
    "\r\n",
    "\r",
    "<x>",
    "<",
    ">",
    "[name]",
    "{{",
    "}}",
    "{{ x }}",
    "{%",
    "{#",
    "$X",
    "${X}",
    "$(",
    ")",
    "`",
    "'",
    "\"",
    "\\",
    "\\\n",
    "<<EOF\n",
    "EOF\n",
    "&&",
    "|| ",
    "; ",
    "for i in a; do",
    "done",
    "if x; then",
    "export A=1",
    "cd x",
    "---\n",
    "\u{0}",
    "\u{feff}",
    "\u{2028}",
    "🙂: {[",
];

/// A small generator, so that a number names a document for ever.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

fn changed(text: &str, others: &[String], dice: &mut Dice) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=dice.roll(12) {
        let at = dice.roll(lines.len());
        match dice.roll(9) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => {
                let to = dice.roll(lines.len());
                lines.swap(at, to);
            }
            3 => {
                let other: Vec<&str> = others[dice.roll(others.len())].lines().collect();
                let from = dice.roll(other.len());
                let some = other[from..].iter().take(1 + dice.roll(8)).map(|line| (*line).to_owned());
                lines.splice(at..at, some.collect::<Vec<_>>());
            }
            4 => {
                let indent = ["  ", "    ", "> ", "- ", "\t", "   "][dice.roll(6)];
                let length = 1 + dice.roll(20);
                lines.iter_mut().skip(at).take(length).for_each(|line| line.insert_str(0, indent));
            }
            5 => lines.truncate(at.max(1)),
            _ => {
                let line = &mut lines[at];
                let places: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
                let place = places[dice.roll(places.len())];
                match dice.roll(3) {
                    0 => line.truncate(place),
                    _ => line.insert_str(place, SCRAPS[dice.roll(SCRAPS.len())]),
                }
            }
        }
        if lines.is_empty() {
            lines.push(String::new());
        }
    }
    lines.join("\n") + ["", "\n", "\r\n"][dice.roll(3)]
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn whatever_a_document_holds_comes_to_a_draft_or_a_diagnostic() {
    let mut documents: Vec<String> = super::documents().into_values().collect();
    if let Some(more) = std::env::var_os("RUNBOOK_IMPORT") {
        let entries = fs::read_dir(more).expect("the folder can be read");
        documents.extend(entries.flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok()));
    }
    let (from, cases) = (number("RUNBOOK_FUZZ_FROM", 0), number("RUNBOOK_FUZZ", CASES));
    let (mut drafts, mut refused) = (0, std::collections::BTreeMap::<String, u64>::new());
    for case in from..from + cases {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (case + 1).wrapping_mul(0x2545_f491_4f6c_dd1d));
        let text = changed(&documents[dice.roll(documents.len())], &documents, &mut dice);
        let asked =
            Asked { file: "wiki.md".to_owned(), name: "wiki".to_owned(), section: None, tables: None };
        let began = Instant::now();
        match import(&text, &asked) {
            Ok(made) => {
                drafts += 1;
                let loaded = load_text(
                    made.runbook.clone(),
                    "wiki.yaml",
                    "wiki",
                    FileKind::Runbook,
                    &Library::built_in(),
                );
                assert!(!loaded.report.has_errors(), "case {case}: {:#?}\n{}", loaded.report, made.runbook);
                let lines = text.lines().count();
                for (id, first, last, _) in &made.steps {
                    assert!(
                        1 <= *first && first <= last && *last <= lines,
                        "case {case}: {id} {first}-{last} of {lines}"
                    );
                }
                let again = import(&text, &asked).expect("the same document");
                assert_eq!(again.runbook, made.runbook, "case {case}");
            }
            Err(report) => {
                let first = report.iter().next().expect("it says why");
                assert!(matches!(first.code.number(), 3 | 211 | 222), "case {case}: {report:#?}\n{text}");
                *refused.entry(first.code.to_string()).or_default() += 1;
            }
        }
        assert!(began.elapsed() < LONGEST, "case {case} took {:?}", began.elapsed());
    }
    println!("{cases} documents: {drafts} drafts, refused {refused:?}");
    assert!(drafts > cases / 2);
}
