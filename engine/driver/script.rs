//! What a test has in place of people and of chance: answers that are known beforehand, and an engine that dies where it is
//! told to.
//!
//! A death here is an error of the loop, after which that engine does nothing more: no commit, no act, no line. What is
//! durable is what the journal holds, and a rehearsal has no process that could go on, so whoever takes the run up finds
//! what `kill -9` at that place would have left. Two things are not the same, and are tested elsewhere with real kills
//! (`tests/engine/crash_matrix/`): a commit is never cut in halves, and the lease is given back, since the process that holds
//! it lives.
//!
//! | [`Death`] | what was under way |
//! | --- | --- |
//! | `took_effect: false` | never began, or was killed before it did anything |
//! | `took_effect: true` | did everything, and nobody heard of its end |

use std::collections::BTreeMap;

use crate::machine::{Leaf, Person};
use crate::model::{Approve, Faults};

use super::people::{Asked, Reply};

/// How often one step is answered: a run that asks again and again is told that nobody answers.
const ANSWERS: u32 = 8;

/// What stands in for people and chance.
#[derive(Debug, Default)]
pub struct Script {
    /// Who answers what, by step or instance.
    pub answers: BTreeMap<String, Answering>,
    /// What goes wrong, also after the run is taken up again: that the engine died mends nothing.
    pub faults: Faults,
    /// Where the engine dies.
    pub death: Option<Death>,
    /// For each commit so far, whether a command was under way once its acts were performed.
    pub commits: Vec<bool>,
    /// Whether the engine died.
    pub dead: bool,
    /// The commands that took effect although nobody heard of their end.
    pub unheard: Vec<Leaf>,
    /// The faults that struck nothing, each as its key and its step.
    pub unstruck: Vec<(&'static str, String)>,
    answered: BTreeMap<String, u32>,
}

/// What people say to a question.
#[derive(Clone, Debug, Default)]
pub struct Answering {
    /// Who; when empty, as many as are needed of those who may.
    pub by: Vec<String>,
    /// What they say.
    pub reply: Reply,
}

/// Where an engine dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Death {
    /// After this commit, from 1.
    pub after: usize,
    /// Whether what was under way took effect.
    pub took_effect: bool,
}

impl Script {
    /// Returns a script in which no engine dies.
    pub fn new(answers: BTreeMap<String, Answering>, faults: Faults) -> Script {
        Script { answers, faults, ..Script::default() }
    }

    /// Returns who answers what is asked, and what they say; nobody when the script has no answer.
    pub(super) fn answer(
        &mut self,
        asked: &Asked,
        id: &str,
        approve: Option<&Approve>,
        driver: &Person,
    ) -> Vec<(Person, Reply)> {
        let Some(answering) = self.answers.get(&asked.step).or_else(|| self.answers.get(id)) else {
            return Vec::new();
        };
        let times = self.answered.entry(asked.step.clone()).or_default();
        *times += 1;
        if *times > ANSWERS {
            return Vec::new();
        }
        let needed = if answering.reply.yes { asked.needed.max(1) as usize } else { 1 };
        let names = match &answering.by[..] {
            [] => who_may(approve, driver, needed, &asked.said),
            named => named.to_vec(),
        };
        let person = |name: String| Person { name, host: driver.host.clone(), via: "test".to_owned() };
        names.into_iter().map(|name| (person(name), answering.reply.clone())).collect()
    }
}

/// Returns as many as are needed of those who may answer, whoever drives the run first.
fn who_may(approve: Option<&Approve>, driver: &Person, needed: usize, said: &[Person]) -> Vec<String> {
    let mut names = Vec::new();
    let not_self = approve.is_some_and(|approve| approve.not_self);
    let may = |name: &str| approve.is_none_or(|approve| approve.names(name));
    if !not_self && may(&driver.name) {
        names.push(driver.name.clone());
    }
    for name in approve.map(|approve| &approve.by[..]).unwrap_or_default() {
        match approve.and_then(|approve| approve.group(name)) {
            Some(people) => names.extend(people.iter().cloned()),
            None => names.push(name.clone()),
        }
    }
    if approve.is_none_or(|approve| approve.by.is_empty()) {
        names.extend((2..=needed + 1).map(|number| format!("{}-{number}", driver.name)));
    }
    let mut different: Vec<String> = Vec::new();
    for name in names {
        let again = different.contains(&name) || said.iter().any(|one| one.name == name);
        let own = not_self && name == driver.name;
        if !again && !own {
            different.push(name);
        }
    }
    different.truncate(needed.saturating_sub(said.len()).max(1));
    different
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str) -> Person {
        Person { name: name.into(), ..Person::default() }
    }

    #[test]
    fn as_many_answer_as_are_needed_of_those_who_may() {
        let open = Approve { not_self: true, ..Approve::default() };
        assert_eq!(who_may(None, &person("tester"), 1, &[]), ["tester"]);
        assert_eq!(who_may(Some(&open), &person("tester"), 2, &[]), ["tester-2", "tester-3"]);
        let dba = Approve {
            by: vec!["dba".into(), "dana".into()],
            groups: vec![("dba".into(), vec!["ann".into(), "ben".into()])],
            ..Approve::default()
        };
        assert_eq!(who_may(Some(&dba), &person("tester"), 2, &[]), ["ann", "ben"]);
        assert_eq!(who_may(Some(&dba), &person("ben"), 2, &[person("ben")]), ["ann"]);
    }
}
