//! What is told of each verb beside its flags: what it does, what people do with it, how it ends. The help in the terminal,
//! the reference and the manual pages are made of it, so that none of them says more, or something else, than the others.

use crate::cli::exit::Exit;

/// What is told of a verb.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) verb: &'static str,
    /// What it does, beyond the line in the list of verbs. Paragraphs.
    pub(super) about: &'static [&'static str],
    /// What for, and what to type. The first is the one in the short help.
    pub(super) examples: &'static [(&'static str, &'static str)],
    /// How it ends, where that says more than that all went well or the command line was wrong.
    pub(super) exits: &'static [(Exit, &'static str)],
    /// Files of the documentation that tell more.
    pub(super) more: &'static [&'static str],
}

/// How whatever drives a run ends.
const RUN_EXITS: &[(Exit, &str)] = &[
    (Exit::Good, "the run succeeded"),
    (Exit::Failed, "a step or gate failed; the run is paused"),
    (Exit::Mistake, "a mistake in command line, runbook or inputs; nothing ran"),
    (Exit::Waiting, "it waits for a person, and no terminal can ask"),
    (Exit::RolledBack, "it failed, and was rolled back"),
    (Exit::RollbackFailed, "the rollback did not complete"),
    (Exit::Locked, "another run holds the lock; it is named"),
    (Exit::Interrupted, "stopped by Ctrl-C or a lost terminal; it can be resumed"),
    (Exit::Terminated, "stopped by SIGTERM; it can be resumed"),
];

const FOUND: (Exit, &str) = (Exit::Good, "it was found and shown");

const NO_RUN: (Exit, &str) = (Exit::Mistake, "there is no such run");

/// Every verb, as it stands in the list of verbs.
pub(super) const TOLD: &[Told] = &[
    Told {
        verb: "list",
        about: &[
            "Names stand under the folder that they are found in. A runbook with mistakes is listed, and marked.",
        ],
        examples: &[
            ("those about scaling", "runbook list --tag scaling"),
            ("the step templates that runbooks can use", "runbook list --steps"),
            ("names and titles, for a script", "runbook list --format json"),
        ],
        exits: &[],
        more: &[],
    },
    Told {
        verb: "show",
        about: &[
            "It shows a step template, too, and a plan that was kept. Nothing is run; `plan` shows the commands for certain inputs.",
        ],
        examples: &[
            ("what it is for, and what it needs", "runbook show pre-scale-event"),
            ("a step template, with its params", "runbook show kubectl/scale"),
            ("a plan that was kept", "runbook show friday.plan"),
        ],
        exits: &[],
        more: &["docs/plan.md"],
    },
    Told {
        verb: "check",
        about: &[
            "A warning is silenced on its line, with a reason: # allow RB0403: why. What a code means is told by `explain`.",
        ],
        examples: &[
            ("everything in the project", "runbook check"),
            ("in CI, where a warning is to fail, too", "runbook check --deny warnings"),
            ("for code scanning", "runbook check --format sarif > check.sarif"),
        ],
        exits: &[
            (Exit::Good, "no mistakes; perhaps warnings"),
            (Exit::Mistake, "there are mistakes, or warnings with --deny warnings"),
        ],
        more: &["docs/reference/diagnostics.md"],
    },
    Told {
        verb: "plan",
        about: &[
            "Nothing is run, and nothing is written but what --out names. What only the run can know is shown as \
             ‹captured.replicas›. Steps with the same number may run side by side.",
            "With --observe what only looks is run: captures, native previews, and steps that only look and whose outputs \
             others need. A command that is known to change something is refused, whatever the runbook calls it.",
        ],
        examples: &[
            ("every command, in order", "runbook plan pre-scale-event --var env=prod"),
            (
                "what is so already, and what would change",
                "runbook plan pre-scale-event --var env=prod --observe",
            ),
            (
                "keep it, have it read, and run that",
                "runbook plan pre-scale-event --var env=prod --out friday.plan",
            ),
        ],
        exits: &[
            (Exit::Good, "it can be run so"),
            (Exit::Mistake, "a mistake, or a run would fail at what is wrong"),
        ],
        more: &["docs/plan.md"],
    },
    Told {
        verb: "graph",
        about: &["It writes text; --format mermaid, dot or svg draws it."],
        examples: &[
            ("on the terminal", "runbook graph pre-scale-event"),
            ("as a picture", "runbook graph pre-scale-event --format svg > graph.svg"),
            ("for a page that draws Mermaid", "runbook graph pre-scale-event --format mermaid"),
        ],
        exits: &[],
        more: &[],
    },
    Told {
        verb: "docs",
        about: &[
            "A page tells when to use a runbook, its inputs, each step with its command and its gates, how it is undone, and \
             how to do it by hand; with --var, commands ready to be pasted. It writes Markdown; --format html writes a site \
             that asks nobody for anything.",
            "What this machine's journal knows (last good run, how long each step takes) is shown on the terminal, and in \
             files with --history only: files are read elsewhere.",
            "With --check nothing is written: it exits with 1 when a page is stale, missing or too many, and says how to \
             repair it.",
        ],
        examples: &[
            ("one runbook, by hand, for these inputs", "runbook docs pre-scale-event --var env=prod"),
            ("a site of its own", "runbook docs --out site --format html"),
            ("in CI: are the lists of the project as they would be made?", "runbook docs --index --check"),
        ],
        exits: &[
            (Exit::Good, "written; with --check, all is as it would be made"),
            (Exit::Failed, "with --check: a page is stale, missing or too many"),
            (Exit::Mistake, "a mistake; nothing was written"),
        ],
        more: &[],
    },
    Told {
        verb: "rehearse",
        about: &[
            "The tape says what each command would have answered; beside a runbook it is NAME.tape.yaml, or \
             platform.tape.yaml for all there that have none. Journal, gates, approvals, resume and rollback are the real \
             ones, in a journal of rehearsals. Time is the rehearsal's own: what waits an hour takes no time.",
            "A fault holds until somebody resumes the run or tries the step again, as if they had mended the cause.",
        ],
        examples: &[
            ("as it should go", "runbook rehearse pre-scale-event --var env=staging"),
            ("a step fails", "runbook rehearse pre-scale-event --var env=staging --fail aurora"),
            ("a command hangs", "runbook rehearse pre-scale-event --var env=staging --slow aurora=2h"),
            (
                "the engine dies in the middle; then `runbook resume`",
                "runbook rehearse pre-scale-event --var env=staging --kill-at aurora",
            ),
        ],
        exits: RUN_EXITS,
        more: &["docs/rehearsals.md"],
    },
    Told {
        verb: "test",
        about: &[
            "A test says what is given, what goes wrong, who answers, and what must come of it. Without a name all tests of \
             the project are played.",
            "--crash plays each again with an engine that dies after each of its commits and is taken up again, and demands \
             the same end: no change lost, none made twice.",
        ],
        examples: &[
            ("all of them", "runbook test"),
            ("of one runbook, with an engine that dies", "runbook test shop/pre-scale --crash"),
            ("those about rollback", "runbook test --filter rollback"),
        ],
        exits: &[
            (Exit::Good, "all passed"),
            (Exit::Failed, "a test did not come to what it expects"),
            (Exit::Mistake, "a test or its runbook is wrong"),
            (Exit::Interrupted, "stopped by Ctrl-C"),
        ],
        more: &["docs/rehearsals.md"],
    },
    Told {
        verb: "new",
        about: &["It has comments, passes `check` and runs as it is. A file that is there is left alone."],
        examples: &[
            ("a runbook", "runbook new runbook shop/release"),
            ("a step template", "runbook new step tool/verb"),
        ],
        exits: &[],
        more: &["docs/tutorial.md"],
    },
    Told {
        verb: "import",
        about: &[
            "Shell commands in blocks of code become steps, one each, with the line they come from; check lists and numbered \
             instructions become steps that a person does; tables become data. What a person must decide (how a change is \
             undone, what a value may be) is listed at the top of the draft and on stderr: no answer is made up. The draft \
             passes `check`, and a run of it must be confirmed.",
            "Without --out it goes to stdout. With --out the tables go to a file of their own beside it.",
        ],
        examples: &[
            ("the whole page", "runbook import wiki/scaling.md --out runbooks/scaling.yaml"),
            ("one chapter, to stdout", "runbook import wiki/scaling.md --section 'Add Read Replicas'"),
        ],
        exits: &[],
        more: &[],
    },
    Told {
        verb: "explain",
        about: &["Without a code it lists them all."],
        examples: &[
            ("by its number", "runbook explain RB0401"),
            ("by its name", "runbook explain no-rollback"),
        ],
        exits: &[],
        more: &["docs/reference/diagnostics.md"],
    },
    Told {
        verb: "schema",
        about: &[
            "Editors with yaml-language-server (VS Code, Neovim, Helix, Emacs) take it from the first line of a file: \
             # yaml-language-server: $schema=.runbook.json",
            "The path begins at the folder of the file. `runbook check` says more than a schema can.",
        ],
        examples: &[
            ("for runbooks", "runbook schema > runbooks/.runbook.json"),
            ("for step templates", "runbook schema step > steps/.step.json"),
            ("of what `status --format json` writes", "runbook schema --output status"),
        ],
        exits: &[],
        more: &["docs/json.md"],
    },
    Told {
        verb: "completions",
        about: &[
            "The script asks this program what may stand there each time TAB is pressed: runbooks, the vars of the runbook \
             and their values, runs, the steps of the run. That only reads: no file is made, no command is started, and no \
             value of a secret is shown.",
        ],
        examples: &[
            ("bash, in ~/.bashrc", "eval \"$(runbook completions bash)\""),
            ("zsh, in ~/.zshrc after `compinit`", "eval \"$(runbook completions zsh)\""),
            ("fish", "runbook completions fish > ~/.config/fish/completions/runbook.fish"),
        ],
        exits: &[],
        more: &[],
    },
    Told {
        verb: "man",
        about: &["Without a verb it is the page about the program. `man -l -` shows what it writes."],
        examples: &[
            ("read one", "runbook man exec | man -l -"),
            ("install all", "runbook man --out ~/.local/share/man/man1"),
        ],
        exits: &[],
        more: &[],
    },
    Told {
        verb: "exec",
        about: &[
            "A var comes from --var, then --vars-file, then RUNBOOK_VAR_NAME, then its default; what is still missing is \
             asked for on a terminal. Secrets come from RUNBOOK_VAR_NAME or from where the runbook says, never from --var.",
            "When a step fails at a terminal you are asked what to do; elsewhere the run is paused, and the last lines are \
             the commands to type. Ctrl-C once starts nothing new; twice stops what runs.",
            "A run that waits for the person at its terminal rings the terminal's bell; RUNBOOK_BELL=no keeps it quiet.",
            "--yes consents to a protected run and to nothing else. --only and --from want a --reason, which is recorded.",
        ],
        examples: &[
            ("with inputs", "runbook exec pre-scale-event --var env=prod --var traffic=high"),
            ("what was planned, or nothing", "runbook exec --plan friday.plan"),
            (
                "in the background; then `runbook status --watch`",
                "runbook exec pre-scale-event --var env=prod --yes --detach",
            ),
            (
                "from CI: a person answers from another terminal, by `approve`",
                "runbook exec pre-scale-event --var env=prod --yes --wait",
            ),
            (
                "with an approval that was given elsewhere",
                "runbook exec release --approve go --reason 'change 4711, Dana'",
            ),
            ("a part of it", "runbook exec release --only warm --only tell --reason 'caches went cold'"),
            ("undo at once when a step fails", "runbook exec release --on-failure rollback"),
            ("record it, for rehearsals", "runbook exec release --record release.tape.yaml"),
        ],
        exits: RUN_EXITS,
        more: &["docs/tutorial.md", "docs/plan.md"],
    },
    Told {
        verb: "resume",
        about: &[
            "What succeeded is not run again. A step that failed is tried again unless you say otherwise. A command that \
             outlived its engine is waited for, and never run beside itself.",
            "The run goes on as it was started, whatever the files say now; what changed is told first. With --latest the \
             steps that have not begun are taken from the file as it is now.",
            "A step in doubt is run again if it is idempotent; else its verify gate is asked; else you are.",
        ],
        examples: &[
            ("the newest unfinished run; it is named first", "runbook resume"),
            ("go on without a step", "runbook resume r7k2 --skip warm --reason 'caches warm already'"),
            ("it took effect, I looked", "runbook resume r7k2 --done scale --reason 'ten pods are up'"),
            ("as the file is now", "runbook resume r7k2 --latest"),
            (
                "from an engine that still drives it",
                "runbook resume r7k2 --takeover --reason 'Ada is asleep'",
            ),
        ],
        exits: RUN_EXITS,
        more: &["docs/rehearsals.md"],
    },
    Told {
        verb: "rollback",
        about: &[
            "It shows what it will do and asks first; --yes answers where there is no terminal. An undo that fails leaves \
             alone what it stands on, and the last lines say how to do it by hand.",
        ],
        examples: &[
            ("all of it", "runbook rollback r7k2"),
            ("down to a step, it included", "runbook rollback r7k2 --to scale"),
            ("from a script", "runbook rollback r7k2 --yes --reason 'the release is off'"),
        ],
        exits: &[
            (Exit::Good, "what was asked is undone"),
            (Exit::Mistake, "there is no such run, or nobody confirmed; nothing was undone"),
            (Exit::Waiting, "it waits for a person, and no terminal can ask"),
            (Exit::RollbackFailed, "an undo failed; what it stands on was left alone"),
            (Exit::Locked, "another engine drives the run, or another run holds the lock"),
            (Exit::Interrupted, "stopped by Ctrl-C or a lost terminal; type it again"),
            (Exit::Terminated, "stopped by SIGTERM; type it again"),
        ],
        more: &["docs/rehearsals.md"],
    },
    Told {
        verb: "approve",
        about: &[
            "Shows the commands that a yes starts, and asks first where there is a terminal. When they are others by the \
             time they start, the approval counts no more and is asked for again.",
            "Who you are is what this machine says (LOGNAME): asserted and recorded, not proven.",
        ],
        examples: &[
            ("yes", "runbook approve r7k2 go --note 'checked with Dana'"),
            ("no", "runbook approve r7k2 go --reject --note 'not on a Friday'"),
            ("with what it asks for", "runbook approve r7k2 go --answer ticket=OPS-12"),
        ],
        exits: &[
            (Exit::Good, "the answer is recorded, or was before"),
            (Exit::Mistake, "nothing waits there, or you may not answer it"),
        ],
        more: &[],
    },
    Told {
        verb: "done",
        about: &["Who you are is what this machine says (LOGNAME): asserted and recorded, not proven."],
        examples: &[("with what was done", "runbook done r7k2 call-dana --note 'she agrees'")],
        exits: &[
            (Exit::Good, "it is recorded"),
            (Exit::Mistake, "nothing waits there, or you may not answer it"),
        ],
        more: &[],
    },
    Told {
        verb: "cancel",
        about: &[
            "What runs is sent SIGTERM, and SIGKILL after its grace. The run can be resumed or rolled back.",
        ],
        examples: &[("stop it", "runbook cancel r7k2")],
        exits: &[
            (Exit::Good, "its engine was told"),
            (Exit::Mistake, "there is no such run, or nobody drives it"),
        ],
        more: &[],
    },
    Told {
        verb: "status",
        about: &[
            "Without a run it is the newest that is not finished. --watch follows it until no engine drives it any more, and \
             ends with the exit code of the run: 0 when it succeeded or was rolled back as it was asked to be, 1 when it \
             failed or its engine is gone, 3 when it waits for a person, 4 when it failed and was rolled back, 5 when the \
             rollback did not complete, 130 and 143 when it was stopped. An engine in the background waits for approvals, \
             and so does --watch. Ctrl-C ends the watching, and not the run.",
        ],
        examples: &[
            ("the newest unfinished run", "runbook status"),
            ("look on while another terminal drives it", "runbook status r7k2 --watch"),
            ("for a script", "runbook status r7k2 --format json"),
        ],
        exits: &[FOUND, NO_RUN],
        more: &[],
    },
    Told {
        verb: "runs",
        about: &["With who drives each, and the locks that it holds."],
        examples: &[
            ("finished ones, too", "runbook runs --all"),
            ("rehearsals, which are no runs", "runbook runs --rehearsals"),
        ],
        exits: &[],
        more: &[],
    },
    Told {
        verb: "logs",
        about: &["Secrets are masked, as they are in the journal."],
        examples: &[
            ("one instance of a step", "runbook logs r7k2 'scale[api-gateway]'"),
            ("everything, as it comes", "runbook logs r7k2 --follow"),
        ],
        exits: &[FOUND, NO_RUN],
        more: &[],
    },
    Told {
        verb: "report",
        about: &[
            "Who, when, which command, what it printed, gates, approvals, what was undone. It writes Markdown; --format html \
             and --format json write a page and a document.",
        ],
        examples: &[
            ("for the incident record", "runbook report r7k2 > incident.md"),
            ("as a page", "runbook report r7k2 --format html > incident.html"),
        ],
        exits: &[FOUND, NO_RUN],
        more: &["docs/report.md"],
    },
    Told {
        verb: "verify",
        about: &[
            "Each event carries a hash of all before it. What was changed, cut off or added by hand is named.",
        ],
        examples: &[("one run", "runbook verify r7k2")],
        exits: &[(Exit::Good, "it is as it was written"), (Exit::Failed, "it was altered"), NO_RUN],
        more: &["docs/report.md"],
    },
];
