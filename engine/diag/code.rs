//! The numbered codes. A number, once released, keeps its meaning for ever: people search for it.

use std::fmt;

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing runs.
    Error,
    /// Worth a look; `--deny warnings` makes it an error.
    Warning,
    /// Good to know.
    Note,
}

impl Severity {
    /// Returns the word that people read.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

macro_rules! codes {
    ($($number:literal $variant:ident $name:literal $severity:ident $title:literal;)*) => {
        /// What is wrong, as a number that stays the same.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $title] $variant,)* }

        impl Code {
            /// Every code in the order of the numbers.
            pub const ALL: &[Code] = &[$(Code::$variant,)*];

            /// Returns the number.
            pub fn number(self) -> u16 {
                match self { $(Code::$variant => $number,)* }
            }

            /// Returns the short name, as in `unknown-key`.
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// Returns what the code is about, in one line.
            pub fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }

            /// Returns how bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Code::$variant => Severity::$severity,)* }
            }
        }
    };
}

// Groups: 00xx reading files and YAML, 01xx keys and types, 02xx names and graph, 03xx templates and expressions,
// 04xx safety, 05xx inputs, 06xx run time.
codes! {
    1 Unreadable "unreadable" Error "A file can't be read.";
    2 TooLarge "too-large" Error "A file is larger than what is read.";
    3 NotUtf8 "not-utf8" Error "A file is not UTF-8 text.";
    4 YamlSyntax "yaml-syntax" Error "A file is not well-formed YAML.";
    5 DuplicateKey "duplicate-key" Error "A key stands twice in one map.";
    6 SeveralDocuments "several-documents" Error "A file holds more than one YAML document.";
    7 EmptyFile "empty-file" Error "A file holds nothing.";
    8 YamlLimit "yaml-limit" Error "A file exceeds what a runbook may need.";
    9 BadKey "bad-key" Error "A key is not plain text.";
    10 UnknownRunbook "unknown-runbook" Error "There is no runbook of that name.";
    11 NoProject "no-project" Error "No folder upwards holds `runbooks/`.";

    101 UnknownKey "unknown-key" Error "A key is not known here.";
    102 WrongType "wrong-type" Error "A value is of the wrong type.";
    103 MissingKey "missing-key" Error "A required key is missing.";
    104 BadDuration "bad-duration" Error "A text is not a duration.";
    105 BadValue "bad-value" Error "A value is not one of those that are known.";
    106 OneAction "one-action" Error "A step does not have exactly one action.";
    107 NotWithUses "not-with-uses" Error "A key can't be set on a step that uses a template.";
    108 BadPattern "bad-pattern" Error "A pattern is not a regular expression.";
    109 BadDefault "bad-default" Error "A default does not fit its own type.";
    110 WrongName "wrong-name" Error "A file's name and the name inside differ.";
    111 KeyNeeds "key-needs" Error "A key makes no sense without another one.";
    112 EmptyCommand "empty-command" Error "A command holds nothing to run.";
    113 ReservedVariable "reserved-variable" Error "An environment variable is set that the engine itself sets.";
    114 NotADefault "not-a-default" Error "A key can't be given once for all steps.";
    115 GateTemplate "gate-template" Error "A step template can't stand for a gate.";
    117 HookTime "hook-time" Error "A hook's time is none, or longer than a run may wait for it.";
    120 TapeCommand "tape-command" Error "A command on a tape is written in a way that fits none.";
    121 NeverPlayed "never-played" Warning "An answer on a tape is never given.";
    130 TestsNothing "tests-nothing" Error "A test compares nothing, so it can't fail.";
    131 TestStep "test-step" Error "A test names a step that its runbook does not have.";
    132 TestTwice "test-twice" Error "Two tests of a file have one name.";
    133 TestTape "test-tape" Error "A test has no tape.";
    134 NeverFits "never-fits" Warning "A command that a test forbids is none that its tape knows.";
    135 FailsOfItself "fails-of-itself" Warning "A test expects a failure, and says neither where nor which.";

    201 UnknownStep "unknown-step" Error "A step id is not known.";
    202 DuplicateId "duplicate-id" Error "Two steps have the same id.";
    203 BadName "bad-name" Error "A name has a form that can't be used.";
    204 Cycle "cycle" Error "Steps wait for each other.";
    205 UnknownTemplate "unknown-template" Error "A step template is not known.";
    206 UnknownParam "unknown-param" Error "A step template has no such param.";
    207 MissingParam "missing-param" Error "A required param is not given.";
    208 BadParam "bad-param" Error "A value does not fit its param.";
    209 DuplicateName "duplicate-name" Error "A name is given twice.";
    210 NotNeeded "not-needed" Error "A step's output is used by a step that does not need it.";
    211 NoSteps "no-steps" Error "A runbook has no steps.";
    212 OverriddenTemplate "overridden-template" Note "The project replaces a step template of the library.";
    213 UnusedName "unused-name" Warning "A var, table, `let` or param is never used.";
    214 UnknownPerson "unknown-person" Warning "A name of `by` is neither a group nor a person that is known.";
    215 TooFewPeople "too-few-people" Error "An approval wants more people than may answer.";
    220 KnownTooLate "known-too-late" Error "A runbook that a step brings in depends on what only the run can know.";
    221 RunbookCircle "runbook-circle" Error "Runbooks bring in each other.";
    222 TooManySteps "too-many-steps" Error "Runbooks bring in too many steps, or too deep.";
    223 FinallyInFinally "finally-in-finally" Error "A runbook with `finally` is brought in by a step of `finally`.";
    225 NeverRuns "never-runs" Warning "A step can never run.";
    226 NameTwice "name-twice" Error "Two files claim one name.";
    227 NeverFound "never-found" Warning "A file is never found.";
    228 MaybeSkipped "maybe-skipped" Warning "An output is used whose step may not have run.";

    301 TemplateSyntax "template-syntax" Error "A template or expression can't be read.";
    302 UnknownName "unknown-name" Error "A name is not in scope.";
    303 UnknownOutput "unknown-output" Error "A step has no such output.";
    304 NotCaptured "not-captured" Error "A captured value is not declared.";
    305 NotAnExpression "not-an-expression" Error "A bare expression is wanted.";
    306 NoItem "no-item" Error "`item` is used by a step without `for_each`.";
    307 BadCommand "bad-command" Error "A command can't be split into words.";
    308 UnsafeShell "unsafe-shell" Error "A value stands where no quoting is safe.";
    309 WrongKind "wrong-kind" Error "An expression can't work, whatever the values are.";
    310 PlainBraces "plain-braces" Warning "Braces stand in a text that is shown as it is.";

    401 NoRollback "no-rollback" Error "A changing step does not say how to undo it.";
    402 SecretArgument "secret-argument" Error "A secret would become a public argument.";
    403 RawShell "raw-shell" Warning "A value enters a shell script unquoted.";
    404 ReadTemplate "read-template" Error "A gate uses a template that changes something.";
    405 SecretDefault "secret-default" Error "A secret stands in a file.";
    406 GateAlwaysHolds "gate-always-holds" Warning "A gate can't fail.";
    407 UnsafeRetry "unsafe-retry" Warning "A changing step that is not idempotent is tried again.";
    408 ReadChanges "read-changes" Warning "A command that should only look changes something.";
    409 TwoFates "two-fates" Error "A step is both undone and irreversible.";
    410 GateNeverHolds "gate-never-holds" Warning "A gate can't pass.";
    411 GuardsNothing "guards-nothing" Warning "Nothing that changes waits for an approval.";
    412 TimesDisagree "times-disagree" Warning "Two times contradict each other.";
    413 NoEffect "no-effect" Warning "A number or time has no effect, or the wrong one.";
    414 NeverEqual "never-equal" Warning "A comparison says the same whatever the values are.";
    415 UnnamedTool "unnamed-tool" Warning "A program is first needed after a change, and nothing looks for it before.";
    418 BadAllow "bad-allow" Error "A comment that silences a warning can't be taken.";
    419 UselessAllow "useless-allow" Warning "A comment silences nothing.";

    501 MissingVar "missing-var" Error "A required var is not given.";
    502 UnknownVar "unknown-var" Error "The runbook has no such var.";
    503 BadVar "bad-var" Error "A value does not fit its var.";
    504 SecretOnCommandLine "secret-on-command-line" Error "A secret was given on the command line.";
    505 BadTable "bad-table" Error "A data table can't be used.";
    506 BadLet "bad-let" Error "A `let` value can't be computed.";
    507 NoSecret "no-secret" Error "A secret can't be taken from its source.";
    508 TooManyInstances "too-many-instances" Error "A `for_each` has more instances than the runbook allows.";
    509 NotComputable "not-computable" Error "A value can't be computed from what was given.";
    510 NotCarriedOut "not-carried-out" Error "The language has it, and this version does not carry it out yet.";
    511 PreviewTakesFailure "preview-takes-failure" Warning "A preview can't tell a difference from a failure.";
    513 BadPlan "bad-plan" Error "A plan can't be used.";
    514 PlanDiffers "plan-differs" Error "What would be run is not what was planned.";
    515 PlanVar "plan-var" Error "A var is given otherwise than the plan has it.";

    601 MissingTool "missing-tool" Error "A program is not installed.";
    602 ToolNotHere "tool-not-here" Note "A program that a runbook needs is not installed on this machine.";
}

impl Code {
    /// Returns the heading that the code stands under, with those of its hundred.
    pub fn group(self) -> &'static str {
        match self.number() / 100 {
            0 => "Files and YAML",
            1 => "Keys and values",
            2 => "Names and order",
            3 => "Templates and expressions",
            4 => "Safety",
            5 => "Inputs",
            _ => "Before the first step",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RB{:04}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_and_names_differ() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].number() < pair[1].number()));
        let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn is_written_with_four_digits() {
        assert_eq!(Code::UnknownKey.to_string(), "RB0101");
    }
}
