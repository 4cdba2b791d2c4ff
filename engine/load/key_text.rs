//! What there is to read about each key: Markdown under `keys/`, one file for each table, compiled in.
//!
//! The tables of [`super::keys`] hold one sentence a key, which is enough for a message. What somebody who writes a
//! first runbook wants to know stands here, for the reference and for editors. Rejected: a field of
//! [`Spec`](super::keys::Spec): prose in string literals is neither read nor mended.

use super::keys::Table;

// `KEYS: &[(&str, &str)]`, name and text in the order of the names: every file under `keys/`.
include!(concat!(env!("OUT_DIR"), "/keys.rs"));

impl Table {
    /// Returns the name of the table in addresses: `step`, `var-or-param`.
    pub fn slug(&self) -> String {
        let bare = self.what.trim_start_matches("a ").trim_start_matches("an ").replace('`', "");
        bare.replace(' ', "-")
    }

    /// Returns what is said of the map as a whole; empty where nothing is.
    pub fn about(&self) -> &'static str {
        let Some(text) = text_of(&self.slug()) else { return "" };
        let body = text.split_once('\n').map_or("", |(_, body)| body);
        body.find("\n## ").map_or(body, |end| &body[..end]).trim()
    }

    /// Returns what there is to read about one of its keys, besides its sentence, with the slug of the table where it
    /// stands: keys that many maps share are told in one place.
    pub fn more(&self, key: &str) -> Option<(String, &'static str)> {
        let places = [self.slug(), "command".to_owned(), "step".to_owned()];
        places.into_iter().find_map(|slug| {
            let text = section(text_of(&slug)?, key)?;
            Some((slug, text))
        })
    }
}

fn text_of(slug: &str) -> Option<&'static str> {
    let index = KEYS.binary_search_by_key(&slug, |(name, _)| name).ok()?;
    Some(KEYS[index].1)
}

/// Returns what stands under a heading, up to the next one.
fn section(text: &'static str, key: &str) -> Option<&'static str> {
    let heading = format!("\n## {key}\n");
    let rest = &text[text.find(&heading)? + heading.len()..];
    Some(rest.find("\n## ").map_or(rest, |end| &rest[..end]).trim())
}

#[cfg(test)]
mod tests {
    use super::super::keys::tables;
    use super::*;

    #[test]
    fn every_key_has_a_text() {
        let mut missing = Vec::new();
        for table in tables() {
            for spec in table.keys() {
                if table.more(spec.name).is_none_or(|(_, text)| text.is_empty()) {
                    missing.push(format!("`## {}` in engine/load/keys/{}.md", spec.name, table.slug()));
                }
            }
        }
        assert!(missing.is_empty(), "write for who meets the key first:\n{}", missing.join("\n"));
    }

    #[test]
    fn every_text_belongs_to_a_key() {
        let known: Vec<(String, &Table)> = tables().into_iter().map(|table| (table.slug(), table)).collect();
        for (slug, text) in KEYS {
            let table = known.iter().find(|(known, _)| known == slug).map(|(_, table)| *table);
            let table = table.unwrap_or_else(|| panic!("engine/load/keys/{slug}.md: there is no such table"));
            for key in text.lines().filter_map(|line| line.strip_prefix("## ")) {
                assert!(table.get(key).is_some(), "engine/load/keys/{slug}.md: there is no key `{key}`");
            }
        }
    }
}
