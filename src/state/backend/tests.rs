use std::path::Path;

use super::{Backend, Durability, Folder, LockError, Log, Memory, Part, ReplaceError};
use crate::state::lock::LockOwner;

fn owner(who: &str) -> LockOwner {
    LockOwner {
        who: who.into(),
        host: "desk".into(),
        pid: 7,
        why: "apply".into(),
        since: "2026-01-01T00:00:00Z".into(),
    }
}

/// Holds every backend to the same rules. What `open` opens twice is the same place.
fn each(rule: impl Fn(&dyn Fn() -> Box<dyn Backend>)) {
    let folder = tempfile::tempdir().unwrap();
    rule(&|| Box::new(Folder::new(folder.path().join("state"))));
    let memory = Memory::default();
    rule(&|| Box::new(memory.clone()));
}

fn record(serial: u64) -> Vec<u8> {
    format!("{{\"serial\": {serial}}}\n").into_bytes()
}

#[test]
fn a_record_is_replaced_only_if_its_serial_is_the_expected_one() {
    each(|open| {
        let (backend, other) = (open(), open());
        let _lock = backend.lock(&owner("ann")).unwrap();
        let moved = |answer| match answer {
            Err(ReplaceError::Moved { expected, found }) => (expected, found),
            other => panic!("{other:?}"),
        };
        assert_eq!(moved(backend.replace(&record(2), Some(1))), (Some(1), None));
        assert_eq!(backend.read(Part::Record).unwrap(), None);
        backend.replace(&record(1), None).unwrap();
        assert_eq!(moved(backend.replace(&record(2), None)), (None, Some(1)));
        // Somebody who ignores the lock was faster.
        other.replace(&record(5), Some(1)).unwrap();
        assert_eq!(moved(backend.replace(&record(2), Some(1))), (Some(1), Some(5)));
        assert_eq!(backend.read(Part::Record).unwrap(), Some(record(5)));
    });
}

#[test]
fn a_record_without_a_serial_is_never_replaced() {
    let backend = Memory::default();
    backend.put(Part::Record, b"<<<<<<< ours");
    for expected in [None, Some(1)] {
        assert!(matches!(backend.replace(&record(2), expected), Err(ReplaceError::Moved { found: None, .. })));
    }
}

#[test]
fn a_lock_is_exclusive_and_says_who_holds_it() {
    each(|open| {
        let (backend, other) = (open(), open());
        assert_eq!(other.lock_owner(), None);
        let lock = backend.lock(&owner("ann")).unwrap();
        assert_eq!(other.lock_owner(), Some(owner("ann")));
        match other.lock(&owner("bob")) {
            Err(LockError::Held(Some(holder))) => assert_eq!(holder, owner("ann")),
            other => panic!("{other:?}"),
        }
        drop(lock);
        assert_eq!(other.lock_owner(), None);
        drop(other.lock(&owner("bob")).unwrap());
    });
}

#[test]
fn lines_stay_in_the_order_in_which_they_were_added_until_they_are_cleared() {
    each(|open| {
        let backend = open();
        let _lock = backend.lock(&owner("ann")).unwrap();
        for log in [Log::Journal, Log::History] {
            assert_eq!(backend.read(Part::Log(log)).unwrap(), None);
            backend.clear(log).unwrap();
            backend.append(log, b"1\n2\n", Durability::Synced).unwrap();
            backend.append(log, b"3\n", Durability::Buffered).unwrap();
            backend.append(log, b"", Durability::Synced).unwrap();
            assert_eq!(open().read(Part::Log(log)).unwrap().as_deref(), Some(b"1\n2\n3\n".as_slice()));
        }
        backend.clear(Log::Journal).unwrap();
        assert_eq!(backend.read(Part::Log(Log::Journal)).unwrap().unwrap_or_default(), b"");
        assert_eq!(backend.read(Part::Log(Log::History)).unwrap().as_deref(), Some(b"1\n2\n3\n".as_slice()));
    });
}

#[test]
fn the_record_before_an_apply_is_kept() {
    let (dir, memory) = (tempfile::tempdir().unwrap(), Memory::default());
    let folder = Folder::new(dir.path());
    let backup = |path: &Path| std::fs::read(path.join("homelab.json.backup")).ok();
    for backend in [&folder as &dyn Backend, &memory] {
        backend.keep_record().unwrap();
        backend.replace(&record(1), None).unwrap();
        backend.keep_record().unwrap();
        backend.replace(&record(2), Some(1)).unwrap();
    }
    assert_eq!((backup(dir.path()), memory.backup()), (Some(record(1)), Some(record(1))));
}

fn make_fifo(path: &Path) {
    rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
}

type Call = fn(&Folder) -> Result<(), String>;

/// Everything that can be done with a folder, by its name.
const CALLS: &[(&str, Call)] = &[
    ("read the record", |folder| folder.read(Part::Record).map(drop).map_err(|e| e.to_string())),
    ("read the journal", |folder| folder.read(Part::Log(Log::Journal)).map(drop).map_err(|e| e.to_string())),
    ("replace", |folder| folder.replace(&record(2), Some(1)).map_err(|e| e.to_string())),
    ("keep", |folder| folder.keep_record().map_err(|e| e.to_string())),
    ("append", |folder| folder.append(Log::History, b"1\n", Durability::Synced).map_err(|e| e.to_string())),
    ("clear", |folder| folder.clear(Log::Journal).map_err(|e| e.to_string())),
    ("lock", |folder| folder.lock(&owner("ann")).map(drop).map_err(|e| e.to_string())),
];

#[test]
fn what_is_no_file_is_neither_followed_nor_waited_for() {
    for kind in ["a symbolic link", "a named pipe"] {
        let dir = tempfile::tempdir().unwrap();
        let victim = dir.path().join("victim");
        std::fs::write(&victim, record(1)).unwrap();
        let folder = Folder::new(dir.path().join("state"));
        drop(folder.lock(&owner("ann")).unwrap());
        for name in ["homelab.json", "journal.jsonl", "history.jsonl", "lock"] {
            let path = dir.path().join("state").join(name);
            let _ = std::fs::remove_file(&path);
            match kind {
                "a named pipe" => make_fifo(&path),
                _ => std::os::unix::fs::symlink("../victim", &path).unwrap(),
            }
        }
        for (name, call) in CALLS {
            let error = call(&folder).expect_err(name);
            assert!(error.contains(&format!("it is {kind} and must be a file; remove it")), "{name}: {error}");
        }
        assert_eq!(folder.lock_owner(), None);
        assert_eq!(std::fs::read(&victim).unwrap(), record(1));
    }
}

#[test]
fn a_folder_that_is_a_link_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = dir.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::write(elsewhere.join("homelab.json"), record(1)).unwrap();
    std::os::unix::fs::symlink("elsewhere", dir.path().join("state")).unwrap();
    let folder = Folder::new(dir.path().join("state"));
    for (name, call) in CALLS {
        let error = call(&folder).expect_err(name);
        assert!(error.contains("state is a symbolic link and must be a folder; remove it"), "{name}: {error}");
    }
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 1);
}
