//! The streams of an engine taken apart: frames of two outputs, entries of a log, lines of JSON.
//!
//! Without a terminal the engine puts eight bytes before each piece of an output: which output, three zeros, and the length
//! of the piece. With one, it sends the bytes as they are. Each entry of a log begins with its time, one space behind it;
//! of a line of more than 16 KiB, each part is an entry. Source: the engine's API reference, "Attach to a container"; the
//! rest is what engines 20.10 to 28 do.

use jiff::Timestamp;

use crate::node::{LogPiece, Output, PieceEnd};

/// The head of a frame.
const HEAD: usize = 8;
/// No engine sends a longer frame: whoever does speaks something else.
const LONGEST: usize = 16 << 20;
/// The time before each entry and the space behind it: `2026-01-02T03:04:05.000000000Z `.
const TIME: usize = 31;
/// The engine makes an entry of so many bytes of a line.
const PART: usize = 16 << 10;
/// Of a line without parts, as another log driver may keep it, so much is taken for an entry.
const LONG: usize = 1 << 20;

/// Why a stream cannot be taken apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The engine says that it cannot go on.
    #[error("{0}")]
    Engine(String),
    /// The bytes are no frames or no entries.
    #[error("{0}")]
    Garbled(&'static str),
}

/// Frames of the outputs of a program.
#[derive(Default)]
pub struct Frames {
    buffer: Vec<u8>,
    begin: usize,
}

impl Frames {
    /// Adds some bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..std::mem::take(&mut self.begin));
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame that is there as a whole.
    ///
    /// # Errors
    /// The engine has put its own words into the stream, or what comes are no frames.
    pub fn next(&mut self) -> Result<Option<(Output, &[u8])>, FrameError> {
        let rest = &self.buffer[self.begin..];
        let Some((head, rest)) = rest.split_at_checked(HEAD) else { return Ok(None) };
        let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
        if head[1..4] != [0; 3] || head[0] > 3 || length > LONGEST {
            return Err(FrameError::Garbled("these are no frames"));
        }
        let Some(text) = rest.get(..length) else { return Ok(None) };
        self.begin += HEAD + length;
        match head[0] {
            3 => Err(FrameError::Engine(String::from_utf8_lossy(text).trim().to_owned())),
            2 => Ok(Some((Output::Stderr, text))),
            _ => Ok(Some((Output::Stdout, text))),
        }
    }
}

/// Entries of a log.
pub enum Entries {
    /// Of a container without a terminal.
    Framed(Frames),
    /// Of one with a terminal.
    Raw(Vec<u8>),
}

impl Entries {
    /// Adds some bytes, and gives the entries that are there as a whole now.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<LogPiece>, FrameError> {
        let mut pieces = Vec::new();
        match self {
            Entries::Framed(frames) => {
                frames.push(bytes);
                while let Some((output, entry)) = frames.next()? {
                    pieces.push(piece(output, entry)?);
                }
            }
            Entries::Raw(buffer) => {
                buffer.extend_from_slice(bytes);
                let mut begin = 0;
                while let Some(length) = raw_entry(&buffer[begin..]) {
                    pieces.push(piece(Output::Stdout, &buffer[begin..begin + length])?);
                    begin += length;
                }
                buffer.drain(..begin);
            }
        }
        Ok(pieces)
    }

    /// The entry that the stream ends in, where it has no end of its own.
    pub fn rest(&mut self) -> Option<LogPiece> {
        match self {
            Entries::Framed(_) => None,
            Entries::Raw(buffer) => piece(Output::Stdout, &std::mem::take(buffer)).ok(),
        }
    }
}

/// The length of the first entry in a stream without frames.
fn raw_entry(bytes: &[u8]) -> Option<usize> {
    let text = bytes.get(TIME..)?;
    let line = |most: usize| text[..text.len().min(most)].iter().position(|byte| *byte == b'\n');
    if let Some(end) = line(PART) {
        return Some(TIME + end + 1);
    }
    // The next part begins with a time again; the byte behind a whole part decides nothing yet.
    match text.get(PART..PART + TIME) {
        None if text.get(PART) == Some(&b'\n') => Some(TIME + PART + 1),
        None => None,
        Some(next) if time(next).is_some() => Some(TIME + PART),
        Some(_) => match line(LONG) {
            Some(end) => Some(TIME + end + 1),
            None if text.len() >= LONG => Some(TIME + LONG),
            None => None,
        },
    }
}

/// The time that an entry begins with, and its text.
fn time(entry: &[u8]) -> Option<(Timestamp, &[u8])> {
    let space = entry.iter().take(TIME + 8).position(|byte| *byte == b' ')?;
    let at = std::str::from_utf8(&entry[..space]).ok()?.parse().ok()?;
    Some((at, &entry[space + 1..]))
}

fn piece(output: Output, entry: &[u8]) -> Result<LogPiece, FrameError> {
    let (at, text) = time(entry).ok_or(FrameError::Garbled("an entry of the log has no time"))?;
    let (text, end) = match text.split_last() {
        Some((b'\n', line)) => (line, PieceEnd::Line),
        _ => (text, PieceEnd::Continues),
    };
    Ok(LogPiece { at, output, text: text.to_vec(), end })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "2026-01-02T12:00:00.000000001Z";

    fn frame(output: u8, text: &[u8]) -> Vec<u8> {
        let mut frame = vec![output, 0, 0, 0];
        frame.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
        frame.extend_from_slice(text);
        frame
    }

    fn entry(text: &[u8]) -> Vec<u8> {
        [NOON.as_bytes(), b" ", text].concat()
    }

    /// The pieces, however the bytes are cut.
    fn pieces(entries: impl Fn() -> Entries, bytes: &[u8]) -> Vec<(Output, Vec<u8>, PieceEnd)> {
        let read = |size: usize| {
            let mut entries = entries();
            let mut all = Vec::new();
            for part in bytes.chunks(size) {
                all.extend(entries.push(part).unwrap());
            }
            all.extend(entries.rest());
            all.into_iter().map(|piece| (piece.output, piece.text, piece.end)).collect::<Vec<_>>()
        };
        let whole = read(bytes.len());
        for size in [1, 7, 4096, 16_400] {
            assert_eq!(read(size), whole, "in parts of {size}");
        }
        whole
    }

    #[test]
    fn frames_are_entries_of_two_outputs() {
        let bytes = [frame(1, &entry(b"a b\n")), frame(2, &entry(b"\n")), frame(1, &entry(b"part"))].concat();
        let found = pieces(|| Entries::Framed(Frames::default()), &bytes);
        let (out, err) = (Output::Stdout, Output::Stderr);
        let expected =
            [(out, &b"a b"[..], PieceEnd::Line), (err, b"", PieceEnd::Line), (out, b"part", PieceEnd::Continues)];
        assert_eq!(found, expected.map(|(output, text, end)| (output, text.to_vec(), end)));
    }

    #[test]
    fn a_terminal_has_lines_and_parts_of_lines() {
        let (part, rest) = (vec![b'x'; PART], vec![b'y'; 100]);
        let long = [entry(&part), entry(&part), entry(&[&rest[..], b"\r\n"].concat())].concat();
        let exact = entry(&[&part[..], b"\n"].concat());
        let bytes = [entry(b"a\n"), long, exact, entry(b"no end")].concat();
        let found = pieces(|| Entries::Raw(Vec::new()), &bytes);
        let lengths: Vec<_> = found.iter().map(|(_, text, end)| (text.len(), *end)).collect();
        let (line, goes_on) = (PieceEnd::Line, PieceEnd::Continues);
        assert_eq!(lengths, [(1, line), (PART, goes_on), (PART, goes_on), (101, line), (PART, line), (6, goes_on)]);
    }

    #[test]
    fn what_is_no_log_is_told_so() {
        let mut framed = Entries::Framed(Frames::default());
        assert!(matches!(framed.push(&frame(1, b"no time\n")), Err(FrameError::Garbled(_))));
        let mut framed = Entries::Framed(Frames::default());
        assert!(matches!(framed.push(b"HTTP/1.1 200 OK"), Err(FrameError::Garbled(_))));
        let mut framed = Entries::Framed(Frames::default());
        let said = framed.push(&frame(3, b"Error grabbing logs: EOF\n"));
        assert_eq!(said, Err(FrameError::Engine("Error grabbing logs: EOF".to_owned())));
    }
}
