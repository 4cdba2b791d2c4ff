//! Which names a text or an expression uses, for checks before anything runs.

use std::ops::Range;
use std::sync::Arc;

use super::parse::constant_key;
use super::syntax::{Call, Comparison, Node, NodeKind, Part, Targets};
use super::value::Value;

/// One use of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The name and what is taken of it, as far as that is constant: `steps.x.outputs[n]` is `steps`, `x`, `outputs`.
    pub path: Vec<String>,
    /// Where that path stands.
    pub span: Range<usize>,
    /// Whether it stands before `is defined` or `default(…)`, so that it may lead nowhere.
    pub defined_test: bool,
    /// What holds where it is evaluated: the conditions around it and before it.
    pub under: Vec<Condition>,
}

/// A condition that was asked before something is evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Where it stands.
    pub span: Range<usize>,
    /// What it was found to be.
    pub holds: bool,
}

/// What a text or an expression uses; names that it gives values to itself are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// The names, in the order written.
    pub paths: Vec<Use>,
    /// Where something is taken by a key that only its evaluation knows: `x[item].y` whole, in the order written.
    pub keyed: Vec<Range<usize>>,
    /// The filters, each with the span of the expression that it ends.
    pub filters: Vec<(String, Range<usize>)>,
    /// Whether some value goes into a shell script without being quoted.
    pub raw_shell: bool,
}

/// Lists the uses in a text.
pub(super) fn of_parts(parts: &[Part]) -> Uses {
    let mut walk = Walk::default();
    walk.parts(parts);
    walk.uses
}

/// Lists the uses in an expression.
pub(super) fn of_node(node: &Node) -> Uses {
    let mut walk = Walk::default();
    walk.node(node, false);
    walk.uses
}

/// Lists where the conditions stand that all hold where the expression does: of `a and b` both.
pub(super) fn conjuncts(node: &Node) -> Vec<Range<usize>> {
    let (mut found, mut open) = (Vec::new(), vec![node]);
    while let Some(node) = open.pop() {
        match &node.kind {
            NodeKind::And(left, right) => open.extend([&**right, &**left]),
            _ => found.push(node.span.clone()),
        }
    }
    found
}

/// Where the two sides of a comparison stand, with its sign between them.
pub type Sides = (Range<usize>, &'static str, Range<usize>);

/// Returns where the two sides of an expression stand that is one comparison and nothing else, and its sign between them.
pub(super) fn comparison(node: &Node) -> Option<Sides> {
    let NodeKind::Compare(left, others) = &node.kind else { return None };
    let [(comparison, right)] = others.as_slice() else { return None };
    let told = !matches!(comparison, Comparison::In | Comparison::NotIn);
    told.then(|| (left.span.clone(), comparison.sign(), right.span.clone()))
}

/// Lists the texts and numbers written in an expression.
pub(super) fn constants(node: &Node) -> Vec<String> {
    let mut walk = Walk { collect: true, ..Walk::default() };
    walk.node(node, false);
    walk.constants
}

#[derive(Default)]
struct Walk {
    collect: bool,
    constants: Vec<String>,
    uses: Uses,
    locals: Vec<Arc<str>>,
    under: Vec<Condition>,
}

impl Walk {
    fn parts(&mut self, parts: &[Part]) {
        for part in parts {
            match part {
                Part::Raw(..) => {}
                Part::Emit(node, _) => self.node(node, false),
                Part::If { test, then, other } => {
                    self.node(test, false);
                    self.under(test, true, |walk| walk.parts(then));
                    self.under(test, false, |walk| walk.parts(other));
                }
                Part::For { targets, iter, filter, body, other } => {
                    self.node(iter, false);
                    let frame = self.locals.len();
                    self.locals.push("loop".into());
                    self.names(targets);
                    filter.iter().for_each(|filter| self.node(filter, false));
                    self.parts(body);
                    self.locals.truncate(frame);
                    self.parts(other);
                }
                Part::Set { targets, value } => {
                    self.node(value, false);
                    self.names(targets);
                }
            }
        }
    }

    /// Walks what is evaluated only where the condition was found to be so.
    fn under(&mut self, condition: &Node, holds: bool, walk: impl FnOnce(&mut Walk)) {
        self.under.push(Condition { span: condition.span.clone(), holds });
        walk(self);
        self.under.pop();
    }

    fn names(&mut self, targets: &Targets) {
        match targets {
            Targets::One(name) => self.locals.push(name.clone()),
            Targets::Several(names, _) => self.locals.extend(names.iter().cloned()),
        }
    }

    fn node(&mut self, node: &Node, guarded: bool) {
        if let Some(path) = self.path(node) {
            if !self.locals.iter().any(|local| **local == path[0]) {
                let (span, under) = (node.span.clone(), self.under.clone());
                self.uses.paths.push(Use { path, span, defined_test: guarded, under });
            }
            return;
        }
        match &node.kind {
            NodeKind::Const(value) => {
                if self.collect {
                    self.constant(value);
                }
            }
            NodeKind::Name(_) => {}
            NodeKind::Attr(..) | NodeKind::Item(..) => {
                self.uses.keyed.push(node.span.clone());
                self.members(node, guarded);
            }
            NodeKind::Slice(base, bounds) => {
                self.node(base, false);
                bounds.iter().flatten().for_each(|bound| self.node(bound, false));
            }
            NodeKind::Not(inner) | NodeKind::Neg(inner) => self.node(inner, false),
            NodeKind::And(left, right) | NodeKind::Or(left, right) => {
                self.node(left, false);
                let and = matches!(node.kind, NodeKind::And(..));
                self.under(left, and, |walk| walk.node(right, false));
            }
            NodeKind::Math(_, left, right) => {
                self.node(left, false);
                self.node(right, false);
            }
            NodeKind::Compare(first, ops) => {
                self.node(first, false);
                ops.iter().for_each(|(_, node)| self.node(node, false));
            }
            NodeKind::Choose(parts) => {
                self.node(&parts[0], false);
                self.under(&parts[0], true, |walk| walk.node(&parts[1], guarded));
                self.under(&parts[0], false, |walk| walk.node(&parts[2], guarded));
            }
            NodeKind::Filter(input, call) => {
                let default = matches!(&*call.name, "default" | "d");
                self.node(input, default);
                self.uses.filters.push((call.name.to_string(), node.span.clone()));
                self.uses.raw_shell |= &*call.name == "raw_shell";
                self.call(call, default && guarded);
            }
            NodeKind::Test(input, call) => {
                self.node(input, matches!(&*call.name, "defined" | "undefined"));
                self.call(call, false);
            }
            NodeKind::Range(items) | NodeKind::List(items) => {
                items.iter().for_each(|item| self.node(item, false));
            }
            NodeKind::Map(entries) => entries.iter().for_each(|(key, value)| {
                self.node(key, false);
                self.node(value, false);
            }),
        }
    }

    /// Walks what members are taken of one after the other, the last of which was noted.
    fn members(&mut self, node: &Node, guarded: bool) {
        match &node.kind {
            _ if self.path(node).is_some() => self.node(node, guarded),
            NodeKind::Attr(base, _) => self.members(base, guarded),
            NodeKind::Item(base, index) => {
                self.members(base, guarded);
                self.node(index, false);
            }
            _ => self.node(node, guarded),
        }
    }

    fn constant(&mut self, value: &Value) {
        match value.as_str() {
            Some(text) => self.constants.push(text.to_owned()),
            None if value.is_number() => self.constants.push(value.to_string()),
            None => value.try_iter().into_iter().flatten().for_each(|item| self.constant(&item)),
        }
    }

    fn call(&mut self, call: &Call, guarded: bool) {
        call.args.iter().for_each(|arg| self.node(arg, guarded));
        call.named.iter().for_each(|(_, arg)| self.node(arg, false));
    }

    /// Returns the path of a name when all of it is constant.
    fn path(&self, node: &Node) -> Option<Vec<String>> {
        match &node.kind {
            NodeKind::Name(name) => Some(vec![name.to_string()]),
            NodeKind::Attr(base, name) => {
                let mut path = self.path(base)?;
                path.push(name.to_string());
                Some(path)
            }
            NodeKind::Item(base, index) => {
                let mut path = self.path(base)?;
                path.push(constant_key(index)?);
                Some(path)
            }
            _ => None,
        }
    }
}
