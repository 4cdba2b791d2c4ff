//! Diagnostics as data (code, message, labels, help) and their renderers.
