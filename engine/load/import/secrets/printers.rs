//! Commands that print a secret, or hand one on where others can read it.

use super::super::looks::{name, operands_after, unquoted};
use super::super::values::{Bit, Hole, Within, bits, is_secret};
use crate::load::check::commands;

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
pub(in crate::load::import) fn printer(script: &str) -> Option<String> {
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
pub(in crate::load::import) fn handed(script: &str, variables: &[&str]) -> Option<String> {
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
    }

    #[test]
    fn what_is_handed_to_a_program_can_be_read_by_others() {
        assert_eq!(handed("curl -H \"A: $TOKEN\" x", &["TOKEN"]).as_deref(), Some("curl"));
        assert_eq!(handed("curl -u a:\"${P}\" x", &["P"]).as_deref(), Some("curl"));
        assert_eq!(handed("PGPASSWORD=\"${P}\" psql x; echo $P | tool", &["P"]), None);
    }
}
