//! The runbook that stands in for an automation document: against a real aws client and a stand-in for AWS, forwards,
//! again, back, after a failure and after Ctrl-C; and what `docs/ssm.md` says of both.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::live::Live;
use crate::support::moto::Moto;
use crate::support::project::Project;

const RUNBOOK: &str = "runbooks/aws/raise-usage-plan-quota.yaml";
const DOCUMENT: &str = "docs/examples/raise-usage-plan-quota.ssm.yaml";
const NAME: &str = "aws/raise-usage-plan-quota";

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("it is part of the project")
}

/// A usage plan with a quota of 1000, and a project that reaches it.
struct Stage {
    moto: Moto,
    plan: String,
    project: Project,
}

fn stage() -> Option<Stage> {
    let moto = Moto::start()?;
    let args = ["apigateway", "create-usage-plan", "--name", "partner", "--quota", "limit=1000,period=DAY"];
    let made: Value = serde_json::from_str(moto.aws(&args).ok()).expect("aws prints JSON");
    let plan = made["id"].as_str().expect("a plan has an id").to_owned();
    let project = Project::new().file(RUNBOOK, read(RUNBOOK));
    let project = moto.environment().iter().fold(project, |project, (name, value)| project.env(name, value));
    Some(Stage { moto, plan, project })
}

impl Stage {
    fn quota(&self) -> i64 {
        let args = ["apigateway", "get-usage-plan", "--usage-plan-id", &self.plan, "--output", "json"];
        let plan: Value = serde_json::from_str(self.moto.aws(&args).ok()).expect("aws prints JSON");
        plan["quota"]["limit"].as_i64().expect("it has a quota")
    }

    fn exec(&self, vars: &[&str]) -> Vec<String> {
        let plan = format!("plan={}", self.plan);
        let mut args = vec!["exec".to_owned(), NAME.to_owned()];
        for var in [plan.as_str()].iter().chain(vars) {
            args.extend(["--var".to_owned(), (*var).to_owned()]);
        }
        args
    }

    fn run(&self, args: &[String], code: i32) -> String {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.project.run(&args).code(code).to_string()
    }
}

#[test]
fn it_is_raised_is_so_already_and_is_put_back() {
    let Some(stage) = stage() else { return };
    let topic = stage.moto.aws(&[
        "sns",
        "create-topic",
        "--name",
        "oncall",
        "--query",
        "TopicArn",
        "--output",
        "text",
    ]);
    let topic = format!("topic={}", topic.ok().trim());
    let probe = format!("probe={}/moto-api/", stage.moto.url());

    let said = stage.run(&stage.exec(&["limit=4000", "watch=1s", &probe, &topic]), 0);
    assert!(said.contains("partner: 1000 → 4000 requests a day"), "{said}");
    assert_eq!(stage.quota(), 4000);
    let first = stage.project.newest();

    let said = stage.run(&stage.exec(&["limit=3000"]), 0);
    assert!(said.contains("raise nothing to do"), "{said}");
    assert_eq!(stage.quota(), 4000, "it is never lowered");

    stage.run(&["rollback".to_owned(), first, "--yes".to_owned()], 0);
    assert_eq!(stage.quota(), 1000);
}

#[test]
fn a_failure_puts_it_back_and_too_much_is_refused() {
    let Some(stage) = stage() else { return };
    let said = stage.run(&stage.exec(&["limit=10001"]), 4);
    assert!(said.contains("0 of 0") || !said.contains("update-usage-plan"), "nothing was touched: {said}");

    // Nothing listens there.
    let said = stage.run(&stage.exec(&["limit=4000", "watch=1s", "probe=http://127.0.0.1:1/"]), 4);
    assert!(said.contains("partner: 1000 → 4000 requests a day"), "{said}");
    assert_eq!(stage.quota(), 1000);
}

#[test]
fn after_a_cancel_one_command_puts_it_back() {
    let Some(stage) = stage() else { return };
    let probe = format!("probe={}/moto-api/", stage.moto.url());
    let args = stage.exec(&["limit=4000", "watch=1h", &probe]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let live = Live::start(stage.project.command(&args));
    live.says("watched holds now");
    // Two at once are one signal: the second comes when the first was heard.
    live.signal(Signal::INT);
    live.says("asked to stop (Ctrl-C)");
    live.signal(Signal::INT);
    live.ends_with(130);
    assert_eq!(stage.quota(), 4000, "a stop undoes nothing by itself");

    stage.run(&["rollback".to_owned(), stage.project.newest(), "--yes".to_owned()], 0);
    assert_eq!(stage.quota(), 1000);
}

/// The page counts lines, and the document that it is compared with leads nowhere wrong.
#[test]
fn the_comparison_is_true() {
    let (runbook, document, page) = (read(RUNBOOK), read(DOCUMENT), read("docs/ssm.md"));
    let written = |text: &str| {
        text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')).count()
    };
    let (ours, theirs) = (written(&runbook), written(&document));
    assert!(ours < 90 && theirs > 2 * ours, "{ours} and {theirs}");
    assert!(
        page.contains(&format!("{ours} lines")) && page.contains(&format!("{theirs} lines")),
        "{ours} and {theirs}"
    );

    let document: Value = serde_yaml::from_str(&document).expect("it is YAML");
    let steps = document["mainSteps"].as_array().expect("it has steps");
    let names: Vec<&str> = steps.iter().filter_map(|step| step["name"].as_str()).collect();
    for step in steps {
        let choices = step["inputs"]["Choices"].as_array().into_iter().flatten();
        let mut next: Vec<&str> = choices.filter_map(|choice| choice["NextStep"].as_str()).collect();
        next.extend([&step["nextStep"], &step["inputs"]["Default"]].into_iter().filter_map(Value::as_str));
        next.extend(
            [&step["onFailure"], &step["onCancel"]]
                .into_iter()
                .filter_map(|to| to.as_str()?.strip_prefix("step:")),
        );
        for name in next {
            assert!(names.contains(&name), "{name}");
        }
    }
}
