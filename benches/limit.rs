//! What no engine can beat: the same processes with nothing around them, and with a flushed journal.
//!
//! `limit spawn N P` runs `/bin/true` N times, P at once. `limit flushed N P FILE` does so too, but before each one a
//! record of what ended and what begins is on the disk; one flush serves all that wait for it. `limit print BYTES`
//! prints so many bytes in lines, and `limit work SECONDS` does nothing for so long. `processes.py` pairs them with
//! the engine; `README.md` says what each figure is.

#![expect(
    clippy::disallowed_methods,
    reason = "a program of its own beside the engine, for what the engine is compared to"
)]

use std::fs::File;
use std::io::{self, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// As much as an intent and an outcome take in the engine's journal, roughly.
const RECORD: usize = 220;

/// A file that is flushed by one thread for all that have written to it.
#[derive(Default)]
struct Journal {
    state: Mutex<Written>,
    more: Condvar,
    durable: Condvar,
}

#[derive(Default)]
struct Written {
    waiting: Vec<u8>,
    written: u64,
    flushed: u64,
    over: bool,
}

impl Journal {
    /// Returns when the record is on the disk.
    fn commit(&self, record: &[u8]) {
        let mut state = self.state.lock().expect("no writer panics");
        state.waiting.extend_from_slice(record);
        state.written += 1;
        let mine = state.written;
        self.more.notify_one();
        while state.flushed < mine {
            state = self.durable.wait(state).expect("no writer panics");
        }
    }

    fn close(&self) {
        self.state.lock().expect("no writer panics").over = true;
        self.more.notify_one();
    }

    /// Writes and flushes until the journal is closed.
    fn serve(&self, mut file: File) -> io::Result<()> {
        loop {
            let mut state = self.state.lock().expect("no writer panics");
            while state.waiting.is_empty() {
                if state.over {
                    return Ok(());
                }
                state = self.more.wait(state).expect("no writer panics");
            }
            let records = std::mem::take(&mut state.waiting);
            let upto = state.written;
            drop(state);
            file.write_all(&records)?;
            file.sync_data()?;
            self.state.lock().expect("no writer panics").flushed = upto;
            self.durable.notify_all();
        }
    }
}

/// Runs `/bin/true`, as every engine must.
fn run() -> io::Result<()> {
    let mut child =
        Command::new("/bin/true").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    child.wait().map(drop)
}

/// Runs all of them, so many at once, each after what `before` does.
fn all(count: usize, at_once: usize, before: &(dyn Fn(usize) + Sync)) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return Ok(());
                        }
                        before(number);
                        run()?;
                    }
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker returns its errors"))
    })
}

/// Prints so many bytes, 64 KiB at a time, in lines of 64.
fn print(bytes: usize) -> io::Result<()> {
    let line = "all of it is written down, and what is secret is not in there\n\n";
    let piece = line.repeat(1024);
    let mut out = io::stdout().lock();
    let mut left = bytes;
    while left > 0 {
        let now = left.min(piece.len());
        out.write_all(&piece.as_bytes()[..now])?;
        left -= now;
    }
    out.flush()
}

fn begin(words: &[&str]) -> Result<(), Box<dyn std::error::Error>> {
    match words {
        ["spawn", count, at_once] => all(count.parse()?, at_once.parse()?, &|_| ())?,
        ["flushed", count, at_once, file] => {
            let file = File::create(file)?;
            let journal = Journal::default();
            let record = "x".repeat(RECORD);
            std::thread::scope(|scope| -> Result<(), Box<dyn std::error::Error>> {
                let writer = scope.spawn(|| journal.serve(file));
                let done =
                    count.parse::<usize>().map_err(Box::<dyn std::error::Error>::from).and_then(|count| {
                        all(count, at_once.parse()?, &|number| {
                            journal.commit(
                                format!("{number} begins, what was before it is over {record}\n").as_bytes(),
                            );
                        })?;
                        Ok(())
                    });
                journal.commit(b"over\n");
                journal.close();
                writer.join().expect("the writer returns its errors")?;
                done
            })?;
        }
        ["print", bytes] => print(bytes.parse()?)?,
        ["work", seconds] => std::thread::sleep(Duration::from_secs_f64(seconds.parse()?)),
        _ => return Err("limit spawn N P | flushed N P FILE | print BYTES | work SECONDS".into()),
    }
    Ok(())
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match begin(&words.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::from(2)
        }
    }
}
