//! Rehearsals: the whole engine with a tape in place of every command.

mod faults;
mod journal;
mod played;
mod recorded;
mod shipped;

use crate::support::project::Project;

/// A runbook with everything that a run starts: a target, a secret from a command, hooks, captures, gates, an action, an
/// undo. Each command would leave a mark.
const TOUCHING: &str = "\
runbook: up
title: T
target: {cluster: /bin/touch spawned}
vars: {token: {type: secret, from: {command: /bin/touch spawned}}}
hooks: {started: /bin/touch spawned, failed: /bin/touch spawned, finished: /bin/touch spawned}
steps:
  - id: scale
    for_each: [api, web]
    env: {TOKEN: '{{ token }}'}
    capture: {run: '/bin/touch spawned {{ item }}', outputs: {n: json.n}}
    changes: '{{ captured.n }} → 5'
    run: /bin/touch spawned {{ item }} 5
    verify: {run: '/bin/touch spawned {{ item }}', pass: json.ready >= 5, every: 5s, within: 2m, hold: 30s}
    rollback: {run: '/bin/touch spawned {{ item }} {{ captured.n }}'}
  - {id: nap, wait: 15m}
  - {id: go, approve: Go on?}
  - id: script
    shell: |
      /bin/touch spawned
      cat > spawned
    stdin: 'hello {{ token }}'
    idempotent: true
    rollback: {run: /bin/touch spawned back}
";

/// What they answer: the same read says something else after a change, and the pods take a while.
const TAPE: &str = "\
tape: 1
state: {api: {n: 2, at: 0}, web: {n: 3, at: 0}}
answers:
  - {run: /bin/touch spawned, stdout: some-cluster}
  - {run: /bin/touch spawned back}
  - run: /bin/touch spawned {name}
    stdout: {n: '{{ state[name].n }}', ready: '{{ state[name].n if now >= state[name].at else 0 }}'}
    took: 200ms
  - run: /bin/touch spawned {name} {n}
    set: {'{name}.n': n | int, '{name}.at': now + 20}
    took: 1s
  - shell: |
      /bin/touch spawned
      cat > spawned
    stdin: 'hello •••'
    stdout: done
";

/// A project with that runbook and its tape.
fn project() -> Project {
    Project::new().file("runbooks/up.yaml", TOUCHING).file("runbooks/up.tape.yaml", TAPE)
}

/// Returns the newest rehearsal.
fn newest(project: &Project) -> String {
    let shown = project.run(&["runs", "--rehearsals", "--format", "json"]).code(0);
    let document: serde_json::Value = serde_json::from_str(&shown.stdout).expect("one JSON document");
    document["runs"][0]["run"].as_str().expect("there is a rehearsal").to_owned()
}

/// Returns the rehearsal's steps with where each stands, as `status` tells them.
fn steps(project: &Project, run: &str) -> Vec<String> {
    let shown = project.run(&["status", run, "--format", "json"]).code(0);
    let page: serde_json::Value = serde_json::from_str(&shown.stdout).expect("one JSON document");
    let steps = page["steps"].as_array().expect("a page has steps").iter();
    let each = steps.flat_map(|step| step["instances"].as_array().expect("a step has instances"));
    each.map(|one| {
        format!(
            "{} {}",
            one["name"].as_str().unwrap_or_default(),
            one["standing"].as_str().unwrap_or_default()
        )
    })
    .collect()
}
