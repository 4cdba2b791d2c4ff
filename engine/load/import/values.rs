//! What a person fills in: `<pod-name>`, `[pod name]`, `{{ pod }}`, `$POD`, `${POD}`; and the texts around it, written so that
//! the engine takes them as they are.

use std::collections::BTreeSet;

use crate::load::names::RESERVED;

/// Names that every shell has by itself.
const SHELL: [&str; 30] = [
    "BASH",
    "BASHPID",
    "BASH_SOURCE",
    "COLUMNS",
    "EDITOR",
    "EUID",
    "FUNCNAME",
    "HOME",
    "HOSTNAME",
    "IFS",
    "LANG",
    "LINENO",
    "LINES",
    "LOGNAME",
    "OLDPWD",
    "OPTARG",
    "OPTIND",
    "PATH",
    "PIPESTATUS",
    "PPID",
    "PS1",
    "PS4",
    "PWD",
    "RANDOM",
    "REPLY",
    "SECONDS",
    "SHELL",
    "TERM",
    "TMPDIR",
    "USER",
];

/// Something in a command that is filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hole {
    /// `<pod-name>`: the words in it.
    Named(String),
    /// `$POD`: the name of the variable.
    Variable(String),
}

/// A piece of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bit {
    /// As it stands.
    Text(String),
    /// What is filled in, as it was written, and whether a shell would split its value into words.
    Hole { hole: Hole, written: String, splits: bool, quotes: Quotes },
}

/// The quotes that something stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    None,
    Single,
    Double,
}

/// Where the text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// A command: quotes count.
    Command,
    /// A here-document whose variables are filled in.
    Here,
    /// Words, or a here-document that stands as it is: variables are none.
    Words,
}

/// Returns a text in pieces.
pub(super) fn bits(text: &str, within: Within) -> Vec<Bit> {
    let mut bits = Vec::new();
    let mut plain = String::new();
    let (mut single, mut double) = (false, false);
    let mut at = 0;
    let html = text.contains("</");
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if let Some((hole, length)) = hole(rest, plain.chars().next_back(), within, single, html) {
            if !plain.is_empty() {
                bits.push(Bit::Text(std::mem::take(&mut plain)));
            }
            let splits = matches!(hole, Hole::Variable(_)) && within == Within::Command && !double;
            let quotes = match (single, double) {
                (true, _) => Quotes::Single,
                (_, true) => Quotes::Double,
                _ => Quotes::None,
            };
            bits.push(Bit::Hole { hole, written: rest[..length].to_owned(), splits, quotes });
            at += length;
            continue;
        }
        match c {
            '\\' if !single && within != Within::Words => {
                plain.push(c);
                at += 1;
                if let Some(next) = text[at..].chars().next() {
                    plain.push(next);
                    at += next.len_utf8();
                }
                continue;
            }
            '\'' if within == Within::Command && !double => single = !single,
            '"' if within == Within::Command && !single => double = !double,
            _ => {}
        }
        plain.push(c);
        at += c.len_utf8();
    }
    if !plain.is_empty() {
        bits.push(Bit::Text(plain));
    }
    bits
}

/// Returns what is filled in where `rest` begins, and how many bytes it takes.
fn hole(rest: &str, before: Option<char>, within: Within, single: bool, html: bool) -> Option<(Hole, usize)> {
    if let Some(inside) = rest.strip_prefix('<') {
        let end = inside.find(['>', '\n', '<'])?;
        let words = &inside[..end];
        let tag = matches!(
            words,
            "html" | "head" | "body" | "div" | "span" | "script" | "style" | "br" | "hr" | "p" | "ul" | "li"
        );
        let good = !html
            && !tag
            && inside[end..].starts_with('>')
            && before != Some('<')
            && words.len() <= 60
            && words.starts_with(|c: char| c.is_ascii_alphabetic())
            && words.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, ')' | '.'))
            && words.chars().all(|c| c.is_alphanumeric() || " _-./|:,()'".contains(c));
        return good.then(|| (Hole::Named(words.to_owned()), end + 2));
    }
    if let Some(inside) = rest.strip_prefix("{{") {
        let end = inside.find("}}")?;
        let words = inside[..end].trim();
        let good = words.len() <= 40
            && words.starts_with(|c: char| c.is_ascii_alphabetic())
            && words.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
            // Words of the template language of Go.
            && !matches!(words, "end" | "else" | "range" | "with" | "if" | "block" | "define" | "template" | "json");
        return good.then(|| (Hole::Named(words.to_owned()), end + 4));
    }
    if let Some(inside) = rest.strip_prefix('[') {
        let end = inside.find([']', '\n'])?;
        let words = &inside[..end];
        let letters = words.chars().filter(|c| c.is_ascii_alphabetic()).count();
        let parts = words.split(['-', '_', ' ']);
        // `items[name]`, `'[error]'` and `[a-z]` are none.
        let stands = before.is_none_or(|c| matches!(c, '/' | '=' | ' ' | ':' | ',' | '@' | '-' | '.'));
        let good = inside[end..].starts_with(']')
            && stands
            && (4..=40).contains(&words.len())
            && letters >= 4
            && words.starts_with(|c: char| c.is_ascii_alphabetic())
            && words.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' '))
            && parts.clone().all(|part| !part.is_empty())
            && (words.contains(['-', '_', ' '])
                || !inside[end + 1..].starts_with(|c: char| c.is_alphanumeric() || "*?+".contains(c)))
            && within != Within::Here
            && !(within == Within::Words && inside[end + 1..].starts_with('('));
        return (good && !single).then(|| (Hole::Named(words.to_owned()), end + 2));
    }
    if within == Within::Words || single {
        return None;
    }
    let inside = rest.strip_prefix('$')?;
    let (name, length) = match inside.strip_prefix('{') {
        Some(inside) => {
            let end = inside.find('}')?;
            (&inside[..end], end + 3)
        }
        None => {
            let end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inside.len());
            (&inside[..end], end + 1)
        }
    };
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    good.then(|| (Hole::Variable(name.to_owned()), length))
}

/// Says whether a variable is every shell's own.
pub(super) fn is_shells(name: &str) -> bool {
    SHELL.contains(&name)
}

/// Returns the names that a script itself gives a value: loops, assignments, `read`.
pub(super) fn own(script: &str) -> BTreeSet<String> {
    let is_name = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let mut found = BTreeSet::new();
    // The end of a command is a word here: what follows it is not read into a variable.
    let script = script.replace(['\n', ';', '|', '&'], " ; ");
    let words: Vec<&str> = script
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '`' | '{' | '}'))
        .filter(|word| !word.is_empty())
        .collect();
    for (at, word) in words.iter().enumerate() {
        match *word {
            "for" | "select" => {
                if let Some(name) = words.get(at + 1).filter(|name| is_name(name)) {
                    found.insert((*name).to_owned());
                }
            }
            "read" | "mapfile" | "readarray" | "getopts" => {
                let names = words[at + 1..].iter().take_while(|word| word.starts_with('-') || is_name(word));
                found.extend(names.filter(|word| is_name(word)).map(|name| (*name).to_owned()));
            }
            word => {
                if let Some((name, _)) = word.split_once('=') {
                    let name = name.trim_end_matches('+');
                    if is_name(name) {
                        found.insert(name.to_owned());
                    }
                }
            }
        }
    }
    found
}

/// Returns the name of a var for what a person wrote.
pub(super) fn var_name(words: &str) -> String {
    let mut name = String::new();
    for c in words.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if !name.ends_with('_') && !name.is_empty() {
            name.push('_');
        }
        if name.len() >= 48 {
            break;
        }
    }
    let mut name = name.trim_matches('_').to_owned();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.insert_str(0, "value_");
    }
    // What the tables of the document are bound to is taken as well.
    if RESERVED.contains(&name.as_str()) || name == "tables" {
        name.push_str("_value");
    }
    name
}

/// Returns words in lower case joined by `-`, for ids and names of files; at most `longest` bytes, whole words.
pub(super) fn slug(words: &str, longest: usize) -> String {
    let mut slug = String::new();
    let mut after = false;
    let parts = words
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
        .map(str::to_ascii_lowercase);
    for part in parts {
        // An apostrophe is no end of a word: `don't`, `what's`.
        if after && slug.len() + 1 + part.len() > longest {
            break;
        }
        if after {
            slug.push('-');
        }
        slug.push_str(&part);
        after = true;
    }
    slug.truncate(longest);
    let slug = slug.trim_matches('-').to_owned();
    if slug.starts_with(|c: char| c.is_ascii_digit()) { format!("n{slug}") } else { slug }
}

/// Says whether a name is that of something that nobody else may read.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase().replace(['-', ' '], "_");
    name.split('_').any(|word| {
        matches!(
            word,
            "password"
                | "passwd"
                | "token"
                | "secret"
                | "pass"
                | "pgpassword"
                | "apikey"
                | "credential"
                | "credentials"
        )
    }) || ["api_key", "private_key", "access_key"].iter().any(|word| name.contains(word))
        && !name.contains("access_key_id")
}

/// A text for the engine on its way: what stands in it by itself must not be taken for a template.
#[derive(Default)]
pub(super) struct Template(String);

impl Template {
    /// Adds text as it is.
    pub(super) fn text(&mut self, text: &str) {
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match (c, chars.peek()) {
                ('{', Some(&next @ ('{' | '%' | '#'))) => {
                    chars.next();
                    self.value(&format!("'{{{next}'"));
                }
                _ => self.0.push(c),
            }
        }
    }

    /// Adds a value.
    pub(super) fn value(&mut self, expression: &str) {
        // A brace before it would begin something else.
        if self.0.ends_with('{') {
            self.0.pop();
            self.0.push_str("{{ '{' }}");
        }
        self.0.push_str("{{ ");
        self.0.push_str(expression);
        self.0.push_str(" }}");
    }

    /// Returns the text.
    pub(super) fn done(self) -> String {
        self.0
    }
}

/// Returns a text that a template leaves as it is.
pub(super) fn escaped(text: &str) -> String {
    let mut template = Template::default();
    template.text(text);
    template.done()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holes(text: &str, within: Within) -> Vec<String> {
        bits(text, within)
            .into_iter()
            .filter_map(|bit| match bit {
                Bit::Text(_) => None,
                Bit::Hole { hole: Hole::Named(name), .. } => Some(name),
                Bit::Hole { hole: Hole::Variable(name), .. } => Some(format!("${name}")),
            })
            .collect()
    }

    #[test]
    fn what_is_filled_in_is_found_and_nothing_else() {
        for (text, wanted) in [
            ("kubectl get deployment <service> -n <name space>", vec!["service", "name space"]),
            ("scale deployment/[service-name] --replicas=[count]", vec!["service-name", "count"]),
            ("kubectl -n $NS get ${KIND} \"$NAME\" '$NOT' \\$NOR", vec!["$NS", "$KIND", "$NAME"]),
            ("deploy {{ env }} {{.Values.x}} {{range .items}}", vec!["env"]),
            ("cmd <in.txt >out; a < b > c; x <<EOF", vec![]),
            ("jq '.items[name]' [a-z]* x[0] [ -f y ] '[error]' ls [abc]*", vec![]),
            ("echo $1 $? $(date) ${x:-y}", vec![]),
        ] {
            assert_eq!(holes(text, Within::Command), wanted, "{text}");
        }
        assert_eq!(holes("name: <app>\nx: $Y [cpu, x]", Within::Here), ["app", "$Y"]);
        assert_eq!(holes("say <name> and $X, see [the page](http://x)", Within::Words), ["name"]);
    }

    #[test]
    fn what_a_script_names_itself_is_its_own() {
        let names = own("for svc in a b; do x=1; while read -r line rest; do echo $svc; done; done; y+=2");
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["line", "rest", "svc", "x", "y"]);
    }

    #[test]
    fn names_can_be_used() {
        assert_eq!(
            ["pod-name", "POD_NAME", "2nd node", "run", "…"].map(var_name),
            ["pod_name", "pod_name", "value_2nd_node", "run_value", "value_"]
        );
        assert_eq!(slug("Scale Up (Immediate Need)", 40), "scale-up-immediate-need");
        assert_eq!(slug("1. Pre-Scale the services of everything", 20), "n1-pre-scale-the");
        assert_eq!(slug(&"x".repeat(90), 40), "x".repeat(40));
        assert!(
            is_secret("DB_PASSWORD")
                && is_secret("api-key")
                && !is_secret("pod_name")
                && !is_secret("passenger")
        );
    }

    #[test]
    fn braces_stay_what_they_are() {
        assert_eq!(
            escaped("'{{.Names}}' {x} ${#a} {% y"),
            "'{{ '{{' }}.Names}}' {x} ${{ '{#' }}a} {{ '{%' }} y"
        );
        let mut template = Template::default();
        template.text("{");
        template.value("a");
        template.text("}");
        assert_eq!(template.done(), "{{ '{' }}{{ a }}}");
    }
}
