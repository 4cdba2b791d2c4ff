//! What of a command in doubt stands in no event: what it printed last, which the journal has only once the command is
//! seen to end, and whether it is still at work.

use crate::driver;
use crate::journal::{OutputDir, RunId, Stream};
use crate::report::Doubt;

/// How much of the end of an output is looked at, in bytes.
const END: u64 = 2_048;

/// How many lines are shown.
const LINES: usize = 10;

/// Fills in what each command printed last, and whether it is still at work. An output that can't be read is one that is not
/// known.
pub(super) fn fill(doubts: &mut [Doubt], outputs: &OutputDir, run: &RunId) {
    for doubt in doubts {
        doubt.at_work = driver::at_work(run, &doubt.leaf, doubt.process.as_ref());
        let ends = [Stream::Stderr, Stream::Stdout].map(|stream| end(outputs, run, doubt, stream));
        // What went wrong stands on stderr; a command that said nothing there is told by its stdout.
        doubt.output = ends.into_iter().find(|end| !end.is_empty()).unwrap_or_default();
    }
}

fn end(outputs: &OutputDir, run: &RunId, doubt: &Doubt, stream: Stream) -> String {
    let Ok(files) = outputs.list(run, &doubt.leaf.step) else { return String::new() };
    let is_it = |file: &&crate::journal::OutputFile| file.leaf == doubt.leaf && file.stream == stream;
    let Some(file) = files.iter().find(is_it) else { return String::new() };
    let from = file.bytes.saturating_sub(END);
    let Ok(bytes) = outputs.read(run, &doubt.leaf, stream, from, END) else { return String::new() };
    let text = String::from_utf8_lossy(&bytes);
    // The first line of a cut is half a line.
    let whole = if from > 0 { text.split_once('\n').map_or(&*text, |(_, rest)| rest) } else { &text };
    let lines: Vec<&str> = whole.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
