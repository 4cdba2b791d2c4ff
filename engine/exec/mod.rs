//! The only room that spawns processes: supervise, capture, redact, kill.

mod feed;
mod forms;
mod group;
mod launch;
mod liveness;
mod members;
mod notice;
mod pool;
mod program;
mod reactor;
mod redactor;
mod running;
mod source;
mod spec;
mod stream;
#[cfg(test)]
mod tests;

pub use liveness::{Liveness, alive, own};
pub use notice::{Captured, Death, End, Ended, Identity, LogError, Notice, Stream};
pub use pool::{Handle, Pool};
pub use program::{SpawnError, which};
pub use redactor::{MASK, Redacting, Redactor, RedactorError, SHORTEST};
pub use spec::Spec;
