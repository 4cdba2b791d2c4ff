//! Steps by the names that people type.

use std::collections::BTreeSet;

use super::error::CliError;
use crate::diag::near;
use crate::machine::Person;
use crate::model::{Action, Runbook};

/// Refuses names of steps that the runbook does not have: a mistyped `--approve` would leave the run waiting, hours on.
/// An instance (`scale[api]`) is taken by its step, where instances make sense: what they are may be known later only.
///
/// # Errors
///
/// The first name that means no step, with the nearest that does.
pub fn exist(flag: &str, named: &[String], runbook: &Runbook, instances: bool) -> Result<(), CliError> {
    let ids: BTreeSet<&str> =
        runbook.steps.iter().chain(&runbook.finally).map(|step| step.id.as_str()).collect();
    for name in named {
        let id = match name.split_once('[') {
            Some((id, _)) if instances => id,
            _ => name.as_str(),
        };
        if !ids.contains(id) {
            let message = format!("{flag} {name}: {} has no step `{id}`", runbook.name);
            return Err(match near(id, ids.iter().copied()) {
                Some(meant) => CliError::usage_with(message, format!("did you mean `{meant}`?")),
                None => {
                    let hint =
                        format!("its steps are {}", ids.iter().copied().collect::<Vec<_>>().join(", "));
                    CliError::usage_with(message, hint)
                }
            });
        }
    }
    Ok(())
}

/// Refuses to promise a yes that would not be taken: the run would wait for it all the same, hours on.
///
/// # Errors
///
/// The first approval among the named steps that whoever drives the run can't give beforehand, with who can.
pub fn may_be_approved(named: &[String], runbook: &Runbook, by: &Person) -> Result<(), CliError> {
    for step in runbook.steps.iter().chain(&runbook.finally) {
        let Action::Approve(approve) = &step.body.action else { continue };
        let is_it = |name: &&String| name.split('[').next() == Some(step.id.as_str());
        let Some(name) = named.iter().find(is_it) else { continue };
        let refuse = |why: String| {
            let hint = format!("when it is asked for: `runbook approve RUN {}`", step.id);
            Err(CliError::usage_with(format!("--approve {name}: {why}"), hint))
        };
        if !approve.names(&by.name) {
            let who = approve.who().unwrap_or_default();
            return refuse(format!("{} may not answer it: {who} may", by.name));
        }
        if approve.not_self {
            return refuse("whoever drives the run may not answer it (`not_self`)".to_owned());
        }
        let missing = approve.ask.iter().find(|input| input.required && input.default.is_none());
        if let Some(input) = missing {
            return refuse(format!("a yes to it goes with an answer, `{}`", input.name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Step;

    #[test]
    fn a_step_is_known_by_its_id_and_an_instance_by_its_step() {
        let step = |id: &str| Step { id: id.to_owned(), ..Step::default() };
        let runbook =
            Runbook { name: "up".to_owned(), steps: vec![step("scale"), step("go")], ..Runbook::default() };
        let said = |name: &str, instances| {
            exist("--only", &[name.to_owned()], &runbook, instances).map_err(|e| e.hint())
        };
        assert!(said("go", false).is_ok() && said("scale[api]", true).is_ok());
        assert_eq!(said("scale[api]", false).unwrap_err().as_deref(), Some("did you mean `scale`?"));
        assert_eq!(said("zzz", true).unwrap_err().as_deref(), Some("its steps are go, scale"));
    }
}
