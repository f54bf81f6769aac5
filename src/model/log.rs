//! Lines of the logs of containers.

use jiff::Timestamp;

/// A line that a container wrote, be it on its standard output or on its standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When, by the clock of its engine.
    pub at: Timestamp,
    /// The bytes, without the end of the line. Whatever a program likes to write: not only text, and secrets too.
    pub text: Vec<u8>,
}

/// The part of a log that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogRange {
    /// From this time on, inclusive; from the beginning if absent.
    pub since: Option<Timestamp>,
    /// Up to this time, inclusive; to the end if absent.
    pub until: Option<Timestamp>,
    /// Only so many lines at the end of it; all if absent.
    pub tail: Option<u64>,
}
