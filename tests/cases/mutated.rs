//! Whatever a file holds, reading it ends, and with a report rather than a panic.

use proptest::prelude::*;
use runbook::diag::{json, text};
use runbook::load::{FileKind, Library, load_text};

/// Loads, renders both ways, and returns whether there were errors.
fn survives(content: &str, kind: FileKind) -> bool {
    let library = Library::built_in().with_text("demo/scale", include_str!("check/steps/demo/scale.yaml"));
    let name = if kind == FileKind::Template { "demo/scale" } else { "ok_full" };
    let loaded = load_text(content, "a.yaml", name, kind, &library);
    text::report(&loaded.report, &loaded.sources, text::Look { colour: true, width: 60 });
    json::report(&loaded.report, &loaded.sources);
    loaded.report.has_errors()
}

const SEEDS: [&str; 4] = [
    include_str!("check/ok_full.yaml"),
    include_str!("check/ok_all_actions.yaml"),
    include_str!("check/err_wrong_types.yaml"),
    include_str!("check/steps/demo/scale.yaml"),
];

/// What people and accidents put into files.
const SCRAPS: [&str; 24] = [
    "",
    "{{",
    "}}",
    "{%",
    "\"",
    "'",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\t",
    "|",
    ">-\n",
    "&a ",
    "*a",
    "!x ",
    "# ",
    "[",
    "{",
    "null",
    "🙂",
    "\u{0}",
    "{{ steps.a.outputs.b }}",
    "-1e999",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_runbook(seed in 0..SEEDS.len(), cuts in prop::collection::vec((0..4000_usize, 0..40_usize, 0..SCRAPS.len()), 1..6)) {
        let mut content = SEEDS[seed].to_owned();
        for (at, length, scrap) in cuts {
            let start = content.floor_char_boundary(at % (content.len() + 1));
            let end = content.floor_char_boundary((start + length).min(content.len())).max(start);
            content.replace_range(start..end, SCRAPS[scrap]);
        }
        let kind = if seed == 3 { FileKind::Template } else { FileKind::Runbook };
        survives(&content, kind);
    }

    #[test]
    fn lines_in_another_order(seed in 0..SEEDS.len(), swaps in prop::collection::vec((0..90_usize, 0..90_usize), 1..8)) {
        let mut lines: Vec<&str> = SEEDS[seed].lines().collect();
        for (a, b) in swaps {
            let count = lines.len();
            lines.swap(a % count, b % count);
        }
        survives(&lines.join("\n"), FileKind::Runbook);
    }

    #[test]
    fn anything_at_all(content in "\\PC{0,200}") {
        survives(&content, FileKind::Runbook);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        survives(&String::from_utf8_lossy(&bytes), FileKind::Template);
    }
}

#[test]
fn the_seeds_are_what_they_say() {
    assert!(!survives(SEEDS[3], FileKind::Template));
    assert!(survives(SEEDS[2], FileKind::Runbook));
}

#[test]
fn many_steps_are_read_in_bounded_time() {
    let mut content = "runbook: ok_full\ntitle: T\nsteps:\n".to_owned();
    for step in 0..3_000 {
        let before =
            if step == 0 { String::new() } else { format!("{{{{ steps.s{}.outputs.o }}}}", step / 2) };
        content +=
            &format!("  - {{id: s{step}, run: \"echo {before}\", effect: read, outputs: {{o: stdout}}}}\n");
    }
    let library = Library::built_in();
    let loaded = load_text(content, "a.yaml", "ok_full", FileKind::Runbook, &library);
    let found: Vec<_> = loaded.report.iter().map(|found| found.message.as_str()).collect();
    assert_eq!(found, Vec::<&str>::new());
}

/// Takes minutes when finding the place of each name reads the script anew.
#[test]
fn a_long_script_is_read_in_bounded_time() {
    let lines = "      echo {{ run.id }} \"$(echo '{{ run.name }}')\"\n".repeat(15_000);
    let content =
        format!("runbook: long\ntitle: T\nsteps:\n  - id: a\n    effect: read\n    shell: |\n{lines}");
    let library = Library::built_in();
    let loaded = load_text(content, "a.yaml", "long", FileKind::Runbook, &library);
    let found: Vec<_> = loaded.report.iter().map(|found| found.message.as_str()).collect();
    assert_eq!(found, Vec::<&str>::new());
}
