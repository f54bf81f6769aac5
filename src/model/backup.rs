//! The contents and the destination of backups.

/// The restic repository that backups go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupRepository {
    /// Its address, as restic takes it: `sftp:backup@nas.lan:/srv/restic`.
    pub repository: String,
    /// The file on each node that holds its password.
    pub password_file: String,
}

/// The contents and the retention of a service's backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupPolicy {
    /// A command run on the node before, such as a database dump.
    pub before: Option<String>,
    /// A command run on the node afterwards, whatever happened.
    pub after: Option<String>,
    /// Paths relative to `data/<service>`.
    pub paths: Vec<String>,
    /// Patterns of what is left out.
    pub exclude: Vec<String>,
    /// How many are kept.
    pub keep: Keep,
    /// The age in milliseconds at which the last one counts as overdue.
    pub max_age_ms: Option<u64>,
}

/// How many backups are kept of each kind; absent is no rule of that kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// The newest ones.
    pub last: Option<u32>,
    /// One an hour.
    pub hourly: Option<u32>,
    /// One a day.
    pub daily: Option<u32>,
    /// One a week.
    pub weekly: Option<u32>,
    /// One a month.
    pub monthly: Option<u32>,
    /// One a year.
    pub yearly: Option<u32>,
}
