//! What steps say about each other: ids and needs.

use std::collections::{BTreeSet, HashMap};

use super::super::context::Context;
use super::super::fields::shortened;
use super::super::step::Draft;
use super::scope::some;
use crate::diag::{Code, Diagnostic, near};
use crate::model::{Place, Runbook, Step};
use crate::plan::{Dag, PlanError};

/// Where each need is written. By number: a million pairs of ids would weigh more than the file.
#[derive(Debug, Default)]
pub(in crate::load) struct Needs {
    numbers: HashMap<String, u32>,
    places: HashMap<(u32, u32), Place>,
}

impl Needs {
    /// Returns the number of the step with that id.
    pub(in crate::load) fn number(&self, id: &str) -> Option<u32> {
        self.numbers.get(id).copied()
    }

    /// Returns where `step` says that it needs `need`; nothing for a need that no step has as its id.
    pub(in crate::load) fn place(&self, step: &str, need: &str) -> Option<Place> {
        self.places.get(&(*self.numbers.get(step)?, *self.numbers.get(need)?)).copied()
    }
}

/// Tells ids used twice and needs that no step has as its id; returns where the others are written.
pub(in crate::load) fn graph<'d>(cx: &mut Context<'_>, main: &'d [Draft], last: &'d [Draft]) -> Needs {
    let mut ids: HashMap<&str, Place> = HashMap::new();
    for draft in main.iter().chain(last) {
        duplicate(cx, &draft.step, &mut ids);
    }
    let ids = |drafts: &'d [Draft]| drafts.iter().map(|draft| draft.step.id.as_str()).collect();
    let known = Ids { main: ids(main), last: ids(last) };
    let mut found = Needs::default();
    for (draft, number) in main.iter().chain(last).zip(0..) {
        found.numbers.entry(draft.step.id.clone()).or_insert(number);
    }
    for (drafts, finally) in [(main, false), (last, true)] {
        for draft in drafts {
            let number = found.numbers[&draft.step.id];
            for (need, place) in draft.needs.iter().flatten() {
                if known.main.contains(need.as_str()) || finally && known.last.contains(need.as_str()) {
                    found.places.insert((number, found.numbers[need]), *place);
                } else {
                    unknown(cx, need, *place, &known, finally);
                }
            }
        }
    }
    found
}

/// The ids of the steps and of `finally`.
struct Ids<'d> {
    main: BTreeSet<&'d str>,
    last: BTreeSet<&'d str>,
}

// RB0202
fn duplicate<'d>(cx: &mut Context<'_>, step: &'d Step, ids: &mut HashMap<&'d str, Place>) {
    match ids.get(step.id.as_str()) {
        Some(first) => cx.report.push(
            Diagnostic::new(Code::DuplicateId, format!("two steps have the id `{}`", shortened(&step.id)))
                .at(step.at, "again here")
                .also(*first, "first here")
                .help("give one of them another id"),
        ),
        None => {
            ids.insert(&step.id, step.at);
        }
    }
}

// RB0201
fn unknown(cx: &mut Context<'_>, need: &str, place: Place, known: &Ids<'_>, finally: bool) {
    if cx.report.is_full() {
        // Only counted: what it would say is looked for among all ids.
        cx.report.push(Diagnostic::new(Code::UnknownStep, "there is no such step").at(place, ""));
        return;
    }
    if known.last.contains(need) {
        cx.report.push(
            Diagnostic::new(Code::UnknownStep, format!("`{need}` is a step of `finally`"))
                .at(place, "")
                .help("`finally` begins when all other steps are over, so none of them can wait for it"),
        );
        return;
    }
    let diagnostic =
        Diagnostic::new(Code::UnknownStep, format!("there is no step with the id `{}`", shortened(need)));
    let instance = need.split_once(['[', '/']).map(|(id, _)| id).filter(|id| known.main.contains(id));
    let candidates = || known.main.iter().chain(known.last.iter().filter(|_| finally)).copied();
    cx.report.push(match (instance, near(need, candidates())) {
        (Some(id), _) => {
            let all = if need.contains('/') { "steps" } else { "instances" };
            diagnostic.at(place, "").help(format!("write `{id}`: it stands for all of its {all}"))
        }
        (None, Some(meant)) => diagnostic.at(place, format!("did you mean `{meant}`?")),
        (None, None) => {
            let ids: Vec<&str> = candidates().collect();
            diagnostic.at(place, "not known here").note(format!("the steps are {}", some(&ids)))
        }
    });
}

/// Returns the graphs of the steps and of `finally`; tells circles with their whole path. (RB0204)
pub(super) fn ordered(cx: &mut Context<'_>, runbook: &Runbook, needs: &Needs) -> [Option<Dag>; 2] {
    let main = Dag::of(&runbook.steps).map_err(|errors| cycles(cx, &runbook.steps, needs, errors));
    let last = Dag::after(&runbook.steps, &runbook.finally)
        .map_err(|errors| cycles(cx, &runbook.finally, needs, errors));
    [main.ok(), last.ok()]
}

/// Longer circles are told by their path alone.
const LABELS: usize = 6;

fn cycles(cx: &mut Context<'_>, steps: &[Step], needs: &Needs, errors: Vec<PlanError>) {
    for error in errors {
        // Unknown needs and duplicate ids were told with better places.
        let PlanError::Cycle { path, .. } = error else { continue };
        let message = match path.as_slice() {
            [one, _] => format!("step `{one}` needs itself"),
            _ => format!("these steps wait for each other, so none can start: {}", path.join(" → ")),
        };
        let mut diagnostic = Diagnostic::new(Code::Cycle, message);
        for (index, pair) in path.windows(2).take(LABELS).enumerate() {
            let [step, need] = pair else { continue };
            let (place, text) = match needs.place(step, need) {
                Some(place) => (place, format!("`{step}` needs `{need}`")),
                None => {
                    let at =
                        steps.iter().find(|known| known.id == *step).map_or(Place::default(), |it| it.at);
                    (at, format!("`{step}` needs `{need}`, the step before it"))
                }
            };
            diagnostic = if index == 0 { diagnostic.at(place, text) } else { diagnostic.also(place, text) };
        }
        cx.report.push(if path.len() == 2 {
            diagnostic.help("remove it from its own `needs`")
        } else {
            diagnostic.help("remove one of these needs; `needs: []` starts a step at once")
        });
    }
}
