//! Runbooks that steps bring in: their steps are steps of the run, by name, in every verb.

use insta::assert_snapshot;

use crate::support::project::Project;

const FAILOVER: &str = "
runbook: failover
title: Fail the database over
vars:
  env: {type: string, enum: [prod, staging]}
  hook: {type: secret, required: false}
let: {primary: 'db-{{ env }}'}
lock: 'db/{{ env }}'
protect: env == 'prod'
target: {cluster: 'echo {{ primary }}'}
steps:
  - id: freeze
    phase: Freeze
    shell: 'echo freeze {{ primary }} >> sent'
    rollback: {shell: 'echo thaw {{ primary }} >> sent'}
  - id: promote
    phase: Promote
    shell: 'test -e repaired; echo promote >> sent; echo replica-2; test -z \"$HOOK\" || echo hooked >> sent'
    env: {HOOK: '{{ hook | default(\"\") }}'}
    outputs: {id: stdout | trim}
    rollback: {shell: 'echo demote >> sent'}
finally:
  - {id: note, shell: 'echo note {{ run.status }} >> sent'}
";

const MOVE: &str = "
runbook: move
title: Move a service
vars:
  env: {type: string, default: staging}
  db: {type: boolean, default: true}
  hook: {type: secret, from: {env: HOOK}, required: false}
steps:
  - {id: look, run: 'true', effect: read}
  - id: db
    when: db
    runbook: failover
    vars: {env: '{{ env }}', hook: '{{ hook }}'}
  - id: after
    shell: 'echo after {{ steps[\"db/promote\"].outputs.id | default(\"none\") }} >> sent'
    rollback: {shell: 'echo before >> sent'}
";

fn moving() -> Project {
    Project::new().file("runbooks/team/move.yaml", MOVE).file("runbooks/team/failover.yaml", FAILOVER)
}

fn sent(project: &Project) -> Vec<String> {
    let text = std::fs::read_to_string(project.root().join("sent")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_plan_shows_the_steps_of_what_is_brought_in() {
    assert_snapshot!(moving().run(&["plan", "team/move"]), @r#"
    $ runbook plan team/move
    Plan of team/move: Move a service
      env  staging (default)
      db   true (default)

      target   db/cluster  echo db-staging
      lock     db/staging, held by one run at a time

     1 look
        looks    true
     2 db  Fail the database over
        runs     team/failover with env=staging
        lock     db/staging

    Fail the database over › Freeze
     3 db/freeze
        after    db, look
        does     echo freeze 'db-staging' >> sent
        undo     echo thaw 'db-staging' >> sent

    Fail the database over › Promote
     4 db/promote
        does     test -e repaired; echo promote >> sent; echo replica-2; test -z "$HOOK" || echo hooked >> sent
                 env HOOK
        undo     echo demote >> sent
                 env HOOK

     5 after
        does     echo after ‹steps.db/promote.outputs.id› >> sent
        undo     echo before >> sent

    Finally, whatever happened
     6 db/note
        does     echo note ‹run.status› >> sent

    4 steps change something, 1 only looks. Nothing was run.
    "#);
}

#[test]
fn a_failure_inside_is_resumed_and_rolled_back_as_any_other() {
    let project = moving();
    project.run(&["exec", "team/move"]).code(1);
    assert_eq!(sent(&project), ["freeze db-staging", "note failed"]);
    assert_snapshot!(project.run(&["status"]), @r"
    $ runbook status
    ✗ team/move: failed
      run [RUN], started [AT] UTC (just now), took [TOOK]
      by ann@[HOST]; target db/cluster db-staging

    Needs attention
      ✗ db/promote failed: it exited with 1

    Steps
      ✓ look              done  [TOOK]
      ✓ db                done  [TOOK]

    Fail the database over › Freeze
      ✓ db/freeze         done  [TOOK]

    Fail the database over › Promote
      ✗ db/promote        failed  [TOOK]  it exited with 1

    Steps
      · after             waiting                     for db/promote

    Finally
      ✓ db/note           done  [TOOK]

    Next
      all that it printed     runbook logs [RUN] db/promote
      try again and go on     runbook resume [RUN]
      undo what was changed   runbook rollback [RUN]
    --- stderr
    run [RUN]: team/move, begun [AT], failed
    ");
    // Another run that needs the lock of what is brought in waits outside.
    let held = project.run(&["exec", "team/failover", "--var", "env=staging"]).code(6).to_string();
    assert!(held.contains("the lock `db/staging` is held by run"), "{held}");
    project.write("repaired", "");
    project.run(&["resume", "--retry", "db/promote"]).code(0);
    assert_eq!(sent(&project)[2..], ["promote", "after replica-2", "note succeeded"]);
    project.run(&["rollback", &project.newest(), "--yes"]).code(0);
    assert_eq!(sent(&project)[5..], ["before", "demote", "thaw db-staging", "note rolled back"]);
}

#[test]
fn what_is_skipped_is_skipped_with_all_that_it_brings_in() {
    let project = moving();
    let shown = project.run(&["exec", "team/move", "--var", "db=false"]).code(0).to_string();
    assert_eq!(sent(&project), ["after none"]);
    let skipped: Vec<&str> = shown.lines().filter(|line| line.contains("] db")).collect();
    assert!(skipped.len() == 1 && shown.contains("2 of 3 steps done, 1 skipped"), "said once: {shown}");
    let plan = project.run(&["plan", "team/move", "--var", "db=false"]).to_string();
    assert!(plan.contains(" 2 db  skipped: its condition does not hold") && !plan.contains("db/"), "{plan}");
    let status = project.run(&["status", &project.newest()]).to_string();
    assert!(!status.contains("db/promote"), "{status}");
}

#[test]
fn its_target_is_recorded_and_its_confirmation_asked_for() {
    let project = moving();
    project.write("repaired", "");
    let told = project.run(&["exec", "team/move", "--var", "env=prod"]).code(2).to_string();
    assert!(told.contains("team/move is protected (env == 'prod')"), "{told}");
    project.run(&["exec", "team/move", "--var", "env=prod", "--yes"]).code(0);
    let status = project.run(&["status", &project.newest()]).to_string();
    assert!(status.contains("db/cluster db-prod"), "{status}");
}

#[test]
fn a_secret_is_handed_on_and_stays_one() {
    let project = moving().env("HOOK", "hunter22");
    project.write("repaired", "");
    let shown = project.run(&["exec", "team/move"]).code(0).to_string();
    assert!(sent(&project).contains(&"hooked".to_owned()), "{:?}", sent(&project));
    let journal = std::fs::read(project.journal()).expect("a journal");
    assert!(!shown.contains("hunter22"));
    assert!(!journal.windows(8).any(|bytes| bytes == b"hunter22"));
}

#[test]
fn a_secret_that_it_takes_itself_is_its_own_and_none_is_given_to_a_plain_var() {
    let one = "
runbook: one
title: One
vars:
  token: {type: secret, from: {env: OWN}}
  name: {type: string, required: false}
steps:
  - {id: go, shell: 'printf %s \"$T\" | wc -c >> sent', env: {T: '{{ token }}'}, irreversible: It is said.}
";
    let all = "
runbook: all
title: All
vars: {token: {type: secret, from: {env: OUTER}}}
steps:
  - {id: own, runbook: one}
  - {id: given, runbook: one, vars: {token: '{{ token }}'}}
";
    let project = |all: &str| Project::new().file("runbooks/all.yaml", all).file("runbooks/one.yaml", one);
    let both = project(all).env("OWN", "own-secret").env("OUTER", "outer-secret");
    both.run(&["exec", "all"]).code(0);
    assert_eq!(sent(&both), ["10", "12"]);
    let given = project(&all.replace("  - {id: own, runbook: one}\n", "")).env("OUTER", "outer-secret");
    given.run(&["exec", "all"]).code(0);
    assert_eq!(sent(&given), ["12"], "its own is not wanted where another is handed on");
    let plain = all.replace("vars: {token: '{{", "vars: {name: '{{");
    let told =
        project(&plain).env("OWN", "own-secret").env("OUTER", "outer-secret").run(&["exec", "all"]).code(2);
    assert!(told.to_string().contains("it would hold the secret `token`"), "{told}");
}

#[test]
fn some_of_its_steps_can_be_run_alone() {
    let project = moving();
    project.write("repaired", "");
    project.run(&["exec", "team/move", "--only", "db/promote", "--reason", "the rest is done"]).code(0);
    assert_eq!(sent(&project), ["promote", "note succeeded"]);
    project.run(&["exec", "team/move", "--only", "db", "--reason", "again"]).code(0);
    assert_eq!(sent(&project)[2..], ["freeze db-staging", "promote", "note succeeded"]);
    let told =
        project.run(&["exec", "team/move", "--only", "db/promot", "--reason", "x"]).code(2).to_string();
    assert!(told.contains("did you mean `db/promote`?"), "{told}");
}

#[test]
fn for_each_brings_in_a_copy_for_each_element() {
    let project = Project::new()
        .file(
            "runbooks/all.yaml",
            "
runbook: all
title: All regions
vars: {regions: {type: list, default: [eu, us]}}
steps:
  - id: region
    for_each: regions
    max_parallel: 1
    runbook: one
    vars: {name: '{{ item }}'}
  - id: sum
    shell: 'echo {{ steps[\"region/go\"].outputs.size.eu }} {{ steps[\"region/go\"].outputs.size.us }} >> sent'
    irreversible: It is said.
",
        )
        .file(
            "runbooks/one.yaml",
            "
runbook: one
title: One region
vars: {name: {type: string}}
steps:
  - id: go
    shell: 'echo go {{ name }} >> sent; echo {{ name }}-1'
    outputs: {size: stdout | trim}
    rollback: {shell: 'echo back {{ name }} >> sent'}
  - id: then
    for_each: [a, b]
    max_parallel: 1
    shell: 'test {{ name }}{{ item }} != usb || test -e repaired; echo {{ item }} {{ name }} >> sent'
    rollback: {shell: 'true'}
",
        );
    let shown = project.run(&["exec", "all"]).code(1).to_string();
    assert!(shown.contains("region[us]/then[b] failed: it exited with 1"), "{shown}");
    assert_eq!(sent(&project), ["go eu", "a eu", "b eu", "go us", "a us"]);
    let told = project.run(&["resume", "--var", "regions=[\"eu\"]"]).code(2).to_string();
    assert!(told.contains("RB0220") && told.contains("the run has it for eu, us"), "{told}");
    project.write("repaired", "");
    project.run(&["resume", "--retry", "region[us]/then[b]"]).code(0);
    assert_eq!(sent(&project)[5..], ["b us", "eu-1 us-1"]);
    let logs = project.run(&["logs", &project.newest(), "region[us]"]).to_string();
    assert!(logs.contains("us-1") && !logs.contains("eu-1"), "{logs}");
}

/// Each copy is whole, so a list of 100,000 is refused before any copy is made.
#[test]
fn a_runbook_is_not_brought_in_for_a_list_that_grew_beyond_reason() {
    let all = "
runbook: all
title: All regions
vars: {count: {type: integer}}
steps:
  - {id: region, for_each: range(count), runbook: one, vars: {name: 'r{{ item }}'}}
";
    let one = "
runbook: one
title: One region
vars: {name: {type: string}}
steps:
  - {id: go, run: 'echo {{ name }}', effect: read}
";
    let project = Project::new().file("runbooks/all.yaml", all).file("runbooks/one.yaml", one);
    let told = project.run(&["plan", "all", "--var", "count=100000"]).code(2).to_string();
    let what = "`region` would have 100000 instances of 2 steps each, and a run may have 20000";
    assert!(
        told.contains("RB0508") && told.split_whitespace().collect::<Vec<_>>().join(" ").contains(what),
        "{told}"
    );
    let shown = project.run(&["plan", "all", "--var", "count=300"]).code(0).to_string();
    assert!(shown.contains("region[299]/go"), "{shown}");
}

#[test]
fn what_changed_inside_is_told_and_taken_with_latest() {
    let project = moving();
    project.run(&["exec", "team/move"]).code(1);
    let edited = FAILOVER.replace("test -e repaired; ", "").replace("db-{{ env }}", "pg-{{ env }}");
    project.write("runbooks/team/failover.yaml", &edited);
    let shown = project.run(&["resume", "--latest"]).code(2).to_string();
    assert!(shown.contains("`db/freeze` has begun and reads `primary`"), "{shown}");
    project.write("runbooks/team/failover.yaml", FAILOVER.replace("test -e repaired; ", ""));
    let shown = project.run(&["resume", "--latest"]).code(0).to_string();
    assert!(shown.contains("db/promote"), "{shown}");
    assert_eq!(sent(&project)[2..], ["promote", "after replica-2", "note succeeded"]);
}
