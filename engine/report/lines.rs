//! One honest line an event, for a pipe, a log, a CI job: no control codes, nothing redrawn. Nothing is cut but what commands
//! printed, which `runbook logs` has whole.

use std::io::Write;

use super::excerpt::{Excerpt, excerpt};
use super::paint::Paint;
use super::section::Size;
use super::summary::end_screen;
use super::timeline::Timeline;
use super::when::clock;
use super::{Earlier, EndInfo, Reporter, Seen, phrase};
use crate::machine::{End, Event, Finish, NodeId, State, step_of};

/// Returns a reporter that writes lines to `out`, and the end screen after them.
pub fn lines(out: impl Write + Send + 'static, unicode: bool) -> Box<dyn Reporter> {
    Box::new(Lines {
        out: Some(Box::new(out)),
        paint: Paint { colour: false, unicode },
        timeline: Timeline::default(),
        program: "runbook".to_owned(),
        pressing: false,
    })
}

struct Lines {
    /// Absent once nobody reads any more.
    out: Option<Box<dyn Write + Send>>,
    paint: Paint,
    timeline: Timeline,
    program: String,
    /// Whether something was written since the last time that is not to be missed below a question.
    pressing: bool,
}

impl Lines {
    fn write(&mut self, text: &str) {
        if let Some(out) = &mut self.out
            && out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err()
        {
            self.out = None;
        }
    }
}

impl Reporter for Lines {
    fn called(&mut self, program: &str) {
        program.clone_into(&mut self.program);
    }

    fn past(&mut self, earlier: &Earlier<'_>) {
        self.timeline.apply(earlier.at, earlier.event);
    }

    fn event(&mut self, seen: &Seen<'_>) {
        self.timeline.apply(seen.at, seen.event);
        if let Some(text) = lines_of(seen, &self.program, &self.timeline, self.paint) {
            self.write(&text);
        }
        self.pressing |= phrase::is_pressing(seen.event);
    }

    fn aside(&mut self, text: &str) {
        let text = self.paint.clean(text);
        self.write(&format!("{text}\n"));
        self.pressing = true;
    }

    fn waits(&mut self, text: &str) {
        text.lines().for_each(|line| self.aside(line));
    }

    fn suspend(&mut self) {
        self.pressing = false;
    }

    // It may be the same terminal: what was written stands behind the question then, and the question is to be seen.
    fn break_in(&mut self) -> bool {
        std::mem::take(&mut self.pressing)
    }

    fn close(&mut self, end: &EndInfo<'_>) {
        let screen = end_screen(end, &self.timeline, self.paint, Size::ENDLESS);
        self.write(&format!("\n{screen}"));
    }
}

/// Returns the line of an event with its line end, and the last lines of output below it where a command failed.
fn lines_of(seen: &Seen<'_>, program: &str, timeline: &Timeline, paint: Paint) -> Option<String> {
    let step = seen.event.step();
    let node = step.and_then(|step| node_of(seen.state, step));
    if let (Event::Finished { result: Finish::Skipped(_), .. }, Some(node)) = (seen.event, node)
        && seen.state.goes_with_skipped(seen.graph, node)
    {
        return None;
    }
    let track = step.and_then(|step| timeline.track(step));
    let took = match seen.event {
        Event::Undone { .. } => {
            track.and_then(|track| track.undo_began).map(|began| super::timeline::between(began, seen.at))
        }
        _ => track.and_then(|track| track.took(seen.at)),
    };
    let sentence = phrase::sentence(seen.event, seen.graph, node, took)?;
    let who = match step {
        Some(step) => format!("{step} "),
        None => format!("run {}: ", seen.run),
    };
    let so_far = phrase::so_far(seen).unwrap_or_default();
    let mut text = format!("{} {}\n", clock(seen.at), paint.clean(&format!("{who}{sentence}{so_far}")));
    if let Event::Asked { step, question, .. } = seen.event {
        let command = phrase::answered_by((program, seen.run), step, *question);
        text.push_str(&format!("         answer it: {}\n", paint.clean(&command)));
    }
    let printed = match seen.event {
        Event::Exited { end, tail, .. } if *end != End::Exit(0) => excerpt(tail, false),
        Event::Finished { step, result: Finish::Succeeded } => phrase::found(seen, step),
        _ => Excerpt::default(),
    };
    for line in &printed.lines {
        text.push_str("         | ");
        text.push_str(&paint.clean_output(line));
        text.push('\n');
    }
    if let (true, Some(step), Event::Finished { .. }) = (printed.cut, step, seen.event) {
        let whole = phrase::whole_of((program, seen.run), step);
        text.push_str(&format!("         {}\n", paint.clean(&whole)));
    }
    Some(text)
}

/// Returns the step that an instance's name belongs to, expanded or not.
pub(super) fn node_of(state: &State, name: &str) -> Option<NodeId> {
    state
        .find(name)
        .map(|at| at.node)
        .or_else(|| state.node(name))
        .or_else(|| state.node(step_of(name, |id| state.node(id).is_some())))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::fixture::{Play, Sink, person};
    use super::*;
    use crate::machine::{Leaf, Question, RunStatus, Stage, UndoResult};

    fn play(sink: &Sink) -> Play {
        Play::expanded(vec![lines(sink.clone(), true)])
    }

    #[test]
    fn a_run_reads_as_a_story() {
        let sink = Sink::default();
        let mut play = play(&sink);
        play.change("scale[api]", "replicas 3 → 10").fail("scale[cart]", "error: no such host\nhint: DNS?\n");
        play.finish("scale[web]", Finish::Skipped("its condition does not hold".to_owned()));
        play.rest(RunStatus::Failed);
        assert_snapshot!(sink.text(), @r##"
        12:03:00 run r7k2m9qd: autolytiq/pre-scale-event opened by ada@ops1 (sale on Friday); target cluster prod-eu
        12:03:00 reach started: kubectl auth can-i patch deployments/scale
        12:03:01 reach holds: yes
        12:03:01 reach done after 1.2s
        12:03:01 scale has 3 instances: api, cart, web
        12:03:01 scale[api] reading the state before: kubectl get scale[api] -o json
        12:03:01 scale[api] change: replicas 3 → 10
        12:03:01 scale[api] started: kubectl scale scale[api] --replicas=10
        12:03:02 scale[api] verifying: kubectl get scale[api] -o json
        12:03:07 scale[api] not yet: ready 7, wants >= 10
        12:03:12 scale[api] holds, asked 3 times: ready 10, wants >= 10
        12:03:12 scale[api] done after 11s
        12:03:12 scale[cart] reading the state before: kubectl get scale[cart] -o json
        12:03:13 scale[cart] change: replicas 3 → 10
        12:03:13 scale[cart] started: kubectl scale scale[cart] --replicas=10
        12:03:14 scale[cart] exited with 1 after 1.2s
                 | error: no such host
                 | hint: DNS?
        12:03:14 scale[cart] FAILED after 1.6s: it exited with 1
        12:03:14 scale[web] skipped: its condition does not hold
        12:03:14 run r7k2m9qd: failed
        "##);
    }

    #[test]
    fn retries_questions_doubt_and_decisions() {
        let sink = Sink::default();
        let mut play = play(&sink);
        play.act("aurora", "ACU 2 → 8", "aws rds modify-db-cluster").exit(
            "aurora",
            Stage::Action,
            255,
            "Throttling",
        );
        let leaf = |attempt| Leaf { step: "aurora".to_owned(), stage: Stage::Action, attempt };
        play.say(Event::RetryScheduled { leaf: leaf(1), ms: 10_000 });
        play.pass(10_000).intend("aurora", Stage::Action, "aws rds modify-db-cluster");
        play.say(Event::StopRequested { by: "Ctrl-C".to_owned(), hard: false });
        play.say(Event::Resumed { by: person(), reason: None });
        play.say(Event::Doubted { leaf: leaf(2) });
        let step = "aurora".to_owned();
        let by = Some(person());
        let reason = Some("seen in the console".to_owned());
        play.say(Event::Decided { step, decision: crate::machine::Decision::Done, by, reason });
        play.finish("aurora", Finish::MarkedDone);
        for step in ["scale[api]", "scale[cart]", "scale[web]"] {
            play.start(step).finish(step, Finish::Satisfied);
        }
        let (step, prompt) = ("go".to_owned(), "Capacity is up. Go?".to_owned());
        play.start("go").say(Event::Asked {
            step: step.clone(),
            question: Question::Approval,
            prompt,
            covers: Vec::new(),
            ms: None,
        });
        let note = Some("after lunch".to_owned());
        let by = person();
        play.say(Event::Answered {
            step,
            by,
            yes: false,
            note,
            answers: Default::default(),
            hash: None,
            covers: Vec::new(),
        });
        let text = sink.text();
        assert_snapshot!(text.split_once("change: ").expect("aurora captured").1, @"
        ACU 2 → 8
        12:03:01 aurora started: aws rds modify-db-cluster
        12:03:02 aurora exited with 255 after 1.2s
                 | Throttling
        12:03:02 aurora attempt 1 failed; the next in 10s
        12:03:12 aurora started (attempt 2): aws rds modify-db-cluster
        12:03:12 run r7k2m9qd: asked to stop (Ctrl-C): what runs may finish
        12:03:12 run r7k2m9qd: taken up again by ada@ops1
        12:03:12 aurora in doubt: the run broke off while its command ran; whether it took effect is not known
        12:03:12 aurora decided: take it as done, by ada@ops1 (seen in the console)
        12:03:12 aurora taken as done
        12:03:12 scale[api] nothing to do
        12:03:12 scale[cart] nothing to do
        12:03:12 scale[web] nothing to do
        12:03:12 go asks for approval: Capacity is up. Go?
                 answer it: runbook approve r7k2m9qd go
        12:03:12 go ada@ops1 said no (after lunch)
        ");
    }

    #[test]
    fn an_undo_says_what_became_of_it() {
        let sink = Sink::default();
        let mut play = play(&sink);
        play.change("scale[api]", "replicas 3 → 10").change("aurora", "ACU 2 → 8");
        play.roll_back(&["aurora", "scale[api]"]);
        play.undo("aurora", UndoResult::Failed("it exited with 1".to_owned()));
        play.undo("scale[api]", UndoResult::Done).rest(RunStatus::RollbackFailed);
        // What passed until somebody tried again is no part of what the undo took.
        play.pass(100_000)
            .roll_back(&["aurora"])
            .undo("aurora", UndoResult::Done)
            .rest(RunStatus::RolledBack);
        let text = sink.text();
        assert_snapshot!(text.split_once("12:03:24 aurora done").expect("aurora is done").1, @"
         after 11s
        12:03:24 run r7k2m9qd: rollback of 2 steps began, asked for by ada@ops1
        12:03:24 aurora undoing: kubectl scale aurora --replicas=3
        12:03:26 aurora the undo exited with 1 after 1.2s
                 | Unauthorized
        12:03:26 aurora COULD NOT BE UNDONE: it exited with 1
        12:03:26 scale[api] undoing: kubectl scale scale[api] --replicas=3
        12:03:28 scale[api] undone after 2s
        12:03:28 run r7k2m9qd: rolled back in part
        12:05:08 run r7k2m9qd: rollback of 1 step began, asked for by ada@ops1
        12:05:08 aurora undoing (attempt 2): kubectl scale aurora --replicas=3
        12:05:10 aurora undone after 2s
        12:05:10 run r7k2m9qd: rolled back
        ");
    }

    #[test]
    fn what_to_type_names_the_journal_that_was_typed() {
        let sink = Sink::default();
        let mut reporter = lines(sink.clone(), true);
        reporter.called("runbook --store j.db");
        let mut play = Play::expanded(vec![reporter]);
        for step in ["aurora", "scale[api]", "scale[cart]", "scale[web]"] {
            play.start(step).finish(step, Finish::Satisfied);
        }
        let (step, question, prompt) = ("go".to_owned(), Question::Approval, "Go?".to_owned());
        play.start("go").say(Event::Asked { step, question, prompt, covers: Vec::new(), ms: None });
        assert!(sink.text().contains("runbook --store j.db approve r7k2m9qd go\n"), "{}", sink.text());
    }

    #[test]
    fn no_event_can_write_control_codes() {
        let sink = Sink::default();
        let mut play = play(&sink);
        play.fail("scale[api]", "\x1b[2J\x1b]0;owned\x07\nfine\r\x1b[31mred\n");
        play.act("aurora", "a\tb\u{202e}", "aws \x1b[H\n--x").rest(RunStatus::Failed);
        let end = play.end();
        let mut reporter = lines(sink.clone(), false);
        reporter.close(&end);
        let text = sink.text();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        assert!(text.contains("         | \\x1b[2J\\x1b]0;owned\\x07\n         | red\n"), "{text}");
    }

    #[test]
    fn a_reader_that_went_away_is_no_trouble() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut play = Play::expanded(vec![lines(Gone, true)]);
        play.rest(RunStatus::Failed);
        lines(Gone, true).close(&play.end());
        assert_eq!(play.state.status, RunStatus::Failed);
    }
}
