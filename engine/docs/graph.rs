//! The steps of a runbook and what waits for what: as Mermaid, DOT, SVG and text.
//!
//! All four are drawn from one [`Picture`], so that they show the same steps, groups and arrows.

mod drawn;
mod notation;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use crate::model::{Action, Effect, Runbook, Step, Tree};

/// What a step is for whoever looks at the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It changes something and can be undone.
    Change,
    /// It changes something and can't be undone.
    Irreversible,
    /// It only looks.
    Read,
    /// It only verifies.
    Gate,
    /// A person decides or does it.
    Person,
    /// It waits.
    Wait,
    /// It runs another runbook.
    Runbook,
}

impl Kind {
    /// Returns the kind of a step.
    pub(crate) fn of(step: &Step) -> Kind {
        match &step.body.action {
            Action::Gate(_) => Kind::Gate,
            Action::Approve(_) | Action::Manual(_) => Kind::Person,
            Action::Wait(_) => Kind::Wait,
            Action::Runbook { .. } => Kind::Runbook,
            Action::Command(_) | Action::Nothing if step.body.effect == Effect::Read => Kind::Read,
            Action::Command(_) | Action::Nothing if step.body.rollback.is_some() => Kind::Change,
            Action::Command(_) | Action::Nothing => Kind::Irreversible,
        }
    }

    /// Returns the word for people.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Change => "changes",
            Kind::Irreversible => "can't be undone",
            Kind::Read => "reads",
            Kind::Gate => "gate",
            Kind::Person => "a person",
            Kind::Wait => "waits",
            Kind::Runbook => "runbook",
        }
    }
}

/// A step in the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The step's id.
    pub id: String,
    /// The heading it stands under.
    pub phase: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// What its `for_each` goes over, as written; absent for a step that runs once.
    pub each: Option<String>,
    /// What it waits for: places in the picture. Needs that follow from other needs are left out.
    pub after: Vec<usize>,
    /// How many steps must come before it at least.
    pub layer: usize,
    /// Whether it belongs to `finally`.
    pub last: bool,
}

/// The steps of a runbook and what waits for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The runbook's name.
    pub name: String,
    /// The runbook's title.
    pub title: String,
    /// The steps in file order, those of `finally` last.
    pub shapes: Vec<Shape>,
}

impl Picture {
    /// Returns the picture of a runbook without mistakes.
    pub fn of(runbook: &Runbook) -> Picture {
        let steps: Vec<&Step> = runbook.steps.iter().chain(&runbook.finally).collect();
        let places: BTreeMap<&str, usize> =
            steps.iter().enumerate().map(|(place, step)| (step.id.as_str(), place)).collect();
        let needs: Vec<Vec<usize>> = steps
            .iter()
            .map(|step| step.needs.iter().filter_map(|need| places.get(need.as_str()).copied()).collect())
            .collect();
        let layers = layers(&needs);
        let mut shapes = Vec::with_capacity(steps.len());
        for (place, step) in steps.iter().enumerate() {
            let last = place >= runbook.steps.len();
            shapes.push(Shape {
                id: step.id.clone(),
                phase: step.phase.clone().or_else(|| last.then(|| "Finally".to_owned())),
                kind: Kind::of(step),
                each: step.for_each.as_ref().map(over),
                after: direct(&needs, &layers, place),
                layer: layers[place],
                last,
            });
        }
        Picture { name: runbook.name.clone(), title: runbook.title.clone(), shapes }
    }

    /// Returns the phases in the order in which they first appear, each with its steps' places.
    fn phases(&self) -> Vec<(Option<&str>, Vec<usize>)> {
        let mut phases: Vec<(Option<&str>, Vec<usize>)> = Vec::new();
        for (place, shape) in self.shapes.iter().enumerate() {
            let phase = shape.phase.as_deref();
            match phases.iter_mut().find(|(known, _)| *known == phase) {
                Some((_, places)) => places.push(place),
                None => phases.push((phase, vec![place])),
            }
        }
        phases
    }
}

/// Returns what a `for_each` goes over, short.
fn over(tree: &Tree) -> String {
    let inside = |text: &str| text.trim().trim_start_matches("{{").trim_end_matches("}}").trim().to_owned();
    match tree {
        Tree::Text(text) => inside(&text.src),
        Tree::List(items) => format!("{} values", items.len()),
        Tree::Map(entries) => format!("{} entries", entries.len()),
        Tree::Plain(value) => value.to_string(),
    }
}

/// Returns for each step how many must come before it at least: one more than the deepest of its needs. The steps must
/// not wait for each other in a circle; one that does is put into the first layer.
fn layers(needs: &[Vec<usize>]) -> Vec<usize> {
    let mut waiting: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut dependents = vec![Vec::new(); needs.len()];
    for (step, needs) in needs.iter().enumerate() {
        needs.iter().for_each(|&need| dependents[need].push(step));
    }
    let mut layers = vec![0; needs.len()];
    let mut ready: Vec<usize> = (0..needs.len()).filter(|&step| waiting[step] == 0).collect();
    while let Some(step) = ready.pop() {
        for &next in &dependents[step] {
            layers[next] = layers[next].max(layers[step] + 1);
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.push(next);
            }
        }
    }
    layers
}

/// Returns what a step waits for without what follows from the rest: `c` needs `a` and `b`, and `b` needs `a`, is an
/// arrow from `b` only. Layers bound the search: what is needed lies in an earlier one.
fn direct(needs: &[Vec<usize>], layers: &[usize], step: usize) -> Vec<usize> {
    let mine = &needs[step];
    // Wide graphs of many thousand edges would be searched again for each step; there every arrow is drawn.
    if mine.len() < 2 || mine.len() > 64 {
        return mine.clone();
    }
    let lowest = mine.iter().map(|&need| layers[need]).min().unwrap_or_default();
    let mut implied = Vec::new();
    let mut open: Vec<usize> = mine.clone();
    let mut seen = vec![false; needs.len()];
    while let Some(at) = open.pop() {
        for &need in &needs[at] {
            if layers[need] >= lowest && !seen[need] {
                seen[need] = true;
                implied.push(need);
                open.push(need);
            }
        }
    }
    mine.iter().copied().filter(|need| !implied.contains(need)).collect()
}
