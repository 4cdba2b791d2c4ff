//! What sensitive steps gave to a run: texts that are kept out of what leaves it, a tape that is recorded or spans.

use std::collections::BTreeSet;

use super::event::Event;
use super::graph::Graph;
use super::state::State;
use crate::model::{Map, Value};

/// Returns the texts and numbers that sensitive steps gave to the run so far: what they put out and what they captured. They may
/// stand in the commands and the instances of other steps.
pub fn given_so_far(state: &State, graph: &Graph) -> Vec<String> {
    let names = state.instances().filter_map(|(_, instance)| instance.item.as_ref()).map(|item| &*item.key);
    let mut found = keys_among(&names.collect(), state, graph);
    found.extend(sensitive(state, graph).flat_map(texts));
    found
}

/// Returns what the sensitive steps put out and captured.
fn sensitive<'a>(state: &'a State, graph: &'a Graph) -> impl Iterator<Item = &'a Map> {
    let sensitive = state.instances().filter(|(at, _)| graph.step(at.node).sensitive);
    sensitive.flat_map(|(_, instance)| [&instance.outputs, &instance.captured])
}

/// Returns those of `names` that are keys of a map which a sensitive step gave. Of its other keys nothing is kept out: they are
/// names of fields (`name`, `data`), and to mask those would spoil every other answer in which they stand.
fn keys_among(names: &BTreeSet<&str>, state: &State, graph: &Graph) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&Value> = match names.is_empty() {
        true => Vec::new(),
        false => sensitive(state, graph).flat_map(Map::values).collect(),
    };
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(entries) => {
                found.extend(entries.keys().filter(|key| names.contains(key.as_str())));
                open.extend(entries.values());
            }
            _ => {}
        }
    }
    found.into_iter().cloned().collect()
}

/// Returns those that an event gave, which is in `state` already. By event: to look at all steps for each would be quadratic.
pub fn given_by(event: &Event, state: &State, graph: &Graph) -> Vec<String> {
    let step = match event {
        Event::Exited { leaf, .. } | Event::Judged { leaf, .. } => &leaf.step,
        Event::Captured { step, .. } | Event::Answered { step, .. } | Event::Finished { step, .. } => step,
        // Its instances have names now, and their commands may be made of them.
        Event::Expanded { items, .. } => {
            return keys_among(&items.iter().map(|item| &*item.key).collect(), state, graph);
        }
        _ => return Vec::new(),
    };
    let Some(at) = state.find(step).filter(|at| graph.step(at.node).sensitive) else { return Vec::new() };
    let instance = state.at(at);
    [&instance.outputs, &instance.captured].into_iter().flat_map(texts).collect()
}

/// Of a text of more lines than this only the whole is kept out: to look for each of them would take longer than the run.
const LINES: usize = 2000;

/// Returns the texts and numbers in these values, and the lines of a text, which a `for_each` goes through.
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
            Value::Object(entries) => open.extend(entries.values()),
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
    fn lines_are_given_as_well() {
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
        assert_eq!(found, ["7", "Tok9x1", "k7Pq2z", "k7Pq2z\n  Tok9x1\n\n", "valsecret"]);
    }
}
