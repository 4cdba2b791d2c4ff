//! Secrets of a document: values that stand in its commands, and commands that print one.
//!
//! A value is not taken over: what is written into a draft is committed, shown on pages and kept in the record of each run. In its
//! place stands what a person would have written, `<curl-password>`, and so it becomes an input of the type `secret`.

use std::ops::Range;

use super::looks::{name, operands_after, unquoted};
use super::values::{Bit, Hole, Within, bits, is_secret};
use crate::load::check::commands;

/// The values that were found so far, each with the name that stands in its place.
#[derive(Debug, Default)]
pub(super) struct Values(Vec<(String, String)>);

impl Values {
    /// Returns a line with names in place of the secrets in it, and whether it is sure to be the same command with them put back.
    pub(super) fn hide(&mut self, line: &str) -> (String, bool) {
        let mut hidden = String::with_capacity(line.len());
        let mut sure = true;
        let mut at = 0;
        let words = split(line);
        for Found { range, called, ends } in found(line) {
            if range.start < at {
                continue;
            }
            // A value that reaches over the end of a word took a part of the command with it.
            let in_one = |(at, word): &(usize, &str)| *at <= range.start && range.end <= at + word.len();
            sure &= ends && words.iter().any(in_one);
            hidden.push_str(&line[at..range.start]);
            hidden.push_str(&format!("<{}>", self.named(&line[range.clone()], &called)));
            at = range.end;
        }
        hidden.push_str(&line[at..]);
        // Where the document itself has `<password>`, one input would stand for two values.
        let sure = hidden == line || (sure && self.shown(&hidden) == line);
        (hidden, sure)
    }

    /// Returns a line with the values in place of their names.
    fn shown(&self, hidden: &str) -> String {
        self.0.iter().fold(hidden.to_owned(), |line, (value, name)| line.replace(&format!("<{name}>"), value))
    }

    /// Returns the name for a value; another value has another.
    fn named(&mut self, value: &str, called: &str) -> String {
        if let Some((_, name)) =
            self.0.iter().find(|(known, name)| known == value && name.starts_with(called))
        {
            return name.clone();
        }
        let taken = |name: &str| self.0.iter().any(|(_, known)| known == name);
        let mut name = called.to_owned();
        let mut number = 2;
        while taken(&name) {
            name = format!("{called}-{number}");
            number += 1;
        }
        self.0.push((value.to_owned(), name.clone()));
        name
    }
}

/// Clients whose `-p` is followed by the password, without a blank.
const MYSQL: [&str; 6] = ["mariadb", "mariadb-dump", "mysql", "mysqladmin", "mysqldump", "mysqlimport"];

/// A secret in a line.
struct Found {
    /// Its bytes.
    range: Range<usize>,
    /// The words it is called by.
    called: String,
    /// Whether it is known where it ends. What nobody can tell from the value is hidden with it.
    ends: bool,
}

/// Returns the secrets in a line.
fn found(line: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let words: Vec<(usize, &str)> = split(line);
    let mut program = "";
    // `mysql -h $(host) -psecret`: what stands behind the bracket is still given to `mysql`.
    let mut outer = Vec::new();
    for (index, (at, word)) in words.iter().enumerate() {
        let plain = word.trim_matches(['"', '\'']);
        let begin = at + (word.len() - word.trim_start_matches(['"', '\'']).len());
        if *word == "(" {
            outer.push(std::mem::take(&mut program));
        } else if *word == ")" {
            program = outer.pop().unwrap_or_default();
        } else if word.starts_with([';', '|', '&']) {
            program = "";
        } else if program.is_empty() {
            let assigns = word
                .split_once('=')
                .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
            let before = assigns || matches!(*word, "sudo" | "time" | "env" | "nohup" | "--");
            program = if before { "" } else { name(plain) };
        } else if matches!(name(plain), "curl" | "wget" | "mysql" | "mariadb" | "redis-cli" | "sshpass")
            && index
                .checked_sub(1)
                .and_then(|before| words.get(before))
                .is_some_and(|(_, word)| *word == "--")
        {
            // In a pod: `kubectl exec x -- mysql -psecret`.
            program = name(plain);
        }
        let before = index.checked_sub(1).and_then(|before| words.get(before)).map_or("", |(_, word)| *word);
        let mut push = |start: usize, value: &str, called: String, ends: bool| {
            if is_value(value) {
                found.push(Found { range: start..start + value.len(), called, ends });
            }
        };
        // `NAME=value`, `--password=value`, `--set auth.password=value`
        for (equals, _) in plain.match_indices('=') {
            let key = plain[..equals]
                .rsplit(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
                .next();
            let key = key.unwrap_or_default().trim_matches('-');
            if names_value(key) && key.starts_with(|c: char| c.is_ascii_alphabetic()) {
                let value = &plain[equals + 1..];
                // `--password=a,b` is one value; `--set password=a,b=c` and what stands in a text are several.
                let whole = begin == *at
                    && plain[..equals].trim_start_matches('-') == key
                    && (plain.starts_with('-') || !before.starts_with('-'));
                let list = before.starts_with("--set") && before != "--set-literal" || before == "-o";
                let (range, ends) = extent(value, whole, list);
                push(begin + equals + 1 + range.start, &value[range], key.to_owned(), ends);
            }
        }
        let mut add = |start: usize, value: &str, called: String| {
            push(start, value.trim_end_matches(['"', '\'']), called, true);
        };
        // `--password value`
        if let Some(option) =
            before.strip_prefix("--").filter(|option| !option.contains('=') && names_value(option))
            && !plain.starts_with('-')
        {
            add(begin, plain, option.to_owned());
        }
        // `aws configure set aws_secret_access_key value`
        let second = index.checked_sub(2).and_then(|before| words.get(before)).map_or("", |(_, word)| *word);
        if second == "set" && names_value(before) {
            add(begin, plain, before.to_owned());
        }
        // `scheme://user:value@host`
        // An author forgets the quotes about `a;b`, so the end of the word is not that of the value: the line is held to be unsure.
        let host = |c: char| matches!(c, '/' | '?' | '"' | '\'') || c.is_whitespace();
        if let Some((scheme, _)) = plain.split_once("://")
            && let from = begin + scheme.len() + "://".len()
            && let Some((user, _)) = line[from..].split(host).next().unwrap_or_default().rsplit_once('@')
            && let Some((who, value)) = user.split_once(':')
        {
            let scheme: String =
                scheme.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_owned();
            let start = from + who.len() + 1;
            let called = if scheme.starts_with(|c: char| c.is_ascii_alphabetic()) {
                format!("{scheme}-password")
            } else {
                "password".to_owned()
            };
            add(start, value, called);
        }
        match program {
            "curl" | "wget" => {
                let given = match before {
                    "-u" | "--user" | "-U" | "--proxy-user" => Some(plain),
                    _ => plain
                        .strip_prefix("--user=")
                        .or_else(|| plain.strip_prefix("-u").filter(|given| given.contains(':'))),
                };
                if let Some((who, value)) = given.and_then(|given| given.split_once(':'))
                    && !who.contains("//")
                {
                    let start = begin + plain.len() - value.len();
                    add(start, value, format!("{program}-password"));
                }
                if let Some((start, value)) = header(plain) {
                    add(begin + start, value, "token".to_owned());
                }
            }
            program if MYSQL.contains(&program) => {
                if let Some(value) = plain.strip_prefix("-p") {
                    add(begin + 2, value, format!("{program}-password"));
                }
            }
            "redis-cli" if matches!(before, "-a" | "--pass") => {
                add(begin, plain, "redis-password".to_owned())
            }
            "sshpass" => {
                if let Some(value) = plain.strip_prefix("-p").filter(|_| before == "sshpass") {
                    add(begin + 2, value, "ssh-password".to_owned());
                } else if before == "-p" {
                    add(begin, plain, "ssh-password".to_owned());
                }
            }
            "docker" | "podman" | "helm" | "az" if before == "-p" && line.contains(" login") => {
                add(begin, plain, format!("{program}-password"));
            }
            _ => {}
        }
    }
    found.extend(in_json(line));
    found.sort_by_key(|found| found.range.start);
    found
}

/// Returns where a value stands in what follows its `=`, and whether that is sure. A `whole` argument is one value; in a text others
/// may follow, and in a `list` each `,` begins another.
fn extent(text: &str, whole: bool, list: bool) -> (Range<usize>, bool) {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let end = text[1..].find(quote).map_or(text.len(), |end| end + 1);
        // `'a'b` and `"a\"b"` go on behind the quote.
        let behind = text[end..].trim_start_matches(quote);
        let over = behind.is_empty() || behind.starts_with([' ', ',', ';', '&', '"', '\'']);
        return match over && !text[..end].ends_with('\\') {
            true => (1..end, true),
            false => (1..text.trim_end_matches(['"', '\'']).len().max(1), false),
        };
    }
    if whole {
        return (0..text.trim_end_matches(['"', '\'']).len(), true);
    }
    let mut sure = !text.starts_with('\\');
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' | '\'' | ';' | '&' => return (0..at, sure),
            c if c.is_whitespace() => return (0..at, sure),
            ',' if list || begins_with_key(&text[at + 1..]) => return (0..at, sure),
            // A password may have these, and so may a script.
            ',' | '|' | '<' | '>' | '(' | ')' => sure = false,
            _ => {}
        }
    }
    (0..text.len(), sure)
}

/// Says whether a text begins with the name of a value: `b.c=`.
fn begins_with_key(text: &str) -> bool {
    let key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']');
    let rest = text.trim_start_matches(key);
    rest.len() < text.len() && rest.starts_with('=')
}

/// Returns what JSON in a line gives to a secret: `{"password":"value"}`.
fn in_json(line: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut quotes = line.match_indices('"').map(|(at, _)| at).peekable();
    let mut begin: Option<usize> = None;
    while let Some(at) = quotes.next() {
        let Some(from) = begin.replace(at) else { continue };
        let key = &line[from + 1..at];
        let Some(open) = quotes.peek().copied() else { break };
        if line[at + 1..open].trim() != ":"
            || !names_value(key)
            || !key.starts_with(|c: char| c.is_ascii_alphabetic())
        {
            continue;
        }
        let value = line[open + 1..].split('"').next().unwrap_or_default();
        if is_value(value) && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
            let range = open + 1..open + 1 + value.len();
            found.push(Found { range, called: key.to_owned(), ends: true });
        }
    }
    found
}

/// Returns where the value of a header begins that says who asks: `Authorization: Bearer value`.
fn header(text: &str) -> Option<(usize, &str)> {
    let (key, rest) = text.split_once(':')?;
    let key = key.trim_start_matches(['-', 'H']).to_lowercase();
    let value = rest.trim_start();
    let value = match key.trim_start_matches("header=") {
        "authorization" | "proxy-authorization" => {
            let (_, value) = value.split_once(' ').unwrap_or(("", value));
            value.trim_start()
        }
        "x-api-key" | "api-key" | "apikey" | "x-auth-token" | "x-vault-token" | "private-token"
        | "x-access-token" => value,
        _ => return None,
    };
    Some((text.len() - value.len(), value))
}

/// Says whether a name is that of the secret itself, and not of where it is kept or how long it holds.
pub(super) fn names_value(name: &str) -> bool {
    let last = name.to_lowercase().replace(['-', '.'], "_");
    let last = last.rsplit('_').next().unwrap_or_default();
    is_secret(name)
        && matches!(
            last,
            "password"
                | "passwd"
                | "pass"
                | "token"
                | "secret"
                | "pgpassword"
                | "apikey"
                | "key"
                | "credential"
                | "credentials"
                | "pwd"
        )
}

/// Says whether a value is one, and nothing that is filled in, read from a file or cut short.
fn is_value(value: &str) -> bool {
    value.len() > 2
        && !value.starts_with(['$', '<', '[', '{', '/', '@', '%', '(', '`', '~', '-', '*', '.'])
        && !value.contains("$(")
        && !value.contains('<')
        && !value.contains("${")
        && !value.chars().all(|c| matches!(c, 'x' | 'X' | '*' | '.' | '…'))
        && !matches!(value, "true" | "false" | "none" | "null")
}

/// Splits at blanks and operators outside of quotes. Quotes are kept; operators are words, and each bracket is one.
fn split(line: &str) -> Vec<(usize, &str)> {
    let operator = |c: char| matches!(c, ';' | '|' | '&' | '<' | '>' | '(' | ')');
    let mut words = Vec::new();
    let mut start: Option<usize> = None;
    let mut quote: Option<char> = None;
    // What is behind a `\`, or within `<name>`, splits nothing.
    let mut until = 0;
    for (at, c) in line.char_indices() {
        let from = start.map_or("", |start| &line[start..at]);
        if at < until {
            start.get_or_insert(at);
            continue;
        }
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"') | None, '\\') => {
                until = at + 1 + line[at + 1..].chars().next().map_or(0, char::len_utf8);
            }
            (None, '"' | '\'') => quote = Some(c),
            (None, c) if c.is_whitespace() => {
                if let Some(start) = start.take() {
                    words.push((start, from));
                }
                continue;
            }
            (None, '<') if to_fill_in(&line[at..]).is_some() => {
                until = at + to_fill_in(&line[at..]).unwrap_or_default();
                if !from.is_empty() && from.chars().all(operator) {
                    words.push((start.take().unwrap_or(at), from));
                }
            }
            (None, c) => {
                let begins =
                    from.chars().next().is_some_and(|c| operator(c) && !from.contains(char::is_alphanumeric));
                let alone = matches!(c, '(' | ')') || matches!(from, "(" | ")");
                if !from.is_empty() && (begins != operator(c) || alone) {
                    words.push((start.take().unwrap_or(at), from));
                }
            }
            _ => {}
        }
        start.get_or_insert(at);
    }
    if let Some(start) = start {
        words.push((start, &line[start..]));
    }
    words
}

/// Returns the length of the `<name>` that a text begins with.
fn to_fill_in(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('<')?;
    let name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let rest = inner.trim_start_matches(name);
    (rest.len() < inner.len() && rest.starts_with('>')).then(|| text.len() - rest.len() + 1)
}

/// Says whether the text of a here-document gives something secret a value: `password: x`.
pub(super) fn stands_in(text: &str) -> bool {
    text.lines().filter_map(|line| line.split_once(": ")).any(|(key, value)| {
        let key = key.trim().trim_start_matches("- ").trim_matches(['"', '\'']);
        names_value(key) && is_value(value.trim().trim_matches(['"', '\'']))
    })
}

/// Words with which programs print a secret: the program, words in their order, and the beginning of an option that it takes.
const PRINTERS: [(&[&str], &[&str], &str); 24] = [
    (&["kubectl", "oc"], &["get", "secret"], "-o"),
    (&["kubectl", "oc"], &["get", "secrets"], "-o"),
    (&["kubectl", "oc"], &["get", "secret"], "--output"),
    (&["kubectl", "oc"], &["get", "secrets"], "--output"),
    (&["kubectl", "oc"], &["create", "token"], ""),
    (&["kubectl", "oc"], &["config", "view"], "--raw"),
    (&["oc"], &["whoami"], "-t"),
    (&["vault"], &["kv", "get"], ""),
    (&["vault"], &["read"], ""),
    (&["vault"], &["print", "token"], ""),
    (&["aws"], &["ssm"], "--with-decryption"),
    (&["aws"], &["secretsmanager", "get-secret-value"], ""),
    (&["aws"], &["sts", "get-session-token"], ""),
    (&["aws"], &["sts", "assume-role"], ""),
    (&["aws"], &["ecr", "get-login-password"], ""),
    (&["gcloud"], &["secrets", "versions", "access"], ""),
    (&["gcloud"], &["auth", "print-access-token"], ""),
    (&["az"], &["keyvault", "secret", "show"], ""),
    (&["az"], &["account", "get-access-token"], ""),
    (&["op"], &["read"], ""),
    (&["ansible-vault"], &["view"], ""),
    (&["sops"], &[], "-d"),
    (&["sops"], &[], "--decrypt"),
    (&["heroku"], &["config"], ""),
];

/// Returns the program of a script that prints a secret.
pub(super) fn printer(script: &str) -> Option<String> {
    commands(script)
        .iter()
        .find_map(|words| {
            let texts: Vec<String> = words.iter().map(|(_, word)| unquoted(word)).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            prints(&texts).then(|| name(texts[0]).to_owned())
        })
        .or_else(|| {
            // `commands` passes over `env`, since it mostly stands before another.
            let alone = |part: &str| matches!(part.trim(), "env" | "sudo env");
            script.split(['|', ';', '\n']).any(alone).then(|| "env".to_owned())
        })
}

fn prints(words: &[&str]) -> bool {
    let Some(program) = words.first().map(|word| name(word)) else { return false };
    let rest = &words[1..];
    if let Some(at) = rest.iter().position(|word| *word == "--") {
        // In a pod or container.
        let inner = &rest[at + 1..];
        if inner == ["env"] || prints(inner) {
            return true;
        }
    }
    match program {
        "printenv" => operands_after(rest, &[]).iter().all(|name| is_secret(name)),
        "cat" | "head" | "tail" | "less" | "base64" => {
            operands_after(rest, &["-n", "-c"]).iter().any(|file| {
                let file = name(file);
                file.starts_with(".env")
                    || file.ends_with(".pem")
                    || file.ends_with(".key")
                    || file.starts_with("id_rsa")
            })
        }
        _ => PRINTERS.iter().any(|(names, wanted, option)| {
            let mut plain = rest.iter().map(|word| word.split('/').next().unwrap_or_default());
            names.contains(&program)
                && wanted.iter().all(|word| plain.any(|found| found == *word))
                && (option.is_empty() || rest.iter().any(|word| word.starts_with(option)))
        }),
    }
}

/// Returns the program of a script that is handed one of these variables in an argument, which every user of the machine can read.
pub(super) fn handed(script: &str, variables: &[&str]) -> Option<String> {
    // What the shell does itself is no process.
    let builtin = |program: &str| {
        matches!(program, "echo" | "printf" | "[" | "[[" | "test" | "export" | "read" | "set")
    };
    commands(script).iter().find_map(|words| {
        let (_, program) = words.first()?;
        let shows = words.iter().skip(1).any(|(_, word)| {
            bits(word, Within::Here).iter().any(|bit| {
                matches!(bit, Bit::Hole { hole: Hole::Variable(name), .. } if variables.contains(&name.as_str()))
            })
        });
        (shows && !builtin(name(program))).then(|| name(program).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_taken_over() {
        let mut values = Values::default();
        for (line, hidden) in [
            ("curl -u admin:S3cret https://x", "curl -u admin:<curl-password> https://x"),
            ("curl -u admin:other https://x", "curl -u admin:<curl-password-2> https://x"),
            ("curl -u 'admin:S3cret' https://x", "curl -u 'admin:<curl-password>' https://x"),
            ("sudo curl --user=admin:S3cret x", "sudo curl --user=admin:<curl-password> x"),
            ("curl -H 'Authorization: Bearer abc.def' x", "curl -H 'Authorization: Bearer <token>' x"),
            ("curl -H \"X-Api-Key: abcdef\" x", "curl -H \"X-Api-Key: <token-2>\" x"),
            ("mysql -uroot -pS3cret app", "mysql -uroot -p<mysql-password> app"),
            ("kubectl exec db-0 -- mysql -pS3cret app", "kubectl exec db-0 -- mysql -p<mysql-password> app"),
            ("psql postgres://app:S3cret@db:5432/app", "psql postgres://app:<postgres-password>@db:5432/app"),
            ("PGPASSWORD=hunter22 psql db", "PGPASSWORD=<PGPASSWORD> psql db"),
            ("x | PGPASSWORD='hunter22' psql db", "x | PGPASSWORD='<PGPASSWORD>' psql db"),
            ("vault login --token=abcd", "vault login --token=<token-3>"),
            ("tool --password hunter2 --x", "tool --password <password> --x"),
            (
                "helm upgrade a b --set auth.password=hunter2",
                "helm upgrade a b --set auth.password=<password>",
            ),
            (
                "kubectl create secret generic a --from-literal=api-key=abcd",
                "kubectl create secret generic a --from-literal=api-key=<api-key>",
            ),
            ("redis-cli -a hunter2 info", "redis-cli -a <redis-password> info"),
            ("sshpass -p hunter2 ssh x", "sshpass -p <ssh-password> ssh x"),
            (
                "curl -d '{\"user\": \"me\", \"password\": \"hunter9\"}' x",
                "curl -d '{\"user\": \"me\", \"password\": \"<password-2>\"}' x",
            ),
            (
                "aws configure set aws_secret_access_key abcd",
                "aws configure set aws_secret_access_key <aws_secret_access_key>",
            ),
        ] {
            assert_eq!(values.hide(line), (hidden.to_owned(), true));
        }
        for line in [
            "curl -u \"$USER:$PASS\" https://x:80/a@b",
            "curl -H \"Authorization: Bearer $TOKEN\" x",
            "mysql -p app",
            "ssh -p 2222 host",
            "docker run -p 80:80 x",
            "aws secretsmanager get-secret-value --secret-id prod/db",
            "kubectl get secret db -o yaml",
            "tool --password-file=/run/x --token-ttl=5m --password <password>",
            "curl -d 'a=b:c' http://host:80/x",
            "git clone ssh://git@host/x",
            "kubectl scale --replicas=3",
        ] {
            assert_eq!(Values::default().hide(line), (line.to_owned(), true));
        }
    }

    #[test]
    fn a_value_takes_nothing_of_the_command_with_it() {
        for (line, hidden) in [
            ("export DB_PASSWORD=abcd; ./migrate.sh", "export DB_PASSWORD=<DB_PASSWORD>; ./migrate.sh"),
            ("TOKEN=abcd;kubectl delete pod x", "TOKEN=<TOKEN>;kubectl delete pod x"),
            ("TOKEN=abcd;mysql -pabcd x", "TOKEN=<TOKEN>;mysql -p<mysql-password> x"),
            ("./tool --token=abcd|tee /tmp/log", "./tool --token=<token>|tee /tmp/log"),
            ("./tool --password=abcd>/tmp/out", "./tool --password=<password>>/tmp/out"),
            ("(./tool --password abcd)&", "(./tool --password <password>)&"),
            ("curl -u a:abcd;ls", "curl -u a:<curl-password>;ls"),
            ("mysql -h $(host) -pabcd<in.sql", "mysql -h $(host) -p<mysql-password><in.sql"),
            ("redis-cli -a abcd|wc", "redis-cli -a <redis-password>|wc"),
            (
                "helm upgrade a c --set db.password=abcd,db.host=db-1,db.token=efgh,replicas=3",
                "helm upgrade a c --set db.password=<password>,db.host=db-1,db.token=<token>,replicas=3",
            ),
            ("mount -o password=abcd,ro a b", "mount -o password=<password>,ro a b"),
            ("curl -d 'password=abcd&action=delete' x", "curl -d 'password=<password>&action=delete' x"),
            ("psql \"host=h password=abcd dbname=app\"", "psql \"host=h password=<password> dbname=app\""),
            ("psql \"host=h password='a b' dbname=app\"", "psql \"host=h password='<password>' dbname=app\""),
            ("curl 'https://x/?token=abcd&zone=eu'", "curl 'https://x/?token=<token>&zone=eu'"),
            ("ssh h \"export TOKEN=abcd; ./migrate.sh\"", "ssh h \"export TOKEN=<TOKEN>; ./migrate.sh\""),
            ("tool --password='a, b;c' --x", "tool --password='<password>' --x"),
            ("tool --password=a,b=c x", "tool --password=<password> x"),
        ] {
            assert_eq!(Values::default().hide(line), (hidden.to_owned(), true));
        }
        // What can't be told from the value is hidden too, and the line is for a person.
        for line in [
            "curl -d 'password=ab|cd,ef' x",
            "psql postgres://app:ab;cd@db/app",
            "a --x=<password> --password=abcd",
        ] {
            let (text, sure) = Values::default().hide(line);
            assert!(!sure && !text.contains("cd"), "{text}");
        }
    }

    #[test]
    fn what_prints_a_secret_is_known() {
        for script in [
            "kubectl -n x get secret db -o yaml",
            "kubectl get secret/db -ojsonpath='{.data.x}' | base64 -d",
            "vault kv get -field=x secret/db",
            "aws ssm get-parameter --name x --with-decryption",
            "env | sort",
            "printenv",
            "kubectl exec x -- env",
            "X=$(aws secretsmanager get-secret-value --secret-id x)",
            "cat config/.env",
        ] {
            assert!(printer(script).is_some(), "{script}");
        }
        for script in [
            "kubectl get secrets",
            "kubectl get pods -o yaml",
            "vault status",
            "aws ssm get-parameter --name x",
            "printenv HOME",
            "env A=b cmd",
            "cat notes.txt",
        ] {
            assert!(printer(script).is_none(), "{script}");
        }
        assert!(stands_in("kind: Secret\nstringData:\n  password: hunter2\n"));
        assert!(!stands_in("secretName: db\npassword: $X\n"));
    }

    #[test]
    fn what_is_handed_to_a_program_can_be_read_by_others() {
        assert_eq!(handed("curl -H \"A: $TOKEN\" x", &["TOKEN"]).as_deref(), Some("curl"));
        assert_eq!(handed("curl -u a:\"${P}\" x", &["P"]).as_deref(), Some("curl"));
        assert_eq!(handed("PGPASSWORD=\"${P}\" psql x; echo $P | tool", &["P"]), None);
    }
}
