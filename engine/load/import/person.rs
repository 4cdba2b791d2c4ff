//! Which commands only a person can give: those that never end, want a terminal, open a session, or change the shell they are typed into.

use super::looks::{name, plain, statement, unquoted};
use crate::load::check::commands;

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
        of_words(&texts, 4).filter(|(person, _)| match person {
            // In a script of several commands `cd` and `exit` mean what they say.
            Person::Shell => alone,
            // What would be typed there stands in the document: `psql <<SQL`, `mysql < file`, `cat file | ssh host`.
            Person::Session => !words.first().is_some_and(|(at, _)| is_fed(script, at.start)),
            Person::NeverEnds | Person::Terminal => true,
        })
    })
}

/// Says whether the command at that byte reads a here-document, a file or what another prints.
fn is_fed(script: &str, start: usize) -> bool {
    let (before, rest) = script.split_at(start);
    let line = rest.lines().next().unwrap_or_default();
    let own = line.split([';', '|', ')']).next().unwrap_or_default();
    // `<host>` is filled in, and was taken out before.
    if own.contains('<') {
        return true;
    }
    // What stands between the pipe and the program: `| sudo psql`, `| PGUSER=x psql`.
    let before = before.rsplit(['\n', ';', '&', '(']).next().unwrap_or_default();
    before.rsplit_once('|').is_some_and(|(first, between)| {
        !first.ends_with('|')
            && between
                .split_whitespace()
                .all(|word| word.contains('=') || word.starts_with('-') || word == "sudo")
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

#[cfg(test)]
mod tests {
    use super::*;

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
            ("psql -h x app <<SQL\nselect 1;\nSQL", None),
            ("psql <<-'SQL' -h x app\nselect 1;\nSQL", None),
            ("sudo -u postgres psql <<< 'select 1'", None),
            ("mysql app < dump.sql", None),
            ("mysql app <dump.sql", None),
            ("zcat dump.gz | sudo mysql app", None),
            ("true || psql", Some(Person::Session)),
            ("ssh web1 <<EOF\nuptime\nEOF", None),
            ("ssh web1 > log", None),
            ("bash <<EOF\nuptime\nEOF", None),
            ("kubectl exec -it x -- bash <<EOF\nuptime\nEOF", None),
            ("cat x | grep y; psql", Some(Person::Session)),
            ("cat <<EOF | mongosh\nshow dbs\nEOF", None),
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
}
