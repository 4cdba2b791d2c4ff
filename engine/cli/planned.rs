//! Running what was planned: the files are read and bound anew with the plan's vars, and what comes of that must be what
//! was planned, or nothing is run.
//!
//! What only the run can know may become anything; the texts it stands in are compared as they are written, so it becomes
//! that in the same places. A table that changed anywhere is a difference, also where no command shows it: what only the
//! run knows may be looked up in it. Prose and the places of things in their files are none.

use std::path::Path;

use super::args::Exec;
use super::book::{Book, Books};
use super::console::{Console, exact, one_line};
use super::error::CliError;
use super::gather::{left, run_commands};
use super::plan_difference::{Difference, differences};
use super::plan_file::{Kept, PlanFile, refused};
use super::prompt;
use super::settings::Settings;
use super::terminal::{Dialogue, Terminal};
use crate::diag::{Code, Diagnostic, Report, Sources};
use crate::driver::{now, preview};
use crate::load::{Bound, Given, Inputs, Origin, bind};
use crate::model::{Kind, Map, Snapshot, Value};
use crate::report::Role;
use crate::template::{Engine, fit, quote_word};

/// Reads the plan that is to be run.
///
/// # Errors
///
/// RB0513 when it can't be used here.
pub fn open(path: &Path, name: Option<&str>, books: &Books, settings: &Settings) -> Result<Kept, CliError> {
    let kept = PlanFile::read(path, &settings.typed(path))?;
    let (file, shown) = (&kept.file, path.display());
    let runbook = file.snapshot.runbook.name.clone();
    let version = env!("CARGO_PKG_VERSION");
    if file.program != version || file.machine != crate::model::MACHINE_VERSION {
        let message =
            format!("the plan `{shown}` was made by runbook {}, and this is {version}", file.program);
        return Err(refused(message, Some(anew(&kept, settings))));
    }
    if Path::new(&file.root) != books.project.root {
        let message = format!(
            "the plan `{shown}` is of the project `{}`, and this is `{}`",
            file.root,
            books.project.root.display()
        );
        let help = format!("run it there: `runbook -C {} exec --plan …`", quote_word(&file.root));
        return Err(refused(message, Some(help)));
    }
    if let Some(name) = name
        && books.project.resolve(name, &settings.folder)?.name != runbook
    {
        let message = format!("the plan `{shown}` is of `{runbook}`, and not of `{name}`");
        return Err(refused(message, Some("leave the name out: the plan says it".to_owned())));
    }
    Ok(kept)
}

/// Binds the runbook as its files are now to the plan's vars, and insists that it would do what was planned. Secrets are
/// had only after that: nobody types one for a plan that is refused.
///
/// # Errors
///
/// RB0514 after the differences are told, RB0515 for a var that is given otherwise than the plan has it; the mistakes in
/// the files as they are now.
pub fn bind_as_planned(
    kept: &Kept,
    book: Book,
    books: &Books,
    exec: &Exec,
    terminal: Option<&mut Terminal>,
    settings: &Settings,
    console: Console,
) -> Result<Bound, CliError> {
    let Book { runbook, sources, .. } = book;
    let root = &books.project.root;
    same_vars(kept, &runbook.vars, exec, root, settings)?;
    let misfits = misfits(kept, &runbook.vars);
    if !misfits.is_empty() {
        return Err(told(kept, &misfits, &[], settings, console));
    }
    // Only what was given: a default that is another now must show.
    let as_given = Snapshot {
        vars: kept.file.given.clone(),
        secrets: kept.file.snapshot.secrets.clone(),
        runbook: crate::model::Runbook {
            vars: kept.file.snapshot.runbook.vars.clone(),
            ..crate::model::Runbook::default()
        },
        ..Snapshot::default()
    };
    let given = Given { env: settings.environment.vars.clone(), ..Given::default() };
    let bound = |secrets: bool, ask: Option<&mut dyn Dialogue>| -> Result<Bound, CliError> {
        let mut sources = Sources::from(sources.files().to_vec());
        let mut inputs = Inputs::again(&runbook.vars, &as_given, &given, root, secrets).of(&sources);
        if secrets {
            if let Some(to) = ask
                && !inputs.report().has_errors()
            {
                prompt::fill(&mut inputs, to, console.err).map_err(left)?;
            }
            run_commands(&mut inputs, root);
        }
        let bound = bind(runbook.clone(), &mut sources, inputs, &books.project, &Engine::new());
        bound.map_err(|report| CliError::mistakes(report, sources))
    };
    let compared = |bound: &Bound| -> Result<(), CliError> {
        let (found, also) = differences(&kept.file, &bound.snapshot, &preview(&bound.snapshot));
        if found.is_empty() && also.is_empty() {
            Ok(())
        } else {
            Err(told(kept, &found, &also, settings, console))
        }
    };
    compared(&bound(false, None)?)?;
    let bound = bound(true, terminal.map(|terminal| terminal as &mut dyn Dialogue))?;
    // Somebody may have saved a file meanwhile.
    compared(&bound)?;
    let short = kept.sha256.get(..12).unwrap_or_default();
    console.say(&format!("as planned {} (plan {short}): nothing differs", kept.made(now())));
    Ok(bound)
}

/// Insists that vars given beside the plan say what the plan says.
fn same_vars(
    kept: &Kept,
    vars: &[crate::model::Input],
    exec: &Exec,
    root: &Path,
    settings: &Settings,
) -> Result<(), CliError> {
    let given = Given {
        vars: exec.vars.var.clone(),
        files: exec.vars.vars_file.iter().map(|path| settings.typed(path)).collect(),
        env: settings.environment.vars.clone(),
    };
    let mut sources = Sources::new();
    let plain: Vec<_> = vars.iter().filter(|input| input.ty.kind != Kind::Secret).cloned().collect();
    // Secrets count as declared, so that one on the command line is told as such.
    let all = if exec.vars.var.is_empty() && exec.vars.vars_file.is_empty() { &plain[..] } else { vars };
    let inputs = Inputs::gather(all, &given, root, &mut sources);
    if inputs.report().has_errors() {
        return Err(CliError::mistakes(inputs.report().clone(), sources));
    }
    let mut report = Report::new();
    for answer in inputs.answers().iter().filter(|answer| answer.origin != Origin::Default) {
        let planned = kept.file.snapshot.vars.get(&answer.name);
        if planned != Some(&answer.value) {
            let planned =
                planned.map_or_else(|| "not set".to_owned(), |value| format!("`{}`", plain_text(value)));
            let message = format!(
                "`{}` is {planned} in the plan, and `{}` here (from {})",
                answer.name,
                plain_text(&answer.value),
                answer.origin
            );
            let help = "leave it out, since the vars come from the plan; or plan again with it";
            report.push(Diagnostic::new(Code::PlanVar, message).help(help));
        }
    }
    if report.has_errors() { Err(CliError::mistakes(report, Sources::new())) } else { Ok(()) }
}

/// Returns the vars of the plan that the runbook takes no more, and those it wants besides.
fn misfits(kept: &Kept, vars: &[crate::model::Input]) -> Vec<Difference> {
    let mut found = Vec::new();
    for (name, value) in &kept.file.given {
        let now = match vars.iter().find(|input| input.name == *name) {
            None => "there is no such var".to_owned(),
            Some(input) => match fit(&input.ty, value.clone()) {
                Ok(_) => continue,
                Err(misfit) => format!("it does not fit: {}", misfit.message),
            },
        };
        found.push(Difference::of("vars", name, Some(plain_text(value)), Some(now)));
    }
    let planned = |name: &str| kept.file.snapshot.vars.contains_key(name);
    let new = vars.iter().filter(|input| {
        input.required && input.default.is_none() && input.ty.kind != Kind::Secret && !planned(&input.name)
    });
    found.extend(
        new.map(|input| Difference::of("vars", &input.name, None, Some("it must be given".to_owned()))),
    );
    found
}

/// Tells the differences, and returns that nothing is run.
fn told(
    kept: &Kept,
    found: &[Difference],
    also: &[String],
    settings: &Settings,
    console: Console,
) -> CliError {
    const TOLD: usize = 40;
    let mut at = None;
    for one in found.iter().take(TOLD) {
        if at != Some(&one.at) {
            at = Some(&one.at);
            console.say(&format!("  {}", console.err.paint(Role::Strong, &exact(&one.at))));
        }
        let what = &one.what;
        match (&one.planned, &one.now) {
            (None, None) => console.say(&format!("    {}", exact(what))),
            (planned, now) => {
                let say = |word: &str, role, text: &Option<String>| {
                    let text = text.as_ref().map_or_else(|| "nothing".to_owned(), |text| exact(text));
                    console.say(&format!("      {} {text}", console.err.paint(role, &format!("{word:<8}"))));
                };
                console.say(&format!("    {}", exact(what)));
                say("planned", Role::Quiet, planned);
                say("now", Role::Person, now);
            }
        }
    }
    if found.len() > TOLD {
        console.say(&format!("  … and {} differences more", found.len() - TOLD));
    }
    also.iter().for_each(|line| console.say(&format!("  {}", one_line(line))));
    let name = &kept.file.snapshot.runbook.name;
    let message = format!("what `{name}` would do now is not what was planned; nothing was run");
    let diagnostic = Diagnostic::new(Code::PlanDiffers, message)
        .note(format!("planned {}", kept.made(now())))
        .help(anew(kept, settings));
    CliError::mistakes(diagnostic.into(), Sources::new())
}

/// Returns how to plan the same again.
fn anew(kept: &Kept, settings: &Settings) -> String {
    let file = &kept.file;
    let vars = vars(&file.given);
    let out = quote_word(&kept.path.display().to_string());
    let program = settings.program_here();
    format!("plan again and look at it: `{program} plan {}{vars} --out {out}`", file.snapshot.runbook.name)
}

fn vars(given: &Map) -> String {
    let each = given
        .iter()
        .map(|(name, value)| format!(" --var {}", quote_word(&format!("{name}={}", plain_text(value)))));
    each.collect()
}

fn plain_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
