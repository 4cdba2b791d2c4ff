//! What a run that takes another snapshot keeps of the runbooks that its steps bring in: each promise by itself.

use super::inner::{expr, nested, says};
use super::*;
use crate::model::Snapshot;
use crate::template::Engine;

/// Renews a run of which only `first` was begun, or all but `last`, which failed.
fn renewed(then: &Snapshot, now: &Snapshot, far: bool) -> Result<Snapshot, Vec<NotRenewed>> {
    let mut world = World::new(&then.runbook, Stub { attempts: 1, ..Stub::default() }, 8);
    if far {
        world.end(0, End::Exit(0));
        world.end(0, End::Exit(0));
    }
    world.end(0, End::Exit(1));
    assert_eq!(world.rested, Some(RunStatus::Failed));
    let begun = |step: &str| world.ran.iter().any(|leaf| leaf.step == step);
    assert_eq!((begun("mid/in/go"), begun("last")), (far, far));
    renew(&Engine::new(), then, now, world.events.iter()).map(|renewed| renewed.snapshot)
}

fn reads(step: &str, name: &str) -> Vec<NotRenewed> {
    vec![NotRenewed::Reads { step: step.to_owned(), name: name.to_owned() }]
}

#[test]
fn an_undo_reads_the_environments_around_its_step_too() {
    let then = nested();
    for at in [None, Some(0)] {
        let mut now = nested();
        let vars = at.map_or(&mut now.vars, |at: usize| &mut now.subs[at].vars);
        vars.insert("env".to_owned(), json!("other"));
        assert_eq!(renewed(&then, &now, true), Err(reads("mid/in/go", "env")), "{at:?}");
        assert!(renewed(&then, &now, false).is_ok(), "nothing has begun that reads it");
    }
}

#[test]
fn a_target_stays_with_its_environment_and_the_values_that_they_read() {
    let mut then = nested();
    then.runbook.target = vec![("own".to_owned(), says("own", &[]))];
    then.runbook.subs[1].target[0].1 = says("whoami {{zone}}", &[]);
    then.subs[1].vars.insert("zone".to_owned(), json!("z1"));
    let mut now = nested();
    now.runbook.target = vec![("own".to_owned(), says("other", &[]))];
    now.runbook.subs[1].target[0].1 = says("other", &[]);
    now.runbook.subs[1].around = Vec::new();
    for step in &mut now.runbook.steps {
        (step.environment, step.inherited) = (Vec::new(), Vec::new());
    }
    now.vars.clear();
    now.subs[0].vars.clear();
    let merged = renewed(&then, &now, false).expect("nothing stands against it");
    let targets =
        |snapshot: &Snapshot| (snapshot.runbook.target.clone(), snapshot.runbook.subs[1].target.clone());
    assert_eq!(targets(&merged), targets(&then));
    assert_eq!(merged.runbook.subs[1].around, then.runbook.subs[1].around);
    assert_eq!(merged.subs[1].vars.get("zone"), Some(&json!("z1")));
    assert_eq!(merged.subs[0].vars.get("env"), Some(&json!("eu")));
    assert_eq!(merged.vars.get("env"), Some(&json!("prod")));
}

#[test]
fn another_lock_or_confirmation_of_what_is_brought_in_is_refused() {
    let (then, mut now) = (nested(), nested());
    now.runbook.subs[1].lock = Some(Text::new("of/{{ env }}"));
    now.runbook.subs[1].protect = Some(expr("env == 'leaf'"));
    let lock = NotRenewed::Lock { then: "none".to_owned(), now: "of/leaf".to_owned() };
    let protect = NotRenewed::Protect("env == 'leaf'".to_owned());
    assert_eq!(renewed(&then, &now, false), Err(vec![lock, protect]));
    now.subs[1].unwanted = true;
    assert!(renewed(&then, &now, false).is_ok(), "what is skipped locks and confirms nothing");
}

#[test]
fn a_secret_that_was_handed_on_stays_for_the_undo_that_reads_it() {
    let then = nested();
    let mut now = nested();
    now.subs[1].secrets = vec![("token".to_owned(), "other".to_owned())];
    assert_eq!(renewed(&then, &now, true), Err(reads("mid/in/go", "token")));
    (now.secrets, now.subs[1].secrets) = (Vec::new(), Vec::new());
    let merged = renewed(&then, &now, true).expect("who had it keeps it");
    assert_eq!((&merged.secrets, &merged.subs[1].secrets), (&then.secrets, &then.subs[1].secrets));
}
