//! What a runbook, a step and a gate are once loaded: ids, values, durations, secrets. Uses nothing else of ours.
//!
//! Everything here is plain data that serialises into the snapshot stored with a run, so a run can be resumed and
//! rolled back on exactly what was started. Nothing here is evaluated: a template is kept as written, with its
//! [`Place`], and only `template/` gives it meaning.

mod duration;
mod hook;
mod input;
mod place;
mod plain;
mod proof;
mod rendered;
mod runbook;
mod secret;
mod snapshot;
mod step;
mod sub;
mod tape;
mod text;

pub use duration::{DURATION_UNITS, DurationError, format_duration, parse_duration};
pub use hook::{Hook, Moment};
pub use input::{Format, Input, Kind, SecretSource, Type, TypeError, secret_variable, variable};
pub use place::{FileId, Place};
pub use plain::{with_files, without_places};
pub use proof::{Answers, Doing, Expect, Failure, Phase, StateAfter, Test, TestFile, Verdict};
pub use rendered::{MASK, Made, Piece, Rendered, Spot, Unknown};
pub use runbook::{DataTable, Limits, OnFailure, Runbook, StepTemplate};
pub use secret::{SecretValue, Secrets};
pub use snapshot::{MACHINE_VERSION, Snapshot, Source};
pub use step::{
    Action, Approve, Binding, Body, Capture, Command, Effect, Gate, GateUse, Line, Manual, NativePreview,
    OnInterrupt, Retry, Step, Undo, Wait,
};
pub use sub::{Aim, Each, Sub, SubValues};
pub use tape::{Answer, Faults, Played, Tape, is_recorded, taken_of};
pub use text::{Expr, Text, Tree};

/// A value as data: what vars, tables, outputs and captured values hold.
pub type Value = serde_json::Value;

/// A map of values in the order they were written.
pub type Map = serde_json::Map<String, Value>;
