//! What a gate waits for, for whoever shows the run.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::machine::event::Stage;
use crate::machine::graph::{Addr, Graph};
use crate::machine::scope::{RunFacts, speaks_for_itself};
use crate::machine::state::State;
use crate::model::{Gate, Piece, Rendered, Text};
use crate::template::{Engine, Scope};

use super::Judge;

/// What a gate waits for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// What must hold, all of it; empty when that can't be read.
    pub wants: Vec<Want>,
    /// How long it is asked again; absent when it is asked once.
    pub within: Option<Duration>,
    /// How long it must stay true.
    pub hold: Option<Duration>,
}

/// One of the things that must hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Want {
    /// What is polled, compared with something.
    Than {
        /// What is polled; empty when what is seen of it has no name.
        of: String,
        /// The sign between them, as if what is polled stood on the left.
        sign: &'static str,
        /// What it is compared with: its value where it has one before anything is polled.
        with: Rendered,
    },
    /// Anything else, as the runbook says it.
    Whole(String),
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
        let mut terms = Terms { wants: Vec::new(), ..Terms::default() };
        let levels = self.gate_scope(state, at, stage).and_then(|scope| self.levels(state, at, gate, scope));
        let Ok(levels) = levels else {
            terms.wants.push(Want::Whole(gate.passes().to_owned()));
            return Some(terms);
        };
        let time = |says: fn(&Gate) -> Option<&Text>| {
            let (text, scope) = levels.iter().find_map(|(gate, scope)| Some((says(gate)?, scope)))?;
            self.duration(text, scope).ok()
        };
        terms.within = time(|gate| gate.within.as_ref());
        terms.hold = time(|gate| gate.hold.as_ref()).filter(|hold| !hold.is_zero());
        if let Some((pass, levels)) = Judge::said(&levels, |gate| Some(&gate.pass))
            && let Some((_, scope)) = levels.first()
        {
            let src = pass.0.src.as_str();
            let parts = self.engine.conjuncts(src).unwrap_or_default();
            let parts: Vec<&str> = parts.into_iter().filter_map(|part| src.get(part)).collect();
            // A part in parentheses is told without the last of them, and is no expression then.
            let whole = parts.len() > 1 && parts.iter().all(|part| self.engine.check_expr(part).is_ok());
            let parts = if whole { parts } else { vec![src] };
            terms.wants = parts.into_iter().map(|part| self.want(part, scope)).collect();
        }
        Some(terms)
    }

    fn want(&self, src: &str, scope: &Scope) -> Want {
        self.compared(src, scope).unwrap_or_else(|| Want::Whole(src.trim().to_owned()))
    }

    /// Returns a comparison turned so that what is polled stands on the left.
    fn compared(&self, src: &str, scope: &Scope) -> Option<Want> {
        let (left, sign, right) = self.engine.comparison(src).ok()??;
        let (left, right) = (src.get(left)?, src.get(right)?);
        let (of, sign, with) = match (self.polled_in(left, scope), self.polled_in(right, scope)) {
            (Some(of), with) => (of, sign, self.against(right, with, scope)?),
            (None, Some(of)) => (of, turned(sign), self.against(left, None, scope)?),
            (None, None) => return None,
        };
        Some(Want::Than { of, sign, with })
    }

    /// Returns what is compared with: by its name when that is polled too, else as its value.
    fn against(&self, src: &str, polled: Option<String>, scope: &Scope) -> Option<Rendered> {
        let plain = |text: &str| Rendered { pieces: vec![Piece::Plain(text.to_owned())] };
        match polled {
            Some(name) if name.is_empty() => None,
            Some(name) => Some(plain(&name)),
            None if self.engine.check_expr(src).ok()?.paths.is_empty() => Some(plain(src.trim())),
            None => self.engine.literal(&self.engine.expr(src, scope).ok()?),
        }
    }

    /// Returns the name of the first thing in an expression that stands in no scope before it is polled, and an empty one for
    /// what is told without its name.
    fn polled_in(&self, src: &str, scope: &Scope) -> Option<String> {
        let uses = self.engine.check_expr(src).ok()?;
        let polled = uses.paths.into_iter().find(|of| is_polled(&of.path, scope))?;
        let label = polled.path.last()?;
        Some(if speaks_for_itself(label) { String::new() } else { label.clone() })
    }

    /// Returns the parts of a condition that do not hold, which are what somebody looks for.
    pub(super) fn broken(&self, src: &str, scope: &Scope) -> Vec<Range<usize>> {
        let no = |part: &Range<usize>| {
            let holds = src.get(part.clone()).map(|part| self.engine.holds(part, scope));
            matches!(holds, Some(Ok(crate::template::Truth::False)))
        };
        let parts = self.engine.conjuncts(src).unwrap_or_default();
        parts.into_iter().filter(no).collect()
    }
}

/// Says whether a name stands for what only the answer has.
pub(super) fn is_polled(path: &[String], before: &Scope) -> bool {
    path.first().is_some_and(|root| before.get(root).is_none())
}

/// Returns the sign for the two sides changed about.
fn turned(sign: &'static str) -> &'static str {
    match sign {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        other => other,
    }
}
