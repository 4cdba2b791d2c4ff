//! The pages that `runbook docs` makes: of the shipped runbooks whole and right, of hostile ones harmless, and never over what
//! somebody else wrote.
#![expect(clippy::disallowed_methods, reason = "a test reads the pages that were made")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use pulldown_cmark::{Event, Options, Parser, Tag};
use regex::Regex;
use serde_json::Value;

use crate::support::project::Project;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the binary in this very project, with a journal of nobody.
fn here(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runbook"));
    command.args(arguments).current_dir(root()).env_clear().env("HOME", "/nonexistent");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.output().expect("the binary can be run")
}

fn text(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The pages of the shipped runbooks in both forms, by their paths without ending.
fn shipped() -> &'static [BTreeMap<String, String>; 2] {
    static PAGES: OnceLock<[BTreeMap<String, String>; 2]> = OnceLock::new();
    PAGES.get_or_init(|| {
        [("md", ".md"), ("html", ".html")].map(|(form, ending)| {
            let folder = tempfile::tempdir().expect("a folder");
            let out = folder.path().display().to_string();
            text(&here(&["docs", "--out", &out, "--format", form]));
            let files = crate::support::search::files(folder.path());
            let named = files.into_iter().filter_map(|(path, bytes)| {
                let name = path.strip_prefix(folder.path()).ok()?.to_str()?.strip_suffix(ending)?.to_owned();
                Some((name, String::from_utf8(bytes).ok()?))
            });
            named.collect()
        })
    })
}

#[test]
fn the_indexes_are_as_they_would_be_made_now() {
    let output = here(&["docs", "--index", "--check"]);
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    assert!(output.status.success(), "{}\nrun: cargo run -- docs --index", String::from_utf8_lossy(&said));
}

/// Returns the anchors of a page's parts, in order.
fn parts(page: &str, pattern: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).expect("it is one");
    pattern.captures_iter(page).map(|found| found[1].to_owned()).collect()
}

#[test]
fn both_forms_tell_the_same() {
    let [md, html] = shipped();
    let place = |name: &str| match name {
        "runbooks/README" => "index".to_owned(),
        "steps/README" => "steps/index".to_owned(),
        name => name.to_owned(),
    };
    assert!(md.len() > 90, "{}", md.len());
    let names: BTreeSet<String> = md.keys().map(|name| place(name)).collect();
    assert_eq!(names, html.keys().cloned().collect());
    for (name, page) in md {
        let other = &html[&place(name)];
        assert_eq!(
            parts(page, r#"(?m)^<a id="([^"]+)"></a>$"#),
            parts(other, r#"<h[2-6] id="([^"]+)">"#),
            "{name}"
        );
        let blocks = page.lines().filter(|line| line.starts_with("```sh")).count();
        assert!(other.matches("<pre>").count() >= blocks, "{name}");
    }
}

/// Every link leads to a page, and to a part of it, that is there; nothing is fetched from elsewhere.
#[test]
fn links_lead_somewhere_and_nothing_is_fetched() {
    let [_, html] = shipped();
    let attribute = Regex::new(r#"(href|src|srcset|action|data|poster)="([^"]*)""#).expect("it is one");
    let ids: BTreeMap<&str, BTreeSet<String>> = html
        .iter()
        .map(|(name, page)| (name.as_str(), parts(page, r#" id="([^"]+)""#).into_iter().collect()))
        .collect();
    let mut wrong = Vec::new();
    for (name, page) in html {
        assert!(page.contains("default-src 'none'"), "{name} has no policy");
        for found in attribute.captures_iter(page) {
            let (kind, address) = (&found[1], found[2].replace("&amp;", "&"));
            if kind == "href" && address.starts_with("https://") {
                continue;
            }
            let (file, id) = address.split_once('#').unwrap_or((&address, ""));
            let folder = Path::new(name).parent().unwrap_or(Path::new(""));
            let target = match file {
                "" => name.clone(),
                file => normal(&folder.join(file)).trim_end_matches(".html").to_owned(),
            };
            let there = match ids.get(target.as_str()) {
                Some(ids) => id.is_empty() || ids.contains(id),
                None => matches!(target.as_str(), "runbook.css" | "runbook.js"),
            };
            if !there {
                wrong.push(format!("{name}: {kind} {address}"));
            }
        }
        for tag in ["<img", "<iframe", "<object", "<embed", "<audio", "<video"] {
            assert!(!page.contains(tag), "{name}: {tag}");
        }
    }
    assert_eq!(wrong, [""; 0]);
}

fn normal(path: &Path) -> String {
    let mut parts = Vec::new();
    for part in path.components() {
        match part.as_os_str().to_str() {
            Some("..") => drop(parts.pop()),
            Some(part) => parts.push(part),
            None => {}
        }
    }
    parts.join("/")
}

/// What `plan` shows of a runbook stands on its page by hand, word for word.
#[test]
fn every_command_of_the_plan_is_on_the_page() {
    let list: Value = serde_json::from_str(&text(&here(&["list", "--format", "json"]))).expect("JSON");
    let (mut runbooks, mut commands) = (0, 0);
    for one in list["runbooks"].as_array().expect("a list") {
        let name = one["name"].as_str().expect("a name");
        let shown: Value =
            serde_json::from_str(&text(&here(&["show", name, "--format", "json"]))).expect("JSON");
        let mut vars = Vec::new();
        for var in shown["vars"].as_array().expect("vars") {
            let first = var["enum"].as_array().and_then(|values| values.first()).and_then(Value::as_str);
            if let (Some(true), Some(first)) = (var["required"].as_bool(), first) {
                vars.extend([
                    "--var".to_owned(),
                    format!("{}={first}", var["name"].as_str().expect("a name")),
                ]);
            }
        }
        let vars: Vec<&str> = vars.iter().map(String::as_str).collect();
        let plan = here(&[&["plan", name, "--format", "json"], vars.as_slice()].concat());
        if !plan.status.success() {
            continue;
        }
        runbooks += 1;
        let page = text(&here(&[&["docs", name], vars.as_slice()].concat()));
        let plan: Value = serde_json::from_str(&text(&plan)).expect("JSON");
        for step in plan["steps"].as_array().expect("steps") {
            let id = step["name"].as_str().expect("a name");
            assert!(page.contains(&format!("`{id}`")), "{name}: {id}");
            for command in step["commands"].as_array().expect("commands") {
                let line = command["command"].as_str().expect("a command");
                // What only the run can know has a name of its own there.
                if line.contains('‹') || command.get("env").is_some() {
                    continue;
                }
                commands += 1;
                assert!(page.contains(line), "{name}, {id}: {line}");
            }
        }
    }
    assert!(runbooks > 25 && commands > 300, "{runbooks} runbooks, {commands} commands");
}

const HOSTILE: &str = r#"runbook: nasty
title: "</title><script>alert(1)</script> | `x` [a](javascript:2) \u202e"
summary: "<img src=x onerror=alert(2)>"
about: |
  # <b>Big</b>

  <script>alert(3)</script> and [a](javascript:alert(4)) ![p](https://example.org/p.png) <javascript:5>

  | a | b |
  | --- | --- |
  | <i>x</i> | y |
owner: "\"><svg onload=alert(6)>"
tags: ["<b>t</b>"]
source: "--> <script>alert(7)</script>"
vars:
  x: {type: string, default: "`\"'><script>alert(8)</script>", help: "a | b <script>"}
  pw: {type: secret, from: {env: PW}, help: Never shown}
steps:
  - id: one
    title: "<script>alert(9)</script>"
    phase: "<script>alert(10)</script>"
    run: ["echo", "</code></pre><script>alert(11)</script>", "{{ x }}", "```"]
    env: {T: "{{ pw }}"}
    effect: read
  - id: two
    approve: {prompt: "<script>alert(12)</script>\n# no heading"}
"#;

#[test]
fn hostile_texts_are_text() {
    let project = Project::new().file("runbooks/nasty.yaml", HOSTILE).env("PW", "hunter22-hunter22");
    project.run(&["docs", "--out", "site", "--format", "html"]).code(0);
    let script = Regex::new(r"<script[^>]*>").expect("it is one");
    let handlers = Regex::new(r#"<[a-z]+ [^>]*\bon[a-z]+="#).expect("it is one");
    for file in ["index.html", "runbooks/nasty.html"] {
        let page = fs::read_to_string(project.root().join("site").join(file)).expect("it was written");
        let scripts: Vec<&str> = script.find_iter(&page).map(|found| found.as_str()).collect();
        assert_eq!(scripts.len(), 1, "{scripts:?}");
        assert!(scripts[0].contains(" src=") && !handlers.is_match(&page), "{page}");
        for bad in ["javascript:", "hunter22", "<b>", "<i>", "<img", "\u{202e}"] {
            let shown = page.replace("[a](javascript:", "").replace("&lt;javascript:", "");
            assert!(!shown.contains(bad), "{file}: {bad}\n{page}");
        }
    }
    let page = project.run(&["docs", "nasty"]).code(0).stdout.clone();
    let anchor = Regex::new(r#"^(<a id="[^"<>]+">|</a>)\s*$"#).expect("it is one");
    for event in Parser::new_ext(&page, Options::ENABLE_TABLES) {
        match event {
            Event::Html(tag) | Event::InlineHtml(tag) => assert!(anchor.is_match(&tag), "{tag}"),
            Event::Start(Tag::Image { dest_url, .. }) => panic!("{dest_url}"),
            Event::Start(Tag::Link { dest_url, .. }) => {
                assert!(
                    dest_url.starts_with('#') || dest_url.starts_with("https://example.org/"),
                    "{dest_url}"
                );
            }
            _ => {}
        }
    }
    assert!(!page.contains("hunter22") && !page.contains('\u{202e}'), "{page}");
    assert!(page.contains(r#"T="${PW?the secret pw}" env echo"#), "{page}");
}

const SMALL: &str = "runbook: small\ntitle: Small\nsteps:\n  - {id: one, run: date, effect: read}\n";

fn files(project: &Project) -> BTreeSet<PathBuf> {
    let folder = project.root().join("d");
    crate::support::search::files(&folder)
        .into_keys()
        .filter_map(|path| Some(path.strip_prefix(&folder).ok()?.to_owned()))
        .collect()
}

#[test]
fn check_finds_what_is_stale_missing_and_too_many() {
    let project = Project::new()
        .file("runbooks/a/small.yaml", SMALL)
        .file("runbooks/a/gone.yaml", SMALL.replace("small", "gone"));
    let check = ["docs", "--out", "d", "--check"];
    assert!(project.run(&check).code(1).stdout.contains("missing: d/runbooks/a/small.md"));
    project.run(&["docs", "--out", "d"]).code(0);
    project.run(&check).code(0);
    let before = files(&project);

    fs::remove_file(project.root().join("runbooks/a/gone.yaml")).expect("it is there");
    project.write("runbooks/a/small.yaml", SMALL.replace("Small", "Smaller"));
    project.write("d/runbooks/mine.md", "# Mine\n");
    let shown = project.run(&check).code(1).to_string();
    for said in ["-# Small", "+# Smaller", "too many: d/runbooks/a/gone.md", "runbook docs --out d\n"] {
        assert!(shown.contains(said), "{said}\n{shown}");
    }
    assert!(shown.lines().count() < 60, "{shown}");

    let shown = project.run(&["docs", "--out", "d"]).code(0).to_string();
    assert!(shown.contains("left alone, since this command did not make it: runbooks/mine.md"), "{shown}");
    project.run(&check).code(0);
    let after = files(&project);
    let gone: Vec<_> = before.difference(&after).collect();
    assert_eq!(gone, [Path::new("runbooks/a/gone.md")]);
    assert!(after.contains(Path::new("runbooks/mine.md")));
}

#[test]
fn what_somebody_else_wrote_is_left_alone() {
    let project = Project::new().file("runbooks/small.yaml", SMALL).file("runbooks/README.md", "# By hand\n");
    let shown = project.run(&["docs", "--index"]).code(2).to_string();
    assert!(
        shown.contains("`runbooks/README.md` is there") || shown.contains("README.md` is there"),
        "{shown}"
    );
    assert_eq!(
        fs::read_to_string(project.root().join("runbooks/README.md")).expect("it is there"),
        "# By hand\n"
    );
    assert!(!project.has("steps/README.md"));
}

#[test]
fn what_was_given_must_be_meant() {
    let project = Project::new()
        .file("runbooks/small.yaml", SMALL)
        .file("runbooks/other.yaml", SMALL.replace("small", "other"));
    project.run(&["docs", "small", "--check"]).code(2);
    project.run(&["docs", "--out", "d", "--var", "x=1"]).code(2);
    project.run(&["docs", "small", "--var", "x=1"]).code(2);
    project.run(&["docs", "small", "other", "--format", "html"]).code(2);
    project.run(&["docs", "nobody"]).code(2);
    assert!(project.run(&["docs", "small"]).code(0).stdout.starts_with("# Small\n"));
}

/// Every way in which a command may be given to a shell wrongly.
const BY_HAND: &str = r##"runbook: hand
title: By hand
max_parallel: 1
vars:
  x: {type: string, default: "it's \"$HOME\" `id` \\ * a"}
  pw: {type: secret, from: {env: PW}}
data:
  most: most.yaml
steps:
  - id: words
    run: [sh, -c, 'printf "<%s>" "$@" >> log', "=", "a b", "", "$HOME", "~", "{{ x }}", "--p={\"n\": 1}", "é\nb"]
    rollback: {run: ["true"]}
  - id: env
    run: sh -c 'printf "<%s|%s>" "$A" "$B" >> log'
    env: {A: "{{ x }}", B: "{{ pw }}"}
    rollback: {run: ["true"]}
  - id: dir
    run: sh -c 'pwd | sed "s|.*/||" >> ../log'
    dir: my dir
    rollback: {run: ["true"]}
  - id: reads
    run: sh -c 'cat >> log'
    stdin: "no end {{ x }} EOF"
    rollback: {run: ["true"]}
  - id: reads-lines
    run: sh -c 'cat >> log'
    stdin: "one\nEOF\n{{ x }} {{ pw }}\n"
    rollback: {run: ["true"]}
  - id: unseen
    run: [sh, -c, 'cat >> log; printf "<%s>" "$1" >> log', sh, "a\u200bb\rc\u202e"]
    stdin: "PING 100%\\n'\r\nX\r\n"
    rollback: {run: ["true"]}
  - id: of-the-shell
    run: [echo, 'a\tb\c', "x"]
    effect: read
  - id: script
    shell: |
      for one in {{ x }} 'b c'; do printf '<%s>' "$one" >> log; done
      cat >> log <<'EOF'
      $HOME
      EOF
    rollback: {run: ["true"]}
  - id: kept
    capture: {run: cat before, outputs: {n: "stdout | trim"}}
    run: sh -c 'printf "<%s>" "$1" >> log' sh "{{ captured.n }} !"
    rollback:
      run: sh -c 'printf "<back %s>" "$1" >> log' sh "{{ captured.n }}"
  - id: places
    capture: {run: cat before, outputs: {n: "stdout | trim"}}
    shell: |
      # it's "one" place
      a=q
      printf '<%s>' {{ captured.n }} "b {{ captured.n }}" 'c {{ captured.n }}' "$a{{ captured.n }}" >> log # don't
      cat >> log <<'EOF'
      it's "here" $HOME
      EOF
      printf '<%s>' "$(printf '[%s]' {{ captured.n }})" "$(printf '[%s]' "{{ captured.n }}")" {{ 'x' ~ captured.n ~ 'y z' }} >> log
      printf '<%s>' {{ captured.n }}.yaml >> log
    rollback:
      dir: my dir
      env: {REGION: "{{ captured.n }}"}
      stdin: "to {{ captured.n }}\r\n"
      shell: |
        cat >> ../log; printf '<%s>' "$REGION" "it's {{ captured.n }}" >> ../log
        if true; then exit; fi
        exit 1
  - id: derived
    capture: {run: cat number, outputs: {n: "stdout | int", flag: "stdout | int > 3", gone: "none"}}
    run: [sh, -c, 'printf "<%s>" "$@" >> log', sh, "{{ captured.n * 2 }}", "{{ captured.n * 4 }}", "{{ [most.api, captured.n] | max }}"]
    verify:
      run: sh -c 'printf "<%s>" "$1" >> log' sh "{{ captured.n * 3 }}"
      pass: captured.n > 0
    rollback:
      run:
        - sh
        - -c
        - 'printf "<%s>" "$@" >> log; cat >> log'
        - sh
        - "{{ 'big' if captured.flag else 'small' }}"
        - "{{ '--gone' if captured.gone is none else none }}"
        - "{{ 'never' if captured.gone is not none else none }}"
        - "{{ captured.n + 1 }}"
      stdin: "{% if captured.gone is none %}gone{% else %}there {{ captured.gone }}{% endif %}"
  - id: as-json
    capture: {run: cat before, outputs: {n: "stdout | trim", gone: "none"}}
    run: [sh, -c, 'printf "<%s>" "$@" >> log', sh, "{{ {'a': captured.n, 'b': [captured.gone]} | to_json }}", "{{ captured.n | to_json }}"]
    rollback:
      run: [sh, -c, 'printf "<%s>" "$1" >> log', sh, "--patch={{ {'a': 'to ' ~ captured.n} | to_json }}"]
  - id: in-cases
    capture: {run: cat number, outputs: {n: "stdout | int", flag: "stdout | int > 9"}}
    run: [sh, -c, 'printf "<%s>" "$@" >> log', sh, "{{ 'few' if captured.flag else 'many' }}", "{{ captured.n + 7 }}"]
    rollback: {run: ["true"]}
  - id: each
    for_each: [api, "web server", "1-a"]
    run: sh -c 'echo "$1" | tee -a each' sh "{{ item }}"
    effect: read
    outputs: {n: "stdout | trim"}
  - id: of-each
    for_each: [api, "web server", "1-a"]
    run: sh -c 'printf "<%s>" "$@" >> log' sh "{{ steps.each.outputs.n[item] }}" "{{ [most.api | string, steps.each.outputs.n[item]] | join('+') | upper }}"
    rollback:
      run: sh -c 'printf "<undo %s>" "$@" >> log' sh "{{ steps.each.outputs.n[item] | upper }}"
  - id: both
    run: sh -c 'printf "<%s>" "$@" >> log' sh "{{ steps.each.outputs.n.api }}" "{{ steps.each.outputs.n['1-a'] }}" "{{ steps.each.outputs.n | items | length }}"
    rollback: {run: ["true"]}
"##;

/// What whoever follows the page notes and works out, by the variable.
const NOTED: &[(&str, &str)] = &[
    ("kept_before_n", "7 up"),
    ("places_before_n", "7 up"),
    ("derived_before_n", "5"),
    ("derived_before_flag", "true"),
    ("derived_before_gone", ""),
    ("derived_of_n", "10"),
    ("derived_of_n_2", "20"),
    ("derived_of_n_3", "9"),
    ("derived_of_n_4", "15"),
    ("derived_of_n_5", "6"),
    ("as_json_before_n", "7 up"),
    ("as_json_before_gone", ""),
    ("as_json_of_n", r#"{"a":"7 up","b":[null]}"#),
    ("as_json_of_n_2", r#""7 up""#),
    ("as_json_of_n_3", r#"{"a":"to 7 up"}"#),
    ("in_cases_before_n", "5"),
    ("in_cases_before_flag", "false"),
    ("in_cases_of_n", "12"),
    ("each_n_api", "api"),
    ("each_n_web_server", "web server"),
    ("each_n_1_a", "1-a"),
    ("of_each_api_of_n", "9+API"),
    ("of_each_web_server_of_n", "9+WEB SERVER"),
    ("of_each_1_a_of_n", "9+1-A"),
    ("of_each_api_of_n_2", "API"),
    ("of_each_web_server_of_n_2", "WEB SERVER"),
    ("of_each_1_a_of_n_2", "1-A"),
    ("both_of_n", "3"),
];

/// Returns what somebody does who follows a part of the page: of a command in several cases the one that is so.
fn followed(part: &str) -> String {
    let (mut script, mut fence, mut wrong_case, mut noted) = (String::new(), None, false, 0);
    let note = Regex::new(r"^export (\w+)=<(.*)>(   # .*)?$").expect("it is one");
    for line in part.lines() {
        match &fence {
            None if line.starts_with("When ") => {
                let wrong = |says: &str| line.contains(says);
                wrong_case = wrong("derived_before_flag` does not")
                    || wrong("in_cases_before_flag` holds")
                    || wrong("gone is none` does not");
            }
            None if line.starts_with("```") => fence = Some(line.trim_end_matches("sh").to_owned()),
            Some(open) if line == open => {
                fence = None;
                wrong_case = false;
            }
            Some(_) if line.starts_with("stty") || wrong_case => {}
            Some(_) => match note.captures(line) {
                Some(found) => {
                    let value = NOTED.iter().find(|(name, _)| *name == &found[1]);
                    let (name, value) = value.unwrap_or_else(|| panic!("nobody notes {line}\n{part}"));
                    script += &format!("export {name}='{value}'\n");
                    noted += 1;
                }
                None => script += &format!("{line}\n"),
            },
            None => {}
        }
    }
    assert!(noted > 0 || !part.contains("export "), "{part}");
    script
}

/// The commands of a page, done one after the other, are the run, and so are those of its undo.
#[test]
fn by_hand_is_what_the_engine_does() {
    let project = Project::new()
        .file("runbooks/hand.yaml", BY_HAND)
        .file("my dir/x", "")
        .file("before", "7 up\n")
        .file("number", "5\n")
        .file("runbooks/most.yaml", "api: 9\n");
    let project = project.env("PW", "hunter22 'hunter22'");
    let run = project.run(&["exec", "hand"]).code(0).stdout.clone();
    let id = Regex::new(r"runbook rollback (\S+)")
        .expect("it is one")
        .captures(&run)
        .map(|found| found[1].to_owned());
    let forwards_by_engine = project.log();
    let id = id.unwrap_or_else(|| "hand".to_owned());
    let back = project.run(&["rollback", &id, "--yes"]).code(0).to_string();
    let by_engine = project.log();
    assert!(by_engine.len() > forwards_by_engine.len(), "{back}");
    fs::remove_file(project.root().join("log")).expect("it was written");

    let page = project.run(&["docs", "hand"]).code(0).stdout.clone();
    let page = page.split_once("## By hand").expect("it is there").1;
    let (forwards, back) = page.split_once("## Undo by hand").expect("it is there");
    let shell = project.command(&[]);
    let follow = |script: &str| {
        let mut sh = Command::new("sh");
        sh.arg("-c").arg(script).current_dir(project.root()).env_clear();
        sh.envs(shell.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))));
        sh.output().expect("there is a shell")
    };
    let script = followed(forwards);
    let output = follow(&script);
    assert!(output.status.success() && output.stderr.is_empty(), "{script}\n{output:?}");
    assert_eq!(project.log(), forwards_by_engine, "{script}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("a\\tb\\c x\n"), "{said}");
    let noted: String =
        script.lines().filter(|line| line.starts_with("export ")).map(|line| format!("{line}\n")).collect();
    let script = noted + &followed(back);
    let output = follow(&script);
    assert!(output.status.success() && output.stderr.is_empty(), "{script}\n{output:?}");
    assert_eq!(project.log(), by_engine, "{script}");
    assert!(!page.contains("hunter22"), "{page}");
}

/// In a new terminal nothing is noted: each command that needs a value stops, and does nothing with an empty one.
#[test]
fn what_nobody_noted_stops_the_command() {
    let project =
        Project::new().file("runbooks/hand.yaml", BY_HAND).file("my dir/x", "").file("before", "7 up\n");
    let project = project.file("number", "5\n").file("runbooks/most.yaml", "api: 9\n");
    let page = project.run(&["docs", "hand"]).code(0).stdout.clone();
    let back = page.split_once("## Undo by hand").expect("it is there").1;
    let blocks = Regex::new(r"(?ms)^```sh\n(.*?)\n```$").expect("it is one");
    let mut tried = 0;
    for found in blocks.captures_iter(back).filter(|found| found[1].contains("?note it first")) {
        let mut sh = Command::new("sh");
        sh.arg("-c").arg(&found[1]).current_dir(project.root()).env_clear().env("PATH", "/usr/bin:/bin");
        let output = sh.output().expect("there is a shell");
        assert!(!output.status.success(), "{}", &found[1]);
        assert!(String::from_utf8_lossy(&output.stderr).contains("note it first"), "{output:?}");
        tried += 1;
    }
    assert!(tried > 5 && !project.has("log"), "{tried} {page}");
}

#[test]
fn what_the_journal_knows_is_told_where_it_is_read() {
    let project = Project::new().file("runbooks/small.yaml", SMALL);
    let known = "## What the journal of this machine knows";
    assert!(!project.run(&["docs", "small"]).code(0).stdout.contains(known));
    project.run(&["exec", "small"]).code(0);
    project.run(&["exec", "small"]).code(0);
    let page = project.run(&["docs", "small"]).code(0).stdout.clone();
    assert!(
        page.contains(known) && page.contains("**runs**: 2, 2 succeeded") && page.contains(" UTC, by ann@"),
        "{page}"
    );
    let row = Regex::new(r"(?m)^\| `one` \| \S+ \| \S+ \| 2 \|$").expect("it is one");
    assert!(row.is_match(&page), "{page}");

    let there = |project: &Project| {
        fs::read_to_string(project.root().join("d/runbooks/small.md"))
            .expect("it was written")
            .contains(known)
    };
    project.run(&["docs", "--out", "d"]).code(0);
    assert!(!there(&project));
    project.run(&["docs", "--out", "d", "--history"]).code(0);
    assert!(there(&project));
}

#[test]
fn a_run_of_a_part_is_no_good_run() {
    let project = Project::new()
        .file("runbooks/small.yaml", SMALL.to_owned() + "  - {id: two, run: date, effect: read}\n");
    project.run(&["exec", "small", "--only", "one", "--reason", "a try"]).code(0);
    let page = project.run(&["docs", "small"]).code(0).stdout.clone();
    assert!(page.contains("**last good run**: none yet") && !page.contains("a good run takes"), "{page}");
}

#[test]
fn the_index_and_a_page_are_never_one_file() {
    let project = Project::new().file("runbooks/Readme.yaml", SMALL.replace("small", "Readme"));
    let shown = project.run(&["docs", "--out", "d"]).code(2).to_string();
    assert!(shown.contains("the page of `runbooks/Readme` and the index would both be"), "{shown}");
    assert!(!project.has("d/runbooks/README.md"));
    project.run(&["docs", "--out", "d", "--format", "html"]).code(0);
}

/// What is asked of the target may need a secret, too; each instance has its own anchor; what may not be known is said.
#[test]
fn what_stands_around_the_commands_is_told() {
    let project = Project::new().file(
        "runbooks/around.yaml",
        r#"runbook: around
title: Around
vars:
  tok: {type: secret, from: {env: TOK}}
  env: {type: string}
  many: {type: integer, default: 60}
target:
  who: {run: id, env: {T: "{{ tok }}"}}
steps:
  - id: one
    for_each: [a.b, a_b, a b]
    run: [ls, "{{ item }}"]
    effect: read
    when: env == 'prod'
  - id: gate
    gate: {run: date, pass: exit_code == 0, warn: stdout == env}
  - id: lots
    for_each: range(many) | list
    run: [ls, "{{ item }}"]
    effect: read
  - id: undone
    run: mkdir x
    rollback:
      shell: |
        now=1 || exit
        rmdir x
"#,
    );
    let page = project.run(&["docs", "around", "--var", "env=prod"]).code(0).stdout.clone();
    let secret = page.find("**the secret tok**").expect("it is asked for");
    assert!(secret < page.find(r#"T="${TOK?the secret tok}" id"#).expect("it is used"), "{page}");
    let anchors = parts(&page, r#"<a id="(hand-one[^"]*)">"#);
    assert_eq!(anchors.iter().collect::<BTreeSet<_>>().len(), 3, "{anchors:?}");
    for said in [
        "Only when `env == 'prod'`, which holds.",
        "- only just good: `stdout == env`",
        "`runbook plan around --full --var env=prod` shows them all",
        "| `now=1 || exit` … (2 lines, at the step) |",
    ] {
        let said = said.replace("||", r"\|\|");
        assert!(page.contains(&said), "{said}\n{page}");
    }
}

/// A value has one name on a page: what is said to people has it as the commands do.
#[test]
fn what_is_said_names_values_as_the_commands_do() {
    let project = Project::new().file(
        "runbooks/said.yaml",
        r#"runbook: said
title: Said
steps:
  - id: look
    run: date
    effect: read
    outputs: {n: stdout}
  - id: scale
    capture: {run: date, outputs: {min: stdout | int}}
    changes: "min {{ captured.min }} to {{ captured.min + 1 }}"
    run: [echo, "{{ captured.min }}"]
    irreversible: "it was {{ captured.min }}"
  - id: agreed
    approve: "Is {{ steps.look.outputs.n }} right?"
"#,
    );
    let page = project.run(&["docs", "said"]).code(0).stdout.clone();
    for said in [
        "Changes: `min $scale_before_min to ($scale_before_min + 1)`",
        "> Is $look_n right?",
        "it was $scale_before_min",
        "export look_n=<stdout>",
        "export scale_before_min=<stdout | int>",
    ] {
        assert!(page.contains(said), "{said}\n{page}");
    }
    let hand = page.split_once("By hand").expect("it has commands").1;
    assert!(!hand.contains('‹'), "{hand}");
}
