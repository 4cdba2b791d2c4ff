//! A person at a terminal, as they see it: a shell in tmux, keys typed into it, and the screen compared with how it was when
//! somebody read it. Ids, times and hosts are masked, and nothing depends on how fast anything goes: what a test looks at is
//! held until a file is there.
//!
//! Only whole screens are here, and what only a real terminal shows (its size, its shell, its Ctrl-C): what is decided at a
//! prompt, and signals, are `tests/cli/person.rs` and `tests/cli/signals.rs`, which need no tmux.

mod asked;
mod completion;
mod ends;
mod going;
mod person;
mod view;

use crate::support::project::Project;
use crate::support::tmux::{Tmux, masked};

/// A terminal like the smallest that anybody uses.
const SMALL: (usize, usize) = (80, 24);

/// Types a command into a new small terminal.
fn typed(project: &Project, command: &str) -> Option<Tmux> {
    let terminal = Tmux::open(project, SMALL.0, SMALL.1)?;
    terminal.types(command);
    Some(terminal)
}

/// Compares a screen with the one that is kept.
#[track_caller]
fn like(name: &str, screen: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("screens");
    settings.bind(|| insta::assert_snapshot!(name, masked(screen)));
}
