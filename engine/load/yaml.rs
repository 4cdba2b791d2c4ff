//! YAML to a tree with places. The only file that knows the YAML library.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, Options, Spanned};

use super::node::{Key, Node, NodeKind};
use super::yaml_error;
use crate::diag::{Code, Diagnostic, Report, Sources};
use crate::model::{FileId, Place};

/// The largest file that is read, in bytes. A runbook has some kilobytes; data tables may have megabytes.
pub const MAX_BYTES: u64 = 16 << 20;

/// How deep maps and lists may stand in each other. Each level takes some 40 KB of stack in a debug build, and worker
/// threads have 2 MB.
pub(super) const MAX_DEPTH: usize = 32;

/// How many values a file may hold, those that aliases repeat included.
pub(super) const MAX_NODES: usize = 2_000_000;

/// How many parts of values aliases may repeat: a runbook needs some dozens, a bomb takes all it is given.
const MAX_REPEATED: usize = 100_000;

fn options() -> Options {
    serde_saphyr::options! {
        // YAML 1.2: `on`, `no` and `yes` are text, and so are `0755` and `1_000`.
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        // Duplicates are told here, with both places.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 3 * MAX_NODES,
            max_recorded_anchor_events: MAX_REPEATED,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_REPEATED,
        },
    }
}

/// Parses the text of `file`, or tells into `report` why it can't be parsed and returns `None`.
///
/// A duplicate key is told and its first value kept.
pub fn parse(sources: &Sources, file: FileId, report: &mut Report) -> Option<Node> {
    let text = sources.text(file);
    let whole = Place::new(file, 0, 0);
    if text.len() as u64 > MAX_BYTES {
        report.push(too_large(sources.path(file), text.len() as u64));
        return None;
    }
    if let Some(at) = text.find('\0') {
        let place = Place::new(file, at as u32, at as u32 + 1);
        report.push(
            Diagnostic::new(Code::YamlSyntax, "the file holds a NUL byte, so it is not a text file")
                .at(place, "NUL byte")
                .help("save the file as UTF-8 text"),
        );
        return None;
    }
    if !text.lines().any(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#') && !matches!(line, "---" | "...")
    }) {
        report.push(Diagnostic::new(Code::EmptyFile, "the file is empty").at(whole, ""));
        return None;
    }
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options()) {
        Ok(spanned) => {
            let mut node = spanned.into_node();
            settle(&mut node, sources, file, report);
            Some(node)
        }
        Err(error) => {
            report.push(yaml_error::explain(&error, sources, file));
            None
        }
    }
}

/// Returns the diagnostic for a file of `bytes` bytes, more than [`MAX_BYTES`].
pub(super) fn too_large(path: &str, bytes: u64) -> Diagnostic {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    Diagnostic::new(
        Code::TooLarge,
        format!("`{path}` has {} MiB; files of at most {} MiB are read", mib(bytes), mib(MAX_BYTES)),
    )
    .help("split the data into several files, or fetch it in a step")
}

/// Gives every place its file, every key its text, and tells duplicate and unusable keys.
fn settle(node: &mut Node, sources: &Sources, file: FileId, report: &mut Report) {
    node.place.file = file;
    match &mut node.kind {
        NodeKind::Number(_) | NodeKind::Str(_) => as_written(node, sources),
        NodeKind::List(items) => items.iter_mut().for_each(|item| settle(item, sources, file, report)),
        NodeKind::Map(entries) => {
            for (key, _) in entries.iter_mut() {
                key.place.file = file;
                if key.text == NOT_TEXT {
                    // The key as written: `1.10` must not become `1.1`.
                    key.text = sources.slice(key.place).to_owned();
                }
            }
            if entries.iter().any(|(key, _)| key.text == NOT_SCALAR) {
                report.push(bad_key(node.place, sources));
                node.kind = NodeKind::Bad;
                return;
            }
            let mut first: HashMap<&str, Place> = HashMap::with_capacity(entries.len());
            let mut twice = Vec::new();
            for (index, (key, _)) in entries.iter().enumerate() {
                match first.get(key.text.as_str()) {
                    Some(known) => {
                        twice.push(index);
                        report.push(
                            Diagnostic::new(
                                Code::DuplicateKey,
                                format!("the key `{}` stands twice in one map", key.text),
                            )
                            .at(key.place, "again here")
                            .also(*known, "first here")
                            .help("remove one of them, or join their values"),
                        );
                    }
                    None => {
                        first.insert(&key.text, key.place);
                    }
                }
            }
            if !twice.is_empty() {
                let mut index = 0;
                entries.retain(|_| {
                    index += 1;
                    twice.binary_search(&(index - 1)).is_err()
                });
            }
            entries.iter_mut().for_each(|(_, value)| settle(value, sources, file, report));
        }
        _ => {}
    }
}

/// Makes text of a number that is not what is written: one that is too large to be held, and `0b11`, which YAML 1.2 knows
/// as text. An account's number of 24 digits must not become `1e+23` on its way into a command.
fn as_written(node: &mut Node, sources: &Sources) {
    let changed = match &node.kind {
        NodeKind::Number(number) => {
            let written = sources.slice(node.place);
            let digits = written.trim_start_matches(['-', '+']);
            let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            // `!!float 3` is written as a whole number and is none.
            let fits =
                written.parse::<i128>().is_ok_and(|it| (i64::MIN.into()..=u64::MAX.into()).contains(&it));
            number.is_f64() && whole && !fits || digits.starts_with("0b") || digits.starts_with("0B")
        }
        // What stands for a number without end may be written in many ways: `1e999` too.
        NodeKind::Str(text) if matches!(text.as_str(), ".inf" | "-.inf" | ".nan") => {
            let written = sources.slice(node.place);
            written.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte))
        }
        _ => false,
    };
    if changed {
        node.kind = NodeKind::Str(sources.slice(node.place).to_owned());
    }
}

/// `{{ name }}` without quotes is a YAML map whose key is a map: by far the commonest reason for such a key.
fn bad_key(map: Place, sources: &Sources) -> Diagnostic {
    let rest = &sources.text(map.file)[map.start as usize..];
    if !rest.starts_with("{{") {
        return Diagnostic::new(Code::BadKey, "a key must be plain text, not a list or a map").at(map, "");
    }
    let line = rest.lines().next().unwrap_or(rest);
    let end = line.rfind("}}").map_or(line.len(), |at| at + 2);
    let written = &line[..end];
    Diagnostic::new(
        Code::BadKey,
        "text that begins with `{{` must stand in quotes, or YAML reads it as a map",
    )
    .at(Place { end: map.start + end as u32, ..map }, "")
    .help(format!("write \"{written}\""))
}

// Stand for keys that are not text until `settle` sees them; NUL can't occur in a document, so neither can these.
const NOT_TEXT: &str = "\0scalar";
const NOT_SCALAR: &str = "\0container";

/// A value on its way from the parser: its parts are nodes already, its own place is known only to [`Spanned`].
struct Raw(NodeKind);

trait IntoNode {
    fn into_node(self) -> Node;
}

impl IntoNode for Spanned<Raw> {
    fn into_node(self) -> Node {
        // Where an alias is used, the place is that of what it stands for: its text is there.
        Node { kind: self.value.0, place: place(self.defined) }
    }
}

pub(super) fn place(location: Location) -> Place {
    let span = location.span();
    let start = span.byte_offset().unwrap_or(0) as u32;
    Place::new(0, start, start.saturating_add(span.byte_len().unwrap_or(0) as u32))
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw(NodeKind::Null))
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw(NodeKind::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw(NodeKind::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw(NodeKind::Number(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw(NodeKind::Number(value.into())))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Raw, E> {
        let number = serde_json::Number::from_f64(value).ok_or_else(|| E::custom("not a number"))?;
        Ok(Raw(NodeKind::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw(NodeKind::Str(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw(NodeKind::Str(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Spanned<Raw>>()? {
            items.push(item.into_node());
        }
        Ok(Raw(NodeKind::List(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<Raw>>()? {
            let text = match key.value.0 {
                NodeKind::Str(text) => text,
                NodeKind::List(_) | NodeKind::Map(_) | NodeKind::Null => NOT_SCALAR.to_owned(),
                _ => NOT_TEXT.to_owned(),
            };
            let value = map.next_value::<Spanned<Raw>>()?;
            entries.push((Key { text, place: place(key.defined) }, value.into_node()));
        }
        if entries.len() > MAX_NODES {
            return Err(A::Error::custom("too many entries"));
        }
        Ok(Raw(NodeKind::Map(entries)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Option<Node>, Sources, Report) {
        let mut sources = Sources::new();
        let file = sources.add("a.yaml", text);
        let mut report = Report::new();
        let node = parse(&sources, file, &mut report);
        (node, sources, report)
    }

    fn codes(text: &str) -> Vec<Code> {
        parsed(text).2.iter().map(|found| found.code).collect()
    }

    fn value(text: &str) -> serde_json::Value {
        let (node, _, report) = parsed(text);
        assert!(report.is_empty(), "{report:?}");
        node.expect("parses").value()
    }

    #[test]
    fn reads_yaml_1_2_and_guesses_no_types() {
        assert_eq!(
            value(
                "\u{feff}a: on\r\nb: 0755\r\nc: 1_000\r\nd: true\r\ne: 3\r\nf: ~\r\n1.10: .inf\r\n"
                    .trim_start_matches('\u{feff}')
            ),
            serde_json::json!({"a": "on", "b": "0755", "c": "1_000", "d": true, "e": 3, "f": null, "1.10": ".inf"})
        );
        assert_eq!(value("plain"), serde_json::json!("plain"));
        assert_eq!(
            value("a: &a {x: 1}\nb: {<<: *a, y: 2}"),
            serde_json::json!({"a": {"x": 1}, "b": {"x": 1, "y": 2}})
        );
    }

    #[test]
    fn a_number_that_can_not_be_held_is_the_text_that_was_written() {
        assert_eq!(
            value(
                "a: [1e999, -1E999, -.INF, 0b11, 123456789012345678901234, -99999999999999999999, 18446744073709551615]"
            ),
            serde_json::json!({"a": ["1e999", "-1E999", "-.INF", "0b11", "123456789012345678901234", "-99999999999999999999", 18_446_744_073_709_551_615_u64]})
        );
        assert_eq!(
            value("a: [\".inf\", '.nan', 1e3, 0o12, +1]"),
            serde_json::json!({"a": [".inf", ".nan", 1e3, 10, 1]})
        );
    }

    #[test]
    fn places_are_bytes_of_the_file() {
        let (node, sources, _) = parsed("ü: \"q\\u00fcx\"\nc: |\n  one\n  two\nd: [1.10]\n");
        let node = node.expect("parses");
        let slice = |key: &str| sources.slice(node.get(key).expect("is there").place);
        assert_eq!((slice("ü"), slice("c")), ("\"q\\u00fcx\"", "one\n  two\n"));
    }

    #[test]
    fn what_is_not_a_document_gets_one_diagnostic() {
        for (text, code) in [
            ("", Code::EmptyFile),
            ("# only this\n---\n", Code::EmptyFile),
            ("a: 1\n---\nb: 2", Code::SeveralDocuments),
            ("a: [1", Code::YamlSyntax),
            ("a:\n\tb: 1", Code::YamlSyntax),
            ("a: {{ x }}", Code::BadKey),
            ("a\0b", Code::YamlSyntax),
            ("a: 1\na: 2", Code::DuplicateKey),
            ("a: !foo x", Code::YamlSyntax),
            ("<<: 3", Code::YamlSyntax),
        ] {
            assert_eq!(codes(text), [code], "{text:?}");
        }
    }

    #[test]
    fn bombs_are_refused() {
        let mut aliases = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for i in 1..12 {
            aliases += &format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(","));
        }
        let steps = (0..10_000).map(|i| format!("{}a:\n", " ".repeat(i % 500))).collect::<String>();
        for bomb in [&"[".repeat(10_000), &"{a: ".repeat(10_000), &"- ".repeat(10_000), &aliases] {
            assert_eq!(codes(bomb), [Code::YamlLimit], "{}", &bomb[..20]);
        }
        assert_eq!(codes(&steps).len(), 1);
        assert_eq!(codes(&"x".repeat(MAX_BYTES as usize + 1)), [Code::TooLarge]);
    }

    #[test]
    fn ten_megabytes_are_read() {
        let text: String = (0..100_000).map(|i| format!("k{i}: {}\n", "long value ".repeat(10))).collect();
        assert!(text.len() > 10 << 20);
        let (node, _, report) = parsed(&text);
        assert!(node.is_some() && report.is_empty());
    }
}
