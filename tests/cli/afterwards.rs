//! Verbs for runs that were begun: status, runs, logs, resume, rollback, approve.
