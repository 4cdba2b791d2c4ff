//! Files to model: finds, parses with positions, expands `uses:`, checks, binds inputs.
