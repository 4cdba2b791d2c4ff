//! `runbook complete`: what may stand where TAB was pressed, in the words of the shell that asks.
//!
//! A hidden verb and not a variable that is looked at before anything is parsed, as the library has it: somebody's `COMPLETE=1`
//! would turn every call into one that does nothing. What may stand there is `cli/completing.rs`; here it is only written. Whatever
//! goes wrong, nothing is offered and nothing is said: somebody is typing.

use std::collections::HashSet;

use crate::cli::args::{Complete, Shell};
use crate::cli::completing::{self, Offer};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::cli::shell_line::{Line, split, written};

/// Writes what may stand at the end of a line, one a line, to stdout.
///
/// # Errors
///
/// When stdout can't be written.
pub fn run(of: &Complete, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    // What is not text is no name of anything here.
    let words: Option<Vec<String>> = of.words.iter().map(|word| Some(word.to_str()?.to_owned())).collect();
    let text = words.and_then(|words| text(of.shell, words, settings)).unwrap_or_default();
    console.print(&text)?;
    Ok(Exit::Good)
}

fn text(shell: Shell, words: Vec<String>, settings: &Settings) -> Option<String> {
    match shell {
        Shell::Bash => {
            let [kind, columns, replaced, line] = <[String; 4]>::try_from(words).ok()?;
            let line = split(&line);
            let offers = completing::offers(line.words.clone(), &line.raw, settings);
            Some(for_bash(&offers, &kind, columns.parse().unwrap_or(80), &replaced, &line))
        }
        Shell::Zsh => {
            // It was read by the shell already, and how it was typed is not told.
            let raw = words.last().cloned().unwrap_or_default();
            Some(with_tabs(&completing::offers(words, &raw, settings)))
        }
        Shell::Fish => {
            let mut words = words;
            // Only what stands before the cursor's word was read by the shell.
            let mut last = split(&words.pop()?);
            words.push(last.words.pop()?);
            Some(with_tabs(&completing::offers(words, &last.raw, settings)))
        }
    }
}

fn with_tabs(offers: &[Offer]) -> String {
    offers.iter().map(|offer| format!("{}\t{}\n", offer.value, offer.about)).collect()
}

/// The kinds of completion at which bash only shows what there is, and puts in no more than what all begin with: TAB, `!`, `?`, `@`.
/// Menu completion and `insert-completions` (M-*) put the offers themselves in.
const SHOWN: [&str; 4] = ["9", "33", "63", "64"];

/// Bash knows no descriptions. Where there is a choice it only shows what it is given, and puts in what all begin with: so
/// they may stand behind the values, but only where what all begin with ends before the first of them. Else a title, which is
/// somebody's text, would stand in the line unquoted.
fn for_bash(offers: &[Offer], kind: &str, columns: usize, replaced: &str, line: &Line) -> String {
    let puts = offers.iter().filter_map(|offer| Some((written(&offer.value, line, replaced)?, offer)));
    let mut seen = HashSet::new();
    // What is offered twice is one word to put in.
    let puts: Vec<(String, &Offer)> = puts.filter(|(put, _)| seen.insert(put.clone())).collect();
    if puts.len() > 1 && SHOWN.contains(&kind) {
        let told = lines(&puts, columns, true, line);
        let words: Vec<&str> = puts.iter().map(|(put, _)| put.as_str()).collect();
        let shown: Vec<&str> = told.iter().map(String::as_str).collect();
        if together(&shown) <= together(&words) {
            return told.concat();
        }
    }
    lines(&puts, columns, false, line).concat()
}

/// Returns the lines that bash is given, with what is said about each where `told`.
fn lines(puts: &[(String, &Offer)], columns: usize, told: bool, line: &Line) -> Vec<String> {
    let widest = puts.iter().map(|(put, _)| put.chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (put, offer) in puts {
        let room = columns.saturating_sub(widest + 6);
        let about = offer.about.chars().take(room).collect::<String>();
        if told && !about.is_empty() {
            let blanks = widest - put.chars().count();
            lines.push(format!("{put}{:blanks$}  ({about})\n", ""));
        } else if line.quote.is_some() || put.ends_with(['=', '/']) {
            lines.push(format!("{put}\n"));
        } else {
            lines.push(format!("{put} \n"));
        }
    }
    lines
}

/// Returns with how many letters all of them begin, as readline compares them when it is told to ignore case.
fn together(texts: &[&str]) -> usize {
    let letters = |text: &str| -> Vec<char> {
        text.chars().flat_map(char::to_lowercase).map(|c| if c == '_' { '-' } else { c }).collect()
    };
    let mut texts = texts.iter().map(|text| letters(text));
    let Some(first) = texts.next() else { return 0 };
    texts.fold(first.len(), |least, text| {
        least.min(first.iter().zip(&text).take_while(|(one, other)| one == other).count())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(value: &str, about: &str) -> Offer {
        Offer { value: value.to_owned(), about: about.to_owned() }
    }

    #[test]
    fn bash_is_given_descriptions_where_it_only_shows_them() {
        let two = [offer("r7k2", "shop/release, failed"), offer("r8", "")];
        let line = split("runbook status r");
        assert_eq!(for_bash(&two, "9", 80, "r", &line), "r7k2  (shop/release, failed)\nr8 \n");
        assert_eq!(for_bash(&two, "9", 22, "r", &line), "r7k2  (shop/release)\nr8 \n");
        // Menu completion, and M-*: each is put in as it is.
        for kind in ["37", "42", ""] {
            assert_eq!(for_bash(&two, kind, 80, "r", &line), "r7k2 \nr8 \n", "{kind}");
        }
        assert_eq!(for_bash(&two[..1], "9", 80, "r", &line), "r7k2 \n");
    }

    /// Bash puts in what all lines begin with, as it stands there.
    #[test]
    fn no_title_is_ever_put_in() {
        let line = split("runbook exec a");
        let evil = "$(touch x); rm";
        let twice = [offer("api", evil), offer("api", evil)];
        assert_eq!(for_bash(&twice, "9", 80, "a", &line), "api \n");
        let case = [offer("api", evil), offer("API", evil), offer("a_b", evil), offer("a-b", evil)];
        for two in [&case[..2], &case[2..]] {
            let text = for_bash(two, "9", 80, "a", &line);
            assert!(!text.contains("touch"), "{text}");
        }
        let quoted = split("runbook logs r 'a");
        let within = [offer("a", "foo"), offer("a  (f", "foo")];
        assert!(!for_bash(&within, "9", 80, "a", &quoted).contains("foo"));
        assert!(
            for_bash(&case, "9", 80, "a", &line).contains("touch"),
            "where nothing of it is put in it is shown"
        );
    }

    #[test]
    fn after_what_is_not_whole_stands_no_blank() {
        let line = split("runbook exec up --var en");
        assert_eq!(for_bash(&[offer("env=", "")], "9", 80, "en", &line), "env=\n");
        let line = split("runbook exec up --only 'flo");
        assert_eq!(for_bash(&[offer("floors[a b]", "")], "9", 80, "flo", &line), "floors[a b]\n");
    }
}
