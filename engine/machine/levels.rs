//! A gate and the step template that it uses, each with its own names.
//!
//! The first level is the gate as it stands in the step, the next its template, the next the template of that. Nearest
//! wins, key by key; each text is rendered in the scope of its own level. What the template makes of the answer is in scope
//! of the gate as `outputs`.

use std::collections::BTreeSet;

use crate::model::{Expr, Gate, Map};
use crate::template::{self, Scope};

use super::evaluate::{Outcome, Prepared, Why};
use super::graph::Addr;
use super::judge::Judge;
use super::scope::ResultNames;
use super::state::State;

/// A gate, or the template that it uses, with the names that it sees.
pub(super) type Level<'g> = (&'g Gate, Scope);

impl Judge {
    /// Returns the levels of a gate that stands in `scope`.
    pub(super) fn levels<'g>(
        &self,
        state: &State,
        at: Addr,
        gate: &'g Gate,
        scope: Scope,
    ) -> Result<Vec<Level<'g>>, Why> {
        let mut levels = vec![(gate, scope)];
        while let Some((Gate { uses: Some(uses), .. }, outer)) = levels.last() {
            let mut scope = template::params(&self.engine, &uses.binding, outer)
                .map_err(|faults| self.param_faults(&faults))?;
            self.scopes.template(&mut scope, &self.graph, state, at);
            levels.push((&uses.inner, scope));
        }
        Ok(levels)
    }

    /// Returns the command that a gate asks: the innermost level's, in the surroundings of those around it.
    pub(super) fn asked(&self, levels: &[Level<'_>]) -> Result<Prepared, Why> {
        let ((innermost, scope), around) = levels.split_last().ok_or("it asks nothing")?;
        let mut prepared = self.command(&innermost.command, scope)?;
        for (gate, scope) in around.iter().rev() {
            let mut env = Vec::new();
            for (name, text) in &gate.command.env {
                if prepared.env.iter().all(|(own, _)| own != name) {
                    env.push((name.clone(), self.text(text, scope)?));
                }
            }
            prepared.env.splice(0..0, env);
            if let (None, Some(dir)) = (&prepared.dir, &gate.command.dir) {
                prepared.dir = Some(self.text(dir, scope)?);
            }
        }
        Ok(prepared)
    }

    /// Returns what the nearest level says, with the levels from there on.
    pub(super) fn said<'g, 'l>(
        levels: &'l [Level<'g>],
        says: fn(&Gate) -> Option<&Expr>,
    ) -> Option<(&'g Expr, &'l [Level<'g>])> {
        levels.iter().enumerate().find_map(|(index, (gate, _))| {
            says(gate).filter(|expr| !expr.0.src.is_empty()).map(|expr| (expr, &levels[index..]))
        })
    }

    /// Says whether expressions of the first level ask how the command ended, themselves or by an output of the template.
    pub(super) fn asks_code(&self, levels: &[Level<'_>], exprs: &[&Expr]) -> bool {
        if exprs.iter().any(|expr| self.scopes.mentions(&self.engine, expr, "exit_code")) {
            return true;
        }
        let outputs: Vec<&Expr> =
            self.read_outputs(levels, exprs).into_iter().map(|(_, expr)| expr).collect();
        !outputs.is_empty() && self.asks_code(&levels[1..], &outputs)
    }

    /// Returns the scope of the first level once the command has answered, as far as `exprs` speak of the answer.
    pub(super) fn answered(
        &self,
        levels: &[Level<'_>],
        exprs: &[&Expr],
        outcome: &Outcome,
    ) -> Result<Scope, Why> {
        let mut scope = levels.first().map(|(_, scope)| scope.child()).unwrap_or_default();
        ResultNames::of(&self.engine, exprs.iter().copied()).set(&mut scope, outcome)?;
        let read = self.read_outputs(levels, exprs);
        if !read.is_empty() {
            let inner: Vec<&Expr> = read.iter().map(|(_, expr)| *expr).collect();
            let inner = self.answered(&levels[1..], &inner, outcome)?;
            let mut values = Vec::with_capacity(read.len());
            for (name, expr) in read {
                values.push((name.clone(), self.value(expr, &inner)?));
            }
            scope.set("outputs", template::map(values));
        }
        Ok(scope)
    }

    /// Returns the step's outputs of a gate that uses a template.
    pub(super) fn outputs_by_template(
        &self,
        at: Addr,
        levels: &[Level<'_>],
        outcome: &Outcome,
    ) -> Result<Map, Why> {
        let outputs = &self.step(at.node).body.outputs;
        if outputs.is_empty() {
            return Ok(Map::new());
        }
        let exprs: Vec<&Expr> = outputs.iter().map(|(_, expr)| expr).collect();
        let mut scope = self.answered(levels, &exprs, outcome)?;
        self.named(outputs, &mut scope, outcome, true)
    }

    /// Returns the outputs of the first level's template that `exprs` read. Only they are computed: one that the answer of
    /// a failed command does not hold must not make a gate that asks for the exit code a could-not-tell.
    fn read_outputs<'g>(&self, levels: &[Level<'g>], exprs: &[&Expr]) -> Vec<(&'g String, &'g Expr)> {
        let Some((Gate { uses: Some(uses), .. }, _)) = levels.first() else { return Vec::new() };
        let mut names = BTreeSet::new();
        let mut whole = false;
        for expr in exprs {
            let paths = self.engine.check_expr(&expr.0.src).map(|uses| uses.paths).unwrap_or_default();
            for used in
                paths.into_iter().filter(|used| used.path.first().is_some_and(|root| root == "outputs"))
            {
                match used.path.into_iter().nth(1) {
                    Some(name) => drop(names.insert(name)),
                    None => whole = true,
                }
            }
        }
        uses.outputs
            .iter()
            .filter(|(name, _)| whole || names.contains(name))
            .map(|(name, expr)| (name, expr))
            .collect()
    }
}
