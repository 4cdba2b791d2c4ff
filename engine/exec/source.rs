//! A file in an epoll set.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::epoll;

/// A file that leaves its epoll set before it is closed.
///
/// Closing alone is not enough: a process that another thread is just spawning holds a copy of every file of ours
/// until it executes, and for so long (a program on a hanging network disk: for ever) the set would keep reporting a
/// file that nobody can take out of it any more.
#[derive(Debug)]
pub(super) struct Source {
    file: OwnedFd,
    set: Option<Arc<OwnedFd>>,
}

impl Source {
    pub(super) fn new(file: OwnedFd) -> Self {
        Self { file, set: None }
    }

    /// Adds the file to a set, under a token.
    ///
    /// # Errors
    ///
    /// When the system allows no more watches.
    pub(super) fn watch(
        &mut self,
        set: &Arc<OwnedFd>,
        token: u64,
        flags: epoll::EventFlags,
    ) -> io::Result<()> {
        epoll::add(set, &self.file, epoll::EventData::new_u64(token), flags)?;
        self.set = Some(Arc::clone(set));
        Ok(())
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Some(set) = &self.set {
            let _ = epoll::delete(set, &self.file);
        }
    }
}
