//! Texts: their parts, evaluated in order into segments that still tell what was written from what was filled in.

use std::ops::Range;
use std::sync::Arc;

use super::eval::{Eval, Truth, secret_fault, turning_on};
use super::fault::Fault;
use super::foreseen::derived;
use super::ops::text_of;
use super::syntax::{Node, Part, Targets};
use super::value::{Kind, Taint, Value, describe, held_of, origin_of, table, taint};
use crate::model::{Piece, Rendered};

/// The longest text, in bytes.
const MAX_TEXT: usize = 16 << 20;

/// A piece of a text after evaluation.
#[derive(Clone, Debug)]
pub(super) enum Segment {
    /// Text as written.
    Raw(Arc<str>),
    /// A value that was filled in, and the span of its `{{ … }}`.
    Value(Value, Range<usize>),
}

/// Evaluates the parts of a text in order.
pub(super) fn segments(eval: &mut Eval<'_>, parts: &[Part]) -> Result<Vec<Segment>, Fault> {
    let mut out = Vec::new();
    walk(eval, parts, &mut out)?;
    Ok(out)
}

fn walk(eval: &mut Eval<'_>, parts: &[Part], out: &mut Vec<Segment>) -> Result<(), Fault> {
    for part in parts {
        match part {
            Part::Raw(text, at) => {
                eval.work(1).and_then(|()| eval.make(text.len())).map_err(|f| f.at(*at..at + text.len()))?;
                out.push(Segment::Raw(text.clone()));
            }
            Part::Emit(node, span) => out.push(Segment::Value(eval.eval(node)?, span.clone())),
            Part::If { test, then, other } => match eval.truth(test)? {
                Truth::True => walk(eval, then, out)?,
                Truth::False => walk(eval, other, out)?,
                Truth::Unknown(of) => {
                    out.push(Segment::Value(eval.told_block(part, turning_on(of)), test.span.clone()));
                }
            },
            Part::For { targets, iter, filter, body, other } => {
                let loops = Loop { part, targets, iter, filter: filter.as_ref(), body, other };
                loops.walk(eval, out)?;
            }
            Part::Set { targets, value } => {
                let found = eval.eval(value)?;
                assign(eval, targets, found, &value.span)?;
            }
        }
    }
    Ok(())
}

struct Loop<'p> {
    part: &'p Part,
    targets: &'p Targets,
    iter: &'p Node,
    filter: Option<&'p Node>,
    body: &'p [Part],
    other: &'p [Part],
}

impl Loop<'_> {
    fn walk(&self, eval: &mut Eval<'_>, out: &mut Vec<Segment>) -> Result<(), Fault> {
        let span = &self.iter.span;
        let over = eval.eval(self.iter)?;
        if held_of(&over).is_some() {
            eval.held_back(&[&over], "`for`", span)?;
            if let Some(Taint::Unknown(of)) = taint(&over) {
                out.push(Segment::Value(eval.told_block(self.part, derived(&of)), span.clone()));
            }
            return Ok(());
        }
        if !matches!(Kind::of(&over), Kind::List | Kind::Map) {
            let message = format!("`for` goes over a list or a map, and this is {}", describe(&over));
            return Err(Fault::new(message, span.clone()));
        }
        let mut items: Vec<Value> = over.try_iter().into_iter().flatten().collect();
        let frame = eval.locals.len();
        if let Some(filter) = self.filter {
            let mut kept = Vec::new();
            for item in items {
                assign(eval, self.targets, item.clone(), span)?;
                let truth = eval.truth(filter);
                eval.locals.truncate(frame);
                match truth? {
                    Truth::True => kept.push(item),
                    Truth::False => {}
                    Truth::Unknown(of) => {
                        out.push(Segment::Value(
                            eval.told_block(self.part, derived(&of)),
                            filter.span.clone(),
                        ));
                        return Ok(());
                    }
                }
            }
            items = kept;
        }
        if items.is_empty() {
            return walk(eval, self.other, out);
        }
        let count = items.len();
        for (index, item) in items.into_iter().enumerate() {
            eval.work(1).map_err(|fault| fault.at(span.clone()))?;
            eval.locals.push(("loop".into(), loop_value(index, count)));
            let done = assign(eval, self.targets, item, span).and_then(|()| walk(eval, self.body, out));
            // What a turn of the loop sets is gone with it, as in Jinja.
            eval.locals.truncate(frame);
            done?;
        }
        Ok(())
    }
}

fn loop_value(index: usize, count: usize) -> Value {
    let entries: [(&str, Value); 7] = [
        ("index", Value::from(index + 1)),
        ("index0", Value::from(index)),
        ("revindex", Value::from(count - index)),
        ("revindex0", Value::from(count - index - 1)),
        ("first", Value::from(index == 0)),
        ("last", Value::from(index + 1 == count)),
        ("length", Value::from(count)),
    ];
    table(entries.map(|(name, value)| (Arc::from(name), value)))
}

fn assign(eval: &mut Eval<'_>, targets: &Targets, value: Value, at: &Range<usize>) -> Result<(), Fault> {
    match targets {
        Targets::One(name) => eval.locals.push((name.clone(), value)),
        Targets::Several(names, span) => {
            if let Some(held) = held_of(&value) {
                let held = eval.held_back(&[&super::value::held(held.clone())], "`,`", at)?;
                let held = held.unwrap_or(Value::UNDEFINED);
                let part = |number: usize| eval.told_part(&value, number).unwrap_or_else(|| held.clone());
                let parts: Vec<Value> = (0..names.len()).map(part).collect();
                eval.locals.extend(names.iter().cloned().zip(parts));
                return Ok(());
            }
            let items: Vec<Value> = match Kind::of(&value) {
                Kind::List => value.try_iter().into_iter().flatten().collect(),
                _ => {
                    let message =
                        format!("{} names want a list, and this is {}", names.len(), describe(&value));
                    return Err(Fault::new(message, span.clone())
                        .help("`| items` makes pairs of a map: `{% for key, value in map | items %}`"));
                }
            };
            if items.len() != names.len() {
                let message = format!("{} names for a list of {}", names.len(), items.len());
                return Err(Fault::new(message, span.clone()));
            }
            eval.locals.extend(names.iter().cloned().zip(items));
        }
    }
    Ok(())
}

/// Joins segments to a text, in which secrets and unknown values keep their identity.
pub(super) fn joined(segments: Vec<Segment>) -> Result<Rendered, Fault> {
    let mut text = Rendered::default();
    let mut length = 0_usize;
    for segment in segments {
        match segment {
            Segment::Raw(raw) => {
                length += raw.len();
                text.push_str(&raw);
            }
            Segment::Value(value, span) => {
                let piece = rendered(&value).map_err(|fault| fault.at(span.clone()))?;
                for piece in piece.pieces {
                    if let Piece::Plain(plain) = &piece {
                        length += plain.len();
                    }
                    text.push(piece);
                }
                if length > MAX_TEXT {
                    return Err(Fault::new(format!("the text is longer than {} MiB", MAX_TEXT >> 20), span));
                }
            }
        }
    }
    Ok(text)
}

/// Returns the text of one value.
pub(super) fn rendered(value: &Value) -> Result<Rendered, Fault> {
    if let Some(held) = held_of(value) {
        return Ok(held.clone());
    }
    match taint(value) {
        Some(Taint::Secret(name)) => Err(secret_fault(&name, "writing a list or a map as text", 0..0)),
        Some(Taint::Unknown(of)) => Ok(Rendered { pieces: vec![Piece::Unknown(of)] }),
        None => text_of(value).map(|text| Rendered::plain(&*text)),
    }
}

/// Returns one argument of a command; lists, maps and null are none.
pub(super) fn argument(value: &Value) -> Result<Rendered, Fault> {
    let kind = Kind::of(value);
    if matches!(kind, Kind::List | Kind::Map | Kind::Null) && origin_of(value).is_none() {
        let problem = super::ops::fault(format!("a word of a command can't be {}", describe(value)));
        return Err(match kind {
            Kind::List => problem.help(
                "write the command as a list, where a list spreads into arguments, or use `| join(',')`",
            ),
            Kind::Null => problem
                .help("write the command as a list, where null is left out, or use `| default('', true)`"),
            _ => problem.help("`| to_json` makes a text of it"),
        });
    }
    rendered(value)
}
