//! TAB in the shells that people have: the script is loaded as the help says, keys are pressed, and the line is read.

use std::path::Path;

use super::typed;
use crate::support::debian::{self, Programs};
use crate::support::project::Project;
use crate::support::tmux::Tmux;

/// A runbook with what is hard to type: values and instances with blanks, colons, quotes.
const HARD: &str = r#"
runbook: hard
title: Hard to type
vars:
  env: {type: string, enum: [prod, staging, "two words"]}
  at: {type: string, enum: ["12:30", "13:00"]}
steps:
  - id: each
    for_each: "['a b', 'plain']"
    run: [echo, "{{ item }}"]
    effect: read
"#;

fn project() -> (Project, String) {
    let project = Project::new().file("runbooks/hard.yaml", HARD);
    project.run(&["exec", "hard", "--var", "env=prod", "--var", "at=12:30"]).code(0);
    let run = project.newest();
    (project, run)
}

/// Presses TAB behind each text in turn, and wants the line to become as is said.
#[track_caller]
fn completes(terminal: &Tmux, run: &str) {
    let part = &run[..5];
    for (begun, whole) in [
        ("runbook exec har".to_owned(), "runbook exec hard".to_owned()),
        ("runbook exec hard --var e".to_owned(), "runbook exec hard --var env=".to_owned()),
        ("runbook exec hard --var env=st".to_owned(), "--var env=staging".to_owned()),
        ("runbook exec hard --var env=tw".to_owned(), r"--var env=two\ words".to_owned()),
        ("runbook exec hard --var at=12:".to_owned(), "--var at=12:30".to_owned()),
        ("runbook exec hard --var=env=pr".to_owned(), "--var=env=prod".to_owned()),
        (format!("runbook status {part}"), format!("runbook status {run}")),
        (format!("runbook logs {run} 'each[a"), format!("runbook logs {run} 'each[a b]'")),
        (format!(r"runbook logs {run} each\[p"), format!(r"runbook logs {run} each\[plain\]")),
        ("runbook exec --deta".to_owned(), "runbook exec --detach".to_owned()),
    ] {
        terminal.presses(&begun);
        terminal.until(&begun);
        terminal.presses("Tab");
        terminal.until(&whole);
        // The line is whole: what is typed next stands where it should.
        terminal.presses("#");
        terminal.when("the next key", |screen| screen.trim_end().ends_with('#'));
        terminal.presses("C-u");
        terminal.presses("C-l");
        terminal.when("an empty line", |screen| !screen.contains("runbook"));
    }
}

#[test]
fn bash_completes() {
    let (project, run) = project();
    let Some(terminal) = typed(&project, "exec bash --norc --noprofile -i") else { return };
    terminal.types(r#"eval "$(runbook completions bash)"; clear; PS1='> '; echo ready"#);
    terminal.when("the shell", |screen| screen.starts_with("ready\n>"));
    completes(&terminal, &run);
    // Below the home folder, which the shell reads only where nothing is quoted.
    terminal.types("HOME=$PWD; clear");
    terminal.presses("runbook plan ~/runbooks/ha");
    terminal.presses("Tab");
    terminal.until("runbook plan ~/runbooks/hard.yaml");
    terminal.presses(" --var env=st");
    terminal.presses("Tab");
    terminal.until("~/runbooks/hard.yaml  --var env=staging");
    terminal.presses("C-u");
    terminal.presses("C-l");
    // M-* puts all of them in, without what is said about them.
    terminal.presses("runbook exec hard --on");
    terminal.presses("M-*");
    terminal.until("--only");
    terminal.until("--on-failure");
    assert!(!terminal.screen().contains('('), "{}", terminal.screen());
    terminal.presses("C-u");
    terminal.presses("C-l");
    terminal.when("an empty line", |screen| !screen.contains("runbook"));
    // Where there is a choice it is shown, with what each is.
    terminal.presses("runbook s");
    terminal.presses("Tab");
    terminal.presses("Tab");
    terminal.until("status  (Show the steps of a run as they stand)");
}

#[test]
fn zsh_completes() {
    zsh_completes_with("autoload -Uz compinit; compinit -u -D; eval \"$(runbook completions zsh)\"");
}

/// As a package installs it: a file that compinit finds, and that zsh loads at the first TAB.
#[test]
fn zsh_completes_from_fpath() {
    zsh_completes_with(
        "mkdir -p z/own; runbook completions zsh > z/own/_runbook; fpath=($PWD/z/own $fpath); autoload -Uz compinit; compinit -u -D",
    );
}

#[track_caller]
fn zsh_completes_with(setup: &str) {
    let (project, run) = project();
    let Some(zsh) = debian::programs(&["zsh", "zsh-common"], "bin", &["zsh"]) else { return };
    let root = root(&zsh, "bin/zsh");
    // Unpacked, it does not find its own modules and functions.
    let own = match root.as_path() == Path::new("/") {
        true => String::new(),
        false => {
            let root = root.display();
            format!("module_path=({root}/usr/lib/*/zsh/*)\nfpath=({root}/usr/share/zsh/functions/**/*(/))\n")
        }
    };
    let rc = format!("{setup}; PS1='> '; clear; echo ready\n");
    project.write("z/.zshenv", own);
    project.write("z/.zshrc", rc);
    let Some(terminal) = typed(&project, &started(&zsh, "zsh", "ZDOTDIR=$PWD/z", "-d -i")) else { return };
    terminal.when("the shell", |screen| screen.starts_with("ready\n>"));
    completes(&terminal, &run);
    terminal.presses("runbook s");
    terminal.presses("Tab");
    terminal.presses("Tab");
    terminal.when("the verbs with what they do", |screen| {
        screen.lines().any(|line| line.starts_with("status") && line.contains("-- Show the steps of a run"))
    });
}

#[test]
fn fish_completes() {
    let (project, run) = project();
    let Some(fish) = debian::programs(&["fish", "fish-common"], "usr/bin", &["fish"]) else { return };
    let root = root(&fish, "usr/bin/fish");
    if root.as_path() != Path::new("/") {
        // Unpacked, it looks for its settings beside its own folder; another test may have made the link meanwhile.
        let _ = std::os::unix::fs::symlink("../etc", root.join("usr/etc"));
    }
    project.write(
        "start.fish",
        "function fish_prompt; echo '> '; end\nfunction fish_title; end\nset fish_greeting\nset -g fish_autosuggestion_enabled 0\nrunbook completions fish | source\nclear\necho ready\n",
    );
    let Some(terminal) = typed(&project, &started(&fish, "fish", "", "-i -C 'source start.fish'")) else {
        return;
    };
    terminal.when("the shell", |screen| screen.starts_with("ready\n>"));
    completes(&terminal, &run);
    terminal.presses("runbook s");
    terminal.presses("Tab");
    terminal.until("(Show the steps of a run as they stand)");
}

/// Returns the folder that a program's package is unpacked in: `/` for the machine's own.
fn root(programs: &Programs, below: &str) -> std::path::PathBuf {
    let name = below.rsplit('/').next().expect("a path has a last part");
    let path = programs.path(name);
    path.ancestors().nth(below.split('/').count()).expect("it stands in these folders").to_owned()
}

/// Returns the line that replaces the shell by another one.
fn started(programs: &Programs, name: &str, environment: &str, arguments: &str) -> String {
    let libraries = programs.environment().into_iter().map(|(name, value)| format!("{name}={value} "));
    let libraries: String = libraries.collect();
    format!("exec env {libraries}{environment} {} {arguments}", programs.path(name).display())
}
