//! The limit on file sizes (`ulimit -f`): a write beyond it is an error like a full disk, and no death.

use tokio::signal::unix::{SignalKind, signal};

/// SIGXFSZ, the same number on Linux and macOS. It kills a process that nobody prepared.
const XFSZ: i32 = 25;

/// Makes a write beyond the limit on file sizes fail instead of killing this process in silence. Before the journal is
/// opened, since opening may write. A handler and not "ignore": what is ignored is inherited by every command, a handler
/// is not.
///
/// # Errors
///
/// When the system takes no handler.
pub fn outlive_file_limit() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _within = runtime.enter();
    // Once installed the handler stays, also when nobody listens any more.
    signal(SignalKind::from_raw(XFSZ)).map(drop)
}
