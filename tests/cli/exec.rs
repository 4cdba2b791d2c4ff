//! `exec`: from the command line to the exit code.

use insta::assert_snapshot;

use super::deploy;
use crate::support::project::Project;

#[test]
fn a_run_that_succeeds() {
    let project = deploy();
    assert_snapshot!(project.run(&["exec", "deploy", "--var", "env=staging", "--max-parallel", "1"]), @"
    $ runbook exec deploy --var env=staging --max-parallel 1
    [TIME] run [RUN]: deploy opened by ann@[HOST]
    [TIME] look started: echo staging-site
    [TIME] look done after [TOOK]
    [TIME] write has 2 instances: 0, 1
    [TIME] write[0] reading the state before: cat version
    [TIME] write[0] FAILED after [TOOK]: the state before could not be read: `captured` is a list, it has no `version` (runbooks/deploy.yaml:30)
    [TIME] run [RUN]: the last steps begin; the outcome is: failed
    [TIME] tell started: echo failed
    [TIME] tell done after [TOOK]
    [TIME] run [RUN]: failed

    ✗ deploy failed after [TOOK] and is paused
      run [RUN], 2 of 5 steps done

    write[0] failed: the state before could not be read: `captured` is a list, it has no `version` (runbooks/deploy.yaml:30)
      $ cat version
      | one

    Next
      all that it printed   runbook logs [RUN] 'write[0]'
      try again and go on   runbook resume [RUN]
    --- exit status: 1
    ");
    assert!(project.has("release-0") && project.has("release-1") && project.has("warm"));
}
