//! Problems in the user's files: code, severity, texts, and the places in the source.
//!
//! A [`Diagnostic`] is a value. Loaders collect them all in a [`Diagnostics`] and go on as far as
//! they can; `render::diagnostic` draws them, `cli` decides the exit code. This module does not
//! know YAML, Compose or the terminal.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file (or another text, such as an argument) that was read, as an index into [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// A range of bytes in one source text; `start == end` marks a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text that the range is in.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The span of `start..end` in `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { file, start: clamp(start), end: clamp(end.max(start)) }
    }
}

/// Every text that was read in a run, kept so that diagnostics can show the lines.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

/// One text of a [`SourceMap`].
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The path as shown to the user: relative to where they stand where that is shorter.
    pub path: PathBuf,
    /// The whole text.
    pub text: Arc<str>,
    /// Whether its lines may be shown: a `.env` holds secrets, so only line and column are.
    pub visibility: Visibility,
}

/// Whether the lines of a source text may be printed in a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Lines may be quoted.
    Public,
    /// The text may hold secrets: name the place, never quote it.
    Secret,
}

impl SourceMap {
    /// Adds a text and returns its id.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<Arc<str>>, visibility: Visibility) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).expect("fewer than 2^32 files"));
        self.files.push(SourceFile { path: path.into(), text: text.into(), visibility });
        id
    }

    /// All of its texts.
    pub fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter()
    }

    /// The text behind an id of this map.
    pub fn get(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// The path that a span's text was read from.
    pub fn path(&self, id: FileId) -> &Path {
        &self.get(id).path
    }

    /// Line and column of a span's first byte, both from 1, columns in characters.
    pub fn line_column(&self, span: Span) -> (usize, usize) {
        let text = &self.get(span.file).text;
        let mut at = (span.start as usize).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is planned until it is fixed.
    Error,
    /// Likely a mistake; work goes on.
    Warning,
    /// Worth knowing; work goes on.
    Note,
}

/// A place in a source with what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// The text shown at the place; empty to mark the place only.
    pub text: String,
}

/// One thing that the user should fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The kind, stable over releases.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// One line, what is wrong.
    pub summary: String,
    /// Why it is wrong or what it leads to, in full sentences; empty when the summary says all.
    pub detail: String,
    /// The way out; empty when there is none to give.
    pub hint: String,
    /// The places, the main one first; empty when there is no file to point to.
    pub labels: Vec<Label>,
}

impl Diagnostic {
    /// An error without a place yet.
    pub fn error(code: Code, summary: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            summary: summary.into(),
            detail: String::new(),
            hint: String::new(),
            labels: Vec::new(),
        }
    }

    /// A warning without a place yet.
    pub fn warning(code: Code, summary: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, summary) }
    }

    /// The same as a warning.
    #[must_use]
    pub fn as_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// A note without a place yet.
    pub fn note(code: Code, summary: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::error(code, summary) }
    }

    /// The same with a further place; the first one given is the main one.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// The same with the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The same with the why.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// The most diagnostics of one severity that are kept: nobody reads more, and a file can make any number.
const MOST: usize = 1000;

impl Diagnostic {
    /// The same with every text changed; the lines of files are not in it.
    #[must_use]
    pub fn map_texts(&self, change: impl Fn(&str) -> String) -> Self {
        let label = |label: &Label| Label { span: label.span, text: change(&label.text) };
        Self {
            summary: change(&self.summary),
            detail: change(&self.detail),
            hint: change(&self.hint),
            labels: self.labels.iter().map(label).collect(),
            ..*self
        }
    }
}

/// All that a run found, in the order found; sorted when printed. Of each severity, no more than a thousand are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    /// How many are kept of errors, warnings and notes.
    counts: [usize; 3],
}

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.take(diagnostic.severity) {
            self.counts[diagnostic.severity as usize] += 1;
            self.kept.push(diagnostic);
        }
    }

    /// Whether one more of a severity would be kept.
    pub fn take(&self, severity: Severity) -> bool {
        self.counts[severity as usize] < MOST
    }

    /// Adds all of another list.
    pub fn extend(&mut self, other: Diagnostics) {
        other.kept.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    /// Whether any of them is an error.
    pub fn has_errors(&self) -> bool {
        self.counts[Severity::Error as usize] > 0
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// In the order found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.kept.iter()
    }

    /// Errors first, then by file, place and code; exact repetitions once.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut all: Vec<&Diagnostic> = self.kept.iter().collect();
        all.sort_by_key(|d| (d.severity, d.labels.first().map(|l| l.span), d.code.id(), d.summary.clone()));
        all.dedup();
        all
    }
}

/// Declares [`Code`] with the stable id and the meaning of each kind of diagnostic.
macro_rules! codes {
    ($($name:ident $id:literal $doc:literal)*) => {
        /// The kinds of diagnostic. The id is stable; a retired one is never given out again.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $doc] $name,)* }

        impl Code {
            /// Every kind, in order of id.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The stable id, such as `HL0101`.
            pub fn id(self) -> &'static str {
                match self { $(Code::$name => $id,)* }
            }

            /// The meaning, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => $doc,)* }
            }
        }
    };
}

codes! {
    // 01: any YAML file
    YamlSyntax "HL0101" "The file is not valid YAML."
    DuplicateKey "HL0102" "A key appears twice in one mapping."
    WrongType "HL0103" "A value has another type than its key takes."
    UnknownKey "HL0104" "The key does not exist at this place."
    EmptyFile "HL0105" "The file holds no document."
    MissingFile "HL0106" "A file that is referred to does not exist or cannot be read."
    InvalidValue "HL0107" "The value is of the right type but means nothing here."
    TooDeep "HL0108" "The file nests too deeply or expands to too much."
    MissingKey "HL0109" "A required key is missing."
    // 02: interpolation and env files
    InterpolationSyntax "HL0201" "A `${…}` expression cannot be read."
    VariableRequired "HL0202" "A variable marked as required has no value."
    VariableUnset "HL0203" "A variable is not set and has no default."
    EnvFileSyntax "HL0204" "A line of an env file cannot be read."
    // 03: Compose
    UnsupportedKey "HL0301" "A key of the Compose format that hl cannot honour."
    UndefinedReference "HL0302" "A service, network, volume, config or secret is used but not defined."
    DependencyCycle "HL0303" "Things depend on one another in a cycle."
    PortSyntax "HL0304" "A port cannot be read."
    VolumeSyntax "HL0305" "A volume cannot be read."
    DurationSyntax "HL0306" "A duration cannot be read."
    SizeSyntax "HL0307" "A size in bytes cannot be read."
    CommandSyntax "HL0308" "A command line cannot be split into words, or not as it looks."
    Conflict "HL0309" "Two settings exclude one another."
    NoEffect "HL0310" "A setting that has no effect here."
    SurprisingValue "HL0311" "A value that Compose reads in another way than it looks."
    ProjectName "HL0312" "A project or service name has characters that it may not have."
    IncludeCycle "HL0313" "Files include or extend one another in a cycle."
    MissingHealthcheck "HL0314" "A dependency must be healthy but has no health check."
    // 04: the homelab
    NotAHomelab "HL0401" "The folder declares no homelab."
    UnknownNode "HL0402" "A service is given to a node that is not declared."
    MissingOwner "HL0403" "No node owns the service."
    TwoOwners "HL0404" "Topology and service.yaml name different owners."
    UnknownService "HL0405" "A service that is referred to does not exist."
    NodeAddress "HL0406" "The address of a node cannot be read."
    PortClaimedTwice "HL0407" "Two services publish one port of one node."
    NameClaimedTwice "HL0408" "Two services claim one container, network or volume name of one node."
    EmptyHomelab "HL0409" "The repository declares nothing, although something is recorded."
    RequiredVariableEmpty "HL0410" "A variable that the service requires is empty on its node."
    UnusedFolder "HL0411" "A folder under services/ holds no compose file."
    InvalidName "HL0412" "A name has characters that it may not have."
    DuplicateNode "HL0413" "A node is declared twice."
    UnsupportedVersion "HL0414" "The file has a format version that this hl does not know."
    SecretsClosed "HL0415" "The encrypted variables of a service cannot be read here."
    SecretsInTheClear "HL0416" "A file for encrypted variables is not encrypted."
    SecretDiffers "HL0417" "A variable has another value on its node than in the repository."
    NodeClosed "HL0418" "hl may not write on a node where a service needs it to."
    StillEncrypted "HL0419" "A file is encrypted, and would be used as it is."
    EnvFileInGit "HL0420" "An env file is in git, or nothing keeps it out."
    OutsideRepository "HL0421" "A file that is referred to lies where the repository may not have it read."
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// The longest word that candidates are compared with, in characters.
const LONGEST_WORD: usize = 100;

/// The most candidates that are compared.
const MOST_CANDIDATES: usize = 500;

/// The letters of a word, whatever their case and order: one bit for each, which some share.
fn letters_of(word: &str) -> u64 {
    word.chars().flat_map(char::to_lowercase).fold(0, |letters, c| letters | 1 << (u32::from(c) % 64))
}

/// The candidate that `word` was most likely meant to be, if one is near enough.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let limit = (length / 3).clamp(1, 3);
    let candidates: Vec<&str> = candidates.into_iter().take(MOST_CANDIDATES + 1).collect();
    if length > LONGEST_WORD || candidates.len() > MOST_CANDIDATES {
        return None;
    }
    // Most candidates are out for their length or letters alone.
    let letters = letters_of(word);
    let near_enough = |candidate: &&str| {
        let differing = (letters ^ letters_of(candidate)).count_ones() as usize;
        candidate.chars().count().abs_diff(length) <= limit && differing <= 2 * limit
    };
    candidates
        .into_iter()
        .filter(near_enough)
        .map(|c| (strsim::osa_distance(&word.to_lowercase(), &c.to_lowercase()), c))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_near_words() {
        let keys = ["environment", "env_file", "restart"];
        assert_eq!(did_you_mean("enviroment", keys), Some("environment"));
        assert_eq!(did_you_mean("retsart", keys), Some("restart"));
        assert_eq!(did_you_mean("zebra", keys), None);
    }

    #[test]
    fn codes_are_unique_and_ordered() {
        let ids: Vec<_> = Code::ALL.iter().map(|c| c.id()).collect();
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(ids, sorted);
    }

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let mut map = SourceMap::default();
        let file = map.add("a.yml", "ä: 1\nbö: x\n", Visibility::Public);
        assert_eq!(map.line_column(Span::new(file, 11, 12)), (2, 5));
    }
}
