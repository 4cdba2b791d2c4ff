//! The room as a whole, against real processes.

#![expect(clippy::disallowed_methods, reason = "the tests look at logs and at /proc")]

use std::collections::HashSet;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::*;

/// Generous, because these tests share the machine; reached only when something hangs.
const LONG: Duration = Duration::from_secs(60);

fn sh(script: &str) -> Spec {
    Spec::new(["/bin/sh", "-c", script])
}

fn start(pool: &Pool, spec: Spec) -> (Handle, Receiver<Notice>) {
    let (sender, receiver) = channel();
    let handle = pool.spawn(spec, move |notice| {
        let _ = sender.send(notice);
    });
    (handle, receiver)
}

/// Waits for the end, and checks that the start of what ran is told before it, once.
fn end_of(receiver: &Receiver<Notice>) -> Ended {
    let mut started = 0;
    loop {
        match receiver.recv_timeout(LONG).expect("the command must end") {
            Notice::Spawned(_) => started += 1,
            Notice::Chunk { bytes, .. } => assert!(!bytes.is_empty()),
            Notice::Ended(ended) => {
                let ran = !matches!(ended.end, End::NotStarted(_) | End::Stopped { death: None, .. });
                assert_eq!(started, u32::from(ran), "{:?}", ended.end);
                assert!(receiver.recv_timeout(LONG).is_err(), "nothing comes after the end");
                return *ended;
            }
        }
    }
}

fn run(spec: Spec) -> Ended {
    let pool = Pool::new(1).unwrap();
    let (_, receiver) = start(&pool, spec);
    end_of(&receiver)
}

/// Returns who was started; what it printed meanwhile is passed over.
fn identity(receiver: &Receiver<Notice>) -> Identity {
    loop {
        match receiver.recv_timeout(LONG).unwrap() {
            Notice::Spawned(identity) => return identity,
            Notice::Chunk { .. } => {}
            Notice::Ended(ended) => panic!("{ended:?} came first"),
        }
    }
}

/// Returns who was started, once it has printed as well; the two come in any order.
fn up(receiver: &Receiver<Notice>) -> (Identity, String) {
    let (mut who, mut printed) = (None, None);
    while who.is_none() || printed.is_none() {
        match receiver.recv_timeout(LONG).unwrap() {
            Notice::Spawned(identity) => who = Some(identity),
            Notice::Chunk { bytes, .. } => printed = Some(String::from_utf8(bytes).unwrap()),
            Notice::Ended(ended) => panic!("{ended:?} came first"),
        }
    }
    who.zip(printed).unwrap()
}

fn text(captured: &Captured) -> &str {
    std::str::from_utf8(&captured.bytes).unwrap()
}

/// The living processes whose environment holds this variable.
fn living(mark: &str) -> Vec<u32> {
    let has_mark = |pid: &u32| {
        let environ = procfs::environ(*pid).unwrap_or_default();
        environ.split(|&byte| byte == 0).any(|entry| entry == mark.as_bytes())
    };
    procfs::numbers().filter(has_mark).collect()
}

fn marked(mut spec: Spec, mark: &str) -> Spec {
    let (name, value) = mark.split_once('=').unwrap();
    spec.env.push((name.into(), Some(value.into())));
    spec
}

/// A killed process of the group is gone a moment after its leader; that moment depends on the machine.
fn nothing_left(mark: &str) {
    let begin = Instant::now();
    while !living(mark).is_empty() {
        assert!(begin.elapsed() < LONG, "still there: {:?}", living(mark));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn status_and_output_are_told_apart() {
    let ended = run(sh("echo out; echo err >&2; exit 3"));
    assert!(matches!(ended.end, End::Exited(3)), "{ended:?}");
    assert_eq!((text(&ended.stdout), text(&ended.stderr)), ("out\n", "err\n"));
    assert_eq!((ended.stdout.total, ended.stdout.truncated, ended.leftovers), (4, false, 0));
    assert!(matches!(run(sh("kill -9 $$")).end, End::Signalled(9)));
}

/// Nobody is woken for the start of what is over at once, and one that goes on is told of while it does.
#[test]
fn a_start_is_told_with_the_end_or_a_moment_after_it_was() {
    let pool = Pool::new(1).unwrap();
    let (_, short) = start(&pool, Spec::new(["true"]));
    end_of(&short);
    let (long, told) = start(&pool, Spec::new(["sleep", "600"]));
    let first = told.recv_timeout(LONG).unwrap();
    assert!(matches!(&first, Notice::Spawned(identity) if alive(identity) == Liveness::Running), "{first:?}");
    long.kill();
    assert!(matches!(end_of_started(&told).end, End::Stopped { .. }));
}

#[test]
fn it_works_without_pidfd() {
    let pool = Pool::build(1, false).unwrap();
    let (_, receiver) = start(&pool, sh("echo hi; exit 4"));
    let ended = end_of(&receiver);
    assert!(matches!(ended.end, End::Exited(4)), "{ended:?}");
    assert_eq!(text(&ended.stdout), "hi\n");
}

#[test]
fn what_cannot_start_has_an_end_alone() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("script");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&script, executable.clone()).unwrap();
    let data = dir.path().join("data");
    std::fs::write(&data, "\0\0").unwrap();
    std::fs::set_permissions(&data, executable).unwrap();
    let mut nowhere = Spec::new(["true"]);
    nowhere.dir = Some("/no/such/dir".into());

    let pool = Pool::new(1).unwrap();
    for (spec, wanted) in [
        (Spec::new(["no-such-tool"]), "`no-such-tool` was not found on the PATH"),
        (nowhere, "there is no folder /no/such/dir"),
        (Spec::new([script]), "the interpreter in its first line"),
        (Spec::new([data]), "is no program for this machine"),
        (Spec::new(["echo", "a\0b"]), "holds a zero byte"),
        (Spec::new(["echo".to_owned(), "x".repeat(4 << 20)]), "too long"),
    ] {
        let (_, receiver) = start(&pool, spec);
        match receiver.recv_timeout(LONG).unwrap() {
            Notice::Ended(ended) => match ended.end {
                End::NotStarted(error) => assert!(error.to_string().contains(wanted), "{error}"),
                other => panic!("{other:?} for {wanted}"),
            },
            other => panic!("{other:?} for {wanted}"),
        }
    }
}

#[test]
fn merged_output_keeps_its_order() {
    let mut spec = sh("i=0; while [ $i -lt 500 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done");
    spec.merged = true;
    let ended = run(spec);
    let wanted: String = (0..500).map(|i| format!("out {i}\nerr {i}\n")).collect();
    assert!(text(&ended.stdout) == wanted, "{ended:?}");
    assert_eq!(ended.stderr, Captured::default());
}

#[test]
fn much_output_does_not_fill_memory() {
    let mut spec = sh("head -c 67108864 /dev/zero");
    spec.keep = 1 << 20;
    let pool = Pool::new(1).unwrap();
    let (sender, receiver) = channel();
    pool.spawn(spec, move |notice| {
        if let Notice::Ended(ended) = notice {
            sender.send(*ended).unwrap();
        }
    });
    let ended = receiver.recv_timeout(LONG).unwrap();
    assert_eq!((ended.stdout.total, ended.stdout.truncated), (64 << 20, true));
    assert_eq!(ended.stdout.bytes.len(), 1 << 20);
    assert!(ended.stdout.bytes.capacity() <= 2 << 20);
}

#[test]
fn large_input_and_output_at_once_do_not_lock_up() {
    let mut spec = Spec::new(["cat"]);
    spec.keep = usize::MAX;
    let input: Vec<u8> = (0..32u32 << 20).map(|i| (i % 251) as u8).collect();
    spec.stdin = Some(input.clone());
    let ended = run(spec);
    assert!(matches!(ended.end, End::Exited(0)), "{:?}", ended.end);
    assert!(ended.stdout.bytes == input);
}

#[test]
fn input_that_nobody_reads_is_no_error() {
    for script in ["exec true", "exec 0<&-; sleep 0.1; echo done"] {
        let mut spec = sh(script);
        spec.stdin = Some(vec![b'x'; 8 << 20]);
        assert!(matches!(run(spec).end, End::Exited(0)));
    }
    let mut empty = Spec::new(["cat"]);
    empty.stdin = Some(Vec::new());
    assert_eq!(run(empty).stdout.total, 0);
}

#[test]
fn a_background_child_does_not_keep_the_command() {
    let mark = "RUNBOOK_TEST=background";
    let ended = run(marked(sh("sleep 600 & sleep 600 >/dev/null 2>&1 & echo hi"), mark));
    assert!(matches!(ended.end, End::Exited(0)), "{ended:?}");
    assert_eq!((text(&ended.stdout), ended.leftovers), ("hi\n", 2));
    nothing_left(mark);
}

#[test]
fn a_child_that_left_the_group_and_holds_the_pipe_is_not_waited_for() {
    // It ends by itself: it is out of our reach here.
    let ended = run(sh("setsid sh -c 'while sleep 0.2; do echo late || exit; done' & sleep 0.1; echo hi"));
    assert!(matches!(ended.end, End::Exited(0)), "{ended:?}");
    assert!(text(&ended.stdout).contains("hi\n"), "{ended:?}");
}

#[test]
fn a_shell_that_ignores_sigterm_is_killed_with_its_children() {
    let mark = "RUNBOOK_TEST=stubborn";
    let mut spec = marked(sh("trap '' TERM; sleep 600 & echo up; while :; do sleep 600; done"), mark);
    spec.timeout = Some(Duration::from_millis(200));
    spec.grace = Duration::from_millis(200);
    let ended = run(spec);
    assert!(matches!(ended.end, End::TimedOut { death: Death::Signalled(9), killed: true }), "{ended:?}");
    assert_eq!(text(&ended.stdout), "up\n");
    nothing_left(mark);
}

#[test]
fn a_tool_keeps_its_grace_when_its_shell_is_gone() {
    let tool = "trap 'sleep 0.3; echo saved; exit 0' TERM; echo up; while :; do sleep 0.05; done";
    let pool = Pool::new(1).unwrap();
    let (handle, receiver) =
        start(&pool, Spec::new(["sh", "-c", "sh -c \"$1\"; echo unreachable", "sh", tool]));
    let (running, printed) = up(&receiver);
    assert_eq!(printed, "up\n");
    handle.stop();
    let ended = end_of_started(&receiver);
    assert_eq!(text(&ended.stdout), "up\nsaved\n");
    assert!(
        matches!(ended.end, End::Stopped { death: Some(Death::Signalled(15)), killed: false }),
        "{ended:?}"
    );
    assert_eq!(ended.leftovers, 0);
    assert_eq!(alive(&running), Liveness::Gone);
}

#[test]
fn a_deadline_ends_with_sigterm_where_that_is_enough() {
    let mut spec = Spec::new(["sleep", "600"]);
    spec.timeout = Some(Duration::from_millis(100));
    let ended = run(spec);
    assert!(matches!(ended.end, End::TimedOut { death: Death::Signalled(15), killed: false }), "{ended:?}");
    assert!(ended.wall >= Duration::from_millis(100) && ended.wall < LONG);
}

#[test]
fn stop_and_kill_reach_the_whole_group() {
    let pool = Pool::new(2).unwrap();
    let mark = "RUNBOOK_TEST=stopped";
    for hard in [false, true] {
        let (handle, receiver) = start(&pool, marked(sh("sleep 600 | cat; true"), mark));
        let running = identity(&receiver);
        assert_eq!(alive(&running), Liveness::Running);
        // Until the shell has started both.
        while living(mark).len() < 3 {
            std::thread::sleep(Duration::from_millis(5));
        }
        if hard {
            handle.kill()
        } else {
            handle.stop()
        }
        let ended = end_of_started(&receiver);
        match ended.end {
            End::Stopped { death: Some(Death::Signalled(signal)), killed } => {
                assert_eq!((signal, killed), if hard { (9, true) } else { (15, false) });
            }
            other => panic!("{other:?}"),
        }
        nothing_left(mark);
        assert_eq!(alive(&running), Liveness::Gone);
        // Whoever has its number now is safe.
        handle.kill();
        handle.stop();
    }
}

fn end_of_started(receiver: &Receiver<Notice>) -> Ended {
    loop {
        if let Notice::Ended(ended) = receiver.recv_timeout(LONG).unwrap() {
            return *ended;
        }
    }
}

#[test]
fn a_paused_command_can_go_on_and_can_be_stopped() {
    let pool = Pool::new(1).unwrap();
    let (handle, receiver) = start(&pool, Spec::new(["sleep", "600"]));
    let running = identity(&receiver);
    handle.pause();
    wait_for(&running, true);
    handle.resume();
    wait_for(&running, false);
    handle.pause();
    handle.stop();
    assert!(matches!(end_of_started(&receiver).end, End::Stopped { killed: false, .. }));
}

fn wait_for(running: &Identity, suspended: bool) {
    let begin = Instant::now();
    while is_suspended(running) != suspended {
        assert!(begin.elapsed() < LONG, "{}", status_of(running.pid));
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn status_of(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap()
}

/// Whoever suspends its commands stops itself next: with the thread that knows what was just started.
#[test]
fn what_is_just_being_started_is_suspended_before_pause_returns() {
    let group = std::sync::Arc::new(group::Group::new(1));
    group.starts().unwrap();
    let pausing = std::thread::spawn({
        let group = std::sync::Arc::clone(&group);
        move || group.pause()
    });
    std::thread::sleep(Duration::from_millis(100));
    assert!(!pausing.is_finished(), "it waits for the number of the process");
    let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    group.born(rustix::process::Pid::from_child(&child));
    pausing.join().unwrap();
    wait_for(&liveness::identify(child.id(), &procfs::boot().into()), true);
    group.kill(group::Cause::Request);
    child.wait().unwrap();
    // Nothing to wait for: it did not start, or has not begun to.
    let never = group::Group::new(2);
    never.starts().unwrap();
    never.stillborn();
    never.pause();
    group::Group::new(3).pause();
}

/// A shell that waits in vfork(2) for a child that is stopped before it runs its program is not shown as stopped.
#[test]
fn a_shell_that_is_suspended_while_it_starts_a_command_is_seen_as_such() {
    let pool = Pool::new(1).unwrap();
    // It looks for its program in many places first, and can be stopped after each.
    let path = (0..500).map(|n| format!("/nowhere/{n}:")).collect::<String>();
    let (handle, receiver) = start(&pool, sh(&format!("PATH={path}$PATH; while :; do env true; done")));
    let running = identity(&receiver);
    let mut waits = 0;
    for _ in 0..50 {
        handle.pause();
        wait_for(&running, true);
        waits += u32::from(status_of(running.pid).contains("State:\tD"));
        handle.resume();
        wait_for(&running, false);
    }
    // Which shell it is, and how fast, decides about that: what can be seen is said.
    println!("{waits} of 50 times it waited for its child");
    handle.kill();
    end_of_started(&receiver);
}

#[test]
fn the_time_that_a_command_is_paused_is_not_counted() {
    let pool = Pool::new(1).unwrap();
    let timeout = Some(Duration::from_secs(2));
    let (handle, receiver) = start(&pool, Spec { timeout, ..Spec::new(["sleep", "600"]) });
    handle.pause();
    identity(&receiver);
    // Longer than the timeout.
    std::thread::sleep(Duration::from_millis(2500));
    let paused = receiver.try_recv();
    handle.resume();
    assert!(paused.is_err(), "{paused:?}");
    assert!(matches!(end_of_started(&receiver).end, End::TimedOut { .. }));
}

#[test]
fn what_was_stopped_before_its_turn_is_never_started() {
    let pool = Pool::new(1).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ran = dir.path().join("ran");
    let mut waiting = Vec::new();
    for _ in 0..50 {
        let (handle, receiver) = start(&pool, sh("exit 0"));
        drop(handle);
        waiting.push(receiver);
    }
    let (handle, receiver) = start(&pool, Spec::new(["touch".as_ref(), ran.as_os_str()]));
    handle.stop();
    let ended = end_of(&receiver);
    assert!(matches!(ended.end, End::Stopped { death: None, killed: false }), "{ended:?}");
    assert!(!ran.exists());
    waiting.iter().for_each(|receiver| assert!(matches!(end_of(receiver).end, End::Exited(0))));
}

#[test]
fn dropping_the_pool_ends_everything() {
    let mark = "RUNBOOK_TEST=dropped";
    let pool = Pool::new(2).unwrap();
    let started: Vec<_> =
        (0..8).map(|_| start(&pool, marked(sh("trap '' TERM; sleep 600; :"), mark)).1).collect();
    identity(&started[0]);
    drop(pool);
    for receiver in &started {
        assert!(matches!(end_of_started(receiver).end, End::Stopped { killed: true, .. }));
    }
    nothing_left(mark);
}

#[test]
fn logs_hold_redacted_bytes_whatever_the_cuts() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("out.log");
    let mut spec =
        sh("printf 'a hun'; sleep 0.05; printf 'ter2 b hunter'; sleep 0.05; printf '3'; printf hunter2 >&2");
    spec.redactor = Redactor::new([("password", "hunter2")]).unwrap();
    spec.stdout_file = Some(log.clone());
    spec.stderr_file = Some(dir.path().join("err.log"));
    let ended = run(spec.clone());
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "a ••• b hunter3");
    assert_eq!(std::fs::read_to_string(dir.path().join("err.log")).unwrap(), MASK);
    assert_eq!(text(&ended.stdout), "a hunter2 b hunter3", "what expressions read is raw");
    assert_eq!(log.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    run(spec);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "a ••• b hunter3".repeat(2), "appended");
}

#[test]
fn a_log_is_made_with_the_first_byte_and_with_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("run/step");
    let mut spec = sh("exit 3");
    (spec.stdout_file, spec.stderr_file) = (Some(folder.join("out")), Some(folder.join("err")));
    let silent = run(spec.clone());
    assert!(silent.log_error.is_none() && !dir.path().join("run").exists(), "{silent:?}");
    spec.argv[2] = "printf said >&2".into();
    run(spec);
    assert!(!folder.join("out").exists());
    assert_eq!(std::fs::read_to_string(folder.join("err")).unwrap(), "said");
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_log_that_cannot_be_written_is_reported_and_nothing_else() {
    for bad in ["/dev/full", "/dev/null/dir/out.log"] {
        let mut spec = sh("head -c 1000000 /dev/zero; echo still here >&2");
        spec.stdout_file = Some(bad.into());
        let ended = run(spec);
        assert!(matches!(ended.end, End::Exited(0)), "{ended:?}");
        assert_eq!((ended.stdout.total, text(&ended.stderr)), (1_000_000, "still here\n"));
        assert_eq!(ended.log_error.unwrap().path, Path::new(bad));
    }
}

#[test]
fn arguments_and_variables_arrive_as_they_are() {
    let hostile: Vec<std::ffi::OsString> =
        ["", " ", "a b", "$(id)", "`id`", "*", "-rf", "\"", "'", "\\", "a\nb", "ä•\u{202e}"]
            .into_iter()
            .map(Into::into)
            .chain([std::ffi::OsString::from_vec(vec![0xff, 0xfe])])
            .collect();
    let mut spec = Spec::new(["sh", "-c", r#"printf '%s\0' "$@" "$VALUE" "${HOME-unset}""#, "sh"]);
    spec.argv.extend(hostile.iter().cloned());
    spec.env = vec![("VALUE".into(), Some("x $y 'z'".into())), ("HOME".into(), None)];
    spec.env.insert(0, ("VALUE".into(), Some("the last one counts".into())));
    let wanted: Vec<u8> = hostile
        .into_iter()
        .chain(["x $y 'z'".into(), "unset".into()])
        .flat_map(|arg| arg.into_vec().into_iter().chain([0]))
        .collect();
    assert_eq!(run(spec).stdout.bytes, wanted);
}

#[test]
fn the_command_runs_in_its_dir_with_an_empty_stdin_and_sane_signals() {
    let dir = tempfile::tempdir().unwrap();
    let mut spec = sh("pwd; cat; yes | head -n 1");
    spec.dir = Some(dir.path().canonicalize().unwrap());
    let ended = run(spec);
    let here = dir.path().canonicalize().unwrap();
    assert_eq!(text(&ended.stdout), format!("{}\ny\n", here.display()));
    assert_eq!(text(&ended.stderr), "", "SIGPIPE ends `yes` without a word");
}

#[test]
fn two_hundred_at_once_come_out_right() {
    let pool = Pool::new(4).unwrap();
    let started: Vec<_> =
        (0..200).map(|i| start(&pool, sh(&format!("cat; echo {i}; exit {}", i % 7)))).collect();
    let mut seen = HashSet::new();
    for (i, (_, receiver)) in started.iter().enumerate() {
        let ended = end_of(receiver);
        assert!(matches!(ended.end, End::Exited(status) if status as usize == i % 7), "{ended:?}");
        assert_eq!(text(&ended.stdout), format!("{i}\n"));
        seen.insert(i);
    }
    assert_eq!(seen.len(), 200);
}

#[test]
fn a_callback_that_panics_harms_nobody_else() {
    let pool = Pool::new(1).unwrap();
    pool.spawn(sh("echo hi"), |_| std::panic::resume_unwind(Box::new("no message wanted here")));
    let (_, receiver) = start(&pool, sh("exit 5"));
    assert!(matches!(end_of(&receiver).end, End::Exited(5)));
}

/// Returns a command that all it starts can be told by.
fn known(mut spec: Spec, mark: &str) -> Spec {
    spec = marked(spec, mark);
    spec.marks = vec![mark.into()];
    spec
}

#[test]
fn what_left_the_group_is_ended_with_its_command_and_has_its_grace() {
    let dir = tempfile::tempdir().unwrap();
    let (saved, ready) = (dir.path().join("saved"), dir.path().join("ready"));
    // A double fork: its parent is gone, its group and session are its own.
    let polite = format!(
        "trap \"sleep 0.2; touch {}; exit\" TERM; touch {}; while :; do sleep 0.05; done",
        saved.display(),
        ready.display()
    );
    let rude = format!("trap \"\" TERM; touch {}; while :; do sleep 0.05; done", ready.display());
    for (number, (grace, inner)) in [(30_000, polite), (300, rude)].into_iter().enumerate() {
        let mark = format!("RUNBOOK_TEST=stray{number}");
        let mut spec = known(sh(&format!("(setsid sh -c '{inner}' &) & echo up; sleep 600")), &mark);
        spec.grace = Duration::from_millis(grace);
        let pool = Pool::new(1).unwrap();
        let (handle, receiver) = start(&pool, spec);
        identity(&receiver);
        // The stray, its sleep, and the leader's; before it is ready there may be as many that are on their way.
        let begin = Instant::now();
        while !ready.exists() || living(&mark).len() < 4 {
            assert!(begin.elapsed() < LONG);
        }
        handle.stop();
        let ended = end_of_started(&receiver);
        assert!(matches!(ended.end, End::Stopped { death: Some(Death::Signalled(15)), .. }), "{ended:?}");
        assert_eq!(ended.strays, Vec::<u32>::new());
        nothing_left(&mark);
        std::fs::remove_file(&ready).unwrap();
    }
    assert!(saved.exists(), "it had time to put things in order");
}

#[test]
fn a_service_that_a_command_left_on_purpose_is_told_of_and_left_alone() {
    let mark = "RUNBOOK_TEST=service";
    let ended =
        run(known(sh("setsid sleep 600 >/dev/null 2>&1 < /dev/null & sleep 0.1; echo started"), mark));
    assert!(matches!(ended.end, End::Exited(0)));
    assert_eq!(ended.strays, living(mark));
    assert_eq!(ended.strays.len(), 1);
    let pid = rustix::process::Pid::from_raw(ended.strays[0].cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    nothing_left(mark);
}

#[test]
fn a_log_takes_the_beginning_and_says_how_much_more_there_was() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let mut spec = sh("printf 0123456789; printf 0123456789; printf ab");
    spec.stdout_file = Some(log.clone());
    spec.log_limit = 15;
    let ended = run(spec);
    assert_eq!(text(&ended.stdout), "01234567890123456789ab");
    let kept = std::fs::read_to_string(&log).unwrap();
    assert_eq!(kept, "012345678901234\n[runbook: 7 bytes more were printed and are not kept]\n");
}
