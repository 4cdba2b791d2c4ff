//! What sensitive steps gave to a run: texts that are kept out of what leaves it, a tape that is recorded or spans.

use super::event::Event;
use super::graph::Graph;
use super::state::State;
use crate::model::{Map, Value};

/// Returns the texts and numbers that sensitive steps gave to the run so far: what they put out and what they captured. They may
/// stand in the commands and the instances of other steps.
pub fn given_so_far(state: &State, graph: &Graph) -> Vec<String> {
    let sensitive = state.instances().filter(|(at, _)| graph.step(at.node).sensitive);
    sensitive.flat_map(|(_, instance)| [&instance.outputs, &instance.captured]).flat_map(texts).collect()
}

/// Returns those that an event gave, which is in `state` already. By event: to look at all steps for each would be quadratic.
pub fn given_by(event: &Event, state: &State, graph: &Graph) -> Vec<String> {
    let step = match event {
        Event::Exited { leaf, .. } | Event::Judged { leaf, .. } => &leaf.step,
        Event::Captured { step, .. } | Event::Answered { step, .. } | Event::Finished { step, .. } => step,
        _ => return Vec::new(),
    };
    let Some(at) = state.find(step).filter(|at| graph.step(at.node).sensitive) else { return Vec::new() };
    let instance = state.at(at);
    [&instance.outputs, &instance.captured].into_iter().flat_map(texts).collect()
}

/// Of a text of more lines than this only the whole is kept out: to look for each of them would take longer than the run.
const LINES: usize = 2000;

/// Returns the texts and numbers in these values, and what else of them becomes the name of an instance or a word of a command: the
/// lines of a text, which a `for_each` goes through, and the keys of a map.
fn texts(values: &Map) -> Vec<String> {
    let mut texts = Vec::new();
    let mut open: Vec<&Value> = values.values().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => {
                let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
                if (2..=LINES).contains(&lines().take(LINES + 1).count()) {
                    texts.extend(lines().map(str::to_owned));
                }
                texts.push(text.clone());
            }
            Value::Number(number) => texts.push(number.to_string()),
            Value::Array(items) => open.extend(items),
            Value::Object(entries) => {
                texts.extend(entries.keys().cloned());
                open.extend(entries.values());
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_and_keys_are_given_as_well() {
        let Value::Object(values) = json!({
            "one": "k7Pq2z\n  Tok9x1\n\n",
            "map": {"keysecret": ["valsecret", 7, null]},
            "long": "x\n".repeat(LINES + 1),
        }) else {
            unreachable!("it is a map")
        };
        let mut found = texts(&values);
        found.retain(|text| text.len() < 100);
        found.sort();
        assert_eq!(found, ["7", "Tok9x1", "k7Pq2z", "k7Pq2z\n  Tok9x1\n\n", "keysecret", "valsecret"]);
    }
}
