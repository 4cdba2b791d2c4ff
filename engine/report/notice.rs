//! What a hook reads: one event of a run as one JSON object.
//!
//! | key | holds |
//! | --- | --- |
//! | `version` | 1; a key that is added does not raise it |
//! | `event` | `started`, `waiting`, `failed`, `stopped`, `finished`, `rolled_back` |
//! | `seq`, `time` | the number and the time of what happened, in the journal of the run |
//! | `run`, `runbook`, `title`, `status` | which run, of what, and how it stands |
//! | `operator`, `driver`, `host`, `reason` | who started it, who drives it now and on which machine, why it was started |
//! | `target`, `vars` | whom it changes; what it was given, without its secrets |
//! | `step` | the step in question: `id`, `title`, `why`, `command`, `exit_code`, `output` (its last lines) |
//! | `question` | what a person is wanted for: `kind` (`approval`, `manual`, `irreversible`, `failure`, `doubt`), `prompt`, `who` |
//! | `complete` | of a rollback: whether all that was to be undone is undone |
//! | `next` | what to type next: `what` it does, and the `command` |
//!
//! What there is nothing to say of is left out. It is told after it was recorded, from the state that it led to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::summary::{commands_of, culprit_of};
use super::{Asks, EndInfo, Timeline};
use crate::machine::{Addr, End, Finish, Person, Progress, Question, RunStatus, Stage};
use crate::model::{Map, Moment};

/// The version of [`Notice`].
pub const NOTICE_VERSION: u32 = 1;

/// What is known of a run besides its events.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The runbook's title.
    pub title: &'a str,
    /// What it was given, without its secrets.
    pub vars: &'a Map,
    /// Who drives it now.
    pub driver: &'a Person,
}

/// What a hook is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// What became of the run.
    Run(Moment),
    /// A person is asked.
    Asked {
        /// The instance.
        step: String,
        /// For what.
        question: Question,
        /// The question.
        prompt: String,
    },
    /// A person at the terminal is asked what to do about these steps, the first failure first.
    Offer(Vec<String>),
}

/// What a hook reads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Notice {
    version: u32,
    event: Moment,
    seq: u64,
    time: Timestamp,
    run: String,
    runbook: String,
    title: String,
    status: RunStatus,
    operator: String,
    driver: String,
    host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    target: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    vars: Map,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<AboutStep>,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<AboutQuestion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    complete: Option<bool>,
    next: Vec<Next>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct AboutStep {
    id: String,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    output: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct AboutQuestion {
    kind: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    prompt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Next {
    what: &'static str,
    command: String,
}

impl Told {
    /// Returns which hooks are told.
    pub fn moment(&self) -> Moment {
        match self {
            Told::Run(moment) => *moment,
            Told::Asked { .. } | Told::Offer(_) => Moment::Waiting,
        }
    }
}

impl Notice {
    /// Returns what a hook reads of `told`: number `seq` of the run, committed `at`. `title` says what a step is called.
    pub fn of(
        told: &Told,
        end: &EndInfo<'_>,
        (seq, at): (u64, Timestamp),
        subject: Subject<'_>,
        title: impl Fn(Addr) -> String,
    ) -> Notice {
        let opened = end.state.opened.as_ref();
        let mut notice = Notice {
            version: NOTICE_VERSION,
            event: told.moment(),
            seq,
            time: at,
            run: end.run.to_owned(),
            runbook: opened.map(|opened| opened.runbook.clone()).unwrap_or_default(),
            title: subject.title.to_owned(),
            status: end.state.status,
            operator: opened.map(|opened| opened.by.name.clone()).unwrap_or_default(),
            driver: subject.driver.name.clone(),
            host: subject.driver.host.clone(),
            reason: opened.and_then(|opened| opened.reason.clone()),
            target: opened.map(|opened| opened.target.clone()).unwrap_or_default(),
            vars: subject.vars.clone(),
            step: None,
            question: None,
            complete: None,
            next: Vec::new(),
        };
        let telling = Telling { end, title: &title };
        match told {
            Told::Run(moment) => notice.of_run(*moment, &telling),
            Told::Offer(steps) => {
                notice.step = steps.first().and_then(|step| telling.step(step));
                notice.question = Some(AboutQuestion { kind: "failure", prompt: String::new(), who: None });
                notice.next = vec![telling.status()];
            }
            Told::Asked { step, question, prompt } => {
                (notice.question, notice.next) = telling.question(step, *question, prompt);
                // What it ran before is no part of the question.
                notice.step = telling.step(step).map(|about| AboutStep {
                    id: about.id,
                    title: about.title,
                    ..AboutStep::default()
                });
            }
        }
        notice
    }

    fn of_run(&mut self, moment: Moment, telling: &Telling<'_>) {
        let (run, program) = (telling.end.run, telling.end.program);
        if moment == Moment::Started {
            let cancel = Next { what: "stop it", command: format!("{program} cancel {run}") };
            self.next = vec![telling.status(), cancel];
            return;
        }
        if moment != Moment::Finished {
            self.step = telling.culprit();
        }
        if moment == Moment::Waiting {
            self.question = Some(AboutQuestion { kind: "doubt", prompt: String::new(), who: None });
        }
        if moment == Moment::RolledBack {
            self.complete = Some(self.status == RunStatus::RolledBack);
        }
        let commands = commands_of(telling.end, &Timeline::default());
        self.next = commands.into_iter().map(|(what, command)| Next { what, command }).collect();
    }
}

struct Telling<'a> {
    end: &'a EndInfo<'a>,
    title: &'a dyn Fn(Addr) -> String,
}

impl Telling<'_> {
    fn status(&self) -> Next {
        Next { what: "every step", command: format!("{} status {}", self.end.program, self.end.run) }
    }

    /// Returns what is known of a step.
    fn step(&self, name: &str) -> Option<AboutStep> {
        let at = self.end.state.find(name)?;
        let instance = self.end.state.at(at);
        let why = match &instance.finish {
            Some(Finish::Failed(why)) => Some(why.clone()),
            _ => None,
        };
        let (command, tail) = (instance.command.clone(), &instance.tail);
        let output = tail.lines().map(str::to_owned).collect();
        let exit_code = match instance.last_end {
            Some(End::Exit(code)) => Some(code),
            _ => None,
        };
        Some(AboutStep { id: name.to_owned(), title: (self.title)(at), why, command, exit_code, output })
    }

    /// Returns the step that the run rests because of.
    fn culprit(&self) -> Option<AboutStep> {
        let (name, failure) = culprit_of(self.end, &Timeline::default())?;
        let mut about = self.step(&name)?;
        // Once its undo ran, the state has the undo's command and end.
        let instance = self.end.state.at(self.end.state.find(&name)?);
        if instance.undo.is_some() || matches!(instance.progress, Progress::Working(Stage::Undo)) {
            about.exit_code = None;
        }
        about.why = Some(failure.why);
        about.command = failure.command;
        about.output = failure.tail.lines().map(str::to_owned).collect();
        Some(about)
    }

    fn question(&self, step: &str, question: Question, prompt: &str) -> (Option<AboutQuestion>, Vec<Next>) {
        let (state, graph) = (self.end.state, self.end.graph);
        let Some(at) = state.find(step) else { return (None, Vec::new()) };
        let about = (self.end.program, self.end.run, true);
        let asks = Asks::of(about, (state, graph), &Timeline::default(), at, question);
        let (kind, what) = match question {
            Question::Approval => ("approval", "say yes or no to it"),
            Question::Manual => ("manual", "when it is done"),
            Question::Irreversible => ("irreversible", "leave it as it is"),
        };
        let who = asks.people();
        let question = AboutQuestion { kind, prompt: prompt.to_owned(), who };
        (Some(question), vec![Next { what, command: asks.command }, self.status()])
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use super::super::fixture::{Play, person};
    use super::*;
    use crate::machine::{Event, UndoResult};

    fn notice(play: &Play, told: &Told) -> serde_json::Value {
        let vars = Map::from_iter([("env".to_owned(), json!("prod"))]);
        let subject = Subject { title: "Pre-scale", vars: &vars, driver: &person() };
        let when = (play.events.len() as u64, play.now);
        let notice = Notice::of(told, &play.end(), when, subject, |_| "A title".to_owned());
        serde_json::to_value(notice).expect("it is JSON")
    }

    #[test]
    fn a_failure_says_which_step_why_what_it_printed_and_what_to_type() {
        let mut play = Play::expanded(Vec::new());
        play.change("scale[api]", "replicas 3 → 10").fail("aurora", "Error: AccessDenied\nnot you");
        play.rest(RunStatus::Failed);
        let told = notice(&play, &Told::Run(Moment::Failed));
        assert_snapshot!(serde_json::to_string_pretty(&told).expect("it is JSON"), @r#"
        {
          "version": 1,
          "event": "failed",
          "seq": 24,
          "time": "2026-10-01T12:03:14.4Z",
          "run": "r7k2m9qd",
          "runbook": "autolytiq/pre-scale-event",
          "title": "Pre-scale",
          "status": "failed",
          "operator": "ada",
          "driver": "ada",
          "host": "ops1",
          "reason": "sale on Friday",
          "target": {
            "cluster": "prod-eu"
          },
          "vars": {
            "env": "prod"
          },
          "step": {
            "id": "aurora",
            "title": "A title",
            "why": "it exited with 1",
            "command": "kubectl scale aurora --replicas=10",
            "exit_code": 1,
            "output": [
              "Error: AccessDenied",
              "not you"
            ]
          },
          "next": [
            {
              "what": "all that it printed",
              "command": "runbook logs r7k2m9qd aurora"
            },
            {
              "what": "try again and go on",
              "command": "runbook resume r7k2m9qd"
            },
            {
              "what": "undo what was changed",
              "command": "runbook rollback r7k2m9qd"
            }
          ]
        }
        "#);
    }

    #[test]
    fn a_question_says_who_may_answer_and_how() {
        let mut play = Play::expanded(Vec::new());
        for step in ["scale[api]", "scale[cart]", "scale[web]", "aurora"] {
            play.change(step, "replicas 3 → 10");
        }
        let (step, prompt) = ("go".to_owned(), "Warm the caches?".to_owned());
        let question = Question::Approval;
        let told = Told::Asked { step: step.clone(), question, prompt: prompt.clone() };
        play.start("go").say(Event::Asked { step, question, prompt, covers: Vec::new(), ms: None });
        let told = notice(&play, &told);
        assert_eq!(told["question"], json!({"kind": "approval", "prompt": "Warm the caches?"}));
        assert_eq!(told["step"], json!({"id": "go", "title": "A title"}));
        assert_eq!(told["next"][0]["command"], "runbook approve r7k2m9qd go");
    }

    #[test]
    fn every_key_is_told_of_above() {
        let mut play = Play::expanded(Vec::new());
        play.fail("aurora", "no").rest(RunStatus::Failed);
        play.roll_back(&["aurora"]).undo("aurora", UndoResult::Done).rest(RunStatus::RolledBack);
        let page: String =
            include_str!("notice.rs").lines().take_while(|line| line.starts_with("//!")).collect();
        let offered = notice(&play, &Told::Offer(vec!["aurora".to_owned()]));
        for told in [offered, notice(&play, &Told::Run(Moment::RolledBack))] {
            let inner = ["step", "question"].into_iter().filter_map(|key| told[key].as_object());
            for key in inner.chain(told.as_object()).flat_map(|object| object.keys()) {
                assert!(page.contains(&format!("`{key}`")), "{key}");
            }
        }
    }

    #[test]
    fn a_rollback_says_whether_it_is_whole() {
        for (result, status, whole) in [
            (UndoResult::Done, RunStatus::RolledBack, true),
            (UndoResult::Failed("it exited with 1".to_owned()), RunStatus::RollbackFailed, false),
        ] {
            let mut play = Play::expanded(Vec::new());
            play.fail("aurora", "no").rest(RunStatus::Failed);
            play.roll_back(&["aurora"]).undo("aurora", result).rest(status);
            let told = notice(&play, &Told::Run(Moment::RolledBack));
            assert_eq!(told["complete"], whole);
            assert_eq!(told["step"]["why"], "it exited with 1", "why it was rolled back at all");
            assert_eq!(told["step"].get("exit_code"), None, "that of the undo is another one's");
        }
    }
}
