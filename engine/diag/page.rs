//! The page about each code: Markdown under `pages/`, one file each, compiled in.

use super::Code;

// `PAGES: &[(&str, &str)]`, number and text in the order of the numbers: every file under `pages/`.
include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// What there is to read about a code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The whole page, in Markdown.
    pub text: &'static str,
    /// What is wrong when it is told.
    pub means: &'static str,
    /// Why it is told at all.
    pub matters: &'static str,
    /// An example that is wrong, without its fence.
    pub wrong: &'static str,
    /// The same as it should be, without its fence.
    pub right: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

impl Code {
    /// Returns the page about the code.
    pub fn page(self) -> Page {
        let name = self.to_string();
        // A test insists on a page for each code and on its sections; without one there is nothing to read.
        let Ok(index) = PAGES.binary_search_by_key(&name.as_str(), |(number, _)| number) else {
            return Page::default();
        };
        let text = PAGES[index].1;
        Page {
            text,
            means: section(text, "What it means"),
            matters: section(text, "Why it matters"),
            wrong: unfenced(section(text, "Wrong")),
            right: unfenced(section(text, "Right")),
            advice: section(text, "What to do"),
        }
    }
}

/// Returns what stands under a heading, up to the next one.
fn section(text: &'static str, heading: &str) -> &'static str {
    let Some(at) = text.find(&format!("\n## {heading}\n")) else { return "" };
    let rest = text[at..].split_once(heading).map_or("", |(_, rest)| rest);
    rest.find("\n## ").map_or(rest, |end| &rest[..end]).trim()
}

/// Returns a block of code without the lines around it.
fn unfenced(block: &'static str) -> &'static str {
    let inside = block.strip_prefix("```").and_then(|rest| rest.strip_suffix("\n```"));
    inside.and_then(|rest| rest.split_once('\n')).map_or(block, |(_, code)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_with_all_sections_and_nothing_else() {
        assert_eq!(PAGES.len(), Code::ALL.len());
        for code in Code::ALL {
            let page = code.page();
            let headings: Vec<&str> = page.text.lines().filter(|line| line.starts_with('#')).collect();
            let first = format!("# {code} {}", code.name());
            let own = code.to_string();
            // The example of an empty file is a comment.
            let headings: Vec<&str> =
                headings.into_iter().filter(|line| *line != page.wrong || own != "RB0007").collect();
            assert_eq!(
                headings,
                [
                    first.as_str(),
                    "## What it means",
                    "## Why it matters",
                    "## Wrong",
                    "## Right",
                    "## What to do"
                ],
                "{code}"
            );
            for part in [page.means, page.matters, page.wrong, page.right, page.advice] {
                assert!(part.len() > 7 && !part.contains("```"), "{code}: {part:?}");
            }
            assert!(page.text.lines().all(|line| line.chars().count() <= 120), "{code}");
        }
    }
}
