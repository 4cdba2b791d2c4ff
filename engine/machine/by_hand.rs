//! A command as a person pastes it into a shell, so that it does what the engine would do.
//!
//! The engine spawns a program with its arguments and no shell between; here each argument is quoted so that a POSIX shell makes
//! the same of it. A secret stands as the variable that the engine would read it from, and a value that only a run can know as
//! a variable that whoever works by hand sets; one that is not set stops the command, since without it it would be another one.
//! A script gets a shell of its own: pasted as it is, its `exit` would be that of the terminal.
//!
//! The engine gives a command nothing to read where the runbook says nothing of it. Pasted, it would read the terminal: it
//! would wait there, or swallow the next command that is pasted. So `</dev/null` stands behind every command but those of
//! programs that are known not to read. Rejected: behind all of them, since hardly any of what fills a page (`kubectl get`) reads,
//! and only behind those known to read, since of a tool of somebody's own it is not known.

use super::evaluate::Prepared;
use crate::model::{Piece, Rendered, Spot, Unknown};
use crate::template::quote_word;

/// What stands for a secret and for what only a run can know.
pub trait Names {
    /// Returns the variable that holds a secret.
    fn secret(&mut self, name: &str) -> String;
    /// Returns what is said where a secret is not set.
    fn secret_said(&self, name: &str) -> String {
        format!("the secret {name}")
    }
    /// Returns the variable that holds an unknown value.
    fn unknown(&mut self, of: &Unknown) -> String;
}

/// A command for a shell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// The command, without its last line end.
    pub text: String,
    /// Whether it can be pasted as it stands. Otherwise what stands in `‹…›` must be written in first: it is text of a script,
    /// and no variable can stand for that.
    pub pasted: bool,
}

/// Programs that a shell does itself, in a way of its own, and words that are no programs to it.
const OF_THE_SHELL: &[&str] = &[
    "!",
    ".",
    "[",
    "[[",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "case",
    "cd",
    "chdir",
    "command",
    "continue",
    "coproc",
    "declare",
    "dirs",
    "disown",
    "do",
    "done",
    "echo",
    "elif",
    "else",
    "enable",
    "esac",
    "eval",
    "exec",
    "exit",
    "export",
    "fc",
    "fg",
    "fi",
    "for",
    "function",
    "getopts",
    "hash",
    "help",
    "history",
    "if",
    "in",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "select",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "then",
    "time",
    "times",
    "trap",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "until",
    "wait",
    "which",
    "while",
    "{",
    "}",
    ":",
];

/// Programs that do not read what nobody told them to read, each with the words by which it is told, or asks.
const READS_NOTHING: &[(&str, &[&str])] = &[
    (
        "kubectl",
        &[
            "exec",
            "run",
            "attach",
            "debug",
            "edit",
            "-i",
            "-it",
            "-ti",
            "--stdin",
            "--stdin=true",
            "--interactive",
        ],
    ),
    ("aws", &["configure", "login", "start-session", "execute-command"]),
    ("helm", &["login"]),
    ("curl", &["."]),
    ("systemctl", &["edit"]),
    ("journalctl", &[]),
    ("chmod", &[]),
    ("chown", &[]),
    ("cp", &["-i"]),
    ("date", &[]),
    ("df", &[]),
    ("du", &[]),
    ("echo", &[]),
    ("false", &[]),
    ("hostname", &[]),
    ("ln", &["-i"]),
    ("ls", &[]),
    ("mkdir", &[]),
    ("printf", &[]),
    ("sleep", &[]),
    ("test", &[]),
    ("touch", &[]),
    ("true", &[]),
    ("uname", &[]),
];

/// Says whether a command may read what it is given, as far as its words tell.
fn may_read(argv: &[Rendered]) -> bool {
    let words: Vec<String> = argv.iter().map(Rendered::display).collect();
    let Some((first, rest)) = words.split_first() else { return false };
    let known = READS_NOTHING.iter().find(|(program, _)| program == first);
    known.is_none_or(|(_, told)| {
        rest.iter().any(|word| {
            told.contains(&word.as_str())
                || matches!(word.as_str(), "-" | "-f-" | "@-")
                || ["=-", "=@-"].iter().any(|end| word.ends_with(end))
                || word.contains("/dev/stdin")
        })
    })
}

/// Returns the command for a shell.
pub fn typed(prepared: &Prepared, names: &mut dyn Names) -> Typed {
    let mut writer = Writer { names, pasted: true, needed: Vec::new() };
    let line = writer.line(prepared);
    // A here-document, a pipe and a script begin before anybody notices that a variable is missing.
    let needed: Vec<String> = writer.needed.iter().map(|one| format!("\"{one}\"")).collect();
    let text = if needed.is_empty() { line } else { format!(": {} && {line}", needed.join(" ")) };
    Typed { text, pasted: writer.pasted }
}

/// Returns text as one word for a shell, in which nothing can hide.
pub fn word_of(text: &str) -> String {
    if !text.contains(hides) {
        return quote_word(text);
    }
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let plain = rest.find(hides).unwrap_or(rest.len());
        let (before, after) = rest.split_at(plain);
        if !before.is_empty() {
            out.push_str(&quote_word(before));
        }
        let hidden = after.find(|c: char| !hides(c)).unwrap_or(after.len());
        let (hidden, after) = after.split_at(hidden);
        if !hidden.is_empty() {
            out.push_str(&format!("\"$(printf '{}')\"", octal(hidden)));
        }
        rest = after;
    }
    out
}

/// Says whether a letter can't be seen or pasted as it is: a terminal takes it for a key, or shows nothing, or turns the
/// direction of what follows.
pub fn hides(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{ad}' | '\u{61c}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' => true,
        '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' => true,
        '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => true,
        c => c.is_control(),
    }
}

fn octal(text: &str) -> String {
    text.bytes().map(|byte| format!("\\{byte:03o}")).collect()
}

/// Returns text as the format of a `printf`, in single quotes.
fn format_of(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '%' => out.push_str("%%"),
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("'\\''"),
            c if hides(c) => out.push_str(&octal(c.encode_utf8(&mut [0; 4]))),
            c => out.push(c),
        }
    }
    out
}

/// Says whether a shell takes it for the name of a variable.
fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

struct Writer<'n> {
    names: &'n mut dyn Names,
    pasted: bool,
    /// What must be set before anything begins.
    needed: Vec<String>,
}

impl Writer<'_> {
    fn line(&mut self, prepared: &Prepared) -> String {
        let mut line = String::new();
        let env = &prepared.env;
        // A shell sets only what it takes for a name; `env` sets anything.
        let named = env.iter().all(|(name, _)| is_name(name));
        if !named {
            line.push_str("env ");
        }
        for (name, value) in env {
            let name = if is_name(name) { name.clone() } else { word_of(name) };
            line.push_str(&format!("{name}={} ", self.word(value)));
        }
        line.push_str(&self.program(&prepared.argv, named));
        if prepared.stdin.is_none() && may_read(&prepared.argv) {
            line.push_str(" </dev/null");
        }
        if prepared.merged {
            line.push_str(" 2>&1");
        }
        if let Some(dir) = &prepared.dir {
            line = format!("(cd {} && {line})", self.word(dir));
        }
        match &prepared.stdin {
            Some(stdin) => self.fed(&line, stdin),
            None => line,
        }
    }

    fn program(&mut self, argv: &[Rendered], bare: bool) -> String {
        if let [sh, e, c, script] = argv
            && [sh, e, c].map(Rendered::display) == ["sh", "-e", "-c"]
            && script.pieces.iter().all(is_of_script)
        {
            let script = self.script(script);
            if script.contains(hides) {
                return format!("sh -e -c \"$(printf '{}')\"", format_of(script.trim_end_matches('\n')));
            }
            let script = script.trim_end_matches('\n');
            // A script of several lines is read, not deciphered: quoted in one word every quote of its own would be four. One of
            // one line stays on it: the end of a run has no place for more.
            if script.contains('\n') {
                let end = delimiter(script);
                return format!("sh -e -c \"$(cat <<'{end}'\n{script}\n{end}\n)\"");
            }
            return format!("sh -e -c {}", quote_word(script));
        }
        let mut words: Vec<String> = argv.iter().map(|one| self.word(one)).collect();
        if let (Some(first), Some(word)) = (argv.first().map(Rendered::display), words.first_mut()) {
            if OF_THE_SHELL.contains(&first.as_str()) {
                *word = if bare { format!("env {word}") } else { word.clone() };
            } else if first.contains('=') && !word.contains('\'') {
                // Bare, it would be an assignment.
                *word = format!("'{word}'");
            }
        }
        words.join(" ")
    }

    /// Returns what stands for a piece that is not known here.
    fn variable(&mut self, piece: &Piece) -> String {
        match piece {
            Piece::Plain(text) => text.clone(),
            Piece::Secret(name) => {
                format!("${{{}?{}}}", self.names.secret(name), self.names.secret_said(name))
            }
            Piece::Unknown(of) => format!("${{{}?note it first}}", self.names.unknown(of)),
        }
    }

    /// As [`Writer::variable`], where it is too late to find that it is not set.
    fn sure(&mut self, piece: &Piece) -> String {
        let variable = self.variable(piece);
        let short = variable.split('?').next().unwrap_or_default().to_owned();
        if !self.needed.contains(&variable) {
            self.needed.push(variable);
        }
        format!("{short}}}")
    }

    /// Returns rendered text as one word.
    fn word(&mut self, rendered: &Rendered) -> String {
        if rendered.display().is_empty() {
            return "''".to_owned();
        }
        let mut out = String::new();
        for piece in &rendered.pieces {
            match piece {
                Piece::Plain(text) if text.is_empty() => {}
                Piece::Plain(text) => out.push_str(&word_of(text)),
                other => out.push_str(&format!("\"{}\"", self.variable(other))),
            }
        }
        out
    }

    /// Returns a script with variables in place of what is not known, quoted for where each stands. What is known was quoted
    /// when the script was rendered.
    fn script(&mut self, rendered: &Rendered) -> String {
        let mut out = String::new();
        for piece in &rendered.pieces {
            match piece {
                Piece::Plain(text) => out.push_str(text),
                Piece::Unknown(of) if of.made.as_ref().is_some_and(|made| made.script) => {
                    self.pasted = false;
                    let made = of.made.iter().flat_map(|made| &made.formula.pieces);
                    let spell = |piece: &Piece| match piece {
                        Piece::Plain(text) => text.clone(),
                        Piece::Secret(name) => format!("${}", self.names.secret(name)),
                        Piece::Unknown(of) => format!("${}", self.names.unknown(of)),
                    };
                    out.push_str(&format!("‹{}›", made.map(spell).collect::<String>()));
                }
                other => {
                    // It is another shell, which has only what was exported.
                    let variable = self.sure(other).replace('}', "?}");
                    out.push_str(&match other {
                        Piece::Unknown(Unknown { spot: Spot::Double, .. }) => variable,
                        Piece::Unknown(Unknown { spot: Spot::Single, .. }) => format!("'\"{variable}\"'"),
                        _ => format!("\"{variable}\""),
                    });
                }
            }
        }
        out
    }

    /// Returns a command line that reads this: as a here-document where that is the same to the last byte, else by printf.
    fn fed(&mut self, line: &str, stdin: &Rendered) -> String {
        let whole = stdin.display();
        if whole.contains(hides) {
            let (mut format, mut values) = (String::new(), String::new());
            for piece in &stdin.pieces {
                match piece {
                    Piece::Plain(text) => format.push_str(&format_of(text)),
                    other => {
                        format.push_str("%s");
                        values.push_str(&format!(" \"{}\"", self.sure(other)));
                    }
                }
            }
            return format!("printf '{format}'{values} | {line}");
        }
        let one_line = whole.find('\n') == Some(whole.len().saturating_sub(1))
            && matches!(stdin.pieces.last(), Some(Piece::Plain(_)));
        if one_line || !whole.ends_with('\n') || line.contains('\n') {
            let (mut word, last) = (String::new(), stdin.pieces.len().saturating_sub(1));
            for (number, piece) in stdin.pieces.iter().enumerate() {
                match piece {
                    Piece::Plain(text) => {
                        let end = if one_line && number == last { "\n" } else { "" };
                        let text = text.strip_suffix(end).unwrap_or(text);
                        word.push_str(&if text.is_empty() { String::new() } else { quote_word(text) });
                    }
                    other => word.push_str(&format!("\"{}\"", self.sure(other))),
                }
            }
            let format = if one_line { "'%s\\n'" } else { "%s" };
            return format!("printf {format} {} | {line}", if word.is_empty() { "''" } else { &word });
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
                other => text.push_str(&self.sure(other)),
            }
        }
        format!("{line} <<{end}\n{text}{end}")
    }
}

/// Says whether a piece knows its place in a script: what was written as a list is no script to the engine, and its values
/// go into it as they are.
fn is_of_script(piece: &Piece) -> bool {
    match piece {
        Piece::Plain(_) => true,
        Piece::Unknown(of) => matches!(of.spot, Spot::Bare | Spot::Single | Spot::Double),
        Piece::Secret(_) => false,
    }
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
    use crate::model::Made;

    struct Plain;

    impl Names for Plain {
        fn secret(&mut self, name: &str) -> String {
            name.to_uppercase()
        }

        fn unknown(&mut self, of: &Unknown) -> String {
            of.origin.replace('.', "_")
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
        Piece::Unknown(Unknown::of("captured.n"))
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
            typed(&prepared, &mut Plain).text,
            r#"(cd 'a b' && T="${TOKEN?the secret token}" kubectl -o 'jsonpath={.a}' '' '--patch={"n": '"${captured_n?note it first}"' }' 2>&1)"#
        );
    }

    #[test]
    fn what_it_reads_is_the_same_to_the_last_byte() {
        let reads = |pieces: &[Piece]| {
            typed(
                &Prepared { argv: words(&["cat"]), stdin: Some(of(pieces)), ..Prepared::default() },
                &mut Plain,
            )
            .text
        };
        assert_eq!(reads(&[plain("no end")]), "printf %s 'no end' | cat");
        assert_eq!(reads(&[plain("a $x\nEOF\n")]), "cat <<'EOF1'\na $x\nEOF\nEOF1");
        assert_eq!(
            reads(&[plain("a\n$x "), unknown(), plain("\n")]),
            ": \"${captured_n?note it first}\" && cat <<EOF\na\n\\$x ${captured_n}\nEOF"
        );
        assert_eq!(
            reads(&[plain("a "), unknown(), plain("\n")]),
            ": \"${captured_n?note it first}\" && printf '%s\\n' 'a '\"${captured_n}\" | cat"
        );
        assert_eq!(reads(&[plain("\n")]), "printf '%s\\n' '' | cat");
        assert_eq!(
            reads(&[Piece::Secret("pw".to_owned())]),
            ": \"${PW?the secret pw}\" && printf %s \"${PW}\" | cat"
        );
        assert_eq!(reads(&[plain("PING\r\n100%\r\n")]), "printf 'PING\\015\n100%%\\015\n' | cat");
    }

    #[test]
    fn scripts_are_read_as_they_are_written() {
        let script = |pieces: &[Piece]| {
            let mut argv = words(&["sh", "-e", "-c"]);
            argv.push(of(pieces));
            typed(&Prepared { argv, ..Prepared::default() }, &mut Plain)
        };
        let at = |spot: Spot| Piece::Unknown(Unknown { spot, ..Unknown::of("captured.n") });
        assert_eq!(script(&[plain("df | sort")]).text, "sh -e -c 'df | sort' </dev/null");
        assert_eq!(
            script(&[
                plain("echo "),
                at(Spot::Bare),
                plain(" \"n="),
                at(Spot::Double),
                plain("\" 'n="),
                at(Spot::Single),
                plain("'\nls\n")
            ])
            .text
            .replace("?note it first", "?"),
            ": \"${captured_n?}\" && sh -e -c \"$(cat <<'EOF'\necho \"${captured_n?}\" \"n=${captured_n?}\" \
             'n='\"${captured_n?}\"''\nls\nEOF\n)\" </dev/null"
        );
        assert_eq!(
            script(&[plain("echo 'a'; exit 1\n")]).text,
            r"sh -e -c 'echo '\''a'\''; exit 1' </dev/null"
        );
        // Written as a list it is no script to the engine, and values go into it as they are.
        assert!(script(&[plain("echo "), unknown()]).text.starts_with("sh -e -c 'echo '\"${captured_n?"));
        let made = Made { formula: Rendered::plain("x | raw_shell"), script: true, ..Made::default() };
        let of = Unknown { made: Some(made.into()), spot: Spot::Bare, ..Unknown::of("from x") };
        let typed = script(&[plain("ls "), Piece::Unknown(of)]);
        assert_eq!((typed.text.as_str(), typed.pasted), ("sh -e -c 'ls ‹x | raw_shell›' </dev/null", false));
    }

    #[test]
    fn what_may_read_reads_nothing_as_under_the_engine() {
        for (one, reads) in [
            ("kubectl get pods", false),
            ("kubectl exec -i web -- tar x", true),
            ("kubectl run x --stdin", true),
            ("kubectl apply -f -", true),
            ("kubectl apply --filename=-", true),
            ("kubectl create secret generic x --from-file=a=/dev/stdin", true),
            ("aws ec2 describe-instances", false),
            ("aws ssm start-session --target i", true),
            ("curl --data-binary @- http://a", true),
            ("curl -fsS http://a", false),
            ("ssh host uptime", true),
            ("psql -c select", true),
            ("./tool -y", true),
        ] {
            let argv = words(&one.split(' ').collect::<Vec<_>>());
            let prepared = Prepared { argv, merged: true, ..Prepared::default() };
            let text = typed(&prepared, &mut Plain).text;
            assert_eq!(text.ends_with(" </dev/null 2>&1"), reads, "{text}");
            let fed = Prepared { stdin: Some(Rendered::plain("x")), ..prepared };
            assert!(!typed(&fed, &mut Plain).text.contains("/dev/null"));
        }
    }

    #[test]
    fn what_a_shell_would_do_itself_or_hide_is_written_otherwise() {
        let line =
            |one: &[&str]| typed(&Prepared { argv: words(one), ..Prepared::default() }, &mut Plain).text;
        assert_eq!(line(&["echo", "a\\tb"]), "env echo 'a\\tb'");
        assert_eq!(line(&["time", "ls"]), "env time ls </dev/null");
        assert_eq!(line(&["a=b", "c=d"]), "'a=b' c=d </dev/null");
        assert_eq!(line(&["ls", "a\u{202e}b\r"]), r#"ls a"$(printf '\342\200\256')"b"$(printf '\015')""#);
    }
}
