//! What a command of a document does, as far as its words tell: looks, or changes.
//!
//! [`changes`] errs towards telling a change, of the programs that it knows. Here a program that nobody
//! knows must not pass for one that looks, so what looks is named, and everything else is open.

use std::ops::Range;

use crate::load::check::{changes, commands};

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It only looks.
    Looks,
    /// It is known to change something.
    Changes,
    /// Its words do not tell.
    Unknown,
}

/// Programs that only look, unless [`alters`] knows better; redirections are seen elsewhere.
const LOOK: [&str; 74] = [
    "[",
    "awk",
    "base64",
    "basename",
    "cat",
    "cmp",
    "column",
    "cut",
    "date",
    "df",
    "diff",
    "dig",
    "dirname",
    "du",
    "echo",
    "egrep",
    "env",
    "false",
    "fgrep",
    "file",
    "find",
    "free",
    "getent",
    "grep",
    "groups",
    "head",
    "hexdump",
    "host",
    "id",
    "iostat",
    "jq",
    "last",
    "ls",
    "lsblk",
    "lscpu",
    "lsof",
    "md5sum",
    "mpstat",
    "netstat",
    "nl",
    "nproc",
    "nslookup",
    "pgrep",
    "pidof",
    "ping",
    "printenv",
    "printf",
    "ps",
    "pwd",
    "readlink",
    "realpath",
    "rg",
    "sed",
    "seq",
    "sha256sum",
    "sleep",
    "sort",
    "ss",
    "stat",
    "strings",
    "tac",
    "tail",
    "test",
    "time",
    "top",
    "tr",
    "tree",
    "true",
    "uname",
    "uniq",
    "uptime",
    "vmstat",
    "wc",
    "which",
];

/// Verbs that only look; two words for one in a group.
const VERBS: &[(&[&str], &[&str])] = &[
    (
        &["kubectl", "oc"],
        &[
            "api-resources",
            "api-versions",
            "auth can-i",
            "cluster-info",
            "config current-context",
            "config get-contexts",
            "config view",
            "describe",
            "diff",
            "events",
            "explain",
            "get",
            "logs",
            "rollout history",
            "rollout status",
            "top",
            "version",
            "wait",
            "whoami",
        ],
    ),
    (
        &["helm"],
        &[
            "diff", "env", "get", "history", "lint", "list", "ls", "search", "show", "status", "template",
            "version",
        ],
    ),
    (
        &["terraform", "tofu"],
        &["output", "plan", "providers", "show", "state list", "state show", "validate", "version"],
    ),
    (
        &["docker", "podman", "nerdctl"],
        &[
            "compose config",
            "compose logs",
            "compose ps",
            "diff",
            "events",
            "history",
            "images",
            "info",
            "inspect",
            "logs",
            "port",
            "ps",
            "search",
            "stats",
            "system df",
            "top",
            "version",
        ],
    ),
    (
        &["systemctl"],
        &["cat", "is-active", "is-enabled", "is-failed", "list-timers", "list-units", "show", "status"],
    ),
    (&["git"], &["blame", "diff", "grep", "log", "ls-files", "rev-parse", "shortlog", "show", "status"]),
    (&["argocd"], &["app diff", "app get", "app history", "app list", "app logs", "cluster list", "version"]),
    (&["vault"], &["kv get", "kv list", "list", "status"]),
    (&["gh"], &["pr list", "pr status", "pr view", "run list", "run view"]),
    (&["journalctl", "curl", "wget"], &[""]),
    (&["istioctl"], &["analyze", "proxy-status", "version"]),
    (&["consul"], &["members", "operator raft list-peers"]),
    (&["etcdctl"], &["endpoint health", "endpoint status", "get", "member list"]),
    (&["rabbitmqctl"], &["cluster_status", "list_connections", "list_queues", "status"]),
    (&["npm"], &["ls", "outdated", "view"]),
];

const AWS: [&str; 10] =
    ["describe-", "get-", "list-", "head-", "lookup-", "filter-", "ls", "wait", "query", "batch-get-"];
const CLOUD: [&str; 3] = ["describe", "list", "show"];

/// Words with which SQL only looks.
const SQL: [&str; 7] = ["select", "show", "explain", "describe", "with", "\\d", "\\l"];

/// Returns what a command or script does, which is told the texts of its here-documents.
pub(super) fn effect(script: &str, told: &[&str]) -> Effect {
    let argv = ["sh", "-c", script].map(str::to_owned);
    if changes(&argv, None).is_some() || commands(script).iter().any(|words| is_told_to_change(words, told)) {
        return Effect::Changes;
    }
    // What the journal is rid of does not come back.
    if ["--vacuum", "--rotate", "--flush"].iter().any(|option| script.contains(option)) {
        return Effect::Unknown;
    }
    let found = commands(script);
    let mut any = false;
    for words in found.iter().filter(|words| !words.is_empty()) {
        let texts: Vec<String> = words.iter().map(|(_, word)| unquoted(word)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        any = true;
        // `done`, `fi`; the head of a loop runs nothing.
        let grammar = matches!(texts[0], "done" | "fi" | "esac" | "}" | "for" | "in" | "set");
        if !grammar && !looks(&texts, told, 4) {
            return Effect::Unknown;
        }
    }
    if any { Effect::Looks } else { Effect::Unknown }
}

/// Says whether a client or a shell is known to change something by what it reads.
fn is_told_to_change(words: &[(Range<usize>, &str)], told: &[&str]) -> bool {
    let argv: Vec<String> = words.iter().map(|(_, word)| unquoted(word)).collect();
    told.iter().any(|text| changes(&argv, Some(text)).is_some())
}

/// Says whether a program that mostly looks writes or sets something with these words.
fn alters(program: &str, rest: &[&str]) -> bool {
    let own = rest.iter().take_while(|word| **word != "--");
    let option = |letters: &[char], names: &[&str]| {
        own.clone().any(|word| match word.strip_prefix("--") {
            // Long names may be cut: `--out=file`.
            Some(long) => {
                let long = long.split('=').next().unwrap_or_default();
                long.len() > 1 && names.iter().any(|name| name.starts_with(long))
            }
            None => word.strip_prefix('-').is_some_and(|short| short.contains(letters)),
        })
    };
    let operands = || own.clone().filter(|word| !word.starts_with('-') && !word.starts_with(['<', '>']));
    match program {
        // `date 010112002026` sets the clock; what is shown begins with `+`.
        "date" => {
            let bare = operands_after(rest, &["-d", "--date", "-r", "--reference", "-f", "--file", "-v"]);
            let clock = bare.iter().any(|word| !word.starts_with('+'));
            let sets = rest.iter().any(|word| {
                let short = word.strip_prefix('-').filter(|short| !short.starts_with('-'));
                // What follows a letter that takes a value is that: `-dyesterday`.
                short
                    .and_then(|short| short.split(['d', 'r', 'f', 'I', 'v']).next())
                    .is_some_and(|short| short.contains('s'))
                    || word.starts_with("--s")
            });
            clock || sets
        }
        "sort" => {
            option(&[], &["output", "compress-program"])
                || own.clone().any(|word| {
                    let short = word.strip_prefix('-').filter(|short| !short.starts_with('-'));
                    short
                        .and_then(|short| short.split(['k', 't', 'S', 'T']).next())
                        .is_some_and(|short| short.contains('o'))
                })
        }
        "ss" => option(&['K'], &["kill"]),
        "tree" => option(&['o'], &[]),
        "uniq" => operands_after(rest, &["-f", "-s", "-w"]).len() > 1,
        "rg" => option(&[], &["pre"]),
        "file" => option(&['C'], &["compile"]),
        // A line of output may be written to a file, or run.
        "sed" => operands().any(|script| {
            let script = script.trim_matches(['"', '\'']);
            script.split([';', '\n', '{']).any(|part| {
                let part = part.trim_end();
                part.rsplit('/').next().is_some_and(|flags| {
                    let flags =
                        flags.trim_start_matches(|c: char| c.is_ascii_digit() || "gIpM$, ".contains(c));
                    flags == "e"
                        || flags.starts_with("w ")
                        || flags.starts_with("W ")
                        || flags.starts_with("e ")
                })
            })
        }),
        "awk" => rest
            .iter()
            .any(|word| ["system(", "|", ">\"", "> \"", "getline"].iter().any(|deed| word.contains(deed))),
        _ => false,
    }
}

/// Returns the words that are neither options nor the values of those options.
pub(super) fn operands_after<'w>(words: &[&'w str], valued: &[&str]) -> Vec<&'w str> {
    let mut value = false;
    let plain = words.iter().copied().filter(|word| {
        let skip = std::mem::take(&mut value) || word.starts_with(['-', '<', '>']) || word.starts_with("2>");
        value = valued.contains(word) || matches!(*word, "<" | ">" | "2>");
        !skip
    });
    plain.collect()
}

/// Takes the quotes off a word, as far as they stand around the whole of it.
pub(super) fn unquoted(word: &str) -> String {
    word.trim_matches(['"', '\'']).to_owned()
}

pub(super) fn name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn looks(words: &[&str], told: &[&str], depth: usize) -> bool {
    let Some(program) = words.first().map(|word| name(word)) else { return false };
    let rest = &words[1..];
    let Some(deeper) = depth.checked_sub(1) else { return false };
    match program {
        "sudo" | "time" | "nice" | "nohup" | "watch" | "timeout" | "xargs" | "env" => {
            let mut at = rest.iter().position(|word| !word.starts_with('-')).unwrap_or(rest.len());
            if program == "timeout" {
                at += 1;
            }
            return match rest.get(at..) {
                Some([]) | None => program == "env",
                Some(inner) => looks(inner, told, deeper),
            };
        }
        _ => {}
    }
    if LOOK.contains(&program) {
        return !alters(program, rest);
    }
    // What is asked of a pod or container is asked by what follows.
    if matches!(program, "kubectl" | "oc" | "docker" | "podman") && rest.contains(&"exec") {
        let inner = match rest.iter().position(|word| *word == "--") {
            Some(at) => rest.get(at + 1..),
            None => {
                let at = rest.iter().position(|word| *word == "exec").map_or(0, |at| at + 1);
                let container = rest[at..].iter().position(|word| !word.starts_with('-'));
                container.and_then(|container| rest.get(at + container + 1..))
            }
        };
        return inner.is_some_and(|inner| looks(inner, told, deeper));
    }
    match program {
        "aws" => {
            let mut plain = plain(rest);
            let (Some(_), Some(operation)) = (plain.next(), plain.next()) else { return false };
            AWS.iter().any(|begin| operation.starts_with(begin))
        }
        "gcloud" | "az" => plain(rest).any(|word| CLOUD.contains(&word)),
        "psql" | "mysql" | "mariadb" => match (statement(rest), told) {
            (Some(sql), _) => only_asks(sql),
            // Of more than one text nobody knows which of them it reads.
            (None, [sql]) => only_asks(sql),
            _ => false,
        },
        // Without a command it does what it reads.
        "redis-cli" => {
            let looks = ["--scan", "--stat", "--bigkeys", "--memkeys", "--hotkeys", "--latency", "--version"];
            let plain = operands_after(rest, &["-h", "-p", "-a", "-n", "-u", "--user", "--pass"]);
            !plain.is_empty() || rest.iter().any(|word| looks.contains(word))
        }
        _ => VERBS.iter().filter(|(names, _)| names.contains(&program)).any(|(_, verbs)| {
            verbs.iter().any(|verb| {
                let wanted: Vec<&str> = verb.split_whitespace().collect();
                plain(rest).take(wanted.len()).eq(wanted.iter().copied()) || verb.is_empty()
            })
        }),
    }
}

/// Says whether each statement begins with a word that looks. What changes something further on was found before.
fn only_asks(sql: &str) -> bool {
    let lines = sql.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join("\n").to_lowercase();
    let mut statements = text.split(';').map(str::trim).filter(|statement| !statement.is_empty()).peekable();
    statements.peek().is_some()
        && statements.all(|statement| SQL.iter().any(|word| statement.starts_with(word)))
}

/// Options before a verb whose value is a word of its own. With one that is not here the verb is not found, and the command is one
/// that nobody knows.
const VALUED: [&str; 16] = [
    "--as",
    "--cluster",
    "--context",
    "--endpoint-url",
    "--host",
    "--kube-context",
    "--kubeconfig",
    "--namespace",
    "--output",
    "--profile",
    "--query",
    "--region",
    "--server",
    "-C",
    "-H",
    "-n",
];

pub(super) fn plain<'w>(words: &'w [&'w str]) -> impl Iterator<Item = &'w str> {
    let mut value = false;
    words.iter().copied().take_while(|word| *word != "--").filter(move |word| {
        let skip = std::mem::take(&mut value) || word.starts_with('-');
        value = VALUED.contains(word);
        !skip
    })
}

/// Returns the statement that a client of a database is given.
pub(super) fn statement<'w>(words: &[&'w str]) -> Option<&'w str> {
    words.iter().enumerate().find_map(|(at, word)| {
        let short = word.starts_with('-') && !word.starts_with("--") && word.ends_with(['c', 'e']);
        match word.strip_prefix("--command=").or_else(|| word.strip_prefix("--execute=")) {
            Some(sql) => Some(sql),
            None if short || matches!(*word, "--command" | "--execute") => words.get(at + 1).copied(),
            None => None,
        }
    })
}

/// Says whether a script ends with a search that fails where it finds nothing.
pub(super) fn ends_with_search(script: &str) -> bool {
    let found = commands(script);
    let last = found.iter().rev().find(|words| !words.is_empty());
    found.iter().filter(|words| !words.is_empty()).count() > 1
        && last.is_some_and(|words| matches!(name(words[0].1), "grep" | "egrep" | "fgrep" | "rg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_reads_tells_what_it_does() {
        for (script, told, wanted) in [
            ("psql app <<SQL", "-- how many?\nselect 1;\nselect 2;\n", Effect::Looks),
            ("psql app <<SQL", "select 1;\ndelete from x;\n", Effect::Changes),
            ("mysql app <<SQL", "optimise x;\n", Effect::Unknown),
            ("psql -f x.sql <<SQL", "select 1;\n", Effect::Changes),
            ("redis-cli <<EOF", "GET x\n", Effect::Changes),
            ("bash <<EOF", "rm x\n", Effect::Changes),
            ("cat <<EOF", "some words\n", Effect::Looks),
        ] {
            assert_eq!(effect(script, &[told]), wanted, "{script} {told}");
        }
    }

    #[test]
    fn what_only_looks_is_told_from_what_changes_and_from_what_nobody_knows() {
        for script in [
            "kubectl -n prod get pods | grep Pending",
            "kubectl --context x -n y describe hpa z",
            "kubectl exec -it db-0 -- psql -U a -c \"SELECT count(*) FROM x;\"",
            "kubectl exec -it r-0 -- redis-cli info memory",
            "aws rds describe-db-clusters --query 'a[0].b'",
            "aws cloudwatch get-metric-statistics --start-time $(date -u -d '1 hour ago' +%s)",
            "helm -n x history y",
            "for p in a b; do kubectl logs $p; done",
            "sudo journalctl -u nginx --since today",
            "curl -fsS http://localhost/health | jq .",
            "date -u +%s; date -d '1 hour ago' +%F; date -Iseconds; date -r file; date --date=yesterday",
            "sort -k2,2 -t: file | uniq -c",
            "ss -tlnp sport = :80",
            "sed -n '1,3p;s/new/w/g' file | awk '{print $2}'",
            "redis-cli --bigkeys",
            "grep -o x file",
        ] {
            assert_eq!(effect(script, &[]), Effect::Looks, "{script}");
        }
        for script in [
            "kubectl -n x scale deployment/y --replicas=3",
            "kubectl exec -it db-0 -- psql -c \"ALTER SYSTEM SET x = 1;\"",
            "kubectl exec r-0 -- redis-cli CONFIG SET maxmemory 2gb",
            "for s in a b; do kubectl delete pod $s; done",
            "kubectl get pods > pods.txt",
        ] {
            assert_eq!(effect(script, &[]), Effect::Changes, "{script}");
        }
        for script in [
            "npm run cache:warm",
            "k6 run x.js",
            "./deploy.sh",
            "get-pods x",
            "yq -i '.a = 1' file",
            "vault read database/creds/x",
            "journalctl --vacuum-time=1d",
            "kubectl frobnicate get",
            "$TOOL x",
            "date -s '2020-01-01'",
            "date -us '2020-01-01'",
            "date --set=12:00",
            "date 010112002026",
            "sort -o /etc/passwd /etc/passwd",
            "sort -uo out in",
            "sort --out=x y",
            "sort --compress-program=./x y",
            "ss -K dst 1.2.3.4",
            "ss -tK state close-wait",
            "ss --kill dst 1.2.3.4",
            "tree -o list",
            "uniq in out",
            "rg --pre ./x y",
            "sed -n 's/x/y/w out' in",
            "sed '1e rm x' in",
            "awk '{print | \"sh\"}' x",
            "kubectl exec x -- date -s now",
            "redis-cli < commands",
            "redis-cli -h x",
        ] {
            assert_ne!(effect(script, &[]), Effect::Looks, "{script}");
        }
    }
}
