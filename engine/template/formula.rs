//! What makes a value that only the run can know, for whoever must make it by hand: its expression with what is known
//! written out, so that nobody has to look up what `item` was.
//!
//! Two expressions over the same unknown value are two values: each has a key that holds all that it is made of.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use super::eval::{Eval, Truth};
use super::foreseen::{is_derived, json, part_of};
use super::syntax::{Node, NodeKind, Part, Targets};
use super::value::{Kind, MAX_DEPTH, Value, held, held_of, secret_of, taint, to_json, unknown_of};
use crate::model::{Made, Piece, Rendered, Unknown};

/// Of longer texts the name says more.
const LONGEST: usize = 80;

/// And of longer lists and maps.
const LONGEST_TABLE: usize = 30;

/// How many names are looked up for one text; what has more is told without a formula.
const MOST: usize = 20_000;

/// How many bytes a formula may have, and a key: in `{% set b = a + a %}` each level has what is below it twice, and nobody
/// works out by hand what fills several screens.
const LONGEST_MADE: usize = 4096;

/// How many bytes of them are written for one text.
const MOST_MADE: usize = 4 << 20;

/// How what is made of unknown values is told.
pub(super) struct Telling<'e> {
    src: &'e str,
    /// The conditions that are taken for decided, by their keys.
    assumed: &'e [(String, bool)],
    looked_up: usize,
    /// How many bytes were written.
    made: usize,
}

impl<'e> Telling<'e> {
    pub(super) fn new(src: &'e str, assumed: &'e [(String, bool)]) -> Telling<'e> {
        Telling { src, assumed, looked_up: 0, made: 0 }
    }
}

/// An expression while it is written out: for people, and whole. What is too long is cut, and no formula.
#[derive(Default)]
struct Written {
    formula: Rendered,
    /// How many bytes the formula has.
    length: usize,
    key: String,
    script: bool,
}

impl Written {
    fn is_too_long(&self) -> bool {
        self.length > LONGEST_MADE || self.key.len() > LONGEST_MADE
    }

    fn weight(&self) -> usize {
        self.length + self.key.len()
    }

    fn piece(&mut self, piece: &Piece) {
        if self.is_too_long() {
            return;
        }
        self.length += match piece {
            Piece::Plain(text) | Piece::Secret(text) => text.len(),
            Piece::Unknown(of) => of.origin.len() + size_of::<Piece>(),
        };
        if !self.is_too_long() {
            self.formula.push(piece.clone());
        }
    }

    fn shown(&mut self, text: &str) {
        self.length = self.length.saturating_add(text.len());
        if !self.is_too_long() {
            self.formula.push_str(text);
        }
    }

    fn keyed(&mut self, text: &str) {
        if !self.is_too_long() {
            self.key.push_str(text);
        }
    }

    fn plain(&mut self, text: &str) {
        self.shown(text);
        self.keyed(text);
    }

    fn unknown(&mut self, of: &Unknown) {
        match &of.made {
            None => {
                self.piece(&Piece::Unknown(Unknown::of(of.origin.clone())));
                // No text of an expression has these, so no key of one value is that of another.
                self.keyed(&format!("‹{}›", of.origin));
            }
            Some(made) => {
                self.shown("(");
                made.formula.pieces.iter().for_each(|piece| self.piece(piece));
                self.shown(")");
                self.keyed(&format!("({})", made.key));
                self.script |= made.script;
            }
        }
    }

    fn add(&mut self, other: &Written) {
        other.formula.pieces.iter().for_each(|piece| self.piece(piece));
        self.keyed(&other.key);
        self.script |= other.script;
    }

    fn made(self) -> Option<Made> {
        if self.is_too_long() {
            return None;
        }
        let Written { formula, key, script, .. } = self;
        Some(Made { formula, key, script })
    }
}

fn is_untold(of: &Unknown) -> bool {
    is_derived(of) && of.made.is_none()
}

impl Eval<'_> {
    /// Returns what a condition is taken for.
    pub(super) fn assumed(&self, of: Unknown) -> Truth {
        // Of what nobody can tell how it is made, no two are the same, and what is assumed of one says nothing of the other.
        let telling = self.telling.as_ref().filter(|_| !is_untold(&of));
        let known = telling.and_then(|telling| telling.assumed.iter().find(|(key, _)| key == of.key()));
        match known {
            Some((_, true)) => Truth::True,
            Some((_, false)) => Truth::False,
            None => Truth::Unknown(of),
        }
    }

    /// Returns a value that this node gave, with what makes it where this node made it of an unknown one.
    pub(super) fn told(&mut self, node: &Node, value: Value) -> Value {
        let Some(text) = held_of(&value) else { return value };
        let untold = |piece: &Piece| matches!(piece, Piece::Unknown(of) if is_untold(of));
        if !text.pieces.iter().any(untold) {
            return value;
        }
        let Some(made) = self.written(&[node], node.span.clone(), &mut Vec::new()) else { return value };
        let made = Arc::new(made);
        let with = |piece: &Piece| match piece {
            Piece::Unknown(of) if is_untold(of) => {
                Piece::Unknown(Unknown { made: Some(Arc::clone(&made)), ..of.clone() })
            }
            other => other.clone(),
        };
        held(Rendered { pieces: text.pieces.iter().map(with).collect() })
    }

    /// Returns what stands for a `{% if %}` or `{% for %}` over what is not known.
    pub(super) fn told_block(&mut self, part: &Part, of: Unknown) -> Value {
        let made = self.telling.as_ref().and_then(|telling| block(telling.src, part)).and_then(|span| {
            let (mut nodes, mut hidden) = (Vec::new(), Vec::new());
            nodes_of(part, &mut nodes, &mut hidden);
            self.written(&nodes, span, &mut hidden)
        });
        // In a script it is text of the script.
        let made = made.map(|made| Arc::new(Made { script: true, ..made }));
        unknown_of(Unknown { made, ..of })
    }

    /// Returns an element of a list that is not known.
    pub(super) fn told_part(&self, value: &Value, number: usize) -> Option<Value> {
        self.telling.as_ref()?;
        let [Piece::Unknown(of)] = held_of(value)?.pieces.as_slice() else { return None };
        let made = match &of.made {
            Some(_) => {
                let mut written = Written::default();
                written.unknown(of);
                written.plain(&format!("[{number}]"));
                Some(Arc::new(written.made()?))
            }
            None if is_derived(of) => return None,
            None => None,
        };
        let origin =
            if made.is_some() { of.origin.clone() } else { part_of(&of.origin, &Value::from(number)) };
        Some(unknown_of(Unknown { origin, made, ..of.clone() }))
    }

    /// Writes the source of these nodes out.
    fn written(&mut self, nodes: &[&Node], span: Range<usize>, hidden: &mut Vec<Arc<str>>) -> Option<Made> {
        let Telling { src, assumed, looked_up, made } = self.telling.take()?;
        let spent = (self.steps, self.made);
        let mut writing = Writing {
            src,
            looked_up,
            made: 0,
            hidden,
            script: false,
            found: Vec::new(),
            lost: made > MOST_MADE,
        };
        nodes.iter().for_each(|node| writing.node(self, node));
        let Writing { looked_up, made: weight, mut found, script, lost, .. } = writing;
        // What is told may not make an evaluation fail that would not.
        (self.steps, self.made) = spent;
        let made = made.saturating_add(weight).saturating_add(span.len());
        self.telling = Some(Telling { src, assumed, looked_up, made });
        if lost || looked_up > MOST {
            return None;
        }
        found.sort_by_key(|(span, _)| span.start);
        let span = balanced(src, span);
        let mut whole = Written { script, ..Written::default() };
        let mut at = span.start;
        for (place, written) in found {
            if place.start < at || place.end > span.end {
                continue;
            }
            whole.plain(&flat(src.get(at..place.start)?));
            at = place.end;
            whole.add(&written);
        }
        let mut rest = src.get(at..span.end)?.to_owned();
        // `a is not b` is a `not` around `a is b`, which stands in the very same text.
        if let [Node { kind: NodeKind::Test(subject, _), .. }] = nodes
            && src.get(subject.span.end..span.end)?.split_whitespace().nth(1) == Some("not")
        {
            rest = rest.replacen(" not", "", 1);
        }
        whole.plain(&flat(&rest));
        whole.made()
    }
}

/// An expression is read in a line of its own.
fn flat(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut lines = text.split('\n');
    out.push_str(lines.next().unwrap_or_default());
    for line in lines {
        out.truncate(out.trim_end().len());
        out.push(' ');
        out.push_str(line.trim_start());
    }
    out
}

/// The names of an expression while they are looked up.
struct Writing<'w> {
    src: &'w str,
    looked_up: usize,
    /// Names that a loop gives values to: what they are outside of it is something else.
    hidden: &'w mut Vec<Arc<str>>,
    script: bool,
    found: Vec<(Range<usize>, Written)>,
    /// How many bytes were written.
    made: usize,
    /// Whether it is too long, or made of what could not be told: its name says nothing where it is read.
    lost: bool,
}

impl Writing<'_> {
    fn node(&mut self, eval: &mut Eval<'_>, node: &Node) {
        if matches!(node.kind, NodeKind::Name(_) | NodeKind::Attr(..) | NodeKind::Item(..))
            && self.is_seen(node)
        {
            self.looked_up += 1;
            if self.lost || self.looked_up > MOST {
                return;
            }
            if let Ok(value) = eval.soft(node) {
                if let Some(written) = self.literal(&value, node) {
                    self.made += written.weight();
                    self.lost = written.is_too_long() || self.made > 4 * LONGEST_MADE;
                    return self.found.push((balanced(self.src, node.span.clone()), written));
                }
                let untold = |piece: &Piece| matches!(piece, Piece::Unknown(of) if is_untold(of));
                let is_name = matches!(node.kind, NodeKind::Name(_));
                if is_name && held_of(&value).is_some_and(|text| text.pieces.iter().any(untold)) {
                    self.lost = true;
                    return;
                }
            }
        }
        if let NodeKind::Filter(_, call) = &node.kind {
            let quote = |name: &str| matches!(name, "quote" | "raw_shell");
            let by_name =
                |arg: &Node| matches!(&arg.kind, NodeKind::Const(name) if name.as_str().is_some_and(quote));
            self.script |= quote(&call.name) || call.args.iter().any(by_name);
        }
        children(node, &mut |child| self.node(eval, child));
    }

    /// Says whether no name in it is one that a loop gives.
    fn is_seen(&self, node: &Node) -> bool {
        if matches!(&node.kind, NodeKind::Name(name) if self.hidden.contains(name)) {
            return false;
        }
        let mut seen = true;
        children(node, &mut |child| seen &= self.is_seen(child));
        seen
    }

    fn literal(&self, value: &Value, node: &Node) -> Option<Written> {
        let mut written = Written::default();
        if let Some(text) = held_of(value) {
            let untold = |piece: &Piece| matches!(piece, Piece::Unknown(of) if is_untold(of));
            if text.secret().is_some() || text.pieces.iter().any(untold) {
                return None;
            }
            if let [Piece::Unknown(of)] = text.pieces.as_slice() {
                written.unknown(of);
                return Some(written);
            }
            written.plain("(");
            for (number, piece) in text.pieces.iter().enumerate() {
                written.plain(if number == 0 { "" } else { " ~ " });
                match piece {
                    Piece::Plain(text) => written.plain(&quoted(text)),
                    Piece::Unknown(of) => written.unknown(of),
                    Piece::Secret(_) => return None,
                }
            }
            written.plain(")");
            return Some(written);
        }
        if value.is_undefined() || secret_of(value).is_some() {
            return None;
        }
        if taint(value).is_some() {
            let mut text = Rendered::default();
            json(&mut text, value, MAX_DEPTH)?;
            for piece in &text.pieces {
                match piece {
                    Piece::Plain(text) => written.plain(text),
                    Piece::Unknown(of) if is_untold(of) => return None,
                    Piece::Unknown(of) => written.unknown(of),
                    Piece::Secret(_) => return None,
                }
            }
            return Some(written);
        }
        let text = match (Kind::of(value), value.as_str()) {
            (Kind::Null, _) => "none".to_owned(),
            (_, Some(text)) => quoted(text),
            _ => to_json(value).ok()?.to_string(),
        };
        let table = matches!(Kind::of(value), Kind::List | Kind::Map);
        if text.len() <= if table { LONGEST_TABLE } else { LONGEST } {
            written.plain(&text);
        } else {
            let mut hasher = DefaultHasher::new();
            text.hash(&mut hasher);
            written.shown(&flat(self.src.get(balanced(self.src, node.span.clone()))?));
            written.keyed(&format!("‹{:x}›", hasher.finish()));
        }
        Some(written)
    }
}

/// Returns a text as an expression has it.
fn quoted(text: &str) -> String {
    if text.contains(|c: char| c == '\'' || c == '\\' || c.is_control()) {
        return serde_json::Value::from(text).to_string();
    }
    format!("'{text}'")
}

fn children(node: &Node, visit: &mut dyn FnMut(&Node)) {
    match &node.kind {
        NodeKind::Const(_) | NodeKind::Name(_) => {}
        NodeKind::Attr(one, _) | NodeKind::Not(one) | NodeKind::Neg(one) => visit(one),
        NodeKind::Item(one, other)
        | NodeKind::And(one, other)
        | NodeKind::Or(one, other)
        | NodeKind::Math(_, one, other) => [one, other].into_iter().for_each(|node| visit(node)),
        NodeKind::Slice(one, bounds) => {
            visit(one);
            bounds.iter().flatten().for_each(|node| visit(node));
        }
        NodeKind::Compare(first, ops) => {
            visit(first);
            ops.iter().for_each(|(_, node)| visit(node));
        }
        NodeKind::Choose(parts) => parts.iter().for_each(visit),
        NodeKind::Filter(one, call) | NodeKind::Test(one, call) => {
            visit(one);
            call.args.iter().chain(call.named.iter().map(|(_, node)| node)).for_each(visit);
        }
        NodeKind::Range(nodes) | NodeKind::List(nodes) => nodes.iter().for_each(visit),
        NodeKind::Map(entries) => entries.iter().for_each(|(key, value)| {
            visit(key);
            visit(value);
        }),
    }
}

/// Lists the expressions of a part of a text, and the names that it gives values to.
fn nodes_of<'p>(part: &'p Part, nodes: &mut Vec<&'p Node>, hidden: &mut Vec<Arc<str>>) {
    let mut names = |targets: &Targets| match targets {
        Targets::One(name) => hidden.push(name.clone()),
        Targets::Several(names, _) => hidden.extend(names.iter().cloned()),
    };
    match part {
        Part::Raw(..) => {}
        Part::Emit(node, _) => nodes.push(node),
        Part::Set { targets, value } => {
            names(targets);
            nodes.push(value);
        }
        Part::If { test, then, other } => {
            nodes.push(test);
            then.iter().chain(other).for_each(|part| nodes_of(part, nodes, hidden));
        }
        Part::For { targets, iter, filter, body, other } => {
            names(targets);
            hidden.push("loop".into());
            nodes.push(iter);
            nodes.extend(filter);
            body.iter().chain(other).for_each(|part| nodes_of(part, nodes, hidden));
        }
    }
}

/// Returns where a `{% if %}` or `{% for %}` stands, with all that belongs to it.
fn block(src: &str, part: &Part) -> Option<Range<usize>> {
    let inside = match part {
        Part::If { test, .. } => test.span.start,
        Part::For { iter, .. } => iter.span.start,
        _ => return None,
    };
    let start = src.get(..inside)?.rfind("{%")?;
    let (mut at, mut depth) = (start, 0_usize);
    loop {
        let tag = at + src.get(at..)?.find("{%")?;
        let end = tag + src.get(tag..)?.find("%}")? + 2;
        let word = src.get(tag + 2..end)?.trim_start_matches(['-', '+']).split_whitespace().next()?;
        match word {
            "if" | "for" => depth += 1,
            // Of an `elif` what follows it is the block.
            "elif" if depth == 0 => depth = 1,
            "endif" | "endfor" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(start..end);
        }
        at = end;
    }
}

/// Returns a span with the parentheses that it needs: an expression in parentheses has a span without them.
fn balanced(src: &str, span: Range<usize>) -> Range<usize> {
    let Range { mut start, mut end } = span;
    let Some(text) = src.get(start..end) else { return start..end };
    let (mut open, mut missing, mut quote) = (0_usize, 0_usize, None);
    let mut escaped = false;
    for c in text.chars() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(end), c) if end == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => open += 1,
            (None, ')') if open > 0 => open -= 1,
            (None, ')') => missing += 1,
            _ => {}
        }
    }
    for _ in 0..missing {
        match src[..start].trim_end() {
            before if before.ends_with('(') => start = before.len() - 1,
            _ => break,
        }
    }
    for _ in 0..open {
        let rest = &src[end..];
        let blanks = rest.len() - rest.trim_start().len();
        match rest[blanks..].starts_with(')') {
            true => end += blanks + 1,
            false => break,
        }
    }
    start..end
}

#[cfg(test)]
mod tests {
    use crate::model::{Piece, Rendered, Unknown};
    use crate::template::{Engine, Scope};

    fn scope() -> Scope {
        let mut scope = Scope::new();
        scope.set_unknown("n", "captured.n");
        scope.set_unknown("out", "steps.look.outputs.out");
        scope.set_json("item", &serde_json::json!("api"));
        scope.set_json("hpa", &serde_json::json!({"api": {"max": 10}, "web": {"max": 7}}));
        scope.set_json("long", &serde_json::json!(vec![1; 200]));
        scope
    }

    fn made(text: &Rendered) -> Vec<Unknown> {
        let of = |piece: &Piece| match piece {
            Piece::Unknown(of) => Some(of.clone()),
            _ => None,
        };
        text.pieces.iter().filter_map(of).collect()
    }

    fn formula(src: &str) -> String {
        let text = Engine::new().telling(Vec::new()).text(src, &scope()).expect("it can be told");
        let of = made(&text).remove(0);
        of.made.map_or(of.origin, |made| made.formula.display())
    }

    #[test]
    fn what_is_made_of_an_unknown_value_tells_how() {
        for (src, wanted) in [
            ("{{ n }}", "captured.n"),
            ("{{ n * 2 }}", "‹captured.n› * 2"),
            ("{{ (n + 1) * 2 }}", "(‹captured.n› + 1) * 2"),
            ("{{ 2 * (n + 1) }}", "2 * (‹captured.n› + 1)"),
            ("{{ [hpa[item].max, n] | max }}", "[10, ‹captured.n›] | max"),
            ("{{ 'on' if n is none else item ~ '!' }}", "'on' if ‹captured.n› is none else 'api' ~ '!'"),
            ("{{ n | default(3) }}", "captured.n"),
            ("{{ n.a | default(3) }}", "‹captured.n.a› | default(3)"),
            ("{{ n | default(3, true) }}", "‹captured.n› | default(3, true)"),
            ("{{ out.a['b-c'] + 1 }}", "‹steps.look.outputs.out.a['b-c']› + 1"),
            ("{{ hpa[out].max }}", "hpa[‹steps.look.outputs.out›].max"),
            ("{{ n in long }}", "‹captured.n› in long"),
            ("{{ n | to_json }}", "‹captured.n› | to_json"),
            ("{{ {'a': n, 'b': item} | to_json }}", "{'a': ‹captured.n›, 'b': 'api'} | to_json"),
            ("{% set m = n + 1 %}{{ m * 2 }}", "(‹captured.n› + 1) * 2"),
            (
                "{% for item in out %}{{ item }}{% endfor %}",
                "{% for item in ‹steps.look.outputs.out› %}{{ item }}{% endfor %}",
            ),
        ] {
            assert_eq!(formula(src), wanted, "{src}");
        }
    }

    /// Each level has what is below it twice: told whole, 40 of them have no end.
    #[test]
    fn what_is_too_long_is_told_without_a_formula() {
        for op in ["+", "~"] {
            let level = |at: usize| format!("{{% set a{} = a{at} {op} a{at} %}}", at + 1);
            let levels: String = (0..40).map(level).collect();
            let src = format!("{{% set a0 = n * 2 %}}{levels}{{{{ a1 }}}} {{{{ a40 }}}} {{{{ a40 * 3 }}}}");
            let text = Engine::new().telling(Vec::new()).text(&src, &scope()).expect("it can be told");
            let made = made(&text);
            assert_eq!(made.first().and_then(|of| of.made.as_ref()).map(|of| of.key.is_empty()), Some(false));
            let last = made.last().expect("there is one");
            assert_eq!((last.origin.as_str(), &last.made), ("from captured.n", &None), "{op}");
            assert!(made.len() < 10, "{}", made.len());
            let plain = Engine::new().text(&src, &scope()).expect("it can be shown").display();
            assert!(plain.len() < 100_000, "{op} {}", plain.len());
        }
    }

    #[test]
    fn two_expressions_have_two_keys_and_one_has_one() {
        let engine = Engine::new().telling(Vec::new());
        let key = |src: &str, item: &str, long: usize| {
            let mut scope = scope();
            scope.set_json("item", &serde_json::json!(item));
            scope.set_json("long", &serde_json::json!(vec![long; 200]));
            made(&engine.text(src, &scope).expect("it can be told")).remove(0).key().to_owned()
        };
        let all = [
            key("{{ n }}", "api", 1),
            key("{{ n * 2 }}", "api", 1),
            key("{{ n * 4 }}", "api", 1),
            key("{{ [hpa[item].max, n] | max }}", "api", 1),
            key("{{ [hpa[item].max, n] | max }}", "web", 1),
            key("{{ n in long }}", "api", 1),
            key("{{ n in long }}", "api", 2),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one), "{one}");
        }
        assert_eq!(key("{{ n * 2 }}", "api", 1), all[1]);
    }

    #[test]
    fn what_a_condition_decides_can_be_told_for_each_case() {
        let src = "{{ ',pause=' ~ n if n is not none else '' }}{% if n is not none %}!{% endif %}";
        let engine = Engine::new().telling(Vec::new());
        let of = made(&engine.text(src, &scope()).expect("it can be told")).remove(0);
        let condition = of.turns_on.expect("a condition");
        assert_eq!(condition.key(), "‹captured.n› is none");
        for (holds, wanted) in [(false, ",pause=‹captured.n›!"), (true, "")] {
            let engine = engine.telling(vec![(condition.key().to_owned(), holds)]);
            assert_eq!(engine.text(src, &scope()).expect("it can be told").display(), wanted);
        }
    }
}
