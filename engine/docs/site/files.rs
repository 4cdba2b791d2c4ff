//! Where each page is, how pages are linked, and what the files hold.

use std::collections::BTreeMap;

use super::html;
use super::markdown;
use super::page::{Page, Target};

/// What every file that is made says in a comment at its beginning: by this it is known again.
pub const MARK: &str = "Made by `runbook docs";

/// How pages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Markdown.
    Markdown,
    /// HTML.
    Html,
}

/// How the links of one page are written.
#[derive(Clone, Copy, Debug)]
pub struct Links<'a> {
    site: Option<&'a Site>,
    from: &'a str,
}

/// The pages, with where each stands.
#[derive(Clone, Debug)]
pub struct Site {
    form: Form,
    pages: BTreeMap<String, Page>,
    /// Files by place, of what has no page here: an index alone leads to the definitions.
    others: BTreeMap<String, String>,
}

/// The files beside the pages of an HTML site.
const STYLE_FILE: &str = "runbook.css";
const SCRIPT_FILE: &str = "runbook.js";

impl<'a> Links<'a> {
    /// Returns the links of a page that stands alone: only those within it lead anywhere.
    pub(super) fn alone() -> Links<'a> {
        Links { site: None, from: "" }
    }

    /// Returns the address of a target; nothing when it leads nowhere from here.
    pub(super) fn to(&self, target: &Target) -> Option<String> {
        match target {
            Target::Here(id) => Some(format!("#{id}")),
            Target::Page(place, id) => {
                let site = self.site?;
                let file = match site.pages.contains_key(place) {
                    true => path(place, site.form),
                    false => site.others.get(place)?.clone(),
                };
                let id = id.as_ref().map(|id| format!("#{id}")).unwrap_or_default();
                Some(format!("{}{id}", relative(self.from, &file)))
            }
        }
    }

    /// Returns the addresses of the style, the script and the first page; nothing for a page that stands alone.
    pub(super) fn frame(&self) -> Option<[String; 3]> {
        self.site.map(|_| [STYLE_FILE, SCRIPT_FILE, "index.html"].map(|file| relative(self.from, file)))
    }

    /// Returns the way back to the folder of the site: `../../`.
    pub(super) fn root(&self) -> String {
        "../".repeat(self.from.matches('/').count())
    }
}

impl Site {
    /// Returns the site of these pages.
    pub fn new(form: Form, pages: impl IntoIterator<Item = Page>) -> Site {
        let pages = pages.into_iter().map(|page| (page.place.clone(), page)).collect();
        Site { form, pages, others: BTreeMap::new() }
    }

    /// Returns the file that would be an index and the page of a definition at once, and the place of that; on some disks
    /// `Readme` is `README`.
    pub fn clash(&self) -> Option<(String, String)> {
        let of = |place: &str| path(place, self.form).to_lowercase();
        let indexes = ["runbooks", "steps"].map(of);
        let is_index = |place: &str| matches!(place, "runbooks" | "steps");
        let both = self.pages.keys().find(|place| !is_index(place) && indexes.contains(&of(place)));
        both.map(|place| (path(place, self.form), place.clone()))
    }

    /// Lets links to a place without a page lead to this file: a path from the folder of the site.
    pub fn lead(&mut self, place: &str, file: &str) {
        self.others.insert(place.to_owned(), file.to_owned());
    }

    /// Returns the files with their texts, by their paths below the folder. Each says at its beginning which command makes
    /// it: `docs` or `docs --index`.
    pub fn files(&self, command: &str) -> BTreeMap<String, String> {
        let mark = format!("{} {command}`: don't edit.", MARK.strip_suffix(" docs").unwrap_or(MARK));
        let mut files = BTreeMap::new();
        for page in self.pages.values() {
            let path = path(&page.place, self.form);
            let links = Links { site: Some(self), from: &path };
            let text = match self.form {
                Form::Markdown => format!("<!-- {mark} -->\n\n{}", markdown::written(page, &links)),
                Form::Html => html::written(page, &links, Some(&mark)),
            };
            files.insert(path, text);
        }
        if self.form == Form::Html {
            files.insert(STYLE_FILE.to_owned(), format!("/* {mark} */\n{}", html::STYLE));
            let found = self.pages.values().map(|page| (page, path(&page.place, self.form)));
            files.insert(SCRIPT_FILE.to_owned(), format!("/* {mark} */\n{}", html::script(found)));
        }
        files
    }
}

impl Page {
    /// Returns the page on its own: for a terminal or a pipe.
    pub fn alone(&self, form: Form) -> String {
        match form {
            Form::Markdown => markdown::written(self, &Links::alone()),
            Form::Html => html::written(self, &Links::alone(), None),
        }
    }
}

/// Returns the file of a place.
fn path(place: &str, form: Form) -> String {
    match (place, form) {
        ("runbooks", Form::Html) => "index.html".to_owned(),
        ("runbooks" | "steps", Form::Markdown) => format!("{place}/README.md"),
        ("steps", Form::Html) => "steps/index.html".to_owned(),
        (place, Form::Markdown) => format!("{place}.md"),
        (place, Form::Html) => format!("{place}.html"),
    }
}

/// Returns the address of `to` as it is written in `from`; both are paths from the same folder.
fn relative(from: &str, to: &str) -> String {
    let from: Vec<&str> = from.split('/').collect();
    let to: Vec<&str> = to.split('/').collect();
    let shared = from.iter().zip(&to).take(from.len().min(to.len()) - 1).take_while(|(a, b)| a == b).count();
    let mut parts = vec![".."; from.len() - 1 - shared];
    parts.extend(&to[shared..]);
    parts.join("/").replace('%', "%25").replace(' ', "%20").replace('#', "%23").replace('?', "%3F")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_relative() {
        for (from, to, wanted) in [
            ("index.html", "runbooks/a/b.html", "runbooks/a/b.html"),
            ("runbooks/a/b.html", "index.html", "../../index.html"),
            ("runbooks/a/b.html", "runbooks/a/c.html", "c.html"),
            ("runbooks/a/b.html", "runbooks/d.html", "../d.html"),
            ("runbooks/README.md", "runbooks/a b#.yaml", "a%20b%23.yaml"),
            ("a.md", "a.md", "a.md"),
        ] {
            assert_eq!(relative(from, to), wanted, "{from} {to}");
        }
    }
}
