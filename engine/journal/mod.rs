//! The store: append, load, tail, lease, output files. SQLite with a hash chain.
