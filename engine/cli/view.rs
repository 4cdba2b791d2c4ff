//! Which reporter shows a run: JSON, lines, or a live screen.

use std::io;

use super::args::Form;
use super::settings::Settings;
use super::terminal;
use crate::report::{Paint, Reporter, Terminal, json, lines, live};

/// Says whether a run is shown on a live screen.
pub fn is_live(settings: &Settings) -> bool {
    let [_, out, err] = settings.environment.terminals;
    let dumb = settings.environment.var("TERM") == Some("dumb");
    settings.form == Form::Text && out && err && !dumb
}

/// Returns the reporter for this call: a live screen only where both outputs are terminals, so that
/// `runbook exec … | tee log` leaves the whole story in the log.
pub fn of(settings: &Settings) -> Box<dyn Reporter> {
    let mut view = match settings.form {
        Form::Json => json(io::stdout()),
        Form::Text if is_live(settings) => {
            terminal::drawn();
            let paint = Paint { colour: settings.colour_err.value, unicode: settings.unicode };
            live(Terminal::stderr(paint))
        }
        Form::Text => lines(io::stdout(), settings.unicode),
    };
    view.called(&settings.program());
    view
}
