//! What a program answered: its code and both its streams, with checks that show all of it when they fail.

use std::process::Output;

/// The end of a program that was run in a homelab.
pub struct Outcome {
    /// What was run, for messages.
    pub command: String,
    /// The exit code; 128 and the signal's number, as shells have it, if a signal ended it.
    pub code: i32,
    /// Standard output, with stand-ins for what differs from run to run.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
}

impl Outcome {
    /// Takes the output of a process, and puts the stand-ins in.
    pub fn new(command: String, output: &Output, stand_in: impl Fn(&str) -> String) -> Outcome {
        use std::os::unix::process::ExitStatusExt;
        let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or_default());
        let text = |bytes: &[u8]| stand_in(&String::from_utf8_lossy(bytes));
        Outcome { command, code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Checks the exit code.
    #[track_caller]
    pub fn code(&self, expected: i32) -> &Self {
        assert_eq!(self.code, expected, "the exit code of {self}");
        self
    }

    /// Checks that standard output has a piece of text in it.
    #[track_caller]
    pub fn says(&self, piece: &str) -> &Self {
        assert!(self.stdout.contains(piece), "{piece:?} is missing in {self}");
        self
    }

    /// Checks that standard output has a piece of text in it, however its lines are broken: that depends on how long names
    /// and addresses are.
    #[track_caller]
    pub fn says_in_words(&self, piece: &str) -> &Self {
        assert!(words(&self.stdout).contains(&words(piece)), "{piece:?} is missing in {self}");
        self
    }

    /// Checks that standard error has a piece of text in it, however its lines are broken.
    #[track_caller]
    pub fn talks(&self, piece: &str) -> &Self {
        assert!(words(&self.stderr).contains(&words(piece)), "{piece:?} is missing in the talk of {self}");
        self
    }

    /// Checks that neither stream has a piece of text in it, such as a secret.
    #[track_caller]
    pub fn never_says(&self, piece: &str) -> &Self {
        assert!(!self.stdout.contains(piece) && !self.stderr.contains(piece), "{piece:?} is in {self}");
        self
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Outcome { command, code, stdout, stderr } = self;
        write!(f, "`{command}` (exit {code})\n--- stdout\n{stdout}--- stderr\n{stderr}---")
    }
}

/// A text with one space between its words.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
