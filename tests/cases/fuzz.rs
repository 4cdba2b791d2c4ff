//! Load and plan over files that nobody would write: whatever a file holds, both end, soon and without a panic.
//!
//! The files are the fixtures and what is shipped, changed at random: lines and tokens deleted, doubled, swapped, taken from
//! another file, keys and values put where others belong, expressions made up. The same number is the same file on every
//! machine. `RUNBOOK_FUZZ=1000000` tries so many, from `RUNBOOK_FUZZ_FROM` on; the slowest is shown with `--nocapture`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use runbook::diag::text;
use runbook::driver::preview;
use runbook::load::{FileKind, Given, Inputs, Library, Loaded, Project, bind, load_text, schema};
use runbook::model::Kind;
use runbook::template::Engine;
use serde_json::Value;

/// How many files a run of all tests tries.
const CASES: u64 = 1_500;

/// How long one file may take on a machine that does other things too: what is quadratic takes longer on these.
const LONGEST: Duration = Duration::from_secs(20);

/// From when on a file is worth a look, and shown.
const LONG: Duration = Duration::from_secs(2);

/// What people and accidents put into files.
const SCRAPS: &[&str] = &[
    "",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "\"",
    "'",
    ": ",
    ":",
    "- ",
    "-",
    "\n",
    "\n  ",
    "\t",
    "\r\n",
    "\r",
    "|",
    "|+2",
    ">-\n",
    "&a ",
    "*a",
    "<<: *a",
    "!x ",
    "!!str ",
    "# ",
    "#",
    "[",
    "]",
    "{",
    "}",
    ",",
    "? ",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "null",
    "~",
    "🙂",
    "\u{0}",
    "\u{feff}",
    "\u{2028}",
    "\u{85}",
    "\u{202e}",
    "\u{1b}[2J",
    "on",
    "012",
    "0o12",
    "0x1f",
    "1e999",
    "-1e999",
    ".nan",
    ".inf",
    "1_000",
    "1:30",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "1.10",
    "5m",
    "99999999999999999999h",
    "-5m",
    "2026-12-01T08:00:00Z",
    "{{ item }}",
    "{{ item.key }}",
    "{{ run.id }}",
    "{{ captured.x }}",
    "{{ steps.a.outputs.b }}",
    "{{ stdout | from_json }}",
    "$(",
    ")",
    "`",
    "<<EOF\n",
    "EOF\n",
    "\\",
    "$((",
    "${x:-",
    "| raw_shell",
    "| quote",
    "&&",
    ";",
    "exit_code == 0",
    "true",
    "range(3)",
    "range(100000)",
];

/// Parts of expressions; `@` stands for another expression.
const SHAPES: &[&str] = &[
    "x",
    "env",
    "item",
    "item.key",
    "run",
    "run.status",
    "steps",
    "captured",
    "captured.replicas",
    "steps.first.outputs.o",
    "stdout",
    "json",
    "lines",
    "exit_code",
    "1",
    "0",
    "-1",
    "3.5",
    "1e308",
    "9223372036854775807",
    "'text'",
    "''",
    "none",
    "true",
    "[]",
    "{}",
    "[@, @]",
    "{'a': @}",
    "@ + @",
    "@ - @",
    "@ * @",
    "@ / @",
    "@ // @",
    "@ % @",
    "@ ** @",
    "@ ~ @",
    "@ == @",
    "@ < @",
    "@ in @",
    "@ is defined",
    "@ is not none",
    "not @",
    "-@",
    "@ and @",
    "@ or @",
    "@ if @ else @",
    "(@)",
    "@.a",
    "@['a']",
    "@[0]",
    "@[1:2]",
    "@[::-1]",
    "@ | default(@)",
    "@ | length",
    "@ | int",
    "@ | float",
    "@ | string",
    "@ | upper",
    "@ | join(@)",
    "@ | split(@)",
    "@ | replace(@, @)",
    "@ | first",
    "@ | last",
    "@ | sort",
    "@ | unique",
    "@ | map('upper')",
    "@ | map(attribute=@)",
    "@ | select('defined')",
    "@ | sum",
    "@ | min",
    "@ | max",
    "@ | round(@)",
    "@ | quantity",
    "@ | duration",
    "@ | bytes",
    "@ | ceil",
    "@ | quote",
    "@ | from_json",
    "@ | from_yaml",
    "@ | to_json",
    "@ | to_yaml",
    "@ | regex_search(@)",
    "@ | items",
    "@ | dictsort",
    "@ | batch(@)",
    "@ | slice(@)",
    "@ | indent(@)",
    "@ | format(@)",
    "@ | tojson",
    "@ | abs",
    "@ | list",
    "@ | reverse",
    "@ | trim",
    "@ | title",
    "range(@)",
    "range(@, @, @)",
    "dict(a=@)",
    "@ | nothing",
    "@(",
];

/// Numbers that are the same everywhere (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `end`, or 0.
    fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.roll() % end as u64) as usize }
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// The files to begin with.
struct Seeds {
    texts: Vec<(FileKind, String, String)>,
    /// Those that are right runbooks.
    right: Vec<usize>,
    /// Those that are right YAML, as data.
    data: Vec<(usize, Value)>,
    keys: Vec<String>,
    library: Library,
    project: Project,
}

fn yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
}

impl Seeds {
    fn read(root: &Path) -> Seeds {
        let cases = root.join("tests/cases/check");
        let project = Project { root: cases.clone(), steps: cases.join("steps"), runbooks: cases };
        let mut paths = Vec::new();
        for folder in ["tests/cases/check", "runbooks", "steps"] {
            yaml_files(&root.join(folder), &mut paths);
        }
        let mut texts = Vec::new();
        for path in paths {
            let text =
                String::from_utf8_lossy(&std::fs::read(&path).expect("a seed can be read")).into_owned();
            let kind = if text.contains("\nsteps:") || text.starts_with("runbook:") {
                FileKind::Runbook
            } else {
                FileKind::Template
            };
            let name =
                path.file_stem().and_then(|stem| stem.to_str()).expect("seeds have plain names").to_owned();
            if text.len() < 20_000 {
                texts.push((kind, name, text));
            }
        }
        let right = texts.iter().enumerate();
        let right =
            right.filter(|(_, (kind, name, _))| *kind == FileKind::Runbook && !name.starts_with("err_"));
        let right = right.map(|(at, _)| at).collect();
        let data = texts.iter().enumerate();
        let data =
            data.filter_map(|(at, (_, _, text))| Some((at, serde_yaml::from_str(text).ok()?))).collect();
        let mut keys = Vec::new();
        for kind in [FileKind::Runbook, FileKind::Template] {
            let schema = schema(kind);
            let definitions = schema["definitions"].as_object().expect("a schema has definitions");
            for properties in definitions.values().filter_map(|one| one["properties"].as_object()) {
                keys.extend(properties.keys().cloned());
            }
        }
        keys.sort();
        keys.dedup();
        Seeds { texts, right, data, keys, library: Library::with_folder(&project.steps), project }
    }

    /// Returns the file of that number.
    fn file(&self, number: u64) -> (FileKind, &str, String) {
        let mut dice = Dice(number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        if dice.below(3) == 0 {
            let (kind, name, text) = &self.texts[self.right[dice.below(self.right.len())]];
            return (*kind, name, self.slightly(text, &mut dice));
        }
        if dice.below(3) == 0 {
            let (at, value) = &self.data[dice.below(self.data.len())];
            let mut value = value.clone();
            for _ in 0..=dice.below(3) {
                self.retyped(&mut value, &mut dice);
            }
            let (kind, name, _) = &self.texts[*at];
            return (*kind, name, value.to_string());
        }
        let (kind, name, text) = &self.texts[dice.below(self.texts.len())];
        let mut text = text.clone();
        for _ in 0..=dice.below(4) {
            text = self.edited(&text, &mut dice);
        }
        (*kind, name, text)
    }

    /// Returns the file with a word or two of it in place of others: much of that is right still.
    fn slightly(&self, text: &str, dice: &mut Dice) -> String {
        let word = |token: &str| token.chars().next().is_some_and(char::is_alphanumeric);
        let mut tokens: Vec<String> = Vec::new();
        for sign in text.chars() {
            match tokens.last_mut() {
                Some(last) if word(last) && (sign.is_alphanumeric() || sign == '_') => last.push(sign),
                _ => tokens.push(sign.to_string()),
            }
        }
        let words: Vec<usize> = (0..tokens.len()).filter(|&at| word(&tokens[at])).collect();
        for _ in 0..=dice.below(2) {
            let (at, from) = (words[dice.below(words.len())], words[dice.below(words.len())]);
            tokens[at] = match dice.below(3) {
                0 => tokens[from].clone(),
                1 => (dice.roll() >> dice.below(64)).to_string(),
                _ => format!("{}{}", tokens[at], tokens[from]),
            };
        }
        tokens.concat()
    }

    fn expression(dice: &mut Dice, depth: usize) -> String {
        let shape = dice.of(SHAPES);
        let parts = shape.split('@').map(str::to_owned).collect::<Vec<_>>();
        let mut text = parts[0].clone();
        for part in &parts[1..] {
            text += &if depth > 4 { "x".to_owned() } else { Seeds::expression(dice, depth + 1) };
            text += part;
        }
        text
    }

    fn scrap(&self, dice: &mut Dice) -> String {
        match dice.below(5) {
            0 => format!("{}: ", self.keys[dice.below(self.keys.len())]),
            1 => Seeds::expression(dice, 0),
            2 => format!("\"{{{{ {} }}}}\"", Seeds::expression(dice, 0)),
            _ => dice.of(SCRAPS).to_owned(),
        }
    }

    fn edited(&self, text: &str, dice: &mut Dice) -> String {
        let cut = |at: usize| text.floor_char_boundary(at);
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let (line, other) = (dice.below(lines.len()), dice.below(lines.len()));
        let mut lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
        match dice.below(9) {
            0 if !lines.is_empty() => drop(lines.drain(line..(line + 1 + dice.below(3)).min(lines.len()))),
            1 if !lines.is_empty() => lines.insert(other, lines[line].clone()),
            2 if !lines.is_empty() => lines.swap(line, other),
            3 => {
                let (_, _, from) = &self.texts[dice.below(self.texts.len())];
                let theirs: Vec<&str> = from.split_inclusive('\n').collect();
                let start = dice.below(theirs.len());
                let end = (start + 1 + dice.below(6)).min(theirs.len());
                let taken = theirs[start.min(end)..end].iter().map(|line| (*line).to_owned());
                drop(lines.splice(line..line, taken));
            }
            4 if !lines.is_empty() => {
                let blanks = dice.below(5);
                lines[line] = format!("{:blanks$}{}", "", lines[line].trim_start());
            }
            5 | 6 => {
                let tokens: Vec<&str> = text.split_inclusive(|c: char| !c.is_alphanumeric()).collect();
                let (at, with) = (dice.below(tokens.len()), dice.below(tokens.len()));
                let mut tokens: Vec<String> = tokens.into_iter().map(str::to_owned).collect();
                match dice.below(4) {
                    _ if tokens.is_empty() => {}
                    0 => drop(tokens.remove(at)),
                    1 => tokens.swap(at, with),
                    2 => tokens[at] = tokens[with].clone(),
                    _ => tokens[at] = self.scrap(dice),
                }
                return tokens.concat();
            }
            7 => {
                // Inside of an expression, where there is one.
                if let Some(start) = text.find("{{") {
                    let starts: Vec<usize> = text.match_indices("{{").map(|(at, _)| at).collect();
                    let start = starts.get(dice.below(starts.len())).copied().unwrap_or(start) + 2;
                    let end = text[start..].find("}}").map_or(text.len(), |end| start + end);
                    return format!("{} {} {}", &text[..start], Seeds::expression(dice, 0), &text[end..]);
                }
            }
            _ => {
                let start = cut(dice.below(text.len() + 1));
                let end = cut((start + dice.below(30)).min(text.len())).max(start);
                return format!("{}{}{}", &text[..start], self.scrap(dice), &text[end..]);
            }
        }
        lines.concat()
    }

    /// Puts something else at some place: of a kind that may not stand there, or under another key.
    fn retyped(&self, at: &mut Value, dice: &mut Dice) {
        let inside = dice.below(8) > 0;
        match at {
            Value::Object(map) if inside && !map.is_empty() => {
                let which = dice.below(map.len());
                self.retyped(map.values_mut().nth(which).expect("one of them"), dice);
            }
            Value::Array(list) if inside && !list.is_empty() => {
                let which = dice.below(list.len());
                self.retyped(&mut list[which], dice);
            }
            Value::Object(map) => match dice.below(4) {
                0 if !map.is_empty() => {
                    let key = map.keys().nth(dice.below(map.len())).expect("one of them").clone();
                    map.remove(&key);
                }
                1 => *at = self.value(dice, 0),
                _ => drop(map.insert(self.keys[dice.below(self.keys.len())].clone(), self.value(dice, 0))),
            },
            other => *other = self.value(dice, 0),
        }
    }

    fn value(&self, dice: &mut Dice, depth: usize) -> Value {
        match dice.below(if depth > 2 { 7 } else { 10 }) {
            0 => Value::Null,
            1 => Value::from(dice.below(2) == 0),
            2 => Value::from(dice.roll() as i64 >> dice.below(64)),
            3 => Value::from(dice.of(SCRAPS)),
            4 => Value::from(format!("{{{{ {} }}}}", Seeds::expression(dice, 0))),
            5 => Value::from(Seeds::expression(dice, 0)),
            6 => Value::from(format!("{}{}", dice.of(SCRAPS), self.scrap(dice))),
            7 => Value::Array((0..dice.below(4)).map(|_| self.value(dice, depth + 1)).collect()),
            _ => {
                let entries = (0..dice.below(4))
                    .map(|_| (self.keys[dice.below(self.keys.len())].clone(), self.value(dice, depth + 1)));
                Value::Object(entries.collect())
            }
        }
    }

    /// Loads the file, renders what is said of it, and plans it when it is a runbook without mistakes. Returns whether it
    /// was planned.
    fn tried(&self, kind: FileKind, name: &str, content: &str) -> bool {
        let loaded = load_text(content, "a.yaml", name, kind, &self.library);
        let Loaded { runbook, mut sources, report, .. } = loaded;
        // Drawing the snippets takes longer than all the rest.
        if content.len().is_multiple_of(8) {
            text::report(&report, &sources, text::Look { colour: true, width: 60 });
        }
        let Some(runbook) = runbook.filter(|_| !report.has_errors()) else { return false };
        let engine = Engine::new();
        let mut inputs = Inputs::gather(&runbook.vars, &Given::default(), &self.project.root, &mut sources);
        for input in inputs.missing().to_vec() {
            for sample in ["sample-text", "3", "true", "5m", "[1, a]", "{a: 1}"] {
                let first = input.ty.one_of.first().and_then(Value::as_str);
                let sample =
                    if input.ty.kind == Kind::Secret { "a secret text" } else { first.unwrap_or(sample) };
                if inputs.answer(&input.name, sample).is_ok() {
                    break;
                }
            }
        }
        match bind(runbook, &mut sources, inputs, &self.project, &engine) {
            Ok(bound) => {
                let plan = preview(&bound.snapshot);
                assert!(serde_json::to_string(&plan.steps).is_ok_and(|text| !text.is_empty()));
                true
            }
            Err(report) => {
                text::report(&report, &sources, text::Look::default());
                false
            }
        }
    }
}

/// Tries the files from number `from` on and says how that went.
///
/// # Panics
///
/// When a file makes load or plan panic or takes too long.
pub(crate) fn try_files(root: &Path, from: u64, count: u64) -> String {
    let seeds = Seeds::read(root);
    let (began, mut planned, mut wrong) = (Instant::now(), 0_u64, Vec::new());
    let mut slowest = (Duration::ZERO, 0);
    for number in from..from + count {
        let (kind, name, content) = seeds.file(number);
        let start = Instant::now();
        match catch_unwind(AssertUnwindSafe(|| seeds.tried(kind, name, &content))) {
            Ok(was) => planned += u64::from(was),
            Err(_) => wrong.push((number, content.clone())),
        }
        if start.elapsed() > LONG {
            println!("file {number} took {:.1} s:\n{content}", start.elapsed().as_secs_f64());
        }
        slowest = slowest.max((start.elapsed(), number));
    }
    let told = format!(
        "{count} files from {from} on in {:.1} s: {planned} planned, {} panics, the slowest {:.3} s (file {})",
        began.elapsed().as_secs_f64(),
        wrong.len(),
        slowest.0.as_secs_f64(),
        slowest.1
    );
    let first = wrong.first();
    assert!(
        wrong.is_empty(),
        "{told}\npanics: {:?}\nthe first:\n{}",
        wrong.iter().map(|one| one.0).collect::<Vec<_>>(),
        first.map_or("", |one| &one.1)
    );
    assert!(slowest.0 < LONGEST, "{told}\n{}", seeds.file(slowest.1).2);
    assert!(planned * 50 > count, "{told}: too few come as far as the plan");
    told
}

#[test]
fn whatever_a_file_holds_load_and_plan_end_without_a_panic() {
    let number = |name: &str, otherwise| {
        std::env::var(name).ok().map_or(otherwise, |text| text.parse().expect("a number"))
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    println!("{}", try_files(root, number("RUNBOOK_FUZZ_FROM", 0), number("RUNBOOK_FUZZ", CASES)));
}
