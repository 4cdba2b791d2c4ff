//! What can be done about a failed step, offered at the terminal.
//!
//! A letter and Enter, not a key alone: the answer may undo a release, it is given at three in the morning, and what was
//! typed ahead must not give it. It also leaves the terminal as it is, so that nothing has to be put back.

use std::collections::BTreeMap;
use std::io;

use super::changing;
use super::console::{Console, count, one_line, whole, wrapped};
use super::prompt::{Before, yes_after};
use super::terminal::{Dialogue, Got};
use super::undoing::shown;
use crate::driver::{Choice, Offer, Offered};
use crate::machine::Decision;
use crate::report::{Role, rows_of};

/// How many steps are named at most.
const NAMED: usize = 8;

/// How much is shown of what failed.
#[derive(Clone, Copy)]
struct Much {
    /// How many lines of why.
    why: usize,
    /// How many lines of a command, and of what goes with it.
    command: usize,
    /// Of how many steps the command, and what it printed.
    steps: usize,
    /// How many of the last lines that it printed: more is in `runbook logs`.
    tail: usize,
    /// How many steps are named.
    named: usize,
}

/// All that is worth showing at this place.
const ALL: Much = Much { why: usize::MAX, command: usize::MAX, steps: 2, tail: 5, named: NAMED };

/// What is shown where that does not fit: the first of these that does. What failed and why stands on the screen with the keys,
/// however small that is.
const LESS: [Much; 6] = [
    Much { why: 4, command: 3, ..ALL },
    Much { why: 4, command: 3, steps: 1, ..ALL },
    Much { why: 3, command: 2, steps: 1, tail: 3, named: 4 },
    Much { why: 2, command: 1, steps: 1, tail: 2, named: 2 },
    Much { why: 2, command: 0, steps: 1, tail: 1, named: 1 },
    Much { why: 1, command: 0, steps: 0, tail: 0, named: 1 },
];

type Decided = (Decision, Option<String>);

/// Asks what is to be done; nothing when they closed their input, or the question was taken down.
///
/// # Errors
///
/// When the terminal is gone.
pub(super) fn choose(offer: &Offer, to: &mut dyn Dialogue, console: Console) -> io::Result<Option<Choice>> {
    let several = offer.steps.len() > 1;
    let undo = !offer.undo.is_empty();
    let shown = |much| format!("{}{}", introduced(offer, much, console), keys(offer, false, console));
    let short = |room| {
        let shown = |much| format!("{}{}", introduced(offer, much, console), keys(offer, true, console));
        let fits = |text: &String| rows_of(text, console.width) <= room;
        LESS.into_iter().map(shown).find(fits).unwrap_or_else(|| shown(LESS[LESS.len() - 1]))
    };
    let about = offer.steps.first().map(|step| about(step, console)).unwrap_or_default();
    let before = Before::fit(shown(ALL), about, to.rows(), console.width, short);
    before.show(to)?;
    let mut letters = vec!['r'];
    letters.extend(offer.steps.iter().any(|step| step.ran).then_some('v'));
    letters.extend(['s', 'd']);
    letters.extend(several.then_some('o'));
    letters.extend(undo.then_some('b'));
    letters.push('q');
    loop {
        let Some(letter) = letter("What now?", &letters, &before, to)? else { return Ok(None) };
        let choice = match letter {
            'q' => Some(Choice::Leave),
            'b' => rolled_back(offer, &before, to, console)?,
            'o' => match one_by_one(offer, to, console)? {
                Some(choice) => Some(choice),
                None => return Ok(None),
            },
            'v' => Some(all(offer, &(Decision::Verify, None), |step| step.ran)),
            letter => match decision(letter, None, to)? {
                Some(decided) => decided.map(|decided| all(offer, &decided, |_| true)),
                None => return Ok(None),
            },
        };
        if choice.is_some() {
            return Ok(choice);
        }
    }
}

/// Returns what the question is about, in a line.
pub(super) fn about(step: &Offered, console: Console) -> String {
    let why = step.why.as_deref().map_or_else(|| "is in doubt".to_owned(), |why| format!("failed: {why}"));
    let line = format!("{} {}", one_line(&step.step), one_line(&why));
    console.err.shorten(&line, console.width.saturating_sub(1))
}

/// Returns what failed, no more of it than `much`.
fn introduced(offer: &Offer, much: Much, console: Console) -> String {
    let mut text = String::from("\n");
    if offer.steps.len() > 1 {
        text.push_str(&format!(
            "{} did not go well, the first one first:\n",
            count(offer.steps.len(), "step")
        ));
    }
    for (number, step) in offer.steps.iter().take(much.named).enumerate() {
        let much = match number < much.steps {
            true => much,
            // Of the others the command alone, where there is room for all of it.
            false if much.command == usize::MAX => Much { tail: 0, ..much },
            false => Much { tail: 0, command: much.command.min(1), ..much },
        };
        text.push_str(&told(step, much, console));
    }
    if let Some(more) = offer.steps.len().checked_sub(much.named + 1) {
        text.push_str(&format!("and {} more\n", more + 1));
    }
    text
}

fn told(step: &Offered, much: Much, console: Console) -> String {
    let paint = console.err;
    let (role, what) = match &step.why {
        Some(why) => (Role::Failure, format!("failed: {}", one_line(why))),
        None => (Role::Doubt, "is in doubt: whether its command took effect is not known".to_owned()),
    };
    let room = console.width.saturating_sub(1);
    let name = one_line(&step.step);
    let mut text = String::new();
    let why = wrapped(&format!("{name} {what}"), room, 0);
    let all = why.lines().count();
    for (number, line) in why.lines().take(much.why).enumerate() {
        let cut = number + 1 == much.why && all > much.why;
        let line =
            if cut { paint.shorten(&format!("{line} {}", paint.ellipsis()), room) } else { line.to_owned() };
        text.push_str(&match line.strip_prefix(&*name).filter(|_| number == 0) {
            Some(line) => format!("{}{}\n", paint.paint(Role::Strong, &name), paint.paint(role, line)),
            None => format!("  {}\n", paint.paint(role, &line)),
        });
    }
    if let Some(wanted) = &step.wanted {
        text.push_str(&cut(&wrapped(&format!("until {}", one_line(wanted)), room, 2), much.why, console));
    }
    let mut command = String::new();
    for (number, line) in whole(&step.command, room.saturating_sub(4), paint).iter().enumerate() {
        command.push_str(&format!("  {:1} {line}\n", if number == 0 { "$" } else { "" }));
    }
    let mut same = String::new();
    if let Some(again) = step.again.as_ref().filter(|again| again.command == step.command) {
        same = changing::around(again, console);
    }
    text.push_str(&cut(&command, much.command, console));
    text.push_str(&cut(&same, much.command, console));
    let lines: Vec<&str> = step.tail.lines().collect();
    for line in &lines[lines.len().saturating_sub(much.tail)..] {
        text.push_str(&format!("{}\n", paint.shorten(&format!("  | {}", paint.clean_output(line)), room)));
    }
    // The last command may have been that of its gate, or another before its values were known.
    if let Some(again) = step.again.as_ref().filter(|again| again.command != step.command && much.command > 0)
    {
        text.push_str("  run again it is:\n");
        text.push_str(&cut(&changing::command(again, console), much.command, console));
    }
    text
}

/// Returns the first lines, and how many there are more.
fn cut(lines: &str, most: usize, console: Console) -> String {
    let all = lines.lines().count();
    // The line that would say so is as long as the one that is left out.
    if all <= most.saturating_add(usize::from(most > 0)) {
        return lines.to_owned();
    }
    let mut text: String = lines.lines().take(most).map(|line| format!("{line}\n")).collect();
    if most > 0 {
        let more = count(all - most, "line");
        text.push_str(&format!("    {} {more} more; p shows all of it\n", console.err.ellipsis()));
    }
    text
}

fn keys(offer: &Offer, cut: bool, console: Console) -> String {
    let several = offer.steps.len() > 1;
    let ran = offer.steps.iter().any(|step| step.ran);
    let (again, without, done) = match several {
        false => {
            ("run it again", "skip it: go on without it (asks why)", "it is done: take it so (asks why)")
        }
        true => {
            ("run all of them again", "skip all of them (asks why)", "all are done: take them so (asks why)")
        }
    };
    let mut lines = vec![('r', again.to_owned())];
    if ran {
        let only = "its command went well: only ask its gate again";
        let these = "only ask the gates again, where the command went well";
        lines.push(('v', if several { these } else { only }.to_owned()));
    }
    lines.extend([('s', without.to_owned()), ('d', done.to_owned())]);
    if several {
        lines.push(('o', "decide one by one".to_owned()));
    }
    if !offer.undo.is_empty() {
        lines.push(('b', format!("roll back: {} (shows them, and asks)", undone(offer))));
    }
    lines.push(('q', format!("leave it; `{} resume {}` goes on later", offer.program, offer.run)));
    if cut {
        lines.push(('p', "show all of it: what failed, whole, and its commands".to_owned()));
    }
    let mut text = String::from("\n");
    for (letter, what) in lines {
        let letter = console.err.paint(Role::Strong, &letter.to_string());
        text.push_str(&format!("  {letter}  {what}\n"));
    }
    text
}

/// Returns how many steps a rollback undoes, and how many it can't.
fn undone(offer: &Offer) -> String {
    let can = offer.undo.iter().filter(|undo| undo.command.is_ok()).count();
    match (can, offer.undo.len() - can) {
        (0, left) => format!("{} that can't be undone", count(left, "step")),
        (can, 0) => format!("undo {}", count(can, "step")),
        (can, left) => format!("undo {}, {left} can't be", count(can, "step")),
    }
}

/// Asks for one of the letters. `p` is one more where there is more to see than what stands `before` it.
fn letter(
    question: &str,
    letters: &[char],
    before: &Before,
    to: &mut dyn Dialogue,
) -> io::Result<Option<char>> {
    let mut wary = false;
    loop {
        wary |= to.is_wary();
        let more = before.is_offered(wary).then_some('p');
        let listed = letters.iter().copied().chain(more).map(|letter| letter.to_string());
        let listed = listed.collect::<Vec<_>>().join("/");
        let answer = match to.read(&format!("{question} [{listed}] "))? {
            Got::Given(answer) => answer,
            Got::Closed => return Ok(None),
            Got::Again => {
                to.remind()?;
                continue;
            }
        };
        let answer = answer.trim().to_lowercase();
        let mut typed = answer.chars();
        match (typed.next(), typed.next()) {
            (Some(letter), None) if letters.contains(&letter) => return Ok(Some(letter)),
            (Some('p'), None) if before.show_whole(to)? => {}
            // Enter alone decides nothing: every answer here changes something.
            _ => to.show(&format!("Please type one of {}, and Enter.\n", listed.replace('/', ", ")))?,
        }
    }
}

/// Returns what a letter decides of `step`, or of all of them, with why; `Some(None)` when they went back instead of saying why.
fn decision(letter: char, step: Option<&str>, to: &mut dyn Dialogue) -> io::Result<Option<Option<Decided>>> {
    let decision = match letter {
        's' => Decision::Skip,
        'd' => Decision::Done,
        _ => return Ok(Some(Some((Decision::Retry, None)))),
    };
    let of = step.map(|step| format!("{step}: ")).unwrap_or_default();
    let Some(why) = to.line(&format!("{of}Why? It is kept in the journal (Enter alone goes back): "))? else {
        return Ok(None);
    };
    let why = why.trim();
    Ok(Some((!why.is_empty()).then(|| (decision, Some(why.to_owned())))))
}

fn all(offer: &Offer, decided: &Decided, which: impl Fn(&Offered) -> bool) -> Choice {
    let steps = offer.steps.iter().filter(|step| which(step));
    Choice::Settle(steps.map(|step| (step.step.clone(), decided.clone())).collect())
}

fn one_by_one(offer: &Offer, to: &mut dyn Dialogue, console: Console) -> io::Result<Option<Choice>> {
    let mut decisions = BTreeMap::new();
    for step in &offer.steps {
        // What is put again is put again of this step.
        let before = Before::of(format!("\n{}", told(step, ALL, console)), about(step, console));
        before.show(to)?;
        let (letters, question): (&[char], _) = match step.ran {
            true => (&['r', 'v', 's', 'd', 'q'], "again, only its gate, skip, done, or leave it?"),
            false => (&['r', 's', 'd', 'q'], "again, skip, done, or leave it?"),
        };
        let name = one_line(&step.step);
        let question = format!("{name}: {question}");
        loop {
            let Some(letter) = letter(&question, letters, &before, to)? else { return Ok(None) };
            let decided = match letter {
                'q' => break,
                'v' => Some((Decision::Verify, None)),
                letter => match decision(letter, Some(&name), to)? {
                    Some(decided) => decided,
                    None => return Ok(None),
                },
            };
            if let Some(decided) = decided {
                decisions.insert(step.step.clone(), decided);
                break;
            }
        }
    }
    // All of them left is the run left.
    Ok(Some(if decisions.is_empty() { Choice::Leave } else { Choice::Settle(decisions) }))
}

/// Shows what a rollback would do and asks; nothing when they do not want it after all.
fn rolled_back(
    offer: &Offer,
    menu: &Before,
    to: &mut dyn Dialogue,
    console: Console,
) -> io::Result<Option<Choice>> {
    let text = format!("\n{}\n", shown(&offer.run, &offer.undo, &[], console));
    let about = format!("roll back run {}: {}", one_line(&offer.run), undone(offer));
    let before = Before::of(text, console.err.shorten(&about, console.width.saturating_sub(1)));
    before.show(to)?;
    match yes_after(&before, "Undo this?", to)? {
        Some(true) => Ok(Some(Choice::Rollback)),
        Some(false) => {
            menu.tell(to);
            to.show(&wrapped("Nothing was undone.", console.width, 0))?;
            Ok(None)
        }
        None => Ok(Some(Choice::Leave)),
    }
}

#[cfg(test)]
mod tests;
