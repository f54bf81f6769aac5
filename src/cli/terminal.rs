//! Everything that is printed goes through here. stdout is data, stderr is talk.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::ValueEnum;

use crate::diagnostic::{Diagnostics, SourceMap};
use crate::render::page::{Line, Page};
use crate::render::printable::Printable;
use crate::render::style::Label;
use crate::render::table::Room;
use crate::render::{Detail, Palette, diagnostic, plan};
use crate::workflow::DiagnosticListener;

/// Why the terminal does not do what is asked of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum TerminalError {
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[source] io::Error),
    /// The answer to a question cannot be read.
    #[error("cannot read the answer: {0}")]
    Answer(#[source] io::Error),
    /// There is nobody to answer a question.
    #[error("there is no terminal to ask for consent on")]
    NoTerminal,
}

/// Whether somebody still reads the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// As far as one can know.
    Yes,
    /// Its other end is closed.
    No,
}

/// When output is in colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where hl writes to, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terminal {
    /// Colours of data.
    pub out: Palette,
    /// Colours of talk.
    pub err: Palette,
    /// How much is shown.
    pub detail: Detail,
    width: usize,
    room: Room,
}

/// Columns where nobody says how many there are.
const WIDTH: usize = 80;
/// More columns than these make running text hard to read.
const MOST: usize = 120;
const LEAST: usize = 40;

impl Terminal {
    /// The terminal as the user and the environment want it.
    pub fn new(colour: Colour, detail: Detail) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let palette = |is_terminal: bool| match colour {
            Colour::Always => Palette::Coloured,
            Colour::Auto if is_terminal && !set("NO_COLOR") && !dumb => Palette::Coloured,
            Colour::Auto | Colour::Never => Palette::Plain,
        };
        let columns = match io::stdout().is_terminal() {
            true => Some(console::Term::stdout().size_checked().map_or(WIDTH, |(_, columns)| usize::from(columns))),
            false => None,
        };
        Terminal {
            out: palette(io::stdout().is_terminal()),
            err: palette(io::stderr().is_terminal()),
            detail,
            width: columns.unwrap_or(WIDTH).clamp(LEAST, MOST),
            room: columns.map_or(Room::Unbounded, |columns| Room::Columns(columns.max(LEAST))),
        }
    }

    /// How plans and reports are shown.
    pub fn options(&self) -> plan::Options {
        plan::Options { detail: self.detail, width: self.width, room: self.room, palette: self.out }
    }

    /// Writes data. That nobody reads it to its end is no error.
    pub fn data(&self, text: &str) -> Result<(), TerminalError> {
        self.print(&Printable::lines(text, self.out))
    }

    /// Writes what may be printed as data. That nobody reads it to its end is no error.
    pub fn print(&self, text: &Printable) -> Result<(), TerminalError> {
        self.stream(text).map(drop)
    }

    /// Writes what may be printed as data, and tells whether somebody still reads.
    pub fn stream(&self, text: &Printable) -> Result<Heard, TerminalError> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_str().as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Heard::No),
            Err(error) => Err(TerminalError::Output(error)),
            Ok(()) => Ok(Heard::Yes),
        }
    }

    /// Writes JSON as data.
    pub fn json(&self, value: &serde_json::Value) -> Result<(), TerminalError> {
        let text = serde_json::to_string_pretty(value).expect("a JSON value can be written");
        self.print(&Printable::json(&(text + "\n")))
    }

    /// Says something.
    pub fn talk(&self, text: &str) {
        self.line(Line::at(0).text(Label::Plain, text));
    }

    /// Says that something is not as it should be.
    pub fn warn(&self, text: &str) {
        self.line(Line::at(0).text(Label::Warning, "warning: ").text(Label::Plain, text));
    }

    /// Says something in one line however long it is, and what to do about it.
    pub fn note(&self, text: &str, hint: Option<&str>) {
        let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        self.stderr(&format!("{text}{hint}\n"));
    }

    /// Says what went wrong, and what to do about it.
    pub fn error(&self, text: &str, hints: &[String]) {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        self.line(Line::at(0).text(Label::Error, "error: ").text(Label::Plain, first));
        lines.for_each(|line| self.line(Line::at(2).hang(0).text(Label::Plain, line)));
        for hint in hints {
            self.line(Line::at(2).text(Label::Faint, "hint: ").text(Label::Plain, hint));
        }
    }

    /// Says a line.
    pub fn line(&self, line: Line) {
        let mut page = Page::default();
        page.push(line);
        self.stderr(&page.print(self.err, self.width));
    }

    /// Says a line that is already printed, with the time of day.
    pub fn log(&self, text: &str) {
        let time = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
        self.stderr(&format!("{time}  {text}"));
    }

    /// Nobody listens to what is said when stderr is closed, which stops nothing.
    fn stderr(&self, text: &str) {
        let text = Printable::lines(text, self.err);
        let _ = io::stderr().lock().write_all(text.as_str().as_bytes());
    }

    /// Says what is wrong with the arguments, which may have anything in them.
    pub fn refuse(&self, error: &clap::Error) {
        self.stderr(&match self.err {
            Palette::Coloured => error.render().ansi().to_string(),
            Palette::Plain => error.render().to_string(),
        });
    }

    /// Asks a question that only `y` or `yes` answers with yes.
    ///
    /// # Errors
    /// If there is nobody to answer.
    pub fn confirm(&self, question: &str) -> Result<bool, TerminalError> {
        if !io::stdin().is_terminal() {
            return Err(TerminalError::NoTerminal);
        }
        self.stderr(&format!("{question} [y/N] "));
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        read.map_err(TerminalError::Answer)?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }
}

impl DiagnosticListener for Terminal {
    /// Shows what is wrong in the user's files.
    fn diagnostics(&self, found: &Diagnostics, sources: &SourceMap) {
        self.stderr(&diagnostic::diagnostics(found, sources, self.err));
    }
}
