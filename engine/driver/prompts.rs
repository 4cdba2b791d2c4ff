//! What is asked at the terminal now, and what becomes of it when the answer comes from somewhere else.
//!
//! One prompt at a time, on a thread of its own. A question that was answered from another terminal, expired, or is of a
//! run that stops, is taken down: whoever sits there is told by whom, and what they typed so far is nobody's answer.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::looping::{Life, Loop, Message};
use super::people::{Asked, Choice, News, Offer, Offered, Recall, Reply};
use super::target;
use super::undoing;
use crate::machine::{Covered, Evaluate, Event, Finish, Input, Mode, Person, Progress, Question, Stage, To};
use crate::report::failed_gate_wanted;

/// How long a rested run waits for its prompt to leave the terminal.
const LEAVE: Duration = Duration::from_secs(2);

/// What is asked, and what is to be.
#[derive(Default)]
pub(super) struct Desk {
    asked: Vec<Asked>,
    offer: Option<Vec<String>>,
    now: Option<Prompting>,
    /// What happened last that may end a question: the step, or the whole run, and what to say.
    ended: Vec<(Option<String>, String)>,
}

/// The prompt that is on the terminal.
struct Prompting {
    what: What,
    recall: Arc<Recall>,
    /// Whether the same question was put anew, so that an answer to this one is an answer to something else.
    stale: bool,
}

enum What {
    Question(String),
    Offer(Vec<String>),
}

impl Desk {
    /// Says whether nothing is asked now.
    pub(super) fn is_free(&self) -> bool {
        self.now.is_none()
    }

    /// Has the question shown again: the terminal was another program's.
    pub(super) fn again(&self) {
        if let Some(now) = &self.now {
            now.recall.again();
        }
    }

    /// Takes the prompt down, whatever it is.
    pub(super) fn end(&self, why: &str) {
        if let Some(now) = &self.now {
            now.recall.over(why);
        }
    }

    /// Takes note of what may end a question.
    pub(super) fn hear(&mut self, event: &Event) {
        let told = |by: &Person| format!("{}@{}", by.name, by.host);
        let (step, why) = match event {
            Event::Answered { step, by, yes, .. } => {
                let word = if *yes { "yes" } else { "no" };
                (Some(step.clone()), format!("answered from elsewhere: {} said {word}", told(by)))
            }
            Event::Expired { step } => (Some(step.clone()), "its time is up".to_owned()),
            Event::StopRequested { by, .. } => (None, format!("the run was asked to stop ({by})")),
            Event::Rested { status } => (None, format!("the run is {}", status.word())),
            _ => return,
        };
        if self.now.is_some() {
            self.ended.push((step, why));
        }
    }

    /// Takes note that the person left what is offered as it is.
    pub(super) fn left(&mut self) {
        self.ended.push((None, "left as it is".to_owned()));
    }

    fn why(&self, about: Option<&str>) -> String {
        let found =
            self.ended.iter().find(|(step, _)| step.is_none() || about.is_some() && step.as_deref() == about);
        found.map_or_else(|| "no longer needed".to_owned(), |(_, why)| why.clone())
    }
}

impl Loop<'_> {
    /// Puts a question to the terminal as soon as it is free.
    pub(super) fn put(&mut self, life: &mut Life, asked: Asked) {
        life.desk.asked.retain(|other| other.step != asked.step);
        if let Some(now) = &mut life.desk.now
            && matches!(&now.what, What::Question(step) if *step == asked.step)
        {
            now.stale = true;
            now.recall.over("it is asked anew");
        }
        life.desk.asked.push(asked);
        self.prompt(life);
    }

    /// Offers what can be done about a failure as soon as the terminal is free.
    pub(super) fn offer(&mut self, life: &mut Life, steps: Vec<String>) {
        // Whatever else was asked is asked again when the run goes on.
        life.desk.asked.clear();
        life.desk.offer = Some(steps);
        self.prompt(life);
    }

    fn prompt(&mut self, life: &mut Life) {
        let Some(people) = self.people.clone() else { return };
        if life.desk.now.is_some() {
            return;
        }
        let Ok(recall) = Recall::new().map(Arc::new) else {
            // Nobody can be asked, and the run must not wait for ever for an answer.
            let asked = std::mem::take(&mut life.desk.asked);
            life.queue.extend(asked.into_iter().map(|asked| Input::NobodyAnswers { step: asked.step }));
            life.queue.extend(life.desk.offer.take().map(|_| Input::Leave));
            return;
        };
        let offer = life.desk.offer.take().filter(|steps| self.machine.offered() == Some(&steps[..]));
        if let Some(steps) = offer {
            let offer = self.what_to_offer(&steps);
            self.begin_prompt(life, What::Offer(steps), &recall);
            let to_loop = life.to_loop.clone();
            std::thread::spawn(move || {
                let mut people = people.lock().unwrap_or_else(PoisonError::into_inner);
                people.until(&recall);
                let _ = to_loop.send(Message::Chosen(people.offer(&offer)));
            });
            return;
        }
        life.desk.asked.retain(|asked| open(&self.machine, &asked.step));
        if life.desk.asked.is_empty() {
            return;
        }
        let asked = life.desk.asked.remove(0);
        self.begin_prompt(life, What::Question(asked.step.clone()), &recall);
        let to_loop = life.to_loop.clone();
        std::thread::spawn(move || {
            let mut people = people.lock().unwrap_or_else(PoisonError::into_inner);
            people.until(&recall);
            let reply = people.ask(&asked);
            let _ = to_loop.send(Message::Reply(Box::new(asked), reply));
        });
    }

    fn begin_prompt(&mut self, life: &mut Life, what: What, recall: &Arc<Recall>) {
        life.desk.ended.clear();
        life.desk.now = Some(Prompting { what, recall: Arc::clone(recall), stale: false });
        self.reporter.suspend();
    }

    /// Takes down a prompt whose answer is not needed any more.
    pub(super) fn take_down(&mut self, life: &mut Life) {
        let Some(now) = &life.desk.now else { return };
        let (moot, about) = match &now.what {
            What::Question(step) => {
                (!open(&self.machine, step) || self.machine.offered().is_some(), Some(step.as_str()))
            }
            What::Offer(steps) => (self.machine.offered() != Some(&steps[..]), None),
        };
        if moot {
            let why = match &now.what {
                What::Question(_) if self.machine.offered().is_some() => "a step failed meanwhile".to_owned(),
                _ => life.desk.why(about),
            };
            now.recall.over(&why);
        }
    }

    /// Waits until the prompt of a run that rests, or goes on elsewhere, has left the terminal: the last lines are not to
    /// stand in it.
    pub(super) async fn clear_desk(&mut self, life: &mut Life) {
        let mut notices = Vec::new();
        let gone = async {
            while life.desk.now.is_some() {
                match life.messages.recv().await {
                    Some(Message::Reply(..) | Message::Chosen(_)) | None => life.desk.now = None,
                    Some(Message::Aimed(..)) => {}
                    Some(notice @ (Message::Notice(..) | Message::Hook(..))) => notices.push(notice),
                }
            }
        };
        // A terminal that does not let go (a hung ssh) must not keep the run from its end.
        let _ = tokio::time::timeout(LEAVE, gone).await;
        // What ended meanwhile has still to be heard of.
        notices.into_iter().for_each(|notice| drop(life.to_loop.send(notice)));
        self.reporter.unsuspend();
    }

    /// Takes a person's answer.
    pub(super) fn replied(&mut self, life: &mut Life, asked: Asked, reply: Option<Reply>) {
        let Some(now) = self.prompt_ended(life) else { return };
        let over = match now.recall.news() {
            Some(News::Over(why)) => Some(why),
            Some(News::Again) | None => None,
        };
        let Asked { step, question, prompt, hash, .. } = asked;
        match (reply, over) {
            _ if now.stale => {}
            // Taken down as they typed the last of it, by their own Ctrl-C for instance.
            (Some(_), Some(why)) => {
                self.reporter
                    .aside(&format!("the answer to {step} came too late, and does not count: {why}"));
            }
            (Some(Reply { yes, note, answers }), None) => {
                let by = self.at_terminal();
                let to = match question {
                    Question::Approval => To::Decide(hash),
                    Question::Manual => To::Done,
                    Question::Irreversible => To::Whatever,
                };
                if let Some(at) = self.machine.state().find(&step) {
                    life.answered.push((at, question, prompt));
                }
                life.queue.push(Input::Answered { step, by, yes, note, answers, to });
            }
            // Taken down, or whoever waits will have to be answered from elsewhere.
            (None, over) if over.is_some() || self.wait => {}
            (None, _) => life.queue.push(Input::NobodyAnswers { step }),
        }
        self.prompt(life);
    }

    /// Takes what a person chose of an offer.
    pub(super) fn chosen(&mut self, life: &mut Life, choice: Choice) {
        let Some(now) = self.prompt_ended(life) else { return };
        let still = matches!(&now.what, What::Offer(steps) if self.machine.offered() == Some(&steps[..]));
        let state = self.machine.state();
        let then = state.opened.as_ref().map(|opened| opened.target.clone()).unwrap_or_default();
        match choice {
            _ if !still => {}
            Choice::Leave => life.queue.push(Input::Leave),
            // The question may have stood there for hours, and its terminal is not the only one in which a context can be
            // switched: as by `resume` and `rollback` it is seen first whom this would change.
            choice if !then.is_empty() => {
                let Some(pool) = self.pool else {
                    let now =
                        self.player.as_mut().map_or(Ok(Vec::new()), |player| player.target(&self.judge));
                    let run = self.writer.run().to_string();
                    let same = now.and_then(|now| target::same(&run, &then, &now, target::SWITCH_BACK));
                    self.aimed(life, choice, same.map_err(|error| error.to_string()));
                    return self.prompt(life);
                };
                match target::begin(&self.judge, pool, &self.launcher.root, &self.launcher.secrets) {
                    Ok(asking) => {
                        let (to_loop, redactor) = (life.to_loop.clone(), self.launcher.redactor.clone());
                        let run = self.writer.run().to_string();
                        std::thread::spawn(move || {
                            let same = target::answers(asking, &redactor, || Ok(()))
                                .and_then(|now| target::same(&run, &then, &now, target::SWITCH_BACK))
                                .map_err(|error| error.to_string());
                            let _ = to_loop.send(Message::Aimed(choice, same));
                        });
                    }
                    Err(error) => self.aimed(life, choice, Err(error.to_string())),
                }
            }
            choice => self.aimed(life, choice, Ok(())),
        }
        self.prompt(life);
    }

    /// Does what was chosen, where it would change what the run was started to change.
    pub(super) fn aimed(&mut self, life: &mut Life, choice: Choice, same: Result<(), String>) {
        // A signal may have come while the target was asked.
        if self.machine.offered().is_none() {
            return;
        }
        life.queue.push(match (same, choice) {
            (Err(why), _) => {
                self.reporter.aside(&why);
                Input::Leave
            }
            (Ok(()), Choice::Settle(decisions)) => Input::Settle { by: self.at_terminal(), decisions },
            (Ok(()), Choice::Rollback) => Input::Rollback { by: self.at_terminal(), to: None },
            (Ok(()), Choice::Leave) => Input::Leave,
        });
    }

    fn prompt_ended(&mut self, life: &mut Life) -> Option<Prompting> {
        let now = life.desk.now.take();
        self.reporter.unsuspend();
        now
    }

    fn at_terminal(&self) -> Person {
        Person { via: "terminal".to_owned(), ..self.by.clone() }
    }

    fn what_to_offer(&self, steps: &[String]) -> Offer {
        let state = self.machine.state();
        let offered = |step: &String| {
            let at = state.find(step)?;
            let instance = state.at(at);
            let why = match &instance.finish {
                Some(Finish::Failed(why)) => Some(why.clone()),
                Some(_) => Some("it was stopped".to_owned()),
                None => None,
            };
            Some(Offered {
                step: step.clone(),
                why,
                command: instance.command.clone(),
                tail: instance.tail.clone(),
                wanted: failed_gate_wanted(state, self.machine.graph(), at).map(str::to_owned),
                ran: instance.action_ok,
                again: self
                    .judge
                    .prepare(state, at, Stage::Action)
                    .ok()
                    .map(|command| Covered::of(step.clone(), command)),
            })
        };
        let undo = undoing::to_undo(&self.machine, &self.judge, None);
        Offer {
            run: self.writer.run().to_string(),
            program: self.program.clone(),
            steps: steps.iter().filter_map(offered).collect(),
            undo,
        }
    }
}

/// Says whether an answer to a question about `step` is of use.
fn open(machine: &crate::machine::Machine, step: &str) -> bool {
    let state = machine.state();
    !matches!(state.mode, Mode::Stopping | Mode::Resting)
        && state.find(step).is_some_and(|at| matches!(state.at(at).progress, Progress::Asking(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_taken_down_hears_by_whom() {
        let mut desk = Desk::default();
        let by = Person { name: "ben".into(), host: "ops2".into(), via: String::new() };
        let recall = Arc::new(Recall::new().unwrap());
        desk.now = Some(Prompting { what: What::Question("go".into()), recall, stale: false });
        let answers = crate::model::Map::new();
        desk.hear(&Event::Expired { step: "other".into() });
        desk.hear(&Event::Answered {
            step: "go".into(),
            by,
            yes: false,
            note: None,
            answers,
            hash: None,
            covers: Vec::new(),
        });
        assert_eq!(desk.why(Some("go")), "answered from elsewhere: ben@ops2 said no");
        assert_eq!(desk.why(Some("third")), "no longer needed");
        desk.hear(&Event::StopRequested { by: "cancel by ben".into(), hard: true });
        assert_eq!(desk.why(None), "the run was asked to stop (cancel by ben)");
    }
}
