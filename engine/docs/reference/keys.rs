//! The sections about the keys, from the tables that files are read by.

use super::row;
use crate::load::keys::{Form, Spec, Table, tables};

/// Returns a section for each kind of map.
pub(super) fn sections() -> String {
    let mut text = String::new();
    for table in tables() {
        text.push_str(&section(table));
    }
    text.trim().to_owned()
}

fn section(table: &'static Table) -> String {
    let mut text = format!("\n### Keys of {}\n\n", table.what);
    if !table.about().is_empty() {
        text.push_str(&format!("{}\n\n", table.about()));
    }
    text.push_str("| key | value | |\n| --- | --- | --- |\n");
    let own = table.slug();
    for spec in table.keys() {
        let at = table.more(spec.name).map_or_else(|| own.clone(), |(slug, _)| slug);
        text.push_str(&row(&[&format!("[`{0}`](#{at}-{0})", spec.name), &value(&spec.form), spec.doc]));
    }
    for spec in table.keys() {
        match table.more(spec.name) {
            // Told where it stands first; here the table leads there.
            Some((slug, _)) if slug != own => {}
            more => text.push_str(&key(&own, spec, more.map_or("", |(_, text)| text))),
        }
    }
    text
}

fn key(slug: &str, spec: &Spec, more: &str) -> String {
    let mut text = format!("\n<a id=\"{slug}-{0}\"></a>\n\n**`{0}`**: {1}", spec.name, spec.doc);
    if !more.is_empty() {
        text.push_str(&format!("\n\n{more}"));
    }
    text.push('\n');
    if !more.contains("```") {
        text.push_str(&format!("\n```yaml\n{}\n```\n", spec.example));
    }
    text
}

/// Returns what a value may be, with links to the maps it may hold.
fn value(form: &Form) -> String {
    let of = |table: &Table| {
        let anchor = table.what.replace('`', "").replace(' ', "-");
        format!("[{}](#keys-of-{anchor})", table.what)
    };
    match form {
        Form::Line => "text".to_owned(),
        Form::Text => "text with `{{ … }}`".to_owned(),
        Form::Expr => "expression".to_owned(),
        Form::Duration => "duration".to_owned(),
        Form::Bool => "`true`, `false`".to_owned(),
        Form::Count => "whole number, at least 1".to_owned(),
        Form::Number => "number".to_owned(),
        Form::OneOf(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Form::Names => "list of texts".to_owned(),
        Form::Values => "any value; texts with `{{ … }}`".to_owned(),
        Form::NamedValues => "map of values; texts with `{{ … }}`".to_owned(),
        Form::Data => "any value".to_owned(),
        Form::Command => "text, or list of arguments".to_owned(),
        Form::Texts => "map of texts with `{{ … }}`".to_owned(),
        Form::Exprs => "map of expressions".to_owned(),
        Form::Lines => "map of texts".to_owned(),
        Form::Map(table) => of(table),
        Form::NamedMaps(table) => format!("map, each entry {}", of(table)),
        Form::Maps(table) => format!("list, each entry {}", of(table)),
        Form::Commands => "map of [commands](#keys-of-a-command)".to_owned(),
        Form::ShortMap(table) => format!("text, or {}", of(table)),
    }
}
