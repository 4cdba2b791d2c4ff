//! The command line as a person meets it: the real binary, its whole visible result.

mod afterwards;
mod approvals;
mod background;
mod bad_input;
mod before;
mod checked;
mod completing;
mod elsewhere;
mod exec;
mod hostile;
mod inner;
mod leaks;
mod machines;
mod nasty_yaml;
mod observe;
mod person;
mod planned;
mod recorder;
mod report;
mod resume;
mod secrets;
mod signals;
mod sub;
mod target;
mod terminal;
mod words;

use crate::support::project::Project;

/// A runbook that looks, changes, verifies, and can be undone, on any Linux machine.
const DEPLOY: &str = r#"
runbook: deploy
title: Put a release in place
summary: Writes the release and switches to it.
about: |
  Use it for planned releases.
owner: platform-oncall
tags: [release, demo]
vars:
  env: {type: string, enum: [prod, staging], help: Where to deploy}
  count: {type: integer, default: 2, min: 1, max: 5}
  token: {type: secret, required: false, from: {env: DEPLOY_TOKEN}}
let:
  site: "{{ env }}-site"
lock: "deploy/{{ env }}"
protect: env == 'prod'
steps:
  - id: look
    phase: Before
    title: See what is there
    run: echo {{ site }}
    env: {TOKEN: "{{ token | default('none') }}"}
    effect: read
  - id: write
    phase: Now
    title: Write {{ item }}
    for_each: range(count)
    capture:
      run: [cat, version]
      outputs: {version: stdout | trim}
    changes: "version {{ captured.version }} → {{ item }}"
    shell: echo {{ item }} > release-{{ item }}
    verify: {run: "test -f release-{{ item }}", pass: exit_code == 0, every: 1s, within: 5s}
    rollback:
      shell: rm release-{{ item }} && echo back to {{ captured.version }}
  - id: warm
    needs: [look]
    run: [touch, warm]
    irreversible: A warm cache cools down by itself.
finally:
  - id: tell
    run: [echo, "{{ run.status }}"]
    effect: read
"#;

fn deploy() -> Project {
    Project::new().file("runbooks/deploy.yaml", DEPLOY).file("version", "one\n")
}
