//! What the program says about itself, on stderr. For whoever mends it, not for whoever runs a runbook.

use std::io;

use tracing_subscriber::EnvFilter;

use super::settings::Settings;

/// Begins to log: warnings, more with `-v`, or what RUNBOOK_LOG says (`runbook::journal=trace`).
pub(super) fn install(settings: &Settings) {
    let level = match settings.verbose {
        0 => "runbook=warn",
        1 => "runbook=info",
        2 => "runbook=debug",
        _ => "runbook=trace",
    };
    let asked = settings.environment.var("RUNBOOK_LOG").filter(|_| settings.verbose == 0);
    let filter = EnvFilter::builder().parse_lossy(asked.unwrap_or(level));
    // Fails only when one is installed already, by a test that calls this twice.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // It would say so with `eprintln!`, which panics when the terminal is gone.
        .log_internal_errors(false)
        .with_ansi(settings.colour_err.value)
        .try_init();
}
