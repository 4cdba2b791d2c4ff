//! Consumers of events: live view, plain lines, JSON, end screen, status page, list of runs.
//!
//! `account` is the run as told afterwards (`runbook report`), `doubt` what is known of a step in doubt and what settles it.
//!
//! Nothing here starts, decides or waits for anything. A reporter is fed the events of a run in their order, live or
//! read again from the journal, and shows them; it reads no clock, environment or file: all that is passed in.

mod account;
mod asks;
mod beside;
mod continued;
mod doubt;
mod excerpt;
#[cfg(test)]
mod fixture;
mod json;
mod lines;
mod live;
mod notice;
mod paint;
mod phrase;
mod reporter;
mod reversal;
mod runs;
mod section;
mod standing;
mod status;
mod summary;
mod timeline;
mod usual;
mod when;

pub use account::{ACCOUNT_VERSION, Account, Answer, Asking, Change, Entry, FailedStep, Reply, Said};
pub use asks::Asks;
pub use beside::{Listener, beside};
pub use continued::{continued, shell_words};
pub use doubt::{Doubt, Settle};
pub use json::{VERSION as JSON_VERSION, json};
pub use lines::lines;
pub use live::{Terminal, live};
pub use notice::{NOTICE_VERSION, Notice, Subject, Told};
pub use paint::{Paint, Role};
pub use phrase::one_line as command_in_a_line;
pub use reporter::{Earlier, EndInfo, Reporter, Seen, Stream};
pub use reversal::reversed;
pub use runs::{RunLine, table as runs_table};
pub use section::{Size, rows_of};
pub use standing::Standing;
pub use status::{About, Glance, InstanceStatus, STATUS_VERSION, StatusOutput, StatusPage, StepStatus};
pub use summary::{end_screen, failed_gate_wanted};
pub use timeline::{Failure, Timeline, Track};
pub use usual::{Past, Usual};
pub use when::ago;
