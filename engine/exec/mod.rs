//! The only room that spawns processes: supervise, capture, redact, kill.
//!
//! A [`Pool`] takes a [`Spec`], one attempt of one command with everything resolved, and tells what becomes of it in
//! [`Notice`]s: `Spawned` and `Chunk`s, then `Ended`.
//!
//! **One reactor, few spawners.** One thread watches all commands with epoll: their pipes, their timeouts, and a
//! pidfd for each leader. Two to four others start processes, since a start blocks until the program executes: about
//! a millisecond, and for ever on a dead network disk, which must not hold up the timeouts of the rest. So threads
//! stay the same whatever runs, and a step costs little more than its spawn. Rejected: a waiter and two readers a
//! step (three threads each, 192 at 64 steps); reactors that spawn as well (one hand-over less, but a hanging start
//! takes every command on that reactor with it); tokio's processes, which reap where no lock of ours is held.
//!
//! **The group, not the process.** Each command leads a process group. When its leader has ended, which is seen
//! without reaping it, whatever is left of the group is killed, then the group is marked gone, and only then is the
//! leader reaped, all under one lock: a number is never signalled after it may have been given to another. After
//! SIGTERM the others of the group keep the rest of their grace although the leader is gone, because a shell dies
//! of it at once while the tool it runs is still letting go of a lock.
//!
//! **A pipe is no leash.** A process that left its group may hold the pipes open for as long as it likes. Once the
//! group is gone, what the pipes hold is read, for a tenth of a second more at most, and they are closed.
//!
//! **Who hides what.** Logs and chunks are redacted. [`Captured`] is raw, since expressions read JSON from it;
//! whoever shows or stores any of it redacts it first.
//!
//! **Out of the group, not out of sight.** What left its group (`setsid`, a double fork) is found by what
//! [`Spec::marks`] put into its environment, and ended with its command when that is stopped or its time is up. When the
//! command ends by itself it is left alone and told of ([`Ended::strays`]): a step may start a service on purpose. Not
//! found: what was started with a cleaned environment, and what became another user's.

mod census;
mod detached;
mod feed;
mod forms;
mod group;
mod launch;
mod liveness;
mod members;
mod notice;
mod pool;
mod procfs;
mod program;
mod reactor;
mod redactor;
mod running;
mod source;
mod spec;
mod stranger;
mod stream;
#[cfg(test)]
mod tests;

pub use detached::{Detached, detach, leave_terminal};
pub use liveness::{Liveness, alive, is_suspended, own};
pub use notice::{Captured, Death, End, Ended, Identity, LogError, Notice, Stream};
pub use pool::{Handle, Pool};
pub use program::{SpawnError, which};
pub use redactor::{MASK, Redacting, Redactor, RedactorError, SHORTEST};
pub use spec::Spec;
pub use stranger::{end_stranger, find_by_env, kill_stranger, wake_stranger};
