//! A run as a fold: events, state, `decide`, ready queue, resume table, rollback. Pure.
