//! What a plan may not ask, since it may change something. It errs towards refusing.

use super::{AWS_READS, AWS_VALUED, CLOUD, TOOLS, Tool, Word, indexed, of, of_tool, plain, shown, sql};

/// Programs that do nothing else, and are not worth a warning where they stand in a script that looks.
const ALSO: [&str; 27] = [
    "chattr", "chgrp", "cp", "groupadd", "groupdel", "groupmod", "halt", "install", "mkfifo", "mknod",
    "mktemp", "passwd", "patch", "poweroff", "rsync", "scp", "setfacl", "sftp", "shred", "swapoff", "swapon",
    "touch", "umount", "unlink", "userdel", "usermod", "wipefs",
];

/// Verbs that change where the next command goes, or what a tool keeps for itself.
const OF_TOOLS: [(&str, &[&str]); 4] = [
    (
        "kubectl",
        &[
            "auth reconcile",
            "certificate approve",
            "certificate deny",
            "config delete-cluster",
            "config delete-context",
            "config delete-user",
            "config rename-context",
            "config set",
            "config set-cluster",
            "config set-context",
            "config set-credentials",
            "config unset",
            "config use",
            "config use-context",
            "login",
            "logout",
            "project",
        ],
    ),
    (
        "git",
        &[
            "apply",
            "clone",
            "fetch",
            "gc",
            "init",
            "mv",
            "prune",
            "remote add",
            "remote remove",
            "remote set-url",
            "submodule update",
            "update-ref",
            "worktree add",
            "worktree remove",
        ],
    ),
    ("helm", &["dependency update", "pull", "repo add", "repo remove", "repo update"]),
    ("terraform", &["fmt", "init", "workspace select"]),
];

/// Verbs of `gcloud` and `az` besides [`CLOUD`].
const CLOUD_ALSO: [&str; 20] = [
    "activate",
    "activate-service-account",
    "add",
    "call",
    "configure-docker",
    "cp",
    "execute",
    "get-credentials",
    "invoke",
    "login",
    "logout",
    "mv",
    "publish",
    "remove",
    "revoke",
    "rm",
    "rotate",
    "rsync",
    "send",
    "unset",
];

/// How verbs of theirs begin: `create-with-container`.
const CLOUD_BEGINS: [&str; 8] =
    ["add-", "attach-", "create-", "delete-", "detach-", "remove-", "set-", "update-"];

/// Words with which a statement changes something, besides those that `sql` knows.
const SQL_FIRST: [&str; 16] = [
    "attach",
    "checkpoint",
    "do",
    "execute",
    "flush",
    "kill",
    "load",
    "lock",
    "notify",
    "optimize",
    "purge",
    "refresh",
    "rename",
    "replace",
    "reset",
    "shutdown",
];

/// What redis is asked without being changed.
const REDIS_READS: [&str; 29] = [
    "client", "cluster", "config", "dbsize", "exists", "get", "hget", "hgetall", "hlen", "info", "keys",
    "lastsave", "latency", "llen", "lrange", "memory", "mget", "ping", "role", "scan", "scard", "slowlog",
    "smembers", "strlen", "time", "ttl", "type", "xlen", "zcard",
];

/// How operations of the aws client begin that only look, besides [`AWS_READS`].
const AWS_ALSO_READS: [&str; 8] =
    ["assume-role", "filter", "generate-", "get", "ls", "presign", "simulate-", "tail"];

/// Words of SQL that change something wherever they stand: `with x as (delete …)`, `explain analyze update …`.
const SQL_ANYWHERE: [&str; 22] = [
    "alter",
    "call",
    "create",
    "delete",
    "drop",
    "grant",
    "insert",
    "lo_import",
    "lo_unlink",
    "merge",
    "nextval",
    "pg_cancel_backend",
    "pg_promote",
    "pg_reload_conf",
    "pg_rotate_logfile",
    "pg_switch_wal",
    "pg_terminate_backend",
    "reindex",
    "revoke",
    "setval",
    "truncate",
    "update",
];

/// Returns the words of a command for which it can't be asked by a plan, which changes nothing. It errs towards refusing.
pub(in crate::load::check) fn strictly(words: &[&str]) -> Option<String> {
    let program = words.first()?;
    let name = match program.rsplit('/').next().unwrap_or(program) {
        "podman" | "nerdctl" => "docker",
        name => name,
    };
    let rest = &words[1..];
    let is = |wanted: &dyn Fn(&str) -> bool| rest.iter().copied().find(|word| wanted(word));
    let said = |word: &str| Some(format!("{name} {word}"));
    if ALSO.contains(&name) {
        let asks = matches!(rest.first(), Some(&("--version" | "--help")));
        return (!asks).then(|| name.to_owned());
    }
    match name {
        "aws" => return strictly_aws(rest),
        "gcloud" | "az" => {
            let changes = |word: &str| {
                CLOUD.contains(&word)
                    || CLOUD_ALSO.contains(&word)
                    || CLOUD_BEGINS.iter().any(|begin| word.starts_with(begin))
            };
            return said(is(&changes)?);
        }
        "curl" => return strictly_curl(rest),
        "wget" => {
            let sends =
                is(&|word| ["--post", "--method", "--body"].iter().any(|option| word.starts_with(option)));
            let shows = is(&|word| {
                word == "--spider" || word == "-" || word.starts_with('-') && word.ends_with("O-")
            });
            return (sends.is_some() || shows.is_none()).then(|| name.to_owned());
        }
        "psql" | "mysql" | "mariadb" | "sqlite3" | "cockroach" => {
            let found = rest.iter().find_map(|word| strictly_sql(word));
            let file = || is(&|word| word == "-f" || word.starts_with("--file")).map(str::to_owned);
            return said(&found.or_else(file)?);
        }
        "sed" => {
            // `-i`, `-ni`, `-i.bak`; what follows `e` or `f` is no option.
            let in_place = |word: &str| {
                word.starts_with("--in-place")
                    || word.strip_prefix('-').is_some_and(|short| {
                        short.split(['-', 'e', 'f', ' ', '/']).next().is_some_and(|short| short.contains('i'))
                    })
            };
            return said(is(&in_place)?);
        }
        "awk" | "gawk" | "mawk" => {
            return said(
                ["system(", "> \"", ">\"", "| \""]
                    .into_iter()
                    .find(|deed| is(&|word| word.contains(deed)).is_some())?,
            );
        }
        "service" => return said(is(&|word| matches!(word, "start" | "stop" | "restart" | "reload"))?),
        "redis-cli" => {
            let valued =
                TOOLS.iter().find(|tool| tool.names.contains(&name)).map_or(&[][..], |tool| tool.valued);
            let rest: Vec<Word<'_>> = indexed(words);
            let mut verbs = plain(&rest, valued);
            let verb = verbs.next()?.text.to_lowercase();
            let deed = verbs.next().is_some_and(|word| {
                matches!(
                    word.text.to_lowercase().as_str(),
                    "set" | "kill" | "reset" | "failover" | "rewrite" | "resetstat"
                )
            });
            return (deed || !REDIS_READS.contains(&verb.as_str())).then(|| format!("{name} {verb}"));
        }
        _ => {}
    }
    let Some(tool) = TOOLS.iter().find(|tool| tool.names.contains(&name)) else {
        return of(words).map(|(said, _)| said);
    };
    let rest = indexed(words);
    // An option that is not known may take a value, or not.
    [false, true].into_iter().find_map(|all_valued| {
        let (said, _) = of_tool(tool, &rest, Some(all_valued))?;
        Some(format!("{name} {said}"))
    })
}

fn strictly_aws(rest: &[&str]) -> Option<String> {
    let words: Vec<Word<'_>> = rest.iter().map(|text| Word { text, index: 0 }).collect();
    let mut plain = plain(&words, &AWS_VALUED).map(|word| word.text);
    let (service, operation) = (plain.next()?, plain.next().unwrap_or("help"));
    let dry = rest.iter().any(|word| matches!(*word, "--dry-run" | "--dryrun" | "--generate-cli-skeleton"));
    let last = rest.last().copied();
    if dry || service == "help" || operation == "help" || last == Some("help") && rest.len() == 3 {
        return None;
    }
    let said = Some(format!("aws {service} {operation}"));
    let begins = |of: &[&str]| of.iter().any(|begin| operation.starts_with(begin));
    match (service, operation) {
        ("s3", "cp") => {
            let (from, to, more) = (plain.next(), plain.next(), plain.next());
            let shows =
                from.is_some_and(|from| from.starts_with("s3://")) && to == Some("-") && more.is_none();
            said.filter(|_| !shows)
        }
        // What it got goes to a file.
        ("s3api", "get-object") => said.filter(|_| !rest.contains(&"/dev/stdout")),
        _ => said.filter(|_| !begins(&AWS_READS) && !begins(&AWS_ALSO_READS)),
    }
}

/// Options of curl that stand in one letter and take a value. They may stand together, the last with its value: `-sSd x`,
/// `-so/dev/null`.
const CURL_VALUED: &str = "dFToOHuwxXAembcKED";

fn strictly_curl(rest: &[&str]) -> Option<String> {
    let asks = rest.iter().any(|word| {
        // As in `-sG`; what follows a letter that takes a value is that.
        let letters = word.split(|letter: char| CURL_VALUED.contains(letter)).next().unwrap_or_default();
        let short = word.starts_with('-') && !word.starts_with("--") && letters.contains(['G', 'I']);
        short || matches!(*word, "--get" | "--head")
    });
    let spares = |file: Option<&&str>| file.is_some_and(|file| *file == "-" || file.starts_with("/dev/"));
    for (at, word) in rest.iter().enumerate() {
        let next = rest.get(at + 1);
        let short = word.strip_prefix('-').filter(|short| !short.starts_with('-')).unwrap_or_default();
        let letter = short.find(|letter: char| CURL_VALUED.contains(letter));
        let letter = letter.map(|at| short.split_at(at).1.split_at(1));
        let method = match (letter, *word) {
            (Some(("X", "")), _) | (_, "--request") => next.copied(),
            (Some(("X", method)), _) => Some(method),
            (_, word) => word.strip_prefix("--request="),
        };
        if let Some(method) = method.filter(|method| !matches!(*method, "GET" | "HEAD" | "OPTIONS")) {
            return Some(format!("curl -X {method}"));
        }
        let long = word.split('=').next().unwrap_or_default();
        let sends = matches!(letter, Some(("d", _))) || long.starts_with("--data") || long == "--json";
        let uploads = matches!(letter, Some(("F" | "T", _))) || matches!(long, "--form" | "--upload-file");
        let writes = match letter {
            Some(("o" | "c" | "D", "")) => !spares(next),
            Some(("o" | "c" | "D", file)) => !spares(Some(&file)),
            Some(("O", _)) => true,
            _ if matches!(long, "--output" | "--cookie-jar" | "--dump-header") => {
                !spares(word.split_once('=').map(|(_, file)| file).as_ref().or(next))
            }
            _ => long.starts_with("--remote-name"),
        };
        if sends && !asks || uploads || writes {
            return Some(format!("curl {}", long.chars().take(20).collect::<String>()));
        }
    }
    None
}

/// Returns what a word changes when it is SQL.
pub(in crate::load::check) fn strictly_sql(text: &str) -> Option<String> {
    let text = text.strip_prefix("--command=").or_else(|| text.strip_prefix("-c")).unwrap_or(text);
    if let Some(said) = sql(text) {
        return Some(said);
    }
    if ["\\!", "\\copy", "\\g", "\\i", "\\o", "\\w"].iter().any(|deed| text.contains(deed)) {
        return Some(shown(text));
    }
    // One word alone is a name, unless it is a whole statement.
    if !text.contains([' ', '\t', '\n', '(', ';']) {
        return None;
    }
    let first = |statement: &str| {
        let mut words = statement.split_whitespace().map(str::to_lowercase);
        let (first, second) = (words.next()?, words.next());
        let global =
            || second.is_some_and(|second| second.starts_with("global") || second.starts_with("persist"));
        (SQL_FIRST.contains(&first.as_str()) || first == "set" && global()).then(|| first.to_uppercase())
    };
    if let Some(said) = text.split(';').find_map(first) {
        return Some(said);
    }
    let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.find(|word| SQL_ANYWHERE.contains(&word.to_lowercase().as_str())).map(str::to_uppercase)
}

/// Returns the verbs of a tool that change no more than where it goes, or what it keeps for itself.
pub(super) fn also(tool: &Tool) -> &'static [&'static str] {
    OF_TOOLS.iter().find(|(name, _)| tool.names.contains(name)).map_or(&[], |(_, verbs)| verbs)
}
