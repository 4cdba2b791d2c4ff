//! Outputs of steps that may not have run: a skipped step has none, and a `finally` begins whatever became of the
//! others. (RB0228)

use std::collections::{BTreeSet, HashMap};

use super::super::context::Context;
use crate::diag::{Code, Diagnostic};
use crate::model::{Place, Runbook, Step, Text};
use crate::template::{Condition, Uses};

/// Tells uses of outputs that may not be there.
pub(super) fn runbook(cx: &mut Context<'_>, runbook: &Runbook) {
    let main: HashMap<&str, &Step> = runbook.steps.iter().map(|step| (step.id.as_str(), step)).collect();
    let asked: HashMap<&str, BTreeSet<String>> =
        main.iter().filter_map(|(id, step)| Some((*id, conjuncts(cx, &step.when.as_ref()?.0.src)))).collect();
    for step in &runbook.steps {
        uses(cx, step, &mut |used, holds| {
            let source = main.get(used)?;
            if let Some(satisfied) = &source.body.satisfied {
                return Some((satisfied.0.at, "it has none where there was nothing to do"));
            }
            let when = source.when.as_ref()?;
            // Where this one is evaluated the other has run.
            let alike = asked.get(used).is_some_and(|asked| asked.is_subset(holds));
            (!alike).then_some((when.0.at, "it is skipped where this does not hold"))
        });
    }
    for step in &runbook.finally {
        uses(cx, step, &mut |used, holds| {
            let source = main.get(used)?;
            // Who asks whether the run succeeded has thought of it; that it failed says nothing of this step.
            let good = holds.contains("run.status=='succeeded'") || holds.contains("'succeeded'==run.status");
            (!good).then_some((source.at, "it may not have run by then, or have failed"))
        });
    }
}

/// Returns what holds wherever a condition does, written alike: `a and b` is two. What a condition means is not known here, so
/// of an `or` only the same words will do.
fn conjuncts(cx: &Context<'_>, src: &str) -> BTreeSet<String> {
    let spans = cx.engine.conjuncts(src).unwrap_or_default();
    let found: BTreeSet<String> =
        spans.into_iter().filter_map(|span| src.get(span)).map(written_alike).collect();
    // What can't be read is followed by nothing.
    if found.is_empty() { BTreeSet::from([written_alike(src)]) } else { found }
}

/// Returns the same condition with blanks only where they part words, and one kind of quotes.
fn written_alike(src: &str) -> String {
    let mut out = String::new();
    let (mut quote, mut blank) = (None, false);
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    for letter in src.trim().chars() {
        if quote.is_some() {
            let ends = quote == Some(letter);
            out.push(if ends { '\'' } else { letter });
            if ends {
                quote = None;
            }
        } else if letter.is_whitespace() {
            blank = true;
        } else {
            if blank && word(letter) && out.ends_with(word) {
                out.push(' ');
            }
            blank = false;
            quote = matches!(letter, '"' | '\'').then_some(letter);
            out.push(if quote.is_some() { '\'' } else { letter });
        }
    }
    out
}

/// Returns what holds where something stands under the condition.
fn under(cx: &Context<'_>, src: &str, of: &Condition) -> BTreeSet<String> {
    let Some(asked) = src.get(of.span.clone()) else { return BTreeSet::new() };
    let parts = conjuncts(cx, asked);
    if of.holds {
        return parts;
    }
    // Of several one does not hold, and nobody knows which.
    let mut parts = parts.into_iter();
    let (Some(only), None) = (parts.next(), parts.next()) else { return BTreeSet::new() };
    let simple =
        !only.split(|letter: char| !letter.is_alphanumeric()).any(|word| matches!(word, "or" | "if"));
    let not = match only.strip_prefix("not ") {
        Some(inner) => inner.to_owned(),
        None => format!("not {only}"),
    };
    simple.then_some(not).into_iter().collect()
}

/// Why an output of a step may not be there, where what is given holds: a place that shows it, and words about it.
type Why<'f> = &'f mut dyn FnMut(&str, &BTreeSet<String>) -> Option<(Place, &'static str)>;

fn uses(cx: &mut Context<'_>, step: &Step, why: Why<'_>) {
    let own = step.when.as_ref().map(|when| conjuncts(cx, &when.0.src)).unwrap_or_default();
    let in_when = step.when.as_ref().map(|when| of(cx, &when.0).paths).unwrap_or_default();
    // Who asks in `when` whether the step ran has thought of it; who compares its output there has not.
    let asked: BTreeSet<&str> = in_when
        .iter()
        .filter(|used| used.path[0] == "steps" && (used.defined_test || !is_output(&used.path)))
        .filter_map(|used| used.path.get(1).map(String::as_str))
        .collect();
    let mut told = BTreeSet::new();
    let mut texts: Vec<&Text> = Vec::new();
    step.for_each.iter().for_each(|tree| tree.texts(&mut |text| texts.push(text)));
    match &step.binding {
        Some(binding) => {
            binding.with.iter().for_each(|(_, tree)| tree.texts(&mut |text| texts.push(text)));
        }
        None => step.body.texts(&mut |text| texts.push(text)),
    }
    step.guard.iter().for_each(|guard| guard.texts(&mut |text| texts.push(text)));
    let none = BTreeSet::new();
    let texts = texts.into_iter().map(|text| (text, &own));
    // What the `when` says holds only once it was evaluated.
    let when = step.when.iter().map(|when| (&when.0, &none));
    for (text, own) in when.chain(texts).filter(|(text, _)| text.src.contains("steps")) {
        let paths = of(cx, text).paths;
        for used in paths.iter().filter(|used| is_output(&used.path) && !used.defined_test) {
            let (id, name) = (&used.path[1], &used.path[3]);
            // `X if X is defined else Y`
            let tested = |of: &Condition| {
                paths.iter().any(|other| {
                    other.defined_test
                        && other.path == used.path
                        && of.span.start <= other.span.start
                        && other.span.end <= of.span.end
                })
            };
            if asked.contains(id.as_str()) || used.under.iter().any(tested) {
                continue;
            }
            let mut holds = own.clone();
            used.under.iter().for_each(|of| holds.extend(under(cx, &text.src, of)));
            let Some((place, about)) = why(id, &holds) else { continue };
            // Once for each step: the first use shows it.
            if !told.insert(id.clone()) {
                continue;
            }
            let at = cx.sources.within(text, used.span.clone());
            cx.report.push(
                Diagnostic::new(
                    Code::MaybeSkipped,
                    format!("step `{id}` may not have run, and then it has no output `{name}`"),
                )
                .at(at, "")
                .also(place, about)
                .help("say what to use instead: `| default(…)`; or ask for it in `when`"),
            );
        }
    }
}

fn is_output(path: &[String]) -> bool {
    path.len() > 3 && path[0] == "steps" && path[2] == "outputs"
}

/// Which of the three a text is does not matter for its names.
fn of(cx: &Context<'_>, text: &Text) -> Uses {
    let found =
        if text.is_literal() { cx.engine.check_expr(&text.src) } else { cx.engine.check_text(&text.src) };
    found.or_else(|_| cx.engine.check_shell(&text.src)).unwrap_or_default()
}
