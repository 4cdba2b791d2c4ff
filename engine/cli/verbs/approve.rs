//! `runbook approve`: answers a step that waits for a person, from any terminal.

use crate::cli::args::Approve;
use crate::cli::console::{Console, exact};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::gather::left;
use crate::cli::people::{about, introduced};
use crate::cli::prompt::Before;
use crate::cli::settings::Settings;
use crate::cli::terminal::{Dialogue, Got, Terminal};
use crate::cli::{prompt, stores, waiting};
use crate::driver::{Asked, now};
use crate::journal::Ask;
use crate::load::from_text;
use crate::machine::Question;
use crate::model::{Input, Map};
use crate::report::rows_of;
use crate::template::quote_word;

/// Puts the answer into the run's inbox, where whoever drives the run finds it. The machine judges it there once more.
///
/// # Errors
///
/// When the run or the step does not wait for anybody, or not for this person or this answer.
pub fn run(approve: &Approve, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let store = stores::existing_with(settings, Some(&approve.run))?;
    let run = stores::meant(&store, Some(&approve.run), console)?.id;
    let by = settings.person("command");
    let question = waiting::find(&store, &run, &approve.step, &by)?;
    let asked = &question.asked;
    if asked.question == Question::Manual {
        let message = format!("`{}` of run {run} is to be done, not approved", asked.step);
        let hint = format!("when it is done: `runbook done {run} {} --note TEXT`", quote_word(&asked.step));
        return Err(CliError::usage_with(message, hint));
    }
    let given = given(&approve.answer, asked, approve.reject)?;
    console.say(introduced(asked, console).trim_matches('\n'));
    let mut terminal = if settings.can_ask() && !approve.yes { Terminal::open() } else { None };
    let answers = if approve.reject {
        Map::new()
    } else {
        let to = terminal.as_mut().map(|terminal| terminal as &mut dyn Dialogue);
        match complete(asked, given, to, console)? {
            Some(answers) => answers,
            None => {
                console.say(&format!("{}: nothing was answered", exact(&asked.step)));
                return Ok(Exit::Good);
            }
        }
    };
    let ask = Ask::Approve {
        step: asked.step.clone(),
        yes: !approve.reject,
        note: approve.note.clone(),
        answers,
        hash: Some(asked.hash.clone()),
    };
    store.post(&run, now(), &by, &ask)?;
    let word = if approve.reject { "rejected".to_owned() } else { approved(asked, question.posted) };
    question.told(&word, settings, console);
    Ok(Exit::Good)
}

/// Returns `approved`, with how many yeses are there and wanted where more than one is. Those in the inbox are there, too.
fn approved(asked: &Asked, posted: usize) -> String {
    let there = asked.said.len() + posted + 1;
    match asked.needed as usize {
        1 => "approved".to_owned(),
        needed if there < needed => format!("approved ({there} of {needed}: it still waits)"),
        needed => format!("approved ({needed} of {needed})"),
    }
}

/// Reads the answers that were typed on the command line.
fn given(typed: &[String], asked: &Asked, reject: bool) -> Result<Map, CliError> {
    let mut given = Map::new();
    if reject && !typed.is_empty() {
        return Err(CliError::usage("--reject takes no --answer: answers go with a yes"));
    }
    for answer in typed {
        let Some((name, text)) = answer.split_once('=') else {
            let hint = "write --answer NAME=VALUE";
            return Err(CliError::usage_with(format!("--answer {answer} has no `=`"), hint));
        };
        let Some(input) = asked.ask.iter().find(|input| input.name == name) else {
            let message = format!("--answer {name}: `{}` asks for no `{name}`", asked.step);
            let names: Vec<&str> = asked.ask.iter().map(|input| input.name.as_str()).collect();
            return Err(match names.as_slice() {
                [] if !asked.said.is_empty() => {
                    let hint = "the answers are those of whoever said yes first; say yes without any";
                    CliError::usage_with(message, hint)
                }
                [] => CliError::usage(message),
                names => CliError::usage_with(message, format!("it asks for {}", names.join(", "))),
            });
        };
        let value = from_text(&input.ty, text)
            .map_err(|misfit| CliError::usage(format!("--answer {name}: {}", misfit.message)))?;
        given.insert(name.to_owned(), value);
    }
    Ok(given)
}

/// Asks for the yes and for what is missing of the answers; nothing when the person said neither yes nor all of it.
fn complete(
    asked: &Asked,
    mut given: Map,
    to: Option<&mut dyn Dialogue>,
    console: Console,
) -> Result<Option<Map>, CliError> {
    let missing: Vec<Input> =
        asked.ask.iter().filter(|input| !given.contains_key(&input.name)).cloned().collect();
    let Some(to) = to else {
        let needed = missing.iter().filter(|input| input.required && input.default.is_none());
        let needed: Vec<&str> = needed.map(|input| input.name.as_str()).collect();
        if let Some(first) = needed.first() {
            let message = format!("`{}` asks for {}", asked.step, needed.join(", "));
            return Err(CliError::usage_with(message, format!("add --answer {first}=VALUE")));
        }
        return Ok(Some(given));
    };
    if rows_of(&introduced(asked, console), console.width) + 2 > to.rows() {
        // The question has scrolled away.
        to.show(&format!("{}\n", about(asked, console)))?;
    }
    let before = Before::of(introduced(asked, console), about(asked, console));
    before.tell(to);
    loop {
        if prompt::yes_after(&before, "Approve?", to).map_err(left)? != Some(true) {
            return Ok(None);
        }
        match prompt::answers(&missing, to, console.err).map_err(left)? {
            Got::Given(typed) => {
                given.extend(typed);
                return Ok(Some(given));
            }
            Got::Closed => return Ok(None),
            Got::Again => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::prompt::tests::Script;
    use crate::model::{Kind, Type};

    fn asked() -> Asked {
        let input = |name: &str, kind, default| Input {
            name: name.to_owned(),
            ty: Type { kind, ..Type::default() },
            default,
            required: true,
            ..Input::default()
        };
        Asked {
            step: "go".to_owned(),
            question: Question::Approval,
            prompt: String::new(),
            covers: Vec::new(),
            hash: String::new(),
            rehearsed: false,
            who: None,
            needed: 3,
            said: Vec::new(),
            ask: vec![input("ticket", Kind::String, None), input("share", Kind::Integer, Some(json!(10)))],
        }
    }

    fn of(typed: &[&str], script: Option<&[&'static str]>) -> Result<Option<Map>, String> {
        let typed: Vec<String> = typed.iter().map(|&one| one.to_owned()).collect();
        let told = |error: CliError| format!("{error}; {}", error.hint().unwrap_or_default());
        let given = given(&typed, &asked(), false).map_err(told)?;
        let mut script = script.map(Script::of);
        let to = script.as_mut().map(|script| script as &mut dyn Dialogue);
        complete(&asked(), given, to, Console::plain()).map_err(told)
    }

    #[test]
    fn answers_are_read_by_their_types_and_what_is_missing_is_asked_for() {
        let map = |value: serde_json::Value| value.as_object().cloned();
        assert_eq!(of(&["ticket=OPS-7"], None), Ok(map(json!({"ticket": "OPS-7"}))));
        assert_eq!(of(&["share=5"], Some(&["y", "OPS-7"])), Ok(map(json!({"share": 5, "ticket": "OPS-7"}))));
        let typed = ["y", "OPS-7", "many", "20"];
        assert_eq!(of(&[], Some(&typed)), Ok(map(json!({"ticket": "OPS-7", "share": 20}))));
        assert_eq!(of(&[], Some(&["y", "OPS-7", ""])), Ok(map(json!({"ticket": "OPS-7"}))));
        assert_eq!(of(&["ticket=1"], Some(&["n"])), Ok(None));
        assert_eq!(of(&["share=x"], None), Err("--answer share: wants an integer, got `x`; ".to_owned()));
        assert_eq!(of(&[], None), Err("`go` asks for ticket; add --answer ticket=VALUE".to_owned()));
        assert!(of(&["tick=1"], None).unwrap_err().contains("it asks for ticket, share"));
    }

    #[test]
    fn a_yes_says_how_many_are_there() {
        assert_eq!(approved(&asked(), 1), "approved (2 of 3: it still waits)");
        assert_eq!(approved(&asked(), 2), "approved (3 of 3)");
        assert_eq!(approved(&Asked { needed: 1, ..asked() }, 0), "approved");
    }
}
