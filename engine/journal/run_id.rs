//! A run's id: short enough to type, unique in its journal.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Crockford's base 32, lower case: no `i`, `l`, `o`, `u`, so nothing in it is read aloud two ways.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// How many characters follow the `r`: 35 random bits. Two of ten thousand runs meet with a chance of one in
/// seven hundred; the primary key finds it and another id is drawn.
const LENGTH: usize = 7;

/// The id of a run: `r` and seven characters of Crockford's base 32.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct RunId(String);

impl TryFrom<String> for RunId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<RunId, &'static str> {
        RunId::parse(&text).ok_or("no run has such an id")
    }
}

impl RunId {
    /// Draws a new id.
    pub(super) fn draw() -> RunId {
        // A version 7 uuid begins with the time, so that its own characters would look alike in one minute, just when
        // two ids are typed side by side. Its hash is spread evenly.
        let spread = Sha256::digest(uuid::Uuid::now_v7().as_bytes());
        let mut text = String::with_capacity(LENGTH + 1);
        text.push('r');
        text.extend(spread[..LENGTH].iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])));
        RunId(text)
    }

    /// Returns the id that `text` is, when it has an id's form; it need not exist.
    pub fn parse(text: &str) -> Option<RunId> {
        let text = normalise(text)?;
        (text.len() == LENGTH + 1).then_some(RunId(text))
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns `text` as the beginning of an id would be written, or nothing when no id can begin like that. Upper case
/// and the letters that Crockford's base 32 leaves out are read as what was meant.
pub(super) fn normalise(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for (place, c) in text.trim().chars().enumerate() {
        let c = match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            c => c,
        };
        let fits = if place == 0 { c == 'r' } else { c.is_ascii() && ALPHABET.contains(&(c as u8)) };
        if !fits || place > LENGTH {
            return None;
        }
        out.push(c);
    }
    (!out.is_empty()).then_some(out)
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for RunId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn drawn_ids_have_the_form_and_differ_from_their_first_characters_on() {
        let ids: Vec<RunId> = (0..200).map(|_| RunId::draw()).collect();
        for id in &ids {
            assert_eq!(RunId::parse(id.as_str()).as_ref(), Some(id));
        }
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 200);
        let beginnings: BTreeSet<&str> = ids.iter().map(|id| &id.as_str()[..4]).collect();
        assert!(beginnings.len() > 150, "{} of 200 beginnings differ", beginnings.len());
    }

    #[test]
    fn an_id_is_read_as_it_was_meant() {
        assert_eq!(normalise(" R7KO "), Some("r7k0".to_owned()));
        assert_eq!(normalise("ril"), Some("r11".to_owned()));
        for no in ["", "7k", "r7u", "r../..", "r%", "r12345678", "rünning"] {
            assert_eq!(normalise(no), None, "{no}");
        }
        assert_eq!(RunId::parse("r123456"), None);
    }
}
