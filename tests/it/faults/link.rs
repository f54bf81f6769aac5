//! Connections that break in the midst of a file.

use std::time::{Duration, Instant};

use super::subject::Subject;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[trial!(a_connection_that_breaks_in_the_midst_of_a_file, needs Engine, Root)];

/// A file that takes a while to send, in bytes.
const LARGE: usize = 15 << 20;
/// Each costs the time for which a lock outlives a connection.
const ROUNDS: usize = 2;
const LONG: Duration = Duration::from_secs(60);

fn a_connection_that_breaks_in_the_midst_of_a_file() {
    let subject = Subject::over_ssh();
    let mut broken = 0;
    for version in 1..=ROUNDS {
        subject.declare(version);
        let large = subject.lab.repository().join("services/web/www/large");
        let content = vec![b'0' + u8::try_from(version).expect("a digit"); LARGE];
        std::fs::write(&large, &content).expect("it can be written");
        let mut child = subject.lab.begin(&["apply", "--yes"]);
        let (www, began) = (subject.lab.node_root().join("config/web/www"), Instant::now());
        // A file beside the one that is there is being written.
        let is_half = |entry: &std::fs::DirEntry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name != "large" && name != "index.html" && entry.metadata().is_ok_and(|found| found.len() > 0)
        };
        let mut is_broken = false;
        while child.try_wait().expect("it can be asked").is_none() && !is_broken {
            assert!(began.elapsed() < LONG, "nothing is sent");
            is_broken = std::fs::read_dir(&www).into_iter().flatten().flatten().any(|entry| is_half(&entry));
            if is_broken {
                subject.drop_connections();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let ended = subject.lab.end(child);
        assert!([0, 4].contains(&ended.code) && !ended.stderr.contains("panicked"), "{ended}");
        broken += usize::from(is_broken);
        let there = std::fs::read(www.join("large")).unwrap_or_default();
        let is_whole = there.is_empty() || (there.len() == LARGE && there.iter().all(|byte| *byte == there[0]));
        assert!(is_whole, "half a file of {} bytes is in place after {ended}", there.len());
        subject.lab.hl(&["apply", "--yes"]).code(0);
        assert!(std::fs::read(www.join("large")).expect("it is there") == content, "the file is not the declared one");
        subject.lab.hl(&["plan", "--detailed-exitcode"]).code(0);
        let names: Vec<_> = std::fs::read_dir(&www).expect("it is there").flatten().map(|e| e.file_name()).collect();
        assert_eq!(names.len(), 2, "left over: {names:?}");
    }
    assert!(broken > 0, "{broken} connections were broken");
}
