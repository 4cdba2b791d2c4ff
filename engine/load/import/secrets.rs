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
    /// Returns a line with names in place of the secrets in it.
    pub(super) fn hide(&mut self, line: &str) -> String {
        let mut hidden = String::with_capacity(line.len());
        let mut at = 0;
        for (range, called) in found(line) {
            if range.start < at {
                continue;
            }
            hidden.push_str(&line[at..range.start]);
            hidden.push_str(&format!("<{}>", self.named(&line[range.clone()], &called)));
            at = range.end;
        }
        hidden.push_str(&line[at..]);
        hidden
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

/// Returns the bytes of the secrets in a line, each with the words it is called by.
fn found(line: &str) -> Vec<(Range<usize>, String)> {
    let mut found: Vec<(Range<usize>, String)> = Vec::new();
    let words: Vec<(usize, &str)> = split(line);
    let mut program = "";
    for (index, (at, word)) in words.iter().enumerate() {
        let plain = word.trim_matches(['"', '\'']);
        let begin = at + (word.len() - word.trim_start_matches(['"', '\'']).len());
        if program.is_empty() || matches!(*word, "|" | "&&" | "||" | ";") {
            let assigns = word
                .split_once('=')
                .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
            let before = assigns
                || matches!(*word, "sudo" | "time" | "env" | "nohup" | "|" | "&&" | "||" | ";" | "--");
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
        let mut add = |start: usize, value: &str, called: String| {
            let value = value.trim_end_matches(['"', '\'']);
            if is_value(value) {
                found.push((start..start + value.len(), called));
            }
        };
        // `NAME=value`, `--password=value`, `--set auth.password=value`
        for (equals, _) in plain.match_indices('=') {
            let key = plain[..equals]
                .rsplit(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
                .next();
            let key = key.unwrap_or_default().trim_matches('-');
            let value = &plain[equals + 1..];
            let quoted = value.trim_start_matches(['"', '\'']);
            if names_value(key) && key.starts_with(|c: char| c.is_ascii_alphabetic()) {
                add(begin + equals + 1 + value.len() - quoted.len(), quoted, key.to_owned());
                break;
            }
        }
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
        if let Some((scheme, rest)) = plain.split_once("://")
            && let Some((user, _)) =
                rest.split(['/', '?', '"', '\'']).next().unwrap_or_default().rsplit_once('@')
            && let Some((who, value)) = user.split_once(':')
        {
            let scheme: String =
                scheme.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_owned();
            let start = begin + plain.len() - rest.len() + who.len() + 1;
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
    found.sort_by_key(|(range, _)| range.start);
    found
}

/// Returns what JSON in a line gives to a secret: `{"password":"value"}`.
fn in_json(line: &str) -> Vec<(Range<usize>, String)> {
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
            found.push((open + 1..open + 1 + value.len(), key.to_owned()));
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

/// Splits at blanks outside of quotes; quotes are kept.
fn split(line: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote: Option<char> = None;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, c) if c.is_whitespace() => {
                if let Some(start) = start.take() {
                    words.push((start, &line[start..at]));
                }
                continue;
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
            assert_eq!(values.hide(line), hidden);
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
            assert_eq!(Values::default().hide(line), line);
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
