//! Whether one step is over when another begins, asked many times of one graph.

use std::collections::HashSet;

use super::Dag;

/// Answers whether a step stands before another, however many steps there are between them.
///
/// Rejected: the list of all that a step needs, since the lists of a chain of 10,000 steps hold 50 million numbers, and
/// finding one anew for each question takes as long. Instead each step is numbered as a walk along the needs leaves it,
/// and holds two numbers more. What the walk found below a step has the numbers from `first` to the step's own, so most
/// answers are one comparison; nothing that a step needs in any way has a number under its `lowest`, which ends most
/// searches that would find nothing (the labels are those of H. Yildirim, V. Chaoji, M. Zaki, "GRAIL", VLDB 2010).
#[derive(Clone, Debug, Default)]
pub struct Reach<'d> {
    dag: Option<&'d Dag>,
    left: Vec<u32>,
    first: Vec<u32>,
    lowest: Vec<u32>,
}

impl<'d> Reach<'d> {
    /// Returns the answers for `dag`, in time and memory linear in steps and needs.
    pub fn of(dag: &'d Dag) -> Reach<'d> {
        let count = dag.len();
        let mut reach = Reach {
            dag: Some(dag),
            left: vec![u32::MAX; count],
            first: vec![u32::MAX; count],
            lowest: vec![u32::MAX; count],
        };
        let mut next = 0;
        // From the last step on: what nothing waits for comes late, and its walk covers most.
        for &root in dag.order().iter().rev() {
            reach.walk(dag, root, &mut next);
        }
        reach
    }

    /// Numbers `root` and all that it needs and no walk has seen. A stack of its own: chains are as long as files.
    fn walk(&mut self, dag: &Dag, root: u32, next: &mut u32) {
        if self.first[root as usize] != u32::MAX {
            return;
        }
        self.first[root as usize] = *next;
        let mut open = vec![(root, 0)];
        while let Some((step, seen)) = open.pop() {
            let at = step as usize;
            if let Some(&need) = dag.needs(step).get(seen) {
                open.push((step, seen + 1));
                if self.first[need as usize] == u32::MAX {
                    self.first[need as usize] = *next;
                    open.push((need, 0));
                }
                continue;
            }
            let below = dag.needs(step).iter().map(|&need| self.lowest[need as usize]).min();
            self.left[at] = *next;
            self.lowest[at] = below.map_or(*next, |below| below.min(*next));
            *next += 1;
        }
    }

    /// Says whether `before` must be over when `step` begins: whether it is needed, directly or not.
    pub fn is_before(&self, before: u32, step: u32) -> bool {
        let Some(dag) = self.dag else { return false };
        if before == step || before as usize >= self.left.len() || step as usize >= self.left.len() {
            return false;
        }
        let (mut open, mut seen) = (vec![step], HashSet::new());
        while let Some(step) = open.pop() {
            let (at, wanted) = (step as usize, before as usize);
            if step == before || (self.first[at]..self.left[at]).contains(&self.left[wanted]) {
                return true;
            }
            let may = self.left[wanted] < self.left[at] && self.lowest[at] <= self.lowest[wanted];
            if may && seen.insert(step) {
                open.extend_from_slice(dag.needs(step));
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Step;

    fn dag(graph: &[Vec<usize>]) -> Dag {
        let step = |(number, needs): (usize, &Vec<usize>)| Step {
            id: format!("s{number}"),
            needs: needs.iter().map(|need| format!("s{need}")).collect(),
            ..Step::default()
        };
        Dag::of(&graph.iter().enumerate().map(step).collect::<Vec<_>>()).expect("a DAG")
    }

    #[test]
    fn a_long_chain_and_wide_layers_are_answered_at_once() {
        let chain: Vec<Vec<usize>> =
            (0..200_000_usize).map(|n| n.checked_sub(1).into_iter().collect()).collect();
        let dag_of_chain = dag(&chain);
        let reach = Reach::of(&dag_of_chain);
        assert!((1..200_000).all(|step| reach.is_before(step / 2, step) && !reach.is_before(step, step / 2)));

        let layers: Vec<Vec<usize>> = (0..2_000)
            .map(|n| if n < 100 { vec![] } else { (n / 100 * 100 - 100..n / 100 * 100).collect() })
            .collect();
        let dag_of_layers = dag(&layers);
        let reach = Reach::of(&dag_of_layers);
        assert!((0..2_000).all(|step| reach.is_before(7, step) == (step >= 100)));
        assert!((0..2_000).all(|step| !reach.is_before(step, step) && !reach.is_before(9_999, step)));
    }

    proptest! {
        #[test]
        fn says_what_the_whole_list_says(rows in prop::collection::vec(prop::collection::vec(0_usize..30, 0..4), 1..30)) {
            // Needs point backwards, in an order of the file that is turned round: numbers must not matter.
            let count = rows.len();
            let graph: Vec<Vec<usize>> = rows
                .iter()
                .enumerate()
                .map(|(n, row)| row.iter().filter(|&&need| n + need + 1 < count).map(|need| n + need + 1).collect())
                .collect();
            let dag = dag(&graph);
            let reach = Reach::of(&dag);
            for step in 0..count as u32 {
                let all = dag.transitive_needs(step);
                for before in 0..count as u32 {
                    prop_assert_eq!(reach.is_before(before, step), all.contains(&before), "{} {}", before, step);
                }
            }
        }
    }
}
