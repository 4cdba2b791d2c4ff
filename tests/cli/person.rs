//! A person in the middle: what a failed step offers at the terminal, and prompts that others answer.

use runbook::journal::Store;
use runbook::machine::{Decision, Event};

use crate::support::live::{killed, wait_until};
use crate::support::project::Project;
use crate::support::terminal::{CTRL_C, CTRL_D, Terminal};

/// A chain whose second step works once `mended` is there.
const CHAIN: &str = r#"
runbook: chain
title: Three steps
steps:
  - id: first
    run: touch first
    rollback: {run: rm first}
  - id: second
    shell: 'echo trying; echo broken pipe >&2; echo x >> tries; test -e mended'
    rollback: {run: rm -f second}
  - id: third
    run: touch third
    rollback: {run: rm third}
"#;

fn chain() -> Project {
    Project::new().file("runbooks/chain.yaml", CHAIN)
}

fn events(project: &Project) -> Vec<Event> {
    let run = project.newest();
    let store = Store::open_read_only(project.journal()).expect("a journal");
    let run = store.find(&run).expect("the run");
    store.load(&run).expect("it can be read").records.into_iter().map(|record| record.event).collect()
}

/// Every decision of a person: the step, what, why, and from where.
fn decisions(project: &Project) -> Vec<(String, Decision, Option<String>, String)> {
    let decided = |event| match event {
        Event::Decided { step, decision, by: Some(by), reason } => {
            Some((step, decision, reason, format!("{} at the {}", by.name, by.via)))
        }
        _ => None,
    };
    events(project).into_iter().filter_map(decided).collect()
}

fn failed(project: &Project) -> Terminal {
    let mut terminal = Terminal::start(&project.command(&["exec", "chain"]));
    terminal.wait_for("second failed: it exited with 1");
    terminal.wait_for("| trying");
    terminal.wait_for("What now? [r/s/d/b/q] ");
    terminal
}

#[test]
fn a_failed_step_is_run_again_from_the_prompt() {
    let project = chain();
    let mut terminal = failed(&project);
    terminal.keys("r\n");
    terminal.wait_for("second failed: it exited with 1");
    terminal.wait_for("What now?");
    let listed = project.run(&["runs"]).code(0).to_string();
    assert!(listed.contains("asking"), "it waits for a person: {listed}");
    project.write("mended", "");
    terminal.keys("r\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(project.has("third"), "{screen}");
    let again = ("second".to_owned(), Decision::Retry, None, "ann at the terminal".to_owned());
    assert_eq!(decisions(&project), [again.clone(), again]);
}

#[test]
fn without_an_id_resume_takes_a_run_that_no_engine_drives() {
    let project = chain();
    project.run(&["exec", "chain"]).code(1);
    let paused = project.newest();
    let mut terminal = failed(&project);
    project.write("mended", "");
    let shown = project.command(&["resume"]).output().expect("the binary can be run");
    let said = String::from_utf8_lossy(&shown.stderr);
    assert!(shown.status.success() && said.contains(&format!("run {paused}: chain")), "{said}");
    terminal.keys("q\n");
    assert_eq!(terminal.end().0, Some(1));
}

#[test]
fn a_failed_step_is_skipped_or_taken_as_done_with_a_reason() {
    for (key, decision) in [("s\n", Decision::Skip), ("d\n", Decision::Done)] {
        let project = chain();
        let mut terminal = failed(&project);
        terminal.keys(key);
        terminal.wait_for("Why?");
        terminal.keys("Dana did it by hand\n");
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(0), "{screen}");
        assert!(project.has("third"), "{screen}");
        let why = Some("Dana did it by hand".to_owned());
        assert_eq!(
            decisions(&project),
            [("second".to_owned(), decision, why, "ann at the terminal".to_owned())]
        );
    }
}

#[test]
fn a_failed_step_is_left_by_key_by_end_of_input_and_by_ctrl_c() {
    for keys in ["q\n", CTRL_D, CTRL_C] {
        let project = chain();
        let mut terminal = failed(&project);
        let before = terminal.modes();
        terminal.keys(keys);
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(1), "{keys:?}: {screen}");
        assert!(screen.contains("runbook resume r") && screen.contains("runbook rollback r"), "{screen}");
        assert_eq!(format!("{before:?}"), format!("{:?}", terminal.modes()), "{keys:?}");
        assert!(!project.has("third"));
        // It is a paused run like any other.
        project.write("mended", "");
        project.run(&["resume"]).code(0);
    }
}

#[test]
fn a_failed_run_is_rolled_back_from_the_prompt_after_it_was_shown() {
    let project = chain();
    let mut terminal = failed(&project);
    terminal.keys("b\n");
    terminal.wait_for("rm -f second");
    terminal.wait_for("rm first");
    terminal.wait_for("Undo this? [y/N] ");
    terminal.keys("y\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(4), "{screen}");
    assert!(!project.has("first"), "{screen}");
}

#[test]
fn the_bell_is_rung_once_when_the_person_at_the_terminal_is_asked() {
    for (said, rings) in [(None, 2), (Some("no"), 0)] {
        let project = chain();
        let mut command = project.command(&["exec", "chain"]);
        if let Some(said) = said {
            command.env("RUNBOOK_BELL", said);
        }
        let mut terminal = Terminal::start(&command);
        terminal.wait_for("What now?");
        terminal.keys("r\n");
        terminal.wait_for("What now?");
        terminal.keys("q\n");
        let (_, screen) = terminal.end();
        assert_eq!(screen.matches('\u{7}').count(), rings, "{screen:?}");
    }
    let piped = chain().run(&["exec", "chain"]).code(1).to_string();
    assert!(!piped.contains('\u{7}'), "{piped}");
}

/// An approval, and beside it a step that fails once `fail` is there.
fn beside() -> Project {
    Project::new().file(
        "runbooks/beside.yaml",
        "runbook: beside\ntitle: Two at a time\nsteps:\n  \
         - {id: go, needs: [], approve: {prompt: Shall it go on?}}\n  - id: boom\n    needs: []\n    on_failure: continue\n    \
         shell: 'while [ ! -e fail ]; do sleep 0.05; done; echo no route to host; exit 3'\n    irreversible: It only fails.\n  \
         - {id: act, needs: [go], run: touch acted, irreversible: It only writes.}\n",
    )
}

#[test]
fn who_is_asked_reads_of_a_failure_before_they_answer() {
    let project = beside();
    let mut terminal = Terminal::start(&project.command(&["exec", "beside"]));
    terminal.wait_for("Yes? [y/N] ");
    // Half an answer, from before anything was wrong.
    terminal.keys("y");
    project.write("fail", "");
    terminal.wait_for("boom ");
    terminal.wait_for("| no route to host");
    terminal.wait_for("Yes? [y/n/p] ");
    // The other half: it is neither a yes to what was read since, nor a no.
    terminal.keys("\n");
    terminal.wait_for("Please type y, n, or p to see all of it.");
    terminal.wait_for("Yes? [y/n/p] ");
    assert_eq!(answers(&project), []);
    terminal.keys("n\n");
    terminal.wait_for("Note");
    terminal.keys("\n");
    terminal.wait_for("What now?");
    terminal.keys("q\n");
    let (_, screen) = terminal.end();
    assert_eq!(answers(&project), [("go".to_owned(), false)], "{screen}");
}

fn answers(project: &Project) -> Vec<(String, bool)> {
    let answered = |event| match event {
        Event::Answered { step, yes, .. } => Some((step, yes)),
        _ => None,
    };
    events(project).into_iter().filter_map(answered).collect()
}

#[test]
fn a_yes_counts_with_its_note_and_can_be_taken_back_until_then() {
    for news in [false, true] {
        let project = beside();
        let mut terminal = Terminal::start(&project.command(&["exec", "beside"]));
        terminal.wait_for("Yes? [y/N] ");
        terminal.keys("y\n");
        terminal.wait_for("Note");
        if news {
            project.write("fail", "");
            terminal.wait_for("| no route to host");
            terminal.wait_for("that is no answer yet");
            terminal.wait_for("Yes? [y/n/p] ");
            terminal.keys("y\n");
            terminal.wait_for("Note");
        }
        terminal.keys(CTRL_C);
        terminal.wait_for("the run was asked to stop (Ctrl-C)");
        project.write("fail", "");
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(130), "{screen}");
        assert_eq!(answers(&project), [], "{screen}");
        assert!(!project.has("acted"), "{screen}");
    }
}

#[test]
fn who_says_no_to_undoing_is_not_told_how_to_do_it_unasked() {
    let project = chain();
    project.run(&["exec", "chain"]).code(1);
    let mut terminal = Terminal::start(&project.command(&["rollback"]));
    terminal.wait_for("Undo this? [y/N] ");
    terminal.keys("n\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(2), "{screen}");
    assert!(screen.contains("nothing was undone") && screen.contains("the run stands as it did"), "{screen}");
    assert!(!screen.contains("--yes") && project.has("first"), "{screen}");
}

#[test]
fn nobody_is_offered_anything_without_a_terminal() {
    let project = chain();
    let shown = project.run(&["exec", "chain"]).code(1).to_string();
    assert!(!shown.contains("What now?"), "{shown}");
}

const ASKING: &str = r#"
runbook: asking
title: Ask twice
steps:
  - id: go
    approve: {prompt: Shall it?}
  - id: act
    run: touch acted
    idempotent: true
    irreversible: It only writes.
  - id: more
    approve: {prompt: And more?}
"#;

fn asking() -> (Project, Terminal, String) {
    let project = Project::new().file("runbooks/asking.yaml", ASKING);
    let mut terminal = Terminal::start(&project.command(&["exec", "asking"]));
    terminal.wait_for("go waits for your decision");
    terminal.wait_for("Yes? [y/N] ");
    let run = project.newest();
    (project, terminal, run)
}

#[test]
fn a_prompt_answered_elsewhere_is_taken_down_and_its_keys_answer_nothing() {
    let (project, mut terminal, run) = asking();
    // Half an answer, which must not become one to the next question.
    terminal.keys("y");
    project.run(&["approve", &run, "go", "--note", "from the other room"]).code(0);
    terminal.wait_for("answered from elsewhere: ann@");
    terminal.wait_for("more waits for your decision");
    terminal.wait_for("Yes? [y/n/p] ");
    terminal.keys("\n");
    terminal.wait_for("Please type y, n, or p to see all of it.");
    terminal.keys("n\n");
    terminal.wait_for("Note (Enter for none)");
    terminal.keys("\n");
    terminal.wait_for("What now?");
    terminal.keys("q\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(1), "{screen}");
    assert!(project.has("acted"));
    assert_eq!(answers(&project), [("go".to_owned(), true), ("more".to_owned(), false)]);
}

#[test]
fn a_prompt_of_a_run_that_is_taken_over_is_taken_down() {
    let (project, mut terminal, run) = asking();
    project.run(&["resume", &run, "--takeover", "--reason", "ann went home"]).code(3);
    terminal.wait_for("the run was taken over");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(6), "{screen}");
    let prompt = screen.lines().find(|line| line.contains("Yes? [y/N]")).unwrap_or_default();
    assert!(!prompt.contains("error"), "the last lines do not stand in the prompt: {screen}");
    assert!(!project.has("acted"));
}

#[test]
fn a_prompt_of_a_run_that_is_cancelled_is_taken_down() {
    let (project, mut terminal, run) = asking();
    project.run(&["cancel", &run]).code(0);
    terminal.wait_for("the run was asked to stop (cancel by ann)");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(130), "{screen}");
    assert!(!project.has("acted"));
    project.run(&["verify", &run]).code(0);
}

/// Approved and cancelled at the same moment, in either order: nothing is lost, and the journal says what came first.
#[test]
fn approve_and_cancel_at_the_same_moment() {
    for first in ["approve", "cancel"] {
        let (project, mut terminal, run) = asking();
        // Both are in the inbox before the engine looks: it is held meanwhile.
        terminal.signal(rustix::process::Signal::STOP);
        let approve: &[&str] = &["approve", &run, "go"];
        let cancel: &[&str] = &["cancel", &run];
        for arguments in if first == "approve" { [approve, cancel] } else { [cancel, approve] } {
            project.run(arguments).code(0);
        }
        terminal.signal(rustix::process::Signal::CONT);
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(130), "{first} first: {screen}");
        project.run(&["verify", &run]).code(0);
        let kinds: Vec<&str> = events(&project)
            .iter()
            .filter_map(|event| match event {
                Event::Answered { .. } => Some("approved"),
                Event::StopRequested { .. } => Some("cancelled"),
                _ => None,
            })
            .collect();
        let expected = if first == "approve" { ["approved", "cancelled"] } else { ["cancelled", "approved"] };
        assert_eq!(kinds, expected);
        // The approval is not asked for again.
        let resumed = project.run(&["resume", "--approve", "more"]).code(0).to_string();
        assert!(project.has("acted") && !resumed.contains("go asks for approval"), "{resumed}");
    }
}

#[test]
fn what_to_do_about_a_command_that_outlived_its_engine_is_asked_while_it_is_there() {
    let step = "{id: a, shell: 'while [ ! -e go ]; do sleep 0.05; done', on_interrupt: rerun, rollback: {run: 'true'}}";
    let text = format!("runbook: slow\ntitle: Slow\nsteps:\n  - {step}\n");
    let project = Project::new().file("runbooks/slow.yaml", text);
    killed(&project, "slow", "a");
    let status = project.run(&["status"]).code(0).to_string();
    assert!(status.contains("STILL AT WORK"), "{status}");
    let mut terminal = Terminal::start(&project.command(&["resume"]));
    terminal.wait_for("[W/s/l] ");
    project.write("go", "");
    terminal.wait_for("(it has ended by itself)");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
}

#[test]
fn a_doubt_is_offered_at_the_terminal_too() {
    let project = Project::new().file(
        "runbooks/once.yaml",
        "runbook: once\ntitle: Once\nsteps:\n  - id: pay\n    shell: 'echo paid >> ledger; sleep 600'\n    irreversible: No.\n",
    );
    let mut terminal = Terminal::start(&project.command(&["exec", "once"]));
    wait_until("it paid", || project.has("ledger"));
    terminal.keys(CTRL_C);
    terminal.wait_for("asked to stop");
    terminal.keys(CTRL_C);
    assert_eq!(terminal.end().0, Some(130));
    let mut terminal = Terminal::start(&project.command(&["resume"]));
    terminal.wait_for("pay is in doubt");
    terminal.wait_for("What now?");
    terminal.keys("d\n");
    terminal.wait_for("Why?");
    terminal.keys("seen at the bank\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
}

#[test]
fn a_list_of_things_to_do_is_shown_as_one_and_its_note_is_known_to_the_plan() {
    let project = Project::new().file(
        "runbooks/look.yaml",
        "runbook: look\ntitle: Look\nsteps:\n  - id: a\n    manual: {prompt: \"Look at:\\n\\n- this\\n- that\"}\n  \
         - {id: b, run: \"echo {{ steps.a.outputs.note }}\", effect: read}\n",
    );
    let plan = project.run(&["plan", "look"]).code(0).to_string();
    assert!(plan.contains("echo '‹steps.a.outputs.note›'") && !plan.contains("wrong"), "{plan}");
    let shown = project.run(&["exec", "look"]).code(3).to_string();
    assert!(shown.contains("a asks a person to do this: Look at: - this - that\n"), "{shown}");
    assert!(shown.contains("  a asks a person to do this: Look at:\n    - this\n    - that\n"), "{shown}");
    project.run(&["done", &project.newest(), "a", "--note", "all well"]).code(0);
    let resumed = project.run(&["resume"]).code(0).to_string();
    assert!(resumed.contains("echo 'all well'"), "{resumed}");
}
