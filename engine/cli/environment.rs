//! What surrounds the program, read once: environment, folder, terminal.
#![expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

/// What surrounds the program.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The variables that are text. What is not can be neither a var nor a setting.
    pub vars: BTreeMap<String, String>,
    /// `PATH` as it is.
    pub path: Option<OsString>,
    /// The folder that the program was started in, as the shell names it.
    pub folder: PathBuf,
    /// Whether stdin, stdout and stderr are terminals.
    pub terminals: [bool; 3],
    /// The width of the terminal, in columns.
    pub columns: Option<usize>,
    /// The machine's name.
    pub host: String,
    /// The number of the user.
    pub uid: u32,
    /// The user's name as the system's own list of users has it.
    pub login: Option<String>,
}

impl Environment {
    /// Reads the surroundings.
    ///
    /// # Errors
    ///
    /// When the current folder is gone.
    pub fn read() -> io::Result<Environment> {
        let vars: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let folder = std::env::current_dir()?;
        // The system resolves links; the shell's PWD is what the person sees, and is taken when it is the same place.
        let folder = vars
            .get("PWD")
            .map(PathBuf::from)
            .filter(|shown| shown.is_absolute() && shown.canonicalize().is_ok_and(|real| real == folder))
            .unwrap_or(folder);
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let uid = rustix::process::getuid().as_raw();
        // A container may have no list of users, or none that is text: then the number has to do.
        let login = std::fs::read_to_string("/etc/passwd").ok().and_then(|users| login(&users, uid));
        Ok(Environment {
            path: std::env::var_os("PATH"),
            folder,
            terminals: [io::stdin().is_terminal(), io::stdout().is_terminal(), io::stderr().is_terminal()],
            columns: columns(),
            host,
            uid,
            login,
            vars,
        })
    }

    /// Returns a variable that is set to something.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Returns the name of the user with that number, from lines like `ada:x:1000:1000:Ada:/home/ada:/bin/sh`.
fn login(users: &str, uid: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with(['#', '+', '-']))?;
        let number = fields.nth(1)?.parse::<u32>().ok()?;
        (number == uid).then(|| name.to_owned())
    })
}

fn columns() -> Option<usize> {
    let of = |size: rustix::io::Result<rustix::termios::Winsize>| {
        size.ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0)
    };
    of(rustix::termios::tcgetwinsize(io::stdout()))
        .or_else(|| of(rustix::termios::tcgetwinsize(io::stderr())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let users =
            "# local\nroot:x:0:0:root:/root:/bin/sh\n+::::::\nbad\nada:x:1000:100::/home/ada:/bin/sh\n";
        assert_eq!(login(users, 0).as_deref(), Some("root"));
        assert_eq!(login(users, 1000).as_deref(), Some("ada"));
        assert_eq!(login(users, 100), None);
    }
}
