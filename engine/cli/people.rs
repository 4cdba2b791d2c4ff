//! The person at the terminal, as the driver asks them.

use super::console::{Console, one_line, wrapped};
use super::prompt::yes;
use super::terminal::Dialogue;
use crate::driver::{Asked, Outliver, People, Reply};
use crate::machine::Question;
use crate::report::Role;

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
        self.to.show(&introduced(asked, self.console))?;
        let question = match asked.question {
            Question::Approval => "Yes?",
            Question::Manual => "Done?",
            Question::Irreversible => "Leave it as it is and go on undoing?",
        };
        let Some(yes) = yes(question, &mut self.to)? else { return Ok(None) };
        let note = self.to.line("Note (Enter for none): ")?;
        let note = note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
        Ok(Some(Reply { yes, note, ..Reply::default() }))
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
                "l" | "leave" => return Some(Outliver::Leave),
                _ => self.to.show("Please type w, s or l.\n").ok()?,
            }
        }
    }
}

fn introduced(asked: &Asked, console: Console) -> String {
    let paint = console.err;
    let what = match asked.question {
        Question::Approval => "waits for your decision",
        Question::Manual => "is yours to do",
        Question::Irreversible => "can't be undone",
    };
    let mut text = format!("\n{} {what}\n", paint.paint(Role::Strong, &one_line(&asked.step)));
    text.push_str(&wrapped(&asked.prompt, console.width, 2));
    if !asked.shows.is_empty() {
        text.push_str("  A yes runs:\n");
    }
    for command in &asked.shows {
        // Not wrapped: what is approved is exactly what is read.
        text.push_str(&format!("    {}\n", paint.paint(Role::Active, &paint.clean(command))));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::prompt::tests::Script;

    fn asked(question: Question) -> Asked {
        let prompt = "Capacity is up. Warm the caches in prod?".to_owned();
        let shows = vec!["npm run cache:warm -- --env=prod".to_owned()];
        Asked { step: "go".to_owned(), question, prompt, shows }
    }

    #[test]
    fn who_decides_sees_exactly_what_would_run() {
        let mut person = AtTerminal::new(Script::of(&["y", " checked with Dana "]), Console::plain());
        let reply = person.ask(&asked(Question::Approval)).unwrap();
        assert_eq!((reply.yes, reply.note.as_deref()), (true, Some("checked with Dana")));
        insta::assert_snapshot!(person.to.screen, @"
        go waits for your decision
          Capacity is up. Warm the caches in prod?
          A yes runs:
            npm run cache:warm -- --env=prod
        Yes? [y/N] y
        Note (Enter for none):  checked with Dana
        ");
    }

    #[test]
    fn who_closes_the_input_decides_nothing() {
        assert!(AtTerminal::new(Script::of(&[]), Console::plain()).ask(&asked(Question::Manual)).is_none());
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
