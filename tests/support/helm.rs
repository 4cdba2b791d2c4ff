//! A stand-in for helm (`helm.py` beside this file says what it is), in a Python environment of its own below the target
//! directory, since Helm's own library comes as a Python package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use super::debian;
use super::kube::Kubectl;
use super::tools::{self, Said};

/// The package with Helm's library in it.
const PACKAGE: &str = "helm-python-sdk==0.2.2";

/// A helm that reaches what a kubectl reaches.
pub(crate) struct Helm {
    python: PathBuf,
    environment: Vec<(String, String)>,
    home: TempDir,
}

impl Helm {
    /// Returns a helm for the cluster and the namespace of a kubectl, without any repository; `None`, said loudly, where
    /// Python or pip is missing (a panic in CI).
    pub(crate) fn new(kubectl: &Kubectl) -> Option<Self> {
        let python = python()?;
        let home = TempDir::new().expect("a temporary folder");
        let mut environment = kubectl.environment();
        let repositories = home.path().join("repositories.json").display().to_string();
        environment.push(("HELM_REPOSITORY_CONFIG".to_owned(), repositories));
        Some(Self { python, environment, home })
    }

    /// Returns the folder of the test charts: `arka-engine`, `postgresql`, `redis` and `redis-cluster`.
    pub(crate) fn charts() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/charts")
    }

    /// Lets there be a repository that has the test charts, such as `bitnami`.
    pub(crate) fn repository(&self, name: &str) {
        let found =
            json!({"repositories": [{"name": name, "url": format!("file://{}", Self::charts().display())}]});
        fs::write(self.home.path().join("repositories.json"), found.to_string())
            .expect("the folder is writable");
    }

    /// Returns the lines of shell that become this helm, for a client on a test's PATH.
    pub(crate) fn line(&self) -> String {
        let repositories = self.home.path().join("repositories.json");
        let export = format!("export HELM_REPOSITORY_CONFIG='{}'", repositories.display());
        format!("{export}\nexec '{}' '{}' \"$@\"", self.python.display(), script().display())
    }

    /// Runs it.
    pub(crate) fn run(&self, args: &[&str]) -> Said {
        let script = script().display().to_string();
        let all = [&[script.as_str()], args].concat();
        tools::run(tools::command(&self.python, &all, &self.environment), "")
    }

    /// Asks Helm's own library about a release: what it reads from the Secrets that this helm wrote.
    pub(crate) fn library(&self, namespace: &str, call: &str) -> serde_json::Value {
        let script = format!(
            "import helm_python, json, os\nwith helm_python.Config(kubeconfig_path=os.environ['KUBECONFIG'], \
             namespace='{namespace}') as config: print(json.dumps(config.{call}))"
        );
        let said = tools::run(tools::command(&self.python, &["-c", &script], &self.environment), "");
        serde_json::from_str(said.ok()).expect("it prints JSON")
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/helm.py")
}

/// Returns the Python that has Helm's library, after making its environment where it does not exist yet.
fn python() -> Option<PathBuf> {
    let host = tools::require("python3")?;
    let made = debian::once("helm-python-sdk-0.2.2", |home| {
        let environment = home.join("environment");
        run(Command::new(host).args(["-m", "venv", "--clear"]).arg(&environment))?;
        run(Command::new(environment.join("bin/python")).args(["-m", "pip", "install", "-q", PACKAGE]))
    });
    match made {
        Ok(home) => Some(home.join("environment/bin/python")),
        Err(why) => {
            tools::missing(&format!("{PACKAGE} could not be installed ({why})"));
            None
        }
    }
}

/// Runs one command of the installation; the last line it said is the reason of a failure.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let reason = stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given").to_owned();
    if output.status.success() { Ok(()) } else { Err(reason) }
}
