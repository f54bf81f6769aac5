//! The lock of this machine: the operating system's, on an open file, which tells people who has it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::node::{LockGuard, LockHolder};

/// How long a process that is asked to end may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes the lock, or tells who has it.
pub fn take(path: &str, holder: &str) -> io::Result<Result<LockGuard, LockHolder>> {
    let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return written(path).map(Err),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    file.set_len(0)?;
    writeln!(file, "{} {} {holder}", std::process::id(), boot())?;
    Ok(Ok(LockGuard::new(Held(file))))
}

/// A lock that is given back, rather than left to the last copy of the file's handle: a program that is just being
/// started has one for a moment.
struct Held(File);

impl Drop for Held {
    fn drop(&mut self) {
        // A lock that cannot be released here ends with the file handle.
        let _ = self.0.unlock();
    }
}

/// The holder of the lock; `None` if the lock is free.
pub fn holder(path: &str) -> io::Result<Option<LockHolder>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    match file.try_lock() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => written(path).map(Some),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Asks the process that has the lock to end, and waits until it is free.
pub fn break_it(path: &str) -> io::Result<()> {
    let Some(holder) = holder(path)? else { return Ok(()) };
    let pid = holder.pid.filter(|_| holder.boot == boot());
    let pid = pid.ok_or_else(|| io::Error::other("what stands in it is no process of this boot"))?;
    let killed = Command::new("kill").arg(pid.to_string()).stderr(Stdio::null()).status()?;
    let until = Instant::now() + PATIENCE;
    while self::holder(path)?.is_some() {
        if !killed.success() || Instant::now() > until {
            return Err(io::Error::other(format!("process {pid} does not end")));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn written(path: &str) -> io::Result<LockHolder> {
    Ok(LockHolder::parse(&std::fs::read_to_string(path)?))
}

/// The id of the machine's current boot.
fn boot() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.map_or_else(|_| "-".to_owned(), |id| id.trim().to_owned())
}
