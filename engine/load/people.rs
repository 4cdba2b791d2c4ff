//! Who `by` means: `runbooks/people.yaml`, beside the runbooks and reviewed like them.
//!
//! ```yaml
//! people: [dana, eve]        # login names; needed only for who is in no group
//! groups:
//!   dba: [ann, ben]
//!   sre: [dba, cleo]         # a group may hold groups
//! ```
//!
//! A name of `by` that is a group here stands for its people; any other is a login name. The groups of the operating
//! system were rejected: they differ from machine to machine, and nobody reviews them with the runbook. The people of a
//! group are bound into the snapshot when a run begins, so that a later edit of the file changes no run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

use super::node::{Node, NodeKind};
use super::project::Project;
use super::yaml;
use crate::diag::{Code, Diagnostic, Report, Sources, near};
use crate::model::{Action, Approve, Place, Runbook};

/// The file, below `runbooks/`.
const FILE: &str = "people.yaml";

/// The people that a project knows.
#[derive(Debug, Default)]
struct Known {
    /// Whether there is a file.
    there: bool,
    groups: BTreeMap<String, Vec<String>>,
    people: BTreeSet<String>,
}

/// Binds the groups that approvals name to their people, and tells of an approval that nobody could give.
pub(super) fn bind(runbook: &mut Runbook, project: &Project, sources: &mut Sources, report: &mut Report) {
    let Some(known) = known(runbook, project, sources, report) else { return };
    for step in runbook.steps.iter_mut().chain(&mut runbook.finally) {
        let Action::Approve(approve) = &mut step.body.action else { continue };
        let groups = approve.by.iter().filter(|name| known.groups.contains_key(*name));
        approve.groups = groups.map(|name| (name.clone(), known.people_of(name))).collect();
        enough(&step.id, approve, report);
    }
}

/// Binds a runbook's approvals to the people that they name, and tells of names that nobody knows.
pub fn check(runbook: &mut Runbook, project: &Project, sources: &mut Sources, report: &mut Report) {
    bind(runbook, project, sources, report);
    // What is wrong with the file itself was told.
    let Some(known) = known(runbook, project, &mut Sources::new(), &mut Report::new()) else { return };
    for step in runbook.steps.iter().chain(&runbook.finally) {
        let Action::Approve(approve) = &step.body.action else { continue };
        for name in &approve.by {
            if !known.knows(name) {
                report.push(known.unknown(name, approve.by_at));
            }
        }
    }
}

/// Reads the file when some approval names somebody; one that is not there knows nobody.
fn known(runbook: &Runbook, project: &Project, sources: &mut Sources, report: &mut Report) -> Option<Known> {
    let names = |step: &&crate::model::Step| matches!(&step.body.action, Action::Approve(approve) if !approve.by.is_empty());
    runbook.steps.iter().chain(&runbook.finally).find(names)?;
    let path = project.runbooks.join(FILE);
    let shown = project.relative(&path).display().to_string();
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(Known::default()),
        _ => {}
    }
    let text = match super::text_file::read(&path, &shown) {
        Ok(text) => text,
        Err(problem) => {
            report.push(problem);
            return None;
        }
    };
    let file = sources.add(shown, text);
    let node = yaml::parse(sources, file, report)?;
    let mut known = Known { there: true, ..Known::default() };
    known.read(&node, report);
    Some(known)
}

// RB0215
fn enough(step: &str, approve: &Approve, report: &mut Report) {
    if approve.by.is_empty() {
        return;
    }
    let mut people: BTreeSet<&str> = BTreeSet::new();
    for name in &approve.by {
        match approve.group(name) {
            Some(group) => people.extend(group.iter().map(String::as_str)),
            None => drop(people.insert(name)),
        }
    }
    let wanted = approve.count.unwrap_or(1) as usize;
    if people.len() < wanted {
        let them = match people.len() {
            0 => "nobody is in the groups of `by`".to_owned(),
            1 => "only 1 may".to_owned(),
            few => format!("only {few} may"),
        };
        let message = match wanted {
            1 => format!("`{step}` needs somebody to say yes, and {them}"),
            _ => format!("`{step}` needs {wanted} people to say yes, and {them}"),
        };
        report.push(
            Diagnostic::new(Code::TooFewPeople, message)
                .at(approve.by_at, "it could never be approved")
                .help(format!("name more people, add some to `runbooks/{FILE}`, or lower `count`")),
        );
    }
}

impl Known {
    fn read(&mut self, node: &Node, report: &mut Report) {
        for (key, value) in entries(node, "people.yaml", report) {
            match key.text.as_str() {
                "people" => self.people.extend(names(value, report)),
                "groups" => {
                    for (group, people) in entries(value, "`groups`", report) {
                        self.groups.insert(group.text.clone(), names(people, report));
                    }
                }
                other => report.push(
                    Diagnostic::new(Code::UnknownKey, format!("`{FILE}` has no key `{other}`"))
                        .at(key.place, "not known here")
                        .help(
                            "its keys are `people`, a list of login names, and `groups`, a map of such lists",
                        ),
                ),
            }
        }
    }

    /// Returns the people of a group, of its groups too, each once.
    fn people_of(&self, group: &str) -> Vec<String> {
        let (mut people, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![group]);
        while let Some(name) = open.pop() {
            match self.groups.get(name) {
                // A group within itself is looked into once.
                Some(members) if seen.insert(name) => open.extend(members.iter().map(String::as_str)),
                Some(_) => {}
                None => drop(people.insert(name.to_owned())),
            }
        }
        people.into_iter().collect()
    }

    fn knows(&self, name: &str) -> bool {
        self.groups.contains_key(name)
            || self.people.contains(name)
            || self.groups.values().any(|members| members.iter().any(|member| member == name))
    }

    // RB0214
    fn unknown(&self, name: &str, at: Place) -> Diagnostic {
        let message = match self.there {
            true => format!("`{name}` is no group and nobody that `runbooks/{FILE}` knows"),
            false => format!("nobody says who `{name}` is: there is no `runbooks/{FILE}`"),
        };
        let diagnostic = Diagnostic::new(Code::UnknownPerson, message);
        let members = self.groups.values().flatten();
        let all = self.groups.keys().chain(&self.people).chain(members).map(String::as_str);
        match near(name, all) {
            Some(meant) => diagnostic.at(at, format!("did you mean `{meant}`?")),
            None => diagnostic.at(at, "taken as a login name"),
        }
        .help(format!("add it to `runbooks/{FILE}`: `people: [{name}]`, or `groups: {{{name}: [LOGIN, …]}}`"))
    }
}

fn entries<'a>(node: &'a Node, what: &str, report: &mut Report) -> &'a [(super::node::Key, Node)] {
    match &node.kind {
        NodeKind::Map(entries) => entries,
        NodeKind::Bad | NodeKind::Null => &[],
        _ => {
            let message = format!("{what} is a map, and this is {}", node.described());
            report.push(Diagnostic::new(Code::WrongType, message).at(node.place, ""));
            &[]
        }
    }
}

fn names(node: &Node, report: &mut Report) -> Vec<String> {
    let wrong = |node: &Node| {
        let message = format!("a list of login names is wanted, and this is {}", node.described());
        Diagnostic::new(Code::WrongType, message).at(node.place, "").help("for example `[ann, ben]`")
    };
    match &node.kind {
        NodeKind::List(items) => items
            .iter()
            .filter_map(|item| match &item.kind {
                NodeKind::Str(name) => Some(name.clone()),
                NodeKind::Bad => None,
                _ => {
                    report.push(wrong(item));
                    None
                }
            })
            .collect(),
        NodeKind::Bad | NodeKind::Null => Vec::new(),
        _ => {
            report.push(wrong(node));
            Vec::new()
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the project of a test is made of files")]
mod tests {
    use super::*;
    use crate::diag::text;
    use crate::model::Step;

    fn told(people: Option<&str>, by: &[&str], count: Option<u32>) -> (Approve, String) {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("runbooks")).expect("a folder");
        if let Some(people) = people {
            fs::write(folder.path().join("runbooks/people.yaml"), people).expect("a file");
        }
        let by = by.iter().map(|&name| name.to_owned()).collect();
        let mut step = Step { id: "go".to_owned(), ..Step::default() };
        step.body.action = Action::Approve(Box::new(Approve { by, count, ..Approve::default() }));
        let mut runbook = Runbook { steps: vec![step], ..Runbook::default() };
        let (mut sources, mut report) = (Sources::new(), Report::new());
        sources.add("runbooks/x.yaml", "by\n");
        check(&mut runbook, &Project::at(folder.path()), &mut sources, &mut report);
        let Action::Approve(approve) = &runbook.steps[0].body.action else { panic!("an approval") };
        let look = text::Look { width: 200, ..text::Look::default() };
        let told: Vec<String> = text::report(&report, &sources, look)
            .lines()
            .filter(|line| line.contains("RB0"))
            .map(str::to_owned)
            .collect();
        ((**approve).clone(), told.join("\n"))
    }

    #[test]
    fn a_group_is_bound_to_its_people_and_those_of_its_groups() {
        let file = "groups: {dba: [ann, ben], sre: [dba, cleo, sre]}\npeople: [dana]\n";
        let (approve, told) = told(Some(file), &["sre", "dana"], Some(2));
        assert_eq!(told, "");
        assert_eq!(approve.who().as_deref(), Some("sre (ann, ben, cleo) or dana"));
        let may: Vec<&str> =
            ["ann", "cleo", "dana", "sre", "eve"].into_iter().filter(|name| approve.names(name)).collect();
        assert_eq!(may, ["ann", "cleo", "dana"], "a group is nobody by itself");
    }

    #[test]
    fn names_that_nobody_knows_and_approvals_that_nobody_could_give_are_told() {
        let file = Some("groups: {dba: [ann], none: []}\n");
        insta::assert_snapshot!(told(file, &["dab"], None).1, @"
        warning[RB0214]: `dab` is no group and nobody that `runbooks/people.yaml` knows
        ");
        insta::assert_snapshot!(told(None, &["dba"], None).1, @"
        warning[RB0214]: nobody says who `dba` is: there is no `runbooks/people.yaml`
        ");
        insta::assert_snapshot!(told(file, &["dba"], Some(2)).1, @"
        error[RB0215]: `go` needs 2 people to say yes, and only 1 may
        ");
        insta::assert_snapshot!(told(file, &["none"], None).1, @"
        error[RB0215]: `go` needs somebody to say yes, and nobody is in the groups of `by`
        ");
        insta::assert_snapshot!(told(Some("group: {}\ngroups: [a]\npeople: {a: 1}\n"), &["a"], None).1, @"
        warning[RB0214]: `a` is no group and nobody that `runbooks/people.yaml` knows
        error[RB0101]: `people.yaml` has no key `group`
        error[RB0102]: `groups` is a map, and this is a list
        error[RB0102]: a list of login names is wanted, and this is a map
        ");
    }
}
