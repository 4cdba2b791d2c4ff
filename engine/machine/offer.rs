//! What is offered to a person at the terminal when the run can't go on by itself.
//!
//! | the run would | with somebody at the terminal |
//! | --- | --- |
//! | begin `finally` because of a failure, or wait for who settles a doubt | emits [`Act::Offer`] and stays where it is |
//! | … and they settle some of the steps | goes on with those; the others are offered again when nothing is left to do |
//! | … and they roll back | rolls back |
//! | … and they leave it, or nobody is there | does what it would have |
//!
//! That somebody is there is no part of the state, and neither is the offer: an engine that dies with one open leaves a
//! run that failed and can be resumed, as if nobody had been asked.

use super::decide::Machine;
use super::evaluate::Evaluate;
use super::event::Finish;
use super::fold::Illegal;
use super::graph::Addr;
use super::opened::Person;
use super::resume::Decisions;
use super::state::{Mode, Progress};
use super::turn::Act;

/// Who is there, and what they were offered. In flight, as processes are.
#[derive(Debug, Default)]
pub(super) struct Attendance {
    attended: bool,
    declined: bool,
    offered: Option<Vec<String>>,
}

impl Machine {
    /// Says that a person sits at the terminal and may be offered what to do about a failure.
    pub fn attend(&mut self) {
        self.attendance.attended = true;
    }

    /// Returns the steps that are offered now, the first failure first; `None` when nothing is.
    pub fn offered(&self) -> Option<&[String]> {
        let waits = matches!(self.state.mode, Mode::Forward | Mode::Draining);
        self.attendance.offered.as_deref().filter(|_| waits)
    }

    /// Offers what there is to settle, unless nobody is there or they do not want to. Returns whether an answer is
    /// waited for.
    pub(super) fn offers(&mut self) -> bool {
        if !self.attendance.attended || self.attendance.declined {
            return false;
        }
        let steps = self.to_settle();
        if steps.is_empty() {
            return false;
        }
        if self.attendance.offered.as_ref() != Some(&steps) {
            self.attendance.offered = Some(steps.clone());
            self.act(Act::Offer { steps });
        }
        true
    }

    pub(super) fn decline(&mut self) {
        if self.attendance.offered.take().is_some() {
            self.attendance.declined = true;
        }
    }

    /// Takes back what was offered: the run goes another way.
    pub(super) fn offer_nothing(&mut self) {
        self.attendance.offered = None;
    }

    /// Returns what failed or is in doubt, the first failure first, then in file order.
    fn to_settle(&self) -> Vec<String> {
        let first = self.state.first_failure.as_ref().map(|(name, _)| name.as_str());
        let mut steps: Vec<String> = self
            .state
            .instances()
            .filter(|(at, one)| {
                let failed = matches!(one.finish, Some(Finish::Failed(_) | Finish::Stopped));
                (failed || matches!(one.progress, Progress::Doubt(_))) && !self.graph.is_finally(at.node)
            })
            .map(|(at, _)| self.name(at))
            .collect();
        steps.sort_by_key(|step| Some(step.as_str()) != first);
        steps
    }

    /// Does what was decided of an offer. A failed step that was not named stays as it is.
    pub(super) fn settle(
        &mut self,
        eval: &dyn Evaluate,
        by: &Person,
        decisions: &Decisions,
    ) -> Result<(), Illegal> {
        // Taken back meanwhile, by a Ctrl-C for instance: what was decided then holds.
        if self.offered().is_none() {
            return Ok(());
        }
        self.attendance.offered = None;
        let graph = self.graph.clone();
        let named = |name: &str, at: Addr| {
            decisions.contains_key(name) || decisions.contains_key(&graph.step(at.node).id)
        };
        let (settled, rest): (Vec<_>, Vec<_>) = self
            .state
            .instances()
            .map(|(at, one)| (at, one.progress))
            .filter(|(at, _)| !graph.is_finally(at.node) && !self.due.contains_key(at))
            .partition(|(at, _)| named(&self.name(*at), *at));
        // What is settled opens the way; only then is taken up what was let go when it closed.
        for (at, _) in settled {
            self.resume_instance(eval, at, by, decisions)?;
        }
        for (at, progress) in rest {
            if !matches!(progress, Progress::Over | Progress::Doubt(_)) {
                self.resume_instance(eval, at, by, decisions)?;
            }
        }
        Ok(())
    }
}
