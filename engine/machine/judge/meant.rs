//! What the names of an expression stand for, for whoever has to judge an answer by hand.

use std::collections::BTreeSet;

use crate::machine::event::Stage;
use crate::machine::graph::Addr;
use crate::machine::state::State;
use crate::model::{Expr, Piece, Rendered};
use crate::template::{DataError, Scope, to_json};

use super::Judge;

/// Longer values are tables: they are looked up where they stand.
const LONGEST: usize = 200;

impl Judge {
    /// Returns the names in what a gate wants, each with what it stands for in this instance: data, or where it comes from
    /// when only the run can know. Names of the answer itself, of secrets and of large values are left out; so is everything
    /// where something can't be evaluated, which is told elsewhere.
    pub fn gate_names(&self, state: &State, at: Addr, stage: Stage) -> Vec<(String, Rendered)> {
        let Some(gate) = Judge::gate_of(self.step(at.node), stage) else { return Vec::new() };
        let Ok(scope) = self.gate_scope(state, at, stage) else { return Vec::new() };
        let Ok(levels) = self.levels(state, at, gate, scope) else { return Vec::new() };
        match Judge::said(&levels, |gate| Some(&gate.pass)) {
            Some((pass, [(_, scope), ..])) => self.names_in(pass, scope),
            _ => Vec::new(),
        }
    }

    /// As [`Judge::gate_names`], for the condition under which there is nothing to do.
    pub fn satisfied_names(&self, state: &State, at: Addr) -> Vec<(String, Rendered)> {
        match (&self.step(at.node).body.satisfied, self.inner(state, at)) {
            (Some(satisfied), Ok(scope)) => self.names_in(satisfied, &scope),
            _ => Vec::new(),
        }
    }

    fn names_in(&self, expr: &Expr, scope: &Scope) -> Vec<(String, Rendered)> {
        let Ok(uses) = self.engine.check_expr(&expr.0.src) else { return Vec::new() };
        let mut told = BTreeSet::new();
        let mut names = Vec::new();
        for of in uses.paths {
            // What stands in no scope yet is the answer, or left out.
            if of.path.first().is_none_or(|root| scope.get(root).is_none()) {
                continue;
            }
            let path = of.path.join(".");
            let Ok(value) = self.engine.expr(&path, scope) else { continue };
            let shown = match to_json(&value) {
                Ok(value) => Piece::Plain(value.to_string()),
                Err(DataError::Unknown(origin)) => Piece::Unknown(origin),
                Err(_) => continue,
            };
            let short = !matches!(&shown, Piece::Plain(text) if text.len() > LONGEST);
            if short && told.insert(path.clone()) {
                names.push((path, Rendered { pieces: vec![shown] }));
            }
        }
        names
    }
}
