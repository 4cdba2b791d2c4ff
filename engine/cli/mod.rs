//! Raw arguments to resolved settings to one file per verb; exit codes and hints.
