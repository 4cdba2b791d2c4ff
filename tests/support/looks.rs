//! What each tool is known to only look with; everything else counts as a change. Shares nothing with the engine's own
//! table of changing verbs.

/// Says whether a command is known to only look. What is not known counts as a change.
pub(crate) fn looks(words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some((program, rest)) = words.split_first() else { return false };
    let plain: Vec<&str> = rest.iter().copied().filter(|word| !word.starts_with('-')).collect();
    let dry = rest.iter().any(|word| matches!(*word, "--dry-run" | "--dry-run=server" | "--dry-run=client"));
    match (*program, plain.as_slice()) {
        (
            "kubectl",
            ["get" | "describe" | "logs" | "top" | "version" | "explain" | "diff" | "events", ..],
        ) => true,
        ("kubectl", ["auth", "can-i" | "whoami", ..] | ["rollout", "status" | "history", ..]) => true,
        (
            "kubectl",
            ["apply" | "patch" | "scale" | "set" | "create" | "delete" | "annotate" | "label", ..],
        ) => dry,
        // What it runs in the pod stands after the `--`.
        ("kubectl", ["exec", ..]) => {
            let inner = rest.iter().position(|word| *word == "--").map(|at| &rest[at + 1..]);
            inner.is_some_and(|inner| looks(&inner.iter().map(|&word| word.to_owned()).collect::<Vec<_>>()))
        }
        ("aws", [_, call, ..]) => {
            ["describe-", "get-", "list-", "head-"].iter().any(|beginning| call.starts_with(beginning))
        }
        ("helm", ["get" | "list" | "status" | "history" | "diff" | "template" | "version", ..]) => true,
        ("helm", ["repo" | "search" | "show", ..]) => plain.get(1).is_some_and(|verb| *verb != "add"),
        ("helm", ["upgrade" | "install" | "rollback", ..]) => dry,
        ("gcloud", [.., "describe" | "list"] | ["config", "get-value", ..]) => true,
        ("gcloud", words) => words.iter().any(|word| matches!(*word, "describe" | "list")),
        ("k6", ["version"]) | ("npx", ["artillery", "version"]) => true,
        ("npm", ["ls" | "view" | "outdated", ..]) => true,
        ("psql", _) => queries(rest).all(asks),
        ("redis-cli", words) => words.iter().any(|word| {
            matches!(word.to_ascii_uppercase().as_str(), "INFO" | "GET" | "PING" | "DBSIZE" | "ROLE")
        }),
        ("cat" | "df" | "du" | "uname" | "id" | "date" | "stat" | "test" | "ls" | "head" | "wc", _) => true,
        // A script that ends with one command, which the words after it are for: `sh -c SCRIPT sh WORD…`.
        ("sh", _) if ends_in(rest).is_some() => ends_in(rest).is_some_and(|command| looks(&command)),
        ("sh" | "bash" | "dash", _) => rest.last().is_some_and(|script| only_looks(script)),
        _ => false,
    }
}

/// Returns the command that `-c SCRIPT sh WORD…` becomes in the end, where the script only looks until then.
fn ends_in(words: &[&str]) -> Option<Vec<String>> {
    let ["-c", script, "sh", after @ ..] = words else { return None };
    let (_, last) = script.strip_suffix(" \"$@\"")?.rsplit_once("exec ")?;
    let words = last.split_whitespace().chain(after.iter().copied());
    only_looks(script).then(|| words.map(str::to_owned).collect())
}

/// Returns what psql is told by `-c`.
fn queries<'a>(words: &'a [&str]) -> impl Iterator<Item = &'a str> {
    let apart = words.windows(2).filter(|two| matches!(two[0], "-c" | "--command")).map(|two| two[1]);
    apart.chain(words.iter().filter_map(|word| word.strip_prefix("--command=")))
}

fn asks(query: &str) -> bool {
    let query = query.trim_start().to_ascii_lowercase();
    let changes = ["pg_reload_conf", "pg_terminate_backend", "pg_cancel_backend", "pg_stat_statements_reset"];
    (query.starts_with("select") || query.starts_with("show"))
        && !changes.iter().any(|change| query.contains(change))
}

/// Says whether a script writes nowhere and calls nothing that is known to change something.
fn only_looks(script: &str) -> bool {
    let harmless = ["2>/dev/null", ">/dev/null", ">&2", "2>&1"];
    let quiet = harmless.iter().fold(script.to_owned(), |script, part| script.replace(part, ""));
    // A comparison in awk is no redirection.
    let writes = quiet.replace(" > 0", "").replace("NR > 1", "").contains('>');
    let changes = ["rm", "mv", "cp", "tee", "touch", "kill", "dd", "ln", "mkdir", "chmod", "aws", "npm"];
    let words = quiet.split(|one: char| !one.is_alphanumeric() && one != '-');
    !writes
        && !words.into_iter().any(|word| changes.contains(&word))
        && kubectls(script).all(|one| looks(&one))
}

/// Returns the calls of kubectl in a script, word by word.
fn kubectls(script: &str) -> impl Iterator<Item = Vec<String>> {
    let joined = script.replace("\\\n", " ").replace(['\'', '"'], "");
    let each: Vec<String> = joined.split(['\n', ';', '|', '&', '(', ')', '`']).map(str::to_owned).collect();
    each.into_iter().filter_map(|command| {
        let at = command.find("kubectl")?;
        Some(command[at..].split_whitespace().map(str::to_owned).collect())
    })
}

#[test]
fn what_is_not_known_to_look_counts_as_a_change() {
    for (command, only) in [
        ("kubectl --namespace=a get pods", true),
        ("kubectl --namespace=a delete pods web", false),
        ("kubectl apply --filename=x --dry-run=server", true),
        ("kubectl apply --filename=x", false),
        ("kubectl exec pg-0 -- psql --command=SELECT", true),
        ("kubectl exec pg-0 -- psql --command=VACUUM", false),
        ("kubectl exec redis-0 -- redis-cli INFO stats", true),
        ("kubectl exec redis-0 -- redis-cli CONFIG SET maxmemory 1", false),
        ("kubectl exec web-0", false),
        ("aws rds describe-db-clusters", true),
        ("aws rds modify-db-cluster --db-cluster-identifier x", false),
        ("aws service-quotas request-service-quota-increase", false),
        ("helm diff upgrade web .", true),
        ("helm repo list", true),
        ("helm repo add x y", false),
        ("helm upgrade web .", false),
        ("gcloud container clusters describe x", true),
        ("gcloud config get-value project", true),
        ("gcloud config set project x", false),
        ("gcloud container clusters resize x", false),
        ("k6 version", true),
        ("k6 run x.js", false),
        ("npx --no artillery version", true),
        ("npx --no artillery run x.yaml", false),
        ("npm run cache:warm", false),
        ("terraform apply", false),
        ("cat package.json", true),
        ("rm x", false),
    ] {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        assert_eq!(looks(&words), only, "{command}");
    }
    let script = |text: &str| looks(&["sh".to_owned(), "-e".to_owned(), "-c".to_owned(), text.to_owned()]);
    assert!(script("df -P | sort 2>/dev/null") && !script("echo 1 > x") && !script("kubectl get x | tee y"));
    assert!(script(
        "a=$(kubectl get x)\nb=$(kubectl --namespace='a' apply -f x \\\n --dry-run=server)\necho \"$a$b\""
    ));
    assert!(!script("a=$(kubectl get x); kubectl apply -f x") && !script("echo x | kubectl apply -f -"));
    let login = |asked: &str| {
        let words = [
            "kubectl",
            "exec",
            "pg-0",
            "--",
            "sh",
            "-c",
            "user=$1; shift; exec psql -U \"$user\" \"$@\"",
            "sh",
        ];
        looks(&words.into_iter().chain(["arka", asked]).map(str::to_owned).collect::<Vec<_>>())
    };
    assert!(login("--command=SELECT 1") && !login("--command=VACUUM"));
    assert!(!script("sudo kubectl delete x") && !script("kubectl $VERB x"));
}
