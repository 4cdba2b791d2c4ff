//! `docs/tutorial.md` and `docs/rehearsals.md` are done as they say: their files are written, their commands run on a
//! terminal, their answers typed, and what is left on the screen is compared with what the page shows. Ids, times and hosts
//! may differ, and the order of what runs side by side: words are compared, not lines.
//!
//! `RUNBOOK_BLESS=1 cargo test --test main tutorial` writes what is shown now; read the difference.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

use super::screen;
use crate::support::project::Project;
use crate::support::terminal::Terminal;

/// The ids of runs that the page shows, in the order in which they are started.
const IDS: [&str; 12] = [
    "r2mj4zwy", "r8d4tq0n", "rb61xk9e", "rc3vhw7p", "rg0n5ymd", "rjt82a4s", "rkq7ec1x", "rm95dz6h",
    "rpw3j8vb", "rs4y0tgn", "rv7xa2kq", "rzh16m9c",
];

/// A fenced block of the page: its language, and what it holds.
struct Block<'p> {
    language: &'p str,
    text: &'p str,
    /// What is typed while its commands run: after which words, and what.
    typed: Vec<(String, String)>,
}

/// Returns the page's blocks, each with the text before it.
fn blocks(page: &str) -> Vec<(&str, Block<'_>)> {
    let typing = Regex::new(r#"<!-- at "([^"]+)" type "([^"]*)" -->"#).expect("the pattern is right");
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("\n```") {
        let (language, after) = after.split_once('\n').expect("a fence is a line of its own");
        let (text, after) = match after.strip_prefix("```") {
            Some(after) => ("", after),
            None => after.split_once("\n```").expect("a fence is closed"),
        };
        let typed =
            typing.captures_iter(before).map(|said| (said[1].to_owned(), said[2].to_owned())).collect();
        found.push((before, Block { language, text, typed }));
        rest = after;
    }
    found.push((rest, Block { language: "", text: "", typed: Vec::new() }));
    found
}

/// Who does the tutorial.
struct Reader {
    project: Project,
    /// The ids of the runs that were started, in order.
    runs: Vec<String>,
}

impl Reader {
    /// Types a command and returns what is left on the screen, with the ids, host and paths of the page.
    fn does(&mut self, command: &str, typed: &mut Vec<(String, String)>) -> String {
        let mut real = command.to_owned();
        for (id, own) in IDS.iter().zip(&self.runs) {
            real = real.replace(id, own);
        }
        let like = self.project.command(&[]);
        let binary = PathBuf::from(like.get_program());
        let mut sh = Command::new("sh");
        sh.args(["-c", &real]).current_dir(self.project.root());
        let path = like.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value);
        let path = path.unwrap_or_default().to_string_lossy().into_owned();
        let beside = binary.parent().expect("a program is in a folder").display();
        sh.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
        sh.env("PATH", format!("{beside}:{path}"));
        let mut terminal = Terminal::start(&sh);
        while let Some((at, keys)) = typed.first().filter(|_| command.starts_with("runbook")).cloned() {
            typed.remove(0);
            terminal.wait_for(&at);
            terminal.keys(&format!("{keys}\n"));
        }
        let (_, written) = terminal.end();
        self.shown(&screen::left(&written))
    }

    fn shown(&mut self, screen: &str) -> String {
        let id = Regex::new(r"\brun (r[0-9a-hjkmnp-tv-z]{7})\b").expect("the pattern is right");
        for found in id.captures_iter(screen).map(|found| found[1].to_owned()) {
            if !self.runs.contains(&found) {
                self.runs.push(found);
            }
        }
        let mut text = screen.to_owned();
        for (id, own) in IDS.iter().zip(&self.runs) {
            text = text.replace(own, id);
        }
        let root = self.project.root();
        let home = root.parent().expect("it is in a folder").join("home").display().to_string();
        text = text.replace(&root.display().to_string(), "/home/ada/ops").replace(&home, "/home/ada");
        let host = Regex::new(r"\bada@[A-Za-z0-9_.-]+").expect("the pattern is right");
        host.replace_all(&text, "ada@vm").trim_end().to_owned()
    }
}

/// Replaces what differs from time to time.
fn steady(text: &str) -> String {
    [
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[AT]"),
        (r"\b\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?\b", "[AT]"),
        (r"\b\d\d:\d\d:\d\d\b", "[TIME]"),
        (r"\bpid \d+", "pid [PID]"),
        (r"\bprocess\s+\d+", "process [PID]"),
        (r"\b[0-9a-f]{8,64}\b", "[HASH]"),
        (r"\b\d[0-9.]*(ms|s|m)( \d+s)?( ago)?\b", "[TOOK]"),
        (r"just now", "[TOOK]"),
    ]
    .iter()
    .fold(format!("{}\n", text.trim_end()), |text, (pattern, with)| {
        Regex::new(pattern).expect("the pattern is right").replace_all(&text, *with).into_owned()
    })
}

/// Returns the words, sorted: what ends at the same time is told in any order, and a number of a process that is longer
/// wraps a line elsewhere.
fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    words.sort_unstable();
    words
}

#[test]
fn the_tutorial_is_what_happens() {
    let page = held("tutorial", Project::new());
    let written = blocks(&page)
        .into_iter()
        .flat_map(|(before, block)| [before, if block.language == "yaml" { block.text } else { "" }]);
    for line in written.flat_map(str::lines) {
        assert!(line.chars().count() <= 88, "too wide to read: {line}");
    }
}

#[test]
fn the_rehearsals_are_what_happens() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks");
    let mut project = Project::new();
    for folder in ["", "autolytiq", "arka", "aws", "local"] {
        for file in fs::read_dir(shipped.join(folder)).expect("it is shipped") {
            let file = file.expect("it can be listed").path();
            if file.is_file() {
                let place = file.strip_prefix(&shipped).expect("it is below").display().to_string();
                let text = fs::read_to_string(&file).expect("it can be read");
                project = project.file(&format!("runbooks/{place}"), text);
            }
        }
    }
    let page = held("rehearsals", project);

    // What the README shows of one is a part of it, in that order.
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("it is there");
    let shown: Vec<&str> = blocks(&readme)
        .into_iter()
        .filter(|(_, block)| block.text.starts_with("$ runbook rehearse"))
        .flat_map(|(_, block)| block.text.lines().filter(|line| *line != "…"))
        .collect();
    assert!(shown.len() > 10, "{shown:?}");
    let mut lines = page.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    for line in shown {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert!(lines.any(|line| line == words), "the page does not show this, or not here: {line}");
    }
}

/// Does what the page says, and returns it when all is as it shows.
#[track_caller]
fn held(name: &str, project: Project) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name).with_extension("md");
    let page = fs::read_to_string(&path).expect("the page is there");
    let bless = std::env::var_os("RUNBOOK_BLESS").is_some();
    let mut reader = Reader { project: project.env("LOGNAME", "ada"), runs: Vec::new() };
    let mut whole = String::new();
    let mut wrong = Vec::new();
    for (before, block) in blocks(&page) {
        whole.push_str(before);
        if block.language.is_empty() {
            continue;
        }
        let mut text = block.text.to_owned();
        if let Some(file) =
            text.lines().next().and_then(|line| line.strip_prefix("# ")).filter(|_| block.language == "yaml")
        {
            let file = file.split_whitespace().next().expect("a comment that names a file");
            reader.project.write(file, format!("{text}\n"));
        }
        if block.language == "console" {
            text = done(&mut reader, &block, &mut wrong);
        }
        whole.push_str(&format!(
            "\n```{}\n{text}{}```",
            block.language,
            if text.is_empty() { "" } else { "\n" }
        ));
    }
    if bless {
        fs::write(&path, &whole).expect("the page can be written");
        return whole;
    }
    assert!(
        wrong.is_empty(),
        "RUNBOOK_BLESS=1 cargo test --test main tutorial writes this:\n{}",
        wrong.join("\n")
    );
    assert_eq!(whole.trim_end(), page.trim_end(), "the page is read and written whole");
    page
}

/// Does the commands of a block and returns it with what is shown now, as far as that differs.
fn done(reader: &mut Reader, block: &Block<'_>, wrong: &mut Vec<String>) -> String {
    let mut typed = block.typed.clone();
    let mut parts: Vec<String> = Vec::new();
    for part in format!("\n{}", block.text).split("\n$ ").skip(1) {
        let (command, told) = part.split_once('\n').unwrap_or((part, ""));
        let shown = reader.does(command, &mut typed);
        let same = words(&steady(&shown)) == words(&steady(told));
        if !same {
            wrong.push(format!("$ {command}\n{shown}"));
        }
        let text = if same { told } else { &shown };
        parts.push(format!("$ {command}{}{}", if text.is_empty() { "" } else { "\n" }, text.trim_end()));
    }
    assert!(typed.is_empty(), "nobody asked for {typed:?}");
    parts.join("\n")
}
