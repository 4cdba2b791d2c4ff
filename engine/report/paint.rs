//! Colour by role, glyphs, and text from outside made harmless and fit into columns.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Effects, Style};
use unicode_width::UnicodeWidthChar;

/// What the output can show. Whether there is colour is the caller's decision: it knows the terminal, `NO_COLOR` and
/// `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    /// Whether control codes for colour may be written.
    pub colour: bool,
    /// Whether the locale can show more than ASCII.
    pub unicode: bool,
}

/// What a piece of text stands for. Colour is never the only sign: a [`Role::glyph`] or a word goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It went well.
    Success,
    /// It did not.
    Failure,
    /// Nobody knows.
    Doubt,
    /// A person is waited for.
    Person,
    /// It is at work.
    Active,
    /// It was stopped before its end.
    Halted,
    /// It was put back.
    Undone,
    /// It was not wanted, or there was nothing to do.
    Skipped,
    /// Its turn has not come.
    Pending,
    /// A heading.
    Strong,
    /// What somebody must read, and is no state: what a gate saw, who is asked, what a command reads.
    Plain,
    /// Of less weight: on some terminals, and for some eyes, hardly to be read.
    Quiet,
}

#[cfg(test)]
const ROLES: [Role; 12] = [
    Role::Success,
    Role::Failure,
    Role::Doubt,
    Role::Person,
    Role::Active,
    Role::Halted,
    Role::Undone,
    Role::Skipped,
    Role::Pending,
    Role::Strong,
    Role::Plain,
    Role::Quiet,
];

impl Role {
    // The sixteen colours only: they follow the terminal's own theme, so they can be read on light and dark. Bold only where
    // its bright sister can be read on white, too: many terminals draw bold text with that.
    fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Role::Success => colour(AnsiColor::Green),
            Role::Failure => colour(AnsiColor::Red).effects(Effects::BOLD),
            Role::Doubt => colour(AnsiColor::Magenta).effects(Effects::BOLD),
            Role::Person => colour(AnsiColor::Yellow),
            Role::Active => colour(AnsiColor::Cyan),
            Role::Halted => colour(AnsiColor::Yellow),
            Role::Undone => colour(AnsiColor::Blue),
            Role::Strong => Style::new().effects(Effects::BOLD),
            Role::Plain => Style::new(),
            Role::Skipped | Role::Pending | Role::Quiet => Style::new().effects(Effects::DIMMED),
        }
    }

    /// Returns the sign of this role, one column wide; a space for roles that are no state.
    pub fn glyph(self, unicode: bool) -> char {
        let (drawn, plain) = match self {
            Role::Success => ('✓', '+'),
            Role::Failure => ('✗', 'x'),
            Role::Doubt => ('?', '?'),
            Role::Person => ('◆', '!'),
            Role::Active => ('●', '*'),
            Role::Halted => ('■', '#'),
            Role::Undone => ('↶', '<'),
            Role::Skipped => ('–', '-'),
            Role::Pending => ('·', '.'),
            Role::Strong | Role::Plain | Role::Quiet => (' ', ' '),
        };
        if unicode { drawn } else { plain }
    }
}

impl Paint {
    /// Neither colour nor anything but ASCII.
    pub const PLAIN: Paint = Paint { colour: false, unicode: false };

    /// Returns `text` in the colour of `role`.
    pub fn paint(self, role: Role, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let style = role.style();
        format!("{style}{text}{style:#}")
    }

    /// Returns the glyph of `role` in its colour.
    pub fn glyph(self, role: Role) -> String {
        let mut buffer = [0; 4];
        self.paint(role, role.glyph(self.unicode).encode_utf8(&mut buffer))
    }

    /// Returns what stands for text that was left out.
    pub fn ellipsis(self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    /// Returns `text` as one line that can't move the cursor, colour anything or reorder what is read: everything
    /// that is not plain text is written out (`\x1b`, `\n`). For text whose every byte matters, such as a command.
    pub fn clean(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '\t' => out.push_str("    "),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                c if c.is_control() => drop(write!(out, "\\x{:02x}", u32::from(c))),
                c if is_invisible(c) => out.extend(c.escape_unicode()),
                c if self.unicode || c.is_ascii() => out.push(c),
                c => match in_ascii(c) {
                    Some(plain) => out.push_str(plain),
                    None => out.extend(c.escape_unicode()),
                },
            }
        }
        out
    }

    /// Returns a line of a command's output as [`Paint::clean`] does, without its colours, and as it would stand at
    /// the end where the command drew over it (`\r`).
    pub fn clean_output(self, line: &str) -> String {
        let line = line.trim_end_matches(['\r', '\n']);
        let last = line.rsplit('\r').next().unwrap_or(line);
        self.clean(&without_colours(last))
    }

    /// Returns `text` cut to `columns`, with an ellipsis where something was left out.
    pub fn shorten(self, text: &str, columns: usize) -> String {
        if width(text) <= columns {
            return text.to_owned();
        }
        let ellipsis = if columns < 3 { "" } else { self.ellipsis() };
        let room = columns.saturating_sub(width(ellipsis));
        let mut out = prefix(text, room).to_owned();
        out.push_str(ellipsis);
        out
    }

    /// Returns `text` broken at spaces into lines of at most `columns`; a longer word is broken where it must.
    pub fn wrap(self, text: &str, columns: usize) -> Vec<String> {
        let columns = columns.max(1);
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split(' ') {
            let mut word = word;
            if !line.is_empty() && width(&line) + 1 + width(word) > columns {
                lines.push(std::mem::take(&mut line));
            } else if !line.is_empty() {
                line.push(' ');
            }
            while width(&line) + width(word) > columns {
                let part = prefix(word, columns - width(&line).min(columns - 1));
                let part = if part.is_empty() { first_char(word) } else { part };
                line.push_str(part);
                word = &word[part.len()..];
                lines.push(std::mem::take(&mut line));
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }
}

/// Returns how many columns `text` takes at most. Joined characters count each for itself: a terminal that does not
/// join them must not wrap a line that was measured as fitting.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// Returns `text` filled up with spaces to `columns`.
pub(super) fn pad(text: &str, columns: usize) -> String {
    let mut out = text.to_owned();
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(text))));
    out
}

/// Returns `word` as a shell takes it for one argument: step names with brackets are patterns to it otherwise.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn char_width(c: char) -> usize {
    // The selector that makes a sign an emoji makes it two columns wide.
    if c == '\u{fe0f}' { 1 } else { c.width().unwrap_or(0) }
}

fn prefix(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += char_width(c);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

fn first_char(text: &str) -> &str {
    &text[..text.chars().next().map_or(0, char::len_utf8)]
}

/// Says whether a character shows nothing, yet changes how what is around it is read.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{feff}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn in_ascii(c: char) -> Option<&'static str> {
    Some(match c {
        '→' => "->",
        '←' => "<-",
        '…' => "...",
        '≥' => ">=",
        '≤' => "<=",
        '≠' => "!=",
        '–' | '—' => "-",
        '‘' | '’' => "'",
        '“' | '”' => "\"",
        '\u{a0}' => " ",
        _ => return None,
    })
}

/// Drops the sequences that only colour (`ESC [ … m`); any other stays, to be written out.
fn without_colours(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\x1b[") {
        let body = &rest[at + 2..];
        let end = body.find(|c: char| !(c.is_ascii_digit() || c == ';' || c == ':')).unwrap_or(body.len());
        if body[end..].starts_with('m') {
            out.push_str(&rest[..at]);
            rest = &body[end + 1..];
        } else {
            out.push_str(&rest[..at + 2]);
            rest = body;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Paint = Paint { colour: false, unicode: true };

    #[test]
    fn nothing_from_outside_reaches_the_terminal_as_a_command() {
        let hostile = "a\x1b[2J\x1b]0;title\x07b\r\nc\u{9b}31m\u{202e}txt";
        assert_eq!(FULL.clean(hostile), r"a\x1b[2J\x1b]0;title\x07b\r\nc\x9b31m\u{202e}txt");
        assert_eq!(Paint::PLAIN.clean("3 → 10 é"), r"3 -> 10 \u{e9}");
    }

    #[test]
    fn output_loses_its_colours_and_what_it_drew_over() {
        assert_eq!(FULL.clean_output("10%\r\x1b[1;31m100%\x1b[0m done\r\n"), "100% done");
        assert_eq!(FULL.clean_output("\x1b[31\x1b[Hx"), r"\x1b[31\x1b[Hx");
    }

    #[test]
    fn every_role_can_be_read_on_light_and_dark_and_without_colour() {
        let colour = Paint { colour: true, unicode: true };
        let mut signs = Vec::new();
        for role in ROLES {
            let style = role.style();
            let fg = style.get_fg_color();
            let unreadable = |colour: AnsiColor| {
                let on_one_theme = [AnsiColor::Black, AnsiColor::White, AnsiColor::BrightBlack];
                on_one_theme.contains(&colour) || (colour as u8) >= AnsiColor::BrightBlack as u8
            };
            match fg {
                None => {}
                Some(anstyle::Color::Ansi(named)) => {
                    assert!(!unreadable(named), "{role:?}");
                    // Where bold is drawn bright: red, blue and magenta can be read on white, the others can't.
                    let bright_too = [AnsiColor::Red, AnsiColor::Blue, AnsiColor::Magenta];
                    let bold = style.get_effects().contains(Effects::BOLD);
                    assert!(!bold || bright_too.contains(&named), "{role:?}");
                }
                Some(other) => panic!("{role:?} is {other:?}, which follows no theme"),
            }
            assert_eq!(style.get_bg_color(), None, "{role:?}");
            let dim = style.get_effects().contains(Effects::DIMMED);
            assert_eq!(dim, matches!(role, Role::Quiet | Role::Skipped | Role::Pending), "{role:?}");
            // Never colour alone.
            for unicode in [true, false] {
                assert_eq!(
                    role.glyph(unicode) != ' ',
                    fg.is_some() || matches!(role, Role::Skipped | Role::Pending),
                    "{role:?}"
                );
            }
            if fg.is_some() {
                signs.push(role.glyph(false));
                assert!(colour.paint(role, "x").contains("\x1b["), "{role:?}");
                assert_eq!(FULL.paint(role, "x"), "x");
            }
        }
        let all = signs.len();
        signs.sort_unstable();
        signs.dedup();
        assert_eq!(signs.len(), all, "two roles have one sign");
    }

    #[test]
    fn cutting_counts_columns() {
        assert_eq!(FULL.shorten("日本語テキスト", 7), "日本語…");
        assert_eq!(Paint::PLAIN.shorten("abcdefgh", 6), "abc...");
        assert_eq!(FULL.shorten("abc", 3), "abc");
        assert_eq!(FULL.shorten("abc", 0), "");
    }

    #[test]
    fn wrapping_loses_nothing_and_ends() {
        assert_eq!(FULL.wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(FULL.wrap("a abcdefgh", 4), ["a", "abcd", "efgh"]);
        assert_eq!(FULL.wrap("日本", 1), ["日", "本"]);
    }

    #[test]
    fn what_is_to_be_pasted_is_one_argument() {
        assert_eq!(quoted("reach"), "reach");
        assert_eq!(quoted("scale[api-gateway]"), "'scale[api-gateway]'");
        assert_eq!(quoted("a'b"), r"'a'\''b'");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_made_harmless_and_fits(text in "\\PC*|(?s:.*)", columns in 1usize..60, unicode: bool) {
            let paint = Paint { colour: false, unicode };
            for clean in [paint.clean(&text), paint.clean_output(&text)] {
                assert!(!clean.chars().any(|c| c.is_control() || is_invisible(c)), "{clean:?}");
                assert!(unicode || clean.is_ascii(), "{clean:?}");
                assert!(width(&paint.shorten(&clean, columns)) <= columns);
                let lines = paint.wrap(&clean, columns.max(2));
                assert!(lines.iter().all(|line| width(line) <= columns.max(2)), "{lines:?}");
                assert_eq!(lines.concat().replace(' ', ""), clean.replace(' ', ""));
            }
        }
    }
}
