//! `runbook explain`: what a code means, and what to do about it.

use serde_json::{Value, json};

use crate::cli::args::{Explain, Form, Format};
use crate::cli::console::{Console, markdown, wrapped};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::diag::{Code, Severity, near};
use crate::report::Role;

/// Writes the page about a code, or the list of all codes, to stdout.
///
/// # Errors
///
/// When there is no such code.
pub fn run(explain: &Explain, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let code = explain.code.as_deref().map(meant).transpose()?;
    match (code, settings.form, settings.format) {
        (Some(code), Form::Json, _) => console.json(&page_as_json(code))?,
        (Some(code), _, Some(Format::Md)) => console.print(code.page().text)?,
        (Some(code), ..) => console.print(&page(code, console))?,
        (None, Form::Json, _) => {
            let codes: Vec<Value> = Code::ALL.iter().map(|code| in_short(*code)).collect();
            console.json(&json!({ "version": 1, "codes": codes }))?;
        }
        (None, _, Some(Format::Md)) => console.print(&list_as_markdown())?,
        (None, ..) => console.print(&list(console))?,
    }
    Ok(Exit::Good)
}

/// Returns the code that was typed: `RB0101`, `rb101`, `101` or `unknown-key`.
fn meant(typed: &str) -> Result<Code, CliError> {
    let word = typed.trim().to_lowercase();
    let digits = word.strip_prefix("rb").unwrap_or(&word);
    let number = digits.parse::<u16>().ok().filter(|_| !digits.starts_with('+'));
    let found = Code::ALL.iter().find(|code| Some(code.number()) == number || code.name() == word);
    found.copied().ok_or_else(|| {
        let message = format!("there is no code `{typed}`");
        let names = Code::ALL.iter().map(|code| code.name());
        match near(&word, names).filter(|_| number.is_none()) {
            Some(name) => CliError::usage_with(message, format!("did you mean `runbook explain {name}`?")),
            None => CliError::usage_with(message, "`runbook explain` lists them all"),
        }
    })
}

fn role(severity: Severity) -> Role {
    match severity {
        Severity::Error => Role::Failure,
        Severity::Warning => Role::Person,
        Severity::Note => Role::Active,
    }
}

fn page(code: Code, console: Console) -> String {
    let page = code.page();
    let paint = console.out;
    let severity = paint.paint(role(code.severity()), code.severity().name());
    let mut text = format!("{} {}, {severity}\n", paint.paint(Role::Strong, &code.to_string()), code.name());
    text.push_str(&markdown(code.title(), console.width, 0));
    let mut part = |heading: &str, body: String| {
        text.push_str(&format!("\n{}\n{body}", paint.paint(Role::Strong, heading)));
    };
    let example =
        |code: &str| code.lines().map(|line| format!("    {line}").trim_end().to_owned() + "\n").collect();
    part("What it means", markdown(page.means, console.width, 2));
    part("Why it matters", markdown(page.matters, console.width, 2));
    part("Wrong", example(page.wrong));
    part("Right", example(page.right));
    part("What to do", markdown(page.advice, console.width, 2));
    text
}

fn in_short(code: Code) -> Value {
    json!({
        "code": code.to_string(),
        "name": code.name(),
        "severity": code.severity().name(),
        "group": code.group(),
        "title": code.title(),
    })
}

fn page_as_json(code: Code) -> Value {
    let page = code.page();
    let mut whole = in_short(code);
    whole["version"] = json!(1);
    whole["means"] = json!(page.means);
    whole["matters"] = json!(page.matters);
    whole["wrong"] = json!(page.wrong);
    whole["right"] = json!(page.right);
    whole["advice"] = json!(page.advice);
    whole
}

/// Returns the codes of each group, in the order of the numbers.
fn groups() -> Vec<(&'static str, Vec<Code>)> {
    let mut groups: Vec<(&str, Vec<Code>)> = Vec::new();
    for code in Code::ALL {
        match groups.last_mut() {
            Some((group, codes)) if *group == code.group() => codes.push(*code),
            _ => groups.push((code.group(), vec![*code])),
        }
    }
    groups
}

fn list(console: Console) -> String {
    let widest = Code::ALL.iter().map(|code| code.name().len()).max().unwrap_or(0);
    let mut text = String::new();
    for (group, codes) in groups() {
        text.push_str(&format!("{}\n", console.out.paint(Role::Strong, group)));
        for code in codes {
            let number = console.out.paint(role(code.severity()), &code.to_string());
            // Two blanks, six columns of number, and two blanks on either side of the name.
            let column = widest + 12;
            let title = match code.severity() {
                Severity::Error => code.title().to_owned(),
                milder => format!("{} ({})", code.title(), milder.name()),
            };
            let title = wrapped(&title, console.width, column);
            text.push_str(&format!("  {number}  {:widest$}  {}", code.name(), title.trim_start()));
        }
        text.push('\n');
    }
    text + "`runbook explain CODE` tells what one means and what to do.\n"
}

fn list_as_markdown() -> String {
    let mut text = "# Codes\n".to_owned();
    for (group, codes) in groups() {
        text.push_str(&format!("\n## {group}\n\n| code | name | | meaning |\n| --- | --- | --- | --- |\n"));
        for code in codes {
            let severity = code.severity().name();
            text.push_str(&format!("| {code} | `{}` | {severity} | {} |\n", code.name(), code.title()));
        }
    }
    text
}
