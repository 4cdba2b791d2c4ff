//! Commands that misbehave, and surroundings that do: the real binary against them.

use std::process::Stdio;
use std::time::{Duration, Instant};

use runbook::exec::{Liveness, alive, end_stranger, find_by_env};
use runbook::machine::Event;
use rustix::process::Signal;

use crate::support::live::{Live, killed, records, spawned, wait_until};
use crate::support::project::Project;

/// Returns a project with one runbook, `enemy`, of these steps.
fn enemy(steps: &str) -> Project {
    Project::new().file("runbooks/enemy.yaml", format!("runbook: enemy\ntitle: An enemy\nsteps:\n{steps}"))
}

/// Insists that nothing of the newest run is alive.
#[track_caller]
fn nothing_left(project: &Project) {
    let run = project.newest();
    assert_eq!(find_by_env(&[("RUNBOOK_RUN", &run)]), []);
}

#[test]
fn a_command_that_ignores_sigterm_is_killed_when_its_time_and_grace_are_up() {
    let project = enemy(
        "  - id: deaf\n    timeout: 300ms\n    grace: 200ms\n    irreversible: It only waits.\n    shell: |\n      trap '' TERM\n      sleep 600 &\n      while :; do sleep 0.05; done\n",
    );
    let said = project.run(&["exec", "enemy"]).code(1).to_string();
    assert!(said.contains("deaf ran out of time"), "{said}");
    nothing_left(&project);
}

/// Forks twice and leaves session, group and parent; holds the pipes, too.
const DAEMON: &str = "(setsid sh -c 'while :; do sleep 0.05; done' &) &";

#[test]
fn a_double_fork_does_not_escape_a_timeout_nor_a_stop() {
    let project = enemy(&format!(
        "  - id: forks\n    timeout: 1s\n    grace: 200ms\n    irreversible: It only waits.\n    shell: |\n      {DAEMON}\n      sleep 600\n"
    ));
    project.run(&["exec", "enemy"]).code(1);
    nothing_left(&project);

    let project = enemy(&format!(
        "  - id: forks\n    grace: 200ms\n    irreversible: It only waits.\n    shell: |\n      {DAEMON}\n      touch begun; sleep 600\n"
    ));
    let engine = Live::start(project.command(&["exec", "enemy"]));
    wait_until("it began", || project.has("begun"));
    engine.signal(Signal::TERM);
    engine.ends_with(143);
    nothing_left(&project);
}

#[test]
fn a_grandchild_that_holds_the_pipe_holds_neither_its_step_nor_the_run() {
    let project = enemy(&format!(
        "  - id: starts\n    irreversible: It only waits.\n    shell: |\n      {DAEMON}\n      sleep 600 &\n      sleep 0.1; echo started\n  - {{id: next, run: touch next, irreversible: It only writes.}}\n"
    ));
    let said = project.run(&["exec", "enemy"]).code(0).to_string();
    assert!(project.has("next"), "{said}");
    // What stayed in the group was ended with it; the service that left is told of, and left alone.
    let run = project.newest();
    let left: Vec<u32> = records(&project)
        .into_iter()
        .filter_map(|record| match record.event {
            Event::LeftRunning { leaf, processes } if leaf.step == "starts" => Some(processes),
            _ => None,
        })
        .flatten()
        .collect();
    let living = find_by_env(&[("RUNBOOK_RUN", &run)]);
    assert!(said.contains("starts left process"), "{said}");
    assert!(left.iter().any(|pid| living.iter().any(|process| process.pid == *pid)), "{left:?} {living:?}");
    for process in &living {
        end_stranger(process, true).expect("it is ours");
    }
    wait_until("it is gone", || find_by_env(&[("RUNBOOK_RUN", &run)]).is_empty());
}

#[test]
fn of_many_services_each_is_told_of_by_its_own_step_and_only_the_stopped_steps_one_is_ended() {
    // A redirection and no `touch`, which may still be at its end, a second process of the step, when its file is seen.
    let serve = |step: &str| {
        format!(
            "(setsid sh -c ': > {step}-up; exec sleep 120' >/dev/null 2>&1 &) & while [ ! -e {step}-up ]; do sleep 0.02; done"
        )
    };
    let mut steps = String::new();
    for number in 0..24 {
        // Four at a time, one after another: each end finds the services of those before it.
        let needs = if number < 4 { String::new() } else { format!("s{}", number - 4) };
        let shell = serve(&format!("s{number}"));
        steps += &format!("  - {{id: s{number}, needs: [{needs}], irreversible: No., shell: \"{shell}\"}}\n");
    }
    let shell = serve("late");
    steps += &format!(
        "  - {{id: late, needs: [s20, s21, s22, s23], irreversible: No., shell: \"{shell}; sleep 600\"}}\n"
    );
    let project = enemy(&steps);
    let engine = Live::start(project.command(&["exec", "enemy"]));
    wait_until("the last one's service is up", || project.has("late-up"));
    engine.signal(Signal::TERM);
    engine.ends_with(143);
    let run = project.newest();
    let of = |step: &str| {
        let found = find_by_env(&[("RUNBOOK_RUN", &run), ("RUNBOOK_STEP", step)]);
        found.into_iter().map(|process| process.pid).collect::<Vec<_>>()
    };
    let all = records(&project);
    for number in 0..24 {
        let step = format!("s{number}");
        let told: Vec<&Vec<u32>> = all
            .iter()
            .filter_map(|record| match &record.event {
                Event::LeftRunning { leaf, processes } if leaf.step == step => Some(processes),
                _ => None,
            })
            .collect();
        assert_eq!(told.len(), 1, "{step}");
        assert_eq!(told[0], &of(&step), "{step}");
        assert_eq!(told[0].len(), 1, "{step}");
    }
    assert_eq!(of("late"), Vec::<u32>::new());
    for process in find_by_env(&[("RUNBOOK_RUN", &run)]) {
        end_stranger(&process, true).expect("it is ours");
    }
    wait_until("they are gone", || find_by_env(&[("RUNBOOK_RUN", &run)]).is_empty());
}

#[test]
fn a_service_that_a_step_started_survives_the_gate_that_looks_at_it() {
    let project = enemy(
        "  - id: serve\n    shell: \"setsid sh -c 'while [ ! -e halt ]; do sleep 0.05; done; touch halted' >/dev/null 2>&1 & sleep 0.1\"\n    irreversible: It only waits.\n    verify: {run: sleep 600, timeout: 200ms, pass: exit_code == 0, within: 500ms, every: 100ms}\n",
    );
    project.run(&["exec", "enemy"]).code(1);
    project.write("halt", "");
    wait_until("the service lived to see it", || project.has("halted"));
}

/// Runs it and returns the most memory the engine had, in KiB, as far as was seen.
fn peak(project: &Project) -> u64 {
    let mut command = project.command(&["exec", "enemy"]);
    let mut engine =
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary can be run");
    let mut peak = 0;
    let status = loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", engine.id())).unwrap_or_default();
        let seen = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB"));
        peak = seen.and_then(|seen| seen.trim().parse().ok()).unwrap_or(0).max(peak);
        if let Some(status) = engine.try_wait().expect("it is ours") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success(), "{status}");
    peak
}

#[test]
fn however_much_is_printed_memory_stays_flat_and_the_log_ends() {
    // By hand with 1 GiB: 7 s and 50 MiB in a debug build.
    let mib = 320;
    let project = enemy(&format!(
        "  - {{id: much, shell: \"head -c {} /dev/zero | tr '\\\\0' x\", effect: read}}\n",
        mib << 20
    ));
    let peak = peak(&project);
    assert!((1..200 << 10).contains(&peak), "{peak} KiB");
    let run = project.newest();
    let log = project.journal().with_extension("db.d").join(run).join("much/action-1.out");
    let kept = std::fs::metadata(log).expect("there is a log").len();
    assert!(((256 << 20) + 1..(256 << 20) + 200).contains(&kept), "{kept} bytes");
}

#[test]
fn one_endless_line_and_a_million_short_ones_are_output_like_any_other() {
    let project = enemy(
        "  - {id: line, shell: \"head -c 67108864 /dev/zero | tr '\\\\0' x\", effect: read}\n  - {id: lines, shell: 'yes | head -n 1000000', effect: read}\n",
    );
    let peak = peak(&project);
    assert!((1..200 << 10).contains(&peak), "{peak} KiB");
    let said = project.run(&["status", &project.newest()]).code(0).to_string();
    assert!(said.len() < 10_000, "{} bytes", said.len());
}

#[test]
fn a_command_that_closes_its_output_early_is_waited_for() {
    let project = enemy(
        "  - {id: quiet, shell: 'exec >&- 2>&-; sleep 0.4; touch done', irreversible: It only writes.}\n  - {id: next, run: ls done, effect: read}\n",
    );
    project.run(&["exec", "enemy"]).code(0);
}

#[test]
fn an_engine_with_all_its_files_closed_still_runs_and_gives_its_commands_an_empty_input() {
    let project = enemy("  - {id: reads, shell: 'cat; echo end > ended', irreversible: It only writes.}\n");
    let ours = project.command(&[]);
    let mut closed = std::process::Command::new("sh");
    closed.args(["-c", "exec \"$0\" exec enemy <&- >&- 2>&-"]).arg(ours.get_program());
    closed.current_dir(project.root()).env_clear();
    closed.envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let status = closed.status().expect("a shell");
    assert_eq!(status.code(), Some(0));
    assert!(project.has("ended"));
    let said = project.run(&["status", &project.newest()]).code(0).to_string();
    assert!(said.contains("succeeded"), "{said}");
}

#[test]
fn of_many_that_take_a_dead_engines_run_up_one_wins_and_the_others_hear_who() {
    let project = enemy(
        "  - {id: pay, shell: 'echo paid >> ledger; while [ ! -e go ]; do sleep 0.05; done', on_interrupt: rerun, irreversible: No.}\n",
    );
    killed(&project, "enemy", "pay");
    project.write("go", "");
    let mut all: Vec<Live> = (0..4).map(|_| Live::start(project.command(&["resume"]))).collect();
    let began = Instant::now();
    while !all.iter_mut().all(Live::is_over) {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(10));
    }
    let ends: Vec<(Option<i32>, String)> =
        all.into_iter().map(Live::end).map(|(status, said)| (status.code(), said)).collect();
    let winners = ends.iter().filter(|(code, _)| *code == Some(0)).count();
    assert_eq!(winners, 1, "{ends:?}");
    for (code, said) in &ends {
        // Who came when all was over heard that, and who came earlier heard who drives it.
        let told = said.contains("is driven by ann on")
            || said.contains("nothing to resume")
            || said.contains("no run is unfinished");
        assert!(*code == Some(0) || (matches!(code, Some(6 | 2 | 0)) && told), "{ends:?}");
    }
    let ledger = std::fs::read_to_string(project.root().join("ledger")).expect("it ran");
    assert_eq!(ledger, "paid\npaid\n", "once by the dead engine, once by the winner");
}

#[test]
fn a_clock_that_is_set_back_an_hour_disturbs_nothing_but_what_it_shows() {
    let steps = "  - {id: first, shell: 'touch begun; while [ ! -e go ]; do sleep 0.05; done', irreversible: It only waits.}\n  - {id: pause, wait: 300ms}\n  - id: gate\n    gate: {run: ls held, pass: exit_code == 0, within: 30s, every: 100ms}\n  - {id: slow, shell: sleep 600, timeout: 300ms, effect: read, on_failure: continue}\n  - {id: last, run: touch last, needs: [gate], irreversible: It only writes.}\n";
    let project = enemy(steps);
    let clock = project.root().join("clock");
    project.write("clock", "0");
    let project = project.env("RUNBOOK_TEST_CLOCK", clock.to_str().expect("a plain path"));
    let began = Instant::now();
    let engine = Live::start(project.command(&["exec", "enemy"]));
    spawned(&project, "first");
    project.write("clock", "-3600");
    // It still holds the run, by its process and not by the clock.
    let second = project.run(&["resume"]).code(6).to_string();
    assert!(second.contains("is driven by"), "{second}");
    project.write("go", "");
    wait_until("the wait is over", || {
        records(&project)
            .iter()
            .any(|one| matches!(&one.event, Event::Intent { leaf, .. } if leaf.step == "gate"))
    });
    project.write("held", "");
    let (_, said) = engine.end();
    assert!(project.has("last"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(60), "nothing waited for the clock to catch up");
    assert!(said.contains("slow ran out of time"), "{said}");
    let all = records(&project);
    assert!(
        all.iter().zip(1..).all(|(record, seq)| record.seq == seq),
        "the order is the journal's, not the clock's"
    );
    assert!(all.windows(2).any(|pair| pair[1].at < pair[0].at), "the clock was set back: {said}");
    let run = project.newest();
    project.run(&["verify", &run]).code(0);
    for verb in [&["status", run.as_str()][..], &["runs", "--all"], &["logs", run.as_str()]] {
        project.run(verb).code(0);
    }
}

#[test]
fn what_a_dead_engine_began_is_found_by_a_clock_that_was_set_back() {
    let project = enemy(
        "  - {id: pay, shell: 'while [ ! -e go ]; do sleep 0.05; done', timeout: 10m, irreversible: No.}\n",
    );
    let clock = project.root().join("clock");
    project.write("clock", "3600");
    let project = project.env("RUNBOOK_TEST_CLOCK", clock.to_str().expect("a plain path"));
    let process = killed(&project, "enemy", "pay");
    project.write("clock", "0");
    let resume = Live::start(project.command(&["resume"]));
    resume.says("Waiting until it has ended");
    project.write("go", "");
    resume.ends_with(3);
    let identity = runbook::exec::Identity {
        pid: process.pid,
        started: process.started,
        boot: process.boot.as_str().into(),
    };
    assert_ne!(alive(&identity), Liveness::Running);
}

/// Up to a limit what a command prints can be read by expressions; beyond it nothing is made of a part of it.
#[test]
fn output_that_is_too_long_to_be_read_whole_is_not_read_in_part() {
    let text = "runbook: long\ntitle: Long\nsteps:\n  - id: prints\n    effect: read\n    shell: 'head -c SIZE /dev/zero | tr \"\\0\" a; echo last'\n    outputs: {code: exit_code}\n";
    let exec = |size: usize| {
        let project = Project::new().file("runbooks/long.yaml", text.replace("SIZE", &size.to_string()));
        let shown = project.run(&["exec", "long"]);
        (shown.code, shown.to_string())
    };
    let (code, shown) = exec((16 << 20) - 5);
    assert_eq!(code, Some(0), "{shown}");
    let (code, shown) = exec((16 << 20) - 4);
    assert!(
        code == Some(1) && shown.contains("its output is too large to be read by expressions"),
        "{shown}"
    );
}
