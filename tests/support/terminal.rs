//! A terminal with somebody at it: the real binary on a pseudo-terminal that is its controlling one.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

/// How long anything is waited for: far more than a machine under load needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ctrl-C, Ctrl-D and Ctrl-Z.
pub(crate) const CTRL_C: &str = "\u{3}";
pub(crate) const CTRL_D: &str = "\u{4}";
pub(crate) const CTRL_Z: &str = "\u{1a}";

/// A terminal of 80 columns and 24 rows, and the program on it.
pub(crate) struct Terminal {
    keys: Option<File>,
    slave: Option<File>,
    child: Child,
    written: Arc<Mutex<String>>,
    seen: usize,
    gone: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Starts `command` on a terminal of its own.
    pub(crate) fn start(command: &Command) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .expect("there are pseudo-terminals");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("it is ours");
        let path = ptsname(&master, Vec::new()).expect("it has a name").into_string().expect("in ASCII");
        let slave = File::options().read(true).write(true).open(path).expect("it can be opened");
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).expect("it has a size");
        let side = || slave.try_clone().expect("a file can be shared");
        // Nothing can be done between fork and exec without `unsafe`; setsid(1) does it.
        let mut on_it = Command::new("setsid");
        // What started the tests may have had SIGHUP ignored; env(1) takes that back.
        on_it.args(["-c", "env", "--default-signal=HUP"]).arg(command.get_program()).args(command.get_args());
        on_it.env_clear().env("TERM", "xterm").env("NO_COLOR", "1");
        for (name, value) in command.get_envs() {
            on_it.env(name, value.expect("no variable is taken away"));
        }
        on_it.current_dir(command.get_current_dir().expect("it has a folder"));
        let child = on_it.stdin(side()).stdout(side()).stderr(side()).spawn().expect("setsid is there");
        let keys = File::from(master);
        let (written, gone) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicBool::new(false)));
        let screen = keys.try_clone().expect("a file can be shared");
        let (to, until) = (Arc::clone(&written), Arc::clone(&gone));
        let reader = std::thread::spawn(move || read(screen, &to, &until));
        Terminal { keys: Some(keys), slave: Some(slave), child, written, seen: 0, gone, reader: Some(reader) }
    }

    /// Waits until `text` is written, after whatever was waited for before.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        let began = Instant::now();
        loop {
            let written = self.written.lock().expect("nobody panics with it").clone();
            if let Some(at) = written[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            assert!(began.elapsed() < PATIENCE, "waited in vain for {text:?}:\n{}", &written[self.seen..]);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Types.
    pub(crate) fn keys(&mut self, keys: &str) {
        let to = self.keys.as_mut().expect("the terminal is there");
        to.write_all(keys.as_bytes()).expect("keys can be typed");
    }

    /// Sends a signal to the program itself.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed()).expect("a process has a number")
    }

    /// Takes the terminal away, as a connection that breaks does.
    pub(crate) fn hang_up(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
        self.slave = None;
        self.reader.take().expect("it reads").join().expect("the reader ends");
        self.keys = None;
    }

    /// How the terminal is set: echo, line editing, signals.
    pub(crate) fn modes(&self) -> Termios {
        tcgetattr(self.slave.as_ref().expect("the terminal is there")).expect("it is a terminal")
    }

    /// Waits for the program's end and returns its code and all that it wrote. A death by a signal has no code.
    #[track_caller]
    pub(crate) fn end(&mut self) -> (Option<i32>, String) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status;
            }
            let written = self.written.lock().expect("nobody panics with it").clone();
            assert!(began.elapsed() < PATIENCE, "it does not end:\n{}", &written[self.seen..]);
            std::thread::sleep(Duration::from_millis(10));
        };
        if self.keys.is_some() {
            // What it wrote last is in the terminal by now.
            std::thread::sleep(Duration::from_millis(100));
        }
        let written = self.written.lock().expect("nobody panics with it").clone();
        assert_eq!(status.signal(), None, "{written}");
        (status.code(), written)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.reader.take().map(JoinHandle::join);
    }
}

fn read(from: File, to: &Mutex<String>, until: &AtomicBool) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let pause = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
    while !until.load(Ordering::Relaxed) {
        let ready = poll(&mut [PollFd::new(&from, PollFlags::IN)], Some(&pause)).is_ok_and(|ready| ready > 0);
        if !ready {
            continue;
        }
        match rustix::io::read(&from, &mut buffer) {
            Ok(0) | Err(_) => std::thread::sleep(Duration::from_millis(20)),
            Ok(count) => {
                bytes.extend_from_slice(&buffer[..count]);
                *to.lock().expect("nobody panics with it") = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
    }
}
