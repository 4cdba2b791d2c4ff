//! What may stand on the command line, as clap reads it. Nothing is decided here: [`Settings`](super::settings)
//! and the verbs do that.

use std::ffi::OsString;
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
    /// Work as if started in DIR
    ///
    /// The project is looked for from there upwards
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Keep the journal here, wherever RUNBOOK_STORE says
    ///
    /// A path, or sqlite:PATH
    #[arg(long, value_name = "URL", global = true)]
    pub store: Option<String>,
    /// When to use colour: auto, always, never
    ///
    /// NO_COLOR and CLICOLOR_FORCE are heard, too
    #[arg(long, value_name = "WHEN", global = true, hide_possible_values = true)]
    pub color: Option<When>,
    /// Write text for people, or json for programs
    ///
    /// Some verbs write other forms: md, html, sarif, mermaid, dot, svg
    #[arg(long, value_name = "FORM", global = true, hide_possible_values = true)]
    pub format: Option<Format>,
    /// Write what the program does to a file
    ///
    /// Twice for more; RUNBOOK_LOG says it finer
    #[arg(short, long, action = ArgAction::Count, global = true, hide_short_help = true)]
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
    List(List),
    /// Show one runbook: its inputs, steps, gates, and how to run it
    Show(Show),
    /// Find every mistake in the runbooks at once
    Check(Check),
    /// Show the commands a run would send, in order, without running any
    Plan(Plan),
    /// Run a runbook
    Exec(Exec),
    /// Play a run with a tape in place of every command
    Rehearse(Rehearse),
    /// Play the tests of runbooks: a tape answers for every command
    Test(TestOf),
    /// Go on with a run where its journal ends
    Resume(Resume),
    /// Undo a run's steps, the last begun first
    Rollback(Rollback),
    /// Answer a step that waits for a person, from any terminal
    Approve(Approve),
    /// Say that a manual step is done, from any terminal
    Done(Done),
    /// Stop a live run from any terminal, as Ctrl-C twice would
    Cancel(Cancel),
    /// Show the steps of a run as they stand
    Status(Status),
    /// Show the runs that are not finished, or all of them
    Runs(Runs),
    /// Show what the commands of a run printed
    Logs(Logs),
    /// Draw the steps and what waits for what
    Graph(GraphOf),
    /// Write a runbook or a step template to begin with
    New(New),
    /// Write a draft of a runbook from a Markdown runbook
    Import(Import),
    /// Tell what a code such as RB0101 means, and what to do about it
    Explain(Explain),
    /// Write the JSON Schema by which editors complete and check files
    Schema(SchemaOf),
    /// Write the script that completes commands in a shell
    Completions(CompletionsFor),
    /// Tell a shell what may stand where TAB was pressed
    #[command(hide = true)]
    Complete(Complete),
    /// Write the manual pages
    Man(Man),
    /// Write documentation from the runbooks and the step templates
    Docs(Docs),
    /// Write the account of a run for the incident record
    Report(ReportRun),
    /// Drive what another engine hands over
    #[command(hide = true)]
    DetachedEngine,
    /// Prove that the journal of a run was not altered
    Verify(Verify),
}

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
    /// A runbook, a step template, or a plan that was kept
    ///
    /// A runbook by its name or the path of its file; a plan that `plan --out` wrote by its path
    pub name: String,
    /// Of a plan, show every instance
    ///
    /// More than 20 that are alike are folded otherwise
    #[arg(long)]
    pub full: bool,
}

/// `runbook check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Runbooks, files, folders; else the whole project
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
    /// Read vars from a YAML file; a later one wins
    #[arg(long = "vars-file", value_name = "FILE")]
    pub vars_file: Vec<PathBuf>,
}

/// `runbook plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// The runbook: its name, or the path of its file
    pub name: String,
    /// Keep the plan in FILE, for exec --plan FILE
    ///
    /// What is run then is what is shown now, or nothing
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Show every instance
    ///
    /// More than 20 that are alike are folded otherwise
    #[arg(long)]
    pub full: bool,
    /// Run what only looks; show what would change
    ///
    /// And what is so already, and what can't be undone
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
    /// Run what `plan --out FILE` kept, or nothing
    #[arg(long, value_name = "FILE", help_heading = "The run", conflicts_with_all = ["only", "from", "max_parallel", "on_failure"])]
    pub plan: Option<PathBuf>,
    /// Confirm a protected run; approves nothing else
    ///
    /// For where no terminal can ask
    #[arg(short, long, help_heading = "The run")]
    pub yes: bool,
    /// At most so many steps at once
    #[arg(long, value_name = "N", help_heading = "The run", value_parser = clap::value_parser!(u32).range(1..=1024), hide_short_help = true)]
    pub max_parallel: Option<u32>,
    /// When a step fails: pause or rollback
    #[arg(long, value_name = "WHAT", help_heading = "The run", hide_possible_values = true)]
    pub on_failure: Option<AfterFailure>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", help_heading = "The run")]
    pub reason: Option<String>,
    /// Answer yes to this step's approval
    ///
    /// Nobody is asked for it then. Give it once a step
    #[arg(long, value_name = "STEP", help_heading = "The run")]
    pub approve: Vec<String>,
    /// Run this step and no others; needs --reason
    ///
    /// Give it once a step
    #[arg(long, value_name = "STEP", help_heading = "The run", conflicts_with = "from")]
    pub only: Vec<String>,
    /// Begin at this step; needs --reason
    ///
    /// What comes before it in the file and does not need it is skipped
    #[arg(long, value_name = "STEP", help_heading = "The run")]
    pub from: Option<String>,
    /// Wait for answers from another terminal
    ///
    /// For where no terminal can answer here; without it the run is paused then, with exit code 3
    #[arg(long, help_heading = "The run")]
    pub wait: bool,
    /// Go on in the background
    ///
    /// This call ends once the run is opened; `runbook status --watch` looks on
    #[arg(long, help_heading = "The run")]
    pub detach: bool,
    /// Write a tape of it to FILE, for `rehearse`
    ///
    /// Every command and its answer; secrets are masked
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "The run",
        conflicts_with = "detach",
        hide_short_help = true
    )]
    pub record: Option<PathBuf>,
}

/// `runbook rehearse`.
#[derive(Debug, Args)]
pub struct Rehearse {
    /// The runbook: its name, or the path of its file
    pub name: String,
    /// The tape, or tests with what they play
    ///
    /// When not given NAME.tape.yaml beside the runbook, else platform.tape.yaml there
    #[arg(long, value_name = "FILE")]
    pub tape: Option<PathBuf>,
    /// What the tape's state begins with, as JSON
    ///
    /// Where it differs from what the tape says: '{"pods": {"web": {"want": 0}}}'
    #[arg(long, value_name = "JSON", hide_short_help = true)]
    pub state: Option<String>,
    /// Let this step fail, with exit code 1 or EXIT
    ///
    /// Give it once a step
    #[arg(long, value_name = "STEP[=EXIT]", help_heading = "What goes wrong")]
    pub fail: Vec<String>,
    /// Let this step's command take so long
    ///
    /// So that its timeout acts, for example. Give it once a step
    #[arg(long, value_name = "STEP=DURATION", help_heading = "What goes wrong")]
    pub slow: Vec<String>,
    /// Kill the engine in the middle of this step
    ///
    /// The command was at work, so how it ended is in doubt
    #[arg(long, value_name = "STEP", help_heading = "What goes wrong")]
    pub kill_at: Vec<String>,
    /// Kill the engine once the journal has N events: for whoever tries all of them
    #[arg(long, value_name = "N", hide = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub kill_after: Option<u64>,
    /// Its inputs. A secret that is not given is made up.
    #[command(flatten)]
    pub vars: Vars,
    /// Confirm a protected run; approves nothing else
    ///
    /// For where no terminal can ask
    #[arg(short, long, help_heading = "The run")]
    pub yes: bool,
    /// At most so many steps at once
    #[arg(long, value_name = "N", help_heading = "The run", value_parser = clap::value_parser!(u32).range(1..=1024), hide_short_help = true)]
    pub max_parallel: Option<u32>,
    /// When a step fails: pause or rollback
    #[arg(
        long,
        value_name = "WHAT",
        help_heading = "The run",
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub on_failure: Option<AfterFailure>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", help_heading = "The run", hide_short_help = true)]
    pub reason: Option<String>,
    /// Answer yes to this step's approval
    ///
    /// Nobody is asked for it then. Give it once a step
    #[arg(long, value_name = "STEP", help_heading = "The run")]
    pub approve: Vec<String>,
    /// Run this step and no others; needs --reason
    ///
    /// Give it once a step
    #[arg(long, value_name = "STEP", help_heading = "The run", conflicts_with = "from")]
    pub only: Vec<String>,
    /// Begin at this step; needs --reason
    ///
    /// What comes before it in the file and does not need it is skipped
    #[arg(long, value_name = "STEP", help_heading = "The run", hide_short_help = true)]
    pub from: Option<String>,
    /// Wait for answers from another terminal
    ///
    /// For where no terminal can answer here; without it the run is paused then, with exit code 3
    #[arg(long, help_heading = "The run", hide_short_help = true)]
    pub wait: bool,
}

/// `runbook test`.
#[derive(Debug, Args)]
pub struct TestOf {
    /// Runbooks, files of tests, folders; else all tests
    #[arg(value_name = "PATH")]
    pub what: Vec<String>,
    /// Only the tests whose file or name holds this text
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// List the tests and play none
    #[arg(long)]
    pub list: bool,
    /// Play each again with an engine that dies
    ///
    /// After each of its commits, and demand the same end
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
    /// The run's id, or its beginning; else the newest
    ///
    /// Any beginning will do that no other run has. Left out, it is the newest unfinished one that no engine drives
    pub run: Option<String>,
    /// Run this step again
    #[arg(long, value_name = "STEP", help_heading = "Steps that failed or are in doubt")]
    pub retry: Vec<String>,
    /// Go on without this step; needs --reason
    #[arg(long, value_name = "STEP", help_heading = "Steps that failed or are in doubt")]
    pub skip: Vec<String>,
    /// Take this step as done; needs --reason
    #[arg(long, value_name = "STEP", help_heading = "Steps that failed or are in doubt")]
    pub done: Vec<String>,
    /// Take what has not begun from the file as it is now
    #[arg(long, help_heading = "The run")]
    pub latest: bool,
    /// Give a var another value
    ///
    /// Only where no step that has begun reads it
    #[arg(long = "var", value_name = "NAME=VALUE", help_heading = "The run")]
    pub var: Vec<String>,
    /// Answer yes to this step's approval
    ///
    /// Nobody is asked for it then. Give it once a step
    #[arg(long, value_name = "STEP", help_heading = "The run")]
    pub approve: Vec<String>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", help_heading = "The run")]
    pub reason: Option<String>,
    /// Take it from a living engine; needs --reason
    #[arg(long, help_heading = "The run")]
    pub takeover: bool,
    /// Stop commands that outlived their engine, instead of waiting for them
    #[arg(long, help_heading = "Commands that outlived their engine", hide_short_help = true)]
    pub stop_running: bool,
    /// Take commands on another machine, which can't be looked at, as ended
    #[arg(long, help_heading = "Commands that outlived their engine", hide_short_help = true)]
    pub assume_ended: bool,
    /// Wait for answers from another terminal
    ///
    /// For where no terminal can answer here; without it the run is paused then, with exit code 3
    #[arg(long, help_heading = "The run")]
    pub wait: bool,
    /// Go on in the background as soon as the run is taken up
    #[arg(long, help_heading = "The run")]
    pub detach: bool,
    /// Write what is run from here on and its answers to FILE
    ///
    /// A tape for `rehearse`; secrets are masked
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "The run",
        conflicts_with = "detach",
        hide_short_help = true
    )]
    pub record: Option<PathBuf>,
}

/// `runbook rollback`.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The run's id, or its beginning; else the newest
    ///
    /// Any beginning will do that no other run has
    pub run: Option<String>,
    /// Undo down to this step, it included
    ///
    /// What came before is left as it is
    #[arg(long, value_name = "STEP", help_heading = "The run")]
    pub to: Option<String>,
    /// Begin without asking
    #[arg(short, long, help_heading = "The run")]
    pub yes: bool,
    /// Leave what this irreversible step did
    ///
    /// Nobody is asked about it then. Give it once a step
    #[arg(long, value_name = "STEP", help_heading = "The run")]
    pub approve: Vec<String>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", help_heading = "The run")]
    pub reason: Option<String>,
    /// Write what is run from here on and its answers to FILE
    ///
    /// A tape for `rehearse`; secrets are masked
    #[arg(long, value_name = "FILE", help_heading = "The run", hide_short_help = true)]
    pub record: Option<PathBuf>,
    /// Stop commands that outlived their engine, instead of waiting for them
    #[arg(long, help_heading = "Commands that outlived their engine", hide_short_help = true)]
    pub stop_running: bool,
    /// Take commands on another machine, which can't be looked at, as ended
    #[arg(long, help_heading = "Commands that outlived their engine", hide_short_help = true)]
    pub assume_ended: bool,
}

/// `runbook approve`.
#[derive(Debug, Args)]
pub struct Approve {
    /// The run's id, or its beginning
    pub run: String,
    /// The step that waits
    pub step: String,
    /// Answer no
    #[arg(long)]
    pub reject: bool,
    /// What to add, for the journal
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Answer what the approval asks for
    ///
    /// Give it once an answer
    #[arg(long, value_name = "NAME=VALUE")]
    pub answer: Vec<String>,
    /// Answer without asking first
    #[arg(short, long)]
    pub yes: bool,
}

/// `runbook done`.
#[derive(Debug, Args)]
pub struct Done {
    /// The run's id, or its beginning
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
    /// The run's id, or its beginning
    pub run: String,
}

/// `runbook verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The run's id, or its beginning
    pub run: String,
}

/// `runbook status`.
#[derive(Debug, Args)]
pub struct Status {
    /// The run's id, or its beginning; else the newest unfinished
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
    /// The run's id, or its beginning
    pub run: String,
    /// The step, or one instance of it; else every step
    pub step: Option<String>,
    /// Go on with what is printed until the run rests
    #[arg(short, long)]
    pub follow: bool,
}

/// `runbook report`.
#[derive(Debug, Args)]
pub struct ReportRun {
    /// The run's id, or its beginning; else the newest
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
            Verb::Completions(_) | Verb::Complete(_) | Verb::Man(_) => &[Format::Text],
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
    /// Write the draft to FILE; else to stdout
    ///
    /// The file must not be there yet; its name is the runbook's
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
    /// What for: runbook, step (a template), tape or test
    #[arg(
        value_name = "KIND",
        default_value = "runbook",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub kind: SchemaKind,
    /// Write the schema of what a verb writes with --format json
    #[arg(long, value_name = "VERB", conflicts_with = "kind", hide_possible_values = true)]
    pub output: Option<super::outputs::Output>,
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

/// `runbook completions`.
#[derive(Debug, Args)]
pub struct CompletionsFor {
    /// The shell: bash, zsh or fish
    #[arg(value_name = "SHELL", hide_possible_values = true)]
    pub shell: Shell,
}

/// The shells that there are completions for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash.
    Bash,
    /// The Z shell.
    Zsh,
    /// The friendly interactive shell.
    Fish,
}

/// `runbook complete`.
#[derive(Debug, Args)]
pub struct Complete {
    /// The shell
    pub shell: Shell,
    /// What the script of that shell hands over
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// `runbook man`.
#[derive(Debug, Args)]
pub struct Man {
    /// The verb; the program itself when not given
    #[arg(conflicts_with = "out")]
    pub verb: Option<String>,
    /// Write all pages below DIR: runbook.1, runbook-exec.1, …
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `runbook docs`.
#[derive(Debug, Args)]
pub struct Docs {
    /// Runbooks or step templates; else all of them
    pub name: Vec<String>,
    /// Write below DIR, a page a file; else to stdout
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write nothing; exit with 1 when a page is stale
    ///
    /// Or missing, or too many
    #[arg(long)]
    pub check: bool,
    /// Only runbooks/README.md and steps/README.md
    ///
    /// They lead to the definitions of the project
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
