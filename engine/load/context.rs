//! What lowering works with: the sources, the report, the library of step templates.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::library::Library;
use super::sub::Inner;
use super::template_file;
use super::yaml;
use crate::diag::{Report, Sources};
use crate::model::{Place, StepTemplate};
use crate::template::Engine;

/// What every function of lowering is handed.
pub(super) struct Context<'a> {
    pub(super) sources: &'a mut Sources,
    pub(super) report: &'a mut Report,
    pub(super) library: &'a Library,
    pub(super) engine: &'a Engine,
    /// Each step template is read once, however many steps use it.
    templates: HashMap<String, Option<Rc<Template>>>,
    /// Those that are being read: gates of a template may use another.
    reading: Vec<String>,
    /// What the texts read so far use.
    pub(super) seen: Seen,
    /// Whether what is merely untidy is told: when a file is checked, not when somebody is in a hurry to run it.
    pub(super) tidy: bool,
    /// The runbooks that are being read, each brought in by the one before it.
    pub(super) callers: Vec<Caller>,
    /// Each runbook that is brought in is read once; `None` when its file can't be used.
    pub(super) inners: HashMap<String, Option<Rc<Inner>>>,
}

/// A runbook that is being read.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// Its qualified name.
    pub(super) name: String,
    /// Where it is brought in; absent for the first one.
    pub(super) at: Option<Place>,
}

/// A step template with what only those who use it need to know.
pub(super) struct Template {
    pub(super) template: StepTemplate,
    /// Where it uses `item`, which is there only with `for_each`.
    pub(super) item: Option<Place>,
}

/// What texts use.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Vars, tables, `let` values, params.
    pub(super) names: BTreeSet<String>,
    /// The first use of `item`.
    pub(super) item: Option<Place>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        sources: &'a mut Sources,
        report: &'a mut Report,
        library: &'a Library,
        engine: &'a Engine,
    ) -> Context<'a> {
        Context {
            sources,
            report,
            library,
            engine,
            templates: HashMap::new(),
            reading: Vec::new(),
            seen: Seen::default(),
            tidy: false,
            callers: Vec::new(),
            inners: HashMap::new(),
        }
    }

    /// Returns the step template of that name, or `None` when there is none or its file can't be used; only the
    /// latter is told here.
    pub(super) fn template(&mut self, name: &str) -> Option<Rc<Template>> {
        if let Some(known) = self.templates.get(name) {
            return known.clone();
        }
        self.reading.push(name.to_owned());
        let found = self.read_template(name).map(Rc::new);
        self.reading.pop();
        self.templates.insert(name.to_owned(), found.clone());
        found
    }

    /// Returns the templates by way of which `name` would be read again while it is read; empty when it is not.
    pub(super) fn circle(&self, name: &str) -> &[String] {
        let from = self.reading.iter().position(|reading| reading == name);
        from.map_or(&[], |from| &self.reading[from..])
    }

    /// Says whether a template of that name was asked for before.
    pub(super) fn has_read(&self, name: &str) -> bool {
        self.templates.contains_key(name)
    }

    fn read_template(&mut self, name: &str) -> Option<Template> {
        let entry = self.library.find(name)?;
        let text = match entry.text {
            Ok(text) => text,
            Err(problem) => {
                self.report.push(*problem);
                return None;
            }
        };
        let file = self.sources.add(entry.path, text);
        let node = yaml::parse(self.sources, file, self.report)?;
        template_file::lower(self, &node, name)
    }
}
