//! The one object that parses, keeps and evaluates texts and expressions.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use minijinja::Environment;

use super::eval::{Eval, Truth, truth_of};
use super::fault::{Fault, TextFault};
use super::formula::Telling;
use super::parse::{self, Mode};
use super::quote::no_nul;
use super::render::{Segment, argument, joined, segments};
use super::scope::Scope;
use super::shape::{self, Lookup, Shaped, Stands};
use super::syntax::{Node, Part};
use super::uses::{self, Uses};
use super::value::{Kind, Value, from_json, held, held_of, table, unknown_of};
use super::{shell, words};
use crate::model::{Piece, Rendered, Spot, Text, Tree, Unknown};

/// How many sources are kept parsed. A run has some thousands; more are made only by texts made of texts.
const KEPT: usize = 50_000;

/// A parsed source.
enum Parsed {
    Text(Vec<Part>),
    Expr(Node),
}

type Kept = HashMap<Arc<str>, Arc<Parsed>>;

/// Parses and evaluates. Parsed sources are kept by their text, so rendering one twice parses it once.
pub struct Engine {
    env: Environment<'static>,
    /// By mode: the same source means different things in each.
    parsed: Arc<[RwLock<Kept>; 3]>,
    /// What is taken for decided, where what is made of unknown values is told with what makes it.
    telling: Option<Vec<(String, bool)>>,
}

impl Default for Engine {
    fn default() -> Engine {
        Engine::new()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// Returns an engine that has parsed nothing yet.
    pub fn new() -> Engine {
        Engine { env: Environment::new(), parsed: Arc::default(), telling: None }
    }

    /// Returns an engine that tells of what is made of unknown values how it is made, for whoever must make it by hand; the
    /// conditions with these [keys](crate::model::Unknown::key) it takes for decided. A plan needs neither, and a plan of
    /// 100,000 instances would pay for it.
    pub fn telling(&self, assumed: Vec<(String, bool)>) -> Engine {
        Engine { env: self.env.clone(), parsed: Arc::clone(&self.parsed), telling: Some(assumed) }
    }

    fn eval<'e>(&'e self, scope: &'e Scope, src: &'e str) -> Eval<'e> {
        let telling = self.telling.as_ref().map(|assumed| Telling::new(src, assumed));
        Eval { telling, ..Eval::new(&self.env, scope) }
    }

    /// Returns what the text uses, after checking its syntax.
    ///
    /// # Errors
    ///
    /// [`Fault`] for what is no text of the runbook language.
    pub fn check_text(&self, src: &str) -> Result<Uses, Fault> {
        Ok(uses::of_parts(parts(&*self.parsed(Mode::Text, src)?)))
    }

    /// Returns what the bare expression uses, after checking its syntax.
    ///
    /// # Errors
    ///
    /// [`Fault`] for what is no expression of the runbook language.
    pub fn check_expr(&self, src: &str) -> Result<Uses, Fault> {
        Ok(uses::of_node(node(&*self.parsed(Mode::Expr, src)?)?))
    }

    /// Returns what the shell script uses, after checking its syntax and that each value stands where it can be
    /// quoted.
    ///
    /// # Errors
    ///
    /// [`Fault`] also for a value in a here-document, in backticks, in a comment, and wherever else no quoting is
    /// safe.
    pub fn check_shell(&self, src: &str) -> Result<Uses, Fault> {
        let parsed = self.parsed(Mode::Command, src)?;
        shell::check(parts(&parsed))?;
        Ok(uses::of_parts(parts(&parsed)))
    }

    /// Returns what a bare expression gives, as far as `names` tell; a condition must be true or false.
    ///
    /// # Errors
    ///
    /// [`Fault`] for what is no expression of the runbook language.
    pub fn shape_of_expr(&self, src: &str, names: Lookup<'_>, condition: bool) -> Result<Shaped, Fault> {
        Ok(shape::of_expr(node(&*self.parsed(Mode::Expr, src)?)?, src, names, condition))
    }

    /// Returns what a text gives, as far as `names` tell, and what can't be where it stands.
    ///
    /// # Errors
    ///
    /// [`Fault`] for what is no text of the runbook language.
    pub fn shape_of_text(&self, src: &str, names: Lookup<'_>, stands: Stands) -> Result<Shaped, Fault> {
        Ok(shape::of_parts(parts(&*self.parsed(Mode::Text, src)?), src, names, stands))
    }

    /// Returns the texts and numbers that stand in an expression, for trying it out.
    ///
    /// # Errors
    ///
    /// [`Fault`] for what is no expression of the runbook language.
    pub fn constants(&self, src: &str) -> Result<Vec<String>, Fault> {
        Ok(uses::constants(node(&*self.parsed(Mode::Expr, src)?)?))
    }

    /// Returns where the conditions stand that all hold where the bare expression does: of `a and b` both.
    ///
    /// # Errors
    ///
    /// [`Fault`] for what is no expression of the runbook language.
    pub fn conjuncts(&self, src: &str) -> Result<Vec<std::ops::Range<usize>>, Fault> {
        Ok(uses::conjuncts(node(&*self.parsed(Mode::Expr, src)?)?))
    }

    /// Returns where the two sides of a bare expression stand that is one comparison of sizes, and its sign; nothing for any
    /// other.
    ///
    /// # Errors
    ///
    /// [`Fault`] for what is no expression of the runbook language.
    pub fn comparison(&self, src: &str) -> Result<Option<uses::Sides>, Fault> {
        Ok(uses::comparison(node(&*self.parsed(Mode::Expr, src)?)?))
    }

    /// Splits a `run` string into words before anything is filled in; each word is a text, given with its byte range
    /// in `src`. Where quotes were taken away the word is shorter than its range.
    ///
    /// # Errors
    ///
    /// [`Fault`] for what only a shell can do: pipes, redirections, variables, several lines.
    pub fn words(&self, src: &str) -> Result<Vec<(std::ops::Range<usize>, String)>, Fault> {
        words::split(src)
    }

    /// Fills a text in. The result is always text, in which secrets and unknown values keep their identity.
    ///
    /// # Errors
    ///
    /// [`Fault`] with what is wrong, and where in `src`.
    pub fn text(&self, src: &str, scope: &Scope) -> Result<Rendered, Fault> {
        if literal(src) {
            return Ok(Rendered::plain(src));
        }
        let parsed = self.parsed(Mode::Text, src)?;
        joined(segments(&mut self.eval(scope, src), parts(&parsed))?)
    }

    /// Returns the value of a text: of exactly one `{{ expression }}` the expression's, with its type; of any other
    /// the text. Text that holds secrets or unknown values stays one whole that keeps them apart.
    ///
    /// # Errors
    ///
    /// [`Fault`] with what is wrong, and where in `src`.
    pub fn value(&self, src: &str, scope: &Scope) -> Result<Value, Fault> {
        if literal(src) {
            return Ok(Value::from(src));
        }
        let parsed = self.parsed(Mode::Text, src)?;
        let mut eval = self.eval(scope, src);
        match parts(&parsed) {
            [Part::Emit(node, _)] => eval.eval(node),
            parts => joined(segments(&mut eval, parts)?).map(held),
        }
    }

    /// Returns the value of a tree of texts.
    ///
    /// # Errors
    ///
    /// [`TextFault`] for the first text that has a fault.
    pub fn tree(&self, tree: &Tree, scope: &Scope) -> Result<Value, TextFault> {
        self.tree_from(tree, scope, &mut 0)
    }

    fn tree_from(&self, tree: &Tree, scope: &Scope, texts: &mut usize) -> Result<Value, TextFault> {
        Ok(match tree {
            Tree::Plain(value) => from_json(value),
            Tree::Text(text) => {
                let index = *texts;
                *texts += 1;
                let value = self.value(&text.src, scope);
                value.map_err(|fault| TextFault { fault, at: text.at, index })?
            }
            Tree::List(items) => Value::from(
                items.iter().map(|item| self.tree_from(item, scope, texts)).collect::<Result<Vec<_>, _>>()?,
            ),
            Tree::Map(entries) => {
                let mut pairs: Vec<(Arc<str>, Value)> = Vec::with_capacity(entries.len());
                for (key, tree) in entries {
                    pairs.push((key.as_str().into(), self.tree_from(tree, scope, texts)?));
                }
                table(pairs)
            }
        })
    }

    /// Returns the value of a bare expression.
    ///
    /// # Errors
    ///
    /// [`Fault`] with what is wrong, and where in `src`.
    pub fn expr(&self, src: &str, scope: &Scope) -> Result<Value, Fault> {
        let parsed = self.parsed(Mode::Expr, src)?;
        self.eval(scope, src).eval(node(&parsed)?)
    }

    /// Returns a value as data is written, with what is not known in its place; nothing of a secret.
    pub fn literal(&self, value: &Value) -> Option<Rendered> {
        let mut text = Rendered::default();
        super::foreseen::json(&mut text, value, super::value::MAX_DEPTH)?;
        text.secret().is_none().then_some(text)
    }

    /// Says whether a condition holds.
    ///
    /// # Errors
    ///
    /// [`Fault`] with what is wrong, and where in `src`; also for a value that is neither true nor false.
    pub fn holds(&self, src: &str, scope: &Scope) -> Result<Truth, Fault> {
        let parsed = self.parsed(Mode::Expr, src)?;
        let node = node(&parsed)?;
        let value = self.eval(scope, src).eval(node)?;
        truth_of(&value).map_err(|fault| fault.at(node.span.clone()))
    }

    /// Fills the words of a command in: each is exactly one argument, whatever the values hold.
    ///
    /// # Errors
    ///
    /// [`TextFault`] for the first word that has a fault; a list, a map and null are no part of a word.
    pub fn argv_words(&self, words: &[Text], scope: &Scope) -> Result<Vec<Rendered>, TextFault> {
        words
            .iter()
            .enumerate()
            .map(|(index, word)| {
                self.word(&word.src, scope).map_err(|fault| TextFault { fault, at: word.at, index })
            })
            .collect()
    }

    fn word(&self, src: &str, scope: &Scope) -> Result<Rendered, Fault> {
        if literal(src) {
            return Ok(Rendered::plain(src));
        }
        let parsed = self.parsed(Mode::Text, src)?;
        let segments = segments(&mut self.eval(scope, src), parts(&parsed))?;
        for segment in &segments {
            if let Segment::Value(value, span) = segment {
                argument(value).map_err(|fault| fault.at(span.clone()))?;
            }
        }
        let word = joined(segments)?;
        carried(&word).map_err(|fault| fault.at(0..src.len()))?;
        Ok(word)
    }

    /// Fills a command that is written as a list in: each element is one argument, a list spreads into several, and
    /// null is left out.
    ///
    /// # Errors
    ///
    /// [`TextFault`] for the first element that has a fault.
    pub fn argv_list(&self, items: &[Text], scope: &Scope) -> Result<Vec<Rendered>, TextFault> {
        let mut argv = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let spread = self.spread(&item.src, scope, &mut argv);
            spread.map_err(|fault| TextFault { fault, at: item.at, index })?;
        }
        Ok(argv)
    }

    fn spread(&self, src: &str, scope: &Scope, argv: &mut Vec<Rendered>) -> Result<(), Fault> {
        if literal(src) {
            argv.push(Rendered::plain(src));
            return Ok(());
        }
        let parsed = self.parsed(Mode::Text, src)?;
        let [Part::Emit(node, span)] = parts(&parsed) else {
            argv.push(self.word(src, scope)?);
            return Ok(());
        };
        let value = element(node, self.eval(scope, src).eval(node)?);
        let values = match Kind::of(&value) {
            Kind::List if held_of(&value).is_none() => value.try_iter().into_iter().flatten().collect(),
            _ => vec![value],
        };
        for value in values {
            if Kind::of(&value) != Kind::Null {
                let word = argument(&value).and_then(|word| carried(&word).map(|()| word));
                argv.push(word.map_err(|fault| fault.at(span.clone()))?);
            }
        }
        Ok(())
    }

    /// Fills a shell script in; every value is quoted for the place where it stands.
    ///
    /// # Errors
    ///
    /// [`Fault`] with what is wrong, and where in `src`; also for a secret, and for a value where no quoting is safe.
    pub fn shell(&self, src: &str, scope: &Scope) -> Result<Rendered, Fault> {
        let parsed = self.parsed(Mode::Command, src)?;
        shell::quoted(segments(&mut self.eval(scope, src), parts(&parsed))?)
    }

    fn parsed(&self, mode: Mode, src: &str) -> Result<Arc<Parsed>, Fault> {
        let all = &self.parsed[mode as usize];
        // A panic elsewhere can't leave the map half changed.
        let kept = all.read().unwrap_or_else(PoisonError::into_inner).get(src).cloned();
        if let Some(parsed) = kept {
            return Ok(parsed);
        }
        let parsed = Arc::new(match mode {
            Mode::Expr => Parsed::Expr(parse::expr(src)?),
            Mode::Text | Mode::Command => Parsed::Text(parse::text(src, mode)?),
        });
        let mut kept = all.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(src.into(), parsed.clone());
        Ok(parsed)
    }
}

/// Returns an unknown value as an element of a list, of which nobody knows how many words it makes.
fn element(node: &Node, value: Value) -> Value {
    use super::syntax::NodeKind::{And, Compare, Filter, Math, Neg, Not, Or, Test};
    const ONE: &[&str] =
        &["int", "float", "string", "join", "length", "to_json", "tojson", "upper", "lower", "trim", "round"];
    let one = match &node.kind {
        And(..) | Compare(..) | Math(..) | Neg(..) | Not(..) | Or(..) | Test(..) => true,
        Filter(_, call) => ONE.contains(&&*call.name),
        _ => false,
    };
    if one {
        return value;
    }
    match held_of(&value).map(|text| text.pieces.as_slice()) {
        Some([Piece::Unknown(of)]) => unknown_of(Unknown { spot: Spot::Element, ..of.clone() }),
        _ => value,
    }
}

/// Refuses an argument that a process can't be given.
fn carried(word: &Rendered) -> Result<(), Fault> {
    word.pieces.iter().try_for_each(|piece| match piece {
        Piece::Plain(text) => no_nul(text),
        Piece::Secret(_) | Piece::Unknown(_) => Ok(()),
    })
}

fn literal(src: &str) -> bool {
    !(src.contains("{{") || src.contains("{%") || src.contains("{#"))
}

fn parts(parsed: &Parsed) -> &[Part] {
    match parsed {
        Parsed::Text(parts) => parts,
        Parsed::Expr(_) => &[],
    }
}

fn node(parsed: &Parsed) -> Result<&Node, Fault> {
    match parsed {
        Parsed::Expr(node) => Ok(node),
        Parsed::Text(_) => Err(Fault::new("this is a text, not an expression", 0..0)),
    }
}
