//! A shell script whose values are quoted for the place where they stand.

use super::fault::Fault;
use super::render::{Segment, joined};
use super::syntax::Part;
use crate::model::Rendered;

pub(super) fn check(_parts: &[Part]) -> Result<(), Fault> {
    Ok(())
}

pub(super) fn quoted(segments: Vec<Segment>) -> Result<Rendered, Fault> {
    // Until places are told apart no value is let in: a value that is not quoted could be a command.
    if let Some(Segment::Value(_, span)) = segments.iter().find(|s| matches!(s, Segment::Value(..))) {
        return Err(Fault::new("values in `shell` are not supported yet", span.clone()));
    }
    joined(segments)
}
