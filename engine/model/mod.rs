//! What a runbook, a step and a gate are once loaded: ids, values, durations, secrets. Uses nothing.
