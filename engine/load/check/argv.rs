//! What a rendered command would change, as far as its words tell: the last look before a plan asks it anything.
//!
//! [`super::changing`] reads the file; here the values are in, so that `kubectl {{ verb }}` and a script are looked into
//! as well. It errs towards refusing: a capture that was not asked is told as such, and a plan that changed something
//! would be the end of all trust in plans.

use super::changing::{strictly, strictly_sql};

/// How deep scripts in scripts are looked into.
const DEPTH: usize = 6;

/// How many words after a wrapper may be the command that it runs.
const NEAR: usize = 24;

/// Programs that run the rest of their words.
const WRAPPERS: [&str; 26] = [
    "busybox", "chroot", "chrt", "command", "doas", "env", "exec", "find", "flock", "ionice", "ltrace",
    "nice", "nohup", "parallel", "runuser", "setsid", "ssh", "stdbuf", "strace", "su", "sudo", "taskset",
    "time", "timeout", "watch", "xargs",
];

/// Programs that run a script given by `-c`.
const SHELLS: [&str; 5] = ["ash", "bash", "dash", "sh", "zsh"];

/// Programs that read SQL.
const CLIENTS: [&str; 5] = ["cockroach", "mariadb", "mysql", "psql", "sqlite3"];

/// Words of the shell after which a command begins.
const BEFORE: [&str; 9] = ["!", "do", "elif", "else", "if", "then", "until", "while", "{"];

/// Programs that run code given by `-c` or `-e`, which is no script of the shell.
const INTERPRETERS: [&str; 7] = ["node", "nodejs", "perl", "php", "python", "python3", "ruby"];

/// What code that only looks has no use for. It may be read as more than it is: a capture that is not asked is told as such.
const DEEDS: [&str; 27] = [
    "chmod",
    "chown",
    "delete",
    "exec(",
    "mkdir",
    "popen",
    "Popen",
    "putenv",
    "remove",
    "rename",
    "rmdir",
    "rmtree",
    "spawn",
    "subprocess",
    "system",
    "truncate",
    "unlink",
    "urlopen",
    "writeFile",
    ",'a'",
    ",'w'",
    ",'wb'",
    ",'x'",
    ",\"a\"",
    ",\"w\"",
    ",\"wb\"",
    ",\"x\"",
];

/// Returns the words of a command, or of a script in it or in what it reads, that are known to change something.
pub fn changes(argv: &[String], stdin: Option<&str>) -> Option<String> {
    of_words(argv, DEPTH).or_else(|| {
        let (stdin, reads) =
            (stdin?, |programs: &[&str]| argv.iter().any(|word| programs.contains(&name(word))));
        if reads(&CLIENTS) {
            return strictly_sql(stdin);
        }
        of_script(Some(stdin).filter(|_| reads(&SHELLS))?, DEPTH)
    })
}

/// Returns what a program does by its own options: none of its words is a verb.
fn of_options(program: &str, rest: &[String]) -> Option<String> {
    let has = |wanted: &dyn Fn(&str) -> bool| rest.iter().find(|word| wanted(word));
    let spares = |file: &str| file.starts_with('-') || file.starts_with("/dev/");
    match program {
        "find" => has(&|word| word == "-delete" || word.starts_with("-fprint") || word == "-fls")
            .map(|word| format!("find {word}")),
        "tee" => has(&|file| !spares(file)).map(|file| format!("tee {file}")),
        "dd" => has(&|word| word.strip_prefix("of=").is_some_and(|file| !spares(file)))
            .map(|word| format!("dd {word}")),
        _ if INTERPRETERS.contains(&program) || program.starts_with("python3.") => {
            let at = rest.iter().position(|word| {
                word.starts_with('-') && !word.starts_with("--") && word.ends_with(['c', 'e', 'r'])
            })?;
            // How a file is opened stands after its name; alone it may be the name of a key.
            let code = rest.get(at + 1)?.replace(", ", ",");
            DEEDS.iter().find(|deed| code.contains(**deed)).map(|deed| format!("{program}: {deed}"))
        }
        _ => None,
    }
}

fn name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn of_words(argv: &[String], depth: usize) -> Option<String> {
    let program = name(argv.first()?);
    let inside = argv.iter().position(|word| word == "--").map_or(argv.len(), |at| at + 1);
    let mut starts: Vec<usize> = vec![0];
    if let ("env", Some(script)) = (program, split_by_env(argv)) {
        return of_script(&script, depth.checked_sub(1)?);
    }
    if matches!(program, "ssh" | "su" | "watch" | "flock" | "parallel" | "runuser") {
        // Each may be given a whole script as one word.
        let scripts = argv.iter().skip(1).take(NEAR).filter(|word| word.contains(char::is_whitespace));
        let depth = depth.checked_sub(1)?;
        if let Some(found) = scripts.into_iter().find_map(|script| of_script(script, depth)) {
            return Some(found);
        }
    }
    if WRAPPERS.contains(&program) {
        // Where the wrapped command begins differs from wrapper to wrapper: it may be any word.
        starts.extend(1..argv.len().min(NEAR));
    } else if matches!(program, "docker" | "nerdctl" | "podman") {
        // `exec NAME rm …` and `run IMAGE rm …`: where the inner command begins depends on the options before it.
        starts.extend(1..argv.len().min(NEAR));
    } else if matches!(program, "kubectl" | "oc") {
        starts.push(inside);
    }
    for start in starts {
        let words = argv.get(start..).unwrap_or_default();
        let Some(program) = words.first().map(|word| name(word)) else { continue };
        if SHELLS.contains(&program) || program == "eval" {
            // The rest is the script and its arguments.
            return of_shell(program, &words[1..], depth.checked_sub(1)?);
        }
        if let Some(word) = of_options(program, &words[1..]) {
            return Some(word);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let Some(word) = strictly(&words) {
            return Some(word);
        }
    }
    None
}

/// Returns what `env -S` makes a command of.
fn split_by_env(argv: &[String]) -> Option<String> {
    let at = argv.iter().position(|word| word.starts_with("-S") || word.starts_with("--split-string"))?;
    let word = &argv[at];
    let given =
        word.strip_prefix("--split-string=").or_else(|| word.strip_prefix("-S")).filter(|it| !it.is_empty());
    let rest = argv.get(at + 1..).unwrap_or_default().join(" ");
    Some(format!("{} {rest}", given.unwrap_or_default()))
}

fn of_shell(program: &str, rest: &[String], depth: usize) -> Option<String> {
    if program == "eval" {
        return of_script(&rest.join(" "), depth);
    }
    let at = rest.iter().position(|word| word.starts_with('-') && word.ends_with('c'))?;
    of_script(rest.get(at + 1)?, depth)
}

/// A command of a script that is not at its end yet.
#[derive(Default)]
struct Frame {
    words: Vec<String>,
    word: String,
    /// Whether there is a word, which may be empty.
    begun: bool,
    /// Whether it stands in double quotes.
    double: bool,
    /// What ends it, when it is a substitution.
    until: Option<char>,
    /// Whether it may be a sum, `$((…))`, which has values where a command has its program.
    sum: bool,
}

impl Frame {
    fn add(&mut self, c: char) {
        self.begun = true;
        self.word.push(c);
    }

    fn space(&mut self) {
        if std::mem::take(&mut self.begun) {
            self.words.push(std::mem::take(&mut self.word));
        }
    }
}

/// Returns what a script changes: the first of its commands that does, or a file that it writes.
fn of_script(script: &str, depth: usize) -> Option<String> {
    let mut found: Option<String> = None;
    let mut outer: Vec<Frame> = Vec::new();
    let mut frame = Frame::default();
    let mut end = |frame: &mut Frame| {
        frame.space();
        let words = std::mem::take(&mut frame.words);
        if found.is_none() {
            found = of_command(&words, depth, frame.sum);
        }
    };
    let mut chars = script.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(next) => frame.add(next),
            },
            '`' | ')' if frame.until == Some(c) && !frame.double => {
                end(&mut frame);
                frame = outer.pop().unwrap_or_default();
                frame.begun = true;
            }
            '`' => {
                let inner = Frame { until: Some('`'), ..Frame::default() };
                outer.push(std::mem::replace(&mut frame, inner));
            }
            '$' if chars.peek() == Some(&'(') => {
                chars.next();
                let sum = chars.peek() == Some(&'(');
                let inner = Frame { until: Some(')'), sum, ..Frame::default() };
                outer.push(std::mem::replace(&mut frame, inner));
            }
            '"' => {
                frame.double = !frame.double;
                frame.begun = true;
            }
            c if frame.double => frame.add(c),
            '\'' => {
                frame.begun = true;
                frame.word.extend(chars.by_ref().take_while(|&c| c != '\''));
            }
            '#' if !frame.begun => {
                // Up to the end of the line, which ends the command before it.
                chars.by_ref().find(|&c| c == '\n');
                end(&mut frame);
            }
            ' ' | '\t' => frame.space(),
            '&' if frame.word.ends_with('>') => frame.add('&'),
            ';' | '|' | '&' | '\n' | '(' | ')' => end(&mut frame),
            '>' => {
                // A word of its own, unless what stands before it is the number of a stream.
                if !frame.word.chars().all(|c| c.is_ascii_digit() || c == '>') {
                    frame.space();
                }
                frame.add('>');
            }
            c => frame.add(c),
        }
    }
    // What is left open is the shell's to complain about; it is looked into all the same.
    end(&mut frame);
    outer.iter_mut().for_each(end);
    found
}

fn of_command(words: &[String], depth: usize, sum: bool) -> Option<String> {
    let written = words.iter().enumerate().filter_map(|(at, word)| {
        let to = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix('>')?;
        let to = to.trim_start_matches(['>', '|']);
        Some(if to.is_empty() { words.get(at + 1).map_or("", String::as_str) } else { to })
    });
    let harmless = |to: &str| {
        to.is_empty() || to.starts_with('&') || matches!(to, "/dev/null" | "/dev/stderr" | "/dev/stdout")
    };
    if let Some(file) = written.into_iter().find(|to| !harmless(to)) {
        return Some(format!("> {file}"));
    }
    let assigns = |word: &str| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
    };
    let begins = words.iter().position(|word| !BEFORE.contains(&word.as_str()) && !assigns(word))?;
    // Only the shell will know which command that is.
    let program = words[begins].as_str();
    if !sum && (program.is_empty() || program.starts_with('$')) {
        return Some(if program.is_empty() { "$(…)" } else { program }.to_owned());
    }
    of_words(&words[begins..], depth)
}

#[cfg(test)]
mod tests {
    use super::super::changing::verb_of_script;
    use super::*;
    use crate::model::Text;

    fn said(words: &[&str]) -> Option<String> {
        changes(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>(), None)
    }

    #[test]
    fn commands_in_commands_are_seen() {
        assert_eq!(said(&["kubectl", "delete", "pod", "a"]).as_deref(), Some("kubectl delete"));
        assert_eq!(
            said(&["sudo", "-u", "root", "systemctl", "stop", "x"]).as_deref(),
            Some("systemctl stop")
        );
        assert_eq!(said(&["timeout", "5", "rm", "x"]).as_deref(), Some("rm"));
        assert_eq!(said(&["kubectl", "exec", "db-0", "--", "rm", "-rf", "x"]).as_deref(), Some("rm"));
        assert_eq!(
            said(&["env", "A=b", "bash", "-euc", "helm uninstall x"]).as_deref(),
            Some("helm uninstall")
        );
        assert_eq!(said(&["kubectl", "exec", "db-0", "--", "psql", "-Atc", "select 1"]), None);
        assert_eq!(said(&["kubectl", "get", "deployment", "rm"]), None);
        assert_eq!(said(&[]), None);
    }

    #[test]
    fn what_is_hidden_is_found() {
        for (words, word) in [
            (&["env", "-S", "rm x"][..], "rm"),
            (&["env", "-Srm x"], "rm"),
            (&["find", ".", "-name", "x", "-delete"], "find -delete"),
            (&["find", ".", "-exec", "rm", "{}", ";"], "rm"),
            (&["tee", "-a", "size"], "tee size"),
            (&["dd", "if=a", "of=b"], "dd of=b"),
            (&["ssh", "host", "rm", "x"], "rm"),
            (&["ssh", "host", "sudo systemctl stop x"], "systemctl stop"),
            (&["busybox", "rm", "x"], "rm"),
            (&["python3", "-c", "import os; os.remove('x')"], "python3: remove"),
            (&["timeout", "5", "perl", "-e", "unlink 'x'"], "perl: unlink"),
            (&["sh", "-c", "python3 -c \"open('x', 'w')\""], "python3: ,'w'"),
        ] {
            assert_eq!(said(words).as_deref(), Some(word), "{words:?}");
        }
        for words in [
            &["python3", "-c", "import json, sys; print(json.load(sys.stdin)['size'])"][..],
            &["find", ".", "-name", "*.log", "-newer", "x"],
            &["ssh", "host", "df -h /"],
            &["dd", "if=a", "of=/dev/stdout"],
            &["sh", "-c", "date | tee /dev/stderr"],
        ] {
            assert_eq!(said(words), None, "{words:?}");
        }
        let shell = ["sh".to_owned()];
        assert_eq!(changes(&shell, Some("rm x")).as_deref(), Some("rm"));
        assert_eq!(changes(&["jq".to_owned(), ".".to_owned()], Some("rm x")), None);
    }

    #[test]
    fn scripts_are_looked_into() {
        for (script, word) in [
            ("set -e\nkubectl get pods | grep x && kubectl delete pod x", "kubectl delete"),
            ("echo \"$(kubectl -n prod scale deployment/a --replicas=3)\"", "kubectl scale"),
            ("if true; then rm -f x; fi", "rm"),
            ("N=3 kubectl patch hpa a -p '{}'", "kubectl patch"),
            ("echo 3 > size", "> size"),
            ("date >>log 2>&1", "> log"),
            ("eval 'rm x'", "rm"),
            ("sh -c \"rm x\"", "rm"),
            ("ls | xargs -n 1 rm", "rm"),
            ("echo `rm x`", "rm"),
            ("rm $(ls", "rm"),
        ] {
            assert_eq!(said(&["sh", "-e", "-c", script]).as_deref(), Some(word), "{script}");
        }
    }

    #[test]
    fn scripts_that_look_are_let_through() {
        for script in [
            "kubectl get pods -o json | jq '.items[] | select(.x > 3)' 2>/dev/null",
            "cat size 2>&1 || echo none",
            "# rm everything\ndf -h",
            "echo 'rm x; rm y'",
            "test -f size && wc -l < size",
            "kubectl apply -f x.yaml --dry-run=server >/dev/null",
            "printf '%s' \"a > b\"",
        ] {
            assert_eq!(said(&["sh", "-e", "-c", script]), None, "{script}");
        }
    }

    /// What the check says nothing of, and a plan does not ask.
    #[test]
    fn what_no_warning_is_worth_is_refused_all_the_same() {
        for (script, word) in [
            ("# mktemp\nrm -f $OUT", "rm"),
            ("t=$(mktemp); date", "mktemp"),
            ("rm -rf /tmp/cache", "rm"),
            ("mkdir -p /tmp/cache", "mkdir"),
            ("touch seen", "touch"),
            ("cp a b", "cp"),
            ("docker compose rm --rm web", "docker compose rm"),
            ("docker run --rm alpine true", "docker run"),
            ("nerdctl compose rm --rm web", "docker compose rm"),
            ("docker cp web:/etc/hosts hosts", "docker cp"),
            ("kubectl run tmp --rm -i --image=busybox", "kubectl run"),
            ("kubectl cp api-1:/tmp/heap heap", "kubectl cp"),
            ("oc cp api-1:/tmp/heap heap", "oc cp"),
            ("oc exec api-1 -- rm x", "rm"),
            ("docker exec web rm x", "rm"),
            ("nerdctl exec -e A=b web rm x", "rm"),
            ("kubectl annotate pod p a=b --list", "kubectl annotate"),
            ("kubectl apply -f x.yaml --dry-run=0", "kubectl apply"),
            ("kubectl --new-option x delete pod p", "kubectl delete"),
            ("kubectl config use-context other", "kubectl config use-context"),
            ("git commit -n", "git commit"),
            ("git fetch", "git fetch"),
            ("helm repo update", "helm repo update"),
            ("terraform init", "terraform init"),
            ("tofu workspace select x", "tofu workspace select"),
            ("psql -c 'select pg_terminate_backend(7)'", "psql PG_TERMINATE_BACKEND"),
            ("psql -c 'with gone as (delete from t returning *) select 1'", "psql DELETE"),
            ("psql -c 'explain analyze update t set a = 1'", "psql UPDATE"),
            ("psql -c 'select 1; checkpoint'", "psql CHECKPOINT"),
            ("psql -f some.sql", "psql -f"),
            ("psql -c '\\copy t to file'", "psql \\copy t to file"),
            ("mysql -e 'kill 7'", "mysql KILL"),
            ("mysql -e 'set global read_only = 1'", "mysql SET"),
            ("curl -d x http://elastic/_search", "curl -d"),
            ("curl -X POST http://elastic/_search", "curl -X POST"),
            ("curl -sXPOST http://api/search", "curl -X POST"),
            ("curl -so page http://api/", "curl -so"),
            ("curl --json '{}' http://api/", "curl --json"),
            ("curl -sOL http://api/page", "curl -sOL"),
            ("curl -T file http://api/", "curl -T"),
            ("curl -sD head http://api/", "curl -sD"),
            ("curl -HG: -d x http://api/", "curl -d"),
            ("wget http://api/page", "wget"),
            ("wget -qO- --post-data=x http://api/", "wget"),
            ("aws s3 cp s3://bucket/key file", "aws s3 cp"),
            ("aws s3 cp s3://a/key --new - s3://b/key", "aws s3 cp"),
            ("aws s3 sync s3://bucket folder", "aws s3 sync"),
            ("aws s3api get-object --bucket b --key k file", "aws s3api get-object"),
            ("aws sqs receive-message --queue-url x", "aws sqs receive-message"),
            ("gcloud container clusters get-credentials c", "gcloud get-credentials"),
            ("gcloud compute instances add-tags vm", "gcloud add-tags"),
            ("redis-cli -h db getdel key", "redis-cli getdel"),
            ("redis-cli config rewrite", "redis-cli config"),
            ("service nginx restart", "service restart"),
            ("sed -ni p file", "sed -ni"),
            ("awk 'BEGIN { system(\"x\") }'", "awk system("),
            ("$TOOL get pods", "$TOOL"),
            ("\"$(which kubectl)\" get pods", "$(…)"),
        ] {
            assert_eq!(said(&["sh", "-c", script]).as_deref(), Some(word), "{script}");
            assert_eq!(verb_of_script(&Text::new(script)), None, "{script}");
        }
        let stdin = |program: &str, text: &str| changes(&[program.to_owned()], Some(text));
        assert_eq!(stdin("psql", "select 1;\ndelete from t").as_deref(), Some("DELETE from"));
        assert_eq!(stdin("psql", "select 1"), None);
    }

    #[test]
    fn what_looks_is_asked_all_the_same() {
        for script in [
            "aws s3 cp s3://bucket/key -",
            "aws s3 ls s3://bucket",
            "aws sts get-caller-identity",
            "aws sts assume-role --role-arn x",
            "aws --cli-connect-timeout 2 rds describe-db-clusters",
            "aws ec2 terminate-instances --dry-run --instance-ids i-1",
            "redis-cli -h db -n 2 get delete",
            "redis-cli config get maxmemory",
            "curl -fsS -o /dev/null -w '%{http_code}' http://api/delete",
            "curl -so/dev/null -H 'X-Do: delete' http://api/",
            "curl -G -d query=up http://prometheus/api/v1/query",
            "curl -sG --data-urlencode query=up http://prometheus/api/v1/query",
            "wget -qO- http://api/",
            "psql -d update -Atc 'select count(*) from updates'",
            "psql -c 'set statement_timeout = 5; select last_update from jobs'",
            "mysql -e 'show processlist'",
            "kubectl config current-context",
            "kubectl --new-option x get pods",
            "kubectl scale deployment/a --replicas=3 --dry-run=server",
            "docker compose ps",
            "git status",
            "sed -n p file; sed -e s/i/j/ file",
            "awk '{ print $1 }' file",
            "gcloud compute instances list",
            "terraform plan",
            "touch --help",
            "x=$((1 + 1)); [ $(($x * 2)) -gt 3 ] && echo \"$x\"",
        ] {
            assert_eq!(said(&["sh", "-c", script]), None, "{script}");
        }
    }

    #[test]
    fn what_is_nested_without_end_is_looked_into_in_no_time() {
        let deep = format!("{}rm x", "$(".repeat(100_000));
        assert_eq!(said(&["sh", "-c", &deep]).as_deref(), Some("rm"));
        let wrapped = vec!["sudo"; 100_000];
        assert_eq!(said(&wrapped), None);
        assert_eq!(said(&["sh", "-c", &"sudo sh -c 'sudo ".repeat(10_000)]), None);
        assert_eq!(said(&["eval"; 10_000]), None);
    }
}
