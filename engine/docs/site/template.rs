//! The page of a step template: what it is for, what it takes, and what it does before, at and after its command.

use super::page::{Block, Code, Inline, Page, Section, Table, code, spoken, text};
use super::runbook::left_out;
use super::steps::{body_parts, to_runbook};
use super::written_out::{Fill, block};
use crate::docs::{Example, glance};
use crate::load::describe;
use crate::model::StepTemplate;

/// Returns the page of a step template. `examples` are steps that use it.
pub fn step_page(template: &StepTemplate, examples: &[Example]) -> Page {
    let StepTemplate { name, summary, about, params, body: does, .. } = template;
    let mut body = Vec::new();
    if !about.trim().is_empty() {
        body.push(Block::Prose(about.clone()));
    }
    let facts = glance(does).into_iter().map(|(name, value)| (name.to_owned(), vec![text(value)])).collect();
    body.push(Section::new("glance", "At a glance", vec![Block::Facts(facts)]).into());
    if !params.is_empty() {
        let rows = params.iter().map(|param| {
            let help = spoken(param.help.as_deref().unwrap_or_default());
            vec![vec![code(param.name.clone())], spoken(&describe(&param.ty)), vec![left_out(param)], help]
        });
        let head = vec!["param", "type", "when left out", "what it is"];
        body.push(
            Section::new("params", "Params", vec![Block::Table(Table { head, rows: rows.collect() })]).into(),
        );
    }
    let mut happens =
        vec![Block::Text(vec![text("As it is told in the plan: "), code(template.title.src.clone())])];
    happens.extend(body_parts(does));
    if let Some(preview) = &does.preview {
        let mut asked = block(
            "asked by plan --observe: what the tool itself would change",
            &preview.command,
            &Fill::default(),
        );
        asked.notes.extend(
            preview
                .changed
                .as_ref()
                .map(|expr| vec![text("something would change when "), code(expr.0.src.trim())]),
        );
        happens.push(Block::Code(asked));
    }
    body.push(Section::new("happens", "What happens", happens).into());
    if let Some(example) = examples.iter().find(|example| !example.step.is_empty()) {
        let of = Code { language: "yaml", text: example.step.clone(), ..Code::default() };
        let shown =
            vec![Block::Text(vec![text("In "), to_runbook(&example.runbook), text(":")]), Block::Code(of)];
        body.push(Section::new("example", "Example", shown).into());
    }
    let users: Vec<Inline> = examples.iter().map(|example| to_runbook(&example.runbook)).collect();
    if !users.is_empty() {
        let list = users.into_iter().map(|user| vec![user]).collect();
        body.push(Section::new("used", "Used in", vec![Block::List(list)]).into());
    }
    Page {
        place: format!("steps/{name}"),
        name: String::new(),
        title: name.clone(),
        lead: summary.trim().to_owned(),
        tags: does.tools.clone(),
        body,
    }
}
