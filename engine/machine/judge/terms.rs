//! What a gate waits for, for whoever shows the run.

use std::sync::Arc;
use std::time::Duration;

use crate::machine::event::Stage;
use crate::machine::graph::{Addr, Graph};
use crate::machine::scope::RunFacts;
use crate::machine::state::State;
use crate::model::{Gate, Rendered, Text};
use crate::template::Engine;

use super::Judge;

/// What a gate waits for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// What must hold, as the runbook says it; empty when that can't be read.
    pub pass: String,
    /// The names in it, each with what it stands for.
    pub names: Vec<(String, Rendered)>,
    /// How long it is asked again; absent when it is asked once.
    pub within: Option<Duration>,
    /// How long it must stay true.
    pub hold: Option<Duration>,
}

impl Judge {
    /// Returns an evaluator for somebody who only looks at a run: it knows no id and no operator.
    pub fn watching(graph: &Graph) -> Judge {
        let facts = RunFacts::default();
        Judge::new(Arc::new(Engine::new()), graph.snapshot(), Arc::new(graph.clone()), facts)
    }

    /// Returns what the gate of a stage waits for; nothing where the stage has none. What can't be evaluated is left out: the
    /// run itself tells why.
    pub fn terms(&self, state: &State, at: Addr, stage: Stage) -> Option<Terms> {
        let gate = Judge::gate_of(self.step(at.node), stage)?;
        let mut terms = Terms { pass: gate.passes().to_owned(), ..Terms::default() };
        let levels = self.gate_scope(state, at, stage).and_then(|scope| self.levels(state, at, gate, scope));
        let Ok(levels) = levels else { return Some(terms) };
        let time = |says: fn(&Gate) -> Option<&Text>| {
            let (text, scope) = levels.iter().find_map(|(gate, scope)| Some((says(gate)?, scope)))?;
            self.duration(text, scope).ok()
        };
        terms.within = time(|gate| gate.within.as_ref());
        terms.hold = time(|gate| gate.hold.as_ref()).filter(|hold| !hold.is_zero());
        terms.names = self.gate_names(state, at, stage);
        Some(terms)
    }
}
