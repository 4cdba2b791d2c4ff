//! Where words go: stdout for what was asked for, stderr for everything else; colour where it is wanted.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::error::CliError;
use super::settings::Settings;
use crate::diag::text::Look;
use crate::diag::{self, Report, Severity, Sources};
use crate::report::{Paint, Role, continued, shell_words};

/// stdout and stderr with their looks.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    /// Paints what goes to stdout.
    pub out: Paint,
    /// Paints what goes to stderr.
    pub err: Paint,
    /// How wide text may be, in columns.
    pub width: usize,
    /// Whether stdout is a terminal: in a pipe a command is one line, whatever its length.
    pub drawn: bool,
    /// Whether stderr is a terminal, so that a message may be broken.
    pub drawn_err: bool,
    /// Whether the terminal's bell is rung when a run waits for the person who sits at it.
    pub bell: bool,
}

impl Console {
    /// Returns the console of this call.
    pub fn new(settings: &Settings) -> Console {
        Console {
            out: Paint { colour: settings.colour_out.value, unicode: settings.unicode },
            err: Paint { colour: settings.colour_err.value, unicode: settings.unicode },
            width: settings.width,
            drawn: settings.environment.terminals[1],
            drawn_err: settings.environment.terminals[2],
            bell: rings(settings.environment.var("RUNBOOK_BELL")),
        }
    }

    /// Returns a console for what goes wrong before the settings are known.
    pub fn plain() -> Console {
        Console {
            out: Paint::PLAIN,
            err: Paint::PLAIN,
            width: 80,
            drawn: false,
            drawn_err: false,
            bell: false,
        }
    }

    /// Writes text to stdout.
    ///
    /// # Errors
    ///
    /// [`CliError::Closed`] when nobody reads it any more.
    pub fn print(self, text: &str) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// Writes a JSON document to stdout.
    ///
    /// # Errors
    ///
    /// [`CliError::Closed`] when nobody reads it any more.
    pub fn json(self, value: &serde_json::Value) -> Result<(), CliError> {
        self.print(&format!("{value:#}\n"))
    }

    /// Writes a JSON document to stdout as it is made, for what may be large.
    ///
    /// # Errors
    ///
    /// [`CliError::Closed`] when nobody reads it any more.
    pub fn document(self, of: &impl serde::Serialize) -> Result<(), CliError> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        serde_json::to_writer_pretty(&mut out, of).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }

    /// Says something on stderr, as one line. A stderr that can't be written is no reason to fail.
    pub fn say(self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Returns how diagnostics look on stderr.
    pub fn look(self) -> Look {
        Look { colour: self.err.colour, width: self.width }
    }

    /// Returns how diagnostics look on stdout.
    pub fn look_out(self) -> Look {
        Look { colour: self.out.colour, width: self.width }
    }

    /// Shows diagnostics on stderr.
    pub fn diagnostics(self, report: &Report, sources: &Sources) {
        let text = diag::text::report(report, sources, self.look()) + &diag::text::more(report.iter());
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Says how many warnings a runbook has: `check` is where its author reads them, not whoever runs it at night.
    /// `program` is how the program is called again.
    pub fn warnings(self, report: &Report, name: &str, program: &str) {
        let warnings = report.count(Severity::Warning);
        if warnings > 0 {
            let them = if warnings == 1 { "it" } else { "them" };
            let counted = self.err.paint(Role::Person, &count(warnings, "warning"));
            self.say(&format!("{counted}: `{program} check {name}` shows {them}"));
        }
    }

    /// Shows an error with its hint on stderr. `program` is how the program is called again.
    pub fn error(self, error: &CliError, program: &str) {
        match error {
            CliError::Closed => {}
            CliError::Mistakes { report, sources } => self.diagnostics(report, sources),
            other => {
                let message = self.filled(&pasted(&exact_lines(&other.to_string()), program), 7);
                self.say(&format!("{} {message}", self.err.paint(Role::Failure, "error:")));
                if let Some(hint) = other.hint() {
                    let hint = self.filled(&pasted(&exact_lines(&hint), program), 7);
                    self.say(&format!(" {} {hint}", self.err.paint(Role::Active, "hint:")));
                }
                let next = other.next();
                if !next.is_empty() {
                    self.say(&format!("\n{}", self.err.paint(Role::Strong, "Next")));
                }
                let wide = next.iter().map(|(what, _)| what.len()).max().unwrap_or_default();
                for (what, command) in next {
                    let what = self.err.paint(Role::Quiet, &format!("{what:wide$}"));
                    let command = self.err.paint(Role::Strong, &format!("{program} {command}"));
                    self.say(&format!("  {what}   {command}"));
                }
            }
        }
    }
}

impl Console {
    /// Returns a message as it fits a terminal, on which it follows a word of `taken` columns: broken at blanks, but not within
    /// a command, which is there to be pasted, nor within a path: what is longer than a line the terminal wraps, which copies it
    /// as one. In a pipe a line stays a line.
    fn filled(self, message: &str, taken: usize) -> String {
        if !self.drawn_err {
            return message.to_owned();
        }
        // For private use, so of no meaning in any text, and as wide as the blank it stands for.
        const HELD: char = '\u{e000}';
        let mut quoted = false;
        let held = |c: char| {
            quoted ^= c == '`';
            if quoted && c == ' ' { HELD } else { c }
        };
        let held: String = message.chars().map(held).collect();
        let lines: Vec<String> = held
            .lines()
            .enumerate()
            .flat_map(|(number, line)| {
                let indent = if number == 0 { taken } else { line.len() - line.trim_start().len() };
                let pad = " ".repeat(indent);
                let wrapped = filled(line.trim_start(), self.width.saturating_sub(indent).max(20));
                let first = |part: usize| number == 0 && part == 0;
                let lines = wrapped.into_iter().enumerate();
                lines
                    .map(move |(part, line)| if first(part) { line } else { format!("{pad}{line}") })
                    .collect::<Vec<_>>()
            })
            .collect();
        lines.join("\n").replace(HELD, " ")
    }
}

/// Says whether what `RUNBOOK_BELL` holds lets the bell ring.
fn rings(said: Option<&str>) -> bool {
    !said.is_some_and(|said| matches!(said.trim().to_lowercase().as_str(), "no" | "off" | "0" | "false"))
}

/// Returns text broken at blanks into lines of at most `columns`, but for words that are longer: they stay whole.
fn filled(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Returns a message with its commands as they must be typed for the same project and journal. Here, and not where each
/// message is made: most rooms know nothing of the command line.
fn pasted(message: &str, program: &str) -> String {
    const SHORT: &str = "`runbook ";
    let mut text = String::new();
    for (number, part) in message.split(SHORT).enumerate() {
        if number > 0 {
            // What tells how to name another project or journal stands as it is.
            text.push_str(&if part.starts_with('-') { SHORT.to_owned() } else { format!("`{program} ") });
        }
        text.push_str(part);
    }
    text
}

/// How text from elsewhere is made harmless here, where it may stand between colours of ours.
const HARMLESS: Paint = Paint { colour: false, unicode: true };

/// Returns text that came from a file or a command as one line that can't move the cursor or recolour the terminal.
pub fn one_line(text: &str) -> String {
    HARMLESS.clean(&text.trim().replace(['\n', '\t'], " "))
}

/// Returns text that came from elsewhere with everything that is not plain text written out, line breaks too: for names
/// and commands, of which every byte matters.
pub fn exact(text: &str) -> String {
    HARMLESS.clean(text)
}

/// Returns text that came from elsewhere line by line as [`exact`] does; its own line breaks are kept.
pub fn exact_lines(text: &str) -> String {
    text.split('\n').map(exact).collect::<Vec<_>>().join("\n")
}

/// Returns text that came from a file in lines of at most `width` columns, each after `indent` blanks; its own line
/// breaks are kept.
pub fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let mut out = String::new();
    for line in text.trim_end().lines() {
        broken(line, width, indent, 0, &mut out);
    }
    out
}

/// Returns all of a command as lines of at most `width` columns: each line of a script, broken where a shell joins it again. A word that
/// is too long then stays whole, and the terminal breaks it. Where a shell would join nothing, what follows a break stands
/// behind a mark: it is no line of its own.
pub fn whole(command: &str, width: usize, paint: Paint) -> Vec<String> {
    // In a text in quotes, and in a here-document, that goes over several lines, a `\\` would be one more character of it.
    let joins = !command.contains("<<")
        && command
            .trim_end()
            .lines()
            .all(|line| line.trim_start().starts_with('#') || shell_words(line).is_some());
    let mut lines = Vec::new();
    for line in command.trim_end().lines() {
        let line = paint.clean(line);
        if joins {
            lines.extend(continued(&line, width).lines().map(str::to_owned));
            continue;
        }
        let blank = line.len() - line.trim_start().len();
        let mut broken = String::new();
        for word in line.trim_start().split(' ') {
            if broken.is_empty() {
                broken = format!("{}{word}", &line[..blank]);
            } else if broken.width() + 1 + word.width() > width {
                lines.push(std::mem::replace(&mut broken, format!("{}  {GOES_ON} {word}", &line[..blank])));
            } else {
                broken.push(' ');
                broken.push_str(word);
            }
        }
        lines.push(broken);
    }
    lines
}

/// Before what belongs to the line above.
const GOES_ON: char = '↪';

/// Returns Markdown as it is, but for paragraphs and list items: those are filled to `width` columns anew, since the
/// author's terminal was another one. Tables and code keep their lines.
pub fn markdown(text: &str, width: usize, indent: usize) -> String {
    // Each with whether it stays as it is, however wide: a command is there to be pasted.
    let mut blocks: Vec<(String, bool)> = Vec::new();
    let mut open = false;
    let mut code = false;
    for line in text.trim_end().lines() {
        let inner = line.trim_start();
        let fence = inner.starts_with("```");
        let kept = code || fence || inner.starts_with('|') || !open && line.starts_with("    ");
        let fixed = kept || inner.is_empty() || inner.starts_with(['#', '>']);
        code ^= fence;
        match blocks.last_mut() {
            Some((last, _)) if open && !fixed && !is_item(inner) => {
                last.push(' ');
                last.push_str(inner.trim_end());
            }
            _ => blocks.push((line.trim_end().to_owned(), kept)),
        }
        open = !fixed;
    }
    let mut out = String::new();
    for (block, kept) in blocks {
        let inner = block.trim_start();
        match kept && !inner.is_empty() {
            true => out.push_str(&format!("{}{}\n", " ".repeat(indent), HARMLESS.clean(&block))),
            false => broken(&block, width, indent, if is_item(inner) { 2 } else { 0 }, &mut out),
        }
    }
    out
}

fn is_item(line: &str) -> bool {
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with("- ") || line.starts_with("* ") || number.len() < line.len() && number.starts_with(". ")
}

/// Adds a line to `out`, broken to `width` columns; what follows the first break stands `hang` columns further right.
fn broken(line: &str, width: usize, indent: usize, hang: usize, out: &mut String) {
    let line = HARMLESS.clean(line);
    let blank = line.len() - line.trim_start().len();
    let room = width.saturating_sub(indent + blank + hang).max(20);
    let parts = HARMLESS.wrap(line.trim(), room);
    if parts.is_empty() {
        out.push('\n');
    }
    for (number, part) in parts.iter().enumerate() {
        let pad = indent + blank + if number == 0 { 0 } else { hang };
        out.push_str(&format!("{}{part}\n", " ".repeat(pad)));
    }
}

/// Returns `count` with the noun in its number: `1 step`, `3 steps`.
pub fn count(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bell_rings_unless_somebody_says_no() {
        assert!(rings(None) && rings(Some("yes")) && rings(Some("")));
        assert!(["no", "NO", "off", "0", " false "].iter().all(|no| !rings(Some(no))));
    }

    #[test]
    fn text_from_elsewhere_can_not_move_the_cursor() {
        assert_eq!(one_line("a\u{1b}[2Jb\r\nc "), "a\\x1b[2Jb\\r c");
    }

    #[test]
    fn a_message_is_broken_between_words_and_in_no_command_and_no_path() {
        let console = Console { drawn_err: true, width: 40, ..Console::plain() };
        let long = "runbook --store /somewhere/long/and-another-folder/below-it/journal.db verify r7w58qme";
        let path = "/tmp/a-folder-with-a-name-that-is-too-long-for-a-line/journal.db";
        let told = console.filled(&format!("the journal {path} is locked by another; `{long}` tells whose it is, and `verify r7w58qme` is short"), 7);
        let lines: Vec<&str> = told.lines().map(str::trim_start).collect();
        assert!(lines.contains(&path) && lines.contains(&format!("`{long}`").as_str()), "{told}");
        let fits = |line: &&str| line.width() + 7 <= 40 || line.contains(path) || line.contains(long);
        assert!(lines.iter().all(fits), "{told}");
        assert!(told.contains("`verify r7w58qme`"), "{told}");
    }

    #[test]
    fn all_of_a_command_is_shown_and_no_word_is_broken() {
        let script = "set -e\nif [ \"$READY\" = yes ] && [ ! -e done ]; then echo \"one argument that is long\" # a comment; fi\nkubectl -n shop scale deployment/cart --replicas=10";
        insta::assert_snapshot!(whole(script, 40, Paint::PLAIN).join("\n"), @r#"
        set -e
        if [ "$READY" = yes ] && [ ! -e done ];
          ↪ then echo "one argument that is
          ↪ long" # a comment; fi
        kubectl -n shop scale deployment/cart
          ↪ --replicas=10
        "#);
        let patch = "kubectl patch hpa web --type=json --patch='[\n  {\"op\": \"test\", \"path\": \"/spec/minReplicas\", \"value\": 3 }]'";
        assert!(!whole(patch, 40, Paint::PLAIN).join("\n").contains('\\'), "it would be a part of the patch");
        let words = |text: &str| {
            text.replace(['\\', GOES_ON], " ").split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        for width in [10, 20, 40, 200] {
            assert_eq!(words(&whole(script, width, Paint::PLAIN).join("\n")), words(script), "{width}");
        }
    }

    #[test]
    fn paragraphs_and_items_are_filled_anew_and_tables_are_not() {
        let text = "One two\nthree four five six.\n\n- an item that\n  goes on\n- more\n\n| a | b and c and d and e |\n# Head\nend";
        insta::assert_snapshot!(markdown(text, 24, 2), @"
        One two three four
        five six.

        - an item that goes
          on
        - more

        | a | b and c and d and e |
        # Head
        end
        ");
    }

    #[test]
    fn code_keeps_its_lines_however_wide() {
        let text = "Run\nthis:\n\n    kubectl get pods --all-namespaces\n    date\n\n```\nkubectl get nodes --output wide\n\nls\n```\n";
        insta::assert_snapshot!(markdown(text, 24, 2), @"
        Run this:

            kubectl get pods --all-namespaces
            date

        ```
        kubectl get nodes --output wide

        ls
        ```
        ");
    }

    #[test]
    fn a_command_in_a_message_reaches_the_same_journal() {
        let told = pasted("see `runbook runs --all` or `runbook -C DIR …`", "runbook --store j.db");
        assert_eq!(told, "see `runbook --store j.db runs --all` or `runbook -C DIR …`");
    }

    #[test]
    fn long_lines_break_between_words() {
        assert_eq!(wrapped("one two three four\n\nfive", 22, 2), "  one two three four\n\n  five\n");
        assert_eq!(wrapped("one two three fourteen", 22, 2), "  one two three\n  fourteen\n");
    }
}
