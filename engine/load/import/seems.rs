//! Which lines of a block that nobody called a shell's begin as a command does.

use super::looks::name;

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
