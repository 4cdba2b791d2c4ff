//! Which reporter shows a run: JSON, lines, or a live screen.

use std::collections::BTreeSet;
use std::io;

use super::args::Form;
use super::console::Console;
use super::settings::Settings;
use super::{logging, terminal};
use crate::exec::{Redactor, SHORTEST};
use crate::model::Secrets;
use crate::report::{Paint, Reporter, Role, Terminal, json, lines, live};
use crate::telemetry::{self, Hide, Wanted};

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
            live(Terminal::stderr(paint, terminal::echo))
        }
        Form::Text => lines(io::stdout(), settings.unicode),
    };
    view.called(&settings.program());
    view
}

/// Returns a view beside which spans are sent, when the variables of OpenTelemetry ask for it, and the log of the program gets
/// the name of the run. Of one that `rehearses` nothing is sent, so nothing is said of that either.
pub fn with_listeners(
    view: Box<dyn Reporter>,
    settings: &Settings,
    console: Console,
    secrets: &Secrets,
    rehearses: bool,
) -> Box<dyn Reporter> {
    let view = logging::named_by_run(view, secrets);
    if rehearses {
        return view;
    }
    let warn =
        move |text: &str| console.say(&format!("{} {text}", console.err.paint(Role::Person, "warning:")));
    telemetry::beside(view, spans(settings), hiding, warn)
}

/// Returns the span that a run is begun in, where spans are sent.
pub fn trace_parent(settings: &Settings) -> Option<String> {
    let Wanted::Yes(target) = spans(settings) else { return None };
    // As it was understood: the variable may hold anything, and the journal is kept.
    target.parent.map(|parent| parent.to_string())
}

fn spans(settings: &Settings) -> Wanted {
    telemetry::wanted(|name| settings.environment.var(name))
}

/// Returns what masks these texts in spans; nothing when they are too large to be searched for.
fn hiding(texts: &BTreeSet<String>) -> Option<Hide> {
    let texts = texts.iter().filter(|text| text.len() >= SHORTEST).map(|text| ("", text));
    let redactor = Redactor::new(texts).ok()?;
    Some(Box::new(move |text| redactor.redact_str(text).into_owned()))
}
