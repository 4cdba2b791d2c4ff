//! A runbook and its inputs become what is started: tables read, `let` computed, everything tried that can be.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::inputs::{Answer, Inputs, Settled};
use super::people;
use super::project::Project;
use super::sub_values::{self, Tables};
use super::tables::read_tables;
use super::trial;
use crate::diag::{Code, Diagnostic, Report, Sources};
use crate::model::{MACHINE_VERSION, Map, Runbook, Secrets, Snapshot, Tree};
use crate::template::{DataError, Engine, Scope, place_of, text_of, to_json};

/// What is started.
#[derive(Debug)]
pub struct Bound {
    /// What is stored with the run.
    pub snapshot: Arc<Snapshot>,
    /// The values of the secrets, which are stored nowhere.
    pub secrets: Secrets,
    /// The vars with where each came from, for display.
    pub answers: Vec<Answer>,
    /// What is worth a look and stops nothing.
    pub warnings: Report,
}

/// Binds a checked runbook to its inputs.
///
/// Everything that depends on vars, tables and `let` alone is computed and checked now, so that a wrong value is
/// found before anything runs: the values that steps hand to their templates, the number of instances against
/// `limits`, `when`, `protect`, `lock`. `sources` are those the runbook was read from; the tables are added, for the
/// report. The files of vars and tables are not kept in the snapshot: only what came of them is.
///
/// # Errors
///
/// Every mistake at once.
pub fn bind(
    runbook: Runbook,
    sources: &mut Sources,
    inputs: Inputs,
    project: &Project,
    engine: &Engine,
) -> Result<Bound, Report> {
    let Settled { answers, secrets, secret_names, sources: own } = inputs.settle()?;
    let mut report = Report::new();
    let root = project.root.to_str().map(str::to_owned);
    if root.is_none() {
        let message =
            format!("the path `{}` is not UTF-8, and runs are stored as text", project.root.display());
        report.push(Diagnostic::new(Code::Unreadable, message).help("rename the folder"));
    }
    let mut runbook = runbook;
    people::bind(&mut runbook, project, sources, &mut report);
    let data = read_tables(&runbook.data, project, sources, &mut report);
    let mut snapshot = Snapshot {
        machine: MACHINE_VERSION,
        sources: sources.files().iter().take(own).cloned().collect(),
        vars: answers.iter().map(|answer| (answer.name.clone(), answer.value.clone())).collect(),
        secrets: secret_names,
        data,
        root: root.unwrap_or_default(),
        runbook,
        lets: Map::new(),
        subs: Vec::new(),
        tape: None,
    };
    complete(&mut snapshot, Tables::Read(project), engine, sources, &mut report);
    if report.has_errors() {
        return Err(report);
    }
    Ok(Bound { snapshot: Arc::new(snapshot), secrets, answers, warnings: report })
}

/// Binds a run's own runbook and tables to other vars.
///
/// # Errors
///
/// Every mistake at once; the places are those of the run's sources.
pub fn rebind(run: &Snapshot, inputs: Inputs, engine: &Engine) -> Result<Bound, Report> {
    let Settled { answers, secrets, secret_names, .. } = inputs.settle()?;
    let mut report = Report::new();
    let mut snapshot = Snapshot {
        vars: answers.iter().map(|answer| (answer.name.clone(), answer.value.clone())).collect(),
        secrets: secret_names,
        lets: Map::new(),
        ..run.clone()
    };
    let mut sources = Sources::from(run.sources.clone());
    complete(&mut snapshot, Tables::Of(&run.subs), engine, &mut sources, &mut report);
    if report.has_errors() {
        return Err(report);
    }
    Ok(Bound { snapshot: Arc::new(snapshot), secrets, answers, warnings: report })
}

/// Computes what follows from vars and tables, and tries all of it.
fn complete(
    snapshot: &mut Snapshot,
    tables: Tables<'_>,
    engine: &Engine,
    sources: &mut Sources,
    report: &mut Report,
) {
    let scope = compute_lets(snapshot, engine, sources, report);
    let subs = sub_values::complete(snapshot, &scope, tables, engine, sources, report);
    trial::run(snapshot, engine, &scope, &subs, sources, report);
}

/// Returns the SHA-256 of a snapshot's JSON, in hex.
///
/// The JSON is canonical as it stands: fields in the order of their declaration, maps in the order written. Keys are
/// not sorted, since their order means something: it is the order of a `for_each`.
pub fn snapshot_hash(snapshot: &Snapshot) -> String {
    let json = serde_json::to_vec(snapshot).expect("a snapshot is plain data whose maps have text keys");
    Sha256::digest(&json).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the scope of a run, with every `let` value that can be computed.
fn compute_lets(snapshot: &mut Snapshot, engine: &Engine, sources: &Sources, report: &mut Report) -> Scope {
    let mut scope = Scope::of_snapshot(snapshot);
    for table in &snapshot.runbook.data {
        if !snapshot.data.contains_key(&table.name) {
            scope.set_unknown(&table.name, &table.name);
        }
    }
    snapshot.lets = lets(&snapshot.runbook.lets, &mut scope, engine, sources, report);
    scope
}

/// Returns the `let` values, computed in order; each is in the scope of those after it.
///
/// What can't be computed is told, and unknown from there on: it must not make others wrong.
pub(super) fn lets(
    trees: &[(String, Tree)],
    scope: &mut Scope,
    engine: &Engine,
    sources: &Sources,
    report: &mut Report,
) -> Map {
    let mut values = Map::new();
    for (name, tree) in trees {
        match compute(name, tree, engine, scope, sources) {
            Ok(Some(value)) => {
                scope.set_json(name, &value);
                values.insert(name.clone(), value);
            }
            Ok(None) => scope.set_unknown(name, name),
            Err(diagnostic) => {
                scope.set_unknown(name, name);
                report.push(*diagnostic);
            }
        }
    }
    values
}

/// Returns the value of a `let`; `None` when it depends on one that can't be computed.
fn compute(
    name: &str,
    tree: &Tree,
    engine: &Engine,
    scope: &Scope,
    sources: &Sources,
) -> Result<Option<crate::model::Value>, Box<Diagnostic>> {
    let value = engine.tree(tree, scope).map_err(|fault| {
        let text = text_of(tree, fault.index).unwrap_or_default();
        let message = format!("`{name}` can't be computed: {}", fault.fault.message);
        let place = sources.within(&text, fault.fault.span);
        let diagnostic = Diagnostic::new(Code::BadLet, message).at(place, "");
        Box::new(told(diagnostic, fault.fault.help))
    })?;
    let wrong = |message: String, help: Option<&str>| {
        let diagnostic = Diagnostic::new(Code::BadLet, message);
        let diagnostic = match place_of(tree) {
            Some(place) => diagnostic.at(place, ""),
            None => diagnostic,
        };
        Box::new(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        })
    };
    match to_json(&value) {
        Ok(value) => Ok(Some(value)),
        Err(DataError::Unknown(_)) => Ok(None),
        Err(DataError::Secret(secret)) => Err(wrong(
            format!("`{name}` would hold the secret `{secret}`, and `let` values are stored with the run"),
            Some("use the secret itself where it is needed: in `env` or `stdin`"),
        )),
        Err(other) => Err(wrong(format!("`{name}`: {other}"), None)),
    }
}

/// Returns a diagnostic with its help, when there is one.
pub(super) fn told(diagnostic: Diagnostic, help: Option<String>) -> Diagnostic {
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the fixtures are files")]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::diag::text;
    use crate::load::Given;
    use crate::model::{
        Binding, DataTable, Expr, FileId, Input, Kind, Limits, Place, SecretSource, Step, Text, Type, Value,
    };

    const PLATFORM: &str = "replicas: {normal: {web: 2}, peak: {web: 10, api: 6}}\nacu: {peak: 16.5}\n";

    /// A runbook in the model's own form; its texts are places in a source that holds them one a line.
    struct Fixture {
        lines: String,
        runbook: Runbook,
        given: Given,
    }

    impl Fixture {
        fn new() -> Fixture {
            let var = |name: &str, kind| Input {
                name: name.to_owned(),
                ty: Type { kind, ..Type::default() },
                required: true,
                ..Input::default()
            };
            let webhook = Input {
                from: Some(SecretSource::Env("SLACK_WEBHOOK".to_owned())),
                required: false,
                ..var("webhook", Kind::Secret)
            };
            let runbook = Runbook {
                name: "a/b".to_owned(),
                vars: vec![var("traffic", Kind::String), webhook],
                data: vec![DataTable {
                    name: "platform".to_owned(),
                    file: "platform.yaml".to_owned(),
                    at: Place::default(),
                }],
                ..Runbook::default()
            };
            let given = Given { vars: vec!["traffic=peak".to_owned()], ..Given::default() };
            Fixture { lines: String::new(), runbook, given }
        }

        fn text(&mut self, src: &str) -> Text {
            let start = self.lines.len() as u32;
            self.lines += &format!("{src}\n");
            Text { src: src.to_owned(), at: Place::new(0 as FileId, start, start + src.len() as u32) }
        }

        fn tree(&mut self, src: &str) -> Tree {
            Tree::Text(self.text(src))
        }

        fn lets(mut self, name: &str, src: &str) -> Fixture {
            let tree = self.tree(src);
            self.runbook.lets.push((name.to_owned(), tree));
            self
        }

        /// Adds a step that scales something to `replicas`, once or for each of a list.
        fn scale(mut self, for_each: Option<&str>, when: Option<&str>, replicas: &str) -> Fixture {
            let params = vec![Input {
                name: "replicas".to_owned(),
                ty: Type { kind: Kind::Integer, min: Some(0.0), ..Type::default() },
                required: true,
                ..Input::default()
            }];
            let with = vec![("replicas".to_owned(), self.tree(replicas))];
            let step = Step {
                id: "scale".to_owned(),
                for_each: for_each.map(|src| self.tree(src)),
                when: when.map(|src| Expr(self.text(src))),
                binding: Some(Box::new(Binding {
                    template: "kubectl/scale".to_owned(),
                    with,
                    params,
                    ..Binding::default()
                })),
                ..Step::default()
            };
            self.runbook.steps.push(step);
            self
        }

        fn bind(self) -> Result<Bound, String> {
            let folder = tempfile::tempdir().expect("a folder");
            fs::create_dir_all(folder.path().join("runbooks/a")).expect("a folder");
            fs::write(folder.path().join("runbooks/a/platform.yaml"), PLATFORM).expect("a file");
            let project = Project::at(folder.path());
            let mut sources = Sources::new();
            sources.add("runbooks/a/b.yaml", self.lines);
            let inputs = Inputs::gather(&self.runbook.vars, &self.given, folder.path(), &mut sources);
            bind(self.runbook, &mut sources, inputs, &project, &Engine::new()).map_err(|report| {
                let look = text::Look { width: 300, ..text::Look::default() };
                text::report(&report, &sources, look)
            })
        }

        fn told(self) -> String {
            self.bind().expect_err("mistakes")
        }
    }

    #[test]
    fn lets_are_computed_in_order_with_their_types() {
        let bound = Fixture::new()
            .lets("replicas", "{{ platform.replicas[traffic] }}")
            .lets("total", "{{ replicas.web + replicas.api }}")
            .lets("label", "{{ traffic }}-{{ total }}")
            .lets("alerted", "{{ webhook is defined }}")
            .scale(Some("{{ replicas }}"), None, "{{ item.value }}")
            .bind()
            .expect("nothing wrong");
        let lets = Value::Object(bound.snapshot.lets.clone());
        insta::assert_snapshot!(lets, @r#"{"replicas":{"web":10,"api":6},"total":16,"label":"peak-16","alerted":false}"#);
        assert_eq!(Value::Object(bound.snapshot.vars.clone()), json!({"traffic": "peak"}));
        assert_eq!((bound.snapshot.machine, bound.snapshot.secrets.len()), (MACHINE_VERSION, 0));
        let kept: Vec<&str> = bound.snapshot.sources.iter().map(|source| source.path.as_str()).collect();
        assert_eq!(kept, ["runbooks/a/b.yaml"]);
        assert!(bound.warnings.is_empty());
    }

    #[test]
    fn secrets_are_named_in_the_snapshot_and_their_values_are_not_in_it() {
        let mut fixture = Fixture::new();
        fixture.given.env = BTreeMap::from([("SLACK_WEBHOOK".to_owned(), "hunter22".to_owned())]);
        let bound = fixture.lets("alerted", "{{ webhook is defined }}").bind().expect("nothing wrong");
        assert_eq!(bound.snapshot.secrets, ["webhook"]);
        assert_eq!(bound.snapshot.lets["alerted"], json!(true));
        assert_eq!(bound.secrets.reveal("webhook"), Some("hunter22"));
        assert!(!serde_json::to_string(&bound.snapshot).expect("data").contains("hunter22"));
    }

    #[test]
    fn a_let_that_is_wrong_is_told_once_and_not_where_it_is_used() {
        let mut fixture = Fixture::new();
        fixture.given.env = BTreeMap::from([("SLACK_WEBHOOK".to_owned(), "hunter22".to_owned())]);
        let told = fixture
            .lets("site", "{{ platform.environments[traffic] }}")
            .lets("name", "{{ site.namespace }}")
            .lets("leak", "https://{{ webhook }}")
            .scale(None, None, "{{ name }}")
            .told();
        insta::assert_snapshot!(told, @r"
        error[RB0506]: `site` can't be computed: `platform` has no `environments`
         --> runbooks/a/b.yaml:1:4
          |
        1 | {{ platform.environments[traffic] }}
          |    ^^^^^^^^^^^^^^^^^^^^^
          |
          = help: `| default(…)` gives a value for that case

        error[RB0506]: `leak` would hold the secret `webhook`, and `let` values are stored with the run
         --> runbooks/a/b.yaml:3:1
          |
        3 | https://{{ webhook }}
          | ^^^^^^^^^^^^^^^^^^^^^
          |
          = help: use the secret itself where it is needed: in `env` or `stdin`

        2 errors
        ");
    }

    #[test]
    fn a_wrong_value_is_found_before_anything_runs() {
        let told = Fixture::new()
            .scale(None, None, "{{ traffic }}")
            .scale(Some("{{ platform.replicas[traffic] }}"), None, "{{ item.value - 8 }}")
            .scale(Some("{{ platform.acu.peak }}"), None, "1")
            .scale(None, Some("traffic"), "1")
            .scale(None, None, "{{ platform.replica.web }}")
            .told();
        insta::assert_snapshot!(told, @r"
        error[RB0208]: `replicas` of `kubectl/scale`: wants an integer, got the text `peak`
         --> runbooks/a/b.yaml:1:1
          |
        1 | {{ traffic }}
          | ^^^^^^^^^^^^^

        error[RB0208]: `replicas` of `kubectl/scale` for `api`: -2 is less than 0
         --> runbooks/a/b.yaml:2:1
          |
        2 | {{ item.value - 8 }}
          | ^^^^^^^^^^^^^^^^^^^^

        error[RB0208]: `replicas` of `kubectl/scale`: wants an integer, got the text `1`
         --> runbooks/a/b.yaml:4:1
          |
        4 | 1
          | ^

        error[RB0102]: `for_each` of `scale` wants a list or a map, got a number
         --> runbooks/a/b.yaml:5:1
          |
        5 | {{ platform.acu.peak }}
          | ^^^^^^^^^^^^^^^^^^^^^^^

        error[RB0509]: `when` of `scale` can't be computed: a condition is true or false, and this is the text `peak`
         --> runbooks/a/b.yaml:7:1
          |
        7 | traffic
          | ^^^^^^^
          |
          = help: compare it, as in `… == 'yes'`, or use `| bool`

        error[RB0509]: `replicas` of `kubectl/scale` can't be computed: `platform` has no `replica`
         --> runbooks/a/b.yaml:8:4
          |
        8 | {{ platform.replica.web }}
          |    ^^^^^^^^^^^^^^^^
          |
          = help: did you mean `replicas`?

        6 errors
        ");
    }

    #[test]
    fn what_is_not_wanted_or_not_known_is_not_wrong() {
        Fixture::new()
            .scale(None, Some("traffic == 'normal'"), "{{ platform.nowhere }}")
            .scale(Some("{{ platform.nowhere }}"), Some("traffic == 'normal'"), "1")
            .scale(Some("{{ platform.replicas.peak }}"), Some("item.value > 100"), "{{ item.nowhere }}")
            .scale(None, Some("steps.reach.outputs.ok"), "{{ steps.reach.outputs.n }}")
            .scale(Some("{{ steps.find.outputs.names }}"), None, "{{ item.value }}")
            .bind()
            .expect("nothing wrong");
    }

    #[test]
    fn instances_are_counted_against_the_limit() {
        let mut fixture = Fixture::new().scale(Some("{{ platform.replicas.peak }}"), None, "x");
        fixture.runbook.limits = Limits { instances: Some(1) };
        insta::assert_snapshot!(fixture.told(), @r"
        error[RB0508]: `scale` would have 2 instances, and this runbook allows 1
         --> runbooks/a/b.yaml:2:1
          |
        2 | {{ platform.replicas.peak }}
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: look at what it loops over; if it is right, raise `limits: {instances: …}`

        1 error
        ");
    }

    #[test]
    fn a_hash_stands_for_everything_in_the_snapshot() {
        let snapshot = Snapshot { root: "/p".to_owned(), ..Snapshot::default() };
        let hash = snapshot_hash(&snapshot);
        assert_eq!(hash.len(), 64);
        let mut other = snapshot.clone();
        other.data.insert("t".to_owned(), json!({"a": 1, "b": 2}));
        let mut turned = snapshot.clone();
        turned.data.insert("t".to_owned(), json!({"b": 2, "a": 1}));
        assert_eq!(snapshot_hash(&snapshot.clone()), hash);
        assert!(snapshot_hash(&other) != hash && snapshot_hash(&turned) != snapshot_hash(&other));
    }

    proptest! {
        #[test]
        fn a_stored_snapshot_has_the_hash_it_began_with(number in proptest::num::f64::NORMAL, text in ".*") {
            let mut snapshot = Snapshot::default();
            snapshot.vars.insert("n".to_owned(), json!(number));
            snapshot.vars.insert(text.clone(), json!(text));
            let stored = serde_json::to_string(&snapshot).expect("data");
            let back: Snapshot = serde_json::from_str(&stored).expect("a snapshot");
            prop_assert_eq!(snapshot_hash(&back), snapshot_hash(&snapshot));
        }
    }
}
