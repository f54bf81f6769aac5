//! The lock of this machine: the operating system's, on an open file, which tells people who has it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::node::{LockGuard, LockHolder};
use crate::regular_file::{self, Links};

/// How long a process that is asked to end may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most bytes that are read of who has it.
const MOST_WORDS: u64 = 64 << 10;

/// Takes the lock, or tells who has it.
pub fn take(path: &str, holder: &str) -> io::Result<Result<LockGuard, LockHolder>> {
    let mut file = open(path, OpenOptions::new().create(true).truncate(false).read(true).write(true))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return written(&mut file).map(Err),
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
    let mut file = match open(path, OpenOptions::new().read(true)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    match file.try_lock() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => written(&mut file).map(Some),
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

/// Opens a lock file. Where it lies, others may write, too: a link there is not followed, and nothing but a file is opened.
fn open(path: &str, options: &mut OpenOptions) -> io::Result<File> {
    Ok(regular_file::open(Path::new(path), Links::Refused, options)?)
}

fn written(file: &mut File) -> io::Result<LockHolder> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(MOST_WORDS).read_to_end(&mut bytes)?;
    Ok(LockHolder::parse(&String::from_utf8_lossy(&bytes)))
}

/// The id of the machine's current boot.
fn boot() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.map_or_else(|_| "-".to_owned(), |id| id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Puts something else in a lock's place.
    type Put = fn(&PathBuf);

    const OTHERS: &[(&str, Put)] = &[
        ("a symbolic link", |path| std::os::unix::fs::symlink("victim", path).unwrap()),
        ("a folder", |path| std::fs::create_dir(path).unwrap()),
        ("a named pipe", |path| {
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).unwrap();
        }),
    ];

    #[test]
    fn what_is_no_file_is_neither_followed_nor_waited_for() {
        for (found, put) in OTHERS {
            let dir = tempfile::tempdir().unwrap();
            let (victim, path) = (dir.path().join("victim"), dir.path().join("lock"));
            std::fs::write(&victim, "precious").unwrap();
            put(&path);
            let path = path.display().to_string();
            let why = format!("it is {found} and must be a file; remove it");
            assert_eq!(take(&path, "ann").unwrap_err().to_string(), why);
            assert_eq!(holder(&path).unwrap_err().to_string(), why);
            assert_eq!(break_it(&path).unwrap_err().to_string(), why);
            assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
        }
    }
}
