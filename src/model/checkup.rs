//! A checkup: whether everything that a plan needs is there, one check a thing.

use super::NodeName;
use super::status::LockState;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The subject.
    pub subject: Subject,
    /// Whether something is to be done.
    pub outcome: Outcome,
    /// The finding.
    pub finding: Finding,
}

/// The subject of a check.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The files of the repository.
    Repository,
    /// Git, and how much of them it keeps.
    Git,
    /// The programs of this machine.
    ThisMachine,
    /// The record of what was applied, and its key.
    State,
    /// A node.
    Node(NodeName),
}

/// Whether something is to be done about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Nothing.
    Fine,
    /// Something could be better; nothing is prevented by it.
    Advice,
    /// It could not be asked.
    Unknown,
    /// Something prevents a plan or an apply, or puts a secret at risk.
    Problem,
}

/// The finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The repository is read.
    Homelab {
        /// Nodes that are declared.
        nodes: usize,
        /// Services that are declared.
        services: usize,
        /// Errors in its files.
        errors: usize,
        /// Warnings about its files.
        warnings: usize,
    },
    /// The folder is no homelab.
    NoHomelab {
        /// Why, in one line.
        why: String,
        /// The way out.
        hint: String,
    },
    /// The repository is not one of git's.
    NoGit,
    /// The treatment by git of env files of services that lie in the repository.
    EnvFiles {
        /// The folders of the repository whose `.env` nothing keeps out of git.
        open: Vec<String>,
    },
    /// The treatment of the record by git.
    RecordInGit(RecordInGit),
    /// The program `ssh`, which some node needs.
    Ssh(Presence),
    /// Completions of commands in the shell of the user.
    Completions {
        /// The shell.
        shell: Shell,
        /// Where they are, or could be put.
        path: String,
        /// Whether they are there.
        presence: Presence,
    },
    /// Nothing was applied yet.
    NothingRecorded,
    /// The record cannot be read.
    RecordUnreadable {
        /// Why.
        why: String,
    },
    /// The key that seals secrets in the record.
    Key {
        /// Its file.
        path: String,
        /// How it is.
        state: KeyState,
    },
    /// An apply is writing the record.
    Busy {
        /// The one that does, in their own words.
        who: String,
    },
    /// An apply was cut off.
    CutOff {
        /// Steps whose end is not known.
        steps: usize,
    },
    /// The engine answers, and may be used.
    Engine {
        /// Where.
        address: String,
        /// Its version, if it tells.
        version: Option<String>,
        /// The newest API that it speaks.
        api: String,
    },
    /// The node does not answer, or refuses.
    NotReached {
        /// Where.
        address: String,
        /// Why, in its own words.
        why: String,
        /// The way out; may be empty.
        hint: String,
    },
    /// The node is out of service on purpose and was not asked.
    Maintenance,
    /// The clock of the node.
    Clock {
        /// By how many seconds it is ahead of this machine's; negative if it is behind.
        ahead: i64,
    },
    /// Nothing but the engine of the node can be reached.
    OnlyEngine,
    /// The folder that hl works in.
    Root {
        /// Its path on the node.
        path: String,
        /// The access that there is.
        access: FolderAccess,
    },
    /// The free space for that folder.
    Space {
        /// Where its file system is mounted.
        mount_point: String,
        /// Bytes that are free.
        bytes: u64,
    },
    /// Programs of the node.
    Programs {
        /// The purpose that they have.
        purpose: ProgramPurpose,
        /// The ones that are not there.
        missing: Vec<String>,
    },
    /// The lock of the node.
    Lock(LockState),
    /// A question that the node did not answer.
    Unanswered {
        /// Why, with what was asked.
        why: String,
        /// The way out; may be empty.
        hint: String,
    },
}

/// Whether something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    There,
    /// It is not.
    Missing,
}

/// The treatment by git of the record of what was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordInGit {
    /// There is no record yet.
    NotThere,
    /// It is tracked: all clones have it.
    Tracked,
    /// It is ignored: each clone has its own.
    Ignored,
    /// Neither.
    Forgotten,
}

/// How the key of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is the key of the record, and its owner's alone.
    Good,
    /// Others can read it: its mode bits.
    Open(u32),
    /// It is not there.
    Missing,
    /// It is not the key that the record was written with.
    Other,
}

/// A shell for which there are completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

impl Shell {
    /// Its name, as `hl completions` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
        }
    }
}

/// The purpose of programs of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramPurpose {
    /// Files of services, and the lock.
    Files,
    /// Data of services, which moves measure and copy.
    Data,
}

/// Whether files can be made in a folder of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderAccess {
    /// It is there, and they can.
    Open,
    /// It is not there, and can be made.
    ToBeMade {
        /// The nearest folder above that is there.
        at: String,
    },
    /// Neither.
    Closed {
        /// The folder that cannot be written to: itself, or the nearest one above that is there.
        at: String,
    },
    /// Something that is no folder is in its place, or above it.
    Blocked {
        /// Its path.
        at: String,
    },
}
