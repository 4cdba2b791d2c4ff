//! How a command of a document can be written in a runbook: without a shell where it needs none, as a script where it does, and
//! left to a person where neither can be.
//!
//! Each has several forms, the best first. The reader of runbooks has the last word: a form that it does not take is given up for
//! the next one ([`super::import`]), so that what it knows of quoting stands in one place only.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Maker, Meaning};
use super::given::is_engines;
use super::script::Piece;
use super::values::{self, Bit, Hole, Quotes, Template, Within, bits, escaped, is_shells};

/// A way to write a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A command without a shell: its parts, a line each; what it reads; its environment.
    Run { parts: Vec<String>, stdin: Option<String>, env: BTreeMap<String, String>, uses: BTreeSet<String> },
    /// A script, for `sh` or for `bash`.
    Shell { script: String, bash: bool, env: BTreeMap<String, String>, uses: BTreeSet<String> },
    /// A person does it.
    Manual { prompt: String, uses: BTreeSet<String> },
}

impl Form {
    /// Returns the form that can always be: the words as they stand.
    pub(super) fn words(text: &str) -> Form {
        Form::Manual { prompt: escaped(text), uses: BTreeSet::new() }
    }

    /// Returns the names it uses.
    pub(super) fn uses(&self) -> &BTreeSet<String> {
        match self {
            Form::Run { uses, .. } | Form::Shell { uses, .. } | Form::Manual { uses, .. } => uses,
        }
    }
}

/// What is gathered while a text is filled in.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// Names of vars and `let` values.
    pub(super) uses: BTreeSet<String>,
    /// What the shell's variables are set to.
    env: BTreeMap<String, String>,
    /// Whether a secret is among them, which no argument may hold.
    secret: bool,
    /// Whether a shell would make several words of a value, or use one of its own.
    shell: bool,
}

/// Returns the forms of a command, the best first.
pub(super) fn forms(maker: &mut Maker, piece: &Piece, whole: &mut Scope) -> Vec<Form> {
    let line = piece.lines.0;
    let last = {
        let why = if piece.whole {
            "The document says:"
        } else {
            "Not understood: a quote, a loop or a here-document has no end. The document says:"
        };
        let text: Vec<String> = piece.text.lines().map(|line| format!("    {line}")).collect();
        Form::words(&format!("{why}\n\n{}", text.join("\n")))
    };
    if !piece.whole {
        return vec![last];
    }
    let mut forms = Vec::new();
    if let Some(run) = run(maker, piece, line) {
        forms.push(run);
    }
    if is_bash(&piece.text) {
        forms.push(script(maker, piece, line, true, true));
    } else {
        forms.push(script(maker, piece, line, false, false));
        forms.push(script(maker, piece, line, false, true));
    }
    forms.push(last);
    for form in &forms {
        whole.uses.extend(form.uses().iter().cloned());
    }
    forms
}

/// Returns the command without a shell, where it needs none.
fn run(maker: &mut Maker, piece: &Piece, line: usize) -> Option<Form> {
    let mut text = piece.text.get(..piece.command)?.to_owned();
    let here = match piece.heres.as_slice() {
        [] => None,
        [here] => {
            text.replace_range(here.opened.clone(), "");
            Some(here)
        }
        _ => return None,
    };
    let parts = folded(text.trim())?;
    if parts.iter().any(|part| !is_plain(part)) || !starts_a_program(parts.first()?) {
        return None;
    }
    let mut scope = Scope::default();
    let filled: Vec<String> = parts
        .iter()
        .map(|part| fill(maker, part, line, Within::Command, &BTreeSet::new(), How::Values, &mut scope))
        .collect();
    if scope.secret || scope.shell {
        return None;
    }
    let stdin = match here {
        None => None,
        Some(here) => {
            let within = if here.quoted { Within::Words } else { Within::Here };
            // A backslash means something to the shell there.
            if !here.quoted
                && (here.body.contains("$(")
                    || here.body.contains('`')
                    || here.body.contains('\\')
                    || here.body.contains("$(("))
            {
                return None;
            }
            let mut inside = Scope::default();
            let text = fill(maker, &here.body, line, within, &BTreeSet::new(), How::Values, &mut inside);
            if inside.shell {
                return None;
            }
            scope.uses.extend(inside.uses);
            Some(text)
        }
    };
    let env = maker.exported().clone();
    uses_of_env(&env, &mut scope.uses);
    Some(Form::Run { parts: filled, stdin, env, uses: scope.uses })
}

fn uses_of_env(env: &BTreeMap<String, String>, uses: &mut BTreeSet<String>) {
    for template in env.values() {
        uses.extend(super::draft::names_in(template));
    }
}

/// Returns the command as a script. The shell's variables come by the environment, so that the script stands as it was
/// written; what a person fills in comes as values, or by the environment as well where that is refused.
fn script(maker: &mut Maker, piece: &Piece, line: usize, bash: bool, by_env: bool) -> Form {
    let own = values::own(&piece.text);
    let mut scope = Scope::default();
    let how = if by_env { How::Environment } else { How::Script };
    // The quotes of a here-document are none of the shell's.
    let (typed, bodies) = piece.text.split_at(piece.command.min(piece.text.len()));
    let here = if piece.heres.iter().all(|here| !here.quoted) { Within::Here } else { Within::Words };
    let mut script = fill(maker, typed, line, Within::Command, &own, how, &mut scope);
    if !bodies.is_empty() {
        script.push_str(&fill(maker, bodies, line, here, &own, how, &mut scope));
    }
    let mut env = maker.exported().clone();
    env.extend(scope.env);
    let mut uses = scope.uses;
    uses_of_env(&env, &mut uses);
    Form::Shell { script, bash, env, uses }
}

/// How what is filled in is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// Everything as `{{ name }}`.
    Values,
    /// The shell's variables by the environment, the rest as `{{ name }}`.
    Script,
    /// Everything by the environment.
    Environment,
}

/// Returns words with everything that is filled in as values.
pub(super) fn filled(
    maker: &mut Maker,
    source: &str,
    line: usize,
    within: Within,
    scope: &mut Scope,
) -> String {
    let own = values::own(source);
    let text = fill(maker, source, line, within, &own, How::Values, scope);
    if scope.secret {
        // What a person is shown must not hold it.
        scope.uses.clear();
        return escaped(source);
    }
    text
}

fn fill(
    maker: &mut Maker,
    text: &str,
    line: usize,
    within: Within,
    own: &BTreeSet<String>,
    how: How,
    scope: &mut Scope,
) -> String {
    let mut template = Template::default();
    for bit in bits(text, within) {
        let (hole, written, splits, quotes) = match bit {
            Bit::Text(text) => {
                template.text(&text);
                continue;
            }
            Bit::Hole { hole, written, splits, quotes } => (hole, written, splits, quotes),
        };
        match hole {
            Hole::Variable(name) if own.contains(&name) || is_shells(&name) || is_engines(&name) => {
                scope.shell = true;
                template.text(&written);
            }
            Hole::Variable(name) => {
                let meaning = maker.meaning(&name, line, text);
                let expression = match &meaning {
                    Meaning::Name { name, blank, secret } => {
                        scope.shell |= *blank && splits;
                        scope.secret |= secret;
                        scope.uses.insert(name.clone());
                        name.clone()
                    }
                    Meaning::Output { expression, .. } => expression.clone(),
                };
                match how {
                    How::Values => template.value(&expression),
                    How::Script | How::Environment => {
                        scope.env.insert(name, format!("{{{{ {expression} }}}}"));
                        template.text(&written);
                    }
                }
            }
            Hole::Named(words) => {
                let secret = values::is_secret(&words);
                let name = maker.var(&words, None, line, text);
                scope.secret |= secret;
                scope.uses.insert(name.clone());
                // Where the shell leaves a text as it is there is no variable.
                if within != Within::Words && (how == How::Environment || secret && how == How::Script) {
                    let variable = name.to_uppercase();
                    scope.env.insert(variable.clone(), format!("{{{{ {name} }}}}"));
                    template.text(&match quotes {
                        Quotes::None if within == Within::Command => format!("\"${{{variable}}}\""),
                        Quotes::Single => format!("'\"${{{variable}}}\"'"),
                        Quotes::None | Quotes::Double => format!("${{{variable}}}"),
                    });
                } else {
                    template.value(&name);
                }
            }
        }
    }
    template.done()
}

/// Returns the lines of a command that go on with `\`; `None` when a quote goes over the end of a line.
fn folded(text: &str) -> Option<Vec<String>> {
    let (mut single, mut double) = (false, false);
    let mut parts = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let part = parts.last_mut()?;
        match c {
            '\\' if !single => match chars.next() {
                Some('\n') if double => return None,
                Some('\n') => parts.push(String::new()),
                Some(next) => {
                    part.push(c);
                    part.push(next);
                }
                None => return None,
            },
            '\n' => return None,
            '\'' if !double => {
                single = !single;
                part.push(c);
            }
            '"' if !single => {
                double = !double;
                part.push(c);
            }
            _ => part.push(c),
        }
    }
    let parts: Vec<String> =
        parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
    (!single && !double).then_some(parts)
}

/// Says whether a part of a command means the same without a shell.
fn is_plain(part: &str) -> bool {
    // What a person fills in stands in brackets of its own.
    let mut text = String::new();
    for bit in bits(part, Within::Command) {
        match bit {
            Bit::Text(plain) => text.push_str(&plain),
            Bit::Hole { .. } => text.push('x'),
        }
    }
    let (mut single, mut double) = (false, false);
    let mut word = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if !single => {
                chars.next();
                word.push('x');
            }
            '\'' if !double => single = !single,
            '"' if !single => double = !double,
            '`' if !single => return false,
            '$' if !single
                && chars.peek().is_some_and(|next| {
                    !next.is_whitespace() && !matches!(next, '"' | '\'' | '/' | '.' | ',')
                }) =>
            {
                return false;
            }
            _ if single || double => word.push('x'),
            '|' | '&' | ';' | '<' | '>' | '(' | ')' => return false,
            c if c.is_whitespace() => word.clear(),
            '~' if word.is_empty() => return false,
            // A pattern of files; in a query it is none, and a shell that finds no file leaves it as it is.
            '*' | '?' if !word.contains(['{', '[', '=']) && !word.contains("jsonpath") => return false,
            ',' if word.contains('{') && !word.contains("={") && !word.contains(['.', ':']) => return false,
            _ => word.push(c),
        }
    }
    true
}

/// Says whether a command begins with a program, and no word of the shell.
fn starts_a_program(part: &str) -> bool {
    let first = part.split_whitespace().next().unwrap_or_default();
    let assigns = first
        .split_once('=')
        .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    let grammar = matches!(
        first,
        "!" | "{"
            | "[["
            | "if"
            | "for"
            | "while"
            | "until"
            | "case"
            | "select"
            | "function"
            | "time"
            | "export"
            | "source"
            | "."
            | "set"
            | "unset"
            | "local"
            | "declare"
            | "readonly"
            | "read"
            | "trap"
            | "exec"
            | "eval"
            | "command"
            | "type"
            | "wait"
            | "alias"
            | "cd"
    );
    !first.is_empty() && !assigns && !grammar && !first.starts_with('#')
}

/// Says whether a script needs more than `sh` has.
fn is_bash(text: &str) -> bool {
    let words = [
        "[[ ",
        "<<<",
        " <(",
        " >(",
        "${!",
        "[@]",
        "[*]}",
        "function ",
        "&>",
        "|& ",
        "((",
        "pipefail",
        "read -p",
        "read -a",
        "$'",
        "declare ",
        "shopt",
        "mapfile",
        "readarray",
        "echo -e",
    ];
    if words.iter().any(|word| {
        text.contains(word)
            && !(*word == "(("
                && text.contains("$((")
                && text.matches("((").count() == text.matches("$((").count())
    }) {
        return true;
    }
    // `{1..5}`, `{a,b}` and `x=(a b)`
    let brace = text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).any(|inside| {
        !inside.contains([' ', '"', '\'', '$', ':', '.'])
            && inside.contains(',')
            && inside.chars().all(|c| c.is_alphanumeric() || "_,-".contains(c))
            || inside.split_once("..").is_some_and(|(from, to)| {
                !from.is_empty()
                    && !to.is_empty()
                    && format!("{from}{to}").chars().all(|c| c.is_ascii_alphanumeric())
            })
    });
    brace || text.contains("=(")
}

/// Returns a value that is made of other values: `"$ENV-cluster"`.
pub(super) fn made_of(maker: &mut Maker, value: &str, line: usize) -> Option<(String, BTreeSet<String>)> {
    let inside = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let simple = !inside.contains(['`', '"', '\'', '\\']) && !inside.contains("$(") && !inside.contains("${");
    let braced = inside.contains("${")
        && bits(inside, Within::Here).iter().all(|bit| !matches!(bit, Bit::Text(text) if text.contains('$')));
    if !(simple || braced && !inside.contains(['`', '"', '\'', '\\'])) {
        return None;
    }
    // What a step finds out is known too late.
    let mut scope = Scope::default();
    for bit in bits(inside, Within::Here) {
        if let Bit::Hole { hole: Hole::Variable(name), .. } = bit
            && (is_shells(&name)
                || matches!(
                    maker.meaning(&name, line, value),
                    Meaning::Output { .. } | Meaning::Name { secret: true, .. }
                ))
        {
            return None;
        }
    }
    let template = fill(maker, inside, line, Within::Here, &BTreeSet::new(), How::Values, &mut scope);
    (!scope.shell && !scope.secret).then_some((template, scope.uses))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_without_a_shell_is_known() {
        for part in [
            "kubectl get pods -n <name space>",
            "kubectl get nodes -o custom-columns=NAME:.metadata.name,CPU:.status.x",
            "kubectl get ns -o jsonpath={.items[*].metadata.name}",
            "curl 'http://x/?a=1&b=2'",
            "kubectl scale deployment/$NAME \"$OTHER\"",
            "grep 'x$' file",
        ] {
            assert!(is_plain(part), "{part}");
        }
        for part in [
            "ls *.txt",
            "cat ~/x",
            "a | b",
            "a > b",
            "echo $(date)",
            "echo \"`date`\"",
            "rm {a,b}",
            "a; b",
            "curl http://x?a",
            "echo $?",
        ] {
            assert!(!is_plain(part), "{part}");
        }
        assert!(
            starts_a_program("kubectl get") && !starts_a_program("A=b c") && !starts_a_program("export A")
        );
    }

    #[test]
    fn lines_are_folded_outside_of_quotes_only() {
        assert_eq!(folded("a \\\n  b 'c d' \\\n e"), Some(["a", "b 'c d'", "e"].map(str::to_owned).to_vec()));
        assert_eq!(folded("a 'b\nc'"), None);
        assert_eq!(folded("a \"b \\\nc\""), None);
    }

    #[test]
    fn what_sh_does_not_have_is_known() {
        for text in [
            "[[ -f x ]]",
            "for i in {1..5}; do x; done",
            "x=(a b)",
            "diff <(a) <(b)",
            "cat <<< x",
            "cp a.{x,y}",
        ] {
            assert!(is_bash(text), "{text}");
        }
        for text in [
            "[ -f x ]",
            "echo ${x:-y}",
            "jq '{a,b: 1}'",
            "x=$((1 + 2))",
            "kubectl -o jsonpath='{.a}'",
            "a && { b; }",
        ] {
            assert!(!is_bash(text), "{text}");
        }
    }
}
