//! No command waits for somebody who is not there, nor for ever; and each is called so that its exit code says how it went.

use std::path::{Path, PathBuf};

use regex::Regex;
use serde_yaml::Value;

use crate::support::search;

/// Returns what a command waits for that may never come; `None` where it ends by itself.
pub(in crate::catalog) fn endless(words: &[String]) -> Option<&'static str> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (program, rest) = words.split_first()?;
    let own = rest.iter().position(|word| *word == "--").map_or(rest, |at| &rest[..at]);
    let inner = rest.get(own.len() + 1..).unwrap_or_default();
    let has = |some: &[&str]| own.iter().any(|word| some.contains(word));
    let begins = |beginning: &str| own.iter().any(|word| word.starts_with(beginning));
    let mut plain = own.iter().filter(|word| !word.starts_with('-'));
    match *program {
        "watch" | "less" | "more" | "top" => Some("it shows for ever"),
        "vi" | "vim" | "nano" | "emacs" => Some("an editor"),
        "tail" | "journalctl" if has(&["-f", "-F", "--follow"]) => Some("it follows for ever"),
        "kubectl" => {
            let verb = plain.next().copied().unwrap_or_default();
            let second = plain.next().copied().unwrap_or_default();
            let of_inner = endless(&inner.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
            match verb {
                "edit" => Some("an editor"),
                "attach" | "port-forward" | "proxy" | "debug" => Some("it stays connected"),
                "logs" if has(&["-f", "--follow"]) => Some("it follows for ever"),
                "exec" | "run" if has(&["-it", "-ti", "-i", "-t", "--stdin", "--tty"]) => Some("a terminal"),
                "rollout" if second == "status" && !begins("--timeout") => Some("pods that find no room"),
                _ if has(&["-w", "--watch", "--watch-only", "--watch=true"]) => Some("it watches for ever"),
                _ => of_inner,
            }
        }
        "psql" if !begins("-c") && !begins("--command") && !begins("-f") => Some("what somebody types"),
        "psql" if !has(&["-w", "--no-password"]) => Some("a password"),
        "redis-cli" if has(&["MONITOR", "SUBSCRIBE", "--stat", "--latency"]) => Some("it shows for ever"),
        "gcloud" if has(&["resize", "delete", "create", "update"]) && !has(&["--quiet", "-q"]) => {
            Some("a yes")
        }
        "npx" if !has(&["--no", "--yes", "-y"]) => Some("a yes"),
        "sh" | "bash" => {
            let at = rest.iter().position(|word| word.starts_with('-') && word.ends_with('c'))?;
            let given = |word: &String| match word.as_str() {
                // `sh -c SCRIPT sh WORD…`: the words after the name.
                "$@" => rest.iter().skip(at + 3).map(|&word| word.to_owned()).collect(),
                _ => vec![word.clone()],
            };
            let all = commands(rest.get(at + 1)?).into_iter();
            all.map(|one| one.iter().flat_map(given).collect::<Vec<_>>()).find_map(|one| endless(&one))
        }
        _ => None,
    }
}

/// Returns the commands of a script, word by word.
fn commands(script: &str) -> Vec<Vec<String>> {
    let joined = script.replace("\\\n", " ");
    let each = joined.split(['\n', ';', '|', '&', '(', ')', '`', '{', '}']);
    let words = |one: &str| -> Vec<String> {
        let words = one.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned());
        words.skip_while(|word| matches!(word.as_str(), "exec" | "timeout" | "if" | "then" | "!")).collect()
    };
    each.map(words).filter(|words| !words.is_empty()).collect()
}

/// Returns every command of a file, word by word: whatever stands under `run` or `shell`, however deep.
fn of_file(value: &Value, found: &mut Vec<Vec<String>>) {
    let template = Regex::new(r"(?s)\{\{.*?\}\}|\{%.*?%\}").expect("the pattern is right");
    let text = |value: &Value| value.as_str().map(|text| template.replace_all(text, "…").into_owned());
    match value {
        Value::Mapping(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    (Some("shell"), Value::String(_)) => {
                        found.extend(text(value).iter().flat_map(|text| commands(text)));
                    }
                    (Some("run"), Value::String(_)) => {
                        let words = text(value).unwrap_or_default();
                        found.push(words.split_whitespace().map(str::to_owned).collect());
                    }
                    (Some("run"), Value::Sequence(words)) => {
                        found.push(words.iter().filter_map(text).collect());
                    }
                    _ => of_file(value, found),
                }
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| of_file(item, found)),
        _ => {}
    }
}

/// Returns every command of the shipped runbooks and step templates, with the file that it stands in.
fn of_the_tree() -> Vec<(PathBuf, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["runbooks", "steps"].map(|folder| search::files(&root.join(folder)));
    let mut all = Vec::new();
    for (path, bytes) in files.into_iter().flatten() {
        // A tape and a test name commands and run none.
        let name = path.to_string_lossy();
        if !name.ends_with(".yaml") || name.ends_with(".tape.yaml") || name.ends_with(".test.yaml") {
            continue;
        }
        let value: Value = serde_yaml::from_slice(&bytes).expect("what is shipped is YAML");
        let mut found = Vec::new();
        of_file(&value, &mut found);
        all.extend(found.into_iter().map(|words| (path.clone(), words)));
    }
    assert!(all.len() > 250, "only {} commands were found", all.len());
    all
}

/// Nobody is there to answer, and a run that waits for ever holds its locks for ever.
#[test]
fn no_command_needs_an_editor_or_a_terminal_or_goes_on_for_ever() {
    let waits: Vec<_> = of_the_tree()
        .into_iter()
        .filter_map(|(path, words)| Some((path, endless(&words)?, words.join(" "))))
        .collect();
    assert!(waits.is_empty(), "{waits:#?}");
}

/// psql goes on after an error unless it is told not to, reads a file of its user's, and asks for a password; redis-cli exits
/// with 0 when the server says no; `kubectl annotate` says that it has changed something whatever it did.
#[test]
fn every_client_is_called_so_that_its_exit_code_counts() {
    let mut called = [0; 2];
    for (path, words) in of_the_tree() {
        let text = words.join(" ");
        let told = |flag: &str| assert!(text.contains(flag), "no {flag} in {}: {text}", path.display());
        // The line that becomes psql or redis-cli in a pod has its options after it.
        if text.contains("psql") && !text.starts_with("LOGIN=") {
            called[0] += 1;
            ["--no-psqlrc", "--no-password", "ON_ERROR_STOP=1"].into_iter().for_each(told);
        }
        if text.contains("redis-cli") {
            called[1] += 1;
            told("redis-cli -e");
        }
        let annotates = words[0] == "kubectl" && words.iter().any(|word| word == "annotate");
        assert!(!annotates, "{}: {text}", path.display());
    }
    assert!(called.into_iter().all(|times| times > 5), "{called:?}");
}

/// What is looked for is found: these are commands of the sources, and what stands for them.
#[test]
fn a_command_that_never_ends_is_known() {
    for (command, why) in [
        ("kubectl edit hpa api-gateway-hpa -n prod", Some("an editor")),
        ("kubectl get hpa -n prod -w", Some("it watches for ever")),
        ("kubectl get pods --watch", Some("it watches for ever")),
        ("watch kubectl get hpa", Some("it shows for ever")),
        ("kubectl exec -it postgresql-0 -- psql -U arka", Some("a terminal")),
        ("kubectl exec postgresql-0 -- psql -U arka", Some("what somebody types")),
        ("kubectl exec postgresql-0 -- psql -U arka -c SELECT", Some("a password")),
        ("kubectl exec postgresql-0 -- psql -w -c SELECT", None),
        ("kubectl logs -f deployment/cluster-autoscaler", Some("it follows for ever")),
        ("kubectl logs deployment/cluster-autoscaler --tail=50", None),
        ("kubectl rollout status deployment/api", Some("pods that find no room")),
        ("kubectl rollout status deployment/api --timeout=60s", None),
        ("kubectl apply -f -", None),
        ("kubectl exec redis-master-0 -- redis-cli MONITOR", Some("it shows for ever")),
        ("kubectl port-forward svc/grafana 3000", Some("it stays connected")),
        ("gcloud container clusters resize arka-cluster --num-nodes=5", Some("a yes")),
        ("gcloud container clusters resize arka-cluster --num-nodes=5 --quiet", None),
        ("npx artillery run x.yaml", Some("a yes")),
        ("npx --no artillery run x.yaml", None),
    ] {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        assert_eq!(endless(&words), why, "{command}");
    }
    let script = |text: &str| endless(&["sh", "-ec", text].map(str::to_owned));
    assert_eq!(script("now=$(kubectl get x); kubectl edit hpa x"), Some("an editor"));
    assert_eq!(script("kubectl get x | head -1 && exec kubectl logs x"), None);
}
