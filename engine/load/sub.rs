//! `runbook:` in a step: another runbook is read, checked where it stands, and its steps put among those of this one.
//!
//! | in the file | in the model |
//! | --- | --- |
//! | the step `db` with `runbook: failover` | the step `db`, which does nothing but begin: its `when`, `check` and `vars` |
//! | the steps of `failover` | `db/ID`; those that need nothing need `db` and what `db` needs |
//! | `needs: [db]` of another step | the steps of `failover` that no other of them needs |
//! | `finally` of `failover` | `db/ID` among the run's `finally`: told when the run rests, and only if `db` had begun |
//! | `vars`, `data`, `let`, `lock`, `protect`, `target`, `limits`, `max_parallel` | a [`Sub`] |
//! | `on_failure` of `failover`, else of `db` | on each of its steps that has none of its own |
//! | a secret with `from` that `db` does not hand on | the secret `db/NAME` of the whole |
//!
//! Names do not leak: a step of `failover` sees its own vars, tables, `let` values and steps; the runbook around it reads
//! `steps['db/ID'].outputs`. A name without `/` is that of a runbook beside this one and nowhere else: with two platforms
//! in one project it must not reach the other's. Which values the vars have is the business of [`super::sub_values`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::allow;
use super::context::{Caller, Context};
use super::fields::{Fields, shortened};
use super::keys::list;
use super::step::is_one_expression;
use super::sub_values::too_late;
use super::{typed, yaml};
use crate::diag::{Code, Diagnostic, Report, Severity, near};
use crate::model::{Action, Body, Effect, Input, Kind, OnFailure, Place, Runbook, Step, Sub, Text, Tree};

/// How many runbooks may stand inside each other.
const DEEPEST: usize = 8;

/// How many steps a run may have with all that is brought in. More is a mistake: ten runbooks that bring in ten of the next
/// each are ten million steps after seven; and a list that grew by mistake must not take minutes and all of the memory, since
/// each copy is whole, with its steps, its values and its place in the graph.
pub(super) const MOST_STEPS: usize = 20_000;

/// A runbook as it is brought in.
#[derive(Debug)]
pub(super) struct Inner {
    /// With the steps of all that it brings in itself.
    pub(super) runbook: Runbook,
    /// What its file says of `on_failure`.
    pub(super) on_failure: Option<OnFailure>,
}

/// What the steps of one runbook bring in, by the id of the step.
pub(super) type Inners = HashMap<String, Rc<Inner>>;

/// Reads what the step brings in, and tells what the step says of it that can't be.
pub(super) fn read(cx: &mut Context<'_>, of: &Fields<'_>, id: &str, body: &Body) -> Option<Rc<Inner>> {
    let Action::Runbook { name, vars } = &body.action else { return None };
    let field = of.get("runbook")?;
    foreign_keys(cx, of);
    let at = field.node.place;
    for (name, tree) in vars {
        known_before(cx, &format!("`{name}`, given to `{}`,", shortened(id)), tree);
    }
    let inner = find(cx, name, id, at)?;
    given(cx, of, &inner.runbook, vars, at);
    Some(inner)
}

// RB0220
pub(super) fn known_before(cx: &mut Context<'_>, what: &str, tree: &Tree) {
    let mut late = Vec::new();
    tree.texts(&mut |text| {
        let uses = cx.engine.check_text(&text.src).map(|uses| uses.paths).unwrap_or_default();
        late.extend(uses.into_iter().filter(|used| !used.defined_test).filter_map(|used| {
            let only_run = matches!(used.path.first().map(String::as_str), Some("steps" | "run"));
            only_run.then(|| too_late(what, &used.path.join("."), cx.sources.within(text, used.span.clone())))
        }));
    });
    late.into_iter().for_each(|told| cx.report.push(told));
}

/// Tells the keys that would say something of an action or of its end: the runbook's own steps say it.
fn foreign_keys(cx: &mut Context<'_>, of: &Fields<'_>) {
    const HERE: [&str; 12] = [
        "id",
        "title",
        "about",
        "phase",
        "needs",
        "when",
        "for_each",
        "max_parallel",
        "on_failure",
        "check",
        "runbook",
        "vars",
    ];
    // Told with the action, or only good for the command of `check`.
    const ELSEWHERE: [&str; 9] = ["run", "shell", "uses", "with", "gate", "approve", "manual", "wait", "dir"];
    for key in of.keys() {
        let name = key.text.as_str();
        let known = of.table.get(name).is_some();
        if !known || HERE.contains(&name) || ELSEWHERE.contains(&name) {
            continue;
        }
        if matches!(name, "outputs" | "idempotent" | "stdin" | "output" | "env") {
            // These are told for every step without a command.
            continue;
        }
        cx.report.push(
            Diagnostic::new(
                Code::KeyNeeds,
                format!("`{name}` makes no sense on a step that runs a whole runbook"),
            )
            .at(key.place, "each of its steps has its own")
            .help("remove it, or say it in that runbook"),
        );
    }
}

/// Returns the runbook that `name` means in the one that is being read.
fn find(cx: &mut Context<'_>, name: &str, id: &str, at: Place) -> Option<Rc<Inner>> {
    let caller = cx.callers.last().map(|caller| caller.name.clone()).unwrap_or_default();
    let whole = match (name.contains('/'), caller.rsplit_once('/')) {
        (false, Some((folder, _))) => format!("{folder}/{name}"),
        _ => name.to_owned(),
    };
    if cx.callers.iter().any(|other| other.name == whole) {
        circle(cx, &whole, at);
        return None;
    }
    if cx.callers.len() > DEEPEST {
        cx.report.push(
            Diagnostic::new(
                Code::TooManySteps,
                format!("runbooks bring in each other more than {DEEPEST} deep"),
            )
            .at(at, "one too many")
            .note(format!("the way here is {}", path(cx)))
            .help("let one of them bring in the steps of the last ones itself"),
        );
        return None;
    }
    if let Some(known) = cx.inners.get(&whole) {
        return known.clone();
    }
    let found = lower(cx, name, &whole, id, at).map(Rc::new);
    cx.inners.insert(whole, found.clone());
    found
}

fn lower(cx: &mut Context<'_>, name: &str, whole: &str, id: &str, at: Place) -> Option<Inner> {
    let Some((path, text)) = cx.library.runbook(whole) else {
        unknown(cx, name, whole, at);
        return None;
    };
    let text = match text {
        Ok(text) => text,
        Err(problem) => {
            cx.report.push(problem.at(at, ""));
            return None;
        }
    };
    // What is wrong in it is told with the way there.
    let outside = std::mem::take(cx.report);
    let seen = std::mem::take(&mut cx.seen);
    let tries_by_default = cx.tries_by_default;
    cx.callers.push(Caller { name: whole.to_owned(), at: Some(at) });
    let file = cx.sources.add(path, text);
    let node = yaml::parse(cx.sources, file, cx.report);
    if let Some(node) = &node {
        let allows = allow::read(cx.sources, file, node, cx.report);
        cx.allows.extend(allows);
    }
    let inner = node.and_then(|node| super::runbook::lower_inner(cx, &node, whole));
    cx.callers.pop();
    cx.tries_by_default = tries_by_default;
    cx.seen = seen;
    let inside = std::mem::replace(cx.report, outside);
    let wrong = inside.has_errors();
    let start = cx.sources.start(at);
    let way = format!("{BROUGHT_IN} `{id}` in {}:{}", cx.sources.path(at.file), start.line);
    let mut told = Report::new();
    // A warning is told when that file is checked itself.
    for found in inside.iter().filter(|found| found.severity == Severity::Error) {
        told.push(found.clone().note(way.clone()));
    }
    cx.report.extend(told);
    // With mistakes of its own it says nothing for certain about its vars and steps.
    inner.filter(|_| !wrong)
}

/// How the note begins that says which step led to the file of a mistake.
pub(super) const BROUGHT_IN: &str = "brought in by the step";

// RB0010
fn unknown(cx: &mut Context<'_>, name: &str, whole: &str, at: Place) {
    let names = cx.library.runbooks();
    let bare = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
    let elsewhere: Vec<&str> =
        names.iter().map(String::as_str).filter(|known| bare(known) == bare(name)).collect();
    let diagnostic =
        Diagnostic::new(Code::UnknownRunbook, format!("there is no runbook `{}`", shortened(whole)));
    let folder = whole.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
    let beside: Vec<&str> = names.iter().filter_map(|known| known.strip_prefix(&folder)).collect();
    cx.report.push(match elsewhere.as_slice() {
        [] => match near(name, beside.iter().copied()).or(near(name, names.iter().map(String::as_str))) {
            Some(meant) => diagnostic.at(at, format!("did you mean `{meant}`?")),
            None if name.contains('/') => {
                diagnostic.at(at, "").help("a name with `/` begins below `runbooks/`")
            }
            None => diagnostic.at(at, "").help("a name without `/` is that of a runbook beside this one"),
        },
        some => diagnostic.at(at, "not beside this one").help(format!(
            "a name without `/` is that of a runbook beside this one; write the whole name: {}",
            list(some.iter().copied(), "or")
        )),
    });
}

// RB0221
fn circle(cx: &mut Context<'_>, whole: &str, at: Place) {
    let from = cx.callers.iter().position(|caller| caller.name == whole).unwrap_or_default();
    let inside: Vec<Caller> = cx.callers[from..].to_vec();
    let path: Vec<&str> = inside.iter().map(|caller| caller.name.as_str()).chain([whole]).collect();
    let message = match path.as_slice() {
        [one, _] => format!("the runbook `{one}` brings in itself"),
        _ => format!("these runbooks bring in each other without an end: {}", path.join(" → ")),
    };
    let mut diagnostic = Diagnostic::new(Code::RunbookCircle, message);
    let last = inside.last().map(|caller| caller.name.as_str()).unwrap_or_default();
    diagnostic = diagnostic.at(at, format!("`{last}` brings in `{whole}`"));
    for pair in inside.windows(2) {
        if let [one, next] = pair
            && let Some(at) = next.at
        {
            diagnostic = diagnostic.also(at, format!("`{}` brings in `{}`", one.name, next.name));
        }
    }
    cx.report
        .push(diagnostic.help("take one of these steps out, or move what both need into a third runbook"));
}

fn path(cx: &Context<'_>) -> String {
    cx.callers.iter().map(|caller| caller.name.as_str()).collect::<Vec<_>>().join(" → ")
}

// RB0501, RB0502, RB0503
fn given(cx: &mut Context<'_>, of: &Fields<'_>, inner: &Runbook, vars: &[(String, Tree)], at: Place) {
    let own = || inner.vars.iter().filter(|var| !var.name.contains('/'));
    let nodes = of.get("vars").map(|field| field.entries(cx).to_vec()).unwrap_or_default();
    for ((name, tree), (key, node)) in vars.iter().zip(&nodes) {
        let Some(var) = own().find(|var| var.name == *name) else {
            let diagnostic = Diagnostic::new(
                Code::UnknownVar,
                format!("the runbook `{}` has no var `{}`", inner.name, shortened(name)),
            );
            let diagnostic = match near(name, own().map(|var| var.name.as_str())) {
                Some(meant) => diagnostic.at(key.place, format!("did you mean `{meant}`?")),
                None => diagnostic.at(key.place, "not known there"),
            };
            let known = list(own().map(|var| var.name.as_str()), "and");
            cx.report.push(match known.as_str() {
                "" => diagnostic.note("it takes no vars"),
                known => diagnostic.note(format!("its vars are {known}")),
            });
            continue;
        };
        fits(cx, inner, var, tree, node.place);
    }
    let missing: Vec<&str> = own()
        .filter(|var| var.required && var.default.is_none() && var.from.is_none())
        .map(|var| var.name.as_str())
        .filter(|name| !vars.iter().any(|(given, _)| given == name))
        .collect();
    if let Some(first) = missing.first() {
        let plural = if missing.len() == 1 { "var" } else { "vars" };
        let names = list(missing.iter().copied(), "and");
        cx.report.push(
            Diagnostic::new(
                Code::MissingVar,
                format!("the runbook `{}` needs the {plural} {names}", inner.name),
            )
            .at(at, "")
            .help(format!("add under `vars`: `{first}: …`")),
        );
    }
}

fn fits(cx: &mut Context<'_>, inner: &Runbook, var: &Input, tree: &Tree, at: Place) {
    let told = |message: String| {
        Diagnostic::new(Code::BadVar, format!("`{}` of the runbook `{}`: {message}", var.name, inner.name))
            .at(at, "")
            .also(var.at, "declared here")
    };
    let diagnostic = match tree.literal() {
        Some(serde_json::Value::Null) if !var.required || var.default.is_some() => return,
        Some(_) if var.ty.kind == Kind::Secret => told("a secret does not stand in a file".to_owned())
            .help(format!("hand on a secret of this runbook: `{}: \"{{{{ {} }}}}\"`", var.name, var.name)),
        Some(value) => match typed::misfit(&var.ty, &value) {
            None => return,
            Some((message, Some(help))) => told(message).help(help),
            Some((message, None)) => told(message),
        },
        None => match tree {
            Tree::Text(text)
                if !is_one_expression(&text.src)
                    && matches!(
                        var.ty.kind,
                        Kind::Integer | Kind::Number | Kind::Boolean | Kind::List | Kind::Map | Kind::Secret
                    ) =>
            {
                told(format!("wants `{}`, and this is always text", var.ty.kind.name()))
                    .help("only a value that is exactly one `{{ … }}` keeps its type")
            }
            _ => return,
        },
    };
    cx.report.push(diagnostic);
}

/// Puts the steps of what the steps bring in among them.
pub(super) fn embed(cx: &mut Context<'_>, runbook: &mut Runbook, inners: &Inners) {
    if inners.is_empty() {
        return;
    }
    let count: usize =
        inners.values().map(|inner| inner.runbook.steps.len() + inner.runbook.finally.len()).sum();
    let own = runbook.steps.len() + runbook.finally.len();
    if own + count > MOST_STEPS {
        let at = runbook.steps.iter().find(|step| inners.contains_key(&step.id)).map(|step| step.at);
        let message = format!(
            "with the runbooks that it brings in, `{}` has {} steps; the most is {MOST_STEPS}",
            runbook.name,
            own + count
        );
        let diagnostic = Diagnostic::new(Code::TooManySteps, message);
        let diagnostic = match at {
            Some(at) => diagnostic.at(at, "the first that brings in others"),
            None => diagnostic,
        };
        cx.report.push(diagnostic.help("go over a list with `for_each`, or make several runs of it"));
        return;
    }
    let ends: BTreeMap<&str, Vec<String>> =
        inners.iter().map(|(id, inner)| (id.as_str(), ends(id, &inner.runbook))).collect();
    for step in runbook.steps.iter_mut().chain(&mut runbook.finally) {
        step.needs = replaced(std::mem::take(&mut step.needs), &ends);
    }
    let around = runbook.environment.clone();
    let mut embedding = Embedding { subs: Vec::new(), vars: Vec::new(), finally: Vec::new(), around };
    let steps = embedding.section(std::mem::take(&mut runbook.steps), inners);
    let inner_finally = std::mem::take(&mut embedding.finally);
    for step in runbook.finally.iter() {
        if let Some(inner) = inners.get(&step.id)
            && let Some(first) = inner.runbook.finally.first()
        {
            cx.report.push(
                Diagnostic::new(
                    Code::FinallyInFinally,
                    format!(
                        "`{}` has `finally`, and `{}` is a step of `finally` itself",
                        inner.runbook.name, step.id
                    ),
                )
                .at(step.at, "runs when the run is over")
                .also(first.at, "would have to run after that")
                .help("make these its last steps, or bring in a runbook without `finally`"),
            );
        }
    }
    let own_finally = embedding.section(std::mem::take(&mut runbook.finally), inners);
    let Embedding { subs, vars, .. } = embedding;
    runbook.steps = steps;
    runbook.finally = inner_finally.into_iter().chain(own_finally).collect();
    runbook.subs = subs;
    runbook.vars.extend(vars);
}

/// Returns needs with each step that brings in a runbook replaced by what ends it.
fn replaced(needs: Vec<String>, ends: &BTreeMap<&str, Vec<String>>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    needs
        .into_iter()
        .flat_map(|need| ends.get(need.as_str()).cloned().unwrap_or_else(|| vec![need]))
        .filter(|need| seen.insert(need.clone()))
        .collect()
}

struct Embedding {
    subs: Vec<Sub>,
    /// The secrets that what is brought in takes by itself.
    vars: Vec<Input>,
    /// The `finally` of what is brought in.
    finally: Vec<Step>,
    /// The environment of the runbook that brings them in.
    around: Vec<(String, Text)>,
}

/// Returns the steps of a runbook that no other of them needs, as the step `id` brings them in.
fn ends(id: &str, of: &Runbook) -> Vec<String> {
    let needed: BTreeSet<&String> = of.steps.iter().flat_map(|step| &step.needs).collect();
    let ends = of.steps.iter().filter(|step| !needed.contains(&step.id));
    ends.map(|step| format!("{id}/{}", step.id)).collect()
}

impl Embedding {
    fn section(&mut self, steps: Vec<Step>, inners: &Inners) -> Vec<Step> {
        let mut all = Vec::with_capacity(steps.len());
        for step in steps {
            match inners.get(&step.id) {
                Some(inner) => self.one(step, inner, &mut all),
                None => all.push(step),
            }
        }
        all
    }

    fn one(&mut self, mut begin: Step, inner: &Inner, all: &mut Vec<Step>) {
        let base = u32::try_from(self.subs.len()).unwrap_or(u32::MAX);
        let of = &inner.runbook;
        let id = begin.id.clone();
        let Action::Runbook { name, vars } = &mut begin.body.action else {
            all.push(begin);
            return;
        };
        name.clone_from(&of.name);
        let given = vars.clone();
        begin.body.effect = Effect::Read;
        begin.body.idempotent = true;
        if begin.title.is_none() && Text::new(of.title.as_str()).is_literal() {
            begin.title = Some(Text::new(of.title.clone()));
        }
        let heading = begin.title.as_ref().filter(|title| title.is_literal()).map(|title| title.src.clone());
        let heading = begin.phase.clone().or(heading).unwrap_or_else(|| id.clone());
        self.secrets(&id, of, &given);
        self.subs.push(Sub {
            step: id.clone(),
            local: id.clone(),
            within: None,
            name: of.name.clone(),
            at: begin.at,
            vars: of.vars.clone(),
            given,
            data: of.data.clone(),
            lets: of.lets.clone(),
            environment: of.environment.clone(),
            around: vec![self.around.clone()],
            target: of.target.clone(),
            lock: of.lock.clone(),
            protect: of.protect.clone(),
            limits: of.limits,
            max_parallel: of.max_parallel,
            aims: Vec::new(),
            each: None,
        });
        self.subs.extend(of.subs.iter().map(|sub| Sub {
            step: format!("{id}/{}", sub.step),
            within: Some(sub.within.map_or(base, |within| base + 1 + within)),
            around: sub.around.iter().chain([&self.around]).cloned().collect(),
            ..sub.clone()
        }));
        let inside = |step: &Step| Step {
            id: format!("{id}/{}", step.id),
            needs: step.needs.iter().map(|need| format!("{id}/{need}")).collect(),
            phase: match (&begin.phase, &step.phase) {
                (_, Some(phase)) => Some(format!("{heading} › {phase}")),
                (phase, None) => phase.clone(),
            },
            on_failure: step.on_failure.or(inner.on_failure).or(begin.on_failure),
            sub: Some(step.sub.map_or(base, |sub| base + 1 + sub)),
            inherited: step.inherited.iter().chain([&self.around]).cloned().collect(),
            ..step.clone()
        };
        let first = all.len() + 1;
        let steps: Vec<Step> = of.steps.iter().map(inside).collect();
        // They stand under the run's own heading for what comes last.
        let last = of.finally.iter().map(|step| Step { phase: step.phase.clone(), ..inside(step) });
        self.finally.extend(last);
        all.push(begin);
        all.extend(steps);
        // They need what the step needs, too, and not only through it: a gate whose answer is old, and an approval of what
        // begins, are about who needs them.
        let before: Vec<String> = std::iter::once(&id).chain(&all[first - 1].needs).cloned().collect();
        let mut open = BTreeSet::new();
        for step in &mut all[first..] {
            if step.needs.is_empty() || step.needs.iter().any(|need| open.contains(need)) {
                step.needs.extend(before.iter().cloned());
                if matches!(step.body.action, Action::Runbook { .. }) {
                    open.insert(step.id.clone());
                }
            }
        }
    }

    /// Makes secrets of the whole of those that the runbook takes by itself and that the step does not hand on.
    fn secrets(&mut self, id: &str, of: &Runbook, given: &[(String, Tree)]) {
        let own = of.vars.iter().filter(|var| var.ty.kind == Kind::Secret && var.from.is_some());
        for var in own.filter(|var| !given.iter().any(|(name, _)| *name == var.name)) {
            self.vars.push(Input { name: format!("{id}/{}", var.name), ..var.clone() });
        }
    }
}

/// Says whether a note of a diagnostic tells only which step led to the file.
pub fn is_way(note: &str) -> bool {
    note.starts_with(BROUGHT_IN)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::load::{FileKind, Library, Loaded, load_text};

    const FAILOVER: &str = "
runbook: failover
title: Fail over
vars: {env: {type: string}, token: {type: secret, from: {env: TOKEN}}}
on_failure: rollback
lock: db/{{ env }}
max_parallel: 2
steps:
  - {id: freeze, phase: Freeze, run: 'echo {{ env }}', rollback: {run: echo thaw}}
  - {id: promote, run: echo p, irreversible: no, on_failure: pause}
  - {id: beside, needs: [], run: echo b, effect: read, env: {T: '{{ token }}'}}
finally:
  - {id: note, run: echo over}
";

    const NESTED: &str = "
runbook: nested
title: Nested
steps:
  - {id: db, runbook: failover, vars: {env: prod}}
  - {id: then, run: echo t, effect: read}
";

    fn loaded(text: &str) -> Loaded {
        let library =
            Library::built_in().with_runbook("a/failover", FAILOVER).with_runbook("a/nested", NESTED);
        load_text(text, "runbooks/a/outer.yaml", "a/outer", FileKind::Runbook, &library)
    }

    fn shape(steps: &[Step]) -> String {
        let mut shown = String::new();
        for step in steps {
            let _ = writeln!(shown, "{} needs {}", step.id, step.needs.join(" "));
        }
        shown
    }

    #[test]
    fn the_steps_of_what_is_brought_in_stand_among_the_others() {
        let loaded = loaded(
            "runbook: outer\ntitle: T\nsteps:\n  - {id: go, run: echo go, effect: read}\n  - {id: all, phase: All, runbook: nested, on_failure: continue}\n  - {id: last, run: echo l, effect: read}\n",
        );
        assert!(loaded.report.is_empty(), "{:#?}", loaded.report);
        let runbook = loaded.runbook.expect("a runbook");
        insta::assert_snapshot!(shape(&runbook.steps) + &shape(&runbook.finally), @r"
        go needs 
        all needs go
        all/db needs all go
        all/db/freeze needs all/db all go
        all/db/promote needs all/db/freeze
        all/db/beside needs all/db all go
        all/then needs all/db/promote all/db/beside
        last needs all/then
        all/db/note needs
        ");
        let subs: Vec<_> = runbook.subs.iter().map(|sub| (sub.step.as_str(), sub.within)).collect();
        assert_eq!(subs, [("all", None), ("all/db", Some(0))]);
        let of = |id: &str| {
            runbook.steps.iter().chain(&runbook.finally).find(|step| step.id == id).expect("a step")
        };
        assert_eq!((of("all").sub, of("all/db").sub, of("all/db/freeze").sub), (None, Some(0), Some(1)));
        let around: Vec<_> = runbook.subs.iter().map(|sub| sub.around.len()).collect();
        assert_eq!(around, [1, 2], "the environment of each runbook around, for the target");
        let policies = ["all/db/freeze", "all/db/promote", "all/then"].map(|id| of(id).on_failure);
        assert_eq!(policies, [OnFailure::Rollback, OnFailure::Pause, OnFailure::Continue].map(Some));
        let phases =
            ["all", "all/db", "all/db/freeze", "all/then"].map(|id| of(id).phase.clone().unwrap_or_default());
        assert_eq!(phases, ["All", "All", "All › Fail over › Freeze", "All"]);
        assert_eq!(runbook.vars.iter().map(|var| var.name.as_str()).collect::<Vec<_>>(), ["all/db/token"]);
    }

    #[test]
    fn what_would_have_no_end_is_told() {
        let deep = (0..=DEEPEST).fold(Library::built_in(), |library, depth| {
            let next = format!("{{id: s, runbook: d{}}}", depth + 1);
            library.with_runbook(
                &format!("d{depth}"),
                &format!("runbook: d{depth}\ntitle: T\nsteps: [{next}]\n"),
            )
        });
        let last = format!("d{}", DEEPEST + 1);
        let deep = deep.with_runbook(
            &last,
            &format!("runbook: {last}\ntitle: T\nsteps: [{{id: s, run: ls, effect: read}}]\n"),
        );
        let told = |name: &str, text: &str, library: &Library| -> Vec<Code> {
            let loaded = load_text(text, "runbooks/x.yaml", name, FileKind::Runbook, library);
            loaded.report.iter().map(|found| found.code).collect()
        };
        let begin = "runbook: x\ntitle: T\nsteps: [{id: s, runbook: d0}]\n";
        assert_eq!(told("x", begin, &deep), [Code::TooManySteps]);
        let two = begin.replace("d0", "d2");
        assert_eq!(told("x", &two, &deep), []);

        let ten = |next: &str| -> String {
            let steps: Vec<String> = (0..10).map(|n| format!("{{id: s{n}, {next}, needs: []}}")).collect();
            format!("title: T\nsteps: [{}]\n", steps.join(", "))
        };
        let mut wide =
            Library::built_in().with_runbook("w0", &format!("runbook: w0\n{}", ten("run: ls, effect: read")));
        for n in 1..6 {
            wide = wide.with_runbook(
                &format!("w{n}"),
                &format!("runbook: w{n}\n{}", ten(&format!("runbook: w{}", n - 1))),
            );
        }
        assert_eq!(told("x", &begin.replace("d0", "w3"), &wide), []);
        assert_eq!(told("x", &begin.replace("d0", "w5"), &wide), [Code::TooManySteps]);
    }
}
