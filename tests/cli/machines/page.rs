//! `docs/json.md` does what it says: each `sh` block is run, and what it prints is compared with the block that follows.

use std::path::Path;
use std::process::Command;

use clap::ValueEnum;
use regex::Regex;
use runbook::cli::outputs::Output;

use super::name;
use crate::support::debian;
use crate::support::project::Project;

const PAGE: &str = "docs/json.md";

const DEPLOY: &str = "runbook: deploy\ntitle: Deploy\nsteps:\n  - id: copy\n    run: echo copied\n    rollback: {run: echo removed}\n  \
                      - id: switch\n    needs: copy\n    shell: 'echo no room >&2; exit 1'\n    irreversible: It only looks.\n";

/// Returns the blocks of a page: the language of each, and its text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let fenced = Regex::new(r"(?ms)^```(\w+)\n(.*?)^```$").expect("the pattern is right");
    fenced.captures_iter(page).map(|found| (found[1].to_owned(), found[2].to_owned())).collect()
}

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    std::fs::read_to_string(path).expect("it is part of the project")
}

#[test]
fn its_examples_print_what_it_says() {
    let Some(jq) = debian::programs(&["jq"], "usr/bin", &["jq"]) else { return };
    let project = Project::new().file("runbooks/deploy.yaml", DEPLOY);
    let bin = project.root().join("bin");
    std::fs::create_dir_all(&bin).expect("a folder can be made");
    let tool = |name: &str, line: &str| {
        use std::os::unix::fs::PermissionsExt;
        let path = bin.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{line}\n")).expect("a file can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    };
    tool("jq", &jq.line("jq", &[]));
    tool("runbook", &format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_runbook")));
    let search = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let sh = |text: &str| {
        let mut command = Command::new("bash");
        command.args(["-c", text]).current_dir(project.root()).env_clear();
        let own = project.command(&[]);
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("PATH", &search);
        let output = command.output().expect("bash can be run");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Regex::new(r"\br[0-9a-hjkmnp-tv-z]{7}\b")
            .expect("the pattern is right")
            .replace_all(&text, "[RUN]")
            .into_owned()
    };
    // Before the first run a prompt says nothing.
    assert_eq!(sh("runbook status --format json | jq -r '.summary.line // empty'"), "");
    let blocks = blocks(&page());
    let mut ran = 0;
    for (at, (language, text)) in blocks.iter().enumerate().filter(|(_, (language, _))| language == "sh") {
        let wanted =
            blocks.get(at + 1).filter(|(language, _)| language == "text").map(|(_, text)| text.as_str());
        if text.contains("runbook check") {
            project.write(
                "runbooks/broken.yaml",
                "runbook: broken\ntitle: Broken\nsteps_: []\nsteps: [{id: a, run: 'echo', effect: read}]\n",
            );
        }
        let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        assert_eq!(Some(lines(&sh(text))), wanted.map(lines), "{language}: {text}");
        ran += 1;
    }
    assert!(ran >= 5, "the page has lost its examples");
    let starship = blocks.iter().find(|(language, _)| language == "toml").expect("the prompt's settings");
    let line = starship.1.lines().find_map(|line| line.strip_prefix("command = \"")?.strip_suffix('"'));
    assert_eq!(sh(line.expect("a command")), "deploy 1/2 failed: switch\n");
    let json = blocks.iter().find(|(language, _)| language == "json").map(|(_, text)| text.as_str());
    let none: serde_json::Value = serde_json::from_str(json.expect("the empty document")).expect("JSON");
    std::fs::remove_dir_all(project.journal().parent().expect("a folder")).expect("it is ours");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&sh("runbook status --format json")).expect("JSON"),
        none
    );
}

#[test]
fn it_names_every_verb_that_has_a_schema() {
    let page = page();
    for verb in Output::value_variants() {
        assert!(page.contains(&format!("`{}`", name(*verb))), "{verb:?} is not on {PAGE}");
    }
}
