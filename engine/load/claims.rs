//! Files that claim one name, and files that no name finds.

use std::path::PathBuf;

use super::names;
use super::project::{Project, has_runbook_key};
use super::text_file;
use crate::diag::{Code, Diagnostic};

impl Project {
    /// Returns what is wrong with the names of the project's files: two that claim one name, and those that are never
    /// found under any.
    pub fn claims(&self) -> Vec<Diagnostic> {
        let mut told = Vec::new();
        let runbooks = self.list().entries;
        let known = |name: &str| runbooks.iter().find(|entry| entry.name == name);
        for (name, path) in text_file::below(&self.runbooks, ".yml") {
            if has_runbook_key(&path).unwrap_or(false) {
                told.push(self.other_ending(&path, known(&name).map(|entry| &entry.path), "runbook", &name));
            }
        }
        // A bare name is looked for at the top and in the default folder. A catalog that can't be used is told elsewhere.
        if let Ok(Some(folder)) = self.default_folder() {
            for entry in runbooks.iter().filter(|entry| !entry.name.contains('/')) {
                let Some(other) = known(&format!("{folder}/{}", entry.name)) else { continue };
                told.push(
                    self.twice(&entry.path, &other.path, &entry.name)
                        .note(format!("`runbooks/catalog.yaml` looks for bare names in `{folder}` too"))
                        .help("rename one of them, or move it into a folder of its own"),
                );
            }
        }
        let templates = text_file::yaml_below(&self.steps);
        for (name, path) in text_file::below(&self.steps, ".yml") {
            let other = templates.iter().find(|(known, _)| *known == name).map(|(_, path)| path);
            told.push(self.other_ending(&path, other, "step template", &name));
        }
        for (name, path) in templates.iter().filter(|(name, _)| !names::is_template(name)) {
            told.push(
                Diagnostic::new(
                    Code::NeverFound,
                    format!("`{}` is never found: `uses` can't name `{name}`", self.shown(path)),
                )
                .note(
                    "the name of a step template holds words of letters, digits, `-` and `_`, joined by `/`",
                )
                .help("rename the file"),
            );
        }
        told
    }

    fn shown(&self, path: &std::path::Path) -> String {
        self.relative(path).display().to_string()
    }

    // RB0226
    fn twice(&self, one: &std::path::Path, other: &std::path::Path, name: &str) -> Diagnostic {
        Diagnostic::new(
            Code::NameTwice,
            format!("`{}` and `{}` claim one name: `{name}`", self.shown(one), self.shown(other)),
        )
    }

    // RB0226, RB0227
    fn other_ending(
        &self,
        path: &std::path::Path,
        twin: Option<&PathBuf>,
        what: &str,
        name: &str,
    ) -> Diagnostic {
        match twin {
            Some(twin) => self
                .twice(twin, path, name)
                .note(format!(
                    "only `{}` is read, so what is changed in the other has no effect",
                    self.shown(twin)
                ))
                .help("keep one of them, with the ending `.yaml`"),
            None => Diagnostic::new(
                Code::NeverFound,
                format!("`{}` is never found: the file of a {what} ends in `.yaml`", self.shown(path)),
            )
            .help(format!("rename it: `{}`", self.shown(&path.with_extension("yaml")))),
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the project of a test is made of files")]
mod tests {
    use std::fs;

    use super::*;
    use crate::diag::{Sources, text};

    #[test]
    fn every_name_has_one_file_and_every_file_a_name() {
        let folder = tempfile::tempdir().expect("a folder");
        for path in [
            "runbooks/a/deploy.yaml",
            "runbooks/deploy.yaml",
            "runbooks/scale.yaml",
            "runbooks/scale.yml",
            "runbooks/lost.yml",
            "steps/tell/echo.yml",
            "steps/tell/say it.yaml",
            "steps/tell/fine.yaml",
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("has one")).expect("is made");
            fs::write(path, "runbook: x\n").expect("is written");
        }
        fs::write(folder.path().join("runbooks/table.yml"), "a: 1\n").expect("is written");
        fs::write(folder.path().join("runbooks/catalog.yaml"), "default: a\n").expect("is written");
        let told: Vec<String> = Project::at(folder.path())
            .claims()
            .iter()
            .map(|found| text::diagnostic(found, &Sources::new(), text::Look::default()))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        warning[RB0227]: `runbooks/lost.yml` is never found: the file of a runbook ends
                         in `.yaml`
         |
         = help: rename it: `runbooks/lost.yaml`
        error[RB0226]: `runbooks/scale.yaml` and `runbooks/scale.yml` claim one name:
                       `scale`
         |
         = note: only `runbooks/scale.yaml` is read, so what is changed in the
                 other has no effect
         = help: keep one of them, with the ending `.yaml`
        error[RB0226]: `runbooks/deploy.yaml` and `runbooks/a/deploy.yaml` claim one
                       name: `deploy`
         |
         = note: `runbooks/catalog.yaml` looks for bare names in `a` too
         = help: rename one of them, or move it into a folder of its own
        warning[RB0227]: `steps/tell/echo.yml` is never found: the file of a step
                         template ends in `.yaml`
         |
         = help: rename it: `steps/tell/echo.yaml`
        warning[RB0227]: `steps/tell/say it.yaml` is never found: `uses` can't name
                         `tell/say it`
         |
         = note: the name of a step template holds words of letters, digits, `-`
                 and `_`, joined by `/`
         = help: rename the file
        ");
    }
}
