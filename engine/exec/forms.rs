//! The spellings in which one secret may turn up in a tool's output.
//!
//! A token leaves a command rarely as it went in: `curl -v` prints it in base64, a URL in a log line has it
//! percent-encoded, a JSON error body has it escaped. Tools differ in the details, so every common dialect is
//! made once, when the redactor is built; a spelling that equals another costs nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::redactor::SHORTEST;

/// How long a base64 middle must be. Shorter ones occur in ordinary output by chance (about one in 64^8 a
/// position at this length), and masking those would make the output unreadable.
const MIDDLE: usize = 8;

/// How long a line of a secret must be to be hidden on its own.
const LINE: usize = 8;

/// How long a piece of a base64 text must be that was broken into lines. Longer than [`MIDDLE`], since every piece from
/// there on is looked for, and the beginning of a key file is that of every key file.
const PIECE: usize = 16;

/// The largest secret whose rarer spellings are looked for: an RSA key of 8192 bits. What is larger is no password, and
/// each place of it would cost a hundred bytes of every search automaton.
const LARGE: usize = 8 << 10;

/// How long the lines are into which tools break base64: PEM and `base64`, MIME.
const WRAPS: [usize; 2] = [64, 76];

/// Adds every spelling of `secret` to `forms`.
pub(super) fn spell(secret: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    one(secret, forms);
    rare(secret, forms);
    // A key of many lines is printed with another indent, or with a time before each line: then only its lines are
    // what they were. Those shorter than LINE (braces, a last rest of base64) tell nothing and are ordinary text.
    let lines = secret.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    for line in lines.filter(|line| line.len() >= LINE && line.len() < secret.len()) {
        one(line, forms);
    }
    // `echo $TOKEN` without quotes: blanks and line ends become one space each, and none at the ends.
    let words: Vec<&[u8]> = secret.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    let spaced = words.join(&b' ');
    if spaced.len() >= SHORTEST && spaced != secret {
        one(&spaced, forms);
    }
    if words.len() > 1 {
        forms.insert(replace(&replace(secret, b"\r\n", b"\n"), b"\n", b"\r\n"));
        forms.insert(replace(secret, b"\r\n", b"\n"));
    }
}

/// The spellings that also a line of a longer secret may have.
fn one(secret: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    forms.insert(secret.to_vec());
    base64(secret, forms);
    percent(secret, forms);
    hex(secret, &[(1, "")], forms);
    if let Ok(text) = std::str::from_utf8(secret) {
        json(text, forms);
        markup(text, forms);
    }
    // What `set -x` and shlex.quote print for a value with a single quote, and CSV and SQL for one with quotes.
    forms.insert(replace(secret, b"'", br"'\''"));
    forms.insert(replace(secret, b"'", br#"'"'"'"#));
    forms.insert(replace(secret, b"'", b"''"));
    forms.insert(replace(secret, b"\"", b"\"\""));
}

/// The rarer spellings of a secret as a whole.
fn rare(secret: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    if secret.len() > LARGE {
        return;
    }
    broken(secret, forms);
    hex(secret, &[(1, " "), (1, ":"), (2, " ")], forms);
    // A login in a document is encoded with the document: its JSON spelling, or its base64 (a pull secret), in base64.
    let mut within = BTreeSet::new();
    base64(secret, &mut within);
    if let Ok(text) = std::str::from_utf8(secret) {
        json(text, &mut within);
        quoted(text, forms);
    }
    for text in within.iter().filter(|text| text.len() >= PIECE) {
        base64(text, forms);
    }
}

/// The whole secret in base64, and what stays the same of it when other bytes stand before and after: three
/// base64 texts are possible, one for each place of the first byte in its group of three.
fn base64(secret: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    for engine in [&STANDARD, &URL_SAFE] {
        forms.insert(engine.encode(secret).into_bytes());
        for before in 0..3 {
            let middle = middle(engine, secret, before);
            if middle.len() >= MIDDLE {
                forms.insert(middle);
            }
        }
    }
}

/// Returns what is the secret's own in a base64 text in which it stands `before` bytes after a group's begin.
fn middle(engine: &impl base64::Engine, secret: &[u8], before: usize) -> Vec<u8> {
    let mut padded = vec![0; before];
    padded.extend_from_slice(secret);
    let text = engine.encode(&padded).into_bytes();
    // A character carries six bits. Those wholly inside the secret are its own; the ones that share
    // bits with a neighbour are not.
    let first = (before * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    text.get(first..end).map(<[u8]>::to_vec).unwrap_or_default()
}

/// The pieces of a base64 text that was broken into lines. Where it breaks depends on what stands before the secret, so
/// the first and the last piece can have any length, and a whole line can be any part of the text.
fn broken(secret: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    for before in 0..3 {
        let text = middle(&STANDARD, secret, before);
        let pieces = PIECE..text.len().min(WRAPS[1]);
        for length in pieces {
            forms.insert(text[..length].to_vec());
            forms.insert(text[text.len() - length..].to_vec());
        }
        for wrap in WRAPS {
            forms.extend(text.windows(wrap).map(<[u8]>::to_vec));
        }
    }
}

/// What shells and languages print for a value so that it can be pasted: `printf %q` and `declare -p`, Python's and
/// Rust's debug forms, YAML in double quotes.
fn quoted(secret: &str, forms: &mut BTreeSet<Vec<u8>>) {
    let bare = |c: char| c.is_alphanumeric() || !c.is_ascii() || "_%+,-./:=@".contains(c);
    let (mut words, mut double) = (String::new(), String::new());
    for c in secret.chars() {
        if !bare(c) {
            words.push('\\');
        }
        words.push(c);
        if "$`\"\\".contains(c) {
            double.push('\\');
        }
        double.push(c);
    }
    forms.extend([words, double].map(String::into_bytes));
    for upper in [false, true] {
        let (mut bytes, mut chars) = (String::new(), String::new());
        for c in secret.chars() {
            match c {
                '\n' | '\r' | '\t' | '\\' => {
                    bytes.extend(c.escape_default());
                    chars.extend(c.escape_default());
                }
                ' '..='~' => {
                    bytes.push(c);
                    chars.push(c);
                }
                _ => {
                    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                        // Writing to a String cannot fail.
                        let _ = if upper {
                            write!(bytes, r"\x{byte:02X}")
                        } else {
                            write!(bytes, r"\x{byte:02x}")
                        };
                    }
                    let code = u32::from(c);
                    let _ = match code {
                        ..=0xff if upper => write!(chars, r"\x{code:02X}"),
                        ..=0xff => write!(chars, r"\x{code:02x}"),
                        0x100..=0xffff if upper => write!(chars, r"\u{code:04X}"),
                        0x100..=0xffff => write!(chars, r"\u{code:04x}"),
                        _ if upper => write!(chars, r"\U{code:08X}"),
                        _ => write!(chars, r"\U{code:08x}"),
                    };
                }
            }
        }
        for text in [bytes, chars] {
            for quote in ["'", "\""] {
                forms.insert(text.replace(quote, &format!("\\{quote}")).into_bytes());
            }
            forms.insert(text.into_bytes());
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
            // A parameter in a parameter: a redirect's URL.
            forms.insert(text.replace('%', "%25").into_bytes());
            forms.insert(text.into_bytes());
        }
    }
}

/// Hexadecimal, as `xxd -p` and digests' debug output write it, with what may stand between two bytes, in both cases; and
/// the lines of `od` and `xxd`, of 16 bytes each.
fn hex(secret: &[u8], ways: &[(usize, &str)], forms: &mut BTreeSet<Vec<u8>>) {
    let mut add = |bytes: &[u8], every: usize, between: &str| {
        let mut text = String::new();
        for (at, byte) in bytes.iter().enumerate() {
            if at > 0 && at % every == 0 {
                text.push_str(between);
            }
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        forms.insert(text.to_uppercase().into_bytes());
        forms.insert(text.into_bytes());
    };
    for &(every, between) in ways {
        add(secret, every, between);
        for line in secret.chunks(16).filter(|line| line.len() >= LINE) {
            add(line, every, between);
        }
    }
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
/// (kubectl, helm, terraform) and PHP's write it; each once more as a string within a string, as kubectl keeps what was
/// applied last.
fn json(secret: &str, forms: &mut BTreeSet<Vec<u8>>) {
    let short = |text: &str| {
        let quoted = serde_json::Value::from(text).to_string();
        quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map(str::to_owned)
    };
    let Some(plain) = short(secret) else { return };
    let go = escape(&plain, false, |c| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'));
    let mut all = vec![go, plain.clone()];
    for upper in [false, true] {
        let ascii = escape(&plain, upper, |c| !c.is_ascii());
        all.push(ascii.replace('/', r"\/"));
        all.push(ascii);
        // The web's careful encoders, which leave nothing that could end a script or an attribute.
        all.push(escape(&plain, upper, |c| !c.is_ascii() || "<>&'/".contains(c)));
    }
    all.push(plain.replace('/', r"\/"));
    forms.extend(all.iter().filter_map(|text| short(text)).map(String::into_bytes));
    forms.extend(all.into_iter().map(String::into_bytes));
}

/// Writes the characters that `odd` picks as JSON `\u` escapes, in UTF-16 units.
fn escape(text: &str, upper: bool, odd: impl Fn(char) -> bool) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if odd(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = if upper { write!(out, r"\u{unit:04X}") } else { write!(out, r"\u{unit:04x}") };
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn replace(text: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
    while at < text.len() {
        if text[at..].starts_with(what) {
            out.extend_from_slice(with);
            at += what.len();
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    out
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
        let forms = forms("hunter2hunter2");
        for wanted in [
            "hunter2hunter2",
            "68756E7465723268756E74657232",
            "68756e7465723268756e74657232",
            "68:75:6e:74:65:72:32:68:75:6e:74:65:72:32",
            "6875 6e74 6572 3268 756e 7465 7232",
            "aHVudGVyMmh1bnRlcjI=",
            "aHVudGVyMmh1bnRlcj",
            "h1bnRlcjJodW50ZXIy",
            "odW50ZXIyaHVudGVyM",
        ] {
            assert!(forms.iter().any(|form| form == wanted), "{wanted} in {forms:?}");
        }
        assert!(forms.iter().all(|form| form.len() >= 14), "none by chance: {forms:?}");
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

    /// What other programs make of a secret, by an encoder of another hand where there is one on every machine.
    #[test]
    fn what_shells_and_languages_make_of_it_is_known() {
        let forms = forms("it's a \"b\\c\" €é/x$y & z");
        for wanted in [
            r#"it\'s\ a\ \"b\\c\"\ €é/x\$y\ \&\ z"#,
            r#"it's a \"b\\c\" €é/x\$y & z"#,
            r#"it\'s a "b\\c" \xe2\x82\xac\xc3\xa9/x$y & z"#,
            r#"it's a \"b\\c\" \u20AC\xE9/x$y & z"#,
            r#"it's a \"b\\c\" \u20ac\u00e9\/x$y & z"#,
            r#"it's a \"b\\c\" €é/x$y \u0026 z"#,
            r#"it's a \\\"b\\\\c\\\" €é/x$y & z"#,
            r#"it''s a "b\c" €é/x$y & z"#,
            "it%2527s%2520a%2520%2522b%255Cc%2522%2520%25E2%2582%25AC%25C3%25A9%252Fx%2524y%2520%2526%2520z",
        ] {
            assert!(forms.iter().any(|form| form == wanted), "{wanted} in {forms:#?}");
        }
    }

    #[test]
    fn a_secret_that_lost_its_blanks_is_known() {
        assert!(forms(" a  b\n c12 ").contains(&"a b c12".to_owned()));
        assert!(forms("ab12\ncd34").contains(&"ab12\r\ncd34".to_owned()));
        assert!(forms("ab12\r\ncd34").contains(&"ab12\ncd34".to_owned()));
    }

    /// However long what stands before it, of a wrapped base64 text only rests shorter than [`PIECE`] are left.
    #[test]
    fn base64_broken_into_lines_is_hidden_line_by_line() {
        let secret: String = (0..150).map(|n| char::from(b'a' + (n * 7 % 26) as u8)).collect();
        let redactor = crate::exec::Redactor::new([("key", &secret)]).unwrap();
        for wrap in [64, 76] {
            for before in 0..90 {
                let text = STANDARD.encode(format!("{}{secret}!", "#".repeat(before)));
                let own = STANDARD.encode("#".repeat(before)).trim_end_matches('=').len();
                let lines: Vec<&[u8]> = text.as_bytes().chunks(wrap).collect();
                let shown = redactor.redact(&lines.join(&b'\n')).into_owned();
                let left = shown.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
                assert!(left <= own + 2 * PIECE + 6, "{before}: {}", String::from_utf8_lossy(&shown));
            }
        }
    }
}
