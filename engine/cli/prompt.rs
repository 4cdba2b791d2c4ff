//! Questions to the person at the terminal: missing inputs and confirmations.

use std::io;

use super::console::one_line;
use super::terminal::{Dialogue, Got};
use crate::load::{Inputs, describe, from_text};
use crate::model::{Input, Kind, Map, Value};
use crate::report::{Paint, Role, rows_of};

/// Asks for every input that is missing; secrets are not shown while they are typed. What a person leaves open stays
/// missing.
///
/// # Errors
///
/// When the terminal is gone, or the person pressed Ctrl-C.
pub fn fill(inputs: &mut Inputs, to: &mut dyn Dialogue, paint: Paint) -> io::Result<()> {
    let asked = each(inputs, to, paint);
    // What is asked next is about something else.
    to.about("", "");
    asked
}

fn each(inputs: &mut Inputs, to: &mut dyn Dialogue, paint: Paint) -> io::Result<()> {
    let missing = inputs.missing().to_vec();
    for input in missing {
        let before = introduced(&input, paint);
        to.about("", &before);
        to.show(&before)?;
        loop {
            let question = format!("{}: ", input.name);
            let answer = match input.ty.kind {
                Kind::Secret => to.hidden(&question)?,
                _ => to.line(&question)?,
            };
            let Some(answer) = answer else { return Ok(()) };
            match inputs.answer(&input.name, &chosen(&input, answer.trim())) {
                Ok(()) => break,
                Err(misfit) => to.show(&format!("  {}\n", paint.paint(Role::Person, &misfit.message)))?,
            }
        }
    }
    Ok(())
}

/// Asks for the typed answers that go with a yes. Enter takes the default, or leaves out what may be left out.
///
/// # Errors
///
/// As [`fill`].
pub fn answers(ask: &[Input], to: &mut dyn Dialogue, paint: Paint) -> io::Result<Got<Map>> {
    let mut given = Map::new();
    for input in ask {
        to.show(&introduced(input, paint))?;
        let question = match &input.default {
            Some(default) => format!("{} [{}]: ", input.name, one_line(&shown(default))),
            None => format!("{}: ", input.name),
        };
        loop {
            let answer = match to.read(&question)? {
                Got::Given(answer) => answer,
                Got::Closed => return Ok(Got::Closed),
                Got::Again => return Ok(Got::Again),
            };
            if answer.trim().is_empty() && (input.default.is_some() || !input.required) {
                break;
            }
            match from_text(&input.ty, &chosen(input, answer.trim())) {
                Ok(value) => {
                    given.insert(input.name.clone(), value);
                    break;
                }
                Err(misfit) => to.show(&format!("  {}\n", paint.paint(Role::Person, &misfit.message)))?,
            }
        }
    }
    Ok(Got::Given(given))
}

/// Returns what is asked for: the help, the type, the values to choose from.
fn introduced(input: &Input, paint: Paint) -> String {
    let mut text = format!("\n{}", paint.paint(Role::Strong, input.name.as_str()));
    if let Some(help) = &input.help {
        text.push_str(&format!("  {}", one_line(help)));
    }
    text.push('\n');
    if input.ty.one_of.is_empty() {
        text.push_str(&format!("  {}\n", paint.paint(Role::Quiet, &describe(&input.ty))));
    }
    for (number, value) in input.ty.one_of.iter().enumerate() {
        text.push_str(&format!(
            "  {} {}\n",
            paint.paint(Role::Quiet, &format!("{})", number + 1)),
            shown(value)
        ));
    }
    text
}

/// Returns what was meant: a number stands for a value of the list, unless the list itself holds numbers.
fn chosen(input: &Input, answer: &str) -> String {
    let values = &input.ty.one_of;
    if values.iter().any(|value| shown(value) == answer) {
        return answer.to_owned();
    }
    let number = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    number.and_then(|at| values.get(at)).map_or_else(|| answer.to_owned(), shown)
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a person reads before they are asked.
#[derive(Clone, Debug, Default)]
pub struct Before {
    /// What is shown.
    pub shown: String,
    /// All of it: shown when they ask for it.
    pub whole: String,
    /// Whether what is shown is less than that, since it does not fit the terminal.
    pub cut: bool,
    /// What it is about, in a line, for below what is taller than the terminal.
    pub about: String,
}

impl Before {
    /// Returns `text`, all of which is shown, however tall the terminal is.
    pub fn of(text: String, about: String) -> Before {
        Before { shown: text.clone(), whole: text, cut: false, about }
    }

    /// Returns `whole` where it fits the terminal, with the question below it, and else what `short` makes of the rows there are.
    pub fn fit(
        whole: String,
        about: String,
        rows: usize,
        width: usize,
        short: impl FnOnce(usize) -> String,
    ) -> Before {
        let room = rows.saturating_sub(3);
        match rows_of(&whole, width) <= room {
            true => Before::of(whole, about),
            false => Before { shown: short(room), whole, cut: true, about },
        }
    }

    /// Shows it.
    ///
    /// # Errors
    ///
    /// As [`fill`].
    pub fn show(&self, to: &mut dyn Dialogue) -> io::Result<()> {
        self.tell(to);
        to.show(&self.shown)
    }

    /// Tells what the questions that follow are about, and shows nothing.
    pub fn tell(&self, to: &mut dyn Dialogue) {
        to.about(&self.about, &self.shown);
    }

    /// Says whether `p` is offered, which shows all of it: where not all of it was shown, or it may have scrolled away since.
    pub fn is_offered(&self, wary: bool) -> bool {
        !self.whole.is_empty() && (self.cut || wary)
    }

    /// Shows all of it, and below it what it is about; says whether there is anything to show.
    ///
    /// # Errors
    ///
    /// As [`fill`].
    pub fn show_whole(&self, to: &mut dyn Dialogue) -> io::Result<bool> {
        if self.whole.is_empty() {
            return Ok(false);
        }
        to.show(&format!("{}{}\n", self.whole, self.about))?;
        Ok(true)
    }
}

/// Asks the person to type the last part of `name`; says whether they did. The whole name is as good, and one slip is no answer.
///
/// # Errors
///
/// As [`fill`].
pub fn typed(name: &str, before: &Before, to: &mut dyn Dialogue, paint: Paint) -> io::Result<bool> {
    before.show(to)?;
    let word = name.rsplit('/').next().unwrap_or(name);
    let (mut slips, mut wary) = (0, false);
    while slips < 2 {
        wary |= to.is_wary();
        let or = if before.is_offered(wary) { ", p to see all of it" } else { "" };
        let answer = match to.read(&format!("Type {} to go on{or}: ", paint.paint(Role::Strong, word)))? {
            Got::Given(answer) => answer,
            Got::Closed => return Ok(false),
            Got::Again => {
                to.remind()?;
                continue;
            }
        };
        match answer.trim() {
            typed if typed == word || typed == name => return Ok(true),
            "" => return Ok(false),
            "p" | "P" if before.show_whole(to)? => continue,
            _ if slips == 0 => to.show("That is not its name.\n")?,
            _ => {}
        }
        slips += 1;
    }
    Ok(false)
}

/// Asks a question whose answer is no unless the person says yes.
///
/// # Errors
///
/// As [`fill`].
pub fn yes(question: &str, to: &mut dyn Dialogue) -> io::Result<Option<bool>> {
    yes_after(&Before::default(), question, to)
}

/// As [`yes`], below what was shown: `p` shows all of it, where that is more. Put again, the question takes no Enter alone until
/// it is answered, whatever else is typed meanwhile: it may be the end of a `y` that was typed before and is not there any more.
///
/// # Errors
///
/// As [`fill`].
pub fn yes_after(before: &Before, question: &str, to: &mut dyn Dialogue) -> io::Result<Option<bool>> {
    let mut wary = false;
    loop {
        wary |= to.is_wary();
        let more = before.is_offered(wary);
        let words = if more { "y, n, or p to see all of it" } else { "y or n" };
        let keys = match (wary, more) {
            (false, false) => "[y/N]",
            (false, true) => "[y/N/p]",
            (true, false) => "[y/n]",
            (true, true) => "[y/n/p]",
        };
        let answer = match to.read(&format!("{question} {keys} "))? {
            Got::Given(answer) => answer,
            Got::Closed => return Ok(None),
            Got::Again => {
                to.remind()?;
                continue;
            }
        };
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => return Ok(Some(true)),
            "" if !wary => return Ok(Some(false)),
            "n" | "no" => return Ok(Some(false)),
            "p" if before.show_whole(to)? => {}
            _ => to.show(&format!("Please type {words}.\n"))?,
        }
    }
}

/// Asks for one line of text until there is some; nothing when the person closed their input.
///
/// # Errors
///
/// As [`fill`].
pub fn text(question: &str, to: &mut dyn Dialogue) -> io::Result<Option<String>> {
    loop {
        match to.line(question)? {
            Some(answer) if answer.trim().is_empty() => {}
            answer => return Ok(answer.map(|answer| answer.trim().to_owned())),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::terminal::reminder;
    use crate::diag::Sources;
    use crate::load::{Given, Settled};
    use crate::model::Type;

    /// News that breaks in, in place of a line.
    pub(in crate::cli) const NEWS: &str = "\u{7}";

    /// Another program that has the terminal for a while, in place of a line.
    pub(in crate::cli) const AWAY: &str = "\u{1a}";

    /// A person who types these lines, and the screen as they see it.
    #[derive(Default)]
    pub(in crate::cli) struct Script {
        pub(in crate::cli) answers: Vec<&'static str>,
        pub(in crate::cli) screen: String,
        /// How tall the terminal is; as tall as can be when it is not said.
        pub(in crate::cli) tall: Option<usize>,
        wary: bool,
        about: String,
        before: String,
        away: bool,
    }

    impl Script {
        pub(in crate::cli) fn of(answers: &[&'static str]) -> Script {
            Script { answers: answers.iter().rev().copied().collect(), ..Script::default() }
        }

        fn next(&mut self, question: &str, echo: bool) -> Option<String> {
            let answer = self.answers.pop();
            let seen = if echo { answer.unwrap_or("^D") } else { "" };
            self.screen.push_str(&format!("{question}{seen}\n"));
            answer.map(str::to_owned)
        }
    }

    impl Dialogue for Script {
        fn show(&mut self, text: &str) -> io::Result<()> {
            self.screen.push_str(text);
            Ok(())
        }
        fn read(&mut self, question: &str) -> io::Result<Got<String>> {
            if let Some(came) = self.answers.pop_if(|answer| matches!(*answer, NEWS | AWAY)) {
                let said = if came == NEWS { "news" } else { "$ fg" };
                self.screen.push_str(&format!("{question}\n{said}\n"));
                (self.wary, self.away) = (true, came == AWAY);
                return Ok(Got::Again);
            }
            let Some(line) = self.next(question, true) else { return Ok(Got::Closed) };
            self.wary &= line.is_empty();
            Ok(Got::Given(line))
        }
        fn is_wary(&self) -> bool {
            self.wary
        }
        fn remind(&mut self) -> io::Result<()> {
            let away = std::mem::take(&mut self.away);
            let text = reminder(&self.about, &self.before, away);
            self.screen.push_str(&text);
            Ok(())
        }
        fn about(&mut self, about: &str, shown: &str) {
            (self.about, self.before) = (about.to_owned(), shown.to_owned());
        }
        fn hidden(&mut self, question: &str) -> io::Result<Option<String>> {
            Ok(self.next(question, false))
        }
        fn rows(&self) -> usize {
            self.tall.unwrap_or(usize::MAX)
        }
    }

    fn inputs() -> Inputs {
        let input = |name: &str, ty| Input { name: name.into(), ty, required: true, ..Input::default() };
        let env = Type { one_of: vec![json!("prod"), json!("staging")], ..Type::default() };
        let vars = [
            Input { help: Some("Which one to scale".into()), ..input("env", env) },
            input("count", Type { kind: Kind::Integer, ..Type::default() }),
            input("token", Type { kind: Kind::Secret, ..Type::default() }),
        ];
        Inputs::gather(&vars, &Given::default(), std::path::Path::new("/"), &mut Sources::new())
    }

    #[test]
    fn what_is_missing_is_asked_for_until_it_fits() {
        let mut inputs = inputs();
        let mut script = Script::of(&["3", "2", "many", "4", "hunter22"]);
        fill(&mut inputs, &mut script, Paint::PLAIN).unwrap();
        insta::assert_snapshot!(script.screen, @"
        env  Which one to scale
          1) prod
          2) staging
        env: 3
          `3` is not one of prod, staging
        env: 2

        count
          integer
        count: many
          wants an integer, got `many`
        count: 4

        token
          secret
        token:
        ");
        let Settled { answers, secrets, .. } = inputs.settle().unwrap();
        assert_eq!(answers[0].value, json!("staging"));
        assert_eq!(answers[1].value, json!(4));
        assert_eq!(secrets.reveal("token"), Some("hunter22"));
    }

    #[test]
    fn who_closes_the_input_leaves_the_rest_missing() {
        let mut inputs = inputs();
        fill(&mut inputs, &mut Script::of(&["prod"]), Paint::PLAIN).unwrap();
        let missing: Vec<_> = inputs.missing().iter().map(|input| input.name.as_str()).collect();
        assert_eq!(missing, ["count", "token"]);
    }

    #[test]
    fn no_is_the_answer_unless_yes_was_said() {
        for (answers, meant) in [
            (&["y"][..], Some(true)),
            (&["YES"], Some(true)),
            (&[""], Some(false)),
            (&["what", "n"], Some(false)),
            (&[], None),
        ] {
            assert_eq!(yes("Go?", &mut Script::of(answers)).unwrap(), meant, "{answers:?}");
        }
    }

    #[test]
    fn enter_alone_is_no_answer_to_a_question_that_was_put_again() {
        for (answers, meant) in [
            (&[NEWS, "", "y"][..], Some(true)),
            (&[NEWS, "", NEWS, "", "n"], Some(false)),
            (&[NEWS, ""], None),
            (&[NEWS, "what", ""], None),
            (&[NEWS, "what", "", "y"], Some(true)),
            (&[AWAY, "what", "", "n"], Some(false)),
        ] {
            let mut script = Script::of(answers);
            assert_eq!(yes("Go?", &mut script).unwrap(), meant, "{answers:?}: {}", script.screen);
        }
        let mut script = Script::of(&[NEWS, "", "n"]);
        yes("Go?", &mut script).unwrap();
        assert_eq!(script.screen, "Go? [y/N] \nnews\n\nGo? [y/n] \nPlease type y or n.\nGo? [y/n] n\n");
    }

    /// After a break-in it may have scrolled away, and after another program it is gone.
    #[test]
    fn what_was_read_before_can_be_read_again() {
        let before = || Before::of("\nshop\n  cart 3 → 6\n".to_owned(), "shop: env = prod".to_owned());
        let mut script = Script::of(&[NEWS, "p", "y"]);
        assert_eq!(yes_after(&before(), "Go?", &mut script).unwrap(), Some(true));
        assert_eq!(
            script.screen,
            "Go? [y/N] \nnews\n\nGo? [y/n/p] p\n\nshop\n  cart 3 → 6\nshop: env = prod\nGo? [y/n/p] y\n"
        );
        let mut script = Script::of(&[NEWS, AWAY, "p", "shop"]);
        assert!(typed("shop", &before(), &mut script, Paint::PLAIN).unwrap());
        insta::assert_snapshot!(script.screen, @"
        shop
          cart 3 → 6
        Type shop to go on: 
        news

        shop: env = prod
        Type shop to go on, p to see all of it: 
        $ fg

        shop
          cart 3 → 6
        Type shop to go on, p to see all of it: p

        shop
          cart 3 → 6
        shop: env = prod
        Type shop to go on, p to see all of it: shop
        ");
    }

    #[test]
    fn a_word_must_be_typed_exactly() {
        let said =
            |answer| typed("prod", &Before::default(), &mut Script::of(&[answer]), Paint::PLAIN).unwrap();
        assert!(said("prod") && said(" prod ") && !said("y") && !said("prod2") && !said(""));
        let of = |answers: &'static [&'static str]| {
            typed("shop/scale", &Before::default(), &mut Script::of(answers), Paint::PLAIN).unwrap()
        };
        assert!(of(&["scale"]) && of(&["shop/scale"]) && of(&["scael", "scale"]));
        assert!(!of(&["shop"]) && !of(&["scael", "scael", "scale"]) && !of(&["", "scale"]));
    }
}
