//! What happened, in words: the same in every reporter.

use std::time::Duration;

use super::Seen;
use super::excerpt::{Excerpt, excerpt};
use super::paint::quoted;
use crate::machine::{
    Changed, Covered, Decision, End, Event, Finish, Graph, Leaf, NodeId, Opened, Person, Progress, Question,
    Rehearsal, RunStatus, Stage, UndoResult, Verdict, needed, voters,
};
use crate::model::{Action, Effect, Gate, Value, format_duration};

/// How many instances of a `for_each` are named.
const NAMED: usize = 8;

/// Returns a sentence for an event that deserves one, without the instance's name in front. `took` is how long the
/// instance or its undo took, where it ended.
pub(super) fn sentence(
    event: &Event,
    graph: &Graph,
    node: Option<NodeId>,
    took: Option<Duration>,
) -> Option<String> {
    let after = |text: &str| match took {
        Some(took) => format!("{text} after {}", format_duration(took)),
        None => text.to_owned(),
    };
    Some(match event {
        Event::Opened(opened) => opening(opened),
        Event::Resumed { by, reason } => {
            format!("taken up again by {}{}", person(by), because(reason.as_deref()))
        }
        Event::TakenOver { by, from, reason, .. } => {
            format!("taken over by {} from {} ({reason})", person(by), person(from))
        }
        Event::Outlived { processes, stopped: true, by, .. } => {
            format!("outlived its engine ({}) and is stopped, by {}", numbered(processes), person(by))
        }
        Event::Outlived { processes, by, .. } => {
            format!("outlived its engine ({}); {} waited until it had ended", numbered(processes), person(by))
        }
        Event::LeftRunning { processes, .. } => {
            let them = if processes.len() == 1 { "it" } else { "them" };
            format!("left {} running; runbook does not stop {them}", numbered(processes))
        }
        Event::Renewed { by, changes, .. } => {
            let what = match changes.len() {
                0 => String::new(),
                1..=NAMED => format!(": {}", changes.join("; ")),
                more => format!(": {}; and {} more", changes[..NAMED].join("; "), more - NAMED),
            };
            format!("what has not begun is taken anew, by {}{what}", person(by))
        }
        Event::Expanded { items, .. } => {
            let names: Vec<&str> = items.iter().take(NAMED).map(|item| item.key.as_str()).collect();
            let more = items.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            match items.len() {
                0 => "has no instances: nothing to do".to_owned(),
                count => format!("has {}: {}{more}", counted(count, "instance"), names.join(", ")),
            }
        }
        Event::Intent { leaf, command, .. } => {
            let of = attempt(leaf, graph, node).map(|of| format!(" ({of})")).unwrap_or_default();
            format!("{}{of}: {}", beginning(leaf.stage), one_line(command))
        }
        // A command that went well is told by what follows it.
        Event::Exited { end: End::Exit(0), .. } => return None,
        Event::Exited { leaf, end, ms, .. } => {
            let what = if leaf.stage == Stage::Undo { "the undo " } else { "" };
            let ms = format_duration(Duration::from_millis(*ms));
            match end {
                End::Exit(code) => format!("{what}exited with {code} after {ms}"),
                End::Signal(signal) => format!("{what}was killed by signal {signal} after {ms}"),
                End::TimedOut => format!("{what}ran out of time after {ms}"),
                End::Stopped => format!("{what}was stopped after {ms}"),
                End::NotStarted(why) => format!("{what}did not start: {why}"),
            }
        }
        Event::OutputLost { why, .. } => format!("its output is not kept whole: {why}"),
        Event::Captured { changes, .. } => format!("change: {}", changes.as_ref()?),
        Event::Polled { leaf, verdict, seen } if leaf.stage == Stage::Guard => guarding(verdict, seen),
        Event::Judged { leaf, verdict, seen, .. } if leaf.stage == Stage::Guard => match verdict {
            Verdict::DoesNotHold => format!("{}; stopping it", guarding(verdict, seen)),
            // Said when it was heard.
            _ => return None,
        },
        Event::Polled { verdict, seen, .. } => match verdict {
            Verdict::Holds | Verdict::Warns => seeing("holds now, and must go on holding", seen),
            Verdict::DoesNotHold => seeing("not yet", seen),
            Verdict::CouldNotTell(why) => format!("could not tell: {why}"),
        },
        Event::Judged { verdict, seen, polls, .. } => match verdict {
            Verdict::Holds => seeing(&asked("holds", *polls), seen),
            Verdict::Warns => seeing(&asked("holds, but only just", *polls), seen),
            // Why is told by what follows: the step failed, is in doubt, or runs again.
            Verdict::DoesNotHold | Verdict::CouldNotTell(_) if *polls > 1 => asked("gave up", *polls),
            Verdict::DoesNotHold | Verdict::CouldNotTell(_) => return None,
        },
        Event::AwaitsLock { lock, keeper, .. } => format!("waits for the lock `{lock}`, held by {keeper}"),
        Event::Locked { lock, .. } => format!("has the lock `{lock}`"),
        Event::Unlocked { lock, .. } => format!("gave the lock `{lock}` back"),
        Event::Lapsed { .. } => "its answer is too old now for what needs it".to_owned(),
        Event::Reopened { .. } => {
            "is asked again before what needs it begins: its answer is too old".to_owned()
        }
        Event::RetryScheduled { leaf, ms } => {
            let of = attempt(leaf, graph, node).unwrap_or_else(|| "attempt 1".to_owned());
            format!("{of} failed; the next in {}", format_duration(Duration::from_millis(*ms)))
        }
        Event::Asked { question, prompt, ms, .. } => {
            format!("{}: {}{}", asking(*question), flat(prompt), terms(graph, node, *ms))
        }
        Event::Answered { by, yes, note, answers, .. } => {
            let said = if *yes { "yes" } else { "no" };
            // A manual step's note is its answer, too.
            let said_apart = |value: &Value| note.is_none() && value.as_str() != Some("");
            let answers = answers.iter().filter(|(name, value)| *name != "note" || said_apart(value));
            let answers = answers.map(|(name, value)| match value.as_str() {
                Some(text) => format!("; {name}: {text}"),
                None => format!("; {name}: {value}"),
            });
            let answers: String = answers.collect();
            format!("{} said {said}{}{answers}", person(by), because(note.as_deref()))
        }
        Event::Refused { by, why, .. } => format!("the answer of {} was not taken: {why}", person(by)),
        Event::Voided { changed, .. } => voided(changed),
        Event::Finished { result, .. } => match result {
            Finish::Succeeded => after("done"),
            Finish::Satisfied => "nothing to do".to_owned(),
            Finish::Skipped(why) => format!("skipped: {why}"),
            Finish::Failed(why) => format!("{}: {why}", after("FAILED")),
            Finish::Stopped => after("stopped"),
            Finish::MarkedDone => "taken as done".to_owned(),
        },
        Event::Doubted { leaf } if is_asked_again(leaf, graph, node) => {
            "broke off before its answer; it only looks, and is asked again".to_owned()
        }
        Event::Doubted { leaf } => doubt(leaf.stage).to_owned(),
        Event::Decided { decision, by, reason, .. } => {
            let what = match decision {
                Decision::Retry => "run it again",
                Decision::Verify => "ask its gate",
                Decision::Skip => "go on without it",
                Decision::Done => "take it as done",
            };
            let who = by.as_ref().map_or_else(|| "the step's own rule".to_owned(), person);
            format!("decided: {what}, by {who}{}", because(reason.as_deref()))
        }
        Event::StopRequested { by, hard: false } => format!("asked to stop ({by}): what runs may finish"),
        Event::StopRequested { by, hard: true } => format!("asked to stop ({by}): what runs is stopped"),
        Event::RollbackBegan { by, order, .. } => {
            let who = match by {
                Some(by) => format!(", asked for by {}", person(by)),
                None => ", since a step failed".to_owned(),
            };
            match order.len() {
                0 => format!("rollback began{who}: nothing was changed, nothing is to be undone"),
                count => format!("rollback of {} began{who}", counted(count, "step")),
            }
        }
        Event::Undone { result, .. } => match result {
            UndoResult::Done => after("undone"),
            UndoResult::Nothing => "nothing to undo".to_owned(),
            UndoResult::Left(why) => format!("left as it is: {why}"),
            UndoResult::Failed(why) => format!("COULD NOT BE UNDONE: {why}"),
            UndoResult::Blocked(on) => format!("not undone: {on} stands on it and could not be undone"),
        },
        Event::FinallyBegan { status: RunStatus::Interrupted } => {
            "the last steps begin, since it was stopped; stop again to stop them too".to_owned()
        }
        Event::FinallyBegan { status } => format!("the last steps begin; the outcome is: {}", status.word()),
        Event::Played { .. } => return None,
        Event::HookFailed { hook, why, .. } => format!("the hook `{}` went wrong: {why}", hook.word()),
        Event::Rested { status } => resting(*status).to_owned(),
        Event::Started { .. } | Event::Spawned { .. } | Event::Woke { .. } | Event::Expired { .. } => {
            return None;
        }
    })
}

/// Returns who must answer, and how soon, when the step says so.
fn terms(graph: &Graph, node: Option<NodeId>, ms: Option<u64>) -> String {
    let mut parts = Vec::new();
    if let Some(Action::Approve(approve)) = node.map(|node| &graph.step(node).body.action) {
        match (approve.count, approve.who()) {
            (Some(count), Some(who)) if count > 1 => parts.push(format!("{count} of {who} must say yes")),
            (Some(count), None) if count > 1 => parts.push(format!("{count} people must say yes")),
            (_, Some(who)) => parts.push(format!("{who} may answer")),
            _ => {}
        }
        if approve.not_self {
            parts.push("not whoever drives the run".to_owned());
        }
    }
    parts.extend(ms.map(|ms| format!("within {}", format_duration(Duration::from_millis(ms)))));
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// Returns how many said yes so far, for an answer that was not the last.
pub(super) fn so_far(seen: &Seen<'_>) -> Option<String> {
    let Event::Answered { step, yes: true, hash, .. } = seen.event else { return None };
    let at = seen.state.find(step)?;
    let Progress::Asking(_) = seen.state.at(at).progress else { return None };
    let said = voters(seen.state, at, hash.as_deref()).count();
    Some(format!("; {said} of {} said yes, and it still waits", needed(seen.graph, at.node)))
}

/// Returns the command that answers a question from any terminal.
pub(super) fn answered_by((program, run): (&str, &str), step: &str, question: Question) -> String {
    match question {
        Question::Manual => format!("{program} done {run} {} --note '...'", quoted(step)),
        Question::Approval | Question::Irreversible => format!("{program} approve {run} {}", quoted(step)),
    }
}

/// Returns what became of an approval whose commands are no longer the ones that were approved.
fn voided(changed: &[Changed]) -> String {
    let mut text = "is asked for again: what was approved is not what would start".to_owned();
    for one in changed.iter().take(NAMED) {
        let of = |command: &Option<Covered>| match command {
            Some(command) => whole(command),
            None => "nothing".to_owned(),
        };
        let (mut old, mut new) = (of(&one.old), of(&one.new));
        if let (true, Some(was), Some(is)) = (old == new, &one.old, &one.new) {
            // Scripts that begin alike: the line that differs tells more.
            let lines = was.command.lines().zip(is.command.lines()).find(|(was, is)| was != is);
            (old, new) = match lines {
                Some((was, is)) => (was.trim().to_owned(), is.trim().to_owned()),
                None => (was.command.clone(), is.command.clone()),
            };
        }
        text.push_str(&format!("; {}: approved `{old}`, would start `{new}`", one.step));
    }
    match changed.len().saturating_sub(NAMED) {
        0 => text,
        more => format!("{text}; and {more} more"),
    }
}

/// Returns a covered command with its surroundings, as one line.
fn whole(command: &Covered) -> String {
    let mut text = one_line(&command.command).into_owned();
    for (word, value) in [("in", &command.dir), ("reading", &command.stdin)] {
        if let Some(value) = value {
            text.push_str(&format!(" {word} {}", one_line(value)));
        }
    }
    if !command.env.is_empty() {
        text.push_str(&format!(" with {}", command.env.join(", ")));
    }
    text
}

/// Returns a command on one line: of a script the first line that does something, and how many there are. The plan and the
/// journal have the whole of it.
pub fn one_line(command: &str) -> std::borrow::Cow<'_, str> {
    let mut lines = command.lines().map(str::trim).filter(|line| !line.is_empty());
    let does = |line: &&str| !line.starts_with('#') && !line.starts_with("set -");
    let does = lines.clone().find(does);
    match (lines.next(), lines.count()) {
        (Some(first), more) if more > 0 => format!("{} … ({} lines)", does.unwrap_or(first), more + 1).into(),
        (Some(first), _) if command.contains('\n') => first.into(),
        _ => command.into(),
    }
}

/// Returns a text of several lines as one.
pub(super) fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns what a step printed that is worth showing though it went well: what a command that only looks has found.
pub(super) fn found(seen: &Seen<'_>, step: &str) -> Excerpt {
    let Some(at) = seen.state.find(step) else { return Excerpt::default() };
    let body = &seen.graph.step(at.node).body;
    let looks = body.effect == Effect::Read && matches!(body.action, Action::Command(_));
    if looks { excerpt(&seen.state.at(at).tail, true) } else { Excerpt::default() }
}

/// Returns where all of an output is that was told in part.
pub(super) fn whole_of((program, run): (&str, &str), step: &str) -> String {
    format!("all of it: {program} logs {run} {}", quoted(step))
}

/// Returns the gate of a stage.
pub(super) fn gate(graph: &Graph, node: NodeId, stage: Stage) -> Option<&Gate> {
    let step = graph.step(node);
    let body = &step.body;
    match stage {
        Stage::Check => body.check.as_deref(),
        Stage::Guard => step.guard.as_deref(),
        Stage::Verify => body.verify.as_deref(),
        Stage::UndoVerify => body.rollback.as_ref().and_then(|undo| undo.verify.as_deref()),
        _ => match &body.action {
            Action::Gate(gate) => Some(&**gate),
            _ => None,
        },
    }
}

/// Returns what a run at rest with this status is.
pub(super) fn resting(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Waiting => "waiting for a person",
        RunStatus::Interrupted => "stopped before its end",
        RunStatus::RollbackFailed => "rolled back in part",
        other => other.word(),
    }
}

/// Returns what is known of an instance whose command was under way when its engine died, was
/// taken over, or could record nothing any more: which of them is not its own to know.
pub(super) fn doubt(stage: Stage) -> &'static str {
    match stage {
        Stage::Action => {
            "in doubt: the run broke off while its command ran; whether it took effect is not known"
        }
        Stage::Undo => "in doubt: the run broke off while its undo ran; whether it took effect is not known",
        Stage::Check | Stage::Capture | Stage::Guard | Stage::Verify | Stage::UndoVerify => {
            "the run broke off while it was looked at; it is looked at again"
        }
    }
}

/// Returns what a person is asked for.
pub(super) fn asking(question: Question) -> &'static str {
    match question {
        Question::Approval => "asks for approval",
        Question::Manual => "asks a person to do this",
        Question::Irreversible => "can't be undone and asks whether to leave it",
    }
}

/// Returns a person as `name@host`.
pub(super) fn person(by: &Person) -> String {
    match (by.name.is_empty(), by.host.is_empty()) {
        (true, _) => "somebody".to_owned(),
        (false, true) => by.name.clone(),
        (false, false) => format!("{}@{}", by.name, by.host),
    }
}

/// Returns `process 7`, `processes 7, 8`.
fn numbered(processes: &[u32]) -> String {
    let numbers: Vec<String> = processes.iter().map(u32::to_string).collect();
    format!("process{} {}", if numbers.len() == 1 { "" } else { "es" }, numbers.join(", "))
}

/// Returns `3 steps`, `1 step`.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Returns `attempt 2 of 3`, when the stage is tried more than once.
pub(super) fn attempt(leaf: &Leaf, graph: &Graph, node: Option<NodeId>) -> Option<String> {
    attempt_of(leaf.attempt, leaf.stage, graph, node)
}

/// Returns `attempt 2 of 3`, when the stage is tried more than once.
pub(super) fn attempt_of(number: u32, stage: Stage, graph: &Graph, node: Option<NodeId>) -> Option<String> {
    let retry = node.and_then(|node| {
        let step = graph.step(node);
        match stage {
            Stage::Action => step.retry.as_ref().or(step.body.retry.as_ref()),
            Stage::Undo => step.body.rollback.as_ref().and_then(|undo| undo.retry.as_ref()),
            _ => None,
        }
    });
    match retry {
        // A resumed step goes on counting, so it may have been tried more often than one engine would.
        Some(retry) if retry.attempts > 1 && number <= retry.attempts => {
            Some(format!("attempt {number} of {}", retry.attempts))
        }
        _ => {
            (number > 1 && matches!(stage, Stage::Action | Stage::Undo)).then(|| format!("attempt {number}"))
        }
    }
}

fn opening(opened: &Opened) -> String {
    let what = if opened.rehearsal.is_some() { "rehearsal of " } else { "" };
    let mut text = format!("{what}{} opened by {}", opened.runbook, person(&opened.by));
    text.push_str(&because(opened.reason.as_deref()));
    if !opened.target.is_empty() {
        text.push_str("; target ");
        text.push_str(&target(opened));
    }
    if let Some(rehearsal) = &opened.rehearsal {
        text.push_str(&format!("; {}", played(rehearsal)));
    }
    text
}

/// Returns what a rehearsal plays, and what was made to go wrong in it.
pub(super) fn played(rehearsal: &Rehearsal) -> String {
    let mut text = format!("nothing is run, {} answers", rehearsal.tape);
    if !rehearsal.faults.is_empty() {
        text.push_str(&format!(" ({})", rehearsal.faults.join(" ")));
    }
    text
}

/// Returns whom the run is about to change: `account 123, cluster abc`.
pub(super) fn target(opened: &Opened) -> String {
    opened.target.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

fn beginning(stage: Stage) -> &'static str {
    match stage {
        Stage::Check => "checking first",
        Stage::Capture => "reading the state before",
        Stage::Action => "started",
        Stage::Guard => "guarded by",
        Stage::Verify => "verifying",
        Stage::Undo => "undoing",
        Stage::UndoVerify => "verifying the undo",
    }
}

/// Says whether what broke off only looks: nobody has to decide what became of it.
pub(super) fn is_asked_again(leaf: &Leaf, graph: &Graph, node: Option<NodeId>) -> bool {
    leaf.stage == Stage::Action && node.is_some_and(|node| !graph.changes(node))
}

/// Says whether somebody who is asked something else must read of it before they answer.
pub(super) fn is_pressing(event: &Event) -> bool {
    matches!(
        event,
        Event::Finished { result: Finish::Failed(_), .. }
            | Event::Undone { result: UndoResult::Failed(_) | UndoResult::Blocked(_), .. }
            | Event::Doubted { .. }
            | Event::HookFailed { .. }
            | Event::OutputLost { .. }
            | Event::Refused { .. }
            | Event::Voided { .. }
    )
}

/// Returns what a guard said.
pub(super) fn guarding(verdict: &Verdict, seen: &str) -> String {
    match verdict {
        Verdict::Holds => seeing("its guard holds", seen),
        Verdict::Warns => seeing("its guard holds, but only just", seen),
        Verdict::DoesNotHold => seeing("its guard does not hold", seen),
        Verdict::CouldNotTell(why) => format!("its guard could not tell: {why}"),
    }
}

fn seeing(what: &str, seen: &str) -> String {
    if seen.is_empty() { what.to_owned() } else { format!("{what}: {seen}") }
}

fn asked(what: &str, polls: u32) -> String {
    if polls > 1 { format!("{what}, asked {polls} times") } else { what.to_owned() }
}

fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
}
