//! What to say of a path that leads nowhere.

use super::eval::{Eval, Truth};
use super::fault::{Fault, did_you_mean};
use super::syntax::{Node, NodeKind};
use super::value::{Kind, describe};

impl Eval<'_> {
    /// Returns the fault that says what of the path isn't there, with the nearest name that is.
    pub(super) fn missing(&mut self, node: &Node) -> Fault {
        match &node.kind {
            NodeKind::Name(name) => {
                let mut fault = Fault::new(format!("`{name}` is not defined"), node.span.clone());
                let locals = self.locals.iter().map(|(local, _)| &**local);
                fault.help = did_you_mean(name, self.scope.names().into_iter().chain(locals));
                fault
            }
            NodeKind::Attr(base, name) => self.missing_member(base, name, node),
            NodeKind::Item(base, index) => match self.eval(index) {
                Ok(key) => self.missing_member(base, &key.to_string(), node),
                Err(fault) => fault,
            },
            NodeKind::Filter(_, call) => {
                Fault::new(format!("`{}` gave nothing", call.name), node.span.clone())
                    .help("`| default(…)` gives a value for that case")
            }
            NodeKind::Choose(parts) => match self.truth(&parts[0]) {
                Ok(truth) => self.missing(&parts[if truth == Truth::True { 1 } else { 2 }]),
                Err(fault) => fault,
            },
            _ => Fault::new("there is no such value", node.span.clone()),
        }
    }

    fn missing_member(&mut self, base: &Node, key: &str, node: &Node) -> Fault {
        let value = match self.soft(base) {
            Ok(value) if value.is_undefined() => return self.missing(base),
            Ok(value) => value,
            Err(fault) => return fault,
        };
        let path = path_of(base);
        let span = node.span.clone();
        match Kind::of(&value) {
            Kind::Map => {
                let mut fault = Fault::new(format!("{path} has no `{key}`"), span);
                let keys: Vec<String> =
                    value.try_iter().into_iter().flatten().map(|key| key.to_string()).collect();
                fault.help = did_you_mean(key, keys.iter().map(String::as_str))
                    .or_else(|| Some("`| default(…)` gives a value for that case".to_owned()));
                fault
            }
            Kind::List if matches!(node.kind, NodeKind::Item(..)) => {
                let length = value.len().unwrap_or(0);
                let elements = if length == 1 { "element" } else { "elements" };
                Fault::new(format!("{path} has {length} {elements}, there is no [{key}]"), span)
            }
            _ => Fault::new(format!("{path} is {}, it has no `{key}`", describe(&value)), span),
        }
    }
}

/// Returns the path as written, for messages.
fn path_of(node: &Node) -> String {
    fn bare(node: &Node) -> Option<String> {
        match &node.kind {
            NodeKind::Name(name) => Some(name.to_string()),
            NodeKind::Attr(base, name) => Some(format!("{}.{name}", bare(base)?)),
            NodeKind::Item(base, index) => {
                let key = match &index.kind {
                    NodeKind::Const(value) => match value.as_str() {
                        Some(text) => format!("'{text}'"),
                        None => value.to_string(),
                    },
                    _ => bare(index)?,
                };
                Some(format!("{}[{key}]", bare(base)?))
            }
            _ => None,
        }
    }
    bare(node).map_or_else(|| "this value".to_owned(), |path| format!("`{path}`"))
}
