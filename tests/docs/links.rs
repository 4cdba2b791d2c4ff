//! Every relative link of the pages that people read leads to a file that is there, and its anchor to a heading of it, by the rule by
//! which GitHub names headings.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use regex::Regex;

use crate::support::search::files;

/// What a page holds.
#[derive(Debug, Default)]
struct Page {
    anchors: BTreeSet<String>,
    links: Vec<String>,
}

/// Returns a heading as GitHub names it: letters, digits, `-` and `_` stay, blanks become `-`.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn page(text: &str) -> Page {
    let attributes = Regex::new(r#"(?:id|name|href)="([^"]*)""#).expect("the pattern is right");
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut page = Page::default();
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let name = anchor(&heading.take().unwrap_or_default());
                // The second of a name is `name-1`.
                let count = counted.entry(name.clone()).or_default();
                page.anchors.insert(if *count == 0 { name } else { format!("{name}-{count}") });
                *count += 1;
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.to_string());
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                for found in attributes.captures_iter(&html) {
                    match found[0].starts_with("href") {
                        true => page.links.push(found[1].to_owned()),
                        false => drop(page.anchors.insert(found[1].to_owned())),
                    }
                }
            }
            _ => {}
        }
    }
    page
}

/// Returns a path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
        plain
    })
}

/// Returns what is wrong with the links of some pages, which may lead to other files as well.
fn dead(pages: &BTreeMap<PathBuf, Page>, is_there: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut dead = Vec::new();
    for (path, page) in pages {
        for link in &page.links {
            if ["http://", "https://", "mailto:"].iter().any(|scheme| link.starts_with(scheme)) {
                continue;
            }
            let (file, anchor) =
                link.split_once('#').map_or((link.as_str(), None), |(file, at)| (file, Some(at)));
            let file = file.replace("%20", " ");
            let to = match file.is_empty() {
                true => path.clone(),
                false => plain(&path.parent().unwrap_or(Path::new("")).join(&file)),
            };
            if !is_there(&to) {
                dead.push(format!("{}: {link}: no such file", path.display()));
            } else if let (Some(anchor), Some(page)) = (anchor, pages.get(&to))
                && !page.anchors.contains(anchor)
            {
                dead.push(format!("{}: {link}: no such heading", path.display()));
            }
        }
    }
    dead
}

#[test]
fn every_link_and_anchor_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let below = files(&root.join("docs")).into_keys();
    let others = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "runbooks/README.md", "steps/README.md"]
        .into_iter()
        .chain(["benches/README.md", "engine/ARCHITECTURE.md"])
        .map(|name| root.join(name));
    let is_page = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "md");
    let pages: BTreeMap<PathBuf, Page> = below
        .chain(others)
        .filter(is_page)
        .map(|path| {
            let text =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path, page(&text))
        })
        .collect();
    let links: usize = pages.values().map(|page| page.links.len()).sum();
    assert!(pages.len() > 20 && links > 300, "{} pages with {links} links", pages.len());
    let dead = dead(&pages, |path| path.exists());
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn headings_are_named_as_github_names_them() {
    let text = "# What `exec --plan` does, and why?\n\n## Äpfel_und *Birnen*\n\n## Same\n\n## Same\n\n<a id=\"own\"></a>\n\n```\n# none\n[x](#none)\n```\n";
    let page = page(text);
    let wanted = ["own", "same", "same-1", "what-exec---plan-does-and-why", "äpfel_und-birnen"];
    assert_eq!(page.anchors, wanted.map(str::to_owned).into());
    assert!(page.links.is_empty());
}

#[test]
fn a_dead_link_is_found() {
    let pages = BTreeMap::from([
        (
            PathBuf::from("docs/a.md"),
            page("[x](#gone) [y](b.md#here) [z](sub/../b.md#gone) [w](c.md) [v](https://x/#y)"),
        ),
        (PathBuf::from("docs/b.md"), page("# Here\n\n[up](../docs/a.md)")),
    ]);
    let found = dead(&pages, |path| pages.contains_key(path));
    assert_eq!(
        found,
        [
            "docs/a.md: #gone: no such heading",
            "docs/a.md: sub/../b.md#gone: no such heading",
            "docs/a.md: c.md: no such file"
        ]
    );
}
