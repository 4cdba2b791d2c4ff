//! What is about to be undone, for the person who is asked whether it should be.

use unicode_width::UnicodeWidthStr;

use super::console::{Console, one_line, whole};
use crate::driver::{Hint, ToUndo};
use crate::report::{Role, reversed};

/// Returns the undo of each step, the first to be undone first, with what it puts back.
pub(super) fn shown(run: &str, plan: &[ToUndo], kept: &[String], console: Console) -> String {
    let paint = console.err;
    let mut text = format!("To be undone of run {run}, the last begun first:");
    for undo in plan {
        let name = one_line(&undo.step);
        text.push_str(&format!("\n  {}", paint.paint(Role::Strong, &name)));
        match &undo.command {
            Err(why) => {
                let why = format!("can't be undone: {}", one_line(why));
                text.push_str(&format!("  {}", paint.paint(Role::Person, &why)));
            }
            Ok(command) => match whole(command, console.width.saturating_sub(5), paint).as_slice() {
                [line] if line.width() + name.width() + 5 <= console.width => {
                    text.push_str(&format!("  {line}"))
                }
                lines => lines.iter().for_each(|line| text.push_str(&format!("\n    {line}"))),
            },
        }
        for (role, line) in told(undo) {
            let line = paint.shorten(&one_line(&line), console.width.saturating_sub(4).max(20));
            text.push_str(&format!("\n    {}", paint.paint(role, &line)));
        }
    }
    if !kept.is_empty() {
        let kept = format!("Stays as it is, since it was begun before: {}", kept.join(", "));
        text.push_str(&format!("\n{}", paint.shorten(&one_line(&kept), console.width.max(20))));
    }
    text
}

/// Returns what is to be known of an undo besides its command.
fn told(undo: &ToUndo) -> Vec<(Role, String)> {
    let mut lines = Vec::new();
    if let Some(reads) = &undo.reads {
        lines.push((Role::Plain, format!("reads {reads}")));
    }
    let reversed = undo.changes.as_deref().and_then(reversed);
    match (&undo.command, reversed, &undo.changes) {
        (Ok(_), Some(back), _) => lines.push((Role::Plain, format!("puts back {back}"))),
        (Ok(_), None, Some(changes)) => lines.push((Role::Plain, format!("takes back: {changes}"))),
        (Ok(_), None, None) if !undo.captured.is_empty() => {
            let values = undo.captured.iter().map(|(name, value)| match value.as_str() {
                Some(text) => format!("{name} {text}"),
                None => format!("{name} {value}"),
            });
            lines.push((Role::Plain, format!("puts back {}", values.collect::<Vec<_>>().join(", "))));
        }
        (Err(_), _, Some(changes)) => lines.push((Role::Plain, format!("it changed {changes}"))),
        _ => {}
    }
    lines.extend(undo.hint.as_ref().map(|hint| match hint {
        Hint::Failed(why) if undo.command.is_err() => (Role::Failure, format!("failed ({why})")),
        Hint::Failed(why) => {
            (Role::Failure, format!("failed ({why}); what it did before that is undone too"))
        }
        Hint::InDoubt if undo.command.is_err() => {
            (Role::Doubt, "in doubt: whether it took effect is not known".to_owned())
        }
        Hint::InDoubt => (
            Role::Doubt,
            "in doubt: whether it took effect is not known; it is undone all the same".to_owned(),
        ),
        Hint::Tried(why) => (Role::Failure, format!("was tried and failed: {why}")),
        Hint::UndoInDoubt => {
            (Role::Doubt, "its undo is in doubt: it was begun, and its end is not known".to_owned())
        }
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Map;

    #[test]
    fn each_undo_says_what_it_puts_back_and_what_is_not_known_of_it() {
        let undo = |step: &str, changes: Option<&str>, hint| ToUndo {
            step: step.to_owned(),
            command: Ok(format!("undo {step}")),
            reads: None,
            changes: changes.map(str::to_owned),
            captured: Map::from_iter([("min".to_owned(), serde_json::json!(2))]),
            hint,
        };
        let mail = ToUndo {
            command: Err("sent is sent".to_owned()),
            ..undo("mail", Some("2 mails"), Some(Hint::InDoubt))
        };
        let plan = [
            undo("scale[api]", Some("replicas 3 → 10"), None),
            undo("warm", None, Some(Hint::InDoubt)),
            undo("drain", Some("empties it"), Some(Hint::Failed("it exited with 1".to_owned()))),
            mail,
        ];
        insta::assert_snapshot!(shown("r7", &plan, &["reach".to_owned()], Console::plain()), @"
        To be undone of run r7, the last begun first:
          scale[api]  undo scale[api]
            puts back replicas 10 → 3
          warm  undo warm
            puts back min 2
            in doubt: whether it took effect is not known; it is undone all the same
          drain  undo drain
            takes back: empties it
            failed (it exited with 1); what it did before that is undone too
          mail  can't be undone: sent is sent
            it changed 2 mails
            in doubt: whether it took effect is not known
        Stays as it is, since it was begun before: reach
        ");
    }
}
