//! A real Redis of a test's own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use super::daemon::{self, Daemon};
use super::debian::{self, Programs};
use super::kube::{Cluster, Exec, Ran};
use super::tools::{self, Said};

/// A running server; gone with the last of its handles.
#[derive(Clone, Debug)]
pub(crate) struct Redis(Arc<Server>);

#[derive(Debug)]
struct Server {
    // Before the folder, which must not go first.
    daemon: Mutex<Option<Daemon>>,
    /// The password that it wants.
    password: Mutex<Option<String>>,
    port: u16,
    programs: Programs,
    home: TempDir,
}

impl Redis {
    /// Starts an empty server with Redis' own defaults; `None`, said loudly, where there is none to be had (a panic in CI).
    pub(crate) fn start() -> Option<Self> {
        Self::with(&[])
    }

    /// Starts an empty server with these lines of a configuration file, such as `("maxmemory", "100mb")`.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Option<Self> {
        let wanted = ["redis-server", "redis-cli"];
        Some(Self::launch(debian::programs(&["redis-server", "redis-tools"], "usr/bin", &wanted)?, settings))
    }

    /// Starts a replica of this server, and waits until it is in step.
    pub(crate) fn replica(&self) -> Self {
        let of = format!("127.0.0.1 {}", self.port());
        let mut settings = vec![("replicaof", of.as_str())];
        let password = self.0.secret("masterauth");
        settings.extend(password.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let replica = Self::launch(self.0.programs.clone(), &settings);
        let daemon = replica.0.daemon();
        let joined = daemon
            .as_ref()
            .expect("it was started")
            .come(|_| replica.said(&["INFO", "replication"]).contains("master_link_status:up"));
        drop(daemon);
        joined.unwrap_or_else(|why| panic!("{why}"));
        replica
    }

    fn launch(programs: Programs, settings: &[(&str, &str)]) -> Self {
        let home = daemon::home("redis-");
        let mut server =
            Server { daemon: Mutex::new(None), password: Mutex::default(), port: 0, programs, home };
        for attempt in 1.. {
            server.port = daemon::free_port();
            server.configure(settings);
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

    /// Returns the line of shell that becomes this server's redis-cli, for a client on a test's PATH.
    pub(crate) fn line(&self) -> String {
        format!("exec '{}' \"$@\"", self.0.client().display())
    }

    /// Runs the real redis-cli with these arguments.
    pub(crate) fn cli(&self, args: &[&str]) -> Said {
        let password = self.0.secret("REDISCLI_AUTH");
        tools::run(tools::command(&self.0.client(), args, password.as_slice()), "")
    }

    /// Returns what the server answers, which must be no error.
    pub(crate) fn said(&self, args: &[&str]) -> String {
        let said = self.cli(&[&["-e"], args].concat());
        said.ok().trim_end().to_owned()
    }

    /// Lets the server want a password from now on, which its container has in `REDIS_PASSWORD` as with the charts. Its master
    /// and its replicas must have the same.
    pub(crate) fn guard(&self, password: &str) {
        self.said(&["CONFIG", "SET", "masterauth", password, "requirepass", password]);
        *self.0.password() = Some(password.to_owned());
    }

    /// Returns one field of `INFO`.
    pub(crate) fn info(&self, field: &str) -> Option<String> {
        let all = self.said(&["INFO", "everything"]);
        all.lines().find_map(|line| Some(line.strip_prefix(field)?.strip_prefix(':')?.trim().to_owned()))
    }

    /// Returns the value of a setting now.
    pub(crate) fn config(&self, name: &str) -> String {
        self.said(&["CONFIG", "GET", name]).lines().nth(1).unwrap_or_default().to_owned()
    }

    /// Ends the server and starts it again, with what its configuration file says.
    pub(crate) fn restart(&self) -> Result<(), String> {
        self.stop();
        self.0.come()
    }

    /// Ends the server, so that nobody answers on its port.
    pub(crate) fn stop(&self) {
        let daemon = self.0.daemon().take();
        if let Some(daemon) = daemon {
            daemon.end("TERM");
        }
    }

    /// Lets the server be what runs in this pod: `kubectl exec` reaches its redis-cli, and a new pod is a restart.
    pub(crate) fn lives_in(&self, cluster: &Cluster, namespace: &str, pod: &str) {
        let (server, same) = (self.clone(), self.clone());
        // A server that does not come back is what a client finds, as in a pod.
        cluster.server_in((namespace, pod), move || drop(server.restart()), move |exec| same.runs(exec));
    }

    /// Runs a command of its container, whichever pod that is; `None` for what is not there.
    pub(crate) fn runs(&self, exec: &Exec) -> Option<Ran> {
        let (name, arguments) = exec.command.split_first()?;
        let program = match name.as_str() {
            "sh" | "bash" => tools::require(name)?,
            "redis-cli" => self.0.client(),
            _ => return None,
        };
        let path = std::env::var("PATH").unwrap_or_default();
        let path = ("PATH".to_owned(), format!("{}:{path}", self.0.home.path().display()));
        let mut environment = vec![path];
        environment.extend(self.0.secret("REDIS_PASSWORD"));
        let stdin = String::from_utf8_lossy(&exec.stdin).into_owned();
        Some(tools::run(tools::command(&program, arguments, &environment), &stdin).into())
    }
}

impl Server {
    fn daemon(&self) -> MutexGuard<'_, Option<Daemon>> {
        self.daemon.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn password(&self) -> MutexGuard<'_, Option<String>> {
        self.password.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the password, where it wants one, under this name.
    fn secret(&self, name: &str) -> Option<(String, String)> {
        self.password().clone().map(|password| (name.to_owned(), password))
    }

    /// Returns a redis-cli that reaches this server without being told where it is, as the one in a pod does.
    fn client(&self) -> PathBuf {
        self.home.path().join("redis-cli")
    }

    fn configure(&self, settings: &[(&str, &str)]) {
        let home = self.home.path();
        let mut text = format!("bind 127.0.0.1\nport {}\ndir {}\nsave \"\"\n", self.port, home.display());
        // A replica need not wait for others that might come.
        text.push_str("repl-diskless-sync-delay 0\n");
        settings.iter().for_each(|(key, value)| text.push_str(&format!("{key} {value}\n")));
        fs::write(home.join("redis.conf"), text).expect("the folder is writable");
        let here = format!("set -- -h 127.0.0.1 -p {} \"$@\"", self.port);
        let script = format!("#!/bin/sh\n{here}\n{}\n", self.programs.line("redis-cli", &[]));
        fs::write(self.client(), script).expect("the folder is writable");
        fs::set_permissions(self.client(), fs::Permissions::from_mode(0o755)).expect("the file is ours");
    }

    /// Starts the process, and waits until it takes connections.
    fn come(&self) -> Result<(), String> {
        let mut command = Command::new(self.programs.path("redis-server"));
        command.arg(self.home.path().join("redis.conf")).envs(self.programs.environment());
        let daemon = Daemon::start(self.home.path(), &command, "KILL");
        daemon.come(|daemon| daemon.said().contains("eady to accept connections"))?;
        *self.daemon() = Some(daemon);
        Ok(())
    }
}
