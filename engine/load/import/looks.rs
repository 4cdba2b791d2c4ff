//! What a command of a document does, as far as its words tell: looks, changes, never ends, wants a terminal.
//!
//! [`changes`] errs towards telling a change, of the programs that it knows. Here a program that nobody
//! knows must not pass for one that looks, so what looks is named, and everything else is open.

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

/// Why a command is a person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Person {
    /// It goes on until somebody stops it.
    NeverEnds,
    /// It opens an editor, or asks.
    Terminal,
    /// It opens a session: what stands below it is typed there.
    Session,
    /// It changes the shell that it is typed into, and no other.
    Shell,
}

/// Programs that only look, whatever their words; redirections are seen elsewhere.
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
    (&["journalctl", "curl", "redis-cli", "wget"], &[""]),
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

/// Returns what a command or script does.
pub(super) fn effect(script: &str) -> Effect {
    let argv = ["sh", "-c", script].map(str::to_owned);
    if changes(&argv, None).is_some() {
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
        if !grammar && !looks(&texts, 4) {
            return Effect::Unknown;
        }
    }
    if any { Effect::Looks } else { Effect::Unknown }
}

/// Takes the quotes off a word, as far as they stand around the whole of it.
fn unquoted(word: &str) -> String {
    word.trim_matches(['"', '\'']).to_owned()
}

fn name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn looks(words: &[&str], depth: usize) -> bool {
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
                Some(inner) => looks(inner, deeper),
            };
        }
        _ => {}
    }
    if LOOK.contains(&program) {
        return true;
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
        return inner.is_some_and(|inner| looks(inner, deeper));
    }
    match program {
        "aws" => {
            let mut plain = plain(rest);
            let (Some(_), Some(operation)) = (plain.next(), plain.next()) else { return false };
            AWS.iter().any(|begin| operation.starts_with(begin))
        }
        "gcloud" | "az" => plain(rest).any(|word| CLOUD.contains(&word)),
        "psql" | "mysql" | "mariadb" => statement(rest).is_some_and(|sql| {
            let first = sql.trim_start().to_lowercase();
            SQL.iter().any(|word| first.starts_with(word))
        }),
        _ => VERBS.iter().filter(|(names, _)| names.contains(&program)).any(|(_, verbs)| {
            verbs.iter().any(|verb| {
                let wanted: Vec<&str> = verb.split_whitespace().collect();
                plain(rest).take(wanted.len()).eq(wanted.iter().copied()) || verb.is_empty()
            })
        }),
    }
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

fn plain<'w>(words: &'w [&'w str]) -> impl Iterator<Item = &'w str> {
    let mut value = false;
    words.iter().copied().take_while(|word| *word != "--").filter(move |word| {
        let skip = std::mem::take(&mut value) || word.starts_with('-');
        value = VALUED.contains(word);
        !skip
    })
}

/// Returns the statement that a client of a database is given.
fn statement<'w>(words: &[&'w str]) -> Option<&'w str> {
    words.iter().enumerate().find_map(|(at, word)| {
        let short = word.starts_with('-') && !word.starts_with("--") && word.ends_with(['c', 'e']);
        match word.strip_prefix("--command=").or_else(|| word.strip_prefix("--execute=")) {
            Some(sql) => Some(sql),
            None if short || matches!(*word, "--command" | "--execute") => words.get(at + 1).copied(),
            None => None,
        }
    })
}

/// Returns why a command can't be a step that the engine runs, with the words that say so.
pub(super) fn person(script: &str) -> Option<(Person, String)> {
    let mut typed = script.split_whitespace();
    if typed.next() == Some("sudo") && matches!(typed.next(), Some("-i" | "-s")) && typed.next().is_none() {
        return Some((Person::Session, "sudo".to_owned()));
    }
    let endless = ["while true", "while :", "until false"].into_iter().find(|begin| script.contains(begin));
    if let Some(begin) = endless.filter(|_| !script.contains("break") && !script.contains("exit")) {
        return Some((Person::NeverEnds, begin.to_owned()));
    }
    let found: Vec<_> = commands(script).into_iter().filter(|words| !words.is_empty()).collect();
    let alone = !script.starts_with('(') && !script.contains([';', '|', '<', '\n']) && !script.contains("&&");
    found.iter().find_map(|words| {
        let texts: Vec<String> = words.iter().map(|(_, word)| unquoted(word)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        // In a script of several commands `cd` and `exit` mean what they say.
        of_words(&texts, 4).filter(|(person, _)| *person != Person::Shell || alone)
    })
}

fn of_words(words: &[&str], depth: usize) -> Option<(Person, String)> {
    let program = name(words.first()?);
    let rest = &words[1..];
    let deeper = depth.checked_sub(1)?;
    let own = rest.iter().position(|word| *word == "--").unwrap_or(rest.len());
    let has = |wanted: &[&str]| rest[..own].iter().find(|word| wanted.contains(word)).copied();
    let short = |letter: char| {
        rest[..own].iter().copied().find(|word| {
            word.len() > 1
                && word.starts_with('-')
                && !word.starts_with("--")
                && word[1..].chars().all(|c| c.is_ascii_alphabetic())
                && word.contains(letter)
        })
    };
    let never = |said: String| Some((Person::NeverEnds, said));
    let terminal = |said: String| Some((Person::Terminal, said));
    let session = |said: String| Some((Person::Session, said));
    match program {
        "sudo" | "time" | "nohup" | "env" => {
            let at = rest.iter().position(|word| !word.starts_with('-') && !word.contains('='))?;
            return of_words(rest.get(at..)?, deeper);
        }
        "watch" | "htop" | "k9s" | "stern" | "ping" | "top" | "tail" | "journalctl" | "dmesg" | "sleep" => {
            return match program {
                "ping" if short('c').is_some() => None,
                "top" if short('b').is_some() || short('n').is_some() || has(&["-n1", "-bn1"]).is_some() => {
                    None
                }
                "tail" | "journalctl" => {
                    let follows = short('f').or_else(|| short('F')).or_else(|| has(&["--follow"]))?;
                    never(format!("{program} {follows}"))
                }
                "dmesg" => never(format!("dmesg {}", short('w').or_else(|| has(&["--follow"]))?)),
                "sleep" => never(format!("sleep {}", has(&["infinity", "inf"])?)),
                _ => never(program.to_owned()),
            };
        }
        "vi" | "vim" | "nvim" | "nano" | "emacs" | "less" | "more" | "man" | "visudo" | "passwd" | "code" => {
            return terminal(program.to_owned());
        }
        // In a loop it reads what is handed to it.
        "read" if rest.iter().any(|word| word.starts_with("-p")) => return terminal("read".to_owned()),
        "crontab" => return terminal(format!("crontab {}", short('e')?)),
        "su" | "bash" | "sh" | "zsh" if rest.is_empty() || rest == ["-"] || rest == ["-l"] => {
            return session(program.to_owned());
        }
        "ssh" => {
            let mut plain = 0;
            let mut value = false;
            for word in rest {
                if std::mem::take(&mut value) {
                    continue;
                }
                if let Some(option) = word.strip_prefix('-') {
                    if option.contains(['N', 'f', 'L', 'R', 'D']) {
                        return never(format!("ssh {word}"));
                    }
                    value = matches!(option, "i" | "p" | "l" | "o" | "J" | "F");
                } else {
                    plain += 1;
                }
            }
            return if plain == 1 { session("ssh".to_owned()) } else { None };
        }
        "psql" | "mysql" | "mariadb" => {
            let told = statement(rest).is_some()
                || rest.iter().any(|word| {
                    word.starts_with("-f")
                        || word.starts_with("--file")
                        || matches!(*word, "-l" | "--list" | "--version" | "-V")
                })
                || rest.iter().any(|word| word.starts_with("<"));
            return if told { None } else { session(program.to_owned()) };
        }
        "redis-cli" | "mongosh" | "mongo" => {
            let mut value = false;
            let plain = rest.iter().filter(|word| {
                let skip = std::mem::take(&mut value) || word.starts_with('-');
                value = matches!(**word, "-h" | "-p" | "-a" | "-n" | "-u" | "--user" | "--pass");
                !skip
            });
            let told = plain.count() > 0
                || rest
                    .iter()
                    .any(|word| word.starts_with("--") && !matches!(*word, "--user" | "--pass" | "--tls"));
            return if told || program != "redis-cli" && !rest.is_empty() {
                None
            } else {
                session(program.to_owned())
            };
        }
        "source" | "." | "alias" | "unalias" | "unset" | "pushd" | "popd" | "cd" | "ulimit" | "umask"
        | "eval" | "shopt" | "exit" | "logout" => {
            return Some((Person::Shell, program.to_owned()));
        }
        _ => {}
    }
    if matches!(program, "kubectl" | "oc") {
        let mut plain = plain(rest);
        let (first, second) = (plain.next().unwrap_or_default(), plain.next().unwrap_or_default());
        let verb = ["edit", "port-forward", "proxy", "attach", "logs", "get", "exec", "events", "rsh"]
            .into_iter()
            .find(|verb| {
                [first, second].contains(verb) || rest[..own].iter().take(6).any(|word| word == verb)
            })?;
        return match verb {
            "edit" => terminal(format!("{program} edit")),
            "port-forward" | "proxy" => never(format!("{program} {verb}")),
            "attach" | "rsh" => session(format!("{program} {verb}")),
            "logs" => never(format!(
                "{program} logs {}",
                short('f').or_else(|| has(&["--follow", "--follow=true"]))?
            )),
            "exec" => {
                let inner = rest.get(own + 1..).unwrap_or_default();
                let shell = inner.first().is_none_or(|word| {
                    inner.len() == 1 && matches!(name(word), "bash" | "sh" | "ash" | "zsh")
                });
                let asks = short('t').is_some() || has(&["--tty"]).is_some();
                if own == rest.len() {
                    // The old form, without `--`: the shell is the last word.
                    let last = rest.last().map_or("", |word| name(word));
                    return if matches!(last, "bash" | "sh" | "ash") {
                        session(format!("{program} exec"))
                    } else {
                        None
                    };
                }
                if shell && asks { session(format!("{program} exec")) } else { of_words(inner, deeper) }
            }
            _ => {
                let watches = has(&["-w", "--watch", "--watch=true", "--watch-only", "-ow"])
                    .or_else(|| short('w').filter(|word| !word.starts_with("-o")))?;
                never(format!("{program} {verb} {watches}"))
            }
        };
    }
    match program {
        "docker" | "podman" => {
            let verb = plain(rest)
                .find(|word| matches!(*word, "logs" | "stats" | "exec" | "run" | "attach" | "events"))?;
            match verb {
                "logs" => never(format!("{program} logs {}", short('f').or_else(|| has(&["--follow"]))?)),
                "stats" if has(&["--no-stream"]).is_none() => never(format!("{program} stats")),
                "events" if !rest.iter().any(|word| word.starts_with("--until")) => {
                    never(format!("{program} events"))
                }
                "attach" => session(format!("{program} attach")),
                "exec" | "run" => {
                    let shell = rest.last().is_some_and(|word| matches!(name(word), "bash" | "sh" | "ash"));
                    if shell && short('t').is_some() { session(format!("{program} {verb}")) } else { None }
                }
                _ => None,
            }
        }
        "aws" => match (has(&["configure", "login"]), has(&["tail"]).and(has(&["--follow"]))) {
            (Some(verb), _) if rest.len() <= 3 => terminal(format!("aws {verb}")),
            (_, Some(follow)) => never(format!("aws logs tail {follow}")),
            _ => None,
        },
        "gcloud" | "az" if has(&["login"]).is_some() => terminal(format!("{program} login")),
        "git" => terminal(format!("git rebase {}", has(&["rebase"]).and(has(&["-i"]))?)),
        _ => None,
    }
}

/// Says whether a command asks for a terminal that a step does not have, and does without it.
pub(super) fn wants_tty(script: &str) -> bool {
    commands(script).iter().any(|words| {
        let texts: Vec<&str> = words.iter().map(|(_, word)| *word).take_while(|word| *word != "--").collect();
        texts.contains(&"exec") && texts.iter().any(|word| matches!(*word, "-it" | "-ti" | "-t" | "--tty"))
    })
}

/// Says whether a script ends with a search that fails where it finds nothing.
pub(super) fn ends_with_search(script: &str) -> bool {
    let found = commands(script);
    let last = found.iter().rev().find(|words| !words.is_empty());
    found.iter().filter(|words| !words.is_empty()).count() > 1
        && last.is_some_and(|words| matches!(name(words[0].1), "grep" | "egrep" | "fgrep" | "rg"))
}

/// Programs that a line without a tag may begin with.
const KNOWN: [&str; 82] = [
    "ansible",
    "ansible-playbook",
    "apt",
    "apt-get",
    "argocd",
    "artillery",
    "aws",
    "az",
    "bash",
    "brew",
    "cargo",
    "cat",
    "cd",
    "chmod",
    "chown",
    "consul",
    "cp",
    "crontab",
    "curl",
    "date",
    "df",
    "dig",
    "docker",
    "docker-compose",
    "du",
    "echo",
    "etcdctl",
    "eksctl",
    "export",
    "find",
    "flux",
    "gcloud",
    "gh",
    "git",
    "go",
    "grep",
    "gsutil",
    "helm",
    "htop",
    "istioctl",
    "journalctl",
    "jq",
    "k6",
    "kill",
    "kubectl",
    "kubectx",
    "kubens",
    "ls",
    "lsof",
    "make",
    "mkdir",
    "mongosh",
    "mv",
    "mysql",
    "netstat",
    "nomad",
    "npm",
    "npx",
    "nslookup",
    "oc",
    "openssl",
    "pg_dump",
    "pg_restore",
    "ping",
    "pip",
    "podman",
    "ps",
    "psql",
    "python",
    "python3",
    "redis-cli",
    "rm",
    "rsync",
    "scp",
    "sed",
    "ssh",
    "sudo",
    "systemctl",
    "tail",
    "terraform",
    "watch",
    "yarn",
];

/// Says whether a line begins as a command does, where nothing else says that it is one.
pub(super) fn seems_command(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let Some(first) = words.next() else { return false };
    if first.strip_prefix("./").is_some_and(|script| script.ends_with(".sh")) {
        return true;
    }
    let second = words.next();
    // `date: 2024`, `make sure that`, `find the pod`: words of people.
    let prose = matches!(first, "make" | "find" | "date" | "go" | "kill" | "watch" | "cat" | "time")
        && second.is_some_and(|word| {
            matches!(word, "sure" | "the" | "a" | "an" | "to" | "all" | "any" | "out" | "for" | "=" | "into")
        });
    let assigns = first.split_once('=').is_some_and(|(name, value)| {
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && !value.is_empty()
    });
    !prose
        && second.is_none_or(|word| !matches!(word, "=" | ":" | "->" | "|"))
        && (KNOWN.contains(&name(first)) || assigns)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            assert_eq!(effect(script), Effect::Looks, "{script}");
        }
        for script in [
            "kubectl -n x scale deployment/y --replicas=3",
            "kubectl exec -it db-0 -- psql -c \"ALTER SYSTEM SET x = 1;\"",
            "kubectl exec r-0 -- redis-cli CONFIG SET maxmemory 2gb",
            "for s in a b; do kubectl delete pod $s; done",
            "kubectl get pods > pods.txt",
        ] {
            assert_eq!(effect(script), Effect::Changes, "{script}");
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
        ] {
            assert_ne!(effect(script), Effect::Looks, "{script}");
        }
    }

    #[test]
    fn what_a_person_must_do_is_seen() {
        for (script, wanted) in [
            ("watch kubectl get hpa,pods", Some(Person::NeverEnds)),
            ("kubectl get pods -n x -w", Some(Person::NeverEnds)),
            ("kubectl logs -f deployment/x", Some(Person::NeverEnds)),
            ("kubectl -n x port-forward svc/y 80:80 &", Some(Person::NeverEnds)),
            ("tail -f /var/log/x | grep y", Some(Person::NeverEnds)),
            ("ping example.org", Some(Person::NeverEnds)),
            ("kubectl edit hpa x -n y", Some(Person::Terminal)),
            ("vim /etc/hosts", Some(Person::Terminal)),
            ("kubectl exec -it x -- /bin/bash", Some(Person::Session)),
            ("ssh -i key host", Some(Person::Session)),
            ("psql -h x -U y", Some(Person::Session)),
            ("source .env", Some(Person::Shell)),
            ("sudo -i", Some(Person::Session)),
            ("while true; do date; sleep 5; done", Some(Person::NeverEnds)),
            ("sudo su -", Some(Person::Session)),
            ("cd $(mktemp -d)", Some(Person::Shell)),
            ("(cd /tmp && ls)", None),
            ("test -f x || exit 1", None),
            ("while read -r x; do echo $x; done < file", None),
            ("kubectl get pods -o wide", None),
            ("kubectl rollout status deployment/x --timeout=5m", None),
            ("kubectl exec -it x -- psql -c 'select 1'", None),
            ("ping -c 3 host", None),
            ("tail -n 100 /var/log/x", None),
            ("ssh host uptime", None),
            ("psql -h x -c 'select 1'", None),
            ("redis-cli -h x info", None),
            ("helm -n x upgrade y z -f values.yaml", None),
            ("kubectl apply -f x.yaml", None),
        ] {
            assert_eq!(person(script).map(|found| found.0), wanted, "{script}");
        }
    }

    #[test]
    fn a_line_without_a_tag_is_a_command_only_where_it_looks_like_one() {
        for line in
            ["kubectl get pods", "aws s3 ls", "./run.sh now", "NAMESPACE=prod", "sudo systemctl restart x"]
        {
            assert!(seems_command(line), "{line}");
        }
        for line in [
            "Required Pods = (x / y)",
            "NAME  READY",
            "make sure it works",
            "date = now",
            "{\"a\": 1}",
            "x=1",
            "",
        ] {
            assert!(!seems_command(line), "{line}");
        }
    }
}
