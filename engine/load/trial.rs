//! A trial of everything in a runbook that can be computed before it starts.

use std::collections::HashMap;

use crate::diag::{Code, Diagnostic, Report, Sources};
use crate::model::{Binding, Expr, Gate, Snapshot, Step, Text, Tree, Value};
use crate::template::{
    DataError, Engine, Fault, Instance, ParamFault, ParamWhy, Scope, Truth, instances, params, place_of,
    text_of, to_json,
};

/// How many instances of one step may be wrong before the rest is passed over: they are wrong in the same way.
const WRONG_INSTANCES: usize = 3;

/// Tries the runbook of `snapshot` in `scope`, which holds the vars, tables and `let` values, and its subs in `subs`; tells
/// what is wrong.
///
/// What only the run can know (`steps`, `run`) is unknown here, and whatever depends on it is left for the run.
pub(super) fn run(
    snapshot: &Snapshot,
    engine: &Engine,
    scope: &Scope,
    subs: &[Option<Scope>],
    sources: &Sources,
    report: &mut Report,
) {
    let runbook = &snapshot.runbook;
    let within_run = |scope: &Scope| {
        let mut scope = scope.child();
        scope.set_unknown("run", "run");
        scope.set_unknown("steps", "steps");
        scope
    };
    let scope = within_run(scope);
    let mut trial = Trial { engine, sources, report, limit: None };
    trial.settings(runbook.lock.as_ref(), runbook.protect.as_ref(), &scope);
    let subs: Vec<Option<Scope>> = subs.iter().map(|sub| sub.as_ref().map(within_run)).collect();
    for (sub, scope) in runbook.subs.iter().zip(&subs) {
        if let Some(scope) = scope {
            trial.settings(sub.lock.as_ref(), sub.protect.as_ref(), scope);
        }
    }
    for (name, text) in &runbook.environment {
        if let Err(fault) = engine.text(&text.src, &scope) {
            trial.wrong(&format!("`environment.{name}`"), text, fault, None);
        }
    }
    let items: HashMap<&str, &Value> = runbook
        .subs
        .iter()
        .zip(&snapshot.subs)
        .filter_map(|(sub, values)| Some((sub.step.as_str(), values.item.as_ref()?)))
        .collect();
    for step in runbook.steps.iter().chain(&runbook.finally) {
        let scope = match step.sub {
            None => &scope,
            Some(sub) => match subs.get(sub as usize) {
                Some(Some(scope)) => scope,
                // It will be skipped with all that it came in with.
                _ => continue,
            },
        };
        trial.limit = runbook.most_instances(step.sub);
        match items.get(step.id.as_str()) {
            Some(item) => {
                let mut scope = scope.child();
                scope.set_json("item", item);
                trial.step(step, &scope);
            }
            None => trial.step(step, scope),
        }
    }
}

struct Trial<'a> {
    engine: &'a Engine,
    sources: &'a Sources,
    report: &'a mut Report,
    limit: Option<u32>,
}

impl Trial<'_> {
    fn settings(&mut self, lock: Option<&Text>, protect: Option<&Expr>, scope: &Scope) {
        if let Some(lock) = lock
            && let Err(fault) = self.engine.text(&lock.src, scope)
        {
            self.wrong("`lock`", lock, fault, None);
        }
        if let Some(protect) = protect {
            self.holds("`protect`", &protect.0, scope, None);
        }
    }

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
        let guarded = step.guard.iter().all(|guard| self.gate(guard, scope, key));
        let body = match &step.binding {
            Some(binding) => self.params(binding, scope, key).map(|mut own| {
                scope.get("item").cloned().into_iter().for_each(|item| own.set("item", item));
                own
            }),
            None => Some(scope.clone()),
        };
        body.is_some_and(|scope| step.body.gates().all(|gate| self.gate(gate, &scope, key))) && guarded
    }

    fn params(&mut self, binding: &Binding, scope: &Scope, key: Option<&str>) -> Option<Scope> {
        match params(self.engine, binding, scope) {
            Ok(own) => Some(own),
            Err(faults) => {
                for fault in faults {
                    self.param(fault, key);
                }
                None
            }
        }
    }

    /// Says whether nothing is wrong with what a gate hands to its template.
    fn gate(&mut self, gate: &Gate, scope: &Scope, key: Option<&str>) -> bool {
        let Some(uses) = &gate.uses else { return true };
        let mut scope = scope.child();
        for name in ["captured", "run"] {
            scope.set_unknown(name, name);
        }
        let inner = self.params(&uses.binding, &scope, key);
        inner.is_some_and(|scope| self.gate(&uses.inner, &scope, key))
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

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the fixtures are files")]
mod tests {
    use std::fs;

    use crate::diag::text;
    use crate::load::{FileKind, Given, Inputs, Library, Project, bind, load_text};
    use crate::model::Snapshot;
    use crate::template::Engine;

    const SCALE: &str = r#"
step: kubectl/scale
title: Scale {{ workload }}
summary: Sets the replica count.
params:
  namespace: {type: string, format: dns-label}
  workload: {type: string, pattern: "^(deployment|statefulset)/.+"}
  replicas: {type: integer, min: 0}
  ready_within: {type: duration, default: 10m}
run: kubectl -n {{ namespace }} scale {{ workload }} --replicas={{ replicas }}
irreversible: this is a test
"#;

    const RUNBOOK: &str = r#"
runbook: pre-scale
title: Pre-scale
summary: Raises replicas.
vars:
  env: {type: string, enum: [prod, staging]}
  traffic: {type: string, default: peak}
data: {platform: platform.yaml}
let:
  site: "{{ platform.environments[env] }}"
  replicas: "{{ platform.replicas[traffic] }}"
limits: {instances: 3}
steps:
  - id: scale
    for_each: replicas
    uses: kubectl/scale
    with:
      namespace: "{{ site.namespace }}"
      workload: "deployment/{{ item.key }}"
      replicas: "{{ item.value }}"
"#;

    /// What comes of `exec pre-scale` up to the first command, with this table and these `--var`.
    fn started(platform: &str, vars: &[&str]) -> Result<Snapshot, String> {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("runbooks")).expect("a folder");
        fs::write(folder.path().join("runbooks/platform.yaml"), platform).expect("a file");
        let project = Project::at(folder.path());
        let library = Library::built_in().with_text("kubectl/scale", SCALE);
        let mut loaded =
            load_text(RUNBOOK, "runbooks/pre-scale.yaml", "pre-scale", FileKind::Runbook, &library);
        assert!(!loaded.report.has_errors(), "{:?}", loaded.report);
        let runbook = loaded.runbook.expect("a runbook");
        let given = Given { vars: vars.iter().map(|&var| var.to_owned()).collect(), ..Given::default() };
        let inputs = Inputs::gather(&runbook.vars, &given, folder.path(), &mut loaded.sources);
        bind(runbook, &mut loaded.sources, inputs, &project, &Engine::new())
            .map(|bound| (*bound.snapshot).clone())
            .map_err(|report| text::report(&report, &loaded.sources, text::Look::default()))
    }

    #[test]
    fn a_table_reaches_the_params_of_every_instance() {
        let platform = "environments: {prod: {namespace: shop}}\nreplicas: {peak: {web: 10, api: 6}}\n";
        let snapshot = started(platform, &["env=prod"]).expect("nothing wrong");
        assert_eq!(snapshot.lets["replicas"].to_string(), r#"{"web":10,"api":6}"#);
        let files: Vec<&str> = snapshot.sources.iter().map(|source| source.path.as_str()).collect();
        assert_eq!(files, ["runbooks/pre-scale.yaml", "steps/kubectl/scale.yaml"]);
    }

    #[test]
    fn a_wrong_table_is_told_where_the_runbook_uses_it() {
        let platform = "environments: {prod: {namespace: Shop_1}, staging: {}}\nreplicas: {peak: {web: ten}, high: {a: 1, b: 1, c: 1, d: 1}}\n";
        let told = [
            started(platform, &["env=prod"]),
            started(platform, &["env=staging", "traffic=high"]),
            started(platform, &["env=prod", "traffic=low"]),
        ]
        .map(|result| result.expect_err("mistakes"));
        insta::assert_snapshot!(told.join("\n"), @r#"
        error[RB0208]: `namespace` of `kubectl/scale` for `web`: `Shop_1` is not a DNS
                       label (lower-case letters, digits and `-`, at most 63
                       characters)
          --> runbooks/pre-scale.yaml:18:18
           |
        18 |       namespace: "{{ site.namespace }}"
           |                  ^^^^^^^^^^^^^^^^^^^^^^

        error[RB0208]: `replicas` of `kubectl/scale` for `web`: wants an integer, got
                       the text `ten`
          --> runbooks/pre-scale.yaml:20:17
           |
        20 |       replicas: "{{ item.value }}"
           |                 ^^^^^^^^^^^^^^^^^^

        2 errors

        error[RB0508]: `scale` would have 4 instances, and this runbook allows 3
          --> runbooks/pre-scale.yaml:15:15
           |
        15 |     for_each: replicas
           |               ^^^^^^^^
           |
           = help: look at what it loops over; if it is right, raise `limits:
                   {instances: …}`

        1 error

        error[RB0506]: `replicas` can't be computed: `platform.replicas` has no `low`
          --> runbooks/pre-scale.yaml:11:17
           |
        11 |   replicas: "{{ platform.replicas[traffic] }}"
           |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^
           |
           = help: `| default(…)` gives a value for that case

        error[RB0208]: `namespace` of `kubectl/scale`: `Shop_1` is not a DNS label
                       (lower-case letters, digits and `-`, at most 63 characters)
          --> runbooks/pre-scale.yaml:18:18
           |
        18 |       namespace: "{{ site.namespace }}"
           |                  ^^^^^^^^^^^^^^^^^^^^^^

        2 errors
        "#);
    }
}
