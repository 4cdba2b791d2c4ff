//! The hash chain: each event's hash covers the event before it, so that nothing can be changed, taken out or put in
//! between without every later hash changing too.
//!
//! What it finds: an event changed, taken out, put in or moved; another time, writer or snapshot; and, since the run's row
//! holds the count and the last hash, events cut off at the end. What it can't find, having no key: a new chain written
//! over the whole run, row included, and a whole file put back as it once was (an older copy, or a `-wal` that is gone).
//! Both have another last hash; who wrote it down (`runbook verify` prints it) sees that.
//!
//! Leases, locks and the inbox are no part of it: they say what is, not what was. What came of an answer in the inbox is an
//! event, and the machine judges it like one that was typed at the terminal: who may, to which commands, how often.

use sha2::{Digest, Sha256};

use super::RunId;

/// A link of the chain.
pub(super) type Hash = [u8; 32];

/// What of an event its hash covers, besides the link before it.
pub(super) struct Link<'a> {
    pub(super) run: &'a RunId,
    pub(super) seq: u64,
    pub(super) epoch: u64,
    pub(super) version: u32,
    /// Microseconds since the Unix epoch.
    pub(super) at: i64,
    pub(super) body: &'a [u8],
}

/// Returns the link before the first event. It covers the snapshot, so that a run can't be given another one.
pub(super) fn genesis(run: &RunId, snapshot: &str) -> Hash {
    Sha256::new()
        .chain_update(b"runbook journal 1\0")
        .chain_update(run.as_str())
        .chain_update(b"\0")
        .chain_update(snapshot)
        .finalize()
        .into()
}

/// Returns the link for an event. Every part has a fixed length or is preceded by it, so no two events are hashed
/// from the same bytes.
pub(super) fn next(prev: &Hash, link: &Link<'_>) -> Hash {
    let run = link.run.as_str().as_bytes();
    Sha256::new()
        .chain_update(prev)
        .chain_update((run.len() as u64).to_be_bytes())
        .chain_update(run)
        .chain_update(link.seq.to_be_bytes())
        .chain_update(link.epoch.to_be_bytes())
        .chain_update(link.version.to_be_bytes())
        .chain_update(link.at.to_be_bytes())
        .chain_update((link.body.len() as u64).to_be_bytes())
        .chain_update(link.body)
        .finalize()
        .into()
}

/// Returns `bytes` in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
