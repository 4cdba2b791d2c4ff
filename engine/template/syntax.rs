//! A parsed text or expression: our own small tree, which owns what it holds and can be shared and kept.
//!
//! MiniJinja's tree borrows its source and is left behind at once; only what is part of the runbook language has a
//! form here, so the evaluator has no case for the rest.

use std::ops::Range;
use std::sync::Arc;

use super::value::Value;

/// An expression and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    pub kind: NodeKind,
    pub span: Range<usize>,
}

/// What an expression is.
#[derive(Debug)]
pub(super) enum NodeKind {
    Const(Value),
    Name(Arc<str>),
    Attr(Box<Node>, Arc<str>),
    Item(Box<Node>, Box<Node>),
    Slice(Box<Node>, [Option<Box<Node>>; 3]),
    Not(Box<Node>),
    Neg(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Math(Math, Box<Node>, Box<Node>),
    /// `a < b < c`: each neighbour is compared.
    Compare(Box<Node>, Vec<(Comparison, Node)>),
    /// The condition, what holds when it is true, what holds when it is false.
    Choose(Box<[Node; 3]>),
    Filter(Box<Node>, Call),
    Test(Box<Node>, Call),
    /// `range(…)`, the only function.
    Range(Vec<Node>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// A filter or test with its arguments.
#[derive(Debug)]
pub(super) struct Call {
    pub name: Arc<str>,
    pub args: Vec<Node>,
    pub named: Vec<(Arc<str>, Node)>,
}

/// An operator on numbers, texts and lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Math {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Rem,
    Pow,
    /// `~`: joins as text.
    Join,
}

impl Math {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Math::Add => "+",
            Math::Sub => "-",
            Math::Mul => "*",
            Math::Div => "/",
            Math::FloorDiv => "//",
            Math::Rem => "%",
            Math::Pow => "**",
            Math::Join => "~",
        }
    }
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
}

impl Comparison {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Comparison::Eq => "==",
            Comparison::Ne => "!=",
            Comparison::Lt => "<",
            Comparison::Le => "<=",
            Comparison::Gt => ">",
            Comparison::Ge => ">=",
            Comparison::In => "in",
            Comparison::NotIn => "not in",
        }
    }
}

/// A part of a text.
#[derive(Debug)]
pub(super) enum Part {
    /// Text as it is, and its first byte in the source.
    Raw(Arc<str>, usize),
    /// `{{ … }}`, with the span of the whole.
    Emit(Node, Range<usize>),
    If {
        test: Node,
        then: Vec<Part>,
        other: Vec<Part>,
    },
    For {
        targets: Targets,
        iter: Node,
        filter: Option<Node>,
        body: Vec<Part>,
        other: Vec<Part>,
    },
    Set {
        targets: Targets,
        value: Node,
    },
}

/// The names that a `for` or `set` gives values to.
#[derive(Debug)]
pub(super) enum Targets {
    One(Arc<str>),
    /// `a, b`: the value is a list with as many elements.
    Several(Vec<Arc<str>>, Range<usize>),
}
