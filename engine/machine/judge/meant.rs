//! What the names of an expression stand for, for whoever has to judge an answer by hand.

use std::collections::BTreeSet;

use crate::machine::event::Stage;
use crate::machine::graph::{Addr, NodeId};
use crate::machine::state::State;
use crate::model::{Action, Expr, Piece, Rendered, Unknown};
use crate::template::{Scope, unknown_in};

use super::Judge;

/// Longer values are tables: they are looked up where they stand.
const LONGEST: usize = 200;

impl Judge {
    /// Returns the names in what a gate wants, and in what makes it only just good, each with what it stands for in this
    /// instance: data, or where it comes from when only the run can know. Names of the answer itself, of secrets and of large
    /// values are left out; so is everything where something can't be evaluated, which is told elsewhere.
    pub fn gate_names(&self, state: &State, at: Addr, stage: Stage) -> Vec<(String, Rendered)> {
        let Some(gate) = Judge::gate_of(self.step(at.node), stage) else { return Vec::new() };
        let Ok(scope) = self.gate_scope(state, at, stage) else { return Vec::new() };
        let Ok(levels) = self.levels(state, at, gate, scope) else { return Vec::new() };
        let pass = Judge::said(&levels, |gate| Some(&gate.pass));
        let warn = Judge::said(&levels, |gate| gate.warn.as_ref());
        let mut names: Vec<(String, Rendered)> = Vec::new();
        for (expr, levels) in pass.into_iter().chain(warn) {
            for (name, value) in
                levels.first().map(|(_, scope)| self.names_in(expr, scope)).unwrap_or_default()
            {
                if names.iter().all(|(known, _)| *known != name) {
                    names.push((name, value));
                }
            }
        }
        names
    }

    /// As [`Judge::gate_names`], for the condition under which there is nothing to do.
    pub fn satisfied_names(&self, state: &State, at: Addr) -> Vec<(String, Rendered)> {
        match (&self.step(at.node).body.satisfied, self.inner(state, at)) {
            (Some(satisfied), Ok(scope)) => self.names_in(satisfied, &scope),
            _ => Vec::new(),
        }
    }

    /// As [`Judge::gate_names`], for the condition under which the step is wanted.
    pub fn when_names(&self, state: &State, at: Addr) -> Vec<(String, Rendered)> {
        match &self.step(at.node).when {
            Some(when) => self.names_in(when, &self.outer(state, at)),
            None => Vec::new(),
        }
    }

    /// Returns the one-line difference in pieces, so that each value in it can be told as its commands tell it.
    pub fn changes_told(&self, state: &State, at: Addr) -> Option<Rendered> {
        let text = self.step(at.node).body.changes.as_ref()?;
        self.text(text, &self.inner(state, at).ok()?).ok()
    }

    /// As [`Judge::changes_told`], for what a person is asked.
    pub fn asks_told(&self, state: &State, at: Addr) -> Option<Rendered> {
        let prompt = match &self.step(at.node).body.action {
            Action::Approve(approve) => &approve.prompt,
            Action::Manual(manual) => &manual.prompt,
            _ => return None,
        };
        self.text(prompt, &self.inner(state, at).ok()?).ok()
    }

    /// As [`Judge::changes_told`], for why an instance can't be undone.
    pub fn irreversible_told(&self, state: &State, at: Addr) -> Option<Rendered> {
        let why = self.step(at.node).body.irreversible.as_ref()?;
        self.text(why, &self.inner(state, at).ok()?).ok()
    }

    /// Returns what a step has an instance for each of, where only the run can know.
    pub fn each_of(&self, state: &State, node: NodeId) -> Option<Unknown> {
        let scope = self.scopes.outer_of_step(&self.graph, state, node);
        let value = self.tree(self.step(node).for_each.as_ref()?, &scope).ok()?;
        unknown_in(&value).cloned()
    }

    fn names_in(&self, expr: &Expr, scope: &Scope) -> Vec<(String, Rendered)> {
        let src = &expr.0.src;
        let Ok(uses) = self.engine.check_expr(src) else { return Vec::new() };
        let mut told = BTreeSet::new();
        let mut names = Vec::new();
        for of in uses.paths {
            // What stands in no scope yet is the answer, or left out.
            if of.path.first().is_none_or(|root| scope.get(root).is_none()) {
                continue;
            }
            // `max[item]` is one of them, and not the table of all.
            let whole = uses.keyed.iter().find(|keyed| keyed.start == of.span.start);
            // As it stands: `steps['a-b']` joined by dots would be a subtraction.
            let Some(path) = src.get(whole.unwrap_or(&of.span).clone()).map(str::to_owned) else { continue };
            let Ok(value) = self.engine.expr(&path, scope) else { continue };
            let Some(shown) = self.engine.literal(&value) else { continue };
            let known = matches!(shown.pieces.as_slice(), [Piece::Plain(_)]);
            let short = !known || shown.display().len() <= LONGEST;
            if short && told.insert(path.clone()) {
                names.push((path, shown));
            }
        }
        names
    }
}
