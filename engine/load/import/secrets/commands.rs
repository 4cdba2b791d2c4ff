//! Secrets in commands: what programs and options take as one, and where it ends.

use std::ops::Range;

use super::super::looks::name;
use super::names::{Found, LONGEST, begins_value, is_value, names_value};
use super::stores;

/// Clients whose `-p` is followed by the password, without a blank.
const MYSQL: [&str; 6] = ["mariadb", "mariadb-dump", "mysql", "mysqladmin", "mysqldump", "mysqlimport"];

/// Options behind which stands what is sent: there a blank is a part of a value.
const DATA: [&str; 9] = [
    "-d",
    "--data",
    "--data-ascii",
    "--data-binary",
    "--data-raw",
    "--data-urlencode",
    "--form",
    "--form-string",
    "-F",
];

/// Returns the secrets in a command.
pub(super) fn found(line: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let words: Vec<(usize, &str)> = split(line);
    let mut program = "";
    // `mysql -h $(host) -psecret`: what stands behind the bracket is still given to `mysql`.
    let mut outer = Vec::new();
    // Whether what `echo` prints here is read as a secret: told once for all its words.
    let mut piped = false;
    let (chpasswd, login) = (line.contains("chpasswd"), line.contains(" login"));
    for (index, (at, word)) in words.iter().enumerate() {
        let plain = word.trim_matches(['"', '\'']);
        let begin = at + (word.len() - word.trim_start_matches(['"', '\'']).len());
        let within = !program.is_empty();
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
            let before = assigns
                || matches!(*word, "sudo" | "time" | "env" | "nohup" | "--")
                || matches!(*word, "then" | "do" | "else" | "if" | "while" | "until" | "!" | "{");
            program = if before { "" } else { name(plain) };
            piped = matches!(program, "echo" | "printf") && reads_secret(&words[index + 1..]);
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
            let is_one = is_value(value);
            if is_one {
                found.push(Found { range: start..start + value.len(), called, ends });
            }
            is_one
        };
        // `NAME=value`, `--password=value`, `--set auth.password=value`
        let dashes = plain.len() - plain.trim_start_matches('-').len();
        let mut hidden = 0;
        for (equals, _) in plain.match_indices('=') {
            // What stands in a value that is taken out goes with it.
            if equals < hidden {
                continue;
            }
            let key = plain[..equals]
                .rsplit(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
                .next();
            let key = key.unwrap_or_default().trim_matches('-');
            if names_value(key) && key.starts_with(|c: char| c.is_ascii_alphabetic()) {
                let value = &plain[equals + 1..];
                // `--password=a,b` is one value; `--set password=a,b=c` and what stands in a text are several.
                let whole = begin == *at
                    && plain.get(dashes..equals) == Some(key)
                    && (plain.starts_with('-') || !before.starts_with('-'));
                let list = before.starts_with("--set") && before != "--set-literal" || before == "-o";
                let data =
                    DATA.contains(&before) || plain.starts_with("--data") || plain.starts_with("--post-data");
                // `ssh h "TOKEN=x ./run"`, `ssh h "tool --token=x --y"`: to a shell of its own the value ends at the blank.
                let typed = !key.contains(|c: char| c.is_ascii_lowercase())
                    || plain[..equals].trim_end_matches(key).ends_with('-');
                let blank = match (data, typed) {
                    (true, _) => Blank::OfValue,
                    (false, true) => Blank::Ends,
                    (false, false) => Blank::BeforeKey,
                };
                if !value.starts_with(['"', '\'']) && !begins_value(value) {
                    continue;
                }
                let near = value.char_indices().nth(LONGEST).map_or(value, |(at, _)| &value[..at]);
                let (range, ends) = extent(near, whole, list, blank);
                let (range, ends) = match near.len() < value.len() && range.end + 1 >= near.len() {
                    true => (range.start..value.len(), false),
                    false => (range, ends),
                };
                let taken =
                    push(begin + equals + 1 + range.start, &value[range.clone()], key.to_owned(), ends);
                if taken {
                    hidden = equals + 1 + range.end;
                }
            }
        }
        let mut add = |start: usize, value: &str, called: String| {
            let _ = push(start, value.trim_end_matches(['"', '\'']), called, true);
        };
        // `--password value`
        if let Some(option) = before
            .strip_prefix("--")
            .or_else(|| before.strip_prefix('-').filter(|option| option.len() > 2))
            .map(|option| match option {
                "storepass" | "keypass" | "srcstorepass" | "deststorepass" => "store-password",
                option => option,
            })
            .filter(|option| !option.contains('=') && names_value(option))
            && !plain.starts_with('-')
            && !["pass:", "file:", "env:", "fd:", "stdin"].iter().any(|kind| plain.starts_with(kind))
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
            "redis-cli"
                if matches!(before, "-a" | "--pass" | "requirepass" | "masterauth")
                    || before.eq_ignore_ascii_case("auth") =>
            {
                add(begin, plain, "redis-password".to_owned())
            }
            "sshpass" => {
                if let Some(value) = plain.strip_prefix("-p").filter(|_| before == "sshpass") {
                    add(begin + 2, value, "ssh-password".to_owned());
                } else if before == "-p" {
                    add(begin, plain, "ssh-password".to_owned());
                }
            }
            "vault"
                if (before == "login" || second == "login" && before.starts_with('-'))
                    && !plain.contains(['=', '/']) =>
            {
                add(begin, plain, "vault-token".to_owned());
            }
            "echo" | "printf" if within && piped && !plain.starts_with('-') => {
                match plain.split_once(':').filter(|_| chpasswd) {
                    Some((who, value)) => add(begin + who.len() + 1, value, "password".to_owned()),
                    None => {
                        let value = plain.trim_end_matches("\\n");
                        // `printf '%s' "$X"`
                        if !value.contains('%') {
                            add(begin, value, "password".to_owned());
                        }
                    }
                }
            }
            _ if before == "<<<" && reads(&words[index.saturating_sub(NEAR)..index]) => {
                add(begin, plain, "password".to_owned())
            }
            "openssl" => {
                if let Some(value) = plain.strip_prefix("pass:") {
                    add(begin + "pass:".len(), value, "ssl-password".to_owned());
                }
            }
            "htpasswd" => {
                let rest = words.get(index + 1).map_or("", |(_, word)| *word);
                let batch = words[index.saturating_sub(NEAR)..index]
                    .iter()
                    .any(|(_, word)| word.starts_with('-') && !word.starts_with("--") && word.contains('b'));
                if batch && (rest.is_empty() || rest.starts_with(OPERATORS)) && !second.is_empty() {
                    add(begin, plain, "password".to_owned());
                }
            }
            "ldapsearch" | "ldapadd" | "ldapmodify" | "ldapwhoami" | "ldappasswd" if before == "-w" => {
                add(begin, plain, "ldap-password".to_owned());
            }
            "mongo" | "mongosh" | "mongodump" | "mongorestore" if before == "-p" => {
                add(begin, plain, "mongo-password".to_owned());
            }
            "rabbitmqctl" if matches!(second, "add_user" | "change_password") => {
                add(begin, plain, "rabbitmq-password".to_owned());
            }
            "docker" | "podman" | "helm" | "az" if before == "-p" && login => {
                add(begin, plain, format!("{program}-password"));
            }
            _ => {}
        }
    }
    found.extend(stores::found(&words));
    // A value that reaches over the end of a word took a part of the command with it.
    for found in &mut found {
        let at = words.partition_point(|(at, _)| *at <= found.range.start);
        let word = at.checked_sub(1).and_then(|at| words.get(at));
        found.ends &= word.is_some_and(|(at, word)| found.range.end <= at + word.len());
    }
    found
}

/// Says whether the command that a pipe leads to reads a secret.
fn reads_secret(words: &[(usize, &str)]) -> bool {
    let words = &words[..words.len().min(NEAR)];
    let ends = |word: &str| word.starts_with([';', '&', '(', ')']) || word == "||";
    let end = words.iter().position(|(_, word)| ends(word)).unwrap_or(words.len());
    let pipe = words[..end].iter().position(|(_, word)| word.starts_with('|'));
    pipe.is_some_and(|at| reads(&words[at + 1..end]))
}

/// Says whether a command reads a secret from its input.
fn reads(words: &[(usize, &str)]) -> bool {
    let sudo = words.iter().any(|(_, word)| *word == "sudo");
    words.iter().any(|(_, word)| {
        matches!(*word, "--password-stdin" | "--pass-stdin" | "--with-token" | "--passphrase-fd" | "chpasswd")
            || word.starts_with("--passphrase-fd=")
            || word.ends_with("password=/dev/stdin")
            || sudo && *word == "-S"
    }) || stores::reads(words)
}

/// How many words of a command are looked at behind one.
const NEAR: usize = 40;

/// What operators begin with.
const OPERATORS: [char; 7] = [';', '|', '&', '<', '>', '(', ')'];

/// What a blank is in what follows the `=` of a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blank {
    /// A part of the value.
    OfValue,
    /// The end of the value.
    Ends,
    /// The end of the value where the next key begins behind it; what else it may be nobody can tell.
    BeforeKey,
}

/// Returns where a value stands in what follows its `=`, and whether that is sure. A `whole` argument is one value; in a text others
/// may follow, and in a `list` each `,` begins another.
fn extent(text: &str, whole: bool, list: bool, blank: Blank) -> (Range<usize>, bool) {
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
    let mut blanks = 0;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' | '\'' | ';' | '&' => return (0..at, sure),
            c if c.is_whitespace() && (blank == Blank::OfValue || at < blanks) => {}
            c if c.is_whitespace() => {
                let rest = text[at..].trim_start();
                if blank == Blank::Ends || rest.is_empty() || begins_with_key(rest) {
                    return (0..at, sure);
                }
                // They are told of once.
                blanks = text.len() - rest.len();
                sure = false;
            }
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

/// Splits at blanks and operators outside of quotes. Quotes are kept; operators are words, and each bracket is one.
pub(super) fn split(line: &str) -> Vec<(usize, &str)> {
    let operator = |c: char| OPERATORS.contains(&c);
    let mut words = Vec::new();
    let mut start: Option<usize> = None;
    let mut quote: Option<char> = None;
    // What is behind a `\`, or within `<name>`, splits nothing.
    let mut until = 0;
    // Whether the word so far holds a letter or a digit, and what is no operator.
    let mut seen = (false, false);
    let grown = |seen: (bool, bool), begins: bool, c: char| {
        let (lettered, other) = if begins { (false, false) } else { seen };
        (lettered || c.is_alphanumeric(), other || !operator(c))
    };
    for (at, c) in line.char_indices() {
        let from = start.map_or("", |start| &line[start..at]);
        let (lettered, other) = seen;
        if at < until {
            seen = grown(seen, *start.get_or_insert(at) == at, c);
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
                if !from.is_empty() && !other {
                    words.push((start.take().unwrap_or(at), from));
                }
            }
            (None, c) => {
                let begins = from.starts_with(operator) && !lettered;
                let alone = matches!(c, '(' | ')') || matches!(from, "(" | ")");
                if !from.is_empty() && (begins != operator(c) || alone) {
                    words.push((start.take().unwrap_or(at), from));
                }
            }
            _ => {}
        }
        seen = grown(seen, *start.get_or_insert(at) == at, c);
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

#[cfg(test)]
mod tests {
    use super::super::names::Names;
    use super::*;

    fn hide(names: &mut Names, line: &str) -> (String, bool) {
        names.replaced(line, found(line))
    }

    #[test]
    fn values_are_not_taken_over() {
        let mut names = Names::default();
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
                "aws configure set aws_secret_access_key abcd",
                "aws configure set aws_secret_access_key <aws_secret_access_key>",
            ),
        ] {
            assert_eq!(hide(&mut names, line), (hidden.to_owned(), true));
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
            "vault login -method=oidc role=x",
            "echo abcd | docker load",
            "echo \"$TOKEN\" | docker login --password-stdin",
            "htpasswd file ann",
        ] {
            assert_eq!(hide(&mut Names::default(), line), (line.to_owned(), true));
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
            ("curl -d 'password=my pass&a=b' x", "curl -d 'password=<password>&a=b' x"),
            ("ssh h 'TOKEN=abcd ./run.sh'", "ssh h 'TOKEN=<TOKEN> ./run.sh'"),
            ("ssh h 'tool --token=abcd --now'", "ssh h 'tool --token=<token> --now'"),
            ("vault login abcd", "vault login <vault-token>"),
            ("vault login -no-print abcd", "vault login -no-print <vault-token>"),
            ("echo abcd | docker login --password-stdin", "echo <password> | docker login --password-stdin"),
            ("echo 'ab cd' | sudo -S reboot", "echo '<password>' | sudo -S reboot"),
            ("echo 'root:abcd' | chpasswd", "echo 'root:<password>' | chpasswd"),
            ("docker login --password-stdin <<< abcd", "docker login --password-stdin <<< <password>"),
            ("openssl rsa -passin pass:abcd -in k", "openssl rsa -passin pass:<ssl-password> -in k"),
            ("htpasswd -nb ann abcd", "htpasswd -nb ann <password>"),
            ("keytool -storepass abcd -list", "keytool -storepass <store-password> -list"),
        ] {
            assert_eq!(hide(&mut Names::default(), line), (hidden.to_owned(), true));
        }
        // What can't be told from the value is hidden too, and the line is for a person.
        for line in
            ["curl -d 'password=ab|cd,ef' x", "psql postgres://app:ab;cd@db/app", "tool 'password=ab cd' x"]
        {
            let (text, sure) = hide(&mut Names::default(), line);
            assert!(!sure && !text.contains("cd"), "{text}");
        }
    }
}
