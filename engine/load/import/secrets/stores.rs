//! Secrets in commands that put one where it is kept, and in others that take one under an option of any name.

use super::super::looks::name;
use super::super::values::is_secret;
use super::names::Found;
use super::texts::strings_of_json;

type Word<'l> = (usize, &'l str);

/// Programs of Samba that take `-U user%password`.
const SAMBA: [&str; 6] = ["net", "rpcclient", "smbcacls", "smbclient", "smbget", "wbinfo"];

/// Returns the secrets in the words of a line, taken command by command.
pub(super) fn found(words: &[Word<'_>]) -> Vec<Found> {
    let mut found = Vec::new();
    for command in words.split(|(_, word)| word.starts_with([';', '|', '&', '(', ')'])) {
        let assigns = |word: &str| word.split_once('=').is_some_and(|(name, _)| !name.starts_with('-'));
        let before = |word: &str| assigns(word) || matches!(word, "sudo" | "time" | "env" | "nohup");
        let Some(at) = command.iter().position(|(_, word)| !before(word)) else { continue };
        let rest = &command[at + 1..];
        let has = |wanted: &str| rest.iter().any(|(_, word)| bare(word) == wanted);
        match name(bare(command[at].1)) {
            "aws" => {
                for (place, value) in given(rest, &["--secret-string", "--secret-binary"]) {
                    add(&mut found, place, value, "secret-string");
                }
                let plain = |(_, value): (usize, &str)| matches!(value, "String" | "StringList");
                if has("put-parameter") && !given(rest, &["--type"]).into_iter().any(plain) {
                    for (place, value) in given(rest, &["--value"]) {
                        add(&mut found, place, value, "parameter-secret");
                    }
                }
            }
            "kubectl" | "oc" if has("create") && has("secret") => {
                for (place, value) in given(rest, &["--from-literal"]) {
                    if let Some((key, value)) = value.split_once('=') {
                        add(&mut found, place + key.len() + 1, value, &called(key));
                    }
                }
            }
            "kubectl" | "oc" if has("patch") && rest.iter().any(|(_, word)| is_of_secret(word)) => {
                for (place, value) in given(rest, &["-p", "--patch"]) {
                    patch(&mut found, place, value);
                }
            }
            "openssl" => {
                for (place, value) in given(rest, &["-k", "-K"]) {
                    add(&mut found, place, value, "ssl-password");
                }
                for (place, value) in given(rest, &["-pass"]) {
                    if let Some(value) = value.strip_prefix("pass:") {
                        add(&mut found, place + "pass:".len(), value, "ssl-password");
                    }
                }
            }
            program if SAMBA.contains(&program) => {
                let joined = rest.iter().filter_map(|(place, word)| {
                    Some((place + "-U".len(), bare(word).strip_prefix("-U").filter(|who| !who.is_empty())?))
                });
                for (place, value) in given(rest, &["-U", "--user"]).into_iter().chain(joined) {
                    if let Some((who, value)) = value.split_once('%') {
                        add(&mut found, place + who.len() + 1, value, "smb-password");
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// Returns what options are given, each with its place: `--value X`, `--value=X`.
fn given<'l>(words: &[Word<'l>], options: &[&str]) -> Vec<Word<'l>> {
    let mut given = Vec::new();
    let mut last = "";
    for (at, word) in words {
        if options.contains(&last) {
            given.push(inside(*at, word));
        } else if let Some((option, value)) = word.split_once('=')
            && options.contains(&option)
        {
            given.push(inside(at + option.len() + 1, value));
        }
        last = word;
    }
    given
}

/// Returns a word without the quotes around it, and where that begins.
fn inside(at: usize, word: &str) -> (usize, &str) {
    let begun = word.trim_start_matches(['"', '\'']);
    (at + word.len() - begun.len(), begun.trim_end_matches(['"', '\'']))
}

fn bare(word: &str) -> &str {
    inside(0, word).1
}

fn is_of_secret(word: &str) -> bool {
    let kind = bare(word).split('/').next().unwrap_or_default();
    matches!(kind, "secret" | "secrets")
}

/// Returns the words for a value of that key; what is kept as a secret is one, whatever it is called.
fn called(key: &str) -> String {
    let key: String =
        inside(0, key).1.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    if is_secret(&key) { key } else { format!("{key}-secret") }
}

fn add(found: &mut Vec<Found>, at: usize, value: &str, called: &str) {
    let (at, value) = inside(at, value);
    // What is filled in, what the shell knows, and files.
    let other = value.is_empty()
        || value.starts_with(['$', '<', '`'])
        || value.starts_with("file://")
        || value.starts_with("fileb://")
        || value.starts_with("{{")
        || value.contains("$(")
        || value.starts_with(['{', '[']) && value.contains('$');
    if !other {
        found.push(Found { range: at..at + value.len(), called: called.to_owned(), ends: true });
    }
}

/// Takes the values out of a patch of a secret; the whole of one that is no JSON.
fn patch(found: &mut Vec<Found>, at: usize, value: &str) {
    if !value.starts_with(['{', '[']) {
        add(found, at, value, "patch-secret");
        return;
    }
    let structure = ["op", "path", "from", "type", "kind", "apiVersion", "name", "namespace"];
    for (key, range) in strings_of_json(value) {
        if !structure.contains(&key.as_str()) {
            add(found, at + range.start, &value[range], &called(&key));
        }
    }
}
