//! One file per verb: from the arguments and the settings to what is shown, and how it ends.

pub mod approve;
pub mod cancel;
pub mod check;
pub mod complete;
pub mod completions;
pub mod docs;
pub mod done;
pub mod exec;
pub mod explain;
pub mod graph;
pub mod import;
pub mod list;
pub mod logs;
pub mod man;
pub mod new;
pub mod plan;
pub mod rehearse;
pub mod report;
pub mod resume;
pub mod rollback;
pub mod runs;
pub mod schema;
pub mod show;
pub mod status;
pub mod test;
pub mod verify;
