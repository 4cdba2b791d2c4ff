//! Where the values of a script stand.
//!
//! This reads what `dash` and `bash` have in common. Where the two read differently, or where reading would need a
//! whole shell grammar, it says so and refuses every value from there on: a wrong guess would be a hole.

use std::collections::VecDeque;

/// A letter of the script, or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Char(char),
    Value,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Outside of quotes.
    Bare,
    /// In single quotes.
    Single,
    /// In double quotes, perhaps right after `$name`.
    Double { after_name: bool },
    /// Where no quoting is safe: why, and what to do.
    Refused(&'static str, &'static str),
}

type Refusal = (&'static str, &'static str);

const BY_ENV: &str = "pass it by `env` and write `\"$NAME\"`, or by `stdin`";
const HERE_DOCUMENT: Refusal = ("no quoting is safe in a here-document", BY_ENV);
const BACKTICKS: Refusal = ("no quoting is safe in backticks", "use `$(…)` instead of backticks");
const COMMENT: Refusal = ("a value in a comment could end it", "take it out of the comment");
const BACKSLASH: Refusal = ("a backslash before a value has no meaning", "leave out the backslash");
const DOLLAR: Refusal = ("`${{ … }}` is not how values are written", "leave out the `$`: `{{ … }}`");
const ANSI_C: Refusal = ("no quoting in `$'…'` is safe in every shell", "leave out the `$`");
const PARAMETER: Refusal = ("no quoting is safe inside `${…}`", BY_ENV);
const ARITHMETIC: Refusal = ("no quoting is safe in arithmetic", "calculate in the value: `{{ n + 1 }}`");
const CASE_IN_SUB: Refusal = ("places can't be told after `case` inside `$(…)`", BY_ENV);
const ODD_BACKTICKS: Refusal =
    ("places can't be told after quotes inside backticks", "use `$(…)` instead of backticks");
const ODD_ANSI_C: Refusal = ("places can't be told after `$'…\\…'`, which shells read differently", BY_ENV);
const ODD_PARAMETER: Refusal =
    ("places can't be told after quotes inside `\"${…}\"`, which shells read differently", BY_ENV);
const ODD_ARITHMETIC: Refusal = ("places can't be told after this arithmetic", BY_ENV);
const ODD_HERE_DOCUMENT: Refusal = ("places can't be told after this here-document", BY_ENV);

/// Returns the place of each value, in order.
pub(super) fn places(cells: &[Cell]) -> Vec<Place> {
    let mut reader = Reader {
        cells,
        at: 0,
        stack: Vec::new(),
        here: VecDeque::new(),
        lost: None,
        word_start: true,
        found: Vec::new(),
    };
    while reader.at < cells.len() {
        reader.step();
    }
    reader.found
}

/// What the reader is inside of; outside of everything it is in the script itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    /// `$(…)`, `<(…)`, `>(…)`, with the parentheses open in it.
    Sub { parens: usize },
    /// `"…"`
    Double,
    /// `${…}`, perhaps inside double quotes.
    Parameter { in_double: bool },
    /// `$((…))`, with the parentheses open in it.
    Arithmetic { parens: usize },
}

/// A here-document that was announced and whose body comes after the line.
struct Here {
    delimiter: String,
    /// `<<-`: tabs before the delimiter don't count.
    tabs: bool,
    quoted: bool,
    /// How deep the reader was inside other things.
    depth: usize,
}

struct Reader<'c> {
    cells: &'c [Cell],
    at: usize,
    stack: Vec<Frame>,
    here: VecDeque<Here>,
    /// Why nothing can be said any more.
    lost: Option<Refusal>,
    /// Whether a word may start here: only then `#` starts a comment.
    word_start: bool,
    found: Vec<Place>,
}

impl Reader<'_> {
    fn char(&self, ahead: usize) -> Option<char> {
        match self.cells.get(self.at + ahead) {
            Some(Cell::Char(c)) => Some(*c),
            _ => None,
        }
    }

    fn is_value(&self, ahead: usize) -> bool {
        self.cells.get(self.at + ahead) == Some(&Cell::Value)
    }

    fn lose(&mut self, why: Refusal) {
        self.lost.get_or_insert(why);
    }

    /// Takes the value at hand, which stands at `place` unless something forbids values altogether.
    fn value(&mut self, place: Place) {
        let inside = self.stack.iter().find_map(|frame| match frame {
            Frame::Parameter { .. } => Some(PARAMETER),
            Frame::Arithmetic { .. } => Some(ARITHMETIC),
            _ => None,
        });
        let place = match (self.lost, inside, place) {
            (_, _, Place::Refused(why, help)) => Place::Refused(why, help),
            (_, Some((why, help)), _) | (Some((why, help)), None, _) => Place::Refused(why, help),
            (None, None, place) => place,
        };
        self.found.push(place);
        self.at += 1;
        self.word_start = false;
    }

    fn refuse(&mut self, why: Refusal) {
        self.value(Place::Refused(why.0, why.1));
    }

    fn step(&mut self) {
        match self.stack.last().copied() {
            None | Some(Frame::Sub { .. }) => self.bare(),
            Some(Frame::Double) => self.double(),
            Some(Frame::Parameter { in_double }) => self.parameter(in_double),
            Some(Frame::Arithmetic { parens }) => self.arithmetic(parens),
        }
    }

    fn bare(&mut self) {
        let Some(c) = self.char(0) else { return self.value(Place::Bare) };
        if self.word_start && c == '#' {
            return self.comment();
        }
        let in_sub = self.stack.iter().any(|frame| matches!(frame, Frame::Sub { .. }));
        if self.word_start && in_sub && self.keyword("case") {
            // Its patterns end in a `)` that closes nothing: only a grammar could tell.
            self.lose(CASE_IN_SUB);
        }
        let word_start = std::mem::replace(&mut self.word_start, false);
        match c {
            '\\' => {
                let line_goes_on = self.char(1) == Some('\n');
                self.backslash();
                self.word_start = line_goes_on && word_start;
            }
            '\'' => {
                self.at += 1;
                self.single(Place::Single);
            }
            '"' => self.open(Frame::Double, 1),
            '`' => self.backticks(),
            '$' => self.dollar(),
            '<' if self.char(1) == Some('<') && self.char(2) == Some('<') => {
                self.at += 3;
                self.word_start = true;
            }
            '<' if self.char(1) == Some('<') => self.here_start(),
            '<' | '>' if self.char(1) == Some('(') => self.open(Frame::Sub { parens: 0 }, 2),
            '(' if self.char(1) == Some('(') => self.double_parens(),
            '(' => {
                if let Some(Frame::Sub { parens }) = self.stack.last_mut() {
                    *parens += 1;
                }
                self.operator();
            }
            ')' => self.close_paren(),
            '\n' => self.line_end(),
            ' ' | '\t' | ';' | '&' | '|' | '<' | '>' => self.operator(),
            _ => self.at += 1,
        }
    }

    /// Takes a letter after which a word may start.
    fn operator(&mut self) {
        self.at += 1;
        self.word_start = true;
    }

    fn open(&mut self, frame: Frame, letters: usize) {
        self.stack.push(frame);
        self.at += letters;
        self.word_start = matches!(frame, Frame::Sub { .. });
    }

    fn keyword(&self, word: &str) -> bool {
        let letters = word.chars().count();
        word.chars().enumerate().all(|(ahead, c)| self.char(ahead) == Some(c))
            && !self.char(letters).is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
    }

    fn comment(&mut self) {
        while self.at < self.cells.len() && self.char(0) != Some('\n') {
            if self.is_value(0) { self.refuse(COMMENT) } else { self.at += 1 }
        }
        self.word_start = true;
    }

    fn backslash(&mut self) {
        self.at += 1;
        if self.is_value(0) {
            self.refuse(BACKSLASH);
        } else {
            self.at += 1;
        }
    }

    /// Reads to the closing `'`; every value on the way stands at `place`.
    fn single(&mut self, place: Place) {
        while self.at < self.cells.len() {
            match self.char(0) {
                Some('\'') => {
                    self.at += 1;
                    return;
                }
                Some(_) => self.at += 1,
                None => self.value(place),
            }
        }
    }

    fn double(&mut self) {
        let Some(c) = self.char(0) else { return self.value(Place::Double { after_name: false }) };
        match c {
            '\\' => self.backslash(),
            '"' => {
                self.stack.pop();
                self.at += 1;
            }
            '`' => self.backticks(),
            '$' => self.dollar(),
            _ => self.at += 1,
        }
    }

    fn in_double(&self) -> bool {
        matches!(self.stack.last(), Some(Frame::Double | Frame::Parameter { in_double: true }))
    }

    fn dollar(&mut self) {
        let in_double = self.in_double();
        if self.is_value(1) {
            self.at += 1;
            return self.refuse(DOLLAR);
        }
        match (self.char(1), self.char(2)) {
            (Some('('), Some('(')) => self.open(Frame::Arithmetic { parens: 0 }, 3),
            (Some('('), _) => self.open(Frame::Sub { parens: 0 }, 2),
            (Some('{'), _) => self.open(Frame::Parameter { in_double }, 2),
            (Some('['), _) => {
                self.lose(ODD_ARITHMETIC);
                self.at += 2;
            }
            (Some('\''), _) if !in_double => self.ansi_c(),
            (Some(c), _) if c.is_ascii_alphabetic() || c == '_' => {
                self.at += 1;
                while self.char(0).is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
                    self.at += 1;
                }
                if self.is_value(0) && self.stack.last() == Some(&Frame::Double) {
                    self.value(Place::Double { after_name: true });
                }
            }
            (Some('#' | '?' | '$' | '!' | '*' | '@' | '-'), _) => self.at += 2,
            _ => self.at += 1,
        }
    }

    fn ansi_c(&mut self) {
        self.at += 2;
        let start = self.at;
        self.single(Place::Refused(ANSI_C.0, ANSI_C.1));
        if self.cells[start..self.at].contains(&Cell::Char('\\')) {
            self.lose(ODD_ANSI_C);
        }
    }

    fn backticks(&mut self) {
        let in_double = self.in_double();
        let (mut single, mut double) = (0_usize, 0_usize);
        self.at += 1;
        while self.at < self.cells.len() {
            match self.char(0) {
                Some('`') => {
                    self.at += 1;
                    break;
                }
                Some('\\') if !self.is_value(1) => self.at += 2,
                Some(c) => {
                    single += usize::from(c == '\'');
                    double += usize::from(c == '"');
                    self.at += 1;
                }
                None => self.refuse(BACKTICKS),
            }
        }
        self.at = self.at.min(self.cells.len());
        if !single.is_multiple_of(2) || !double.is_multiple_of(2) || (in_double && double > 0) {
            self.lose(ODD_BACKTICKS);
        }
    }

    fn parameter(&mut self, in_double: bool) {
        let Some(c) = self.char(0) else { return self.refuse(PARAMETER) };
        match c {
            '\\' => self.backslash(),
            '}' => {
                self.stack.pop();
                self.at += 1;
            }
            '\'' | '"' if in_double => {
                self.lose(ODD_PARAMETER);
                self.at += 1;
            }
            '\'' => {
                self.at += 1;
                self.single(Place::Refused(PARAMETER.0, PARAMETER.1));
            }
            '"' => self.open(Frame::Double, 1),
            '`' => self.backticks(),
            '$' => self.dollar(),
            _ => self.at += 1,
        }
    }

    fn arithmetic(&mut self, parens: usize) {
        let Some(c) = self.char(0) else { return self.refuse(ARITHMETIC) };
        let count = |reader: &mut Self, parens| {
            reader.stack.pop();
            reader.stack.push(Frame::Arithmetic { parens });
            reader.at += 1;
        };
        match c {
            '(' => count(self, parens + 1),
            ')' if parens > 0 => count(self, parens - 1),
            ')' => {
                // A single one: this was a subshell inside `$(…)`, and has been read wrongly.
                if self.char(1) != Some(')') {
                    self.lose(ODD_ARITHMETIC);
                }
                self.stack.pop();
                self.at = (self.at + 2).min(self.cells.len());
            }
            '\'' | '"' | '#' => {
                self.lose(ODD_ARITHMETIC);
                self.at += 1;
            }
            '\\' => self.backslash(),
            '`' => self.backticks(),
            '$' => self.dollar(),
            _ => self.at += 1,
        }
    }

    /// `((…))` is arithmetic to one shell and two subshells to the other; what both read alike is let through.
    fn double_parens(&mut self) {
        let alike = |c: char| c.is_ascii_alphanumeric() || "_ =+-*/%<>!&|;,^?:$".contains(c);
        let mut ahead = 2;
        loop {
            match (self.char(ahead), self.char(ahead + 1)) {
                (Some(')'), Some(')')) => {
                    self.at += ahead + 2;
                    self.word_start = true;
                    return;
                }
                (Some('<'), Some('<')) => break,
                (Some(c), _) if alike(c) => ahead += 1,
                _ => break,
            }
        }
        self.lose(ODD_ARITHMETIC);
        self.at += 2;
        self.word_start = true;
    }

    fn close_paren(&mut self) {
        self.operator();
        if let Some(Frame::Sub { parens }) = self.stack.last_mut() {
            if *parens > 0 {
                *parens -= 1;
                return;
            }
            if self.here.iter().any(|here| here.depth >= self.stack.len()) {
                self.lose(ODD_HERE_DOCUMENT);
            }
            self.stack.pop();
            self.word_start = false;
        }
    }

    /// Reads `<<`, `-` and the delimiter.
    fn here_start(&mut self) {
        self.at += 2;
        let tabs = self.char(0) == Some('-');
        self.at += usize::from(tabs);
        while matches!(self.char(0), Some(' ' | '\t')) {
            self.at += 1;
        }
        let mut here = Here { delimiter: String::new(), tabs, quoted: false, depth: self.stack.len() };
        let mut quote = None;
        while self.at < self.cells.len() {
            let Some(c) = self.char(0) else {
                self.refuse(HERE_DOCUMENT);
                self.lose(ODD_HERE_DOCUMENT);
                continue;
            };
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (Some('\''), c) => here.delimiter.push(c),
                (None, '\'' | '"') => {
                    quote = Some(c);
                    here.quoted = true;
                }
                (_, '\\' | '$' | '`') if quote.is_some() || c != '\\' => self.lose(ODD_HERE_DOCUMENT),
                (None, '\\') => {
                    here.quoted = true;
                    match self.char(1) {
                        Some(next) if next != '\n' => here.delimiter.push(next),
                        _ => self.lose(ODD_HERE_DOCUMENT),
                    }
                    self.at += 1;
                }
                (None, ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')') => break,
                (_, c) => here.delimiter.push(c),
            }
            self.at += 1;
        }
        self.at = self.at.min(self.cells.len());
        if here.delimiter.contains('\n') || here.delimiter.is_empty() {
            self.lose(ODD_HERE_DOCUMENT);
        }
        self.here.push_back(here);
        self.word_start = true;
    }

    fn line_end(&mut self) {
        self.operator();
        if self.here.iter().any(|here| here.depth != self.stack.len()) {
            // A line end inside something that began after the `<<`: shells differ on which it counts for.
            self.lose(ODD_HERE_DOCUMENT);
        }
        while let Some(here) = self.here.pop_front() {
            self.here_body(&here);
        }
    }

    fn here_body(&mut self, here: &Here) {
        while self.at < self.cells.len() {
            let mut line = String::new();
            let mut values = false;
            while self.at < self.cells.len() && self.char(0) != Some('\n') {
                match self.char(0) {
                    Some(c) => {
                        line.push(c);
                        self.at += 1;
                    }
                    None => {
                        self.refuse(HERE_DOCUMENT);
                        values = true;
                    }
                }
            }
            self.at = (self.at + 1).min(self.cells.len());
            let bare = if here.tabs { line.trim_start_matches('\t') } else { &line };
            if bare == here.delimiter && !values {
                break;
            }
            if !here.quoted && goes_on(&line) {
                self.lose(ODD_HERE_DOCUMENT);
            }
        }
        self.word_start = true;
    }
}

/// Says whether a line of an unquoted here-document may take the next one with it, delimiter and all.
fn goes_on(line: &str) -> bool {
    let count = |letter: char| line.chars().filter(|c| *c == letter).count();
    let expands = line.contains("$(") || line.contains("${") || line.contains('`');
    line.ends_with('\\')
        || (expands
            && (count('(') != count(')') || count('{') != count('}') || !count('`').is_multiple_of(2)))
}
