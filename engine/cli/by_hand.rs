//! A run as a person would do it by hand: bound to what was given, walked as a plan is, each command as it would be spawned.

use super::args::Vars;
use super::book::Books;
use super::gather::stand_in;
use super::plan_page as page;
use super::settings::Settings;
use super::verbs::plan::asked;
use crate::diag::{Report, Sources};
use crate::docs::{ByHand, HandCase, HandCommand, Instance, Wanting};
use crate::driver::{Case, PlannedByHand, PlannedStep, SaidByHand, Wanted, preview_by_hand};
use crate::load::{Given, Inputs, Origin, bind};
use crate::model::{Rendered, Runbook, Value};
use crate::template::Engine;

/// Returns the run by hand; nothing when something must be given for it that was not.
///
/// The variables of this machine are left out: a page is read on others. A secret needs no value, since none is shown.
///
/// # Errors
///
/// What is wrong with what was given.
pub(super) fn of(
    runbook: &Runbook,
    sources: &mut Sources,
    vars: &Vars,
    books: &Books,
    settings: &Settings,
) -> Result<Option<ByHand>, Report> {
    let given = Given {
        vars: vars.var.clone(),
        files: vars.vars_file.iter().map(|path| settings.typed(path)).collect(),
        ..Given::default()
    };
    let mut inputs = Inputs::gather(&runbook.vars, &given, &books.project.root, sources);
    stand_in(&mut inputs);
    if inputs.missing().iter().any(|input| input.required) && !inputs.report().has_errors() {
        return Ok(None);
    }
    let bound = bind(runbook.clone(), sources, inputs, &books.project, &Engine::new())?;
    let preview = preview_by_hand(&bound.snapshot);
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let values = bound
        .answers
        .iter()
        .map(|answer| (answer.name.clone(), shown(&answer.value), answer.origin == Origin::Default));
    let target = preview.run.target.into_iter();
    Ok(Some(ByHand {
        values: values.collect(),
        target: target
            .filter_map(|one| Some((one.name, one.command.by_hand?.cases.pop()?.prepared)))
            .collect(),
        instances: preview.steps.into_iter().map(instance).collect(),
        faults: preview.run.faults,
    }))
}

fn instance(step: PlannedStep) -> Instance {
    let people = step.people.iter().flat_map(|people| {
        std::iter::once(page::people(people)).chain(page::answers(people)).collect::<Vec<_>>()
    });
    let people = people.collect();
    let gates = step.gates;
    let commands = step.commands.into_iter().filter_map(|planned| {
        let gate = gates.iter().find(|gate| gate.stage == planned.stage);
        let PlannedByHand { cases, names, satisfied } = *planned.by_hand?;
        Some(HandCommand {
            names,
            satisfied,
            stage: planned.stage,
            limits: page::limits(planned.timeout_ms.as_ref(), planned.retry.as_deref()),
            cases: cases.into_iter().map(|Case { when, prepared }| HandCase { when, prepared }).collect(),
            warn: gate.and_then(|gate| gate.warn.clone()),
            pass: gate.map(|gate| gate.pass.clone()),
            times: gate.map(asked).filter(|times| !times.is_empty()),
        })
    });
    let told = step.said.map_or_else(SaidByHand::default, |said| *said);
    let plain = |text: Option<String>| text.map(Rendered::plain);
    Instance {
        commands: commands.collect(),
        name: step.name,
        step: step.step,
        title: step.title,
        wanted: match step.wanted {
            Wanted::Yes => Wanting::Yes,
            Wanted::No(why) => Wanting::No(why),
            Wanted::Unknown => Wanting::Unknown,
        },
        when: step.when,
        when_names: step.when_names.into(),
        each_of: step.each.map(|each| *each),
        changes: told.changes.or_else(|| plain(step.changes)),
        asks: told.asks.or_else(|| plain(step.asks)),
        people,
        runs: step.runs,
        irreversible: told.irreversible.or_else(|| plain(step.irreversible)),
        faults: step.faults,
    }
}
