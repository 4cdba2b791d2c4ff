//! `preview`: a command by which a tool says what it would change.

use super::command::command;
use super::context::Context;
use super::fields::{Field, fields};
use super::keys::PREVIEW;
use crate::model::NativePreview;

/// Reads `preview`.
pub(super) fn preview(cx: &mut Context<'_>, field: Field<'_>) -> Option<Box<NativePreview>> {
    let of = fields(cx, field.node, &PREVIEW, Some(field.spec))?;
    let command = command(cx, &of);
    let changed = of.get("changed").and_then(|field| field.expr(cx));
    let timeout = of.get("timeout").and_then(|field| field.duration(cx));
    Some(Box::new(NativePreview { command: command.unwrap_or_default(), changed, timeout }))
}
