//! Finds the project, its runbooks, and the one runbook that a name means.
#![expect(clippy::disallowed_methods, reason = "load/ reads what people write, and this file finds it")]

use std::fs;
use std::io::{self, BufRead};
use std::path::{Component, Path, PathBuf};

use super::node::{Node, NodeKind};
use super::yaml;
use crate::diag::{Code, Diagnostic, Report, Sources, near};

/// A runbook's file with the name it goes by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The qualified name: the path under `runbooks/` without `.yaml`, as in `autolytiq/pre-scale-event`.
    /// For a file outside `runbooks/`, its stem.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

/// The runbooks that were found, and what stood in the way of finding others.
#[derive(Debug, Default)]
pub struct Listing {
    /// The runbooks by name.
    pub entries: Vec<Entry>,
    /// Folders and files that could not be looked into. The rest is complete all the same.
    pub problems: Vec<ProjectError>,
}

/// A project: the folder that holds `runbooks/`, and perhaps `steps/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Where commands run that name no `dir`.
    pub root: PathBuf,
    /// The project's own step templates; the folder need not be there.
    pub steps: PathBuf,
    /// The runbooks.
    pub runbooks: PathBuf,
}

/// Why a project or a runbook could not be found.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The folder to start from is not there.
    #[error("there is no folder `{}`", .0.display())]
    NoFolder(PathBuf),
    /// No folder upwards holds `runbooks/`.
    #[error("no folder `runbooks` in `{}`, nor in any folder above it", .0.display())]
    NoProject(PathBuf),
    /// A file or folder could not be read.
    #[error("can't read `{}`: {source}", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A link leads back to a folder that it stands in.
    #[error("`{}` is a link back to `{}`, which holds it: looking into it would never end", link.display(), target.display())]
    Loop {
        /// The link.
        link: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// A name is not text.
    #[error("`{}` has a name that is not UTF-8, so nobody could type it", .0.display())]
    NotText(PathBuf),
    /// `catalog.yaml` can't be used.
    #[error("`{}`: {problem}", path.display())]
    Catalog {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// No runbook has this name.
    #[error("{}", .0.message())]
    NotFound(Box<NotFound>),
    /// A bare name stands for two files.
    #[error("`{name}` could be `{}` or `{}`", first.display(), second.display())]
    Ambiguous {
        /// The name.
        name: String,
        /// The file of exactly that name.
        first: PathBuf,
        /// The file in the default folder.
        second: PathBuf,
    },
}

/// A name that no runbook has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotFound {
    /// The name as typed.
    pub name: String,
    /// The folder where a bare name was looked for, when the catalog names one.
    pub default: Option<String>,
    /// Runbooks of exactly this bare name in other folders.
    pub elsewhere: Vec<String>,
    /// Names that look like it, the likest first.
    pub near: Vec<String>,
    /// Every name there is.
    pub candidates: Vec<String>,
}

impl NotFound {
    fn message(&self) -> String {
        let name = &self.name;
        match &self.default {
            Some(folder) if !name.contains('/') => {
                format!("no runbook `{name}` in `runbooks/{folder}`, where a bare name is looked for")
            }
            _ if is_file_name(name) => format!("there is no file `{name}`"),
            _ => format!("no runbook `{name}`"),
        }
    }

    /// Returns what to type instead.
    pub fn help(&self) -> String {
        let quoted =
            |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
        if !self.elsewhere.is_empty() {
            return format!("type its whole name: {}", quoted(&self.elsewhere));
        }
        match (self.near.as_slice(), self.candidates.len()) {
            ([], 0) => "this project has no runbooks yet: a runbook is a YAML file under `runbooks/` with the key `runbook`".to_owned(),
            ([], 1) => format!("there is one runbook: {}", quoted(&self.candidates)),
            ([], count) => format!("`runbook list` shows the {count} there are"),
            (near, _) => format!("did you mean {}?", quoted(near)),
        }
    }
}

impl ProjectError {
    /// Returns what to do about it, when there is something to say beyond the message.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            ProjectError::NoProject(_) => {
                "go to the folder that holds `runbooks/`, or name it: `runbook -C DIR …`".to_owned()
            }
            ProjectError::Loop { .. } => "remove the link, or let it lead outside".to_owned(),
            ProjectError::NotFound(missing) => missing.help(),
            ProjectError::Ambiguous { second, .. } => format!(
                "a bare name must not reach the wrong one: give the path, as in `{}`",
                second.display()
            ),
            _ => return None,
        })
    }
}

impl From<ProjectError> for Diagnostic {
    fn from(error: ProjectError) -> Diagnostic {
        let code = match &error {
            ProjectError::NoFolder(_) | ProjectError::NoProject(_) => Code::NoProject,
            ProjectError::Unreadable { .. } | ProjectError::Loop { .. } | ProjectError::NotText(_) => {
                Code::Unreadable
            }
            ProjectError::Catalog { .. } => Code::BadValue,
            ProjectError::NotFound(_) | ProjectError::Ambiguous { .. } => Code::UnknownRunbook,
        };
        let diagnostic = Diagnostic::new(code, error.to_string());
        match error.help() {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

impl Project {
    /// Finds the project that `start`, an absolute path, stands in: the nearest folder upwards that holds `runbooks/`.
    ///
    /// # Errors
    ///
    /// [`ProjectError::NoFolder`] when `start` is not there, [`ProjectError::NoProject`] when no folder holds one.
    pub fn find(start: &Path) -> Result<Project, ProjectError> {
        if !start.is_dir() {
            return Err(ProjectError::NoFolder(start.to_owned()));
        }
        let root = start
            .ancestors()
            .find(|folder| folder.join("runbooks").is_dir())
            .ok_or_else(|| ProjectError::NoProject(start.to_owned()))?;
        Ok(Project::at(root))
    }

    /// Returns the project whose root is `root`, without looking whether it is there.
    pub fn at(root: &Path) -> Project {
        Project { root: root.to_owned(), steps: root.join("steps"), runbooks: root.join("runbooks") }
    }

    /// Lists the runbooks by name.
    ///
    /// A file under `runbooks/` is one when it has the key `runbook` at its top: tables, `catalog.yaml` and
    /// `*.test.yaml` stand beside runbooks. The key is looked for in the text, so that a file that is not even YAML
    /// is listed and its mistake is told.
    pub fn list(&self) -> Listing {
        let mut listing = Listing::default();
        let mut above = Vec::new();
        walk(&self.runbooks, "", &mut above, &mut listing);
        listing.entries.sort();
        listing
    }

    /// Returns the folder that `runbooks/catalog.yaml` calls `default`, relative to `runbooks/`.
    ///
    /// # Errors
    ///
    /// [`ProjectError::Catalog`] when the file can't be used or names a folder that is not there.
    pub fn default_folder(&self) -> Result<Option<String>, ProjectError> {
        let path = self.runbooks.join("catalog.yaml");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ProjectError::Unreadable { path, source }),
        };
        let wrong = |problem: String| ProjectError::Catalog { path: path.clone(), problem };
        let Some(folder) = catalog_default(&text).map_err(wrong)? else { return Ok(None) };
        if !is_plain(&folder) || !self.runbooks.join(&folder).is_dir() {
            return Err(wrong(format!("`default: {folder}` is not a folder under `runbooks/`")));
        }
        Ok(Some(folder))
    }

    /// Returns the runbook that `name` means: a qualified name, a bare name in the default folder, or the path of a
    /// file, relative to `from`.
    ///
    /// # Errors
    ///
    /// [`ProjectError::NotFound`] with names that look like it, [`ProjectError::Ambiguous`],
    /// [`ProjectError::Catalog`].
    pub fn resolve(&self, name: &str, from: &Path) -> Result<Entry, ProjectError> {
        if is_file_name(name) {
            let path = from.join(name);
            return if is_there(&path) {
                Ok(Entry { name: self.name_of(&path), path })
            } else {
                Err(self.not_found(name, None))
            };
        }
        let exact = self.file_of(name);
        if name.contains('/') {
            return exact.ok_or_else(|| self.not_found(name, None));
        }
        let default = self.default_folder()?;
        let inside = default.as_ref().and_then(|folder| self.file_of(&format!("{folder}/{name}")));
        match (exact, inside) {
            (Some(exact), Some(inside)) => Err(ProjectError::Ambiguous {
                name: name.to_owned(),
                first: self.relative(&exact.path),
                second: self.relative(&inside.path),
            }),
            (Some(entry), None) | (None, Some(entry)) => Ok(entry),
            (None, None) => Err(self.not_found(name, default)),
        }
    }

    /// Returns `path` as shown to people: relative to the root where it stands under it.
    pub fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap_or(path).to_owned()
    }

    /// Returns the qualified name of a runbook's file; its stem when it stands outside `runbooks/`. A link has the name of the place
    /// where it stands, as in a listing, not of what it leads to: that may be the runbook of another platform.
    pub fn name_of(&self, path: &Path) -> String {
        let is_plain = |path: &&Path| path.components().all(|part| matches!(part, Component::Normal(_)));
        if let Some(inside) = path.strip_prefix(&self.runbooks).ok().filter(is_plain) {
            // By its parts: what was typed may have `//` and `./` between them, and is the same runbook.
            let parts: PathBuf = inside.components().collect();
            return parts.with_extension("").to_string_lossy().into_owned();
        }
        let whole = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let path = match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) => whole(folder).join(name),
            _ => whole(path),
        };
        match path.strip_prefix(whole(&self.runbooks)) {
            Ok(inside) => inside.with_extension("").to_string_lossy().into_owned(),
            Err(_) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }

    pub(super) fn file_of(&self, name: &str) -> Option<Entry> {
        let path = self.runbooks.join(format!("{name}.yaml"));
        (is_plain(name) && is_there(&path)).then(|| Entry { name: name.to_owned(), path })
    }

    fn not_found(&self, name: &str, default: Option<String>) -> ProjectError {
        let candidates: Vec<String> = self.list().entries.into_iter().map(|entry| entry.name).collect();
        let typed = bare(name.strip_suffix(".yaml").unwrap_or(name));
        let elsewhere = candidates.iter().filter(|candidate| bare(candidate) == typed).cloned().collect();
        let like = near(typed, candidates.iter().map(|candidate| bare(candidate)));
        let near = near(name, candidates.iter().map(String::as_str))
            .into_iter()
            .chain(candidates.iter().map(String::as_str).filter(|known| like == Some(bare(known))))
            .fold(Vec::new(), |mut found: Vec<String>, known| {
                if !found.iter().any(|other| other == known) {
                    found.push(known.to_owned());
                }
                found
            });
        ProjectError::NotFound(Box::new(NotFound {
            name: name.to_owned(),
            default,
            elsewhere,
            near,
            candidates,
        }))
    }
}

/// Says whether anything stands at `path`, be it a folder or a link that leads nowhere: reading it then says why it is no
/// runbook, and "no such runbook" would be wrong about a file that everybody can see.
pub(super) fn is_there(path: &Path) -> bool {
    match fs::metadata(path) {
        // Not a pipe: opening it would wait for somebody to write.
        Ok(about) => about.is_file() || about.is_dir(),
        Err(_) => fs::symlink_metadata(path).is_ok(),
    }
}

/// Returns the last part of a qualified name.
fn bare(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Says whether what was typed names a file and not a runbook.
fn is_file_name(name: &str) -> bool {
    name.contains('/') && name.ends_with(".yaml")
}

/// Says whether a name stays under the folder it is joined to.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.contains('\0')
        && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

fn walk(folder: &Path, prefix: &str, above: &mut Vec<PathBuf>, listing: &mut Listing) {
    let unreadable = |path: &Path, source| ProjectError::Unreadable { path: path.to_owned(), source };
    let (place, found) = match fs::canonicalize(folder).and_then(|place| Ok((place, fs::read_dir(folder)?))) {
        Ok(found) => found,
        Err(source) => return listing.problems.push(unreadable(folder, source)),
    };
    if above.contains(&place) {
        return listing.problems.push(ProjectError::Loop { link: folder.to_owned(), target: place });
    }
    let mut paths = Vec::new();
    for entry in found {
        match entry {
            Ok(entry) => paths.push(entry.path()),
            Err(source) => listing.problems.push(unreadable(folder, source)),
        }
    }
    paths.sort();
    above.push(place);
    for path in paths {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            listing.problems.push(ProjectError::NotText(path));
            continue;
        };
        if name.starts_with('.') {
            continue;
        }
        let qualified = format!("{prefix}{name}");
        // Follows links: a folder of runbooks shared by two projects is linked into both.
        match fs::metadata(&path) {
            Ok(kind) if kind.is_dir() => walk(&path, &format!("{qualified}/"), above, listing),
            Ok(kind) if kind.is_file() && may_be_runbook(name) => match has_runbook_key(&path) {
                Ok(true) => {
                    let name = qualified.strip_suffix(".yaml").unwrap_or(&qualified).to_owned();
                    listing.entries.push(Entry { name, path });
                }
                Ok(false) => {}
                Err(source) => listing.problems.push(unreadable(&path, source)),
            },
            Ok(_) => {}
            Err(source) => listing.problems.push(unreadable(&path, source)),
        }
    }
    above.pop();
}

fn may_be_runbook(name: &str) -> bool {
    name.ends_with(".yaml") && !name.ends_with(".test.yaml") && name != "catalog.yaml"
}

/// Says whether some line begins with the key `runbook`: what stands at the top of a YAML map begins its line.
pub(super) fn has_runbook_key(path: &Path) -> io::Result<bool> {
    let mut lines = io::BufReader::new(fs::File::open(path)?).split(b'\n');
    lines.try_fold(false, |found, line| {
        let line = line?;
        let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line);
        let key = ["runbook", "\"runbook\"", "'runbook'"]
            .iter()
            .find_map(|key| line.strip_prefix(key.as_bytes()))
            .map(|rest| rest.trim_ascii_start());
        Ok(found || key.is_some_and(|rest| rest.starts_with(b":")))
    })
}

/// Returns what a catalog calls `default`, or what is wrong with the catalog, with its line.
fn catalog_default(text: &str) -> Result<Option<String>, String> {
    let mut sources = Sources::new();
    let file = sources.add("", text);
    let mut report = Report::new();
    let catalog = yaml::parse(&sources, file, &mut report);
    if let Some(problem) = report.iter().find(|problem| problem.code != Code::EmptyFile) {
        let line = problem.place().map_or(1, |place| sources.start(place).line);
        return Err(format!("line {line}: {}", problem.message));
    }
    if let Some(other) = catalog.as_ref().filter(|catalog| !matches!(catalog.kind, NodeKind::Map(_))) {
        let line = sources.start(other.place).line;
        return Err(format!(
            "line {line}: a map with `default` is wanted, and this is {}",
            other.described()
        ));
    }
    match catalog.as_ref().and_then(|catalog| catalog.get("default")) {
        None => Ok(None),
        Some(Node { kind: NodeKind::Str(folder), .. }) => Ok(Some(folder.clone())),
        Some(other) => Err(format!("`default` is the name of a folder, and this is {}", other.described())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("runbooks")).expect("a folder");
        for (path, text) in files {
            let path = folder.path().join("runbooks").join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let project = Project::find(folder.path()).expect("a project");
        (folder, project)
    }

    fn two_platforms() -> (tempfile::TempDir, Project) {
        project(&[
            ("catalog.yaml", "default: autolytiq\n"),
            ("local.yaml", "# comment\nrunbook: local\n"),
            ("autolytiq/pre-scale-event.yaml", "runbook: pre-scale-event\n"),
            ("autolytiq/broken.yaml", "\"runbook\" : broken\n\t]"),
            ("autolytiq/platform.yaml", "table:\n  runbook: not at the top\n"),
            ("autolytiq/pre-scale-event.test.yaml", "runbook: pre-scale-event\n"),
            ("autolytiq/.hidden.yaml", "runbook: hidden\n"),
            ("arka/pre-scale-event.yaml", "runbook: pre-scale-event\n"),
            ("arka/scale-up.yaml", "runbook: scale-up\n"),
        ])
    }

    /// What a person reads, with the fixture's folder as `/p`.
    fn told(folder: &tempfile::TempDir, error: ProjectError) -> String {
        let help = error.help().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        format!("{error}{help}").replace(&*folder.path().to_string_lossy(), "/p")
    }

    #[test]
    fn is_the_nearest_folder_upwards() {
        let (folder, project) = two_platforms();
        let deep = folder.path().join("runbooks/arka");
        assert_eq!(Project::find(&deep).expect("a project"), project);
        assert_eq!(project.root, folder.path());
    }

    #[test]
    fn says_where_it_looked() {
        let folder = tempfile::tempdir().expect("a folder");
        insta::assert_snapshot!(told(&folder, Project::find(folder.path()).expect_err("none")), @r"
        no folder `runbooks` in `/p`, nor in any folder above it
        help: go to the folder that holds `runbooks/`, or name it: `runbook -C DIR …`
        ");
        let missing = folder.path().join("missing");
        insta::assert_snapshot!(told(&folder, Project::find(&missing).expect_err("none")), @"there is no folder `/p/missing`");
    }

    #[test]
    fn a_link_has_the_name_of_where_it_stands() {
        let (folder, project) = two_platforms();
        let runbooks = folder.path().join("runbooks");
        let link = |to: &str, from: &str| {
            std::os::unix::fs::symlink(runbooks.join(to), runbooks.join(from)).expect("a link");
        };
        link("arka/scale-up.yaml", "autolytiq/scale-up.yaml");
        link("arka", "linked");
        let named = |path: &str| project.name_of(&runbooks.join(path));
        assert_eq!(named("autolytiq/scale-up.yaml"), "autolytiq/scale-up");
        assert_eq!(named("linked/scale-up.yaml"), "linked/scale-up");
        assert_eq!(named("arka/../autolytiq/scale-up.yaml"), "autolytiq/scale-up");
        for typed in
            ["arka//scale-up.yaml", "arka/./scale-up.yaml", "./arka/scale-up.yaml", "/arka/.//scale-up.yaml"]
        {
            let path = PathBuf::from(format!("{}/{typed}", runbooks.display()));
            assert_eq!(project.name_of(&path), "arka/scale-up", "{typed}");
        }
        let path = PathBuf::from(format!("{}/./runbooks/arka/scale-up.yaml", folder.path().display()));
        assert_eq!(project.name_of(&path), "arka/scale-up");
        assert_eq!(named("../elsewhere.yaml"), "elsewhere");
        let listed = project.list().entries;
        assert!(listed.iter().all(|entry| project.name_of(&entry.path) == entry.name), "{listed:?}");
    }

    #[test]
    fn lists_what_has_the_key() {
        let (_folder, project) = two_platforms();
        let listing = project.list();
        let names: Vec<&str> = listing.entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "arka/pre-scale-event",
                "arka/scale-up",
                "autolytiq/broken",
                "autolytiq/pre-scale-event",
                "local"
            ]
        );
        assert!(listing.problems.is_empty());
    }

    #[test]
    fn a_bare_name_reaches_the_default_folder_and_no_other() {
        let (folder, project) = two_platforms();
        let resolve = |name| project.resolve(name, folder.path());
        for (typed, meant) in [
            ("pre-scale-event", "autolytiq/pre-scale-event"),
            ("arka/pre-scale-event", "arka/pre-scale-event"),
            ("local", "local"),
            ("runbooks/arka/scale-up.yaml", "arka/scale-up"),
        ] {
            assert_eq!(resolve(typed).expect(typed).name, meant);
        }
        let messages: Vec<String> =
            ["scale-up", "pre-scale-evnt", "autolytiq/scale-up", "zzz", "./x.yaml", "../arka"]
                .map(|name| told(&folder, resolve(name).expect_err(name)))
                .into();
        insta::assert_snapshot!(messages.join("\n"), @r"
        no runbook `scale-up` in `runbooks/autolytiq`, where a bare name is looked for
        help: type its whole name: `arka/scale-up`
        no runbook `pre-scale-evnt` in `runbooks/autolytiq`, where a bare name is looked for
        help: did you mean `arka/pre-scale-event` or `autolytiq/pre-scale-event`?
        no runbook `autolytiq/scale-up`
        help: type its whole name: `arka/scale-up`
        no runbook `zzz` in `runbooks/autolytiq`, where a bare name is looked for
        help: `runbook list` shows the 5 there are
        there is no file `./x.yaml`
        help: `runbook list` shows the 5 there are
        no runbook `../arka`
        help: `runbook list` shows the 5 there are
        ");
    }

    #[test]
    fn a_bare_name_that_stands_for_two_files_is_refused() {
        let (folder, project) = project(&[
            ("catalog.yaml", "default: arka\n"),
            ("drain.yaml", "runbook: drain\n"),
            ("arka/drain.yaml", "runbook: drain\n"),
        ]);
        let error = project.resolve("drain", folder.path()).expect_err("two");
        insta::assert_snapshot!(told(&folder, error), @r"
        `drain` could be `runbooks/drain.yaml` or `runbooks/arka/drain.yaml`
        help: a bare name must not reach the wrong one: give the path, as in `runbooks/arka/drain.yaml`
        ");
    }

    #[test]
    fn a_file_anywhere_can_be_named_by_its_path() {
        let (folder, project) = project(&[]);
        fs::write(folder.path().join("adhoc.yaml"), "runbook: adhoc\n").expect("a file");
        let entry = project.resolve("./adhoc.yaml", folder.path()).expect("the file");
        assert_eq!((entry.name.as_str(), entry.path), ("adhoc", folder.path().join("./adhoc.yaml")));
    }

    #[test]
    fn a_catalog_that_leads_nowhere_is_told() {
        let told: Vec<String> = ["default: nowhere", "default: ../..", "a: 1\ndefault: [x", "default: 3"]
            .map(|text| {
                let (folder, project) = project(&[("catalog.yaml", text)]);
                told(&folder, project.resolve("x", folder.path()).expect_err("no default"))
            })
            .into();
        insta::assert_snapshot!(told.join("\n"), @r"
        `/p/runbooks/catalog.yaml`: `default: nowhere` is not a folder under `runbooks/`
        `/p/runbooks/catalog.yaml`: `default: ../..` is not a folder under `runbooks/`
        `/p/runbooks/catalog.yaml`: line 2: a `[` is never closed
        `/p/runbooks/catalog.yaml`: `default` is the name of a folder, and this is a number
        ");
    }

    #[cfg(unix)]
    #[test]
    fn loops_and_dead_links_are_told_once_and_the_rest_is_listed() {
        let (folder, project) = two_platforms();
        let inside = project.runbooks.join("arka");
        std::os::unix::fs::symlink(&project.runbooks, inside.join("loop")).expect("a link");
        std::os::unix::fs::symlink(inside.join("gone"), inside.join("dead.yaml")).expect("a link");
        std::os::unix::fs::symlink("self.yaml", inside.join("self.yaml")).expect("a link");
        let listing = project.list();
        assert_eq!(listing.entries.len(), 5);
        let told: Vec<String> = listing
            .problems
            .into_iter()
            .map(|problem| told(&folder, problem))
            .map(|text| text.split(" (os error").next().unwrap_or_default().to_owned())
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        can't read `/p/runbooks/arka/dead.yaml`: No such file or directory
        `/p/runbooks/arka/loop` is a link back to `/p/runbooks`, which holds it: looking into it would never end
        help: remove the link, or let it lead outside
        can't read `/p/runbooks/arka/self.yaml`: Too many levels of symbolic links
        ");
    }
}
