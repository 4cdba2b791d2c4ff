//! People in the middle of a run: who may answer, how many must, and what it is that they say yes to.
//!
//! A yes approves commands: those of the steps that need the approval, as they are displayed, with what they read,
//! where they run and which names are added to their environment. What only the run can know counts as its marker
//! (`‹steps.build.outputs.image›`); what a step reads of the state before its change (`captured`) always does, since it is
//! read after the step has begun. When one of these steps is about to start and its command is another, the approval
//! counts no more ([`Event::Voided`]) and is asked for again. One that was begun before is not begun again then: it fails.
//!
//! Who said yes is what the operating system of their machine said: without a server a name is asserted, not proven.
//! The rules here hold back mistakes, and whoever plays by them; they do not hold back whoever can write the journal.
//! Every answer is judged here, wherever it came from: a request in the inbox can be made by hand. One that is not taken
//! leaves a trace ([`Event::Refused`]), and the question stays open.

use sha2::{Digest, Sha256};

use crate::model::{Action, Approve, Input, Map};
use crate::template;

use super::decide::Machine;
use super::evaluate::{Evaluate, Expansion, Known};
use super::event::{Changed, Covered, Event, Finish, Item, Question, RunStatus, Stage};
use super::fold::Illegal;
use super::graph::{Addr, Graph, NodeId};
use super::opened::Person;
use super::scope::{UNKNOWN, item_of};
use super::state::{Progress, State, Vote};
use super::turn::To;

/// An answer as it was given.
pub(super) struct Said {
    pub step: String,
    pub by: Person,
    pub yes: bool,
    pub note: Option<String>,
    pub answers: Map,
    pub to: To,
}

/// Returns what stands for these commands: the SHA-256 of their JSON, in hex.
pub fn hash_of(covers: &[Covered]) -> String {
    let json = serde_json::to_vec(covers).expect("commands are plain text");
    Sha256::digest(&json).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the approval that a node asks for.
fn approval(graph: &Graph, node: NodeId) -> Option<&Approve> {
    match &graph.step(node).body.action {
        Action::Approve(approve) => Some(approve),
        _ => None,
    }
}

/// Returns how many different people must say yes to an approval; 1 for anything else that a person is asked.
pub fn needed(graph: &Graph, node: NodeId) -> u32 {
    approval(graph, node).and_then(|approve| approve.count).unwrap_or(1).max(1)
}

/// Returns who said yes to what an approval covers now, in order.
pub fn voters<'a>(state: &'a State, at: Addr, hash: Option<&str>) -> impl Iterator<Item = &'a Person> {
    let votes: Vec<&Vote> = state.at(at).votes.iter().filter(|vote| vote.hash.as_deref() == hash).collect();
    votes.into_iter().map(|vote| &vote.by)
}

/// Says whether a person may answer what the instance asks.
///
/// # Errors
///
/// A sentence for people: why they may not, and who may.
pub fn may_answer(graph: &Graph, state: &State, at: Addr, by: &Person) -> Result<(), String> {
    let Some(approve) = approval(graph, at.node) else { return Ok(()) };
    let name = if by.name.is_empty() { "somebody without a name" } else { &by.name };
    if !approve.names(&by.name) {
        let who = approve.who().unwrap_or_default();
        return Err(format!("{name} may not answer it: {who} may"));
    }
    if approve.not_self && state.driver == by.name {
        let who = match approve.who() {
            Some(who) => format!("anybody else of {who} may"),
            None => "anybody else may".to_owned(),
        };
        return Err(format!("{name} drives this run and may not answer it (`not_self`): {who}"));
    }
    Ok(())
}

/// Returns what a yes to the approval at `at` starts: the commands of the steps that need it and are not done, as far
/// as they are known.
pub fn covers(graph: &Graph, eval: &dyn Evaluate, state: &State, at: Addr) -> Vec<Covered> {
    let mut imagined = state.clone();
    // A reader of a run at rest must come to what its engine comes to.
    imagined.status = RunStatus::Running;
    let mut covers = Vec::new();
    for &node in graph.dependents(at.node) {
        for need in graph.transitive_needs(node) {
            imagined.imagine_outputs(graph, need);
        }
        covers.extend(covered(graph, eval, &mut imagined, node));
    }
    covers
}

/// Returns the commands of the instances of a node that are not done. `state` is one that is only imagined.
fn covered(graph: &Graph, eval: &dyn Evaluate, state: &mut State, node: NodeId) -> Vec<Covered> {
    if !runs_a_command(graph, node) {
        return Vec::new();
    }
    if graph.step(node).for_each.is_some() && !state.nodes[node as usize].expanded {
        let id = graph.step(node).id.clone();
        let unknown = |why: String| vec![Covered { step: id.clone(), command: why, ..Covered::default() }];
        let items = match eval.expand(state, node) {
            Ok(Expansion::Items(items)) => items,
            Ok(Expansion::Skip(_)) => return Vec::new(),
            Ok(Expansion::Unknown(origin)) => {
                state.imagine_instance(node, &origin);
                return covered(graph, eval, state, node);
            }
            Err(why) => return unknown(format!("not known yet: {why}")),
        };
        state.imagine_instances(node, &items);
    }
    (0..state.nodes[node as usize].instances.len() as u32)
        .map(|instance| Addr { node, instance })
        .filter(|&at| !state.at(at).finish.as_ref().is_some_and(Finish::releases))
        .collect::<Vec<_>>()
        .into_iter()
        .filter_map(|at| one(graph, eval, state, at))
        .collect()
}

fn runs_a_command(graph: &Graph, node: NodeId) -> bool {
    matches!(graph.step(node).body.action, Action::Command(_) | Action::Gate(_))
}

/// Returns the command of an instance as it reads before its state before is captured; nothing when it is not wanted.
/// The state is afterwards as it was.
fn one(graph: &Graph, eval: &dyn Evaluate, state: &mut State, at: Addr) -> Option<Covered> {
    let only = state.opened.as_ref().map(|opened| &opened.options.only);
    let left_out = only.is_some_and(|only| !only.is_empty() && !only.contains(&graph.step(at.node).id));
    if left_out && !graph.is_finally(at.node) || eval.when(state, at) == Ok(Known::No) {
        return None;
    }
    let names = graph.step(at.node).body.capture.iter().flat_map(|capture| &capture.outputs);
    let unknown = unknowns(names.map(|(name, _)| name), "captured");
    let captured = std::mem::replace(&mut state.at_mut(at).captured, unknown);
    let step = state.name(graph, at);
    let prepared = eval.prepare(state, at, Stage::Action);
    state.at_mut(at).captured = captured;
    Some(match prepared {
        Ok(command) => Covered::of(step, command),
        Err(why) => Covered { step, command: format!("not known yet: {why}"), ..Covered::default() },
    })
}

/// Returns values that only the run can know, each saying where it comes from.
fn unknowns<'a>(names: impl Iterator<Item = &'a String>, of: &str) -> Map {
    names.map(|name| (name.clone(), serde_json::json!({UNKNOWN: format!("{of}.{name}")}))).collect()
}

/// Returns the typed answers that count: those given, and the defaults of the rest.
fn typed(ask: &[Input], given: Map, before: &Map) -> Result<Map, String> {
    let mut given = given;
    let mut taken = Map::new();
    for input in ask {
        let value = given.remove(&input.name);
        if let Some(before) = before.get(&input.name) {
            if value.is_some_and(|value| value != *before) {
                return Err(format!("`{}` was answered by who said yes first: {before}", input.name));
            }
            continue;
        }
        match value.or_else(|| input.default.clone()) {
            Some(value) => match template::fit(&input.ty, value) {
                Ok(value) => drop(taken.insert(input.name.clone(), value)),
                Err(misfit) => return Err(format!("`{}`: {}", input.name, misfit.message)),
            },
            None if input.required => {
                return Err(format!("it asks for `{}`, which was not given", input.name));
            }
            None => {}
        }
    }
    match given.keys().next() {
        Some(name) => Err(format!("it asks for no `{name}`")),
        None => Ok(taken),
    }
}

impl Machine {
    /// Returns what a yes to the question at `at` starts, and its hash; nothing of either when it is no approval.
    pub fn covered(&self, eval: &dyn Evaluate, at: Addr) -> Vec<Covered> {
        match self.state.at(at).progress {
            Progress::Asking(Question::Approval) => covers(&self.graph, eval, &self.state, at),
            _ => Vec::new(),
        }
    }

    /// Takes an answer, or says why it is not taken.
    pub(super) fn take_answer(&mut self, eval: &dyn Evaluate, said: Said) -> Result<(), Illegal> {
        // What names no step of this run was made by hand, and there is no step to tell it of.
        let Some(at) = self.state.find(&said.step) else { return Ok(()) };
        let Progress::Asking(question) = self.state.at(at).progress else {
            return self.refuse(said, "nothing is asked of it now".to_owned());
        };
        if let Err(why) = self.judge_answer(at, question, &said) {
            return self.refuse(said, why);
        }
        let Said { step, by, yes, note, answers, to } = said;
        let mut event = Event::Answered {
            step: step.clone(),
            by: by.clone(),
            yes,
            note: note.clone(),
            answers: Map::new(),
            hash: None,
            covers: Vec::new(),
        };
        if let (Event::Answered { answers: taken, hash, covers: stored, .. }, true) = (&mut event, yes) {
            match question {
                Question::Approval => match self.approve(eval, at, &by, answers, &to) {
                    Ok((fits, covers)) => {
                        *hash = Some(hash_of(&covers));
                        if covers != self.state.at(at).covers {
                            *stored = covers;
                        }
                        *taken = fits;
                    }
                    Err(why) => {
                        return self.refuse(Said { step, by, yes, note, answers: Map::new(), to }, why);
                    }
                },
                Question::Manual => {
                    let note = note.clone().unwrap_or_default();
                    taken.insert("note".to_owned(), note.into());
                }
                Question::Irreversible => {}
            }
        }
        self.emit(event)?;
        if matches!(self.state.at(at).progress, Progress::Asking(_)) {
            return Ok(());
        }
        self.drop_timers(at);
        self.answered(eval, at, question, yes, &by, note.as_deref())
    }

    fn judge_answer(&self, at: Addr, question: Question, said: &Said) -> Result<(), String> {
        match (&said.to, question) {
            (To::Done, Question::Approval | Question::Irreversible) => {
                return Err("it asks for a decision, and nothing is to be done: `approve` it".to_owned());
            }
            (To::Decide(_), Question::Manual) => {
                return Err("it is to be done, not decided: say that it is `done`".to_owned());
            }
            _ => {}
        }
        may_answer(&self.graph, &self.state, at, &said.by)
    }

    /// Judges a yes to an approval. Returns the typed answers that count, and what is approved: with the answers in it,
    /// since they come from who approves.
    fn approve(
        &self,
        eval: &dyn Evaluate,
        at: Addr,
        by: &Person,
        answers: Map,
        to: &To,
    ) -> Result<(Map, Vec<Covered>), String> {
        let seen = covers(&self.graph, eval, &self.state, at);
        let hash = hash_of(&seen);
        match to {
            To::Decide(saw) if saw.is_empty() => {
                return Err(
                    "it does not say which commands were seen: approve it with this version".to_owned()
                );
            }
            To::Decide(saw) if *saw != hash => {
                return Err(
                    "its commands are not the ones that were seen any more: look at them again".to_owned()
                );
            }
            _ => {}
        }
        if voters(&self.state, at, Some(&hash)).any(|voter| voter.name == by.name) {
            return Err(format!("{} said yes already", by.name));
        }
        let ask = approval(&self.graph, at.node).map(|approve| approve.ask.as_slice()).unwrap_or_default();
        let taken = typed(ask, answers, &self.state.at(at).outputs)?;
        if taken.is_empty() {
            return Ok((taken, seen));
        }
        let mut answered = self.state.clone();
        answered.at_mut(at).outputs.extend(taken.clone());
        let covers = covers(&self.graph, eval, &answered, at);
        Ok((taken, covers))
    }

    fn refuse(&mut self, said: Said, why: String) -> Result<(), Illegal> {
        self.emit(Event::Refused { step: said.step, by: said.by, why })
    }

    /// Asks again for the approvals that `node` needs when what is about to start is not what was approved: the instance
    /// `only`, or all of them before a `for_each` is expanded. Returns whether any was.
    pub(super) fn void_before(
        &mut self,
        eval: &dyn Evaluate,
        node: NodeId,
        only: Option<Addr>,
    ) -> Result<bool, Illegal> {
        let voided = self.not_approved(eval, node, only);
        for (at, changed) in &voided {
            let step = self.name(*at);
            self.emit(Event::Voided { step, changed: changed.clone() })?;
            self.ask(eval, *at, Question::Approval)?;
        }
        Ok(!voided.is_empty())
    }

    /// Returns why an instance that was begun may not be begun again: its command is not what was approved. The approval
    /// itself stands, since something of it was carried out.
    pub(super) fn not_to_repeat(&mut self, eval: &dyn Evaluate, at: Addr) -> Option<String> {
        let (_, changed) = self.not_approved(eval, at.node, Some(at)).into_iter().next()?;
        let command =
            |one: &Option<Covered>| one.as_ref().map_or("nothing".to_owned(), |one| one.command.clone());
        let one = changed.first()?;
        Some(format!(
            "its command is not the one that was approved: approved `{}`, would start `{}`",
            command(&one.old),
            command(&one.new)
        ))
    }

    /// Returns the approvals that `node` needs and that do not cover what would start now, each with what differs.
    fn not_approved(
        &mut self,
        eval: &dyn Evaluate,
        node: NodeId,
        only: Option<Addr>,
    ) -> Vec<(Addr, Vec<Changed>)> {
        let graph = self.graph.clone();
        let given = |at: &Addr| {
            let instance = self.state.at(*at);
            // A journal of an older version says nothing of commands.
            let bound = instance.votes.iter().any(|vote| vote.hash.is_some());
            bound && instance.finish == Some(Finish::Succeeded)
        };
        let approvals: Vec<Addr> = graph
            .needs(node)
            .iter()
            .filter(|&&need| approval(&graph, need).is_some())
            .flat_map(|&need| {
                let count = self.state.nodes[need as usize].instances.len() as u32;
                (0..count).map(move |instance| Addr { node: need, instance })
            })
            .filter(given)
            .collect();
        if approvals.is_empty() || !runs_a_command(&graph, node) {
            return Vec::new();
        }
        let now: Vec<Covered> = match only {
            // Not the whole state is copied: there may be as many instances as it is large.
            Some(at) => one(&graph, eval, &mut self.state, at).into_iter().collect(),
            None => covered(&graph, eval, &mut self.state.clone(), node),
        };
        let id = &graph.step(node).id;
        let only = only.map(|at| self.state.name(&graph, at));
        let its = |name: &str| match &only {
            Some(only) => name == only,
            None => {
                name.strip_prefix(id.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
            }
        };
        approvals
            .into_iter()
            .filter_map(|at| {
                let was: Vec<&Covered> =
                    self.state.at(at).covers.iter().filter(|old| its(&old.step)).collect();
                let changed = differing(&was, &now);
                (!changed.is_empty()).then_some((at, changed))
            })
            .collect()
    }

    /// Returns why a question failed whose time is up.
    pub(super) fn out_of_time(&self, at: Addr) -> String {
        let hash = self.state.at(at).covers_hash();
        let said: Vec<&str> = voters(&self.state, at, hash.as_deref()).map(|by| by.name.as_str()).collect();
        match said.as_slice() {
            [] => "nobody answered in time".to_owned(),
            some => {
                let needed = needed(&self.graph, at.node);
                format!("only {} of {needed} said yes in time: {}", some.len(), some.join(", "))
            }
        }
    }
}

fn differing(was: &[&Covered], now: &[Covered]) -> Vec<Changed> {
    let mut changed = Vec::new();
    for old in was {
        let new = now.iter().find(|new| new.step == old.step);
        if new != Some(*old) {
            changed.push(Changed { step: old.step.clone(), old: Some((*old).clone()), new: new.cloned() });
        }
    }
    for new in now {
        if !was.iter().any(|old| old.step == new.step) {
            changed.push(Changed { step: new.step.clone(), old: None, new: Some(new.clone()) });
        }
    }
    changed
}

impl super::state::Instance {
    /// Returns the hash of what a yes to it approves; nothing when nobody said yes under a version that binds them.
    pub fn covers_hash(&self) -> Option<String> {
        match self.votes.last() {
            Some(Vote { hash: None, .. }) => None,
            _ => Some(hash_of(&self.covers)),
        }
    }
}

impl State {
    /// Takes in who drives the run from now on. Where who drives may not answer, a yes of theirs counts no more.
    pub(super) fn driven_by(&mut self, graph: &Graph, by: &Person) {
        self.driver.clone_from(&by.name);
        for number in 0..self.nodes.len() {
            if !approval(graph, number as NodeId).is_some_and(|approve| approve.not_self) {
                continue;
            }
            for instance in &mut self.nodes[number].instances {
                if matches!(instance.progress, Progress::Asking(_)) {
                    instance.votes.retain(|vote| vote.by.name != by.name);
                }
            }
        }
    }

    /// Forgets the answers to the last time that this was asked.
    pub(super) fn ask_anew(&mut self, at: Addr, question: Question) {
        if question != Question::Irreversible {
            let instance = self.at_mut(at);
            instance.votes.clear();
            instance.outputs.clear();
        }
    }

    /// Takes in a yes. Returns whether it settles the question.
    pub(super) fn vote(&mut self, graph: &Graph, at: Addr, by: &Person, hash: Option<&str>) -> bool {
        if self.at(at).progress != Progress::Asking(Question::Approval) {
            return true;
        }
        let votes = &mut self.at_mut(at).votes;
        votes.retain(|vote| vote.by.name != by.name);
        votes.push(Vote { by: by.clone(), hash: hash.map(str::to_owned) });
        let yes = votes.iter().filter(|vote| vote.hash.as_deref() == hash).count();
        yes as u32 >= needed(graph, at.node)
    }

    /// Takes an approval back: whatever needs it and has not begun waits again.
    pub(super) fn void(&mut self, graph: &Graph, step: &str) -> Result<(), Illegal> {
        let at = self.in_progress(step, "voided", |progress| progress == Progress::Over)?;
        let given = approval(graph, at.node).is_some() && self.at(at).finish == Some(Finish::Succeeded);
        if !given || self.rollback && !graph.is_finally(at.node) {
            return Err(self.transition(at, step, "voided"));
        }
        let node = &mut self.nodes[at.node as usize];
        let was_done = node.is_done();
        node.unfinished += 1;
        let instance = self.at_mut(at);
        instance.finish = None;
        instance.answer = None;
        instance.action_ok = false;
        instance.expired = false;
        instance.votes.clear();
        instance.outputs.clear();
        instance.progress = Progress::Working(Stage::Action);
        if was_done {
            match graph.is_finally(at.node) {
                true => self.finally_left += 1,
                false => self.main_left += 1,
            }
            for &dependent in graph.dependents(at.node) {
                self.hold_back(dependent);
            }
        }
        Ok(())
    }

    fn hold_back(&mut self, node: NodeId) {
        self.to_expand.remove(&node);
        let content = &mut self.nodes[node as usize];
        content.unmet += 1;
        for (number, instance) in content.instances.iter_mut().enumerate() {
            if instance.progress == Progress::Ready {
                instance.progress = Progress::Waiting;
                self.ready.remove(&Addr { node, instance: number as u32 });
            }
        }
    }

    /// Puts a marker wherever a step that is not done will have an output.
    fn imagine_outputs(&mut self, graph: &Graph, node: NodeId) {
        let step = graph.step(node);
        if step.for_each.is_some() && !self.nodes[node as usize].expanded {
            self.imagine_instance(node, &format!("steps.{}", step.id));
        }
        let asked: Vec<&String> = match &step.body.action {
            Action::Approve(approve) => approve.ask.iter().map(|input| &input.name).collect(),
            _ => Vec::new(),
        };
        let note = "note".to_owned();
        let manual = matches!(step.body.action, Action::Manual(_)).then_some(&note);
        let names = step.body.outputs.iter().map(|(name, _)| name).chain(asked).chain(manual);
        let unknown = unknowns(names, &format!("steps.{}.outputs", step.id));
        for instance in &mut self.nodes[node as usize].instances {
            if instance.finish.is_none() {
                for (name, value) in &unknown {
                    instance.outputs.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
        }
    }

    /// Gives a `for_each` that can't be expanded yet one instance that stands for all.
    fn imagine_instance(&mut self, node: NodeId, origin: &str) {
        let value = item_of(origin);
        self.imagine_instances(node, &[Item { key: "*".to_owned(), value }]);
    }

    fn imagine_instances(&mut self, node: NodeId, items: &[Item]) {
        let content = &mut self.nodes[node as usize];
        content.expanded = true;
        content.instances = items
            .iter()
            .map(|item| super::state::Instance { item: Some(item.clone()), ..Default::default() })
            .collect();
    }
}
