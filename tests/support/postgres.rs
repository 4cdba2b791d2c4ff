//! A real PostgreSQL of a test's own: nothing of the machine's own clusters is read or touched.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;

use super::daemon::{self, Daemon};
use super::debian::{self, Programs};
use super::kube::{Cluster, Exec, Ran};
use super::tools::{self, Said};

/// The user that has nothing, on every Linux. The server refuses to run as root.
const NOBODY: u32 = 65534;

/// Nothing that `ALTER SYSTEM` may set stands on the command line, since that would win over it.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
shared_preload_libraries = 'pg_stat_statements'
shared_buffers = 16MB
fsync = off
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
";

/// A running server with the superuser `postgres` and no passwords; gone with the last of its handles.
#[derive(Clone, Debug)]
pub(crate) struct Postgres(Arc<Server>);

#[derive(Debug)]
struct Server {
    // Before the folder, which must not go first.
    daemon: Mutex<Option<Daemon>>,
    /// What the container has in its environment.
    secrets: Mutex<Vec<(String, String)>>,
    port: u16,
    programs: Programs,
    home: TempDir,
}

impl Postgres {
    /// Starts an empty server; `None`, said loudly, where there is no PostgreSQL 15 to be had (a panic in CI).
    pub(crate) fn start() -> Option<Self> {
        let programs = programs()?;
        let data = match debian::once("postgres-15-data", |folder| first(&programs, folder)) {
            Ok(folder) => folder.join("data"),
            Err(why) => {
                tools::missing(&format!("PostgreSQL's data could not be made ({why})"));
                return None;
            }
        };
        Some(Self::launch(programs, |home| {
            said(Command::new("cp").arg("-a").arg(data).arg(home.join("data")))
        }))
    }

    /// Starts a standby of this server, which streams from it.
    pub(crate) fn standby(&self) -> Self {
        let programs = self.0.programs.clone();
        Self::launch(programs.clone(), |home| {
            let mut copy = as_nobody(&programs.path("pg_basebackup"));
            copy.envs(programs.environment())
                .args(["-X", "stream", "-c", "fast", "-R", "-U", "postgres", "-h"]);
            copy.arg(self.socket()).args(["-p", &self.port().to_string(), "-D"]).arg(home.join("files/data"));
            said(&mut copy)?;
            fs::rename(home.join("files/data"), home.join("data")).map_err(|error| error.to_string())
        })
    }

    /// Starts a server on the data that `fill` puts into its folder.
    fn launch(programs: Programs, fill: impl FnOnce(&Path) -> Result<(), String>) -> Self {
        let home = daemon::home("pg-");
        // The server's own folder, for its sockets.
        let files = home.path().join("files");
        fs::create_dir(&files).expect("the folder is writable");
        if root() {
            chown(&files, Some(NOBODY), Some(NOBODY)).expect("root may give files away");
        }
        fill(home.path()).unwrap_or_else(|why| panic!("the server's data: {why}"));
        let mut server =
            Server { daemon: Mutex::new(None), secrets: Mutex::default(), port: 0, programs, home };
        for attempt in 1.. {
            server.port = daemon::free_port();
            match server.come() {
                Ok(()) => break,
                Err(why) => assert!(attempt < 5 && why.contains("Address already in use"), "{why}"),
            }
        }
        Self(Arc::new(server))
    }

    /// Returns the port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.0.port
    }

    /// Returns the folder of the socket, which is a host for clients.
    pub(crate) fn socket(&self) -> PathBuf {
        self.0.home.path().join("files")
    }

    /// Returns what a child process needs so that its psql reaches this server over TCP as its superuser.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let mut environment = self.0.programs.environment();
        let own = [("PGHOST", "127.0.0.1".to_owned()), ("PGPORT", self.port().to_string())];
        environment.extend(own.map(|(key, value)| (key.to_owned(), value)));
        environment.push(("PGUSER".to_owned(), "postgres".to_owned()));
        environment
    }

    /// Returns the line of shell that becomes this server's psql (or another of its clients), for a client on a test's PATH.
    pub(crate) fn line(&self, client: &str) -> String {
        self.0.programs.line(client, &self.environment())
    }

    /// Runs the real psql with these arguments.
    pub(crate) fn psql(&self, args: &[&str]) -> Said {
        tools::run(tools::command(&self.0.programs.path("psql"), args, &self.environment()), "")
    }

    /// Returns the rows of a statement that must succeed: columns by `|`, as `psql -At` prints them.
    pub(crate) fn sql(&self, database: &str, statement: &str) -> String {
        let args = ["-X", "-At", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement];
        self.psql(&args).ok().trim_end().to_owned()
    }

    /// Creates a user and a database of the same name that belongs to it; has what `rights` say, such as `SUPERUSER`.
    pub(crate) fn user(&self, name: &str, rights: &str) {
        self.sql("postgres", &format!("CREATE ROLE {name} LOGIN {rights}"));
        self.sql("postgres", &format!("CREATE DATABASE {name} OWNER {name}"));
    }

    /// Lets the server want a password of whom comes by its socket, as clients in its pod do, and its container have these
    /// variables. Whoever comes over TCP, as the test itself, is trusted as before.
    pub(crate) fn guard(&self, secrets: &[(&str, &str)]) {
        let rules =
            "local replication all trust\nlocal all all scram-sha-256\nhost all all 127.0.0.1/32 trust\n";
        fs::write(self.0.home.path().join("data/pg_hba.conf"), rules).expect("the folder is writable");
        self.sql("postgres", "SELECT pg_reload_conf()");
        let owned = secrets.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        *self.0.secrets.lock().unwrap_or_else(PoisonError::into_inner) = owned.collect();
    }

    /// Ends the server as an administrator would, and starts it again; an error with its log where it does not come back.
    pub(crate) fn restart(&self) -> Result<(), String> {
        self.stop();
        self.0.come()
    }

    /// Ends the server, so that nobody answers on its port.
    pub(crate) fn stop(&self) {
        let daemon = self.0.daemon().take();
        if let Some(daemon) = daemon {
            daemon.end("INT");
        }
    }

    /// Does what the system does for a test process that was killed, and waits until all is gone.
    pub(crate) fn orphan(&self) {
        let daemon = self.0.daemon().take();
        daemon.expect("it runs").orphan();
    }

    /// Lets the server be what runs in this pod: `kubectl exec` reaches its clients, and a new pod is a restart.
    pub(crate) fn lives_in(&self, cluster: &Cluster, namespace: &str, pod: &str) {
        let (server, same) = (self.clone(), self.clone());
        // A server that does not come back is what a client finds, as in a pod.
        cluster.server_in((namespace, pod), move || drop(server.restart()), move |exec| same.runs(exec));
    }

    /// Runs a command of its container; `None` for what is not there.
    fn runs(&self, exec: &Exec) -> Option<Ran> {
        let (name, arguments) = exec.command.split_first()?;
        let bin = self.0.programs.path("");
        let program = match name.as_str() {
            "sh" | "bash" => tools::require(name)?,
            "postgres" | "initdb" | "pg_ctl" => return None,
            _ => Some(bin.join(name)).filter(|path| !name.contains('/') && path.is_file())?,
        };
        let mut environment = self.0.programs.environment();
        let path = std::env::var("PATH").unwrap_or_default();
        environment.push(("PATH".to_owned(), format!("{}:{path}", bin.display())));
        environment.push(("PGHOST".to_owned(), self.socket().display().to_string()));
        environment.push(("PGPORT".to_owned(), self.port().to_string()));
        // Who an image's containers run as.
        environment.push(("PGUSER".to_owned(), "postgres".to_owned()));
        environment.extend(self.0.secrets.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        let stdin = String::from_utf8_lossy(&exec.stdin).into_owned();
        Some(tools::run(tools::command(&program, arguments, &environment), &stdin).into())
    }
}

impl Server {
    fn daemon(&self) -> std::sync::MutexGuard<'_, Option<Daemon>> {
        self.daemon.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the process on the data in its folder, and waits until it takes connections.
    fn come(&self) -> Result<(), String> {
        let (home, data) = (self.home.path(), self.home.path().join("data"));
        let own =
            format!("port = {}\nunix_socket_directories = '{}'\n", self.port, home.join("files").display());
        fs::write(data.join("own.conf"), own).map_err(|error| error.to_string())?;
        // A killed server leaves it, and this one would read as ready.
        let status = data.join("postmaster.pid");
        drop(fs::remove_file(&status));
        let mut command = as_nobody(&self.programs.path("postgres"));
        command.arg("-D").arg(&data).envs(self.programs.environment());
        let daemon = Daemon::start(home, &command, "QUIT");
        let ready = |text: String| text.lines().last().is_some_and(|line| line.trim() == "ready");
        daemon.come(|_| fs::read_to_string(&status).is_ok_and(ready))?;
        *self.daemon() = Some(daemon);
        Ok(())
    }
}

/// Returns PostgreSQL's programs.
fn programs() -> Option<Programs> {
    let wanted = ["postgres", "initdb", "psql", "pg_basebackup"];
    debian::programs(&["postgresql-15", "postgresql-client-15"], "usr/lib/postgresql/15/bin", &wanted)
}

/// Makes the data that every server begins with, in `folder`.
fn first(programs: &Programs, folder: &Path) -> Result<(), String> {
    let home = daemon::home("pg-first-");
    if root() {
        chown(home.path(), Some(NOBODY), Some(NOBODY)).map_err(|error| error.to_string())?;
    }
    let data = home.path().join("data");
    let mut init = as_nobody(&programs.path("initdb"));
    init.envs(programs.environment()).args([
        "-U",
        "postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--no-sync",
    ]);
    said(init.args(["--locale=C.UTF-8", "--wal-segsize=1", "-D"]).arg(&data))?;
    let mut settings = fs::read_to_string(data.join("postgresql.conf")).map_err(|error| error.to_string())?;
    settings.push_str(&format!("{SETTINGS}include_if_exists = 'own.conf'\n"));
    fs::write(data.join("postgresql.conf"), settings).map_err(|error| error.to_string())?;
    for database in ["template1", "postgres"] {
        let mut single = as_nobody(&programs.path("postgres"));
        single.envs(programs.environment()).args(["--single", "-D"]).arg(&data).arg(database);
        let said = tools::run(single, "CREATE EXTENSION pg_stat_statements;\n");
        if said.code != Some(0) || said.stderr.contains("ERROR") {
            return Err(said.stderr);
        }
    }
    // Copied by whoever is allowed to write there, which the server's user may not be.
    said(Command::new("cp").arg("-a").arg(data).arg(folder.join("data")))
}

/// Returns a command that is not root.
fn as_nobody(program: &Path) -> Command {
    let mut command = if root() {
        let mut command = Command::new("setpriv");
        command
            .args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"])
            .arg(program);
        command
    } else {
        Command::new(program)
    };
    command.env_clear().env("LC_ALL", "C").current_dir("/");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

fn root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs a command to its end; what it said is the reason of a failure.
fn said(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
