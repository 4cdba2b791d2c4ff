//! What lowering works with: the sources, the report, the library of step templates.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::allow::{self, Allow};
use super::library::Library;
use super::project::Project;
use super::sub::Inner;
use super::template_file;
use super::yaml;
use crate::diag::{Report, Sources};
use crate::model::{FileId, Place, StepTemplate};
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
    /// Whether the runbook that is being read says how often to try each step: `attempts: 1` says something then.
    pub(super) tries_by_default: bool,
    /// Each runbook that is brought in is read once; `None` when its file can't be used.
    pub(super) inners: HashMap<String, Option<Rc<Inner>>>,
    /// The project whose tables are looked into, when a file is checked.
    pub(super) project: Option<&'a Project>,
    /// The comments that silence a warning, of all files read.
    pub(super) allows: Vec<Allow>,
    /// How often each word stands in a file; counted when first asked for.
    words: RefCell<HashMap<FileId, HashMap<String, usize>>>,
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
            tries_by_default: false,
            inners: HashMap::new(),
            project: None,
            allows: Vec::new(),
            words: RefCell::default(),
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

    /// Returns how often a name stands in a file, as a word of its own.
    pub(super) fn seen_words(&self, file: FileId, name: &str) -> usize {
        let mut words = self.words.borrow_mut();
        let words = words.entry(file).or_insert_with(|| {
            let mut counts: HashMap<String, usize> = HashMap::new();
            let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            for word in self.sources.text(file).split(|c| !part(c)).filter(|word| !word.is_empty()) {
                *counts.entry(word.to_owned()).or_default() += 1;
            }
            counts
        });
        words.get(name).copied().unwrap_or_default()
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
        self.allows.extend(allow::read(self.sources, file, &node, self.report));
        template_file::lower(self, &node, name)
    }
}
