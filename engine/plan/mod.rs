//! The DAG of a runbook: order, cycles with their whole path. Pure.
