//! The only async loop: input, decide, commit, act, publish.
