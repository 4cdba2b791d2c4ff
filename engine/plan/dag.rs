//! The graph of steps, its order and its parallel groups.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use petgraph::Directed;
use petgraph::csr::Csr;

use super::PlanError;
use super::cycle::cycles;
use crate::model::{Place, Step};

// Compressed rows: two arrays for a million edges, and a row is a slice. petgraph's linked `Graph` takes three times
// the memory and hands out neighbours latest first.
type Rows = Csr<(), (), Directed, u32>;

/// The steps of a runbook as a graph without circles. Steps are numbers: their places in the list given.
#[derive(Clone, Debug, Default)]
pub struct Dag {
    needs: Rows,
    dependents: Rows,
    order: Vec<u32>,
    wave_of: Vec<u32>,
}

impl Dag {
    /// Builds the graph of `steps` in time and memory linear in steps and needs (ties in the order aside).
    ///
    /// A need named twice counts once.
    ///
    /// # Errors
    ///
    /// Every [`PlanError`] at once: ids used twice and unknown needs in the order of the file, then one circle for
    /// each knot of steps that wait for each other.
    pub fn of(steps: &[Step]) -> Result<Dag, Vec<PlanError>> {
        Dag::after(&[], steps)
    }

    /// Builds the graph of `steps` that begin when all of `done` are over, as `finally` does: a need that names one
    /// of `done` is allowed and is nothing to wait for.
    ///
    /// # Errors
    ///
    /// As [`Dag::of`]; an id of `done` used again is a duplicate.
    pub fn after(done: &[Step], steps: &[Step]) -> Result<Dag, Vec<PlanError>> {
        let mut errors = Vec::new();
        let over: BTreeMap<&str, Place> = done.iter().map(|step| (step.id.as_str(), step.at)).collect();
        let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
        for (number, step) in (0_u32..).zip(steps) {
            let earlier = numbers.get(step.id.as_str()).map(|&first| steps[first as usize].at);
            if let Some(first) = over.get(step.id.as_str()).copied().or(earlier) {
                errors.push(PlanError::Duplicate { step: step.id.clone(), first, at: step.at });
            } else {
                numbers.insert(&step.id, number);
            }
        }
        let mut edges = Vec::with_capacity(steps.iter().map(|step| step.needs.len()).sum());
        for (number, step) in (0_u32..).zip(steps) {
            for need in &step.needs {
                match numbers.get(need.as_str()) {
                    Some(&needed) => edges.push((number, needed)),
                    None if over.contains_key(need.as_str()) => {}
                    None => errors.push(PlanError::UnknownNeed {
                        step: step.id.clone(),
                        need: need.clone(),
                        at: step.at,
                    }),
                }
            }
        }
        let needs = rows(edges.iter().copied(), steps.len());
        let dependents = rows(edges.into_iter().map(|(step, need)| (need, step)), steps.len());
        let (order, wave_of) = ordered(&needs, &dependents);
        if order.len() < steps.len() {
            errors.extend(cycles(&needs).into_iter().map(|path| PlanError::Cycle {
                at: steps[path[0] as usize].at,
                path: path.iter().map(|&step| steps[step as usize].id.clone()).collect(),
            }));
        }
        if errors.is_empty() { Ok(Dag { needs, dependents, order, wave_of }) } else { Err(errors) }
    }

    /// Returns how many steps there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Says whether there are no steps.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Returns every step after all that it needs; of those that could come next, the first in the file does.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// Returns the steps that `step` names in `needs`, in the order of the file.
    ///
    /// # Panics
    ///
    /// If there is no such step.
    pub fn needs(&self, step: u32) -> &[u32] {
        self.needs.neighbors_slice(step)
    }

    /// Returns the steps that name `step` in their `needs`, in the order of the file.
    ///
    /// # Panics
    ///
    /// If there is no such step.
    pub fn dependents(&self, step: u32) -> &[u32] {
        self.dependents.neighbors_slice(step)
    }

    /// Returns the groups of steps that could run side by side: a step stands in the group after the last one that
    /// holds a step it needs. Within a group, the order of the file.
    pub fn waves(&self) -> Vec<Vec<u32>> {
        let count = self.wave_of.iter().max().map_or(0, |&last| last as usize + 1);
        let mut waves = vec![Vec::new(); count];
        for (step, &wave) in (0_u32..).zip(&self.wave_of) {
            waves[wave as usize].push(step);
        }
        waves
    }

    /// Returns everything that must have ended before `step` starts, needs of needs included, in the order of the file.
    ///
    /// # Panics
    ///
    /// If there is no such step.
    pub fn transitive_needs(&self, step: u32) -> Vec<u32> {
        reach(&self.needs, step)
    }

    /// Returns everything that can't start before `step` has ended, in the order of the file.
    ///
    /// # Panics
    ///
    /// If there is no such step.
    pub fn transitive_dependents(&self, step: u32) -> Vec<u32> {
        reach(&self.dependents, step)
    }
}

fn rows(edges: impl Iterator<Item = (u32, u32)>, steps: usize) -> Rows {
    let mut edges: Vec<(u32, u32)> = edges.collect();
    edges.sort_unstable();
    edges.dedup();
    let mut rows = Rows::from_sorted_edges(&edges).expect("the edges were just sorted and are unique");
    while rows.node_count() < steps {
        rows.add_node(());
    }
    rows
}

/// Kahn's algorithm; what waits for a circle is missing from the order. The second list is each step's wave.
fn ordered(needs: &Rows, dependents: &Rows) -> (Vec<u32>, Vec<u32>) {
    let count = needs.node_count() as u32;
    let mut missing: Vec<usize> = (0..count).map(|step| needs.out_degree(step)).collect();
    let mut wave_of = vec![0_u32; count as usize];
    // A heap and not a queue: with a queue a step written first, freed late, would still come after later ones.
    let mut ready: BinaryHeap<Reverse<u32>> =
        (0..count).filter(|&step| missing[step as usize] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(count as usize);
    while let Some(Reverse(step)) = ready.pop() {
        order.push(step);
        for &next in dependents.neighbors_slice(step) {
            let (next_at, step_at) = (next as usize, step as usize);
            wave_of[next_at] = wave_of[next_at].max(wave_of[step_at] + 1);
            missing[next_at] -= 1;
            if missing[next_at] == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    (order, wave_of)
}

fn reach(rows: &Rows, from: u32) -> Vec<u32> {
    let mut seen = vec![false; rows.node_count()];
    let mut found = Vec::new();
    let mut stack = vec![from];
    while let Some(step) = stack.pop() {
        for &next in rows.neighbors_slice(step) {
            if !std::mem::replace(&mut seen[next as usize], true) {
                found.push(next);
                stack.push(next);
            }
        }
    }
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step(id: &str, needs: &[&str]) -> Step {
        Step {
            id: id.to_owned(),
            needs: needs.iter().map(|&need| need.to_owned()).collect(),
            ..Step::default()
        }
    }

    fn steps(graph: &[Vec<usize>]) -> Vec<Step> {
        let needs = |row: &[usize]| row.iter().map(|need| format!("s{need}")).collect();
        graph
            .iter()
            .enumerate()
            .map(|(number, row)| Step { id: format!("s{number}"), needs: needs(row), ..Step::default() })
            .collect()
    }

    fn told(steps: &[Step]) -> Vec<String> {
        Dag::of(steps).expect_err("no DAG").iter().map(ToString::to_string).collect()
    }

    /// The oracle: takes away, again and again, the first step in the file that needs nothing that is left.
    fn peeled(graph: &[Vec<usize>]) -> Option<Vec<u32>> {
        let mut left: Vec<usize> = (0..graph.len()).collect();
        let mut order = Vec::new();
        while !left.is_empty() {
            let next = left.iter().position(|&step| graph[step].iter().all(|need| !left.contains(need)))?;
            order.push(left.remove(next) as u32);
        }
        Some(order)
    }

    #[test]
    fn orders_by_needs_then_by_file() {
        let dag = Dag::of(&[
            step("last", &["b", "c"]),
            step("c", &["a"]),
            step("b", &["a", "a"]),
            step("a", &[]),
            step("alone", &[]),
        ])
        .expect("a DAG");
        assert_eq!(dag.order(), [3, 1, 2, 0, 4]);
        assert_eq!(dag.waves(), [vec![3, 4], vec![1, 2], vec![0]]);
        assert_eq!((dag.needs(2), dag.dependents(3)), ([3].as_slice(), [1, 2].as_slice()));
        assert_eq!(dag.transitive_needs(0), [1, 2, 3]);
        assert_eq!(dag.transitive_dependents(3), [0, 1, 2]);
    }

    #[test]
    fn nothing_is_a_dag() {
        let dag = Dag::of(&[]).expect("a DAG");
        assert!(dag.is_empty() && dag.waves().is_empty());
    }

    #[test]
    fn a_finally_step_may_need_a_step_that_is_over_by_then() {
        let done = [step("scale", &[])];
        let dag = Dag::after(&done, &[step("tell", &["scale"]), step("clean", &["tell"])]).expect("a DAG");
        assert_eq!((dag.order(), dag.needs(0)), ([0, 1].as_slice(), [].as_slice()));
        let errors = Dag::after(&done, &[step("scale", &["nowhere"])]).expect_err("two mistakes");
        assert!(matches!(&errors[..], [PlanError::Duplicate { .. }, PlanError::UnknownNeed { .. }]));
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let mut again = step("a", &["a"]);
        again.at = Place::new(0, 7, 8);
        let steps = [step("a", &["nowhere"]), step("x", &["y"]), step("y", &["z"]), step("z", &["x"]), again];
        insta::assert_snapshot!(told(&steps).join("\n"), @r"
        two steps have the id `a`
        step `a` needs `nowhere`, and no step here has that id
        these steps wait for each other and none could ever start: x needs y needs z needs x
        ");
    }

    #[test]
    fn a_circle_is_told_by_its_shortest_path_and_without_those_that_only_wait_for_it() {
        let graph = [
            step("waits", &["a"]),
            step("a", &["b", "d"]),
            step("b", &["c"]),
            step("c", &["a"]),
            step("d", &["a"]),
            step("self", &["self"]),
        ];
        assert_eq!(
            told(&graph),
            [
                "these steps wait for each other and none could ever start: a needs d needs a",
                "these steps wait for each other and none could ever start: self needs self"
            ]
        );
    }

    #[test]
    fn a_million_edges_and_a_deep_chain_are_no_trouble() {
        let layers: Vec<Vec<usize>> =
            (0..2_000).map(|number| if number < 1_000 { vec![] } else { (0..1_000).collect() }).collect();
        assert_eq!(Dag::of(&steps(&layers)).expect("a DAG").waves().len(), 2);

        let mut chain: Vec<Vec<usize>> = (0..200_000_usize).map(|number| vec![number + 1]).collect();
        chain.push(vec![]);
        let dag = Dag::of(&steps(&chain)).expect("a DAG");
        assert_eq!(dag.order()[0], 200_000);
        chain[200_000] = vec![0];
        let errors = Dag::of(&steps(&chain)).expect_err("a circle");
        assert!(matches!(&errors[..], [PlanError::Cycle { path, .. }] if path.len() == 200_002));
    }

    fn graphs() -> impl Strategy<Value = Vec<Vec<usize>>> {
        (1_usize..14).prop_flat_map(|count| {
            proptest::collection::vec(proptest::collection::vec(0..count, 0..3), count)
        })
    }

    proptest! {
        #[test]
        fn a_circle_is_told_exactly_when_there_is_one(graph in graphs()) {
            let steps = steps(&graph);
            match (Dag::of(&steps), peeled(&graph)) {
                (Ok(dag), Some(order)) => prop_assert_eq!(dag.order(), order),
                (Err(errors), None) => for error in errors {
                    let PlanError::Cycle { path, .. } = error else { panic!("{error}") };
                    prop_assert_eq!(path.first(), path.last());
                    let mut inner = path[1..].to_vec();
                    inner.sort();
                    inner.dedup();
                    prop_assert_eq!(inner.len(), path.len() - 1, "visits each step once");
                    for pair in path.windows(2) {
                        let step = steps.iter().find(|step| step.id == pair[0]).expect("a step");
                        prop_assert!(step.needs.contains(&pair[1]));
                    }
                },
                (dag, oracle) => prop_assert!(false, "{dag:?} but {oracle:?}"),
            }
        }

        #[test]
        fn waves_hold_each_step_once_and_after_its_needs(graph in graphs()) {
            if let Ok(dag) = Dag::of(&steps(&graph)) {
                let waves = dag.waves();
                let wave = |step: u32| waves.iter().position(|wave| wave.contains(&step)).expect("a wave");
                prop_assert_eq!(waves.iter().map(Vec::len).sum::<usize>(), graph.len());
                for step in 0..graph.len() as u32 {
                    let before = dag.needs(step).iter().map(|&need| wave(need) + 1).max().unwrap_or(0);
                    prop_assert_eq!(wave(step), before);
                }
            }
        }
    }
}
