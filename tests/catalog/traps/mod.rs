//! What the real tools do that nobody expects, and what is done in place of it: each test types what people type, and then
//! plays the step that stands for it. `docs/traps.md` is the list of all of them, also of those that are shown beside a runbook.

pub(super) mod endless;
