//! What is said when the program itself is broken.

use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};

use super::terminal;

/// Makes a panic say, in few words, that it is a bug, where, and what to do about the run.
///
/// The message of the panic is left out unless it is fixed text or `detail` asks for it: text made at run time may hold
/// a value of the run, and so a secret.
pub fn install_hook(detail: bool) {
    panic::set_hook(Box::new(move |info| {
        terminal::restore();
        // Not `eprintln!`: with the terminal gone it would panic in here.
        let _ = writeln!(io::stderr().lock(), "{}", message(&at(info), said(info, detail).as_deref()));
    }));
}

fn at(info: &PanicHookInfo<'_>) -> String {
    info.location().map_or_else(|| "an unknown place".to_owned(), |at| format!("{}:{}", at.file(), at.line()))
}

fn said(info: &PanicHookInfo<'_>, detail: bool) -> Option<String> {
    let payload = info.payload();
    let fixed = payload.downcast_ref::<&'static str>().map(|text| (*text).to_owned());
    fixed.or_else(|| payload.downcast_ref::<String>().filter(|_| detail).cloned())
}

fn message(at: &str, said: Option<&str>) -> String {
    let said = said.map(|said| format!(": {said}")).unwrap_or_default();
    format!(
        "\nerror: this is a bug in runbook, at {at}{said}\n  \
         What the journal holds is safe: `runbook status` shows how far the run came, `runbook resume` goes on.\n  \
         Please report it with this message (version {}).",
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_says_where_and_what_to_do() {
        insta::assert_snapshot!(message("engine/x.rs:7", Some("a step has no id")).replace(env!("CARGO_PKG_VERSION"), "[VERSION]"), @r"
        error: this is a bug in runbook, at engine/x.rs:7: a step has no id
          What the journal holds is safe: `runbook status` shows how far the run came, `runbook resume` goes on.
          Please report it with this message (version [VERSION]).
        ");
    }
}
