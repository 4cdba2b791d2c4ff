//! A stand-in for AWS: moto's server, in a Python environment of its own under the target directory.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::tools::{self, Said};

/// The release line that the recorded replies came from.
const VERSION: &str = "5.2";

/// Not us-east-1: there the aws client v1 ignores `AWS_ENDPOINT_URL` for rds and would talk to the real service.
const REGION: &str = "us-west-2";

/// Serves on a port the system chose, says which, and ends when its stdin does.
///
/// Rather than `moto_server -p PORT`: no port can be taken between the choice and the bind, and a test process that
/// was killed leaves nothing behind, since its end of the pipe closes with it.
const LAUNCHER: &str = "
import logging, sys
from moto.server import ThreadedMotoServer
logging.getLogger('werkzeug').setLevel(logging.ERROR)
server = ThreadedMotoServer('127.0.0.1', 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
";

/// A running moto server, empty at the start, gone when dropped.
pub(crate) struct Moto {
    child: Child,
    port: u16,
    aws: PathBuf,
}

impl Moto {
    /// Starts a server; `None`, said loudly, where Python, pip or the aws client is missing (a panic in CI).
    pub(crate) fn start() -> Option<Self> {
        let aws = tools::require("aws")?;
        let python = python()?;
        let mut child = Command::new(python)
            .args(["-c", LAUNCHER])
            .env("AWS_ACCESS_KEY_ID", "nobody")
            .env("AWS_SECRET_ACCESS_KEY", "nobody")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the environment's python starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout was piped");
        BufReader::new(stdout).read_line(&mut line).expect("moto says its port");
        // From here Drop owns the child, so that the panic below cannot leave it running.
        let mut moto = Self { child, port: 0, aws };
        moto.port = line.trim().parse().unwrap_or_else(|_| panic!("moto said `{line}` instead of its port"));
        Some(moto)
    }

    /// Returns the address of the server.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns what a child process needs so that its aws client reaches this server and nothing else.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.url().as_str()),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "nobody"),
            ("AWS_SECRET_ACCESS_KEY", "nobody"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_MAX_ATTEMPTS", "1"),
            ("AWS_PAGER", ""),
            ("NO_PROXY", "127.0.0.1"),
            ("no_proxy", "127.0.0.1"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Runs the real aws client against this server.
    pub(crate) fn aws(&self, args: &[&str]) -> Said {
        let url = self.url();
        let args: Vec<&str> =
            ["--endpoint-url", &url, "--region", REGION].iter().chain(args).copied().collect();
        tools::run(tools::command(&self.aws, &args, &self.environment()), "")
    }

    /// Runs the real aws client with nothing but the environment to lead it here, as a runbook's step does.
    pub(crate) fn aws_by_environment(&self, args: &[&str]) -> Said {
        tools::run(tools::command(&self.aws, args, &self.environment()), "")
    }

    /// Creates an Aurora serverless v2 cluster with these limits, in ACUs.
    pub(crate) fn aurora(&self, cluster: &str, min: f64, max: f64) {
        let limits = format!("MinCapacity={min},MaxCapacity={max}");
        let mut args = vec!["rds", "create-db-cluster", "--db-cluster-identifier", cluster];
        args.extend(["--engine", "aurora-postgresql", "--master-username", "tester"]);
        args.extend(["--master-user-password", "nobodys-password"]);
        args.extend(["--serverless-v2-scaling-configuration", &limits]);
        self.aws(&args).ok();
    }

    /// Returns the limits of an Aurora cluster in ACUs: minimum, maximum.
    pub(crate) fn capacity(&self, cluster: &str) -> (f64, f64) {
        let query = "DBClusters[0].ServerlessV2ScalingConfiguration";
        let args = ["rds", "describe-db-clusters", "--db-cluster-identifier", cluster, "--query", query];
        let said = self.aws(&[&args[..], &["--output", "json"]].concat());
        let limits: Value = serde_json::from_str(said.ok()).expect("aws prints JSON");
        let acus = |key: &str| limits[key].as_f64().unwrap_or_else(|| panic!("no {key} in {limits}"));
        (acus("MinCapacity"), acus("MaxCapacity"))
    }

    /// Creates an EKS cluster with a node group of these limits and this size. moto makes no machines.
    pub(crate) fn node_group(&self, cluster: &str, group: &str, (min, max, size): (i64, i64, i64)) {
        let role = "arn:aws:iam::123456789012:role/nobody";
        let mut args = vec!["eks", "create-cluster", "--name", cluster, "--role-arn", role];
        args.extend(["--resources-vpc-config", "subnetIds=subnet-1,subnet-2"]);
        self.aws(&args).ok();
        let limits = format!("minSize={min},maxSize={max},desiredSize={size}");
        let mut args = vec!["eks", "create-nodegroup", "--cluster-name", cluster, "--nodegroup-name", group];
        args.extend(["--node-role", role, "--subnets", "subnet-1", "--scaling-config", &limits]);
        self.aws(&args).ok();
    }

    /// Returns the limits and the size of a node group: minimum, maximum, desired.
    pub(crate) fn nodes(&self, cluster: &str, group: &str) -> (i64, i64, i64) {
        let mut args = vec!["eks", "describe-nodegroup", "--cluster-name", cluster];
        args.extend(["--nodegroup-name", group, "--query", "nodegroup.scalingConfig", "--output", "json"]);
        let said = self.aws(&args);
        let found: Value = serde_json::from_str(said.ok()).expect("aws prints JSON");
        let count = |key: &str| found[key].as_i64().unwrap_or_else(|| panic!("no {key} in {found}"));
        (count("minSize"), count("maxSize"), count("desiredSize"))
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Returns the Python that has moto, after making its environment where it does not exist yet.
fn python() -> Option<PathBuf> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("cargo's tmp is inside the target directory")
        .join("tools");
    let environment = home.join(format!("moto-{VERSION}"));
    std::fs::create_dir_all(&home).expect("the target directory is writable");
    // Test processes run side by side: one makes the environment, the others wait for it.
    let lock =
        File::create(home.join(format!("moto-{VERSION}.lock"))).expect("the target directory is writable");
    lock.lock().expect("the file system has locks");
    let ready = environment.join("ready");
    let python = environment.join("bin").join("python");
    // The environment's python is a link: it dangles when the machine's Python was replaced.
    if !ready.exists() || !python.exists() {
        if let Err(why) = install(&environment) {
            tools::missing(&format!("moto {VERSION} could not be installed ({why})"));
            return None;
        }
        File::create(&ready).expect("the environment is writable");
    }
    Some(python)
}

/// Makes the environment from nothing; a half-made one is replaced.
fn install(environment: &Path) -> Result<(), String> {
    let host = tools::require("python3").ok_or("no python3")?;
    run(Command::new(host).args(["-m", "venv", "--clear"]).arg(environment))?;
    let packages = format!("moto[server]=={VERSION}.*");
    run(Command::new(environment.join("bin").join("python")).args(["-m", "pip", "install", "-q", &packages]))
}

/// Runs one command of the installation; the last line it said is the reason of a failure.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let reason = stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given").to_owned();
    if output.status.success() { Ok(()) } else { Err(reason) }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn the_server_ends_when_the_test_process_does() {
        let Some(mut moto) = Moto::start() else { return };
        assert!(TcpStream::connect(("127.0.0.1", moto.port)).is_ok());
        // What the system does for a test process that was killed: its end of the pipe closes.
        drop(moto.child.stdin.take());
        assert!(moto.child.wait().expect("the server is our child").success());
    }
}
