//! A server process of a test: its output in a file, and gone with the test, also with one that was killed.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longer than any server takes to come, on a machine that is busy elsewhere.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the server, waits for the signal to end it with, and passes that on.
///
/// The end of stdin without a word means that the test process is no more: then the server's folder goes, too. Rather than
/// `setpriv --pdeathsig`, which looks at the thread that started it, and takes nothing away.
const KEEPER: &str = r#"
home=$1 last=$2; shift 2
{ sh -c 'echo $$ >"$0/pid"; exec "$@"' "$home" "$@" </dev/null; echo $? >"$home/ended"; } &
end() {
    until [ -s "$home/pid" ]; do sleep 0.01; done
    kill -s "$1" "$(cat "$home/pid")" 2>/dev/null
    wait
}
if read -r signal; then
    end "$signal"
else
    end "$last"
    rm -rf "$home"
fi
"#;

/// A running server; ended when dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    keeper: Child,
    home: PathBuf,
    /// The signal that ends it at once.
    last: &'static str,
    /// How long the log was before.
    before: usize,
}

impl Daemon {
    /// Starts a server whose files are in `home`, where its `log` is, too; `last` is the signal that ends it at once.
    pub(crate) fn start(home: &Path, server: &Command, last: &'static str) -> Self {
        for mark in ["pid", "ended"] {
            // Of the run before: they would be read before this one makes its own.
            drop(fs::remove_file(home.join(mark)));
        }
        let log = File::options().create(true).append(true).open(home.join("log"));
        let log = log.expect("the folder is writable");
        let before = fs::read(home.join("log")).map_or(0, |bytes| bytes.len());
        let errors = log.try_clone().expect("a file can be shared");
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(home).arg(last);
        command.arg(server.get_program()).args(server.get_args()).env_clear();
        command.envs(server.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command.stdin(Stdio::piped()).stdout(log).stderr(errors);
        Self { keeper: command.spawn().expect("sh starts"), home: home.to_owned(), last, before }
    }

    /// Waits until the server is ready; an error with what it said where it ended instead.
    pub(crate) fn come(&self, ready: impl Fn(&Self) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while !ready(self) {
            if self.home.join("ended").exists() || Instant::now() > deadline {
                return Err(self.said());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Returns what the server has said since its start.
    pub(crate) fn said(&self) -> String {
        let bytes = fs::read(self.home.join("log")).unwrap_or_default();
        String::from_utf8_lossy(bytes.get(self.before..).unwrap_or_default()).into_owned()
    }

    /// Ends the server with a signal, such as `INT`, and waits until it is gone.
    pub(crate) fn end(mut self, signal: &str) {
        self.finish(signal);
    }

    fn finish(&mut self, signal: &str) {
        if let Some(mut stdin) = self.keeper.stdin.take() {
            // Where nobody reads it, somebody killed the keeper, and there is nothing left to end.
            drop(writeln!(stdin, "{signal}"));
        }
        drop(self.keeper.wait());
    }

    /// Does what the system does for a test process that was killed, and waits until all is gone.
    pub(crate) fn orphan(mut self) {
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.finish(self.last);
    }
}

/// Returns a port of the loopback that was free just now, for servers that cannot say which one the system gave them.
///
/// Another process can take it before the server does: whoever uses it tries again where that happened.
pub(crate) fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    socket.local_addr().expect("a bound socket has an address").port()
}

/// Returns a folder for the files of a server, which a user without rights can reach, and whose path is short enough for
/// a socket.
pub(crate) fn home(name: &str) -> TempDir {
    let home = tempfile::Builder::new().prefix(name).tempdir().expect("a temporary folder");
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("the folder is ours");
    home
}
