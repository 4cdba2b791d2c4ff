//! A step with `for_each` that brings in a runbook, once what it goes over is known: one copy of the runbook for each
//! element, `db[eu]/ID`. Where there is no element the step stays alone, and has no instances.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::model::{Each, Runbook, Step, Sub, Tree};

/// Returns the places of a sub and of all that stand in it.
pub(super) fn family(subs: &[Sub], at: usize) -> Range<usize> {
    let inside = |sub: &Sub| sub.within.is_some_and(|within| within as usize >= at);
    let count = subs[at + 1..].iter().take_while(|sub| inside(sub)).count();
    at..at + 1 + count
}

/// Returns the keys with what can't stand in a name of its own replaced by their place in the list: `db[a/b]/check` could
/// be read in two ways.
pub(super) fn plain_keys(keys: Vec<String>) -> Vec<String> {
    let plain = |key: &String| !key.is_empty() && !key.contains(['/', '[', ']']);
    if keys.iter().all(plain) { keys } else { (0..keys.len()).map(|place| place.to_string()).collect() }
}

/// Puts one copy for each of `keys` in the place of the sub at `at`.
///
/// With `max_parallel` of the step each copy waits for the one that many places before it: that many are at work at
/// most, and the order is the list's.
pub(super) fn unroll(runbook: &mut Runbook, at: usize, over: &Tree, keys: &[String]) {
    let family = family(&runbook.subs, at);
    let id = runbook.subs[at].step.clone();
    let mut copies =
        Copies { id, family: family.clone(), keys, ends: Vec::new(), before: Vec::new(), width: None };
    let begin = runbook.steps.iter().chain(&runbook.finally).find(|step| step.id == copies.id);
    copies.width = begin.and_then(|step| step.max_parallel).map(|most| most.max(1) as usize);
    copies.before = begin.map(|step| step.needs.clone()).unwrap_or_default();
    copies.ends = copies.ends_of(runbook);
    let (steps, finally) = (std::mem::take(&mut runbook.steps), std::mem::take(&mut runbook.finally));
    runbook.steps = copies.section(steps);
    runbook.finally = copies.section(finally);
    let mut subs: Vec<Sub> = runbook.subs[..family.start].to_vec();
    for (number, key) in keys.iter().enumerate() {
        for sub in &runbook.subs[family.clone()] {
            let mut copy = Sub {
                step: copies.named(&sub.step, key),
                within: sub.within.map(|within| copies.moved(within, number)),
                ..sub.clone()
            };
            if sub.step == copies.id {
                copy.each = Some(Box::new(Each { over: over.clone(), key: key.clone() }));
            }
            subs.push(copy);
        }
    }
    let after = runbook.subs[family.end..].iter();
    subs.extend(after.map(|sub| Sub { within: sub.within.map(|one| copies.shifted(one)), ..sub.clone() }));
    runbook.subs = subs;
}

struct Copies<'a> {
    /// The id of the step.
    id: String,
    /// The subs that are copied.
    family: Range<usize>,
    keys: &'a [String],
    /// The last steps of what is copied.
    ends: Vec<String>,
    /// What the step needs: what needs it needs that, when there is no copy.
    before: Vec<String>,
    /// How many copies are at work at most.
    width: Option<usize>,
}

impl Copies<'_> {
    fn is_inside(&self, id: &str) -> bool {
        id.strip_prefix(self.id.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn is_copied(&self, step: &Step) -> bool {
        step.id == self.id || step.sub.is_some_and(|sub| self.family.contains(&(sub as usize)))
    }

    /// Returns the id of a copy.
    fn named(&self, id: &str, key: &str) -> String {
        format!("{}[{key}]{}", self.id, &id[self.id.len()..])
    }

    /// Returns where a sub of the copy number `number` stands; one outside of what is copied stands where it stood.
    fn moved(&self, sub: u32, number: usize) -> u32 {
        if self.family.contains(&(sub as usize)) { sub + (number * self.family.len()) as u32 } else { sub }
    }

    /// Returns where a sub that is not copied stands afterwards.
    fn shifted(&self, sub: u32) -> u32 {
        if (sub as usize) < self.family.end {
            sub
        } else {
            (sub as usize - self.family.len() + self.keys.len() * self.family.len()) as u32
        }
    }

    fn ends_of(&self, runbook: &Runbook) -> Vec<String> {
        let inside = |step: &&Step| self.is_copied(step) && step.id != self.id;
        let copied: Vec<&Step> = runbook.steps.iter().chain(&runbook.finally).filter(inside).collect();
        let needed: std::collections::BTreeSet<&String> =
            copied.iter().flat_map(|step| &step.needs).collect();
        // Those of its `finally` are waited for by nobody: only what stands beside the step itself counts.
        let main = runbook.steps.iter().any(|step| step.id == self.id);
        let beside = if main { &runbook.steps } else { &runbook.finally };
        let ends = beside.iter().filter(inside).filter(|step| !needed.contains(&step.id));
        ends.map(|step| step.id.clone()).collect()
    }

    fn section(&self, steps: Vec<Step>) -> Vec<Step> {
        let mut all = Vec::with_capacity(steps.len());
        let mut copied = Vec::new();
        for step in steps {
            if self.is_copied(&step) {
                copied.push(step);
                continue;
            }
            self.copy(&mut copied, &mut all);
            all.push(self.around(step));
        }
        self.copy(&mut copied, &mut all);
        all
    }

    fn copy(&self, copied: &mut Vec<Step>, all: &mut Vec<Step>) {
        if self.keys.is_empty() {
            // The step itself stays, so that the plan and the run say that there is nothing to do.
            all.extend(copied.iter().find(|step| step.id == self.id).cloned());
        }
        for (number, key) in self.keys.iter().enumerate() {
            for step in &*copied {
                let mut needs: Vec<String> = Vec::with_capacity(step.needs.len());
                for need in &step.needs {
                    needs.push(if self.is_inside(need) { self.named(need, key) } else { need.clone() });
                }
                let mut copy = Step {
                    id: self.named(&step.id, key),
                    needs,
                    sub: step.sub.map(|sub| self.moved(sub, number)),
                    ..step.clone()
                };
                if step.id == self.id {
                    copy.for_each = None;
                    copy.max_parallel = None;
                    if let Some(before) = self.width.and_then(|width| number.checked_sub(width)) {
                        let ends = self.ends.iter().map(|end| self.named(end, &self.keys[before]));
                        copy.needs.extend(ends);
                    }
                }
                all.push(copy);
            }
        }
        copied.clear();
    }

    /// Returns a step that is not copied, which waits for every copy.
    fn around(&self, step: Step) -> Step {
        let mut needs = BTreeMap::new();
        for need in &step.needs {
            let place = needs.len();
            if !self.is_inside(need) {
                needs.entry(need.clone()).or_insert(place);
            } else if self.keys.is_empty() {
                for need in std::iter::once(&self.id).chain(&self.before) {
                    let place = needs.len();
                    needs.entry(need.clone()).or_insert(place);
                }
            } else {
                for key in self.keys {
                    let place = needs.len();
                    needs.entry(self.named(need, key)).or_insert(place);
                }
            }
        }
        let mut needs: Vec<(String, usize)> = needs.into_iter().collect();
        needs.sort_by_key(|(_, place)| *place);
        Step {
            needs: needs.into_iter().map(|(need, _)| need).collect(),
            sub: step.sub.map(|sub| self.shifted(sub)),
            ..step
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{FileKind, Library, load_text};
    use crate::model::Value;

    fn outer(extra: &str) -> Runbook {
        let nested = "runbook: nested\ntitle: T\nsteps:\n  - {id: x, run: ls, effect: read}\n  - {id: in, runbook: leaf}\nfinally: [{id: f, run: ls}]\n";
        let leaf = "runbook: leaf\ntitle: T\nsteps: [{id: y, run: ls, effect: read}]\n";
        let library = Library::built_in().with_runbook("nested", nested).with_runbook("leaf", leaf);
        let text = format!(
            "runbook: o\ntitle: T\nsteps:\n  - {{id: a, run: ls, effect: read}}\n  - {{id: r, for_each: [eu, us, ap], runbook: nested{extra}}}\n  - {{id: b, runbook: leaf}}\n"
        );
        let loaded = load_text(text, "runbooks/o.yaml", "o", FileKind::Runbook, &library);
        assert!(loaded.report.is_empty(), "{:#?}", loaded.report);
        loaded.runbook.expect("a runbook")
    }

    fn shape(runbook: &Runbook) -> String {
        let of = |step: &Step| {
            let sub =
                step.sub.map(|sub| format!(" of {}", runbook.subs[sub as usize].step)).unwrap_or_default();
            format!("{}{sub} needs {}", step.id, step.needs.join(" "))
        };
        runbook.steps.iter().chain(&runbook.finally).map(of).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_element_gets_a_copy_of_all_that_is_brought_in() {
        let mut runbook = outer(", max_parallel: 1");
        unroll(&mut runbook, 0, &Tree::Plain(Value::Null), &["eu".to_owned(), "us".to_owned()]);
        insta::assert_snapshot!(shape(&runbook), @r"
        a needs 
        r[eu] needs a
        r[eu]/x of r[eu] needs r[eu] a
        r[eu]/in of r[eu] needs r[eu]/x
        r[eu]/in/y of r[eu]/in needs r[eu]/in r[eu]/x
        r[us] needs a r[eu]/in/y
        r[us]/x of r[us] needs r[us] a
        r[us]/in of r[us] needs r[us]/x
        r[us]/in/y of r[us]/in needs r[us]/in r[us]/x
        b needs r[eu]/in/y r[us]/in/y
        b/y of b needs b r[eu]/in/y r[us]/in/y
        r[eu]/f of r[eu] needs 
        r[us]/f of r[us] needs
        ");
        let within: Vec<_> = runbook.subs.iter().map(|sub| (sub.step.as_str(), sub.within)).collect();
        assert_eq!(
            within,
            [("r[eu]", None), ("r[eu]/in", Some(0)), ("r[us]", None), ("r[us]/in", Some(2)), ("b", None)]
        );
    }

    #[test]
    fn without_an_element_what_stands_behind_it_waits_for_what_stands_before_it() {
        let mut runbook = outer("");
        unroll(&mut runbook, 0, &Tree::Plain(Value::Null), &[]);
        assert_eq!(shape(&runbook), "a needs \nr needs a\nb needs r a\nb/y of b needs b r a");
        assert!(runbook.steps[1].for_each.is_some(), "it has no instances, and not one that does nothing");
        assert_eq!(plain_keys(vec!["a/b".to_owned(), "c".to_owned()]), ["0", "1"]);
    }
}
