//! The only room that spawns processes: supervise, capture, redact, kill.
