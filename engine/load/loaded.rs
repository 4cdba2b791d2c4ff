//! The ways in: a file or a text becomes a runbook and a report.

use std::path::Path;

use super::context::Context;
use super::library::Library;
use super::node::Node;
use super::{runbook, template_file, text_file, yaml};
use crate::diag::{Report, Sources};
use crate::model::{FileId, Runbook};
use crate::template::Engine;

/// What came of a file.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The runbook; `None` for a step template and when the file is too broken to make anything of. With errors in
    /// the report it is incomplete and must not run.
    pub runbook: Option<Runbook>,
    /// The files read: the runbook's first, then those of the step templates it uses.
    pub sources: Sources,
    /// Everything that is wrong.
    pub report: Report,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A runbook.
    Runbook,
    /// A step template.
    Template,
}

/// Reads the file at `path` as the runbook or step template `name`, and everything it uses.
///
/// `shown` is the path in messages. A file that can't be read is told in the report.
pub fn load_file(path: &Path, shown: &str, name: &str, kind: FileKind, library: &Library) -> Loaded {
    match text_file::read(path, shown) {
        Ok(text) => load_text(text, shown, name, kind, library),
        Err(problem) => Loaded { report: problem.into(), ..Loaded::default() },
    }
}

/// Reads `text` as [`load_file`] reads a file.
pub fn load_text(
    text: impl Into<String>,
    shown: &str,
    name: &str,
    kind: FileKind,
    library: &Library,
) -> Loaded {
    let mut loaded = Loaded::default();
    let file = loaded.sources.add(shown, text);
    let engine = Engine::new();
    loaded.runbook = lowered(&mut loaded, file, name, kind, library, &engine);
    loaded
}

fn lowered(
    loaded: &mut Loaded,
    file: FileId,
    name: &str,
    kind: FileKind,
    library: &Library,
    engine: &Engine,
) -> Option<Runbook> {
    let node: Node = yaml::parse(&loaded.sources, file, &mut loaded.report)?;
    let mut cx = Context::new(&mut loaded.sources, &mut loaded.report, library, engine);
    match kind {
        FileKind::Runbook => runbook::lower(&mut cx, &node, name),
        FileKind::Template => {
            template_file::lower(&mut cx, &node, name);
            None
        }
    }
}
