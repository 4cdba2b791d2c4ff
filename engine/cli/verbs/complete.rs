//! `runbook complete`: what may stand where TAB was pressed, in the words of the shell that asks.
//!
//! A hidden verb and not a variable that is looked at before anything is parsed, as the library has it: somebody's `COMPLETE=1`
//! would turn every call into one that does nothing. What may stand there is `cli/completing.rs`; here it is only written. Whatever
//! goes wrong, nothing is offered and nothing is said: somebody is typing.

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
            let offers = completing::offers(line.words.clone(), settings);
            Some(for_bash(&offers, &kind, columns.parse().unwrap_or(80), &replaced, &line))
        }
        Shell::Zsh => Some(with_tabs(&completing::offers(words, settings))),
        Shell::Fish => {
            let mut words = words;
            // Only what stands before the cursor's word was read by the shell.
            let last = split(&words.pop()?).words.pop()?;
            words.push(last);
            Some(with_tabs(&completing::offers(words, settings)))
        }
    }
}

fn with_tabs(offers: &[Offer]) -> String {
    offers.iter().map(|offer| format!("{}\t{}\n", offer.value, offer.about)).collect()
}

/// Menu completion puts each offer in as it is.
const MENU: &str = "37";

/// Bash knows no descriptions. Where there is a choice it only shows what it is given, and puts in what all begin with: so
/// they may stand behind the values, but not where it puts in one after the other.
fn for_bash(offers: &[Offer], kind: &str, columns: usize, replaced: &str, line: &Line) -> String {
    let puts = offers.iter().filter_map(|offer| Some((written(&offer.value, line, replaced)?, offer)));
    let puts: Vec<(String, &Offer)> = puts.collect();
    let told = puts.len() > 1 && kind != MENU;
    let widest = puts.iter().map(|(put, _)| put.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (put, offer) in puts {
        let room = columns.saturating_sub(widest + 6);
        let about = offer.about.chars().take(room).collect::<String>();
        if told && !about.is_empty() {
            let blanks = widest - put.chars().count();
            text.push_str(&format!("{put}{:blanks$}  ({about})\n", ""));
        } else if line.quote.is_some() || put.ends_with(['=', '/']) {
            text.push_str(&format!("{put}\n"));
        } else {
            text.push_str(&format!("{put} \n"));
        }
    }
    text
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
        assert_eq!(for_bash(&two, MENU, 80, "r", &line), "r7k2 \nr8 \n");
        assert_eq!(for_bash(&two[..1], "9", 80, "r", &line), "r7k2 \n");
    }

    #[test]
    fn after_what_is_not_whole_stands_no_blank() {
        let line = split("runbook exec up --var en");
        assert_eq!(for_bash(&[offer("env=", "")], "9", 80, "en", &line), "env=\n");
        let line = split("runbook exec up --only 'flo");
        assert_eq!(for_bash(&[offer("floors[a b]", "")], "9", 80, "flo", &line), "floors[a b]\n");
    }
}
