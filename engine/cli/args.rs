//! What may stand on the command line, as clap reads it. Nothing is decided here: [`Settings`](super::settings)
//! and the verbs do that.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

/// Runs runbooks: each step journaled, verified, and reversible.
#[derive(Debug, Parser)]
#[command(
    name = "runbook",
    version,
    disable_help_subcommand = true,
    propagate_version = false,
    max_term_width = 100
)]
pub struct Arguments {
    /// What every verb takes.
    #[command(flatten)]
    pub global: Global,
    /// The verb.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What every verb takes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// Work as if started in DIR: the project is looked for from there upwards
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Keep the journal here: a path, or sqlite:PATH [also: RUNBOOK_STORE]
    #[arg(long, value_name = "URL", global = true)]
    pub store: Option<String>,
    /// When to use colour: auto, always, never [also: NO_COLOR, CLICOLOR_FORCE]
    #[arg(long, value_name = "WHEN", global = true, hide_possible_values = true)]
    pub color: Option<When>,
    /// What to write to stdout: text for people, json for programs
    #[arg(long, value_name = "FORM", global = true, hide_possible_values = true)]
    pub format: Option<Format>,
    /// Say more about what the program itself does; twice for still more [also: RUNBOOK_LOG]
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub verbose: u8,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal.
    #[default]
    Auto,
    /// In a pipe, too.
    Always,
    /// Not at all.
    Never,
}

/// What `--format` may say. Which of them a verb writes is told by [`Verb::formats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people.
    Text,
    /// JSON for programs.
    Json,
    /// Markdown.
    Md,
    /// A Mermaid flowchart.
    Mermaid,
    /// A graph for Graphviz.
    Dot,
    /// A drawing.
    Svg,
    /// The format of code scanners.
    Sarif,
    /// A page of its own.
    Html,
}

impl Format {
    /// Returns the word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "json",
            Format::Md => "md",
            Format::Mermaid => "mermaid",
            Format::Dot => "dot",
            Format::Svg => "svg",
            Format::Sarif => "sarif",
            Format::Html => "html",
        }
    }
}

/// What stdout holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Text for people.
    #[default]
    Text,
    /// One JSON document; for a run, one event a line.
    Json,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show the runbooks there are
    #[command(after_help = "Example:\n  runbook list --tag scaling")]
    List(List),
    /// Show one runbook: its inputs, steps, gates, and how to run it
    #[command(after_help = "Example:\n  runbook show pre-scale-event\n  runbook show friday.plan")]
    Show(Show),
    /// Find every mistake in the runbooks at once
    #[command(
        after_help = "Exit code 2 when there are mistakes, 0 otherwise. --format sarif writes them for code scanning. A warning \
                      is silenced on its line, with a reason: # allow RB0403: why\n\nExample:\n  runbook check --deny warnings\n  \
                      runbook check --format sarif > check.sarif"
    )]
    Check(Check),
    /// Show the commands a run would send, in order, without running any
    #[command(
        after_help = "Nothing is run, and nothing is written but what --out names. What only the run can know is shown as \
                      ‹captured.replicas›. Steps with the same number may run side by side.\n\n\
                      With --observe what only looks is run: captures, native previews, and steps that only look and whose \
                      outputs others need. A command that is known to change something is refused, whatever the runbook \
                      calls it.\n\n\
                      Example:\n  runbook plan pre-scale-event --var env=prod\n  \
                      runbook plan pre-scale-event --var env=prod --observe\n  \
                      runbook plan pre-scale-event --var env=prod --out friday.plan"
    )]
    Plan(Plan),
    /// Run a runbook
    #[command(after_help = EXEC_HELP)]
    Exec(Exec),
    /// Run a runbook with a tape in place of every command: nothing is run, nothing is changed
    #[command(
        after_help = "The tape says what each command would have answered; beside a runbook it is NAME.tape.yaml, or \
                      platform.tape.yaml for all there that have none. Journal, gates, approvals, resume and rollback are \
                      the real ones, in a journal of rehearsals. Time is the rehearsal's own: what waits an hour takes no time.\n\n\
                      A fault holds until somebody resumes the run or tries the step again, as if they had mended the cause.\n\n\
                      Example:\n  runbook rehearse pre-scale-event --var env=staging\n  \
                      runbook rehearse pre-scale-event --var env=staging --fail 'floors[web]'"
    )]
    Rehearse(Rehearse),
    /// Play the tests of runbooks (`*.test.yaml`): nothing is run, a tape answers for every command
    #[command(
        after_help = "A test says what is given, what goes wrong, who answers, and what must come of it. Without a name all tests \
                      of the project are played.\n\
                      --crash plays each again with an engine that dies after each of its commits and is taken up again, and \
                      demands the same end: no change lost, none made twice.\n\n\
                      Example:\n  runbook test shop/pre-scale --crash"
    )]
    Test(TestOf),
    /// Go on with a run where its journal ends
    #[command(
        after_help = "What succeeded is not run again. A step that failed is tried again unless you say otherwise. A command \
                      that outlived its engine is waited for, and never run beside itself.\n\
                      The run goes on as it was started, whatever the files say now; what changed is told first. With --latest the \
                      steps that have not begun are taken from the file as it is now.\n\
                      A step in doubt is run again if it is idempotent; else its verify gate is asked; else you are.\n\n\
                      Example:\n  runbook resume r7k2 --skip warm-caches --reason 'caches warm already'\n  \
                      runbook resume r7k2 --takeover --reason 'Ada is asleep'"
    )]
    Resume(Resume),
    /// Undo a run's steps, the last begun first
    #[command(
        after_help = "Shows what it will do and asks first; --yes answers where there is no terminal.\n\n\
                      Example:\n  runbook rollback r7k2\n  runbook rollback r7k2 --to scale"
    )]
    Rollback(Rollback),
    /// Answer a step that waits for a person, from any terminal
    #[command(
        after_help = "Shows the commands that a yes starts, and asks first where there is a terminal. When they are others by the time \
                      they start, the approval counts no more and is asked for again.\n\n\
                      Who you are is what this machine says (LOGNAME): asserted and recorded, not proven.\n\n\
                      Example:\n  runbook approve r7k2 go --note 'checked with Dana'"
    )]
    Approve(Approve),
    /// Say that a manual step is done, from any terminal
    #[command(
        after_help = "Who you are is what this machine says (LOGNAME): asserted and recorded, not proven.\n\n\
                      Example:\n  runbook done r7k2 call-dana --note 'she agrees'"
    )]
    Done(Done),
    /// Stop a live run from any terminal, as Ctrl-C twice would
    #[command(after_help = "Example:\n  runbook cancel r7k2")]
    Cancel(Cancel),
    /// Show the steps of a run as they stand
    #[command(after_help = "Example:\n  runbook status r7k2 --watch")]
    Status(Status),
    /// Show the runs that are not finished, or all of them
    #[command(after_help = "Example:\n  runbook runs --all")]
    Runs(Runs),
    /// Show what the commands of a run printed
    #[command(after_help = "Example:\n  runbook logs r7k2 'scale[api-gateway]'")]
    Logs(Logs),
    /// Draw the steps and what waits for what
    #[command(
        after_help = "It writes text; --format mermaid, dot or svg draws it.\n\nExample:\n  runbook graph pre-scale-event\n  runbook graph pre-scale-event --format svg > graph.svg"
    )]
    Graph(GraphOf),
    /// Write a runbook or a step template to begin with
    #[command(
        after_help = "It has comments, passes `check` and runs as it is. A file that is there is left alone.\n\nExample:\n  runbook new runbook shop/release\n  runbook new step tool/verb"
    )]
    New(New),
    /// Write a draft of a runbook from a Markdown runbook
    #[command(
        after_help = "Shell commands in blocks of code become steps, one each, with the line they come from; check lists and numbered \
                      instructions become steps that a person does; tables become data. What a person must decide (how a change is \
                      undone, what a value may be) is listed at the top of the draft and on stderr: no answer is made up. The draft \
                      passes `check`, and a run of it must be confirmed.\n\n\
                      Without --out it goes to stdout. With --out the tables go to a file of their own beside it.\n\n\
                      Example:\n  runbook import wiki/scaling.md --out runbooks/scaling.yaml\n  \
                      runbook import wiki/scaling.md --section 'Add Read Replicas'"
    )]
    Import(Import),
    /// Tell what a code such as RB0101 means, and what to do about it
    #[command(
        after_help = "Without a code it lists them all.\n\nExample:\n  runbook explain RB0401\n  runbook explain no-rollback"
    )]
    Explain(Explain),
    /// Write the JSON Schema by which editors complete and check files
    #[command(
        after_help = "Editors with yaml-language-server (VS Code, Neovim, Helix, Emacs) take it from the first line of a file:\n\n  \
                      # yaml-language-server: $schema=.runbook.json\n\n\
                      The path begins at the folder of the file. `runbook check` says more than a schema can.\n\n\
                      Example:\n  runbook schema > runbooks/.runbook.json\n  runbook schema step > steps/.step.json"
    )]
    Schema(SchemaOf),
    /// Write documentation from the runbooks and the step templates
    #[command(
        after_help = "A page tells when to use a runbook, its inputs, each step with its command and its gates, how it is undone, and how \
                      to do it by hand; with --var, commands ready to be pasted. It writes Markdown; --format html writes a site that \
                      asks nobody for anything.\n\
                      What this machine's journal knows (last good run, how long each step takes) is shown on the terminal, and in \
                      files with --history only: files are read elsewhere.\n\
                      With --check nothing is written: it exits with 1 when a page is stale, missing or too many, and says how to repair \
                      it.\n\nExample:\n  runbook docs pre-scale-event --var env=prod\n  runbook docs --out site --format html\n  \
                      runbook docs --index --check"
    )]
    Docs(Docs),
    /// Write the account of a run for the incident record
    #[command(
        after_help = "It writes Markdown; --format html and --format json write a page and a document.\n\nExample:\n  runbook report r7k2 > incident.md\n  runbook report r7k2 --format html > incident.html"
    )]
    Report(ReportRun),
    /// Drive what another engine hands over
    #[command(hide = true)]
    DetachedEngine,
    /// Prove that the journal of a run was not altered
    #[command(after_help = "Example:\n  runbook verify r7k2")]
    Verify(Verify),
}

const EXEC_HELP: &str = "\
A var comes from --var, then --vars-file, then RUNBOOK_VAR_NAME, then its default; what is still missing is asked for on a terminal. Secrets come from RUNBOOK_VAR_NAME or from where the runbook says, never from --var.

Exit codes:
  0  succeeded                          4  failed and rolled back
  1  a step failed; the run is paused   5  rollback did not complete
  2  a mistake; nothing ran             6  another run holds the lock
  3  waiting for a person               130, 143  stopped; it can be resumed

Example:
  runbook exec pre-scale-event --var env=prod --var traffic=high
  runbook exec --plan friday.plan";

/// `runbook list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only runbooks with this tag; more than one narrows further
    #[arg(long, value_name = "TAG", conflicts_with = "steps")]
    pub tag: Vec<String>,
    /// List the step templates that runbooks can use
    #[arg(long)]
    pub steps: bool,
}

/// `runbook show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The runbook: its name, or the path of its file; a step template; or a plan that was kept with `plan --out`
    pub name: String,
    /// Of a plan, show every instance: more than 20 that are alike are folded otherwise
    #[arg(long)]
    pub full: bool,
}

/// `runbook check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Runbooks, files or folders; the whole project when none is given
    #[arg(value_name = "NAME|PATH")]
    pub what: Vec<String>,
    /// Let warnings fail, too: --deny warnings
    #[arg(long, value_name = "WHAT", hide_possible_values = true)]
    pub deny: Option<Deny>,
}

/// What `check` lets fail besides errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Deny {
    /// Warnings.
    Warnings,
}

/// The inputs of a runbook.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Inputs")]
pub struct Vars {
    /// Set a var; the last of one name wins
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub var: Vec<String>,
    /// Read vars from a YAML file; what a later file says wins
    #[arg(long = "vars-file", value_name = "FILE")]
    pub vars_file: Vec<PathBuf>,
}

/// `runbook plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// The runbook: its name, or the path of its file
    pub name: String,
    /// Keep the plan in FILE, to run it as it is shown: exec --plan FILE
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Show every instance: more than 20 that are alike are folded otherwise
    #[arg(long)]
    pub full: bool,
    /// Run the captures, which only look, and show what is already so and what would change
    #[arg(long)]
    pub observe: bool,
    /// Its inputs.
    #[command(flatten)]
    pub vars: Vars,
}

/// `runbook exec`.
#[derive(Debug, Args)]
pub struct Exec {
    /// The runbook: its name, or the path of its file
    #[arg(required_unless_present = "plan")]
    pub name: Option<String>,
    /// Its inputs.
    #[command(flatten)]
    pub vars: Vars,
    /// Run what was planned, by `plan --out FILE`, and nothing else
    #[arg(long, value_name = "FILE", help_heading = "The run", conflicts_with_all = ["only", "from", "max_parallel", "on_failure"])]
    pub plan: Option<PathBuf>,
    /// Confirm a protected run where no terminal can ask; approves nothing else
    #[arg(short, long, help_heading = "The run")]
    pub yes: bool,
    /// At most so many steps at once
    #[arg(long, value_name = "N", help_heading = "The run", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub max_parallel: Option<u32>,
    /// What a failed step does to the run: pause or rollback
    #[arg(long, value_name = "WHAT", help_heading = "The run", hide_possible_values = true)]
    pub on_failure: Option<AfterFailure>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", help_heading = "The run")]
    pub reason: Option<String>,
    /// Answer yes to the approval of this step, without asking
    #[arg(long, value_name = "STEP", help_heading = "The run")]
    pub approve: Vec<String>,
    /// Run this step and no others; give it once a step. Needs a reason
    #[arg(long, value_name = "STEP", help_heading = "The run", conflicts_with = "from")]
    pub only: Vec<String>,
    /// Begin at this step: what comes before it in the file and does not need it is skipped. Needs a reason
    #[arg(long, value_name = "STEP", help_heading = "The run")]
    pub from: Option<String>,
    /// Where no terminal can answer, wait for an answer from another one
    #[arg(long, help_heading = "The run")]
    pub wait: bool,
    /// Go on in the background as soon as the run is opened
    #[arg(long, help_heading = "The run")]
    pub detach: bool,
    /// Write every command and its answer to FILE, a tape for `rehearse`; secrets are masked
    #[arg(long, value_name = "FILE", help_heading = "The run", conflicts_with = "detach")]
    pub record: Option<PathBuf>,
}

/// `runbook rehearse`.
#[derive(Debug, Args)]
pub struct Rehearse {
    /// The runbook: its name, or the path of its file
    pub name: String,
    /// The tape, or tests with what they play; when not given NAME.tape.yaml beside the runbook, else platform.tape.yaml there
    #[arg(long, value_name = "FILE")]
    pub tape: Option<PathBuf>,
    /// What the tape's state begins with where it differs, as JSON: '{"pods": {"web": {"want": 0}}}'
    #[arg(long, value_name = "JSON")]
    pub state: Option<String>,
    /// Let this step fail, with exit code 1 unless another is given; give it once a step
    #[arg(long, value_name = "STEP[=EXIT]", help_heading = "What goes wrong")]
    pub fail: Vec<String>,
    /// Let the command of this step take so long, so that its timeout acts
    #[arg(long, value_name = "STEP=DURATION", help_heading = "What goes wrong")]
    pub slow: Vec<String>,
    /// Kill the engine while the command of this step is at work: its end is in doubt
    #[arg(long, value_name = "STEP", help_heading = "What goes wrong")]
    pub kill_at: Vec<String>,
    /// Kill the engine once the journal has N events: for whoever tries all of them
    #[arg(long, value_name = "N", hide = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub kill_after: Option<u64>,
    /// Its inputs. A secret that is not given is made up.
    #[command(flatten)]
    pub vars: Vars,
    /// Confirm a protected run where no terminal can ask; approves nothing else
    #[arg(short, long, help_heading = "The run")]
    pub yes: bool,
    /// At most so many steps at once
    #[arg(long, value_name = "N", help_heading = "The run", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub max_parallel: Option<u32>,
    /// What a failed step does to the run: pause or rollback
    #[arg(long, value_name = "WHAT", help_heading = "The run", hide_possible_values = true)]
    pub on_failure: Option<AfterFailure>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", help_heading = "The run")]
    pub reason: Option<String>,
    /// Answer yes to the approval of this step, without asking
    #[arg(long, value_name = "STEP", help_heading = "The run")]
    pub approve: Vec<String>,
    /// Run this step and no others; give it once a step. Needs a reason
    #[arg(long, value_name = "STEP", help_heading = "The run", conflicts_with = "from")]
    pub only: Vec<String>,
    /// Begin at this step: what comes before it in the file and does not need it is skipped. Needs a reason
    #[arg(long, value_name = "STEP", help_heading = "The run")]
    pub from: Option<String>,
    /// Where no terminal can answer, wait for an answer from another one
    #[arg(long, help_heading = "The run")]
    pub wait: bool,
}

/// `runbook test`.
#[derive(Debug, Args)]
pub struct TestOf {
    /// Runbooks by name, files of tests, folders; all tests of the project when not given
    #[arg(value_name = "PATH")]
    pub what: Vec<String>,
    /// Only the tests whose file or name holds this text
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// List the tests and play none
    #[arg(long)]
    pub list: bool,
    /// Play each again with an engine that dies after each of its commits, and demand the same end
    #[arg(long)]
    pub crash: bool,
}

/// What a failed step does to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AfterFailure {
    /// Nothing more is started; the run can be resumed or rolled back.
    Pause,
    /// What was done is undone at once.
    Rollback,
}

/// `runbook resume`.
#[derive(Debug, Args)]
pub struct Resume {
    /// The run: any beginning of its id that no other run has; the newest unfinished one that no engine drives when not
    /// given
    pub run: Option<String>,
    /// Run this step again
    #[arg(long, value_name = "STEP", help_heading = "Steps that failed or are in doubt")]
    pub retry: Vec<String>,
    /// Go on without this step. Needs a reason
    #[arg(long, value_name = "STEP", help_heading = "Steps that failed or are in doubt")]
    pub skip: Vec<String>,
    /// Take this step as done. Needs a reason
    #[arg(long, value_name = "STEP", help_heading = "Steps that failed or are in doubt")]
    pub done: Vec<String>,
    /// Take the runbook as its file is now, for the steps that have not begun
    #[arg(long, help_heading = "The run")]
    pub latest: bool,
    /// Give a var another value; only where no step that has begun reads it
    #[arg(long = "var", value_name = "NAME=VALUE", help_heading = "The run")]
    pub var: Vec<String>,
    /// Answer yes to the approval of this step, without asking
    #[arg(long, value_name = "STEP", help_heading = "The run")]
    pub approve: Vec<String>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", help_heading = "The run")]
    pub reason: Option<String>,
    /// Take the run from an engine that still drives it. Needs a reason
    #[arg(long, help_heading = "The run")]
    pub takeover: bool,
    /// Stop commands that outlived their engine, instead of waiting for them
    #[arg(long, help_heading = "Commands that outlived their engine")]
    pub stop_running: bool,
    /// Take commands on another machine, which can't be looked at, as ended
    #[arg(long, help_heading = "Commands that outlived their engine")]
    pub assume_ended: bool,
    /// Where no terminal can answer, wait for an answer from another one
    #[arg(long, help_heading = "The run")]
    pub wait: bool,
    /// Go on in the background as soon as the run is taken up
    #[arg(long, help_heading = "The run")]
    pub detach: bool,
}

/// `runbook rollback`.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The run: any beginning of its id that no other run has; the newest one when not given
    pub run: Option<String>,
    /// Undo down to this step, it included, and leave what came before
    #[arg(long, value_name = "STEP", help_heading = "The run")]
    pub to: Option<String>,
    /// Begin without asking
    #[arg(short, long, help_heading = "The run")]
    pub yes: bool,
    /// Leave what this irreversible step did as it is, without asking
    #[arg(long, value_name = "STEP", help_heading = "The run")]
    pub approve: Vec<String>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", help_heading = "The run")]
    pub reason: Option<String>,
    /// Stop commands that outlived their engine, instead of waiting for them
    #[arg(long, help_heading = "Commands that outlived their engine")]
    pub stop_running: bool,
    /// Take commands on another machine, which can't be looked at, as ended
    #[arg(long, help_heading = "Commands that outlived their engine")]
    pub assume_ended: bool,
}

/// `runbook approve`.
#[derive(Debug, Args)]
pub struct Approve {
    /// The run: any beginning of its id that no other run has
    pub run: String,
    /// The step that waits
    pub step: String,
    /// Answer no
    #[arg(long)]
    pub reject: bool,
    /// What to add, for the journal
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Answer what the approval asks for; give it once an answer
    #[arg(long, value_name = "NAME=VALUE")]
    pub answer: Vec<String>,
    /// Answer without asking first
    #[arg(short, long)]
    pub yes: bool,
}

/// `runbook done`.
#[derive(Debug, Args)]
pub struct Done {
    /// The run: any beginning of its id that no other run has
    pub run: String,
    /// The step that waits
    pub step: String,
    /// What was done, for the journal
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

/// `runbook cancel`.
#[derive(Debug, Args)]
pub struct Cancel {
    /// The run: any beginning of its id that no other run has
    pub run: String,
}

/// `runbook verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The run: any beginning of its id that no other run has
    pub run: String,
}

/// `runbook status`.
#[derive(Debug, Args)]
pub struct Status {
    /// The run: any beginning of its id that no other run has; the newest unfinished one when not given
    pub run: Option<String>,
    /// Follow it until it rests
    #[arg(short, long)]
    pub watch: bool,
}

/// `runbook runs`.
#[derive(Debug, Args)]
pub struct Runs {
    /// Show finished runs, too
    #[arg(short, long)]
    pub all: bool,
    /// Show rehearsals, which are no runs
    #[arg(long)]
    pub rehearsals: bool,
}

/// `runbook logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// The run: any beginning of its id that no other run has
    pub run: String,
    /// The step, with its instance in brackets; every step when not given
    pub step: Option<String>,
    /// Go on with what is printed until the run rests
    #[arg(short, long)]
    pub follow: bool,
}

/// `runbook report`.
#[derive(Debug, Args)]
pub struct ReportRun {
    /// The run: any beginning of its id that no other run has; the newest when not given
    pub run: Option<String>,
}

impl Verb {
    /// Returns what `--format` may say to this verb.
    pub fn formats(&self) -> &'static [Format] {
        match self {
            Verb::Report(_) => &[Format::Md, Format::Html, Format::Json],
            Verb::Docs(_) => &[Format::Md, Format::Html],
            Verb::Graph(_) => &[Format::Text, Format::Mermaid, Format::Dot, Format::Svg],
            Verb::Check(_) => &[Format::Text, Format::Json, Format::Sarif],
            Verb::Explain(_) => &[Format::Text, Format::Json, Format::Md],
            Verb::Schema(_) => &[Format::Json],
            _ => &[Format::Text, Format::Json],
        }
    }
}

/// `runbook explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The code, by its number or its name
    pub code: Option<String>,
}

/// `runbook import`.
#[derive(Debug, Args)]
pub struct Import {
    /// The document
    #[arg(value_name = "FILE.md")]
    pub file: PathBuf,
    /// Write the draft to FILE, which must not be there yet; its name is the runbook's
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Take only what stands below this heading
    #[arg(long, value_name = "HEADING")]
    pub section: Option<String>,
}

/// `runbook new`.
#[derive(Debug, Args)]
pub struct New {
    /// The kind of file: runbook, or step for a step template
    #[arg(value_name = "KIND", hide_possible_values = true)]
    pub kind: SchemaKind,
    /// Its name; folders are joined by `/`
    pub name: String,
}

/// `runbook schema`.
#[derive(Debug, Args)]
pub struct SchemaOf {
    /// The kind of file: runbook, step for a step template, tape, or test
    #[arg(
        value_name = "KIND",
        default_value = "runbook",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub kind: SchemaKind,
}

/// The kinds of files that there are schemas for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// A runbook.
    Runbook,
    /// A step template.
    Step,
    /// A tape.
    Tape,
    /// A file of tests.
    Test,
}

/// `runbook docs`.
#[derive(Debug, Args)]
pub struct Docs {
    /// Runbooks or step templates; all of them when none is given
    pub name: Vec<String>,
    /// Write below DIR, a page a file; to stdout when not given
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write nothing: exit with 1 when what is there is not as it would be made now
    #[arg(long)]
    pub check: bool,
    /// Only runbooks/README.md and steps/README.md of the project, which lead to the definitions
    #[arg(long, conflicts_with_all = ["name", "out", "history", "var", "vars_file"])]
    pub index: bool,
    /// In files, too, tell what this machine's journal knows
    #[arg(long)]
    pub history: bool,
    /// Its inputs.
    #[command(flatten)]
    pub vars: Vars,
}

/// `runbook graph`.
#[derive(Debug, Args)]
pub struct GraphOf {
    /// The runbook: its name, or the path of its file
    pub name: String,
}
