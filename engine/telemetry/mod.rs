//! Spans of a run for OpenTelemetry, sent by OTLP when the usual `OTEL_*` variables ask for it.
//!
//! | span | from | to | its parent |
//! | --- | --- | --- | --- |
//! | run | an engine takes the run up | it rests | what `TRACEPARENT` named when it was begun; of a later engine the first one's span |
//! | step | its work begins | it is over, or undone | run |
//! | attempt (`action`, `undo`, `capture`) | its command is begun | it, and the gate that judges it, ended | step |
//! | gate (`check`, `guard`, `verify`) | it is asked first | its last answer | attempt; step, where none is under way |
//!
//! `spans.rs` is a fold over events, which a reporter is fed after their commit, so nothing is sent that is not in the journal.
//! Every id comes from the run's id and the number of an event: a run that is taken up again, on whatever machine, goes on in
//! the same trace. What an engine that died, or that the run was taken from, had begun is told by the next, as failed: its end was
//! not seen. What it had ended and not sent yet, of its last half second, is told by nobody. What is sent: names, ids, times,
//! states, exit codes and commands as the journal displays them, secrets masked, and what sensitive steps gave to the run
//! (`masked.rs`). No output, no value, no reason that somebody typed.
//!
//! It fails nothing. One thread sends (`sender.rs`) from a queue with an end. It is waited for when the run rests and its lease is
//! given back, so that nobody is kept from taking it up: as long as `OTEL_EXPORTER_OTLP_TIMEOUT` says, and no longer than two
//! seconds. What could not be sent is said in one line. Unless it is asked for there is no thread and no work. Rehearsals and
//! tests send nothing.

mod beside;
mod http;
mod masked;
mod sender;
mod spans;
mod wanted;

pub use beside::beside;
pub use masked::{Hide, Hiding};
pub use wanted::{Parent, Target, Wanted, wanted};
