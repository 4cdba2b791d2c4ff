//! `docs/steps/` has a page for each step template, made from it, with a step of a shipped runbook, or of one under
//! `docs/examples/`, as its example.
#![expect(clippy::disallowed_methods, reason = "a test reads the pages and writes what is blessed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use runbook::diag::text;
use runbook::docs::{Example, template_page};
use runbook::load::{FileKind, Library, Project, load_text};

const NOTE: &str = "<!-- Made from the step template by `RUNBOOK_BLESS=1 cargo test --test main docs::steps`: don't edit. -->\n\n";

/// Returns the steps of a runbook's text that use the template, as they stand there.
fn steps_that_use<'t>(text: &'t str, template: &str) -> Vec<String> {
    let wanted = format!("uses: {template}");
    let mut steps: Vec<Vec<&'t str>> = Vec::new();
    for line in text.lines() {
        match steps.last_mut() {
            _ if line.starts_with("  - id: ") => steps.push(vec![line]),
            Some(step) if line.starts_with("    ") || line.is_empty() => step.push(line),
            _ => steps.push(Vec::new()),
        }
    }
    let uses = |step: &Vec<&str>| step.iter().any(|line| line.trim() == wanted);
    let dedented = |step: Vec<&str>| {
        step.iter().map(|line| line.get(2..).unwrap_or_default()).collect::<Vec<_>>().join("\n")
    };
    steps.into_iter().filter(uses).map(dedented).map(|step| step.trim_end().to_owned()).collect()
}

fn examples(project: &Project, template: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    for entry in project.list().entries {
        // A link is the same runbook once more.
        if entry.path.is_symlink() {
            continue;
        }
        let text = fs::read_to_string(&entry.path).expect("a runbook can be read");
        let first = steps_that_use(&text, template).into_iter().next();
        examples.extend(first.map(|step| Example { runbook: entry.name.clone(), step }));
    }
    for (name, text) in written_for_it() {
        let first = steps_that_use(&text, template).into_iter().next();
        examples.extend(first.map(|step| Example { runbook: format!("docs/examples/{name}.yaml"), step }));
    }
    examples
}

/// Returns the runbooks under `docs/examples/`, by the file's stem.
fn written_for_it() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples");
    let files = crate::support::search::files(&folder).into_iter();
    let text = |(path, bytes): (PathBuf, Vec<u8>)| {
        let stem = path.file_name()?.to_str()?.strip_suffix(".yaml")?.to_owned();
        let text = String::from_utf8(bytes).ok()?;
        text.starts_with("runbook: ").then_some((stem, text))
    };
    files.filter_map(text).collect()
}

#[test]
fn the_examples_are_right() {
    let examples = written_for_it();
    for (name, text) in &examples {
        let path = format!("docs/examples/{name}.yaml");
        let loaded = load_text(text.as_str(), &path, name, FileKind::Runbook, &Library::built_in());
        let told = text::report(&loaded.report, &loaded.sources, text::Look::default());
        assert!(loaded.report.is_empty(), "{told}");
    }
    assert!(examples.len() >= 2, "{examples:?}");
}

/// Returns every page by its path.
fn pages() -> BTreeMap<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = Project::find(root).expect("this is a project");
    let library = Library::built_in();
    let mut pages = BTreeMap::new();
    let mut index = format!(
        "{NOTE}# Step templates\n\nEach is used in a runbook by `uses: NAME`. `runbook show NAME` shows its page at the terminal.\n"
    );
    let mut tool = String::new();
    for name in library.names() {
        let text = library.find(&name).and_then(|found| found.text.ok()).expect("it is compiled in");
        let loaded = load_text(text, &format!("steps/{name}.yaml"), &name, FileKind::Template, &library);
        let template = loaded.template.expect("a shipped template is right");
        let examples = examples(&project, &name);
        pages.insert(
            root.join(format!("docs/steps/{name}.md")),
            format!("{NOTE}{}", template_page(&template, &examples)),
        );
        let of = name.split('/').next().unwrap_or_default();
        if of != tool {
            tool = of.to_owned();
            index.push_str(&format!("\n## {tool}\n\n| template | what it does |\n| --- | --- |\n"));
        }
        index.push_str(&format!("| [{name}]({name}.md) | {} |\n", template.summary.replace('|', "\\|")));
    }
    pages.insert(root.join("docs/steps/README.md"), index);
    pages
}

#[test]
fn every_step_template_has_its_page() {
    let bless = std::env::var_os("RUNBOOK_BLESS").is_some();
    let mut stale = Vec::new();
    for (path, text) in pages() {
        if fs::read_to_string(&path).unwrap_or_default() == text {
            continue;
        }
        if bless {
            fs::create_dir_all(path.parent().expect("a page is in a folder"))
                .expect("the folder can be made");
            fs::write(&path, &text).expect("the page can be written");
        } else {
            stale.push(path.display().to_string());
        }
    }
    assert!(
        stale.is_empty(),
        "not as they would be made now:\n{}\nrun: RUNBOOK_BLESS=1 cargo test --test main docs::steps",
        stale.join("\n")
    );
}

#[test]
fn every_step_template_has_an_example() {
    let project = Project::find(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("this is a project");
    let unused: Vec<String> =
        Library::built_in().names().into_iter().filter(|name| examples(&project, name).is_empty()).collect();
    assert_eq!(unused, [""; 0], "nothing shows how to use them");
}

/// A page of a template that is gone says what is not so.
#[test]
fn no_page_is_left_over() {
    let wanted = pages();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/steps");
    let found = crate::support::search::files(&folder);
    let left: Vec<_> = found.into_keys().filter(|path| !wanted.contains_key(path)).collect();
    assert!(left.is_empty(), "{left:?}");
}
