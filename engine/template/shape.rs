//! What kind of value an expression gives, as far as that is known before anything is given or run.
//!
//! Only what is wrong whatever the values are is a fault here: the evaluator has the last word on everything else.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::fault::{Fault, nearest};
use super::ops::{NULL_HELP, TEXT_HELP};
use super::parse::constant_key;
use super::syntax::{Call, Comparison, Math, Node, NodeKind, Part, Targets};
use super::value::{Kind, Value, held_of};
use crate::model;

/// More different texts than this are any text: a table of 10,000 names says nothing about one of them.
const MANY: usize = 40;

/// What is known of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Nothing.
    Any,
    /// It is null.
    Null,
    /// It is true or false.
    Bool,
    /// It is a number.
    Number,
    /// It is text.
    Text,
    /// It is one of these texts.
    OneOf(Arc<Vec<String>>),
    /// It is a list of such values.
    List(Arc<Shape>),
    /// It is a map that may have these keys, and only these when it is closed.
    Map(Arc<BTreeMap<String, Shape>>, bool),
}

impl Shape {
    /// Returns a map that may have any keys.
    pub fn any_map() -> Shape {
        Shape::Map(Arc::default(), false)
    }

    /// Returns a list of anything.
    pub fn any_list() -> Shape {
        Shape::List(Arc::new(Shape::Any))
    }

    /// Returns the shape of data.
    pub fn of(value: &model::Value) -> Shape {
        match value {
            model::Value::Null => Shape::Null,
            model::Value::Bool(_) => Shape::Bool,
            model::Value::Number(_) => Shape::Number,
            model::Value::String(text) => Shape::OneOf(Arc::new(vec![text.clone()])),
            model::Value::Array(items) => {
                Shape::List(Arc::new(items.iter().map(Shape::of).reduce(Shape::or).unwrap_or(Shape::Any)))
            }
            model::Value::Object(map) => Shape::Map(
                Arc::new(map.iter().map(|(key, value)| (key.clone(), Shape::of(value))).collect()),
                true,
            ),
        }
    }

    /// Returns what is known of a value that is one of two.
    #[must_use]
    pub fn or(self, other: Shape) -> Shape {
        match (self, other) {
            (a, b) if a == b => a,
            (Shape::OneOf(a), Shape::OneOf(b)) => {
                let mut all = (*a).clone();
                for word in b.iter() {
                    if !all.contains(word) {
                        all.push(word.clone());
                    }
                }
                if all.len() > MANY { Shape::Text } else { Shape::OneOf(Arc::new(all)) }
            }
            (Shape::Text, Shape::OneOf(_)) | (Shape::OneOf(_), Shape::Text) => Shape::Text,
            (Shape::List(a), Shape::List(b)) => Shape::List(Arc::new((*a).clone().or((*b).clone()))),
            (Shape::Map(a, a_closed), Shape::Map(b, b_closed)) => {
                let mut all = (*a).clone();
                for (key, shape) in b.iter() {
                    let both = all.remove(key).map_or_else(|| shape.clone(), |known| known.or(shape.clone()));
                    all.insert(key.clone(), both);
                }
                Shape::Map(Arc::new(all), a_closed && b_closed)
            }
            _ => Shape::Any,
        }
    }

    /// Returns what the elements of a `for_each` over it are called; nothing when there is nothing to loop over.
    pub fn item(&self) -> Option<Shape> {
        match self {
            Shape::Any => Some(Shape::Any),
            Shape::List(item) => Some((**item).clone()),
            Shape::Map(entries, closed) => {
                let value = entries.values().cloned().reduce(Shape::or).filter(|_| *closed);
                let pair =
                    [("key".to_owned(), Shape::Text), ("value".to_owned(), value.unwrap_or(Shape::Any))];
                Some(Shape::Map(Arc::new(pair.into()), true))
            }
            _ => None,
        }
    }

    /// Returns the kind in words, with its article.
    pub fn name(&self) -> &'static str {
        match self {
            Shape::Any => "anything",
            Shape::Null => "null",
            Shape::Bool => "true or false",
            Shape::Number => "a number",
            Shape::Text | Shape::OneOf(_) => "text",
            Shape::List(_) => "a list",
            Shape::Map(..) => "a map",
        }
    }

    /// Says whether two values can't be of one kind. Null is of every kind here: it stands for what is left out.
    pub fn differs(&self, other: &Shape) -> bool {
        let open = |shape: &Shape| matches!(shape, Shape::Any | Shape::Null);
        !open(self) && !open(other) && self.name() != other.name()
    }

    fn is(&self, kinds: &[&str]) -> bool {
        matches!(self, Shape::Any | Shape::Null) || kinds.contains(&self.name())
    }
}

/// Why something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    /// It is a fault whatever the values are.
    Mixed,
    /// A name leads nowhere.
    Missing,
    /// A comparison says the same whatever the values are.
    Constant,
}

/// What is known of an expression, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Shaped {
    /// What it gives.
    pub shape: Shape,
    /// What is wrong, the first of each place.
    pub faults: Vec<(Odd, Fault)>,
}

/// What a name stands for; `None` when it is not there or nothing is known of it.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<Shape>;

/// Finds what a condition or another bare expression gives.
pub(super) fn of_expr(node: &Node, src: &str, names: Lookup<'_>, condition: bool) -> Shaped {
    let mut walk = Walk { src, names, locals: Vec::new(), faults: Vec::new() };
    let shape = if condition { walk.condition(node) } else { walk.node(node, false) };
    Shaped { shape, faults: walk.faults }
}

/// Where a text stands: some places hold no list and no map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// Where any value may.
    Anywhere,
    /// As a word of a command.
    Word,
    /// As a shell script.
    Script,
}

/// Finds what a text gives: the value of exactly one `{{ … }}`, else text.
pub(super) fn of_parts(parts: &[Part], src: &str, names: Lookup<'_>, stands: Stands) -> Shaped {
    let mut walk = Walk { src, names, locals: Vec::new(), faults: Vec::new() };
    let shape = match parts {
        [Part::Emit(node, _)] => walk.node(node, false),
        parts => {
            walk.parts(parts);
            Shape::Text
        }
    };
    if stands != Stands::Anywhere {
        for part in parts {
            let Part::Emit(node, span) = part else { continue };
            let mut again = Walk { src, names, locals: Vec::new(), faults: Vec::new() };
            let found = again.node(node, false);
            let help = match (&found, stands) {
                (Shape::List(_), Stands::Script) => {
                    "`| map('quote') | join(' ')` makes words of it, `| join(',')` one text"
                }
                (Shape::List(_), _) => {
                    "write the command as a list, where a list spreads into arguments, or use `| join(',')`"
                }
                (Shape::Map(..), _) => "`| to_json` makes a text of it",
                _ => continue,
            };
            let (what, value) = (found.name(), walk.shown(node, "this"));
            let message = match stands {
                Stands::Script => format!("a script can't hold {what}, and {value} is one"),
                _ => format!("a word of a command can't be {what}, and {value} is one"),
            };
            let fault = Fault::new(message, span.clone()).help(help);
            walk.tell(Odd::Mixed, fault);
        }
    }
    Shaped { shape, faults: walk.faults }
}

struct Walk<'a> {
    src: &'a str,
    names: Lookup<'a>,
    locals: Vec<(Arc<str>, Shape)>,
    faults: Vec<(Odd, Fault)>,
}

impl Walk<'_> {
    fn tell(&mut self, odd: Odd, fault: Fault) {
        // One cause, one fault: what is around a fault is not told as well.
        let inside = |known: &Range<usize>| fault.span.start <= known.start && known.end <= fault.span.end;
        if !self.faults.iter().any(|(_, known)| inside(&known.span)) {
            self.faults.push((odd, fault));
        }
    }

    fn mixed(&mut self, message: String, help: Option<&str>, span: &Range<usize>) {
        let fault = Fault::new(message, span.clone());
        self.tell(
            Odd::Mixed,
            match help {
                Some(help) => fault.help(help),
                None => fault,
            },
        );
    }

    /// Returns an expression as it is written, or else what it is.
    fn shown(&self, node: &Node, otherwise: &str) -> String {
        let written = self.src.get(node.span.clone()).unwrap_or_default().trim();
        if written.is_empty() || written.contains('\n') || written.chars().count() > 40 {
            otherwise.to_owned()
        } else {
            format!("`{written}`")
        }
    }

    fn parts(&mut self, parts: &[Part]) {
        for part in parts {
            match part {
                Part::Raw(..) => {}
                Part::Emit(node, _) => drop(self.node(node, false)),
                Part::If { test, then, other } => {
                    self.condition(test);
                    self.parts(then);
                    self.parts(other);
                }
                Part::For { targets, iter, filter, body, other } => {
                    let over = self.node(iter, false);
                    let frame = self.locals.len();
                    self.locals.push(("loop".into(), Shape::Any));
                    let item = match over {
                        Shape::List(item) => (*item).clone(),
                        _ => Shape::Any,
                    };
                    self.give(targets, item);
                    filter.iter().for_each(|filter| drop(self.condition(filter)));
                    self.parts(body);
                    self.locals.truncate(frame);
                    self.parts(other);
                }
                Part::Set { targets, value } => {
                    let shape = self.node(value, false);
                    self.give(targets, shape);
                }
            }
        }
    }

    fn give(&mut self, targets: &Targets, shape: Shape) {
        match targets {
            Targets::One(name) => self.locals.push((name.clone(), shape)),
            Targets::Several(names, _) => {
                self.locals.extend(names.iter().map(|name| (name.clone(), Shape::Any)));
            }
        }
    }

    fn condition(&mut self, node: &Node) -> Shape {
        let shape = self.node(node, false);
        if !shape.is(&["true or false"]) {
            let help = match &shape {
                Shape::Number => Some("compare it, as in `… > 0`"),
                Shape::Text | Shape::OneOf(_) => Some("compare it, as in `… == 'yes'`, or use `| bool`"),
                Shape::List(_) | Shape::Map(..) => Some("compare its length, as in `… | length > 0`"),
                _ => None,
            };
            self.mixed(
                format!("a condition is true or false, and {} is {}", self.shown(node, "this"), shape.name()),
                help,
                &node.span,
            );
        }
        Shape::Bool
    }

    /// `soft` says that the value may be missing: it stands before `default` or `is defined`.
    fn node(&mut self, node: &Node, soft: bool) -> Shape {
        match &node.kind {
            NodeKind::Const(value) => of_const(value),
            NodeKind::Name(name) => {
                let local = self.locals.iter().rev().find(|(known, _)| known == name);
                let shape = local.map(|(_, shape)| shape.clone()).or_else(|| (self.names)(name));
                shape.unwrap_or(Shape::Any)
            }
            NodeKind::Attr(base, name) => {
                let base_shape = self.node(base, soft);
                self.part(&base_shape, name, node, soft)
            }
            NodeKind::Item(base, index) => self.item(node, base, index, soft),
            NodeKind::Slice(base, bounds) => {
                let shape = self.node(base, false);
                bounds.iter().flatten().for_each(|bound| drop(self.node(bound, false)));
                match shape {
                    Shape::Text | Shape::OneOf(_) => Shape::Text,
                    Shape::List(item) => Shape::List(item),
                    _ => Shape::Any,
                }
            }
            NodeKind::Not(inner) => self.condition(inner),
            NodeKind::Neg(inner) => {
                let shape = self.node(inner, false);
                if !shape.is(&["a number"]) {
                    let value = self.shown(inner, "this");
                    let help = shape.is(&["text"]).then_some(TEXT_HELP);
                    self.mixed(
                        format!("`-` works on numbers, and {value} is {}", shape.name()),
                        help,
                        &node.span,
                    );
                }
                Shape::Number
            }
            NodeKind::And(left, right) | NodeKind::Or(left, right) => {
                self.condition(left);
                self.condition(right)
            }
            NodeKind::Math(op, left, right) => self.math(*op, left, right, node),
            NodeKind::Compare(first, ops) => self.compare(first, ops),
            NodeKind::Choose(parts) => {
                self.condition(&parts[0]);
                let then = self.node(&parts[1], soft);
                then.or(self.node(&parts[2], soft))
            }
            NodeKind::Filter(input, call) => self.filter(input, call, node),
            NodeKind::Test(input, call) => {
                self.node(input, matches!(&*call.name, "defined" | "undefined"));
                call.args.iter().for_each(|arg| drop(self.node(arg, false)));
                Shape::Bool
            }
            NodeKind::Range(items) => {
                for item in items {
                    let shape = self.node(item, false);
                    if !shape.is(&["a number"]) {
                        self.mixed(
                            format!("`range` takes whole numbers, not {}", shape.name()),
                            None,
                            &item.span,
                        );
                    }
                }
                Shape::List(Arc::new(Shape::Number))
            }
            NodeKind::List(items) => {
                let items: Vec<Shape> = items.iter().map(|item| self.node(item, false)).collect();
                Shape::List(Arc::new(items.into_iter().reduce(Shape::or).unwrap_or(Shape::Any)))
            }
            NodeKind::Map(entries) => {
                let mut known = BTreeMap::new();
                let mut closed = true;
                for (key, value) in entries {
                    self.node(key, false);
                    let shape = self.node(value, false);
                    match constant_key(key) {
                        Some(key) => drop(known.insert(key, shape)),
                        None => closed = false,
                    }
                }
                Shape::Map(Arc::new(known), closed)
            }
        }
    }

    /// Takes `name` of a value.
    fn part(&mut self, shape: &Shape, name: &str, node: &Node, soft: bool) -> Shape {
        let what = match shape {
            Shape::Any | Shape::Null => return Shape::Any,
            Shape::Map(entries, closed) => match (entries.get(name), closed) {
                (Some(shape), _) => return shape.clone(),
                (None, false) => return Shape::Any,
                (None, true) => {
                    if !soft && !entries.is_empty() {
                        let keys: Vec<&str> = entries.keys().map(String::as_str).collect();
                        let base = match &node.kind {
                            NodeKind::Attr(base, _) | NodeKind::Item(base, _) => self.shown(base, "this"),
                            _ => "this".to_owned(),
                        };
                        let fault = Fault::new(format!("{base} has no `{name}`"), node.span.clone());
                        let near = nearest(name, keys.iter().copied());
                        self.tell(
                            Odd::Missing,
                            match near {
                                Some(near) => fault.help(format!("did you mean `{near}`?")),
                                None => {
                                    let mut shown: Vec<String> =
                                        keys.iter().take(8).map(|key| format!("`{key}`")).collect();
                                    if keys.len() > shown.len() {
                                        shown.push("…".to_owned());
                                    }
                                    fault.help(format!("it has {}", shown.join(", ")))
                                }
                            },
                        );
                    }
                    return Shape::Any;
                }
            },
            other => other.name(),
        };
        if !soft {
            let base = match &node.kind {
                NodeKind::Attr(base, _) | NodeKind::Item(base, _) => self.shown(base, "this"),
                _ => "this".to_owned(),
            };
            let help = (what == "text").then_some("`| from_json` and `| from_yaml` read what a text holds");
            self.mixed(format!("{base} is {what} and has no `.{name}`"), help, &node.span);
        }
        Shape::Any
    }

    fn item(&mut self, node: &Node, base: &Node, index: &Node, soft: bool) -> Shape {
        let shape = self.node(base, soft);
        let key = self.node(index, false);
        match &shape {
            Shape::Map(entries, closed) => {
                if !key.is(&["text"]) {
                    let help = matches!(key, Shape::Number).then_some("`| string` makes a text of a number");
                    let (map, index_shown) = (self.shown(base, "this"), self.shown(index, "this"));
                    let message =
                        format!("{map} is a map, whose keys are text, and {index_shown} is {}", key.name());
                    self.mixed(message, help, &index.span);
                    return Shape::Any;
                }
                if let Some(name) = constant_key(index) {
                    return self.part(&shape, &name, node, soft);
                }
                let of = |name: &String| entries.get(name).cloned();
                let found: Option<Shape> = match &key {
                    Shape::OneOf(names) => names.iter().filter_map(of).reduce(Shape::or),
                    _ => entries.values().cloned().reduce(Shape::or),
                };
                found.filter(|_| *closed).unwrap_or(Shape::Any)
            }
            Shape::List(_) | Shape::Text | Shape::OneOf(_) if !key.is(&["a number"]) => {
                let (what, key) = (shape.name(), key.name());
                let (list, index_shown) = (self.shown(base, "this"), self.shown(index, "this"));
                let message = format!(
                    "{list} is {what}, which is indexed by whole numbers, and {index_shown} is {key}"
                );
                self.mixed(message, None, &index.span);
                Shape::Any
            }
            Shape::List(item) => (**item).clone(),
            Shape::Text | Shape::OneOf(_) => Shape::Text,
            _ => Shape::Any,
        }
    }

    fn math(&mut self, op: Math, left: &Node, right: &Node, node: &Node) -> Shape {
        let (a, b) = (self.node(left, false), self.node(right, false));
        if op == Math::Join {
            return Shape::Text;
        }
        let known = |shape: &Shape| !matches!(shape, Shape::Any | Shape::Null);
        match (a.name(), b.name()) {
            _ if !known(&a) || !known(&b) => {
                let one = if known(&a) { &a } else { &b };
                let works = one.is(&["a number"]) || op == Math::Add && one.is(&["text", "a list"]);
                if !works {
                    let help = one.is(&["text"]).then_some(TEXT_HELP);
                    let value = self.shown(if known(&a) { left } else { right }, "this");
                    let message =
                        format!("`{}` does not work on {}, and {value} is that", op.sign(), one.name());
                    self.mixed(message, help, &node.span);
                }
                if known(one) && op != Math::Add { Shape::Number } else { Shape::Any }
            }
            ("a number", "a number") => Shape::Number,
            ("text", "text") if op == Math::Add => Shape::Text,
            ("a list", "a list") if op == Math::Add => Shape::any_list(),
            (a, b) => {
                let help = match (op, a, b) {
                    (Math::Add, "text", _) | (Math::Add, _, "text") => {
                        Some("`~` joins as text; `| int` or `| float` makes a number of a text")
                    }
                    (_, "text", _) | (_, _, "text") => Some(TEXT_HELP),
                    _ => None,
                };
                let (x, y) = (self.shown(left, "the left side"), self.shown(right, "the right side"));
                let message = format!("{x} is {a} and {y} is {b}: `{}` does not work on them", op.sign());
                self.mixed(message, help, &node.span);
                Shape::Any
            }
        }
    }

    fn compare(&mut self, first: &Node, ops: &[(Comparison, Node)]) -> Shape {
        let mut left = (self.node(first, false), first);
        for (op, node) in ops {
            let right = (self.node(node, false), node);
            let span = left.1.span.start..node.span.end;
            self.pair(*op, &left, &right, &span);
            left = right;
        }
        Shape::Bool
    }

    fn pair(&mut self, op: Comparison, left: &(Shape, &Node), right: &(Shape, &Node), span: &Range<usize>) {
        let ((a, a_node), (b, b_node)) = (left, right);
        let sign = op.sign();
        match op {
            Comparison::In | Comparison::NotIn => match b {
                Shape::Any | Shape::Null | Shape::List(_) => {
                    if let Shape::List(item) = b {
                        self.never(op, (a, a_node), (item, b_node), span);
                    }
                }
                Shape::Text | Shape::OneOf(_) | Shape::Map(..) => {
                    if !a.is(&["text"]) {
                        let value = self.shown(a_node, "this");
                        let what =
                            if matches!(b, Shape::Map(..)) { "a key of a map" } else { "a part of a text" };
                        let message = format!("{value} is {}, and {what} is always text", a.name());
                        self.mixed(message, None, span);
                    }
                }
                other => {
                    let (value, what) = (self.shown(b_node, "this"), other.name());
                    let message =
                        format!("`{sign}` looks into a list, a map or a text, and {value} is {what}");
                    self.mixed(message, None, span);
                }
            },
            _ if a.differs(b) => {
                let help = match (a.name(), b.name()) {
                    ("text", "a number") | ("a number", "text") => Some(TEXT_HELP),
                    ("text", "true or false") | ("true or false", "text") => {
                        Some("`| bool` makes true or false of such a text")
                    }
                    _ => None,
                };
                let bare = [a_node, b_node].into_iter().find_map(|node| match &node.kind {
                    NodeKind::Const(value) => value.as_str().map(str::to_owned),
                    _ => None,
                });
                let bare = bare
                    .filter(|text| text.parse::<f64>().is_ok() || matches!(text.as_str(), "true" | "false"));
                let bare = bare.map(|text| format!("leave out the quotes: `{text}`"));
                let help = bare.as_deref().or(help);
                let (left, right) =
                    (self.shown(a_node, "the left side"), self.shown(b_node, "the right side"));
                let (a, b) = (a.name(), b.name());
                self.mixed(
                    format!("{left} is {a} and {right} is {b}: `{sign}` can't compare them"),
                    help,
                    span,
                );
            }
            Comparison::Eq | Comparison::Ne => {
                let null = |node: &Node| matches!(&node.kind, NodeKind::Const(value) if value.is_none());
                if (*a == Shape::Null && !null(a_node)) || (*b == Shape::Null && !null(b_node)) {
                    self.mixed(format!("null can't be compared (`{sign}`)"), Some(NULL_HELP), span);
                }
                self.never(op, (a, a_node), (b, b_node), span);
            }
            _ => {
                let ordered = |shape: &Shape| shape.is(&["a number", "text"]);
                let sides = [(a, a_node), (b, b_node)];
                if let Some((odd, node)) = sides.into_iter().find(|(shape, _)| !ordered(shape)) {
                    let value = self.shown(node, "this");
                    let message =
                        format!("`{sign}` compares numbers or texts, and {value} is {}", odd.name());
                    self.mixed(message, None, span);
                }
            }
        }
    }

    /// Tells a text that is compared with what it never is.
    fn never(&mut self, op: Comparison, left: (&Shape, &Node), right: (&Shape, &Node), span: &Range<usize>) {
        let (Shape::OneOf(a), Shape::OneOf(b)) = (left.0, right.0) else { return };
        let written = |node: &Node| matches!(&node.kind, NodeKind::Const(_) | NodeKind::List(_));
        if a.iter().any(|word| b.contains(word)) || written(left.1) == written(right.1) {
            return;
        }
        let (values, words) = if written(left.1) { (b, a) } else { (a, b) };
        let quoted = |words: &[String]| {
            let mut shown: Vec<String> = words.iter().take(8).map(|word| format!("`{word}`")).collect();
            if words.len() > shown.len() {
                shown.push("…".to_owned());
            }
            shown.join(", ")
        };
        let value = self.shown(if written(left.1) { right.1 } else { left.1 }, "the value");
        let negated = matches!(op, Comparison::Ne | Comparison::NotIn);
        let always = if negated { "always" } else { "never" };
        let fault = Fault::new(
            format!("this {always} holds: {value} is {}", either(&quoted(values), values.len())),
            span.clone(),
        );
        // Any two single letters are near each other.
        let long = |word: &&String| word.chars().count() > 2;
        let near =
            words.iter().filter(long).find_map(|word| nearest(word, values.iter().map(String::as_str)));
        self.tell(
            Odd::Constant,
            match near {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault,
            },
        );
    }

    fn filter(&mut self, input: &Node, call: &Call, node: &Node) -> Shape {
        let name = &*call.name;
        let default = matches!(name, "default" | "d");
        let shape = self.node(input, default);
        let args: Vec<Shape> = call.args.iter().map(|arg| self.node(arg, default)).collect();
        call.named.iter().for_each(|(_, arg)| drop(self.node(arg, false)));
        let wanted: &[&str] = match name {
            "lower" | "upper" | "title" | "capitalize" | "trim" | "split" | "lines" | "replace"
            | "indent" => &["text"],
            "abs" | "round" => &["a number"],
            "dictsort" | "items" => &["a map"],
            "batch" | "groupby" | "max" | "min" | "slice" | "sort" | "unique" | "zip" => &["a list"],
            "first" | "last" | "length" | "count" | "list" | "reverse" => &["a list", "a map", "text"],
            _ => &[],
        };
        if !wanted.is_empty() && !shape.is(wanted) {
            let help = match (wanted[0], shape.name()) {
                ("text", "a number" | "true or false") => Some("`| string` makes a text of it"),
                ("a number", "text") => Some("`| int`, `| float` or `| quantity` makes a number of a text"),
                _ => None,
            };
            let what = match wanted {
                [one] => one,
                _ => "a list, a map or text",
            };
            self.mixed(
                format!(
                    "the filter `{name}` works on {what}, and {} is {}",
                    self.shown(input, "this"),
                    shape.name()
                ),
                help,
                &node.span,
            );
        }
        match name {
            "default" | "d" => args.into_iter().next().map_or(Shape::Any, |other| shape.or(other)),
            // With `default` they give that where it is no number.
            "float" | "int" if !call.args.is_empty() || !call.named.is_empty() => Shape::Any,
            "abs" | "ceil" | "count" | "duration" | "float" | "floor" | "int" | "length" | "quantity"
            | "round" => Shape::Number,
            "bool" => Shape::Bool,
            "bytes" | "lower" | "upper" | "title" | "capitalize" | "trim" | "replace" | "indent" | "join"
            | "string" | "quote" | "raw_shell" | "to_json" | "tojson" | "to_yaml" => Shape::Text,
            "lines" | "split" => Shape::List(Arc::new(Shape::Text)),
            "first" | "last" | "max" | "min" => match shape {
                Shape::List(item) => (*item).clone(),
                _ => Shape::Any,
            },
            "sort" | "unique" | "select" | "reject" | "selectattr" | "rejectattr" => match shape {
                Shape::List(item) => Shape::List(item),
                _ => Shape::Any,
            },
            _ => Shape::Any,
        }
    }
}

/// Returns a listing with `or` or `one of` before what is several.
fn either(listed: &str, count: usize) -> String {
    if count == 1 { listed.to_owned() } else { format!("one of {listed}") }
}

fn of_const(value: &Value) -> Shape {
    if held_of(value).is_some() {
        return Shape::Any;
    }
    match Kind::of(value) {
        Kind::Null => Shape::Null,
        Kind::Bool => Shape::Bool,
        Kind::Number => Shape::Number,
        Kind::Text => Shape::OneOf(Arc::new(vec![value.as_str().unwrap_or_default().to_owned()])),
        Kind::List => Shape::List(Arc::new(
            value
                .try_iter()
                .into_iter()
                .flatten()
                .map(|item| of_const(&item))
                .reduce(Shape::or)
                .unwrap_or(Shape::Any),
        )),
        Kind::Map => Shape::any_map(),
        Kind::Other => Shape::Any,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::template::{Engine, Scope};

    fn values() -> Vec<(&'static str, Json)> {
        vec![
            ("n", json!(3)),
            ("t", json!("x")),
            ("b", json!(true)),
            ("l", json!(["a", "b"])),
            ("m", json!({"k": "v", "w": "x"})),
        ]
    }

    fn shaped(src: &str) -> Shaped {
        let values: BTreeMap<&str, Shape> =
            values().into_iter().map(|(name, value)| (name, Shape::of(&value))).collect();
        Engine::new().shape_of_expr(src, &|name| values.get(name).cloned(), false).expect("is an expression")
    }

    fn evaluated(src: &str) -> Result<Json, Fault> {
        let mut scope = Scope::new();
        values().iter().for_each(|(name, value)| scope.set_json(*name, value));
        let value = Engine::new().expr(src, &scope)?;
        Ok(super::super::value::to_json(&value).expect("is data"))
    }

    /// Every pair of kinds under every operator, and every filter on every kind: what is a fault here is one there, and
    /// what is not is of the kind that was said.
    #[test]
    fn agrees_with_the_evaluator() {
        let names = [
            "n", "t", "b", "l", "m", "none", "'x'", "5", "m.k", "l[0]", "m[t]", "n.a", "t.a", "m[n]",
            "l['a']",
        ];
        let mut sources: Vec<String> = Vec::new();
        for a in names {
            for b in names {
                for op in ["+", "-", "*", "~", "==", "!=", "<", ">=", "in", "not in", "and", "or"] {
                    sources.push(format!("{a} {op} {b}"));
                }
                sources.push(format!("{a} if b else {b}"));
            }
            for filter in
                crate::template::FILTERS.iter().filter(|name| !matches!(**name, "raw_shell" | "quote"))
            {
                sources.push(format!("{a} | {filter}"));
            }
            sources.extend([
                format!("not {a}"),
                format!("-{a}"),
                format!("{a} is defined"),
                format!("[{a}]"),
                format!("range({a})"),
            ]);
        }
        let mut told = 0;
        for src in sources {
            let found = shaped(&src);
            let result = evaluated(&src);
            let mixed = found.faults.iter().any(|(odd, _)| *odd != Odd::Constant);
            told += usize::from(mixed);
            match &result {
                // A side of `and`, `or` and `if` that is not asked is no fault in the run, and wrong all the same.
                Ok(_) if [" and ", " or ", " if "].iter().any(|word| src.contains(word)) => {}
                Ok(value) => {
                    assert!(!mixed, "{src}: {:?} but it is {value}", found.faults);
                    assert!(
                        !found.shape.differs(&Shape::of(value)),
                        "{src}: {:?} but it is {value}",
                        found.shape
                    );
                }
                Err(_) => {}
            }
        }
        assert!(told > 500, "{told}");
    }

    #[test]
    fn one_cause_is_one_fault() {
        assert_eq!(shaped("(t * 2) + n == 'x'").faults.len(), 1);
        assert_eq!(shaped("t > 3 and n.x == 1").faults.len(), 2);
        assert_eq!(shaped("m.z | default(3) > 2 and m.z is defined").faults.len(), 0);
    }
}
