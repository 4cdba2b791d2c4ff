//! The spellings in which one secret may turn up in a tool's output.
//!
//! A token leaves a command rarely as it went in: `curl -v` prints it in base64, a URL in a log line has it
//! percent-encoded, a JSON error body has it escaped. Tools differ in the details, so every common dialect is
//! made once, when the redactor is built; a spelling that equals another costs nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// How long a base64 middle must be. Shorter ones occur in ordinary output by chance (about one in 64^8 a
/// position at this length), and masking those would make the output unreadable.
const MIDDLE: usize = 8;

/// Adds every spelling of `secret` to `forms`.
pub(super) fn spell(secret: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    forms.insert(secret.to_vec());
    base64(secret, forms);
    percent(secret, forms);
    if let Ok(text) = std::str::from_utf8(secret) {
        json(text, forms);
    }
    // What `set -x` and shlex.quote print for a value with a single quote.
    if secret.contains(&b'\'') {
        forms.insert(replace(secret, b'\'', br"'\''"));
        forms.insert(replace(secret, b'\'', br#"'"'"'"#));
    }
}

/// The whole secret in base64, and what stays the same of it when other bytes stand before and after: three
/// base64 texts are possible, one for each place of the first byte in its group of three.
fn base64(secret: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    for engine in [&STANDARD, &URL_SAFE] {
        forms.insert(engine.encode(secret).into_bytes());
        for before in 0..3 {
            let mut padded = vec![0; before];
            padded.extend_from_slice(secret);
            let text = engine.encode(&padded).into_bytes();
            // A character carries six bits. Those wholly inside the secret are its own; the ones that share
            // bits with a neighbour are not.
            let first = (before * 8).div_ceil(6);
            let end = padded.len() * 8 / 6;
            if let Some(middle) = text.get(first..end).filter(|middle| middle.len() >= MIDDLE) {
                forms.insert(middle.to_vec());
            }
        }
    }
}

/// Percent-encoding in the four habits met: nothing but unreserved characters is left alone, `/` too, what
/// JavaScript's `encodeURIComponent` leaves, and HTML forms (a space becomes `+`); each in both cases of hex.
fn percent(secret: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    for keep in [&b"-._~"[..], b"-._~/", b"-._~!'()*", b"-._* "] {
        for upper in [true, false] {
            let mut text = String::new();
            for &byte in secret {
                if byte == b' ' && keep.contains(&b' ') {
                    text.push('+');
                } else if byte.is_ascii_alphanumeric() || keep.contains(&byte) {
                    text.push(char::from(byte));
                } else {
                    // Writing to a String cannot fail.
                    let _ = if upper { write!(text, "%{byte:02X}") } else { write!(text, "%{byte:02x}") };
                }
            }
            forms.insert(text.into_bytes());
        }
    }
}

/// JSON string escapes: as short as allowed, with everything beyond ASCII as `\u`, and the way Go's encoder
/// (kubectl, helm, terraform) and PHP's write it.
fn json(secret: &str, forms: &mut BTreeSet<Vec<u8>>) {
    let quoted = serde_json::Value::from(secret).to_string();
    let Some(short) = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return };
    let go = escape(short, |c| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'));
    let ascii = escape(short, |c| !c.is_ascii());
    forms.insert(short.replace('/', r"\/").into_bytes());
    forms.extend([go, ascii, short.to_owned()].map(String::into_bytes));
}

/// Writes the characters that `odd` picks as JSON `\u` escapes, in UTF-16 units.
fn escape(text: &str, odd: impl Fn(char) -> bool) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if odd(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, r"\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn replace(text: &[u8], byte: u8, with: &[u8]) -> Vec<u8> {
    text.split(|&b| b == byte).collect::<Vec<_>>().join(with)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(secret: &str) -> Vec<String> {
        let mut forms = BTreeSet::new();
        spell(secret.as_bytes(), &mut forms);
        forms.into_iter().map(|form| String::from_utf8(form).unwrap()).collect()
    }

    #[test]
    fn a_plain_word_has_itself_and_base64() {
        insta::assert_snapshot!(forms("hunter2hunter2").join("\n"), @r"
        aHVudGVyMmh1bnRlcj
        aHVudGVyMmh1bnRlcjI=
        h1bnRlcjJodW50ZXIy
        hunter2hunter2
        odW50ZXIyaHVudGVyM
        ");
    }

    #[test]
    fn the_awkward_ones_are_spelled_in_every_dialect() {
        let forms = forms("p/ä \"<'");
        for wanted in ["p/ä \"<'", "p%2F%C3%A4%20%22%3C%27", "p/%c3%a4%20%22%3c%27", "p%2F%C3%A4+%22%3C%27"]
        {
            assert!(forms.iter().any(|form| form == wanted), "{wanted} in {forms:?}");
        }
        for wanted in [r#"p/ä \"<'"#, r#"p\/ä \"<'"#, r#"p/ä \"\u003c'"#, r#"p/\u00e4 \"<'"#, r#"p/ä "<'\''"#]
        {
            assert!(forms.iter().any(|form| form == wanted), "{wanted} in {forms:?}");
        }
    }

    #[test]
    fn base64_middles_are_found_whatever_stands_around() {
        let secret = "s3cr3t-value!";
        let forms = forms(secret);
        for before in ["", "u", "us", "usr", "user:"] {
            for after in ["", "\n", "@h", "@ho"] {
                let text = STANDARD.encode(format!("{before}{secret}{after}"));
                assert!(forms.iter().any(|form| text.contains(form)), "{text}");
            }
        }
    }
}
