//! What a person is asked, answered as they would: with keys.

use runbook::exec::find_by_env;
use runbook::journal::Store;
use runbook::machine::Event;

use super::{like, typed};
use crate::support::live::{killed, wait_until};
use crate::support::project::Project;
use crate::support::tmux::Tmux;

/// A release that asks before it goes out, whose step works once `mended` is there.
const RELEASE: &str = r#"
runbook: release
title: Put a release in place
vars:
  env: {type: string, enum: [prod, staging], help: Where to}
steps:
  - id: build
    phase: Before
    run: [sh, -c, "echo built > built"]
    rollback: {run: rm built}
  - id: go
    phase: Now
    approve: {prompt: "The build is there. Put it into {{ env }}?"}
  - id: copy
    phase: Now
    title: Copy it
    shell: |
      test -e mended || { echo 'rsync: connection refused by the host of {{ env }}' >&2; exit 12; }
      echo copied --from build/output --to /srv/releases/{{ env }}/current --checksum --delete-after --timeout 300 > copied
    rollback: {run: rm -f copied}
"#;

fn release() -> Project {
    Project::new().file("runbooks/release.yaml", RELEASE)
}

#[test]
fn an_approval_and_a_failed_step_that_is_tried_again() {
    let project = release();
    let Some(terminal) = typed(&project, "runbook exec release") else { return };
    terminal.until("env:");
    like("a_missing_var", &terminal.screen());
    terminal.types("2");
    like("an_approval", &terminal.until("Yes? [y/N]"));
    terminal.types("y");
    terminal.until("Note (Enter for none):");
    terminal.types("Dana looked at it");
    like("a_failed_step", &terminal.until("What now?"));
    project.write("mended", "");
    terminal.types("r");
    like("tried_again", &terminal.ended(0));
    assert!(project.has("copied"));
}

#[test]
fn an_approval_that_is_given_elsewhere_takes_the_prompt_down() {
    let project = release();
    project.write("mended", "");
    let Some(terminal) = typed(&project, "runbook exec release --var env=prod") else { return };
    terminal.until("Yes? [y/N]");
    let other = Tmux::open(&project, 80, 24).expect("there is one already");
    other
        .types("runbook approve $(runbook runs --format json | tr -d ' ,\"' | sed -n 's/^run://p') go --yes");
    let told = other.ended(0);
    assert!(told.contains("hears it at once"), "{told}");
    like("answered_elsewhere", &terminal.ended(0));
}

#[test]
fn half_an_answer_that_a_failure_breaks_into_is_none() {
    let project = Project::new().file(
        "runbooks/beside.yaml",
        "runbook: beside\ntitle: Two at a time\nsteps:\n  - {id: go, needs: [], approve: {prompt: Shall it go on?}}\n  \
         - id: boom\n    needs: []\n    on_failure: continue\n    \
         shell: 'while [ ! -e fail ]; do sleep 0.05; done; echo no route to host; exit 3'\n    irreversible: It only fails.\n  \
         - {id: act, needs: [go], run: touch acted, irreversible: It only writes.}\n",
    );
    let Some(terminal) = typed(&project, "runbook exec beside") else { return };
    terminal.until("Yes? [y/N]");
    terminal.presses("y");
    terminal.until("Yes? [y/N] y");
    project.write("fail", "");
    like("broken_in", &terminal.until("Yes? [y/n/p]"));
    terminal.presses("Enter");
    terminal.until("Please type y, n, or p");
    terminal.types("y");
    terminal.until("Note (Enter for none):");
    terminal.presses("C-c");
    like("yes_withdrawn", &terminal.ended(130));
    let store = Store::open_read_only(project.journal()).expect("a journal");
    let run = store.find(&project.newest()).expect("the run");
    let records = store.load(&run).expect("it can be read").records;
    assert!(!records.iter().any(|record| matches!(record.event, Event::Answered { .. })), "{records:?}");
    assert!(!project.has("acted"));
}

#[test]
fn the_second_ctrl_c_stops_what_runs() {
    let project = Project::new().file(
        "runbooks/slow.yaml",
        "runbook: slow\ntitle: Take long\nsteps:\n  - id: first\n    run: [sh, -c, ': > first']\n    rollback: {run: rm first}\n  \
         - id: long\n    shell: ': > began; sleep 600'\n    rollback: {run: rm began}\n",
    );
    let Some(terminal) = typed(&project, "runbook exec slow") else { return };
    wait_until("the step began", || project.has("began"));
    terminal.until("● long");
    terminal.presses("C-c");
    like("ctrl_c", &terminal.until("Ctrl-C again stops it"));
    terminal.presses("C-c");
    like("ctrl_c_twice", &terminal.ended(130));
    assert_eq!(find_by_env(&[("RUNBOOK_RUN", &project.newest())]), []);
    terminal.types("stty -a | tr ' ;' '\\n\\n' | grep -c -x -e echo -e icanon -e isig");
    let screen = terminal.when("how the terminal is set", |screen| screen.ends_with("\n3\n[0] $"));
    assert!(screen.contains("130"), "{screen}");
}

#[test]
fn what_was_under_way_when_the_engine_died_is_asked_about() {
    let project = Project::new().file(
        "runbooks/pay.yaml",
        "runbook: pay\ntitle: Pay the invoices\nsteps:\n  - id: pay\n    title: Send the payments\n    \
         shell: 'while [ ! -e go ]; do sleep 0.05; done'\n    irreversible: Money that was sent is gone.\n  \
         - {id: tell, run: [echo, paid], effect: read}\n",
    );
    if Tmux::open(&project, 80, 24).is_none() {
        return;
    }
    killed(&project, "pay", "pay");
    let run = project.newest();
    project.write("go", "");
    wait_until("the command has ended", || find_by_env(&[("RUNBOOK_RUN", &run)]).is_empty());
    let terminal = typed(&project, "runbook resume").expect("there is one");
    like("in_doubt", &terminal.until("What now?"));
    terminal.types("d");
    terminal.until("Why?");
    terminal.types("the bank has it");
    like("in_doubt_settled", &terminal.ended(0));
}

#[test]
fn who_is_asked_sees_what_a_command_reads_and_where_it_runs() {
    let project = Project::new().file(
        "runbooks/apply.yaml",
        "runbook: apply\ntitle: Apply\nprotect: 'true'\nsteps:\n  - id: set\n    dir: runbooks\n    \
         env: {KUBECONFIG: /etc/prod}\n    stdin: 'replicas: 0'\n    shell: cat - >&2; exit 1\n    \
         irreversible: It only prints.\n",
    );
    let Some(terminal) = typed(&project, "runbook exec apply") else { return };
    let wanted = ["in runbooks", "reads replicas: 0", "with KUBECONFIG"];
    let screen = terminal.until("Type apply to go on:");
    assert!(wanted.iter().all(|wanted| screen.contains(wanted)), "{screen}");
    terminal.types("clear-nothing");
    terminal.until("That is not its name.");
    terminal.types("apply");
    let screen = terminal.until("What now?");
    let menu = screen.rsplit("failed: ").next().unwrap_or_default();
    assert!(wanted.iter().all(|wanted| menu.contains(wanted)), "{screen}");
    terminal.types("q");
    terminal.ended(1);
}

#[test]
fn who_is_to_confirm_a_protected_run_sees_what_it_changes() {
    let project = Project::new().file(
        "runbooks/shrink.yaml",
        "runbook: shrink\ntitle: Shrink the shop\nprotect: env == 'prod'\nvars:\n  env: {type: string}\nsteps:\n  \
         - {id: look, run: [echo, look], effect: read}\n  - id: scale\n    changes: cart 10 → 3\n    \
         run: [echo, kubectl, --context, '{{ env }}', --namespace, shop, scale, deployment/cart, --replicas=3, --timeout=5m]\n    \
         rollback: {run: [echo, back]}\n",
    );
    let Some(terminal) = typed(&project, "runbook exec shrink --var env=prod") else { return };
    like("protect", &terminal.until("Type shrink to go on:"));
    terminal.types("no");
    terminal.until("That is not its name.");
    terminal.types("no");
    let screen = terminal.ended(2);
    assert!(screen.contains("was not confirmed: nothing ran"), "{screen}");
}
