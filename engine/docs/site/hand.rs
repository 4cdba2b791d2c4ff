//! A command as a person pastes it into a shell, so that it does what the engine would do.
//!
//! The engine spawns a program with its arguments and no shell between; here each argument is quoted so that a POSIX shell makes
//! the same of it. A secret stands as the variable that the engine would read it from, and a value that only a run can know as
//! a variable named after its step; whoever works by hand sets it.

use crate::machine::Prepared;
use crate::model::{Piece, Rendered};
use crate::template::quote_word;

/// What stands for a secret and for what only a run can know.
pub(super) trait Names {
    /// Returns the variable that holds a secret.
    fn secret(&mut self, name: &str) -> String;
    /// Returns the variable that holds what comes from `origin`.
    fn unknown(&mut self, origin: &str) -> String;
}

/// Returns the command for a shell, without its last line end.
pub(super) fn command(prepared: &Prepared, names: &mut dyn Names) -> String {
    let mut line = String::new();
    // A shell sets only what it takes for a name; `env` sets anything.
    if !prepared.env.iter().all(|(name, _)| is_name(name)) {
        line.push_str("env ");
    }
    for (name, value) in &prepared.env {
        let name = if is_name(name) { name.clone() } else { quote_word(name) };
        line.push_str(&format!("{name}={} ", word(value, names)));
    }
    line.push_str(&program(&prepared.argv, names));
    if prepared.merged {
        line.push_str(" 2>&1");
    }
    if let Some(dir) = &prepared.dir {
        line = format!("(cd {} && {line})", word(dir, names));
    }
    match &prepared.stdin {
        Some(stdin) => fed(&line, stdin, names),
        None => line,
    }
}

fn program(argv: &[Rendered], names: &mut dyn Names) -> String {
    if let [sh, e, c, script] = argv
        && [sh, e, c].map(Rendered::display) == ["sh", "-e", "-c"]
    {
        let script = self::script(script, names);
        // A script of several lines is read, not deciphered: quoted in one word every quote of its own would be four.
        if script.contains('\n') || script.contains('\'') {
            let end = delimiter(&script);
            let script = script.trim_end_matches('\n');
            return format!("sh -e -c \"$(cat <<'{end}'\n{script}\n{end}\n)\"");
        }
        return format!("sh -e -c {}", quote_word(&script));
    }
    let words: Vec<String> = argv.iter().map(|one| word(one, names)).collect();
    match words.split_first() {
        // Bare, it would be an assignment.
        Some((first, rest)) if first.contains('=') && !first.contains('\'') => {
            [&[format!("'{first}'")], rest].concat().join(" ")
        }
        _ => words.join(" "),
    }
}

/// Says whether a shell takes it for the name of a variable.
fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// Returns rendered text as one word.
fn word(rendered: &Rendered, names: &mut dyn Names) -> String {
    if rendered.pieces.is_empty() {
        return "''".to_owned();
    }
    let plain = rendered.pieces.iter().all(|piece| matches!(piece, Piece::Plain(_)));
    let mut out = String::new();
    if plain {
        return quote_word(&rendered.display());
    }
    for piece in &rendered.pieces {
        match piece {
            Piece::Plain(text) if text.is_empty() => {}
            Piece::Plain(text) => out.push_str(&quote_word(text)),
            Piece::Secret(name) => out.push_str(&format!("\"${}\"", names.secret(name))),
            Piece::Unknown(origin) => out.push_str(&format!("\"${}\"", names.unknown(origin))),
        }
    }
    out
}

/// Returns a script with variables in place of what is not known, quoted for where each stands. What is known was quoted when
/// the script was rendered.
fn script(rendered: &Rendered, names: &mut dyn Names) -> String {
    let (mut out, mut quote) = (String::new(), None);
    for piece in &rendered.pieces {
        let name = match piece {
            Piece::Plain(text) => {
                out.push_str(text);
                quote = open_quote(text, quote);
                continue;
            }
            Piece::Secret(name) => names.secret(name),
            Piece::Unknown(origin) => names.unknown(origin),
        };
        out.push_str(&match quote {
            None => format!("\"${name}\""),
            Some('"') => format!("${{{name}}}"),
            Some(_) => format!("'\"${name}\"'"),
        });
    }
    out
}

/// Returns the quote that is open after `text`.
fn open_quote(text: &str, mut quote: Option<char>) -> Option<char> {
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (None | Some('"'), '\\') => drop(rest.next()),
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    quote
}

/// Returns a command line that reads this: as a here-document where that is the same to the last byte, else by printf.
fn fed(line: &str, stdin: &Rendered, names: &mut dyn Names) -> String {
    let whole = stdin.display();
    if !whole.ends_with('\n') || line.contains('\n') {
        return format!("printf %s {} | {line}", word(stdin, names));
    }
    let end = delimiter(&whole);
    if stdin.pieces.iter().all(|piece| matches!(piece, Piece::Plain(_))) {
        return format!("{line} <<'{end}'\n{whole}{end}");
    }
    let mut text = String::new();
    for piece in &stdin.pieces {
        match piece {
            Piece::Plain(plain) => {
                for c in plain.chars() {
                    if matches!(c, '\\' | '$' | '`') {
                        text.push('\\');
                    }
                    text.push(c);
                }
            }
            Piece::Secret(name) => text.push_str(&format!("${{{}}}", names.secret(name))),
            Piece::Unknown(origin) => text.push_str(&format!("${{{}}}", names.unknown(origin))),
        }
    }
    format!("{line} <<{end}\n{text}{end}")
}

/// Returns a word that no line of the text is.
fn delimiter(text: &str) -> String {
    let mut number = 0;
    loop {
        let end = if number == 0 { "EOF".to_owned() } else { format!("EOF{number}") };
        if !text.lines().any(|line| line == end) {
            return end;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;

    impl Names for Plain {
        fn secret(&mut self, name: &str) -> String {
            name.to_uppercase()
        }

        fn unknown(&mut self, origin: &str) -> String {
            origin.replace('.', "_")
        }
    }

    fn of(pieces: &[Piece]) -> Rendered {
        Rendered { pieces: pieces.to_vec() }
    }

    fn plain(text: &str) -> Piece {
        Piece::Plain(text.to_owned())
    }

    fn words(words: &[&str]) -> Vec<Rendered> {
        words.iter().map(|word| Rendered::plain(*word)).collect()
    }

    fn unknown() -> Piece {
        Piece::Unknown("captured.n".to_owned())
    }

    #[test]
    fn arguments_are_quoted_and_what_is_not_known_has_a_name() {
        let mut argv = words(&["kubectl", "-o", "jsonpath={.a}", ""]);
        argv.push(of(&[plain("--patch={\"n\": "), unknown(), plain(" }")]));
        let prepared = Prepared {
            argv,
            env: vec![("T".to_owned(), of(&[Piece::Secret("token".to_owned())]))],
            dir: Some(Rendered::plain("a b")),
            merged: true,
            ..Prepared::default()
        };
        assert_eq!(
            command(&prepared, &mut Plain),
            r#"(cd 'a b' && T="$TOKEN" kubectl -o 'jsonpath={.a}' '' '--patch={"n": '"$captured_n"' }' 2>&1)"#
        );
    }

    #[test]
    fn what_it_reads_is_the_same_to_the_last_byte() {
        let reads = |pieces: &[Piece]| {
            command(
                &Prepared { argv: words(&["cat"]), stdin: Some(of(pieces)), ..Prepared::default() },
                &mut Plain,
            )
        };
        assert_eq!(reads(&[plain("no end")]), "printf %s 'no end' | cat");
        assert_eq!(reads(&[plain("a $x\nEOF\n")]), "cat <<'EOF1'\na $x\nEOF\nEOF1");
        assert_eq!(reads(&[plain("a $x "), unknown(), plain("\n")]), "cat <<EOF\na \\$x ${captured_n}\nEOF");
        assert_eq!(reads(&[Piece::Secret("pw".to_owned())]), "printf %s \"$PW\" | cat");
    }

    #[test]
    fn scripts_are_read_as_they_are_written() {
        let script = |pieces: &[Piece]| {
            let mut argv = words(&["sh", "-e", "-c"]);
            argv.push(of(pieces));
            command(&Prepared { argv, ..Prepared::default() }, &mut Plain)
        };
        assert_eq!(script(&[plain("df | sort")]), "sh -e -c 'df | sort'");
        assert_eq!(
            script(&[
                plain("echo "),
                unknown(),
                plain(" \"n="),
                unknown(),
                plain("\" 'n="),
                unknown(),
                plain("'\n")
            ]),
            "sh -e -c \"$(cat <<'EOF'\necho \"$captured_n\" \"n=${captured_n}\" 'n='\"$captured_n\"''\nEOF\n)\""
        );
    }
}
