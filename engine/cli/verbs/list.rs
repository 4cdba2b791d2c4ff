//! `runbook list`: the runbooks there are.

use serde_json::json;
use unicode_width::UnicodeWidthStr;

use crate::cli::args::{Form, List};
use crate::cli::book::Books;
use crate::cli::console::{Console, count, one_line};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::load::Entry;
use crate::model::Runbook;
use crate::report::Role;

/// Lists the runbooks by name, those with mistakes included.
///
/// # Errors
///
/// When there is no project.
pub fn run(list: &List, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let books = Books::open(settings)?;
    if list.steps {
        return templates(&books, settings, console);
    }
    let listing = books.project.list();
    for problem in &listing.problems {
        console.say(&format!("{} {problem}", console.err.paint(Role::Person, "warning:")));
    }
    let mut rows = Vec::new();
    for entry in listing.entries {
        let loaded = books.load(&entry);
        let broken = loaded.report.has_errors();
        let runbook = loaded.runbook.unwrap_or_default();
        if list.tag.iter().all(|tag| runbook.tags.contains(tag)) {
            rows.push(Row { entry, runbook, broken });
        }
    }
    match settings.form {
        Form::Json => {
            let runbooks: Vec<_> = rows.iter().map(|row| row.json(&books)).collect();
            console.json(&json!({ "version": 1, "runbooks": runbooks }))?;
        }
        Form::Text => console.print(&table(&rows, console))?,
    }
    if rows.is_empty() {
        console.say(&nothing(&list.tag));
    }
    let broken = rows.iter().filter(|row| row.broken).count();
    if broken > 0 {
        let program = settings.program_here();
        console.say(&format!("{} with mistakes: `{program} check` tells them", count(broken, "runbook")));
    }
    Ok(Exit::Good)
}

/// Lists the step templates, those with mistakes included.
fn templates(books: &Books, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let mut rows = Vec::new();
    for name in books.library.names() {
        let (loaded, file) = books.template(&name);
        let template = loaded.template.filter(|_| !loaded.report.has_errors());
        rows.push((name, template.map(|template| template.summary), file));
    }
    match settings.form {
        Form::Json => {
            let one = |(name, summary, file): &(String, Option<String>, Option<String>)| json!({"name": name, "summary": summary, "file": file, "mistakes": summary.is_none()});
            let templates: Vec<_> = rows.iter().map(one).collect();
            console.json(&json!({ "version": 1, "templates": templates }))?;
        }
        Form::Text => {
            let widest = rows.iter().map(|(name, ..)| name.width()).max().unwrap_or(0);
            let mut text = String::new();
            for (name, summary, file) in &rows {
                let pad = " ".repeat(widest - name.width());
                let summary = match summary {
                    Some(summary) => one_line(summary),
                    None => console.out.paint(Role::Failure, "can't be read"),
                };
                let own = if file.is_some() {
                    console.out.paint(Role::Quiet, "  [of this project]")
                } else {
                    String::new()
                };
                let name = console.out.paint(Role::Strong, name.as_str());
                text.push_str(format!("{name}{pad}  {summary}{own}").trim_end());
                text.push('\n');
            }
            console.print(&text)?;
        }
    }
    Ok(Exit::Good)
}

struct Row {
    entry: Entry,
    runbook: Runbook,
    broken: bool,
}

impl Row {
    fn json(&self, books: &Books) -> serde_json::Value {
        let Runbook { title, summary, owner, tags, source, .. } = &self.runbook;
        json!({
            "name": self.entry.name,
            "file": books.project.relative(&self.entry.path),
            "title": title,
            "summary": summary,
            "owner": owner,
            "tags": tags,
            "source": source,
            "mistakes": self.broken,
        })
    }
}

fn table(rows: &[Row], console: Console) -> String {
    let widest = rows.iter().map(|row| row.entry.name.width()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        let pad = " ".repeat(widest - row.entry.name.width());
        let name = console.out.paint(Role::Strong, row.entry.name.as_str());
        let title = match row.runbook.title.as_str() {
            "" if row.broken => console.out.paint(Role::Failure, "can't be read"),
            title => one_line(title),
        };
        let tags = match row.runbook.tags.as_slice() {
            [] => String::new(),
            tags => console.out.paint(Role::Quiet, &format!("  [{}]", tags.join(", "))),
        };
        text.push_str(format!("{name}{pad}  {title}{tags}").trim_end());
        text.push('\n');
    }
    text
}

fn nothing(tags: &[String]) -> String {
    match tags {
        [] => "no runbooks yet: a runbook is a YAML file under `runbooks/` with the key `runbook`".to_owned(),
        tags => format!(
            "no runbook has the tag {}",
            tags.iter().map(|tag| format!("`{tag}`")).collect::<Vec<_>>().join(" and ")
        ),
    }
}
