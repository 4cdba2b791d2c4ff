//! The YAML tables that a runbook names under `data`.
#![expect(clippy::disallowed_methods, reason = "load/ reads what people write: the tables beside a runbook")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::node::NodeKind;
use super::project::Project;
use super::{text_file, yaml};
use crate::diag::{Code, Diagnostic, Report, Sources, near};
use crate::model::{DataTable, Map};

/// Reads the tables in the order written; what is wrong is told into `report`, and that table is left out.
///
/// A table stands beside the runbook or elsewhere under the project's root: a runbook from somebody else must not be
/// able to read `/etc/shadow` into a plan.
pub fn read_tables(
    tables: &[DataTable],
    project: &Project,
    sources: &mut Sources,
    report: &mut Report,
) -> Map {
    let mut read = Map::new();
    for table in tables {
        let runbook = project.root.join(sources.path(table.at.file));
        let folder = runbook.parent().unwrap_or(&project.root);
        let (path, text) = match text_of(table, folder, project) {
            Ok(found) => found,
            Err(diagnostic) => {
                report.push(diagnostic);
                continue;
            }
        };
        let file = sources.add(project.relative(&path).display().to_string(), text);
        let Some(node) = yaml::parse(sources, file, report) else { continue };
        if matches!(node.kind, NodeKind::Map(_)) {
            read.insert(table.name.clone(), node.value());
        } else if !node.is_bad() {
            let message = format!("a table is a map of names and values, and this is {}", node.described());
            let named = format!("named `{}` here", table.name);
            report.push(Diagnostic::new(Code::BadTable, message).at(node.place, "").also(table.at, named));
        }
    }
    read
}

fn text_of(table: &DataTable, folder: &Path, project: &Project) -> Result<(PathBuf, String), Diagnostic> {
    let wrong = |message: String| Diagnostic::new(Code::BadTable, message).at(table.at, "");
    let path = folder.join(&table.file);
    let shown = project.relative(&path).display().to_string();
    // Resolved before it is compared: a link is as good a way out as `..` is.
    let real = |path: &Path| fs::canonicalize(path);
    let whole = match real(&path) {
        Ok(whole) => whole,
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            let diagnostic = wrong(format!("there is no file `{shown}`"));
            return Err(match near(&table.file, beside(folder).iter().map(String::as_str)) {
                Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
                None => diagnostic.help("the path begins at the runbook's folder"),
            });
        }
        Err(source) => return Err(wrong(format!("can't read `{shown}`: {source}"))),
    };
    if ![&project.root, folder].into_iter().any(|allowed| real(allowed).is_ok_and(|it| whole.starts_with(it)))
    {
        let diagnostic = wrong(format!("`{}` leads out of the project", table.file));
        return Err(diagnostic.help(format!("keep the table under `{}`", project.root.display())));
    }
    let text = text_file::read(&whole, &shown).map_err(|found| found.at(table.at, ""))?;
    Ok((path, text))
}

fn beside(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diag::text;
    use crate::model::Place;

    struct Fixture {
        _folder: tempfile::TempDir,
        project: Project,
        sources: Sources,
        report: Report,
    }

    impl Fixture {
        fn new(files: &[(&str, &str)]) -> Fixture {
            let folder = tempfile::tempdir().expect("a folder");
            for (path, text) in files {
                let path = folder.path().join(path);
                fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
                fs::write(path, text).expect("a file");
            }
            let root = folder.path().join("project");
            fs::create_dir_all(root.join("runbooks")).expect("a folder");
            let mut sources = Sources::new();
            sources.add("runbooks/a/b.yaml", "data: {t: x.yaml}\n");
            Fixture { project: Project::at(&root), _folder: folder, sources, report: Report::new() }
        }

        fn read(&mut self, file: &str) -> Map {
            let table = DataTable { name: "t".to_owned(), file: file.to_owned(), at: Place::new(0, 10, 16) };
            read_tables(&[table], &self.project, &mut self.sources, &mut self.report)
        }

        fn told(&self) -> String {
            let look = text::Look { width: 300, ..text::Look::default() };
            let root = self.project.root.display().to_string();
            text::report(&self.report, &self.sources, look).replace(&root, "/p").replace(" (os error 21)", "")
        }
    }

    #[test]
    fn a_table_stands_beside_the_runbook_or_elsewhere_in_the_project() {
        let mut fixture = Fixture::new(&[
            ("project/runbooks/a/platform.yaml", "acu: {peak: {min: 4}}\nzones: [b, a]\n"),
            ("project/shared/zones.yaml", "z: 1\n"),
        ]);
        assert_eq!(
            fixture.read("platform.yaml")["t"],
            json!({"acu": {"peak": {"min": 4}}, "zones": ["b", "a"]})
        );
        assert_eq!(fixture.read("../../shared/zones.yaml")["t"], json!({"z": 1}));
        assert!(fixture.report.is_empty());
    }

    #[test]
    fn what_is_no_table_is_told() {
        let mut fixture = Fixture::new(&[
            ("project/runbooks/a/platform.yaml", "a: 1\n"),
            ("project/runbooks/a/list.yaml", "- a\n- b\n"),
            ("project/runbooks/a/broken.yaml", "a: [1\n"),
            ("outside.yaml", "a: 1\n"),
        ]);
        for file in ["platfrom.yaml", "list.yaml", "broken.yaml", "../../../outside.yaml", "."] {
            assert!(fixture.read(file).is_empty(), "{file}");
        }
        insta::assert_snapshot!(fixture.told(), @r"
        error[RB0505]: there is no file `runbooks/a/platfrom.yaml`
         --> runbooks/a/b.yaml:1:11
          |
        1 | data: {t: x.yaml}
          |           ^^^^^^
          |
          = help: did you mean `platform.yaml`?

        error[RB0505]: `../../../outside.yaml` leads out of the project
         --> runbooks/a/b.yaml:1:11
          |
        1 | data: {t: x.yaml}
          |           ^^^^^^
          |
          = help: keep the table under `/p`

        error[RB0001]: can't read `runbooks/a`: it is a folder
         --> runbooks/a/b.yaml:1:11
          |
        1 | data: {t: x.yaml}
          |           ^^^^^^

        error[RB0505]: a table is a map of names and values, and this is a list
         --> runbooks/a/list.yaml:1:1
          |
        1 | - a
          | ^
          |
         ::: runbooks/a/b.yaml:1:11
          |
        1 | data: {t: x.yaml}
          |           ------ named `t` here

        error[RB0004]: a `[` is never closed
         --> runbooks/a/broken.yaml:1:4
          |
        1 | a: [1
          |    ^

        5 errors
        ");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_no_way_out() {
        let mut fixture =
            Fixture::new(&[("outside.yaml", "a: 1\n"), ("project/runbooks/a/x.yaml", "a: 1\n")]);
        let link = fixture.project.root.join("runbooks/a/link.yaml");
        std::os::unix::fs::symlink(fixture.project.root.join("../outside.yaml"), link).expect("a link");
        assert!(fixture.read("link.yaml").is_empty());
        assert_eq!(fixture.report.count(crate::diag::Severity::Error), 1);
    }
}
