//! Replaces secrets in a stream of bytes that arrives in pieces.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, Input, MatchKind};

use super::forms;

/// What stands in place of a secret.
pub const MASK: &str = "•••";

/// The length in bytes from which a secret can be redacted. Shorter ones occur by chance all over ordinary
/// output, so masking them would hide the output and, by where the masks fall, tell the secret.
pub const SHORTEST: usize = 4;

/// Why a redactor could not be built. The message never holds the secret.
#[derive(Debug, thiserror::Error)]
pub enum RedactorError {
    /// A secret is shorter than [`SHORTEST`] bytes.
    #[error(
        "secret `{name}` is {length} bytes long; it cannot be hidden in output. Use one of at least {SHORTEST} bytes, \
         or declare it as a plain variable"
    )]
    TooShort {
        /// The secret's name.
        name: String,
        /// Its length in bytes, line ends at its end not counted.
        length: usize,
    },
    /// The secrets together are too large for one search automaton.
    #[error("the secrets are too large to search for: {source}")]
    TooLarge {
        /// What the search library says.
        source: aho_corasick::BuildError,
    },
}

/// Hides a set of secrets, and their usual encodings, as [`MASK`]. Cheap to clone; without secrets it passes
/// everything through untouched.
#[derive(Clone, Default)]
pub struct Redactor(Option<Arc<Patterns>>);

struct Patterns {
    search: AhoCorasick,
    /// Sorted, to find by bisection whether some pattern starts with a given tail.
    sorted: Vec<Vec<u8>>,
    /// Which bytes can begin a pattern: rules out nearly every position of a tail at once.
    begins: [bool; 256],
    longest: usize,
}

impl Redactor {
    /// Returns a redactor for the named secrets. Line ends at the end of a secret do not count: a secret read
    /// from a file has one, its use in a command has not. An empty secret is no secret and is skipped.
    ///
    /// # Errors
    ///
    /// When a secret is too short to hide, or all are too large together.
    pub fn new<N: AsRef<str>, S: AsRef<[u8]>>(
        secrets: impl IntoIterator<Item = (N, S)>,
    ) -> Result<Self, RedactorError> {
        let mut patterns = BTreeSet::new();
        for (name, secret) in secrets {
            let secret = without_line_end(secret.as_ref());
            match secret.len() {
                0 => {}
                length if length < SHORTEST => {
                    return Err(RedactorError::TooShort { name: name.as_ref().to_owned(), length });
                }
                _ => forms::spell(secret, &mut patterns),
            }
        }
        if patterns.is_empty() {
            return Ok(Self(None));
        }
        let sorted: Vec<Vec<u8>> = patterns.into_iter().collect();
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&sorted)
            .map_err(|source| RedactorError::TooLarge { source })?;
        let mut begins = [false; 256];
        for first in sorted.iter().filter_map(|pattern| pattern.first()) {
            begins[usize::from(*first)] = true;
        }
        let longest = sorted.iter().map(Vec::len).max().unwrap_or(0);
        Ok(Self(Some(Arc::new(Patterns { search, sorted, begins, longest }))))
    }

    /// Tells whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns a whole text with its secrets hidden; borrowed when it holds none.
    pub fn redact<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        match &self.0 {
            Some(patterns) if patterns.search.is_match(text) => {
                let mut out = Vec::with_capacity(text.len());
                patterns.replace(text, text.len(), &mut out);
                Cow::Owned(out)
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// Returns a whole text with its secrets hidden; borrowed when it holds none.
    pub fn redact_str<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.redact(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // Lossy, because a secret that is not UTF-8 may begin in the middle of a character.
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// Returns the state for one stream that arrives in pieces.
    pub fn stream(&self) -> Redacting {
        Redacting { redactor: self.clone(), held: Vec::new() }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = self.0.as_ref().map_or(0, |patterns| patterns.sorted.len());
        write!(f, "Redactor({patterns} patterns)")
    }
}

/// One stream being redacted. It holds back only the longest tail that can still become a secret, so what a
/// person watches is late by no more than that.
#[derive(Debug)]
pub struct Redacting {
    redactor: Redactor,
    held: Vec<u8>,
}

impl Redacting {
    /// Returns what can be shown after `piece` has arrived. All pieces together, with [`Self::finish`], are what
    /// [`Redactor::redact`] makes of the whole. Without secrets, or when `piece` needs no change, nothing is copied.
    pub fn push<'a>(&mut self, piece: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(patterns) = &self.redactor.0 else { return Cow::Borrowed(piece) };
        if self.held.is_empty() {
            let tail = patterns.tail(piece, 0);
            if !patterns.search.is_match(piece) {
                self.held.extend_from_slice(&piece[tail..]);
                return Cow::Borrowed(&piece[..tail]);
            }
        }
        self.held.extend_from_slice(piece);
        let mut out = Vec::with_capacity(self.held.len());
        let tail = patterns.tail(&self.held, 0);
        let done = patterns.replace(&self.held, tail, &mut out);
        self.held.drain(..done);
        Cow::Owned(out)
    }

    /// Returns what was held back, once nothing more can come.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(patterns) = &self.redactor.0 {
            patterns.replace(&self.held, self.held.len(), &mut out);
            self.held.clear();
        }
        out
    }
}

impl Patterns {
    /// Writes `text` to `out` with the secrets hidden, up to where a secret could still begin (`tail`), and
    /// returns how far it got.
    ///
    /// A match that begins before `tail` is final: had it a longer rival, the rest of the text would be a prefix
    /// of that rival, and the tail would begin there. It may end beyond `tail`; then the search for a tail
    /// starts anew behind it, since secrets do not overlap.
    fn replace(&self, text: &[u8], mut tail: usize, out: &mut Vec<u8>) -> usize {
        let complete = tail == text.len();
        let mut at = 0;
        while let Some(found) = self.search.find(Input::new(text).range(at..)) {
            if found.start() >= tail {
                break;
            }
            out.extend_from_slice(&text[at..found.start()]);
            out.extend_from_slice(MASK.as_bytes());
            at = found.end();
            if at > tail && !complete {
                tail = self.tail(text, at);
            }
        }
        if at < tail {
            out.extend_from_slice(&text[at..tail]);
            at = tail;
        }
        at
    }

    /// Returns where the longest end of `text[from..]` begins that is the beginning of a pattern, and not all of
    /// it; the text's length when there is none.
    fn tail(&self, text: &[u8], from: usize) -> usize {
        let earliest = from.max((text.len() + 1).saturating_sub(self.longest));
        (earliest..text.len())
            .find(|&start| self.begins[usize::from(text[start])] && self.can_grow(&text[start..]))
            .unwrap_or(text.len())
    }

    /// Tells whether some pattern is longer than `start` and begins with it.
    fn can_grow(&self, start: &[u8]) -> bool {
        let next = self.sorted.partition_point(|pattern| pattern.as_slice() <= start);
        self.sorted.get(next).is_some_and(|pattern| pattern.starts_with(start))
    }
}

fn without_line_end(secret: &[u8]) -> &[u8] {
    let end = secret.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
    &secret[..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        Redactor::new(secrets.iter().map(|secret| ("token", secret))).unwrap()
    }

    /// Whole-text replacement the slow way: at each position the longest pattern that fits, else one byte.
    fn oracle(patterns: &BTreeSet<Vec<u8>>, text: &[u8]) -> Vec<u8> {
        let (mut out, mut at) = (Vec::new(), 0);
        while at < text.len() {
            let fits = patterns.iter().filter(|pattern| text[at..].starts_with(pattern));
            match fits.map(Vec::len).max() {
                Some(length) => {
                    out.extend_from_slice(MASK.as_bytes());
                    at += length;
                }
                None => {
                    out.push(text[at]);
                    at += 1;
                }
            }
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn any_cut_equals_the_whole(
            secrets in prop::collection::vec("[ab]{4,9}|[ab/]{4,6}", 1..4),
            text in "[ab/%2F]{0,120}",
            cuts in prop::collection::vec(1usize..20, 1..12),
        ) {
            let redactor = Redactor::new(secrets.iter().map(|secret| ("token", secret))).unwrap();
            let mut patterns = BTreeSet::new();
            for secret in &secrets {
                forms::spell(secret.as_bytes(), &mut patterns);
            }
            let whole = oracle(&patterns, text.as_bytes());
            prop_assert_eq!(&*redactor.redact(text.as_bytes()), &whole[..]);

            let (mut stream, mut out, mut rest) = (redactor.stream(), Vec::new(), text.as_bytes());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, later) = rest.split_at(rest.len().min(*cut));
                out.extend_from_slice(&stream.push(piece));
                rest = later;
            }
            out.extend_from_slice(&stream.finish());
            prop_assert_eq!(out, whole);
        }
    }

    #[test]
    fn only_what_may_become_a_secret_is_held_back() {
        let mut stream = redactor(&["hunter2"]).stream();
        assert_eq!(&*stream.push(b"the password is hunt"), b"the password is ");
        assert_eq!(&*stream.push(b"ing"), b"hunting");
        assert_eq!(&*stream.push(b" or hunter"), b" or ");
        assert_eq!(&*stream.push(b"2!"), "•••!".as_bytes());
        assert_eq!(stream.finish(), b"");
    }

    #[test]
    fn the_longer_secret_wins_over_its_beginning() {
        let mut stream = redactor(&["secret", "secret-longer"]).stream();
        assert_eq!(&*stream.push(b"secret-long"), b"");
        assert_eq!(&*stream.push(b"er."), "•••.".as_bytes());
        assert_eq!(&*stream.push(b"secret-lo"), b"");
        assert_eq!(String::from_utf8(stream.finish()).unwrap(), "•••-lo");
    }

    #[test]
    fn encodings_are_hidden_too() {
        let redactor = redactor(&["pass word/1\n"]);
        for text in [
            "cGFzcyB3b3JkLzE=",
            "dXNlcjpwYXNzIHdvcmQvMQ==",
            "pass%20word%2F1",
            "pass+word%2f1",
            r"pass word\/1",
        ] {
            assert!(redactor.redact_str(text).contains(MASK), "{text}");
        }
    }

    #[test]
    fn nothing_to_hide_copies_nothing() {
        let redactor = redactor(&["", "\n"]);
        assert!(redactor.is_empty());
        assert!(matches!(redactor.stream().push(b"anything"), Cow::Borrowed(b"anything")));
    }

    #[test]
    fn short_secrets_are_refused_without_telling_them() {
        let error = Redactor::new([("pin", "123\n")]).unwrap_err();
        insta::assert_snapshot!(error, @"secret `pin` is 3 bytes long; it cannot be hidden in output. Use one of at least 4 bytes, or declare it as a plain variable");
        assert_eq!(format!("{:?}", Redactor::default()), "Redactor(0 patterns)");
    }
}
