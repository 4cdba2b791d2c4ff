//! A run takes another snapshot for what has not begun (`resume --latest`, `resume --var`).
//!
//! The merged snapshot is the new one, in which every step that any event names stands as it was stored: its body, its
//! needs, its condition. So every event that was written can follow over the merged graph, and an undo is rendered from
//! the texts and values of the action that it undoes. Where that can't be had the run is not renewed, and why is said.
//!
//! | the step | in the merged snapshot |
//! | --- | --- |
//! | not named by any event | as in the new file, which may have added or removed it |
//! | over and good, in progress, in doubt, or with instances | as it was |
//! | failed, nothing touched | the new one's body |
//! | failed after it touched something | the new one's body if it is undone by the same words; else as it was |
//! | of `finally`, which begins anew | the new one's body |
//!
//! A step whose body is taken anew keeps what its events depend on: its needs, its `on_failure`, its `lock`.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Action, Aim, Command, Expr, FileId, Runbook, Snapshot, Step, Sub, SubValues, Text, Value, with_files,
    without_places,
};
use crate::template::{Engine, Scope, Truth, sub_scope};

use super::event::{Event, Finish, RunStatus, Stage};
use super::fold::Illegal;
use super::graph::{Addr, Graph};
use super::reads::{reads, whole};
use super::state::{Progress, State, step_of};

/// Why a run can't take another snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRenewed {
    /// It does not go forwards.
    #[error("{0}")]
    Over(&'static str),
    /// A step that has begun is not in the new file.
    #[error("`{0}` has begun, and the new file has no such step{place}", place = if *.1 { " there: it is under the other of `steps` and `finally`" } else { "" })]
    Gone(String, bool),
    /// A step that has begun reads a value that would be another.
    #[error(
        "`{step}` has begun and reads `{name}`, whose value would change: what is left of it, or its undo, would not fit what it did"
    )]
    Reads {
        /// The step.
        step: String,
        /// The name, with what it reads of it.
        name: String,
    },
    /// A step reads an output that a step which was done before did not have.
    #[error(
        "`{step}` reads `steps.{of}.outputs.{name}`, and `{of}` has begun, as it was then: without that output"
    )]
    Output {
        /// Who reads.
        step: String,
        /// Of whom.
        of: String,
        /// What.
        name: String,
    },
    /// The run would need another lock.
    #[error("the run would need the lock `{now}`, and was started with {then}")]
    Lock {
        /// What it was started with.
        then: String,
        /// What it would need.
        now: String,
    },
    /// The run was not confirmed, and would have to be.
    #[error("the run would be protected ({0}), and was started without being confirmed")]
    Protect(String),
    /// The events do not follow over the merged graph, which would be a mistake of this program.
    #[error("its events would not fit: {0}")]
    Illegal(Illegal),
}

/// A run's next snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct Renewed {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Steps that differ in the new file, have begun, and stay as they were.
    pub kept: Vec<String>,
    /// Steps that come in before one that has begun already: who, and before whom.
    pub late: Vec<(String, String)>,
}

/// Merges `now`, what the run's files and vars say at present, into what the run was started with.
///
/// # Errors
///
/// Every reason why not.
pub fn renew<'a>(
    engine: &Engine,
    then: &Snapshot,
    now: &Snapshot,
    events: impl Iterator<Item = &'a Event> + Clone,
) -> Result<Renewed, Vec<NotRenewed>> {
    let graph = Graph::of(&then.runbook);
    let mut state = State::new(&graph);
    let mut begun = BTreeSet::new();
    for event in events.clone() {
        state.apply(&graph, event).map_err(|error| vec![NotRenewed::Illegal(error)])?;
        begun.extend(event.step().map(|name| step_of(name, |id| state.node(id).is_some()).to_owned()));
    }
    goes_forwards(&state).map_err(|why| vec![why])?;
    let mut merge = Merge {
        engine,
        then,
        now,
        graph,
        state,
        begun,
        faults: Vec::new(),
        kept: Vec::new(),
        needed: BTreeSet::new(),
        files: BTreeMap::new(),
        snapshot: now.clone(),
    };
    merge.snapshot.runbook.steps = merge.section(&then.runbook.steps, &now.runbook.steps);
    merge.snapshot.runbook.finally = merge.section(&then.runbook.finally, &now.runbook.finally);
    merge.gone();
    merge.outputs();
    merge.keep_values();
    merge.settings();
    let Merge { faults, snapshot, kept, begun, .. } = merge;
    if !faults.is_empty() {
        return Err(faults);
    }
    let graph = Graph::of(&snapshot.runbook);
    let mut state = State::new(&graph);
    for event in events {
        state.apply(&graph, event).map_err(|error| vec![NotRenewed::Illegal(error)])?;
    }
    let late = late(&now.runbook, &begun);
    Ok(Renewed { snapshot, kept, late })
}

fn goes_forwards(state: &State) -> Result<(), NotRenewed> {
    let over = match () {
        () if !state.is_unfinished() => "the run is over",
        () if state.rollback => "the run is being rolled back, as it was started",
        () if state.in_finally && state.outcome != RunStatus::Failed => {
            "only the last steps of the run are left, and they tell of it as it was"
        }
        () => return Ok(()),
    };
    Err(NotRenewed::Over(over))
}

/// Returns the steps that come in before one that has begun.
fn late(runbook: &Runbook, begun: &BTreeSet<String>) -> Vec<(String, String)> {
    let steps = runbook.steps.iter().filter(|step| begun.contains(&step.id));
    steps
        .flat_map(|step| step.needs.iter().map(|need| (need.clone(), step.id.clone())))
        .filter(|(need, _)| !begun.contains(need))
        .collect()
}

struct Merge<'a> {
    engine: &'a Engine,
    then: &'a Snapshot,
    now: &'a Snapshot,
    graph: Graph,
    state: State,
    begun: BTreeSet<String>,
    faults: Vec<NotRenewed>,
    kept: Vec<String>,
    /// The names that what is kept will still read.
    needed: BTreeSet<(Option<String>, String)>,
    /// The sources of `then` that are in the merged one, by their number there.
    files: BTreeMap<FileId, FileId>,
    snapshot: Snapshot,
}

/// How a step that has begun stands in the merged snapshot.
enum Stands {
    /// As it was.
    AsItWas,
    /// With the new body.
    Anew,
}

impl Merge<'_> {
    fn section(&mut self, then: &[Step], now: &[Step]) -> Vec<Step> {
        let mut steps = Vec::with_capacity(now.len());
        for step in now {
            let stored = then.iter().find(|stored| stored.id == step.id);
            let Some(stored) = stored.filter(|stored| self.begun.contains(&stored.id)) else {
                steps.push(step.clone());
                continue;
            };
            // Which place its runbook has among others is no difference.
            let stored = &Step { sub: step.sub, ..stored.clone() };
            let same = without_places(stored) == without_places(step);
            steps.push(match self.stands(stored, step) {
                Stands::AsItWas => {
                    if !same {
                        self.kept.push(stored.id.clone());
                    }
                    self.check_reads(stored, &self.to_be_read(stored));
                    self.placed(stored)
                }
                Stands::Anew => {
                    // What it did is undone by its own words, which are the same, with the values that it read.
                    if self.is_touched(stored) {
                        self.check_reads(stored, &undo_of(stored));
                    }
                    Step {
                        needs: stored.needs.clone(),
                        on_failure: stored.on_failure,
                        lock: stored.lock.as_ref().map(|lock| self.placed(lock)),
                        ..step.clone()
                    }
                }
            });
        }
        steps
    }

    fn instance(&self, step: &Step) -> Option<&super::state::Instance> {
        let node = self.state.node(&step.id)?;
        self.state.nodes[node as usize].instances.first()
    }

    fn is_touched(&self, step: &Step) -> bool {
        let Some(node) = self.state.node(&step.id) else { return false };
        self.state.nodes[node as usize].instances.iter().any(|one| one.touched.is_some())
    }

    fn stands(&self, stored: &Step, step: &Step) -> Stands {
        let Some(node) = self.state.node(&stored.id) else { return Stands::AsItWas };
        if stored.for_each.is_some() || step.for_each.is_some() {
            return Stands::AsItWas;
        }
        if self.graph.is_finally(node) {
            return Stands::Anew;
        }
        let Some(instance) = self.instance(stored) else { return Stands::AsItWas };
        let failed = matches!(instance.finish, Some(Finish::Failed(_) | Finish::Stopped));
        if instance.progress != Progress::Over || !failed {
            return Stands::AsItWas;
        }
        let changes = |step: &Step| {
            let runbook = Runbook { steps: vec![step.clone()], ..Runbook::default() };
            Graph::of(&runbook).changes(0)
        };
        let acted = instance.attempts[Stage::Action as usize] > 0;
        let fits = match instance.touched {
            Some(_) => changes(step) && same_undo(stored, step),
            None => !acted || changes(step) == changes(stored),
        };
        if fits { Stands::Anew } else { Stands::AsItWas }
    }

    /// Returns the texts of a kept step that may still be rendered.
    fn to_be_read(&self, step: &Step) -> Value {
        let Some(node) = self.state.node(&step.id) else { return Value::Null };
        let content = &self.state.nodes[node as usize];
        let over = content.expanded
            && (0..content.instances.len() as u32).all(|instance| {
                let one = self.state.at(Addr { node, instance });
                one.finish.as_ref().is_some_and(Finish::releases)
            });
        match (over, self.is_touched(step)) {
            (true, false) => Value::Null,
            (true, true) => undo_of(step),
            (false, _) => {
                let mut texts = whole(step);
                // Its instances are known, and are in the journal with their items.
                if let (Some(entries), true) = (texts.as_object_mut(), content.expanded) {
                    entries.remove("for_each");
                }
                texts
            }
        }
    }

    /// Notes the names that `texts` read, and refuses those that would be another.
    fn check_reads(&mut self, step: &Step, texts: &Value) {
        let mut own = texts.clone();
        let inherited = own.as_object_mut().and_then(|entries| entries.remove("inherited"));
        let subs = &self.now.runbook.subs;
        let at = |sub: Option<u32>| sub.and_then(|sub| subs.get(sub as usize));
        self.check_names(step, at(step.sub).map(|sub| sub.step.clone()), &own);
        // The environment of each runbook around has the names of that one, and not those of the step.
        let mut around = step.sub;
        for texts in inherited.iter().filter_map(Value::as_array).flatten() {
            around = at(around).and_then(|sub| sub.within);
            self.check_names(step, at(around).map(|sub| sub.step.clone()), texts);
        }
    }

    /// Does it for texts in the scope of the runbook that the step `by` brings in.
    fn check_names(&mut self, step: &Step, by: Option<String>, texts: &Value) {
        let prefix = by.as_ref().map(|by| format!("{by}/")).unwrap_or_default();
        for path in reads(self.engine, texts) {
            if path[0] == "steps" {
                let other = path.get(1).map(|other| format!("{prefix}{other}"));
                if let Some(other) = other
                    && !all(&self.now.runbook).any(|step| step.id == other)
                    && all(&self.then.runbook).any(|step| step.id == other)
                {
                    let name = format!("steps.{other}");
                    self.faults.push(NotRenewed::Reads { step: step.id.clone(), name });
                }
                continue;
            }
            let then = Known::of(self.then, by.as_deref(), &path[0]);
            let now = Known::of(self.now, by.as_deref(), &path[0]);
            // A name that is gone from the file keeps its value, for those who had it.
            if now != Known::Nothing && then.within(&path[1..]) != now.within(&path[1..]) {
                self.faults.push(NotRenewed::Reads { step: step.id.clone(), name: path.join(".") });
            }
            self.needed.insert((by.clone(), path[0].clone()));
        }
    }

    /// Notes the names that `texts` read, which may be others now: a target that is another is noticed when it is asked.
    fn needs_names(&mut self, by: Option<String>, texts: &Value) {
        let read = reads(self.engine, texts).into_iter().filter(|path| path[0] != "steps");
        self.needed.extend(read.map(|path| (by.clone(), path[0].clone())));
    }

    /// Does it for a target, of the run or of a runbook in it, with the environments of the runbooks around that one.
    fn needs_target(
        &mut self,
        of: Option<&Sub>,
        target: &[(String, Command)],
        around: &[Vec<(String, Text)>],
    ) {
        self.needs_names(of.map(|sub| sub.step.clone()), &without_places(&target));
        let mut outer = of.and_then(|sub| sub.within);
        for environment in around.iter().filter(|_| !target.is_empty()) {
            let by = outer.and_then(|outer| self.then.runbook.subs.get(outer as usize));
            self.needs_names(by.map(|by| by.step.clone()), &without_places(environment));
            outer = by.and_then(|by| by.within);
        }
    }

    fn gone(&mut self) {
        let (then, now) = (&self.then.runbook, &self.now.runbook);
        for (then, now, other) in
            [(&then.steps, &now.steps, &now.finally), (&then.finally, &now.finally, &now.steps)]
        {
            for step in then.iter().filter(|step| self.begun.contains(&step.id)) {
                let has = |steps: &[Step]| steps.iter().any(|other| other.id == step.id);
                if !has(now) {
                    self.faults.push(NotRenewed::Gone(step.id.clone(), has(other)));
                }
            }
        }
    }

    /// Refuses a step that reads an output which a kept step does not have.
    fn outputs(&mut self) {
        let kept: BTreeSet<&String> = self.kept.iter().collect();
        let runbook = &self.snapshot.runbook;
        for step in all(runbook).filter(|step| !kept.contains(&step.id)) {
            for path in reads(self.engine, &whole(step)) {
                let [steps, of, outputs, name] = match path.get(..4) {
                    Some([a, b, c, d]) => [a, b, c, d],
                    _ => continue,
                };
                let known = |step: &Step| {
                    let asked = match &step.body.action {
                        Action::Approve(approve) => approve.ask.as_slice(),
                        _ => &[],
                    };
                    step.body.outputs.iter().any(|(output, _)| output == name)
                        || asked.iter().any(|input| input.name == *name)
                };
                let prefix = begin_of(&self.snapshot, step).map(|by| format!("{by}/")).unwrap_or_default();
                let of = &format!("{prefix}{of}");
                let has = |runbook: &Runbook| all(runbook).any(|step| step.id == *of && known(step));
                if steps == "steps"
                    && outputs == "outputs"
                    && kept.contains(of)
                    && has(&self.now.runbook)
                    && !has(runbook)
                {
                    let (step, of, name) = (step.id.clone(), of.clone(), name.clone());
                    self.faults.push(NotRenewed::Output { step, of, name });
                }
            }
        }
    }

    /// Keeps the values that only what has begun still reads.
    fn keep_values(&mut self) {
        for (by, name) in std::mem::take(&mut self.needed) {
            if Known::of(self.now, by.as_deref(), &name) != Known::Nothing {
                continue;
            }
            if let Some(by) = by {
                self.keep_inside(&by, &name);
                continue;
            }
            let maps = [
                (&self.then.vars, &mut self.snapshot.vars),
                (&self.then.data, &mut self.snapshot.data),
                (&self.then.lets, &mut self.snapshot.lets),
            ];
            for (then, merged) in maps {
                if let Some(value) = then.get(&name) {
                    merged.insert(name.clone(), value.clone());
                }
            }
            let declared = self.then.runbook.vars.iter().find(|input| input.name == name);
            if let Some(input) = declared
                && self.now.runbook.vars.iter().all(|input| input.name != name)
            {
                let input = self.placed(input);
                self.snapshot.runbook.vars.push(input);
            }
            if self.then.secrets.contains(&name) {
                self.snapshot.secrets.push(name);
            }
        }
    }

    /// Keeps a value of a runbook that a step brings in.
    fn keep_inside(&mut self, by: &str, name: &str) {
        let (Some(then), Some(at)) = (values_of(self.then, by), place_of(&self.snapshot, by)) else { return };
        let merged = &mut self.snapshot.subs[at];
        let maps =
            [(&then.vars, &mut merged.vars), (&then.data, &mut merged.data), (&then.lets, &mut merged.lets)];
        for (then, merged) in maps {
            if let Some(value) = then.get(name) {
                merged.insert(name.to_owned(), value.clone());
            }
        }
        if let Some((_, secret)) = then.secrets.iter().find(|(inner, _)| inner == name) {
            merged.secrets.push((name.to_owned(), secret.clone()));
            if !self.snapshot.secrets.contains(secret) {
                self.snapshot.secrets.push(secret.clone());
                let declared = self.then.runbook.vars.iter().find(|input| input.name == *secret).cloned();
                let input = declared.map(|input| self.placed(&input));
                self.snapshot.runbook.vars.extend(input);
            }
        }
    }

    /// The run holds its lock and was confirmed, as it was started; whom it changes was recorded.
    fn settings(&mut self) {
        let (then, now) = (locks(self.engine, self.then), locks(self.engine, self.now));
        for now in now.into_iter().filter(|now| !then.contains(now)) {
            let then = match then.as_slice() {
                [] => "none".to_owned(),
                some => some.iter().map(|lock| format!("`{lock}`")).collect::<Vec<_>>().join(", "),
            };
            self.faults.push(NotRenewed::Lock { then, now });
        }
        let protected = |snapshot: &Snapshot| {
            let held = |(protect, scope): &(&Expr, Scope)| {
                !matches!(self.engine.holds(&protect.0.src, scope), Ok(Truth::False))
            };
            let own = snapshot.runbook.protect.iter().map(|protect| (protect, scope(snapshot)));
            let subs = subs(snapshot).filter_map(|(sub, scope)| Some((sub.protect.as_ref()?, scope)));
            own.chain(subs).find(held).map(|(protect, _)| protect.0.src.clone())
        };
        if let (None, Some(why)) = (protected(self.then), protected(self.now)) {
            self.faults.push(NotRenewed::Protect(why));
        }
        self.needs_target(None, &self.then.runbook.target, &[]);
        for sub in &self.then.runbook.subs {
            self.needs_target(Some(sub), &sub.target, &sub.around);
            let (target, around) = (self.placed(&sub.target), self.placed(&sub.around));
            if let Some(at) = place_of(&self.snapshot, &sub.step) {
                let now = &mut self.snapshot.runbook.subs[at];
                (now.target, now.around) = (target, around);
            }
        }
        self.aims();
        let target = self.then.runbook.target.clone();
        self.snapshot.runbook.target = self.placed(&target);
        self.keep_values();
        self.snapshot.root.clone_from(&self.then.root);
        self.snapshot.tape.clone_from(&self.then.tape);
        // A run goes on with the machine that it began with.
        self.snapshot.machine = self.then.machine;
    }

    /// What begins from now on has the environment of the new file, so the target is asked in that one as well, and as the
    /// file asks it now. Rejected: only in the new one, since what was done is undone in the old.
    fn aims(&mut self) {
        let (then, now) = (self.then, self.now);
        let (then, now) = (&then.runbook, &now.runbook);
        let (old, new) = (Aimed::of(then), Aimed::of(now));
        self.snapshot.runbook.aims = self.aims_of(&then.aims, None, &old, &new);
        for sub in &then.subs {
            let Some(at) = place_of(&self.snapshot, &sub.step) else { continue };
            let Some(other) = now.subs.iter().find(|other| other.step == sub.step) else { continue };
            let (old, new) = (Aimed::of_sub(sub), Aimed::of_sub(other));
            self.snapshot.runbook.subs[at].aims = self.aims_of(&sub.aims, Some(sub), &old, &new);
        }
    }

    fn aims_of(&mut self, known: &[Aim], of: Option<&Sub>, then: &Aimed<'_>, now: &Aimed<'_>) -> Vec<Aim> {
        for aim in known {
            self.needs_target(of, &aim.target, &aim.around);
        }
        let mut aims: Vec<Aim> = known.iter().map(|aim| self.placed(aim)).collect();
        let target: Vec<_> = then
            .target
            .iter()
            .map(|(name, command)| match now.target.iter().find(|(other, _)| other == name) {
                Some(anew) => anew.clone(),
                // Gone from the file: what begins from now on is aimed somewhere all the same.
                None => (name.clone(), self.placed(&in_other(command, then.environment, now.environment))),
            })
            .collect();
        let aim = Aim { around: now.around.to_vec(), target };
        let first = Aim { around: then.around.to_vec(), target: then.target.to_vec() };
        let same = |other: &Aim| without_places(other) == without_places(&aim);
        if !aim.target.is_empty() && !same(&first) && !aims.iter().any(same) {
            aims.push(aim);
        }
        aims
    }

    /// Returns something of the old snapshot with its places in the sources of the merged one.
    fn placed<T: Clone + serde::Serialize + serde::de::DeserializeOwned>(&mut self, of: &T) -> T {
        let (then, files, sources) = (self.then, &mut self.files, &mut self.snapshot.sources);
        let moved = with_files(of, |file| {
            *files.entry(file).or_insert_with(|| {
                let Some(source) = then.sources.get(file as usize) else { return file };
                let at = sources.iter().position(|other| other == source).unwrap_or_else(|| {
                    sources.push(source.clone());
                    sources.len() - 1
                });
                FileId::try_from(at).unwrap_or(FileId::MAX)
            })
        });
        moved.unwrap_or_else(|_| of.clone())
    }
}

/// Whom a runbook changes, and what that is asked in.
struct Aimed<'r> {
    target: &'r [(String, Command)],
    environment: &'r [(String, Text)],
    around: &'r [Vec<(String, Text)>],
}

impl<'r> Aimed<'r> {
    fn of(runbook: &'r Runbook) -> Aimed<'r> {
        Aimed { target: &runbook.target, environment: &runbook.environment, around: &[] }
    }

    fn of_sub(sub: &'r Sub) -> Aimed<'r> {
        Aimed { target: &sub.target, environment: &sub.environment, around: &sub.around }
    }
}

/// Returns a command that has the environment of the runbook `then` in it with that of `now` instead.
fn in_other(command: &Command, then: &[(String, Text)], now: &[(String, Text)]) -> Command {
    let is_shared =
        |name: &str, text: &Text| then.iter().any(|(of, other)| of == name && other.src == text.src);
    let own: Vec<_> = command.env.iter().filter(|(name, text)| !is_shared(name, text)).cloned().collect();
    let shared = now.iter().filter(|(name, _)| own.iter().all(|(known, _)| known != name)).cloned();
    Command { env: shared.chain(own.iter().cloned()).collect(), ..command.clone() }
}

/// Says whether two steps are undone by the same words.
fn same_undo(stored: &Step, step: &Step) -> bool {
    let capture = |step: &Step| without_places(&step.body.capture);
    undo_of(stored) == undo_of(step) && capture(stored) == capture(step)
}

/// Returns what the undo of a step is made of.
fn undo_of(step: &Step) -> Value {
    let body = &step.body;
    serde_json::json!({
        "rollback": without_places(&body.rollback),
        "irreversible": without_places(&body.irreversible),
        "binding": without_places(&step.binding),
        "environment": without_places(&step.environment),
        "inherited": without_places(&step.inherited),
    })
}

fn all(runbook: &Runbook) -> impl Iterator<Item = &Step> {
    runbook.steps.iter().chain(&runbook.finally)
}

fn scope(snapshot: &Snapshot) -> Scope {
    let mut scope = Scope::of_snapshot(snapshot);
    scope.set_unknown("run", "run");
    scope
}

/// Returns the runbooks that steps bring in, each with its scope.
fn subs(snapshot: &Snapshot) -> impl Iterator<Item = (&Sub, Scope)> {
    let all = snapshot.runbook.subs.iter().zip(&snapshot.subs).filter(|(_, values)| !values.unwanted);
    all.map(|(sub, values)| {
        let mut scope = sub_scope(values);
        scope.set_unknown("run", "run");
        (sub, scope)
    })
}

/// Returns the locks that a run of the snapshot holds as long as it lives.
fn locks(engine: &Engine, snapshot: &Snapshot) -> Vec<String> {
    let own = snapshot.runbook.lock.iter().map(|lock| (lock, scope(snapshot)));
    let subs = subs(snapshot).filter_map(|(sub, scope)| Some((sub.lock.as_ref()?, scope)));
    own.chain(subs)
        .map(|(lock, scope)| {
            engine.text(&lock.src, &scope).map_or_else(|fault| fault.message, |text| text.display())
        })
        .collect()
}

/// Returns the id of the step that brought in the runbook which a step came in with.
fn begin_of<'a>(snapshot: &'a Snapshot, step: &Step) -> Option<&'a str> {
    snapshot.runbook.subs.get(step.sub? as usize).map(|sub| sub.step.as_str())
}

/// Returns the place of the runbook that the step `by` brings in.
fn place_of(snapshot: &Snapshot, by: &str) -> Option<usize> {
    snapshot.runbook.subs.iter().position(|sub| sub.step == by).filter(|&at| at < snapshot.subs.len())
}

fn values_of<'a>(snapshot: &'a Snapshot, by: &str) -> Option<&'a SubValues> {
    snapshot.subs.get(place_of(snapshot, by)?)
}

/// What a name is in a snapshot.
#[derive(PartialEq)]
enum Known<'a> {
    Nothing,
    Secret(&'a str),
    Value(&'a Value),
}

impl<'a> Known<'a> {
    /// Returns what `name` is in the runbook itself, or in the one that the step `by` brings in.
    fn of(snapshot: &'a Snapshot, by: Option<&str>, name: &str) -> Known<'a> {
        if let Some(by) = by {
            let Some(values) = values_of(snapshot, by) else { return Known::Nothing };
            if let Some((_, secret)) = values.secrets.iter().find(|(inner, _)| inner == name) {
                return Known::Secret(secret);
            }
            let maps = [&values.lets, &values.data, &values.vars];
            return maps.into_iter().find_map(|map| map.get(name)).map_or(Known::Nothing, Known::Value);
        }
        if let Some(secret) = snapshot.secrets.iter().find(|secret| *secret == name) {
            return Known::Secret(secret);
        }
        // As the scope has it: the later hides the earlier.
        let maps = [&snapshot.lets, &snapshot.data, &snapshot.vars];
        maps.into_iter().find_map(|map| map.get(name)).map_or(Known::Nothing, Known::Value)
    }

    /// Returns what is read by going down `path` as far as the value goes.
    fn within(self, path: &[String]) -> Known<'a> {
        let Known::Value(mut value) = self else { return self };
        for name in path {
            let inner = match value {
                Value::Object(entries) => entries.get(name),
                Value::Array(items) => name.parse::<usize>().ok().and_then(|at| items.get(at)),
                // A method or a filter's name, of a value that is all read.
                _ => return Known::Value(value),
            };
            match inner {
                Some(inner) => value = inner,
                None => return Known::Nothing,
            }
        }
        Known::Value(value)
    }
}
