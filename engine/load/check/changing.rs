//! Commands known to change something, by their verb.

use crate::model::{Line, Place, Text};

/// Verbs of kubectl that change something.
const KUBECTL: [&str; 19] = [
    "annotate",
    "apply",
    "autoscale",
    "cordon",
    "create",
    "delete",
    "drain",
    "edit",
    "evict",
    "expose",
    "label",
    "patch",
    "replace",
    "restart",
    "run",
    "scale",
    "set",
    "taint",
    "uncordon",
];
/// Groups of kubectl whose next word is the verb.
const KUBECTL_GROUPS: [&str; 1] = ["rollout"];
const KUBECTL_ROLLOUT: [&str; 4] = ["pause", "restart", "resume", "undo"];
const HELM: [&str; 5] = ["delete", "install", "rollback", "uninstall", "upgrade"];
/// How operations of the aws client begin that change something.
const AWS: [&str; 24] = [
    "add-",
    "associate-",
    "attach-",
    "cancel-",
    "create-",
    "delete-",
    "deregister-",
    "detach-",
    "disable-",
    "disassociate-",
    "enable-",
    "failover-",
    "import-",
    "modify-",
    "put-",
    "reboot-",
    "register-",
    "remove-",
    "restore-",
    "run-",
    "set-",
    "start-",
    "stop-",
    "terminate-",
];
const AWS_READS: [&str; 7] = ["batch-get-", "describe-", "get-", "head-", "list-", "lookup-", "wait"];
const SYSTEMCTL: [&str; 9] =
    ["disable", "enable", "kill", "mask", "reload", "restart", "start", "stop", "unmask"];
const TERRAFORM: [&str; 4] = ["apply", "destroy", "import", "taint"];
/// Verbs of helm that look; after an option's value (`-n prod`) they are what tells the verb.
const HELM_READS: [&str; 14] = [
    "completion",
    "dependency",
    "diff",
    "env",
    "get",
    "history",
    "lint",
    "list",
    "ls",
    "search",
    "show",
    "status",
    "template",
    "version",
];
/// Programs that do nothing else.
const ALWAYS: [&str; 12] = [
    "chmod", "chown", "createdb", "dropdb", "kill", "mkdir", "mkfs", "mv", "pkill", "rm", "rmdir", "shutdown",
];

/// Returns the words that say that a command changes something, and where they stand. Scripts are not looked into: what
/// a shell makes of them is anybody's guess.
pub(super) fn verb(line: &Line) -> Option<(String, Place)> {
    let (Line::Words(words) | Line::List(words)) = line else { return None };
    let (program, rest) = words.split_first()?;
    let name = program.src.rsplit('/').next().unwrap_or(&program.src);
    if ALWAYS.contains(&name) {
        return Some((name.to_owned(), program.at));
    }
    // A trial run changes nothing.
    let tried = |word: &Text| match word.src.strip_prefix("--dry-run") {
        Some(how) => !matches!(how, "=none" | "=false" | "=0"),
        None => false,
    };
    if rest.iter().any(tried) {
        return None;
    }
    let mut plain = rest.iter().filter(|word| !word.src.starts_with('-') && word.is_literal());
    let found = |word: &Text| Some((format!("{name} {}", word.src), word.at));
    match name {
        "kubectl" => {
            // A value of an option (`-n prod`) may stand before the verb; no namespace is called like one.
            let known = [
                "get", "describe", "auth", "logs", "top", "exec", "diff", "wait", "config", "explain",
                "version",
            ];
            let of = |word: &&Text| {
                KUBECTL.contains(&word.src.as_str())
                    || KUBECTL_GROUPS.contains(&word.src.as_str())
                    || known.contains(&word.src.as_str())
            };
            let verb = plain.find(of)?;
            if KUBECTL_GROUPS.contains(&verb.src.as_str()) {
                return found(plain.next().filter(|next| KUBECTL_ROLLOUT.contains(&next.src.as_str()))?);
            }
            found(Some(verb).filter(|verb| KUBECTL.contains(&verb.src.as_str()))?)
        }
        "helm" => {
            let of =
                |word: &&Text| HELM.contains(&word.src.as_str()) || HELM_READS.contains(&word.src.as_str());
            found(plain.find(of).filter(|verb| HELM.contains(&verb.src.as_str()))?)
        }
        "aws" => {
            let begins = |word: &Text, of: &[&str]| of.iter().any(|begin| word.src.starts_with(begin));
            // The first word that looks like an operation is it: later ones are values.
            let operation = plain.find(|word| begins(word, &AWS) || begins(word, &AWS_READS))?;
            found(Some(operation).filter(|word| begins(word, &AWS))?)
        }
        "systemctl" => found(plain.next().filter(|verb| SYSTEMCTL.contains(&verb.src.as_str()))?),
        "terraform" => found(plain.next().filter(|verb| TERRAFORM.contains(&verb.src.as_str()))?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Option<String> {
        verb(&Line::Words(line.split(' ').map(Text::new).collect())).map(|(word, _)| word)
    }

    #[test]
    fn verbs_that_change() {
        for (line, word) in [
            ("kubectl -n prod scale deployment/api --replicas=3", "kubectl scale"),
            ("kubectl rollout undo deployment/api", "kubectl undo"),
            ("/usr/bin/helm upgrade api chart", "helm upgrade"),
            ("helm -n prod upgrade api chart", "helm upgrade"),
            ("helm upgrade api chart --dry-run=false", "helm upgrade"),
            ("kubectl apply -f - --dry-run=none", "kubectl apply"),
            ("aws --region us-west-2 rds modify-db-cluster --x y", "aws modify-db-cluster"),
            ("rm -rf build", "rm"),
            ("systemctl restart nginx", "systemctl restart"),
        ] {
            assert_eq!(said(line).as_deref(), Some(word), "{line}");
        }
    }

    #[test]
    fn verbs_that_look() {
        for line in [
            "kubectl -n prod get deployment api -o json",
            "kubectl auth can-i patch deployments/scale",
            "kubectl rollout status deployment/api --timeout=1m",
            "kubectl scale deployment/api --replicas=3 --dry-run=server",
            "kubectl exec pod -- ls",
            "aws rds describe-db-clusters --db-cluster-identifier delete-me",
            "helm status api",
            "helm -n prod diff upgrade api chart",
            "helm upgrade api chart --dry-run=server",
            "kubectl apply -f - --dry-run=server",
            "kubectl diff -f -",
            "df -h",
        ] {
            assert_eq!(said(line), None, "{line}");
        }
    }
}
