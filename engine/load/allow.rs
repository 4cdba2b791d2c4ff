//! Silencing a warning on one line, with a reason: `# allow RB0403: the flags are fixed in this file`.
//!
//! At the end of a line it stands for that line, alone on a line for the next one. Where that line begins a text of
//! several lines it stands for the whole text, since YAML has no comments inside; a script has comments of its own, and
//! there it may stand as well. A list of codes in a file of settings was rejected: it is read by nobody who reads the
//! runbook, and it silences what is written next year.

use std::collections::HashMap;

use super::node::{Node, NodeKind};
use crate::diag::{Code, Diagnostic, Report, Severity, Silenced, Sources, near};
use crate::model::{FileId, Place};

/// One such comment.
#[derive(Clone, Debug)]
pub(super) struct Allow {
    codes: Vec<Code>,
    reason: String,
    /// From `allow` to the end of the reason.
    at: Place,
    /// The lines it stands for, first and last, counted from 1.
    lines: (usize, usize),
    used: bool,
}

/// Finds the comments of a file that was parsed to `node`; those that can't be taken are told. (RB0418)
pub(super) fn read(sources: &Sources, file: FileId, node: &Node, report: &mut Report) -> Vec<Allow> {
    let text = sources.text(file);
    // Files without one are the rule, and a walk over 10,000 steps is not free.
    if !text.lines().any(|line| mark(line).is_some()) {
        return Vec::new();
    }
    let mut scalars = Scalars::default();
    scalars.collect(sources, node, None);
    scalars.texts.sort_unstable();
    let lines: Vec<&str> = text.split('\n').collect();
    // The next line that is no comment, found from the end: a file may hold nothing but comments.
    let mut below: Vec<usize> = (1..=lines.len()).collect();
    for index in (0..lines.len().saturating_sub(1)).rev() {
        if lines[index + 1].trim_start().starts_with('#') {
            below[index] = below[index + 1];
        }
    }
    let (mut found, mut start) = (Vec::new(), 0);
    for (index, line) in lines.iter().enumerate() {
        let begin = start;
        start += line.len() + 1;
        let Some(hash) = mark(line) else { continue };
        if scalars.is_prose(begin + hash) {
            continue;
        }
        let after = &line[hash + 1..];
        let at = begin + hash + 1 + (after.len() - after.trim_start().len());
        let place = Place::new(file, at as u32, (at + after.trim().len()) as u32);
        let Some((codes, reason)) = taken(after.trim(), place, report) else { continue };
        let told = reason.is_empty();
        // After a key whose value begins below, it is about the value.
        let ahead = line[..hash].trim();
        let first = if ahead.is_empty() || ahead.ends_with(':') { below[index] } else { index };
        let begins = if ahead.is_empty() { first } else { index };
        let last = scalars.last_line(begins + 1).max(scalars.last_line(first + 1));
        found.push(Allow { codes, reason, at: place, lines: (begins + 1, last.max(first + 1)), used: told });
    }
    found
}

/// Returns where the `#` of such a comment is.
fn mark(line: &str) -> Option<usize> {
    let starts = line.match_indices('#').map(|(at, _)| at);
    let mut starts = starts.filter(|at| *at == 0 || line[..*at].ends_with([' ', '\t']));
    starts.find(|at| {
        let words = line[at + 1..].trim_start().strip_prefix("allow");
        words
            .filter(|rest| rest.starts_with([' ', '\t']))
            .is_some_and(|rest| meant(first_word(rest)).is_some())
    })
}

fn first_word(text: &str) -> &str {
    text.trim_start().split([',', ':', ' ', '\t', '\r']).next().unwrap_or_default()
}

/// What stands where a code should: a code, or what was surely meant as one. Prose is neither: `# allow time to settle`.
#[derive(Clone, Copy)]
enum Meant {
    Code(Code),
    Name(Code),
    Unknown,
}

fn meant(word: &str) -> Option<Meant> {
    let begins = word.get(..2).is_some_and(|begin| begin.eq_ignore_ascii_case("rb"));
    let digits = word.get(2..).filter(|digits| begins && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(digits) = digits else {
        return Code::ALL.iter().find(|code| code.name() == word).map(|code| Meant::Name(*code));
    };
    let number = digits.parse::<u16>().ok().filter(|_| digits.len() == 4);
    let known = Code::ALL.iter().find(|code| Some(code.number()) == number).copied();
    Some(match known {
        Some(code) if word.starts_with("RB") => Meant::Code(code),
        Some(code) => Meant::Name(code),
        None => Meant::Unknown,
    })
}

/// Returns the codes and the reason of a comment that begins with `allow`, or tells what is wrong with it.
fn taken(comment: &str, place: Place, report: &mut Report) -> Option<(Vec<Code>, String)> {
    let rest = comment.strip_prefix("allow").unwrap_or(comment);
    let (listed, reason) = match rest.split_once(':') {
        Some((listed, reason)) => (listed, reason.trim()),
        None => (rest, ""),
    };
    let wrong =
        |message: String, help: String| Diagnostic::new(Code::BadAllow, message).at(place, "").help(help);
    let (mut codes, mut right) = (Vec::new(), true);
    for word in listed.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
        let diagnostic = match meant(word) {
            Some(Meant::Code(code)) if code.severity() == Severity::Error => wrong(
                format!("`{code}` is an error, and only a warning can be silenced"),
                format!("mend what it says; `runbook explain {code}` tells how"),
            ),
            Some(Meant::Code(code)) => {
                codes.push(code);
                continue;
            }
            Some(Meant::Name(code)) => {
                codes.push(code);
                wrong(
                    format!("a warning is silenced by its number, not as `{word}`"),
                    format!("write `{code}`"),
                )
            }
            Some(Meant::Unknown) => {
                let all: Vec<String> = Code::ALL.iter().map(Code::to_string).collect();
                let like = near(word, all.iter().map(String::as_str)).filter(|_| word.len() != 6);
                let help = like.map(|code| format!("did you mean `{code}`?"));
                wrong(
                    format!("there is no code `{word}`"),
                    help.unwrap_or_else(|| "`runbook explain` lists the codes".to_owned()),
                )
            }
            // Without a colon the reason begins somewhere among the words.
            None if reason.is_empty() => break,
            None => wrong(
                format!("`{}` is no code", super::fields::shortened(word)),
                "the reason follows a colon, as in `allow RB0403: why`".to_owned(),
            ),
        };
        right = false;
        report.push(diagnostic);
    }
    if right && reason.is_empty() {
        right = false;
        let codes: Vec<String> = codes.iter().map(Code::to_string).collect();
        report.push(wrong(
            "a warning is silenced without a reason".to_owned(),
            format!("write `# allow {}: why it is right here`", codes.join(", ")),
        ));
    }
    // Also a comment that was told silences: its warning is mended with it, and need not be told beside.
    (right || !codes.is_empty()).then(|| (codes, if right { reason.to_owned() } else { String::new() }))
}

/// Takes what the comments silence out of the report, and keeps it beside.
pub(super) fn silence(allows: &mut [Allow], sources: &Sources, report: &mut Report) {
    if allows.is_empty() {
        return;
    }
    report.silence(|found| {
        let place = found.place()?;
        let line = sources.start(place).line;
        let covers = |allow: &&mut Allow| {
            allow.at.file == place.file
                && allow.codes.contains(&found.code)
                && (allow.lines.0..=allow.lines.1).contains(&line)
        };
        let allow = allows.iter_mut().find(covers)?;
        allow.used = true;
        Some(Silenced { diagnostic: found.clone(), reason: allow.reason.clone(), at: allow.at })
    });
}

/// Tells the comments of `file` that silence nothing. (RB0419)
pub(super) fn useless(allows: &[Allow], file: FileId, report: &mut Report) {
    for allow in allows.iter().filter(|allow| !allow.used && allow.at.file == file) {
        let codes: Vec<String> = allow.codes.iter().map(Code::to_string).collect();
        report.push(
            Diagnostic::new(
                Code::UselessAllow,
                format!("this silences nothing: no {} is told here", codes.join(" or ")),
            )
            .at(allow.at, "")
            .note("it stands for its own line, or alone on a line for the next one")
            .help("remove it, or move it to the line that the warning points at"),
        );
    }
}

/// Where the texts of a file are.
#[derive(Default)]
struct Scalars {
    /// First byte, one past the last, and whether it is a script.
    texts: Vec<(u32, u32, bool)>,
    /// Those of several lines: the line on which the key stands, and the last one.
    long: HashMap<usize, usize>,
}

impl Scalars {
    fn collect(&mut self, sources: &Sources, node: &Node, key: Option<&super::node::Key>) {
        match &node.kind {
            NodeKind::Map(entries) => {
                entries.iter().for_each(|(key, node)| self.collect(sources, node, Some(key)));
            }
            NodeKind::List(items) => items.iter().for_each(|item| self.collect(sources, item, None)),
            NodeKind::Str(_) => {
                let place = node.place;
                self.texts.push((place.start, place.end, key.is_some_and(|key| key.text == "shell")));
                let text = sources.slice(place);
                if text.trim_end().contains('\n') {
                    let last = sources.start(place).line + text.trim_end().matches('\n').count();
                    let header = match key {
                        Some(key) => sources.start(key.place).line,
                        None => sources.start(place).line.saturating_sub(1),
                    };
                    let known = self.long.entry(header).or_insert(last);
                    *known = last.max(*known);
                }
            }
            _ => {}
        }
    }

    /// Says whether a byte is inside a text that is no script: a `#` there is no comment.
    fn is_prose(&self, byte: usize) -> bool {
        let after = self.texts.partition_point(|(start, ..)| *start as usize <= byte);
        after.checked_sub(1).is_some_and(|index| {
            let (_, end, script) = self.texts[index];
            byte < end as usize && !script
        })
    }

    /// Returns the last line of the text that begins on `line`, or `line` itself.
    fn last_line(&self, line: usize) -> usize {
        self.long.get(&line).copied().unwrap_or(line)
    }
}
