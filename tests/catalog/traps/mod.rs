//! What the real tools do that nobody expects, and what is done in place of it: each test types what people type, and then
//! plays the step that stands for it. `docs/traps.md` is the list of all of them, also of those that are shown beside a runbook.

mod aws;
pub(super) mod endless;
mod kubectl;
mod kubectl_rollout;
mod servers;

use serde_json::{Value, json};

use super::stage::Stage;

const SHOP: &str = "shop";

/// Writes a runbook `one` of these steps, of which none waits for another: each has a name, a template and its values.
fn runbook(stage: &Stage, steps: &[(&str, &str, Value)]) {
    let step =
        |(id, uses, with): &(&str, &str, Value)| json!({"id": id, "uses": uses, "with": with, "needs": []});
    let steps: Vec<Value> = steps.iter().map(step).collect();
    let text = json!({"runbook": "one", "title": "One", "steps": steps}).to_string();
    stage.project.write("runbooks/autolytiq/one.yaml", text);
}

/// Puts a template of the library into the project, with a text in it replaced: a test does not wait as long as AWS takes.
fn hurried(stage: &Stage, template: &str, (from, to): (&str, &str)) {
    let library = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("steps").join(template);
    let text = std::fs::read_to_string(library.with_extension("yaml")).expect("a template");
    assert!(text.contains(from), "{template} has no {from:?}");
    stage.project.write(&format!("steps/{template}.yaml"), text.replace(from, to));
}
