//! Fail points: places where the crash tests kill the engine with SIGKILL, as a power cut would.
//!
//! They exist only in builds with debug assertions. In any other build [`crash_point`] is an empty `const fn`: it can
//! neither read the environment nor kill, so no variable sets anything off in a release.
//!
//! | variable | does |
//! | --- | --- |
//! | `RUNBOOK_CRASH_AT` | `17` kills at the seventeenth point reached, counted over all names; `heartbeat:after` at the first of that name |
//! | `RUNBOOK_PANIC_AT` | `heartbeat:before` panics there, as a mistake of ours would: what is put back then is tested |
//! | `RUNBOOK_CRASH_LIST` | appends the name of each point reached to this file, one a line |
//!
//! Our own and not the `fail` crate: that one counts each name for itself, and panics or exits, which runs what a dying
//! engine never gets to run.

#[cfg(debug_assertions)]
pub(crate) use armed::crash_point;

/// Does nothing: this build has no fail points.
#[cfg(not(debug_assertions))]
pub(crate) const fn crash_point(_name: &'static str) {}

/// What can be done while compiling reads no environment and sends no signal.
#[cfg(not(debug_assertions))]
const _: () = crash_point("a release");

#[cfg(debug_assertions)]
mod armed {
    #![expect(clippy::disallowed_methods, reason = "no value of the environment may reach this in a release")]

    use std::fs::OpenOptions;
    use std::io::Write as _;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{LazyLock, Mutex, PoisonError};

    use rustix::process::{Signal, getpid, kill_process};

    struct Armed {
        at: Option<String>,
        panic: Option<String>,
        list: Option<String>,
    }

    static ARMED: LazyLock<Armed> = LazyLock::new(|| Armed {
        at: std::env::var("RUNBOOK_CRASH_AT").ok(),
        panic: std::env::var("RUNBOOK_PANIC_AT").ok(),
        list: std::env::var("RUNBOOK_CRASH_LIST").ok(),
    });
    static REACHED: AtomicUsize = AtomicUsize::new(0);
    static LISTING: Mutex<()> = Mutex::new(());

    /// Kills this process when the crash tests asked for this point.
    pub(crate) fn crash_point(name: &'static str) {
        let Armed { at, panic, list } = &*ARMED;
        assert!(panic.as_deref() != Some(name), "a test asked for it");
        if let Some(list) = list {
            let _one_line_at_a_time = LISTING.lock().unwrap_or_else(PoisonError::into_inner);
            let file = OpenOptions::new().create(true).append(true).open(list);
            let _ = file.and_then(|mut file| file.write_all(format!("{name}\n").as_bytes()));
        }
        let Some(at) = at else { return };
        let number = REACHED.fetch_add(1, Ordering::SeqCst) + 1;
        if at == name || at.parse() == Ok(number) {
            // Nothing of this process runs after it: no destructor, no other thread's next system call.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }
}
