//! The evaluator: walks our tree over MiniJinja's values, strictly.
//!
//! MiniJinja's own machine isn't used: it converts, compares and treats as true whatever comes. Here a name that is
//! not there, a comparison of different kinds and a condition that isn't a boolean are faults with their place; and
//! what is held back (secrets, what only the run can know) keeps its identity through everything.

use std::ops::Range;
use std::sync::Arc;

use minijinja::Environment;

use super::fault::Fault;
use super::filters::{self, Args};
use super::foreseen::{derived, is_part, part_of, whole_origin};
use super::formula::Telling;
use super::ops::{self, Number, fault};
use super::predicates::{self, Asked};
use super::scope::Scope;
use super::syntax::{Call, Comparison, Node, NodeKind};
use super::value::{
    Kind, Taint, Value, describe, first_unknown, held_of, secret_of, table, taint, unknown, unknown_of,
};
use crate::model::{Piece, Unknown};

/// How many steps one evaluation may take: an expression that needs more is a mistake or an attack.
const MAX_STEPS: u64 = 2_000_000;
/// How many bytes one evaluation may make, counted roughly.
const MAX_MADE: usize = 64 << 20;
/// How many numbers `range` may give.
const MAX_RANGE: i128 = 100_000;

/// Whether a condition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It doesn't.
    False,
    /// Only the run can know; says what it depends on.
    Unknown(Unknown),
}

/// One evaluation.
pub(super) struct Eval<'e> {
    pub(super) env: &'e Environment<'static>,
    pub(super) scope: &'e Scope,
    /// Names given by `for` and `set`, innermost last.
    pub(super) locals: Vec<(Arc<str>, Value)>,
    /// Whether what is made of unknown values is told with what makes it, and how.
    pub(super) telling: Option<Telling<'e>>,
    pub(super) steps: u64,
    pub(super) made: usize,
}

impl<'e> Eval<'e> {
    pub(super) fn new(env: &'e Environment<'static>, scope: &'e Scope) -> Eval<'e> {
        Eval { env, scope, locals: Vec::new(), telling: None, steps: 0, made: 0 }
    }

    /// Counts `steps` of work.
    pub(super) fn work(&mut self, steps: usize) -> Result<(), Fault> {
        self.steps += steps as u64;
        if self.steps > MAX_STEPS {
            return Err(fault("this takes more than 2,000,000 steps to work out"));
        }
        Ok(())
    }

    /// Counts `bytes` made.
    pub(super) fn make(&mut self, bytes: usize) -> Result<(), Fault> {
        self.made = self.made.saturating_add(bytes);
        if self.made > MAX_MADE {
            return Err(fault(format!("this makes more than {} MiB", MAX_MADE >> 20)));
        }
        Ok(())
    }

    fn name(&self, name: &str) -> Option<&Value> {
        let local = self.locals.iter().rev().find(|(local, _)| &**local == name).map(|(_, value)| value);
        local.or_else(|| self.scope.get(name))
    }

    /// Returns the value of an expression; one that is not there is a fault.
    pub(super) fn eval(&mut self, node: &Node) -> Result<Value, Fault> {
        let value = self.soft(node)?;
        if value.is_undefined() { Err(self.missing(node)) } else { Ok(value) }
    }

    /// Returns the value of an expression, or [`Value::UNDEFINED`] when the path that it is leads nowhere.
    pub(super) fn soft(&mut self, node: &Node) -> Result<Value, Fault> {
        let value = self.found(node)?;
        Ok(if self.telling.is_some() { self.told(node, value) } else { value })
    }

    fn found(&mut self, node: &Node) -> Result<Value, Fault> {
        self.work(1).map_err(|fault| fault.at(node.span.clone()))?;
        match &node.kind {
            NodeKind::Const(value) => Ok(value.clone()),
            NodeKind::Name(name) => Ok(self.name(name).cloned().unwrap_or(Value::UNDEFINED)),
            NodeKind::Attr(base, name) => self.attr(base, name, &node.span),
            NodeKind::Item(base, index) => self.item(base, index, &node.span),
            NodeKind::Slice(base, bounds) => self.slice(base, bounds, &node.span),
            NodeKind::Not(inner) => self.truth(inner).map(|truth| match truth {
                Truth::True => Value::from(false),
                Truth::False => Value::from(true),
                // The two cases of a `not` are those of what it turns round.
                Truth::Unknown(of) => unknown_of(turning_on(of)),
            }),
            NodeKind::Neg(inner) => self.negate(inner, &node.span),
            NodeKind::And(left, right) => self.both(left, right, false),
            NodeKind::Or(left, right) => self.both(left, right, true),
            NodeKind::Math(op, left, right) => {
                let (left, right) = (self.eval(left)?, self.eval(right)?);
                if let Some(held) =
                    self.held_back(&[&left, &right], &format!("`{}`", op.sign()), &node.span)?
                {
                    let joined = super::foreseen::joined(*op, &left, &right).unwrap_or(held);
                    let plain = |piece: &Piece| if let Piece::Plain(text) = piece { text.len() } else { 0 };
                    let bytes = held_of(&joined).map_or(0, |text| text.pieces.iter().map(plain).sum());
                    self.make(bytes).map_err(|fault| fault.at(node.span.clone()))?;
                    return Ok(joined);
                }
                let result = ops::math(*op, &left, &right).map_err(|fault| fault.at(node.span.clone()))?;
                self.weigh(&result, &node.span)?;
                Ok(result)
            }
            NodeKind::Compare(first, ops) => self.compare(first, ops, &node.span),
            NodeKind::Choose(parts) => match self.truth(&parts[0])? {
                Truth::True => self.soft(&parts[1]),
                Truth::False => self.soft(&parts[2]),
                Truth::Unknown(of) => Ok(unknown_of(turning_on(of))),
            },
            NodeKind::Filter(input, call) => self.filter(input, call, &node.span),
            NodeKind::Test(input, call) => self.test(input, call, &node.span),
            NodeKind::Range(args) => self.range(args, &node.span),
            NodeKind::List(items) => {
                let items = items.iter().map(|item| self.eval(item)).collect::<Result<Vec<_>, _>>()?;
                Ok(Value::from(items))
            }
            NodeKind::Map(entries) => self.map(entries),
        }
    }

    /// Says whether a condition holds; a value that isn't a boolean is a fault.
    pub(super) fn truth(&mut self, node: &Node) -> Result<Truth, Fault> {
        let value = self.eval(node)?;
        let truth = truth_of(&value).map_err(|fault| fault.at(node.span.clone()))?;
        Ok(match truth {
            Truth::Unknown(of) => self.assumed(of),
            truth => truth,
        })
    }

    /// Evaluates `and` (`decides` is false) and `or` (`decides` is true).
    fn both(&mut self, left: &Node, right: &Node, decides: bool) -> Result<Value, Fault> {
        let deciding = if decides { Truth::True } else { Truth::False };
        let first = self.truth(left)?;
        if first == deciding {
            return Ok(Value::from(decides));
        }
        let Truth::Unknown(of) = first else {
            return Ok(match self.truth(right)? {
                Truth::Unknown(of) => unknown_of(of),
                truth => Value::from(truth == Truth::True),
            });
        };
        // The left side may turn out to keep the right one from being asked: a fault there is not one yet.
        match self.truth(right) {
            Ok(truth) if truth == deciding => Ok(Value::from(decides)),
            Ok(Truth::True | Truth::False) => Ok(unknown_of(of)),
            _ if self.telling.is_some() => Ok(unknown_of(derived(&of))),
            _ => Ok(unknown_of(of)),
        }
    }

    /// Returns an unknown value when one of `values` is unknown, and a fault when one holds a secret.
    pub(super) fn held_back(
        &mut self,
        values: &[&Value],
        what: &str,
        span: &Range<usize>,
    ) -> Result<Option<Value>, Fault> {
        let mut found = None;
        for value in values {
            match taint(value) {
                Some(Taint::Secret(name)) => return Err(secret_fault(&name, what, span.clone())),
                Some(Taint::Unknown(of)) if found.is_none() => found = Some(unknown_of(derived(&of))),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Counts what a result weighs.
    pub(super) fn weigh(&mut self, value: &Value, span: &Range<usize>) -> Result<(), Fault> {
        let bytes = match Kind::of(value) {
            Kind::Text => value.as_str().map_or(0, str::len),
            Kind::List | Kind::Map => value.len().unwrap_or(0).saturating_mul(16),
            _ => 0,
        };
        self.make(bytes).map_err(|fault| fault.at(span.clone()))
    }

    fn attr(&mut self, base: &Node, name: &str, span: &Range<usize>) -> Result<Value, Fault> {
        let base = self.soft(base)?;
        if held_of(&base).is_some() {
            let part = whole_origin(&base).map(|origin| unknown(&format!("{origin}.{name}")));
            let held = self.held_back(&[&base], &format!("`.{name}`"), span)?;
            return Ok(part.or(held).unwrap_or(Value::UNDEFINED));
        }
        Ok(match Kind::of(&base) {
            Kind::Map | Kind::List => base.get_attr(name).unwrap_or(Value::UNDEFINED),
            _ => Value::UNDEFINED,
        })
    }

    fn item(&mut self, base: &Node, index: &Node, span: &Range<usize>) -> Result<Value, Fault> {
        let base = self.soft(base)?;
        if base.is_undefined() {
            return Ok(base);
        }
        let key = self.eval(index)?;
        // Only the base itself counts: what stands beside the wanted element doesn't hold it back.
        let base_held = if held_of(&base).is_some() { &base } else { &Value::UNDEFINED };
        if let Some(held) = self.held_back(&[base_held, &key], "`[…]`", span)? {
            let part = whole_origin(base_held).filter(|_| held_of(&key).is_none());
            return Ok(part.map_or(held, |origin| unknown(&part_of(origin, &key))));
        }
        let at = index.span.clone();
        match Kind::of(&base) {
            Kind::Map if key.as_str().is_some() => Ok(base.get_item(&key).unwrap_or(Value::UNDEFINED)),
            Kind::Map => Err(Fault::new(format!("a map's keys are text, not {}", describe(&key)), at)
                .help("`| string` makes a text of a number")),
            Kind::List | Kind::Text => {
                let Some(Number::Whole(index)) = Number::of(&key) else {
                    let what = Kind::of(&base).name();
                    return Err(Fault::new(
                        format!("{what} is indexed by whole numbers, not by {}", describe(&key)),
                        at,
                    ));
                };
                Ok(element(&base, index).unwrap_or(Value::UNDEFINED))
            }
            _ => Ok(Value::UNDEFINED),
        }
    }

    fn slice(
        &mut self,
        base: &Node,
        bounds: &[Option<Box<Node>>; 3],
        span: &Range<usize>,
    ) -> Result<Value, Fault> {
        let value = self.eval(base)?;
        let mut given = [const { None }; 3];
        for (bound, slot) in bounds.iter().zip(&mut given) {
            let Some(bound) = bound else { continue };
            let number = self.eval(bound)?;
            if let Some(held) = self.held_back(&[&number], "`[…:…]`", span)? {
                return Ok(held);
            }
            match (Number::of(&number), Kind::of(&number)) {
                (Some(Number::Whole(whole)), _) => *slot = Some(whole),
                (_, Kind::Null) => {}
                _ => {
                    return Err(Fault::new(
                        format!("a slice is given by whole numbers, not by {}", describe(&number)),
                        bound.span.clone(),
                    ));
                }
            }
        }
        if held_of(&value).is_some() {
            let held = self.held_back(&[&value], "`[…:…]`", span)?;
            return Ok(held.unwrap_or(Value::UNDEFINED));
        }
        let step = given[2].unwrap_or(1);
        if step <= 0 {
            return Err(Fault::new("a slice's step is a number above 0", span.clone())
                .help("`| reverse` turns a list round"));
        }
        let cut = |length: usize| {
            let length = length as i128;
            let edge = |bound: i128| if bound < 0 { (length + bound).max(0) } else { bound.min(length) };
            let start = given[0].map_or(0, edge);
            let stop = given[1].map_or(length, edge).max(start);
            (start as usize, (stop - start) as usize)
        };
        let step = usize::try_from(step).unwrap_or(usize::MAX);
        let result = match Kind::of(&value) {
            Kind::Text => {
                let text = value.as_str().unwrap_or_default();
                let (start, length) = cut(text.chars().count());
                Value::from(text.chars().skip(start).take(length).step_by(step).collect::<String>())
            }
            Kind::List => {
                let items: Vec<Value> = value.try_iter().into_iter().flatten().collect();
                let (start, length) = cut(items.len());
                Value::from(items.into_iter().skip(start).take(length).step_by(step).collect::<Vec<_>>())
            }
            _ => {
                return Err(Fault::new(
                    format!("only a list or a text can be sliced, not {}", describe(&value)),
                    span.clone(),
                ));
            }
        };
        self.weigh(&result, span)?;
        Ok(result)
    }

    fn negate(&mut self, inner: &Node, span: &Range<usize>) -> Result<Value, Fault> {
        let value = self.eval(inner)?;
        if let Some(held) = self.held_back(&[&value], "`-`", span)? {
            return Ok(held);
        }
        let negative = match Number::of(&value) {
            Some(Number::Whole(whole)) => whole.checked_neg().map(Number::Whole),
            Some(Number::Decimal(float)) => Some(Number::Decimal(-float)),
            None => None,
        };
        let negative = negative.ok_or_else(|| fault(format!("`-` does not work on {}", describe(&value))));
        negative.and_then(Number::value).map_err(|fault| fault.at(span.clone()))
    }

    fn compare(
        &mut self,
        first: &Node,
        ops: &[(Comparison, Node)],
        span: &Range<usize>,
    ) -> Result<Value, Fault> {
        let is_none = |node: &Node| matches!(&node.kind, NodeKind::Const(value) if value.is_none());
        let mut left = self.eval(first)?;
        let mut left_none = is_none(first);
        let mut start = first.span.start;
        let mut open = None;
        for (op, node) in ops {
            let right = self.eval(node)?;
            let right_none = is_none(node);
            let here = start..node.span.end;
            match self.held_back(&[&left, &right], &format!("`{}`", op.sign()), span)? {
                Some(held) => open = open.or(Some(held)),
                None => {
                    let size = |value: &Value| value.len().unwrap_or(1);
                    self.work(size(&left) + size(&right)).map_err(|fault| fault.at(here.clone()))?;
                    let holds = ops::compare(*op, &left, &right, left_none || right_none)
                        .map_err(|fault| fault.at(here))?;
                    if !holds {
                        return Ok(Value::from(false));
                    }
                }
            }
            (left, left_none, start) = (right, right_none, node.span.start);
        }
        Ok(open.unwrap_or_else(|| Value::from(true)))
    }

    fn filter(&mut self, input: &Node, call: &Call, span: &Range<usize>) -> Result<Value, Fault> {
        if matches!(&*call.name, "default" | "d") {
            return self.default(input, call, span);
        }
        let value = self.eval(input)?;
        let args = self.args(call)?;
        let what = format!("the filter `{}`", call.name);
        let all: Vec<&Value> = std::iter::once(&value).chain(args.values()).collect();
        if let Some(held) = self.held_back(&all, &what, span)? {
            // Whoever writes it by hand would leave the quotes of a text out, and write `none` for null: nobody knows yet which it
            // is, so it is told as something to work out.
            if self.telling.is_some() && matches!(&*call.name, "to_json" | "tojson") {
                return Ok(held);
            }
            return Ok(super::foreseen::filtered(&call.name, &value, &args).unwrap_or(held));
        }
        drop(all);
        filters::apply(self, &call.name, value, args).map_err(|fault| fault.at(span.clone()))
    }

    /// `default(other, empty_too)`: the only filter that takes a path that leads nowhere. `other` is evaluated only
    /// when it is needed, so it may itself be a path that is only there in that case.
    fn default(&mut self, input: &Node, call: &Call, span: &Range<usize>) -> Result<Value, Fault> {
        let value = self.soft(input)?;
        let lax = call
            .args
            .get(1)
            .or_else(|| call.named.iter().find(|(name, _)| &**name == "boolean").map(|(_, node)| node));
        let (args, named) = (call.args.len(), call.named.len());
        if args > 2 || args + named > 2 || (named > 0 && (lax.is_none() || args == 2)) {
            return Err(Fault::new(
                "`default` takes a value, and `true` if it replaces what is empty",
                span.clone(),
            ));
        }
        let lax = match lax {
            Some(node) => self.truth(node)?,
            None => Truth::False,
        };
        let empty = match lax.clone() {
            Truth::Unknown(of) => return Ok(unknown_of(derived(&of))),
            Truth::True => held_of(&value).is_none() && !value.is_true(),
            Truth::False => false,
        };
        // Whoever sets it by hand must know what stands for it where it is missing. What a step gives is there, its parts may not be.
        if let (Some(of), true) = (held_of(&value).and_then(first_unknown), self.telling.is_some())
            && (lax != Truth::False || is_part(of))
        {
            return Ok(unknown_of(derived(of)));
        }
        if !value.is_undefined() && !empty {
            return Ok(value);
        }
        match call.args.first() {
            Some(other) => self.soft(other),
            None => Ok(Value::from("")),
        }
    }

    fn args(&mut self, call: &Call) -> Result<Args, Fault> {
        let mut args = Args::default();
        for node in &call.args {
            args.push(self.eval(node)?);
        }
        for (name, node) in &call.named {
            args.push_named(name, self.eval(node)?);
        }
        Ok(args)
    }

    fn test(&mut self, input: &Node, call: &Call, span: &Range<usize>) -> Result<Value, Fault> {
        let asked = Asked::of(&call.name);
        let value = if asked == Asked::Presence { self.soft(input)? } else { self.eval(input)? };
        if let (Some(_), Asked::Presence | Asked::Null) = (secret_of(&value), asked) {
            // A secret that is at hand is defined and is not null; that tells nothing of its value.
            return Ok(Value::from(&*call.name == "defined"));
        }
        let mut args = Vec::new();
        for node in &call.args {
            args.push(self.eval(node)?);
        }
        if let Some((name, node)) = call.named.first() {
            return Err(Fault::new(format!("a test takes no argument `{name}`"), node.span.clone()));
        }
        let what = format!("`is {}`", call.name);
        let all: Vec<&Value> = std::iter::once(&value).chain(&args).collect();
        if let Some(held) = self.held_back(&all, &what, span)? {
            return Ok(held);
        }
        predicates::perform(&call.name, &value, &args)
            .map(Value::from)
            .map_err(|fault| fault.at(span.clone()))
    }

    fn range(&mut self, args: &[Node], span: &Range<usize>) -> Result<Value, Fault> {
        let mut numbers = Vec::new();
        for node in args {
            let value = self.eval(node)?;
            if let Some(held) = self.held_back(&[&value], "`range`", span)? {
                return Ok(held);
            }
            match Number::of(&value) {
                Some(Number::Whole(whole)) => numbers.push(whole),
                _ => {
                    let message = format!("`range` takes whole numbers, not {}", describe(&value));
                    return Err(Fault::new(message, node.span.clone()));
                }
            }
        }
        let (start, stop, step) = match numbers[..] {
            [stop] => (0, stop, 1),
            [start, stop] => (start, stop, 1),
            [start, stop, step] => (start, stop, step),
            _ => return Err(Fault::new("`range` takes one to three numbers", span.clone())),
        };
        if step == 0 {
            return Err(Fault::new("a step of 0 never gets there", span.clone()));
        }
        let mut items = Vec::new();
        let mut next = start;
        while if step > 0 { next < stop } else { next > stop } {
            if items.len() as i128 >= MAX_RANGE {
                return Err(Fault::new("`range` gives at most 100,000 numbers", span.clone()));
            }
            items.push(Number::Whole(next).value().map_err(|fault| fault.at(span.clone()))?);
            let Some(after) = next.checked_add(step) else { break };
            next = after;
        }
        let result = Value::from(items);
        self.weigh(&result, span)?;
        Ok(result)
    }

    fn map(&mut self, entries: &[(Node, Node)]) -> Result<Value, Fault> {
        let mut pairs: Vec<(Arc<str>, Value)> = Vec::new();
        for (key, value) in entries {
            let name = self.eval(key)?;
            if let Some(held) = self.held_back(&[&name], "a key", &key.span)? {
                return Ok(held);
            }
            let Some(name) = name.as_str() else {
                let message = format!("a map's keys are text, not {}", describe(&name));
                return Err(Fault::new(message, key.span.clone()));
            };
            pairs.push((name.into(), self.eval(value)?));
        }
        Ok(table(pairs))
    }
}

/// Returns what an unknown condition decides.
pub(super) fn turning_on(condition: Unknown) -> Unknown {
    let turns_on = condition.turns_on.clone().or_else(|| Some(Box::new(condition.clone())));
    Unknown { turns_on, ..derived(&condition) }
}

/// Says whether a value holds as a condition.
pub(super) fn truth_of(value: &Value) -> Result<Truth, Fault> {
    if Kind::of(value) == Kind::Bool {
        return Ok(if value.is_true() { Truth::True } else { Truth::False });
    }
    if let Some(name) = secret_of(value) {
        return Err(secret_fault(name, "a condition", 0..0));
    }
    if let Some(of) = held_of(value).and_then(first_unknown) {
        return Ok(Truth::Unknown(of.clone()));
    }
    let problem = fault(format!("a condition is true or false, and this is {}", describe(value)));
    Err(match Kind::of(value) {
        Kind::Number => problem.help("compare it, as in `… > 0`"),
        Kind::Text => problem.help("compare it, as in `… == 'yes'`, or use `| bool`"),
        Kind::List | Kind::Map => problem.help("compare its length, as in `… | length > 0`"),
        Kind::Null => problem.help("ask `is none`, or give null a value with `| default(…, true)`"),
        _ => problem,
    })
}

pub(super) fn secret_fault(name: &str, what: &str, span: Range<usize>) -> Fault {
    Fault::new(format!("{what} can't be used on the secret `{name}`"), span)
        .help("a secret can only be passed on whole, by env or stdin")
}

/// Returns the element of a list or the letter of a text; a negative index counts from the end.
fn element(base: &Value, index: i128) -> Option<Value> {
    let count = match base.as_str() {
        Some(text) => text.chars().count(),
        None => base.len().or_else(|| base.try_iter().ok().map(Iterator::count))?,
    };
    let index = if index < 0 { index + count as i128 } else { index };
    let index = usize::try_from(index).ok().filter(|index| *index < count)?;
    match base.as_str() {
        Some(text) => text.chars().nth(index).map(|letter| Value::from(letter.to_string())),
        None => base.try_iter().ok()?.nth(index),
    }
}
