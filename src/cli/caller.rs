//! Where things are and who asks: the repository, its state, the user, what the environment says
//! about Docker.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::age_keys::AgeKeys;
use super::env_var::variable;
use super::terminal::Terminal;
use crate::compose::syntax::path::clean;
use crate::config::Repository;
use crate::model::view::RecordedView;
use crate::node;
use crate::state::{self, LockOwner, Paths};
use crate::workflow::Access;

/// Why it is not known where things are.
#[derive(Debug, thiserror::Error)]
pub(super) enum EnvironmentError {
    /// The folder that the user stands in.
    #[error("the current folder cannot be read: {0}")]
    CurrentFolder(#[source] io::Error),
    /// The folder that `-C` names.
    #[error("-C {}: {source}", folder.display())]
    Folder {
        /// Its name.
        folder: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// Neither a home nor a data folder is known.
    #[error("there is no place for the key that seals secrets")]
    NoHome,
}

/// Where the user stands and what they point to.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// The repository's absolute folder.
    pub root: PathBuf,
    /// Where the user stands.
    pub current_dir: PathBuf,
    /// Their home folder.
    pub home: Option<String>,
    /// Files and folders beside the repository that they let it have read.
    pub allow_read: Vec<PathBuf>,
}

/// The name of this machine, as its kernel has it.
pub(super) fn own_host() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|text| text.trim().to_owned())
}

/// Variables of the environment that scripts on this machine get.
const FOR_SCRIPTS: [&str; 7] = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "TZ"];

/// The folder that the user stands in, by the name that the shell gives it: Compose writes that name, symbolic links
/// and all, on the containers that it makes.
fn current_dir() -> Result<PathBuf, EnvironmentError> {
    let physical = std::env::current_dir().map_err(EnvironmentError::CurrentFolder)?;
    let named = variable("PWD").map(PathBuf::from).filter(|named| named.is_absolute());
    let is_same = |named: &PathBuf| named.canonicalize().is_ok_and(|named| named == physical);
    Ok(named.filter(is_same).map_or(physical, |named| PathBuf::from(clean(&named.to_string_lossy()))))
}

impl Context {
    /// Where `-C` points to, or the current folder; the repository may have read what `allow_read` names.
    pub fn find(directory: Option<&Path>, allow_read: &[PathBuf]) -> Result<Context, EnvironmentError> {
        let current_dir = current_dir()?;
        let root = match directory {
            None => current_dir.clone(),
            Some(directory) => {
                let root = current_dir.join(directory);
                std::fs::read_dir(&root)
                    .map_err(|source| EnvironmentError::Folder { folder: directory.to_owned(), source })?;
                PathBuf::from(clean(&root.to_string_lossy()))
            }
        };
        let allow_read = allow_read.iter().map(|path| current_dir.join(path)).collect();
        Ok(Context { root, current_dir, home: variable("HOME"), allow_read })
    }

    /// The repository on this machine's disk.
    pub fn repository(&self) -> Repository {
        let repository = Repository::on_disk(&self.root, &self.current_dir, self.home.clone());
        let repository = repository.allowing(self.allow_read.clone());
        Repository { keys: Arc::new(self.keys()), ..repository }
    }

    /// The file in which whoever runs hl says what they allow, by the rule of the XDG base directories.
    pub fn preferences_file(&self) -> Option<PathBuf> {
        let folder = variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = folder.or_else(|| self.home.as_ref().map(|home| Path::new(home).join(".config")));
        folder.map(|folder| folder.join("hl/config.yaml"))
    }

    /// The keys of whoever runs hl.
    pub fn keys(&self) -> AgeKeys {
        AgeKeys::find(self.home.as_deref())
    }

    /// How the homelab is reached from here.
    pub fn access(&self) -> Access {
        Access { repository: self.repository(), node_options: self.node_options(), base: None }
    }

    /// Where the state is, and the keys that seal secrets in it: those lie with the user, outside
    /// any repository, by the rule of the XDG base directories.
    pub fn state(&self) -> Result<Paths, EnvironmentError> {
        let data = variable("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let data = data.or_else(|| self.home.as_ref().map(|home| Path::new(home).join(".local/share")));
        let data = data.ok_or(EnvironmentError::NoHome)?;
        Ok(Paths { folder: self.root.join("state"), keys: data.join("hl/keys") })
    }

    /// The record, for commands that only look for things: one that cannot be read is told and keeps them from nothing.
    pub fn record(&self, terminal: &Terminal) -> Result<RecordedView, EnvironmentError> {
        Ok(state::read(&self.state()?).map(|state| state.view).unwrap_or_else(|error| {
            terminal.warn(&error.to_string());
            RecordedView::default()
        }))
    }

    /// How nodes are reached.
    pub fn node_options(&self) -> node::Options {
        let simulated_folder = Some(self.root.join("state/simulated"));
        let mut options = node::Options { simulated_folder, ..node::Options::default() };
        // As Docker's own programs have it; only a socket can be this machine's engine.
        if let Some(socket) = variable("DOCKER_HOST").as_deref().and_then(|host| host.strip_prefix("unix://")) {
            options.docker_socket = PathBuf::from(socket);
        }
        let folder = variable("DOCKER_CONFIG").map(PathBuf::from);
        let folder = folder.or_else(|| self.home.as_ref().map(|home| Path::new(home).join(".docker")));
        options.docker_certificates = variable("DOCKER_CERT_PATH").map(PathBuf::from).or_else(|| folder.clone());
        options.docker_config = folder.map(|folder| folder.join("config.json")).filter(|path| path.is_file());
        if let Some(folder) = variable("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir()) {
            options.runtime_folder = folder;
        }
        let given: BTreeMap<String, String> =
            FOR_SCRIPTS.iter().filter_map(|name| Some(((*name).to_owned(), variable(name)?))).collect();
        options.script_environment.extend(given);
        options
    }

    /// The person and process running hl, for the lock and the history.
    pub fn lock_owner(&self, why: &str) -> LockOwner {
        let nobody = || "unknown".to_owned();
        LockOwner {
            who: variable("USER").or_else(|| variable("LOGNAME")).or_else(name_of_user).unwrap_or_else(nobody),
            host: own_host().or_else(|| variable("HOSTNAME")).unwrap_or_else(nobody),
            pid: std::process::id(),
            why: why.to_owned(),
            since: state::now(),
        }
    }

    /// The commit that the repository is at, if it is one of git's.
    pub fn commit(&self) -> Option<String> {
        let git = std::process::Command::new("git")
            .arg("-C")
            .arg(&self.root)
            .args(["rev-parse", "--verify", "--quiet", "HEAD"])
            .stderr(std::process::Stdio::null())
            .output()
            .ok()?;
        let commit = String::from_utf8(git.stdout).ok()?.trim().to_owned();
        (git.status.success() && !commit.is_empty()).then_some(commit)
    }
}

/// The name of the user that this process runs as, where the environment does not say it.
fn name_of_user() -> Option<String> {
    let user = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    let named = passwd.lines().find_map(|line| {
        let mut parts = line.split(':');
        let (name, _, id) = (parts.next()?, parts.next()?, parts.next()?);
        (id == user).then(|| name.to_owned())
    });
    named.or(Some(user))
}
