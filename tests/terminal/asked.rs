//! More of what a person is asked: by hand, in secret, after several failures, and more than fits the terminal.

use super::{like, typed};
use crate::support::project::Project;

#[test]
fn a_step_that_is_done_by_hand() {
    let project = Project::new().file(
        "runbooks/switch.yaml",
        "runbook: switch\ntitle: Switch the load balancer\nsteps:\n  - id: flip\n    phase: By hand\n    manual: {prompt: \"Open the console of the \
         load balancer, set the weight of pool B to 100, and wait until no request goes to pool A any more.\"}\n    \
         irreversible: It is set back by hand.\n",
    );
    let Some(terminal) = typed(&project, "runbook exec switch") else { return };
    like("manual", &terminal.until("Done? [y/N]"));
    terminal.types("y");
    terminal.until("Note");
    terminal.types("");
    like("manual_done", &terminal.ended(0));
}

#[test]
fn a_secret_is_asked_for_and_not_shown() {
    let project = Project::new().file(
        "runbooks/login.yaml",
        "runbook: login\ntitle: Log in\nvars:\n  token: {type: secret, help: The token of the deployment account}\nsteps:\n  \
         - {id: login, shell: 'test -n \"$TOKEN\" && echo logged in', env: {TOKEN: '{{ token }}'}, effect: read}\n",
    );
    let Some(terminal) = typed(&project, "runbook exec login") else { return };
    terminal.until("token:");
    terminal.types("hunter22-is-long");
    let screen = terminal.ended(0);
    assert!(!screen.contains("hunter22"), "{screen}");
    like("secret", &screen);
}

#[test]
fn several_failures_the_first_one_first() {
    let project = Project::new().file(
        "runbooks/three.yaml",
        "runbook: three\ntitle: Three at a time\nsteps:\n  - id: late\n    needs: []\n    shell: 'while [ ! -e second ]; do sleep 0.05; done; sleep 0.3; \
         echo no space left; exit 2'\n    irreversible: It only fails.\n  - id: first\n    needs: []\n    shell: ': > second; echo no route to host >&2; exit 7'\n    \
         irreversible: It only fails.\n  - {id: well, needs: [], run: [echo, well], effect: read}\n",
    );
    let Some(terminal) = typed(&project, "runbook exec three") else { return };
    let screen = terminal.until("What now?");
    like("several_failed", &screen);
    terminal.types("q");
    like("several_failed_end", &terminal.ended(1));
}

/// Nine steps of four lines each, of which a yes runs eight.
fn tall() -> String {
    let services = ["cart", "api", "search", "pay", "mail", "stock", "login", "images"];
    let step = |name: &str| {
        format!(
            "  - id: {name}\n    needs: [go]\n    changes: {name} 2 → 6\n    shell: |\n      # Scale it, and write down that it is.\n      \
             kubectl --context prod --namespace shop scale deployment/{name} --replicas=6 --timeout=5m --dry-run=none\n      \
             echo {name} >> scaled\n    rollback: {{run: [echo, back]}}\n"
        )
    };
    let steps: String = services.iter().map(|name| step(name)).collect();
    format!(
        "runbook: peak\ntitle: Scale everything for the peak\nprotect: env == 'prod'\nvars:\n  env: {{type: string}}\nsteps:\n  \
         - {{id: go, approve: {{prompt: 'Raise {{{{ env }}}} for the peak, 8 services in all?'}}}}\n{steps}"
    )
}

#[test]
fn what_is_taller_than_the_terminal_keeps_its_question_on_it() {
    let project = Project::new().file("runbooks/peak.yaml", tall());
    let Some(terminal) = typed(&project, "runbook exec peak --var env=prod") else { return };
    like("tall_protect", &terminal.until("Type peak to go on"));
    terminal.types("p");
    // The question stands there before, too.
    terminal.when("the last of it", |screen| {
        screen.ends_with("to see all of it:") && screen.contains("\npeak: env = prod\nType peak to go on")
    });
    terminal.types("peak");
    like("tall_approval", &terminal.until("Yes to all 8? [y/N/p]"));
    terminal.types("p");
    like("tall_approval_whole", &terminal.when("all of it", |screen| screen.contains("\ngo: Raise")));
    terminal.types("n");
    terminal.until("Note");
    terminal.types("");
    terminal.until("What now?");
    terminal.types("q");
    terminal.ended(1);
}
