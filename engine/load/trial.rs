//! A trial of everything in a runbook that can be computed before it starts.

use crate::diag::{Code, Diagnostic, Report, Sources};
use crate::model::{Runbook, Step, Text, Tree};
use crate::template::{
    DataError, Engine, Fault, Instance, ParamFault, ParamWhy, Scope, Truth, instances, params, place_of,
    text_of, to_json,
};

/// How many instances of one step may be wrong before the rest is passed over: they are wrong in the same way.
const WRONG_INSTANCES: usize = 3;

/// Tries the runbook in `scope`, which holds the vars, tables and `let` values, and tells what is wrong.
///
/// What only the run can know (`steps`, `run`) is unknown here, and whatever depends on it is left for the run.
pub(super) fn run(runbook: &Runbook, engine: &Engine, scope: &Scope, sources: &Sources, report: &mut Report) {
    let mut scope = scope.child();
    scope.set_unknown("run", "run");
    scope.set_unknown("steps", "steps");
    let mut trial = Trial { engine, sources, report, limit: runbook.limits.instances };
    if let Some(lock) = &runbook.lock
        && let Err(fault) = engine.text(&lock.src, &scope)
    {
        trial.wrong("`lock`", lock, fault, None);
    }
    if let Some(protect) = &runbook.protect {
        trial.holds("`protect`", &protect.0, &scope, None);
    }
    for step in runbook.steps.iter().chain(&runbook.finally) {
        trial.step(step, &scope);
    }
}

struct Trial<'a> {
    engine: &'a Engine,
    sources: &'a Sources,
    report: &'a mut Report,
    limit: Option<u32>,
}

impl Trial<'_> {
    fn step(&mut self, step: &Step, scope: &Scope) {
        let Some(tree) = &step.for_each else {
            self.instance(step, scope, None);
            return;
        };
        let mut any = scope.child();
        any.set_unknown("item", "item");
        // A step that is not wanted at all may loop over what is not there.
        if let Some(when) = &step.when
            && matches!(self.engine.holds(&when.0.src, &any), Ok(Truth::False))
        {
            return;
        }
        let Some(found) = self.expand(step, tree, scope) else {
            self.instance(step, &any, None);
            return;
        };
        let mut wrong = 0;
        for instance in found {
            let mut scope = scope.child();
            scope.set_json("item", &instance.item);
            if !self.instance(step, &scope, Some(&instance.key)) {
                wrong += 1;
            }
            if wrong == WRONG_INSTANCES {
                break;
            }
        }
    }

    /// Returns the instances when they are known; tells what is wrong with them.
    fn expand(&mut self, step: &Step, tree: &Tree, scope: &Scope) -> Option<Vec<Instance>> {
        let at = place_of(tree).unwrap_or(step.at);
        let value = match self.engine.tree(tree, scope) {
            Ok(value) => value,
            Err(fault) => {
                let text = text_of(tree, fault.index).unwrap_or_default();
                self.wrong(&format!("`for_each` of `{}`", step.id), &text, fault.fault, None);
                return None;
            }
        };
        let found = match to_json(&value) {
            Ok(value) => instances(value).map_err(|got| format!("wants a list or a map, got {got}")),
            Err(DataError::Unknown(_)) => return None,
            Err(other) => Err(other.to_string()),
        };
        let found = match found {
            Ok(found) => found,
            Err(why) => {
                let message = format!("`for_each` of `{}` {why}", step.id);
                self.report.push(Diagnostic::new(Code::WrongType, message).at(at, ""));
                return None;
            }
        };
        if let Some(limit) = self.limit
            && found.len() > limit as usize
        {
            let message = format!(
                "`{}` would have {} instances, and this runbook allows {limit}",
                step.id,
                found.len()
            );
            let diagnostic = Diagnostic::new(Code::TooManyInstances, message)
                .at(at, "")
                .help("look at what it loops over; if it is right, raise `limits: {instances: …}`");
            self.report.push(diagnostic);
            return Some(Vec::new());
        }
        Some(found)
    }

    /// Says whether nothing is wrong with the instance, as far as is known.
    fn instance(&mut self, step: &Step, scope: &Scope, key: Option<&str>) -> bool {
        if let Some(when) = &step.when {
            match self.holds(&format!("`when` of `{}`", step.id), &when.0, scope, key) {
                Some(Truth::False) => return true,
                Some(_) => {}
                None => return false,
            }
        }
        let Some(binding) = &step.binding else { return true };
        match params(self.engine, binding, scope) {
            Ok(_) => true,
            Err(faults) => {
                for fault in faults {
                    self.param(fault, key);
                }
                false
            }
        }
    }

    fn param(&mut self, ParamFault { param, template, why }: ParamFault, key: Option<&str>) {
        let what = format!("`{param}` of `{template}`");
        match *why {
            ParamWhy::Text { fault, text } => self.wrong(&what, &text, fault, key),
            ParamWhy::Misfit { misfit, at } => {
                let message = format!("{what}{}: {}", of_item(key), misfit.message);
                let diagnostic = Diagnostic::new(Code::BadParam, message).at(at, "");
                self.report.push(with_help(diagnostic, misfit.help));
            }
        }
    }

    fn holds(&mut self, what: &str, text: &Text, scope: &Scope, key: Option<&str>) -> Option<Truth> {
        match self.engine.holds(&text.src, scope) {
            Ok(truth) => Some(truth),
            Err(fault) => {
                self.wrong(what, text, fault, key);
                None
            }
        }
    }

    fn wrong(&mut self, what: &str, text: &Text, fault: Fault, key: Option<&str>) {
        let message = format!("{what}{} can't be computed: {}", of_item(key), fault.message);
        let place = self.sources.within(text, fault.span);
        self.report.push(with_help(Diagnostic::new(Code::NotComputable, message).at(place, ""), fault.help));
    }
}

fn of_item(key: Option<&str>) -> String {
    key.map(|key| format!(" for `{key}`")).unwrap_or_default()
}

fn with_help(diagnostic: Diagnostic, help: Option<String>) -> Diagnostic {
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}
