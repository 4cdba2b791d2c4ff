//! Secrets in commands that put one where it is kept, and in others that take one under an option of any name.

use super::super::looks::name;
use super::super::values::is_secret;
use super::commands::split;
use super::names::Found;
use super::texts::strings_of_json;

type Word<'l> = (usize, &'l str);

/// Programs of Samba that take `-U user%password`.
const SAMBA: [&str; 6] = ["net", "rpcclient", "smbcacls", "smbclient", "smbget", "wbinfo"];

/// How deep commands in the quotes of others are looked into: `ssh host "sudo bash -c '…'"`.
const DEEPEST: usize = 3;

/// Returns the secrets in the words of a line, taken command by command.
pub(super) fn found(words: &[Word<'_>]) -> Vec<Found> {
    let mut found = Vec::new();
    within(&mut found, words, 0, DEEPEST);
    found
}

/// Takes the secrets of words that stand `offset` bytes behind the beginning of their line.
fn within(all: &mut Vec<Found>, words: &[Word<'_>], offset: usize, depth: usize) {
    let mut found = Vec::new();
    for command in words.split(|(_, word)| word.starts_with([';', '|', '&', '(', ')'])) {
        // Whatever stands before it: `sudo -u root`, `then`, `timeout 30`, `docker run --rm`, `kubectl exec x --`.
        let mut told: Vec<&str> = Vec::new();
        for (at, (_, word)) in command.iter().enumerate() {
            if let Some(program) = program(word).filter(|program| !told.contains(program)) {
                told.push(program);
                of_program(&mut found, program, &command[at + 1..]);
            }
        }
    }
    for found in &mut found {
        found.range = found.range.start + offset..found.range.end + offset;
    }
    all.append(&mut found);
    let Some(deeper) = depth.checked_sub(1) else { return };
    for (at, word) in words {
        // `ssh host 'kubectl …'`, `bash -c "…"`
        let Some(open) = word.find(['"', '\'']) else { continue };
        let quote = &word[open..open + 1];
        let end = word.rfind(quote).filter(|end| *end > open).unwrap_or(word.len());
        let inner = &word[open + 1..end];
        if !inner.contains(char::is_whitespace) {
            continue;
        }
        // As long as it was, so that a place in one is that of the other.
        let plain = if quote == "\"" {
            inner.replace("\\\"", " \"").replace('\n', " ")
        } else {
            inner.replace('\n', " ")
        };
        within(all, &split(&plain), offset + at + open + 1, deeper);
    }
}

/// Returns the program that a word is, of those known here; an image is that of the program in it: `amazon/aws-cli:2.1`.
fn program(word: &str) -> Option<&'static str> {
    const KNOWN: [&str; 15] = [
        "aws", "kubectl", "oc", "openssl", "gh", "az", "vault", "fly", "flyctl", "supabase", "doppler",
        "ipmitool", "gcloud", "docker", "podman",
    ];
    let own = name(bare(word)).split(':').next().unwrap_or_default();
    let own = if own == "aws-cli" { "aws" } else { own };
    KNOWN.into_iter().chain(SAMBA).find(|known| *known == own)
}

fn of_program(found: &mut Vec<Found>, program: &str, rest: &[Word<'_>]) {
    let has = |wanted: &str| rest.iter().any(|(_, word)| bare(word) == wanted);
    let mut options = |options: &[&str], called: &str| {
        for (place, value) in given(rest, options) {
            add(found, place, value, called);
        }
    };
    match program {
        "aws" => {
            options(&["--secret-string", "--secret-binary"], "secret-string");
            let plain = |(_, value): Word<'_>| matches!(bare(value), "String" | "StringList");
            if has("put-parameter") && !given(rest, &["--type"]).into_iter().any(plain) {
                options(&["--value"], "parameter-secret");
            }
        }
        "gh" if has("secret") && has("set") => options(&["--body", "-b"], "github-secret"),
        "az" if has("secret") && has("set") => options(&["--value"], "keyvault-secret"),
        "ipmitool" => options(&["-P"], "ipmi-password"),
        "kubectl" | "oc" if has("create") && has("secret") => {
            for (place, value) in given(rest, &["--from-literal"]) {
                pair(found, place, value);
            }
        }
        "kubectl" | "oc" if has("patch") && rest.iter().any(|(_, word)| is_of_secret(word)) => {
            for (place, value) in given(rest, &["-p", "--patch"]) {
                patch(found, place, value);
            }
        }
        "vault" => {
            let kept = |path: &str| path.starts_with("secret/") || path.starts_with("kv/");
            let put = has("kv") && (has("put") || has("patch"))
                || has("write") && rest.iter().any(|(_, word)| kept(bare(word)));
            if put {
                pairs(found, rest);
            }
        }
        "fly" | "flyctl" | "supabase" | "doppler" if has("secrets") && has("set") => pairs(found, rest),
        "openssl" => {
            options(&["-k", "-K"], "ssl-password");
            for (place, value) in given(rest, &["-pass"]) {
                let (place, value) = inside(place, value);
                if let Some(value) = value.strip_prefix("pass:") {
                    add(found, place + "pass:".len(), value, "ssl-password");
                }
            }
        }
        program if SAMBA.contains(&program) => {
            let joined = rest.iter().filter_map(|(place, word)| {
                Some((place + "-U".len(), bare(word).strip_prefix("-U").filter(|who| !who.is_empty())?))
            });
            for (place, value) in given(rest, &["-U", "--user"]).into_iter().chain(joined) {
                let (place, value) = inside(place, value);
                if let Some((who, value)) = value.split_once('%') {
                    add(found, place + who.len() + 1, value, "smb-password");
                }
            }
        }
        _ => {}
    }
}

/// Takes each `key=value` that is no option.
fn pairs(found: &mut Vec<Found>, words: &[Word<'_>]) {
    for (place, word) in words.iter().filter(|(_, word)| !word.starts_with('-')) {
        let file =
            word.split_once('=').is_some_and(|(_, value)| value == "-" || bare(value).starts_with('@'));
        if !file {
            pair(found, *place, word);
        }
    }
}

/// Takes the value of a `key=value`, which may stand in quotes as a whole.
fn pair(found: &mut Vec<Found>, place: usize, word: &str) {
    let Some((key, value)) = word.split_once('=') else { return };
    let quoted = key.starts_with('\'');
    with(found, place + key.len() + 1, value, &called(key), quoted);
}

/// Says whether a command keeps as a secret what it is given at its input.
pub(super) fn reads(words: &[Word<'_>]) -> bool {
    let has = |wanted: &str| words.iter().any(|(_, word)| bare(word) == wanted);
    let input = |word: &str| {
        matches!(word, "-" | "/dev/stdin") || word.ends_with("=-") || word.ends_with("=/dev/stdin")
    };
    let from_input = words.iter().any(|(_, word)| input(bare(word)));
    words.iter().filter_map(|(_, word)| program(word)).any(|program| match program {
        "docker" | "podman" => has("secret") && has("create"),
        "gh" => has("secret") && has("set"),
        "gcloud" => has("secrets") && from_input,
        "kubectl" | "oc" => has("create") && has("secret") && from_input,
        "vault" => (has("put") || has("patch") || has("write")) && from_input,
        "fly" | "flyctl" => has("secrets") && has("import"),
        "aws" | "az" => from_input && words.iter().any(|(_, word)| word.contains("secret")),
        "doppler" => has("secrets") && has("set"),
        _ => false,
    })
}

/// Returns what options are given, each with its place and its quotes: `--value X`, `--value='X'`.
fn given<'l>(words: &[Word<'l>], options: &[&str]) -> Vec<Word<'l>> {
    let mut given = Vec::new();
    let mut last = "";
    for (at, word) in words {
        if options.contains(&last) {
            given.push((*at, *word));
        } else if let Some((option, value)) = word.split_once('=')
            && options.contains(&option)
        {
            given.push((at + option.len() + 1, value));
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
pub(super) fn called(key: &str) -> String {
    let key: String =
        inside(0, key).1.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    if is_secret(&key) { key } else { format!("{key}-secret") }
}

fn add(found: &mut Vec<Found>, at: usize, value: &str, called: &str) {
    with(found, at, value, called, false);
}

/// Takes a value, if it is one: in single quotes, its own or those `quoted` around it, `$` is a letter as any other.
fn with(found: &mut Vec<Found>, at: usize, value: &str, called: &str, quoted: bool) {
    let quoted = quoted || value.starts_with('\'');
    let (at, value) = inside(at, value);
    // What is filled in, what the shell knows, and files.
    let known = value.starts_with(['$', '`']) || value.contains("$(");
    let other = value.is_empty()
        || value.starts_with('<')
        || value.starts_with("file://")
        || value.starts_with("fileb://")
        || value.starts_with("{{")
        || known && !quoted;
    if other {
        return;
    }
    if value.starts_with(['{', '[']) && value.contains('$') && !quoted {
        // Some of it the shell knows.
        for (key, range) in strings_of_json(value) {
            if !value[range.clone()].starts_with('$') {
                with(found, at + range.start, &value[range], &self::called(&key), false);
            }
        }
        return;
    }
    found.push(Found { range: at..at + value.len(), called: called.to_owned(), ends: true });
}

/// Takes the values out of a patch of a secret; the whole of one that is no JSON.
fn patch(found: &mut Vec<Found>, at: usize, value: &str) {
    let quoted = value.starts_with('\'');
    let (at, value) = inside(at, value);
    if !value.starts_with(['{', '[']) {
        with(found, at, value, "patch-secret", quoted);
        return;
    }
    let structure = ["op", "path", "from", "type", "kind", "apiVersion", "name", "namespace"];
    for (key, range) in strings_of_json(value) {
        if !structure.contains(&key.as_str()) {
            with(found, at + range.start, &value[range], &called(&key), quoted);
        }
    }
}
