//! Finds the circles among steps that can't be ordered, each with its whole path.

use std::collections::VecDeque;

use petgraph::Directed;
use petgraph::algo::kosaraju_scc;
use petgraph::csr::Csr;
use petgraph::graph::{DiGraph, NodeIndex};

/// Returns one circle for each knot of steps that wait for each other, as step numbers with the first repeated at the
/// end: the shortest one through the knot's first step in the file.
///
/// One for a knot, because every further one goes through the same steps: a person mends them together.
pub(super) fn cycles(needs: &Csr<(), (), Directed, u32>) -> Vec<Vec<u32>> {
    // Kosaraju's algorithm and not Tarjan's: petgraph's Tarjan recurses, and a chain of 100,000 steps ends the stack.
    let graph = DiGraph::<(), (), u32>::from_edges(edges(needs));
    let mut knot_of = vec![u32::MAX; needs.node_count()];
    let mut knots: Vec<Vec<u32>> = kosaraju_scc(&graph)
        .into_iter()
        .map(|knot| knot.into_iter().map(|node: NodeIndex<u32>| node.index() as u32).collect::<Vec<_>>())
        .filter(|knot| knot.len() > 1 || needs.contains_edge(knot[0], knot[0]))
        .map(|mut knot| {
            knot.sort_unstable();
            knot
        })
        .collect();
    knots.sort_unstable();
    for (number, knot) in knots.iter().enumerate() {
        knot.iter().for_each(|&step| knot_of[step as usize] = number as u32);
    }
    let mut came_from = vec![u32::MAX; needs.node_count()];
    knots.iter().filter_map(|knot| shortest(needs, knot[0], &knot_of, &mut came_from)).collect()
}

fn edges(needs: &Csr<(), (), Directed, u32>) -> impl Iterator<Item = (u32, u32)> {
    (0..needs.node_count() as u32)
        .flat_map(|step| needs.neighbors_slice(step).iter().map(move |&need| (step, need)))
}

fn shortest(
    needs: &Csr<(), (), Directed, u32>,
    start: u32,
    knot_of: &[u32],
    came_from: &mut [u32],
) -> Option<Vec<u32>> {
    let mut queue = VecDeque::from([start]);
    while let Some(step) = queue.pop_front() {
        for &need in needs.neighbors_slice(step) {
            if need == start {
                let mut path = vec![start];
                let mut back = step;
                while back != start {
                    path.push(back);
                    back = came_from[back as usize];
                }
                path.push(start);
                path.reverse();
                return Some(path);
            }
            if knot_of[need as usize] == knot_of[start as usize] && came_from[need as usize] == u32::MAX {
                came_from[need as usize] = step;
                queue.push_back(need);
            }
        }
    }
    None
}
