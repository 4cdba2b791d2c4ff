//! Source text → our own tree, by way of MiniJinja's parser.

use std::ops::Range;
use std::sync::Arc;

use minijinja::machinery::{Token, ast, parse, parse_expr, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::depth::guard;
use super::fault::{Fault, did_you_mean};
use super::filters::FILTERS;
use super::predicates::TESTS;
use super::syntax::{Call, Comparison, Math, Node, NodeKind, Part, Targets};
use super::value::Value;

/// Which delimiters a source has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// `{{ }}`, `{% %}` and `{# #}`.
    Text,
    /// As `Text` but without comments: in a command line `${#name}` and `{#` mean something else.
    Command,
    /// A bare expression.
    Expr,
}

/// Parses a text with `{{ … }}` and `{% … %}`.
pub(super) fn text(src: &str, mode: Mode) -> Result<Vec<Part>, Fault> {
    let syntax = syntax(mode);
    guard(src, false, &syntax)?;
    let root = parse(src, "", syntax).map_err(|error| syntax_fault(src, &error))?;
    let ast::Stmt::Template(root) = root else {
        return Err(Fault::new("this is not a template", 0..src.len()));
    };
    Lower { src }.parts(&root.children)
}

/// Parses a bare expression.
pub(super) fn expr(src: &str) -> Result<Node, Fault> {
    let bare = src.trim();
    if bare.is_empty() {
        return Err(Fault::new("an expression is missing", 0..src.len()));
    }
    if bare.starts_with("{{") && bare.ends_with("}}") {
        return Err(Fault::new("this is an expression already", 0..src.len())
            .help(format!("leave out the braces: `{}`", bare[2..bare.len() - 2].trim())));
    }
    guard(src, true, &SyntaxConfig::default())?;
    let root = parse_expr(src).map_err(|error| syntax_fault(src, &error))?;
    Lower { src }.node(&root)
}

/// Returns the byte ranges of the `{{ … }}` in `src`.
///
/// # Errors
///
/// [`Fault`] for text that doesn't split into tokens, and for `{% … %}` through `block`.
pub(super) fn emits(src: &str, block: impl Fn(Range<usize>) -> Fault) -> Result<Vec<Range<usize>>, Fault> {
    let mut found = Vec::new();
    let mut open = None;
    for token in tokenize(src, false, syntax(Mode::Command)) {
        let (token, span) = token.map_err(|error| syntax_fault(src, &error))?;
        match token {
            Token::VariableStart => open = Some(span.start_offset as usize),
            Token::VariableEnd => {
                let start = open.take().unwrap_or_default();
                found.push(start..span.end_offset as usize);
            }
            Token::BlockStart => return Err(block(span.start_offset as usize..span.end_offset as usize)),
            _ => {}
        }
    }
    match open {
        Some(start) => Err(Fault::new("`{{` is not closed", start..src.len())),
        None => Ok(found),
    }
}

fn syntax(mode: Mode) -> SyntaxConfig {
    let mut builder = SyntaxConfig::builder();
    // A line end at the end of a block scalar is the writer's; MiniJinja would eat it.
    builder.keep_trailing_newline(true);
    if mode == Mode::Command {
        // There is no way to say "no comments": these delimiters can't be typed by accident.
        builder.comment_delimiters("{#\u{1}", "\u{1}#}");
    }
    builder.build().expect("the delimiters differ from each other")
}

fn syntax_fault(src: &str, error: &minijinja::Error) -> Fault {
    let span = error.range().unwrap_or(0..src.len());
    // The lexer counts an odd letter as one byte.
    let span = src.floor_char_boundary(span.start)..src.ceil_char_boundary(span.end);
    let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    Fault::new(reworded(&message), span)
}

/// Returns a parser's message in words that somebody knows who never wrote a parser.
fn reworded(message: &str) -> String {
    let named = |what: &str| match what {
        "end of variable block" => "`}}`".to_owned(),
        "end of block" => "`%}`".to_owned(),
        "identifier" => "a name".to_owned(),
        "identifier or integer" => "a name or a number".to_owned(),
        "end of input" => "the end".to_owned(),
        what => what.to_owned(),
    };
    match message.strip_prefix("unexpected ").map(|rest| rest.split_once(", expected ").unwrap_or((rest, "")))
    {
        None => message.to_owned(),
        Some(("end of string", _)) => "a text is not closed: its last quote is missing".to_owned(),
        Some(("input after expression", _)) => "the expression is over before this".to_owned(),
        Some((found, "")) => format!("{} is out of place here", named(found)),
        Some(("end of input", "end of block")) => "a `{% … %}` is not closed by its end".to_owned(),
        Some(("end of input", wanted)) => format!("{} is missing at the end", named(wanted)),
        Some((found, wanted)) => format!("{} stands where {} is wanted", named(found), named(wanted)),
    }
}

struct Lower<'s> {
    src: &'s str,
}

/// Returns the fault for what MiniJinja knows and the runbook language leaves out.
fn not_ours(what: &str, span: Range<usize>) -> Fault {
    Fault::new(format!("{what} is not part of the runbook language"), span)
}

fn range(span: minijinja::machinery::Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

impl Lower<'_> {
    /// MiniJinja starts some spans at the token before; those that hold white space at an end are trimmed.
    fn tidy(&self, span: Range<usize>) -> Range<usize> {
        let Some(text) = self.src.get(span.clone()) else { return 0..self.src.len() };
        let start = span.start + (text.len() - text.trim_start().len());
        start..(start + text.trim().len())
    }

    fn parts(&self, stmts: &[ast::Stmt<'_>]) -> Result<Vec<Part>, Fault> {
        stmts.iter().map(|stmt| self.part(stmt)).collect()
    }

    fn part(&self, stmt: &ast::Stmt<'_>) -> Result<Part, Fault> {
        Ok(match stmt {
            ast::Stmt::EmitRaw(raw) => {
                // The raw text is a slice of the source: white space control may have moved its start.
                let start = (raw.raw.as_ptr() as usize).wrapping_sub(self.src.as_ptr() as usize);
                Part::Raw(raw.raw.into(), start.min(self.src.len()))
            }
            ast::Stmt::EmitExpr(emit) => {
                let node = self.node(&emit.expr)?;
                let whole = range(emit.span()).start..self.close(node.span.end);
                Part::Emit(node, whole)
            }
            ast::Stmt::IfCond(cond) => Part::If {
                test: self.node(&cond.expr)?,
                then: self.parts(&cond.true_body)?,
                other: self.parts(&cond.false_body)?,
            },
            ast::Stmt::ForLoop(each) if !each.recursive => Part::For {
                targets: self.targets(&each.target)?,
                iter: self.node(&each.iter)?,
                filter: each.filter_expr.as_ref().map(|filter| self.node(filter)).transpose()?,
                body: self.parts(&each.body)?,
                other: self.parts(&each.else_body)?,
            },
            ast::Stmt::Set(set) => {
                Part::Set { targets: self.targets(&set.target)?, value: self.node(&set.expr)? }
            }
            other => {
                let (what, span) = foreign(other);
                let fault = not_ours(what, self.tidy(range(span)));
                return Err(fault.help("texts have {{ … }}, {% if %}, {% for %}, {% set %} and {# … #}"));
            }
        })
    }

    /// Returns the end of the `}}` that follows `from`, for spans of whole `{{ … }}`.
    fn close(&self, from: usize) -> usize {
        self.src.get(from..).and_then(|rest| rest.find("}}")).map_or(self.src.len(), |at| from + at + 2)
    }

    fn targets(&self, target: &ast::Expr<'_>) -> Result<Targets, Fault> {
        let span = self.tidy(range(target.span()));
        let name = |expr: &ast::Expr<'_>| match expr {
            ast::Expr::Var(var) => Ok(Arc::from(var.id)),
            other => Err(not_ours("setting anything but a name", self.tidy(range(other.span())))),
        };
        match target {
            ast::Expr::List(list) => {
                Ok(Targets::Several(list.items.iter().map(name).collect::<Result<_, _>>()?, span))
            }
            other => Ok(Targets::One(name(other)?)),
        }
    }

    fn node(&self, expr: &ast::Expr<'_>) -> Result<Node, Fault> {
        let own = self.tidy(range(expr.span()));
        match expr {
            ast::Expr::Var(var) => Ok(Node { kind: NodeKind::Name(var.id.into()), span: own }),
            ast::Expr::Const(constant) => {
                Ok(Node { kind: NodeKind::Const(constant.value.clone()), span: own })
            }
            ast::Expr::GetAttr(attr) => {
                let base = self.node(&attr.expr)?;
                let span = base.span.start..own.end;
                Ok(Node { kind: NodeKind::Attr(Box::new(base), attr.name.into()), span })
            }
            ast::Expr::GetItem(item) => {
                let base = self.node(&item.expr)?;
                let span = base.span.start..own.end;
                let index = self.node(&item.subscript_expr)?;
                Ok(Node { kind: NodeKind::Item(Box::new(base), Box::new(index)), span })
            }
            ast::Expr::Slice(slice) => self.slice(slice, own),
            ast::Expr::UnaryOp(unary) => self.unary(unary, own),
            ast::Expr::BinOp(binary) => self.binary(binary),
            ast::Expr::Compare(compare) => self.compare(compare),
            ast::Expr::IfExpr(choose) => self.choose(choose, own),
            ast::Expr::Filter(filter) => self.filter(filter, own),
            ast::Expr::Test(test) => self.test(test, own),
            ast::Expr::Call(call) => self.call(call, own),
            ast::Expr::List(list) => Ok(Node { kind: NodeKind::List(self.nodes(&list.items)?), span: own }),
            ast::Expr::Tuple(tuple) => {
                Ok(Node { kind: NodeKind::List(self.nodes(&tuple.items)?), span: own })
            }
            ast::Expr::Map(map) => {
                let entries = map.keys.iter().zip(&map.values);
                let entries = entries
                    .map(|(key, value)| Ok((self.node(key)?, self.node(value)?)))
                    .collect::<Result<_, Fault>>()?;
                Ok(Node { kind: NodeKind::Map(entries), span: own })
            }
        }
    }

    fn nodes(&self, items: &[ast::Expr<'_>]) -> Result<Vec<Node>, Fault> {
        items.iter().map(|item| self.node(item)).collect()
    }

    fn slice(&self, slice: &ast::Slice<'_>, own: Range<usize>) -> Result<Node, Fault> {
        let base = self.node(&slice.expr)?;
        let span = base.span.start..own.end;
        let bound = |expr: &Option<ast::Expr<'_>>| {
            expr.as_ref().map(|expr| self.node(expr).map(Box::new)).transpose()
        };
        let bounds = [bound(&slice.start)?, bound(&slice.stop)?, bound(&slice.step)?];
        Ok(Node { kind: NodeKind::Slice(Box::new(base), bounds), span })
    }

    fn unary(&self, unary: &ast::UnaryOp<'_>, own: Range<usize>) -> Result<Node, Fault> {
        // `a not in b` and `a is not b` come as a `not` around the rest; `not in` has a form of its own here so
        // that its faults name what was written.
        let inner = self.node(&unary.expr)?;
        match unary.op {
            ast::UnaryOpKind::Not => {
                let span = own.start.min(inner.span.start)..inner.span.end.max(own.start);
                match inner.kind {
                    NodeKind::Compare(left, mut ops)
                        if ops.len() == 1
                            && ops[0].0 == Comparison::In
                            && self.infix_not(&left, &ops[0].1) =>
                    {
                        ops[0].0 = Comparison::NotIn;
                        Ok(Node { kind: NodeKind::Compare(left, ops), span: inner.span })
                    }
                    kind => {
                        let inner = Node { kind, span: inner.span };
                        Ok(Node { kind: NodeKind::Not(Box::new(inner)), span })
                    }
                }
            }
            ast::UnaryOpKind::Neg => {
                let span = own.start..inner.span.end;
                Ok(Node { kind: NodeKind::Neg(Box::new(inner)), span })
            }
        }
    }

    /// Says whether a `not` stands between the two, as in `a not in b`.
    fn infix_not(&self, left: &Node, right: &Node) -> bool {
        let between = self.src.get(left.span.end..right.span.start).unwrap_or_default();
        between.split_whitespace().any(|word| word.trim_matches(['(', ')']) == "not")
    }

    fn binary(&self, binary: &ast::BinOp<'_>) -> Result<Node, Fault> {
        let left = Box::new(self.node(&binary.left)?);
        let right = self.node(&binary.right)?;
        let span = left.span.start..right.span.end;
        let compare = |op, left, right| NodeKind::Compare(left, vec![(op, right)]);
        let math = |op, left, right| NodeKind::Math(op, left, Box::new(right));
        let kind = match binary.op {
            ast::BinOpKind::Eq => compare(Comparison::Eq, left, right),
            ast::BinOpKind::Ne => compare(Comparison::Ne, left, right),
            ast::BinOpKind::Lt => compare(Comparison::Lt, left, right),
            ast::BinOpKind::Lte => compare(Comparison::Le, left, right),
            ast::BinOpKind::Gt => compare(Comparison::Gt, left, right),
            ast::BinOpKind::Gte => compare(Comparison::Ge, left, right),
            ast::BinOpKind::In => compare(Comparison::In, left, right),
            ast::BinOpKind::ScAnd => NodeKind::And(left, Box::new(right)),
            ast::BinOpKind::ScOr => NodeKind::Or(left, Box::new(right)),
            ast::BinOpKind::Add => math(Math::Add, left, right),
            ast::BinOpKind::Sub => math(Math::Sub, left, right),
            ast::BinOpKind::Mul => math(Math::Mul, left, right),
            ast::BinOpKind::Div => math(Math::Div, left, right),
            ast::BinOpKind::FloorDiv => math(Math::FloorDiv, left, right),
            ast::BinOpKind::Rem => math(Math::Rem, left, right),
            ast::BinOpKind::Pow => math(Math::Pow, left, right),
            ast::BinOpKind::Concat => math(Math::Join, left, right),
        };
        Ok(Node { kind, span })
    }

    fn compare(&self, compare: &ast::Compare<'_>) -> Result<Node, Fault> {
        let first = self.node(&compare.expr)?;
        let start = first.span.start;
        let mut end = first.span.end;
        let mut ops = Vec::new();
        for op in &compare.ops {
            let right = self.node(&op.expr)?;
            end = right.span.end;
            let comparison = match op.op {
                ast::CompareOpKind::Eq => Comparison::Eq,
                ast::CompareOpKind::Ne => Comparison::Ne,
                ast::CompareOpKind::Lt => Comparison::Lt,
                ast::CompareOpKind::Lte => Comparison::Le,
                ast::CompareOpKind::Gt => Comparison::Gt,
                ast::CompareOpKind::Gte => Comparison::Ge,
                ast::CompareOpKind::In => Comparison::In,
                ast::CompareOpKind::NotIn => Comparison::NotIn,
            };
            ops.push((comparison, right));
        }
        Ok(Node { kind: NodeKind::Compare(Box::new(first), ops), span: start..end })
    }

    fn choose(&self, choose: &ast::IfExpr<'_>, own: Range<usize>) -> Result<Node, Fault> {
        let then = self.node(&choose.true_expr)?;
        let test = self.node(&choose.test_expr)?;
        let span = then.span.start..own.end;
        let Some(other) = &choose.false_expr else {
            return Err(Fault::new("`… if …` has no `else`", span).help("write `… if … else …`"));
        };
        let other = self.node(other)?;
        Ok(Node { kind: NodeKind::Choose(Box::new([test, then, other])), span })
    }

    fn filter(&self, filter: &ast::Filter<'_>, own: Range<usize>) -> Result<Node, Fault> {
        let Some(input) = &filter.expr else {
            return Err(not_ours("a filter without a value", own));
        };
        if !FILTERS.contains(&filter.name) {
            let mut fault = Fault::new(format!("there is no filter `{}`", filter.name), own);
            fault.help = did_you_mean(filter.name, FILTERS.iter().copied());
            return Err(fault);
        }
        let input = self.node(input)?;
        let span = input.span.start..own.end;
        let call = self.args(filter.name, &filter.args)?;
        let (place, known, what) = match filter.name {
            "map" => (0, FILTERS, "filter"),
            "select" | "reject" => (0, TESTS, "test"),
            _ => (1, TESTS, "test"),
        };
        if matches!(filter.name, "map" | "select" | "reject" | "selectattr" | "rejectattr")
            && let Some(Node { kind: NodeKind::Const(name), span }) = call.args.get(place)
            && let Some(name) = name.as_str()
            && !known.contains(&name)
        {
            let mut fault = Fault::new(format!("there is no {what} `{name}`"), span.clone());
            fault.help = did_you_mean(name, known.iter().copied());
            return Err(fault);
        }
        Ok(Node { kind: NodeKind::Filter(Box::new(input), call), span })
    }

    fn test(&self, test: &ast::Test<'_>, own: Range<usize>) -> Result<Node, Fault> {
        if !TESTS.contains(&test.name) {
            let mut fault = Fault::new(format!("there is no test `is {}`", test.name), own);
            fault.help = did_you_mean(test.name, TESTS.iter().copied());
            return Err(fault);
        }
        let input = self.node(&test.expr)?;
        let span = input.span.start..own.end;
        let call = self.args(test.name, &test.args)?;
        Ok(Node { kind: NodeKind::Test(Box::new(input), call), span })
    }

    fn args(&self, name: &str, args: &[ast::CallArg<'_>]) -> Result<Call, Fault> {
        let mut call = Call { name: name.into(), args: Vec::new(), named: Vec::new() };
        for arg in args {
            match arg {
                ast::CallArg::Pos(expr) => call.args.push(self.node(expr)?),
                ast::CallArg::Kwarg(name, expr) => call.named.push(((*name).into(), self.node(expr)?)),
                ast::CallArg::PosSplat(expr) | ast::CallArg::KwargSplat(expr) => {
                    return Err(not_ours("`*` before an argument", self.tidy(range(expr.span()))));
                }
            }
        }
        Ok(call)
    }

    fn call(&self, call: &ast::Call<'_>, own: Range<usize>) -> Result<Node, Fault> {
        match &call.expr {
            ast::Expr::Var(var) if var.id == "range" => {
                let args = self.args("range", &call.args)?;
                if !args.named.is_empty() || !(1..=3).contains(&args.args.len()) {
                    return Err(Fault::new("`range` takes one to three numbers", own));
                }
                Ok(Node { kind: NodeKind::Range(args.args), span: own })
            }
            ast::Expr::Var(var) => {
                let fault = Fault::new(format!("there is no function `{}`", var.id), own);
                Err(if FILTERS.contains(&var.id) {
                    fault.help(format!("`{0}` is a filter: write `… | {0}`", var.id))
                } else {
                    fault.help("the only function is `range(…)`; everything else is a filter")
                })
            }
            ast::Expr::GetAttr(attr) => {
                let base = self.tidy(range(attr.expr.span()));
                let fault = not_ours(&format!("the method `{}()`", attr.name), base.start..own.end);
                Err(fault.help(method_help(attr.name)))
            }
            _ => Err(not_ours("calling a value", own)),
        }
    }
}

/// Returns what stands in for the method of a Python habit.
fn method_help(name: &str) -> String {
    let instead = match name {
        "strip" | "lstrip" | "rstrip" | "trim" => "… | trim",
        "startswith" => "… is startingwith('…')",
        "endswith" => "… is endingwith('…')",
        "get" => "….name | default(…)",
        "keys" => "… | list",
        "values" => "… | items | map(attribute=1)",
        "splitlines" => "… | lines",
        "format" => "… ~ …",
        "contains" | "find" | "count" | "index" => "'…' in …",
        "append" | "extend" => "… + […]",
        known if FILTERS.contains(&known) => return format!("write `… | {known}`"),
        _ => return "filters do what methods do elsewhere: `… | name`".to_owned(),
    };
    format!("write `{instead}`")
}

/// Returns what a statement that we leave out is called, and its span.
fn foreign(stmt: &ast::Stmt<'_>) -> (&'static str, minijinja::machinery::Span) {
    match stmt {
        ast::Stmt::Template(s) => ("a template inside a text", s.span()),
        ast::Stmt::EmitExpr(s) => ("this", s.span()),
        ast::Stmt::EmitRaw(s) => ("this", s.span()),
        ast::Stmt::ForLoop(s) => ("`recursive`", s.span()),
        ast::Stmt::IfCond(s) => ("this", s.span()),
        ast::Stmt::Set(s) => ("this", s.span()),
        ast::Stmt::WithBlock(s) => ("`{% with %}`", s.span()),
        ast::Stmt::SetBlock(s) => ("`{% set %}` without `=`", s.span()),
        ast::Stmt::AutoEscape(s) => ("`{% autoescape %}`", s.span()),
        ast::Stmt::FilterBlock(s) => ("`{% filter %}`", s.span()),
        ast::Stmt::Block(s) => ("`{% block %}`", s.span()),
        ast::Stmt::Import(s) => ("`{% import %}`", s.span()),
        ast::Stmt::FromImport(s) => ("`{% from %}`", s.span()),
        ast::Stmt::Extends(s) => ("`{% extends %}`", s.span()),
        ast::Stmt::Include(s) => ("`{% include %}`", s.span()),
        ast::Stmt::Macro(s) => ("`{% macro %}`", s.span()),
        ast::Stmt::CallBlock(s) => ("`{% call %}`", s.span()),
        ast::Stmt::Continue(s) => ("`{% continue %}`", s.span()),
        ast::Stmt::Break(s) => ("`{% break %}`", s.span()),
        ast::Stmt::Do(s) => ("`{% do %}`", s.span()),
    }
}

/// Returns the value of a constant name that an attribute path can go on through.
pub(super) fn constant_key(node: &Node) -> Option<String> {
    match &node.kind {
        NodeKind::Const(value) => {
            value.as_str().map(str::to_owned).or_else(|| value.is_integer().then(|| Value::to_string(value)))
        }
        _ => None,
    }
}
