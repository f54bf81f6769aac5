//! Where in a log a reader is, so that it can go on there after the container has stopped or the connection was lost: no line
//! is lost, and none comes twice.
//!
//! The engine gives the entries of a log in the order in which it keeps them, from a time on. That order is not always the
//! order of their times: two outputs are written down side by side. Many entries can have the same time, too. So a reader asks
//! again from a time that is a little in the past and passes over as many entries as it has had since then.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::log::{LogLine, LogRange};
use crate::node::{LogPiece, Output, PieceEnd};

/// How far apart entries may be whose times are not in order. It is also what is read twice after a cut.
const SETTLED: SignedDuration = SignedDuration::from_secs(1);
/// The longest line. What is longer becomes several, or a program without a sense for lines would fill the memory.
const LONGEST: usize = 1 << 20;
/// The smallest step of the engine's times.
const TICK: Duration = Duration::from_nanos(1);

/// A place in the log of one container.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    range: LogRange,
    phase: Phase,
    /// The mark to ask from: what came before it is settled.
    older: Mark,
    newer: Mark,
    /// The latest time of all entries.
    latest: Option<Timestamp>,
    /// Lines of which only a part has come.
    open: BTreeMap<Output, LogLine>,
}

/// How far a log was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not at all.
    Fresh,
    /// Some of what was there at first.
    Begun,
    /// All that was there at first.
    Caught,
}

/// A time, and the number of entries that came since then, that time included.
#[derive(Clone, Copy, Debug)]
struct Mark {
    since: Option<Timestamp>,
    entries: u64,
    /// The latest time when it was made.
    made: Option<Timestamp>,
}

/// The range to ask an engine for, and how many entries of the answer have been had already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub range: LogRange,
    pub skip: u64,
}

impl Cursor {
    /// At the beginning of a range.
    pub fn new(range: LogRange) -> Cursor {
        let mark = Mark { since: range.since, entries: 0, made: None };
        Cursor { range, phase: Phase::Fresh, older: mark, newer: mark, latest: None, open: BTreeMap::new() }
    }

    /// At the present end of a log.
    pub fn at_end() -> Cursor {
        Cursor::new(LogRange { tail: Some(0), ..LogRange::default() })
    }

    /// Whether all that was there at first was read.
    pub fn is_caught_up(&self) -> bool {
        self.phase == Phase::Caught
    }

    /// All that was there at first was read.
    pub fn catch_up(&mut self) {
        self.phase = Phase::Caught;
    }

    /// The request that goes on here.
    pub fn request(&self) -> Request {
        match self.phase {
            // A last line that is not shown tells where the end is.
            Phase::Fresh => {
                let range = LogRange { tail: self.range.tail.map(|lines| lines.max(1)), ..self.range };
                Request { range, skip: 0 }
            }
            Phase::Begun | Phase::Caught => {
                let range = LogRange { since: self.older.since, until: self.range.until, tail: None };
                Request { range, skip: self.older.entries }
            }
        }
    }

    /// Whether an entry of an answer has been had already. What is later than all of those has not, even if the engine has
    /// removed some meanwhile.
    pub fn is_known(&self, piece: &LogPiece) -> bool {
        self.latest.is_some_and(|latest| piece.at <= latest)
    }

    /// Takes the next entry, and gives the line that it ends.
    pub fn take(&mut self, piece: LogPiece) -> Option<LogLine> {
        self.note(piece.at);
        if self.range.tail == Some(0) && self.phase != Phase::Caught {
            return None;
        }
        let LogPiece { at, output, text, end } = piece;
        let line = match self.open.remove(&output) {
            Some(mut open) => {
                open.text.extend_from_slice(&text);
                open
            }
            None => LogLine { at, text },
        };
        if end == PieceEnd::Line || line.text.len() >= LONGEST {
            return Some(line);
        }
        self.open.insert(output, line);
        None
    }

    /// The lines that have no end, where nothing more comes.
    pub fn rest(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.open).into_values().collect()
    }

    fn note(&mut self, at: Timestamp) {
        if self.phase == Phase::Fresh {
            self.phase = Phase::Begun;
            if self.range.tail.is_some() {
                // Of what is before the first of the last lines nothing is asked for again.
                self.older.since = Some(at);
                self.newer.since = Some(at);
            }
        }
        let latest = self.latest.map_or(at, |latest| latest.max(at));
        self.latest = Some(latest);
        for mark in [&mut self.older, &mut self.newer] {
            mark.entries += u64::from(mark.since.is_none_or(|since| at >= since));
        }
        let made = *self.newer.made.get_or_insert(latest);
        if latest.duration_since(made) >= SETTLED {
            self.older = self.newer;
            self.newer = Mark { since: Some(latest + TICK), entries: 0, made: Some(latest) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(nanoseconds: i64, text: &str) -> LogPiece {
        let at = Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap();
        LogPiece { at, output: Output::Stdout, text: text.as_bytes().to_vec(), end: PieceEnd::Line }
    }

    /// The engine's answer to a request, as far as it gets.
    fn read(log: &[LogPiece], cursor: &mut Cursor, most: usize) -> Vec<String> {
        let Request { range, mut skip } = cursor.request();
        let all = log.iter().filter(|piece| range.since.is_none_or(|since| piece.at >= since));
        let all: Vec<_> = all.collect();
        let tail = range.tail.map_or(0, |tail| all.len().saturating_sub(usize::try_from(tail).unwrap()));
        let mut lines = Vec::new();
        for piece in all.into_iter().skip(tail).take(most) {
            if skip > 0 && cursor.is_known(piece) {
                skip -= 1;
                continue;
            }
            skip = 0;
            lines.extend(cursor.take(piece.clone()).map(|line| String::from_utf8(line.text).unwrap()));
        }
        lines
    }

    #[test]
    fn a_log_that_is_cut_anywhere_is_read_as_a_whole() {
        // Several entries of one time, times that go back a little, and pauses.
        let second = 1_000_000_000;
        let times =
            [0, 5, 5, 5, 4, 900_000_000, second + 1, second, second + 1, 3 * second, 3 * second - 7, 9 * second];
        let log: Vec<LogPiece> = times.iter().enumerate().map(|(n, at)| piece(*at, &n.to_string())).collect();
        let whole: Vec<String> = (0..log.len()).map(|n| n.to_string()).collect();
        for steps in [vec![1], vec![2, 1], vec![3, 5, 1], vec![7], vec![100]] {
            let mut cursor = Cursor::new(LogRange::default());
            let mut lines = Vec::new();
            for (tries, step) in steps.iter().cycle().enumerate() {
                let Request { skip, .. } = cursor.request();
                lines.extend(read(&log, &mut cursor, step + usize::try_from(skip).unwrap()));
                if lines.len() >= log.len() || tries > 100 {
                    break;
                }
            }
            assert_eq!(lines, whole, "{steps:?}");
            assert_eq!(read(&log, &mut cursor, 100), [""; 0], "{steps:?}: some came twice");
        }
    }

    #[test]
    fn the_last_lines_and_what_follows_them() {
        let mut log: Vec<LogPiece> = (0..9).map(|n| piece(n * 100, &n.to_string())).collect();
        for (tail, shown) in [(0, &[][..]), (2, &["7", "8"]), (50, &["0", "1", "2", "3", "4", "5", "6", "7", "8"])] {
            let mut cursor = Cursor::new(LogRange { tail: Some(tail), ..LogRange::default() });
            assert_eq!(read(&log, &mut cursor, 100), shown);
            cursor.catch_up();
            log.push(piece(1_000_000, "next"));
            assert_eq!(read(&log, &mut cursor, 100), ["next"], "after the last {tail}");
            log.pop();
        }
        let mut cursor = Cursor::at_end();
        assert_eq!(read(&[], &mut cursor, 100), [""; 0]);
        cursor.catch_up();
        assert_eq!(read(&[piece(1, "first")], &mut cursor, 100), ["first"]);
    }

    #[test]
    fn what_the_engine_has_removed_is_not_waited_for() {
        let log: Vec<LogPiece> = (0..9).map(|n| piece(n, &n.to_string())).collect();
        let mut cursor = Cursor::new(LogRange::default());
        read(&log[..6], &mut cursor, 100);
        assert_eq!(read(&log[4..], &mut cursor, 100), ["6", "7", "8"]);
    }

    #[test]
    fn parts_of_lines_are_joined_for_each_output() {
        let part = |output, text: &str, end| LogPiece { output, end, ..piece(1, text) };
        let mut cursor = Cursor::new(LogRange::default());
        let (line, goes_on) = (PieceEnd::Line, PieceEnd::Continues);
        assert_eq!(cursor.take(part(Output::Stdout, "a", goes_on)), None);
        let other = cursor.take(part(Output::Stderr, "x", line)).unwrap();
        assert_eq!(other.text, b"x");
        assert_eq!(cursor.take(part(Output::Stdout, "b", line)).unwrap().text, b"ab");
        assert_eq!(cursor.take(part(Output::Stderr, "no end", goes_on)), None);
        let rest: Vec<Vec<u8>> = cursor.rest().into_iter().map(|line| line.text).collect();
        assert_eq!(rest, [b"no end"]);
    }
}
