//! Commands known to change something, by their verb.
//!
//! Only what is certain is told: a program or verb that is not here may change anything, and nothing is said about it. What
//! changes no more than a file of the script's own, or is how one looks (`kubectl run --rm`), is let pass: a warning that
//! cries wolf is silenced. A plan that looks must change nothing at all, so [`strictly`] lets none of that pass, and knows
//! more.

mod strict;

use std::ops::Range;

pub(in crate::load::check) use strict::{strictly, strictly_sql};

use super::script;
use crate::model::{Line, Place, Text};

/// What a word of a command is, for finding the verb.
#[derive(Clone, Copy, Debug)]
struct Word<'c> {
    text: &'c str,
    /// Which word of the command it is.
    index: usize,
}

/// How the verb of a program is found, and what it is.
struct Tool {
    /// The program, with those that take the same words.
    names: &'static [&'static str],
    /// Verbs that change something; two words for a verb in a group: `rollout restart`.
    changes: &'static [&'static str],
    /// Options before the verb that take a value as a word of its own.
    valued: &'static [&'static str],
    /// Options with which nothing is changed.
    harmless: &'static [&'static str],
    /// Options with which what is changed is nothing to warn of.
    excused: &'static [&'static str],
}

const TOOLS: &[Tool] = &[
    Tool {
        // `oc` takes all that kubectl does, some of it below `adm`, and adds a few.
        names: &["kubectl", "oc"],
        changes: &[
            "adm cordon",
            "adm drain",
            "adm taint",
            "adm uncordon",
            "annotate",
            "apply",
            "autoscale",
            "cordon",
            "cp",
            "create",
            "debug",
            "delete",
            "drain",
            "edit",
            "evict",
            "expose",
            "label",
            "patch",
            "replace",
            "rollout latest",
            "rollout pause",
            "rollout restart",
            "rollout resume",
            "rollout undo",
            "run",
            "scale",
            "set",
            "start-build",
            "taint",
            "uncordon",
        ],
        valued: &[
            "-n",
            "--namespace",
            "--context",
            "--cluster",
            "--kubeconfig",
            "--user",
            "-s",
            "--server",
            "--token",
            "--as",
            "--as-group",
            "--request-timeout",
            "-v",
            "--cache-dir",
            "--certificate-authority",
            "--client-certificate",
            "--client-key",
            "--profile",
        ],
        harmless: &["--dry-run", "--help", "-h"],
        // `run --rm` is how one looks from inside the cluster, `annotate --list` how one looks at annotations.
        excused: &["--list", "--rm"],
    },
    Tool {
        names: &["helm"],
        changes: &[
            "delete",
            "install",
            "plugin install",
            "plugin uninstall",
            "rollback",
            "uninstall",
            "upgrade",
            "push",
            "registry login",
        ],
        valued: &[
            "-n",
            "--namespace",
            "--kube-context",
            "--kubeconfig",
            "--registry-config",
            "--repository-config",
        ],
        harmless: &["--dry-run", "--help", "-h"],
        excused: &[],
    },
    Tool {
        names: &["terraform", "tofu"],
        changes: &[
            "apply",
            "destroy",
            "import",
            "state mv",
            "state push",
            "state rm",
            "taint",
            "untaint",
            "workspace delete",
            "workspace new",
            "force-unlock",
            "refresh",
        ],
        valued: &[],
        harmless: &["-help", "--help"],
        excused: &[],
    },
    Tool {
        names: &["systemctl"],
        changes: &[
            "daemon-reload",
            "disable",
            "edit",
            "enable",
            "isolate",
            "kill",
            "mask",
            "poweroff",
            "reboot",
            "reload",
            "restart",
            "set-property",
            "start",
            "stop",
            "try-restart",
            "unmask",
        ],
        valued: &["-H", "--host", "-M", "--machine", "-t", "--type"],
        harmless: &["--dry-run", "--help", "-h"],
        excused: &[],
    },
    Tool {
        names: &["docker"],
        changes: &[
            "build",
            "compose down",
            "compose restart",
            "compose rm",
            "compose stop",
            "compose up",
            "container prune",
            "container rm",
            "cp",
            "create",
            "image prune",
            "image rm",
            "kill",
            "load",
            "pause",
            "push",
            "restart",
            "rm",
            "rmi",
            "run",
            "start",
            "stop",
            "system prune",
            "tag",
            "unpause",
            "volume prune",
            "volume rm",
        ],
        valued: &[
            "-H",
            "--host",
            "-c",
            "--context",
            "--config",
            "-l",
            "--log-level",
            "-f",
            "--file",
            "-p",
            "--project-name",
        ],
        harmless: &["--help", "--dry-run"],
        excused: &["--rm"],
    },
    Tool {
        names: &["git"],
        changes: &[
            "add",
            "am",
            "cherry-pick",
            "checkout",
            "clean",
            "commit",
            "merge",
            "pull",
            "push",
            "rebase",
            "reset",
            "restore",
            "revert",
            "rm",
            "stash",
            "switch",
        ],
        valued: &["-C", "-c", "--git-dir", "--work-tree"],
        harmless: &["--dry-run", "--help"],
        // Of `commit` and `merge` it is something else.
        excused: &["-n"],
    },
    Tool {
        names: &["apt-get"],
        changes: &["autoremove", "install", "purge", "remove", "upgrade", "dist-upgrade"],
        valued: &["-o", "-c"],
        harmless: &["-s", "--simulate", "--dry-run", "--help"],
        excused: &[],
    },
    Tool {
        names: &["npm"],
        changes: &["ci", "install", "publish", "uninstall", "unpublish"],
        valued: &["--prefix", "-w"],
        harmless: &["--dry-run", "--help"],
        excused: &[],
    },
    Tool {
        names: &["vault"],
        changes: &[
            "delete",
            "write",
            "kv put",
            "kv delete",
            "kv patch",
            "kv destroy",
            "lease revoke",
            "operator seal",
            "token revoke",
        ],
        valued: &[],
        harmless: &["-help", "--help"],
        excused: &[],
    },
    Tool {
        names: &["argocd"],
        changes: &["app sync", "app delete", "app rollback", "app set", "app create", "app terminate-op"],
        valued: &["--server", "--auth-token", "--context"],
        harmless: &["--dry-run", "--help"],
        excused: &[],
    },
    Tool {
        names: &["redis-cli"],
        changes: &[
            "set",
            "del",
            "flushall",
            "flushdb",
            "failover",
            "shutdown",
            "config set",
            "SET",
            "DEL",
            "FLUSHALL",
            "FLUSHDB",
            "FAILOVER",
            "SHUTDOWN",
            "CONFIG SET",
        ],
        valued: &["-h", "-p", "-a", "-n", "-u", "--user", "--pass"],
        harmless: &["--help"],
        excused: &[],
    },
];

/// Programs that do nothing else.
const ALWAYS: [&str; 19] = [
    "chmod",
    "chown",
    "createdb",
    "createuser",
    "dropdb",
    "dropuser",
    "kill",
    "killall",
    "ln",
    "mkdir",
    "mkfs",
    "mv",
    "pkill",
    "reboot",
    "rm",
    "rmdir",
    "shutdown",
    "truncate",
    "useradd",
];

/// Those of them that are no change on files of the script's own.
const SCRATCH: [&str; 5] = ["mkdir", "mv", "rm", "rmdir", "truncate"];

/// How operations of the aws client begin that only look.
const AWS_READS: [&str; 17] = [
    "batch-get-",
    "check-",
    "decode-",
    "describe-",
    "estimate-",
    "filter-",
    "get-",
    "head-",
    "help",
    "list-",
    "lookup-",
    "query",
    "scan",
    "search-",
    "select-",
    "validate-",
    "wait",
];
/// How operations of the aws client begin that change something. What is in neither list may be either: `assume-role`.
const AWS_CHANGES: [&str; 58] = [
    "accept-",
    "activate-",
    "add-",
    "allocate-",
    "apply-",
    "associate-",
    "attach-",
    "authorize-",
    "cancel-",
    "change-",
    "complete-",
    "copy-",
    "create-",
    "deactivate-",
    "delete-",
    "deploy",
    "deregister-",
    "detach-",
    "disable-",
    "disassociate-",
    "enable-",
    "execute-",
    "failover-",
    "import-",
    "invoke",
    "modify-",
    "move-",
    "promote-",
    "publish",
    "purge-",
    "put-",
    "reboot-",
    "record-",
    "register-",
    "reject-",
    "release-",
    "remove-",
    "replace-",
    "request-",
    "reset-",
    "restore-",
    "resume-",
    "revoke-",
    "rotate-",
    "run-",
    "schedule-",
    "send-",
    "set-",
    "signal-",
    "start-",
    "stop-",
    "suspend-",
    "swap-",
    "tag-",
    "terminate-",
    "transact-write-",
    "untag-",
    "update-",
];
/// Of `aws s3`, which has verbs of its own.
const AWS_S3: [&str; 6] = ["cp", "mb", "mv", "rb", "rm", "sync"];
const AWS_VALUED: [&str; 9] = [
    "--cli-connect-timeout",
    "--region",
    "--profile",
    "--output",
    "--query",
    "--endpoint-url",
    "--ca-bundle",
    "--cli-read-timeout",
    "--color",
];

/// Verbs of `gcloud` and `az`, which stand last in a path of groups.
const CLOUD: [&str; 33] = [
    "add-iam-policy-binding",
    "apply",
    "attach-disk",
    "create",
    "deallocate",
    "delete",
    "deploy",
    "detach-disk",
    "disable",
    "enable",
    "failover",
    "import",
    "move",
    "patch",
    "promote-replica",
    "purge",
    "regenerate",
    "remove-iam-policy-binding",
    "reset",
    "resize",
    "restart",
    "restore",
    "resume",
    "rolling-action",
    "rollback",
    "scale",
    "set",
    "set-iam-policy",
    "start",
    "stop",
    "suspend",
    "update",
    "upgrade",
];

/// Parts of an address to which a question is posted.
const CURL_ASKS: [&str; 12] = [
    "_count",
    "_msearch",
    "_search",
    "graphql",
    "login",
    "oauth",
    "query",
    "query_range",
    "search",
    "token",
    "validate",
    "verify",
];

/// Words of SQL that change something when a statement begins with them.
const SQL: [&str; 17] = [
    "alter", "call", "cluster", "comment", "copy", "create", "delete", "drop", "grant", "insert", "merge",
    "reindex", "revoke", "set", "truncate", "update", "vacuum",
];

fn indexed<'c>(words: &[&'c str]) -> Vec<Word<'c>> {
    words.iter().copied().enumerate().skip(1).map(|(index, text)| Word { text, index }).collect()
}

/// Returns the words that say that a command changes something, and where they stand. In a script that is the first such
/// command that can be seen.
pub(super) fn verb(line: &Line) -> Option<(String, Place)> {
    let (Line::Words(words) | Line::List(words)) = line else { return None };
    let texts: Vec<&str> = words.iter().map(|word| word.src.as_str()).collect();
    let (said, index) = of(&texts)?;
    Some((said, words[index].at))
}

/// Returns the same of a script: what is said, and the bytes of `script` that say it.
pub(super) fn verb_of_script(script: &Text) -> Option<(String, Range<usize>)> {
    // A script that makes a file for itself also puts it away.
    let scratch = script.src.contains("mktemp");
    script::commands(&script.src).into_iter().find_map(|words| {
        let texts: Vec<&str> = words.iter().map(|(_, word)| word.trim_matches(['"', '\''])).collect();
        let own = |word: &&str| {
            word.starts_with('-') || word.starts_with("/tmp/") || scratch && word.starts_with('$')
        };
        if texts.first().is_some_and(|name| SCRATCH.contains(name)) && texts[1..].iter().all(own) {
            return None;
        }
        let (said, index) = of(&texts)?;
        Some((said, words[index].0.clone()))
    })
}

fn of(words: &[&str]) -> Option<(String, usize)> {
    let program = words.first()?;
    let name = program.rsplit('/').next().unwrap_or(program);
    let rest = indexed(words);
    let found = |said: &str, index: usize| Some((format!("{name} {said}"), index));
    if ALWAYS.contains(&name) {
        let asks = rest.first().is_some_and(|word| matches!(word.text, "-0" | "--version" | "--help"));
        return (!asks).then(|| (name.to_owned(), 0));
    }
    match name {
        "aws" => {
            let (said, index) = aws(&rest)?;
            found(&said, index)
        }
        "gcloud" | "az" => {
            let path = rest.iter().take_while(|word| !word.text.starts_with('-'));
            let verb = path.filter(|word| CLOUD.contains(&word.text)).last()?;
            found(verb.text, verb.index)
        }
        "psql" | "mysql" | "mariadb" | "sqlite3" | "cockroach" => {
            let (said, index) = rest.iter().find_map(|word| sql(word.text).map(|said| (said, word.index)))?;
            found(&said, index)
        }
        "curl" => {
            let (said, index) = curl(&rest)?;
            found(&said, index)
        }
        "sed" | "perl" => {
            let in_place = rest.iter().find(|word| {
                word.text == "-i" || word.text.starts_with("-i.") || word.text == "--in-place"
            })?;
            found(in_place.text, in_place.index)
        }
        _ => {
            let tool = TOOLS.iter().find(|tool| tool.names.contains(&name))?;
            let (said, index) = of_tool(tool, &rest, None)?;
            found(&said, index)
        }
    }
}

/// Returns the words that are no options and no values of options known to take one.
fn plain<'c>(rest: &'c [Word<'c>], valued: &'c [&'c str]) -> impl Iterator<Item = Word<'c>> {
    let mut value = false;
    rest.iter().copied().filter(move |word| {
        let skip = std::mem::take(&mut value) || is_option(word.text);
        value = valued.contains(&word.text);
        !skip
    })
}

/// Alone, `-` is what is read or written in place of a file.
fn is_option(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-')
}

/// Returns the verb of a tool that changes something. `strict` lets nothing pass that changes anything, and says whether
/// each option before the verb takes a value.
fn of_tool(tool: &Tool, rest: &[Word<'_>], strict: Option<bool>) -> Option<(String, usize)> {
    let harmless = |word: &Word<'_>| {
        let name = word.text.split('=').next().unwrap_or_default();
        match strict {
            None => {
                (tool.harmless.contains(&name) || tool.excused.contains(&name))
                    && word.text != "--dry-run=none"
                    && word.text != "--dry-run=false"
            }
            // `--dry-run=0` is none.
            Some(_) => {
                let value = word.text.split_once('=').map(|(_, value)| value);
                tool.harmless.contains(&name) && matches!(value, None | Some("client" | "server" | "true"))
            }
        }
    };
    // What follows `--` is for another program.
    let own = rest.iter().take_while(|word| word.text != "--").count();
    if rest[..own].iter().any(harmless) {
        return None;
    }
    let own_words = &rest[..own];
    let options: Vec<&str> = match strict {
        Some(true) => own_words.iter().map(|word| word.text).filter(|word| is_option(word)).collect(),
        _ => tool.valued.to_vec(),
    };
    let mut words = plain(own_words, &options).filter(|word| !word.text.contains("{{"));
    let verb = words.next()?;
    let also = strict.map_or(&[][..], |_| strict::also(tool));
    let changes = |verb: &str| tool.changes.contains(&verb) || also.contains(&verb);
    // Out of a pod or container is a look, and a file here.
    let out =
        strict.is_none() && verb.text == "cp" && rest[..own].last().is_some_and(|to| !to.text.contains(':'));
    if out {
        return None;
    }
    if changes(verb.text) {
        return Some((verb.text.to_owned(), verb.index));
    }
    let next = words.next()?;
    let both = format!("{} {}", verb.text, next.text);
    changes(&both).then_some((both, next.index))
}

fn aws(rest: &[Word<'_>]) -> Option<(String, usize)> {
    if rest
        .iter()
        .any(|word| matches!(word.text, "--dry-run" | "--dryrun" | "help" | "--generate-cli-skeleton"))
    {
        return None;
    }
    let mut words = plain(rest, &AWS_VALUED);
    let (service, operation) = (words.next()?, words.next()?);
    let said = Some((format!("{} {}", service.text, operation.text), operation.index));
    match service.text {
        // To the terminal, or to here: the bucket stays as it is.
        "s3" if matches!(operation.text, "cp" | "sync") => {
            let ends: Vec<&str> = words.map(|word| word.text).take(2).collect();
            let reads = ends.first().is_some_and(|from| from.starts_with("s3://"))
                && ends.get(1).is_some_and(|to| !to.starts_with("s3://") && !to.contains("{{"));
            said.filter(|_| !reads)
        }
        "s3" => said.filter(|_| AWS_S3.contains(&operation.text)),
        // They hand out what only passes: no state of anybody's is changed.
        "sts" | "ecr" if operation.text.starts_with("get-") => None,
        _ => {
            let begins = |of: &[&str]| of.iter().any(|begin| operation.text.starts_with(begin));
            said.filter(|_| !begins(&AWS_READS) && begins(&AWS_CHANGES))
        }
    }
}

/// Returns the first word of a statement that changes something, when the text is SQL.
fn sql(text: &str) -> Option<String> {
    let text = text.strip_prefix("--command=").or_else(|| text.strip_prefix("-c")).unwrap_or(text);
    text.split(';').find_map(|statement| {
        let mut words = statement.split_whitespace();
        let first = words.next()?.to_lowercase();
        // One word alone is a name: a database may be called `update`.
        let more = words.next()?;
        let harmless = first == "set" || first == "copy" && statement.to_lowercase().contains(" to stdout");
        (SQL.contains(&first.as_str()) && !harmless)
            .then(|| format!("{} {}", first.to_uppercase(), shown(more)))
    })
}

fn shown(word: &str) -> String {
    word.chars().take(20).collect()
}

fn curl(rest: &[Word<'_>]) -> Option<(String, usize)> {
    // A question that is too long for an address is posted as well.
    let asks = rest.iter().any(|word| {
        let path = word.text.split(['?', '#']).next().unwrap_or_default();
        word.text.contains('/') && path.rsplit('/').any(|part| CURL_ASKS.contains(&part))
    });
    rest.iter().enumerate().find_map(|(at, word)| {
        let method = match word.text {
            "-X" | "--request" => rest.get(at + 1)?.text,
            text => text.strip_prefix("--request=").or_else(|| text.strip_prefix("-X"))?,
        };
        let changes = matches!(method, "PUT" | "PATCH" | "DELETE") || method == "POST" && !asks;
        changes.then(|| (format!("-X {method}"), word.index))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Option<String> {
        let words: Vec<Text> = shlex(line).into_iter().map(Text::new).collect();
        verb(&Line::Words(words)).map(|(word, _)| word)
    }

    /// Splits at blanks outside single quotes.
    fn shlex(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quoted = false;
        for letter in line.chars() {
            match letter {
                '\'' => quoted = !quoted,
                ' ' if !quoted => words.push(String::new()),
                letter => words.last_mut().expect("there is one").push(letter),
            }
        }
        words
    }

    #[test]
    fn verbs_that_change() {
        for (line, word) in [
            ("kubectl -n prod scale deployment/api --replicas=3", "kubectl scale"),
            ("kubectl -n x --context y delete pod p", "kubectl delete"),
            ("kubectl --namespace=x annotate pod p a=b", "kubectl annotate"),
            ("kubectl rollout undo deployment/api", "kubectl rollout undo"),
            ("kubectl --context get drain node-1", "kubectl drain"),
            ("kubectl apply -f x.yaml --dry-run=none", "kubectl apply"),
            ("/usr/bin/helm upgrade api chart", "helm upgrade"),
            ("helm -n prod rollback api 3", "helm rollback"),
            ("helm upgrade api chart --dry-run=false", "helm upgrade"),
            ("kubectl apply -f - --dry-run=none", "kubectl apply"),
            ("aws --region us-west-2 rds modify-db-cluster --x y", "aws rds modify-db-cluster"),
            ("aws ecs update-service --service x", "aws ecs update-service"),
            ("aws s3 sync . s3://x", "aws s3 sync"),
            ("aws s3 rm s3://x/y", "aws s3 rm"),
            ("aws sqs purge-queue --queue-url x", "aws sqs purge-queue"),
            ("gcloud compute instances stop vm-1 --zone z", "gcloud stop"),
            ("az vm deallocate -g x -n y", "az deallocate"),
            ("terraform -chdir=infra apply -auto-approve", "terraform apply"),
            ("terraform state rm x", "terraform state rm"),
            ("psql -d shop -c 'DELETE FROM orders'", "psql DELETE FROM"),
            ("psql shop -c 'select 1; drop table x'", "psql DROP table"),
            ("curl -X DELETE http://localhost/x", "curl -X DELETE"),
            ("curl -XPOST http://localhost/x", "curl -X POST"),
            ("sed -i s/a/b/ file", "sed -i"),
            ("docker compose -f x.yaml up -d", "docker compose up"),
            ("git push origin main", "git push"),
            ("rm -rf build", "rm"),
            ("kubectl cp heap api-1:/tmp/heap", "kubectl cp"),
            ("aws s3 cp file s3://bucket/key", "aws s3 cp"),
            ("aws s3 cp - s3://bucket/key", "aws s3 cp"),
            ("aws s3 cp s3://a/key s3://b/key", "aws s3 cp"),
            ("curl -X DELETE http://elastic/_search", "curl -X DELETE"),
            ("systemctl restart nginx", "systemctl restart"),
            ("oc --token t delete pod p", "oc delete"),
            ("oc rollout pause deployment/api", "oc rollout pause"),
            ("oc adm drain node-1", "oc adm drain"),
            ("tofu workspace delete old", "tofu workspace delete"),
        ] {
            assert_eq!(said(line).as_deref(), Some(word), "{line}");
        }
    }

    #[test]
    fn verbs_that_look() {
        for line in [
            "kubectl -n prod get deployment api -o json",
            "kubectl -n delete get pods",
            "kubectl auth can-i patch deployments/scale",
            "kubectl auth can-i delete pods",
            "kubectl rollout status deployment/api --timeout=1m",
            "kubectl rollout history deployment/api",
            "kubectl scale deployment/api --replicas=3 --dry-run=server",
            "kubectl exec pod -- ls",
            "helm -n prod diff upgrade api chart",
            "helm upgrade api chart --dry-run=server",
            "kubectl apply -f - --dry-run=server",
            "kubectl exec pod -- rm --dry-run",
            "kubectl diff -f x.yaml",
            "kubectl annotate pod p --list",
            "kubectl -n {{ ns }} get pods",
            "aws rds describe-db-clusters --db-cluster-identifier delete-me",
            "aws sts assume-role --role-arn x",
            "aws sts get-caller-identity",
            "aws s3 ls s3://x",
            "aws ec2 terminate-instances --dry-run --instance-ids i-1",
            "aws dynamodb query --table-name x",
            "helm status api",
            "helm template api chart",
            "helm upgrade api chart --dry-run",
            "gcloud compute instances describe vm-1",
            "gcloud compute instances list --filter create",
            "terraform plan",
            "terraform state list",
            "psql -d update -c 'select 1'",
            "psql -c 'copy x to stdout'",
            "curl -fsS http://localhost/delete",
            "curl -X GET http://localhost/x",
            "sed s/a/b/ file",
            "kill -0 123",
            "df -h",
            "curl -X POST http://elastic/logs/_search",
            "curl -s -X POST http://api/graphql",
            "docker exec web cat /etc/hosts",
            "kubectl run tmp --rm -i --image=busybox",
            "kubectl cp api-1:/tmp/heap heap",
            "aws s3 cp s3://bucket/key file",
            "aws s3 cp s3://bucket/key -",
            "aws s3 cp --quiet s3://bucket/key - --region eu-west-1",
            "helm repo update",
        ] {
            assert_eq!(said(line), None, "{line}");
        }
    }

    #[test]
    fn commands_in_a_script() {
        let of = |script: &str| {
            let text = Text::new(script);
            verb_of_script(&text).map(|(said, span)| (said, script[span].to_owned()))
        };
        let seen = |said: &str, word: &str| Some((said.to_owned(), word.to_owned()));
        assert_eq!(of("kubectl get x\nkubectl -n y delete pod z"), seen("kubectl delete", "delete"));
        assert_eq!(of("x=$(aws s3 rm s3://y) && echo ok"), seen("aws s3 rm", "rm"));
        assert_eq!(of("if true; then sudo systemctl stop nginx; fi"), seen("systemctl stop", "stop"));
        assert_eq!(of("t=$(mktemp)\nls > $t\nrm -f \"$t\""), None);
        assert_eq!(of("rm -f \"$t\""), seen("rm", "rm"));
        assert_eq!(of("t=$(mktemp); rm -rf $t /srv"), seen("rm", "rm"));
        assert_eq!(of("psql -c \"drop table x\""), seen("psql DROP table", "\"drop table x\""));
        assert_eq!(of("echo 'kubectl delete x'\n# rm y\ngrep rm file"), None);
    }
}
