//! What a document tells people to do: entries of lists, comments without a command; and the tables that they look things up in.

use super::super::command::{Form, Scope};
use super::super::looks::Effect;
use super::super::open::Matter;
use super::super::table;
use super::super::values::var_name;
use super::Maker;
use super::text::{is_list, is_short, unique};

impl Maker {
    pub(super) fn item(&mut self, line: usize, text: &str, mark: &str, depth: usize, task: bool, code: bool) {
        // A table of contents tells nobody anything here.
        if text.starts_with('[') && text.contains("](#") {
            return;
        }
        let words = text.replace("  \n", "\n");
        if task || mark != "-" && !code && is_deed(text) {
            self.manual(line, &words);
        } else if code {
            self.lead = None;
            if is_short(text) {
                self.lead = Some(text.trim_end_matches(':').to_owned());
                self.lead_line = line;
            }
            if !text.is_empty() {
                self.pending.push(words);
            }
            self.sentence(line, text, true);
        } else if !text.is_empty() {
            self.sentence(line, text, false);
            let indent = "  ".repeat(depth.min(8));
            let entry = format!("{indent}{mark} {}", words.replace('\n', &format!("\n{indent}  ")));
            match self.pending.last_mut().filter(|last| is_list(last)) {
                Some(last) => {
                    last.push('\n');
                    last.push_str(&entry);
                }
                None => self.pending.push(entry),
            }
        }
    }

    pub(super) fn table(&mut self, rows: &[Vec<String>], line: usize) {
        let Some(value) = table::value(rows) else { return };
        let above = self.path.last().map_or_else(String::new, |(_, text)| text.to_lowercase());
        if ["change log", "changelog", "history", "revision"].iter().any(|word| above.contains(word)) {
            // What became of the document is for people.
            let lines: Vec<String> = rows.iter().map(|row| row.join(" | ")).collect();
            self.pending.push(lines.join("  \n"));
            return;
        }
        let heading = self.path.last().map_or("table", |(_, text)| text.as_str());
        let name = unique(var_name(heading), "_", |name| self.draft.tables.contains_key(name));
        self.draft.table_lines.push((name.clone(), line));
        self.open(Matter::Table, line, name.clone());
        self.draft.tables.insert(name, value);
    }

    /// Takes comments that stand above no command.
    pub(super) fn notes(&mut self, line: usize, text: &[String]) {
        let text: Vec<&str> = text.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        let Some(first) = text.first() else { return };
        // `Common issues:` and what follows tells; a line of its own says what to do.
        if first.ends_with(':') || text.iter().all(|text| text.chars().all(|c| !c.is_alphanumeric())) {
            self.behind(&text.join("\n"));
        } else {
            self.manual(line, &text.join("\n"));
        }
    }

    /// Adds a step that a person does.
    fn manual(&mut self, line: usize, text: &str) {
        if !text.chars().any(char::is_alphanumeric) {
            return;
        }
        let last = line + text.matches('\n').count();
        let plain = text.replace("**", "").replace('`', "");
        let mut title = None;
        if is_short(&plain) {
            title = Some(unnumbered(&plain).to_owned());
        }
        let mut scope = Scope::default();
        let filled = Form::Manual { prompt: self.filled(text, line, &mut scope), uses: scope.uses };
        self.push(
            (line, last),
            (title, &plain),
            String::new(),
            vec![filled, Form::words(text)],
            Effect::Looks,
        );
    }
}

/// Returns the line as a title where it names what follows: `Look at the nodes:`.
pub(super) fn leading(text: &str) -> Option<String> {
    let title = text.strip_suffix(':')?;
    is_short(title).then(|| title.replace("**", ""))
}

/// Returns a text without the number or the dash it begins with.
pub(super) fn unnumbered(text: &str) -> &str {
    let rest = text.trim_start_matches(['-', '*', ' ']);
    let number = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = match (number.len() < rest.len(), number.strip_prefix(['.', ')'])) {
        (true, Some(after)) if after.starts_with(' ') => after.trim_start(),
        _ => rest,
    };
    rest.trim_end_matches(':').trim_end()
}

/// Words with which one is told to do something.
const DEEDS: [&str; 72] = [
    "access",
    "acknowledge",
    "add",
    "analyze",
    "apply",
    "approve",
    "ask",
    "assign",
    "call",
    "cancel",
    "change",
    "check",
    "choose",
    "click",
    "close",
    "compare",
    "confirm",
    "connect",
    "contact",
    "copy",
    "create",
    "declare",
    "delete",
    "deploy",
    "disable",
    "document",
    "drain",
    "edit",
    "enable",
    "ensure",
    "escalate",
    "export",
    "file",
    "find",
    "go",
    "identify",
    "inform",
    "inspect",
    "investigate",
    "join",
    "locate",
    "log",
    "login",
    "look",
    "make",
    "merge",
    "monitor",
    "navigate",
    "note",
    "notify",
    "open",
    "page",
    "pause",
    "ping",
    "post",
    "press",
    "promote",
    "record",
    "remove",
    "restart",
    "review",
    "roll",
    "rotate",
    "run",
    "schedule",
    "select",
    "send",
    "set",
    "stop",
    "update",
    "verify",
    "wait",
];

/// Says whether an entry of a numbered list tells somebody to do something.
pub(super) fn is_deed(text: &str) -> bool {
    let first = text
        .trim_start_matches(['*', '`', '_'])
        .split(|c: char| !c.is_ascii_alphabetic())
        .next()
        .unwrap_or_default();
    DEEDS.contains(&first.to_lowercase().as_str())
}
