//! What a runbook, a value or a command says can't move the cursor, recolour or rename the terminal.

use crate::support::project::Project;

const HOSTILE: &str = "x\u{1b}[31mred\u{1b}]0;pwn\u{7}\u{202e}";

fn project() -> Project {
    Project::new().file(
        "runbooks/odd.yaml",
        "runbook: odd\n\
         title: Odd names\n\
         summary: Prints names that would move the cursor.\n\
         vars:\n  v: {type: string}\n\
         steps:\n\
         \x20 - id: each\n\
         \x20   for_each: \"{v: 1}\"\n\
         \x20   effect: read\n\
         \x20   title: \"Shows {{ v }}\"\n\
         \x20   run: [printf, \"%s\", \"{{ v }}\"]\n\
         \x20 - id: fails\n\
         \x20   effect: read\n\
         \x20   shell: \"echo {{ v }} >&2; exit 1\"\n",
    )
}

/// Runs the binary and returns all that it wrote, without the command line, which holds the hostile text itself.
#[track_caller]
fn written(project: &Project, arguments: &[&str]) -> String {
    let output = project.command(arguments).output().expect("the binary can be run");
    let text = String::from_utf8([output.stdout, output.stderr].concat()).expect("what it writes is UTF-8");
    let odd = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
    assert_eq!(odd, None, "{text:?}");
    text
}

#[test]
fn no_verb_passes_a_control_sequence_on() {
    let project = project();
    let given = format!("v={HOSTILE}");
    let plan = written(&project, &["plan", "odd", "--var", &given]);
    assert!(plan.contains(r"each[x\x1b[31mred"), "the name is told in full: {plan}");
    assert!(plan.contains(r"printf %s 'x\x1b[31mred"), "and so is the command: {plan}");

    let run = written(&project, &["exec", "odd", "--var", &given]);
    assert!(run.contains("fails FAILED"), "{run}");
    written(&project, &["status"]);
    written(&project, &["exec", HOSTILE]);
    written(&project, &["status", HOSTILE]);
}
