//! A document → the document with names in place of its secrets.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::super::document::{Block, Kind};
use super::super::fence;
use super::super::script::Line;
use super::super::seems::seems_command;
use super::commands;
use super::manifest;
use super::names::{Found, Names, in_words, is_value, names_value};
use super::texts::{self, Style};

/// A document without its secrets.
#[derive(Debug, Default)]
pub(in crate::load::import) struct Hidden {
    pub(in crate::load::import) blocks: Vec<Block>,
    /// The lines that a secret was taken out of.
    pub(in crate::load::import) lines: BTreeSet<usize>,
    /// The lines of which nobody can tell where the secret ends.
    pub(in crate::load::import) unsure: BTreeSet<usize>,
}

/// Returns a document without the secrets in it.
pub(in crate::load::import) fn hidden(blocks: &[Block]) -> Hidden {
    let mut names = Names::default();
    for block in blocks {
        texts_of(block, |text| names.written(text));
    }
    // A value may stand before the line that tells that it is one.
    let once = pass(blocks, &mut names);
    if once.lines.is_empty() {
        return once;
    }
    names.learn();
    pass(blocks, &mut names)
}

fn texts_of(block: &Block, mut take: impl FnMut(&str)) {
    match &block.kind {
        Kind::Heading(_, text) | Kind::Prose(text) | Kind::Item { text, .. } => take(text),
        Kind::Table(rows) => rows.iter().flatten().for_each(|cell| take(cell)),
        Kind::Fence { lines, .. } => lines.iter().for_each(|line| take(&line.text)),
    }
}

fn pass(blocks: &[Block], names: &mut Names) -> Hidden {
    let mut hider = Hider { names, hidden: Hidden::default(), key: None };
    for block in blocks {
        let kind = match &block.kind {
            Kind::Heading(level, text) => Kind::Heading(*level, hider.words(text, block.line)),
            Kind::Prose(text) => Kind::Prose(hider.words(text, block.line)),
            Kind::Item { text, mark, depth, task, code } => {
                let text = hider.words(text, block.line);
                Kind::Item { text, mark: mark.clone(), depth: *depth, task: *task, code: *code }
            }
            Kind::Table(rows) => Kind::Table(hider.table(rows, block.line)),
            Kind::Fence { tag, lines, closed } => {
                Kind::Fence { tag: tag.clone(), lines: hider.fence(tag, lines), closed: *closed }
            }
        };
        hider.key = None;
        hider.hidden.blocks.push(Block { line: block.line, depth: block.depth, kind });
    }
    hider.hidden
}

struct Hider<'n> {
    names: &'n mut Names,
    hidden: Hidden,
    /// Inside of a private key: the name in its place.
    key: Option<String>,
}

/// `-----BEGIN … PRIVATE KEY-----`
fn begins_key(line: &str) -> bool {
    line.contains("-----BEGIN ") && line.contains("PRIVATE KEY")
}

impl Hider<'_> {
    fn replaced(&mut self, line: &str, found: Vec<Found>, number: usize) -> (String, bool) {
        let (text, sure) = self.names.replaced(line, found);
        if text != line {
            self.hidden.lines.insert(number);
        }
        (text, sure)
    }

    /// Returns a line of a private key with its name; nothing for a line of something else.
    fn of_key(&mut self, line: &str, number: usize) -> Option<String> {
        let name = self.key.clone();
        if line.contains("-----END ") {
            self.key = None;
            return None;
        }
        if begins_key(line) {
            self.key = Some(self.names.named("-----BEGIN", "private-key"));
            return None;
        }
        let name = name?;
        let text = line.trim();
        if text.is_empty() {
            return None;
        }
        self.hidden.lines.insert(number);
        self.hidden.unsure.insert(number);
        Some(line.replace(text, &format!("<{name}>")))
    }

    /// Hides the secrets in words for people.
    fn words(&mut self, text: &str, line: usize) -> String {
        let hidden: Vec<String> = text
            .split('\n')
            .enumerate()
            .map(|(index, text)| {
                if let Some(key) = self.of_key(text, line + index) {
                    return key;
                }
                let (text, sure) = self.replaced(text, in_words_for_people(text), line + index);
                // A command that the sentence names may become a step.
                if !sure {
                    self.hidden.unsure.insert(line + index);
                }
                text
            })
            .collect();
        hidden.join("\n")
    }

    fn table(&mut self, rows: &[Vec<String>], line: usize) -> Vec<Vec<String>> {
        let head = rows.first().map_or(&[] as &[String], Vec::as_slice);
        // `Secret` heads the names under which they are kept.
        let is_key = |cell: &str| {
            let cell = plain(cell);
            let words = in_words(cell);
            let kept = ["secret", "credential", "credentials"].iter().any(|last| words.ends_with(last));
            names_value(cell) && (!kept || !cell.contains(|c: char| c.is_ascii_lowercase()))
        };
        let gives = |cell: &str| {
            let cell = cell.to_lowercase();
            ["value", "default", "example", "setting"].iter().any(|word| cell.contains(word))
        };
        let mut hidden = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            // Below the head stands a line of its own.
            let number = line + index + usize::from(index > 0);
            let mut cells = Vec::new();
            for (column, cell) in row.iter().enumerate() {
                let above = head.get(column).map(String::as_str).unwrap_or_default();
                let before = row.first().map(String::as_str).unwrap_or_default();
                let called = if index > 0 && is_key(above) {
                    Some(above)
                } else if index > 0 && column > 0 && is_key(before) && (row.len() == 2 || gives(above)) {
                    Some(before)
                } else {
                    None
                };
                let mut found = in_words_for_people(cell);
                let value = plain(cell);
                let one = !value.contains(char::is_whitespace);
                if let (Some(called), Some(at), true) = (called, cell.find(value), one && is_value(value)) {
                    let called = in_words(plain(called)).replace('_', "-");
                    found = vec![Found { range: at..at + value.len(), called, ends: true }];
                }
                cells.push(self.replaced(cell, found, number).0);
            }
            hidden.push(cells);
        }
        hidden
    }

    fn fence(&mut self, tag: &str, lines: &[Line]) -> Vec<Line> {
        let mut hidden: Vec<Line> = Vec::with_capacity(lines.len());
        // A setting whose value stands below it, and a name whose value is in the next line.
        let (mut block, mut name): (Option<(usize, String)>, Option<String>) = (None, None);
        let mut kept = manifest::found(lines);
        let mut rest = lines;
        while let Some((first, _)) = rest.split_first() {
            let index = lines.len() - rest.len();
            if let Some(text) = self.of_key(&first.text, first.number) {
                hidden.push(Line { number: first.number, text });
                rest = &rest[1..];
                continue;
            }
            let goes_on = |line: &&Line| line.text.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1;
            let count = (rest.iter().take_while(goes_on).count() + 1).min(rest.len());
            let (these, more) = rest.split_at(count);
            rest = more;
            let text: Vec<&str> = these.iter().map(|line| line.text.as_str()).collect();
            let text = text.join("\n");
            let mut of_manifest = Vec::new();
            let mut before = 0;
            for (line, these) in these.iter().enumerate() {
                of_manifest.extend(moved(kept.remove(&(index + line)).unwrap_or_default(), before));
                before += these.text.len() + 1;
            }
            let indent = first.text.len() - first.text.trim_start().len();
            if block.as_ref().is_some_and(|(least, _)| indent < *least && !first.text.trim().is_empty()) {
                block = None;
            }
            let mut found = in_code(&text, tag);
            found.extend(of_manifest);
            if let Some((_, called)) = &block {
                let value = first.text.trim();
                if is_value(value) {
                    found.push(Found {
                        range: indent..indent + value.len(),
                        called: called.clone(),
                        ends: false,
                    });
                }
            }
            if let Some(name) = name.take() {
                found.extend(texts::value_of(&first.text, &name));
            }
            name = texts::name_of_next(&first.text);
            block = block.or_else(|| texts::begins_block(&first.text));
            let (text, sure) = self.names.replaced(&text, found);
            if !sure {
                self.hidden.unsure.insert(first.number);
            }
            for (text, line) in text.split('\n').zip(these) {
                if text != line.text {
                    self.hidden.lines.insert(line.number);
                }
                hidden.push(Line { number: line.number, text: text.to_owned() });
            }
        }
        hidden
    }
}

/// Returns a cell or key without what only marks it.
fn plain(text: &str) -> &str {
    text.trim().trim_matches(['`', '*', '_', '"', '\''])
}

/// Returns the secrets in lines of a block of code that are one to a shell.
fn in_code(text: &str, tag: &str) -> Vec<Found> {
    let begin = text.len() - fence::prompted(text).unwrap_or(text).len();
    let typed = &text[begin..];
    let note = typed.trim_start().strip_prefix('#').map(|note| typed.len() - note.len());
    let found = match note {
        Some(at) => moved(in_words_for_people(typed[at..].trim_end()), at),
        None => {
            // As long as it was, so that a place in one is that of the other.
            let mut found = commands::found(&typed.replace("\\\n", "  "));
            found.extend(texts::everywhere(typed));
            if fence::holds_no_commands(tag) {
                found.extend(texts::found(typed, Style::File));
                return moved(found, begin);
            }
            found.extend(texts::setting(typed, Style::Words));
            if !fence::is_of_shell(tag) {
                found.extend(texts::pairs(typed, false));
            }
            if let Some(at) = typed.rfind(" # ") {
                found.extend(moved(texts::found(&typed[at..], Style::Words), at));
            }
            found
        }
    };
    moved(found, begin)
}

/// Returns the secrets in a line of words: of what stands between backticks as of a command.
fn in_words_for_people(text: &str) -> Vec<Found> {
    static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"`([^`]+)`").expect("the pattern is one"));
    let mut found = texts::found(text, Style::Words);
    let begin = text.len() - text.trim_start().len();
    if seems_command(text.trim_start()) {
        found.extend(moved(commands::found(&text[begin..]), begin));
    }
    for code in CODE.captures_iter(text).filter_map(|captures| captures.get(1)) {
        found.extend(moved(commands::found(code.as_str()), code.start()));
        found.extend(moved(Vec::from_iter(texts::setting(code.as_str(), Style::Words)), code.start()));
    }
    found
}

fn moved(mut found: Vec<Found>, by: usize) -> Vec<Found> {
    found.iter_mut().for_each(|found| found.range = found.range.start + by..found.range.end + by);
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::document::blocks;
    use super::*;

    fn texts(blocks: &[Block]) -> Vec<String> {
        let mut texts = Vec::new();
        blocks.iter().for_each(|block| texts_of(block, |text| texts.push(text.to_owned())));
        texts
    }

    #[test]
    fn what_is_no_value_stays() {
        let text = "# Rotate the token\n\nThe password is in Vault: secret/data/db. Token: see the wiki.\n\n- [ ] Password: ask the on-call\n\n\
            ```yaml\nsecretName: db\npassword: ${DB_PASSWORD}\ntoken: !vault |\n  x\nexistingSecret: db-credentials\ntokenTtl: 5m\nvalueFrom: {secretKeyRef: {name: db, key: password}}\n```\n\n\
            | Secret | Namespace |\n|---|---|\n| db-credentials | prod |\n\n\
            ```python\npassword = os.environ[\"X\"]\ntoken = fetch_token()\n```\n\n\
            ```bash\nexport PASSWORD=$(cat file)\necho \"password: $PASSWORD\"\nkubectl get secret db\n```\n";
        let hidden = hidden(&blocks(text));
        assert_eq!(texts(&hidden.blocks), texts(&blocks(text)));
        assert!(hidden.lines.is_empty() && hidden.unsure.is_empty());
    }

    /// One input never stands for two values.
    #[test]
    fn a_name_that_the_document_has_is_not_given_to_a_value() {
        let text = "```sh\nb --token=$TOKEN\na --password=<password> --token=[api-token]\na --password=abcd --token=efgh\nexport API_TOKEN=ijkl\nb $API_TOKEN\n```\n";
        let hidden = hidden(&blocks(text));
        let Kind::Fence { lines, .. } = &hidden.blocks[0].kind else { panic!("{hidden:?}") };
        assert_eq!(lines[2].text, "a --password=<password-2> --token=<token-2>");
        assert_eq!(lines[3].text, "export API_TOKEN=<API_TOKEN-2>");
    }
}
