//! The documentation as pages: one neutral model of what a page tells, and two writers of it, Markdown and HTML.
//!
//! A page is made once, from the definitions as they are resolved, and told by both writers, so that they can't tell different
//! things. What comes from a file (titles, commands, prose) is text to both: nothing in it becomes a tag, a script or a
//! request to elsewhere. `runbook` makes the page of a runbook, `by_hand` the commands of a run as a person pastes them, `template`
//! that of a step template, `index` the pages that lead to them; `files` is where each page is and how they are linked.
//!
//! There is no clock, no version of the program and no path of this machine in a page: made twice it is the same twice, or
//! `docs --check` would cry wolf. What the journal knows differs from machine to machine, and is told only where it is
//! handed in (`history`).

mod by_hand;
mod files;
mod history;
mod html;
mod index;
mod instance;
mod markdown;
mod page;
mod prose;
mod runbook;
mod steps;
mod template;
mod variables;
mod written_out;

pub use files::{Form, Links, MARK, Site};
pub use history::{History, StepTimes};
pub use index::{Listed, ListedStep, runbooks_page, steps_page};
pub use instance::{ByHand, HandCase, HandCommand, Instance, Wanting};
pub use page::{Block, Code, Inline, Page, Section, Table, Target};
pub use runbook::{Extras, exec_line, runbook_page};
pub use template::step_page;
