//! The shapes of what verbs put together by hand, as far as no type is written as it is. Only read by the schema.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde_json::Value;

use crate::cli::plan_page::Sheet;
use crate::load::Changed as Differences;
use crate::machine::{Event, Stage};
use crate::model::Moment;
use crate::proof::Difference;
use crate::report::RunLine;

/// A line of `exec`, `resume`, `rollback` and `rehearse`.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Line {
    /// Something happened. Written after it is in the journal, in order.
    Event(Box<EventLine>),
    /// Before the events of a run that is taken up again: what is different now.
    Changed(ChangedLine),
    /// The only line with `--detach`: the run goes on in the background.
    Detached(DetachedLine),
}

/// An event.
#[derive(Debug, JsonSchema)]
pub struct EventLine {
    /// The version.
    pub version: u32,
    /// The run's id.
    pub run: String,
    /// The event's place in the run, from 1 and without gaps: a reader that was cut off knows where to go on.
    #[schemars(range(min = 1))]
    pub seq: u64,
    /// When it was committed, RFC 3339 in UTC.
    pub at: Timestamp,
    /// The event as the journal has it.
    pub event: Event,
}

/// What differs between a run and its files.
#[derive(Debug, JsonSchema)]
pub struct ChangedLine {
    /// The version.
    pub version: u32,
    /// The run's id.
    pub run: String,
    /// What is different.
    pub changed: Changed,
}

/// What is different.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Changed {
    /// What differs between the run and its files now; the run goes on as it was started.
    Files(Differences),
    /// The files can't be used; the run goes on as it was started.
    Unread {
        /// Which, and why.
        unread: Unread,
    },
    /// What is taken anew from the files, or from `--var`.
    Anew {
        /// What is taken.
        taken: Differences,
        /// Steps that changed and had begun: they stay as they were.
        kept: Vec<String>,
        /// Steps that are new, and too late: each with what needs it and has begun.
        late: Vec<(String, String)>,
    },
}

/// A file that can't be used.
#[derive(Debug, JsonSchema)]
pub struct Unread {
    /// The file.
    pub path: String,
    /// Why.
    pub why: String,
}

/// A run that was handed to an engine in the background.
#[derive(Debug, JsonSchema)]
pub struct DetachedLine {
    /// The version.
    pub version: u32,
    /// The run's id.
    pub run: String,
    /// The process of its engine.
    pub pid: u32,
}

/// The runs.
#[derive(Debug, JsonSchema)]
pub struct Runs {
    /// The version.
    pub version: u32,
    /// True with `--rehearsals`, else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsals: Option<bool>,
    /// The newest first: those that are not finished, all with `--all`.
    pub runs: Vec<RunLine>,
}

/// The chain of a run holds.
#[derive(Debug, JsonSchema)]
pub struct Verified {
    /// The version.
    pub version: u32,
    /// The run's id.
    pub run: String,
    /// How many events it has.
    pub events: u64,
    /// The last hash of the chain, in hexadecimal: it stands for all of them.
    pub head: String,
}

/// The files that hold what the commands of a run printed.
#[derive(Debug, JsonSchema)]
pub struct Logs {
    /// The version.
    pub version: u32,
    /// The run's id.
    pub run: String,
    /// The files, step by step in the order in which they began.
    pub outputs: Vec<LogFile>,
}

/// What one command printed.
#[derive(Debug, JsonSchema)]
pub struct LogFile {
    /// The instance.
    pub step: String,
    /// Which of its commands.
    pub stage: Stage,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Which of its outputs.
    pub stream: LogStream,
    /// The file, secrets masked.
    pub path: String,
    /// How long it is, in bytes.
    pub bytes: u64,
}

/// Which of a command's outputs.
#[derive(Debug, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogStream {
    /// Standard output, or both of a merged command.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A file was written.
#[derive(Debug, JsonSchema)]
pub struct Made {
    /// The version.
    pub version: u32,
    /// The name by which it is called now.
    pub name: String,
    /// The file, from the project's root.
    pub file: String,
}

/// What there is.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Listed {
    /// The runbooks.
    Runbooks {
        /// The version.
        version: u32,
        /// By name.
        runbooks: Vec<ListedRunbook>,
    },
    /// The step templates, with `--steps`.
    Templates {
        /// The version.
        version: u32,
        /// By name.
        templates: Vec<ListedTemplate>,
    },
}

/// A runbook in the list.
#[derive(Debug, JsonSchema)]
pub struct ListedRunbook {
    /// Its qualified name.
    pub name: String,
    /// Its file, from the project's root.
    pub file: String,
    /// Its title; empty when it can't be read.
    pub title: String,
    /// What it does.
    pub summary: String,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The document that it comes from.
    pub source: Option<String>,
    /// Whether it has mistakes.
    pub mistakes: bool,
}

/// A step template in the list.
#[derive(Debug, JsonSchema)]
pub struct ListedTemplate {
    /// Its name.
    pub name: String,
    /// What it does; null when it can't be read.
    pub summary: Option<String>,
    /// Its file, when it is the project's own.
    pub file: Option<String>,
    /// Whether it has mistakes.
    pub mistakes: bool,
}

/// What was asked for: a runbook, a step template, or a plan that was kept.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Shown<'a> {
    /// A runbook.
    Runbook(ShownRunbook),
    /// A step template.
    Template(ShownTemplate),
    /// A plan that was kept in a file.
    Plan(Sheet<'a>),
}

/// A runbook.
#[derive(Debug, JsonSchema)]
pub struct ShownRunbook {
    /// The version.
    pub version: u32,
    /// Its qualified name.
    pub name: String,
    /// Its file, from the project's root.
    pub file: String,
    /// Its title.
    pub title: String,
    /// What it does.
    pub summary: String,
    /// All there is to say of it, Markdown.
    pub about: String,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The document that it comes from.
    pub source: Option<String>,
    /// What it asks for.
    pub vars: Vec<ShownInput>,
    /// What stands in the environment of every command, as written.
    pub environment: BTreeMap<String, String>,
    /// Its steps in file order.
    pub steps: Vec<ShownStep>,
    /// The steps that run whatever happened.
    pub finally: Vec<ShownStep>,
    /// Who is told of what.
    pub hooks: Vec<ShownHook>,
    /// The command that runs it.
    pub exec: String,
}

/// Something that is asked for.
#[derive(Debug, JsonSchema)]
pub struct ShownInput {
    /// Its name.
    pub name: String,
    /// The name of its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The only values that are taken; empty when there are others.
    #[serde(rename = "enum")]
    pub one_of: Vec<Value>,
    /// The pattern that it must match.
    pub pattern: Option<String>,
    /// The least number, or length.
    pub min: Option<f64>,
    /// The greatest number, or length.
    pub max: Option<f64>,
    /// Whether a run can't do without being given it.
    pub required: bool,
    /// What it is when nobody says.
    pub default: Value,
    /// What it is for.
    pub help: Option<String>,
}

/// A step as its author wrote it.
#[derive(Debug, JsonSchema)]
pub struct ShownStep {
    /// Its id.
    pub id: String,
    /// The heading it stands under.
    pub phase: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// What must be done first.
    pub needs: Vec<String>,
    /// Whether it runs once for each of something.
    pub for_each: bool,
    /// Whether it changes anything.
    pub effect: ShownEffect,
    /// What else is to be known of it, for people: `run`, `verify`, `rollback`.
    #[serde(flatten)]
    pub details: BTreeMap<String, String>,
}

/// Whether something is changed.
#[derive(Debug, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ShownEffect {
    /// It only looks.
    Read,
    /// It changes something.
    Change,
}

/// A command that is told what becomes of a run.
#[derive(Debug, JsonSchema)]
pub struct ShownHook {
    /// Of what.
    pub event: Moment,
    /// The command as written.
    pub command: String,
    /// Whether it is the project's and not the runbook's own.
    pub shared: bool,
}

/// A step template.
#[derive(Debug, JsonSchema)]
pub struct ShownTemplate {
    /// The version.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// Its file, when it is the project's own.
    pub file: Option<String>,
    /// Its title, as written.
    pub title: String,
    /// What it does.
    pub summary: String,
    /// All there is to say of it, Markdown.
    pub about: String,
    /// The programs that it needs.
    pub tools: Vec<String>,
    /// What it asks for.
    pub params: Vec<ShownInput>,
    /// Whether it changes anything.
    pub effect: ShownEffect,
    /// What else is to be known of it, for people.
    pub details: BTreeMap<String, String>,
}

/// What is wrong.
#[derive(Debug, JsonSchema)]
pub struct Checked {
    /// The version.
    pub version: u32,
    /// How many runbooks were checked.
    pub runbooks: u64,
    /// How many step templates of the project were.
    pub templates: u64,
    /// How many errors there are.
    pub errors: u64,
    /// How many warnings there are.
    pub warnings: u64,
    /// All of them, by file and place.
    pub diagnostics: Vec<Found>,
    /// Warnings that somebody silenced, with the reason.
    pub silenced: Vec<Silenced>,
    /// How many are not shown: they may be mended with the ones before them.
    pub left_out: u64,
}

/// Something that is wrong.
#[derive(Debug, JsonSchema)]
pub struct Found {
    /// Its code: `RB0101`. `runbook explain` tells what it means.
    #[schemars(regex(pattern = r"^RB\d{4}$"))]
    pub code: String,
    /// The code's name: `unknown-key`.
    pub name: String,
    /// How bad it is.
    pub severity: Bad,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The file, when it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The column in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// The place after its last character.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<At>,
    /// The places that have to do with it.
    pub labels: Vec<Label>,
    /// What else is to be known.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Vec<String>,
}

/// A warning that somebody silenced.
#[derive(Debug, JsonSchema)]
pub struct Silenced {
    /// The warning.
    #[serde(flatten)]
    pub found: Found,
    /// Why it is silenced.
    pub reason: String,
    /// Where that is written.
    pub silenced_at: SilencedAt,
}

/// Where a warning is silenced.
#[derive(Debug, JsonSchema)]
pub struct SilencedAt {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
}

/// How bad something is.
#[derive(Debug, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Bad {
    /// Nothing runs.
    Error,
    /// It runs, and should not be so.
    Warning,
    /// It is good to know.
    Note,
}

/// A place in a file.
#[derive(Debug, JsonSchema)]
pub struct At {
    /// The line, from 1.
    pub line: u64,
    /// The column in characters, from 1.
    pub column: u64,
}

/// A place that has to do with what is wrong.
#[derive(Debug, JsonSchema)]
pub struct Label {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column in characters, from 1.
    pub column: u64,
    /// The place after its last character.
    pub end: At,
    /// What is there.
    pub text: String,
    /// Whether it is the place that the message is about.
    pub primary: bool,
}

/// A code, or all of them.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Explained {
    /// All codes.
    Codes {
        /// The version.
        version: u32,
        /// By number.
        codes: Vec<Code>,
    },
    /// What one means.
    Page(Box<CodePage>),
}

/// A code in short.
#[derive(Debug, JsonSchema)]
pub struct Code {
    /// The code: `RB0101`.
    pub code: String,
    /// Its name: `unknown-key`.
    pub name: String,
    /// How bad it is.
    pub severity: Bad,
    /// What it is about.
    pub group: String,
    /// What it means, in a line.
    pub title: String,
}

/// What a code means.
#[derive(Debug, JsonSchema)]
pub struct CodePage {
    /// The version.
    pub version: u32,
    /// In short.
    #[serde(flatten)]
    pub code: Code,
    /// What it means.
    pub means: String,
    /// Why it matters.
    pub matters: String,
    /// An example with the mistake.
    pub wrong: String,
    /// The same without it.
    pub right: String,
    /// What to do.
    pub advice: String,
}

/// A draft made from a document.
#[derive(Debug, JsonSchema)]
pub struct Imported {
    /// The version.
    pub version: u32,
    /// The name of the runbook.
    pub name: String,
    /// The document.
    pub source: String,
    /// The file that was written; null without `--out`.
    pub file: Option<String>,
    /// The draft, YAML.
    pub runbook: String,
    /// The tables that it reads, YAML; null when it reads none.
    pub tables: Option<String>,
    /// Its steps in order.
    pub steps: Vec<ImportedStep>,
    /// What nobody has decided yet.
    pub open: Vec<ImportedOpen>,
}

/// A step of a draft.
#[derive(Debug, JsonSchema)]
pub struct ImportedStep {
    /// Its id.
    pub id: String,
    /// The first and the last line of the document that it was made of.
    #[schemars(length(equal = 2))]
    pub lines: Vec<u64>,
    /// What it does: `run`, `shell`, `manual` …
    pub action: String,
}

/// What nobody has decided yet.
#[derive(Debug, JsonSchema)]
pub struct ImportedOpen {
    /// What kind of question it is.
    pub matter: String,
    /// The line of the document.
    pub line: u64,
    /// About what.
    pub about: String,
}

/// Tests, listed or played.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Tested {
    /// What came of them.
    Played {
        /// The version.
        version: u32,
        /// How many held.
        passed: u64,
        /// How many did not.
        failed: u64,
        /// How often an engine was made to die, with `--crash`.
        crash_points: u64,
        /// Each of them.
        tests: Vec<PlayedTest>,
    },
    /// What there is, with `--list`.
    Listed {
        /// The version.
        version: u32,
        /// Each of them.
        tests: Vec<ListedTest>,
    },
}

/// A test.
#[derive(Debug, JsonSchema)]
pub struct ListedTest {
    /// The runbook that it is of.
    pub runbook: String,
    /// Its name.
    pub name: String,
    /// The file that it stands in.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
}

/// A test that was played.
#[derive(Debug, JsonSchema)]
pub struct PlayedTest {
    /// The test.
    #[serde(flatten)]
    pub test: ListedTest,
    /// Whether it held.
    pub passed: bool,
    /// What was not as it was expected.
    pub differences: Vec<Difference>,
    /// Why it could not be played.
    pub error: Option<String>,
    /// How often an engine was made to die in it, with `--crash`.
    pub crash_points: u64,
    /// The deaths after which it did not hold.
    pub crashes: Vec<Crash>,
    /// The steps that only a person can settle, each with after how many deaths.
    pub asks_a_person: BTreeMap<String, u64>,
    /// The command that shows the run.
    pub see: String,
}

/// A death of the engine after which a test did not hold.
#[derive(Debug, JsonSchema)]
pub struct Crash {
    /// In which phase of the test, from 0.
    pub phase: u64,
    /// After which commit.
    pub after_commit: u64,
    /// Whether the command that it was about to start, or had started, took effect.
    pub took_effect: bool,
    /// What was not as it was expected.
    pub differences: Vec<Difference>,
}
