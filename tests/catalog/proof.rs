//! The four parts that each runbook of the catalog plays.

use std::collections::BTreeMap;

use serde_json::Value;

use super::stage::{Stage, difference};
use super::table;
use super::traps::endless::endless;
use crate::support::project::Shown;

/// The parts, in the order in which they are played.
pub(super) const PARTS: [&str; 4] = ["forwards", "again", "back", "failure"];

/// What came of a runbook: of each part whether it held, if it was played at all.
#[derive(Clone, Copy, Default)]
pub(super) struct Row {
    pub(super) parts: [Option<bool>; 4],
    /// How many calls of clients it took.
    pub(super) calls: usize,
}

/// A runbook that is proved. What came of it goes into the table when it is dropped, also by a failed assertion.
pub(super) struct Proof {
    name: &'static str,
    row: Row,
    /// The first run, and what the servers had before it.
    first: Option<(String, BTreeMap<String, Value>)>,
}

impl Proof {
    pub(super) fn of(name: &'static str) -> Proof {
        Proof { name, row: Row::default(), first: None }
    }

    /// Plans and runs it with these arguments of `exec`. `holds` asserts what the servers have then.
    pub(super) fn forwards(&mut self, stage: &Stage, arguments: &[&str], holds: impl FnOnce(&Shown)) {
        let name = self.name;
        self.part(0, stage, |proof| {
            let before = stage.kept();
            let (vars, calls) = (given(arguments), stage.calls().len());
            stage.project.run(&[&["plan", name], &vars[..]].concat()).code(0);
            assert_eq!(stage.calls().len(), calls, "a plan calls nobody");
            let shown = exec(stage, name, arguments).code(0);
            proof.first = Some((stage.project.newest(), before));
            holds(&shown);
        });
    }

    /// Runs it again: nothing that changes anything may be sent.
    pub(super) fn again(&mut self, stage: &Stage, arguments: &[&str]) {
        self.again_but_for(stage, arguments, &[]);
    }

    /// As [`again`](Proof::again), where these calls are made each time, since nobody can tell whether they are needed.
    pub(super) fn again_but_for(&mut self, stage: &Stage, arguments: &[&str], but_for: &[&str]) {
        let name = self.name;
        self.part(1, stage, |_| {
            let (kept, calls) = (stage.kept(), stage.calls().len());
            let shown = exec(stage, name, arguments).code(0);
            assert_eq!(stage.changing_calls(calls), but_for, "{shown}");
            assert_eq!(difference(&kept, &stage.kept()), "", "{shown}");
        });
    }

    /// Rolls the first run back: the servers have what they had.
    pub(super) fn back(&mut self, stage: &Stage) {
        self.back_leaving(stage, &[]);
    }

    /// As [`back`](Proof::back), where a person says of these steps that they can't be undone and are left.
    pub(super) fn back_leaving(&mut self, stage: &Stage, left: &[&str]) {
        self.part(2, stage, |proof| {
            let (run, before) = proof.first.clone().expect("it was run forwards before");
            let shown = stage.project.run(&["rollback", &run, "--yes"]);
            if left.is_empty() {
                let shown = shown.code(0);
                assert_eq!(difference(&before, &stage.kept()), "", "{shown}");
                return;
            }
            let shown = shown.code(3);
            for step in left {
                assert!(shown.to_string().contains(step), "{step} is asked about: {shown}");
            }
            let yes: Vec<&str> = left.iter().flat_map(|step| ["--approve", *step]).collect();
            let shown = stage.project.run(&[&["resume", &run], &yes[..]].concat()).code(4);
            assert_eq!(difference(&before, &stage.kept()), "", "{shown}");
        });
    }

    /// Runs it where something is broken, as `exec` with these arguments: it ends with `code`, and `reads` asserts what a
    /// person reads.
    pub(super) fn failure(
        &mut self,
        stage: &Stage,
        arguments: &[&str],
        code: i32,
        reads: impl FnOnce(&str, &Stage),
    ) {
        let name = self.name;
        self.part(3, stage, |_| {
            let shown = exec(stage, name, arguments).code(code);
            reads(&shown.to_string(), stage);
        });
    }

    fn part(&mut self, number: usize, stage: &Stage, play: impl FnOnce(&mut Proof)) {
        let calls = stage.calls().len();
        // Until it has held, it has failed: what asserts may panic.
        self.row.parts[number] = Some(false);
        play(self);
        let made = stage.calls().split_off(calls);
        let waits: Vec<_> = made.iter().filter_map(|call| Some((endless(call)?, call.join(" ")))).collect();
        assert!(waits.is_empty(), "{waits:#?}");
        self.row.parts[number] = Some(true);
        self.row.calls += made.len();
    }
}

impl Drop for Proof {
    fn drop(&mut self) {
        table::keep(self.name, self.row);
    }
}

fn exec(stage: &Stage, name: &str, arguments: &[&str]) -> Shown {
    stage.project.run(&[&["exec", name, "--yes", "--reason", "a test"], arguments].concat())
}

/// Returns the vars among the arguments: those that `plan` takes too.
fn given<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    arguments.windows(2).filter(|two| two[0] == "--var").flat_map(|two| [two[0], two[1]]).collect()
}
