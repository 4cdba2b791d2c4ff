//! Who and where: the person and the process that drive a run.

use std::sync::OnceLock;

use crate::exec::{self, Identity, Liveness};
use crate::journal::{Holder, Life};
use crate::machine::{Person, Process};

/// Returns the person of `login` on this machine, who answered `via` (`terminal`, `flag`, `command`). Without a server a
/// name is what the operating system says: asserted, not proven.
pub fn person(login: &str, via: &str) -> Person {
    Person { name: login.to_owned(), host: hostname(), via: via.to_owned() }
}

/// Tells whether a process of a journal's lease is still there.
pub fn life(process: &Process) -> Life {
    if process.host != hostname() {
        return Life::Elsewhere;
    }
    match exec::alive(&identity(process)) {
        Liveness::Running => Life::Alive,
        Liveness::Gone | Liveness::OtherBoot => Life::Gone,
    }
}

pub(super) fn holder(person: &Person) -> Holder {
    Holder { person: person.clone(), process: process(&exec::own()) }
}

pub(super) fn process(identity: &Identity) -> Process {
    Process {
        pid: identity.pid,
        started: identity.started,
        boot: identity.boot.to_string(),
        host: hostname(),
    }
}

pub(super) fn identity(process: &Process) -> Identity {
    Identity { pid: process.pid, started: process.started, boot: process.boot.as_str().into() }
}

/// Returns the name of this machine, as it was when it was first asked for: every record of an engine says the same.
pub(super) fn hostname() -> String {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        #[cfg(debug_assertions)]
        if let Some(name) = pretended() {
            return name;
        }
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    })
    .clone()
}

/// Returns the name that a test gives this machine, so that it can be another one. Not in release builds: who did what must
/// not depend on such a variable.
#[cfg(debug_assertions)]
#[expect(clippy::disallowed_methods, reason = "for tests only")]
fn pretended() -> Option<String> {
    std::env::var("RUNBOOK_TEST_HOST").ok()
}
