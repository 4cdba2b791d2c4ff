//! The person at the terminal, as the driver asks them.

use std::sync::Arc;

use super::console::{Console, one_line, wrapped};
use super::prompt::{Before, answers, yes_after};
use super::terminal::{Dialogue, Got};
use super::{changing, menu};
use crate::driver::{Asked, Choice, Offer, Outliver, People, Recall, Reply};
use crate::machine::Question;
use crate::report::{Role, command_in_a_line, rows_of};

/// Asks at a terminal.
#[derive(Debug)]
pub struct AtTerminal<D> {
    to: D,
    console: Console,
}

impl<D: Dialogue> AtTerminal<D> {
    /// Returns the person at that terminal.
    pub fn new(to: D, console: Console) -> AtTerminal<D> {
        AtTerminal { to, console }
    }

    fn answer(&mut self, asked: &Asked) -> std::io::Result<Option<Reply>> {
        let console = self.console;
        let about = about(asked, console);
        if !self.to.come_forward(&about)? {
            return Ok(None);
        }
        let short = |room| in_short(asked, console, room);
        let before = Before::fit(introduced(asked, console), about, self.to.rows(), console.width, short);
        before.show(&mut self.to)?;
        loop {
            match self.reply(asked, &before)? {
                Got::Given(reply) => return Ok(Some(reply)),
                Got::Closed => return Ok(None),
                Got::Again => {
                    // A yes counts with all that goes with it, and who said it did not know what they read since.
                    self.to.show("\n  (that is no answer yet: it is asked again)\n")?;
                    self.to.remind()?;
                }
            }
        }
    }

    fn reply(&mut self, asked: &Asked, before: &Before) -> std::io::Result<Got<Reply>> {
        let question = match asked.question {
            Question::Approval if before.cut && asked.covers.len() > 1 => {
                format!("Yes to all {}?", asked.covers.len())
            }
            Question::Approval => "Yes?".to_owned(),
            Question::Manual => "Done?".to_owned(),
            Question::Irreversible => "Leave it as it is and go on undoing?".to_owned(),
        };
        let Some(yes) = yes_after(before, &question, &mut self.to)? else { return Ok(Got::Closed) };
        let ask = if yes { asked.ask.as_slice() } else { &[] };
        let answers = match answers(ask, &mut self.to, self.console.err)? {
            Got::Given(answers) => answers,
            Got::Closed => return Ok(Got::Closed),
            Got::Again => return Ok(Got::Again),
        };
        Ok(match self.to.read("Note (Enter for none): ")? {
            Got::Given(note) => {
                let note = Some(note.trim().to_owned()).filter(|note| !note.is_empty());
                Got::Given(Reply { yes, note, answers })
            }
            // Ctrl-C, or the end of their input: whoever leaves here takes back what they said.
            Got::Closed => Got::Closed,
            Got::Again => Got::Again,
        })
    }
}

impl<D: Dialogue + Send> People for AtTerminal<D> {
    fn ask(&mut self, asked: &Asked) -> Option<Reply> {
        // A terminal that is gone answers nothing: the question stays open, for `runbook approve`.
        self.answer(asked).ok().flatten()
    }

    fn outlived(&mut self, many: bool) -> Option<Outliver> {
        let it = if many { "them" } else { "it" };
        let question = format!("Wait for {it}, stop {it}, or leave all as it is? [W/s/l] ");
        loop {
            let answer = self.to.line(&question).ok().flatten()?;
            match answer.trim().to_lowercase().as_str() {
                "" | "w" | "wait" => return Some(Outliver::Wait),
                "s" | "stop" => return Some(Outliver::Stop),
                "l" | "leave" | "q" => return Some(Outliver::Leave),
                _ => self.to.show("Please type w, s or l.\n").ok()?,
            }
        }
    }

    fn until(&mut self, recall: &Arc<Recall>) {
        self.to.until(recall);
        // Once a question, and not for what is asked when a run begins: whoever typed that is there.
        if self.console.bell {
            self.to.ring();
        }
    }

    fn offer(&mut self, offer: &Offer) -> Choice {
        // A terminal that is gone decides nothing: the run rests as it is, for `runbook resume`.
        let what = offer.steps.first().map(|step| menu::about(step, self.console)).unwrap_or_default();
        if !self.to.come_forward(&what).unwrap_or(false) {
            return Choice::Leave;
        }
        menu::choose(offer, &mut self.to, self.console).ok().flatten().unwrap_or(Choice::Leave)
    }
}

/// Returns what somebody is asked, whole: the question, who may answer, and exactly the commands that a yes starts.
pub(super) fn introduced(asked: &Asked, console: Console) -> String {
    let mut text = headed(asked, console);
    for (number, covered) in asked.covers.iter().enumerate() {
        let step = console.err.paint(Role::Strong, &one_line(&covered.step));
        text.push_str(&match (number, asked.rehearsed) {
            (0, true) => format!("  A yes rehearses {step}, and runs nothing:\n"),
            (0, false) => format!("  A yes runs {step}:\n"),
            _ => format!("  and {step}:\n"),
        });
        text.push_str(&changing::command(covered, console));
    }
    text
}

/// Returns what is asked in a line, for below what is taller than the terminal.
pub(super) fn about(asked: &Asked, console: Console) -> String {
    let line = format!("{}: {}", one_line(&asked.step), one_line(&asked.prompt));
    console.err.shorten(&line, console.width.saturating_sub(1))
}

/// Returns the same in about `room` rows: of each command its beginning.
fn in_short(asked: &Asked, console: Console, room: usize) -> String {
    let paint = console.err;
    let mut text = headed(asked, console);
    let runs = if asked.rehearsed { "A yes rehearses" } else { "A yes runs" };
    let all = asked.covers.len();
    let these = if all > 1 { format!("these {all} commands") } else { "this".to_owned() };
    text.push_str(&format!("  {runs} {these}, cut to fit; p shows all of it:\n"));
    let left = room.saturating_sub(rows_of(&text, console.width)).max(1);
    let shown = if all > left { left - 1 } else { all };
    for covered in &asked.covers[..shown] {
        let name = one_line(&covered.step);
        let line = paint.shorten(
            &format!("{name}  {}", one_line(&command_in_a_line(&covered.command))),
            console.width.saturating_sub(5),
        );
        let command = line.strip_prefix(&name).unwrap_or_default();
        text.push_str(&format!("    {}{command}\n", paint.paint(Role::Strong, &name)));
    }
    if shown < all {
        text.push_str(&format!("    and {} more\n", all - shown));
    }
    text
}

/// Returns the question, and who may answer.
fn headed(asked: &Asked, console: Console) -> String {
    let paint = console.err;
    let what = match asked.question {
        Question::Approval => "waits for your decision",
        Question::Manual => "is yours to do",
        Question::Irreversible => "can't be undone",
    };
    let mut text = format!("\n{} {what}\n", paint.paint(Role::Strong, &one_line(&asked.step)));
    text.push_str(&wrapped(&asked.prompt, console.width, 2));
    if let Some(people) = wanted(asked) {
        text.push_str(&wrapped(&people, console.width, 2));
    }
    text
}

/// Returns how many must say yes, who may and who did, when there is more to say than that one must.
fn wanted(asked: &Asked) -> Option<String> {
    let who = asked.who.as_ref().map(|who| format!(" of {who}")).unwrap_or_default();
    if asked.needed < 2 {
        return asked.who.as_ref().map(|who| format!("Who may answer: {who}."));
    }
    let said: Vec<String> = asked.said.iter().map(|by| format!("{}@{}", by.name, by.host)).collect();
    let said = if said.is_empty() { "nobody did yet".to_owned() } else { format!("{} did", said.join(", ")) };
    Some(format!("{} different people{who} must say yes; {said}.", asked.needed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::prompt::tests::{NEWS, Script};
    use crate::machine::{Covered, Person};
    use crate::model::Input;

    fn asked(question: Question) -> Asked {
        let prompt = "Capacity is up. Warm the caches in prod?".to_owned();
        let covered = Covered {
            step: "warm".to_owned(),
            command: "npm run cache:warm -- --env=prod".to_owned(),
            dir: Some("/srv/app".to_owned()),
            env: vec!["TOKEN".to_owned()],
            ..Covered::default()
        };
        Asked {
            step: "go".to_owned(),
            question,
            prompt,
            covers: vec![covered],
            hash: String::new(),
            rehearsed: false,
            who: Some("dba (ann, ben)".to_owned()),
            needed: 2,
            said: vec![Person { name: "ben".to_owned(), host: "web1".to_owned(), via: "command".to_owned() }],
            ask: vec![Input { name: "ticket".to_owned(), required: true, ..Input::default() }],
        }
    }

    #[test]
    fn who_decides_sees_exactly_what_would_run() {
        let mut person =
            AtTerminal::new(Script::of(&["y", "OPS-7", " checked with Dana "]), Console::plain());
        let reply = person.ask(&asked(Question::Approval)).unwrap();
        assert_eq!((reply.yes, reply.note.as_deref()), (true, Some("checked with Dana")));
        insta::assert_snapshot!(person.to.screen, @r"
        go waits for your decision
          Capacity is up. Warm the caches in prod?
          2 different people of dba (ann, ben) must say yes; ben@web1 did.
          A yes runs warm:
            npm run cache:warm -- --env=prod
              in /srv/app
              with TOKEN
        Yes? [y/N] y

        ticket
          string
        ticket: OPS-7
        Note (Enter for none):  checked with Dana
        ");
    }

    #[test]
    fn what_is_taller_than_the_terminal_is_cut_to_it_and_whole_at_a_key() {
        let covered = |number: u32| Covered {
            step: format!("warm-{number}"),
            command: format!("set -e\nnpm run cache:warm -- --shard={number}\necho warm"),
            ..Covered::default()
        };
        let tall = Asked {
            covers: (1..=9).map(covered).collect(),
            who: None,
            needed: 1,
            ask: Vec::new(),
            ..asked(Question::Approval)
        };
        let mut script = Script::of(&["p", "y", ""]);
        script.tall = Some(14);
        let mut person = AtTerminal::new(script, Console::plain());
        assert!(person.ask(&tall).unwrap().yes);
        let (short, whole) = person.to.screen.split_once("[y/N/p] p\n").unwrap();
        insta::assert_snapshot!(short, @r"
        go waits for your decision
          Capacity is up. Warm the caches in prod?
          A yes runs these 9 commands, cut to fit; p shows all of it:
            warm-1  npm run cache:warm -- --shard=1 … (3 lines)
            warm-2  npm run cache:warm -- --shard=2 … (3 lines)
            warm-3  npm run cache:warm -- --shard=3 … (3 lines)
            warm-4  npm run cache:warm -- --shard=4 … (3 lines)
            warm-5  npm run cache:warm -- --shard=5 … (3 lines)
            warm-6  npm run cache:warm -- --shard=6 … (3 lines)
            and 3 more
        Yes to all 9?
        ");
        assert!(short.lines().count() < 14, "{short}");
        assert!((1..=9).all(|number| whole.contains(&format!("npm run cache:warm -- --shard={number}\n"))));
        let below = "\ngo: Capacity is up. Warm the caches in prod?\nYes to all 9? [y/N/p] y\n";
        assert!(whole.contains(below), "the question is said again\n{whole}");
    }

    #[test]
    fn on_a_low_terminal_the_question_is_on_it_too() {
        let step = |number: u32| Covered { step: format!("warm-{number}"), ..Covered::default() };
        let tall =
            Asked { covers: (1..=40).map(step).collect(), ask: Vec::new(), ..asked(Question::Approval) };
        for rows in [9, 10, 12, 24] {
            let mut script = Script::of(&["y", ""]);
            script.tall = Some(rows);
            let mut person = AtTerminal::new(script, Console::plain());
            assert!(person.ask(&tall).unwrap().yes);
            let (before, _) = person.to.screen.split_once("Yes to all 40?").unwrap();
            assert!(rows_of(before, 80) < rows, "on {rows}:\n{before}");
        }
    }

    #[test]
    fn who_closes_the_input_decides_nothing() {
        for typed in [&[][..], &["y"], &["y", "OPS-7"]] {
            let mut person = AtTerminal::new(Script::of(typed), Console::plain());
            assert!(person.ask(&asked(Question::Approval)).is_none(), "{typed:?}: {}", person.to.screen);
        }
    }

    #[test]
    fn a_yes_that_news_breaks_into_is_asked_for_again() {
        for typed in [&["y", NEWS, "n", ""][..], &["y", "OPS-7", NEWS, "", "n", ""]] {
            let mut person = AtTerminal::new(Script::of(typed), Console::plain());
            let reply = person.ask(&asked(Question::Approval)).unwrap();
            assert!(!reply.yes && reply.answers.is_empty(), "{typed:?}: {}", person.to.screen);
        }
    }

    #[test]
    fn who_meets_an_outliving_command_waits_unless_they_say_otherwise() {
        for (typed, wanted) in [
            (&["what?", "S"][..], Some(Outliver::Stop)),
            (&[""], Some(Outliver::Wait)),
            (&["leave"], Some(Outliver::Leave)),
            (&[], None),
        ] {
            let mut person = AtTerminal::new(Script::of(typed), Console::plain());
            assert_eq!(person.outlived(false), wanted, "{typed:?}");
        }
    }
}
