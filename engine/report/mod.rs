//! Consumers of events: live view, plain lines, JSON, summary.
