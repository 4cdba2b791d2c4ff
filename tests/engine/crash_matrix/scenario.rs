//! The runs that are killed. Each child that changes something appends one line to `ledger`: the step, the attempt,
//! whether it does or undoes.

use runbook::machine::RunStatus;

/// Says that a step did, or undid, its work. One `write` with O_APPEND: lines of two children never mix.
pub(super) const DID: &str =
    "echo \"$RUNBOOK_STEP $RUNBOOK_ATTEMPT ${RUNBOOK_DIRECTION:-do}\" >> ledger\necho did\n";

/// What a person does, and with which status the run rests then.
#[derive(Clone, Copy, Debug)]
pub(super) enum Move {
    Exec(RunStatus),
    Resume(&'static [&'static str], RunStatus),
    Approve(&'static str),
    Rollback(RunStatus),
}

/// A run with what people do of it.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    pub(super) moves: &'static [Move],
    /// Which of the moves is killed.
    pub(super) victim: usize,
    /// Steps of which not even one that is in doubt may be done twice.
    pub(super) once: &'static [&'static str],
    /// The lock it holds until it is over.
    pub(super) lock: Option<&'static str>,
}

use Move::{Approve, Exec, Resume, Rollback};
use RunStatus::{Failed, Interrupted, RolledBack, Succeeded, Waiting};

const PLAIN: Scenario =
    Scenario { name: "", text: "", moves: &[Exec(Succeeded)], victim: 0, once: &[], lock: None };

pub(super) const CHAIN: Scenario = Scenario {
    name: "chain",
    text: r#"
runbook: r
title: A chain
steps:
  - id: a
    run: sh did
    idempotent: true
    outputs: {word: "stdout | trim"}
    irreversible: It only counts.
  - id: b
    run: sh did "{{ steps.a.outputs.word }}"
    idempotent: true
    outputs: {word: "stdout | trim"}
    irreversible: It only counts.
  - id: c
    run: sh did "{{ steps.b.outputs.word }}"
    idempotent: true
    irreversible: It only counts.
"#,
    ..PLAIN
};

pub(super) const DIAMOND: Scenario = Scenario {
    name: "diamond",
    text: r#"
runbook: r
title: A diamond
steps:
  - {id: top, run: sh did, idempotent: true, irreversible: It only counts.}
  - {id: left, needs: [top], run: sh did, idempotent: true, irreversible: It only counts.}
  - {id: right, needs: [top], run: sh did, idempotent: true, irreversible: It only counts.}
  - {id: bottom, needs: [left, right], run: sh did, idempotent: true, irreversible: It only counts.}
"#,
    ..PLAIN
};

pub(super) const WIDE: Scenario = Scenario {
    name: "wide for_each",
    text: r#"
runbook: r
title: Twelve, four at a time
steps:
  - id: names
    run: echo '["a","b","c","d","e","f","g","h","i","j","k","l"]'
    effect: read
    outputs: {all: json}
  - id: each
    for_each: steps.names.outputs.all
    max_parallel: 4
    run: sh did "{{ item }}"
    idempotent: true
    outputs: {word: stdout}
    irreversible: It only counts.
  - {id: last, run: sh did, idempotent: true, irreversible: It only counts.}
"#,
    ..PLAIN
};

pub(super) const RETRIES: Scenario = Scenario {
    name: "retries",
    text: r#"
runbook: r
title: Fails twice, then works
steps:
  - id: flaky
    shell: 'if [ "$RUNBOOK_ATTEMPT" -lt 3 ]; then echo "$RUNBOOK_STEP $RUNBOOK_ATTEMPT try" >> ledger; exit 1; fi; sh did'
    idempotent: true
    retry: {attempts: 5, delay: 10ms}
    irreversible: It only counts.
  - {id: after, run: sh did, idempotent: true, irreversible: It only counts.}
"#,
    ..PLAIN
};

pub(super) const POLLS: Scenario = Scenario {
    name: "gate with polls",
    text: r#"
runbook: r
title: Waits for the third look
steps:
  - {id: before, run: sh did, idempotent: true, irreversible: It only counts.}
  - id: look
    gate: {shell: "echo x >> polls; wc -l < polls", pass: "stdout | trim | int >= 3", every: 10ms, within: 1m}
  - {id: after, run: sh did, idempotent: true, irreversible: It only counts.}
"#,
    ..PLAIN
};

/// Prints nothing: whose engine is dead dies of what it prints (SIGPIPE), and would leave this half done.
const SIZE: &str = r#"
runbook: r
title: Sets a size
steps:
  - id: size
    capture: {run: cat size, outputs: {n: "stdout | trim | int"}}
    changes: "size {{ captured.n }} → 10"
    satisfied: captured.n == 10
    shell: sh did > /dev/null && echo 10 > size
    verify: {run: cat size, pass: "stdout | trim | int == 10", every: 10ms, within: 150ms}
    rollback:
      shell: sh did > /dev/null && echo {{ captured.n }} > size
      verify: {run: cat size, pass: "stdout | trim | int == captured.n", every: 10ms, within: 150ms}
  - id: again
    capture: {run: cat size, outputs: {n: "stdout | trim | int"}}
    satisfied: captured.n == 10
    run: sh did
    idempotent: true
    irreversible: It is never done.
"#;

pub(super) const CAPTURED: Scenario =
    Scenario { name: "capture, satisfied, verify", text: SIZE, once: &["size"], ..PLAIN };

const ASKS: &str = r#"
runbook: r
title: Asks somebody
steps:
  - {id: before, run: sh did, idempotent: true, irreversible: It only counts.}
  - {id: go, approve: {prompt: Go on?}}
  - {id: after, run: sh did, on_interrupt: ask, irreversible: It only counts.}
"#;

pub(super) const CAPTURED_BACK: Scenario = Scenario {
    name: "captured state restored",
    text: SIZE,
    moves: &[Exec(Succeeded), Rollback(RolledBack)],
    victim: 1,
    once: &["size"],
    ..PLAIN
};

pub(super) const ASKED: Scenario = Scenario {
    name: "approval, the question",
    text: ASKS,
    moves: &[Exec(Waiting), Resume(&["--approve", "go"], Succeeded)],
    once: &["after"],
    ..PLAIN
};

pub(super) const APPROVED: Scenario = Scenario {
    name: "approval by flag",
    text: ASKS,
    moves: &[Exec(Waiting), Resume(&["--approve", "go"], Succeeded)],
    victim: 1,
    once: &["after"],
    ..PLAIN
};

pub(super) const POSTED: Scenario = Scenario {
    name: "approval posted",
    text: ASKS,
    moves: &[Exec(Waiting), Approve("go"), Resume(&[], Succeeded)],
    victim: 1,
    once: &["after"],
    ..PLAIN
};

pub(super) const HEARD: Scenario = Scenario {
    name: "approval from elsewhere",
    text: ASKS,
    moves: &[Exec(Waiting), Approve("go"), Resume(&[], Succeeded)],
    victim: 2,
    once: &["after"],
    ..PLAIN
};

pub(super) const BACK: Scenario = Scenario {
    name: "rollback",
    text: r#"
runbook: r
title: There and back
steps:
  - {id: a, run: sh did, idempotent: true, rollback: {run: sh did}}
  - id: b
    run: sh did
    rollback: {run: sh did, verify: {shell: "grep -c '^b .* undo' ledger || true", pass: "stdout | trim | int >= 1", within: 150ms, every: 10ms}}
  - {id: c, run: sh did, idempotent: true, rollback: {run: sh did}}
"#,
    moves: &[Exec(Succeeded), Rollback(RolledBack)],
    victim: 1,
    ..PLAIN
};

pub(super) const BACK_AT_ONCE: Scenario = Scenario {
    name: "on_failure: rollback",
    text: r#"
runbook: r
title: Fails and goes back
on_failure: rollback
steps:
  - {id: a, run: sh did, idempotent: true, rollback: {run: sh did}}
  - {id: b, shell: "sh did; exit 3", idempotent: true, rollback: {run: sh did}}
  - {id: c, run: sh did, idempotent: true, rollback: {run: sh did}}
finally:
  - {id: tell, run: sh did, idempotent: true}
"#,
    moves: &[Exec(RolledBack)],
    ..PLAIN
};

pub(super) const BACK_ONCE: Scenario = Scenario {
    name: "undo that may not be repeated",
    text: r#"
runbook: r
title: There and back once
steps:
  - {id: a, run: sh did, on_interrupt: ask, rollback: {run: sh did}}
  - {id: b, shell: "sh did; exit 3", on_interrupt: ask, rollback: {run: sh did}}
"#,
    moves: &[Exec(Failed), Rollback(RolledBack)],
    victim: 1,
    once: &["a", "b"],
    ..PLAIN
};

pub(super) const FINALLY: Scenario = Scenario {
    name: "finally",
    text: r#"
runbook: r
title: Tells at the end
steps:
  - {id: a, run: sh did, idempotent: true, irreversible: It only counts.}
finally:
  - {id: tell, run: sh did, idempotent: true}
  - {id: sweep, run: sh did, idempotent: true}
"#,
    ..PLAIN
};

pub(super) const ONCE: Scenario = Scenario {
    name: "not to be repeated",
    text: r#"
runbook: r
title: Each way to be interrupted
steps:
  - {id: pay, run: sh did, irreversible: Money does not come back.}
  - id: mail
    run: sh did
    irreversible: It is sent.
    verify: {run: cat ledger, pass: "'mail' in stdout", every: 10ms, within: 150ms}
  - {id: note, run: sh did, on_interrupt: rerun, irreversible: It is said.}
  - {id: book, run: sh did, on_interrupt: ask, irreversible: It is booked.}
"#,
    once: &["pay", "mail", "book"],
    ..PLAIN
};

pub(super) const LOCKED: Scenario = Scenario {
    name: "lock",
    text: r#"
runbook: r
title: One at a time
lock: desk
steps:
  - {id: a, run: sh did, idempotent: true, irreversible: It only counts.}
  - {id: b, run: sh did, irreversible: It only counts.}
"#,
    once: &["b"],
    lock: Some("desk"),
    ..PLAIN
};

/// Its command outlives the engine for a while; two of them at once would notice each other.
pub(super) const OUTLIVED: Scenario = Scenario {
    name: "a command that goes on",
    text: r#"
runbook: r
title: Takes a while
steps:
  - id: a
    idempotent: true
    irreversible: It only counts.
    shell: |
      mkdir busy || echo "$RUNBOOK_STEP $RUNBOOK_ATTEMPT overlap" >> ledger
      sleep 0.2
      rmdir busy
      sh did > /dev/null
  - {id: b, run: sh did, idempotent: true, irreversible: It only counts.}
"#,
    ..PLAIN
};

/// Asks from within to be cancelled, as somebody at another terminal would; goes on when its engine dies of it. For a bounded
/// time it looks whether it did: an engine that was killed right after the start was never this shell's parent, and
/// whoever is in its place does not end.
pub(super) const CANCELLED: Scenario = Scenario {
    name: "cancel",
    text: r#"
runbook: r
title: Is cancelled once
steps:
  - {id: a, run: sh did, idempotent: true, irreversible: It only counts.}
  - id: b
    idempotent: true
    irreversible: It only counts.
    shell: |
      if [ ! -e asked ]; then
        touch asked
        env -u RUNBOOK_CRASH_AT -u RUNBOOK_CRASH_LIST "$RUNBOOK_BINARY" cancel "$RUNBOOK_RUN" > /dev/null 2>&1
        for turn in $(seq 200); do kill -0 "$PPID" 2> /dev/null || break; sleep 0.05; done
      fi
      sh did > /dev/null
  - {id: c, run: sh did, idempotent: true, irreversible: It only counts.}
"#,
    moves: &[Exec(Interrupted), Resume(&[], Succeeded)],
    ..PLAIN
};

/// What [`INSIDE`] brings in, once by itself and once for each of two.
pub(super) const INNER: &str = r#"
runbook: inner
title: Brought in
vars: {to: {type: string}}
lock: "desk/{{ to }}"
steps:
  - id: a
    run: sh did
    idempotent: true
    outputs: {word: "stdout | trim"}
    rollback: {run: sh did}
  - id: b
    run: sh did "{{ steps.a.outputs.word }}" "{{ to }}"
    idempotent: true
    rollback: {run: sh did}
finally:
  - {id: note, run: sh did, idempotent: true}
"#;

const INSIDE_TEXT: &str = r#"
runbook: r
title: Brings in others
steps:
  - {id: first, run: sh did, idempotent: true, rollback: {run: sh did}}
  - {id: one, runbook: inner, vars: {to: one}}
  - {id: each, for_each: [x, y], runbook: inner, vars: {to: "{{ item }}"}}
  - id: last
    run: sh did "{{ steps['one/a'].outputs.word }}"
    idempotent: true
    rollback: {run: sh did}
"#;

pub(super) const INSIDE: Scenario = Scenario { name: "runbooks brought in", text: INSIDE_TEXT, ..PLAIN };

pub(super) const INSIDE_BACK: Scenario = Scenario {
    name: "runbooks brought in, rolled back",
    text: INSIDE_TEXT,
    moves: &[Exec(Succeeded), Rollback(RolledBack)],
    victim: 1,
    ..PLAIN
};

/// Each notice is a line of the ledger, with its word only: none may be there twice, whatever its number. The steps may
/// be repeated, so that nobody is asked about a doubt, which would be told rightly.
const TOLD: &str = r#"
runbook: r
title: Tells somebody
hooks:
  started: {shell: 'echo "$RUNBOOK_EVENT 1 told" >> ledger'}
  waiting: {shell: 'echo "$RUNBOOK_EVENT 1 told" >> ledger'}
  finished: {shell: 'echo "$RUNBOOK_EVENT 1 told" >> ledger'}
  failed: {shell: 'echo "$RUNBOOK_EVENT 1 told" >> ledger'}
  stopped: {shell: 'echo "$RUNBOOK_EVENT 1 told" >> ledger'}
  rolled_back: {shell: 'echo "$RUNBOOK_EVENT 1 told" >> ledger'}
steps:
  - {id: before, run: sh did, idempotent: true, rollback: {run: sh did}}
  - {id: go, approve: {prompt: Go on?}}
  - {id: after, run: sh did, idempotent: true, rollback: {run: sh did}}
"#;

pub(super) const TOLD_ASKING: Scenario = Scenario {
    name: "hooks, the question",
    text: TOLD,
    moves: &[Exec(Waiting), Resume(&["--approve", "go"], Succeeded)],
    ..PLAIN
};

pub(super) const TOLD_ANSWERED: Scenario = Scenario {
    name: "hooks, the answer",
    text: TOLD,
    moves: &[Exec(Waiting), Approve("go"), Resume(&[], Succeeded)],
    victim: 2,
    ..PLAIN
};

pub(super) const TOLD_BACK: Scenario = Scenario {
    name: "hooks, rolled back",
    text: TOLD,
    moves: &[Exec(Waiting), Resume(&["--approve", "go"], Succeeded), Rollback(RolledBack)],
    victim: 2,
    ..PLAIN
};

pub(super) const ALL: &[&Scenario] = &[
    &CHAIN,
    &DIAMOND,
    &WIDE,
    &RETRIES,
    &POLLS,
    &CAPTURED,
    &CAPTURED_BACK,
    &ASKED,
    &APPROVED,
    &POSTED,
    &HEARD,
    &BACK,
    &BACK_AT_ONCE,
    &BACK_ONCE,
    &FINALLY,
    &ONCE,
    &LOCKED,
    &OUTLIVED,
    &CANCELLED,
    &INSIDE,
    &INSIDE_BACK,
    &TOLD_ASKING,
    &TOLD_ANSWERED,
    &TOLD_BACK,
];
