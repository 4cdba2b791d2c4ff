//! Which reporter shows a run: JSON, lines, or a live screen.

use std::io;

use super::args::Form;
use super::settings::Settings;
use crate::report::{Reporter, json, lines};

/// Returns the reporter for this call.
pub fn of(settings: &Settings) -> Box<dyn Reporter> {
    match settings.form {
        Form::Json => json(io::stdout()),
        Form::Text => lines(io::stdout(), settings.unicode),
    }
}
