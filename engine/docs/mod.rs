//! Pages from definitions: what a runbook is, before any run of it.
//!
//! `site` is the documentation of a project, as Markdown and HTML; `graph` draws the steps and what waits for what; `template` is the page of a step template; `written` says commands, gates and
//! actions as their author wrote them; `reference` is about the language and the command line themselves.

mod graph;
mod reference;
mod site;
mod template;
mod written;

pub use graph::{Kind, Picture, Shape};
pub use reference::{CommandLine, Page, VerbTold, reference};
pub use site::{
    Block, ByHand, Code, Extras, Form, HandCase, HandCommand, History, Inline, Instance, Links, Listed,
    ListedStep, MARK, Page as SitePage, Section, Site, StepTimes, Table, Target, Wanting, exec_line,
    runbook_page, runbooks_page, step_page, steps_page,
};
pub use template::{Example, details, glance, template_page};
pub use written::{action, command, gate, guard};
