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

/// How long a line of a secret must be to be hidden on its own.
const LINE: usize = 8;

/// Adds every spelling of `secret` to `forms`.
pub(super) fn spell(secret: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    one(secret, forms);
    // A key of many lines is printed with another indent, or with a time before each line: then only its lines are
    // what they were. Those shorter than LINE (braces, a last rest of base64) tell nothing and are ordinary text.
    let lines = secret.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    for line in lines.filter(|line| line.len() >= LINE && line.len() < secret.len()) {
        one(line, forms);
    }
}

fn one(secret: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    forms.insert(secret.to_vec());
    base64(secret, forms);
    percent(secret, forms);
    hex(secret, forms);
    if let Ok(text) = std::str::from_utf8(secret) {
        json(text, forms);
        markup(text, forms);
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

/// Hexadecimal, as `xxd -p` and digests' debug output write it, in both cases.
fn hex(secret: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    let (mut lower, mut upper) = (String::new(), String::new());
    for byte in secret {
        // Writing to a String cannot fail.
        let _ = write!(lower, "{byte:02x}");
        let _ = write!(upper, "{byte:02X}");
    }
    forms.extend([lower, upper].map(String::into_bytes));
}

/// XML and HTML: an error body of S3 or of a proxy holds what was sent, with its quotes escaped in one of the usual
/// ways or not at all.
fn markup(secret: &str, forms: &mut BTreeSet<Vec<u8>>) {
    let body = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    for quote in ["\"", "&quot;", "&#34;"] {
        for apostrophe in ["'", "&#39;", "&#x27;", "&apos;"] {
            forms.insert(body.replace('"', quote).replace('\'', apostrophe).into_bytes());
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
        68756E7465723268756E74657232
        68756e7465723268756e74657232
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
    fn every_long_line_of_a_key_is_hidden_on_its_own() {
        let forms = forms("-----BEGIN KEY-----\r\nMIIEvQIBADANBg\n  kqhkiG9w0BAQEF\nAA==\n");
        for wanted in ["MIIEvQIBADANBg", "kqhkiG9w0BAQEF", "-----BEGIN KEY-----"] {
            assert!(forms.iter().any(|form| form == wanted), "{wanted} in {forms:?}");
        }
        assert!(!forms.iter().any(|form| form == "AA=="), "{forms:?}");
    }

    #[test]
    fn an_xml_error_body_does_not_tell_it() {
        let forms = forms("a<b&\"c'");
        for wanted in ["a&lt;b&amp;&quot;c&#39;", "a&lt;b&amp;\"c'", "613c6226226327"] {
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
