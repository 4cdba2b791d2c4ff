//! YAML that is wrong, strange or made to do harm, in every kind of file that is read: a diagnostic that says where, or the
//! right value, in bounded time and memory.

use std::process::Stdio;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::project::{Project, Shown};

/// What one call may take: what it needs, and the address space that a thread's stack and a 10 MB file ask for.
const SECONDS: &str = "60";
const KILOBYTES: &str = "1500000";

/// Runs the binary within those bounds; over them it is killed, or can't allocate and aborts.
fn bounded(project: &Project, arguments: &[&str]) -> Shown {
    let ours = project.command(arguments);
    let mut command = project.command(&[]);
    command = {
        let mut limited = std::process::Command::new("timeout");
        limited.args(["-s", "KILL", SECONDS, "sh", "-c", "ulimit -v \"$0\" && exec \"$@\"", KILOBYTES]);
        limited.arg(command.get_program()).args(arguments).current_dir(project.root()).env_clear();
        limited.envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
        limited
    };
    let output = command.stdin(Stdio::null()).output().expect("timeout can be run");
    project.shown(arguments, &output)
}

/// A kind of file: where it stands, what reads it, and the project around it.
struct Kind {
    name: &'static str,
    path: &'static str,
    arguments: &'static [&'static str],
}

const KINDS: [Kind; 6] = [
    Kind { name: "runbook", path: "runbooks/team/x.yaml", arguments: &["plan", "x"] },
    Kind { name: "template", path: "steps/tool/look.yaml", arguments: &["plan", "x"] },
    Kind { name: "table", path: "runbooks/team/t.yaml", arguments: &["plan", "x"] },
    Kind { name: "vars", path: "v.yaml", arguments: &["plan", "x", "--vars-file", "v.yaml"] },
    Kind { name: "people", path: "runbooks/people.yaml", arguments: &["plan", "x"] },
    Kind { name: "catalog", path: "runbooks/catalog.yaml", arguments: &["plan", "x"] },
];

const RUNBOOK: &str = "\
runbook: x
title: X
vars: {v: {type: any, required: false}}
data: {t: t.yaml}
steps:
  - {id: look, uses: tool/look, with: {what: \"{{ t | to_json }}{{ v | default('') }}\"}}
  - {id: go, approve: {prompt: Go?, by: [ann]}}
";

const LOOK: &str = "step: tool/look\ntitle: Look\nsummary: Looks.\nparams: {what: {type: any}}\nrun: echo {{ what }}\neffect: read\n";

/// A project in which all is right.
fn project() -> Project {
    Project::new()
        .file("runbooks/team/x.yaml", RUNBOOK)
        .file("steps/tool/look.yaml", LOOK)
        .file("runbooks/team/t.yaml", "key: value\n")
        .file("v.yaml", "v: one\n")
        .file("runbooks/people.yaml", "people: [ann]\n")
        .file("runbooks/catalog.yaml", "default: team\n")
}

fn laughs() -> String {
    let mut text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..10 {
        text += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(", "));
    }
    text
}

fn merged_laughs() -> String {
    let mut text = "a0: &a0 {k: lol}\n".to_owned();
    for level in 1..40 {
        let maps = vec![format!("*a{}", level - 1); 10].join(", ");
        text += &format!(
            "a{level}: &a{level} {{<<: [{maps}], k{level}: &b{level} [*a{}, *a{}]}}\n",
            level - 1,
            level - 1
        );
    }
    text
}

fn deep_block() -> String {
    (0..2_000).map(|depth| format!("{:depth$}a:\n", "")).collect()
}

fn utf16(text: &str, little: bool) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

/// What is wrong in every kind of file, as the whole of it.
fn wrong() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("alias bomb", text(&laughs())),
        ("alias bomb by merge keys", text(&merged_laughs())),
        ("10,000 deep, flow lists", text(&format!("a: {}{}\n", "[".repeat(10_000), "]".repeat(10_000)))),
        ("10,000 deep, flow maps", text(&format!("a: {}\n", "{a: ".repeat(10_000)))),
        ("10,000 deep, list entries", text(&format!("a:\n  {}x\n", "- ".repeat(10_000)))),
        ("2,000 deep, block maps", text(&deep_block())),
        ("10,000 complex keys", text(&"? ".repeat(10_000))),
        ("a key twice", text("a: 1\nb: 2\na: 3\n")),
        ("a tab", text("a:\n\tb: 1\n")),
        ("UTF-16, little end first", utf16("a: 1\n", true)),
        ("UTF-16, big end first", utf16("a: 1\n", false)),
        ("UTF-16 without a mark", utf16("a: 1\n", true)[2..].to_vec()),
        ("NUL", text("a: 1\nb: x\0y\n")),
        ("not UTF-8", b"a: 1\nb: caf\xe9\n".to_vec()),
        ("half a surrogate", b"a: \xed\xa0\x80\n".to_vec()),
        ("a control sign", text("a: 1\nb: x\u{1}y\n")),
        ("an escape sequence", text("a: \u{1b}[2Jgone\n")),
        ("an object of a language", text("a: !!python/object/apply:os.system ['id']\n")),
        ("a tag of one's own", text("a: !vault x\n")),
        ("a complex key", text("? [a, b]\n: 1\n")),
        ("a map as a key", text("a: {{ name }}\n")),
        ("two documents", text("a: 1\n---\nb: 2\n")),
        ("a document end, then more", text("a: 1\n...\nb: 2\n")),
        ("another version of YAML", text("%YAML 3.0\n---\na: 1\n")),
        ("a directive of one's own", text("%FOO bar\n")),
        ("an unknown anchor", text("a: *gone\n")),
        ("an anchor within itself", text("a: &a [*a]\n")),
        ("a merge of what is no map", text("<<: 3\na: 1\n")),
        ("an unclosed quote", text("a: \"x\nb: 1\n")),
        ("an unclosed list", text("a: [1, 2\nb: 1\n")),
        ("a bad escape", text("a: \"\\q\"\n")),
        ("a backtick", text("a: `x`\n")),
        ("a percent sign", text("a: %x\n")),
        ("a list at the top", text("- a\n- b\n")),
        ("a text at the top", text("just text\n")),
        ("10 MB of nothing but blanks, then a mistake", text(&format!("{}a: [\n", " ".repeat(10 << 20)))),
        ("10 MB of one line, then a mistake", text(&format!("a: \"{}\" x\n", "y".repeat(10 << 20)))),
        ("10 MB of brackets", text(&"[]".repeat(5 << 20))),
        ("more than is read", text(&"# filler\n".repeat(2_000_000))),
    ]
}

/// Returns the first diagnostic: what, and where.
fn first(shown: &Shown) -> String {
    let shown = shown.to_string();
    let lines: Vec<&str> = shown.lines().collect();
    let Some(at) = lines.iter().position(|line| line.starts_with("error")) else {
        return format!("?? {shown}");
    };
    let message = lines[at..].iter().take_while(|line| {
        !line.trim_start().starts_with("-->") && !line.trim().is_empty() && line.trim() != "|"
    });
    let message = message.map(|line| line.trim()).collect::<Vec<_>>().join(" ");
    let place = lines[at..].iter().take(6).find_map(|line| line.trim_start().strip_prefix("--> "));
    format!("{message} @ {}", place.unwrap_or("-"))
}

#[test]
fn all_is_right_before_it_is_made_wrong() {
    for kind in &KINDS {
        bounded(&project(), kind.arguments).code(0);
    }
}

#[test]
fn a_file_that_is_wrong_is_told_with_its_place() {
    let mut told = String::new();
    for (name, bytes) in wrong() {
        let project = project().file("runbooks/team/t.yaml", &bytes);
        let shown = bounded(&project, &["plan", "x"]).code(2);
        assert!(shown.to_string().len() < 4_000, "{name}: a page, not a book: {shown}");
        told += &format!("{name}: {}\n", first(&shown));
    }
    assert_snapshot!(told, @r"
    alias bomb: error[RB0008]: anchors and aliases repeat more than a runbook may need @ runbooks/team/t.yaml:5:45
    alias bomb by merge keys: error[RB0008]: anchors and aliases repeat more than a runbook may need @ runbooks/team/t.yaml:5:75
    10,000 deep, flow lists: error[RB0008]: maps and lists stand more than 32 deep in each other @ runbooks/team/t.yaml:1:259
    10,000 deep, flow maps: error[RB0008]: maps and lists stand more than 32 deep in each other @ runbooks/team/t.yaml:1:128
    10,000 deep, list entries: error[RB0008]: maps and lists stand more than 32 deep in each other @ runbooks/team/t.yaml:2:65
    2,000 deep, block maps: error[RB0008]: maps and lists stand more than 32 deep in each other @ runbooks/team/t.yaml:33:33
    10,000 complex keys: error[RB0008]: maps and lists stand more than 32 deep in each other @ runbooks/team/t.yaml:1:65
    a key twice: error[RB0005]: the key `a` stands twice in one map @ runbooks/team/t.yaml:3:1
    a tab: error[RB0004]: a tab is used to indent; YAML allows only blanks there @ runbooks/team/t.yaml:2:2
    UTF-16, little end first: error[RB0003]: `runbooks/team/t.yaml` is not UTF-8 text: line 1 holds the byte 0xff @ runbooks/team/x.yaml:4:11
    UTF-16, big end first: error[RB0003]: `runbooks/team/t.yaml` is not UTF-8 text: line 1 holds the byte 0xfe @ runbooks/team/x.yaml:4:11
    UTF-16 without a mark: error[RB0004]: the file holds a NUL byte, so it is not a text file @ runbooks/team/t.yaml:1:2
    NUL: error[RB0004]: the file holds a NUL byte, so it is not a text file @ runbooks/team/t.yaml:2:5
    not UTF-8: error[RB0003]: `runbooks/team/t.yaml` is not UTF-8 text: line 2 holds the byte 0xe9 @ runbooks/team/x.yaml:4:11
    half a surrogate: error[RB0003]: `runbooks/team/t.yaml` is not UTF-8 text: line 1 holds the byte 0xed @ runbooks/team/x.yaml:4:11
    a control sign: error[RB0004]: the file holds the control character U+0001, which no YAML may @ runbooks/team/t.yaml:2:5
    an escape sequence: error[RB0004]: the file holds the control character U+001B, which no YAML may @ runbooks/team/t.yaml:1:4
    an object of a language: error[RB0004]: the YAML tag `!!python/object/apply:os.system` means nothing here @ runbooks/team/t.yaml:1:36
    a tag of one's own: error[RB0004]: the YAML tag `!vault` means nothing here @ runbooks/team/t.yaml:1:11
    a complex key: error[RB0009]: a key must be plain text, not a list or a map @ runbooks/team/t.yaml:1:1
    a map as a key: error[RB0009]: text that begins with `{{` must stand in quotes, or YAML reads it as a map @ runbooks/team/t.yaml:1:4
    two documents: error[RB0006]: the file holds more than one YAML document; a runbook file holds one @ runbooks/team/t.yaml:3:1
    a document end, then more: error[RB0006]: the file holds more than one YAML document; a runbook file holds one @ runbooks/team/t.yaml:3:1
    another version of YAML: error[RB0004]: this is not YAML: unsupported YAML major version @ runbooks/team/t.yaml:1:1
    a directive of one's own: error[RB0004]: this is not YAML: the document ends before this line @ runbooks/team/t.yaml:2:1
    an unknown anchor: error[RB0004]: `*` refers to an anchor that is not defined above it @ runbooks/team/t.yaml:1:4
    an anchor within itself: error[RB0004]: this is not YAML: Recursive reference not allowed here @ runbooks/team/t.yaml:1:8
    a merge of what is no map: error[RB0004]: this is not YAML: YAML merge value must be mapping or sequence of mappings @ runbooks/team/t.yaml:1:5
    an unclosed quote: error[RB0004]: this is not YAML: a quoted text goes on here, further left than it may; is its quote closed? @ runbooks/team/t.yaml:2:1
    an unclosed list: error[RB0004]: this is not YAML: `key: value` can't begin here @ runbooks/team/t.yaml:2:2
    a bad escape: error[RB0004]: this is not YAML: a backslash in double quotes begins no known escape @ runbooks/team/t.yaml:1:4
    a backtick: error[RB0004]: a text can't begin with a backtick @ runbooks/team/t.yaml:1:4
    a percent sign: error[RB0004]: a text can't begin with `%` @ runbooks/team/t.yaml:1:4
    a list at the top: error[RB0505]: a table is a map of names and values, and this is a list @ runbooks/team/t.yaml:1:1
    a text at the top: error[RB0505]: a table is a map of names and values, and this is text @ runbooks/team/t.yaml:1:1
    10 MB of nothing but blanks, then a mistake: error[RB0004]: a `[` is never closed @ runbooks/team/t.yaml:1:10485764
    10 MB of one line, then a mistake: error[RB0004]: this is not YAML: something follows the closing quote @ runbooks/team/t.yaml:1:10485767
    10 MB of brackets: error[RB0004]: this is not YAML: the document ends before this line @ runbooks/team/t.yaml:1:3
    more than is read: error[RB0002]: `runbooks/team/t.yaml` has 18 MiB; files of at most 16 MiB are read @ runbooks/team/x.yaml:4:11
    ");
}

/// The same words whatever the file is for, as far as the reader of YAML says them.
#[test]
fn every_kind_of_file_is_read_as_carefully() {
    // What is large takes long, and is read by the same reader as above.
    for (name, bytes) in wrong().into_iter().filter(|(_, bytes)| bytes.len() < 1 << 20) {
        for kind in &KINDS {
            let project = project().file(kind.path, &bytes);
            let shown = bounded(&project, kind.arguments);
            let text = shown.to_string();
            assert_eq!(shown.code, Some(2), "{name} as {}: {text}", kind.name);
            let flat = text.split_whitespace().collect::<String>();
            assert!(
                flat.contains(&kind.path.split('/').next_back().expect("a name").replace(' ', ""))
                    || flat.contains("tool/look"),
                "{name} as {}: {text}",
                kind.name
            );
            assert!(text.len() < 20_000 && !text.contains("panicked"), "{name} as {}: {text}", kind.name);
        }
    }
}

/// What is odd and right. YAML 1.2: `on` is text, and so is all that YAML 1.1 took for numbers in its own way.
const ODD: &str = "\
on: [on, off, yes, no, y, n, True, FALSE, null, Null, ~, '', \"\"]
numbers: [012, 0o12, 0x1F, 0b11, 1_000, 1:30, 1e3, 1e999, -1e999, .nan, .inf, -.INF, +1, -0, .5, 1., 1.10, 0.1, 9223372036854775808, 99999999999999999999999]
dates: [2026-01-01, 2026-01-01T00:00:00Z, 12:30:45]
base: &base {a: 1, b: [2]}
merged: {<<: *base, a: 3}
several: {<<: [*base, {a: 4, c: 5}], d: 6}
again: *base
tagged: [!!str 1, !!int \"3\", !!float 3]
keys: {1: a, 1.10: b, true: c, 2026-01-01: d, null_: e, ' ': f, '': g}
quoted: {<<: {}, 'a: b': \"c\\td\\x41\\u00e9\\U0001F600\\e\\0\"}
folded: >-
  one
  two

  three
literal: |+
  kept

empty:
";

fn values(text: &[u8]) -> Value {
    let project = project()
        .file("runbooks/team/x.yaml", "runbook: x\ntitle: X\ndata: {t: t.yaml}\nsteps:\n  - {id: a, effect: read, run: cat, stdin: \"{{ t | to_json }}\"}\n")
        .file("runbooks/team/t.yaml", text);
    let shown = bounded(&project, &["plan", "x", "--format", "json"]).code(0);
    let plan: Value = serde_json::from_str(&shown.stdout).expect("one JSON document");
    serde_json::from_str(plan["steps"][0]["commands"][0]["stdin"].as_str().expect("it reads it"))
        .expect("JSON")
}

#[test]
fn what_is_odd_has_the_value_that_yaml_1_2_gives_it() {
    let found = values(ODD.as_bytes());
    let lines: Vec<String> =
        found.as_object().expect("a map").iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_snapshot!(lines.join("\n"), @r#"
    on: ["on","off","yes","no","y","n",true,false,null,null,null,"",""]
    numbers: ["012",10,31,"0b11","1_000","1:30",1000.0,"1e999","-1e999",".nan",".inf","-.INF",1,0,0.5,1.0,1.1,0.1,9223372036854775808,"99999999999999999999999"]
    dates: ["2026-01-01","2026-01-01T00:00:00Z","12:30:45"]
    base: {"a":1,"b":[2]}
    merged: {"a":3,"b":[2]}
    several: {"d":6,"a":1,"b":[2],"c":5}
    again: {"a":1,"b":[2]}
    tagged: ["1",3,3.0]
    keys: {"1":"a","1.10":"b","true":"c","2026-01-01":"d","null_":"e"," ":"f","":"g"}
    quoted: {"a: b":"c\tdAé😀\u001b\u0000"}
    folded: "one two\nthree"
    literal: "kept\n\n"
    empty: null
    "#);
}

#[test]
fn signs_that_turn_or_end_lines_elsewhere_are_signs_like_others() {
    let found = values("lines: \"a\u{2028}b\u{85}c\u{2029}d\"\nturned: \u{202e}abc\n".as_bytes());
    assert_eq!(found, json!({"lines": "a\u{2028}b\u{85}c\u{2029}d", "turned": "\u{202e}abc"}));
}

#[test]
fn line_ends_marks_and_comments_change_no_value() {
    let plain = "a: 1\nb:\n  - x\n  - |\n    one\n    two\n";
    let wanted = json!({"a": 1, "b": ["x", "one\ntwo\n"]});
    let crlf = plain.replace('\n', "\r\n");
    for text in [
        plain.to_owned(),
        crlf,
        format!("\u{feff}{plain}"),
        format!("%YAML 1.2\n---\n{plain}...\n"),
        format!("# a\n\n---\n# b\n{plain}# c"),
    ] {
        assert_eq!(values(text.as_bytes()), wanted, "{text:?}");
    }
}

#[test]
fn long_keys_and_ten_megabytes_are_read_whole() {
    let key = "k".repeat(900);
    assert_eq!(values(format!("{key}: 1\n").as_bytes()), json!({key: 1}));
    // As a quoted text, as lines of a block, and as many values.
    let project = project();
    let scalar = "x".repeat(10 << 20);
    for (what, text) in [
        ("quoted", format!("key: \"{scalar}\"\n")),
        ("block", format!("key: |\n{}", format!("  {}\n", "x".repeat(100)).repeat(100_000))),
        (
            "many",
            (0..100_000).map(|n| format!("key{n}: {}\n", "x".repeat(90))).collect::<String>() + "key: v\n",
        ),
    ] {
        project.write("runbooks/team/t.yaml", text);
        bounded(&project, &["plan", "x"]).code(0);
        println!("{what} is read");
    }
    project.write("runbooks/team/t.yaml", "key: value\n");
    project.write("v.yaml", format!("v: \"{scalar}\"\n"));
    bounded(&project, &["plan", "x", "--vars-file", "v.yaml"]).code(0);
}
