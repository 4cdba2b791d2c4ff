//! The text of a fence → what a person would type as one command, each with its lines and its comments.
//!
//! No shell: it looks only as far as is needed to know where a command ends (quotes, `\` at the end of a line, here-documents,
//! `if`, loops, braces, `$(…)`). A crate with the whole grammar was looked for; those that there are either expand as they
//! read, or refuse what a runbook has between its commands (`<name>`), and the place where a command ends is all that is wanted.

/// A line of a fence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number in the document, from 1.
    pub(super) number: usize,
    /// What stands there.
    pub(super) text: String,
}

/// A here-document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Here {
    /// What stands between the marks, with the tabs taken away that `<<-` takes away.
    pub(super) body: String,
    /// Whether the shell leaves it as it is.
    pub(super) quoted: bool,
    /// The bytes of the command that open it: `<<EOF`.
    pub(super) opened: std::ops::Range<usize>,
}

/// A command as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    /// The lines, without a comment at the end of a line that is its last.
    pub(super) text: String,
    /// Up to where the text is the command itself: what follows are its here-documents.
    pub(super) command: usize,
    /// Its first and last line in the document.
    pub(super) lines: (usize, usize),
    /// The comments above it, without blank lines between, and the one behind it.
    pub(super) comments: Vec<String>,
    /// How many of them stand above it.
    pub(super) above: usize,
    /// Its here-documents.
    pub(super) heres: Vec<Here>,
    /// Whether it ends where it should: a quote or a loop may be left open.
    pub(super) whole: bool,
}

/// What stands in a fence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A command.
    Command(Piece),
    /// Comments that stand above nothing.
    Notes { line: usize, text: Vec<String> },
    /// A line that can be no command: `...output omitted...`, `-----`, `[snip]`.
    Said(Line),
}

/// Returns the commands and the comments without one, in the order written.
pub(super) fn parts(lines: &[Line]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut comments: Vec<(usize, String)> = Vec::new();
    let mut at = 0;
    let let_go = |comments: &mut Vec<(usize, String)>, parts: &mut Vec<Part>| {
        if let Some((line, _)) = comments.first() {
            let line = *line;
            parts.push(Part::Notes { line, text: comments.drain(..).map(|(_, text)| text).collect() });
        }
    };
    while let Some(line) = lines.get(at) {
        let trimmed = line.text.trim();
        if trimmed.is_empty() {
            let_go(&mut comments, &mut parts);
            at += 1;
        } else if let Some(comment) = trimmed.strip_prefix('#') {
            if !comment.starts_with('!') {
                comments.push((line.number, comment.trim_start_matches('#').trim().to_owned()));
            }
            at += 1;
        } else if is_said(trimmed) {
            let_go(&mut comments, &mut parts);
            parts.push(Part::Said(line.clone()));
            at += 1;
        } else {
            let mut piece = piece(&lines[at..]);
            if !piece.0.whole {
                piece = broken(&lines[at..]);
            }
            let (mut found, taken) = piece;
            let behind = std::mem::take(&mut found.comments);
            found.comments = comments.drain(..).map(|(_, text)| text).collect();
            found.comments.retain(|comment| comment.chars().any(char::is_alphanumeric));
            found.above = found.comments.len();
            found
                .comments
                .extend(behind.into_iter().filter(|comment| comment.chars().any(char::is_alphanumeric)));
            at += taken.max(1);
            parts.push(Part::Command(found));
        }
    }
    let_go(&mut comments, &mut parts);
    parts
}

/// Says whether a line where a command may begin can be none: its first word holds no name of a program, or it says in brackets
/// that something was left out.
fn is_said(line: &str) -> bool {
    if line.starts_with('…') || line.starts_with("...") {
        return true;
    }
    let first = line.split_whitespace().next().unwrap_or_default();
    let shells = matches!(
        first,
        "." | "[" | "[[" | "(" | "((" | "{" | "}" | "!" | ":" | ">" | ">>" | "<" | ")" | "\\" | ";;"
    );
    // A quote may hold anything, and `$_` is a variable.
    if !shells && !first.contains(|c: char| c.is_alphanumeric() || "'\"`$_".contains(c)) {
        return true;
    }
    let ends = [('[', ']'), ('(', ')'), ('<', '>'), ('*', '*'), ('-', '-'), ('=', '=')];
    let wrapped =
        ends.iter().any(|(from, to)| line.len() > 2 && line.starts_with(*from) && line.ends_with(*to));
    let left_out = |word: &str| {
        matches!(
            word,
            "omitted" | "snip" | "snipped" | "truncated" | "elided" | "output" | "trimmed" | "shortened"
        )
    };
    wrapped && line.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(left_out)
}

/// Returns the whole of a fence as one piece where it is a script and no list of commands: it begins with `#!`, or names functions
/// that its other lines call, which no step knows of another.
pub(super) fn one_script(lines: &[Line], parts: &[Part]) -> Option<Piece> {
    let commands: Vec<&Piece> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Command(piece) => Some(piece),
            Part::Notes { .. } | Part::Said(_) => None,
        })
        .collect();
    let (first, last) = (commands.first()?, commands.last()?);
    let names = |piece: &&Piece| {
        let head = piece.text.lines().next().unwrap_or_default();
        let name = head.split('(').next().unwrap_or_default().trim();
        let plain =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        head.starts_with("function ")
            || head.starts_with("trap ")
            || plain && head[name.len()..].trim_start().starts_with("()")
    };
    let begins = lines.iter().find(|line| !line.text.trim().is_empty());
    let shebang = begins.is_some_and(|line| line.text.trim_start().starts_with("#!"));
    if !(shebang || commands.len() >= 2 && commands.iter().any(names)) {
        return None;
    }
    let (from, to) = (first.lines.0, last.lines.1);
    let inside = lines.iter().filter(|line| (from..=to).contains(&line.number));
    let text = inside.map(|line| line.text.trim_end()).collect::<Vec<_>>().join("\n");
    Some(Piece {
        command: text.len(),
        text,
        lines: (from, to),
        comments: first.comments.clone(),
        above: first.above,
        heres: Vec::new(),
        whole: commands.iter().all(|piece| piece.whole),
    })
}

/// Returns what is not understood: up to the next empty line. To go on with the line below was rejected: what stands in a loop
/// without an end would be run by itself.
fn broken(lines: &[Line]) -> (Piece, usize) {
    let taken = lines.iter().position(|line| line.text.trim().is_empty()).unwrap_or(lines.len());
    let text: Vec<&str> = lines[..taken].iter().map(|line| line.text.trim_end()).collect();
    let text = text.join("\n").trim_start().to_owned();
    let number = |line: Option<&Line>| line.map_or(0, |line| line.number);
    let piece = Piece {
        command: text.len(),
        text,
        lines: (number(lines.first()), number(lines[..taken].last())),
        ..Piece::default()
    };
    (piece, taken)
}

/// What is open, and must be closed before a command ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Single,
    Double,
    Backtick,
    Paren,
    Brace,
    /// `if`, `for`, `case`, `{`: by the word that ends it.
    Word(&'static str),
}

struct Reader {
    open: Vec<Open>,
    /// Whether a word here would be a command.
    begins: bool,
    /// Whether what was written last wants something after it: `|`, `&&`.
    wants: bool,
    /// Marks of here-documents whose text begins with the next line.
    heres: Vec<(String, bool, bool, std::ops::Range<usize>)>,
}

/// Returns the command that begins with the first line, and how many lines it has.
fn piece(lines: &[Line]) -> (Piece, usize) {
    let mut reader = Reader { open: Vec::new(), begins: true, wants: false, heres: Vec::new() };
    let mut piece = Piece::default();
    let mut taken = 0;
    let first = lines.first().map_or(0, |line| line.number);
    piece.lines = (first, first);
    while let Some(line) = lines.get(taken) {
        taken += 1;
        piece.lines.1 = line.number;
        if taken > 1 {
            piece.text.push('\n');
        }
        let text = if taken == 1 { line.text.trim_start() } else { &line.text };
        let start = piece.text.len();
        let (comment, goes_on) = reader.line(text, start);
        let end = comment.unwrap_or(text.len());
        let done = reader.open.is_empty() && !reader.wants && !goes_on;
        let keep = if done { text[..end].trim_end() } else { text };
        piece.text.push_str(keep);
        piece.command = piece.text.len();
        for (mark, quoted, tabs, opened) in std::mem::take(&mut reader.heres) {
            let mut body = String::new();
            let mut closed = false;
            while let Some(line) = lines.get(taken) {
                taken += 1;
                piece.lines.1 = line.number;
                let text = if tabs { line.text.trim_start_matches('\t') } else { &line.text };
                piece.text.push('\n');
                piece.text.push_str(&line.text);
                // A fence in a list is indented, and so is its mark: nobody ends a line of the text with it.
                if text.trim() == mark {
                    closed = true;
                    break;
                }
                body.push_str(text);
                body.push('\n');
            }
            piece.heres.push(Here { body, quoted, opened });
            if !closed {
                return (piece, taken);
            }
        }
        if done {
            if let Some(at) = comment {
                piece.comments.push(text[at..].trim_start_matches('#').trim().to_owned());
            }
            piece.whole = true;
            return (piece, taken);
        }
    }
    (piece, taken)
}

impl Reader {
    /// Reads a line, and returns where its comment begins and whether the next line belongs to it. `start` is where the
    /// line begins in the text of the piece.
    fn line(&mut self, text: &str, start: usize) -> (Option<usize>, bool) {
        let bytes = text.as_bytes();
        let mut at = 0;
        let mut word = 0;
        if self.open.is_empty() || matches!(self.open.last(), Some(Open::Word(_))) {
            self.begins = self.begins || !self.open.is_empty();
        }
        self.wants = false;
        while at < bytes.len() {
            let byte = bytes[at];
            match self.open.last() {
                Some(Open::Single) => {
                    if byte == b'\'' {
                        self.open.pop();
                    }
                    at += 1;
                    continue;
                }
                _ if byte == b'\\' => {
                    if at + 1 == bytes.len() {
                        return (None, true);
                    }
                    self.told(false);
                    at += 2;
                    while !text.is_char_boundary(at.min(text.len())) {
                        at += 1;
                    }
                    continue;
                }
                Some(Open::Double) => {
                    match byte {
                        b'"' => {
                            self.open.pop();
                        }
                        b'`' => self.backtick(),
                        b'$' if bytes.get(at + 1) == Some(&b'(') => {
                            self.open.push(Open::Paren);
                            at += 1;
                        }
                        _ => {}
                    }
                    at += 1;
                    continue;
                }
                Some(Open::Brace) => {
                    match byte {
                        b'}' => {
                            self.open.pop();
                        }
                        b'\'' => self.open.push(Open::Single),
                        b'"' => self.open.push(Open::Double),
                        _ => {}
                    }
                    at += 1;
                    continue;
                }
                _ => {}
            }
            match byte {
                b' ' | b'\t' => {
                    at += 1;
                    word = at;
                    continue;
                }
                b'#' if at == word => return (Some(at), false),
                b'\'' => {
                    self.told(false);
                    self.open.push(Open::Single);
                }
                b'"' => {
                    self.told(false);
                    self.open.push(Open::Double);
                }
                b'`' => self.backtick(),
                b'$' if bytes.get(at + 1) == Some(&b'{') => {
                    self.told(false);
                    self.open.push(Open::Brace);
                    at += 1;
                }
                b'$' if bytes.get(at + 1) == Some(&b'(') => {
                    self.told(true);
                    self.open.push(Open::Paren);
                    at += 1;
                }
                b'(' => {
                    self.told(true);
                    self.open.push(Open::Paren);
                }
                b')' => {
                    if self.open.last() == Some(&Open::Paren) {
                        self.open.pop();
                        // After `name()` comes what the function does.
                        self.told(at > 0 && bytes[at - 1] == b'(');
                    } else {
                        // A pattern of `case`.
                        self.told(true);
                    }
                }
                b';' => self.told(true),
                b'|' | b'&' => {
                    let double = bytes.get(at + 1) == Some(&byte);
                    // `2>&1`, `&>file`
                    let redirects = byte == b'&'
                        && (at > 0 && matches!(bytes[at - 1], b'>' | b'<')
                            || bytes.get(at + 1) == Some(&b'>'));
                    if !redirects {
                        self.told(true);
                        self.wants = byte == b'|' || double;
                        at += usize::from(double);
                        word = at + 1;
                        at += 1;
                        continue;
                    }
                }
                b'<' if text[at..].starts_with("<<<") => at += 2,
                b'<' if text[at..].starts_with("<<") => {
                    let (mark, after) = here(text, at);
                    if let Some((name, quoted, tabs)) = mark {
                        self.heres.push((name, quoted, tabs, start + at..start + after));
                    }
                    self.told(false);
                    at = after.max(at + 2);
                    word = at;
                    continue;
                }
                _ if at == word && self.begins => {
                    let end = text[at..]
                        .find(|c: char| c.is_whitespace() || ";|&()<>\"'`$\\".contains(c))
                        .map_or(text.len(), |length| at + length);
                    if end > at {
                        self.word(&text[at..end]);
                        at = end;
                        continue;
                    }
                    self.told(false);
                }
                _ => self.told(false),
            }
            at += 1;
            if matches!(byte, b';' | b'(' | b')') {
                word = at;
            }
        }
        if !matches!(self.open.last(), Some(Open::Single | Open::Double | Open::Brace)) {
            // The end of a line ends a command, also inside of `$(…)` and loops.
            self.begins = true;
        }
        (None, false)
    }

    fn told(&mut self, begins: bool) {
        self.begins = begins;
        self.wants = false;
    }

    fn backtick(&mut self) {
        self.told(true);
        if self.open.contains(&Open::Backtick) {
            while self.open.pop().is_some_and(|open| open != Open::Backtick) {}
            self.told(false);
        } else {
            self.open.push(Open::Backtick);
        }
    }

    /// Takes a word where a command may stand.
    fn word(&mut self, word: &str) {
        self.told(false);
        let opens = match word {
            "if" => Some("fi"),
            "for" | "while" | "until" | "select" => Some("done"),
            "case" => Some("esac"),
            "{" => Some("}"),
            _ => None,
        };
        if let Some(end) = opens {
            self.open.push(Open::Word(end));
            self.begins = !matches!(word, "for" | "case" | "select");
        } else if self.open.last().is_some_and(|open| matches!(open, Open::Word(end) if *end == word)) {
            self.open.pop();
        } else if matches!(word, "then" | "do" | "else" | "elif" | "!" | "time" | "function") {
            self.begins = true;
        }
    }
}

/// Returns the mark of the here-document that opens at `at`, whether it is quoted and whether tabs are taken away, and where
/// the mark ends.
fn here(text: &str, at: usize) -> (Option<(String, bool, bool)>, usize) {
    let rest = &text[at + 2..];
    let (tabs, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let rest = rest.trim_start_matches([' ', '\t']);
    let begin = text.len() - rest.len();
    let end = rest.find(|c: char| c.is_whitespace() || ";|&()<>".contains(c)).unwrap_or(rest.len());
    let mark = &rest[..end];
    let name = mark.replace(['\'', '"', '\\'], "");
    // `$((1 << 2))` is a sum.
    let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '!' | '%'));
    let letter =
        name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_' || mark.starts_with(['\'', '"']));
    if name.is_empty() || !plain || !letter {
        return (None, at + 2);
    }
    (Some((name.clone(), name.len() != mark.len(), tabs)), begin + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<Part> {
        let lines: Vec<Line> = text
            .lines()
            .enumerate()
            .map(|(index, text)| Line { number: index + 1, text: text.to_owned() })
            .collect();
        parts(&lines)
    }

    fn commands(text: &str) -> Vec<String> {
        of(text)
            .into_iter()
            .filter_map(|part| match part {
                Part::Command(piece) => Some(piece.text),
                Part::Notes { .. } | Part::Said(_) => None,
            })
            .collect()
    }

    #[test]
    fn what_can_be_no_command_is_told() {
        for line in [
            "...output omitted...",
            "... and so on",
            "…",
            "…and more",
            "-----",
            "=====",
            "[...]",
            "[output omitted]",
            "<snip>",
            "(output truncated)",
            "--- output ---",
            "=> done",
            "*",
            "|---|",
            "+----+",
        ] {
            let parts = of(&format!("ls\n{line}\ndate"));
            assert!(matches!(parts.as_slice(), [_, Part::Said(_), Part::Command(_)]), "{line}: {parts:?}");
        }
        for line in [
            "[ -f x ] && y",
            "[[ -f x ]]",
            "(cd x && ls)",
            "{ ls; }",
            ". ./env",
            ": > x",
            "! ls",
            "> file",
            "\"$X\" y",
            "$X y",
            "~/bin/x",
            "./x",
            "<snippet> x",
            "'./my program'",
        ] {
            assert_eq!(commands(&format!("{line}\ndate")), [line, "date"], "{line}");
        }
        assert_eq!(commands("cat <<EOF\n---\na\n...\nEOF\nls"), ["cat <<EOF\n---\na\n...\nEOF", "ls"]);
        assert_eq!(commands("a \\\n  --- \\\n  b"), ["a \\\n  --- \\\n  b"]);
    }

    #[test]
    fn a_command_ends_where_a_shell_would_run_it() {
        for one in [
            "kubectl get pods",
            "kubectl patch x -p \\\n  '{\"a\": 1}'",
            "for s in a b; do\n  echo $s\ndone",
            "for s in a b\ndo\n  if test $s; then\n    echo done\n  fi\ndone | sort",
            "while read -r line; do echo \"$line\"; done < file",
            "kubectl get pods |\n  grep x &&\n  echo 'it is\nso'",
            "case $x in\n  a) echo 1 ;;\n  *) echo 2 ;;\nesac",
            "deploy() {\n  echo x\n}",
            "(\n  cd /tmp\n  ls\n)",
            "x=$(kubectl get pods \\\n  | head -1)",
            "cat <<EOF | kubectl apply -f -\nfor: if\nEOF",
            "cat <<'A' <<-\"B\"\nx\nA\ny\n\tB",
            "echo \"a 'b' $(echo \")\") `ls \"x\"`\"",
            "echo $((1 << 2)) ${x:-'}'} # y",
            "awk '{ if (x) print }' file\\ name",
            "if [ -f x ]; then echo y; else echo z; fi",
            "a 2>&1 &> b; c",
        ] {
            let text = one.split(" # ").next().unwrap_or_default();
            assert_eq!(commands(&format!("{one}\nnext")), [text, "next"], "{one}");
        }
    }

    #[test]
    fn comments_go_with_the_command_below_or_before_them() {
        let parts = of(
            "# Scale\n# slowly\nkubectl scale x # now\n\n# Then wait\n\n# 2. Look\n\nls a#b\n# Open the page",
        );
        let [
            Part::Command(first),
            Part::Notes { line, text },
            Part::Notes { .. },
            Part::Command(second),
            Part::Notes { line: last, .. },
        ] = parts.as_slice()
        else {
            panic!("{parts:?}")
        };
        assert_eq!((first.text.as_str(), first.lines), ("kubectl scale x", (3, 3)));
        assert_eq!(first.comments, ["Scale", "slowly", "now"]);
        assert_eq!((*line, text.join(" ").as_str(), *last), (5, "Then wait", 10));
        assert_eq!(second.text, "ls a#b");
    }

    #[test]
    fn what_has_no_end_goes_no_further_than_the_next_empty_line() {
        assert_eq!(commands("echo don't\nkubectl get x\n\nls"), ["echo don't\nkubectl get x", "ls"]);
        assert_eq!(commands("for x in a; do\nls\n\ndate"), ["for x in a; do\nls", "date"]);
        assert_eq!(commands("cat <<EOF\nx"), ["cat <<EOF\nx"]);
        assert!(of("a \\").iter().all(|part| matches!(part, Part::Command(piece) if !piece.whole)));
    }

    #[test]
    fn a_script_is_one_piece() {
        let of = |text: &str| {
            let lines: Vec<Line> = text
                .lines()
                .enumerate()
                .map(|(at, text)| Line { number: at + 1, text: text.to_owned() })
                .collect();
            one_script(&lines, &parts(&lines)).map(|piece| (piece.lines, piece.text))
        };
        assert_eq!(of("#!/bin/sh\n# All\nls\n\nrm x"), Some(((3, 5), "ls\n\nrm x".to_owned())));
        assert_eq!(
            of("say() {\n  echo $1\n}\nsay a"),
            Some(((1, 4), "say() {\n  echo $1\n}\nsay a".to_owned()))
        );
        assert_eq!(of("ls\nrm x"), None);
        assert_eq!(of("# only words"), None);
    }

    #[test]
    fn the_text_of_a_here_document_is_kept_apart() {
        let parts = of("kubectl apply -f - <<EOF --wait\na: 1\n\n  b: 2\nEOF");
        let [Part::Command(piece)] = parts.as_slice() else { panic!("{parts:?}") };
        assert_eq!(&piece.text[..piece.command], "kubectl apply -f - <<EOF --wait");
        assert_eq!(&piece.text[piece.heres[0].opened.clone()], "<<EOF");
        assert_eq!((piece.heres[0].body.as_str(), piece.heres[0].quoted), ("a: 1\n\n  b: 2\n", false));
        assert_eq!(piece.lines, (1, 5));
    }
}
