//! What sensitive steps gave to the run is kept out of spans: it may stand in the commands and the instances of other steps.
//!
//! It is masked on the thread that sends, once for each request: to make the search anew for each span of a large `for_each`
//! would hold up the run. What can't be masked for sure is left out.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

use super::spans::{COMMAND, STEP};

/// Returns a text with what is to be hidden masked.
pub type Hide = Box<dyn Fn(&str) -> String + Send>;

/// Makes what masks these texts; nothing when they are too large. Handed in, since the search and the spellings that it knows
/// are those of the secrets.
pub type Hiding = fn(&BTreeSet<String>) -> Option<Hide>;

/// The length in bytes from which a text is looked for anywhere. A shorter one is in ordinary text by chance; what has it as a
/// word is left out.
const SHORT: usize = 4;

/// What sensitive steps gave to the run so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Given(Arc<Mutex<BTreeSet<String>>>);

impl Given {
    pub(super) fn learn(&self, texts: impl IntoIterator<Item = String>) {
        let texts = texts.into_iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(texts);
    }
}

/// Masks spans.
pub(super) struct Masking {
    given: Given,
    hiding: Hiding,
    /// Of how many texts the rest is made.
    known: usize,
    short: BTreeSet<String>,
    /// Masks the texts, and masks them in what is left of a command without its quotes.
    hides: Option<(Hide, Hide)>,
}

impl fmt::Debug for Masking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masking").field("known", &self.known).finish_non_exhaustive()
    }
}

impl Masking {
    pub(super) fn of(given: Given, hiding: Hiding) -> Masking {
        Masking { given, hiding, known: 0, short: BTreeSet::new(), hides: None }
    }

    /// Masks what was given so far.
    pub(super) fn mask(&mut self, spans: &mut [SpanData]) {
        self.learn();
        if self.known == 0 {
            return;
        }
        for span in spans {
            span.attributes = std::mem::take(&mut span.attributes)
                .into_iter()
                .filter_map(|one| match (&one.value, one.key.as_str()) {
                    (Value::String(text), STEP | COMMAND) => {
                        self.masked(text.as_str()).map(|text| KeyValue::new(one.key.clone(), text))
                    }
                    _ => Some(one),
                })
                .collect();
        }
    }

    fn learn(&mut self) {
        let given = self.given.0.lock().unwrap_or_else(PoisonError::into_inner);
        if given.len() == self.known {
            return;
        }
        self.known = given.len();
        let (short, long): (BTreeSet<String>, BTreeSet<String>) =
            given.iter().cloned().partition(|text| text.len() < SHORT);
        drop(given);
        self.short = short;
        let bare = long.iter().map(|text| bare(text)).filter(|text| text.len() >= SHORT).collect();
        self.hides = (self.hiding)(&long).zip((self.hiding)(&bare));
    }

    /// Returns a text with what was given masked; nothing when some of it would still be in it.
    fn masked(&self, text: &str) -> Option<String> {
        let (hide, hide_bare) = self.hides.as_ref()?;
        let masked = hide(text);
        // The words of a command are quoted as a shell has it, so a value may stand in it that is not there word for word.
        let bare = bare(&masked);
        let words = bare.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
        let left = hide_bare(&bare) != bare || words.into_iter().any(|word| self.short.contains(word));
        (!left).then_some(masked)
    }
}

/// Returns a text without what quotes a word for a shell.
fn bare(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\'' | '"' | '\\' | '$')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hiding(texts: &BTreeSet<String>) -> Option<Hide> {
        let texts = texts.clone();
        (!texts.contains("too large")).then(|| -> Hide {
            Box::new(move |text| texts.iter().fold(text.to_owned(), |text, one| text.replace(one, "•••")))
        })
    }

    fn masked(given: &[&str], text: &str) -> Option<String> {
        let known = Given::default();
        known.learn(given.iter().map(|text| (*text).to_owned()));
        let mut masking = Masking::of(known, hiding);
        masking.learn();
        masking.masked(text)
    }

    #[test]
    fn what_was_given_is_masked_and_what_can_not_be_is_left_out() {
        for (given, text, is) in [
            (&["topsecret", "other"][..], "echo topsecret", Some("echo •••")),
            (&["topsecret\n"], "tell[topsecret]", Some("tell[•••]")),
            (&["it's mine"], r"echo 'it'\''s mine'", None),
            (&["pay $5 now"], r#"echo "pay \$5 now""#, None),
            (&["7"], "kubectl scale --replicas=7", None),
            (&["7"], "kubectl scale --replicas=17", Some("kubectl scale --replicas=17")),
            (&["too large"], "echo", None),
            (&[" \n", "topsecret"], "echo 1", Some("echo 1")),
        ] {
            assert_eq!(masked(given, text).as_deref(), is, "{given:?}: {text}");
        }
    }
}
