//! The keys of every map in the language, as data: unknown keys, wrong types, the reference and the schema all come
//! from here.

/// What the value of a key may be.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Text without templates.
    Line,
    /// Text that may hold `{{ … }}`.
    Text,
    /// A bare expression.
    Expr,
    /// A duration; may hold `{{ … }}`.
    Duration,
    /// `true` or `false`.
    Bool,
    /// A whole number of at least 1.
    Count,
    /// A number.
    Number,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of plain texts.
    Names,
    /// Anything; texts in it may hold `{{ … }}`.
    Values,
    /// A map of anything by name; texts in it may hold `{{ … }}`.
    NamedValues,
    /// Anything, taken as it is.
    Data,
    /// A command: text that is split into words, or a list of arguments.
    Command,
    /// A map of texts by name.
    Texts,
    /// A map of expressions by name.
    Exprs,
    /// A map of plain texts by name.
    Lines,
    /// A map with these keys.
    Map(&'static Table),
    /// A map of such maps by name.
    NamedMaps(&'static Table),
    /// A list of such maps.
    Maps(&'static Table),
    /// Commands by name.
    Commands,
    /// Short text for the first key, or a map with these keys.
    ShortMap(&'static Table),
}

impl Form {
    /// Returns what is wanted, in words with an article.
    pub fn wants(&self) -> String {
        match self {
            Form::Line | Form::Text => "text".to_owned(),
            Form::Expr => "an expression".to_owned(),
            Form::Duration => "a duration".to_owned(),
            Form::Bool => "true or false".to_owned(),
            Form::Count => "a whole number of at least 1".to_owned(),
            Form::Number => "a number".to_owned(),
            Form::OneOf(words) => format!("one of {}", list(words.iter().copied(), "or")),
            Form::Names => "a list of texts".to_owned(),
            Form::Values | Form::Data => "a value".to_owned(),
            Form::NamedValues => "a map of values by name".to_owned(),
            Form::Command => "a command: text or a list of arguments".to_owned(),
            Form::Texts | Form::Lines => "a map of texts by name".to_owned(),
            Form::Exprs => "a map of expressions by name".to_owned(),
            Form::Map(table) => format!("a map with {}", table.its_keys()),
            Form::NamedMaps(table) => format!("a map by name, each entry a map with {}", table.its_keys()),
            Form::Maps(table) => format!("a list, each entry a map with {}", table.its_keys()),
            Form::Commands => "a map of commands by name".to_owned(),
            Form::ShortMap(table) => format!("text, or a map with {}", table.its_keys()),
        }
    }
}

/// A key that a map may have.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The key.
    pub name: &'static str,
    /// What its value may be.
    pub form: Form,
    /// How it is written, on one line.
    pub example: &'static str,
    /// What it means, in one sentence.
    pub doc: &'static str,
}

/// The keys that a map may have.
#[derive(Debug)]
pub struct Table {
    /// What the map is, with its article: `a step`.
    pub what: &'static str,
    /// The keys, in the groups they are shared by.
    pub groups: &'static [&'static [Spec]],
}

impl Table {
    /// Returns every key in order.
    pub fn keys(&self) -> impl Iterator<Item = &'static Spec> {
        self.groups.iter().copied().flatten()
    }

    /// Returns the keys in words, as far as they are few.
    fn its_keys(&self) -> String {
        match self.keys().count() {
            1..=7 => format!(
                "{} {}",
                if self.keys().count() == 1 { "the key" } else { "the keys" },
                list(self.keys().map(|spec| spec.name), "and")
            ),
            _ => format!("the keys of {}", self.what),
        }
    }

    /// Returns the key of that name.
    pub fn get(&self, name: &str) -> Option<&'static Spec> {
        self.keys().find(|spec| spec.name == name)
    }
}

/// Returns words as a list for people: `a`, `b` and `c`.
pub(super) fn list<'a>(words: impl IntoIterator<Item = &'a str>, joint: &str) -> String {
    let mut words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} {joint} {last}", words.join(", ")),
    }
}

const fn key(name: &'static str, form: Form, example: &'static str, doc: &'static str) -> Spec {
    Spec { name, form, example, doc }
}

use Form::{
    Bool, Command, Commands, Count, Data, Duration, Expr, Exprs, Line, Lines, Map, Maps, NamedMaps,
    NamedValues, Names, Number, OneOf, ShortMap, Text, Texts, Values,
};

/// Kinds of inputs.
pub(super) const KINDS: &[&str] =
    &["string", "integer", "number", "boolean", "duration", "list", "map", "secret", "any"];
pub(super) const FORMATS: &[&str] = &["dns-label", "dns-name", "quantity"];
pub(super) const ON_FAILURE: &[&str] = &["pause", "rollback", "continue"];
pub(super) const ON_FAILURE_OF_RUN: &[&str] = &["pause", "rollback"];
pub(super) const ON_INTERRUPT: &[&str] = &["rerun", "verify", "ask"];
pub(super) const ON_INTERRUPT_BY_DEFAULT: &[&str] = &["verify", "ask"];
pub(super) const EFFECT: &[&str] = &["read", "change"];
pub(super) const OUTPUT: &[&str] = &["split", "merged"];

/// A runbook.
pub static RUNBOOK: Table = Table {
    what: "a runbook",
    groups: &[&[
        key("runbook", Line, "runbook: pre-scale-event", "The name; equals the file's stem."),
        key("title", Line, "title: Pre-scale for a planned event", "One line for lists and headings."),
        key("summary", Line, "summary: Raises replicas a day before the event.", "One sentence."),
        key(
            "about",
            Line,
            "about: Run 24 hours before the event.",
            "Markdown: when to use it, prerequisites, links.",
        ),
        key("owner", Line, "owner: platform-oncall", "Who answers for it."),
        key("tags", Names, "tags: [scaling, event]", "Words to find it by."),
        key("source", Line, "source: scaling.md#pre-scaling", "The document it came from."),
        key("vars", NamedMaps(&INPUT), "vars: {env: {type: string}}", "Typed inputs."),
        key(
            "data",
            Lines,
            "data: {platform: platform.yaml}",
            "YAML tables beside the runbook, by the name they get.",
        ),
        key(
            "let",
            NamedValues,
            "let: {site: \"{{ platform.environments[env] }}\"}",
            "Values derived once, in order.",
        ),
        key(
            "environment",
            Texts,
            "environment: {AWS_REGION: us-west-2}",
            "Added to the environment of every command of the run; `env` of a step or gate wins over it.",
        ),
        key(
            "target",
            Commands,
            "target: {context: kubectl config current-context}",
            "Read-only commands that say whom the run is about to change.",
        ),
        key("lock", Text, "lock: \"scaling/{{ env }}\"", "One changing run at a time holds it."),
        key("protect", Expr, "protect: env == 'prod'", "When it holds, the run must be confirmed."),
        key(
            "limits",
            Map(&LIMITS),
            "limits: {instances: 20}",
            "Bounds that stop a run before its first change.",
        ),
        key(
            "on_failure",
            OneOf(ON_FAILURE_OF_RUN),
            "on_failure: pause",
            "What a failed step does to the run.",
        ),
        key(
            "defaults",
            Map(&DEFAULTS),
            "defaults: {timeout: 5m}",
            "What each step has that does not say it itself: a step's own key wins, then its template's, then this.",
        ),
        key("max_parallel", Count, "max_parallel: 8", "The most steps at work at once."),
        key(
            "steps",
            Maps(&STEP),
            "steps: [{id: hello, run: echo hello, effect: read}]",
            "The steps, in the order written.",
        ),
        key(
            "finally",
            Maps(&STEP),
            "finally: [{id: tell, run: echo done, effect: read}]",
            "Steps that always run at the end, whatever happened.",
        ),
        key(
            "hooks",
            Map(&HOOKS),
            "hooks: {failed: ./page.sh}",
            "Commands that are told what becomes of the run: the event as JSON on stdin.",
        ),
    ]],
};

/// `defaults`. No key that says what a step does (`effect`, `idempotent`, `irreversible`, `when`, …): who reads a step must
/// see it there. Nor `on_failure`, since the runbook's own is the default of every step.
pub static DEFAULTS: Table = Table {
    what: "`defaults`",
    groups: &[&[
        key(
            "timeout",
            Duration,
            "timeout: 5m",
            "The time one attempt of a command may take; gates, checks and captures keep their 60s.",
        ),
        key("grace", Duration, "grace: 10s", "The time between SIGTERM and SIGKILL."),
        key("retry", Map(&RETRY), "retry: {attempts: 3, delay: 10s}", "How often to try, and when."),
        key(
            "dir",
            Text,
            "dir: app",
            "Where the commands run that stand in the runbook itself; those of templates do not.",
        ),
        key(
            "output",
            OneOf(OUTPUT),
            "output: merged",
            "As `output` of a step, for the commands that stand in the runbook itself.",
        ),
        key("sensitive", Bool, "sensitive: true", "The output is not kept."),
        key(
            "on_interrupt",
            OneOf(ON_INTERRUPT_BY_DEFAULT),
            "on_interrupt: ask",
            "What resume does when the end of a step that changes something is unknown.",
        ),
    ]],
};

/// `hooks`.
pub static HOOKS: Table = Table {
    what: "`hooks`",
    groups: &[&[
        key("started", ShortMap(&HOOK), "started: ./tell.sh", "The run was opened."),
        key("waiting", ShortMap(&HOOK), "waiting: ./tell.sh", "A person is wanted: once for each question."),
        key("failed", ShortMap(&HOOK), "failed: ./page.sh", "The run failed and is paused."),
        key("stopped", ShortMap(&HOOK), "stopped: ./tell.sh", "Somebody stopped the run."),
        key("finished", ShortMap(&HOOK), "finished: ./tell.sh", "The run succeeded."),
        key(
            "rolled_back",
            ShortMap(&HOOK),
            "rolled_back: ./tell.sh",
            "The run was rolled back, whole or not.",
        ),
    ]],
};

/// A hook.
pub static HOOK: Table = Table {
    what: "a hook",
    groups: &[
        COMMAND_LINE,
        &[
            key(
                "env",
                Texts,
                "env: {WEBHOOK: \"{{ webhook }}\"}",
                "Added to the environment of the command.",
            ),
            key("dir", Text, "dir: app", "Where the command runs; the project's root when left out."),
            key("timeout", Duration, "timeout: 10s", "The time it may take, at most 5m; 10s when left out."),
        ],
    ],
};

/// `limits`.
pub static LIMITS: Table = Table {
    what: "`limits`",
    groups: &[&[key("instances", Count, "instances: 20", "The most instances one `for_each` may have.")]],
};

/// A var or a param.
pub static INPUT: Table = Table {
    what: "a var or param",
    groups: &[&[
        key("type", OneOf(KINDS), "type: string", "The kind of value."),
        key("enum", Data, "enum: [prod, staging]", "The only values taken."),
        key("pattern", Line, "pattern: \"^v[0-9]+$\"", "A regular expression that text must match."),
        key("format", OneOf(FORMATS), "format: dns-label", "A named form that text must have."),
        key("min", Number, "min: 0", "The least number taken."),
        key("max", Number, "max: 100", "The greatest number taken."),
        key("default", Data, "default: peak", "The value when none is given."),
        key(
            "required",
            Bool,
            "required: false",
            "Whether leaving it out is a mistake; true unless there is a default.",
        ),
        key("from", Map(&FROM), "from: {env: SLACK_WEBHOOK}", "Where a secret is taken from."),
        key("help", Line, "help: Which environment to scale", "A line for the person who is asked."),
    ]],
};

/// Where a secret comes from.
pub static FROM: Table = Table {
    what: "`from`",
    groups: &[&[
        key("env", Line, "env: SLACK_WEBHOOK", "An environment variable."),
        key("file", Line, "file: /run/secrets/webhook", "A file's content."),
        key("command", Command, "command: pass show slack/webhook", "What a command prints."),
    ]],
};

const HEAD: &[Spec] = &[
    key("id", Line, "id: scale", "The name of the step within the runbook."),
    key("title", Text, "title: Scale the API", "One line for the plan and the progress display."),
    key("about", Line, "about: Takes two minutes.", "Markdown for the docs."),
    key("phase", Line, "phase: Preflight", "The heading that the step stands under."),
];

pub(super) const FLOW: &[Spec] = &[
    key(
        "needs",
        Names,
        "needs: [reach]",
        "Ids that must have succeeded or been skipped first; left out: the step before.",
    ),
    key("when", Expr, "when: env == 'prod'", "False skips the step."),
    key(
        "for_each",
        Values,
        "for_each: services",
        "One instance for each element of a list or entry of a map.",
    ),
    key("max_parallel", Count, "max_parallel: 2", "The most instances of this step at work at once."),
    key("on_failure", OneOf(ON_FAILURE), "on_failure: continue", "Overrides the runbook's."),
    key("lock", Text, "lock: \"db/{{ env }}\"", "A lock for this step only."),
    key("sensitive", Bool, "sensitive: true", "The output is not kept."),
    key(
        "guard",
        Map(&GATE),
        "guard: {run: curl -fsS http://localhost/health, pass: exit_code == 0}",
        "A gate polled while the action runs.",
    ),
];

pub(super) const TIMING: &[Spec] = &[
    key("timeout", Duration, "timeout: 5m", "The time one attempt may take."),
    key("grace", Duration, "grace: 10s", "The time between SIGTERM and SIGKILL."),
    key("retry", Map(&RETRY), "retry: {attempts: 3, delay: 10s}", "How often to try, and when."),
    key(
        "on_interrupt",
        OneOf(ON_INTERRUPT),
        "on_interrupt: rerun",
        "What resume does when the step's end is unknown.",
    ),
];

const USES: &[Spec] = &[
    key("uses", Line, "uses: kubectl/scale", "The step template to use."),
    key("with", NamedValues, "with: {namespace: prod}", "Values for the template's params."),
];

const COMMAND_LINE: &[Spec] = &[
    key("run", Command, "run: kubectl get pods -n {{ namespace }}", "A command, without a shell."),
    key(
        "shell",
        Text,
        "shell: du -sh * | sort -h",
        "A script for `sh`; values are quoted for where they stand.",
    ),
];

const AROUND: &[Spec] = &[
    key("env", Texts, "env: {AWS_REGION: us-west-2}", "Added to the environment of the command."),
    key("dir", Text, "dir: app", "Where the command runs; the project's root when left out."),
    key("stdin", Text, "stdin: \"{{ patch }}\"", "What the command reads."),
];

pub(super) const BODY: &[Spec] = &[
    key("gate", Map(&GATE), "gate: {run: kubectl get ns prod, pass: exit_code == 0}", "Only verifies."),
    key("wait", ShortMap(&WAIT), "wait: 30s", "Waits."),
    key("approve", ShortMap(&APPROVE), "approve: {prompt: Go on?}", "A person decides."),
    key("manual", ShortMap(&MANUAL), "manual: Call the customer.", "A person does it and says so."),
    key(
        "check",
        Map(&GATE),
        "check: {run: kubectl get ns prod, pass: exit_code == 0}",
        "A gate that must pass before anything is touched.",
    ),
    key("capture", Map(&CAPTURE), "capture: {run: cat size, outputs: {size: stdout}}", "The state before."),
    key(
        "changes",
        Text,
        "changes: \"{{ captured.size }} → {{ size }}\"",
        "The one-line difference for the plan.",
    ),
    key("satisfied", Expr, "satisfied: captured.size == size", "Whether there is nothing to do."),
    key(
        "preview",
        Map(&PREVIEW),
        "preview: {run: kubectl diff -f app.yaml, changed: exit_code == 1}",
        "What the tool itself says that it would change, for `plan --observe`; it only looks.",
    ),
    key("verify", Map(&GATE), "verify: {run: cat size, pass: stdout == size}", "The gate after."),
    key("rollback", Map(&UNDO), "rollback: {run: \"resize {{ captured.size }}\"}", "How to undo it."),
    key("irreversible", Text, "irreversible: A sent mail can't be called back.", "Why it can't be undone."),
    key(
        "effect",
        OneOf(EFFECT),
        "effect: read",
        "Whether it changes anything; `run` and `shell` do unless they say `read`.",
    ),
    key("idempotent", Bool, "idempotent: true", "Running it twice is as good as once."),
    key("outputs", Exprs, "outputs: {version: json.version}", "Values taken from the result."),
    key("tools", Names, "tools: [kubectl]", "Programs looked for before the run starts."),
    key(
        "output",
        OneOf(OUTPUT),
        "output: merged",
        "`merged`: stdout and stderr share one pipe, in exact order.",
    ),
];

const SUB_RUNBOOK: &[Spec] = &[
    key("runbook", Line, "runbook: scale-service", "Another runbook as one step."),
    key("vars", NamedValues, "vars: {env: \"{{ env }}\"}", "The vars of that runbook."),
];

/// A step.
pub static STEP: Table =
    Table { what: "a step", groups: &[HEAD, FLOW, USES, COMMAND_LINE, SUB_RUNBOOK, BODY, AROUND, TIMING] };

/// A step template.
pub static TEMPLATE: Table = Table {
    what: "a step template",
    groups: &[
        &[
            key(
                "step",
                Line,
                "step: kubectl/scale",
                "The name; equals the file's path under `steps/` without `.yaml`.",
            ),
            key(
                "title",
                Text,
                "title: Scale {{ workload }}",
                "One line for the plan and the progress display.",
            ),
            key("summary", Line, "summary: Sets the replica count.", "One sentence."),
            key("about", Line, "about: Needs the scale subresource.", "Markdown for the docs."),
            key("params", NamedMaps(&INPUT), "params: {namespace: {type: string}}", "Typed params."),
        ],
        COMMAND_LINE,
        BODY,
        AROUND,
        TIMING,
    ],
};

/// A gate.
pub static GATE: Table = Table {
    what: "a gate",
    groups: &[
        COMMAND_LINE,
        &[
            key(
                "uses",
                Line,
                "uses: kubectl/ready",
                "A step template that only looks, in place of a command.",
            ),
            key("with", NamedValues, "with: {namespace: prod}", "Values for the template's params."),
            key(
                "pass",
                Expr,
                "pass: exit_code == 0",
                "Whether the answer is good; the template's own where it has one and this is left out.",
            ),
            key("warn", Expr, "warn: json.free < 20", "Whether a good answer is only just good."),
            key("every", Duration, "every: 5s", "The time between two polls."),
            key("within", Duration, "within: 10m", "How long it is polled; asked once when left out."),
            key("hold", Duration, "hold: 2m", "How long it must stay true."),
            key("valid_for", Duration, "valid_for: 5m", "How long its answer is good for."),
            key("timeout", Duration, "timeout: 30s", "The time one poll may take."),
        ],
        AROUND,
    ],
};

/// `capture`.
pub static CAPTURE: Table = Table {
    what: "`capture`",
    groups: &[
        COMMAND_LINE,
        &[
            key(
                "outputs",
                Exprs,
                "outputs: {size: stdout}",
                "Values taken from the answer, in scope as `captured.NAME`.",
            ),
            key("timeout", Duration, "timeout: 30s", "The time it may take."),
        ],
        AROUND,
    ],
};

/// `preview`.
pub static PREVIEW: Table = Table {
    what: "`preview`",
    groups: &[
        COMMAND_LINE,
        &[
            key(
                "changed",
                Expr,
                "changed: exit_code == 1",
                "Whether the answer tells of a change; an exit code other than 0 for which it is false is a failure.",
            ),
            key("timeout", Duration, "timeout: 30s", "The time it may take."),
        ],
        AROUND,
    ],
};

/// `rollback`.
pub static UNDO: Table = Table {
    what: "`rollback`",
    groups: &[
        COMMAND_LINE,
        &[
            key(
                "verify",
                Map(&GATE),
                "verify: {run: cat size, pass: stdout == captured.size}",
                "The gate after it.",
            ),
            key("retry", Map(&RETRY), "retry: {attempts: 3, delay: 10s}", "How often to try."),
            key("timeout", Duration, "timeout: 5m", "The time one attempt may take."),
        ],
        AROUND,
    ],
};

/// A command of `target`.
pub static COMMAND: Table = Table { what: "a command", groups: &[COMMAND_LINE, AROUND] };

/// `retry`.
pub static RETRY: Table = Table {
    what: "`retry`",
    groups: &[&[
        key("attempts", Count, "attempts: 3", "Attempts in all, the first included."),
        key("delay", Duration, "delay: 10s", "The time before the second attempt."),
        key("backoff", Number, "backoff: 2", "Each delay is this many times the one before."),
        key("max_delay", Duration, "max_delay: 2m", "The longest delay."),
        key("jitter", Number, "jitter: 0.2", "The share of the delay that is random, 0 to 1."),
        key("when", Expr, "when: exit_code == 1", "Tried again only when this holds."),
    ]],
};

/// `approve`.
pub static APPROVE: Table = Table {
    what: "`approve`",
    groups: &[&[
        key("prompt", Text, "prompt: Go on?", "The question."),
        key("by", Names, "by: [sre]", "Who may answer: login names, or groups of `runbooks/people.yaml`."),
        key("count", Count, "count: 2", "How many different people must say yes."),
        key(
            "not_self",
            Bool,
            "not_self: true",
            "Whoever drives the run may not answer: who started it, or took it up last.",
        ),
        key("timeout", Duration, "timeout: 30m", "How long to wait."),
        key("ask", NamedMaps(&INPUT), "ask: {ticket: {type: string}}", "Typed answers that become outputs."),
    ]],
};

/// `manual`.
pub static MANUAL: Table = Table {
    what: "`manual`",
    groups: &[&[
        key("prompt", Text, "prompt: Call the customer.", "What to do."),
        key("timeout", Duration, "timeout: 1h", "How long to wait."),
    ]],
};

/// `wait`.
pub static WAIT: Table = Table {
    what: "`wait`",
    groups: &[&[
        key("for", Duration, "for: 30s", "A duration."),
        key("until", Text, "until: \"2026-12-01T08:00:00Z\"", "A time (RFC 3339)."),
    ]],
};

/// Returns every table that a runbook, a step template, a tape or a file of tests leads to, each once: outer ones before what stands in them.
pub fn tables() -> Vec<&'static Table> {
    let mut found: Vec<&'static Table> =
        vec![&RUNBOOK, &STEP, &TEMPLATE, &super::tape::TAPE, &super::test_keys::TEST_FILE];
    let mut next = 0;
    while let Some(table) = found.get(next).copied() {
        next += 1;
        for spec in table.keys() {
            let inner = match spec.form {
                Form::Map(inner) | Form::NamedMaps(inner) | Form::Maps(inner) | Form::ShortMap(inner) => {
                    inner
                }
                Form::Commands => &COMMAND,
                _ => continue,
            };
            if !found.iter().any(|known| std::ptr::eq(*known, inner)) {
                found.push(inner);
            }
        }
    }
    found
}

/// The keys of which a step has exactly one.
pub(super) const ACTIONS: &[&str] = &["run", "shell", "uses", "gate", "approve", "manual", "wait", "runbook"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_once_in_its_table_and_its_example_begins_with_it() {
        let tables = [
            &RUNBOOK, &DEFAULTS, &LIMITS, &INPUT, &FROM, &STEP, &TEMPLATE, &GATE, &CAPTURE, &UNDO, &COMMAND,
            &RETRY, &APPROVE, &MANUAL, &WAIT, &HOOKS, &HOOK, &PREVIEW,
        ];
        for table in tables {
            let mut names: Vec<_> = table.keys().map(|spec| spec.name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{}", table.what);
            for spec in table.keys() {
                assert!(spec.example.starts_with(&format!("{}: ", spec.name)), "{}", spec.example);
                assert!(spec.doc.ends_with('.'), "{}", spec.doc);
            }
        }
        assert!(ACTIONS.iter().all(|action| STEP.get(action).is_some()));
    }

    #[test]
    fn words_are_listed_for_people() {
        assert_eq!(list(["a"], "or"), "`a`");
        assert_eq!(list(["a", "b", "c"], "and"), "`a`, `b` and `c`");
    }
}
