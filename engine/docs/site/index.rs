//! The pages that lead to the others: runbooks by platform, tag and owner; step templates by tool.

use std::collections::BTreeMap;

use super::page::{Block, Inline, Page, Section, Table, Target, anchor, listed, text};
use super::steps::{to_runbook, to_template};
use crate::docs::Kind;
use crate::model::{Runbook, StepTemplate};

/// What an index tells of a runbook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    name: String,
    title: String,
    summary: String,
    owner: Option<String>,
    tags: Vec<String>,
    does: &'static str,
    broken: bool,
}

/// What an index tells of a step template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedStep {
    name: String,
    summary: String,
}

impl Listed {
    /// Returns what an index tells of a runbook.
    pub fn of(runbook: &Runbook) -> Listed {
        let kinds: Vec<Kind> = runbook.steps.iter().map(Kind::of).collect();
        let does = match kinds {
            kinds if kinds.contains(&Kind::Irreversible) => "changes; not all can be undone",
            kinds if kinds.contains(&Kind::Change) => "changes",
            _ => "looks",
        };
        Listed {
            name: runbook.name.clone(),
            title: runbook.title.clone(),
            summary: runbook.summary.trim().to_owned(),
            owner: runbook.owner.clone(),
            tags: runbook.tags.clone(),
            does,
            broken: false,
        }
    }

    /// Returns what an index tells of a runbook that can't be read: left out it would look as if there were none.
    pub fn broken(name: &str) -> Listed {
        Listed { name: name.to_owned(), broken: true, ..Listed::default() }
    }
}

impl ListedStep {
    /// Returns what an index tells of a step template.
    pub fn of(template: &StepTemplate) -> ListedStep {
        ListedStep { name: template.name.clone(), summary: template.summary.trim().to_owned() }
    }
}

/// Returns the index of the runbooks.
pub fn runbooks_page(all: &[Listed], steps: bool) -> Page {
    let mut platforms: BTreeMap<&str, Vec<&Listed>> = BTreeMap::new();
    let mut tags: BTreeMap<&str, Vec<&Listed>> = BTreeMap::new();
    let mut owners: BTreeMap<&str, Vec<&Listed>> = BTreeMap::new();
    for one in all {
        let platform = one.name.split_once('/').map_or("", |(platform, _)| platform);
        platforms.entry(platform).or_default().push(one);
        one.tags.iter().for_each(|tag| tags.entry(tag).or_default().push(one));
        if !one.broken {
            owners.entry(one.owner.as_deref().unwrap_or("nobody")).or_default().push(one);
        }
    }
    let mut body = Vec::new();
    if steps {
        let to = Target::Page("steps".to_owned(), None);
        let link = Inline::Link { text: "step templates".to_owned(), code: false, to };
        body.push(Block::Text(vec![text("What they are made of: the "), link, text(".")]));
    }
    let by_platform = platforms.into_iter().map(|(platform, runbooks)| {
        let title = if platform.is_empty() { "elsewhere" } else { platform };
        Section::new(&anchor("platform", title), title, vec![table(&runbooks)]).into()
    });
    body.push(Section::new("platforms", "By platform", by_platform.collect()).into());
    if !tags.is_empty() {
        body.push(Section::new("tags", "By tag", vec![grouped(tags)]).into());
    }
    if !owners.is_empty() {
        body.push(Section::new("owners", "By owner", vec![grouped(owners)]).into());
    }
    Page { place: "runbooks".to_owned(), title: "Runbooks".to_owned(), body, ..Page::default() }
}

fn table(runbooks: &[&Listed]) -> Block {
    let rows = runbooks.iter().map(|one| {
        let told = match (one.broken, one.summary.is_empty()) {
            (true, _) => vec![Inline::Strong("can't be read: runbook check tells why".to_owned())],
            (false, true) => vec![text(one.title.clone())],
            (false, false) => {
                vec![Inline::Strong(format!("{}.", one.title)), text(format!(" {}", one.summary))]
            }
        };
        vec![vec![to_runbook(&one.name)], told, vec![text(one.does)], vec![text(one.tags.join(", "))]]
    });
    Block::Table(Table { head: vec!["runbook", "what it is for", "does", "tags"], rows: rows.collect() })
}

fn grouped(groups: BTreeMap<&str, Vec<&Listed>>) -> Block {
    let line = |(name, runbooks): (&str, Vec<&Listed>)| {
        (name.to_owned(), listed(runbooks.iter().map(|one| to_runbook(&one.name))))
    };
    Block::Facts(groups.into_iter().map(line).collect())
}

/// Returns the index of the step templates.
pub fn steps_page(all: &[ListedStep]) -> Page {
    let mut tools: BTreeMap<&str, Vec<&ListedStep>> = BTreeMap::new();
    for one in all {
        tools.entry(one.name.split('/').next().unwrap_or_default()).or_default().push(one);
    }
    let intro = vec![
        text("Each is used in a runbook by "),
        Inline::Code("uses: NAME".to_owned()),
        text("; "),
        Inline::Code("runbook show NAME".to_owned()),
        text(" shows its page at the terminal."),
    ];
    let mut body = vec![Block::Text(intro)];
    for (tool, steps) in tools {
        let rows =
            steps.iter().map(|one| vec![vec![to_template(&one.name)], vec![text(one.summary.clone())]]);
        let table = Table { head: vec!["template", "what it does"], rows: rows.collect() };
        body.push(Section::new(&anchor("tool", tool), tool, vec![Block::Table(table)]).into());
    }
    Page { place: "steps".to_owned(), title: "Step templates".to_owned(), body, ..Page::default() }
}
