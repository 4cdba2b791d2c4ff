//! What the YAML library complains about, in words for a tired person.

use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::granit_parser::ErrorKind;
use serde_saphyr::{Error, ExternalMessageSource};

use super::yaml::{MAX_DEPTH, MAX_NODES};
use super::yaml_hint::{begins_with_tab, hinted, shown};
use crate::diag::{Code, Diagnostic, Sources};
use crate::model::{FileId, Place};

/// Returns the diagnostic for a parse error in `file`.
pub(super) fn explain(error: &Error, sources: &Sources, file: FileId) -> Diagnostic {
    let place = place(error, sources, file);
    let mut error = error.without_snippet();
    while let Error::AliasError { error: inner, .. } = error {
        error = inner.without_snippet();
    }
    match error {
        Error::MultipleDocuments { .. } => Diagnostic::new(
            Code::SeveralDocuments,
            "the file holds more than one YAML document; a runbook file holds one",
        )
        .at(place, "a second document begins here")
        .help("remove the `---` line, or put the second document into a file of its own"),
        Error::Budget { breach, .. } => limit(breach).at(place, ""),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            too_much("aliases (`*name`) repeat more than a runbook may need").at(place, "")
        }
        Error::UnknownAnchor { .. } => {
            Diagnostic::new(Code::YamlSyntax, "`*` refers to an anchor that is not defined above it")
                .at(place, "")
                .help("a text that begins with `*` must stand in quotes")
        }
        Error::UnsupportedTag { tag, .. } => {
            Diagnostic::new(Code::YamlSyntax, format!("the YAML tag `{tag}` means nothing here"))
                .at(place, "")
                .help("a text that begins with `!` must stand in quotes")
        }
        Error::ExternalMessage { source, msg, .. } => match source.as_ref() {
            ExternalMessageSource::Parser(scan) => syntax(scan.kind(), msg, place, sources),
            _ => plain(msg, place, sources),
        },
        other => {
            let message = other.render_with_formatter(&serde_saphyr::UserMessageFormatter);
            // The renderer adds its own position; ours has a snippet.
            let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
            plain(&message, place, sources)
        }
    }
}

fn place(error: &Error, sources: &Sources, file: FileId) -> Place {
    let text = sources.text(file);
    let Some(location) = error.location() else { return Place::new(file, 0, 0) };
    let line = (location.line() as usize).saturating_sub(1);
    let start = text.split_inclusive('\n').take(line).map(str::len).sum::<usize>();
    let rest = &text[start.min(text.len())..];
    let column = (location.column() as usize).saturating_sub(1);
    let line_text = rest.lines().next().unwrap_or("");
    let at = start + line_text.char_indices().nth(column).map_or(line_text.len(), |(at, _)| at);
    let width = text[at.min(text.len())..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
    Place::new(file, at as u32, (at + width) as u32)
}

fn limit(breach: &BudgetBreach) -> Diagnostic {
    match breach {
        BudgetBreach::Depth { .. } => {
            too_much(&format!("maps and lists stand more than {MAX_DEPTH} deep in each other"))
        }
        BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => {
            too_much(&format!("the file holds more than {MAX_NODES} values, repeated ones included"))
        }
        BudgetBreach::Aliases { .. }
        | BudgetBreach::Anchors { .. }
        | BudgetBreach::AliasAnchorRatio { .. }
        | BudgetBreach::RecordedAnchorEvents { .. }
        | BudgetBreach::RecordedAnchorBytes { .. }
        | BudgetBreach::MergeKeys { .. } => {
            too_much("anchors and aliases repeat more than a runbook may need")
        }
        BudgetBreach::Documents { .. } => too_much("the file holds too many YAML documents"),
        _ => too_much("the file is larger or more tangled than a runbook may be"),
    }
}

fn too_much(what: &str) -> Diagnostic {
    Diagnostic::new(Code::YamlLimit, what)
}

fn plain(message: &str, place: Place, sources: &Sources) -> Diagnostic {
    hinted(
        Diagnostic::new(Code::YamlSyntax, format!("this is not YAML: {message}")).at(place, ""),
        place,
        sources,
    )
}

/// Returns the first control character of the line from a place on: the reader tells of the text that holds it.
fn control(place: Place, sources: &Sources) -> Option<(Place, char)> {
    let text = sources.text(place.file);
    let from = text.floor_char_boundary(place.start as usize);
    let line = text[from..].lines().next()?;
    let wrong = |c: &char| c.is_control() && !matches!(c, '\t' | '\r' | '\u{85}');
    let (at, sign) = line.char_indices().find(|(_, c)| wrong(c))?;
    let start = (from + at) as u32;
    Some((Place { start, end: start + sign.len_utf8() as u32, ..place }, sign))
}

fn syntax(kind: &ErrorKind, library: &str, place: Place, sources: &Sources) -> Diagnostic {
    use ErrorKind as K;
    let tab = matches!(
        kind,
        K::TabNotAllowed | K::TabInBlockIndentation | K::TabInIndentation | K::TabAtBlockScalarStart
    );
    if tab || begins_with_tab(place, sources) {
        return Diagnostic::new(Code::YamlSyntax, "a tab is used to indent; YAML allows only blanks there")
            .at(place, "")
            .help("replace the tab by blanks, and let the editor insert blanks in .yaml files");
    }
    let message = match kind {
        K::RecursionLimitExceeded => {
            return too_much(&format!("maps and lists stand more than {MAX_DEPTH} deep in each other"))
                .at(place, "");
        }
        K::MappingValueNotAllowed | K::InvalidColonPlacement | K::MappingKeyNotAllowed => {
            "`key: value` can't begin here"
        }
        K::SimpleKeyExpected | K::InvalidSimpleKey => "a `:` after the key is missing",
        K::ExpectedBlockMappingKey => "a key is expected here",
        K::InvalidIndentation | K::InvalidFlowScalarIndent => "the indentation does not fit the lines above",
        K::InvalidQuotedScalarIndent => {
            "a quoted text goes on here, further left than it may; is its quote closed?"
        }
        K::ExpectedBlockSequenceEntry => "a list entry (`- `) is expected here",
        K::UnclosedFlowCollection { open } => {
            return hinted(
                Diagnostic::new(Code::YamlSyntax, format!("a `{open}` is never closed")).at(place, ""),
                place,
                sources,
            );
        }
        K::UnexpectedEofFlowSequence | K::ExpectedFlowSequenceSeparator => "a `,` or `]` is missing",
        K::UnexpectedEofFlowMapping
        | K::UnexpectedEofImplicitFlowMapping
        | K::ExpectedFlowMappingSeparator => "a `,` or `}` is missing",
        K::UnclosedQuotedScalar => "a quote is never closed",
        K::UnknownQuotedScalarEscape => "a backslash in double quotes begins no known escape",
        K::InvalidTrailingSingleQuotedScalar | K::InvalidTrailingDoubleQuotedScalar => {
            "something follows the closing quote"
        }
        K::ExpectedDocumentStart => "the document ends before this line",
        K::UnexpectedCharacter { .. } if control(place, sources).is_some() => {
            let (place, sign) = control(place, sources).unwrap_or((place, '\0'));
            return Diagnostic::new(
                Code::YamlSyntax,
                format!("the file holds the control character U+{:04X}, which no YAML may", u32::from(sign)),
            )
            .at(place, "")
            .help(format!("remove it, or write it in double quotes as `\"\\u{:04x}\"`", u32::from(sign)));
        }
        K::UnexpectedCharacter { character } => {
            return hinted(
                Diagnostic::new(
                    Code::YamlSyntax,
                    format!("a text can't begin with {}", shown(&character.to_string())),
                )
                .at(place, ""),
                place,
                sources,
            );
        }
        _ => library,
    };
    plain(message, place, sources)
}
