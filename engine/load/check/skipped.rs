//! Outputs of steps that may not have run: a skipped step has none, and a `finally` begins whatever became of the
//! others. (RB0228)

use std::collections::{BTreeSet, HashMap};

use super::super::context::Context;
use crate::diag::{Code, Diagnostic};
use crate::model::{Place, Runbook, Step, Text};
use crate::template::Uses;

/// Tells uses of outputs that may not be there.
pub(super) fn runbook(cx: &mut Context<'_>, runbook: &Runbook) {
    let main: HashMap<&str, &Step> = runbook.steps.iter().map(|step| (step.id.as_str(), step)).collect();
    for step in &runbook.steps {
        uses(cx, step, &mut |used, text| {
            let source = main.get(used)?;
            if let Some(satisfied) = &source.body.satisfied {
                return Some((satisfied.0.at, "it has none where there was nothing to do"));
            }
            let when = source.when.as_ref()?;
            // Where this one runs the other has run; or the text asks the same: `A if CONDITION else B`.
            let alike = step.when.as_ref().is_some_and(|own| follows(&own.0.src, &when.0.src));
            (!alike && !text.contains(when.0.src.trim()))
                .then_some((when.0.at, "it is skipped where this does not hold"))
        });
    }
    for step in &runbook.finally {
        // Who asks how the run ended has thought of it.
        let by_status = step.when.as_ref().is_some_and(|when| when.0.src.contains("run.status"));
        if by_status {
            continue;
        }
        uses(cx, step, &mut |used, _| {
            Some((main.get(used)?.at, "it may not have run by then, or have failed"))
        });
    }
}

/// Says whether `other` holds wherever `own` does, as far as their words tell: `a and b` asks all that `a` asks. An `or`
/// or a bracket would need the meaning; then only the same words will do.
fn follows(own: &str, other: &str) -> bool {
    let (own, other) = (own.trim(), other.trim());
    let simple = |src: &str| !src.contains(" or ") && !src.contains(" if ");
    let parts = |src: &str| src.split(" and ").map(|part| part.trim().to_owned()).collect::<BTreeSet<_>>();
    own == other || simple(own) && simple(other) && parts(other).is_subset(&parts(own))
}

/// Why an output of a step, used in a text, may not be there: a place that shows it, and words about it.
type Why<'f> = &'f mut dyn FnMut(&str, &str) -> Option<(Place, &'static str)>;

fn uses(cx: &mut Context<'_>, step: &Step, why: Why<'_>) {
    // Who asks about the step in `when` has thought of it.
    let asked: BTreeSet<String> = match &step.when {
        Some(when) => {
            let uses = cx.engine.check_expr(&when.0.src).unwrap_or_default();
            uses.paths
                .iter()
                .filter(|used| used.path[0] == "steps")
                .filter_map(|used| used.path.get(1).cloned())
                .collect()
        }
        None => BTreeSet::new(),
    };
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
    for text in texts.into_iter().filter(|text| text.src.contains("steps")) {
        let paths = of(cx, text).paths;
        // `X if X is defined else Y`
        let tested: BTreeSet<Vec<String>> =
            paths.iter().filter(|used| used.defined_test).map(|used| used.path.clone()).collect();
        for used in paths {
            let [root, id, outputs, name, ..] = used.path.as_slice() else { continue };
            if root != "steps" || outputs != "outputs" || asked.contains(id) || tested.contains(&used.path) {
                continue;
            }
            let Some((place, about)) = why(id, &text.src) else { continue };
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

/// Which of the three a text is does not matter for its names.
fn of(cx: &Context<'_>, text: &Text) -> Uses {
    let found =
        if text.is_literal() { cx.engine.check_expr(&text.src) } else { cx.engine.check_text(&text.src) };
    found.or_else(|_| cx.engine.check_shell(&text.src)).unwrap_or_default()
}
