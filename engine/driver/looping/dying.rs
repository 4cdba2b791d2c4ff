//! An engine that dies where a [`Script`] says.

use super::super::error::DriveError;
use super::super::script::{Death, Script};
use super::{Asked, Input, Loop};
use crate::machine::{Addr, Question, To};
use crate::model::Action;

impl Loop<'_> {
    /// Takes note of a commit whose acts are still to be performed.
    ///
    /// # Errors
    ///
    /// When the engine dies here.
    pub(super) fn committed(&mut self) -> Result<(), DriveError> {
        let Some(script) = &mut self.script else { return Ok(()) };
        script.commits.push(false);
        self.die_here(false)
    }

    /// Takes note that the acts of the last commit are performed.
    ///
    /// # Errors
    ///
    /// As [`Self::committed`].
    pub(super) fn performed(&mut self) -> Result<(), DriveError> {
        let Some(script) = &mut self.script else { return Ok(()) };
        if script.dead {
            return Err(DriveError::Died);
        }
        let flies = self.player.as_ref().is_some_and(|player| player.next().is_some());
        if let Some(last) = script.commits.last_mut() {
            *last = flies;
        }
        self.die_here(true)
    }

    /// Says whether a script has the engine dead.
    pub(super) fn is_dead(&self) -> bool {
        self.script.as_ref().is_some_and(|script| script.dead)
    }

    fn die_here(&mut self, took_effect: bool) -> Result<(), DriveError> {
        let Some(script) = &mut self.script else { return Ok(()) };
        if script.death != Some(Death { after: script.commits.len(), took_effect }) {
            return Ok(());
        }
        script.dead = true;
        if took_effect && let Some(player) = &mut self.player {
            script.unheard = player.take_effects();
            let at = player.timestamp();
            // The world goes on without us; that of a rehearsal is in the journal.
            if let Some(moved) = player.moved() {
                let turn = self.machine.decide(&self.judge, moved);
                let illegal = |source| DriveError::Illegal { run: self.writer.run().to_string(), source };
                self.writer.append(at, turn.map_err(illegal)?.events)?;
            }
        }
        Err(DriveError::Died)
    }

    /// Has those answer whom the script names; says whether anybody did.
    pub(super) fn answer_by_script(&mut self, asked: &Asked, at: Addr, question: Question) -> Vec<Input> {
        let graph = self.machine.graph();
        let step = graph.step(at.node);
        let approve = match &step.body.action {
            Action::Approve(approve) if question == Question::Approval => Some(&**approve),
            _ => None,
        };
        let Some(script) = &mut self.script else { return Vec::new() };
        let script: &mut Script = script;
        let said = script.answer(asked, &step.id, approve, &self.by);
        said.into_iter()
            .map(|(by, reply)| Input::Answered {
                step: asked.step.clone(),
                by,
                yes: reply.yes,
                note: reply.note,
                answers: reply.answers,
                to: To::Whatever,
            })
            .collect()
    }
}
